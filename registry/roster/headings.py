"""Third stage: what a column means, by the words of its heading and of the headings around it, never by position.

The words are those of the national survey form, the student register (学籍), contact cards and school rosters. A
heading is a path of levels (父亲/电话). A word without a person (联系电话) belongs to the nearest person on its left
when that person has none yet; a child's own words (家庭住址) stay the child's.
"""

import re
from collections import Counter
from functools import lru_cache

from ..values import clean_text
from .meanings import CHOICES, IGNORE, Column, Meaning, heading_key

# Fields of the child itself: the whole heading, after cleaning.
_CHILD_WORDS = {
    "seq": "序号 编号 序 号 行号 顺序号 No NO 序列",
    "uid": "系统编号",
    "name": "姓名 学生姓名 儿童姓名 留守儿童姓名 幼儿姓名 孩子姓名 学生 儿童 留守儿童 名字 学生名字 留守学生姓名 "
    "被监护人姓名 被监护人 留守学生 留守幼儿姓名 子女姓名 儿童名字",
    "former_name": "曾用名 别名 小名",
    "sex": "性别 男女",
    "ethnic_group": "民族",
    "birth_date": "出生日期 出生年月日 出生年月 出生时间 生日 出生 出生年 出生月日 出生日 出生年月份",
    "age": "年龄 周岁 岁数",
    "id_number": "身份证号 身份证号码 身份证 公民身份证号码 公民身份号码 居民身份证号码 居民身份证号 身份证件号 身份证件号码 "
    "证件号码 证件号 公民身份证号 学生身份证号 学生身份证号码 儿童身份证号 儿童身份证号码 身份号码 公民身份证 户口身份证号 身份证编号",
    "id_kind": "身份证件类型 证件类型",
    "student_number": "学籍号 全国学籍号 学籍辅号 学号 班内学号 学籍编号 国网学籍号",
    "registered": "是否登记户口 有无户口 是否有户口",
    "household_registration": "户籍所在地 户口所在地 户籍地址 户籍地 户籍 户口地址 户口所在地址 籍贯 户籍所在 户口",
    "address": "现居住地 现住址 现居住地址 家庭住址 家庭地址 家庭详细住址 家庭详细地址 住址 地址 详细住址 详细地址 居住地址 居住地 "
    "现家庭住址 现住地址 常住地址 通信地址 通讯地址 现在住址 现居地 现住地 家庭现住址 居住详细地址 现居住详细地址 家庭居住地址 家住址",
    "village": "村 村组 所在村组 所在村 村名 行政村 所属村 居住村 村居 村社区 自然村 家庭所在村 村委会",
    "health": "身体情况 身体健康 身体状况 健康状况 健康情况 身体健康状况",
    "disability": "残疾类别及等级 残疾类别 残疾等级 残疾情况 是否残疾 残疾类型",
    "illness": "患病类型 患病情况 疾病",
    "boarding": "是否学校寄宿 是否寄宿 是否住校 就读方式 住校情况 寄宿情况 寄宿 住校 是否在校寄宿 是否寄宿生 走读住校 住宿情况 "
    "走读寄宿 是否住宿",
    "schooling": "就学情况 就读情况 在学情况 就学状况 就学状态",
    "grade": "年级 所在年级 就读年级 现读年级 现年级",
    "class": "班级 班级名称 班 所在班级 就读班级 班别 现在班级 所在班",
    "grade_class": "年级班级 年级班 所在年级班级 年班 就读年级班级 班级年级 年级及班级 年级和班级 就读学校年级班级 所在年级及班级",
    "school": "学校 学校名称 现就读学校 现读学校 所在学校名称 就读学校 所在学校 校名",
    "care_type": "留守类型 留守类别 留守情况 是否留守儿童 是否留守 是否农村留守儿童 留守儿童类型 留守儿童类别 类型 类别 是否留守学生 "
    "留守性质 留守状况 单双亲留守",
    "away": "外出人员 外出务工人员 外出家长 外出情况 父母外出情况 父母外出 外出务工情况 父母务工情况 父母外出务工情况 父母打工情况 外出类型 务工情况 谁外出 "
    "父母一方或双方外出 双方或一方外出 父母外出类型",
    "both_away": "父母双方同时外出 父母双方外出 双方外出 父母均外出 父母双方外出务工 双方同时外出",
    "one_away": "一方外出另一方无监护能力 一方外出 父母一方外出 一方外出、另一方无监护能力 一方外出,另一方无监护能力 单方外出 "
    "父母一方外出务工",
    "away_since": "外出时间 外出日期 外出务工时间 外出起始时间 父母外出时间 务工时间 何时外出 外出开始时间 开始外出时间",
    "away_reason": "留守原因 外出原因 父母外出原因",
    "migrant": "是否进城务工人员随迁子女 随迁子女 是否随迁子女",
    "only_child": "是否独生子女 独生子女",
    "orphan": "是否孤儿 孤儿",
    "income": "家庭经济来源 经济来源 家庭收入来源 家庭主要经济来源 家庭经济状况 家庭经济情况",
    "aid": "救助帮扶情况 救助情况 帮扶情况 享受救助情况 享受救助 享受何种救助 享受救助帮扶情况 救助帮扶",
    "household_size": "家庭人口 家庭人口数 家庭人数 家庭成员数 家庭成员人数 人口数 家中人口 家庭总人口 家庭人口总数",
    "de_facto_orphan": "是否事实无人抚养儿童 事实无人抚养儿童 是否事实无人抚养 事实无人抚养 是否事实孤儿",
    "hardship": "是否困境儿童 困境儿童 困境类型 困境类别 困境儿童类型 困境儿童类别 困境 困境情况 家庭困难类型 困难类型",
    "poverty": "是否低保 是否贫困 是否建档立卡 低保 建档立卡 是否脱贫户 脱贫户 是否困难 是否低保户 是否贫困户 低保户 贫困户 是否建档立卡户 建档立卡户 "
    "是否建档立卡贫困户 是否特困 是否享受低保 是否脱贫家庭 是否监测户 是否家庭经济困难学生",
    "priority": "是否重点关注 重点关注 重点对象 是否重点",
    "alone": "是否独居 独居 是否独自居住 是否独自生活",
    "unattended": "是否无人监护 无人监护",
    "entrusted": "有无委托其他监护人 有无委托监护人 是否委托监护 是否委托监护人 有无委托",
    "ability": "监护类型 监护情况 监护评估 监护状况 监护能力 监护能力评估 实际监护情况 监护人监护能力",
    "character": "性格 兴趣爱好 爱好 特长 兴趣 性格特点 性格特征 性格爱好 兴趣特长 性格与爱好 爱好特长",
    "study": "学习成绩 学习情况 学业情况 学业成绩 主要表现 学生主要表现 学习",
    "remark": "哪里要改 怎么改 问题 有什么问题",
    "note": "备注 说明 其他 其它 备 注 其他情况 其他说明 备注说明 情况说明",
}  # fmt: skip
_EXACT = {word: name for name, words in _CHILD_WORDS.items() for word in words.split()}

# Headings that only hold a mark: a group, and the words below it that are its values (救助帮扶情况/低保 √).
_TICKS = {
    "aid": "低保 临时救助 医疗救助 住房救助 其他救助 教育救助 特困供养 特困 孤儿津贴 孤儿基本生活费 营养餐 资助 残疾人补贴 其他",
    "income": "打工收入 务工收入 种养殖业 种植业 养殖业 种养业 政府救助 亲朋接济 亲友接济 经商 其他",
    "health": "健康 残疾 患病",
    "schooling": "幼儿园 未入园 小学 初中 高中 中职 辍学 不在学",
    "ability": "无人监护 父或母无监护能力 父母无监护能力 受委托监护人监护能力不足 监护情况一般 监护情况较好 监护一般 监护较好",
    "care_type": "双亲留守 单亲留守 双亲 单亲 父母双方外出务工 父母一方外出务工 双亲外出 单亲外出 父亲外出 母亲外出 父外出 母外出",
    "hardship": "孤儿 事实无人抚养 低保 残疾 重病 重残 贫困 特困 建档立卡 监护缺失 监护不当 服刑人员子女",
}  # fmt: skip
_TICKS = {name: frozenset(words.split()) for name, words in _TICKS.items()}
_TICK_WORDS = frozenset().union(*_TICKS.values())
_TICK_GROUPS = {"away": "care_type"}

# Attributes a person may have, tried in this order on what is left of the heading.
_ATTRIBUTES = [
    ("is_guardian", re.compile(r"是否.*监护人")),
    ("relation", re.compile(r"关系|称谓")),
    ("id_number", re.compile(r"身份证|身份号|证件号")),
    ("place_phone", re.compile(r"(?:务工|打工|工作|外出).*(?:及|和|与|、|/|，).*(?:电话|手机|联系方式)")),
    ("phone", re.compile(r"电话|手机|联系方式|联系号码|通讯方式|通信方式|号码|^联系$")),
    ("birth_date", re.compile(r"出生|生日")),
    ("age", re.compile(r"年龄|岁")),
    ("sex", re.compile(r"性别")),
    ("address", re.compile(r"住址|居住|家庭地址|^(?:详细)?地址$|现住")),
    ("away_since", re.compile(r"(?:外出|务工|打工).*(?:时间|日期)|何时")),
    ("return_on", re.compile(r"返乡|回家时间|回乡")),
    ("work_place", re.compile(r"(?:务工|打工|外出|工作|就业|务工所在|上班|去向|谋生).*(?:地|单位|去向|城市|地点|处|省|所|哪)|哪.{0,4}(?:务工|打工|上班|工作)|去向|务工地|单位")),
    ("trade", re.compile(r"工种|职业|职务|行业|从事")),
    ("health", re.compile(r"健康|身体|残疾")),
    ("ability", re.compile(r"监护能力|监护情况|评估")),
    ("away", re.compile(r"是否(?:外出|务工|打工|在外)|(?:外出|务工|打工)(?:务工|打工)?(?:情况)?$")),
    ("status", re.compile(r"健在|状况|是否在世|婚姻")),
    ("unheld", re.compile(r"文化|学历|政治|民族|户籍|户口")),
    ("name", re.compile(r"姓名|名字")),
]  # fmt: skip
_BARE = re.compile(r"^(?:基本|个人|家庭|详细)?(?:情况|信息|资料|栏)?$")

_SUBJECTS = [
    ("helper", re.compile(r"帮扶|包保|结对|代理家长|爱心妈妈|爱心爸爸|爱心家长|班主任|责任教师|责任人|联系教师|志愿者|填表|审核|辅导员|儿童主任")),
    ("maternal_grandfather", re.compile(r"外祖父(?!母)|外公|姥爷")),
    ("maternal_grandmother", re.compile(r"外祖母|外婆|姥姥")),
    ("grandfather", re.compile(r"祖父(?!母)|爷爷(?!奶奶)")),
    ("grandmother", re.compile(r"祖母|(?<!爷爷)奶奶")),
    ("carer", re.compile(r"委托|受托|临时监护|实际监护(?!情况)|实际照|托管|代管|代理监护|代养|寄养|照护|照料|照看|照顾|看护|看管|抚养|第二监护|现监护|代监护|隔代|[与跟和]谁.*(?:生活|住)")),
    ("member2", re.compile(r"(?:家庭)?(?:主要)?成员(?:2|二)|家长.{0,4}[2二]$|(?:家长|监护人)[2二]|监护人.{0,4}2$")),
    ("member1", re.compile(r"(?:家庭)?(?:主要)?成员(?:1|一)?|家属|家长.{0,4}[1一]$|家长[1一]")),
    ("guardian", re.compile(r"监护|主要联系人|第一联系人")),
    ("both", re.compile(r"(?<!祖)父母(?:双方|亲)?|双亲|家长|(?<!祖)父亲?[/、和与及]母亲?|爸爸?[/、和与及]妈")),
    ("father", re.compile(r"父亲|爸爸|父方|^父(?!母)|生父")),
    ("mother", re.compile(r"母亲|妈妈|母方|^母|生母")),
]  # fmt: skip
_GROUP_NOISE = re.compile(
    r"^(?:个人|学生|儿童|孩子|留守儿童|幼儿|本人)?(?:基本|家庭|个人|就学|就读|学籍|实际监护|监护|外出务工|务工|自然|住址|主要)?"
    r"(?:情况|信息|资料|状况)(?:\d|一|二)?$"
)
# 监护人及电话, 监护人姓名、关系、电话: a name with more in the same cell
_HOME_PHONE = re.compile(r"^(?:家庭|家里|家中|住宅|宅)(?:固定|联系)?(?:电话|座机|手机)(?:号码?)?$")
_SEVERAL = re.compile(
    r"(?:人|亲|方|母|父|长|姓名)(?:姓名)?(?:及|和|与|、|/|，)(?:与.{0,5})?(?:关系|联系|电话|手机|其)|姓名.*(?:及|和|、|/).*(?:关系|电话|手机)"
)
_PARTS = re.compile(r"[(（\[【〔].*?[)）\]】〕]")
_NOISE = re.compile(r"[\s*＊:：?？!！\"'“”‘’_]+")


# 1、学生姓名 · Q3_性别 · 请填写您孩子的家庭住址: as online forms put it
_ASKED = re.compile(
    r"^(?:[QTqt]?\d{1,2}[、.．:：)）_]|[(（]\d{1,2}[)）])|^(?:请(?:您)?(?:如实)?(?:填写|输入|选择))|^您?的?(?=孩子|学生)"
)


@lru_cache(maxsize=8192)
def bare(text: str) -> str:
    """A heading without spaces, line breaks, stars, numbering, brackets and what stands in them."""
    word = _ASKED.sub("", _ASKED.sub("", clean_text(text).strip(" *＊")))
    word = _NOISE.sub("", _ASKED.sub("", word))
    short = _PARTS.sub("", word)
    return (short or re.sub(r"[()（）\[\]【】]", "", word)).strip("、,，.。;；/-—")


@lru_cache(maxsize=8192)
def meaning_of(levels: tuple[str, ...]) -> Meaning | None:
    """The meaning of a heading by its own words; person "" = to be told from its neighbors; None = unknown."""
    words = [bare(level) for level in levels]
    words = [word for word in words if word]
    if not words:
        return None
    leaf, above = words[-1], "".join(words[:-1])
    for group in reversed(words[:-1]):
        attribute = _TICK_GROUPS.get(_EXACT.get(group), _EXACT.get(group))
        if leaf in _TICKS.get(attribute, ()):
            return Meaning("tick", f"{attribute}:{leaf}")
    if len(words) > 1 and (found := _person_below(leaf, words[:-1])):
        return found
    # the nearest group that names a person: 家庭情况/祖父/姓名
    groups = [word for word in reversed(words[:-1]) if not _GROUP_NOISE.match(word)]
    subject = next(filter(None, map(_subject, groups)), None)
    if subject is None:
        found = _of_leaf(leaf)
        if found:
            return found
        whole = above + leaf
        return _of_leaf(whole) if above and _subject(whole) else None
    own = _of_leaf(leaf)
    if own and own.person not in ("", "child"):
        # 监护情况/父亲姓名: the nearer word wins, except that 关系 below a carer is the carer's.
        return own if own.person != "both" else Meaning(subject, own.attribute)
    attribute = _attribute(leaf)
    if attribute:
        return Meaning(subject, attribute)
    if own and own.attribute in (
        "ability",
        "entrusted",
        "both_away",
        "one_away",
        "away",
        "care_type",
        "alone",
        "unattended",
        "note",
    ):
        return own
    return Meaning(subject, "name") if _subject(leaf) else own


_CHILDS = re.compile(r"^(?:留守)?(?:学生|儿童|孩子|幼儿|被监护人|子女|该生)的?(?=.)")


def _of_leaf(leaf):
    childs = _CHILDS.sub("", leaf)
    if childs != leaf and leaf not in _EXACT:
        # 学生性别, 孩子的家庭住址 are the child's own
        if childs in _EXACT:
            return Meaning("child", _EXACT[childs])
        if _attribute(childs) == "phone" and not _subject(childs) and len(childs) <= 6:
            return Meaning("home", "phone")
    if _HOME_PHONE.match(leaf):
        return Meaning("home", "phone")
    if leaf in _EXACT:
        name = _EXACT[leaf]
        if name in (
            "id_number",
            "birth_date",
            "age",
            "sex",
            "health",
            "address",
            "away_since",
            "name",
        ) and leaf not in (
            "学生姓名",
            "儿童姓名",
        ):
            return Meaning("" if name != "name" else "child", name)
        return Meaning("child", name)
    if "紧急" in leaf and _attribute(leaf) == "phone":
        return Meaning("home", "phone")
    if re.search(r"祖父母|外公外婆|爷爷奶奶|姥姥姥爷", leaf):
        return None  # two people in one column
    subject = _subject(leaf)
    if subject:
        rest = leaf
        for name, pattern in _SUBJECTS:
            if name == subject:
                rest = pattern.sub("", leaf)
        if (
            subject in ("guardian", "carer")
            and re.search(r"与.*关系|^关系", leaf)
            and not _SEVERAL.search(leaf)
        ):
            return Meaning(subject if subject == "carer" else "guardian", "relation")
        if _SEVERAL.search(leaf):
            return Meaning(subject, "name")
        attribute = _attribute(leaf)
        if subject == "both" and attribute in ("status", "away"):
            return Meaning("child", "away") if re.search("外出|务工|打工", leaf) else None
        if attribute:
            return Meaning(subject, attribute)
        if subject == "helper" or _BARE.match(
            re.sub(r"^(?:监护人|第一|第二|由?谁来?|现在?|目前|人|者|主要|法定|姓名|的)+|(?:人|者)$", "", rest)
        ):
            return Meaning(subject, "name")
        if subject == "both" and re.search("外出|务工|打工", leaf):
            return Meaning("child", "away")
        return None
    if re.search(r"与(?:儿童|学生|孩子|幼儿|本人|被监护人|该生|留守儿童|子女).*关系|^关系|称谓", leaf):
        return Meaning("", "relation")
    if re.search(r"(?:学生|儿童|孩子|幼儿).*(?:身份证|证件号)", leaf):
        return Meaning("child", "id_number")
    attribute = _attribute(leaf)
    if attribute in ("phone", "work_place", "trade", "away_since", "return_on"):
        return Meaning("", attribute)
    if attribute == "id_number" or (attribute == "birth_date" and len(leaf) < 8):
        return Meaning("", attribute)
    if attribute == "address":
        return Meaning("", "address")
    if re.search(r"留守.*(?:类|型|情况|儿童$)", leaf) and "姓名" not in leaf and len(leaf) < 12:
        return Meaning("child", "care_type")
    if re.search(r"(?:年级.*班|班.*年级)", leaf) and len(leaf) < 12:
        return Meaning("child", "grade_class")
    return None


def _person_below(leaf, groups):
    """联系电话/父亲, 务工地点/母亲: the group says what, the leaf says whose; 户籍/地址 is the group's."""
    household = any(_EXACT.get(group) == "household_registration" for group in groups)
    if household and _attribute(leaf) == "address":
        return Meaning("child", "household_registration")
    own = _of_leaf(leaf)
    if own is None or own.attribute != "name" or own.person in ("", "child") or "姓名" in leaf:
        return None
    what = next((found for group in reversed(groups) if (found := _group_attribute(group))), None)
    return Meaning(own.person, what) if what else None


def _group_attribute(word):
    """The attribute that a group without a person of its own gives to the persons below it."""
    if re.search(r"外出|务工|打工", word) and re.search(r"情况|与否|^是否", word):
        return "away"
    found = _attribute(word)
    return (
        found
        if found
        in ("phone", "place_phone", "work_place", "id_number", "birth_date", "away_since", "trade", "health")
        else None
    )


def _subject(text):
    if not text:
        return None
    found = [name for name, pattern in _SUBJECTS if pattern.search(text)]
    if not found:
        return None
    member = next((name for name in ("member1", "member2") if name in found), None)
    if member and ("both" in found or found[0] == "guardian"):
        return member  # 家长姓名2, 监护人2: the second of two
    if "both" in found and not ({"helper", "carer", "guardian"} & set(found)):
        # 父母姓名 is both; 父亲 or 母亲 alone is not
        return "both"
    if (
        found[0] == "guardian"
        and re.search(r"被监护人", text)
        and not re.search(r"(?<!被)监护", text.replace("被监护", ""))
    ):
        return None
    return found[0]


def _attribute(text):
    if re.search(r"与.*关系", text):
        return "relation"
    for name, pattern in _ATTRIBUTES:
        if pattern.search(text):
            return name
    return None


def is_heading(text) -> bool:
    """Whether a cell could be a heading (a word of the list, or a person's group)."""
    if not isinstance(text, str) or len(text) > 40:
        return False
    word = bare(text)
    if not word or len(word) > 24:
        return False
    return meaning_of((text,)) is not None or word in _TICK_WORDS or bool(_GROUP_NOISE.match(word))


def is_child_name(text) -> bool:
    """Whether a cell is the heading of the children's names."""
    return isinstance(text, str) and _EXACT.get(bare(text)) == "name"


GRANDPARENTS = ("grandfather", "grandmother", "maternal_grandfather", "maternal_grandmother")
# What a person-less heading may be of a person on its left.
_SHARED = {
    "id_number",
    "birth_date",
    "age",
    "sex",
    "health",
    "address",
    "phone",
    "work_place",
    "trade",
    "away_since",
    "return_on",
    "relation",
}
_OF_ONE = {"name", "phone", "relation", "id_number", "age", "health"}
_OF_BOTH = {"work_place", "away_since", "return_on", "trade"}
_SOMEBODY = re.compile(r"人|者|家长|亲|姓名")
_CHILDS_OWN = {"id_number", "birth_date", "age", "sex", "health", "address"}
_PERSONS = ("father", "mother", "guardian", "carer", "both", "helper", "member1", "member2", *GRANDPARENTS)


def place(columns: list[Column]) -> list[Column]:
    """Gives each person-less heading its person; two columns never share a meaning (the first keeps it)."""
    has_person = {column.meaning.person for column in columns if column.meaning}
    if not has_person & {"guardian", "carer"}:
        # 家长 where no guardian is named is the one who answers for the child; 父母 are both of them
        for column in columns:
            meaning = column.meaning
            if (
                meaning
                and meaning.person == "both"
                and meaning.attribute in _OF_ONE
                and "家长" in column.header
            ):
                column.meaning = Meaning("guardian", meaning.attribute)
    _prefer_present_address(columns)
    taken = {column.meaning for column in columns if column.meaning and column.meaning.person}
    has_person = {meaning.person for meaning in taken}
    phones = sum(column.meaning == Meaning("", "phone") for column in columns)
    alone = Counter(
        column.meaning.attribute for column in columns if column.meaning and column.meaning.person == ""
    )
    current = "child"
    for column in columns:
        meaning = column.meaning
        if meaning is None:
            if _SOMEBODY.search(column.header):
                current = "child"  # somebody we do not know: what follows is not the person's before
            continue
        if meaning.person == "":
            owner = current
            if meaning.attribute == "phone" and phones == 1 and current in ("father", "mother", "both"):
                owner = "child"  # one number at the end of both parents is the family's, not the last one's
            if (
                meaning.attribute in _OF_BOTH
                and alone[meaning.attribute] == 1
                and {"father", "mother"} <= has_person
            ):
                owner = (
                    "both" if current in ("father", "mother") else owner
                )  # 父亲 母亲 外出地点: of both, not the last
            if meaning.attribute == "id_number" and current != "child" and alone["id_number"] > 1:
                taken.add(
                    Meaning("child", "id_number")
                )  # 父亲 身份证号 母亲 身份证号: none of them is the child's
            person = _owner(meaning.attribute, owner, has_person, taken)
            column.meaning = Meaning(person, meaning.attribute) if person else None
            if column.meaning:
                taken.add(column.meaning)
        elif meaning.person in _PERSONS:
            current = meaning.person
    seen = set()
    for column in columns:
        if column.meaning in seen and column.meaning is not None:
            second = Meaning(column.meaning.person, f"{column.meaning.attribute}_2")
            column.meaning = None if second in seen else second
        if column.meaning:
            seen.add(column.meaning)
    return columns


def _prefer_present_address(columns):
    """家庭住址 beside 现居住地: the child lives at the present one; the other is left to a person's choice."""
    found = []
    for column in columns:
        if column.meaning and column.meaning.person in _PERSONS:
            break
        if column.meaning and column.meaning.attribute == "address" and not column.chosen:
            found.append(column)
    present = [column for column in found if re.search("现|常住", bare(column.header.rsplit("/", 1)[-1]))]
    if len(found) > 1 and present:
        for column in found:
            column.meaning = Meaning("child", "address") if column is present[0] else None


def _owner(attribute, current, has_person, taken):
    if attribute == "relation":
        if current in ("carer", "guardian", "member1", "member2", "both"):
            return current
        for person in ("guardian", "carer"):
            if person in has_person and Meaning(person, "relation") not in taken:
                return person
        return "guardian"
    if attribute in _CHILDS_OWN and Meaning("child", attribute) not in taken:
        return "child"
    if current in _PERSONS and attribute in _SHARED and Meaning(current, attribute) not in taken:
        return current
    if attribute == "phone":
        for person in ("guardian", "carer"):
            if person in has_person and Meaning(person, "phone") not in taken:
                return person
        return "home"
    if attribute in ("work_place", "trade", "away_since", "return_on"):
        return "both" if Meaning("both", attribute) not in taken else None
    return None


__all__ = [
    "CHOICES",
    "GRANDPARENTS",
    "IGNORE",
    "Column",
    "Meaning",
    "bare",
    "heading_key",
    "is_child_name",
    "is_heading",
    "meaning_of",
    "place",
]
