"""What the part of the knowledge tab says that looks after the whole knowledge base, in English and Chinese."""

from __future__ import annotations

CARE_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "kb_care": "Look after the knowledge base",
        "kb_verify": "Check",
        "kb_rebuild": "Rebuild the indexes",
        "kb_compact": "Free unused space",
        "kb_backup": "Back up",
        "kb_restore": "Restore a backup…",
        "kb_care_hint": "Of all collections, while the app goes on. A backup is one zip with every document, to be "
        "kept where others cannot read it.",
        "kb_restore_confirm": "Put what “{name}” ({size}) holds in place of **everything** that is here now, "
        "{documents} documents?",
        "kb_restore_yes": "Yes, replace everything",
        "kb_restore_no": "Keep what is here",
        "kb_doing_verify": "Checking",
        "kb_doing_rebuild": "Rebuilding",
        "kb_doing_compact": "Freeing space",
        "kb_doing_backup": "Backing up",
        "kb_doing_restore": "Restoring",
        "kb_busy": "Something else is being done to the knowledge base. Wait until it is finished.",
        "kb_seconds": "{seconds:.0f} s",
        "kb_sound": "All is well: {documents} documents, every passage matches its text and both indexes.",
        "kb_problems": "{count} problem(s) were found. Rebuilding mends the indexes; for damaged texts restore a "
        "backup, or add the files again.",
        "kb_freed": "{size} freed.",
        "kb_rebuilt": "Both indexes were built anew.",
        "kb_saved": "{documents} documents in {collections} collections saved, {size}. The link stays for 15 minutes.",
        "kb_restored": "The backup is in place.",
        "kb_download": "Backup",
        "kb_embedding": "The embedder was changed: {done} of {total} passages are embedded again; until all are, "
        "search goes by words.",
        "kb_decline": "When to decline",
        "kb_decline_hint": "A question for which nothing near enough is found is declined before the model is asked. "
        "Give questions whose answer is known (CSV with the columns question and source; without a source: the "
        "documents do not hold the answer) to see what a threshold does. The model may still decline by itself.",
        "kb_decline_below": "Decline below this nearness",
        "kb_questions": "Questions (CSV)…",
        "kb_decline_use": "Use this",
        "kb_decline_used": "Questions are declined below {value:.2f} from now on.",
        "kb_effect": "With {value:.2f}, of {count} questions: {answered} of {answerable} that the documents answer "
        "reach the model, {declined} of {others} that they do not are declined.",
        "kb_effect_change": "Against {now:.2f}, which holds now: {more} let through rightly, {wrongly} wrongly.",
        "kb_effect_best": "{best:.2f} treats most of them rightly.",
    },
    "zh": {
        "kb_care": "维护知识库",
        "kb_verify": "检查",
        "kb_rebuild": "重建索引",
        "kb_compact": "释放空间",
        "kb_backup": "备份",
        "kb_restore": "恢复备份……",
        "kb_care_hint": "针对所有资料库，期间应用照常使用。备份是一个包含全部文档的 zip，请存放在他人读不到的地方。",
        "kb_restore_confirm": "用“{name}”（{size}）中的内容替换现有的**全部** {documents} 个文档吗？",
        "kb_restore_yes": "确定全部替换",
        "kb_restore_no": "保留现有内容",
        "kb_doing_verify": "正在检查",
        "kb_doing_rebuild": "正在重建",
        "kb_doing_compact": "正在释放空间",
        "kb_doing_backup": "正在备份",
        "kb_doing_restore": "正在恢复",
        "kb_busy": "知识库正在进行其他维护，请等它完成。",
        "kb_seconds": "{seconds:.0f} 秒",
        "kb_sound": "一切正常：{documents} 个文档，每个段落都与原文和两个索引一致。",
        "kb_problems": "发现 {count} 个问题。索引的问题可以重建；文本损坏请恢复备份，或重新添加文件。",
        "kb_freed": "释放了 {size}。",
        "kb_rebuilt": "两个索引都已重建。",
        "kb_saved": "已保存 {collections} 个资料库中的 {documents} 个文档，共 {size}。下载链接保留 15 分钟。",
        "kb_restored": "备份已恢复。",
        "kb_download": "备份文件",
        "kb_embedding": "嵌入模型已更换：{total} 段中已重新嵌入 {done} 段，完成之前按字词检索。",
        "kb_decline": "何时拒答",
        "kb_decline_hint": "找不到足够接近的内容时，不询问模型就直接拒答。可提供已知答案的问题"
        "（CSV，列为“问题”和“来源”；来源留空表示资料中没有答案），查看阈值的效果。模型自己仍可能拒答。",
        "kb_decline_below": "接近程度低于此值时拒答",
        "kb_questions": "问题（CSV）……",
        "kb_decline_use": "采用",
        "kb_decline_used": "今后接近程度低于 {value:.2f} 的问题将拒答。",
        "kb_effect": "取 {value:.2f} 时，{count} 个问题中：资料能回答的 {answerable} 个里放行 {answered} 个，"
        "资料不能回答的 {others} 个里拒答 {declined} 个。",
        "kb_effect_change": "与现在的 {now:.2f} 相比：正确放行 {more}，误放行 {wrongly}。",
        "kb_effect_best": "取 {best:.2f} 时整体最合适。",
    },
}
