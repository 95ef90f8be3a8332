"""One settings file, driven by the environment, safe when nothing is set.

Nothing set = local mode: SQLite and files under ``var/``, keys made once there, no server needed.
``DATABASE_URL`` and ``REDIS_URL`` make it a county's installation; see docs/operations.md.
"""

import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import environ
from celery.schedules import crontab

from trust.local_keys import local_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
TESTING = "pytest" in sys.modules
DEBUG = env.bool("DEBUG", default=False)
DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
# Local mode: one school's computer, no server beside the program itself (docs/operations.md).
LOCAL_MODE = not DATABASE_URL
TLS = env.bool("TLS", default=False)

_secrets = local_secrets(VAR_DIR, env, needed=LOCAL_MODE)
SECRET_KEY = _secrets.secret_key
# Newest first, "id:base64" separated by commas; the id travels with each ciphertext.
FIELD_KEYS = _secrets.field_keys
INDEX_KEY = _secrets.index_key

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if LOCAL_MODE else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

PRODUCT_NAME = env.str("PRODUCT_NAME", default="关爱档案")
HELP_CONTACT = env.str("HELP_CONTACT", default="本校信息员或县管理员")

INSTALLED_APPS = [
    "lbc_site",
    "reports",
    "activities",
    "pairing",
    "registry",
    "trust",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "django_filters",
    "django_tables2",
    "simple_history",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "trust.middleware.RequestContextMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "trust.middleware.SessionLimitsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "trust.middleware.PasswordChangeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "trust.middleware.NoCopiesMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "lbc_site.urls"
WSGI_APPLICATION = "lbc_site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lbc_site.context.site",
            ],
            "builtins": ["trust.templatetags.parts"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "django_tables2/bootstrap5.html"

if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # Just-in-time compilation took 10 s of a 12 s check of 20,000 children (bench/README.md).
        # Reading by index is cheap where tables fit in memory or lie on an SSD; told so, a school's page looks up
        # its own children instead of reading the county's.
        DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
            "options", "-c jit=off -c random_page_cost=1.1"
        )
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR_DIR / "lbc.sqlite3"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Durable first (docs/decisions): rollback journal + FULL; WAL at FULL was no faster and the
    # SQLite of Debian 12 has the WAL-reset bug. A writer takes its lock at the start.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    # Several processes must agree on counters, so the cache is a table, not a process's memory.
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

AUTH_USER_MODEL = "trust.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "trust.signing_in.NameOrPhoneBackend"]
LOGIN_URL = "trust:sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "trust:sign_in"
PASSWORD_HASHERS = ["trust.signing_in.Argon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "trust.signing_in.LocalWordsValidator"},
]
INITIAL_PASSWORD_LIFETIME = timedelta(hours=72)
SESSION_IDLE = timedelta(minutes=env.int("SESSION_IDLE_MINUTES", default=15))
SESSION_ABSOLUTE = timedelta(hours=env.int("SESSION_ABSOLUTE_HOURS", default=8))
OWN_PHONE_IDLE = timedelta(days=7)
OWN_PHONE_ABSOLUTE = timedelta(days=30)
REAUTHENTICATE_AFTER = timedelta(minutes=15)

AXES_USERNAME_FORM_FIELD = "username"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # a whole school shares one address
AXES_FAILURE_LIMIT, AXES_COOLOFF_TIME = 10, timedelta(minutes=15)
AXES_LOCKOUT_CALLABLE = "trust.signing_in.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True
AXES_USERNAME_CALLABLE = "trust.signing_in.account_key"
AXES_CLIENT_IP_CALLABLE = "trust.middleware.client_address"
# How many proxies of ours stand in front; X-Forwarded-For is believed that far and no further.
PROXY_COUNT = env.int("PROXY_COUNT", default=0)
# Names of county, towns and schools that no password may contain (in pinyin or characters).
LOCAL_WORDS = env.list("LOCAL_WORDS", default=[])
SILENCED_SYSTEM_CHECKS = [
    "axes.W006",
    "models.W040",  # the covering columns of index C serve PostgreSQL; SQLite leaves them out, as it should
]

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Uploads and finished workbooks; never served by path, only by views that ask who asks.
MEDIA_ROOT = VAR_DIR / "files"

# Messages name children, so they wait in the session and not in a cookie of a shared computer.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if TLS else "session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if TLS else "csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
SECURE_SSL_REDIRECT = TLS
SECURE_HSTS_SECONDS = 31536000 if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TLS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "lbc_site.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# Celery: the database is the truth, the broker only a bell.
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    if REDIS_URL.startswith("unix://"):
        # The cache and the broker spell a Redis on a socket differently; the operator writes it once.
        _redis = urlsplit(REDIS_URL)
        _number = parse_qs(_redis.query).get("db", ["0"])[0]
        CELERY_BROKER_URL = f"redis+socket://{_redis.path}?virtual_host={_number}"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "unacked_restore_throttle": 1}
else:
    CELERY_BROKER_URL = "filesystem://localhost"  # no host: kombu would warn at every start
    _queue = VAR_DIR / "queue"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "data"),
        "data_folder_out": str(_queue / "data"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.2,
    }
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    # The month before, every night until it is closed; months owed are rows, so a missed night is caught up.
    "check-duties": {
        "task": "activities.tasks.check_due_months",
        "schedule": crontab(hour=2, minute=0),
        "options": {"expires": 3600 * 12},
    },
    "sweep-months": {
        "task": "activities.tasks.sweep_due_months",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 600},
    },
    "sweep-jobs": {
        "task": "trust.tasks.sweep_jobs",
        "schedule": crontab(minute="*/2"),
        "options": {"expires": 120},
    },
    "purge": {
        "task": "trust.tasks.purge_expired",
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": 3600},
    },
    "heartbeat": {"task": "trust.tasks.heartbeat", "schedule": crontab(), "options": {"expires": 60}},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"quiet": {"()": "trust.quiet_logs.QuietFilter"}},
    "formatters": {
        "line": {
            "()": "trust.quiet_logs.OneLineFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["quiet"], "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
