"""Tool-call drills in the Hermes form of Qwen2.5 and Qwen3: signatures in <tools>, answers in <tool_call>."""

from __future__ import annotations

import json
from functools import lru_cache
from random import Random

from training.drills.pools import TABLES
from training.drills.prompts import Message, Sample
from training.drills.talk import small_talk
from training.drills.templates import NAMES, value_maker

PREAMBLE = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with "
    "function signatures within <tools></tools> XML tags:\n<tools>\n{tools}\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within <tool_call></tool_call> "
    'XML tags:\n<tool_call>\n{{"name": <function-name>, "arguments": <args-json-object>}}\n</tool_call>'
)
HELD_OUT = ("order_status", "find_route")  # tools kept for tests and benchmarks
EXTRA = {
    "int": lambda r, zh: str(r.randint(1, 9999)),
    "cur": lambda r, zh: r.choice(("美元", "欧元", "日元", "英镑") if zh else ("USD", "EUR", "JPY", "GBP")),
    "lang": lambda r, zh: r.choice(
        ("英语", "日语", "法语", "德语") if zh else ("French", "German", "Chinese", "Spanish")
    ),
    "expr": lambda r, zh: (
        f"{r.randint(1, 999)}{r.choice('+-*/')}{r.randint(1, 99)}"
        + r.choice(("", f"{r.choice('+-')}{r.randint(1, 99)}"))
    ),
}


@lru_cache(maxsize=1)
def _tools() -> tuple[list[str], ...]:
    """The rows of tables/tools.txt."""
    lines = (TABLES / "tools.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.split(" | ") for line in lines if not line.startswith("#"))


def _value(rng: Random, kind: str, lang: str) -> str:
    if kind in EXTRA:
        return EXTRA[kind](rng, lang == "zh")
    return (NAMES[lang].get(kind) or value_maker(kind, lang))(rng)


def _schema(rng: Random, tool: list[str], lang: str) -> str:
    names = [part.split(":")[0].strip() for part in tool[3].split(",")]
    kinds = [part.split(":")[1].strip() for part in tool[3].split(",")]
    properties = {
        name: {"type": "number" if kind == "int" else "string"} for name, kind in zip(names, kinds, strict=True)
    }
    return json.dumps(
        {
            "type": "function",
            "function": {
                "name": tool[0],
                "description": tool[1 if lang == "zh" else 2],
                "parameters": {"type": "object", "properties": properties, "required": names},
            },
        },
        ensure_ascii=False,
    )


def call_text(name: str, arguments: dict[str, object]) -> str:
    """A call as the assistant writes it (the Hermes form of Qwen2.5 and Qwen3)."""
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) + "\n</tool_call>"


def tool_call(rng: Random, lang: str, held: bool = False) -> Sample:
    """Choose the right one of one to four tools and fill it in, answer from its result, or just talk."""
    pool = [tool for tool in _tools() if (tool[0] in HELD_OUT) == held]
    offered = rng.sample(pool, min(len(pool), rng.randint(1, 4)))
    tool = rng.choice(offered)
    own = rng.choice(
        ("", "你是一个有用的助手。\n\n", "你是智能助理。\n\n")
        if lang == "zh"
        else ("", "You are a helpful assistant.\n\n")
    )
    messages: list[Message] = [
        {"role": "system", "content": own + PREAMBLE.format(tools="\n".join(_schema(rng, t, lang) for t in offered))}
    ]
    if rng.random() < 0.2:
        user, reply = small_talk(rng, lang)
        return Sample(
            [*messages, {"role": "user", "content": user}, {"role": "assistant", "content": reply}],
            lang,
            "tools",
            "no_call",
        )
    values: dict[str, str] = {}
    arguments: dict[str, object] = {}
    for part in tool[3].split(","):
        name, kind = (x.strip() for x in part.split(":"))
        values[name] = _value(rng, kind, lang)
        arguments[name] = int(values[name]) if kind == "int" else values[name]
    request = rng.choice(tool[4 if lang == "zh" else 5].split("/")).strip().format(**values)
    request = (
        request + rng.choice(("", "？", "。"))
        if lang == "zh"
        else request[:1].upper() + request[1:] + rng.choice(("", "?", "."))
    )
    text = call_text(tool[0], arguments)
    messages += [{"role": "user", "content": request}, {"role": "assistant", "content": text}]
    if rng.random() < 0.4:
        result = _value(rng, rng.choice(("temps", "clock", "price", "countitem", "durm")), lang)
        reply = tool[6 if lang == "zh" else 7].strip().format(r=result, **values)
        messages += [
            {
                "role": "user",
                "content": f"<tool_response>\n{json.dumps({'result': result}, ensure_ascii=False)}\n</tool_response>",
            },
            {"role": "assistant", "content": reply},
        ]
        return Sample(messages, lang, "tools", "tool_result", result)
    return Sample(messages, lang, "tools", "tool_call", text)
