"""Drafts: what was typed and not saved. One encrypted row per user and form, 7 days, gone on saving."""

import json
import uuid
from datetime import timedelta

from django.utils import timezone

from trust.models import Draft

KEPT = timedelta(days=7)
UNSENT = "unsent"  # the form that was sent when the session had ended
UNSENT_KEPT = timedelta(hours=1)
RESTORED_FIELD = "restored_draft"
LIMIT = 200_000
_NEVER_KEPT = ("csrfmiddlewaretoken", RESTORED_FIELD)


def save(user, form_key, fields, *, kept=KEPT):
    """Keep the fields ({name: [values]}) of a form; the newest wins. Returns the draft, or None when too long."""
    body = json.dumps(fields, ensure_ascii=False)
    if len(body) > LIMIT:
        return None
    now = timezone.now()
    existing = Draft.objects.filter(user=user, form_key=form_key).only("uid").first()
    draft = Draft(
        uid=existing.uid if existing else uuid.uuid4(),
        user=user, form_key=form_key, body=body, saved_at=now, expires_at=now + kept,
    )  # fmt: skip
    Draft.objects.bulk_create(
        [draft],
        update_conflicts=True,
        unique_fields=["user", "form_key"],
        update_fields=["uid", "body", "saved_at", "expires_at"],
    )
    return draft


def load(user, form_key):
    """{name: [values]} of the draft, or {}."""
    draft = Draft.objects.filter(user=user, form_key=form_key, expires_at__gt=timezone.now()).first()
    return json.loads(draft.body) if draft and draft.body else {}


def forget(user, form_key):
    """The form was saved, or its text is no longer wanted."""
    Draft.objects.filter(user=user, form_key=form_key).delete()


def posted_fields(request):
    """What a POST carried, without tokens and passwords."""
    return {
        name: values
        for name, values in request.POST.lists()
        if name not in _NEVER_KEPT and "password" not in name.lower()
    }


def keep_unsent(request, user):
    """A POST met an ended session: keep it for an hour, for the same user only. Returns the draft or None."""
    if any("password" in name.lower() for name in request.POST):
        return None
    fields = posted_fields(request)
    if not any(value.strip() for values in fields.values() for value in values):
        return None
    return save(user, UNSENT, {"path": request.get_full_path(), "fields": fields}, kept=UNSENT_KEPT)


def unsent(user):
    """(draft's uid, path, {name: [values]}) of the form kept by ``keep_unsent``, or None."""
    draft = Draft.objects.filter(user=user, form_key=UNSENT, expires_at__gt=timezone.now()).first()
    if draft is None:
        return None
    kept = json.loads(draft.body)
    return draft.uid, kept["path"], kept["fields"]


def forget_restored(request):
    """The kept form arrived again: its draft is no longer needed."""
    uid = request.POST.get(RESTORED_FIELD, "")
    if len(uid) == 36:
        try:
            Draft.objects.filter(user=request.user, uid=uuid.UUID(uid)).delete()
        except ValueError:
            return
