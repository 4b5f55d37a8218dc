"""Files as they were added, kept beside their text in the database: what a citation is shown in.

They share the documents' transactions, backups and deletion, so that none is left behind or missing. Kept are the kinds
whose look is more than their text; of the others the text itself is shown.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

KEPT = ("pdf", "xlsx", "csv")
"""`Document.loader` of those that are kept."""


def pack(data: bytes) -> bytes:
    """A file as it is stored: compressed, so that a backup cannot shrink to what looks like a bomb."""
    return zlib.compress(data, 1)


def keep(db: Any, sha256: str, packed: bytes) -> None:
    """Within a transaction: keep the file of documents that are there; b"" is not kept."""
    if packed:
        db.execute(
            "INSERT OR IGNORE INTO originals SELECT ?, ? WHERE EXISTS (SELECT 1 FROM documents WHERE sha256 = ?)",
            (sha256, packed, sha256),
        )


def unpack(packed: bytes, size: int) -> bytes:
    """The file again; never more than `size` bytes and one.

    Raises:
        zlib.error: it is damaged.
    """
    return zlib.decompressobj().decompress(packed, size + 1)


def is_whole(packed: bytes, size: int, sha256: str) -> bool:
    """Whether it still holds a file of that size and content."""
    try:
        return hashlib.sha256(unpack(packed, size)).hexdigest() == sha256
    except zlib.error:
        return False
