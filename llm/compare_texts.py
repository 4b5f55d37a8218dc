"""What comparing selves says, in English and Chinese; part of llm.texts."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "compare_tab": "Compare",
        "compare_hint": "One question to several selves, answered at the same time, with the same seed.",
        "compare_ask": "A question for all of them…",
        "compare_selves": "Selves (the base always answers too)",
        "compare_no_selves": "There are no selves yet: teach one on the tab “Teach”.",
        "compare_mix": "And a mix of two",
        "compare_mix_hint": "Both at once, each as strong as you say: 1 is as it was taught, 0 is not at all.",
        "compare_first": "First self",
        "compare_second": "Second self",
        "compare_weight": "Strength",
        "compare_nobody": "(none)",
        "compare_go": "Compare",
        "compare_stop": "Stop",
        "compare_sampling": "How they choose their words",
        "compare_waiting": "is thinking…",
        "compare_base": "The yardstick: the base without any self.",
        "compare_changes": "changes {share:.0%} of the next-word choices",
        "compare_changes_detail": "At {changed} of the first {places} places of its answer the base would have said "
        "something else.",
        "compare_shifts": "says what the base would say here",
        "compare_shifts_detail": "At all of the first {places} places the base would have chosen the same; only how "
        "likely the words are differs. On this question it has little of its own to say.",
        "compare_nothing": "changes nothing at all",
        "compare_nothing_detail": "At the first {places} places not even the likelihoods of words differ from the "
        "base's: this self has no effect. Was it taught at all, or mixed in with strength 0?",
        "compare_instead": "First “{own}” instead of “{base}”.",
        "compare_measuring": "measuring what it changes…",
        "compare_cut": "longest answer reached",
        "compare_none_chosen": "No self is chosen. Choose at least one, or a mix of two.",
        "compare_half_mix": "A mix takes two different selves. Choose both, or neither.",
    },
    "zh": {
        "compare_tab": "比较",
        "compare_hint": "同一个问题，几个分身同时回答，随机种子相同。",
        "compare_ask": "向它们提一个问题……",
        "compare_selves": "分身（基座总是一起回答）",
        "compare_no_selves": "还没有分身：请到“教它”页教一个。",
        "compare_mix": "再加上两个分身的混合",
        "compare_mix_hint": "两者同时生效，强度由你定：1 为教成的样子，0 为不起作用。",
        "compare_first": "第一个分身",
        "compare_second": "第二个分身",
        "compare_weight": "强度",
        "compare_nobody": "（无）",
        "compare_go": "比较",
        "compare_stop": "停止",
        "compare_sampling": "怎样选词",
        "compare_waiting": "正在思考……",
        "compare_base": "对照：不加任何分身的基座。",
        "compare_changes": "改变了 {share:.0%} 的选词",
        "compare_changes_detail": "在它回答的前 {places} 处中，有 {changed} 处基座会说别的。",
        "compare_shifts": "这里与基座说的一样",
        "compare_shifts_detail": "前 {places} 处基座都会选同样的词，只是各词的可能性不同。"
        "对这个问题，它没有多少自己的说法。",
        "compare_nothing": "完全没有改变",
        "compare_nothing_detail": "前 {places} 处连各词的可能性都与基座相同：这个分身没有作用。"
        "它真的教过吗？混合时强度是否为 0？",
        "compare_instead": "起初说“{own}”而不是“{base}”。",
        "compare_measuring": "正在测量它改变了什么……",
        "compare_cut": "已到最长长度",
        "compare_none_chosen": "没有选择分身。请至少选一个，或选两个来混合。",
        "compare_half_mix": "混合需要两个不同的分身。请都选上，或都不选。",
    },
}
