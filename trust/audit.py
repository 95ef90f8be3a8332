"""The audit trail: writing entries, and finding out whether they were tampered with.

Each entry carries a keyed digest of its own content, so a changed or forged one shows without the key. Every committed
entry is also named in a journal outside the database (``var/seals/open/<UTC day>``), so a removed or re-ordered one
shows; each night the day before is folded into one line of ``var/seals/seals.jsonl``, chained to the line before.
A chain through every row would need a lock at each read of a file.
"""

import hashlib
import hmac
import json
import logging
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from trust import crypto, request_context
from trust.models import AuditEvent

logger = logging.getLogger(__name__)

SYSTEM = "系统"
PAGE = 2000
SEAL_AFTER = timedelta(hours=2)  # a transaction may commit a little after the day it belongs to

LABELS = {}
KINDS = {"user": "账号", "device": "设备", "job": "后台任务", "upload": "上传的文件"}
_describers = []
_readers = []


class AuditFailed(Exception):
    """The entry could not be written; so nothing may be shown or changed."""


def name_actions(**labels):
    """Upper floors name their actions for the page: ``name_actions(open_child="查看儿童档案")``."""
    LABELS.update(labels)


def label(action):
    """The Chinese name of an action."""
    return LABELS.get(action, action)


def name_kinds(**names):
    """Upper floors name the kinds of objects: ``name_kinds(child="儿童档案")``."""
    KINDS.update(names)


def kind_name(kind):
    """The Chinese name of a kind of object."""
    return KINDS.get(kind, kind)


def readers(function):
    """Register ``f(user) -> Q over AuditEvent, or None``: which entries a post lets this user read."""
    _readers.append(function)
    return function


def readable_by(user):
    """The union of what the user's posts let them read, as a Q; None when no post does."""
    scopes = [scope for scope in (function(user) for function in _readers) if scope is not None]
    if not scopes:
        return None
    union = scopes[0]
    for scope in scopes[1:]:
        union = union | scope if union and scope else Q()
    return union


def describes_posts(function):
    """Register the one function ``f(user) -> "石门小学 班主任"`` whose words are copied into each entry."""
    _describers[:] = [function]
    return function


def _post_of(user):
    if user is None or not _describers:
        return ""
    known = request_context.current().posts if request_context.in_request() else {}
    if user.pk not in known:
        known[user.pk] = str(_describers[0](user) or "")[:120]
    return known[user.pk]


def _uid(thing):
    return getattr(thing, "uid", thing) if thing is not None else None


def _words(text, limit):
    return str(text or "").replace("\x00", "")[:limit]


def _event(action, by, kind, uid, child, count, fields, reason, detail, post, at):
    context = request_context.current()
    event = AuditEvent(
        at=at,
        actor_uid=by.uid if by is not None else None,
        actor_name=_words(by.name or by.username, 40) if by is not None else SYSTEM,
        actor_post=post,
        action=action,
        kind=kind,
        object_uid=_uid(uid),
        child_uid=_uid(child),
        count=count,
        fields=_words(",".join(fields), 400),
        reason=_words(reason, 400),
        detail=_words(detail, 1000),
        address=context.address,
        request_id=context.request_id,
    )
    event.digest = digest(event)
    return event


def record(action, *, by, kind="", uid=None, child=None, count=None, fields=(), reason="", detail=""):
    """Write one entry in the caller's transaction. ``uid`` and ``child`` may be rows or uids; ``by=None`` = system.

    ``fields`` are names of fields, ``detail`` a filter or a step: never the values themselves.
    """
    event = _event(
        action,
        _real(by),
        kind,
        uid,
        child,
        count,
        fields,
        reason,
        detail,
        _post_of(_real(by)),
        timezone.now(),
    )
    return _insert([event])[0]


def record_many(action, *, by, children, kind="", fields=(), reason="", detail=""):
    """One entry per child (a printed batch, an export), in one statement. ``children``: rows or uids."""
    by, now = _real(by), timezone.now()
    post = _post_of(by)
    return _insert(
        [
            _event(action, by, kind, child, child, None, fields, reason, detail, post, now)
            for child in children
        ]
    )


def _real(by):
    """A signed-in user, or None: an anonymous visitor is nobody."""
    return by if by is not None and by.is_authenticated else None


def _insert(events):
    try:
        with transaction.atomic():
            if len(events) == 1:
                events[0].save(force_insert=True)
            else:
                AuditEvent.objects.bulk_create(events, batch_size=500)
    except DatabaseError as error:
        raise AuditFailed("the audit entry could not be written") from error
    transaction.on_commit(lambda: _journal(events))
    return events


def digest(event):
    """The keyed hash of an entry's own content."""
    content = [
        str(event.uid), event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(event.actor_uid or ""), event.actor_name, event.actor_post,
        event.action, event.kind, str(event.object_uid or ""), str(event.child_uid or ""),
        event.count, event.fields, event.reason, event.detail, event.address, event.request_id,
    ]  # fmt: skip
    return _mac(json.dumps(content, ensure_ascii=False))


def _mac(text):
    return hmac.new(
        crypto.derived_key("audit"), text.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


# --- outside the database ---------------------------------------------------------------------------------------------


def seals_folder():
    """Where the journal and the seals are kept: outside the database, and best copied elsewhere."""
    return Path(settings.VAR_DIR) / "seals"


def _day(moment):
    return moment.astimezone(UTC).date()


def _journal(events):
    """Name committed entries outside the database. A full disk must not undo what was committed."""
    lines = {}
    for event in events:
        lines.setdefault(_day(event.at), []).append(f"{event.pk} {event.uid} {event.digest}\n")
    try:
        folder = seals_folder() / "open"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for day, names in lines.items():
            descriptor = os.open(folder / day.isoformat(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, "".join(names).encode())
            finally:
                os.close(descriptor)
    except OSError:
        logger.exception("the audit journal could not be written")


def _journaled(day):
    """{uid: (id, digest)} of a day's journal."""
    try:
        text = (seals_folder() / "open" / day.isoformat()).read_text()
    except FileNotFoundError:
        return {}
    found = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) == 3 and len(parts[2]) == 64:  # a line cut by a crash says nothing
            found[parts[1]] = (int(parts[0]), parts[2])
    return found


def _rows(after_id=0, start=None, end=None):
    """Entries in order of id, in pages fetched whole; nothing holds a cursor open."""
    rows = AuditEvent.objects.order_by("id")
    if start is not None:
        rows = rows.filter(at__gte=start, at__lt=end)
    while page := list(rows.filter(id__gt=after_id)[:PAGE]):
        yield from page
        after_id = page[-1].pk


def _bounds(day):
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def seals():
    """The sealed days, oldest first."""
    try:
        lines = (seals_folder() / "seals.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines if line.strip()]


def _seal_mac(seal):
    return _mac(
        "seal" + json.dumps([seal[name] for name in ("day", "rows", "first", "last", "digest", "previous")])
    )


def _fold(day):
    """Rows, first and last id, and the hash over ids and digests of a day, computed from the content."""
    start, end = _bounds(day)
    total, count, first, last = hashlib.sha256(), 0, None, None
    for event in _rows(start=start, end=end):
        total.update(f"{event.pk} {digest(event)}\n".encode())
        count, first, last = count + 1, first or event.pk, event.pk
    return {"rows": count, "first": first, "last": last, "digest": total.hexdigest()}


def seal_days(now=None):
    """Seal every finished day that holds entries and checks out; a day with findings stays open. Returns the days."""
    now = now or timezone.now()
    known = seals()
    previous = known[-1] if known else None
    done = []
    for day in _days_with_entries():
        if _bounds(day)[1] + SEAL_AFTER > now:
            break
        if (previous and day <= date.fromisoformat(previous["day"])) or _check_open_day(day):
            continue
        seal = {"day": day.isoformat(), **_fold(day), "previous": previous["mac"] if previous else ""}
        seal["mac"] = _seal_mac(seal)
        folder = seals_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "seals.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (json.dumps(seal) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        (folder / "open" / day.isoformat()).unlink(missing_ok=True)
        previous = seal
        done.append(day)
    return done


def _days_with_entries():
    return [moment.date() for moment in AuditEvent.objects.order_by().datetimes("at", "day", tzinfo=UTC)]


def _finding(problem, *, day="", row=None, uid=""):
    return {"problem": problem, "day": str(day), "id": row, "uid": str(uid)}


def _check_open_day(day):
    """Compare a day that is not sealed yet with its journal."""
    start, end = _bounds(day)
    named, findings = _journaled(day), []
    for event in _rows(start=start, end=end):
        if digest(event) != event.digest:
            findings.append(_finding("changed", day=day, row=event.pk, uid=event.uid))
        said = named.pop(str(event.uid), None)
        if said and said[1] == event.digest and said[0] != event.pk:
            findings.append(_finding("reordered", day=day, row=event.pk, uid=event.uid))
        elif said and said[1] != event.digest and digest(event) == event.digest:
            findings.append(_finding("changed", day=day, row=event.pk, uid=event.uid))
    findings += [_finding("deleted", day=day, row=row, uid=uid) for uid, (row, _) in named.items()]
    return findings


def verify():
    """Everything that does not fit: [] or a list of {"problem", "day", "id", "uid"}.

    Problems: changed, deleted, inserted, reordered, seal (the seals themselves were changed or cut).
    """
    findings, sealed_days, previous = [], set(), ""
    for seal in seals():
        if seal.get("mac") != _seal_mac(seal) or seal["previous"] != previous:
            findings.append(_finding("seal", day=seal["day"]))
        previous = seal.get("mac")
        sealed_days.add(date.fromisoformat(seal["day"]))
        findings += _check_sealed_day(seal)
    folder = seals_folder() / "open"
    journaled = {date.fromisoformat(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
    for day in sorted(({*_days_with_entries()} | journaled) - sealed_days):
        findings += _check_open_day(day)
    named = {finding["id"] for finding in findings}
    return findings + [gap for gap in _gaps() if gap["id"] not in named]


def _check_sealed_day(seal):
    day = date.fromisoformat(seal["day"])
    start, end = _bounds(day)
    findings = [
        _finding("changed", day=day, row=event.pk, uid=event.uid)
        for event in _rows(start=start, end=end)
        if digest(event) != event.digest
    ]
    now = _fold(day)
    if not findings and now["digest"] != seal["digest"]:
        problem = "reordered"
        if now["rows"] != seal["rows"]:
            problem = "deleted" if now["rows"] < seal["rows"] else "inserted"
        findings.append(_finding(problem, day=day))
    elif now["rows"] < seal["rows"]:
        findings.append(_finding("deleted", day=day))
    return findings


def _gaps():
    """SQLite gives every number once and takes them back with a rollback, so a missing number is a removed entry."""
    if connection.vendor != "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [AuditEvent._meta.db_table])
        row = cursor.fetchone()
    expected, gaps = 1, []
    last = row[0] if row else 0
    after = 0
    while page := list(
        AuditEvent.objects.order_by("id").filter(id__gt=after).values_list("id", flat=True)[:PAGE]
    ):
        for number in page:
            gaps += [
                _finding("deleted", row=missing) for missing in range(expected, min(number, expected + 1000))
            ]
            expected = number + 1
        after = page[-1]
    return gaps + [
        _finding("deleted", row=missing) for missing in range(expected, min(last + 1, expected + 1000))
    ]
