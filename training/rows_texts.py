"""What the teaching tab says about the rows to be taught and the recipe; part of training.texts."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "rows_look": "What is learned of them",
        "rows_lengths": "How long the rows are, in tokens",
        "rows_all_fit": "All {rows} rows fit: the longest has {longest} tokens, {limit} are allowed.",
        "rows_over_file": "{over} of {rows} rows are longer than {limit} tokens and are left out: row {numbers}. "
        "Shorten them, or raise max_length under “Advanced”.",
        "rows_over_text": "{over} of {rows} paragraphs are longer than {limit} tokens and are cut into pieces: line "
        "{numbers}.",
        "rows_over_form": "{over} of {rows} rows are longer than {limit} tokens, so the training would refuse them: "
        "row {numbers}. Shorten them, or raise max_length under “Advanced”.",
        "rows_bin": "{low} to {high} tokens: {rows} rows",
        "rows_bin_over": "more than {limit} tokens: {rows} rows",
        "rows_longer": "> {limit}",
        "rows_rendered": "Row {number} as the base reads it",
        "rows_legend": "Click a row to see it here. Marked: what is learned ({trained} of {tokens} tokens). Grey: what "
        "is only read.",
        "rows_too_long": "It has {tokens} tokens, more than the {limit} that are allowed.",
        "rows_incomplete": "This row cannot be shown: its question or its answer is missing, or a placeholder is left "
        "in it.",
        "rows_format": "Format",
        "rows_download": "Save the rows as a file",
        "rows_messages": "messages (OpenAI)",
        "rows_xtuner": "XTuner",
        "rows_alpaca": "Alpaca",
        "rows_sharegpt": "ShareGPT",
        "rows_csv": "CSV",
        "rows_xlsx": "Excel",
        "rows_text": "plain text",
        "recipe_columns": "Entry|Form|File",
        "recipe_shown": "Every entry of a recipe, and its value for a form and for a file:",
        "recipe_set": "set by the page",
        "recipe_any": "any text",
        "recipe_yes": "yes",
        "recipe_no": "no",
        "recipe_choice": "yes or no",
        "recipe_names": "names",
    },
    "zh": {
        "rows_look": "从中学到什么",
        "rows_lengths": "各行有多长（词元）",
        "rows_all_fit": "{rows} 行全部合适：最长 {longest} 个词元，上限 {limit}。",
        "rows_over_file": "共 {rows} 行，其中 {over} 行超过 {limit} 个词元，不会采用：第 {numbers} 行。请缩短，"
        "或在“高级”中调大 max_length。",
        "rows_over_text": "共 {rows} 段，其中 {over} 段超过 {limit} 个词元，会切成几段：第 {numbers} 行。",
        "rows_over_form": "共 {rows} 行，其中 {over} 行超过 {limit} 个词元，训练会拒绝：第 {numbers} 行。请缩短，"
        "或在“高级”中调大 max_length。",
        "rows_bin": "{low} 到 {high} 个词元：{rows} 行",
        "rows_bin_over": "超过 {limit} 个词元：{rows} 行",
        "rows_longer": "> {limit}",
        "rows_rendered": "基座读到的第 {number} 行",
        "rows_legend": "点一行，就在这里看。标出的是要学的（{tokens} 个词元中的 {trained} 个），灰色的只读不学。",
        "rows_too_long": "它有 {tokens} 个词元，超过上限 {limit}。",
        "rows_incomplete": "无法显示这一行：缺少问题或回答，或留有未填写的占位符。",
        "rows_format": "格式",
        "rows_download": "把这些行存成文件",
        "rows_messages": "messages（OpenAI）",
        "rows_xtuner": "XTuner",
        "rows_alpaca": "Alpaca",
        "rows_sharegpt": "ShareGPT",
        "rows_csv": "CSV",
        "rows_xlsx": "Excel",
        "rows_text": "纯文本",
        "recipe_columns": "项|表单|文件",
        "recipe_shown": "配方的每一项，以及用表单、用文件时的值：",
        "recipe_set": "由页面设定",
        "recipe_any": "任意文本",
        "recipe_yes": "是",
        "recipe_no": "否",
        "recipe_choice": "是或否",
        "recipe_names": "名称",
    },
}
