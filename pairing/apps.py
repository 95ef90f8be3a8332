"""Pairing: who answers for whom."""

from django.apps import AppConfig


class PairingConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "pairing"
    verbose_name = "结对包保"

    def ready(self):
        """Ties open children's files through ``registry.access``; the handlers of background work register themselves."""
        from . import background, grants, merged_children  # noqa: F401
        from .lists import pairings  # noqa: F401
