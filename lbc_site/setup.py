"""The first start: the installation code, the first administrator and county; then 开始使用, what is done and what is next.

It stands on the top floor because its list reads every floor: places, posts, calendar, rules, pairings, contacts.
"""

import contextlib
import secrets
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from activities import rules
from activities.explanations import describe
from activities.models import Contact, DutyRule
from pairing.models import Pairing
from registry import access, places, staff
from registry.access import Act
from registry.calendar import school_year_of
from registry.forms.fields import NameField, PhoneField
from registry.models import (
    CareListSpell,
    Enrollment,
    Post,
    PostKind,
    School,
    SchoolClass,
    SchoolYear,
    Staff,
)
from trust import request_context, signing_in
from trust.models import User

# Wrong codes are counted like wrong passwords of one account that does not exist.
CODE_ACCOUNT = "?setup-code"


def code_file():
    """Where ``make run DEMO=0`` keeps the code that proves who sits at this computer."""
    return Path(settings.VAR_DIR) / "setup-code"


class SetupForm(forms.Form):
    """The first administrator and the county."""

    code = forms.CharField(
        label="安装码", max_length=40, help_text="启动时印在窗口里的那一串",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip
    county_name = forms.CharField(label="县（市、区）名称", max_length=60, help_text="如：青溪县")
    county_code = forms.RegexField(
        r"\A\d{6}\Z", label="行政区划代码", help_text="6 位数字，身份证号的前 6 位就是",
        error_messages={"invalid": "行政区划代码是 6 位数字"},
    )  # fmt: skip
    name = NameField(label="您的姓名")
    phone = PhoneField(label="您的工作手机号", required=False, help_text="以后可以用它登录")
    username = forms.CharField(
        label="用户名", max_length=40, help_text="小写字母、数字，如 tianlaoshi",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )  # fmt: skip
    password = forms.CharField(
        label="密码", max_length=128, strip=False, help_text="至少 10 位，不要用姓名、手机号、学校名",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    password_again = forms.CharField(
        label="再写一遍密码", max_length=128, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean_username(self):
        """As it is stored."""
        return User.normalize_username(self.cleaned_data["username"])

    def clean(self):
        data = super().clean()
        password, again = data.get("password"), data.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", "两遍写的不一样，请再写一遍")
        elif password:
            user = User(
                username=data.get("username", ""), name=data.get("name", ""), phone=data.get("phone") or None
            )
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.add_error("password", error)
        return data


def _code():
    try:
        return code_file().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


@contextlib.contextmanager
def _code_taken():
    """The code works once: whoever renames the file first has it; a failure gives it back."""
    path = code_file()
    taken = path.with_name(f"setup-code.{secrets.token_hex(4)}")
    try:
        path.rename(taken)
    except FileNotFoundError:
        raise ValidationError("安装码已经用过了") from None
    try:
        yield
    except BaseException:
        taken.rename(path)
        raise
    taken.unlink(missing_ok=True)


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def setup(request):
    """The first administrator of an empty installation; gone once an account exists."""
    if User.objects.exists():
        raise Http404
    form = SetupForm(request.POST if request.method == "POST" else None)
    code = _code()
    if request.method == "POST" and code and form.is_valid():
        user = _first_administrator(form, code)
        if user is not None:
            data = form.cleaned_data
            signed_in = authenticate(request, username=data["username"], password=data["password"])
            signing_in.begin_session(request, signed_in)
            messages.success(request, f"{user.name}，您现在是管理员了。照下面的顺序一步一步来")
            return redirect("getting_started")
    return render(request, "setup/setup.html", {"form": form, "has_code": bool(code)})


def _first_administrator(form, code):
    data = form.cleaned_data
    address = request_context.current().address
    if signing_in.is_locked(CODE_ACCOUNT, address):
        form.add_error("code", "输错的次数太多，请过 15 分钟再试")
        return None
    typed = data["code"].strip().upper()
    if not secrets.compare_digest(typed.encode(), code.upper().encode()):
        signing_in.count_wrong(CODE_ACCOUNT, address)
        form.add_error("code", "安装码不对，请照启动窗口里印的填")
        return None
    try:
        with _code_taken():
            return staff.first_administrator(
                county_code=data["county_code"], county_name=data["county_name"], name=data["name"],
                username=data["username"], phone=data["phone"], password=data["password"],
            )  # fmt: skip
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            form.add_error(None, error)
        else:
            for name, errors in error.error_dict.items():
                form.add_error(name if name in form.fields else None, errors)
    return None


# --- 开始使用 -----------------------------------------------------------------------------------------------------------


def _url(name, *args):
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def _step(title, done, text, url="", link="", *, open_to=True, whose="县里的管理员"):
    return {
        "title": title, "done": done, "text": text, "url": url if open_to else "", "link": link,
        "whose": "" if open_to or done else f"由{whose}来做",
    }  # fmt: skip


def steps_for(user):
    """What is done and what is next, from the data, for the county or school of the user's posts. With fixed queries."""
    today = timezone.localdate()
    county = places.counties_of(user)[0]
    schools = list(School.objects.visible_to(user).filter(ends_on=None).order_by("code"))
    whole = access.may(user, Act.MANAGE_PLACES, county=county)
    calendar = access.may(user, Act.CONFIRM_CALENDAR, county=county)
    manages = access.may(user, Act.MANAGE_STAFF)
    year = school_year_of(today)
    school_year = SchoolYear.objects.filter(county=county, year=year).first()
    rule_count = DutyRule.objects.filter(county=county, owner=None, active=True).count()
    classes = SchoolClass.objects.filter(school__in=schools).running_on(today).count()
    people = Staff.objects.visible_to(user).filter(left_on=None)
    staff_count, with_account = people.count(), people.exclude(user=None).count()
    held = Post.objects.on(today)
    leaders = held.filter(kind=PostKind.LEADER, school__in=schools).count()
    led = [school for school in schools if not school.managing_school_id]
    taught = held.filter(kind=PostKind.CLASS_TEACHER, school__in=schools).count()
    seated = Enrollment.objects.on(today).filter(school__in=schools).values("child")
    listed = CareListSpell.objects.on(today).filter(child__in=seated)
    children = listed.values("child").distinct().count()
    paired = Pairing.objects.primary().on(today).filter(child__in=listed.values("child")).count()
    contacts = Contact.objects.filter(school__in=schools, cancelled_at=None).exists()
    first = schools[0] if schools else None
    return [
        _step("管理员和县", True, f"{county.name}，代码 {county.code}"),
        _step(
            "确认校历", bool(school_year and school_year.confirmed_at),
            f"{year}—{year + 1}学年" + ("" if school_year else "还没有拟") + "。哪天上课、哪个月要做，都按它算",
            _url("registry:calendar"), "去校历", open_to=calendar,
        ),
        _step(
            "启用频次要求", rule_count > 0,
            f"在用 {rule_count} 条" if rule_count else "多久谈一次心、家访几次，先用通行的一套，以后可以改",
            _url("setup_rules"), "看看这一套", open_to=whole,
        ),
        _step(
            "登记学校", bool(schools), f"{len(schools)} 所" if schools else "先登记一所",
            _url("registry:school_add", county.uid) if not schools else _url("registry:school_list"), "去学校", open_to=whole,
        ),
        _step(
            "加班级", classes > 0, f"{classes} 个班" if classes else "写上每个年级几个班，一次建好",
            _url("registry:classes_add", first.uid) if first else "", "去加班级",
            open_to=bool(first) and access.may(user, Act.MANAGE_CLASSES),
        ),
        _step(
            "登记教职工", staff_count > 1, f"{staff_count} 人" + ("，可以用表格一次登记全校" if staff_count <= 1 else ""),
            _url("registry:staff_sheet"), "用表格登记", open_to=manages,
        ),
        _step(
            "任命组长（校长）", bool(led) and leaders >= len(led),
            f"{len(led)} 所学校，{leaders} 所有组长" if led else "有了学校再任命",
            _url("registry:staff_list"), "去任命", open_to=manages,
        ),
        _step(
            "任命班主任", classes > 0 and taught >= classes, f"{classes} 个班，{taught} 个有班主任",
            _url("registry:staff_list"), "去任命", open_to=manages,
        ),
        _step(
            "开通账号", staff_count > 1 and with_account >= staff_count,
            f"{staff_count} 人里 {with_account} 人有账号。口令条打印出来，交给本人",
            _url("registry:accounts_open"), "去开通", open_to=manages,
        ),
        _step(
            "导入花名册", children > 0, f"在册 {children} 人" if children else "开学摸底的表直接传上来",
            _url("registry:import_list"), "去导入", open_to=access.may(user, Act.IMPORT_ROSTER),
            whose="学校组长、办公室或档案管理员",
        ),
        _step(
            "指定包保", children > 0 and paired >= children, f"在册 {children} 人，{paired} 人有包保教师",
            _url("pairing:pairing_list"), "去指定", open_to=access.may(user, Act.ASSIGN_PAIRINGS),
            whose="学校组长或办公室",
        ),
        _step(
            "记第一次谈心", contacts, "已经有记录了" if contacts else "班主任登录后，点“记一笔”、选孩子就能记",
            _url("activities:today"), "去今日", open_to=access.may(user, Act.LOG_CONTACTS),
            whose="班主任",
        ),
    ]  # fmt: skip


@require_safe
def getting_started(request):
    """开始使用: for administrators and leaders."""
    user = request.user
    if not any(access.may(user, act) for act in (Act.MANAGE_PLACES, Act.MANAGE_STAFF, Act.CONFIRM_CALENDAR)):
        raise PermissionDenied("您的岗位没有设置要管")
    steps = steps_for(user)
    following = next((step for step in steps if not step["done"] and step["url"]), None)
    for step in steps:
        step["next"] = step is following
    left = sum(not step["done"] for step in steps)
    return render(
        request, "setup/getting_started.html", {"steps": steps, "left": left, "following": following}
    )


@require_http_methods(["GET", "HEAD", "POST"])
def setup_rules(request):
    """The duty rules a new county begins with, each with its source sentence; taken over as a whole."""
    counties = places.counties_of(request.user, Act.MANAGE_PLACES)
    if not counties:
        raise PermissionDenied("您的岗位没有这项功能")
    county, today = counties[0], timezone.localdate()
    if request.method == "POST":
        made = rules.seed_rules(county, valid_from=today, by=request.user)
        if made:
            messages.success(
                request, f"启用了，从今天起算。{sum(rule.active for rule in made)} 条在用，其余先关着"
            )
        else:
            messages.info(request, "频次要求早就启用了，没有改动")
        return redirect("getting_started")
    proposed = [rules.rule_from(row, county=county, valid_from=today) for row in rules.seeded_rows()]
    context = {
        "rules": [(rule, describe(rule)) for rule in proposed],
        "county": county,
        "known": DutyRule.objects.filter(county=county, owner=None).count(),
    }
    return render(request, "setup/rules.html", context)
