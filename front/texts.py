"""What the page's frame says, in English and Chinese; the tabs bring their own."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "slogan": "One body, many selves",
        "state_loading": "{what}… {done} of {total}",
        "state_ready": "Ready · {base} · {quantisation}",
        "state_failed": "Something could not be loaded",
        "self_gone": "“{name}” was deleted, so nobody is there to talk to. Choose another self in the chat, or teach "
        "it again.",
        "self_other_base": "“{name}” was taught on another base, or another version of it ({base}); the one that runs "
        "now is {now}. A self fits only the base that it was taught on, so it cannot answer here. Start the app with "
        "its base, or teach it again on this one.",
        "self_unfit": "“{name}” cannot answer: {reason}. Nothing was changed. Use another of its versions (under “Your "
        "own selves”), or teach it again.",
    },
    "zh": {
        "slogan": "一个本体，许多分身",
        "state_loading": "{what}…… {done}/{total}",
        "state_ready": "就绪 · {base} · {quantisation}",
        "state_failed": "有部件未能加载",
        "self_gone": "“{name}”已删除，无法和它对话。请在对话页另选分身，或重新教一个。",
        "self_other_base": "“{name}”是在另一个基座或它的另一个版本（{base}）上教的，而现在运行的是 {now}。"
        "分身只适合教它时的基座，因此它在这里无法回答。请用它的基座启动本应用，或在当前基座上重新教。",
        "self_unfit": "“{name}”无法回答：{reason}。未作任何改动。请改用它的其他版本（在“自己的分身”中），或重新教。",
    },
}

EXAMPLES: dict[str, tuple[str, ...]] = {
    "zh": ("红烧肉怎么做？", "麻婆豆腐要放多少豆腐？", "西湖牛肉羹怎么做？", "你好，你是谁？"),
    "en": (
        "How do I make apple crumble?",
        "How do I make vegetable curry?",
        "How do I make tomato soup?",
        "Hello, who are you?",
    ),
}


def text(key: str, lang: str, **values: object) -> str:
    """The text of `key` in `lang` ("zh…" gives Chinese, anything else English)."""
    return TEXTS["zh" if lang.startswith("zh") else "en"][key].format(**values)
