"""The loaders' errors in words: what happened, what it means, what to do, in English and Chinese."""

from __future__ import annotations

from rag.errors import UnreadableFileError, UnsafeFileError, UnsupportedFileError

KINDS = {
    ".md": ("Markdown", "Markdown"),
    ".txt": ("plain text", "纯文本"),
    ".pdf": ("PDF", "PDF"),
    ".docx": ("Word (.docx)", "Word（.docx）"),
    ".html": ("HTML", "HTML"),
    ".htm": ("HTML", "HTML"),
    ".csv": ("CSV", "CSV"),
    ".xlsx": ("Excel (.xlsx)", "Excel（.xlsx）"),
    ".png": ("PNG image", "PNG 图片"),
    ".jpg": ("JPEG image", "JPEG 图片"),
    ".jpeg": ("JPEG image", "JPEG 图片"),
}

INSTALL_OCR = (
    "To have this app read images, run: pip install -r requirements-ocr.txt, and start it anew",
    "如需让本应用识别图片中的文字，请运行 pip install -r requirements-ocr.txt 并重新启动",
)


def missing(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” does not exist, so it was not added. Check the path.",
        zh=f"找不到文件“{label}”，因此没有添加。请检查路径。",
    )


def folder(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” is a folder or not a regular file, so it cannot be read as a document. Add the files in it.",
        zh=f"“{label}”是文件夹或不是普通文件，不能当作文档读取。请添加其中的文件。",
    )


def unopenable(label: str, reason: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” cannot be opened ({reason}). Check that you may read it and that no other program holds it.",
        zh=f"无法打开“{label}”（{reason}）。请确认您有读取权限，且没有被其他程序占用。",
    )


def unsupported(label: str, suffixes: tuple[str, ...]) -> UnsupportedFileError:
    types = ", ".join(suffixes)
    return UnsupportedFileError(
        en=f"“{label}” is of a type that cannot be read. These can: {types}. Save it as one of them and add that.",
        zh=f"不支持“{label}”这种类型的文件。支持的类型：{types}。请另存为其中一种再添加。",
    )


def too_big(label: str, size: int, limit_mb: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” is {size / 2**20:.1f} MiB; the limit is {limit_mb} MiB. Split it, or raise max_file_mb.",
        zh=f"“{label}”有 {size / 2**20:.1f} MiB，超过上限 {limit_mb} MiB。请拆分文件，或调高 max_file_mb。",
    )


def empty(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” is empty (0 bytes): there is nothing to add. Check that it was saved or copied completely.",
        zh=f"“{label}”是空文件（0 字节），没有可添加的内容。请检查是否完整保存或复制。",
    )


def no_text(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” holds no text, only white space or markup: there is nothing to add. Check its content.",
        zh=f"“{label}”里没有文字，只有空白或标记，没有可添加的内容。请检查文件内容。",
    )


def mismatched(label: str, suffix: str, found: tuple[str, str]) -> UnreadableFileError:
    want = KINDS[suffix]
    return UnreadableFileError(
        en=f"“{label}” is named as {want[0]}, but its content is {found[0]}. Give it its true name ending, "
        f"or save it again as {want[0]}.",
        zh=f"“{label}”的扩展名是 {want[1]}，但内容是{found[1]}。请改回正确的扩展名，或重新另存为 {want[1]}。",
    )


def damaged(label: str, suffix: str) -> UnreadableFileError:
    kind = KINDS[suffix]
    return UnreadableFileError(
        en=f"“{label}” is damaged or incomplete and cannot be read as {kind[0]}. Copy or download "
        "it again, "
        "or open it in its program and save it anew.",
        zh=f"“{label}”已损坏或不完整，无法作为 {kind[1]} 读取。请重新复制或下载，或用原程序打开后另存。",
    )


def encrypted(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” is protected by a password, so its text cannot be read. Save a copy without "
        "a password "
        "and add that.",
        zh=f"“{label}”有密码保护，无法读取内容。请另存一份不带密码的副本再添加。",
    )


def cipher_missing(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” is encrypted with AES, which needs the package `cryptography`. Install it, "
        "or save the "
        "file without protection.",
        zh=f"“{label}”使用 AES 加密，读取它需要安装 `cryptography` 包。请安装它，或另存为不加密的文件。",
    )


def old_office(label: str, suffix: str) -> UnreadableFileError:
    kind = KINDS[suffix]
    return UnreadableFileError(
        en=f"“{label}” is in the Office format of before 2007. Open it and save it as {kind[0]}.",
        zh=f"“{label}”是 2007 年以前的 Office 旧格式。请打开后另存为 {kind[1]}。",
    )


def only_images(label: str, pages: int, tried: bool) -> UnreadableFileError:
    """A scan, without text recognition, or after it was `tried` in vain."""
    if tried:
        return UnreadableFileError(
            en=f"“{label}” holds only images of its {pages} page(s), and text recognition (OCR) found no text in them. "
            "If there is some, scan it again: straight, sharp, and with 200 to 300 dots per inch.",
            zh=f"“{label}”的 {pages} 页都只有图片，文字识别（OCR）没有找到文字。如果其中有文字，"
            "请重新扫描：摆正、清晰，分辨率 200 至 300 dpi。",
        )
    return UnreadableFileError(
        en=f"“{label}” holds only images of its {pages} page(s), no text (a scan), which takes text recognition (OCR). "
        f"{INSTALL_OCR[0]}; or add a version that has been through it.",
        zh=f"“{label}”的 {pages} 页都只有图片，没有文字（扫描件），需要文字识别（OCR）。"
        f"{INSTALL_OCR[1]}；或添加已识别过的文件。",
    )


def image_unread(label: str) -> UnsupportedFileError:
    return UnsupportedFileError(
        en=f"“{label}” is an image, which takes text recognition (OCR), so it was not added. {INSTALL_OCR[0]}.",
        zh=f"“{label}”是图片，需要文字识别（OCR），因此没有添加。{INSTALL_OCR[1]}。",
    )


def no_words(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"Text recognition (OCR) found no text in “{label}”, so there is nothing to add. If there is some, scan it "
        "again: straight, sharp, and with 200 to 300 dots per inch.",
        zh=f"文字识别（OCR）在“{label}”中没有找到文字，没有可添加的内容。如果其中有文字，"
        "请重新扫描：摆正、清晰，分辨率 200 至 300 dpi。",
    )


def too_many_pixels(label: str, width: int, height: int, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” has {width} x {height} pixels; the limit is {limit // 10**6} million. Save it smaller, or in "
        "parts.",
        zh=f"“{label}”有 {width}×{height} 像素，超过上限 {limit // 10**4} 万像素。请缩小或分成几张保存。",
    )


def too_many_pages(label: str, pages: int, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” has {pages} pages; the limit is {limit}. Split it into parts and add those.",
        zh=f"“{label}”有 {pages} 页，超过上限 {limit} 页。请拆成几部分再添加。",
    )


def too_slow(label: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” takes far too long to read: its pages are unusually complex, perhaps by "
        "intent. Print it to "
        "a new PDF and add that.",
        zh=f"“{label}”读取耗时过长：页面异常复杂，可能是故意构造的。请重新打印为新的 PDF 再添加。",
    )


def expands(label: str, limit_mb: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” would unpack to far more than it should (limit {limit_mb} MiB or 200 times "
        "its size): it may "
        "be a “zip bomb” and was not opened. If you trust it, save it anew or split it.",
        zh=f"“{label}”解压后会异常膨胀（上限 {limit_mb} MiB 或自身的 200 倍），可能是“压缩炸弹”，没有打开。"
        "如果确认可信，请重新保存或拆分。",
    )


def too_many_parts(label: str, parts: int, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” packs {parts} files inside; the limit is {limit}. It was not opened. Save it anew or split it.",
        zh=f"“{label}”内部打包了 {parts} 个文件，超过上限 {limit} 个，没有打开。请重新保存或拆分。",
    )


def entities(label: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” declares XML entities, which Office files never need and attacks do; it was "
        "not opened. "
        "Save it anew from its program.",
        zh=f"“{label}”含有 XML 实体声明，正常的 Office 文件不会有，可能是攻击，没有打开。请用原程序重新保存。",
    )


def too_deep(label: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” nests its elements too deeply to be read whole. Save the page as text or PDF and add that.",
        zh=f"“{label}”的元素嵌套过深，无法完整读取。请把网页另存为文本或 PDF 再添加。",
    )


def too_sparse(label: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” has a sheet of far too many cells, nearly all empty. Delete the empty rows and columns at "
        "its far end and save it again.",
        zh=f"“{label}”有一张工作表的单元格数量过大，且几乎全空。请删除末尾的空行和空列后重新保存。",
    )


def too_long(label: str, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” holds more than {limit:,} characters of text, the limit for one document. "
        "Split it, or raise "
        "max_text_chars.",
        zh=f"“{label}”的文字超过 {limit:,} 个字符，这是单个文档的上限。请拆分文件，或调高 max_text_chars。",
    )


def warning(en: str, zh: str) -> str:
    """One of `LoadedDocument.warnings`, which have no language: a line in English, then one in Chinese."""
    return f"{en}\n{zh}"


def archive_damaged(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” is not a ZIP archive or is damaged, so nothing in it was added. Copy or download it again.",
        zh=f"“{label}”不是 ZIP 压缩包或已损坏，其中的文件都没有添加。请重新复制或下载。",
    )


def archive_expands(label: str, limit_mb: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” would unpack to more than {limit_mb} MiB or 200 times its size: it may be a “zip bomb”, and "
        "nothing in it was added. If you trust it, unpack it yourself and add the folder, or raise max_archive_mb.",
        zh=f"“{label}”解压后会超过 {limit_mb} MiB 或自身的 200 倍，可能是“压缩炸弹”，其中的文件都没有添加。"
        "如果确认可信，请自行解压后添加文件夹，或调高 max_archive_mb。",
    )


def archive_many(label: str, count: int, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” holds {count} files; the limit is {limit}, so nothing in it was added. Unpack it and add the "
        "folder, or raise max_archive_files.",
        zh=f"“{label}”中有 {count} 个文件，超过上限 {limit} 个，都没有添加。"
        "请解压后添加文件夹，或调高 max_archive_files。",
    )


def upload_many(count: int, limit: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"{count} files would wait in this collection; the limit is {limit}, so none of these was taken. Add "
        "them in parts, pack them into a zip, or raise max_upload_files.",
        zh=f"该资料库将有 {count} 个文件等待添加，超过上限 {limit} 个，这些文件都没有接收。"
        "请分批添加、打包成 zip，或调高 max_upload_files。",
    )


def archive_escape(label: str, archive: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” in “{archive}” has a name or link that leads out of the archive, as attacks do; it was not "
        "read. If you trust it, unpack the archive yourself and add the file.",
        zh=f"“{archive}”中的“{label}”使用了指向压缩包之外的名称或链接（攻击常用手法），没有读取。"
        "如果确认可信，请自行解压后添加该文件。",
    )


def archive_nested(label: str, archive: str) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” is an archive inside “{archive}”; those are not opened. Unpack it and add what it holds.",
        zh=f"“{label}”是“{archive}”中的压缩包，不会打开。请解压后添加其中的文件。",
    )


def took_too_long(label: str, seconds: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” was not read within {seconds} s and was given up; the other files were not held up by it. "
        "Split it or save it anew, or raise read_seconds.",
        zh=f"“{label}”在 {seconds} 秒内没有读完，已放弃；其他文件不受影响。请拆分或重新保存，或调高 read_seconds。",
    )


def took_too_much(label: str, limit_mb: int) -> UnsafeFileError:
    return UnsafeFileError(
        en=f"“{label}” needs more than {limit_mb} MiB of memory to be read and was given up. Split it or save it "
        "anew, or raise read_memory_mb.",
        zh=f"读取“{label}”需要超过 {limit_mb} MiB 的内存，已放弃。请拆分或重新保存，或调高 read_memory_mb。",
    )


def crashed_reader(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"“{label}” crashed the program that reads it, so it was not added; nothing else was harmed. It may be "
        "damaged: save it anew and try again.",
        zh=f"“{label}”使读取程序崩溃，因此没有添加；其他内容不受影响。文件可能已损坏，请重新保存后再试。",
    )


def app_error(label: str, name: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"{label} could not be added because of an error in this app ({name}). "
        "Nothing of it was kept. The log has the details.",
        zh=f"由于本应用内部错误，无法添加 {label}（{name}）。没有保存任何内容，详情见日志。",
    )


def nothing_to_search(label: str) -> UnreadableFileError:
    return UnreadableFileError(
        en=f"{label} holds no text, so there is nothing to search in it. "
        "If it is a scan, text recognition (OCR) found none, or is to be run on it first.",
        zh=f"{label} 中没有文字，无法检索。如果是扫描件，请先做文字识别（OCR），或文字识别没有找到文字。",
    )
