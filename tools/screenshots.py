"""Photograph pages of a running site at phone and desktop width, signed in as one account.

    .venv/bin/python tools/screenshots.py --base http://127.0.0.1:9001 --user demo-class-teacher \
        --password X --out /tmp/shots /path1 /path2

Each path becomes ``<path>-390.png`` and ``<path>-1280.png`` (whole page). Console errors, refused
resources, pages wider than the screen and answers other than 200 are printed and make the exit status 1.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

WIDTHS = {390: 844, 1280: 800}
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def parse_arguments() -> argparse.Namespace:
    """The command line, as in the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", help="paths such as /today/")
    parser.add_argument("--base", default="http://127.0.0.1:8000", help="address of the running site")
    parser.add_argument("--user", help="user name or phone; without it the pages are opened signed out")
    parser.add_argument("--password", default="")
    parser.add_argument("--out", type=Path, default=Path("/tmp/shots"))
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--fold", action="store_true", help="only what is seen without scrolling")
    parser.add_argument("--no-script", action="store_true", help="JavaScript off")
    return parser.parse_args()


def file_name(path: str, width: int) -> str:
    """A file name from a path: /children/?q=1 -> children-q-1-390.png."""
    return f"{re.sub(r'[^0-9A-Za-z]+', '-', path).strip('-') or 'home'}-{width}.png"


def sign_in(page, base: str, user: str, password: str) -> bool:
    """Fill the sign-in form; False when the site did not let us in."""
    page.goto(base + "/")
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(password)
    page.locator("form:has([name=password]) [type=submit]").first.click()
    page.wait_for_load_state()
    return page.locator("[name=password]").count() == 0


def main() -> int:
    """Shoot every path at every width; 1 when something was wrong with a page."""
    options = parse_arguments()
    base = options.base.rstrip("/")
    options.out.mkdir(parents=True, exist_ok=True)
    wrong = 0
    complaints: list[str] = []

    def listen(message) -> None:
        if message.type == "error" and "favicon" not in message.location.get("url", ""):
            complaints.append(message.text)

    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        for width in options.widths:
            context = browser.new_context(
                viewport={"width": width, "height": WIDTHS.get(width, 900)},
                device_scale_factor=2 if width < 600 else 1,
                is_mobile=width < 600,
                has_touch=width < 600,
                locale="zh-CN",
                timezone_id="Asia/Shanghai",
                java_script_enabled=not options.no_script,
            )
            page = context.new_page()
            if options.user and not sign_in(page, base, options.user, options.password):
                print(f"cannot sign in as {options.user}")
                return 1
            page.on("console", listen)
            page.on("pageerror", lambda e: complaints.append(str(e)))
            for path in options.paths:
                complaints.clear()
                answer = page.goto(base + path)
                target = options.out / file_name(path, width)
                page.screenshot(path=target, full_page=not options.fold)
                if not options.no_script:
                    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                    if overflow > 0:
                        complaints.append(f"page is {overflow} px wider than the screen")
                if answer is not None and answer.status != 200:
                    complaints.append(f"answer {answer.status}")
                landed = urlsplit(page.url).path
                where = f" -> {landed}" if landed != urlsplit(path).path else ""
                print(f"{target}{where}")
                for complaint in complaints:
                    wrong = 1
                    print(f"   ! {complaint}")
            context.close()
        browser.close()
    return wrong


if __name__ == "__main__":
    sys.exit(main())
