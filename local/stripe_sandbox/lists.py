"""List objects: newest first, filtered, paged by cursor."""

from __future__ import annotations

from collections.abc import Callable

from local.stripe_sandbox.books import Json
from local.stripe_sandbox.errors import StripeError, invalid
from local.stripe_sandbox.state import Call

DEFAULT_LIMIT = 10
_EQUAL_FILTERS = (
    "customer", "payment_intent", "charge", "transfer_group", "email", "source", "type", "currency", "payout"
)  # fmt: skip
Keep = Callable[[Call, Json], bool]


def keep_equal(call: Call, row: Json) -> bool:
    """Whether a row equals every filter that was given."""
    return all(row.get(name) == call.params[name] for name in _EQUAL_FILTERS if name in call.params)


def page(call: Call, rows: list[Json], keep: Keep, noun: str, url: str) -> Json:
    """One page of `rows` (newest first) as Stripe's list object.

    Raises: StripeError: both cursors at once (400), or a cursor that names nothing here (404).
    """
    limit = call.given("limit", DEFAULT_LIMIT)
    after, before = call.given("starting_after"), call.given("ending_before")
    if after and before:
        raise invalid("You can give starting_after or ending_before, but not both.", "ending_before")
    if after:
        rows = rows[_position(rows, after, "starting_after", noun) + 1 :]
    if before:
        rows = rows[: _position(rows, before, "ending_before", noun)]
    matching = [row for row in rows if keep(call, row) and _in_range(row["created"], call.given("created"))]
    chosen = matching[-limit:] if before else matching[:limit]
    return {"object": "list", "data": chosen, "has_more": len(matching) > limit, "url": url}


def _position(rows: list[Json], object_id: str, param: str, noun: str) -> int:
    for index, row in enumerate(rows):
        if row["id"] == object_id:
            return index
    raise StripeError(400, f"No such {noun}: '{object_id}'", code="resource_missing", param=param)


def _in_range(created: int, bounds: dict[str, int] | None) -> bool:
    bounds = bounds or {}
    return (
        created > bounds.get("gt", -1)
        and created >= bounds.get("gte", 0)
        and created < bounds.get("lt", 2**62)
        and created <= bounds.get("lte", 2**62)
    )
