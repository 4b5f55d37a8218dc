"""What importing a self says, in English and Chinese; part of training.texts."""

from __future__ import annotations

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "import_title": "Import a self that was trained elsewhere",
        "import_hint": "A zip file of a PEFT folder (such as “Export zip” makes), or XTuner's checkpoint (.pth), "
        "trained on the base that is running. A file too large for the page: python app.py adapters import FILE.",
        "import_drop": "Drop a .zip or .pth here",
        "import_name": "Name (a-z, 0-9, - and _; empty takes the file's)",
        "import_alpha": "lora_alpha, for a .pth that does not tell it (0: as the file says)",
        "import_go": "Import",
        "import_none": "No file was chosen, so nothing was imported. Drop a file first.",
        "import_done": "“{name}” is imported: choose it in the chat, or compare it with the base.",
    },
    "zh": {
        "import_title": "导入在别处训练的分身",
        "import_hint": "PEFT 文件夹的 zip（如“导出 zip”所得），或 XTuner 的检查点（.pth），须是在当前基座上训练的。"
        "文件太大、页面不收时，可用命令：python app.py adapters import 文件。",
        "import_drop": "把 .zip 或 .pth 拖到这里",
        "import_name": "名称（a-z、0-9、- 和 _；不填则取文件名）",
        "import_alpha": "lora_alpha，用于没有写明它的 .pth（0：以文件为准）",
        "import_go": "导入",
        "import_none": "没有选择文件，因此没有导入。请先拖入文件。",
        "import_done": "“{name}”已导入：可在对话页选用，或与基座比较。",
    },
}
