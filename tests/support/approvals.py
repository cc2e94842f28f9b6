"""Approvals for tests: a desk whose policy asks a person about everything from 1,000 on, and people who decide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from refundkit_core.application.approval_desk import ANY, Seen
from refundkit_core.application.decide_approval import Answer, Decision
from refundkit_core.application.route_approval import Move, Reply
from refundkit_core.domain.approvals import Approval, Via
from refundkit_core.domain.approver_rules import AGENT, Decider
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.routing import ApprovalSettings

from tests.support.builders import TENANT
from tests.support.clock import START
from tests.support.desk import Desk


def person(number: int, role: str = "approver", limit: int | None = None, currency: str = "usd") -> Decider:
    """A member with a deciding role."""
    return Decider(f"mem_{number:026d}", role, None if limit is None else Money(limit, currency))


REQUESTER: Final = person(1, "admin")
ANN: Final = person(2)
BEN: Final = person(3)
OWNER: Final = person(4, "owner")
AGENT_BOT: Final = Decider("refund-bot", AGENT)


class ApprovalDesk(Desk):
    """Where refunds from 1,000 on wait for a person. ``settings`` are the organization's."""

    def __init__(self, settings: ApprovalSettings | None = None, **charge: Any) -> None:
        super().__init__(**charge)
        self.switches.approvals = settings
        asks = Policy("Ours", (Rule(category="default"),), Limits(auto_approve_threshold_minor=1000))
        self.policies.publish(asks, START - timedelta(days=100))

    def waiting(self, **changes: Any) -> Refund:
        """A refund that waits, asked for by ``REQUESTER``."""
        refund = self.ask(**{"owner": REQUESTER.id, "key_id": "key_1", **changes}).refund
        assert refund.status == "pending_approval", refund
        return refund

    def says(
        self, refund: Refund, answer: Answer = "approved", by: Decider = ANN, via: Via = "api", **changes: Any
    ) -> Approval:
        """Somebody decides."""
        said = {"comment": None if answer == "approved" else "Not ours", **changes}
        return self.decide(Decision(TENANT, refund.id, by, via, answer, **said))

    def move(self, refund: Refund, by: Decider = ANN, text: str = "Please look", seen: Seen = ANY) -> Move:
        """Somebody does something else."""
        return Move(TENANT, refund.id, by, "api", text, seen)

    def replies(self, refund: Refund, **changes: Any) -> Approval:
        """The requester answers."""
        reply = {"by": REQUESTER.id, "actor": REQUESTER.id, "text": "Here it is", **changes}
        return self.answer(Reply(TENANT, refund.id, **reply))

    def approval(self, refund: Refund) -> Approval:
        """The refund's approval as it stands."""
        assert refund.approval_id is not None
        found = self.approvals.find(TENANT, refund.approval_id)
        assert found is not None
        return found

    def history(self, refund: Refund) -> list[str]:
        """The types of the approval's events, oldest first."""
        return [event.type for event in self.approvals.history(TENANT, refund.approval_id or "")]

    def work(self) -> None:
        """The approvals' queue and the workflow's messages, until neither has any."""
        while self.steps or self.approval_queue.messages:
            steps, self.steps = self.steps, []
            for step in steps:
                self.watch.waits(*step)
            messages, self.approval_queue.messages = self.approval_queue.messages, []
            for tenant, approval_id, _ in messages:
                self.watch.look(tenant, approval_id)

    def told(self) -> None:
        """The bus tells the queue of every approval's events."""
        for approval_id in {each.id for each in self.store.approvals.values()}:
            self.approval_queue.put(TENANT, approval_id, 0)
        self.work()

    def let_pass(self, until_hours: float) -> None:
        """Hours go by: the workflow's waits end when they are over."""
        end = self.clock.now() + timedelta(hours=until_hours)
        while (lapse := self.workflow.next_lapse()) is not None and lapse <= end:
            self.clock.advance(seconds=max(0.0, (lapse - self.clock.now()).total_seconds()))
            self.workflow.lapse()
            self.work()
        self.clock.advance(seconds=max(0.0, (end - self.clock.now()).total_seconds()))
