"""打印: the forms a post may print, the print pages, full numbers with a reason, files in the background, contact cards."""

from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from activities import contact_sheets, meetings
from activities.contacts import full_rows
from activities.models import Activity, ActivityKind, Contact
from registry import access
from registry.access import Act
from registry.models import Child, School, SchoolClass
from trust import audit

from ..forms.prints import FILE, IssueCardsForm, PrintOptionsForm
from ..printing import cards, papers, pdf, records
from ..printing.numbers import Numbers
from ..printing.papers import FORMS, Paper

SHOWN_FOR = 120  # seconds within which the page with full numbers has to be opened
NAMES = {
    ("card", Child): "print_card", ("card", SchoolClass): "print_class_cards", ("file", Child): "print_file",
    ("agreement", Child): "print_agreement", ("register", SchoolClass): "print_class_register",
    ("register", School): "print_school_register", ("pairings", SchoolClass): "print_class_pairings",
    ("pairings", School): "print_school_pairings", ("group", School): "print_group", ("duties", School): "print_duty_texts",
}  # fmt: skip
ONLY = {"": "谈心和家访", "talk": "只印谈心", "home_visit": "只印家访"}
OPTIONS = {Child: "child_print_options", SchoolClass: "class_print_options", School: "school_print_options"}


def _place_or_404(user, model, uid):
    related = {Child: ["county"], SchoolClass: ["school__county"], School: ["county"]}[model]
    return get_object_or_404(model.objects.visible_to(user).select_related(*related), uid=uid)


def print_url(paper):
    """Address of a paper's print page; None where it is made as a file only."""
    name = NAMES.get((paper.form, type(paper.place)))
    return name and reverse(f"reports:{name}", args=[paper.place.uid])


def _options_url(paper):
    if type(paper.place) not in paper.kind.pdf_places:
        return ""
    return reverse(f"reports:{OPTIONS[type(paper.place)]}", args=[paper.place.uid, paper.form])


def _back_url(paper):
    if isinstance(paper.place, Child):
        return paper.place.get_absolute_url()
    if paper.form == "group":
        return reverse("registry:leading_group", args=[paper.place.uid])
    if paper.form == "duties":
        return reverse("registry:duty_texts", args=[paper.place.uid])
    return reverse("reports:prints")


# --- full numbers, once -------------------------------------------------------------------------------------------------


def _open_once(request, path, numbers):
    request.session["print_numbers"] = {
        "path": path, "numbers": str(numbers), "until": timezone.now().timestamp() + SHOWN_FOR,
    }  # fmt: skip


def _numbers_opened(request):
    """The numbers just asked for on this page; asking takes it, so a reload masks them again."""
    kept = request.session.pop("print_numbers", None)
    if not kept or kept["path"] != request.path or kept["until"] < timezone.now().timestamp():
        return Numbers.MASKED
    return Numbers(kept["numbers"])


# --- the print pages ----------------------------------------------------------------------------------------------------


def _print(request, model, uid, form):
    place = _place_or_404(request.user, model, uid)
    paper = Paper(form, place, by_class=request.GET.get("by") == "class")
    papers.require(paper, request.user)
    if form == "card" and "issued" in request.GET and model is SchoolClass:
        paper = replace(paper, only=_issued(request, place))
    shown = replace(paper, numbers=_numbers_opened(request))
    context = papers.context_of(shown, request.user)
    # With full numbers the entry with its reason was written when they were asked for.
    papers.record(paper, by=request.user, children=context["children"])
    note = "用 A4 纸横放" if form == "register" else "用 A4 纸"
    if shown.numbers != Numbers.MASKED:
        note += "；完整号码只显示这一次，现在就打印"
    ways = []
    if form == "pairings":
        ways = [("?by=teacher", "按教师", not paper.by_class), ("?by=class", "按班级", paper.by_class)]
    context |= {
        "back_url": _back_url(paper), "options_url": _options_url(paper), "note": note, "ways": ways,
        "said": messages.get_messages(request),
    }  # fmt: skip
    return render(request, "reports/print/page.html", context)


def _issued(request, school_class):
    day = timezone.localdate()
    children = cards.children_of_class(school_class, request.user, day)
    try:
        return tuple(child.uid for child in cards.issued_in(request.GET["issued"], children))
    except ValueError:
        raise Http404 from None


@require_safe
def print_child(request, uid, form):
    """联系卡, 一人一档 or 委托照护协议 of one child."""
    return _print(request, Child, uid, form)


@require_safe
def print_class(request, uid, form):
    """Contact cards, register or pairings of a class."""
    return _print(request, SchoolClass, uid, form)


@require_safe
def print_school(request, uid, form):
    """Register, pairings, leading group or duties of a school."""
    return _print(request, School, uid, form)


# --- records of talks and visits, minutes -------------------------------------------------------------------------------


def _sheets(request, paper, **more):
    context = papers.context_of(paper, request.user)
    plain = {"note": "用 A4 纸", "ways": [], "options_url": "", "said": messages.get_messages(request)}
    return render(request, "reports/print/page.html", context | plain | more)


@require_safe
def print_contact(request, uid):
    """谈心记录 or 家访记录: the sheet of one contact."""
    found = Contact.objects.visible_to(request.user).valid().filter(kind__in=contact_sheets.KINDS)
    contact = get_object_or_404(full_rows(found), uid=uid)
    child = contact.child
    sight = access.sight_of(request.user, child)
    if not contact_sheets.may_print(request.user, contact, sight):
        raise PermissionDenied("您的岗位没有这项功能")
    audit.record(
        "print_child", by=request.user, kind="contact", uid=contact, child=child,
        detail=f"{contact.get_kind_display()}记录",
    )  # fmt: skip
    family = contact_sheets.may_print_of(request.user, child)
    sheets = records.sheets(child, found.filter(pk=contact.pk), request.user, sight, family=family)
    paper = Paper("records", child, sheets=tuple(sheets))
    return _sheets(request, paper, back_url=reverse("activities:contact_detail", args=[contact.uid]))


@require_safe
def print_records(request, uid):
    """谈心记录 and 家访记录 of a child, a sheet each, term by term."""
    child = _place_or_404(request.user, Child, uid)
    paper = Paper("records", child)
    papers.require(paper, request.user)
    terms = records.terms_of(child, request.user)
    wanted = request.GET.get("term") or (terms[0][0] if terms else "")
    term = next((one for one in terms if one[0] == wanted), None)
    kind = request.GET.get("kind", "")
    if (terms and term is None) or kind not in ONLY:
        raise Http404
    chosen = records.records_of(child, request.user)
    if term is not None:
        chosen = records.in_term(chosen, term[2], term[3])
    chosen = chosen.filter(kind=kind) if kind else chosen
    papers.record(paper, by=request.user, children=[child])
    ways = [(f"?term={code}&kind={kind}", words, code == wanted) for code, words, *_ in terms]
    if terms:
        ways += [(f"?term={wanted}&kind={code}", words, code == kind) for code, words in ONLY.items()]
    sheets = records.sheets(child, chosen, request.user, access.sight_of(request.user, child), family=True)
    return _sheets(
        request, replace(paper, sheets=tuple(sheets)), back_url=child.get_absolute_url(), ways=ways
    )


@require_safe
def print_minutes(request, uid):
    """领导小组会议记录 on paper, to be signed."""
    found = Activity.objects.visible_to(request.user).valid().filter(kind=ActivityKind.GROUP_MEETING)
    meeting = get_object_or_404(found.select_related("school__county", "recorded_by").distinct(), uid=uid)
    if not meetings.may_read(request.user, meeting.school):
        raise PermissionDenied("您的岗位没有这项功能")
    paper = Paper("minutes", meeting)
    papers.record(paper, by=request.user, children=[])
    return _sheets(request, paper, back_url=reverse("activities:meeting_detail", args=[meeting.uid]))


# --- numbers in full, files ---------------------------------------------------------------------------------------------


def _options(request, model, uid, form):
    place = _place_or_404(request.user, model, uid)
    if form not in FORMS or model not in FORMS[form].pdf_places:
        raise Http404
    paper = Paper(form, place, by_class=request.GET.get("by") == "class")
    papers.require(paper, request.user)
    page_url = print_url(paper)
    asked = PrintOptionsForm(request.POST or None)
    if request.method == "POST" and asked.is_valid():
        data = asked.cleaned_data
        chosen = replace(paper, numbers=data["numbers"])
        try:
            if data["way"] == FILE or page_url is None:
                job = pdf.order(
                    chosen, by=request.user, purpose=data["purpose"], reason=data["reason"],
                    submission=data["submission"],
                )  # fmt: skip
                return redirect(job)
            children = papers.children_of(chosen, request.user)
            papers.check(chosen, user=request.user, reason=data["reason"], rows=len(children))
        except ValidationError as error:
            _take_over(asked, error)
        else:
            if chosen.numbers != Numbers.MASKED:
                papers.record(chosen, by=request.user, children=children, reason=data["reason"].strip())
                _open_once(request, page_url, chosen.numbers)
            return redirect(page_url)
    context = {
        "form": asked, "paper": paper, "page_url": page_url, "back_url": page_url or reverse("reports:prints"),
        "pdf": pdf.available(), "missing": pdf.MISSING,
    }  # fmt: skip
    return render(request, "reports/print/options.html", context, status=422 if asked.errors else 200)


def _take_over(form, error):
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


@require_http_methods(["GET", "HEAD", "POST"])
def child_print_options(request, uid, form):
    """Numbers in full, or a file, for one child's form."""
    return _options(request, Child, uid, form)


@require_http_methods(["GET", "HEAD", "POST"])
def class_print_options(request, uid, form):
    """Numbers in full, or a file, for a class's form."""
    return _options(request, SchoolClass, uid, form)


@require_http_methods(["GET", "HEAD", "POST"])
def school_print_options(request, uid, form):
    """Numbers in full, or a file, for a school's form."""
    return _options(request, School, uid, form)


# --- what there is to print ---------------------------------------------------------------------------------------------


@require_safe
def prints(request):
    """打印: class by class the forms and how many contact cards wait to be issued; one school at a time."""
    user, day = request.user, timezone.localdate()
    access.require(user, Act.PRINT_FORMS)
    classes = access.classes_for(user, Act.PRINT_FORMS).running_on(day).select_related("school__county")
    found = sorted(classes, key=lambda one: (one.school.code, one.grade_on(day), one.number))
    whole = {
        school.pk: school for school in access.schools_whole(user, Act.PRINT_FORMS).select_related("county")
    }
    schools = sorted(
        {one.pk: one for one in [*whole.values(), *(c.school for c in found)]}.values(), key=lambda s: s.code
    )
    school = _chosen(request, schools)
    here = [one for one in found if school and one.school_id == school.pk]
    seats = cards.seats_of([one.pk for one in here], day).values("child")
    states = cards.states(list(Child.objects.visible_to(user).filter(pk__in=seats).by_name()), day)
    by_class = {one.pk: [] for one in here}
    for state in states:
        by_class[state.facts.school_class.pk].append(state)
    rows = [(one, cards.counts(by_class[one.pk])) for one in here]
    audit.record("open_prints", by=user, kind="school", uid=school, count=len(states))
    context = {
        "school": school, "schools": schools, "rows": rows, "whole": school is not None and school.pk in whole,
        "total": cards.counts(states), "pdf": pdf.available(),
    }  # fmt: skip
    return render(request, "reports/print/prints.html", context)


def _chosen(request, schools):
    wanted = request.GET.get("school")
    if not wanted:
        return schools[0] if schools else None
    found = next((school for school in schools if str(school.uid) == wanted), None)
    if found is None:
        raise Http404
    return found


# --- contact cards ------------------------------------------------------------------------------------------------------


def _class_for_cards(request, uid):
    school_class = _place_or_404(request.user, SchoolClass, uid)
    paper = Paper("card", school_class)
    papers.require(paper, request.user)
    return school_class, paper


def _cards_page(request, school_class, form, status=200):
    day = timezone.localdate()
    states = cards.states(cards.children_of_class(school_class, request.user, day), day)
    picked = set(form.data.getlist("child")) if form.is_bound else None
    for state in states:
        state.picked = state.state != cards.CURRENT if picked is None else str(state.child.uid) in picked
    audit.record("list_cards", by=request.user, kind="schoolclass", uid=school_class, count=len(states))
    context = {
        "school_class": school_class, "school": school_class.school, "states": states, "form": form,
        "counts": cards.counts(states),
    }  # fmt: skip
    return render(request, "reports/print/cards.html", context, status=status)


@require_safe
def class_cards(request, uid):
    """联系卡 of a class: which are true, which have to be printed anew, who holds them."""
    school_class, _ = _class_for_cards(request, uid)
    return _cards_page(request, school_class, IssueCardsForm(children=Child.objects.none()))


@require_POST
def cards_issue(request, uid):
    """Records the ticked cards as issued and opens them for printing."""
    school_class, paper = _class_for_cards(request, uid)
    day = timezone.localdate()
    here = cards.children_of_class(school_class, request.user, day)
    offered = Child.objects.visible_to(request.user).filter(pk__in=[child.pk for child in here])
    form = IssueCardsForm(request.POST, children=offered)
    if not form.is_valid():
        return _cards_page(request, school_class, form, status=422)
    data = form.cleaned_data
    chosen = [child for child in here if child in set(data["child"])]
    paper = replace(paper, numbers=data["numbers"])
    try:
        papers.check(paper, user=request.user, reason=data["reason"], rows=len(chosen))
    except ValidationError as error:
        _take_over(form, error)
        return _cards_page(request, school_class, form, status=422)
    if cards.issue(chosen, holders=data["holders"], by=request.user, submission=data["submission"], day=day):
        messages.success(request, f"登记了印发 {len(chosen)} 张，现在打印")
    path = print_url(paper)
    if paper.numbers != Numbers.MASKED:
        papers.record(paper, by=request.user, children=chosen, reason=data["reason"].strip())
        _open_once(request, path, paper.numbers)
    return redirect(f"{path}?issued={data['submission']}")
