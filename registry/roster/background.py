"""Roster work that is too long for a request, and the workbook of rows to put right: jobs, handlers only."""

from django.utils import timezone

from trust import jobs, uploads

from ..access import Act, may
from ..models import ImportBatch, ImportState
from . import answer
from .imports import StalePreview, confirm, fill_preview, rows_to_put_right


@jobs.handler("read_roster")
def read(job):
    """Reads an uploaded roster and stores its preview."""
    batch = ImportBatch.objects.select_related("school__county", "upload").get(uid=job.parameters["batch"])
    if batch.state != ImportState.READING:
        return
    job.report(0, 1, "正在读表")
    fill_preview(batch, uploads.read_bytes(batch.upload))
    job.report(1, 1, "读完了，可以核对")


@jobs.handler("confirm_roster")
def write(job):
    """Writes a confirmed roster; a preview that is out of date is made anew instead."""
    batch = ImportBatch.objects.select_related("school__county", "upload").get(uid=job.parameters["batch"])
    job.report(0, 1, "正在导入")
    try:
        confirm(batch, uploads.read_bytes(batch.upload), by=job.ordered_by)
    except StalePreview:
        job.report(1, 1, "名册在核对之后有变动，请再核对一遍")
    else:
        job.report(1, 1, "导入好了")


@jobs.handler("roster_rows_to_put_right")
def put_right(job):
    """The workbook of a batch's rows that wait."""
    batch = ImportBatch.objects.select_related("school").get(uid=job.parameters["batch"])
    job.attach(
        f"{batch.school}_待改的行_{timezone.localdate():%Y%m%d}.xlsx", answer.build(rows_to_put_right(batch))
    )


@jobs.guard("roster_rows_to_put_right")
def may_fetch(job, user):
    """Whoever may no longer import for the school no longer gets its rows."""
    batch = ImportBatch.objects.select_related("school").filter(uid=job.parameters["batch"]).first()
    return batch is not None and may(user, Act.IMPORT_ROSTER, school=batch.school)
