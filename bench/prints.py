"""Time and memory of a bundle of whole files (一人一档) as one PDF: ``python -m bench.prints 50``.

Makes the demo county (one school, six months of contacts) in the scratch database of ``BENCH_DATABASE_URL`` (emptied
first), then writes one PDF of so many children with the leader's rights, as the background job does, in a process of
its own, whose peak memory the system counted. The figure beside it is the same process with nothing printed.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import run  # isort: skip  (first: it sets Django up)
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activities.demo.county import build_county
from registry.models import CareListSpell, Child, School
from reports.printing import papers, pdf
from reports.printing.papers import Paper
from trust.models import User


def bundle(children):
    """One line: pages, seconds of the queries and of the PDF, their number, bytes, peak memory in MB."""
    user, day = User.objects.get(username="demo-leader"), timezone.localdate()
    listed = CareListSpell.objects.on(day).values("child")
    found = list(Child.objects.visible_to(user).filter(pk__in=listed).by_name()[:children])
    paper = Paper("file", School.objects.filter(managing_school=None).order_by("pk").first())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.pdf"
        pages = read = queries = size = 0
        began = time.perf_counter()
        if found:
            with CaptureQueriesContext(connection) as captured:
                whole = papers.context_of(paper, user, day, children=found)
            read, queries = time.perf_counter() - began, len(captured)
            pages = pdf.write(path, [whole | {"bundles": [one]} for one in whole["bundles"]])
            size = path.stat().st_size
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {len(found)} children | {pages} pages, {size / 1024:,.0f} KB | {read:.2f} s, {queries} queries | "
          f"{seconds:.1f} s | {peak:.0f} MB |")  # fmt: skip


def make(children):
    """The county, with about so many children at its one school."""
    run.empty()
    build_county(schools=1, children=children, months=6, until=timezone.localdate(), seed=1, history=False)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main():
    """Prints the table. Processes of their own: the system counts the peak of whoever starts one into its child's."""
    sizes = [int(word) for word in sys.argv[1:]] or [50]
    _in_a_process("--make", max(sizes) * 2)
    print(
        f"| {timezone.localdate()} | file | read | read and written | peak memory |\n|---|---|---|---|---|",
        flush=True,
    )
    for children in [0, *sizes]:
        _in_a_process("--bundle", children)


def _in_a_process(what, number):
    subprocess.run([sys.executable, "-m", "bench.prints", what, str(number)], check=True)


if __name__ == "__main__":
    step = {"--make": make, "--bundle": bundle}.get("".join(sys.argv[1:2]))
    step(int(sys.argv[2])) if step else main()
