"""The real use cases over ports that can fail: wired as the container does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refundkit_core.application.approval_desk import Desk
from refundkit_core.application.approval_ports import ApprovalStore
from refundkit_core.application.cancel_refund import CancelRefund
from refundkit_core.application.create_refund import CreateRefund
from refundkit_core.application.decide_approval import DecideApproval
from refundkit_core.application.erase_customer import EraseCustomer
from refundkit_core.application.execute_refund import ExecuteRefund
from refundkit_core.application.flag_risk import FlagRisk
from refundkit_core.application.gather_facts import GatherFacts
from refundkit_core.application.guard_refund import GuardRefund
from refundkit_core.application.look_at_transaction import LookAtTransaction
from refundkit_core.application.pass_time import PassTime
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.ports import ConnectionStore, EventBus, OrganizationStore, Processors, RefundStore
from refundkit_core.application.processor_news import ApplyProcessorNews, ReceiveProcessorWebhook
from refundkit_core.application.publish_events import PublishEvents
from refundkit_core.application.resolve_refund import ResolveRefund
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.route_approval import AnswerQuestion, RouteApproval
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.application.sweep import Sweep
from refundkit_core.application.watch_approval import WatchApproval

from tests.crash.plumbing import Bus, Erased, Executions, News, Parked, Registry, read_webhook
from tests.support.desk import MemoryKeyOwners
from tests.support.fact_stores import FakePolicies, FakeRefusals
from tests.support.fake_processor import FakeOrganizations, FakeSwitches, FakeThrottle
from tests.support.memory_approvals import MemoryApprovalStore
from tests.support.memory_assessments import MemoryAssessmentStore
from tests.support.memory_audit import MemoryAuditQueue, MemoryTrail
from tests.support.memory_orders import MemoryOrderStore

if TYPE_CHECKING:
    from tests.crash.system import System


def no_deliveries() -> int:
    """Webhooks have a harness of their own."""
    return 0


class UseCases:
    """Every use case of one system. A subclass replaces a port or a use case before or after it is wired."""

    def __init__(self, system: System) -> None:
        clock, ids, ported = system.clock, system.ids, system.calls.ported
        self.bus = Bus(system.execution, system.approvals.queue, clock)
        self.switches = FakeSwitches()
        refunds: RefundStore = ported("refunds", system.store)
        connections: ConnectionStore = ported("connections", system.connections)
        organizations: OrganizationStore = ported("organizations", self.organizations())
        processors: Processors = ported("processors", Registry(system.stripe))
        switches = ported("switches", self.switches)
        approvals: ApprovalStore = ported("approvals", self.approvals(system))
        throttle = ported("throttle", FakeThrottle())
        executions = ported("executions", Executions(system.execution, clock))
        news = ported("news", News(system.news, clock))
        bus: EventBus = ported("bus", self.bus)
        parked = ported("parked", Parked(system.commit))
        self.settle = SettleRefund(refunds, clock, ids)
        look = LookAtTransaction(refunds, organizations, self.settle, clock, ids)
        resolve = ResolveTransaction(refunds, connections, processors, look, clock)
        self.policies = FakePolicies()
        orders = ported("orders", MemoryOrderStore(system.store))
        choice = PolicyChoice(ported("policies", self.policies))
        gather = GatherFacts(orders, choice, ported("customers", system.store), organizations, clock)
        refusals, guard = ported("refusals", FakeRefusals()), GuardRefund(ported("purses", system.store))
        self.create = CreateRefund(refunds, organizations, refusals, resolve, gather, guard, switches, clock, ids)
        self.execute = ExecuteRefund(
            refunds, lambda: approvals, connections, processors, self.settle, switches, throttle, executions, clock, ids
        )
        self.cancel = CancelRefund(refunds, approvals, connections, processors, self.settle, clock, ids)
        self.receive = ReceiveProcessorWebhook(connections, {"stripe": read_webhook}, news, clock)
        self.assessments = MemoryAssessmentStore()
        flag_risk = FlagRisk(gather, ported("assessments", self.assessments), organizations, clock)
        self.apply = ApplyProcessorNews(connections, processors, look, flag_risk, clock)
        asked = ported("approval queue", system.approvals.queue)
        desk = Desk(approvals, refunds, switches, ported("key owners", MemoryKeyOwners()), clock, ids)
        self.decide, self.route, self.answer = DecideApproval(desk), RouteApproval(desk), AnswerQuestion(desk)
        workflow = ported("workflow", system.approvals.workflow)
        self.watch_approval = WatchApproval(approvals, workflow, PassTime(desk), clock)
        self.publish = PublishEvents(bus, parked, ported("audit queue", MemoryAuditQueue()))
        self.sweep = Sweep(refunds, executions, approvals, ported("books", system.store), asked, no_deliveries, clock)
        erasures, trail = ported("erasures", Erased(system.store)), ported("trail", MemoryTrail())
        self.erase = EraseCustomer(refunds, orders, erasures, organizations, trail, clock, ids)
        self.resolve = ResolveRefund(refunds, connections, processors, clock, ids)

    def approvals(self, system: System) -> ApprovalStore:
        return MemoryApprovalStore(system.store)

    def organizations(self) -> OrganizationStore:
        return FakeOrganizations()
