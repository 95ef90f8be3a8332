"""The audit trail refuses UPDATE, DELETE and TRUNCATE on both databases."""

from django.db import migrations

MESSAGE = "audit entries are append-only"

SQLITE = [
    f"""CREATE TRIGGER trust_auditevent_no_update BEFORE UPDATE ON trust_auditevent
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
    f"""CREATE TRIGGER trust_auditevent_no_delete BEFORE DELETE ON trust_auditevent
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
    # INSERT OR REPLACE removes a row without firing the delete trigger (recursive_triggers is off by default).
    f"""CREATE TRIGGER trust_auditevent_no_replace BEFORE INSERT ON trust_auditevent
        WHEN EXISTS (SELECT 1 FROM trust_auditevent WHERE id = NEW.id OR uid = NEW.uid)
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END""",
]
POSTGRESQL = [
    f"""CREATE FUNCTION trust_auditevent_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    """CREATE TRIGGER trust_auditevent_no_change BEFORE UPDATE OR DELETE ON trust_auditevent
       FOR EACH ROW EXECUTE FUNCTION trust_auditevent_append_only()""",
    """CREATE TRIGGER trust_auditevent_no_truncate BEFORE TRUNCATE ON trust_auditevent
       FOR EACH STATEMENT EXECUTE FUNCTION trust_auditevent_append_only()""",
]
UNDO_SQLITE = [
    "DROP TRIGGER IF EXISTS trust_auditevent_no_update",
    "DROP TRIGGER IF EXISTS trust_auditevent_no_delete",
    "DROP TRIGGER IF EXISTS trust_auditevent_no_replace",
]
UNDO_POSTGRESQL = [
    "DROP TRIGGER IF EXISTS trust_auditevent_no_change ON trust_auditevent",
    "DROP TRIGGER IF EXISTS trust_auditevent_no_truncate ON trust_auditevent",
    "DROP FUNCTION IF EXISTS trust_auditevent_append_only()",
]


def _run(schema_editor, sqlite, postgresql):
    for statement in {"sqlite": sqlite, "postgresql": postgresql}[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def forwards(apps, schema_editor):
    _run(schema_editor, SQLITE, POSTGRESQL)


def backwards(apps, schema_editor):
    _run(schema_editor, UNDO_SQLITE, UNDO_POSTGRESQL)


class Migration(migrations.Migration):
    dependencies = [("trust", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
