"""Public error codes and the shape of an error."""

from __future__ import annotations

from typing import Literal

from refundkit.contracts.base import Wire

ErrorCode = Literal[
    "validation_error",
    "invalid_api_key",
    "unauthorized",
    "self_approval_forbidden",
    "approver_limit_exceeded",
    "not_found",
    "refund_already_processed",
    "idempotency_key_reused",
    "refund_not_cancellable",
    "transaction_disputed",
    "approval_already_decided",
    "approval_superseded",
    "approval_link_expired",
    "amount_exceeds_refundable",
    "currency_mismatch",
    "policy_violation",
    "return_window_expired",
    "risk_threshold_exceeded",
    "approval_required",
    "processor_not_connected",
    "insufficient_credit",
    "return_not_cancellable",
    "organization_not_settled",
    "webhook_endpoint_limit_reached",
    "webhook_endpoint_disabled",
    "rate_limited",
    "budget_exceeded",
    "refunds_paused",
    "processor_error",
    "internal_error",
]


class ErrorDetail(Wire):
    """One thing that was wrong: ``field`` is a path in the request, or the name of the fact or rule that spoke."""

    field: str
    message: str


class ErrorBody(Wire):
    """An error: ``code`` is stable and for programs, ``message`` is for people and may change."""

    message: str
    code: ErrorCode
    details: list[ErrorDetail] | None = None
    request_id: str | None = None
    doc_url: str | None = None
