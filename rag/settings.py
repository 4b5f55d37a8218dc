"""Settings of the knowledge room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EMBEDDED_EMBEDDER = Path(__file__).parent / "embedded"


@dataclass(frozen=True)
class RagSettings:
    """Frozen; made by app.py from defaults, YAML, environment and command line.

    Attributes:
        data_dir: holds knowledge.db, vector_db/ and its lock.
        embedder: "embedded", a folder, or the hub name of any sentence-transformers model.
        chroma: address of a Chroma server for the vector indexes of large collections ("http://127.0.0.1:8000"); ""
            keeps them in the data folder.
        chunk_chars: longest chunk in Chinese characters; in other scripts 2.5 times as many letters.
        chunk_overlap: characters repeated between neighbouring chunks of one section.
        k: passages given to the model; 0 takes what suits the base: 1 for the embedded one, 4 for larger ones.
        candidates: how many passages each of dense and BM25 search returns before they are fused.
        reranker: folder or hub name of a cross-encoder that orders the best passages anew; "" does without.
        rerank: how many passages it reads for each question.
        join_chars: longest passage that neighbouring chunks are joined to, in characters.
        refuse_below: dense cosine under which a passage that shares no rare term counts as "nothing found".
        max_file_mb: largest source file, in MiB.
        max_expanded_mb: largest expansion of a zipped format (docx, xlsx), in MiB.
        max_text_chars: longest text of one document.
        max_archive_mb: largest size of a zip archive of documents, and of what it holds, in MiB.
        max_archive_files: most files in a zip archive of documents.
        max_upload_files: most files of one collection that wait to be added.
        readers: processes that read files side by side; 0 takes one for each processor, 4 at most.
        read_seconds: longest time for reading one file.
        read_memory_mb: memory for reading one file, in MiB (where the system can limit it).
    """

    data_dir: Path
    embedder: str = "embedded"
    chroma: str = ""
    chunk_chars: int = 480
    chunk_overlap: int = 60
    k: int = 0
    candidates: int = 30
    reranker: str = ""
    rerank: int = 20
    join_chars: int = 960
    refuse_below: float = 0.43
    max_file_mb: int = 50
    max_expanded_mb: int = 200
    max_text_chars: int = 5_000_000
    max_archive_mb: int = 1024
    max_archive_files: int = 20_000
    max_upload_files: int = 5000
    readers: int = 0
    read_seconds: int = 60
    read_memory_mb: int = 2048
