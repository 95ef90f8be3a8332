"""Roster work that is too long for a request, and the workbook of what is to be put right: jobs, handlers only."""

from django.utils import timezone

from trust import jobs, uploads

from ..access import Act, may
from ..models import ImportBatch, ImportState
from . import answer
from .imports import StalePreview, confirm, fill_preview
from .undo import StandsInTheWay, undo_import


def _batch(job):
    return ImportBatch.objects.select_related("school__county", "upload").get(uid=job.parameters["batch"])


@jobs.handler("read_roster")
def read(job):
    """Reads an uploaded roster and stores its preview; progress in rows."""
    batch = _batch(job)
    if batch.state != ImportState.READING:
        return
    job.report(0, 0, "正在打开表格")
    fill_preview(
        batch,
        uploads.read_bytes(batch.upload),
        report=lambda done, total: job.report(done, total, "正在逐行读，和名册比对"),
    )
    job.report(1, 1, "读完了，可以核对")


@jobs.handler("confirm_roster")
def write(job):
    """Writes a confirmed roster; a preview that is out of date is made anew instead."""
    batch = _batch(job)
    total = sum(batch.counts.get(status, 0) for status in ("new", "changed", "unchanged", "held"))
    job.report(0, total, "正在打开表格")
    try:
        confirm(
            batch,
            uploads.read_bytes(batch.upload),
            by=job.ordered_by,
            report=lambda done, rows: job.report(
                done, rows, "读完以后一次写进名册，写完之前名册里什么都没变"
            ),
        )
    except StalePreview:
        job.report(total, total, "名册在核对之后有变动，请再核对一遍")
    else:
        job.report(total, total, "导入好了")


@jobs.handler("undo_roster")
def take_back(job):
    """Undoes a confirmed roster, or says that something stands in the way."""
    batch = _batch(job)
    job.report(0, 0, "正在撤销，撤完之前名册里什么都没变")
    try:
        done = undo_import(batch, by=job.ordered_by)
    except StandsInTheWay as blocked:
        job.report(
            1, 1, f"没有撤销：有 {len(blocked.obstacles)} 个孩子后来又记了东西，请看“撤销这次导入”那一页"
        )
    else:
        job.report(1, 1, "撤销了，名册回到导入以前的样子" if done else "这次导入已经撤销过了")


@jobs.handler("roster_rows_to_put_right")
def put_right(job):
    """The workbook of a batch with what is wrong in it marked."""
    batch = _batch(job)
    job.attach(f"{batch.school}_待改的行_{timezone.localdate():%Y%m%d}.xlsx", answer.workbook_of(batch))


@jobs.guard("roster_rows_to_put_right")
def may_fetch(job, user):
    """Whoever may no longer import for the school no longer gets its rows."""
    batch = ImportBatch.objects.select_related("school").filter(uid=job.parameters["batch"]).first()
    return batch is not None and may(user, Act.IMPORT_ROSTER, school=batch.school)
