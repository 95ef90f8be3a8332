"""Template parts of the house; a builtin library, so no ``{% load %}`` is needed.

``docs/look.md`` lists them with one example each.
"""

import re
from functools import lru_cache
from pathlib import Path

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import mark_safe

from trust import masking

register = template.Library()

register.filter("mask_id_number", masking.mask_id_number)
register.filter("mask_phone", masking.mask_phone)
register.filter("mask_name", masking.mask_name)

# ---------------------------------------------------------------------------------------------------
# Words

# Django's own sentences in the words of a colleague; anything we wrote ourselves passes unchanged.
PLAIN_ERRORS = [
    (r"这个字段是必填项。|此字段不能为空。|这个值不能为 null。", "这一栏还没填"),
    (r"输入一个有效的日期。", "日期写成 2026-11-24 这样"),
    (r"输入一个有效的时间。", "时间写成 14:30 这样"),
    (r"输入一个有效的日期/时间。", "写成 2026-11-24 14:30 这样"),
    (r"输入整数。|输入一个有效的整数。", "这里只填整数"),
    (r"输入一个数字。", "这里只填数字"),
    (r"选择一个有效的选项[。：].*", "请从给出的几样里选"),
    (r"输入一个有效的 Email 地址。", "邮箱地址不对，请核对"),
    (r"确保该值大于或等于\s*(\S+?)。", r"最小填 \1"),
    (r"确保该值小于或等于\s*(\S+?)。", r"最大填 \1"),
    (r"确保该变量至少包含 (\d+) 字符.*", r"至少写 \1 个字"),
    (r"确保该变量包含不超过 (\d+) 字符.*", r"最多写 \1 个字"),
    (r"所提交的是空文件。", "选的文件是空的，请换一个"),
    (r"未提交文件。.*|没有提交文件。", "还没选文件"),
]


@register.filter
def in_plain_words(error) -> str:
    """A form's error the way a colleague says it: what is right, in words."""
    for pattern, words in PLAIN_ERRORS:
        match = re.fullmatch(pattern, str(error))
        if match:
            return match.expand(words)
    return error


# ---------------------------------------------------------------------------------------------------
# Marks

# state -> (word, icon, CSS class); the order is the order of every legend, bar and row of stitches.
STATES = {
    "met": ("已完成", "check-circle-fill", "met"),
    "met_late": ("补录", "clock-history", "late"),
    "excused": ("已豁免", "shield-check", "excused"),
    "missed": ("未完成", "x-octagon-fill", "missed"),
    "upcoming": ("未到期", "circle", "upcoming"),
}
STITCHES_AT_MOST = 40

# kind of record -> (word, icon); 联系家长 and 亲情电话 never share an icon.
KINDS = {
    "talk": ("谈心", "chat-heart"),
    "home_visit": ("家访", "house-door"),
    "guardian_contact": ("联系家长", "telephone"),
    "family_call": ("亲情电话", "camera-video"),
    "letter": ("书信", "envelope"),
    "activity": ("关爱活动", "balloon-heart"),
    "opening": ("之家开放", "house-heart"),
}


@lru_cache(maxsize=1)
def known_icons() -> frozenset[str]:
    """Names of the symbols in the sprite."""
    sprite = (Path(settings.BASE_DIR) / "static" / "icons.svg").read_text()
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))


@register.simple_tag
def icon(name: str, css: str = "") -> str:
    """One icon of the sprite; decoration only, the word beside it speaks."""
    if name not in known_icons():
        raise ValueError(f"no icon {name!r} in static/icons.svg; add it to tools/vendor.py")
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def kind_icon(kind: str, css: str = "") -> str:
    """The icon of a kind of record; an unknown kind gets the plain journal."""
    return icon(KINDS.get(str(kind), ("", "journal-text"))[1], f"kindicon {css}".strip())


# ---------------------------------------------------------------------------------------------------
# States


def _state(state) -> tuple[str, str, str]:
    try:
        return STATES[str(state)]
    except KeyError:
        raise ValueError(f"unknown state {state!r}") from None


@register.simple_tag
def state_badge(state, url: str = "", word: str = "") -> str:
    """Icon + word + ground, always all three; a link to the explanation where ``url`` is given."""
    if str(state) == "not_applicable":
        return mark_safe(
            '<span class="ink-2"><span aria-hidden="true">—</span><span class="visually-hidden">不适用</span></span>'
        )
    own_word, symbol, css = _state(state)
    inner = format_html("{}{}", icon(symbol), word or own_word)
    if url:
        return format_html('<a class="state state-{}" href="{}">{}</a>', css, url, inner)
    return format_html('<span class="state state-{}">{}</span>', css, inner)


def _counts(counts) -> dict[str, int]:
    """Numbers by state, in the fixed order; from a mapping or from an object with such attributes."""
    get = counts.get if hasattr(counts, "get") else lambda name, default: getattr(counts, name, default)
    return {state: int(get(state, 0) or 0) for state in STATES}


def spoken(counts, noun: str = "个孩子") -> str:
    """14 个孩子：已完成 9，补录 1，已豁免 1，还差 3"""
    numbers = _counts(counts)
    total = sum(numbers.values())
    said = [f"已完成 {numbers['met']}"]
    said += [
        f"{STATES[state][0]} {numbers[state]}"
        for state in ("met_late", "excused", "missed")
        if numbers[state]
    ]
    if numbers["upcoming"]:
        said.append(f"还差 {numbers['upcoming']}")
    return f"{total} {noun}：{'，'.join(said)}"


@register.simple_tag
def state_line(counts, noun: str = "个孩子", url: str = "") -> str:
    """The sentence beside stitches or a bar; what is still owed is a link when ``url`` is given."""
    numbers = _counts(counts)
    owed = numbers["upcoming"]
    if not (owed and url):
        return spoken(counts, noun)
    head = spoken({**numbers, "upcoming": 0}, noun)
    head = head.replace(str(sum(numbers.values()) - owed), str(sum(numbers.values())), 1)
    return format_html("{}，{}", head, stat_link(f"还差 {owed}", url, hot=True))


@register.simple_tag
def stitches(counts, noun: str = "个孩子", short: bool = False) -> str:
    """One stitch per child, at most 40; above that a bar. ``short`` keeps to a table cell's height."""
    numbers = _counts(counts)
    total = sum(numbers.values())
    if total > STITCHES_AT_MOST:
        return state_bar(counts, noun)
    width, height, gap = (14, 8, 5) if short else (20, 11, 6)
    marks, at = [], 0
    for state, number in numbers.items():
        for _ in range(number):
            if state in ("missed", "upcoming"):  # open: the border lies inside the mark
                box = (at + 0.75, 1.75, width - 1.5, height - 1.5, (height - 1.5) / 2)
            else:
                box = (at, 1, width, height, height / 2)
            marks.append((STATES[state][2], *box))
            at += width + gap
    across = max(at - gap, 1)
    return format_html(
        '<svg class="stitches" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">{3}</svg>',
        across,
        height + 2,
        spoken(counts, noun),
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="{}"/>', marks),
    )


@register.simple_tag
def state_bar(counts, noun: str = "个孩子") -> str:
    """A stacked bar of the states; its numbers stand beside it in the page."""
    numbers = _counts(counts)
    total = sum(numbers.values())
    bars, at = [], 0
    for state, number in numbers.items():
        if number:
            bars.append((STATES[state][2], at, number))
            at += number
    return format_html(
        '<svg class="cover" viewBox="0 0 {} 14" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        max(total, 1),
        spoken(counts, noun),
        format_html_join("", '<rect class="{}" x="{}" y="0" width="{}" height="14"/>', bars),
    )


@register.simple_tag
def state_legend() -> str:
    """Colors of the states with their words."""
    return format_html(
        '<div class="legend" aria-hidden="true">{}</div>',
        format_html_join(
            "",
            '<span><svg class="key" viewBox="0 0 14 14"><rect class="{}" width="14" height="14" rx="3"/></svg>{}</span>',
            ((css, word) for word, _, css in STATES.values()),
        ),
    )


@register.simple_tag
def meter(value, total, label: str = "") -> str:
    """A small bar of one amount out of another, for a table cell; ``label`` is spoken."""
    total = max(float(total or 0), 0.0)
    value = min(max(float(value or 0), 0.0), total)
    return format_html(
        '<svg class="inbar" viewBox="0 0 {} 4" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect width="{}" height="4"/></svg>',
        total or 1,
        label or f"{value:g} / {total:g}",
        value,
    )


@register.simple_tag
def stat_link(number, url: str = "", hot: bool = False, label: str = "") -> str:
    """A number that opens the list behind it. Missing = —, 0 = 0; ``hot`` only when somebody must act."""
    if number is None:
        return mark_safe('<span class="ink-2">—</span>')
    hot = hot and number != 0
    if not url:
        return format_html('<b class="stat{}">{}</b>', " hot" if hot else "", number)
    spoken_label = format_html(' aria-label="{}"', label) if label else ""
    return format_html(
        '<a class="stat{}" href="{}"{}>{}</a>', " hot" if hot else "", url, spoken_label, number
    )


# ---------------------------------------------------------------------------------------------------
# Addresses that keep the filter


@register.simple_tag(takes_context=True)
def query_with(context, **changes) -> str:
    """``?…`` of this page with these values changed; None removes. Anything but ``page`` goes back to page 1."""
    query = context["request"].GET.copy()
    if "page" not in changes:
        query.pop("page", None)
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        else:
            query[key] = value
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def query_fields(context, *leave_out) -> str:
    """The page's query as hidden inputs, for a small form that keeps the filter."""
    query = context["request"].GET
    pairs = [(key, value) for key in query for value in query.getlist(key) if key not in leave_out]
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


@register.simple_tag(takes_context=True)
def query_kept(context, form) -> str:
    """What the address holds beside the form's own fields and the page (the sorting, say)."""
    return query_fields(context, "page", *(form.add_prefix(name) for name in form.fields))


@register.simple_tag
def page_numbers(page) -> list[int | None]:
    """Page numbers around the present one; None stands for the dots between."""
    elided = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return [number if isinstance(number, int) else None for number in elided]


@register.simple_tag(takes_context=True)
def sort_link(context, key: str, label: str, parameter: str = "sort") -> str:
    """A table head that sorts: first click up, second down. The view decides which keys exist."""
    now = context["request"].GET.get(parameter, "")
    going_down = now == key
    css = "sorted up" if now == key else "sorted down" if now == f"-{key}" else "sortable"
    said = {"sorted up": "，现在从小到大", "sorted down": "，现在从大到小"}.get(css, "")
    return format_html(
        '<a class="{}" href="{}" aria-label="按{}排{}">{}</a>',
        css,
        query_with(context, **{parameter: f"-{key}" if going_down else key}),
        label,
        said,
        label,
    )


# ---------------------------------------------------------------------------------------------------
# Charts


@register.simple_tag
def chart(name: str, spec: dict, sentence: str, height: str = "") -> str:
    """A chart with its finding as a sentence above; the page gives the same numbers in a table.

    ``spec``: see docs/look.md. Fewer than five numbers make no chart; the page then shows the table only.
    """
    if sum(len(series.get("values", [])) for series in spec.get("series", [])) < 5:
        return format_html('<p class="finding">{}</p>', sentence)
    return format_html(
        '<p class="finding">{}</p><div class="chart{}" data-lbc-chart="{}" role="img" aria-label="{}"></div>{}',
        sentence,
        " chart-tall" if height == "tall" else "",
        name,
        sentence,
        json_script(spec, name),
    )
