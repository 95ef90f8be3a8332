"""An import is undone as a whole, until something was built on it; nothing is deleted, and the same roster finds its children again."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import children, families
from registry.models import (
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    HeldRow,
    ImportState,
    ImportTrace,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    Trait,
)
from registry.roster.imports import import_roster
from registry.roster.undo import StandsInTheWay, can_undo, obstacles, undo_import
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_changes import FAMILY
from tests.registry.roster.test_problems import BORN, GOOD, kid, sheet_of
from trust.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = datetime.date(2026, 9, 10)
LATER = datetime.date(2026, 9, 20)
SPELLS = [Enrollment, CareListSpell, Trait, Guardianship, ParentWork]
FACTS = [*SPELLS, Child, Guardian, Kinship, Phone, OpenQuestion]
ROW = [
    "李小满",
    "男",
    GOOD,
    "三（2）班",
    "李强",
    "广东省东莞市",
    "13800001111",
    "李大山",
    "爷爷",
    "13800002222",
]


@pytest.fixture
def school(cast):  # noqa: F811
    """石门小学."""
    return cast.school


def put(data, school, as_of=DAY, by=None):
    """Imports all that can be; gives the batch."""
    return import_roster(data, by=by, school=school, as_of=as_of, accept=True)[1]


def standing():
    """What counts: every valid fact as plain words, without versions and times of writing."""
    found = {model.__name__: sorted(map(str, model.objects.valid().values_list("child_id" if model is not ParentWork else "guardian_id", "starts_on", "ends_on"))) for model in SPELLS}  # fmt: skip
    found["phones"] = sorted(
        (p.guardian_id, p.number, p.position) for p in Phone.objects.filter(ended_on=None)
    )
    found["kin"] = sorted(
        Kinship.objects.filter(child__in=Enrollment.objects.open().values("child")).values_list(
            "child", "guardian", "relation", "as_written"
        )
    )
    found["questions"] = sorted(OpenQuestion.objects.filter(answered_at=None).values_list("child", "field"))
    found["children"] = sorted(
        (c.pk, c.name, c.sex, c.birth_date, c.id_number, c.address)
        for c in Child.objects.filter(pk__in=Enrollment.objects.open().values("child"))
    )
    found["adults"] = sorted(
        (a.pk, a.name, a.health)
        for a in Guardian.objects.filter(
            kinships__child__in=Enrollment.objects.open().values("child")
        ).distinct()
    )
    return found


def test_new_children_stand_on_no_list_and_nothing_is_deleted(school, cast):  # noqa: F811
    before = standing()
    batch = put(sheet_of(ROW, headings=FAMILY), school, by=cast.leader)
    kept = {model: model.objects.count() for model in FACTS}
    child = Child.objects.get(id_number_index__gt="")
    assert can_undo(batch)
    assert undo_import(batch, by=cast.leader)
    assert (batch.state, batch.undone_by) == (ImportState.UNDONE, cast.leader)
    assert standing() == before
    assert {model: model.objects.count() for model in FACTS} == kept
    assert not Child.objects.listed_on(LATER).filter(pk=child.pk).exists()
    assert not Child.objects.visible_to(cast.leader).filter(pk=child.pk).exists()
    spell = child.enrollments.get()
    assert (spell.cancel_reason, spell.cancelled_by) == ("撤销导入", cast.leader)
    assert not can_undo(batch)
    assert undo_import(batch, by=cast.leader) is False
    done = AuditEvent.objects.get(action="undo_import")
    assert (done.count, done.object_uid) == (1, batch.uid)
    assert AuditEvent.objects.get(action="undo_import_child").child_uid == child.uid


def test_what_was_changed_becomes_what_it_was(school):
    put(sheet_of([*ROW, "柳溪村3组"], headings=[*FAMILY, "家庭住址"]), school)
    before = standing()
    moved = list(ROW)
    moved[3:] = ["三（3）班", "李强", "浙江省义乌市", "13800003333", "彭三妹", "奶奶", "13800004444"]
    batch = put(
        sheet_of([*moved, "河西街12号", "赵敏"], headings=[*FAMILY, "家庭住址", "母亲姓名"]),
        school,
        as_of=LATER,
    )
    child = Child.objects.get(id_number_index__gt="")
    assert (child.address, child.kinships.count()) == ("河西街12号", 4)
    assert undo_import(batch, by=None)
    assert standing() == before
    child.refresh_from_db()
    # the address is back, and its history knows all three
    assert [h.address for h in child.history.order_by("history_date", "history_id")] == [
        "柳溪村3组",
        "河西街12号",
        "柳溪村3组",
    ]
    gone = ImportTrace.objects.filter(batch=batch, model="kinship").exclude(before="")
    assert sorted(trace.fields_before["relation"] for trace in gone) == ["grandmother", "mother"]


def test_the_same_roster_again_finds_the_same_children_with_and_without_numbers(school):
    data = sheet_of(kid(), kid(姓名="田小禾", 身份证号=None, 联系电话="1380000"))
    first = put(data, school)
    undo_import(first, by=None)
    count = Child.objects.count()
    second = put(data, school)
    assert Child.objects.count() == count
    assert (second.counts["changed"], second.counts["held"]) == (2, 0)
    child = Child.objects.get(name="田小禾")
    assert [e.cancel_reason for e in child.enrollments.order_by("pk")] == ["撤销导入", ""]
    # the phone that could not be read is asked about again
    assert [q.text for q in child.open_questions.filter(answered_at=None)] == ["1380000"]
    adult = child.guardianships.valid().get().guardian
    assert (adult.name, child.kinships.count()) == ("李大山", 1)
    # and can be undone again
    assert undo_import(second, by=None)
    assert not child.enrollments.valid().exists()


def test_a_name_put_right_after_undoing_is_the_same_child(school):
    undo_import(put(sheet_of(kid(姓名="李小慢")), school), by=None)
    put(sheet_of(kid(姓名="李小满")), school)
    assert Child.objects.get(id_number_index__gt="").name == "李小满"


def test_what_was_built_on_it_stands_in_the_way(school, cast):  # noqa: F811
    batch = put(
        sheet_of(kid(), kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2))), school, by=cast.leader
    )
    child = Child.objects.get(name="李小满", id_number_index__gt="")
    other = Child.objects.get(name="王芳")
    children.set_trait(child, by=cast.leader, kind="priority", reason="要多关心", starts_on=LATER)
    guardian = other.guardianships.get().guardian
    families.add_phone(guardian, by=cast.leader, child=other, number="13900009999")
    before = standing()
    assert {o.child.name: o.words for o in obstacles(batch)} == {
        "李小满": "儿童情况 1 条、电话 1 条",
        "王芳": "电话 1 条",
    }
    with pytest.raises(StandsInTheWay) as blocked:
        undo_import(batch, by=cast.leader)
    assert [o.child.name for o in blocked.value.obstacles] == ["李小满", "王芳"]
    batch.refresh_from_db()
    assert (batch.state, standing() == before) == (ImportState.DONE, True)


def test_a_correction_by_hand_stands_in_the_way_and_says_where(school, cast):  # noqa: F811
    put(sheet_of(kid()), school)
    batch = put(sheet_of(kid(班级="3班")), school, as_of=LATER)
    child = Child.objects.get(id_number_index__gt="")
    children.change_class(
        child, by=cast.leader, school_class=child.enrollments.get(ends_on__isnull=False).school_class,
        starts_on=LATER + datetime.timedelta(days=9),
    )  # fmt: skip
    assert [o.words for o in obstacles(batch)] == ["在校经历（后来改过） 1 条"]
    # what is cancelled again counts for nothing
    first = put(sheet_of(kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2))), school)
    girl = Child.objects.get(name="王芳")
    trait = children.set_trait(girl, by=cast.leader, kind="priority", reason="先记着", starts_on=LATER)
    assert [o.child.name for o in obstacles(first)] == ["王芳"]
    children.cancel_spell(trait, by=cast.leader, reason="记错了", child=girl)
    assert obstacles(first) == []


def test_a_later_import_that_changed_the_same_stands_in_the_way(school):
    first = put(sheet_of(kid()), school)
    second = put(sheet_of(kid(班级="3班")), school, as_of=LATER)
    assert [o.words for o in obstacles(first)] == ["在校经历 1 条、在校经历（后来改过） 1 条"] or obstacles(
        first
    )
    assert undo_import(second, by=None)
    assert obstacles(first) == []
    assert undo_import(first, by=None)


def test_rows_that_an_undone_import_had_put_right_wait_again(school):
    put(sheet_of(kid(身份证号=GOOD[:17])), school)
    second = put(sheet_of(kid()), school)
    row = HeldRow.objects.get()
    assert row.done_note == "后来的名册里改好了"
    undo_import(second, by=None)
    row.refresh_from_db()
    assert (row.done_at, row.done_note) == (None, "")


def test_a_batch_that_left_no_traces_is_not_offered(school):
    batch = put(sheet_of(kid()), school)
    again = put(sheet_of(kid()), school)
    assert not can_undo(again)
    assert undo_import(again, by=None) is False
    assert can_undo(batch)


def test_undoing_asks_a_fixed_number_of_questions(school):
    def statements(numbers):
        rows = [kid(姓名=f"孩子{chr(0x4E00 + n)}", 身份证号=id_number(BORN, n * 2 + 1)) for n in numbers]
        batch = put(sheet_of(*rows), school)
        with CaptureQueriesContext(connection) as queries:
            undo_import(batch, by=None)
        return len([q for q in queries.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    # one audit entry is written in one way, several in another: two children against thirty
    assert statements([1, 2]) == statements(range(10, 40))
