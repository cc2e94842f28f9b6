"""What counted operations cost on the dated list prices of ``prices.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_REFUNDS = 1_000_000


@dataclass
class Usage:
    """Billed quantities by the names of ``prices.json``."""

    of: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, quantity: float) -> None:
        self.of[name] = self.of.get(name, 0) + quantity


class Line(NamedTuple):
    """One line of a bill: the quantity for one refund, the cost of a million of them."""

    name: str
    quantity: float
    usd_per_million: float


@cache
def table() -> dict[str, Any]:
    """The price table."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return loaded


def bill(usage: Usage) -> list[Line]:
    """The lines of ``usage`` in the table's order, those of nothing left out."""
    lines = []
    for name, price in table()["prices"].items():
        quantity = usage.of.get(name, 0)
        if quantity:
            lines.append(Line(price["name"], quantity, quantity * _REFUNDS * price["usd"] / price["per"]))
    return lines


def total(lines: list[Line]) -> float:
    """USD for a million refunds."""
    return sum(line.usd_per_million for line in lines)


def billed_ms(*, cpu_ms: float, wait_ms: float, memory_mb: int) -> int:
    """A duration as Lambda bills it: below a full processor's memory, computing takes longer in proportion."""
    full_mb: int = table()["assumptions"]["full_processor_mb"]
    stretch = max(1.0, full_mb / memory_mb)
    return math.ceil(cpu_ms * stretch + wait_ms)


def gb_seconds(duration_ms: float, memory_mb: int) -> float:
    """The product that Lambda bills."""
    return duration_ms / 1000 * memory_mb / 1024


def waiting_ms(calls: Mapping[str, int]) -> float:
    """The assumed waiting of calls by kind, one after the other."""
    each = table()["assumptions"]["wait_ms"]
    return float(sum(each[kind] * count for kind, count in calls.items()))
