"""Colleagues, posts and accounts: what a change opens and shuts, from which day, for whom."""

import datetime
import io
from types import SimpleNamespace

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook, load_workbook

from registry import access, staff, staff_sheet
from registry.access import Act
from registry.models import Child, Post, PostKind, Staff
from trust.models import AuditEvent, User

from .cast import LONG_AGO, make_user

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
PASSWORD = "tian-shui-lu-37"


def today():
    return timezone.localdate()


def messages_of(error):
    return "；".join(error.value.messages)


def person(user):
    return Staff.objects.get(user=user)


def fresh(user):
    """The account as the next request meets it."""
    return User.objects.get(pk=user.pk)


# --- posts ------------------------------------------------------------------------------------------------------------


def test_a_new_class_teacher_ends_the_old_one_the_day_before(cast):
    mine = Child.objects.visible_to(fresh(cast.teacher)).count()
    old = Post.objects.get(staff=person(cast.teacher))
    new = staff.hand_over(old, by=cast.leader, to=person(cast.plain), starts_on=today())
    old.refresh_from_db()
    assert (old.ends_on, new.starts_on, new.ends_on) == (today() - DAY, today(), None)
    assert Child.objects.visible_to(fresh(cast.teacher)).count() == 0
    assert Child.objects.visible_to(fresh(cast.plain)).count() == mine > 0
    assert AuditEvent.objects.filter(action="hand_over_post", actor_uid=cast.leader.uid).count() == 1


def test_a_handover_planned_ahead_opens_nothing_before_its_day(cast):
    mine = Child.objects.visible_to(fresh(cast.teacher)).count()
    old = Post.objects.get(staff=person(cast.teacher))
    staff.hand_over(old, by=cast.leader, to=person(cast.plain), starts_on=today() + DAY)
    assert Child.objects.visible_to(fresh(cast.teacher)).count() == mine > 0
    assert Child.objects.visible_to(fresh(cast.plain)).count() == 0


def test_a_class_has_one_class_teacher_at_a_time(cast):
    with pytest.raises(ValidationError) as error:
        staff.add_post(
            person(cast.plain),
            by=cast.leader,
            kind=PostKind.CLASS_TEACHER,
            starts_on=today(),
            school_class=cast.class_a,
        )
    assert "已由张桂兰担任" in messages_of(error)
    staff.add_post(
        person(cast.plain), by=cast.leader, kind=PostKind.CLASS_TEACHER, starts_on=today(), school_class=cast.class_a,
        replace=True,
    )  # fmt: skip
    holders = Post.objects.filter(school_class=cast.class_a, kind=PostKind.CLASS_TEACHER).order_by(
        "starts_on"
    )
    assert [(post.staff.name, post.ends_on) for post in holders] == [
        ("张桂兰", today() - DAY),
        ("何平", None),
    ]


def test_a_handover_on_the_first_day_replaces_the_mistake(cast):
    first = staff.add_post(
        person(cast.plain),
        by=cast.leader,
        kind=PostKind.CLASS_TEACHER,
        starts_on=today(),
        school_class=cast.class_young,
    )
    staff.hand_over(first, by=cast.leader, to=person(cast.duty), starts_on=today())
    first.refresh_from_db()
    assert first.cancel_reason == "同一天换人"
    assert [p.staff.name for p in Post.objects.valid().filter(school_class=cast.class_young)] == ["彭丽"]


def test_the_scope_fits_the_post(cast):
    for kind, scope, said in (
        (PostKind.CLASS_TEACHER, {"school": cast.school}, "班主任的范围要选班级"),
        (PostKind.LEADER, {"school_class": cast.class_a}, "组长（校长）的范围要选学校"),
        (PostKind.COUNTY_OFFICER, {"school": cast.school}, "县教育局的范围要选全县"),
    ):
        with pytest.raises(ValidationError) as error:
            staff.add_post(person(cast.plain), by=cast.admin, kind=kind, starts_on=today(), **scope)
        assert messages_of(error) == said


def test_the_same_post_twice_is_one(cast):
    with pytest.raises(ValidationError) as error:
        staff.add_post(
            person(cast.teacher),
            by=None,
            kind=PostKind.CLASS_TEACHER,
            starts_on=today(),
            school_class=cast.class_a,
        )
    assert messages_of(error) == "这个岗位已经有了"


def test_a_post_ends_on_its_last_day_and_not_before_its_first(cast):
    post = Post.objects.get(staff=person(cast.teacher))
    with pytest.raises(ValidationError) as error:
        staff.end_post(post, by=cast.leader, last_day=LONG_AGO - DAY)
    assert "不能早于开始日期（2020-09-01）" in messages_of(error)
    staff.end_post(post, by=cast.leader, last_day=today())
    assert access.posts_of(fresh(cast.teacher)) == [post]  # today still counts


def test_the_last_post_takes_the_sessions_along_at_once(cast):
    client = Client()
    client.force_login(cast.teacher)
    assert client.get(reverse("registry:access_table")).status_code == 200
    post = Post.objects.get(staff=person(cast.teacher))
    staff.end_post(post, by=cast.leader, last_day=today() - DAY)
    answer = client.get(reverse("registry:access_table"))
    assert answer.status_code == 302 and reverse("trust:sign_in") in answer["Location"]


def test_another_post_keeps_the_session(client, cast):
    staff.add_post(
        person(cast.teacher), by=None, kind=PostKind.TEACHER, starts_on=today(), school=cast.school
    )
    client.force_login(cast.teacher)
    post = Post.objects.get(staff=person(cast.teacher), kind=PostKind.CLASS_TEACHER)
    staff.cancel_post(post, by=cast.leader, reason="登记错了人")
    assert client.get(reverse("trust:account")).status_code == 200
    assert [p.kind for p in access.posts_of(fresh(cast.teacher))] == [PostKind.TEACHER]


def test_cancelling_asks_why(cast):
    post = Post.objects.get(staff=person(cast.teacher))
    with pytest.raises(ValidationError) as error:
        staff.cancel_post(post, by=cast.leader, reason=" ")
    assert messages_of(error) == "请写明作废原因"


def test_vacant_posts_are_named(cast):
    empty = staff.vacancies([cast.school, cast.point, cast.other])
    said = {(school.name, school_class.name_on() if school_class else None) for school, school_class in empty}
    # A 教学点 without a leader of its own is led from its managing school.
    assert said == {("石门小学", "二(1)班"), ("柳溪教学点", "二(1)班")}
    staff.end_post(Post.objects.get(staff=person(cast.other_leader)), by=cast.admin, last_day=today() - DAY)
    assert (cast.other, None) in staff.vacancies([cast.other])


# --- who decides over whom --------------------------------------------------------------------------------------------


def test_who_runs_a_school_appoints_nobody_over_the_county(client, cast):
    client.force_login(cast.leader)
    url = reverse("registry:post_add", args=[person(cast.plain).uid])
    form = client.get(url).context["form"]
    kinds = {value for value, _ in form.fields["kind"].choices}
    assert not kinds & {"county_officer", "womens_federation", "inspector", "district_officer"}
    page = client.post(
        url,
        {"kind": "administrator", "scope": f"county:{cast.county.uid}", "starts_on": f"{today():%Y-%m-%d}"},
    )
    assert page.status_code == 200 and page.context["form"].errors["scope"]
    assert Post.objects.filter(staff=person(cast.plain)).count() == 1


def test_who_also_holds_a_county_post_is_left_to_the_county(client, cast):
    helper = person(cast.plain)
    staff.add_post(helper, by=cast.admin, kind=PostKind.ADMINISTRATOR, starts_on=today())
    client.force_login(cast.leader)
    assert client.get(reverse("registry:staff_detail", args=[helper.uid])).status_code == 200
    for name in ("account_reset", "account_close", "staff_leave", "staff_edit"):
        assert client.get(reverse(f"registry:{name}", args=[helper.uid])).status_code == 403
    client.force_login(cast.admin)
    assert client.get(reverse("registry:account_reset", args=[helper.uid])).status_code == 200


def test_foreign_colleagues_are_not_there_and_teachers_manage_nobody(client, cast):
    stranger, post = person(cast.other_teacher), Post.objects.get(staff=person(cast.other_teacher))
    client.force_login(cast.leader)
    for name in ("staff_detail", "staff_edit", "staff_leave", "post_add", "account_reset", "account_open"):
        assert client.get(reverse(f"registry:{name}", args=[stranger.uid])).status_code == 404, name
    for name in ("post_end", "post_cancel", "post_hand_over", "post_duty"):
        assert client.post(reverse(f"registry:{name}", args=[post.uid])).status_code == 404, name
    client.force_login(cast.teacher)
    for name in ("staff_list", "staff_add", "staff_sheet", "accounts_open"):
        assert client.get(reverse(f"registry:{name}")).status_code == 403, name
    assert client.get(reverse("registry:staff_detail", args=[person(cast.teacher).uid])).status_code == 403
    assert client.get(reverse("registry:leading_group", args=[cast.school.uid])).status_code == 200


def test_the_county_officer_sees_no_list_of_teachers(client, cast):
    client.force_login(cast.county_officer)
    assert client.get(reverse("registry:staff_list")).status_code == 403


def test_the_last_administrator_stays(cast):
    admin = Post.objects.get(kind=PostKind.ADMINISTRATOR)
    for change in (
        lambda: staff.end_post(admin, by=cast.admin, last_day=today()),
        lambda: staff.cancel_post(admin, by=cast.admin, reason="x"),
        lambda: staff.leave(admin.staff, by=None, last_day=today(), reason="退休"),
        lambda: staff.close_account(admin.staff, by=None, reason="x"),
    ):
        with pytest.raises(ValidationError) as error:
            change()
        assert "最后一位管理员" in messages_of(error)
    second = make_user(cast.county, PostKind.ADMINISTRATOR, "田敏")
    staff.end_post(admin, by=second, last_day=today())


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_leaving_ends_posts_account_and_sessions_at_once(cast):
    client = Client()
    client.force_login(cast.teacher)
    client.get(reverse("registry:access_table"))
    boss = Client()
    boss.force_login(cast.leader)
    who = person(cast.teacher)
    staff.add_post(who, by=None, kind=PostKind.TEACHER, starts_on=today() + DAY, school=cast.school)
    answer = boss.post(
        reverse("registry:staff_leave", args=[who.uid]), {"last_day": f"{today():%Y-%m-%d}", "reason": "调离"}
    )
    assert answer.status_code == 302
    assert client.get(reverse("registry:access_table")).status_code == 302
    assert not fresh(cast.teacher).is_active
    posts = {post.kind: post for post in Post.objects.filter(staff=who)}
    assert posts["class_teacher"].ends_on == today()
    assert posts["teacher"].cancelled_at is not None  # would have begun tomorrow
    assert cast.class_a in [c for _, c in staff.vacancies([cast.school], today() + DAY)]
    with pytest.raises(ValidationError) as error:
        staff.add_post(
            Staff.objects.get(pk=who.pk),
            by=None,
            kind=PostKind.TEACHER,
            starts_on=today(),
            school=cast.school,
        )
    assert "已经离职" in messages_of(error)


def test_nobody_leaves_in_the_future_or_sends_himself_away(cast):
    with pytest.raises(ValidationError) as error:
        staff.leave(person(cast.teacher), by=cast.leader, last_day=today() + DAY, reason="调离")
    assert "不能在今天之后" in messages_of(error)
    with pytest.raises(ValidationError) as error:
        staff.leave(person(cast.leader), by=cast.leader, last_day=today(), reason="调离")
    assert "别的管理员" in messages_of(error)


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_a_one_time_password_works_once_and_then_asks_for_an_own_one(client, cast):
    newcomer = staff.add_staff(
        by=None, county=cast.county, school=cast.school, name="田小敏", phone="13900000001"
    )
    staff.add_post(newcomer, by=None, kind=PostKind.TEACHER, starts_on=today(), school=cast.school)
    client.force_login(cast.leader)
    answer = client.post(
        reverse("registry:account_open", args=[newcomer.uid]), {"username": "13900000001"}, follow=True
    )
    slip = answer.context["slips"][0]
    assert slip["name"] == "田小敏" and slip["password"] in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store, private"
    # Shown once.
    again = client.get(reverse("registry:slips"))
    assert again.status_code == 302
    assert slip["password"] not in str(dict(client.session))
    visitor = Client()
    first = visitor.post(reverse("trust:sign_in"), {"username": "13900000001", "password": slip["password"]})
    assert first["Location"] == reverse("trust:password")
    assert visitor.get(reverse("registry:access_table"))["Location"] == reverse("trust:password")
    visitor.post(
        reverse("trust:password"),
        {"old_password": slip["password"], "new_password": PASSWORD, "new_password_again": PASSWORD},
    )
    assert visitor.get(reverse("trust:account")).status_code == 200
    late = Client().post(reverse("trust:sign_in"), {"username": "13900000001", "password": slip["password"]})
    assert late.status_code == 200  # the door again, not a way in


def test_a_reset_ends_the_sessions_and_the_old_password(cast):
    client = Client()
    cast.teacher.set_password(PASSWORD)
    cast.teacher.save()
    client.force_login(cast.teacher)
    boss = Client()
    boss.force_login(cast.leader)
    url = reverse("registry:account_reset", args=[person(cast.teacher).uid])
    answer = boss.post(url, {"reason": "忘了密码"}, follow=True)
    assert client.get(reverse("trust:account")).status_code == 302
    assert not fresh(cast.teacher).check_password(PASSWORD)
    assert fresh(cast.teacher).check_password(answer.context["slips"][0]["password"])


def test_accounts_for_several_come_with_names_of_their_own_or_not_at_all(client, cast):
    people = [
        staff.add_staff(by=None, county=cast.county, school=cast.school, name="王伟", phone=phone)
        for phone in ("", "", "13900000002")
    ]
    client.force_login(cast.leader)
    client.get(reverse("registry:accounts_open"))
    answer = client.post(
        reverse("registry:accounts_open"), {"person": [str(one.uid) for one in people]}, follow=True
    )
    assert sorted(slip["username"] for slip in answer.context["slips"]) == [
        "13900000002",
        "wangwei",
        "wangwei2",
    ]
    twin = staff.add_staff(
        by=None, county=cast.county, school=cast.school, name="王伟伟", phone="13900000002"
    )
    other = staff.add_staff(by=None, county=cast.county, school=cast.school, name="赵一", phone="13900000003")
    page = client.post(reverse("registry:accounts_open"), {"person": [str(other.uid), str(twin.uid)]})
    assert "已经登记在别的账号上" in page.content.decode()
    assert list(Staff.objects.filter(pk__in=[twin.pk, other.pk]).values_list("user", flat=True)) == [
        None,
        None,
    ]


def test_a_closed_account_opens_again_with_a_new_password(client, cast):
    client.force_login(cast.leader)
    who = person(cast.teacher)
    client.post(reverse("registry:account_close", args=[who.uid]), {"reason": "手机丢了"})
    assert not fresh(cast.teacher).is_active
    answer = client.post(reverse("registry:account_reopen", args=[who.uid]), follow=True)
    assert fresh(cast.teacher).is_active
    assert fresh(cast.teacher).check_password(answer.context["slips"][0]["password"])


def test_a_corrected_phone_is_the_one_to_sign_in_with(cast):
    who = person(cast.teacher)
    staff.correct_staff(who, by=cast.leader, expected=who.version, phone="13900000009")
    assert User.objects.for_sign_in("139 0000 0009") == cast.teacher
    twin = person(cast.plain)
    with pytest.raises(ValidationError) as error:
        staff.correct_staff(twin, by=cast.leader, expected=twin.version, phone="13900000009")
    assert "已经登记在别的账号上" in messages_of(error)
    assert Staff.objects.get(pk=twin.pk).phone == ""


def test_the_form_sent_twice_enters_one_person(client, cast):
    client.force_login(cast.leader)
    url = reverse("registry:staff_add")
    form = client.get(url).context["form"]
    sent = {
        "submission": str(form["submission"].value()),
        "name": "田小敏",
        "school": f"school:{cast.school.uid}",
    }
    client.post(url, sent)
    client.post(url, sent)
    assert Staff.objects.filter(name="田小敏").count() == 1


def test_the_list_filters_and_costs_the_same_for_many(client, cast, django_assert_max_num_queries):
    for number in range(60):
        staff.add_staff(
            by=None, county=cast.county, school=cast.school, name=f"老师{'甲乙丙丁戊'[number % 5]}"
        )
    client.force_login(cast.leader)
    with django_assert_max_num_queries(25):
        page = client.get(reverse("registry:staff_list"))
    assert len(page.context["page_obj"].object_list) == 50
    no_post = client.get(reverse("registry:staff_list"), {"show": "no_post"})
    assert no_post.context["page_obj"].paginator.count == 60
    leaders = client.get(reverse("registry:staff_list"), {"kind": "leader"})
    assert [one.name for one in leaders.context["page_obj"].object_list] == ["周明远"]


# --- the staff sheet --------------------------------------------------------------------------------------------------


def sheet(*rows, headings=("姓名", "性别", "电话", "岗位", "班级/年级", "学科")):
    book = Workbook()
    book.active.append(["石门小学教职工表"])
    book.active.append(list(headings))
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


GOOD = [
    ("田小敏", "女", "13900000011", "班主任、领导小组成员", "二年级1班", "语文"),
    ("赵一", "男", 13900000012, "年级组长", "三年级", "数学"),
    ("钱二", "", "", "", "", ""),
]


@pytest.fixture
def uploaded(client, cast):
    """Send a sheet for the school as its leader; returns the page after it."""
    client.force_login(cast.leader)

    def send(data):
        file = SimpleUploadedFile("教职工.xlsx", data)
        return client.post(
            reverse("registry:staff_sheet"), {"school": str(cast.school.uid), "file": file}, follow=True
        )

    return send


def confirm(client, page, **data):
    school, upload = page.context["school"], page.context["upload"]
    return client.post(
        reverse("registry:staff_sheet_confirm", args=[school.uid, upload.uid]), data, follow=True
    )


def test_a_staff_sheet_is_seen_first_and_then_entered_with_slips(client, cast, uploaded):
    before = Staff.objects.count()
    page = uploaded(sheet(*GOOD))
    assert [row.problems for row in page.context["plan"].rows] == [{}, {}, {}]
    assert Staff.objects.count() == before
    answer = confirm(client, page, accounts="1")
    assert [slip["name"] for slip in answer.context["slips"]] == ["田小敏", "赵一", "钱二"]
    posts = {(p.staff.name, str(p)) for p in Post.objects.filter(staff__name__in=["田小敏", "赵一", "钱二"])}
    assert posts == {
        ("田小敏", "二(1)班班主任"), ("田小敏", "石门小学领导小组成员"), ("赵一", "三年级年级组长"), ("钱二", "石门小学教职工"),
    }  # fmt: skip
    assert Staff.objects.get(name="赵一").phone == "13900000012"
    assert access.may(Staff.objects.get(name="田小敏").user, Act.EDIT_CHILDREN, school_class=cast.class_young)


def test_the_same_sheet_twice_enters_nobody_twice(client, cast, uploaded):
    confirm(client, uploaded(sheet(*GOOD)))
    people, posts = Staff.objects.count(), Post.objects.count()
    confirm(client, uploaded(sheet(*GOOD)))
    assert (Staff.objects.count(), Post.objects.count()) == (people, posts)


def test_one_wrong_cell_keeps_the_whole_sheet_out(client, cast, uploaded):
    wrong = [
        ("田小敏", "女", "1390000001", "班主任", "二年级1班", ""),
        ("赵一", "中", "", "班主任", "九年级1班", ""),
        ("钱二", "", "", "班主任", "四年级1班", ""),
        ("孙三", "", "", "大队辅导员", "", ""),
        ("李四", "", "13900000015", "科任教师", "", ""),
        ("周五", "", "13900000015", "教职工", "", ""),
    ]
    before = (Staff.objects.count(), Post.objects.count())
    page = uploaded(sheet(*GOOD[1:], *wrong))
    found = {row.name: set(row.problems) for row in page.context["plan"].rows}
    assert found == {
        "赵一": {"sex", "place"}, "钱二": {"post", "name"}, "田小敏": {"phone"}, "孙三": {"post"}, "李四": {"place"},
        "周五": {"phone"},
    }  # fmt: skip
    text = page.content.decode()
    assert "没有“大队辅导员”这个岗位" in text and "已经是张桂兰" in text
    answer = confirm(client, page, accounts="1")
    assert "一个都没有登记" in answer.content.decode()
    assert (Staff.objects.count(), Post.objects.count()) == before


def test_a_failure_in_the_middle_enters_nobody(cast, monkeypatch):
    plan = staff_sheet.read_sheet(sheet(*GOOD), cast.school)
    real, calls = staff.add_post, []

    def fails_late(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise ValidationError("数据库正忙")
        return real(*args, **kwargs)

    monkeypatch.setattr(staff, "add_post", fails_late)
    before = (Staff.objects.count(), Post.objects.count(), AuditEvent.objects.count())
    with pytest.raises(ValidationError):
        staff_sheet.enter(plan, cast.school, by=cast.leader)
    assert (Staff.objects.count(), Post.objects.count(), AuditEvent.objects.count()) == before


def test_another_school_cannot_use_the_upload(client, cast, uploaded):
    page = uploaded(sheet(*GOOD))
    upload = page.context["upload"]
    stranger = Client()
    stranger.force_login(cast.other_leader)
    for school in (cast.school, cast.other):
        url = reverse("registry:staff_sheet_preview", args=[school.uid, upload.uid])
        assert stranger.get(url).status_code == 404
    client.force_login(cast.deputy)  # same school, another person's file
    assert (
        client.get(reverse("registry:staff_sheet_preview", args=[cast.school.uid, upload.uid])).status_code
        == 404
    )


def test_the_template_goes_back_in(client, cast):
    client.force_login(cast.leader)
    answer = client.get(reverse("registry:staff_sheet_template", args=[cast.school.uid]))
    book = load_workbook(io.BytesIO(answer.content))
    assert [cell.value for cell in book.worksheets[0][1]] == staff_sheet.TITLES
    book.worksheets[0].append(GOOD[0])
    out = io.BytesIO()
    book.save(out)
    plan = staff_sheet.read_sheet(out.getvalue(), cast.school)
    assert [row.name for row in plan.rows] == ["田小敏"] and plan.ready
    assert staff_sheet.read_sheet(answer.content, cast.school).problem == "表里还没有人，请填好再传"


def test_what_is_no_table_is_refused_in_words(uploaded):
    page = uploaded(b"%PDF-1.4 not a table")
    assert "这不是表格文件" in page.content.decode()
    page = uploaded(sheet(("x", "y"), headings=("编号", "说明")))
    assert "没找到“姓名”这一列" in page.content.decode()


def test_every_kind_of_post_has_its_scope():
    assert set(staff.SCOPES) == set(PostKind)
    assert (
        staff.scope_kind(
            SimpleNamespace(school_class_id=None, center_id=None, grade=None, school_id=None, district_id=3)
        )
        == "district"
    )


def test_an_empty_class_gets_its_teacher_from_the_class_itself(client, cast):
    client.force_login(cast.leader)
    page = client.get(reverse("registry:staff_list")).content.decode()
    url = reverse("registry:class_teacher_set", args=[cast.class_young.uid])
    assert url in page and reverse("registry:class_teacher_set", args=[cast.class_a.uid]) not in page
    offered = [str(one) for one in client.get(url).context["form"].fields["to"].queryset]
    assert "何平" in offered and "韩梅" not in offered  # of another school
    sent = {"to": str(person(cast.plain).uid), "starts_on": f"{today():%Y-%m-%d}"}
    assert client.post(url, sent)["Location"] == cast.class_young.get_absolute_url()
    assert Post.objects.on(today()).get(school_class=cast.class_young).staff == person(cast.plain)
    sent["to"] = str(person(cast.duty).uid)
    client.post(reverse("registry:class_teacher_set", args=[cast.class_a.uid]), sent)
    assert Post.objects.get(staff=person(cast.teacher)).ends_on == today() - DAY
    client.force_login(cast.teacher_b)
    assert client.get(url).status_code == 403
    client.force_login(cast.other_leader)
    assert client.get(url).status_code == 404


def test_a_teacher_who_moves_keeps_the_account_and_nothing_of_the_old_school(client, cast):
    client.force_login(cast.leader)  # of one school only
    who = person(cast.teacher)
    url = reverse("registry:staff_move", args=[who.uid])
    sent = {"school": str(cast.other.uid), "starts_on": f"{today():%Y-%m-%d}"}
    assert client.post(url, sent).context["form"].errors["school"]
    client.force_login(cast.admin)
    assert client.post(url, sent).status_code == 302
    assert [str(post) for post in access.posts_of(fresh(cast.teacher))] == ["枫林小学教职工"]
    assert Post.objects.get(staff=who, school_class=cast.class_a).ends_on == today() - DAY
    assert Child.objects.visible_to(fresh(cast.teacher)).count() == 0
    assert person(cast.teacher).school == cast.other and fresh(cast.teacher).is_active
    with pytest.raises(ValidationError) as error:
        staff.move(person(cast.plain), by=cast.admin, school=cast.other, starts_on=today() + DAY)
    assert "到那天再办" in messages_of(error)
