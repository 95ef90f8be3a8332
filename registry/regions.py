"""Division codes (行政区划代码) of mainland places: the name of a code, the code in a place as people write it.

Data: registry/data/regions.json, written by tools/refresh_regions.py.
"""

import json
import re
from functools import lru_cache
from pathlib import Path

_DATA = Path(__file__).resolve().parent / "data" / "regions.json"
_ENDINGS = re.compile(
    r"(?:特别行政区|壮族自治区|回族自治区|维吾尔自治区|自治区|自治州|自治县|自治旗|林区|特区|地区|新区|省|市|盟|县|区|旗|州)$"
)
MUNICIPALITIES = ("11", "12", "31", "50")


@lru_cache(maxsize=1)
def divisions():
    """{six-digit code: name}, retired codes too."""
    data = json.loads(_DATA.read_text(encoding="utf-8"))
    return {**data["retired"], **data["divisions"]}


def name_of(code):
    """广东省东莞市 for 441900; "" for a code nobody knows."""
    known = divisions()
    code = (code or "")[:6].ljust(6, "0")
    if code not in known:
        return ""
    levels = dict.fromkeys([code[:2] + "0000", code[:4] + "00", code])
    return "".join(known[level] for level in levels if level in known)


def _short(name):
    short = _ENDINGS.sub("", name)
    return short if len(short) >= 2 else name


@lru_cache(maxsize=1)
def _by_level():
    provinces, cities, counties = {}, {}, {}
    for code, name in divisions().items():
        if code.endswith("0000"):
            provinces[code] = name
        elif code.endswith("00"):
            cities[code] = name
        else:
            counties[code] = name
    return provinces, cities, counties


@lru_cache(maxsize=4096)
def code_in(text):
    """The most exact code that a place as written surely names (广东东莞长安 → 441900), or ""."""
    text = re.sub(r"\s", "", text or "")
    if len(text) < 2:
        return ""
    provinces, cities, counties = _by_level()
    province = next((c for c, n in provinces.items() if text.startswith((n, _short(n)))), "")
    inside = [c for c in cities if (not province or c[:2] == province[:2]) and _short(cities[c]) in text]
    # a city's short name may stand inside another place's name: only one candidate is sure
    city = _one([c for c in inside if cities[c] in text]) or _one(inside)
    scope = city[:4] if city else province[:2]
    rest = [c for c, n in counties.items() if c.startswith(scope) and n in text] if scope else []
    return _one(rest) or city or province


def _one(codes):
    return codes[0] if len(codes) == 1 else ""


@lru_cache(maxsize=512)
def has_counties(code):
    """Whether a city is divided into counties; 东莞 and three others are not."""
    return any(one.startswith(code[:4]) for one in _by_level()[2])


@lru_cache(maxsize=1)
def city_names():
    """Full names of provinces' cities (广东省东莞市) and of the municipalities, for suggestions in forms."""
    provinces, cities, _ = _by_level()
    names = [provinces[code] for code in provinces if code[:2] in MUNICIPALITIES]
    return tuple(names + [name_of(code) for code in cities])
