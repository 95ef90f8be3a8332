"""The registers of families: agreements, conditions of adults, demands, hardship, children who are on no list, boarding wishes.

Every school with a leading group gets some of each, its 教学点 counted with it.
"""

from datetime import timedelta

from registry.models import (
    AdultCondition,
    Authority,
    AwayType,
    CareAgreement,
    Child,
    ConditionKind,
    Demand,
    Enrollment,
    Guardianship,
    Hardship,
    ParentWork,
    PostKind,
    Relation,
    Sex,
    Stage,
    Trait,
    TraitKind,
)

from .names import VILLAGES

ONE_DAY = timedelta(days=1)
YEAR = timedelta(days=365)
# Of eight children with both parents away: how many days the agreement still runs, None = until it is ended, "" = no paper.
PAPERS = (None, 200, 21, "", 330, -17, None, 9)
DEMANDS = [
    # text, days since it was raised, answer, days since the answer
    ("想请学校周末也开放活动室，孩子好有个去处", 24, "", 0),
    ("家里老人不识字，希望作业由学校辅导", 41, "已安排放学后的作业辅导，每周三次", 33),
    ("孩子的眼镜坏了，家里一时拿不出钱", 8, "", 0),
    ("问能不能减免午餐费", 66, "已按困难学生办理营养餐补助", 52),
]
HELD_BACK = [
    (Hardship.DE_FACTO_ORPHAN, "父亲服刑，母亲离家多年没有音信"),
    (Hardship.DISABILITY, "孩子听力残疾，戴助听器"),
    (Hardship.TEMPORARY, "家里房子遭了火灾，正在借住"),
    (Hardship.GUARDIANSHIP, "照看的老人常年卧病，顾不上孩子"),
]
OPINIONS = ["愿意和{carer}一起住", "愿意，想每周和妈妈视频", "说{carer}待他好，愿意"]
NO_LIST = [
    (TraitKind.MIGRANT, "随父母从外县来，父母在镇上开店"),
    (TraitKind.MIGRANT, "随父母来，父亲在本地工地干活"),
    (TraitKind.FLOATING, "跟着父母做流动生意，常换地方"),
]


def build_registers(world):
    """School by school, after the care of the year."""
    boarders = set(
        Trait.objects.filter(kind=TraitKind.BOARDING, child__county=world.county).values_list(
            "child", flat=True
        )
    )
    for plan in world.schools:
        if plan.managing:
            continue
        kids = present_kids(world, plan)
        if not kids:
            continue
        _agreements(world, plan, kids)
        _conditions(world, kids)
        _demands(world, plan, kids)
        _traits(world, kids, boarders)
        _children_on_no_list(world, plan)
        world.flush(CareAgreement, AdultCondition, Demand, Child, Enrollment, Trait)


def present_kids(world, plan):
    """Children of the school and its 教学点 who are there on the last day and carry no situation of their own."""
    today = world.until
    found = []
    for place in (plan, plan.point) if plan.point else (plan,):
        for kid in place.children:
            spell = kid.spell_on(today)
            seated = spell is not None and spell[0] is place and spell[1] is not None
            if seated and not kid.situation and kid.listed_from < today:
                found.append(kid)
    return found


def leader_of(plan):
    """The account that enters what the school enters."""
    return plan.head.holders[PostKind.LEADER].user


def entered(world, day, by=None):
    """When something of ``day`` was entered and by whom: never after what is known at the end."""
    return {"recorded_at": world.known(world.moment(day, 9, 300)), "recorded_by": by}


def _agreements(world, plan, kids):
    """Valid, about to expire, expired; and some families without a paper. The carer of a paper in force is entrusted."""
    entrusted = {}
    able = [
        kid
        for kid in kids
        if kid.family.away == AwayType.BOTH_AWAY
        and kid.family.carer is not None
        and kid.family.carer_relation not in (Relation.FATHER, Relation.MOTHER)
    ]
    for number, kid in enumerate(able):
        left = PAPERS[number % len(PAPERS)]
        if left == "":
            continue
        ends_on = None if left is None else world.until + timedelta(days=left)
        signed_on = min(kid.listed_from, (ends_on or world.until) - YEAR)
        heard = world.chance(0.8)
        world.add(
            CareAgreement(
                child=kid.child,
                guardian=kid.family.carer,
                entrusted_by=kid.family.father,
                starts_on=signed_on,
                ends_on=ends_on,
                signed_on=signed_on,
                no_exclusion=number % 7 != 4,
                child_heard_on=signed_on if heard else None,
                child_opinion=world.rng.choice(OPINIONS).format(carer=kid.family.carer_word) if heard else "",
                filed_on=signed_on + timedelta(days=6) if world.chance(0.7) else None,
                **entered(world, kid.listed_from + 2 * ONE_DAY, leader_of(plan)),
            )
        )
        if left is None or left > 0:
            entrusted[kid.child.pk] = kid.family.carer.pk
    cares = [
        care
        for care in Guardianship.objects.open().filter(child__in=entrusted)
        if entrusted[care.child_id] == care.guardian_id
    ]
    for care in cares:
        care.authority = Authority.ENTRUSTED
    Guardianship.objects.bulk_update(cares, ["authority"], batch_size=500)


def _conditions(world, kids):
    """A parent at home who is ill, one in custody (no longer away for work), one who lives elsewhere since a divorce."""
    since = world.until - timedelta(days=120)
    at_home = [kid for kid in kids if kid.family.away == AwayType.ONE_AWAY]
    both = [kid for kid in kids if kid.family.away == AwayType.BOTH_AWAY and kid.family.mother is not None]
    dealt = [(kid.family.carer, ConditionKind.GRAVELY_ILL, "肾病，每周要透析") for kid in at_home[3:4]]
    dealt += [(kid.family.carer, ConditionKind.SEVERELY_DISABLED, "左腿残疾，二级") for kid in at_home[9:10]]
    dealt += [(kid.family.mother, ConditionKind.REMARRIED_AWAY, "离婚后在外省另组家庭") for kid in both[4:5]]
    custody = [kid.family.father for kid in both[11:12]]
    dealt += [(father, ConditionKind.IN_CUSTODY, "") for father in custody]
    for adult, kind, note in dealt:
        world.add(
            AdultCondition(guardian=adult, kind=kind, starts_on=since, note=note, **entered(world, since))
        )
    for work in ParentWork.objects.open().filter(guardian__in=custody):
        work.ends_on = max(since - ONE_DAY, work.starts_on)
        work.save(update_fields=["ends_on"])


def _demands(world, plan, kids):
    """Some wait for an answer."""
    for kid, (text, raised, answer, answered) in zip(kids[2::5], DEMANDS, strict=False):
        raised_on = max(world.until - timedelta(days=raised), kid.listed_from)
        answered_on = max(world.until - timedelta(days=answered), raised_on) if answer else None
        world.add(
            Demand(
                child=kid.child,
                raised_on=raised_on,
                raised_by=kid.family.carer_word,
                text=text,
                answer=answer,
                answered_on=answered_on,
                answered_by=leader_of(plan) if answer else None,
                **entered(world, raised_on, leader_of(plan)),
            )
        )


def _traits(world, kids, boarders):
    """困境 of several kinds, also two at one child; a review that is due; boarding wishes of those who do not board."""

    def trait(kid, kind, reason, **more):
        starts_on = max(kid.listed_from, world.until - timedelta(days=100))
        world.add(
            Trait(
                child=kid.child,
                kind=kind,
                starts_on=starts_on,
                reason=reason,
                **more,
                **entered(world, starts_on + ONE_DAY),
            )
        )

    free = [kid for kid in kids if not kid.hardships]
    for kid, (detail, reason) in zip(free[1::6], HELD_BACK, strict=False):
        review_on = world.until + timedelta(days=world.rng.randrange(20, 150))
        trait(kid, TraitKind.HARDSHIP, reason, detail=detail, review_on=review_on)
    for kid in free[1:2]:
        trait(kid, TraitKind.HARDSHIP, "低保家庭，房子漏雨", detail=Hardship.POVERTY)
    for kid in [kid for kid in kids if not kid.priority][6:7]:
        review_on = max(world.until - timedelta(days=4), kid.listed_from + ONE_DAY)
        trait(kid, TraitKind.PRIORITY, "奶奶刚做过手术，孩子上课常走神", review_on=review_on)
        kid.priority = True
    wishing = [
        kid for kid in kids if kid.child.pk not in boarders and kid.spells[-1][1].stage != Stage.KINDERGARTEN
    ]
    for kid in wishing[4::9][:3]:
        trait(kid, TraitKind.BOARDING_WISH, "家离学校远，早晚没人接送")


def _children_on_no_list(world, plan):
    """随迁 and 流动 children: at school with their parents, on no list."""
    classes = [
        one
        for one in plan.classes
        if one.first_day < world.until <= one.ends_on and one is not getattr(world, "demo_class", None)
    ]
    for number, (kind, reason) in enumerate(NO_LIST if classes else ()):
        school_class = classes[(number * 2 + 1) % len(classes)]
        child = pupil(world, plan, school_class)
        world.add(
            Trait(
                child=child,
                kind=kind,
                starts_on=school_class.first_day,
                reason=reason,
                **entered(world, school_class.first_day + 2 * ONE_DAY),
            )
        )


def pupil(world, plan, school_class):
    """A pupil of a class who is on no list, with name, sex and class."""
    boy = world.chance(0.5)
    recorded_at = world.known(world.moment(school_class.first_day + ONE_DAY, 9, 300))
    child = Child(
        county=world.county,
        name=world.names.child(world.names.surname(), boy),
        sex=Sex.MALE if boy else Sex.FEMALE,
        village=world.rng.choice(VILLAGES),
        created_at=recorded_at,
    )
    child.prepare()
    world.add(child, changed_at=recorded_at)
    world.add(
        Enrollment(
            child=child,
            school=plan.school,
            school_class=school_class,
            starts_on=school_class.first_day,
            recorded_at=recorded_at,
        )
    )
    return child
