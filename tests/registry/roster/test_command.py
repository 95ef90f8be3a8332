"""``import_roster``: its JSON and its exit status."""

import json

import pytest
from django.core.management import CommandError, call_command

from registry.models import Child
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.test_problems import GOOD, kid, sheet_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(cast, tmp_path, capsys):  # noqa: F811
    """Runs the command on rows; gives (exit status, output)."""

    def start(data, *arguments):
        path = tmp_path / "名册.xlsx"
        path.write_bytes(data)
        status = 0
        try:
            call_command("import_roster", str(path), "--school", "s1", *arguments)
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().out

    return start


def entered():
    return Child.objects.filter(id_number_index__gt="").count()


def test_the_json_of_a_dry_run(run):
    status, text = run(sheet_of(kid(联系电话="1380000123")), "--as-of", "2026-09-10", "--dry-run", "--json")
    answer = json.loads(text)
    assert status == 1
    assert answer["children"] == [
        {
            "sheet": "名册", "row": 2, "status": "new",
            "fields": {
                "name": "李小满", "sex": "男", "birth_date": "2016-05-03", "id_number": GOOD, "grade": "三年级", "class": "2班",
                "guardian": {"name": "李大山", "relation": "爷爷", "phone": None},
                "father": {"name": None, "work_place": None, "phone": None},
                "mother": {"name": None, "work_place": None, "phone": None}, "address": None,
            },
            "more": {"care_type": "unknown"},
        }
    ]  # fmt: skip
    assert answer["problems"] == [
        {
            "sheet": "名册", "row": 2, "column": "J", "header": "联系电话", "kind": "bad_phone", "severity": "error", "effect": "left_out",
            "message": "第 2 行李小满的监护人电话：手机号是 11 位，这里是 10 位，请问清再填",
        }
    ]  # fmt: skip
    assert (answer["ignored_rows"], answer["written"], entered()) == ([], False, 0)


def test_errors_write_nothing_unless_accepted(run):
    data = sheet_of(kid(联系电话="1380000123"), kid(姓名="王芳", 身份证号="12"))
    status, text = run(data)
    assert (status, entered()) == (1, 0)
    assert "有错误，没有写入" in text
    status, text = run(data, "--accept")
    assert (status, entered()) == (0, 1)
    assert "已导入 1 名，1 行待改" in text


def test_a_clean_file_is_written_and_then_nothing_is_left_to_do(run):
    assert run(sheet_of(kid()), "--json")[0] == 0
    status, text = run(sheet_of(kid()), "--json")
    answer = json.loads(text)
    assert (status, entered()) == (0, 1)
    assert (answer["written"], [child["status"] for child in answer["children"]]) == (True, ["unchanged"])


def test_a_file_that_is_no_table_answers_in_json_too(run):
    status, text = run(b"\x00\x01", "--json", "--dry-run")
    answer = json.loads(text)
    assert (status, answer["children"], [problem["kind"] for problem in answer["problems"]]) == (
        1,
        [],
        ["not_a_table"],
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--school", "nix"],
        ["--school", "s1", "--as-of", "gestern"],
        ["--school", "s1", "--as-of", "2099-01-01"],
        ["--school", "s1", "--by", "nobody-here"],
    ],
)
def test_wrong_usage(cast, tmp_path, arguments):  # noqa: F811
    path = tmp_path / "a.xlsx"
    path.write_bytes(sheet_of(kid()))
    with pytest.raises(CommandError) as error:
        call_command("import_roster", str(path), *arguments)
    assert error.value.returncode == 2


def test_a_file_that_is_not_there(cast):  # noqa: F811
    with pytest.raises(CommandError) as error:
        call_command("import_roster", "/nowhere/名册.xlsx", "--school", "s1")
    assert error.value.returncode == 2
