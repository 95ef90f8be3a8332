"""Two files of one child become one (C138): planned, shown, done in one transaction, and undone.

The plan is generic: whatever points to a child, on any floor, is found through the model itself, so no floor has to be
known here. A row moves to the kept file, unless

- it is a spell that overlaps one of the kept file: then one of the two gives way, shortened to the days before or after,
  cancelled when no day is left; which one, a person chooses (identical ones need no choice);
- it is the child's entry in a screening where the kept file has its own: it stays, and what was handed in stays as it is;
- a unique constraint forbids it: then it is cancelled where its model knows that, else it stays with the dropped file,
  where it doubles what the kept one has.

Nothing is deleted. What was changed is kept, encrypted, field by field, so that it can be put back exactly. Upper floors
register what no foreign key shows: ``also_points_to_children``, ``keeps_apart``, ``stands_in_the_way``.
"""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.db.models import Q, UniqueConstraint
from django.utils import timezone
from simple_history.models import HistoricalChanges
from simple_history.utils import bulk_update_with_history

from trust import audit
from trust.crypto import EncryptedTextField
from trust.models import VersionConflict

from .children import BASIC_FIELDS, ONE_DAY
from .models import (
    PARENTS,
    Child,
    ChildMerge,
    Kinship,
    Namesakes,
    Relation,
    SchoolClass,
    ScreeningEntry,
    Spell,
)

REASON = "合并重复档案"
KEPT, DROPPED = "kept", "dropped"
FIELDS = (*(name for name in BASIC_FIELDS if name != "id_number"), "household_size", "aid")

audit.name_kinds(childmerge="合并档案")
audit.name_actions(preview_merge="查看两份档案的比较", merge_children="合并重复档案", undo_merge="撤销合并")

_LOOSE: list = []
_APART: dict = {}
_OBSTACLES: list = []
UNMOVED = {ChildMerge, Namesakes, Child}


def also_points_to_children(model, field, **where):
    """Registers a column of ``model`` that holds a child's integer id without a foreign key, in rows of ``where``."""
    _LOOSE.append((model, field, where))


def keeps_apart(model, key):
    """Registers ``key(row)``: spells of ``model`` with the same key may not overlap (None: this row may)."""
    _APART[model] = key


def stands_in_the_way(function):
    """Registers ``function(kept, dropped) -> str``: what must be settled before the two are merged; "" = nothing."""
    _OBSTACLES.append(function)
    return function


# --- the plan ----------------------------------------------------------------------------------------------------------


@dataclass
class Change:
    """New values of a row: what will be written, and what can be put back."""

    row: models.Model
    values: dict = field(default_factory=dict)


@dataclass
class Overlap:
    """Spells of one kind that cannot stand side by side: both sides in words, and what would become of them."""

    key: str
    title: str
    kept: list
    dropped: list
    winner: str
    asked: bool
    results: list = field(default_factory=list)


@dataclass
class Value:
    """A field of which the two files say different things."""

    name: str
    label: str
    kept: str
    dropped: str
    chosen: str
    asked: bool  # both say something


@dataclass
class Plan:
    """All that a merge would do."""

    kept: Child
    dropped: Child
    values: list = field(default_factory=list)
    overlaps: list = field(default_factory=list)
    moving: list = field(default_factory=list)  # [(what, how many)]
    staying: list = field(default_factory=list)
    obstacles: list = field(default_factory=list)
    changes: dict = field(default_factory=dict)  # (model, pk) -> Change

    @property
    def digest(self):
        """Names what was shown: another one means that something changed in between."""
        rows = sorted(
            f"{model._meta.label} {pk} {_state(change.row)}" for (model, pk), change in self.changes.items()
        )
        said = [f"{one.name} {one.kept} {one.dropped}" for one in self.values]
        text = "\n".join([*rows, *said, str(self.kept.version), str(self.dropped.version)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def change(self, row, **values):
        """Note new values of a row."""
        found = self.changes.setdefault((type(row), row.pk), Change(row))
        found.values |= values


def plan_merge(kept, dropped, *, chosen=None):
    """What merging ``dropped`` into ``kept`` would do. ``chosen``: {name of a value or overlap: "kept" or "dropped"}."""
    chosen = chosen or {}
    plan = Plan(kept, dropped)
    plan.obstacles = _obstacles(kept, dropped)
    if plan.obstacles:
        return plan
    plan.values = list(_values(kept, dropped, chosen))
    for model, name, rows_of in references():
        _plan_rows(plan, model, name, rows_of, chosen)
    return plan


def _obstacles(kept, dropped):
    if kept.pk == dropped.pk:
        return ["这是同一份档案"]
    found = []
    if kept.county_id != dropped.county_id:
        found.append("两份档案不在一个县")
    if kept.merged_into_id or dropped.merged_into_id:
        found.append("其中一份已经并入别的档案")
    if kept.id_number_index and dropped.id_number_index:
        found.append("两份档案的身份证号不同，不是同一个孩子；如果有一个号码登记错了，先改正再合并")
    if (
        kept.birth_date
        and dropped.birth_date
        and kept.sex != dropped.sex
        and kept.birth_date != dropped.birth_date
    ):
        found.append("出生日期和性别都不同，请先核对")
    return found + [words for words in (function(kept, dropped) for function in _OBSTACLES) if words]


def _values(kept, dropped, chosen):
    for name in ("id_number", *FIELDS):
        one, other = getattr(kept, name), getattr(dropped, name)
        if one == other or other in ("", None):
            continue
        asked = one not in ("", None)
        choice = chosen.get(name, KEPT) if asked else DROPPED
        label = Child._meta.get_field(name).verbose_name
        yield Value(name, label, _words(kept, name), _words(dropped, name), choice, asked)


def _words(child, name):
    show = getattr(child, f"get_{name}_display", None)
    value = show() if show else getattr(child, name)
    return "" if value is None else str(value)


def references():
    """[(model, field name, rows_of(child))] of everything that points to a child, hidden relations too."""
    found = []
    for relation in Child._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and relation.is_relation and not relation.concrete):
            continue
        model = relation.related_model
        if model in UNMOVED or issubclass(model, HistoricalChanges):
            continue
        name = relation.field.name
        found.append((model, name, lambda child, m=model, n=name: m._base_manager.filter(**{n: child.pk})))
    for model, name, where in _LOOSE:
        found.append(
            (
                model,
                name,
                lambda child, m=model, n=name, w=where: m._base_manager.filter(**{n: child.pk}, **w),
            )
        )
    return sorted(found, key=lambda one: (one[0]._meta.label, one[1]))


def _plan_rows(plan, model, name, rows_of, chosen):
    theirs, ours = (
        list(rows_of(child).select_related(*_said_of(model)).order_by("pk"))
        for child in (plan.dropped, plan.kept)
    )
    if not theirs:
        return
    attname = model._meta.get_field(name).attname
    if issubclass(model, Spell):
        _plan_spells(plan, model, name, theirs, ours, chosen)
    moving = staying = 0
    here = {_part_of(row) for row in ours} if model is ScreeningEntry else ()
    for row in theirs:
        if model is ScreeningEntry and _part_of(row) in here:
            staying += 1
            continue
        if model is Kinship:
            _plan_kinship(plan, row, ours)
        clash = _clashes(plan, model, name, row, ours)
        if clash and hasattr(row, "cancelled_at") and row.cancelled_at is None:
            plan.change(row, **_cancelled(row))
            clash = _clashes(plan, model, name, row, ours)
        if clash or _points_to_both(model, name, row, plan):
            plan.changes.pop((model, row.pk), None)
            staying += 1
        else:
            plan.change(row, **{attname: plan.kept.pk})
            moving += 1
    if moving:
        plan.moving.append((str(model._meta.verbose_name), moving))
    if staying:
        plan.staying.append((str(model._meta.verbose_name), staying))


def _part_of(entry):
    """The school's screening in which an entry stands: a child stands there once, in whatever class."""
    return entry.class_screening.school_screening_id


def _said_of(model):
    """What a row's words speak of (school, class, teacher), read along with it."""
    if model is ScreeningEntry:
        return ("class_screening",)
    if not issubclass(model, Spell):
        return ()
    names = []
    for one in model._meta.concrete_fields:
        if one.many_to_one and one.editable and one.related_model is not Child:
            names.append(one.name)
            names += [f"{one.name}__school"] if one.related_model is SchoolClass else []
    return names


def _points_to_both(model, name, row, plan):
    """A tie of the two with each other (手拉手) would become a tie of the child with itself."""
    others = [one for one in model._meta.concrete_fields if one.is_relation and one.related_model is Child]
    return any(one.name != name and getattr(row, one.attname) == plan.kept.pk for one in others)


def _plan_kinship(plan, row, ours):
    """Father or mother stands once in a file: the dropped file's is kept under its own words, for a person to tidy up."""
    known = any(one.guardian_id == row.guardian_id for one in ours)
    if not known and row.relation in PARENTS and any(one.relation == row.relation for one in ours):
        plan.change(row, relation=Relation.OTHER, as_written=f"{row.word}（另一份档案）"[:20])


def _clashes(plan, model, name, row, ours):
    """Whether a unique constraint forbids the row, as it would become, beside those of the kept file."""
    sets = [
        (one.fields, one.condition)
        for one in model._meta.constraints
        if isinstance(one, UniqueConstraint) and name in one.fields
    ]
    if model._meta.get_field(name).unique:
        sets.append(((name,), None))
    became = _became(plan, row)
    became[name] = plan.kept.pk
    for names, condition in sets:
        if condition is not None and not _fits(condition, became):
            continue
        for other in ours:
            beside = _became(plan, other)
            if all(beside[one] == became[one] for one in names) and (
                condition is None or _fits(condition, beside)
            ):
                return True
    return False


def _became(plan, row):
    """{field name: value} of a row as the plan would leave it."""
    change = plan.changes.get((type(row), row.pk))
    planned = change.values if change else {}
    return {
        one.name: planned.get(one.attname, planned.get(one.name, getattr(row, one.attname)))
        for one in row._meta.concrete_fields
    }


def _fits(condition, values):
    """Whether ``values`` meet a constraint's condition, without asking the database."""
    results = []
    for part in condition.children:
        if isinstance(part, Q):
            results.append(_fits(part, values))
            continue
        name, _, lookup = part[0].partition("__")
        value, wanted = values[name], part[1]
        if lookup == "isnull":
            results.append((value is None) == wanted)
        elif lookup == "in":
            results.append(value in wanted)
        elif lookup in ("", "exact"):
            results.append(value is None if wanted is None else value == wanted)
        else:
            raise TypeError(f"a constraint with the lookup {lookup} is not understood here")
    fits = all(results) if condition.connector == Q.AND else any(results)
    return fits != condition.negated


def _cancelled(row):
    values = {"cancelled_at": timezone.now()}
    names = {one.name for one in row._meta.concrete_fields}
    if "cancel_reason" in names:
        values["cancel_reason"] = REASON
    return values


# --- spells that overlap -------------------------------------------------------------------------------------------------


def _apart(model):
    """``key(row)`` of a spell's kind: which may not overlap."""
    if model in _APART:
        return _APART[model]
    names = [one for one in model.overlap_key if one != "child"]
    if "child" not in model.overlap_key:
        return lambda row: None
    return lambda row: tuple(getattr(row, model._meta.get_field(one).attname) for one in names)


def _touch(one, other):
    return (one.ends_on is None or one.ends_on >= other.starts_on) and (
        other.ends_on is None or other.ends_on >= one.starts_on
    )


def _plan_spells(plan, model, name, theirs, ours, chosen):
    key_of = _apart(model)
    groups = defaultdict(lambda: ([], []))
    for number, rows in enumerate((ours, theirs)):
        for row in rows:
            if row.cancelled_at is None and (key := key_of(row)) is not None:
                groups[key][number].append(row)
    for key, (kept, dropped) in sorted(groups.items(), key=str):
        clashing = [(one, other) for one in kept for other in dropped if _touch(one, other)]
        if not clashing:
            continue
        title = model._meta.verbose_name
        name_of = f"{model._meta.label_lower}:{hashlib.sha256(repr(key).encode()).hexdigest()[:8]}"
        asked = any(_content(one, name) != _content(other, name) for one, other in clashing)
        winner = chosen.get(name_of, KEPT) if asked else KEPT
        overlap = Overlap(
            name_of, title, [_said(one) for one in kept], [_said(one) for one in dropped], winner, asked
        )
        winners, losers = (kept, dropped) if winner == KEPT else (dropped, kept)
        for row in losers:
            left = _shorten(row, [one for one in winners if _touch(one, row)])
            plan.change(row, **left) if left else None
            if left:
                overlap.results.append(
                    f"{_said(row)} 作废"
                    if "cancelled_at" in left
                    else f"{_said(row)} 改为 {_span(row, left)}"
                )
        plan.overlaps.append(overlap)


def _content(row, name):
    """What a spell says, without whose it is and who entered it."""
    left_out = {
        "id", "uid", name, "recorded_at", "recorded_by", "cancelled_at", "cancelled_by", "cancel_reason", "version",
    }  # fmt: skip
    return {
        one.name: getattr(row, one.attname) for one in row._meta.concrete_fields if one.name not in left_out
    }


def _shorten(row, winners):
    """New dates of a spell that gives way to ``winners``: the days before them, else after; cancelled if none is left."""
    if not winners:
        return {}
    first = min(one.starts_on for one in winners)
    last = None if any(one.ends_on is None for one in winners) else max(one.ends_on for one in winners)
    if row.starts_on < first:
        values = {"ends_on": first - ONE_DAY}
        ended = next((one for one in row._meta.concrete_fields if one.name == "end_reason"), None)
        if ended is not None and not row.end_reason:
            values["end_reason"] = "other" if ended.choices else REASON
        return values
    if last is not None and (row.ends_on is None or row.ends_on > last):
        return {"starts_on": last + ONE_DAY}
    return _cancelled(row)


def _said(row):
    return f"{row}（{_span(row, {})}）"


def _span(row, values):
    first, last = values.get("starts_on", row.starts_on), values.get("ends_on", row.ends_on)
    return f"{first:%Y-%m-%d} 至 {f'{last:%Y-%m-%d}' if last else '今'}"


# --- doing it ------------------------------------------------------------------------------------------------------------


def merge(kept, dropped, *, by, chosen=None, digest=None):
    """Merge ``dropped`` into ``kept`` as planned; returns the ``ChildMerge``.

    ``digest``: of the plan that was shown; raises VersionConflict when something changed since.
    """
    with transaction.atomic():
        pks = sorted((kept.pk, dropped.pk))
        rows = {one.pk: one for one in Child.objects.select_for_update().filter(pk__in=pks).order_by("pk")}
        kept, dropped = rows[kept.pk], rows[dropped.pk]
        plan = plan_merge(kept, dropped, chosen=chosen)
        if plan.obstacles:
            raise ValidationError(plan.obstacles)
        if digest is not None and plan.digest != digest:
            raise VersionConflict(kept)
        _plan_children(plan)
        log = []
        # Those of the kept file that give way go first, so that no constraint sees both.
        for (model, _), group in _in_order(plan):
            log += _write(model, group, by)
        record = ChildMerge.objects.create(
            kept=kept, dropped=dropped, moved=json.dumps(log, cls=DjangoJSONEncoder), merged_by=by
        )
        audit.record_many("merge_children", by=by, kind="childmerge", children=[kept, dropped])
    return record


def _plan_children(plan):
    taken = {one.name: getattr(plan.dropped, one.name) for one in plan.values if one.chosen == DROPPED}
    if "id_number" in taken:
        plan.change(plan.dropped, id_number="", id_number_index="")
        taken["id_number_index"] = plan.dropped.id_number_index
    if "name" in taken:
        taken |= {"name_key": plan.dropped.name_key, "initials": plan.dropped.initials}
    plan.change(plan.dropped, merged_into_id=plan.kept.pk)
    if taken:
        plan.change(plan.kept, **taken)


def _in_order(plan):
    """Changes by model: the dropped child before the kept one, rows of the kept file before those that arrive."""
    groups = defaultdict(list)
    for (model, _), change in plan.changes.items():
        arrives = any(value == plan.kept.pk and key.endswith("_id") for key, value in change.values.items())
        last = change.row == plan.kept if model is Child else arrives
        groups[model, last].append(change)
    return sorted(groups.items(), key=lambda one: (one[0][1], one[0][0]._meta.label))


def _write(model, changes, by):
    """Write the new values of rows of one model; gives the log of what they were and became."""
    log, names = [], set()
    versioned = any(one.name == "version" for one in model._meta.concrete_fields)
    for change in changes:
        row, before = change.row, {}
        if change.values.get("cancelled_at") and hasattr(row, "cancelled_by_id"):
            change.values["cancelled_by_id"] = by.pk if by is not None else None
        for attname, value in change.values.items():
            before[attname] = getattr(row, attname)
            setattr(row, attname, value)
        if versioned:
            row.version += 1
        names |= change.values.keys()
        log.append({"model": model._meta.label, "pk": row.pk, "before": before})
    rows = [change.row for change in changes]
    fields = sorted({model._meta.get_field(_field_name(model, one)).name for one in names})
    fields += ["version"] if versioned else []
    if any(isinstance(model._meta.get_field(name), EncryptedTextField) for name in fields):
        for row in rows:  # of the two children only: a statement for many rows would not encrypt
            row._history_user = by
            row.save(update_fields=fields)
    elif _has_history(model):
        bulk_update_with_history(rows, model, fields, default_user=by)
    else:
        model._base_manager.bulk_update(rows, fields)
    fresh = {row.pk: row for row in model._base_manager.filter(pk__in=[row.pk for row in rows])}
    for line in log:
        line["after"] = _state(fresh[line["pk"]])
    return log


def _field_name(model, attname):
    return next(one.name for one in model._meta.concrete_fields if attname in (one.name, one.attname))


def _has_history(model):
    return hasattr(model._meta, "simple_history_manager_attribute")


def _state(row):
    """A digest of everything a row says, to find out later whether anybody changed it."""
    said = {}
    for one in row._meta.concrete_fields:
        value = getattr(row, one.attname)
        said[one.attname] = value.isoformat() if isinstance(value, (date, datetime)) else value
    text = json.dumps(said, sort_keys=True, cls=DjangoJSONEncoder, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- undoing -------------------------------------------------------------------------------------------------------------


def what_was_built_on(record):
    """What stands in the way of undoing: rows changed since, in words; [] if it can be undone."""
    if record.undone_at:
        return ["这次合并已经撤销"]
    found = []
    if Child.objects.filter(pk=record.kept_id).exclude(merged_into=None).exists():
        found.append("保留的档案后来又并入了别的档案，请先撤销那一次")
    later = ChildMerge.objects.filter(kept=record.kept_id, undone_at=None, pk__gt=record.pk)
    if later.exists():
        found.append("后来又有别的档案并进来，请先撤销后来的那一次")
    for model, lines in _by_model(json.loads(record.moved)).items():
        fresh = {row.pk: row for row in model._base_manager.filter(pk__in=[line["pk"] for line in lines])}
        changed = [
            line for line in lines if line["pk"] not in fresh or _state(fresh[line["pk"]]) != line["after"]
        ]
        if changed:
            found.append(f"{model._meta.verbose_name}有 {len(changed)} 条在合并以后又改过")
    return found


def _by_model(log):
    groups = defaultdict(list)
    for line in log:
        groups[apps.get_model(line["model"])].append(line)
    return groups


def undo_merge(record, *, by):
    """Put everything back as it was; raises ValidationError with what was built on the merge."""
    with transaction.atomic():
        record = ChildMerge.objects.select_for_update().select_related("kept", "dropped").get(pk=record.pk)
        if record.undone_at:
            return record
        pks = sorted((record.kept_id, record.dropped_id))
        list(Child.objects.select_for_update().filter(pk__in=pks).order_by("pk").values_list("pk"))
        obstacles = what_was_built_on(record)
        if obstacles:
            raise ValidationError(obstacles)
        # Backwards: what arrived leaves before what gave way comes back.
        log = list(reversed(json.loads(record.moved)))
        while log:
            model = log[0]["model"]
            group = []
            while log and log[0]["model"] == model:
                group.append(log.pop(0))
            _put_back(apps.get_model(model), group, by)
        record.undone_at, record.undone_by = timezone.now(), by
        record.save(update_fields=["undone_at", "undone_by"])
        audit.record_many("undo_merge", by=by, kind="childmerge", children=[record.kept, record.dropped])
    return record


def _put_back(model, lines, by):
    fresh = {row.pk: row for row in model._base_manager.filter(pk__in=[line["pk"] for line in lines])}
    changes = []
    for line in lines:
        row = fresh[line["pk"]]
        values = {
            attname: model._meta.get_field(_field_name(model, attname)).to_python(value)
            for attname, value in line["before"].items()
        }
        changes.append(Change(row, values))
    if model is Child and len(changes) == 2:
        # One gives the id number back before the other takes it.
        for change in sorted(changes, key=lambda one: bool(one.values.get("id_number_index"))):
            _write(model, [change], by)
        return
    _write(model, changes, by)


def kept_file_of(child):
    """The file a merged child lives on in, however often it was merged; the child itself if it was not."""
    seen = set()
    while child.merged_into_id and child.pk not in seen:
        seen.add(child.pk)
        child = child.merged_into
    return child


def files_of(child):
    """Uids of the child's file and of all that were merged into it: what was written of any of them is of this child."""
    found, newest = [child.uid], [child.pk]
    while newest:
        merged = list(Child.objects.filter(merged_into__in=newest).values_list("pk", "uid"))
        newest = [pk for pk, _ in merged]
        found += [uid for _, uid in merged]
    return found
