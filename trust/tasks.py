"""Doors for the queue: ids in, nothing out."""

from celery import shared_task

from trust import housekeeping, jobs


@shared_task(name="trust.tasks.run_job")
def run_job(uid):
    """Run one job by its uid."""
    jobs.run(uid)


@shared_task(name="trust.tasks.sweep_jobs")
def sweep_jobs():
    """Ring again for jobs left behind."""
    jobs.sweep()


@shared_task(name="trust.tasks.purge_expired")
def purge_expired():
    """Remove what is past its time; seal the audit days that are over."""
    housekeeping.purge()


@shared_task(name="trust.tasks.heartbeat")
def heartbeat():
    """Say that schedule and worker are alive."""
    housekeeping.beat("schedule")
