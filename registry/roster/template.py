"""The roster template (名册模板) to download: text-formatted numbers, drop-downs, an example row, how to fill it in."""

import io

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from ..values import GRADES

ROWS = 500
# heading, width, words to choose from, example; all are text so that no number loses its digits
COLUMNS = [
    ("序号", 6, None, "例"),
    ("姓名", 12, None, "李小满"),
    ("性别", 6, ("男", "女"), "男"),
    ("身份证号", 22, None, "（18 位）"),
    ("出生日期", 13, None, "2016-05-03"),
    ("民族", 8, None, "汉族"),
    ("年级", 9, GRADES, "三年级"),
    ("班级", 8, None, "2班"),
    ("是否寄宿", 9, ("是", "否"), "否"),
    ("留守类型", 14, ("父母双方外出", "父母一方外出"), "父母双方外出"),
    ("现住址", 28, None, "柳溪村3组12号"),
    ("父亲姓名", 10, None, "李强"),
    ("父亲务工地", 18, None, "广东省东莞市"),
    ("父亲电话", 14, None, "13800001234"),
    ("母亲姓名", 10, None, "王芳"),
    ("母亲务工地", 18, None, "广东省东莞市"),
    ("母亲电话", 14, None, "13900001234"),
    ("监护人姓名", 11, None, "李大山"),
    ("与孩子关系", 11, None, "爷爷"),
    ("监护人电话", 14, None, "13700001234"),
    ("备注", 20, None, ""),
]
HOW = [
    "一个孩子填一行。第一行“例”只是样子，不会导入，可以删掉。",
    "姓名、性别、班级一定要填；身份证号最好填，出生日期可以不填（从身份证号里读）。",
    "列的先后可以换，不用的列可以删，别的列可以加；按表头的字认，不按位置认。",
    "身份证号、电话已经设成“文本”。从别处复制时请用“选择性粘贴—数值”，不然号码后几位会丢。",
    "没有的就空着，或者写“无”。空着的格子不会把以前登记的内容抹掉。",
    "没人照看、一个人住的孩子，在监护人姓名里照实写“无人监护”“独居”，会马上提醒校长。",
    "一次最多 50,000 行，文件不超过 10 MB。",
]
_LINE = Border(*[Side(style="thin", color="FF857F72")] * 4)


def build() -> bytes:
    """The workbook as bytes."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "名册"
    sheet.freeze_panes = "C2"
    for index, (heading, width, words, example) in enumerate(COLUMNS, start=1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = width
        sheet.column_dimensions[letter].number_format = "@"
        head = sheet.cell(1, index, heading)
        head.font, head.border = Font(name="宋体", bold=True, size=11), _LINE
        head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        head.fill = PatternFill("solid", fgColor="FFDFE9F2")
        shown = sheet.cell(2, index, example)
        shown.font, shown.border = Font(name="宋体", size=11, color="FF5C666F"), _LINE
        shown.number_format = "@"
        for row in range(3, 63):
            cell = sheet.cell(row, index)
            cell.number_format, cell.border = "@", _LINE
        if words:
            choice = DataValidation(type="list", formula1='"' + ",".join(words) + '"', allow_blank=True)
            choice.errorTitle, choice.error = "请从给出的几样里选", "、".join(words)
            sheet.add_data_validation(choice)
            choice.add(f"{letter}3:{letter}{ROWS}")
    sheet.row_dimensions[1].height = 28
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    how = workbook.create_sheet("填表说明")
    how.column_dimensions["A"].width = 90
    for row, text in enumerate(HOW, start=1):
        cell = how.cell(row, 1, f"{row}. {text}")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(name="宋体", size=12)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()
