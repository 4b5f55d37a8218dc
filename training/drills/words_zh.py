"""Word lists and value makers of the Chinese drills. Every maker takes a `random.Random` and returns text."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

SURNAMES = ("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
            "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅卞齐康伍余元顾孟平黄和穆萧尹姚邵汪祁毛禹狄米贝明臧成戴宋庞熊纪舒屈项祝董梁")
GIVEN = ("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英文辉力玉兰萍红玲建国春梅海燕云飞龙志远思远子涵雨桐浩然欣怡梓轩诗琪宇航嘉懿俊熙"
         "晨曦博文雅琴振东立新永康向阳庆丰淑珍凤仪怀瑾书言清和知行星河望舒景行若水承泽以宁乐山鹤鸣松年南乔北辰砚秋听澜怀远守拙归舟鸿渐")
NAME_CHARS = ("福顺和兴盛泰隆祥瑞锦裕丰庆元恒昌德润永嘉云水青石白鹭松竹梅兰菊桂枫柳杨桃李杏榆槐荷莲月星河江湖海山谷岭峰林泉溪湾桥亭台楼阁"
              "东西南北金银玉珠翠碧红紫蓝黄墨雪雨风霜露朝暮春夏秋冬晨夕安宁康乐平吉寿喜鹤鹿凤麟龙虎马雁燕鸥鲸鹏蓬瀛沧澜澄清远大广明光辉耀")
CITIES = ("北京上海广州深圳杭州南京苏州成都重庆武汉西安长沙郑州青岛大连厦门福州济南合肥昆明贵阳南宁兰州太原沈阳长春无锡宁波温州绍兴嘉兴徐州扬州"
          "泉州珠海佛山东莞惠州烟台洛阳开封桂林丽江大理拉萨银川西宁海口三亚")
CITY = [CITIES[i:i + 2] for i in range(0, len(CITIES), 2)]
WEEK = "周一 周二 周三 周四 周五 周六 周日 星期一 星期二 星期三 星期四 星期五 星期六 星期日".split()
CN = "零一二三四五六七八九十"


def pick(rng: Random, words: str) -> str:
    """One of the words of a space-separated list."""
    return rng.choice(words.split())


def chars(rng: Random, low: int = 2, high: int = 2) -> str:
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
        return pick(rng, "欧阳 司马 上官 诸葛 慕容 皇甫 令狐 东方") + rng.choice(GIVEN)
    return rng.choice(SURNAMES) + "".join(rng.choice(GIVEN) for _ in range(rng.choice((1, 2, 2, 2))))


def city(rng: Random) -> str:
    return rng.choice(CITY) if rng.random() < 0.6 else chars(rng) + pick(rng, "县 镇 市 州")


def place(rng: Random) -> str:
    return pick(rng, "浙江 江苏 四川 云南 湖南 福建 山东 陕西 甘肃 安徽 河北 广西 贵州 江西 海南") * (rng.random() < 0.6) + chars(rng) + pick(rng, "县 镇 村 市 山 湖畔 区 岛 乡")


def company(rng: Random) -> str:
    return (rng.choice(CITY) if rng.random() < 0.3 else "") + chars(rng, 2, 3) + pick(rng, "科技有限公司 集团 食品公司 电器厂 药业 物流公司 文化传播公司 建筑公司 制造厂 贸易公司 服务中心 协会 实业")


def shop(rng: Random) -> str:
    lead = rng.choice((lambda: chars(rng, 2, 3), lambda: "老" + rng.choice(SURNAMES) + "家", lambda: rng.choice(SURNAMES) + "记", lambda: person(rng)))()
    return lead + pick(rng, "面馆 茶馆 书店 小吃店 饭店 火锅店 烤鱼店 咖啡馆 面包房 理发店 药店 花店 超市 粥铺 客栈 民宿 洗衣店 照相馆 酒楼 修车行 眼镜店 包子铺 诊所 健身房")


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
    model = code(rng) if rng.random() < 0.4 else pick(rng, "青春版 标准版 小白 一号 二代 Pro Max 迷你 旗舰款 经典款")
    return brand + (model if rng.random() < 0.6 else "") + pick(rng, "电饭煲 吹风机 保温杯 背包 台灯 耳机 手表 手机 键盘 电风扇 加湿器 自行车 帐篷 运动鞋 羽绒服 充电宝 音箱 平板电脑 扫地机器人 剃须刀 净水壶 书桌 椅子 行李箱 滑板车")


def device(rng: Random) -> str:
    return chars(rng, 2, 2) + (code(rng) if rng.random() < 0.6 else "") + pick(rng, "空气净化器 洗衣机 路由器 打印机 咖啡机 空调 投影仪 摄像头 热水器 洗碗机 除湿机 烤箱 门锁 扫地机 微波炉 净水器 血压计 投影机 缝纫机 破壁机")


def sight(rng: Random) -> str:
    return chars(rng, 2, 3) + pick(rng, "山 古镇 湖 公园 博物馆 寺 瀑布 森林公园 海滩 植物园 动物园 溶洞 古城 园林 峡谷 湿地 书院 美术馆 科技馆")


def building(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "大桥 塔 楼 大教堂 会馆 剧院 城堡 祠堂 车站 灯塔 书院 钟楼 宫 图书楼 水闸 府邸 礼堂 牌坊")


def drug(rng: Random) -> str:
    return "".join(rng.choice("阿贝卡达芬格洛美尼帕普瑞赛泰维西索罗拉米多利司他奥替") for _ in range(rng.randint(2, 4))) + pick(rng, "片 胶囊 颗粒 口服液 滴眼液 软膏 缓释片 糖浆 丸 喷雾剂")


def leave(rng: Random) -> str:
    return pick(rng, "年假 病假 婚假 产假 陪产假 丧假 事假 调休 育儿假 探亲假 护理假 工伤假 哺乳假 考试假 献血假 志愿者假 生日假 学习假 孝亲假 搬家假")


def expense(rng: Random) -> str:
    return pick(rng, "住宿费 交通费 餐补 打车费 通讯费 培训费 会务费 招待费 办公用品费 机票费 油费 体检费 图书费 加班餐费 快递费")


def train(rng: Random) -> str:
    return pick(rng, "G D K T Z C 快线 班车 ") + str(rng.randint(1, 9999)) if rng.random() < 0.8 else chars(rng) + pick(rng, "号渡轮 专线 大巴 号游船 线班车")


def course(rng: Random) -> str:
    lead = pick(rng, "高等 初级 应用 现代 中国 基础 实用 世界 大学 趣味 少儿 高级")
    return lead + pick(rng, "数学 物理 写作 会计 摄影 书法 编程 统计学 心理学 营养学 钢琴 游泳 建筑史 经济学 日语 油画 历史 化学 逻辑 园艺 声乐 法学 地理")


def contract(rng: Random) -> str:
    return pick(rng, "房屋租赁 采购 服务 运输 装修 借款 技术开发 保洁 广告 供货 劳务 培训 仓储 设备租赁") + "合同" + (f"（{code(rng)}）" if rng.random() < 0.5 else "")


def match(rng: Random) -> str:
    return (f"第{small(rng, rng.randint(1, 40))}届" if rng.random() < 0.5 else str(rng.randint(1980, 2030)) + "年") + chars(rng) + pick(rng, "马拉松 象棋赛 杯篮球赛 羽毛球公开赛 足球联赛 辩论赛 书法大赛 游泳锦标赛 编程竞赛 自行车赛 乒乓球赛 诗词大会 龙舟赛 歌唱比赛")


def app(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "笔记 日历 云盘 地图 记账 音乐 相册 浏览器 输入法 邮箱 翻译 画图 待办 课堂 会议 编辑器 健康 天气")


def library(rng: Random) -> str:
    return chars(rng, 2, 3) + pick(rng, "图书馆 市图书馆 区图书馆 大学图书馆 少儿图书馆 书房")


def pet(rng: Random) -> str:
    return pick(rng, "豆豆 旺财 小黑 雪球 毛毛 奶糖 布丁 花卷 年糕 可乐 芝麻 团子 米粒 煤球 土豆 皮皮 小橘 馒头 拿铁 乌龙 栗子 麻薯 七喜 点点")


def meeting(rng: Random) -> str:
    return pick(rng, "产品 财务 安全 教学 销售 技术 人事 项目 质量 预算 年度 运营 采购 家长 业主 理事 班级") + pick(rng, "例会 评审会 座谈会 总结会 动员会 协调会 启动会 培训会 讨论会")


def estate(rng: Random) -> str:
    return chars(rng, 2, 2) + pick(rng, "花园 家园 小区 公寓 新村 苑 府 里 雅居 名邸")


def plant(rng: Random) -> str:
    return chars(rng, 1, 2) + pick(rng, "兰 菊 草 藤 梅 花 竹 葵 萝 瓜 豆 椒 莲 蕨 柏 果")


def number(rng: Random) -> int:
    return rng.choice((rng.randint(2, 20), rng.randint(20, 200), rng.randint(1, 40) * 5, rng.randint(1, 99) * 100, rng.randint(200, 30000)))


def price(rng: Random) -> str:
    amount: int | str = rng.choice((rng.randint(1, 99), rng.randint(10, 999), rng.randint(1, 90) * 10, rng.randint(1000, 99999)))
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
        return part + (small(rng, hour) if hour != 2 else "两") + "点" + ("" if m == 0 else "半" if m == 30 else small(rng, m) + "分")
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
        return pick(rng, "康熙 乾隆 嘉靖 万历 光绪 贞观 洪武 永乐 道光 熙宁") + small(rng, rng.randint(2, 40)) + "年"
    return f"{rng.randint(1400, 2030) if rng.random() < 0.4 else rng.randint(1950, 2030)}{rng.choice(('年', '年', ' 年', '年' + str(rng.randint(1, 12)) + '月'))}"


def span(rng: Random, unit: str, low: int, high: int) -> str:
    a = rng.randint(low, high)
    if rng.random() < 0.18:
        return f"{a}{rng.choice(('-', '到', '至', '～'))}{a + rng.randint(1, max(2, high // 4))}{rng.choice(('', ' '))}{unit}"
    return num(rng, a, unit)


def listing(rng: Random, words: str, low: int, high: int, joins: str = "、 和") -> str:
    chosen = rng.sample(words.split(), rng.randint(low, high))
    return chosen[0] if len(chosen) == 1 else "、".join(chosen[:-1]) + rng.choice(("、", "和", "及")) + chosen[-1]


FAULT = "缺水 滤网堵塞 温度过高 电量不足 网络断开 盖子未关好 正在充电 充电完成 传感器故障 正在配对 电机卡住 压力过大 水箱未装好 等待启动 固件更新中 排水不畅 纸张用尽 连接成功 存储卡已满 电压异常 需要清洗 系统正常"
DISEASE = "头痛 发热 咳嗽 腹泻 恶心 失眠 皮疹 鼻塞 咽痛 胃痛 便秘 头晕 关节痛 高血压 过敏性鼻炎 口干 嗜睡 牙痛 湿疹 消化不良 心悸 乏力 偏头痛 支气管炎 眼干 肌肉酸痛"
FOOD = "牛奶 鸡蛋 花生 海鲜 巧克力 洋葱 葡萄 小麦 虾 芒果 牛肉 大豆 胡萝卜 燕麦"

VALUES: dict[str, Callable[[Random], str]] = {
    "person": person, "city": city, "place": place, "company": company, "code": code, "price": price, "clock": clock, "hours": hours, "date": date, "year": year, "course": course,
    "address": lambda r: chars(r, 2, 2) + pick(r, "路 街 巷 大道 胡同") + str(r.randint(1, 999)) + "号" + (f"{r.randint(1, 30)}层" if r.random() < 0.2 else ""),
    "phone": lambda r: r.choice((f"0{r.randint(10, 999)}-{r.randint(2000000, 89999999)}", f"1{r.randint(3, 9)}{r.randint(100000000, 999999999)}", f"400-{r.randint(100, 999)}-{r.randint(1000, 9999)}", str(r.randint(20000000, 89999999)))),
    "dish": lambda r: pick(r, "红烧 清蒸 酸辣 香煎 糖醋 蒜蓉 麻辣 葱油 卤 干锅 椒盐 白灼 酱爆 蜜汁 炭烤") + pick(r, "豆腐 排骨 鲈鱼 茄子 牛肉 鸡翅 肥肠 土豆 虾仁 羊肉 蘑菇 莲藕 鸭掌 牛腩 带鱼 冬瓜 猪蹄 小龙虾"),
    "seats": lambda r: num(r, r.randint(4, 400), r.choice(("个", "位"))),
    "weekday": lambda r: r.choice(WEEK) if r.random() < 0.8 else "每月" + small(r, r.randint(1, 28)) + "号",
    "petok": lambda r: pick(r, "允许携带宠物入内 谢绝宠物入内 小型犬可以入内，须牵绳 宠物不得进入室内 仅户外区域允许带宠物 欢迎带宠物，需提前说明"),
    "weight": lambda r: num(r, r.choice((r.randint(2, 999), f"{r.randint(1, 60)}.{r.randint(1, 9)}")), r.choice(("克", "公斤", "千克", "kg", "斤", "g"))),
    "colors": lambda r: listing(r, "红色 黑色 白色 蓝色 绿色 灰色 银色 粉色 紫色 金色 橙色 米色 墨绿 藏青", 2, 4),
    "color1": lambda r: pick(r, "红色 白色 蓝色 紫色 粉色 黄色 橙色 淡黄色 深红色 浅紫色 绿白色"),
    "months": lambda r: r.choice((span(r, "个月", 1, 36), num(r, r.randint(1, 10), "年"), "半年", "一年半")),
    "years": lambda r: r.choice((num(r, r.randint(1, 30), "年"), num(r, r.randint(3, 60), "个月"))),
    "durh": lambda r: r.choice((span(r, "小时", 1, 48), span(r, "个小时", 1, 12), f"{r.randint(1, 9)}个半小时", f"{r.randint(1, 30)}.5小时")),
    "durm": lambda r: r.choice((span(r, "分钟", 2, 90), "半小时", "一刻钟", num(r, r.randint(1, 59), "分钟"))),
    "durhm": lambda r: f"{r.randint(1, 20)}小时{r.randint(1, 59)}分" if r.random() < 0.7 else span(r, "分钟", 10, 300),
    "days": lambda r: r.choice((span(r, "天", 1, 60), span(r, "个工作日", 1, 30), span(r, "日", 1, 180), num(r, r.randint(1, 8), "周"), num(r, r.randint(1, 365), "天"))),
    "size": lambda r: r.choice(("{}×{}×{}厘米", "{} x {} x {} mm", "{}*{}*{}cm")).format(*(r.randint(3, 200) for _ in range(3))),
    "material": lambda r: pick(r, "不锈钢 纯棉 铝合金 实木 玻璃 牛皮 陶瓷 碳纤维 尼龙 竹子 硅胶 亚麻 塑料 羊毛 304不锈钢 钛合金 橡胶 真丝"),
    "watt": lambda r: num(r, r.randint(1, 300) * 10, r.choice(("瓦", "W"))),
    "capacity": lambda r: r.choice((num(r, r.randint(1, 40) * 50, "毫升"), f"{r.randint(1, 90)}.{r.randint(1, 9)}升", num(r, r.randint(1, 60), "升"), num(r, r.randint(100, 950), "ml"))),
    "countitem": lambda r: num(r, r.randint(2, 900), r.choice(("件", "台", "家", "个"))),
    "meters": lambda r: num(r, r.choice((r.randint(3, 400), r.randint(400, 6000), f"{r.randint(10, 300)}.{r.randint(1, 9)}")), "米"),
    "area": lambda r: num(r, r.choice((r.randint(2, 900), f"{r.randint(1, 90)}.{r.randint(1, 9)}", r.randint(1000, 90000))), r.choice(("平方米", "公顷", "亩", "平方公里"))),
    "monthrange": lambda r: (lambda a: f"{a}{r.choice(('月到', '月至', '-', '～'))}{min(12, a + r.randint(1, 4))}月")(r.randint(1, 11)) if r.random() < 0.8 else pick(r, "春季 秋季 初夏 深秋 冬季 盛夏"),
    "bus": lambda r: r.choice((f"{r.randint(1, 999)}路公交车", f"地铁{r.randint(1, 19)}号线", f"旅游{r.randint(1, 9)}线", f"{r.randint(1, 99)}路和{r.randint(100, 999)}路公交")),
    "people": lambda r: num(r, r.choice((r.randint(3, 99), r.randint(100, 9999), f"{r.randint(1, 20)}万")), r.choice(("人", "人", "名", "多人", "余人"))),
    "school": lambda r: (r.choice(CITY) if r.random() < 0.5 else chars(r)) + pick(r, "大学 师范大学 理工大学 医学院 美术学院 中学 农业大学 音乐学院 第一中学"),
    "major": lambda r: pick(r, "土木工程 临床医学 中国文学 应用数学 会计学 国际法 园林设计 机械工程 新闻学 油画 生物化学 考古学 计算机科学 哲学 地质学 英语 兽医学 天文学"),
    "job": lambda r: pick(r, "中学教师 外科医生 软件工程师 画家 记者 木匠 律师 厨师 会计 船长 编辑 建筑师 护士 摄影师 农艺师 作曲家 司机 翻译 图书管理员 财务主管 销售经理 副院长 研究员"),
    "book": lambda r: "《" + chars(r, 2, 5) + r.choice(("", "记", "集", "传", "之歌", "概论", "入门", "往事", "教程", "笔记")) + "》",
    "prize": lambda r: chars(r) + pick(r, "文学奖 科技进步奖 优秀教师奖 设计金奖 奖章 新人奖 最佳导演奖 劳动模范称号 青年奖 一等奖"),
    "height": lambda r: r.choice((f"1.{r.randint(45, 99)}米", num(r, r.randint(145, 205), "厘米"), f"一米{small(r, r.randint(50, 95))}")),
    "hobby": lambda r: listing(r, "钓鱼 下棋 爬山 集邮 摄影 游泳 书法 养花 跑步 唱戏 打羽毛球 烘焙 木工 观鸟 骑行 弹吉他 收集邮票 看科幻小说", 1, 2),
    "kids": lambda r: pick(r, "一儿一女 两个女儿 一个儿子 三个孩子 两个儿子 一个女儿 两儿一女 四个子女"),
    "room": lambda r: r.choice((f"{r.choice('ABCDE')}座{r.randint(101, 2099)}室", f"{pick(r, '东楼 西楼 主楼 实验楼 教学楼 行政楼')}{r.randint(101, 909)}", f"第{small(r, r.randint(1, 9))}会议室", f"{small(r, r.randint(1, 9))}楼{chars(r)}厅", f"{r.randint(101, 999)}教室")),
    "email": lambda r: "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(3, 8))) + r.choice(("", str(r.randint(1, 99)))) + "@" + "".join(r.choice("abcdefghijklmnoprstuvwy") for _ in range(r.randint(3, 7))) + r.choice((".com", ".cn", ".org", ".edu.cn")),
    "dose": lambda r: r.choice((span(r, "片", 1, 6), span(r, "粒", 1, 6), num(r, r.randint(1, 40) * 5, "毫升"), num(r, r.randint(1, 50) * 10, "毫克"), "半片", num(r, r.randint(1, 3), "袋"), span(r, "滴", 1, 9))),
    "freq": lambda r: r.choice(("每日", "一天", "每天", "一日")) + r.choice(("一", "两", "三", "四", "1", "2", "3", "4")) + "次" if r.random() < 0.75 else f"每隔{r.randint(3, 12)}小时一次",
    "disease": lambda r: listing(r, DISEASE, 1, 3),
    "persons": lambda r: listing(r, "孕妇 哺乳期妇女 三岁以下儿童 肝功能不全者 肾病患者 高血压患者 对本品过敏者 驾驶员 青光眼患者 胃溃疡患者 运动员 六岁以下儿童", 1, 3),
    "temps": lambda r: r.choice((f"{r.randint(0, 15)}-{r.randint(16, 40)}℃", f"{r.randint(1, 30)}℃以下", f"零下{r.randint(1, 20)}度", f"{r.randint(2, 15)}到{r.randint(16, 38)}度", f"不超过{r.randint(10, 35)}℃的阴凉处")),
    "pack": lambda r: r.choice((f"{r.randint(6, 100)}片", f"{r.randint(1, 6)}板×{r.randint(6, 14)}粒", f"{r.randint(3, 30)}袋", f"{r.randint(2, 12)}支，每支{r.randint(2, 20)}毫升")),
    "mealtime": lambda r: pick(r, "饭前半小时 饭后 睡前 早餐后 空腹 随餐 饭后一小时 清晨空腹 晚饭后"),
    "missed": lambda r: pick(r, "应尽快补服，不要加倍 跳过本次，按时服下一次 两小时内可补服 立即补服并顺延下次时间 不必补服 请联系医生"),
    "role": lambda r: pick(r, "部门经理 总经理 人事主管 直属上级 财务总监 分管副总 班主任 项目负责人 行政主管 院长 工会主席 值班主任"),
    "percent": lambda r: r.choice((f"{r.randint(1, 100)}%", f"{r.randint(1, 20) * 5}%", f"百分之{small(r, r.randint(2, 99))}")),
    "permille": lambda r: r.choice((f"万分之{small(r, r.randint(1, 9))}", f"千分之{small(r, r.randint(1, 9))}", f"0.{r.randint(1, 9)}%", f"{r.randint(5, 300)}元")),
    "papers": lambda r: listing(r, "结婚证复印件 医院证明 发票原件 身份证复印件 诊断书 行程单 出生证明 审批单 登机牌 住宿清单 成绩单 户口本 会议通知 付款截图 请假条", 1, 3),
    "channel": lambda r: pick(r, "办公系统 人事系统 企业微信 纸质申请表 电子邮件 手机应用 前台登记 部门群 自助终端 钉钉") + r.choice(("", "", "的审批模块", "中的假勤页面")),
    "halfday": lambda r: pick(r, "半天 1小时 一天 2小时 0.5天 4小时 半小时 整日"),
    "monthlimit": lambda r: r.choice((f"次年{r.randint(1, 12)}月底", f"当年{r.randint(10, 12)}月31日", f"次年{r.randint(1, 9)}月{r.randint(1, 28)}日", f"{r.randint(3, 12)}个月内", "当月月底")),
    "dept": lambda r: pick(r, "人力资源部 财务部 行政部 信息中心 后勤处 市场部 教务处 客户服务部 法务部 工会办公室 保卫科 采购部 综合办公室") + r.choice(("", "", f"（分机{r.randint(100, 9999)}）")),
    "platform": lambda r: r.choice((f"{r.randint(1, 24)}站台", f"第{r.randint(1, 18)}站台", f"{r.randint(1, 9)}号站台", f"{r.choice('ABCD')}站台")),
    "gate": lambda r: r.choice((f"{r.randint(1, 30)}号检票口", f"{r.choice('AB')}{r.randint(1, 28)}检票口", f"{pick(r, '东 西 南 北')}进站口", f"{r.randint(1, 40)}号口")),
    "cities": lambda r: (lambda x: "、".join(x))(r.sample(CITY, r.randint(2, 4))),
    "km": lambda r: num(r, r.choice((r.randint(2, 99), r.randint(100, 3000), f"{r.randint(1, 90)}.{r.randint(1, 9)}")), r.choice(("公里", "千米", "km"))),
    "classtime": lambda r: r.choice(WEEK) + r.choice(("", "和" + r.choice(WEEK))) + r.choice((clock(r), f"第{r.randint(1, 5)}-{r.randint(6, 10)}节", hours(r), "下午")),
    "credit": lambda r: num(r, r.choice((r.randint(1, 8), f"{r.randint(1, 6)}.5")), r.choice(("学分", "个学分", "分"))),
    "lessonh": lambda r: num(r, r.randint(4, 64) * 2, r.choice(("学时", "课时", "个学时"))),
    "exam": lambda r: pick(r, "闭卷考试 开卷考试 课程论文 口试 小组报告 上机考试 作品展示 实验报告 平时作业加期末笔试 现场演奏"),
    "times": lambda r: num(r, r.randint(1, 9), "次"),
    "volt": lambda r: num(r, r.choice((5, 12, 24, 36, 48, 110, 220, 230, 380)), r.choice(("伏", "V"))),
    "press": lambda r: r.choice(("长按{}键{}秒", "同时按住{}键和电源键{}秒", "用针按住{}孔{}秒", "连按{}键{}次", "关机后按住{}键{}秒再开机")).format(pick(r, "电源 重置 RESET 功能 WPS 菜单 模式 设置"), r.randint(2, 30)),
    "fault": lambda r: pick(r, FAULT),
    "db": lambda r: num(r, r.randint(15, 90), r.choice(("分贝", "dB"))),
    "court": lambda r: r.choice(CITY) + pick(r, "仲裁委员会 市中级人民法院 高新区人民法院 铁路运输法院 知识产权法院") if r.random() < 0.8 else chars(r) + "区人民法院",
    "venue": lambda r: chars(r, 2, 2) + pick(r, "体育馆 体育场 文化中心 会展中心 大学操场 广场 水上中心 国际会议中心 少年宫"),
    "score": lambda r: f"{r.randint(0, 120)}{r.choice(('比', ':', '：', '-'))}{r.randint(0, 120)}",
    "floors": lambda r: num(r, r.randint(2, 88), "层"),
    "usage": lambda r: pick(r, "博物馆 小学 邮局 艺术馆 旅馆 茶楼 档案馆 社区中心 图书馆 剧场 纪念馆 餐厅 办公楼 青年旅舍"),
    "cause": lambda r: pick(r, "火灾 地震 洪水 战争 雷击 台风 年久失修 山体滑坡 白蚁蛀蚀"),
    "heritage": lambda r: pick(r, "省级文物保护单位 全国重点文物保护单位 市级文物 世界文化遗产 历史建筑 县级文物保护单位 国家一级文物"),
    "ver": lambda r: r.choice((f"{r.randint(1, 20)}.{r.randint(0, 20)}", f"V{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 30)}", f"{r.randint(2018, 2030)}.{r.randint(1, 12)}")),
    "mb": lambda r: num(r, r.randint(2, 990), r.choice(("MB", "GB", "M", "兆"))),
    "hotkey": lambda r: r.choice(("Ctrl+", "Ctrl+Shift+", "Alt+", "Command+", "Win+Shift+", "Ctrl+Alt+")) + r.choice("ABCDEFGHIJKLMNPQRSTUVWXYZ") if r.random() < 0.85 else f"F{r.randint(1, 12)}",
    "path": lambda r: r.choice(("“{}”文件夹", "D盘的{}目录", "/home/user/{}", "我的文档/{}", "手机存储/{}")).format(r.choice((chars(r), "".join(r.choice("abcdefghijklmnop") for _ in range(6))))),
    "os": lambda r: listing(r, "Windows10 macOS Linux 安卓 iOS 鸿蒙 Windows11 ChromeOS", 1, 3),
    "menu": lambda r: " > ".join(r.sample("设置 账户 安全 我的 通用 隐私 个人中心 更多 高级 管理 偏好".split(), r.randint(2, 3))),
    "books": lambda r: num(r, r.choice((r.randint(2, 40), f"{r.randint(2, 300)}万")), r.choice(("册", "本"))),
    "floor": lambda r: small(r, r.randint(1, 9)) + "楼" + pick(r, "东侧 西侧 北区 南区 大厅 尽头 ") if r.random() < 0.9 else "地下一层",
    "breed": lambda r: pick(r, "柯基 金毛 布偶猫 橘猫 泰迪 边境牧羊犬 英国短毛猫 垂耳兔 哈士奇 中华田园犬 暹罗猫 博美 仓鼠 玄凤鹦鹉 拉布拉多"),
    "grams": lambda r: num(r, r.randint(2, 80) * 10, r.choice(("克", "g"))),
    "temper": lambda r: pick(r, "温顺 活泼 胆小 粘人 独立 贪吃 安静 好奇 调皮 高冷 护食 亲人"),
    "food": lambda r: listing(r, FOOD, 1, 2),
    "datetime": lambda r: r.choice((date(r), r.choice(WEEK), f"{r.randint(1, 12)}月{r.randint(1, 28)}日")) + clock(r),
    "topic": lambda r: pick(r, "下季度预算 新品定价 食堂改造 招聘计划 安全检查 搬迁方案 客户投诉 考勤制度 系统升级 春游安排 绩效考核 供应商更换 停车位分配 年会筹备 课程调整"),
    "digits": lambda r: r.choice((f"{r.randint(100, 999)} {r.randint(100, 999)} {r.randint(100, 999)}", str(r.randint(100000000, 999999999)), f"{r.randint(100, 999)}-{r.randint(100, 999)}-{r.randint(100, 999)}")),
    "spot": lambda r: pick(r, "东门 北门 南门 西门 会所 地下车库 3号楼 物业楼 中心花园 岗亭 幼儿园 7栋") + pick(r, "旁边 一楼 对面 左侧 入口处 二楼 后面"),
    "cm": lambda r: r.choice((span(r, "厘米", 5, 300), f"{r.randint(1, 9)}.{r.randint(1, 9)}米")),
    "part": lambda r: pick(r, "根部 叶片 种子 汁液 果实 花粉 茎 球茎"),
    "bigmoney": lambda r: r.choice((f"{r.randint(1, 900)}亿元", f"{r.randint(1, 99)}.{r.randint(1, 9)}亿元", num(r, r.randint(10, 9000), "万元"))),
    "biz": lambda r: listing(r, "医疗器械 农产品加工 软件外包 汽车零件 童装 物流运输 环保设备 茶叶 游戏开发 建筑设计 在线教育 芯片 海鲜出口 光伏组件 家具", 1, 2),
}
NAMES: dict[str, Callable[[Random], str]] = {
    "shop": shop, "product": product, "sight": sight, "person": person, "drug": drug, "leave": leave, "expense": expense, "train": train, "course": course, "device": device, "contract": contract,
    "match": match, "building": building, "app": app, "library": library, "pet": pet, "meeting": meeting, "estate": estate, "plant": plant, "company": company,
}
QUALIFIERS = {
    "day": (("工作日", "周末"), ("周一至周五", "周六周日"), ("平日", "节假日"), ("夏季", "冬季"), ("工作日", "周末", "法定节假日")),
    "season": (("旺季", "淡季"), ("夏季", "冬季"), ("春季", "秋季"), ("平日", "节假日")),
    "age": (("成人", "儿童"), ("成年人", "老年人"), ("成人", "12岁以下儿童", "老人"), ("轻症", "重症")),
    "tenure": (("入职满一年", "入职满十年"), ("工作不满五年", "工作满五年"), ("正式员工", "试用期员工"), ("管理人员", "普通员工"), ("满1年不满10年", "满10年不满20年", "满20年")),
    "role": (("经理", "普通员工"), ("国内", "国外"), ("一线城市", "其他城市"), ("高管", "中层", "员工")),
    "version": (("标准版", "升级版"), ("大号", "小号"), ("线上", "门店"), ("会员", "非会员"), ("大号", "中号", "小号")),
}
FILLERS = [
    "欢迎新老朋友光临。", "如有变动，以现场公告为准。", "以上内容仅供参考。", "请提前做好安排。", "环境安静，适合休息。", "近年来受到不少人的关注。", "更多信息请留意后续通知。",
    "许多人慕名而来。", "大家对它的评价一直不错。", "详情请咨询工作人员。", "请妥善保管相关凭证。", "有问题可以随时反馈。", "这里还有许多有趣的细节。", "感谢您的理解与支持。",
    "请仔细阅读以下内容。", "本资料每年更新一次。", "使用前请先检查外观是否完好。", "多年来一直保持着良好的口碑。", "相关规定另行公布。", "记得保持联系方式畅通。", "周围交通方便，设施齐全。",
    "需要注意安全。", "一般来说不会有太大变化。", "这一点常常被人忽略。", "其余事项按惯例办理。",
]
