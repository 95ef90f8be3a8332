"""致家长的一封信: when it was handed out to a class, and the letters to print."""

import uuid

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from registry import access
from registry.access import Act
from registry.models import SchoolClass
from trust import audit

from ..models import FamilyLetter
from ..printing import letters
from ..printing.cards import children_of_class

PAGE = 20


class IssueLettersForm(forms.Form):
    """One press, one handing out."""

    submission = forms.UUIDField(widget=forms.HiddenInput)


def _class_or_404(request, uid):
    found = get_object_or_404(
        SchoolClass.objects.visible_to(request.user).select_related("school__county"), uid=uid
    )
    if not access.may(request.user, Act.PRINT_FORMS, school=found.school, school_class=found):
        raise PermissionDenied("您的岗位没有这项功能")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def class_letters(request, uid):
    """How many letters there would be, when they were handed out before; the button that records and prints them."""
    school_class = _class_or_404(request, uid)
    form = IssueLettersForm(request.POST or None, initial={"submission": uuid.uuid4()})
    if request.method == "POST" and form.is_valid():
        row = letters.issue(school_class, by=request.user, submission=form.cleaned_data["submission"])
        if row is not None:
            messages.success(request, f"登记了印发 {row.count} 份，现在打印")
            return redirect("reports:print_letters", school_class.uid)
        messages.error(request, "这个班没有在册的孩子，没有可印的")
    given = FamilyLetter.objects.visible_to(request.user).filter(school_class=school_class)
    context = {
        "school_class": school_class, "form": form, "asked": letters.ASKED,
        "count": len(children_of_class(school_class, request.user, timezone.localdate())),
        "page_obj": Paginator(given.select_related("issued_by"), PAGE).get_page(request.GET.get("page")),
    }  # fmt: skip
    return render(request, "reports/print/letters.html", context, status=400 if form.errors else 200)


@require_safe
def print_letters(request, uid):
    """The letters of a class, a sheet for each family."""
    school_class, day = _class_or_404(request, uid), timezone.localdate()
    sheets = letters.sheets(school_class, request.user, day)
    audit.record(
        "print_form", by=request.user, kind="schoolclass", uid=school_class, count=len(sheets),
        detail=f"{school_class.school}{school_class} {letters.TITLE}",
    )  # fmt: skip
    context = {
        "school_class": school_class, "school": school_class.school, "sheets": sheets, "day": day, "title": letters.TITLE,
        "asked": letters.ASKED, "back_url": reverse("reports:class_letters", args=[school_class.uid]),
    }  # fmt: skip
    return render(request, "reports/print/letter_sheets.html", context)
