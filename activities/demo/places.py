"""Schools with classes, staff, posts, accounts, centers."""

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.contrib.auth.hashers import make_password

from pairing.models import ClassCover, Quota
from registry.classes import last_day_of
from registry.models import (
    ActivityCenter,
    District,
    Operator,
    Post,
    PostKind,
    School,
    SchoolClass,
    SchoolSystem,
    Sex,
    Staff,
    Stage,
)
from registry.pinyin import initials, sort_key
from trust.models import User

from .names import SUBJECTS, TOWNS, VILLAGES

CLASS_SIZE = 10  # children of the list per class
KINDS = [
    # name, stages, system, share of boarders
    ("{town}中心小学", (Stage.KINDERGARTEN, Stage.PRIMARY), SchoolSystem.SIX_THREE, 0.12),
    ("{town}九年一贯制学校", (Stage.PRIMARY, Stage.JUNIOR), SchoolSystem.SIX_THREE, 0.35),
    ("{town}初级中学", (Stage.JUNIOR,), SchoolSystem.SIX_THREE, 0.6),
    ("{town}小学", (Stage.PRIMARY,), SchoolSystem.FIVE_FOUR, 0.05),
]
# Who wears the demo accounts: user name -> (name, sex, kind, words of the post).
MAIN_SCHOOL_CAST = {
    PostKind.LEADER: ("demo-leader", "赵国栋", "校长"),
    PostKind.DEPUTY: ("demo-deputy", "何秀梅", "副校长"),
    PostKind.GROUP_OFFICE: ("demo-office", "孙立华", "德育主任"),
    PostKind.GROUP_MEMBER: ("demo-member", "钱卫东", "总务主任"),
    PostKind.CLASS_TEACHER: ("demo-class-teacher", "张桂兰", ""),
    PostKind.TEACHER: ("demo-paired", "周文清", "语文"),
    PostKind.GRADE_HEAD: ("demo-grade-head", "吴玉珍", ""),
    PostKind.SUBJECT_TEACHER: ("demo-subject-teacher", "郑小燕", ""),
    PostKind.DUTY_TEACHER: ("demo-duty-teacher", "冯建军", ""),
    PostKind.CENTER_MANAGER: ("demo-center-manager", "马春兰", ""),
    PostKind.COUNSELOR: ("demo-counselor", "林静", ""),
    PostKind.ARCHIVIST: ("demo-archivist", "罗云芳", ""),
}
COUNTY_CAST = [
    (PostKind.DISTRICT_OFFICER, "demo-district", "胡庆山", Sex.MALE),
    (PostKind.COUNTY_OFFICER, "demo-county", "高明远", Sex.MALE),
    (PostKind.WOMENS_FEDERATION, "demo-federation", "梁雪梅", Sex.FEMALE),
    (PostKind.INSPECTOR, "demo-inspector", "宋德清", Sex.MALE),
    (PostKind.ADMINISTRATOR, "demo-admin", "唐志刚", Sex.MALE),
]
WOMEN_OF_CAST = {"何秀梅", "张桂兰", "吴玉珍", "郑小燕", "马春兰", "林静", "罗云芳"}
MEMBER_DUTIES = ["总务主任", "教导主任", "工会组长", "信息员"]
QUOTAS = {
    PostKind.CLASS_TEACHER: (2, 4),
    PostKind.SUBJECT_TEACHER: (2, 3),
    PostKind.TEACHER: (1, 3),
    PostKind.LEADER: (1, 2),
    PostKind.DEPUTY: (1, 2),
    PostKind.GROUP_OFFICE: (1, 2),
    PostKind.GROUP_MEMBER: (1, 2),
}


@dataclass(eq=False)
class SchoolPlan:
    """A school in the making."""

    school: School
    kind: int
    boarding: float
    managing: "SchoolPlan | None" = None
    point: "SchoolPlan | None" = None
    classes: list = field(default_factory=list)
    staff: list = field(default_factory=list)
    holders: dict = field(default_factory=dict)  # post kind -> staff
    class_teachers: dict = field(default_factory=dict)  # id(class) -> [(first, last or None, staff)]
    quality: dict = field(default_factory=dict)  # id(class) -> how reliably care is recorded
    center: ActivityCenter | None = None
    capacity: list = field(default_factory=list)  # [free places, staff]
    children: list = field(default_factory=list)

    def teacher_of(self, school_class, day):
        """The class teacher that day; for a child without a class the leader."""
        if school_class is None:
            return self.head.holders[PostKind.LEADER]
        for first, last, staff in self.class_teachers[id(school_class)]:
            if first <= day and (last is None or day <= last):
                return staff
        return self.head.holders[PostKind.LEADER]

    @property
    def head(self):
        """The school that manages it, or itself."""
        return self.managing or self


def build_places(world, schools, children):
    """Districts, schools (the first with a 教学点), classes, staff, posts, centers."""
    world.districts = [
        world.add(District(county=world.county, code=code, name=name))
        for code, name in (("XQ1", "城东学区"), ("XQ2", "城西学区"))
    ]
    for number in range(schools):
        plan = _school(world, number, children)
        world.schools.append(plan)
        if number % 4 == 0:
            world.flush(District, School)  # the 教学点 refers to a row of its own table
            world.schools.append(_teaching_point(world, plan))
    for plan in world.schools:
        _classes(world, plan, children)
        _count_pupils(world, plan)
    for plan in world.schools:
        _staff(world, plan, children)
    _county_staff(world)
    township = world.add(
        ActivityCenter(
            county=world.county,
            operator=Operator.TOWNSHIP,
            name="青溪镇儿童之家",
            place="青溪镇便民服务中心一楼",
            opening_days="每周六",
            starts_on=world.roster_on,
        )
    )
    world.township_center = township
    manager = _person(world, None, "乔", sex=Sex.FEMALE)
    _post(world, manager, PostKind.CENTER_MANAGER, center=township)
    world.township_manager = manager
    world.flush(District, School, SchoolClass, ActivityCenter, User, Staff, Post, ClassCover, Quota)


def _school(world, number, children):
    kind = number % len(KINDS)
    pattern, stages, system, boarding = KINDS[kind]
    town = TOWNS[number % len(TOWNS)]
    series = number // math.lcm(len(TOWNS), len(KINDS))
    name = pattern.format(town=town) if not series else pattern.format(town=f"{town}第{series + 1}")
    school = world.add(
        School(
            county=world.county,
            district=world.districts[number % 2],
            code=f"QX{number + 1:03d}",
            name=name,
            name_key=sort_key(name),
            system=system,
            has_kindergarten=Stage.KINDERGARTEN in stages,
            has_primary=Stage.PRIMARY in stages,
            has_junior=Stage.JUNIOR in stages,
            village=VILLAGES[number % len(VILLAGES)],
            first_used_on=world.start,
        )
    )
    return SchoolPlan(school, kind, boarding)


def _teaching_point(world, plan):
    name = plan.school.name.replace("中心小学", "小学柳溪教学点")
    school = world.add(
        School(
            county=world.county,
            district=plan.school.district,
            managing_school=plan.school,
            code=f"{plan.school.code}J",
            name=name,
            name_key=sort_key(name),
            village="柳溪村",
            first_used_on=world.start,
        )
    )
    plan.point = SchoolPlan(school, 0, 0.0, managing=plan)
    return plan.point


def grades_of(plan):
    """(stage, number of the grade in the stage) that get classes."""
    school = plan.school
    if plan.managing:
        return [(Stage.PRIMARY, 1), (Stage.PRIMARY, 2)]
    found = [(Stage.KINDERGARTEN, 3)] if school.has_kindergarten else []
    for stage, has in ((Stage.PRIMARY, school.has_primary), (Stage.JUNIOR, school.has_junior)):
        found += [(stage, step) for step in range(1, school.stage_length(stage) + 1) if has]
    return found


def share_of_grade(plan, stage, children):
    """Children of the list in one grade of the school."""
    if plan.managing:
        return max(2, round(children * 0.05))
    usual = [grade for grade in grades_of(plan) if grade[0] != Stage.KINDERGARTEN]
    rest = children
    if plan.school.has_kindergarten:
        rest -= round(children * 0.07)
    if plan.point:
        rest -= 2 * share_of_grade(plan.point, Stage.PRIMARY, children)
    return round(children * 0.07) if stage == Stage.KINDERGARTEN else max(1, round(rest / len(usual)))


def _classes(world, plan, children):
    """A class keeps its children from year to year; each school year a new first grade begins."""
    for stage, steps in _steps(plan).items():
        entries = {year - step + 1 for year in range(world.first_year, world.this_year + 1) for step in steps}
        number = max(1, round(share_of_grade(plan, stage, children) / CLASS_SIZE))
        for entry_year in sorted(entries):
            for index in range(number):
                made = world.add(
                    SchoolClass(
                        school=plan.school,
                        stage=stage,
                        entry_year=entry_year,
                        number=index + 1,
                        ends_on=last_day_of(plan.school, stage, entry_year, world.calendar),
                        pupils=world.rng.randrange(24, 44),
                    )
                )
                made.first_day = max(date(entry_year, 9, 1), world.roster_on)
                plan.classes.append(made)
                plan.quality[id(made)] = world.rng.choice([0.97, 0.96, 0.94, 0.93, 0.92, 0.9, 0.88])
    # Some classes are behind: boards must have something to show.
    for made in plan.classes[3::7]:
        plan.quality[id(made)] = world.rng.uniform(0.55, 0.72)


def _count_pupils(world, plan):
    """The school's pupils are those of its classes of this year."""
    running = [
        made for made in plan.classes if made.entry_year <= world.this_year and made.ends_on >= world.until
    ]
    plan.school.pupils = sum(made.pupils for made in running)
    if plan.school.pk:
        plan.school.save(update_fields=["pupils"])


def _steps(plan):
    found = {}
    for stage, step in grades_of(plan):
        found.setdefault(stage, []).append(step)
    return found


def _person(world, plan, name=None, sex=None, username=None, subject=""):
    """A member of staff with an account; only the demo accounts get a password, later."""
    rng = world.rng
    sex = sex or (Sex.FEMALE if rng.random() < 0.58 else Sex.MALE)
    if name is None or len(name) == 1:
        name = (name or "") + (world.names.teacher(sex == Sex.MALE) if name is None else "晓霞")
    world.staff_number = getattr(world, "staff_number", 0) + 1
    phone = world.names.phone()
    user = world.add(
        User(
            username=username or f"qx{world.staff_number:04d}",
            phone=phone,
            name=name,
            password=make_password(None),
            created_at=world.moment(world.roster_on - timedelta(days=3), 9, 120),
        )
    )
    staff = world.add(
        Staff(
            county=world.county,
            school=plan.school if plan else None,
            user=user,
            name=name,
            name_key=sort_key(name),
            initials=initials(name),
            sex=sex,
            phone=phone,
            subject=subject,
            number=f"{world.staff_number:05d}",
        )
    )
    if plan:
        plan.staff.append(staff)
    return staff


def _post(world, staff, kind, starts_on=None, ends_on=None, duty_text="", **scope):
    starts_on = starts_on or world.roster_on
    return world.add(
        Post(
            staff=staff,
            kind=kind,
            county=world.county,
            starts_on=starts_on,
            ends_on=ends_on,
            duty_text=duty_text,
            recorded_at=world.known(world.moment(starts_on, 9, 200)),
            **scope,
        )
    )


def _staff(world, plan, children):
    """The leading group, class teachers, others; a 教学点 has its class teachers, the rest is its managing school's."""
    main = plan is world.schools[0]
    school = plan.school

    def person(kind, subject=""):
        """Of the main school the cast first."""
        if main and kind in MAIN_SCHOOL_CAST and kind not in plan.holders:
            username, name, _ = MAIN_SCHOOL_CAST[kind]
            sex = Sex.FEMALE if name in WOMEN_OF_CAST else Sex.MALE
            found = _person(world, plan, name, sex, username, subject)
        else:
            found = _person(world, plan, subject=subject)
        plan.holders.setdefault(kind, found)
        return found

    if not plan.managing:
        for kind, duty in (
            (PostKind.LEADER, "校长"),
            (PostKind.DEPUTY, "副校长"),
            (PostKind.GROUP_OFFICE, "德育主任"),
        ):
            _post(world, person(kind), kind, school=school, duty_text=duty)
        members = []
        for duty in MEMBER_DUTIES if children >= 40 else MEMBER_DUTIES[:1]:
            members.append(person(PostKind.GROUP_MEMBER))
            _post(world, members[-1], PostKind.GROUP_MEMBER, school=school, duty_text=duty)
        plan.members = members
    _class_teachers(world, plan, person, main)
    if plan.managing:
        return
    _others(world, plan, person, main, children)
    group = [plan.holders[k] for k in (PostKind.DEPUTY, PostKind.GROUP_OFFICE)] + plan.members
    everywhere = plan.classes + (plan.point.classes if plan.point else [])
    for index, school_class in enumerate(everywhere):
        first = school_class.first_day
        world.add(
            ClassCover(
                staff=group[index % len(group)],
                school_class=school_class,
                starts_on=first,
                recorded_at=world.known(world.moment(first, 9, 200)),
            )
        )


def _class_teachers(world, plan, person, main):
    """One per class; who brought up a graduated class takes a new first grade. One changes in mid-term."""
    running = [c for c in plan.classes if c.ends_on >= world.until]
    free = []
    demo_class = None
    if main:
        third = [c for c in running if c.stage == Stage.PRIMARY and c.grade_on(world.until) == 3]
        demo_class = world.demo_class = (third or running)[-1]
        plan.quality[id(demo_class)] = 0.9
    ordered = sorted(plan.classes, key=lambda c: (c is not demo_class, c.first_day, c.entry_year))
    for school_class in ordered:
        if free and school_class.first_day > world.roster_on:
            at = next((i for i, (day, _) in enumerate(free) if day < school_class.first_day), None)
            staff = free.pop(at)[1] if at is not None else person(PostKind.CLASS_TEACHER)
        else:
            staff = person(PostKind.CLASS_TEACHER, "语文" if world.chance(0.5) else "数学")
        first, last = school_class.first_day, None
        if school_class.ends_on < world.until:
            last = school_class.ends_on
            free.append((last, staff))
        plan.class_teachers[id(school_class)] = [(first, last, staff)]
    if not plan.managing:
        _one_leaves(world, plan, person, [c for c in running if c is not demo_class])
    for school_class in plan.classes:
        for first, last, staff in plan.class_teachers[id(school_class)]:
            _post(
                world,
                staff,
                PostKind.CLASS_TEACHER,
                first,
                last,
                school=plan.school,
                school_class=school_class,
            )


def _one_leaves(world, plan, person, classes):
    """A class teacher who was transferred in the middle of a term, and who took over the day after."""
    middle = max(world.until - timedelta(days=40), world.start + timedelta(days=20))
    candidates = [c for c in classes if c.first_day < middle - timedelta(days=20)]
    if not candidates or middle >= world.until:
        return
    school_class = candidates[len(candidates) // 2]
    (first, last, staff) = plan.class_teachers[id(school_class)][0]
    successor = person(PostKind.CLASS_TEACHER, "语文")
    plan.class_teachers[id(school_class)] = [
        (first, middle - timedelta(days=1), staff),
        (middle, last, successor),
    ]
    staff.left_on = middle - timedelta(days=1)
    staff.user.is_active = False
    plan.left = (staff, middle, successor)


def _others(world, plan, person, main, children):
    """Subject, duty and other teachers, grade heads, counselor, archivist, the center with its manager."""
    school, rng = plan.school, world.rng
    running = [c for c in plan.classes if c.ends_on >= world.until]
    lead = world.demo_class if main else running[0]
    second = next((c for c in running if c is not lead), lead)
    for index in range(max(2, round(children / 8))):
        staff = person(PostKind.SUBJECT_TEACHER, SUBJECTS[index % len(SUBJECTS)])
        taught = [lead, second] if index == 0 else rng.sample(running, min(2, len(running)))
        for school_class in taught[:1] if taught[0] is taught[-1] else taught:
            _post(
                world,
                staff,
                PostKind.SUBJECT_TEACHER,
                school_class.first_day,
                school=school,
                school_class=school_class,
            )
    duty = person(PostKind.DUTY_TEACHER)
    _post(world, duty, PostKind.DUTY_TEACHER, lead.first_day, school=school, school_class=lead)
    for _ in range(max(1, round(children / 20))):
        _post(world, person(PostKind.TEACHER, "语文"), PostKind.TEACHER, school=school)
    for index, grade in enumerate(
        sorted({c.grade_on(world.until) for c in running if c.stage != Stage.KINDERGARTEN})
    ):
        # The first cast grade head heads the demo class's grade, the others are class teachers of theirs.
        if main and grade == lead.grade_on(world.until):
            head = person(PostKind.GRADE_HEAD)
        else:
            head = plan.teacher_of(next(c for c in running if c.grade_on(world.until) == grade), world.until)
            plan.holders.setdefault(PostKind.GRADE_HEAD, head) if not main else None
        _post(
            world,
            head,
            PostKind.GRADE_HEAD,
            date(world.this_year, 9, 1) if index % 2 else None,
            school=school,
            grade=grade,
        )
    _post(world, person(PostKind.COUNSELOR), PostKind.COUNSELOR, school=school)
    _post(world, person(PostKind.ARCHIVIST), PostKind.ARCHIVIST, school=school)
    plan.center = world.add(
        ActivityCenter(
            county=world.county,
            school=school,
            name=f"{school.name}留守儿童之家",
            place="综合楼二楼",
            opening_days="每周二、周四课外活动",
            starts_on=world.roster_on,
        )
    )
    _post(world, person(PostKind.CENTER_MANAGER), PostKind.CENTER_MANAGER, school=school, center=plan.center)
    for kind, (minimum, maximum) in QUOTAS.items():
        world.add(Quota(school=school, post_kind=kind, minimum=minimum, maximum=maximum))


def _county_staff(world):
    for kind, username, name, sex in COUNTY_CAST:
        staff = _person(world, None, name, sex, username)
        scope = {"district": world.districts[0]} if kind == PostKind.DISTRICT_OFFICER else {}
        _post(world, staff, kind, **scope)
