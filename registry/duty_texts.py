"""职责 of posts (C004): the county's template, a school's own words in its place, and a sample where nobody wrote any."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from trust import audit
from trust.models import VersionConflict

from .models import DutyText, PostKind

audit.name_actions(write_duty_text="修改岗位职责", drop_duty_text="岗位职责改回范本")
audit.name_kinds(dutytext="岗位职责")

# Posts inside a school, in the order of a school's list; the others belong to offices beyond it.
KINDS = (
    PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.GROUP_MEMBER, PostKind.ARCHIVIST,
    PostKind.COUNSELOR, PostKind.CENTER_MANAGER, PostKind.GRADE_HEAD, PostKind.CLASS_TEACHER,
    PostKind.SUBJECT_TEACHER, PostKind.DUTY_TEACHER, PostKind.TEACHER,
)  # fmt: skip
LONGEST = 2000
SCHOOL, COUNTY, SAMPLE = "本校写的", "县里的范本", "通用范本"


@lru_cache(maxsize=1)
def samples():
    """{kind: text}: what stands where neither county nor school wrote anything."""
    path = Path(__file__).parent / "data" / "duty-texts.json"
    return json.loads(path.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class TextInForce:
    """The duties of one post as they hold at a school (or as the county's template)."""

    kind: PostKind
    text: str
    source: str
    row: DutyText | None = None  # the row of the place itself, None where it never had one

    @property
    def version(self):
        """Version of the own row, 0 without one."""
        return self.row.version if self.row else 0


def texts_of(school):
    """[TextInForce] of every post of a school, its own words before the county's. Two queries at most."""
    own = {row.kind: row for row in DutyText.objects.filter(school=school)}
    county = {row.kind: row.text for row in DutyText.objects.filter(county=school.county_id, school=None)}
    return [_in_force(kind, own.get(kind), SCHOOL, county.get(kind, "")) for kind in KINDS]


def county_texts(county):
    """[TextInForce] of the county's template."""
    own = {row.kind: row for row in DutyText.objects.filter(county=county, school=None)}
    return [_in_force(kind, own.get(kind), COUNTY, "") for kind in KINDS]


def _in_force(kind, row, source, county_text):
    if row is not None and row.text:
        return TextInForce(kind, row.text, source, row)
    return TextInForce(kind, county_text or samples()[kind], COUNTY if county_text else SAMPLE, row)


def write(kind, *, county, text, by, expected, school=None):
    """Writes the duties of a post, for a school or as the county's template; ``expected``: the version the form showed.

    A blank text means that the words of the next wider place hold again; the row stays. Raises VersionConflict.
    """
    text = text.strip()
    if kind not in KINDS:
        raise ValidationError({"text": "没有这个岗位"})
    if len(text) > LONGEST:
        raise ValidationError({"text": f"最多写 {LONGEST} 个字，这里有 {len(text)} 个"})
    place = {"county": county, "school": school}
    row = DutyText.objects.filter(kind=kind, **place).first()
    if (row.text if row else "") == text:
        return row
    action = "write_duty_text" if text else "drop_duty_text"
    try:
        with transaction.atomic():
            if row is None:
                row = DutyText(kind=kind, text=text, **place)
                row.save()
            else:
                row.text = text
                row.save_version(expected)
            audit.record(action, by=by, kind="dutytext", uid=row, detail=PostKind(kind).label)
    except IntegrityError:  # written by somebody else at the same moment
        raise VersionConflict(DutyText.objects.get(kind=kind, **place)) from None
    return row
