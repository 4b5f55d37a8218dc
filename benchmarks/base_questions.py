"""Hand-written questions for the embedded base: 12 passages, 60 lookups, 40 conversation prompts. Never trained on.

A lookup is (question, accepted): the answer must hold one of the accepted strings (white space and case ignored);
None means that the passage does not say, so the fixed refusal is right.
"""

from __future__ import annotations

Lookup = tuple[str, tuple[str, ...] | None]
Asked = tuple[str, str, str, list[Lookup]]  # language, title, text, questions
PASSAGES: list[Asked] = [
    (
        "zh",
        "粉蒸排骨",
        (
            "粉蒸排骨\n\n原料\n肋排 500 克，蒸肉米粉 120 克，红薯 1 个，生抽 2 勺，料酒 1 勺，腐乳汁 1 勺，"
            "白糖半勺，姜末少许。\n\n做法\n1. 肋排剁成小段，冷水浸泡 30 分钟去血水，沥干。\n2. 加入生抽、料酒、"
            "腐乳汁、白糖和姜末，抓匀后腌 40 分钟。\n3. 倒入蒸肉米粉，让每块排骨都裹上粉。\n4. 红薯切块垫在碗底，"
            "排骨铺在上面。\n5. 水开后上锅，中火蒸 60 分钟，撒葱花出锅。\n\n用时\n约 2 小时 15 分钟\n\n小贴士\n"
            "米粉里加两勺清水，蒸出来不会发干。"
        ),
        [
            ("排骨要腌多久？", ("40",)),
            ("粉蒸排骨上锅蒸多长时间", ("60",)),
            ("要用多少蒸肉米粉？", ("120",)),
            ("碗底垫的是什么？", ("红薯",)),
            ("怎样蒸出来才不会干", ("清水",)),
            ("粉蒸排骨要放多少盐？", None),
        ],
    ),
    (
        "zh",
        "青荷社区卫生站 · 服务时间",
        (
            "青荷社区卫生站位于望江路 88 号。门诊时间：周一至周五 8:00-12:00、14:00-17:30；周六上午开诊，"
            "周日休息。疫苗接种安排在每周三和周五下午，请提前一天电话预约，电话 0571-8823 4410。抽血化验只在早上 "
            "8:00 到 9:30 进行，需要空腹。静脉输液室在二楼，药房在一楼大厅左侧。"
        ),
        [
            ("什么时候可以打疫苗？", ("周三",)),
            ("抽血要几点去", ("8:00到9:30", "8:00-9:30", "早上8:00到9:30")),
            ("卫生站的电话是多少", ("0571-88234410",)),
            ("药房在哪儿？", ("一楼",)),
            ("星期天看病吗", ("休息",)),
            ("拍片子多少钱？", None),
        ],
    ),
    (
        "zh",
        "员工手册 · 年休假",
        (
            "第十二条 年休假。员工累计工作满一年不满十年的，年休假 5 天；满十年不满二十年的，年休假 10 天；"
            "满二十年的，年休假 15 天。年休假须提前 7 天在人事系统提出申请，由部门负责人批准。"
            "当年未休完的年休假可以顺延至次年 3 月 31 日，逾期作废。\n第十三条 病假。病假须在当天上午 10 "
            "点前告知直属主管，两天以上须提交医院诊断证明。病假期间发放基本工资的 80%。"
        ),
        [
            ("工作满十年有几天年假？", ("10",)),
            ("年假要提前几天申请", ("7天",)),
            ("年休假由谁批准", ("部门负责人",)),
            ("没休完的年假可以留到什么时候？", ("3月31日",)),
            ("病假工资怎么发", ("80%",)),
            ("产假有多少天？", None),
        ],
    ),
    (
        "zh",
        "双江客运站班次表",
        (
            "班次：K201；开往：云溪；发车：07:20；票价：36元；检票口：3号\n班次：K205；开往：云溪；发车：13:45；"
            "票价：36元；检票口：5号\n班次：K318；开往：北塘；发车：09:10；票价：52元；检票口：1号\n班次：K322；"
            "开往：长岭；发车：16:30；票价：68元；检票口：4号"
        ),
        [
            ("K318几点发车？", ("09:10", "9:10")),
            ("去长岭的车票多少钱", ("68",)),
            ("K205在哪个检票口检票", ("5号",)),
            ("K322开往哪里？", ("长岭",)),
            ("09:10发车的是哪个班次", ("K318",)),
            ("K410几点开？", None),
        ],
    ),
    (
        "zh",
        "清语 A3 加湿器说明书",
        (
            "首次使用前，请用清水冲洗水箱，并加入不超过 4.5 升的凉水。长按电源键 3 秒开机，短按切换三挡雾量。"
            "水箱缺水时，红灯闪烁并自动停机；蓝灯常亮表示工作正常。建议每 3 天换一次水，"
            "每两周用柠檬酸清洗一次雾化片。若显示 E3，说明风机堵转，请断电后联系售后 400-820-6611。整机保修 18 "
            "个月，雾化片不在保修范围内。"
        ),
        [
            ("水箱最多加多少水", ("4.5升",)),
            ("红灯一直闪是怎么回事？", ("缺水",)),
            ("多久换一次水", ("3天",)),
            ("显示E3是什么意思", ("风机堵转",)),
            ("保修多久？", ("18个月",)),
            ("这个加湿器的功率是多少？", None),
        ],
    ),
    (
        "zh",
        "布洛缓释胶囊使用说明",
        (
            "本品用于缓解轻至中度疼痛，如头痛、关节痛、牙痛，也用于感冒引起的发热。成人每次 1 粒，一日 2 次，"
            "早晚各一次，饭后服用；12 岁以下儿童请在医生指导下使用。用于止痛不得超过 5 天，用于解热不得超过 3 天，"
            "症状未缓解请就医。服药期间不得饮酒。常见不良反应为恶心、胃烧灼感。孕妇及哺乳期妇女禁用。密封，"
            "25℃以下保存。"
        ),
        [
            ("成人一次吃几粒", ("1粒",)),
            ("用来退烧最多吃几天？", ("3天",)),
            ("饭前吃还是饭后吃", ("饭后",)),
            ("有什么副作用？", ("恶心",)),
            ("哪些人不能吃", ("孕妇",)),
            ("一盒多少钱？", None),
        ],
    ),
    (
        "zh",
        "沈若澜",
        (
            "沈若澜（1931年－2008年），浙江嘉善人，桥梁工程师。1953年毕业于同济大学，同年进入铁道部大桥局工作。"
            "1957年参加武汉长江大桥的施工，负责水文计算。1968年起主持设计了青石河大桥，该桥全长 1420 米，"
            "1972年通车。1985年当选为中国科学院学部委员。退休后回到家乡，资助了三所小学。著有《悬索桥的计算》。"
        ),
        [
            ("沈若澜是哪里人？", ("嘉善",)),
            ("她毕业于哪所大学", ("同济大学",)),
            ("青石河大桥有多长？", ("1420",)),
            ("青石河大桥哪一年通车", ("1972",)),
            ("沈若澜写过什么书", ("悬索桥的计算",)),
            ("沈若澜的丈夫是谁？", None),
        ],
    ),
    (
        "en",
        "Harbour Swimming Pool",
        (
            "The Harbour Swimming Pool is open from 6:30 am to 9 pm on weekdays and from 8 am to 7 pm at "
            "weekends. A single ticket costs $6.50, children under 12 pay $3, and a monthly pass is $48. Lockers "
            "need a one-dollar coin, which is returned. The pool closes for cleaning during the first week of "
            "September. Swimming lessons for beginners take place on Tuesdays at 5 pm."
        ),
        [
            ("How much is a monthly pass?", ("$48",)),
            ("When are beginner lessons?", ("tuesday",)),
            ("What do children under 12 pay?", ("$3",)),
            ("What time does the pool open on weekdays?", ("6:30",)),
            ("When is the pool closed for cleaning?", ("september",)),
            ("Is there a sauna?", None),
        ],
    ),
    (
        "en",
        "Lemon Lentil Soup",
        (
            "Lemon Lentil Soup\n\nIngredients\n- 250 g red lentils\n- 1 large onion\n- 2 carrots\n- 1.2 litres "
            "vegetable stock\n- juice of 1 lemon\n\nMethod\n1. Chop the onion and carrots and fry them gently "
            "for 8 minutes.\n2. Rinse the lentils and add them with the stock.\n3. Simmer for 25 minutes until "
            "soft.\n4. Blend, then stir in the lemon juice.\n\nServes 4. Keeps in the fridge for 3 days."
        ),
        [
            ("How much stock do I need?", ("1.2 litres",)),
            ("How long does the soup simmer?", ("25 minutes",)),
            ("How many people does it serve?", ("4",)),
            ("How long does it keep in the fridge?", ("3 days",)),
            ("For how long are the onion and carrots fried?", ("8 minutes",)),
            ("How much garlic goes in?", None),
        ],
    ),
    (
        "en",
        "Remote Work Policy",
        (
            "Employees may work from home up to two days a week after a probation period of three months. "
            "Requests are made in the staff portal and approved by the team leader at least five working days in "
            "advance. Core hours are 10:00 to 15:00, during which everyone must be reachable. The company pays "
            "30 euros a month towards internet costs. Laptops must be encrypted and may not be lent to anyone."
        ),
        [
            ("How many days a week can I work from home?", ("two",)),
            ("Who approves the request?", ("team leader",)),
            ("What are the core hours?", ("10:00",)),
            ("How much does the company pay for internet?", ("30 euros",)),
            ("How long is the probation period?", ("three months",)),
            ("How many holidays do I get?", None),
        ],
    ),
    (
        "en",
        "Edwin Marlowe",
        (
            "Edwin Marlowe (12 March 1874 - 3 October 1941) was a Scottish botanist and explorer. Born in Perth, "
            "he studied at the University of Glasgow and joined an expedition to Borneo in 1899, where he "
            "collected more than 2,000 plant specimens. In 1910 he became director of the Leith Botanical "
            "Garden, a post he held until 1935. His best-known book is The Climbing Plants of Asia. He married "
            "the painter Clara Hume in 1904."
        ),
        [
            ("Where was Edwin Marlowe born?", ("perth",)),
            ("When did he join the expedition to Borneo?", ("1899",)),
            ("Who did he marry?", ("clara hume",)),
            ("What is his best-known book?", ("climbing plants of asia",)),
            ("What did Edwin Marlowe become in 1910?", ("director",)),
            ("How many children did he have?", None),
        ],
    ),
    (
        "en",
        "Orbit 5 Router Quick Guide",
        (
            "Plug the power cable into the Orbit 5 and wait about two minutes until the front light turns blue. "
            "Connect to the network named ORBIT-SETUP with the password welcome55. Open 192.168.8.1 in a browser "
            "and choose your own password. A blinking orange light means there is no internet connection; a "
            "steady red light means the router is overheating. To reset the router, hold the button on the back "
            "for 12 seconds. The warranty is two years."
        ),
        [
            ("What password do I use for ORBIT-SETUP?", ("welcome55",)),
            ("What does a blinking orange light mean?", ("no internet",)),
            ("How do I reset the router?", ("12 seconds",)),
            ("How long is the warranty?", ("two years",)),
            ("Which address do I open in the browser?", ("192.168.8.1",)),
            ("How many antennas does it have?", None),
        ],
    ),
]
TALK = [
    "你好",
    "您好，请问你是谁？",
    "你叫什么名字？",
    "谁开发了你？",
    "你是ChatGPT吗？",
    "谢谢你的帮助！",
    "再见",
    "早上好呀",
    "晚安",
    "你能做什么？",
    "今天天气怎么样？",
    "讲个笑话吧",
    "我今天心情不好",
    "我考试没考好，很难过",
    "最近工作好累",
    "你会说英语吗？",
    "你是真人吗？",
    "我好无聊，周末做点什么好？",
    "你真厉害",
    "你刚才说错了",
    "我叫王小明，你叫什么？",
    "晚上睡不着怎么办？",
    "怎样才能坚持锻炼？",
    "嗯嗯",
    "吃饭了吗？",
    "Hello",
    "Hi, who are you?",
    "What's your name?",
    "Who made you?",
    "Are you GPT-4?",
    "Thank you so much!",
    "Goodbye!",
    "Good morning",
    "What can you do?",
    "What's the weather today?",
    "Tell me a joke",
    "I feel sad today",
    "Do you have feelings?",
    "How are you?",
    "I'm so bored",
]
