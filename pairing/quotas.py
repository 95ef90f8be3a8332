"""Quotas (包保名额): how many primary pairings a person should hold, by post or by person, and who is over or under.

A list for help, never a ranking: people stand in pinyin order inside each group.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from registry.models import Post, PostKind, School
from trust import audit
from trust.models import VersionConflict

from .models import Quota
from .pairings import primary_counts

# Where a school has set nothing: one to two children each (一对一或一对二), the same range that rule F63 asks for.
MINIMUM, MAXIMUM = 1, 2
KINDS = (
    PostKind.CLASS_TEACHER, PostKind.SUBJECT_TEACHER, PostKind.DUTY_TEACHER, PostKind.TEACHER, PostKind.GRADE_HEAD,
    PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.GROUP_MEMBER, PostKind.CENTER_MANAGER,
    PostKind.COUNSELOR, PostKind.ARCHIVIST,
)  # fmt: skip

audit.name_actions(set_quota="定包保名额", clear_quota="取消单独的包保名额")


@dataclass
class Load:
    """How many primary pairings one person holds, against the quota that applies."""

    staff: object
    posts: list
    pairings: int
    minimum: int
    maximum: int
    quota: Quota | None = None  # the row that decided; None = what applies where nothing is set

    @property
    def own(self):
        """Whether the quota is this person's own."""
        return self.quota is not None and self.quota.staff_id is not None

    @property
    def over(self):
        """Children above the maximum; 0 if not over."""
        return max(self.pairings - self.maximum, 0)

    @property
    def under(self):
        """Children below the minimum; 0 if not under."""
        return max(self.minimum - self.pairings, 0)

    @property
    def room(self):
        """How many more fit."""
        return max(self.maximum - self.pairings, 0)

    @property
    def post_words(self):
        """Posts in words, each once."""
        return "、".join(dict.fromkeys(str(post) for post in self.posts))


def loads(schools, day):
    """The load of everybody with a post at one of ``schools`` on ``day``, in pinyin order; four queries."""
    posts = Post.objects.on(day).filter(school__in=schools, kind__in=KINDS)
    posts = posts.select_related("staff", "school", "school_class__school", "center").order_by(
        "staff__name_key", "staff_id", "starts_on", "pk"
    )
    by_staff = {}
    for post in posts:
        by_staff.setdefault(post.staff_id, []).append(post)
    counts = primary_counts(day, list(by_staff))
    managing = dict(School.objects.filter(pk__in=schools).values_list("pk", "managing_school"))
    known = {}
    for quota in Quota.objects.filter(school__in={*managing, *managing.values()} - {None}):
        known[quota.school_id, quota.staff_id or quota.post_kind] = quota
    return [
        _load(found, counts.get(staff_id, 0), _quota_for(found, known, managing))
        for staff_id, found in by_staff.items()
    ]


def _load(posts, pairings, quota):
    limits = (quota.minimum, quota.maximum) if quota else (MINIMUM, MAXIMUM)
    return Load(posts[0].staff, posts, pairings, *limits, quota)


def _quota_for(posts, known, managing):
    """The person's own; else, of those for the posts held, the one that allows most; else the school's for everybody."""
    for key in ("person", "post", "everybody"):
        found = []
        for post in posts:
            what = {"person": post.staff_id, "post": post.kind, "everybody": ""}[key]
            places = (post.school_id, managing.get(post.school_id))
            found += [known[place, what] for place in places if (place, what) in known][:1]
        if found:
            return max(found, key=lambda quota: (quota.maximum, quota.minimum))
    return None


def over_quota(schools, day):
    """Loads above their maximum: an alarm for the leader."""
    return [load for load in loads(schools, day) if load.over]


def under_quota(schools, day):
    """Loads below their minimum."""
    return [load for load in loads(schools, day) if load.under]


def set_quota(*, school, minimum, maximum, by, post_kind="", staff=None, expected=None):
    """Set the quota of a post kind ("" = everybody at the school) or of one person. Returns the row.

    ``expected`` = version of the row the form showed, None where it showed none.
    """
    if post_kind and post_kind not in KINDS:
        raise ValidationError({"post_kind": "这个岗位不定包保名额"})
    key = {"school": school, "staff": staff, "post_kind": "" if staff else post_kind}
    try:
        with transaction.atomic():
            quota = Quota.objects.filter(**key).first()
            if quota is None:
                quota = Quota(**key, minimum=minimum, maximum=maximum)
                quota.full_clean()
                quota.save()
            elif (quota.minimum, quota.maximum) == (minimum, maximum):
                return quota
            else:
                stored = quota.version
                if expected != stored:
                    raise VersionConflict(quota)
                quota.minimum, quota.maximum = minimum, maximum
                quota.full_clean()
                quota.save_version(stored)
            audit.record(
                "set_quota", by=by, kind="quota", uid=quota,
                detail=f"{_whom(quota)}：{minimum}–{maximum} 个",
            )  # fmt: skip
    except IntegrityError:
        raise ValidationError("刚才有人定过这个名额，请刷新再看") from None
    return quota


def clear_quota(*, quota, by):
    """Without a row of its own the post or person falls back to what applies to everybody. The audit trail keeps it."""
    with transaction.atomic():
        gone, _ = Quota.objects.filter(pk=quota.pk).delete()
        if gone:
            audit.record(
                "clear_quota", by=by, kind="quota", uid=quota,
                detail=f"{_whom(quota)}：原来 {quota.minimum}–{quota.maximum} 个",
            )  # fmt: skip


def _whom(quota):
    if quota.staff_id:
        return "个人"
    return PostKind(quota.post_kind).label if quota.post_kind else "全校"
