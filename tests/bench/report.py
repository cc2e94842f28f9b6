"""The report's shapes: a section's text, its record for ``bench.json``, and its rows for the README."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One line of the closing table. ``beside``: the peer or the ceiling of the same run."""

    name: str
    measured: str
    beside: str
    verdict: str


@dataclass
class Section:
    """What one measurement has to say."""

    title: str
    lines: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)


def within(measured: float, ceiling: float) -> str:
    """``ok`` or ``over``."""
    return "ok" if measured <= ceiling else "over"


def columns(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A table for the terminal: numbers to the right, texts to the left."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in [list(headers), *cells]) for n in range(len(headers))]
    right = [bool(cells) and all(_is_number(row[n]) for row in cells) for n in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if r else cell.ljust(width) for cell, width, r in zip(row, widths, right, strict=True)
        ]
        return "  " + "  ".join(parts).rstrip()

    return [line(headers), "  " + "  ".join("-" * width for width in widths), *(line(row) for row in cells)]


def _is_number(cell: str) -> bool:
    return not cell.strip("0123456789.,-+% ") or cell == "-"


def markdown(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A table for the README."""
    lines = ["| " + " | ".join(headers) + " |", "| " + " | ".join("---" for _ in headers) + " |"]
    return [*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]


def number(value: float, digits: int = 0) -> str:
    """A number with its thousands apart."""
    return f"{value:,.{digits}f}"
