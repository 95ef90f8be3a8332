"""操作手册: the pages of docs/manual, one per kind of post, shown inside the program.

The same files are read in the repository and here. Raw HTML in them is text, and only their links to each other are links.
"""

import re
from dataclasses import dataclass
from functools import cache
from xml.etree.ElementTree import Element

import markdown
from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

from registry.access import posts_of
from registry.models import PostKind

FOLDER = settings.BASE_DIR / "docs" / "manual"
COMMON = "index"
# File name -> the posts it is written for, in the order of a school.
PAGES = {
    "class-teacher": (PostKind.CLASS_TEACHER,),
    "paired-teacher": (PostKind.TEACHER,),
    "subject-and-duty-teacher": (PostKind.SUBJECT_TEACHER, PostKind.DUTY_TEACHER),
    "grade-head": (PostKind.GRADE_HEAD,),
    "leader": (PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.GROUP_MEMBER),
    "center-manager": (PostKind.CENTER_MANAGER,),
    "counselor": (PostKind.COUNSELOR,),
    "archivist": (PostKind.ARCHIVIST,),
    "district": (PostKind.DISTRICT_OFFICER,),
    "county": (PostKind.COUNTY_OFFICER,),
    "federation": (PostKind.WOMENS_FEDERATION,),
    "inspector": (PostKind.INSPECTOR,),
    "administrator": (PostKind.ADMINISTRATOR,),
}


@dataclass(frozen=True)
class Page:
    """One page of the manual."""

    key: str
    title: str
    body: SafeString

    @property
    def url(self):
        """Where it is shown."""
        return address(self.key)


class _Links(Treeprocessor):
    def run(self, root: Element) -> None:
        """``leader.md`` becomes the page's address; any other target is dropped, its words stay."""
        for link in root.iter("a"):
            target = re.fullmatch(r"([a-z-]+)\.md", link.get("href", ""))
            if target and target[1] in {COMMON, *PAGES}:
                link.set("href", address(target[1]))
            else:
                link.attrib.pop("href", None)


class _PlainText(Extension):
    def extendMarkdown(self, md: markdown.Markdown) -> None:
        """No raw HTML, no pictures; links only among the pages."""
        md.preprocessors.deregister("html_block")
        for name in ("html", "image_link", "image_reference", "autolink", "automail"):
            md.inlinePatterns.deregister(name)
        md.treeprocessors.register(_Links(md), "manual_links", 5)


def address(key: str) -> str:
    """The address of a page."""
    return reverse("manual") if key == COMMON else reverse("manual_page", args=[key])


def to_html(text: str) -> SafeString:
    """Markdown to HTML; what looks like HTML in it is shown as it stands."""
    return mark_safe(markdown.markdown(text, extensions=[_PlainText()]))  # escaped by the extension above


@cache
def page(key: str) -> Page:
    """A page, read once per process; its first line is its title."""
    head, _, text = (FOLDER / f"{key}.md").read_text(encoding="utf-8").partition("\n")
    return Page(key, head.removeprefix("# ").strip(), to_html(text))


@require_safe
def manual(request):
    """What everybody needs, the pages of the reader's own posts first, the others below."""
    kinds = {post.kind for post in posts_of(request.user)}
    own = [page(key) for key, posts in PAGES.items() if kinds.intersection(posts)]
    others = [page(key) for key, posts in PAGES.items() if not kinds.intersection(posts)]
    return render(request, "manual/index.html", {"page": page(COMMON), "own": own, "others": others})


@require_safe
def manual_page(request, page_key):
    """One page. The manual names nobody, so anybody signed in may read all of it."""
    if page_key not in PAGES:
        raise Http404
    return render(request, "manual/page.html", {"page": page(page_key)})
