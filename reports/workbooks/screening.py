"""摸底排查汇总表 (C027, C034): what schools handed in, school by school, and the three rates; no names."""

from dataclasses import dataclass

from registry.screenings import counts, rates

from .sheet import Book, Column, day_words, share


@dataclass
class SchoolRow:
    """One school, or the total."""

    number: int | None
    name: str
    district: str
    state: str
    sums: dict | None


def columns():
    """Heading and value of each column; a school that has not handed in has a state and no numbers."""

    def count(name):
        return lambda row: row.sums[name] if row.sums else None

    return [
        Column("序号", lambda row: row.number, 5, "serial"),
        Column("学校", lambda row: row.name, 24),
        Column("学区", lambda row: row.district, 12, "center"),
        Column("到哪一步", lambda row: row.state, 11, "center"),
        Column("全校学生", count("pupils"), 9, "number"),
        Column("留守儿童", count("total"), 9, "number"),
        Column(("性别", "男"), count("male"), 7, "number"),
        Column(("性别", "女"), count("female"), 7, "number"),
        Column(("留守类型", "双方外出"), count("both_away"), 9, "number"),
        Column(("留守类型", "一方外出"), count("one_away"), 9, "number"),
        Column(("留守类型", "待核实"), count("unknown"), 9, "number"),
        Column("寄宿", count("boarding"), 7, "number"),
        Column("随迁", count("migrant"), 7, "number"),
        Column(("学段", "幼儿园"), count("kindergarten"), 8, "number"),
        Column(("学段", "小学"), count("primary"), 7, "number"),
        Column(("学段", "初中"), count("junior"), 7, "number"),
        Column(("和上学期比", "新增"), count("new"), 7, "number"),
        Column(("和上学期比", "离校或移出"), count("left"), 10, "number"),
    ]


def build_screening(path, *, stamp, title_place, screening, parts):
    """Writes the summary of the schools' ``parts`` (SchoolScreenings); returns how many handed in."""
    parts = list(parts)
    summed = counts.add_up(parts)
    book = Book(stamp)
    day = f"截止日期：{day_words(screening.as_of)}　　口径：{screening.definition}"
    sheet = book.sheet(
        "摸底汇总",
        columns(),
        title=f"{title_place}留守儿童摸底排查汇总表",
        lines=[f"制表单位：{stamp.place}　　{screening.term}　　{day}　　单位：人"],
        keep=2,
    )
    for number, part in enumerate(parts, start=1):
        school = part.school
        sheet.row(
            SchoolRow(
                number,
                school.name,
                str(school.district or ""),
                part.get_state_display(),
                summed.by_school.get(school.pk),
            )
        )
    sheet.sum_row(SchoolRow(None, "合计", "", "", summed.total))
    notes = ["说明：只算已上报的学校，没上报的只列到哪一步。上报时锁定，以后资料再改，这里不变。"]
    if summed.doubles:
        notes.append(f"有 {summed.doubles} 个孩子在两所学校的名单上都有，合计里算了两次。")
    sheet.close(notes)
    _rates(book, title_place, screening, counts.handed_in(parts), day)
    book.save(path)
    return len(summed.by_school)


def _rates(book, title_place, screening, parts, day):
    sheet = book.sheet(
        "三率",
        [
            Column("指标", lambda rate: rate.name, 10, "center"),
            Column("比率", lambda rate: share(rate.numerator, rate.denominator), 10, "percent"),
            Column("分子", lambda rate: rate.numerator, 10, "number"),
            Column("分母", lambda rate: rate.denominator, 10, "number"),
            Column("怎么算", lambda rate: rate.definition, 50),
        ],
        title=f"{title_place}入学率、巩固率、辍学率",
        lines=[f"全校学生，按学校上报的数　　{screening.term}　　{day}"],
    )
    for rate in rates.stated_rates(parts):
        sheet.wrapped_row(rate)
    sheet.close()
