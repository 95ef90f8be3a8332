"""What happens to staff: entered, corrected, given posts (岗位) and accounts (账号), handed over, leaving.

A post is the standing approval of access, so every change of one is in the trail, and it works from the next request
on. When the last post ends, and when a person leaves, the open sessions end at once.
"""

import re
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from pypinyin import lazy_pinyin

from trust import accounts, audit, signing_in
from trust.models import User

from . import access, places
from .access import Act
from .models import (
    LEADING_GROUP,
    County,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
)
from .models.staff import SINGLE_KINDS

ONE_DAY = timedelta(days=1)
MOBILE = re.compile(r"1\d{10}")

audit.name_actions(
    add_staff="登记教职工",
    correct_staff="修改教职工资料",
    leave_staff="教职工离职",
    return_staff="教职工返岗",
    move_staff="教职工调动",
    add_post="任命岗位",
    end_post="结束岗位",
    hand_over_post="岗位换人",
    cancel_post="作废岗位",
    set_duty_text="修改分工",
    import_staff="从教职工表登记",
    link_account="账号对应到教职工",
)
audit.name_kinds(staff="教职工", post="岗位")

# The kinds of place a post of each kind may cover; a post over anything else is refused.
SCOPES = {
    PostKind.CLASS_TEACHER: ("class",),
    PostKind.SUBJECT_TEACHER: ("class",),
    PostKind.DUTY_TEACHER: ("class", "school"),
    PostKind.TEACHER: ("school",),
    PostKind.GRADE_HEAD: ("grade",),
    PostKind.LEADER: ("school",),
    PostKind.DEPUTY: ("school",),
    PostKind.GROUP_OFFICE: ("school",),
    PostKind.GROUP_MEMBER: ("school",),
    PostKind.CENTER_MANAGER: ("center",),
    PostKind.COUNSELOR: ("school",),
    PostKind.ARCHIVIST: ("school",),
    PostKind.DISTRICT_OFFICER: ("district",),
    PostKind.COUNTY_OFFICER: ("county",),
    PostKind.WOMENS_FEDERATION: ("county",),
    PostKind.INSPECTOR: ("county",),
    PostKind.ADMINISTRATOR: ("county", "school"),
}
SCOPE_WORDS = {
    "class": "班级", "grade": "年级", "school": "学校", "center": "留守儿童之家", "district": "学区", "county": "全县",
}  # fmt: skip


def scope_kind(post):
    """Which kind of place a post covers."""
    if post.school_class_id:
        return "class"
    if post.center_id:
        return "center"
    if post.grade is not None:
        return "grade"
    if post.school_id:
        return "school"
    return "district" if post.district_id else "county"


# --- who may manage whom ----------------------------------------------------------------------------------------------


def in_charge_of(user):
    """Staff whom ``user`` manages: of the schools, and for a county post those of the county's offices."""
    schools = access.schools_for(user, Act.MANAGE_STAFF).values("pk")
    counties = [county.pk for county in places.counties_of(user, Act.MANAGE_STAFF)]
    at_schools = (
        Post.objects.overlapping(timezone.localdate(), None).filter(school__in=schools).values("staff")
    )
    return Staff.objects.visible_to(user).filter(
        Q(school__in=schools) | Q(pk__in=at_schools) | Q(county__in=counties)
    )


def may_manage(user, staff, posts):
    """Whether ``user`` covers the person and every open post of it: who runs a school resets no county password."""
    if not _covers(user, staff.school, staff.county):
        return False
    return all(
        _covers(user, post.school, post.county)
        for post in posts
        if post.cancelled_at is None and (post.ends_on is None or post.ends_on >= timezone.localdate())
    )


def _covers(user, school, county):
    if school is not None:
        return access.may(user, Act.MANAGE_STAFF, school=school)
    return access.may(user, Act.MANAGE_STAFF, county=county)


# --- people -----------------------------------------------------------------------------------------------------------


def add_staff(*, by, county, name, school=None, submission=None, **details):
    """Enter a colleague. ``submission`` becomes the ``uid``: the same form sent twice is one person."""
    if submission is not None:
        known = Staff.objects.filter(uid=submission, county=county, name=name).first()
        if known is not None:
            return known
    staff = Staff(county=county, school=school, name=name, **details)
    if submission is not None:
        staff.uid = submission
    with transaction.atomic():
        staff.full_clean()
        staff.save()
        audit.record("add_staff", by=by, kind="staff", uid=staff)
    return staff


def correct_staff(staff, *, by, expected, **changes):
    """Correct a colleague's data; name and work phone of the account follow."""
    with transaction.atomic():
        places._correct(staff, "correct_staff", by=by, expected=expected, **changes)
        user = staff.user
        if user is not None:
            phone = staff.phone if MOBILE.fullmatch(staff.phone) else None
            if (user.name, user.phone) != (staff.name, phone):
                try:
                    accounts.change_account(user, name=staff.name, username=user.username, phone=phone, by=by)
                except ValidationError as error:
                    raise ValidationError({"phone": error.messages}) from None
    return staff


_STILL_HELD = []


def asks_to_hand_over(find):
    """Registers ``find(staff, user) -> (sentence, url) | None``: what a person still holds on an upper floor, and where it
    is handed over ("" = not by this user).
    """
    _STILL_HELD.append(find)
    return find


def still_held(staff, user):
    """[(sentence, url)] of what must go to somebody else when ``staff`` leaves, moves or gives up a post."""
    return [found for find in _STILL_HELD if (found := find(staff, user))]


def leave(staff, *, by, last_day, reason):
    """The person leaves: every post ends, the account closes and its sessions end at once."""
    if last_day > timezone.localdate():
        raise ValidationError({"last_day": "离职日期不能在今天之后，请到那天再办；岗位可以先写好哪天换人"})
    posts = Post.objects.filter(staff=staff)
    _keep_an_administrator(posts.overlapping(last_day + ONE_DAY, None), by)
    if staff.user is not None and by is not None and staff.user_id == by.pk:
        raise ValidationError("自己的离职要由别的管理员来办")
    with transaction.atomic():
        ended = places.end_posts(posts, last_day=last_day, by=by, reason=reason)
        staff.left_on = last_day
        staff.full_clean()
        staff.save(update_fields=["left_on"])
        audit.record("leave_staff", by=by, kind="staff", uid=staff, count=len(ended), reason=reason)
        if staff.user is not None and staff.user.is_active:
            accounts.deactivate(staff.user, by=by, reason=f"离职：{reason}"[:200])
    return ended


def move(staff, *, by, school, starts_on):
    """To another school from ``starts_on``, with the same account: the posts at the old one end the day before."""
    if starts_on > timezone.localdate():
        raise ValidationError({"starts_on": "调动请到那天再办；岗位可以先写好哪天换人"})
    if staff.left_on is not None:
        raise ValidationError(f"{staff.name}已经离职；如果回来了，请先办返岗")
    if staff.school_id == school.pk:
        raise ValidationError({"school": "已经在这所学校"})
    with transaction.atomic():
        if staff.school_id is not None:
            here = Post.objects.filter(staff=staff, school=staff.school)
            places.end_posts(here, last_day=starts_on - ONE_DAY, by=by, reason=f"调到{school.name}")
        staff.school = school
        staff.full_clean()
        staff.save_version(staff.version, update_fields=["school"])
        if not Post.objects.filter(staff=staff, school=school).overlapping(starts_on, None).exists():
            add_post(staff, by=by, kind=PostKind.TEACHER, starts_on=starts_on, school=school)
        audit.record("move_staff", by=by, kind="staff", uid=staff)
        _after_end(staff, by)
    return staff


def come_back(staff, *, by):
    """Left by mistake, or back again: may hold posts anew. Posts and account are given afresh."""
    with transaction.atomic():
        staff.left_on = None
        staff.save(update_fields=["left_on"])
        audit.record("return_staff", by=by, kind="staff", uid=staff)
    return staff


# --- posts ------------------------------------------------------------------------------------------------------------


def _check(post):
    kind = scope_kind(post)
    allowed = SCOPES[PostKind(post.kind)]
    if kind not in allowed:
        words = "或".join(SCOPE_WORDS[one] for one in allowed)
        raise ValidationError({"scope": f"{post.get_kind_display()}的范围要选{words}"})
    if post.staff.left_on is not None and not post.cancelled_at:
        raise ValidationError(f"{post.staff.name}已经离职，不能再任岗位")
    same = Post.objects.filter(
        staff=post.staff, kind=post.kind, county=post.county, district=post.district, school=post.school,
        grade=post.grade, school_class=post.school_class, center=post.center,
    ).exclude(pk=post.pk)  # fmt: skip
    if same.overlapping(post.starts_on, post.ends_on).exists():
        raise ValidationError({"starts_on": "这个岗位已经有了"})
    _check_place_lasts(post)


def _check_place_lasts(post):
    place = post.school_class or post.school
    ends_on = getattr(place, "ends_on", None)
    if ends_on is not None and post.starts_on > ends_on:
        raise ValidationError({"starts_on": f"{place}到 {ends_on:%Y-%m-%d} 为止，这天以后没有岗位了"})


def holder_of(kind, *, day, school=None, school_class=None):
    """The open post of a kind that only one person holds at a time (班主任, 组长), on or after ``day``."""
    if kind not in SINGLE_KINDS:
        return None
    same = {"school_class": school_class} if kind == PostKind.CLASS_TEACHER else {"school": school}
    found = Post.objects.filter(kind=kind, **same).overlapping(day, None)
    return found.select_related("staff").order_by("starts_on").first()


def add_post(staff, *, by, kind, starts_on, ends_on=None, replace=False, duty_text="", **scope):
    """Appoint. With ``replace`` the present holder of a single post ends the day before. Returns the post."""
    post = Post(
        staff=staff, kind=kind, county=staff.county, starts_on=starts_on, ends_on=ends_on, duty_text=duty_text,
        recorded_by=by, **scope,
    )  # fmt: skip
    post.school = post.school or (post.school_class.school if post.school_class else None)
    if post.school is None and post.center is not None:
        post.school = post.center.school
    with transaction.atomic():
        _check(post)
        if replace:
            holder = holder_of(kind, day=starts_on, school=post.school, school_class=post.school_class)
            if holder is not None:
                _step_aside(holder, starts_on, by)
        post.full_clean()
        post.save()
        audit.record("add_post", by=by, kind="post", uid=post, detail=str(post))
    _forget(staff, by)
    return post


def _step_aside(post, day, by):
    """The present holder ends the day before ``day``; one who began that very day was a mistake."""
    if post.starts_on > day:
        raise ValidationError(
            {"starts_on": f"{post.staff.name}从 {post.starts_on:%Y-%m-%d} 才开始担任，请选这天以后"}
        )
    if post.starts_on == day:
        _cancel(post, by, "同一天换人")
    else:
        post.ends_on = day - ONE_DAY
        post.full_clean()
        post.save()
    _after_end(post.staff, by)


def hand_over(post, *, by, to, starts_on, duty_text=None):
    """Another person holds the post from ``starts_on``; the old one ends the day before, in one step."""
    if to.pk == post.staff_id:
        raise ValidationError({"to": "请选另一个人"})
    if post.cancelled_at or (post.ends_on is not None and post.ends_on < starts_on):
        raise ValidationError({"starts_on": "原来的这一段那天已经结束，请直接任命新的"})
    new = Post(
        staff=to, kind=post.kind, county=post.county, district=post.district, school=post.school, grade=post.grade,
        school_class=post.school_class, center=post.center, starts_on=starts_on, recorded_by=by,
        duty_text=post.duty_text if duty_text is None else duty_text,
    )  # fmt: skip
    _keep_an_administrator(Post.objects.filter(pk=post.pk), by, instead=to.user if to.user_id else None)
    with transaction.atomic():
        _step_aside(post, starts_on, by)
        _check(new)
        new.full_clean()
        new.save()
        audit.record("hand_over_post", by=by, kind="post", uid=new, detail=str(new))
    _forget(to, by)
    return new


def end_post(post, *, by, last_day, reason=""):
    """The last day of a post; from the day after it opens nothing any more."""
    if post.cancelled_at:
        raise ValidationError("这个岗位已经作废")
    if last_day < post.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{post.starts_on:%Y-%m-%d}）"})
    _keep_an_administrator(Post.objects.filter(pk=post.pk), by)
    with transaction.atomic():
        post.ends_on = last_day
        post.full_clean()
        post.save()
        audit.record("end_post", by=by, kind="post", uid=post, reason=reason, detail=str(post))
        _after_end(post.staff, by)
    return post


def cancel_post(post, *, by, reason):
    """Entered by mistake: stays readable, opens nothing."""
    if not reason.strip():
        raise ValidationError({"reason": "请写明作废原因"})
    if post.cancelled_at:
        return post
    _keep_an_administrator(Post.objects.filter(pk=post.pk), by)
    with transaction.atomic():
        _cancel(post, by, reason.strip())
        audit.record("cancel_post", by=by, kind="post", uid=post, reason=reason.strip(), detail=str(post))
        _after_end(post.staff, by)
    return post


def set_duty_text(post, *, by, duty_text):
    """The member's part of the work (分工) in the leading group."""
    with transaction.atomic():
        post.duty_text = duty_text
        post.full_clean()
        post.save(update_fields=["duty_text"])
        audit.record("set_duty_text", by=by, kind="post", uid=post, fields=["duty_text"])
    return post


def _cancel(post, by, reason):
    post.cancelled_at, post.cancelled_by, post.cancel_reason = timezone.now(), by, reason[:200]
    post.save(update_fields=["cancelled_at", "cancelled_by", "cancel_reason"])


def _after_end(staff, by):
    """Without any post today the open sessions end at once."""
    if staff.user is not None and not Post.objects.today().filter(staff=staff).exists():
        signing_in.end_sessions(staff.user, by=by, reason="岗位已结束")
    _forget(staff, by)


def _forget(staff, by):
    if by is not None and staff.user_id == by.pk:
        access.forget_posts(by)


def _keep_an_administrator(posts, by, instead=None):
    """A county without an administrator could never appoint one again."""
    for post in posts.select_related("staff"):
        if post.kind != PostKind.ADMINISTRATOR or post.school_id is not None or post.ends_on is not None:
            continue
        others = (
            Post.objects.open()
            .filter(
                kind=PostKind.ADMINISTRATOR, county=post.county_id, school=None, staff__user__is_active=True
            )
            .filter(starts_on__lte=timezone.localdate())
            .exclude(staff=post.staff_id)
        )
        if not others.exists() and not (instead is not None and instead.is_active):
            raise ValidationError("这是全县最后一位管理员。请先给另一个人开通账号、任命为管理员，再改这一条")


def vacancies(schools, day=None):
    """What has no holder today: running classes without a 班主任, schools without a 组长. [(school, class or None)]"""
    day = day or timezone.localdate()
    schools = list(schools)
    by_pk = {school.pk: school for school in schools}
    held = Post.objects.on(day)
    taught = held.filter(kind=PostKind.CLASS_TEACHER).values("school_class")
    led = set(held.filter(kind=PostKind.LEADER, school__in=schools).values_list("school", flat=True))
    # A 教学点 is led from the school that manages it.
    empty = [(s, None) for s in schools if s.pk not in led and not s.managing_school_id and not _over(s, day)]
    for one in SchoolClass.objects.filter(school__in=schools).running_on(day).exclude(pk__in=taught):
        one.school = by_pk[one.school_id]
        empty.append((one.school, one))
    return empty


def _over(school, day):
    return school.ends_on is not None and school.ends_on < day


def leading_group(school, day=None):
    """Posts of the leading group (领导小组) of a school on a day, leader first."""
    posts = (
        Post.objects.on(day or timezone.localdate())
        .filter(school=school, kind__in=LEADING_GROUP)
        .select_related("staff", "school", "county")
    )
    order = list(LEADING_GROUP)
    return sorted(posts, key=lambda post: (order.index(post.kind), post.staff.name_key))


# --- accounts ---------------------------------------------------------------------------------------------------------


def proposed_username(staff, taken=()):
    """The work phone, else the name in pinyin; with a number while it is taken."""
    phone = re.sub(r"\D", "", staff.phone)
    plain = (
        phone
        if MOBILE.fullmatch(phone)
        else re.sub(r"[^a-z0-9]", "", "".join(lazy_pinyin(staff.name)).lower())
    )
    plain = (plain or "user")[:30]
    plain = plain if len(plain) > 1 else f"{plain}01"
    name, number = plain, 1
    while name in taken or User.objects.filter(username=name).exists():
        number += 1
        name = f"{plain}{number}"
    return name


def open_account(staff, *, by, username=None, taken=()):
    """An account with a one-time password. Returns trust.accounts.NewAccount; the password is shown once."""
    if staff.user_id is not None:
        raise ValidationError("已经有账号了；忘了密码请重置")
    if staff.left_on is not None:
        raise ValidationError(f"{staff.name}已经离职，不能开通账号")
    phone = staff.phone if MOBILE.fullmatch(staff.phone) else None
    if phone is not None and User.objects.filter(phone=phone).exists():
        raise ValidationError({"username": f"{staff.name}的工作电话已经登记在别的账号上，请先核对电话"})
    with transaction.atomic():
        new = accounts.create_account(
            name=staff.name, username=username or proposed_username(staff, taken), phone=phone, by=by
        )
        staff.user = new.user
        staff.save(update_fields=["user"])
        audit.record("link_account", by=by, kind="staff", uid=staff)
    return new


def open_accounts(people, *, by):
    """Accounts for several, all or none: [(staff, NewAccount)]."""
    made, taken = [], set()
    with transaction.atomic():
        for staff in people:
            new = open_account(staff, by=by, taken=taken)
            taken.add(new.user.username)
            made.append((staff, new))
    return made


def reset_password(staff, *, by, reason=""):
    """A new one-time password, shown once; every session of the account ends."""
    if staff.user is None or not staff.user.is_active:
        raise ValidationError("没有在用的账号")
    if by is not None and staff.user_id == by.pk:
        raise ValidationError("自己的密码请在“我的”里修改")
    return accounts.reset_password(staff.user, by=by, reason=reason)


def close_account(staff, *, by, reason):
    """No more signing in; posts stay as they are."""
    if staff.user is None or not staff.user.is_active:
        raise ValidationError("没有在用的账号")
    if by is not None and staff.user_id == by.pk:
        raise ValidationError("自己的账号要由别的管理员来停用")
    _keep_an_administrator(Post.objects.open().filter(staff=staff), by)
    accounts.deactivate(staff.user, by=by, reason=reason)


def reopen_account(staff, *, by):
    """Open a closed account again; returns the new one-time password."""
    if staff.user is None or staff.user.is_active:
        raise ValidationError("账号没有停用")
    if staff.left_on is not None:
        raise ValidationError(f"{staff.name}已经离职；如果回来了，请先办返岗")
    return accounts.reactivate(staff.user, by=by)


def rename_account(staff, *, by, username):
    """Another user name for signing in."""
    return accounts.change_account(
        staff.user, name=staff.user.name, username=username, phone=staff.user.phone, by=by
    )


def unlock_account(staff, *, by):
    """After too many wrong passwords: may try again at once."""
    with transaction.atomic():
        signing_in.unlock(staff.user)
        audit.record("unlock_account", by=by, kind="user", uid=staff.user)


audit.name_actions(unlock_account="解除登录限制")


def first_administrator(*, county_code, county_name, name, username, phone, password):
    """The first person of an empty installation: county, administrator, account with its own password.

    Returns the account. Raises ValidationError once any account exists.
    """
    from django.contrib.auth.password_validation import validate_password

    with transaction.atomic():
        if User.objects.exists():
            raise ValidationError("已经有账号了，请直接登录")
        county = County.objects.filter(code=county_code).first()
        if county is None:
            county = places.add_county(by=None, code=county_code, name=county_name)
        staff = add_staff(by=None, county=county, name=name, phone=phone or "")
        user = User(name=name, username=User.normalize_username(username), phone=phone or None)
        validate_password(password, user)
        new = accounts.create_account(name=name, username=username, phone=phone, by=None)
        accounts.change_own_password(new.user, password)
        staff.user = new.user
        staff.save(update_fields=["user"])
        add_post(staff, by=None, kind=PostKind.ADMINISTRATOR, starts_on=timezone.localdate())
    return new.user


def schools_managed(user):
    """Schools over whose staff ``user`` decides, by code."""
    return (
        School.objects.visible_to(user)
        .filter(pk__in=access.schools_for(user, Act.MANAGE_STAFF))
        .order_by("code")
    )
