"""谈心记录 and 家访记录 on paper: which contacts have a sheet, and who may print it (the sheet itself: ``reports.printing``)."""

from registry import access
from registry.access import Act
from registry.models import latest_enrollment

from . import contacts
from .models import ContactKind

KINDS = (ContactKind.TALK, ContactKind.HOME_VISIT)  # the forms that are signed (d.6, d.7)


def may_print_of(user, child):
    """Whether a post lets the reader print forms about the child, by where it sits or sat last."""
    seat = latest_enrollment(child.pk).select_related("school", "school_class__school").first()
    return seat is not None and access.may(
        user, Act.PRINT_FORMS, school=seat.school, school_class=seat.school_class
    )


def may_print(user, contact, sight):
    """Whether the contact's sheet is printed: by whoever did or typed it, else by a post that prints forms of the child
    and reads the words on paper. A cancelled contact has no sheet.
    """
    if contact.kind not in KINDS or contact.cancelled_at is not None:
        return False
    if contacts.had_part(user, contact):
        return True
    return contacts.may_read_words(user, contact, sight, printed=True) and may_print_of(user, contact.child)
