"""The measures an assessment scheme may name (``metric``), each with the facts behind it.

A measure answers for many schools at once: the number of statements grows with months, never with schools or children.
What the database cannot answer yet says so (待评). Duties are read as the boards read them: closed months as they were
closed, the others as the ledger stands; a duty that is not due yet counts neither for nor against.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction

from django.db.models import Count, Exists, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from activities.ledger import Counts, Ledger
from activities.models import Activity, ActivityKind, DutyRule, Opening, State, Strength, Tally
from pairing.models import Pairing
from registry.calendar import CalendarNotConfirmed, month_end, next_month, shanghai_midnight
from registry.models import (
    PARENTS,
    ActivityCenter,
    AwayType,
    CareListSpell,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Post,
    PostKind,
    School,
    Screening,
    ScreeningEntry,
    Season,
    Term,
)

from . import figures

CONFIRMED_WITHIN = timedelta(days=30)  # 开学一个月内
MEASURED, UNKNOWN, NOT_APPLICABLE = "measured", "unknown", "not_applicable"


@dataclass
class Fact:
    """A sentence behind a score, and the lines that add up to it: (words, due, done, open, month or None)."""

    text: str
    lines: list = field(default_factory=list)


@dataclass
class TermValue:
    """A measure in one term (or as of a day, then without a name)."""

    name: str
    value: object
    shown: str


@dataclass
class Measured:
    """What a measure found for one school."""

    status: str
    values: list = field(default_factory=list)
    facts: list = field(default_factory=list)
    why: str = ""


def _percent(value):
    return f"{float(value):.1%}"


# Measures over duties: whether days or subject-periods are counted, and the words of the facts.
_DUTY_METRICS = {
    "talk_fulfilment_rate": ("fulfilment", "谈心", "次"),
    "home_visit_coverage_rate": ("coverage", "家访", "人次"),
    "contact_fulfilment_rate": ("fulfilment", "联系家长", "次"),
    "family_call_fulfilment_rate": ("fulfilment", "亲情通话", "次"),
    "weekly_activity_rate": ("coverage", "参加关爱活动", "人次"),
    "opening_weeks_rate": ("coverage", "之家开放", "周"),
    "letter_coverage_rate": ("coverage", "书信", "人次"),
}
# What the program does not keep yet, so a person must judge.
_NOT_KEPT = {
    "report_on_time_rate": "系统里还没有报送回执，请查报送回执",
    "plan_filed_by_deadline": "系统里还没有学期计划，请查工作计划",
    "plan_task_completion_rate": "系统里还没有学期计划，请查计划任务清单",
    "compliant_rooms": "系统里还没有功能室登记，请实地察看",
    "growth_record_rate": "系统里还没有成长记录，请查成长记录册",
    "inventory_match_rate": "系统里还没有资产台账，请查清查表",
    "asset_good_rate": "系统里还没有资产台账，请查资产台账并抽查",
}
KNOWN = frozenset(
    {*_DUTY_METRICS, *_NOT_KEPT, "archive_completeness_rate", "pairing_coverage_rate", "posts_filled",
     "guardian_sessions_held", "daily_check_rate", "leading_group_meetings_held", "screening_confirmed_rate",
     "survey_confirmed_rate"}
)  # fmt: skip
_ARCHIVE = ("性别", "出生日期", "身份证件号", "年级班级", "住址", "留守类型")
_OF_ADULT = {
    "parent": ("外出父母姓名", "外出父母务工地", "外出父母电话"),
    "carer": ("监护人姓名", "监护人关系", "监护人电话"),
}


class Measures:
    """All measures of one school year for some schools of one county; each is computed once, when first asked."""

    def __init__(self, county, year, schools, data, *, now=None):
        self.county, self.year, self.data = county, year, data
        self.now = now or timezone.now()
        self.today = timezone.localtime(self.now).date()
        self.first, self.last = date(year, 9, 1), date(year + 1, 8, 31)
        self.as_of = min(self.today, self.last)
        ids = [school.pk for school in schools]
        # A 教学点 counts with its managing school.
        points = School.objects.filter(managing_school__in=ids).values_list("pk", "managing_school")
        self.home = {pk: pk for pk in ids} | dict(points)
        self.schools = frozenset(self.home)
        self.terms = list(Term.objects.filter(county=county, year=year).order_by("starts_on"))
        self._ledger = None
        self._found = {}

    def measure(self, school, indicator):
        """The measure an indicator names, for one school."""
        metric = indicator["metric"]
        if self.as_of < self.first:
            return Measured(UNKNOWN, why="这一学年还没有开始")
        if metric in _DUTY_METRICS:
            return self._duty_metric(school, indicator)
        if metric in _NOT_KEPT:
            return Measured(UNKNOWN, why=_NOT_KEPT[metric])
        if metric not in KNOWN:
            return Measured(UNKNOWN, why=f"系统还不会算“{metric}”")
        if metric not in self._found:
            self._found[metric] = getattr(self, f"_{metric}")()
        return replace(
            self._found[metric].get(school.pk) or Measured(NOT_APPLICABLE, why="截止日没有在册儿童")
        )

    # --- duties ---------------------------------------------------------------------------------------------------

    @property
    def ledger(self):
        """The ledger of the county as of now."""
        if self._ledger is None:
            self._ledger = Ledger(self.county, now=self.now)
        return self._ledger

    def _codes(self):
        return {
            code
            for section in self.data["sections"]
            for indicator in section["indicators"]
            for code in indicator.get("duties", ())
        }

    @property
    def rules(self):
        """Every version of the duties the scheme names that scores: must, the county's or approved in its place."""
        if "rules" not in self._found:
            rows = DutyRule.objects.filter(county=self.county, code__in=self._codes(), strength=Strength.MUST)
            self._found["rules"] = {r.pk: r for r in rows.select_related("owner") if figures.compared(r)}
        return self._found["rules"]

    def _in_force(self, codes):
        return [
            rule
            for rule in self.rules.values()
            if rule.code in codes
            and rule.active
            and rule.valid_from <= self.as_of
            and (rule.valid_to is None or rule.valid_to >= self.first)
        ]

    @property
    def sums(self):
        """{(school id, code, first day of the term): {month: Counts}} of the year. Raises CalendarNotConfirmed."""
        if "sums" not in self._found:
            self._found["sums"] = self._add_up()
        return self._found["sums"]

    def _add_up(self):
        used = min(
            School.objects.filter(pk__in=self.schools).values_list("first_used_on", flat=True),
            default=self.last,
        )
        months, month = [], self.first
        while month <= self.as_of:
            if month_end(month) >= used:
                months.append(month)
            month = next_month(month)
        closed = figures.closed_months(self.county, months)
        found = defaultdict(lambda: defaultdict(Counts))
        self._closed_sums(sorted(closed), found)
        scoring = [rule for rule in self.rules.values() if rule.active]
        for month in months:
            if month in closed:
                continue
            duties = figures.duty_counts(
                self.county, month, schools=set(self.schools), now=self.now, rules=scoring
            ).duties
            for duty in duties or ():
                counts = found[self.home[duty.school_id], duty.rule.code, self._term(duty.period.judge_day)][
                    month
                ]
                if duty.state == State.UPCOMING:
                    counts.upcoming += 1
                else:
                    counts.add(duty)
        return found

    def _closed_sums(self, months, found):
        rows = Tally.objects.filter(
            county=self.county, month__in=months, school__in=self.schools, rule__in=list(self.rules)
        )
        names = figures.TALLIED
        rows = rows.order_by().values("month", "rule", "period_start", "school")
        for row in rows.annotate(**{f"n_{name}": Sum(name) for name in names}):
            rule = self.rules[row["rule"]]
            period = self.ledger.calendar.period_on(rule.per, row["period_start"], rule.within_days)
            key = self.home[row["school"]], rule.code, self._term(period.judge_day if period else None)
            counts = Counts(**{name: row[f"n_{name}"] for name in names})
            found[key][row["month"]] = found[key][row["month"]] + counts

    def _term(self, day):
        span = self.ledger.calendar.term_of(day) if day else None
        return span[0] if span else None

    def _duty_metric(self, school, indicator):
        rate, noun, unit = _DUTY_METRICS[indicator["metric"]]
        codes = indicator.get("duties", ())
        rules = self._in_force(codes)
        if not rules:
            return Measured(NOT_APPLICABLE, why=f"县里这一学年没有执行 {'、'.join(codes)} 这几项要求")
        try:
            sums = self.sums
        except CalendarNotConfirmed as error:
            return Measured(UNKNOWN, why=str(error))
        result, waiting = Measured(MEASURED), 0
        for term in self.terms:
            months = defaultdict(Counts)
            for code in codes:
                for month, counts in sums.get((school.pk, code, term.starts_on), {}).items():
                    months[month] = months[month] + counts
            whole = sum(months.values(), Counts())
            done, due = _done_and_due(whole, rate)
            waiting += whole.upcoming
            if not due:
                continue
            name = Season(term.season).label
            value = Fraction(done, due)
            result.values.append(TermValue(name, value, _percent(value)))
            late = f"（其中补录 {whole.met_late}）" if whole.met_late else ""
            lines = [
                (f"{month.year}年{month.month}月", d, n, d - n, month)
                for month, counts in sorted(months.items())
                for n, d in [_done_and_due(counts, rate)]
                if d
            ]
            text = f"{name}{noun}：应做 {due} {unit}，做到 {done} {unit}{late}，还差 {due - done} {unit}，完成率 {_percent(value)}"
            result.facts.append(Fact(text, lines))
        if result.values:
            return result
        later = self.today <= self.last and any(rule.per in figures.LONGER for rule in rules)
        if waiting or later:
            return Measured(UNKNOWN, why="还没有到期，到期后再算")
        return Measured(NOT_APPLICABLE, why="这一学年没有该做的")

    # --- as of a day ----------------------------------------------------------------------------------------------

    def _seats(self):
        listed = CareListSpell.objects.on(self.as_of).values("child")
        return Enrollment.objects.on(self.as_of).filter(school__in=self.schools, child__in=listed)

    def _archive_completeness_rate(self):
        """Required fields filled, over the children on the list; nothing is decrypted to know whether it is there."""
        day = self.as_of
        care = CareListSpell.objects.on(day).filter(child=OuterRef("child")).values("type")[:1]
        children, missing, needed = {}, defaultdict(Counter), Counter()
        seats = self._seats().annotate(care=Subquery(care)).values_list(
            "child", "school", "school_class", "child__sex", "child__birth_date", "child__id_number_index",
            Q(child__address=""), "care", "child__village",
        )  # fmt: skip
        for child, school, school_class, sex, born, number, no_address, type_, village in seats:
            home = self.home[school]
            children[child] = home, type_
            here = (sex, born, number, school_class, village or not no_address, type_ != AwayType.UNKNOWN)
            needed[home] += 1 + len(_ARCHIVE)
            missing[home].update(word for word, value in zip(_ARCHIVE, here, strict=True) if not value)
        seated = self._seats().values("child")
        has_phone = Exists(Phone.objects.filter(guardian=OuterRef("guardian"), ended_on=None))
        works = ParentWork.objects.on(day).filter(guardian=OuterRef("guardian"))
        parents = Kinship.objects.filter(Exists(works), child__in=seated, relation__in=PARENTS)
        away = Counter()
        for child, place, phone in parents.annotate(
            place=Subquery(works.values("place")[:1]), phone=has_phone
        ).values_list("child", "place", "phone"):
            away[child] += 1
            self._miss(missing[children[child][0]], "parent", (True, place, phone))
            needed[children[child][0]] += 3
        carers = Guardianship.objects.on(day).filter(child__in=seated).annotate(
            known=Exists(Kinship.objects.filter(child=OuterRef("child"), guardian=OuterRef("guardian"))), phone=has_phone
        )  # fmt: skip
        cared = {}
        for child, known, phone in carers.order_by("starts_on").values_list("child", "known", "phone"):
            # Two may care for a child; the best documented one is the one the archive names.
            cared[child] = max(cared.get(child, (False, False)), (known, phone))
        said = {AwayType.BOTH_AWAY: 2, AwayType.ONE_AWAY: 1}
        for child, (home, type_) in children.items():
            for _ in range(said.get(type_, 0) - away[child]):
                self._miss(missing[home], "parent", (False, False, False))
                needed[home] += 3
            known, phone = cared.get(child, (False, False))
            self._miss(missing[home], "carer", (child in cared, known, phone))
            needed[home] += 3
        heads = Counter(home for home, _ in children.values())
        return {home: self._archive_of(heads[home], needed[home], missing[home]) for home in heads}

    @staticmethod
    def _miss(counter, who, here):
        counter.update(word for word, value in zip(_OF_ADULT[who], here, strict=True) if not value)

    def _archive_of(self, heads, needed, missing):
        gone = sum(missing.values())
        value = Fraction(needed - gone, needed)
        text = (
            f"在册 {heads} 人，必填 {needed} 项，填了 {needed - gone} 项，缺 {gone} 项，完整率 {_percent(value)}"
            f"（截止 {self.as_of}；没有身份证件号的也算缺项）"
        )
        lines = [(f"缺{word}", None, None, n, None) for word, n in missing.most_common()]
        return Measured(MEASURED, [TermValue("", value, _percent(value))], [Fact(text, lines)])

    def _pairing_coverage_rate(self):
        paired = Exists(Pairing.objects.primary().on(self.as_of).filter(child=OuterRef("child")))
        total, covered = Counter(), Counter()
        rows = (
            self._seats()
            .annotate(paired=paired)
            .order_by()
            .values("school", "paired")
            .annotate(n=Count("pk"))
        )
        for row in rows:
            home = self.home[row["school"]]
            total[home] += row["n"]
            covered[home] += row["n"] if row["paired"] else 0
        found = {}
        for home, heads in total.items():
            value = Fraction(covered[home], heads)
            text = f"在册 {heads} 人，有包保教师 {covered[home]} 人，没有的 {heads - covered[home]} 人，覆盖率 {_percent(value)}（截止 {self.as_of}）"
            lines = [("截止日", heads, covered[home], heads - covered[home], None)]
            found[home] = Measured(MEASURED, [TermValue("", value, _percent(value))], [Fact(text, lines)])
        return found

    def _posts_filled(self):
        """之家管理员、档案管理员 are posts; 信息员 stands, where it stands, in the words of a post's duties (分工)."""
        posts = Post.objects.on(self.as_of).filter(school__in=self.schools)
        posts = posts.filter(
            Q(kind__in=(PostKind.CENTER_MANAGER, PostKind.ARCHIVIST)) | Q(duty_text__contains="信息员")
        )
        held = defaultdict(set)
        for school, kind, words in posts.values_list("school", "kind", "duty_text"):
            if kind in (PostKind.CENTER_MANAGER, PostKind.ARCHIVIST):
                held[self.home[school]].add(PostKind(kind).label)
            if "信息员" in words:
                held[self.home[school]].add("信息员")
        names = ("之家管理员", "档案管理员", "信息员")
        found = {}
        for home in set(self.home.values()):
            here = held[home]
            said = "，".join(f"{name}{'有' if name in here else '没有登记'}" for name in names)
            fact = Fact(f"{said}（截止 {self.as_of}）")
            if "信息员" in here:
                found[home] = Measured(MEASURED, [TermValue("", len(here), f"{len(here)} 岗")], [fact])
            else:
                why = "信息员没有单独的岗位，岗位的“分工”里也没有写，请查岗位安排表"
                found[home] = Measured(UNKNOWN, [], [fact], why)
        return found

    # --- by term --------------------------------------------------------------------------------------------------

    def _by_term(self, count, last_day=lambda term: term.ends_on):
        """``count(term)`` gives {school: (value, shown, sentence) or None}; a term is measured once ``last_day`` is over."""
        found = {home: Measured(MEASURED) for home in set(self.home.values())}
        running = False
        for term in self.terms:
            if term.starts_on > self.as_of:
                continue
            ended = last_day(term) < self.today
            running = running or not ended
            answers = count(term)
            for home, result in found.items():
                if answers.get(home) is None:
                    continue
                value, shown, sentence = answers[home]
                name = Season(term.season).label
                result.facts.append(Fact(f"{name}{'' if ended else f'（截止 {self.as_of}）'}{sentence}"))
                if ended:
                    result.values.append(TermValue(name, value, shown))
        for result in found.values():
            if not result.values:
                result.status = UNKNOWN if running and result.facts else NOT_APPLICABLE
                result.why = "学期还没有结束，学期末再算" if result.status == UNKNOWN else "没有可以算的学期"
        return found

    def _guardian_sessions_held(self):
        kinds = (ActivityKind.TRAINING, ActivityKind.PARENTS_MEETING)

        def count(term):
            rows = Activity.objects.valid().filter(
                Q(school__in=self.schools) | Q(school=None, center__school__in=self.schools),
                kind__in=kinds, day__range=(term.starts_on, term.ends_on),
            )  # fmt: skip
            held = Counter()
            for school, center_school, kind in rows.values_list("school", "center__school", "kind"):
                held[self.home[school or center_school], kind] += 1
            answers = {}
            for home in set(self.home.values()):
                training, meeting = held[home, kinds[0]], held[home, kinds[1]]
                value = min(2, training) + min(1, meeting)
                answers[home] = (value, f"{value} 次", f"监护人培训 {training} 次，家长会 {meeting} 次")
            return answers

        return self._by_term(count)

    def _leading_group_meetings_held(self):
        """Meetings of the leading group with minutes, by term (C005)."""

        def count(term):
            rows = Activity.objects.valid().filter(
                school__in=self.schools, kind=ActivityKind.GROUP_MEETING, day__range=(term.starts_on, term.ends_on)
            )  # fmt: skip
            held = Counter(self.home[school] for school in rows.values_list("school", flat=True))
            return {
                home: (held[home], f"{held[home]} 次", f"领导小组开会 {held[home]} 次，有记录")
                for home in set(self.home.values())
            }

        return self._by_term(count)

    def _screening_confirmed_rate(self):
        """Children confirmed in the screening within 30 days of the term's start, of those on its list that day (F53)."""
        screened = set(
            Screening.objects.filter(county=self.county, term__in=self.terms).values_list("term", flat=True)
        )

        def last_day(term):
            return term.starts_on + CONFIRMED_WITHIN

        def count(term):
            if term.pk not in screened:
                return {}
            day = last_day(term)
            listed = CareListSpell.objects.on(day).values("child")
            seats = Enrollment.objects.on(day).filter(school__in=self.schools, child__in=listed)
            said = ScreeningEntry.objects.filter(
                class_screening__school_screening__screening__term=term, child=OuterRef("child"),
                answered_at__lt=shanghai_midnight(day + timedelta(days=1)),
            )  # fmt: skip
            rows = (
                seats.annotate(said=Exists(said)).order_by().values("school", "said").annotate(n=Count("pk"))
            )
            total, confirmed = Counter(), Counter()
            for row in rows:
                home = self.home[row["school"]]
                total[home] += row["n"]
                confirmed[home] += row["n"] if row["said"] else 0
            answers = {}
            for home, heads in total.items():
                value = Fraction(confirmed[home], heads)
                sentence = (
                    f"摸底：到 {day} 在册 {heads} 人，已确认 {confirmed[home]} 人，"
                    f"还有 {heads - confirmed[home]} 人没有确认，{_percent(value)}"
                )
                answers[home] = (value, _percent(value), sentence)
            return answers

        found = self._by_term(count, last_day)
        for result in found.values():
            if result.status == NOT_APPLICABLE:
                result.status, result.why = UNKNOWN, "这一学年没有在系统里摸底，请查班级确认记录"
            elif result.status == UNKNOWN:
                result.why = "开学还不满一个月，到时再算"
        return found

    _survey_confirmed_rate = _screening_confirmed_rate

    def _daily_check_rate(self):
        centers = dict(ActivityCenter.objects.filter(school__in=self.schools).values_list("pk", "school"))

        def count(term):
            rows = Opening.objects.valid().filter(
                center__in=list(centers), day__range=(term.starts_on, term.ends_on)
            )
            opened, checked = Counter(), Counter()
            grouped = (
                rows.order_by()
                .values("center")
                .annotate(opened=Count("pk"), checked=Count("pk", filter=Q(hygiene_checked=True)))
            )
            for row in grouped:
                home = self.home[centers[row["center"]]]
                opened[home] += row["opened"]
                checked[home] += row["checked"]
            answers = {}
            for home, days in opened.items():
                value = Fraction(checked[home], days)
                answers[home] = (
                    value, _percent(value), f"之家开放 {days} 天，其中查了卫生和安全 {checked[home]} 天，{_percent(value)}"
                )  # fmt: skip
            return answers

        found = self._by_term(count)
        for result in found.values():
            if result.status == NOT_APPLICABLE:
                result.why = "没有开放记录"
        return found


def _done_and_due(counts, rate):
    """(done, due) of what has come due: days for 应做次数完成率, subject-periods for 完成率."""
    if rate == "fulfilment":
        return counts.days_done, counts.days_owed
    return counts.met + counts.met_late, counts.met + counts.met_late + counts.missed


__all__ = ["KNOWN", "MEASURED", "NOT_APPLICABLE", "UNKNOWN", "Fact", "Measured", "Measures", "TermValue"]
