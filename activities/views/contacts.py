"""记一笔: logging a contact from a phone, and one contact's own pages. Thin doors to ``activities.contacts``."""

import hashlib
import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods, require_safe

from registry import access
from registry.access import Act
from registry.models import SchoolClass, Staff
from trust import audit, drafts
from trust.models import VersionConflict

from .. import contact_sheets, contacts, excuses
from ..choosing import choices_for, last_time, phones_of
from ..contacts import CHANNELS, SubmissionMismatch
from ..forms.contacts import FORMS, CancelForm, MeetingForm
from ..ledger import Ledger
from ..models import Channel, Contact, ContactKind, DutyRule, Party, State, party_codes, party_set

form_view = require_http_methods(["GET", "HEAD", "POST"])

# The buttons of the first step: kind, channel, words, hint. 联系 and 见面 are one kind by two roads.
BUTTONS = [
    ("talk", "", "谈心", "和孩子说说话"),
    ("home_visit", "", "家访", "到家里去"),
    ("guardian_contact", "", "联系", "给家长打电话、发消息"),
    ("guardian_contact", "in_person", "见面", "家长到学校，或路上遇见"),
    ("family_call", "", "亲情电话", "帮孩子和爸妈通话"),
    ("letter", "", "书信", "孩子和爸妈通信"),
]


# --- one new entry ---------------------------------------------------------------------------------------------------


@form_view
def contact_new(request):
    """Step 1: which kind; step 2: the form, with child, kind, today and the last way already set."""
    access.require(request.user, Act.LOG_CONTACTS)
    asked = request.POST if request.method == "POST" else request.GET
    kind, in_person = asked.get("kind", ""), asked.get("channel") == Channel.IN_PERSON
    chosen = _children(request.user, asked.getlist("child"))
    if kind not in FORMS:
        return _choose_kind(request, chosen)
    form_class = MeetingForm if kind == ContactKind.GUARDIAN_CONTACT and in_person else FORMS[kind]
    phones = phones_of(request.user, chosen) if "phone" in form_class.base_fields else []
    settings = {
        "staff_options": _colleagues(request.user),
        "own_staff": access.staff_of(request.user),
        "phones": [(str(phone.uid), words) for phone, words, _ in phones],
    }
    if request.method != "POST":
        initial, remembered = _preset(request, form_class, chosen)
        form = form_class(initial=initial, **settings)
        return _show_form(request, form, chosen, remembered=remembered)
    form = form_class(request.POST, **settings)
    valid = form.is_valid()
    if not chosen:
        form.add_error(None, "请选孩子，再保存。写的字都还在")
        valid = False
    if valid:
        values = form.values()
        values["phone"], owner = _phone(phones, form.cleaned_data.get("phone"))
        values["parties"] = values["parties"] or owner
        try:
            rows = contacts.log_contacts(
                children=chosen, submission=form.cleaned_data["submission"], by=request.user, **values
            )
        except SubmissionMismatch:
            return _mismatch(request, form.cleaned_data["submission"])
        except ValidationError as error:
            _take_over(form, error)
        else:
            _forget_draft(request)
            return _saved(request, rows)
    return _show_form(request, form, chosen)


def _children(user, uids):
    """The children named, in the order given; one that the user may not know = 404."""
    wanted = []
    for text in dict.fromkeys(uids):
        try:
            wanted.append(uuid.UUID(text))
        except ValueError:
            raise Http404 from None
    if len(wanted) > contacts.MANY:
        raise Http404
    found = contacts.children_to_log(user).filter(uid__in=wanted).select_related("county")
    found = {child.uid: child for child in found} if wanted else {}
    if len(found) != len(wanted):
        raise Http404
    return [found[one] for one in wanted]


def _colleagues(user):
    return list(Staff.objects.visible_to(user).filter(left_on=None).by_name())


def _choose_kind(request, chosen):
    kept = [("child", str(child.uid)) for child in chosen]
    kept += [(name, request.GET[name]) for name in ("day", "next", "class") if request.GET.get(name)]
    buttons = []
    for kind, channel, words, hint in BUTTONS:
        query = [("kind", kind), *([("channel", channel)] if channel else []), *kept]
        buttons.append(
            {"kind": kind, "words": words, "hint": hint, "url": f"{request.path}?{urlencode(query)}"}
        )
    return render(request, "activities/contacts/choose_kind.html", {"buttons": buttons, "chosen": chosen})


def _preset(request, form_class, chosen):
    """(initial values, whether the way is taken from last time)."""
    kind = form_class.kind
    if form_class is MeetingForm:
        allowed = [Channel.IN_PERSON.value]
    else:
        allowed = [one.value for one in CHANNELS[kind]]
        if kind == ContactKind.GUARDIAN_CONTACT:
            allowed.remove(Channel.IN_PERSON.value)
    channel, place, parties = last_time(request.user, kind, chosen, allowed)
    if kind == ContactKind.HOME_VISIT:  # where the child lives, not where the last child lived
        channel, place = None, chosen[0].village if chosen else ""
    asked = request.GET.get("channel")
    way = asked if asked in allowed else channel or allowed[0]
    initial = {"channel": way, "submission": uuid.uuid4(), "place": place}
    if request.GET.get("day"):
        initial["day"] = request.GET["day"]
    if parties:
        initial["parties"] = [code for code in party_codes(parties) if code in form_class.party_codes]
    elif kind == ContactKind.HOME_VISIT:
        initial["parties"] = ["child", "guardian"]
    return initial, channel is not None and way == channel


def _show_form(request, form, chosen, *, remembered=False, status=200):
    school_class = None
    if not chosen and request.GET.get("class"):
        school_class = _class_or_404(request)
    kind = form.kind.value
    title = "见面" if isinstance(form, MeetingForm) else form.kind.label
    choices = choices_for(request.user, chosen, school_class=school_class)
    offered = len(chosen) + len(choices.offers) + sum(len(group.children) for group in choices.groups)
    audit.record("list_children", by=request.user, kind="child", count=offered, detail=f"记一笔 {title}")
    context = {
        "form": form,
        "kind": kind,
        "meeting": isinstance(form, MeetingForm),
        "title": title,
        "choices": choices,
        "remembered": remembered,
        "way": _way(form),
        "draft_key": _draft_key(kind, chosen),
        "draft_url": _draft_url(),
        "next": _next(request),
        "change_url": _with_children(reverse("activities:contact_new"), chosen),
        "save_words": f"保存，{len(chosen)} 个孩子" if len(chosen) > 1 else "保存",
        "posted": request.method == "POST",
        "class_query": urlencode(
            [("kind", kind), *([("channel", "in_person")] if isinstance(form, MeetingForm) else [])]
            + [(name, request.GET[name]) for name in ("day", "next") if request.GET.get(name)]
        ),
    }
    return render(request, "activities/contacts/form.html", context, status=status)


def _class_or_404(request):
    try:
        uid = uuid.UUID(request.GET["class"])
    except ValueError:
        raise Http404 from None
    return get_object_or_404(SchoolClass.objects.visible_to(request.user), uid=uid)


def _way(form):
    """“当面，在谈心室”: the line in place of two fields."""
    if "channel" not in form.fields:
        said = "" if form.kind in (ContactKind.HOME_VISIT, ContactKind.LETTER) else "当面"
    else:
        said = dict(form.fields["channel"].choices).get(form["channel"].value(), "")
    place = form["place"].value()
    return "，".join(part for part in (said, f"在{place}" if place else "") if part)


def _with_children(path, chosen):
    query = urlencode([("child", str(child.uid)) for child in chosen])
    return f"{path}?{query}" if query else path


def _draft_key(kind, chosen):
    """Names the form and, unreadably, whom it is about: another child's form never gets these words."""
    about = ",".join(sorted(str(child.uid) for child in chosen))
    return f"contact:{kind}:{hashlib.sha256(about.encode()).hexdigest()[:16]}"


def _draft_url():
    try:
        return reverse("trust:draft")
    except NoReverseMatch:
        return ""


def _forget_draft(request):
    key = request.POST.get("draft_key", "")
    if key.startswith("contact:"):
        drafts.forget(request.user, key[:200])


def _phone(phones, uid):
    """(the phone named, bits of its owner)."""
    return next(((phone, owner) for phone, _, owner in phones if uid and str(phone.uid) == uid), (None, 0))


def _take_over(form, error):
    """What the floor below found wrong, under the field it belongs to."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, found in error.error_dict.items():
        form.add_error(name if name in form.fields else None, found)


def _mismatch(request, submission):
    """The same submission with other words (two tabs, an old page): nothing is changed, both are told apart."""
    first = Contact.objects.visible_to(request.user).filter(submission=submission).first()
    return render(request, "activities/contacts/mismatch.html", {"contact": first}, status=422)


def _next(request):
    """Where to go back to, if it is a page of ours."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if ours and asked.startswith("/") else ""


def _saved(request, rows):
    messages.success(request, _saved_words(rows))
    tired = _unreachable_words(rows)
    if tired:
        messages.info(request, tired)
    if rows[0].needs_report:
        return redirect("activities:contact_report", rows[0].uid)
    back = _next(request)
    if back:
        return redirect(back)
    try:
        return redirect("activities:today")
    except NoReverseMatch:
        return redirect("activities:contact_detail", rows[0].uid)


def _saved_words(rows):
    """“记上了。李小满 11月谈心已完成”, “补记好了。李小满 10月8日的谈心，隔了 43 天，算补录”."""
    first, word = rows[0], contacts.kind_word(rows[0])
    who = first.child.name if len(rows) == 1 else f"{len(rows)} 个孩子"
    if first.lag:
        said = f"补记好了。{who} {first.day.month}月{first.day.day}日的{word}"
        return f"{said}，隔了 {first.lag} 天，算补录" if first.is_late else said
    standing = _standing(first) if len(rows) == 1 else ""
    return f"记上了。{who} {standing or word}"


def _standing(contact):
    """“11月谈心已完成” by the ledger, or "" where no rule asks for it."""
    rules = DutyRule.objects.filter(county=contact.child.county, active=True, subject="child").select_related(
        "owner"
    )
    ledger = Ledger(contact.child.county, rules=[rule for rule in rules if contact.kind in rule.kinds])
    items = [item for rule in ledger.rules if (item := ledger.item_on(rule, contact.day))]
    if not items:
        return ""
    own = type(contact.child).objects.filter(pk=contact.child_id)
    duties = ledger.judge(items, children=own)
    done = [duty for duty in duties if duty.state in (State.MET, State.MET_LATE)]
    for duty in sorted(done, key=lambda duty: (duty.rule.kinds[0] != contact.kind, duty.period.days)):
        return f"{_period_word(duty.period)}{contacts.kind_word(contact)}已完成"
    return ""


def _period_word(period):
    return {
        "week": "这周的",
        "month": f"{period.start.month}月",
        "term": "这学期的",
        "quarter": "这季度的",
        "half_month": "这半个月的",
    }.get(period.per, "这一期的")


def _unreachable_words(rows):
    """After three days on which nobody answered: that this may be a case of 联系不上, and where to say so."""
    if rows[0].reached or not rows[0].parties & contacts.PARENTS:
        return ""
    for row in rows:
        days = {attempt.day for attempt in excuses.unreached_attempts(row.child)}
        if days:
            return format_html(
                '已经有 {} 天没联系上{}的父母。可以<a href="{}">报告联系不上</a>，由学校领导批准。',
                len(days),
                row.child.name,
                reverse("activities:excuse_new", args=[row.child.uid]),
            )
    return ""


# --- one contact -----------------------------------------------------------------------------------------------------


def _contact_or_404(request, uid):
    return get_object_or_404(contacts.full_rows(Contact.objects.visible_to(request.user)), uid=uid)


@require_safe
def contact_detail(request, uid):
    """One contact: what was said (for those who may read it), who entered it when, what it replaced."""
    contact = _contact_or_404(request, uid)
    sight = access.sight_of(request.user, contact.child)
    entry = contacts.entry_of(contact, request.user, sight)
    audit.record("open_contact", by=request.user, kind="contact", uid=contact.uid, child=contact.child)
    newer = Contact.objects.visible_to(request.user).filter(replaces=contact).first()
    older = Contact.objects.visible_to(request.user).filter(pk=contact.replaces_id).first()
    call = getattr(contact, "call", None)
    context = {
        "contact": contact,
        "entry": entry,
        "minutes": call.minutes if call else None,
        "newer": newer,
        "older": older,
        "may_change": contact.cancelled_at is None and contacts.may_change(request.user, contact, sight),
        "may_print": contact_sheets.may_print(request.user, contact, sight),
        "shows_report": contact.needs_report and contacts.may_see_report(request.user, contact),
        "file_url": _file_url(request.user, contact.child),
    }
    return render(request, "activities/contacts/detail.html", context)


def _file_url(user, child):
    if not contacts.child_is_visible(user, child):
        return ""
    try:
        return child.get_absolute_url()
    except NoReverseMatch:  # the file's page stands on the floor above
        return ""


@require_safe
def contact_report(request, uid):
    """需要强制报告: what to do now, in plain words. Saving was never blocked by it."""
    contact = _contact_or_404(request, uid)
    if not (contact.needs_report and contacts.may_see_report(request.user, contact)):
        raise Http404
    return render(request, "activities/contacts/report.html", {"contact": contact, "next": _next(request)})


@require_safe
def report_alarms(request):
    """The leaders' list of contacts marked 需要强制报告."""
    access.require(request.user, Act.ASSIGN_PAIRINGS)
    rows = list(contacts.report_alarms(request.user)[:100])
    audit.record("list_reports", by=request.user, kind="contact", count=len(rows))
    return render(request, "activities/contacts/report_alarms.html", {"rows": rows})


def _changeable(request, uid):
    contact = _contact_or_404(request, uid)
    if not contacts.may_change(request.user, contact, access.sight_of(request.user, contact.child)):
        raise PermissionDenied
    return contact


@form_view
def contact_correct(request, uid):
    """Correct: words stay in the same row; what rules read makes a new one and cancels this one."""
    contact = _changeable(request, uid)
    stored = contacts.values_of(contact)
    form_class = FORMS[contact.kind]
    phones = phones_of(request.user, [contact.child]) if "phone" in form_class.base_fields else []
    staff = _colleagues(request.user)
    staff += [one for one in (contact.staff, *stored["companions"]) if one not in staff]
    settings = {
        "staff_options": staff,
        "own_staff": contact.staff,
        "phones": [(str(phone.uid), words) for phone, words, _ in phones],
        "correcting": True,
    }
    initial = form_class.initial_of(stored) | {"submission": uuid.uuid4()}
    form = form_class(request.POST if request.method == "POST" else None, initial=initial, **settings)
    if "needs_report" in form.fields and not contacts.may_see_report(request.user, contact):
        del form.fields["needs_report"]
    version = contact.version
    if request.method == "POST":
        done = Contact.objects.filter(
            replaces=contact, submission=_uuid(request.POST.get("submission"))
        ).first()
        if done:
            return redirect("activities:contact_detail", done.uid)
        if contact.cancelled_at:
            messages.info(request, "这一条已经作废，没有再改。")
            return redirect("activities:contact_detail", contact.uid)
        if form.is_valid():
            values = _asked_only(form, stored)
            if "phone" in form.fields:
                values["phone"], owner = _phone(phones, form.cleaned_data["phone"])
                values["parties"] = values["parties"] or owner
            try:
                new = contacts.correct_contact(
                    contact,
                    expected_version=_number(request.POST.get("version")),
                    submission=form.cleaned_data["submission"],
                    by=request.user,
                    **values,
                )
            except VersionConflict as conflict:
                return _conflict(request, contact, conflict.current, form, values)
            except ValidationError as error:
                _take_over(form, error)
            else:
                _forget_draft(request)
                messages.success(request, _corrected_words(contact, new))
                return redirect("activities:contact_detail", new.uid)
    elif contact.cancelled_at:
        return redirect("activities:contact_detail", contact.uid)
    else:
        audit.record(
            "open_contact",
            by=request.user,
            kind="contact",
            uid=contact.uid,
            child=contact.child,
            detail="更正",
        )
    return _show_correction(request, contact, form, version)


def _asked_only(form, stored):
    """The values of fields the form shows; what it does not ask about stays as it is."""
    values = {
        name: value for name, value in form.values().items() if name in form.fields or name in ("visit",)
    }
    if "parties" in values:
        asked = int(party_set(form.party_codes))
        values["parties"] = (values["parties"] & asked) | (stored["parties"] & ~asked)
    return values


def _corrected_words(contact, new):
    if new.pk == contact.pk:
        return "改好了。"
    return "改好了。原来那条作废，换成了这一条，登记时间从现在算。"


def _show_correction(request, contact, form, version, *, differences=(), status=200):
    context = {
        "form": form,
        "contact": contact,
        "version": version,
        "differences": differences,
        "title": contacts.kind_word(contact),
        "way": _way(form),
    }
    return render(request, "activities/contacts/correct.html", context, status=status)


def _conflict(request, contact, current, form, values):
    """Somebody saved in between: both values, field by field; saving again with the new version is a decision."""
    current = contacts.full_rows(Contact.objects.visible_to(request.user)).get(pk=current.pk)
    if current.cancelled_at:
        messages.warning(
            request, "您改的时候，别人已经把这一条作废或换掉了。您写的没有保存，请看现在的样子。"
        )
        newer = Contact.objects.visible_to(request.user).filter(replaces=current).first()
        return redirect("activities:contact_detail", (newer or current).uid)
    stored = contacts.values_of(current)
    differences = []
    for name, mine in values.items():
        flat = mine.items() if isinstance(mine, dict) else [(name, mine)]
        for part, value in flat:
            now = stored["visit"][part] if isinstance(mine, dict) else stored.get(part)
            if name != "phone" and value != now:
                label = form.fields[part].label if part in form.fields else part
                differences.append((label, _said(part, value), _said(part, now)))
    return _show_correction(request, current, form, current.version, differences=differences, status=409)


def _said(name, value):
    if name == "parties":
        return "、".join(Party(bit).label for bit in Party if value & bit)
    if name in ("reached", "needs_report"):
        return "是" if value else "否"
    if isinstance(value, (tuple, list)):
        return "、".join(str(one) for one in value)
    return getattr(value, "label", value) or "没填"


def _number(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        return 0


def _uuid(text):
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


@form_view
def contact_cancel(request, uid):
    """Cancel with a reason; asked once more on this page."""
    contact = _changeable(request, uid)
    back = reverse("activities:contact_detail", args=[contact.uid])
    if contact.cancelled_at:
        messages.info(request, "这一条早就作废了。")
        return redirect(back)
    form = CancelForm(request.POST or None, initial={"version": contact.version})
    if request.method == "POST" and form.is_valid():
        try:
            contacts.cancel_contact(
                contact,
                reason=form.cleaned_data["reason"],
                expected_version=form.cleaned_data["version"],
                by=request.user,
            )
        except VersionConflict:
            messages.warning(request, "刚才别人改过这一条，还没有作废。请看过再定。")
        else:
            messages.success(request, "作废了。不再算数，原来的字还在。")
        return redirect(back)
    context = {
        "question": f"把 {contact.day.month}月{contact.day.day}日这条{contacts.kind_word(contact)}作废？",
        "text": "作废后不再算数，原来的字会留着。",
        "act": "作废这一条",
        "cancel": "先不作废",
        "danger": True,
        "back_url": back,
        "form": form,
    }
    return render(request, "confirm.html", context)
