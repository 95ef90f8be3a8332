"""The adults of a child's row: parents, carer and legal guardian, grandparents, members, and what one cell says of several."""

import datetime
import re
from dataclasses import replace

from .. import values
from ..values import clean_text, read_text
from .entries import WHO, Adult
from .headings import GRANDPARENTS
from .people import (
    AT_HOME,
    BOTH_PARENTS,
    DIED,
    alarm_in_carer,
    conditions_in,
    conditions_of_parents,
    people_in,
    two_parents,
)

_CARERS = ("guardian", "carer")
# Said of a parent in place of a place: out, nobody writes where.
_OUT = frozenset(
    ["外出", "在外", "务工", "打工", "外出务工", "外出打工", "在外务工", "在外打工", "已外出", "是", "√"]
)


class FamilyReader:
    """Reads the adults of the rows of one table."""

    def __init__(self, context):
        self.context, self.as_of = context, context.as_of
        self.persons = [
            p for p in ("guardian", "carer", "father", "mother", *GRANDPARENTS) if context.has_person(p)
        ]
        self.members = [member for member in ("member1", "member2") if context.has_person(member)]
        self.named = None
        self.telling = [
            key
            for key in (("child", "note"), ("child", "away"), ("child", "care_type"), ("child", "hardship"))
            if key in context.has
        ]
        self.has_carer = any(map(context.has_person, _CARERS))

    def read(self, entry, row, raw):
        """Fills ``entry`` with everybody the row names."""
        carer = None
        for person in self.persons:
            adult = self._adult(entry, row, raw, person)
            if person == "carer":
                carer = adult
            elif person in ("guardian", "father", "mother"):
                self._put(entry, person, adult)
            elif not adult.empty or adult.died:
                entry.others[person] = adult
        if carer is not None and (carer.name or carer.phones or carer.relation):
            self._take_carer(entry, carer)
        for member in self.members:
            self._member(entry, raw, member, self._adult(entry, row, raw, member))
        if entry.guardian.work_place or entry.guardian.away_since or entry.guardian.conditions:
            self._guardian_is_parent(entry)
        if any(key[0] in ("both", "home") for key in raw):
            self._both_parents(entry, row, raw)
        for cells in row.members:
            self._continued(entry, row, self.context.cells_of(cells))
        for key in self.telling:
            if key in raw and raw[key].__class__ is str:
                for person, kind in conditions_of_parents(clean_text(raw[key])):
                    getattr(entry, person).add_conditions([kind])

    @staticmethod
    def _put(entry, person, adult):
        """The adult's own columns over what another cell already said of it."""
        told = getattr(entry, person)
        if not told.empty:
            for name in Adult.__slots__:
                if not getattr(adult, name):
                    setattr(adult, name, getattr(told, name))
        setattr(entry, person, adult)

    @staticmethod
    def _take_carer(entry, carer):
        """Who really cares comes first; the legal guardian beside is a parent of the list or kept by name."""
        if entry.guardian.name and carer.name and entry.guardian.name != carer.name:
            entry.more["legal_guardian"] = entry.guardian.name
        elif entry.guardian.phones and not carer.phones:
            carer.phones = entry.guardian.phones
        if not carer.name:
            carer.name = entry.guardian.name
        carer.relation = carer.relation or (
            entry.guardian.relation if entry.guardian.name in (None, carer.name) else None
        )
        entry.guardian = carer

    @staticmethod
    def _guardian_is_parent(entry):
        """务工地点 or 服刑 beside a 家长 who is the father or mother is that parent's."""
        told = entry.guardian
        code = values.relation_code(told.relation) if told.relation else ""
        if code in ("father", "mother"):
            parent = getattr(entry, code)
            parent.work_place = parent.work_place or told.work_place
            parent.away_since = parent.away_since or told.away_since
            parent.add_conditions(told.conditions)

    @staticmethod
    def _member(entry, raw, member, adult):
        """家庭成员1, 2 of the student register: father, mother or somebody else by the relation; 是否监护人 beside."""
        if adult.empty:
            return
        code = values.relation_code(adult.relation) if adult.relation else ""
        if code in ("father", "mother") and getattr(entry, code).empty:
            setattr(entry, code, replace(adult, relation=None))
        answers = values.read_yes_no(clean_text(raw.get((member, "is_guardian"))))
        if entry.guardian.empty and (answers or (answers is None and code not in ("father", "mother"))):
            entry.guardian = adult
        elif code in GRANDPARENTS and code not in entry.others:
            entry.others[code] = replace(adult, relation=None)
        elif code not in ("father", "mother") and adult.name:
            _also(entry, "other_carers", adult)

    def _continued(self, entry, row, raw):
        """A further row of the same child (its name is one merged cell): another member of the family."""
        for person in (*_CARERS, "member1", "both"):
            if not any(key[0] == person and key[1] in ("name", "phone") for key in raw):
                continue
            adult = self._adult(entry, row, raw, person)
            code = values.relation_code(adult.relation) if adult.relation else ""
            if code in ("father", "mother"):
                if getattr(entry, code).empty:
                    setattr(entry, code, replace(adult, relation=None))
            elif entry.guardian.empty:
                entry.guardian = adult
            elif code in GRANDPARENTS:
                entry.others.setdefault(code, replace(adult, relation=None))
            elif adult.name:
                _also(entry, "other_carers", adult)
        first = entry.guardian
        code = values.relation_code(first.relation) if first.relation else ""
        if code in ("father", "mother") and getattr(entry, code).empty:
            setattr(entry, code, replace(first, relation=None))

    # --- one adult ---------------------------------------------------------------------------------------------------

    def _adult(self, entry, row, raw, person):
        adult = Adult()
        get = raw.get
        if (cell := get((person, "name"))) is not None:
            self._name(entry, row, adult, person, cell)
        for attribute in ("phone", "phone_2", "phone_3"):
            if (cell := get((person, attribute))) is not None:
                self._phone(entry, row, adult, person, attribute, cell)
        if (cell := get((person, "relation"))) is not None:
            relation = read_text(cell)
            if relation and not values.protection_alarm(relation):
                adult.relation = relation.replace(" ", "")
        if (cell := get((person, "work_place"))) is not None and (place := read_text(cell)):
            self._work_place(adult, place)
        if (cell := get((person, "away"))) is not None:
            self._away(adult, clean_text(cell))
        if (cell := get((person, "place_phone"))) is not None:
            self._place_and_phone(entry, row, adult, person, clean_text(cell))
        if (cell := get((person, "status"))) is not None:
            self._status(adult, clean_text(cell))
        for attribute in ("health", "trade", "address"):
            if (cell := get((person, attribute))) is not None:
                text = read_text(cell)
                if text and not values.is_masked(text):
                    setattr(adult, attribute, text)
        if adult.health:
            adult.add_conditions(conditions_in(adult.health))
        if (cell := get((person, "id_number"))) is not None and not values.is_masked(clean_text(cell)):
            self._id_number(entry, row, adult, person, cell)
        if (cell := get((person, "birth_date"))) is not None:
            self._birth_date(entry, row, adult, person, cell)
        if (cell := get((person, "away_since"))) is not None:
            adult.away_since = self._away_since(entry, row, (person, "away_since"), cell)
        if (cell := get((person, "return_on"))) is not None:
            adult.return_on = values.read_date(cell).value
        return adult

    def _name(self, entry, row, adult, person, cell):
        """A cell that should hold a name and may hold more: 奶奶 王秀英 13800001234, or several people."""
        text = clean_text(cell)
        if values.is_masked(text):
            return
        if person in _CARERS and re.sub(r"\s+", "", text) in BOTH_PARENTS:
            adult.relation = re.sub(r"\s+", "", text)
            return
        found = people_in(text)
        if not found:
            return
        first, *rest = found
        adult.name, adult.relation, adult.phones, adult.died = (
            first.name,
            first.relation,
            first.phones,
            first.died,
        )
        adult.add_conditions(first.conditions)
        if person in ("father", "mother"):
            adult.relation = None
        key = (person, "name")
        who = WHO.get(person, "")
        for other in found:
            if other.bad_phone:
                flaw = values.read_phones(other.bad_phone).flaw
                self.context.problem(entry, row, key, "bad_phone", "error", "left_out",
                                     f"第 {row.number} 行{entry.name or ''}的{who}这一格：{flaw.message}", text, f"{person}.phone")  # fmt: skip
            if other.bad_name:
                flaw = values.read_name(other.bad_name).flaw
                self.context.problem(entry, row, key, "adult_bad_name", "warning", "left_out",
                                     f"第 {row.number} 行{entry.name or ''}的{who}：{flaw.message}", text, f"{person}.name")  # fmt: skip
        for other in rest:
            if person in _CARERS or other.code:
                self._beside(entry, other)
            elif other.name:
                entry.more["parents"] = read_text(text)  # 李强（东莞）: kept as written, nobody's second name

    @staticmethod
    def _beside(entry, other):
        """A second person of a cell: of the family by its relation, else kept by name."""
        adult = Adult(name=other.name, phones=other.phones, died=other.died, conditions=other.conditions)
        if other.code in ("father", "mother"):
            if getattr(entry, other.code).empty:
                setattr(entry, other.code, adult)
        elif other.code in GRANDPARENTS and other.name:
            entry.others.setdefault(other.code, adult)
        elif other.name:
            adult.relation = other.relation
            _also(entry, "other_carers", adult)

    @staticmethod
    def _work_place(adult, place):
        """A place; 服刑, 失联, 已故 in its stead are said of the adult and are no place."""
        died, kinds = bool(DIED.search(place)), conditions_in(place)
        adult.died = adult.died or died
        adult.add_conditions(kinds)
        if place in _OUT:
            adult.away = True
        elif not (died or (kinds and len(place) <= 8)):
            adult.work_place = place

    def _away(self, adult, text):
        """父母外出情况/父亲: a yes, a no, or the place itself."""
        answer = values.read_yes_no(text)
        if answer or text in _OUT:
            adult.away = True
        elif answer is None and (place := read_text(text)):
            self._work_place(adult, place)

    def _place_and_phone(self, entry, row, adult, person, text):
        """务工地点及联系电话 in one cell: what is no number is the place."""
        place = re.sub(r"\+?\d[\d \-]{4,}\d", " ", text)
        place = read_text(re.sub(r"[\s,，;；、/:：()（）]+", " ", place))
        if place:
            self._work_place(adult, place)
        if place != read_text(text):
            self._phone(entry, row, adult, person, "place_phone", re.sub(r"[^\d+ /、,，;；\-]", " ", text))

    @staticmethod
    def _status(adult, text):
        adult.away = adult.away or text in _OUT - {"是", "√"}
        adult.died = adult.died or bool(DIED.search(text))
        adult.add_conditions(conditions_in(text))
        word = read_text(text)
        if word and not re.fullmatch(
            r"健在|是|否|有|正常|良好|健康|在世|外出|务工|外出务工|在外务工|在家", word
        ):
            adult.status = word

    def _id_number(self, entry, row, adult, person, cell):
        found = values.read_id_number(cell)
        adult.id_number = found.value
        if found.flaw and not found.value:
            self.context.problem(entry, row, (person, "id_number"), f"adult_{found.flaw.kind}", "warning", "left_out",
                                 f"第 {row.number} 行{WHO[person]}：{found.flaw.message}", clean_text(cell), f"{person}.id_number")  # fmt: skip

    def _birth_date(self, entry, row, adult, person, cell):
        found = values.read_date(cell)
        adult.birth_date = found.value
        text = clean_text(cell)
        if found.flaw and found.flaw.kind == "bad_date" and not DIED.search(text):
            self.context.problem(entry, row, (person, "birth_date"), "adult_bad_date", "warning", "left_out",
                                 f"第 {row.number} 行{WHO[person]}的出生日期：{found.flaw.message}", text, f"{person}.birth_date")  # fmt: skip

    def _phone(self, entry, row, adult, person, attribute, cell):
        found = values.read_phones(cell)
        adult.phones = tuple(dict.fromkeys((*adult.phones, *found.all)))
        if not found.flaw:
            return
        text = clean_text(cell)
        if values.protection_alarm(text) or DIED.search(text):
            adult.died = adult.died or bool(DIED.search(text))
            return
        if kinds := conditions_in(text):
            adult.add_conditions(kinds)
            return
        self.context.problem(
            entry, row, (person, attribute), found.flaw.kind, "error", "left_out",
            f"第 {row.number} 行{entry.name or ''}的{WHO.get(person, '')}电话：{found.flaw.message}", text, f"{person}.phone",
        )  # fmt: skip

    def _away_since(self, entry, row, key, cell):
        found = values.read_date(cell)
        if found.value and found.value > self.as_of:
            self.context.problem(entry, row, key, "away_since_future", "error", "left_out",
                                 f"第 {row.number} 行{entry.name or ''}：外出时间在 {self.as_of} 以后，没有填进去，请核对",
                                 clean_text(cell), "away_since")  # fmt: skip
            return None
        if found.value:
            return found.value, True
        if found.year_month:
            first = datetime.date(*found.year_month, 1)
            return (first, False) if first <= self.as_of else None
        if found.flaw and found.flaw.kind == "bad_date" and re.match(r"没有 \d", found.flaw.message):
            self.context.problem(entry, row, key, "bad_date", "error", "left_out",
                                 f"第 {row.number} 行{entry.name or ''}的外出时间：{found.flaw.message}", clean_text(cell), "away_since")  # fmt: skip
        return None

    # --- both parents ------------------------------------------------------------------------------------------------

    def _both_parents(self, entry, row, raw):
        """父母姓名, 家长电话, 父母务工地 in one cell; what cannot be told apart is kept as written."""
        self.named = None
        self._both_names(entry, row, raw)
        self._both_phones(entry, row, raw)
        place = read_text(raw.get(("both", "work_place")))
        since = raw.get(("both", "away_since"))
        since = self._away_since(entry, row, ("both", "away_since"), since) if since is not None else None
        said = values.read_care_type(
            clean_text(raw.get(("child", "away"))) or clean_text(raw.get(("child", "care_type")))
        )
        apart = _places_apart(place)
        for person in (self.named,) if self.named else ("father", "mother"):
            adult = getattr(entry, person)
            if apart:
                if apart.get(person) and adult.work_place is None:
                    self._work_place(adult, apart[person])
            elif place and adult.work_place is None and (said == "both_away" or ("both", "name") in raw):
                adult.work_place = place
            if since and adult.away_since is None and (adult.work_place or said == "both_away"):
                adult.away_since = since
        if place and not (entry.father.work_place or entry.mother.work_place):
            entry.more["parents_work_place"] = place

    def _both_names(self, entry, row, raw):
        text = clean_text(raw.get(("both", "name")))
        if not text or text in values.EMPTY_WORDS:
            return
        heading = self.context.column_of[("both", "name")].header
        father, mother, others = two_parents(text, bool(re.search("父.{0,3}母|爸.{0,3}妈", heading)))
        for side, told in (("father", father), ("mother", mother)):
            if told is None:
                continue
            adult = getattr(entry, side)
            adult.name = adult.name or told.name
            adult.phones = tuple(dict.fromkeys((*told.phones, *adult.phones)))
            adult.died = adult.died or told.died
            adult.add_conditions(told.conditions)
            if told.bad_phone:
                flaw = values.read_phones(told.bad_phone).flaw
                self.context.problem(entry, row, ("both", "name"), "bad_phone", "error", "left_out",
                                     f"第 {row.number} 行{entry.name or ''}的{WHO[side]}电话：{flaw.message}", text, f"{side}.phone")  # fmt: skip
        for other in others:
            if not other.name:
                entry.more["home_phones"] = [*entry.more.get("home_phones", ()), *other.phones]
            elif len(others) == 1 and not (father or mother) and self._one_parent(entry, raw, other):
                continue
            elif len(others) == 1 and not self.has_carer and not (father or mother):
                relation = other.relation or (read_text(raw.get(("both", "relation"))) or None)
                entry.guardian = Adult(name=other.name, relation=relation, phones=other.phones)
            else:
                entry.more["parents"] = text

    def _one_parent(self, entry, raw, told):
        """家长 with 关系 父亲 beside a carer of his own column: that parent, and 家长电话 is his."""
        relation = told.relation or read_text(raw.get(("both", "relation")))
        code = values.relation_code(relation) if relation else ""
        if not self.has_carer or code not in ("father", "mother") or getattr(entry, code).name:
            return False
        parent = getattr(entry, code)
        parent.name = told.name
        numbers = values.read_phones(raw[("both", "phone")]).all if ("both", "phone") in raw else ()
        parent.phones = tuple(dict.fromkeys((*told.phones, *numbers, *parent.phones)))
        self.named = code
        return True

    def _in_order(self, raw, key):
        """Two names under 父母 and two numbers under 父母电话 stand in the same order: first the father's."""
        header = self.context.column_of[key].header
        names = raw.get(("both", "name"))
        if key[0] != "both" or not re.search("父.{0,3}母", header) or names is None:
            return {}
        numbers = values.read_phones(raw[key])
        slots = [part for part in re.split(r"[/、,，;；\n]+", clean_text(raw[key])) if part.strip()]
        heading = self.context.column_of["both", "name"].header
        father, mother, _ = two_parents(clean_text(names), bool(re.search("父.{0,3}母", heading)))
        if numbers.flaw or len(slots) != 2 or len(numbers.all) != 2 or not (father and mother):
            return {}
        first = values.read_phone(slots[0]).value
        second = next((number for number in numbers.all if number != first), None)
        return {"father": (first,), "mother": (second,)} if first in numbers.all and second else {}

    def _both_phones(self, entry, row, raw):
        holder = Adult()
        for key in (("both", "phone"), ("both", "phone_2"), ("home", "phone"), ("home", "phone_2")):
            if key not in raw:
                continue
            apart = _phones_apart(clean_text(raw[key])) or self._in_order(raw, key)
            if apart:
                for person, numbers in apart.items():
                    adult = getattr(entry, person)
                    adult.phones = tuple(dict.fromkeys((*adult.phones, *numbers)))
                continue
            self._phone(entry, row, holder, key[0], key[1], raw[key])
            if self.named and key == ("both", "phone"):
                holder.phones = ()  # already with the one parent who is named
        if not holder.phones:
            return
        if not self.has_carer and entry.guardian.name:
            entry.guardian.phones = tuple(dict.fromkeys(entry.guardian.phones + holder.phones))
        else:
            entry.more["home_phones"] = [*entry.more.get("home_phones", ()), *holder.phones]


def _also(entry, key, adult):
    words = "".join(
        filter(None, [adult.name, f"（{adult.relation}）" if adult.relation else "", *adult.phones])
    )
    entry.more[key] = "；".join(filter(None, [entry.more.get(key), words]))


_SIDES = re.compile(r"(父亲?|爸爸?|母亲?|妈妈?)(?:在)?[:：]?\s*([^父母爸妈,，;；、/\n]+)")


def _places_apart(text):
    """{father: place, mother: place} of 父：东莞 母：昆山; {} when the cell does not say."""
    found = {}
    for side, place in _SIDES.findall(text):
        found.setdefault("father" if side[0] in "父爸" else "mother", place.strip(" ()（）"))
    return found if len(found) == 2 else {}


def _phones_apart(text):
    """{father: numbers, mother: numbers} of 父：138… 母：139…; {} when the cell does not say."""
    found = {}
    for person in people_in(text):
        if person.code not in ("father", "mother") or person.name or not person.phones or person.bad_phone:
            return {}
        found[person.code] = person.phones
    return found if len(found) == 2 else {}


def care_type_by_work_places(entry):
    """Which parents are away by their own cells: a place that is not home, or a date."""
    away = [
        bool(adult.work_place and not AT_HOME.match(adult.work_place) and not adult.died)
        or bool(adult.away_since)
        or adult.away
        for adult in (entry.father, entry.mother)
    ]
    if all(away):
        return "both_away"
    return "one_away" if any(away) else "unknown"


__all__ = ["FamilyReader", "alarm_in_carer", "care_type_by_work_places"]
