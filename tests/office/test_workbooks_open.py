"""The workbooks as the office opens them: LibreOffice reads every sheet, as text where text belongs, and prints it."""

import shutil
import subprocess
from datetime import date

import pytest
from django.core.management import call_command
from openpyxl import load_workbook

from registry.models import Child, School

pytestmark = [pytest.mark.django_db, pytest.mark.office]

SOFFICE = shutil.which("soffice")
EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
BOOKS = {
    "register-county": ["register"],
    "register-school": ["register", "--school", "QX001"],
    "duties-county": ["duties", "--month", "2026-03"],
    "duties-school": ["duties", "--month", "2026-03", "--school", "QX001"],
    "assessment": ["assessment", "--year", "2025"],
}


@pytest.fixture
def books(settings, tmp_path):
    """Five workbooks of the invented county."""
    settings.VAR_DIR = tmp_path / "var"
    call_command("load_demo", schools=1, children=12, months=2, until=date(2026, 4, 20))
    made = {}
    for name, arguments in BOOKS.items():
        made[name] = tmp_path / f"{name}.xlsx"
        call_command("build_workbook", *arguments, "--out", str(made[name]))
    return made


def convert(kind, books, folder):
    """One run of LibreOffice over all workbooks, with a profile of its own."""
    done = subprocess.run(
        [SOFFICE, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", kind, "--outdir", folder,
         *books.values()],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(SOFFICE is None, reason="soffice is not installed (apt install libreoffice-calc)")
def test_libreoffice_reads_and_prints_every_sheet(books, tmp_path):
    names = set(Child.objects.values_list("name", flat=True))
    convert(EVERY_SHEET, books, tmp_path)
    convert("pdf", books, tmp_path)
    for name, path in books.items():
        sheets = load_workbook(path).sheetnames
        read = {}
        for sheet in sheets:
            text = (tmp_path / f"{name}-{sheet}.csv").read_text(encoding="utf-8")
            read[sheet] = text
            assert text.strip(), f"{name}: {sheet} is empty"
            for wrong in ("Err:", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "None"):
                assert wrong not in text, f"{name}: {sheet}"
        pages = (tmp_path / f"{name}.pdf").read_bytes()
        assert pages.startswith(b"%PDF") and len(pages) > 5000
        whole = "\n".join(read.values())
        if not name.endswith("school"):
            assert [child for child in names if child in whole] == []
            assert School.objects.get(code="QX001").name in whole
        else:
            assert any(child in whole for child in names)
