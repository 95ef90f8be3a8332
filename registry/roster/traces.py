"""What a batch wrote, row by row (``ImportTrace``), so that it can be undone.

A made row is copied inside the database, under the uid of the row itself: a row is made once. Of a changed row the
fields that changed are kept, as they stood before and after.
"""

import datetime
import json

from django.db import connection
from django.db.models import Max

from ..models import (
    AdultCondition,
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    HeldRow,
    ImportTrace,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    Trait,
)
from .bulk import BATCH
from .plan import chunks

# Classes are not among them: a class is a place that others use at once; it stays when the import is undone.
MODELS = {
    model._meta.model_name: model
    for model in (
        Child, Guardian, Enrollment, CareListSpell, Trait, Guardianship, ParentWork, AdultCondition, Kinship,
        OpenQuestion, Phone, HeldRow,
    )
}  # fmt: skip
_NEVER = {"id", "uid", "version"}


def fields_of(row):
    """{field: plain value} of a row, as a trace keeps and compares them."""
    return {
        field.attname: _plain(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.name not in _NEVER
    }


def _plain(value):
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)


def set_fields(row, fields):
    """Puts kept values back on a row; gives the names of the fields."""
    for field in row._meta.concrete_fields:
        if field.attname in fields:
            setattr(row, field.attname, field.to_python(fields[field.attname]))
    return [field.name for field in row._meta.concrete_fields if field.attname in fields]


def _changed(plan):
    """{model: rows that the plan changes}."""
    found = {
        Child: plan.changed_children, Guardian: plan.changed_adults, Phone: plan.changed_phones,
        Kinship: plan.changed_kinships,
    }  # fmt: skip
    found |= {model: dict(ended) for model, ended in plan.ended.items()}
    cares = {**found.get(Guardianship, {}), **plan.changed_cares}
    return {model: rows for model, rows in {**found, Guardianship: cares}.items() if rows}


def before(plan):
    """What stands under the keys of the rows that the plan changes: {model: {key: fields}}."""
    return {
        model: {
            row.pk: fields_of(row)
            for chunk in chunks(list(rows))
            for row in model._base_manager.filter(pk__in=chunk)
        }
        for model, rows in _changed(plan).items()
    }


def keep(batch, plan, before):
    """Writes the traces of a plan that has been written; inside its transaction."""
    position = 0
    for name, model in MODELS.items():
        keys = [int(row.pk) for row in plan.rows[model]] if model in plan.rows else []
        for chunk in chunks(keys):
            _copy(batch, name, model, chunk, position)
            position += len(chunk)
    keep_changes(batch, _changed(plan), before, position)


def keep_changes(batch, changed, before, position=None):
    """Traces of changed rows: ``changed`` {model: {key: row as written}}, ``before`` as ``before`` gives it."""
    if position is None:
        last = batch.traces.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
    made = []
    for model, rows in changed.items():
        for key, row in rows.items():
            old, new = before[model][key], fields_of(row)
            differing = [name for name in new if new[name] != old[name]]
            if differing:
                made.append(
                    ImportTrace(
                        batch=batch, position=position + len(made), model=model._meta.model_name, row=row.uid, made=False,
                        before=as_text({name: old[name] for name in differing}),
                        after=as_text({name: new[name] for name in differing}),
                    )
                )  # fmt: skip
    ImportTrace.objects.bulk_create(made, batch_size=BATCH)


def as_text(fields):
    """Fields as a trace keeps them."""
    return json.dumps(fields, ensure_ascii=False)


def _copy(batch, name, model, keys, position):
    quote = connection.ops.quote_name
    copy = (  # names are our own, keys are integers
        f"INSERT INTO {quote(ImportTrace._meta.db_table)} (uid, batch_id, position, model, row, made, before, after) "  # noqa: S608
        f"SELECT uid, %s, %s + ROW_NUMBER() OVER (ORDER BY id), %s, uid, %s, '', '' "
        f"FROM {quote(model._meta.db_table)} WHERE id IN ({', '.join(map(str, keys))})"
    )
    with connection.cursor() as cursor:
        cursor.execute(copy, [batch.pk, position - 1, name, True])
