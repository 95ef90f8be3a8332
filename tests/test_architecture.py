"""Rules of the house that a machine can keep: floors, scope, URLs, templates, settings, migrations.

A mistake made twice becomes a check here. What a guard lets pass stands, with its reason, in architecture_lists.py.
"""

import ast
import re
import subprocess
import sys
import types
import uuid
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from lbc_site.celery import app as celery_app

from .architecture_lists import (
    EDITED_BY_MANY,
    MODELS_WITHOUT_UID,
    PUBLIC_URLS,
    UNSCOPED_MODELS,
    UNSCOPED_URLS,
    UPWARD_LINKS,
)

ROOT = settings.BASE_DIR
FLOORS = ["trust", "registry", "pairing", "activities", "reports", "lbc_site"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]


def python_files(*folders: str) -> list[Path]:
    """The Python files of our floors, migrations apart."""
    return [
        path
        for folder in folders or FLOORS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def template_files() -> list[Path]:
    """Every template."""
    return sorted((ROOT / "templates").rglob("*.*"))


def html_files() -> list[Path]:
    """Templates that become pages."""
    return [path for path in template_files() if path.suffix == ".html"]


def lines_with(pattern: str, files: list[Path], flags: int = 0) -> list[str]:
    """file:line of each place where the pattern stands."""
    found = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        for match in re.finditer(pattern, text, flags):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match.group(0)[:60]}")
    return found


# --- the URL tree ---------------------------------------------------------------------------------------------


def walk(resolver=None, prefix: str = "", names: tuple = ()):
    """(full name, pattern text, URLPattern) of every URL, also of libraries."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = (*names, entry.namespace) if entry.namespace else names
            yield from walk(entry, prefix + str(entry.pattern), inner)
        elif isinstance(entry, URLPattern):
            yield ":".join((*names, entry.name or "?")), prefix + str(entry.pattern), entry


URLS = list(walk())
URL_NAMES = [name for name, _, _ in URLS]
CLOSED_URLS = [(name, entry) for name, _, entry in URLS if name not in PUBLIC_URLS]


def example_path(name: str, entry: URLPattern) -> str:
    """An address of this shape that names nothing that exists."""
    values = {"UUIDConverter": uuid.UUID(int=7), "IntConverter": 2027}
    arguments = {
        key: values.get(type(converter).__name__, "2027-01")
        for key, converter in entry.pattern.converters.items()
    }
    return reverse(name, kwargs=arguments)


def test_every_url_has_a_name_of_its_own():
    assert [name for name in URL_NAMES if "?" in name] == []
    assert sorted(URL_NAMES) == sorted(set(URL_NAMES))


def test_urls_name_objects_by_uid_only():
    wrong = []
    for name, text, entry in URLS:
        for key, converter in entry.pattern.converters.items():
            if type(converter).__name__ == "UUIDConverter" and not key.endswith("uid"):
                wrong.append(f"{name}: {key} should be called uid")
            if re.fullmatch(r"(pk|id|.*_id|.*_pk|slug|name|phone|number)", key):
                wrong.append(f"{name}: {key} may name an object or a person: {text}")
    assert wrong == []


def reaches(function, wanted: str, depth: int = 4, seen=None) -> bool:
    """Whether a function, or one of ours that it names, mentions the word in its code."""
    seen = seen if seen is not None else set()
    function = getattr(function, "view_class", function)
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if function in seen or depth == 0:
        return False
    seen.add(function)
    if isinstance(function, type):
        if function.__module__.split(".")[0] not in FLOORS:
            return False
        members = [m for base in function.__mro__ for m in vars(base).values() if base is not object]
        return any(reaches(m, wanted, depth, seen) for m in members if callable(m) or hasattr(m, "__func__"))
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or getattr(function, "__module__", "").split(".")[0] not in FLOORS:
        return False
    names, codes = set(), [code]
    while codes:
        current = codes.pop()
        names.update(current.co_names)
        codes.extend(const for const in current.co_consts if isinstance(const, types.CodeType))
    if wanted in names:
        return True
    scope = getattr(function, "__globals__", {})
    for name in names:
        target = scope.get(name)
        if isinstance(target, types.ModuleType):
            called = [getattr(target, other) for other in names if callable(getattr(target, other, None))]
        else:
            called = [target] if callable(target) else []
        if any(reaches(one, wanted, depth - 1, seen) for one in called):
            return True
    return False


@pytest.mark.parametrize(("name", "entry"), [(name, entry) for name, _, entry in URLS], ids=URL_NAMES)
def test_every_view_is_scoped_or_listed_with_a_reason(name, entry):
    assert name in UNSCOPED_URLS or reaches(entry.callback, "visible_to"), (
        f"{name} starts from no visible_to: scope it, or list it with a reason in UNSCOPED_URLS"
    )


def test_the_lists_name_only_urls_that_exist():
    assert sorted(set(PUBLIC_URLS) - set(URL_NAMES)) == []
    assert sorted(set(UNSCOPED_URLS) - set(URL_NAMES)) == []
    assert len(PUBLIC_URLS) <= 6


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "entry"), CLOSED_URLS, ids=[name for name, _ in CLOSED_URLS])
def test_nobody_enters_without_signing_in(name, entry):
    visitor = Client()
    path = example_path(name, entry)
    for method in METHODS:
        answer = visitor.generic(method, path)
        shut = answer.status_code in (401, 403, 404, 405)
        to_the_door = answer.status_code == 302 and answer["Location"].startswith(reverse(settings.LOGIN_URL))
        assert shut or to_the_door, f"{method} {path} answered {answer.status_code}"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "entry"), [(name, entry) for name, _, entry in URLS], ids=URL_NAMES)
def test_no_change_without_a_csrf_token(name, entry):
    assert Client(enforce_csrf_checks=True).post(example_path(name, entry)).status_code == 403


# --- models ---------------------------------------------------------------------------------------------------

OUR_MODELS = [
    model
    for model in apps.get_models()
    if model._meta.app_label in FLOORS and not model.__name__.startswith("Historical")
]
labels = [model._meta.label for model in OUR_MODELS]
UPPER_MODELS = [
    model for model in OUR_MODELS if model._meta.app_label != "trust"
]  # the cellar knows no child


@pytest.mark.parametrize("model", UPPER_MODELS, ids=[model._meta.label for model in UPPER_MODELS])
def test_every_model_of_the_upper_floors_is_scoped(model):
    scoped = hasattr(model._default_manager.all(), "visible_to")
    assert scoped != (model._meta.label in UNSCOPED_MODELS)


@pytest.mark.parametrize("model", OUR_MODELS, ids=labels)
def test_every_row_that_can_be_named_has_a_uid(model):
    has_uid = any(field.name == "uid" and field.unique for field in model._meta.fields)
    assert has_uid != (model._meta.label in MODELS_WITHOUT_UID)


def test_the_lists_name_only_models_that_exist():
    assert sorted((set(UNSCOPED_MODELS) | set(MODELS_WITHOUT_UID)) - set(labels)) == []


@pytest.mark.parametrize("label", sorted(EDITED_BY_MANY))
def test_rows_that_two_people_edit_keep_history_and_a_version(label):
    model = apps.get_model(label)
    assert hasattr(model, "history"), f"{label} keeps no old values"
    assert any(field.name == "version" for field in model._meta.fields), f"{label} has no version"


def test_foreign_keys_point_downward():
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in OUR_MODELS
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.ManyToManyField)
        and field.related_model._meta.app_label in FLOORS
        and FLOORS.index(field.related_model._meta.app_label) > FLOORS.index(model._meta.app_label)
    ]
    assert upward == []


# --- floors ---------------------------------------------------------------------------------------------------


def test_imports_run_downward():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_floor_calls_up_by_string():
    upward = []
    for path in python_files(*FLOORS[:-1]):
        floor = path.relative_to(ROOT).parts[0]
        higher = "|".join(FLOORS[FLOORS.index(floor) + 1 :])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(rf"({higher})[.:][A-Za-z_.]+", node.value)
            ):
                upward.append(f"{path.relative_to(ROOT)}: {node.value}")
    assert sorted(upward) == sorted(UPWARD_LINKS)


def test_no_file_is_called_by_a_word_that_says_nothing():
    empty_words = {"common", "utils", "util", "helpers", "helper", "misc"}
    assert [str(p) for p in python_files() if {p.stem, *p.relative_to(ROOT).parts} & empty_words] == []


# --- code -----------------------------------------------------------------------------------------------------


def calls(path: Path, name: str) -> list[str]:
    """file:line of each call of a method with this name."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
    ]


def test_nothing_keeps_a_cursor_open():
    assert [place for path in python_files() for place in calls(path, "iterator")] == []
    assert not settings.DATABASES["default"].get("ATOMIC_REQUESTS")


def test_csrf_protection_is_never_lifted():
    word = "csrf_" + "exempt"
    assert lines_with(word, python_files()) == []


def test_scheduled_names_are_registered_tasks():
    celery_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert sorted(scheduled - set(celery_app.tasks)) == []
    assert [
        n for n, entry in settings.CELERY_BEAT_SCHEDULE.items() if "expires" not in entry["options"]
    ] == []


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


# --- templates ------------------------------------------------------------------------------------------------


def test_templates_hold_no_inline_script_or_style():
    assert lines_with(r"<script(?![^>]*\bsrc=)[^>]*>", html_files(), re.IGNORECASE) == []
    assert lines_with(r"<style\b", html_files(), re.IGNORECASE) == []
    assert lines_with(r"""\sstyle\s*=\s*["']""", html_files(), re.IGNORECASE) == []
    assert lines_with(r"""\son[a-z]+\s*=\s*["']""", html_files(), re.IGNORECASE) == []
    assert lines_with(r"javascript:", html_files(), re.IGNORECASE) == []
    assert lines_with(r"""["'](style|on[a-z]+)["']\s*:\s*["']""", python_files()) == []


def test_templates_trust_no_text_of_a_user():
    assert lines_with(r"\|\s*safe\b|autoescape\s+off", template_files()) == []


def test_pages_load_nothing_from_elsewhere():
    assert lines_with(r"""(src|href|action)\s*=\s*["'](https?:)?//[^"']*""", html_files()) == []


def test_every_form_that_posts_carries_its_token():
    bare = []
    for path in html_files():
        text = path.read_text(encoding="utf-8")
        for form in re.findall(
            r"""<form\b[^>]*method=["']post["'].*?</form>""", text, re.IGNORECASE | re.DOTALL
        ):
            if "csrf_token" not in form and "{% crispy" not in form:
                bare.append(f"{path.relative_to(ROOT)}: {form[:80]}")
    assert bare == []


# --- settings, requirements, tree -----------------------------------------------------------------------------


def read_from_environment() -> set[str]:
    """Names of the variables that settings and keys read."""
    found = set()
    for path in [ROOT / "lbc_site/settings.py", ROOT / "trust/local_keys.py"]:
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""\benv(?:\.\w+)?\(\s*["']([A-Z_]+)["']""", text))
        if path.name == "local_keys.py":
            found |= set(re.findall(r"""["']([A-Z]+_KEYS?)["']""", text))
    return found


def test_env_example_lists_every_variable():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?\s?([A-Z_]+)=", example, re.MULTILINE)) == read_from_environment()


def test_requirements_are_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [line for line in (ROOT / name).read_text().split() if not line.startswith("#")]
        loose = [line for line in lines if "==" not in line and line not in ("-r", "requirements.txt")]
        assert loose == [], name


def tracked_files() -> list[Path]:
    """What git keeps (in an unpacked archive: everything that is text)."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_in_the_tree_points_outside_it():
    foreign = re.compile(
        "|".join(["/wo" + "rk/", r"\.\./sha" + "red", "/tmp/br" + "ief", "extra-index-" + "url"])
    )
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if foreign.search(text):
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_links_in_the_documents_lead_somewhere():
    broken = []
    for path in tracked_files():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if "://" in target or target.startswith("mailto:"):
                continue
            if (
                not (path.parent / target).resolve().is_relative_to(ROOT)
                or not (path.parent / target).exists()
            ):
                broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert broken == []
