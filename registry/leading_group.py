"""领导小组 and the other posts of a school on any day (C001–C003): who holds them, which nobody holds, who held them before."""

from dataclasses import dataclass, field
from datetime import date

from django.utils import timezone

from .models import LEADING_GROUP, ActivityCenter, Post, PostKind, SchoolClass

# What a school is expected to have besides a 班主任 for each class and a 管理员 for each center; a 教学点 is led from the
# school that manages it.
EXPECTED = (PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.ARCHIVIST, PostKind.COUNSELOR)
KEPT = (*LEADING_GROUP, PostKind.ARCHIVIST, PostKind.COUNSELOR, PostKind.CENTER_MANAGER, PostKind.GRADE_HEAD)


@dataclass
class ExpectedPost:
    """A post the school should have on a day, and who holds it."""

    kind: PostKind
    place: str = ""
    posts: list = field(default_factory=list)

    @property
    def words(self):
        """四(1)班班主任, 档案管理员."""
        return f"{self.place}{self.kind.label}"

    @property
    def vacant(self):
        """Nobody holds it."""
        return not self.posts


def expected_posts(school, day=None):
    """[ExpectedPost] of a school on ``day``, the leading group first. Three queries."""
    day = day or timezone.localdate()
    held = {}
    for post in Post.objects.on(day).filter(school=school).select_related("staff"):
        held.setdefault((post.kind, post.school_class_id or post.center_id), []).append(post)
    found = []
    if not school.managing_school_id:
        found = [ExpectedPost(kind, posts=held.get((kind, None), [])) for kind in EXPECTED]
    for center in ActivityCenter.objects.filter(school=school, starts_on__lte=day).order_by("pk"):
        if center.ends_on is None or center.ends_on >= day:
            posts = held.get((PostKind.CENTER_MANAGER, center.pk), [])
            found.append(ExpectedPost(PostKind.CENTER_MANAGER, center.name, posts))
    classes = SchoolClass.objects.filter(school=school).running_on(day)
    for one in classes:
        one.school = school
    for one in sorted(classes, key=lambda c: (c.grade_on(day), c.number)):
        posts = held.get((PostKind.CLASS_TEACHER, one.pk), [])
        found.append(ExpectedPost(PostKind.CLASS_TEACHER, one.name_on(day), posts))
    return found


def history(school):
    """Posts that ended or are to come, the latest first: 换届 and every change of holder. One query."""
    today = timezone.localdate()
    posts = Post.objects.valid().filter(school=school, kind__in=KEPT).select_related("staff", "center")
    gone = [post for post in posts if not post.in_force_on(today)]
    return sorted(gone, key=lambda post: (post.ends_on or date.max, post.starts_on, post.pk), reverse=True)


def change_days(school):
    """The days on which the leading group changed, the latest first: a click shows the group of that day."""
    posts = Post.objects.valid().filter(school=school, kind__in=LEADING_GROUP)
    days = {starts_on for (starts_on,) in posts.values_list("starts_on") if starts_on <= timezone.localdate()}
    return sorted(days, reverse=True)
