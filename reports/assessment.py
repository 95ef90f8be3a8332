"""The county assessment (考核): reading a scheme, scoring it from facts, ranking without shaming.

A scheme is data (``AssessmentScheme``); its measures are functions in ``reports.metrics``. What today's data cannot
answer is 待评, never a made-up score; what has nothing to divide by is 不适用 and its points are taken out. Points are
exact decimals, rounded half up, as a person with a pencil would.
"""

import json
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from registry.calendar import school_year_of
from registry.models import School
from trust import audit

from .metrics import MEASURED, NOT_APPLICABLE, Measures
from .models import AssessmentScheme

audit.name_actions(import_scheme="导入考核细则", score_assessment="计算考核得分")
audit.name_kinds(assessmentscheme="考核细则")

DEFAULT_SCHEME = Path(__file__).parent / "data" / "assessment-scheme.json"
TENTH = Decimal("0.1")
FULL = Decimal(100)
AUTO_TYPES = ("tiers", "linear_rate", "per_achieved")
MANUAL_TYPES = ("per_missing", "judgement")
CAUTION = (
    "按教师厅〔2025〕2号：未列入县年度督查检查考核计划的，本表只供学校自查、改进，不得用来评价学校；"
    "不以留痕资料、台账记录作为评价依据；任何时候不用来评价教师个人。"
)


class SchemeError(ValueError):
    """A scheme that cannot be used; ``problems`` says what to put right, one sentence each."""

    def __init__(self, problems):
        self.problems = problems
        super().__init__("；".join(problems))


def number(value):
    """A JSON number as an exact decimal."""
    return Decimal(str(value))


def rounded(value, step=TENTH):
    """Rounded half up to a multiple of ``step``; ``value`` may be a fraction."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    return (Decimal(value) / step).quantize(Decimal(1), ROUND_HALF_UP) * step


# --- reading a scheme -------------------------------------------------------------------------------------------------


def check_scheme(data):
    """Problems of a scheme, [] when it can be used: points add up, codes are unique, deductions are known."""
    problems = []
    for key in ("scheme_code", "title_zh", "total_points", "sections"):
        if not data.get(key):
            problems.append(f"缺少 {key}")
    if problems:
        return problems
    codes, total = set(), Decimal(0)
    for section in data["sections"]:
        inside = Decimal(0)
        for indicator in section.get("indicators", ()):
            code = str(indicator.get("code"))
            if code in codes:
                problems.append(f"指标编号 {code} 用了两次")
            codes.add(code)
            inside += number(indicator.get("max_points", 0))
            problems += _check_indicator(code, indicator)
        if inside != number(section.get("max_points", 0)):
            problems.append(
                f"第 {section.get('code')} 部分写 {section.get('max_points')} 分，各项加起来是 {inside} 分"
            )
        total += inside
    if total != number(data["total_points"]):
        problems.append(f"总分写 {data['total_points']} 分，各部分加起来是 {total} 分")
    return problems


def _check_indicator(code, indicator):
    problems = []
    rule, top = indicator.get("deduction") or {}, number(indicator.get("max_points", 0))
    kind = rule.get("type")
    if top <= 0:
        problems.append(f"{code} 的分值要大于 0")
    if indicator.get("kind") not in ("auto", "manual"):
        problems.append(f"{code} 的 kind 要写 auto 或 manual")
    elif kind not in (*AUTO_TYPES, *MANUAL_TYPES):
        problems.append(f"{code} 的扣分办法 {kind!r} 不认识")
    elif indicator["kind"] == "auto" and (kind not in AUTO_TYPES or not indicator.get("metric")):
        problems.append(f"{code} 由系统算，要写清 metric 和算得出来的扣分办法")
    elif kind == "tiers":
        steps = rule.get("tiers") or []
        if not steps or any(
            len({"at_least", "at_most"} & set(step)) != 1 or "points" not in step for step in steps
        ):
            problems.append(f"{code} 的每一档要写 at_least 或 at_most，和 points")
        elif any(not 0 <= number(step["points"]) <= top for step in steps):
            problems.append(f"{code} 的分档超出了 0 至 {top} 分")
    elif kind == "linear_rate":
        if not {"full_at", "zero_at"} <= set(rule) or number(rule["full_at"]) <= number(rule["zero_at"]):
            problems.append(f"{code} 的满分线 full_at 要高于零分线 zero_at")
    elif kind in ("per_achieved", "per_missing") and number(rule.get("points_each", 0)) <= 0:
        problems.append(f"{code} 的 points_each 要大于 0")
    elif kind == "per_achieved" and number(rule["points_each"]) * int(rule.get("required", 0)) != top:
        problems.append(f"{code} 的 points_each × required 不等于 {top} 分")
    return problems


def read_scheme(text):
    """The scheme in a JSON text. Raises SchemeError."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SchemeError([f"不是 JSON：{error}"]) from error
    if not isinstance(data, dict):
        raise SchemeError(["最外层应是一个对象"])
    problems = check_scheme(data)
    if problems:
        raise SchemeError(problems)
    return data


def import_scheme(data, *, county, first_year, last_year=None, by=None):
    """Stores the scheme for ``county``; the same scheme again changes nothing. Returns (scheme, whether it changed)."""
    problems = check_scheme(data)
    if problems:
        raise SchemeError(problems)
    with transaction.atomic():
        row = (
            AssessmentScheme.objects.select_for_update()
            .filter(county=county, code=data["scheme_code"])
            .first()
        )
        wanted = {"title": data["title_zh"], "first_year": first_year, "last_year": last_year, "data": data}
        if row is not None and all(getattr(row, name) == value for name, value in wanted.items()):
            return row, False
        if row is None:
            row = AssessmentScheme(county=county, code=data["scheme_code"])
        else:
            row.version += 1
        for name, value in wanted.items():
            setattr(row, name, value)
        row.imported_at = timezone.now()
        row.full_clean()
        row.save()
        audit.record(
            "import_scheme", by=by, kind="assessmentscheme", uid=row, detail=f"{row.code} {row.title}"
        )
    return row, True


def import_default(county, *, by=None):
    """The scheme that comes with the program, an example a county may begin with and change."""
    data = read_scheme(DEFAULT_SCHEME.read_text(encoding="utf-8"))
    return import_scheme(data, county=county, first_year=_first_year_of_use(county), by=by)[0]


def _first_year_of_use(county):
    days = list(School.objects.filter(county=county).values_list("first_used_on", flat=True))
    return school_year_of(min(days, default=timezone.localdate()))


def scheme_for(county, year):
    """The county's scheme for a school year, or None."""
    return AssessmentScheme.objects.in_force(county, year).first()


# --- deductions -------------------------------------------------------------------------------------------------------


def points_for(rule, top, value):
    """Points of one deduction for one measured value (a Fraction, a number; for ``tiers`` with ``requires`` a pair).

    None when the rule leaves it to a person.
    """
    kind, top = rule["type"], number(top)
    if kind == "linear_rate":
        full, zero = Fraction(str(rule["full_at"])), Fraction(str(rule["zero_at"]))
        share = min(max((Fraction(value) - zero) / (full - zero), Fraction(0)), Fraction(1))
        return rounded(Fraction(top) * share, number(rule.get("round", TENTH)))
    if kind == "per_achieved":
        return min(number(rule["points_each"]) * min(int(value), int(rule["required"])), top)
    if kind == "per_missing":
        return max(top - number(rule["points_each"]) * int(value), number(rule.get("floor", 0)))
    if kind == "tiers":
        if value is not None:
            for step in rule["tiers"]:
                reached = value >= step["at_least"] if "at_least" in step else value <= step["at_most"]
                if reached:
                    return min(number(step["points"]), top)
        return number(rule.get("else", 0))
    return None


# --- scoring ----------------------------------------------------------------------------------------------------------


class Status:
    """How an indicator stands."""

    SCORED, PENDING, NOT_APPLICABLE = "scored", "pending", "not_applicable"
    WORDS = {SCORED: "系统算", PENDING: "待评", NOT_APPLICABLE: "不适用"}


@dataclass
class Score:
    """One indicator of one school: points by the system or none, and the facts behind them."""

    indicator: dict
    status: str
    points: Decimal | None = None
    facts: list = field(default_factory=list)
    why: str = ""
    terms: list = field(default_factory=list)  # (name of the term, value as shown, points)

    @property
    def code(self):
        """5.2."""
        return self.indicator["code"]

    @property
    def name(self):
        """Its name."""
        return self.indicator["name_zh"]

    @property
    def top(self):
        """Most points."""
        return number(self.indicator["max_points"])

    @property
    def lost(self):
        """Points deducted; None while there are none."""
        return None if self.points is None else self.top - self.points

    @property
    def word(self):
        """系统算, 待评, 不适用."""
        return Status.WORDS[self.status]


@dataclass
class SectionScore:
    """One of the six sections."""

    code: str
    name: str
    top: Decimal
    scores: list

    @property
    def points(self):
        """Points the system has given so far."""
        return sum((s.points for s in self.scores if s.status == Status.SCORED), Decimal(0))

    @property
    def scored_top(self):
        """Most points of what the system could score."""
        return sum((s.top for s in self.scores if s.status == Status.SCORED), Decimal(0))

    @property
    def pending_top(self):
        """Points that wait for a person."""
        return sum((s.top for s in self.scores if s.status == Status.PENDING), Decimal(0))

    @property
    def not_applicable_top(self):
        """Points taken out."""
        return sum((s.top for s in self.scores if s.status == Status.NOT_APPLICABLE), Decimal(0))


@dataclass
class SchoolScore:
    """One school's automatic scores in a year."""

    school: object
    sections: list

    def _sum(self, name):
        return sum((getattr(section, name) for section in self.sections), Decimal(0))

    @property
    def scores(self):
        """Every indicator in order."""
        return [score for section in self.sections for score in section.scores]

    @property
    def points(self):
        """Raw points so far."""
        return self._sum("points")

    @property
    def scored_top(self):
        """Out of how many."""
        return self._sum("scored_top")

    @property
    def pending_top(self):
        """Points that wait for a person."""
        return self._sum("pending_top")

    @property
    def not_applicable_top(self):
        """Points taken out."""
        return self._sum("not_applicable_top")

    @property
    def complete(self):
        """Whether nothing is 待评 any more."""
        return self.pending_top == 0

    @property
    def rescaled(self):
        """Points so far, rescaled to 100; None when nothing could be scored."""
        return rounded(self.points * FULL / self.scored_top) if self.scored_top else None


def score_indicator(measures, school, indicator):
    """One indicator of one school. A measure by term is scored for each term and averaged, rounded to 0.1."""
    if indicator["kind"] == "manual":
        return Score(indicator, Status.PENDING, why="由考核组查阅资料、实地察看后评定")
    rule = indicator["deduction"]
    if (
        rule.get("metric", indicator["metric"]) != indicator["metric"]
        or rule.get("requires")
        or rule.get("precondition")
    ):
        # A condition that no measure answers is for a person to check.
        found = measures.measure(school, indicator)
        return Score(indicator, Status.PENDING, None, found.facts, found.why or "有前提要人核对")
    found = measures.measure(school, indicator)
    if found.status == NOT_APPLICABLE:
        return Score(indicator, Status.NOT_APPLICABLE, None, found.facts, found.why)
    if found.status != MEASURED:
        return Score(indicator, Status.PENDING, None, found.facts, found.why)
    terms = [(v.name, v.shown, points_for(rule, indicator["max_points"], v.value)) for v in found.values]
    points = rounded(sum((points for _, _, points in terms), Decimal(0)) / len(terms))
    return Score(indicator, Status.SCORED, points, found.facts, found.why, terms)


def score_schools(scheme, year, schools, *, now=None):
    """Automatic scores of ``schools`` in the school year: the statements do not grow with schools or children."""
    schools = list(schools)
    measures = Measures(scheme.county, year, schools, scheme.data, now=now)
    return [
        SchoolScore(
            school,
            [
                SectionScore(
                    section["code"], section["name_zh"], number(section["max_points"]),
                    [score_indicator(measures, school, indicator) for indicator in section["indicators"]],
                )
                for section in scheme.data["sections"]
            ],
        )
        for school in schools
    ]  # fmt: skip


def assessed_schools(county, *, schools=None):
    """Schools that are assessed: all but 教学点, which count with their managing school, and those closed."""
    found = School.objects.filter(county=county, managing_school=None).filter(ends_on=None)
    if schools is not None:
        found = found.filter(pk__in=schools)
    return found.select_related("county", "district").order_by("code")


def grade_of(scheme_data, total):
    """一级, 二级 … of a final total, or "" without bands."""
    for band in scheme_data.get("result_use", {}).get("grade_bands", ()):
        if total >= number(band["min"]):
            return band["name_zh"]
    return ""


@dataclass(frozen=True)
class Place:
    """A school's place in the order; ``cut`` says whether it stands above, below or on a cut line."""

    rank: int
    score: SchoolScore
    cut: str = ""


TOP, BOTTOM, TOP_TIE, BOTTOM_TIE = "前列", "后列", "并列在前列线上，由县定", "并列在后列线上，由县定"


def ranking(scores, result_use):
    """Places by rescaled points. The cut lines never overlap: with n schools at most ⌊n/2⌋ on either side.

    Schools with equal points on a cut line are all named and the county decides.
    """
    ranked = sorted((s for s in scores if s.rescaled is not None), key=lambda s: (-s.rescaled, s.school.code))
    size = len(ranked)
    top = min(int(result_use.get("commend_top", 0)), size // 2)
    bottom = min(int(result_use.get("restrict_bottom", 0)), size // 2)
    values = [s.rescaled for s in ranked]
    places, rank = [], 0
    for index, score in enumerate(ranked):
        if index == 0 or values[index - 1] != values[index]:
            rank = index + 1
        places.append(Place(rank, score, _cut(values, index, top, bottom)))
    return places


def _cut(values, index, top, bottom):
    value, size = values[index], len(values)
    words = []
    if top:
        line = values[top - 1]
        tied = top < size and values[top] == line
        if value > line or (value == line and not tied):
            words.append(TOP)
        elif value == line:
            words.append(TOP_TIE)
    if bottom:
        line = values[size - bottom]
        tied = size - bottom - 1 >= 0 and values[size - bottom - 1] == line
        if value < line or (value == line and not tied):
            words.append(BOTTOM)
        elif value == line:
            words.append(BOTTOM_TIE)
    return "；".join(words)


__all__ = [
    "CAUTION", "Place", "SchemeError", "SchoolScore", "Score", "SectionScore", "Status", "ValidationError", "assessed_schools",
    "check_scheme", "grade_of", "import_default", "import_scheme", "number", "points_for", "ranking", "read_scheme", "rounded",
    "scheme_for", "score_schools",
]  # fmt: skip
