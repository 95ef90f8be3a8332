"""One real worker and the outbox loop, as processes of their own: a workbook ordered in the web comes out as a file."""

import os
import subprocess
import sys
import time
from base64 import b64encode

import pytest
from django.conf import settings
from django.db import connection

from activities.facts import load_facts
from registry.models import School, Staff
from reports import exports
from trust.models import Job, JobState, OutboxMessage, User

FACTS = {
    "county": {"code": "341299", "name": "青溪县"},
    "schools": [
        {
            "id": "s1",
            "code": "QX001",
            "name": "石门小学",
            "stages": ["primary"],
            "first_used_on": "2025-09-01",
        }
    ],
    "classes": [{"id": "c1", "school": "s1", "stage": "primary", "entry_year": 2023, "number": 2}],
    "staff": [{"id": "t1", "name": "周明远", "school": "s1"}],
    "posts": [{"staff": "t1", "kind": "leader", "school": "s1", "starts_on": "2025-09-01"}],
    "children": [{"id": "k1", "name": "李小满", "sex": "female"}],
    "enrollments": [{"child": "k1", "school": "s1", "class": "c1", "starts_on": "2025-09-01"}],
    "care_list": [{"child": "k1", "type": "both_away", "starts_on": "2025-09-01"}],
}
PATIENCE = 60


def process(*words):
    """A process of the program on the test's own database, files and queue."""
    database = connection.settings_dict
    environment = os.environ | {"VAR_DIR": str(settings.VAR_DIR)}
    if connection.vendor == "postgresql":
        where = database["HOST"] or "/var/run/postgresql"
        port = f"&port={database['PORT']}" if database["PORT"] else ""
        environment["DATABASE_URL"] = (
            f"postgres://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={where}{port}"
        )
        environment |= {
            "TLS": "1",
            "ALLOWED_HOSTS": "testserver",
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_KEYS": ",".join(
                f"{key}:{b64encode(value).decode()}" for key, value in settings.FIELD_KEYS.items()
            ),
            "INDEX_KEY": b64encode(settings.INDEX_KEY).decode(),
        }
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *words], cwd=settings.BASE_DIR, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_a_workbook_ordered_comes_out_of_a_real_worker(celery_queues):
    if connection.vendor != "postgresql" or not settings.REDIS_URL:
        pytest.skip("needs PostgreSQL and Redis: the database of SQLite tests belongs to this process alone")
    load_facts(FACTS)
    user = User.objects.create(username="zhou", name="周明远")
    Staff.objects.filter(name="周明远").update(user=user)
    order = exports.Order("register", School.objects.get())
    job = exports.order_workbook(order, by=user)
    assert OutboxMessage.objects.filter(sent_at=None).count() >= 1
    running = [
        process("-m", "celery", "-A", "lbc_site", "worker", "-P", "solo", "-l", "ERROR"),
        process("manage.py", "send_outbox"),
    ]
    try:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            job.refresh_from_db()
            if job.state in (JobState.DONE, JobState.FAILED):
                break
            time.sleep(0.3)
    finally:
        for each in running:
            each.terminate()
        for each in running:
            each.wait(20)
    assert (job.state, Job.objects.count()) == (JobState.DONE, 1)
    assert job.file_name.startswith("石门小学_留守儿童花名册_")
