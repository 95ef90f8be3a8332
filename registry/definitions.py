"""Who is a left-behind child (留守儿童) by which definition (口径), for any day, computed from facts; with the sentence why.

D1 国发〔2016〕13号: both parents away, or one away and the other unable to care; under 16. D2 学籍: one or both away for more
than three months, in compulsory education. D3 school plans: one or both away, under 18. D4 the county's own refinement:
both (or one) away for so many months in a row, across the county's border or not, under an age (``LocalDefinition``). The
care list (在册) is what a person confirmed; where it and the facts disagree, the page says so.

``judge_facts`` judges one child from plain facts, which come from a loaded family (``facts_of``) or, for many children,
from ``registry.head_counts``. How open points are read: docs/decisions/0011.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils import timezone

from .conditions import UNABLE
from .models import Ability, AwayType, ConditionKind, Relation, Stage

THREE_MONTHS = timedelta(days=92)
HOME_VISIT = timedelta(days=30)  # shorter stays at home do not break "in a row"
COMPULSORY = (Stage.PRIMARY, Stage.JUNIOR)
CODES = ("D1", "D2", "D3", "D4")
NAMES = {
    "D1": "国务院口径（国发〔2016〕13号）",
    "D2": "学籍口径",
    "D3": "学校计划口径",
    "D4": "本县口径",
}
MEANINGS = {
    "D1": "父母双方外出，或一方外出、另一方无监护能力，不满 16 周岁",
    "D2": "父母一方或双方外出满三个月，义务教育阶段在读",
    "D3": "父母一方或双方外出，不满 18 周岁",
}


@dataclass(frozen=True)
class LocalDefinition:
    """D4, as a county sets it; ``county_code`` tells what lies across its border."""

    months: int
    both_away: bool
    across_county: bool
    under_age: int
    county_code: str

    @classmethod
    def of(cls, county):
        """The county's refinement, or None where it has none."""
        if not county.local_months:
            return None
        return cls(
            county.local_months,
            county.local_both_away,
            county.local_across_county,
            county.local_under_age,
            county.code,
        )

    @property
    def meaning(self):
        """父母双方连续外出满 6 个月并出县，不满 16 周岁."""
        who = "父母双方" if self.both_away else "父母一方或双方"
        where = "并出县" if self.across_county else ""
        return f"{who}连续外出满 {self.months} 个月{where}，不满 {self.under_age} 周岁"


@dataclass(frozen=True)
class Away:
    """One spell away of a parent; ``ends_on`` None = still."""

    starts_on: date
    ends_on: date | None
    division_code: str = ""


@dataclass
class ParentFacts:
    """What the definitions ask about one parent on a day. ``unable``: why it cannot care, "" when it can."""

    away: list[Away] = field(default_factory=list)  # valid spells begun by the day, oldest first
    died: bool = False
    unable: str = ""

    def is_away(self, day):
        """Whether a spell is in force on ``day``; who died is away no more."""
        return not self.died and any(_holds(spell, day) for spell in self.away)

    def away_since(self, day, within=None):
        """Since when in a row, short stays at home forgiven; None when not away. ``within`` narrows the spells."""
        if not self.is_away(day):
            return None
        spells = [spell for spell in self.away if within is None or within(spell)]
        current = next((spell for spell in reversed(spells) if _holds(spell, day)), None)
        if current is None:
            return None
        since = current.starts_on
        for spell in reversed(spells):
            if spell.starts_on < since and (spell.ends_on is None or since - spell.ends_on <= HOME_VISIT):
                since = spell.starts_on
        return since


def _holds(spell, day):
    return spell.starts_on <= day and (spell.ends_on is None or spell.ends_on >= day)


@dataclass
class Facts:
    """What the definitions ask about one child on a day. A parent nobody registered is missing from ``parents``."""

    age: int | None
    in_school: bool = False  # in a class of compulsory education
    parents: dict = field(default_factory=dict)  # Relation.FATHER, Relation.MOTHER -> ParentFacts


@dataclass(frozen=True)
class Judgement:
    """Whether a definition holds; None = a fact is missing."""

    code: str
    holds: bool | None
    why: str

    @property
    def name(self):
        """国务院口径 …"""
        return NAMES[self.code]

    @property
    def answer(self):
        """是, 否, 缺资料."""
        return {True: "是", False: "否", None: "缺资料"}[self.holds]


def away_word(family):
    """What the parents' work spells say of today: 父母双方外出, 父亲外出, … or "" when nobody is away."""
    away = [adult for adult in family.parents_away if not adult.guardian.died_on]
    return _away_words([adult.kinship.relation for adult in away])


def _away_words(relations):
    if len(relations) == 2:
        return "父母双方外出"
    return f"{Relation(relations[0]).label}外出" if relations else ""


def disagreement(family, care_list_spell):
    """The sentence for the page when the care list's type and the parents' facts differ, or ""."""
    if care_list_spell is None or not family.parents:
        return ""
    away = len(family.parents_away)
    said = {AwayType.BOTH_AWAY: 2, AwayType.ONE_AWAY: 1}.get(care_list_spell.type)
    if said is None or away == said:
        return ""
    facts = away_word(family) or "没有父母在外的记录"
    return f"在册登记的是“{care_list_spell.get_type_display()}”，外出记录是“{facts}”，请核实"


def facts_of(family, enrollment, day):
    """``Facts`` of a child from its family (``families.family_of``, loaded for ``day``) and its enrollment that day."""
    facts = Facts(
        age=family.child.age_on(day),
        in_school=bool(
            enrollment is not None
            and enrollment.school_class_id
            and enrollment.school_class.stage in COMPULSORY
        ),
    )
    for adult in family.parents:
        died_on = adult.guardian.died_on
        facts.parents[adult.kinship.relation] = ParentFacts(
            away=[
                Away(work.starts_on, work.ends_on, work.division_code)
                for work in adult.work_history
                if work.starts_on <= day
            ],
            died=died_on is not None and died_on <= day,
            unable=unable_word(
                [one.kind for one in adult.conditions], adult.care.ability if adult.care else ""
            ),
        )
    return facts


def unable_word(kinds, ability):
    """Why a parent cannot care: its condition, or what the assessment says; "" when it can."""
    for kind in kinds:
        if kind in UNABLE:
            return ConditionKind(kind).label
    return "无监护能力" if ability == Ability.PARENT_UNABLE else ""


def judge(family, enrollment=None, day=None):
    """The judgements for the child of ``family`` (loaded for ``day``); no query."""
    day = day or timezone.localdate()
    return judge_facts(facts_of(family, enrollment, day), day, local=LocalDefinition.of(family.child.county))


def judge_facts(facts, day, *, local=None):
    """[Judgement] of D1, D2, D3 and, where the county has one (``local``), D4. Pure."""
    away = [relation for relation in (Relation.FATHER, Relation.MOTHER) if _is_away(facts, relation, day)]
    both_known = len(facts.parents) == 2
    told = _away_words(away) or "没有父母在外的记录"
    under = f"{facts.age} 岁" if facts.age is not None else ""

    def answer(code, holds, why, *, unknown=""):
        if facts.age is None:
            return Judgement(code, None, "没有出生日期")
        if unknown and not holds:
            return Judgement(code, None, unknown)
        return Judgement(code, holds, why)

    left = _left_behind(facts, away)
    lacks_both = "" if both_known else "父母的外出情况没填全"
    lacks_any = "" if both_known or away else "父母的外出情况没填全"
    young = facts.age is not None and facts.age < 16
    long_away = [r for r in away if day - facts.parents[r].away_since(day) > THREE_MONTHS]
    found = [
        answer(
            "D1",
            young and (len(away) == 2 or bool(left)),
            f"{under}，{told}{left}",
            unknown=lacks_both if young else "",
        ),
        answer(
            "D2",
            bool(long_away) and facts.in_school,
            f"{told}{'，满三个月' if long_away else '，不到三个月' if away else ''}，"
            f"{'义务教育阶段在读' if facts.in_school else '不在义务教育阶段的班里'}",
            unknown=lacks_any if facts.in_school else "",
        ),
        answer(
            "D3",
            facts.age is not None and facts.age < 18 and bool(away),
            f"{under}，{told}",
            unknown=lacks_any if facts.age is not None and facts.age < 18 else "",
        ),
    ]
    if local is not None:
        holds, why, unknown = _judge_local(facts, away, day, local)
        found.append(answer("D4", holds, f"{under}，{told}{why}", unknown=unknown))
    return found


def _is_away(facts, relation, day):
    parent = facts.parents.get(relation)
    return parent is not None and parent.is_away(day)


def _left_behind(facts, away):
    """，母亲服刑在押: one parent is away and the other, at home or dead, cannot care. "" otherwise."""
    if len(away) != 1:
        return ""
    for relation, parent in facts.parents.items():
        if relation not in away:
            if parent.died:
                return f"，{Relation(relation).label}已去世"
            if parent.unable:
                return f"，{Relation(relation).label}{parent.unable}"
    return ""


def crosses(division_code, county_code):
    """Whether a place lies outside the county: True, False, or None when the code does not say (广东省 in 广东)."""
    code = (division_code or "")[:6]
    if not code:
        return None
    if code == county_code:
        return False
    if code.endswith("0000") and code[:2] == county_code[:2]:
        return None
    if code.endswith("00") and code[:4] == county_code[:4]:
        return None
    return True


def _months_later(day, months):
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (following - timedelta(days=1)).day))


def _judge_local(facts, away, day, local):
    """(holds, the end of the sentence, what is missing) by the county's own refinement."""
    fits, unsure = 0, ""
    for relation in away:
        parent = facts.parents[relation]

        def outside(spell):
            return not local.across_county or crosses(spell.division_code, local.county_code)

        since = parent.away_since(day, within=outside)
        if since is not None and _months_later(since, local.months) <= day:
            fits += 1
        elif local.across_county:
            possible = parent.away_since(day, within=lambda spell: outside(spell) is not False)
            if possible is not None and _months_later(possible, local.months) <= day:
                unsure = f"{Relation(relation).label}务工地没写到县，不知道出没出县"
    young = facts.age is not None and facts.age < local.under_age
    enough = fits == 2 if local.both_away else fits >= 1
    border = "并出县" if local.across_county else ""
    why = f"，{'满' if enough else '没满'} {local.months} 个月{border}" if away else ""
    unknown = ""
    if young and not enough:
        if unsure:
            unknown = unsure
        elif len(facts.parents) < 2 and (local.both_away or not away):
            unknown = "父母的外出情况没填全"
    return young and enough, why, unknown
