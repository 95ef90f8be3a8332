"""Error pages: plain Chinese, a number to quote, never a path, a class name or a version."""

import sys

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import escape

from trust import request_context
from trust.middleware import UNAVAILABLE, unavailable

_TEXTS = {
    400: ("请求不完整", "这次提交的内容不完整，请返回上一页重试。"),
    403: ("没有这项权限", "您的岗位没有这项功能。需要的话，请联系管理员。"),
    404: ("没有找到", "不存在或不在您的职责范围内"),
    429: ("操作太频繁", "请稍后再试。"),
    500: ("没能完成", "刚才没能完成，内容可能没有保存。请再试一次；还不行，请截图联系管理员。"),
}


def _page(request, status, template=None, **more):
    title, text = _TEXTS[status]
    context = {
        "title": title,
        "text": text,
        "error_number": request_context.current().request_id,
        "status": status,
    } | more
    try:
        return render(request, template or f"{status}.html", context, status=status)
    except Exception:  # an error page must not fail, whatever state the request is in
        body = (
            f'<!doctype html><html lang="zh-Hans"><meta charset="utf-8"><title>{title}</title>'
            f"<h1>{title}</h1><p>{escape(context['text'])}</p><p>编号 {context['error_number']}</p></html>"
        )
        return HttpResponse(body, status=status)


def bad_request(request, exception=None):
    return _page(request, 400)


def permission_denied(request, exception=None):
    return _page(request, 403)


def page_not_found(request, exception=None):
    return _page(request, 404)


def server_error(request):
    """500, or 503 when the database or the audit trail cannot be reached."""
    if isinstance(sys.exc_info()[1], UNAVAILABLE):
        return unavailable(request)
    return _page(request, 500)


def csrf_failure(request, reason=""):
    """The form's token is missing or old: nothing was changed."""
    text = "这个页面打开太久了，刚才的内容没有提交。请返回上一页，刷新后再提交一次。"
    return _page(request, 403, template="trust/csrf.html", title="请刷新后再提交", text=text)
