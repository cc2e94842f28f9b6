"""Send deliveries to their endpoints, note what came of each, and have the next try come in time.

A letter is taken out of its queue only after what came of it is stored and, where it has to be tried again, after the
letter of the next try is put. Whatever dies in between comes again, is seen to be old, and has the next try put again:
a receiver may get an event twice, always under the same id, and never not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from refundkit.webhook_signature import sign

from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.application.dispatch_event import delivery_of, letter_of
from refundkit_core.domain.deliveries import Attempt, Delivery, after_attempt, delivery_id, given_up
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.event_versions import payload_as_of
from refundkit_core.domain.times import iso
from refundkit_core.domain.webhooks import (
    MOST_WORKERS,
    SLOW_FOR,
    SLOW_FROM_MS,
    Endpoint,
    Health,
    disabled,
    of_disabling,
)

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock, Ids
    from refundkit_core.application.webhook_ports import (
        DeliveryQueue,
        DeliveryStore,
        Desk,
        EndpointStore,
        Gates,
        Lane,
        Letter,
        Pass,
        Posted,
        PublicEvent,
    )
    from refundkit_core.application.webhook_sender import Response, WebhookSender
    from refundkit_core.domain.deliveries import FailedBecause

Outcome = Literal["delivered", "tried", "failed", "old", "waits", "moved", "dropped", "conflict"]

MOST_AT_ONCE: Final = 10
MAX_BODY_BYTES: Final = 20_000
_PUT_OFF_S: Final[Mapping[Lane, float]] = MappingProxyType({"prompt": 0.5, "patient": 5.0})
_WORKERS: Final[Mapping[Lane, int]] = MappingProxyType({"prompt": MOST_WORKERS, "patient": MOST_WORKERS // 2})
_AGENT: Final = "RefundKit-Webhooks/1.0"


class Tried(NamedTuple):
    """What came of one letter; ``status`` and ``error`` are those of the attempt, where one was made."""

    letter: Letter
    outcome: Outcome
    status: int | None = None
    error: str | None = None


class _Ready(NamedTuple):
    letter: Letter
    delivery: Delivery
    body: bytes


class DeliverWebhooks:
    """The use case behind the deliveries' queues. ``chance`` gives numbers in [0, 1) for jitter."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        endpoints: EndpointStore,
        gates: Gates,
        queue: DeliveryQueue,
        sender: WebhookSender,
        chance: Callable[[], float],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._deliveries = deliveries
        self._endpoints = endpoints
        self._gates = gates
        self._queue = queue
        self._sender = sender
        self._chance = chance
        self._clock = clock
        self._auditor = Auditor(clock, ids)

    def __call__(self, lane: Lane, letters: Sequence[Letter]) -> Sequence[Tried]:
        """Try a batch of letters, all at the same time, and say what came of each.

        An outcome of ``conflict`` means that this letter has to come again: what became of it could not be stored.
        """
        desk = self._deliveries.desk(letters)
        by_endpoint = sorted(letters, key=lambda letter: letter.endpoint_id)
        results: list[Tried] = []
        admitted: list[tuple[Pass, Posted, list[_Ready]]] = []
        for endpoint_id, group in groupby(by_endpoint, key=lambda letter: letter.endpoint_id):
            posted = desk.endpoints.get(endpoint_id)
            ready = self._sorted_out(lane, posted, list(group), desk, results)
            if posted is not None and ready:
                admitted += self._admitted(lane, posted, ready, results)
        self._send(admitted, results)
        return results

    def _sorted_out(
        self, lane: Lane, posted: Posted | None, letters: list[Letter], desk: Desk, results: list[Tried]
    ) -> list[_Ready]:
        """The letters that can be sent now; of the others ``results`` hears what became of them."""
        ready: list[_Ready] = []
        for letter in dict.fromkeys(letters):
            known = desk.deliveries.get(delivery_id(letter.endpoint_id, letter.event_id))
            try:
                found = self._judged(lane, posted, letter, known, desk.events.get(letter.event_id))
            except StoreConflict:
                found = "conflict"
            if isinstance(found, _Ready):
                ready.append(found)
            else:
                results.append(Tried(letter, found))
        return ready

    def _judged(
        self, lane: Lane, posted: Posted | None, letter: Letter, known: Delivery | None, event: PublicEvent | None
    ) -> _Ready | Outcome:
        now, delivery = self._clock.now(), delivery_of(letter, known)
        if delivery.version != letter.version or delivery.status != "pending":
            if delivery.next_attempt_at is not None:  # the letter of its next try may have been lost with a worker
                self._queue.later(letter_of(delivery), delivery.next_attempt_at, now)
            return "old"
        if posted is None or not posted.endpoint.is_enabled:
            return self._dropped(known, delivery, "endpoint_disabled")
        if delivery.next_attempt_at is not None and delivery.next_attempt_at > now:
            self._queue.later(letter, delivery.next_attempt_at, now)
            return "waits"
        body = body_of(posted.endpoint, delivery, event)
        if body is None:
            return self._dropped(known, delivery, "event_forgotten")
        if len(body) > MAX_BODY_BYTES:
            return self._dropped(known, delivery, "too_large")
        if lane == "prompt" and posted.health.is_troubled(now):
            self._queue.put("patient", [letter])
            return "moved"
        return _Ready(letter, delivery, body)

    def _dropped(self, known: Delivery | None, delivery: Delivery, because: FailedBecause) -> Outcome:
        self._deliveries.put(known, given_up(delivery, because))
        return "dropped"

    def _admitted(
        self, lane: Lane, posted: Posted, ready: list[_Ready], results: list[Tried]
    ) -> list[tuple[Pass, Posted, list[_Ready]]]:
        """Those whose turn it is; the others come again when it is theirs."""
        now = self._clock.now()
        newcomers = [each for each in ready if not each.letter.has_turn]
        taken = self._gates.enter(posted.endpoint, len(newcomers), now, _WORKERS[lane])
        if taken is None:
            for each in ready:
                wait = timedelta(seconds=_PUT_OFF_S[lane] * (1 + self._chance()))
                self._put_off(lane, each.letter, now + wait, results)
            return []
        turns = dict(zip((each.letter for each in newcomers), taken.turns, strict=True))
        late = {letter: turn for letter, turn in turns.items() if turn > now}
        for letter, turn in late.items():
            self._put_off(lane, letter._replace(has_turn=True), turn, results)
        return [(taken, posted, [each for each in ready if each.letter not in late])]

    def _put_off(self, lane: Lane, letter: Letter, at: datetime, results: list[Tried]) -> None:
        """Behind others of its endpoint, which does well where this is the prompt lane: a letter stays in its own."""
        self._queue.later(letter, at, self._clock.now(), lane)
        results.append(Tried(letter, "waits"))

    def _send(self, admitted: list[tuple[Pass, Posted, list[_Ready]]], results: list[Tried]) -> None:
        """Send everything at the same time; each result is stored when it is there, none waits for a slower one."""
        with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
            under_way: dict[Future[tuple[Attempt, int | None]], tuple[int, _Ready]] = {
                pool.submit(self._attempt, posted.endpoint, each): (number, each)
                for number, (_, posted, ready) in enumerate(admitted)
                for each in ready
            }
            left = [len(ready) for _, _, ready in admitted]
            made: list[list[Attempt]] = [[] for _ in admitted]
            for number in (number for number, count in enumerate(left) if count == 0):
                self._left(*admitted[number][:2], made[number])
            for done in as_completed(under_way):
                number, each = under_way[done]
                attempt, retry_after_s = done.result()
                made[number].append(attempt)
                results.append(self._noted(each, attempt, retry_after_s))
                left[number] -= 1
                if left[number] == 0:
                    self._left(*admitted[number][:2], made[number])

    def _attempt(self, endpoint: Endpoint, ready: _Ready) -> tuple[Attempt, int | None]:
        at = self._clock.now()
        headers = headers_of(endpoint, ready.delivery, ready.body, at)
        response: Response = self._sender.post(endpoint.url, headers, ready.body)
        attempt = Attempt(at, response.status, response.latency_ms, response.error, response.body)
        return attempt, response.retry_after_s

    def _noted(self, ready: _Ready, attempt: Attempt, retry_after_s: int | None) -> Tried:
        after = after_attempt(ready.delivery, attempt, self._chance(), retry_after_s)
        before = ready.delivery if ready.delivery.version else None
        outcome: Outcome = "tried"
        try:
            self._deliveries.put(before, after)
            if after.next_attempt_at is not None:
                self._queue.later(letter_of(after), after.next_attempt_at, self._clock.now())
            elif after.status == "delivered":
                outcome = "delivered"
            else:
                outcome = "failed"
        except StoreConflict:  # a twin of the letter was faster, or no answer came: the next look will tell
            outcome = "conflict"
        return Tried(ready.letter, outcome, attempt.status, attempt.error)

    def _left(self, taken: Pass, posted: Posted, attempts: Sequence[Attempt]) -> None:
        after = health_after(posted.health, attempts)
        self._gates.leave(taken, posted.health, after)
        if any(attempt.status == 410 for attempt in attempts):
            self._disable(posted.endpoint, "gone", after)
        elif attempts and after.is_given_up(self._clock.now()):
            self._disable(posted.endpoint, "failing", after)

    def _disable(self, endpoint: Endpoint, because: Literal["gone", "failing"], health: Health) -> None:
        after = disabled(endpoint, because, self._clock.now())
        entry = self._auditor.entry(BY_PROGRAM, "webhooks disable", endpoint.id, endpoint.tenant)
        try:
            self._endpoints.change(endpoint, after, entry, of_disabling(after, health.failing_since))
        except StoreConflict:  # somebody changes it just now: the next failure disables it
            return


def health_after(before: Health, attempts: Iterable[Attempt]) -> Health:
    """How an endpoint is doing after a batch: one success ends a failure, one long wait makes it slow for a while."""
    made = list(attempts)
    if not made:
        return before
    arrived = any(attempt.is_success for attempt in made)
    failing_since = None if arrived else before.failing_since or made[0].at
    slow = [attempt.at + SLOW_FOR for attempt in made if attempt.latency_ms >= SLOW_FROM_MS]
    return Health(failing_since, max(slow, default=before.slow_until))


def body_of(endpoint: Endpoint, delivery: Delivery, event: PublicEvent | None) -> bytes | None:
    """What is sent: document 002's payload, in the shape of the endpoint's version. None: the event is forgotten."""
    payload: Mapping[str, Any]
    if delivery.sample is not None:
        payload = delivery.sample
    elif event is not None:
        payload = payload_as_of(event.type, event.payload, event.api_version, endpoint.api_version)
    else:
        return None
    told = {
        "id": delivery.event_id,
        "type": delivery.event_type,
        "created": iso(delivery.created_at),
        "apiVersion": endpoint.api_version,
        "data": payload,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(endpoint: Endpoint, delivery: Delivery, body: bytes, at: datetime) -> dict[str, str]:
    """The headers of one attempt: the owner's own first, which can replace none of ours."""
    ours = {
        "content-type": "application/json",
        "user-agent": _AGENT,
        "x-refundkit-delivery": delivery.id,
        **sign(body, event_id=delivery.event_id, at=at, secrets=endpoint.signing(at)),
    }
    if delivery.sample is not None:
        ours["x-refundkit-sample"] = "true"
    return {**endpoint.headers, **ours}
