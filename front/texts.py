"""What the page's frame says, in English and Chinese; the tabs bring their own."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "slogan": "One body, many selves",
        "state_loading": "{what}… {done} of {total}",
        "state_ready": "Ready · {base} · {quantisation}",
        "state_failed": "Something could not be loaded",
        "self_gone": "The self “{name}” is not there any more: it was renamed or deleted. Choose another one.",
    },
    "zh": {
        "slogan": "一个本体，许多分身",
        "state_loading": "{what}…… {done}/{total}",
        "state_ready": "就绪 · {base} · {quantisation}",
        "state_failed": "有部件未能加载",
        "self_gone": "分身“{name}”已不存在：可能已改名或删除。请另选一个。",
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
