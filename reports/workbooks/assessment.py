"""考核工作簿: a cover with the scheme's words, the ranking, and a sheet for each school with six sections and the facts."""

from dataclasses import dataclass
from decimal import Decimal

from ..assessment import CAUTION, Status, grade_of, ranking
from .sheet import NOTHING_DUE, Book, Column, day_words

CHINESE = "零一二三四五六七八九十"
UNDECIDED = "待评完再定"


def _points(value):
    return NOTHING_DUE if value is None else float(value)


@dataclass
class _Line:
    """A line of a school's sheet: an indicator, a subtotal or the total."""

    code: str
    name: str
    top: object
    computed: object
    how: str
    facts: str = ""
    confirmed: object = None
    terms: str = ""


def facts_text(score):
    """Why the points are what they are: the facts, or why a person must judge."""
    words = [fact.text for fact in score.facts]
    if score.why:
        words.append(score.why)
    return "；\n".join(words)


def _terms_text(score):
    if len(score.terms) == 1 and not score.terms[0][0]:
        return score.terms[0][1]
    return "\n".join(f"{name} {shown}，{points} 分" for name, shown, points in score.terms)


_SCHOOL_COLUMNS = [
    Column("编号", lambda r: r.code, 6, "center"),
    Column("考核指标", lambda r: r.name, 30),
    Column("分值", lambda r: r.top, 6, "points"),
    Column("系统算", lambda r: r.computed, 7, "points"),
    Column("核定", lambda r: r.confirmed, 7, "points"),
    Column("算法", lambda r: r.how, 30),
    Column("测得", lambda r: r.terms, 20),
    Column("依据的事实", lambda r: r.facts, 46),
]


def _school_sheet(book, scheme, year, score, as_of, lines):
    sheet = book.sheet(score.school.name, _SCHOOL_COLUMNS, title=f"{score.school}考核表", lines=lines, keep=2)
    for section in score.sections:
        words = f"{_chinese(section.code)}、{section.name}（{section.top} 分）"
        sheet.section(words)
        for one in section.scores:
            computed = _points(one.points) if one.status == Status.SCORED else one.word
            how = one.indicator.get("deduction_zh", "")
            sheet.wrapped_row(_Line(one.code, one.name, float(one.top), computed, how, facts_text(one), None, _terms_text(one)))  # fmt: skip
        sheet.sum_row(_Line("", "小计", float(section.top), float(section.points), "", f"系统算了 {section.scored_top} 分，待评 {section.pending_top} 分，不适用 {section.not_applicable_top} 分"))  # fmt: skip
    total = f"系统算了 {score.scored_top} 分里的 {score.points} 分，折算 {score.rescaled if score.rescaled is not None else NOTHING_DUE} 分；待评 {score.pending_top} 分，不适用 {score.not_applicable_top} 分"
    top = sum((section.top for section in score.sections), Decimal(0))
    sheet.sum_row(_Line("", "合计", float(top), float(score.points), "", total))
    sheet.close([
        "说明：“系统算”按日常记录算出，每一分都有事实；“核定”由考核组填写，改动系统分要写明原因并附证据，两个分都保留。"
        "系统答不了的列为待评，不估分；没有可算的列为不适用，分值拿出，折算＝系统算的分÷系统算的分值×100。",
        CAUTION,
    ])  # fmt: skip


def _chinese(code):
    return CHINESE[int(code)] if str(code).isdigit() and int(code) < len(CHINESE) else str(code)


_COVER_COLUMNS = [
    Column("部分", lambda r: r[0], 8, "center"),
    Column("名称", lambda r: r[1], 34),
    Column("分值", lambda r: r[2], 9, "points"),
    Column("指标数", lambda r: r[3], 9, "number"),
    Column("系统能算的分值", lambda r: r[4], 13, "points"),
    Column("由考核组评的分值", lambda r: r[5], 14, "points"),
]


def _cover(book, scheme, year, scores, lines):
    sheet = book.sheet("封面", _COVER_COLUMNS, title=scheme.title, lines=lines, landscape=False)
    for section in scheme.data["sections"]:
        indicators = section["indicators"]
        auto = sum(Decimal(str(i["max_points"])) for i in indicators if i["kind"] == "auto")
        top = Decimal(str(section["max_points"]))
        sheet.row((_chinese(section["code"]), section["name_zh"], float(top), len(indicators), float(auto), float(top - auto)), 24)  # fmt: skip
    count = sum(len(section["indicators"]) for section in scheme.data["sections"])
    tops = [
        Decimal(str(i["max_points"]))
        for s in scheme.data["sections"]
        for i in s["indicators"]
        if i["kind"] == "auto"
    ]
    total = Decimal(str(scheme.data["total_points"]))
    sheet.sum_row(("", "合计", float(total), count, float(sum(tops)), float(total - sum(tops))))
    veto = scheme.data.get("veto") or {}
    notes = [f"本册：排名表，{len(scores)} 所学校的考核表。"]
    if veto:
        notes.append(f"否决项：{veto.get('name_zh', '')}——{veto.get('effect', '')}")
    notes += [
        "扣分以事实和实证材料为依据：系统分的每一项都列出依据的事实。",
        CAUTION,
    ]
    sheet.close(notes)


def _ranking_sheet(book, scheme, scores, lines):
    sections = scheme.data["sections"]
    use = scheme.data.get("result_use", {})

    def section_points(index):
        return lambda p: (
            float(p.score.sections[index].points) if p.score.sections[index].scored_top else NOTHING_DUE
        )

    columns = [
        Column("名次", lambda p: p.rank, 6, "serial"),
        Column("学校", lambda p: p.score.school.name, 20),
        Column("学区", lambda p: p.score.school.district.name if p.score.school.district_id else "", 11, "center"),
        *(
            Column(("各部分得分（系统算）", _chinese(s["code"])), section_points(index), 6, "points")
            for index, s in enumerate(sections)
        ),
        Column(("系统算", "得分"), lambda p: float(p.score.points), 8, "points"),
        Column(("系统算", "分值"), lambda p: float(p.score.scored_top), 8, "points"),
        Column(("系统算", "折算百分"), lambda p: _points(p.score.rescaled), 9, "points"),
        Column("待评分值", lambda p: float(p.score.pending_top), 8, "points"),
        Column("不适用分值", lambda p: float(p.score.not_applicable_top), 8, "points"),
        Column("核定总分", lambda p: None, 9, "points"),
        Column("等级", lambda p: grade_of(scheme.data, p.score.rescaled) if p.score.complete else UNDECIDED, 10, "center"),
        Column("结果使用", lambda p: (p.cut or "") if p.score.complete else (f"暂：{p.cut}" if p.cut else ""), 16, "center"),
    ]  # fmt: skip
    places = ranking(scores, use)
    sheet = book.sheet("排名", columns, title=f"{scheme.title}排名表", lines=lines, keep=2)
    for place in places:
        sheet.row(place, 26)
    unscored = [score for score in scores if score.rescaled is None]
    if not places:
        sheet.section("没有可以算分的学校")
    side = min(int(use.get("commend_top", 0)), len(places) // 2)
    other = min(int(use.get("restrict_bottom", 0)), len(places) // 2)
    notes = [
        "排名按系统能算的指标折算成百分排列，待评指标没有评完以前只是暂列，不作评优评先的依据。",
        f"前列 {side} 所、后列 {other} 所：两头都不超过学校数的一半，不会重叠；分数并列在线上的全部列出，由县里定。"
        f"后列的：{use.get('restrict_zh', '')}。",
        "只公开学校得分，不含任何儿童信息；不评价教师个人。",
        CAUTION,
    ]
    if unscored:
        notes.insert(0, f"没有可算指标、不排名的学校：{'、'.join(s.school.name for s in unscored)}。")
    sheet.close(notes)


def build_assessment(path, *, stamp, title_place, county, scheme, year, scores, as_of, ranked=True):
    """Writes cover, ranking (when more than one school) and a sheet for each school."""
    book = Book(stamp)
    lines = [
        f"制表单位：{stamp.place}　　学年：{year}—{year + 1}学年　　截止日期：{day_words(as_of)}　　范围：{title_place}",
        f"口径：{county.definition}；频次按县里的要求和责任台账算，已结账的月份按结账时的数",
    ]
    _cover(book, scheme, year, scores, lines)
    if ranked:
        _ranking_sheet(book, scheme, scores, lines)
    for score in scores:
        _school_sheet(book, scheme, year, score, as_of, lines)
    book.save(path)
