"""Who looks at a system after every step, remembers what it saw, and insists on the invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from refundkit_core.application.execute_refund import SEND_WINDOW
from refundkit_core.application.records import Position, RefundFilter
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.refund import Refund

from tests.crash import invariants
from tests.crash.invariants import insist
from tests.support.builders import TENANT

if TYPE_CHECKING:
    from tests.crash.system import System

_ALL: Final = (RefundFilter(), Position(1000, 0, None))


class Watch:
    """Sees the store as any reader does, through its port, and the processor from inside."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[str, dict[int, Refund]] = {}
        self._heads: dict[str, Refund] = {}
        self._ledger: Ledger | None = None
        self._events: dict[str, int] = {}
        self._sent = 0
        self._looks = 0
        self._told = 0
        self._flagged = 0
        self._published = 0
        self._paid = 0
        self._answers = 0
        self._committed: dict[str, Event] = {}

    def heads(self) -> list[Refund]:
        """All refunds as stored."""
        return [refund for refund, _ in self._system.store.page(TENANT, *_ALL).found]

    def look(self) -> None:
        """Look at what has changed since the last time. Raises Violation."""
        system = self._system
        heads = self.heads()
        gone = self._heads.keys() - {head.id for head in heads}
        insist(not gone, f"refunds are gone: {gone}")
        changed = [head for head in heads if self._heads.get(head.id) is not head]
        for head in changed:
            self._look_at(head)
        ledger = system.ledger()
        if ledger is not self._ledger or changed:
            if ledger is not None:
                invariants.check_ledger(ledger, self._ledger, heads)
            insist(ledger is not None or self._ledger is None, "the ledger is gone")
            self._ledger = ledger
        if system.approvals.look() or changed:
            self._look_at_people(heads)
        flagged = system.use_cases.assessments.events
        for event in (
            *system.store.looks[self._looks :],
            *system.store.told[self._told :],
            *flagged[self._flagged :],
        ):
            self._commit(event)
        self._looks, self._told, self._flagged = len(system.store.looks), len(system.store.told), len(flagged)
        sent = system.stripe.sent
        for number in range(self._sent, len(sent)):
            order = sent[number].order
            invariants.check_sent(sent[number], sent[:number], self._heads.get(order.refund_id))
            system.approvals.check_paid(self._heads[order.refund_id])
        self._sent = len(sent)
        if len(system.stripe.refunds) != self._paid:
            invariants.check_processor(system.stripe.refunds.values(), self._heads)
            self._paid = len(system.stripe.refunds)
        answers = sum(len(ask.answers) for ask in system.asks)
        if changed or answers != self._answers:
            invariants.check_answers(system.asks, self._heads)
            self._answers = answers
        published = system.use_cases.bus.published
        invariants.check_known(self._committed, published[self._published :])
        self._published = len(published)

    def _look_at_people(self, heads: list[Refund]) -> None:
        """Those who decide, and the customer, unless an erasure took their record away."""
        system = self._system
        invariants.check_approvals(system.store.approvals.values(), self._heads)
        invariants.check_purses(system.store.purses, heads, system.use_cases.switches.guards)
        if system.erasures:
            return
        invariants.check_counted(system.store.records.values(), heads)
        for record in system.store.records.values():
            invariants.check_limit(record, heads, system.most_without_a_person)

    def _commit(self, event: Event) -> None:
        """An event was written with its change: it is on the table's stream."""
        self._committed[event.id] = event
        self._system.commit(event)

    def before_people(self) -> None:
        """Only what the rules leave to people may be left to them."""
        now = self._system.clock.now()
        for head in self.heads():
            if head.status_detail == "needs_review":
                first = head.first_attempt_at
                insist(first is not None and now - first >= SEND_WINDOW, f"{head.id[-4:]} was left to people too soon")

    def end(self) -> None:
        """Everything is quiet. Raises Violation where something was lost on the way."""
        system = self._system
        self.look()
        unanswered = [str(ask) for ask in system.asks if not ask.answers]
        insist(not unanswered, f"never answered: {unanswered}")
        if system.erasures:
            requests = [request for _, request in system.store.page(TENANT, *_ALL).found]
            invariants.check_erased(self._ledger, requests, [erasing.answers for erasing in system.erasures])
        system.approvals.end()
        invariants.check_quiet(self._ledger, list(self._heads.values()), system.stripe)
        kept = system.use_cases.assessments.page(TENANT, [system.stripe.charge.charge_id], _ALL[1]).found
        flagged = system.use_cases.assessments.events
        invariants.check_assessed(self._ledger, kept, flagged, len(system.stripe.suspicions))
        invariants.check_published(self._committed, system.use_cases.bus.published)

    def _look_at(self, head: Refund) -> None:
        invariants.check_step(self._heads.get(head.id), head)
        self._heads[head.id] = head
        self._seen.setdefault(head.id, {})[head.version] = head
        events = self._system.store.timeline(TENANT, head.id)
        invariants.check_events(head, events, self._seen[head.id])
        for event in events[self._events.get(head.id, 0) :]:
            self._commit(event)
        self._events[head.id] = len(events)
