"""Pages of pairings: who sees and may what, the roads of assigning and ending, budgets, the same form twice."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pairing import cover, pairings, quotas
from pairing.models import ClassCover, Pairing, Quota
from registry.models import Post
from trust.models import AuditEvent

from .conftest import DAY, SINCE

pytestmark = pytest.mark.django_db
LIST = "/pairings/"


def url(name, *rows):
    """Address of a page about these rows."""
    return reverse(f"pairing:{name}", args=[row.uid for row in rows])


def words(answer):
    """The page's text without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def names(answer):
    """Children in the rows of the list, in order."""
    return [row["child"].name for row in answer.context["rows"]]


def heading(answer):
    """The page's h1."""
    return re.search(r"<h1>(.*?)</h1>", answer.content.decode(), re.DOTALL).group(1).strip()


# --- the list ------------------------------------------------------------------------------------------------------------


def test_who_has_none_stands_first(world, signed_in, today):
    pairings.pair(child=world.chen, staff=world.li, by=None)
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today + DAY)  # not yet
    page = signed_in(world.leader).get(LIST)
    assert names(page) == ["安小一", "薄小二", "丁小四", "陈小三"]
    assert heading(page) == "还有 3 个孩子没有包保教师"
    assert [bool(row["primary"]) for row in page.context["rows"]] == [False, False, False, True]
    assert f"还没有 {today + DAY:%Y-%m-%d} 起 李静" in words(page)
    entry = AuditEvent.objects.get(action="list_pairings")
    assert (entry.count, entry.actor_name) == (4, "曾小川")


def test_each_sees_the_children_of_posts_and_pairings(world, signed_in):
    pairings.pair(child=world.chen, staff=world.li, by=None)
    seen = {
        who.name: names(signed_in(who).get(LIST))
        for who in (world.zhang, world.li, world.wang, world.other_leader)
    }
    assert seen == {"张桂兰": ["安小一", "薄小二"], "李静": ["陈小三"], "王海": [], "秦校长": ["范小五"]}
    assert '<input type="checkbox"' not in signed_in(world.zhang).get(LIST).content.decode()


def test_by_teacher_says_who_has_room_and_how_many_children_wait(world, signed_in):
    pairings.pair_many(children=[world.an, world.bo, world.chen], staff=world.li, by=None)
    pairings.pair(child=world.an, staff=world.wang, kind="proxy", by=None)
    page = signed_in(world.leader).get(url("load_list"))
    text = words(page)
    # 曾小川, 董副校, 张桂兰, 王海 hold none of two; 李静 holds three of two.
    assert "1 个孩子还没有包保教师" in text and "3 个孩子还没有代理家长" in text
    assert "8 个名额还空着，在 4 位老师那里" in text
    assert [(load.staff.name, load.room) for load in page.context["free"]] == [
        ("董副校", 2), ("王海", 2), ("曾小川", 2), ("张桂兰", 2),
    ]  # fmt: skip
    client = signed_in(world.leader)
    assert names(client.get(f"{LIST}?state=none")) == ["丁小四"]
    assert sorted(names(client.get(f"{LIST}?state=no_proxy"))) == ["丁小四", "薄小二", "陈小三"]


def test_a_county_officer_sees_no_name(world, signed_in):
    pairings.pair(child=world.an, staff=world.li, by=None)
    page = signed_in(world.county_officer).get(LIST)
    assert (names(page), "安小一" in words(page)) == ([], False)


def test_whoever_only_counts_is_told_so_instead_of_an_empty_list(world, signed_in):
    client = signed_in(world.staff("许敏", ("womens_federation", {})))
    assert [client.get(address).status_code for address in (LIST, url("tie_list"), url("plan_list"))] == [
        403
    ] * 3
    assert client.get(reverse("registry:child_search")).status_code == 403


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=none", ["陈小三", "丁小四"]),
        ("state=paired", ["安小一", "薄小二"]),
        ("village=上河村", ["陈小三"]),
        ("school_class={c31}", ["安小一", "薄小二"]),
        ("school_class={c21}&state=paired", []),
        ("grade={grade}", ["安小一", "薄小二"]),
        ("school={point}", ["丁小四"]),
        ("teacher={li}", ["安小一"]),
    ],
)
def test_filters(world, signed_in, query, expected):
    pairings.pair(child=world.an, staff=world.li, by=None)
    pairings.pair(child=world.bo, staff=world.wang, by=None)
    asked = query.format(
        c31=world.c31.uid,
        c21=world.c21.uid,
        grade=world.c31.grade_on(),
        point=world.point.uid,
        li=world.li.uid,
    )
    assert sorted(names(signed_in(world.leader).get(f"{LIST}?{asked}"))) == sorted(expected)


def test_the_teacher_finds_his_own(world, signed_in):
    pairings.pair(child=world.an, staff=world.zhang, by=None)
    pairings.pair(child=world.bo, staff=world.li, by=None)
    assert names(signed_in(world.zhang).get(f"{LIST}?state=mine")) == ["安小一"]
    assert signed_in(world.zhang).get(f"{LIST}?teacher={world.other_teacher.uid}").status_code == 404


def queries(client, address):
    """Number of statements of a page, without savepoints."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len([q for q in captured if "SAVEPOINT" not in q["sql"]])


def test_budgets_do_not_grow_with_children(world, signed_in, today):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.bo, staff=world.wang, by=None, starts_on=SINCE)
    Post.objects.filter(staff=world.wang).update(ends_on=today - DAY)
    cover.cover_class(school_class=world.c31, staff=world.deputy, by=None)
    client = signed_in(world.leader)
    pages = ["pairing_list", "load_list", "orphan_list", "cover_list", "quota_list"]
    addresses = [*(url(page) for page in pages), url("child_pairings", world.an)]
    few = [queries(client, address) for address in addresses]
    for n in range(12):
        child = world.child(f"孙{n}", world.c31, village=f"村{n}")
        pairings.pair(child=child, staff=world.li if n % 2 else world.zhang, by=None, starts_on=SINCE)
    for n in range(5):
        world.staff(f"新老师{n}", ("teacher", {"school": world.shimen}))
    Post.objects.filter(staff=world.li).update(ends_on=today - DAY)
    assert [queries(client, address) for address in addresses] == few
    assert few == [12, 10, 12, 9, 5, 7]


# --- doors -----------------------------------------------------------------------------------------------------------------


def rows_of(world):
    """A tie, a cover and a quota at 石门小学."""
    tie = pairings.pair(child=world.an, staff=world.li, by=None)
    covered = cover.cover_class(school_class=world.c31, staff=world.deputy, by=None)
    quota = quotas.set_quota(school=world.shimen, staff=world.li, minimum=1, maximum=1, by=None)
    return {
        "child_pairings": world.an, "pairing_new": world.an, "pairing_change": tie, "pairing_end": tie,
        "pairing_cancel": tie, "cover_set": world.c31, "cover_end": covered, "cover_cancel": covered,
        "staff_quota": world.li, "quota_clear": quota,
    }  # fmt: skip


def test_foreign_rows_are_not_there(world, signed_in):
    rows = rows_of(world)
    client = signed_in(world.other_leader)
    found = {
        name: {client.get(url(name, row)).status_code, client.post(url(name, row)).status_code}
        for name, row in rows.items()
    }
    assert found == {name: {404} if name != "child_pairings" else {404, 405} for name in rows}
    for name in ("assign", "end_several"):
        assert client.post(url(name), {"child": [world.an.uid]}).status_code == 404
        assert client.post(url(name), {"child": ["no uid"]}).status_code == 404


def test_without_the_function_it_is_refused(world, signed_in):
    rows = rows_of(world)
    client = signed_in(world.zhang)  # class teacher of that very child
    assert client.get(url("child_pairings", world.an)).status_code == 200
    refused = {
        name: client.get(url(name, row)).status_code for name, row in rows.items() if name != "child_pairings"
    }
    assert refused == dict.fromkeys(refused, 403)
    for name in ("load_list", "orphan_list", "cover_list", "quota_list"):
        assert client.get(url(name)).status_code == 403
    for name in ("assign", "end_several"):
        assert client.post(url(name), {"child": [world.an.uid]}).status_code == 403
    assert (Pairing.objects.count(), ClassCover.objects.count(), Quota.objects.count()) == (1, 1, 1)


def test_get_changes_nothing(world, signed_in):
    rows = rows_of(world)
    client = signed_in(world.leader)
    before = AuditEvent.objects.exclude(action__in=["list_pairings", "open_pairings"]).count()
    for name, row in rows.items():
        assert client.get(url(name, row)).status_code == 200, name
    assert client.get(url("assign")).status_code == 405
    assert AuditEvent.objects.exclude(action__in=["list_pairings", "open_pairings"]).count() == before
    assert Pairing.objects.open().count() == 1


# --- assigning a list ------------------------------------------------------------------------------------------------------


def form_of(page):
    """What a browser would send back: the values of the page's own form."""
    data = {}
    html = page.content.decode()
    body = re.findall(r"<form[^>]*method=\"post\"[^>]*class=\"panel.*?</form>", html, re.DOTALL)[0]
    for tag in re.findall(r"<input[^>]*>", body):
        kind = re.search(r'type="(\w+)"', tag).group(1)
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if (
            name
            and name.group(1) != "csrfmiddlewaretoken"
            and (kind not in ("checkbox", "radio") or " checked" in tag)
        ):
            data.setdefault(name.group(1), []).append(value.group(1) if value else "")
    return data


def test_tick_choose_confirm_save(world, signed_in, today):
    client = signed_in(world.leader)
    page = client.post(url("assign"), {"child": [world.an.uid, world.bo.uid, world.ding.uid]})
    assert heading(page) == "让谁包保这 3 个孩子"
    page = client.post(url("assign"), {**form_of(page), "staff": world.li.uid})
    assert heading(page) == f"让李静从 {today:%Y-%m-%d} 起包保这 3 个孩子？"
    assert "超出名额" in words(page)
    assert Pairing.objects.count() == 0
    data = form_of(page)
    answers = [client.post(url("assign"), data) for _ in range(2)]  # a double press
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [(302, LIST)] * 2
    assert sorted(Pairing.objects.values_list("child__name", "staff__name")) == sorted(
        (name, "李静") for name in ("安小一", "薄小二", "丁小四")
    )
    assert AuditEvent.objects.filter(action="pair_child").count() == 3
    assert "已指定李静包保 3 个孩子" in words(client.get(LIST))


def test_who_has_a_teacher_is_changed_with_a_reason(world, signed_in, today):
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=today - DAY)
    client = signed_in(world.leader)
    page = client.post(url("assign"), {"child": [world.an.uid, world.bo.uid]})
    assert "现在由王海包保" in words(page)
    data = {**form_of(page), "staff": world.li.uid}
    page = client.post(url("assign"), data)
    assert "请选更换的原因" in words(page)
    page = client.post(url("assign"), {**data, "reason": "staff_duties"})
    client.post(url("assign"), form_of(page))
    assert sorted(Pairing.objects.values_list("child__name", "staff__name", "end_reason")) == sorted(
        [("安小一", "王海", "staff_duties"), ("安小一", "李静", ""), ("薄小二", "李静", "")]
    )


def test_one_in_the_way_is_named_and_nothing_saved(world, signed_in, today):
    client = signed_in(world.leader)
    page = client.post(url("assign"), {"child": [world.an.uid, world.bo.uid]})
    data = {
        **form_of(page),
        "staff": world.li.uid,
        "starts_on": f"{today - 400 * DAY:%Y-%m-%d}",
        "step": "save",
    }
    Pairing.objects.create(
        child=world.bo, staff=world.wang, starts_on=today - 300 * DAY, ends_on=today - DAY, end_reason="wish"
    )
    page = client.post(url("assign"), data)
    assert "都还没保存" in words(page) and "薄小二：" in words(page)
    assert page.content.decode().count(f'value="{world.li.uid}" selected') == 1  # what was typed is kept
    assert Pairing.objects.filter(child=world.an).count() == 0


def test_nothing_ticked(world, signed_in):
    answer = signed_in(world.leader).post(url("assign"))
    assert (answer.status_code, answer["Location"]) == (302, LIST)


# --- one child -------------------------------------------------------------------------------------------------------------


def test_a_pairing_from_first_to_last_page(world, signed_in, today):
    client = signed_in(world.leader)
    own = url("child_pairings", world.an)
    page = client.get(own)
    assert heading(page) == "安小一还没有包保教师"
    data = {
        "submission": uuid.uuid4(),
        "kind": "primary",
        "staff": world.li.uid,
        "starts_on": f"{today - DAY:%Y-%m-%d}",
    }
    for _ in range(2):
        assert client.post(url("pairing_new", world.an), data)["Location"] == own
    tie = Pairing.objects.get()
    data = {
        "submission": uuid.uuid4(), "version": 1, "staff": world.wang.uid, "starts_on": f"{today:%Y-%m-%d}", "reason": "wish",
        "note": "孩子想换",
    }  # fmt: skip
    for _ in range(2):
        assert client.post(url("pairing_change", tie), data)["Location"] == own
    new = Pairing.objects.open().get()
    data = {"version": 1, "ends_on": f"{today:%Y-%m-%d}", "reason": "child_left", "note": ""}
    for _ in range(2):
        assert client.post(url("pairing_end", new), data)["Location"] == own
    client.post(url("pairing_cancel", new), {"version": 2, "reason": "指定错了"})
    page = client.get(own)
    assert heading(page) == "安小一还没有包保教师"
    told = words(page)
    assert [
        word
        for word in ("李静", "王海", "孩子或家长希望换人", "孩子想换", "已作废", "指定错了")
        if word not in told
    ] == []
    assert list(
        AuditEvent.objects.filter(kind="pairing").order_by("pk").values_list("action", flat=True)
    ) == ["pair_child", "change_pairing", "end_pairing", "cancel_pairing"]  # fmt: skip
    assert AuditEvent.objects.filter(action="open_pairings", child_uid=world.an.uid).count() == 2


def test_a_refused_form_keeps_what_was_typed(world, signed_in, today):
    data = {
        "submission": uuid.uuid4(),
        "kind": "helper",
        "note": "一起练字",
        "starts_on": "2026-13-40",
    }
    page = signed_in(world.leader).post(url("pairing_new", world.an), data)
    assert page.status_code == 200
    assert 'value="一起练字"' in page.content.decode()
    assert Pairing.objects.count() == 0


def test_who_saves_later_sees_what_stands_now(world, signed_in, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    client = signed_in(world.leader)
    data = {"version": 1, "ends_on": f"{today:%Y-%m-%d}", "reason": "wish", "note": "我写的说明"}
    pairings.end_pairing(pairing=tie, ends_on=today, reason="quota", by=world.deputy.user)
    page = client.post(url("pairing_end", tie), data)
    assert page.status_code == 409
    assert "刚才别人也改了这一段" in words(page) and "名额调整" in words(page)
    assert 'value="我写的说明"' in page.content.decode()
    assert Pairing.objects.get().end_reason == "quota"
    client.post(url("pairing_end", tie), form_of(page) | {"reason": "wish"})
    assert Pairing.objects.get().end_reason == "wish"


# --- what hangs in the air ---------------------------------------------------------------------------------------------------


def test_a_leavers_children_are_listed_and_given_to_another(world, signed_in, today):
    for child in (world.an, world.bo, world.chen):
        pairings.pair(child=child, staff=world.li, by=None, starts_on=SINCE)
    Post.objects.filter(staff=world.li).update(ends_on=today - DAY)
    client = signed_in(world.leader)
    page = client.get(url("orphan_list"))
    assert heading(page) == "3 个包保要处理"
    assert "要换人或者结束" in words(client.get(LIST))
    assert [row["tie"].child.name for row in page.context["rows"]] == ["安小一", "薄小二", "陈小三"]
    page = client.post(url("assign"), {"child": [world.an.uid, world.bo.uid]})
    page = client.post(url("assign"), {**form_of(page), "staff": world.zhang.uid, "reason": "staff_left"})
    client.post(url("assign"), form_of(page))
    page = client.post(url("end_several"), {"child": [world.chen.uid]})
    data = form_of(page) | {"ends_on": f"{today - DAY:%Y-%m-%d}", "reason": "staff_left"}
    client.post(url("end_several"), data)
    assert client.post(url("end_several"), data)["Location"] == url("orphan_list")  # a double press
    assert heading(client.get(url("orphan_list"))) == "没有要处理的包保"
    assert "要换人或者结束" not in words(client.get(LIST))
    assert sorted((tie.child.name, tie.staff.name, str(tie.ends_on)) for tie in Pairing.objects.all()) == sorted(
        [
            ("安小一", "李静", str(today - DAY)), ("安小一", "张桂兰", "None"), ("薄小二", "李静", str(today - DAY)),
            ("薄小二", "张桂兰", "None"), ("陈小三", "李静", str(today - DAY)),
        ]
    )  # fmt: skip


# --- quotas and cover ----------------------------------------------------------------------------------------------------------


def test_over_and_under_by_teacher(world, signed_in):
    pairings.pair_many(children=[world.an, world.bo, world.chen], staff=world.li, by=None)
    client = signed_in(world.leader)
    page = client.get(url("load_list"))
    assert heading(page) == "1 位教师超出名额，4 位还能再包"
    assert [(title, [load.staff.name for load in loads]) for title, _, _, loads in page.context["groups"]] == [
        ("超出名额", ["李静"]), ("还没到名额", ["董副校", "王海", "曾小川", "张桂兰"]),
    ]  # fmt: skip
    assert f'{LIST}?teacher={world.li.uid}" aria-label="李静包保 3 个"' in page.content.decode()
    data = {"minimum": 1, "maximum": 3, "version": ""}
    for _ in range(2):
        assert client.post(url("staff_quota", world.li), data)["Location"] == url("load_list")
    assert heading(client.get(url("load_list"))) == "4 位教师还没到名额"
    assert client.post(url("staff_quota", world.li), {"minimum": 5, "maximum": 3}).status_code == 200
    quota = Quota.objects.get()
    client.post(url("quota_clear", quota))
    assert Quota.objects.count() == 0


def test_a_quota_for_a_post(world, signed_in):
    client = signed_in(world.leader)
    data = {"school": world.shimen.uid, "post_kind": "class_teacher", "minimum": 3, "maximum": 4}
    client.post(url("quota_list"), data)
    client.post(url("quota_list"), {**data, "maximum": 5})
    assert list(Quota.objects.values_list("post_kind", "minimum", "maximum")) == [("class_teacher", 3, 5)]
    assert client.post(url("quota_list"), {**data, "school": world.qingshan.uid}).status_code == 200
    assert Quota.objects.filter(school=world.qingshan).count() == 0


def test_leaders_cover_classes(world, signed_in, today):
    client = signed_in(world.leader)
    page = client.get(url("cover_list"))
    assert heading(page) == "还有 3 个班没有包班领导"
    data = {"submission": uuid.uuid4(), "staff": world.deputy.uid, "starts_on": f"{today:%Y-%m-%d}"}
    for _ in range(2):
        assert client.post(url("cover_set", world.c31), data)["Location"] == url("cover_list")
    page = client.get(url("cover_list"))
    assert heading(page) == "还有 2 个班没有包班领导"
    assert [row["cover"].staff.name for row in page.context["rows"] if row["cover"]] == ["董副校"]
    page = client.post(
        url("cover_set", world.c21), {**data, "submission": uuid.uuid4(), "staff": world.li.uid}
    )
    assert (page.status_code, ClassCover.objects.count()) == (200, 1)
    client.post(url("cover_end", ClassCover.objects.get()), {"ends_on": f"{today:%Y-%m-%d}"})
    assert ClassCover.objects.get().ends_on == today
    client.post(url("cover_cancel", ClassCover.objects.get()), {"reason": "填错"})
    assert ClassCover.objects.valid().count() == 0
