"""A compact world for the access matrix and the privacy sweeps: two counties, every post, one child in every relation.

Everything is seen from 石门小学 (``s1``) and its class 四年级1班 (``c1``). Each child carries canary values found nowhere
else: name, ID number, a carer's phone, an address, the words of two contacts, the reason of a trait.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils import timezone

from activities.facts import facts_uid, load_facts
from activities.models import Activity, DropoutCase, DutyRule, Excuse, UnreachableClaim
from pairing.models import (
    Handover,
    HelpPlan,
    OutsideHelper,
    Pairing,
    PairingProposal,
    ProposalRow,
    Quota,
    Transfer,
    UnitTie,
)
from registry.calendar import school_year_of
from registry.models import (
    ActivityCenter,
    AdultCondition,
    CareAgreement,
    Child,
    ChildMerge,
    County,
    Demand,
    HeldRow,
    ImportBatch,
    ImportState,
    OpenQuestion,
    Post,
    School,
    Screening,
    Staff,
    StatedReason,
    Trait,
    TraitKind,
    grade_year,
)
from registry.screenings.campaign import join
from trust.models import Device, Job, JobState, Upload, User

START = date(2020, 9, 1)
HOME, AWAY = "341299", "341298"

# relation of the child to 四年级1班 of 石门小学 -> (name, school, class)
CHILDREN = {
    "own": ("穆青禾", "s1", "c1"),  # also paired with 结对老师
    "same_class": ("闻雪晴", "s1", "c1"),
    "same_school": ("邬小舟", "s1", "c2"),
    "point": ("阚星野", "s2", "c3"),  # 教学点 of 石门小学
    "district": ("郗云帆", "s3", "c4"),  # another school of the same 学区
    "other": ("佘雨薇", "s4", "c5"),  # another 学区
    "graduated": ("桑明月", "s1", "c0"),  # left 石门小学 with its class last summer
    "foreign": ("逄晓岚", "s9", "c9"),  # another county
}
SCHOOLS = {"own": "s1", "point": "s2", "district": "s3", "other": "s4", "foreign": "s9"}
CLASS_OF = {"s1": "c1", "s2": "c3", "s3": "c4", "s4": "c5", "s9": "c9"}

# account -> (name, kind of post, place of the post)
SUBJECTS = {
    "class_teacher": ("班主任甲", "class_teacher", {"class": "c1"}),
    "subject_teacher": ("科任甲", "subject_teacher", {"class": "c1"}),
    "duty_teacher": ("值守甲", "duty_teacher", {"class": "c1"}),
    "teacher": ("普通甲", "teacher", {"school": "s1"}),
    "paired": ("结对老师", "teacher", {"school": "s1"}),
    "grade_head": ("年级甲", "grade_head", {"school": "s1", "grade": 4}),
    "leader": ("组长甲", "leader", {"school": "s1"}),
    "deputy": ("副组长甲", "deputy", {"school": "s1"}),
    "group_office": ("办公室甲", "group_office", {"school": "s1"}),
    "group_member": ("成员甲", "group_member", {"school": "s1"}),
    "center_manager": ("之家甲", "center_manager", {"center": "h1"}),
    "counselor": ("心理甲", "counselor", {"school": "s1"}),
    "archivist": ("档案甲", "archivist", {"school": "s1"}),
    "district_officer": ("学区甲", "district_officer", {"district": "d1"}),
    "county_officer": ("教育局甲", "county_officer", {}),
    "county_officer_with_reason": ("教育局乙", "county_officer", {}),
    "womens_federation": ("妇联甲", "womens_federation", {}),
    "inspector": ("考核甲", "inspector", {}),
    "administrator": ("管理甲", "administrator", {}),
    "nobody": ("无岗甲", None, {}),
    "former_leader": ("前组长甲", "leader", {"school": "s1", "ends_on": "2021-07-01"}),
}


@dataclass(frozen=True)
class Canary:
    """Values of one child that stand nowhere else."""

    name: str
    id_number: str
    phone: str
    address: str
    words: str  # written by the class teacher
    paired_words: str  # written by the paired teacher (own child) or the class's subject teacher
    reason: str

    def secrets(self):
        """Everything beside the name."""
        return {key: value for key, value in vars(self).items() if key != "name"}


def canary_of(relation):
    """The canary values of the child in this relation."""
    number = list(CHILDREN).index(relation) + 1
    body = f"341299201605{number:02d}{number}20"
    weights = [2**power % 11 for power in range(17, 0, -1)]
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]
    return Canary(
        name=CHILDREN[relation][0],
        id_number=body + check,
        phone=f"1390000710{number}",
        address=f"暗沟巷{number}0{number}号后院",
        words=f"听见谷雨{number}号的话",
        paired_words=f"记下霜降{number}号的话",
        reason=f"藏着白露{number}号的缘由",
    )


CANARIES = {relation: canary_of(relation) for relation in CHILDREN}


def _birth(relation):
    number = CANARIES[relation].id_number
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}"


def _calendar(today):
    years = [school_year_of(today) - 1, school_year_of(today)]
    terms = []
    for year in years:
        terms += [
            {"year": year, "season": "autumn", "starts_on": f"{year}-09-01", "ends_on": f"{year + 1}-01-20"},
            {
                "year": year,
                "season": "spring",
                "starts_on": f"{year + 1}-02-20",
                "ends_on": f"{year + 1}-07-05",
            },
        ]
    return {"school_years": [{"year": year, "confirmed": True} for year in years], "terms": terms}


def _facts(code, county, places, relations, staff, posts):
    today = timezone.localdate()
    here = {relation: CHILDREN[relation] for relation in relations}
    day = today - timedelta(days=2)
    return {
        "county": {"code": code, "name": county},
        **_calendar(today),
        **places,
        "staff": staff,
        "posts": posts,
        "children": [
            {
                "id": key, "name": name, "sex": "female", "birth_date": _birth(key),
                "id_number": CANARIES[key].id_number, "village": "柳溪村", "address": CANARIES[key].address,
            }
            for key, (name, _, _) in here.items()
        ],
        "enrollments": [
            {"child": key, "school": school, "class": where, "starts_on": str(START)}
            for key, (_, school, where) in here.items()
        ],
        "care_list": [{"child": key, "type": "both_away", "starts_on": str(START)} for key in here],
        "guardians": [
            {"id": key, "name": f"{'赵钱孙李周吴郑王'[number]}桂英", "phones": [CANARIES[key].phone]}
            for number, key in enumerate(here)
        ],
        "kinships": [{"child": key, "guardian": key, "relation": "mother"} for key in here],
        "guardianships": [
            {"child": key, "guardian": key, "authority": "informal", "starts_on": str(START)} for key in here
        ],
        "parent_work": [{"guardian": key, "starts_on": str(START), "place": "广东省东莞市"} for key in here],
        "contacts": [
            {
                "id": f"{key}-{number}", "child": key, "kind": "talk", "day": str(day), "parties": ["child"],
                "staff": by, "words": words,
            }
            for key, (_, school, _) in here.items()
            for number, (by, words) in enumerate([
                ("class_teacher" if school == "s1" else f"teacher-{school}", CANARIES[key].words),
                ("paired" if key == "own" else f"teacher-{school}", CANARIES[key].paired_words),
            ])
        ],
    }  # fmt: skip


def _places(schools, classes, districts):
    return {
        "districts": [{"id": one, "name": name} for one, name in districts.items()],
        "schools": [
            {
                "id": key, "code": key, "name": name, "district": district, "managing_school": managing,
                "stages": ["primary"], "first_used_on": str(START),
            }
            for key, (name, district, managing) in schools.items()
        ],
        "classes": [
            {"id": key, "school": school, "stage": "primary", "entry_year": entry, "number": number}
            for key, (school, entry, number) in classes.items()
        ],
        "centers": [
            {"id": f"h{key[1:]}", "name": f"{name}之家", "school": key, "starts_on": str(START)}
            for key, (name, _, _) in schools.items()
        ],
    }  # fmt: skip


@dataclass
class World:
    """What was built: accounts by subject, uids of objects by (relation, kind)."""

    users: dict = field(default_factory=dict)
    uids: dict = field(default_factory=dict)
    closed: User = None

    def uid(self, relation, kind):
        """The uid of the object of a kind in a relation (a child's own, else its school's)."""
        found = self.uids.get((relation, kind))
        if found is None:
            school = CHILDREN[relation][1]
            found = self.uids[next(key for key, one in SCHOOLS.items() if one == school), kind]
        return found


def build():
    """Builds the world; pays for it once per test module."""
    today = timezone.localdate()
    fourth, gone = grade_year(today) - 3, grade_year(today) - 6
    world = World()
    staff = [
        {"id": key, "name": name, "school": "s1" if _of_school(kind, place) else None}
        for key, (name, kind, place) in SUBJECTS.items()
    ]
    staff += [
        {"id": f"teacher-{key}", "name": f"老师{key}", "school": key} for key in ("s1", "s2", "s3", "s4")
    ]
    posts = [
        {"staff": key, "kind": kind, "starts_on": str(START), **place}
        for key, (_, kind, place) in SUBJECTS.items()
        if kind and kind != "district_officer"
    ]
    posts += [
        {"staff": f"teacher-{key}", "kind": "class_teacher", "class": CLASS_OF[key], "starts_on": str(START)}
        for key in ("s2", "s3", "s4")
    ]
    posts.append({"staff": "teacher-s1", "kind": "class_teacher", "class": "c2", "starts_on": str(START)})
    for post in posts:
        if post["kind"] == "leader" and "ends_on" not in post:
            post["starts_on"] = "2021-07-02"
    home = _places(
        {
            "s1": ("石门小学", "d1", None), "s2": ("柳溪教学点", "d1", "s1"), "s3": ("清塘小学", "d1", None),
            "s4": ("枫林小学", "d2", None),
        },
        {
            "c1": ("s1", fourth, 1), "c2": ("s1", fourth + 2, 1), "c0": ("s1", gone, 1), "c3": ("s2", fourth + 1, 1),
            "c4": ("s3", fourth, 1), "c5": ("s4", fourth, 1),
        },
        {"d1": "城东学区", "d2": "城西学区"},
    )  # fmt: skip
    facts = _facts(HOME, "青溪县", home, [key for key in CHILDREN if key != "foreign"], staff, posts)
    # A graduate's class is over: the contacts of this week are not its.
    facts["contacts"] = [row for row in facts["contacts"] if row["child"] != "graduated"] + [
        {**row, "day": f"{grade_year(today)}-05-12", "recorded_at": f"{grade_year(today)}-05-12T16:00"}
        for row in facts["contacts"]
        if row["child"] == "graduated"
    ]
    facts["pairings"] = [
        {"child": "own", "staff": "paired", "starts_on": str(START), "recorded_at": f"{START}T10:00"},
        *(
            {"child": key, "staff": f"teacher-{CHILDREN[key][1]}", "starts_on": str(START),
             "recorded_at": f"{START}T10:00"}
            for key in ("same_class", "same_school", "graduated", "point", "district", "other")
        ),
    ]  # fmt: skip
    facts["covers"] = [
        {
            "staff": "deputy" if key in ("s1", "s2") else f"teacher-{key}",
            "class": CLASS_OF[key],
            "starts_on": str(START),
        }
        for key in ("s1", "s2", "s3", "s4")
    ]
    day = str(today - timedelta(days=1))
    facts["openings"] = [
        {"center": f"h{key[1:]}", "day": day, "staff": [f"teacher-{key}"]} for key in ("s1", "s2", "s3", "s4")
    ]
    facts["activities"] = [
        {
            "id": f"a-{key}", "kind": "center_activity", "title": "读书", "day": day, "school": key,
            "center": f"h{key[1:]}", "staff": [f"teacher-{key}"],
            "attendance": [{"child": child} for child, (_, school, _) in CHILDREN.items()
                           if school == key and child != "graduated"],
        }
        for key in ("s1", "s2", "s3", "s4")
    ]  # fmt: skip
    facts["excuses"] = [
        {
            "subject_kind": "child", "subject": key, "starts_on": day, "ends_on": str(today), "reason": "住院",
            "requested_by": f"teacher-{CHILDREN[key][1]}", "approved_by": "deputy", "approved_at": f"{day}T09:00",
        }
        for key in CHILDREN
        if key not in ("foreign", "graduated")
    ]  # fmt: skip
    load_facts(facts)

    away = _places({"s9": ("远山小学", "d9", None)}, {"c9": ("s9", fourth, 1)}, {"d9": "远山学区"})
    facts = _facts(
        AWAY, "远山县", away, ["foreign"],
        [{"id": "teacher-s9", "name": "老师s9", "school": "s9"}],
        [{"staff": "teacher-s9", "kind": "class_teacher", "class": "c9", "starts_on": str(START)}],
    )  # fmt: skip
    facts["pairings"] = [{"child": "foreign", "staff": "teacher-s9", "starts_on": str(START)}]
    facts["covers"] = [{"staff": "teacher-s9", "class": "c9", "starts_on": str(START)}]
    facts["openings"] = [{"center": "h9", "day": day, "staff": ["teacher-s9"]}]
    facts["activities"] = [
        {"id": "a-s9", "kind": "center_activity", "title": "读书", "day": day, "school": "s9", "center": "h9"}
    ]
    facts["excuses"] = [
        {"subject_kind": "child", "subject": "foreign", "starts_on": day, "ends_on": str(today), "reason": "住院",
         "approved_at": f"{day}T09:00"}
    ]  # fmt: skip
    load_facts(facts)
    _accounts(world)
    _objects(world)
    return world


def _of_school(kind, place):
    return kind is not None and kind not in (
        "district_officer", "county_officer", "womens_federation", "inspector", "administrator",
    )  # fmt: skip


def _accounts(world):
    for key, (name, kind, _) in SUBJECTS.items():
        person = Staff.objects.get(uid=facts_uid(HOME, "staff", key))
        person.user = User.objects.create_user(key, name=name)
        person.save()
        world.users[key] = person.user
        if kind == "district_officer":  # a district's post names no school
            district = School.objects.get(uid=facts_uid(HOME, "schools", "s1")).district
            Post.objects.create(
                staff=person, kind=kind, county=person.county, district=district, starts_on=START
            )
    for code, keys in ((HOME, ("s1", "s2", "s3", "s4")), (AWAY, ("s9",))):
        for key in keys:
            person = Staff.objects.get(uid=facts_uid(code, "staff", f"teacher-{key}"))
            person.user = User.objects.create_user(f"teacher-{key}", name=person.name)
            person.save()
    world.closed = User.objects.create_user("closed", name="停用甲")
    person = Staff.objects.create(
        county=County.objects.get(code=HOME), user=world.closed, name="停用甲",
        school=School.objects.get(uid=facts_uid(HOME, "schools", "s1")),
    )  # fmt: skip
    Post.objects.create(
        staff=person, kind="deputy", county=person.county, school=person.school, starts_on=START
    )
    User.objects.filter(pk=world.closed.pk).update(is_active=False)
    now = timezone.now()
    StatedReason.objects.create(
        user=world.users["county_officer_with_reason"], reason="核对补助名单", expires_at=now + timedelta(hours=2),
        school=School.objects.get(uid=facts_uid(HOME, "schools", "s1")),
    )  # fmt: skip


def _objects(world):
    """Every object that a URL can name, in every relation."""
    now, today = timezone.now(), timezone.localdate()
    uids = world.uids
    for relation in CHILDREN:
        code = AWAY if relation == "foreign" else HOME
        child = Child.objects.get(uid=facts_uid(code, "children", relation))
        care, kin = child.guardianships.get(), child.kinships.get()
        adult = kin.guardian
        trait = Trait.objects.create(
            child=child, kind=TraitKind.HARDSHIP, starts_on=START, reason=CANARIES[relation].reason
        )
        lost = Trait.objects.create(
            child=child, kind=TraitKind.PARENTS_UNREACHABLE, starts_on=today.replace(day=1),
            review_on=today + timedelta(days=30),
        )  # fmt: skip
        excuse = Excuse.objects.filter(subject_kind="child", subject_id=child.pk).first()
        contacts = {
            number: child.contacts.get(uid=facts_uid(code, "contacts", f"{relation}-{number}"))
            for number in (0, 1)
        }
        found = {
            "child": child, "guardian": adult, "phone": adult.phones.get(), "care": care, "trait": trait,
            "work": adult.work_spells.get(), "contact": contacts[0], "pair_contact": contacts[1],
            "question": OpenQuestion.objects.create(child=child, field="生日", message="生日对不对"),
            "claim": UnreachableClaim.objects.create(trait=lost),
            "condition": AdultCondition.objects.create(
                guardian=adult, kind="gravely_ill", starts_on=START, note=CANARIES[relation].reason
            ),
            "agreement": CareAgreement.objects.create(
                child=child, guardian=adult, entrusted_by=adult, signed_on=START, starts_on=START
            ),
            "demand": Demand.objects.create(child=child, raised_on=START, text=CANARIES[relation].reason),
            "pairing": child.pairings.first(), "excuse": excuse or _excuse(child, today),
            **_help(child, relation, today),
            "transfer": _transfer(child, today), "merge": _merge(child),
            "case": DropoutCase.objects.create(child=child, absent_since=START, closed_on=START, outcome="back"),
        }  # fmt: skip
        type(contacts[1]).objects.filter(pk=contacts[1].pk).update(needs_report=True)
        uids |= {(relation, kind): row.uid for kind, row in found.items()}
    for code in (HOME, AWAY):
        county = County.objects.get(code=code)
        term = county.terms.filter(starts_on__lte=today).latest("starts_on")
        join(
            Screening.objects.create(county=county, term=term, as_of=today, due_on=today, definition="在册"),
            by=None,
        )
    for relation, key in SCHOOLS.items():
        code = AWAY if relation == "foreign" else HOME
        school = School.objects.get(uid=facts_uid(code, "schools", key))
        person = Staff.objects.get(uid=facts_uid(code, "staff", f"teacher-{key}"))
        center = ActivityCenter.objects.get(school=school)
        batch = ImportBatch.objects.create(
            school=school,
            sha256="0" * 64,
            as_of=today,
            state=ImportState.DONE,
            file_name="名册.xlsx",
            counts={"new": 1, "changed": 0, "unchanged": 0, "held": 1, "ignored": 0},
        )
        where = school.classes.get(uid=facts_uid(code, "classes", CLASS_OF[key]))
        proposal = PairingProposal.objects.create(school=school, starts_on=today)
        paired = Child.objects.get(uid=uids[relation, "child"])
        meeting = Activity.objects.create(
            kind="group_meeting", title="部署摸底", day=today, school=school, county=school.county
        )
        found = {
            "school": school, "county": school.county, "district": school.district, "class": where,
            "staff": person, "post": person.posts.get(), "center": center, "opening": center.openings.get(),
            "activity": center.activities.get(), "meeting": meeting,
            "follow_up": meeting.follow_ups.create(text="走访一遍", staff=person, due_on=today), "cover": where.covers.get(), "batch": batch,
            **_unit(school),
            "row": HeldRow.objects.create(batch=batch, position=1, number=5),
            "rule": DutyRule.objects.get(county=school.county, owner=None, code="F02"),
            "quota": Quota.objects.create(school=school, post_kind="deputy", minimum=1, maximum=3),
            "proposal": proposal,
            "record_list": ImportBatch.objects.create(
                school=school, kind="contacts", sha256="2" * 64, as_of=today, state=ImportState.DONE, counts={"new": 1}
            ),
            "pairing_list": ImportBatch.objects.create(
                school=school, kind="pairings", sha256="1" * 64, as_of=today, state=ImportState.DONE, counts={"new": 1}
            ),
            "proposal_row": ProposalRow.objects.create(proposal=proposal, child=paired, staff=person),
            "reason": StatedReason.objects.create(
                user=world.users["district_officer"], school=school, reason="核对人数", opened_at=now,
                expires_at=now - timedelta(hours=1),
            ),
            "upload": Upload.objects.create(owner=person.user, purpose="staff_sheet", size=1, sha256="0" * 64),
            "job": Job.objects.create(kind="x", title="花名册", ordered_by=person.user, state=JobState.DONE),
            "screening": school.county.screenings.get(), "school_part": school.screenings.get(),
            "class_part": where.screenings.get(),
            "device": Device.objects.create(user=person.user, session_key=f"key-{key}", label="手机"),
        }  # fmt: skip
        uids |= {(relation, kind): row.uid for kind, row in found.items()}


def _unit(school):
    """A unit that stands by the school."""
    unit, _ = OutsideHelper.objects.get_or_create(
        county=school.county, school=school, name="县医院", kind="unit", defaults={"starts_on": START, "promised_on": START}
    )  # fmt: skip
    return {"helper": unit, "unit_tie": UnitTie.objects.create(helper=unit, school=school, starts_on=START)}


def _help(child, relation, today):
    """A help plan, a handover and a tie with somebody from outside; their words are the paired teacher's to read."""
    tie, seat = child.pairings.first(), child.enrollments.get()
    words = CANARIES[relation].paired_words
    unit, _ = OutsideHelper.objects.get_or_create(
        county=child.county, school=seat.school, name="县医院", kind="unit", defaults={"starts_on": START, "promised_on": START}
    )  # fmt: skip
    return {
        "plan": HelpPlan.objects.create(
            child=child, staff=tie.staff, goals=words, content=words, starts_on=START, review_on=today + timedelta(days=60)
        ),
        "handover": Handover.objects.create(
            child=child, from_staff=tie.staff, to_staff=tie.staff, pairing=tie, day=today, habits=words, promises=words
        ),
        "helper_pairing": Pairing.objects.create(
            child=child, helper=unit, helper_name=unit.name, kind="helper", starts_on=START, consent_on=START
        ),
    }  # fmt: skip


def _transfer(child, today):
    """One that was withdrawn, to the other side of the county; it changed nothing."""
    seat = child.enrollments.get()
    elsewhere = (
        School.objects.filter(county=child.county).exclude(pk=seat.school_id).order_by("-code").first()
    )
    if elsewhere is None:
        elsewhere = School.objects.create(
            county=child.county, code="s8", name="近山小学", first_used_on=START, has_primary=True
        )
    return Transfer.objects.create(
        child=child, from_school=seat.school, to_school=elsewhere, last_day=today, state="withdrawn",
        decided_at=timezone.now(),
    )  # fmt: skip


def _merge(child):
    """One that was undone: the other file stands alone again and sits nowhere."""
    other = Child.objects.create(county=child.county, name="另一份", sex=child.sex)
    return ChildMerge.objects.create(kept=child, dropped=other, moved="[]", undone_at=timezone.now())


def _excuse(child, today):
    seat = child.enrollments.get()
    return Excuse.objects.create(
        county=child.county, school=seat.school, subject_id=child.pk, starts_on=today, ends_on=today, reason="住院",
        approved_at=timezone.now(),
    )  # fmt: skip
