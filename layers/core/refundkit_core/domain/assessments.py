"""Assessments as they are kept: what was judged, by which policy's weights, and what came of it. They never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import REVIEW_FROM_RISK
from refundkit_core.domain.risk import Assessment
from refundkit_core.domain.tenancy import Tenant

_ONLY_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class KeptAssessment:
    """The risk of refunding ``gross`` of a transaction, as it was at ``created_at``. It names nobody.

    ``policy_id`` (None: the default policy) and ``policy_version`` say whose weights were used; ``fingerprint`` tells
    what was asked for where an idempotency key named the request.
    """

    id: str
    tenant: Tenant
    transaction: TransactionRef
    gross: Money
    assessment: Assessment
    policy_id: str | None
    policy_version: int
    created_at: datetime
    fingerprint: str | None = None


def of_assessment(kept: KeptAssessment) -> Event | None:
    """The event of an assessment that a person should look at (decision 4), with ids, score and names of signals."""
    if kept.assessment.score < REVIEW_FROM_RISK:
        return None
    return Event(
        id=event_id(kept.id, _ONLY_VERSION, kept.created_at),
        tenant=kept.tenant,
        subject=kept.id,
        version=_ONLY_VERSION,
        type="dispute.risk_flagged",
        public=True,
        created_at=kept.created_at,
        payload={
            "assessmentId": kept.id,
            "transactionId": kept.transaction.charge_id,
            "processor": kept.transaction.processor,
            "score": kept.assessment.score,
            "riskLevel": kept.assessment.level,
            "signals": [signal.type for signal in kept.assessment.signals],
        },
    )
