"""The calendar as people make it: proposed, edited, confirmed; a school's own days; closing days."""

import datetime
from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from registry import places, school_calendar
from registry.calendar import Calendar, CalendarNotConfirmed, next_month, school_year_of
from registry.models import ClosingDate, DayException, DayKind, SchoolYear, Season, Term
from trust.models import AuditEvent

pytestmark = pytest.mark.django_db
TERMS = {
    Season.AUTUMN: (date(2026, 9, 1), date(2027, 1, 22)),
    Season.SPRING: (date(2027, 2, 22), date(2027, 7, 2)),
}


def messages_of(error):
    return "；".join(error.value.messages)


def draft(cast, year=2026, terms=TERMS):
    return school_calendar.draft_year(
        cast.county, year, by=cast.admin, terms=terms, days=school_calendar.proposed_days(year)
    )


# --- proposals --------------------------------------------------------------------------------------------------------


def test_public_holidays_and_make_up_days_are_proposed():
    found = {one.day: (one.kind, one.name) for one in school_calendar.proposed_days(2025)}
    assert found[date(2025, 10, 1)] == (DayKind.HOLIDAY, "国庆节")
    assert found[date(2025, 10, 8)] == (DayKind.HOLIDAY, "调休放假")
    assert found[date(2025, 10, 11)] == (DayKind.SCHOOL_DAY, "调休上课")  # a Saturday
    assert found[date(2026, 1, 4)] == (DayKind.SCHOOL_DAY, "调休上课")
    assert min(found) >= date(2025, 9, 1) and max(found) <= date(2026, 8, 31)
    assert {day for day, (kind, _) in found.items() if kind == DayKind.SCHOOL_DAY} == {
        date(2025, 9, 28), date(2025, 10, 11), date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9),
    }  # fmt: skip


def test_what_is_not_announced_yet_is_known():
    assert school_calendar.is_announced(2025) and school_calendar.is_announced(2026)
    assert not school_calendar.is_announced(2090)


@pytest.mark.parametrize("year", range(2020, 2040))
def test_proposed_terms_fit_every_year(year):
    terms = school_calendar.proposed_terms(year)
    (autumn_first, autumn_last), (spring_first, spring_last) = terms[Season.AUTUMN], terms[Season.SPRING]
    festival = school_calendar.spring_festival(year + 1)
    assert autumn_first == date(year, 9, 1)
    assert autumn_last < festival < spring_first
    assert 110 <= (autumn_last - autumn_first).days <= 155 and 110 <= (spring_last - spring_first).days <= 150
    assert (autumn_last.weekday(), spring_first.weekday(), spring_last.weekday()) == (4, 0, 4)


# --- making and confirming --------------------------------------------------------------------------------------------


def test_a_drafted_year_counts_only_after_it_is_confirmed(cast):
    school_year = draft(cast)
    calendar = Calendar.of(cast.county)
    assert calendar.is_school_day(date(2026, 10, 10)) and not calendar.is_school_day(date(2026, 10, 6))
    with pytest.raises(CalendarNotConfirmed):
        calendar.require_confirmed(date(2026, 10, 1))
    school_calendar.confirm_year(school_year, by=cast.admin)
    Calendar.of(cast.county).require_confirmed(date(2026, 10, 1))
    school_calendar.confirm_year(school_year, by=cast.admin)
    assert AuditEvent.objects.filter(action="confirm_calendar").count() == 1


def test_a_year_without_both_terms_cannot_be_confirmed(cast):
    school_year = draft(cast)
    Term.objects.filter(season=Season.SPRING).delete()
    with pytest.raises(ValidationError) as error:
        school_calendar.confirm_year(school_year, by=cast.admin)
    assert "两个学期的日期还没有填齐" in messages_of(error)


def test_drafting_again_keeps_what_people_changed(cast):
    draft(cast)
    school_calendar.set_days(
        cast.county,
        by=cast.admin,
        first=date(2026, 10, 10),
        last=date(2026, 10, 10),
        kind="holiday",
        name="秋游",
    )
    draft(cast)
    assert DayException.objects.get(day=date(2026, 10, 10)).name == "秋游"
    assert Term.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({Season.AUTUMN: (date(2026, 9, 1), date(2026, 9, 1))}, "最后一天要在开学之后"),
        ({Season.SPRING: (date(2027, 1, 20), date(2027, 7, 2))}, "以后开学"),
        ({Season.AUTUMN: (date(2025, 9, 1), date(2026, 1, 20))}, "请核对年份"),
        ({Season.SPRING: (date(2027, 2, 22), date(2027, 9, 3))}, "最晚到 2027-08-31"),
    ],
)
def test_terms_that_cannot_be_are_refused(cast, changes, said):
    with pytest.raises(ValidationError) as error:
        draft(cast, terms=TERMS | changes)
    assert said in messages_of(error)
    assert not SchoolYear.objects.exists()


def test_terms_of_neighboring_years_do_not_touch(cast):
    draft(cast)
    early = {
        Season.AUTUMN: (date(2027, 8, 20), date(2028, 1, 14)),
        Season.SPRING: (date(2028, 2, 21), date(2028, 7, 7)),
    }
    school_calendar.set_terms(cast.county, 2027, by=cast.admin, terms=early)
    longer = TERMS | {Season.SPRING: (date(2027, 2, 22), date(2027, 8, 20))}
    with pytest.raises(ValidationError) as error:
        school_calendar.set_terms(cast.county, 2026, by=cast.admin, terms=longer)
    assert "重叠" in messages_of(error)


def test_classes_graduate_with_the_corrected_term(cast):
    year = school_year_of(timezone.localdate())
    terms = school_calendar.proposed_terms(year)
    school_calendar.draft_year(cast.county, year, by=cast.admin, terms=terms, days=[])
    (sixth,) = places.add_classes(cast.school, by=None, numbers={6: [7]})
    last = terms[Season.SPRING][1]
    assert sixth.ends_on == last
    later = {**terms, Season.SPRING: (terms[Season.SPRING][0], last + datetime.timedelta(days=7))}
    school_calendar.set_terms(cast.county, year, by=cast.admin, terms=later)
    sixth.refresh_from_db()
    assert sixth.ends_on == last + datetime.timedelta(days=7)


# --- days -------------------------------------------------------------------------------------------------------------


def test_a_schools_own_day_counts_for_that_school_only(cast):
    draft(cast)
    school_calendar.set_days(
        cast.county, by=cast.leader, school=cast.school, first=date(2026, 11, 5), last=date(2026, 11, 6),
        kind="holiday", name="运动会",
    )  # fmt: skip
    calendar = Calendar.of(cast.county)
    assert not calendar.is_school_day(date(2026, 11, 5), cast.school.pk)
    assert calendar.is_school_day(date(2026, 11, 5), cast.other.pk) and calendar.is_school_day(
        date(2026, 11, 5)
    )
    school_calendar.set_days(
        cast.county,
        by=cast.leader,
        school=cast.school,
        first=date(2026, 11, 5),
        last=date(2026, 11, 5),
        kind="usual",
    )
    assert [one.day for one in DayException.objects.filter(school=cast.school)] == [date(2026, 11, 6)]


def test_days_in_the_wrong_order_or_too_many_are_refused(cast):
    for last, said in ((date(2026, 11, 4), "不能早于第一天"), (date(2027, 11, 4), "一次最多改 60 天")):
        with pytest.raises(ValidationError) as error:
            school_calendar.set_days(cast.county, by=None, first=date(2026, 11, 5), last=last, kind="holiday")
        assert said in messages_of(error)


# --- closing days -----------------------------------------------------------------------------------------------------


def test_a_month_closes_on_another_day_until_it_is_closed(cast):
    month = timezone.localdate().replace(day=1)
    later = next_month(month) + datetime.timedelta(days=11)
    school_calendar.set_closing_day(cast.county, by=cast.admin, month=month, closes_on=later)
    assert timezone.localtime(
        Calendar.of(cast.county).closing_at(month)
    ).date() == later + datetime.timedelta(days=1)
    school_calendar.set_closing_day(cast.county, by=cast.admin, month=month, closes_on=None)
    assert not ClosingDate.objects.exists()
    closed = (month - datetime.timedelta(days=100)).replace(day=1)
    for wrong_month, day, said in (
        (closed, later, "不能再改"),
        (month, month, "在今天之前" if month < timezone.localdate() else "之间的一天"),
        (month, later + datetime.timedelta(days=90), "之间的一天"),
    ):
        with pytest.raises(ValidationError) as error:
            school_calendar.set_closing_day(cast.county, by=cast.admin, month=wrong_month, closes_on=day)
        assert said in messages_of(error)


# --- pages ------------------------------------------------------------------------------------------------------------


def test_the_year_is_proposed_looked_over_and_confirmed_in_the_browser(client, cast):
    client.force_login(cast.admin)
    year = school_year_of(timezone.localdate())
    empty = client.get(reverse("registry:calendar"))
    assert "还没有拟" in empty.content.decode()
    url = reverse("registry:calendar_draft", args=[year])
    form = client.get(url).context["form"]
    days = form.fields["days"].initial
    sent = {name: f"{form[name].value():%Y-%m-%d}" for name in form.fields if name != "days"}
    answer = client.post(url, sent | {"days": days[1:]})
    assert answer.status_code == 302
    assert sorted(f"{one.day:%Y-%m-%d}" for one in DayException.objects.all()) == sorted(days[1:])
    page = client.get(answer["Location"])
    assert "还没有确认" in page.content.decode()
    client.get(reverse("registry:calendar_confirm", args=[year]))
    assert SchoolYear.objects.get().confirmed_at is None  # looking changes nothing
    client.post(reverse("registry:calendar_confirm", args=[year]))
    assert SchoolYear.objects.get().confirmed_by == cast.admin


def test_leaders_change_their_schools_days_and_not_the_countys(client, cast):
    draft(cast)
    client.force_login(cast.leader)
    assert client.get(reverse("registry:calendar")).status_code == 200
    for name in ("calendar_draft", "calendar_terms", "calendar_confirm"):
        assert client.get(reverse(f"registry:{name}", args=[2026])).status_code == 403
    url = reverse("registry:calendar_days")
    sent = {"first": "2026-11-05", "last": "", "kind": "holiday", "name": "运动会"}
    assert client.post(url, sent).status_code == 403
    assert client.post(f"{url}?school={cast.other.uid}", sent).status_code == 404
    assert client.post(f"{url}?school={cast.school.uid}", sent).status_code == 302
    assert client.post(f"{url}?school=nonsense", sent).status_code == 404
    assert [(one.school, one.day) for one in DayException.objects.exclude(school=None)] == [
        (cast.school, date(2026, 11, 5))
    ]
    page = client.get(reverse("registry:calendar"), {"year": 2026, "school": str(cast.school.uid)})
    assert "运动会" in page.content.decode()
    client.force_login(cast.teacher)
    assert client.post(f"{url}?school={cast.school.uid}", sent).status_code == 403


def test_a_year_that_is_not_announced_says_so(client, cast):
    client.force_login(cast.admin)
    page = client.get(reverse("registry:calendar_draft", args=[2089]))
    assert "国家还没有公布" in page.content.decode()
    assert client.get(reverse("registry:calendar_draft", args=[3000])).status_code == 404


def test_closing_days_are_shown_with_a_proposal(client, cast, django_assert_max_num_queries):
    draft(cast)
    client.force_login(cast.admin)
    with django_assert_max_num_queries(20):
        page = client.get(reverse("registry:closing_days"))
    assert len(page.context["rows"]) == 12
    with django_assert_max_num_queries(20):
        assert client.get(reverse("registry:calendar")).status_code == 200
    month = next_month(timezone.localdate())
    url = reverse("registry:closing_edit", args=[f"{month:%Y-%m}"])
    day = next_month(month).replace(day=12)
    assert client.post(url, {"closes_on": f"{day:%Y-%m-%d}"}).status_code == 302
    assert ClosingDate.objects.get().closes_on == day
    assert client.get(reverse("registry:closing_edit", args=["2026-13"])).status_code == 404
