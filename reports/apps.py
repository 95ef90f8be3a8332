from django.apps import AppConfig


class ReportsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "reports"
    verbose_name = "报表与看板"

    def ready(self):
        """Handlers of the reports' background work register themselves."""
        from registry import registers
        from registry.access import Act

        from . import exports  # noqa: F401
        from .printing import pdf  # noqa: F401

        registers.add_tab("协议、电话、家教", "reports:family_ticks", Act.SEE_REGISTERS)
