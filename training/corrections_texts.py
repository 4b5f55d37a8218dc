"""What the teaching tab says of corrections; part of training.texts."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "teach_talk": "Talk to it",
        "teach_score_corrected": "Answers as you corrected it",
        "teach_corrected_title": "What you corrected, before and after",
        "teach_corrected_columns": "Question|It said|It says now|You wanted",
        "corrections": "Corrections",
        "corrections_hint": "Answers that you corrected in the chat (“Correct it” under an answer). Tick what is "
        "to be taught; double-click an answer to change it. A new version of the self learns them with all it "
        "learned before.",
        "corrections_none": "None yet. In the chat, press “Correct it” under an answer and write what it should "
        "have said.",
        "corrections_self": "Whose answers",
        "corrections_choice": "{name} ({open} to teach, {all} in all)",
        "corrections_base": "Base (no adapter)",
        "corrections_columns": " |#|Asked|It said|It should say",
        "corrections_open": "{id}",
        "corrections_learning": "{id} · learning",
        "corrections_taught": "{id} · taught",
        "corrections_documents": "(from: {documents})",
        "corrections_name": "Name of the new self",
        "corrections_name_hint": "The base is never changed: a new self is taught these answers",
        "corrections_teach": "Teach these",
        "corrections_remove": "Remove ticked",
        "corrections_removed": "Removed: {count}.",
        "corrections_changed": "Changed.",
    },
    "zh": {
        "teach_talk": "和它对话",
        "teach_score_corrected": "按你的更正回答",
        "teach_corrected_title": "你更正的问题，之前与之后",
        "teach_corrected_columns": "问题|它曾说|现在说|你要的",
        "corrections": "更正",
        "corrections_hint": "你在对话中更正的回答（点回答下方的“更正”）。勾选要教的；双击回答可修改。"
        "分身的新版本会连同以前学过的一起学。",
        "corrections_none": "还没有。在对话中点回答下方的“更正”，写下它应该怎样回答。",
        "corrections_self": "谁的回答",
        "corrections_choice": "{name}（待教 {open} 条，共 {all} 条）",
        "corrections_base": "基座（不加分身）",
        "corrections_columns": " |#|问题|它曾说|它应该说",
        "corrections_open": "{id}",
        "corrections_learning": "{id} · 在学",
        "corrections_taught": "{id} · 已教",
        "corrections_documents": "（依据：{documents}）",
        "corrections_name": "新分身的名字",
        "corrections_name_hint": "基座从不改动：会用这些回答教出一个新分身",
        "corrections_teach": "教这些",
        "corrections_remove": "移除勾选",
        "corrections_removed": "已移除 {count} 条。",
        "corrections_changed": "已修改。",
    },
}
