"""Disputes: opened and moved by control, answered by the API; what they withdraw and what they block."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import early_fraud_warnings, ids, refund_lifecycle
from local.stripe_sandbox.books import Book, Json
from local.stripe_sandbox.errors import invalid
from local.stripe_sandbox.ledger import book_movement
from local.stripe_sandbox.params import (
    Spec,
    anything,
    boolean,
    listing,
    merged_metadata,
    metadata,
    one_of,
    text,
)
from local.stripe_sandbox.state import Call, Scope

STATUSES = (
    "warning_needs_response", "warning_under_review", "warning_closed", "needs_response", "under_review",
    "won", "lost", "prevented", "appeal_needs_response", "appeal_under_review",
)  # fmt: skip
# The list in the `reason` documentation of Stripe's Dispute object.
REASONS = (
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated",
    "debit_not_authorized", "duplicate", "fraudulent", "general", "incorrect_account_details",
    "insufficient_funds", "noncompliant", "product_not_received", "product_unacceptable",
    "subscription_canceled", "unrecognized",
)  # fmt: skip
# An inquiry withdraws nothing, a won dispute has given everything back; every other status holds the money.
HARMLESS = ("warning_needs_response", "warning_under_review", "warning_closed", "won")
CLOSED = ("warning_closed", "won", "lost", "prevented")
DISPUTE_FEE_MINOR = 1500
RESPONSE_TIME_S = 9 * 86_400
LIST = listing(charge=text(), payment_intent=text())
RETRIEVE = Spec()
UPDATE = Spec(
    {
        "evidence": anything, "metadata": metadata, "submit": boolean,
        "intended_submission_method": one_of(
            "manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"
        ),
    }
)  # fmt: skip
CLOSE = Spec()
_EVIDENCE_TEXTS = (
    "access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
    "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
    "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
    "uncategorized_text",
)  # fmt: skip
_EVIDENCE_FILES = (
    "cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
    "receipt", "refund_policy", "service_documentation", "shipping_documentation", "uncategorized_file",
)  # fmt: skip


def open_dispute(
    scope: Scope, charge: Json, status: str, *, amount_minor: int | None = None, reason: str = "fraudulent"
) -> Json:
    """Dispute a charge, wholly or in part, and tell."""
    dispute = _new_dispute(scope, charge, amount_minor or charge["amount_captured"] or charge["amount"], reason)
    scope.book.disputes.put(dispute)
    charge["disputed"] = True
    dispute["status"] = status
    early_fraud_warnings.settle_warnings(scope, charge)
    scope.emit("charge.dispute.created", _dressed(dispute))
    _move_money(scope, dispute)
    if status in CLOSED:
        scope.emit("charge.dispute.closed", dispute)
    return dispute


def _new_dispute(scope: Scope, charge: Json, amount_minor: int, reason: str) -> Json:
    now = scope.unix()
    evidence: dict[str, Any] = dict.fromkeys(_EVIDENCE_TEXTS + _EVIDENCE_FILES)
    card = charge["payment_method_details"]["card"]
    return {
        "id": ids.new_id("du"), "object": "dispute", "amount": amount_minor, "balance_transactions": [],
        "charge": charge["id"], "created": now, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": evidence | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + RESPONSE_TIME_S, "enhanced_eligibility": {}, "has_evidence": False,
            "past_due": False, "submission_count": 0, "submission_method": "not_submitted",
        },
        "is_charge_refundable": False, "livemode": scope.book.livemode, "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": card["brand"], "case_type": "chargeback", "network": card["network"],
                     "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": reason, "status": "needs_response",
    }  # fmt: skip


def _dressed(dispute: Json) -> Json:
    """Set what follows from the status."""
    status = dispute["status"]
    dispute["is_charge_refundable"] = status in HARMLESS
    inquiry = status.startswith("warning_")
    dispute["payment_method_details"]["card"]["case_type"] = "inquiry" if inquiry else "chargeback"
    return dispute


def move_dispute(scope: Scope, dispute: Json, status: str) -> Json:
    """Bring a dispute to another status, with its money and its events."""
    previous = {"status": dispute["status"]}
    dispute["status"] = status
    scope.emit("charge.dispute.updated", _dressed(dispute), previous)
    _move_money(scope, dispute)
    if status in CLOSED:
        scope.emit("charge.dispute.closed", dispute)
    return dispute


def _move_money(scope: Scope, dispute: Json) -> None:
    """Withdraw or reinstate the amount, so that the balance says what the status says."""
    held = -sum(movement["amount"] for movement in dispute["balance_transactions"])
    owed = 0 if dispute["status"] in HARMLESS else dispute["amount"]
    if owed > held:
        refund_lifecycle.fail_pending(scope, dispute["charge"])
        movement = book_movement(
            scope, "adjustment", held - owed, dispute, fee_minor=DISPUTE_FEE_MINOR, fee_label="Dispute fee"
        )
    elif held > owed:
        movement = book_movement(scope, "adjustment", held - owed, dispute)
    else:
        return
    dispute["balance_transactions"].append(movement)
    kind = "withdrawn" if owed > held else "reinstated"
    scope.emit(f"charge.dispute.funds_{kind}", dispute)


def withdrawn_minor(book: Book, charge_id: str) -> int:
    """What disputes hold of a charge right now; a charge is not refundable while that is anything."""
    return sum(
        row["amount"] for row in book.disputes.all()
        if row["charge"] == charge_id and row["status"] not in HARMLESS
    )  # fmt: skip


def retrieve(call: Call) -> Json:
    """`GET /v1/disputes/{id}`."""
    return call.require(call.book.disputes, call.path_ids["id"])


def update(call: Call) -> Json:
    """`POST /v1/disputes/{id}`: metadata and evidence; `submit` hands it to the bank."""
    dispute = retrieve(call)
    if dispute["status"] in CLOSED:
        raise invalid(f"Dispute {dispute['id']} is closed; its evidence cannot be changed.")
    previous: Json = {}
    if "metadata" in call.params:
        previous["metadata"] = dispute["metadata"]
        dispute["metadata"] = merged_metadata(dispute["metadata"], call.params["metadata"])
    if isinstance(call.given("evidence"), dict):
        _add_evidence(dispute, call.params["evidence"], submit=call.given("submit", True))
    if call.given("submit") and dispute["status"].endswith("needs_response"):
        previous["status"] = dispute["status"]
        dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    call.emit("charge.dispute.updated", _dressed(dispute), previous)
    return dispute


def _add_evidence(dispute: Json, evidence: Json, *, submit: bool) -> None:
    unknown = [name for name in evidence if name not in (*_EVIDENCE_TEXTS, *_EVIDENCE_FILES)]
    if unknown:
        raise invalid(f"Received unknown parameter: evidence[{unknown[0]}]", f"evidence[{unknown[0]}]",
                      "parameter_unknown")  # fmt: skip
    dispute["evidence"] |= evidence
    details = dispute["evidence_details"]
    details["has_evidence"] = True
    if submit:
        details["submission_count"] += 1
        details["submission_method"] = "manual"


def close(call: Call) -> Json:
    """`POST /v1/disputes/{id}/close`: accept that it is lost."""
    dispute = retrieve(call)
    if not dispute["status"].endswith("needs_response"):
        raise invalid(f"Dispute {dispute['id']} cannot be closed: its status is {dispute['status']}.")
    inquiry = dispute["status"].startswith("warning_")
    return move_dispute(call, dispute, "warning_closed" if inquiry else "lost")
