"""PDF of printed forms, ordered through the page and read back with poppler: pages, names, numbers, who may fetch."""

import io
import re
import shutil
import subprocess
import uuid
import zipfile
from datetime import date

import pytest
from django.urls import reverse
from django.utils import timezone

from registry.models import CareListSpell, Child, Enrollment, Post
from reports.printing import pdf
from reports.printing.papers import Paper
from tests.reports.conftest import world  # noqa: F401
from trust import jobs
from trust.models import AuditEvent, Job, JobState

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.office,
    pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed (apt install poppler-utils)"),
    pytest.mark.skipif(not pdf.available(), reason="Pango is not installed (apt install libpango-1.0-0 libpangoft2-1.0-0)"),
]  # fmt: skip


def read(data, tmp_path):
    """(number of pages, text) of a PDF."""
    path = tmp_path / "read.pdf"
    path.write_bytes(data)
    info = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    text = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    return int(re.search(r"^Pages:\s+(\d+)", info, re.MULTILINE)[1]), text


def ordered(client, user, name, place, form, **more):
    """The job of a file ordered through its page, done."""
    client.force_login(user)
    fields = {
        "submission": str(uuid.uuid4()),
        "numbers": "masked",
        "purpose": "file",
        "reason": "",
        "way": "file",
    }
    answer = client.post(reverse(f"reports:{name}", args=[place.uid, form]), fields | more)
    assert answer.status_code == 302, answer.context["form"].errors
    job = Job.objects.latest("pk")
    assert jobs.run(job.uid)
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.note
    return job


def fetched(client, job):
    answer = client.get(reverse("trust:job_file", args=[job.uid]))
    return b"".join(answer.streaming_content) if answer.status_code == 200 else None


def test_the_files_of_a_class_hold_its_children_and_no_other(world, client, tmp_path):  # noqa: F811
    job = ordered(client, world.zhang, "class_print_options", world.c1, "file")
    assert job.file_name == "石门小学四(1)班_一人一档_20261124.pdf"
    assert (job.done, job.total) == (3, 3)
    pages, text = read(fetched(client, job), tmp_path)
    assert pages >= 6  # a cover and a sheet at least for each of three
    flat = re.sub(r"\s", "", text)
    assert [name for name in ("李安安", "王彬彬", "赵翠翠") if name not in flat] == []
    assert "孙丹丹" not in flat and "13800008123" not in flat and "138****8123" in flat
    assert flat.count("第1页共") == 3  # each child's sheets are numbered by themselves
    actions = [
        a
        for a in AuditEvent.objects.order_by("pk").values_list("action", flat=True)
        if "pdf" in a or a == "print_child"
    ]
    assert actions == ["order_pdf", "build_pdf", "print_child", "print_child", "print_child"]
    assert {e.child_uid for e in AuditEvent.objects.filter(action="print_child")} == {
        world.an.uid, world.bin.uid, world.cui.uid,
    }  # fmt: skip


def test_cards_and_registers_become_files_too(world, client, tmp_path):  # noqa: F811
    job = ordered(
        client, world.zhou, "class_print_options", world.c1, "card", numbers="phones", reason="发给班主任"
    )
    pages, text = read(fetched(client, job), tmp_path)
    assert (pages, "13800008123" in text) == (3, True)
    assert "发给班主任" not in str(job.parameters)
    job = ordered(client, world.zhou, "school_print_options", world.school, "register")
    pages, text = read(fetched(client, job), tmp_path)
    assert pages == 1 and "何楠楠" in text and "第1页共1页" in text.replace(" ", "")
    job = ordered(client, world.zhou, "child_print_options", world.an, "agreement")
    assert "李安安" not in job.title + job.file_name
    _, text = read(fetched(client, job), tmp_path)
    assert "委托照护协议" in text.replace(" ", "") and "李安安" in text


def test_a_file_closes_with_the_post_and_with_the_child(world, client):  # noqa: F811
    job = ordered(client, world.zhang, "class_print_options", world.c1, "card")
    assert fetched(client, job).startswith(b"%PDF")
    Enrollment.objects.filter(child=world.bin).update(ends_on=date(2026, 11, 23))
    assert fetched(client, job) is None
    Enrollment.objects.filter(child=world.bin).update(ends_on=None)
    assert fetched(client, job) is not None
    Post.objects.filter(staff__user=world.zhang).update(ends_on=date(2026, 11, 23))
    assert fetched(client, job) is None


def test_more_children_than_a_file_holds_come_in_parts(world, client, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(pdf, "CHUNK", 2)
    job = ordered(client, world.zhang, "class_print_options", world.c1, "card")
    archive = zipfile.ZipFile(io.BytesIO(fetched(client, job)))
    assert sorted(archive.namelist()) == [
        "石门小学四(1)班_联系卡_20261124_第1册.pdf", "石门小学四(1)班_联系卡_20261124_第2册.pdf",
    ]  # fmt: skip
    assert [read(archive.read(name), tmp_path)[0] for name in sorted(archive.namelist())] == [2, 1]


def test_a_long_register_repeats_its_head_on_every_page(world, tmp_path):  # noqa: F811
    for number in range(60):
        child = Child.objects.create(county=world.county, name=f"童{number:02d}", sex="male")
        Enrollment.objects.create(
            child=child, school=world.school, school_class=world.c2, starts_on=date(2026, 9, 1)
        )
        CareListSpell.objects.create(child=child, type="one_away", starts_on=date(2026, 9, 1))
    path, children = pdf.build(
        Paper("register", world.school), tmp_path, user=world.zhou, day=timezone.localdate()
    )
    pages, text = read(path.read_bytes(), tmp_path)
    assert (len(children), pages >= 3) == (65, True)
    sheets = text.split("\f")[:pages]
    assert [number for number, sheet in enumerate(sheets) if "身份证件号" not in sheet] == []
    assert "合计" in sheets[-1]  # signatures do not stand on a page alone
    assert re.search(r"填表人.*审核人.*负责人", text)
    assert f"第{pages}页共{pages}页" in text.replace(" ", "")
