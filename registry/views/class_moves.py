"""分班: several children of a class (or of none) move to another class of the school in one step, with a preview."""

from datetime import date

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from trust import audit

from .. import access, class_moves
from ..access import Act
from ..forms.fields import DayField
from ..models import Child, Enrollment, School, SchoolClass
from .children import form_view


class SplitForm(forms.Form):
    """Which class, from which day."""

    school_class = forms.ChoiceField(label="调到哪个班", error_messages={"required": "请选班级"})
    starts_on = DayField(label="从哪天起", help_text="原来的班到前一天为止", initial=timezone.localdate)

    def __init__(self, *args, classes, **kwargs):
        super().__init__(*args, **kwargs)
        self.known = {str(one.uid): one for one in classes}
        self.fields["school_class"].choices = [
            ("", "请选择"), *((uid, one.name_on(max(timezone.localdate(), first_day_of(one)))) for uid, one in self.known.items())
        ]  # fmt: skip

    def clean_school_class(self):
        return self.known[self.cleaned_data["school_class"]]


def first_day_of(school_class):
    """The day from which the class has a grade: 1 September of its entry year."""
    return date(school_class.entry_year, 9, 1)


@form_view
def class_split(request, uid):
    """Of one class."""
    found = get_object_or_404(SchoolClass.objects.visible_to(request.user).select_related("school"), uid=uid)
    return _split(request, found.school, found)


@form_view
def unplaced_split(request, uid):
    """Of the children of a school who sit in no class yet."""
    return _split(request, get_object_or_404(School.objects.visible_to(request.user), uid=uid), None)


def _split(request, school, school_class):
    if not access.may(request.user, Act.IMPORT_ROSTER, school=school):
        raise PermissionDenied("您的岗位没有这项功能")
    today = timezone.localdate()
    seats = Enrollment.objects.valid().filter(school=school, school_class=school_class)
    seats = seats.overlapping(today, None).values("child")
    children = list(
        Child.objects.visible_to(request.user)
        .filter(pk__in=seats)
        .only("uid", "name", "name_key", "sex")
        .by_name()
    )
    classes = SchoolClass.objects.filter(school=school, ends_on__gte=today).select_related("school")
    classes = classes.exclude(pk=school_class.pk) if school_class else classes
    classes = sorted(classes, key=lambda one: (one.stage, -one.entry_year, one.number))
    posted = request.method == "POST"
    form = SplitForm(request.POST if posted else None, classes=classes)
    picked = _picked(request, children) if posted else []
    context = {
        "school": school, "school_class": school_class, "children": children, "form": form,
        "picked": picked, "picked_uids": {child.uid for child in picked}, "sure": False,
    }  # fmt: skip
    if posted and not picked:
        form.add_error(None, "请先勾选孩子")
    elif posted and form.is_valid():
        asked = form.cleaned_data
        try:
            if request.POST.get("step") == "save":
                moved = class_moves.move_to_class(
                    children=picked, school_class=asked["school_class"], starts_on=asked["starts_on"], by=request.user
                )  # fmt: skip
                messages.success(
                    request, f"{len(moved)} 个孩子{asked['starts_on']:%-m月%-d日}起在{asked['school_class']}"
                )
                return redirect(_here(school, school_class))
            _check(picked, asked)
            context |= {"sure": True, "target": asked["school_class"], "starts_on": asked["starts_on"]}
        except class_moves.CannotMove as error:
            context["blocked"] = error.children
        except ValidationError as error:
            form.add_error(None, error)
    audit.record("list_split", by=request.user, kind="school", uid=school, count=len(children))
    return render(request, "registry/class_moves/split.html", context)


def _here(school, school_class):
    if school_class:
        return reverse("registry:class_split", args=[school_class.uid])
    return reverse("registry:unplaced_split", args=[school.uid])


def _check(picked, asked):
    seats = class_moves.seats_of(picked)
    blocked = [
        (child, why)
        for child in picked
        if (why := class_moves.why_not(seats.get(child.pk), asked["school_class"], asked["starts_on"]))
    ]
    if blocked:
        raise class_moves.CannotMove(blocked)


def _picked(request, children):
    """The ticked children of the list; 404 as soon as one is not on it."""
    asked = set(request.POST.getlist("child"))
    found = [child for child in children if str(child.uid) in asked]
    if len(found) != len(asked):
        raise Http404
    return found
