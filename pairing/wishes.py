"""What a child or its family asks of the pairing (结对愿望): a man or a woman, somebody by name, or not this teacher."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from trust import audit
from trust.models import VersionConflict

from .models import TieWish

audit.name_kinds(tie_wish="结对愿望")
audit.name_actions(set_wish="记下结对愿望")
FIELDS = ("sex", "wanted", "unwanted", "note")


def set_wish(*, child, by, sex="", wanted=None, unwanted=None, note="", expected=None):
    """Note the wish, or change it; all empty = none any more. ``expected``: the version shown, None where there was none."""
    if wanted is not None and wanted == unwanted:
        raise ValidationError({"unwanted": "和希望的是同一位，请核对"})
    asked = {"sex": sex, "wanted": wanted, "unwanted": unwanted, "note": note}
    try:
        with transaction.atomic():
            wish = TieWish.objects.filter(child=child).first()
            if wish is None:
                wish = TieWish(child=child, **asked)
                wish.full_clean()
                wish.save()
            elif all(getattr(wish, name) == value for name, value in asked.items()):
                return wish  # the same form again
            else:
                if expected != wish.version:
                    raise VersionConflict(wish)
                for name, value in asked.items():
                    setattr(wish, name, value)
                wish.full_clean()
                wish.save_version(expected)
            audit.record("set_wish", by=by, kind="tie_wish", uid=wish, child=child)
    except IntegrityError:
        raise ValidationError("刚才有人记下了这个孩子的愿望，请刷新再看") from None
    return wish
