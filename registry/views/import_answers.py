"""Pages where a person answers what a roster's preview asks, and takes a confirmed import back. Thin doors to ``registry.roster``."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from trust import audit

from ..forms.imports import ColumnsForm, SameChildForm
from ..models import ImportState
from ..roster import imports, preview, undo
from .imports import PAGE, batch_or_404

TOO_LATE = "这份名册已经不在核对了，没有改动"


@require_POST
def import_choose(request, uid):
    """A repeated child: the earlier row is right, or the later one."""
    batch = batch_or_404(request, uid)
    row = get_object_or_404(batch.rows.all(), uid=request.POST.get("row") or None)
    first = request.POST.get("keep") == "first"
    if imports.keep_row(batch, row, first=first, by=request.user):
        messages.success(request, f"{row.shown['shown']['name']}按{'前' if first else '后'}面那一行")
    else:
        messages.info(request, TOO_LATE)
    return redirect(f"{batch.get_absolute_url()}?show=problems")


@require_POST
def import_same(request, uid):
    """Rows that look like a child of the school: the same child, or another."""
    batch = batch_or_404(request, uid)
    asked = {f"row-{row.uid.hex}": row for row in batch.rows.filter(asks=True)}
    form = SameChildForm(request.POST, rows=[row for name, row in asked.items() if name in request.POST])
    if not form.is_valid():
        messages.error(request, "有一行的回答没有看懂，请再选一次")
    elif taken := imports.answer_same(batch, form.answers, by=request.user):
        messages.success(request, f"记下了 {taken} 行的回答，已经重新核对")
    else:
        messages.info(request, "还没有选。每一行选“同一个孩子”或“另一个孩子”，再按一次")
    return redirect(batch)


@require_POST
def import_columns(request, uid):
    """What the headings mean that nobody knew."""
    batch = batch_or_404(request, uid)
    form = ColumnsForm(request.POST, columns=preview.columns_of(batch))
    if not form.is_valid():
        messages.error(request, "有一列没有选好，请再选一次")
    elif imports.choose_headings(batch, form.choices, by=request.user):
        messages.success(
            request, "已经照您选的认列，重新核对过了。以后这所学校的表里有同样的表头，会照这样认"
        )
    else:
        messages.info(
            request, "和原来选的一样，没有改动" if batch.state == ImportState.CHECKING else TOO_LATE
        )
    return redirect(batch)


@require_http_methods(["GET", "HEAD", "POST"])
def import_undo(request, uid):
    """Take a confirmed import back as a whole, or see what stands in the way."""
    batch = batch_or_404(request, uid)
    possible, standing = undo.can_undo(batch), []
    if possible and request.method == "POST" and batch.entering > undo.IN_REQUEST:
        return redirect(undo.order_undo(batch, by=request.user))
    if possible and request.method == "POST":
        try:
            undo.undo_import(batch, by=request.user)
        except undo.StandsInTheWay as blocked:
            standing = blocked.obstacles
        else:
            messages.success(request, "这次导入撤销了，名册回到导入以前的样子")
            return redirect(batch)
    elif possible:
        standing = undo.obstacles(batch)
    page = Paginator(standing, PAGE).get_page(request.GET.get("page"))
    if standing:
        audit.record(
            "preview_roster", by=request.user, kind="importbatch", uid=batch, count=len(page.object_list),
            detail="撤销导入的阻碍",
        )  # fmt: skip
    return render(
        request, "registry/imports/import_undo.html", {"batch": batch, "page_obj": page, "possible": possible}
    )
