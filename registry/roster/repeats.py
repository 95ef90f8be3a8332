"""Across rows: one child in several rows, on two sheets, sent twice; one ID number under two names; namesakes.

One entry per child at its first row; the later row is a problem there and what it says is proposed.
"""

from trust.masking import mask_id_number, mask_phone

from .entries import Adult, Problem
from .headings import Meaning


def across_rows(entries, keep_first):
    """One entry per child: repeated rows are joined (the later proposed), one number with two names is held."""
    by_number, by_uid, by_name, kept = {}, {}, {}, []
    for entry in entries:
        earlier = by_uid.get(entry.uid) if entry.uid else None
        if earlier is None and entry.id_number:
            earlier = by_number.get(entry.id_number)
            if earlier is not None and earlier.name and entry.name and earlier.name != entry.name:
                _same_number(earlier, entry)
                kept.append(entry)
                continue
        if earlier is None and entry.name and not (entry.id_number and entry.uid):
            earlier = next(
                (other for other in by_name.get(_name_key(entry), ()) if _same_child(other, entry)), None
            )
        if earlier is not None and not _broken_number(entry) and not _broken_number(earlier):
            _join(earlier, entry, (entry.sheet, entry.row) in keep_first)
            continue
        kept.append(entry)
        if entry.uid:
            by_uid.setdefault(entry.uid, entry)
        if entry.id_number:
            by_number.setdefault(entry.id_number, entry)
        if entry.name:
            by_name.setdefault(_name_key(entry), []).append(entry)
    for entry in kept:
        if entry.alarm and entry.name and entry.held:
            _let_in(entry)
    return kept


def _let_in(entry):
    """No typing error keeps a child in danger off the list: what would hold the row is left out instead."""
    for problem in entry.problems:
        if problem.effect == "held":
            problem.effect = "left_out"
            problem.message += "（孩子要马上有人管，先进名单，这一格空着待核实）"
            if problem.field == "id_number":
                entry.id_number = None
            elif problem.field == "class":
                entry.school_class = None


def _name_key(entry):
    return entry.name, entry.grade, entry.school_class


def _broken_number(entry):
    return any(problem.effect == "held" and problem.field == "id_number" for problem in entry.problems)


def _same_child(one, other):
    """Same name and class, at most one ID number between them, and nothing that contradicts."""
    if one.id_number and other.id_number and one.id_number != other.id_number:
        return False
    if one.uid and other.uid and one.uid != other.uid:
        return False
    if one.id_masked != other.id_masked:
        return False
    for name in ("birth_date", "sex"):
        first, second = getattr(one, name), getattr(other, name)
        if first and second and first != second:
            return False
    # two of one name in one class without numbers: one child only if something else ties them
    if not (one.id_number and other.id_number):
        ties = [
            (one.birth_date, other.birth_date), (one.guardian.name, other.guardian.name), (one.father.name, other.father.name),
            (one.mother.name, other.mother.name), (one.guardian.phones[:1], other.guardian.phones[:1]),
        ]  # fmt: skip
        told = [(first, second) for first, second in ties if first and second]
        if not told:
            return not (one.guardian.name or other.guardian.name or one.birth_date or other.birth_date)
        return any(first == second for first, second in told)
    return True


def _same_number(earlier, later):
    for entry, other in ((earlier, later), (later, earlier)):
        if any(problem.kind == "id_shared" for problem in entry.problems):
            continue
        column = next((c for c in entry.table.columns if c.meaning == Meaning("child", "id_number")), None)
        where = f"“{other.sheet}”第 {other.row} 行" if other.sheet != entry.sheet else f"第 {other.row} 行"
        entry.problems.append(
            Problem(
                entry.sheet, entry.row, column.letters if column else None, column.header if column else None,
                "id_shared", "error", "held",
                f"第 {entry.row} 行{entry.name}和{where}{other.name}的身份证号相同，一定有一个填错了，请对照户口簿改正", entry.id_number or "",
                "id_number",
            )
        )  # fmt: skip


def _join(earlier, later, keep_first):
    """The later row is a problem, not a second child; what it says goes before what the earlier said."""
    differing = _differences(earlier, later)
    column = next((c for c in later.table.columns if c.meaning == Meaning("child", "name")), None)
    where = (
        f"“{earlier.sheet}”第 {earlier.row} 行" if earlier.sheet != later.sheet else f"第 {earlier.row} 行"
    )
    if differing:
        shown = "；".join(f"{label}：{old or '空'} → {new}" for label, old, new in differing[:4])
        kept = "已选按前面那一行" if keep_first else "先按后面这一行，请确认留哪一行"
        message = f"第 {later.row} 行{later.name}和{where}是同一个孩子，内容不一样（{shown}）。{kept}"
    else:
        message = f"第 {later.row} 行{later.name}和{where}是同一个孩子，内容一样，只算一个，可以删去一行"
    problem = Problem(
        later.sheet, later.row, column.letters if column else None, column.header if column else None,
        "repeated_differs" if differing else "repeated", "warning", "noted", message, later.name or "", "repeated",
    )  # fmt: skip
    for name in (
        "sex",
        "birth_date",
        "id_number",
        "address",
        "uid",
        "boarding",
        "entrusted",
        "ability",
        "name",
    ):
        if getattr(later, name):
            setattr(earlier, name, getattr(later, name))
    if later.grade and later.school_class:
        earlier.grade, earlier.school_class = later.grade, later.school_class
        earlier.problems = [p for p in earlier.problems if p.kind != "class_missing"]
    if later.care_type not in (None, "unknown") and (later.care_type_said or not earlier.care_type_said):
        earlier.care_type, earlier.care_type_said = later.care_type, later.care_type_said
    for person in ("guardian", "father", "mother"):
        if not (keep_first and getattr(earlier, person).name):
            _join_adult(getattr(earlier, person), getattr(later, person))
    for person, adult in later.others.items():
        if person in earlier.others:
            _join_adult(earlier.others[person], adult)
        else:
            earlier.others[person] = adult
    earlier.more = later.more | earlier.more if keep_first else earlier.more | later.more
    if later.alarm and not earlier.alarm:
        earlier.alarm, earlier.alarm_text = later.alarm, later.alarm_text
    earlier.rows += later.rows
    problems = [
        p
        for p in later.problems
        if not (p.kind == "class_missing" and earlier.grade and earlier.school_class)
    ]
    earlier.problems += [*problems, problem]


def _join_adult(one, other):
    if other.name and one.name and other.name != one.name:
        # another person: nothing of the first one's may stay on the second
        for name in Adult.__slots__:
            setattr(one, name, getattr(other, name))
        return
    phones = tuple(dict.fromkeys((*other.phones, *one.phones)))
    for name in Adult.__slots__:
        if getattr(other, name):
            setattr(one, name, getattr(other, name))
    one.phones = phones


def _first(phones):
    return phones[0] if phones else None


def _as_is(value):
    return value


# What is compared of a repeated child, and how it is shown.
_COMPARED = [
    ("性别", lambda e: e.sex, _as_is),
    ("出生日期", lambda e: e.birth_date and e.birth_date.isoformat(), _as_is),
    ("班级", lambda e: f"{e.grade or ''}{e.school_class or ''}", _as_is),
    ("现住址", lambda e: e.address, _as_is),
    ("身份证号", lambda e: e.id_number, mask_id_number),
    ("监护人", lambda e: e.guardian.name, _as_is),
    ("关系", lambda e: e.guardian.relation, _as_is),
    ("监护人电话", lambda e: _first(e.guardian.phones), mask_phone),
    ("父亲", lambda e: e.father.name, _as_is),
    ("父亲务工地", lambda e: e.father.work_place, _as_is),
    ("父亲电话", lambda e: _first(e.father.phones), mask_phone),
    ("母亲", lambda e: e.mother.name, _as_is),
    ("母亲务工地", lambda e: e.mother.work_place, _as_is),
    ("母亲电话", lambda e: _first(e.mother.phones), mask_phone),
]


def _differences(earlier, later):
    found = []
    for label, read, show in _COMPARED:
        old, new = read(earlier), read(later)
        if new and old != new:
            found.append((label, show(old) if old else None, show(new)))
    return found
