"""Children with their families: who they are, where they sit, since when they are on the list."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from registry.models import (
    Ability,
    Authority,
    AwayType,
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Hardship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    Relation,
    Sex,
    Stage,
    Trait,
    TraitKind,
)

from .names import CHARACTERS, HEALTHS, INCOMES, VILLAGES, WORKPLACES
from .places import share_of_grade

TABLES = [
    Guardian, Phone, Child, Kinship, Guardianship, ParentWork, Enrollment, CareListSpell, Trait, OpenQuestion,
]  # fmt: skip
ELDERS = [
    # relation, how it is written, share (DOMAIN: 96 % grandparents, 4 % other relatives)
    (Relation.GRANDMOTHER, "奶奶", 0.44),
    (Relation.GRANDFATHER, "爷爷", 0.26),
    (Relation.MATERNAL_GRANDMOTHER, "外婆", 0.16),
    (Relation.MATERNAL_GRANDFATHER, "外公", 0.10),
    (Relation.AUNT, "姑姑", 0.02),
    (Relation.UNCLE, "伯父", 0.02),
]
MEN = {Relation.GRANDFATHER, Relation.MATERNAL_GRANDFATHER, Relation.UNCLE, Relation.FATHER}
QUESTIONS = [
    ("母亲电话", "1390000123", "电话只有 10 位，请向家长核对"),
    ("出生日期", "2016.13.2", "出生日期写不成一个日期，请对照户口簿"),
    ("身份证号", "", "还没有身份证号，请向家长要户口簿"),
    ("父亲务工地", "广东？", "务工地不清楚，请问家长在哪个市"),
    ("监护人关系", "亲戚", "写的是“亲戚”，请问清是什么关系"),
]
# Situations that the first school must show, dealt out to children outside the demo class.
SITUATIONS = [
    "unreachable", "unattended", "without_class", "arrived", "moved", "excused", "waiting_excuse", "wrong_phone", "returned",
    "carer_died", "without_pairing", "unreachable", "without_pairing", "question", "question", "question", "wrong_phone",
]  # fmt: skip
HARDSHIPS = [
    (Hardship.POVERTY, "低保家庭"), (Hardship.POVERTY, "家有重病人"), (Hardship.DISABILITY, "孩子有残疾"),
]  # fmt: skip
NEED_ELDERS = {"carer_died", "unattended", "unreachable"}
OTHER_SCHOOLS = ["excused", "question", "without_pairing", "wrong_phone"]


@dataclass(eq=False)
class Family:
    """Adults around one or two children."""

    surname: str
    village: str
    address: str
    away: str
    father: Guardian | None = None
    mother: Guardian | None = None
    carer: Guardian | None = None
    carer_relation: str = ""
    carer_word: str = ""
    others: list = field(default_factory=list)  # [(guardian, relation, word)]
    kids: list = field(default_factory=list)
    phones: dict = field(default_factory=dict)  # id(guardian) -> Phone


@dataclass(eq=False)
class Kid:
    """A child in the making: what the care of a year needs to know."""

    child: Child
    family: Family
    listed_from: date
    listed_to: date | None = None
    spells: list = field(default_factory=list)  # [(plan, class or None, first, last or None)]
    pairings: list = field(default_factory=list)  # [(first, last or None, staff)]
    situation: str = ""
    unreachable_from: date | None = None
    waits_for_talk: bool = False
    priority: bool = False  # 重点关注
    hardships: set = field(default_factory=set)  # kinds of 困境

    def spell_on(self, day):
        """(plan, class) where the child sits that day and is on the list, or None."""
        if day < self.listed_from or (self.listed_to and day > self.listed_to):
            return None
        for plan, school_class, first, last in self.spells:
            if first <= day and (last is None or day <= last):
                return plan, school_class
        return None

    def paired_on(self, day):
        """Who holds the primary pairing that day, or None."""
        return next(
            (s for first, last, s in self.pairings if first <= day and (last is None or day <= last)), None
        )


def build_children(world, children):
    """All children, school by school; juniors come partly from the primary schools before them."""
    for plan in world.schools:
        plan.arriving = {}
    for index, plan in enumerate(world.schools):
        plan.later = [other for other in world.schools[index + 1 :] if other.school.has_junior]
        dealt = list(SITUATIONS) if plan is world.schools[0] else list(OTHER_SCHOOLS)
        if plan.managing:
            dealt = []
        plan.situations, plan.waiting_families = dealt, []
        for school_class in plan.classes:
            _fill(world, plan, school_class, children)
        world.flush(*TABLES)
        world.tell(f"{plan.school.name}：{len(plan.children)} 名孩子")


def _fill(world, plan, school_class, children):
    """The children of one class: those who come up from a primary school first."""
    same = [
        c for c in plan.classes if (c.stage, c.entry_year) == (school_class.stage, school_class.entry_year)
    ]
    total = share_of_grade(plan, school_class.stage, children)
    size = total // len(same) + (1 if same.index(school_class) < total % len(same) else 0)
    coming = plan.arriving.get(school_class.entry_year, []) if school_class.stage == Stage.JUNIOR else []
    for _ in range(size):
        if coming:
            _enroll(world, coming.pop(0), plan, school_class, school_class.first_day)
        else:
            _new_kid(world, plan, school_class)
    if school_class is getattr(world, "demo_class", None) and not any(
        k.child.name == "李小满" for k in plan.children
    ):
        _look_family(world, plan, school_class)


def _new_kid(world, plan, school_class, boy=None, family=None, name=None):
    """One child: family, list, class; in some classes a situation to show."""
    rng = world.rng
    boy = world.chance(0.545) if boy is None else boy
    birth_date = _birth_date(world, plan, school_class)
    starts_on, situation = school_class.first_day, ""
    late = starts_on > world.roster_on
    usual = family is None and not late and school_class.ends_on >= world.until
    if usual and plan.situations and school_class is not getattr(world, "demo_class", None):
        situation = plan.situations.pop(0)
        family = _family(world, plan, fixed=situation in NEED_ELDERS)
        if situation == "without_class":
            starts_on = max(world.until - timedelta(days=12), starts_on)
        elif situation == "arrived":
            starts_on = max((world.until.replace(day=1) - timedelta(days=1)).replace(day=17), starts_on)
    if family is None:
        family = _sibling_family(world, plan, birth_date) or _family(world, plan)
    has_number = world.chance(0.93)
    child = Child(
        county=world.county,
        name=name or world.names.child(family.surname, boy),
        sex=Sex.MALE if boy else Sex.FEMALE,
        birth_date=birth_date,
        ethnic_group="汉族" if world.chance(0.97) else rng.choice(["土家族", "回族", "苗族"]),
        id_number=world.names.id_number(birth_date, boy) if has_number else "",
        household_registration=f"青溪县{family.village}",
        village=family.village,
        division_code="341299",
        address=family.address,
        student_number=f"G{rng.randrange(10**10):010d}" if world.chance(0.8) else "",
        health=rng.choice(HEALTHS),
        character=rng.choice(CHARACTERS),
        household_income=rng.choice(INCOMES),
    )
    child.prepare()
    recorded_at = world.known(
        world.moment(starts_on + timedelta(days=rng.randrange(9) if late else 2), 9, 300)
    )
    child.created_at = recorded_at
    world.add(child, changed_at=recorded_at)
    kid = Kid(child, family, starts_on, situation=situation)
    family.kids.append(kid)
    _kin(world, kid, recorded_at)
    _settle(world, kid, plan, school_class, starts_on)
    _list(world, kid, recorded_at)
    _traits(world, kid, plan)
    _show(world, kid)
    return kid


def _birth_date(world, plan, school_class):
    school = plan.school
    age = {Stage.KINDERGARTEN: 3, Stage.PRIMARY: 6, Stage.JUNIOR: school.first_junior_grade + 5}[
        school_class.stage
    ]
    first = date(school_class.entry_year - age - 1, 9, 1)
    return first + timedelta(days=world.rng.randrange(364))


# --- families


def _sibling_family(world, plan, birth_date):
    """A family of the school that waits for a brother or sister."""
    if not world.chance(0.22):
        return None
    for index, family in enumerate(plan.waiting_families):
        if abs(family.kids[0].child.birth_date.year - birth_date.year) >= 1 and not family.kids[0].situation:
            return plan.waiting_families.pop(index)
    return None


def _family(world, plan, surname=None, fixed=False, elder=None):
    """Father, mother, and who cares at home; ``fixed``: both parents away, a grandparent at home."""
    rng, names = world.rng, world.names
    surname = surname or names.surname()
    both = world.chance(0.62) or fixed
    village = plan.school.village if plan.managing else rng.choice(VILLAGES)
    family = Family(
        surname=surname,
        village=village,
        address=f"{village}{rng.randrange(1, 12)}组{rng.randrange(1, 90)}号",
        away=AwayType.BOTH_AWAY if both else AwayType.ONE_AWAY,
    )
    mother_surname = names.surname()
    family.father = _adult(world, family, names.parent(surname, True), Sex.MALE, rng.randrange(34, 47))
    if world.chance(0.97) or fixed:
        family.mother = _adult(
            world, family, names.parent(mother_surname, False), Sex.FEMALE, rng.randrange(33, 45)
        )
    if both or family.mother is None:
        family.away = AwayType.BOTH_AWAY
        _elder(world, family, mother_surname, elder)
        stays = None
    else:
        stays = family.mother if world.chance(0.75) else family.father
        family.carer = stays
        family.carer_relation = Relation.MOTHER if stays is family.mother else Relation.FATHER
        family.carer_word = "妈妈" if stays is family.mother else "爸爸"
        if world.chance(0.35):
            elder = _adult(
                world, family, names.grandparent(surname, False), Sex.FEMALE, rng.randrange(55, 75)
            )
            family.others.append((elder, Relation.GRANDMOTHER, "奶奶"))
    for parent in (family.father, family.mother):
        if parent is not None and parent is not stays:
            _work(world, parent)
    if world.chance(0.3) and not elder:
        plan.waiting_families.append(family)
    return family


def _elder(world, family, mother_surname, given=None):
    rng, names = world.rng, world.names
    draw, at = rng.random(), 0
    relation, word, _ = ELDERS[0]  # a given name is a grandmother's
    for elder in ELDERS if not given else ():
        relation, word, share = elder
        at += share
        if draw < at:
            break
    man = relation in MEN
    surname = mother_surname if word.startswith("外") and man else family.surname
    if not man and relation != Relation.AUNT:
        surname = names.surname()
    age = rng.randrange(54, 76) if word not in ("姑姑", "伯父") else rng.randrange(38, 55)
    name = names.grandparent(surname, man) if age > 53 else names.parent(surname, man)
    family.carer = _adult(world, family, given or name, Sex.MALE if man else Sex.FEMALE, age)
    family.carer_relation, family.carer_word = relation, word
    if relation == Relation.GRANDMOTHER and not given and world.chance(0.5):
        elder = _adult(world, family, names.grandparent(family.surname, True), Sex.MALE, age + 1)
        family.others.append((elder, Relation.GRANDFATHER, "爷爷"))


def _adult(world, family, name, sex, age):
    rng = world.rng
    guardian = Guardian(
        county=world.county,
        name=name,
        sex=sex,
        birth_date=date(world.first_year - age, rng.randrange(1, 13), rng.randrange(1, 29)),
        occupation="务农" if age > 50 else "务工",
        health="" if age < 50 else rng.choice(["健康", "健康", "高血压", "腿脚不便", "健康"]),
    )
    guardian.prepare()
    entered_at = world.moment(world.roster_on + timedelta(days=2), 9, 300)
    world.add(guardian, changed_at=entered_at)
    for position in range(2 if world.chance(0.12) else 0 if age > 60 and world.chance(0.08) else 1):
        answered = world.until - timedelta(days=rng.randrange(2, 70))
        phone = Phone(
            guardian=guardian,
            number=world.names.phone(),
            label="" if position == 0 else "备用",
            position=position,
            last_answered_on=answered if world.chance(0.8) else None,
            created_at=entered_at,
        )
        phone.prepare()
        world.add(phone, changed_at=entered_at)
        family.phones.setdefault(id(guardian), phone)
    return guardian


def _work(world, parent):
    rng = world.rng
    code, place, trade = rng.choice(WORKPLACES)
    starts_on = world.roster_on - timedelta(days=rng.randrange(30, 2200))
    festival = date(world.this_year + 1, 2, rng.randrange(1, 6))
    world.add(
        ParentWork(
            guardian=parent,
            starts_on=starts_on,
            starts_on_known=world.chance(0.7),
            place=place,
            division_code=code,
            address=f"{place}{rng.choice(['工业区', '城东', '开发区', '新城'])}{rng.randrange(1, 200)}号"
            if world.chance(0.5)
            else "",
            trade=trade,
            expected_return_on=festival if world.chance(0.4) else None,
            recorded_at=world.moment(world.roster_on + timedelta(days=2), 9, 300),
        )
    )


def _kin(world, kid, recorded_at):
    """Kinships, and who cares since when."""
    family, child, rng = kid.family, kid.child, world.rng
    rows = [(family.father, Relation.FATHER, "父亲"), (family.mother, Relation.MOTHER, "母亲")]
    if family.carer_relation not in (Relation.FATHER, Relation.MOTHER):
        rows.append((family.carer, family.carer_relation, family.carer_word))
    rows += family.others
    for adult, relation, word in rows:
        if adult is not None:
            world.add(Kinship(child=child, guardian=adult, relation=relation, as_written=word))
    parent = family.carer_relation in (Relation.FATHER, Relation.MOTHER)
    carers = [family.carer] + [adult for adult, _, _ in family.others]
    died_on = None
    if kid.situation == "carer_died" and not parent:
        died_on = max(world.until - timedelta(days=75), world.roster_on + timedelta(days=20))
    for index, adult in enumerate(carers):
        ends_on = None
        if index == 0 and died_on:
            adult.died_on = ends_on = died_on
        if index == 0 and kid.situation == "unattended":
            ends_on = max(world.until - timedelta(days=9), kid.listed_from)
        elif kid.situation == "unattended":
            continue
        world.add(
            Guardianship(
                child=child,
                guardian=adult,
                authority=Authority.LEGAL
                if parent and index == 0
                else rng.choice([Authority.INFORMAL, Authority.INFORMAL, Authority.ENTRUSTED]),
                ability=rng.choice([Ability.GOOD, Ability.FAIR, Ability.FAIR, Ability.INSUFFICIENT]),
                starts_on=kid.listed_from,
                ends_on=ends_on,
                recorded_at=recorded_at,
            )
        )
    if died_on and len(carers) == 1:
        heir = _adult(world, family, world.names.parent(family.surname, False), Sex.FEMALE, 44)
        world.add(Kinship(child=child, guardian=heir, relation=Relation.AUNT, as_written="姑姑"))
        world.add(
            Guardianship(
                child=child,
                guardian=heir,
                authority=Authority.ENTRUSTED,
                ability=Ability.FAIR,
                starts_on=died_on + timedelta(days=1),
                recorded_at=world.known(world.moment(died_on + timedelta(days=3), 9, 200)),
            )
        )


# --- school and list


def _settle(world, kid, plan, school_class, first):
    """Where the child sits: in this class to its end or till today, unless its situation says otherwise."""
    rng = world.rng
    if kid.situation == "without_class":
        _enroll(world, kid, plan, None, first)
        return
    if kid.situation == "moved":
        target = next(
            (other for other in world.schools if other is not plan and other.school.has_primary), None
        )
        on = max(world.until - timedelta(days=33), first + timedelta(days=10))
        same = (
            [c for c in target.classes if c.stage == school_class.stage and c.ends_on >= world.until]
            if target
            else []
        )
        if same and on < world.until:
            _enroll(world, kid, plan, school_class, first, on - timedelta(days=1), "转学")
            near = min(same, key=lambda c: abs(c.entry_year - school_class.entry_year))
            _enroll(world, kid, target, near, on)
            return
    if school_class.ends_on < world.until:
        _enroll(world, kid, plan, school_class, first, school_class.ends_on, "毕业")
        goal = (
            plan
            if plan.school.has_junior and school_class.stage == Stage.PRIMARY
            else next(iter(plan.later), None)
        )
        if school_class.stage != Stage.PRIMARY or goal is None or world.chance(0.2):
            kid.listed_to = school_class.ends_on
            return
        goal.arriving.setdefault(school_class.ends_on.year, []).append(kid)
        return
    # Some leave for the parents' town in the middle of the year.
    last = None
    if not kid.situation and world.chance(0.02):
        span = (world.until - max(first, world.start)).days
        if span > 60 and kid.family.kids == [kid] and school_class is not getattr(world, "demo_class", None):
            last = world.until - timedelta(days=rng.randrange(20, span - 20))
            kid.listed_to = last
    _enroll(world, kid, plan, school_class, first, last, "随父母转出" if last else "")


def _enroll(world, kid, plan, school_class, first, last=None, reason=""):
    kid.spells.append((plan, school_class, first, last))
    if kid not in plan.children:
        plan.children.append(kid)
    world.add(
        Enrollment(
            child=kid.child,
            school=plan.school,
            school_class=school_class,
            starts_on=first,
            ends_on=last,
            end_reason=reason,
            recorded_at=world.known(world.moment(first + timedelta(days=2), 9, 300)),
        )
    )


def _list(world, kid, recorded_at):
    reason = "毕业离开本县" if kid.listed_to else ""
    if kid.situation == "returned":
        kid.listed_to = max(world.until - timedelta(days=26), kid.listed_from + timedelta(days=5))
        reason = "父母返乡"
    elif kid.listed_to and kid.spells[-1][1] is not None and kid.spells[-1][1].ends_on != kid.listed_to:
        reason = "随父母转出"
    world.add(
        CareListSpell(
            child=kid.child,
            type=kid.family.away,
            starts_on=kid.listed_from,
            ends_on=kid.listed_to,
            end_reason=reason,
            recorded_at=recorded_at,
        )
    )


def _traits(world, kid, plan):
    rng, first = world.rng, kid.listed_from
    recorded_at = world.known(world.moment(first + timedelta(days=3), 9, 200))

    def trait(kind, reason, starts_on=first, **more):
        world.add(
            Trait(
                child=kid.child,
                kind=kind,
                starts_on=starts_on,
                reason=reason,
                recorded_at=recorded_at,
                **more,
            )
        )

    small = kid.spells and kid.spells[0][1] is not None and kid.spells[0][1].stage == Stage.KINDERGARTEN
    if not small and world.chance(plan.boarding):
        trait(TraitKind.BOARDING, "")
    if world.chance(0.05):
        trait(
            TraitKind.PRIORITY,
            rng.choice(
                ["父母离异，情绪低落", "照看人年纪大、多病", "学习困难，作业常缺", "性格孤僻，少与人说话"]
            ),
            # Looked at again now and then; a few are due.
            review_on=max(
                world.until + timedelta(days=rng.choice([-6, 12, 25, 40, 58, 75, 96, 130])),
                first + timedelta(days=1),
            ),
        )
        kid.priority = True
    if world.chance(0.08):
        detail, reason = rng.choice(HARDSHIPS)
        trait(TraitKind.HARDSHIP, reason, detail=detail)
        kid.hardships.add(detail)


def _show(world, kid):
    """Alarms, wrong phones, open questions."""
    day = max(world.until - timedelta(days=8), kid.listed_from)
    asked_at = world.known(world.moment(max(kid.listed_from, date(world.this_year, 9, 4)), 9, 200))
    if kid.situation == "unattended":
        world.add(
            Trait(
                child=kid.child,
                kind=TraitKind.UNATTENDED,
                starts_on=day,
                reason=f"{kid.family.carer_word}外出打工，家中暂时没有大人",
                recorded_at=world.known(world.moment(day + timedelta(days=1), 9, 200)),
            )
        )
    elif kid.situation == "wrong_phone":
        adult = kid.family.father
        if id(adult) in kid.family.phones:
            kid.family.phones[id(adult)].wrong_since = day
            kid.family.phones[id(adult)].last_answered_on = None
    elif kid.situation == "question" or world.chance(0.02):
        name, text, message = world.rng.choice(QUESTIONS)
        world.add(
            OpenQuestion(
                child=kid.child,
                field=name,
                text=text,
                message=message,
                source=f"{world.this_year}年9月花名册",
                asked_at=asked_at,
            )
        )


def _look_family(world, plan, school_class):
    """李小满 and her brother 李小川, with their grandmother 王秀英: the pair the manual pages show."""
    family = _family(world, plan, "李", fixed=True, elder="王秀英")
    world.look_family = family
    _new_kid(world, plan, school_class, boy=False, family=family, name="李小满")
    younger = [
        c for c in plan.classes if c.stage == Stage.PRIMARY and c.entry_year == school_class.entry_year + 1
    ]
    if younger:
        _new_kid(world, plan, younger[0], boy=True, family=family, name="李小川")
