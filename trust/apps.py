from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TrustConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "trust"
    verbose_name = "安全与留痕"

    def ready(self):
        from trust import keys, outbox_handlers, signing_in  # noqa: F401  (signals and handlers)

        post_migrate.connect(keys.ensure_proofs, sender=self, dispatch_uid="trust.key_proofs")
