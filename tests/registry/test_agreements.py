"""委托照护协议 and what keeps adults from caring: verbs, pages, pictures, the register; every date counted by hand."""

import datetime
import io
import uuid

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from registry import agreements, conditions, families
from registry.models import AdultCondition, CareAgreement, Child, Enrollment, Guardianship
from trust import pictures, uploads
from trust.models import AuditEvent, Upload, VersionConflict

from .cast import make_adult, make_child

pytestmark = pytest.mark.db
TODAY = datetime.date(2026, 11, 24)
NOW = datetime.datetime(2026, 11, 24, 2, 0, tzinfo=datetime.UTC)  # ten in the morning in Shanghai


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield TODAY


def d(month, day, year=2026):
    return datetime.date(year, month, day)


def page(answer):
    return answer.content.decode()


@pytest.fixture
def family(cast):
    """李小满, both parents away, cared for by the grandmother without paper since 25 October."""
    cast.father = make_adult(cast.own, name="李建军", relation="father", phone="13900000001", cares=False)
    cast.mother = make_adult(cast.own, name="陈芳", relation="mother", phone="", cares=False)
    cast.granny = make_adult(cast.own, birth_date=d(5, 1, 1958))
    for adult in (cast.father, cast.mother):
        families.start_work(adult, by=None, child=cast.own, starts_on=d(3, 1), place="广东省东莞市")
    return cast


def agree(cast, **changes):
    details = {
        "guardian": cast.granny, "entrusted_by": cast.father, "signed_on": d(11, 1), "starts_on": d(11, 1),
        "ends_on": d(8, 31, 2027), "no_exclusion": True,
    }  # fmt: skip
    return agreements.add_agreement(cast.own, by=cast.teacher, **details | changes)


def photo(size=(60, 80), kind="JPEG", **extra):
    """A picture as a phone takes it: with the place in its EXIF, and a tail after its end."""
    picture = Image.new("RGB", size, "red")
    exif = Image.Exif()
    exif[0x010E] = "secret-place-of-home"
    out = io.BytesIO()
    picture.save(out, kind, exif=exif, **extra)
    return out.getvalue() + b"<script>tail-of-the-file</script>"


# --- verbs -----------------------------------------------------------------------------------------------------------


def test_an_agreement_makes_the_carer_an_entrusted_one(family):
    agree(family)
    spells = Guardianship.objects.filter(guardian=family.granny).order_by("starts_on")
    assert [(s.starts_on, s.ends_on, s.authority) for s in spells] == [
        (d(10, 25), d(10, 31), "informal"),
        (d(11, 1), None, "entrusted"),
    ]
    assert families.family_of(family.own).responsible == [
        ("监护人", "父亲李建军、母亲陈芳"),
        ("受委托照护", "奶奶王秀英"),
    ]
    assert AuditEvent.objects.filter(action="add_agreement", child_uid=family.own.uid).count() == 1


def test_an_assessment_keeps_its_day_when_the_authority_changes(family):
    families.start_guardianship(
        family.own, family.granny, by=None, starts_on=d(10, 30), authority="informal", ability="fair"
    )
    agree(family)

    def granny():
        return next(a for a in families.family_of(family.own).adults if a.guardian == family.granny)

    assert granny().restricted_facts == ["受委托照护；监护评估：监护情况一般（2026-10-30）"]
    families.start_guardianship(
        family.own, family.granny, by=None, starts_on=d(11, 20), authority="entrusted", ability="good"
    )
    assert granny().restricted_facts == ["受委托照护；监护评估：监护情况较好（2026-11-20）"]
    with pytest.raises(ValidationError):
        families.start_guardianship(
            family.own, family.granny, by=None, starts_on=d(11, 22), authority="entrusted", ability="good"
        )


def test_a_paper_older_than_the_care_counts_from_the_first_day_of_care(family):
    agree(family, starts_on=d(9, 1), signed_on=d(9, 1))
    spells = Guardianship.objects.valid().filter(guardian=family.granny)
    assert [(s.starts_on, s.authority) for s in spells] == [(d(10, 25), "entrusted")]


def test_a_paper_that_is_over_changes_nothing_of_todays_care(family):
    agree(family, starts_on=d(9, 1, 2025), signed_on=d(9, 1, 2025), ends_on=d(8, 31))
    assert [g.authority for g in Guardianship.objects.valid().filter(guardian=family.granny)] == ["informal"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"entrusted_by": "granny"}, "entrusted_by"),
        ({"guardian": "mother"}, "guardian"),
        ({"guardian": "stranger"}, "guardian"),
        ({"guardian": "brother"}, "guardian"),
        ({"signed_on": d(11, 25)}, "signed_on"),
        ({"ends_on": d(10, 31)}, "__all__"),
        ({"exclusion": "酗酒"}, "exclusion"),
        ({"child_opinion": "愿意"}, "child_heard_on"),
        ({"filed_on": d(10, 30)}, "filed_on"),
    ],
)
def test_who_and_when_are_checked(family, changes, field):
    family.stranger = make_adult(family.beside, name="外人", phone="")
    family.brother = make_adult(
        family.own, name="李大哥", relation="sibling", phone="", cares=False, birth_date=d(11, 25, 2008)
    )
    if isinstance(next(iter(changes.values())), str) and next(iter(changes)) in ("entrusted_by", "guardian"):
        changes = {name: getattr(family, value) for name, value in changes.items()}
    with pytest.raises(ValidationError) as refusal:
        agree(family, **changes)
    assert list(refusal.value.error_dict) == [field]
    assert CareAgreement.objects.count() == 0


def test_of_age_on_the_first_day(family):
    brother = make_adult(
        family.own, name="李大哥", relation="sibling", phone="", cares=False, birth_date=d(11, 1, 2008)
    )
    assert agree(family, guardian=brother).guardian == brother


def test_ending_before_the_time_goes_on_without_paper_or_ends_the_care(family):
    one = agree(family)
    agreements.end_agreement(one, by=None, last_day=d(11, 20), reason="妈妈说不用写", cares_on=True)
    spells = Guardianship.objects.valid().filter(guardian=family.granny).order_by("starts_on")
    assert [(s.ends_on, s.authority) for s in spells] == [
        (d(10, 31), "informal"), (d(11, 20), "entrusted"), (None, "informal"),
    ]  # fmt: skip
    again = agree(family, starts_on=d(11, 21), signed_on=d(11, 21))
    agreements.end_agreement(again, by=None, last_day=d(11, 24), reason="妈妈回来了", cares_on=False)
    assert not Guardianship.objects.open().filter(guardian=family.granny).exists()
    with pytest.raises(ValidationError):
        agreements.end_agreement(again, by=None, last_day=d(11, 30), reason="又续", cares_on=False)


def test_the_same_form_twice_is_one_agreement(family):
    one = uuid.uuid4()
    assert agree(family, submission=one) == agree(family, submission=one)
    with pytest.raises(ValidationError):
        agree(family, submission=uuid.uuid4())  # another paper for the same days
    assert CareAgreement.objects.count() == 1


def test_two_people_correct_one_agreement(family):
    one = agree(family)
    agreements.correct_agreement(one, by=None, expected=1, filed_on=d(11, 5))
    stale = CareAgreement.objects.get()
    with pytest.raises(VersionConflict):
        agreements.correct_agreement(stale, by=None, expected=1, filed_on=d(11, 6))
    assert CareAgreement.objects.get().filed_on == d(11, 5)


def test_a_death_ends_agreement_care_and_conditions(family):
    one = agree(family)
    conditions.start_condition(
        family.granny, by=None, child=family.own, kind="gravely_ill", starts_on=d(11, 10)
    )
    families.correct_guardian(family.granny, by=None, child=family.own, expected=1, died_on=d(11, 20))
    one.refresh_from_db()
    assert (one.ends_on, one.end_reason) == (d(11, 20), "照护人去世")
    assert AdultCondition.objects.get().ends_on == d(11, 20)
    assert families.family_of(family.own).responsible == [("监护人", "父亲李建军、母亲陈芳")]


# --- conditions ------------------------------------------------------------------------------------------------------


def test_a_condition_has_dates_and_is_cancelled_with_a_reason(family, client):
    client.force_login(family.teacher)
    path = reverse("registry:condition_start", args=[family.own.uid, family.mother.uid])
    data = {"kind": "in_custody", "starts_on": "2026-09-10", "note": "县看守所"}
    assert client.post(path, data).status_code == 302
    answer = client.post(path, data | {"starts_on": "2026-10-10"})
    assert answer.status_code == 200 and "重叠" in page(answer)
    spell = AdultCondition.objects.get()
    shown = page(client.get(reverse("registry:child_facts", args=[family.own.uid])))
    assert "服刑在押，2026-09-10 起" in shown
    for day, held in ((d(9, 9), []), (d(9, 10), [spell]), (d(11, 24), [spell])):
        family_then = families.family_of(family.own, day)
        mother = next(a for a in family_then.adults if a.guardian == family.mother)
        assert mother.conditions == held
    client.post(
        reverse("registry:condition_end", args=[family.own.uid, spell.uid]), {"last_day": "2026-11-01"}
    )
    spell.refresh_from_db()
    assert spell.ends_on == d(11, 1)
    client.post(
        reverse("registry:spell_cancel", args=[family.own.uid, "condition", spell.uid]), {"reason": "登错人"}
    )
    assert AdultCondition.objects.valid().count() == 0


def test_a_condition_is_no_business_of_those_who_do_not_see_the_address(family, client):
    from registry import stated_reasons

    conditions.start_condition(
        family.mother, by=None, child=family.own, kind="in_custody", starts_on=d(9, 10)
    )
    stated_reasons.state_reason(by=family.county_officer, school=family.school, reason="核对秋季补助名单")
    for user, sees in ((family.grade_head, True), (family.county_officer, False)):
        client.force_login(user)
        shown = page(client.get(reverse("registry:child_facts", args=[family.own.uid])))
        assert ("服刑在押" in shown) is sees


# --- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_only_fresh_pixels_of_a_picture_are_kept(family, kind):
    upload = pictures.keep_picture(
        SimpleUploadedFile("家的位置.jpg", photo(kind=kind)), by=family.teacher, purpose="agreement"
    )
    kept = uploads.read_bytes(upload)
    assert b"secret-place" not in kept and b"tail-of-the-file" not in kept
    with Image.open(io.BytesIO(kept)) as found:
        assert (found.format, found.size, len(found.getexif())) == ("JPEG", (60, 80), 0)
    assert upload.expires_at is None


def test_a_picture_lies_upright_and_is_not_larger_than_needed():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by the phone
    out = io.BytesIO()
    Image.new("RGB", (4000, 3000), "white").save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(pictures.fresh_pixels(out.getvalue()))) as found:
        assert found.size == (1800, 2400)


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"0" * 50, b"%PDF-1.7", photo()[:200]],
)
def test_what_is_no_picture_is_refused_in_words(content):
    with pytest.raises(ValidationError) as refusal:
        pictures.fresh_pixels(content)
    assert "照片" in refusal.value.messages[0]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_read():
    out = io.BytesIO()
    Image.new("1", (6000, 5000)).save(out, "PNG")
    with pytest.raises(ValidationError) as refusal:
        pictures.fresh_pixels(out.getvalue())
    assert "6000×5000" in refusal.value.messages[0]


# --- pages -----------------------------------------------------------------------------------------------------------


def form(cast, **changes):
    return {
        "submission": str(uuid.uuid4()), "entrusted_by": str(cast.father.uid), "guardian": str(cast.granny.uid),
        "signed_on": "2026-11-01", "starts_on": "2026-11-01", "ends_on": "2027-08-31",
        "denied": ["crime", "habit", "neglect", "unfit"], "exclusion": "", "child_heard_on": "2026-10-31",
        "child_opinion": "愿意跟奶奶", "filed_on": "2026-11-03",
    } | changes  # fmt: skip


def test_a_teacher_registers_an_agreement_with_its_picture(family, client):
    client.force_login(family.teacher)
    path = reverse("registry:agreement_add", args=[family.own.uid])
    data = form(family, scan=SimpleUploadedFile("x.jpg", photo()))
    assert client.post(path, data).status_code == 302
    one = CareAgreement.objects.get()
    assert (one.no_exclusion, one.child_opinion, one.recorded_by) == (True, "愿意跟奶奶", family.teacher)
    scan = reverse("registry:agreement_scan", args=[family.own.uid, one.uid])
    shown = page(client.get(reverse("registry:child_facts", args=[family.own.uid])))
    assert scan in shown and "愿意跟奶奶" in shown
    answer = client.get(scan)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert [e.action for e in AuditEvent.objects.filter(object_uid=one.uid).order_by("pk")] == [
        "add_agreement",
        "open_scan",
    ]
    client.force_login(family.teacher_b)
    assert client.get(scan).status_code == 404


def test_a_form_with_mistakes_keeps_what_was_typed(family, client):
    client.force_login(family.teacher)
    path = reverse("registry:agreement_add", args=[family.own.uid])
    answer = client.post(
        path, form(family, signed_on="2026-12-01", scan=SimpleUploadedFile("x.jpg", b"no picture"))
    )
    shown = page(answer)
    assert answer.status_code == 200 and "日期不能在今天之后" in shown and "愿意跟奶奶" in shown
    answer = client.post(path, form(family, scan=SimpleUploadedFile("x.jpg", b"no picture")))
    assert "不是能看的照片" in page(answer)
    assert CareAgreement.objects.count() == 0 and Upload.objects.count() == 0


def test_not_every_exclusion_denied_is_not_checked(family, client):
    client.force_login(family.teacher)
    client.post(
        reverse("registry:agreement_add", args=[family.own.uid]), form(family, denied=["crime", "habit"])
    )
    assert CareAgreement.objects.get().no_exclusion is False
    shown = page(client.get(reverse("registry:agreement_list") + "?show=flawed"))
    assert "李小满" in shown and "没核实能不能委托" in shown


def test_without_parents_there_is_nobody_to_entrust(cast, client):
    make_adult(cast.own)
    client.force_login(cast.teacher)
    assert "还不能登记协议" in page(client.get(reverse("registry:agreement_add", args=[cast.own.uid])))


# --- the register ----------------------------------------------------------------------------------------------------


def names_on(client, show):
    answer = client.get(reverse("registry:agreement_list") + f"?show={show}")
    return [row.child.name for row in answer.context["rows"]]


@pytest.fixture
def papers(cast):
    """One child for every case; the agreements' last days lie around today, 24 November, and in 30 days, 24 December."""

    def child(name, ends_on=None, **more):
        one = make_child(name, cast.school, cast.class_a, listed=more.pop("listed", "one_away"))
        father = make_adult(one, name=f"{name}父", relation="father", phone="", cares=False)
        granny = make_adult(one, name=f"{name}奶", phone="")
        if ends_on is not None:
            details = {
                "starts_on": d(9, 1),
                "signed_on": d(9, 1),
                "no_exclusion": True,
                "ends_on": ends_on or None,
            }
            agreements.add_agreement(one, by=None, guardian=granny, entrusted_by=father, **details | more)
        return one

    Child.objects.filter(pk=cast.own.pk).update(name="名单双方外出")
    child("没到期", d(12, 25))
    child("快到期", d(12, 24))
    child("今天到期", d(11, 24))
    child("昨天过期", d(11, 23))
    child("没写期限", "")
    child("一方在家没协议")
    away = child("双方外出没协议")
    mother = make_adult(away, name="妈", relation="mother", phone="", cares=False)
    for adult in (mother, away.kinships.get(relation="father").guardian):
        families.start_work(adult, by=None, child=away, starts_on=d(10, 1), place="东莞")
    child("没核实", d(8, 31, 2027), no_exclusion=False)
    ended = child("终止了", d(8, 31, 2027))
    agreements.end_agreement(
        ended.agreements.get(), by=None, last_day=d(11, 1), reason="妈妈回来了", cares_on=False
    )
    renewed = child("续签了", d(11, 30))
    one = renewed.agreements.get()
    agreements.add_agreement(
        renewed, by=None, guardian=one.guardian, entrusted_by=one.entrusted_by, signed_on=d(11, 20),
        starts_on=d(12, 1), ends_on=d(12, 1, 2027), no_exclusion=True,
    )  # fmt: skip
    left = child("过期已离校", d(11, 1))
    Enrollment.objects.filter(child=left).update(ends_on=d(11, 10))
    return cast


def test_the_register_says_who_lacks_one_and_what_runs_out(papers, client):
    Child.objects.exclude(enrollments__school_class=papers.class_a).update(name="别班")
    client.force_login(papers.teacher)
    assert names_on(client, "lacking") == ["名单双方外出", "双方外出没协议"]
    assert names_on(client, "expiring") == ["今天到期", "快到期"]
    assert names_on(client, "expired") == ["昨天过期"]
    assert names_on(client, "flawed") == ["没核实"]
    assert sorted(names_on(client, "all")) == sorted(
        ["没到期", "快到期", "今天到期", "没写期限", "没核实", "续签了"]
    )
    answer = client.get(reverse("registry:agreement_list"))
    assert [(key, number) for key, _, number, _ in answer.context["choices"]] == [
        ("lacking", 2), ("expiring", 2), ("expired", 1), ("flawed", 1), ("all", 6),
    ]  # fmt: skip
    states = {
        row.child.name: row.state
        for show in agreements.SHOWS
        for row in client.get(reverse("registry:agreement_list") + f"?show={show}").context["rows"]
    }
    assert states["今天到期"] == "今天到期"
    assert states["快到期"] == "还有 30 天到期"
    assert states["昨天过期"] == "过期 1 天"
    assert states["没到期"] == ""


def test_other_classes_are_not_on_the_teachers_register(papers, client):
    client.force_login(papers.teacher_b)
    assert [names_on(client, show) for show in ("all", "expired", "expiring")] == [[], [], []]
    client.force_login(papers.subject)
    assert client.get(reverse("registry:agreement_list")).status_code == 403


@pytest.mark.parametrize("many", [1, 3])
def test_the_register_costs_the_same_with_many(cast, client, django_assert_num_queries, many):
    for number in range(many):
        one = make_child(f"孩子{number}", cast.school, cast.class_a)
        father = make_adult(one, name="父", relation="father", phone="", cares=False)
        granny = make_adult(one, name="奶", phone="")
        agreements.add_agreement(
            one, by=None, guardian=granny, entrusted_by=father, starts_on=d(9, 1), signed_on=d(9, 1)
        )
    client.force_login(cast.teacher)
    with django_assert_num_queries(12):
        answer = client.get(reverse("registry:agreement_list") + "?show=all")
    assert len(answer.context["rows"]) == many
