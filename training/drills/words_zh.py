"""Chinese words, the names of invented entities, and how numbers, dates and prices are written.

Every maker takes a `random.Random` and returns text; what a value kind uses of them is in values_zh.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.drills.pools import pools, words

SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方"
    "俞任袁柳"
    "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅卞齐康伍余元顾孟平黄和穆萧尹姚邵汪祁毛禹狄米贝明臧成戴宋庞熊纪舒屈"
    "项祝董梁"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英文辉力玉兰萍红玲建国春梅海燕云飞龙志远思远子涵雨桐浩然欣怡梓轩诗琪"
    "宇航嘉懿俊熙"
    "晨曦博文雅琴振东立新永康向阳庆丰淑珍凤仪怀瑾书言清和知行星河望舒景行若水承泽以宁乐山鹤鸣松年南乔北辰砚秋听澜怀远"
    "守拙归舟鸿渐"
)
NAME_CHARS = (
    "福顺和兴盛泰隆祥瑞锦裕丰庆元恒昌德润永嘉云水青石白鹭松竹梅兰菊桂枫柳杨桃李杏榆槐荷莲月星河江湖海山谷岭峰林泉溪湾"
    "桥亭台楼阁"
    "东西南北金银玉珠翠碧红紫蓝黄墨雪雨风霜露朝暮春夏秋冬晨夕安宁康乐平吉寿喜鹤鹿凤麟龙虎马雁燕鸥鲸鹏蓬瀛沧澜澄清远大"
    "广明光辉耀"
)
CITIES = (
    "北京上海广州深圳杭州南京苏州成都重庆武汉西安长沙郑州青岛大连厦门福州济南合肥昆明贵阳南宁兰州太原沈阳长春无锡宁波"
    "温州绍兴嘉兴徐州扬州"
    "泉州珠海佛山东莞惠州烟台洛阳开封桂林丽江大理拉萨银川西宁海口三亚"
)
CITY = [CITIES[i : i + 2] for i in range(0, len(CITIES), 2)]
WEEK = words("周一 周二 周三 周四 周五 周六 周日 星期一 星期二 星期三 星期四 星期五 星期六 星期日")
CN = "零一二三四五六七八九十"


def pick(rng: Random, pool: str) -> str:
    """One word of the named pool."""
    return rng.choice(pools("zh")[pool])


def chars(rng: Random, low: int = 2, high: int = 2) -> str:
    """An invented name of `low` to `high` characters."""
    return "".join(rng.choice(NAME_CHARS) for _ in range(rng.randint(low, high)))


def small(rng: Random, number: int) -> str:
    """A number up to 99 in Chinese numerals."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return CN[ones]
    return ("" if tens == 1 else CN[tens]) + "十" + (CN[ones] if ones else "")


def num(rng: Random, number: int | str, unit: str) -> str:
    """A quantity as people write it: with or without a space, now and then in Chinese numerals."""
    if isinstance(number, int) and 0 < number < 100 and rng.random() < 0.12:
        text = small(rng, number)
        return ("两" if number == 2 else text) + unit
    return f"{number}{' ' if rng.random() < 0.35 else ''}{unit}"


def person(rng: Random) -> str:
    if rng.random() < 0.06:
        return pick(rng, "person") + rng.choice(GIVEN)
    return rng.choice(SURNAMES) + "".join(rng.choice(GIVEN) for _ in range(rng.choice((1, 2, 2, 2))))


def city(rng: Random) -> str:
    return rng.choice(CITY) if rng.random() < 0.6 else chars(rng) + pick(rng, "city")


def place(rng: Random) -> str:
    return pick(rng, "province") * (rng.random() < 0.6) + chars(rng) + pick(rng, "place")


def company(rng: Random) -> str:
    return (rng.choice(CITY) if rng.random() < 0.3 else "") + chars(rng, 2, 3) + pick(rng, "company")


def shop(rng: Random) -> str:
    lead = rng.choice(
        (
            lambda: chars(rng, 2, 3),
            lambda: "老" + rng.choice(SURNAMES) + "家",
            lambda: rng.choice(SURNAMES) + "记",
            lambda: person(rng),
        )
    )()
    return lead + pick(rng, "shop")


def code(rng: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    form = rng.randrange(4)
    if form == 0:
        return "".join(rng.choice(letters) for _ in range(2)) + "-" + str(rng.randint(10, 9999))
    if form == 1:
        return "".join(rng.choice(letters.lower()) for _ in range(rng.randint(3, 6))) + str(rng.randint(10, 9999))
    if form == 2:
        return str(rng.randint(100000, 99999999))
    return rng.choice(letters) + str(rng.randint(1, 999)) + rng.choice(letters)


def product(rng: Random) -> str:
    brand = chars(rng, 2, 2)
    model = code(rng) if rng.random() < 0.4 else pick(rng, "product")
    return brand + (model if rng.random() < 0.6 else "") + pick(rng, "product_kind")


def device(rng: Random) -> str:
    return chars(rng, 2, 2) + (code(rng) if rng.random() < 0.6 else "") + pick(rng, "device")


def sight(rng: Random) -> str:
    return chars(rng, 2, 3) + pick(rng, "sight")


def building(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "building")


def drug(rng: Random) -> str:
    return "".join(
        rng.choice("阿贝卡达芬格洛美尼帕普瑞赛泰维西索罗拉米多利司他奥替") for _ in range(rng.randint(2, 4))
    ) + pick(rng, "drug")


def leave(rng: Random) -> str:
    return pick(rng, "leave")


def expense(rng: Random) -> str:
    return pick(rng, "expense")


def train(rng: Random) -> str:
    return (
        pick(rng, "train") + str(rng.randint(1, 9999)) if rng.random() < 0.8 else chars(rng) + pick(rng, "train_kind")
    )


def course(rng: Random) -> str:
    lead = pick(rng, "course")
    return lead + pick(rng, "course_subject")


def contract(rng: Random) -> str:
    return pick(rng, "contract") + "合同" + (f"（{code(rng)}）" if rng.random() < 0.5 else "")


def match(rng: Random) -> str:
    return (
        (f"第{small(rng, rng.randint(1, 40))}届" if rng.random() < 0.5 else str(rng.randint(1980, 2030)) + "年")
        + chars(rng)
        + pick(rng, "match")
    )


def app(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "app")


def library(rng: Random) -> str:
    return chars(rng, 2, 3) + pick(rng, "library")


def pet(rng: Random) -> str:
    return pick(rng, "pet")


def meeting(rng: Random) -> str:
    return pick(rng, "meeting") + pick(rng, "meeting_kind")


def estate(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "estate")


def plant(rng: Random) -> str:
    return chars(rng, 1, 2) + pick(rng, "plant")


def number(rng: Random) -> int:
    """A sum of money before its unit."""
    return rng.choice(
        (
            rng.randint(2, 20),
            rng.randint(20, 200),
            rng.randint(1, 40) * 5,
            rng.randint(1, 99) * 100,
            rng.randint(200, 30000),
        )
    )


def price(rng: Random) -> str:
    amount: int | str = rng.choice(
        (rng.randint(1, 99), rng.randint(10, 999), rng.randint(1, 90) * 10, rng.randint(1000, 99999))
    )
    if rng.random() < 0.15:
        amount = f"{rng.randint(1, 99)}.{rng.randint(1, 9)}"
    elif rng.random() < 0.1:
        return f"{rng.randint(1, 90)}{rng.choice(('', '.' + str(rng.randint(1, 9))))}万元"
    elif int(amount) > 999 and rng.random() < 0.3:
        amount = f"{int(amount):,}"
    return num(rng, amount, rng.choice(("元", "元", "元", "块钱", "元人民币", "块")))


def clock(rng: Random) -> str:
    h, m = rng.randint(5, 23), rng.choice((0, 0, 15, 30, 45, rng.randint(1, 59)))
    form = rng.randrange(6)
    if form < 3:
        return f"{h:02d}:{m:02d}" if form else f"{h}:{m:02d}"
    part = "早上" if h < 9 else "上午" if h < 12 else "下午" if h < 18 else "晚上"
    hour = h if h <= 12 else h - 12
    tail = "" if m == 0 else "半" if m == 30 else f"{m}分"
    if form == 3:
        return (
            part
            + (small(rng, hour) if hour != 2 else "两")
            + "点"
            + ("" if m == 0 else "半" if m == 30 else small(rng, m) + "分")
        )
    return f"{part}{hour}点{tail}" if form == 4 else f"{h}点{tail}"


def hours(rng: Random) -> str:
    a, b = rng.randint(5, 11), rng.randint(13, 23)
    m, n = rng.choice(("00", "30", "15", "00")), rng.choice(("00", "30", "45", "00"))
    form = rng.randrange(5)
    if form == 0:
        return f"上午{a}点到{'下午' if b < 18 else '晚上'}{b - 12}点"
    if form == 1:
        return f"早{small(rng, a)}点至晚{small(rng, max(1, b - 12))}点"
    return f"{a:02d}:{m}{rng.choice(('-', '至', '—', '～', ' - '))}{b}:{n}" if form < 4 else f"{a}:{m}到{b}:{n}"


def date(rng: Random) -> str:
    y, m, d = rng.randint(1850, 2030), rng.randint(1, 12), rng.randint(1, 28)
    form = rng.randrange(6)
    if form == 0:
        return f"{m}月{d}日"
    if form == 1:
        return f"{y}-{m:02d}-{d:02d}"
    if form == 2:
        return f"{y} 年 {m} 月 {d} 日"
    return f"{y}年{m}月{d}日" if form < 5 else f"{y}年{m}月"


def year(rng: Random) -> str:
    if rng.random() < 0.12:
        return pick(rng, "year") + small(rng, rng.randint(2, 40)) + "年"
    number = rng.randint(1400, 2030) if rng.random() < 0.4 else rng.randint(1950, 2030)
    return f"{number}{rng.choice(('年', '年', ' 年', '年' + str(rng.randint(1, 12)) + '月'))}"


def span(rng: Random, unit: str, low: int, high: int) -> str:
    """A quantity from `low` to `high`, at times as a range."""
    a = rng.randint(low, high)
    if rng.random() < 0.18:
        return (
            f"{a}{rng.choice(('-', '到', '至', '～'))}{a + rng.randint(1, max(2, high // 4))}{rng.choice(('', ' '))}"
            f"{unit}"
        )
    return num(rng, a, unit)


def listing(rng: Random, pool: str, low: int, high: int) -> str:
    """`low` to `high` words of the named pool, joined as a sentence joins them."""
    chosen = rng.sample(pools("zh")[pool], rng.randint(low, high))
    return chosen[0] if len(chosen) == 1 else "、".join(chosen[:-1]) + rng.choice(("、", "和", "及")) + chosen[-1]


NAMES: dict[str, Callable[[Random], str]] = {
    "shop": shop,
    "product": product,
    "sight": sight,
    "person": person,
    "drug": drug,
    "leave": leave,
    "expense": expense,
    "train": train,
    "course": course,
    "device": device,
    "contract": contract,
    "match": match,
    "building": building,
    "app": app,
    "library": library,
    "pet": pet,
    "meeting": meeting,
    "estate": estate,
    "plant": plant,
    "company": company,
}
