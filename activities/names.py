"""Names and uids of the subjects of duties, fetched in pages, for sheets and commands."""

from registry.models import ActivityCenter, Child, County, School, SchoolClass, Staff

from .models import Subject

MODELS = {
    Subject.CHILD: Child,
    Subject.STAFF: Staff,
    Subject.CLASS: SchoolClass,
    Subject.CENTER: ActivityCenter,
    Subject.SCHOOL: School,
    Subject.COUNTY: County,
}
PAGE = 2000


def rows_of(subjects):
    """{(kind, id): row} of a set of (kind, id); a query per kind and 2,000 rows."""
    found = {}
    for kind, model in MODELS.items():
        ids = sorted(pk for subject, pk in subjects if subject == kind)
        queryset = model.objects.select_related("school") if kind == Subject.CLASS else model.objects.all()
        for start in range(0, len(ids), PAGE):
            for row in queryset.filter(pk__in=ids[start : start + PAGE]):
                found[kind, row.pk] = row
    return found


def uids_of(subjects):
    """{(kind, id): uid}."""
    return {key: row.uid for key, row in rows_of(subjects).items()}
