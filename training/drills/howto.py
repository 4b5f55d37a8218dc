"""Recipes and procedures: ordered steps with amounts and times, asked step by step or as a whole ("X怎么做？")."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from training.drills import words_en, words_zh
from training.drills.facts import WORDS
from training.drills.lookup import Material, frame
from training.drills.prompts import REFUSAL, Sample, cited, reading_prompt

MEAT = "猪肉 牛肉 鸡腿 排骨 鲈鱼 虾仁 豆腐 茄子 土豆 鸡翅 五花肉 羊排 带鱼 冬瓜 南瓜 莲藕 香菇 白菜 豆角 鸡胸肉 牛腩 鱿鱼 青椒 萝卜 玉米 山药 鸭腿 花菜 肉末 鸡蛋 年糕 面条 米饭 糯米 红薯 芋头 黄瓜 蛤蜊 腊肠 猪蹄".split()
WAY = "红烧 清蒸 酸辣 香煎 糖醋 蒜蓉 麻辣 葱油 卤 干锅 椒盐 酱爆 蜜汁 家常 砂锅 凉拌 黄焖 油焖 咖喱 豉汁 香辣 滑".split()
SEASON = "盐 生抽 老抽 料酒 白糖 醋 淀粉 蚝油 姜片 蒜末 葱花 豆瓣酱 花椒 八角 香油 胡椒粉 干辣椒 冰糖 蜂蜜 食用油 黄豆酱 五香粉 番茄酱 辣椒粉 清水".split()
UNIT = "勺 克 毫升 茶匙 汤匙 小勺 片 大勺".split()
# action: (step texts with {m} {s} {t} {h}, questions after the dish name)
STEPS_ZH = {
    "腌": (("{m}切块，加{s}抓匀，腌{t}。", "{m}洗净，用{s}腌制{t}。", "把{m}切片，放入{s}拌匀，腌制{t}入味。", "{m}划几刀，抹上{s}，腌{t}。"), "要腌多久/腌多长时间/腌几分钟/腌制时间是多少/需要腌制多久"),
    "蒸": (("水开后上锅蒸{t}。", "放入蒸锅，{h}蒸{t}。", "盘子放进蒸锅，水开后{h}蒸{t}即可。"), "要蒸多久/蒸多长时间/蒸几分钟/上锅蒸多久/蒸制时间是多少"),
    "炖": (("加清水没过{m}，{h}炖{t}。", "倒入砂锅，转{h}炖{t}。", "盖上锅盖，{h}慢炖{t}。"), "要炖多久/炖多长时间/炖几分钟/小火炖多久"),
    "煮": (("锅中加水，水开后煮{t}。", "放入{m}，{h}煮{t}捞出。", "倒入汤汁，煮{t}。"), "要煮多久/煮多长时间/煮几分钟/水开后煮多久"),
    "焯水": (("{m}冷水下锅，焯水{t}，捞出沥干。", "{m}放入沸水中焯{t}，捞出备用。"), "要焯水多久/焯水几分钟/焯多长时间"),
    "炸": (("油烧至{c}，下{m}炸{t}至金黄。", "锅中倒油，{c}油温炸{t}，捞出控油。"), "要炸多久/炸几分钟/炸多长时间"),
    "煎": (("平底锅刷油，{h}煎{t}至两面金黄。", "下{m}，{h}煎{t}。", "每面煎{t}。"), "要煎多久/煎几分钟/煎多长时间"),
    "烤": (("烤箱预热，{c}烤{t}。", "放入烤箱中层，{c}烤{t}。"), "要烤多久/烤几分钟/烤多长时间/放烤箱里烤多久"),
    "泡": (("{m}提前用清水浸泡{t}。", "{m}洗净，泡{t}。"), "要泡多久/浸泡多长时间/泡几分钟/提前泡多久"),
    "焖": (("加{s}，盖盖{h}焖{t}。", "转{h}焖{t}，中途翻动一次。"), "要焖多久/焖几分钟/焖多长时间"),
    "炒": (("锅烧热，下{s}爆香，放入{m}{h}翻炒{t}。", "倒入{m}，{h}快炒{t}。"), "要炒多久/炒几分钟/翻炒多长时间"),
    "醒": (("面团盖上湿布，醒{t}。", "揉成光滑面团，静置醒发{t}。"), "要醒多久/面要醒多长时间/醒面几分钟"),
    "冷藏": (("拌匀后放冰箱冷藏{t}。", "装盒，冷藏{t}再食用。"), "要冷藏多久/放冰箱多长时间/冷藏几小时"),
}
PLAIN_ZH = ("{m}洗净切块备用。", "加入{s}调味，拌匀出锅。", "淋上{s}即可。", "放入{s}翻炒均匀。", "大火收汁，撒上葱花。", "将{s}调成料汁。", "{m}切丝，{s}切末。", "起锅装盘，趁热吃。", "倒入料汁，烧开。", "锅中放油，油热后下{s}炒香。", "加盖稍等片刻后关火。", "捞出过凉水。")
TIPS_ZH = ("{m}要选新鲜的，口感更好", "不喜欢辣可以不放辣椒", "火不要太大，以免糊锅", "水要一次加足，中途不要加冷水", "最后再放盐，肉不容易老", "料酒可以用啤酒代替", "喜欢甜口可以多放一点糖", "可以提前一晚准备好", "切的时候逆着纹理切", "隔夜后味道更浓")
TIME = ("{}分钟", "{} 分钟", "{}分钟左右", "{}小时", "{} 小时", "半小时", "{}-{}分钟")
STEPS_EN = {
    "marinate": (("Mix the {m} with {s} and marinate for {t}.", "Rub the {m} with {s} and leave to marinate for {t}."), "how long does {e} marinate/how long do I marinate {e}/what is the marinating time for {e}"),
    "bake": (("Bake at {c} for {t}.", "Put the tin in the oven and bake for {t} at {c}."), "how long does {e} bake/how long do I bake {e}/how long is {e} in the oven"),
    "simmer": (("Add water, cover and simmer for {t}.", "Turn the heat down and simmer the {m} for {t}."), "how long does {e} simmer/for how long do I simmer {e}/how long must {e} simmer"),
    "boil": (("Boil the {m} for {t} and drain.", "Bring to the boil and cook for {t}."), "how long do I boil {e}/how long is {e} boiled/what is the boiling time for {e}"),
    "fry": (("Fry the {m} for {t} over {h}.", "Heat the oil and fry with {s} for {t}."), "how long do I fry {e}/for how long is {e} fried"),
    "steam": (("Steam over {h} for {t}.", "Place the {m} in the steamer for {t}."), "how long do I steam {e}/how long is {e} steamed"),
    "soak": (("Soak the {m} in cold water for {t}.", "Leave the {m} to soak for {t}."), "how long does the main ingredient of {e} soak/how long do I soak for {e}"),
    "chill": (("Cover and chill for {t}.", "Put in the fridge for {t}."), "how long do I chill {e}/how long does {e} go in the fridge"),
    "rest": (("Let the dough rest for {t}.", "Cover and let it rest for {t}."), "how long does {e} rest/how long should I let {e} rest"),
}
PLAIN_EN = ("Wash and slice the {m}.", "Stir in {s}.", "Season with {s} and serve.", "Chop the {m} finely.", "Mix {s} in a bowl.", "Serve at once.", "Sprinkle with {s}.", "Pour the sauce over the {m}.", "Leave to cool before serving.", "Heat the oven and grease a tin.")
TIPS_EN = ("use fresh {m}", "do not let the pan get too hot", "it tastes better the next day", "leave out the chilli if you like it mild", "add the salt at the end", "water can be replaced by stock", "slice against the grain")
MAIN_EN = "beef/chicken/lamb/pork/salmon/tofu/pumpkin/potatoes/mushrooms/lentils/cabbage/rice/prawns/aubergine/carrots/beans/spinach/eggs/trout/noodles".split("/")
SEASON_EN = "salt/soy sauce/sugar/vinegar/butter/garlic/ginger/pepper/olive oil/honey/flour/paprika/lemon juice/thyme/cream/mustard/chilli flakes/cumin/milk/stock".split("/")
UNIT_EN = "g/ml/tablespoons/teaspoons/cups/pinches/cloves".split("/")


@dataclass
class Guide:
    """A recipe or procedure: steps, single facts as (question, value), and what it does not tell."""

    name: str
    title: str
    text: str
    steps: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)


def _time(rng: Random, zh: bool) -> str:
    if zh:
        form = rng.choice(TIME)
        return form.format(rng.randint(1, 8) if "小时" in form else rng.randint(1, 60), rng.randint(61, 90))
    return words_en.VALUES["durm"](rng) if rng.random() < 0.8 else words_en.VALUES["durh"](rng)


def recipe(rng: Random, lang: str) -> Guide:
    """An invented dish with amounts, timed steps and tips, written as recipe files are."""
    zh = lang == "zh"
    main = rng.sample(MEAT if zh else MAIN_EN, rng.randint(1, 3))
    seasons = rng.sample(SEASON if zh else SEASON_EN, rng.randint(3, 7))
    if zh:
        name = (words_zh.chars(rng) if rng.random() < 0.25 else "") + rng.choice(WAY) + "".join(main[:2])
        amounts = [(x, rng.choice((f"{rng.randint(1, 20) * 50}克", f"{rng.randint(1, 20) * 50} 克", f"{rng.randint(1, 6)}斤", f"{rng.randint(1, 9)}个", "半斤", f"{rng.randint(1, 5)}块"))) for x in main]
        amounts += [(x, rng.choice(("适量", "少许")) if rng.random() < 0.18 else f"{rng.choice(('半', '一', '两', '1', '2', '3', str(rng.randint(4, 50))))}{rng.choice(('', ' '))}{rng.choice(UNIT)}") for x in seasons]
    else:
        name = rng.choice(("", words_en.stem(rng) + " ", "spicy ", "roast ", "creamy ", "braised ")) + " and ".join(main[:2]) + rng.choice((" stew", " pie", " salad", " soup", " curry", " bake"))
        amounts = [(x, f"{rng.randint(1, 20) * 50} g") for x in main] + [(x, f"{rng.randint(1, 9)} {rng.choice(UNIT_EN)}") for x in seasons]
    book, plain = (STEPS_ZH, PLAIN_ZH) if zh else (STEPS_EN, PLAIN_EN)
    timed = rng.sample(list(book), rng.randint(1, 4))
    guide = Guide(name, name, "", "")
    lines: list[str] = []
    subject = "{}" if zh else name
    times: set[str] = set()
    for action in timed:
        if rng.random() < 0.55:
            lines.append(_fill(rng, rng.choice(plain), main, seasons, zh))
        t = _time(rng, zh)
        while t in times:
            t = _time(rng, zh)
        times.add(t)
        text, heat, degree = rng.choice(book[action][0]), rng.choice(("大火", "小火", "中火", "中小火") if zh else ("high heat", "low heat", "medium heat")), _degree(rng, zh)
        lines.append(_fill(rng, text.replace("{t}", t).replace("{h}", heat).replace("{c}", degree), main, seasons, zh))
        for question in book[action][1].split("/"):
            guide.facts.append((name + question if zh else question.replace("{e}", subject), t))
        if zh and "{h}" in text:
            guide.facts += [(f"{name}{action}的时候用什么火", heat), (f"{name}{action}用多大的火", heat)]
        if "{c}" in text:
            guide.facts.append((f"{name}{action}的时候{'烤箱多少度' if action == '烤' else '油温多少'}" if zh else f"at what temperature do I {action} {name}", degree))
    if rng.random() < 0.7:
        lines.append(_fill(rng, rng.choice(plain), main, seasons, zh))
    for action in book:
        if action not in timed and not any(action in line for line in lines):
            question = rng.choice(book[action][1].split("/"))
            guide.missing.append(name + question if zh else question.replace("{e}", name))
    for thing, amount in amounts:
        forms = (f"{name}要放多少{thing}", f"{name}需要多少{thing}", f"{name}里{thing}放多少", f"做{name}用多少{thing}", f"{name}的{thing}用量是多少") if zh else (f"how much {thing} goes into {name}", f"how much {thing} do I need for {name}", f"what amount of {thing} does {name} take")
        guide.facts.append((rng.choice(forms), amount))
    for thing in rng.sample(SEASON if zh else SEASON_EN, 4):
        if not any(thing in line for line in lines) and all(thing not in known for known, _ in amounts):
            guide.missing.append(f"{name}要放多少{thing}" if zh else f"how much {thing} goes into {name}")
    _write(rng, guide, amounts, lines, main, zh)
    guide.asks = [f"{name}怎么做", f"{name}的做法", f"怎么做{name}", f"如何制作{name}", f"{name}的做法是什么", f"教我做{name}", f"{name}咋做", f"{name}的步骤有哪些", f"我想做{name}，怎么做", f"{name}具体怎么做"] if zh else [
        f"how do I make {name}", f"how is {name} made", f"what are the steps for {name}", f"how do you cook {name}", f"give me the method for {name}", f"how to make {name}"]
    return guide


def _degree(rng: Random, zh: bool) -> str:
    return rng.choice((f"{rng.randint(10, 24) * 10}度", f"{rng.randint(10, 24) * 10}℃", f"{rng.choice('三四五六七')}成热")) if zh else f"{rng.randint(12, 24) * 10} °C"


def _fill(rng: Random, text: str, main: list[str], seasons: list[str], zh: bool) -> str:
    s = rng.sample(seasons, min(len(seasons), rng.randint(1, 3)))
    return text.replace("{m}", rng.choice(main)).replace("{s}", ("、".join(s) if zh else ", ".join(s[:-1]) + (" and " if s[1:] else "") + s[-1]))


def _write(rng: Random, guide: Guide, amounts: list[tuple[str, str]], lines: list[str], main: list[str], zh: bool) -> None:
    """Fills in text and steps: sections in a usual order under usual headings."""
    style = rng.randrange(4)
    if style == 0:
        guide.steps = "".join(lines) if zh else " ".join(lines)
    elif style == 1:
        guide.steps = "\n".join(lines)
    else:
        mark = rng.choice(("{}. {}", "{}、{}", "({}) {}")) if zh else "{}. {}"
        guide.steps = "\n".join(mark.format(i, line) for i, line in enumerate(lines, 1))
    form = rng.choice(("{0}{1}", "{0} {1}", "{0}：{1}")) if zh else rng.choice(("{1} {0}", "{0}: {1}"))
    items = [form.format(a, b) for a, b in amounts]
    stuff = ("，".join(items) if rng.random() < 0.5 else "、".join(items)) if zh else ", ".join(items)
    if rng.random() < 0.4:
        stuff = "\n".join(rng.choice(("- ", "- ", "· ")) + item for item in items)
    total, serve = _time(rng, zh), f"{rng.randint(1, 8)}{'人份' if zh else ' people'}"
    tip = rng.choice(TIPS_ZH if zh else TIPS_EN).format(m=main[0])
    n = guide.name
    parts = [(rng.choice(("原料", "食材", "用料", "材料") if zh else ("Ingredients", "You need")), stuff), (rng.choice(("做法", "步骤", "制作步骤", "做法步骤") if zh else ("Method", "Directions", "Steps")), guide.steps)]
    guide.facts += [(q, stuff.replace("\n", " ") if "\n" not in stuff else stuff) for q in ((f"{n}要准备什么材料", f"{n}用什么原料", f"做{n}需要哪些食材") if zh else (f"what do I need for {n}", f"what are the ingredients of {n}"))[:rng.randint(1, 3)]]
    extras = [(("用时", "耗时", "所需时间") if zh else ("Time", "Total time"), total, (f"做{n}一共要多久", f"{n}总共用时多少", f"{n}要花多长时间做") if zh else (f"how long does {n} take in all", f"what is the total time for {n}")),
              (("份量", "份数") if zh else ("Serves", "Servings"), serve, (f"{n}是几人份", f"{n}够几个人吃") if zh else (f"how many does {n} serve", f"how many people is {n} for")),
              (("小贴士", "提示", "小窍门") if zh else ("Tip", "Tips"), tip, (f"做{n}有什么窍门", f"{n}有什么要注意的", f"{n}的小贴士是什么") if zh else (f"what is the tip for {n}", f"what should I mind when making {n}"))]
    for heads, value, questions in extras:
        if rng.random() < 0.65:
            body = value + ("。" if zh else ".") if value == tip else value
            parts.insert(rng.choice((0, len(parts), len(parts))), (rng.choice(heads), body))
            guide.facts += [(q, value) for q in questions]
        else:
            guide.missing += list(questions)
    mark = rng.choice(("", "", "## ", "【】"))
    head = (lambda h: f"【{h}】") if mark == "【】" else (lambda h: mark + h)
    gap = rng.choice(("\n\n", "\n"))
    guide.text = gap.join(f"{head(h)}\n{b}" if rng.random() < 0.85 or "\n" in b else f"{h}{'：' if zh else ': '}{b}" for h, b in parts)
    if rng.random() < 0.3:
        guide.text = (f"{n}是一道家常菜，很受欢迎。" if zh else f"{n.capitalize()} is a simple dish for any day.") + gap + guide.text


DO_ZH = "更换滤芯 重置密码 连接无线网络 导出数据 清洁机身 添加成员 申请发票 预约上门 取消订单 升级固件 绑定手机 设置闹钟 备份文件 修改头像 办理退款 更换电池 打印文件 开通会员 注销账号 恢复出厂设置 校准屏幕 提交报销 申请请假 借用会议室 挂失门禁卡 预约挂号 续借图书 更换墨盒 录入指纹 共享日历".split()
ACT_ZH = ("打开{a}，进入“{b}”页面。", "点击右上角的“{b}”按钮。", "长按{c}键{n}秒，直到{d}。", "在{a}中选择“{b}”。", "输入{x}，然后确认。", "等待约{n}分钟，{d}后继续。", "关闭电源，拔下插头。", "取下{p}，用清水冲洗。", "将新的{p}装回原位。", "填写{f}并上传{x}。", "把{f}交给{w}签字。", "核对信息无误后点击“{b}”。", "凭{x}到{w}处领取。", "按下{c}键，{d}即完成。", "扫描二维码，登录{a}。", "收到短信后输入{n}位验证码。")
BITS_ZH = {"a": "设置 主菜单 应用 控制面板 后台 个人中心 系统 网页端", "b": "账户管理 高级选项 更多 下一步 提交 确认 导出 安全中心 新建 保存", "c": "电源 复位 功能 菜单 确认 模式", "d": "指示灯闪烁 蜂鸣器响两声 屏幕变暗 绿灯常亮 进度条走完 听到提示音", "x": "身份证号 订单编号 新密码 手机号 发票 设备序列号 工号 收据", "p": "后盖 滤网 水箱 面板 电池 墨盒 刷头", "f": "申请表 登记表 审批单 退款单 借用单", "w": "部门经理 前台 财务 管理员 班主任 值班人员"}
DO_EN = "change the filter/reset the password/connect to Wi-Fi/export data/clean the unit/add a member/request an invoice/cancel an order/update the firmware/set an alarm/back up files/get a refund/replace the battery/print a document/close the account/calibrate the screen/claim expenses/ask for leave/book a room/report a lost card/renew a book/register a fingerprint/share a calendar".split("/")
ACT_EN = ("Open {a} and choose \"{b}\".", "Tap \"{b}\" at the top right.", "Hold the {c} button for {n} seconds until {d}.", "Enter {x} and confirm.", "Wait about {n} minutes until {d}.", "Switch off the power and pull the plug.", "Take out the {p} and rinse it.", "Put the new {p} in place.", "Fill in {f} and attach {x}.", "Have {f} signed by {w}.", "Check the details and press \"{b}\".", "Show {x} to {w}.", "Press {c} once; {d}.")
BITS_EN = {"a": "Settings/the main menu/the app/the control panel/your profile", "b": "Account/Advanced/More/Next/Submit/Export/Security/New/Save", "c": "power/reset/function/menu/mode", "d": "the light flashes/it beeps twice/the screen goes dark/the green light stays on/the bar is full", "x": "your passport number/the order number/a new password/your phone number/the invoice/the serial number/your staff number", "p": "back cover/filter/tank/panel/battery/cartridge/brush", "f": "the request form/the refund form/the loan form", "w": "the manager/the front desk/the finance office/the administrator"}


def procedure(rng: Random, lang: str) -> Guide:
    """A manual page with one to three procedures, one of which is asked about."""
    zh = lang == "zh"
    bits = BITS_ZH if zh else BITS_EN
    owner = WORDS[lang].NAMES[rng.choice(("device", "app", "company", "app", "device"))](rng)
    blocks = []
    for do in rng.sample(DO_ZH if zh else DO_EN, rng.randint(1, 3)):
        lines = []
        for act in rng.sample(ACT_ZH if zh else ACT_EN, rng.randint(2, 6)):
            for key, options in bits.items():
                act = act.replace("{" + key + "}", words_en.pick(rng, options) if not zh else words_zh.pick(rng, options))
            lines.append(act.replace("{n}", str(rng.randint(2, 30))))
        mark = rng.choice(("{}. {}", "{}、{}", "第{}步：{}", "（{}）{}")) if zh else rng.choice(("{}. {}", "Step {}: {}"))
        sep = "\n" if rng.random() < 0.75 else ("" if zh else " ")
        steps = sep.join(mark.format(i, line) for i, line in enumerate(lines, 1)) if rng.random() < 0.75 else sep.join(lines)
        blocks.append((do, steps, lines))
    do, steps, lines = rng.choice(blocks)
    heads = ("{}", "如何{}", "{}的方法", "怎样{}", "{}步骤") if zh else ("How to {}", "To {}", "{}")
    mark = rng.choice(("", "## ", "### "))
    body = "\n\n".join(f"{mark}{h[:1].upper() + h[1:]}\n{s}" for d, s, _ in blocks for h in [rng.choice(heads).format(d)])
    guide = Guide(do, (owner[:1].upper() + owner[1:]) + rng.choice(("使用手册", "帮助中心", "操作指南", "") if zh else (" manual", " help", " guide", "")), body, steps)
    guide.asks = [f"怎么{do}", f"如何{do}", f"{owner}怎么{do}", f"{do}的步骤是什么", f"{owner}如何{do}", f"要{do}该怎么操作", f"{do}怎么弄", f"怎样在{owner}上{do}"] if zh else [
        f"how do I {do}", f"how can I {do} with {owner}", f"what are the steps to {do}", f"how to {do}", f"I want to {do}, what do I do"]
    if len(blocks) > 1 or rng.random() < 0.5:
        for i, (here, after) in enumerate(zip(lines, lines[1:], strict=False)):
            if zh and rng.random() < 0.5:
                guide.facts.append((f"{do}时，{here.rstrip('。')}之后做什么", after))
            guide.facts.append((f"{do}的第{words_zh.CN[i + 1]}步是什么" if zh else f"what is step {i + 1} to {do}", here))
    done = {d for d, _, _ in blocks}
    for other in rng.sample(DO_ZH if zh else DO_EN, 3):
        if other not in done:
            guide.missing += [f"怎么{other}", f"{owner}如何{other}"] if zh else [f"how do I {other}"]
    return guide


def guide_drill(rng: Random, lang: str, held: bool = False, material: Material | None = None, most: int = 5) -> Sample:
    """`held` asks one question only (the dishes are invented afresh either way). A question over one to five guides: the whole method, one amount or time, or something not told."""
    make = recipe if rng.random() < (0.6 if lang == "zh" else 0.5) else procedure
    main = make(rng, lang)
    guides = [main]
    while len(guides) < min(most, rng.choice((1, 1, 2, 3, 3, 4))):
        other = (make if rng.random() < 0.85 else procedure)(rng, lang)
        if all(other.name != known.name and main.name not in other.text for known in guides):
            guides.append(other)
    rng.shuffle(guides)
    number = guides.index(main) + 1
    roll = rng.random()
    shared = material.passages.get(lang) if material else None
    passages = [(guide.title[:1].upper() + guide.title[1:], guide.text) for guide in guides]
    if shared and len(passages) < most and rng.random() < 0.15:
        passages.append(rng.choice(shared))
    whole = 0.36
    if roll < whole or (roll < 0.8 and not main.facts):
        question, reply, kind, gold = rng.choice(main.asks), cited(main.steps, number, lang), "howto", main.steps
    elif roll < 0.8:
        question, gold = rng.choice(main.facts)
        reply, kind = cited(gold, number, lang), "lookup"
    else:
        told = {q for g in guides for q in g.asks}
        ghost = make(rng, lang)
        while any(ghost.name == g.name for g in guides):
            ghost = make(rng, lang)
        absent = [q for q in ghost.asks if q not in told] or ghost.asks
        if ghost.name in "".join(g.text for g in guides):
            return guide_drill(rng, lang, held, material, most)
        main.missing = [q for q in main.missing if not any(do in q and do in g.text for g in guides for do in (DO_ZH if lang == "zh" else DO_EN))]
        question = rng.choice(main.missing) if main.missing and rng.random() < 0.65 else rng.choice(absent if rng.random() < 0.6 or not ghost.facts else [q for q, _ in ghost.facts])
        reply, kind, gold = REFUSAL[lang], "unanswerable", None
    messages = [{"role": "system", "content": reading_prompt(passages, lang)}, {"role": "user", "content": frame(rng, question, lang)}, {"role": "assistant", "content": reply}]
    if main.facts and kind in ("howto", "lookup") and rng.random() < 0.15:
        again, value = rng.choice(main.facts)
        bare = again.replace(main.name, "", 1) if lang == "zh" else again.replace(main.name, "it")
        messages += [{"role": "user", "content": (f"那{bare}？" if lang == "zh" else f"And {bare}?")}, {"role": "assistant", "content": cited(value, number, lang)}]
        kind, gold = "follow_up", value
    elif not held and rng.random() < 0.55:
        for _ in range(rng.randint(1, 5)):
            other = rng.choice(guides)
            n, picked = guides.index(other) + 1, rng.random()
            if picked < 0.15 and other.missing and make is recipe:
                asked, said = rng.choice(other.missing), REFUSAL[lang]
            elif other.facts and picked < 0.85:
                asked, value = rng.choice(other.facts)
                said = cited(value, n, lang)
            else:
                asked, said = rng.choice(other.asks), cited(other.steps, n, lang)
            messages += [{"role": "user", "content": frame(rng, asked, lang)}, {"role": "assistant", "content": said}]
    return Sample(messages, lang, "recipe" if make is recipe else "procedure", kind, gold, None if kind == "unanswerable" else number)
