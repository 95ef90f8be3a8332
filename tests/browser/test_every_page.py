"""Pages as they stand in a browser: nothing wider than the screen, nothing that axe refuses, no broken link."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import resolve, reverse

from registry.models import CareListSpell

pytestmark = pytest.mark.django_db(transaction=True)

# Whose menus cover all pages; the rest share them.
POSTS = ["leader", "class-teacher", "county", "admin"]
ALL_POSTS = [
    *POSTS, "center-manager", "archivist", "grade-head", "paired", "district", "federation", "inspector", "member",
    "deputy", "office", "counselor", "subject-teacher", "duty-teacher",
]  # fmt: skip
DOWNLOADS = {"import_template", "staff_sheet_template", "job_file"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def links_of(page, where="a[href]"):
    """Addresses on our own site that the page offers, in their order."""
    found = page.eval_on_selector_all(where, "all => all.map(a => a.getAttribute('href'))")
    base = urlsplit(page.url).path
    full = [
        link if link.startswith("/") else base + link
        for link in found
        if not link.startswith(("#", "http", "tel:"))
    ]
    return list(dict.fromkeys(link.partition("#")[0] for link in full))


def name_of(link):
    """The page's name in the URL tree."""
    return resolve(urlsplit(link).path).view_name


def look_at(page, link, *, axe=True):
    """What is wrong with one page, in words."""
    answer = page.goto(link)
    if answer.status != 200:
        return [f"answer {answer.status}"]
    found = []
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if overflow > 0:
        found.append(f"{overflow} px wider than the screen")
    if axe:
        violations = Axe().run(page, options=RULES).response["violations"]
        found += [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in violations]
    return found


def first_page(page):
    """The path on which the account landed."""
    return urlsplit(page.url).path


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_every_menu_fit_and_are_accessible(county, open_page, enter, width):
    """Each page of the menus and of the tabs on the first page once, and a child's file."""
    child = CareListSpell.objects.today().filter(child__enrollments__school=county.school).first().child
    extra = {
        "leader": [
            reverse("reports:child_file", args=[child.uid]),
            reverse("registry:child_facts", args=[child.uid]),
            reverse("pairing:child_pairings", args=[child.uid]),
        ],
        "class-teacher": [
            f"{reverse('activities:contact_new')}?kind={kind}"
            for kind in ("talk", "home_visit", "guardian_contact", "family_call")
        ],
    }
    seen, wrong = set(), []
    for post in POSTS:
        page = enter(open_page(width=width), post)
        menu = [first_page(page), *links_of(page, "nav a[href]"), *extra.get(post, [])]
        for link in menu:
            key = link if "?kind=" in link else name_of(link)
            if key not in seen:
                seen.add(key)
                wrong += [(post, key, words) for words in look_at(page, link)]
        page.context.close()
    assert wrong == []
    assert len(seen) > 25, sorted(seen)


@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_that_any_post_reaches_by_links(county, open_page, enter, width):
    """From each post's first page along all links, one page of each kind."""
    seen, wrong = set(), []
    for post in ALL_POSTS:
        page = enter(open_page(width=width), post)
        first = first_page(page)
        waiting, visited = [(link, first) for link in (first, *links_of(page))], set()
        for link, found_on in waiting:  # grows while it is walked
            name = name_of(link)
            if name in visited or name.rpartition(":")[2] in DOWNLOADS:
                continue
            visited.add(name)
            complaints = look_at(page, link, axe=name not in seen)
            wrong += [f"{post}: {name} (from {found_on}): {words}" for words in complaints]
            seen.add(name)
            waiting += [(following, name) for following in links_of(page)]
        page.context.close()
    assert not wrong, "\n".join(wrong)
    assert len(seen) > 60, sorted(seen)
