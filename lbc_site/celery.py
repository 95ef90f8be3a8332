"""The Celery application. Tasks are thin doors; the database is the truth, the broker only a bell."""

import os

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lbc_site.settings")

app = Celery("lbc_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def _refuse_unsafe_start(**kwargs):
    from lbc_site.checks import refuse_unsafe_start  # the apps are loaded only now

    refuse_unsafe_start()
