"""From requests on the wire to commands, and from domain objects to what the wire shows."""

from __future__ import annotations

from refundkit.contracts.claims import EvidencePiece
from refundkit.contracts.refunds import (
    CreateRefundRequest,
    ListRefundsQuery,
    RefundEventView,
    RefundView,
    Rule,
)

from refundkit_core.application.open_refund import OpenRefund
from refundkit_core.application.records import RefundFilter
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.events import Event
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.claims import claim_from
from refundkit_core.entrypoints.http import Call
from refundkit_core.entrypoints.requests import moment


def open_refund_from(call: Call) -> OpenRefund:
    """The command in a ``POST /v1/refunds``."""
    body: CreateRefundRequest = call.body
    return OpenRefund(
        tenant=call.caller.tenant,
        transaction_id=body.transaction_id,
        amount_minor=body.amount,
        reason=body.reason,
        currency=body.currency,
        processor=body.processor,
        metadata=body.metadata,
        personal_metadata=tuple(body.personal_metadata or ()),
        initiated_by="api",
        idempotency_key=call.idempotency_key,
        generated_key=call.header("idempotency-key-source") == "generated",
        key_id=call.caller.key_id,
        agent=call.caller.owner if call.caller.is_agent else None,
        owner=call.caller.owner,
        claim=claim_from(body),
        on_review=body.on_review,
        quote_id=body.quote_id,
    )


def filter_from(call: Call) -> RefundFilter:
    """The filter in a ``GET /v1/refunds``."""
    query: ListRefundsQuery = call.query
    return RefundFilter(
        status=query.status,
        processor=query.processor,
        transaction_id=query.transaction_id,
        created_from=moment(query.created_after),
        created_before=moment(query.created_before),
        initiated_by=query.initiated_by,
    )


def refund_view(refund: Refund, request: Request) -> RefundView:
    """A refund as the wire shows it."""
    return RefundView(
        id=refund.id,
        organization_id=refund.tenant.org_id,
        external_refund_id=refund.external_refund_id,
        transaction_id=refund.transaction_id,
        amount=refund.money.amount_minor,
        gross_amount=refund.gross_minor,
        restocking_fee=refund.fee_minor,
        currency=refund.money.currency,
        reason=refund.reason,
        status=refund.status,
        status_detail=refund.status_detail,
        processor=refund.transaction.processor,
        metadata=None if request.metadata is None else dict(request.metadata),
        initiated_by=refund.initiated_by,
        approval_id=refund.approval_id,
        decision=[_rule_view(rule) for rule in request.decision],
        policy_id=request.ground.policy_id if request.ground else None,
        policy_version=request.ground.policy_version if request.ground else None,
        evidence=[EvidencePiece.model_validate({"kind": kind, "reference": where}) for kind, where in request.evidence],
        created_at=iso(refund.created_at),
        updated_at=iso(refund.updated_at),
    )


def _rule_view(rule: RuleResult) -> Rule:
    return Rule(
        rule=rule.rule,
        outcome=rule.outcome,
        message=rule.message,
        fact=rule.fact,
        limit=rule.limit,
        item=rule.item,
        customer_message=rule.customer_message,
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
