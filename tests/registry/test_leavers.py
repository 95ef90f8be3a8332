"""离校学生档案: who is listed, from which day a file is sealed, what opens it and for whom."""

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from registry import access, leavers
from registry.calendar import school_year_of
from registry.models import Child, Enrollment, StatedReason
from trust.models import AuditEvent

from .cast import LONG_AGO, make_child, make_class

pytestmark = pytest.mark.django_db
LIST = "registry:leaver_list"


def this_year():
    return school_year_of(timezone.localdate())


@pytest.fixture
def old(cast):
    """傅小山 left 石门小学 on the last day of the school year before the last one, with a destination."""
    last = date(this_year() - 1, 8, 31)
    child = make_child("傅小山", cast.school, cast.class_a, starts_on=LONG_AGO, ends_on=last)
    child.enrollments.update(end_reason="转学到外县，去青山县一小")
    return child


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def open_path(child):
    return reverse("registry:leaver_open", args=[child.uid])


def test_a_file_is_in_use_to_the_end_of_the_next_school_year():
    assert access.in_use_since(date(2027, 8, 31)) == date(2025, 9, 1)
    assert access.in_use_since(date(2027, 9, 1)) == date(
        2026, 9, 1
    )  # from that day who left by 31 August 2026


@pytest.mark.db
def test_who_left_a_day_later_is_still_in_use(cast, old):
    child = make_child(
        "谷小河", cast.school, cast.class_a, starts_on=LONG_AGO, ends_on=date(this_year() - 1, 9, 1)
    )
    seen = set(Child.objects.visible_to(cast.leader))
    assert child in seen and old not in seen


@pytest.mark.db
def test_a_sealed_file_is_in_no_list_no_search_no_page(cast, client, old):
    for reader in (cast.leader, cast.deputy, cast.office, cast.archivist):
        assert old not in Child.objects.named_to(reader)
    client.force_login(cast.leader)
    assert client.get(old.get_absolute_url()).status_code == 404
    assert "傅小山" not in client.get(reverse("registry:child_list"), {"show": "left"}).content.decode()
    client.post(reverse("registry:child_search"), {"q": "傅小山"})
    assert "没有找到" in text(client.get(reverse("registry:child_found")))


def test_a_class_that_ended_seals_too(cast):
    cast.class_gone.ends_on = date(this_year() - 1, 7, 5)
    cast.class_gone.save()
    assert cast.graduated not in Child.objects.visible_to(cast.leader)
    assert [one.child for one in leavers.left_in(cast.leader, this_year() - 2)] == [cast.graduated]


@pytest.mark.db
def test_the_list_by_school_year(cast, client, old):
    client.force_login(cast.archivist)
    expected = {this_year() - 2: 1}
    for child in (cast.left, cast.graduated):
        (seat,) = leavers.leavers(cast.archivist).filter(child=child)
        expected[school_year_of(seat.last_day)] = expected.get(school_year_of(seat.last_day), 0) + 1
    assert leavers.counts_by_year(cast.archivist) == sorted(
        expected.items(), reverse=True
    )  # 杨晓东 is at 枫林小学
    year = this_year() - 2
    page = text(client.get(reverse(LIST), {"year": year}))
    assert f"{year}—{year + 1} 学年离校 1 人" in page
    assert f"{year + 1}-08-31 转学到外县，去青山县一小 已封存 写明用途打开 县里还没定" in page
    assert "还没定离校后保管几年" in page
    cast.county.keep_leavers_years, cast.county.keep_leavers_source = 10, "青教〔2026〕12号"
    cast.county.save()
    page = text(client.get(reverse(LIST), {"year": year}))
    assert f"写明用途打开 {year + 11}-08-31" in page and "保管 10 年，依据青教〔2026〕12号" in page
    assert "这个学年没有离校的孩子" in text(client.get(reverse(LIST), {"year": "1999"}))


def test_opened_with_a_reason_for_two_hours_and_reviewed(cast, client, old):
    client.force_login(cast.leader)
    path = open_path(old)
    assert "请写清做什么用" in text(client.post(path, {"reason": "看"}))
    assert client.get(old.get_absolute_url()).status_code == 404
    answer = client.post(path, {"reason": "家长来开就读证明"})
    assert answer["Location"] == old.get_absolute_url()
    assert client.get(old.get_absolute_url()).status_code == 200
    entry = AuditEvent.objects.get(action="open_sealed")
    assert (entry.child_uid, entry.reason, entry.actor_uid) == (old.uid, "家长来开就读证明", cast.leader.uid)
    assert client.post(path, {"reason": "家长来开就读证明"}).status_code == 302
    row = StatedReason.objects.get()
    assert old not in Child.objects.visible_to(cast.archivist)
    client.force_login(cast.county_officer)
    assert "封存档案一份" in text(client.get(reverse("registry:stated_reason_list")))
    client.post(reverse("registry:stated_reason_review", args=[row.uid]))
    row.refresh_from_db()
    assert row.reviewed_by == cast.county_officer
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()
    client.force_login(cast.leader)
    assert client.get(old.get_absolute_url()).status_code == 404


def test_a_reason_for_one_file_opens_no_names(cast, old):
    StatedReason.objects.create(
        user=cast.county_officer, school=cast.school, child=old, reason="核对名单",
        expires_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    assert not Child.objects.visible_to(cast.county_officer).exists()


def test_a_sealed_child_that_comes_back_is_on_the_lists_again(cast, old):
    Enrollment.objects.create(
        child=old, school=cast.school, school_class=cast.class_a, starts_on=timezone.localdate()
    )
    assert old in Child.objects.visible_to(cast.teacher) and old in Child.objects.visible_to(cast.leader)
    assert not leavers.leavers(cast.leader).filter(child=old).exists()


@pytest.mark.parametrize("who", ["teacher", "deputy", "grade_head", "county_officer", "admin"])
def test_others_have_no_such_page(cast, client, old, who):
    client.force_login(getattr(cast, who))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(open_path(old)).status_code == 403


def test_another_school_finds_nothing(cast, client, old):
    client.force_login(cast.other_leader)
    assert client.get(open_path(old)).status_code == 404
    assert "傅小山" not in client.get(reverse(LIST), {"year": this_year() - 2}).content.decode()
    client.force_login(cast.leader)
    assert client.get(open_path(cast.own)).status_code == 404  # is still here
    assert client.get(open_path(cast.left))["Location"] == cast.left.get_absolute_url()  # still in use


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_costs_the_same_with_more_leavers(cast, client, old, number, django_assert_max_num_queries):
    for one in range(number):
        make_child(
            f"甲{one}",
            cast.school,
            make_class(cast.school, 5, one + 1),
            ends_on=old.enrollments.get().ends_on,
            starts_on=LONG_AGO,
        )
    client.force_login(cast.leader)
    path = f"{reverse(LIST)}?year={this_year() - 2}"
    client.get(path)
    with django_assert_max_num_queries(14):
        assert f"离校 {number + 1} 人" in text(client.get(path))


def test_the_county_says_how_long_and_by_which_paper(cast, client):
    client.force_login(cast.county_officer)
    path = reverse("registry:county_edit", args=[cast.county.uid])
    data = {
        "version": cast.county.version, "name": "青溪县", "closing_day": 5, "definition": "在册", "local_under_age": 16,
        "keep_leavers_years": 10,
    }  # fmt: skip
    assert "请写明年限是哪份文件定的" in text(client.post(path, data))
    client.post(path, data | {"keep_leavers_source": "青教〔2026〕12号"})
    cast.county.refresh_from_db()
    assert (cast.county.keep_leavers_years, cast.county.keep_leavers_source) == (10, "青教〔2026〕12号")
