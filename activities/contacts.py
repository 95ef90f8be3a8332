"""Contacts: logging them (one child, siblings, many), correcting, cancelling; and the child's story (timeline).

One form makes one row per child under one ``submission``. What rules read (day, child, kind, channel, parties, adults,
reached) is never rewritten: a correction of it cancels the row and enters a new one at that moment.
"""

import uuid
from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Min, Prefetch
from django.urls import reverse
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from registry import access
from registry.access import Act, Words
from registry.models import ActivityCenter, Child, Enrollment, Kinship, Staff
from registry.together import together
from trust import audit, outbox
from trust.models import VersionConflict

from .guardian_attendance import attended_by_family, once_per_activity
from .models import (
    PARTY_CODES,
    Activity,
    Attendance,
    CallDetail,
    Channel,
    Contact,
    ContactKind,
    ContactStaff,
    Party,
    VisitDetail,
    lag_days,
    party_codes,
    party_set,
)

audit.name_actions(
    log_contact="登记关爱记录",
    correct_contact="更正关爱记录",
    cancel_contact="作废关爱记录",
    open_contact="查看关爱记录",
    list_reports="查看强制报告提醒",
    report_alarm="强制报告提醒",
)
audit.name_kinds(contact="关爱记录")

PARENTS = Party.FATHER | Party.MOTHER
FAMILY = PARENTS | Party.GUARDIAN
MANY = 80  # children in one submission

CHANNELS = {
    ContactKind.TALK: (Channel.IN_PERSON, Channel.PHONE, Channel.VIDEO),
    ContactKind.HOME_VISIT: (Channel.IN_PERSON,),
    ContactKind.GUARDIAN_CONTACT: (
        Channel.PHONE,
        Channel.VIDEO,
        Channel.MESSAGE,
        Channel.LETTER,
        Channel.IN_PERSON,
    ),
    ContactKind.FAMILY_CALL: (Channel.PHONE, Channel.VIDEO),
    ContactKind.LETTER: (Channel.LETTER,),
}
# Parties of which one at least belongs to a contact of that kind, and what to say when none is there.
PARTIES = {
    ContactKind.TALK: (Party.CHILD, "谈心是和孩子谈"),
    ContactKind.HOME_VISIT: (Party.CHILD | FAMILY, "请选见到了谁；家里没人，选本来要见的人"),
    ContactKind.GUARDIAN_CONTACT: (FAMILY, "请选联系的是谁"),
    ContactKind.FAMILY_CALL: (PARENTS, "请选和爸爸还是妈妈通的话"),
    ContactKind.LETTER: (PARENTS, "请选和爸爸还是妈妈通的信"),
}
READ_BY_RULES = ("child", "kind", "day", "channel", "parties", "reached", "staff", "companions")
VISIT_FIELDS = ("living", "care", "needs", "agreed")
PLAIN_FIELDS = ("at", "words", "effect", "next_on", "place", "needs_report")
REPLACED = "更正，换成了新的一条"


class SubmissionMismatch(Exception):
    """The same submission arrived again with other content: nothing is changed (422)."""


# --- who may ---------------------------------------------------------------------------------------------------------


def children_to_log(user):
    """Children about whom ``user`` may log: those known by name at least (the act itself: ``Act.LOG_CONTACTS``)."""
    return Child.objects.named_to(user)


def had_part(user, contact):
    """Whether the user took part in the contact or typed it. Uses the prefetched ``adults``."""
    staff = access.staff_of(user)
    return contact.recorded_by_id == user.pk or (
        staff is not None
        and (contact.staff_id == staff.pk or any(row.staff_id == staff.pk for row in contact.adults.all()))
    )


def may_read_words(user, contact, sight, *, printed=False):
    """Whether the words are shown: all, one's own, or (archivist) as printed on forms; others see date and kind."""
    if sight.words == Words.ALL or (sight.words == Words.PRINTED and printed):
        return True
    return had_part(user, contact)


def may_change(user, contact, sight):
    """Correcting and cancelling: those who took part or typed it, and those who read every word about the child."""
    return access.may(user, Act.LOG_CONTACTS) and (sight.words == Words.ALL or had_part(user, contact))


def may_see_report(user, contact):
    """Whether 需要强制报告 is shown: the reporter, and the school's leaders; nobody else."""
    return had_part(user, contact) or (
        contact.school_id is not None and access.may(user, Act.ASSIGN_PAIRINGS, school=contact.school)
    )


# --- logging ---------------------------------------------------------------------------------------------------------


def log_contacts(
    *,
    children,
    kind,
    day,
    parties,
    by,
    channel=Channel.IN_PERSON,
    reached=True,
    staff=None,
    companions=(),
    at=None,
    words="",
    effect="",
    next_on=None,
    place="",
    needs_report=False,
    visit=None,
    minutes=None,
    phone=None,
    submission=None,
    written_at=None,
    now=None,
):
    """Logs one contact for each child and returns the rows. ``parties``: codes (child, father, mother, guardian) or bits.

    ``staff`` is whoever did it (default: the account's own staff member), ``companions`` others who took part. ``visit``
    holds living, care, needs, agreed. The same ``submission`` again returns the rows of the first time; with other
    content it raises SubmissionMismatch. ``written_at`` is a phone's own clock: kept, never judged.
    """
    now = now or timezone.now()
    values = _settled(
        kind=kind,
        day=day,
        channel=channel,
        parties=parties,
        reached=reached,
        staff=staff or access.staff_of(by),
        companions=companions,
        at=at,
        words=words,
        effect=effect,
        next_on=next_on,
        place=place,
        needs_report=needs_report,
        visit=visit,
        minutes=minutes,
        phone=phone,
    )
    children = list({child.pk: child for child in children}.values())
    submission = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            again = _logged_before(submission, children, values)
            if again is not None:
                return again
            contacts = _write(children, values, by=by, submission=submission, now=now, written_at=written_at)
            for contact in contacts:
                audit.record(
                    "log_contact",
                    by=by,
                    kind="contact",
                    uid=contact.uid,
                    child=contact.child,
                    detail=contact.get_kind_display(),
                )
            _alarm(contacts)
    except IntegrityError:  # the same submission, at the same moment, in another process
        again = _logged_before(submission, children, values)
        if again is None:
            raise
        return again
    return contacts


def _settled(**values):
    """Values in the form in which they are compared and stored."""
    parties = values["parties"]
    try:
        values["parties"] = int(parties) if isinstance(parties, int) else int(party_set(parties))
        values["kind"], values["channel"] = ContactKind(values["kind"]), Channel(values["channel"])
    except (KeyError, ValueError):
        raise ValidationError("这条记录的类别、方式或对象看不懂，请重新选") from None
    for name in ("words", "effect", "place"):
        values[name] = (values[name] or "").strip()
    staff = values["staff"]
    values["companions"] = tuple(
        sorted({one for one in values["companions"] if one != staff}, key=lambda one: one.pk)
    )
    visit = values.pop("visit", None) or {}
    unknown = set(visit) - set(VISIT_FIELDS)
    if unknown:
        raise TypeError(f"no such visit fields: {sorted(unknown)}")
    values["visit"] = {name: (visit.get(name) or "").strip() for name in VISIT_FIELDS}
    return values


def _check(children, values, *, now):
    """Raises ValidationError with Chinese words; returns {child's id: id of its school on the day}."""
    kind, day, wrong = values["kind"], values["day"], {}
    today = timezone.localtime(now).date()
    if not children:
        wrong["child"] = "请选孩子"
    elif len(children) > MANY:
        wrong["child"] = f"一次最多记 {MANY} 个孩子，请分几次记"
    if values["staff"] is None:
        wrong["staff"] = "请选是谁做的"
    if values["channel"] not in CHANNELS[kind]:
        wrong["channel"] = f"{kind.label}没有“{values['channel'].label}”这种方式，请重新选"
    fitting, advice = PARTIES[kind]
    if not values["parties"] & fitting:
        wrong["parties"] = advice
    if day is None:
        wrong["day"] = "请选哪一天"
    elif day > today:
        wrong["day"] = "日期不能晚于今天"
    wrong |= _wrong_words(values)
    if wrong:
        raise ValidationError(wrong)
    ids = [child.pk for child in children]
    enrollments = Enrollment.objects.valid().filter(child__in=ids).order_by()
    first_days = dict(enrollments.values_list("child").annotate(Min("starts_on")))
    for child in children:
        first = first_days.get(child.pk)
        if first is None or day < first:
            since = f"{first.month}月{first.day}日才来" if first else "还没有登记在校"
            raise ValidationError({"day": f"{child.name}{since}，这一天还不能记"})
    phone = values["phone"]
    if phone is not None and not Kinship.objects.filter(child__in=ids, guardian=phone.guardian_id).exists():
        raise ValidationError({"phone": "这个号码不是这家的，请重新选"})
    return dict(Enrollment.objects.on(day).filter(child__in=ids).order_by().values_list("child", "school"))


def _wrong_words(values):
    wrong = {}
    if values["next_on"] and values["day"] and values["next_on"] <= values["day"]:
        wrong["next_on"] = "下次跟进要在这一天之后"
    if len(values["place"]) > 60:
        wrong["place"] = f"地点最多 60 个字，这里有 {len(values['place'])} 个"
    return wrong


def _write(children, values, *, by, submission, now, written_at=None, replaces=None):
    schools = _check(children, values, now=now)
    contacts = [
        Contact(
            child=child,
            kind=values["kind"],
            day=values["day"],
            channel=values["channel"],
            parties=values["parties"],
            reached=values["reached"],
            staff=values["staff"],
            school_id=schools.get(child.pk),
            submission=submission,
            recorded_by=by,
            recorded_at=now,
            written_at=written_at,
            lag=lag_days(values["day"], now),
            replaces=replaces,
            **{name: values[name] for name in PLAIN_FIELDS},
        )
        for child in children
    ]
    contacts = bulk_create_with_history(contacts, Contact, default_user=by, default_date=now)
    adults = (values["staff"], *values["companions"])
    ContactStaff.objects.bulk_create(
        [ContactStaff(contact=contact, staff=one) for contact in contacts for one in adults]
    )
    if any(values["visit"].values()):
        bulk_create_with_history(
            [VisitDetail(contact=contact, **values["visit"]) for contact in contacts],
            VisitDetail,
            default_user=by,
            default_date=now,
        )
    phone = values["phone"]
    if values["minutes"] is not None or phone is not None:
        details = [
            CallDetail(contact=contact, minutes=values["minutes"], phone_uid=phone and phone.uid)
            for contact in contacts
        ]
        bulk_create_with_history(details, CallDetail, default_user=by, default_date=now)
    if phone is not None and values["reached"]:
        _answered(phone, values["day"])
    return contacts


def _answered(phone, day):
    """The number answered: it comes first from now on and is no longer taken for a wrong one."""
    if phone.last_answered_on is not None and phone.last_answered_on >= day:
        return
    phone.last_answered_on = day
    if phone.wrong_since is not None and phone.wrong_since <= day:
        phone.wrong_since = None
    phone.save(update_fields=["last_answered_on", "wrong_since"])


def _logged_before(submission, children, values):
    """The rows of this submission if it came before with the same content; None if it is new."""
    rows = list(
        Contact.objects.filter(submission=submission)
        .select_related("child", "staff", "visit", "call")
        .prefetch_related("adults__staff")
        .order_by("pk")
    )
    if not rows:
        return None
    wanted = _content(values)
    same = {row.child_id for row in rows} == {child.pk for child in children}
    for row in rows:
        stored = _content(values_of(row))
        # Words corrected since then do not make the first sending another one.
        names = READ_BY_RULES[1:] if row.version > 1 else stored.keys()
        same = same and all(stored[name] == wanted[name] for name in names)
    if not same:
        raise SubmissionMismatch
    return rows


def _content(values):
    phone = values.get("phone")
    plain = {name: value for name, value in values.items() if name not in ("child", "phone")}
    return plain | {"phone_uid": values.get("phone_uid") or (phone and phone.uid)}


def values_of(contact):
    """What a contact says, by the names that ``log_contacts`` and ``correct_contact`` take."""
    visit, call = getattr(contact, "visit", None), getattr(contact, "call", None)
    adults = [row.staff for row in contact.adults.all() if row.staff_id != contact.staff_id]
    return {
        "child": contact.child,
        "kind": ContactKind(contact.kind),
        "day": contact.day,
        "channel": Channel(contact.channel),
        "parties": contact.parties,
        "reached": contact.reached,
        "staff": contact.staff,
        "companions": tuple(sorted(adults, key=lambda one: one.pk)),
        **{name: getattr(contact, name) for name in PLAIN_FIELDS},
        "visit": {name: getattr(visit, name) if visit else "" for name in VISIT_FIELDS},
        "minutes": call.minutes if call else None,
        "phone_uid": call.phone_uid if call else None,
    }


# --- correcting and cancelling ---------------------------------------------------------------------------------------


def correct_contact(contact, *, expected_version, by, submission=None, reason="", now=None, **changes):
    """Corrects a contact and returns the row that counts now: the same one (words), or the new one (what rules read).

    ``changes`` take the names of ``log_contacts`` and ``child``. Raises VersionConflict if somebody saved since
    ``expected_version``. The same ``submission`` again returns the row of the first time.
    """
    now = now or timezone.now()
    with transaction.atomic():
        if submission is not None:
            again = Contact.objects.filter(submission=submission, replaces=contact).first()
            if again is not None:
                return again
        before = values_of(contact)
        phone_uid = before.pop("phone_uid")
        unknown = set(changes) - set(before) - {"phone"}
        if unknown:
            raise TypeError(f"no such fields: {sorted(unknown)}")
        child = changes.pop("child", before["child"])
        phone_given, phone = "phone" in changes, changes.pop("phone", None)
        after = _settled(**{**before, **changes, "phone": phone}) | {"child": child}
        if not phone_given:
            after["phone_uid"] = phone_uid
        else:
            after["phone_uid"] = phone and phone.uid
        before["phone_uid"] = phone_uid
        if contact.cancelled_at:
            raise ValidationError("这一条已经作废，不能再改")
        changed = [name for name in before if before[name] != after[name]]
        if not changed:
            return contact
        if set(changed) & set(READ_BY_RULES):
            result = _replace(contact, after, expected_version, by, submission, reason, now)
        else:
            result = _reword(contact, after, changed, expected_version)
        audit.record(
            "correct_contact",
            by=by,
            kind="contact",
            uid=result.uid,
            child=result.child,
            fields=changed,
            reason=reason,
            detail="换成新的一条" if result.pk != contact.pk else "改字",
        )
        if result.needs_report and not before["needs_report"]:
            _alarm([result])
    return result


def _replace(contact, after, expected_version, by, submission, reason, now):
    contact.cancelled_at, contact.cancelled_by = now, by
    contact.cancel_reason = (reason or REPLACED)[:200]
    contact.save_version(expected_version)
    new = _write(
        [after["child"]],
        after,
        by=by,
        submission=submission or uuid.uuid4(),
        now=now,
        written_at=contact.written_at,
        replaces=contact,
    )[0]
    if after["phone"] is None and after["phone_uid"] is not None:
        CallDetail.objects.update_or_create(contact=new, defaults={"phone_uid": after["phone_uid"]})
    return new


def _reword(contact, after, changed, expected_version):
    wrong = _wrong_words(after)
    if wrong:
        raise ValidationError(wrong)
    for name in PLAIN_FIELDS:
        setattr(contact, name, after[name])
    contact.save_version(expected_version)
    if "visit" in changed:
        visit = getattr(contact, "visit", None) or VisitDetail(contact=contact)
        for name, value in after["visit"].items():
            setattr(visit, name, value)
        visit.save()
    if "minutes" in changed or "phone_uid" in changed:
        call = getattr(contact, "call", None) or CallDetail(contact=contact)
        call.minutes, call.phone_uid = after["minutes"], after["phone_uid"]
        call.save()
    if after["phone"] is not None and contact.reached:
        _answered(after["phone"], contact.day)
    return contact


def cancel_contact(contact, *, reason, by, expected_version=None, now=None):
    """Cancels a contact: it no longer counts, and stays to be read. Returns False if it was cancelled already."""
    reason = (reason or "").strip()
    if not reason:
        raise ValidationError({"reason": "作废要写原因"})
    if len(reason) > 200:
        raise ValidationError({"reason": f"原因最多 200 个字，这里有 {len(reason)} 个"})
    if contact.cancelled_at:
        return False
    with transaction.atomic():
        contact.cancelled_at, contact.cancelled_by = now or timezone.now(), by
        contact.cancel_reason = reason
        contact.save_version(contact.version if expected_version is None else expected_version)
        audit.record("cancel_contact", by=by, kind="contact", uid=contact.uid, child=contact.child)
    return True


# --- mandatory reports (强制报告) -----------------------------------------------------------------------------------


def _alarm(contacts):
    """Tells the leaders, by ids only, that somebody thinks a mandatory report is needed. Never blocks saving."""
    for contact in contacts:
        if contact.needs_report:
            outbox.send(
                "mandatory_report_needed",
                {"contact": str(contact.uid), "child": str(contact.child.uid)},
                key=f"mandatory_report:{contact.uid}",
            )


@outbox.handler("mandatory_report_needed")
def raise_report_alarm(payload, key):
    """Puts the alarm into the trail, by the system; leaders find it on their list (``report_alarms``)."""
    audit.record("report_alarm", by=None, kind="contact", uid=payload["contact"], child=payload["child"])


def report_alarms(user):
    """Contacts marked 需要强制报告 at the schools whose leading group the user belongs to, the newest first."""
    schools = access.schools_for(user, Act.ASSIGN_PAIRINGS).values("pk")
    return (
        Contact.objects.visible_to(user)
        .valid()
        .filter(needs_report=True, school__in=schools)
        .select_related("child", "staff", "school")
        .order_by("-recorded_at", "-pk")
    )


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One line of a child's story."""

    kind: str
    title: str
    day: date
    who: str
    how: str
    url: str = ""
    words: str = ""
    effect: str = ""
    parts: tuple = ()  # (label, text) of a home visit
    next_on: date | None = None
    words_hidden: bool = False
    reached: bool = True
    late: bool = False
    cancelled: bool = False
    present: bool = True
    order: tuple = field(default=(), compare=False)


WITH_ADULTS = Prefetch("adults", queryset=ContactStaff.objects.select_related("staff").order_by("pk"))


def with_details(queryset):
    """Contacts with the rows beside them, in one query."""
    return queryset.select_related("child", "staff", "school", "visit", "call", "recorded_by", "cancelled_by")


def full_rows(queryset):
    """Contacts with what a page about them needs, in a constant number of queries."""
    return with_details(queryset).prefetch_related(WITH_ADULTS)


def timeline(child, user, limit=30, *, enrollment=None, sight=None):
    """The child's story, the newest first: contacts and activities attended, with the words this reader may read.

    Replaced rows are left out (the new row links to them), cancelled ones stay and say so. Constant queries; pass
    ``sight`` (or the enrollment in force) if the page knows it already.
    """
    sight = sight or access.sight_of(user, child, enrollment)
    rows = Contact.objects.visible_to(user).filter(child=child, replaced_by=None)
    contacts = list(with_details(rows).order_by("-day", "-pk")[:limit])
    attended = Attendance.objects.none()
    if child_is_visible(user, child):
        attended = attended_by_family([child.pk], limit)
    adults = ContactStaff.objects.filter(contact__in=contacts)
    events = Activity.objects.filter(pk__in=attended.values("activity"))
    adults, people, attended, events, centers = together(
        adults,
        Staff.objects.filter(pk__in=adults.order_by().values("staff")),
        attended,
        events,
        ActivityCenter.objects.filter(pk__in=events.order_by().values("center")),
    )
    people = {person.pk: person for person in people}
    events = {event.pk: event for event in events}
    centers = {center.pk: center for center in centers}
    by_contact = {contact.pk: [] for contact in contacts}
    for adult in adults:
        adult.staff = people[adult.staff_id]
        by_contact[adult.contact_id].append(adult)
    for contact in contacts:
        known = contact.adults.all()
        known._result_cache = by_contact[contact.pk]  # as ``prefetch_related`` leaves it
        contact._prefetched_objects_cache = {"adults": known}
    entries = [entry_of(contact, user, sight) for contact in contacts]
    for row in once_per_activity(attended):
        event = events[row.activity_id]
        center = centers.get(event.center_id)
        entries.append(
            Entry(
                kind="activity",
                title=event.title,
                day=row.day,
                who="",
                how=(center.name if center else event.get_kind_display())
                + ("，家长来了" if row.guardian_id else ""),
                present=row.present,
                order=(row.day, 0, row.pk),
            )
        )
    return sorted(entries, key=lambda entry: entry.order, reverse=True)[:limit]


def child_is_visible(user, child):
    """Whether the file is open to the reader (a name alone shows no attendance)."""
    if getattr(child, "file_open", False):  # its loader asked already
        return True
    return Child.objects.visible_to(user).filter(pk=child.pk).exists()


def entry_of(contact, user, sight):
    """A contact as one line of the story."""
    readable = may_read_words(user, contact, sight)
    visit = getattr(contact, "visit", None)
    parts = ()
    if readable and visit is not None:
        named = [
            (VisitDetail._meta.get_field(name).verbose_name, getattr(visit, name)) for name in VISIT_FIELDS
        ]
        parts = tuple((label, text) for label, text in named if text)
    return Entry(
        kind=contact.kind,
        title=kind_word(contact),
        day=contact.day,
        who="、".join(row.staff.name for row in contact.adults.all()) or contact.staff.name,
        how=how_word(contact),
        url=reverse("activities:contact_detail", args=[contact.uid]),
        words=contact.words if readable else "",
        effect=contact.effect if readable else "",
        parts=parts,
        next_on=contact.next_on if readable else None,
        words_hidden=not readable,
        reached=contact.reached,
        late=contact.is_late,
        cancelled=contact.cancelled_at is not None,
        order=(contact.day, 1, contact.pk),
    )


def kind_word(contact):
    """谈心, 家访, 联系家长 or 见家长 (the same kind, in person), 亲情电话, 书信."""
    if contact.kind == ContactKind.GUARDIAN_CONTACT and contact.channel == Channel.IN_PERSON:
        return "见家长"
    return contact.get_kind_display()


def how_word(contact):
    """“当面，在谈心室”, “电话，妈妈，没联系上”."""
    said = []
    if contact.kind not in (ContactKind.HOME_VISIT, ContactKind.LETTER):
        said.append(contact.get_channel_display())
    if contact.place:
        said.append(f"在{contact.place}")
    others = contact.parties & ~Party.CHILD if contact.kind != ContactKind.HOME_VISIT else contact.parties
    words = "、".join(Party(PARTY_CODES[code]).label for code in party_codes(others))
    if words:
        said.append(f"见到{words}" if contact.kind == ContactKind.HOME_VISIT and contact.reached else words)
    if not contact.reached:
        said.append("家里没人" if contact.kind == ContactKind.HOME_VISIT else "没联系上")
    return "，".join(said)


__all__ = [
    "CHANNELS",
    "Entry",
    "SubmissionMismatch",
    "VersionConflict",
    "cancel_contact",
    "children_to_log",
    "correct_contact",
    "log_contacts",
    "report_alarms",
    "timeline",
]
