"""Settings of the measurements: the product's own, on a scratch PostgreSQL, with keys of this run alone."""

import base64
import os
import secrets
import tempfile

os.environ.setdefault("DATABASE_URL", os.environ.get("BENCH_DATABASE_URL", "postgres:///lbc_bench"))
os.environ.setdefault("VAR_DIR", tempfile.mkdtemp(prefix="lbc-bench-"))
os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
os.environ.setdefault("FIELD_KEYS", "aes1:" + base64.b64encode(secrets.token_bytes(32)).decode())
os.environ.setdefault("INDEX_KEY", base64.b64encode(secrets.token_bytes(32)).decode())
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost")

from lbc_site.settings import *  # noqa: F403
from lbc_site.settings import SILENCED_SYSTEM_CHECKS, STORAGES

# A scratch database on this machine, invented children: no TLS wanted.
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "lbc.E001", "lbc.E003"]
# No collected static files are needed to time a page.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
