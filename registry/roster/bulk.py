"""Rows in bulk, with their history: what ``save`` does for one row, in a fixed number of statements for many."""

from django.db import connection
from django.utils import timezone

from trust.crypto import EncryptedTextField

from ..models import Child, Guardian
from .plan import chunks

BATCH = 2000
CHILD_FIELDS = [
    f.name for f in Child._meta.concrete_fields if f.name not in ("id", "uid", "county", "created_at")
]
ADULT_FIELDS = [f.name for f in Guardian._meta.concrete_fields if f.name not in ("id", "uid", "county")]
END_FIELDS = ["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"]


def take_keys(row):
    """Rows built before their parents were stored learn their keys now."""
    for name in ("child", "guardian", "school_class"):
        if name in row._state.fields_cache and row._state.fields_cache[name] is not None:
            setattr(row, name, row._state.fields_cache[name])


def create_with_history(model, rows, by):
    """New rows and their history, a fixed number of statements per ``BATCH`` rows."""
    if rows:
        model.objects.bulk_create(rows, batch_size=BATCH)
        write_history(model, rows, by, "+")


def write_history(model, rows, by, kind):
    """The rows' history, copied inside the database: no row is built, sent or sealed a second time.

    A history row shares its original's uid, so the copied ciphertext opens.
    """
    history = model.history.model
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in history.tracked_fields)
    keys = [int(row.pk) for row in rows]
    moment = connection.ops.adapt_datetimefield_value(timezone.now())
    copy = (  # names are our own, keys are integers
        f"INSERT INTO {quote(history._meta.db_table)} ({columns}, history_date, history_type, history_user_id, "  # noqa: S608
        f"history_change_reason) SELECT {columns}, %s, %s, %s, %s FROM {quote(model._meta.db_table)} WHERE id IN "
    )
    with connection.cursor() as cursor:
        for chunk in chunks(keys):
            cursor.execute(
                f"{copy}({', '.join(map(str, chunk))}) ORDER BY id",
                [moment, kind, by.pk if by is not None else None, ""],
            )


def update_with_history(model, rows, fields, by):
    """An upsert by primary key: unlike ``bulk_update`` it passes encrypted fields, and it is one statement."""
    rows = list(rows)
    if not rows:
        return
    for row in rows:
        row.version += 1
        row.prepare()
    update_by_key(model, rows, fields)
    write_history(model, rows, by, "~")


def update_by_key(model, rows, fields):
    """``rows`` written over what stands under their keys, also where ``fields`` are encrypted."""
    sealed = {f.name for f in model._meta.concrete_fields if isinstance(f, EncryptedTextField)}
    if sealed.isdisjoint(fields):
        model.objects.bulk_update(rows, fields, batch_size=500)
    elif rows:
        model.objects.bulk_create(
            rows, batch_size=BATCH, update_conflicts=True, update_fields=fields, unique_fields=["id"]
        )
