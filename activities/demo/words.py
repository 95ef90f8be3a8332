"""What teachers write: short, plain, each time a little different."""

TALK_OPENINGS = [
    "课间在走廊聊了一会儿", "放学后在谈心室坐了二十分钟", "午饭后在操场边走边聊", "晚自习前找孩子谈了谈", "借发作业本的机会聊了几句",
    "大课间一起在花坛边坐了坐", "值日时边扫地边聊", "下午第三节课后单独聊了聊",
]  # fmt: skip
TALK_TOPICS = [
    "说到爸爸妈妈，孩子讲上周视频时妈妈瘦了，有点担心", "最近数学跟不上，应用题看不懂题意，自己也着急", "和同桌闹了点小别扭，已经和好",
    "想家，晚上睡前会想妈妈，尤其是周末", "说奶奶腿疼，回家要帮着喂鸡、洗碗", "这次单元测验进步了十二分，很高兴", "上课容易走神，说是晚上睡得晚",
    "喜欢体育课，想报学校的篮球队", "午饭吃得少，说不爱吃青菜", "说爸爸答应过年回来，一直在数日子", "班里新来的同学和他成了朋友，下课一起玩",
    "作业有两次没交，说本子忘在家里，答应以后头天晚上收好书包", "说想当医生，因为爷爷常看病", "讲起弟弟在家淘气，自己要照看弟弟",
    "手机玩得多，周末在家一玩就是半天", "读完了班里图书角的两本书，还想借", "走路上学要四十分钟，冬天天黑得早，有点怕",
    "放假想去爸妈那里住几天，不知道票好不好买",
]  # fmt: skip
TALK_ENDINGS = [
    "鼓励了孩子，约好下周再聊", "提醒按时吃饭、早点睡", "已和数学老师说好，课后多讲几道题", "让同村的大同学路上带一带", "答应孩子周五用学校电话打给妈妈",
    "情绪平稳，继续留心", "借了一本故事书给孩子", "说好每天把作业拿来看一眼", "会和奶奶说一声，周末少看手机", "孩子笑了，心情不错",
]  # fmt: skip
EFFECTS = [
    "情绪平稳，愿意说话",
    "比上个月开朗",
    "上课举手多了",
    "作业按时交了",
    "还需要多关心",
    "和同学相处好",
    "有进步，继续鼓励",
    "下次重点问睡觉的事",
]
PLACES = ["谈心室", "谈心室", "教室", "操场", "走廊", "留守儿童之家", "办公室", "宿舍"]
VISIT_WORDS = [
    "和{carer}坐下来聊了孩子在校的情况", "看了孩子做作业的地方，{carer}说孩子在家听话", "进门时孩子正在帮{carer}做饭，家里收拾得干净",
    "{carer}一个人带两个孩子，说力气一年不如一年", "和{carer}说了防溺水、用电和路上的安全", "把孩子这学期的奖状带给{carer}看，老人很高兴",
]  # fmt: skip
LIVING = [
    "两层楼房，孩子有自己的房间",
    "平房三间，和{carer}同住一屋",
    "院子干净，离水塘近，已提醒",
    "住新农村小区，出行方便",
    "老屋，灯光暗，书桌靠窗",
]
CARE = [
    "{carer}照看得细，三餐按时",
    "{carer}识字不多，作业辅导不了",
    "{carer}身体还好，能照顾日常",
    "{carer}腰腿不便，重活靠邻居帮忙",
]
NEEDS = [
    "希望学校多留意作业",
    "盼着父母多打电话",
    "想让孩子中午在校吃饭",
    "没有困难",
    "担心孩子周末玩手机",
    "希望冬天早点放学",
]
AGREED = [
    "每周五班主任发一次在校情况",
    "孩子每晚九点前睡",
    "周末手机由大人保管",
    "和父母约好每周日视频",
    "塘边不单独去",
    "有事先打班主任电话",
]
GUARDIAN_WORDS = [
    "说了孩子这个月的学习和身体，家长问得很细", "告诉家长孩子测验进步，家长在厂里很高兴", "提醒家长每周至少视频一次，家长答应",
    "说孩子最近想家，家长说月底请假回来一趟", "家长问午餐费和校服，已答复", "商量寒假回家的事，家长说腊月二十几到家",
    "家长换了厂，留下新电话", "说了作业拖拉的事，家长说晚上视频时会问", "家长说夜班多，白天可以接电话",
]  # fmt: skip
GUARDIAN_AT_HOME = [
    "在校门口遇到{carer}，说了孩子这几天的情况",
    "{carer}来开家长会，会后单独聊了聊",
    "{carer}来送衣服，顺便说了吃药的事",
]
TRIED = ["电话响了没人接", "提示关机", "号码是空号", "接通后挂断，再打无人接听", "微信没有回"]
CALL_WORDS = [
    "孩子和妈妈视频，说了考试成绩", "和爸爸通了电话，问什么时候回家", "打电话时哭了一会儿，后来说开了", "妈妈给孩子看了厂里的宿舍",
    "说了学校运动会，爸爸夸他跑得快", "孩子把画好的画给妈妈看", "问爸爸吃饭没有，聊得很开心", "妈妈叮嘱天冷加衣服",
    "和爸妈一起视频，说好过年买新书包",
]  # fmt: skip
LETTER_WORDS = [
    "写信告诉爸爸妈妈自己长高了",
    "给妈妈写了节日的信，老师帮着寄出",
    "收到爸爸的回信，读给同学听",
]
ACTIVITY_TITLES = [
    "集体读书", "包饺子", "看安全教育片", "跳绳比赛", "画一画我的家", "亲情视频日", "做手工灯笼", "下棋", "种菜园", "唱歌会",
    "讲故事比赛", "剪窗花", "集体生日会", "整理图书角",
]  # fmt: skip
MEETING_TITLES = ["防溺水主题班会", "感恩父母主题班会", "交通安全班会", "文明礼貌班会", "好好吃饭班会", "认识情绪班会", "防火防触电班会", "学会求助班会"]  # fmt: skip
RESULTS = [
    "孩子们很投入，气氛好",
    "有几个孩子第一次上台",
    "秩序好，结束后一起打扫",
    "拍了照片贴在墙上",
    "讨论热烈",
]
OPENING_NOTES = [
    "",
    "",
    "下棋和看书的多",
    "两个孩子打了亲情电话",
    "图书借出 6 本",
    "雨天，人少一些",
    "新到一批绘本",
]
CORRECTED = ["日期填错，应为前一天", "选错了孩子", "方式填错，实际是视频", "对象填漏了"]
CANCELLED = ["重复登记", "记到别的孩子名下了", "点错了"]


class Words:
    """Draws words."""

    def __init__(self, rng):
        self.pick = rng.choice
        self.rng = rng

    def talk(self):
        """Opening, one or two topics, an ending."""
        topics = self.rng.sample(TALK_TOPICS, 2 if self.rng.random() < 0.35 else 1)
        return f"{self.pick(TALK_OPENINGS)}。{'；'.join(topics)}。{self.pick(TALK_ENDINGS)}。"

    def effect(self):
        """Now and then blank."""
        return self.pick(EFFECTS) if self.rng.random() < 0.7 else ""

    def visit(self, carer):
        """What a visit says."""
        return f"{self.pick(VISIT_WORDS).format(carer=carer)}。{self.pick(TALK_ENDINGS)}。"

    def visit_details(self, carer):
        """living, care, needs, agreed."""
        return {
            "living": self.pick(LIVING).format(carer=carer),
            "care": self.pick(CARE).format(carer=carer),
            "needs": self.pick(NEEDS),
            "agreed": self.pick(AGREED),
        }

    def guardian(self, at_home, carer):
        """What was said with an adult of the family."""
        return self.pick(GUARDIAN_AT_HOME).format(carer=carer) if at_home else self.pick(GUARDIAN_WORDS)
