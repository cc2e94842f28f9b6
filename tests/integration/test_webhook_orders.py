"""Webhooks in every order, early, late and twice, around our own write of the result: one final state, counted once.

A worker applies what Stripe showed when it looked, however much later that is. So each delivery is taken apart into its
look (in the order in which Stripe's refund changes) and the writing down of what was seen (in every order after that).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Refund

from tests.integration.conftest import World
from tests.integration.test_money_path import deliver_news, refund_event, webhook
from tests.support.moto_state import Kept

LATE_FAILURE = (
    ("refund.created", None),
    ("refund.updated", None),  # still pending
    ("refund.updated", "succeeded"),
    ("refund.failed", "failed"),
)
"""The webhooks of one refund, and what Stripe moves it to before each; it is made pending."""

SUCCESS = LATE_FAILURE[:3]
Moves = tuple[tuple[str, str | None], ...]
Course = tuple[tuple[str, int], ...]
"""("look", n) and ("write", n) for each webhook n."""


def courses(count: int) -> Iterator[Course]:
    """Every course of ``count`` webhooks: looks in Stripe's order, each write at any time after its look."""

    def further(looked: int, open_: frozenset[int], so_far: Course) -> Iterator[Course]:
        if looked == count and not open_:
            yield so_far
        if looked < count:
            yield from further(looked + 1, open_ | {looked}, (*so_far, ("look", looked)))
        for one in sorted(open_):
            yield from further(looked, open_ - {one}, (*so_far, ("write", one)))

    return further(0, frozenset(), ())


class Post:
    """Stripe's webhooks of one charge, delivered through the real handlers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._look: Any = world.container.look
        self._refresh = self._look._refresh
        self._client = stripe.StripeClient(world.sandbox.test_key, base_addresses={"api": world.sandbox.url})
        self.charge = ""
        self._had = Kept.taken()

    def begin(self) -> None:
        """A fresh charge of 5,000, a minute later, with what was stored at first."""
        self._had.put_back()
        self.world.clock.advance(minutes=1)
        self.charge = self.world.charge()["id"]

    def arm(self, kind: str) -> None:
        fault = {"operation": "refunds.create", "kind": kind, "times": 1}
        self.world.stripe("POST", "/_sandbox/faults", fault)

    def made_outside(self) -> None:
        self.arm("refund_pending")
        self._client.v1.refunds.create({"charge": self.charge, "amount": 2000})

    def at_stripe(self) -> dict[str, Any]:
        """The charge's only refund there."""
        (seen,) = self.world.stripe("GET", f"/_sandbox/refunds?charge={self.charge}")["data"]
        found: dict[str, Any] = seen
        return found

    def deliver(self, kind: str) -> None:
        assert webhook(self.world, refund_event(self.charge, kind))[0] == 200
        assert deliver_news(self.world) == [{"batchItemFailures": []}]

    def take(self, moves: Moves, course: Course) -> None:
        """Let Stripe move its refund and the workers look and write as ``course`` says; then everything comes again."""
        world, seen = self.world, {}
        connection = world.container.connections.of(world.tenant, "stripe")
        assert connection is not None
        processor = world.container.processors.connect(connection)
        for act, number in course:
            kind, status = moves[number]
            if act == "look":
                if status is not None:
                    world.stripe("POST", f"/_sandbox/refunds/{self.at_stripe()['id']}", {"status": status})
                seen[number] = self._refresh(connection, processor, self.charge, None, self._look._stored)
                continue
            self._look._refresh = lambda *_, found=seen[number]: found
            try:
                self.deliver(kind)
                self.deliver(kind)
            finally:
                self._look._refresh = self._refresh

    def refunds(self) -> list[Refund]:
        """Our refunds of the charge."""
        shown = self.world.call("GET", "/v1/refunds?limit=5")[1]["data"]
        ids = [refund["id"] for refund in shown if refund["transactionId"] == self.charge]
        found = [self.world.container.refunds.head(self.world.tenant, refund_id) for refund_id in ids]
        return [head for head in found if head is not None]

    def check(self, final: str) -> None:
        """At most one refund of ours, in the state ``final``; each public event once; the money counted once."""
        heads = self.refunds()
        assert [head.status for head in heads] in ([final], [] if final == "failed" else [final])
        for head in heads:
            events = self.world.container.refunds.timeline(self.world.tenant, head.id)
            assert [event.version for event in events] == list(range(1, head.version + 1))
            public = Counter(event.type for event in events if event.public)
            assert set(public.values()) == {1}, public
        connection = self.world.container.connections.of(self.world.tenant, "stripe")
        assert connection is not None
        reference = TransactionRef("stripe", connection.account_id, self.charge)
        ledger = self.world.container.refunds.ledger(self.world.tenant, reference)
        assert ledger is not None
        sums = (ledger.reserved_minor, ledger.refunded_minor, ledger.elsewhere_minor, ledger.available_minor)
        assert sums == ((0, 2000, 0, 3000) if final == "completed" else (0, 0, 0, 5000))
        assert self.at_stripe()["status"] == ("succeeded" if final == "completed" else "failed")


@pytest.fixture
def mail(world: World, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(world.container.ids, "pause", lambda _attempt: None)
    return Post(world)


def _written_before(mail: Post, webhooks: Callable[[], None]) -> None:
    """Stripe's answer is written down, then the webhooks come."""
    mail.arm("refund_pending")
    mail.world.execute(mail.world.refund(mail.charge)["id"])
    webhooks()


def _answer_lost(mail: Post, webhooks: Callable[[], None]) -> None:
    """No answer comes: the webhooks tell what became of the refund."""
    opened = mail.world.refund(mail.charge)["id"]
    mail.arm("refund_pending")
    mail.arm("drop_after")
    mail.world.execute(opened)
    assert mail.world.shown(opened)["statusDetail"] == "outcome_unknown"
    webhooks()


def _written_after(mail: Post, webhooks: Callable[[], None]) -> None:
    """The answer is slow: all the webhooks come between Stripe's deed and our writing it down."""
    world = mail.world
    connection = world.container.connections.of(world.tenant, "stripe")
    assert connection is not None
    processor: Any = world.container.processors.connect(connection)
    pay = processor.refund

    def slow(order: Any) -> Any:
        answer = pay(order)
        webhooks()
        return answer

    opened = world.refund(mail.charge)["id"]
    mail.arm("refund_pending")
    processor.refund = slow
    try:
        world.execute(opened)
    finally:
        processor.refund = pay


def _outside(mail: Post, webhooks: Callable[[], None]) -> None:
    """Somebody made the refund in Stripe's dashboard."""
    mail.made_outside()
    webhooks()


ORIGINS = {
    "written before": _written_before,
    "answer lost": _answer_lost,
    "written after": _written_after,
    "made outside": _outside,
}


def _try(mail: Post, origin: str, moves: Moves, final: str, course: Course) -> None:
    mail.begin()
    try:
        ORIGINS[origin](mail, lambda: mail.take(moves, course))
        for kind, _ in reversed(moves):
            mail.deliver(kind)
        mail.check(final)
    except AssertionError as failed:
        failed.add_note(" ".join(f"{act} {number}" for act, number in course))
        raise


@pytest.mark.parametrize("origin", ORIGINS)
def test_success_is_told_once_in_whatever_order_webhooks_come(mail: Post, origin: str) -> None:
    for course in list(courses(len(SUCCESS)))[::4]:
        _try(mail, origin, SUCCESS, "completed", course)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_late_failure_beats_success_in_whatever_order_webhooks_come(mail: Post, origin: str) -> None:
    for course in list(courses(len(LATE_FAILURE)))[::26]:
        _try(mail, origin, LATE_FAILURE, "failed", course)


@pytest.mark.slow
@pytest.mark.parametrize("origin", ORIGINS)
def test_no_order_of_all_changes_the_end(mail: Post, origin: str) -> None:
    for moves, final in ((SUCCESS, "completed"), (LATE_FAILURE, "failed")):
        for course in courses(len(moves)):
            _try(mail, origin, moves, final, course)


def test_there_are_as_many_courses_as_there_should_be() -> None:
    assert [len(set(courses(count))) for count in (1, 2, 3, 4)] == [1, 3, 15, 105]
    assert {act for course in courses(2) for act, _ in course} == {"look", "write"}
