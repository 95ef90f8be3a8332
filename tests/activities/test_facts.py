"""The facts format in: what it makes, that loading twice changes nothing, and what it refuses."""

import copy
import json
from datetime import date, datetime, timedelta, timezone

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.facts import FactsError, facts_uid, load_facts
from activities.models import Activity, Attendance, Contact, ContactStaff, DutyRule, Excuse, Opening
from activities.rules import seed_rules, seeded_rows
from pairing.models import ClassCover, Pairing
from registry.models import (
    CareListSpell,
    Child,
    County,
    DayException,
    Enrollment,
    Guardian,
    ParentWork,
    Phone,
    Post,
    School,
    SchoolClass,
    Staff,
    Term,
    Trait,
)
from trust.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SHANGHAI = timezone(timedelta(hours=8))
FACTS = {
    "county": {"code": "341299", "name": "青溪县"},
    "closings": [{"month": "2026-02", "closes_on": "2026-03-09"}],
    "districts": [{"id": "d1", "name": "城东学区"}],
    "schools": [
        {
            "id": "s2",
            "code": "QX002",
            "name": "柳溪教学点",
            "district": "d1",
            "stages": ["primary"],
            "managing_school": "s1",
            "first_used_on": "2025-09-01",
        },
        {
            "id": "s1",
            "code": "QX001",
            "name": "石门小学",
            "district": "d1",
            "stages": ["kindergarten", "primary"],
            "system": "63",
            "first_used_on": "2025-09-01",
        },
    ],
    "school_years": [{"year": 2025, "confirmed": True}, {"year": 2026, "confirmed": False}],
    "terms": [
        {"year": 2025, "season": "autumn", "starts_on": "2025-09-01", "ends_on": "2026-01-23"},
        {"year": 2025, "season": "spring", "starts_on": "2026-02-24", "ends_on": "2026-07-03"},
    ],
    "days": [
        {"day": "2025-10-01", "kind": "holiday", "name": "国庆节"},
        {"day": "2025-10-01", "school": "s2", "kind": "school_day"},
    ],
    "classes": [
        {"id": "c1", "school": "s1", "stage": "primary", "entry_year": 2020, "number": 1},
        {"id": "c2", "school": "s1", "stage": "primary", "entry_year": 2023, "number": 2},
        {
            "id": "c3",
            "school": "s2",
            "stage": "primary",
            "entry_year": 2024,
            "number": 1,
            "ends_on": "2026-06-30",
        },
    ],
    "centers": [
        {"id": "h1", "name": "石门小学之家", "school": "s1", "operator": "school", "starts_on": "2025-09-01"}
    ],
    "staff": [
        {"id": "t1", "name": "张桂兰", "school": "s1", "phone": "13800008000"},
        {"id": "t2", "name": "曾小川", "school": "s1"},
    ],
    "posts": [
        {"staff": "t1", "kind": "class_teacher", "class": "c2", "starts_on": "2025-09-01"},
        {"staff": "t2", "kind": "leader", "school": "s1", "starts_on": "2025-09-01"},
        {"staff": "t2", "kind": "center_manager", "center": "h1", "starts_on": "2025-09-01"},
    ],
    "children": [
        {"id": "k1", "name": "李小满", "sex": "female", "birth_date": "2016-05-03", "village": "柳溪村"},
        {
            "id": "k2",
            "name": "李小川",
            "sex": "male",
            "id_number": "341299201705030019",
            "address": "3组12号",
        },
    ],
    "enrollments": [
        {"child": "k1", "school": "s1", "class": "c2", "starts_on": "2025-09-01"},
        {"child": "k2", "school": "s2", "class": "c3", "starts_on": "2025-09-01", "ends_on": "2025-10-31"},
        {"child": "k2", "school": "s1", "class": None, "starts_on": "2025-11-01"},
    ],
    "care_list": [
        {"child": "k1", "type": "both_away", "starts_on": "2025-09-01"},
        {
            "child": "k2",
            "type": "one_away",
            "starts_on": "2025-09-01",
            "cancelled_at": "2025-09-02T08:00",
        },
    ],
    "traits": [{"child": "k1", "kind": "boarding", "starts_on": "2025-09-01"}],
    "guardians": [
        {"id": "g1", "name": "王秀英", "sex": "female", "phones": ["13900001000", "139 0000 2000"]},
        {"id": "g2", "name": "李建国", "sex": "male"},
    ],
    "kinships": [
        {"child": "k1", "guardian": "g1", "relation": "grandmother"},
        {"child": "k1", "guardian": "g2", "relation": "father"},
    ],
    "guardianships": [{"child": "k1", "guardian": "g1", "authority": "entrusted", "starts_on": "2025-09-01"}],
    "parent_work": [
        {"guardian": "g2", "starts_on": "2025-02-20", "division": "441900", "place": "广东省东莞市"}
    ],
    "unreachable": [
        {"child": "k2", "starts_on": "2025-11-01", "approved_at": "2025-11-20T09:00"},
    ],
    "pairings": [
        {
            "child": "k1",
            "staff": "t1",
            "kind": "primary",
            "starts_on": "2025-09-05",
            "ends_on": "2025-10-31",
            "recorded_at": "2025-09-05T10:00",
        },
        {
            "child": "k1",
            "staff": "t2",
            "kind": "primary",
            "starts_on": "2025-11-01",
            "recorded_at": "2025-11-01T10:00",
        },
    ],
    "covers": [{"staff": "t2", "class": "c2", "starts_on": "2025-09-01"}],
    "contacts": [
        {
            "id": "x1",
            "child": "k1",
            "kind": "talk",
            "day": "2025-11-08",
            "channel": "in_person",
            "parties": ["child", "guardian"],
            "staff": "t1",
            "companions": ["t2"],
            "recorded_at": "2025-11-08T23:30",
            "words": "聊了想家的事",
        },
        {
            "id": "x2",
            "child": "k2",
            "kind": "guardian_contact",
            "day": "2025-10-15",
            "channel": "phone",
            "parties": ["father"],
            "reached": False,
            "staff": "t1",
            "recorded_at": "2025-10-31T18:00:00+00:00",
            "cancelled_at": "2025-11-02T08:00",
        },
    ],
    "activities": [
        {
            "id": "a1",
            "kind": "center_activity",
            "title": "读书",
            "day": "2025-11-10",
            "center": "h1",
            "staff": ["t1"],
            "recorded_at": "2025-11-10T17:00",
            "attendance": [
                {"child": "k1", "present": True, "recorded_at": "2025-11-28T17:00"},
                {"child": "k2", "present": False, "recorded_at": "2025-11-09T17:00"},
            ],
        }
    ],
    "openings": [{"center": "h1", "day": "2025-11-10", "staff": ["t1"], "recorded_at": "2025-11-10T17:00"}],
    "excuses": [
        {
            "subject_kind": "child",
            "subject": "k1",
            "starts_on": "2025-11-01",
            "ends_on": "2025-11-20",
            "rules": ["F02"],
            "reason": "住院",
            "requested_by": "t1",
            "approved_by": "t2",
            "approved_at": "2025-11-21T09:00",
        }
    ],
    "rules": [
        {
            "code": "F02",
            "name": "一周一谈",
            "owner": "s1",
            "replaces_county": True,
            "subject": "child",
            "kinds": ["talk"],
            "parties": ["child"],
            "actors": ["class_teacher"],
            "minimum": 2,
            "per": "month",
            "applies_to": {"grade_from": 1, "grade_to": 3, "boarding": True},
            "responsible": "class_teacher",
            "strength": "must",
            "valid_from": "2025-10-01",
        }
    ],
}


def facts(**changes):
    """The world above, some lists replaced."""
    return copy.deepcopy(FACTS) | changes


def test_every_list_arrives_as_written():
    county = load_facts(facts())

    def uid(name, key):
        return facts_uid("341299", name, key)

    assert (county.code, county.name, county.closing_day) == ("341299", "青溪县", 5)
    point = School.objects.get(uid=uid("schools", "s2"))
    assert (point.managing_school.code, point.district.name, point.has_kindergarten) == (
        "QX001",
        "城东学区",
        False,
    )
    assert sorted(School.objects.get(code="QX001").stages) == ["kindergarten", "primary"]
    assert [t.ends_on for t in Term.objects.order_by("starts_on")] == [date(2026, 1, 23), date(2026, 7, 3)]
    assert sorted(DayException.objects.values_list("school__code", "kind"), key=str) == sorted(
        [(None, "holiday"), ("QX002", "school_day")], key=str
    )
    # The last day: of the last term where the calendar has it, else 31 July; a given one stays.
    assert {c.uid: (c.ends_on, c.ends_on_given) for c in SchoolClass.objects.all()} == {
        uid("classes", "c1"): (date(2026, 7, 3), False),
        uid("classes", "c2"): (date(2029, 7, 31), False),
        uid("classes", "c3"): (date(2026, 6, 30), True),
    }
    teacher = Staff.objects.get(uid=uid("staff", "t2"))
    assert (teacher.name_key, teacher.initials) == ("zeng xiao chuan", "zxc")
    assert sorted(Post.objects.values_list("kind", "school__code")) == [
        ("center_manager", "QX001"),
        ("class_teacher", "QX001"),
        ("leader", "QX001"),
    ]
    child = Child.objects.get(uid=uid("children", "k2"))
    assert (child.name, child.id_number, child.address) == ("李小川", "341299201705030019", "3组12号")
    assert [
        (e.school.code, e.school_class_id is None, e.ends_on)
        for e in Enrollment.objects.filter(child=child).order_by("starts_on")
    ] == [("QX002", False, date(2025, 10, 31)), ("QX001", True, None)]
    assert CareListSpell.objects.valid().get().type == "both_away"
    assert sorted(Trait.objects.values_list("kind", "approved_at__date")) == [
        ("boarding", None),
        ("parents_unreachable", date(2025, 11, 20)),
    ]
    grandmother = Guardian.objects.get(name="王秀英")
    assert [p.number for p in grandmother.phones.order_by("position")] == ["13900001000", "13900002000"]
    assert ParentWork.objects.get().division_code == "441900"
    assert list(Pairing.objects.order_by("starts_on").values_list("staff__name", "end_reason")) == [
        ("张桂兰", "other"),
        ("曾小川", ""),
    ]
    assert ClassCover.objects.get().staff == teacher
    talk = Contact.objects.get(uid=uid("contacts", "x1"))
    assert (talk.party_codes, talk.lag, talk.school.code, talk.words) == (
        ["child", "guardian"],
        0,
        "QX001",
        "聊了想家的事",
    )
    assert sorted(a.staff.name for a in talk.adults.all()) == ["张桂兰", "曾小川"]
    tried = Contact.objects.get(uid=uid("contacts", "x2"))
    # 18:00 UTC on 31 October is 2:00 on 1 November in Shanghai.
    assert (tried.reached, tried.lag, tried.school.code, tried.cancel_reason) == (
        False,
        17,
        "QX002",
        "登记有误",
    )
    assert tried.cancelled_at == datetime(2025, 11, 2, 8, tzinfo=SHANGHAI)
    assert sorted(Attendance.objects.values_list("child__name", "present", "lag")) == [
        ("李小川", False, 0),
        ("李小满", True, 18),
    ]
    assert [s.name for s in Activity.objects.get().staff.all()] == ["张桂兰"]
    assert [s.name for s in Opening.objects.get().staff.all()] == ["张桂兰"]
    excuse = Excuse.objects.get()
    assert (excuse.subject_id, excuse.school.code, excuse.rule_codes) == (talk.child_id, "QX001", ["F02"])
    own = DutyRule.objects.get(owner__code="QX001")
    assert (own.label, own.minimum, own.parties, own.grade_from, own.boarding) == ("F02@QX001", 2, 1, 1, True)
    assert own.approved_by_county_at is not None
    assert [r.code for r in DutyRule.objects.filter(owner=None)] == [row["code"] for row in seeded_rows()]
    assert [e.action for e in AuditEvent.objects.filter(child_uid=None).order_by("pk")] == [
        "seed_rules",
        "load_facts",
    ]


def everything():
    """Number of rows of every table the format fills."""
    models = [
        County, Term, DayException, School, SchoolClass, Staff, Post, Child, Enrollment, CareListSpell, Trait, Guardian,
        Phone, ParentWork, Pairing, ClassCover, Contact, ContactStaff, Activity, Attendance, Opening, Excuse, DutyRule,
        Child.history.model, Contact.history.model, Activity.staff.through,
    ]  # fmt: skip
    return {model.__name__: model.objects.count() for model in models}


def test_the_same_file_twice_changes_nothing():
    load_facts(facts())
    before = everything()
    load_facts(facts())
    assert everything() == before


def test_a_later_file_refers_to_rows_of_an_earlier_one():
    load_facts(facts())
    contact = {
        "id": "x9",
        "child": "k2",
        "kind": "talk",
        "day": "2025-11-12",
        "parties": ["child"],
        "staff": "t2",
        "recorded_at": "2025-11-12T18:00",
    }
    load_facts({"county": FACTS["county"], "contacts": [contact]})
    assert Contact.objects.get(uid=facts_uid("341299", "contacts", "x9")).school.code == "QX001"


def test_new_terms_move_the_last_day_of_classes():
    load_facts(facts())
    terms = [{"year": 2028, "season": "spring", "starts_on": "2029-02-19", "ends_on": "2029-07-06"}]
    load_facts({"county": FACTS["county"], "terms": terms})
    assert SchoolClass.objects.get(uid=facts_uid("341299", "classes", "c2")).ends_on == date(2029, 7, 6)
    assert SchoolClass.objects.get(uid=facts_uid("341299", "classes", "c3")).ends_on == date(2026, 6, 30)


def with_change(name, index, **values):
    """The world with one row changed."""
    data = facts()
    data[name][index] |= values
    return data


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (facts(children=[{"id": "k1", "name": "李小满", "sex": "女"}]), ("children", 0, "sex")),
        (facts(kids=[]), ("kids", None, "")),
        (with_change("contacts", 1, kind="chat"), ("contacts", 1, "kind")),
        (with_change("contacts", 1, child="k7"), ("contacts", 1, "child")),
        (with_change("contacts", 0, parties=["aunt"]), ("contacts", 0, "parties")),
        (with_change("contacts", 0, wrods="…"), ("contacts", 0, "wrods")),
        (with_change("contacts", 0, recorded_at="2025-11-07T10:00"), ("contacts", 0, "recorded_at")),
        (with_change("contacts", 1, id="x1"), ("contacts", 1, "id")),
        (with_change("children", 1, id_number="341299201705030018"), ("children", 1, "id_number")),
        (with_change("enrollments", 2, starts_on="2025-10-31"), ("enrollments", 2, "starts_on")),
        (with_change("enrollments", 0, **{"class": "c3"}), ("enrollments", 0, "class")),
        (with_change("pairings", 1, starts_on="2025-10-15"), ("pairings", 1, "starts_on")),
        (with_change("terms", 1, starts_on="2026-01-20"), ("terms", 1, "starts_on")),
        (with_change("rules", 0, owner=None, replaces_county=False), ("rules", 0, "valid_from")),
        (with_change("rules", 0, actors=["mayor"]), ("rules", 0, "actors")),
        (with_change("excuses", 0, approved_by="t1"), ("excuses", 0, "approved_by")),
        (with_change("care_list", 0, ends_on="2025-08-31"), ("care_list", 0, "ends_on")),
        (with_change("posts", 0, **{"class": None}), ("posts", 0, "class")),
    ],
)
def test_an_error_names_its_place_and_loads_nothing(data, place):
    with pytest.raises(FactsError) as error:
        load_facts(data)
    assert (error.value.where, error.value.index, error.value.key) == place
    assert County.objects.count() == 0


def test_an_overlap_with_what_is_there_already_is_refused():
    load_facts(facts())
    more = [{"child": "k1", "school": "s2", "starts_on": "2025-12-01", "ends_on": "2025-12-31"}]
    with pytest.raises(FactsError) as error:
        load_facts({"county": FACTS["county"], "enrollments": more})
    assert (error.value.where, error.value.index) == ("enrollments", 0)


def test_without_seeded_rules_a_county_has_only_its_own():
    load_facts(facts(seeded_rules=False))
    assert [rule.label for rule in DutyRule.objects.all()] == ["F02@QX001"]


def test_seeding_twice_keeps_what_is_there():
    county = load_facts({"county": FACTS["county"]})
    DutyRule.objects.filter(code="F44").update(active=True)
    assert seed_rules(county, valid_from=date(2026, 1, 1)) == []
    assert DutyRule.objects.get(code="F44").active is True


def test_defaults_of_the_seeded_rules():
    load_facts({"county": FACTS["county"]})
    rules = DutyRule.objects.order_by("code")
    assert [(r.code, r.active, r.strength, r.per) for r in rules] == [
        ("F02", True, "must", "month"),
        ("F04", False, "must", "week"),
        ("F08", True, "must", "term"),
        ("F09", False, "must", "term"),
        ("F12", False, "must", "quarter"),
        ("F14", True, "must", "month"),
        ("F24", False, "inform", "week"),
        ("F25", True, "must", "month"),
        ("F39", True, "must", "week"),
        ("F44", False, "must", "week"),
        ("F63", False, "inform", "month"),
        ("F64", True, "must", "month"),
    ]
    assert all(rule.source and rule.source_text for rule in rules)


def statements(data):
    """Number of SQL statements a file costs."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        load_facts(data)
    return len(queries)


def test_statements_do_not_grow_with_rows():
    few = statements(facts())
    many = facts(county={"code": "341298", "name": "另一县"})
    many["children"] += [{"id": f"m{n}", "name": "陈多多", "sex": "male"} for n in range(60)]
    many["contacts"] += [many["contacts"][0] | {"id": f"y{n}", "child": f"m{n}"} for n in range(60)]
    # SQLite takes some 50 rows of a wide table per statement; a query per row would be 60 and more.
    assert statements(many) <= few + 5


def test_the_command_says_what_it_loaded_and_what_is_wrong(tmp_path, capsys):
    file = tmp_path / "facts.json"
    file.write_text(json.dumps(facts()), encoding="utf-8")
    call_command("load_facts", str(file), "--json")
    assert json.loads(capsys.readouterr().out) == {"county": "341299", "children": 2, "contacts": 2}
    file.write_text(json.dumps(with_change("contacts", 1, kind="chat")), encoding="utf-8")
    with pytest.raises(CommandError) as error:
        call_command("load_facts", str(file))
    assert (error.value.returncode, str(error.value)) == (1, "contacts[1].kind：不认识 'chat'")
    file.write_text("[1", encoding="utf-8")
    with pytest.raises(CommandError):
        call_command("load_facts", str(file))
