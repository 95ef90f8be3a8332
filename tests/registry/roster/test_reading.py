"""Whatever shape a school sends, the same children come out: the pure stages, without a database."""

import datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from registry.roster.cells import read_cells
from registry.roster.children import SchoolShape, read_children
from registry.roster.table import read_tables

from . import generator

AS_OF = datetime.date(2026, 9, 10)
NINE_YEARS = SchoolShape(stages=("primary", "junior"), must_have_class=True)


def read(data, shape=NINE_YEARS, as_of=AS_OF):
    """A roster out of a file."""
    return read_children(read_tables(read_cells(data)), as_of=as_of, shape=shape)


@given(st.integers(0, 10**9))
def test_a_random_register_in_a_random_shape_reads_back_equal(seed):
    random = Random(seed)
    shape = generator.random_shape(random)
    made = generator.build(shape, generator.kids(random, random.randint(3, 12)))
    roster = read(made.data)
    assert [(e.sheet, e.row, e.fields()) for e in roster.entries] == made.children, shape
    assert [p.as_json() for p in roster.problems] == [], shape
