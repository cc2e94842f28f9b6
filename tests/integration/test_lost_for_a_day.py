"""An answer was lost, the worker stayed dead for 25 hours, and Stripe has forgotten the key: nothing is sent again."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import World


def lost(world: World, kind: str) -> dict[str, Any]:
    """A refund whose answer was lost (after or before its effect), 25 hours ago at both ends."""
    opened = world.refund(world.charge()["id"])
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": kind, "times": 1})
    world.execute(opened["id"])
    world.clock.advance(hours=25)
    world.stripe("POST", "/_sandbox/clock", {"now": int(world.clock.now().timestamp())})
    return opened


def sends(world: World) -> int:
    return len(world.stripe("GET", "/_sandbox/requests?operation=refunds.create")["data"])


def test_a_refund_that_stripe_has_is_adopted_by_listing_without_a_second_call(world: World) -> None:
    opened = lost(world, "drop_after")

    assert world.execute(opened["id"]) == {"batchItemFailures": []}

    (paid,) = world.paid_at_stripe(opened["id"])
    shown = world.shown(opened["id"])
    assert (shown["status"], shown["externalRefundId"]) == ("completed", paid["id"])
    assert sends(world) == 1


def test_a_refund_that_stripe_has_not_is_flagged_and_settled_by_a_person(world: World) -> None:
    opened = lost(world, "drop_before")

    for _ in range(3):
        world.execute(opened["id"])

    shown = world.shown(opened["id"])
    assert (shown["status"], shown["statusDetail"]) == ("processing", "needs_review")
    assert sends(world) == 1
    assert world.paid_at_stripe(opened["id"]) == []
    world.container.resolve_refund(world.tenant, opened["id"], "not_paid", None)
    shown = world.shown(opened["id"])
    assert (shown["status"], shown["statusDetail"]) == ("failed", "resolved_as_not_paid")
    assert world.refund(opened["transactionId"], amount=5000)["status"] == "pending"
