"""Risk between the wire and the use cases."""

from __future__ import annotations

from refundkit.contracts.disputes import AssessRiskRequest, RiskSignal, RiskView

from refundkit_core.application.risk_ports import Claim
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call


def claim_from(call: Call) -> Claim:
    """What is said of the refund in a ``POST /v1/disputes/risk``."""
    body: AssessRiskRequest = call.body
    return Claim(amount_minor=body.amount, customer_id=body.customer_id)


def risk_view(kept: KeptAssessment) -> RiskView:
    """An assessment as the wire shows it; weights are fractions of one there."""
    found = kept.assessment
    return RiskView.model_validate(
        {
            "id": kept.id,
            "transaction_id": kept.transaction.charge_id,
            "risk_level": found.level,
            "score": found.score,
            "signals": [
                RiskSignal.model_validate(
                    {
                        "type": signal.type,
                        "description": signal.description,
                        "weight": signal.weight / 100,
                        "points": signal.points,
                        "fact": signal.fact,
                        "limit": signal.limit,
                    }
                )
                for signal in found.signals
            ],
            "unknown_signals": list(found.unknown),
            "recommendation": found.recommendation,
            "preemptive_refund_advised": found.preemptive_refund_advised,
            "created_at": iso(kept.created_at),
        }
    )
