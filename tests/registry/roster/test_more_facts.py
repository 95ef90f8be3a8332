"""What a roster says beside name and family: household, aid, kinds of hardship, 随迁, what keeps a parent from caring, 委托."""

import datetime

import pytest

from registry.models import AdultCondition, Child, Guardianship, Trait
from registry.roster.imports import import_roster
from registry.roster.undo import undo_import
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.test_problems import GOOD, sheet_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = datetime.date(2026, 9, 10)
LATER = datetime.date(2026, 9, 20)
HEADINGS = [
    "姓名", "性别", "身份证号", "班级", "家庭人口", "享受救助情况", "困境类型", "是否随迁子女", "父亲姓名", "父亲务工地", "监护人", "关系",
    "监护人电话", "有无委托监护人", "监护类型",
]  # fmt: skip


def row(**cells):
    given = dict(
        zip(
            HEADINGS,
            [
                "李小满",
                "男",
                GOOD,
                "三（2）班",
                "5",
                "低保",
                "孤儿",
                "是",
                "李强",
                "服刑",
                "李大山",
                "爷爷",
                "13800001234",
                "无",
                "监护情况一般",
            ],
            strict=True,
        )
    )
    return list((given | cells).values())


@pytest.fixture
def put(cast):  # noqa: F811
    """Imports one row; gives the batch and the row's changes."""

    def start(as_of=DAY, **cells):
        plan, batch = import_roster(
            sheet_of(row(**cells), headings=HEADINGS), by=None, school=cast.school, as_of=as_of, accept=True
        )
        (entry,) = plan.roster.entries
        return batch, entry.status, entry.changes

    return start


def test_all_of_it_is_kept_where_it_belongs(put):
    assert put()[1] == "new"
    child = Child.objects.get(id_number_index__gt="")
    assert (child.household_size, child.aid) == (5, "低保")
    assert "低保" not in child.note
    assert sorted(child.traits.values_list("kind", "detail")) == [("hardship", "orphan"), ("migrant", "")]
    condition = AdultCondition.objects.get()
    assert (condition.guardian.name, condition.kind, condition.starts_on) == ("李强", "in_custody", DAY)
    assert put(LATER)[1:] == ("unchanged", [])
    assert (Trait.objects.count(), AdultCondition.objects.count()) == (2, 1)


def test_what_changes_is_shown_and_what_is_not_said_ends_nothing(put):
    put(家庭人口="4", 困境类型="", 父亲务工地="广东省东莞市", 是否随迁子女="")
    _, status, changes = put(LATER, 困境类型="孤儿", 父亲务工地="服刑")
    assert status == "changed"
    assert set(changes) >= {
        ("家庭人口", "4", "5"),
        ("孤儿", "", "是"),
        ("随迁子女", "", "是"),
        ("父亲情况", "", "服刑在押"),
    }
    put(LATER, 困境类型="", 父亲务工地="", 是否随迁子女="", 家庭人口="")
    assert Trait.objects.open().count() == 2
    assert AdultCondition.objects.open().count() == 1


def test_an_unnamed_hardship_becomes_the_named_one(put):
    put(困境类型="是", 是否随迁子女="")
    assert Trait.objects.get().detail == ""
    _, _, changes = put(LATER, 是否随迁子女="")
    assert changes == [("孤儿", "", "是")]
    assert [(t.detail, t.ends_on) for t in Trait.objects.order_by("pk")] == [
        ("", LATER - datetime.timedelta(days=1)),
        ("orphan", None),
    ]
    assert put(LATER, 困境类型="是", 是否随迁子女="")[1] == "unchanged"


def test_entrusting_begins_a_new_spell_and_undoing_brings_the_old_one_back(put):
    put()
    batch, _, changes = put(LATER, 有无委托监护人="有", 监护类型="监护情况较好")
    assert changes == [
        ("监护评估", "监护情况一般", "监护情况较好"),
        ("照看依据", "实际照看（无书面委托）", "受委托照护"),
    ]
    spells = Guardianship.objects.order_by("pk")
    assert [(s.authority, s.ability, s.starts_on, s.ends_on) for s in spells] == [
        ("informal", "fair", DAY, LATER - datetime.timedelta(days=1)), ("entrusted", "good", LATER, None),
    ]  # fmt: skip
    assert undo_import(batch, by=None)
    assert [(s.authority, s.ends_on) for s in Guardianship.objects.valid()] == [("informal", None)]
