"""How the values of the English fact sheets are written: one maker for each kind of attribute (see tables/en.txt)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.drills.pools import pools
from training.drills.words_en import (
    CITY,
    COUNT,
    MONTH,
    WEEK,
    bigmoney,
    clock,
    code,
    coin,
    company,
    date,
    hours,
    listing,
    num,
    person,
    pick,
    price,
    span,
    stem,
)

VALUES: dict[str, Callable[[Random], str]] = {
    "person": person,
    "company": company,
    "code": code,
    "price": price,
    "clock": clock,
    "hours": hours,
    "date": date,
    "city": lambda r: r.choice(CITY) if r.random() < 0.5 else stem(r),
    "place": lambda r: r.choice(
        (
            stem(r),
            stem(r) + " County",
            "the village of " + stem(r),
            "northern " + coin(r) + "ia",
            stem(r) + ", near " + r.choice(CITY),
        )
    ),
    "year": lambda r: str(r.randint(1400, 2030) if r.random() < 0.4 else r.randint(1950, 2030)),
    "address": lambda r: f"{r.randint(1, 999)} {stem(r)} {pick(r, 'address')}",
    "phone": lambda r: r.choice(
        (
            f"0{r.randint(10, 99)} {r.randint(1000, 9999)} {r.randint(1000, 9999)}",
            f"{r.randint(200, 999)}-{r.randint(200, 999)}-{r.randint(1000, 9999)}",
            f"555 {r.randint(1000, 9999)}",
            f"+{r.randint(1, 99)} {r.randint(100, 999)} {r.randint(100000, 999999)}",
        )
    ),
    "dish": lambda r: pick(r, "dish_way") + " " + pick(r, "dish") + r.choice(("", " pie", " with lemon", " stew")),
    "seats": lambda r: num(r, r.randint(4, 400), r.choice(("people", "guests"))),
    "weekday": lambda r: r.choice(WEEK) + r.choice(("", "", "s")),
    "petok": lambda r: pick(r, "petok"),
    "weight": lambda r: num(
        r,
        r.choice((r.randint(2, 999), f"{r.randint(1, 60)}.{r.randint(1, 9)}")),
        r.choice(("kg", "g", "grams", "pounds", "kilograms")),
    ),
    "colors": lambda r: listing(r, "colors", 2, 4),
    "color1": lambda r: pick(r, "color1"),
    "months": lambda r: r.choice((span(r, "months", 1, 36), num(r, r.randint(1, 10), "years"), "half a year")),
    "years": lambda r: num(r, r.randint(1, 30), "years") if r.random() < 0.6 else num(r, r.randint(3, 60), "months"),
    "durh": lambda r: r.choice(
        (span(r, "hours", 1, 48), f"{r.randint(1, 30)}.5 hours", f"{COUNT[r.randint(2, 9)]} and a half hours")
    ),
    "durm": lambda r: r.choice(
        (span(r, "minutes", 2, 90), "half an hour", "a quarter of an hour", num(r, r.randint(1, 59), "minutes"))
    ),
    "durhm": lambda r: (
        f"{r.randint(1, 20)} h {r.randint(1, 59)} min" if r.random() < 0.5 else span(r, "minutes", 10, 300)
    ),
    "days": lambda r: r.choice(
        (
            span(r, "days", 1, 60),
            span(r, "working days", 1, 30),
            num(r, r.randint(1, 8), "weeks"),
            num(r, r.randint(1, 365), "days"),
        )
    ),
    "size": lambda r: r.choice(("{} x {} x {} cm", "{} by {} by {} mm", "{}×{}×{} cm")).format(
        *(r.randint(3, 200) for _ in range(3))
    ),
    "material": lambda r: pick(r, "material"),
    "watt": lambda r: num(r, r.randint(1, 300) * 10, r.choice(("W", "watts"))),
    "capacity": lambda r: r.choice(
        (
            num(r, r.randint(1, 40) * 50, "ml"),
            f"{r.randint(1, 90)}.{r.randint(1, 9)} litres",
            num(r, r.randint(2, 60), "litres"),
        )
    ),
    "countitem": lambda r: num(r, r.randint(2, 900), r.choice(("units", "pieces", "devices", "branches"))),
    "meters": lambda r: num(
        r,
        r.choice((r.randint(3, 400), f"{r.randint(400, 6000):,}", f"{r.randint(10, 300)}.{r.randint(1, 9)}")),
        r.choice(("metres", "m", "feet")),
    ),
    "area": lambda r: num(
        r,
        r.choice((r.randint(2, 900), f"{r.randint(1000, 90000):,}", f"{r.randint(1, 90)}.{r.randint(1, 9)}")),
        r.choice(("hectares", "square metres", "acres", "square kilometres")),
    ),
    "monthrange": lambda r: r.choice(
        (
            f"from {r.choice(MONTH[:6])} to {r.choice(MONTH[6:])}",
            f"in {r.choice(MONTH)}",
            "in spring",
            "in early summer",
            "in late autumn",
            f"between {r.choice(MONTH[:6])} and {r.choice(MONTH[6:])}",
        )
    ),
    "bus": lambda r: r.choice(
        (
            f"bus {r.randint(1, 999)}",
            f"tram line {r.randint(1, 30)}",
            f"metro line {r.randint(1, 19)}",
            f"buses {r.randint(1, 99)} and {r.randint(100, 999)}",
        )
    ),
    "people": lambda r: (
        r.choice((str(r.randint(3, 99)), f"{r.randint(100, 99999):,}", f"about {r.randint(2, 90)},000"))
        + r.choice((" people", " people", " persons"))
    ),
    "school": lambda r: r.choice(
        (
            f"the University of {stem(r)}",
            f"{stem(r)} College",
            f"{r.choice(CITY)} School of Art",
            f"{stem(r)} Medical School",
            f"{stem(r)} Grammar School",
        )
    ),
    "major": lambda r: pick(r, "major"),
    "job": lambda r: pick(r, "job"),
    "book": lambda r: f"{r.choice(chr(34) + ' ').strip()}The {stem(r)} {pick(r, 'book')}".replace('"', ""),
    "prize": lambda r: "the " + stem(r) + " " + pick(r, "prize"),
    "height": lambda r: r.choice(
        (f"1.{r.randint(45, 99)} m", f"{r.randint(145, 205)} cm", f"{r.randint(5, 6)} feet {r.randint(1, 11)}")
    ),
    "hobby": lambda r: listing(r, "hobby", 1, 2),
    "kids": lambda r: pick(r, "kids"),
    "room": lambda r: r.choice(
        (
            f"room {r.randint(1, 999)}",
            f"Hall {r.choice('ABCDE')}",
            f"room {r.choice('ABCDE')}{r.randint(10, 99)}",
            f"the {stem(r)} Room",
            f"block {r.choice('ABCD')}, room {r.randint(1, 300)}",
        )
    ),
    "email": lambda r: (
        coin(r).lower()
        + r.choice(("", ".", str(r.randint(1, 99)))).rstrip(".")
        + "@"
        + coin(r).lower()
        + r.choice((".com", ".org", ".net", ".edu"))
    ),
    "dose": lambda r: r.choice(
        (
            span(r, "tablets", 1, 6),
            span(r, "capsules", 1, 6),
            num(r, r.randint(1, 40) * 5, "ml"),
            num(r, r.randint(1, 50) * 10, "mg"),
            "half a tablet",
            span(r, "drops", 1, 9),
        )
    ),
    "freq": lambda r: pick(r, "freq"),
    "disease": lambda r: listing(r, "complaints", 1, 3),
    "persons": lambda r: listing(r, "persons", 1, 2),
    "temps": lambda r: r.choice(
        (
            f"{r.randint(0, 15)}-{r.randint(16, 40)} °C",
            f"below {r.randint(5, 30)} °C",
            f"{r.randint(2, 15)} to {r.randint(16, 38)} degrees",
            f"no more than {r.randint(10, 35)} °C",
        )
    ),
    "pack": lambda r: r.choice(
        (
            f"{r.randint(6, 100)} tablets",
            f"{r.randint(3, 30)} sachets",
            f"{r.randint(2, 12)} vials of {r.randint(2, 20)} ml",
            f"{r.randint(10, 60)} capsules",
        )
    ),
    "mealtime": lambda r: pick(r, "mealtime"),
    "missed": lambda r: pick(r, "missed"),
    "role": lambda r: pick(r, "role"),
    "percent": lambda r: r.choice(
        (f"{r.randint(1, 100)}%", f"{r.randint(1, 20) * 5}%", f"{r.randint(1, 99)} per cent")
    ),
    "papers": lambda r: listing(r, "papers", 1, 2),
    "channel": lambda r: pick(r, "channel"),
    "monthlimit": lambda r: r.choice(
        (
            f"the end of {r.choice(MONTH)}",
            f"{r.randint(1, 28)} {r.choice(MONTH)} of the next year",
            f"31 {r.choice(('December', 'March', 'January'))}",
        )
    ),
    "dept": lambda r: pick(r, "dept") + r.choice(("", "", f" (ext. {r.randint(100, 9999)})")),
    "platform": lambda r: f"platform {r.randint(1, 24)}{r.choice(('', '', 'a', 'b'))}",
    "gate": lambda r: f"gate {r.choice(('', 'A', 'B', 'C'))}{r.randint(1, 60)}",
    "cities": lambda r: (lambda x: ", ".join(x[:-1]) + " and " + x[-1])(r.sample(CITY, r.randint(2, 4))),
    "km": lambda r: num(
        r,
        r.choice((r.randint(2, 99), r.randint(100, 3000), f"{r.randint(1, 90)}.{r.randint(1, 9)}")),
        r.choice(("km", "miles", "kilometres")),
    ),
    "classtime": lambda r: (
        r.choice(("on ", "every ")) + r.choice(WEEK) + r.choice((" at " + clock(r), " " + hours(r), " afternoon"))
    ),
    "credit": lambda r: num(r, r.randint(1, 30), r.choice(("credits", "points"))),
    "lessonh": lambda r: num(r, r.randint(4, 90), "hours"),
    "exam": lambda r: pick(r, "exam"),
    "course": lambda r: pick(r, "course_level") + " " + pick(r, "course"),
    "times": lambda r: pick(r, "times"),
    "volt": lambda r: num(r, r.choice((5, 12, 24, 36, 48, 110, 220, 230, 380)), r.choice(("V", "volts"))),
    "press": lambda r: r.choice(
        (
            "hold the {} button for {} seconds",
            "press {} and power together for {} seconds",
            "push a pin into the {} hole for {} seconds",
            "press the {} key {} times",
        )
    ).format(pick(r, "press"), r.randint(2, 30)),
    "fault": lambda r: pick(r, "faults"),
    "db": lambda r: num(r, r.randint(15, 90), r.choice(("dB", "decibels"))),
    "court": lambda r: (
        "the "
        + r.choice(
            (
                r.choice(CITY) + " Court of Arbitration",
                stem(r) + " District Court",
                "commercial court in " + r.choice(CITY),
            )
        )
    ),
    "venue": lambda r: "the " + stem(r) + " " + pick(r, "venue"),
    "score": lambda r: f"{r.randint(0, 120)}{r.choice((' to ', '-', ':'))}{r.randint(0, 120)}",
    "floors": lambda r: num(r, r.randint(2, 88), r.choice(("floors", "storeys"))),
    "usage": lambda r: pick(r, "usage"),
    "cause": lambda r: pick(r, "cause"),
    "ver": lambda r: r.choice(
        (
            f"{r.randint(1, 20)}.{r.randint(0, 20)}",
            f"{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 30)}",
            f"{r.randint(2018, 2030)}.{r.randint(1, 12)}",
        )
    ),
    "mb": lambda r: num(r, r.randint(2, 990), r.choice(("MB", "GB"))),
    "hotkey": lambda r: (
        r.choice(("Ctrl+", "Ctrl+Shift+", "Alt+", "Cmd+")) + r.choice("ABCDEFGHIJKLMNPQRSTUVWXYZ")
        if r.random() < 0.85
        else f"F{r.randint(1, 12)}"
    ),
    "path": lambda r: r.choice(("the {} folder", "/home/user/{}", "Documents/{}", "D:\\{}")).format(coin(r)),
    "os": lambda r: listing(r, "os", 1, 3),
    "menu": lambda r: " > ".join(r.sample(pools("en")["menu"], r.randint(2, 3))),
    "books": lambda r: num(
        r, r.choice((r.randint(2, 40), f"{r.randint(2, 900)},000")), r.choice(("books", "items", "volumes"))
    ),
    "floor": lambda r: "the " + pick(r, "floor") + " floor",
    "breed": lambda r: pick(r, "breed"),
    "grams": lambda r: num(r, r.randint(2, 80) * 10, r.choice(("g", "grams"))),
    "temper": lambda r: pick(r, "temper"),
    "food": lambda r: listing(r, "food", 1, 2),
    "datetime": lambda r: clock(r) + " on " + r.choice((r.choice(WEEK), date(r))),
    "topic": lambda r: pick(r, "topic"),
    "digits": lambda r: f"{r.randint(100, 999)} {r.randint(100, 999)} {r.randint(100, 999)}",
    "spot": lambda r: pick(r, "spot"),
    "cm": lambda r: r.choice((span(r, "cm", 5, 300), f"{r.randint(1, 9)}.{r.randint(1, 9)} m")),
    "bigmoney": bigmoney,
    "biz": lambda r: pick(r, "biz"),
}
