"""Word lists and value makers of the English drills. Every maker takes a `random.Random` and returns text."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

FIRST = ("Ada Alan Amara Anna Arthur Bella Boris Carla Cedric Clara Dana Daniel Diego Edith Elena Emil Farah Felix Fiona George Grace Hana Harold Helen Hugo Ines Ivan Jack Jana Joan "
         "Julia Karim Kate Leo Lena Louis Lucy Marco Maria Martin Maya Milo Nadia Nathan Nina Nora Oscar Otto Paula Peter Priya Ralph Rosa Ruth Samir Sara Simon Sofia Tara Thomas Tom Vera Victor Wanda Yusuf Zoe").split()
LAST_A = "Ash Black Bram Brook Cal Carl Clay Cole Dal Dun Ed El Fair Far Gar Gold Green Hal Har Haw Hol Kel King Lam Lang Long Mar Mer Mill Nor Oak Pem Rad Rock Row Sand Shel Stan Stone Thorn Tol Wake West White Win Wood".split()
LAST_B = "ard berg bridge burn bury by combe dale den field ford gate ham hurst land ley low man mere mont more nell ner rick ridge shaw side son stead sted stone ton vale ville well wick win wood worth".split()
CITY = "London Paris Berlin Madrid Rome Vienna Oslo Lisbon Dublin Prague Athens Boston Chicago Denver Seattle Austin Toronto Sydney Tokyo Osaka Seoul Cairo Lima Leeds Bristol York Ghent Lyon Turin Porto Zurich Bergen Geneva Milan".split()
WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTH = "January February March April May June July August September October November December".split()
COUNT = "zero one two three four five six seven eight nine ten eleven twelve".split()


def pick(rng: Random, words: str) -> str:
    """One of the words of a list separated by spaces, or by "/" where they hold spaces."""
    return rng.choice(words.split("/") if "/" in words else words.split())


def stem(rng: Random) -> str:
    return rng.choice(LAST_A) + rng.choice(LAST_B)


def coin(rng: Random) -> str:
    """An invented brand-like word."""
    return "".join(rng.choice(("ba be bo ca co da de di do fa fi ga go ha ka ki ko la le li lo lu ma me mi mo na ne no pa pe po ra re ri ro sa se so ta te ti to va ve vi vo xa za ze zo").split())
                   for _ in range(rng.randint(2, 3))).capitalize() + rng.choice(("", "x", "n", "r", "ta", "s"))


def person(rng: Random) -> str:
    return rng.choice(("", "", "", "", "Dr ", "Mr ", "Ms ")) + rng.choice(FIRST) + " " + (stem(rng) if rng.random() < 0.8 else coin(rng))


def company(rng: Random) -> str:
    return (stem(rng) if rng.random() < 0.5 else coin(rng)) + " " + pick(rng, "Ltd/Foods/Group/Systems/& Sons/Industries/Works/Partners/Logistics/Press/Association/Labs/Trust")


def num(rng: Random, number: int | str, unit: str) -> str:
    """A quantity with its unit; small numbers now and then in words, singular where it is one."""
    if str(number) == "1" and unit.endswith("s") and len(unit) > 2:
        unit = unit[:-1]
    if isinstance(number, int) and 0 < number <= 12 and rng.random() < 0.25:
        return f"{COUNT[number]} {unit}"
    return f"{number} {unit}"


def span(rng: Random, unit: str, low: int, high: int) -> str:
    a = rng.randint(low, high)
    if rng.random() < 0.18:
        return f"{a}{rng.choice(('-', ' to '))}{a + rng.randint(1, max(2, high // 4))} {unit}"
    return num(rng, a, unit)


def code(rng: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    return rng.choice((lambda: rng.choice(letters) + rng.choice(letters) + "-" + str(rng.randint(10, 9999)), lambda: coin(rng).lower() + str(rng.randint(10, 9999)),
                       lambda: str(rng.randint(100000, 99999999)), lambda: rng.choice(letters) + str(rng.randint(1, 999)) + rng.choice(letters)))()


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
    return f"{(h - 1) % 12 + 1}" + (f":{m:02d}" if m else "") + rng.choice((" am", "am", " a.m.") if h < 12 else (" pm", "pm", " p.m."))


def hours(rng: Random) -> str:
    a, b = rng.randint(5, 11), rng.randint(1, 11)
    return rng.choice((f"from {a} am to {b} pm", f"from {a}:00 to {b + 12}:30", f"{a}am-{b}pm", f"from {a:02d}:30 until {b + 12}:00", f"{a}:15 to {b + 12}:45", f"{a:02d}:00-{b + 12}:00"))


def date(rng: Random) -> str:
    d, m, y = rng.randint(1, 28), rng.choice(MONTH), rng.randint(1850, 2030)
    return rng.choice((f"{d} {m} {y}", f"{m} {d}, {y}", f"{d} {m}", f"{y}-{rng.randint(1, 12):02d}-{d:02d}", f"{m} {d}"))


def listing(rng: Random, words: str, low: int, high: int) -> str:
    chosen = rng.sample(words.split("/"), rng.randint(low, high))
    return chosen[0] if len(chosen) == 1 else ", ".join(chosen[:-1]) + " and " + chosen[-1]


def shop(rng: Random) -> str:
    lead = rng.choice((lambda: stem(rng), lambda: rng.choice(FIRST) + "'s", lambda: "The " + pick(rng, "Blue/Old/Golden/Red/Silver/Quiet/Little") + " " + pick(rng, "Kettle/Fox/Lantern/Anchor/Pear/Owl/Mill/Bell/Otter"), lambda: coin(rng)))()
    return lead + " " + pick(rng, "Bakery/Cafe/Noodle House/Bookshop/Grill/Inn/Pharmacy/Tea Room/Diner/Hotel/Pizzeria/Barber/Flower Shop/Gym/Clinic/Garage/Hostel")


def the(noun: str) -> str:
    return "the " + noun


DISEASE = "headache/fever/cough/diarrhoea/nausea/insomnia/rash/a blocked nose/sore throat/stomach pain/dizziness/joint pain/high blood pressure/hay fever/dry mouth/drowsiness/toothache/eczema/migraine/muscle pain/heartburn"
FAULT = "low water/a blocked filter/overheating/an empty battery/a lost connection/an open lid/charging/a full charge/a sensor fault/pairing mode/a jammed motor/too much pressure/standby/a firmware update/a drain problem/no paper/a full memory card/normal operation"
VALUES: dict[str, Callable[[Random], str]] = {
    "person": person, "company": company, "code": code, "price": price, "clock": clock, "hours": hours, "date": date,
    "city": lambda r: r.choice(CITY) if r.random() < 0.5 else stem(r),
    "place": lambda r: r.choice((stem(r), stem(r) + " County", "the village of " + stem(r), "northern " + coin(r) + "ia", stem(r) + ", near " + r.choice(CITY))),
    "year": lambda r: str(r.randint(1400, 2030) if r.random() < 0.4 else r.randint(1950, 2030)),
    "address": lambda r: f"{r.randint(1, 999)} {stem(r)} {pick(r, 'Street Road Lane Avenue Square Row')}",
    "phone": lambda r: r.choice((f"0{r.randint(10, 99)} {r.randint(1000, 9999)} {r.randint(1000, 9999)}", f"{r.randint(200, 999)}-{r.randint(200, 999)}-{r.randint(1000, 9999)}", f"555 {r.randint(1000, 9999)}", f"+{r.randint(1, 99)} {r.randint(100, 999)} {r.randint(100000, 999999)}")),
    "dish": lambda r: pick(r, "roast/grilled/smoked/pickled/baked/spicy/slow-cooked/braised") + " " + pick(r, "trout/lamb/mushrooms/duck/aubergine/beef ribs/pumpkin/salmon/chicken/tofu/cabbage/pork belly") + r.choice(("", " pie", " with lemon", " stew")),
    "seats": lambda r: num(r, r.randint(4, 400), r.choice(("people", "guests"))),
    "weekday": lambda r: r.choice(WEEK) + r.choice(("", "", "s")),
    "petok": lambda r: pick(r, "pets are welcome/no pets are allowed/small dogs are allowed on a lead/pets must stay outside/dogs are allowed on the terrace only"),
    "weight": lambda r: num(r, r.choice((r.randint(2, 999), f"{r.randint(1, 60)}.{r.randint(1, 9)}")), r.choice(("kg", "g", "grams", "pounds", "kilograms"))),
    "colors": lambda r: listing(r, "red/black/white/blue/green/grey/silver/pink/purple/gold/orange/beige/navy/teal", 2, 4),
    "color1": lambda r: pick(r, "red/white/blue/purple/pink/yellow/orange/pale yellow/dark red"),
    "months": lambda r: r.choice((span(r, "months", 1, 36), num(r, r.randint(1, 10), "years"), "half a year")),
    "years": lambda r: num(r, r.randint(1, 30), "years") if r.random() < 0.6 else num(r, r.randint(3, 60), "months"),
    "durh": lambda r: r.choice((span(r, "hours", 1, 48), f"{r.randint(1, 30)}.5 hours", f"{COUNT[r.randint(2, 9)]} and a half hours")),
    "durm": lambda r: r.choice((span(r, "minutes", 2, 90), "half an hour", "a quarter of an hour", num(r, r.randint(1, 59), "minutes"))),
    "durhm": lambda r: f"{r.randint(1, 20)} h {r.randint(1, 59)} min" if r.random() < 0.5 else span(r, "minutes", 10, 300),
    "days": lambda r: r.choice((span(r, "days", 1, 60), span(r, "working days", 1, 30), num(r, r.randint(1, 8), "weeks"), num(r, r.randint(1, 365), "days"))),
    "size": lambda r: r.choice(("{} x {} x {} cm", "{} by {} by {} mm", "{}×{}×{} cm")).format(*(r.randint(3, 200) for _ in range(3))),
    "material": lambda r: pick(r, "stainless steel/cotton/aluminium/oak/glass/leather/ceramic/carbon fibre/nylon/bamboo/silicone/linen/wool/titanium/rubber/silk/brass"),
    "watt": lambda r: num(r, r.randint(1, 300) * 10, r.choice(("W", "watts"))),
    "capacity": lambda r: r.choice((num(r, r.randint(1, 40) * 50, "ml"), f"{r.randint(1, 90)}.{r.randint(1, 9)} litres", num(r, r.randint(2, 60), "litres"))),
    "countitem": lambda r: num(r, r.randint(2, 900), r.choice(("units", "pieces", "devices", "branches"))),
    "meters": lambda r: num(r, r.choice((r.randint(3, 400), f"{r.randint(400, 6000):,}", f"{r.randint(10, 300)}.{r.randint(1, 9)}")), r.choice(("metres", "m", "feet"))),
    "area": lambda r: num(r, r.choice((r.randint(2, 900), f"{r.randint(1000, 90000):,}", f"{r.randint(1, 90)}.{r.randint(1, 9)}")), r.choice(("hectares", "square metres", "acres", "square kilometres"))),
    "monthrange": lambda r: r.choice((f"from {r.choice(MONTH[:6])} to {r.choice(MONTH[6:])}", f"in {r.choice(MONTH)}", "in spring", "in early summer", "in late autumn", f"between {r.choice(MONTH[:6])} and {r.choice(MONTH[6:])}")),
    "bus": lambda r: r.choice((f"bus {r.randint(1, 999)}", f"tram line {r.randint(1, 30)}", f"metro line {r.randint(1, 19)}", f"buses {r.randint(1, 99)} and {r.randint(100, 999)}")),
    "people": lambda r: r.choice((str(r.randint(3, 99)), f"{r.randint(100, 99999):,}", f"about {r.randint(2, 90)},000")) + r.choice((" people", " people", " persons")),
    "school": lambda r: r.choice((f"the University of {stem(r)}", f"{stem(r)} College", f"{r.choice(CITY)} School of Art", f"{stem(r)} Medical School", f"{stem(r)} Grammar School")),
    "major": lambda r: pick(r, "civil engineering/medicine/literature/mathematics/accounting/law/garden design/journalism/biochemistry/archaeology/computer science/philosophy/geology/astronomy/painting"),
    "job": lambda r: pick(r, "a teacher/a surgeon/a software engineer/a painter/a lawyer/a cook/an accountant/a ship's captain/an editor/an architect/a nurse/a photographer/a composer/a driver/a translator/a carpenter/the head of sales"),
    "book": lambda r: f"{r.choice(chr(34) + ' ').strip()}The {stem(r)} {pick(r, 'Letters/Papers/Garden/Atlas/Diaries/Songs/Handbook')}".replace('"', ""),
    "prize": lambda r: "the " + stem(r) + " " + pick(r, "Prize/Medal/Award/Fellowship/Cup"),
    "height": lambda r: r.choice((f"1.{r.randint(45, 99)} m", f"{r.randint(145, 205)} cm", f"{r.randint(5, 6)} feet {r.randint(1, 11)}")),
    "hobby": lambda r: listing(r, "fishing/chess/hiking/collecting stamps/swimming/calligraphy/gardening/running/baking/woodwork/bird watching/cycling/playing the guitar/reading crime novels", 1, 2),
    "kids": lambda r: pick(r, "two daughters/one son/three children/a son and a daughter/twin boys/one daughter/four children"),
    "room": lambda r: r.choice((f"room {r.randint(1, 999)}", f"Hall {r.choice('ABCDE')}", f"room {r.choice('ABCDE')}{r.randint(10, 99)}", f"the {stem(r)} Room", f"block {r.choice('ABCD')}, room {r.randint(1, 300)}")),
    "email": lambda r: coin(r).lower() + r.choice(("", ".", str(r.randint(1, 99)))).rstrip(".") + "@" + coin(r).lower() + r.choice((".com", ".org", ".net", ".edu")),
    "dose": lambda r: r.choice((span(r, "tablets", 1, 6), span(r, "capsules", 1, 6), num(r, r.randint(1, 40) * 5, "ml"), num(r, r.randint(1, 50) * 10, "mg"), "half a tablet", span(r, "drops", 1, 9))),
    "freq": lambda r: pick(r, "once a day/twice a day/three times a day/four times daily/every six hours/every 8 hours/every other day/once a week/twice daily"),
    "disease": lambda r: listing(r, DISEASE, 1, 3),
    "persons": lambda r: listing(r, "pregnant women/breast-feeding mothers/children under three/people with liver disease/people with kidney disease/drivers/people with glaucoma/children under 12/athletes", 1, 2),
    "temps": lambda r: r.choice((f"{r.randint(0, 15)}-{r.randint(16, 40)} °C", f"below {r.randint(5, 30)} °C", f"{r.randint(2, 15)} to {r.randint(16, 38)} degrees", f"no more than {r.randint(10, 35)} °C")),
    "pack": lambda r: r.choice((f"{r.randint(6, 100)} tablets", f"{r.randint(3, 30)} sachets", f"{r.randint(2, 12)} vials of {r.randint(2, 20)} ml", f"{r.randint(10, 60)} capsules")),
    "mealtime": lambda r: pick(r, "before meals/after meals/at bedtime/after breakfast/on an empty stomach/with food/one hour after eating/half an hour before meals"),
    "missed": lambda r: pick(r, "take it as soon as you can/skip it and take the next one on time/do not take a double dose/ask your doctor/take it within two hours"),
    "role": lambda r: pick(r, "the line manager/the managing director/the head of personnel/the finance director/the project lead/the head teacher/the works council/the team leader"),
    "percent": lambda r: r.choice((f"{r.randint(1, 100)}%", f"{r.randint(1, 20) * 5}%", f"{r.randint(1, 99)} per cent")),
    "papers": lambda r: listing(r, "a marriage certificate/a doctor's note/the original invoice/a copy of the passport/a birth certificate/a signed form/boarding passes/a course certificate/a receipt", 1, 2),
    "channel": lambda r: pick(r, "the staff portal/the HR system/a paper form/an e-mail to personnel/the mobile app/the front desk/the self-service terminal"),
    "monthlimit": lambda r: r.choice((f"the end of {r.choice(MONTH)}", f"{r.randint(1, 28)} {r.choice(MONTH)} of the next year", f"31 {r.choice(('December', 'March', 'January'))}")),
    "dept": lambda r: pick(r, "personnel/finance/the IT desk/the administration office/legal/the registry/customer service/purchasing/the works office") + r.choice(("", "", f" (ext. {r.randint(100, 9999)})")),
    "platform": lambda r: f"platform {r.randint(1, 24)}{r.choice(('', '', 'a', 'b'))}",
    "gate": lambda r: f"gate {r.choice(('', 'A', 'B', 'C'))}{r.randint(1, 60)}",
    "cities": lambda r: (lambda x: ", ".join(x[:-1]) + " and " + x[-1])(r.sample(CITY, r.randint(2, 4))),
    "km": lambda r: num(r, r.choice((r.randint(2, 99), r.randint(100, 3000), f"{r.randint(1, 90)}.{r.randint(1, 9)}")), r.choice(("km", "miles", "kilometres"))),
    "classtime": lambda r: r.choice(("on ", "every ")) + r.choice(WEEK) + r.choice((" at " + clock(r), " " + hours(r), " afternoon")),
    "credit": lambda r: num(r, r.randint(1, 30), r.choice(("credits", "points"))),
    "lessonh": lambda r: num(r, r.randint(4, 90), "hours"),
    "exam": lambda r: pick(r, "a written exam/an open-book exam/an essay/an oral exam/a group report/a portfolio/a lab report/a recital/weekly tests"),
    "course": lambda r: pick(r, "Basic/Applied/Advanced/Modern/Practical/World") + " " + pick(r, "Mathematics/Physics/Writing/Accounting/Photography/Calligraphy/Programming/Statistics/Psychology/Nutrition/Painting/History/Logic/Law/Geography"),
    "times": lambda r: pick(r, "once/twice/three times/four times/five times/six times"),
    "volt": lambda r: num(r, r.choice((5, 12, 24, 36, 48, 110, 220, 230, 380)), r.choice(("V", "volts"))),
    "press": lambda r: r.choice(("hold the {} button for {} seconds", "press {} and power together for {} seconds", "push a pin into the {} hole for {} seconds", "press the {} key {} times")).format(pick(r, "power reset menu mode WPS Wi-Fi"), r.randint(2, 30)),
    "fault": lambda r: pick(r, FAULT),
    "db": lambda r: num(r, r.randint(15, 90), r.choice(("dB", "decibels"))),
    "court": lambda r: "the " + r.choice((r.choice(CITY) + " Court of Arbitration", stem(r) + " District Court", "commercial court in " + r.choice(CITY))),
    "venue": lambda r: "the " + stem(r) + " " + pick(r, "Stadium/Sports Hall/Arena/Conference Centre/Park/Town Hall"),
    "score": lambda r: f"{r.randint(0, 120)}{r.choice((' to ', '-', ':'))}{r.randint(0, 120)}",
    "floors": lambda r: num(r, r.randint(2, 88), r.choice(("floors", "storeys"))),
    "usage": lambda r: pick(r, "a museum/a primary school/a post office/a gallery/a hotel/an archive/a community centre/a library/a theatre/a restaurant/a youth hostel"),
    "cause": lambda r: pick(r, "a fire/an earthquake/a flood/the war/lightning/a storm/a landslide"),
    "ver": lambda r: r.choice((f"{r.randint(1, 20)}.{r.randint(0, 20)}", f"{r.randint(1, 9)}.{r.randint(0, 9)}.{r.randint(0, 30)}", f"{r.randint(2018, 2030)}.{r.randint(1, 12)}")),
    "mb": lambda r: num(r, r.randint(2, 990), r.choice(("MB", "GB"))),
    "hotkey": lambda r: r.choice(("Ctrl+", "Ctrl+Shift+", "Alt+", "Cmd+")) + r.choice("ABCDEFGHIJKLMNPQRSTUVWXYZ") if r.random() < 0.85 else f"F{r.randint(1, 12)}",
    "path": lambda r: r.choice(("the {} folder", "/home/user/{}", "Documents/{}", "D:\\{}")).format(coin(r)),
    "os": lambda r: listing(r, "Windows 10/macOS/Linux/Android/iOS/Windows 11/ChromeOS", 1, 3),
    "menu": lambda r: " > ".join(r.sample("Settings Account Security Profile General Privacy More Advanced Manage".split(), r.randint(2, 3))),
    "books": lambda r: num(r, r.choice((r.randint(2, 40), f"{r.randint(2, 900)},000")), r.choice(("books", "items", "volumes"))),
    "floor": lambda r: "the " + pick(r, "first/second/third/fourth/fifth/ground/top") + " floor",
    "breed": lambda r: pick(r, "a corgi/a golden retriever/a tabby cat/a poodle/a border collie/a British shorthair/a rabbit/a husky/a parrot/a Siamese cat/a beagle"),
    "grams": lambda r: num(r, r.randint(2, 80) * 10, r.choice(("g", "grams"))),
    "temper": lambda r: pick(r, "gentle/lively/shy/independent/greedy/calm/curious/naughty/friendly"),
    "food": lambda r: listing(r, "milk/eggs/peanuts/seafood/chocolate/onions/grapes/wheat/shrimp/mango/beef/soya/oats", 1, 2),
    "datetime": lambda r: clock(r) + " on " + r.choice((r.choice(WEEK), date(r))),
    "topic": lambda r: pick(r, "next quarter's budget/the new price list/the canteen/hiring plans/safety checks/the move/customer complaints/the new software/the summer trip/parking spaces"),
    "digits": lambda r: f"{r.randint(100, 999)} {r.randint(100, 999)} {r.randint(100, 999)}",
    "spot": lambda r: pick(r, "beside the east gate/by the north entrance/in the clubhouse/in the underground car park/opposite block 3/next to the office/behind the kindergarten"),
    "cm": lambda r: r.choice((span(r, "cm", 5, 300), f"{r.randint(1, 9)}.{r.randint(1, 9)} m")),
    "bigmoney": lambda r: rng_money(r),
    "biz": lambda r: pick(r, "medical devices/processed food/custom software/car parts/children's clothes/freight/solar panels/tea/video games/furniture/online courses/chips/frozen fish"),
}


def rng_money(r: Random) -> str:
    return r.choice(("${} million", "{} million euros", "${} billion", "£{} million")).format(r.choice((r.randint(1, 900), f"{r.randint(1, 99)}.{r.randint(1, 9)}")))


NAMES: dict[str, Callable[[Random], str]] = {
    "shop": shop, "person": person, "company": company,
    "product": lambda r: the(coin(r) + r.choice(("", " " + code(r), " Pro", " Mini", " 2")) + " " + pick(r, "rice cooker/kettle/backpack/desk lamp/headphones/watch/keyboard/fan/bicycle/tent/running shoes/speaker/tablet/razor/suitcase/chair")),
    "sight": lambda r: r.choice((stem(r) + " Castle", "Mount " + stem(r), "Lake " + stem(r), "the " + stem(r) + " Museum", stem(r) + " Falls", stem(r) + " Gardens", "the " + stem(r) + " Caves", stem(r) + " Zoo")),
    "drug": lambda r: coin(r) + pick(r, "in ol ex il ane ide") + r.choice(("", " tablets", " syrup", " capsules", " drops")),
    "leave": lambda r: pick(r, "annual leave/sick leave/parental leave/study leave/marriage leave/bereavement leave/unpaid leave/care leave/jury leave/volunteer leave"),
    "train": lambda r: r.choice((pick(r, "train bus ferry flight") + " " + r.choice("ABCGKTX") + str(r.randint(1, 9999)), "the " + stem(r) + " Express", "line " + str(r.randint(1, 99)), "the " + stem(r) + " ferry")),
    "course": VALUES["course"],
    "device": lambda r: the(coin(r) + r.choice(("", " " + code(r))) + " " + pick(r, "washing machine/router/printer/coffee maker/air purifier/projector/camera/dishwasher/heater/oven/door lock/vacuum cleaner/microwave/sewing machine")),
    "contract": lambda r: "the " + stem(r) + " " + pick(r, "lease/supply contract/service agreement/loan agreement/building contract/licence agreement/cleaning contract"),
    "match": lambda r: "the " + r.choice((str(r.randint(1980, 2030)) + " ", "")) + stem(r) + " " + pick(r, "Marathon/Chess Open/Cup/Regatta/Debate/Bicycle Race/Swimming Gala/Song Contest/Tennis Open"),
    "building": lambda r: r.choice((stem(r) + " Bridge", stem(r) + " Tower", "the " + stem(r) + " Theatre", stem(r) + " Hall", stem(r) + " Lighthouse", "the " + stem(r) + " Mill", stem(r) + " Abbey")),
    "app": lambda r: coin(r) + " " + pick(r, "Notes/Calendar/Drive/Maps/Budget/Music/Photos/Mail/Draw/Tasks/Meet/Editor"),
    "library": lambda r: r.choice((stem(r) + " Library", "the " + stem(r) + " Public Library", stem(r) + " City Library")),
    "pet": lambda r: pick(r, "Biscuit/Shadow/Pepper/Luna/Ginger/Rusty/Smokey/Daisy/Bruno/Coco/Ziggy/Muffin/Pixel/Nutmeg"),
    "meeting": lambda r: "the " + pick(r, "budget/product/safety/sales/parents'/residents'/project/board/quality/staff") + " " + pick(r, "meeting/review/workshop/briefing"),
    "estate": lambda r: stem(r) + " " + pick(r, "Court/Gardens/House/Park/Terrace/Heights"),
    "plant": lambda r: pick(r, "the dwarf/the mountain/the silver/the climbing/the marsh/the winter") + " " + coin(r).lower() + pick(r, " lily/ fern/ bean/ vine/ rose/ pepper/ sage"),
}
QUALIFIERS = {
    "day": (("on weekdays", "at weekends"), ("Monday to Friday", "on Saturday and Sunday"), ("in summer", "in winter"), ("on ordinary days", "on public holidays")),
    "season": (("in high season", "in low season"), ("in summer", "in winter"), ("on weekdays", "at weekends")),
    "age": (("for adults", "for children"), ("for adults", "for the elderly"), ("for adults", "for children under 12", "for the elderly")),
    "tenure": (("after one year of service", "after ten years of service"), ("for permanent staff", "for staff on probation"), ("for managers", "for other staff")),
    "version": (("for the standard version", "for the large version"), ("online", "in the shop"), ("for members", "for non-members")),
}
FILLERS = [
    "Everyone is welcome.", "Details may change without notice.", "Please plan ahead.", "It has drawn some attention in recent years.", "Ask the staff if you have questions.", "Many people come back again.",
    "This page is updated once a year.", "Please read the following carefully.", "Please keep all receipts.", "There is more to tell about it.", "Reviews have been good on the whole.", "Further rules are published elsewhere.",
    "The surroundings are pleasant.", "Thank you for your understanding.", "Most people do not know this.", "Check for damage before use.", "Little has changed since then.", "Safety comes first.",
]
