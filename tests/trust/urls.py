"""The real URL tree and one form that keeps what it is sent."""

from django.http import HttpResponse
from django.urls import include, path

from trust import drafts


def note(request):
    """Save the posted fields."""
    drafts.save(request.user, "note", drafts.posted_fields(request))
    return HttpResponse("saved")


urlpatterns = [path("note/", note), path("", include("lbc_site.urls"))]
