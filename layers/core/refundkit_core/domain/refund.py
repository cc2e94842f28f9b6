"""A refund: its facts, the table of its states, and the one function that moves it along that table (decision 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from refundkit_core.domain.errors import Conflict
from refundkit_core.domain.ledger import ChangeKind, LedgerChange, TransactionRef
from refundkit_core.domain.money import Money
from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from refundkit_core.domain.decisions import RuleResult
    from refundkit_core.domain.facts import Facts

Status = Literal["pending_approval", "pending", "processing", "completed", "failed", "cancelled", "rejected"]
InitiatedBy = Literal["api", "dashboard", "mcp", "processor"]
Reason = Literal[
    "product_not_received",
    "product_defective",
    "wrong_product",
    "duplicate_charge",
    "subscription_cancelled",
    "other",
    "agent_error",
    "price_change",
    "sizing_issue",
    "item_not_as_described",
    "order_cancelled",
    "return_window_closing",
]

ALLOWED: Final[Mapping[Status, frozenset[Status]]] = {
    "pending_approval": frozenset({"pending_approval", "pending", "rejected", "cancelled"}),
    "pending": frozenset({"processing", "cancelled", "failed"}),
    "processing": frozenset({"processing", "completed", "failed", "cancelled"}),
    "completed": frozenset({"failed"}),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "rejected": frozenset(),
}
"""From each status, those it may become. Two may stay and say more; ``completed`` may still fail late."""


class Ground(NamedTuple):
    """What a decision rested on: its facts and the policy's version (policy None: the default one)."""

    facts: Facts
    policy_id: str | None
    policy_version: int


FIRST_LOOK_AFTER: Final = timedelta(minutes=2)
LONGEST_WAIT: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, and what came of judging it: only an erasure changes it after the refund is opened.

    ``personal`` names the keys of ``metadata`` that identify a person. ``fingerprint`` tells whether another request
    asks for the same; None after an erasure, since it was made from what is gone. ``ground`` is None for refunds that
    nobody decided on here; ``evidence`` are pairs of kind and reference.
    """

    fingerprint: str | None
    metadata: Mapping[str, Any] | None
    decision: tuple[RuleResult, ...]
    personal: tuple[str, ...] = ()
    ground: Ground | None = None
    evidence: tuple[tuple[str, str], ...] = ()

    def without_personal(self) -> Request:
        """The request without its personal metadata, and without the fingerprint that was made of it."""
        if not self.personal and not self.evidence:
            return self
        metadata = self.metadata
        if metadata is not None:
            metadata = {name: value for name, value in metadata.items() if name not in self.personal}
        return replace(self, fingerprint=None, metadata=metadata, personal=(), evidence=())


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund's mutable head. ``version`` counts its changes, one event each.

    ``processor_key`` and ``first_attempt_at`` are stored before the first call to the processor and never change:
    one refund has one key. ``key_id`` is the API key that opened it. While the refund is under way, ``next_look_at``
    is when the sweep brings it forward if nothing else has, and ``looks`` how often that was put off. ``money`` is what
    is paid; ``fee_minor`` of the amount asked for is withheld, and ``lowered_minor`` were taken off before it was
    approved. ``customer_key`` leads to the record of its customer; ``taken`` are the purses that it took from, and how
    much. ``tell`` says that somebody wants to hear how it goes on.
    """

    id: str
    tenant: Tenant
    transaction_id: str
    transaction: TransactionRef
    money: Money
    reason: Reason
    status: Status
    status_detail: str | None
    initiated_by: InitiatedBy
    created_at: datetime
    updated_at: datetime
    version: int
    external_refund_id: str | None = None
    processor_key: str | None = None
    first_attempt_at: datetime | None = None
    key_id: str | None = None
    next_look_at: datetime | None = None
    looks: int = 0
    fee_minor: int = 0
    customer_key: str | None = None
    approval_id: str | None = None
    taken: tuple[tuple[str, int], ...] = ()
    lowered_minor: int = 0
    tell: bool = False

    @property
    def gross_minor(self) -> int:
        """What was asked for: the paid amount, the fee, and what was taken off since."""
        return self.money.amount_minor + self.fee_minor + self.lowered_minor

    @property
    def holds_reservation(self) -> bool:
        """Whether the refund's money is reserved in the ledger, as opposed to paid or given back."""
        return self.status in ("pending_approval", "pending", "processing")


def change_of(kind: ChangeKind, refund: Refund) -> LedgerChange:
    """What a change of ``refund`` does to its ledger."""
    return LedgerChange(kind, refund.money.amount_minor, refund.fee_minor)


def moved(refund: Refund, to: Status, now: datetime, **changes: Any) -> Refund:
    """``refund`` in its next state, one version later. ``status_detail`` is cleared unless given.

    Raises:
        Conflict: the table does not allow the step.
    """
    if to not in ALLOWED[refund.status]:
        raise Conflict(f"A refund that is {refund.status} cannot become {to}")
    changes = {"status_detail": None, **changes}
    after = replace(refund, status=to, updated_at=now, version=refund.version + 1, **changes)
    return after if after.holds_reservation else replace(after, next_look_at=None)


def lowered(refund: Refund, amount_minor: int) -> Refund:
    """``refund`` with ``amount_minor`` left to be paid; what is taken off is free again in its ledger."""
    off = refund.money.amount_minor - amount_minor
    money = replace(refund.money, amount_minor=amount_minor)
    return replace(refund, money=money, lowered_minor=refund.lowered_minor + off)


def lowering_of(before: Refund, after: Refund) -> LedgerChange | None:
    """What taking something off does to the ledger; None where nothing was."""
    off = before.money.amount_minor - after.money.amount_minor
    return LedgerChange("lower", off) if off else None


def put_off(refund: Refund, now: datetime) -> Refund:
    """``refund`` with its next look later, each time twice as late, up to an hour. Nobody is told of that."""
    delay = min(FIRST_LOOK_AFTER * 2 ** min(refund.looks, 10), LONGEST_WAIT)
    return replace(refund, next_look_at=now + delay, looks=refund.looks + 1)
