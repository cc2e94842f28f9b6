"""Lists between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts.envelope import PageQuery, Pagination

from refundkit_core.application.records import Page, Slice
from refundkit_core.entrypoints.http import Call


def slice_from(call: Call) -> Slice:
    """Which part of a list is asked for."""
    query: PageQuery = call.query
    return Slice(query.limit, query.offset, query.cursor)


def pagination(call: Call, page: Page[Any]) -> Pagination:
    """What stands beside a list."""
    query: PageQuery = call.query
    return Pagination(limit=query.limit, offset=query.offset, next_cursor=page.next_cursor)
