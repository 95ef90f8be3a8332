"""Are the configured keys the ones the data were sealed with? And: moving the data to a new key."""

import logging

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, transaction

from trust import audit, crypto
from trust.models import KeyProof

logger = logging.getLogger(__name__)

PAGE = 2000
_INDEX = "index"

audit.name_actions(rotate_field_keys="更换字段密钥")


def _proof(key_id):
    if key_id == _INDEX:
        return crypto.blind_index("proof", "key-proof")
    return str(crypto.seal_under(key_id, f"proof of {key_id}", f"key-proof:{key_id}"))


def _fits(row):
    if row.key_id == _INDEX:
        return row.proof == _proof(_INDEX)
    try:
        return crypto.unseal(row.proof, f"key-proof:{row.key_id}") == f"proof of {row.key_id}"
    except crypto.WrongKey:
        return False


def ensure_proofs(**kwargs):
    """Leave a proof for each configured key that has none yet (after each migrate)."""
    known = set(KeyProof.objects.values_list("key_id", flat=True))
    missing = [key_id for key_id in [_INDEX, *settings.FIELD_KEYS] if key_id not in known]
    KeyProof.objects.bulk_create(
        [KeyProof(key_id=key_id, proof=_proof(key_id)) for key_id in missing], ignore_conflicts=True
    )


def wrong_keys():
    """Ids of keys that are missing or are not what they were; [] when the tables do not exist yet."""
    try:
        with transaction.atomic():
            return sorted(row.key_id for row in KeyProof.objects.all() if not _fits(row))
    except DatabaseError:
        return []


def encrypted_fields():
    """[(model, field)] of every table with ciphertexts, history tables too."""
    return [
        (model, field)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, crypto.EncryptedTextField) and not model._meta.proxy
    ]


def rotate(*, by=None):
    """Re-seal every value that is not under the newest key; safe under load and safe to repeat. Returns how many.

    Each value is replaced only if it is still the one that was read, so nothing written meanwhile is lost.
    """
    newest = crypto.newest_key_id()
    moved = 0
    for model, field in encrypted_fields():
        after = 0
        while page := _page(model, field, after):
            after = page[-1][0]
            old = [
                (pk, uid, value) for pk, uid, value in page if value and not value.startswith(f"{newest}:")
            ]
            if not old:
                continue
            with transaction.atomic():
                for pk, uid, value in old:
                    label = field.label_for(uid)
                    sealed = crypto.seal(crypto.unseal(value, label), label)
                    same = model._base_manager.filter(pk=pk, **{field.attname: value})
                    moved += same.update(**{field.attname: sealed})
    with transaction.atomic():
        ensure_proofs()
        audit.record("rotate_field_keys", by=by, count=moved, detail=newest)
    return moved


def retire(key_id):
    """Forget the proof of a key nothing is sealed under any more; False while something still is."""
    for model, field in encrypted_fields():
        after = 0
        while page := _page(model, field, after):
            after = page[-1][0]
            if any(value and value.startswith(f"{key_id}:") for _, _, value in page):
                return False
    KeyProof.objects.filter(key_id=key_id).delete()
    return True


def _page(model, field, after):
    rows = model._base_manager.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", "uid", field.attname)[:PAGE])
