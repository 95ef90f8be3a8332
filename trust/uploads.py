"""Uploaded files: sealed on disk under names that say nothing, read only through their owner's row."""

import hashlib
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from trust import audit, crypto, jobs
from trust.models import Upload

LIMIT = 10 * 1024 * 1024
KEPT = timedelta(days=7)

audit.name_actions(upload="上传文件", fetch_upload="打开上传的文件")


def keep(file, *, by, purpose, content_type="", kept=KEPT, limit=LIMIT):
    """Keep an uploaded file (Django's UploadedFile, or anything with ``name`` and ``chunks()``).

    ``kept=None`` keeps it until ``remove``. What the bytes are is for the caller to check.
    """
    if file.size > limit:
        raise ValidationError(f"文件有 {file.size / 1024 / 1024:.1f} MB，最多 {limit // 1024 // 1024} MB")
    name = Path(file.name or "文件").name.replace("\x00", "")[-200:]
    upload = Upload(
        owner=by, purpose=purpose, file_name=name, content_type=content_type[:100], size=0,
        expires_at=timezone.now() + kept if kept else None,
    )  # fmt: skip
    fingerprint, size = hashlib.sha256(), 0

    def pieces():
        nonlocal size
        for chunk in file.chunks():
            size += len(chunk)
            if size > limit:
                raise ValidationError(f"文件超过 {limit // 1024 // 1024} MB")
            fingerprint.update(chunk)
            yield chunk

    path = _path(upload)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    jobs.write_sealed_file(path, pieces(), f"upload:{upload.uid}")
    upload.size, upload.sha256 = size, fingerprint.hexdigest()
    try:
        with transaction.atomic():
            upload.save()
            audit.record("upload", by=by, kind="upload", uid=upload, detail=purpose)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return upload


def read(upload):
    """The bytes of an upload, in pieces."""
    with open(_path(upload), "rb") as file:
        yield from crypto.read_sealed(file, f"upload:{upload.uid}")


def read_bytes(upload):
    """The whole upload in memory (at most the limit it was kept under)."""
    return b"".join(read(upload))


def keep_for_good(upload):
    """The upload has become part of a record: it no longer expires."""
    Upload.objects.filter(pk=upload.pk).update(expires_at=None)


def remove(upload):
    """Remove row and bytes."""
    path = _path(upload)
    upload.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def _path(upload):
    return Path(settings.MEDIA_ROOT) / "uploads" / str(upload.uid)[:2] / str(upload.uid)


def purge(now=None):
    """Remove uploads past their time, and bytes without a row older than a day. Returns how many."""
    now = now or timezone.now()
    removed = 0
    for upload in Upload.objects.filter(expires_at__lt=now)[:2000]:
        path = _path(upload)
        try:
            upload.delete()
        except ProtectedError:  # a record refers to it: it stays
            keep_for_good(upload)
            continue
        path.unlink(missing_ok=True)
        removed += 1
    folder = Path(settings.MEDIA_ROOT) / "uploads"
    old = now.timestamp() - 86400
    lost = (
        [
            path
            for path in folder.glob("??/????????-????-????-????-????????????*")
            if path.stat().st_mtime < old
        ]
        if folder.is_dir()
        else []
    )
    for start in range(0, len(lost), 500):
        page = {path.name.removesuffix(".part"): path for path in lost[start : start + 500]}
        kept = {str(uid) for uid in Upload.objects.filter(uid__in=page).values_list("uid", flat=True)}
        for name, path in page.items():
            if name not in kept or path.suffix == ".part":
                path.unlink(missing_ok=True)
                removed += 1
    return removed
