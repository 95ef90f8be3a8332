"""The invented county: the same every time, complete, and never beside real children."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.apps import apps
from django.db.models import Count, Min, Q
from django.utils import timezone

from activities.demo import accounts
from activities.demo.county import build_county
from activities.models import (
    Activity,
    Attendance,
    Contact,
    ContactKind,
    DropoutCase,
    DropoutStep,
    Excuse,
    FollowUp,
    Opening,
    VisitDetail,
)
from pairing import handovers, moves, plans
from pairing.models import (
    ClassCover,
    Handover,
    HelpPlan,
    OutsideHelper,
    Pairing,
    PairingKind,
    PlanStage,
    Quota,
    Transfer,
    UnitTie,
)
from registry import agreements, traits
from registry.access import Act, may
from registry.calendar import Calendar
from registry.models import (
    AdultCondition,
    CareAgreement,
    CareListSpell,
    Child,
    Demand,
    Enrollment,
    Guardianship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
    Trait,
)
from registry.values import read_id_number
from trust.models import User

pytestmark = pytest.mark.django_db

UNTIL = date(2026, 11, 22)
SMALL = {"schools": 3, "children": 24, "months": 3, "until": UNTIL, "seed": 5}


@pytest.fixture(scope="module")
def small_county(django_db_setup, django_db_blocker):
    """One small county for all tests of this module that only look at it."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        built = build_county(**SMALL)
        yield built
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


def fingerprint():
    """What makes two counties the same: names and uids, facts and words."""
    return {
        "children": sorted(Child.objects.values_list("uid", "name", "birth_date", "village")),
        "staff": sorted(Staff.objects.values_list("uid", "name", "phone")),
        "posts": sorted(Post.objects.values_list("uid", "kind", "starts_on")),
        "enrollments": sorted(Enrollment.objects.values_list("uid", "child__name", "starts_on")),
        "pairings": sorted(Pairing.objects.values_list("uid", "staff__name", "starts_on")),
        "contacts": sorted(
            Contact.objects.values_list("uid", "kind", "day", "recorded_at", "staff__name", "parties")
        ),
        "words": [contact.words for contact in Contact.objects.order_by("uid")[:40]],
        "openings": sorted(Opening.objects.values_list("uid", "day", "visitors")),
    }


def all_rows():
    """The uids of every table that names its rows; rules are seeded for every county alike."""
    found = {}
    for label in ("registry", "pairing", "activities"):
        for model in apps.get_app_config(label).get_models():
            if hasattr(model, "uid") and model.__name__ != "DutyRule":
                found[model.__name__] = sorted(model.objects.values_list("uid", flat=True))
    return found


def build_and_forget(**changes):
    """The fingerprint of a county that is not kept."""
    from django.db import transaction

    with transaction.atomic():
        build_county(**SMALL | changes)
        found = fingerprint() | all_rows()
        transaction.set_rollback(True)
    return found


def test_the_same_arguments_make_the_same_county():
    first = build_and_forget()
    assert build_and_forget() == first
    assert build_and_forget(seed=6)["children"] != first["children"]


def test_every_row_is_one_a_person_could_have_entered(small_county):
    for model in (
        School, SchoolClass, Staff, Post, Child, Enrollment, CareListSpell, Trait, Guardianship, ParentWork, Phone, Pairing,
        ClassCover, Quota, Contact, Excuse, Activity, CareAgreement, AdultCondition, Demand, OutsideHelper, UnitTie, HelpPlan,
        PlanStage, Handover, Transfer, FollowUp, DropoutCase, DropoutStep, Attendance,
    ):  # fmt: skip
        for row in model.objects.order_by("-pk")[:40]:
            row.full_clean()


def test_contacts_lie_inside_what_is_possible(small_county):
    first = dict(Enrollment.objects.values_list("child").annotate(first=Min("starts_on")))
    for child, day, moment in Contact.objects.values_list("child", "day", "recorded_at"):
        assert first[child] <= day <= timezone.localdate(moment) < UNTIL
    for gone in Staff.objects.exclude(left_on=None):
        assert not Contact.objects.filter(staff=gone, day__gt=gone.left_on).exists()
    assert not Contact.objects.filter(adults=None).exists()


def test_numbers_belong_to_nobody(small_county):
    children = Child.objects.exclude(id_number="")
    numbers = [child.id_number for child in children]
    assert len(numbers) > 50
    assert len(set(numbers)) == len(numbers)
    assert {number[:6] for number in numbers} == {"341299"}
    for child in children:
        assert read_id_number(child.id_number).value == child.id_number
        assert child.id_number[6:14] == f"{child.birth_date:%Y%m%d}"
        assert (int(child.id_number[16]) % 2 == 1) == (child.sex == "male")
    phones = [phone.number for phone in Phone.objects.all()] + list(
        Staff.objects.values_list("phone", flat=True)
    )
    assert len(set(phones)) == len(phones)
    assert {(len(phone), phone[3:7]) for phone in phones} == {(11, "0000")}


def test_about_as_many_children_as_asked_for(small_county):
    listed = Counter(
        Enrollment.objects.on(UNTIL)
        .filter(child__in=CareListSpell.objects.on(UNTIL).values("child"))
        .values_list("school__code", flat=True)
    )
    point = listed.pop("QX001J")
    listed["QX001"] += point
    assert sorted(listed) == ["QX001", "QX002", "QX003"]
    assert all(18 <= number <= 30 for number in listed.values()), listed


def test_the_county_shows_every_situation(small_county):
    on_list = Q(pk__in=CareListSpell.objects.on(UNTIL).values("child"))
    children = Child.objects.filter(on_list)
    without_class = Enrollment.objects.on(UNTIL).filter(school_class=None)
    last_month = UNTIL.replace(day=1) - timedelta(days=1)
    situations = {
        "教学点": School.objects.exclude(managing_school=None).exists(),
        "幼儿园班": SchoolClass.objects.filter(stage="kindergarten").exists(),
        "九年一贯制": School.objects.filter(has_primary=True, has_junior=True).exists(),
        "寄宿": Trait.objects.filter(kind="boarding").exists(),
        "无人监护": Trait.objects.on(UNTIL).filter(kind="unattended").count() == 1,
        "失联家长": Trait.objects.on(UNTIL)
        .filter(kind="parents_unreachable", claim__attempts__reached=False)
        .exists(),
        "未分班": without_class.count() == 1,
        "月中到校": Enrollment.objects.filter(starts_on=last_month.replace(day=17)).exists(),
        "转学": Enrollment.objects.filter(end_reason="转学").exists(),
        "班主任调离": Staff.objects.exclude(left_on=None).exists(),
        "没有包保": children.exclude(pk__in=Pairing.objects.on(UNTIL).values("child")).exists(),
        "换包保教师": Pairing.objects.filter(end_reason="staff_left").exists(),
        "移出名单": CareListSpell.objects.filter(end_reason="父母返乡").exists(),
        "打不通": Phone.objects.exclude(wrong_since=None).exists(),
        "待核实": OpenQuestion.objects.filter(answered_at=None).exists(),
        "兄弟姐妹": Kinship.objects.values("guardian").annotate(n=Count("child")).filter(n=2).exists(),
        "豁免已批": Excuse.objects.exclude(approved_at=None).exists(),
        "豁免待批": Excuse.objects.filter(approved_at=None).exists(),
        "补录": Contact.objects.filter(lag__gt=14).exists(),
        "作废": Contact.objects.exclude(cancelled_at=None).exists(),
        "更正": Contact.objects.exclude(replaces=None).exists(),
        "没联系上": Contact.objects.filter(reached=False).exists(),
        "一次通话几个孩子": Contact.objects.values("submission").annotate(n=Count("pk")).filter(n=2).exists(),
        "家访内容": VisitDetail.objects.exists(),
        "签到": Attendance.objects.filter(present=False).exists(),
    }
    assert [name for name, there in situations.items() if not there] == []
    assert sorted(set(Contact.objects.values_list("kind", flat=True))) == sorted(ContactKind.values)


def test_the_calendar_reaches_into_the_next_school_year(small_county):
    calendar = Calendar.of(small_county.county)
    assert calendar.confirmed == {2026, 2027}
    assert len(calendar.terms) == 4
    assert calendar.is_school_day(date(2026, 9, 20)) is True  # 国庆调休, a Sunday
    assert calendar.is_school_day(date(2026, 10, 1)) is False


def test_the_demo_class_teacher_still_owes_talks_this_month(small_county):
    teacher = Staff.objects.get(user__username="demo-class-teacher")
    own = Post.objects.on(UNTIL).get(staff=teacher, kind=PostKind.CLASS_TEACHER).school_class
    children = Child.objects.in_class_on(own, UNTIL)
    talked = (
        Contact.objects.valid().filter(kind="talk", staff=teacher, day__gte=date(2026, 11, 1)).values("child")
    )
    waiting = children.exclude(pk__in=talked)
    assert waiting.filter(name="李小满").exists()
    assert 0 < waiting.count() < children.count() or children.count() <= 3


def test_an_account_for_every_post(small_county, tmp_path, settings):
    settings.VAR_DIR = tmp_path
    password = accounts.give_password()
    users = dict(User.objects.filter(username__startswith="demo-").values_list("username", "pk"))
    kinds = Counter()
    for username in users:
        user = User.objects.get(username=username)
        assert user.check_password(password)
        assert not user.must_change_password
        kinds.update(set(Post.objects.on(UNTIL).filter(staff__user=user).values_list("kind", flat=True)))
    assert sorted(kinds) == sorted(PostKind.values)
    others = User.objects.exclude(username__startswith="demo-")
    assert others.exists()
    assert not any(user.has_usable_password() for user in others)
    text = accounts.sheet(password)
    assert password in text
    assert all(username in text for username in users)
    accounts.keep(text)
    assert accounts.accounts_file().stat().st_mode & 0o777 == 0o600


def test_the_leader_leads_the_school_of_the_class_teacher(small_county):
    schools = Post.objects.on(UNTIL).filter(
        staff__user__username__in=[
            "demo-leader",
            "demo-class-teacher",
            "demo-paired",
            "demo-deputy",
            "demo-office",
        ]
    )
    assert set(schools.values_list("school__code", flat=True)) == {"QX001"}
    assert may(User.objects.get(username="demo-leader"), Act.APPROVE_EXCUSE)
    assert Pairing.objects.on(UNTIL).filter(staff__user__username="demo-paired").exists()


def test_two_screenings_stand_one_accepted_and_one_half_way(small_county):
    demo_class = Post.objects.get(
        staff__user__username="demo-class-teacher", kind="class_teacher"
    ).school_class
    screenings = list(small_county.county.screenings.order_by("as_of"))
    assert screenings[-1].closed_at is None
    states = set(screenings[-1].schools.values_list("state", flat=True))
    assert {"filling", "at_county"} <= states
    mine = demo_class.screenings.get(school_screening__screening=screenings[-1])
    assert set(mine.entries.values_list("answer", flat=True)) == {""}
    sent = screenings[-1].schools.get(state="at_county")
    for class_part in sent.classes.all():
        for entry in class_part.entries.all():
            assert entry.snapshot["listed"] and entry.snapshot["name"]
    for earlier in screenings[:-1]:
        assert set(earlier.schools.values_list("state", flat=True)) == {"accepted"}


def children_of_the_leader():
    """Whose file demo-leader may open."""
    return Child.objects.visible_to(User.objects.get(username="demo-leader"))


def test_no_register_of_families_is_empty_for_the_leader(small_county):
    mine = children_of_the_leader()
    lists = agreements.counts(mine, UNTIL)
    assert [name for name, number in lists.items() if number == 0] == []
    assert [name for name, number in traits.counts(mine, UNTIL).items() if number == 0] == []
    kinds = set(
        Trait.objects.on(UNTIL).filter(child__in=mine, kind="hardship").values_list("detail", flat=True)
    )
    assert len(kinds - {""}) >= 3
    demands = Demand.objects.filter(child__in=mine)
    assert demands.filter(answered_on=None).exists()
    assert demands.exclude(answered_on=None).exists()
    assert AdultCondition.objects.filter(guardian__kinships__child__in=mine).exists()


def test_an_entrusted_carer_has_a_paper_in_force_or_was_entered_so(small_county):
    running = CareAgreement.objects.on(UNTIL)
    assert running.exists()
    for paper in running:
        care = Guardianship.objects.on(UNTIL).get(child=paper.child, guardian=paper.guardian)
        assert care.authority == "entrusted"
        assert not Kinship.objects.filter(
            child=paper.child, guardian=paper.guardian, relation__in=["father", "mother"]
        ).exists()


def test_nobody_in_custody_works_elsewhere_that_day(small_county):
    for condition in AdultCondition.objects.filter(kind="in_custody"):
        assert not ParentWork.objects.on(UNTIL).filter(guardian=condition.guardian).exists()


def test_every_kind_of_tie_stands_at_the_leaders_school(small_county):
    mine = children_of_the_leader()
    ties = Pairing.objects.on(UNTIL).filter(child__in=mine)
    assert set(ties.values_list("kind", flat=True)) == set(PairingKind.values)
    for peer in ties.filter(kind=PairingKind.PEER):
        assert not CareListSpell.objects.filter(child=peer.peer).exists()
        seats = [Enrollment.objects.on(UNTIL).get(child=one).school_class for one in (peer.child, peer.peer)]
        assert seats[0] == seats[1]
        assert peer.consent_on <= peer.starts_on
    for helping in ties.filter(kind=PairingKind.HELPER):
        assert helping.helper.promised_on <= helping.starts_on
        assert helping.consent_on
    assert UnitTie.objects.on(UNTIL).filter(school__code="QX001").exists()


def test_plans_handovers_and_transfers_wait_for_somebody(small_county):
    leader, mine = User.objects.get(username="demo-leader"), children_of_the_leader()
    assert plans.plans_of(mine, UNTIL).exists()
    assert PlanStage.objects.filter(plan__child__in=mine, by_school=True).exists()
    teacher = Staff.objects.get(user__username="demo-class-teacher")
    assert handovers.unread_of(teacher, UNTIL).count() == 1
    assert [one.state for one in moves.incoming(leader, School.objects.filter(code="QX001"))] == ["sent"]
    accepted = Transfer.objects.get(state="accepted")
    seats = accepted.child.enrollments.order_by("starts_on")
    assert [seat.school for seat in seats] == [accepted.from_school, accepted.to_school]
    assert seats[0].ends_on == accepted.last_day


def test_meetings_a_lecture_and_dropout_cases_at_the_leaders_school(small_county):
    school = School.objects.get(code="QX001")
    decisions = FollowUp.objects.filter(activity__school=school, activity__kind="group_meeting")
    assert decisions.filter(done_on=None).exists()
    assert decisions.exclude(done_on=None).exists()
    lecture = Activity.objects.get(school=school, kind="family_lecture")
    assert lecture.attendances.filter(guardian__isnull=False, present=True).exists()
    cases = DropoutCase.objects.filter(child__in=children_of_the_leader())
    assert cases.get(closed_on=None).steps.count() == 2
    assert cases.exclude(closed_on=None).get().outcome == "back"
