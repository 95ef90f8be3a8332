"""What an import writes: once, whole or not at all, by number and never by name, with dates and nothing erased."""

import datetime
import uuid
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import (
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    HeldRow,
    ImportBatch,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    SchoolClass,
    Trait,
)
from registry.roster.imports import import_roster, plan_roster
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster import generator
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_problems import BORN, GOOD, HEADINGS, kid, sheet_of
from trust import audit
from trust.models import AuditEvent, OutboxMessage

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = datetime.date(2026, 9, 10)
LATER = datetime.date(2026, 9, 20)
FAMILY = [
    "姓名",
    "性别",
    "身份证号",
    "班级",
    "父亲姓名",
    "父亲务工地",
    "父亲电话",
    "监护人",
    "关系",
    "监护人电话",
]
TABLES = [
    Child,
    Enrollment,
    CareListSpell,
    Trait,
    Guardian,
    Kinship,
    Guardianship,
    ParentWork,
    Phone,
    OpenQuestion,
    SchoolClass,
]


@pytest.fixture
def school(cast):  # noqa: F811
    """石门小学, whose children of the cast have no ID numbers."""
    return cast.school


def put(data, school, as_of=DAY, accept=False, by=None):
    """Imports and gives the plan back."""
    return import_roster(data, by=by, school=school, as_of=as_of, accept=accept)[0]


def statuses(plan):
    return [entry.status for entry in plan.roster.entries]


def rows():
    """How many rows each table holds."""
    return {model.__name__: model.objects.count() for model in TABLES}


def test_a_new_child_with_class_list_family_and_phones(school):
    classes = SchoolClass.objects.count()
    plan = put(sheet_of(kid()), school)
    assert statuses(plan) == ["new"]
    child = Child.objects.get(name="李小满", id_number_index__gt="")
    assert (child.id_number, child.sex, child.birth_date, child.initials) == (GOOD, "male", BORN, "lxm")
    enrollment = child.enrollments.get()
    assert (str(enrollment.school_class), enrollment.starts_on, enrollment.ends_on) == ("三(2)班", DAY, None)
    assert (child.care_list_spells.get().type, child.care_list_spells.get().starts_on) == ("unknown", DAY)
    kinship = child.kinships.get()
    assert (kinship.guardian.name, kinship.relation, kinship.word) == ("李大山", "grandfather", "爷爷")
    assert [phone.number for phone in kinship.guardian.phones.all()] == ["13800001234"]
    assert child.guardianships.get().guardian == kinship.guardian
    assert plan.class_names == ["三(2)班"]
    made = SchoolClass.objects.get(entry_year=2024, number=2)
    assert (made.stage, made.ends_on) == ("primary", datetime.date(2030, 7, 31))
    assert SchoolClass.objects.count() == classes + 1
    assert child.history.count() == 1
    assert child.history.get().id_number == GOOD


def test_the_same_file_twice_changes_nothing(school):
    random = Random(7)
    made = generator.build(generator.Shape(levels=2, phone_style="two"), generator.kids(random, 30, (1, 6)))
    assert statuses(put(made.data, school)) == ["new"] * 30
    before, history = rows(), Child.history.count()
    plan = put(made.data, school, as_of=LATER)
    assert statuses(plan) == ["unchanged"] * 30
    assert (rows(), Child.history.count()) == (before, history)
    assert statuses(put(made.data, school)) == ["unchanged"] * 30


def test_a_child_without_a_number_is_not_entered_twice(school):
    data = sheet_of(kid(身份证号=None, 姓名="田小禾"))
    assert statuses(put(data, school)) == ["new"]
    before = rows()
    assert statuses(put(data, school, as_of=LATER)) == ["unchanged"]
    assert rows() == before
    plan = put(sheet_of(kid(身份证号=None, 姓名="田小禾", 联系电话="13900009999")), school, accept=True)
    assert [(p.kind, p.severity, p.effect) for p in plan.roster.problems] == [
        ("looks_like_existing", "warning", "held")
    ]
    assert rows() == before


def test_a_new_class_ends_the_old_spell_and_both_stay(school):
    put(sheet_of(kid()), school)
    plan = put(sheet_of(kid(班级="3班")), school, as_of=LATER)
    assert [e.changes for e in plan.roster.entries] == [[("班级", "三(2)班", "三(3)班")]]
    child = Child.objects.get(id_number_index__gt="")
    assert [(str(e.school_class), e.starts_on, e.ends_on) for e in child.enrollments.order_by("starts_on")] == [
        ("三(2)班", DAY, LATER - datetime.timedelta(days=1)), ("三(3)班", LATER, None),
    ]  # fmt: skip


def test_a_class_corrected_on_its_first_day_was_a_mistake(school):
    put(sheet_of(kid()), school)
    put(sheet_of(kid(班级="3班")), school)
    spells = Enrollment.objects.filter(child__id_number_index__gt="").order_by("pk")
    assert [(str(s.school_class), s.starts_on, s.cancel_reason, s.ends_on) for s in spells] == [
        ("三(2)班", DAY, "名册更正", None), ("三(3)班", DAY, "", None),
    ]  # fmt: skip


def test_an_older_list_never_reaches_back_before_what_is_known(school):
    put(sheet_of(kid()), school, as_of=LATER)
    put(sheet_of(kid(班级="3班")), school, as_of=DAY)
    assert list(
        Enrollment.objects.valid().filter(child__id_number_index__gt="").values_list("starts_on", "ends_on")
    ) == [(LATER, None)]


def test_empty_and_masked_cells_erase_nothing(school):
    headings = [*HEADINGS, "家庭住址"]
    put(sheet_of([*kid(), "柳溪村3组"], headings=headings), school)
    child = Child.objects.get(id_number_index__gt="")
    before = rows()
    masked = kid(
        身份证号=f"{GOOD[:3]}*************{GOOD[-2:]}",
        出生日期=None,
        监护人=None,
        关系="",
        联系电话="138****1234",
        性别="—",
    )
    data = sheet_of([*masked, "/", child.uid.hex], headings=[*headings, "系统编号"])
    plan = put(data, school, as_of=LATER)
    assert (statuses(plan), plan.roster.problems) == (["unchanged"], [])
    child.refresh_from_db()
    assert (child.id_number, child.birth_date, child.address, rows()) == (GOOD, BORN, "柳溪村3组", before)


def test_the_systems_number_identifies_and_may_bring_a_new_name(school, cast):  # noqa: F811
    data = sheet_of(
        ["李小曼", "男", GOOD, "四（1）班", str(cast.own.uid)],
        headings=["姓名", "性别", "身份证号", "班级", "系统编号"],
    )
    plan = put(data, school, as_of=datetime.date(2026, 11, 20))
    assert statuses(plan) == ["changed"]
    cast.own.refresh_from_db()
    assert (cast.own.name, cast.own.id_number, cast.own.name_key) == ("李小曼", GOOD, "li xiao man")
    assert cast.own.version == 2


def test_the_name_never_identifies(school, cast):  # noqa: F811
    before = rows()
    plan = put(sheet_of(kid(姓名="李大满")), school)
    assert statuses(plan) == ["new"]
    plan = put(sheet_of(kid(姓名="另一个")), school, accept=True)
    assert [(p.kind, p.effect) for p in plan.roster.problems] == [("name_differs", "held")]
    assert rows()["Child"] == before["Child"] + 1


def test_a_child_of_another_school_waits_and_the_school_is_not_named(school, cast):  # noqa: F811
    put(sheet_of(kid(年级="四年级")), cast.other)
    plan = put(sheet_of(kid()), school, accept=True)
    assert [(p.kind, p.effect) for p in plan.roster.problems] == [("at_other_school", "held")]
    assert cast.other.name not in plan.roster.problems[0].message


def test_siblings_share_their_parents(school):
    rows_ = [["李小满", "男", GOOD, "三（2）班", "李强", "广东省东莞市", "13800001111", "李大山", "爷爷", "13800002222"],
             ["李小川", "男", id_number(BORN, 3), "一（1）班", "李强", "广东省东莞市", "13800001111", "李大山", "爷爷", "13800002222"]]  # fmt: skip
    put(sheet_of(*rows_, headings=FAMILY), school)
    father = Guardian.objects.get(name="李强")
    assert sorted(k.child.name for k in father.kinships.all()) == ["李小川", "李小满"]
    assert father.work_spells.get().place == "广东省东莞市"
    assert father.work_spells.get().division_code == "441900"
    assert not father.work_spells.get().starts_on_known
    assert Guardian.objects.filter(name="李大山").count() == 1
    assert Phone.objects.filter(guardian=father).count() == 1
    assert statuses(put(sheet_of(*rows_, headings=FAMILY), school, as_of=LATER)) == ["unchanged", "unchanged"]
    third = ["李小河", "男", id_number(BORN, 5), "一（1）班", *rows_[0][4:]]
    put(sheet_of(third, headings=FAMILY), school, as_of=LATER)
    assert sorted(k.child.name for k in father.kinships.all()) == ["李小川", "李小河", "李小满"]


def test_siblings_who_disagree_about_their_father_do_not_flip_him_to_and_fro(school):
    one = [
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
    two = ["李小川", "男", id_number(BORN, 3), "一（1）班", "李强", "浙江省义乌市", *one[6:]]
    plan = put(sheet_of(one, two, headings=FAMILY), school)
    assert [(p.row, p.kind, p.severity, p.effect) for p in plan.roster.problems] == [
        (3, "siblings_differ", "warning", "noted")
    ]
    assert ParentWork.objects.filter(guardian__name="李强").count() == 1
    assert statuses(put(sheet_of(one, two, headings=FAMILY), school, as_of=LATER)) == [
        "unchanged",
        "unchanged",
    ]


def test_a_father_who_moves_on_a_carer_who_changes_a_new_phone(school):
    row = [
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
    put(sheet_of(row, headings=FAMILY), school)
    row[5], row[6], row[7], row[8], row[9] = "浙江省义乌市", "13800003333", "彭三妹", "奶奶", "13800004444"
    plan = put(sheet_of(row, headings=FAMILY), school, as_of=LATER)
    assert plan.roster.entries[0].changes == [
        ("父亲电话", "138****1111", "138****3333"), ("父亲务工地", "广东省东莞市", "浙江省义乌市"), ("监护人", "李大山", "彭三妹"),
    ]  # fmt: skip
    child = Child.objects.get(id_number_index__gt="")
    day_before = LATER - datetime.timedelta(days=1)
    assert [(w.place, w.starts_on, w.ends_on) for w in ParentWork.objects.order_by("starts_on")] == [
        ("广东省东莞市", DAY, day_before), ("浙江省义乌市", LATER, None),
    ]  # fmt: skip
    assert [(g.guardian.name, g.ends_on) for g in child.guardianships.order_by("starts_on")] == [
        ("李大山", day_before),
        ("彭三妹", None),
    ]
    father = Guardian.objects.get(name="李强")
    assert [p.number for p in father.phones.order_by("position")] == ["13800003333", "13800001111"]


def test_a_guardian_who_is_the_father_is_one_person(school):
    row = ["李小满", "男", GOOD, "三（2）班", "李强", "在家", "13800001111", "李强", "父亲", "13800001111"]
    put(sheet_of(row, headings=FAMILY), school)
    child = Child.objects.get(id_number_index__gt="")
    assert [(k.guardian.name, k.relation) for k in child.kinships.all()] == [("李强", "father")]
    assert child.guardianships.get().authority == "legal"
    assert ParentWork.objects.count() == 0


def test_a_child_in_danger_is_entered_at_once_with_an_alarm(school):
    data = sheet_of(kid(监护人="独居", 关系=None, 身份证号=GOOD[:17]))
    put(data, school, accept=True)
    child = Child.objects.get(name="李小满", birth_date=BORN, village="")
    trait = child.traits.get()
    assert (trait.kind, trait.reason, trait.starts_on) == ("alone", "独居", DAY)
    message = OutboxMessage.objects.get(kind="protection_alarm")
    assert message.payload == {"trait": str(trait.uid), "child": str(child.uid), "kind": "alone"}
    assert child.open_questions.get().field == "id_number"
    put(data, school, as_of=LATER, accept=True)
    assert OutboxMessage.objects.filter(kind="protection_alarm").count() == 1


def test_a_bad_phone_is_left_out_and_asked_about_until_answered(school):
    data = sheet_of(kid(联系电话="1380000123"))
    put(data, school, accept=True)
    child = Child.objects.get(id_number_index__gt="")
    question = child.open_questions.get()
    assert (question.field, question.text) == ("guardian.phone", "1380000123")
    assert question.message == "李小满的监护人电话：手机号是 11 位，这里是 10 位，请问清再填"
    assert Phone.objects.filter(guardian__kinships__child=child).count() == 0
    from registry.children import answer_question

    answer_question(question, by=None, answer="问过了，换号了")
    assert statuses(put(data, school, as_of=LATER, accept=True)) == ["unchanged"]
    assert OpenQuestion.objects.count() == 1


def test_held_rows_wait_until_they_come_right(school):
    bad = kid(身份证号=GOOD[:17])
    plan, batch = import_roster(
        sheet_of(bad, kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2))),
        by=None,
        school=school,
        as_of=DAY,
        accept=True,
    )
    assert statuses(plan) == ["held", "new"]
    row = HeldRow.objects.get()
    assert (row.batch, row.number, row.done_at) == (batch, 2, None)
    assert dict(map(tuple, row.shown["cells"]))["身份证号"] == GOOD[:17]
    put(sheet_of(kid()), school, as_of=LATER)
    row.refresh_from_db()
    assert row.done_note == "后来的名册里改好了"


def test_without_accept_an_error_keeps_everything_out(school):
    before = rows()
    plan, batch = import_roster(
        sheet_of(kid(), kid(姓名="王芳", 身份证号="1")), by=None, school=school, as_of=DAY
    )
    assert batch is None
    assert statuses(plan) == ["new", "held"]
    assert (rows(), ImportBatch.objects.count()) == (before, 0)


def test_every_entered_child_has_one_audit_entry_and_the_batch_one(school, cast):  # noqa: F811
    put(sheet_of(kid(), kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2))), school, by=cast.leader)
    entered = AuditEvent.objects.filter(action="import_child")
    assert sorted(str(e.child_uid) for e in entered) == sorted(
        str(c.uid) for c in Child.objects.filter(id_number_index__gt="")
    )
    batch = AuditEvent.objects.get(action="import_roster")
    assert (batch.actor_name, batch.count, batch.object_uid) == ("周明远", 2, ImportBatch.objects.get().uid)
    for event in AuditEvent.objects.all():
        assert GOOD not in f"{event.detail}{event.fields}{event.reason}"
    assert audit.label("import_roster") == "导入名册"


def test_the_statements_do_not_grow_with_the_children(school):
    def statements(count, seed):
        made = generator.build(generator.Shape(), generator.kids(Random(seed), count, (1, 6)))
        with CaptureQueriesContext(connection) as queries:
            put(made.data, school)
        return [
            q["sql"] for q in queries.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))
        ]

    few, more = statements(2, 3), statements(20, 5)
    # rows are inserted in batches by the database's limit of parameters; nothing is asked per child
    assert len([sql for sql in more if sql.startswith("SELECT")]) == len(
        [sql for sql in few if sql.startswith("SELECT")]
    )


def test_a_dry_plan_writes_nothing(school):
    before = rows()
    assert statuses(plan_roster(sheet_of(kid()), school=school, as_of=DAY)) == ["new"]
    assert rows() == before


def test_an_unknown_system_number_is_remarked_and_not_believed(school):
    data = sheet_of(
        ["李小满", "男", GOOD, "三（2）班", uuid.uuid4().hex],
        headings=["姓名", "性别", "身份证号", "班级", "系统编号"],
    )
    plan = put(data, school)
    assert statuses(plan) == ["new"]
    assert [(p.column, p.kind, p.severity) for p in plan.roster.problems] == [("E", "uid_unknown", "warning")]
