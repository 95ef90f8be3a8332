"""A county small enough to count by hand: two schools and a 教学点, eight children, a closed October, a running November."""

from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

from activities.checks import check_month
from activities.facts import facts_uid, load_facts
from registry.models import ActivityCenter, Child, County, School, SchoolClass, Staff
from trust.models import User

CODE = "341299"
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=timezone(timedelta(hours=8)))  # a Tuesday
OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
START = "2026-09-01"

STAFF = {
    "zhang": ("张桂兰", "s1", [("class_teacher", {"class": "c1"})]),
    "yang": ("杨帆", "s1", [("class_teacher", {"class": "c2"})]),
    "zhou": ("周明远", "s1", [("leader", {})]),
    "wu": ("吴建国", "s1", [("deputy", {})]),
    "head": ("龙翠英", "s1", [("grade_head", {"grade": 4})]),
    "wei": ("卫东方", "s1", [("archivist", {})]),
    "sun": ("孙立群", "s1", [("group_member", {})]),
    "shi": ("石宏图", "s1", [("subject_teacher", {"class": "c1"})]),
    "tang": ("汤卫民", "p1", [("class_teacher", {"class": "cp"})]),
    "han": ("韩梅英", "s2", [("class_teacher", {"class": "c3"})]),
    "shen": ("沈刚毅", "s2", [("leader", {})]),
    "qin": ("秦岚岚", None, [("county_officer", {})]),
    "xu": ("许敏敏", None, [("womens_federation", {})]),
    "jiang": ("蒋勇勇", None, [("district_officer", {"district": "d1"})]),
}
CHILDREN = {
    "an": ("李安安", "s1", "c1"),
    "bin": ("王彬彬", "s1", "c1"),
    "cui": ("赵翠翠", "s1", "c1"),
    "dan": ("孙丹丹", "s1", "c2"),
    "nan": ("何楠楠", "s1", None),
    "pei": ("唐培培", "p1", "cp"),
    "xin": ("龙欣欣", "s2", "c3"),
    "yu": ("彭宇宇", "s2", "c3"),
}


def talk(child, staff, day, recorded_at=None, **more):
    """A talk of the facts format, entered at noon of its day unless said."""
    return {
        "id": f"{child}-{day}", "child": child, "kind": "talk", "day": day, "channel": "in_person", "parties": ["child"],
        "staff": staff, "recorded_at": recorded_at or f"{day}T12:00", "words": f"和{CHILDREN[child][0]}聊了想家的事",
    } | more  # fmt: skip


def rule(code, name, **fields):
    """A rule of the facts format: a monthly talk by the class teacher unless said."""
    row = {
        "code": code, "name": name, "subject": "child", "kinds": ["talk"], "parties": ["child"],
        "actors": ["class_teacher"], "minimum": 1, "per": "month", "responsible": "class_teacher", "strength": "must",
        "active": True, "valid_from": START,
    }  # fmt: skip
    return row | fields


RULES = [
    rule("F02", "班主任每月谈心"),
    rule("F08", "班主任每学期家访", kinds=["home_visit"], parties=[], per="term"),
    rule("F39", "之家每周开放", subject="center", kinds=["opening"], parties=[], actors=[], per="week",
         responsible="center_manager"),
    rule("F64", "每个孩子有包保教师", measure="open_primary_pairings", kinds=[], parties=[], actors=[], maximum=1,
         responsible="leader"),
    # A school's own: seen inside the school, never beyond it.
    rule("F02", "本校每周谈心", owner="s1", per="week"),
]  # fmt: skip


def facts():
    """The county in the facts format."""
    talks = [
        talk("an", "zhang", "2026-10-12"),
        talk("bin", "zhang", "2026-10-09", "2026-10-30T12:00"),  # three weeks later: 补录
        talk("cui", "zhang", "2026-10-20", "2026-11-10T12:00"),  # after closing: an amendment
        talk("nan", "zhou", "2026-10-13"),  # while it has no class, the leader holds the role
        talk("xin", "han", "2026-10-14"),
        talk("an", "zhang", "2026-11-10"),
    ]
    return {
        "county": {"code": CODE, "name": "青溪县"},
        "districts": [{"id": "d1", "name": "城东学区"}, {"id": "d2", "name": "城西学区"}],
        "schools": [
            {"id": "s1", "code": "QX001", "name": "石门小学", "district": "d1", "stages": ["primary"], "first_used_on": START},
            {"id": "p1", "code": "QX002", "name": "柳溪教学点", "district": "d1", "stages": ["primary"],
             "managing_school": "s1", "first_used_on": START},
            {"id": "s2", "code": "QX003", "name": "枫林小学", "district": "d2", "stages": ["primary"], "first_used_on": START},
        ],
        "school_years": [{"year": 2026, "confirmed": True}],
        "terms": [{"year": 2026, "season": "autumn", "starts_on": START, "ends_on": "2027-01-22"}],
        "classes": [
            {"id": "c1", "school": "s1", "stage": "primary", "entry_year": 2023, "number": 1},
            {"id": "c2", "school": "s1", "stage": "primary", "entry_year": 2025, "number": 1},
            {"id": "cp", "school": "p1", "stage": "primary", "entry_year": 2025, "number": 1},
            {"id": "c3", "school": "s2", "stage": "primary", "entry_year": 2023, "number": 1},
        ],
        "centers": [{"id": "h1", "name": "石门之家", "school": "s1", "starts_on": START}],
        "staff": [{"id": key, "name": name, "school": school} for key, (name, school, _) in STAFF.items()],
        "posts": [
            {"staff": key, "kind": kind, "starts_on": START, **({"school": school} if school else {}), **more}
            for key, (_, school, posts) in STAFF.items()
            for kind, more in posts
        ],
        "children": [{"id": key, "name": name, "sex": "female", "birth_date": "2016-05-03", "village": "柳溪村"}
                     for key, (name, _, _) in CHILDREN.items()],
        "enrollments": [{"child": key, "school": school, "class": where, "starts_on": START}
                        for key, (_, school, where) in CHILDREN.items()],
        "care_list": [{"child": key, "type": "both_away", "starts_on": START} for key in CHILDREN],
        "guardians": [{"id": "nai", "name": "吴秀英", "sex": "female", "phones": ["13800008123"]}],
        "kinships": [{"child": "an", "guardian": "nai", "relation": "grandmother"}],
        "guardianships": [{"child": "an", "guardian": "nai", "authority": "informal", "starts_on": START}],
        "pairings": [{"child": key, "staff": "han" if school == "s2" else "yang", "kind": "primary", "starts_on": START,
                      "recorded_at": f"{START}T10:00"} for key, (_, school, _) in CHILDREN.items() if key != "nan"],
        "contacts": talks,
        "openings": [{"center": "h1", "day": day, "staff": ["yang"], "recorded_at": f"{day}T17:00"}
                     for day in ("2026-11-03", "2026-11-10", "2026-11-11")],
        "excuses": [{"subject_kind": "child", "subject": "dan", "starts_on": "2026-10-01", "ends_on": "2026-10-31",
                     "rules": [], "reason": "住院", "requested_by": "yang", "approved_by": "zhou",
                     "approved_at": "2026-10-28T09:00"}],
        "seeded_rules": False,
        "rules": RULES,
    }  # fmt: skip


def uid(list_name, key):
    """The uid of a row of the world."""
    return facts_uid(CODE, list_name, key)


def build():
    """Loads the world, closes October; users are called after their staff ids. Call it inside travel to ``NOW``."""
    data = facts()
    for key, (name, _, _) in STAFF.items():  # excuses name accounts, which must be there first
        User.objects.create_user(key, "x", name=name)
    load_facts(data | {"excuses": []})
    for key in STAFF:
        Staff.objects.filter(uid=uid("staff", key)).update(user=User.objects.get(username=key))
    load_facts({"county": data["county"], "seeded_rules": False, "excuses": data["excuses"]})
    world = SimpleNamespace(county=County.objects.get(code=CODE))
    for key in STAFF:
        setattr(world, key, User.objects.get(username=key))
    for key in CHILDREN:
        setattr(world, key, Child.objects.get(uid=uid("children", key)))
    world.school, world.point, world.other = (
        School.objects.get(uid=uid("schools", key)) for key in ("s1", "p1", "s2")
    )
    world.c1, world.c2, world.c3 = (
        SchoolClass.objects.get(uid=uid("classes", k)) for k in ("c1", "c2", "c3")
    )
    world.center = ActivityCenter.objects.get(uid=uid("centers", "h1"))
    check_month(world.county, OCTOBER, now=NOW)
    return world


def asked(captured):
    """Queries of a page without the one audit row it writes and the marks of its transaction."""
    marks = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", 'INSERT INTO "trust_auditevent"')
    return [query["sql"] for query in captured if not query["sql"].startswith(marks)]
