"""Why is it red? One duty of one child explained: rule, source, window, what counted, what did not and why, the cure."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from pairing.models import Pairing
from registry.models import LEADING_GROUP, Child, Enrollment, Guardianship, Kinship, Post

from .ledger import LEFT_WITHIN_PERIOD, Ledger
from .models import (
    IN_TIME_DAYS,
    Actor,
    Attendance,
    Channel,
    Contact,
    DutyRule,
    Excuse,
    Measure,
    Party,
    RecordKind,
    State,
    party_codes,
)

NEARBY = timedelta(days=7)


@dataclass
class Record:
    """A record of the kinds the rule lists, in or near the window, and whether it counted."""

    day: object
    kind: str
    who: str
    recorded_at: object
    in_time: bool
    why_not: str  # blank = counted
    uid: object = None


@dataclass
class Explanation:
    """One duty explained in sentences a teacher can read aloud."""

    rule: DutyRule
    state: str
    sentence: str
    period: object = None
    records: list = None
    cure: str = ""
    done: int = 0
    closes_at: object = None
    excuse: object = None

    @property
    def last_day(self):
        """The last day on which an entry is before the closing moment."""
        return self.closes_at and timezone.localdate(self.closes_at - timedelta(seconds=1))

    @property
    def counted(self):
        """Those that counted."""
        return [record for record in self.records or [] if not record.why_not]

    @property
    def not_counted(self):
        """Those that did not, with the first reason."""
        return [record for record in self.records or [] if record.why_not]


def explain(child, rule_code, day, *, now=None, rule=None):
    """Explains the duty of ``child`` under the rule named ``rule_code`` (F02, or F02@school) on ``day``.

    Not owed: state 不适用 with the sentence why. Raises DutyRule.DoesNotExist for an unknown code.
    """
    county = child.county
    rules = list(DutyRule.objects.filter(county=county, active=True).select_related("owner"))
    ledger = Ledger(county, now=now, rules=rules)
    versions = [r for r in rules if r.label == rule_code]
    if not versions:
        raise DutyRule.DoesNotExist(rule_code)
    item = next((item for item in (ledger.item_on(version, day) for version in versions) if item), None)
    if item is None:
        return Explanation(versions[-1], State.NOT_APPLICABLE, _why_no_period(ledger, versions[-1], day))
    duties = ledger.judge([item], children=Child.objects.filter(pk=child.pk))
    records = _records(child, item, ledger.now) if item.rule.measure == Measure.RECORDS else None
    if not duties:
        return Explanation(
            item.rule, State.NOT_APPLICABLE, _why_not_owed(child, item, ledger), item.period, records,
            closes_at=item.closes_at,
        )  # fmt: skip
    duty = duties[0]
    excuse = Excuse.objects.filter(uid=duty.excuse_uid).first() if duty.excuse_uid else None
    return Explanation(
        item.rule, duty.state, _sentence(duty, ledger), item.period, records, _cure(duty, ledger), duty.done, item.closes_at,
        excuse,
    )  # fmt: skip


def describe(rule):
    """What the rule asks, in one sentence: 班主任每月至少 1 天，谈心或家访，见到孩子。"""
    if rule.measure == Measure.OPEN_PRIMARY_PAIRINGS:
        upper = f"、至多 {rule.maximum} 个" if rule.maximum is not None else ""
        return f"每月最后一天至少有 {rule.minimum} 个在保的包保{upper}"
    who = "、".join(Actor(actor).label for actor in rule.actors) or "不限谁"
    kinds = "或".join(RecordKind(kind).label for kind in rule.kinds)
    parts = [f"{who}，{rule.get_per_display()}至少 {rule.minimum} 天，{kinds}"]
    if rule.channels:
        parts.append("方式：" + "、".join(Channel(channel).label for channel in rule.channels))
    if rule.parties:
        parts.append("见到（联系到）" + "或".join(_party_label(code) for code in party_codes(rule.parties)))
    return "；".join(parts)


def _party_label(code):
    return {"child": "孩子", "father": "爸爸", "mother": "妈妈", "guardian": "照看人"}[code]


def _sentence(duty, ledger):
    rule, end = duty.rule, duty.period.end
    span = f"{duty.period.start:%-m月%-d日}到{end:%-m月%-d日}"
    if rule.measure != Measure.RECORDS:
        return _standing_sentence(duty)
    if duty.state == State.MET:
        return f"{span}要 {rule.minimum} 天，做了 {duty.done} 天，够数了。"
    if duty.state == State.MET_LATE:
        return f"{span}做到了，但登记晚了（超过 {IN_TIME_DAYS} 天，或在结账之后），算补录。"
    if duty.state == State.EXCUSED:
        if duty.excuse_reason == LEFT_WITHIN_PERIOD:
            return f"孩子在{span}期间离开，不用再做。"
        return f"{span}已批准豁免。"
    if duty.state == State.UPCOMING:
        return f"到{end:%-m月%-d日}为止，还差 {duty.missing} 天。"
    if ledger.now < duty.item.closes_at:
        return f"{span}没有够数的记录，还差 {duty.missing} 天；还没有结账，可以补登。"
    return f"{span}没有够数的记录，差 {duty.missing} 天；已经结账，再补登只算补录。"


def _standing_sentence(duty):
    rule, day = duty.rule, duty.period.judge_day
    asked = (
        f"{rule.minimum} 个"
        if rule.maximum in (None, rule.minimum)
        else f"{rule.minimum} 到 {rule.maximum} 个"
    )
    said = f"{day:%-m月%-d日}在保的包保教师有 {duty.done} 个，要求 {asked}"
    if duty.state == State.EXCUSED:
        return f"{said}；{'孩子已经离开，不用再做' if duty.excuse_reason else '已批准豁免'}。"
    if duty.state == State.MET_LATE:
        return f"{said}；结账以后才登记，算补录。"
    return f"{said}。"


def _cure(duty, ledger):
    if duty.state not in (State.MISSED, State.UPCOMING):
        return ""
    if duty.rule.measure != Measure.RECORDS:
        return "请给孩子指定包保教师。" if duty.done < duty.rule.minimum else "包保人数超出，请调整。"
    if duty.state == State.UPCOMING:
        return f"做了就记一笔：{describe(duty.rule)}。"
    until = timezone.localtime(duty.item.closes_at) - timedelta(seconds=1)
    if ledger.now < duty.item.closes_at:
        return f"真的做过，就补记那一天（{until:%-m月%-d日}前补登，隔 {IN_TIME_DAYS} 天以内算按时）；没做过就不用补。"
    return "真的做过，就补记那一天；没做过就不用补。"


def _why_no_period(ledger, rule, day):
    if rule.measure == Measure.RECORDS:
        period = ledger.calendar.period_on(rule.per, day, rule.within_days)
    else:
        period = ledger.calendar.period_on("month", day)
    if period is None:
        return "这一天不在任何一个学期（周期）里，不核对。"
    if period.judge_day is None or not rule.valid_from <= period.judge_day <= (
        rule.valid_to or period.judge_day
    ):
        return "这条要求那时还没有生效，或已经失效。"
    return "这段时间上课天数不足，不核对。"


def _why_not_owed(child, item, ledger):
    """The first reason why a child does not owe this item on its judge day."""
    day, rule = item.period.judge_day, item.rule
    said = f"{day:%-m月%-d日}（判定日）"
    enrollment = (
        Enrollment.objects.on(day)
        .filter(child=child)
        .select_related("school__managing_school", "school_class")
        .first()
    )
    if enrollment is None:
        return f"{said}孩子不在校，不用做。"
    if not child.care_list_spells.on(day).exists():
        return f"{said}孩子不在名单上，不用做。"
    school = enrollment.school
    if school.first_used_on > day:
        return f"学校从{school.first_used_on:%Y-%m-%d}起才用系统，之前的不核对。"
    if rule.owner_id and rule.owner_id not in (school.pk, school.managing_school_id):
        return "这条要求不是孩子所在学校的。"
    if {school.pk, school.managing_school_id} & item.replaced_at:
        return "学校有自己的同号要求，按学校的核对。"
    if not ledger.calendar.is_due(item.period, school.pk):
        return "这段时间学校上课天数不足，不核对。"
    return f"{said}孩子不属于这条要求的范围（{_scope(rule)}）。"


def _scope(rule):
    words = []
    if rule.stages:
        words.append("学段")
    if rule.grade_from is not None or rule.grade_to is not None:
        words.append("年级")
    if rule.away:
        words.append("留守类型")
    for name, word in (
        ("boarding", "寄宿"), ("priority", "重点关注"), ("paired", "有包保教师"), ("proxied", "有代理家长"),
        ("parent_reachable", "家长能联系上"),
    ):  # fmt: skip
        wanted = getattr(rule, name)
        if wanted is not None:
            words.append(word if wanted else f"没有“{word}”")
    return "、".join(words) or "范围"


def _records(child, item, now):
    """Records of the rule's kinds within 7 days of the window, each with the first reason why it does not count."""
    rule, period = item.rule, item.period
    first, last = period.window_start - NEARBY, period.end + NEARBY
    found = []
    roles = _Roles(child, first, last)
    contacts = (
        Contact.objects.filter(
            child=child, kind__in=rule.kinds, day__range=(first, last), recorded_at__lte=now
        )
        .select_related("staff")
        .prefetch_related("adults")
    )
    for contact in contacts:
        adults = {adult.staff_id for adult in contact.adults.all()}
        cancelled = contact.cancelled_at and contact.cancelled_at <= now
        why_not = _first_reason(
            item, roles, cancelled=cancelled, day=contact.day, channel=contact.channel, parties=contact.parties,
            reached=contact.reached, absent=False, adults=adults,
        )  # fmt: skip
        in_time = contact.lag <= IN_TIME_DAYS and contact.recorded_at < item.closes_at
        found.append(
            Record(
                contact.day, contact.get_kind_display(), contact.staff.name, contact.recorded_at, in_time, why_not,
                contact.uid,
            )
        )  # fmt: skip
    if RecordKind.ATTENDANCE in rule.kinds:
        attendances = (
            Attendance.objects.filter(child=child, day__range=(first, last), entered_at__lte=now)
            .select_related("activity")
            .prefetch_related("activity__staff")
        )
        for attendance in attendances:
            activity = attendance.activity
            ended = attendance.cancelled_at or activity.cancelled_at
            adults = {staff.pk for staff in activity.staff.all()}
            why_not = _first_reason(
                item, roles, cancelled=ended and ended <= now, day=attendance.day, channel="", parties=0,
                reached=True, absent=not attendance.present, adults=adults,
            )  # fmt: skip
            in_time = attendance.lag <= IN_TIME_DAYS and attendance.entered_at < item.closes_at
            found.append(
                Record(
                    attendance.day,
                    "参加活动",
                    activity.title,
                    attendance.entered_at,
                    in_time,
                    why_not,
                    activity.uid,
                )
            )
    return sorted(found, key=lambda record: (record.day, record.recorded_at))


def _first_reason(item, roles, *, cancelled, day, channel, parties, reached, absent, adults):
    """Blank if the record counts; else the first of: cancelled, window, channel, party, reached, absent, person."""
    rule, period = item.rule, item.period
    if cancelled:
        return "这条已作废"
    if not period.window_start <= day <= period.end:
        return f"不在这段时间里（{period.window_start:%-m月%-d日}到{period.end:%-m月%-d日}）"
    if rule.channels and channel not in rule.channels:
        label = Channel(channel).label if channel else "没有方式"
        return f"方式不对：记的是{label}，要{'、'.join(Channel(c).label for c in rule.channels)}"
    if rule.parties and not parties & rule.parties and not (
        rule.parties & Party.GUARDIAN and roles.cares(parties, day)
    ):  # fmt: skip
        return f"对象不对：要见到{'或'.join(_party_label(code) for code in party_codes(rule.parties))}"
    if absent:
        return "那天没有到场"
    if not reached and not rule.counts_attempts:
        return "没联系上"
    if rule.actors and not any(roles.holds(staff, actor, day) for staff in adults for actor in rule.actors):
        return f"记的人那天不是{'、'.join(Actor(actor).label for actor in rule.actors)}"
    return ""


class _Roles:
    """Roles towards one child over some days, from its few spells; four queries, whatever the records."""

    def __init__(self, child, first, last):
        self.enrollments = list(
            Enrollment.objects.filter(child=child)
            .overlapping(first, last)
            .select_related("school", "school_class")
        )
        self.ties = list(Pairing.objects.filter(child=child).overlapping(first, last))
        schools = {e.school_id for e in self.enrollments} | {
            e.school.managing_school_id for e in self.enrollments
        }
        roots = {e.school.managing_school_id or e.school_id for e in self.enrollments}
        posts = Post.objects.overlapping(first, last).filter(school__isnull=False).select_related("school")
        self.posts = [
            post
            for post in posts.filter(school__county=child.county_id)
            if post.school_id in schools or (post.school.managing_school_id or post.school_id) in roots
        ]
        relations = dict(
            Kinship.objects.filter(child=child, relation__in=("father", "mother")).values_list(
                "guardian", "relation"
            )
        )
        cared = Guardianship.objects.filter(child=child, guardian__in=relations).overlapping(first, last)
        self.parents_caring = [(relations[row.guardian_id], row) for row in cared]

    def cares(self, parties, day):
        """Whether a parent among ``parties`` is the adult who cares for the child that day."""
        bits = {"father": Party.FATHER, "mother": Party.MOTHER}
        return any(parties & bits[relation] and row.in_force_on(day) for relation, row in self.parents_caring)

    def holds(self, staff_id, actor, day):
        """Whether ``staff_id`` held the role that day towards the child."""
        if actor in (Actor.PAIRED, Actor.PROXY):
            kind = "primary" if actor == Actor.PAIRED else "proxy"
            return any(t.kind == kind and t.staff_id == staff_id and t.in_force_on(day) for t in self.ties)
        enrollment = next(
            (
                e
                for e in self.enrollments
                if e.in_force_on(day) and (e.school_class is None or e.school_class.ends_on >= day)
            ),
            None,
        )
        if enrollment is None:
            return False
        held = [post for post in self.posts if post.staff_id == staff_id and post.in_force_on(day)]
        school = enrollment.school
        if actor == Actor.CLASS_TEACHER:
            if enrollment.school_class_id:
                return any(
                    p.kind == "class_teacher" and p.school_class_id == enrollment.school_class_id
                    for p in held
                )
            return any(
                p.kind == "leader" and p.school_id in (school.pk, school.managing_school_id) for p in held
            )
        root = school.managing_school_id or school.pk
        near = [p for p in held if (p.school.managing_school_id or p.school_id) == root]
        if actor == Actor.LEADING_GROUP:
            return any(p.kind in LEADING_GROUP for p in near)
        if actor == Actor.GROUP_OFFICE:
            return any(p.kind == "group_office" for p in near)
        return bool(near)
