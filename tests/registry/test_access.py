"""Which children each post sees: own, same class, same school, 教学点, another school, left, moved, graduated."""

import datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from registry import access, stated_reasons
from registry.models import Child, Post, PostKind
from trust.models import AuditEvent

from .cast import make_child, make_user, names

IN_SCHOOL = [
    "何静怡",
    "唐志强",
    "彭文博",
    "李小满",
    "覃佳怡",
    "赵雨桐",
    "陈浩宇",
]  # leavers and 教学点 included
HERE_NOW = ["何静怡", "唐志强", "李小满", "覃佳怡", "陈浩宇"]

SEEN = {
    # account: (files, names)
    "teacher": (["李小满"], ["李小满"]),
    "teacher_b": (["陈浩宇"], ["陈浩宇"]),
    "subject": ([], ["李小满"]),
    "duty": ([], []),
    "plain": ([], []),
    "grade_head": (["李小满", "陈浩宇"], ["李小满", "陈浩宇"]),
    "leader": (IN_SCHOOL, IN_SCHOOL),
    "deputy": (IN_SCHOOL, IN_SCHOOL),
    "office": (IN_SCHOOL, IN_SCHOOL),
    "member": ([], HERE_NOW),
    "manager": ([], HERE_NOW),
    "counselor": ([], []),
    "archivist": (IN_SCHOOL, IN_SCHOOL),
    "other_leader": (["杨晓东", "龙小凤"], ["杨晓东", "龙小凤"]),
    "other_teacher": (["杨晓东", "龙小凤"], ["杨晓东", "龙小凤"]),
    "district_officer": ([], []),
    "county_officer": ([], []),
    "federation": ([], []),
    "inspector": ([], []),
    "admin": ([], []),
    "nobody": ([], []),
}


@pytest.mark.parametrize("who", SEEN)
def test_each_post_sees_exactly_its_children(cast, who):
    user = getattr(cast, who)
    files, known = SEEN[who]
    assert names(Child.objects.visible_to(user)) == sorted(files)
    assert names(Child.objects.named_to(user)) == sorted(known)


def test_every_kind_of_post_is_in_the_cast(cast):
    assert set(Post.objects.values_list("kind", flat=True)) == set(access.TABLE) == set(PostKind)


def test_a_post_that_ended_yesterday_opens_nothing(cast):
    Post.objects.filter(staff__user=cast.teacher).update(
        ends_on=timezone.localdate() - datetime.timedelta(days=1)
    )
    assert names(Child.objects.visible_to(cast.teacher)) == []


def test_a_closed_account_opens_nothing(cast):
    cast.leader.is_active = False
    assert names(Child.objects.visible_to(cast.leader)) == []


def test_one_account_sees_the_union_of_its_posts(cast):
    staff = cast.teacher.staff
    Post.objects.create(
        staff=staff, kind=PostKind.SUBJECT_TEACHER, county=cast.county, school=cast.school,
        school_class=cast.class_b, starts_on=datetime.date(2024, 9, 1),
    )  # fmt: skip
    assert names(Child.objects.visible_to(cast.teacher)) == ["李小满"]
    assert names(Child.objects.named_to(cast.teacher)) == ["李小满", "陈浩宇"]


def test_the_leader_of_a_teaching_point_does_not_see_the_managing_school(cast):
    head = make_user(cast.county, PostKind.LEADER, "负责人", school=cast.point)
    assert names(Child.objects.visible_to(head)) == ["唐志强"]


def test_a_child_enrolled_from_tomorrow_is_not_there_yet(cast):
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    make_child("明天来", cast.school, cast.class_a, starts_on=tomorrow)
    assert names(Child.objects.visible_to(cast.teacher)) == ["李小满"]


def test_a_stated_reason_opens_one_school_for_two_hours(cast):
    row = stated_reasons.state_reason(by=cast.county_officer, school=cast.school, reason="核对补助名单")
    assert names(Child.objects.visible_to(cast.county_officer)) == ["何静怡", "李小满", "覃佳怡", "陈浩宇"]
    row.expires_at = timezone.now()
    row.save()
    assert names(Child.objects.visible_to(cast.county_officer)) == []


def test_a_reason_for_a_school_beyond_the_district_opens_nothing(cast):
    with pytest.raises(PermissionDenied):
        stated_reasons.state_reason(by=cast.district_officer, school=cast.other, reason="核对补助名单")
    assert names(Child.objects.visible_to(cast.district_officer)) == []


def test_the_page_of_reasons(cast, client):
    client.force_login(cast.county_officer)
    new = reverse("registry:stated_reason_new")
    short = client.post(new, {"school": str(cast.school.uid), "reason": "看"})
    assert "请写清做什么用" in short.content.decode()
    answer = client.post(new, {"school": str(cast.school.uid), "reason": "核对秋季补助名单"})
    assert answer.status_code == 302
    page = client.get(answer.url).content.decode()
    assert "李小满" in page and "龙小凤" not in page and "名单打开到" in page
    entry = AuditEvent.objects.get(action="state_reason")
    assert (entry.reason, entry.object_uid, entry.actor_uid) == (
        "核对秋季补助名单",
        cast.school.uid,
        cast.county_officer.uid,
    )


def test_reasons_are_reviewed_by_somebody_else(cast, client):
    row = stated_reasons.state_reason(by=cast.county_officer, school=cast.school, reason="核对补助名单")
    review = reverse("registry:stated_reason_review", args=[row.uid])
    client.force_login(cast.other_leader)
    assert client.post(review).status_code == 404
    client.force_login(cast.county_officer)
    client.post(review)
    row.refresh_from_db()
    assert row.reviewed_at is None
    client.force_login(cast.leader)
    assert "核对补助名单" in client.get(reverse("registry:stated_reason_list")).content.decode()
    client.post(review)
    row.refresh_from_db()
    assert row.reviewed_by == cast.leader


@pytest.mark.parametrize("who", ["teacher", "leader", "federation", "inspector", "admin", "nobody"])
def test_only_district_and_county_state_reasons(cast, client, who):
    client.force_login(getattr(cast, who))
    assert client.get(reverse("registry:stated_reason_new")).status_code == 403


def test_a_school_outside_the_scope_cannot_be_named(cast, client):
    client.force_login(cast.district_officer)
    answer = client.post(
        reverse("registry:stated_reason_new"), {"school": str(cast.other.uid), "reason": "核对秋季补助名单"}
    )
    assert answer.status_code == 200
    assert list(cast.district_officer.stated_reasons.all()) == []


def test_classes_and_schools_one_may_edit(cast):
    def classes(user):
        return {str(c) for c in access.classes_for(user, access.Act.EDIT_CHILDREN)}

    assert classes(cast.teacher) == {"四(1)班"}
    assert access.classes_for(cast.leader, access.Act.EDIT_CHILDREN).count() == 5
    assert list(access.schools_whole(cast.teacher, access.Act.EDIT_CHILDREN)) == []
    assert {s.name for s in access.schools_whole(cast.leader, access.Act.EDIT_CHILDREN)} == {
        "石门小学",
        "柳溪教学点",
    }


def test_nobody_is_anonymous(cast):
    from django.contrib.auth.models import AnonymousUser

    assert list(Child.objects.visible_to(None)) == []
    assert list(Child.objects.visible_to(AnonymousUser())) == []
