"""Pages of lists kept in Excel (结对名单; a floor above: 谈心家访记录): upload, check, answer, confirm. One set for every kind."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from registry.models import ImportBatch, ImportKind, ImportState, RowStatus
from trust import audit
from trust.models import JobState

from ..lists import batches
from ..lists.forms import ListForm
from ..lists.pairings import COLUMNS
from .pairings import add_errors, assigning_schools, form_view

PAGE = 50
GROUPS = [
    # key, word, explanation
    (RowStatus.NEW, "可以导入", "确认后生效"),
    (RowStatus.CHANGED, "会换", "原来的到前一天为止"),
    (RowStatus.UNCHANGED, "没有变化", "已经有了"),
    (RowStatus.HELD, "先不导入", "要回答或改好再传"),
    (RowStatus.IGNORED, "没有读的行", "标题、合计、说明"),
]
PAIRINGS = {
    "kind": ImportKind.PAIRINGS,
    "title": "导入结对名单",
    "say": "一行一个孩子，写着孩子和包保教师；一位教师后面有几个孩子的合并格、写在上一行的教师都能读。孩子要先在名册里。",
    "dated": True,
    "prefix": "pairing:list",
    "columns": COLUMNS,
}


def _batch_or_404(request, uid, page):
    """One's own batch of this kind at a school whose pairings one assigns: its rows hold other people's words."""
    schools = assigning_schools(request.user)
    found = ImportBatch.objects.visible_to(request.user).filter(kind=page["kind"], school__in=schools)
    return get_object_or_404(found.select_related("school", "upload", "created_by"), uid=uid)


def _url(page, name, *args):
    return reverse(f"{page['prefix']}_{name}", args=args)


def upload(request, page):
    """Take a file, and show what was taken before."""
    schools = assigning_schools(request.user)
    tops = list(schools.exclude(managing_school__in=schools).order_by("code"))
    form = ListForm(request.POST or None, request.FILES or None, schools=tops, dated=page["dated"])
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            batch = batches.receive(
                asked["file"], kind=page["kind"], by=request.user, school=asked["school"],
                as_of=asked.get("as_of") or timezone.localdate(), submission=asked["submission"],
            )  # fmt: skip
        except ValidationError as error:
            add_errors(form, error)
        else:
            return redirect(_url(page, "check", batch.uid))
    found = ImportBatch.objects.visible_to(request.user).filter(kind=page["kind"], school__in=schools)
    shown = Paginator(found.select_related("school", "created_by"), 20).get_page(request.GET.get("page"))
    for batch in shown:
        batch.waiting = batch.count(RowStatus.HELD)
    context = {"page": page, "form": form, "page_obj": shown, "check_url": f"{page['prefix']}_check"}
    return render(request, "pairing/lists/upload.html", context)


def check(request, uid, page):
    """What confirming would do, row by row; afterwards the rows that wait."""
    batch = _batch_or_404(request, uid, page)
    job = batches.job_of(batch) if batch.state == ImportState.READING else None
    failed = job is not None and job.state == JobState.FAILED
    counts = [(key, word, say, batch.count(key)) for key, word, say in GROUPS]
    shown = request.GET.get("show")
    if shown not in RowStatus.values:
        first = RowStatus.HELD if batch.count(RowStatus.HELD) else RowStatus.NEW
        shown = (
            first
            if batch.count(first)
            else next((key for key, *_, number in counts if number), RowStatus.NEW)
        )
    rows = Paginator(batch.rows.filter(status=shown), PAGE).get_page(request.GET.get("page"))
    lines = [
        {"row": row, "cells": [(word, data["shown"].get(key, "")) for key, word in page["columns"]], **data}
        for row in rows.object_list
        for data in [row.shown]
    ]
    audit.record("preview_list", by=request.user, kind="importbatch", uid=batch, count=len(lines))
    context = {
        "page": page,
        "batch": batch,
        "counts": counts,
        "shown": shown,
        "page_obj": rows,
        "lines": lines,
        "asking": any(line["asks"] for line in lines) and batch.state == ImportState.CHECKING,
        "checking": batch.state == ImportState.CHECKING,
        "done": batch.state == ImportState.DONE,
        "reading": batch.state == ImportState.READING and not failed,
        "failed": failed,
        "entering": batch.entering,
        "urls": {
            name: _url(page, name, batch.uid) for name in ("answer", "confirm", "drop")
        } | {"upload": _url(page, "upload")},
    }  # fmt: skip
    answer = render(request, "pairing/lists/check.html", context)
    if context["reading"]:
        answer["Refresh"] = "3"
    return answer


def answer(request, uid, page):
    """Who is meant."""
    batch = _batch_or_404(request, uid, page)
    taken = batches.answer(
        batch, {key: value for key, value in request.POST.items() if "|" in key}, by=request.user
    )
    messages.success(request, f"按您选的又核对了一遍（{taken} 处）") if taken else messages.info(
        request, "还没有选"
    )
    return redirect(_url(page, "check", batch.uid))


def confirm(request, uid, page):
    """Write all of it, once."""
    batch = _batch_or_404(request, uid, page)
    where = redirect(_url(page, "check", batch.uid))
    if batch.state != ImportState.CHECKING or batch.upload is None:
        messages.info(request, "这份名单已经处理过了，或者文件过了 7 天，请重新上传")
        return where
    try:
        written = batches.confirm(batch, by=request.user)
    except batches.StaleList:
        messages.warning(
            request, "您核对之后，名册或包保有了变动。已经按现在的重新比过，请再核对一遍，还没有导入"
        )
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
    else:
        messages.success(request, f"导入了 {written} 条")
    return where


def drop(request, uid, page):
    """Decide against it."""
    batch = _batch_or_404(request, uid, page)
    if request.method == "POST":
        if batches.drop(batch, by=request.user):
            messages.success(request, "没有导入，什么也没有变")
        return redirect(_url(page, "upload"))
    context = {
        "question": "不导入这份名单？",
        "text": "什么也不会变。以后要用，重新上传就行。",
        "texts": [],
        "act": "不导入",
        "back_url": _url(page, "check", batch.uid),
        "form": None,
        "cancel": "接着核对",
        "danger": False,
    }
    return render(request, "confirm.html", context)


# --- lists of pairings -------------------------------------------------------------------------------------------------


@form_view
def list_upload(request):
    """Upload a list of pairings."""
    return upload(request, PAIRINGS)


@require_safe
def list_check(request, uid):
    """Check it."""
    return check(request, uid, PAIRINGS)


@require_POST
def list_answer(request, uid):
    """Answer its questions."""
    return answer(request, uid, PAIRINGS)


@require_POST
def list_confirm(request, uid):
    """Pair all of them."""
    return confirm(request, uid, PAIRINGS)


@form_view
def list_drop(request, uid):
    """Decide against it."""
    return drop(request, uid, PAIRINGS)
