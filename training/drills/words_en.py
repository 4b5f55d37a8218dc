"""English words, the names of invented entities, and how numbers, dates and prices are written.

Every maker takes a `random.Random` and returns text; what a value kind uses of them is in values_en.py.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from training.drills.pools import pools, words

FIRST = words(
    "Ada Alan Amara Anna Arthur Bella Boris Carla Cedric Clara Dana Daniel Diego Edith Elena Emil Farah Felix "
    "Fiona George Grace Hana Harold Helen Hugo Ines Ivan Jack Jana Joan "
    "Julia Karim Kate Leo Lena Louis Lucy Marco Maria Martin Maya Milo Nadia Nathan Nina Nora Oscar Otto Paula "
    "Peter Priya Ralph Rosa Ruth Samir Sara Simon Sofia Tara Thomas Tom Vera Victor Wanda Yusuf Zoe"
)
LAST_A = words(
    "Ash Black Bram Brook Cal Carl Clay Cole Dal Dun Ed El Fair Far Gar Gold Green Hal Har Haw Hol Kel King Lam "
    "Lang Long Mar Mer Mill Nor Oak Pem Rad Rock Row Sand Shel Stan Stone Thorn Tol Wake West White Win Wood"
)
LAST_B = words(
    "ard berg bridge burn bury by combe dale den field ford gate ham hurst land ley low man mere mont more nell "
    "ner rick ridge shaw side son stead sted stone ton vale ville well wick win wood worth"
)
CITY = words(
    "London Paris Berlin Madrid Rome Vienna Oslo Lisbon Dublin Prague Athens Boston Chicago Denver Seattle "
    "Austin Toronto Sydney Tokyo Osaka Seoul Cairo Lima Leeds Bristol York Ghent Lyon Turin Porto Zurich Bergen "
    "Geneva Milan"
)
WEEK = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTH = words("January February March April May June July August September October November December")
COUNT = words("zero one two three four five six seven eight nine ten eleven twelve")
SYLLABLES = words(
    "ba be bo ca co da de di do fa fi ga go ha ka ki ko la le li lo lu ma me mi mo na ne no pa pe po ra re ri ro "
    "sa se so ta te ti to va ve vi vo xa za ze zo"
)


def pick(rng: Random, pool: str) -> str:
    """One word of the named pool."""
    return rng.choice(pools("en")[pool])


def stem(rng: Random) -> str:
    """An invented surname or place name."""
    return rng.choice(LAST_A) + rng.choice(LAST_B)


def coin(rng: Random) -> str:
    """An invented brand-like word."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3))).capitalize() + rng.choice(
        ("", "x", "n", "r", "ta", "s")
    )


def person(rng: Random) -> str:
    return (
        rng.choice(("", "", "", "", "Dr ", "Mr ", "Ms "))
        + rng.choice(FIRST)
        + " "
        + (stem(rng) if rng.random() < 0.8 else coin(rng))
    )


def company(rng: Random) -> str:
    return (stem(rng) if rng.random() < 0.5 else coin(rng)) + " " + pick(rng, "company")


def num(rng: Random, number: int | str, unit: str) -> str:
    """A quantity with its unit; small numbers now and then in words, singular where it is one."""
    if str(number) == "1" and unit.endswith("s") and len(unit) > 2:
        unit = unit[:-1]
    if isinstance(number, int) and 0 < number <= 12 and rng.random() < 0.25:
        return f"{COUNT[number]} {unit}"
    return f"{number} {unit}"


def span(rng: Random, unit: str, low: int, high: int) -> str:
    """A quantity from `low` to `high`, at times as a range."""
    a = rng.randint(low, high)
    if rng.random() < 0.18:
        return f"{a}{rng.choice(('-', ' to '))}{a + rng.randint(1, max(2, high // 4))} {unit}"
    return num(rng, a, unit)


def code(rng: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    return rng.choice(
        (
            lambda: rng.choice(letters) + rng.choice(letters) + "-" + str(rng.randint(10, 9999)),
            lambda: coin(rng).lower() + str(rng.randint(10, 9999)),
            lambda: str(rng.randint(100000, 99999999)),
            lambda: rng.choice(letters) + str(rng.randint(1, 999)) + rng.choice(letters),
        )
    )()


def price(rng: Random) -> str:
    n = rng.choice((rng.randint(1, 99), rng.randint(10, 999), rng.randint(1, 90) * 10, rng.randint(1000, 90000)))
    text = f"{n:,}" if rng.random() < 0.6 else str(n)
    if rng.random() < 0.3:
        text = f"{rng.randint(1, 99)}.{rng.randint(0, 99):02d}"
    return rng.choice(("${}", "${}", "£{}", "€{}", "{} dollars", "{} euros", "{} yuan")).format(text)


def clock(rng: Random) -> str:
    h, m = rng.randint(5, 23), rng.choice((0, 15, 30, 45, rng.randint(1, 59)))
    form = rng.randrange(4)
    if form < 2:
        return f"{h:02d}:{m:02d}" if form else f"{h}:{m:02d}"
    return (
        f"{(h - 1) % 12 + 1}"
        + (f":{m:02d}" if m else "")
        + rng.choice((" am", "am", " a.m.") if h < 12 else (" pm", "pm", " p.m."))
    )


def hours(rng: Random) -> str:
    a, b = rng.randint(5, 11), rng.randint(1, 11)
    return rng.choice(
        (
            f"from {a} am to {b} pm",
            f"from {a}:00 to {b + 12}:30",
            f"{a}am-{b}pm",
            f"from {a:02d}:30 until {b + 12}:00",
            f"{a}:15 to {b + 12}:45",
            f"{a:02d}:00-{b + 12}:00",
        )
    )


def date(rng: Random) -> str:
    d, m, y = rng.randint(1, 28), rng.choice(MONTH), rng.randint(1850, 2030)
    return rng.choice(
        (f"{d} {m} {y}", f"{m} {d}, {y}", f"{d} {m}", f"{y}-{rng.randint(1, 12):02d}-{d:02d}", f"{m} {d}")
    )


def listing(rng: Random, pool: str, low: int, high: int) -> str:
    """`low` to `high` words of the named pool, joined as a sentence joins them."""
    chosen = rng.sample(pools("en")[pool], rng.randint(low, high))
    return chosen[0] if len(chosen) == 1 else ", ".join(chosen[:-1]) + " and " + chosen[-1]


def shop(rng: Random) -> str:
    lead = rng.choice(
        (
            lambda: stem(rng),
            lambda: rng.choice(FIRST) + "'s",
            lambda: "The " + pick(rng, "shop_colour") + " " + pick(rng, "shop_emblem"),
            lambda: coin(rng),
        )
    )()
    return lead + " " + pick(rng, "shop")


def the(noun: str) -> str:
    return "the " + noun


def bigmoney(r: Random) -> str:
    return r.choice(("${} million", "{} million euros", "${} billion", "£{} million")).format(
        r.choice((r.randint(1, 900), f"{r.randint(1, 99)}.{r.randint(1, 9)}"))
    )


NAMES: dict[str, Callable[[Random], str]] = {
    "shop": shop,
    "person": person,
    "company": company,
    "product": lambda r: the(coin(r) + r.choice(("", " " + code(r), " Pro", " Mini", " 2")) + " " + pick(r, "product")),
    "sight": lambda r: r.choice(
        (
            stem(r) + " Castle",
            "Mount " + stem(r),
            "Lake " + stem(r),
            "the " + stem(r) + " Museum",
            stem(r) + " Falls",
            stem(r) + " Gardens",
            "the " + stem(r) + " Caves",
            stem(r) + " Zoo",
        )
    ),
    "drug": lambda r: coin(r) + pick(r, "drug") + r.choice(("", " tablets", " syrup", " capsules", " drops")),
    "leave": lambda r: pick(r, "leave"),
    "train": lambda r: r.choice(
        (
            pick(r, "train") + " " + r.choice("ABCGKTX") + str(r.randint(1, 9999)),
            "the " + stem(r) + " Express",
            "line " + str(r.randint(1, 99)),
            "the " + stem(r) + " ferry",
        )
    ),
    "course": lambda r: pick(r, "course_level") + " " + pick(r, "course"),
    "device": lambda r: the(coin(r) + r.choice(("", " " + code(r))) + " " + pick(r, "device")),
    "contract": lambda r: "the " + stem(r) + " " + pick(r, "contract"),
    "match": lambda r: "the " + r.choice((str(r.randint(1980, 2030)) + " ", "")) + stem(r) + " " + pick(r, "match"),
    "building": lambda r: r.choice(
        (
            stem(r) + " Bridge",
            stem(r) + " Tower",
            "the " + stem(r) + " Theatre",
            stem(r) + " Hall",
            stem(r) + " Lighthouse",
            "the " + stem(r) + " Mill",
            stem(r) + " Abbey",
        )
    ),
    "app": lambda r: coin(r) + " " + pick(r, "app"),
    "library": lambda r: r.choice(
        (stem(r) + " Library", "the " + stem(r) + " Public Library", stem(r) + " City Library")
    ),
    "pet": lambda r: pick(r, "pet"),
    "meeting": lambda r: "the " + pick(r, "meeting_topic") + " " + pick(r, "meeting"),
    "estate": lambda r: stem(r) + " " + pick(r, "estate"),
    "plant": lambda r: pick(r, "plant_form") + " " + coin(r).lower() + pick(r, "plant"),
}
