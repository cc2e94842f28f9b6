"""``wait``: the answer is held until the refund has come to its end, or for as long as was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import World
from tests.support.functions import function_module
from tests.support.requests import gateway_event


@pytest.fixture
def meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Let something happen at one of the moments when the caller waits; returns the pauses."""

    def arrange(happens: Callable[[], None] | None = None, at: int = 3) -> list[float]:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            world.clock.advance(seconds=seconds)
            if happens is not None and len(pauses) == at:
                happens()

        monkeypatch.setattr(world.clock, "sleep", sleep)
        return pauses

    return arrange


def opened(world: World, transaction_id: str, **fields: Any) -> dict[str, Any]:
    body = {"transactionId": transaction_id, "amount": 2000, "reason": "other", **fields}
    status, envelope, _ = world.call("POST", "/v1/refunds", body)
    assert status == 201, envelope
    refund: dict[str, Any] = envelope["data"]
    return refund


def pay_all(world: World) -> None:
    for refund in world.call("GET", "/v1/refunds?status=pending")[1]["data"]:
        world.execute(refund["id"])


def test_without_it_the_answer_comes_at_once(world: World, meanwhile: Callable[..., list[float]]) -> None:
    pauses = meanwhile()

    assert opened(world, world.charge()["id"])["status"] == "pending"
    assert opened(world, world.charge()["id"], wait=0)["status"] == "pending"
    assert pauses == []


def test_the_answer_is_the_completed_refund_as_soon_as_it_is_paid(
    world: World, meanwhile: Callable[..., list[float]]
) -> None:
    pauses = meanwhile(lambda: pay_all(world))

    refund = opened(world, world.charge()["id"], wait=20)

    assert refund["status"] == "completed"
    assert refund["externalRefundId"]
    assert len(pauses) == 3
    assert sum(pauses) < 1


def test_a_cancelled_refund_ends_the_waiting_too(world: World, meanwhile: Callable[..., list[float]]) -> None:
    def cancel() -> None:
        (pending,) = world.call("GET", "/v1/refunds?status=pending")[1]["data"]
        world.call("POST", f"/v1/refunds/{pending['id']}/cancel")

    meanwhile(cancel)

    assert opened(world, world.charge()["id"], wait=20)["status"] == "cancelled"


def test_what_does_not_end_in_time_is_answered_as_it_stands(
    world: World, meanwhile: Callable[..., list[float]]
) -> None:
    pauses = meanwhile()

    refund = opened(world, world.charge()["id"], wait=20)

    assert refund["status"] == "pending"
    assert sum(pauses) == pytest.approx(20)
    assert max(pauses) <= 1
    assert len(pauses) < 30


def test_a_repetition_waits_as_well_and_may_wait_otherwise(world: World, meanwhile: Callable[..., list[float]]) -> None:
    body = {"transactionId": world.charge()["id"], "amount": 2000, "reason": "other"}
    headers = {"idempotency-key": "k-1"}
    first = world.call("POST", "/v1/refunds", body, headers=headers)
    meanwhile(lambda: pay_all(world))

    again = world.call("POST", "/v1/refunds", {**body, "wait": 5}, headers=headers)

    assert again[2]["idempotent-replayed"] == "true"
    assert again[1]["data"]["id"] == first[1]["data"]["id"]
    assert (first[1]["data"]["status"], again[1]["data"]["status"]) == ("pending", "completed")


def test_the_waiting_ends_before_the_function_must(world: World, meanwhile: Callable[..., list[float]]) -> None:
    class NearlyOver:
        def get_remaining_time_in_millis(self) -> int:
            return 5_000

    pauses = meanwhile()
    body = {"transactionId": world.charge()["id"], "amount": 2000, "reason": "other", "wait": 20}
    event = gateway_event("POST", "/v1/refunds", body, key=world.organization.test_key)

    answer = function_module(event.pop("function")).handler(event, NearlyOver())

    assert answer["statusCode"] == 201
    assert sum(pauses) == pytest.approx(2)


@pytest.mark.parametrize("wait", [21, -1, 1.5, "5", True, None])
def test_another_wait_than_0_to_20_whole_seconds_is_400(world: World, wait: object) -> None:
    body = {"transactionId": "ch_1", "amount": 2000, "reason": "other", "wait": wait}
    status, envelope, _ = world.call("POST", "/v1/refunds", body)

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
