"""The whole road of a roster: read, compare, preview, answer, confirm. Pages, worker and command are doors to these functions."""

import hashlib
import uuid

from django.db import transaction
from django.utils import timezone

from trust import audit, jobs, uploads
from trust.models import Job, JobState

from ..models import HeadingChoice, HeldRow, ImportBatch, ImportKind, ImportState
from . import traces
from .cells import FileRefused, read_cells
from .children import read_children
from .comparison import compare
from .look_alikes import NEW_CHILD, row_key
from .meanings import CHOICES, IGNORE
from .plan import Plan, shape_of
from .preview import columns_of, row_data, store_preview
from .table import read_tables
from .writing import write

# About 4,000 rows: what a request may take; larger files are read by a worker.
IN_REQUEST = 300 * 1024

audit.name_actions(
    upload_roster="上传名册",
    drop_import="放弃名册导入",
    set_aside_row="处理待改行",
    answer_import="回答名册里的疑问",
    choose_heading="选定表头的意思",
)
audit.name_kinds(heldrow="待改行", headingchoice="表头的意思")


class StalePreview(Exception):
    """The register changed between preview and confirmation; the preview has been made anew."""


def read_roster(data: bytes, *, school, as_of, keep_first=frozenset(), headings=None, report=None):
    """Stages one to four. Raises ``FileRefused``. Two queries (the school's classes, its choices of headings).

    ``headings``: what a person chose for this file, {heading's key: meaning}; it goes before what the school chose once.
    """
    chosen = remembered_headings(school) | (headings or {})
    tables = read_tables(read_cells(data), chosen=chosen)
    return read_children(
        tables, as_of=as_of, shape=shape_of(school, as_of), keep_first=keep_first, report=report
    )


def remembered_headings(school):
    """What headings mean in the files of this school: {heading's key: meaning}."""
    return dict(HeadingChoice.objects.filter(school=school).values_list("heading", "meaning"))


def plan_roster(data: bytes, *, school, as_of) -> Plan:
    """All stages but writing."""
    return compare(read_roster(data, school=school, as_of=as_of), school=school, as_of=as_of)


def import_roster(
    data: bytes, *, by, school, as_of, file_name="", accept=False
) -> tuple[Plan, ImportBatch | None]:
    """The command's road: reads and, if there is no error (or ``accept``), writes all but the held rows.

    Returns the plan and the batch, or None when nothing was written. Raises ``FileRefused``.
    """
    roster = read_roster(data, school=school, as_of=as_of)
    with transaction.atomic():
        plan = compare(roster, school=school, as_of=as_of, lock=True)
        if roster.errors and not accept:
            return plan, None
        if any(problem.kind == "no_heading" for problem in roster.file_problems):
            return plan, None
        batch = ImportBatch(
            school=school, file_name=file_name[-200:], sha256=hashlib.sha256(data).hexdigest(), as_of=as_of,
            created_by=by, state=ImportState.DONE,
        )  # fmt: skip
        _finish(batch, plan, by)
    return plan, batch


def _finish(batch, plan, by):
    """Writes the plan and closes the batch, in the caller's transaction."""
    batch.state, batch.confirmed_at, batch.confirmed_by = ImportState.DONE, timezone.now(), by
    batch.counts, batch.new_classes, batch.digest, batch.note = plan.counts, plan.class_names, plan.digest, ""
    batch.save()
    write(plan, by=by, batch=batch)
    held = [entry for entry in plan.roster.entries if entry.status == "held"]
    HeldRow.objects.bulk_create(
        [
            HeldRow(
                batch=batch,
                position=position,
                sheet=entry.sheet[:60],
                number=entry.row,
                data=row_data(entry, full=True),
            )
            for position, entry in enumerate(held)
        ],
        batch_size=500,
    )
    _put_right(batch, plan, by)


def _put_right(batch, plan, by):
    """Held rows of earlier batches whose child this one brought are done; undoing this one lets them wait again."""
    came = {(e.name, e.grade) for e in plan.roster.entries if e.status != "held" and e.name}
    done, before = {}, {}
    waiting = HeldRow.objects.filter(batch__school=batch.school, done_at=None).exclude(batch=batch)
    again = {(e.name, e.grade) for e in plan.roster.entries if e.status == "held" and e.name}
    for row in waiting:
        fields = row.shown.get("fields", {})
        key = fields.get("name"), fields.get("grade")
        if key in came or key in again:
            before[row.pk] = traces.fields_of(row)
            row.done_at, row.done_by = timezone.now(), by
            row.done_note = "后来的名册里改好了" if key in came else "又在后来的名册里等着改"
            done[row.pk] = row
    HeldRow.objects.bulk_update(done.values(), ["done_at", "done_by", "done_note"], batch_size=500)
    if done:
        traces.keep_changes(batch, {HeldRow: done}, {HeldRow: before})


# --- the preview, and what a person answers --------------------------------------------------------------------------


def _read(batch, data, report=None):
    return read_roster(
        data, school=batch.school, as_of=batch.as_of, keep_first=frozenset(map(tuple, batch.keep_first)),
        headings=batch.headings, report=report,
    )  # fmt: skip


def plan_of(batch, data: bytes, report=None) -> Plan:
    """The plan of a batch's file with all that was answered. Raises ``FileRefused``.

    ``report(done, total)``: rows gone through, each twice (read, compared).
    """
    reading = report and (lambda done, rows: report(done, rows * 2))
    comparing = report and (lambda done, rows: report(rows + done, rows * 2))
    roster = _read(batch, data, reading)
    return compare(
        roster, school=batch.school, as_of=batch.as_of, same_as=batch.same_as, report=comparing
    )  # fmt: skip


def fill_preview(batch, data: bytes, report=None):
    """Reads the file of ``batch`` and stores what the preview page shows. A file that cannot be read says why."""
    try:
        plan = plan_of(batch, data, report=report)
    except FileRefused as refusal:
        batch.state, batch.note = ImportState.REFUSED, str(refusal)[:300]
        batch.save()
        return
    store_preview(batch, plan)


def read_again(batch, *, by):
    """Makes the preview anew after an answer: at once, or a large file by a worker."""
    if batch.upload.size <= IN_REQUEST:
        fill_preview(batch, uploads.read_bytes(batch.upload))
        return
    with transaction.atomic():
        batch.state, batch.note = ImportState.READING, "正在按您的回答重新核对"
        batch.save()
        _order("read_roster", batch, by, "读名册", uuid.uuid4())


def answer_same(batch, answers, *, by):
    """Says of rows that look like a child of the school whether they are: ``answers`` {row: the child's uid hex or ``new``}.

    Only a child that the row was shown beside can be named. Returns how many answers were taken.
    """
    taken = {}
    for row, answer in answers.items():
        offered = {candidate["uid"] for candidate in row.shown.get("candidates", [])}
        if answer == NEW_CHILD or answer in offered:
            taken[row_key(row.sheet, row.number)] = answer
    return _answered(batch, by, len(taken), same_as=batch.same_as | taken)


def keep_row(batch, row, *, first, by):
    """Of a repeated child: the earlier row is right (``first``), or the later one."""
    places = [
        [p["sheet"], p["row"]] for p in row.shown.get("problems", []) if p["kind"] == "repeated_differs"
    ]
    kept = [place for place in batch.keep_first if place not in places]
    return _answered(batch, by, len(places), keep_first=kept + places if first else kept)


def _answered(batch, by, count, **answers):
    if not count or batch.state != ImportState.CHECKING or batch.upload is None:
        return 0
    with transaction.atomic():
        for name, value in answers.items():
            setattr(batch, name, value)
        batch.save(update_fields=list(answers))
        audit.record("answer_import", by=by, kind="importbatch", uid=batch, count=count)
    read_again(batch, by=by)
    return count


def choose_headings(batch, choices, *, by):
    """What headings of this file mean: ``choices`` {heading's key: a key of ``CHOICES`` or ``ignore``}.

    Kept for the batch and remembered for the school: next time it is applied by itself. Returns how many were chosen.
    """
    asked = {column["key"] for column in columns_of(batch)}
    chosen = {
        key: value
        for key, value in choices.items()
        if key in asked and (value in CHOICES or value == IGNORE) and batch.headings.get(key) != value
    }
    if not chosen or batch.state != ImportState.CHECKING or batch.upload is None:
        return 0
    with transaction.atomic():
        batch.headings = batch.headings | chosen
        batch.save(update_fields=["headings"])
        HeadingChoice.objects.bulk_create(
            [
                HeadingChoice(school=batch.school, heading=key, meaning=value, chosen_at=timezone.now(), chosen_by=by)
                for key, value in chosen.items()
            ],
            update_conflicts=True,
            update_fields=["meaning", "chosen_at", "chosen_by"],
            unique_fields=["school", "heading"],
        )  # fmt: skip
        audit.record("choose_heading", by=by, kind="importbatch", uid=batch, count=len(chosen))
    read_again(batch, by=by)
    return len(chosen)


# --- the end of a batch ----------------------------------------------------------------------------------------------


def confirm(batch, data: bytes, *, by, report=None):
    """Writes what the preview showed, once: the second click finds it done. Raises ``StalePreview`` when it differs now.

    ``report(done, total)`` is told of the rows read; what is written shows as a whole, when it is whole.
    """
    roster = _read(batch, data, report)
    with transaction.atomic():
        # the one who turns the state writes; everybody else finds it turned
        taken = ImportBatch.objects.filter(pk=batch.pk, state=ImportState.CHECKING).update(
            state=ImportState.WRITING
        )
        batch.refresh_from_db()
        if not taken:
            return False
        plan = compare(
            roster, school=batch.school, as_of=batch.as_of, lock=True, same_as=batch.same_as
        )  # fmt: skip
        if plan.digest == batch.digest:
            _finish(batch, plan, by)
            batch.rows.all().delete()
            return True
        store_preview(batch, plan)
    raise StalePreview


def drop(batch, *, by):
    """The person decided not to import: the preview goes, the batch stays as a fact."""
    with transaction.atomic():
        turned = ImportBatch.objects.filter(
            pk=batch.pk, state__in=[ImportState.CHECKING, ImportState.REFUSED, ImportState.READING]
        ).update(state=ImportState.DROPPED, columns="")
        if turned:
            batch.rows.all().delete()
            audit.record("drop_import", by=by, kind="importbatch", uid=batch)
    return bool(turned)


def set_aside(row, *, by, note):
    """A held row that will not be sent again, with the reason."""
    with transaction.atomic():
        turned = HeldRow.objects.filter(pk=row.pk, done_at=None).update(
            done_at=timezone.now(), done_by=by, done_note=note.strip()[:200]
        )
        if turned:
            audit.record("set_aside_row", by=by, kind="heldrow", uid=row, reason=note.strip())
    return bool(turned)


# --- upload ----------------------------------------------------------------------------------------------------------


def receive(file, *, by, school, as_of, submission=None):
    """Keeps an uploaded roster and reads it, or has it read. The same file still being checked is the same batch.

    Returns (batch, whether it was there before).
    """
    if submission is not None:
        known = ImportBatch.objects.filter(submission=submission, created_by=by).first()
        if known is not None:
            return known, True
    upload = uploads.keep(file, by=by, purpose="roster")
    same = ImportBatch.objects.filter(
        school=school, kind=ImportKind.ROSTER, sha256=upload.sha256, as_of=as_of, state=ImportState.CHECKING
    ).first()
    if same is not None:
        uploads.remove(upload)
        return same, True
    batch = ImportBatch(
        school=school, upload=upload, file_name=upload.file_name, sha256=upload.sha256, as_of=as_of, created_by=by,
        submission=submission,
    )  # fmt: skip
    with transaction.atomic():
        batch.save()
        audit.record("upload_roster", by=by, kind="importbatch", uid=batch)
        if upload.size > IN_REQUEST:
            batch.note = "表比较大，正在后台读"
            batch.save()
            _order("read_roster", batch, by, "读名册", batch.uid)
    if upload.size <= IN_REQUEST:
        fill_preview(batch, uploads.read_bytes(upload))
    return batch, False


def job_of(batch):
    """The last job that reads or writes ``batch``, or None."""
    jobs_of_batch = Job.objects.filter(
        kind__in=("read_roster", "confirm_roster"), parameters__batch=str(batch.uid)
    )
    return jobs_of_batch.order_by("-pk").first()


def order_confirmation(batch, *, by):
    """Has a large batch written by a worker; pressed twice it is one job, after a job that failed it is another."""
    last = job_of(batch)
    if (
        last is not None
        and last.kind == "confirm_roster"
        and last.state in (JobState.QUEUED, JobState.RUNNING)
    ):
        return
    failed = last.uid if last is not None and last.state == JobState.FAILED else ""
    with transaction.atomic():
        _order("confirm_roster", batch, by, "导入名册", uuid.uuid5(batch.uid, f"{batch.digest}{failed}"))
        ImportBatch.objects.filter(pk=batch.pk, state=ImportState.CHECKING).update(note="正在后台导入")


def _order(kind, batch, by, title, submission):
    parameters = {"batch": str(batch.uid)}
    return jobs.order(kind, by=by, parameters=parameters, title=title, submission=submission)
