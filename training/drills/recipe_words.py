"""What recipes are made of: ingredients, units, ways of cooking with their steps and questions, tips."""

from __future__ import annotations

from training.drills.pools import words

MEAT = words(
    "猪肉 牛肉 鸡腿 排骨 鲈鱼 虾仁 豆腐 茄子 土豆 鸡翅 五花肉 羊排 带鱼 冬瓜 南瓜 莲藕 香菇 白菜 豆角 鸡胸肉 "
    "牛腩 鱿鱼 青椒 萝卜 玉米 山药 鸭腿 花菜 肉末 鸡蛋 年糕 面条 米饭 糯米 红薯 芋头 黄瓜 蛤蜊 腊肠 猪蹄"
)
WAY = [
    "红烧",
    "清蒸",
    "酸辣",
    "香煎",
    "糖醋",
    "蒜蓉",
    "麻辣",
    "葱油",
    "卤",
    "干锅",
    "椒盐",
    "酱爆",
    "蜜汁",
    "家常",
    "砂锅",
    "凉拌",
    "黄焖",
    "油焖",
    "咖喱",
    "豉汁",
    "香辣",
    "滑",
]
SEASON = words(
    "盐 生抽 老抽 料酒 白糖 醋 淀粉 蚝油 姜片 蒜末 葱花 豆瓣酱 花椒 八角 香油 胡椒粉 干辣椒 冰糖 蜂蜜 食用油 "
    "黄豆酱 五香粉 番茄酱 辣椒粉 清水"
)
UNIT = words("勺 克 毫升 茶匙 汤匙 小勺 片 大勺")
# action: (step texts with {m} {s} {t} {h}, questions after the dish name)
STEPS_ZH = {
    "腌": (
        (
            "{m}切块，加{s}抓匀，腌{t}。",
            "{m}洗净，用{s}腌制{t}。",
            "把{m}切片，放入{s}拌匀，腌制{t}入味。",
            "{m}划几刀，抹上{s}，腌{t}。",
        ),
        "要腌多久/腌多长时间/腌几分钟/腌制时间是多少/需要腌制多久",
    ),
    "蒸": (
        ("水开后上锅蒸{t}。", "放入蒸锅，{h}蒸{t}。", "盘子放进蒸锅，水开后{h}蒸{t}即可。"),
        "要蒸多久/蒸多长时间/蒸几分钟/上锅蒸多久/蒸制时间是多少",
    ),
    "炖": (
        ("加清水没过{m}，{h}炖{t}。", "倒入砂锅，转{h}炖{t}。", "盖上锅盖，{h}慢炖{t}。"),
        "要炖多久/炖多长时间/炖几分钟/小火炖多久",
    ),
    "煮": (
        ("锅中加水，水开后煮{t}。", "放入{m}，{h}煮{t}捞出。", "倒入汤汁，煮{t}。"),
        "要煮多久/煮多长时间/煮几分钟/水开后煮多久",
    ),
    "焯水": (
        ("{m}冷水下锅，焯水{t}，捞出沥干。", "{m}放入沸水中焯{t}，捞出备用。"),
        "要焯水多久/焯水几分钟/焯多长时间",
    ),
    "炸": (("油烧至{c}，下{m}炸{t}至金黄。", "锅中倒油，{c}油温炸{t}，捞出控油。"), "要炸多久/炸几分钟/炸多长时间"),
    "煎": (("平底锅刷油，{h}煎{t}至两面金黄。", "下{m}，{h}煎{t}。", "每面煎{t}。"), "要煎多久/煎几分钟/煎多长时间"),
    "烤": (("烤箱预热，{c}烤{t}。", "放入烤箱中层，{c}烤{t}。"), "要烤多久/烤几分钟/烤多长时间/放烤箱里烤多久"),
    "泡": (("{m}提前用清水浸泡{t}。", "{m}洗净，泡{t}。"), "要泡多久/浸泡多长时间/泡几分钟/提前泡多久"),
    "焖": (("加{s}，盖盖{h}焖{t}。", "转{h}焖{t}，中途翻动一次。"), "要焖多久/焖几分钟/焖多长时间"),
    "炒": (("锅烧热，下{s}爆香，放入{m}{h}翻炒{t}。", "倒入{m}，{h}快炒{t}。"), "要炒多久/炒几分钟/翻炒多长时间"),
    "醒": (("面团盖上湿布，醒{t}。", "揉成光滑面团，静置醒发{t}。"), "要醒多久/面要醒多长时间/醒面几分钟"),
    "冷藏": (("拌匀后放冰箱冷藏{t}。", "装盒，冷藏{t}再食用。"), "要冷藏多久/放冰箱多长时间/冷藏几小时"),
}
PLAIN_ZH = (
    "{m}洗净切块备用。",
    "加入{s}调味，拌匀出锅。",
    "淋上{s}即可。",
    "放入{s}翻炒均匀。",
    "大火收汁，撒上葱花。",
    "将{s}调成料汁。",
    "{m}切丝，{s}切末。",
    "起锅装盘，趁热吃。",
    "倒入料汁，烧开。",
    "锅中放油，油热后下{s}炒香。",
    "加盖稍等片刻后关火。",
    "捞出过凉水。",
)
TIPS_ZH = (
    "{m}要选新鲜的，口感更好",
    "不喜欢辣可以不放辣椒",
    "火不要太大，以免糊锅",
    "水要一次加足，中途不要加冷水",
    "最后再放盐，肉不容易老",
    "料酒可以用啤酒代替",
    "喜欢甜口可以多放一点糖",
    "可以提前一晚准备好",
    "切的时候逆着纹理切",
    "隔夜后味道更浓",
)
TIME = ("{}分钟", "{} 分钟", "{}分钟左右", "{}小时", "{} 小时", "半小时", "{}-{}分钟")
STEPS_EN = {
    "marinate": (
        ("Mix the {m} with {s} and marinate for {t}.", "Rub the {m} with {s} and leave to marinate for {t}."),
        "how long does {e} marinate/how long do I marinate {e}/what is the marinating time for {e}",
    ),
    "bake": (
        ("Bake at {c} for {t}.", "Put the tin in the oven and bake for {t} at {c}."),
        "how long does {e} bake/how long do I bake {e}/how long is {e} in the oven",
    ),
    "simmer": (
        ("Add water, cover and simmer for {t}.", "Turn the heat down and simmer the {m} for {t}."),
        "how long does {e} simmer/for how long do I simmer {e}/how long must {e} simmer",
    ),
    "boil": (
        ("Boil the {m} for {t} and drain.", "Bring to the boil and cook for {t}."),
        "how long do I boil {e}/how long is {e} boiled/what is the boiling time for {e}",
    ),
    "fry": (
        ("Fry the {m} for {t} over {h}.", "Heat the oil and fry with {s} for {t}."),
        "how long do I fry {e}/for how long is {e} fried",
    ),
    "steam": (
        ("Steam over {h} for {t}.", "Place the {m} in the steamer for {t}."),
        "how long do I steam {e}/how long is {e} steamed",
    ),
    "soak": (
        ("Soak the {m} in cold water for {t}.", "Leave the {m} to soak for {t}."),
        "how long does the main ingredient of {e} soak/how long do I soak for {e}",
    ),
    "chill": (
        ("Cover and chill for {t}.", "Put in the fridge for {t}."),
        "how long do I chill {e}/how long does {e} go in the fridge",
    ),
    "rest": (
        ("Let the dough rest for {t}.", "Cover and let it rest for {t}."),
        "how long does {e} rest/how long should I let {e} rest",
    ),
}
PLAIN_EN = (
    "Wash and slice the {m}.",
    "Stir in {s}.",
    "Season with {s} and serve.",
    "Chop the {m} finely.",
    "Mix {s} in a bowl.",
    "Serve at once.",
    "Sprinkle with {s}.",
    "Pour the sauce over the {m}.",
    "Leave to cool before serving.",
    "Heat the oven and grease a tin.",
)
TIPS_EN = (
    "use fresh {m}",
    "do not let the pan get too hot",
    "it tastes better the next day",
    "leave out the chilli if you like it mild",
    "add the salt at the end",
    "water can be replaced by stock",
    "slice against the grain",
)
MAIN_EN = [
    "beef",
    "chicken",
    "lamb",
    "pork",
    "salmon",
    "tofu",
    "pumpkin",
    "potatoes",
    "mushrooms",
    "lentils",
    "cabbage",
    "rice",
    "prawns",
    "aubergine",
    "carrots",
    "beans",
    "spinach",
    "eggs",
    "trout",
    "noodles",
]
SEASON_EN = [
    "salt",
    "soy sauce",
    "sugar",
    "vinegar",
    "butter",
    "garlic",
    "ginger",
    "pepper",
    "olive oil",
    "honey",
    "flour",
    "paprika",
    "lemon juice",
    "thyme",
    "cream",
    "mustard",
    "chilli flakes",
    "cumin",
    "milk",
    "stock",
]
UNIT_EN = words("g/ml/tablespoons/teaspoons/cups/pinches/cloves")
