"""Signing in and out, the own account, the password."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from trust import accounts, drafts, signing_in
from trust.forms import ConfirmForm, PasswordForm, SignInForm
from trust.models import Device, Job


def _going_on(request, path, default):
    allowed = url_has_allowed_host_and_scheme(path, {request.get_host()}, require_https=request.is_secure())
    return path if path and allowed and path.startswith("/") else default


@login_not_required
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request):
    """The one door. The same words whether the account exists or not."""
    if request.method == "POST":
        form = SignInForm(request.POST)
        if form.is_valid():
            user = authenticate(
                request, username=form.cleaned_data["username"], password=form.cleaned_data["password"]
            )
            if getattr(request, "axes_locked_out", False):
                return HttpResponse(status=429)  # axes' middleware puts the page in its place
            if user is None:
                form.add_error(None, "用户名或密码不对。忘了密码，请找管理员重置")
            elif user.initial_password_expires_at and user.initial_password_expires_at < timezone.now():
                form.add_error(None, "初始密码已经过期，请找管理员重置")
            else:
                signing_in.begin_session(request, user, own_phone=form.cleaned_data["own_phone"])
                if user.must_change_password:
                    return redirect("trust:password")
                if drafts.unsent(user):
                    return redirect("trust:restore")
                return redirect(_going_on(request, form.cleaned_data["next"], settings.LOGIN_REDIRECT_URL))
    elif request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    else:
        form = SignInForm(initial={"next": request.GET.get("next", "")[:500]})
    page = {"form": form, "kept": "kept" in request.GET, "expired": "expired" in request.GET}
    return render(request, "trust/sign_in.html", page)


@require_POST
def sign_out(request):
    """End this session; the browser is asked to forget what it kept."""
    signing_in.finish_session(request)
    response = redirect(settings.LOGOUT_REDIRECT_URL)
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@require_safe
def account(request):
    """我的: who I am here, on which devices I am signed in, what I ordered."""
    devices = Device.objects.filter(user=request.user, ended_at=None)[:20]
    jobs = Job.objects.visible_to(request.user)[:5]
    page = {"devices": devices, "current_key": request.session.session_key, "jobs": jobs}
    return render(request, "trust/account.html", page)


@require_POST
def end_device(request, uid):
    """End one of the own sessions."""
    device = get_object_or_404(Device, uid=uid, user=request.user, ended_at=None)
    if device.session_key == request.session.session_key:
        return sign_out(request)
    signing_in.end_device(device, by=request.user)
    messages.success(request, f"已退出“{device.label}”")
    return redirect("trust:account")


@require_POST
def end_all_sessions(request):
    """End every own session but this one."""
    signing_in.end_sessions(request.user, by=request.user, reason="本人操作", keep=request)
    messages.success(request, "其他设备都已退出，只留这一台")
    return redirect("trust:account")


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request):
    """Change the own password; with an initial one, the only page there is."""
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        if not signing_in.own_password_is(request, form.cleaned_data["old_password"]):
            form.add_error("old_password", "现在的密码不对。连着输错太多次会暂停 15 分钟")
        else:
            try:
                accounts.change_own_password(request.user, form.cleaned_data["new_password"], request=request)
            except ValidationError as error:
                form.add_error("new_password", error)
            else:
                messages.success(request, "密码已改，其他设备都已退出")
                return redirect("home")
    return render(request, "trust/password.html", {"form": form, "must": request.user.must_change_password})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request):
    """Ask for the password again before what is most sensitive."""
    if request.method == "POST":
        form = ConfirmForm(request.POST)
        if form.is_valid():
            if signing_in.own_password_is(request, form.cleaned_data["password"]):
                return redirect(_going_on(request, form.cleaned_data["next"], settings.LOGIN_REDIRECT_URL))
            form.add_error("password", "密码不对。连着输错太多次会暂停 15 分钟")
    else:
        form = ConfirmForm(initial={"next": request.GET.get("next", "")[:500]})
    return render(request, "trust/confirm.html", {"form": form})
