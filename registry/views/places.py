"""Pages of the settings: the county, districts, schools, classes. Thin doors to ``registry.places``."""

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from .. import access, places, staff
from ..access import Act
from ..forms.places import (
    ClassesForm,
    ClassForm,
    CountyForm,
    DistrictForm,
    EndForm,
    OneClassForm,
    SchoolForm,
)
from ..models import (
    COUNTY_KINDS,
    GRADE_NAMES,
    County,
    District,
    Post,
    PostKind,
    School,
    SchoolClass,
    Stage,
    grade_year,
)
from .answers import answer_form, form_view

SETTINGS_ACTS = (
    Act.MANAGE_PLACES, Act.CONFIRM_CALENDAR, Act.MANAGE_SCHOOL_DAYS, Act.MANAGE_CLASSES, Act.MANAGE_STAFF,
)  # fmt: skip
STAGE_ORDER = [Stage.KINDERGARTEN, Stage.PRIMARY, Stage.JUNIOR]


def may_see_settings(user):
    """Whether any of the settings is the user's to make."""
    return any(access.may(user, act) for act in SETTINGS_ACTS)


def county_or_404(request, uid, act):
    """A county of the user's posts (404), over the whole of which ``act`` is allowed (403)."""
    county = get_object_or_404(County, uid=uid)
    if county not in places.counties_of(request.user):
        raise Http404
    access.require(request.user, act, county=county)
    return county


def school_or_404(request, uid, act=None):
    """A school in the user's scope; with ``act`` 403 unless it is allowed there."""
    schools = School.objects.visible_to(request.user).select_related("county", "district", "managing_school")
    school = get_object_or_404(schools, uid=uid)
    if act is not None:
        access.require(request.user, act, school=school)
    return school


@require_safe
def settings_home(request):
    """设置: what of it is the user's."""
    user = request.user
    if not may_see_settings(user):
        raise PermissionDenied("您的岗位没有设置要管")
    schools = staff.schools_managed(user)
    whole = places.counties_of(user, Act.MANAGE_PLACES)
    context = {
        "counties": whole,
        "sees_calendar": bool(places.counties_of(user)),
        "confirms_calendar": bool(places.counties_of(user, Act.CONFIRM_CALENDAR)),
        "school_count": School.objects.visible_to(user).filter(ends_on=None).count(),
        "manages_staff": access.may(user, Act.MANAGE_STAFF),
        "manages_classes": access.may(user, Act.MANAGE_CLASSES),
        "vacancies": len(staff.vacancies(schools.filter(ends_on=None)))
        if access.may(user, Act.MANAGE_STAFF)
        else 0,
    }
    return render(request, "registry/places/settings.html", context)


# --- county and districts ---------------------------------------------------------------------------------------------


@form_view
def county_edit(request, uid):
    """Name, usual closing day and definition of a county."""
    county = county_or_404(request, uid, Act.MANAGE_PLACES)
    form = CountyForm(request.POST if request.method == "POST" else None, county=county)

    def save(data):
        data = dict(data)
        places.correct_county(county, by=request.user, expected=data.pop("version"), **data)

    return answer_form(
        request, form, save, title=f"{county.name}的资料", back=reverse("registry:settings"),
        note=f"行政区划代码 {county.code}。结账日改了，从还没有结账的月份起算。",
    )  # fmt: skip


@require_safe
def district_list(request):
    """Districts (学区) of the county."""
    counties = places.counties_of(request.user, Act.MANAGE_PLACES)
    if not counties:
        raise PermissionDenied("您的岗位没有这项功能")
    found = District.objects.visible_to(request.user).filter(county__in=counties)
    districts = found.prefetch_related(
        Prefetch("schools", School.objects.filter(ends_on=None), to_attr="open_schools")
    )
    return render(request, "registry/places/districts.html", {"districts": districts, "counties": counties})


@form_view
def district_add(request, uid):
    """One district more; ``uid`` is the county's."""
    county = county_or_404(request, uid, Act.MANAGE_PLACES)
    form = DistrictForm(request.POST if request.method == "POST" else None)

    def save(data):
        places.add_district(by=request.user, county=county, **data)
        return f"{data['name']}登记好了"

    return answer_form(
        request, form, save, title="加一个学区", back=reverse("registry:district_list"), act="登记"
    )


@form_view
def district_edit(request, uid):
    """Correct a district."""
    district = get_object_or_404(District.objects.visible_to(request.user).select_related("county"), uid=uid)
    access.require(request.user, Act.MANAGE_PLACES, county=district.county)
    form = DistrictForm(
        request.POST if request.method == "POST" else None,
        initial={"code": district.code, "name": district.name},
    )

    def save(data):
        places.correct_district(district, by=request.user, **data)

    return answer_form(
        request, form, save, title=f"修改{district.name}", back=reverse("registry:district_list")
    )


# --- schools ----------------------------------------------------------------------------------------------------------


@require_safe
def school_list(request):
    """Schools of the user's scope."""
    user = request.user
    if not may_see_settings(user):
        raise PermissionDenied("您的岗位没有设置要管")
    schools = list(
        School.objects.visible_to(user).select_related("district", "managing_school").order_by("code")
    )
    today = timezone.localdate()
    running = {}
    for school_id in (
        SchoolClass.objects.filter(school__in=schools).running_on(today).values_list("school", flat=True)
    ):
        running[school_id] = running.get(school_id, 0) + 1
    leaders = {
        post.school_id: post.staff.name
        for post in Post.objects.on(today)
        .filter(kind=PostKind.LEADER, school__in=schools)
        .select_related("staff")
    }
    county_wide = any(post.kind in COUNTY_KINDS for post in access.posts_of(user))
    rows = [
        {"school": school, "classes": running.get(school.pk, 0), "leader": leaders.get(school.pk, "")}
        for school in schools
    ]
    context = {
        "rows": rows,
        "counties": places.counties_of(user, Act.MANAGE_PLACES),
        "shows_leaders": access.may(user, Act.MANAGE_STAFF) or not county_wide,
        "today": today,
    }
    return render(request, "registry/places/schools.html", context)


@form_view
def school_add(request, uid):
    """One school more; ``uid`` is the county's."""
    county = county_or_404(request, uid, Act.MANAGE_PLACES)
    form = SchoolForm(request.POST if request.method == "POST" else None, county=county)
    made = []

    def save(data):
        made.append(places.add_school(by=request.user, county=county, **form.details()))
        return f"{made[0].name}登记好了，接着加班级"

    return answer_form(
        request, form, save, title="登记学校", back=reverse("registry:school_list"), act="登记",
        done=lambda: made[0].get_absolute_url(),
    )  # fmt: skip


@require_safe
def school_detail(request, uid):
    """A school: its data, its classes with their teachers, its leading group."""
    school = school_or_404(request, uid)
    user, today = request.user, timezone.localdate()
    classes = list(school.classes.all())
    teachers = {}
    held = Post.objects.on(today).filter(school=school, kind=PostKind.CLASS_TEACHER)
    for post in held.select_related("staff"):
        teachers[post.school_class_id] = post
    for one in classes:
        one.school = school
        one.teacher = teachers.get(one.pk)
        one.running = one.entry_year <= grade_year(today) and one.ends_on >= today
        one.coming = one.entry_year > grade_year(today)
    classes.sort(key=lambda c: (STAGE_ORDER.index(c.stage), -c.entry_year, c.number))
    context = {
        "school": school,
        "classes": [one for one in classes if one.running or one.coming],
        "past": [one for one in classes if not (one.running or one.coming)],
        "group": staff.leading_group(school, today),
        "points": list(school.teaching_points.order_by("code")),
        "stage_words": "、".join(stage.label for stage in school.stages),
        "may_edit": access.may(user, Act.MANAGE_PLACES, school=school),
        "may_classes": access.may(user, Act.MANAGE_CLASSES, school=school),
        "may_staff": access.may(user, Act.MANAGE_STAFF, school=school),
        "over": school.ends_on is not None and school.ends_on < today,
    }
    return render(request, "registry/places/school.html", context)


@form_view
def school_edit(request, uid):
    """Correct a school's data."""
    school = school_or_404(request, uid, Act.MANAGE_PLACES)
    form = SchoolForm(request.POST if request.method == "POST" else None, county=school.county, school=school)

    def save(data):
        places.correct_school(school, by=request.user, expected=data["version"], **form.details())

    return answer_form(request, form, save, title=f"修改{school.name}", back=school.get_absolute_url())


@form_view
def school_end(request, uid):
    """The school is merged or closed."""
    school = school_or_404(request, uid, Act.MANAGE_PLACES)
    form = EndForm(request.POST if request.method == "POST" else None)

    def save(data):
        places.end_school(school, by=request.user, **data)
        return f"{school.name}到 {data['last_day']:%Y-%m-%d} 为止，以前的记录都在"

    return answer_form(
        request, form, save, title=f"撤并{school.name}？", back=school.get_absolute_url(), act="撤并这所学校",
        danger=True, note="班级和岗位到这一天一起结束。孩子要先办离校。以前的记录仍可查看。",
    )  # fmt: skip


# --- classes ----------------------------------------------------------------------------------------------------------


@form_view
def classes_add(request, uid):
    """Several classes at once: how many each grade has."""
    school = school_or_404(request, uid, Act.MANAGE_CLASSES)
    running = []
    for one in school.classes.running_on(timezone.localdate()):
        one.school = school
        running.append((one.grade_on(), one.number))
    form = ClassesForm(request.POST if request.method == "POST" else None, school=school, running=running)

    def save(data):
        made = places.add_classes(school, by=request.user, numbers=form.numbers())
        return f"加了 {len(made)} 个班" if made else "没有新的班要加"

    return answer_form(
        request, form, save, title=f"{school.name}：每个年级几个班", back=school.get_absolute_url(), act="加这些班",
        note="写每个年级一共几个班，从 1 班排起；已经有的不动。没有的年级空着。",
    )  # fmt: skip


@form_view
def class_add(request, uid):
    """One class more, with any number; ``uid`` is the school's."""
    school = school_or_404(request, uid, Act.MANAGE_CLASSES)
    form = OneClassForm(request.POST if request.method == "POST" else None, school=school)

    def save(data):
        made = places.add_classes(school, by=request.user, numbers={data["grade"]: [data["number"]]})
        if not made:
            return f"{GRADE_NAMES[data['grade']]}{data['number']}班已经有了"
        return f"{made[0].name_on()}加好了"

    return answer_form(
        request, form, save, title=f"{school.name}：加一个班", back=school.get_absolute_url(), act="加班级"
    )


def _class_or_404(request, uid, act=None):
    classes = SchoolClass.objects.visible_to(request.user).select_related("school__county")
    found = get_object_or_404(classes, uid=uid)
    if act is not None:
        access.require(request.user, act, school=found.school)
    return found


@require_safe
def class_detail(request, uid):
    """A class: its grade today, its teachers from–to."""
    found = _class_or_404(request, uid)
    posts = Post.objects.visible_to(request.user).valid().filter(school_class=found).select_related("staff")
    today = timezone.localdate()
    context = {
        "school_class": found,
        "school": found.school,
        "posts": sorted(posts, key=lambda post: (not post.in_force_on(today), -post.starts_on.toordinal())),
        "today": today,
        "vacant": not any(p.kind == PostKind.CLASS_TEACHER and p.in_force_on(today) for p in posts)
        and found.ends_on >= today,
        "may_children": access.may_list_children(request.user),
        "may_classes": access.may(request.user, Act.MANAGE_CLASSES, school=found.school),
        "may_split": access.may(request.user, Act.IMPORT_ROSTER, school=found.school),
        "may_staff": access.may(request.user, Act.MANAGE_STAFF, school=found.school),
    }
    return render(request, "registry/places/class.html", context)


@form_view
def class_edit(request, uid):
    """Correct entry year, number, size."""
    found = _class_or_404(request, uid, Act.MANAGE_CLASSES)
    form = ClassForm(request.POST if request.method == "POST" else None, school_class=found)

    def save(data):
        data = dict(data)
        places.correct_class(found, by=request.user, expected=data.pop("version"), **data)

    return answer_form(
        request, form, save, title=f"修改{found.name_on()}", back=found.get_absolute_url(),
        note="年级不用每年改，跟着入学年份走，8 月 15 日升级。",
    )  # fmt: skip


@form_view
def class_end(request, uid):
    """Dissolve a class."""
    found = _class_or_404(request, uid, Act.MANAGE_CLASSES)
    form = EndForm(request.POST if request.method == "POST" else None)
    version = found.version

    def save(data):
        places.end_class(found, by=request.user, expected=version, **data)
        return f"这个班到 {data['last_day']:%Y-%m-%d} 为止"

    return answer_form(
        request, form, save, title=f"结束{found.name_on()}？", back=found.get_absolute_url(), act="结束这个班", danger=True,
        note="撤班、并班时用；毕业不用办，到了日子自己结束。孩子要先调到别的班。",
    )  # fmt: skip
