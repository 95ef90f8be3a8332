"""The layouts: how schools, townships and counties write their lists. Half of them are held out.

The split is a fixed rule (held out: the first byte of the SHA-256 of its name is odd). The reader is developed against the other
half; the held-out half is run at the end, and its first result is written down in ``docs/testing.md``.
"""

import hashlib

from .writer import Layout, Styles

SEQ, NAME, SEX, ID = ("seq", "序号"), ("name", "姓名"), ("sex", "性别"), ("id", "身份证号")
BIRTH, GRADE, CLASS, BOTH = ("birth", "出生日期"), ("grade", "年级"), ("class", "班级"), ("both", "年级班级")
ADDRESS, NOTE = ("address", "家庭住址"), ("note", "备注")
FLAT_PARENTS = [
    ("f.name", "父亲姓名"), ("f.work_place", "父亲务工地"), ("f.phone", "父亲电话"),
    ("m.name", "母亲姓名"), ("m.work_place", "母亲务工地"), ("m.phone", "母亲电话"),
]  # fmt: skip
FLAT_CARER = [("g.name", "监护人姓名"), ("g.relation", "与儿童关系"), ("g.phone", "监护人电话")]
GROUPED_PARENTS = [
    ("f.name", "父亲", "姓名"), ("f.work_place", "父亲", "务工地点"), ("f.phone", "父亲", "联系电话"),
    ("m.name", "母亲", "姓名"), ("m.work_place", "母亲", "务工地点"), ("m.phone", "母亲", "联系电话"),
]  # fmt: skip
GROUPED_CARER = [
    ("g.name", "监护人", "姓名"),
    ("g.relation", "监护人", "与儿童关系"),
    ("g.phone", "监护人", "联系电话"),
]
FEET = ("合计|{n}人", "", "填表人：张桂兰|||审核人：周明远||填表日期：2026年9月10日")
NOTE_FOOT = ("注：本表一式两份，学校和班级各存一份，请如实填写。",)
BASIC = [SEQ, NAME, SEX, ID]

LAYOUTS = [
    Layout("plain with two columns for the class", [*BASIC, BIRTH, GRADE, CLASS, ADDRESS, *FLAT_PARENTS, *FLAT_CARER, NOTE], feet=FEET),
    Layout("two levels, class in one cell", [*BASIC, BOTH, *GROUPED_PARENTS, *GROUPED_CARER, ADDRESS, NOTE], feet=(*FEET, *NOTE_FOOT)),
    Layout("two levels without merging", [*BASIC, ("grade", "年级"), ("class", "班级"), *GROUPED_PARENTS, *GROUPED_CARER, ADDRESS], merge=False),
    Layout(
        "county form in three levels",
        [("name", "个人基本情况", "姓名"), ("sex", "个人基本情况", "性别"), ("people", "个人基本情况", "民族"), ("id", "个人基本情况", "公民身份证号码"),
         ("address", "个人基本情况", "现居住地"), ("both", "个人基本情况", "年级班级"),
         ("f.name", "家庭情况", "父亲", "姓名"), ("f.work_place", "家庭情况", "父亲", "当前务工地点"), ("f.phone", "家庭情况", "父亲", "联系电话"),
         ("m.name", "家庭情况", "母亲", "姓名"), ("m.work_place", "家庭情况", "母亲", "当前务工地点"), ("m.phone", "家庭情况", "母亲", "联系电话"),
         ("yes", "实际监护情况", "父母双方同时外出"), ("g.name", "实际监护情况", "委托监护人姓名"), ("g.phone", "实际监护情况", "委托监护人电话"),
         ("g.relation", "实际监护情况", "与被监护人关系"), ("text:监护情况一般", "实际监护情况", "监护类型")],
        titles=("农村留守儿童基本情况登记表", "填报单位（盖章）：||||||填报日期：2026.9.10"),
        feet=("单位负责人：|||复核人：|||填表人：|||填报日期：",), styles=Styles(blank="—"),
    ),
    Layout(
        "county form with grandparents and ticked aid",
        [SEQ, ("name", "个人情况", "姓名"), ("sex", "个人情况", "性别"), ("id", "个人情况", "身份证号"), ("birth", "个人情况", "出生\n日期"),
         ("both", "个人情况", "所在年级班级"), ("address", "个人情况", "现居住地"),
         ("text:李老爹", "祖父", "姓名"), ("text:1950-03-02", "祖父", "出生日期"), ("blank", "外祖母", "姓名"), ("blank", "外祖母", "出生日期"),
         *GROUPED_PARENTS, ("g.name", "委托监护人", "姓名"), ("g.phone", "委托监护人", "电话"), ("g.relation", "委托监护人", "与被监护人关系"),
         ("tick", "家庭经济来源", "打工收入"), ("no tick", "家庭经济来源", "种养殖业"), ("tick", "救助帮扶情况", "低保"), ("no tick", "救助帮扶情况", "临时救助")],
        styles=Styles(birth="chinese"), feet=("合计|{n}",),
    ),
    Layout("one sheet per class", [*BASIC, BIRTH, *FLAT_CARER, ADDRESS], class_by="sheet", spelling="三(2)班", titles=("{班}留守儿童名单",), feet=("合计：{n}人",)),
    Layout("one sheet per class in words of junior school", [*BASIC, *FLAT_PARENTS, *FLAT_CARER], class_by="sheet", spelling="初三1班", titles=(),
           extras=("summary sheet", "empty sheet")),
    Layout("class by section rows", [*BASIC, BIRTH, *FLAT_CARER, ADDRESS, NOTE], class_by="section", spelling="初三（1）班", extras=("subtotals",), feet=FEET),
    Layout("section rows with the class teacher and headings again", [*BASIC, ADDRESS, *FLAT_CARER], class_by="section", spelling="三（2）班",
           extras=("class teacher rows", "repeated headings")),
    Layout("grade and class once for a group", [*BASIC, GRADE, CLASS, ADDRESS, *FLAT_CARER], class_by="group", feet=FEET),
    Layout("class once for a group in one cell", [("both", "班级"), *BASIC, *FLAT_PARENTS, *FLAT_CARER], class_by="group", spelling="3年级2班"),
    Layout("class once for a group between blank rows", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], class_by="group", extras=("blank rows",), file="csv-gbk"),
    Layout("class in the title", [*BASIC, *FLAT_CARER, ADDRESS], class_by="title", titles=("石门学校{班}留守儿童花名册",), feet=NOTE_FOOT),
    Layout("class in a line of its own above", [*BASIC, *FLAT_PARENTS], class_by="title", titles=("留守儿童花名册", "班级：{班}|||班主任：张桂兰")),
    Layout("grade in the sheet's name", [*BASIC, ("class number", "班级"), *FLAT_CARER], class_by="grade sheet", titles=("留守儿童登记表",)),
    Layout("grade in the title", [*BASIC, ("class", "班"), *FLAT_CARER, ADDRESS], class_by="grade title", titles=("{年级}留守儿童花名册（2026年9月）",)),
    Layout("grade by section rows", [*BASIC, ("class", "班级"), ADDRESS, *FLAT_CARER], class_by="grade section"),
    Layout("several title rows and blank rows", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], extras=("rows above", "blank rows"),
           titles=("附件3", "石门镇农村留守儿童信息采集表", "单位（公章）：石门学校||||2026年9月10日"), feet=("", *FEET)),
    Layout("line breaks in headings", [("seq", "序\n号"), ("name", "姓\n名"), ("sex", "性\n别"), ("id", "身份证\n号码"), ("both", "年级\n班级"),
           ("address", "家庭\n详细住址"), ("f.name", "父亲\n姓名"), ("f.phone", "父亲\n联系\n电话"), ("m.name", "母亲\n姓名"), ("m.phone", "母亲\n联系\n电话"),
           ("g.name", "监护人\n姓名"), ("g.relation", "与学生\n关系"), ("g.phone", "监护人\n电话")], spelling="九年级二班"),
    Layout("both parents in one cell with a slash", [*BASIC, BOTH, ("parents", "父母姓名"), *FLAT_CARER, ADDRESS], parents="李强/王芳"),
    Layout("both parents marked in one cell", [*BASIC, BOTH, ("parents", "父母姓名"), ("g.name", "实际监护人"), ("g.phone", "实际监护人电话")],
           parents="父：李强 母：王芳"),
    Layout("both parents with their numbers in one cell", [*BASIC, BOTH, ("parents", "父母姓名及电话"), *FLAT_CARER], parents="李强138、王芳139"),
    Layout("both parents on two lines with numbers", [*BASIC, BOTH, ("parents", "父母姓名、联系电话"), *FLAT_CARER], parents="父李强138 母王芳139"),
    Layout("parents with brackets", [*BASIC, BOTH, ("parents", "父母亲姓名"), *FLAT_CARER], parents="李强（父）王芳（母）"),
    Layout("parents in a sentence", [*BASIC, GRADE, CLASS, ("parents", "父母姓名"), ADDRESS], parents="父亲李强，母亲王芳"),
    Layout("parents one below the other", [*BASIC, BOTH, ("parents", "父母姓名"), *FLAT_CARER], parents="两行"),
    Layout("carer, relation and phone in one cell", [*BASIC, BOTH, ADDRESS, ("carer", "监护人及电话")], carer="奶奶 彭三妹 138"),
    Layout("carer with the relation in brackets", [*BASIC, BOTH, *FLAT_PARENTS, ("carer", "监护人姓名（关系）及联系电话")], carer="彭三妹（奶奶）138"),
    Layout("carer with commas", [*BASIC, BOTH, ("carer", "监护人、关系、电话"), ADDRESS], carer="彭三妹、奶奶、138"),
    Layout("carer after a colon", [*BASIC, BOTH, ("carer", "委托监护人情况")], carer="奶奶：彭三妹，138"),
    Layout("carer on three lines", [*BASIC, BOTH, ("carer", "监护人情况"), ADDRESS], carer="三行"),
    Layout("carer with the relation written onto the name", [*BASIC, BOTH, ("carer", "监护人"), ("g.phone", "监护人电话")], carer="奶奶彭三妹"),
    Layout("families in merged cells", [*BASIC, GRADE, CLASS, ADDRESS, *FLAT_PARENTS, *FLAT_CARER], siblings=True, extras=("family merged",)),
    Layout("families with ditto marks", [*BASIC, GRADE, CLASS, ADDRESS, *FLAT_PARENTS, *FLAT_CARER], siblings=True, extras=("ditto",)),
    Layout("the family member by member", [*BASIC, BOTH, ADDRESS, ("g.name", "家庭成员", "姓名"), ("g.relation", "家庭成员", "与学生关系"),
           ("g.phone", "家庭成员", "联系电话")], extras=("parents in rows",)),
    Layout("namesakes", [*BASIC, BOTH, *FLAT_CARER, ADDRESS], namesakes=True),
    Layout("whole class with the register's codes", [NAME, SEX, ("id", "身份证件号"), GRADE, CLASS, ("code", "是否留守儿童"), ("address", "现住址"), ("g.phone", "监护人电话"),
           ("g.name", "监护人")], titles=(), extras=("not left behind",)),
    Layout("whole class with the register's words", [NAME, SEX, ("id", "身份证件号"), GRADE, CLASS, ("code word", "是否留守儿童"), ("address", "现住址")],
           titles=("学籍信息导出",), extras=("not left behind",)),
    Layout("whole class with yes and no", [*BASIC, BOTH, ("yes", "是否留守"), *FLAT_CARER], titles=("石门学校学生名单",), extras=("not left behind",)),
    Layout("whole class where a blank is a no", [*BASIC, BOTH, ("yes", "是否留守儿童"), ADDRESS], titles=("石门学校学生信息表",), extras=("not left behind", "blank is no")),
    Layout("whole class with types", [*BASIC, BOTH, ("type", "留守类型"), ADDRESS], titles=("学生信息表",), extras=("not left behind",)),
    Layout("hidden rows and columns", [*BASIC, ("people", "民族"), BOTH, ADDRESS, *FLAT_CARER], extras=("hidden rows", "hidden columns")),
    Layout("other sheets around", [*BASIC, BOTH, ADDRESS], extras=("summary sheet", "empty sheet", "staff sheet")),
    Layout("column numbers and an example below the headings", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], extras=("column numbers", "example row")),
    Layout("spaces everywhere", [*BASIC, BIRTH, BOTH, ADDRESS, *FLAT_CARER], spelling="三 ( 2 ) 班", styles=Styles(name="full space", id="spaced", phone="spaces", birth="dots")),
    Layout("full-width digits", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], spelling="三年级２班", styles=Styles(id="full", phone="full", name="spaced")),
    Layout("numbers as numbers", [*BASIC, BIRTH, ("grade number", "年级"), ("class number", "班级"), ADDRESS, *FLAT_PARENTS, *FLAT_CARER],
           styles=Styles(birth="number", phone="number")),
    Layout("phones as decimals and Excel's dates", [*BASIC, BIRTH, BOTH, *FLAT_PARENTS, *FLAT_CARER], spelling="302", styles=Styles(birth="excel", phone="float")),
    Layout("two numbers in a cell", [*BASIC, BOTH, *FLAT_PARENTS, *FLAT_CARER], spelling="三2", styles=Styles(phone="two")),
    Layout("prefixed numbers and small x", [*BASIC, BOTH, *FLAT_PARENTS, *FLAT_CARER], spelling="3.2班", styles=Styles(phone="prefix", id="lower")),
    Layout("apostrophes before numbers", [*BASIC, BOTH, *FLAT_CARER], spelling="3-2", styles=Styles(phone="apostrophe", id="apostrophe")),
    Layout("letter O and dots of names", [*BASIC, BOTH, *FLAT_CARER], spelling="小学三年级(2)班", styles=Styles(name="dot •", id="letter O")),
    Layout("blank words", [*BASIC, BOTH, *FLAT_CARER, NOTE], spelling="三年二班", styles=Styles(name="dot ．", blank="/")),
    Layout("no ID numbers", [SEQ, NAME, SEX, BIRTH, BOTH, ADDRESS, *FLAT_CARER], spelling="302班", styles=Styles(birth="slashes")),
    Layout("year and month only beside the ID number", [*BASIC, ("birth", "出生年月"), BOTH, ADDRESS], spelling="石门学校三（2）班", styles=Styles(birth="month")),
    Layout("entry years", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], spelling="2024级2班", grades=(1, 6), stages=("primary",)),
    Layout("entry years with the stage", [*BASIC, BOTH, ADDRESS, *FLAT_CARER], spelling="小2024级（2）班"),
    Layout("comma separated with a mark", [*BASIC, BIRTH, BOTH, ADDRESS, *FLAT_CARER], file="csv-utf-8-sig", feet=FEET),
    Layout("comma separated without a mark", [*BASIC, BOTH, *FLAT_PARENTS, ADDRESS], file="csv-utf-8", titles=(), spelling="3（02）班"),
    Layout("comma separated in GBK", [*BASIC, GRADE, CLASS, *FLAT_CARER, ADDRESS], file="csv-gbk"),
    Layout("semicolons in GB18030", [*BASIC, BOTH, *FLAT_CARER], file="csv;-gb18030", titles=()),
    Layout("tabs in UTF-16", [*BASIC, BOTH, *FLAT_CARER], file="tsv-utf-16"),
    Layout("a wrong dimension record", [*BASIC, GRADE, ("class chinese", "班级"), ADDRESS, *FLAT_CARER], file="wps", feet=FEET),
    Layout("class in brackets and household facts", [*BASIC, GRADE, ("class brackets", "班"), ADDRESS, *FLAT_CARER, ("size", "家庭人口"), ("aid", "享受救助情况"), ("health", "身体状况")]),
    Layout("carer before the parents", [NAME, ("g.name", "监护人"), ("g.relation", "关系"), ("g.phone", "电话"), SEX, ("id", "公民身份号码"), BOTH, *GROUPED_PARENTS], titles=()),
    Layout("a number behind each parent's name", [*BASIC, BOTH, ("f.name", "父亲"), ("f.phone", "联系电话"), ("m.name", "母亲"), ("m.phone", "联系电话"),
           ("g.name", "监护人"), ("g.relation", "与儿童关系"), ("g.phone", "联系电话")]),
]  # fmt: skip


def held_out(layout) -> bool:
    """Whether the layout belongs to the half that is not developed against."""
    return hashlib.sha256(layout.name.encode()).digest()[0] % 2 == 1


DEVELOPMENT = [layout for layout in LAYOUTS if not held_out(layout)]
HELD_OUT = [layout for layout in LAYOUTS if held_out(layout)]


# Wordings of one column: any of them means the same.
_WORDINGS = {
    "name": ["姓名", "学生姓名", "儿童姓名", "留守儿童姓名", "1、孩子姓名", "姓 名"],
    "sex": ["性别", "性\n别", "学生性别", "2、性别"],
    "id": ["身份证号", "身份证号码", "公民身份号码", "学生身份证号", "身份证件号（18位）", "3、身份证号码"],
    "birth": ["出生日期", "出生年月日", "出生\n日期", "出生年月"],
    "both": ["年级班级", "所在年级班级", "年级、班级", "年级/班级"],
    "grade": ["年级", "所在年级", "就读年级"],
    "class": ["班级", "所在班级", "班"],
    "address": ["家庭住址", "现居住地", "现住址（详细到组）", "家庭详细地址"],
    "f.name": ["父亲姓名", "父亲", "爸爸姓名"], "f.work_place": ["父亲务工地", "父亲务工地点", "父亲打工地址"], "f.phone": ["父亲电话", "父亲联系电话", "父亲手机号码"],
    "m.name": ["母亲姓名", "母亲", "妈妈姓名"], "m.work_place": ["母亲务工地", "母亲务工地点", "母亲打工地址"], "m.phone": ["母亲电话", "母亲联系电话", "母亲手机号码"],
    "g.name": ["监护人姓名", "监护人", "实际监护人姓名", "委托监护人"], "g.relation": ["与儿童关系", "监护人与学生关系", "与孩子的关系"],
    "g.phone": ["监护人电话", "监护人联系电话", "监护人手机号"],
}  # fmt: skip


def random_layout(random) -> Layout:
    """Any of the wordings, orders, ways to write class, parents and carer, styles of cells, things around."""
    word = lambda key: (key, random.choice(_WORDINGS[key]))  # noqa: E731
    file = random.choice(["xlsx", "xlsx", "wps", "csv-utf-8-sig", "csv-utf-8", "csv-gb18030", "tsv-utf-16"])
    book = file in ("xlsx", "wps")
    class_by = random.choice(["columns", "columns", "one cell", "one cell", "section", "title", "grade title", "grade section"]
                             + (["sheet", "grade sheet"] if book else []))  # fmt: skip
    columns = [word("name"), word("sex"), word("id")]
    birth = random.choice(["iso", "chinese", "dots", "slashes", "compact", "number", "month", "blank"])
    if random.random() < 0.5:
        columns.append(word("birth"))
    if class_by == "columns":
        columns += [word("grade"), word("class")]
    elif class_by == "one cell":
        columns.append(word("both"))
    elif class_by.startswith("grade"):
        columns.append(word("class"))
    family = []
    how = random.choice(["flat", "flat", "grouped", "one cell", "none"])
    if how == "flat":
        family += [
            word(key) for key in ("f.name", "f.work_place", "f.phone", "m.name", "m.work_place", "m.phone")
        ]
    elif how == "grouped" and book:
        family += GROUPED_PARENTS
    elif how == "one cell":
        family.append(("parents", random.choice(["父母姓名", "父母亲姓名", "父母双方姓名"])))
    parents = random.choice(
        ["李强/王芳", "李强、王芳", "父：李强 母：王芳", "李强（父）王芳（母）", "父亲李强，母亲王芳", "两行"]
    )
    carer = random.choice(
        ["奶奶 彭三妹 138", "彭三妹（奶奶）138", "彭三妹、奶奶、138", "奶奶：彭三妹，138", "三行"]
    )
    guardian = random.choice(
        [[word("g.name"), word("g.relation"), word("g.phone")], [("carer", "监护人姓名、关系、电话")], []]
    )
    if guardian and guardian[0][0] == "g.name" and how == "grouped" and book:
        guardian = GROUPED_CARER
    blocks = [family, guardian, [word("address")] if random.random() < 0.8 else []]
    random.shuffle(blocks)
    columns = [
        *([SEQ] if random.random() < 0.7 else []),
        *columns,
        *(path for block in blocks for path in block),
        *([NOTE] if random.random() < 0.5 else []),
    ]
    titles = {"title": ("石门学校{班}留守儿童花名册",), "grade title": ("石门学校{年级}留守儿童花名册",)}.get(
        class_by,
        random.choice(
            [(), ("石门学校留守儿童花名册",), ("附件1", "留守儿童登记表", "填报单位：石门学校|||2026年9月")]
        ),
    )
    extras = [
        extra
        for extra in ("blank rows", "subtotals", "column numbers", "repeated headings", "rows above")
        if random.random() < 0.2
    ]
    if book:
        extras += [
            extra
            for extra in ("summary sheet", "empty sheet", "staff sheet", "hidden rows")
            if random.random() < 0.2
        ]
    return Layout(
        "random", columns, titles=titles, class_by={"one cell": "columns"}.get(class_by, class_by),
        spelling=random.choice(["三（2）班", "九年级二班", "初三1班", "3年级2班", "小学三年级(2)班", *(["三2", "302", "3-2", "三年二班"] if class_by == "one cell" else [])]),
        styles=Styles(
            random.choice(["plain", "spaced", "full space", "dot •", "dot ．"]), random.choice(["plain", "lower", "spaced", "letter O", "full"]),
            birth, random.choice(["text", "spaces", "prefix", "full", "two"] + (["number", "float"] if book else [])),
            random.choice([None, "—", "无", "/"]),
        ),
        merge=book and random.random() < 0.8, file=file, extras=tuple(extras), parents=parents, carer=carer,
        feet=random.choice([(), FEET, (*FEET, *NOTE_FOOT), ("审核人：|||制表人：张桂兰", "第1页 共1页")]),
    )  # fmt: skip
