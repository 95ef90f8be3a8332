"""今日: what one person owes now, as child + kind, by urgency, village and household; one tap to log each."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from pairing import handovers, plans
from pairing.models import ClassCover, Pairing, PairingKind
from registry.access import posts_of, staff_of
from registry.calendar import month_end, school_year_of
from registry.models import (
    ActivityCenter,
    Child,
    Enrollment,
    Guardianship,
    Post,
    PostKind,
    Relation,
    School,
    SchoolClass,
)
from registry.together import together

from . import arrivals
from .holders import Holders
from .ledger import Counts, Duty, Ledger
from .models import Channel, Measure, Party, RecordKind, Responsible, State, Strength, Subject

LATE, THIS_WEEK, THIS_MONTH, LATER = "late", "this_week", "this_month", "later"
URGENCIES = {LATE: "已经晚了", THIS_WEEK: "这周内", THIS_MONTH: "月底前", LATER: "这学期内"}
WARN_FROM_DAY = 20  # from this day on, what would be missed at the month's end is shown
WHOLE_SCHOOL = (PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE)
SUBJECTS = (Subject.CHILD, Subject.CENTER, Subject.STAFF)


@dataclass
class Owed:
    """One open duty of one subject on somebody's list."""

    duty: Duty
    urgency: str
    child: Child | None = None
    center: ActivityCenter | None = None

    @property
    def kind(self):
        """The form that settles it: a record kind, ``pairing`` or ``opening``."""
        if self.duty.rule.measure != Measure.RECORDS:
            return "pairing"
        return form_kind(self.duty.rule)

    @property
    def sentence(self):
        """Why it is owed, in a few words."""
        duty, period = self.duty, self.duty.period
        if duty.rule.measure != Measure.RECORDS:
            return self._standing_sentence
        word = {
            "week": "这周", "half_month": "这半个月", "month": "这个月", "quarter": "这个季度", "term": "这学期",
            "half_year": "这半年", "school_year": "这学年", "year": "今年", "day": "今天",
        }[period.per]  # fmt: skip
        if self.urgency == LATE:
            span = (
                f"{period.start.month}月" if period.per == "month" else f"{period.start:%-m月%-d日}起这一段"
            )
            return f"{span}没有够数的记录，真的做过就补记那一天"
        if duty.done:
            return f"{word}要 {duty.rule.minimum} 次，已有 {duty.done} 次，{period.end:%-m月%-d日}前"
        return f"{word}还没有，{period.end:%-m月%-d日}前"

    @property
    def _standing_sentence(self):
        duty = self.duty
        when = f"{duty.period.end:%-m月%-d日}那天" if self.urgency == LATE else "今天"
        if duty.done:
            return f"{when}是 {duty.done} 个，要调整"
        return f"{when}还没有{'包保教师' if duty.rule.subject == Subject.CHILD else '包保的孩子'}"


@dataclass
class Household:
    """Siblings (or one child) with what is owed for them and who cares for them."""

    children: list
    carers: str
    village: str
    owed: list = field(default_factory=list)

    @property
    def by_kind(self):
        """[(kind, [Owed of the children])]: one line and one button each; together when all siblings owe it."""
        found = defaultdict(list)
        for owed in self.owed:
            found[owed.kind, owed.duty.rule.label, owed.duty.period.start].append(owed)
        return [(rows[0], rows) for rows in found.values()]


@dataclass
class ClassStillOpen:
    """What a covered class still owes: said to whoever can help, with the name of whom to help."""

    school_class: SchoolClass
    teacher: str
    lines: list  # [(child, [names of rules])]


@dataclass
class OwedList:
    """A person's list of today."""

    staff: object
    today: object
    groups: dict  # urgency -> [Household]
    others: list  # Owed of centers and of the person
    headline_rule: object = None
    headline: Counts | None = None
    unconfirmed_year: int | None = None
    done_children: int = 0  # with nothing open, of those the person answers for
    also_seen: list = field(default_factory=list)  # ClassStillOpen, for leaders
    arrived: list = field(
        default_factory=list
    )  # Enrollment of whom nobody has talked with since it came this month
    handovers: list = field(default_factory=list)  # 待接手: Handover not read yet
    plans: list = field(default_factory=list)  # HelpPlan to be looked at by a week from now

    @property
    def count(self):
        """Number of open duties."""
        return sum(len(h.owed) for group in self.groups.values() for h in group) + len(self.others)

    @property
    def days_left(self):
        """Days until the month ends."""
        return (month_end(self.today) - self.today).days

    @property
    def warns(self):
        """From the 20th, what would be missed is said."""
        return self.today.day >= WARN_FROM_DAY


def form_kind(rule):
    """The record kind whose form settles a rule most directly: a talk before a visit, a contact before a visit."""
    if rule.kinds == ["home_visit"] or not rule.kinds:
        return "home_visit" if rule.kinds else ""
    order = [
        "talk",
        "guardian_contact",
        "family_call",
        "letter",
        "home_visit",
        "attendance",
        "activity",
        "opening",
    ]
    if rule.parties & Party.GUARDIAN and "guardian_contact" in rule.kinds:
        return "guardian_contact"
    return min(rule.kinds, key=order.index)


def urgency_of(duty, today):
    """How soon: ended already, this week, this month, later."""
    if duty.state == State.MISSED:
        return LATE
    end = duty.period.end
    if end <= today + timedelta(days=6 - today.weekday()):
        return THIS_WEEK
    return THIS_MONTH if end <= month_end(today) else LATER


def owed_list(user, *, now=None, ledger=None):
    """What ``user`` owes now. Nobody else's: a duty whose role nobody holds stands on the leader's list."""
    staff = staff_of(user)
    now = now or timezone.now()
    today = timezone.localtime(now).date()
    if staff is None:
        return OwedList(None, today, {}, [])
    posts = posts_of(user)
    ledger = ledger or Ledger(staff.county, now=now)
    rules = [
        rule
        for rule in ledger.rules
        if rule.strength != Strength.INFORM and rule.subject in SUBJECTS and not _by_activity(rule)
    ]
    duties = ledger.judge(
        ledger.items_running(rules=rules, holder_on=today),
        children=children_of(staff, posts, today),
        centers=[post.center_id for post in posts if post.kind == PostKind.CENTER_MANAGER],
        staff=[staff.pk],
    )
    mine = _mine(duties, staff, posts, ledger)
    leads = _leads(posts)
    others = _of_others(duties, mine, today) if leads else []
    taken_over, reviews, arrived = together(
        handovers.unread_of(staff, today),
        plans.reviews_due(staff, today),
        arrivals.new_and_untalked(posts, today),
    )
    wanted = {d.subject_id for d in [*mine, *others] if d.rule.subject == Subject.CHILD}
    wanted |= {row.child_id for row in [*taken_over, *reviews, *arrived]}
    children = _children(wanted, user, staff, today)
    if not leads:
        mine = [
            d
            for d in mine
            if not _is_paired_duty(d) or getattr(children.get(d.subject_id), "paired_with_me", False)
        ]
    rule, counts = _headline(mine, today)
    open_now = _first_to_end([duty for duty in mine if duty.is_open])
    found = OwedList(staff, today, {}, [], rule, counts)
    found.handovers = _with_child(taken_over, children)
    found.arrived = sorted(
        _with_child(arrived, children), key=lambda seat: (seat.child.name_key, seat.child.pk)
    )
    found.plans = sorted(
        _with_child(reviews, children), key=lambda plan: (plan.review_on, plan.child.name_key)
    )
    if school_year_of(today) not in ledger.calendar.confirmed:
        found.unconfirmed_year = school_year_of(today)
    centers = ActivityCenter.objects.in_bulk(
        {duty.subject_id for duty in open_now if duty.rule.subject == Subject.CENTER}
    )
    rows = [
        Owed(
            duty,
            urgency_of(duty, today),
            children.get(duty.subject_id) if duty.rule.subject == Subject.CHILD else None,
            centers.get(duty.subject_id) if duty.rule.subject == Subject.CENTER else None,
        )
        for duty in open_now
    ]
    answered_for = {duty.subject_id for duty in mine if duty.rule.subject == Subject.CHILD}
    found.done_children = len(answered_for - {row.child.pk for row in rows if row.child})
    found.also_seen = _also_seen(others, children, today)
    found.others = [row for row in rows if row.child is None]
    found.groups = _grouped([row for row in rows if row.child is not None])
    return found


def _with_child(rows, children):
    """Rows about children whose file the person may open, each with its child."""
    found = []
    for row in rows:
        child = children.get(row.child_id)
        if child is not None and child.may_open:
            row.child = child
            found.append(row)
    return found


def _by_activity(rule):
    """Attendance is owed by holding an activity, not by logging a contact; the class's list shows it there."""
    return rule.kinds == [RecordKind.ACTIVITY]


def children_of(staff, posts, today):
    """Children somebody may owe something for: own class, own ties, covered classes, a leader's school."""
    classes = [post.school_class_id for post in posts if post.kind == PostKind.CLASS_TEACHER]
    schools = [post.school_id for post in posts if post.kind in WHOLE_SCHOOL]
    enrolled = Q(school_class__in=classes)
    if schools:
        enrolled |= Q(
            school__in=School.objects.filter(Q(pk__in=schools) | Q(managing_school__in=schools)).values("pk")
        )
    led = [p.school_id for p in posts if p.kind in (PostKind.GROUP_MEMBER, PostKind.DEPUTY, PostKind.LEADER)]
    if led:  # a cover left open at a former school opens nothing there
        own = School.objects.filter(Q(pk__in=led) | Q(managing_school__in=led)).values("pk")
        covers = ClassCover.objects.on(today).filter(staff=staff, school_class__school__in=own)
        enrolled |= Q(school_class__in=covers.values("school_class"))
    ties = Pairing.objects.on(today).filter(staff=staff, kind__in=(PairingKind.PRIMARY, PairingKind.PROXY))
    # A union, not OR, so that the database knows how few they are.
    seated = Enrollment.objects.on(today).filter(enrolled).order_by().values("child")
    return Child.objects.filter(pk__in=seated.union(ties.order_by().values("child")))


def _leads(posts):
    group = (PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.GROUP_MEMBER)
    return any(post.kind in group for post in posts)


def _is_paired_duty(duty):
    return duty.rule.responsible in (Responsible.PAIRED, Responsible.PROXY)


def _mine(duties, staff, posts, ledger):
    """Those whose responsible role the person holds today; who leads also has what nobody else holds."""
    if _leads(posts):
        holders = Holders(ledger.county, duties)
        return [duty for duty in duties if holders.of(duty) == staff.pk]
    classes = {post.school_class_id for post in posts if post.kind == PostKind.CLASS_TEACHER}
    centers = {post.center_id for post in posts if post.kind == PostKind.CENTER_MANAGER}
    found = []
    for duty in duties:
        role, subject = duty.rule.responsible, duty.rule.subject
        held = (
            (role == Responsible.CLASS_TEACHER and duty.holder_class_id in classes)
            or (role in (Responsible.PAIRED, Responsible.PROXY) and subject == Subject.CHILD)
            or (
                role == Responsible.CENTER_MANAGER
                and duty.subject_id in centers
                and subject == Subject.CENTER
            )
            or (role == Responsible.SELF and subject == Subject.STAFF and duty.subject_id == staff.pk)
        )
        if held:
            found.append(duty)
    return found


def _of_others(duties, mine, today):
    """Open duties about children that somebody else answers for, that must be done, and by the month's end."""
    own = {id(duty) for duty in mine}
    return [
        duty
        for duty in duties
        if duty.is_open
        and duty.period.end <= month_end(today)
        and duty.rule.subject == Subject.CHILD
        and duty.rule.strength == Strength.MUST
        and id(duty) not in own
    ]


def _also_seen(duties, children, today):
    """包班里还欠的: the open duties of others by class, each with the class teacher to be helped."""
    by_class = defaultdict(lambda: defaultdict(dict))
    for duty in sorted(duties, key=lambda d: (d.period.end, d.rule.label)):
        if duty.holder_class_id and duty.subject_id in children:
            by_class[duty.holder_class_id][duty.subject_id][duty.rule.name] = True
    if not by_class:
        return []
    teacher = (
        Post.objects.on(today)
        .filter(kind=PostKind.CLASS_TEACHER, school_class=OuterRef("pk"))
        .order_by("starts_on", "pk")
        .values("staff__name")[:1]
    )
    classes = (
        SchoolClass.objects.filter(pk__in=by_class)
        .annotate(teacher=Subquery(teacher))
        .select_related("school")
    )
    found = []
    for school_class in classes:
        lines = [(children[pk], list(names)) for pk, names in by_class[school_class.pk].items()]
        lines.sort(key=lambda line: (line[0].name_key, line[0].pk))
        found.append(ClassStillOpen(school_class, school_class.teacher or "", lines))
    found.sort(
        key=lambda seen: (
            seen.school_class.school.name,
            seen.school_class.grade_on(today) or 99,
            seen.school_class.number,
        )
    )
    return found


def _children(ids, user, staff, today):
    """{id: Child} with ``paired_with_me``, ``may_open`` (the file) and ``kin`` = [(adult, relation word, cares today)].

    One query for all.
    """
    paired = Pairing.objects.on(today).filter(
        child=OuterRef("pk"), staff=staff, kind__in=("primary", "proxy")
    )
    cares = Guardianship.objects.on(today).filter(
        child=OuterRef("pk"), guardian=OuterRef("kinships__guardian")
    )
    rows = Child.objects.filter(pk__in=ids).annotate(
        paired_with_me=Exists(paired),
        may_open=Exists(Child.objects.visible_to(user).filter(pk=OuterRef("pk"))),
        adult=F("kinships__guardian"),
        relation=F("kinships__relation"),
        relation_word=F("kinships__as_written"),
        cares=Exists(cares),
    )
    found = {}
    for row in rows.order_by("name_key", "pk", "kinships__pk"):
        child = found.setdefault(row.pk, row)
        if not hasattr(child, "kin"):
            child.kin = []
        if row.adult:
            child.kin.append((row.adult, row.relation_word or Relation(row.relation).label, row.cares))
    return found


def _headline(duties, today):
    """The monthly duty to open the page with (a talk, if there is one) and its counts over the person's children."""
    monthly = [
        d
        for d in duties
        if d.rule.measure == Measure.RECORDS
        and d.rule.per == "month"
        and d.rule.subject == Subject.CHILD
        and d.period.start <= today <= d.period.end  # not the month before, which may still be open
    ]
    if not monthly:
        return None, None
    rule = min((d.rule for d in monthly), key=lambda r: (form_kind(r) != "talk", r.code))
    counts = Counts()
    for duty in monthly:
        if duty.rule.pk == rule.pk:
            counts.add(duty)
    return rule, counts


def _first_to_end(duties):
    """Where a county's and a school's item are open for one subject and kind, the one that ends first stands."""
    alike = defaultdict(list)
    for duty in sorted(duties, key=lambda d: (d.period.end, d.period.start, d.rule.label)):
        rule = duty.rule
        alike[
            rule.subject,
            duty.subject_id,
            rule.measure,
            form_kind(rule) if rule.measure == Measure.RECORDS else "",
            rule.responsible,
            rule.channels == [Channel.IN_PERSON],
            duty.state == State.MISSED and duty.period.start,
        ].append(duty)
    found = []
    for rows in alike.values():
        both = len({duty.rule.owner_id is None for duty in rows}) == 2
        found += rows[:1] if both else rows
    return found


def _grouped(rows):
    """Households under their most urgent duty, those of one village side by side."""
    children = {row.child.pk: row.child for row in rows}
    ids = set(children)
    household, by_adult = {}, defaultdict(list)
    carers = {pk: [word for _, word, cares in child.kin if cares] for pk, child in children.items()}
    for pk, child in children.items():
        for adult, _, _ in child.kin:
            by_adult[adult].append(pk)
    for child in ids:
        household[child] = child
    for siblings in by_adult.values():
        root = min(household[child] for child in siblings)
        joined = {household[child] for child in siblings}
        for child in ids:
            if household[child] in joined:
                household[child] = root
    homes = {}
    for row in sorted(rows, key=lambda r: (r.child.name_key, r.child.pk)):
        home = homes.get(household[row.child.pk])
        if home is None:
            words = "、".join(dict.fromkeys(carers[row.child.pk]))
            home = homes[household[row.child.pk]] = Household(
                [], f"{words}带" if words else "", row.child.village
            )
        if row.child not in home.children:
            home.children.append(row.child)
        home.owed.append(row)
    order = list(URGENCIES)
    groups = {urgency: [] for urgency in order}
    for home in homes.values():
        home.owed.sort(key=lambda r: (order.index(r.urgency), r.duty.period.end, r.duty.rule.label))
        groups[home.owed[0].urgency].append(home)
    for found in groups.values():
        found.sort(key=lambda h: (h.village, h.children[0].name_key))
    return {urgency: found for urgency, found in groups.items() if found}
