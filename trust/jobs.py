"""Jobs: long work as rows. A worker claims a row, reports, attaches a file; a sweep re-queues what was left behind."""

import logging
import os
import secrets
import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone

from trust import audit, crypto, outbox, request_context
from trust.models import Job, JobState

logger = logging.getLogger(__name__)

STALE_AFTER = timedelta(minutes=10)  # a worker that said nothing for so long is gone
RING_AGAIN = timedelta(minutes=2)
ATTEMPTS = 3
KEPT = timedelta(hours=24)
_handlers = {}
_guards = {}

audit.name_actions(order_job="提交后台任务", fetch_file="下载文件")


class JobTakenOver(Exception):
    """Another worker runs this job now; what this one still does must not count."""


def handler(kind):
    """Register ``f(job)`` for a kind of job (once, in the AppConfig's ``ready``). It must be safe to run twice."""

    def register(function):
        _handlers[kind] = function
        return function

    return register


def guard(kind):
    """Register ``f(job, user) -> bool``, asked at each fetch: a post that ended closes the file too."""

    def register(function):
        _guards[kind] = function
        return function

    return register


def may_fetch(job, user):
    """Whether the one who ordered the file may still have it."""
    return _guards[job.kind](job, user) if job.kind in _guards else True


def order(kind, *, by, parameters, title, submission=None):
    """Order a job: row, audit entry and bell in one transaction. The same ``submission`` twice is one job.

    ``parameters`` hold uids, dates and choices; no personal data.
    """
    if kind not in _handlers:
        raise LookupError(f"no handler for jobs of kind {kind}")
    with transaction.atomic():
        job = Job(kind=kind, title=title, parameters=parameters, ordered_by=by, submission=submission)
        if submission is not None:
            Job.objects.bulk_create([job], ignore_conflicts=True)
            stored = Job.objects.get(submission=submission)
            if stored.uid != job.uid:
                return stored
            job = stored
        else:
            job.save()
        audit.record("order_job", by=by, kind="job", uid=job, detail=title)
        _ring(job, "1")
    return job


def _ring(job, suffix):
    outbox.send(
        "ring", {"task": "trust.tasks.run_job", "args": [str(job.uid)]}, key=f"job:{job.uid}:{suffix}"
    )


def run(uid):
    """Run the job if nobody else does. Safe to call any number of times."""
    now = timezone.now()
    claim = uuid.uuid4()
    waiting = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, heartbeat_at__lt=now - STALE_AFTER)
    claimed = Job.objects.filter(waiting, uid=uid).update(
        state=JobState.RUNNING, claim=claim, heartbeat_at=now, started_at=now, attempts=F("attempts") + 1,
        done=0, total=0, note="",
    )  # fmt: skip
    if not claimed:
        return False
    job = Job.objects.select_related("ordered_by").get(uid=uid)
    context = request_context.RequestContext(request_id=f"job-{str(uid)[:8]}")
    with request_context.serving(context):
        try:
            _handlers[job.kind](job)
        except JobTakenOver:
            return False
        except Exception as error:
            _failed(job, error)
            return False
        finished = timezone.now()
        done = _mine(job).update(
            state=JobState.DONE, finished_at=finished, heartbeat_at=finished,
            file_name=job.file_name, file_path=job.file_path, file_size=job.file_size,
            expires_at=finished + KEPT, error_number="",
        )  # fmt: skip
        if not done and job.file_path:
            _remove(job.file_path)
    return bool(done)


def _mine(job):
    return Job.objects.filter(pk=job.pk, claim=job.claim, state=JobState.RUNNING)


def _failed(job, error):
    number = secrets.token_hex(3).upper()
    logger.error("job %s of kind %s failed, number %s", job.uid, job.kind, number, exc_info=error)
    if job.file_path:
        _remove(job.file_path)
    if isinstance(error, OperationalError | InterfaceError | audit.AuditFailed) and job.attempts < ATTEMPTS:
        _mine(job).update(state=JobState.QUEUED, heartbeat_at=timezone.now(), note="数据库正忙，稍后自动再做")
        return
    now = timezone.now()
    _mine(job).update(
        state=JobState.FAILED, finished_at=now, heartbeat_at=now, error_number=number, expires_at=now + KEPT
    )


def report(job, done, total, note=""):
    """Progress and sign of life; raises JobTakenOver when the job is no longer this worker's."""
    job.done, job.total, job.note = done, total, note[:200]
    if not _mine(job).update(done=done, total=total, note=job.note, heartbeat_at=timezone.now()):
        raise JobTakenOver(str(job.uid))


def attach(job, file_name, content):
    """Keep bytes, or the file at a path (which is removed), sealed on disk; shown once the job is done."""
    folder = Path(settings.MEDIA_ROOT) / "jobs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    relative = f"jobs/{job.uid}-{secrets.token_hex(4)}"
    target = Path(settings.MEDIA_ROOT) / relative
    source = None if isinstance(content, bytes | bytearray) else Path(content)
    size = len(content) if source is None else source.stat().st_size
    chunks = [bytes(content)] if source is None else _chunks(source)
    write_sealed_file(target, chunks, f"job:{job.uid}")
    if source is not None:
        source.unlink()
    if job.file_path:
        _remove(job.file_path)
    job.file_name, job.file_path, job.file_size = Path(file_name).name[:150], relative, size


def write_sealed_file(target, chunks, label):
    """Write a sealed file whole or not at all."""
    draft = target.with_name(target.name + ".part")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            crypto.write_sealed(file, chunks, label)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(1024 * 1024):
            yield chunk


def read_file(job):
    """The bytes of a finished job's file, in pieces."""
    with open(Path(settings.MEDIA_ROOT) / job.file_path, "rb") as file:
        yield from crypto.read_sealed(file, f"job:{job.uid}")


def has_file(job, now=None):
    """Whether there is a file to fetch, still within its time."""
    return bool(
        job.state == JobState.DONE
        and job.file_path
        and job.expires_at
        and job.expires_at > (now or timezone.now())
    )


def _remove(relative):
    (Path(settings.MEDIA_ROOT) / relative).unlink(missing_ok=True)


def sweep(now=None):
    """Ring again for jobs that wait, or whose worker is gone; give up after three attempts. Returns how many rang."""
    now = now or timezone.now()
    gone = Job.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=now - STALE_AFTER)
    gone.filter(attempts__gte=ATTEMPTS).update(
        state=JobState.FAILED, finished_at=now, expires_at=now + KEPT, note="做了三次都中断了，请联系管理员"
    )
    gone.update(state=JobState.QUEUED)
    waiting = Job.objects.filter(state=JobState.QUEUED).filter(
        Q(heartbeat_at__lt=now - timedelta(seconds=30)) | Q(created_at__lt=now - RING_AGAIN)
    )
    rung = 0
    for job in waiting.order_by("id")[:200]:
        _ring(job, now.strftime("%Y%m%d%H%M"))
        rung += 1
    return rung


def purge(now=None):
    """Remove files past their time, and what a crash left behind on disk. Returns how many files went."""
    now = now or timezone.now()
    removed = 0
    for job in Job.objects.filter(expires_at__lt=now).exclude(file_path="")[:2000]:
        _remove(job.file_path)
        Job.objects.filter(pk=job.pk, file_path=job.file_path).update(file_path="", file_size=0)
        removed += 1
    folder = Path(settings.MEDIA_ROOT) / "jobs"
    kept = {Path(path).name for path in Job.objects.exclude(file_path="").values_list("file_path", flat=True)}
    for path in folder.iterdir() if folder.is_dir() else ():
        old = now.timestamp() - path.stat().st_mtime > KEPT.total_seconds()
        if path.name not in kept and old:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
