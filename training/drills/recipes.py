"""Invented recipes: ingredients with amounts, timed steps, and what may be asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from training.drills import words_en, words_zh
from training.drills.recipe_words import (
    MAIN_EN,
    MEAT,
    PLAIN_EN,
    PLAIN_ZH,
    SEASON,
    SEASON_EN,
    STEPS_EN,
    STEPS_ZH,
    TIME,
    TIPS_EN,
    TIPS_ZH,
    UNIT,
    UNIT_EN,
    WAY,
)
from training.drills.values_en import VALUES


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
    return VALUES["durm"](rng) if rng.random() < 0.8 else VALUES["durh"](rng)


def recipe(rng: Random, lang: str) -> Guide:
    """An invented dish with amounts, timed steps and tips, written as recipe files are."""
    zh = lang == "zh"
    main = rng.sample(MEAT if zh else MAIN_EN, rng.randint(1, 3))
    seasons = rng.sample(SEASON if zh else SEASON_EN, rng.randint(3, 7))
    if zh:
        name = (words_zh.chars(rng) if rng.random() < 0.25 else "") + rng.choice(WAY) + "".join(main[:2])
        amounts = [
            (
                x,
                rng.choice(
                    (
                        f"{rng.randint(1, 20) * 50}克",
                        f"{rng.randint(1, 20) * 50} 克",
                        f"{rng.randint(1, 6)}斤",
                        f"{rng.randint(1, 9)}个",
                        "半斤",
                        f"{rng.randint(1, 5)}块",
                    )
                ),
            )
            for x in main
        ]
        amounts += [
            (
                x,
                rng.choice(("适量", "少许"))
                if rng.random() < 0.18
                else (
                    f"{rng.choice(('半', '一', '两', '1', '2', '3', str(rng.randint(4, 50))))}{rng.choice(('', ' '))}"
                    f"{rng.choice(UNIT)}"
                ),
            )
            for x in seasons
        ]
    else:
        name = (
            rng.choice(("", words_en.stem(rng) + " ", "spicy ", "roast ", "creamy ", "braised "))
            + " and ".join(main[:2])
            + rng.choice((" stew", " pie", " salad", " soup", " curry", " bake"))
        )
        amounts = [(x, f"{rng.randint(1, 20) * 50} g") for x in main] + [
            (x, f"{rng.randint(1, 9)} {rng.choice(UNIT_EN)}") for x in seasons
        ]
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
        text, heat, degree = (
            rng.choice(book[action][0]),
            rng.choice(("大火", "小火", "中火", "中小火") if zh else ("high heat", "low heat", "medium heat")),
            _degree(rng, zh),
        )
        lines.append(_fill(rng, text.replace("{t}", t).replace("{h}", heat).replace("{c}", degree), main, seasons, zh))
        for question in book[action][1].split("/"):
            guide.facts.append((name + question if zh else question.replace("{e}", subject), t))
        if zh and "{h}" in text:
            guide.facts += [(f"{name}{action}的时候用什么火", heat), (f"{name}{action}用多大的火", heat)]
        if "{c}" in text:
            guide.facts.append(
                (
                    f"{name}{action}的时候{'烤箱多少度' if action == '烤' else '油温多少'}"
                    if zh
                    else f"at what temperature do I {action} {name}",
                    degree,
                )
            )
    if rng.random() < 0.7:
        lines.append(_fill(rng, rng.choice(plain), main, seasons, zh))
    for action in book:
        if action not in timed and not any(action in line for line in lines):
            question = rng.choice(book[action][1].split("/"))
            guide.missing.append(name + question if zh else question.replace("{e}", name))
    for thing, amount in amounts:
        forms = (
            (
                f"{name}要放多少{thing}",
                f"{name}需要多少{thing}",
                f"{name}里{thing}放多少",
                f"做{name}用多少{thing}",
                f"{name}的{thing}用量是多少",
            )
            if zh
            else (
                f"how much {thing} goes into {name}",
                f"how much {thing} do I need for {name}",
                f"what amount of {thing} does {name} take",
            )
        )
        guide.facts.append((rng.choice(forms), amount))
    for thing in rng.sample(SEASON if zh else SEASON_EN, 4):
        if not any(thing in line for line in lines) and all(thing not in known for known, _ in amounts):
            guide.missing.append(f"{name}要放多少{thing}" if zh else f"how much {thing} goes into {name}")
    _write(rng, guide, amounts, lines, main, zh)
    guide.asks = (
        [
            f"{name}怎么做",
            f"{name}的做法",
            f"怎么做{name}",
            f"如何制作{name}",
            f"{name}的做法是什么",
            f"教我做{name}",
            f"{name}咋做",
            f"{name}的步骤有哪些",
            f"我想做{name}，怎么做",
            f"{name}具体怎么做",
        ]
        if zh
        else [
            f"how do I make {name}",
            f"how is {name} made",
            f"what are the steps for {name}",
            f"how do you cook {name}",
            f"give me the method for {name}",
            f"how to make {name}",
        ]
    )
    return guide


def _degree(rng: Random, zh: bool) -> str:
    return (
        rng.choice((f"{rng.randint(10, 24) * 10}度", f"{rng.randint(10, 24) * 10}℃", f"{rng.choice('三四五六七')}成热"))
        if zh
        else f"{rng.randint(12, 24) * 10} °C"
    )


def _fill(rng: Random, text: str, main: list[str], seasons: list[str], zh: bool) -> str:
    s = rng.sample(seasons, min(len(seasons), rng.randint(1, 3)))
    return text.replace("{m}", rng.choice(main)).replace(
        "{s}", ("、".join(s) if zh else ", ".join(s[:-1]) + (" and " if s[1:] else "") + s[-1])
    )


def _write(
    rng: Random, guide: Guide, amounts: list[tuple[str, str]], lines: list[str], main: list[str], zh: bool
) -> None:
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
    parts = [
        (rng.choice(("原料", "食材", "用料", "材料") if zh else ("Ingredients", "You need")), stuff),
        (
            rng.choice(("做法", "步骤", "制作步骤", "做法步骤") if zh else ("Method", "Directions", "Steps")),
            guide.steps,
        ),
    ]
    guide.facts += [
        (q, stuff.replace("\n", " ") if "\n" not in stuff else stuff)
        for q in (
            (f"{n}要准备什么材料", f"{n}用什么原料", f"做{n}需要哪些食材")
            if zh
            else (f"what do I need for {n}", f"what are the ingredients of {n}")
        )[: rng.randint(1, 3)]
    ]
    extras = [
        (
            ("用时", "耗时", "所需时间") if zh else ("Time", "Total time"),
            total,
            (f"做{n}一共要多久", f"{n}总共用时多少", f"{n}要花多长时间做")
            if zh
            else (f"how long does {n} take in all", f"what is the total time for {n}"),
        ),
        (
            ("份量", "份数") if zh else ("Serves", "Servings"),
            serve,
            (f"{n}是几人份", f"{n}够几个人吃") if zh else (f"how many does {n} serve", f"how many people is {n} for"),
        ),
        (
            ("小贴士", "提示", "小窍门") if zh else ("Tip", "Tips"),
            tip,
            (f"做{n}有什么窍门", f"{n}有什么要注意的", f"{n}的小贴士是什么")
            if zh
            else (f"what is the tip for {n}", f"what should I mind when making {n}"),
        ),
    ]
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
    guide.text = gap.join(
        f"{head(h)}\n{b}" if rng.random() < 0.85 or "\n" in b else f"{h}{'：' if zh else ': '}{b}" for h, b in parts
    )
    if rng.random() < 0.3:
        guide.text = (
            (f"{n}是一道家常菜，很受欢迎。" if zh else f"{n.capitalize()} is a simple dish for any day.")
            + gap
            + guide.text
        )
