"""Conflicts, throttles and lost answers on every transaction of every step: nobody hears of them, nothing is doubled.

moto raises none of them, so they are injected at the client; each scenario is run once to count its transactions, and
then with each of them in trouble, once and many times in a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import stripe
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Refund

from tests.integration.conftest import World
from tests.integration.test_money_path import deliver_news, post, refund_event, webhook
from tests.support.store_faults import TROUBLES, FaultyTransactions

IN_A_ROW = 15
"""Fewer than the 20 tries that every use case makes."""


class Shop:
    """A world whose transactions can be troubled, and the steps that a test takes in it."""

    def __init__(self, world: World, faults: FaultyTransactions) -> None:
        self.world = world
        self.faults = faults
        self.charge = ""
        self.opened: list[str] = []
        self._client = stripe.StripeClient(world.sandbox.test_key, base_addresses={"api": world.sandbox.url})

    def begin(self) -> None:
        """A fresh charge of 5,000, a minute later."""
        self.world.clock.advance(minutes=1)
        self.charge, self.opened = self.world.charge()["id"], []

    def arm_refunds(self, kind: str) -> None:
        self.world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": kind, "times": 1})

    def open(self, amount: int = 2000, headers: dict[str, str] | None = None) -> str:
        status, envelope, _ = post(self.world, self.charge, amount, headers=headers or {})
        assert status == 201, envelope
        self.opened.append(envelope["data"]["id"])
        return self.opened[-1]

    def execute(self) -> None:
        assert self.world.execute(self.opened[-1]) == {"batchItemFailures": []}

    def cancel(self) -> None:
        status, envelope, _ = self.world.call("POST", f"/v1/refunds/{self.opened[-1]}/cancel")
        assert (status, envelope["data"]["status"]) == (200, "cancelled")

    def news(self, kind: str = "refund.updated") -> None:
        assert webhook(self.world, refund_event(self.charge, kind))[0] == 200
        assert deliver_news(self.world) == [{"batchItemFailures": []}]

    def moves(self, status: str) -> None:
        """Stripe moves the charge's only refund."""
        (seen,) = self.at_stripe()
        self.world.stripe("POST", f"/_sandbox/refunds/{seen['id']}", {"status": status})

    def made_outside(self) -> None:
        self._client.v1.refunds.create({"charge": self.charge, "amount": 1200})

    def at_stripe(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.world.stripe("GET", f"/_sandbox/refunds?charge={self.charge}")["data"]
        return rows

    def heads(self) -> list[Refund]:
        """All our refunds of the charge, those made outside included."""
        shown = self.world.call("GET", "/v1/refunds?limit=5")[1]["data"]
        ids = {refund["id"] for refund in shown if refund["transactionId"] == self.charge} | set(self.opened)
        found = [self.world.container.refunds.head(self.world.tenant, refund_id) for refund_id in sorted(ids)]
        return [head for head in found if head is not None]

    def check(self, expected: dict[str, int]) -> None:
        """The books are right, here and at Stripe, and every refund ended as ``expected``: statuses and how many."""
        heads = self.heads()
        assert Counter(head.status for head in heads) == expected
        connection = self.world.container.connections.of(self.world.tenant, "stripe")
        assert connection is not None
        transaction = TransactionRef("stripe", connection.account_id, self.charge)
        ledger = self.world.container.refunds.ledger(self.world.tenant, transaction)
        assert ledger is not None
        completed = sum(head.money.amount_minor for head in heads if head.status == "completed")
        assert (ledger.reserved_minor, ledger.refunded_minor, ledger.elsewhere_minor) == (0, completed, 0)
        held = [seen for seen in self.at_stripe() if seen["status"] == "succeeded"]
        assert sum(seen["amount"] for seen in held) == completed
        assert len(held) == expected.get("completed", 0)
        names = Counter(seen["metadata"].get("refundkit_refund_id", seen["id"]) for seen in self.at_stripe())
        assert set(names.values()) <= {1}, "paid twice"
        for head in heads:
            events = self.world.container.refunds.timeline(self.world.tenant, head.id)
            assert [event.version for event in events] == list(range(1, head.version + 1))
            public = Counter(event.type for event in events if event.public)
            assert set(public.values()) == {1}, public


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(world.container.ids, "pause", lambda _attempt: None)
    faults = FaultyTransactions(world.container.client("dynamodb"))
    yield Shop(world, faults)
    faults.remove()


Step = Callable[[Shop], Any]


def _keyless(shop: Shop) -> None:
    shop.open()


def _keyed(shop: Shop) -> None:
    headers = {"Idempotency-Key": f"key-{shop.charge}"}
    assert shop.open(headers=headers) == shop.open(headers=headers)


def _looked_at(shop: Shop) -> None:
    """Its ledger stands already; a refund of nothing that is left is refused after the look."""
    assert post(shop.world, shop.charge, 5001)[0] == 422


def _opened(shop: Shop) -> None:
    shop.open()


def _declined(shop: Shop) -> None:
    """A refund that Stripe refuses for good: its charge was refunded by others meanwhile, and nobody told us."""
    shop.open(5000)
    shop.made_outside()


def _executed(shop: Shop) -> None:
    shop.open()
    shop.execute()


def _submitted(shop: Shop) -> None:
    shop.arm_refunds("refund_pending")
    _executed(shop)


def _unanswered(shop: Shop) -> None:
    shop.arm_refunds("drop_after")
    shop.open()


def _answer_lost(shop: Shop) -> None:
    shop.arm_refunds("drop_after")
    _executed(shop)


def _succeeds(shop: Shop) -> None:
    _submitted(shop)
    shop.moves("succeeded")


def _fails_late(shop: Shop) -> None:
    _executed(shop)
    shop.moves("failed")


def _requires_action(shop: Shop) -> None:
    shop.arm_refunds("refund_requires_action")
    _executed(shop)


SCENARIOS: dict[str, tuple[Step, Step, dict[str, int]]] = {
    "open, no key": (_looked_at, _keyless, {"completed": 1}),
    "open, a key, twice": (_looked_at, _keyed, {"completed": 1}),
    "open, never seen before": (lambda _shop: None, _keyless, {"completed": 1}),
    "execute": (_opened, Shop.execute, {"completed": 1}),
    "execute, declined": (_declined, Shop.execute, {"failed": 1, "completed": 1}),
    "execute, answer lost": (_unanswered, Shop.execute, {"completed": 1}),
    "cancel": (_opened, Shop.cancel, {"cancelled": 1}),
    "cancel, at Stripe": (_requires_action, Shop.cancel, {"cancelled": 1}),
    "webhook, after a lost answer": (_answer_lost, Shop.news, {"completed": 1}),
    "webhook, succeeded": (_succeeds, Shop.news, {"completed": 1}),
    "webhook, failed late": (_fails_late, Shop.news, {"failed": 1}),
    "webhook, made outside": (Shop.made_outside, Shop.news, {"completed": 1}),
}


def _finish(shop: Shop) -> None:
    """What the stream and the queues bring about sooner or later: execution, the sweep, and webhooks."""
    for _ in range(3):
        if any(head.holds_reservation for head in shop.heads()):
            shop.world.sweep_and_work(minutes=5)
    shop.news()


def _run(shop: Shop, scenario: str, trouble: str | None, first: int, times: int) -> tuple[int, int]:
    """One run; how many transactions its step made, and how many of them were struck."""
    before, step, expected = SCENARIOS[scenario]
    shop.begin()
    before(shop)
    shop.faults.arm(trouble, first, times)
    step(shop)
    counted = shop.faults.made, shop.faults.struck
    shop.faults.disarm()
    _finish(shop)
    shop.check(expected)
    return counted


def _try_all(shop: Shop, scenario: str, troubles: Iterable[str], times: int) -> None:
    writes, _ = _run(shop, scenario, None, 1, 0)
    for trouble in troubles:
        for first in range(1, writes + 1):
            try:
                _, struck = _run(shop, scenario, trouble, first, times)
            except AssertionError as failed:
                failed.add_note(f"{trouble}, transaction {first} of {writes}, {times} times")
                raise
            assert struck >= 1


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_trouble_of_the_store_surfaces_or_doubles_anything(shop: Shop, scenario: str) -> None:
    """Two are enough every day: to the use cases all troubles look like one or the other (see below)."""
    _try_all(shop, scenario, ["conflict"], 1)
    _try_all(shop, scenario, ["lost, read timeout"], IN_A_ROW)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, IN_A_ROW])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_none_of_all_troubles_surfaces_or_doubles_anything(shop: Shop, scenario: str, times: int) -> None:
    _try_all(shop, scenario, TROUBLES, times)


def test_every_trouble_is_a_conflict_to_the_use_cases(shop: Shop) -> None:
    table = shop.world.container.table
    for trouble in TROUBLES:
        shop.faults.arm(trouble)
        with pytest.raises(StoreConflict):
            table.transact([table.put_op({"pk": trouble, "sk": "tried"}, "attribute_not_exists(pk)")])


def test_a_single_write_without_an_answer_is_a_conflict_to_the_use_cases(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = iter([ReadTimeoutError(endpoint_url="x"), ConnectTimeoutError(endpoint_url="x")])

    def unanswered(*_call: Any) -> Any:
        raise next(lost)

    monkeypatch.setattr(world.container.client("dynamodb"), "_make_api_call", unanswered)

    for _ in range(2):
        with pytest.raises(StoreConflict):
            world.container.table.put({"pk": "tried", "sk": "tried"}, "attribute_not_exists(pk)")
