"""Schools, classes, districts: entered, corrected, ended, each inside its scope."""

import datetime
import re

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from registry import places, staff
from registry.models import District, Enrollment, Post, PostKind, School, SchoolClass, Staff, Stage, Term
from registry.views.access_page import rows
from trust.models import AuditEvent, VersionConflict

from .cast import make_child

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate


def messages_of(error):
    return "；".join(error.value.messages)


def post_form(client, url, **data):
    """Send a page's form as it was opened: hidden and preset fields included."""
    form = client.get(url).context["form"]
    sent = {}
    for bound in form:
        value = bound.value()
        if value not in (None, "", False):
            sent[bound.html_name] = value
    sent.update(data)
    return client.post(url, {name: value for name, value in sent.items() if value is not None})


def test_an_administrator_registers_a_school_and_its_classes_in_one_go(client, cast):
    client.force_login(cast.admin)
    answer = post_form(
        client, reverse("registry:school_add", args=[cast.county.uid]),
        name="新塘学校", code="s9", stages=["primary", "junior"], system="54",
    )  # fmt: skip
    school = School.objects.get(code="s9")
    assert answer.status_code == 302 and answer["Location"] == school.get_absolute_url()
    assert places.grades_of(school) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    client.post(reverse("registry:classes_add", args=[school.uid]), {"grade_3": "2", "grade_8": "1"})
    names = sorted(
        one.name_on() for one in SchoolClass.objects.filter(school=school).select_related("school")
    )
    assert names == ["一(1)班", "一(2)班", "六(1)班"]
    sixth = SchoolClass.objects.get(school=school, stage=Stage.JUNIOR)
    assert sixth.entry_year == places.grade_year(TODAY())  # 六年级 is the first junior grade of a 五四 school
    # The same form again adds nothing.
    client.post(reverse("registry:classes_add", args=[school.uid]), {"grade_3": "2", "grade_8": "1"})
    assert SchoolClass.objects.filter(school=school).count() == 3
    assert AuditEvent.objects.filter(action="add_classes").count() == 1


def test_a_school_needs_a_stage_and_a_code_of_its_own(client, cast):
    client.force_login(cast.admin)
    url = reverse("registry:school_add", args=[cast.county.uid])
    page = post_form(client, url, name="某校", code="s1", stages=["primary"])
    assert "这个学校编号已经有了" in page.content.decode()
    page = post_form(client, url, name="某校", code="s8", stages=None)
    assert "至少选一个学段" in page.content.decode()
    assert School.objects.count() == 3


def test_the_last_day_of_a_class_follows_the_calendar_and_the_system(cast):
    year = places.grade_year(TODAY())
    Term.objects.create(
        county=cast.county, year=year, season="spring",
        starts_on=datetime.date(year + 1, 2, 22), ends_on=datetime.date(year + 1, 7, 3),
    )  # fmt: skip
    made = places.add_classes(cast.school, by=cast.admin, numbers={6: [9], 5: [9]})
    assert [one.ends_on for one in made] == [datetime.date(year + 2, 7, 31), datetime.date(year + 1, 7, 3)]


def test_two_people_who_edit_a_school_see_each_others_change(client, cast):
    client.force_login(cast.admin)
    url = reverse("registry:school_edit", args=[cast.school.uid])
    opened = client.get(url).context["form"]["version"].value()
    places.correct_school(School.objects.get(pk=cast.school.pk), by=None, expected=opened, village="石门村")
    page = post_form(client, url, version=opened, village="上石门村")
    assert "别人改过这一条" in page.content.decode()
    assert "石门村" in page.content.decode()
    cast.school.refresh_from_db()
    assert cast.school.village == "石门村"
    with pytest.raises(VersionConflict):
        places.correct_school(cast.school, by=None, expected=opened, village="别的村")


def test_a_teaching_point_cannot_manage_schools_nor_itself(cast):
    for school, managing, said in (
        (cast.other, cast.point, "自己是教学点"),
        (cast.school, cast.other, "下面还有教学点"),
        (cast.other, cast.other, "不能选学校自己"),
    ):
        with pytest.raises(ValidationError) as error:
            places.correct_school(school, by=cast.admin, expected=school.version, managing_school=managing)
        assert said in messages_of(error)


def test_a_class_ends_only_without_children_and_takes_its_posts_along(cast):
    staff.add_post(
        Staff.objects.get(user=cast.plain),
        by=None,
        kind=PostKind.CLASS_TEACHER,
        starts_on=TODAY(),
        school_class=cast.class_young,
    )
    make_child("李小满", cast.school, cast.class_young)
    today = TODAY()
    with pytest.raises(ValidationError) as error:
        places.end_class(
            cast.class_young, by=cast.leader, expected=cast.class_young.version, last_day=today, reason="并班"
        )
    assert "还有 2 个孩子在这个班" in messages_of(error)
    Enrollment.objects.filter(school_class=cast.class_young).update(ends_on=today)
    places.end_class(
        cast.class_young, by=cast.leader, expected=cast.class_young.version, last_day=today, reason="并班"
    )
    assert list(
        Post.objects.filter(school_class=cast.class_young).values_list("ends_on", flat=True).distinct()
    ) == [today]
    assert cast.class_young not in SchoolClass.objects.running_on(today + datetime.timedelta(days=1))


def test_a_stage_in_use_stays(cast):
    with pytest.raises(ValidationError) as error:
        places.correct_school(
            cast.school, by=cast.admin, expected=cast.school.version, has_primary=False, has_junior=True
        )
    assert "还有 3 个班在用" in messages_of(error)


def test_a_school_that_closes_ends_its_classes_and_posts(cast):
    yesterday = TODAY() - datetime.timedelta(days=1)
    Enrollment.objects.filter(school=cast.other).update(ends_on=yesterday)
    places.end_school(cast.other, by=cast.admin, last_day=yesterday, reason="并入石门小学")
    cast.class_other.refresh_from_db()
    assert cast.class_other.ends_on == yesterday
    assert not Post.objects.today().filter(school=cast.other).exists()
    Enrollment.objects.filter(school=cast.school).update(ends_on=yesterday)
    with pytest.raises(ValidationError) as error:
        places.end_school(cast.school, by=cast.admin, last_day=yesterday, reason="x")
    assert "还有教学点" in messages_of(error)


@pytest.mark.parametrize(
    "name", ["school_detail", "school_edit", "school_end", "classes_add", "class_add", "leading_group"]
)
def test_a_foreign_school_is_not_there(client, cast, name):
    client.force_login(cast.leader)
    assert client.get(reverse(f"registry:{name}", args=[cast.other.uid])).status_code == 404


def test_what_a_post_may_not_do_is_refused(client, cast):
    client.force_login(cast.teacher)
    assert client.get(reverse("registry:settings")).status_code == 403
    assert client.get(reverse("registry:school_edit", args=[cast.school.uid])).status_code == 403
    assert client.get(reverse("registry:classes_add", args=[cast.school.uid])).status_code == 403
    client.force_login(cast.leader)  # runs the school, not the county
    assert client.get(reverse("registry:settings")).status_code == 200
    assert client.get(reverse("registry:county_edit", args=[cast.county.uid])).status_code == 403
    assert client.get(reverse("registry:school_edit", args=[cast.school.uid])).status_code == 403
    assert client.get(reverse("registry:district_list")).status_code == 403
    assert client.get(reverse("registry:classes_add", args=[cast.school.uid])).status_code == 200


def test_districts_are_added_and_corrected_once_per_code(client, cast):
    client.force_login(cast.admin)
    url = reverse("registry:district_add", args=[cast.county.uid])
    client.post(url, {"code": "d3", "name": "北山学区"})
    again = client.post(url, {"code": "d3", "name": "又一个"})
    assert "这个学区编号已经有了" in again.content.decode()
    district = District.objects.get(code="d3")
    client.post(reverse("registry:district_edit", args=[district.uid]), {"code": "d3", "name": "北山中心校"})
    district.refresh_from_db()
    assert district.name == "北山中心校"


def test_pages_cost_the_same_however_many_classes(client, cast, django_assert_max_num_queries):
    places.add_classes(cast.school, by=None, numbers={grade: range(1, 9) for grade in range(1, 7)})
    client.force_login(cast.leader)
    for name, args in (("school_detail", [cast.school.uid]), ("settings", []), ("school_list", [])):
        with django_assert_max_num_queries(25):
            assert client.get(reverse(f"registry:{name}", args=args)).status_code == 200


def test_a_class_page_names_its_teacher_or_says_that_there_is_none(client, cast):
    client.force_login(cast.leader)
    assert "张桂兰" in client.get(cast.class_a.get_absolute_url()).content.decode()
    assert "现在没有班主任" in client.get(cast.class_young.get_absolute_url()).content.decode()


def test_the_page_of_posts_prints_every_line_of_the_table(client, cast):
    client.force_login(cast.teacher)
    text = client.get(reverse("registry:access_table")).content.decode()
    assert [row["kind"] for row in rows()] == list(PostKind)
    for row in rows():
        assert row["label"] in text and row["children"] in text
    assert len(re.findall("您的</span>", text)) == 1
