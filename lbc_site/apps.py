from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "lbc_site"
    verbose_name = "关爱档案"

    def ready(self):
        from lbc_site import checks  # noqa: F401  (start-up checks)
