"""The full check of a policy on the wire: ``POST /v1/eligibility/check`` (document 002 "Policy Engine")."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from refundkit.contracts.base import Time, Wire
from refundkit.contracts.claims import (
    MAX_EVIDENCE,
    MAX_ITEMS,
    DeliveryClaim,
    EvidencePiece,
    RefundItem,
)
from refundkit.contracts.goods import Country, CustomerId
from refundkit.contracts.refunds import AmountMinor, Currency, RefundReason, TransactionId

RuleStatus = Literal["PASS", "FAIL", "UNKNOWN", "SKIPPED"]
RuleEffect = Literal["none", "review", "refuse"]
Outcome = Literal["allow", "review", "refuse"]


class CheckEligibilityRequest(Wire):
    """Ask whether, and on which terms, a transaction may be refunded. Nothing is recorded or reserved."""

    transaction_id: TransactionId
    """The processor's id of the charge (``ch_…``, ``py_…``) or payment intent (``pi_…``)."""
    amount: AmountMinor | None = None
    """What remains, or what was paid for the items, where omitted."""
    currency: Currency | None = None
    reason: RefundReason = "other"
    items: Annotated[list[RefundItem], Field(max_length=MAX_ITEMS)] | None = None
    """All that was registered, or the default rule, where omitted."""
    delivery: DeliveryClaim | None = None
    customer_id: CustomerId | None = None
    """Counts where neither the processor nor the shop knows the customer."""
    evidence: Annotated[list[EvidencePiece], Field(max_length=MAX_EVIDENCE)] | None = None
    ip_country: Country | None = None


class PolicyTerms(Wire):
    """What the rules in force say of this request: the strictest of its items'."""

    return_window_days: int | None
    days_remaining: int | None
    days_past_deadline: int
    restocking_fee_percent: float
    exchange_only: bool
    final_sale: bool
    policy_id: str | None
    """None is the default policy."""
    version: int


class ItemEligibility(Wire):
    """Whether one line may be refunded, and why."""

    sku: str | None
    eligible: bool
    reason: str
    deadline: Time | None
    restocking_fee_percent: float


class CustomerHistoryView(Wire):
    """What counts of the customer; None where nobody knows who it is, or amounts were in several currencies."""

    total_returns_30d: Annotated[int | None, Field(alias="totalReturns30d")]
    total_returns_90d: Annotated[int | None, Field(alias="totalReturns90d")]
    total_value_90d: Annotated[int | None, Field(alias="totalValue90d")]
    limit_reached: bool


class TraceEntry(Wire):
    """What one rule said: its status, what that leads to, the fact held against the limit, and two sentences."""

    rule: str
    status: RuleStatus
    effect: RuleEffect
    fact: int | str | None
    limit: int | str | None
    item: str | None
    message: str
    """For staff."""
    customer_message: str
    """Safe to show to the customer."""


class DecisionView(Wire):
    """A decision as it was made and kept, with everything that it rested on."""

    id: str
    """The refund's id, or ``dec_…`` where no refund was opened."""
    transaction_id: str
    """The charge."""
    code: str | None
    """What the caller was told where the request was refused."""
    policy_id: str | None
    policy_version: int | None
    facts: dict[str, Any] | None
    """The facts as they were then, what was unknown left out; None for refunds made outside."""
    trace: list[TraceEntry]
    decided_at: Time


class EligibilityDetail(Wire):
    """The whole decision, as a refund asked for now would be decided. Amounts are minor units."""

    eligible: bool
    outcome: Outcome
    reason: str
    policy: PolicyTerms
    per_item_eligibility: list[ItemEligibility]
    customer_history: CustomerHistoryView
    max_refund_amount: int | None
    """None where nothing can be refunded."""
    amount: int
    """What was judged, before fees."""
    restocking_fee: int
    net_amount: int
    """What would be paid."""
    currency: str
    deadline: Time | None
    conditions: list[str]
    auto_approved: bool
    risk_score: int
    trace: list[TraceEntry]
