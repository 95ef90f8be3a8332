"""The door for other systems and for proofs: one file of facts in, a county out. The format is docs/facts.md.

Set-based: one insert per table, whatever the number of rows. Each row's ``uid`` is derived from the county's code, the
list and the row's ``id``, so what was loaded before is recognised and left as it is.
"""

import json
import uuid
from collections import Counter
from datetime import date, datetime
from itertools import pairwise

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from simple_history.utils import get_history_manager_for_model

from pairing.models import ClassCover, EndReason, Pairing, PairingKind
from registry.calendar import SHANGHAI, Calendar, shanghai_midnight
from registry.classes import last_day_of, refresh_last_days
from registry.models import (
    ActivityCenter,
    Authority,
    AwayType,
    CareListSpell,
    Child,
    ClosingDate,
    County,
    DayException,
    DayKind,
    District,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    Operator,
    ParentWork,
    Phone,
    Post,
    PostKind,
    Relation,
    School,
    SchoolClass,
    SchoolSystem,
    SchoolYear,
    Season,
    Sex,
    Staff,
    Stage,
    Term,
    Trait,
    TraitKind,
)
from registry.pinyin import initials, sort_key
from registry.values import read_id_number, read_phone
from trust import audit

from .models import (
    Activity,
    ActivityKind,
    Attendance,
    Channel,
    Contact,
    ContactKind,
    ContactStaff,
    DutyRule,
    Excuse,
    Opening,
    Subject,
    lag_days,
    party_set,
)
from .rules import RuleError, rule_from, seed_rules

NAMESPACE = uuid.UUID("5b7a0c1e-6a0e-5d7c-9a53-3a1c94b1f0d2")
BY_MISTAKE = "登记有误"
SUBJECT_LISTS = {
    Subject.CHILD: "children",
    Subject.STAFF: "staff",
    Subject.CLASS: "classes",
    Subject.CENTER: "centers",
    Subject.SCHOOL: "schools",
}
# Rows nobody refers to may go without an id: these keys name them.
NAMED_BY = {
    "closings": ("month",),
    "school_years": ("year",),
    "terms": ("year", "season"),
    "days": ("day", "school"),
    "posts": ("staff", "kind", "school", "grade", "class", "center", "starts_on"),
    "enrollments": ("child", "starts_on"),
    "care_list": ("child", "starts_on"),
    "traits": ("child", "kind", "starts_on"),
    "unreachable": ("child", "starts_on"),
    "kinships": ("child", "guardian"),
    "guardianships": ("child", "guardian", "starts_on"),
    "parent_work": ("guardian", "starts_on"),
    "pairings": ("child", "staff", "kind", "starts_on"),
    "covers": ("staff", "class", "starts_on"),
    "openings": ("center", "day"),
    "excuses": ("subject_kind", "subject", "starts_on", "ends_on", "reason"),
    "rules": ("owner", "code", "valid_from"),
    "contacts": ("child", "kind", "day", "staff", "recorded_at"),
    "activities": ("kind", "day", "school", "center", "title"),
}
LISTS = frozenset(NAMED_BY) | {
    "districts", "schools", "classes", "centers", "staff", "children", "guardians",
}  # fmt: skip
MODELS = {
    "districts": District, "schools": School, "classes": SchoolClass, "centers": ActivityCenter, "staff": Staff,
    "children": Child, "guardians": Guardian, "activities": Activity,
}  # fmt: skip
REFERENCES = {
    "child": "children", "staff": "staff", "companions": "staff", "requested_by": "staff", "approved_by": "staff",
    "school": "schools", "managing_school": "schools", "owner": "schools", "class": "classes", "center": "centers",
    "district": "districts", "guardian": "guardians",
}  # fmt: skip
_MISSING = object()


class FactsError(Exception):
    """What cannot be loaded, and where: list, index in it (from 0), key."""

    def __init__(self, message, where="", index=None, key=""):
        self.where, self.index, self.key = where, index, key
        place = where + (f"[{index}]" if index is not None else "") + (f".{key}" if key else "")
        super().__init__(f"{place}：{message}" if place else message)


def facts_uid(county_code, list_name, row_id):
    """The uid of the row ``row_id`` of a list, as the loader makes it."""
    return uuid.uuid5(NAMESPACE, f"{county_code}/{list_name}/{row_id}")


def load_facts(data, *, by=None, history=True):
    """Loads one file of facts in one transaction and returns its County. Raises FactsError and loads nothing.

    What is there already stays as it is. ``history=False`` leaves out the first row of each history.
    """
    if not isinstance(data, dict):
        raise FactsError("文件应是一个 JSON 对象")
    unknown = set(data) - LISTS - {"county", "seeded_rules"}
    if unknown:
        raise FactsError("没有这个列表", min(unknown))
    with transaction.atomic():
        return _Loader(data, by, history).load()


class Row:
    """One row of a list, read key by key; every complaint names its place."""

    __slots__ = ("data", "index", "seen", "where")

    def __init__(self, where, index, data):
        self.where, self.index, self.data, self.seen = where, index, data, {"id", "uid"}
        if not isinstance(data, dict):
            raise self.error("应是一个对象")

    def error(self, message, key=""):
        """The complaint, with its place."""
        return FactsError(message, self.where, self.index, key)

    def get(self, key, default=_MISSING):
        """The raw value; missing or null = default, without default an error."""
        self.seen.add(key)
        value = self.data.get(key)
        if value is None:
            if default is _MISSING:
                raise self.error("必须填写", key)
            return default
        return value

    def text(self, key, default=_MISSING):
        """A text."""
        value = self.get(key, default)
        if value is default:
            return value
        if isinstance(value, (dict, list, bool)):
            raise self.error("应是文字", key)
        return str(value)

    def number(self, key, default=_MISSING):
        """A whole number."""
        value = self.get(key, default)
        if value is not default and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.error("应是整数", key)
        return value

    def flag(self, key, default):
        """true or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.error("应是 true 或 false", key)
        return value

    def day(self, key, default=_MISSING):
        """A date YYYY-MM-DD."""
        value = self.get(key, default)
        if value is default or type(value) is date:
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.error(f"不是日期 {value!r}", key) from None

    def moment(self, key, default=_MISSING):
        """A moment; without offset Asia/Shanghai."""
        value = self.get(key, default)
        if value is default:
            return value
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.error(f"不是时间 {value!r}", key) from None
        return found if found.tzinfo else found.replace(tzinfo=SHANGHAI)

    def one_of(self, key, choices, default=_MISSING):
        """A code of ``choices``."""
        value = self.get(key, default)
        if value is not default and value not in choices.values:
            raise self.error(f"不认识 {value!r}", key)
        return value

    def list(self, key):
        """A list, empty when missing."""
        value = self.get(key, [])
        if not isinstance(value, list):
            raise self.error("应是列表", key)
        return value

    def span(self):
        """starts_on, ends_on of a spell, and its cancelling."""
        found = {"starts_on": self.day("starts_on"), "ends_on": self.day("ends_on", None)}
        if found["ends_on"] and found["ends_on"] < found["starts_on"]:
            raise self.error("结束日期早于开始日期", "ends_on")
        cancelled_at = self.moment("cancelled_at", None)
        if cancelled_at:
            found |= {"cancelled_at": cancelled_at, "cancel_reason": BY_MISTAKE}
        recorded_at = self.moment("recorded_at", None)
        if recorded_at:
            found["recorded_at"] = recorded_at
        return found

    def finish(self):
        """Nothing in the row may be a typing error."""
        unknown = set(self.data) - self.seen
        if unknown:
            raise self.error("没有这一项", min(unknown))


class _Loader:
    """One file on its way in. Order of the steps = order of the foreign keys."""

    def __init__(self, data, by, history):
        self.data, self.by, self.history = data, by, history
        self.now = timezone.now()
        self.known = {name: {} for name in MODELS}
        self.new = Counter()
        self.guardian_phones = []

    # --- names

    def rows(self, name):
        """The rows of a list."""
        found = self.data.get(name) or []
        if not isinstance(found, list):
            raise FactsError("应是列表", name)
        return [Row(name, index, row) for index, row in enumerate(found)]

    def uids(self, name, rows):
        """One uid per row; two rows may not share an id."""
        seen, found = Counter(), []
        for row in rows:
            given = row.data.get("id")
            if given is not None:
                key = str(given)
            elif name in NAMED_BY:
                key = "|".join(str(row.data.get(part) or "") for part in NAMED_BY[name])
            else:
                raise row.error("必须填写", "id")
            seen[key] += 1
            if seen[key] > 1:
                if given is not None:
                    raise row.error(f"这个编号用了两次 {given!r}", "id")
                key = f"{key}#{seen[key]}"
            if row.data.get("uid") is None:
                found.append(facts_uid(self.county.code, name, key))
                continue
            try:
                found.append(uuid.UUID(str(row.data["uid"])))
            except ValueError:
                raise row.error("不是 UUID", "uid") from None
        return found

    def ref(self, row, key, name, required=True, value=_MISSING):
        """The row of another list that ``key`` names; of an earlier file too."""
        if value is _MISSING:
            value = row.get(key) if required else row.get(key, None)
        if value is None:
            return None
        found = self.known[name].get(str(value))
        if found is None:
            raise row.error(f"{name} 里没有 {value!r}", key)
        return found

    def recall(self):
        """Rows of earlier files that this one refers to: one query per list."""
        wanted = {name: set() for name in MODELS}

        def collect(row):
            if not isinstance(row, dict):
                return
            for key, name in REFERENCES.items():
                value = row.get(key)
                wanted[name].update(str(one) for one in (value if isinstance(value, list) else [value]))
            if row.get("subject_kind") in SUBJECT_LISTS:
                wanted[SUBJECT_LISTS[row["subject_kind"]]].add(str(row.get("subject")))
            for name in row.get("attendance") or ():
                collect(name)

        for name in LISTS:
            for row in self.rows(name):
                collect(row.data)
        for name, ids in wanted.items():
            uids = {facts_uid(self.county.code, name, one): one for one in ids}
            keys = list(uids)
            for start in range(0, len(keys), 5000):
                for found in MODELS[name].objects.filter(uid__in=keys[start : start + 5000]):
                    self.known[name][uids[found.uid]] = found

    # --- writing

    def insert(self, name, rows, objects, model=None, uids=None):
        """Inserts what is not there yet; gives the others their key. Returns the new ones."""
        if not objects:
            return []
        model = model or type(objects[0])
        for made, uid in zip(objects, uids or self.uids(name, rows), strict=True):
            made.uid = uid
        there = {}
        if not self.fresh:
            wanted = [made.uid for made in objects]
            for start in range(0, len(wanted), 5000):
                part = wanted[start : start + 5000]
                there.update(model.objects.filter(uid__in=part).values_list("uid", "pk"))
        new = []
        for made in objects:
            if made.uid in there:
                made.pk = there[made.uid]
                made._state.adding = False
            else:
                new.append(made)
        self.bulk(name, model, new)
        if name in self.known:
            for row, made in zip(rows, objects, strict=True):
                self.known[name][str(row.data.get("id"))] = made
        self.new[name] += len(new)
        return new

    def bulk(self, name, model, new):
        """One insert, and the histories' first rows."""
        if not new:
            return
        try:
            model.objects.bulk_create(new, batch_size=2000)
            if self.history and hasattr(model, "history"):
                manager = get_history_manager_for_model(model)
                manager.bulk_history_create(new, batch_size=2000, default_user=self.by)
        except IntegrityError as error:
            raise FactsError(f"有一行和另一行（或已有的数据）冲突：{error}", name) from error
        except DataError as error:
            raise FactsError(f"有一个值太长或太大：{error}", name) from error

    def no_overlap(self, name, rows, objects, keys, only=None):
        """Spells of a kind never overlap: among themselves, nor with those there before."""
        if not objects:
            return
        spells = {}
        places = {made.uid: row for row, made in zip(rows, objects, strict=True)}

        def add(uid, key, starts_on, ends_on):
            spells.setdefault(key, []).append((starts_on, ends_on or date.max, uid))

        for made in objects:
            if made.cancelled_at is None and (only is None or only(made)):
                key = tuple(getattr(made, part) for part in keys)
                if None not in key:
                    add(made.uid, key, made.starts_on, made.ends_on)
        if not self.fresh:
            lead = keys[0]
            ids = {getattr(made, lead) for made in objects} - {None}
            others = type(objects[0]).objects.valid().filter(**{f"{lead}__in": ids})
            for other in others:
                if other.uid not in places and (only is None or only(other)):
                    key = tuple(getattr(other, part) for part in keys)
                    add(other.uid, key, other.starts_on, other.ends_on)
        for found in spells.values():
            found.sort(key=lambda spell: spell[:2])
            for earlier, later in pairwise(found):
                if later[0] <= earlier[1]:
                    row = places.get(later[2]) or places.get(earlier[2])
                    if row is not None:
                        raise row.error("和另一段日期重叠", "starts_on")

    # --- the steps

    def load(self):
        """All lists, in the order in which they refer to each other."""
        self.load_county()
        self.load_calendar()
        self.load_places()
        self.load_staff()
        self.load_children()
        self.load_families()
        self.load_pairings()
        self.load_rules()
        self.load_contacts()
        self.load_events()
        self.load_excuses()
        audit.record(
            "load_facts",
            by=self.by,
            kind="county",
            uid=self.county,
            count=sum(self.new.values()),
            detail=" ".join(f"{name}={count}" for name, count in self.new.items() if count)[:1000],
        )
        return self.county

    def load_county(self):
        """The county is found by its code."""
        row = Row("county", None, self.data.get("county") or {})
        code, name = row.text("code"), row.text("name")
        closing_day = row.number("closing_day", 5)
        row.finish()
        if len(code) != 6 or not code.isdigit():
            raise row.error("行政区划代码是 6 位数字", "code")
        if not 1 <= closing_day <= 28:
            raise row.error("结账日在 1 到 28 之间", "closing_day")
        self.county = County.objects.filter(code=code).first()
        self.fresh = self.county is None
        if self.fresh:
            uid = facts_uid(code, "county", code)
            if row.data.get("uid") is not None:
                uid = uuid.UUID(str(row.data["uid"]))
            self.county = County.objects.create(uid=uid, code=code, name=name, closing_day=closing_day)
            self.new["county"] = 1
        else:
            self.recall()

    def load_calendar(self):
        """School years, terms, closing days. Single days wait for the schools."""
        rows = self.rows("school_years")
        made = []
        for row in rows:
            confirmed = row.flag("confirmed", False)
            made.append(
                SchoolYear(
                    county=self.county,
                    year=row.number("year"),
                    confirmed_at=self.now if confirmed else None,
                    confirmed_by=self.by if confirmed else None,
                )
            )
            row.finish()
        self.insert("school_years", rows, made)
        rows = self.rows("terms")
        made = []
        for row in rows:
            starts_on, ends_on = row.day("starts_on"), row.day("ends_on")
            if ends_on <= starts_on:
                raise row.error("学期的最后一天要在开学之后", "ends_on")
            season = row.one_of("season", Season)
            made.append(
                Term(
                    county=self.county,
                    year=row.number("year"),
                    season=season,
                    starts_on=starts_on,
                    ends_on=ends_on,
                )
            )
            row.finish()
        for earlier, later in pairwise(sorted(made, key=lambda term: term.starts_on)):
            if later.starts_on <= earlier.ends_on:
                raise rows[made.index(later)].error("学期不能重叠", "starts_on")
        new_terms = self.insert("terms", rows, made)
        if self.fresh:
            self.calendar = Calendar(self.county, sorted((t.starts_on, t.ends_on) for t in made))
        else:
            self.calendar = Calendar.of(self.county)
            if new_terms:
                refresh_last_days(self.county)
        rows = self.rows("closings")
        made = []
        for row in rows:
            try:
                month = date.fromisoformat(f"{row.text('month')}-01")
            except ValueError:
                raise row.error("月份写成 2026-02", "month") from None
            made.append(ClosingDate(county=self.county, month=month, closes_on=row.day("closes_on")))
            if made[-1].closes_on <= month:
                raise row.error("结账日要在这个月之后", "closes_on")
            row.finish()
        self.insert("closings", rows, made)

    def load_places(self):
        """Districts, schools (管理学校 before 教学点), classes, centers, single days."""
        rows = self.rows("districts")
        made = []
        for row in rows:
            made.append(
                District(
                    county=self.county,
                    code=row.text("code", str(row.data.get("id"))[:20]),
                    name=row.text("name"),
                )
            )
            row.finish()
        self.insert("districts", rows, made)
        rows = self.rows("schools")
        own = [row for row in rows if row.data.get("managing_school") is None]
        points = [row for row in rows if row.data.get("managing_school") is not None]
        for part in (own, points):
            self.insert("schools", part, [self.school(row) for row in part])
        self.load_classes()
        rows = self.rows("centers")
        made = []
        for row in rows:
            operator = row.one_of("operator", Operator, Operator.SCHOOL)
            school = self.ref(row, "school", "schools", required=operator == Operator.SCHOOL)
            if school and operator != Operator.SCHOOL:
                raise row.error("乡镇、妇联办的不写学校", "school")
            made.append(
                ActivityCenter(
                    county=self.county,
                    school=school,
                    operator=operator,
                    name=row.text("name", "留守儿童之家"),
                    starts_on=row.day("starts_on"),
                    ends_on=row.day("ends_on", None),
                )
            )
            row.finish()
        self.insert("centers", rows, made)
        rows = self.rows("days")
        made = []
        for row in rows:
            made.append(
                DayException(
                    county=self.county,
                    school=self.ref(row, "school", "schools", required=False),
                    day=row.day("day"),
                    kind=row.one_of("kind", DayKind),
                    name=row.text("name", ""),
                )
            )
            row.finish()
        self.insert("days", rows, made)

    def school(self, row):
        """One school."""
        stages = row.list("stages") or [Stage.PRIMARY]
        for stage in stages:
            if stage not in Stage.values:
                raise row.error(f"不认识 {stage!r}", "stages")
        managing = self.ref(row, "managing_school", "schools", required=False)
        if managing is not None and managing.managing_school_id:
            raise row.error("教学点不能再管教学点", "managing_school")
        name = row.text("name")
        system = str(row.get("system", SchoolSystem.SIX_THREE))
        if system not in SchoolSystem.values:
            raise row.error(f"不认识 {system!r}", "system")
        found = School(
            county=self.county,
            district=self.ref(row, "district", "districts", required=False),
            managing_school=managing,
            code=row.text("code", str(row.data.get("id"))),
            name=name,
            name_key=sort_key(name),
            system=system,
            has_kindergarten=Stage.KINDERGARTEN in stages,
            has_primary=Stage.PRIMARY in stages,
            has_junior=Stage.JUNIOR in stages,
            first_used_on=row.day("first_used_on"),
            ends_on=row.day("ends_on", None),
        )
        row.finish()
        return found

    def load_classes(self):
        """Classes; the last day follows the calendar unless it is given."""
        rows = self.rows("classes")
        made = []
        for row in rows:
            school = self.ref(row, "school", "schools")
            stage = row.one_of("stage", Stage)
            if stage not in school.stages:
                raise row.error("学校没有这个学段", "stage")
            entry_year = row.number("entry_year")
            given = row.day("ends_on", None)
            made.append(
                SchoolClass(
                    school=school,
                    stage=stage,
                    entry_year=entry_year,
                    number=row.number("number", 1),
                    ends_on=given or last_day_of(school, stage, entry_year, self.calendar),
                    ends_on_given=given is not None,
                )
            )
            row.finish()
        self.insert("classes", rows, made)

    def load_staff(self):
        """Staff without accounts, and their posts."""
        rows = self.rows("staff")
        made = []
        for row in rows:
            name = row.text("name")
            made.append(
                Staff(
                    county=self.county,
                    school=self.ref(row, "school", "schools", required=False),
                    name=name,
                    name_key=sort_key(name),
                    initials=initials(name),
                    sex=row.one_of("sex", Sex, ""),
                    phone=row.text("phone", ""),
                )
            )
            row.finish()
        self.insert("staff", rows, made)
        rows = self.rows("posts")
        made = []
        for row in rows:
            made.append(self.post(row))
            row.finish()
        self.insert("posts", rows, made)
        self.no_overlap(
            "posts", rows, made, ["school_class_id"], only=lambda post: post.kind == PostKind.CLASS_TEACHER
        )
        self.no_overlap("posts", rows, made, ["school_id"], only=lambda post: post.kind == PostKind.LEADER)

    def post(self, row):
        """One post; its school follows from its class or center."""
        kind = row.one_of("kind", PostKind)
        school_class = self.ref(row, "class", "classes", required=False)
        center = self.ref(row, "center", "centers", required=False)
        school = self.ref(row, "school", "schools", required=False)
        if school_class:
            if school and school.pk != school_class.school_id:
                raise row.error("这个班不在所写的学校里", "class")
            school = school_class.school
        elif center and center.school_id:
            school = center.school
        if kind in (PostKind.CLASS_TEACHER, PostKind.SUBJECT_TEACHER) and not school_class:
            raise row.error("必须填写", "class")
        if kind == PostKind.CENTER_MANAGER and not center:
            raise row.error("必须填写", "center")
        grade = row.number("grade", None)
        if kind == PostKind.GRADE_HEAD and grade is None:
            raise row.error("必须填写", "grade")
        return Post(
            staff=self.ref(row, "staff", "staff"),
            kind=kind,
            county=self.county,
            district=self.ref(row, "district", "districts", required=False),
            school=school,
            grade=grade,
            school_class=school_class,
            center=center,
            recorded_by=self.by,
            **row.span(),
        )

    def load_children(self):
        """Children, where they sit, the care list, traits."""
        rows = self.rows("children")
        made = []
        for row in rows:
            reading = read_id_number(row.text("id_number", None))
            if reading.flaw:
                raise row.error(reading.flaw.message, "id_number")
            child = Child(
                county=self.county,
                name=row.text("name"),
                sex=row.one_of("sex", Sex),
                birth_date=row.day("birth_date", None),
                id_number=reading.value or "",
                village=row.text("village", ""),
                address=row.text("address", ""),
            )
            child.prepare()
            made.append(child)
            row.finish()
        self.insert("children", rows, made)
        rows = self.rows("enrollments")
        made = []
        for row in rows:
            school = self.ref(row, "school", "schools")
            school_class = self.ref(row, "class", "classes", required=False)
            if school_class and school_class.school_id != school.pk:
                raise row.error("这个班不在所写的学校里", "class")
            made.append(
                Enrollment(
                    child=self.ref(row, "child", "children"),
                    school=school,
                    school_class=school_class,
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("enrollments", rows, made)
        self.no_overlap("enrollments", rows, made, ["child_id"])
        self.enrollments = made
        rows = self.rows("care_list")
        made = []
        for row in rows:
            made.append(
                CareListSpell(
                    child=self.ref(row, "child", "children"),
                    type=row.one_of("type", AwayType),
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("care_list", rows, made)
        self.no_overlap("care_list", rows, made, ["child_id"])
        self.load_traits()

    def load_traits(self):
        """Traits, and 联系不上, which counts once it is approved."""
        rows = self.rows("traits")
        made = []
        for row in rows:
            kind = row.one_of("kind", TraitKind)
            if kind == TraitKind.PARENTS_UNREACHABLE:
                raise row.error("联系不上写在 unreachable 里", "kind")
            made.append(
                Trait(child=self.ref(row, "child", "children"), kind=kind, recorded_by=self.by, **row.span())
            )
            row.finish()
        self.insert("traits", rows, made)
        unreachable = self.rows("unreachable")
        away = []
        for row in unreachable:
            away.append(
                Trait(
                    child=self.ref(row, "child", "children"),
                    kind=TraitKind.PARENTS_UNREACHABLE,
                    approved_at=row.moment("approved_at", None),
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("unreachable", unreachable, away)
        self.no_overlap("traits", rows + unreachable, made + away, ["child_id", "kind"])

    def load_families(self):
        """Adults with phones, kinships, who cares for whom, who is away."""
        rows = self.rows("guardians")
        made, numbers = [], []
        for row in rows:
            guardian = Guardian(
                county=self.county,
                name=row.text("name"),
                sex=row.one_of("sex", Sex, ""),
                died_on=row.day("died_on", None),
            )
            guardian.prepare()
            made.append(guardian)
            found = []
            for number in row.list("phones"):
                reading = read_phone(number)
                if reading.flaw or not reading.value:
                    raise row.error("不是电话号码", "phones")
                found.append(reading.value)
            numbers.append(list(dict.fromkeys(found)))
            row.finish()
        new = {id(guardian) for guardian in self.insert("guardians", rows, made)}
        phones = []
        for guardian, found in zip(made, numbers, strict=True):
            if id(guardian) in new:
                for position, number in enumerate(found):
                    phone = Phone(guardian=guardian, number=number, position=position)
                    phone.uid = uuid.uuid5(NAMESPACE, f"{guardian.uid}/phone/{number}")
                    phone.prepare()
                    phones.append(phone)
        self.bulk("guardians", Phone, phones)
        rows = self.rows("kinships")
        made = []
        for row in rows:
            made.append(
                Kinship(
                    child=self.ref(row, "child", "children"),
                    guardian=self.ref(row, "guardian", "guardians"),
                    relation=row.one_of("relation", Relation),
                    as_written=row.text("as_written", ""),
                )
            )
            row.finish()
        self.insert("kinships", rows, made)
        rows = self.rows("guardianships")
        made = []
        for row in rows:
            made.append(
                Guardianship(
                    child=self.ref(row, "child", "children"),
                    guardian=self.ref(row, "guardian", "guardians"),
                    authority=row.one_of("authority", Authority, Authority.INFORMAL),
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("guardianships", rows, made)
        self.no_overlap("guardianships", rows, made, ["child_id", "guardian_id"])
        rows = self.rows("parent_work")
        made = []
        for row in rows:
            made.append(
                ParentWork(
                    guardian=self.ref(row, "guardian", "guardians"),
                    division_code=row.text("division", ""),
                    place=row.text("place", ""),
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("parent_work", rows, made)
        self.no_overlap("parent_work", rows, made, ["guardian_id"])

    def load_pairings(self):
        """Ties between children and staff, and who covers which class."""
        rows = self.rows("pairings")
        made = []
        for row in rows:
            span = row.span()
            made.append(
                Pairing(
                    child=self.ref(row, "child", "children"),
                    staff=self.ref(row, "staff", "staff"),
                    kind=row.one_of("kind", PairingKind, PairingKind.PRIMARY),
                    end_reason=row.one_of("end_reason", EndReason, EndReason.OTHER)
                    if span["ends_on"]
                    else "",
                    recorded_by=self.by,
                    **span,
                )
            )
            row.finish()
        self.insert("pairings", rows, made)
        self.no_overlap(
            "pairings", rows, made, ["child_id"], only=lambda pairing: pairing.kind == PairingKind.PRIMARY
        )
        rows = self.rows("covers")
        made = []
        for row in rows:
            made.append(
                ClassCover(
                    staff=self.ref(row, "staff", "staff"),
                    school_class=self.ref(row, "class", "classes"),
                    recorded_by=self.by,
                    **row.span(),
                )
            )
            row.finish()
        self.insert("covers", rows, made)
        self.no_overlap("covers", rows, made, ["school_class_id"])

    def load_rules(self):
        """The seeded rules of a new county, and those of the file."""
        seeded = []
        if self.fresh and self.data.get("seeded_rules", True):
            schools = [school.first_used_on for school in self.known["schools"].values()]
            terms = [first for first, _ in self.calendar.terms]
            valid_from = min(schools + terms, default=timezone.localdate(self.now))
            seeded = seed_rules(self.county, valid_from=valid_from, by=self.by)
        rows = self.rows("rules")
        if not rows:
            return
        made = []
        for row in rows:
            row.text("code")
            valid_from, valid_to = row.day("valid_from"), row.day("valid_to", None)
            if valid_to and valid_to < valid_from:
                raise row.error("失效日期不能早于生效日期", "valid_to")
            owner = self.ref(row, "owner", "schools", required=False)
            try:
                rule = rule_from(
                    row.data, county=self.county, owner=owner, valid_from=valid_from, valid_to=valid_to
                )
            except RuleError as error:
                raise row.error(str(error), error.key) from error
            if rule.replaces_county:
                if owner is None:
                    raise row.error("只有学校的要求才能代替全县的", "replaces_county")
                rule.approved_by_county_at = shanghai_midnight(valid_from)
            made.append(rule)
        uids = self.uids("rules", rows)
        others = seeded
        if not self.fresh:
            others = list(DutyRule.objects.filter(county=self.county).exclude(uid__in=uids))
        self.no_two_versions(rows, made, others)
        self.insert("rules", rows, made, uids=uids)

    def no_two_versions(self, rows, made, others):
        """Versions of one code and owner never overlap."""
        versions = {}
        for row, rule in [(None, rule) for rule in others] + list(zip(rows, made, strict=True)):
            versions.setdefault((rule.owner_id, rule.code), []).append((rule, row))
        for found in versions.values():
            found.sort(key=lambda version: version[0].valid_from)
            for (earlier, place), (later, row) in pairwise(found):
                if later.valid_from <= (earlier.valid_to or date.max) and (row or place):
                    raise (row or place).error("和这条要求的另一个版本日期重叠", "valid_from")

    def load_contacts(self):
        """Contacts with every adult who took part."""
        rows = self.rows("contacts")
        if not rows:
            return
        uids = self.uids("contacts", rows)
        school_of = self.schools_by_day(
            {child.pk for child in self.known["children"].values()} if not self.fresh else None
        )
        made, adults = [], {}
        for row, uid in zip(rows, uids, strict=True):
            child, day = self.ref(row, "child", "children"), row.day("day")
            staff = self.ref(row, "staff", "staff")
            try:
                parties = party_set(row.list("parties"))
            except KeyError as error:
                raise row.error(f"不认识 {error.args[0]!r}", "parties") from None
            if not parties:
                raise row.error("必须填写", "parties")
            contact = Contact(
                child=child,
                kind=row.one_of("kind", ContactKind),
                channel=row.one_of("channel", Channel, Channel.IN_PERSON),
                parties=parties,
                reached=row.flag("reached", True),
                staff=staff,
                school_id=school_of(child.pk, day),
                words=row.text("words", ""),
                submission=uid,
                recorded_by=self.by,
                **self.entry(row, day),
            )
            made.append(contact)
            people = [staff] + [
                self.ref(row, "companions", "staff", value=name) for name in row.list("companions")
            ]
            adults[id(contact)] = {person.pk for person in people}
            row.finish()
        new = self.insert("contacts", rows, made, uids=uids)
        links = [
            ContactStaff(contact=contact, staff_id=pk)
            for contact in new
            for pk in sorted(adults[id(contact)])
        ]
        self.bulk("contacts", ContactStaff, links)

    def entry(self, row, day):
        """Day, moment of entry, cancelling of a record."""
        recorded_at = row.moment("recorded_at", self.now)
        found = {"day": day, "recorded_at": recorded_at, "lag": lag_days(day, recorded_at)}
        if found["lag"] < 0:
            raise row.error("登记时间早于这一天", "recorded_at")
        cancelled_at = row.moment("cancelled_at", None)
        if cancelled_at:
            found |= {"cancelled_at": cancelled_at, "cancel_reason": BY_MISTAKE}
        return found

    def schools_by_day(self, children):
        """A function (child's pk, day) -> school's pk of the enrollment in force that day, or None."""
        rows = self.enrollments
        if children is not None:
            rows = Enrollment.objects.valid().filter(child__in=children).select_related("school_class")
        spells = {}
        for spell in rows:
            if spell.cancelled_at is None:
                last = spell.ends_on or date.max
                if spell.school_class_id:
                    last = min(last, spell.school_class.ends_on)
                spells.setdefault(spell.child_id, []).append((spell.starts_on, last, spell.school_id))

        def school_of(child, day):
            return next((pk for first, last, pk in spells.get(child, ()) if first <= day <= last), None)

        return school_of

    def load_events(self):
        """Activities with attendance, and the openings of centers."""
        rows = self.rows("activities")
        made, staff, names = [], {}, []
        for row in rows:
            center = self.ref(row, "center", "centers", required=False)
            school = self.ref(row, "school", "schools", required=False)
            if school is None and center is not None:
                school = center.school
            if school is None and center is None:
                raise row.error("学校和之家至少填一个", "school")
            kind = row.one_of("kind", ActivityKind)
            activity = Activity(
                kind=kind,
                title=row.text("title", ActivityKind(kind).label),
                county=self.county,
                school=school,
                center=center,
                recorded_by=self.by,
                **self.entry(row, row.day("day")),
            )
            made.append(activity)
            people = [self.ref(row, "staff", "staff", value=name) for name in row.list("staff")]
            staff[id(activity)] = {person.pk for person in people}
            for index, entry in enumerate(row.list("attendance")):
                name = Row(f"{row.where}[{row.index}].attendance", index, entry)
                named_at = name.moment("recorded_at", activity.recorded_at)
                cancelled_at = name.moment("cancelled_at", activity.cancelled_at)
                attendance = Attendance(
                    activity=activity,
                    child=self.ref(name, "child", "children"),
                    present=name.flag("present", True),
                    cancelled_at=min(filter(None, [cancelled_at, activity.cancelled_at]), default=None),
                )
                attendance.settle(named_at)
                names.append((name, attendance))
                name.finish()
            row.finish()
        uids = self.uids("activities", rows)
        for activity, uid in zip(made, uids, strict=True):
            activity.submission = uid
        new = self.insert("activities", rows, made, uids=uids)
        self.link_staff("activities", Activity.staff.through, "activity_id", new, staff)
        seen = set()
        for name, attendance in names:
            attendance.activity_id = attendance.activity.pk
            if (attendance.activity_id, attendance.child_id) in seen:
                raise name.error("这个孩子在这次活动里出现了两次", "child")
            seen.add((attendance.activity_id, attendance.child_id))
        self.insert(
            "attendance",
            [name for name, _ in names],
            [attendance for _, attendance in names],
            uids=[uuid.uuid5(NAMESPACE, f"{a.activity.uid}/{a.child.uid}") for _, a in names],
        )
        self.load_openings()

    def load_openings(self):
        """Each day a center opened."""
        rows = self.rows("openings")
        uids = self.uids("openings", rows)
        made, staff = [], {}
        for row, uid in zip(rows, uids, strict=True):
            opening = Opening(
                center=self.ref(row, "center", "centers"),
                submission=uid,
                recorded_by=self.by,
                **self.entry(row, row.day("day")),
            )
            made.append(opening)
            people = [self.ref(row, "staff", "staff", value=name) for name in row.list("staff")]
            staff[id(opening)] = {person.pk for person in people}
            row.finish()
        new = self.insert("openings", rows, made, uids=uids)
        self.link_staff("openings", Opening.staff.through, "opening_id", new, staff)

    def link_staff(self, name, model, key, new, staff):
        """Who organised, who was on duty."""
        links = [model(**{key: made.pk, "staff_id": pk}) for made in new for pk in sorted(staff[id(made)])]
        self.bulk(name, model, links)

    def load_excuses(self):
        """豁免. Who asked and who approved are kept where they have an account."""
        rows = self.rows("excuses")
        if not rows:
            return
        school_of = self.schools_by_day(
            None if self.fresh else {c.pk for c in self.known["children"].values()}
        )
        accounts = {}
        if not self.fresh:
            accounts = dict(Staff.objects.filter(county=self.county).values_list("pk", "user_id"))
        made = []
        for row in rows:
            kind = row.one_of("subject_kind", Subject, Subject.CHILD)
            starts_on, ends_on = row.day("starts_on"), row.day("ends_on")
            if ends_on < starts_on:
                raise row.error("结束日期早于开始日期", "ends_on")
            subject, school = self.county, None
            if kind in SUBJECT_LISTS:
                subject = self.ref(row, "subject", SUBJECT_LISTS[kind])
            else:
                row.get("subject", None)
            if kind == Subject.CHILD:
                school = school_of(subject.pk, starts_on)
            elif kind == Subject.SCHOOL:
                school = subject.pk
            elif kind != Subject.COUNTY:
                school = subject.school_id
            asked = self.ref(row, "requested_by", "staff", required=False)
            approver = self.ref(row, "approved_by", "staff", required=False)
            if asked is not None and approver is not None and asked.pk == approver.pk:
                raise row.error("豁免要由另一位成员批准", "approved_by")
            approved_at = row.moment("approved_at", None)
            made.append(
                Excuse(
                    county=self.county,
                    school_id=school,
                    subject_kind=kind,
                    subject_id=subject.pk,
                    starts_on=starts_on,
                    ends_on=ends_on,
                    rule_codes=row.list("rules"),
                    reason=row.text("reason", "豁免"),
                    requested_by_id=accounts.get(asked.pk) if asked else None,
                    requested_at=approved_at or self.now,
                    approved_by_id=accounts.get(approver.pk) if approver else None,
                    approved_at=approved_at,
                    revoked_at=row.moment("revoked_at", None),
                )
            )
            row.finish()
        self.insert("excuses", rows, made)


def read_file(path):
    """The JSON of a file. Raises FactsError."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file)
    except OSError as error:
        raise FactsError(f"读不到文件 {path}：{error.strerror}") from error
    except ValueError as error:
        raise FactsError(f"文件不是 JSON：{error}") from error


audit.name_actions(load_facts="导入事实文件")
