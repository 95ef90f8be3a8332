"""PDF of printed forms, made in the background: a child's file, the cards or files of a class, a register.

The same templates as in the browser, with ``static/print.css`` and nothing else: no address is ever fetched. WeasyPrint
needs libraries of the system (Pango, HarfBuzz); without them the print page in the browser does the same.
"""

import logging
import re
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from registry.models import Child, School, SchoolClass
from trust import audit, jobs
from trust.models import Job

from ..exports import PURPOSES
from . import papers
from .numbers import Numbers
from .papers import Paper

JOB = "print_pdf"
CHUNK = 50  # children in one file: 200 pages take about 450 MB
MISSING = "这台服务器没有装做文件的组件，请改用打印页：在浏览器的打印里选“另存为”，一样能得到文件"
_PLACES = {"child": Child, "schoolclass": SchoolClass, "school": School}

audit.name_actions(order_pdf="提交打印文件", build_pdf="生成打印文件")
logging.getLogger("fontTools").setLevel(logging.WARNING)


class PdfMissing(RuntimeError):
    """WeasyPrint, or the libraries of the system that it loads, are not there."""


def weasyprint():
    """The library, loaded when it is needed. Raises PdfMissing."""
    try:
        import weasyprint as library
    except (ImportError, OSError) as error:
        raise PdfMissing(MISSING) from error
    return library


@lru_cache(maxsize=1)
def available():
    """Whether PDF can be made here; where not, pages offer the browser's print only."""
    try:
        weasyprint()
    except PdfMissing:
        return False
    return True


# --- making it ----------------------------------------------------------------------------------------------------------


def write(path, contexts, *, report=lambda number: None):
    """Writes one PDF of several contexts, each with page numbers of its own; returns the number of pages."""
    library = weasyprint()

    class NothingFetched(library.urls.URLFetcher):
        """A form stands for itself: whatever address a text might hold is not opened."""

        def fetch(self, url, headers=None):
            raise ValueError("a printed form fetches nothing")

    style = library.CSS(string=(Path(settings.BASE_DIR) / "static" / "print.css").read_text(encoding="utf-8"))
    pages, first = [], None
    for number, context in enumerate(contexts, start=1):
        text = render_to_string("reports/print/pdf.html", context)
        made = library.HTML(string=text, url_fetcher=NothingFetched()).render(stylesheets=[style])
        first = first or made
        pages.extend(made.pages)
        report(number)
    first.copy(pages).write_pdf(path)
    return len(pages)


def _parts(paper, children):
    """The children of each file: all on one, or chunk by chunk where every child has sheets of its own."""
    if paper.form not in ("card", "file"):
        return [children]
    return [children[start : start + CHUNK] for start in range(0, len(children), CHUNK)]


def _contexts(paper, user, day, children):
    """One context for a form, one a child where each child's sheets are numbered by themselves."""
    if paper.form != "file":
        return [papers.context_of(paper, user, day, children=children)]
    whole = papers.context_of(paper, user, day, children=children)
    return [whole | {"bundles": [one]} for one in whole["bundles"]]


def build(paper, folder, *, user, day=None, report=lambda done, total: None):
    """Writes the paper's file into ``folder``; returns (path, children). Several parts become one archive."""
    day = day or timezone.localdate()
    children = papers.children_of(paper, user, day)
    parts, made, done = _parts(paper, children), [], 0
    report(0, max(len(children), 1))
    for number, part in enumerate(parts, start=1):
        path = Path(folder) / f"{number}.pdf"
        contexts = _contexts(paper, user, day, part)
        each = len(contexts) > 1
        write(
            path,
            contexts,
            report=lambda n, done=done, each=each: report(done + n, len(children)) if each else None,
        )
        done += len(part)
        report(done, max(len(children), 1))
        made.append(path)
    if len(made) == 1:
        return made[0], children
    archive = Path(folder) / "parts.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for number, path in enumerate(made, start=1):
            bundle.write(path, f"{file_stem(paper, day)}_第{number}册.pdf")
            path.unlink()
    return archive, children


def file_stem(paper, day):
    """石门小学四(1)班_联系卡_20260901; a child's own name stands in no name of a file."""
    if isinstance(paper.place, Child):
        return f"{paper.kind.title}_{paper.place.uid.hex[:6].upper()}_{day:%Y%m%d}"
    place = re.sub(r'[\\/:*?"<>|\s]', "", paper.place_words)
    return f"{place}_{paper.kind.title}_{day:%Y%m%d}"


# --- ordering it --------------------------------------------------------------------------------------------------------


def order(paper, *, by, purpose, reason, submission):
    """Orders the file: rights, purpose and reason checked and kept, then the job. The same submission is one job."""
    papers.require(paper, by)
    if type(paper.place) not in paper.kind.pdf_places:
        raise PermissionDenied("这张表不做成文件")
    if not available():
        raise ValidationError(MISSING)
    if purpose not in PURPOSES:
        raise ValidationError({"purpose": "请选做什么用"})
    children = papers.children_of(paper, by)
    if not children:
        raise ValidationError("这里没有在册的孩子，没有可印的")
    papers.check(paper, user=by, reason=reason, rows=len(children))
    one = isinstance(paper.place, Child)
    title = f"{paper.kind.title}（一个孩子）" if one else paper.title
    with transaction.atomic():
        known = Job.objects.visible_to(by).filter(submission=submission).first()
        if known is not None:
            return known
        audit.record(
            "order_pdf", by=by, kind=type(paper.place)._meta.model_name, uid=paper.place, child=paper.place if one else None,
            count=len(children), reason=reason.strip(), detail=f"{title}；用途：{PURPOSES[purpose]}",
            fields=papers.Masks(paper.numbers).fields,
        )  # fmt: skip
        parameters = {
            "form": paper.form, "kind": type(paper.place)._meta.model_name, "place": str(paper.place.uid),
            "numbers": str(paper.numbers), "by_class": paper.by_class, "purpose": purpose, "children": [],
        }  # fmt: skip
        return jobs.order(JOB, by=by, parameters=parameters, title=title[:120], submission=submission)


def paper_of(parameters):
    """The paper a job stands for. Raises DoesNotExist."""
    model = _PLACES[parameters["kind"]]
    related = {Child: ["county"], SchoolClass: ["school__county"], School: ["county"]}[model]
    place = model.objects.select_related(*related).get(uid=parameters["place"])
    return Paper(parameters["form"], place, Numbers(parameters["numbers"]), parameters["by_class"])


@jobs.handler(JOB)
def run(job):
    """Makes an ordered file, with the rights of the one who ordered it as they are now."""
    paper = paper_of(job.parameters)
    papers.require(paper, job.ordered_by)
    day = timezone.localdate()
    with tempfile.TemporaryDirectory() as folder:
        try:
            path, children = build(
                paper, folder, user=job.ordered_by, day=day, report=lambda d, t: job.report(d, t)
            )
        except PdfMissing as missing:
            job.report(1, 1, str(missing))
            return
        with transaction.atomic():
            papers.record(
                paper,
                by=job.ordered_by,
                children=children,
                purpose=PURPOSES[job.parameters["purpose"]],
                made=True,
            )
        job.attach(f"{file_stem(paper, day)}{path.suffix}", path)
    named = {**job.parameters, "children": [str(child.uid) for child in children]}
    Job.objects.filter(pk=job.pk).update(parameters=named)


@jobs.guard(JOB)
def may_fetch(job, user):
    """Whether the post still stands and every child in the file is still in sight."""
    try:
        papers.require(paper_of(job.parameters), user)
    except (PermissionDenied, Child.DoesNotExist, SchoolClass.DoesNotExist, School.DoesNotExist):
        return False
    uids = job.parameters["children"]
    return Child.objects.visible_to(user).filter(uid__in=uids).count() == len(uids)
