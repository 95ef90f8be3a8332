"""The roster template (名册模板) to download: text columns, drop-downs, what to write as a comment at each heading, an example row."""

import io

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from ..models import Hardship, SchoolClass
from ..values import GRADES

ROWS = 500
BORDERED = 62
YES_NO = ("是", "否")
CLASSES, RELATIONS, HARDSHIPS = "classes", "relations", "hardships"
RELATION_WORDS = (
    "爷爷", "奶奶", "外公", "外婆", "父亲", "母亲", "伯父", "叔叔", "姑姑", "舅舅", "姨妈", "哥哥", "姐姐", "其他亲属", "其他",
)  # fmt: skip
# heading, width, words to choose from (a list, or the name of one on the sheet 选项), example, what to write; all are text so that no number loses its digits
COLUMNS = [
    ("序号", 6, None, "例", "可以不填。"),
    ("姓名", 12, None, "李小满", "必填。和户口簿上一样；少数民族姓名中间的点用“·”。"),
    ("性别", 6, ("男", "女"), "男", "必填。点右边的小箭头选。"),
    (
        "身份证号",
        22,
        None,
        "（18 位）",
        "18 位，最后一位可以是 X。没有的空着，以后再补；认孩子靠这一项，最好填。",
    ),
    ("出生日期", 13, None, "2016-05-03", "写成 2016-05-03。填了身份证号可以不填。"),
    ("民族", 8, None, "汉族", ""),
    ("年级", 9, GRADES, "三年级", "点右边的小箭头选。"),
    (
        "班级",
        10,
        CLASSES,
        "2班",
        "点右边的小箭头选本校的班；没有列出的班照样可以写，如“2班”，核对时会说将新建。",
    ),
    ("是否寄宿", 9, YES_NO, "否", "住校填“是”。"),
    ("留守类型", 14, ("父母双方外出", "父母一方外出"), "父母双方外出", "点右边的小箭头选。"),
    ("现住址", 28, None, "柳溪村3组12号", "现在住的地方，写到组和门牌。"),
    ("父亲姓名", 10, None, "李强", ""),
    ("父亲务工地", 18, None, "广东省东莞市", "写到县、市；在家的写“在家”。"),
    ("父亲电话", 14, None, "13800001234", "11 位手机号；有两个的用顿号隔开。"),
    ("母亲姓名", 10, None, "王芳", ""),
    ("母亲务工地", 18, None, "广东省东莞市", "写到县、市；在家的写“在家”。"),
    ("母亲电话", 14, None, "13900001234", "11 位手机号；有两个的用顿号隔开。"),
    (
        "监护人姓名",
        11,
        None,
        "李大山",
        "平时实际带孩子的人。没人照看、一个人住的，照实写“无人监护”“独居”，会马上提醒校长。",
    ),
    ("与孩子关系", 11, RELATIONS, "爷爷", "点右边的小箭头选，也可以照当地的叫法写。"),
    ("监护人电话", 14, None, "13700001234", "11 位手机号。"),
    ("困境类型", 18, HARDSHIPS, "", "没有的空着。"),
    ("是否重点关注", 12, YES_NO, "否", "学校定为重点关注的填“是”。"),
    ("备注", 20, None, "", ""),
]
HOW = [
    "一个孩子填一行。第一行“例”只是样子，不会导入，可以删掉。",
    "姓名、性别、班级一定要填；身份证号最好填，出生日期可以不填（从身份证号里读）。",
    "鼠标停在表头上，会说这一列怎么填；有小箭头的格子可以选，也可以自己写。",
    "列的先后可以换，不用的列可以删，别的列可以加；按表头的字认，不按位置认。",
    "身份证号、电话已经设成“文本”。从别处复制时请用“选择性粘贴—数值”，不然号码后几位会丢。",
    "没有的就空着，或者写“无”。空着的格子不会把以前登记的内容抹掉。",
    "没人照看、一个人住的孩子，在监护人姓名里照实写“无人监护”“独居”，会马上提醒校长。",
    "上传后先核对：有问题的可以下载标红的原表，照“怎么改”改好再传。",
    "一次最多 50,000 行，文件不超过 10 MB。",
]
_LINE = Border(*[Side(style="thin", color="FF857F72")] * 4)


def build(school=None) -> bytes:
    """The workbook as bytes; with ``school`` its running classes can be chosen. One query."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "名册"
    sheet.freeze_panes = "C2"
    lists = _lists(workbook, school)
    for index, (heading, width, words, example, how) in enumerate(COLUMNS, start=1):
        letter = get_column_letter(index)
        sheet.column_dimensions[letter].width = width
        sheet.column_dimensions[letter].number_format = "@"
        head = sheet.cell(1, index, heading)
        head.font, head.border = Font(name="宋体", bold=True, size=11), _LINE
        head.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        head.fill = PatternFill("solid", fgColor="FFDFE9F2")
        if how:
            head.comment = Comment(how, "填表说明", width=280, height=90)
        shown = sheet.cell(2, index, example)
        shown.font, shown.border = Font(name="宋体", size=11, color="FF5C666F"), _LINE
        shown.number_format = "@"
        for row in range(3, BORDERED + 1):
            cell = sheet.cell(row, index)
            cell.number_format, cell.border = "@", _LINE
        if words:
            _choice(sheet, letter, words, lists)
    sheet.row_dimensions[1].height = 28
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight = "landscape", 9, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    how = workbook.create_sheet("填表说明", 1)
    how.column_dimensions["A"].width = 90
    for row, text in enumerate(HOW, start=1):
        cell = how.cell(row, 1, f"{row}. {text}")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.font = Font(name="宋体", size=12)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _lists(workbook, school):
    """The long lists of words on a hidden sheet, each a column: {name: where it stands}."""
    words = {RELATIONS: RELATION_WORDS, HARDSHIPS: [choice.label for choice in Hardship]}
    if school is not None:
        words[CLASSES] = _classes_of(school)
    options = workbook.create_sheet("选项")
    options.sheet_state = "hidden"
    places = {}
    for column, (name, several) in enumerate(words.items(), start=1):
        for row, word in enumerate(several, start=1):
            options.cell(row, column, word).number_format = "@"
        letter = get_column_letter(column)
        if several:
            places[name] = f"选项!${letter}$1:${letter}${len(several)}"
    return places


def _classes_of(school):
    """The school's classes today as its rosters write them, each number once: the grade stands in its own column."""
    numbers = (
        SchoolClass.objects.filter(school=school)
        .running_on(timezone.localdate())
        .values_list("number", flat=True)
    )
    return [f"{number}班" for number in sorted(set(numbers))]


def _choice(sheet, letter, words, lists):
    if isinstance(words, str):
        if words not in lists:
            return
        choice = DataValidation(type="list", formula1=lists[words], allow_blank=True)
        # one may write another word here: a warning, not a refusal
        choice.errorStyle = "warning"
        choice.errorTitle, choice.error = "不在选项里", "选项里没有这个词。确实是这样写的，按“是”留下。"
    else:
        choice = DataValidation(type="list", formula1='"' + ",".join(words) + '"', allow_blank=True)
        choice.errorTitle, choice.error = "请从给出的几样里选", "、".join(words)
    sheet.add_data_validation(choice)
    choice.add(f"{letter}3:{letter}{ROWS}")
