"""Likely doubles (疑似重复) and namesakes (C138): which files might be one child, with the reasons in words.

The id number is identity; a name never is. So two files with different id numbers are never doubles, and nothing is ever
merged by itself: a person says "one child" (``merging``) or "not the same" (``Namesakes``). Every search is set-based.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

from django.db.models import Count, Q

from trust import audit

from .models import Child, Kinship, Namesakes
from .pinyin import sort_key

LIKELY = 3  # from this score on a pair stands on the list
MOST_OF_A_NAME = 30  # files of one name that are compared with each other

audit.name_actions(
    list_doubles="查看疑似重复", not_the_same="确认不是同一个孩子", warn_of_double="提醒可能重复登记"
)


@dataclass(frozen=True)
class Likeness:
    """How much two children look like one: a score, and the reasons for and against in words."""

    score: int
    alike: tuple
    different: tuple

    @property
    def likely(self):
        """Whether a person should look at the two."""
        return self.score >= LIKELY


def compare(one, other, *, shared_phone=False):
    """The likeness of two children, by name (also former name and homophones), birth date, sex, village, phone.

    0 where the names have nothing in common, however much else fits: twins are no doubles.
    """
    alike, different, score = [], [], 0
    former = {one.former_name, other.former_name} - {""}
    if one.name == other.name:
        score += 3
        alike.append("同名")
    elif former & {one.name, other.name}:
        score += 3
        alike.append("和曾用名相同")
    elif (one.name_key or sort_key(one.name)) == (other.name_key or sort_key(other.name)):
        score += 2
        alike.append("名字同音")
    else:
        return Likeness(0, (), ())
    if one.id_number_index and other.id_number_index:
        if one.id_number_index != other.id_number_index:
            return Likeness(0, (), ("身份证号不同",))
        score += 10
        alike.append("身份证号相同")
    if one.birth_date and other.birth_date:
        same = one.birth_date == other.birth_date
        score += 3 if same else -3
        (alike if same else different).append("出生日期相同" if same else "出生日期不同")
    if one.sex and other.sex and one.sex != other.sex:
        score -= 3
        different.append("性别不同")
    if shared_phone:
        score += 2
        alike.append("家长电话相同")
    if one.village and one.village == other.village:
        score += 1
        alike.append("同村")
    return Likeness(score, tuple(alike), tuple(different))


# --- at entry ----------------------------------------------------------------------------------------------------------


@dataclass
class Alike:
    """What is known when a child is entered: whom the user may be shown, and whether another school has one like it."""

    seen: list  # [(child, Likeness)], the likeliest first
    elsewhere: bool


def before_entry(user, draft):
    """Who might be the child of an unsaved ``draft``.

    Of children at other schools no more is said than that there is one, and only when name and birth date both fit:
    who types must know both already (docs/decisions, doubles).
    """
    key = sort_key(draft.name)
    alike = Q(name_key=key) | Q(former_name=draft.name)
    if draft.former_name:
        alike |= Q(name=draft.former_name)
    found = list(Child.objects.filter(alike, county=draft.county, merged_into=None)[:MOST_OF_A_NAME])
    named = set(
        Child.objects.named_to(user).filter(pk__in=[one.pk for one in found]).values_list("pk", flat=True)
    )
    judged = [(one, compare(draft, one)) for one in found]
    seen = [(one, likeness) for one, likeness in judged if one.pk in named and _worth_asking(likeness)]
    seen.sort(key=lambda pair: (-pair[1].score, pair[0].name_key, pair[0].pk))
    elsewhere = any(
        one.pk not in named
        and draft.birth_date is not None
        and one.birth_date == draft.birth_date
        and likeness.score > 0
        for one, likeness in judged
    )
    if seen or elsewhere:
        audit.record("warn_of_double", by=user, kind="child", count=len(seen) + int(elsewhere))
    return Alike(seen, elsewhere)


def _worth_asking(likeness):
    """The same name asks always, unless the id numbers differ; a homophone only if nothing speaks against it."""
    if "同名" in likeness.alike or "和曾用名相同" in likeness.alike:
        return True
    return likeness.score > 1 and not likeness.different


# --- the list ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two files that look like one child; ``first`` is the older file."""

    first: Child
    second: Child
    likeness: Likeness


def likely_doubles(user, child=None):
    """Pairs of files the user may open that look like one child, the likeliest first; of one ``child`` if named.

    A fixed number of statements: names that occur twice, former names, then phones and what was already confirmed.
    """
    seen = Child.objects.visible_to(user).filter(merged_into=None)
    if child is not None:
        names = {child.name, child.former_name} - {""}
        rows = seen.filter(Q(name_key=child.name_key) | Q(former_name__in=names) | Q(name__in=names))
    else:
        twice = (
            seen.order_by()
            .values("name_key")
            .annotate(number=Count("pk"))
            .filter(number__gt=1)
            .values("name_key")
        )
        former = seen.exclude(former_name="").order_by()
        rows = seen.filter(Q(name_key__in=twice) | Q(name__in=former.values("former_name")))
        rows = seen.filter(Q(pk__in=rows.order_by().values("pk")) | ~Q(former_name=""))
    rows = list(rows.only(*LIGHT).order_by("pk"))
    phones = _phones_of(rows)
    confirmed = set(
        Namesakes.objects.filter(first__in=[one.pk for one in rows]).values_list("first", "second")
    )
    groups = defaultdict(list)
    for one in rows:
        groups[one.name_key].append(one)
        if one.former_name:
            groups[sort_key(one.former_name)].append(one)
    pairs = {}
    for group in groups.values():
        for first, second in combinations(group[:MOST_OF_A_NAME], 2):
            key = (first.pk, second.pk)
            if first.pk == second.pk or key in pairs or key in confirmed:
                continue
            if child is not None and child.pk not in key:
                continue
            likeness = compare(first, second, shared_phone=bool(phones[first.pk] & phones[second.pk]))
            if likeness.likely:
                pairs[key] = Pair(first, second, likeness)
    return sorted(pairs.values(), key=lambda pair: (-pair.likeness.score, pair.first.name_key, pair.first.pk))


LIGHT = (
    "uid", "name", "name_key", "former_name", "sex", "birth_date", "id_number_index", "village", "county", "version",
)  # fmt: skip


def _phones_of(rows):
    """{child id: indexes of the phones of its adults}, with one query; never the numbers."""
    kin = Kinship.objects.filter(child__in=[one.pk for one in rows], guardian__phones__ended_on=None)
    found = defaultdict(set)
    for child, index in kin.values_list("child", "guardian__phones__number_index"):
        if index:
            found[child].add(index)
    return found


def not_the_same(one, other, *, by):
    """A person says that the two are different children: the pair is not proposed again."""
    first, second = sorted((one, other), key=lambda child: child.pk)
    found, made = Namesakes.objects.get_or_create(first=first, second=second, defaults={"confirmed_by": by})
    if made:
        audit.record_many("not_the_same", by=by, kind="child", children=[first, second])
    return found
