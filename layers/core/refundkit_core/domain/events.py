"""Events: facts about one change of one refund, written with it (documents 002 Webhooks, decisions 24 and 25)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from refundkit_core.domain.ids import event_id
from refundkit_core.domain.refund import Refund, Status
from refundkit_core.domain.tenancy import Tenant

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


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. ``public`` events leave as webhooks; the others belong to the timeline only."""

    id: str
    tenant: Tenant
    refund_id: str
    version: int
    type: str
    public: bool
    created_at: datetime
    payload: dict[str, Any]


def of_change(before: Refund | None, after: Refund) -> Event:
    """The event of the change that made ``after``: public where the status is new, else for the timeline only."""
    public = before is None or before.status != after.status
    kind = _BY_STATUS[after.status] if public else f"refund.{after.status_detail or 'noted'}"
    return Event(
        id=event_id(after.id, after.version),
        tenant=after.tenant,
        refund_id=after.id,
        version=after.version,
        type=kind,
        public=public,
        created_at=after.updated_at,
        payload=_payload(after),
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
