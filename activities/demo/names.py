"""Invented names, villages, workplaces, numbers."""

from stdnum.cn import ric

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
BOYS_ONE = "浩宇轩涛磊强军杰明鹏飞超波辉斌亮勇俊凯旭健晨阳毅翔博锐恒峰龙"
GIRLS_ONE = "婷雪静丽娜敏燕玲慧颖欣怡琳悦洁萍莹佳蓉倩薇梅兰月露菲瑶妍彤"
BOYS = [
    "子轩", "浩然", "宇航", "俊杰", "家豪", "梓豪", "志强", "文博", "天佑", "嘉豪", "雨泽", "明轩", "子涵", "承志", "小川", "小虎",
    "思远", "建平", "国庆", "新宇", "海洋", "东升", "一鸣", "立诚", "昊天", "晓峰", "星宇", "奕辰", "恩泽", "振宇", "佳乐", "云飞",
]  # fmt: skip
GIRLS = [
    "梓涵", "欣怡", "诗涵", "雨桐", "佳怡", "思琪", "可馨", "语嫣", "子萱", "小满", "晓雯", "雅琪", "梦瑶", "若曦", "静怡", "心怡",
    "春燕", "秀秀", "小雨", "欣悦", "佳慧", "玉婷", "紫涵", "书瑶", "芷晴", "海燕", "婉清", "念念", "巧玲", "宁宁", "月华", "一诺",
]  # fmt: skip
MEN = [
    "建国", "志强", "国强", "卫东", "永刚", "建军", "海涛", "大勇", "春生", "长江", "东平", "爱民", "立新", "小平", "红兵", "文斌",
    "明亮", "水生", "金山", "正华", "德明", "家旺", "成林", "学军", "庆华", "福生", "广财", "世杰", "跃进", "光辉", "国平", "传宝",
]  # fmt: skip
WOMEN = [
    "春梅", "丽华", "桂芳", "小红", "玉兰", "秋菊", "晓燕", "海霞", "美玲", "翠萍", "金凤", "素珍", "艳红", "爱华", "雪梅", "巧云",
    "凤英", "丽娟", "荷花", "彩霞", "月娥", "红霞", "小芳", "云霞", "秀丽", "冬梅", "银花", "腊梅", "燕子", "晓丽", "阿珍", "文秀",
]  # fmt: skip
OLD_MEN = [
    "德福",
    "守业",
    "长根",
    "有才",
    "正荣",
    "明德",
    "传友",
    "本善",
    "家昌",
    "维林",
    "永福",
    "祖德",
    "金贵",
    "万山",
    "道成",
    "庆余",
]
OLD_WOMEN = [
    "秀英",
    "桂英",
    "兰英",
    "淑珍",
    "玉珍",
    "翠花",
    "素芳",
    "凤兰",
    "腊梅",
    "金枝",
    "菊香",
    "月英",
    "大珍",
    "莲子",
    "春香",
    "福英",
]
TEACHERS_M = [
    "国栋",
    "文清",
    "建民",
    "志远",
    "德清",
    "学文",
    "庆山",
    "立华",
    "明远",
    "卫民",
    "永康",
    "树人",
    "少华",
    "春雷",
    "思源",
    "向阳",
]
TEACHERS_W = [
    "桂兰",
    "秀梅",
    "玉珍",
    "小燕",
    "春兰",
    "云芳",
    "雪梅",
    "静",
    "文娟",
    "丽萍",
    "红梅",
    "慧敏",
    "晓霞",
    "佳琪",
    "艳丽",
    "素云",
]
TOWNS = [
    "石门", "青溪", "白杨", "柳河", "龙潭", "枫树", "桃源", "杏花", "清泉", "云岭", "双桥", "马鞍", "竹园", "金鸡", "望江", "梅林",
    "松坪", "大塘", "小河", "高坎", "长冲", "花桥", "沙坝", "黄泥", "平安", "新店", "古井", "茶园", "羊角", "茅草",
]  # fmt: skip
VILLAGES = [
    "柳溪村", "上湾村", "下湾村", "东冲村", "石桥村", "大塘村", "桂花村", "松林村", "水口村", "老屋村", "杨家坝村", "李家湾村",
    "枣树村", "横山村", "井边村", "油坊村", "新塘村", "三岔村", "荷叶村", "枫林村",
]  # fmt: skip
WORKPLACES = [
    ("441900", "广东省东莞市", "电子厂"), ("441300", "广东省惠州市", "鞋厂"), ("440300", "广东省深圳市", "物流"),
    ("330200", "浙江省宁波市", "服装厂"), ("330300", "浙江省温州市", "阀门厂"), ("330700", "浙江省金华市", "小商品市场"),
    ("320500", "江苏省苏州市", "电子厂"), ("320200", "江苏省无锡市", "建筑"), ("310000", "上海市", "家政"),
    ("350500", "福建省泉州市", "石材"), ("110000", "北京市", "快递"), ("340100", "安徽省合肥市", "装修"),
    ("370200", "山东省青岛市", "海产加工"), ("420100", "湖北省武汉市", "餐饮"), ("650100", "新疆乌鲁木齐市", "建筑"),
]  # fmt: skip
SUBJECTS = ["语文", "数学", "英语", "科学", "体育", "音乐", "美术", "道德与法治", "信息科技", "劳动"]
INCOMES = ["打工收入", "打工收入、种养殖业", "种养殖业", "打工收入、亲朋接济", "打工收入、政府救助"]
CHARACTERS = [
    "爱说话，喜欢打篮球", "内向，喜欢画画", "懂事，会做家务", "活泼，爱唱歌", "安静，爱看书", "好动，喜欢跑步",
    "害羞，和同桌要好", "爱动手，喜欢拼装", "细心，字写得好", "开朗，爱帮老师做事",
]  # fmt: skip
HEALTHS = [
    "健康",
    "健康",
    "健康",
    "健康",
    "健康",
    "视力不好，戴眼镜",
    "体质弱，容易感冒",
    "对花生过敏",
    "哮喘，换季时注意",
]
PHONE_STARTS = ["138", "139", "136", "135", "137", "150", "151", "152", "158", "159", "182", "183", "187", "188", "133", "153", "180", "189", "130", "131", "132", "156", "185", "186"]  # fmt: skip


class Names:
    """Draws names and numbers; the same generator of chance gives the same ones."""

    def __init__(self, rng):
        self.rng = rng
        self.serials = {}
        self.phones = 0

    def surname(self):
        """The frequent surnames come first and more often."""
        return SURNAMES[min(int(self.rng.expovariate(1 / 22)), len(SURNAMES) - 1)]

    def child(self, surname, boy):
        """A child's name."""
        draw = self.rng.random()
        if draw < 0.3:
            return surname + self.rng.choice(BOYS_ONE if boy else GIRLS_ONE)
        if draw < 0.5:
            letters = BOYS_ONE if boy else GIRLS_ONE
            return surname + self.rng.choice("小子文思佳雨嘉晓") + self.rng.choice(letters)
        return surname + self.rng.choice(BOYS if boy else GIRLS)

    def parent(self, surname, man):
        """A parent's name."""
        return surname + self.rng.choice(MEN if man else WOMEN)

    def grandparent(self, surname, man):
        """A grandparent's name."""
        return surname + self.rng.choice(OLD_MEN if man else OLD_WOMEN)

    def teacher(self, man):
        """A teacher's name."""
        return self.surname() + self.rng.choice(TEACHERS_M if man else TEACHERS_W)

    def phone(self):
        """A mobile with 0000 in the middle, given out once."""
        serial = (self.phones * 7919 + 4321) % 10000
        start = PHONE_STARTS[self.phones // 10000 % len(PHONE_STARTS)]
        self.phones += 1
        return f"{start}0000{serial:04d}"

    def id_number(self, birth_date, boy):
        """A number with a valid check digit of a county that does not exist."""
        serial = self.serials.get((birth_date, boy), 0)
        self.serials[(birth_date, boy)] = serial + 1
        body = f"341299{birth_date:%Y%m%d}{serial * 2 + (1 if boy else 2):03d}"
        return body + ric.calc_check_digit(body + "0")
