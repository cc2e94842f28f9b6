"""Stripe's answers in our words: statuses, dispute states, and which refusals are definite.

A refusal that is not in ``DEFINITE`` is not a failure: the refund waits with its money reserved until somebody knows.
Source: Stripe's API reference (Refund, Dispute) and its list of error codes; document 002 for the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from refundkit_core.domain.processor import DisputeState, ProcessorStatus

DEFINITE: Final[Mapping[str, str]] = {
    "amount_too_large": "amount_exceeds_refundable",
    "amount_too_small": "amount_too_small",
    "balance_insufficient": "insufficient_funds",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "transaction_disputed",
    "charge_exceeds_source_limit": "amount_exceeds_refundable",
    "charge_not_refundable": "not_refundable",
    "insufficient_funds": "insufficient_funds",
    "missing": "transaction_not_found",
    "parameter_invalid_integer": "rejected_by_processor",
    "refund_disputed_payment": "transaction_disputed",
    "resource_missing": "transaction_not_found",
}
"""Stripe error code to the refund's public failure reason."""

REFUND_STATUS: Final[Mapping[str, ProcessorStatus]] = {
    "pending": "pending",
    "requires_action": "requires_action",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "cancelled",
}

DISPUTE: Final[Mapping[str, DisputeState]] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "won",
    "needs_response": "open",
    "under_review": "open",
    "prevented": "open",
    "won": "won",
    "lost": "lost",
}
"""Dispute status to ours; a status that is not listed counts as open, so that nothing is paid twice."""

SEVERITY: Final[tuple[DisputeState, ...]] = ("open", "lost", "inquiry", "won", "none")
"""Of several disputes, the first of these that occurs speaks for the charge."""

REASON: Final[Mapping[str, str]] = {
    "duplicate_charge": "duplicate",
    "product_not_received": "requested_by_customer",
    "product_defective": "requested_by_customer",
    "wrong_product": "requested_by_customer",
    "sizing_issue": "requested_by_customer",
    "item_not_as_described": "requested_by_customer",
    "order_cancelled": "requested_by_customer",
    "return_window_closing": "requested_by_customer",
}
"""Our reasons that have one of Stripe's; the others are left out of the call."""
