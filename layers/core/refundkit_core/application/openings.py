"""What passes between the use cases and their stores when a refund is opened, or refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.budgets import Guards, Taking
    from refundkit_core.domain.customers import CustomerRecord
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.ledger import TransactionRef
    from refundkit_core.domain.refund import Request
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.shadows import ShadowDifference
    from refundkit_core.domain.tenancy import Tenant


class Brakes(NamedTuple):
    """What slows a tenant's refunds down or stops them: ids of stopped keys or ``all``, the merchant's guards, and what
    is set about approvals (None: nothing was ever set).

    ``closing``: the organization is being deleted. No refund is opened; those under way still come to their end."""

    stopped: frozenset[str]
    guards: Guards
    approvals: ApprovalSettings | None = None
    closing: bool = False

    def pause(self, key_id: str | None) -> bool:
        """Whether refunds that are opened with the key are stopped."""
        return self.closing or bool(self.stopped & {"all", key_id or "all"})


@dataclass(frozen=True, slots=True)
class Beside:
    """What is written in the transaction that opens a refund, besides it: all of it, or nothing.

    ``customer`` is their record as it was read, to which the refund is added; ``events`` are further ones; ``takings``
    are taken from purses, each on the condition that it is left there;
    ``shadow`` is where a version without effect would have decided otherwise.
    """

    customer: CustomerRecord | None = None
    approval: Approval | None = None
    events: tuple[Event, ...] = ()
    takings: tuple[Taking, ...] = ()
    shadow: ShadowDifference | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request as it is kept: ``id`` is ``dec_…``; ``request`` holds what was decided and on what ground.

    ``shadow`` is where a version without effect would have decided otherwise; it is written with the refusal, and read
    in its own list.
    """

    id: str
    tenant: Tenant
    transaction: TransactionRef
    code: str
    key_id: str | None
    at: datetime
    request: Request
    shadow: ShadowDifference | None = None
