"""A small county for the tests of contacts and of the center: two schools, three classes, a family of three."""

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from activities.facts import facts_uid, load_facts
from registry.models import ActivityCenter, Child, County, Phone, School, SchoolClass, Staff
from trust.models import User

CODE = "341299"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=timezone(timedelta(hours=8)))  # a Friday
START = "2026-09-01"

STAFF = {
    "zhang": ("张桂兰", "s1", [("class_teacher", {"class": "c1"})]),
    "wang": ("王建国", "s1", [("class_teacher", {"class": "c2"})]),
    "chen": ("陈校长", "s1", [("leader", {})]),
    "liu": ("刘老师", "s1", [("subject_teacher", {"class": "c1"})]),
    "sun": ("孙管理", "s1", [("center_manager", {"center": "h1"})]),
    "bao": ("包保田", "s1", [("teacher", {})]),
    "dang": ("党办", "s1", [("archivist", {})]),
    "zhao": ("赵老师", "s2", [("class_teacher", {"class": "c3"})]),
    "qian": ("钱科长", None, [("county_officer", {})]),
}
CHILDREN = {
    "man": ("李小满", "female", "2016-05-03", "c1"),
    "chuan": ("李小川", "male", "2018-02-01", "c2"),
    "siyu": ("陈思雨", "female", "2016-08-11", "c1"),
    "hao": ("罗佳豪", "male", "2016-01-20", "c1"),
    "dong": ("杨晓东", "male", "2015-12-09", "c3"),
}


def facts():
    """The county in the facts format."""
    return {
        "county": {"code": CODE, "name": "青溪县"},
        "schools": [
            {"id": "s1", "code": "QX001", "name": "石门小学", "stages": ["primary"], "first_used_on": START},
            {"id": "s2", "code": "QX002", "name": "柳溪小学", "stages": ["primary"], "first_used_on": START},
        ],
        "school_years": [{"year": 2026, "confirmed": True}],
        "terms": [{"year": 2026, "season": "autumn", "starts_on": START, "ends_on": "2027-01-22"}],
        "classes": [
            {"id": "c1", "school": "s1", "stage": "primary", "entry_year": 2023, "number": 2},
            {"id": "c2", "school": "s1", "stage": "primary", "entry_year": 2025, "number": 1},
            {"id": "c3", "school": "s2", "stage": "primary", "entry_year": 2023, "number": 1},
        ],
        "centers": [{"id": "h1", "name": "石门之家", "school": "s1", "starts_on": START},
                    {"id": "h2", "name": "柳溪之家", "school": "s2", "starts_on": START}],
        "staff": [{"id": key, "name": name, "school": school} for key, (name, school, _) in STAFF.items()],
        "posts": [
            {"staff": key, "kind": kind, "school": school, "starts_on": START, **more}
            for key, (_, school, posts) in STAFF.items()
            for kind, more in posts
        ],
        "children": [
            {"id": key, "name": name, "sex": sex, "birth_date": born}
            for key, (name, sex, born, _) in CHILDREN.items()
        ],
        "enrollments": [
            {"child": key, "school": "s2" if where == "c3" else "s1", "class": where, "starts_on": START}
            for key, (_, _, _, where) in CHILDREN.items()
        ],
        "care_list": [{"child": key, "type": "both_away", "starts_on": START} for key in CHILDREN],
        "guardians": [
            {"id": "ma", "name": "周秀英", "sex": "female", "phones": ["13900001000"]},
            {"id": "nai", "name": "王奶奶", "sex": "female", "phones": ["13900002000"]},
        ],
        "kinships": [
            {"child": child, "guardian": adult, "relation": relation}
            for child in ("man", "chuan")
            for adult, relation in (("ma", "mother"), ("nai", "grandmother"))
        ],
        "seeded_rules": False,
        "rules": [
            {
                "code": "F02", "name": "班主任每月谈心", "subject": "child", "measure": "records",
                "kinds": ["talk", "home_visit"], "parties": ["child"], "actors": ["class_teacher"],
                "minimum": 1, "per": "month", "responsible": "class_teacher", "strength": "must",
                "active": True, "valid_from": START,
            },
        ],
    }  # fmt: skip


def uid(list_name, key):
    """The uid of a row of the world."""
    return facts_uid(CODE, list_name, key)


def build():
    """Loads the world; users are called after their staff ids."""
    load_facts(facts())
    world = SimpleNamespace(county=County.objects.get(code=CODE))
    for key, (name, _, _) in STAFF.items():
        staff = Staff.objects.get(uid=uid("staff", key))
        staff.user = User.objects.create_user(key, "x", name=name)
        staff.save()
        setattr(world, key, staff)
    for key in CHILDREN:
        setattr(world, key, Child.objects.get(uid=uid("children", key)))
    world.mother_phone = Phone.objects.get(guardian__name="周秀英")
    world.school = School.objects.get(uid=uid("schools", "s1"))
    world.other_school = School.objects.get(uid=uid("schools", "s2"))
    world.c1 = SchoolClass.objects.get(uid=uid("classes", "c1"))
    world.center = ActivityCenter.objects.get(uid=uid("centers", "h1"))
    world.other_center = ActivityCenter.objects.get(uid=uid("centers", "h2"))
    return world
