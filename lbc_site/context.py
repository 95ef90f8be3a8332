"""What every template knows: the product's name, the help contact, whether the line is encrypted, navigation."""

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.urls import reverse

from . import navigation

_LOOPBACK = {"localhost", "127.0.0.1", "[::1]", "testserver"}


def site(request):
    """Context processor. Navigation, search and the words for the user's posts come from ``lbc_site.navigation``."""
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    place, post_words = navigation.place_name(user) if signed_in else ("", "")
    return {
        "product_name": settings.PRODUCT_NAME,
        "help_contact": settings.HELP_CONTACT,
        "plain_line": not request.is_secure() and not _loopback(request),
        "local_mode": settings.LOCAL_MODE,
        "me": {
            "name": user.name,
            "post": post_words,
            "url": reverse("trust:account"),
            "duties_url": reverse("registry:my_duties"),
        }
        if signed_in
        else None,
        "sign_out_url": reverse("trust:sign_out") if signed_in else "",
        "place_name": place,
        "search_url": reverse("registry:child_search")
        if signed_in and navigation.sees_children(user)
        else "",
        "manual_url": reverse("manual") if signed_in else "",
        "nav": navigation.navigation(request) if signed_in else [],
        "bottom_nav": navigation.bottom_navigation(request) if signed_in else [],
    }


def _loopback(request):
    try:
        host = request.get_host()
    except DisallowedHost:  # an error page for a wrong host name needs a context too
        return True
    return (host if host.endswith("]") else host.rsplit(":", 1)[0]) in _LOOPBACK
