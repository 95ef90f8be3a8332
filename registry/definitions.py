"""Who is a left-behind child (留守儿童) by which definition (口径), for any day, computed from facts; with the sentence why.

D1 国发〔2016〕13号: both parents away, or one away and the other unable to care; under 16. D2 学籍: one or both away for more
than three months, in compulsory education. D3 school plans: one or both away, under 18. The care list (在册) is what a
person confirmed; where it and the facts disagree, the page says so.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from .models import Ability, AwayType, Relation, Stage

THREE_MONTHS = timedelta(days=92)
NAMES = {
    "D1": "国务院口径（国发〔2016〕13号）",
    "D2": "学籍口径",
    "D3": "学校计划口径",
}


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
    if len(away) == 2:
        return "父母双方外出"
    return f"{away[0].kinship.get_relation_display()}外出" if away else ""


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


def judge(family, enrollment=None, day=None):
    """The three judgements for the child of ``family`` (loaded for ``day``); no query."""
    day = day or timezone.localdate()
    age = family.child.age_on(day)
    by_relation = {adult.kinship.relation: adult for adult in family.parents}
    both_known = {Relation.FATHER, Relation.MOTHER} <= by_relation.keys()
    away = [adult for adult in by_relation.values() if adult.work]
    long_away = [adult for adult in away if day - adult.work.starts_on > THREE_MONTHS]
    facts = away_word(family) or "没有父母在外的记录"
    unable = any(adult.care and adult.care.ability == Ability.PARENT_UNABLE for adult in by_relation.values())

    def answer(code, holds, why, needs_both=False):
        if age is None:
            return Judgement(code, None, "没有出生日期")
        if not holds and not both_known and (needs_both or not away):
            return Judgement(code, None, "父母的外出情况没填全")
        return Judgement(code, holds, why)

    under = f"{age} 岁" if age is not None else ""
    one_unable = len(away) == 1 and unable
    care = "，在家一方无监护能力" if one_unable else ""
    school = enrollment is not None and enrollment.school_class_id
    stage = enrollment.school_class.stage if school else None
    at_school = stage in (Stage.PRIMARY, Stage.JUNIOR)
    return [
        answer(
            "D1",
            age is not None and age < 16 and (len(away) == 2 or one_unable),
            f"{under}，{facts}{care}",
            needs_both=True,
        ),
        answer(
            "D2",
            bool(long_away) and at_school,
            f"{facts}{'，满三个月' if long_away else ''}，{'义务教育阶段在读' if at_school else '不在义务教育阶段的班里'}",
        ),
        answer("D3", age is not None and age < 18 and bool(away), f"{under}，{facts}"),
    ]
