"""Lists over an index, newest first: one page at a time, looking at no more items than a call may cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from refundkit_core.adapters.dynamodb.table import Item
from refundkit_core.application.records import Position

MAX_EXAMINED: Final = 1_000
SMALLEST_READ: Final = 100
FIRST: Final = "0"
LAST: Final = "~"
"""Sort keys begin with a time: these stand before and after all of them."""

_LEFT: Final = "+"

Fetch = Callable[[str, int], tuple[list[Item], bool]]
"""Items below a sort key, at most so many, newest first; and whether there may be more."""


def page_of(
    fetch: Fetch, part: Position, sort_key: str, before: str, matches: Callable[[Item], bool]
) -> tuple[list[Item], str | None]:
    """The items of one page and the sort key after which the next begins (None: nothing is left).

    At most 1,000 items are looked at for it, so that a page of a strict filter may be short or empty and go on;
    skipped ones of a list without a filter count as well, but never keep the page from being filled.
    """
    after, skip = _read(part)
    needed = skip + part.limit
    budget = max(MAX_EXAMINED, needed) if matches is everything else MAX_EXAMINED
    before = before if after is None else min(after, before)
    found: list[Item] = []
    examined, more, size = 0, True, max(SMALLEST_READ, needed)
    while more and len(found) < needed and examined < budget:
        size = min(size, budget - examined)
        items, more = fetch(before, size)
        examined, size = examined + size, size * 2
        for number, item in enumerate(items, start=1):
            before = item[sort_key]
            if matches(item):
                found.append(item)
            if len(found) == needed:
                more = more or number < len(items)
                break
    left = max(0, skip - len(found))
    return found[skip:], _written(before, left) if more else None


def _read(part: Position) -> tuple[str | None, int]:
    """Where to begin, and how many matches to skip there: an offset that the page before did not use up goes on."""
    if part.after is None:
        return None, part.offset
    after, _, left = part.after.partition(_LEFT)
    return after, int(left or 0)


def _written(before: str, left: int) -> str:
    return f"{before}{_LEFT}{left}" if left else before


def everything(_item: Item) -> bool:
    """The filter of a list without one."""
    return True
