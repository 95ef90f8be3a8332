"""Sixth stage: writing a plan, set-based, in one transaction or not at all."""

from django.db import transaction
from django.utils import timezone

from trust import audit, outbox

from ..models import (
    AdultCondition,
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
from . import traces
from .bulk import (
    ADULT_FIELDS,
    BATCH,
    CHILD_FIELDS,
    END_FIELDS,
    create_with_history,
    take_keys,
    update_with_history,
)
from .plan import Plan

audit.name_actions(import_roster="导入名册", import_child="名册写入儿童资料", preview_roster="核对名册")
audit.name_kinds(importbatch="名册导入")


def write(plan: Plan, *, by, batch=None):
    """Writes a plan inside the caller's transaction: a fixed set of bulk statements, then the audit trail.

    ``bulk_create`` skips ``save`` and ``full_clean``; every value went through ``registry.values`` and the constraints
    of the tables hold.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("write() belongs inside the transaction that compared")
    rows, now = plan.rows, timezone.now()
    before = traces.before(plan) if batch is not None else None
    SchoolClass.objects.bulk_create(plan.new_classes.values())
    for child in rows[Child]:
        child.prepare()
    for adult in rows[Guardian]:
        adult.prepare()
    create_with_history(Child, rows[Child], by)
    create_with_history(Guardian, rows[Guardian], by)
    update_with_history(Child, plan.changed_children.values(), CHILD_FIELDS, by)
    update_with_history(Guardian, plan.changed_adults.values(), ADULT_FIELDS, by)
    update_with_history(Phone, plan.changed_phones.values(), ["position", "version"], by)
    for model, ended in plan.ended.items():
        for spell in ended.values():
            if spell.cancelled_at is not None:
                spell.cancelled_by = by
        model.objects.bulk_update(ended.values(), END_FIELDS, batch_size=500)
    for model in (Enrollment, CareListSpell, Trait, Guardianship, ParentWork, AdultCondition):
        for spell in rows[model]:
            spell.recorded_by, spell.recorded_at = by, now
            take_keys(spell)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for model in (Kinship, OpenQuestion):
        for row in rows[model]:
            take_keys(row)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for phone in rows[Phone]:
        take_keys(phone)
    create_with_history(Phone, rows[Phone], by)
    Kinship.objects.bulk_update(plan.changed_kinships.values(), ["relation", "as_written"], batch_size=500)
    Guardianship.objects.bulk_update(plan.changed_cares.values(), ["ability"], batch_size=500)
    if batch is not None:
        traces.keep(batch, plan, before)
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
