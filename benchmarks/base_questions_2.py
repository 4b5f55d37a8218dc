"""A second hand-written set for the embedded base: 16 passages, 96 lookups (80 answerable, 16 not). Never trained on.

Same form as base_questions.py: a lookup is (question, accepted); the answer must hold one of the accepted strings
(white space and case ignored); None means that the passage does not say, so the fixed refusal is right.
"""

from __future__ import annotations

Lookup = tuple[str, tuple[str, ...] | None]
PASSAGES: list[tuple[str, str, str, list[Lookup]]] = [
    (
        "zh",
        "番茄牛腩煲",
        (
            "番茄牛腩煲\n\n食材\n牛腩 800 克，番茄 5 个，土豆 2 个，洋葱半个，冰糖 15 克，番茄酱 3 汤匙，"
            "八角 2 颗，香叶 3 片。\n\n步骤\n1. 牛腩切成 4 厘米见方的块，冷水下锅，水开后撇去浮沫，煮 5 分钟捞出。\n"
            "2. 番茄顶部划十字，用开水烫 1 分钟后去皮切块。\n3. 热锅放油，炒香洋葱和大部分番茄，炒到出沙。\n"
            "4. 放入牛腩、番茄酱、冰糖、八角和香叶，加热水没过食材，小火炖 90 分钟。\n"
            "5. 放入土豆和剩下的番茄，再炖 20 分钟，加盐出锅。\n\n份量\n4 至 5 人份\n\n要点\n"
            "盐放早了牛肉会变柴。中途加水只能加热水。没有冰糖可以用白糖代替，减到 10 克。"
        ),
        [
            ("炖到一半水少了，能加凉水吗", ("热水", "不能", "不可以")),
            ("为啥盐要最后放？", ("变柴",)),
            ("家里没冰糖咋办", ("白糖",)),
            ("番茄牛腩里的番茄怎么去皮？", ("开水烫", "烫1分钟")),
            ("土豆下锅以后还要炖多久", ("20分钟",)),
            ("用高压锅要压几分钟？", None),
        ],
    ),
    (
        "zh",
        "安宁宠物诊所 · 时间与收费",
        (
            "安宁宠物诊所每天 9:30 至 20:00 接诊，每周二全天停诊，法定节假日只开上午。夜间急诊 20:00 至次日 2:00，"
            "须先致电 0755-2266 1903，另收夜诊费 150 元。挂号费：普通医生 30 元，主任医师 80 元。狂犬疫苗 90 元一针，"
            "猫三联 120 元一针。绝育手术：公猫 380 元，母猫 680 元，10 公斤以下的犬 900 元起；术前 8 小时禁食、"
            "4 小时禁水。会员卡充值满 1000 元，诊疗费九折，疫苗和处方粮不打折。可停楼下地库，前两小时免费。"
        ),
        [
            ("哪天不开门？", ("周二",)),
            ("母猫绝育要多少钱", ("680",)),
            ("半夜一点狗一直吐，能过来看吗", ("致电", "夜间急诊", "夜诊", "2:00")),
            ("手术前多久不能喂吃的？", ("8小时",)),
            ("办了安宁诊所的会员，打疫苗便宜吗", ("不打折",)),
            ("给狗洗一次澡多少钱？", None),
        ],
    ),
    (
        "zh",
        "差旅费报销规定",
        (
            "一、住宿：普通员工每晚不超过 350 元，经理每晚不超过 500 元，总监及以上每晚不超过 800 元；"
            "到北京、上海、广州、深圳出差的，可上浮 20%。\n二、交通：高铁 6 小时以内的乘二等座，超过 6 小时可乘飞机"
            "经济舱；市内打车每天上限 100 元，须附行程单。\n三、伙食补助每天 80 元，当天往返的减半，主办方管饭不发。\n"
            "四、返程后 15 天内在“云账”系统提交，超过 30 天的不予受理。单笔 2000 元以下由部门经理审批，"
            "2000 元及以上还须财务总监签字。发票丢失的，凭付款记录和书面说明报销七成。"
        ),
        [
            ("经理出差住一晚最多报多少", ("500",)),
            ("早上去晚上就回来，饭补怎么算？", ("减半",)),
            ("发票弄丢了还能报吗", ("七成", "书面说明")),
            ("一笔3500块的差旅费要谁签字？", ("财务总监",)),
            ("单子拖了一个多月才交，行吗", ("不予受理", "不行")),
            ("自己开车去，油费怎么报？", None),
        ],
    ),
    (
        "zh",
        "明炉电热水壶四款对比",
        (
            "明炉电热水壶四款对比\n\n| 型号 | 容量 | 功率 | 保温 | 价格 |\n| --- | --- | --- | --- | --- |\n"
            "| M10 | 0.8升 | 1000瓦 | 无 | 79元 |\n| M17 | 1.7升 | 1800瓦 | 2小时 | 139元 |\n"
            "| M20 Pro | 2.0升 | 2200瓦 | 6小时 | 229元 |\n| T6 | 0.6升 | 650瓦 | 无 | 168元 |\n\n"
            "M17 和 M20 Pro 的内胆是 316 不锈钢，M10 和 T6 是 304 不锈钢。T6 可以折叠，支持 110 伏和 220 伏两种电压，"
            "适合出国携带。M20 Pro 保修三年，其余三款保修一年。收货七天内未使用可以退货，运费由买家承担。"
        ),
        [
            ("最便宜的是哪款", ("M10",)),
            ("要带出国的话买哪个？", ("T6",)),
            ("M17能保温几个小时", ("2小时",)),
            ("M20 Pro的功率多大？", ("2200",)),
            ("不想要了退回去，邮费谁出", ("买家",)),
            ("M17有哪几种颜色？", None),
        ],
    ),
    (
        "zh",
        "净立方 D6 洗碗机使用说明",
        (
            "首次使用前，先把盐仓加满水，再倒入 1 公斤软水盐，以后“盐”字灯亮起时再补。程序：强力洗 140 分钟，70℃，"
            "适合油腻锅具；日常洗 95 分钟，60℃；快洗 35 分钟，45℃，不含烘干；玻璃洗 50 分钟，40℃。"
            "按住“预约”键 3 秒可推迟 2 至 12 小时启动。木制、铝制及带金边的餐具不可放入。滤网每周冲洗一次，"
            "喷臂每月清理一次。E1 表示进水不足，请检查水龙头；E4 表示底盘漏水，请立即关闭水阀并拨打 400-700-5523。"
            "整机保修两年，水泵保修五年。运行中开门会自动暂停，关门 10 秒后继续。"
        ),
        [
            ("木头筷子能放进去洗吗", ("不可放入", "不能", "不可以")),
            ("快洗要多长时间？", ("35分钟",)),
            ("屏幕上跳E1咋回事", ("进水不足",)),
            ("D6洗碗机的喷臂多久弄干净一次？", ("每月",)),
            ("正洗着把门拉开会怎样", ("暂停",)),
            ("洗一次用几度电？", None),
        ],
    ),
    (
        "zh",
        "顾怀远",
        (
            "顾怀远（1902年—1979年），字子静，安徽歙县人，昆虫学家。幼年随父迁居苏州，1921年考入东南大学农科，"
            "1928年赴比利时留学，1932年获博士学位。回国后先在中山大学任教，1938年因战事转往昆明，"
            "在那里主持治蝗站八年。1951年任华东农业研究所副所长，1957年升任所长，1966年去职。"
            "他一生采集标本四万余件，晚年全部捐给南京博物馆。代表作《中国蝗虫志》写了十一年，1963年出版。"
            "夫人陆静仪是小提琴教师，二人育有一子两女。1979年冬因肺炎在南京去世。"
        ),
        [
            ("他是去哪个国家留的学？", ("比利时",)),
            ("顾怀远当上所长是哪年", ("1957",)),
            ("当年为什么跑到昆明去", ("战事",)),
            ("顾怀远采的标本后来给谁了？", ("南京博物馆",)),
            ("得什么病走的", ("肺炎",)),
            ("他的博士论文写的是什么？", None),
        ],
    ),
    (
        "zh",
        "第六届柳湾旧书市集通知",
        (
            "第六届柳湾旧书市集定于 10 月 18 日至 19 日在柳湾文化馆南广场举行，每天 10:00 开始，18 日 21:00 结束，"
            "19 日 17:00 结束。入场免费，无须预约；18 日 19:00 的作家对谈须凭票，成人 40 元，学生 20 元，现场不售票，"
            "请于 10 月 12 日前在公众号购买。摆摊者 9 月 30 日前报名，摊位费个人 60 元、书店 200 元，另交押金 100 元，"
            "收摊后摊位整洁的当场退还。若遇下雨，市集移至文化馆一楼大厅。广场没有停车位，请乘地铁 4 号线到柳湾站，"
            "从 B 口出站步行 6 分钟。宠物牵绳可入场，大厅内除外。"
        ),
        [
            ("要是下雨怎么办", ("大厅",)),
            ("学生听作家对谈多少钱？", ("20元",)),
            ("19号几点散场", ("17:00",)),
            ("书店来摆摊，摊位费收多少？", ("200",)),
            ("对谈的票能到现场再买吗", ("不售票", "不能", "不可以", "公众号")),
            ("对谈请的是哪位作家？", None),
        ],
    ),
    (
        "zh",
        "安居家庭财产保险条款（摘要）",
        (
            "第五条 因火灾、爆炸、暴雨、盗抢、水管爆裂造成的房屋和室内财产损失，由本公司赔偿。\n第六条 地震、战争、"
            "投保人故意行为造成的损失，以及现金、首饰、古董，不予赔偿。\n第七条 赔偿限额：房屋主体 60 万元，"
            "室内装修 15 万元，家用电器合计 5 万元，其中单件最高 8000 元。\n第八条 每次事故免赔额 300 元，"
            "水管爆裂的免赔额为 500 元。\n第九条 出险后应在 48 小时内拨打 95177 报案，盗抢案件须先向公安机关报案。\n"
            "第十条 房屋连续空置超过 60 天期间发生的损失不予赔偿。\n第十一条 保费每年 168 元；签收保单后 15 日内可"
            "无条件退保，此后退保收取 10% 手续费。"
        ),
        [
            ("金项链让人偷了给赔吗", ("不予赔偿", "不赔")),
            ("水管爆了自己要承担多少？", ("500",)),
            ("冰箱烧坏了最多能拿多少钱", ("8000",)),
            ("家里进贼了，要先找谁报案？", ("公安",)),
            ("保了半年不想要了，退保扣多少", ("10%",)),
            ("赔款几天能到账？", None),
        ],
    ),
    (
        "en",
        "Fern & Fettle Bike Workshop",
        (
            "Fern & Fettle is on Canal Street, behind the library. The workshop opens at 9 am from Tuesday to "
            "Friday and at 10 am on Saturdays, and closes at 6 pm; we stay shut on Sundays and Mondays. A basic "
            "service costs £45, a full service £95 and a puncture repair £12 including the tube. Punctures are "
            "fixed while you wait; a full service takes three working days. We rent hybrids at £18 a day and "
            "e-bikes at £35 a day, against a deposit of £150 on a card. Cash is no longer accepted. Bikes not "
            "collected within 30 days are charged £2 a day. Students get 10% off labour, not parts."
        ),
        [
            ("which days are you closed", ("monday",)),
            ("How much to fix a flat?", ("£12",)),
            ("can i pay with notes and coins", ("no longer",)),
            ("How long does a full service take at Fern & Fettle?", ("three working days",)),
            ("what's an e-bike for the day", ("£35",)),
            ("Do you sell second-hand bikes?", None),
        ],
    ),
    (
        "en",
        "Annual Leave and Absence",
        (
            "Full-time staff receive 22 days of annual leave in their first two years of service, 25 days from the "
            "third year and 28 days after ten years. Requests for up to three days go to the line manager one week "
            "ahead; anything longer also needs the head of department and a month's notice. No leave is granted in "
            "the last week of December because of stocktaking. Up to five unused days may be carried over and must "
            "be taken by 30 April. Staff who are ill must ring the duty desk before 8:30 am; a doctor's note is "
            "needed from the fourth day. Sick pay is full salary for six weeks and half salary for a further ten "
            "weeks. Two days are given for moving house, and five for the death of a close relative."
        ),
        [
            ("I've been here 12 years, how many days off do I get?", ("28",)),
            ("why can't i be off the week of new year's eve", ("stocktaking",)),
            ("When do I have to hand in a doctor's note?", ("fourth day",)),
            ("what if i don't use up all my days", ("carried over", "30 april")),
            ("how long do I get my full pay when I'm sick?", ("six weeks",)),
            ("How much time off do I get for my wedding?", None),
        ],
    ),
    (
        "en",
        "Bus 14: Millbrook - Castle Bay",
        (
            "Bus 14, Millbrook to Castle Bay, valid from 6 January\n\n"
            "Millbrook Station  06:50  08:10 S  11:20  16:45 R  19:05\n"
            "Old Bridge         07:04  08:26 S  11:34  17:01 R  19:19\n"
            "Castle Bay Pier    07:31  08:55 S  12:01  17:30 R  19:46\n\n"
            "Notes\nS: school days only.\nR: stops at Old Bridge on request; ring 01555 204 880 an hour before.\n"
            "The 19:05 does not run on Saturdays. There is no service on Sundays and public holidays.\n"
            "Fares: single £3.40, return £5.80, day ticket £7; under-fives travel free, dogs pay £1.\n"
            "Bicycles are not carried between 16:00 and 18:00.\n"
            "Because of works on Pier Road, buses stop at Market Square instead of the pier until 28 February."
        ),
        [
            ("when does the last bus leave Millbrook", ("19:05",)),
            ("If I catch the 11:20, when am I at Castle Bay?", ("12:01",)),
            ("how much is it there and back", ("£5.80",)),
            ("Why isn't the 14 stopping at the pier?", ("works",)),
            ("can i go on a sunday?", ("no service",)),
            ("how much is a weekly ticket", None),
        ],
    ),
    (
        "en",
        "Halvorin 10 mg tablets",
        (
            "Halvorin relieves hay fever, hives and itchy eyes. Adults and children over 12: one tablet a day, in "
            "the evening, with water. Children aged 6 to 12: half a tablet a day. Not for children under 6. People "
            "with kidney disease should take one tablet every second day. If you have taken too many, ring the "
            "poison line on 0800 555 019. If you miss a dose, skip it and take the next one at the usual time. "
            "Grapefruit juice must be avoided because it makes the effect stronger. Common side effects are "
            "drowsiness and a dry mouth; a rash is rare and a reason to stop at once. Do not drive for eight hours "
            "after a tablet. Store below 30 °C and use within three months of opening."
        ),
        [
            ("how much for a 9 year old", ("half a tablet",)),
            ("What if I forgot one?", ("skip",)),
            ("why no grapefruit juice with Halvorin", ("stronger",)),
            ("How long do I have to wait before driving?", ("eight hours",)),
            ("my kidneys are bad, how often can i take it", ("every second day",)),
            ("Is Halvorin OK during pregnancy?", None),
        ],
    ),
    (
        "en",
        "Banded marsh fox",
        (
            "The banded marsh fox is a small mammal of the Velmar Delta. Adults are 48 to 60 cm long without the "
            "tail and weigh 2.5 to 3.8 kg; females are slightly heavier than males. The coat is grey-brown with "
            "five dark bands, and webbed feet help it to swim. It feeds mainly on crayfish and frogs and, in "
            "winter, on reed roots. Mating takes place in February, and after 54 days the female bears two to four "
            "cubs in a burrow dug into the river bank. Cubs open their eyes after 12 days and leave at seven "
            "months. Its chief enemy is the eagle owl. Numbers fell from about 9,000 in 1970 to 2,100 in 2015, "
            "mostly because marshes were drained for rice fields. Hunting has been banned since 1988."
        ),
        [
            ("what does it eat in winter", ("reed roots",)),
            ("How many banded marsh foxes were left in 2015?", ("2,100",)),
            ("why are there so few now", ("drained",)),
            ("Is it legal to shoot a marsh fox?", ("banned",)),
            ("when do the young ones open their eyes", ("12 days",)),
            ("How long does a banded marsh fox live?", None),
        ],
    ),
    (
        "en",
        "Tenancy agreement, clauses 6 to 11",
        (
            "6. The rent is £940 a month, due on the third day of each month; after seven days a late fee of £25 "
            "applies.\n7. The deposit of £1,200 is held by the Safe Deposit Scheme and returned within 14 days of "
            "the end of the tenancy, less the cost of any damage.\n8. The tenant pays for electricity, gas and "
            "internet; the landlord pays for water and building insurance.\n9. Pets need the landlord's written "
            "consent, except fish. Smoking is forbidden indoors.\n10. The tenant may end the tenancy with one "
            "month's notice, the landlord with three months' notice, in writing.\n11. Repairs up to £60 are paid by "
            "the tenant; the landlord must fix heating faults within two working days. Walls may be painted if they "
            "are white again when the tenant leaves."
        ),
        [
            ("who pays the water bill", ("landlord",)),
            ("How much notice do I have to give if I want to move out?", ("one month",)),
            ("can i have a goldfish without asking", ("except fish", "yes")),
            ("what happens if the rent is late", ("£25",)),
            ("When do I get my deposit back?", ("14 days",)),
            ("Can I sublet a room?", None),
        ],
    ),
    (
        "en",
        "Pocketleaf Help: Backups and devices",
        (
            "Where are my notes kept?\nOn your phone and, if Cloud Copy is on, on our servers in Ireland. Turn it on "
            "under Menu > Account > Cloud Copy. The free plan syncs two devices, Plus (€2.99 a month) five and "
            "Family twelve.\n\nI deleted a note\nOpen Menu > Bin and tap Restore. Notes stay there for 30 days, on "
            "Plus for 90 days.\n\nI forgot my passcode\nTap Forgotten on the lock screen and enter the code we email "
            "you. After ten wrong tries the app locks for one hour.\n\nSyncing is stuck\nMostly the phone is in "
            "power-saving mode; switch that off and pull down the list.\n\nExport\nThe Share button writes PDF or "
            "plain text; attachments over 25 MB are left out. Cancelling Plus does not delete any notes."
        ),
        [
            ("how many devices can i use for free", ("two",)),
            ("Where do I find a note I threw away by mistake?", ("bin",)),
            ("why won't it sync", ("power-saving",)),
            ("Will I lose my stuff if I stop paying for Plus?", ("not delete",)),
            ("what if i type the wrong passcode ten times", ("one hour",)),
            ("How do I change the email address of my Pocketleaf account?", None),
        ],
    ),
    (
        "en",
        "Ridgeway Tents, spring price list",
        (
            "| Tent | Sleeps | Weight | Setup time | Price |\n|---|---|---|---|---|\n"
            "| Wren | 1 | 1.3 kg | 5 min | $119 |\n| Heron 2 | 2 | 2.4 kg | 8 min | $189 |\n"
            "| Osprey 4 | 4 | 5.6 kg | 15 min | $329 |\n| Albatross | 6 | 11.2 kg | 25 min | $545 |\n\n"
            "The Wren and the Heron 2 have aluminium poles, the other two fibreglass poles. Only the Albatross comes "
            "with a groundsheet; for the others it costs $24. Poles are guaranteed for five years, fabric for two. "
            "Shipping is free on orders over $150, otherwise $9. Unused tents may be returned within 28 days. The "
            "Osprey 4 is sold out until 20 May because of a delay at the factory."
        ),
        [
            ("which one is the lightest", ("wren",)),
            ("How much is the Heron 2?", ("$189",)),
            ("why can't i get the Osprey 4 right now", ("delay",)),
            ("We're six people, which tent?", ("albatross",)),
            ("how long is the warranty on the poles", ("five years",)),
            ("What colour is the Wren?", None),
        ],
    ),
]
