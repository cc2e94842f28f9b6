"""Callers: they ask until they have an answer, and remember what they were told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from refundkit_core.application.open_refund import OpenRefund
from refundkit_core.domain.errors import RefundKitError, StoreConflict, Upstream
from refundkit_core.domain.refund import Reason

from tests.support.builders import TENANT

TO_RETRY = (StoreConflict, Upstream)
"""What a caller sees as 500 or 502: nothing is known to have happened, so it asks again."""


@dataclass(eq=False)
class Ask:
    """One caller's wish for one refund, and the answers it got: refund ids, or the code of a refusal."""

    wish: OpenRefund
    answers: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        key = self.wish.idempotency_key or "no key"
        return f"create {self.wish.amount_minor or 'the rest'} ({key})"

    @property
    def opened(self) -> list[str]:
        """The ids that it was told."""
        return [answer for answer in self.answers if answer.startswith("ref_")]

    @property
    def keyed(self) -> bool:
        """Whether the caller chose the key, and so wants this refund whatever else there is."""
        return not self.wish.refuses_twin


@dataclass(eq=False)
class Cancellation:
    """One caller's wish to cancel what ``ask`` opened, and what it was told."""

    ask: Ask
    answers: list[str] = field(default_factory=list)

    @property
    def refund_id(self) -> str | None:
        """What it is about, once that is open."""
        return self.ask.opened[0] if self.ask.opened else None

    def __str__(self) -> str:
        return f"cancel what {self.ask} opened"


@dataclass(eq=False)
class Erasing:
    """The wish to erase the charge's customer once ``ask`` is answered, and what was told."""

    ask: Ask
    answers: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "erase the customer"


def asking(
    amount_minor: int | None = 2000,
    *,
    key: str | None = "k1",
    reason: Reason = "product_defective",
    transaction_id: str = "ch_1",
    email: str | None = None,
) -> Ask:
    """A wish that names only what matters to a scenario; ``email`` is marked as personal."""
    wish = OpenRefund(
        tenant=TENANT,
        transaction_id=transaction_id,
        amount_minor=amount_minor,
        reason=reason,
        currency=None,
        processor=None,
        metadata=None if email is None else {"email": email, "orderId": "1"},
        initiated_by="api",
        idempotency_key=key,
        generated_key=False,
        personal_metadata=() if email is None else ("email",),
    )
    return Ask(wish)


def told(ask: Callable[[], str]) -> str:
    """What a caller is told: the answer of ``ask``, or the code of a refusal. Raises what the caller retries."""
    try:
        return ask()
    except TO_RETRY:
        raise
    except RefundKitError as refused:
        return refused.code
