"""Jobs and the outbox: ordered once, done once, nothing lost, the file for one person only."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as project_settings
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from trust import housekeeping, jobs, outbox
from trust.management.commands.send_outbox import Command as SendOutbox
from trust.models import AuditEvent, Job, JobState, OutboxMessage

pytestmark = pytest.mark.django_db
BOOK = b"PK" + "奶奶的电话 13800000000".encode() * 50


@pytest.fixture
def kind(monkeypatch):
    """A kind of job whose work each test writes itself."""
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))
    monkeypatch.setattr(jobs, "_guards", dict(jobs._guards))

    def work(function):
        jobs.handler("test")(function)

    work(lambda job: job.attach("名册.xlsx", BOOK))
    return work


@pytest.fixture
def sent(monkeypatch):
    """A kind of message; what arrives stands in the list."""
    monkeypatch.setattr(outbox, "_handlers", dict(outbox._handlers))
    arrived = []
    outbox.handler("test", external=True)(lambda payload, key: arrived.append(key))
    return arrived


def order(by, **more):
    return jobs.order("test", by=by, parameters={"school": "u"}, title="名册", **more)


def test_an_order_is_row_bell_and_entry_in_one_transaction(li, kind):
    job = order(li)
    message = OutboxMessage.objects.get()
    assert message.payload == {"task": "trust.tasks.run_job", "args": [str(job.uid)]}
    assert AuditEvent.objects.get(action="order_job").object_uid == job.uid


def test_the_same_submission_is_one_job(li, kind):
    import uuid

    submission = uuid.uuid4()
    assert len({order(li, submission=submission).uid for _ in range(3)}) == 1
    assert (Job.objects.count(), OutboxMessage.objects.count()) == (1, 1)


def test_a_job_runs_once_and_its_file_comes_back(li, kind):
    job = order(li)
    assert [jobs.run(job.uid) for _ in range(3)] == [True, False, False]
    job.refresh_from_db()
    assert (job.state, job.attempts, job.file_name, job.file_size) == (
        JobState.DONE,
        1,
        "名册.xlsx",
        len(BOOK),
    )
    assert b"".join(jobs.read_file(job)) == BOOK
    on_disk = (Path(project_settings.MEDIA_ROOT) / job.file_path).read_bytes()
    assert b"13800000000" not in on_disk


def test_a_file_on_disk_can_be_attached(li, kind, tmp_path):
    source = tmp_path / "x.zip"
    source.write_bytes(BOOK)
    kind(lambda job: job.attach("x.zip", source))
    job = order(li)
    jobs.run(job.uid)
    job.refresh_from_db()
    assert b"".join(jobs.read_file(job)) == BOOK
    assert not source.exists()


def test_progress_is_shown(li, kind, client):
    seen = []
    client.force_login(li)

    def work(job):
        job.report(3, 10, "三年级")
        seen.append(client.get(reverse("trust:job", args=[job.uid])))

    kind(work)
    job = order(li)
    jobs.run(job.uid)
    assert "10 里做了 3" in seen[0].content.decode()
    assert seen[0]["Refresh"] == f"3; url={reverse('trust:job', args=[job.uid])}"
    done = client.get(reverse("trust:job", args=[job.uid]))
    assert "Refresh" not in done
    assert "做好了" in done.content.decode()


def test_a_failure_shows_a_number_and_no_words_of_the_error(li, kind, client, capfd):
    def work(job):
        job.attach("halb.xlsx", BOOK)
        raise ValueError("李小满 13800000000")

    kind(work)
    job = order(li)
    jobs.run(job.uid)
    job.refresh_from_db()
    assert (job.state, job.file_path) == (JobState.FAILED, "")
    assert list((Path(project_settings.MEDIA_ROOT) / "jobs").iterdir()) == []
    client.force_login(li)
    text = client.get(reverse("trust:job", args=[job.uid])).content.decode()
    assert job.error_number in text
    assert "ValueError" not in text and "李小满" not in text
    assert "李小满" not in capfd.readouterr().err


def test_a_busy_database_is_tried_again_but_not_for_ever(li, kind):
    def work(job):
        raise OperationalError("locked")

    kind(work)
    job = order(li)
    states = []
    for _ in range(jobs.ATTEMPTS):
        jobs.run(job.uid)
        job.refresh_from_db()
        states.append(job.state)
    assert states == ["queued", "queued", "failed"]


def test_a_worker_that_lost_its_job_changes_nothing_any_more(li, kind):
    job = order(li)

    def slow(mine):
        with time_machine.travel(timezone.now() + jobs.STALE_AFTER + timedelta(seconds=1)):
            kind(lambda again: again.attach("zweiter.xlsx", b"2"))
            assert jobs.run(job.uid) is True
        mine.attach("erster.xlsx", b"1")
        with pytest.raises(jobs.JobTakenOver):
            mine.report(1, 2)

    kind(slow)
    assert jobs.run(job.uid) is False
    job.refresh_from_db()
    assert (job.state, job.file_name, b"".join(jobs.read_file(job))) == ("done", "zweiter.xlsx", b"2")
    assert len(list((Path(project_settings.MEDIA_ROOT) / "jobs").iterdir())) == 1


def test_the_sweep_rings_again_for_what_a_dead_worker_left(li, kind):
    job = order(li)
    Job.objects.update(state=JobState.RUNNING, heartbeat_at=timezone.now(), attempts=1)
    assert jobs.sweep() == 0
    with time_machine.travel(timezone.now() + jobs.STALE_AFTER + timedelta(seconds=1)):
        assert jobs.sweep() == 1
        assert OutboxMessage.objects.count() == 2
        assert jobs.run(job.uid) is True


def test_the_sweep_gives_up_after_three_attempts(li, kind):
    job = order(li)
    Job.objects.update(state=JobState.RUNNING, heartbeat_at=timezone.now(), attempts=3)
    with time_machine.travel(timezone.now() + jobs.STALE_AFTER + timedelta(seconds=1)):
        assert jobs.sweep() == 0
    job.refresh_from_db()
    assert job.state == JobState.FAILED


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_the_work_once(li, kind):
    done, start = [], threading.Barrier(4)
    kind(lambda job: done.append(job.uid))
    job = order(li)

    def worker():
        start.wait()
        try:
            jobs.run(job.uid)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [job.uid]


# --- the page and the file


def test_job_and_file_belong_to_the_one_who_ordered(li, wang, kind, client):
    job = order(li)
    jobs.run(job.uid)
    client.force_login(wang)
    for name in ("trust:job", "trust:job_file"):
        assert client.get(reverse(name, args=[job.uid])).status_code == 404
    assert list(client.get(reverse("trust:job_list")).context["jobs"]) == []
    client.force_login(li)
    assert list(client.get(reverse("trust:job_list")).context["jobs"]) == [job]


def test_each_fetch_is_audited_and_not_cached(li, kind, client):
    job = order(li)
    jobs.run(job.uid)
    client.force_login(li)
    for _ in range(2):
        response = client.get(reverse("trust:job_file", args=[job.uid]))
        assert b"".join(response.streaming_content) == BOOK
    assert response["Cache-Control"] == "no-store, private"
    assert response["Content-Disposition"].startswith("attachment")
    assert AuditEvent.objects.filter(action="fetch_file", object_uid=job.uid).count() == 2


def test_the_file_is_gone_after_24_hours(li, kind, client):
    job = order(li)
    jobs.run(job.uid)
    job.refresh_from_db()
    path = Path(project_settings.MEDIA_ROOT) / job.file_path
    with time_machine.travel(timezone.now() + timedelta(hours=24, minutes=1)):
        client.force_login(li)
        assert client.get(reverse("trust:job_file", args=[job.uid])).status_code == 404
        assert path.exists()
        assert housekeeping.purge()["files"] == 1
        assert not path.exists()
        assert "已过 24 小时" in client.get(reverse("trust:job", args=[job.uid])).content.decode()


def test_an_ended_post_closes_the_file(li, kind, client):
    jobs.guard("test")(lambda job, user: False)
    job = order(li)
    jobs.run(job.uid)
    client.force_login(li)
    assert client.get(reverse("trust:job_file", args=[job.uid])).status_code == 404


# --- the outbox


def test_the_same_key_is_one_message(sent):
    assert [outbox.send("test", {}, key="a") for _ in range(2)] == [True, False]
    assert (outbox.deliver(), outbox.deliver()) == ((1, 0), (0, 0))
    assert sent == ["a"]


def test_a_message_of_an_undone_transaction_is_never_sent(sent):
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.send("test", {}, key="a")
        raise RuntimeError
    assert outbox.deliver() == (0, 0)


def test_while_the_gateway_is_down_nothing_is_lost_and_then_each_is_sent_once(sent):
    working = outbox._handlers["test"]

    def down(payload, key):
        raise ConnectionError("redis://:geheim@10.0.0.1 refused")

    outbox.handler("test", external=True)(down)
    for number in range(20):
        outbox.send("test", {}, key=str(number))
    now = timezone.now()
    assert outbox.deliver(now=now + timedelta(seconds=1)) == (0, 20)
    assert set(OutboxMessage.objects.values_list("last_error", flat=True)) == {"ConnectionError"}
    assert outbox.deliver() == (0, 0)  # waits before it tries again
    outbox._handlers["test"] = working
    assert outbox.deliver(now=now + timedelta(seconds=60)) == (20, 0)
    assert sorted(sent, key=int) == [str(number) for number in range(20)]


def test_the_wait_between_tries_is_bounded(sent):
    outbox.handler("test")(lambda payload, key: 1 / 0)
    outbox.send("test", {}, key="a")
    OutboxMessage.objects.update(tries=500)
    outbox.deliver()
    assert OutboxMessage.objects.get().due_at <= timezone.now() + outbox.LONGEST_WAIT


def test_a_handler_that_fails_halfway_leaves_nothing_behind(li, monkeypatch, sent):
    def half(payload, key):
        Job.objects.create(kind="x", title="x", ordered_by=li)
        raise RuntimeError

    outbox.handler("test")(half)
    outbox.send("test", {}, key="a")
    assert outbox.deliver() == (0, 1)
    assert Job.objects.count() == 0
    assert OutboxMessage.objects.get().sent_at is None


@pytest.mark.db
@pytest.mark.django_db(transaction=True)
def test_two_loops_at_once_send_each_message_once(sent):
    for number in range(20):
        outbox.send("test", {}, key=str(number))
    start = threading.Barrier(3)

    def loop():
        start.wait()
        try:
            outbox.deliver()
        finally:
            connection.close()

    threads = [threading.Thread(target=loop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.deliver()
    assert sorted(sent, key=int) == [str(number) for number in range(20)]


def test_a_crashed_loop_s_message_is_taken_up_after_its_lease(sent):
    outbox.send("test", {}, key="a")
    OutboxMessage.objects.update(claimed_until=timezone.now() + outbox.LEASE)
    assert outbox.deliver() == (0, 0)
    assert outbox.deliver(now=timezone.now() + outbox.LEASE + timedelta(seconds=1)) == (1, 0)


def test_the_bell_carries_only_the_uid(li, kind, monkeypatch):
    rung = []
    monkeypatch.setattr(
        "trust.outbox_handlers.current_app.send_task", lambda name, args, **more: rung.append((name, args))
    )
    job = order(li)
    SendOutbox().handle(once=True, interval=1)
    assert rung == [("trust.tasks.run_job", [str(job.uid)])]


def test_every_scheduled_task_of_the_cellar_exists():
    from lbc_site.celery import app

    app.loader.import_default_modules()
    ours = {
        entry["task"]
        for entry in project_settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"].startswith("trust.")
    }
    assert ours - set(app.tasks) == set()
    assert "trust.tasks.run_job" in app.tasks
