"""Pinyin keys: the order of names on both databases, and search by initials (``lxm``)."""

from functools import lru_cache
from itertools import product

from pypinyin import Style, lazy_pinyin, pinyin

# Surnames that the dictionary reads wrongly by default.
SURNAMES = {
    "曾": "zeng", "单": "shan", "仇": "qiu", "解": "xie", "区": "ou", "盖": "ge", "查": "zha", "朴": "piao",
    "乐": "yue", "任": "ren", "覃": "qin", "冼": "xian", "尉迟": "yu chi", "万俟": "mo qi", "华": "hua", "翟": "zhai",
    "洗": "xian", "缪": "miao", "种": "chong", "宓": "mi", "折": "she", "黑": "he", "员": "yun", "召": "shao",
}  # fmt: skip
MOST_INITIALS = 16


def _plain(name):
    return "".join(ch for ch in name if ch not in "·•・ 　")


def _surname_length(name):
    return 2 if name[:2] in SURNAMES else 1 if name[:1] in SURNAMES else 0


@lru_cache(maxsize=20_000)
def _syllables(given):
    """Usual reading of a given name. A roster's thousands of names share a few hundred given ones."""
    return lazy_pinyin(given)


@lru_cache(maxsize=20_000)
def _letters(given):
    """First letters that each character of a given name may have."""
    return [
        sorted({reading[0].lower() for reading in readings if reading})
        for readings in pinyin(given, style=Style.NORMAL, heteronym=True)
    ]


def sort_key(name):
    """Full pinyin, syllables by spaces, the surname read as a surname; orders ``by_name()``."""
    name = _plain(name)
    known = _surname_length(name)
    head = [SURNAMES[name[:known]]] if known else []
    return " ".join(head + _syllables(name[known:]))[:200].lower()


def initials(name):
    """All likely initials of a name, by spaces (at most 16): 单小川 -> ``sxc``."""
    name = _plain(name)
    known = _surname_length(name)
    head = [[syllable[0]] for syllable in SURNAMES[name[:known]].split()] if known else []
    tail = _letters(name[known:])
    usual = "".join(syllable[0] for syllable in sort_key(name).split())
    found = dict.fromkeys([usual] if usual else [])
    for letters in product(*head, *tail):
        found.setdefault("".join(letters))
        if len(found) >= MOST_INITIALS:
            break
    return " ".join(found)[:200]
