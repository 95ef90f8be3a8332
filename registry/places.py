"""What happens to places: county, districts (学区), schools, classes are entered, corrected, ended.

Each function checks, saves and writes its audit entry in one transaction. Rows that two people may edit are saved
against the version the form was opened with (``trust.models.VersionConflict``).
"""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit

from . import access
from .calendar import Calendar
from .classes import last_day_of
from .models import County, District, Enrollment, Post, School, SchoolClass, grade_year

ONE_DAY = timedelta(days=1)

audit.name_actions(
    add_county="登记县",
    correct_county="修改县的资料",
    add_district="登记学区",
    correct_district="修改学区",
    add_school="登记学校",
    correct_school="修改学校资料",
    end_school="学校撤并",
    add_classes="登记班级",
    correct_class="修改班级",
    end_class="结束班级",
)
audit.name_kinds(county="县", district="学区", school="学校", schoolclass="班级")


def counties_of(user, act=None):
    """Counties of the user's posts; with ``act`` only those over the whole of which it is allowed."""
    counties = County.objects.filter(pk__in={post.county_id for post in access.posts_of(user)}).order_by(
        "code"
    )
    return [county for county in counties if act is None or access.may(user, act, county=county)]


def _correct(row, action, *, by, expected=None, **changes):
    """Set fields, check, save against the expected version, write the trail. Unchanged = nothing happens."""
    changed = [name for name, value in changes.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, changes[name])
    if not changed:
        return row
    with transaction.atomic():
        row.full_clean()
        if expected is None:
            row.save()
        else:
            row.save_version(expected)
        audit.record(action, by=by, kind=row._meta.model_name, uid=row, fields=changed)
    return row


def _add(row, action, *, by):
    with transaction.atomic():
        row.full_clean()
        row.save()
        audit.record(action, by=by, kind=row._meta.model_name, uid=row)
    return row


# --- county and districts ---------------------------------------------------------------------------------------------


def add_county(*, by, code, name):
    """A county; everything else belongs to one."""
    return _add(County(code=code, name=name), "add_county", by=by)


def correct_county(county, *, by, expected, **changes):
    """Correct name, usual closing day or the definition of the care list (口径)."""
    return _correct(county, "correct_county", by=by, expected=expected, **changes)


def add_district(*, by, county, code, name):
    """A group of schools under a central school."""
    return _add(District(county=county, code=code, name=name), "add_district", by=by)


def correct_district(district, *, by, **changes):
    """Correct code or name."""
    return _correct(district, "correct_district", by=by, **changes)


# --- schools ----------------------------------------------------------------------------------------------------------


def add_school(*, by, county, **details):
    """A school or teaching point (教学点)."""
    school = School(county=county, **details)
    _check_managing_school(school)
    return _add(school, "add_school", by=by)


def correct_school(school, *, by, expected, **changes):
    """Correct a school's data. The last days of its classes follow its stages and system."""
    for name, value in changes.items():
        if name in ("has_kindergarten", "has_primary", "has_junior") and getattr(school, name) and not value:
            _refuse_stage_in_use(school, name.removeprefix("has_"))
    before = school.system
    if "managing_school" in changes:
        _check_managing_school(school, changes["managing_school"])
    with transaction.atomic():
        _correct(school, "correct_school", by=by, expected=expected, **changes)
        if school.system != before:
            _renew_last_days(school)
    return school


def _check_managing_school(school, managing=None):
    managing = managing or school.managing_school
    if managing is None:
        return
    if managing.pk is not None and managing.pk == school.pk:
        raise ValidationError({"managing_school": "不能选学校自己"})
    if managing.managing_school_id:
        raise ValidationError({"managing_school": f"{managing.name}自己是教学点，请选管它的学校"})
    if school.pk and school.teaching_points.exists():
        raise ValidationError({"managing_school": "这所学校下面还有教学点，自己不能再做教学点"})
    if managing.county_id != school.county_id:
        raise ValidationError({"managing_school": "请选本县的学校"})


def _refuse_stage_in_use(school, stage):
    running = school.classes.running_on(timezone.localdate()).filter(stage=stage).count()
    if running:
        raise ValidationError({"stages": f"这个学段还有 {running} 个班在用，请先结束这些班"})


def _renew_last_days(school):
    calendar = Calendar.of(school.county)
    for found in school.classes.filter(ends_on_given=False):
        found.school = school
        found.ends_on = last_day_of(school, found.stage, found.entry_year, calendar)
        found.save(update_fields=["ends_on"])


def end_school(school, *, by, last_day, reason):
    """The school is merged or closed after ``last_day``: its children must have left, its posts and classes end."""
    left = _enrolled_after(last_day, school=school)
    if left:
        raise ValidationError(
            {"last_day": f"{last_day:%Y-%m-%d} 以后还有 {left} 个孩子在校，请先给他们办离校"}
        )
    if school.teaching_points.filter(ends_on=None).exists():
        raise ValidationError("下面还有教学点，请先给教学点换管理学校，或者先撤并教学点")
    with transaction.atomic():
        for found in school.classes.filter(ends_on__gt=last_day):
            found.ends_on, found.ends_on_given = last_day, True
            found.save(update_fields=["ends_on", "ends_on_given"])
        end_posts(Post.objects.filter(school=school), last_day=last_day, by=by, reason=reason)
        school.ends_on = last_day
        school.full_clean()
        school.save(update_fields=["ends_on"])
        audit.record("end_school", by=by, kind="school", uid=school, reason=reason)
    return school


def _enrolled_after(last_day, **where):
    return Enrollment.objects.overlapping(last_day + ONE_DAY, None).filter(**where).count()


def end_posts(posts, *, last_day, by, reason):
    """End these posts after ``last_day``; one that would begin later never begins. Returns them."""
    ended = list(posts.overlapping(last_day + ONE_DAY, None).select_related("staff"))
    for post in ended:
        if post.starts_on > last_day:
            post.cancelled_at, post.cancelled_by, post.cancel_reason = timezone.now(), by, reason[:200]
        else:
            post.ends_on = last_day
        post.save(update_fields=["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"])
    return ended


# --- classes ----------------------------------------------------------------------------------------------------------


def entry_year_of(school, grade, day=None):
    """(stage, entry year) of the class that sits in ``grade`` on ``day``; None where the school has no such grade."""
    day = day or timezone.localdate()
    for stage in school.stages:
        first = school.first_grade(stage)
        if first <= grade < first + school.stage_length(stage):
            return stage, grade_year(day) - (grade - first)
    return None


def grades_of(school):
    """Grade numbers of a school, lowest first; 小班 is −2."""
    return [
        grade
        for stage in school.stages
        for grade in range(school.first_grade(stage), school.first_grade(stage) + school.stage_length(stage))
    ]


def add_classes(school, *, by, numbers, day=None):
    """Open classes: ``numbers`` is {grade: class numbers}. Those that are there stay. Returns the new ones."""
    known = set(school.classes.values_list("stage", "entry_year", "number"))
    calendar, made = Calendar.of(school.county), []
    with transaction.atomic():
        for grade, wanted in sorted(numbers.items()):
            placed = entry_year_of(school, grade, day)
            if placed is None:
                raise ValidationError("这所学校没有这个年级")
            stage, entry_year = placed
            ends_on = last_day_of(school, stage, entry_year, calendar)
            for number in wanted:
                if (stage, entry_year, number) in known:
                    continue
                one = SchoolClass(
                    school=school, stage=stage, entry_year=entry_year, number=number, ends_on=ends_on
                )
                one.full_clean(validate_unique=False, validate_constraints=False)
                made.append(one)
        SchoolClass.objects.bulk_create(made)
        if made:
            audit.record("add_classes", by=by, kind="school", uid=school, count=len(made))
    return made


def correct_class(school_class, *, by, expected, **changes):
    """Correct entry year, number or size of a class; its last day follows unless a person gave it."""
    with transaction.atomic():
        if not school_class.ends_on_given and changes.get("entry_year", school_class.entry_year) != (
            school_class.entry_year
        ):
            calendar = Calendar.of(school_class.school.county)
            changes["ends_on"] = last_day_of(
                school_class.school, school_class.stage, changes["entry_year"], calendar
            )
        return _correct(school_class, "correct_class", by=by, expected=expected, **changes)


def end_class(school_class, *, by, expected, last_day, reason):
    """The class is dissolved (合并、撤班) after ``last_day``; its children must sit elsewhere, its posts end."""
    left = _enrolled_after(last_day, school_class=school_class)
    if left:
        raise ValidationError(
            {"last_day": f"{last_day:%Y-%m-%d} 以后还有 {left} 个孩子在这个班，请先给他们调班或办离校"}
        )
    usual = last_day_of(
        school_class.school,
        school_class.stage,
        school_class.entry_year,
        Calendar.of(school_class.school.county),
    )
    if last_day > usual:
        raise ValidationError({"last_day": f"这个班 {usual:%Y-%m-%d} 毕业，最后一天不能更晚"})
    with transaction.atomic():
        end_posts(Post.objects.filter(school_class=school_class), last_day=last_day, by=by, reason=reason)
        school_class.ends_on, school_class.ends_on_given = last_day, True
        school_class.full_clean()
        school_class.save_version(expected, update_fields=["ends_on", "ends_on_given"])
        audit.record("end_class", by=by, kind="schoolclass", uid=school_class, reason=reason)
    return school_class
