"""The assessment: deductions counted by hand, facts behind each point, nothing made up, ranking without overlap."""

import io
import json
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from openpyxl import load_workbook

from activities.models import Activity, ActivityKind, DutyRule, Opening
from registry.models import Child, ClassScreening, Post, SchoolScreening, Screening, ScreeningEntry, Term
from reports import assessment, exports, metrics
from reports.models import AssessmentScheme
from trust.models import AuditEvent

from .world import asked

D = Decimal


@pytest.fixture
def data():
    """A fresh copy of the scheme that comes with the program."""
    return assessment.read_scheme(assessment.DEFAULT_SCHEME.read_text(encoding="utf-8"))


@pytest.fixture
def scheme(world, data):
    return assessment.import_scheme(data, county=world.county, first_year=2026)[0]


def indicator(data, code):
    return next(i for s in data["sections"] for i in s["indicators"] if i["code"] == code)


# --- deductions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "points"),
    [
        ("1", "3"),
        ("0.9", "2"),
        ("0.85", "1.5"),
        ("0.7", "0"),
        ("0.2", "0"),
        ("0.855", "1.6"),
        ("0.705", "0.1"),
    ],
)
def test_linear_rate(rate, points):
    # 3 × (rate − 0.7) ÷ 0.3, half up to a tenth: 0.855 → 1.55 → 1.6; 0.705 → 0.05 → 0.1
    rule = {"type": "linear_rate", "full_at": 1.0, "zero_at": 0.7, "round": 0.1}
    assert assessment.points_for(rule, 3, Fraction(rate)) == D(points)


@pytest.mark.parametrize(("days", "points"), [(0, 2), (21, 2), (22, 1), (200, 1), (201, 0), (None, 0)])
def test_tiers_at_most(days, points):
    rule = {
        "type": "tiers",
        "tiers": [{"at_most": 21, "points": 2}, {"at_most": 200, "points": 1}],
        "else": 0,
    }
    assert assessment.points_for(rule, 2, days) == points


@pytest.mark.parametrize(("meetings", "points"), [(3, 3), (2, 3), (1, 2), (0, 1)])
def test_tiers_at_least(meetings, points, data):
    assert assessment.points_for(indicator(data, "1.1")["deduction"], 3, meetings) == points


@pytest.mark.parametrize(("rooms", "points"), [(0, 0), (4, 4), (6, 6), (9, 6)])
def test_per_achieved(rooms, points, data):
    assert assessment.points_for(indicator(data, "4.1")["deduction"], 6, rooms) == points


@pytest.mark.parametrize(("missing", "points"), [(0, "6"), (1, "5.25"), (8, "0"), (20, "0")])
def test_per_missing(missing, points, data):
    assert assessment.points_for(indicator(data, "1.2")["deduction"], 6, missing) == D(points)


def test_a_judgement_is_left_to_a_person(data):
    assert assessment.points_for(indicator(data, "2.1")["deduction"], 3, 0) is None


# --- schemes --------------------------------------------------------------------------------------------------


def test_the_scheme_that_comes_with_the_program_adds_up(data):
    assert assessment.check_scheme(data) == []
    assert sum(D(str(s["max_points"])) for s in data["sections"]) == 100


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(total_points=99), "总分写 99 分，各部分加起来是 100 分"),
        (lambda d: d["sections"][0].update(max_points=14), "第 1 部分写 14 分，各项加起来是 15 分"),
        (lambda d: indicator(d, "1.2").update(code="1.1"), "指标编号 1.1 用了两次"),
        (lambda d: indicator(d, "1.3")["deduction"].update(type="guess"), "1.3 的扣分办法 'guess' 不认识"),
        (
            lambda d: indicator(d, "1.3")["deduction"].update(zero_at=1.0),
            "1.3 的满分线 full_at 要高于零分线 zero_at",
        ),
        (
            lambda d: indicator(d, "4.1")["deduction"].update(required=5),
            "4.1 的 points_each × required 不等于 6 分",
        ),
        (
            lambda d: indicator(d, "3.1")["deduction"]["tiers"][0].update(points=3),
            "3.1 的分档超出了 0 至 2 分",
        ),
        (
            lambda d: indicator(d, "5.1").update(metric=None),
            "5.1 由系统算，要写清 metric 和算得出来的扣分办法",
        ),
        (lambda d: d.pop("sections"), "缺少 sections"),
    ],
)
def test_a_scheme_that_does_not_add_up_is_refused(data, change, words):
    change(data)
    assert assessment.check_scheme(data) == [words]


@pytest.mark.django_db
def test_import_is_data_with_its_audit_entry_and_the_same_again_changes_nothing(
    world, data, tmp_path, capsys
):
    file = tmp_path / "scheme.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    call_command("import_scheme", str(file), from_year=2025)
    call_command("import_scheme", str(file), from_year=2025)
    assert capsys.readouterr().out.splitlines()[1].endswith("和原来的一样，没有改动")
    row = AssessmentScheme.objects.get()
    assert (row.code, row.first_year, row.version) == ("LBC-HOME-100-V1", 2025, 1)
    assert AuditEvent.objects.filter(action="import_scheme").count() == 1
    data["title_zh"] = "青溪县考核细则"
    file.write_text(json.dumps(data), encoding="utf-8")
    call_command("import_scheme", str(file), from_year=2025)
    row.refresh_from_db()
    assert (row.title, row.version) == ("青溪县考核细则", 2)
    assert assessment.scheme_for(world.county, 2024) is None
    assert assessment.scheme_for(world.county, 2027) == row


@pytest.mark.django_db
def test_import_of_a_broken_scheme_writes_nothing(world, data, tmp_path):
    data["total_points"] = 1
    file = tmp_path / "scheme.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CommandError) as refused:
        call_command("import_scheme", str(file), stderr=io.StringIO())
    assert (refused.value.returncode, AssessmentScheme.objects.count()) == (1, 0)


# --- scores ---------------------------------------------------------------------------------------------------


def by_code(world, scheme, year=2026, schools=None):
    scores = assessment.score_schools(scheme, year, schools or [world.school, world.other])
    return [{one.code: one for one in score.scores} for score in scores]


@pytest.mark.django_db
def test_talks_are_added_up_from_closed_and_open_months(world, data):
    """September 0 of 6, October (closed) 3 of 5 (one excused), November so far 1 of 1: 4 of 12. The other: 0/2 + 1/2."""
    indicator(data, "5.2")["deduction"].update(full_at=0.5, zero_at=0.1)
    scheme = assessment.import_scheme(data, county=world.county, first_year=2026)[0]
    ours, theirs = (found["5.2"] for found in by_code(world, scheme))
    # 6 × (1/3 − 0.1) ÷ 0.4 = 3.5; 6 × (0.25 − 0.1) ÷ 0.4 = 2.25 → 2.3
    assert (ours.points, theirs.points) == (D("3.5"), D("2.3"))
    assert ours.facts[0].text == "第一学期谈心：应做 12 次，做到 4 次（其中补录 1），还差 8 次，完成率 33.3%"
    assert [line[:4] for line in ours.facts[0].lines] == [
        ("2026年9月", 6, 0, 6), ("2026年10月", 5, 3, 2), ("2026年11月", 1, 1, 0),
    ]  # fmt: skip


@pytest.mark.django_db
def test_what_data_can_answer_is_scored_and_the_rest_waits(world, scheme):
    ours, theirs = by_code(world, scheme)
    # 5 of 6 paired (何楠楠 is not): 3 × (5/6 − 0.8) ÷ 0.2 = 0.5
    assert (ours["2.4"].points, theirs["2.4"].points) == (D("0.5"), D("3.0"))
    assert ours["2.4"].facts[0].text.startswith("在册 6 人，有包保教师 5 人，没有的 1 人，覆盖率 83.3%")
    # twelve due weeks so far, open in two of them
    assert ours["5.8"].facts[0].text == "第一学期之家开放：应做 12 周，做到 2 周，还差 10 周，完成率 16.7%"
    assert ours["5.8"].points == 0
    status = {code: one.status for code, one in ours.items()}
    assert {code for code, word in status.items() if word == "scored"} == {"1.3", "2.4", "5.2", "5.8"}
    assert {code for code, word in status.items() if word == "not_applicable"} == {
        "5.4",
        "5.5",
        "5.7",
        "5.10",
    }
    assert all(one.points is None for code, one in ours.items() if status[code] != "scored")
    assert all(one.why for code, one in ours.items() if status[code] != "scored")
    assert ours["5.3"].why == "还没有到期，到期后再算"
    assert theirs["5.8"].status == "not_applicable"  # no center, nothing to open


@pytest.mark.django_db
def test_totals_take_out_what_does_not_apply_and_rescale(world, scheme):
    score = assessment.score_schools(scheme, 2026, [world.school])[0]
    assert score.points == D("0.5")
    assert (score.scored_top, score.pending_top, score.not_applicable_top) == (15, 71, 14)
    assert score.scored_top + score.pending_top + score.not_applicable_top == 100
    assert score.rescaled == D("3.3")  # 0.5 ÷ 15 × 100
    assert not score.complete


@pytest.mark.django_db
def test_archive_completeness_counts_fields(world, data):
    """16 fields a child (both parents away); 安 has 9 of them, three others 6, 何楠楠 (no class) 5, 唐培培 6: 38 of 96."""
    measures = metrics.Measures(world.county, 2026, [world.school], data)
    found = measures.measure(world.school, {"metric": "archive_completeness_rate"})
    assert found.values[0].value == Fraction(38, 96)
    lines = {words: n for words, _, _, n, _ in found.facts[0].lines}
    assert (lines["缺身份证件号"], lines["缺年级班级"], lines["缺外出父母电话"], lines["缺监护人电话"]) == (
        6,
        1,
        12,
        5,
    )


@pytest.mark.django_db
def test_terms_are_scored_when_they_have_ended_and_averaged(world, data, scheme):
    Term.objects.create(
        county=world.county, year=2026, season="spring", starts_on=date(2027, 2, 22), ends_on=date(2027, 7, 9)
    )

    def held(kind, day):
        Activity.objects.create(kind=kind, title="会", day=day, county=world.county, school=world.school)

    held(ActivityKind.TRAINING, date(2026, 10, 10))
    assert by_code(world, scheme)[0]["5.6"].why == "学期还没有结束，学期末再算"
    with time_machine.travel("2027-08-31T12:00+08:00", tick=False):
        held(ActivityKind.PARENTS_MEETING, date(2027, 3, 1))
        for day in (3, 4, 5):
            held(ActivityKind.TRAINING, date(2027, 4, day))
        score = by_code(world, scheme, schools=[world.school])[0]["5.6"]
    # autumn one training: 1; spring min(2, 3) + 1 = 3; mean 2
    assert [points for _, _, points in score.terms] == [1, 3]
    assert score.points == D("2.0")


@pytest.mark.django_db
def test_daily_checks_are_opened_days_with_a_tick(world, scheme):
    Opening.objects.filter(day=date(2026, 11, 3)).update(hygiene_checked=True)
    with time_machine.travel("2027-02-01T12:00+08:00", tick=False):
        score = by_code(world, scheme, schools=[world.school])[0]["6.4"]
    # 1 of 3 opened days: below half, no point; the sentence says both numbers
    assert score.facts[0].text == "第一学期之家开放 3 天，其中查了卫生和安全 1 天，33.3%"
    assert score.points == 0


@pytest.mark.django_db
def test_the_screening_counts_who_was_confirmed_within_thirty_days(world, data, scheme):
    """Term from 1 September: 1 October, 23:59, is in time, 2 October is not. Five are on the list, and one at its 教学点."""
    term = Term.objects.get(county=world.county, year=2026, season="autumn")
    assert by_code(world, scheme)[0]["5.1"].why == "这一学年没有在系统里摸底，请查班级确认记录"
    part = SchoolScreening.objects.create(
        school=world.school,
        screening=Screening.objects.create(
            county=world.county,
            term=term,
            as_of=date(2026, 9, 20),
            due_on=date(2026, 9, 30),
            definition="在册",
        ),
    )
    whole = ClassScreening.objects.create(school_screening=part)
    listed = Child.objects.listed_on(date(2026, 10, 1)).at_school_on(world.school, date(2026, 10, 1))
    moments = ["2026-09-10T10:00", "2026-09-30T10:00", "2026-10-01T23:59", "2026-10-02T00:00", None]
    for child, moment in zip(listed.order_by("pk"), moments, strict=True):
        said = datetime.fromisoformat(f"{moment}+08:00") if moment else None
        ScreeningEntry.objects.create(
            class_screening=whole, child=child, answer="unchanged" if said else "", answered_at=said
        )
    score = by_code(world, scheme)[0]["5.1"]
    assert score.facts[0].text.endswith("到 2026-10-01 在册 6 人，已确认 3 人，还有 3 人没有确认，50.0%")
    assert (score.status, score.points) == ("scored", 0)
    ScreeningEntry.objects.update(answer="unchanged", answered_at="2026-09-09T10:00+08:00")
    # 5 of 6: 4 × (5/6 − 0.7) ÷ 0.3 = 1.78
    assert by_code(world, scheme)[0]["5.1"].points == D("1.8")


@pytest.mark.django_db
def test_meetings_of_the_leading_group_count_by_term(world, data, scheme):
    for day in (date(2026, 9, 3), date(2026, 11, 2)):
        Activity.objects.create(
            kind=ActivityKind.GROUP_MEETING, title="会", day=day, county=world.county, school=world.school
        )
    assert by_code(world, scheme)[0]["1.1"].why == "学期还没有结束，学期末再算"
    with time_machine.travel("2027-02-01T12:00+08:00", tick=False):
        score = by_code(world, scheme)[0]["1.1"]
    # whether there is a list of the group is for a person to see; the meetings are counted for them
    assert (score.status, score.facts[0].text) == ("pending", "第一学期领导小组开会 2 次，有记录")


@pytest.mark.django_db
def test_an_information_officer_is_read_from_the_words_of_a_post(world, scheme):
    assert by_code(world, scheme)[0]["4.6"].status == "pending"
    Post.objects.filter(kind="archivist", school=world.school).update(duty_text="兼信息员")
    score = by_code(world, scheme)[0]["4.6"]
    assert (score.status, score.points) == ("scored", 2)  # nobody manages the center


@pytest.mark.django_db
def test_what_is_only_encouraged_or_a_schools_own_never_scores(world, scheme):
    DutyRule.objects.filter(code="F02", owner=None).update(strength="strive")
    found = by_code(world, scheme)[0]["5.2"]
    assert (found.status, found.why) == ("not_applicable", "县里这一学年没有执行 F02、F04 这几项要求")


@pytest.mark.django_db
def test_statements_do_not_grow_with_schools(world, scheme, django_assert_max_num_queries):
    for schools in ([world.school], [world.school, world.other]):
        with django_assert_max_num_queries(32):
            assessment.score_schools(scheme, 2026, schools)


# --- ranking --------------------------------------------------------------------------------------------------


def ranked(points, top=3, bottom=3):
    scores = [
        SimpleNamespace(rescaled=None if p is None else D(p), school=SimpleNamespace(code=f"s{n}"))
        for n, p in enumerate(points)
    ]
    return [
        (p.rank, p.cut) for p in assessment.ranking(scores, {"commend_top": top, "restrict_bottom": bottom})
    ]


TOP, BOTTOM = assessment.TOP, assessment.BOTTOM


def test_top_and_bottom_never_overlap():
    assert ranked([90]) == [(1, "")]
    assert ranked([90, 80]) == [(1, TOP), (2, BOTTOM)]
    assert ranked([90, 85, 80]) == [(1, TOP), (2, ""), (3, BOTTOM)]
    assert ranked([9, 8, 7, 6, 5, 4, 3]) == [
        (1, TOP), (2, TOP), (3, TOP), (4, ""), (5, BOTTOM), (6, BOTTOM), (7, BOTTOM),
    ]  # fmt: skip


def test_ties_on_a_line_are_all_named_and_left_to_the_county():
    found = ranked([90, 80, 80, 80, 70, 60, 50], top=2, bottom=1)
    assert found == [
        (1, TOP), (2, assessment.TOP_TIE), (2, assessment.TOP_TIE), (2, assessment.TOP_TIE), (5, ""), (6, ""), (7, BOTTOM),
    ]  # fmt: skip
    assert ranked([80, 80], top=1, bottom=1) == [(1, f"{assessment.TOP_TIE}；{assessment.BOTTOM_TIE}")] * 2
    assert ranked([90, None, 80]) == [(1, TOP), (2, BOTTOM)]


def test_grades_follow_the_bands(data):
    assert [assessment.grade_of(data, D(n)) for n in ("90", "89.9", "70", "12")] == [
        "一级",
        "二级",
        "三级",
        "未达级",
    ]


# --- doors ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_command_prints_scores_as_json(world, scheme, capsys):
    call_command("score_assessment", "2026", json=True)
    answer = json.loads(capsys.readouterr().out)
    assert (answer["scheme"], answer["year"]) == ("LBC-HOME-100-V1", 2026)
    ours = answer["schools"][0]
    assert (ours["school"], ours["points"], ours["rescaled"]) == ("QX001", 0.5, 3.3)
    found = {i["code"]: (i["status"], i["points"]) for i in ours["indicators"]}
    assert (found["2.4"], found["1.2"]) == (("scored", 0.5), ("pending", None))


@pytest.mark.django_db
def test_the_workbook_says_what_the_command_says(world, scheme, tmp_path):
    exports.build(exports.Order("assessment", world.county, year=2026), tmp_path / "a.xlsx", by=None)
    book = load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["封面", "排名", "石门小学", "枫林小学"]
    rows = {row[0].value: row for row in book["石门小学"].iter_rows()}
    assert [rows["2.4"][i].value for i in (2, 3, 4)] == [3, 0.5, None]
    assert rows["1.2"][3].value == "待评"
    assert rows["5.7"][3].value == "不适用"
    ranks = [[c.value for c in row] for row in book["排名"].iter_rows() if isinstance(row[0].value, int)]
    assert [(row[0], row[1]) for row in ranks] == [(1, "枫林小学"), (2, "石门小学")]
    assert [row[-2:] for row in ranks] == [["待评完再定", "暂：前列"], ["待评完再定", "暂：后列"]]
    for sheet in book:
        words = [c.value for row in sheet.iter_rows() for c in row if isinstance(c.value, str)]
        assert assessment.CAUTION in words, sheet.title
    exports.build(exports.Order("assessment", world.school, year=2026), tmp_path / "b.xlsx", by=None)
    assert load_workbook(tmp_path / "b.xlsx").sheetnames == ["封面", "石门小学"]


@pytest.mark.django_db
def test_who_sees_the_pages(world, scheme, client):
    sheet = reverse("reports:assessment_sheet", args=[world.school.uid, 2026])
    for name, pages in {
        "zhou": (200, 200), "qin": (200, 200), "xu": (200, 200), "jiang": (200, 200), "shen": (200, 404),
        "zhang": (403, 403), "sun": (403, 403),
    }.items():  # fmt: skip
        client.force_login(getattr(world, name))
        assert (
            client.get(reverse("reports:assessment")).status_code,
            client.get(sheet).status_code,
        ) == pages, name
    client.force_login(world.zhou)
    assert client.get(reverse("reports:assessment_sheet", args=[world.school.uid, 2020])).status_code == 404
    assert AuditEvent.objects.filter(action="open_assessment", object_uid=world.school.uid).count() == 4


@pytest.mark.django_db
def test_the_sheet_shows_facts_and_no_child(world, scheme, client, django_assert_max_num_queries):
    client.force_login(world.zhou)
    page = client.get(reverse("reports:assessment_sheet", args=[world.school.uid, 2026])).content.decode()
    assert "在册 6 人，有包保教师 5 人，没有的 1 人" in page
    assert f'href="/dashboard/months/2026-10/?school={world.school.uid}"' in page
    assert [name for name in ("李安安", "何楠楠", "张桂兰") if name in page] == []


@pytest.mark.django_db
def test_the_list_has_a_fixed_number_of_queries(world, scheme, client, django_assert_max_num_queries):
    for name in ("zhou", "qin"):
        client.force_login(getattr(world, name))
        with django_assert_max_num_queries(46) as captured:
            page = client.get(reverse("reports:assessment"))
        assert len(page.context["scores"]) == (1 if name == "zhou" else 2)
        assert len(asked(captured)) <= 40


@pytest.mark.django_db
def test_a_county_begins_with_the_scheme_of_the_program(world, client):
    client.force_login(world.zhou)
    assert "还没有考核细则" in client.get(reverse("reports:assessment")).content.decode()
    assert client.post(reverse("reports:adopt_scheme")).status_code == 403
    client.force_login(world.qin)
    assert client.post(reverse("reports:adopt_scheme")).status_code == 302
    assert AssessmentScheme.objects.get().first_year == 2026
    assert "石门小学" in client.get(reverse("reports:assessment")).content.decode()
