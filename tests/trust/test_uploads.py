"""Uploads: sealed on disk, bound to their owner, gone when their time is over."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as project_settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from trust import audit, uploads
from trust.models import Upload

pytestmark = pytest.mark.django_db
DATA = "李小满,13800000000\n".encode() * 1000


def keep(by, **more):
    return uploads.keep(SimpleUploadedFile("../../李小满.csv", DATA), by=by, purpose="roster", **more)


def files():
    return [path for path in Path(project_settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_bytes_come_back_and_disk_and_path_say_nothing(li):
    upload = Upload.objects.get(pk=keep(li).pk)
    assert uploads.read_bytes(upload) == DATA
    assert (upload.file_name, upload.size) == ("李小满.csv", len(DATA))
    (path,) = files()
    assert path.name == str(upload.uid)
    assert b"13800000000" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


def test_it_is_its_owners(li, wang):
    upload = keep(li)
    assert list(Upload.objects.visible_to(li)) == [upload]
    assert list(Upload.objects.visible_to(wang)) == []


def test_too_large_is_refused_and_leaves_nothing(li):
    with pytest.raises(ValidationError):
        keep(li, limit=100)
    assert (Upload.objects.count(), files()) == (0, [])


def test_a_failed_save_leaves_no_bytes(li, monkeypatch):
    def fails(*args, **kwargs):
        raise audit.AuditFailed

    monkeypatch.setattr("trust.uploads.audit.record", fails)
    with pytest.raises(audit.AuditFailed):
        keep(li)
    assert (Upload.objects.count(), files()) == (0, [])


def test_time_over_means_gone_unless_it_became_part_of_a_record(li):
    gone, stays = keep(li), keep(li)
    uploads.keep_for_good(stays)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert uploads.purge() == 1
    assert list(Upload.objects.all()) == [stays]
    assert [path.name for path in files()] == [str(stays.uid)]
    assert gone.uid != stays.uid


def test_bytes_that_a_crash_left_behind_go_too(li):
    stays = keep(li, kept=None)
    (path,) = files()
    lost = path.with_name("0" * 8 + str(stays.uid)[8:])
    lost.write_bytes(b"x")
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert uploads.purge() == 1
    assert files() == [path]
