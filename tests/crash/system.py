"""RefundKit in one process: the real use cases, what waits between them, callers, the processor and the world.

Durable are the store, the lines and the processor. A killed piece of work leaves what it wrote, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from refundkit_core.application.audit import BY_PROGRAM
from refundkit_core.application.records import Connection, ProcessorNews
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.refund import Refund

from tests.crash.callers import TO_RETRY, Ask, Cancellation, Erasing, told
from tests.crash.choices import Choices
from tests.crash.desk import Approvals, named
from tests.crash.faults import Calls, Fault, Killed, Unreachable
from tests.crash.invariants import Violation, insist
from tests.crash.lines import Line, Message
from tests.crash.plumbing import Due
from tests.crash.stripe_like import StripeLike
from tests.crash.use_cases import UseCases
from tests.crash.watch import Watch
from tests.support.builders import TENANT, TRANSACTION, snapshot
from tests.support.clock import CountingIds, FixedClock
from tests.support.fake_processor import FakeConnections
from tests.support.fake_workflow import Asked, FakeWorkflow
from tests.support.memory_store import MemoryRefundStore

Work = tuple[Line[Any], Message[Any]]

MAX_STEPS: Final = 600
SWEEP_EVERY: Final = timedelta(minutes=1)
_MAX_OTHERS: Final = 12


class System:
    """One tenant with one charge of 5,000 usd. Subclasses break one part, to show that it would be noticed."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.calls = Calls(choices.fault, self._disturb, self._took_effect)
        self.asks: list[Ask] = []
        self.asking: Line[Ask] = Line("caller", self._ask, retry_s=1)
        self.cancelling: Line[Cancellation] = Line("caller", self._cancel, retry_s=1)
        self.erasing: Line[Erasing] = Line("caller", self._erase, retry_s=1)
        self.erasures: list[Erasing] = []
        self.stream: Line[list[Event]] = Line("stream", self._publish, retry_s=1)
        self.execution: Line[Due] = Line("execution", self._execute, retry_s=180, max_receives=5)
        self.webhooks: Line[bytes] = Line("webhook", self._receive, retry_s=60)
        self.news: Line[ProcessorNews] = Line("news", self._apply, retry_s=180, max_receives=5)
        self.sweeps: Line[str] = Line("schedule", self._sweep, retry_s=60)
        self.people: Line[str] = Line("person", self._resolve, retry_s=60)
        self.world: Line[tuple[str, Callable[[], None]]] = Line("world", lambda what: what[1](), retry_s=1)
        self.approvals = Approvals(self)
        self.lines: list[Line[Any]] = [
            self.asking, self.cancelling, self.erasing, self.stream, self.execution, self.webhooks, self.news,
            self.approvals.line, self.approvals.wishing, self.sweeps, self.people, self.world,
        ]  # fmt: skip
        self.store = self.make_store()
        self.stripe = self.make_stripe()
        self.connections = FakeConnections()
        self.use_cases = self.make_use_cases()
        self.watch = Watch(self)
        self.most_without_a_person = MAX_STEPS
        self._running: list[Work] = []
        self._told = 0
        self._renewing = False
        self._next_sweep_at = self.clock.now()

    def make_store(self) -> MemoryRefundStore:
        return MemoryRefundStore()

    def make_stripe(self) -> StripeLike:
        return StripeLike(self.clock, snapshot(), self.later, self._tell)

    def make_workflow(self, asked: Asked) -> FakeWorkflow:
        return FakeWorkflow(self.clock, asked)

    def make_use_cases(self) -> UseCases:
        return UseCases(self)

    # What a scenario may begin with.

    def ask(self, ask: Ask) -> Ask:
        """A caller wants a refund."""
        self.asks.append(ask)
        self.asking.put(ask, self.clock.now())
        return ask

    def cancel(self, ask: Ask, after_s: int = 0) -> Cancellation:
        """A caller wants what ``ask`` opened to be cancelled, ``after_s`` seconds from now."""
        cancellation = Cancellation(ask)
        self.cancelling.put(cancellation, self.clock.now() + timedelta(seconds=after_s))
        return cancellation

    def erase(self, ask: Ask) -> Erasing:
        """A caller wants the charge's customer to be erased, once ``ask`` was answered."""
        erasing = Erasing(ask)
        self.erasures.append(erasing)
        self.erasing.put(erasing, self.clock.now())
        return erasing

    def later(self, what: str, do: Callable[[], None], after_s: int = 0) -> None:
        """The world does something, ``after_s`` seconds from now."""
        self.world.put((what, do), self.clock.now() + timedelta(seconds=after_s))

    # What can be seen of it.

    def heads(self) -> list[Refund]:
        """All refunds as stored."""
        return self.watch.heads()

    def ledger(self) -> Ledger | None:
        """The charge's ledger as stored."""
        return self.store.ledger(TENANT, TRANSACTION)

    # How it goes on.

    def until_quiet(self) -> None:
        """Work until nothing waits and nobody waits for anything; then everything must be in order."""
        for _ in range(MAX_STEPS):
            self.clock.advance(seconds=self.choices.time_passes().total_seconds())
            ready = self._ready()
            if ready:
                self._work(self.choices.next_of(ready))
            elif not self._time_passes():
                self.watch.end()
                return
        raise Violation(f"still busy after {MAX_STEPS} pieces of work")

    def _ready(self) -> list[Work]:
        now = self.clock.now()
        return [(line, message) for line in self.lines for message in line.ready(now)]

    def _time_passes(self) -> bool:
        """Wait for what comes next: a hidden message, or the next look that the sweep takes at a refund."""
        self._renew_credentials()
        shows = [at for line in self.lines if (at := line.next_at()) is not None]
        looks = [head.next_look_at for head in self.heads() if head.next_look_at is not None]
        looks += self.approvals.looks()
        if (lapse := self.approvals.workflow.next_lapse()) is not None:
            shows.append(lapse)
        if not shows and not looks:
            return self._people_come()
        sweeps = [max(min(looks), self._next_sweep_at, self.clock.now())] if looks else []
        wake = min(shows + sweeps)
        self._advance_to(wake)
        self.approvals.lapse()
        if sweeps == [wake]:
            self._next_sweep_at = wake + SWEEP_EVERY
            self.sweeps.put("sweep", wake)
        return True

    def _people_come(self) -> bool:
        """Nothing moves by itself any more: people see to what is theirs."""
        if self.news.dead:
            self.news.redrive(self.clock.now() + timedelta(hours=1))
            return True
        self.watch.before_people()
        flagged = [head.id for head in self.heads() if head.status_detail == "needs_review"]
        for refund_id in flagged:
            self.people.put(refund_id, self.clock.now())
        return bool(flagged)

    def _renew_credentials(self) -> None:
        """Somebody sees that a connection's credentials are refused, and brings new ones."""
        if self.connections.connection.status == "active" or self._renewing:
            return
        self._renewing = True
        renewed = replace(self.connections.connection, status="active")
        self.later("renews the credentials", lambda: self._renewed(renewed), after_s=600)

    def _renewed(self, connection: Connection) -> None:
        self.connections.put(connection, self.clock.now())
        self._renewing = False

    def _advance_to(self, at: datetime) -> None:
        self.clock.advance(seconds=max(0.0, (at - self.clock.now()).total_seconds()))

    def _work(self, work: Work) -> None:
        """One process handles one message, and perhaps dies of it."""
        line, message = work
        message.receives += 1
        message.taken = True
        self._running.append(work)
        handled = False
        with self.calls.process(f"{line.name}: {_named(message.body)}"):
            try:
                line.handle(message.body)
                handled = True
            except Violation:
                raise
            except Killed:
                self.calls.note("killed")
            except (*TO_RETRY, Unreachable) as failure:
                self.calls.note(f"failed: {type(failure).__name__}: {failure}")
            except Exception as surprise:
                raise Violation(f"{line.name} met {type(surprise).__name__}: {surprise}") from surprise
        self._running.pop()
        message.taken = False
        if not handled:
            line.failed(message, self.clock.now())
        elif not self.choices.delivers_again():
            line.done(message)
        self.watch.look()

    def _disturb(self, fault: Fault) -> None:
        """Other workers run while this one waits for its port."""
        if fault in (Fault.TWICE_BEFORE, Fault.TWICE_AFTER):
            line, message = self._running[-1]
            self._work((line, line.copy_of(message, self.clock.now())))
            return
        for _ in range(_MAX_OTHERS):
            ready = self._ready()
            if not ready:
                return
            self._work(self.choices.next_of(ready))

    def _took_effect(self) -> None:
        self.watch.look()

    def commit(self, event: Event) -> None:
        """The table's stream carries an event that was written."""
        waiting = self.stream.ready(self.clock.now())
        if waiting and self.choices.joins_batch():
            waiting[-1].body.append(event)
        else:
            self.stream.put([event], self.clock.now())

    def _tell(self, kind: str) -> None:
        self._told += 1
        self.webhooks.put(f"evt_{self._told} {kind} {self.stripe.charge.charge_id}".encode(), self.clock.now())

    # What the workers do.

    def _ask(self, ask: Ask) -> None:
        def opened() -> str:
            return self.use_cases.create(ask.wish).refund.id

        begun_after = len(ask.answers)
        answer = told(opened)
        self.calls.note(f"told {answer}")
        # A no stands where its call began: another worker may have opened the refund after the no was decided.
        ask.answers.insert(len(ask.answers) if is_id("ref", answer) else begun_after, answer)

    def _cancel(self, cancellation: Cancellation) -> None:
        if not cancellation.ask.answers:
            raise Unreachable("nothing to cancel yet")
        refund_id = cancellation.refund_id
        if refund_id is not None:
            answer = told(lambda: self.use_cases.cancel(TENANT, refund_id)[0].status)
            self.calls.note(f"told {answer}")
            cancellation.answers.append(answer)

    def _erase(self, erasing: Erasing) -> None:
        if not erasing.ask.answers:
            raise Unreachable("nobody is known yet")
        ledger = self.ledger()
        known = ledger is not None and (ledger.customer_id is not None or ledger.customer_erased)
        answer = told(lambda: str(self.use_cases.erase(TENANT, "cus_1", BY_PROGRAM)[0].refunds))
        self.calls.note(f"told {answer}")
        insist(answer != "not_found" or not known, "a customer whom a charge named was never heard of")
        erasing.answers.append(answer)

    def _publish(self, events: list[Event]) -> None:
        self.use_cases.publish(list(events))

    def _execute(self, due: Due) -> None:
        self.calls.note(self.use_cases.execute(*due))

    def _receive(self, body: bytes) -> None:
        connection = self.connections.connection
        self.use_cases.receive(connection.processor, connection.id, body, lambda _: None)

    def _apply(self, news: ProcessorNews) -> None:
        self.calls.note(self.use_cases.apply(news))

    def _sweep(self, _: str) -> None:
        self.use_cases.sweep()

    def _resolve(self, refund_id: str) -> None:
        paid = [seen for seen in self.stripe.refunds.values() if seen.refund_id == refund_id and seen.holds_money]
        verdict: Literal["paid", "not_paid"] = "paid" if paid else "not_paid"
        external_id = paid[0].external_id if paid else None
        told(lambda: self.use_cases.resolve(TENANT, refund_id, verdict, external_id).status)


def _named(body: Any) -> str:
    if isinstance(body, list):
        return ", ".join(event.type for event in body)
    if isinstance(body, ProcessorNews):
        return f"{body.external_event_id} {body.type}"
    if isinstance(body, tuple) and len(body) == 3:
        return named(body)
    if isinstance(body, tuple):
        return str(body[0]) if callable(body[1]) else f"…{body[1][-4:]}"
    return body.decode() if isinstance(body, bytes) else str(body)
