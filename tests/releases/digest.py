"""What a database holds, in a form that outlives migrations: rows per table, and a hash of the fields by name.

    .venv/bin/python -m tests.releases.digest                   a new digest of the database of VAR_DIR
    .venv/bin/python -m tests.releases.digest manifest.json     the same fields as an older digest

Rows are named by uid where they have one, encrypted fields are opened, and rows are hashed in an order of their own,
so that neither keys of the database nor nonces play a part.
"""

import hashlib
import json
import os
import sys

# Rows that start-up or time change by themselves, and accounts' secrets, which the dump does not hold.
LEFT_OUT = {"trust.Heartbeat", "trust.KeyProof", "trust.SignInCount"}
SECRET = {"trust.User": {"password", "last_login"}}
FLOORS = {"trust", "registry", "pairing", "activities", "reports"}

# A later version that renames writes it down here: {"registry.Child": {"old_name": "new_name"}}.
RENAMED: dict[str, dict[str, str]] = {}


def _fields(model):
    label, found = model._meta.label, []
    for field in model._meta.concrete_fields:
        if field.primary_key or field.name in SECRET.get(label, ()):
            continue
        if field.is_relation:
            names = {other.name for other in field.related_model._meta.concrete_fields}
            if "uid" not in names:
                continue
            found.append(f"{field.name}__uid")
        else:
            found.append(field.name)
    return sorted(found)


def _hash(model, fields):
    from trust.crypto import EncryptedTextField

    new_names = RENAMED.get(model._meta.label, {})
    names = [new_names.get(name, name) for name in fields]
    plain = {field.name: field for field in model._meta.concrete_fields}
    sealed = [(at, plain[name]) for at, name in enumerate(names)
              if isinstance(plain.get(name), EncryptedTextField)]  # fmt: skip
    lines = []
    for uid, *row in model._base_manager.order_by("pk").values_list("uid" if sealed else "pk", *names):
        for at, field in sealed:
            row[at] = row[at] and field.open_stored(row[at], uid)
        lines.append(json.dumps(row, default=str, ensure_ascii=False, sort_keys=True))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def digest(fields_of=None):
    """{label: {rows, fields, sha256}}; with ``fields_of`` (an older digest) its tables and fields only."""
    from django.apps import apps

    found = {}
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        if model._meta.app_label not in FLOORS or label in LEFT_OUT or model._meta.proxy:
            continue
        if fields_of is not None and label not in fields_of:
            continue
        fields = _fields(model) if fields_of is None else fields_of[label]["fields"]
        rows = model._base_manager.count()
        found[label] = {"rows": rows, "fields": fields, "sha256": _hash(model, fields)}
    return found


def main():
    """Prints the digest as JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lbc_site.settings")
    django.setup()
    older = None
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            older = json.load(file)["tables"]
    json.dump(digest(older), sys.stdout, ensure_ascii=False, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
