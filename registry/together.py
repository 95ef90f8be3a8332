"""Rows of several tables in one statement: a page reads many small facts, and each statement is a journey of its own.

``together(Trait.objects.…, Phone.objects.…)`` gives one list of rows per queryset, in the order of their primary keys.
Plain rows only: no select_related, no annotations, no slices. What is read of each other is attached by the caller.
"""

import json
from datetime import UTC

from django.db import connection, models
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast
from django.utils.dateparse import parse_datetime


def together(*querysets):
    """One list of rows for each queryset, read in one statement."""
    width = max(len(queryset.model._meta.concrete_fields) for queryset in querysets)
    parts = [_part(number, queryset, width) for number, queryset in enumerate(querysets)]
    first, *rest = parts
    readers = [_readers(queryset.model) for queryset in querysets]
    found = [[] for _ in querysets]
    for number, *texts in first.union(*rest, all=True) if rest else first:
        names, read = readers[number]
        values = [
            None if text is None else one(text) for one, text in zip(read, texts[: len(read)], strict=True)
        ]
        found[number].append(querysets[number].model.from_db(connection.alias, names, values))
    for rows in found:
        rows.sort(key=lambda row: row.pk)
    return found


def _part(number, queryset, width):
    """The rows of one queryset as its number and texts; missing columns are null."""
    fields = queryset.model._meta.concrete_fields
    texts = {f"text_{place}": Cast(F(field.attname), TextField()) for place, field in enumerate(fields)}
    texts |= {f"text_{place}": Cast(Value(None), TextField()) for place in range(len(fields), width)}
    part = Value(number, output_field=models.IntegerField())
    return queryset.order_by().values_list(part, *[texts[f"text_{place}"] for place in range(width)])


def _readers(model):
    fields = model._meta.concrete_fields
    return [field.attname for field in fields], [_reader(field) for field in fields]


def _reader(field):
    """How the text of one column becomes its value."""
    if isinstance(field, models.ForeignKey):
        return _reader(field.target_field)
    if isinstance(field, models.DateTimeField):
        return _moment
    if isinstance(field, models.BooleanField):
        return lambda text: text in ("1", "t", "true")
    if isinstance(field, models.JSONField):
        return json.loads
    if hasattr(field, "from_db_value"):
        return lambda text: field.from_db_value(text, None, connection)
    return field.to_python


def _moment(text):
    moment = parse_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
