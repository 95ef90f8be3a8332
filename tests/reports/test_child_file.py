"""一人一档 as its readers meet it: who opens it, how much they see, what is owed, what it costs, what it leaves behind."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from activities.facts import load_facts
from activities.ledger import Ledger
from pairing.models import Pairing
from registry.models import Child, OpenQuestion, SchoolYear, Trait
from trust.models import AuditEvent

from .world import CHILDREN, CODE, asked, talk

pytestmark = pytest.mark.django_db


def visitor(user):
    client = Client()
    client.force_login(user)
    return client


def file_of(child):
    return f"/children/{child.uid}/"


@pytest.fixture
def teacher(client, world):
    client.force_login(world.zhang)
    return client


def test_carers_first_duties_next_story_last(teacher, world):
    text = teacher.get(file_of(world.an)).content.decode()
    places = [
        text.index(words) for words in ("谁在照顾", "吴秀英", "11月该做的", "班主任每月谈心", "一路走来")
    ]
    assert places == sorted(places)
    assert "138****8123" in text
    assert "13800008123" not in text


def test_duties_are_the_ledgers_and_lead_to_their_explanation(teacher, world):
    context = teacher.get(file_of(world.bin)).context
    shown = [
        (row.duty.rule.label, row.duty.period.start.month, str(row.duty.state)) for row in context["duties"]
    ]
    assert shown == [
        ("F02@QX001", 11, "upcoming"), ("F02", 11, "upcoming"), ("F64", 11, "met"), ("F08", 9, "upcoming"),
        *[("F02@QX001", month, "missed") for month in (9, 10, 10, 10, 11, 11, 11)],
    ]  # fmt: skip
    ledger = Ledger(world.county)
    judged = ledger.judge(ledger.items_running(), children=Child.objects.filter(pk=world.bin.pk))
    for row in context["duties"]:
        same = [d.state for d in judged if d.item.key == row.duty.item.key]
        assert same in ([], [row.duty.state])
        assert teacher.get(row.why_url).status_code == 200


def test_an_open_duty_opens_its_form_with_the_child_set(teacher, world):
    row = next(r for r in teacher.get(file_of(world.bin)).context["duties"] if r.duty.rule.label == "F02")
    assert row.log_url == f"/contacts/new/?child={world.bin.uid}&kind=talk"
    assert world.bin.name in teacher.get(row.log_url).content.decode()


def test_logging_a_talk_changes_the_file(teacher, world):
    load_facts({"county": {"code": CODE, "name": "青溪县"}, "seeded_rules": False,
                "contacts": [talk("bin", "zhang", "2026-11-23")]})  # fmt: skip
    states = {
        (r.duty.rule.label, r.duty.period.start.month): r.duty.state
        for r in teacher.get(file_of(world.bin)).context["duties"]
    }
    assert states["F02", 11] == "met"


def test_words_are_read_by_those_who_may(teacher, world):
    said = "聊了想家的事"
    assert said in teacher.get(file_of(world.an)).content.decode()
    assert said in visitor(world.zhou).get(file_of(world.an)).content.decode()
    assert (
        said not in visitor(world.wei).get(file_of(world.an)).content.decode()
    )  # archivist: as printed on forms
    assert said not in visitor(world.yang).get(file_of(world.an)).content.decode()  # paired: one's own words


def test_a_trait_that_is_an_alarm_stands_on_top(teacher, world):
    Trait.objects.create(child=world.an, kind="alone", starts_on="2026-11-20", reason="奶奶住院")
    text = teacher.get(file_of(world.an)).content.decode()
    assert text.index("独居") < text.index("谁在照顾")
    assert "奶奶住院" not in text


def test_open_questions_wait_with_their_door(teacher, world):
    question = OpenQuestion.objects.create(child=world.an, field="身份证号", message="号码后几位丢了")
    text = teacher.get(file_of(world.an)).content.decode()
    assert "号码后几位丢了" in text
    assert f"/children/{world.an.uid}/questions/{question.uid}/" in text


def test_without_a_confirmed_calendar_the_file_says_so(teacher, world):
    SchoolYear.objects.update(confirmed_at=None)
    answer = teacher.get(file_of(world.an))
    assert answer.context["duties"] == []
    assert "校历还没有确认" in answer.content.decode()


WHO_OPENS = {
    "zhang": {"an", "bin", "cui"},
    "yang": set(CHILDREN) - {"nan", "xin", "yu"},  # class teacher of one, paired with the others
    "zhou": set(CHILDREN) - {"xin", "yu"},
    "head": {"an", "bin", "cui"},
    "wei": set(CHILDREN) - {"xin", "yu"},
    "sun": set(),
    "shi": set(),
    "han": {"xin", "yu"},
    "qin": set(),
    "xu": set(),
}


@pytest.mark.parametrize("who", WHO_OPENS)
def test_who_opens_which_file(world, who):
    client = visitor(getattr(world, who))
    opened = {key for key in CHILDREN if client.get(file_of(getattr(world, key))).status_code == 200}
    assert opened == WHO_OPENS[who]
    for key in set(CHILDREN) - WHO_OPENS[who]:
        answer = client.get(file_of(getattr(world, key)))
        assert answer.status_code == 404
        assert CHILDREN[key][0] not in answer.content.decode()


def test_the_day_after_a_pairing_ended_the_file_is_closed(world):
    Pairing.objects.filter(child=world.an).update(ends_on="2026-11-23", end_reason="wish")
    assert visitor(world.yang).get(file_of(world.an)).status_code == 404


def test_each_opening_leaves_one_entry_about_the_child(teacher, world):
    teacher.get(file_of(world.an))
    entries = AuditEvent.objects.filter(child_uid=world.an.uid, actor_uid=world.zhang.uid)
    assert [(e.action, e.object_uid) for e in entries] == [("open_child", world.an.uid)]


def test_who_has_looked_is_for_the_leader(teacher, world):
    teacher.get(file_of(world.an))
    page = f"/children/{world.an.uid}/readers/"
    assert teacher.get(page).status_code == 403
    answer = visitor(world.zhou).get(page)
    assert [(event.actor_name, action) for event, action, _ in answer.context["rows"]] == [
        ("张桂兰", "查看儿童档案")
    ]
    assert visitor(world.shen).get(page).status_code == 404


def test_the_story_shows_the_newest_and_the_whole_on_request(teacher, world):
    load_facts({"county": {"code": CODE, "name": "青溪县"}, "seeded_rules": False,
                "contacts": [talk("an", "zhang", f"2026-09-{day:02}") for day in range(2, 20)]})  # fmt: skip
    context = teacher.get(file_of(world.an)).context
    assert (len(context["timeline"]), context["more_story"]) == (12, True)
    assert len(teacher.get(file_of(world.an) + "?story=all").context["timeline"]) == 20


def test_the_file_costs_the_same_with_one_contact_and_with_many(teacher, world):
    def queries():
        teacher.get(file_of(world.an))
        with CaptureQueriesContext(connection) as captured:
            teacher.get(file_of(world.an))
        return asked(captured.captured_queries)

    before = queries()
    load_facts({"county": {"code": CODE, "name": "青溪县"}, "seeded_rules": False,
                "contacts": [talk("an", "zhang", f"2026-09-{day:02}") for day in range(2, 20)]})  # fmt: skip
    assert len(queries()) == len(before)
    assert len(before) <= 12, [sql[:60] for sql in before]


def test_who_answers_for_the_child_today_and_its_brothers(teacher, world):
    """C073: at home and at school; brothers open to those who may open their files."""
    facts = {
        "guardians": [{"id": "fu", "name": "李大海"}],
        "kinships": [{"child": key, "guardian": "fu", "relation": "father"} for key in ("an", "cui", "dan")],
    }
    load_facts({"county": {"code": CODE, "name": "青溪县"}, "seeded_rules": False, **facts})
    Trait.objects.create(
        child=world.an, kind="hardship", detail="poverty", starts_on="2026-11-01", reason="低保"
    )
    answer = teacher.get(file_of(world.an))
    assert answer.context["family"].responsible == [("监护人", "父亲李大海"), ("实际照看", "奶奶吴秀英")]
    assert [(one.name, one.openable) for one in answer.context["siblings"]] == [("赵翠翠", True)]
    assert [spell.word for spell in answer.context["traits"]] == ["家庭贫困"]
    text = answer.content.decode()
    assert "<dt>班主任</dt><dd>张桂兰</dd><dt>包保教师</dt><dd>杨帆</dd>" in text
    assert {one.name for one in visitor(world.zhou).get(file_of(world.an)).context["siblings"]} == {
        "赵翠翠",
        "孙丹丹",
    }
