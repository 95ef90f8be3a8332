"""The words of one kind of list: what the stage of tables must know to find headings and name columns.

The roster's words are ``ROSTER``. A list of another kind (pairings, a year of talks and visits) has its own words beside
the roster's: ``ROSTER.with_words({"pairing.starts_on": "结对时间 结对日期", "helper.name": "包保教师"})`` knows both, and
``read_tables(sheets, vocabulary=…)`` gives the same ``Table`` and ``Row`` with these meanings in ``Column.meaning``;
the reader of that kind then takes ``row.cells[column.index]`` through ``registry.values``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import headings
from .meanings import Column, Meaning


@dataclass(frozen=True)
class Vocabulary:
    """How headings of one kind of list are understood. All functions are pure.

    ``anchor`` is the meaning without which a row of headings is not one (the child's name); ``place`` gives headings
    without a person their person by the columns around them.
    """

    meaning_of: Callable[[tuple[str, ...]], Meaning | None]
    is_heading: Callable[[object], bool]
    is_anchor: Callable[[object], bool]
    place: Callable[[list[Column]], list[Column]]
    anchor: Meaning

    def with_words(self, words: dict[str, str]) -> "Vocabulary":
        """These whole headings too, before all others: {"person.attribute": "wording wording …"}."""
        exact = {
            headings.bare(word): Meaning(*meaning.split("."))
            for meaning, several in words.items()
            for word in several.split()
        }
        anchors = {word for word, meaning in exact.items() if meaning == self.anchor}

        def meaning_of(levels):
            last = next((word for level in reversed(levels) if (word := headings.bare(level))), "")
            return exact.get(last) or self.meaning_of(levels)

        return replace(
            self,
            meaning_of=meaning_of,
            is_heading=lambda cell: _word(cell) in exact or self.is_heading(cell),
            is_anchor=lambda cell: (
                _word(cell) in anchors or (_word(cell) not in exact and self.is_anchor(cell))
            ),
        )


def _word(cell):
    return headings.bare(cell) if isinstance(cell, str) and len(cell) <= 40 else None


ROSTER = Vocabulary(
    headings.meaning_of, headings.is_heading, headings.is_child_name, headings.place, Meaning("child", "name")
)
