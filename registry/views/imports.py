"""Pages of the roster import: template, upload, check, confirm, rows to put right. Thin doors to ``registry.roster``."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from trust import audit, jobs, uploads
from trust.models import JobState

from ..access import Act, may, posts_of, require, schools_for
from ..forms.imports import ColumnsForm, RosterForm, SameChildForm, SetAsideForm
from ..models import HeldRow, ImportBatch, ImportKind, ImportState, RowStatus
from ..roster import imports, preview, template, undo

PAGE = 25
ASKED_PAGE = 10
FILTERS = [
    # key, word, explanation, statuses
    ("new", "新来的孩子", "导入后进名册", (RowStatus.NEW,)),
    ("changed", "资料有变化", "旧的会留着，可以查", (RowStatus.CHANGED,)),
    ("unchanged", "没有变化", "不用动", (RowStatus.UNCHANGED,)),
    ("held", "先不导入", "改好再传，不影响别的行", (RowStatus.HELD,)),
    ("ignored", "没有当作孩子", "标题、合计、空行等", (RowStatus.IGNORED,)),
]
# Columns of the preview: key in the row's data, heading, fields whose problems are marked there.
COLUMNS = [
    ("name", "姓名", ("name", "uid", "repeated")),
    ("born", "性别、出生", ("sex", "birth_date")),
    ("id_number", "身份证号", ("id_number",)),
    ("class", "班级", ("class",)),
    (
        "parents",
        "父母",
        ("father.phone", "father.id_number", "both.phone", "mother.phone", "mother.id_number", "away_since"),
    ),
    ("guardian", "照护人", ("alarm", "guardian.id_number", "carer.id_number")),
    ("phone", "联系电话", ("guardian.phone", "carer.phone", "home.phone")),
]
NARROW = ("name", "id_number", "class", "phone")
# What is compared side by side of a row and a child it looks like.
COMPARED = [
    ("name", "姓名"), ("born", "性别、出生"), ("id_number", "身份证号"), ("class", "班级"), ("parents", "父母"),
    ("guardian", "照护人"), ("phone", "联系电话"),
]  # fmt: skip


def batch_or_404(request, uid):
    """The batch, when the reader may import for its school."""
    batches = ImportBatch.objects.visible_to(request.user).filter(kind=ImportKind.ROSTER)
    batches = batches.select_related("school__county", "upload")
    batch = get_object_or_404(batches, uid=uid)
    require(request.user, Act.IMPORT_ROSTER, school=batch.school)
    return batch


@require_safe
def import_list(request):
    """Batches of my schools, newest first, with what still waits."""
    require(request.user, Act.IMPORT_ROSTER)
    batches = (
        ImportBatch.objects.visible_to(request.user)
        .filter(kind=ImportKind.ROSTER)
        .select_related("school")
        .annotate(waiting=Count("held_rows", filter=Q(held_rows__done_at=None)))
        .order_by("-created_at", "-pk")
    )
    page = Paginator(batches, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "registry/imports/import_list.html",
        {"page_obj": page, "lists": may(request.user, Act.ASSIGN_PAIRINGS)},
    )


@require_safe
def import_template(request):
    """The empty template with the classes of one's own school; it holds nothing of anybody."""
    require(request.user, Act.IMPORT_ROSTER)
    schools = schools_for(request.user, Act.IMPORT_ROSTER)
    own = [post.school_id for post in posts_of(request.user) if post.school_id]
    school = schools.filter(pk__in=own).order_by("name_key").first()
    response = HttpResponse(
        template.build(school),
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    response["Content-Disposition"] = content_disposition_header(True, "留守儿童名册模板.xlsx")
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def import_new(request):
    """Upload a roster."""
    require(request.user, Act.IMPORT_ROSTER)
    form = RosterForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        school = data["school"]
        require(request.user, Act.IMPORT_ROSTER, school=school)
        try:
            batch, known = imports.receive(
                data["file"],
                by=request.user,
                school=school,
                as_of=data["as_of"],
                submission=data["submission"],
            )
        except ValidationError as error:
            form.add_error("file", error)
        else:
            if known:
                messages.info(request, "这份文件已经传过，接着核对就行")
            elif earlier := _imported_before(batch):
                day = timezone.localtime(earlier.confirmed_at)
                messages.info(
                    request, f"这份文件 {day.month}月{day.day}日已经导入过。再核对一遍，看看有没有变化"
                )
            return redirect(batch)
    return render(request, "registry/imports/import_new.html", {"form": form})


def _imported_before(batch):
    same = ImportBatch.objects.filter(
        school=batch.school_id, kind=ImportKind.ROSTER, sha256=batch.sha256, state=ImportState.DONE
    )
    return same.exclude(pk=batch.pk).order_by("-confirmed_at").first()


@require_safe
def import_detail(request, uid):
    """The preview while it is checked; afterwards the result and the rows that wait."""
    batch = batch_or_404(request, uid)
    if batch.state == ImportState.CHECKING:
        return _preview(request, batch)
    context = {"batch": batch, "steps": _steps(batch), "job": None, "undoable": False}
    if batch.state == ImportState.DONE:
        rows = batch.held_rows.filter(done_at=None)
        page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
        context |= {"page_obj": page, "columns": COLUMNS, "rows": [_line(row) for row in page]}
        context["undoable"] = undo.can_undo(batch)
        audit.record(
            "preview_roster",
            by=request.user,
            kind="importbatch",
            uid=batch,
            count=len(page.object_list),
            detail="待改的行",
        )
    working = batch.state == ImportState.READING
    if working:
        context["job"] = imports.job_of(batch)
    response = render(request, "registry/imports/import_result.html", context)
    if working and _at_work(context["job"]):
        response["Refresh"] = f"3; url={request.path}"
    return response


def _at_work(job):
    return job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)


def _steps(batch):
    at = 4 if batch.state == ImportState.DONE else 3
    words = ["下载模板", "上传", "核对", "完成"]
    return [
        {
            "word": word,
            "number": number,
            "done": number < at or (at == 4 and number == 4),
            "here": number == at,
        }
        for number, word in enumerate(words, start=1)
    ]


def _preview(request, batch):
    tally = [
        {"key": key, "word": word, "say": say, "count": batch.count(*statuses), "statuses": statuses}
        for key, word, say, statuses in FILTERS
    ]
    seen = batch.rows.aggregate(
        flagged=Count("pk", filter=Q(has_problems=True)), asked=Count("pk", filter=Q(asks=True))
    )
    lists = {line["key"]: (line["word"], {"status__in": line["statuses"]}) for line in tally}
    lists["problems"] = "有问题要看的", {"has_problems": True}
    lists["asked"] = "请您认一认", {"asks": True}
    show = request.GET.get("show")
    if show not in lists:
        show = "asked" if seen["asked"] else "held" if batch.count("held") else _first_filled(tally)
    word, where = lists[show]
    rows = batch.rows.filter(**where)
    page = Paginator(rows, ASKED_PAGE if show == "asked" else PAGE).get_page(request.GET.get("page"))
    audit.record(
        "preview_roster",
        by=request.user,
        kind="importbatch",
        uid=batch,
        count=len(page.object_list),
        detail=word,
    )
    columns = preview.columns_of(batch)
    job = imports.job_of(batch) if batch.note else None
    writing = _at_work(job)
    context = {
        "batch": batch, "tally": tally, "flagged": seen["flagged"], "asked": seen["asked"], "show": show,
        "here": {"word": word, "count": page.paginator.count}, "page_obj": page, "columns": COLUMNS,
        "rows": [_line(row) for row in page], "steps": _steps(batch), "held": batch.count("held"),
        "same_form": SameChildForm(rows=page) if show == "asked" else None,
        "columns_form": ColumnsForm(columns=columns) if columns else None,
        "to_choose": [column for column in columns if not column["chosen"] and column["proposal"] != "ignore"],
        "job": job, "writing": writing, "broken_off": bool(batch.note) and not writing,
    }  # fmt: skip
    response = render(request, "registry/imports/import_preview.html", context)
    if writing:
        response["Refresh"] = f"4; url={request.path}"
    return response


def _first_filled(tally):
    return next((line["key"] for line in tally if line["count"]), "new")


def _line(row):
    """A row as the table shows it: each wrong cell with what was typed, all remedies in the last column."""
    data = row.shown
    problems = data.get("problems", [])
    cells = []
    for key, heading, fields in COLUMNS:
        found = [problem for problem in problems if problem["field"] in fields]
        text = data.get("shown", {}).get(key, "")
        typed = next((problem["text"] for problem in found if problem["text"]), "")
        level = ""
        if found:
            level = "bad" if any(problem["severity"] == "error" for problem in found) else "ask"
        if typed and level == "bad":
            text = _covered(typed) if key == "id_number" else typed
        cells.append({"text": text, "level": level, "key": key, "heading": heading, "narrow": key in NARROW})
    for problem in problems:
        problem["said"] = problem["message"].removeprefix(f"第 {row.number} 行")
    choice = next((p for p in problems if p["kind"] == "repeated_differs"), None)
    return {
        "uid": row.uid, "number": row.number, "sheet": row.sheet, "cells": cells, "problems": problems,
        "changes": data.get("changes", []), "why": data.get("why", ""), "choice": choice,
        "name": data.get("shown", {}).get("name", ""), "compared": _compared(data),
        "candidates": data.get("candidates", []),
    }  # fmt: skip


def _compared(data):
    """[(heading, what the row says, what each child it looks like has)]."""
    candidates = data.get("candidates", [])
    shown = data.get("shown", {})
    return [
        (heading, shown.get(key, ""), [child[key] for child in candidates])
        for key, heading in COMPARED
        if candidates
    ]


def _covered(typed):
    """A number typed wrong is shown enough to find it in the sheet, not whole."""
    if "e+" in typed.lower():
        return typed[:4] + typed[typed.lower().index("e+") :].upper()
    return typed if len(typed) < 15 else typed[:3] + "*" * (len(typed) - 6) + typed[-3:]


@require_POST
def import_confirm(request, uid):
    """Write what was checked. A second press finds it done."""
    batch = batch_or_404(request, uid)
    if batch.state != ImportState.CHECKING:
        messages.info(request, _state_words(batch))
        return redirect(batch)
    if batch.upload is None:
        messages.error(request, "传上来的文件已经过了 7 天，请重新上传再核对")
        return redirect("registry:import_new")
    if batch.upload.size > imports.IN_REQUEST:
        imports.order_confirmation(batch, by=request.user)
        messages.info(request, "人数比较多，正在后台导入，导完这一页会变")
        return redirect(batch)
    try:
        written = imports.confirm(batch, uploads.read_bytes(batch.upload), by=request.user)
    except imports.StalePreview:
        messages.warning(
            request, "您核对之后，名册里的资料有了变动。已经按现在的重新比过，请再核对一遍，还没有导入"
        )
        return redirect(batch)
    batch.refresh_from_db()
    messages.success(
        request, f"导入了 {batch.entering} 名，{batch.count('held')} 行待改"
    ) if written else messages.info(request, _state_words(batch))
    return redirect(batch)


def _state_words(batch):
    return {
        ImportState.DONE: "这份名册已经导入过了，没有再导一遍",
        ImportState.WRITING: "正在导入，请稍等",
    }.get(batch.state, "这份名册现在不能导入")


@require_http_methods(["GET", "HEAD", "POST"])
def import_drop(request, uid):
    """Do not import this file."""
    batch = batch_or_404(request, uid)
    if request.method == "POST":
        if imports.drop(batch, by=request.user):
            messages.success(request, "这份名册没有导入，名册里什么都没变")
        return redirect("registry:import_list")
    context = {
        "question": "不导入这份名册？",
        "text": "名册里什么都不会变。以后要用，重新上传就行。",
        "act": "不导入",
        "cancel": "接着核对",
        "back_url": batch.get_absolute_url(),
    }
    return render(request, "confirm.html", context)


@require_POST
def import_put_right(request, uid):
    """Order the workbook with what is to be put right marked in it."""
    batch = batch_or_404(request, uid)
    if batch.upload is None and batch.state != ImportState.DONE:
        messages.error(request, "传上来的文件已经过了 7 天，请重新上传")
        return redirect(batch)
    job = jobs.order(
        "roster_rows_to_put_right",
        by=request.user,
        parameters={"batch": str(batch.uid)},
        title="标好问题的表",
    )
    return redirect(job)


@require_http_methods(["GET", "HEAD", "POST"])
def held_row_done(request, uid, row_uid):
    """Set a held row aside with a reason."""
    batch = batch_or_404(request, uid)
    row = get_object_or_404(HeldRow.objects.visible_to(request.user).filter(batch=batch), uid=row_uid)
    form = SetAsideForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if imports.set_aside(row, by=request.user, note=form.cleaned_data["note"]):
            messages.success(request, f"第 {row.number} 行不再列在待改里")
        return redirect(batch)
    context = {
        "question": f"第 {row.number} 行不用再改了？",
        "text": "这一行不会导入。写明原因，以后查得到。",
        "act": "不再列在待改里",
        "cancel": "先留着",
        "back_url": batch.get_absolute_url(),
        "form": form,
    }
    return render(request, "confirm.html", context)
