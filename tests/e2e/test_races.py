"""Races with real threads on MiniStack's DynamoDB and Stripe's sandbox: never more than was captured, never twice."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from refundkit_core.adapters.dynamodb import brakes

from tests.e2e.workers import Workers, workers_on_emulator

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_on_emulator(tmp_path_factory.mktemp("races")) as running:
        yield running


@pytest.fixture
def workers(running: Workers, monkeypatch: pytest.MonkeyPatch) -> Workers:
    """Without the limits that would keep the racers apart."""
    monkeypatch.setattr(brakes, "CALLS_A_SECOND", 1_000)
    running.admit(1_000_000)
    return running


def own_key() -> str:
    return uuid.uuid4().hex


def test_two_refunds_at_once_fit_and_a_third_is_told_what_remains(workers: Workers) -> None:
    charge = workers.charge()["id"]

    both = workers.at_once([partial(workers.refund, charge, 2000, own_key()) for _ in range(2)])
    third = workers.refund(charge, 2000, own_key())

    assert [said.status for said in both] == [201, 201]
    assert (third.status, third.code) == (422, "amount_exceeds_refundable")
    assert third.body["error"]["details"][0] == {"field": "remaining", "message": "1000"}
    assert workers.sums(charge) == (4000, 0, 1000)
    workers.at_once([partial(workers.execute, said.body["data"]["id"]) for said in both])
    assert workers.at_stripe(charge) == [2000, 2000]
    assert workers.sums(charge) == (0, 4000, 1000)


@pytest.mark.parametrize("amounts", [[600] * 50, range(600, 650)], ids=["alike", "different"])
def test_of_fifty_refunds_at_once_only_the_one_that_fits_is_opened(workers: Workers, amounts: Sequence[int]) -> None:
    """Refunds alike meet at their twins as well, different ones at the money alone."""
    charge = workers.charge(1000)["id"]

    said = workers.at_once([partial(workers.refund, charge, amount, own_key()) for amount in amounts])

    assert Counter((each.status, each.code) for each in said) == {
        (201, None): 1,
        (422, "amount_exceeds_refundable"): 49,
    }
    (opened,) = (each.body["data"] for each in said if each.status == 201)
    assert workers.sums(charge) == (opened["amount"], 0, 1000 - opened["amount"])
    workers.execute(opened["id"])
    assert workers.at_stripe(charge) == [opened["amount"]]


def test_fifty_calls_with_one_key_are_one_refund(workers: Workers) -> None:
    charge, key = workers.charge()["id"], own_key()

    said = workers.at_once([partial(workers.refund, charge, 600, key) for _ in range(50)])

    assert {each.status for each in said} == {201}
    (opened,) = {each.body["data"]["id"] for each in said}
    assert sum("idempotent-replayed" not in each.headers for each in said) == 1
    assert workers.sums(charge) == (600, 0, 4400)
    workers.at_once([partial(workers.execute, opened) for _ in range(2)])
    assert workers.at_stripe(charge) == [600]


def test_of_two_twins_without_keys_one_is_opened_and_the_other_names_it(workers: Workers) -> None:
    for _ in range(5):
        charge = workers.charge(payment_intent=True)

        said = workers.at_once(
            [partial(workers.refund, name, 2000) for name in (charge["payment_intent"], charge["id"])]
        )

        opened, refused = sorted(said, key=lambda each: each.status)
        assert (opened.status, refused.status, refused.code) == (201, 409, "refund_already_processed")
        first = {"field": "refundId", "message": opened.body["data"]["id"]}
        assert refused.body["error"]["details"] == [first]
        assert workers.sums(charge["id"]) == (2000, 0, 3000)


def test_twenty_workers_with_one_refund_pay_it_once(workers: Workers) -> None:
    charge = workers.charge()["id"]
    refund_id = workers.refund(charge, 2000).body["data"]["id"]

    answers = workers.at_once([partial(workers.execute, refund_id) for _ in range(20)])

    assert answers == [{"batchItemFailures": []}] * 20
    assert workers.at_stripe(charge) == [2000]
    assert workers.status(refund_id) == "completed"
    assert workers.events(refund_id) == ["refund.initiated", "refund.processing", "refund.completed"]
    assert workers.sums(charge) == (0, 2000, 3000)


def test_a_refund_is_never_both_cancelled_and_paid(workers: Workers) -> None:
    for number in range(20):
        charge = workers.charge()["id"]
        refund_id = workers.refund(charge, 2000).body["data"]["id"]
        head_start_s = (number - 10) / 2_000  # of one or the other, so that they meet at every step

        def cancel(refund_id: str = refund_id, wait_s: float = head_start_s) -> Any:
            time.sleep(max(0.0, wait_s))
            return workers.ask("POST", f"/v1/refunds/{refund_id}/cancel")

        def execute(refund_id: str = refund_id, wait_s: float = -head_start_s) -> Any:
            time.sleep(max(0.0, wait_s))
            return workers.execute(refund_id)

        cancelled, executed = workers.at_once([cancel, execute])

        assert executed == {"batchItemFailures": []}
        if cancelled.status == 200:
            final, paid = "cancelled", []
        else:
            assert (cancelled.status, cancelled.code) == (409, "refund_not_cancellable")
            final, paid = "completed", [2000]
        assert (workers.status(refund_id), workers.at_stripe(charge)) == (final, paid)
        assert workers.sums(charge) == (0, sum(paid), 5000 - sum(paid))
        assert workers.events(refund_id)[-1] == f"refund.{final}"
