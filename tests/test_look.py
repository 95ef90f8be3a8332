"""The look: what a teacher sees in every part, that it needs no inline code, and that the vendored files are whole."""

import gzip
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import django_tables2
import pytest
from django import forms
from django.contrib.messages.storage.base import Message
from django.core.paginator import Paginator
from django.template import Context, engines
from django.template.loader import render_to_string
from django.test import RequestFactory

from trust.templatetags import parts
from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect, DayInput

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGE_FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())


def render(source: str, path: str = "/children/", query: dict | None = None, **context) -> str:
    request = RequestFactory().get(path, query or {})
    page = engines["django"].engine.from_string(source).render(Context({"request": request, **context}))
    return re.sub(r"\s+", " ", page).strip()


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).strip()


# ---------------------------------------------------------------------------------------------------
# Files


def test_vendored_files_are_what_was_fetched():
    listing = json.loads((STATIC / "vendor" / "VENDOR.json").read_text())
    found = {
        entry["file"]: hashlib.sha256((STATIC / "vendor" / entry["file"]).read_bytes()).hexdigest()
        for entry in listing
    }
    assert found == {entry["file"]: entry["sha256"] for entry in listing}
    vendored = {path.name for path in (STATIC / "vendor").iterdir()} - {"VENDOR.json"}
    assert vendored == {entry["file"] for entry in listing if "/" not in entry["file"]}
    for package in {entry["package"] for entry in listing}:
        assert (STATIC / "vendor" / f"{package}-LICENSE").stat().st_size > 500


def test_no_file_asks_for_a_map_or_another_host():
    asking = []
    for path in PAGE_FILES:
        if path.suffix not in {".css", ".js", ".svg"} or path.name == "echarts.common.min.js":
            continue
        body = path.read_text()
        if "sourceMappingURL" in body or re.search(
            r"""(?:url\(|src=|href=|@import)\s*["']?https?://""", body
        ):
            asking.append(path.name)
    assert asking == []
    assert "sourceMappingURL" not in (STATIC / "vendor" / "echarts.common.min.js").read_text()


def test_first_visit_without_charts_stays_under_100_kb():
    """Everything base.html loads, compressed as WhiteNoise sends it."""
    source = (ROOT / "templates" / "base.html").read_text()
    files = re.findall(r"{% static '([^']+)' %}", source)
    sent = sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in [*files, "icons.svg"])
    assert len(files) == len(set(files)) >= 5
    assert sent <= 80 * 1024  # leaves 20 KB for the page itself


def test_every_icon_named_in_templates_and_code_is_in_the_sprite():
    named = set()
    for path in [*TEMPLATES, *(ROOT / "docs").glob("*.md")]:
        named |= set(re.findall(r"""{%\s*icon\s+["']([a-z0-9-]+)["']""", path.read_text()))
    named |= {symbol for _, symbol in parts.KINDS.values()} | {
        symbol for _, symbol, _ in parts.STATES.values()
    }
    assert named - parts.known_icons() == set()


def test_an_unknown_icon_is_refused():
    with pytest.raises(ValueError, match="no-such-icon"):
        render('{% icon "no-such-icon" %}')


def test_templates_have_no_inline_code():
    """The content policy would block it; a page must not depend on what is blocked."""
    bad = []
    for path in TEMPLATES:
        body = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.S)
        for pattern in (
            r"\sstyle\s*=",
            r"<[^>]*\son[a-z]+\s*=",
            r"<style",
            r"javascript:",
            r"<script(?![^>]*\ssrc=)",
            r"https?://(?!www\.w3\.org)",
        ):
            if re.search(pattern, body, re.I):
                bad.append((str(path.relative_to(ROOT)), pattern))
    assert bad == []


def test_the_style_sheet_keeps_to_what_old_school_browsers_know():
    css = re.sub(r"/\*.*?\*/", "", (STATIC / "lbc.css").read_text(), flags=re.S)
    young = [
        word
        for word in (":has(", "inset:", "padding-block", "margin-block", "@layer", "@container", "dvh")
        if word in css
    ]
    assert young == []


def _tokens() -> dict[str, str]:
    css = (STATIC / "lbc.css").read_text()
    return dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{3,6})\b", css))


def _luminance(color: str) -> float:
    color = color.lstrip("#")
    color = "".join(c * 2 for c in color) if len(color) == 3 else color
    channels = [int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("ink", "paper", 7),
        ("ink-2", "paper", 4.5),
        ("ink-2", "sunken", 4.5),
        ("ink-3", "paper", 4.5),
        ("indigo-700", "surface", 4.5),
        ("indigo-700", "indigo-100", 4.5),
        ("on-band", "indigo-900", 4.5),
        ("thread", "indigo-900", 4.5),
        ("bs-link-color", "paper", 4.5),
        ("line-strong", "paper", 3),
        ("met", "met-bg", 4.5),
        ("late", "late-bg", 4.5),
        ("excused", "excused-bg", 4.5),
        ("missed", "missed-bg", 4.5),
        ("upcoming", "upcoming-bg", 4.5),
        ("met-mark", "surface", 3),
        ("late-mark", "surface", 3),
        ("excused-mark", "surface", 3),
        ("missed-mark", "surface", 3),
    ],
)
def test_colors_can_be_read_in_sunlight(ink, ground, least):
    tokens = _tokens()
    light, dark = sorted((_luminance(tokens[ink]), _luminance(tokens[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


# ---------------------------------------------------------------------------------------------------
# States


@pytest.mark.parametrize(
    ("state", "word", "symbol"),
    [
        ("met", "已完成", "check-circle-fill"),
        ("met_late", "补录", "clock-history"),
        ("excused", "已豁免", "shield-check"),
        ("missed", "未完成", "x-octagon-fill"),
        ("upcoming", "未到期", "circle"),
    ],
)
def test_a_state_is_icon_word_and_ground(state, word, symbol):
    page = render("{% state_badge state %}", state=state)
    assert text(page) == word
    assert f"#{symbol}" in page
    assert "state-" in page and page.startswith("<span")


def test_a_state_links_to_its_explanation():
    page = render("{% state_badge 'missed' url=url %}", url="/why/?a=1&b=2")
    assert page.startswith('<a class="state state-missed" href="/why/?a=1&amp;b=2">')


def test_not_applicable_is_a_dash_that_speaks():
    assert text(render("{% state_badge 'not_applicable' %}")) == "— 不适用"


@pytest.mark.parametrize("state", ["done", "", None, "MET"])
def test_an_unknown_state_is_never_shown_as_something(state):
    with pytest.raises(ValueError, match="unknown state"):
        render("{% state_badge state %}", state=state)


FEW = {"met": 9, "met_late": 1, "excused": 1, "missed": 0, "upcoming": 3}


def test_one_stitch_per_child_in_the_fixed_order():
    page = render("{% stitches counts %}", counts=FEW)
    marks = re.findall(r'<rect class="(\w+)"', page)
    assert marks == ["met"] * 9 + ["late", "excused"] + ["upcoming"] * 3
    assert 'aria-label="14 个孩子：已完成 9，补录 1，已豁免 1，还差 3"' in page
    assert "style" not in page


def test_forty_children_are_stitches_forty_one_a_bar():
    forty = render("{% stitches counts %}", counts={"met": 40})
    more = render("{% stitches counts %}", counts={"met": 40, "upcoming": 1})
    assert forty.count("<rect") == 40
    assert 'class="cover" viewBox="0 0 41 14"' in more
    assert re.findall(r'<rect class="(\w+)" x="(\d+)" y="0" width="(\d+)"', more) == [
        ("met", "0", "40"),
        ("upcoming", "40", "1"),
    ]


def test_counts_may_be_an_object_and_nothing_is_still_drawn():
    page = render("{% stitches counts %}{% state_bar counts %}", counts=SimpleNamespace(met=2, missed=1))
    assert 'aria-label="3 个孩子：已完成 2，未完成 1"' in page
    empty = render("{% stitches counts %}{% state_bar counts %}", counts={})
    assert empty.count('aria-label="0 个孩子：已完成 0"') == 2


def test_the_sentence_beside_a_bar_links_what_is_owed():
    page = render("{% state_line counts url='/owed/' %}", counts=FEW)
    assert text(page) == "14 个孩子：已完成 9，补录 1，已豁免 1， 还差 3"
    assert '<a class="stat hot" href="/owed/">还差 3</a>' in page
    assert render("{% state_line counts url='/owed/' %}", counts={"met": 3}) == "3 个孩子：已完成 3"


@pytest.mark.parametrize(
    ("number", "said", "hot"),
    [(None, "—", False), (0, "0", False), (3, "3", True)],
    ids=["missing", "zero", "three"],
)
def test_a_number_opens_its_list_and_is_red_only_when_somebody_must_act(number, said, hot):
    page = render("{% stat_link number '/list/' hot=True %}", number=number)
    assert (text(page), "hot" in page, "href" in page) == (said, hot, number is not None)


# ---------------------------------------------------------------------------------------------------
# Filters, pages of a list


def test_links_keep_the_filter_and_go_back_to_the_first_page():
    query = {"village": "柳溪", "page": "3"}
    assert (
        render("{% query_with sort='-name' %}", query=query) == "?village=%E6%9F%B3%E6%BA%AA&amp;sort=-name"
    )
    assert render("{% query_with page=4 %}", query=query) == "?village=%E6%9F%B3%E6%BA%AA&amp;page=4"
    assert render("{% query_with village=None %}", query=query) == "?"


def test_several_values_of_one_filter_survive():
    page = render("{% query_fields 'page' %}", path="/c/?kind=a&kind=b&page=2")
    assert page == '<input type="hidden" name="kind" value="a"><input type="hidden" name="kind" value="b">'


def test_what_somebody_put_in_the_address_is_only_text():
    page = render(
        "{% query_fields %}<a href='{% query_with page=2 %}'>", query={"q": '"><script>alert(1)</script>'}
    )
    assert "<script" not in page


class Box(forms.Form):
    q = forms.CharField(label="姓名", required=False)
    village = forms.ChoiceField(label="村", required=False, choices=[("", "全部"), ("1", "柳溪村")])


def test_the_filter_box_keeps_the_sorting_and_can_be_emptied():
    page = render(
        "{% include 'parts/filter_box.html' %}",
        query={"q": "小", "sort": "name", "page": "2"},
        form=Box({"q": "小"}),
    )
    assert re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page) == [("sort", "name")]
    assert 'method="get"' in page
    assert '<a class="btn btn-quiet" href="/children/">重置</a>' in page
    assert text(page) == "姓名 村 全部 柳溪村 查询 重置"


def test_the_pager_says_how_many_and_jumps_with_the_filter():
    page = render(
        "{% include 'parts/pager.html' with noun='人' %}",
        query={"q": "小", "page": "2"},
        page=Paginator(range(245), 20).page(2),
    )
    assert text(page) == "共 245 人，每页 20 条 上一页 1 2 3 4 … 13 下一页 到第 页，共 13 页 跳转"
    assert re.findall(r'<input type="hidden" name="(\w+)"', page) == ["q"]
    assert 'href="?q=%E5%B0%8F&amp;page=3" rel="next"' in page


def test_one_page_has_no_way_to_turn():
    assert (
        text(render("{% include 'parts/pager.html' %}", page=Paginator([1], 20).page(1)))
        == "共 1 条，每页 20 条"
    )


@pytest.mark.parametrize(
    ("now", "then", "css"),
    [("", "name", "sortable"), ("name", "-name", "sorted up"), ("-name", "name", "sorted down")],
)
def test_a_head_sorts_up_then_down(now, then, css):
    page = render("{% sort_link 'name' '姓名' %}", query={"sort": now, "v": "1"} if now else {"v": "1"})
    assert f'class="{css}"' in page
    assert re.search(r"sort=([-\w]+)", page).group(1) == then
    assert "v=1" in page


class PeopleTable(django_tables2.Table):
    name = django_tables2.Column(verbose_name="姓名")
    village = django_tables2.Column(verbose_name="村", orderable=False)

    class Meta:
        empty_text = "名册里还没有孩子"


def test_django_tables2_wears_the_same_clothes():
    request = RequestFactory().get("/children/", {"v": "1"})
    rows = [{"name": f"孩子{n}", "village": "<b>"} for n in range(25)]
    table = PeopleTable(rows, order_by="name").paginate(page=1, per_page=20)
    page = re.sub(r"\s+", " ", table.as_html(request))
    assert '<table class="ledger">' in page
    assert page.count("<tr") == 21
    assert "&lt;b&gt;" in page and "<td ><b>" not in page
    assert re.search(r'href="\?v=1&amp;sort=-name" class="sorted up"', page)
    assert "共 25 条，每页 20 条" in text(page)
    assert text(PeopleTable([]).as_html(request)) == "名册里还没有孩子"


# ---------------------------------------------------------------------------------------------------
# Forms


class Talk(forms.Form):
    channel = forms.ChoiceField(
        label="怎么谈的", choices=[("1", "当面"), ("2", "<电话>")], widget=ChipRadioSelect
    )
    topics = forms.MultipleChoiceField(
        label="谈到了",
        choices=[("a", "学习"), ("b", "生活")],
        widget=ChipCheckboxSelectMultiple(columns=True),
        required=False,
    )
    on = forms.DateField(label="哪一天", widget=DayInput, help_text="今天或以前")
    times = forms.IntegerField(label="几次", min_value=1, max_value=9)
    words = forms.CharField(label="说了什么", min_length=2, max_length=5)


def _controls(page: str) -> list[tuple]:
    return re.findall(
        r'<input type="(radio|checkbox)"[^>]*name="(\w+)" value="(\w+)" id="(\w+)"( checked)?', page
    )


def test_chips_are_real_radios_and_checkboxes_with_labels():
    page = render("{{ form }}", form=Talk({"channel": "2", "topics": ["a"]}))
    assert _controls(page) == [
        ("radio", "channel", "1", "id_channel_0", ""),
        ("radio", "channel", "2", "id_channel_1", " checked"),
        ("checkbox", "topics", "a", "id_topics_0", " checked"),
        ("checkbox", "topics", "b", "id_topics_1", ""),
    ]
    labels = re.findall(r'<label class="chip" for="(\w+)">.*?</svg>(.*?)</label>', page)
    assert labels == [
        ("id_channel_0", "当面"),
        ("id_channel_1", "&lt;电话&gt;"),
        ("id_topics_0", "学习"),
        ("id_topics_1", "生活"),
    ]


@pytest.mark.parametrize(
    "source", ["{{ form }}", "{% load crispy_forms_tags %}{{ form|crispy }}"], ids=["django", "crispy"]
)
def test_errors_stand_below_the_field_in_words_and_are_announced(source):
    form = Talk({"channel": "7", "on": "昨天", "times": "12", "words": "太长太长太长"})
    page = render(source, form=form)
    said = dict(
        re.findall(
            r'<div id="id_(\w+)_error"><p class="fielderror"><svg.*?</svg><span>(.*?)</span></p></div>', page
        )
    )
    assert said == {
        "channel": "请从给出的几样里选",
        "on": "日期写成 2026-11-24 这样",
        "times": "最大填 9",
        "words": "最多写 5 个字",
    }
    ids = set(re.findall(r'\sid="([^"]+)"', page))
    described = {one for many in re.findall(r'aria-describedby="([^"]+)"', page) for one in many.split()}
    assert described - ids == set()
    assert "id_on_error" in described and "id_on_helptext" in described
    assert page.count('aria-invalid="true"') >= 3


@pytest.mark.parametrize(
    ("data", "field", "said"),
    [
        ({}, "words", "这一栏还没填"),
        ({"times": "很多"}, "times", "这里只填整数"),
        ({"times": "0"}, "times", "最小填 1"),
        ({"words": "短"}, "words", "至少写 2 个字"),
        ({"topics": ["z"]}, "topics", "请从给出的几样里选"),
    ],
)
def test_djangos_own_sentences_become_a_colleagues(data, field, said):
    assert [parts.in_plain_words(error) for error in Talk(data).errors[field]] == [said]


def test_our_own_sentences_pass_unchanged():
    assert (
        parts.in_plain_words("手机号是 11 位，这里只有 10 位，请核对")
        == "手机号是 11 位，这里只有 10 位，请核对"
    )


def test_a_day_field_is_filled_the_way_the_browser_wants_it():
    import datetime

    page = render("{{ form.on }}", form=Talk(initial={"on": datetime.date(2026, 11, 4)}))
    assert 'type="date"' in page and 'value="2026-11-04"' in page


# ---------------------------------------------------------------------------------------------------
# Pages


def test_the_frame_stands_with_nothing_and_with_everything():
    bare = render(
        "{% extends 'base.html' %}{% block title %}名册{% endblock %}{% block page_title %}名册{% endblock %}"
    )
    assert "<title>名册 - 关爱档案</title>" in bare
    assert 'class="tabbar"' not in bare and 'class="sidenav"' not in bare and "未加密" not in bare
    full = render(
        "{% extends 'base.html' %}{% block page_title %}名册{% endblock %}",
        product_name="关爱档案",
        plain_line=True,
        search_url="/children/",
        nav=[
            {
                "label": "",
                "entries": [{"label": "孩子", "icon": "people", "url": "/c/", "current": True, "badge": 2}],
            }
        ],
        bottom_nav=[{"label": "今日", "icon": "sun", "url": "/t/", "current": False, "badge": 0}],
    )
    assert full.count('href="/c/" aria-current="page"') == 2  # the side menu and the phone's menu
    assert 'href="/t/"' in full and "本页线路未加密" in full
    assert full.count("<h1>") == 1


def test_messages_say_what_happened_and_errors_are_alerts():
    messages = [
        Message(25, "记上了"),
        Message(40, "没能<保存>"),
        Message(30, "还没交"),
        Message(20, "10月已结账"),
    ]
    page = render("{% include 'parts/messages.html' %}", messages=messages)
    assert re.findall(r'<div class="([\w ]+)" role="(\w+)"', page) == [
        ("toastbox", "status"),
        ("notice stop", "alert"),
        ("notice", "status"),
        ("notice calm", "status"),
    ]
    assert text(page) == "记上了 没能&lt;保存&gt; 还没交 10月已结账"


def test_a_decision_is_posted_and_says_what_it_does():
    page = render_to_string(
        "confirm.html",
        {
            "question": "把这条谈心作废？",
            "text": "作废后不再算数。",
            "act": "作废这一条",
            "cancel": "先不作废",
            "back_url": "/c/1/",
            "danger": True,
        },
        request=RequestFactory().get("/x/"),
    )
    form = re.search(r'<form method="post".*?</form>', page, re.S).group()
    assert "csrfmiddlewaretoken" in form
    assert text(form) == "作废后不再算数。 先不作废 作废这一条"
    assert 'class="btn btn-danger">作废这一条' in form


@pytest.mark.parametrize("code", ["400", "403", "404", "429", "500", "503"])
def test_error_pages_need_nothing_and_speak_chinese(code):
    page = text(
        re.sub(
            r"<(head|script).*?</\1>",
            "",
            render_to_string(f"{code}.html", {"error_number": "7K3M"}),
            flags=re.S,
        )
    )
    assert "编号 7K3M" in page
    assert re.findall(r"[A-Za-z]{3,}", page) == []


def test_a_missing_page_tells_nothing_about_what_exists():
    assert "不存在或不在您的职责范围内" in render_to_string("404.html")


def test_a_paper_has_its_head_its_foot_and_no_navigation():
    page = render(
        "{% extends 'print.html' %}{% block org %}石门小学{% endblock %}{% block form_title %}谈心记录卡{% endblock %}",
        me={"name": "张桂兰", "post": "", "url": "/"},
        nav=[
            {
                "label": "",
                "entries": [{"label": "孩子", "icon": "people", "url": "/c/", "current": True, "badge": 0}],
            }
        ],
    )
    assert "<nav" not in page
    paper = text(re.search(r"<article.*</article>", page).group())
    assert re.fullmatch(
        r"石门小学 谈心记录卡 号码已遮住中间几位 张桂兰 \d{4}-\d\d-\d\d \d\d:\d\d 打印", paper
    )


def test_a_chart_of_four_numbers_is_only_its_sentence():
    four = {"kind": "line", "x": list("1234"), "series": [{"name": "谈心", "values": [1, 2, 3, 4]}]}
    assert render("{% chart 'trend' spec '升到 4' %}", spec=four) == '<p class="finding">升到 4</p>'
    five = {**four, "series": [{"name": "</script><b>", "values": [1, 2, 3, 4, 5]}]}
    page = render("{% chart 'trend' spec '升到 5' %}", spec=five)
    assert 'data-lbc-chart="trend" role="img" aria-label="升到 5"' in page
    data = re.search(r'<script id="trend" type="application/json">(.*?)</script>', page).group(1)
    assert json.loads(data) == five


# ---------------------------------------------------------------------------------------------------
# In a browser


@pytest.mark.e2e
@pytest.mark.parametrize("width", [390, 1280])
def test_all_parts_in_a_browser(tmp_path, width):
    """Under the product's content policy: nothing blocked, nothing wider than the screen, nothing axe objects to."""
    import sys

    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import look_parts
    finally:
        sys.path.remove(str(ROOT / "tools"))
    look_parts.write(tmp_path)
    # A thread of its own: another browser test of this process may have left its loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(look_parts.complaints, tmp_path, width).result() == []
