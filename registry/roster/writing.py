"""Sixth stage: writing a plan, set-based, in one transaction or not at all."""

from django.db import connection, transaction
from django.utils import timezone

from trust import audit, outbox

from ..models import (
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    SchoolClass,
    Trait,
)
from .plan import Plan, chunks

BATCH = 2000

audit.name_actions(import_roster="导入名册", import_child="名册写入儿童资料", preview_roster="核对名册")
audit.name_kinds(importbatch="名册导入")

_CHILD_FIELDS = [
    f.name for f in Child._meta.concrete_fields if f.name not in ("id", "uid", "county", "created_at")
]  # fmt: skip
_ADULT_FIELDS = [f.name for f in Guardian._meta.concrete_fields if f.name not in ("id", "uid", "county")]
_END_FIELDS = ["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"]


def write(plan: Plan, *, by, batch=None):
    """Writes a plan inside the caller's transaction: a fixed set of bulk statements, then the audit trail.

    ``bulk_create`` skips ``save`` and ``full_clean``; every value went through ``registry.values`` and the constraints
    of the tables hold.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("write() belongs inside the transaction that compared")
    rows, now = plan.rows, timezone.now()
    SchoolClass.objects.bulk_create(plan.new_classes.values())
    for child in rows[Child]:
        child.prepare()
    for adult in rows[Guardian]:
        adult.prepare()
    _create_with_history(Child, rows[Child], by)
    _create_with_history(Guardian, rows[Guardian], by)
    _update_with_history(Child, plan.changed_children.values(), _CHILD_FIELDS, by)
    _update_with_history(Guardian, plan.changed_adults.values(), _ADULT_FIELDS, by)
    _update_with_history(Phone, plan.changed_phones.values(), ["position", "version"], by)
    for model, ended in plan.ended.items():
        for spell in ended.values():
            if spell.cancelled_at is not None:
                spell.cancelled_by = by
        model.objects.bulk_update(ended.values(), _END_FIELDS, batch_size=500)
    for model in (Enrollment, CareListSpell, Trait, Guardianship, ParentWork):
        for spell in rows[model]:
            spell.recorded_by, spell.recorded_at = by, now
            _take_keys(spell)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for model in (Kinship, OpenQuestion):
        for row in rows[model]:
            _take_keys(row)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for phone in rows[Phone]:
        _take_keys(phone)
    _create_with_history(Phone, rows[Phone], by)
    Kinship.objects.bulk_update(plan.changed_kinships.values(), ["relation", "as_written"], batch_size=500)
    Guardianship.objects.bulk_update(plan.changed_cares.values(), ["ability"], batch_size=500)
    for trait in plan.alarms:
        payload = {"trait": str(trait.uid), "child": str(trait.child.uid), "kind": str(trait.kind)}
        outbox.send("protection_alarm", payload, key=f"protection_alarm:{trait.uid}")
    written = [child.uid for child in rows[Child]]
    written += [e.existing.uid for e in plan.roster.entries if e.status == "changed"]
    if written:
        audit.record_many("import_child", by=by, children=written, kind="child")
    counts = plan.counts
    audit.record(
        "import_roster", by=by, kind="importbatch", uid=batch, count=len(written),
        detail=f"{plan.school} 截止 {plan.as_of}：新 {counts['new']}，变 {counts['changed']}，不变 {counts['unchanged']}，待改 {counts['held']}",
    )  # fmt: skip


def _take_keys(row):
    """Rows built before their parents were stored learn their keys now."""
    for name in ("child", "guardian", "school_class"):
        if name in row._state.fields_cache and row._state.fields_cache[name] is not None:
            setattr(row, name, row._state.fields_cache[name])


def _create_with_history(model, rows, by):
    if rows:
        model.objects.bulk_create(rows, batch_size=BATCH)
        _write_history(model, rows, by, "+")


def _write_history(model, rows, by, kind):
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


def _update_with_history(model, rows, fields, by):
    """An upsert by primary key: unlike ``bulk_update`` it passes encrypted fields, and it is one statement."""
    rows = list(rows)
    if not rows:
        return
    for row in rows:
        row.version += 1
        row.prepare()
    encrypted_free = model is Phone
    if encrypted_free:
        model.objects.bulk_update(rows, fields, batch_size=500)
    else:
        model.objects.bulk_create(
            rows, batch_size=BATCH, update_conflicts=True, update_fields=fields, unique_fields=["id"]
        )
    _write_history(model, rows, by, "~")
