"""家庭台账: the lists of a school's families (agreements, demands, traits, definitions, where parents work), one tab each.

Two questions are answered for all of them: who reads them (``Act.SEE_REGISTERS``: lists with names;
``Act.SEE_HEAD_COUNTS``: figures), and which seats a reader's figures count (``reach_of``). Names always come from
``Child.objects.visible_to``. Upper floors add their own tab with ``add_tab``.
"""

from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse

from trust import audit

from . import access
from .access import Act, Reach
from .models import SchoolClass

audit.name_actions(
    list_traits="查看儿童情况名单",
    list_definitions="查看各口径人数",
    list_parents_map="查看父母务工地",
)

_TABS = [
    ("委托照护协议", "registry:agreement_list", Act.SEE_REGISTERS),
    ("家庭诉求", "registry:demand_list", Act.SEE_REGISTERS),
    ("困境、随迁、寄宿", "registry:trait_list", Act.SEE_REGISTERS),
    ("口径对照", "registry:definition_list", Act.SEE_HEAD_COUNTS),
    ("父母务工地", "registry:parents_map", Act.SEE_HEAD_COUNTS),
    ("建档率", "registry:completeness", Act.SEE_HEAD_COUNTS),
]


@dataclass(frozen=True)
class Tab:
    """One tab of the registers."""

    label: str
    url: str
    current: bool


def add_tab(label, url_name, act):
    """An upper floor's list beside these."""
    if (label, url_name, act) not in _TABS:
        _TABS.append((label, url_name, act))


def tabs_of(user, current):
    """The tabs the reader may open; ``current`` is the URL name of the page."""
    return [Tab(label, reverse(name), name == current) for label, name, act in _TABS if access.may(user, act)]


def reach_of(user):
    """Q over Enrollment: the seats that the figures of this reader count. Own class, grade, school, district, county."""
    found = Q(pk__in=[])
    for post in access.posts_of(user):
        line = access.TABLE[post.kind]
        if Act.SEE_HEAD_COUNTS not in line.acts:
            continue
        if line.children == Reach.OWN_CLASS:
            found |= Q(school_class=post.school_class_id)
        elif line.children == Reach.OWN_GRADE:
            classes = SchoolClass.objects.filter(school=post.school_id).select_related("school")
            found |= Q(school_class__in=[one.pk for one in classes if one.grade_on() == post.grade])
        elif line.children == Reach.OWN_SCHOOL:
            found |= Q(school=post.school_id) | Q(school__managing_school=post.school_id)
        elif post.district_id:
            found |= Q(school__district=post.district_id)
        else:
            found |= Q(school__county=post.county_id)
    return found


def schools_of(user):
    """Schools whose figures the reader may ask for, by their codes."""
    return list(access.schools_for(user, Act.SEE_HEAD_COUNTS).order_by("code"))


def county_of(user):
    """The county of the reader's posts."""
    return access.posts_of(user)[0].staff.county


def sees_names(user):
    """Whether the reader's figures lead to lists with names without a further word (inside a school)."""
    return access.may(user, Act.SEE_REGISTERS)
