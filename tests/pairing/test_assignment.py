"""The solver behind the proposal: within quotas, the best there is, the same every time."""

from collections import Counter
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing.assignment import (
    POINTS,
    Assignment,
    ChildToPair,
    StaffToPair,
    assign,
    faults,
    reasons,
    total,
    with_minimums,
)

# --- what a school would expect ------------------------------------------------------------------------------------------


def teacher(key, minimum=0, maximum=2, **more):
    return StaffToPair(key, minimum, maximum, **more)


def loads_of(answer):
    return dict(sorted(Counter(answer.choices.values()).items()))


def test_the_class_teacher_before_somebody_of_the_grade_before_a_stranger():
    staff = [
        teacher(1),
        teacher(2, grades=frozenset({3})),
        teacher(3, maximum=1, leads=frozenset({31}), grades=frozenset({3})),
    ]
    children = [ChildToPair(key, school_class=31, grade=3) for key in (1, 2)]
    answer = assign(children, staff)
    assert sorted(answer.choices.values()) == [2, 3]
    assert {key: reasons(child, staff[answer.choices[key] - 1]) for key, child in enumerate(children, 1)} in (
        {1: ["同班的班主任"], 2: ["教同一个年级"]},
        {2: ["同班的班主任"], 1: ["教同一个年级"]},
    )


def test_who_answered_before_goes_on_and_the_wish_of_the_child_comes_first():
    staff = [teacher(1, leads=frozenset({31}), sex="male"), teacher(2, sex="female"), teacher(3, sex="male")]
    children = [
        ChildToPair(1, school_class=31, before=3),
        ChildToPair(2, school_class=31, sex="female"),
        ChildToPair(3, school_class=31, unwanted=1, wanted=3),
        ChildToPair(4, school_class=31, standing=2),
    ]
    answer = assign(children, staff)
    assert answer.choices == {1: 3, 2: 2, 3: 3, 4: 2}
    assert reasons(children[1], staff[1]) == ["照孩子的愿望选了女老师"]
    assert reasons(children[3], staff[1]) == ["现在就由这位老师包保"]


def test_an_unwanted_teacher_is_never_proposed_even_if_the_child_stays_without():
    answer = assign([ChildToPair(1, unwanted=1, school_class=31)], [teacher(1, leads=frozenset({31}))])
    assert answer.choices == {1: None}
    assert faults(answer.choices, [ChildToPair(1, unwanted=1)], [teacher(1)]) == []


def test_duties_are_spread_and_many_posts_count():
    staff = [teacher(1, maximum=4, posts=3), teacher(2, maximum=4), teacher(3, maximum=4, held=2)]
    answer = assign([ChildToPair(key) for key in range(1, 6)], staff)
    # each child more costs 4 more; teacher 1 begins two steps higher for two posts more, teacher 3 for two children
    assert loads_of(answer) == {1: 1, 2: 3, 3: 1}


def test_nobody_stays_below_the_minimum_while_children_can_move():
    staff = [
        teacher(1, minimum=0, maximum=4, leads=frozenset({31})),
        teacher(2, minimum=1, maximum=2),
        teacher(3, minimum=1, maximum=2),
    ]
    answer = assign([ChildToPair(key, school_class=31) for key in range(1, 5)], staff)
    assert loads_of(answer) == {1: 2, 2: 1, 3: 1}


def test_siblings_share_a_teacher_even_away_from_their_classes():
    staff = [
        teacher(1, maximum=1, leads=frozenset({31})),
        teacher(2, maximum=1, leads=frozenset({21})),
        teacher(3, maximum=2),
    ]
    children = [ChildToPair(1, school_class=31, family=7), ChildToPair(2, school_class=21, family=7)]
    assert assign(children, staff) == Assignment({1: 3, 2: 3}, [])


def test_a_younger_child_joins_the_teacher_whom_the_elder_keeps():
    staff = [teacher(1, leads=frozenset({31})), teacher(2, held=1)]
    answer = assign([ChildToPair(1, school_class=31, siblings_with=frozenset({2}))], staff)
    assert answer.choices == {1: 2}


def test_siblings_are_parted_only_where_a_child_would_lose_its_place():
    staff = [teacher(1, maximum=1), teacher(2, maximum=1)]
    children = [ChildToPair(1, family=7), ChildToPair(2, family=7)]
    answer = assign(children, staff)
    assert (sorted(answer.choices.values()), answer.parted) == ([1, 2], [[1, 2]])


def test_siblings_are_parted_where_a_teacher_would_miss_the_minimum():
    staff = [teacher(1, minimum=1, maximum=2), teacher(2, minimum=1, maximum=2)]
    children = [ChildToPair(1, family=7), ChildToPair(2, family=7)]
    answer = assign(children, staff)
    assert (loads_of(answer), answer.parted) == ({1: 1, 2: 1}, [[1, 2]])
    more = [*children, ChildToPair(3)]
    answer = assign(more, staff)  # the third child makes both possible
    assert (answer.choices[1] == answer.choices[2], answer.parted) == (True, [])


def test_minimums_that_cannot_all_be_met_part_no_siblings():
    staff = [teacher(key, minimum=1) for key in (1, 2, 3)]
    children = [ChildToPair(1, family=7), ChildToPair(2, family=7)]
    answer = assign(children, staff)
    assert (answer.choices[1] == answer.choices[2], answer.parted) == (True, [])
    assert with_minimums([*children, ChildToPair(3)], staff) == staff  # three children for three: all are met
    assert loads_of(assign([*children, ChildToPair(3)], staff)) == {1: 1, 2: 1, 3: 1}


def test_without_room_the_rest_have_nobody_and_the_full_ones_get_nobody():
    staff = [teacher(1, maximum=2, held=5), teacher(2, maximum=3)]
    answer = assign([ChildToPair(key) for key in range(1, 6)], staff)
    assert (len(answer.without), loads_of(Assignment({k: v for k, v in answer.choices.items() if v}))) == (
        2,
        {2: 3},
    )


def test_no_children_or_no_staff():
    assert assign([], [teacher(1)]).choices == {}
    assert assign([ChildToPair(1)], []).choices == {1: None}


def test_the_check_finds_each_kind_of_fault():
    children = [ChildToPair(1), ChildToPair(2, unwanted=1), ChildToPair(3), ChildToPair(4)]
    staff = [teacher(1, maximum=1), teacher(2, maximum=3)]
    assert faults({1: 1, 2: 1, 3: None}, children, staff) == [
        ("child_missing", 4),
        ("not_to_be_paired", 2),
        ("place_left", 3),
        ("place_left", 4),
        ("above_maximum", 1),
    ]


# --- against trying everything -----------------------------------------------------------------------------------------------

keys = st.integers(0, 3)
few = st.frozensets(st.integers(1, 3), max_size=2)
staff_lists = st.lists(
    st.fixed_dictionaries({
        "minimum": st.integers(0, 2), "maximum": st.integers(2, 3), "held": st.integers(0, 2), "posts": st.integers(1, 3),
        "sex": st.sampled_from(["male", "female"]), "leads": few, "teaches": few, "grades": few, "schools": few,
        "villages": st.frozensets(st.sampled_from(["1", "2"])),
    }),
    min_size=1, max_size=3,
).map(lambda rows: [StaffToPair(key, **row) for key, row in enumerate(rows, 1)])  # fmt: skip
child_lists = st.lists(
    st.fixed_dictionaries({
        "school": keys, "school_class": keys, "grade": st.sampled_from([None, 1, 2, 3]),
        "village": st.sampled_from(["", "1", "2"]), "standing": keys, "before": keys,
        "sex": st.sampled_from(["", "male", "female"]), "wanted": keys, "unwanted": keys, "family": st.integers(0, 2),
        "siblings_with": st.frozensets(st.integers(1, 3), max_size=1),
    }),
    max_size=5,
).map(lambda rows: [ChildToPair(key, **row) for key, row in enumerate(rows, 1)])  # fmt: skip


def every_answer(children, staff):
    """All answers within the quotas, by trying every one."""
    choices = [None, *(one.key for one in staff)]
    for chosen in product(choices, repeat=len(children)):
        given_to = Counter(chosen)
        if all(given_to[one.key] <= max(one.maximum - one.held, 0) for one in staff) and all(
            child.unwanted != key or key is None for child, key in zip(children, chosen, strict=True)
        ):
            yield dict(zip((child.key for child in children), chosen, strict=True))


@given(child_lists, staff_lists)
def test_as_good_as_the_best_of_all_answers(children, staff):
    alone = [ChildToPair(**{**vars(child), "family": 0}) for child in children]
    binding = with_minimums(alone, staff)
    best = min(total(choices, alone, binding) for choices in every_answer(alone, staff))
    answer = assign(alone, staff)
    assert faults(answer.choices, alone, staff) == []
    assert total(answer.choices, alone, binding) == best


@given(child_lists, staff_lists)
def test_with_siblings_no_child_and_no_minimum_is_given_up(children, staff):
    binding = with_minimums(children, staff)
    best = min(total(choices, children, binding)[:2] for choices in every_answer(children, staff))
    answer = assign(children, staff)
    assert faults(answer.choices, children, staff) == []
    assert total(answer.choices, children, binding)[:2] == best
    families = {}
    for child in children:
        families.setdefault(child.family, []).append(child.key)
    apart = [
        members
        for family, members in families.items()
        if family and len({answer.choices[key] for key in members}) > 1
    ]
    assert sorted(answer.parted) == sorted(apart)


# --- a whole school ----------------------------------------------------------------------------------------------------------


def school(seed, children=1500, staff=120, each=14):
    """A school of 30 classes: class teachers, teachers of several classes, villages, siblings, wishes."""
    random = Random(seed)
    people = [
        StaffToPair(
            key, minimum=random.choice([1, 1, 2, 8]), maximum=random.randint(8, each), held=random.choice([0, 0, 0, 3]),
            posts=random.choice([1, 1, 2]), sex=random.choice(["male", "female"]),
            leads=frozenset({key}) if key <= 30 else frozenset(),
            teaches=frozenset(random.sample(range(1, 31), 3)), grades=frozenset({random.randint(1, 6)}),
            schools=frozenset({1}), villages=frozenset(random.sample([f"村{n}" for n in range(40)], 2)),
        )
        for key in range(1, staff + 1)
    ]  # fmt: skip
    found = []
    for key in range(1, children + 1):
        school_class = random.randint(1, 30)
        found.append(
            ChildToPair(
                key, school=1, school_class=school_class, grade=(school_class + 4) // 5, village=f"村{random.randrange(40)}",
                standing=random.choice([0, 0, random.randint(1, staff)]), before=random.choice([0, random.randint(1, staff)]),
                sex=random.choice([""] * 9 + ["female"]), unwanted=random.choice([0] * 30 + [random.randint(1, staff)]),
                family=random.choice([0] * 8 + [1]) and 1 + random.randrange(children // 12),
            )
        )  # fmt: skip
    return found, people


def test_fifteen_hundred_children_and_a_hundred_and_twenty_staff():
    children, staff = school(seed=1)
    answer = assign(children, staff)
    room = sum(max(one.maximum - one.held, 0) for one in staff)
    need = sum(max(one.minimum - one.held, 0) for one in staff)
    assert faults(answer.choices, children, staff) == []
    # hand-made bounds: nobody can do better than these
    without, missing, _ = total(answer.choices, children, staff)
    assert (without, missing) == (max(len(children) - room, 0), max(need - min(len(children), room), 0))
    given_to = Counter(answer.choices.values())
    assert [one.key for one in staff if given_to[one.key] > max(one.maximum - one.held, 0)] == []


@pytest.mark.parametrize("each", [9, 14])
def test_the_same_question_has_the_same_answer_in_any_order(each):
    children, staff = school(seed=2, children=150, staff=15, each=each)
    again = assign(list(reversed(children)), list(reversed(staff)))
    assert assign(children, staff) == again


def test_every_reason_has_its_points():
    assert min(POINTS.values()) > 0  # an arc of its own is never dearer than the way through a hub
