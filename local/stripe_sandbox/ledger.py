"""Balance transactions: what every movement of money did to the account's balance."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.params import Spec, listing, text
from local.stripe_sandbox.state import Call, Scope

LIST = listing(currency=text(), payout=text(), source=text(), type=text())
RETRIEVE = Spec()
_REPORTED_AS = {
    "charge": "charge", "payment": "charge", "refund": "refund", "refund_failure": "refund_failure",
    "adjustment": "dispute",
}  # fmt: skip
SETTLES_AFTER_S = 2 * 86_400


def card_fee_minor(amount_minor: int) -> int:
    """2.9 % and 30 minor units, the fraction rounded up."""
    return -(-amount_minor * 29 // 1000) + 30


def book_movement(
    scope: Scope,
    kind: str,
    amount_minor: int,
    source: Json,
    *,
    fee_minor: int = 0,
    fee_label: str = "Stripe fee",
) -> Json:
    """Record a movement (negative amounts leave the account) and return the balance transaction."""
    now = scope.unix()
    details: list[dict[str, Any]] = []
    if fee_minor:
        details.append(
            {"amount": fee_minor, "application": None, "currency": source["currency"],
             "description": fee_label, "type": "stripe_fee"}
        )  # fmt: skip
    row: Json = {
        "id": ids.new_id("txn"), "object": "balance_transaction", "amount": amount_minor,
        "available_on": now + SETTLES_AFTER_S, "balance_type": "payments", "created": now,
        "currency": source["currency"], "description": None, "exchange_rate": None, "fee": fee_minor,
        "fee_details": details, "net": amount_minor - fee_minor, "reporting_category": _REPORTED_AS[kind],
        "source": source["id"], "status": "pending", "type": kind,
    }  # fmt: skip
    return scope.book.balance_transactions.put(row)


def retrieve(call: Call) -> Json:
    """`GET /v1/balance_transactions/{id}`."""
    return call.require(call.book.balance_transactions, call.path_ids["id"])
