"""What the preview page shows of a plan: its rows, its questions, its columns; stored until the batch is confirmed or dropped."""

import json

from django.db import transaction

from trust.masking import mask_id_number, mask_phone

from .. import values
from ..models import ImportRow, ImportState, RowStatus

SHOWN_COLUMNS = 200


def store_preview(batch, plan):
    """Replaces what the page shows of ``batch`` by ``plan``, in one transaction. A file without a table is refused."""
    refused = next((problem for problem in plan.roster.file_problems), None)
    rows = [
        ImportRow(
            batch=batch, position=position, sheet=entry.sheet[:60], number=entry.row, status=entry.status,
            has_problems=bool(entry.problems), asks=entry in plan.candidates,
            data=row_data(entry, candidates=plan.candidates.get(entry)),
        )
        for position, entry in enumerate(plan.roster.entries)
    ]  # fmt: skip
    rows += [
        ImportRow(
            batch=batch, position=position, sheet=sheet[:60], number=number, status=RowStatus.IGNORED,
            data=json.dumps({"why": why}, ensure_ascii=False),
        )
        for position, (sheet, number, why) in enumerate(plan.roster.ignored, start=len(rows))
    ]  # fmt: skip
    with transaction.atomic():
        batch.rows.all().delete()
        ImportRow.objects.bulk_create(rows, batch_size=500)
        batch.state, batch.counts = ImportState.CHECKING, plan.counts
        batch.new_classes, batch.digest, batch.note = plan.class_names, plan.digest, ""
        batch.columns = json.dumps(_columns(plan.roster.headings), ensure_ascii=False)
        if refused is not None:
            batch.state, batch.note = ImportState.REFUSED, refused.message[:300]
        batch.save()


def _columns(headings):
    """The columns that nobody knew, with a proposal, and those whose meaning a person chose: each heading once."""
    asked = {}
    for column in headings:
        if column["chosen"] or column["proposal"]:
            known = asked.setdefault(column["key"], dict(column))
            known.setdefault("letters", []).append(column["column"])
    return list(asked.values())[:SHOWN_COLUMNS]


def columns_of(batch):
    """What ``store_preview`` kept of the columns: heading, key, letters, proposal, why, chosen, field."""
    return json.loads(batch.columns or "[]")


def row_data(entry, *, candidates=None, full=False):
    """What a page shows of a row, as JSON; numbers masked, the words of a wrong cell as typed.

    ``full``: with the row's own cells, for the workbook of rows to put right.
    """
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
    if candidates:
        data["candidates"] = [_masked(candidate) for candidate in candidates]
    if full:
        data["fields"] = {"name": entry.name, "grade": entry.grade}
        data["cells"] = _cells(entry)
    return json.dumps(data, ensure_ascii=False, default=str)


def _masked(candidate):
    number, phone = candidate["id_number"], candidate["phone"]
    return candidate | {
        "id_number": mask_id_number(number) if number else "",
        "phone": mask_phone(phone) if phone else "",
    }


def _adult_words(who, adult):
    words = "，".join(filter(None, [adult.name, adult.work_place]))
    return f"{who} {words}" if words else ""


def _cells(entry):
    """The row's own cells with their headings."""
    row = next((row for row in entry.table.rows if row.number == entry.row), None)
    if row is None:
        return []
    return [
        [column.header, values.clean_text(row.cells[column.index]) if column.index < len(row.cells) else ""]
        for column in entry.table.columns
    ]  # fmt: skip
