"""Systems with one mistake each about approvals, such as people make: what the harness must not let pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from refundkit_core.application.approval_ports import ApprovalStore, RefundStep, WaitingToken, Woken
from refundkit_core.application.audit import AuditEntry
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant

from tests.crash.system import System
from tests.crash.use_cases import UseCases
from tests.support.fake_workflow import Asked, FakeWorkflow
from tests.support.memory_approvals import MemoryApprovalStore

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock


class _WithStore(System):
    """A system with another store of approvals."""

    store_of: type[MemoryApprovalStore]

    def make_use_cases(self) -> UseCases:
        kind = self.store_of

        class Wired(UseCases):
            def approvals(self, system: System) -> ApprovalStore:
                return kind(system.store)

        return Wired(self)


class _DecidesAnyway(MemoryApprovalStore):
    def _insist(self, approval: Approval) -> None:
        return

    def change(
        self,
        before: Approval,
        after: Approval,
        event: Event,
        step: RefundStep | None = None,
        audit: AuditEntry | None = None,
    ) -> None:
        if step is not None:
            stored = self._store.head(step.before.tenant, step.before.id)
            step = step._replace(before=stored or step.before)
        super().change(before, after, event, step, audit)


class LastDecisionWins(_WithStore):
    """A decision is written whatever has been decided meanwhile."""

    store_of = _DecidesAnyway


class _LosesTheStep(MemoryApprovalStore):
    def change(
        self,
        before: Approval,
        after: Approval,
        event: Event,
        step: RefundStep | None = None,
        audit: AuditEntry | None = None,
    ) -> None:
        super().change(before, after, event, None, audit)


class RefundApart(_WithStore):
    """The approval is decided without its refund, whose step is lost."""

    store_of = _LosesTheStep


class _KeepsUnread(MemoryApprovalStore):
    def keep_token(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> bool:
        approval = self.find(tenant, approval_id)
        if approval is not None and not approval.is_open:
            self.put_off(replace(approval, next_look_at=None))
            return False
        return super().keep_token(tenant, approval_id, token)


class TokenUnread(_WithStore):
    """The approval is not read again once the token is kept, so that a decision made meanwhile waits for its sweep;
    and nobody sweeps what is decided."""

    store_of = _KeepsUnread


class _WithWorkflow(System):
    """A system with another workflow."""

    workflow_of: type[FakeWorkflow]

    def make_workflow(self, asked: Asked) -> FakeWorkflow:
        return self.workflow_of(self.clock, asked)


class _BeginsAnew(FakeWorkflow):
    def start(self, tenant: Tenant, approval_id: str) -> None:
        begun = self.executions.pop(approval_id, None)
        super().start(tenant, approval_id)
        if begun is not None:
            self.executions[f"{approval_id} before"] = begun


class StartedAnew(_WithWorkflow):
    """An execution is not named after its approval: every start begins one."""

    workflow_of = _BeginsAnew


class _Deaf(FakeWorkflow):
    def __init__(self, clock: Clock, asked: Asked) -> None:
        super().__init__(clock, asked)
        self.deaf = 0

    def end(self, token: str) -> Woken:
        self.deaf += 1
        return "woken"


class NeverEnded(_WithWorkflow):
    """Nobody hears that it is over."""

    workflow_of = _Deaf
