"""Render every part of the look into static pages, to be looked at in a browser without a server.

    python tools/look_parts.py FOLDER

writes parts.html, plain.html, print.html (invented content), a copy of static/ beside them, pictures at 390 and
1280 px and PDFs, and says what the browser complained about. Needs Chromium. For people who change static/lbc.css.
"""

import os
import shutil
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import django  # noqa: E402
from django.apps import apps  # noqa: E402

if not apps.ready:  # as a script; the tests have set everything up already
    os.environ.setdefault("VAR_DIR", tempfile.mkdtemp())
    os.environ.setdefault("DEBUG", "1")  # plain names of static files
    os.environ["DJANGO_SETTINGS_MODULE"] = "lbc_site.settings"
    django.setup()

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from django import forms  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.paginator import Paginator  # noqa: E402
from django.template import Context, engines  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect, DayInput  # noqa: E402

PARTS = """{% extends "base.html" %}
{% block title %}部件{% endblock %}
{% block crumbs %}<a href="#">首页</a><a href="#">孩子</a>{% endblock %}
{% block page_title %}还有 <span class="gold">4</span> 个孩子这个月没谈心{% endblock %}
{% block page_note %}11月24日 星期二，四(2)班。口径：父母一方或双方外出满三个月，截止 2026-11-24{% endblock %}
{% block header %}{% stitches few %}<p class="lede mb-0">11 个孩子已谈 7 个，到月底还有 6 天</p>{% endblock %}
{% block actions %}<a class="btn btn-quiet" href="#">{% icon "plus-lg" %}登记孩子</a><a class="btn btn-quiet" href="#">{% icon "upload" %}导入名册</a>{% endblock %}
{% block content %}
{% include "parts/filter_box.html" with form=filters %}
<div class="toolbar"><b class="found">找到 45 人</b><span class="ink-2">四、五年级</span><div class="far"><a class="btn btn-quiet" href="#">{% icon "printer" %}打印</a><a class="btn btn-quiet" href="#">{% icon "file-earmark-spreadsheet" %}导出这 45 人</a></div></div>
<div class="batch" role="status"><b data-lbc-picked="child">已选 3 人</b><a class="btn btn-primary" href="#">{% kind_icon "talk" %}一起记谈心</a></div>
<section class="panel tablepanel"><div class="scroll"><table class="ledger stack">
<thead><tr><th class="pick"><label class="tick"><input type="checkbox" data-lbc-all="child" aria-label="选本页全部"></label></th><th class="no">序号</th><th>{% sort_link "name" "姓名" %}</th><th>班级</th><th>村</th><th>谈心</th><th>联系家长</th><th class="r">欠</th></tr></thead>
<tbody>{% for state in states %}<tr><td class="pick"><label class="tick"><input type="checkbox" name="child" value="{{ forloop.counter }}" aria-label="选李小满"></label></td><td class="no">{{ forloop.counter }}</td><td><a class="cell" href="#">李小满</a></td><td data-label="班级">四(2)班</td><td data-label="村">柳溪村</td><td data-label="谈心">{% state_badge state url="#" %}</td><td data-label="联系家长">{% state_badge "met" %}</td><td class="r" data-label="欠">{% stat_link forloop.counter0 "#" hot=True %}</td></tr>{% endfor %}
<tr class="sum"><td></td><td></td><td>合计</td><td></td><td></td><td></td><td></td><td class="r">15</td></tr></tbody></table></div></section>
{% include "parts/pager.html" with page=page noun="人" %}
<div class="grid-2 cols-7-5 mt-3"><div class="stackcol">
<section class="panel"><div class="panel-head"><h2>针脚</h2><span class="note">一针是一个孩子</span><a class="far" href="#">换一项看</a></div>
{% stitches few %}<p class="mt-2">{% state_line few url="#" %}</p>{% state_bar many %}<p class="mt-2">{% state_line many url="#" %}</p>{% state_legend %}
<table class="ledger mt-2"><thead><tr><th>班级</th><th>谈过的和没谈的</th><th class="r">还差</th></tr></thead><tbody><tr><td>一(1)班</td><td>{% stitches few short=True %}</td><td class="r">{% stat_link 3 "#" hot=True %}</td></tr><tr><td>一(2)班</td><td>{% meter 7 11 %}</td><td class="r">{% stat_link None %}</td></tr></tbody></table></section>
<section class="panel"><h2>等您办</h2><div class="todo"><a class="num hot" href="#">2</a><div class="say"><b>个孩子没有包保老师</b><span>王建国 11月20日调走，还没交接</span></div><a class="btn btn-primary" href="#">去指定</a></div><div class="todo"><a class="num" href="#">3</a><div class="say"><b>份豁免申请待批</b><span>最早的等了 4 天</span></div><a class="btn btn-quiet" href="#">去审批</a></div></section>
<section class="panel"><h2>每月完成率</h2>{% chart "trend" trend "谈心从 9月的 82% 升到 11月的 91%" %}</section>
<section class="panel"><h2>各项</h2>{% chart "stack" stack "五项里联系家长差得最多" %}</section>
</div><div class="stackcol">
<section class="panel"><h2>说一声</h2>{% include "parts/notice.html" with text="现在没有网。写的东西先放在这部手机里。" url="#" link="看" %}{% include "parts/notice.html" with level="calm" text="10月已结账。现在的改动另列在旁边，不改原来的数。" %}{% include "parts/notice.html" with level="stop" title="没能保存。" text="写的字还在这里。请再点一次保存。" %}</section>
<section class="panel">{% include "parts/empty.html" with title="这个月的谈心都记上了" text="11 个孩子，一个不少。下个月 1 日再看。" url="#" link="看这个月的记录" url2="#" link2="登记" art=1 %}</section>
<section class="panel"><h2>李小满</h2>{% include "parts/facts.html" with rows=rows %}</section>
<section class="panel"><h2>之家开放</h2>{% chart "heat" heat "该开 11 周，开了 10 周；第 8 周没有开" %}</section>
<section class="panel"><h2>各校谈心</h2>{% chart "dots" dots "12 所学校里 3 所不到 80%" %}</section>
</div></div>
<nav class="seg" aria-label="排列方式"><a href="#" aria-current="true">按缓急</a><a href="#">按村</a><a href="#">按事情</a></nav>
<nav class="tabs" aria-label="档案"><a href="#" aria-current="page">基本情况</a><a href="#">家庭</a><a href="#">记录</a></nav>
<div class="group-head mark-missed">{% icon "exclamation-octagon-fill" %}<h2 class="h3">已经晚了</h2><span class="far">1 个孩子</span></div>
<div class="owed-grid"><section class="sheet-card owed"><div class="owed-who"><a href="#">李小满</a><a href="#">李小川</a><span class="ink-2">姐弟，奶奶带</span></div><div class="owed-line">{% kind_icon "talk" %}<div><div class="kind">谈心，每周一次</div><div class="why">上周没有，已隔 15 天</div></div><a class="btn btn-primary" href="#">一起记</a></div><div class="owed-line">{% kind_icon "home_visit" %}<div><div class="kind">家访</div><div class="why">这学期还没去过</div></div><a class="btn btn-soft" href="#">一起记</a></div></section>
<section class="sheet-card owed"><div class="owed-who"><a href="#">罗佳豪</a><span class="ink-2">爷爷带</span></div><div class="owed-line">{% kind_icon "guardian_contact" %}<div><div class="kind">联系家长</div><div class="why">打过 2 次，都没接通</div></div><a class="btn btn-soft" href="#">记一笔</a></div></section></div>
<div class="tally"><a href="#"><b>178</b> <span class="t">可以导入</span><span class="d">和名册对得上</span></a><a href="#" class="hot" aria-current="true"><b>6</b> <span class="t">要改</span><span class="d">红字在格子里</span></a><a href="#"><b>12</b> <span class="t">要问</span></a><a href="#"><b>0</b> <span class="t">重复</span></a></div>
<ol class="steps"><li class="done">{% icon "check-circle-fill" %}上传</li><li class="here" aria-current="step"><span class="no">2</span>核对</li><li><span class="no">3</span>确认</li></ol>
<section class="panel"><div class="person">{% icon "person" %}<div class="who"><b>王秀英</b> 奶奶<br><span class="ink-2">{{ "13800008000"|mask_phone }}</span></div><a class="callbtn" href="#">{% icon "telephone" %}拨打</a></div><div class="duty">{% kind_icon "family_call" %}<div class="what"><b>亲情电话</b><span>每月至少一次</span></div>{% state_badge "excused" %}</div></section>
<section class="panel"><ol class="thread"><li class="done"><span class="when">11月24日 谈心</span><p>数学题听不大懂，想和静怡坐一起。</p></li><li class="done"><span class="when">10月20日 家访</span><p>奶奶腿好些了。</p></li><li class="none"><span class="when">9月1日</span><p>开学摸底，列入名册。</p></li></ol></section>
<details class="fold"><summary>更多情况</summary><p>里面的字。</p></details>
<form method="post" class="panel narrow" data-lbc-draft="parts" data-lbc-draft-url="#">{{ form }}<p class="draft-note" data-lbc-draft-note></p><div class="savebar"><button class="btn btn-primary btn-big" type="submit">保存</button></div></form>
<div class="acts"><button class="btn btn-danger" data-lbc-confirm="把这条谈心作废？" data-lbc-confirm-text="作废后不再算数，原来的字会留着。" data-lbc-cancel="先不作废">作废这一条</button><button class="btn btn-soft">一起记</button></div>
<progress value="30" max="100">30%</progress>
{% endblock %}
{% block scripts %}{% include "parts/chart_scripts.html" %}{% endblock %}
"""

CARD = """{% extends "print.html" %}
{% block title %}谈心记录卡{% endblock %}{% block back %}#{% endblock %}{% block org %}青溪县石门小学{% endblock %}{% block form_title %}谈心记录卡{% endblock %}
{% block line_left %}2026—2027学年度第一学期{% endblock %}{% block line_right %}编号：谈2026-11-0163{% endblock %}
{% block content %}<table><colgroup><col class="w-label"><col><col class="w-label"><col><col class="w-label"><col></colgroup>
<tr><th>儿童姓名</th><td class="c">李小满</td><th>性别</th><td class="c">女</td><th>班级</th><td class="c">四(2)班</td></tr>
<tr><th>谈到的事</th><td colspan="5">☑ 学习　☐ 生活　☑ 心情</td></tr>
<tr><th>谈话内容</th><td colspan="5" class="prose tall-2"><p>妈妈腊月二十回来，她天天在数日子。</p></td></tr></table>{% endblock %}
{% block sign %}<span>谈心教师（签字）：</span><span>年级组长（签字）：</span>{% endblock %}
"""

SIGN_IN = """{% extends "base_plain.html" %}{% block title %}登录{% endblock %}{% block page_title %}登录{% endblock %}
{% block content %}<form method="post" class="panel">{{ form }}<div class="acts"><button class="btn btn-primary btn-big">登录</button></div></form>{% endblock %}
"""


class Filters(forms.Form):
    q = forms.CharField(label="姓名、拼音", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    grade = forms.ChoiceField(label="年级班级", required=False, choices=[("", "全部"), ("4", "四年级")])
    village = forms.ChoiceField(label="村", required=False, choices=[("", "全部"), ("1", "柳溪村")])
    on = forms.DateField(label="截止", required=False, widget=DayInput)


class TalkForm(forms.Form):
    child = forms.MultipleChoiceField(
        label="和谁谈的", choices=[("1", "李小满"), ("2", "弟弟小川")], widget=ChipCheckboxSelectMultiple
    )
    day = forms.DateField(label="哪一天", widget=DayInput)
    channel = forms.ChoiceField(
        label="怎么谈的", choices=[("1", "当面"), ("2", "电话"), ("3", "视频")], widget=ChipRadioSelect
    )
    topics = forms.MultipleChoiceField(
        label="谈到了",
        help_text="可以选几样",
        required=False,
        choices=list(enumerate(["学习", "生活", "心情", "伙伴", "身体", "家里"])),
        widget=ChipCheckboxSelectMultiple(columns=True),
    )
    phone = forms.RegexField(
        r"^\d{11}$", label="联系电话", error_messages={"invalid": "手机号是 11 位，这里只有 10 位，请核对"}
    )
    words = forms.CharField(
        label="说了什么", help_text="一两句就够", widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
    plain = forms.ChoiceField(
        label="平常的单选", choices=[("1", "是"), ("2", "否")], widget=forms.RadioSelect
    )
    paper = forms.FileField(label="照片", required=False)
    again = forms.BooleanField(label="过几天再问问她", help_text="12月1日提醒我", required=False)


def context(request) -> dict:
    few = {"met": 6, "met_late": 1, "excused": 1, "missed": 0, "upcoming": 3}
    months = ["3月", "4月", "5月", "6月", "9月", "10月", "11月"]
    names = [f"第{number}小学" for number in range(1, 13)]
    return {
        "request": request,
        "product_name": "关爱档案",
        "place_name": "石门小学",
        "help_contact": "信息员田老师",
        "plain_line": True,
        "search_url": "#",
        "manual_url": "#",
        "sign_out_url": "#",
        "csrf_token": "x" * 32,
        "me": {"name": "周明远", "post": "校长", "url": "#"},
        "nav": [
            {
                "label": "",
                "entries": [
                    {"label": "工作台", "icon": "sun", "url": "#", "current": False, "badge": 6},
                    {"label": "孩子", "icon": "people", "url": "#", "current": True, "badge": 0},
                    {"label": "包保", "icon": "link-45deg", "url": "#", "current": False, "badge": 0},
                ],
            },
            {
                "label": "管理",
                "entries": [{"label": "设置", "icon": "gear", "url": "#", "current": False, "badge": 0}],
            },
        ],
        "bottom_nav": [
            {
                "label": label,
                "icon": symbol,
                "url": "#",
                "current": label == "今日",
                "badge": 3 if label == "我的" else 0,
            }
            for label, symbol in [
                ("今日", "sun"),
                ("孩子", "people"),
                ("记一笔", "pencil-square"),
                ("之家", "house-heart"),
                ("我的", "person-circle"),
            ]
        ],
        "few": few,
        "many": {"met": 138, "met_late": 6, "excused": 3, "missed": 5, "upcoming": 39},
        "states": ["met", "met_late", "excused", "missed", "upcoming", "not_applicable"],
        "filters": Filters(request.GET),
        "page": Paginator(range(245), 20).page(3),
        "rows": [("班级", "四(2)班"), ("身份证号", "341*************68"), ("住址", "")],
        "form": TalkForm(
            {"phone": "1380000800", "channel": "1", "child": ["1"], "day": "2026-11-24", "topics": ["0", "2"]}
        ),
        "trend": {
            "kind": "line",
            "x": months,
            "unit": "%",
            "from": 50,
            "series": [
                {"name": "谈心", "values": [71, 76.2, 80, 82.1, 85, 88.7, 79], "dashed_from": 5},
                {"name": "联系家长", "values": [78, 79.5, 83, 81, 86.4, 90.2, 82.6], "dashed_from": 5},
            ],
        },
        "stack": {
            "kind": "stack",
            "x": ["谈心", "联系家长", "家访"],
            "series": [
                {"state": "met", "values": [138, 149, 97]},
                {"state": "met_late", "values": [6, 4, 3]},
                {"state": "missed", "values": [3, 1, 0]},
                {"state": "upcoming", "values": [39, 32, 86]},
            ],
        },
        "heat": {
            "kind": "heat",
            "x": [f"第{week}周" for week in range(1, 12)],
            "y": ["一", "二", "三", "四", "五"],
            "series": [{"values": [[x, y, (x * y) % 23 or None] for x in range(11) for y in range(5)]}],
        },
        "dots": {
            "kind": "dots",
            "x": names,
            "goal": 80,
            "unit": "%",
            "series": [{"values": [91, 88, 84, 79, 95, 97, 62, 83, 90, 92, 75, 99]}],
        },
    }


class Pages(SimpleHTTPRequestHandler):
    """The folder, served under the product's own content policy."""

    def end_headers(self):
        directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        self.send_header(
            "Content-Security-Policy", "; ".join(f"{k} {' '.join(v)}" for k, v in directives.items())
        )
        super().end_headers()

    def log_message(self, *args):
        pass


def complaints(folder: Path, width: int, pictures: bool = False) -> list[str]:
    """What the browser and axe say about the pages at one width: nothing, when all is well."""
    said = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 844 if width < 992 else 800})
        page.on("console", lambda message: said.append(f"browser: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"browser: {error}"))
        for name in ("parts", "plain", "print"):
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}.html", wait_until="networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                said.append(f"{name}: {wide} px wide on {width}")
            if name == "parts" and page.locator(".chart svg").count() != page.locator(".chart").count():
                said.append("a chart was not drawn")
            if pictures:
                page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
                page.pdf(path=folder / f"{name}.pdf", prefer_css_page_size=True)
            for violation in Axe().run(page).response["violations"]:
                for node in violation["nodes"]:
                    said.append(f"{name}: {violation['id']}: {node['html'][:160]}")
        browser.close()
    server.shutdown()
    server.server_close()
    return said


def write(folder: Path) -> None:
    """The pages and their static files."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "static", folder / "static", dirs_exist_ok=True)
    engine = engines["django"].engine
    request = RequestFactory().get("/children/", {"grade": "4", "sort": "name"})
    for name, source in [("parts", PARTS), ("print", CARD), ("plain", SIGN_IN)]:
        page = engine.from_string(source).render(Context(context(request)))
        (folder / f"{name}.html").write_text(page.replace('"/static/', '"static/'))


def main(folder: Path) -> None:
    write(folder)
    for width in (390, 1280):
        print(*complaints(folder, width, pictures=True), sep="\n")
    print(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
