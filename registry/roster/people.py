"""Persons written into one cell: a name with relation and phone, both parents, several carers, and what is said of them.

奶奶 王秀英 13800001234 · 王勇（已故）、田海燕 · 父：李强 母：王芳（服刑） · 失联. What cannot be told apart is not guessed.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from .. import values
from ..values import clean_text

DIED = re.compile(r"已故|去世|死亡|亡故|病故|病逝|逝世|^故$|^亡$|已亡|过世|离世|身亡|不在世|不在人世|^殁$")
AT_HOME = re.compile(
    r"^(?:在家|家中|家里|本地|本村|本镇|本县|本乡|务农|在家务农|在本地|当地|家乡|老家|未外出|没外出|无业在家|已故|去世|死亡|亡故|故)"
)
# Words of rosters for each ``registry.models.ConditionKind`` (民发〔2019〕62号); none is concluded from another.
_CONDITIONS = [
    ("in_custody", re.compile(r"服刑|在押|坐牢|监狱|羁押|判刑|劳教|狱中")),
    ("detox", re.compile(r"强制(?:隔离)?戒毒|强戒|戒毒所")),
    ("missing", re.compile(r"失联|失踪|下落不明|离家出走|联系不上|无法联系|失去联系|杳无音信|音信全无|出走")),
    ("severely_disabled", re.compile(r"重度?残|[一二12]级(?:肢体|智力|精神|视力|听力|言语|多重)?残|残疾[一二12]级")),
    ("gravely_ill", re.compile(r"重病|大病|重疾|瘫痪|植物人|尿毒症|癌|白血病")),
    ("remarried_away", re.compile(r"改嫁|离(?:异|婚)(?:后)?(?:未|不|没)(?:共同生活|同住|在一起)|再婚(?:外|离|另)|另组家庭|离异后未")),
]  # fmt: skip
_SAYS_NOT = re.compile(r"(?:[无没未非不]|没有|并非)$")
# What stands in a name cell and is nobody's name.
_NO_NAMES = frozenset(
    ["在家", "务农", "外出", "务工", "打工", "外出务工", "外出打工", "在外", "在外务工", "在外打工", "离异", "离婚", "离家", "再婚", "单亲", "健在", "丧偶", "监护人", "法定监护人", "委托监护人", "实际监护人", "姓名", "关系", "电话", "手机", "联系电话", "电话号码", "手机号", "联系方式", "号码", "同住", "主要", "轮流", "家长", "亲戚家", "学校", "老师家", "儿童", "孩子", "学生", "与儿童", "均", "都", "双方", "一方", "两人"]
)  # fmt: skip
_ALONE_WORDS = frozenset(
    ["自己", "本人", "自理", "孩子自己", "儿童本人", "学生本人", "自我照顾", "自己照顾自己"]
)
_NOBODY_WORDS = frozenset(["无人", "没人", "暂无人"])
BOTH_PARENTS = frozenset(["父母", "父母亲", "爸爸妈妈", "父母双方", "爸妈", "双亲"])

_NOT_A_NAME = re.compile(r"在家|在外|外出|务工|打工|务农|均在|都在|常年")
_PHONE = re.compile(
    r"(?<![\d])(?:\+?\s*86[- ]?|0086[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)|\d[\d-]{3,}\d"
)
_BREAKS = re.compile(r"[/、,，;；:：()（）\[\]【】|\\\n\r+&—-]+")
_MARK = "\x00"
# 父李强, 母亲王芳, 奶奶彭三妹: a relation written onto the name
_TITLES = frozenset(
    [
        "阿姨",
        "老师",
        "教师",
        "大姐",
        "大哥",
        "大叔",
        "大妈",
        "大娘",
        "邻居",
        "朋友",
        "保姆",
        "友人",
        "其他",
        "公公",
        "婆婆",
        "家家",
    ]
)
_GLUED = sorted(
    (word for word in values.RELATION_CODES if len(word) > 1 and word not in _TITLES), key=len, reverse=True
)
# Words that only say what stands beside them, and facts that are no name.
_LABELS = re.compile(
    r"与[^\s:：、，,/]{0,4}关系[是为]?|关系(?=[:：])|(?:联系)?电话(?:号码)?|手机号?码?|联系方式|监护人(?=[:：])|姓名(?=[:：])|\d{1,3}岁"
    r"|(?<![^\s,，、/(（])[男女](?![^\s,，、/)）])"
)


@dataclass(slots=True)
class Person:
    """One person of a cell; ``bad_phone`` and ``bad_name`` are what cannot be one."""

    name: str | None = None
    relation: str | None = None
    phones: tuple = ()
    died: bool = False
    conditions: tuple = ()
    bad_phone: str = ""
    bad_name: str = ""

    @property
    def code(self):
        """The relation's code (``father``, ``grandmother`` …), "" when none is written."""
        return values.relation_code(self.relation) if self.relation else ""


@lru_cache(maxsize=8192)
def conditions_in(text: str) -> tuple:
    """Kinds of ``ConditionKind`` that a text states of one adult."""
    found = []
    for kind, pattern in _CONDITIONS:
        match = pattern.search(text)
        if match and not _SAYS_NOT.search(text[: match.start()]):
            found.append(kind)
    return tuple(found)


@lru_cache(maxsize=8192)
def conditions_of_parents(text: str) -> tuple:
    """((``father`` or ``mother``, kind), …) that a free text states: 父亲服刑, 母改嫁."""
    found = []
    for part in re.split(r"[,，;；。、\n]", text):
        sides = re.findall(r"父母双方|父母|父|母|爸|妈", part)
        kinds = conditions_in(part)
        if len(set(sides)) == 1 and kinds:
            side = sides[0]
            people = (
                ("father", "mother") if "父母" in side else ("father",) if side in "父爸" else ("mother",)
            )
            # 祖父, 外祖母, 伯母, 养父 are others
            if not re.search(r"祖|伯|叔|舅|姑|姨|岳|继|养|干[父母爸妈]", part):
                found += [(person, kind) for person in people for kind in kinds]
    return tuple(found)


@lru_cache(maxsize=4096)
def alarm_in_carer(text: str) -> str | None:
    """``alone`` or ``unattended`` when the cell of the carer holds no person but that; see ``values.protection_alarm``."""
    word = re.sub(r"[\s。.,，;；!！]+", "", clean_text(text))
    if word in _ALONE_WORDS:
        return "alone"
    if word in _NOBODY_WORDS:
        return "unattended"
    return values.protection_alarm(text)


@lru_cache(maxsize=16384)
def people_in(text: str) -> tuple[Person, ...]:
    """The persons of a cell, in its order; () for blank and for words that name nobody."""
    text = clean_text(text)
    if not text or text in values.EMPTY_WORDS or alarm_in_carer(text):
        return ()
    tokens = _tokens(text)
    relation_first = next((kind for kind, _, _ in tokens if kind in ("relation", "name")), "") == "relation"
    people, waiting = [], None
    for kind, value, _ in tokens:
        current = people[-1] if people else None
        if kind == "name":
            if current is not None and not current.name and waiting is None:
                current.name = value
            else:
                people.append(Person(name=value, relation=waiting))
            waiting = None
        elif kind == "relation":
            if relation_first or current is None or current.relation:
                if waiting:
                    people.append(Person(relation=waiting))
                waiting = value
            else:
                current.relation = value
        else:
            if current is None or waiting:
                current = Person(relation=waiting)
                people.append(current)
                waiting = None
            if kind == "phone":
                current.phones = (*current.phones, value)
            elif kind == "bad_phone":
                current.bad_phone = current.bad_phone or value
            elif kind == "bad_name":
                current.bad_name = current.bad_name or value
            elif kind == "died":
                current.died = True
            else:
                current.conditions = (*current.conditions, *value)
    if waiting:
        people.append(Person(relation=waiting))
    return tuple(people)


def _tokens(text):
    """[(kind, value, whether a hard break stands before it)]: name, relation, phone, bad_phone, bad_name, died, condition."""
    text = values.with_name_dots(text)
    phones = []

    def keep(match):
        phones.append(match[0])
        return f"/{_MARK}{len(phones) - 1}/"

    text = re.sub(r"\.0\b", "", text) if text.endswith(".0") else text
    text = _PHONE.sub(keep, _LABELS.sub("/", text))
    tokens = []
    for part in _BREAKS.split(text):
        words = part.split()
        found = []
        for index, word in enumerate(_joined(words)):
            found += [(kind, value, index == 0) for kind, value in _classified(word, phones)]
        tokens += found
    return tokens


def _joined(words):
    """王 秀 英 is one name: single characters between spaces go together (relations and marks stand alone)."""
    if len(words) > 1 and all(len(word) == 1 for word in words) and len(words) <= 4:
        if words[0] in "父母爸妈" and len(words) > 2:
            return [words[0], "".join(words[1:])]
        return ["".join(words)]
    joined, open_name = [], False
    for word in words:
        plain = word[0] != _MARK and word not in values.RELATION_CODES and not DIED.search(word)
        if (
            plain
            and open_name
            and (len(word) == 1 or len(joined[-1]) == 1)
            and len(joined[-1]) + len(word) <= 4
        ):
            joined[-1] += word
        else:
            joined.append(word)
        open_name = plain
    return joined


def _classified(word, phones):
    if word[0] == _MARK:
        raw = phones[int(word[1:])]
        found = values.read_phones(raw)
        return [("phone", number) for number in found.all] or [("bad_phone", raw)]
    if word in values.RELATION_CODES:
        return [("relation", word)]
    if DIED.search(word):
        rest = DIED.sub("", word)
        return [*(_classified(rest, phones) if rest else []), ("died", True)]
    kinds = conditions_in(word)
    if kinds:
        rest = word
        for _, pattern in _CONDITIONS:
            rest = pattern.sub("", rest)
        head = (
            _classified(rest, phones)
            if 2 <= len(rest) <= 4 and not re.search(r"中|在|因|被|正", rest)
            else []
        )
        return [*head, ("condition", kinds)]
    if word in _NO_NAMES or word in values.EMPTY_WORDS or word in BOTH_PARENTS or _NOT_A_NAME.match(word):
        return []
    for glued in _GLUED:
        if word.startswith(glued) and 2 <= len(word) - len(glued) <= 4:
            return [("relation", glued), *_classified(word[len(glued) :], phones)]
        if word.endswith(glued) and 2 <= len(word) - len(glued) <= 4 and len(glued) > 1:
            return [("name", word[: -len(glued)]), ("relation", glued)]
    if word[0] in "父母" and 3 <= len(word) <= 5:
        return [("relation", word[0]), ("name", word[1:])]
    found = values.read_name(word)
    if found.flaw:
        return [("bad_name", word)]
    return [("name", found.value)] if found.value else []


@lru_cache(maxsize=8192)
def two_parents(text: str, ordered: bool):
    """(father, mother, others) of a cell; ``ordered`` = the heading says 父母, so two bare names are father and mother.

    Two names with two numbers behind them are told by their order; one number behind two names is neither's.
    """
    slots = [part.strip() for part in re.split(r"[/、,，;；\n]+", text.strip())]
    if ordered and len(slots) == 2 and any(slot in values.EMPTY_WORDS for slot in slots):
        first, second = (people_in(slot) for slot in slots)
        if all(len(side) <= 1 and not any(person.code for person in side) for side in (first, second)):
            return (*(side[0] if side else None for side in (first, second)), [])
    people = list(people_in(_with_and(text)))
    father = next((person for person in people if person.code == "father"), None)
    mother = next((person for person in people if person.code == "mother"), None)
    others = [person for person in people if person is not father and person is not mother]
    unnamed = [person for person in others if person.name and not person.relation]
    if ordered and father is None and mother is None and len(people) == len(unnamed) == 2:
        first, second = unnamed
        if not first.phones and len(second.phones) == 2:
            # 李强、王芳 138… 139…: names and numbers stand in the same order
            one, two = second.phones
            return (
                Person(first.name, None, (one,), first.died, first.conditions),
                Person(second.name, None, (two,), second.died, second.conditions),
                [],
            )
        if not first.phones and second.phones:
            # one number behind both names is nobody's guess
            alone = Person(second.name, None, (), second.died, second.conditions)
            return first, alone, [Person(phones=second.phones)]
        return first, second, []
    if ordered and len(unnamed) == 1 and len(people) == 2 and (father is None) != (mother is None):
        if father is None:
            return unnamed[0], mother, []
        return father, unnamed[0], []
    return father, mother, others


def _with_and(text):
    """李强和王芳: two names of two or three characters around a word for and."""
    match = re.fullmatch(r"\s*([㐀-鿿]{2,3})\s*[和与及]\s*([㐀-鿿]{2,3})\s*", text)
    if match is None:
        match = re.fullmatch(r"\s*(父亲?[:：]?[㐀-鿿]{2,3}?)\s*(母亲?[:：]?[㐀-鿿]{2,3})\s*", text)
    return f"{match[1]}、{match[2]}" if match else text
