"""Who answers for a duty on a day: the holder of the responsible role, else the leader (nobody = an alarm)."""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from pairing.models import ClassCover, Pairing
from registry.models import Post, School

from .models import Responsible, Subject

_LEADING = ("leader", "deputy", "group_office", "group_member")
_ROLE_POSTS = ("class_teacher", "center_manager", *_LEADING)


class Held(NamedTuple):
    """Who held a role from when to when: all that is read of a post, cover or pairing."""

    staff_id: int
    starts_on: date
    ends_on: date | None

    def in_force_on(self, day):
        """Whether it holds on ``day``."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)


_HELD = ("staff", "starts_on", "ends_on")


class Holders:
    """Holders of responsible roles in one county on the days these duties ask for. Costs up to four queries."""

    def __init__(self, county, duties):
        self.days = {duty.item.holder_on for duty in duties}
        roles = {duty.rule.responsible for duty in duties}
        self.posts, self.covers, self.ties = defaultdict(list), defaultdict(list), defaultdict(list)
        self.managing = {}
        if not self.days:
            return
        first, last = min(self.days), max(self.days)
        self.managing = dict(School.objects.filter(county=county).values_list("pk", "managing_school"))
        posts = Post.objects.filter(county=county, kind__in=_ROLE_POSTS).overlapping(first, last)
        for kind, school, school_class, center, *held in posts.order_by("starts_on", "staff_id").values_list(
            "kind", "school", "school_class", "center", *_HELD
        ):
            place = {"class_teacher": school_class, "center_manager": center}.get(kind, school)
            self.posts[kind, place].append(Held(*held))
        if Responsible.LEADER in roles:
            covers = ClassCover.objects.filter(school_class__school__county=county).overlapping(first, last)
            for school_class, *held in covers.order_by("starts_on", "staff_id").values_list(
                "school_class", *_HELD
            ):
                self.covers[school_class].append(Held(*held))
        kinds = {Responsible.PAIRED: "primary", Responsible.PROXY: "proxy"}
        wanted = [kind for role, kind in kinds.items() if role in roles]
        if wanted:
            children = {
                duty.subject_id
                for duty in duties
                if duty.rule.subject == Subject.CHILD and duty.rule.responsible in kinds
            }
            ties = Pairing.objects.filter(child__county=county, kind__in=wanted, staff__isnull=False)
            for kind, child, *held in (
                ties.overlapping(first, last)
                .order_by("starts_on", "staff_id")
                .values_list("kind", "child", *_HELD)
            ):
                if child in children:
                    self.ties[kind, child].append(Held(*held))

    def of(self, duty):
        """Id of the staff member who answers for the duty on its holder day, or None: 无人负责."""
        return self.direct(duty) or self._leader(duty)

    def direct(self, duty):
        """The holder of the responsible role itself, without falling back on the leader."""
        rule, day = duty.rule, duty.item.holder_on
        role = rule.responsible
        if role == Responsible.SELF:
            return duty.subject_id if rule.subject == Subject.STAFF else None
        if role == Responsible.CENTER_MANAGER:
            return (
                _first(self.posts["center_manager", duty.subject_id], day)
                if rule.subject == Subject.CENTER
                else None
            )
        if role in (Responsible.PAIRED, Responsible.PROXY):
            kind = "primary" if role == Responsible.PAIRED else "proxy"
            return _first(self.ties[kind, duty.subject_id], day) if rule.subject == Subject.CHILD else None
        school_class = duty.holder_class_id
        if role == Responsible.CLASS_TEACHER:
            return _first(self.posts["class_teacher", school_class], day) if school_class else None
        covers = self.covers[school_class] if school_class else ()
        # A cover left open by somebody who left the leading group names nobody.
        leading = [one for one in covers if self._leads(one.staff_id, duty.school_id, day)]
        return _first(leading, day) or self._at_school("group_office", duty, day)

    def _leader(self, duty):
        return self._at_school("leader", duty, duty.item.holder_on)

    def _leads(self, staff_id, school_id, day):
        """Whether the person is in the leading group of the school, or of the one that manages it, on ``day``."""
        schools = {school_id, self.managing.get(school_id)} - {None}
        return any(
            post.staff_id == staff_id and post.in_force_on(day)
            for school in schools
            for kind in _LEADING
            for post in self.posts[kind, school]
        )

    def _at_school(self, kind, duty, day):
        """The earliest holder at the school or its managing school."""
        if duty.school_id is None:
            return None
        schools = {duty.school_id, self.managing.get(duty.school_id)} - {None}
        posts = [post for school in schools for post in self.posts[kind, school]]
        return _first(sorted(posts, key=lambda post: (post.starts_on, post.staff_id)), day)


def _first(spells, day):
    return next((spell.staff_id for spell in spells if spell.in_force_on(day)), None)
