"""The real start: one code, one first administrator, and a list that tells the truth about what comes next."""

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from activities.models import DutyRule
from registry import access, places, school_calendar, staff
from registry.calendar import school_year_of
from registry.models import County, Post, PostKind, Staff
from trust.models import User

from .cast import make_child

pytestmark = pytest.mark.django_db
CODE = "ABCD234567"
PASSWORD = "tian-shui-lu-37"
WHO = {
    "code": CODE, "county_name": "青溪县", "county_code": "341299", "name": "田敏", "phone": "13900000001",
    "username": "TianMin", "password": PASSWORD, "password_again": PASSWORD,
}  # fmt: skip


@pytest.fixture
def code(settings, tmp_path):
    """The file that ``make run DEMO=0`` writes."""
    settings.VAR_DIR = tmp_path
    path = tmp_path / "setup-code"
    path.write_text(CODE + "\n")
    return path


def test_the_code_makes_the_first_administrator_and_signs_in(client, code):
    answer = client.post(reverse("setup"), WHO)
    assert answer["Location"] == reverse("getting_started")
    user = User.objects.get()
    assert (user.username, user.name, user.must_change_password) == ("tianmin", "田敏", False)
    assert [(p.kind, p.county.code, p.school) for p in access.posts_of(user)] == [
        (PostKind.ADMINISTRATOR, "341299", None)
    ]
    assert client.get(reverse("getting_started")).status_code == 200
    assert not code.exists() and list(code.parent.glob("setup-code*")) == []
    door = Client()
    door.post(reverse("trust:sign_in"), {"username": "13900000001", "password": PASSWORD})
    assert door.get(reverse("getting_started")).status_code == 200


def test_the_front_door_leads_to_the_setup_code_until_somebody_has_an_account(client, code):
    assert client.get(reverse("home"))["Location"] == reverse("setup")
    client.post(reverse("setup"), WHO)
    assert Client().get(reverse("home"))["Location"] == f"{reverse('trust:sign_in')}?next=/"


def test_there_is_no_second_first_administrator(client, code):
    client.post(reverse("setup"), WHO)
    code.write_text(CODE)
    assert Client().get(reverse("setup")).status_code == 404
    assert Client().post(reverse("setup"), WHO | {"username": "other"}).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": "ABCD234568"}, "安装码不对"),
        ({"county_code": "3412"}, "行政区划代码是 6 位数字"),
        ({"password_again": "something-else-9"}, "两遍写的不一样"),
        ({"password": "tianmin-2026x", "password_again": "tianmin-2026x"}, "密码里不要有自己的姓名"),
        ({"username": "田敏"}, "用户名用小写字母"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(client, code, changes, said):
    page = client.post(reverse("setup"), WHO | changes)
    assert page.status_code == 200 and said in page.content.decode()
    assert (User.objects.count(), County.objects.count(), Staff.objects.count()) == (0, 0, 0)
    assert code.read_text().strip() == CODE  # still good for the next try


def test_guessing_codes_is_stopped(client, code):
    from trust import signing_in

    for _ in range(signing_in.ACCOUNT_LIMIT):
        client.post(reverse("setup"), WHO | {"code": "WRONG"})
    page = client.post(reverse("setup"), WHO)
    assert "输错的次数太多" in page.content.decode() and not User.objects.exists()


def test_without_a_code_file_nothing_is_made(client, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    page = client.post(reverse("setup"), WHO)
    assert "没有找到安装码" in page.content.decode() and not User.objects.exists()


def test_the_command_makes_an_administrator_with_a_password_to_change(capsys):
    call_command(
        "create_administrator", county_code="341299", county_name="青溪县", name="田敏", username="tianmin"
    )
    said = capsys.readouterr().out
    user = User.objects.get()
    password = said.split("一次性口令 ")[1].split("（")[0]
    assert user.check_password(password) and user.must_change_password
    assert Post.objects.get().kind == PostKind.ADMINISTRATOR
    with pytest.raises(SystemExit) as stopped:
        call_command("create_administrator", county_code="341299", name="某人", username="tianmin")
    assert stopped.value.code == 1 and Staff.objects.count() == 1


def done(client):
    steps = client.get(reverse("getting_started")).context["steps"]
    return {step["title"]: step["done"] for step in steps}


def test_the_list_follows_the_data(client, code):
    client.post(reverse("setup"), WHO)
    user, county, today = User.objects.get(), County.objects.get(), timezone.localdate()
    state = done(client)
    assert [title for title, is_done in state.items() if is_done] == ["管理员和县"]
    assert "下一步：确认校历" in client.get(reverse("getting_started")).content.decode()
    year = school_year_of(today)
    drafted = school_calendar.draft_year(
        county,
        year,
        by=user,
        terms=school_calendar.proposed_terms(year),
        days=school_calendar.proposed_days(year),
    )
    assert not done(client)["确认校历"]
    school_calendar.confirm_year(drafted, by=user)
    client.get(reverse("setup_rules"))
    assert not DutyRule.objects.exists()
    client.post(reverse("setup_rules"))
    client.post(reverse("setup_rules"))
    assert DutyRule.objects.count() == 12 and set(DutyRule.objects.values_list("valid_from", flat=True)) == {
        today
    }
    school = places.add_school(by=user, county=county, code="s1", name="石门小学", first_used_on=today)
    (one,) = places.add_classes(school, by=user, numbers={4: [1]})
    teacher = staff.add_staff(by=user, county=county, school=school, name="张桂兰", phone="13900000002")
    head = staff.add_staff(by=user, county=county, school=school, name="周明远", phone="13900000003")
    staff.add_post(teacher, by=user, kind=PostKind.CLASS_TEACHER, starts_on=today, school_class=one)
    staff.add_post(head, by=user, kind=PostKind.LEADER, starts_on=today, school=school)
    staff.open_accounts([teacher, head], by=user)
    make_child("李小满", school, one, starts_on=today)
    state = done(client)
    assert [title for title, is_done in state.items() if not is_done] == ["指定包保", "记第一次谈心"]


def test_the_list_is_for_those_who_set_things_up(client, cast, django_assert_max_num_queries):
    client.force_login(cast.teacher)
    assert client.get(reverse("getting_started")).status_code == 403
    assert client.get(reverse("setup_rules")).status_code == 403
    client.force_login(cast.leader)
    with django_assert_max_num_queries(45):
        page = client.get(reverse("getting_started"))
    steps = {step["title"]: step for step in page.context["steps"]}
    assert steps["确认校历"]["url"] == "" and "管理员" in steps["确认校历"]["whose"]
    assert client.get(reverse("setup_rules")).status_code == 403
