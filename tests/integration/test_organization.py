"""The organization through its routes: shown, named, and deleted once nothing is under way, whatever happens then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.integration.test_judged_refunds import asked, publish
from tests.integration.test_judged_refunds import charge as known_charge
from tests.integration.test_kills_of_keys_and_erasures import Request, kill_at_every_call
from tests.integration.test_money_path import deliver_news, refund_event, webhook
from tests.support.members import agents_key, called
from tests.support.moto_state import Kept
from tests.support.store_faults import TROUBLES, FaultyTransactions


def rows(world: World) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
    return items


def test_an_organization_is_shown_and_named(world: World) -> None:
    shown = called(world, "GET", "/v1/organization")[1]
    assert shown == {
        "id": world.tenant.org_id,
        "name": "acme",
        "createdAt": "2026-11-20T12:00:00.000Z",
        "deletedAt": None,
    }
    assert called(world, "PATCH", "/v1/organization", {"name": "Acme"}) == (200, {**shown, "name": "Acme"})
    for refused in ({"name": " Acme"}, {"name": ""}, {}, {"name": None}):
        assert called(world, "PATCH", "/v1/organization", refused) == (400, "validation_error")
    assert called(world, "GET", "/v1/organization") == (200, {**shown, "name": "Acme"})


def test_what_is_under_way_or_waits_stops_the_deletion_and_nothing_is_closed_after_it(world: World) -> None:
    publish(world)
    waiting = asked(world, known_charge(world, amount=35_000), amount=35_000)[1]["data"]
    under_way = asked(world, known_charge(world))[1]["data"]
    assert (waiting["status"], under_way["status"]) == ("pending_approval", "pending")

    status, envelope, _ = world.call("DELETE", "/v1/organization", key=world.organization.live_key)

    refunds = ", ".join(sorted([waiting["id"], under_way["id"]]))
    assert (status, envelope["error"]["code"], envelope["error"]["details"]) == (
        409,
        "organization_not_settled",
        [
            {"field": "refunds", "message": f"2: {refunds}"},
            {"field": "approvals", "message": f"1: {waiting['approvalId']}"},
        ],
    )
    assert asked(world, known_charge(world))[0] == 201


def test_a_settled_organization_is_deleted_and_its_books_stay(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge)
    world.execute(opened["id"])
    keys = [agents_key(world, "refunds:read"), world.organization.live_key, world.organization.test_key]
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    before = {(row["pk"]["S"], row["sk"]["S"]) for row in rows(world)}

    status, deleted = called(world, "DELETE", "/v1/organization")

    assert (status, deleted["deletedAt"]) == (200, iso(world.clock.now()))
    assert [called(world, "GET", "/v1/refunds", key=key) for key in keys] == [(401, "invalid_api_key")] * 3
    assert called(world, "GET", "/v1/refunds", key=other.test_key)[0] == 200
    assert before <= {(row["pk"]["S"], row["sk"]["S"]) for row in rows(world)}
    assert [each.name for each in world.container.provision.organizations()] == ["other"]
    assert [each.status for each in world.container.connections.listed(world.tenant)] == ["inactive"]
    head = world.container.refunds.head(world.tenant, opened["id"])
    assert head is not None
    assert head.status == "completed"
    commands = [each.command for each in world.container.trail.of(world.tenant.org_id)]
    assert commands[-1] == "organizations delete"
    ended = [each.command for env in ("test", "live") for each in world.container.trail.of(of_mode(world, env))]
    assert (ended.count("connections disconnect"), ended.count("keys revoke")) == (1, 3)


def of_mode(world: World, environment: str) -> Tenant:
    return Tenant(world.tenant.org_id, "live" if environment == "live" else "test")


def test_webhooks_of_a_deleted_organization_are_durable_and_a_late_failure_is_booked(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge)
    world.execute(opened["id"])
    assert called(world, "DELETE", "/v1/organization")[0] == 200

    (seen,) = world.paid_at_stripe(opened["id"])
    world.stripe("POST", f"/_sandbox/refunds/{seen['id']}", {"status": "failed"})
    assert webhook(world, refund_event(charge, "refund.failed"))[0] == 200
    assert deliver_news(world) == [{"batchItemFailures": []}]

    head = world.container.refunds.head(world.tenant, opened["id"])
    assert head is not None
    assert head.status == "failed"


def test_a_dispute_at_a_deleted_organization_stops_no_queue(world: World) -> None:
    charge = world.charge(disputed="needs_response")["id"]
    assert called(world, "DELETE", "/v1/organization")[0] == 200

    assert webhook(world, refund_event(charge))[0] == 200
    assert deliver_news(world) == [{"batchItemFailures": []}]


def during(world: World, operation: str, number: int, then: Callable[[], object]) -> Callable[[], None]:
    """Do something right before the ``number``-th call of a DynamoDB operation; returns what takes it back."""
    seen: list[str] = []
    events = world.container.client("dynamodb").meta.events
    name = f"before-call.dynamodb.{operation}"

    def strike(**_: Any) -> None:
        seen.append(operation)
        if len(seen) == number:
            then()

    events.register(name, strike)
    return lambda: events.unregister(name, strike)


def test_a_refund_that_is_asked_for_after_the_closing_is_refused(world: World) -> None:
    charge = world.charge()["id"]
    answers: list[Any] = []
    body = {"transactionId": charge, "amount": 2000, "reason": "other"}
    # the deletion's first transaction closes, its second deletes
    undo = during(world, "TransactWriteItems", 2, lambda: answers.append(world.call("POST", "/v1/refunds", body)[:2]))

    status, deleted = called(world, "DELETE", "/v1/organization")
    undo()

    assert (status, deleted["name"]) == (200, "acme")
    assert [(status, envelope["error"]["code"]) for status, envelope in answers] == [(503, "refunds_paused")]


def test_a_refund_that_had_seen_the_organization_open_fails_at_the_gate_and_its_money_is_free(world: World) -> None:
    charge = world.charge()["id"]
    deletions: list[Any] = []
    undo = during(world, "TransactWriteItems", 1, lambda: deletions.append(world.call("DELETE", "/v1/organization")[0]))

    opened = world.refund(charge)
    undo()

    assert deletions == [200]
    assert world.execute(opened["id"]) == {"batchItemFailures": []}
    head = world.container.refunds.head(world.tenant, opened["id"])
    assert head is not None
    assert (head.status, head.status_detail) == ("failed", "processor_not_connected")
    assert world.paid_at_stripe(opened["id"]) == []
    ledger = world.container.refunds.ledger(world.tenant, TransactionRef("stripe", head.transaction.account_id, charge))
    assert ledger is not None
    assert (ledger.reserved_minor, ledger.refunded_minor) == (0, 0)


def is_over(world: World, org_id: str) -> bool:
    """Deleted, nothing connected, and no key valid."""
    container = world.container
    state = container.organization_book.find(org_id)
    tenants = [Tenant(org_id, "test"), Tenant(org_id, "live")]
    keys = [key for tenant in tenants for key in container.keys.of(tenant)]
    connected = [each.status for tenant in tenants for each in container.connections.listed(tenant)]
    return (
        state is not None
        and state.deleted_at is not None
        and all(key.revoked_at is not None for key in keys)
        and set(connected) <= {"inactive"}
    )


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_deletion_that_dies_anywhere_goes_on_when_it_is_asked_for_again(world: World, moment: str) -> None:
    latest: list[str] = []

    def prepare() -> Request:
        made = world.container.provision.create_organization("shop", "Bob", "bob@example.com")
        world.container.provision.connect(made.org_id, "test", "stripe", world.sandbox.test_key, "http://127.0.0.1:9")
        latest.append(made.org_id)
        return lambda: world.call("DELETE", "/v1/organization", key=made.test_key)[:2]

    for request in kill_at_every_call(world, moment, prepare):
        status, envelope = request()
        finished = status == 401  # its own key was the last thing that was revoked
        assert finished or (status, envelope["data"]["id"]) == (200, latest[-1])
        assert is_over(world, latest[-1])
        commands = [each.command for each in world.container.trail.of(latest[-1])]
        assert commands.count("organizations delete") == 1


@pytest.mark.parametrize("trouble", TROUBLES)
def test_conflicts_and_lost_answers_delete_an_organization_once(
    world: World, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.container.ids, "pause", lambda _attempt: None)
    faults = FaultyTransactions(world.container.client("dynamodb"))
    begun_with = Kept.taken()
    for first in range(1, 6):
        begun_with.put_back()
        faults.disarm()
        made = world.container.provision.create_organization("shop", "Bob", "bob@example.com")
        world.container.provision.connect(made.org_id, "test", "stripe", world.sandbox.test_key, "http://127.0.0.1:9")
        faults.arm(trouble, first=first, times=3)
        status, answer = called(world, "DELETE", "/v1/organization", key=made.test_key)
        assert status == 200, (first, answer)
        assert faults.struck
        assert is_over(world, made.org_id)
        commands = [each.command for each in world.container.trail.of(made.org_id)]
        assert commands.count("organizations delete") == 1
    faults.remove()
