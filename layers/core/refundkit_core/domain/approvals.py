"""An approval: the question that people are asked about one refund, and how it moves (documents 000, 002; decision 19).

Every change makes the next ``version`` and one event. ``revision`` grows only where something else is asked than
before, of other people or about another amount: links and messages name it, and those of an older one are void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from refundkit_core.domain.errors import Conflict
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

ApprovalStatus = Literal["pending", "escalated", "info_requested", "approved", "rejected", "expired", "superseded"]
Verdict = Literal["approved", "rejected", "expired"]
Via = Literal["api", "session", "email", "slack", "time"]
NextBestAction = Literal["request_evidence", "offer_replacement", "offer_store_credit"]

OPEN: Final[frozenset[ApprovalStatus]] = frozenset({"pending", "escalated", "info_requested"})
ALLOWED: Final[Mapping[ApprovalStatus, frozenset[ApprovalStatus]]] = {
    "pending": frozenset({"pending", "escalated", "info_requested", "approved", "rejected", "expired", "superseded"}),
    "escalated": frozenset({"escalated", "info_requested", "approved", "rejected", "expired", "superseded"}),
    "info_requested": frozenset(
        {"pending", "escalated", "info_requested", "approved", "rejected", "expired", "superseded"}
    ),
    "approved": frozenset(),
    "rejected": frozenset(),
    "expired": frozenset(),
    "superseded": frozenset(),
}
"""From each status, those it may become; an open one may stay what it is and say more."""

START_WITHIN: Final = timedelta(minutes=2)
"""How long after a change the sweep trusts that the workflow has heard of it."""

_ID_BODY: Final = 4


class Act(NamedTuple):
    """Who did something (a member's id, an agent's name, or ``system``), by which channel, and when."""

    by: str
    via: Via
    at: datetime


class Question(NamedTuple):
    """What was asked of whoever wants the refund, and until when they may answer."""

    text: str
    action: NextBestAction
    asked: Act
    until: datetime


class Ruling(NamedTuple):
    """How an approval ended. ``comment`` is the approver's, or the reason of a rejection."""

    verdict: Verdict
    act: Act
    comment: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """One question: may this much be refunded? ``reasons`` are the rules that asked for a person.

    The amount is the net one, in minor units: at most this is paid. ``requested_by`` is the member or agent who asked
    for the refund (None: of before this was kept). ``consents`` are those who approved while another one is needed.
    ``level_since`` and ``reminders`` are the present level's; ``next_look_at`` is when the sweep looks after it.
    """

    id: str
    tenant: Tenant
    refund_id: str
    transaction: TransactionRef
    amount_minor: int
    currency: str
    status: ApprovalStatus
    reasons: tuple[str, ...]
    opened_at: datetime
    version: int = 1
    revision: int = 1
    requested_by: str | None = None
    level: int = 0
    level_since: datetime | None = None
    reminders: int = 0
    consents: tuple[Act, ...] = ()
    question: Question | None = None
    ruling: Ruling | None = None
    seal: str | None = None
    next_look_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still be decided."""
        return self.status in OPEN

    @property
    def at_level_since(self) -> datetime:
        """When the present level was asked."""
        return self.level_since or self.opened_at


def approval_id_of(refund_id: str) -> str:
    """The id of a refund's approval: one refund is asked about once."""
    return f"apr_{refund_id[_ID_BODY:]}"


def asked_about(refund: Refund, reasons: tuple[str, ...], requested_by: str | None = None, level: int = 0) -> Approval:
    """The approval that is opened with ``refund``."""
    return Approval(
        id=approval_id_of(refund.id),
        tenant=refund.tenant,
        refund_id=refund.id,
        transaction=refund.transaction,
        amount_minor=refund.money.amount_minor,
        currency=refund.money.currency,
        status="pending",
        reasons=reasons,
        opened_at=refund.created_at,
        requested_by=requested_by,
        level=level,
        next_look_at=refund.created_at + START_WITHIN,
    )


def moved(approval: Approval, to: ApprovalStatus, now: datetime, **changes: Any) -> Approval:
    """``approval`` in its next state, one version later. While it is open the workflow has to hear of it soon; once it
    is closed, the sweep looks whether it has when it would have looked anyway.

    Raises:
        Conflict: the table does not allow the step.
    """
    if to not in ALLOWED[approval.status]:
        raise Conflict(f"An approval that is {approval.status} cannot become {to}")
    if to in OPEN:
        changes = {"next_look_at": now + START_WITHIN, **changes}
    return replace(approval, status=to, version=approval.version + 1, **changes)


def escalated(approval: Approval, now: datetime) -> Approval:
    """At the next level, whose people are asked anew; what was agreed to before counts there as well."""
    return moved(
        approval, "escalated", now, level=approval.level + 1, level_since=now, reminders=0,
        revision=approval.revision + 1, question=None,
    )  # fmt: skip


def reminded(approval: Approval, now: datetime) -> Approval:
    """Its level was reminded once more."""
    return moved(approval, approval.status, now, reminders=approval.reminders + 1)


def consented(approval: Approval, act: Act) -> Approval:
    """Approved by one of the two people whom it needs."""
    return moved(approval, approval.status, act.at, consents=(*approval.consents, act))


def commented(approval: Approval, now: datetime) -> Approval:
    """Somebody has said something about it."""
    return moved(approval, approval.status, now)


def questioned(approval: Approval, question: Question) -> Approval:
    """Whoever wants the refund has to say more before it is decided."""
    return moved(approval, "info_requested", question.asked.at, question=question)


def answered(approval: Approval, now: datetime, amount_minor: int) -> Approval:
    """With the answer to its question, and perhaps a lower amount: its level's time begins anew."""
    asks_anew = amount_minor != approval.amount_minor
    return moved(
        approval, "escalated" if approval.level else "pending", now, level_since=now, reminders=0, question=None,
        amount_minor=amount_minor, revision=approval.revision + asks_anew,
        consents=() if asks_anew else approval.consents,
    )  # fmt: skip


def ruled(approval: Approval, ruling: Ruling, amount_minor: int) -> Approval:
    """Decided. What was approved is sealed: at most ``amount_minor``, of this charge, in this currency."""
    after = moved(
        approval, ruling.verdict, ruling.act.at, ruling=ruling, amount_minor=amount_minor, question=None
    )  # fmt: skip
    return replace(after, seal=seal_of(after)) if ruling.verdict == "approved" else after


def superseded(approval: Approval, now: datetime) -> Approval:
    """Its refund was cancelled: nobody can decide it any more."""
    return moved(approval, "superseded", now, question=None)


def seal_of(approval: Approval) -> str:
    """A hash that binds an approval to what may be paid under it."""
    bound = [
        approval.id, approval.refund_id, *approval.transaction, approval.currency, str(approval.amount_minor)
    ]  # fmt: skip
    return hashlib.sha256("#".join(bound).encode()).hexdigest()


def covers(approval: Approval, refund: Refund) -> bool:
    """Whether ``refund`` is what was approved, or less of it."""
    if approval.status != "approved" or approval.seal != seal_of(approval):
        return False
    same = (approval.refund_id, approval.transaction, approval.currency)
    return same == (refund.id, refund.transaction, refund.money.currency) and (
        refund.money.amount_minor <= approval.amount_minor
    )
