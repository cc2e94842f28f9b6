"""What becomes of a refund: its first status, its later transitions, the money, and the events of each."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import early_fraud_warnings, ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.ledger import book_movement
from local.stripe_sandbox.refundable import recount_refunds
from local.stripe_sandbox.state import Scope

ALLOWED = {
    "pending": frozenset(("requires_action", "succeeded", "failed", "canceled")),
    "requires_action": frozenset(("pending", "succeeded", "failed", "canceled")),
    "succeeded": frozenset(("failed",)),
    "failed": frozenset[str](),
    "canceled": frozenset[str](),
}
# The list in the `failure_reason` documentation of Stripe's Refund object.
FAILURE_REASONS = (
    "lost_or_stolen_card", "expired_or_canceled_card", "charge_for_pending_refund_disputed",
    "insufficient_funds", "declined", "merchant_request", "unknown",
)  # fmt: skip
INSTRUCTIONS_VALID_S = 45 * 86_400
_FIRST_STATUS = {
    "refund_pending": "pending", "refund_pending_then_succeeded": "pending",
    "refund_pending_then_failed": "pending", "refund_fail_later": "succeeded",
    "refund_requires_action": "requires_action", "refund_failed_now": "failed",
}  # fmt: skip
_LATER_STATUS = {
    "refund_pending_then_succeeded": "succeeded", "refund_pending_then_failed": "failed",
    "refund_fail_later": "failed",
}  # fmt: skip


def card_destination(reference_status: str) -> dict[str, Any]:
    """`destination_details` of a refund to a card; its reference appears once it is available."""
    card: dict[str, Any] = {
        "reference_status": reference_status, "reference_type": "acquirer_reference_number", "type": "refund"
    }  # fmt: skip
    if reference_status == "available":
        card["reference"] = ids.digits(23)
    return {"card": card, "type": "card"}


def begin(scope: Scope, charge: Json, refund: Json, outcome: Fault | None) -> None:
    """Give a stored refund its first status, move the money, tell, and plan what is scripted for later."""
    refund["status"] = _FIRST_STATUS[outcome.kind] if outcome else "succeeded"
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    if charge["captured"]:
        refund["balance_transaction"] = book_movement(scope, "refund", -refund["amount"], refund)["id"]
    recount_refunds(scope.book, charge)
    _dress(scope, refund, outcome)
    early_fraud_warnings.settle_warnings(scope, charge)
    scope.emit("refund.created", refund)
    if refund["status"] == "failed":
        scope.emit("refund.failed", refund)
        return
    scope.emit("charge.refunded", charge, {**previous, "receipt_url": None})
    later = _LATER_STATUS.get(outcome.kind) if outcome else None
    if outcome and later:
        reason, refund_id = outcome.failure_reason, refund["id"]
        scope.later(outcome.after_s, lambda at: _move_if_allowed(at, refund_id, later, reason))


def _move_if_allowed(scope: Scope, refund_id: str, status: str, failure_reason: str) -> None:
    """A scripted transition; someone may have moved the refund elsewhere in the meantime."""
    refund = scope.book.refunds.get(refund_id)
    if refund is not None and status in ALLOWED.get(refund["status"], frozenset()):
        move(scope, refund, status, failure_reason)


def move(scope: Scope, refund: Json, status: str, failure_reason: str = "unknown") -> None:
    """Bring a refund to another status, with its money, its charge and its events.

    The caller has asked ALLOWED, or means to break it.
    """
    previous: Json = {
        name: refund.get(name) for name in ("status", "failure_reason", "pending_reason") if name in refund
    }
    refund["status"] = status
    outcome = Fault("moved", "refunds.create", 1, failure_reason=failure_reason)
    _dress(scope, refund, outcome)
    recount_refunds(scope.book, scope.book.charges.get(refund["charge"]) or {})
    announce_update(scope, refund, previous)
    if status == "failed":
        scope.emit("refund.failed", refund)


def fail_pending(scope: Scope, charge_id: str) -> None:
    """A chargeback overtakes the refunds that are still on their way: Stripe fails them for this reason."""
    for refund in scope.book.refunds_of(charge_id):
        if refund["status"] == "pending":
            move(scope, refund, "failed", "charge_for_pending_refund_disputed")


def announce_update(scope: Scope, refund: Json, previous: Json) -> None:
    """The two events that Stripe sends when a refund changes."""
    scope.emit("refund.updated", refund, previous)
    scope.emit("charge.refund.updated", refund, previous)


def _dress(scope: Scope, refund: Json, outcome: Fault | None) -> None:
    """Set the fields that a status brings with it, and drop those that it ends."""
    for name in ("pending_reason", "next_action"):
        refund.pop(name, None)
    status = refund["status"]
    if status == "pending":
        refund["pending_reason"] = "processing"
    elif status == "requires_action":
        _ask_the_customer(scope, refund, outcome.instructions_email if outcome else None)
    elif status == "succeeded":
        if refund["destination_details"].get("card"):
            refund["destination_details"] = card_destination("available")
    elif status in ("failed", "canceled"):
        _give_back(scope, refund, outcome.failure_reason if outcome else "unknown")


def _ask_the_customer(scope: Scope, refund: Json, email: str | None) -> None:
    """A payment method without native refunds: the customer gets an e-mail and names a bank account."""
    charge = scope.book.charges.get(refund["charge"]) or {}
    address = email or refund.get("instructions_email") or charge.get("billing_details", {}).get("email")
    refund["instructions_email"] = address or "customer@example.com"
    refund["destination_details"] = {
        "th_bank_transfer": {"reference": None, "reference_status": "pending"}, "type": "th_bank_transfer"
    }  # fmt: skip
    sent = {"email_sent_at": scope.unix(), "email_sent_to": refund["instructions_email"]}
    refund["next_action"] = {
        "display_details": {"email_sent": sent, "expires_at": scope.unix() + INSTRUCTIONS_VALID_S},
        "type": "display_details",
    }  # fmt: skip


def _give_back(scope: Scope, refund: Json, failure_reason: str) -> None:
    refund["failure_reason"] = "merchant_request" if refund["status"] == "canceled" else failure_reason
    if refund["balance_transaction"] and not refund.get("failure_balance_transaction"):
        movement = book_movement(scope, "refund_failure", refund["amount"], refund)
        refund["failure_balance_transaction"] = movement["id"]
