"""Posts × what each may see and do: one table, printed as a page, swept by tests.

``TABLE`` holds one line per cell of the posts' table (docs/domain.md, 岗位). Three questions are answered here and nowhere else:
which children (``children_for``), how much of a child (``sight_of``), which acts (``may``, ``require``). Upper floors
register grants with ``grants_child_access``; this floor never learns what a pairing is.

The appointment itself, dated and entered by the leader, is the standing approval (未成年人网络保护条例 36); anything
beyond it opens with a stated reason (``StatedReason``), is logged and reviewed.
"""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from .calendar import school_year_of
from .models import (
    ActivityCenter,
    District,
    Enrollment,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
    StatedReason,
)


class Reach(StrEnum):
    """Which children a post opens by itself."""

    NONE = "none"
    OWN_CLASS = "own_class"
    OWN_GRADE = "own_grade"
    OWN_SCHOOL = "own_school"  # and its 教学点
    NAMES_OF_CLASS = "names_of_class"
    NAMES_OF_SCHOOL = "names_of_school"
    NAMES_OF_CENTER = "names_of_center"
    COUNTS = "counts"  # names, and files, with a stated reason
    COUNTS_ONLY = "counts_only"


class Show(StrEnum):
    """How a protected value is shown."""

    NO = "no"
    MASKED = "masked"  # masked; the full value by a reveal with a reason
    CALL = "call"  # masked with 拨打: the reveal asks no reason beyond the call itself
    EMERGENCY = "emergency"  # with reason, in an emergency


class Words(StrEnum):
    """Whose words of contacts a post reads."""

    NO = "no"
    OWN = "own"
    ALL = "all"
    PRINTED = "printed"  # as printed on forms; never counselling


class Export(StrEnum):
    """What a post may take out with names."""

    NO = "no"
    OWN_CLASS = "own_class"
    OWN = "own"
    SCHOOL = "school"
    SIGN_IN = "sign_in"
    COUNTS = "counts"  # names with a stated reason


class Act(StrEnum):
    """What a post may do; each page asks for one of these."""

    MANAGE_PLACES = "manage_places"
    CONFIRM_CALENDAR = "confirm_calendar"
    MANAGE_SCHOOL_DAYS = "manage_school_days"
    MANAGE_CLASSES = "manage_classes"
    MANAGE_STAFF = "manage_staff"
    EDIT_CHILDREN = "edit_children"
    IMPORT_ROSTER = "import_roster"
    ASSIGN_PAIRINGS = "assign_pairings"
    LOG_CONTACTS = "log_contacts"
    REQUEST_EXCUSE = "request_excuse"
    APPROVE_EXCUSE = "approve_excuse"
    CONFIRM_UNREACHABLE = "confirm_unreachable"
    LOG_OPENINGS = "log_openings"
    MANAGE_CENTERS = "manage_centers"
    SEE_DASHBOARD = "see_dashboard"
    SEE_COUNTY_BOARD = "see_county_board"
    STATE_REASON = "state_reason"
    REVIEW_REASONS = "review_reasons"
    ORDER_REGISTER = "order_register"
    ORDER_DUTIES = "order_duties"
    ORDER_ASSESSMENT = "order_assessment"
    MANAGE_RULES = "manage_rules"
    READ_AUDIT = "read_audit"
    SEE_REGISTERS = "see_registers"
    SEE_HEAD_COUNTS = "see_head_counts"
    PRINT_FORMS = "print_forms"
    HOLD_MEETINGS = "hold_meetings"
    READ_MEETINGS = "read_meetings"
    RUN_SCREENING = "run_screening"
    SCREEN_CLASS = "screen_class"
    HAND_IN_SCREENING = "hand_in_screening"
    REVIEW_SCREENING = "review_screening"
    KEEP_LEAVERS = "keep_leavers"


@dataclass(frozen=True)
class Line:
    """One post's cells."""

    children: Reach
    phone: Show
    id_number: Show
    words: Words
    export: Export
    first_page: str
    acts: frozenset = frozenset()


_TEACHING = {Act.LOG_CONTACTS, Act.REQUEST_EXCUSE}
_REGISTERS = {Act.SEE_REGISTERS, Act.SEE_HEAD_COUNTS}  # lists of families, and their figures
_GROUP = {
    Act.MANAGE_SCHOOL_DAYS, Act.MANAGE_CLASSES, Act.MANAGE_STAFF, Act.EDIT_CHILDREN, Act.IMPORT_ROSTER,
    Act.ASSIGN_PAIRINGS, Act.LOG_CONTACTS, Act.REQUEST_EXCUSE, Act.APPROVE_EXCUSE, Act.CONFIRM_UNREACHABLE, Act.LOG_OPENINGS,
    Act.MANAGE_CENTERS, Act.SEE_DASHBOARD, Act.ORDER_REGISTER, Act.ORDER_DUTIES, Act.ORDER_ASSESSMENT,
    Act.PRINT_FORMS, Act.HOLD_MEETINGS, Act.READ_MEETINGS, Act.SCREEN_CLASS, Act.HAND_IN_SCREENING,
    Act.SEE_REGISTERS, Act.SEE_HEAD_COUNTS,
}  # fmt: skip


def _line(children, phone, id_number, words, export, first_page, acts=()):
    return Line(children, phone, id_number, words, export, first_page, frozenset(acts))


TABLE = {
    PostKind.CLASS_TEACHER: _line(
        Reach.OWN_CLASS, Show.CALL, Show.MASKED, Words.ALL, Export.OWN_CLASS, "today",
        _TEACHING | _REGISTERS | {Act.EDIT_CHILDREN, Act.LOG_OPENINGS, Act.ORDER_REGISTER, Act.PRINT_FORMS, Act.SCREEN_CLASS},
    ),
    PostKind.SUBJECT_TEACHER: _line(
        Reach.NAMES_OF_CLASS, Show.NO, Show.NO, Words.OWN, Export.NO, "today", {Act.LOG_CONTACTS}
    ),
    PostKind.DUTY_TEACHER: _line(
        Reach.NAMES_OF_CLASS, Show.NO, Show.NO, Words.OWN, Export.NO, "today", {Act.LOG_CONTACTS, Act.LOG_OPENINGS}
    ),
    PostKind.TEACHER: _line(Reach.NONE, Show.NO, Show.NO, Words.OWN, Export.NO, "today", _TEACHING),
    PostKind.GRADE_HEAD: _line(
        Reach.OWN_GRADE, Show.CALL, Show.NO, Words.ALL, Export.NO, "dashboard", _TEACHING | _REGISTERS | {Act.SEE_DASHBOARD}
    ),
    PostKind.LEADER: _line(
        Reach.OWN_SCHOOL, Show.CALL, Show.MASKED, Words.ALL, Export.SCHOOL, "dashboard",
        _GROUP | {Act.READ_AUDIT, Act.REVIEW_REASONS, Act.KEEP_LEAVERS},
    ),
    PostKind.DEPUTY: _line(Reach.OWN_SCHOOL, Show.CALL, Show.MASKED, Words.ALL, Export.SCHOOL, "dashboard", _GROUP),
    PostKind.GROUP_OFFICE: _line(
        Reach.OWN_SCHOOL, Show.CALL, Show.MASKED, Words.ALL, Export.SCHOOL, "dashboard", _GROUP
    ),
    PostKind.GROUP_MEMBER: _line(
        Reach.NAMES_OF_SCHOOL, Show.MASKED, Show.NO, Words.OWN, Export.NO, "dashboard",
        _TEACHING | {Act.SEE_DASHBOARD, Act.APPROVE_EXCUSE, Act.LOG_OPENINGS, Act.READ_MEETINGS},
    ),
    PostKind.CENTER_MANAGER: _line(
        Reach.NAMES_OF_CENTER, Show.EMERGENCY, Show.NO, Words.OWN, Export.SIGN_IN, "center",
        _TEACHING | {Act.LOG_OPENINGS, Act.MANAGE_CENTERS},
    ),
    PostKind.COUNSELOR: _line(Reach.NONE, Show.NO, Show.NO, Words.OWN, Export.NO, "today", _TEACHING),
    PostKind.ARCHIVIST: _line(
        Reach.OWN_SCHOOL, Show.CALL, Show.MASKED, Words.PRINTED, Export.SCHOOL, "children",
        _TEACHING | _REGISTERS | {
            Act.EDIT_CHILDREN, Act.IMPORT_ROSTER, Act.ORDER_REGISTER, Act.ORDER_DUTIES, Act.SEE_DASHBOARD,
            Act.PRINT_FORMS, Act.READ_MEETINGS, Act.KEEP_LEAVERS,
        },
    ),
    PostKind.DISTRICT_OFFICER: _line(
        Reach.COUNTS, Show.MASKED, Show.NO, Words.NO, Export.COUNTS, "county_board",
        {
            Act.SEE_COUNTY_BOARD, Act.STATE_REASON, Act.ORDER_REGISTER, Act.ORDER_DUTIES, Act.ORDER_ASSESSMENT,
            Act.REVIEW_SCREENING, Act.SEE_HEAD_COUNTS,
        },
    ),
    PostKind.COUNTY_OFFICER: _line(
        Reach.COUNTS, Show.MASKED, Show.MASKED, Words.NO, Export.COUNTS, "county_board",
        {
            Act.MANAGE_PLACES, Act.CONFIRM_CALENDAR, Act.SEE_COUNTY_BOARD, Act.STATE_REASON, Act.ORDER_REGISTER,
            Act.ORDER_DUTIES, Act.ORDER_ASSESSMENT, Act.MANAGE_RULES, Act.REVIEW_REASONS,
            Act.RUN_SCREENING, Act.REVIEW_SCREENING, Act.SEE_HEAD_COUNTS,
        },
    ),
    PostKind.WOMENS_FEDERATION: _line(
        Reach.COUNTS_ONLY, Show.NO, Show.NO, Words.NO, Export.COUNTS, "county_board",
        {Act.SEE_COUNTY_BOARD, Act.ORDER_REGISTER, Act.ORDER_DUTIES, Act.SEE_HEAD_COUNTS},
    ),
    PostKind.INSPECTOR: _line(Reach.NONE, Show.NO, Show.NO, Words.NO, Export.NO, "assessment", {Act.SEE_COUNTY_BOARD}),
    PostKind.ADMINISTRATOR: _line(
        Reach.NONE, Show.NO, Show.NO, Words.NO, Export.NO, "settings",
        {
            Act.MANAGE_PLACES, Act.CONFIRM_CALENDAR, Act.MANAGE_SCHOOL_DAYS, Act.MANAGE_CLASSES, Act.MANAGE_STAFF,
            Act.MANAGE_CENTERS, Act.READ_AUDIT,
        },
    ),
}  # fmt: skip

SCHOOL_WIDE = frozenset(kind for kind, line in TABLE.items() if line.children == Reach.OWN_SCHOOL)
_FILE_GRANTS: list = []
_NAME_GRANTS: list = []


def grants_child_access(level="file"):
    """Registers ``grant(user) -> Q`` over Child; ``level`` is ``file`` or ``name``. A grant is a subquery, never a join."""

    def register(grant):
        (_FILE_GRANTS if level == "file" else _NAME_GRANTS).append(grant)
        return grant

    return register


def posts_of(user):
    """Posts the account holds today (a list, kept on the user for one request)."""
    if user is None or not user.is_authenticated:
        return []
    if not hasattr(user, "_posts_today"):
        posts = Post.objects.today().filter(staff__user=user)
        user._posts_today = list(
            posts.select_related(
                "county",
                "staff__county",
                "staff__school",
                "school",
                "school_class__school",
                "center",
                "district",
            )
        )
    return user._posts_today


def forget_posts(user):
    """After a post changed within a request."""
    user.__dict__.pop("_posts_today", None)


def _managed(school_ids):
    return School.objects.filter(Q(pk__in=school_ids) | Q(managing_school__in=school_ids)).values("pk")


def _sitting(**where):
    """Children whose enrollment in force today fits ``where``."""
    return Q(pk__in=Enrollment.objects.on(timezone.localdate()).filter(**where).values("child"))


def _school_ids(user, *reaches):
    return {p.school_id for p in posts_of(user) if p.school_id and TABLE[p.kind].children in reaches}


@grants_child_access("file")
def own_class(user):
    """班主任: children of the class today; while a child has no class, see ``own_school``."""
    classes = [p.school_class_id for p in posts_of(user) if TABLE[p.kind].children == Reach.OWN_CLASS]
    return _sitting(school_class__in=classes) if classes else None


@grants_child_access("file")
def own_grade(user):
    """年级组长: classes of the grade at the school."""
    found = None
    for post in posts_of(user):
        if TABLE[post.kind].children != Reach.OWN_GRADE or post.grade is None:
            continue
        classes = [c.pk for c in SchoolClass.objects.filter(school=post.school_id).select_related("school")
                   if c.grade_on() == post.grade]  # fmt: skip
        here = _sitting(school_class__in=classes)
        found = here if found is None else found | here
    return found


@grants_child_access("file")
def own_school(user):
    """组长、副组长、办公室、档案管理员: the school and its 教学点, leavers included until another school has them
    or their file is sealed (封存).
    """
    schools = _school_ids(user, Reach.OWN_SCHOOL)
    if not schools:
        return None
    rows = last_seats_at(_managed(schools)).lasting_to(in_use_since(timezone.localdate()))
    return Q(pk__in=rows.values("child"))


@grants_child_access("file")
def sealed_with_reason(user):
    """组长、档案管理员: a sealed file of the school for which a reason is open."""
    schools = {p.school_id for p in posts_of(user) if p.school_id and Act.KEEP_LEAVERS in TABLE[p.kind].acts}
    if not schools:
        return None
    opened = StatedReason.objects.open().filter(user=user, child__isnull=False).values("child")
    return Q(pk__in=last_seats_at(_managed(schools)).filter(child__in=opened).values("child"))


def last_seats_at(schools):
    """Enrollments at ``schools`` (ids) that are the child's last begun anywhere: of whom the school keeps the file."""
    begun = Enrollment.objects.valid().filter(starts_on__lte=timezone.localdate())
    latest = begun.filter(child=OuterRef("child")).order_by("-starts_on", "-pk").values("pk")[:1]
    return begun.filter(school__in=schools, pk=Subquery(latest))


def in_use_since(day):
    """Whoever left before this day is sealed on ``day``: files are in use to the end of the next school year."""
    return date(school_year_of(day) - 1, 9, 1)


@grants_child_access("file")
def with_stated_reason(user):
    """中心校、县教育局: schools of the scope for which a reason is open."""
    if not any(TABLE[p.kind].children == Reach.COUNTS for p in posts_of(user)):
        return None
    open_now = StatedReason.objects.open().of_schools().filter(user=user).values("school")
    return _sitting(school__in=visible_places(School.objects.filter(pk__in=open_now), user).values("pk"))


@grants_child_access("name")
def names_of_class(user):
    """科任、值守教师: names of the classes taught."""
    classes = [
        p.school_class_id
        for p in posts_of(user)
        if TABLE[p.kind].children == Reach.NAMES_OF_CLASS and p.school_class_id
    ]
    return _sitting(school_class__in=classes) if classes else None


@grants_child_access("name")
def names_of_school(user):
    """领导小组成员: names of the school. 之家管理员: those who can come, which is the center's school."""
    schools = _school_ids(user, Reach.NAMES_OF_SCHOOL, Reach.NAMES_OF_CENTER)
    return _sitting(school__in=_managed(schools)) if schools else None


def children_for(user, level):
    """The Q over Child of what ``user`` may see at ``level`` (``file`` or ``name``)."""
    grants = _FILE_GRANTS if level == "file" else _FILE_GRANTS + _NAME_GRANTS
    if user is None or not user.is_authenticated or not user.is_active:
        return Q(pk__in=[])
    parts = [part for part in (grant(user) for grant in grants) if part is not None]
    return _united([rows for part in parts for rows in _rows_of(part)])


def _rows_of(part):
    """The subqueries of a grant: ``Q(pk__in=…)``, or several of them joined by ``|``."""
    for child in part.children:
        if isinstance(child, Q):
            yield from _rows_of(child)
        elif child[0] != "pk__in" or part.negated or (part.connector != Q.OR and len(part.children) > 1):
            raise TypeError("a grant is a subquery (pk__in), or several joined by |")
        else:
            yield child[1]


def _united(subqueries):
    """One Q over all of them. A union, not ``OR``: of an OR of subqueries a database expects three quarters of all
    children and reads the whole table; of a union it knows that it is a class.
    """
    if not subqueries:
        return Q(pk__in=[])
    first, *rest = [rows.order_by() for rows in subqueries]
    return Q(pk__in=first.union(*rest) if rest else first)


@dataclass(frozen=True)
class Sight:
    """How much of one child a reader sees: the union over the posts (and ties) that reach it."""

    phone: Show
    id_number: Show
    words: Words


_SHOW_ORDER = [Show.NO, Show.EMERGENCY, Show.MASKED, Show.CALL]
_WORDS_ORDER = [Words.NO, Words.OWN, Words.PRINTED, Words.ALL]
_TIE_SIGHTS: list = []


def grants_sight(grant):
    """Registers ``grant(user, child) -> Sight | None`` of a tie on an upper floor."""
    _TIE_SIGHTS.append(grant)
    return grant


def sight_of(user, child, enrollment=None):
    """What ``user`` sees of ``child``; pass the enrollment in force to save its query."""
    enrollment = enrollment or child.enrollment_on()
    if enrollment is None:
        enrollment = (
            child.enrollments.valid().order_by("-starts_on").select_related("school", "school_class").first()
        )
    lines = [TABLE[post.kind] for post in posts_of(user) if _reaches(post, enrollment)]
    return _union([*lines, *(sight for sight in (grant(user, child) for grant in _TIE_SIGHTS) if sight)])


def sight_by_posts(user, enrollment):
    """What the posts alone let ``user`` see of whoever sits there: no query, so it may be asked for a whole class."""
    return _union([TABLE[post.kind] for post in posts_of(user) if _reaches(post, enrollment)])


def _union(sights):
    return Sight(
        phone=max((s.phone for s in sights), key=_SHOW_ORDER.index, default=Show.NO),
        id_number=max((s.id_number for s in sights), key=_SHOW_ORDER.index, default=Show.NO),
        words=max((s.words for s in sights), key=_WORDS_ORDER.index, default=Words.NO),
    )


def calls_by_name(user):
    """Whether a reader of names only may ask for the phone of such a child (with a reason, or in an emergency)."""
    lines = [TABLE[post.kind] for post in posts_of(user)]
    names_only = (Reach.NAMES_OF_SCHOOL, Reach.NAMES_OF_CENTER, Reach.NAMES_OF_CLASS)
    return any(line.children in names_only and line.phone != Show.NO for line in lines)


def _reaches(post, enrollment):
    if enrollment is None:
        return False
    reach, school = TABLE[post.kind].children, enrollment.school
    at_school = post.school_id in (school.pk, school.managing_school_id)
    if reach in (Reach.OWN_CLASS, Reach.NAMES_OF_CLASS):
        return post.school_class_id is not None and post.school_class_id == enrollment.school_class_id
    if reach == Reach.OWN_GRADE:
        return at_school and enrollment.school_class_id and enrollment.school_class.grade_on() == post.grade
    if reach in (Reach.OWN_SCHOOL, Reach.NAMES_OF_SCHOOL, Reach.NAMES_OF_CENTER):
        return at_school
    if reach == Reach.COUNTS:
        return (
            post.district_id == school.district_id if post.district_id else post.county_id == school.county_id
        )
    return False


def _post_covers(post, *, school=None, county=None, school_class=None, center=None):
    if center is not None and post.center_id:
        return post.center_id == center.pk
    if school_class is not None and post.school_class_id and TABLE[post.kind].children == Reach.OWN_CLASS:
        return post.school_class_id == school_class.pk
    if school is not None:
        if post.school_id:
            return post.school_id in (school.pk, school.managing_school_id)
        if post.district_id:
            return post.district_id == school.district_id
        return post.county_id == school.county_id
    if county is not None:
        return post.county_id == county.pk and post.school_id is None and post.district_id is None
    return True


def may(user, act, *, school=None, county=None, school_class=None, center=None):
    """Whether a post of ``user`` allows ``act`` (over that school, county or class when one is named).

    With ``center`` a post over one center (之家管理员) counts for that center only.
    """
    return any(
        act in TABLE[post.kind].acts
        and _post_covers(post, school=school, county=county, school_class=school_class, center=center)
        for post in posts_of(user)
    )


def may_list_children(user):
    """Whether a list of children can hold anything for ``user``: a post that reaches some, or a tie it may log for."""
    lines = [TABLE[post.kind] for post in posts_of(user)]
    return not lines or any(
        line.children not in (Reach.NONE, Reach.COUNTS_ONLY) or Act.LOG_CONTACTS in line.acts
        for line in lines
    )


def require(user, act, **where):
    """Raises PermissionDenied (403: a missing function) unless ``may``."""
    if not may(user, act, **where):
        raise PermissionDenied("您的岗位没有这项功能")


def schools_for(user, act):
    """Schools over which ``user`` may do ``act``: own schools and their 教学点, the district's, the county's."""
    return _places_of([post for post in posts_of(user) if act in TABLE[post.kind].acts], School.objects.all())


def classes_for(user, act):
    """Classes over whose children ``user`` may do ``act``: the own class, or all of the schools in reach."""
    posts = [post for post in posts_of(user) if act in TABLE[post.kind].acts]
    own = [post.school_class_id for post in posts if TABLE[post.kind].children == Reach.OWN_CLASS]
    wide = [post for post in posts if TABLE[post.kind].children != Reach.OWN_CLASS]
    schools = _places_of(wide, School.objects.all()).values("pk")
    return SchoolClass.objects.filter(Q(pk__in=own) | Q(school__in=schools))


def schools_whole(user, act):
    """Schools over which ``user`` may do ``act`` as a whole, not only for one class."""
    posts = [
        p for p in posts_of(user) if act in TABLE[p.kind].acts and TABLE[p.kind].children != Reach.OWN_CLASS
    ]
    return _places_of(posts, School.objects.all())


def _places_of(posts, schools):
    allowed = Q(pk__in=[])
    for post in posts:
        if post.school_id:
            allowed |= Q(pk=post.school_id) | Q(managing_school=post.school_id)
        elif post.district_id:
            allowed |= Q(district=post.district_id)
        elif post.center_id:
            continue
        else:
            allowed |= Q(county=post.county_id)
    return schools.filter(allowed)


def visible_places(queryset, user):
    """Districts, schools, classes, centers inside the scopes of the user's posts."""
    posts = posts_of(user)
    schools = _places_of(posts, School.objects.all())
    if queryset.model is School:
        return queryset.filter(pk__in=schools.values("pk"))
    if queryset.model is SchoolClass:
        return queryset.filter(school__in=schools.values("pk"))
    if queryset.model is District:
        counties = [p.county_id for p in posts if not p.school_id and not p.district_id]
        own = [p.district_id for p in posts if p.district_id]
        return queryset.filter(Q(county__in=counties) | Q(pk__in=own))
    if queryset.model is ActivityCenter:
        own = [p.center_id for p in posts if p.center_id]
        counties = [p.county_id for p in posts if not p.school_id and not p.district_id and not p.center_id]
        return queryset.filter(
            Q(school__in=schools.values("pk")) | Q(pk__in=own) | Q(school=None, county__in=counties)
        )
    raise TypeError(f"{queryset.model.__name__} is no place")


def visible_staff(queryset, user):
    """Colleagues: of the schools in scope; for county posts and administrators those of the county offices too."""
    posts = posts_of(user)
    schools = _places_of(posts, School.objects.all()).values("pk")
    counties = [p.county_id for p in posts if not p.school_id and not p.district_id and not p.center_id]
    today = timezone.localdate()
    at_schools = Post.objects.on(today).filter(school__in=schools).values("staff")
    return queryset.filter(
        Q(school__in=schools) | Q(pk__in=at_schools) | Q(county__in=counties, school=None) | Q(user=user)
    )


def staff_of(user):
    """The staff member behind the account, or None."""
    if user is None or not user.is_authenticated:
        return None
    if not hasattr(user, "_staff_cache"):
        posts = posts_of(user)
        user._staff_cache = (
            posts[0].staff
            if posts
            else Staff.objects.filter(user=user).select_related("school", "county").first()
        )
    return user._staff_cache


FIRST_PAGE_ORDER = ["dashboard", "county_board", "today", "center", "children", "assessment", "settings"]


def first_page(user):
    """Name of the first page: a leader's dashboard before a teacher's 今日, settings last; ``today`` without posts."""
    pages = {TABLE[post.kind].first_page for post in posts_of(user)}
    return next((page for page in FIRST_PAGE_ORDER if page in pages), "today")


def cells():
    """Every cell of the table as (post, column, value), for the page and the sweep."""
    for kind, line in TABLE.items():
        for column in fields(Line):
            yield kind, column.name, getattr(line, column.name)
