"""联系卡 (F61, F62; C014–C019, C025): what stands on it, which cards in drawers are no longer true, issuing anew.

A card is not stored: kept is when it was issued, to whom, and a keyed digest of its content. The digest is taken of the
full numbers and of dates of birth, so that masking or a birthday makes no card outdated, and a new phone does.
"""

import json
import uuid
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils import timezone

from registry.models import CareListSpell, Child, Enrollment
from trust import audit, crypto

from ..models import CardIssue
from .facts import gather

audit.name_actions(issue_card="印发联系卡", list_cards="查看联系卡清单")
audit.name_kinds(contact_card="联系卡")

# F61: 所在学校、年级、班主任及科任教师要各执一份.
HOLDERS = {"school": "学校", "grade": "年级", "class_teacher": "班主任", "subject_teachers": "科任教师"}
NEVER, OUTDATED, CURRENT = "never", "outdated", "current"


def digest_of(facts):
    """A keyed fingerprint of everything the card says: equal as long as a new card would say the same."""
    child, seat = facts.child, facts.enrollment
    said = [
        [
            child.name, child.sex, child.birth_date, child.ethnic_group, child.id_number, child.household_registration,
            child.village, child.address, child.health, child.character, child.household_income,
        ],
        [seat.school_id if seat else None, facts.class_words, facts.boards],
        facts.care.type if facts.care else "",
        sorted(str(trait) for trait in facts.traits),
        [_adult(adult) for adult in sorted(facts.adults, key=lambda adult: adult.guardian.pk)],
        [_person(facts.teacher), [_person(one) for one in facts.paired]],
        facts.school.hotline if facts.school else "",
    ]  # fmt: skip
    return crypto.blind_index(json.dumps(said, default=str, ensure_ascii=False), "contact_card")


def _adult(adult):
    guardian, work, care = adult.guardian, adult.work, adult.care
    return [
        guardian.name, adult.word, guardian.birth_date, guardian.health, guardian.occupation, adult.phones, adult.state,
        [work.place, work.employer, work.address, work.trade] if work else None,
        care.lives_with if care else None,
    ]  # fmt: skip


def _person(staff):
    return [staff.name, staff.phone] if staff else None


@dataclass
class CardState:
    """One child of a class, and the card last issued for it."""

    facts: object
    digest: str
    issues: list = field(default_factory=list)  # newest first

    @property
    def child(self):
        """The child."""
        return self.facts.child

    @property
    def last(self):
        """The last issue, or None."""
        return self.issues[0] if self.issues else None

    @property
    def state(self):
        """never, outdated or current."""
        if self.last is None:
            return NEVER
        return CURRENT if self.last.digest == self.digest else OUTDATED

    @property
    def holders(self):
        """Who holds the present card, in words."""
        current = [issue for issue in self.issues if issue.digest == self.digest] or self.issues[:1]
        held = {code for issue in current for code in issue.holders}
        return "、".join(word for code, word in HOLDERS.items() if code in held)


def children_of_class(school_class, user, day):
    """Children on the care list who sit in the class and whose file the reader may open, in pinyin order."""
    seats = seats_of([school_class.pk], day)
    return list(Child.objects.visible_to(user).filter(pk__in=seats.values("child")).by_name())


def seats_of(classes, day):
    """Enrollments of children on the care list in any of ``classes``."""
    listed = CareListSpell.objects.on(day).values("child")
    return Enrollment.objects.on(day).filter(school_class__in=classes, child__in=listed)


def counts(states):
    """How many cards there are of each state: {all, never, outdated, current}."""
    found = {"all": len(states), NEVER: 0, OUTDATED: 0, CURRENT: 0}
    for state in states:
        found[state.state] += 1
    return found


def states(children, day):
    """[CardState] of ``children`` in their order; twelve statements whatever their number."""
    facts = gather(children, day)
    issues = {}
    for issue in CardIssue.objects.filter(child__in=list(facts)).order_by("-issued_at", "-pk"):
        issues.setdefault(issue.child_id, []).append(issue)
    return [
        CardState(facts[child.pk], digest_of(facts[child.pk]), issues.get(child.pk, [])) for child in children
    ]


def issued_in(submission, children):
    """Those of ``children`` whose card was issued by this press of the button."""
    uids = {_issue_uid(submission, child): child for child in children}
    found = set(CardIssue.objects.filter(uid__in=uids).values_list("uid", flat=True))
    return [child for uid, child in uids.items() if uid in found]


def issue(children, *, holders, by, submission, day=None):
    """Records that cards were printed and handed to ``holders``. The same ``submission`` again changes nothing."""
    unknown = [code for code in holders if code not in HOLDERS]
    if unknown or not holders:
        raise ValueError(f"unknown holders {unknown}")
    facts = gather(children, day or timezone.localdate())
    rows = [
        CardIssue(
            uid=_issue_uid(submission, child), child=child, issued_by=by, digest=digest_of(facts[child.pk]),
            holders=[code for code in HOLDERS if code in holders],
        )
        for child in children
    ]  # fmt: skip
    try:
        with transaction.atomic():
            if CardIssue.objects.filter(uid__in=[row.uid for row in rows]).exists():
                return []
            CardIssue.objects.bulk_create(rows)
            words = "、".join(HOLDERS[code] for code in HOLDERS if code in holders)
            audit.record_many(
                "issue_card", by=by, children=children, kind="contact_card", detail=f"持卡：{words}"
            )
    except IntegrityError:  # the same form, at the same moment, in another process
        return []
    return rows


def _issue_uid(submission, child):
    return uuid.uuid5(uuid.UUID(str(submission)), str(child.uid))
