"""What a heading that nobody knows may mean: a proposal with its reason, for a person to accept or change. Never applied.

By the words of the heading first, then by what stands below it; without either the column stays out.
"""

import re

from .. import values
from ..values import clean_text
from .headings import bare
from .meanings import CHOICES, IGNORE, Column

_SAMPLE = 60
# Words inside a heading that no rule of ``headings`` takes: the first that fits.
_WORDS = [
    (re.compile(r"人口|几口人"), "child.household_size"),
    (re.compile(r"救助|低保|补助|补贴|资助|享受"), "child.aid"),
    (re.compile(r"困境|困难|贫困|脱贫|特困"), "child.hardship"),
    (re.compile(r"收入|经济"), "child.income"),
    (re.compile(r"孤儿"), "child.orphan"),
    (re.compile(r"随迁|流动"), "child.migrant"),
    (re.compile(r"留守"), "child.care_type"),
    (re.compile(r"住校|寄宿|住宿"), "child.boarding"),
    (re.compile(r"残疾"), "child.disability"),
    (re.compile(r"病"), "child.illness"),
    (re.compile(r"身体|健康"), "child.health"),
    (re.compile(r"性格|爱好|特长|兴趣"), "child.character"),
    (re.compile(r"成绩|学习|学业"), "child.study"),
    (re.compile(r"户籍|户口"), "child.household_registration"),
    (re.compile(r"民族"), "child.ethnic_group"),
    (re.compile(r"学籍|学号"), "child.student_number"),
    (re.compile(r"出生|生日"), "child.birth_date"),
    (re.compile(r"身份证"), "child.id_number"),
    (re.compile(r"住址|地址|居住"), "child.address"),
    (re.compile(r"村|组|社区"), "child.village"),
    (re.compile(r"班"), "child.grade_class"),
    (re.compile(r"电话|手机|联系方式"), "home.phone"),
    (re.compile(r"照看|照顾|监护|带养|抚养|带娃|谁带|谁管"), "guardian.name"),
    (re.compile(r"关系"), "guardian.relation"),
    (re.compile(r"爸"), "father.name"),
    (re.compile(r"妈"), "mother.name"),
    (re.compile(r"外出|打工|务工"), "child.away"),
    (re.compile(r"备注|说明|情况"), "child.note"),
]  # fmt: skip
_SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
    "姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段章钱汤尹黎易常武乔贺赖龚文覃向欧尉单瞿吉阿马"
)
_PERSONS_NAME = re.compile(r"[㐀-鿿]{2,4}|[㐀-鿿]{2,}·[㐀-鿿]{2,}")


def propose(columns: list[Column], rows) -> None:
    """Sets ``proposal`` and ``why`` of the columns without a meaning that nobody chose. ``rows``: the cells below."""
    taken = {str(column.meaning) for column in columns if column.meaning}
    for column in columns:
        if column.meaning is not None or column.chosen:
            continue
        cells = [row[column.index] for row in rows[:_SAMPLE] if column.index < len(row)]
        for value, why in _guesses(column, [cell for cell in cells if clean_text(cell)]):
            if value not in taken and value in CHOICES:
                column.proposal, column.why = value, why
                taken.add(value)
                break
        else:
            column.proposal = IGNORE


def _guesses(column, cells):
    word = bare(column.header.rsplit("/", 1)[-1])
    for pattern, value in _WORDS:
        if match := pattern.search(word):
            yield value, f"表头里有“{match[0]}”"
            break
    if len(cells) < 3:
        return
    texts = [clean_text(cell) for cell in cells]
    if _most(values.read_id_number(cell).value for cell in cells):
        yield "child.id_number", "下面是身份证号"
        yield "guardian.id_number", "下面是身份证号"
    elif _most(re.fullmatch(r"\+?(?:86)?1[3-9]\d{9}", values.read_phone(cell).value or "") for cell in cells):
        yield "home.phone", "下面是手机号"
        yield "guardian.phone", "下面是手机号"
    elif _most(text in ("男", "女") for text in texts):
        yield "child.sex", "下面是男、女"
    elif _most(values.read_class(text).grade for text in texts):
        yield "child.grade_class", "下面是年级、班级"
    elif _most(text in values.RELATION_CODES for text in texts):
        yield "guardian.relation", "下面是称呼"
    elif _most(_PERSONS_NAME.fullmatch(text) and text[0] in _SURNAMES for text in texts):
        yield "child.name", "下面是人的姓名"
        yield "guardian.name", "下面是人的姓名"


def _most(answers):
    answers = [bool(answer) for answer in answers]
    return sum(answers) * 5 >= len(answers) * 4
