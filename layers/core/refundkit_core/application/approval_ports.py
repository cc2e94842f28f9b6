"""What the use cases of approvals need from the outside world. Adapters implement these; tests fake them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from refundkit_core.domain.approval_clock import RUNGS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.records import Page, Position
    from refundkit_core.domain.approval_clock import Rung
    from refundkit_core.domain.approvals import Approval, ApprovalStatus
    from refundkit_core.domain.approver_rules import Decider
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.ledger import LedgerChange
    from refundkit_core.domain.refund import Refund
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.tenancy import Tenant


class RefundStep(NamedTuple):
    """What a change of an approval does to its refund, in the same transaction."""

    before: Refund
    after: Refund
    event: Event
    ledger: LedgerChange | None


class WaitingToken(NamedTuple):
    """Where an approval's workflow waits: in which wait, and since when."""

    token: str
    rung: Rung
    since: datetime

    @property
    def lapses_at(self) -> datetime:
        """When the wait ends by itself."""
        return self.since + RUNGS[self.rung]


Woken = Literal["woken", "nobody_waits"]


class ApprovalStore(Protocol):
    """Approvals, which are opened with their refunds. Every change is one transaction over all that it names.

    Raises (every write):
        StoreConflict: a condition failed or another transaction was faster. Reload and decide again.
    """

    def find(self, tenant: Tenant, approval_id: str) -> Approval | None:
        """The approval as it stands, read consistently."""

    def change(
        self,
        before: Approval,
        after: Approval,
        event: Event,
        step: RefundStep | None = None,
        audit: AuditEntry | None = None,
    ) -> None:
        """Move an approval from the version of ``before`` to that of ``after``, with its event and its refund's step;
        where a person did it, with the entry that says so."""

    def put_off(self, approval: Approval) -> None:
        """Store when the sweep looks after ``approval`` next; the version stays, and nobody is told.

        Raises:
            StoreConflict: the approval has changed since.
        """

    def history(self, tenant: Tenant, approval_id: str) -> Sequence[Event]:
        """All events of an approval, oldest first."""

    def page(
        self,
        tenant: Tenant,
        statuses: frozenset[ApprovalStatus],
        shown: Callable[[Approval], bool],
        part: Position,
    ) -> Page[Approval]:
        """One page of those with one of ``statuses``, either open or closed ones, that are to be ``shown``, newest
        first; it examines at most 1,000. May lag."""

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        """Up to ``limit`` approvals, of any tenant, that the sweep has to look after, longest due first. May lag."""

    def unwatched(self, approvals: Sequence[tuple[Tenant, str]]) -> Sequence[tuple[Tenant, str]]:
        """Those of ``approvals`` that are open and that nobody looks after, read consistently."""

    def keep_token(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> bool:
        """Keep where the workflow waits, in place of where it waited before; False where it waits since later."""

    def token(self, tenant: Tenant, approval_id: str) -> WaitingToken | None:
        """Where the workflow waits, as far as is known, read consistently."""


class Workflow(Protocol):
    """The state machine that owns an approval's time."""

    def start(self, tenant: Tenant, approval_id: str) -> None:
        """Begin to wait for a decision; nothing happens where that was begun before."""

    def end(self, token: str) -> Woken:
        """End the waiting: the approval is closed."""

    def wait_anew(self, token: str, rung: Rung) -> Woken:
        """Have it wait for another time, in the wait named."""


class ApprovalQueue(Protocol):
    """Where approvals wait to be looked after."""

    def put(self, tenant: Tenant, approval_id: str, delay_s: int) -> None:
        """Have the approval looked after in ``delay_s`` seconds (0 to 900)."""


class SettingsStore(Protocol):
    """What organizations have set about approvals."""

    def approval_settings(self, tenant: Tenant) -> ApprovalSettings:
        """The settings as they stand, read consistently; the default ones where nothing was set."""

    def set_approvals(self, tenant: Tenant, settings: ApprovalSettings, audit: AuditEntry) -> None:
        """Replace the settings by ones of the next version.

        Raises:
            StoreConflict: somebody else has, or no answer came.
        """


class Deciders(Protocol):
    """Who wants to decide."""

    def known(self, tenant: Tenant, owner: str) -> Decider:
        """The member or agent behind ``owner``, as they stand now.

        Raises:
            Denied: no such member, or one who is no longer active.
        """


class KeyOwners(Protocol):
    """Whose key a refund was opened with."""

    def owner_of(self, tenant: Tenant, key_id: str) -> str | None: ...
