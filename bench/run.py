"""Times of the main jobs and pages on PostgreSQL: ``python -m bench.run 2000 20000``.

Makes the demo county with about that many children in the scratch database of ``BENCH_DATABASE_URL`` (emptied first:
name it so that nothing else lives there), then measures: the monthly check (judged only, and judged and stored), the
judgment of the monthly rules against a statement written by hand (bench/oracle.py; the answers are compared first), the
register workbook of a school, a roster of 1,000 new children read, compared and written, and the five main pages with
their query counts. Each figure is the middle one of several runs. Read ratios, not seconds.
"""

import os
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, reset_queries, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from activities import checks  # noqa: E402
from activities.demo.county import build_county  # noqa: E402
from activities.ledger import Ledger  # noqa: E402
from bench import oracle  # noqa: E402
from registry.calendar import Calendar, previous_month  # noqa: E402
from registry.models import Child, School  # noqa: E402
from registry.roster.imports import plan_roster  # noqa: E402
from registry.roster.writing import write  # noqa: E402
from trust.models import User  # noqa: E402

PAGES = [
    ("今日", "demo-class-teacher", lambda: "/today/"),
    ("孩子的档案", "demo-class-teacher", lambda: f"/children/{_child_of('demo-class-teacher').uid}/"),
    ("孩子名单", "demo-leader", lambda: "/children/"),
    ("工作台", "demo-leader", lambda: "/dashboard/"),
    ("全县", "demo-county", lambda: _path_of("reports:county_board")),
]


def _path_of(name):
    from django.urls import reverse

    return reverse(name)


def _child_of(username):
    user = User.objects.get(username=username)
    return Child.objects.visible_to(user).order_by("pk").first()


def middle(act, times):
    """The middle of several runs, in seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def empty():
    """Drops everything in the scratch database."""
    name = connection.settings_dict["NAME"]
    if "bench" not in name:
        raise SystemExit(f"the database must be called …bench…, not {name}")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN = "子文明小雨欣佳浩宇思梦晓春秋志国建平丽华强芳军红兰海林玉洁婷"


def _name(number):
    """A name of three characters; the first 18,000 numbers have one of their own."""
    rest, first = divmod(number, len(_GIVEN))
    family, second = divmod(rest, len(_GIVEN))
    return _SURNAMES[family % len(_SURNAMES)] + _GIVEN[second] + _GIVEN[first]


def roster(path, children):
    """A roster workbook of new children for one school: every row is good, and none of them is known.

    Their ID numbers have a high sequence, which the demo county's children never reach.
    """
    from openpyxl import Workbook
    from stdnum.cn import ric

    book = Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    sheet.append(
        [
            "姓名",
            "性别",
            "身份证号",
            "年级",
            "班级",
            "父亲姓名",
            "父亲电话",
            "监护人姓名",
            "关系",
            "监护人电话",
        ]
    )
    for number in range(children):
        born = date(2016, 9, 1) + timedelta(days=number % 360)
        start = f"341299{born:%Y%m%d}{900 + number // 360 % 100:03d}"
        sheet.append(
            [
                _name(number), "男" if int(start[-1]) % 2 else "女", start + ric.calc_check_digit(start + "0"), "三年级",
                "1班", _name(number + 4), f"138{number:08d}", _name(number + 9), "奶奶", f"139{number:08d}",
            ]
        )  # fmt: skip
    book.save(path)


def measure(children):
    """One table row of figures for a county of about ``children`` children."""
    empty()
    county = build_county(
        schools=max(1, children // 120),
        children=120,
        months=6,
        until=timezone.localdate(),
        seed=1,
        history=False,
    ).county
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    month = previous_month(timezone.localdate())
    figures = {"children": Child.objects.filter(county=county).count()}
    figures["check: judged"] = (
        middle(lambda: checks.look(county, month), 3),
        _queries(lambda: checks.look(county, month)),
    )
    figures |= against_oracle(county, month)
    figures["check: judged, stored and closed"] = (middle(lambda: checks.check_month(county, month), 1), "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "register.xlsx"

        def build():
            call_command(
                "build_workbook",
                "register",
                out=str(path),
                school=School.objects.order_by("pk")[0].code,
                verbosity=0,
            )

        figures["register of one school"] = (middle(build, 3), "")
        sheet = Path(folder) / "roster.xlsx"
        roster(sheet, 1000)
        data = sheet.read_bytes()
        school = School.objects.filter(has_primary=True).order_by("pk")[0]
        figures["roster of 1,000 new children, read and compared"] = (
            middle(lambda: plan_roster(data, school=school, as_of=timezone.localdate()), 3),
            _queries(lambda: plan_roster(data, school=school, as_of=timezone.localdate())),
        )
        figures["the same roster written"] = written(data, school)
    for name, username, address in PAGES:
        client = Client()
        client.force_login(User.objects.get(username=username))
        path = address()
        client.get(path)

        def page(client=client, path=path):
            response = client.get(path)
            assert response.status_code == 200, (path, response.status_code)

        figures[name] = (middle(page, 9), _queries(page))
    return figures


def against_oracle(county, month):
    """The ledger's judgment of the four monthly rules of children against one statement written by hand.

    The answers are compared first; then both run in turns, and the ratio of their middle times is the figure.
    """
    calendar = Calendar.of(county)
    now = min(timezone.now(), calendar.closing_at(month))
    ledger = Ledger(county, now=now, calendar=calendar)
    items = oracle.items_of(ledger, month)
    if sorted(item.rule.code for item in items) != sorted(oracle.CODES):
        return {}
    by_hand = oracle.judged(county, month, items=items, now=now)
    if by_hand != oracle.by_ledger(ledger, items):
        raise SystemExit("the ledger and the statement written by hand disagree")
    hand, ours = [], []
    for _ in range(7):
        hand.append(middle(lambda: oracle.judged(county, month, items=items, now=now), 1))
        ours.append(middle(lambda: ledger.judge(items), 1))
    hand, ours = statistics.median(hand), statistics.median(ours)
    return {
        "monthly rules of children, one statement by hand": (hand, ""),
        "the same by the ledger": (ours, f"{ours / hand:.2f} × by hand, {len(by_hand):,} duties"),
    }


def written(data, school):
    """Writing the compared roster, taken back each time: the middle time and the statements."""

    class TakenBack(Exception):
        pass

    found, statements = [], 0
    for _ in range(3):
        plan = plan_roster(data, school=school, as_of=timezone.localdate())
        try:
            with transaction.atomic(), CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                write(plan, by=None)
                found.append(time.perf_counter() - began)
                raise TakenBack
        except TakenBack:
            statements = len(captured)
    if plan.counts["new"] < len(plan.roster.entries) * 0.9:
        raise SystemExit("the roster's rows are not new children")
    return statistics.median(found), statements


def _queries(act):
    reset_queries()
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def main():
    """Prints a table in Markdown."""
    sizes = [int(size) for size in sys.argv[1:]] or [2000, 20000]
    columns = {size: measure(size) for size in sizes}
    print(f"| {date.today()} | " + " | ".join(f"{c['children']:,} children" for c in columns.values()) + " |")
    print("|---|" + "---|" * len(columns))
    for name in next(iter(columns.values())):
        if name == "children":
            continue
        cells = []
        for figures in columns.values():
            seconds, queries = figures[name]
            words = f"{queries} queries" if isinstance(queries, int) else queries
            cells.append(f"{seconds:.3f} s" + (f", {words}" if words else ""))
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
