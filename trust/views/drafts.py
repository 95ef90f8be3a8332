"""Drafts: saved while typing; and the form that was sent after the session had ended."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from trust import drafts


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request):
    """GET ?key= gives {"body": JSON text or ""}; POST key, body answers {"saved": true}; 401 when signed out."""
    if not request.user.is_authenticated or request.user.must_change_password:
        return JsonResponse({"saved": False, "reason": "请重新登录"}, status=401)
    key = request.POST.get("key", "") if request.method == "POST" else request.GET.get("key", "")
    if not key or len(key) > 200 or "\x00" in key or key == drafts.UNSENT:
        return JsonResponse({"saved": False, "reason": "表单名不对"}, status=400)
    if request.method != "POST":
        fields = drafts.load(request.user, key)
        return JsonResponse({"body": json.dumps(fields, ensure_ascii=False) if fields else ""})
    fields = _fields(request.POST.get("body", ""))
    if fields is None:
        return JsonResponse({"saved": False, "reason": "内容不对"}, status=400)
    if drafts.save(request.user, key, fields) is None:
        return JsonResponse({"saved": False, "reason": "内容太长"}, status=413)
    return JsonResponse({"saved": True})


def _fields(body):
    """{name: [texts]} from the browser's JSON, or None."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    for values in fields.values():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
    return {name: values for name, values in fields.items() if "password" not in name.lower()}


@require_http_methods(["GET", "HEAD", "POST"])
def restore(request):
    """What was sent when the session had ended, ready to be sent once more; POST here throws it away."""
    if request.method == "POST":
        drafts.forget(request.user, drafts.UNSENT)
        messages.info(request, "没保存的内容已丢弃")
        return redirect("home")
    kept = drafts.unsent(request.user)
    if kept is None:
        return redirect("home")
    uid, path, fields = kept
    pairs = [(name, value) for name, values in fields.items() for value in values]
    words = [value for _, value in pairs if len(value) > 15 and not _looks_like_uid(value)]
    return render(
        request,
        "trust/restore.html",
        {"draft_uid": uid, "path": path, "pairs": pairs, "words": words, "field": drafts.RESTORED_FIELD},
    )


def _looks_like_uid(value):
    return len(value) == 36 and value.count("-") == 4
