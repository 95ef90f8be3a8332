"""Navigation by posts: one table of entries, each shown to those who may use its page."""

from django.urls import NoReverseMatch, reverse

from registry import access
from registry.access import Act, Reach

# (group, label, icon, url name, who sees it). Order is the order on the screen.
_TEACHING = (Act.LOG_CONTACTS,)
ENTRIES = [
    ("", "今日", "sun", "activities:today", _TEACHING),
    ("", "工作台", "graph-up", "reports:dashboard", (Act.SEE_DASHBOARD,)),
    ("", "全县", "graph-up", "reports:county_board", (Act.SEE_COUNTY_BOARD,)),
    ("", "孩子", "people", "registry:child_list", "children"),
    (
        "",
        "摸底",
        "clipboard-data",
        "registry:screening_home",
        (Act.SCREEN_CLASS, Act.HAND_IN_SCREENING, Act.REVIEW_SCREENING, Act.SEE_COUNTY_BOARD),
    ),
    (
        "",
        "包保",
        "link-45deg",
        "pairing:pairing_list",
        (Act.LOG_CONTACTS, Act.ASSIGN_PAIRINGS, Act.SEE_DASHBOARD),
    ),
    ("", "转学", "arrow-left-right", "pairing:transfer_list", (Act.IMPORT_ROSTER,)),
    ("", "新学年", "flag", "pairing:year_end", (Act.ASSIGN_PAIRINGS,)),
    ("", "控辍保学", "exclamation-triangle", "activities:dropout_list", (Act.EDIT_CHILDREN,)),
    ("", "之家", "house-heart", "activities:center_list", (Act.LOG_OPENINGS, Act.MANAGE_CENTERS)),
    ("", "强制报告提醒", "exclamation-octagon-fill", "activities:report_alarms", (Act.ASSIGN_PAIRINGS,)),
    ("", "豁免", "shield-check", "activities:excuse_list", (Act.REQUEST_EXCUSE, Act.APPROVE_EXCUSE)),
    ("资料", "家庭台账", "house", "registry:agreement_list", (Act.SEE_REGISTERS,)),
    ("资料", "口径对照", "clipboard-data", "registry:definition_list", "counts"),
    ("资料", "导入花名册", "upload", "registry:import_list", (Act.IMPORT_ROSTER,)),
    (
        "资料",
        "报表下载",
        "download",
        "reports:exports",
        (Act.ORDER_REGISTER, Act.ORDER_DUTIES, Act.ORDER_ASSESSMENT),
    ),
    ("资料", "打印", "printer", "reports:prints", (Act.PRINT_FORMS,)),
    ("资料", "考核", "clipboard-check", "reports:assessment", (Act.ORDER_ASSESSMENT, Act.SEE_COUNTY_BOARD)),
    ("资料", "查看名单的用途", "key", "registry:stated_reason_list", (Act.STATE_REASON, Act.REVIEW_REASONS)),
    (
        "设置",
        "开始使用",
        "flag",
        "getting_started",
        (Act.MANAGE_PLACES, Act.CONFIRM_CALENDAR, Act.MANAGE_STAFF),
    ),
    ("设置", "教职工与岗位", "person-badge", "registry:staff_list", (Act.MANAGE_STAFF,)),
    ("设置", "校历", "calendar3", "registry:calendar", (Act.CONFIRM_CALENDAR, Act.MANAGE_SCHOOL_DAYS)),
    (
        "设置",
        "频次要求",
        "list-check",
        "activities:rule_list",
        (Act.MANAGE_RULES, Act.SEE_DASHBOARD, Act.SEE_COUNTY_BOARD),
    ),
    ("设置", "学校与班级", "gear", "registry:settings", (Act.MANAGE_PLACES, Act.MANAGE_CLASSES)),
    ("设置", "操作日志", "journal-text", "trust:audit_list", (Act.READ_AUDIT,)),
]
BOTTOM = [
    ("今日", "sun", "activities:today"),
    ("孩子", "people", "registry:child_list"),
    ("记一笔", "pencil-square", "activities:contact_new"),
    ("之家", "house-heart", "activities:center_list"),
    ("我的", "person-circle", "trust:account"),
]
FIRST_PAGES = {
    "today": "activities:today",
    "dashboard": "reports:dashboard",
    "county_board": "reports:county_board",
    "center": "activities:center_list",
    "children": "registry:child_list",
    "assessment": "reports:assessment",
    "settings": "registry:settings",
}


def _url(name):
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _sees(user, who):
    if who == "children":
        lines = [access.TABLE[post.kind] for post in access.posts_of(user)]
        return (
            not lines
            or any(line.children not in (Reach.COUNTS, Reach.COUNTS_ONLY, Reach.NONE) for line in lines)
            or any(Act.LOG_CONTACTS in line.acts for line in lines)
        )
    if who == "counts":  # inside a school it is a tab of 家庭台账
        return access.may(user, Act.SEE_HEAD_COUNTS) and not access.may(user, Act.SEE_REGISTERS)
    return any(access.may(user, act) for act in who)


def sees_children(user):
    """Whether the entry 孩子 and the search in the header are of use to the user."""
    return _sees(user, "children")


def navigation(request):
    """Groups of entries for the left menu: [{label, entries: [{label, icon, url, current}]}]."""
    groups = {}
    for group, label, icon, name, who in ENTRIES:
        url = _url(name)
        if url is None or not _sees(request.user, who):
            continue
        entry = {"label": label, "icon": icon, "url": url, "current": _is_current(request, url)}
        groups.setdefault(group, []).append(entry)
    return [{"label": label, "entries": entries} for label, entries in groups.items()]


def bottom_navigation(request):
    """Five entries of the phone's bottom bar; who has no 今日 sees their own first page there."""
    found = []
    for label, icon, name in BOTTOM:
        if name == "activities:today" and not access.may(request.user, Act.LOG_CONTACTS):
            label, icon, name = "首页", "house-door", FIRST_PAGES[access.first_page(request.user)]
        if name == "activities:contact_new" and not access.may(request.user, Act.LOG_CONTACTS):
            continue
        if name == "registry:child_list" and not _sees(request.user, "children"):
            continue
        if name == "activities:center_list" and not _sees(
            request.user, (Act.LOG_OPENINGS, Act.MANAGE_CENTERS)
        ):
            continue
        url = _url(name)
        if url is not None:
            found.append({"label": label, "icon": icon, "url": url, "current": _is_current(request, url)})
    return found


def _is_current(request, url):
    return request.path == url or (url != "/" and request.path.startswith(url))


def first_page_url(user):
    """Where the front door leads: the first page of the user's posts."""
    return _url(FIRST_PAGES[access.first_page(user)]) or reverse("trust:account")


def place_name(user):
    """The school (or district, county) the user works for, and the words for the posts."""
    posts = access.posts_of(user)
    if not posts:
        return "", ""
    first = posts[0]
    place = first.school or first.district or first.staff.county
    words = "、".join(dict.fromkeys(post.get_kind_display() for post in posts))
    return str(place), words
