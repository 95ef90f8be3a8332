"""The ground every test stands on: an environment of its own, no way out, nothing silently undefined.

Read docs/testing.md first. Settings are imported only after this module has laid the environment, so
``DJANGO_SETTINGS_MODULE`` stands here and not in pytest.ini.
"""

import atexit
import contextlib
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import uuid
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# What a developer's shell may hold must not reach the tests: .env.example names all that the program reads.
for _name in re.findall(
    r"^# ([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
):
    os.environ.pop(_name, None)

# The only two doors to servers: names reserved for tests (tools/run_tests.py finds them).
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
if os.environ.get("TEST_REDIS_URL"):
    os.environ["REDIS_URL"] = os.environ["TEST_REDIS_URL"]


def _memory_disk() -> str | None:
    """Where fsync costs nothing, if there is room: the settings of SQLite stay those of a real school."""
    disk = Path("/dev/shm")
    if disk.is_dir() and os.access(disk, os.W_OK) and shutil.disk_usage(disk).free > 2 * 1024**3:
        return str(disk)
    return None


# One folder per process (each worker of xdist too): database, keys, files and queue of this run.
VAR_DIR = Path(tempfile.mkdtemp(prefix="care-test-", dir=_memory_disk()))
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
os.environ["VAR_DIR"] = str(VAR_DIR)
(VAR_DIR / "static").mkdir()
os.environ["DJANGO_SETTINGS_MODULE"] = "lbc_site.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop runs in the test's own thread

if str(BASE_DIR) not in sys.path:
    sys.path.insert(0, str(BASE_DIR))

import django  # noqa: E402
from django.conf import settings  # noqa: E402


class Undefined(str):
    """What a template prints for a name that does not exist: in a template of ours, an error.

    Templates of libraries rely on undefined names printing nothing; ours must not.
    """

    def __new__(cls):
        """A string that is not empty, so that Django asks it for its words."""
        return super().__new__(cls, "%s")

    def __contains__(self, key) -> bool:
        """Django asks for "%s" before it formats."""
        return key == "%s"

    def __mod__(self, name) -> str:
        """Called with the undefined expression."""
        origin = self._template()
        if origin.startswith(str(BASE_DIR / "templates")):
            import pytest

            pytest.fail(f"undefined in {Path(origin).relative_to(BASE_DIR)}: {{{{ {name} }}}}")
        return ""

    @staticmethod
    def _template() -> str:
        """The file of the template being rendered, found by walking up the stack."""
        frame = sys._getframe(2)
        while frame is not None:
            context = frame.f_locals.get("context")
            template = getattr(getattr(context, "render_context", None), "template", None)
            if template is not None:
                return str(template.origin.name)
            frame = frame.f_back
        return ""


def _adapt_settings() -> None:
    """What differs from a real installation, and nothing else."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = Undefined()
    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.CELERY_TASK_EAGER_PROPAGATES = True
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "zeal"]
    settings.ZEAL_RAISE = True
    settings.ALLOWED_HOSTS = ["*"]
    # Shared Redis: each process has its own corner, so nothing ever needs flushing.
    settings.CACHES["default"]["KEY_PREFIX"] = f"test-{uuid.uuid4().hex}"
    # A file, as in a school: threads and processes meet the same locks as there.
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}


_adapt_settings()
django.setup()
# The workers of xdist inherit the environment and would load settings before this module could lay theirs.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)

import pytest  # noqa: E402
import zeal  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client, TransactionTestCase  # noqa: E402
from hypothesis import HealthCheck  # noqa: E402
from hypothesis import settings as hypothesis_settings  # noqa: E402

_quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
hypothesis_settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=_quiet)
hypothesis_settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=_quiet)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(config, items):
    """`long` tests run only when asked for by name of the mark."""
    if "long" in (config.option.markexpr or ""):
        return
    skip = pytest.mark.skip(reason="only in make test-long")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@contextlib.contextmanager
def triggers_asleep():
    """The audit trail refuses to be emptied, also by Django's clean-up after a test that really committed."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            asleep = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
            awake = [sql for _, sql in triggers]
        else:
            cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
            tables = [row[0] for row in cursor.fetchall()]
            asleep = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables]
            awake = [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables]
        for statement in asleep:
            cursor.execute(statement)
        try:
            yield
        finally:
            for statement in awake:
                cursor.execute(statement)


_flush = TransactionTestCase._fixture_teardown


def _flush_with_triggers_asleep(self):
    """Django's clean-up, and only that, may empty append-only tables."""
    with triggers_asleep():
        _flush(self)


TransactionTestCase._fixture_teardown = _flush_with_triggers_asleep


_connect = socket.socket.connect


def _guarded_connect(self, address):
    """Only this machine may be spoken to."""
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])
        if not (host.startswith("127.") or host in ("::1", "localhost", "0.0.0.0")):
            raise RuntimeError(f"a test tried to reach {host}: tests use no network")
    return _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Every connection that leaves this machine is an error."""
    socket.socket.connect = _guarded_connect
    yield
    socket.socket.connect = _connect


def _migrated_copy() -> Path | None:
    """Where an empty, migrated SQLite database lies between runs, by what its migrations say; None on PostgreSQL."""
    if connection.vendor != "sqlite":
        return None
    said = hashlib.sha256(django.__version__.encode())
    for path in sorted(BASE_DIR.glob("*/migrations/*.py")):
        said.update(path.read_bytes())
    return BASE_DIR / ".test" / f"migrated-{said.hexdigest()[:16]}.sqlite3"


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings) -> bool:
    """Begins with the migrated copy of an earlier run: migrating afresh takes longer than most tests."""
    copy = _migrated_copy()
    if copy is None or not copy.exists():
        return False
    shutil.copyfile(copy, connection.settings_dict["TEST"]["NAME"])
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_keepdb):
    """Keeps a copy of a database migrated afresh, for the next run."""
    copy = _migrated_copy()
    if copy is not None and not django_db_keepdb:
        copy.parent.mkdir(exist_ok=True)
        for old in copy.parent.glob("migrated-*.sqlite3"):
            old.unlink(missing_ok=True)
        mine = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(connection.settings_dict["TEST"]["NAME"], mine)
        mine.replace(copy)


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path):
    """Uploads and finished workbooks of one test stay with that test."""
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def client(request):
    """Django's client, watching every page it opens for N+1 queries.

    A page that must repeat a query (give the reason) is marked ``@pytest.mark.repeats_queries("why")``.
    """
    if request.node.get_closest_marker("repeats_queries"):
        return Client()

    class WatchingClient(Client):
        """Reading a page is set-based, however many children stand on it."""

        def get(self, *args, **kwargs):
            """GET under watch."""
            with zeal.zeal_context():
                return super().get(*args, **kwargs)

    return WatchingClient()


@pytest.fixture
def celery_queues():
    """Celery as in a real installation: `delay` puts a message into the queue and nothing runs."""
    from lbc_site.celery import app

    app.conf.task_always_eager = False
    yield app
    app.conf.task_always_eager = True
