"""The own background tasks: how far they are, and the file they made."""

from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from trust import audit, jobs
from trust.models import Job, JobState
from trust.signing_in import background

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
}


@require_safe
def job_list(request):
    """What I ordered lately."""
    return render(request, "trust/job_list.html", {"jobs": Job.objects.visible_to(request.user)[:50]})


@background
@require_safe
def job(request, uid):
    """One task; while it runs the browser asks again by itself, which does not keep the session alive."""
    row = get_object_or_404(Job.objects.visible_to(request.user), uid=uid)
    response = render(request, "trust/job.html", {"job": row, "has_file": jobs.has_file(row)})
    if row.state in (JobState.QUEUED, JobState.RUNNING):
        # With its address: whoever came by an order form still has its #part, and that alone is no reload.
        response["Refresh"] = f"3; url={request.path}"
    return response


@require_safe
def job_file(request, uid):
    """Fetch the file: only by the one who ordered it, within 24 hours, each time audited."""
    row = get_object_or_404(Job.objects.visible_to(request.user), uid=uid)
    if not jobs.has_file(row) or not jobs.may_fetch(row, request.user):
        raise Http404
    pieces = jobs.read_file(row)
    try:
        first = next(pieces)  # a file that is gone or does not open is noticed before anything is sent
    except FileNotFoundError:
        raise Http404 from None
    audit.record("fetch_file", by=request.user, kind="job", uid=row, detail=row.title)

    def body():
        yield first
        yield from pieces

    suffix = row.file_name.rpartition(".")[2].lower()
    response = StreamingHttpResponse(body(), content_type=TYPES.get(suffix, "application/octet-stream"))
    response["Content-Disposition"] = content_disposition_header(True, row.file_name)
    response["Content-Length"] = row.file_size
    return response
