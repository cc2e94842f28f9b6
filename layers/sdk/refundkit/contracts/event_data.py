"""The data of events, one model for each shape: ids, money and our own words.

Nothing in them identifies a customer, and nothing was written by somebody. Source: document 002 "Webhook Payload",
decisions 24 and 25.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from refundkit.contracts.approvals import ApprovalChannel
from refundkit.contracts.base import Time, Wire
from refundkit.contracts.disputes import RiskLevel, SignalType
from refundkit.contracts.refunds import Currency, RefundReason
from refundkit.contracts.transactions import DisputeState

ChargeId = Annotated[str, Field(description="The processor's id of the charge.")]
RefundId = Annotated[str, Field(description="The refund's id, `ref_…`.")]
Processor = Annotated[str, Field(description="The processor that holds the charge, such as `stripe`.")]
Actor = Annotated[str, Field(description="Who did it: a member's id, an agent's name, or `system`.")]
Channel = Annotated[ApprovalChannel, Field(description="By which way; `time` where nobody did it.")]


class RefundChanged(Wire):
    """A refund, as it stood after the change."""

    refund_id: RefundId
    transaction_id: str = Field(description="The processor's id of the transaction, as the refund was asked for.")
    amount: int = Field(ge=0, description="What is paid, in the currency's minor unit (cents).")
    currency: Currency
    processor: Processor
    external_refund_id: str | None = Field(description="The processor's id of the refund; null until it has one.")
    status_detail: str | None = Field(description="More of the status: why it failed, what it waits for; or null.")
    reason: RefundReason = Field(description="Why the refund was asked for.")


class RefundInitiated(RefundChanged):
    """A refund that was just opened."""

    status: Literal["pending", "pending_approval"] = Field(description="Whether a person is asked first.")


class RefundApproved(RefundChanged):
    """A refund that a person allowed."""

    status: Literal["pending"]


class RefundProcessing(RefundChanged):
    """A refund in the processor's hands."""

    status: Literal["processing"]


class RefundCompleted(RefundChanged):
    """A refund that was paid."""

    status: Literal["completed"]


class RefundFailed(RefundChanged):
    """A refund that was not paid, or came back."""

    status: Literal["failed"]


class RefundCancelled(RefundChanged):
    """A refund that was called off."""

    status: Literal["cancelled"]


class RefundRejected(RefundChanged):
    """A refund that a person, or the lack of an answer, refused."""

    status: Literal["rejected"]


class ApprovalChanged(Wire):
    """An approval, as it stood after the change."""

    approval_id: str = Field(description="The approval's id, `apr_…`.")
    refund_id: RefundId
    transaction_id: ChargeId
    amount: int = Field(ge=0, description="At most this is paid, in the currency's minor unit (cents).")
    currency: Currency
    revision: int = Field(ge=1, description="Grows when other people are asked, or about another amount.")


class ApprovalPending(ApprovalChanged):
    """An approval that was just opened."""

    status: Literal["pending"]
    reasons: list[str] = Field(description="The rules that asked for a person.")


class ApprovalDecided(ApprovalChanged):
    """An approval that somebody decided."""

    status: Literal["approved", "rejected"] = Field(description="The decision.")
    by: Actor
    channel: Channel


class ApprovalEscalated(ApprovalChanged):
    """An approval about which other people are asked now."""

    status: Literal["escalated"]
    level: int = Field(ge=0, description="The level that is asked now, from 0.")
    by: Actor
    channel: Channel


class ApprovalExpired(ApprovalChanged):
    """An approval that nobody decided in time."""

    status: Literal["expired"]


class RiskFlagged(Wire):
    """A risk that a person should look at, found when a refund was asked for or by itself."""

    assessment_id: str | None = Field(description="The assessment's id, `rsk_…`; null where a refund was asked for.")
    refund_id: str | None = Field(default=None, description="The refund that was asked for; absent where none was.")
    transaction_id: str = Field(description="The processor's id of the charge; with a refund, as it was asked for.")
    processor: str | None = Field(default=None, description="The processor; absent where a refund was asked for.")
    score: int = Field(ge=0, le=100, description="How risky a refund is, 0 to 100.")
    risk_level: RiskLevel = Field(description="The score in words: medium 40–69, high 70–89, critical 90+.")
    signals: list[SignalType] = Field(description="What speaks against a refund, by name.")


class DisputeChanged(Wire):
    """What the card's bank does about a charge now."""

    transaction_id: ChargeId
    processor: Processor
    dispute: DisputeState = Field(description="`inquiry` asks and `open` disputes; the others are over.")
    lost_amount: int = Field(ge=0, description="Lost to disputes for good, in the currency's minor unit (cents).")
    currency: Currency


class PolicyPublished(Wire):
    """A version of a policy."""

    policy_id: str = Field(description="The policy's id, `pol_…`.")
    merchant_id: str = Field(description="Your own name of the merchant.")
    version: int = Field(ge=1, description="The version that was published.")
    shadow: bool = Field(description="Whether it judges on trial only, without effect.")
    in_force_from: Time | None = Field(description="From when on it judges; null where it is on trial.")


class WebhookDisabled(Wire):
    """An endpoint that nothing is sent to any more."""

    endpoint_id: str = Field(description="The endpoint's id, `whe_…`.")
    reason: Literal["gone", "failing"] = Field(
        description="`gone`: it answered 410. `failing`: no delivery succeeded for days."
    )
    failing_since: Time | None = Field(description="The first failure since the last success; null where it is gone.")
