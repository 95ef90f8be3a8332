"""Refresh static/vendor/ and static/icons.svg from pinned npm packages.

Run by a maintainer who changes a version; nobody needs Node to run, test or deploy.

    python tools/vendor.py            fetch, copy, write VENDOR.json and icons.svg
"""

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"

# package -> (version, {path inside the package: name under static/vendor/})
PACKAGES = {
    "bootstrap": (
        "5.3.8",
        {"dist/css/bootstrap.min.css": "bootstrap.min.css", "LICENSE": "bootstrap-LICENSE"},
    ),
    "echarts": (
        "6.1.0",
        {
            "dist/echarts.common.min.js": "echarts.common.min.js",
            "LICENSE": "echarts-LICENSE",
            "NOTICE": "echarts-NOTICE",
        },
    ),
    "bootstrap-icons": ("1.13.1", {"LICENSE": "bootstrap-icons-LICENSE"}),
}

# The symbols of the sprite; an icon that is not here makes {% icon %} raise.
ICONS = [
    "archive",
    "arrow-counterclockwise",
    "arrow-left",
    "arrow-left-right",
    "arrow-repeat",
    "arrow-right",
    "balloon-heart",
    "bell",
    "book",
    "box-arrow-right",
    "building",
    "calendar-check",
    "calendar-event",
    "calendar3",
    "camera-video",
    "card-checklist",
    "card-list",
    "chat-heart",
    "check-circle-fill",
    "check-lg",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "circle",
    "clipboard-check",
    "clipboard-data",
    "clock-history",
    "dash-circle",
    "door-open",
    "download",
    "envelope",
    "exclamation-octagon-fill",
    "exclamation-triangle",
    "eye",
    "eye-slash",
    "file-earmark-arrow-down",
    "file-earmark-spreadsheet",
    "file-earmark-text",
    "flag",
    "funnel",
    "gear",
    "geo-alt",
    "graph-up",
    "grid",
    "heart",
    "hourglass-split",
    "house",
    "house-door",
    "house-heart",
    "info-circle",
    "journal-text",
    "key",
    "life-preserver",
    "link-45deg",
    "list",
    "list-check",
    "lock",
    "megaphone",
    "mortarboard",
    "pause-circle",
    "pencil",
    "pencil-square",
    "people",
    "person",
    "person-badge",
    "person-circle",
    "person-hearts",
    "person-lines-fill",
    "person-plus",
    "phone",
    "pin-angle",
    "plus-lg",
    "printer",
    "question-circle",
    "save",
    "search",
    "send",
    "shield-check",
    "shield-lock",
    "sliders",
    "sun",
    "table",
    "telephone",
    "telephone-x",
    "trash",
    "unlock",
    "upload",
    "wifi-off",
    "x-circle",
    "x-lg",
    "x-octagon-fill",
]


def fetch(package: str, version: str, into: Path) -> tarfile.TarFile:
    """``npm pack`` one pinned package and open it."""
    done = subprocess.run(
        ["npm", "pack", "--silent", f"{package}@{version}"],
        cwd=into,
        check=True,
        capture_output=True,
        text=True,
    )
    return tarfile.open(into / done.stdout.strip().splitlines()[-1])


def symbol(name: str, svg: str) -> str:
    """One bootstrap icon as a <symbol>; the icons carry no style, so nothing else has to go."""
    inner = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.S).group(1)
    inner = re.sub(r"\s*\n\s*", "", inner)
    return f'<symbol id="{name}" viewBox="0 0 16 16">{inner}</symbol>'


def main() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    listing = []
    with tempfile.TemporaryDirectory() as folder:
        for package, (version, files) in PACKAGES.items():
            with fetch(package, version, Path(folder)) as tar:
                for inside, name in files.items():
                    data = tar.extractfile(f"package/{inside}").read()
                    # A map that is not there would be a 404 in the developer's tools and stops the manifest.
                    data = re.sub(rb"\n?/[/*]# sourceMappingURL=[^\n]*", b"", data)
                    (VENDOR / name).write_bytes(data)
                    listing.append(
                        {
                            "file": name,
                            "package": package,
                            "version": version,
                            "sha256": hashlib.sha256(data).hexdigest(),
                        }
                    )
                if package == "bootstrap-icons":
                    symbols = [
                        symbol(name, tar.extractfile(f"package/icons/{name}.svg").read().decode())
                        for name in sorted(ICONS)
                    ]
        sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
        (STATIC / "icons.svg").write_text(sprite)
        listing.append(
            {
                "file": "../icons.svg",
                "package": "bootstrap-icons",
                "version": PACKAGES["bootstrap-icons"][0],
                "sha256": hashlib.sha256(sprite.encode()).hexdigest(),
            }
        )
    (VENDOR / "VENDOR.json").write_text(json.dumps(listing, indent=2, sort_keys=True) + "\n")
    print(f"{len(listing)} files, {len(ICONS)} icons")


if __name__ == "__main__":
    main()
