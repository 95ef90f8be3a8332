"""Every layout of the generator reads back exactly: the children, the problems at their cells, and no false alarm."""

import datetime
import shutil
import subprocess
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.roster.cells import read_cells
from registry.roster.children import SchoolShape, read_children
from registry.roster.table import read_tables

from .layouts import DEVELOPMENT, HELD_OUT, LAYOUTS, random_layout
from .planted import plant
from .writer import one_class, register, write

AS_OF = datetime.date(2026, 9, 10)
SEEDS = (1, 2)
# Each example is a file read by a process of its own: half as many as elsewhere.
fewer = settings(max_examples=settings.default.max_examples // 2)


def read(layout, data):
    """The roster of a file."""
    return read_children(read_tables(read_cells(data)), as_of=AS_OF, shape=SchoolShape(stages=layout.stages))


def clean(layout, seed, count=7):
    """A register without a mistake in the layout, written."""
    random = Random(f"{layout.name} {seed}")
    children = register(random, count, layout.grades, layout.siblings, layout.namesakes)
    one_class(layout, children)
    return write(layout, children)


def flat(fields, before=""):
    """{path: value} of nested fields."""
    found = {}
    for name, value in fields.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


def wrong_fields(roster, children):
    """[(row, path, expected, read)] of all that differs; a child that is missing or too many differs in all fields."""
    told = {(entry.sheet, entry.row): flat(entry.fields()) for entry in roster.entries}
    wrong = []
    for sheet, row, fields in children:
        got = told.pop((sheet, row), {})
        wrong += [
            (row, path, value, got.get(path))
            for path, value in flat(fields).items()
            if got.get(path) != value
        ]
    return wrong + [
        (row, path, None, value)
        for (_, row), fields in told.items()
        for path, value in fields.items()
        if value
    ]


def shown(problem):
    """What of a problem must agree."""
    return (
        problem.sheet, problem.row, problem.column, problem.header, problem.kind, problem.severity, problem.effect,
    )  # fmt: skip


def ids(layout):
    return layout.name


def test_the_layouts_are_many_and_split_in_two_halves():
    assert len(LAYOUTS) >= 40
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert len(HELD_OUT) > 20 < len(DEVELOPMENT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("layout", DEVELOPMENT, ids=ids)
def test_a_clean_register_reads_back_without_a_problem(layout, seed):
    made = clean(layout, seed)
    roster = read(layout, made.data)
    assert wrong_fields(roster, made.children) == []
    assert [problem.as_json() for problem in roster.problems] == []
    assert set(made.hidden_rows + made.aside) <= {(sheet, row) for sheet, row, _ in roster.ignored}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("layout", DEVELOPMENT, ids=ids)
def test_planted_problems_are_named_at_their_cells(layout, seed):
    made, planted = plant(layout, Random(f"{layout.name} {seed}"))
    roster = read(layout, made.data)
    assert sorted(map(shown, roster.problems), key=str) == sorted(map(shown, planted), key=str)
    assert wrong_fields(roster, made.children) == []


def test_the_held_out_half_is_read_as_well_as_the_other():
    """At least 99 % of the fields right, every planted problem at its cell, no false error."""
    fields = wrong = 0
    for layout in HELD_OUT:
        for seed in SEEDS:
            made = clean(layout, seed)
            roster = read(layout, made.data)
            assert [problem.as_json() for problem in roster.problems] == [], layout.name
            fields += sum(len(flat(child)) for _, _, child in made.children)
            wrong += len(wrong_fields(roster, made.children))
            made, planted = plant(layout, Random(f"{layout.name} {seed}"))
            roster = read(layout, made.data)
            assert sorted(map(shown, roster.problems), key=str) == sorted(map(shown, planted), key=str), (
                layout.name
            )
            fields += sum(len(flat(child)) for _, _, child in made.children)
            wrong += len(wrong_fields(roster, made.children))
    assert fields > 20_000
    assert wrong <= fields // 100


@pytest.mark.office
def test_old_workbooks_hold_the_same_children(tmp_path):
    """.xls through LibreOffice: merged headings, section rows, merged families, numbers as numbers."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    names = (
        "county form in three levels",
        "class by section rows",
        "families in merged cells",
        "numbers as numbers",
    )
    layouts = [layout for layout in LAYOUTS if layout.name in names]
    written = [clean(layout, 1) for layout in layouts]
    for index, made in enumerate(written):
        (tmp_path / f"{index}.xlsx").write_bytes(made.data)
    subprocess.run(
        [office, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xls", "--outdir", str(tmp_path),
         *(str(tmp_path / f"{index}.xlsx") for index in range(len(written)))],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    for index, (layout, made) in enumerate(zip(layouts, written, strict=True)):
        roster = read(layout, (tmp_path / f"{index}.xls").read_bytes())
        assert wrong_fields(roster, made.children) == [], layout.name
        assert [problem.as_json() for problem in roster.problems] == [], layout.name


@fewer
@given(st.integers(0, 10**9))
def test_a_random_register_in_a_random_layout_reads_back_equal(seed):
    random = Random(seed)
    layout = random_layout(random)
    made = clean(layout, seed, random.randint(2, 9))
    roster = read(layout, made.data)
    assert wrong_fields(roster, made.children) == [], layout
    assert [problem.as_json() for problem in roster.problems] == [], layout


@fewer
@given(st.integers(0, 10**9))
def test_problems_planted_into_a_random_layout_are_named_at_their_cells(seed):
    random = Random(seed)
    layout = random_layout(random)
    made, planted = plant(layout, random)
    roster = read(layout, made.data)
    assert sorted(map(shown, roster.problems), key=str) == sorted(map(shown, planted), key=str), layout
    assert wrong_fields(roster, made.children) == [], layout
