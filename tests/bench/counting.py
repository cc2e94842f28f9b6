"""How DynamoDB, EventBridge and SQS count what they bill. Pure functions over items in DynamoDB's own notation.

Source: the DynamoDB developer guide, "Read and write operations", "Item sizes and formats" and "Global secondary
indexes: write throughput"; the pricing pages of EventBridge and SQS for 64 KB chunks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

_WRITE_BYTES = 1024
_READ_BYTES = 4096
_CHUNK_BYTES = 64 * 1024
_CONTAINER_BYTES = 3
_EVENT_TIME_BYTES = 14


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its key attributes, and what it holds (None: all of an item)."""

    name: str
    key: tuple[str, ...]
    held: frozenset[str] | None = None

    def of(self, item: Item | None) -> Item | None:
        """What the index holds of ``item``; None where the item is not in it."""
        if item is None or any(name not in item for name in self.key):
            return None
        return item if self.held is None else {name: item[name] for name in item if name in self.held}


def item_bytes(item: Item | None) -> int:
    """An item's size: names and values, as they count for throughput (storage adds 100 bytes an item)."""
    return sum(_text_bytes(name) + _value_bytes(value) for name, value in (item or {}).items())


def _text_bytes(text: str) -> int:
    return len(text.encode())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return _text_bytes(content)
        case "N":
            return _number_bytes(content)
        case "B":
            return len(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return _CONTAINER_BYTES + sum(1 + _value_bytes(element) for element in content)
        case "M":
            return _CONTAINER_BYTES + sum(1 + _text_bytes(name) + _value_bytes(each) for name, each in content.items())
        case "SS":
            return sum(_text_bytes(each) for each in content)
        case "NS":
            return sum(_number_bytes(each) for each in content)
        case "BS":
            return sum(len(each) for each in content)
    raise ValueError(f"{kind} is no attribute type")


def _number_bytes(text: str) -> int:
    """One byte for two significant digits, one more, and one for a sign."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def write_units(before: Item | None, after: Item | None) -> int:
    """Units of one write outside a transaction: the larger of the two sizes in KB, rounded up, at least one."""
    return max(1, math.ceil(max(item_bytes(before), item_bytes(after)) / _WRITE_BYTES))


def transactional_write_units(before: Item | None, after: Item | None) -> int:
    """Units of a write or a condition check in a transaction: everything is done twice."""
    return 2 * write_units(before, after)


def index_write_units(index: Index, before: Item | None, after: Item | None) -> int:
    """Units that a write of the table costs in an index: none where the index holds the same before and after, two
    writes where the index key moves, else one."""
    old, new = index.of(before), index.of(after)
    if old == new:
        return 0
    if old is None or new is None or all(old[name] == new[name] for name in index.key):
        return write_units(old, new)
    return write_units(old, None) + write_units(None, new)


def read_units(read_bytes: int) -> float:
    """Units of a consistent read of one item, or of one query's items together; at least one."""
    return float(max(1, math.ceil(read_bytes / _READ_BYTES)))


def eventual_read_units(read_bytes: int) -> float:
    """Units of a read that may lag: half."""
    return read_units(read_bytes) / 2


def chunks(size_bytes: int) -> int:
    """Billed requests of a message or event of that size: one for each 64 KB."""
    return max(1, math.ceil(size_bytes / _CHUNK_BYTES))


def event_bytes(entry: Mapping[str, Any]) -> int:
    """The size of a ``PutEvents`` entry as EventBridge counts it."""
    texts = (entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", ()))
    return sum(_text_bytes(text) for text in texts) + (_EVENT_TIME_BYTES if "Time" in entry else 0)
