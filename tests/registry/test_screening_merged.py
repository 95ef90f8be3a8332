"""Two files of one child in a screening: the list has the child once, what was handed in stays, undoing restores."""

import pytest
from django.urls import reverse

from registry import merging
from registry.models import ScreeningEntry, Season
from registry.screenings import answers, comparing, counts, hand_in
from registry.screenings.rolls import Roll, named_to

from .cast import make_child
from .test_screening import ago, class_of, entry_of, finish, make_term, open_one, part_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture(params=["same class", "another class"])
def twin(request, cast):
    """李小满 entered a second time, in the class she sits in or in the one beside it."""
    return make_child("李小蛮", cast.school, cast.class_a if request.param == "same class" else cast.class_b)


def stored():
    """What the entries say, without versions."""
    rows = ScreeningEntry.objects.order_by("pk")
    return list(rows.values_list("pk", "child", "class_screening", "answer", "note", "snapshot"))


def merge(cast, twin):
    for child in (cast.own, twin):
        child.refresh_from_db()
    return merging.merge(cast.own, twin, by=cast.leader)


def names(roll):
    return sorted(entry.child.name for entry in roll.entries)


def test_while_it_runs_the_child_stands_there_once(cast, twin):
    part = part_of(open_one(cast), cast.school)
    before, written = names(Roll(part)), stored()
    record = merge(cast, twin)
    roll = Roll(part)
    assert names(roll) == sorted(set(before) - {"李小蛮"})
    assert not [entry for entry in roll.entries if entry.answer]  # nobody left
    assert stored() == written
    assert counts.progress_of([part])[part.pk]["entries"] == len(before) - 1
    assert not counts.waiting_entries().filter(child=twin).exists()
    merging.undo_merge(record, by=cast.leader)
    assert (names(Roll(part)), stored()) == (before, written)


def test_what_was_handed_in_stays_and_a_return_makes_it_anew(cast, twin):
    part = part_of(open_one(cast), cast.school)
    finish(cast, part)
    part.refresh_from_db()
    total, written = counts.add_up([part]).by_school[cast.school.pk]["total"], stored()
    record = merge(cast, twin)
    assert stored() == written
    assert counts.add_up([part]).by_school[cast.school.pk]["total"] == total
    roll = Roll(part)
    assert "李小蛮" in [entry.snapshot["name"] for entry in named_to(roll.entries, cast.leader)]
    hand_in.give_back(part, by=cast.district_officer, comment="有重复，请核对")
    part = part_of(part.screening, cast.school)
    for one in part.classes.all():
        if one.done_at is None and one.school_class_id:
            answers.hand_in_class(one, by=cast.leader)
    hand_in.hand_in(part, by=cast.leader)
    part.refresh_from_db()
    summed = counts.add_up([part]).by_school[cast.school.pk]
    assert (summed["total"], summed["left"]) == (total - 1, 0)
    assert ScreeningEntry.objects.get(child=twin).snapshot == {}
    merging.undo_merge(record, by=cast.leader)


def test_next_term_says_that_it_was_a_double(cast, twin):
    spring = make_term(cast.county, starts_on=ago(200), ends_on=ago(100), season=Season.SPRING)
    first = part_of(open_one(cast, spring, as_of=ago(120)), cast.school)
    finish(cast, first)
    merge(cast, twin)
    part = part_of(open_one(cast), cast.school)
    assert "李小蛮" not in names(Roll(part))
    result = comparing.compare(part)
    assert [(one.name, one.why) for one in result.left] == [("李小蛮", "重复登记，已并到另一份档案")]
    assert result.before == result.now + 1


def test_the_only_entry_goes_along_and_comes_back(cast):
    part = part_of(open_one(cast), cast.school)
    unlisted = make_child("李小蛮", cast.school, cast.class_a, listed=False)
    answers.say_unchanged(class_of(part, cast.class_a), cast.own, by=cast.teacher)
    cast.own.refresh_from_db()
    record = merging.merge(unlisted, cast.own, by=cast.leader)
    assert entry_of(part, unlisted).answer == "unchanged"
    merging.undo_merge(record, by=cast.leader)
    assert entry_of(part, cast.own).answer == "unchanged"


def test_who_read_the_dropped_file_stands_under_the_kept_one(cast, client):
    twin = make_child("李小蛮", cast.school, cast.class_a)
    client.force_login(cast.teacher)
    client.get(reverse("registry:child_facts", args=[twin.uid]))
    client.force_login(cast.leader)
    path = reverse("reports:child_readers", args=[cast.own.uid])
    assert "张桂兰" not in client.get(path).content.decode()
    record = merge(cast, twin)
    assert "张桂兰" in client.get(path).content.decode()
    merging.undo_merge(record, by=cast.leader)
    assert "张桂兰" not in client.get(path).content.decode()


def test_files_of_a_child_merged_twice(cast):
    one, other = (
        make_child("李小蛮", cast.school, cast.class_a),
        make_child("李晓满", cast.school, cast.class_a),
    )
    merging.merge(one, other, by=cast.leader)
    merge(cast, one)
    assert merging.files_of(cast.own) == [cast.own.uid, one.uid, other.uid]
