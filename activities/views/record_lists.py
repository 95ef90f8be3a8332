"""Pages of a year of talks and visits read from Excel (谈心家访记录): the pages of every list, with this kind."""

from django.views.decorators.http import require_http_methods, require_POST, require_safe

from pairing.views import lists
from registry.models import ImportKind

from ..record_lists import COLUMNS

RECORDS = {
    "kind": ImportKind.CONTACTS,
    "title": "导入谈心家访记录",
    "say": "一行一次：孩子、日期、教师、类别（谈心、家访、电话……）、内容。按今天登记算，超过 14 天的算补录。孩子要先在名册里。",
    "dated": False,
    "prefix": "activities:record_list",
    "columns": COLUMNS,
}
form_view = require_http_methods(["GET", "HEAD", "POST"])


@form_view
def record_list_upload(request):
    """Upload records."""
    return lists.upload(request, RECORDS)


@require_safe
def record_list_check(request, uid):
    """Check them."""
    return lists.check(request, uid, RECORDS)


@require_POST
def record_list_answer(request, uid):
    """Answer their questions."""
    return lists.answer(request, uid, RECORDS)


@require_POST
def record_list_confirm(request, uid):
    """Enter all of them."""
    return lists.confirm(request, uid, RECORDS)


@form_view
def record_list_drop(request, uid):
    """Decide against it."""
    return lists.drop(request, uid, RECORDS)
