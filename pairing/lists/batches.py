"""The road of every list: a file is read, a person looks at it and answers what was asked, then all of it is written or none.

A kind of list registers how it is read and written (``ListKind``, ``reads_lists``). Reading says of each row what confirming
would do; the digest of that is kept, and confirming refuses when the register says something else by then.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from django.db import transaction
from django.utils import timezone

from registry.models import ImportBatch, ImportRow, ImportState, RowStatus
from registry.roster.cells import FileRefused, read_cells
from trust import audit, jobs, uploads
from trust.models import Job

IN_REQUEST = 100 * 1024  # bytes; larger files are read by a worker

audit.name_actions(
    upload_list="上传名单",
    preview_list="核对名单",
    answer_list="回答名单里的疑问",
    confirm_list="导入名单",
    drop_list="放弃名单导入",
)


class StaleList(Exception):
    """The register changed since the person looked; the preview has been made anew."""


@dataclass
class Line:
    """One row of the list, or one child of it. ``facts`` decide what is written; ``shown`` is for the page."""

    sheet: str
    number: int
    status: str
    shown: dict = field(default_factory=dict)
    why: str = ""
    asks: list = field(default_factory=list)
    facts: tuple = ()


@dataclass(frozen=True)
class ListKind:
    """A kind of list. ``plan(batch, sheets)`` gives its lines, ``write(batch, lines, by)`` writes those that are new or
    changed and returns how many. ``prefix``: the names of its pages; ``columns``: [(key in ``shown``, heading)].
    """

    kind: str
    name: str
    prefix: str
    columns: tuple
    plan: Callable
    write: Callable


_KINDS: dict = {}


def reads_lists(kind):
    """Registers a ``ListKind`` (once, when the app is ready)."""
    _KINDS[kind.kind] = kind
    return kind


def kind_of(batch):
    """The registered kind of a batch."""
    return _KINDS[batch.kind]


def receive(file, *, kind, by, school, as_of, submission=None):
    """Keeps an uploaded list and reads it, or has it read. The same form again is the same batch."""
    known = submission and ImportBatch.objects.filter(submission=submission, created_by=by).first()
    if known:
        return known
    upload = uploads.keep(file, by=by, purpose="list")
    batch = ImportBatch(
        school=school, kind=kind, upload=upload, file_name=upload.file_name, sha256=upload.sha256, as_of=as_of,
        created_by=by, submission=submission,
    )  # fmt: skip
    with transaction.atomic():
        batch.save()
        audit.record("upload_list", by=by, kind="importbatch", uid=batch, detail=batch.get_kind_display())
        if upload.size > IN_REQUEST:
            jobs.order(
                "read_list", by=by, parameters={"batch": str(batch.uid)}, title=f"读{_KINDS[kind].name}",
                submission=batch.uid,
            )  # fmt: skip
    if upload.size <= IN_REQUEST:
        fill(batch)
    return batch


def job_of(batch):
    """The job that reads a large list, or None."""
    return Job.objects.filter(submission=batch.uid).first()


def fill(batch):
    """Reads the file and stores what the page shows. A file that cannot be read says why."""
    try:
        lines = _plan(batch)
    except FileRefused as refusal:
        batch.state, batch.note = ImportState.REFUSED, str(refusal)[:300]
        batch.save()
        return
    _store(batch, lines)


def _plan(batch):
    return kind_of(batch).plan(batch, read_cells(uploads.read_bytes(batch.upload)))


def _store(batch, lines):
    rows = [
        ImportRow(
            batch=batch, position=position, sheet=line.sheet[:60], number=line.number, status=line.status,
            has_problems=bool(line.asks),
            data=json.dumps(
                {"shown": line.shown, "why": line.why, "asks": [asdict(ask) for ask in line.asks]}, ensure_ascii=False
            ),
        )
        for position, line in enumerate(lines)
    ]  # fmt: skip
    with transaction.atomic():
        batch.rows.all().delete()
        ImportRow.objects.bulk_create(rows, batch_size=500)
        batch.state, batch.note = ImportState.CHECKING, ""
        batch.counts, batch.digest = dict(Counter(line.status for line in lines)), _digest(lines)
        batch.save()


def _digest(lines):
    told = [
        (line.sheet, line.number, str(line.status), [str(getattr(fact, "pk", fact)) for fact in line.facts])
        for line in lines
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def answer(batch, answers, *, by):
    """Says who is meant: ``answers`` {key of a question: uid}; only what was offered is taken. Returns how many were."""
    offered = {
        (ask["key"], uid) for row in batch.rows.filter(has_problems=True) for ask in row.shown["asks"]
        for uid, _ in ask["options"]
    }  # fmt: skip
    taken = {key: uid for key, uid in answers.items() if (key, uid) in offered}
    if not taken or batch.state != ImportState.CHECKING or batch.upload is None:
        return 0
    with transaction.atomic():
        batch.same_as = batch.same_as | taken
        batch.save(update_fields=["same_as"])
        audit.record("answer_list", by=by, kind="importbatch", uid=batch, count=len(taken))
    fill(batch)
    return len(taken)


def confirm(batch, *, by):
    """Writes what the page showed, once; rows that wait stay readable. Raises ``StaleList`` when it would differ now."""
    with transaction.atomic():
        turned = ImportBatch.objects.filter(pk=batch.pk, state=ImportState.CHECKING)
        if not turned.update(state=ImportState.WRITING):
            return 0
        batch.refresh_from_db()
        lines = _plan(batch)
        stale = _digest(lines) != batch.digest
        if stale:
            _store(batch, lines)
        else:
            written = kind_of(batch).write(batch, [line for line in lines if _enters(line)], by)
            batch.state, batch.confirmed_at, batch.confirmed_by = ImportState.DONE, timezone.now(), by
            batch.save()
            batch.rows.exclude(status=RowStatus.HELD).delete()
            audit.record("confirm_list", by=by, kind="importbatch", uid=batch, count=written)
    if stale:
        raise StaleList
    return written


def _enters(line):
    return line.status in (RowStatus.NEW, RowStatus.CHANGED)


def drop(batch, *, by):
    """The person decided against it: nothing is written, the rows go."""
    with transaction.atomic():
        open_states = [ImportState.CHECKING, ImportState.REFUSED, ImportState.READING]
        turned = ImportBatch.objects.filter(pk=batch.pk, state__in=open_states).update(
            state=ImportState.DROPPED
        )
        if turned:
            batch.rows.all().delete()
            audit.record("drop_list", by=by, kind="importbatch", uid=batch)
    return bool(turned)
