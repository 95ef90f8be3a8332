"""Pages of staff: list, one person, posts, accounts with their slips, the staff sheet. Thin doors to ``registry.staff``."""

import json
import uuid
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from trust import audit, crypto, signing_in, uploads
from trust.models import Upload

from .. import access, staff, staff_sheet
from ..access import Act
from ..forms.staff import (
    AccountForm,
    AddStaffForm,
    DutyTextForm,
    EndPostForm,
    HandOverForm,
    LeaveStaffForm,
    MoveForm,
    PostForm,
    ReasonForm,
    StaffFilter,
    StaffForm,
    StaffSheetForm,
)
from ..models import LEADING_GROUP, Post, PostKind, SchoolClass
from ..roster.cells import FileRefused
from .answers import answer_form, form_view
from .places import school_or_404

PAGE = 50
SLIPS_FOR = 15 * 60  # seconds that fresh passwords wait, sealed, to be shown once
SHEET = "staff_sheet"
audit.name_actions(list_staff="查看教职工名单", open_staff="查看教职工", print_slips="显示口令条")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _require_manager(request):
    access.require(request.user, Act.MANAGE_STAFF)


def _posts():
    return Post.objects.select_related(
        "school", "school_class__school", "center", "district", "county"
    ).order_by("-starts_on", "pk")


def _person_or_404(request, uid, *, manage=True):
    """Somebody the user manages (404), wholly (403): who also holds a wider post is left to those above."""
    _require_manager(request)
    people = staff.in_charge_of(request.user).select_related("school", "county", "user")
    person = get_object_or_404(people, uid=uid)
    person.all_posts = list(_posts().filter(staff=person))
    for post in person.all_posts:
        post.staff = person
    person.manageable = staff.may_manage(request.user, person, person.all_posts)
    if manage and not person.manageable:
        raise PermissionDenied("这位还有别处的岗位，请由县里的管理员来办")
    return person


def _post_or_404(request, uid):
    """A post of somebody the user manages, over a place the user decides over."""
    found = get_object_or_404(Post.objects.visible_to(request.user), uid=uid)
    person = _person_or_404(request, found.staff.uid, manage=False)
    post = next(one for one in person.all_posts if one.pk == found.pk)
    where = {"school": post.school} if post.school else {"county": post.county}
    access.require(request.user, Act.MANAGE_STAFF, **where)
    return post


# --- the list ---------------------------------------------------------------------------------------------------------


@require_safe
def staff_list(request):
    """教职工: who works here, in which posts, with or without an account; vacant posts first."""
    _require_manager(request)
    user, today = request.user, timezone.localdate()
    schools = staff.schools_managed(user).filter(ends_on=None)
    form = StaffFilter(request.GET, schools=schools)
    asked = form.cleaned_data if form.is_valid() else {}
    people = staff.in_charge_of(user)
    show = asked.get("show", "")
    people = people.filter(left_on__isnull=show != "left")
    in_force = Post.objects.on(today)
    if show == "no_post":
        people = people.exclude(pk__in=in_force.values("staff"))
    elif show == "no_account":
        people = people.filter(user=None)
    if asked.get("school"):
        people = people.filter(_at_school(asked["school"]))
    if asked.get("kind"):
        people = people.filter(pk__in=in_force.filter(kind=asked["kind"]).values("staff"))
    people = people.select_related("school", "user").prefetch_related(
        Prefetch("posts", _posts().on(today), to_attr="posts_today")
    )
    page = Paginator(people.by_name(), PAGE).get_page(request.GET.get("page"))
    audit.record("list_staff", by=user, kind="staff", count=len(page.object_list))
    context = {
        "page_obj": page,
        "filter_form": form,
        "filtered": any(request.GET.get(name) for name in ("school", "kind", "show")),
        "vacancies": _grouped(staff.vacancies(schools)) if not show else [],
        "vacancies_shown": VACANCIES_SHOWN,
        "several_schools": len(schools) > 1,
        "without_account": staff.in_charge_of(user).filter(user=None, left_on=None).count(),
    }
    return render(request, "registry/staff/list.html", context)


VACANCIES_SHOWN = 30  # schools


def _grouped(vacancies):
    """[(school, without a leader?, classes without a teacher)], schools in their order."""
    found = {}
    for school, school_class in vacancies:
        entry = found.setdefault(school.pk, [school, False, []])
        if school_class is None:
            entry[1] = True
        else:
            entry[2].append(school_class)
    for entry in found.values():
        entry[2].sort(key=lambda one: (one.grade_on(), one.number))
    return sorted(found.values(), key=lambda entry: entry[0].code)


def _at_school(school):
    return Q(school=school) | Q(pk__in=Post.objects.today().filter(school=school).values("staff"))


# --- one person -------------------------------------------------------------------------------------------------------


@form_view
def staff_add(request):
    """Enter one colleague."""
    _require_manager(request)
    initial = {"school": f"school:{request.GET['school']}"} if request.GET.get("school") else {}
    form = AddStaffForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=initial
    )
    made = []

    def save(data):
        made.append(staff.add_staff(by=request.user, **form.details()))
        return f"{made[0].name}登记好了，接着任命岗位、开通账号"

    return answer_form(
        request, form, save, title="登记教职工", back=reverse("registry:staff_list"), act="登记",
        done=lambda: made[0].get_absolute_url(),
    )  # fmt: skip


@require_safe
def staff_detail(request, uid):
    """One colleague: data, posts from–to, account."""
    person = _person_or_404(request, uid, manage=False)
    today = timezone.localdate()
    audit.record("open_staff", by=request.user, kind="staff", uid=person)
    for post in person.all_posts:
        where = {"school": post.school} if post.school else {"county": post.county}
        post.mine = access.may(request.user, Act.MANAGE_STAFF, **where)
        post.leading = post.kind in LEADING_GROUP
    context = {
        "person": person,
        "now": [p for p in person.all_posts if p.in_force_on(today)],
        "coming": [p for p in person.all_posts if not p.cancelled_at and p.starts_on > today],
        "past": [p for p in person.all_posts if p.cancelled_at or (p.ends_on and p.ends_on < today)],
        "account": person.user,
        "locked": person.user is not None and signing_in.is_locked(person.user.username, ""),
        "is_self": person.user_id == request.user.pk,
        "may_move": staff.schools_managed(request.user)
        .filter(ends_on=None)
        .exclude(pk=person.school_id)
        .exists(),
        "held": staff.still_held(person, request.user),
        "today": today,
    }
    return render(request, "registry/staff/detail.html", context)


@form_view
def staff_edit(request, uid):
    """Correct a colleague's data."""
    person = _person_or_404(request, uid)
    form = StaffForm(request.POST if request.method == "POST" else None, person=person)

    def save(data):
        data = dict(data)
        staff.correct_staff(person, by=request.user, expected=data.pop("version"), **data)

    return answer_form(request, form, save, title=f"修改{person.name}的资料", back=person.get_absolute_url())


@form_view
def staff_leave(request, uid):
    """Leaving: every post ends, the account closes, at once."""
    person = _person_or_404(request, uid)
    form = LeaveStaffForm(request.POST if request.method == "POST" else None)

    def save(data):
        ended = staff.leave(person, by=request.user, **data)
        return f"{person.name}的离职办好了，结束了 {len(ended)} 个岗位" + (
            "，账号已停用" if person.user else ""
        )

    return answer_form(
        request, form, save, title=f"{person.name}离职？", back=person.get_absolute_url(), act="办理离职", danger=True,
        done=lambda: _hand_over_url(person, request.user), template="registry/staff/leave.html",
        held=staff.still_held(person, request.user),
        note="岗位全部结束，账号马上停用、已登录的马上退出，记过的都在。班主任的班请接着换人。",
    )  # fmt: skip


def _hand_over_url(person, user):
    """Where what the person still holds is handed over; blank when there is nothing (or it is not this user's)."""
    return next((url for _, url in staff.still_held(person, user) if url), "")


@form_view
def staff_move(request, uid):
    """To another school, account and history kept."""
    person = _person_or_404(request, uid)
    schools = staff.schools_managed(request.user).filter(ends_on=None).exclude(pk=person.school_id)
    form = MoveForm(request.POST if request.method == "POST" else None, schools=schools)

    def save(data):
        staff.move(person, by=request.user, **data)
        return f"{person.name}调到{data['school'].name}了，先记为教职工，接着任命岗位"

    return answer_form(
        request, form, save, title=f"{person.name}调到别的学校", back=person.get_absolute_url(), act="办理调动",
        done=lambda: _hand_over_url(person, request.user), template="registry/staff/leave.html",
        held=staff.still_held(person, request.user),
        note="账号不变，记过的都在。原来学校的岗位结束，班主任的班请接着换人。",
    )  # fmt: skip


@form_view
def staff_return(request, uid):
    """Back again, or left by mistake."""
    person = _person_or_404(request, uid)
    if request.method == "POST":
        staff.come_back(person, by=request.user)
        messages.success(request, f"{person.name}已返岗，请重新任命岗位、恢复账号")
        return redirect(person)
    context = {
        "question": f"{person.name}返岗？", "text": "离职记录取消；岗位要重新任命，账号要恢复才能登录。", "texts": [],
        "act": "返岗", "back_url": person.get_absolute_url(), "cancel": "先不办", "danger": False, "form": None,
    }  # fmt: skip
    return render(request, "confirm.html", context)


# --- posts ------------------------------------------------------------------------------------------------------------


@form_view
def post_add(request, uid):
    """Appoint somebody."""
    person = _person_or_404(request, uid, manage=False)
    form = PostForm(request.POST if request.method == "POST" else None, user=request.user, person=person)

    def save(data):
        post = staff.add_post(person, by=request.user, **form.details())
        return f"{person.name}任{post}，{post.starts_on:%Y-%m-%d} 起"

    return answer_form(
        request, form, save, title=f"任命{person.name}", back=person.get_absolute_url(), act="任命",
        note="任命就是授权：从这天起，按岗位能看到相应的孩子。",
    )  # fmt: skip


@form_view
def post_end(request, uid):
    """The last day of a post."""
    post = _post_or_404(request, uid)
    form = EndPostForm(request.POST if request.method == "POST" else None)

    def save(data):
        staff.end_post(post, by=request.user, **data)
        return f"{post.staff.name}的{post}到 {data['last_day']:%Y-%m-%d} 为止"

    return answer_form(
        request, form, save, title=f"结束{post.staff.name}的{post}", back=post.staff.get_absolute_url(), act="结束岗位",
        note="过了这一天，这个岗位能看的就看不到了。",
    )  # fmt: skip


@form_view
def post_cancel(request, uid):
    """A post entered by mistake."""
    post = _post_or_404(request, uid)
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def save(data):
        staff.cancel_post(post, by=request.user, reason=data["reason"])
        return "已作废，仍可查看"

    return answer_form(
        request, form, save, title=f"作废{post.staff.name}的{post}？", back=post.staff.get_absolute_url(), act="作废",
        danger=True, note="只有登记错了才作废；真的担任过，请用“结束”。",
    )  # fmt: skip


@form_view
def post_hand_over(request, uid):
    """Another person holds the post from a day on; the old one ends the day before."""
    post = _post_or_404(request, uid)
    people = staff.in_charge_of(request.user).filter(left_on=None).exclude(pk=post.staff_id)
    if post.school_id:
        people = people.filter(_at_school(post.school))
    form = HandOverForm(request.POST if request.method == "POST" else None, people=people.by_name())

    def save(data):
        new = staff.hand_over(post, by=request.user, **data)
        return f"{new}从 {new.starts_on:%Y-%m-%d} 起由{new.staff.name}担任，{post.staff.name}到前一天为止"

    return answer_form(
        request, form, save, title=f"{post}换人", back=post.staff.get_absolute_url(), act="换人",
        note=f"现在是{post.staff.name}，{post.starts_on:%Y-%m-%d} 起。",
    )  # fmt: skip


def _appoint(request, school, title, back, kind, **scope):
    """Choose who holds a post of one holder; the present one ends the day before."""
    people = staff.in_charge_of(request.user).filter(_at_school(school), left_on=None).by_name()
    form = HandOverForm(request.POST if request.method == "POST" else None, people=people)
    form.fields["to"].label = "由谁担任"
    form.fields["starts_on"].help_text = "已经有人担任的，原来那位到前一天为止"

    def save(data):
        post = staff.add_post(
            data["to"],
            by=request.user,
            kind=kind,
            starts_on=data["starts_on"],
            school=school,
            replace=True,
            **scope,
        )
        return f"{post.staff.name}任{post}，{post.starts_on:%Y-%m-%d} 起"

    return answer_form(
        request, form, save, title=title, back=back, act="任命",
        note="名单里是本校在岗的教职工；没有这个人，先到教职工里登记。",
    )  # fmt: skip


@form_view
def class_teacher_set(request, uid):
    """Who is the class teacher of a class from when."""
    classes = SchoolClass.objects.visible_to(request.user).select_related("school__county")
    found = get_object_or_404(classes, uid=uid)
    access.require(request.user, Act.MANAGE_STAFF, school=found.school)
    return _appoint(
        request, found.school, f"{found.name_on()}的班主任", found.get_absolute_url(), PostKind.CLASS_TEACHER,
        school_class=found,
    )  # fmt: skip


@form_view
def leader_set(request, uid):
    """Who leads a school's group from when."""
    school = school_or_404(request, uid, Act.MANAGE_STAFF)
    return _appoint(
        request, school, f"{school.name}的组长（校长）", school.get_absolute_url(), PostKind.LEADER
    )


@form_view
def post_duty(request, uid):
    """A member's part of the work."""
    post = _post_or_404(request, uid)
    form = DutyTextForm(
        request.POST if request.method == "POST" else None, initial={"duty_text": post.duty_text}
    )

    def save(data):
        staff.set_duty_text(post, by=request.user, **data)

    return answer_form(
        request,
        form,
        save,
        title=f"{post.staff.name}的分工",
        back=post.staff.get_absolute_url(),
        note=str(post),
    )


# --- accounts ---------------------------------------------------------------------------------------------------------


def _keep_slips(request, made):
    """Fresh passwords wait sealed in the session, to be shown once: [(staff, username, phone, password)]."""
    slips = [
        {
            "name": person.name,
            "place": str(person.school or person.county),
            "username": username,
            "password": password,
        }
        for person, username, password in made
    ]
    request.session["slips"] = {
        "sealed": crypto.seal(json.dumps(slips), f"slips:{request.user.uid}"),
        "until": timezone.now().timestamp() + SLIPS_FOR,
    }


@require_safe
def slips(request):
    """口令条: the one-time passwords just made, to be printed; a second look shows nothing."""
    _require_manager(request)
    kept = request.session.pop("slips", None)
    if kept is None or kept["until"] < timezone.now().timestamp():
        messages.info(request, "口令条只显示一次。没有记下来，就重置一次密码")
        return redirect("registry:staff_list")
    shown = json.loads(crypto.unseal(kept["sealed"], f"slips:{request.user.uid}"))
    audit.record("print_slips", by=request.user, kind="user", count=len(shown))
    context = {
        "slips": shown,
        "address": request.build_absolute_uri("/"),
        "said": [
            str(message) for message in messages.get_messages(request)
        ],  # the print page has no room for toasts
    }
    return render(request, "registry/staff/slips.html", context)


@form_view
def account_open(request, uid):
    """An account for one person."""
    person = _person_or_404(request, uid)
    initial = {"username": staff.proposed_username(person)} if request.method != "POST" else {}
    form = AccountForm(request.POST if request.method == "POST" else None, initial=initial)

    def save(data):
        new = staff.open_account(person, by=request.user, username=data["username"])
        _keep_slips(request, [(person, new.user.username, new.password)])
        return "账号开通了。口令只显示这一次，请打印或抄下来交给本人"

    return answer_form(
        request, form, save, title=f"给{person.name}开通账号", back=person.get_absolute_url(), act="开通账号",
        done=reverse("registry:slips"), note="会生成一个一次性口令，72 小时内有效；本人第一次登录要换成自己的密码。",
    )  # fmt: skip


@form_view
def accounts_open(request):
    """Accounts for several at once, with a page of slips."""
    _require_manager(request)
    people = (
        staff.in_charge_of(request.user).filter(user=None, left_on=None).select_related("school", "county")
    )
    if request.GET.get("school"):
        people = people.filter(school__uid=_uid(request.GET["school"]))
    people = list(
        people.by_name().prefetch_related(Prefetch("posts", _posts().today(), to_attr="posts_today"))
    )
    for person in people:
        person.manageable = staff.may_manage(request.user, person, person.posts_today)
    chosen = set(request.POST.getlist("person"))
    problem = ""
    if request.method == "POST":
        wanted = [person for person in people if str(person.uid) in chosen and person.manageable]
        try:
            if not wanted:
                raise ValidationError("还没有选人")
            made = staff.open_accounts(wanted, by=request.user)
        except ValidationError as error:
            problem = "".join(error.messages)
        else:
            _keep_slips(request, [(person, new.user.username, new.password) for person, new in made])
            messages.success(request, f"开通了 {len(made)} 个账号。口令只显示这一次，请马上打印")
            return redirect("registry:slips")
    context = {"people": people, "problem": problem, "chosen": chosen}
    return render(request, "registry/staff/accounts.html", context)


def _uid(text):
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@form_view
def account_reset(request, uid):
    """A new one-time password."""
    person = _person_or_404(request, uid)
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"reason": "忘了密码"})

    def save(data):
        password = staff.reset_password(person, by=request.user, reason=data["reason"])
        _keep_slips(request, [(person, person.user.username, password)])
        return "密码重置了。口令只显示这一次，请抄下来交给本人"

    return answer_form(
        request, form, save, title=f"重置{person.name}的密码", back=person.get_absolute_url(), act="重置密码",
        done=reverse("registry:slips"), note="原来的密码马上作废，已经登录的设备全部退出。请当面核实是本人要求的。",
    )  # fmt: skip


@form_view
def account_close(request, uid):
    """No more signing in."""
    person = _person_or_404(request, uid)
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def save(data):
        staff.close_account(person, by=request.user, reason=data["reason"])
        return f"{person.name}的账号停用了，已登录的设备都已退出"

    return answer_form(
        request, form, save, title=f"停用{person.name}的账号？", back=person.get_absolute_url(), act="停用账号", danger=True,
        note="停用后马上不能登录，记过的都在。岗位不变；离职请用“办理离职”。",
    )  # fmt: skip


@form_view
def account_reopen(request, uid):
    """Open a closed account again, with a new one-time password."""
    person = _person_or_404(request, uid)
    if request.method == "POST":
        try:
            password = staff.reopen_account(person, by=request.user)
        except ValidationError as error:
            messages.error(request, "".join(error.messages))
            return redirect(person)
        _keep_slips(request, [(person, person.user.username, password)])
        messages.success(request, "账号恢复了。口令只显示这一次")
        return redirect("registry:slips")
    context = {
        "question": f"恢复{person.name}的账号？", "text": "会生成新的一次性口令。", "texts": [], "act": "恢复账号",
        "back_url": person.get_absolute_url(), "cancel": "先不办", "danger": False, "form": None,
    }  # fmt: skip
    return render(request, "confirm.html", context)


@form_view
def account_rename(request, uid):
    """Another user name."""
    person = _person_or_404(request, uid)
    if person.user is None:
        return redirect("registry:account_open", uid=person.uid)
    form = AccountForm(
        request.POST if request.method == "POST" else None, initial={"username": person.user.username}
    )

    def save(data):
        staff.rename_account(person, by=request.user, username=data["username"])
        return f"以后用“{data['username']}”登录"

    return answer_form(
        request, form, save, title=f"修改{person.name}的用户名", back=person.get_absolute_url()
    )


@require_POST
def account_unlock(request, uid):
    """After too many wrong passwords."""
    person = _person_or_404(request, uid)
    if person.user is not None:
        staff.unlock_account(person, by=request.user)
        messages.success(request, f"{person.name}可以再试着登录了")
    return redirect(person)


# --- the staff sheet --------------------------------------------------------------------------------------------------


@form_view
def sheet_new(request):
    """Choose the filled-in sheet; it is only read here, nothing is entered yet."""
    _require_manager(request)
    schools = staff.schools_managed(request.user).filter(ends_on=None)
    form = StaffSheetForm(
        request.POST if request.method == "POST" else None, request.FILES or None, schools=schools,
        initial={"school": request.GET.get("school", "")},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            upload = uploads.keep(form.cleaned_data["file"], by=request.user, purpose=SHEET)
            staff_sheet.read_sheet(uploads.read_bytes(upload), form.cleaned_data["school"])
        except FileRefused as error:
            uploads.remove(upload)
            form.add_error("file", str(error))
        except ValidationError as error:
            form.add_error("file", error)
        else:
            return redirect(
                "registry:staff_sheet_preview", uid=form.cleaned_data["school"].uid, upload_uid=upload.uid
            )
    context = {"form": form, "schools": list(schools[:60])}
    return render(request, "registry/staff/sheet_new.html", context)


@require_safe
def sheet_template(request, uid):
    """The empty sheet of a school."""
    school = school_or_404(request, uid, Act.MANAGE_STAFF)
    answer = HttpResponse(staff_sheet.template_workbook(school), content_type=XLSX)
    answer["Content-Disposition"] = "attachment; filename*=UTF-8''" + _quoted(f"{school.name}_教职工表.xlsx")
    return answer


def _quoted(name):
    return quote(name)


def _sheet_or_404(request, uid, upload_uid):
    school = school_or_404(request, uid, Act.MANAGE_STAFF)
    upload = get_object_or_404(Upload.objects.visible_to(request.user), uid=upload_uid, purpose=SHEET)
    return school, upload, staff_sheet.read_sheet(uploads.read_bytes(upload), school)


@require_safe
def sheet_preview(request, uid, upload_uid):
    """What the sheet says, row by row, problems at their cells."""
    school, upload, plan = _sheet_or_404(request, uid, upload_uid)
    audit.record("preview_staff", by=request.user, kind="upload", uid=upload, count=len(plan.rows))
    context = {"school": school, "upload": upload, "plan": plan, "titles": staff_sheet.TITLES}
    return render(request, "registry/staff/sheet_preview.html", context)


@require_POST
def sheet_confirm(request, uid, upload_uid):
    """Enter all of it, or nothing; with accounts and slips where asked."""
    school, upload, plan = _sheet_or_404(request, uid, upload_uid)
    with_accounts = bool(request.POST.get("accounts"))
    try:
        people, made = _enter(plan, school, with_accounts, request.user)
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
        return redirect("registry:staff_sheet_preview", uid=school.uid, upload_uid=upload.uid)
    uploads.remove(upload)
    said = f"{school.name}登记了 {len(people)} 人"
    if made:
        _keep_slips(request, [(person, new.user.username, new.password) for person, new in made])
        messages.success(request, f"{said}，开通了 {len(made)} 个账号。口令只显示这一次，请马上打印")
        return redirect("registry:slips")
    messages.success(request, said)
    return redirect(reverse("registry:staff_list") + f"?school={school.uid}")


def _enter(plan, school, with_accounts, by):
    with transaction.atomic():
        people = staff_sheet.enter(plan, school, by=by)
        made = []
        if with_accounts:
            made = staff.open_accounts([person for person in people if person.user_id is None], by=by)
    return people, made
