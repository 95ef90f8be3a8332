"""Undoing a confirmed import: as a whole, and only until something was built on it.

Nothing is deleted: spells that the batch began are cancelled as 撤销导入, so the children it brought stand on no list; what
it changed becomes what it was. The one thing taken away is a kinship it gave to a child that was there before: a kinship
has no dates, and its trace keeps what it was. Classes stay. The same roster sent again finds the same children.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from trust import audit, jobs

from ..models import (
    Child,
    Guardian,
    HeldRow,
    ImportBatch,
    ImportState,
    ImportTrace,
    Kinship,
    OpenQuestion,
    Phone,
)
from ..models.spells import Spell
from . import traces
from .bulk import ADULT_FIELDS, CHILD_FIELDS, update_by_key, update_with_history, write_history
from .plan import UNDONE, chunks

# Children beyond which undoing is a worker's job.
IN_REQUEST = 1000

audit.name_actions(undo_import="撤销导入", undo_import_child="撤销导入：儿童资料")


@dataclass
class Obstacle:
    """What was built on the import for one child: {kind in words: how many}."""

    child: Child
    kinds: Counter = field(default_factory=Counter)

    @property
    def words(self):
        """谈心 2 条、结对 1 条."""
        return "、".join(f"{kind} {count} 条" for kind, count in sorted(self.kinds.items()))


class StandsInTheWay(Exception):
    """Something was built on the import; ``obstacles`` says what, child by child. Nothing was undone."""

    def __init__(self, obstacles):
        super().__init__("built upon")
        self.obstacles = obstacles


def can_undo(batch):
    """Whether the batch was imported and left traces (those of earlier versions did not)."""
    return batch.state == ImportState.DONE and batch.traces.exists()


def obstacles(batch):
    """What stands in the way, by child, in pinyin order; empty when the import can be undone."""
    found = []  # (model, key of the row, kind in words, how many)
    names = set(batch.traces.filter(made=True).values_list("model", flat=True).order_by().distinct())
    for name in names:
        model = traces.MODELS[name]
        found += _referring(batch, model)
        found += _altered(batch, model)
    found += _changed_again(batch)
    return _by_child(found)


def _made(batch, model):
    rows = ImportTrace.objects.filter(batch=batch, made=True, model=model._meta.model_name)
    return model._base_manager.filter(uid__in=rows.order_by().values("row"))


def _referring(batch, model):
    """Rows of any table that refer to a row the batch made and that it did not make itself. Cancelled ones count for nothing."""
    for relation in model._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or relation.many_to_many:
            continue
        other, name = relation.related_model, relation.field.name
        if hasattr(other, "history_id"):
            continue
        rows = other._base_manager.filter(**{f"{name}__in": _made(batch, model).values("pk")})
        if any(column.name == "cancelled_at" for column in other._meta.concrete_fields):
            rows = rows.filter(cancelled_at=None)
        if other in traces.MODELS.values():
            rows = rows.exclude(uid__in=_made(batch, other).values("uid"))
        counted = rows.values_list(relation.field.attname).annotate(count=Count("pk")).order_by()
        for key, count in counted:
            yield model, key, str(other._meta.verbose_name), count


def _altered(batch, model):
    """Made rows that are no longer as the batch made them."""
    rows, word = _made(batch, model), f"{model._meta.verbose_name}（后来改过）"
    if model in (Child, Guardian, Phone):
        changed = rows.filter(version__gt=1)
    elif issubclass(model, Spell):
        changed = rows.filter(Q(ends_on__isnull=False) | Q(cancelled_at__isnull=False))
    elif model is OpenQuestion:
        changed, word = rows.filter(answered_at__isnull=False), "待核实（已经答复）"
    else:
        changed = rows.none()
    later = ImportTrace.objects.filter(
        made=False, model=model._meta.model_name, batch__state=ImportState.DONE
    )
    again = rows.filter(uid__in=later.exclude(batch=batch).order_by().values("row"))
    keys = set(changed.values_list("pk", flat=True)) | set(again.values_list("pk", flat=True))
    return [(model, key, word, 1) for key in keys]


def _changed_again(batch):
    """Rows the batch changed that somebody changed once more."""
    for model, pairs in _changed(batch).items():
        if model is not HeldRow:
            for row, trace in pairs:
                if not _stands(row, trace):
                    yield model, row.pk, f"{model._meta.verbose_name}（后来改过）", 1


def _stands(row, trace):
    now = traces.fields_of(row)
    return all(now[name] == value for name, value in trace.fields_after.items())


def _changed(batch):
    """{model: [(row as it stands, trace)]} of what the batch changed."""
    kept = defaultdict(dict)
    for trace in batch.traces.filter(made=False):
        kept[traces.MODELS[trace.model]][trace.row] = trace
    return {
        model: [
            (row, rows[row.uid])
            for chunk in chunks(list(rows))
            for row in model._base_manager.filter(uid__in=chunk)
        ]
        for model, rows in kept.items()
    }


def _by_child(found):
    """The obstacles of each child; of an adult's rows every child of the adult has them."""
    keys = defaultdict(set)
    for model, key, _kind, _count in found:
        keys[model].add(key)
    owners = {model: _children_of(model, list(rows)) for model, rows in keys.items()}
    counted = defaultdict(Counter)
    for model, key, kind, count in found:
        for child in owners[model].get(key, ()):
            counted[child][kind] += count
    children = [
        child for chunk in chunks(list(counted)) for child in Child.objects.filter(pk__in=chunk).by_name()
    ]
    return [Obstacle(child, counted[child.pk]) for child in children]


def _children_of(model, keys):
    """{key of a row: keys of its children}."""
    if model is Child:
        return {key: [key] for key in keys}
    owners = defaultdict(list)
    attributes = {column.attname for column in model._meta.concrete_fields}
    for chunk in chunks(keys):
        rows = model._base_manager.filter(pk__in=chunk)
        if "child_id" in attributes:
            for key, child in rows.values_list("pk", "child"):
                owners[key].append(child)
        else:
            path = "kinships__child" if model is Guardian else "guardian__kinships__child"
            for key, child in rows.values_list("pk", path):
                if child is not None:
                    owners[key].append(child)
    return owners


def undo_import(batch, *, by):
    """Takes the whole import back, or raises ``StandsInTheWay``. False when it was not (any longer) there to undo."""
    now = timezone.now()
    with transaction.atomic():
        turned = ImportBatch.objects.filter(pk=batch.pk, state=ImportState.DONE).update(
            state=ImportState.UNDONE, undone_at=now, undone_by=by
        )
        if not turned or not batch.traces.exists():
            transaction.set_rollback(True)
            return False
        # whoever wants to build on these children or adults waits until this is decided
        for model in (Child, Guardian):
            list(_made(batch, model).select_for_update().values_list("pk", flat=True))
        standing = obstacles(batch)
        if standing:
            raise StandsInTheWay(standing)
        touched = _touched(batch)
        _take_back_made(batch, by, now)
        _put_back_changed(batch, by)
        batch.held_rows.filter(done_at=None).update(done_at=now, done_by=by, done_note="这次导入撤销了")
        if touched:
            audit.record_many("undo_import_child", by=by, children=touched, kind="child")
        audit.record("undo_import", by=by, kind="importbatch", uid=batch, count=len(touched), reason=UNDONE)
    batch.refresh_from_db()
    return True


def order_undo(batch, *, by):
    """Has a large batch undone by a worker; a second job finds it done."""
    return jobs.order("undo_roster", by=by, parameters={"batch": str(batch.uid)}, title="撤销导入")


def _take_back_made(batch, by, now):
    for model in traces.MODELS.values():
        if issubclass(model, Spell):
            _made(batch, model).update(cancelled_at=now, cancelled_by=by, cancel_reason=UNDONE)
    questions = list(_made(batch, OpenQuestion))
    for question in questions:
        question.answered_at, question.answered_by, question.answer = now, by, UNDONE
    update_by_key(OpenQuestion, questions, ["answered_at", "answered_by", "answer"])
    phones = list(_made(batch, Phone).only("pk"))
    _made(batch, Phone).update(ended_on=timezone.localdate(now), version=F("version") + 1)
    write_history(Phone, phones, by, "~")
    _unlink(batch)


def _unlink(batch):
    """Kinships given to children who were there before: taken off, kept in their traces."""
    given = _made(batch, Kinship).exclude(child__in=_made(batch, Child).values("pk"))
    kept = {row.uid: traces.fields_of(row) for row in given}
    found = list(ImportTrace.objects.filter(batch=batch, made=True, model="kinship", row__in=kept))
    for trace in found:
        trace.before = traces.as_text(kept[trace.row])
    update_by_key(ImportTrace, found, ["before"])
    given.delete()


def _put_back_changed(batch, by):
    for model, pairs in _changed(batch).items():
        rows, names = [], set()
        for row, trace in pairs:
            if model is HeldRow and not _stands(row, trace):
                continue
            names.update(traces.set_fields(row, trace.fields_before))
            rows.append(row)
        if model is Child:
            update_with_history(model, rows, CHILD_FIELDS, by)
        elif model is Guardian:
            update_with_history(model, rows, ADULT_FIELDS, by)
        elif model is Phone:
            update_with_history(model, rows, ["position", "version"], by)
        elif rows:
            update_by_key(model, rows, sorted(names))


def _touched(batch):
    """Uids of the children whom the batch made or whose facts it made or changed."""
    children = set(_made(batch, Child).values_list("pk", flat=True))
    for model in traces.MODELS.values():
        attributes = {column.attname for column in model._meta.concrete_fields}
        if "child_id" in attributes:
            children.update(_made(batch, model).values_list("child", flat=True))
        elif "guardian_id" in attributes:
            children.update(_made(batch, model).values_list("guardian__kinships__child", flat=True))
    for model, pairs in _changed(batch).items():
        if model is not HeldRow:
            for found in _children_of(model, [row.pk for row, _ in pairs]).values():
                children.update(found)
    keys = sorted(children - {None})
    return [
        uid
        for chunk in chunks(keys)
        for uid in Child.objects.filter(pk__in=chunk).order_by("pk").values_list("uid", flat=True)
    ]
