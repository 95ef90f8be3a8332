"""load_demo: what it prints and keeps, and where it refuses."""

import json
from datetime import date

import pytest
from django.core.management import CommandError, call_command

from activities.facts import load_facts
from activities.models import MonthlyCheck
from registry.models import Child, County
from reports.printing import cards
from trust.models import User

pytestmark = pytest.mark.django_db


def run(*arguments):
    """The command, small."""
    call_command("load_demo", "--schools", "1", "--children", "12", "--months", "2", *arguments)


def test_the_command_prints_accounts_and_closes_past_months(tmp_path, settings, capsys):
    settings.VAR_DIR = tmp_path
    run("--until", "2026-04-20")
    printed = capsys.readouterr().out
    assert (tmp_path / "demo-accounts.txt").read_text(encoding="utf-8") == printed
    assert "demo-leader" in printed
    assert list(MonthlyCheck.objects.values_list("month", flat=True)) == [date(2026, 3, 1)]
    assert MonthlyCheck.objects.get().closed_at is not None
    children = Child.objects.count()
    run("--until", "2026-04-20", "--json")
    again = json.loads(capsys.readouterr().out)
    assert (again["county"], again["children"], Child.objects.count()) == ("341299", children, children)
    # A sheet of a database that is gone opens nothing: a new one is written.
    (tmp_path / "demo-accounts.txt").write_text("密码（所有演示账号相同）：old\n", encoding="utf-8")
    run()
    password = capsys.readouterr().out.partition("：")[2].partition("\n")[0]
    assert User.objects.get(username="demo-leader").check_password(password)


def test_real_children_and_demo_children_never_meet(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    load_facts(
        {
            "county": {"code": "340100", "name": "某县"},
            "children": [{"id": "k1", "name": "李小满", "sex": "female"}],
        }
    )
    with pytest.raises(CommandError) as error:
        run()
    assert error.value.returncode == 1
    assert [county.code for county in County.objects.all()] == ["340100"]
    assert not (tmp_path / "demo-accounts.txt").exists()


def test_no_demo_accounts_on_a_server_with_tls(settings):
    settings.TLS = True
    with pytest.raises(CommandError) as error:
        run()
    assert error.value.returncode == 1
    assert not User.objects.exists()


def test_wrong_arguments_are_a_usage_error():
    for arguments in (["--children", "3"], ["--until", "2999-01-01"], ["--by", "nobody"]):
        with pytest.raises(CommandError) as error:
            call_command("load_demo", *arguments)
        assert error.value.returncode == 2


def test_cards_are_issued_and_some_are_no_longer_true(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    day = date(2026, 4, 20)
    call_command("load_demo", "--schools", "1", "--children", "40", "--months", "1", "--until", "2026-04-20")
    listed = Child.objects.listed_on(day).filter(enrollments__school_class__isnull=False).distinct()
    states = {state.state for state in cards.states(list(listed), day)}
    assert states == {"never", "outdated", "current"}
