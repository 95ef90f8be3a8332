"""Fifth stage: rows that no number identifies and that look like a child of the school. A person answers; nothing is guessed.

Looked at, the first that finds somebody counts: the same name; the same name in the same class though the birth dates
differ; a name that sounds the same (同音), or 曾用名, with the same class, birth date or family phone; the same phone and
birth date under another name.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

from .. import values
from ..models import Enrollment, Kinship, Phone
from ..pinyin import sort_key
from .children import Roster
from .plan import SEXES, UNDONE, chunks, key_of

NEW_CHILD = "new"
FAMILY = ("guardian", "father", "mother")
SHOWN = 3


def row_key(sheet, row):
    """How an answer names its row."""
    return f"{sheet}|{row}"


@dataclass
class Candidate:
    """A child of the school whom a row may mean, and what the two have in common."""

    child: object
    same_name: bool = False
    sounds_alike: bool = False
    former_name: bool = False
    same_phone: bool = False
    same_class: bool = False

    def words(self, entry):
        """What they have in common, for the person who decides."""
        said = [
            word
            for holds, word in (
                (self.same_name, "同名"), (self.sounds_alike, "名字同音"), (self.former_name, "曾用名相同"),
                (self.same_class, "同班"), (bool(_same_birth(self.child, entry)), "出生日期相同"),
                (self.same_phone, "家里电话相同"),
            )
            if holds
        ]  # fmt: skip
        return "、".join(said)


def _same_birth(child, entry):
    """True, False, or None where one of them is not known."""
    if not (child.birth_date and entry.birth_date):
        return None
    return child.birth_date == entry.birth_date


def _sex_differs(child, entry):
    return bool(entry.sex and child.sex and SEXES[entry.sex] != child.sex)


class LookAlikes:
    """Who may be meant, whom a person named, and who must still be asked about."""

    def _load_put_aside(self):
        """Children whom only an undone import brought: on no list, to be found again by the same row."""
        elsewhere = Enrollment.objects.valid().values("child")
        found = (
            Enrollment.objects.filter(school=self.school, cancel_reason=UNDONE)
            .exclude(child__in=elsewhere)
            .select_related("child", "school_class__school")
            .order_by("pk")
        )
        self.put_aside = {spell.child_id: spell for spell in found}

    def _who_may_be_meant(self):
        """{entry: candidates} of the rows that nothing identifies, before the facts of the candidates are known."""
        keyless = [e for e in self.roster.entries if e.existing is None and e.name and not e.held]
        if any(not child.id_number_index for child in self.at_school.values()):
            asked = keyless
        else:
            asked = [entry for entry in keyless if not entry.id_number]
        names, sounds, formers, births = (defaultdict(list) for _ in range(4))
        for child in self.at_school.values() if asked else ():
            names[child.name].append(child)
            sounds[child.name_key].append(child)
            if child.former_name:
                formers[child.former_name].append(child)
            if child.birth_date:
                births[child.birth_date].append(child)
        sound_of = {entry: sort_key(entry.name) for entry in asked}
        near = {}
        for entry in asked:
            former = entry.more.get("former_name")
            groups = (
                sounds.get(sound_of[entry], ()), names.get(entry.name, ()), formers.get(entry.name, ()),
                names.get(former, ()), births.get(entry.birth_date, ()),
            )  # fmt: skip
            if found_near := {child.pk: child for group in groups for child in group}:
                near[entry] = found_near
        phones = self._phones_of_children({pk for children in near.values() for pk in children})
        found = {}
        for entry, children in near.items():
            numbers = {
                values.phone_index(number) for person in FAMILY for number in entry.adult(person).phones
            }
            sound, former = sound_of[entry], entry.more.get("former_name")
            candidates = [
                Candidate(
                    child,
                    same_name=child.name == entry.name,
                    sounds_alike=child.name != entry.name and child.name_key == sound,
                    former_name=child.former_name == entry.name or child.name == former,
                    same_phone=bool(numbers & phones.get(child.pk, set())),
                )
                for child in children.values()
                if not (entry.id_number and child.id_number_index)
            ]
            # one who shares the birth date only is nobody
            candidates = [
                c for c in candidates if c.same_name or c.sounds_alike or c.former_name or c.same_phone
            ]
            if candidates:
                found[entry] = candidates
        for entry in keyless:
            if not entry.id_number and (child := self._put_aside_child(entry)) is not None:
                found.setdefault(entry, []).append(Candidate(child, same_name=True))
        return found

    def _phones_of_children(self, children):
        """The numbers in the families of ``children``: {child: indexes}."""
        adults = defaultdict(set)
        for chunk in chunks(list(children)):
            for child, guardian in Kinship.objects.filter(child__in=chunk).values_list("child", "guardian"):
                adults[guardian].add(child)
        numbers = defaultdict(set)
        for chunk in chunks(list(adults)):
            found = Phone.objects.filter(guardian__in=chunk, ended_on=None)
            for guardian, index in found.values_list("guardian", "number_index"):
                for child in adults[guardian]:
                    numbers[child].add(index)
        return numbers

    def _put_aside_child(self, entry):
        """The one child an undone import left whose name, sex, birth date and class are those of the row, or None."""
        same = [
            spell.child
            for spell in self.put_aside.values()
            if spell.child.name == entry.name
            and spell.child.pk not in self.taken
            and spell.child.birth_date == entry.birth_date
            and not _sex_differs(spell.child, entry)
            and (key_of(spell.school_class) if spell.school_class else None) == self._class_key(entry)
        ]
        return same[0] if len(same) == 1 else None

    def _ask_about(self, alike):
        """Whom a person named is that child; who says exactly what stands is that child; the others are asked about."""
        asked, single = [], []
        for entry, candidates in alike.items():
            for candidate in candidates:
                candidate.same_class = self._in_class_of(candidate.child, entry)
            answer = self.same_as.get(row_key(entry.sheet, entry.row))
            chosen = next((c for c in candidates if c.child.uid.hex == answer), None)
            if chosen is not None and chosen.child.pk not in self.taken:
                self._is(entry, chosen.child)
                continue
            likely = self._likely(entry, candidates)
            if not likely:
                self._find_put_aside(entry, candidates)
                continue
            asked.append((entry, likely, answer))
            one = likely[0] if len(likely) == 1 else None
            if one and one.same_name and one.same_class and not entry.id_number and not entry.id_masked:
                single.append((entry, one.child))
        same = self._identical(single)
        for entry, child in single:
            if id(entry) in same and child.pk not in self.taken:
                self._is(entry, child)
        for entry, likely, answer in asked:
            left = [candidate for candidate in likely if candidate.child.pk not in self.taken]
            if entry.existing is None and left and answer != NEW_CHILD:
                self._ask(entry, left)

    def _is(self, entry, child):
        entry.existing = child
        self.taken[child.pk] = entry

    def _find_put_aside(self, entry, candidates):
        for candidate in candidates:
            if candidate.child.pk in self.put_aside and candidate.child.pk not in self.taken:
                self._is(entry, candidate.child)
                return

    def _likely(self, entry, candidates):
        """The candidates of the first rule that finds any."""
        free = [c for c in candidates if c.child.pk not in self.taken and c.child.pk not in self.put_aside]
        agreeing = [
            c for c in free if not _sex_differs(c.child, entry) and _same_birth(c.child, entry) is not False
        ]
        return (
            [c for c in agreeing if c.same_name]
            or [c for c in free if c.same_name and c.same_class and not _sex_differs(c.child, entry)]
            or [
                c
                for c in agreeing
                if (c.sounds_alike or c.former_name)
                and (c.same_class or c.same_phone or _same_birth(c.child, entry))
            ]
            or [c for c in agreeing if c.same_phone and _same_birth(c.child, entry)]
        )

    def _ask(self, entry, likely):
        shown = [self._as_shown(candidate, entry) for candidate in likely[:SHOWN]]
        self.plan.candidates[entry] = shown
        said = "；".join(f"{child['name']}，{child['class'] or '未分班'}，{child['why']}" for child in shown)
        self._problem(
            entry, "looks_like_existing", "name",
            f"第 {entry.row} 行{entry.name}：名册里有很像的孩子（{said}）。请看是不是同一个人：在核对页上选，或者在表里补上身份证号，"
            "或者加上“系统编号”一列（从导出的名册复制）", "warning",
        )  # fmt: skip

    def _as_shown(self, candidate, entry):
        """The child as it stands beside the row."""
        child = candidate.child
        known = self.known[child.pk]
        at = known.enrollment.school_class if known.enrollment else None
        parents = [kinship for kinship in known.kin if kinship.relation in FAMILY]
        carers = [k for k in known.kin if (child.pk, k.guardian_id) in self.cares]
        carer = carers[0] if carers else None
        phones = self.phones[carer.guardian_id] if carer else []
        return {
            "uid": child.uid.hex,
            "why": candidate.words(entry),
            "name": child.name,
            "class": f"{at.grade_name_on(self.as_of)}{at.number}班" if at else "",
            "born": " ".join(
                filter(None, [child.get_sex_display(), child.birth_date and child.birth_date.isoformat()])
            ),
            "id_number": child.id_number,
            "parents": "；".join(f"{k.word[:1]} {k.guardian.name}" for k in parents),
            "guardian": f"{carer.word} {carer.guardian.name}" if carer else "",
            "phone": phones[0].number if phones else "",
        }

    def _in_class_of(self, child, entry):
        enrollment = self.known[child.pk].enrollment
        at = enrollment.school_class if enrollment else None
        return (key_of(at) if at else None) == self._class_key(entry)

    def _identical(self, pairs):
        """Ids of the entries that say exactly what stands: compared once more as if the child's uid stood in the row."""
        copies = [
            (
                entry,
                replace(entry, uid=child.uid.hex, problems=list(entry.problems), changes=[], existing=None),
            )
            for entry, child in pairs
        ]
        if not copies:
            return set()
        type(self)(Roster([copy for _, copy in copies], [], []), self.school, self.as_of).run()
        return {id(entry) for entry, copy in copies if copy.status == "unchanged"}
