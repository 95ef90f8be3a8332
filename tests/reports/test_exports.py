"""Ordering workbooks: who may, what for, how much it shows, who may fetch it afterwards."""

import io
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from registry.models import Child, Enrollment, Post, StatedReason
from reports import exports
from trust import jobs
from trust.models import AuditEvent, Job, JobState

from .world import asked

pytestmark = pytest.mark.django_db


def send(client, user, workbook, place, **more):
    """An order through the page; the answer."""
    client.force_login(user)
    fields = {
        "workbook": workbook,
        "place": place,
        "purpose": "check",
        "submission": str(uuid.uuid4()),
        **more,
    }
    return client.post(reverse("reports:order_workbook"), fields)


def done(client, user, *arguments, **more):
    """An order made, built and fetched: (job, sheets)."""
    answer = send(client, user, *arguments, **more)
    assert answer.status_code == 302, answer.context["rows"][0]["form"].errors
    job = Job.objects.latest("pk")
    assert jobs.run(job.uid)
    job.refresh_from_db()
    return job, fetched(client, job)


def fetched(client, job):
    """The file as the browser gets it, or None when it is 404."""
    answer = client.get(reverse("trust:job_file", args=[job.uid]))
    if answer.status_code == 404:
        return None
    return load_workbook(io.BytesIO(b"".join(answer.streaming_content)))


def values(workbook, heading):
    """The values below a heading of the first sheet."""
    sheet = workbook.worksheets[0]
    for row in sheet.iter_rows(max_row=6):
        for cell in row:
            if cell.value == heading:
                return [
                    below[0].value
                    for below in sheet.iter_rows(
                        min_row=cell.row + 1, min_col=cell.column, max_col=cell.column
                    )
                    if below[0].value
                ]
    return None


def place(row):
    return f"{ {'School': 'school', 'SchoolClass': 'class'}.get(type(row).__name__, 'area') }:{row.uid}"


@pytest.fixture
def numbers(world):
    """An ID number for 李安安, whose grandmother's phone is in the world."""
    world.an.id_number = "34129920160503002X"
    world.an.save()
    return world


def test_a_leader_gets_the_school_with_phones_and_masked_numbers(numbers, client):
    job, book = done(client, numbers.zhou, "register", place(numbers.school))
    assert job.file_name == "石门小学_留守儿童花名册_20261124.xlsx"
    assert sorted(values(book, "姓名")) == sorted(
        Child.objects.at_school_on(numbers.school, timezone.localdate()).values_list("name", flat=True)
    )
    assert values(book, "身份证件号") == ["341*************2X"]
    texts = [str(c.value) for row in book.worksheets[0].iter_rows() for c in row]
    assert "13800008123" in texts
    assert any(
        t.startswith("下载人：周明远（石门小学）") and f"编号：{job.uid.hex[:8].upper()}" in t for t in texts
    )
    actions = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert [a for a in actions if a in ("order_workbook", "order_job", "build_workbook", "fetch_file")] == [
        "order_workbook", "order_job", "build_workbook", "fetch_file",
    ]  # fmt: skip
    assert AuditEvent.objects.filter(action="export_child", actor_name="周明远").count() == 5


def test_a_class_teacher_gets_the_own_class_and_no_more(world, client):
    _, book = done(client, world.zhang, "register", place(world.c1))
    assert sorted(values(book, "姓名")) == ["李安安", "王彬彬", "赵翠翠"]
    for foreign in (world.c2, world.school, world.county):
        answer = send(client, world.zhang, "register", place(foreign))
        assert answer.status_code == 422
        assert "place" in answer.context["rows"][0]["form"].errors
    assert send(client, world.zhang, "duties", place(world.school), month="2026-10").status_code == 403
    assert send(client, world.sun, "register", place(world.school)).status_code == 403
    assert Job.objects.count() == 1


def test_full_numbers_need_a_reason(numbers, client):
    answer = send(client, numbers.zhou, "register", place(numbers.c1), full_numbers="on")
    assert answer.context["rows"][0]["form"].errors["reason"] == ["请写清做什么用，如：核对秋季补助名单"]
    assert Job.objects.count() == 0
    _, book = done(
        client, numbers.zhou, "register", place(numbers.c1), full_numbers="on", reason="核对秋季补助名单"
    )
    assert values(book, "身份证件号") == ["34129920160503002X"]
    entry = AuditEvent.objects.get(action="order_workbook")
    assert (entry.reason, entry.fields) == ("核对秋季补助名单", "id_number")
    assert "核对秋季" not in str(Job.objects.get().parameters)


def test_many_full_numbers_at_once_are_refused(world, client, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_WITH_NUMBERS", 3)
    answer = send(
        client, world.zhou, "register", place(world.c1), full_numbers="on", reason="核对秋季补助名单"
    )
    assert answer.context["rows"][0]["form"].errors["full_numbers"] == [
        "完整的身份证件号一次不到 3 人才能带，这里有 3 人，请分班下载"
    ]


def test_many_phones_at_once_are_masked(world, client, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_WITH_PHONES", 5)
    _, book = done(client, world.zhou, "register", place(world.school))
    texts = [str(c.value) for row in book.worksheets[0].iter_rows() for c in row]
    assert "138****8123" in texts and "13800008123" not in texts


def test_the_county_gets_counts_and_names_only_with_a_reason(numbers, client):
    _, book = done(client, numbers.qin, "register", place(numbers.county))
    assert values(book, "学校") == ["石门小学", "柳溪教学点", "枫林小学", "合计"]
    _, book = done(client, numbers.qin, "register", place(numbers.school))
    assert (book.sheetnames, values(book, "学校")) == (["分校统计"], ["石门小学", "合计"])
    answer = send(client, numbers.qin, "register", place(numbers.school), names="on")
    assert "reason" in answer.context["rows"][0]["form"].errors
    answer = send(
        client, numbers.qin, "register", place(numbers.county), names="on", reason="核对秋季补助名单"
    )
    assert answer.context["rows"][0]["form"].errors["names"] == ["名单一次要一所学校的，请先选学校"]
    _, book = done(
        client, numbers.qin, "register", place(numbers.school), names="on", reason="核对秋季补助名单"
    )
    assert len(values(book, "姓名")) == 5
    assert (StatedReason.objects.get().school, StatedReason.objects.get().reason) == (
        numbers.school, "核对秋季补助名单",
    )  # fmt: skip
    texts = [str(c.value) for row in book.worksheets[0].iter_rows() for c in row]
    assert "138****8123" in texts and "13800008123" not in texts
    assert values(book, "身份证件号") == ["341*************2X"]
    client.force_login(numbers.qin)
    form = client.get(reverse("reports:exports")).context["rows"][0]["form"]
    assert "full_numbers" not in form.fields
    _, book = done(
        client,
        numbers.qin,
        "register",
        place(numbers.school),
        names="on",
        full_numbers="on",
        reason="核对名单用",
    )
    assert values(book, "身份证件号") == ["341*************2X"]


def test_the_district_sees_its_own_schools_and_no_id_numbers(numbers, client):
    assert send(client, numbers.jiang, "register", place(numbers.other)).status_code == 422
    _, book = done(client, numbers.jiang, "register", place(numbers.school.district))
    assert values(book, "学校") == ["石门小学", "柳溪教学点", "合计"]
    _, book = done(
        client, numbers.jiang, "register", place(numbers.school), names="on", reason="核对秋季补助名单"
    )
    assert values(book, "身份证件号") == []


def test_the_months_check_names_findings_to_the_school_only(world, client):
    job, book = done(client, world.zhou, "duties", place(world.school), month="2026-10")
    assert job.file_name == "石门小学_责任台账月度核对表_202610_20261124.xlsx"
    assert "名单" in book.sheetnames
    for user, where in ((world.qin, world.county), (world.qin, world.school), (world.jiang, world.school)):
        _, book = done(client, user, "duties", place(where), month="2026-10")
        assert book.sheetnames == ["汇总", "各校", "各班"]


def test_a_month_that_cannot_be_checked_says_why(world, client):
    send(client, world.zhou, "duties", place(world.school), month="2025-10")
    job = Job.objects.get()
    jobs.run(job.uid)
    job.refresh_from_db()
    assert (job.state, job.file_name) == (JobState.DONE, "")
    assert "2025—2026学年的校历还没有确认" in job.note


def test_an_assessment_without_a_scheme_is_not_ordered(world, client):
    answer = send(client, world.zhou, "assessment", place(world.school), year="2026")
    errors = next(row["form"] for row in answer.context["rows"] if row["name"] == "assessment").errors
    assert errors["year"] == ["这一学年还没有考核细则，请县里先导入"]


def test_a_double_tap_is_one_job_and_one_reason(world, client):
    same = {"names": "on", "reason": "核对秋季补助名单", "submission": str(uuid.uuid4())}
    first = send(client, world.qin, "register", place(world.school), **same)
    second = send(client, world.qin, "register", place(world.school), **same)
    assert first["Location"] == second["Location"]
    assert (Job.objects.count(), StatedReason.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="order_workbook").count() == 1


def test_nobody_else_fetches_the_file(world, client):
    job, book = done(client, world.zhou, "register", place(world.school))
    assert book is not None
    for stranger in (world.wu, world.zhang, world.qin, world.shen):
        client.force_login(stranger)
        assert fetched(client, job) is None
        assert client.get(job.get_absolute_url()).status_code == 404


def test_a_post_that_ended_closes_the_file(world, client):
    job, book = done(client, world.zhou, "register", place(world.school))
    assert book is not None
    Post.objects.filter(staff__user=world.zhou).update(ends_on=timezone.localdate() - timedelta(days=1))
    assert fetched(client, job) is None


def test_a_child_that_left_the_scope_closes_the_file(world, client):
    job, book = done(client, world.zhang, "register", place(world.c1))
    assert book is not None
    Enrollment.objects.filter(child=world.an).update(school_class=world.c2)
    assert fetched(client, job) is None


def test_a_post_that_ends_before_the_file_is_built_gets_none(world, client):
    send(client, world.zhou, "register", place(world.school))
    Post.objects.filter(staff__user=world.zhou).update(ends_on=timezone.localdate() - timedelta(days=1))
    job = Job.objects.get()
    assert not jobs.run(job.uid)
    job.refresh_from_db()
    assert (job.state, job.file_path) == (JobState.FAILED, "")
    assert AuditEvent.objects.filter(action="build_workbook").count() == 0


def test_rows_are_the_scope_when_the_file_is_built(world, client):
    send(client, world.zhou, "register", place(world.c1))
    Enrollment.objects.filter(child=world.an).update(ends_on=timezone.localdate() - timedelta(days=1))
    job = Job.objects.get()
    jobs.run(job.uid)
    job.refresh_from_db()
    assert sorted(values(fetched(client, job), "姓名")) == ["王彬彬", "赵翠翠"]


def test_the_page_offers_what_the_post_may_have(world, client):
    offered = {}
    for name in ("zhang", "zhou", "wei", "qin", "jiang", "shen", "xu"):
        client.force_login(getattr(world, name))
        page = client.get(reverse("reports:exports"))
        offered[name] = {
            row["name"]: list(dict(row["form"].fields["place"].choices).values())
            for row in page.context["rows"]
        }
    assert offered["zhang"] == {"register": ["四(1)班"]}
    assert offered["zhou"]["duties"] == ["石门小学", "柳溪教学点"]
    assert offered["zhou"]["assessment"] == ["石门小学"]
    assert offered["zhou"]["register"][:2] == ["石门小学", "柳溪教学点"]
    assert sorted(offered["wei"]) == ["duties", "register"]
    assert offered["qin"]["register"][0] == "青溪县（各校人数，没有姓名）"
    assert offered["jiang"]["duties"] == ["城东学区（各校的数）", "石门小学", "柳溪教学点"]
    assert offered["shen"]["duties"] == ["枫林小学"]
    assert sorted(offered["xu"]) == ["duties", "register"]
    assert offered["xu"]["register"][0] == "青溪县（各校人数，没有姓名）"
    for name in ("sun", "shi"):
        client.force_login(getattr(world, name))
        assert client.get(reverse("reports:exports")).status_code == 403, name


def test_counts_only_posts_never_get_names(world, client):
    client.force_login(world.xu)
    response = send(client, world.xu, "register", place(world.school), names="on", reason="核对秋季补助名单")
    assert response.status_code == 403
    assert Job.objects.count() == 0


def test_the_page_has_a_fixed_number_of_queries(world, client, django_assert_max_num_queries):
    for name in ("zhang", "zhou", "qin"):
        client.force_login(getattr(world, name))
        with django_assert_max_num_queries(18) as captured:
            client.get(reverse("reports:exports"))
        assert len(asked(captured)) <= 15


def test_a_forged_workbook_is_refused(world, client):
    assert send(client, world.zhou, "everything", place(world.school)).status_code == 403
    assert client.get(reverse("reports:order_workbook")).status_code == 405
