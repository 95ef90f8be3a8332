"""A year of care: pairings, contacts of every kind, the center's log, excuses."""

from datetime import timedelta

from activities.models import (
    Activity,
    ActivityKind,
    Attendance,
    CallDetail,
    Channel,
    Contact,
    ContactKind,
    ContactStaff,
    Excuse,
    Opening,
    Party,
    Subject,
    UnreachableClaim,
    VisitDetail,
    lag_days,
)
from pairing.models import EndReason, Pairing
from registry.calendar import month_end
from registry.models import PostKind, Relation, Stage, Trait, TraitKind

from . import words as pool

ONE_DAY = timedelta(days=1)
PARENT_BITS = {Relation.FATHER: Party.FATHER, Relation.MOTHER: Party.MOTHER}


def build_care(world):
    """School by school, so that a county of 20,000 children fits into memory."""
    world.reliability, world.handed_over = {}, []
    for plan in world.schools:
        if not plan.managing:
            _capacity(world, plan)
    for plan in world.schools:
        for kid in plan.children:
            _pair(world, plan, kid)
    world.flush(Pairing)
    for plan in world.schools:
        Care(world, plan).build()
        world.flush(
            Contact,
            ContactStaff,
            VisitDetail,
            CallDetail,
            Trait,
            UnreachableClaim,
            Activity,
            Attendance,
            Opening,
            Excuse,
        )
        _link_all(world)
        world.tell(f"{plan.school.name}：关爱记录 {world.counts['Contact']} 条")


def _link_all(world):
    """Corrections point at rows that must exist first; so do those who took part."""
    later = world.waiting.pop("later", [])
    for made in later:
        world.waiting.setdefault(Contact, []).append(made)
    for model, links in list(world.waiting.pop("links", {}).items()):
        rows = [model(**{key: value.pk for key, value in link.items()}) for link in links]
        model.objects.bulk_create(rows, batch_size=4000)
    world.waiting.setdefault(ContactStaff, []).extend(world.waiting.pop("later_staff", []))
    world.flush(Contact, ContactStaff)


def _link(world, model, **link):
    world.waiting.setdefault("links", {}).setdefault(model, []).append(link)


# --- pairings


def _capacity(world, plan):
    """Who may take how many (quotas 4 / 3 / 2), in an order of chance; of class teachers those of today."""
    places = [plan, plan.point] if plan.point else [plan]
    slots = {}

    def give(staff, number):
        if staff is not None and id(staff) not in slots:
            slots[id(staff)] = [number, staff]

    for place in places:
        for school_class in place.classes:
            if school_class.ends_on >= world.until:
                give(place.teacher_of(school_class, world.until - ONE_DAY), 4)
    for kind, number in ((PostKind.LEADER, 2), (PostKind.DEPUTY, 2), (PostKind.GROUP_OFFICE, 2)):
        give(plan.holders[kind], number)
    for staff in plan.members:
        give(staff, 2)
    for kind in (PostKind.COUNSELOR, PostKind.ARCHIVIST, PostKind.CENTER_MANAGER, PostKind.DUTY_TEACHER):
        give(plan.holders[kind], 2)
    left = getattr(plan, "left", (None,))[0]
    for staff in plan.staff:
        if staff is not left:
            give(staff, 3)
    plan.capacity = sorted(slots.values(), key=lambda slot: world.rng.random())
    for _, staff in plan.capacity:
        world.reliability[id(staff)] = world.rng.choice([0.99, 0.98, 0.98, 0.97, 0.96, 0.95, 0.7])
    successor = plan.left[2] if hasattr(plan, "left") else None
    for slot in plan.capacity:
        if slot[1] is successor:
            slot[0] = 2  # and two of the one who left
        elif plan is world.schools[0] and slot[1] is plan.holders[PostKind.TEACHER]:
            slot[0] = 1  # and 李小满 with her brother
        elif plan is world.schools[0] and slot[1] is plan.holders[PostKind.SUBJECT_TEACHER]:
            # One stands over the quota, so that the list of quotas has something to show.
            slot[0] = 8
    plan.capacity.sort(key=lambda slot: -slot[0])


def _take(world, head, favourite=None, stays=True):
    """Somebody with a free place, the favourite first; a tie that has ended already takes no place."""
    for slot in head.capacity:
        if slot[1] is favourite and slot[0] > 0:
            slot[0] -= stays
            return favourite
    reserved = head.holders[PostKind.TEACHER] if head is world.schools[0] else None
    for at, slot in enumerate(head.capacity):
        if slot[0] > 0 and slot[1] is not reserved:
            slot[0] -= stays
            if slot[0] < 4:
                head.capacity.append(head.capacity.pop(at))
            return slot[1]
    return world.rng.choice(head.capacity)[1]  # more children than places: over quota


def _pair(world, plan, kid):
    """A tie from the first days on to the last; a new one at a new school; a few children without."""
    if kid.situation == "without_pairing":
        return
    for spell_plan, school_class, first, last in kid.spells:
        if spell_plan is not plan:
            continue
        starts_on = first + timedelta(days=world.rng.randrange(3, 11))
        ends_on = last
        if kid.listed_to and (ends_on is None or kid.listed_to < ends_on):
            ends_on = kid.listed_to
        if starts_on >= world.until or (ends_on and starts_on > ends_on):
            continue
        head = plan.head
        wish = None
        if school_class is getattr(world, "demo_class", 0):
            wish = world.rng.choice(
                [head.holders[PostKind.CLASS_TEACHER], head.holders[PostKind.TEACHER], None]
            )
        elif school_class is not None and world.chance(0.4):
            wish = plan.teacher_of(school_class, min(world.until, school_class.ends_on))
        if kid.family is getattr(world, "look_family", 0):
            _tie(world, kid, head.holders[PostKind.TEACHER], starts_on, ends_on)
            continue
        if ends_on is None and _with_one_who_left(world, head, kid, starts_on):
            continue
        reason = ""
        if ends_on:
            listed_still = kid.listed_to is None or kid.listed_to > ends_on
            reason = EndReason.CHILD_LEFT if listed_still or kid.listed_to == last else EndReason.OFF_LIST
        staff = _take(world, head, wish, stays=ends_on is None)
        if _from_one_who_left(world, head, staff, starts_on, ends_on):
            _hand_over(world, kid, head.left[0], staff, starts_on, head.left[1])
        else:
            _tie(world, kid, staff, starts_on, ends_on, reason)


def _with_one_who_left(world, head, kid, starts_on):
    """Three children were with the teacher who was transferred; two went to the successor, one waits."""
    teacher_left = getattr(head, "left", None)
    if teacher_left is None or starts_on >= teacher_left[1] - 20 * ONE_DAY:
        return False
    waiting = getattr(head, "left_children", 3)
    if not waiting or not world.chance(0.1) or kid.situation:
        return False
    head.left_children = waiting - 1
    gone, on, successor = teacher_left
    if waiting > 1:
        _hand_over(world, kid, gone, successor, starts_on, on)
    else:
        _tie(world, kid, gone, starts_on, on - ONE_DAY, EndReason.STAFF_LEFT)
    return True


def _from_one_who_left(world, head, staff, starts_on, ends_on):
    """One child of the demo class teacher came from the teacher who was transferred."""
    if head is not world.schools[0] or staff is not head.holders[PostKind.CLASS_TEACHER] or ends_on:
        return False
    early = hasattr(head, "left") and starts_on < head.left[1] - 20 * ONE_DAY
    return early and not any(successor is staff for _, _, successor, _ in world.handed_over)


def _hand_over(world, kid, gone, successor, first, on):
    """The tie goes from one teacher to the next on the day ``on``."""
    _tie(world, kid, gone, first, on - ONE_DAY, EndReason.STAFF_LEFT)
    _tie(world, kid, successor, on, None)
    world.handed_over.append((kid, gone, successor, on))


def _tie(world, kid, staff, first, last, reason=""):
    recorded_at = world.known(world.moment(first, 9, 400))
    world.add(
        Pairing(
            child=kid.child, staff=staff, starts_on=first, ends_on=last, end_reason=reason, recorded_at=recorded_at,
            recorded_by=staff.user,
        ),
        changed_at=recorded_at,
    )  # fmt: skip
    kid.pairings.append((first, last, staff))


# --- contacts


class Care:
    """One school's year."""

    def __init__(self, world, plan):
        self.world, self.plan, self.rng, self.words = world, plan, world.rng, world.words

    def build(self):
        """Contacts of its children, then its center and its classes."""
        world, plan = self.world, self.plan
        families = dict.fromkeys(kid.family for kid in plan.children)
        for number, kid in enumerate(plan.children):
            self.situation(kid)
            # 今日 of the demo class teacher always has something on it.
            in_demo_class = kid.spells[-1][1] is getattr(world, "demo_class", 0)
            kid.waits_for_talk = in_demo_class and (kid.child.name == "李小满" or number % 5 == 2)
        for month in world.month_list():
            days = world.school_days(month)
            if not days:
                self.holiday(month)
                continue
            for kid in plan.children:
                self.talk(kid, days, month)
                self.guardian_contact(kid, days, month)
            for family in families:
                self.family_call(family, days, month)
        for first, last in world.calendar.terms:
            for kid in plan.children:
                self.visit(kid, first, last)
                self.letter(kid, first, last)
        if plan.center:
            self.center(
                plan.center,
                plan.holders[PostKind.CENTER_MANAGER],
                plan.holders[PostKind.DUTY_TEACHER],
                (1, 3),
            )
        if plan is world.schools[0]:
            self.center(world.township_center, world.township_manager, None, (5,))
        self.meetings()
        self.excuses()

    # Helpers

    def here(self, kid, day):
        """The class while the child is at this school that day; False when it is not."""
        found = kid.spell_on(day)
        return False if found is None or found[0] is not self.plan else found[1]

    def quality(self, school_class):
        """How reliably a class records."""
        return self.plan.quality.get(id(school_class), 0.9)

    def lag(self, quality):
        """Days until it is entered; classes that are behind also enter late."""
        draw = self.rng.random()
        if draw < 0.68:
            return 0
        if draw < 0.9:
            return self.rng.randrange(1, 4)
        if draw < 0.9 + 0.07 * quality:
            return self.rng.randrange(4, 15)
        return self.rng.randrange(15, 30)

    def contact(
        self,
        kid,
        kind,
        day,
        staff,
        *,
        channel,
        parties,
        words,
        reached=True,
        others=(),
        submission=None,
        **more,
    ):
        """One contact with those who took part; None when it is not entered yet. Some are corrected or cancelled."""
        world = self.world
        recorded_at = world.moment(day + timedelta(days=self.lag(0.5 if kid.situation else 0.9)))
        if day < kid.listed_from or day >= world.until or recorded_at >= world.cutoff:
            return None
        made = Contact(
            child=kid.child, kind=kind, day=day, staff=staff, channel=channel, parties=parties, reached=reached, words=words,
            school=self.plan.school, recorded_by=staff.user, recorded_at=recorded_at, lag=lag_days(day, recorded_at),
            submission=submission or world.uid(), **more,
        )  # fmt: skip
        draw = self.rng.random()
        if draw < 0.012:
            self.undo(made, kid, others, corrected=draw < 0.008)
        world.add(made, changed_at=recorded_at)
        for person in dict.fromkeys([staff, *others]):
            world.waiting.setdefault(ContactStaff, []).append(ContactStaff(contact=made, staff=person))
        return made

    def undo(self, made, kid, others, corrected):
        """Cancelled a day or two later; a correction enters a new row at that moment."""
        world = self.world
        at = world.moment(made.recorded_at.date() + timedelta(days=self.rng.randrange(1, 4)), 8, 600)
        if at >= world.cutoff:
            return
        made.cancelled_at, made.cancelled_by = at, made.recorded_by
        made.cancel_reason = self.rng.choice(pool.CORRECTED if corrected else pool.CANCELLED)
        if not corrected:
            return
        day = max(made.day - ONE_DAY, kid.listed_from)
        again = Contact(
            child=made.child, kind=made.kind, day=day, staff=made.staff, channel=made.channel, parties=made.parties,
            reached=made.reached, words=made.words, effect=made.effect, place=made.place, school=made.school,
            recorded_by=made.recorded_by, recorded_at=at, lag=lag_days(day, at), submission=world.uid(), replaces=made,
        )  # fmt: skip
        again.uid, again._history_date = world.uid(), at
        world.waiting.setdefault("later", []).append(again)
        for person in dict.fromkeys([made.staff, *others]):
            world.waiting.setdefault("later_staff", []).append(ContactStaff(contact=again, staff=person))

    def parents(self, kid):
        """Father and mother who can be spoken to."""
        found = [(Party.FATHER, kid.family.father), (Party.MOTHER, kid.family.mother)]
        return [(bit, adult) for bit, adult in found if adult is not None]

    def out_of_reach(self, kid, day):
        """Whether nobody answers any more."""
        return kid.unreachable_from is not None and day >= kid.unreachable_from

    # Kinds

    def talk(self, kid, days, month):
        """班主任 once a month, a second time now and then; the paired teacher too."""
        day = self.rng.choice(days)
        school_class = self.here(kid, day)
        if school_class is False:
            return
        teacher, quality = self.plan.teacher_of(school_class, day), self.quality(school_class)
        late = min(1.0, 0.25 + self.world.part_gone(month))
        times = 1 if self.world.chance(quality * late) else 0
        if kid.waits_for_talk and month == self.world.until.replace(day=1):
            times = 0
        if times and (self.world.chance(0.12) or kid.situation == "unattended"):
            times = 2
        paired = kid.paired_on(day)
        speakers = [(teacher, day)] * times
        if paired is not None and paired is not teacher and self.world.chance(0.22):
            speakers.append((paired, self.rng.choice(days)))
        for index, (speaker, on) in enumerate(speakers):
            if index:
                on = self.rng.choice(days)
            if self.here(kid, on) is False or (
                speaker is teacher and self.plan.teacher_of(school_class, on) is not teacher
            ):
                continue
            self.contact(
                kid, ContactKind.TALK, on, speaker, channel=Channel.IN_PERSON, parties=int(Party.CHILD),
                words=self.words.talk(), effect=self.words.effect(), place=self.rng.choice(pool.PLACES),
                next_on=on + timedelta(days=14) if self.world.chance(0.1) else None,
            )  # fmt: skip

    def guardian_contact(self, kid, days, month):
        """包保教师 calls the parents once a month; the class teacher meets who cares at the gate."""
        world, day = self.world, self.rng.choice(days)
        school_class = self.here(kid, day)
        if school_class is False:
            return
        paired = kid.paired_on(day)
        late = min(1.0, 0.2 + world.part_gone(month))
        if paired is not None and world.chance(world.reliability.get(id(paired), 0.93) * late):
            self.call_parent(kid, paired, day)
        if world.chance(0.15) and kid.situation != "unattended":
            teacher = self.plan.teacher_of(school_class, day)
            bit = PARENT_BITS.get(kid.family.carer_relation, Party.GUARDIAN)
            self.contact(
                kid, ContactKind.GUARDIAN_CONTACT, day, teacher, channel=Channel.IN_PERSON, parties=int(bit),
                words=self.words.guardian(True, kid.family.carer_word),
            )  # fmt: skip

    def call_parent(self, kid, staff, day):
        """By phone or video; the first try does not always reach anybody."""
        parents = self.parents(kid)
        bit, adult = self.rng.choice(parents)
        at_home = kid.family.carer is adult
        if self.out_of_reach(kid, day) or self.world.chance(0.07):
            self.contact(
                kid, ContactKind.GUARDIAN_CONTACT, day, staff, channel=Channel.PHONE, parties=int(bit), reached=False,
                words=self.rng.choice(pool.TRIED),
            )  # fmt: skip
            if self.out_of_reach(kid, day):
                return
            day = day + ONE_DAY
            if self.here(kid, day) is False or kid.paired_on(day) is not staff:
                return
        channel = self.rng.choices(
            [Channel.IN_PERSON if at_home else Channel.PHONE, Channel.PHONE, Channel.VIDEO, Channel.MESSAGE],
            [0.3, 0.36, 0.32, 0.02],
        )[0]
        self.contact(
            kid, ContactKind.GUARDIAN_CONTACT, day, staff, channel=channel, parties=int(bit),
            words=self.words.guardian(channel == Channel.IN_PERSON, kid.family.carer_word),
        )  # fmt: skip

    def family_call(self, family, days, month):
        """亲情电话: brothers and sisters talk in the same call."""
        world, day = self.world, self.rng.choice(days)
        here = [(kid, self.here(kid, day)) for kid in family.kids]
        here = [(kid, school_class) for kid, school_class in here if school_class is not False]
        if not here:
            return
        first, school_class = here[0]
        quality = min(0.98, self.quality(school_class) + 0.03) * min(1.0, 0.2 + world.part_gone(month))
        if not world.chance(quality) or self.out_of_reach(first, day):
            return
        parents = self.parents(first)
        if first.family.carer_relation in PARENT_BITS and len(parents) > 1:
            parents = [pair for pair in parents if pair[1] is not family.carer]
        bits = 0
        for bit, _ in self.rng.sample(parents, 2 if len(parents) > 1 and world.chance(0.15) else 1):
            bits |= int(bit)
        helper = self.plan.head.holders[PostKind.CENTER_MANAGER]
        if world.chance(0.6):
            helper = self.plan.teacher_of(school_class, day)
        channel = Channel.VIDEO if world.chance(0.55) else Channel.PHONE
        submission = world.uid()
        for kid, _ in here:
            made = self.contact(
                kid, ContactKind.FAMILY_CALL, day, helper, channel=channel, parties=bits, submission=submission,
                words=self.rng.choice(pool.CALL_WORDS), place="留守儿童之家" if helper is not None else "",
            )  # fmt: skip
            if made is not None:
                world.add(
                    CallDetail(contact=made, minutes=self.rng.randrange(4, 28)), changed_at=made.recorded_at
                )

    def visit(self, kid, first, last):
        """家访: once a term by the class teacher, often together with the paired teacher; some before the term begins."""
        world = self.world
        begin = max(first - timedelta(days=12), world.start)
        end = min(last, world.until - ONE_DAY)
        if end < begin:
            return
        # Drawn over the whole term: in a running term some visits are still to come.
        on = begin + timedelta(days=self.rng.randrange((last - begin).days + 1))
        on -= timedelta(days=on.weekday() - 5) if on.weekday() < 5 and world.chance(0.4) else timedelta()
        if on > end or on < begin:
            return
        school_class = self.here(kid, on)
        if school_class is False or not world.chance(self.quality(school_class)):
            return
        teacher, paired = self.plan.teacher_of(school_class, on), kid.paired_on(on)
        carer = kid.family.carer_word
        parties = int(PARENT_BITS.get(kid.family.carer_relation, Party.GUARDIAN))
        if world.chance(0.8):
            parties |= Party.CHILD
        made = self.contact(
            kid, ContactKind.HOME_VISIT, on, teacher, channel=Channel.IN_PERSON, parties=int(parties),
            others=[paired] if paired is not None and world.chance(0.45) else [], place=kid.family.village,
            words=self.words.visit(carer), effect=self.words.effect(),
        )  # fmt: skip
        if made is not None:
            world.add(
                VisitDetail(contact=made, **self.words.visit_details(carer)), changed_at=made.recorded_at
            )

    def letter(self, kid, first, last):
        """A letter now and then, from the third grade on."""
        world = self.world
        if not world.chance(0.15):
            return
        day = first + timedelta(days=self.rng.randrange((last - first).days))
        school_class = self.here(kid, day)
        if (
            day < world.start
            or not school_class
            or school_class.stage == Stage.KINDERGARTEN
            or school_class.grade_on(day) < 3
        ):
            return
        self.contact(
            kid, ContactKind.LETTER, day, self.plan.teacher_of(school_class, day), channel=Channel.LETTER,
            parties=int(Party.MOTHER if world.chance(0.6) and kid.family.mother else Party.FATHER),
            words=self.rng.choice(pool.LETTER_WORDS),
        )  # fmt: skip

    def holiday(self, month):
        """In the holidays some are called, some visited."""
        world = self.world
        last = min(month_end(month), world.until - ONE_DAY)
        if last < month:
            return
        for kid in self.plan.children:
            day = month + timedelta(days=self.rng.randrange((last - month).days + 1))
            school_class = self.here(kid, day)
            if school_class is False:
                continue
            if world.chance(0.3):
                self.contact(
                    kid, ContactKind.TALK, day, self.plan.teacher_of(school_class, day), channel=Channel.PHONE,
                    parties=int(Party.CHILD), words=f"假期电话。{self.rng.choice(pool.TALK_TOPICS)}。提醒不去水边玩。",
                )  # fmt: skip
            paired = kid.paired_on(day)
            if paired is not None and world.chance(0.45):
                self.call_parent(kid, paired, day)

    # Situations

    def situation(self, kid):
        """Parents out of reach: three attempts on three days, proposed, approved."""
        if kid.situation != "unreachable" or kid.unreachable_from is not None:
            return
        world = self.world
        month = (world.until.replace(day=1) - ONE_DAY).replace(day=1)
        days = [day for day in world.school_days(month) if kid.paired_on(day) is not None]
        if len(days) < 6:
            return
        kid.unreachable_from = month
        attempts = []
        for index in (1, 3, 5):
            day = days[index]
            staff = kid.paired_on(day)
            recorded_at = world.moment(day)
            made = Contact(
                child=kid.child, kind=ContactKind.GUARDIAN_CONTACT, day=day, staff=staff, channel=Channel.PHONE,
                parties=int(Party.FATHER if index != 3 or not kid.family.mother else Party.MOTHER), reached=False,
                words=self.rng.choice(pool.TRIED), school=self.plan.school, recorded_by=staff.user, recorded_at=recorded_at,
                lag=0, submission=world.uid(),
            )  # fmt: skip
            attempts.append(world.add(made, changed_at=recorded_at))
            world.waiting.setdefault(ContactStaff, []).append(ContactStaff(contact=made, staff=staff))
        asked_at = world.moment(days[5] + ONE_DAY, 9, 100)
        approved_at = world.known(asked_at + timedelta(days=1))
        leader = self.plan.head.holders[PostKind.LEADER]
        trait = world.add(
            Trait(
                child=kid.child, kind=TraitKind.PARENTS_UNREACHABLE, starts_on=month, recorded_at=asked_at,
                recorded_by=attempts[-1].recorded_by, approved_at=approved_at, approved_by=leader.user,
                review_on=approved_at.date() + timedelta(days=30), reason="父母电话都打不通，亲戚也联系不上",
            )
        )  # fmt: skip
        claim = world.add(
            UnreachableClaim(trait=trait, requested_by=attempts[-1].recorded_by, requested_at=asked_at)
        )
        for made in attempts:
            _link(world, UnreachableClaim.attempts.through, unreachableclaim_id=claim, contact_id=made)

    def excuses(self):
        """One approved, one waiting."""
        world = self.world
        month = (world.until.replace(day=1) - ONE_DAY).replace(day=1)
        for kid in self.plan.children:
            if kid.situation not in ("excused", "waiting_excuse"):
                continue
            waiting = kid.situation == "waiting_excuse"
            first = max(
                world.until - timedelta(days=6) if waiting else month + timedelta(days=2), kid.listed_from
            )
            school_class = self.here(kid, first)
            if school_class is False:
                continue
            asked_at = world.known(world.moment(first + ONE_DAY, 9, 300))
            world.add(
                Excuse(
                    county=world.county, school=self.plan.school, subject_kind=Subject.CHILD, subject_id=kid.child.pk,
                    starts_on=first, ends_on=first + timedelta(days=18),
                    reason="骨折住院，出院后在家休养" if waiting else "随奶奶到外地看病，请假",
                    requested_by=self.plan.teacher_of(school_class, first).user, requested_at=asked_at,
                    approved_by=None if waiting else self.plan.head.holders[PostKind.DEPUTY].user,
                    approved_at=None if waiting else world.known(asked_at + timedelta(days=1)),
                )
            )  # fmt: skip

    # The center, class meetings

    def center(self, center, manager, duty, weekdays):
        """Open on its days in school weeks; one week was missed. Every second week an activity with names."""
        world = self.world
        # One week was missed: at the first school not long ago, elsewhere some time in the months before.
        back = 33 if center is world.schools[0].center else self.rng.randrange(40, 200)
        missed = world.until - timedelta(days=back)
        missed -= timedelta(days=missed.weekday())
        children = [kid for kid in self.plan.children if kid.listed_to is None]
        day = world.start
        while day < world.until:
            week = day - timedelta(days=day.weekday())
            in_school_time = (
                world.calendar.term_of(day) is not None and world.calendar.county_days.get(day) != "holiday"
            )
            if day.weekday() in weekdays and in_school_time and week != missed and world.chance(0.94):
                team = [manager] + ([duty] if duty is not None and world.chance(0.5) else [])
                recorded_at = world.moment(
                    day + timedelta(days=world.rng.choice([0, 0, 0, 0, 1, 2, 5])), 17, 240
                )
                if recorded_at < world.cutoff:
                    here = [kid for kid in children if self.here(kid, day) is not False]
                    coming = self.rng.sample(here, min(len(here), self.rng.randrange(8, 28)))
                    opening = world.add(
                        Opening(
                            center=center, day=day, visitors=len(coming), hygiene_checked=world.chance(0.9),
                            note=self.rng.choice(pool.OPENING_NOTES), recorded_by=manager.user, recorded_at=recorded_at,
                            lag=lag_days(day, recorded_at), submission=world.uid(),
                        ),
                        changed_at=recorded_at,
                    )  # fmt: skip
                    for person in team:
                        _link(world, Opening.staff.through, opening_id=opening, staff_id=person)
                    if day.weekday() == weekdays[-1] and day.isocalendar().week % 2 and here:
                        self.activity(
                            ActivityKind.CENTER_ACTIVITY, self.rng.choice(pool.ACTIVITY_TITLES), day, recorded_at, manager,
                            coming, center=center,
                        )  # fmt: skip
            day += ONE_DAY

    def meetings(self):
        """主题班会: each class once a month in school time."""
        world = self.world
        members = {}
        for kid in self.plan.children:
            for spell_plan, school_class, _, _ in kid.spells:
                if spell_plan is self.plan and school_class is not None:
                    members.setdefault(id(school_class), []).append(kid)
        for month in world.month_list():
            days = world.school_days(month)
            for school_class in self.plan.classes if days else ():
                day = self.rng.choice(days)
                here = [
                    kid for kid in members.get(id(school_class), ()) if self.here(kid, day) is school_class
                ]
                recorded_at = world.moment(day + timedelta(days=self.rng.choice([0, 0, 1, 3])), 16, 240)
                if not here or recorded_at >= world.cutoff or not world.chance(0.85):
                    continue
                self.activity(
                    ActivityKind.CLASS_MEETING, self.rng.choice(pool.MEETING_TITLES), day, recorded_at,
                    self.plan.teacher_of(school_class, day), here, school=self.plan.school,
                )  # fmt: skip

    def activity(self, kind, title, day, recorded_at, staff, kids, center=None, school=None):
        """An activity with names; few are absent."""
        world = self.world
        if school is None and center is not None:
            school = center.school
        made = world.add(
            Activity(
                kind=kind, title=title, day=day, county=world.county, school=school, center=center,
                place="留守儿童之家" if center else "教室", result=self.rng.choice(pool.RESULTS), recorded_by=staff.user,
                recorded_at=recorded_at, lag=lag_days(day, recorded_at), submission=world.uid(),
            ),
            changed_at=recorded_at,
        )  # fmt: skip
        _link(world, Activity.staff.through, activity_id=made, staff_id=staff)
        for kid in kids:
            attendance = Attendance(activity=made, child=kid.child, present=world.chance(0.96))
            attendance.settle(recorded_at)
            world.add(attendance)
