"""Texts of the evaluation, in English and Chinese."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "ev_title": "Measure it with your own questions",
        "ev_hint": "A thumb under an answer in the chat keeps its question here, for you alone. Or give a CSV file "
        "whose first row names the columns: question, source (the document's file name) and, if you like, answer. A "
        "question that no document answers has an empty source.",
        "ev_kept": "Questions kept from the chat",
        "ev_kept_columns": "Question|Source|Answer|Failed",
        "ev_kept_hint": "Click a cell to change it; empty a question to delete it. Without a file, these are measured.",
        "ev_kept_waiting": "{count} with the source “{unknown}” are left out until you write which document holds the "
        "answer.",
        "ev_kept_file": "Save as CSV",
        "ev_file": "Questions (CSV)",
        "ev_k": "Passages to look in",
        "ev_methods": "Compare with",
        "ev_cuts": "Other passage lengths (characters)",
        "ev_answers": "Have the model answer, too (slow)",
        "ev_run": "Measure",
        "ev_stop": "Stop",
        "ev_hybrid": "words and meaning",
        "ev_bm25": "words alone",
        "ev_dense": "meaning alone",
        "ev_chunks": "passages of {count}",
        "ev_running": "measuring: {setting}",
        "ev_no_questions": "There are no questions to measure with: give a CSV file, or keep questions in the chat by "
        "the thumbs under its answers.",
        "ev_no_collection": "Choose a collection first.",
        "ev_column_setting": "Search",
        "ev_column_passages": "Passages",
        "ev_column_recall": "Found in {k}, %",
        "ev_column_first": "Found first, %",
        "ev_column_mrr": "MRR@10, %",
        "ev_column_answered": "Answered, %",
        "ev_column_f1": "F1",
        "ev_column_cited": "Right source cited, %",
        "ev_column_supported": "Citations that hold, %",
        "ev_column_declined": "Rightly declined, %",
        "ev_column_wrongly_declined": "Wrongly declined, %",
        "ev_unknown": "No document of the collection is called: {names}",
        "ev_misses": "Not found with the first setting: {count}",
        "ev_miss": "{question} → {source}; found instead: {found}",
    },
    "zh": {
        "ev_title": "用自己的问题评测",
        "ev_hint": "在对话中点回答下的拇指，问题就会保留在这里，只有你能看到。也可以提供 CSV 文件，"
        "第一行为列名：问题、来源（文档的文件名），以及可选的答案。资料中没有答案的问题来源留空。",
        "ev_kept": "从对话中保留的问题",
        "ev_kept_columns": "问题|来源|答案|答错",
        "ev_kept_hint": "点击单元格可修改，清空问题即删除。不提供文件时，用这些问题评测。",
        "ev_kept_waiting": "有 {count} 个问题的来源为“{unknown}”，填写含有答案的文档后才会参与评测。",
        "ev_kept_file": "另存为 CSV",
        "ev_file": "问题文件（CSV）",
        "ev_k": "查看前几段",
        "ev_methods": "对比",
        "ev_cuts": "其他段落长度（字）",
        "ev_answers": "同时让模型作答（较慢）",
        "ev_run": "开始评测",
        "ev_stop": "停止",
        "ev_hybrid": "字词＋语义",
        "ev_bm25": "仅字词",
        "ev_dense": "仅语义",
        "ev_chunks": "段长 {count}",
        "ev_running": "正在评测：{setting}",
        "ev_no_questions": "没有可用的问题：请提供 CSV 文件，或在对话中点回答下的拇指来保留问题。",
        "ev_no_collection": "请先选择资料库。",
        "ev_column_setting": "检索方式",
        "ev_column_passages": "段落数",
        "ev_column_recall": "前 {k} 段命中 %",
        "ev_column_first": "首段命中 %",
        "ev_column_mrr": "MRR@10 %",
        "ev_column_answered": "答对 %",
        "ev_column_f1": "F1",
        "ev_column_cited": "引用来源正确 %",
        "ev_column_supported": "引用成立 %",
        "ev_column_declined": "正确拒答 %",
        "ev_column_wrongly_declined": "误拒 %",
        "ev_unknown": "资料库中没有这些文档：{names}",
        "ev_misses": "第一种设置下未找到的问题：{count}",
        "ev_miss": "{question} → {source}；找到的是：{found}",
    },
}


def text(key: str, lang: str, **values: object) -> str:
    """The text of `key` in `lang` ("zh…" gives Chinese, anything else English)."""
    return TEXTS["zh" if lang.startswith("zh") else "en"][key].format(**values)
