"""校外帮扶, units and schools, 手拉手: promise and consent before a tie, nothing on paper beyond need."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pairing import outside, pairings, peers
from pairing.models import OutsideHelper, Pairing, UnitTie
from registry.models import CareListSpell, Child
from trust.models import AuditEvent, VersionConflict

from .conftest import DAY, SINCE
from .test_pages import form_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def url(name, *rows):
    return reverse(f"pairing:{name}", args=[row.uid for row in rows])


@pytest.fixture
def nurse(world):
    return outside.add_helper(
        by=world.leader.user, school=world.shimen, name="何晓梅", kind="volunteer", starts_on=SINCE, promised_on=SINCE,
        phone="13900001234",
    )  # fmt: skip


def said(error):
    return error.value.messages


def test_no_tie_without_promise_and_consent(world, today, nurse):
    tie = outside.tie_helper(child=world.an, helper=nurse, consent_on=today - DAY, by=None, note="周末陪读")
    assert (tie.kind, tie.helper, tie.helper_name, tie.consent_on) == ("helper", nurse, "何晓梅", today - DAY)
    for consent in (None, today + DAY):
        with pytest.raises(ValidationError) as error:
            outside.tie_helper(child=world.bo, helper=nurse, consent_on=consent, by=None)
        assert said(error) == ["家长（监护人）同意的日期要填，也不能在今天之后"]
    plain = outside.add_helper(by=None, school=world.shimen, name="刘叔", kind="parent", starts_on=SINCE)
    with pytest.raises(ValidationError) as error:
        outside.tie_helper(child=world.bo, helper=plain, consent_on=today, by=None)
    assert said(error) == ["刘叔还没有签保密承诺，先签了再结对"]
    with pytest.raises(ValidationError) as error:
        outside.tie_helper(child=world.an, helper=nurse, consent_on=today, by=None)
    assert said(error) == ["何晓梅已经和这个孩子结对"]
    assert Pairing.objects.count() == 1


def test_a_helper_serves_the_own_school_and_its_points(world, today, nurse):
    outside.tie_helper(child=world.ding, helper=nurse, consent_on=today, by=None)  # 教学点
    with pytest.raises(ValidationError) as error:
        outside.tie_helper(child=world.far, helper=nurse, consent_on=today, by=None)
    assert said(error) == ["何晓梅是别的学校的帮扶人"]
    whole_county = OutsideHelper.objects.create(
        county=world.county, name="县团委", kind="unit", starts_on=SINCE, promised_on=SINCE
    )
    outside.tie_helper(child=world.far, helper=whole_county, consent_on=today, by=None)
    assert [one.name for one in outside.offered_for(world.shimen, today)] == ["何晓梅", "县团委"]
    assert [one.children_now for one in outside.offered_for(world.shimen, today)] == [1, 1]


def test_a_helper_opens_no_file_and_leaves_only_after_the_ties(world, today, nurse):
    tie = outside.tie_helper(child=world.an, helper=nurse, consent_on=today, by=None)
    with pytest.raises(ValidationError) as error:
        outside.end_helper(nurse, by=None, last_day=today)
    assert said(error) == ["还有1 个孩子的结对没有结束，请先结束"]
    pairings.end_pairing(pairing=tie, ends_on=today, reason="other", by=None)
    assert outside.end_helper(nurse, by=None, last_day=today).ends_on == today
    with pytest.raises(ValidationError):
        outside.tie_helper(child=world.bo, helper=nurse, consent_on=today, starts_on=today + DAY, by=None)


def test_two_people_correct_a_helper(world, nurse):
    mine, yours = (OutsideHelper.objects.get(pk=nurse.pk) for _ in range(2))
    outside.correct_helper(mine, by=None, expected=1, unit="县医院")
    with pytest.raises(VersionConflict):
        outside.correct_helper(yours, by=None, expected=1, unit="镇卫生院")
    assert OutsideHelper.objects.get(pk=nurse.pk).unit == "县医院"
    assert "13900001234" not in str(OutsideHelper.objects.values_list("phone", flat=True))  # sealed


def test_units_stand_by_schools_and_people_do_not(world, today, nurse):
    unit = outside.add_helper(by=None, school=world.shimen, name="县医院", kind="unit", starts_on=SINCE)
    tie = outside.tie_unit(helper=unit, school=world.shimen, purpose="体检", starts_on=SINCE, by=None)
    with pytest.raises(ValidationError):  # twice at once
        outside.tie_unit(helper=unit, school=world.shimen, starts_on=today, by=None)
    with pytest.raises(ValidationError):
        outside.tie_unit(helper=nurse, school=world.shimen, by=None)
    with pytest.raises(ValidationError):
        outside.end_unit_tie(tie, by=None, last_day=SINCE - DAY)
    outside.end_unit_tie(tie, by=None, last_day=today - DAY)
    outside.tie_unit(helper=unit, school=world.shimen, starts_on=today, by=None)
    assert sorted(UnitTie.objects.values_list("starts_on", "ends_on")) == [
        (SINCE, today - DAY), (today, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("李小满", "小满"),
        ("李满", "满"),
        ("欧阳小满", "小满"),
        ("阿依古丽·买买提", "阿依古丽"),
        ("满", "满"),
        ("欧阳", "阳"),
    ],
)
def test_a_helper_learns_the_given_name_only(name, given):
    assert outside.given_name(name) == given


# --- 手拉手 ----------------------------------------------------------------------------------------------------------------


def test_two_pupils_of_one_school_both_agreed(world, today):
    tie = peers.pair_peers(child=world.an, peer=world.chen, consent_on=today, by=None, note="一起练字")
    assert (tie.kind, tie.peer, tie.staff, tie.helper_name) == ("peer", world.chen, None, "")
    for child, peer, consent, words_ in (
        (world.chen, world.an, today, "陈小三和安小一已经结成手拉手"),  # from the other side
        (world.an, world.an, today, "同伴不能是孩子自己"),
        (world.an, world.bo, None, "双方都同意的日期要填，也不能在今天之后"),
        (world.an, world.far, today, f"范小五在 {today:%Y-%m-%d} 不在同一所学校"),
    ):
        with pytest.raises(ValidationError) as error:
            peers.pair_peers(child=child, peer=peer, consent_on=consent, by=None)
        assert said(error) == [words_]


def test_a_fellow_pupil_is_on_no_list(world, today, signed_in):
    client = signed_in(world.leader)
    data = {
        "peer_name": "马天天", "peer_class": str(world.c31.uid), "peer_sex": "male", "consent_on": f"{today}",
        "starts_on": f"{today}", "note": "一起打球",
    }  # fmt: skip
    data = form_of(client.get(url("peer_tie", world.an))) | data
    for _ in range(2):
        assert client.post(url("peer_tie", world.an), data).status_code == 302
    peer = Child.objects.get(name="马天天")
    assert not CareListSpell.objects.filter(child=peer).exists()
    assert list(Pairing.objects.values_list("child__name", "peer__name")) == [("安小一", "马天天")]
    # The next tie with the same classmate finds him.
    peers.classmate(name="马天天", sex="male", school_class=world.c31, by=None)
    assert Child.objects.filter(name="马天天").count() == 1


def test_what_is_printed_says_no_more_than_helping_needs(world, today, nurse, signed_in):
    helped = outside.tie_helper(child=world.an, helper=nurse, consent_on=today, by=None, note="周末陪读")
    peer = peers.pair_peers(child=world.an, peer=world.chen, consent_on=today, by=None, note="一起练字")
    client = signed_in(world.leader)
    sheet, card = (words(client.get(url("tie_sheet", tie))) for tie in (helped, peer))
    for text in (sheet, card):
        assert not re.search("留守|外出|在册|柳溪村|困境|重点", text)
        assert not re.search(r"1\d{10}", text)
    assert "小一" in sheet and "安小一" not in sheet and "何晓梅" in sheet and "张桂兰老师" in sheet
    assert "安小一 和 陈小三" in card
    assert AuditEvent.objects.filter(action="print_tie_sheet", child_uid=world.an.uid).count() == 2


def test_the_peer_and_the_helper_get_no_access(world, today, nurse, client):
    outside.tie_helper(child=world.an, helper=nurse, consent_on=today, by=None)
    wang = world.wang  # a teacher without ties: ties of others open nothing
    client.force_login(wang.user)
    assert client.get(reverse("reports:child_file", args=[world.an.uid])).status_code == 404


# --- pages ----------------------------------------------------------------------------------------------------------------


def test_from_registering_to_the_tie(world, today, signed_in):
    client = signed_in(world.leader)
    assert "先登记一位" in words(client.get(url("helper_list")))
    data = form_of(client.get(url("helper_add"))) | {
        "school": str(world.shimen.uid), "name": "何晓梅", "kind": "volunteer", "starts_on": f"{today}", "promised_on": f"{today}", "phone": "13900001234",
    }  # fmt: skip
    for _ in range(2):
        client.post(url("helper_add"), data)
    helper = OutsideHelper.objects.get()
    tie = form_of(client.get(url("helper_tie", world.an))) | {
        "helper": str(helper.uid), "consent_on": f"{today}", "starts_on": f"{today}", "note": "陪读",
    }  # fmt: skip
    for _ in range(2):
        assert client.post(url("helper_tie", world.an), tie).status_code == 302
    assert Pairing.objects.filter(helper=helper).count() == 1
    listed = words(client.get(url("tie_list") + "?kind=helper"))
    assert "安小一" in listed and "何晓梅" in listed
    page = words(client.get(url("helper_detail", helper)))
    assert "安小一" in page and "139****1234" in page and "13900001234" not in page
    assert words(client.get(url("child_pairings", world.an))).count("志愿帮扶") == 1


def test_three_children_are_more_than_one_helper_should_have(world, today, nurse, signed_in):
    for child in (world.an, world.bo, world.chen):
        outside.tie_helper(child=child, helper=nurse, consent_on=today, by=None)
    assert "多于 2 个" in words(signed_in(world.leader).get(url("helper_list")))


def test_registers_cost_the_same_for_many(world, today, nurse, signed_in):
    client = signed_in(world.leader)
    outside.tie_helper(child=world.an, helper=nurse, consent_on=today, by=None)

    def cost():
        found = []
        for address in (
            url("tie_list"),
            url("helper_list"),
            url("helper_detail", nurse),
            url("helper_tie", world.chen),
        ):
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            found.append(len([q for q in captured if "SAVEPOINT" not in q["sql"]]))
        return found

    few = cost()
    for n in range(5):
        outside.tie_helper(child=world.child(f"孙{n}", world.c31), helper=nurse, consent_on=today, by=None)
        outside.add_helper(by=None, school=world.shimen, name=f"帮手{n}", kind="volunteer", promised_on=today)
    assert cost() == few
