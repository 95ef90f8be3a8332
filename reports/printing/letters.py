"""致家长的一封信 (C072): a letter to each family of a class, and how many were handed out when.

What the law asks of parents who are away is said in plain words: 未成年人保护法 21 (nobody alone under eight, nobody living
alone under sixteen), 22 (whom to entrust), 23 (tell the school in writing, be in touch every week).
"""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from trust import audit

from ..models import FamilyLetter
from .cards import children_of_class
from .facts import gather

audit.name_actions(issue_letters="印发致家长的一封信")
audit.name_kinds(familyletter="致家长的一封信")

TITLE = "致家长的一封信"
ASKED = (
    "不满八周岁的孩子，身边任何时候都要有大人；不满十六周岁的孩子，不能一个人生活。",
    "父母都要外出的，请找一位身体健康、有能力照看孩子的大人，听听孩子自己的意见，签一份委托照护协议。"
    "虐待过、伤害过孩子的人，吸毒、酗酒、赌博的人，以前照看孩子不尽心的人，都不能托付。",
    "托付给谁、您去哪里、电话是多少，请书面告诉学校和村（居）委会；有变动也请早一点告诉我们。",
    "每星期至少和孩子、和照看孩子的人联系一次，问问吃住、学习、心情。再忙，也请听孩子把话说完。",
    "我们或者照看人告诉您孩子心里难过、行为不对劲，请马上管，需要时请回来一趟。",
    "委托了别人，您仍然是孩子的监护人；孩子的生活、学习、看病，还是您的责任。",
)


def sheets(school_class, user, day):
    """[ChildFacts] of the children of the class whose file the reader may open: a letter each, in pinyin order."""
    children = children_of_class(school_class, user, day)
    facts = gather(children, day)
    return [facts[child.pk] for child in children]


def issue(school_class, *, by, submission, day=None):
    """Records that the letter goes to every family of the class in ``by``'s sight. The same submission is one row.

    Returns the row, None where there is no family to write to.
    """
    submission = uuid.uuid5(school_class.uid, str(submission))
    known = FamilyLetter.objects.filter(submission=submission).first()
    if known is not None:
        return known
    count = len(children_of_class(school_class, by, day or timezone.localdate()))
    if not count:
        return None
    row = FamilyLetter(school_class=school_class, count=count, issued_by=by, submission=submission)
    try:
        with transaction.atomic():
            row.save()
            audit.record("issue_letters", by=by, kind="familyletter", uid=row, count=count)
    except IntegrityError:  # the same form, at the same moment, in another process
        return FamilyLetter.objects.get(submission=submission)
    return row
