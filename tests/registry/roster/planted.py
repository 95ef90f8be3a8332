"""Problems planted into a register before it is written: what is wrong, where, and what must follow from it."""

import datetime
from dataclasses import dataclass
from random import Random

from .generator import Kid, date_words, id_number
from .writer import Layout, Written, one_class, register, write


@dataclass(frozen=True)
class Planted:
    """What must be named: (sheet, row, column, header, kind, severity, effect)."""

    sheet: str
    row: int
    column: str
    header: str
    kind: str
    severity: str
    effect: str


def plant(layout: Layout, random: Random) -> tuple[Written, list[Planted]]:
    """A written register with one problem of each kind that the layout has a column for, each at another child."""
    children = register(random, 19, layout.grades)
    one_class(layout, children)
    keys = {path[0] for path in layout.columns}
    changes, marks = {}, []
    free = iter(range(19))
    for build in KINDS:
        index = next(free, None)
        if index is None:
            break
        done = build(children, index, keys, changes, layout, random)
        if done is None:
            free = iter([index, *free])
            continue
        marks += done
    made = write(layout, children, changes)
    by_place = {}
    for index in range(len(children)):
        cell = made.cells[index, "name"]
        by_place[cell.sheet, cell.row] = index
    planted = []
    for index, key, kind, severity, effect, corrections in marks:
        cell = made.cells[index, key]
        planted.append(Planted(cell.sheet, cell.row, cell.column, cell.header, kind, severity, effect))
        for position, (sheet, row, fields) in enumerate(made.children):
            if by_place.get((sheet, row)) == index:
                for path, value in corrections.items():
                    _set(fields, path, value)
                made.children[position] = sheet, row, fields
    return made, planted


def _set(fields, path, value):
    *outer, last = path.split(".")
    for name in outer:
        fields = fields[name]
    fields[last] = value


def _birth_without_number(kid: Kid, keys, layout):
    """What is left of the birth date when the number says nothing."""
    if "birth" not in keys or layout.styles.birth in ("month", "blank"):
        return None
    return kid.birth_date.isoformat()


def _without_number(kid, keys, layout):
    return {
        "id_number": None, "birth_date": _birth_without_number(kid, keys, layout), "sex": kid.sex if "sex" in keys else None,
    }  # fmt: skip


def _name_missing(children, index, keys, changes, layout, random):
    if "g." in "".join(keys) and "parents in rows" in layout.extras:
        return None
    changes[index, "name"] = random.choice([None, "—"]) if "ditto" not in layout.extras else None
    return [(index, "name", "name_missing", "error", "held", {"name": None})]


def _number_short(children, index, keys, changes, layout, random):
    if "id" not in keys or layout.styles.birth == "month":
        return None
    kid = children[index]
    changes[index, "id"] = kid.id_number[:17]
    return [(index, "id", "id_malformed", "error", "held", _without_number(kid, keys, layout))]


def _number_wrong(children, index, keys, changes, layout, random):
    if "id" not in keys or layout.styles.birth == "month":
        return None
    kid = children[index]
    last = kid.id_number[-1]
    changes[index, "id"] = kid.id_number[:-1] + ("1" if last != "1" else "2")
    return [(index, "id", "id_check_digit", "error", "held", _without_number(kid, keys, layout))]


def _number_lost(children, index, keys, changes, layout, random):
    if "id" not in keys or layout.styles.birth == "month":
        return None
    kid = children[index]
    changes[index, "id"] = (
        f"{float(kid.id_number[:17] + '0'):.5E}" if random.random() < 0.5 else float(kid.id_number[:17] + "0")
    )
    return [(index, "id", "id_digits_lost", "error", "held", _without_number(kid, keys, layout))]


def _old_number(children, index, keys, changes, layout, random):
    """15 digits: written with 18, remarked. Such a child would be grown up, so the age is remarked too."""
    if "id" not in keys or layout.styles.birth == "month":
        return None
    kid = children[index]
    kid.birth_date = datetime.date(1998, 5, random.randint(1, 28))
    kid.id_number = id_number(kid.birth_date, 2 * random.randint(5, 400) + (kid.sex == "男"))
    changes[index, "id"] = kid.id_number[:6] + kid.id_number[8:17]
    where = "birth" if "birth" in keys and layout.styles.birth != "blank" else "id"
    told = {"id_number": kid.id_number, "birth_date": "1998" + kid.birth_date.isoformat()[4:]}
    if "sex" not in keys:
        told["sex"] = kid.sex
    return [
        (index, "id", "id_15_digits", "warning", "noted", told),
        (index, where, "age_unlikely", "warning", "noted", {}),
    ]


def _phone_short(key):
    def build(children, index, keys, changes, layout, random):
        if key not in keys or "parents in rows" in layout.extras or ("carer" in keys and key[0] == "g"):
            return None
        long = {"g": "guardian", "f": "father", "m": "mother"}[key[0]]
        changes[index, key] = getattr(children[index], long)["phone"][:10]
        return [(index, key, "bad_phone", "error", "left_out", {f"{long}.phone": None})]

    return build


def _phone_in_cell(children, index, keys, changes, layout, random):
    if "carer" not in keys or "138" not in layout.carer:
        return None
    guardian = children[index].guardian
    changes[index, "carer"] = f"{guardian['relation']} {guardian['name']} {guardian['phone'][:10]}"
    return [
        (
            index, "carer", "bad_phone", "error", "left_out",
            {"guardian.phone": None, "guardian.relation": guardian["relation"]},
        )
    ]  # fmt: skip


def _date_impossible(children, index, keys, changes, layout, random):
    if "birth" not in keys:
        return None
    kid = children[index]
    changes[index, "birth"] = f"{kid.birth_date.year}-02-30"
    return [
        (index, "birth", "bad_date", "error", "left_out", {"birth_date": kid.birth_date.isoformat() if "id" in keys else None})
    ]  # fmt: skip


def _date_other(children, index, keys, changes, layout, random):
    if not {"birth", "id"} <= keys:
        return None
    kid = children[index]
    changes[index, "birth"] = date_words(kid.birth_date + datetime.timedelta(days=40), "chinese")
    return [
        (index, "birth", "birth_date_conflict", "error", "left_out", {"birth_date": kid.birth_date.isoformat()})
    ]  # fmt: skip


def _date_lunar(children, index, keys, changes, layout, random):
    if "birth" not in keys:
        return None
    kid = children[index]
    changes[index, "birth"] = f"农历{kid.birth_date.year}年5月初三"
    return [
        (index, "birth", "bad_date", "error", "left_out", {"birth_date": kid.birth_date.isoformat() if "id" in keys else None})
    ]  # fmt: skip


def _sex_other(children, index, keys, changes, layout, random):
    if not {"sex", "id"} <= keys:
        return None
    kid = children[index]
    changes[index, "sex"] = "女" if kid.sex == "男" else "男"
    return [(index, "sex", "sex_conflict", "error", "left_out", {"sex": kid.sex})]


def _class_unreadable(children, index, keys, changes, layout, random):
    key = next((key for key in ("class", "class number", "class brackets", "both") if key in keys), None)
    if key is None or layout.class_by != "columns":
        return None
    word = random.choice(["火箭班", "2025届3班"])
    changes[index, key] = word
    fields = {"class": word} | ({"grade": None} if key == "both" else {})
    return [(index, key, "bad_class", "error", "held", fields)]


def _class_missing(children, index, keys, changes, layout, random):
    key = next((key for key in ("class", "class number", "class brackets", "both") if key in keys), None)
    if key is None or layout.class_by != "columns":
        return None
    changes[index, key] = None
    return [
        (
            index,
            key,
            "class_missing",
            "error",
            "held",
            {"class": None} | ({"grade": None} if key == "both" else {}),
        )
    ]


def _alarm(children, index, keys, changes, layout, random):
    key = "g.name" if "g.name" in keys else "carer" if "carer" in keys else None
    if key is None or "parents in rows" in layout.extras:
        return None
    word, kind = random.choice(
        [("独居", "alone"), ("无人监护", "unattended"), ("自己", "alone"), ("无人照看", "unattended")]
    )
    changes[index, key] = word
    told = {"guardian.name": None}
    if key == "carer":
        told |= {"guardian.relation": None}
        if "g.phone" not in keys:
            told |= {"guardian.phone": None}
    return [(index, key, kind, "error", "noted", told)]


def _over_sixteen(children, index, keys, changes, layout, random):
    if not keys & {"id", "birth"}:
        return None
    kid = children[index]
    kid.birth_date = datetime.date(2010, random.randint(1, 8), random.randint(1, 28))
    kid.id_number = id_number(kid.birth_date, 2 * random.randint(1, 400) + (kid.sex == "男"))
    told = {"birth_date": kid.birth_date.isoformat()} | ({"id_number": kid.id_number} if "id" in keys else {})
    where = "birth" if "birth" in keys and layout.styles.birth not in ("blank", "month") else "id"
    return [(index, where, "over_16", "warning", "noted", told)]


def _number_shared(children, index, keys, changes, layout, random):
    """Two children with one number: the second one's birth date and sex agree with it, the names do not."""
    if "id" not in keys or index + 1 >= len(children):
        return None
    first, second = children[index], children[-1]
    if any(place[0] == len(children) - 1 for place in changes):
        return None
    second.id_number, second.birth_date, second.sex = first.id_number, first.birth_date, first.sex
    told = {"id_number": first.id_number} | ({"birth_date": first.birth_date.isoformat(), "sex": first.sex})
    return [
        (index, "id", "id_shared", "error", "held", {}),
        (len(children) - 1, "id", "id_shared", "error", "held", told),
    ]


KINDS = [
    _name_missing, _number_short, _number_wrong, _number_lost, _phone_short("g.phone"), _phone_short("f.phone"), _phone_in_cell,
    _date_impossible, _date_other, _date_lunar, _sex_other, _class_unreadable, _class_missing, _alarm, _over_sixteen, _old_number,
    _number_shared,
]  # fmt: skip
