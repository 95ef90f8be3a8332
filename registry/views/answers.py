"""How a page of settings asks and answers: one form, one verb, errors at their fields, conflicts shown, then on."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from trust.models import VersionConflict

form_view = require_http_methods(["GET", "HEAD", "POST"])
SCOPE_FIELDS = {"school_class", "school", "grade", "center", "district", "county"}


def add_errors(form, error):
    """Errors of a verb at the fields they speak of; the place of a post is one field here."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        if name not in form.fields and name in SCOPE_FIELDS and "scope" in form.fields:
            name = "scope"
        form.add_error(name if name in form.fields else None, errors)


def show_conflict(form, conflict):
    """Somebody else saved since the form was opened: say what stands there now; pressing again saves this form."""
    stored, said = conflict.current, []
    for name in form.fields:
        if name == "version" or not hasattr(stored, name):
            continue
        mine, other = form.cleaned_data.get(name), getattr(stored, name)
        if mine != other:
            shown = "没填" if other in (None, "") else {True: "是", False: "否"}.get(other, other)
            get_display = getattr(stored, f"get_{name}_display", None)
            said.append(f"{form.fields[name].label}：{get_display() if get_display else shown}")
    now = "，现在是“" + "；".join(said) + "”" if said else ""
    form.add_error(None, f"您打开这一页以后，别人改过这一条{now}。下面是您填的，核对好再保存一次")
    form.data = form.data.copy()
    form.data["version"] = stored.version


def answer_form(
    request,
    form,
    save,
    *,
    title,
    back,
    done="",
    act="保存",
    note="",
    template="",
    shows_conflict=True,
    **context,
):
    """Show a form, or save and go on to ``done`` (a URL, or a function that gives one), else back.

    ``save(cleaned_data)`` returns the sentence to say. Without ``shows_conflict`` a VersionConflict is the caller's to show.
    """
    if request.method == "POST" and form.is_valid():
        try:
            said = save(form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        except IntegrityError:  # somebody else saved the same fact in between
            form.add_error(None, "刚才别人也改了这里，请先看一下现在的情况")
        except VersionConflict as conflict:
            if not shows_conflict:
                raise
            show_conflict(form, conflict)
        else:
            messages.success(request, said or "保存好了")
            return redirect((done() if callable(done) else done) or back)
    page = {
        "form": form,
        "title": title,
        "back_url": back,
        "act": act,
        "note": note,
        "danger": False,
        **context,
    }
    return render(request, template or "registry/settings_form.html", page)
