"""Rows of a CSV file (RFC 4180) that a spreadsheet takes for text and numbers only, never for a formula.

Source: OWASP "CSV Injection": cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a line break are led by an
apostrophe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_of(rows: Iterable[Sequence[str | int]]) -> str:
    """``rows`` as CSV text, each ended by CRLF."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return written.getvalue()


def _harmless(cell: str | int) -> str | int:
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_STARTS_A_FORMULA):
        return f"'{cell}"
    return cell
