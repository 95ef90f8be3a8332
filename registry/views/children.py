"""Pages of children: list, search, entering, correcting; one page per fact. Thin doors to ``registry.children``."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Case, F, FilteredRelation, IntegerField, Q, Value, When
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from trust import audit
from trust.masking import mask_id_number, mask_phone
from trust.models import VersionConflict

from .. import (
    access,
    agreements,
    alarms,
    child_history,
    children,
    completeness,
    definitions,
    doubles,
    families,
    search,
    stated_reasons,
)
from ..access import Act, Show
from ..forms.children import (
    AddChildForm,
    AnswerForm,
    BasicsForm,
    CareListForm,
    ChildFilter,
    LastDayForm,
    LeaveForm,
    OffListForm,
    PlaceForm,
    ReasonForm,
    ReviewForm,
    SearchForm,
    StateReasonForm,
    TraitForm,
)
from ..models import (
    ALARM_TRAITS,
    AdultCondition,
    AwayType,
    CareAgreement,
    CareListSpell,
    Child,
    Demand,
    Enrollment,
    Guardianship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    School,
    SchoolClass,
    Stage,
    StatedReason,
    Trait,
    TraitKind,
)
from ..together import together
from . import answers
from .answers import add_errors

PAGE = 20
SHOWN_FOR = 60  # seconds a revealed value waits to be shown once
form_view = require_http_methods(["GET", "HEAD", "POST"])


# --- what every page of one child begins with ------------------------------------------------------------------------


def child_or_404(request, uid, *, names=False):
    """The child if the reader may open its file (``names``: know its name), else 404."""
    reach = Child.objects.named_to(request.user) if names else Child.objects.visible_to(request.user)
    child = get_object_or_404(reach.select_related("county"), uid=uid)
    load_seats(child)
    return child


def load_seats(child):
    """One query: ``child.seats`` (all enrollments, newest first), ``sits`` (today's or None), ``seat`` (that or the last)."""
    today = timezone.localdate()
    child.seats = list(
        child.enrollments.select_related("school", "school_class__school").order_by("-starts_on", "-pk")
    )
    begun = [seat for seat in child.seats if seat.cancelled_at is None and seat.starts_on <= today]
    child.sits = next((seat for seat in begun if _sits(seat, today)), None)
    child.seat = child.sits or next(iter(begun), None)


def _sits(seat, day):
    return seat.in_force_on(day) and (seat.school_class is None or seat.school_class.ends_on >= day)


def may_edit(user, child):
    """Whether ``user`` may change this child's facts; ``child.seat`` is loaded."""
    seat = child.seat
    return seat is not None and access.may(
        user, Act.EDIT_CHILDREN, school=seat.school, school_class=seat.school_class
    )


def editable_or_404(request, uid):
    """The child whose facts the page changes: 404 for a foreign one, 403 without the function."""
    child = child_or_404(request, uid)
    if not may_edit(request.user, child):
        raise PermissionDenied("您的岗位没有这项功能")
    return child


def facts_url(child):
    """The page with all facts of the child."""
    return reverse("registry:child_facts", args=[child.uid])


def answer_form(request, form, save, *, template="form.html", **page):
    """``answers.answer_form`` on a page about a child, which shows both values of a conflict by itself."""
    return answers.answer_form(
        request, form, save, template=f"registry/children/{template}", shows_conflict=False, **page
    )


# --- the list --------------------------------------------------------------------------------------------------------


@require_safe
def child_list(request):
    """孩子: cards on a phone, a table on a desktop; names only for those who may know no more."""
    user = request.user
    if not access.may_list_children(user):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    posts = access.posts_of(user)
    today = timezone.localdate()
    file_open = Child.objects.visible_to(user)
    # The villages are asked of whoever has none too, so their answer also says whether any file is open at all.
    villages = list(file_open.order_by("village").values_list("village", flat=True).distinct()[:201])
    sees_files = bool(villages)
    filter_form = _filter_form(request, [village for village in villages if village], not sees_files)
    shown, said = _filtered(user, file_open, filter_form, today)
    paginator = Paginator(_in_class_order(shown, request.GET.get("sort", ""), today), PAGE)
    page = paginator.get_page(request.GET.get("page"))
    rows = _rows(page.object_list, file_open, today)
    audit.record(
        "list_children", by=user, kind="child", count=len(rows), detail=f"{said}，第 {page.number} 页"
    )
    openable = access.may(user, Act.STATE_REASON)
    context = {
        "page_obj": page,
        "rows": rows,
        "shows_phones": access.calls_by_name(user),
        "several_schools": len({row["school_name"] for row in rows}) > 1,
        "filter_form": filter_form,
        "said": said,
        "today": today,
        "definition": posts[0].staff.county.definition if posts else "",
        "sees_files": sees_files,
        "may_add": access.may(user, Act.EDIT_CHILDREN),
        "may_merge": access.may(user, Act.IMPORT_ROSTER),
        "may_see_leavers": access.may(user, Act.KEEP_LEAVERS),
        "must_state_reason": openable,
        "alarms": alarms.open_alarms(user).count() if sees_files else 0,
        "reasons": _open_reasons(user) if openable else [],
        "filtered": any(request.GET.get(name) for name in ("show", "place", "type", "village", "boarding")),
    }
    return render(request, "registry/children/list.html", context)


def _open_reasons(user):
    rows = (
        StatedReason.objects.open()
        .of_schools()
        .filter(user=user)
        .select_related("school")
        .order_by("expires_at")
    )
    return [
        f"{row.school}的名单打开到 {timezone.localtime(row.expires_at):%H:%M}，用途：{row.reason}"
        for row in rows
    ]


def _filter_form(request, villages, names_only):
    user = request.user
    schools = list(School.objects.filter(pk__in=_schools_with_children(user)).order_by("code"))
    classes = list(
        SchoolClass.objects.filter(school__in=schools).running_on(timezone.localdate()).order_by("number")
    )
    by_pk = {school.pk: school for school in schools}
    for one in classes:
        one.school = by_pk[one.school_id]
    order = [Stage.KINDERGARTEN, Stage.PRIMARY, Stage.JUNIOR]
    own = {p.school_class_id for p in access.posts_of(user) if p.school_class_id}
    if own and not any(p.school_class_id is None and p.school_id for p in access.posts_of(user)):
        classes = [c for c in classes if c.pk in own]
    classes.sort(key=lambda c: (order.index(c.stage), -c.entry_year, c.number))
    return ChildFilter(
        request.GET, classes=classes, schools=schools, villages=villages, names_only=names_only
    )


def _schools_with_children(user):
    """Schools of the posts inside schools, and those whose names a stated reason has opened."""
    ids = {post.school_id for post in access.posts_of(user) if post.school_id}
    opened = StatedReason.objects.open().of_schools().filter(user=user).values("school")
    return School.objects.filter(Q(pk__in=ids) | Q(managing_school__in=ids) | Q(pk__in=opened)).values("pk")


def _filtered(user, file_open, form, today):
    """The children asked for, and the filter in words. Anything but the class asks for the file."""
    asked = form.cleaned_data if form.is_valid() else {}
    show = asked.get("show", "")
    narrower = any(asked.get(name) for name in ("type", "village", "boarding")) or show
    base = file_open if narrower else Child.objects.named_to(user)
    seated = Enrollment.objects.on(today)
    listed = CareListSpell.objects.on(today)
    traits = Trait.objects.on(today)
    said = [dict(ChildFilter.SHOWS)[show]]
    if show == "left":
        found = base.exclude(pk__in=seated.values("child"))
    elif show == "off":
        found = base.filter(pk__in=seated.values("child")).exclude(pk__in=listed.values("child"))
    else:
        found = base.filter(Q(pk__in=seated.values("child")), Q(pk__in=listed.values("child")))
        if show == "priority":
            found = found.filter(pk__in=traits.filter(kind=TraitKind.PRIORITY).values("child"))
        elif show == "alarm":
            found = base.filter(pk__in=traits.filter(kind__in=ALARM_TRAITS).values("child"))
        elif show == "questions":
            found = base.filter(pk__in=OpenQuestion.objects.filter(answered_at=None).values("child"))
        elif show == "incomplete":
            found = completeness.lacking(found)
    place, _, place_uid = asked.get("place", "").partition(":")
    if place:
        key = {"class": "school_class__uid", "none": "school__uid", "school": "school__uid"}[place]
        there = seated.filter(**{key: place_uid})
        there = there.filter(school_class=None) if place == "none" else there
        found = found.filter(pk__in=there.values("child"))
        said.append(_choice_words(form, "place"))
    if asked.get("type"):
        found = found.filter(pk__in=listed.filter(type=asked["type"]).values("child"))
        said.append(AwayType(asked["type"]).label)
    if asked.get("village"):
        found = found.filter(village=asked["village"])
        said.append(asked["village"])
    if asked.get("boarding"):
        boards = Q(pk__in=traits.filter(kind=TraitKind.BOARDING).values("child"))
        found = found.filter(boards if asked["boarding"] == "yes" else ~boards)
        said.append("住校" if asked["boarding"] == "yes" else "不住校")
    return found, "，".join(said)


def _choice_words(form, name):
    chosen = form.cleaned_data[name]
    for key, words in form.fields[name].choices:
        if isinstance(words, (list, tuple)):
            for inner, word in words:
                if inner == chosen:
                    return word if inner.startswith("school:") else f"{key}{word}"
        elif key == chosen:
            return words
    return ""


SORTS = {"name": ["name_key"], "age": ["birth_date"], "village": ["village", "name_key"], "class": []}


def _in_class_order(shown, sort, today):
    """Lowest grade first, then pinyin; or by one column."""
    down = sort.startswith("-")
    key = sort.removeprefix("-")
    if key in SORTS and key != "class":
        if key == "age":
            birth = F("birth_date").asc(nulls_last=True) if down else F("birth_date").desc(nulls_last=True)
            return shown.order_by(birth, "name_key", "pk")
        first, *rest = SORTS[key]
        return shown.order_by(f"-{first}" if down else first, *rest, "pk")
    rank = Case(
        When(sitting__school_class__stage=Stage.KINDERGARTEN, then=Value(0)),
        When(sitting__school_class__stage=Stage.PRIMARY, then=Value(1)),
        When(sitting__school_class__stage=Stage.JUNIOR, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    in_force = Q(enrollments__cancelled_at=None, enrollments__starts_on__lte=today) & (
        Q(enrollments__ends_on=None) | Q(enrollments__ends_on__gte=today)
    )
    order = [
        "sitting__school__code",
        rank,
        "-sitting__school_class__entry_year",
        "sitting__school_class__number",
    ]
    if down:
        order = ["-sitting__school__code", rank.desc(), "sitting__school_class__entry_year",
                 "-sitting__school_class__number"]  # fmt: skip
    return shown.alias(sitting=FilteredRelation("enrollments", condition=in_force)).order_by(
        *order, "name_key", "pk"
    )


def _rows(page_children, file_open, today):
    """What one page shows of its children, with a fixed number of queries."""
    page_children = list(page_children)
    pks = [child.pk for child in page_children]
    openable = set(file_open.filter(pk__in=pks).values_list("pk", flat=True))
    seats = {}
    latest = (
        Enrollment.objects.valid().filter(child__in=pks, starts_on__lte=today).order_by("starts_on", "pk")
    )
    for seat in latest.select_related("school", "school_class__school"):
        seats[seat.child_id] = seat
    listed, marked, cares, kinships, open_questions = together(
        CareListSpell.objects.on(today).filter(child__in=openable),
        Trait.objects.on(today).filter(child__in=openable),
        Guardianship.objects.on(today).filter(child__in=openable),
        Kinship.objects.filter(child__in=openable),
        OpenQuestion.objects.filter(child__in=openable, answered_at=None),
    )
    types = {spell.child_id: spell.get_type_display() for spell in listed}
    traits = {}
    for trait in marked:
        traits.setdefault(trait.child_id, []).append(trait)
    kin = {(kinship.child_id, kinship.guardian_id): kinship.word for kinship in kinships}
    carers = {}
    for care in cares:
        word = kin.get((care.child_id, care.guardian_id))
        if word:
            carers.setdefault(care.child_id, []).append(word)
    questions = {question.child_id for question in open_questions}
    rows = []
    for child in page_children:
        seat = seats.get(child.pk)
        row = {
            "child": child,
            "url": file_url(child),
            "openable": child.pk in openable,
            "class_name": (seat.school_class.name_on(today) if seat.school_class else "还没分班")
            if seat
            else "",
            "school_name": seat.school.name if seat else "",
            "left_on": seat.ends_on if seat and seat.ends_on and seat.ends_on < today else None,
            "type": types.get(child.pk, ""),
            "traits": traits.get(child.pk, []),
            "carers": "、".join(carers.get(child.pk, [])),
            "question": child.pk in questions,
            "age": child.age_on(today),
        }
        row["alarm"] = any(trait.kind in ALARM_TRAITS for trait in row["traits"])
        rows.append(row)
    return rows


# --- search ----------------------------------------------------------------------------------------------------------


@form_view
def child_search(request):
    """What is typed arrives by POST; what was found is kept in the session by uid and shown by GET."""
    if not access.may_list_children(request.user):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    form = SearchForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        found = search.find_children(request.user, form.cleaned_data["q"])
        if len(found.children) == 1:
            only = found.children[0]
            if Child.objects.visible_to(request.user).filter(pk=only.pk).exists():
                return redirect(file_url(only))
        request.session["found_children"] = {
            "uids": [str(child.uid) for child in found.children],
            "by": found.word,
            "more": found.more,
            "flaw": found.flaw,
        }
        return redirect("registry:child_found")
    return render(request, "registry/children/search.html", {"form": form, "searched": None})


@require_safe
def child_found(request):
    """The last search of this session, still within what the reader may see now."""
    kept = request.session.get("found_children")
    if kept is None:
        return redirect("registry:child_search")
    shown = Child.objects.named_to(request.user).filter(uid__in=kept["uids"]).by_name()
    rows = _rows(shown, Child.objects.visible_to(request.user), timezone.localdate())
    context = {"form": SearchForm(), "searched": kept, "rows": rows, "sees_files": True, "shows_phones": False,
               "several_schools": len({row["school_name"] for row in rows}) > 1}  # fmt: skip
    return render(request, "registry/children/search.html", context)


def file_url(child):
    """The child's whole file; while no floor above offers one, the page of facts."""
    try:
        return child.get_absolute_url()
    except NoReverseMatch:
        return facts_url(child)


# --- entering --------------------------------------------------------------------------------------------------------


@form_view
def child_add(request):
    """Enter a child. Who might be the same child is shown first; sending the form twice makes one child."""
    access.require(request.user, Act.EDIT_CHILDREN)
    back = reverse("registry:child_list")
    form = AddChildForm(request.POST if request.method == "POST" else None, user=request.user)
    twins, elsewhere = [], False
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        known = Child.objects.filter(uid=data["submission"]).exists()
        if not data["not_same"] and not known:
            alike = doubles.before_entry(request.user, form.draft())
            reasons = {child.pk: likeness for child, likeness in alike.seen[:5]}
            file_open = Child.objects.visible_to(request.user).filter(pk__in=reasons)
            twins = _rows([child for child, _ in alike.seen[:5]], file_open, timezone.localdate())
            for row in twins:
                row["likeness"] = reasons[row["child"].pk]
            elsewhere = alike.elsewhere
        if twins or elsewhere:
            form.ask_whether_same()
        else:
            try:
                child = children.add_child(by=request.user, **form.details())
            except ValidationError as error:
                add_errors(form, error)
            except children.AlreadyUsed:
                form.add_error(None, "这一页已经用过了，请重新打开“登记孩子”再填")
            else:
                messages.success(request, f"登记好了。{child.name} 的家里人和电话可以接着填")
                return redirect(facts_url(child))
    context = {"form": form, "twins": twins, "elsewhere": elsewhere, "back_url": back}
    return render(request, "registry/children/add.html", context)


# --- one child's facts -----------------------------------------------------------------------------------------------


@require_safe
def child_facts(request, uid):
    """资料: everything registered about a child, each with its door to change it."""
    child = child_or_404(request, uid)
    audit.record("open_child", by=request.user, kind="child", uid=child, child=child)
    context = facts_context(request.user, child)
    whole = file_url(child)
    context["file_url"] = whole if whole != request.path else ""
    return render(request, "registry/children/facts.html", context)


def facts_context(user, child):
    """What ``_basics.html`` and ``_family.html`` read (see the comments at their top), and the rest of the page.

    ``child`` comes from ``child_or_404`` (or has gone through ``load_seats``).
    """
    sight = access.sight_of(user, child, child.seat)
    family = families.family_of(child)
    today = timezone.localdate()
    spells = list(child.care_list_spells.order_by("-starts_on"))
    listed = next((spell for spell in spells if spell.in_force_on(today)), None)
    traits = list(child.traits.order_by("-starts_on"))
    seat, sits = child.seat, child.sits is not None
    words = {adult.guardian.pk: adult.word for adult in family.adults}
    for spell in family.cares:
        spell.said = f"{words.get(spell.guardian_id, '')}照看"
    for spell in family.works:
        spell.said = f"{words[spell.guardian_id]}外出务工"
    for spell in family.conditions:
        spell.said = f"{words[spell.guardian_id]}{spell}"
    for spell in family.agreements:
        spell.said = f"委托{words.get(spell.guardian_id, '')}照护的协议"
        spell.carer = next((a for a in family.adults if a.guardian.pk == spell.guardian_id), None)
        spell.warns = spell.ends_on is not None and spell.ends_on - today <= agreements.WARN_DAYS
    questions, wishes = together(
        OpenQuestion.objects.filter(child=child, answered_at=None), Demand.objects.filter(child=child)
    )
    return {
        "child": child,
        "seat": seat,
        "sits": sits,
        "sight": sight,
        "shows_phone": sight.phone != Show.NO,
        "shows_address": sight.phone == Show.CALL,
        "reveals_address": sight.phone == Show.MASKED,
        "shows_id_number": sight.id_number != Show.NO,
        "id_number": mask_id_number(child.id_number),
        "may_edit": may_edit(user, child),
        "family": family,
        "siblings": families.siblings_of(child, user),
        "listed": listed,
        "care_list_spells": spells,
        "traits": [trait for trait in traits if trait.in_force_on(today)],
        "all_traits": traits,
        "enrollments": child.seats,
        "cares": sorted(family.cares, key=lambda spell: spell.starts_on, reverse=True),
        "works": sorted(family.works, key=lambda spell: spell.starts_on, reverse=True),
        "conditions": family.conditions[::-1],
        "agreements": [one for one in family.agreements[::-1] if one.cancelled_at is None],
        "all_agreements": family.agreements[::-1],
        "demands": sorted(wishes, key=lambda one: (one.raised_on, one.pk), reverse=True),
        "questions": questions,
        "missing": completeness.missing_of(child, family.adults, seat if sits else None, listed),
        "disagreement": definitions.disagreement(family, listed),
        "judgements": definitions.judge(family, seat if sits else None, today),
        "today": today,
    }


@require_safe
def child_changes(request, uid):
    """改动记录: old and new values, who and when."""
    child = child_or_404(request, uid)
    sight = access.sight_of(request.user, child, child.seat)
    changes = child_history.changes_of(child, families.family_of(child), sight)
    audit.record("open_child", by=request.user, kind="child", uid=child, child=child, detail="改动记录")
    page = Paginator(changes, PAGE).get_page(request.GET.get("page"))
    return render(request, "registry/children/changes.html", {"child": child, "page_obj": page})


@form_view
def child_basics(request, uid):
    """Correct what stands about a child; with somebody else's change in between both values are shown."""
    child = editable_or_404(request, uid)
    form = BasicsForm(request.POST if request.method == "POST" else None, child=child)
    title, back = f"改{child.name}的资料", facts_url(child)

    def save(data):
        children.correct_child(child, by=request.user, expected=data["version"], **form.changes())

    if request.method != "POST":
        audit.record("open_child", by=request.user, kind="child", uid=child, child=child, detail="修改资料")
    try:
        return answer_form(request, form, save, title=title, back=back)
    except VersionConflict as conflict:
        return show_conflict(
            request, form, child, conflict.current, children.BASIC_FIELDS, title=title, back=back
        )


SECRET = {"id_number": mask_id_number, "number": mask_phone}


def show_conflict(request, form, mine, stored, fields, *, title, back):
    """Somebody else saved in between: both values, field by field; nothing is lost, nothing is overwritten unasked."""
    rows = []
    for name in fields:
        one, other = getattr(mine, name), getattr(stored, name)
        if one != other:
            show = SECRET.get(name, lambda value: value)
            rows.append(
                (
                    mine._meta.get_field(name).verbose_name,
                    show(_words(mine, name)),
                    show(_words(stored, name)),
                )
            )
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in ("csrfmiddlewaretoken", "version")
    ]
    context = {"rows": rows, "kept": kept, "version": stored.version, "title": title, "back_url": back}
    return render(request, "registry/children/conflict.html", context, status=409)


def _words(row, name):
    show = getattr(row, f"get_{name}_display", None)
    value = show() if show else getattr(row, name)
    return "" if value is None else str(value)


@form_view
def child_class(request, uid):
    """Into a class, into another class, or back to school."""
    child = editable_or_404(request, uid)
    back = facts_url(child)
    now = child.enrollments.open().select_related("school").first()
    form = PlaceForm(
        request.POST if request.method == "POST" else None,
        user=request.user,
        school=now.school if now else None,
    )

    def save(data):
        school, school_class = data["place"]
        if now is None:
            children.enroll(
                child, by=request.user, school=school, school_class=school_class, starts_on=data["starts_on"]
            )
        else:
            children.change_class(
                child, by=request.user, school_class=school_class, starts_on=data["starts_on"]
            )
        return f"{child.name} 现在在{school_class.name_on() if school_class else school.name}"

    return answer_form(
        request, form, save, title=f"{child.name}调班" if now else f"{child.name}到校", back=back,
        note="现在的班到前一天为止，从这天起算新的班。" if now else "",
    )  # fmt: skip


@form_view
def child_leave(request, uid):
    """Leaves the school."""
    child = editable_or_404(request, uid)

    def save(data):
        children.leave_school(child, by=request.user, **data)
        return f"{child.name} 已登记离校"

    form = LeaveForm(request.POST if request.method == "POST" else None)
    return answer_form(
        request, form, save, title=f"{child.name}离校", back=facts_url(child), act="登记离校",
        note="档案会留着，之后到的学校可以接着登记。转到本县别的学校，不在这里办：由领导小组、档案管理员在孩子档案里点“转学”。",
    )  # fmt: skip


@form_view
def child_list_on(request, uid):
    """On the care list, or another type."""
    child = editable_or_404(request, uid)
    now = child.care_list_spells.open().first()
    form = CareListForm(
        request.POST if request.method == "POST" else None, initial={"type": now.type} if now else None
    )

    def save(data):
        children.put_on_list(child, by=request.user, **data)
        return f"{child.name} 已按“{AwayType(data['type']).label}”在册"

    return answer_form(
        request, form, save, title=f"{child.name}的留守类型" if now else f"{child.name}列入在册", back=facts_url(child),
        note="原来的类型到前一天为止。" if now else "",
    )  # fmt: skip


@form_view
def child_list_off(request, uid):
    """Off the care list."""
    child = editable_or_404(request, uid)

    def save(data):
        children.take_off_list(child, by=request.user, **data)
        return f"{child.name} 已移出在册"

    form = OffListForm(request.POST if request.method == "POST" else None)
    return answer_form(
        request, form, save, title=f"{child.name}移出在册", back=facts_url(child), act="移出在册"
    )


@form_view
def trait_add(request, uid):
    """Boarding, priority, hardship; 无人监护 and 独居 raise the alarm."""
    child = editable_or_404(request, uid)

    def save(data):
        details = data.pop("details") or [""]
        with transaction.atomic():
            traits = [children.set_trait(child, by=request.user, detail=detail, **data) for detail in details]
        said = "、".join(str(trait) for trait in traits)
        if data["kind"] in ALARM_TRAITS:
            return f"已登记{said}，并告诉学校领导小组"
        return f"已登记{said}"

    form = TraitForm(request.POST if request.method == "POST" else None)
    return answer_form(request, form, save, title=f"{child.name}的情况", back=facts_url(child))


@form_view
def trait_end(request, uid, trait_uid):
    """A trait no longer holds."""
    child = editable_or_404(request, uid)
    trait = get_object_or_404(
        Trait.objects.visible_to(request.user).valid().filter(child=child), uid=trait_uid
    )

    def save(data):
        children.end_trait(trait, by=request.user, **data)
        return f"{trait.get_kind_display()}到 {data['last_day']:%Y-%m-%d} 为止"

    form = LastDayForm(request.POST if request.method == "POST" else None)
    return answer_form(
        request, form, save, title=f"{child.name}不再{trait.get_kind_display()}", back=facts_url(child)
    )


@form_view
def trait_review(request, uid, trait_uid):
    """Looked at again: it goes on, until the next look. What is over is ended instead."""
    child = editable_or_404(request, uid)
    reach = Trait.objects.visible_to(request.user).today().filter(child=child)
    trait = get_object_or_404(reach.select_related("child"), uid=trait_uid)

    def save(data):
        children.review_trait(trait, by=request.user, **data)
        return f"{trait}复核过了，下次 {data['review_on']:%Y-%m-%d}"

    form = ReviewForm(request.POST if request.method == "POST" else None)
    return answer_form(
        request, form, save, title=f"复核{child.name}的“{trait}”", back=facts_url(child), act="还要继续",
        note="看过了、还是这样，写下次哪天再看。已经不是这样了，回资料页点“结束”。",
    )  # fmt: skip


@form_view
def question_answer(request, uid, question_uid):
    """答复待核实."""
    child = editable_or_404(request, uid)
    question = get_object_or_404(
        OpenQuestion.objects.visible_to(request.user).filter(child=child), uid=question_uid
    )

    def save(data):
        children.answer_question(question, by=request.user, **data)
        return "核实的结果记下了"

    form = AnswerForm(request.POST if request.method == "POST" else None)
    note = question.message + (f"（表上写的：{question.text}）" if question.text else "")
    return answer_form(
        request, form, save, title=f"核实{child.name}的{question.word}", back=facts_url(child), note=note
    )


SPELLS = {
    "enrollment": Enrollment,
    "care-list": CareListSpell,
    "trait": Trait,
    "care": Guardianship,
    "work": ParentWork,
    "condition": AdultCondition,
    "agreement": CareAgreement,
}
OF_ADULTS = (ParentWork, AdultCondition)


@form_view
def spell_cancel(request, uid, kind, spell_uid):
    """作废: a spell entered by mistake; it stays readable."""
    child = editable_or_404(request, uid)
    model = SPELLS.get(kind)
    if model is None:
        raise Http404
    mine = {"guardian__kinships__child": child} if model in OF_ADULTS else {"child": child}
    spell = get_object_or_404(model.objects.visible_to(request.user).filter(**mine).distinct(), uid=spell_uid)
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def save(data):
        children.cancel_spell(spell, by=request.user, reason=data["reason"], child=child)
        return "已作废，原来的内容仍可查看"

    until = f"到 {spell.ends_on:%Y-%m-%d}" if spell.ends_on else "至今"
    return answer_form(
        request, form, save, title="作废这一段？", back=facts_url(child), act="作废", danger=True,
        note=f"{child.name}：{spell._meta.verbose_name}“{spell}”，{spell.starts_on:%Y-%m-%d} 起{until}。作废后仍可查看，不再算数。",
    )  # fmt: skip


# --- values shown once -----------------------------------------------------------------------------------------------

REVEALS = {"id_number": "身份证号", "address": "现住址"}


def _show_once(request, key):
    request.session["show_once"] = {"key": key, "until": timezone.now().timestamp() + SHOWN_FOR}


def _taken(request, key):
    """Whether this value was just asked for; asking takes it, so a reload shows nothing."""
    kept = request.session.pop("show_once", None)
    return bool(kept) and kept["key"] == key and kept["until"] >= timezone.now().timestamp()


@form_view
def child_reveal(request, uid, what):
    """One value in full, with a reason; one audit entry; gone on reload."""
    child = child_or_404(request, uid)
    if what not in REVEALS:
        raise Http404
    sight = access.sight_of(request.user, child, child.seat)
    allowed = {"id_number": sight.id_number, "address": sight.phone}[what]
    if allowed == Show.NO or not getattr(child, what):
        raise PermissionDenied("您的岗位不看这一项")
    back = facts_url(child)
    key = f"{what}:{child.uid}"
    if request.method == "GET" and _taken(request, key):
        value = getattr(child, what)
        context = {"child": child, "label": REVEALS[what], "value": value, "back_url": back, "phone": False}
        return render(request, "registry/children/revealed.html", context)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    form.fields["reason"].label = "用途"

    def save(data):
        audit.record(
            "reveal",
            by=request.user,
            kind="child",
            uid=child,
            child=child,
            fields=[what],
            reason=data["reason"],
        )
        _show_once(request, key)
        return f"{REVEALS[what]}只显示这一次，查看已留下记录"

    return answer_form(
        request, form, save, title=f"查看{child.name}的{REVEALS[what]}",
        back=back, done=request.path, act="查看", note="查看会留下记录：谁、什么时候、为什么。",
    )  # fmt: skip


@require_safe
def child_phones(request, uid):
    """Whom to call, for readers of the name too (masked; each call asks and is recorded)."""
    child = child_or_404(request, uid, names=True)
    sight = access.sight_of(request.user, child, child.seat)
    if sight.phone == Show.NO:
        raise PermissionDenied("您的岗位不看家长电话")
    audit.record("open_child", by=request.user, kind="child", uid=child, child=child, detail="联系电话")
    context = {"child": child, "seat": child.seat, "family": families.family_of(child), "sight": sight}
    context["file_open"] = Child.objects.visible_to(request.user).filter(pk=child.pk).exists()
    return render(request, "registry/children/phones.html", context)


@form_view
def phone_call(request, uid, phone_uid):
    """拨打: one number in full. Carers of the child call without a word; others state the reason or the emergency."""
    child = child_or_404(request, uid, names=True)
    sight = access.sight_of(request.user, child, child.seat)
    if sight.phone == Show.NO:
        raise PermissionDenied("您的岗位不看家长电话")
    phone = get_object_or_404(
        Phone.objects.filter(guardian__kinships__child=child, ended_on=None), uid=phone_uid
    )
    kinship = get_object_or_404(Kinship, child=child, guardian=phone.guardian_id)
    back, key = reverse("registry:child_phones", args=[child.uid]), f"phone:{phone.uid}"
    if request.method == "GET" and _taken(request, key):
        context = {
            "child": child,
            "label": f"{kinship.word}的电话",
            "value": phone.number,
            "back_url": back,
            "phone": True,
        }
        return render(request, "registry/children/revealed.html", context)

    def note(reason):
        audit.record(
            "call_phone",
            by=request.user,
            kind="phone",
            uid=phone,
            child=child,
            fields=["number"],
            reason=reason,
        )
        _show_once(request, key)

    if request.method == "POST" and sight.phone == Show.CALL:
        note("联系")
        return redirect(request.path)
    if sight.phone == Show.CALL:
        return redirect(back)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    urgent = sight.phone == Show.EMERGENCY
    form.fields["reason"].label = "什么紧急情况" if urgent else "用途"

    def save(data):
        note(f"紧急：{data['reason']}" if urgent else data["reason"])
        return "号码只显示这一次，查看已留下记录"

    return answer_form(
        request, form, save, title=f"打给{child.name}的{kinship.word}", act="看号码",
        back=back, done=request.path, note="查看会留下记录：谁、什么时候、为什么。",
    )  # fmt: skip


# --- readers beyond the standing approval ----------------------------------------------------------------------------


@form_view
def stated_reason_new(request):
    """中心校、县教育局 say what for and see one school's names for two hours."""
    access.require(request.user, Act.STATE_REASON)
    reach = access.schools_for(request.user, Act.STATE_REASON)
    schools = School.objects.visible_to(request.user).filter(pk__in=reach.values("pk")).order_by("code")
    form = StateReasonForm(request.POST if request.method == "POST" else None, schools=schools)
    if request.method == "POST" and form.is_valid():
        school = form.cleaned_data["school"]
        try:
            stated_reasons.state_reason(by=request.user, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{school.name}的名单已打开两小时，用途和查看都留有记录")
            query = urlencode({"place": f"school:{school.uid}"})
            return redirect(f"{reverse('registry:child_list')}?{query}")
    context = {
        "form": form, "title": "写明用途，查看名单", "act": "打开名单两小时", "back_url": reverse("registry:child_list"),
        "note": "只打开一所学校的名单。用途会给学校组长和县里复核。",
    }  # fmt: skip
    return render(request, "registry/children/form.html", context)


@require_safe
def stated_reason_list(request):
    """Who opened which school's names, what for; looked at by somebody else."""
    user = request.user
    if not (access.may(user, Act.REVIEW_REASONS) or access.may(user, Act.STATE_REASON)):
        raise PermissionDenied("您的岗位没有这项功能")
    rows = (
        StatedReason.objects.visible_to(user)
        .select_related("user", "school", "reviewed_by")
        .order_by("-opened_at", "-pk")
    )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    reviewed = set(stated_reasons.reviewed_schools(user).values_list("pk", flat=True))
    for row in page.object_list:
        row.mine_to_review = row.reviewed_at is None and row.user_id != user.pk and row.school_id in reviewed
    context = {"page_obj": page, "may_state": access.may(user, Act.STATE_REASON)}
    return render(request, "registry/children/reasons.html", context)


@require_POST
def stated_reason_review(request, uid):
    """Looked at."""
    row = get_object_or_404(StatedReason.objects.visible_to(request.user), uid=uid)
    access.require(request.user, Act.REVIEW_REASONS, school=row.school)
    try:
        stated_reasons.review(row, by=request.user)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        messages.success(request, "复核好了")
    return redirect("registry:stated_reason_list")
