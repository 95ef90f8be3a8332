"""报表下载: ordering workbooks, and those lately ordered. Building and fetching are background work (``trust.jobs``)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from registry import access
from trust.models import Job

from .. import exports as exporting
from ..forms.exports import FORMS

NOTES = {
    "register": "一个孩子一行，能直接打印，也能改好再导回来。",
    "duties": "一个月里每项要求做了多少；学校的有没做到的名单，县里的只有数。",
    "assessment": "按考核细则算出系统能算的分，列出每一分的依据；排名表只有学校。",
    "screening": "各校上报的摸底数，一校一行，附三率；没有姓名。",
}
LATELY = 10


def _forms(user, bound=None):
    found = {}
    for name, form in FORMS.items():
        if access.may(user, form.act):
            found[name] = bound if bound is not None and bound.workbook == name else form(user=user)
    return found


def _page(request, forms, status=200):
    rows = [
        {"name": name, "title": exporting.WORKBOOKS[name], "note": NOTES[name], "form": form}
        for name, form in forms.items()
        if form.places and (name != "screening" or form.fields["as_of"].choices)
    ]
    lately = Job.objects.visible_to(request.user).filter(kind=exporting.JOB)[:LATELY]
    return render(request, "reports/exports/exports.html", {"rows": rows, "jobs": lately}, status=status)


@require_safe
def exports(request):
    """The workbooks this post may order, and those ordered lately."""
    forms = _forms(request.user)
    if not forms:
        raise PermissionDenied("您的岗位没有这项功能")
    return _page(request, forms)


@require_POST
def order_workbook(request):
    """Orders one workbook; its progress has a page of its own."""
    form_class = FORMS.get(request.POST.get("workbook", ""))
    if form_class is None or not access.may(request.user, form_class.act):
        raise PermissionDenied("您的岗位没有这项功能")
    form = form_class(request.POST, user=request.user)
    if form.is_valid():
        try:
            job = exporting.order_workbook(
                form.order(), by=request.user, submission=form.cleaned_data["submission"]
            )
        except ValidationError as error:
            # A field that this reader's form does not show: the words still have to be seen.
            for name, messages in error.message_dict.items():
                form.add_error(name if name in form.fields else None, messages)
        else:
            return redirect(job)
    return _page(request, _forms(request.user, bound=form), status=422)
