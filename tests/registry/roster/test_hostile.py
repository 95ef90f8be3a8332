"""Hostile and broken files: refused before they cost anything, or read as they should be."""

import codecs
import datetime
import io
import re
import shutil
import subprocess
import zipfile

import pytest
from openpyxl import Workbook

from registry.roster.cells import FileRefused, column_letters, read_cells
from tests.registry.roster.test_problems import GOOD, kid, sheet_of
from tests.registry.roster.test_reading import read

DOCTYPE = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


def refused(data):
    """The kind of refusal."""
    with pytest.raises(FileRefused) as refusal:
        read_cells(data)
    assert "{" not in str(refusal.value)
    return refusal.value.kind


def remade(data, change=None, **added):
    """A workbook whose parts went through ``change(name, bytes)``; ``added`` parts come on top."""
    source, file = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(name, content) if change else content)
        for name, content in added.items():
            target.writestr(name, content)
    return file.getvalue()


def in_sheet(old, new):
    """Replaces text in the first sheet's XML."""

    def change(name, content):
        if not name.endswith("sheet1.xml"):
            return content
        assert old in content
        return content.replace(old, new, 1)

    return change


GOOD_FILE = sheet_of(kid())


def test_a_zip_bomb_is_stopped_while_unpacking():
    bomb = remade(GOOD_FILE, **{"xl/bomb.xml": b"<a>" + b" " * (140 << 20)})
    assert len(bomb) < 1 << 20
    assert refused(bomb) == "unpacks_too_big"


def test_too_many_parts():
    assert refused(remade(GOOD_FILE, **{f"xl/media/{i}.png": b"" for i in range(200)})) == "too_many_parts"


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-32"),
        lambda text: text.encode("utf-7"),
        lambda text: text.replace("DOCTYPE", "doctype").encode(),
        lambda text: text.encode("cp037", "replace"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml", "[Content_Types].xml"]
)
def test_a_doctype_in_any_part_and_encoding(encode, part):
    def change(name, content):
        if name != part:
            return content
        text = re.sub(r"^<\?xml.*?\?>", "", content.decode())
        return encode('<?xml version="1.0"?>' + DOCTYPE + text)

    assert refused(remade(GOOD_FILE, change)) in ("doctype", "broken")


def test_a_cell_at_the_end_of_the_world():
    assert refused(remade(GOOD_FILE, in_sheet(b'<c r="A2"', b'<c r="XFD1048576"'))) == "too_many_rows"
    assert refused(remade(GOOD_FILE, in_sheet(b'<c r="A2"', b'<c r="XFD2"'))) == "too_many_columns"
    assert refused(remade(GOOD_FILE, in_sheet(b'<c r="A2"', b"<c t='n' r='A99999'"))) == "too_many_rows"


def test_formatted_empty_columns_are_honest():
    workbook = Workbook()
    sheet = workbook.active
    for row in (["姓名", "性别", "身份证号", "班级"], ["李小满", "男", GOOD, "三（2）班"]):
        sheet.append(row)
    sheet["XFD1"].number_format = "@"
    sheet["A1048576"].number_format = "@"
    file = io.BytesIO()
    workbook.save(file)
    assert [entry.name for entry in read(file.getvalue()).entries] == ["李小满"]


def test_a_wrong_dimension_record_does_not_hide_rows():
    data = remade(
        GOOD_FILE, lambda name, content: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', content)
    )
    assert [entry.name for entry in read(data).entries] == ["李小满"]


def test_more_than_fifty_thousand_rows():
    lines = "姓名,性别\n" + "李小满,男\n" * 50_300
    assert refused(lines.encode()) == "too_many_rows"


def test_more_than_ten_megabytes():
    assert refused(b"PK\x03\x04" + bytes(11 << 20)) == "too_big"


@pytest.mark.parametrize("cut", [10, 200, 2000])
def test_a_file_cut_short(cut):
    assert refused(GOOD_FILE[:-cut] if cut > 200 else GOOD_FILE[:cut]) == "broken"


def test_a_protected_workbook_asks_for_the_password_to_be_removed():
    zipped = bytearray(GOOD_FILE)
    position = zipped.find(b"PK\x01\x02")
    while position != -1:  # the flag of every entry in the directory
        zipped[position + 8] |= 1
        position = zipped.find(b"PK\x01\x02", position + 4)
    assert refused(bytes(zipped)) == "protected"


def test_a_web_page_that_calls_itself_a_workbook():
    assert refused("<html><table><tr><td>姓名</td></tr></table></html>".encode()) == "web_page"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gbk", "gb18030", "utf-16"])
def test_text_tables_in_the_usual_encodings(encoding):
    text = f'姓名,性别,身份证号,班级,备注\r\n李小满,男,"=""{GOOD}""",三（2）班,"两行\n备注"\r\n'
    (entry,) = read(text.encode(encoding)).entries
    assert (entry.name, entry.id_number, entry.row) == ("李小满", GOOD, 2)


def test_tabs_between_the_cells():
    (entry,) = read(f"姓名\t性别\t身份证号\t班级\n李小满\t男\t\t{'三2班'}\n".encode("utf-16")).entries
    assert (entry.grade, entry.school_class) == ("三年级", "2班")


def test_leading_empty_rows_and_columns_keep_excels_numbers():
    workbook = Workbook()
    sheet = workbook.active
    for column, (heading, value) in enumerate(
        [("姓名", "李小满"), ("性别", "男"), ("身份证号", "12"), ("班级", "三（2）班")], start=4
    ):
        sheet.cell(7, column, heading)
        sheet.cell(9, column, value)
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert [(entry.row, entry.name) for entry in roster.entries] == [(9, "李小满")]
    assert [(p.row, p.column) for p in roster.problems] == [(9, "F")]


def test_column_letters():
    assert [column_letters(index) for index in (0, 25, 26, 51, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "ZZ",
        "AAA",
    ]


@pytest.mark.office
@pytest.mark.parametrize("suffix", ["xls", "ods"])
def test_old_workbooks(suffix, tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    (tmp_path / "名册.xlsx").write_bytes(
        sheet_of(kid(出生日期=datetime.date(2016, 5, 3)), kid(身份证号=341299201605030019))
    )
    subprocess.run(
        [office, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", suffix, "--outdir", str(tmp_path), str(tmp_path / "名册.xlsx")],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    roster = read((tmp_path / f"名册.{suffix}").read_bytes())
    first = roster.entries[0]
    assert (first.name, first.birth_date.isoformat(), first.guardian.phones) == (
        "李小满",
        "2016-05-03",
        ("13800001234",),
    )
    assert [(p.row, p.column, p.kind) for p in roster.problems] == [(3, "D", "id_digits_lost")]
