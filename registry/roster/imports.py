"""The whole road of a roster: read, compare, preview, confirm. Pages, worker and command are doors to these functions."""

import hashlib
import json
import uuid

from django.db import transaction
from django.utils import timezone

from trust import audit, jobs, uploads
from trust.masking import mask_id_number, mask_phone

from .. import values
from ..models import HeldRow, ImportBatch, ImportRow, ImportState, RowStatus
from .cells import FileRefused, read_cells
from .children import read_children
from .comparison import compare
from .plan import Plan, shape_of
from .table import read_tables
from .writing import write


class StalePreview(Exception):
    """The register changed between preview and confirmation; the preview has been made anew."""


def read_roster(data: bytes, *, school, as_of, keep_first=frozenset()):
    """Stages one to four. Raises ``FileRefused``. One query (the school's classes)."""
    return read_children(
        read_tables(read_cells(data)), as_of=as_of, shape=shape_of(school, as_of), keep_first=keep_first
    )


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
    batch.counts, batch.new_classes, batch.digest = plan.counts, plan.class_names, plan.digest
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
                data=_data(entry, full=True),
            )
            for position, entry in enumerate(held)
        ],
        batch_size=500,
    )
    _put_right(batch, plan, by)


def _put_right(batch, plan, by):
    """Held rows of earlier batches whose child this one brought are done."""
    came = {(e.name, e.grade) for e in plan.roster.entries if e.status != "held" and e.name}
    done = []
    waiting = HeldRow.objects.filter(batch__school=batch.school, done_at=None).exclude(batch=batch)
    again = {(e.name, e.grade) for e in plan.roster.entries if e.status == "held" and e.name}
    for row in waiting:
        fields = row.shown.get("fields", {})
        key = fields.get("name"), fields.get("grade")
        if key in came or key in again:
            row.done_at, row.done_by = timezone.now(), by
            row.done_note = "后来的名册里改好了" if key in came else "又在后来的名册里等着改"
            done.append(row)
    HeldRow.objects.bulk_update(done, ["done_at", "done_by", "done_note"], batch_size=500)


# --- the preview -----------------------------------------------------------------------------------------------------


def fill_preview(batch, data: bytes):
    """Reads the file of ``batch`` and stores what the preview page shows. A file that cannot be read says why."""
    try:
        roster = read_roster(
            data, school=batch.school, as_of=batch.as_of, keep_first=frozenset(map(tuple, batch.keep_first))
        )
    except FileRefused as refusal:
        batch.state, batch.note = ImportState.REFUSED, str(refusal)[:300]
        batch.save()
        return
    plan = compare(roster, school=batch.school, as_of=batch.as_of)
    _store_preview(batch, plan)


def _store_preview(batch, plan):
    rows, position = [], 0
    refused = next((problem for problem in plan.roster.file_problems), None)
    for entry in plan.roster.entries:
        rows.append(
            ImportRow(
                batch=batch, position=position, sheet=entry.sheet[:60], number=entry.row, status=entry.status,
                has_problems=bool(entry.problems), data=_data(entry),
            )
        )  # fmt: skip
        position += 1
    for sheet, number, why in plan.roster.ignored:
        rows.append(
            ImportRow(
                batch=batch, position=position, sheet=sheet[:60], number=number, status=RowStatus.IGNORED,
                data=json.dumps({"why": why}, ensure_ascii=False),
            )
        )  # fmt: skip
        position += 1
    with transaction.atomic():
        batch.rows.all().delete()
        ImportRow.objects.bulk_create(rows, batch_size=500)
        batch.state, batch.counts = ImportState.CHECKING, plan.counts
        batch.new_classes, batch.digest, batch.note = plan.class_names, plan.digest, ""
        if refused is not None:
            batch.state, batch.note = ImportState.REFUSED, refused.message[:300]
        batch.save()


def confirm(batch, data: bytes, *, by):
    """Writes what the preview showed, once: the second click finds it done. Raises ``StalePreview`` when it differs now."""
    roster = read_roster(
        data, school=batch.school, as_of=batch.as_of, keep_first=frozenset(map(tuple, batch.keep_first))
    )
    with transaction.atomic():
        # the one who turns the state writes; everybody else finds it turned
        taken = ImportBatch.objects.filter(pk=batch.pk, state=ImportState.CHECKING).update(
            state=ImportState.WRITING
        )
        batch.refresh_from_db()
        if not taken:
            return False
        plan = compare(roster, school=batch.school, as_of=batch.as_of, lock=True)
        if plan.digest == batch.digest:
            _finish(batch, plan, by)
            batch.rows.all().delete()
            return True
        _store_preview(batch, plan)
    raise StalePreview


def drop(batch, *, by):
    """The person decided not to import: the preview goes, the batch stays as a fact."""
    with transaction.atomic():
        turned = ImportBatch.objects.filter(
            pk=batch.pk, state__in=[ImportState.CHECKING, ImportState.REFUSED, ImportState.READING]
        ).update(state=ImportState.DROPPED)
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


audit.name_actions(drop_import="放弃名册导入", set_aside_row="处理待改行")


def _data(entry, full=False):
    """What a page shows of a row, as JSON; numbers masked, the words of a wrong cell as typed."""
    fields = entry.fields()
    typed = {problem.field: problem.text for problem in entry.problems if problem.field and problem.text}
    shown = {
        "name": entry.name or "",
        "id_number": mask_id_number(entry.id_number) if entry.id_number else "",
        "class": f"{entry.grade or ''}{entry.school_class or ''}",
        "born": " ".join(filter(None, [entry.sex, fields["birth_date"]])),
        "parents": "；".join(
            filter(None, [_adult_words("父", entry.father), _adult_words("母", entry.mother)])
        ),
        "guardian": " ".join(filter(None, [entry.guardian.relation, entry.guardian.name])),
        "phone": mask_phone(entry.guardian.phones[0]) if entry.guardian.phones else "",
        "address": entry.address or "",
    }
    data = {
        "shown": shown,
        "typed": typed,
        "changes": entry.changes,
        "rows": entry.rows[1:],
        "problems": [
            problem.as_json() | {"field": problem.field, "text": problem.text[:60]}
            for problem in entry.problems
        ],
    }
    if full:
        data["fields"] = {"name": entry.name, "grade": entry.grade}
        data["cells"] = _cells(entry)
    return json.dumps(data, ensure_ascii=False, default=str)


def _adult_words(who, adult):
    words = "，".join(filter(None, [adult.name, adult.work_place]))
    return f"{who} {words}" if words else ""


def _cells(entry):
    """The row's own cells with their headings, for the workbook of rows to put right."""
    row = next((row for row in entry.table.rows if row.number == entry.row), None)
    if row is None:
        return []
    return [
        [column.header, values.clean_text(row.cells[column.index]) if column.index < len(row.cells) else ""]
        for column in entry.table.columns
    ]  # fmt: skip


def rows_to_put_right(batch):
    """Held rows as the school wrote them: of a confirmed batch those not done, before that those of the file."""
    if batch.state == ImportState.DONE:
        return [row.shown for row in batch.held_rows.filter(done_at=None)]
    roster = read_roster(uploads.read_bytes(batch.upload), school=batch.school, as_of=batch.as_of)
    compare(roster, school=batch.school, as_of=batch.as_of)
    return [json.loads(_data(entry, full=True)) for entry in roster.entries if entry.status == "held"]


# --- upload ----------------------------------------------------------------------------------------------------------

# About 4,000 rows: what a request may take; larger files are read by a worker.
IN_REQUEST = 300 * 1024


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
        school=school, sha256=upload.sha256, as_of=as_of, state=ImportState.CHECKING
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
            jobs.order(
                "read_roster",
                by=by,
                parameters={"batch": str(batch.uid)},
                title="读名册",
                submission=batch.uid,
            )
    if upload.size <= IN_REQUEST:
        fill_preview(batch, uploads.read_bytes(upload))
    return batch, False


def order_confirmation(batch, *, by):
    """Has a large batch written by a worker; asked twice for the same preview it is one job."""
    submission = uuid.uuid5(batch.uid, batch.digest)
    with transaction.atomic():
        jobs.order(
            "confirm_roster",
            by=by,
            parameters={"batch": str(batch.uid)},
            title="导入名册",
            submission=submission,
        )
        ImportBatch.objects.filter(pk=batch.pk, state=ImportState.CHECKING).update(note="正在后台导入")


audit.name_actions(upload_roster="上传名册")
