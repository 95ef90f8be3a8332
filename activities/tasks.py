"""Doors for Celery: no logic here. Which month is owed is a row; the schedule only rings."""

from celery import shared_task

from . import checks


@shared_task
def check_due_months():
    """Nightly at 02:00: every owed month of every county."""
    checks.check_due_months()


@shared_task
def sweep_due_months():
    """Every ten minutes: closes months whose closing moment has passed without a look after it (a missed night)."""
    checks.close_overdue_months()
