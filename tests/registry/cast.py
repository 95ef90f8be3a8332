"""A small cast everyone knows: one county, two schools and a 教学点, one account per post, children in every position."""

import datetime
from types import SimpleNamespace

import pytest
from django.utils import timezone

from registry.models import (
    ActivityCenter,
    CareListSpell,
    Child,
    County,
    District,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    Phone,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
    Stage,
    grade_year,
)
from trust.models import User

LONG_AGO = datetime.date(2020, 9, 1)


def make_class(school, grade, number, **fields):
    """A primary class that is in ``grade`` today."""
    entry_year = grade_year(timezone.localdate()) - grade + 1
    fields.setdefault("ends_on", datetime.date(entry_year + 6, 7, 10))
    return SchoolClass.objects.create(
        school=school, stage=Stage.PRIMARY, entry_year=entry_year, number=number, **fields
    )


def make_user(county, kind=None, name="某老师", username=None, school=None, **scope):
    """An account with a member of staff and, with ``kind``, a post."""
    username = username or f"user{User.objects.count() + 1}"
    user = User.objects.create_user(username, name=name)
    staff = Staff.objects.create(county=county, school=school, user=user, name=name)
    if kind:
        Post.objects.create(staff=staff, kind=kind, county=county, school=school, starts_on=LONG_AGO, **scope)
    return user


def make_child(
    name,
    school,
    school_class=None,
    *,
    listed="both_away",
    starts_on=None,
    ends_on=None,
    sex="female",
    **fields,
):
    """A child at a school; on the care list unless ``listed`` is empty."""
    starts_on = starts_on or timezone.localdate() - datetime.timedelta(days=60)
    child = Child.objects.create(county=school.county, name=name, sex=sex, **fields)
    Enrollment.objects.create(
        child=child, school=school, school_class=school_class, starts_on=starts_on, ends_on=ends_on
    )
    if listed:
        CareListSpell.objects.create(child=child, type=listed, starts_on=starts_on)
    return child


def make_adult(*children, name="王秀英", relation="grandmother", phone="13800008000", cares=True, **fields):
    """An adult of a family, with a phone, who cares for the children."""
    adult = Guardian.objects.create(county=children[0].county, name=name, **fields)
    for child in children:
        Kinship.objects.create(child=child, guardian=adult, relation=relation)
        if cares:
            Guardianship.objects.create(
                child=child, guardian=adult, starts_on=timezone.localdate() - datetime.timedelta(days=30)
            )
    if phone:
        Phone.objects.create(guardian=adult, number=phone)
    return adult


@pytest.fixture
def cast(db):
    """The whole cast; nothing about pairings, which live a floor above."""
    county = County.objects.create(code="341299", name="青溪县")
    district = District.objects.create(county=county, code="d1", name="城东学区")
    other_district = District.objects.create(county=county, code="d2", name="城西学区")
    school = School.objects.create(
        county=county, district=district, code="s1", name="石门小学", first_used_on=LONG_AGO
    )
    point = School.objects.create(
        county=county,
        district=district,
        code="s2",
        name="柳溪教学点",
        managing_school=school,
        first_used_on=LONG_AGO,
    )
    other = School.objects.create(
        county=county, district=other_district, code="s3", name="枫林小学", first_used_on=LONG_AGO
    )
    c = SimpleNamespace(county=county, district=district, school=school, point=point, other=other)
    c.class_a, c.class_b = make_class(school, 4, 1), make_class(school, 4, 2)
    c.class_young = make_class(school, 2, 1)
    c.class_point, c.class_other = make_class(point, 2, 1), make_class(other, 4, 1)
    c.class_gone = make_class(school, 7, 1)  # graduated last summer
    c.center = ActivityCenter.objects.create(
        county=county, school=school, name="石门之家", starts_on=LONG_AGO
    )

    def at(kind, name, where=school, **scope):
        return make_user(county, kind, name, school=where, **scope)

    c.teacher = at(PostKind.CLASS_TEACHER, "张桂兰", school_class=c.class_a)
    c.teacher_b = at(PostKind.CLASS_TEACHER, "杨帆", school_class=c.class_b)
    c.subject = at(PostKind.SUBJECT_TEACHER, "石宏", school_class=c.class_a)
    c.duty = at(PostKind.DUTY_TEACHER, "彭丽")
    c.plain = at(PostKind.TEACHER, "何平")
    c.grade_head = at(PostKind.GRADE_HEAD, "龙翠英", grade=4)
    c.leader = at(PostKind.LEADER, "周明远")
    c.deputy = at(PostKind.DEPUTY, "吴建国")
    c.office = at(PostKind.GROUP_OFFICE, "郑小兰")
    c.member = at(PostKind.GROUP_MEMBER, "孙立")
    c.manager = at(PostKind.CENTER_MANAGER, "钱芳", center=c.center)
    c.counselor = at(PostKind.COUNSELOR, "冯静")
    c.archivist = at(PostKind.ARCHIVIST, "卫东")
    c.other_leader = at(PostKind.LEADER, "沈刚", where=other)
    c.other_teacher = at(PostKind.CLASS_TEACHER, "韩梅", where=other, school_class=c.class_other)
    c.district_officer = at(PostKind.DISTRICT_OFFICER, "蒋勇", where=None, district=district)
    c.county_officer = at(PostKind.COUNTY_OFFICER, "秦岚", where=None)
    c.federation = at(PostKind.WOMENS_FEDERATION, "许敏", where=None)
    c.inspector = at(PostKind.INSPECTOR, "何伟", where=None)
    c.admin = at(PostKind.ADMINISTRATOR, "吕洋", where=None)
    c.nobody = make_user(county, name="无岗位")

    today = timezone.localdate()
    ago = datetime.timedelta
    c.own = make_child("李小满", school, c.class_a, village="柳溪村", birth_date=datetime.date(2016, 5, 3))
    c.beside = make_child("陈浩宇", school, c.class_b, sex="male")
    c.young = make_child("覃佳怡", school, c.class_young)
    c.seatless = make_child("何静怡", school, None)
    c.at_point = make_child("唐志强", point, c.class_point, sex="male")
    c.elsewhere = make_child("龙小凤", other, c.class_other)
    c.left = make_child("赵雨桐", school, c.class_a, ends_on=today - ago(days=5))
    c.graduated = make_child("彭文博", school, c.class_gone, starts_on=LONG_AGO, sex="male")
    c.moved = make_child("杨晓东", school, c.class_a, ends_on=today - ago(days=10), sex="male")
    Enrollment.objects.create(
        child=c.moved, school=other, school_class=c.class_other, starts_on=today - ago(days=9)
    )
    return c


def names(children):
    """Sorted names, for equality."""
    return sorted(child.name for child in children)
