"""A worker dies before or after each of its calls to AWS while it makes a key or erases a customer: asked again, the
request does what it should have done, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import World
from tests.support.moto_state import Kept

SERVICES = ("dynamodb", "kms")
Request = Callable[[], tuple[int, dict[str, Any]]]


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


@contextmanager
def killed_at(world: World, call: int, moment: str, services: tuple[str, ...] = SERVICES) -> Iterator[list[str]]:
    """Die ``moment`` (before or after) AWS call number ``call`` of what runs inside; the calls that were begun."""
    begun: list[str] = []

    def count(model: Any, **_: Any) -> None:
        begun.append(model.name)
        if moment == "before" and len(begun) == call:
            raise Killed

    def done(model: Any, **_: Any) -> None:
        if moment == "after" and len(begun) == call:
            raise Killed

    notes = {"before": count, "after": done}
    hooks = [(each, f"{when}-call.{each}", note) for each in services for when, note in notes.items()]
    for service, name, note in hooks:
        world.container.client(service).meta.events.register(name, note)
    try:
        yield begun
    finally:
        for service, name, note in hooks:
            world.container.client(service).meta.events.unregister(name, note)


def kill_at_every_call(world: World, moment: str, prepare: Callable[[], Request]) -> Iterator[Request]:
    """For each AWS call of a request: the request, whose first worker died there."""
    call, begun_with = 0, Kept.taken()
    while True:
        call += 1
        begun_with.put_back()
        world.clock.advance(minutes=1)
        request = prepare()
        with killed_at(world, call, moment) as begun:
            try:
                request()
            except Killed:
                yield request
                continue
        assert len(begun) < call
        assert call > 4, "too few calls to have tried anything"
        return


def stored(world: World) -> str:
    return str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_key_is_made_once_and_shown_at_most_once(world: World, moment: str) -> None:
    names: list[str] = []

    def prepare() -> Request:
        names.append(f"Key {len(names)}")
        body, headers = {"name": names[-1]}, {"idempotency-key": names[-1]}
        world.container.organizations._opened.forget(world.organization.org_id)  # as a new worker begins
        return lambda: world.call("POST", "/v1/api-keys", body, headers=headers)[:2]

    for request in kill_at_every_call(world, moment, prepare):
        first, second = request(), request()
        assert (first[0], second[0]) == (201, 201)
        assert second[1]["data"] == {**first[1]["data"], "key": None}
        secret = first[1]["data"]["key"]
        assert secret is None or world.call("GET", "/v1/refunds", key=secret)[0] == 200
        world.clock.advance(minutes=1)
        listed = world.call("GET", "/v1/api-keys?limit=100")[1]["data"]
        assert [key["name"] for key in listed].count(names[-1]) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_customer_is_erased_whole_and_the_refunds_stand(world: World, moment: str) -> None:
    latest: dict[str, Any] = {}

    def prepare() -> Request:
        number = len(latest)
        email = f"customer{number}@shop.example"
        created = int(world.clock.now().timestamp())
        charge = world.charge(customer={"name": "Mary", "email": email}, created=created)
        customer = world.stripe("GET", f"/v1/charges/{charge['id']}")["customer"]
        marked = {"metadata": {"email": email, "orderId": "1"}, "personalMetadata": ["email"]}
        refunds = [world.refund(charge["id"], amount=amount, **marked)["id"] for amount in (1, 2)]
        latest[customer] = (email, refunds)
        world.container.organizations._opened.forget(world.organization.org_id)
        return lambda: world.call("DELETE", f"/v1/customers/{customer}")[:2]

    for request in kill_at_every_call(world, moment, prepare):
        customer, (email, refunds) = next(reversed(latest.items()))
        status, envelope = request()
        assert (status, envelope["data"]["complete"]) == (200, True)
        assert (envelope["data"]["transactions"], envelope["data"]["refunds"]) == (1, 2)
        assert request() == (status, envelope)
        left = stored(world)
        assert email not in left
        assert customer not in left
        assert [world.shown(refund)["metadata"] for refund in refunds] == [{"orderId": "1"}] * 2
