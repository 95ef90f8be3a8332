from django.apps import AppConfig


class ActivitiesConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "activities"
    verbose_name = "关爱活动与责任台账"

    def ready(self):
        from . import (
            contacts,  # noqa: F401  registers its outbox handler
            dropout,  # noqa: F401  closes cases of children that go on to another school
            handing_over,  # noqa: F401  says what somebody who leaves must hand over
            merged_children,  # noqa: F401  says what else names a child whose double is merged
            record_lists,  # noqa: F401  reads a year of talks and visits
        )
