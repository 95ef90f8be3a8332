"""Quotas (名额) with their over/under list, and cover of classes (包班)."""

import uuid

import pytest
from django.core.exceptions import ValidationError

from pairing import cover, pairings, quotas
from pairing.models import ClassCover, Quota
from registry.models import Post, School
from trust.models import AuditEvent, VersionConflict

from .conftest import DAY, SINCE

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def load_of(world, today, name):
    """One person's (pairings, minimum, maximum, over, under)."""
    schools = School.objects.filter(pk__in=[world.shimen.pk, world.point.pk])
    load = next(load for load in quotas.loads(schools, today) if load.staff.name == name)
    return load.pairings, load.minimum, load.maximum, load.over, load.under


def test_who_has_how_many_against_the_quota(world, today):
    pairings.pair_many(children=[world.an, world.bo, world.chen], staff=world.li, by=None)
    pairings.pair(child=world.an, staff=world.wang, kind="proxy", by=None)  # no 包保
    assert load_of(world, today, "李静") == (3, 1, 2, 1, 0)
    assert load_of(world, today, "王海") == (0, 1, 2, 0, 1)
    schools = School.objects.filter(pk=world.shimen.pk)
    assert [load.staff.name for load in quotas.over_quota(schools, today)] == ["李静"]
    assert sorted(load.staff.name for load in quotas.under_quota(schools, today)) == sorted(
        ["曾小川", "董副校", "张桂兰", "王海"]
    )
    assert [load.staff.name for load in quotas.loads(School.objects.filter(pk=world.qingshan.pk), today)] == [
        "钱老师", "秦校长",
    ]  # fmt: skip


def test_yesterdays_and_tomorrows_pairings_do_not_count(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    pairings.end_pairing(pairing=tie, ends_on=today - DAY, reason="wish", by=None)
    pairings.pair(child=world.bo, staff=world.li, by=None, starts_on=today + DAY)
    assert load_of(world, today, "李静")[0] == 0


def test_the_persons_own_quota_before_the_posts_before_the_schools(world, today):
    seen = [load_of(world, today, "张桂兰")[1:3]]
    for kind, person, least, most in (
        ("", None, 0, 1),
        ("class_teacher", None, 3, 4),
        ("", world.zhang, 2, 2),
    ):
        quotas.set_quota(
            school=world.shimen, post_kind=kind, staff=person, minimum=least, maximum=most, by=None
        )
        seen.append(load_of(world, today, "张桂兰")[1:3])
    assert seen == [(1, 2), (0, 1), (3, 4), (2, 2)]
    assert load_of(world, today, "李静")[1:3] == (0, 1)
    quotas.clear_quota(quota=Quota.objects.get(staff=world.zhang), by=None)
    assert load_of(world, today, "张桂兰")[1:3] == (3, 4)


def test_who_holds_two_posts_gets_the_larger_quota(world, today):
    Post.objects.create(
        staff=world.zhang, kind="teacher", county=world.county, school=world.shimen, starts_on=SINCE
    )
    quotas.set_quota(school=world.shimen, post_kind="teacher", minimum=2, maximum=2, by=None)
    quotas.set_quota(school=world.shimen, post_kind="class_teacher", minimum=4, maximum=4, by=None)
    assert load_of(world, today, "张桂兰")[1:3] == (4, 4)


def test_a_teaching_point_goes_by_its_managing_schools_quota(world, today):
    world.staff("吴点长", ("teacher", {"school": world.point}), school=world.point)
    quotas.set_quota(school=world.shimen, post_kind="teacher", minimum=3, maximum=5, by=None)
    assert load_of(world, today, "吴点长")[1:3] == (3, 5)


def test_a_quota_is_changed_by_one_person_at_a_time_and_signed(world):
    row = quotas.set_quota(
        school=world.shimen, post_kind="teacher", minimum=1, maximum=2, by=world.leader.user
    )
    quotas.set_quota(
        school=world.shimen, post_kind="teacher", minimum=2, maximum=3, by=None, expected=row.version
    )
    with pytest.raises(VersionConflict):
        quotas.set_quota(school=world.shimen, post_kind="teacher", minimum=1, maximum=9, by=None, expected=1)
    quotas.set_quota(
        school=world.shimen, post_kind="teacher", minimum=2, maximum=3, by=None
    )  # the same form again
    with pytest.raises(ValidationError):
        quotas.set_quota(school=world.shimen, post_kind="deputy", minimum=3, maximum=2, by=None)
    assert list(Quota.objects.values_list("minimum", "maximum")) == [(2, 3)]
    assert AuditEvent.objects.filter(action="set_quota").count() == 2


# --- cover -------------------------------------------------------------------------------------------------------------


def covers(school_class):
    """Valid covers, oldest first: (leader, from, to)."""
    found = ClassCover.objects.valid().filter(school_class=school_class).select_related("staff")
    return [(one.staff.name, one.starts_on, one.ends_on) for one in found.order_by("starts_on")]


def test_a_new_cover_ends_the_old_one_the_day_before(world, today):
    submission = uuid.uuid4()
    cover.cover_class(school_class=world.c31, staff=world.leader, starts_on=today - 9 * DAY, by=None)
    for _ in range(2):  # the same form twice
        cover.cover_class(
            school_class=world.c31,
            staff=world.deputy,
            starts_on=today,
            by=world.leader.user,
            submission=submission,
        )
    assert covers(world.c31) == [("曾小川", today - 9 * DAY, today - DAY), ("董副校", today, None)]
    assert AuditEvent.objects.filter(action="cover_class").count() == 2


def test_on_the_first_day_the_old_cover_is_cancelled_as_corrected(world, today):
    cover.cover_class(school_class=world.c31, staff=world.leader, starts_on=today, by=None)
    cover.cover_class(school_class=world.c31, staff=world.deputy, starts_on=today, by=None)
    assert covers(world.c31) == [("董副校", today, None)]


def test_only_the_leading_group_covers(world, today):
    for who in (world.li, world.other_leader):
        with pytest.raises(ValidationError) as error:
            cover.cover_class(school_class=world.c31, staff=who, starts_on=today, by=None)
        assert list(error.value.message_dict) == ["staff"]
    cover.cover_class(school_class=world.p11, staff=world.leader, starts_on=today, by=None)  # its 教学点
    assert (covers(world.c31), covers(world.p11)) == ([], [("曾小川", today, None)])


def test_a_cover_ends_and_is_cancelled(world, today):
    one = cover.cover_class(school_class=world.c31, staff=world.leader, starts_on=today, by=None)
    with pytest.raises(ValidationError):
        cover.end_cover(cover=one, ends_on=today - DAY, by=None)
    cover.end_cover(cover=one, ends_on=today, by=None)
    assert covers(world.c31) == [("曾小川", today, today)]
    cover.cancel_cover(cover=one, reason="填错班", by=None)
    assert covers(world.c31) == []
    with pytest.raises(ValidationError):
        cover.end_cover(cover=one, ends_on=today, by=None)
