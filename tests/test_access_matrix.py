"""Posts × addresses × relations × methods against tests/access_oracle.py, and what must stand in no answer.

In ``make test`` every address is tried by two fixed posts and by some drawn with the day's seed (``MATRIX_SEED`` repeats
a day); the whole matrix is marked ``long``. Each request happens in a savepoint that is taken back, so the world of
tests/world.py stays as it was.
"""

import os
import random
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from . import world as worlds
from .access_oracle import ORACLE, SEEN, hidden_from
from .sweeping import BOOKKEEPING, address, body_of, clients, taken_back, world  # noqa: F401
from .test_architecture import URL_NAMES, walk
from .world import CANARIES, SUBJECTS

pytestmark = pytest.mark.django_db  # makes the database; the world lives in a transaction around every test

SEED = os.environ.get("MATRIX_SEED") or date.today().isoformat()
FIXED = ["leader", "class_teacher"]
DRAWN = 2  # further posts for each address, another draw each day; more would take more than the two minutes it has


def problems(world, client, subject, name):  # noqa: F811
    """What is wrong with one address for one subject, over all relations and both methods."""
    line, wrong = ORACLE[name], []
    hidden = hidden_from(subject, CANARIES, name)
    for relation in line.relations:
        path = address(world, name, relation)
        for method in ("GET", "POST"):
            cookies = client.cookies.copy()
            with taken_back() as written:
                answer = client.generic(method, path)
            client.cookies = cookies  # a session that was ended or renewed is there again
            said = f"{subject} {method} {name} ({relation or '-'})"
            expected = line.expected(subject, relation, method)
            if answer.status_code not in expected:
                wrong.append(f"{said}: {answer.status_code}, not {sorted(expected)}")
            text = body_of(answer) + str(answer.headers)
            wrong += [f"{said}: shows {value}" for value in hidden if value in text]
            kept = method == "POST" and answer.status_code not in (403, 404, 405)
            if not kept and written - BOOKKEEPING:
                wrong.append(f"{said}: wrote {sorted(written - BOOKKEEPING)}")
    return wrong


def subjects_of_the_day(name):
    """Two fixed posts, and some drawn for this address today."""
    others = sorted(set(SUBJECTS) - set(FIXED))
    return FIXED + random.Random(f"{SEED} {name}").sample(others, DRAWN)


def test_every_url_has_a_line():
    assert sorted(set(URL_NAMES) - set(ORACLE)) == []
    assert sorted(set(ORACLE) - set(URL_NAMES)) == []


def test_every_argument_of_an_address_is_named():
    for name, _, entry in walk():
        line = ORACLE[name]
        assert sorted({*line.objects, *line.values}) == sorted(entry.pattern.converters), name


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_posts_of_the_day(world, clients, name):  # noqa: F811
    wrong = []
    for subject in subjects_of_the_day(name):
        wrong += problems(world, clients[subject], subject, name)
    assert wrong == [], f"repeat with MATRIX_SEED={SEED}"


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(ORACLE))
@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_whole_matrix(world, clients, subject, name):  # noqa: F811
    assert problems(world, clients[subject], subject, name) == []


# --- ids inside an address of one's own (S2) --------------------------------------------------------------------------

TWO_OBJECTS = sorted(name for name, line in ORACLE.items() if len(line.objects) > 1)


@pytest.mark.parametrize("name", TWO_OBJECTS)
def test_a_foreign_part_of_an_own_object_is_not_found(world, clients, name):  # noqa: F811
    """The child (school, batch) is one's own, the second uid of the address belongs to somebody else's."""
    line = ORACLE[name]
    for relation in ("other", "same_school"):
        arguments = {key: world.uid(relation, kind) for key, kind in line.objects.items()}
        if arguments["uid"] == world.uid("own", line.objects["uid"]):
            continue  # things of one school: the next relation is another's
        arguments["uid"] = world.uid("own", line.objects["uid"])
        path = reverse(name, kwargs=arguments | line.values)
        for method in line.methods.split():
            for subject in ("class_teacher", "leader"):
                with taken_back() as written:
                    answer = clients[subject].generic(method, path)
                shared = (
                    name == "registry:guardian_share" and subject == "leader" and relation == "same_school"
                )
                if not shared:  # a brother's mother may be shared: both children are the leader's
                    assert answer.status_code in ((404,) if subject in line.who else (403, 404)), path
                    assert written <= BOOKKEEPING


# --- whoever is not signed in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_a_closed_account_is_nobody(world, name):  # noqa: F811
    visitor = Client()
    visitor.force_login(world.closed, backend="trust.signing_in.NameOrPhoneBackend")
    relation = "own" if ORACLE[name].kind else ""
    path = address(world, name, relation)
    for method in ("GET", "POST"):
        with taken_back() as written:
            answer = visitor.generic(method, path)
            anonymous = Client().generic(method, path)
        assert answer.status_code == anonymous.status_code, path
        if answer.status_code == 302:
            assert answer["Location"].startswith(reverse("trust:sign_in"))
        assert not (written - BOOKKEEPING)


def test_the_oracle_names_only_relations_of_the_world():
    known = set(worlds.CHILDREN)
    for kind, seen in SEEN.items():
        assert set(seen) <= set(SUBJECTS), kind
        assert set().union(*seen.values()) <= known, kind
