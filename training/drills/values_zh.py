"""How the values of the Chinese fact sheets are written: one maker for each kind of attribute (see tables/zh.txt)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.drills.pools import pools
from training.drills.words_zh import (
    CITY,
    WEEK,
    chars,
    city,
    clock,
    code,
    company,
    course,
    date,
    hours,
    listing,
    num,
    person,
    pick,
    place,
    price,
    small,
    span,
    year,
)

VALUES: dict[str, Callable[[Random], str]] = {
    "person": person,
    "city": city,
    "place": place,
    "company": company,
    "code": code,
    "price": price,
    "clock": clock,
    "hours": hours,
    "date": date,
    "year": year,
    "course": course,
    "address": lambda r: (
        chars(r, 2, 2)
        + pick(r, "address")
        + str(r.randint(1, 999))
        + "号"
        + (f"{r.randint(1, 30)}层" if r.random() < 0.2 else "")
    ),
    "phone": lambda r: r.choice(
        (
            f"0{r.randint(10, 999)}-{r.randint(2000000, 89999999)}",
            f"1{r.randint(3, 9)}{r.randint(100000000, 999999999)}",
            f"400-{r.randint(100, 999)}-{r.randint(1000, 9999)}",
            str(r.randint(20000000, 89999999)),
        )
    ),
    "dish": lambda r: pick(r, "dish") + pick(r, "dish_main"),
    "seats": lambda r: num(r, r.randint(4, 400), r.choice(("个", "位"))),
    "weekday": lambda r: r.choice(WEEK) if r.random() < 0.8 else "每月" + small(r, r.randint(1, 28)) + "号",
    "petok": lambda r: pick(r, "petok"),
    "weight": lambda r: num(
        r,
        r.choice((r.randint(2, 999), f"{r.randint(1, 60)}.{r.randint(1, 9)}")),
        r.choice(("克", "公斤", "千克", "kg", "斤", "g")),
    ),
    "colors": lambda r: listing(r, "colors", 2, 4),
    "color1": lambda r: pick(r, "color1"),
    "months": lambda r: r.choice((span(r, "个月", 1, 36), num(r, r.randint(1, 10), "年"), "半年", "一年半")),
    "years": lambda r: r.choice((num(r, r.randint(1, 30), "年"), num(r, r.randint(3, 60), "个月"))),
    "durh": lambda r: r.choice(
        (span(r, "小时", 1, 48), span(r, "个小时", 1, 12), f"{r.randint(1, 9)}个半小时", f"{r.randint(1, 30)}.5小时")
    ),
    "durm": lambda r: r.choice((span(r, "分钟", 2, 90), "半小时", "一刻钟", num(r, r.randint(1, 59), "分钟"))),
    "durhm": lambda r: f"{r.randint(1, 20)}小时{r.randint(1, 59)}分" if r.random() < 0.7 else span(r, "分钟", 10, 300),
    "days": lambda r: r.choice(
        (
            span(r, "天", 1, 60),
            span(r, "个工作日", 1, 30),
            span(r, "日", 1, 180),
            num(r, r.randint(1, 8), "周"),
            num(r, r.randint(1, 365), "天"),
        )
    ),
    "size": lambda r: r.choice(("{}×{}×{}厘米", "{} x {} x {} mm", "{}*{}*{}cm")).format(
        *(r.randint(3, 200) for _ in range(3))
    ),
    "material": lambda r: pick(r, "material"),
    "watt": lambda r: num(r, r.randint(1, 300) * 10, r.choice(("瓦", "W"))),
    "capacity": lambda r: r.choice(
        (
            num(r, r.randint(1, 40) * 50, "毫升"),
            f"{r.randint(1, 90)}.{r.randint(1, 9)}升",
            num(r, r.randint(1, 60), "升"),
            num(r, r.randint(100, 950), "ml"),
        )
    ),
    "countitem": lambda r: num(r, r.randint(2, 900), r.choice(("件", "台", "家", "个"))),
    "meters": lambda r: num(
        r, r.choice((r.randint(3, 400), r.randint(400, 6000), f"{r.randint(10, 300)}.{r.randint(1, 9)}")), "米"
    ),
    "area": lambda r: num(
        r,
        r.choice((r.randint(2, 900), f"{r.randint(1, 90)}.{r.randint(1, 9)}", r.randint(1000, 90000))),
        r.choice(("平方米", "公顷", "亩", "平方公里")),
    ),
    "monthrange": lambda r: (
        (lambda a: f"{a}{r.choice(('月到', '月至', '-', '～'))}{min(12, a + r.randint(1, 4))}月")(r.randint(1, 11))
        if r.random() < 0.8
        else pick(r, "monthrange")
    ),
    "bus": lambda r: r.choice(
        (
            f"{r.randint(1, 999)}路公交车",
            f"地铁{r.randint(1, 19)}号线",
            f"旅游{r.randint(1, 9)}线",
            f"{r.randint(1, 99)}路和{r.randint(100, 999)}路公交",
        )
    ),
    "people": lambda r: num(
        r,
        r.choice((r.randint(3, 99), r.randint(100, 9999), f"{r.randint(1, 20)}万")),
        r.choice(("人", "人", "名", "多人", "余人")),
    ),
    "school": lambda r: (r.choice(CITY) if r.random() < 0.5 else chars(r)) + pick(r, "school"),
    "major": lambda r: pick(r, "major"),
    "job": lambda r: pick(r, "job"),
    "book": lambda r: (
        "《" + chars(r, 2, 5) + r.choice(("", "记", "集", "传", "之歌", "概论", "入门", "往事", "教程", "笔记")) + "》"
    ),
    "prize": lambda r: chars(r) + pick(r, "prize"),
    "height": lambda r: r.choice(
        (f"1.{r.randint(45, 99)}米", num(r, r.randint(145, 205), "厘米"), f"一米{small(r, r.randint(50, 95))}")
    ),
    "hobby": lambda r: listing(r, "hobby", 1, 2),
    "kids": lambda r: pick(r, "kids"),
    "room": lambda r: r.choice(
        (
            f"{r.choice('ABCDE')}座{r.randint(101, 2099)}室",
            f"{pick(r, 'room')}{r.randint(101, 909)}",
            f"第{small(r, r.randint(1, 9))}会议室",
            f"{small(r, r.randint(1, 9))}楼{chars(r)}厅",
            f"{r.randint(101, 999)}教室",
        )
    ),
    "email": lambda r: (
        "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(3, 8)))
        + r.choice(("", str(r.randint(1, 99))))
        + "@"
        + "".join(r.choice("abcdefghijklmnoprstuvwy") for _ in range(r.randint(3, 7)))
        + r.choice((".com", ".cn", ".org", ".edu.cn"))
    ),
    "dose": lambda r: r.choice(
        (
            span(r, "片", 1, 6),
            span(r, "粒", 1, 6),
            num(r, r.randint(1, 40) * 5, "毫升"),
            num(r, r.randint(1, 50) * 10, "毫克"),
            "半片",
            num(r, r.randint(1, 3), "袋"),
            span(r, "滴", 1, 9),
        )
    ),
    "freq": lambda r: (
        r.choice(("每日", "一天", "每天", "一日")) + r.choice(("一", "两", "三", "四", "1", "2", "3", "4")) + "次"
        if r.random() < 0.75
        else f"每隔{r.randint(3, 12)}小时一次"
    ),
    "disease": lambda r: listing(r, "complaints", 1, 3),
    "persons": lambda r: listing(r, "persons", 1, 3),
    "temps": lambda r: r.choice(
        (
            f"{r.randint(0, 15)}-{r.randint(16, 40)}℃",
            f"{r.randint(1, 30)}℃以下",
            f"零下{r.randint(1, 20)}度",
            f"{r.randint(2, 15)}到{r.randint(16, 38)}度",
            f"不超过{r.randint(10, 35)}℃的阴凉处",
        )
    ),
    "pack": lambda r: r.choice(
        (
            f"{r.randint(6, 100)}片",
            f"{r.randint(1, 6)}板×{r.randint(6, 14)}粒",
            f"{r.randint(3, 30)}袋",
            f"{r.randint(2, 12)}支，每支{r.randint(2, 20)}毫升",
        )
    ),
    "mealtime": lambda r: pick(r, "mealtime"),
    "missed": lambda r: pick(r, "missed"),
    "role": lambda r: pick(r, "role"),
    "percent": lambda r: r.choice(
        (f"{r.randint(1, 100)}%", f"{r.randint(1, 20) * 5}%", f"百分之{small(r, r.randint(2, 99))}")
    ),
    "permille": lambda r: r.choice(
        (
            f"万分之{small(r, r.randint(1, 9))}",
            f"千分之{small(r, r.randint(1, 9))}",
            f"0.{r.randint(1, 9)}%",
            f"{r.randint(5, 300)}元",
        )
    ),
    "papers": lambda r: listing(r, "papers", 1, 3),
    "channel": lambda r: pick(r, "channel") + r.choice(("", "", "的审批模块", "中的假勤页面")),
    "halfday": lambda r: pick(r, "halfday"),
    "monthlimit": lambda r: r.choice(
        (
            f"次年{r.randint(1, 12)}月底",
            f"当年{r.randint(10, 12)}月31日",
            f"次年{r.randint(1, 9)}月{r.randint(1, 28)}日",
            f"{r.randint(3, 12)}个月内",
            "当月月底",
        )
    ),
    "dept": lambda r: pick(r, "dept") + r.choice(("", "", f"（分机{r.randint(100, 9999)}）")),
    "platform": lambda r: r.choice(
        (f"{r.randint(1, 24)}站台", f"第{r.randint(1, 18)}站台", f"{r.randint(1, 9)}号站台", f"{r.choice('ABCD')}站台")
    ),
    "gate": lambda r: r.choice(
        (
            f"{r.randint(1, 30)}号检票口",
            f"{r.choice('AB')}{r.randint(1, 28)}检票口",
            f"{pick(r, 'gate')}进站口",
            f"{r.randint(1, 40)}号口",
        )
    ),
    "cities": lambda r: (lambda x: "、".join(x))(r.sample(CITY, r.randint(2, 4))),
    "km": lambda r: num(
        r,
        r.choice((r.randint(2, 99), r.randint(100, 3000), f"{r.randint(1, 90)}.{r.randint(1, 9)}")),
        r.choice(("公里", "千米", "km")),
    ),
    "classtime": lambda r: (
        r.choice(WEEK)
        + r.choice(("", "和" + r.choice(WEEK)))
        + r.choice((clock(r), f"第{r.randint(1, 5)}-{r.randint(6, 10)}节", hours(r), "下午"))
    ),
    "credit": lambda r: num(r, r.choice((r.randint(1, 8), f"{r.randint(1, 6)}.5")), r.choice(("学分", "个学分", "分"))),
    "lessonh": lambda r: num(r, r.randint(4, 64) * 2, r.choice(("学时", "课时", "个学时"))),
    "exam": lambda r: pick(r, "exam"),
    "times": lambda r: num(r, r.randint(1, 9), "次"),
    "volt": lambda r: num(r, r.choice((5, 12, 24, 36, 48, 110, 220, 230, 380)), r.choice(("伏", "V"))),
    "press": lambda r: r.choice(
        ("长按{}键{}秒", "同时按住{}键和电源键{}秒", "用针按住{}孔{}秒", "连按{}键{}次", "关机后按住{}键{}秒再开机")
    ).format(pick(r, "press"), r.randint(2, 30)),
    "fault": lambda r: pick(r, "faults"),
    "db": lambda r: num(r, r.randint(15, 90), r.choice(("分贝", "dB"))),
    "court": lambda r: r.choice(CITY) + pick(r, "court") if r.random() < 0.8 else chars(r) + "区人民法院",
    "venue": lambda r: chars(r, 2, 2) + pick(r, "venue"),
    "score": lambda r: f"{r.randint(0, 120)}{r.choice(('比', ':', '：', '-'))}{r.randint(0, 120)}",
    "floors": lambda r: num(r, r.randint(2, 88), "层"),
    "usage": lambda r: pick(r, "usage"),
    "cause": lambda r: pick(r, "cause"),
    "heritage": lambda r: pick(r, "heritage"),
    "ver": lambda r: r.choice(
        (
            f"{r.randint(1, 20)}.{r.randint(0, 20)}",
            f"V{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 30)}",
            f"{r.randint(2018, 2030)}.{r.randint(1, 12)}",
        )
    ),
    "mb": lambda r: num(r, r.randint(2, 990), r.choice(("MB", "GB", "M", "兆"))),
    "hotkey": lambda r: (
        r.choice(("Ctrl+", "Ctrl+Shift+", "Alt+", "Command+", "Win+Shift+", "Ctrl+Alt+"))
        + r.choice("ABCDEFGHIJKLMNPQRSTUVWXYZ")
        if r.random() < 0.85
        else f"F{r.randint(1, 12)}"
    ),
    "path": lambda r: r.choice(("“{}”文件夹", "D盘的{}目录", "/home/user/{}", "我的文档/{}", "手机存储/{}")).format(
        r.choice((chars(r), "".join(r.choice("abcdefghijklmnop") for _ in range(6))))
    ),
    "os": lambda r: listing(r, "os", 1, 3),
    "menu": lambda r: " > ".join(r.sample(pools("zh")["menu"], r.randint(2, 3))),
    "books": lambda r: num(r, r.choice((r.randint(2, 40), f"{r.randint(2, 300)}万")), r.choice(("册", "本"))),
    "floor": lambda r: small(r, r.randint(1, 9)) + "楼" + pick(r, "floor") if r.random() < 0.9 else "地下一层",
    "breed": lambda r: pick(r, "breed"),
    "grams": lambda r: num(r, r.randint(2, 80) * 10, r.choice(("克", "g"))),
    "temper": lambda r: pick(r, "temper"),
    "food": lambda r: listing(r, "foods", 1, 2),
    "datetime": lambda r: r.choice((date(r), r.choice(WEEK), f"{r.randint(1, 12)}月{r.randint(1, 28)}日")) + clock(r),
    "topic": lambda r: pick(r, "topic"),
    "digits": lambda r: r.choice(
        (
            f"{r.randint(100, 999)} {r.randint(100, 999)} {r.randint(100, 999)}",
            str(r.randint(100000000, 999999999)),
            f"{r.randint(100, 999)}-{r.randint(100, 999)}-{r.randint(100, 999)}",
        )
    ),
    "spot": lambda r: pick(r, "spot") + pick(r, "spot_side"),
    "cm": lambda r: r.choice((span(r, "厘米", 5, 300), f"{r.randint(1, 9)}.{r.randint(1, 9)}米")),
    "part": lambda r: pick(r, "part"),
    "bigmoney": lambda r: r.choice(
        (f"{r.randint(1, 900)}亿元", f"{r.randint(1, 99)}.{r.randint(1, 9)}亿元", num(r, r.randint(10, 9000), "万元"))
    ),
    "biz": lambda r: listing(r, "biz", 1, 2),
}
