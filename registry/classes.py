"""The last day of a class: it ends with its last term, and no enrollment outlives it."""

from datetime import date

from .calendar import Calendar
from .models import SchoolClass, grade_year


def last_day_of(school, stage, entry_year, calendar):
    """Last day of the last term of the class's last school year; 31 July where the calendar has no such term."""
    final_year = entry_year + school.stage_length(stage) - 1
    for first, last in reversed(calendar.terms):
        # The second term (第二学期): of that school year by its first day, begun in the new calendar year.
        if first.year == final_year + 1 and grade_year(first) == final_year:
            return last
    return date(final_year + 1, 7, 31)


def refresh_last_days(county):
    """Derives the last days anew after the terms changed; those given by a person stay. Returns how many changed."""
    calendar = Calendar.of(county)
    changed = []
    for found in SchoolClass.objects.filter(school__county=county, ends_on_given=False).select_related(
        "school"
    ):
        ends_on = last_day_of(found.school, found.stage, found.entry_year, calendar)
        if ends_on != found.ends_on:
            found.ends_on = ends_on
            changed.append(found)
    SchoolClass.objects.bulk_update(changed, ["ends_on"], batch_size=500)
    return len(changed)
