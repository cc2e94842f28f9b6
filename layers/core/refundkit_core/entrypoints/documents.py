"""JSON documents that lie beside a function and are answered as they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from refundkit_core.entrypoints.http import Document


@cache
def read_document(file: Path) -> Document:
    """The document in ``file``, read once; it is the same for everybody, so caches may keep it for five minutes."""
    return Document(file.read_text(encoding="utf-8"), {"cache-control": "public, max-age=300"})
