"""Real SIGKILLs in the middle of deliveries: while a receiver hangs, and when it has answered to nobody any more."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Event, Lock
from typing import Any

import pytest
from refundkit_core.domain.times import parse_iso

from local.stack import Stack
from tests.e2e.books import Books, kill, worker_processes
from tests.e2e.merchant import Merchant, eventually
from tests.e2e.subscriber import Subscriber, event_in
from tests.e2e.test_kills import died_at_work
from tests.support.webhook_receiver import Turn, WebhookReceiver, status

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,  # a letter whose worker died is seen again after a minute
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers in /proc"),
]

DEATHS = ("hanging", "answered")
"""All of them within the minute in which nothing comes again that died: no letter then dies twice."""
REFUNDS = 3
"""In a burst; one is made for each death, and another where it brings nobody to the receiver."""
MOST_BURSTS = 4
BURST_LASTS_S = 6.0
STEPS = ("initiated", "processing", "completed")
LATE = timedelta(minutes=2)


class Killer:
    """The answer of a receiver that has whoever sends to it killed, once."""

    def __init__(self, stack: Stack, manner: str) -> None:
        self._stack = stack
        self._strike = {"hanging": self._while_it_hangs, "answered": self._once_it_is_answered}[manner]
        self._lock = Lock()
        self.struck = Event()
        self.victim: str | None = None
        """The id of the event that was on its way."""

    def __call__(self, turn: Turn) -> None:
        with self._lock:
            if self.victim is None:
                self.victim = turn.request.headers["webhook-id"]
                self._strike(turn)
                self.struck.set()
                return
        status(200)(turn)

    def _while_it_hangs(self, _turn: Turn) -> None:
        for pid in self._senders():
            kill(pid)

    def _once_it_is_answered(self, turn: Turn) -> None:
        """It is stopped first: it has the answer, and does nothing with it any more."""
        for pid in self._senders():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        status(200)(turn)
        self._while_it_hangs(turn)

    def _senders(self) -> list[int]:
        return [pid for pid, name in worker_processes(self._stack).items() if "DeliverWebhook" in name]


class Victim(Subscriber):
    """An endpoint whose sender is killed, and what it has to get."""

    def __init__(self, stack: Stack, merchant: Merchant, receiver: WebhookReceiver, number: int) -> None:
        self.manner = DEATHS[number]
        self.killer = Killer(stack, self.manner)
        receiver.answers(f"/{number}", self.killer)
        super().__init__(merchant, receiver, f"/{number}", ["refund.*"])
        self.awaited: set[tuple[str, str]] = set()

    def delivered(self) -> list[dict[str, Any]]:
        """What its log says has arrived."""
        page = self.asks("GET", f"/webhook-endpoints/{self.id}/deliveries?limit=100")
        return [each for each in page if each["status"] == "delivered"]

    def has_all(self) -> bool:
        """Whether all that it waits for has arrived, by its log."""
        ids = {each["eventId"] for each in self.delivered()}
        told = [event_in(post, self.secret) for post in self.posts]
        return self.awaited <= {(each["type"], each["data"]["refundId"]) for each in told if each["id"] in ids}


def burst(merchant: Merchant, charge: str, victims: list[Victim]) -> None:
    """Some refunds, of which every endpoint has to hear."""
    refunds = [str(merchant.refund(charge, 100).body["data"]["id"]) for _ in range(REFUNDS)]
    for victim in victims:
        victim.awaited |= {(f"refund.{step}", refund) for step in STEPS for refund in refunds}


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def test_whatever_dies_every_event_arrives_within_two_minutes_and_twice_only_as_itself(
    stack: Stack, merchant: Merchant, receiver: WebhookReceiver
) -> None:
    Books(stack, merchant).admit(merchant.key, 10_000)
    charge, died_before, began = merchant.charge(), died_at_work(stack), time.monotonic()
    victims: list[Victim] = []

    for number in range(len(DEATHS)):
        victims.append(Victim(stack, merchant, receiver, number))
        for _ in range(MOST_BURSTS):  # the emulator fails batches while it notices that their workers are gone
            burst(merchant, charge, victims)
            if victims[-1].killer.struck.wait(BURST_LASTS_S):
                break
        assert victims[-1].killer.victim, f"nothing was sent to {victims[-1].path}"

    assert time.monotonic() - began < 55, "a letter may have died twice"
    assert died_at_work(stack) > died_before
    for victim in victims:
        eventually(victim.has_all, 130, lambda: str([each.delivered() for each in victims]))
        bodies: dict[str, set[bytes]] = {}
        for post in victim.posts:
            bodies.setdefault(post.headers["webhook-id"], set()).add(post.body)
        assert {len(each) for each in bodies.values()} == {1}
        times = Counter(post.headers["webhook-id"] for post in victim.posts)
        assert times[str(victim.killer.victim)] > 1
        for delivery in victim.delivered():
            arrived = parse_iso(delivery["attempts"][-1]["at"])
            assert arrived - parse_iso(delivery["createdAt"]) < LATE
