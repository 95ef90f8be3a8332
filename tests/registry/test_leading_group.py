"""The leading group on any day, vacant posts, earlier holders; the duties of posts by county and school."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from registry import duty_texts, leading_group, staff
from registry.models import DutyText, Post, PostKind, Staff
from trust.models import AuditEvent, VersionConflict

pytestmark = pytest.mark.django_db


def names(client, user, school, **query):
    client.force_login(user)
    answer = client.get(reverse("registry:leading_group", args=[school.uid]), query)
    assert answer.status_code == 200
    return answer, [f"{post.get_kind_display()} {post.staff.name}" for post in answer.context["group"]]


@pytest.mark.db
def test_a_change_of_leader_leaves_the_old_group_as_it_was(cast, client):
    today = timezone.localdate()
    old = Post.objects.get(school=cast.school, kind=PostKind.LEADER)
    answer, before = names(client, cast.leader, cast.school)
    assert f"组长（校长） {old.staff.name}" in before
    new = Staff.objects.create(county=cast.county, school=cast.school, name="新校长")
    staff.hand_over(old, by=cast.leader, to=new, starts_on=today)
    _, now = names(client, cast.deputy, cast.school)
    assert "组长（校长） 新校长" in now and f"组长（校长） {old.staff.name}" not in now
    answer, then = names(client, cast.deputy, cast.school, day=(today - timedelta(days=1)).isoformat())
    assert sorted(then) == sorted(before)
    gone = [(post.staff.name, post.ends_on) for post in answer.context["history"]]
    assert (old.staff.name, today - timedelta(days=1)) in gone
    assert today in leading_group.change_days(cast.school)


def test_posts_that_nobody_holds_are_named(cast):
    vacant = {one.words for one in leading_group.expected_posts(cast.school) if one.vacant}
    assert "组长（校长）" not in vacant
    Post.objects.filter(school=cast.school, kind=PostKind.ARCHIVIST).delete()
    Post.objects.filter(school_class=cast.class_a, kind=PostKind.CLASS_TEACHER).delete()
    vacant = {one.words for one in leading_group.expected_posts(cast.school) if one.vacant}
    assert {"档案管理员", f"{cast.class_a}班主任"} <= vacant
    # a 教学点 is led from the school that manages it
    assert "组长（校长）" not in {one.words for one in leading_group.expected_posts(cast.point)}


def test_a_wrong_day_shows_today(cast, client):
    _, now = names(client, cast.leader, cast.school)
    _, wrong = names(client, cast.leader, cast.school, day="哪天")
    assert wrong == now


def test_the_group_costs_the_same_with_more_members(cast, client, django_assert_max_num_queries):
    client.force_login(cast.leader)
    url = reverse("registry:leading_group", args=[cast.school.uid])
    client.get(url)
    with django_assert_max_num_queries(13):
        client.get(url)
    for number in range(5):
        person = Staff.objects.create(county=cast.county, school=cast.school, name=f"成员{number}")
        staff.add_post(
            person, by=None, kind=PostKind.GROUP_MEMBER, starts_on=date(2026, 9, 1), school=cast.school
        )
    with django_assert_max_num_queries(13):
        client.get(url)


# --- 职责 ---------------------------------------------------------------------------------------------------------------


def text_of(school, kind=PostKind.ARCHIVIST):
    return next((one.text, one.source) for one in duty_texts.texts_of(school) if one.kind == kind)


@pytest.mark.db
def test_a_school_s_own_words_stand_before_the_county_s(cast):
    assert text_of(cast.school)[1] == duty_texts.SAMPLE
    duty_texts.write(PostKind.ARCHIVIST, county=cast.county, text="县里的话", by=None, expected=0)
    assert text_of(cast.school) == ("县里的话", duty_texts.COUNTY)
    row = duty_texts.write(
        PostKind.ARCHIVIST, county=cast.county, school=cast.school, text="本校的话", by=None, expected=0
    )
    assert (text_of(cast.school)[0], text_of(cast.other)[0]) == ("本校的话", "县里的话")
    duty_texts.write(
        PostKind.ARCHIVIST, county=cast.county, school=cast.school, text="", by=None, expected=row.version
    )
    assert text_of(cast.school) == ("县里的话", duty_texts.COUNTY)
    assert DutyText.objects.filter(school=cast.school).count() == 1  # nothing is deleted


@pytest.mark.db
def test_two_writers_at_once_are_told(cast):
    write = {"county": cast.county, "school": cast.school, "by": None}
    row = duty_texts.write(PostKind.LEADER, text="一", expected=0, **write)
    duty_texts.write(PostKind.LEADER, text="二", expected=row.version, **write)
    with pytest.raises(VersionConflict):
        duty_texts.write(PostKind.LEADER, text="三", expected=row.version, **write)


def test_the_holder_reads_the_own_duties(cast, client):
    client.force_login(cast.leader)
    url = reverse("registry:duty_text_edit", args=[cast.school.uid, "class_teacher"])
    assert client.post(url, {"version": 0, "text": "每天放学前看一眼名单"}).status_code == 302
    client.force_login(cast.teacher)
    page = client.get(reverse("registry:my_duties")).content.decode()
    assert "每天放学前看一眼名单" in page and "本校写的" in page
    assert reverse("registry:my_duties") in client.get(reverse("trust:account")).content.decode()
    entry = AuditEvent.objects.get(action="write_duty_text")
    assert (entry.detail, entry.kind) == ("班主任", "dutytext")
    assert client.post(url, {"version": 1, "text": "改"}).status_code == 403


def test_the_county_writes_the_template(cast, client):
    client.force_login(cast.county_officer)
    url = reverse("registry:county_duty_text_edit", args=[cast.county.uid, "leader"])
    assert client.post(url, {"version": 0, "text": "县里定的组长职责"}).status_code == 302
    client.force_login(cast.teacher)
    page = client.get(reverse("registry:duty_texts", args=[cast.school.uid])).content.decode()
    assert "县里定的组长职责" in page and "改职责" not in page
    assert client.get(reverse("registry:duty_text_edit", args=[cast.school.uid, "nobody"])).status_code in (
        403,
        404,
    )


def test_every_post_of_a_school_has_a_sample():
    assert set(duty_texts.samples()) == {str(kind) for kind in duty_texts.KINDS}
