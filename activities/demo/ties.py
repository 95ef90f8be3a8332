"""Who else stands by the children: proxy parents, fellow pupils, helpers from outside; plans, handovers, transfers."""

from datetime import timedelta

from pairing.models import (
    Handover,
    HelperKind,
    HelpPlan,
    OutsideHelper,
    Pairing,
    PairingKind,
    PlanKind,
    PlanStage,
    Transfer,
    TransferState,
    UnitTie,
)
from pairing.plans import CHECKLIST
from registry.models import Child, Enrollment, PostKind, Stage

from .registers import entered, leader_of, present_kids, pupil

ONE_DAY = timedelta(days=1)
# kind, name ("" = one is drawn), unit, whom to ask there, how many children
HELPERS = [
    (HelperKind.VOLUNTEER, "", "县青年志愿者协会", "", 2),
    (HelperKind.PARENT, "", "", "", 1),
    (HelperKind.CADRE, "", "{village}村委会", "", 1),
    (HelperKind.UNIT, "{town}税务所", "", "汪主任", 0),
    (HelperKind.COMPANY, "{town}云峰茶业", "", "卢经理", 0),
]
PURPOSES = {HelperKind.UNIT: "每学期送一次图书和文具", HelperKind.COMPANY: "资助午餐，节日来看望"}
GOALS = ["每天按时完成作业，期末数学及格", "愿意和同学说话，交到一两个朋友", "情绪稳定，遇事会找老师说"]
CONTENT = [
    "每周二放学后辅导半小时；每周和妈妈视频一次，老师帮着约时间。",
    "安排和同桌一起值日；之家活动时带着做小主持。",
    "每月谈话两次，和心理教师一起看看；每学期家访一次。",
]
RESULTS = [
    "作业基本能交齐，字也工整了",
    "课间会和同学一起玩了",
    "测验进步了十几分，孩子很高兴",
    "还是容易急，继续观察",
]
CHECKED = ["学校看了作业本和谈话记录，措施落实", "学校检查：计划有落实，建议多和家长联系"]
HABITS = [
    "奶奶耳朵背，打电话要多等一会儿；爸爸晚上八点以后才有空接。",
    "这一家下午都在地里，家访傍晚去合适。孩子怕黑，住校时给留一盏灯。",
]
PROMISES = ["答应过孩子期末去他家包饺子", ""]


def build_ties(world):
    """School by school, after the registers."""
    for number, plan in enumerate(world.schools):
        if plan.managing:
            continue
        kids = present_kids(world, plan)
        if not kids:
            continue
        _outside(world, plan, kids, number)
        _inside(world, plan, kids)
        _plans(world, plan, kids)
        world.flush(OutsideHelper, UnitTie, Child, Enrollment, Pairing, HelpPlan, PlanStage)
    _handovers(world)
    _transfers(world)
    world.flush(Handover, Transfer)


def _tie(world, plan, kid, kind, day, **who):
    """A tie beside the primary one; entered soon after it began."""
    day = max(day, kid.listed_from)
    stamp = entered(world, day, leader_of(plan))
    return world.add(
        Pairing(child=kid.child, kind=kind, starts_on=day, **who, **stamp), changed_at=stamp["recorded_at"]
    )


def _outside(world, plan, kids, number):
    """Helpers with their promise and the families' consent; a unit that stands by the school."""
    since = world.until - timedelta(days=140)
    free = iter(kids[3::4])
    town = plan.school.name[:2]
    for kind, name, unit, contact, children in HELPERS:
        helper = OutsideHelper(
            county=world.county,
            school=plan.school,
            kind=kind,
            name=name.format(town=town) or world.names.teacher(world.chance(0.5)),
            unit=unit.format(village=kids[0].child.village.removesuffix("村")),
            contact_person=contact,
            phone=world.names.phone(),
            promised_on=since if children else None,
            starts_on=since,
        )
        world.add(helper, changed_at=world.known(world.moment(since, 9, 300)))
        if kind in PURPOSES:
            world.add(
                UnitTie(
                    helper=helper,
                    school=plan.school,
                    purpose=PURPOSES[kind],
                    starts_on=since,
                    **entered(world, since, leader_of(plan)),
                )
            )
        for _ in range(children):
            kid = next(free, None)
            if kid is not None:
                consent_on = max(since + 3 * ONE_DAY, kid.listed_from)
                _tie(
                    world,
                    plan,
                    kid,
                    PairingKind.HELPER,
                    consent_on,
                    helper=helper,
                    helper_name=helper.name,
                    consent_on=consent_on,
                )


def _inside(world, plan, kids):
    """代理家长 of the leading group; pupils hand in hand with a classmate who is on no list."""
    day = world.until - timedelta(days=90)
    proxies = [*plan.members, plan.holders[PostKind.COUNSELOR]]
    for kid, staff in zip(kids[5::7], proxies, strict=False):
        _tie(world, plan, kid, PairingKind.PROXY, day, staff=staff)
    hand_in_hand = [kid for kid in kids if kid.spells[-1][1].stage != Stage.KINDERGARTEN]
    for kid in hand_in_hand[2::11][:3]:
        school_class = kid.spells[-1][1]
        place = kid.spells[-1][0]
        consent_on = max(day, kid.listed_from, school_class.first_day)
        peer = pupil(world, place, school_class)
        _tie(world, plan, kid, PairingKind.PEER, consent_on, peer=peer, consent_on=consent_on)


def _plans(world, plan, kids):
    """Individual plans of most priority children, help plans of some others; a few are due for a look."""
    priority = [kid for kid in kids if kid.priority]
    others = [kid for kid in kids if not kid.priority]
    chosen = [(kid, PlanKind.INDIVIDUAL) for number, kid in enumerate(priority) if number % 6 != 5]
    chosen += [(kid, PlanKind.HELP) for kid in others[::9]]
    for number, (kid, kind) in enumerate(chosen):
        staff = kid.paired_on(world.until - ONE_DAY)
        if staff is None:
            continue
        starts_on = max(kid.listed_from + ONE_DAY, world.until - timedelta(days=world.rng.randrange(40, 110)))
        if starts_on >= world.until:
            continue
        stamp = entered(world, starts_on, staff.user)
        review_on = world.until + timedelta(days=(-3, 5, 20, 35, 50, 70)[number % 6])
        made = world.add(
            HelpPlan(
                child=kid.child,
                kind=kind,
                staff=staff,
                starts_on=starts_on,
                goals=world.rng.choice(GOALS),
                content=world.rng.choice(CONTENT),
                checklist=list(CHECKLIST)[: world.rng.randrange(2, 7)],
                review_on=max(review_on, starts_on + ONE_DAY),
                **stamp,
            ),
            changed_at=stamp["recorded_at"],
        )
        _stage(world, made, starts_on + timedelta(days=25), world.rng.choice(RESULTS), staff.user)
        if number % 3 == 0:
            words = world.rng.choice(CHECKED)
            _stage(world, made, starts_on + timedelta(days=32), words, leader_of(plan), by_school=True)


def _stage(world, plan, day, result, by, *, by_school=False):
    if day < world.until:
        world.add(
            PlanStage(plan=plan, day=day, result=result, by_school=by_school, **entered(world, day, by))
        )


def _handovers(world):
    """Whoever took over children reads what the one before left; the demo class teacher has not yet."""
    unread = world.schools[0].holders[PostKind.CLASS_TEACHER]
    for number, (kid, gone, successor, day) in enumerate(world.handed_over):
        tie = Pairing.objects.filter(child=kid.child, staff=successor, starts_on=day).first()
        if tie is None:
            continue
        stamp = entered(world, day, gone.user)
        read_at = world.known(stamp["recorded_at"] + ONE_DAY)
        world.add(
            Handover(
                child=kid.child,
                from_staff=gone,
                to_staff=successor,
                pairing=tie,
                day=day,
                habits=HABITS[number % len(HABITS)],
                promises=PROMISES[number % len(PROMISES)],
                read_at=read_at if number % 2 == 0 and successor is not unread else None,
                **stamp,
            )
        )


def _transfers(world):
    """The move of the year was accepted; one more child waits for the first school to receive it."""
    for plan in world.schools:
        for kid in plan.children:
            if kid.situation != "moved" or len(kid.spells) < 2 or kid.spells[0][0] is not plan:
                continue
            (old, _, _, last), (new, _, first, _) = kid.spells[-2:]
            sent_at = world.moment(last - 2 * ONE_DAY, 9, 200)
            world.add(
                Transfer(
                    child=kid.child,
                    from_school=old.school,
                    to_school=new.school,
                    last_day=last,
                    reason="换照看人",
                    state=TransferState.ACCEPTED,
                    sent_at=sent_at,
                    sent_by=leader_of(old),
                    decided_at=world.known(world.moment(first, 9, 200)),
                    decided_by=leader_of(new),
                ),
                changed_at=sent_at,
            )
    goal = world.schools[0]
    elsewhere = sorted(world.schools[1:], key=lambda plan: plan.managing is goal)
    for plan in elsewhere:
        kids = present_kids(world, plan)
        coming = [
            kid
            for kid in kids
            if kid.spells[-1][1].stage == Stage.PRIMARY and kid.family.kids == [kid] and not kid.priority
        ]
        if coming:
            sent_at = world.moment(world.until - 3 * ONE_DAY, 9, 200)
            world.add(
                Transfer(
                    child=coming[-1].child,
                    from_school=plan.school,
                    to_school=goal.school,
                    last_day=world.until + 4 * ONE_DAY,
                    reason="搬家",
                    sent_at=sent_at,
                    sent_by=leader_of(plan),
                ),
                changed_at=sent_at,
            )
            return
