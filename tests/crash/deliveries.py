"""Webhooks under faults: events, queues, schedules and receivers that outlive every worker, and what must hold of them.

Nothing is lost: every event arrives, or is given up after ten tries. What has to be tried is never overdue by more than
two minutes. What arrives twice arrives under one id.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

from refundkit.webhook_signature import verify
from refundkit_core.application.deliver_webhooks import DeliverWebhooks
from refundkit_core.application.dispatch_event import DispatchEvents
from refundkit_core.application.manage_webhooks import ManageWebhooks, WantedEndpoint
from refundkit_core.application.overdue_deliveries import OverdueDeliveries
from refundkit_core.application.read_deliveries import ReadDeliveries
from refundkit_core.application.webhook_ports import Lane, Letter, PublicEvent, Recovery
from refundkit_core.application.webhook_sender import Response
from refundkit_core.domain.deliveries import Delivery, delivery_id
from refundkit_core.domain.errors import RefundKitError, StoreConflict
from refundkit_core.domain.webhooks import Endpoint

from tests.crash.choices import Choices, Dice, Plan
from tests.crash.faults import Call, Calls, Fault, Killed, Unreachable
from tests.crash.invariants import Violation, insist
from tests.crash.lines import Line, Message
from tests.support.builders import TENANT
from tests.support.clock import CountingIds, FixedClock
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_audit import MemoryTrail
from tests.support.memory_webhooks import (
    FakeSender,
    MemoryDeliveryStore,
    MemoryEndpointStore,
    MemoryEventArchive,
    MemoryGates,
)
from tests.support.template import resources
from tests.support.webhooks import BY, public_event

LATEST: Final = timedelta(minutes=2)
MAX_STEPS: Final = 2_000
SCHEDULER_PRECISION: Final = timedelta(minutes=1)
LONGEST_DELAY: Final = timedelta(minutes=15)
_QUEUES: Final = resources("AWS::SQS::Queue")
_LAST_LINES: Final = 80
_WRITES: Final = frozenset({("deliveries", "put"), ("endpoints", "change"), ("gates", "enter")})


def _comes_back_s(queue: str) -> int:
    """When a message is seen again whose worker died, as the template says."""
    return int(_QUEUES[queue]["Properties"]["VisibilityTimeout"])


class Outside:
    """``DeliveryQueue`` and ``RecoveryQueue``: two lines, one-time schedules, and the line that the bus feeds."""

    def __init__(self, system: WebhookSystem) -> None:
        self._system = system
        self.schedules: dict[str, tuple[datetime, Letter]] = {}

    def put(self, lane: Lane, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self._system.lanes[lane].put(letter, self._system.clock.now())

    def later(self, letter: Letter, at: datetime, now: datetime, lane: Lane = "patient") -> None:
        if at - now <= LONGEST_DELAY:
            delay = timedelta(seconds=math.ceil(max(0.0, (at - now).total_seconds())))
            self._system.lanes[lane].put(letter, now + delay)
            return
        name = f"{letter.endpoint_id} {letter.event_id} {letter.version} {letter.has_turn}"
        self.schedules.setdefault(name, (at + SCHEDULER_PRECISION, letter))

    def ask(self, recovery: Recovery) -> None:
        self._system.intake.put(recovery, self._system.clock.now())

    def fire(self) -> None:
        """Put what is due into its queue; the schedule is gone with it."""
        for name, (at, letter) in list(self.schedules.items()):
            if at <= self._system.clock.now():
                del self.schedules[name]
                self._system.lanes["patient"].put(letter, self._system.clock.now())


class Forgetful(Line[Letter]):
    """Never gives a message a second time."""

    def failed(self, message: Message[Letter], now: datetime) -> None:
        self.done(message)


@dataclass(eq=False)
class Wanted:
    """What somebody asks of the API until they have an answer."""

    said: str
    do: Callable[[ManageWebhooks, ReadDeliveries], Any]
    is_answered: bool = False


Work = tuple[Line[Any], Message[Any]]


class WebhookSystem:
    """Stores, queues and receivers that outlive every worker; workers that live for one message."""

    sweeps_every = timedelta(minutes=1)
    line_of_letters: type[Line[Letter]] = Line

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.calls = Calls(choices.fault, self._disturb, lambda: None, self._error_of)
        self.gates = MemoryGates()
        self.endpoints = MemoryEndpointStore(self.gates)
        self.archive = MemoryEventArchive()
        self.deliveries = MemoryDeliveryStore(self.endpoints, self.archive)
        self.receivers = FakeSender()
        self.outside = Outside(self)
        self.intake: Line[Any] = Line("dispatch", self._dispatch, retry_s=_comes_back_s("WebhooksQueue"))
        self.lanes: Mapping[Lane, Line[Letter]] = {
            "prompt": self._line("prompt", "PromptDeliveriesQueue"),
            "patient": self._line("patient", "PatientDeliveriesQueue"),
        }
        self.asking: Line[Wanted] = Line("asking", self._ask, retry_s=1)
        self.world: Line[Callable[[], None]] = Line("world", lambda happens: happens(), retry_s=1)
        self.lines: list[Line[Any]] = [self.intake, *self.lanes.values(), self.asking, self.world]
        self.events: list[PublicEvent] = []
        self.latest = timedelta()
        self._made: dict[str, str] = {}
        self._running: list[Work] = []
        self._next_sweep = self.clock.now() + self.sweeps_every

    def _line(self, lane: Lane, queue: str) -> Line[Letter]:
        return self.line_of_letters(lane, lambda letter: self._deliver(lane, letter), retry_s=_comes_back_s(queue))

    # What a scenario may begin with.

    def endpoint(self, url: str, *answers: Response | int, **more: Any) -> Endpoint:
        """An endpoint whose receiver gives these answers, the last one for ever."""
        self.receivers.scripts[url] = [Response(each, 20) if isinstance(each, int) else each for each in answers]
        shown = self._manage(lambda _, port: port).create(TENANT, WantedEndpoint(url, ("*",), **more), None, BY)
        assert shown.secret is not None
        self._made[url] = shown.secret
        return shown.posted.endpoint

    def happen(self, count: int = 1) -> None:
        """So many events happen now."""
        for _ in range(count):
            event = public_event(len(self.events), self.clock.now())
            self.events.append(event)
            self.intake.put(event, self.clock.now())

    def later(self, happens: Callable[[], None], after: timedelta) -> None:
        self.world.put(happens, self.clock.now() + after)

    def want(self, said: str, do: Callable[[ManageWebhooks, ReadDeliveries], Any]) -> Wanted:
        """Somebody asks for something, again and again until it is answered."""
        wanted = Wanted(said, do)
        self.asking.put(wanted, self.clock.now())
        return wanted

    # Workers.

    def _manage(self, ported: Any) -> ManageWebhooks:
        return ManageWebhooks(
            ported("endpoints", self.endpoints),
            ported("deliveries", self.deliveries),
            ported("queue", self.outside),
            self.receivers,
            FakeOrganizations(),
            lambda kind: {"sampleOf": kind},
            self.clock,
            self.ids,
        )

    def _dispatch(self, what: PublicEvent | Recovery) -> None:
        ported = self.calls.ported
        dispatch = DispatchEvents(
            ported("endpoints", self.endpoints),
            ported("archive", self.archive),
            ported("deliveries", self.deliveries),
            ported("queue", self.outside),
            ported("recoveries", self.outside),
            self.clock,
        )
        self.calls.note(str(dispatch.recover(what) if isinstance(what, Recovery) else dispatch(TENANT, [what])))

    def _deliver(self, lane: Lane, letter: Letter) -> None:
        ported = self.calls.ported
        deliver = DeliverWebhooks(
            ported("deliveries", self.deliveries),
            ported("endpoints", self.endpoints),
            ported("gates", self.gates),
            ported("queue", self.outside),
            ported("receiver", self.receivers),
            lambda: 0.5,
            self.clock,
            self.ids,
        )
        for tried in deliver(lane, [letter]):
            self.calls.note(tried.outcome)
            if tried.outcome == "conflict":
                raise StoreConflict("the message comes back")

    def _ask(self, wanted: Wanted) -> None:
        ported = self.calls.ported
        read = ReadDeliveries(
            ported("endpoints", self.endpoints),
            ported("deliveries", self.deliveries),
            ported("queue", self.outside),
            ported("recoveries", self.outside),
            FakeOrganizations(),
            ported("trail", MemoryTrail()),
            self.clock,
            self.ids,
        )
        try:
            wanted.do(self._manage(ported), read)
        except StoreConflict:
            raise
        except RefundKitError as refused:
            self.calls.note(refused.code)
        wanted.is_answered = True

    def _sweep(self) -> None:
        ported = self.calls.ported
        with self.calls.process("sweep"):
            try:
                OverdueDeliveries(ported("deliveries", self.deliveries), ported("queue", self.outside), self.clock)()
            except (Killed, Exception) as exc:
                self.calls.note(f"sweep: {type(exc).__name__}")

    # How it goes on.

    def until_quiet(self) -> None:
        """Work until nothing waits; then everything must be in order."""
        for _ in range(MAX_STEPS):
            self._check_overdue()
            ready = [(line, message) for line in self.lines for message in line.ready(self.clock.now())]
            if ready:
                self._work(self.choices.next_of(ready))
            elif not self._time_passes():
                self.end()
                return
        raise Violation(f"still busy after {MAX_STEPS} pieces of work")

    def _work(self, work: Work) -> None:
        line, message = work
        message.taken = True
        message.receives += 1
        self._running.append(work)
        with self.calls.process(line.name):
            try:
                line.handle(message.body)
            except (Killed, Exception) as exc:
                self.calls.note(f"died: {type(exc).__name__}")
                line.failed(message, self.clock.now())
            else:
                line.done(message)
        message.taken = False
        self._running.pop()

    def _time_passes(self) -> bool:
        shows = [at for line in self.lines if (at := line.next_at()) is not None]
        shows += [at for at, _ in self.outside.schedules.values()]
        due = [each.next_attempt_at for each in self._due() if each.next_attempt_at is not None]
        if due:
            shows.append(self._next_useful_sweep(min(due)))
        if not shows:
            return False
        self.clock.advance(seconds=max(0.0, (min(shows) - self.clock.now()).total_seconds()))
        if self.clock.now() >= self._next_sweep:
            self._next_sweep += self.sweeps_every
            self._sweep()
        self.outside.fire()
        return True

    def _next_useful_sweep(self, due: datetime) -> datetime:
        """The next pass that could find something: those before would only take time."""
        passes = math.ceil((due - self._next_sweep) / self.sweeps_every)
        self._next_sweep += max(0, passes) * self.sweeps_every
        return self._next_sweep

    def _due(self) -> list[Delivery]:
        return [each for each in self.deliveries.deliveries.values() if each.next_attempt_at is not None]

    def _disturb(self, fault: Fault) -> None:
        """Other workers do what waits: the same message once more, or everything else."""
        if len(self._running) > 1:
            return
        now = self.clock.now()
        if fault in (Fault.TWICE_BEFORE, Fault.TWICE_AFTER):
            line, message = self._running[-1]
            self._work((line, line.copy_of(message, now)))
            return
        for line in self.lines:
            for message in line.ready(now):
                self._work((line, message))

    @staticmethod
    def _error_of(call: Call) -> Exception:
        return StoreConflict("injected") if (call.port, call.method) in _WRITES else Unreachable("injected")

    # What must hold.

    def _check_overdue(self) -> None:
        for delivery in self._due():
            assert delivery.next_attempt_at is not None
            late = self.clock.now() - delivery.next_attempt_at
            self.latest = max(self.latest, late)
            insist(late <= LATEST, f"{delivery.id[-4:]} is overdue by {late}")

    def end(self) -> None:
        """All is quiet: everything arrived or was given up, and what was sent was signed and of one event."""
        insist(not self.asking.waiting, "somebody was never answered")
        for posted in self.endpoints.all(TENANT):
            for event in self.events:
                self._check_arrived(posted.endpoint, event)
        for url, headers, body in self.receivers.sent:
            told = json.loads(body)
            insist(verify(body, headers, self._made[url], now=_time_in(headers)).event_id == told["id"], "a wrong id")

    def _check_arrived(self, endpoint: Endpoint, event: PublicEvent) -> None:
        found = self.deliveries.find(TENANT, endpoint.id, delivery_id(endpoint.id, event.id))
        name = f"{event.id[-4:]} to {endpoint.url}"
        insist(found is not None, f"{name} was lost")
        if found is None:
            return
        sent = Counter(headers["webhook-id"] for url, headers, _ in self.receivers.sent if url == endpoint.url)
        insist(found.status != "pending", f"{name} is still pending")
        insist(found.status != "delivered" or sent[event.id] > 0, f"{name} was never sent")
        insist(found.failed_because != "exhausted" or sent[event.id] >= 10, f"{name} was given up early")
        insist(found.failed_because in (None, "exhausted", "gone", "endpoint_disabled"), f"{name}: {found}")


def _time_in(headers: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)


Scenario = Callable[[WebhookSystem], None]
SCENARIOS: Final[dict[str, Scenario]] = {}


def scenario(begin: Scenario) -> Scenario:
    """Register a scenario under its name."""
    SCENARIOS[begin.__name__] = begin
    return begin


@scenario
def delivered_at_once(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", 200)
    system.happen()


@scenario
def delivered_at_the_third_try(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", Response(None, 15_000, error="timed_out"), 500, 200)
    system.happen()


@scenario
def never_taken(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", 500)
    system.happen()


@scenario
def asked_to_come_back_in_an_hour(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", Response(429, 5, retry_after_s=3_600), 200)
    system.happen()


@scenario
def gone_in_the_middle_of_a_retry(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", 500, 410)
    system.happen()


@scenario
def one_of_two_is_down(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", 500, 503, 200)
    system.endpoint("https://b.example/", 200)
    system.happen(2)


@scenario
def no_more_than_one_a_second(system: WebhookSystem) -> None:
    system.endpoint("https://a.example/", 200, rate_limit=1)
    system.happen(3)


@scenario
def retried_by_hand(system: WebhookSystem) -> None:
    endpoint = system.endpoint("https://a.example/", 500, 500, 200)
    system.happen()
    known = delivery_id(endpoint.id, system.events[0].id)

    def ask() -> None:
        system.want("retry", lambda _, read: read.retry(TENANT, endpoint.id, known, None))

    system.later(ask, timedelta(minutes=2))


@scenario
def disabled_enabled_recovered_and_replayed(system: WebhookSystem) -> None:
    endpoint = system.endpoint("https://a.example/", 500, 200)
    start = system.clock.now()
    system.happen()

    def switch_off() -> None:
        system.want("disable", lambda manage, _: manage.disable(TENANT, endpoint.id, BY))
        system.later(system.happen, timedelta(minutes=3))

    def switch_on() -> None:
        system.want("enable", lambda manage, _: manage.enable(TENANT, endpoint.id, BY))
        system.later(recover, timedelta(minutes=10))

    def recover() -> None:
        system.want("recover", lambda _, read: read.begin("recover", TENANT, endpoint.id, start, BY))
        system.want("replay", lambda _, read: read.begin("replay_missing", TENANT, endpoint.id, start, BY))

    system.later(switch_off, timedelta(seconds=2))
    system.later(switch_on, timedelta(minutes=20))


def play(name: str, choices: Choices, kind: type[WebhookSystem] = WebhookSystem) -> WebhookSystem:
    """One run of a scenario to its quiet end. Raises Violation, with its story."""
    system = kind(choices)
    try:
        SCENARIOS[name](system)
        system.until_quiet()
    except Violation as violation:
        violation.story = f"{name}, {choices}\n{system.calls.told(_LAST_LINES)}"
        raise
    return system


def every_fault(name: str, faults: Sequence[Fault], kind: type[WebhookSystem] = WebhookSystem) -> int:
    """A run for each of ``faults`` at each call that the undisturbed scenario makes; how many there were."""
    calls = play(name, Plan()).calls.count
    plans = [Plan({index: fault}) for index, fault in product(range(calls), faults)]
    for plan in plans:
        play(name, plan, kind)
    return len(plans)


def at_random(seed: int) -> WebhookSystem:
    """The run of a seed: a scenario in any order, with up to a dozen faults, lateness not counted."""
    dice = Dice(seed)
    return play(dice.random.choice(sorted(SCENARIOS)), dice, Unhurried)


class Unhurried(WebhookSystem):
    """Of many faults together only that nothing is lost can be asked."""

    def _check_overdue(self) -> None:
        return


class NobodySweeps(WebhookSystem):
    """A planted mistake: nobody looks for what is overdue."""

    def _sweep(self) -> None:
        return


class TakenOutTooEarly(WebhookSystem):
    """A planted mistake: a letter is out of its queue as soon as somebody has it."""

    line_of_letters = Forgetful


class NextTryForgotten(WebhookSystem):
    """A planted mistake: nothing that waits for later comes."""

    def __init__(self, choices: Choices) -> None:
        super().__init__(choices)
        self.outside = Deaf(self)


class Deaf(Outside):
    """Forgets what it was given for later."""

    def later(self, letter: Letter, at: datetime, now: datetime, lane: Lane = "patient") -> None:
        return
