"""Events: facts about a change of a refund, transaction or policy, written with it (document 002, decisions 24, 25)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.domain.ids import event_id
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.refund import Refund, Status
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.domain.risk import Assessment

API_VERSION: Final = "2026-11-01"

_BY_STATUS: Final[dict[Status, str]] = {
    "pending": "refund.initiated",
    "pending_approval": "refund.initiated",
    "processing": "refund.processing",
    "completed": "refund.completed",
    "failed": "refund.failed",
    "cancelled": "refund.cancelled",
    "rejected": "refund.rejected",
}
_DISPUTED: Final = ("open", "inquiry")


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about ``subject``, a transaction or the id of what else; ``version`` is the subject's after the change.

    ``public`` events leave as webhooks; the others belong to the timeline only. ``tell`` are those that people may
    want to hear of, by e-mail or in Slack. ``note`` is what somebody wrote with it; it never leaves.
    """

    id: str
    tenant: Tenant
    subject: str | TransactionRef
    version: int
    type: str
    public: bool
    created_at: datetime
    payload: dict[str, Any]
    tell: bool = False
    note: str | None = None


def of_change(before: Refund | None, after: Refund) -> Event:
    """The event of the change that made ``after``: public where the status is new, else for the timeline only."""
    public = before is None or before.status != after.status
    kind = _BY_STATUS[after.status] if public else f"refund.{after.status_detail or 'noted'}"
    if before is not None and (before.status, after.status) == ("pending_approval", "pending"):
        kind = "refund.approved"
    return Event(
        id=event_id(after.id, after.version, after.updated_at),
        tenant=after.tenant,
        subject=after.id,
        version=after.version,
        type=kind,
        public=public,
        created_at=after.updated_at,
        payload=_payload(after),
        tell=public and after.tell,
    )


def of_risk(refund: Refund, risk: Assessment) -> Event:
    """The event of a refund that was asked for at a high risk; its subject is the assessment made for the refund."""
    subject = f"rsk_{refund.id.partition('_')[2]}"
    return Event(
        id=event_id(subject, 1, refund.created_at),
        tenant=refund.tenant,
        subject=subject,
        version=1,
        type="dispute.risk_flagged",
        public=True,
        created_at=refund.created_at,
        payload={
            "assessmentId": None,
            "refundId": refund.id,
            "transactionId": refund.transaction_id,
            "score": risk.score,
            "riskLevel": risk.level,
            "signals": [signal.type for signal in risk.signals],
        },
    )


def of_look(before: Ledger | None, after: Ledger) -> Event | None:
    """The event of a fresh look at a transaction: a dispute that opened or closed, None where neither did."""
    was = before.dispute if before is not None else "none"
    if was == after.dispute or (after.dispute not in _DISPUTED and was not in _DISPUTED):
        return None
    return Event(
        id=event_id(
            "#".join((after.tenant.org_id, after.tenant.environment, *after.transaction)),
            after.version,
            after.snapshot_at,
        ),
        tenant=after.tenant,
        subject=after.transaction,
        version=after.version,
        type="dispute.opened" if after.dispute in _DISPUTED else "dispute.closed",
        public=True,
        created_at=after.snapshot_at,
        payload={
            "transactionId": after.transaction.charge_id,
            "processor": after.transaction.processor,
            "dispute": after.dispute,
            "lostAmount": after.lost_minor,
            "currency": after.currency,
        },
    )


def of_publication(
    tenant: Tenant, policy_id: str, merchant_id: str, number: int, at: datetime, in_force_from: datetime | None
) -> Event:
    """The event of a policy's version ``number``, published ``at``; None in force: it judges without effect."""
    return Event(
        id=event_id(policy_id, number, at),
        tenant=tenant,
        subject=policy_id,
        version=number,
        type="policy.published",
        public=True,
        created_at=at,
        payload={
            "policyId": policy_id,
            "merchantId": merchant_id,
            "version": number,
            "shadow": in_force_from is None,
            "inForceFrom": None if in_force_from is None else iso(in_force_from),
        },
    )


def _payload(refund: Refund) -> dict[str, Any]:
    """Ids and money only: nothing that identifies a person, nothing from the caller's metadata."""
    return {
        "refundId": refund.id,
        "transactionId": refund.transaction_id,
        "amount": refund.money.amount_minor,
        "currency": refund.money.currency,
        "processor": refund.transaction.processor,
        "externalRefundId": refund.external_refund_id,
        "status": refund.status,
        "statusDetail": refund.status_detail,
        "reason": refund.reason,
    }
