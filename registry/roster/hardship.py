"""Words for 困境 and for the size of a household: what a cell states, never what it might mean."""

import re
from functools import lru_cache

from .. import values

# Each value of ``registry.models.Hardship`` (国发〔2016〕36号; 民发〔2019〕62号) by the words of rosters.
_KINDS = [
    ("de_facto_orphan", re.compile(r"事实(?:上)?(?:无人抚养|孤儿)|事实无人")),
    ("orphan", re.compile(r"(?<!事实)孤儿|父母双亡|父母均(?:已)?(?:故|亡|去世)")),
    ("guardianship", re.compile(r"监护(?:缺失|不当|缺位|不力)|失管|服刑人员子女|吸毒|被虐待|遗弃|家庭暴力")),
    ("disability", re.compile(r"残疾|重残|重病|大病|患病")),
    ("temporary", re.compile(r"临时困境|临时困难|突发")),
    ("poverty", re.compile(r"低保|贫困|建档立卡|脱贫|特困|困难|监测|边缘|低收入|五保")),
]  # fmt: skip
_SIZE = re.compile(r"(?:共|家里|家中|约)?\s*(\d{1,2}|[一二两三四五六七八九十]{1,3})\s*(?:口|个)?人?")


@lru_cache(maxsize=4096)
def hardships_in(text: str) -> tuple:
    """The kinds of hardship a text states, in a fixed order; (“临时困难” is temporary, not poverty)."""
    found = [kind for kind, pattern in _KINDS if pattern.search(text)]
    if "temporary" in found and not re.search(r"低保|贫困|建档|脱贫|特困|监测|边缘|五保", text):
        found = [kind for kind in found if kind != "poverty"]
    return tuple(found)


@lru_cache(maxsize=256)
def number_of_people(text: str) -> int | None:
    """4, 4人, 四口人, 5.0 → a number from 1 to 30; None for anything else."""
    match = _SIZE.fullmatch(text.strip())
    number = values.read_number(match[1].replace("两", "二")) if match else None
    return number if number and number <= 30 else None
