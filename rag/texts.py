"""What the knowledge tab says, in English and Chinese."""

from __future__ import annotations

from rag.care_texts import CARE_TEXTS

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "knowledge_tab": "Knowledge",
        "kb_collection": "Collection",
        "kb_new_title": "Name of a new collection",
        "kb_new": "New collection",
        "kb_delete_collection": "Delete collection",
        "kb_confirm_collection": "Really delete “{title}” with its {count} documents?",
        "kb_yes": "Yes, delete",
        "kb_no": "Keep it",
        "kb_drop": "md, txt, pdf, docx, html, csv, xlsx, zip",
        "kb_documents": "Documents",
        "kb_columns": "Title|File|Type|Passages|Size|Added",
        "kb_select": "Click a row to choose a document.",
        "kb_delete": "Delete “{title}”",
        "kb_search": "Try a search",
        "kb_search_hint": "What would you look for?",
        "kb_empty": "No documents yet. Drop some files above.",
        "kb_nothing": "Nothing found.",
        "kb_loading": "The knowledge base is still being opened. The list fills by itself.",
        "kb_working": "reading…",
        "kb_added": "{passages} passages, {seconds:.1f} s",
        "kb_moved": "was “{name}”",
        "kb_pause": "Pause",
        "kb_resume": "Add the {count} files that wait",
        "kb_skipped": "already here, unchanged",
        "kb_done": "{added} added · {skipped} unchanged · {failed} failed",
        "kb_deleted": "Deleted “{title}”.",
        "kb_score": "score",
        "kb_dense": "meaning",
        "kb_bm25": "words",
        "kb_recognised": "read by text recognition (OCR)",
        "kb_not_ranked": "–",
        "kb_warned": "note",
    },
    "zh": {
        "knowledge_tab": "知识库",
        "kb_collection": "资料库",
        "kb_new_title": "新资料库的名称",
        "kb_new": "新建资料库",
        "kb_delete_collection": "删除资料库",
        "kb_confirm_collection": "确定删除“{title}”及其中 {count} 个文档吗？",
        "kb_yes": "确定删除",
        "kb_no": "保留",
        "kb_drop": "md、txt、pdf、docx、html、csv、xlsx、zip",
        "kb_documents": "文档",
        "kb_columns": "标题|文件|类型|段落|大小|加入时间",
        "kb_select": "点击一行可选中文档。",
        "kb_delete": "删除“{title}”",
        "kb_search": "试着检索",
        "kb_search_hint": "想找什么？",
        "kb_empty": "还没有文档，请在上方拖入文件。",
        "kb_nothing": "没有找到。",
        "kb_loading": "知识库还在打开，列表稍后会自动出现。",
        "kb_working": "正在读取……",
        "kb_added": "{passages} 段，{seconds:.1f} 秒",
        "kb_moved": "原名“{name}”",
        "kb_pause": "暂停",
        "kb_resume": "继续添加等待中的 {count} 个文件",
        "kb_skipped": "已在库中，没有变化",
        "kb_done": "新增 {added} · 未变 {skipped} · 失败 {failed}",
        "kb_deleted": "已删除“{title}”。",
        "kb_score": "综合",
        "kb_dense": "语义",
        "kb_bm25": "字词",
        "kb_recognised": "由文字识别（OCR）读出",
        "kb_not_ranked": "–",
        "kb_warned": "提示",
    },
}


for _lang, _texts in CARE_TEXTS.items():
    TEXTS[_lang] |= _texts


def note(warning: str, lang: str) -> str:
    """The half of a document's warning that is in `lang`; earlier versions kept both in one line."""
    en, _, zh = warning.partition("\n")
    return zh if zh and lang.startswith("zh") else en


def text(key: str, lang: str, **values: object) -> str:
    """The text of `key` in `lang` ("zh…" gives Chinese, anything else English)."""
    return TEXTS["zh" if lang.startswith("zh") else "en"][key].format(**values)
