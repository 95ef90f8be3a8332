"""What happens around every request: its number and address, the limits of the session, no copies left behind."""

import logging
import secrets
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from trust import drafts, request_context, signing_in
from trust.audit import AuditFailed
from trust.models import Device

logger = logging.getLogger(__name__)

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0/O, 1/I/L: read over the telephone
UNAVAILABLE = (AuditFailed, OperationalError, InterfaceError)
_BUSY_TEXT = "系统正忙，请稍后重试，内容未丢失。"


def client_address(request):
    """The address of the caller. ``X-Forwarded-For`` counts only behind as many proxies as are configured."""
    proxies = getattr(settings, "PROXY_COUNT", 0)
    if proxies:
        hops = [
            part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
        ]
        if len(hops) >= proxies:
            return hops[-proxies][:45]
    return request.META.get("REMOTE_ADDR", "")[:45]


def wants_json(request):
    """Whether a script asks, not a person."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def unavailable(request):
    """503 with Retry-After: the database, or the audit trail, cannot be written just now."""
    try:
        body = render_to_string("503.html", {"error_number": request_context.current().request_id})
    except (TemplateDoesNotExist, *UNAVAILABLE):
        body = f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>请稍后重试</title><p>{_BUSY_TEXT}</p></html>'
    response = HttpResponse(body, status=503)
    response["Retry-After"] = "10"
    return response


class RequestContextMiddleware:
    """Numbers the request (shown on error pages, in logs and in the audit trail) and notes where it came from."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request_id = "".join(secrets.choice(_LETTERS) for _ in range(8))
        context = request_context.RequestContext(request_id=request_id, address=client_address(request))
        with request_context.serving(context):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response

    def process_exception(self, request, exception):
        if isinstance(exception, UNAVAILABLE):
            logger.error("unavailable", exc_info=exception)
            return unavailable(request)
        return None


class SessionLimitsMiddleware:
    """Ends sessions that were idle or open too long, and keeps what was being sent when that happened."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        try:
            return self.get_response(request)
        except SessionInterrupted:  # ended elsewhere while this request ran
            return redirect("trust:sign_in")

    def process_view(self, request, view, args, kwargs):
        if not request.user.is_authenticated:
            return None
        now = timezone.now().timestamp()
        session = request.session
        if signing_in.is_expired(session, now):
            return self._expire(request, view)
        if request.method == "POST":
            drafts.forget_restored(request)
        if getattr(view, "keeps_session_alive", True) and not request.headers.get("X-Background"):
            if now - session.get("seen", 0) >= signing_in.SEEN_EVERY:
                session["seen"] = int(now)
            if now - session.get("device_seen", 0) >= signing_in.DEVICE_SEEN_EVERY:
                session["device_seen"] = int(now)
                Device.objects.filter(session_key=session.session_key).update(seen_at=timezone.now())
        return None

    def _expire(self, request, view):
        user, key = request.user, request.session.session_key
        kept = None
        if request.method == "POST" and not wants_json(request):
            kept = drafts.keep_unsent(request, user)
        Device.objects.filter(session_key=key, ended_at=None).update(ended_at=timezone.now())
        logout(request)
        if not getattr(view, "login_required", True):
            return None
        if wants_json(request):
            return JsonResponse({"saved": False, "reason": "请重新登录"}, status=401)
        going_on = request.get_full_path() if request.method in ("GET", "HEAD") else _came_from(request)
        query = {"next": going_on} | ({"kept": "1"} if kept else {"expired": "1"})
        return redirect(f"{reverse(settings.LOGIN_URL)}?{urlencode(query)}")


def _came_from(request):
    parts = urlsplit(request.headers.get("Referer", ""))
    return parts.path if parts.netloc == request.get_host() and parts.path.startswith("/") else "/"


class PasswordChangeMiddleware:
    """With an initial password nothing works but changing it."""

    allowed = frozenset({"trust:password", "trust:sign_out", "trust:sign_in", "healthz"})

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if request.user.is_authenticated and request.user.must_change_password:
            match = request.resolver_match
            if match.view_name not in self.allowed and getattr(view, "login_required", True):
                return redirect("trust:password")
        return None


class NoCopiesMiddleware:
    """Nothing a signed-in page shows stays in a cache; signing out clears what the browser kept."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            add_never_cache_headers(response)
            response["Cache-Control"] = "no-store, private"
        return response
