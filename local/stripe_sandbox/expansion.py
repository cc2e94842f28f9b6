"""`expand[]`: ids replaced by their objects. Paths are checked first, and applied last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.stripe_sandbox.books import Book, Json
from local.stripe_sandbox.errors import StripeError, invalid

MAX_LEVELS = 4
_OPAQUE: Mapping[str, str] = {}
# Per kind of object: which field may be expanded, and what kind of object stands there. `opaque` fields are
# accepted as Stripe accepts them, but the sandbox has no such objects: an id or null stays as it is.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "charge": {
        "balance_transaction": "balance_transaction", "failure_balance_transaction": "balance_transaction",
        "customer": "customer", "payment_intent": "payment_intent", "refunds": "refunds",
        "application": "opaque", "application_fee": "opaque", "on_behalf_of": "opaque", "review": "opaque",
        "source_transfer": "opaque", "transfer": "opaque",
    },
    "refund": {
        "charge": "charge", "payment_intent": "payment_intent", "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction", "source_transfer_reversal": "opaque",
        "transfer_reversal": "opaque",
    },
    "refunds": {"data": "refund"},
    "payment_intent": {
        "latest_charge": "charge", "customer": "customer", "payment_method": "opaque",
        "on_behalf_of": "opaque", "review": "opaque", "application": "opaque",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
    "balance_transaction": {"source": "any"},
    "customer": {"default_source": "opaque", "test_clock": "opaque"},
}  # fmt: skip


def check_paths(kind: str, is_list: bool, paths: Sequence[str]) -> None:
    """Refuse what cannot be expanded.

    Raises: StripeError (400): no such property, or more than four levels.
    """
    for path in paths:
        steps = path.split(".")
        if len(steps) > MAX_LEVELS + int(is_list):
            raise invalid(f"You cannot expand more than {MAX_LEVELS} levels of a property. ({path}).", "expand")
        if is_list:
            if steps[0] != "data" or len(steps) == 1:
                raise _refused(path, f" You may want to try expanding 'data.{path}' instead.")
            steps = steps[1:]
        here = kind
        for step in steps:
            if step not in FIELDS.get(here, _OPAQUE):
                raise _refused(path)
            here = FIELDS[here][step]


def _refused(path: str, hint: str = "") -> StripeError:
    return invalid(f"This property cannot be expanded ({path}).{hint}", "expand")


def expanded(book: Book, row: Json, paths: Sequence[str]) -> Json:
    """A copy of the row with the objects of these paths in the place of their ids."""
    for path in paths:
        row = _apply(book, row, path.split("."))
    return row


def _apply(book: Book, row: Json, steps: list[str]) -> Json:
    if not steps:
        return row
    step, rest = steps[0], steps[1:]
    if step == "refunds" and row.get("object") == "charge" and not isinstance(row.get("refunds"), dict):
        row = row | {"refunds": _refund_list(book, row)}
    value: Any = row.get(step)
    if isinstance(value, str):
        value = book.find_any(value) or value
    if isinstance(value, dict):
        return row | {step: _apply(book, value, rest)}
    if isinstance(value, list):
        return row | {step: [_apply(book, item, rest) for item in value]}
    return row


def _refund_list(book: Book, charge: Json) -> Json:
    newest = list(reversed(book.refunds_of(charge["id"])))
    return {
        "object": "list", "data": newest[:10], "has_more": len(newest) > 10,
        "url": f"/v1/charges/{charge['id']}/refunds",
    }  # fmt: skip
