"""谁能看什么: the table of ``registry.access`` as people read it."""

from django.shortcuts import render
from django.views.decorators.http import require_safe

from ..access import TABLE, Act, Export, Reach, Show, Words, posts_of
from ..models import PostKind

REACH_WORDS = {
    Reach.NONE: "岗位本身不看孩子，只看自己包保的",
    Reach.OWN_CLASS: "本班的孩子",
    Reach.OWN_GRADE: "本年级的孩子",
    Reach.OWN_SCHOOL: "本校和所属教学点的孩子",
    Reach.NAMES_OF_CLASS: "所教班级：姓名、班级",
    Reach.NAMES_OF_SCHOOL: "本校：姓名、班级",
    Reach.NAMES_OF_CENTER: "来之家的孩子：姓名、班级",
    Reach.COUNTS: "各校人数；写明用途才看姓名",
    Reach.COUNTS_ONLY: "只看各校人数",
}
SHOW_WORDS = {
    Show.NO: "不看",
    Show.MASKED: "遮住，写明原因看全号",
    Show.CALL: "能拨打、能看",
    Show.EMERGENCY: "紧急时写明原因",
}
WORDS_WORDS = {
    Words.NO: "不看",
    Words.OWN: "自己写的",
    Words.ALL: "都看",
    Words.PRINTED: "印在表上的，不含心理辅导",
}
EXPORT_WORDS = {
    Export.NO: "不能",
    Export.OWN_CLASS: "本班",
    Export.OWN: "自己包保的",
    Export.SCHOOL: "本校",
    Export.SIGN_IN: "签到表",
    Export.COUNTS: "人数；写明用途才带姓名",
}
ACT_WORDS = {
    Act.MANAGE_PLACES: "管学校、学区",
    Act.CONFIRM_CALENDAR: "定校历",
    Act.MANAGE_SCHOOL_DAYS: "定本校放假调休",
    Act.MANAGE_CLASSES: "管班级",
    Act.MANAGE_STAFF: "管教职工、岗位、账号",
    Act.EDIT_CHILDREN: "登记、修改孩子资料",
    Act.IMPORT_ROSTER: "导入花名册",
    Act.ASSIGN_PAIRINGS: "指定包保",
    Act.LOG_CONTACTS: "记谈心、家访、联系",
    Act.REQUEST_EXCUSE: "申请豁免",
    Act.APPROVE_EXCUSE: "审批豁免",
    Act.CONFIRM_UNREACHABLE: "确认失联家长",
    Act.LOG_OPENINGS: "记之家开放、活动",
    Act.MANAGE_CENTERS: "管留守儿童之家",
    Act.SEE_DASHBOARD: "看学校总览",
    Act.SEE_COUNTY_BOARD: "看全县总览",
    Act.STATE_REASON: "写明用途看姓名",
    Act.REVIEW_REASONS: "复核用途",
    Act.ORDER_REGISTER: "导出花名册",
    Act.ORDER_DUTIES: "导出核对表",
    Act.ORDER_ASSESSMENT: "导出考核表",
    Act.MANAGE_RULES: "定频次要求",
    Act.READ_AUDIT: "看操作记录",
    Act.SEE_REGISTERS: "看协议、诉求等家庭台账",
    Act.SEE_HEAD_COUNTS: "看各口径人数、父母务工地",
    Act.PRINT_FORMS: "打印表册",
    Act.HOLD_MEETINGS: "记领导小组会议",
    Act.READ_MEETINGS: "看领导小组会议",
    Act.RUN_SCREENING: "发起摸底",
    Act.SCREEN_CLASS: "班级摸底",
    Act.HAND_IN_SCREENING: "上报摸底",
    Act.REVIEW_SCREENING: "审核摸底",
    Act.KEEP_LEAVERS: "管离校学生档案",
}


def rows():
    """One row per post: (kind's label, mine?, cells in words)."""
    for kind in PostKind:
        line = TABLE[kind]
        yield {
            "kind": kind,
            "label": kind.label,
            "children": REACH_WORDS[line.children],
            "phone": SHOW_WORDS[line.phone],
            "id_number": SHOW_WORDS[line.id_number],
            "words": WORDS_WORDS[line.words],
            "export": EXPORT_WORDS[line.export],
            "acts": "；".join(ACT_WORDS[act] for act in Act if act in line.acts),
        }


@require_safe
def access_table(request):
    """Everybody may read what each post sees."""
    mine = {post.kind for post in posts_of(request.user)}
    table = [{**row, "mine": row["kind"] in mine} for row in rows()]
    return render(request, "registry/places/access.html", {"rows": table})
