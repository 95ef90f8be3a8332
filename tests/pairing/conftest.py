"""A small county for the tests of pairings: a school with a 教学点, a second school, their staff and children."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from registry.models import (
    CareListSpell,
    Child,
    County,
    Enrollment,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
)
from trust.models import User

SINCE = date(2025, 9, 1)


@pytest.fixture
def today():
    """Today in Shanghai."""
    return timezone.localdate()


class World(SimpleNamespace):
    """Rows by name, and the means to add more."""

    def user(self, name):
        """An account."""
        return User.objects.create(username=f"u{User.objects.count()}", name=name, phone=None)

    def staff(self, name, *posts, school=None, **fields):
        """A member of staff with an account and posts: (kind, scope) pairs since SINCE."""
        person = Staff.objects.create(
            county=self.county,
            school=school or self.shimen,
            name=name,
            user=self.user(name),
            **fields,
        )
        for kind, scope in posts:
            Post.objects.create(staff=person, kind=kind, county=self.county, starts_on=SINCE, **scope)
        return person

    def child(self, name, school_class=None, *, school=None, listed=True, since=SINCE, village="柳溪村"):
        """A child in a class, on the care list."""
        child = Child.objects.create(county=self.county, name=name, sex="female", village=village)
        Enrollment.objects.create(
            child=child, school=school or school_class.school, school_class=school_class, starts_on=since
        )
        if listed:
            CareListSpell.objects.create(child=child, type="both_away", starts_on=since)
        return child


def _class(school, entry_year, number):
    return SchoolClass.objects.create(
        school=school, stage="primary", entry_year=entry_year, number=number, ends_on=date(2099, 7, 1)
    )


@pytest.fixture
def world(db):
    """The county as below."""
    return make_world()


def make_world():
    """石门小学 (with 柳溪教学点) and 青山小学."""
    w = World()
    w.county = County.objects.create(code="341299", name="青溪县")
    first = {"county": w.county, "first_used_on": SINCE}
    w.shimen = School.objects.create(code="QX001", name="石门小学", **first)
    w.point = School.objects.create(code="QX002", name="柳溪教学点", managing_school=w.shimen, **first)
    w.qingshan = School.objects.create(code="QX003", name="青山小学", **first)
    year = timezone.localdate().year
    w.c31, w.c21 = _class(w.shimen, year - 3, 1), _class(w.shimen, year - 2, 1)
    w.p11, w.q11 = _class(w.point, year - 1, 1), _class(w.qingshan, year - 1, 1)
    at_shimen, at_qingshan = {"school": w.shimen}, {"school": w.qingshan}
    w.leader = w.staff("曾小川", (PostKind.LEADER, at_shimen))
    w.deputy = w.staff("董副校", (PostKind.DEPUTY, at_shimen))
    w.zhang = w.staff("张桂兰", (PostKind.CLASS_TEACHER, {**at_shimen, "school_class": w.c31}))
    w.li = w.staff("李静", (PostKind.TEACHER, at_shimen))
    w.wang = w.staff("王海", (PostKind.TEACHER, at_shimen))
    w.other_leader = w.staff("秦校长", (PostKind.LEADER, at_qingshan), school=w.qingshan)
    w.other_teacher = w.staff("钱老师", (PostKind.TEACHER, at_qingshan), school=w.qingshan)
    w.county_officer = w.staff("周股长", (PostKind.COUNTY_OFFICER, {}))
    w.an, w.bo = w.child("安小一", w.c31), w.child("薄小二", w.c31)
    w.chen = w.child("陈小三", w.c21, village="上河村")
    w.ding = w.child("丁小四", w.p11)
    w.far = w.child("范小五", w.q11)
    return w


@pytest.fixture
def signed_in(client):
    """Sign a member of staff in: ``signed_in(staff)`` gives the client."""

    def enter(staff):
        client.force_login(staff.user)
        return client

    return enter


DAY = timedelta(days=1)
