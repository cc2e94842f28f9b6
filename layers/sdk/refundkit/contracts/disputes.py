"""Disputes on the wire: how risky a refund is, before anybody asks for one."""

from __future__ import annotations

from typing import Literal

from refundkit.contracts.base import Time, Wire
from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.goods import CustomerId
from refundkit.contracts.refunds import AmountMinor, TransactionId

RiskLevel = Literal["low", "medium", "high", "critical"]
Recommendation = Literal["auto_approve", "approve_with_review", "escalate", "deny"]
SignalType = Literal[
    "velocity",
    "refund_ratio",
    "amount_anomaly",
    "chargebacks",
    "account_age",
    "region_mismatch",
    "delivered_claimed_missing",
    "fraud_warning",
    "inquiry",
    "processor_risk",
    "contradictions",
]


class AssessRiskRequest(Wire):
    """Ask for the risk of refunding a transaction: all that remains of it, or ``amount``."""

    transaction_id: TransactionId
    """The processor's id of the charge (``ch_…``, ``py_…``) or payment intent (``pi_…``)."""
    customer_id: CustomerId | None = None
    """Who asks, by the shop's own id; somebody else than registered speaks against the refund."""
    amount: AmountMinor | None = None


class RiskSignal(Wire):
    """Something that speaks against a refund, and how much it adds to the score."""

    type: SignalType
    description: str
    weight: float
    """How much the signal counts, 0 to 1; merchants set it."""
    points: int
    """What it adds to the score: the weight, times how strongly it speaks."""
    fact: int | str
    """What was found."""
    limit: int | None
    """From where on it counts this much; null where it is there or not."""


class RiskView(Wire):
    """How risky a refund is. Its score is the sum of its signals' points, at most 100."""

    id: str
    transaction_id: str
    """The charge's, whichever name was asked for."""
    risk_level: RiskLevel
    score: int
    """0 to 100; low 0–39, medium 40–69, high 70–89, critical 90+."""
    signals: list[RiskSignal]
    unknown_signals: list[SignalType]
    """Signals whose facts are missing: they add nothing."""
    recommendation: Recommendation
    preemptive_refund_advised: bool
    """Whether refunding now is cheaper than the dispute that is to be expected."""
    created_at: Time


class ListAssessmentsQuery(PageQuery):
    """Paging of ``GET /v1/disputes/assessments``, for one transaction."""

    transaction_id: TransactionId
    """Any name of the transaction."""
