"""Approvals on the wire: the queue, what a reviewer needs to see, and what they can do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from refundkit.contracts.base import Time, Wire
from refundkit.contracts.claims import MAX_EVIDENCE, EvidencePiece
from refundkit.contracts.disputes import Recommendation, RiskLevel, RiskSignal
from refundkit.contracts.eligibility import TraceEntry
from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.refunds import AmountMinor, RefundView
from refundkit.contracts.transactions import RegistrationView

ApprovalStatus = Literal["pending", "escalated", "info_requested", "approved", "rejected", "expired", "superseded"]
ApprovalChannel = Literal["api", "session", "email", "slack", "time"]
NextBestAction = Literal["request_evidence", "offer_replacement", "offer_store_credit"]
Said = Annotated[str, Field(min_length=1, max_length=500)]
SeenVersion = Annotated[int, Field(ge=1, le=10**9)]


class ListApprovalsQuery(PageQuery):
    """Filters and paging of ``GET /v1/approvals``; without a status the open ones are listed."""

    status: ApprovalStatus | None = None
    level: Annotated[int, Field(ge=0, le=4, strict=False)] | None = None
    """The level that is asked now, from 0."""
    assignee: Annotated[str, Field(pattern=r"^mem_[0-9A-HJKMNP-TV-Z]{26}$")] | None = None
    """Those that this member is asked about: at their level, and not their own requests."""


class ApproveRequest(Wire):
    """Approve a refund; a comment is optional."""

    comment: Said | None = None
    amount: AmountMinor | None = None
    """Less than was asked for; all of it where omitted."""
    version: SeenVersion | None = None
    """The version that you have read; where another stands, nothing is decided."""


class RejectRequest(Wire):
    """Reject a refund. The caller is told the reason."""

    reason: Said
    version: SeenVersion | None = None


class EscalateRequest(Wire):
    """Ask the next level."""

    comment: Said | None = None
    version: SeenVersion | None = None


class RequestInfoRequest(Wire):
    """Ask whoever wants the refund for something before it is decided."""

    question: Said
    action: NextBestAction = "request_evidence"
    version: SeenVersion | None = None


class CommentRequest(Wire):
    """Say something that the other approvers see."""

    comment: Said


class GiveInfoRequest(Wire):
    """The answer to a question about a refund; its approval goes on."""

    answer: Said
    evidence: Annotated[list[EvidencePiece], Field(max_length=MAX_EVIDENCE)] | None = None
    amount: AmountMinor | None = None
    """Asks for less than before."""


class ActView(Wire):
    """Who did something, by which channel, when."""

    by: str
    """A member's id, an agent's name, or ``system``."""
    channel: ApprovalChannel
    at: Time


class QuestionView(Wire):
    """What is asked of whoever wants the refund."""

    question: str
    action: NextBestAction
    asked: ActView
    until: Time
    """Unanswered until then, the approval expires."""


class ApprovalView(Wire):
    """An approval as it stands."""

    id: str
    refund_id: str
    status: ApprovalStatus
    amount: int
    """At most this is paid, in minor units of ``currency``."""
    currency: str
    reasons: list[str]
    """The rules that asked for a person."""
    requested_by: str | None
    level: int
    level_name: str
    due_at: Time | None
    """When time reminds, escalates or expires it; null where it is closed."""
    due: Literal["remind", "escalate", "expire"] | None
    consents: list[ActView]
    """Who approved already, where two people must."""
    consents_needed: int
    """How many people have to approve before it is paid; 0 where it is closed."""
    question: QuestionView | None
    decided: ActView | None
    comment: str | None
    """The approver's, or the reason of a rejection."""
    version: int
    created_at: Time


class HistoryEntry(Wire):
    """One thing that happened to an approval."""

    type: str
    details: dict[str, Any]
    note: str | None
    """What somebody wrote with it."""
    at: Time


class ApprovalDetail(ApprovalView):
    """Everything that a reviewer needs to see."""

    refund: RefundView
    order: RegistrationView | None
    """What the shop registered, with delivery and customer."""
    facts: dict[str, Any] | None
    """What the decision rested on."""
    trace: list[TraceEntry]
    risk_score: int
    risk_level: RiskLevel
    signals: list[RiskSignal]
    recommendation: Recommendation
    next_best_actions: list[NextBestAction]
    history: list[HistoryEntry]
    """Oldest first."""
