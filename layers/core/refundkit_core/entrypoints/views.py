"""From requests on the wire to commands, and from domain objects to what the wire shows."""

from __future__ import annotations

from typing import Final

from refundkit.contracts.refunds import (
    CreateRefundRequest,
    ListRefundsQuery,
    RefundEventView,
    RefundView,
    Rule,
)

from refundkit_core.application.create_refund import OpenRefund
from refundkit_core.application.records import RefundFilter
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.events import Event
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call

MAX_KEY_LENGTH: Final = 255


def open_refund_from(call: Call) -> OpenRefund:
    """The command in a ``POST /v1/refunds``. Raises Invalid for a malformed idempotency key."""
    body: CreateRefundRequest = call.body
    return OpenRefund(
        tenant=call.caller.tenant,
        transaction_id=body.transaction_id,
        amount_minor=body.amount,
        reason=body.reason,
        currency=body.currency,
        processor=body.processor,
        metadata=body.metadata,
        initiated_by="api",
        idempotency_key=_idempotency_key(call),
        generated_key=call.header("idempotency-key-source") == "generated",
        key_id=call.caller.key_id,
    )


def filter_from(call: Call) -> RefundFilter:
    """The filter in a ``GET /v1/refunds``."""
    query: ListRefundsQuery = call.query
    return RefundFilter(query.status, query.processor, query.limit, query.offset, query.cursor)


def refund_view(refund: Refund, request: Request) -> RefundView:
    """A refund as the wire shows it."""
    return RefundView(
        id=refund.id,
        organization_id=refund.tenant.org_id,
        external_refund_id=refund.external_refund_id,
        transaction_id=refund.transaction_id,
        amount=refund.money.amount_minor,
        currency=refund.money.currency,
        reason=refund.reason,
        status=refund.status,
        status_detail=refund.status_detail,
        processor=refund.transaction.processor,
        metadata=None if request.metadata is None else dict(request.metadata),
        initiated_by=refund.initiated_by,
        approval_id=None,
        decision=[Rule(rule=rule.rule, outcome=rule.outcome, message=rule.message) for rule in request.decision],
        created_at=iso(refund.created_at),
        updated_at=iso(refund.updated_at),
    )


def event_view(event: Event) -> RefundEventView:
    """One step of a timeline as the wire shows it."""
    return RefundEventView(
        id=event.id,
        refund_id=str(event.subject),
        event_type=event.type,
        details=event.payload,
        created_at=iso(event.created_at),
    )


def _idempotency_key(call: Call) -> str | None:
    key = call.header("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise Invalid(
            "The idempotency key is malformed",
            (Detail("Idempotency-Key", "1 to 255 printable ASCII characters"),),
        )
    return key
