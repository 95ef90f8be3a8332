"""The documents say what is so: links resolve, names exist, every command and every post has its page."""

import html
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import reverse

from lbc_site import manual
from registry.access import TABLE, Export, Reach, Show, Words
from registry.models import PostKind

from .registry.cast import cast  # noqa: F401

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
FLOORS = ("trust", "registry", "pairing", "activities", "reports", "lbc_site")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "bench" / "README.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "tests").rglob("*.md")),
]
DOCUMENTS = [path for path in DOCUMENTS if path.exists()]
LINK = re.compile(r"""(?:\]\(|<img src=")([^)"\s]+)""")


def read(path):
    """The text of a document without its code blocks."""
    return re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(path):
    """The anchors that the headings of a document get where Markdown is shown."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower())) for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere_inside(path):
    broken = []
    for target in LINK.findall(read(path)):
        file, _, fragment = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        inside = "://" not in target and there.is_relative_to(ROOT) and there.exists()
        if not inside or (fragment and fragment not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_every_document_is_reached_from_the_index():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in LINK.findall(index)}
    pages = {path for path in DOCS.rglob("*.md") if path.name != "README.md"}
    assert sorted(str(path.relative_to(ROOT)) for path in pages - linked) == []


def test_pictures_are_small_and_used():
    pictures = sorted((DOCS / "pictures").glob("*"))
    assert [p.name for p in pictures if p.stat().st_size > 120 * 1024 or p.suffix != ".png"] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [p.name for p in pictures if f"docs/pictures/{p.name}" not in readme] == []


# --- commands ---------------------------------------------------------------------------------------------------------


def command_lines():
    """[(command line, exit codes)] of the table in docs/operations.md."""
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## Commands")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+[^`]*)` \|[^|]*\| ([^|]+) \|$", section, re.MULTILINE)


def test_every_command_stands_in_operations_with_its_exit_codes():
    ours = {name for name, app in get_commands().items() if str(app).split(".")[0] in FLOORS}
    rows = command_lines()
    assert sorted(line.split()[0] for line, _ in rows) == sorted(ours)
    assert [line for line, codes in rows if not re.match(r"0\b", codes)] == []


def test_every_option_of_a_command_stands_in_operations():
    for line, _ in command_lines():
        name, *words = line.split()
        source = next(
            path for floor in FLOORS for path in (ROOT / floor).glob(f"management/commands/{name}.py")
        )
        options = re.findall(r'"(--[a-z-]+)"', source.read_text(encoding="utf-8"))
        assert sorted(word for word in words if word.startswith("--")) == sorted(options), name


# --- names ------------------------------------------------------------------------------------------------------------


def words_of_the_code():
    """Every identifier in the code of the floors."""
    found = set()
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            found.update(re.findall(r"[A-Za-z_]\w+", path.read_text(encoding="utf-8")))
    return found


def test_the_glossary_names_what_is_in_the_code():
    known = words_of_the_code()
    lines = (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit("|", 2)[1] for line in lines if line.startswith("| ")][1:]
    names = {part for row in rows for name in re.findall(r"`([^`]+)`", row) for part in name.split(".")}
    assert len(names) > 80
    assert sorted(names - known) == []
    unnamed = [row for row in rows if "`" not in row and "*no code yet*" not in row]
    assert [row for row in unnamed if set(row.strip()) != {"-"}] == []


POSTS = {
    PostKind.CLASS_TEACHER: "class teacher", PostKind.SUBJECT_TEACHER: "subject teacher", PostKind.DUTY_TEACHER: "duty teacher",
    PostKind.TEACHER: "member of staff", PostKind.GRADE_HEAD: "grade head", PostKind.LEADER: "leader",
    PostKind.DEPUTY: "deputy", PostKind.GROUP_OFFICE: "group office", PostKind.GROUP_MEMBER: "leading-group member",
    PostKind.CENTER_MANAGER: "center manager", PostKind.COUNSELOR: "counselor", PostKind.ARCHIVIST: "archivist",
    PostKind.DISTRICT_OFFICER: "central school, district", PostKind.COUNTY_OFFICER: "county officer",
    PostKind.WOMENS_FEDERATION: "women's federation", PostKind.INSPECTOR: "inspector", PostKind.ADMINISTRATOR: "administrator",
}  # fmt: skip
SAID = {
    Reach.NONE: "none by the post", Reach.OWN_CLASS: "own class", Reach.OWN_GRADE: "own grade",
    Reach.OWN_SCHOOL: "own school and its 教学点", Reach.NAMES_OF_CLASS: "classes taught: name, class",
    Reach.NAMES_OF_SCHOOL: "own school: name, class", Reach.NAMES_OF_CENTER: "those who can come: name, class",
    Reach.COUNTS: "counts; names with reason", Reach.COUNTS_ONLY: "counts",
    Show.NO: "no", Show.MASKED: "masked, reveal with reason", Show.CALL: "yes, by 拨打", Show.EMERGENCY: "in an emergency, with reason",
    Words.NO: "no", Words.OWN: "own", Words.ALL: "yes", Words.PRINTED: "as printed on forms",
    Export.NO: "no", Export.OWN_CLASS: "own class", Export.OWN: "own", Export.SCHOOL: "school",
    Export.SIGN_IN: "sign-in sheet", Export.COUNTS: "counts; names with reason",
}  # fmt: skip
FIRST = {
    "today": "今日", "dashboard": "dashboard", "county_board": "county board", "center": "the center's week",
    "children": "the register", "assessment": "assessment", "settings": "settings",
}  # fmt: skip


def table_of_posts():
    """The table of docs/domain.md as the code has it."""
    for kind in PostKind:
        line = TABLE[kind]
        said = [SAID[cell] for cell in (line.children, line.phone, line.id_number, line.words, line.export)]
        yield f"| {POSTS[kind]} {kind.label} | {' | '.join(said)} | {FIRST[line.first_page]} |"


def test_the_table_of_posts_is_the_codes():
    text = (DOCS / "domain.md").read_text(encoding="utf-8").partition("## Posts")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(table_of_posts())


# --- the manual -------------------------------------------------------------------------------------------------------


def test_every_post_has_its_page_and_every_page_a_post():
    covered = [kind for kinds in manual.PAGES.values() for kind in kinds]
    assert sorted(covered) == sorted(PostKind)
    files = {path.stem for path in (DOCS / "manual").glob("*.md")}
    assert files == {manual.COMMON, *manual.PAGES}


@pytest.mark.parametrize("key", [manual.COMMON, *manual.PAGES])
def test_a_page_of_the_manual_is_plain_chinese(key):
    text = (manual.FOLDER / f"{key}.md").read_text(encoding="utf-8")
    assert text.startswith("# ") and text.count("\n# ") == 0
    assert re.findall(r"[A-Za-z]{2,}", re.sub(r"\([a-z-]+\.md\)", "", text)) == []
    assert re.findall(r"[！!]|系统异常|操作成功", text) == []
    body = str(manual.page(key).body)
    assert re.findall(r"<(?!/?(?:h2|h3|p|ul|ol|li|strong|em|a)\b)[^>]*>", body) == []
    assert re.findall(r"<a(?! href=\"/manual/)", body) == []


def test_markup_in_the_manual_stays_text():
    page = manual.to_html(
        "a <script>alert(1)</script> <b onclick='x()'>b</b>\n\n<div style='x'>c</div>\n\n"
        "[leave](javascript:alert(1)) [out](https://example.org/) ![p](x.png) <https://example.org> [in](leader.md)\n"
    )
    tags = re.findall(r"<[^>]*>", page)
    assert set(tags) == {
        "<p>",
        "</p>",
        "<a>",
        "</a>",
        f'<a href="{reverse("manual_page", args=["leader"])}">',
    }
    assert "<script>alert(1)</script>" in html.unescape(page)


def test_every_button_named_in_the_manual_is_somewhere_in_the_program():
    """Words in “…” are words of the screen."""
    screen = "".join(
        path.read_text(encoding="utf-8")
        for folder in (*FLOORS, "templates")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html") and "demo" not in path.parts
    )
    screen = re.sub(r"\s", "", re.sub(r"{[{%].*?[%}]}|<[^>]*>", "", screen))
    missing = {
        f"{key}: {words}"
        for key in (manual.COMMON, *manual.PAGES)
        for words in re.findall(r"“([^”]+)”", (manual.FOLDER / f"{key}.md").read_text(encoding="utf-8"))
        if words not in screen
    }
    assert sorted(missing) == []


@pytest.mark.parametrize(
    ("who", "own"),
    [
        ("teacher", ["班主任"]),
        ("deputy", ["领导小组：组长、副组长、办公室、成员"]),
        ("inspector", ["考核员"]),
        ("nobody", []),
    ],
)
def test_the_pages_of_ones_own_posts_come_first(client, cast, who, own):  # noqa: F811
    client.force_login(getattr(cast, who))
    page = client.get(reverse("manual")).context
    titles = [manual.page(key).title for key in manual.PAGES]
    assert [one.title for one in page["own"]] == own
    assert [one.title for one in page["others"]] == [title for title in titles if title not in own]


def test_a_page_that_does_not_exist_is_not_found(client, cast):  # noqa: F811
    client.force_login(cast.teacher)
    assert client.get("/manual/class-teacher/").status_code == 200
    assert [client.get(f"/manual/{name}/").status_code for name in ("index", "nobody", "..")] == [
        404,
        404,
        404,
    ]
