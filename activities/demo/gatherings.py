"""Meetings of the leading group with what they decided, an evening for families, children who stayed away from school."""

from datetime import timedelta

from activities.models import (
    Activity,
    ActivityKind,
    Attendance,
    DropoutCase,
    DropoutOutcome,
    DropoutStep,
    FollowUp,
    StepKind,
    lag_days,
)
from registry.models import PostKind

from .registers import entered, leader_of, present_kids

ONE_DAY = timedelta(days=1)
# title, minutes, days before the last, [(decision, days until it is due, what came of it)]
MEETINGS = [
    (
        "部署本学期关爱工作",
        "通报在册人数和上学期情况；明确包保分工；要求每月谈话、家访不走过场。",
        75,
        [
            ("各班核对联系卡，换过电话的重新印发", 20, "已核对，换卡 6 张"),
            ("之家添一批图书", 45, "县图书馆送来 120 册"),
        ],
    ),
    (
        "研究重点关注孩子的帮扶",
        "逐个看了重点关注的孩子；委托照护协议快到期的，由班主任联系家里续签。",
        18,
        [
            ("重点关注的孩子都要有个别教育方案", 10, ""),
            ("联系家里续签委托照护协议", 30, ""),
            ("给住得远的孩子安排寄宿床位", 0, ""),
        ],
    ),
]
LECTURE = "隔代照看也能教好孩子"
# What an open case has had so far: kind, school days after the first absent one, note.
STEPS = [
    (StepKind.PERSUADED, 4, "校长和班主任上门，爷爷说孩子不想读，去了表哥的修车铺"),
    (StepKind.NOTICE, 7, "复学通知书送到爷爷手里，已签收"),
]


def build_gatherings(world):
    """School by school, after the ties."""
    for plan in world.schools:
        if plan.managing:
            continue
        kids = present_kids(world, plan)
        links = [_meeting(world, plan, *meeting) for meeting in MEETINGS]
        if kids:
            links.append(_lecture(world, plan, kids))
            _dropout(world, plan, kids)
        world.flush(Activity, Attendance, FollowUp, DropoutCase, DropoutStep)
        through = Activity.staff.through
        through.objects.bulk_create(
            [through(activity_id=made.pk, staff_id=one.pk) for made, staff in links if made for one in staff]
        )


def _day_before(world, days):
    """The school day nearest before so many days ago; None where the county has none so far back."""
    wanted = world.until - timedelta(days=days)
    found = [day for month in world.month_list() for day in world.school_days(month) if day <= wanted]
    return found[-1] if found else None


def _event(world, plan, kind, title, day, result, place, by):
    recorded_at = world.known(world.moment(day, 16, 180))
    return world.add(
        Activity(
            kind=kind, title=title, day=day, county=world.county, school=plan.school, place=place, result=result,
            recorded_by=by.user, recorded_at=recorded_at, lag=lag_days(day, recorded_at), submission=world.uid(),
        ),
        changed_at=recorded_at,
    )  # fmt: skip


def _meeting(world, plan, title, minutes, ago, decisions):
    """(the meeting or None, who came): one of the group is absent."""
    day = _day_before(world, ago)
    if day is None:
        return None, ()
    office = plan.holders[PostKind.GROUP_OFFICE]
    group = [plan.holders[PostKind.LEADER], plan.holders[PostKind.DEPUTY], office, *plan.members]
    made = _event(world, plan, ActivityKind.GROUP_MEETING, title, day, minutes, "会议室", office)
    came = group[:-1]
    for staff in group:
        _attend(world, made, staff=staff, present=staff in came)
    owners = [office, plan.holders[PostKind.DEPUTY], plan.holders[PostKind.LEADER]]
    for staff, (text, due, note) in zip(owners, decisions, strict=False):
        due_on = day + timedelta(days=due) if due else None
        done_on = min(day + timedelta(days=due - 3), world.until - ONE_DAY) if note else None
        world.add(
            FollowUp(activity=made, text=text, staff=staff, due_on=due_on, done_on=done_on, done_note=note)
        )
    return made, came


def _attend(world, made, **who):
    row = Attendance(activity=made, **who)
    row.settle(made.recorded_at)
    world.add(row)


def _lecture(world, plan, kids):
    """(a 家庭教育报告会 or None, who held it), with the adults who came: those at home with the children."""
    day = _day_before(world, 26)
    counselor = plan.holders[PostKind.COUNSELOR]
    if day is None:
        return None, ()
    words = "请县家庭教育讲师讲了一个半小时，讲完现场答问，老人们问得多"
    made = _event(world, plan, ActivityKind.FAMILY_LECTURE, LECTURE, day, words, "学校礼堂", counselor)
    at_home = dict.fromkeys(
        kid.family.carer for kid in kids if kid.family.carer is not None and kid.listed_from <= day
    )
    for guardian in at_home:
        if guardian.died_on is None and world.chance(0.6):
            _attend(world, made, guardian=guardian)
    return made, (counselor,)


def _dropout(world, plan, kids):
    """One child stays away now, another came back."""
    days = [day for month in world.month_list() for day in world.school_days(month)]
    leader = leader_of(plan)
    here = [kid for kid in kids if not kid.priority and kid.family.kids == [kid]]
    if len(days) < 40 or len(here) < 3:
        return
    for kid, first, last in ((here[-1], len(days) - 11, None), (here[-3], len(days) - 35, len(days) - 24)):
        if days[first] < kid.listed_from:
            continue
        case = world.add(
            DropoutCase(
                child=kid.child, absent_since=days[first], reason="在家玩手机，不愿上学",
                opened_at=world.known(world.moment(days[first], 10, 200)), opened_by=leader,
                closed_on=days[last] if last else None, outcome=DropoutOutcome.BACK if last else "",
                closed_by=leader if last else None,
            )
        )  # fmt: skip
        for kind, after, note in STEPS:
            day = days[first + after]
            world.add(DropoutStep(case=case, kind=kind, day=day, note=note, **entered(world, day, leader)))
