"""Abstract models every floor builds on."""

import uuid

from django.db import models, transaction


class VersionConflict(Exception):
    """Somebody else saved the row since the form was opened."""

    def __init__(self, current):
        super().__init__("changed by somebody else")
        self.current = current


class Identified(models.Model):
    """A row that a URL, file, export or phone can name: by ``uid``, made before the insert. Integers stay inside."""

    uid = models.UUIDField("标识", default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Versioned(models.Model):
    """A row that two people may edit at once. The form carries ``version``; saving goes through ``save_version``."""

    version = models.PositiveIntegerField("版本", default=1, editable=False)

    class Meta:
        abstract = True

    def save_version(self, expected, **kwargs):
        """Save if nobody else did since version ``expected``; else raise VersionConflict with the stored row.

        SQLite ignores ``select_for_update``, so the version itself is taken by a conditional update.
        """
        with transaction.atomic():
            rows = type(self)._base_manager.filter(pk=self.pk)
            if not rows.filter(version=expected).update(version=expected + 1):
                raise VersionConflict(rows.first())
            self.version = expected + 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
            self.save(**kwargs)

    def differences(self, current, fields):
        """[(field's label, mine, stored)] for a page that shows both values after a conflict."""
        found = []
        for name in fields:
            mine, stored = getattr(self, name), getattr(current, name)
            if mine != stored:
                found.append((self._meta.get_field(name).verbose_name, mine, stored))
        return found
