"""Two files of one child: what merging moves on every floor, what it asks, and that undoing puts everything back."""

import re
from datetime import date, timedelta
from itertools import pairwise

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from simple_history.models import HistoricalChanges

from activities import contacts
from activities.models import Contact, DropoutCase, Excuse
from pairing import moves, pairings
from pairing.models import Pairing
from registry import children, doubles, families, merging
from registry.models import (
    CareListSpell,
    Child,
    ChildMerge,
    Enrollment,
    Guardianship,
    Kinship,
    Namesakes,
    OpenQuestion,
    Trait,
)
from tests.pairing.conftest import SINCE, make_world, signed_in, today, world  # noqa: F401
from trust.models import AuditEvent, VersionConflict

pytestmark = pytest.mark.django_db
ID = "341299201605031226"
# Written by the merge itself: its own record, the trail, old values; a version only ever grows.
APART = {"registry.ChildMerge", "trust.AuditEvent"}


def dump():
    """{model: every row} of the upper floors, without what must grow."""
    found = {}
    for model in apps.get_models():
        if model._meta.label in APART or issubclass(model, HistoricalChanges):
            continue
        if model._meta.app_label not in ("registry", "pairing", "activities", "reports"):
            continue
        names = [one.attname for one in model._meta.concrete_fields if one.name != "version"]
        found[model._meta.label] = sorted(
            repr([getattr(row, name) for name in names]) for row in model._base_manager.all()
        )
    return found


def twin(world, **fields):  # noqa: F811
    """安小一 again, entered by somebody else: another class from a later day, another family."""
    child = world.child("安小一", world.c21, since=date(2026, 3, 2))
    Child.objects.filter(pk=child.pk).update(**fields)
    child.refresh_from_db()
    return child


def spells(rows):
    return [
        (row.starts_on, row.ends_on) for row in rows.filter(cancelled_at=None).order_by("starts_on", "pk")
    ]


def talk(child, day, by):
    return Contact.objects.get(
        pk=contacts.log_contacts(
            children=[child], kind="talk", day=day, by=by.user, staff=by, words="聊了家里", parties=["child"],
        )[0].pk
    )  # fmt: skip


# --- what moves ------------------------------------------------------------------------------------------------------


@pytest.mark.db
def test_everything_moves_and_the_spells_of_the_kept_file_win(world, today):  # noqa: F811
    double = twin(world, former_name="安一一", ethnic_group="苗族", student_number="G123")
    Child.objects.filter(pk=world.an.pk).update(ethnic_group="汉族")
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=date(2026, 4, 1))
    pairings.pair(child=double, staff=world.wang, by=None, starts_on=date(2026, 3, 10))
    children.set_trait(double, by=None, kind="priority", starts_on=date(2026, 5, 1), reason="看病")
    entry = talk(double, today, world.zhang)
    excuse = Excuse.objects.create(
        county=world.county, school=world.shimen, subject_kind="child", subject_id=double.pk, starts_on=today,
        ends_on=today, reason="住院",
    )  # fmt: skip
    kept, double = Child.objects.get(pk=world.an.pk), Child.objects.get(pk=double.pk)
    merging.merge(kept, double, by=world.leader.user)

    kept, double = Child.objects.get(pk=kept.pk), Child.objects.get(pk=double.pk)
    assert (kept.former_name, kept.ethnic_group, kept.student_number) == ("安一一", "汉族", "G123")
    assert double.merged_into == kept
    assert spells(kept.enrollments) == [(SINCE, None)]
    assert spells(kept.care_list_spells) == [(SINCE, None)]
    assert [(tie.staff.name, tie.starts_on, tie.ends_on) for tie in kept.pairings.order_by("starts_on")] == [
        ("王海", date(2026, 3, 10), date(2026, 3, 31)),
        ("李静", date(2026, 4, 1), None),
    ]
    assert [trait.kind for trait in kept.traits.all()] == ["priority"]
    assert list(kept.contacts.values_list("pk", flat=True)) == [entry.pk]
    excuse.refresh_from_db()
    assert excuse.subject_id == kept.pk
    assert not Enrollment.objects.valid().filter(child=double).exists()
    left = Enrollment.objects.get(cancel_reason="合并重复档案")
    assert (left.child, left.cancelled_by) == (kept, world.leader.user)
    assert AuditEvent.objects.filter(action="merge_children").count() == 2


def test_a_person_chooses_whose_spell_and_whose_words_stand(world):  # noqa: F811
    double = twin(world, village="上河村")
    plan = merging.plan_merge(world.an, double)
    seats = next(one for one in plan.overlaps if one.title == "在校经历")
    assert seats.asked and [(one.label, one.kept, one.dropped, one.chosen) for one in plan.values] == [
        ("村（社区）", "柳溪村", "上河村", "kept")
    ]
    merging.merge(world.an, double, by=None, chosen={seats.key: "dropped", "village": "dropped"})
    kept = Child.objects.get(pk=world.an.pk)
    assert kept.village == "上河村"
    assert [
        (seat.school_class, seat.starts_on, seat.ends_on) for seat in kept.enrollments.order_by("starts_on")
    ] == [
        (world.c31, SINCE, date(2026, 3, 1)),
        (world.c21, date(2026, 3, 2), None),
    ]


def test_identical_spells_need_no_choice(world):  # noqa: F811
    double = world.child("安小一", world.c31)
    plan = merging.plan_merge(world.an, double)
    assert [(one.title, one.asked) for one in plan.overlaps] == [("在册记录", False), ("在校经历", False)]


def test_the_family_of_both_is_there_and_the_shared_grandmother_once(world):  # noqa: F811
    double = twin(world)
    grandmother = families.add_guardian(world.an, by=None, name="安奶奶", relation="grandmother")
    father = families.add_guardian(world.an, by=None, name="安大强", relation="father")
    Kinship.objects.create(child=double, guardian=grandmother, relation="grandmother")
    other = families.add_guardian(double, by=None, name="安大墙", relation="father")
    for child in (world.an, double):
        Guardianship.objects.get_or_create(
            child=child, guardian=grandmother, defaults={"starts_on": date(2026, 3, 2)}
        )
    merging.merge(world.an, double, by=None)
    assert sorted((kin.guardian.name, kin.word) for kin in world.an.kinships.select_related("guardian")) == [
        ("安大墙", "父亲（另一份档案）"),
        ("安大强", "父亲"),
        ("安奶奶", "奶奶"),
    ]
    assert world.an.guardianships.filter(cancelled_at=None, guardian=grandmother).count() == 1
    assert {father.name, other.name} == {"安大强", "安大墙"}


def test_the_id_number_of_the_dropped_file_goes_along(world):  # noqa: F811
    double = twin(world)
    double.id_number = ID
    double.save()
    merging.merge(world.an, double, by=None)
    kept, double = Child.objects.get(pk=world.an.pk), Child.objects.get(pk=double.pk)
    assert (kept.id_number, double.id_number, double.id_number_index) == (ID, "", "")
    assert Child.objects.get(id_number_index=kept.id_number_index) == kept


# --- what stands in the way --------------------------------------------------------------------------------------------


def obstacles(kept, dropped):
    with pytest.raises(ValidationError) as caught:
        merging.merge(kept, dropped, by=None)
    return caught.value.messages


def test_two_id_numbers_are_two_children(world):  # noqa: F811
    double = twin(world)
    for child, number in ((world.an, ID), (double, "341299201605031242")):
        child.id_number = number
        child.save()
    assert "身份证号不同" in obstacles(world.an, double)[0]


def test_what_is_under_way_is_settled_first(world):  # noqa: F811
    double = twin(world)
    moves.send_transfer(child=double, to_school=world.qingshan, last_day=date(2026, 10, 1), by=None)
    for child in (world.an, double):
        DropoutCase.objects.create(child=child, absent_since=date(2026, 10, 8))
    assert sorted(obstacles(world.an, double)) == [
        "两份档案都有没结束的控辍保学，请先结束其中一份",
        "有一份档案的转学还没有答复，请先办完或撤回",
    ]
    assert obstacles(world.an, world.an) == ["这是同一份档案"]


def test_what_was_shown_is_what_is_merged(world, today):  # noqa: F811
    double = twin(world)
    shown = merging.plan_merge(world.an, double).digest
    assert shown == merging.plan_merge(world.an, double).digest
    talk(double, today, world.zhang)
    with pytest.raises(VersionConflict):
        merging.merge(world.an, double, by=None, digest=shown)
    assert not ChildMerge.objects.exists()


@pytest.mark.db
def test_statements_do_not_grow_with_the_rows(world, today):  # noqa: F811
    def cost(days):
        double = twin(world)
        kept = world.child("安小一", world.c31)
        for day in range(days):
            talk(double, today - timedelta(days=day), world.zhang)
            children.set_trait(
                double, by=None, kind="priority", starts_on=today - timedelta(days=9 * day), reason="看病"
            ) if not day else None
        with CaptureQueriesContext(connection) as caught:
            merging.merge(kept, double, by=world.leader.user)
        return [query["sql"][:30] for query in caught if "SAVEPOINT" not in query["sql"]]

    cost(1)
    assert len(cost(1)) == len(cost(6))


# --- undoing -----------------------------------------------------------------------------------------------------------


def test_undone_when_nothing_was_built_on_it_else_it_says_what(world, today):  # noqa: F811
    double = twin(world)
    pairings.pair(child=double, staff=world.li, by=None, starts_on=date(2026, 3, 10))
    before = dump()
    record = merging.merge(world.an, double, by=world.leader.user)
    tie = Pairing.objects.get()
    pairings.end_pairing(pairing=tie, by=None, ends_on=today, reason="other")
    with pytest.raises(ValidationError, match="结对包保有 1 条在合并以后又改过"):
        merging.undo_merge(record, by=None)
    Pairing.objects.filter(pk=tie.pk).update(ends_on=None, end_reason="", version=tie.version)
    merging.undo_merge(record, by=world.leader.user)
    merging.undo_merge(record, by=world.leader.user)
    assert dump() == before
    assert AuditEvent.objects.filter(action="undo_merge").count() == 2


def test_of_two_merges_the_later_is_undone_first(world):  # noqa: F811
    first, second = twin(world), twin(world)
    one = merging.merge(world.an, first, by=None)
    other = merging.merge(world.an, second, by=None)
    with pytest.raises(ValidationError, match="后来又有别的档案并进来"):
        merging.undo_merge(one, by=None)
    merging.undo_merge(other, by=None)
    merging.undo_merge(one, by=None)
    assert Child.objects.filter(merged_into=None).count() == 7


DAYS = st.integers(0, 80).map(lambda n: date(2026, 1, 1) + timedelta(days=4 * n))
SPANS = st.lists(st.tuples(DAYS, st.integers(0, 60)), max_size=3)


def apart(spans):
    """Spans that do not overlap, in order."""
    found, free = [], date.min
    for first, length in sorted(spans):
        if first > free:
            found.append((first, first + timedelta(days=length)))
            free = found[-1][1]
    return found


@given(data=st.data())
def test_merge_and_undo_restore_every_table_exactly(data):
    from django.db import transaction

    with transaction.atomic():
        w = make_world()
        double = w.child("安小一", w.c21)
        for child in (w.an, double):
            child.enrollments.all().delete()
            child.care_list_spells.all().delete()
            for first, last in apart(data.draw(SPANS)):
                where = data.draw(st.sampled_from([w.c31, w.c21]))
                Enrollment.objects.create(
                    child=child, school=where.school, school_class=where, starts_on=first, ends_on=last
                )
            for first, last in apart(data.draw(SPANS)):
                CareListSpell.objects.create(
                    child=child, starts_on=first, ends_on=last, type=data.draw(st.sampled_from(["both_away", "one_away"])),
                )  # fmt: skip
            for first, last in apart(data.draw(SPANS)):
                Pairing.objects.create(
                    child=child, staff=data.draw(st.sampled_from([w.li, w.wang])), starts_on=first, ends_on=last,
                    end_reason="wish",
                )  # fmt: skip
            for first, last in apart(data.draw(SPANS)):
                Trait.objects.create(child=child, kind="boarding", starts_on=first, ends_on=last)
            if data.draw(st.booleans()):
                OpenQuestion.objects.create(child=child, field="生日", message="对不对")
            if data.draw(st.booleans()):
                families.add_guardian(child, by=None, name="安大强", relation="father")
            if data.draw(st.booleans()):
                Child.objects.filter(pk=child.pk).update(village=data.draw(st.sampled_from(["甲村", "乙村"])))
            Pairing.objects.create(child=w.bo, peer=child, kind="peer", starts_on=SINCE)
        if data.draw(st.booleans()):
            double.refresh_from_db()
            double.id_number = ID
            double.save()
        kept, double = Child.objects.get(pk=w.an.pk), Child.objects.get(pk=double.pk)
        plan = merging.plan_merge(kept, double)
        chosen = {one.key: data.draw(st.sampled_from(["kept", "dropped"])) for one in plan.overlaps}
        chosen |= {one.name: data.draw(st.sampled_from(["kept", "dropped"])) for one in plan.values}
        before = dump()
        record = merging.merge(kept, double, by=w.leader.user, chosen=chosen)
        assert dump() != before
        for model in (Enrollment, CareListSpell, Trait):
            rows = list(model.objects.valid().filter(child=kept).order_by("starts_on"))
            assert all(one.ends_on < other.starts_on for one, other in pairwise(rows))
            assert not model.objects.valid().filter(child=double).exists()
        merging.undo_merge(record, by=w.leader.user)
        assert dump() == before
        transaction.set_rollback(True)


# --- pages and doubles -------------------------------------------------------------------------------------------------


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_doubles_are_found_by_name_sound_former_name_birth_and_phone(world):  # noqa: F811
    born = date(2016, 5, 3)
    world.an.birth_date = born
    world.an.save()
    same = twin(world, birth_date=born)
    sound = world.child("安小二", world.c21)
    homophone = world.child("安小衣", world.c21)
    Child.objects.filter(pk=homophone.pk).update(birth_date=born)
    older = world.child("安小一", world.c21)
    Child.objects.filter(pk=older.pk).update(birth_date=date(2010, 1, 1))
    renamed = world.child("胡大力", world.c21)
    Child.objects.filter(pk=renamed.pk).update(former_name="陈小三")
    found = doubles.likely_doubles(world.leader.user)
    assert sorted((pair.first.name, pair.second.name, pair.likeness.alike) for pair in found) == [
        ("安小一", "安小一", ("同名", "出生日期相同", "同村")),
        ("安小一", "安小衣", ("名字同音", "出生日期相同", "同村")),
        ("安小一", "安小衣", ("名字同音", "出生日期相同", "同村")),
        ("陈小三", "胡大力", ("和曾用名相同",)),
    ]
    assert sound not in {pair.second for pair in found}
    doubles.not_the_same(same, world.an, by=world.leader.user)
    doubles.not_the_same(world.an, same, by=world.leader.user)
    assert Namesakes.objects.count() == 1
    assert ("安小一", "安小一") not in {
        (pair.first.name, pair.second.name) for pair in doubles.likely_doubles(world.leader.user)
    }


def test_twins_and_children_with_two_id_numbers_are_no_doubles(world):  # noqa: F811
    world.an.id_number = ID
    world.an.save()
    other = twin(world)
    other.id_number = "341299201605031242"
    other.save()
    twins = [world.child(name, world.c21) for name in ("杨一", "杨二")]
    for child in twins:
        Child.objects.filter(pk=child.pk).update(birth_date=date(2016, 1, 1))
    assert doubles.likely_doubles(world.leader.user) == []


@pytest.mark.parametrize("pairs", [1, 4])
def test_the_list_of_doubles_costs_the_same_with_more_on_it(
    world, signed_in, pairs, django_assert_max_num_queries  # noqa: F811
):  # fmt: skip
    for number in range(pairs):
        for _ in range(2):
            world.child(f"双{'甲乙丙丁'[number]}", world.c21)
    client = signed_in(world.leader)
    client.get(reverse("registry:double_list"))
    with django_assert_max_num_queries(16):
        page = client.get(reverse("registry:double_list"))
    assert page.context["page_obj"].paginator.count == pairs


def test_the_road_compare_merge_open_the_old_address_undo(world, signed_in):  # noqa: F811
    double = twin(world, village="上河村")
    client = signed_in(world.leader)
    page = client.get(reverse("registry:double_list"))
    compare = f"{reverse('registry:child_merge', args=[world.an.uid])}?with={double.uid}"
    assert compare in page.content.decode()
    page = client.get(compare)
    assert "柳溪村" in text(page) and "上河村" in text(page)
    plan = page.context["plan"]
    form = {"with": str(double.uid), "step": "save", "village": "dropped", "digest": plan.digest}
    client.post(compare, form | {"digest": "old"})
    assert not ChildMerge.objects.exists()
    done = client.post(compare, form, follow=True)
    assert "撤销合并" in text(done)
    old = reverse("reports:child_file", args=[double.uid])
    assert client.get(old)["Location"] == world.an.get_absolute_url()
    assert signed_in(world.other_leader).get(old).status_code == 404
    assert Child.objects.get(pk=world.an.pk).village == "上河村"
    client = signed_in(world.leader)
    undo = reverse("registry:merge_undo", args=[ChildMerge.objects.get().uid])
    client.post(undo)
    assert client.get(old).status_code == 200
    assert Child.objects.get(pk=world.an.pk).village == "柳溪村"


def test_who_may_not_merge(world, signed_in):  # noqa: F811
    double = twin(world)
    path = reverse("registry:child_merge", args=[world.an.uid])
    assert signed_in(world.zhang).get(path).status_code == 403
    assert signed_in(world.other_leader).get(path).status_code == 404
    leader = signed_in(world.leader)
    assert leader.get(f"{path}?with={world.far.uid}").status_code == 404
    assert "安小一" in text(leader.get(path))
    differ = {"one": str(world.an.uid), "other": str(double.uid)}
    assert signed_in(world.other_leader).post(reverse("registry:double_differ"), differ).status_code == 404
    signed_in(world.leader).post(reverse("registry:double_differ"), differ)
    assert doubles.likely_doubles(world.leader.user) == []


def test_entering_a_child_warns_and_says_no_more_of_another_school(world, signed_in, today):  # noqa: F811
    world.far.birth_date = date(2016, 5, 3)
    world.far.save()
    form = {
        "submission": "00000000-0000-4000-8000-000000000001", "name": "范小五", "sex": "female", "type": "both_away",
        "place": f"class:{world.c31.uid}", "starts_on": str(today), "birth_date": "2016-05-03",
    }  # fmt: skip
    client = signed_in(world.leader)
    page = text(client.post(reverse("registry:child_add"), form))
    assert "本县另一所学校有一个同名、同生日的孩子" in page and "青山小学" not in page
    assert Child.objects.filter(name="范小五").count() == 1
    form |= {"birth_date": "2016-05-04", "submission": "00000000-0000-4000-8000-000000000002"}
    client.post(reverse("registry:child_add"), form)
    assert Child.objects.filter(name="范小五").count() == 2
    form |= {"name": "安晓一", "birth_date": "", "submission": "00000000-0000-4000-8000-000000000003"}
    page = text(client.post(reverse("registry:child_add"), form))
    assert "名字同音" in page
    client.post(reverse("registry:child_add"), form | {"not_same": "on"})
    assert Child.objects.filter(name="安晓一").count() == 1
