"""The front door and the health page."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from trust.models import Heartbeat, User

from .navigation import first_page_url


@login_not_required
@require_safe
def home(request):
    """The first page of the user's posts; before there is any account, the page that makes the first."""
    if request.user.is_authenticated:
        return redirect(first_page_url(request.user))
    if not User.objects.exists():
        return redirect("setup")
    return redirect_to_login(request.path)


@login_not_required
@require_safe
def healthz(request):
    """Database, cache and the age of the last beat, for a monitor; no figures, no names."""
    state = {"database": False, "cache": False, "beat_seconds": None}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        state["database"] = True
        beat = Heartbeat.objects.filter(name="schedule").first()
        if beat is not None:
            state["beat_seconds"] = int((timezone.now() - beat.beat_at).total_seconds())
    except Exception:  # the monitor wants an answer, whatever is broken
        state["database"] = False
    try:
        cache.get("healthz")
        state["cache"] = True
    except Exception:
        state["cache"] = False
    response = JsonResponse(state, status=200 if state["database"] and state["cache"] else 503)
    response["Cache-Control"] = "no-store"
    return response
