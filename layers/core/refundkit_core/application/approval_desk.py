"""What every use case that changes an approval does alike: find it, insist on who asks, keep trying while others do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.domain.approvals import Approval, Via, approval_id_of
from refundkit_core.domain.approver_rules import Decider, insist_on_other, insist_on_turn
from refundkit_core.domain.errors import (
    ApprovalAlreadyDecided,
    ApprovalSuperseded,
    Detail,
    NotFound,
    StoreConflict,
)
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.approval_ports import ApprovalStore, KeyOwners, SettingsStore
    from refundkit_core.application.audit import Channel
    from refundkit_core.application.ports import Clock, Ids, RefundStore
    from refundkit_core.domain.refund import Refund, Request
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 60

AUDITED_AS: Final[dict[Via, Channel]] = {
    "api": "api",
    "session": "session",
    "email": "email",
    "slack": "slack",
    "time": "system",
}


class Seen(NamedTuple):
    """Which question somebody answers: the version that they read, or the revision that their link or message names.

    None says nothing about it.
    """

    version: int | None = None
    revision: int | None = None


ANY: Final = Seen()


@dataclass(frozen=True, slots=True)
class Case:
    """An approval with its refund, as both stand, and what is set about approvals."""

    approval: Approval
    refund: Refund
    request: Request
    settings: ApprovalSettings


class Desk:
    """Where approvals are found and changed."""

    def __init__(
        self,
        approvals: ApprovalStore,
        refunds: RefundStore,
        settings: SettingsStore,
        keys: KeyOwners,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.approvals = approvals
        self.refunds = refunds
        self.clock = clock
        self.ids = ids
        self._settings = settings
        self._keys = keys

    def find(self, tenant: Tenant, named: str) -> Approval:
        """The approval with this id, or the open one of the refund with this id. Raises NotFound."""
        found = None
        if is_id("apr", named):
            found = self.approvals.find(tenant, named)
        elif is_id("ref", named):
            found = self.approvals.find(tenant, approval_id_of(named))
        if found is None:
            raise NotFound("No such approval")
        return found

    def case(self, tenant: Tenant, named: str) -> Case:
        """All that a decision is made of. Raises NotFound."""
        approval = self.find(tenant, named)
        found = self.refunds.find(tenant, approval.refund_id)
        if found is None:
            raise NotFound("No such approval")
        if approval.is_open and found[0].status != "pending_approval":
            approval = self.find(tenant, named)  # closed between the two reads: both close in one transaction
        return Case(approval, *found, self._settings.approval_settings(tenant))

    def settings(self, tenant: Tenant) -> ApprovalSettings:
        """What is set about approvals."""
        return self._settings.approval_settings(tenant)

    def insist_on_right(self, case: Case, decider: Decider) -> None:
        """Raises SelfApprovalForbidden or Denied where ``decider`` is not one of those who are asked."""
        insist_on_other(case.approval, self.requested_by(case), decider)
        insist_on_turn(case.approval, case.settings, decider)

    def requested_by(self, case: Case) -> str | None:
        """Who asked for the refund; of one of before that was kept, the owner of its key."""
        if case.approval.requested_by is not None or case.refund.key_id is None:
            return case.approval.requested_by
        return self._keys.owner_of(case.refund.tenant, case.refund.key_id)

    def keep_trying(self, change: Callable[[], Approval]) -> Approval:
        """Run ``change`` until no other writer is faster. Raises StoreConflict in the end."""
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                return change()
            except StoreConflict:
                self.ids.pause(attempt)
        raise StoreConflict("The approval kept changing. Nothing was done: try again")


def insist_on_open(approval: Approval, seen: Seen) -> None:
    """Raises ApprovalSuperseded or ApprovalAlreadyDecided where the question is not the one that is open now."""
    if approval.status == "superseded":
        raise ApprovalSuperseded("The refund was cancelled: there is nothing left to decide")
    if approval.ruling is not None:
        ruling = approval.ruling
        said = "Nobody decided in time" if ruling.verdict == "expired" else f"It was {ruling.verdict} before"
        details = (Detail("decidedBy", ruling.act.by), Detail("decidedAt", iso(ruling.act.at)))
        raise ApprovalAlreadyDecided(f"{said}: nothing was changed", details)
    if seen.revision not in (None, approval.revision) or seen.version not in (None, approval.version):
        raise ApprovalSuperseded(
            "The approval has changed since: read it again",
            (Detail("version", str(approval.version)), Detail("amount", str(approval.amount_minor))),
        )
