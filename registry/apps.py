from django.apps import AppConfig


class RegistryConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "registry"
    verbose_name = "儿童与家庭"

    def ready(self):
        """Handlers of the registry's background work, and readers of the audit trail, register themselves."""
        from . import alarms, audit_readers  # noqa: F401
        from .roster import background  # noqa: F401
