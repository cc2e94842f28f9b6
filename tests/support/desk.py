"""The use cases around one store, processor and clock: what unit tests work with."""

from __future__ import annotations

from typing import Any

from refundkit_core.application.approval_desk import Desk as ApprovalDesk
from refundkit_core.application.approval_ports import WaitingToken
from refundkit_core.application.cancel_refund import CancelRefund
from refundkit_core.application.check_policy import CheckPolicy
from refundkit_core.application.create_refund import CreateRefund, OpenedRefund
from refundkit_core.application.decide_approval import DecideApproval
from refundkit_core.application.execute_refund import ExecuteRefund, Outcome
from refundkit_core.application.flag_risk import FlagRisk
from refundkit_core.application.gather_facts import GatherFacts
from refundkit_core.application.guard_refund import GuardRefund
from refundkit_core.application.look_at_transaction import LookAtTransaction
from refundkit_core.application.open_refund import OpenRefund
from refundkit_core.application.pass_time import PassTime
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.processor_news import ApplyProcessorNews
from refundkit_core.application.resolve_refund import ResolveRefund
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.route_approval import AnswerQuestion, RouteApproval
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.application.sweep import Sweep
from refundkit_core.application.watch_approval import WatchApproval
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

from tests.support.builders import TENANT, TRANSACTION, snapshot
from tests.support.clock import CountingIds, FixedClock
from tests.support.fact_stores import FakeOrders, FakePolicies, FakeRefusals
from tests.support.fake_processor import (
    FakeApprovalQueue,
    FakeConnections,
    FakeOrganizations,
    FakeProcessor,
    FakeProcessors,
    FakeQueue,
    FakeSwitches,
    FakeThrottle,
)
from tests.support.fake_workflow import FakeWorkflow
from tests.support.memory_approvals import MemoryApprovalStore
from tests.support.memory_assessments import MemoryAssessmentStore
from tests.support.memory_store import MemoryRefundStore


class MemoryKeyOwners:
    """``KeyOwners`` in a dictionary."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}

    def owner_of(self, tenant: Tenant, key_id: str) -> str | None:
        return self.owners.get(key_id)


class Desk:
    """One tenant with one charge of 5,000 usd, and the use cases over it."""

    def __init__(self, **charge: Any) -> None:
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.store = MemoryRefundStore()
        self.processor = FakeProcessor(snapshot(**charge))
        self.connections = FakeConnections()
        processors = FakeProcessors(self.processor)
        self.switches, self.throttle, self.queue = FakeSwitches(), FakeThrottle(), FakeQueue()
        organizations = FakeOrganizations()
        self.settle = SettleRefund(self.store, self.clock, self.ids)
        self.look_at = LookAtTransaction(self.store, organizations, self.settle, self.clock, self.ids)
        resolve = ResolveTransaction(self.store, self.connections, processors, self.look_at, self.clock)
        self.orders, self.policies, self.refusals = FakeOrders(), FakePolicies(), FakeRefusals()
        gather = GatherFacts(self.orders, PolicyChoice(self.policies), self.store, organizations, self.clock)
        self.create = CreateRefund(
            self.store,
            organizations,
            self.refusals,
            resolve,
            gather,
            GuardRefund(self.store),
            self.switches,
            self.clock,
            self.ids,
        )
        self.check = CheckPolicy(resolve, gather)
        self.approvals = MemoryApprovalStore(self.store)
        self.cancel = CancelRefund(
            self.store, self.approvals, self.connections, processors, self.settle, self.clock, self.ids
        )
        self.execute_refund = ExecuteRefund(
            self.store,
            lambda: self.approvals,
            self.connections,
            processors,
            self.settle,
            self.switches,
            self.throttle,
            self.queue,
            self.clock,
            self.ids,
        )
        self.approval_queue = FakeApprovalQueue()
        self.sweep = Sweep(
            self.store, self.queue, self.approvals, self.store, self.approval_queue, lambda: 0, self.clock
        )
        self.keys = MemoryKeyOwners()
        self.approval_desk = ApprovalDesk(self.approvals, self.store, self.switches, self.keys, self.clock, self.ids)
        self.decide = DecideApproval(self.approval_desk)
        self.route = RouteApproval(self.approval_desk)
        self.answer = AnswerQuestion(self.approval_desk)
        self.pass_time = PassTime(self.approval_desk)
        self.steps: list[tuple[Tenant, str, WaitingToken]] = []
        self.workflow = FakeWorkflow(self.clock, lambda *step: self.steps.append(step))
        self.watch = WatchApproval(self.approvals, self.workflow, self.pass_time, self.clock)
        self.resolve_refund = ResolveRefund(self.store, self.connections, processors, self.clock, self.ids)
        self.assessments = MemoryAssessmentStore()
        flag_risk = FlagRisk(gather, self.assessments, organizations, self.clock)
        self.apply_news = ApplyProcessorNews(self.connections, processors, self.look_at, flag_risk, self.clock)

    def look(self) -> Ledger:
        """What a webhook about the charge brings about."""
        return self.look_at(self.connections.connection, self.processor, "ch_1").ledger

    def sweep_and_work(self) -> list[Outcome]:
        """One pass of the sweep, and the queue worked off."""
        self.sweep()
        work, self.queue.messages = self.queue.messages, []
        return [self.execute_refund(tenant, refund_id) for tenant, refund_id, _ in work]

    def ask(self, **changes: Any) -> OpenedRefund:
        """Open a refund of 2,000 for a defective product; each call its own key unless it says otherwise."""
        asked: dict[str, Any] = {
            "tenant": TENANT,
            "transaction_id": "ch_1",
            "amount_minor": 2000,
            "reason": "product_defective",
            "currency": None,
            "processor": None,
            "metadata": None,
            "initiated_by": "api",
            "idempotency_key": self.ids.new("key"),
            "generated_key": False,
            **changes,
        }
        return self.create(OpenRefund(**asked))

    def execute(self, refund: Refund) -> Outcome:
        return self.execute_refund(TENANT, refund.id)

    def now(self, refund: Refund) -> Refund:
        """The refund as it stands."""
        head = self.store.head(TENANT, refund.id)
        assert head is not None
        return head

    @property
    def ledger(self) -> Ledger:
        """The charge's ledger."""
        held = self.store.ledger(TENANT, TRANSACTION)
        assert held is not None
        return held

    @property
    def sums(self) -> tuple[int, int, int]:
        """Reserved, refunded, available."""
        return self.ledger.reserved_minor, self.ledger.refunded_minor, self.ledger.available_minor

    def timeline(self, refund: Refund) -> list[str]:
        """The types of the refund's events, oldest first."""
        return [event.type for event in self.store.timeline(TENANT, refund.id)]
