"""The audit trail: what an entry holds, that it cannot be changed, that tampering shows."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from trust import audit, request_context
from trust.models import AppendOnly, AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed(monkeypatch):
    """Run on-commit work at once: the test's own transaction never commits."""
    monkeypatch.setattr(transaction, "on_commit", lambda function, **kwargs: function())


def raw(sql, params=()):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def without_triggers():
    """What somebody with the database's owner role could do."""
    if connection.vendor == "postgresql":
        raw("ALTER TABLE trust_auditevent DISABLE TRIGGER USER")
    else:
        for name in ("update", "delete", "replace"):
            raw(f"DROP TRIGGER trust_auditevent_no_{name}")


def problems():
    return sorted({finding["problem"] for finding in audit.verify()})


def test_an_entry_copies_who_what_where_and_never_needs_a_foreign_key(li):
    child = uuid.uuid4()
    context = request_context.RequestContext(request_id="ABCD2345", address="10.1.2.3")
    with request_context.serving(context):
        event = audit.record(
            "reveal",
            by=li,
            kind="phone",
            uid=li.uid,
            child=child,
            fields=("number",),
            reason="孩子发烧，联系奶奶",
        )
    event.refresh_from_db()
    assert (event.actor_uid, event.actor_name, event.action, event.kind) == (
        li.uid,
        "李静",
        "reveal",
        "phone",
    )
    assert (event.child_uid, event.object_uid, event.fields) == (child, li.uid, "number")
    assert (event.reason, event.address, event.request_id) == ("孩子发烧，联系奶奶", "10.1.2.3", "ABCD2345")
    assert [field.name for field in AuditEvent._meta.fields if field.is_relation] == []


def test_the_post_is_copied_and_asked_for_once_in_a_request(li):
    asked = []

    def words(user):
        asked.append(user)
        return "石门小学 班主任"

    before = list(audit._describers)
    audit.describes_posts(words)
    try:
        with request_context.serving(request_context.RequestContext()):
            assert [audit.record("x", by=li).actor_post for _ in range(3)] == ["石门小学 班主任"] * 3
    finally:
        audit._describers[:] = before
    assert asked == [li]


def test_the_system_acts_under_its_own_name():
    assert audit.record("x", by=None).actor_name == "系统"


def test_many_entries_in_one_statement(li, django_assert_num_queries):
    children = [uuid.uuid4() for _ in range(30)]
    with django_assert_num_queries(4):  # the words of the posts, savepoint, insert, release
        audit.record_many("print", by=li, children=children, kind="child")
    assert sorted(AuditEvent.objects.values_list("child_uid", flat=True)) == sorted(children)


def test_the_model_refuses_change_and_removal(li):
    event = audit.record("x", by=li)
    event.action = "y"
    for act in (event.save, event.delete, AuditEvent.objects.all().delete):
        with pytest.raises(AppendOnly):
            act()
    with pytest.raises(AppendOnly):
        AuditEvent.objects.update(action="y")


@pytest.mark.db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trust_auditevent SET action = 'y'",
        "DELETE FROM trust_auditevent",
        "DELETE FROM trust_auditevent WHERE id = (SELECT MAX(id) FROM trust_auditevent)",
    ],
)
def test_the_database_refuses_change_and_removal(li, statement):
    audit.record("x", by=li)
    with pytest.raises(DatabaseError, match="append-only"):
        raw(statement)
    assert AuditEvent.objects.get().action == "x"


@pytest.mark.db
def test_the_database_refuses_to_empty_or_replace(li):
    event = audit.record("x", by=li)
    if connection.vendor == "postgresql":
        statement, params = "TRUNCATE trust_auditevent", []
    else:
        columns = "id, uid, at, actor_name, actor_post, action, kind, fields, reason, detail, address, request_id, digest"
        statement = f"INSERT OR REPLACE INTO trust_auditevent ({columns}) VALUES (%s, %s, %s, '', '', 'y', '', '', '', '', '', '', '')"
        params = [event.pk, event.uid.hex, "2026-01-01"]
    with pytest.raises(DatabaseError, match="append-only"):
        raw(statement, params)
    assert AuditEvent.objects.get().action == "x"


@pytest.mark.db
def test_a_whole_trail_verifies(li, committed):
    for number in range(5):
        audit.record("x", by=li, detail=str(number))
    assert audit.verify() == []


@pytest.mark.db
@pytest.mark.parametrize("sealed", [False, True])
def test_tampering_shows(li, committed, sealed):
    events = [audit.record("x", by=li, detail=str(number), reason="原来的事由") for number in range(6)]
    if sealed:
        assert audit.seal_days(timezone.now() + timedelta(days=3)) != []
    without_triggers()

    with transaction.atomic():
        raw("UPDATE trust_auditevent SET reason = 'z' WHERE id = %s", [events[2].pk])
        assert [(f["problem"], f["id"]) for f in audit.verify()][:1] == [("changed", events[2].pk)]
        transaction.set_rollback(True)
    assert audit.verify() == []

    for victim in (events[2], events[5]):  # from the middle, and the tail cut off
        with transaction.atomic():
            raw("DELETE FROM trust_auditevent WHERE id = %s", [victim.pk])
            assert problems() == ["deleted"]
            transaction.set_rollback(True)

    with transaction.atomic():
        one, two = events[1], events[4]
        columns = "action, reason, detail, digest, at"
        for target, source in ((one, two), (two, one)):  # the contents change places, uid and all
            raw("UPDATE trust_auditevent SET uid = %s WHERE id = %s", [_db(uuid.uuid4()), target.pk])
        for target, source in ((one, two), (two, one)):
            raw(
                f"UPDATE trust_auditevent SET uid = %s, {', '.join(f'{c} = %s' for c in columns.split(', '))} WHERE id = %s",
                [
                    _db(source.uid),
                    source.action,
                    source.reason,
                    source.detail,
                    source.digest,
                    source.at,
                    target.pk,
                ],
            )
        assert problems() == ["reordered"]
        transaction.set_rollback(True)

    with transaction.atomic():
        raw(
            "INSERT INTO trust_auditevent (uid, at, actor_name, actor_post, action, kind, fields, reason, detail, address,"
            " request_id, digest) SELECT %s, at, actor_name, actor_post, action, kind, fields, reason, detail, address,"
            " request_id, digest FROM trust_auditevent WHERE id = %s",
            [_db(uuid.uuid4()), events[0].pk],
        )
        assert problems() == ["changed"]  # a forged digest
        transaction.set_rollback(True)


def _db(uid):
    return uid if connection.vendor == "postgresql" else uid.hex


def test_a_removed_last_entry_shows_in_sqlite_even_without_a_journal(li):
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's own row counter")
    event = audit.record("x", by=li)
    without_triggers()
    raw("DELETE FROM trust_auditevent WHERE id = %s", [event.pk])
    assert [(finding["problem"], finding["id"]) for finding in audit.verify()][-1] == ("deleted", event.pk)


def test_a_changed_or_cut_seal_shows(li, committed):
    for day in (0, 1, 2):
        event = audit._event(
            "x", li, "", None, None, None, (), "", "", "", timezone.now() + timedelta(days=day)
        )
        audit._insert([event])
    assert len(audit.seal_days(timezone.now() + timedelta(days=9))) == 3
    assert audit.verify() == []
    path = audit.seals_folder() / "seals.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    assert "seal" in problems()
    changed = json.loads(lines[1]) | {"rows": 7}
    path.write_text("\n".join([lines[0], json.dumps(changed), lines[2]]) + "\n")
    assert "seal" in problems()


def test_today_is_not_sealed(li, committed):
    audit.record("x", by=li)
    assert audit.seal_days() == []


def test_the_command_says_what_it_found(li, committed):
    audit.record("x", by=li)
    out = StringIO()
    call_command("verify_audit", "--json", stdout=out)
    assert json.loads(out.getvalue())["ok"] is True
    without_triggers()
    raw("UPDATE trust_auditevent SET actor_name = '别人'")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", "--json", stdout=out)
    assert ended.value.code == 1
    assert [finding["problem"] for finding in json.loads(out.getvalue())["findings"]] == ["changed"]


def test_without_an_entry_nothing_is_shown(li, client, monkeypatch, everybody_reads_the_audit):
    client.force_login(li)
    monkeypatch.setattr(AuditEvent, "save", lambda *a, **k: (_ for _ in ()).throw(DatabaseError("disk full")))
    response = client.get(reverse("trust:audit_list"))
    assert response.status_code == 503
    assert response["Retry-After"] == "10"
    assert "李静" not in response.content.decode()


def test_the_page_needs_a_post_that_reads_it(li, client):
    client.force_login(li)
    assert client.get(reverse("trust:audit_list")).status_code == 403


def test_the_page_shows_the_scope_filters_it_and_is_audited_itself(
    li, wang, client, everybody_reads_the_audit
):
    audit.record("sign_in", by=li, reason="甲")
    audit.record("sign_out", by=wang, reason="乙")
    client.force_login(li)
    text = client.get(reverse("trust:audit_list"), {"action": "sign_out"}).content.decode()
    assert "王海" in text
    assert "甲" not in text
    last = AuditEvent.objects.first()
    assert (last.action, last.count, last.actor_uid) == ("read_audit", 1, li.uid)


@pytest.mark.parametrize(
    "query",
    [
        {"since": "0001-01-01", "until": "9999-12-31"},
        {"since": "x"},
        {"person": "a\x00b"},
        {"page": "9" * 30},
    ],
)
def test_the_page_takes_any_query(li, client, everybody_reads_the_audit, query):
    client.force_login(li)
    assert client.get(reverse("trust:audit_list"), query).status_code == 200


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ([], None),
        ([None], None),
        ([None, Q(action="a")], Q(action="a")),
        ([Q(action="a"), Q(action="b")], Q(action="a") | Q(action="b")),
        ([Q(action="a"), Q()], Q()),  # who may read everything is not narrowed by another post
    ],
)
def test_readers_unite(monkeypatch, scopes, expected):
    monkeypatch.setattr(audit, "_readers", [lambda user, scope=scope: scope for scope in scopes])
    assert audit.readable_by(None) == expected
