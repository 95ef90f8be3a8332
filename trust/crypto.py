"""Field encryption: one interface, the key id carries the cipher.

Stored form: ``<key id>:`` + base64(nonce + AES-256-GCM). The associated data are the field's label and the row's
``uid``, so a ciphertext moved to another row or field does not open. Historical rows (django-simple-history) carry
the same uid and open under the original's label. Renaming a model, app or field needs a re-encrypting migration.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import FieldError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.query_utils import DeferredAttribute

CIPHERS = {"aes": AESGCM}  # prefix of the key id -> AEAD; SM4-GCM joins here
_NONCE = 12
_CHUNK = 1024 * 1024


class WrongKey(Exception):
    """A ciphertext does not open: its key is not configured, or it was changed or moved."""


class Sealed(str):
    """A ciphertext as it stands in the database."""

    __slots__ = ()


def _cipher(key_id, keys=None):
    try:
        key = (keys or settings.FIELD_KEYS)[key_id]
        return CIPHERS[key_id.rstrip("0123456789")](key)
    except KeyError:
        raise WrongKey(f"field key {key_id!r} is not configured") from None


def newest_key_id():
    """The key that new values are sealed with."""
    return next(iter(settings.FIELD_KEYS))


def seal(plain, label):
    """Encrypt a text under a label with the newest key; blank stays blank."""
    return seal_under(newest_key_id(), plain, label) if plain else Sealed("")


def seal_under(key_id, plain, label):
    """Encrypt under a named key; ``seal`` is what everybody else uses."""
    nonce = os.urandom(_NONCE)
    data = _cipher(key_id).encrypt(nonce, plain.encode("utf-8", "surrogatepass"), label.encode())
    return Sealed(f"{key_id}:{base64.b64encode(nonce + data).decode()}")


def unseal(sealed, label):
    """Decrypt what ``seal`` made under the same label."""
    if not sealed:
        return ""
    key_id, colon, encoded = sealed.partition(":")
    if not colon:
        raise WrongKey("not a ciphertext")
    try:
        data = base64.b64decode(encoded, validate=True)
        return (
            _cipher(key_id)
            .decrypt(data[:_NONCE], data[_NONCE:], label.encode())
            .decode("utf-8", "surrogatepass")
        )
    except (InvalidTag, binascii.Error, ValueError):
        raise WrongKey(f"a value under field key {key_id!r} does not open") from None


def blind_index(value, purpose):
    """A keyed fingerprint for exact search: 64 hex characters, blank for blank.

    The caller normalizes the value; ``purpose`` ("id_number", "phone") keeps fingerprints of different kinds apart.
    """
    if not value:
        return ""
    return hmac.new(settings.INDEX_KEY, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()


def derived_key(purpose):
    """A key of its own for another keyed hash (audit, seals), independent of the blind index."""
    return hmac.new(settings.INDEX_KEY, f"derive\0{purpose}".encode(), hashlib.sha256).digest()


class EncryptedAttribute(DeferredAttribute):
    """Opens the value when it is read, so a list that does not show it does not pay for it."""

    def __get__(self, instance, cls=None):
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            return unseal(value, self.field.label_for(instance.uid))
        return value

    def __set__(self, instance, value):
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(models.TextField):
    """A text that the database never sees in clear. The model must have ``uid``.

    Writes go through ``save``, ``bulk_create`` (also as an upsert); ``update`` and ``bulk_update`` with a plain value
    raise, so nothing is stored in clear by mistake. Look-ups: ``isnull`` and comparison with "" only; for exact search
    keep a ``blind_index`` beside it. ``values()`` gives the ciphertext: open it with ``open_stored``.
    """

    descriptor_class = EncryptedAttribute
    description = "Encrypted text"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            self.validators.append(MaxLengthValidator(self.max_length))

    def label_for(self, uid):
        """The associated data of this field in the row ``uid``; a historical row shares its original's."""
        meta = self.model._meta
        name = meta.object_name.removeprefix("Historical").lower()
        return f"{meta.app_label}.{name}.{self.name}:{uid}"

    def open_stored(self, sealed, uid):
        """Decrypt a value fetched by ``values()`` for the row ``uid``."""
        return unseal(sealed, self.label_for(uid))

    def from_db_value(self, value, expression, connection):
        return value if value is None else Sealed(value)

    def pre_save(self, model_instance, add):
        value = model_instance.__dict__.get(self.attname)
        if value is None:
            return None
        label = self.label_for(model_instance.uid)
        if isinstance(value, Sealed):
            if not add:
                return value
            value = unseal(value, label)  # a copied row under another uid must fail here, not when it is read
        return seal(str(value), label)

    def get_prep_value(self, value):
        if value is None or value == "" or isinstance(value, Sealed):
            return None if value is None else str(value)
        raise TypeError(
            f"{self.name}: a plain value would reach the database unencrypted; use save() or bulk_create()"
        )

    def get_lookup(self, lookup_name):
        if lookup_name not in ("isnull", "exact"):
            raise FieldError(f"{self.name} is encrypted: only isnull, or comparison with an empty text")
        return super().get_lookup(lookup_name)


# Files: 1 MiB chunks, each sealed with its number and whether it is the last, so none can be cut, moved or swapped.


def write_sealed(file, chunks, label, *, keys=None):
    """Encrypt an iterable of bytes into an open binary file; ``keys`` (id -> key) instead of the field keys."""
    key_id = next(iter(keys)) if keys else newest_key_id()
    cipher, prefix = _cipher(key_id, keys), os.urandom(_NONCE - 4)
    file.write(f"{key_id}\n".encode() + prefix)
    number, waiting = 0, b""

    def put(data, last):
        nonlocal number
        sealed = cipher.encrypt(
            prefix + struct.pack(">I", number), data, f"{label}:{number}:{last:d}".encode()
        )
        file.write(struct.pack(">I", len(sealed)) + sealed)
        number += 1

    for chunk in chunks:
        waiting += chunk
        while len(waiting) > _CHUNK:
            put(waiting[:_CHUNK], False)
            waiting = waiting[_CHUNK:]
    put(waiting, True)


def read_sealed(file, label, *, keys=None):
    """Yield the bytes of a file that ``write_sealed`` made; raises WrongKey for a cut or changed one."""
    key_id = file.readline(64).decode("ascii", "replace").strip()
    cipher, prefix = _cipher(key_id, keys), file.read(_NONCE - 4)
    number, size = 0, file.read(4)
    while size:
        data = file.read(struct.unpack(">I", size)[0]) if len(size) == 4 else b""
        size = file.read(4)
        try:
            yield cipher.decrypt(
                prefix + struct.pack(">I", number), data, f"{label}:{number}:{not size:d}".encode()
            )
        except (InvalidTag, ValueError):
            raise WrongKey(f"a file under field key {key_id!r} does not open") from None
        number += 1
    if not number:
        raise WrongKey("an empty file is not a sealed one")
