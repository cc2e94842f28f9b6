"""The main job: a refund is opened, paid once, and tells what happened."""

from __future__ import annotations

from tests.integration.conftest import World


def test_a_refund_is_pending_then_paid_once_and_its_timeline_tells_it(world: World) -> None:
    charge = world.charge()

    opened = world.refund(charge["id"], metadata={"orderId": "order_456"})
    answer = world.execute(opened["id"])

    assert answer == {"batchItemFailures": []}
    (paid,) = world.paid_at_stripe(opened["id"])
    shown = world.shown(opened["id"])
    assert opened["status"] == "pending"
    assert shown == {
        **opened,
        "status": "completed",
        "externalRefundId": paid["id"],
        "updatedAt": shown["updatedAt"],
    }
    assert paid["amount"] == 2000
    _, timeline, _ = world.call("GET", f"/v1/refunds/{opened['id']}/events")
    assert [event["eventType"] for event in timeline["data"]] == [
        "refund.initiated",
        "refund.processing",
        "refund.completed",
    ]
