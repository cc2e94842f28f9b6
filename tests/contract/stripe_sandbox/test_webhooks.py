"""Events and webhooks: what is told, in which shape, signed how, and where it may go."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import stripe

from local.stripe_sandbox.deliveries import is_loopback_url

from .annotations import problems_of
from .helpers import Inbox, Merchant, control, wait_for, webhook_inbox


def subscribe(merchant: Merchant, inbox: Inbox, *events: str) -> Any:
    """An endpoint for these events; all when none are named."""
    return merchant.test.webhook_endpoints.create({"url": inbox.url, "enabled_events": list(events) or ["*"]})


def types_since(merchant: Merchant, count: int) -> Counter[str]:
    """The events after the first `count`."""
    events = merchant.test.events.list({"limit": 100}).data
    return Counter(event.type for event in events[: len(events) - count])


def test_a_delivery_verifies_with_the_official_library(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        endpoint = subscribe(merchant, inbox, "refund.created")
        refund = merchant.test.refunds.create({"charge": merchant.charge()["id"]}, {"idempotency_key": "k1"})
        body, signature = wait_for(lambda: inbox.received)[0]
        event = stripe.Webhook.construct_event(body, signature, endpoint.secret)
        assert problems_of(event.to_dict()) == []
        assert (event.type, event.data.object["id"]) == ("refund.created", refund.id)
        assert event.request.idempotency_key == "k1"
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", signature, endpoint.secret)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, signature, "whsec_another")


def test_only_the_events_asked_for_are_delivered(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        subscribe(merchant, inbox, "charge.refunded")
        charge = merchant.charge()
        merchant.test.refunds.create({"charge": charge["id"]})
        wait_for(lambda: inbox.received)
        log = control(merchant.sandbox, "GET", "/_sandbox/deliveries")["data"]
        assert [record["type"] for record in log] == ["charge.refunded"]


def test_a_failed_delivery_is_tried_again_and_logged(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        subscribe(merchant, inbox, "customer.created")
        inbox.answers = [500, 302, 200]
        merchant.test.customers.create({"name": "Ada"})
        delivered = {"status": "delivered", "limit": 1}
        record = wait_for(lambda: control(merchant.sandbox, "GET", "/_sandbox/deliveries", query=delivered)["data"])[0]
        assert [attempt["status"] for attempt in record["attempts"]] == [500, 302, 200]
        assert len({event["id"] for event in inbox.events()}) == 1
        assert merchant.test.events.list().data[0].pending_webhooks == 0


def test_an_endpoint_that_is_gone_fails_for_good(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        url = inbox.url
    merchant.test.webhook_endpoints.create({"url": url, "enabled_events": ["customer.created"]})
    merchant.test.customers.create({"name": "Ada"})
    failed = {"status": "failed"}
    record = wait_for(lambda: control(merchant.sandbox, "GET", "/_sandbox/deliveries", query=failed)["data"])[0]
    assert {attempt["error"] for attempt in record["attempts"]} == {"ConnectionRefusedError"}
    assert merchant.test.events.list().data[0].pending_webhooks == 1


def test_the_secret_is_shown_once(merchant: Merchant) -> None:
    made = merchant.test.webhook_endpoints.create(
        {"url": "http://localhost:9/hook", "enabled_events": ["refund.created"]}
    )
    assert made.secret.startswith("whsec_")
    assert "secret" not in merchant.test.webhook_endpoints.retrieve(made.id)
    assert "secret" not in merchant.test.webhook_endpoints.list().data[0]
    assert "secret" not in merchant.test.webhook_endpoints.update(made.id, {"description": "x"})


def test_a_disabled_or_deleted_endpoint_hears_nothing(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        kept, disabled, deleted = (subscribe(merchant, inbox, "customer.created") for _ in range(3))
        merchant.test.webhook_endpoints.update(disabled.id, {"disabled": True})
        assert merchant.test.webhook_endpoints.delete(deleted.id).deleted is True
        merchant.test.customers.create({"name": "Ada"})
        log = control(merchant.sandbox, "GET", "/_sandbox/deliveries")["data"]
        assert [record["endpoint"] for record in log] == [kept.id]
        with pytest.raises(stripe.InvalidRequestError):
            merchant.test.webhook_endpoints.retrieve(deleted.id)


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://127.0.0.1:80/x", True), ("https://127.9.9.9/x", True), ("http://[::1]:8080/", True),
        ("http://localhost/x", True), ("http://example.com/", False), ("http://10.0.0.1/", False),
        ("http://169.254.169.254/latest", False), ("http://0.0.0.0/", False), ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1.example.com/", False), ("http://127.0.0.1@example.com/", False),
        ("http://localhost.example.com/", False), ("http://2130706433/", False), ("//127.0.0.1/", False),
        ("http://127.0.0.1:99999/", False), ("http://[::1/", False), ("", False),
    ],
)  # fmt: skip
def test_webhooks_stay_on_this_machine(url: str, fine: bool) -> None:
    assert is_loopback_url(url) is fine


def test_an_endpoint_elsewhere_is_refused(merchant: Merchant) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.webhook_endpoints.create({"url": "https://example.com/", "enabled_events": ["*"]})
    assert (caught.value.code, caught.value.param) == ("url_invalid", "url")


def test_a_platform_hears_its_connected_accounts(merchant: Merchant) -> None:
    connected = Merchant(merchant.sandbox, "shop", connected_to=merchant.id)
    with webhook_inbox() as inbox:
        merchant.test.webhook_endpoints.create(
            {"url": inbox.url, "enabled_events": ["refund.created"], "connect": True}
        )
        merchant.test.refunds.create({"charge": merchant.charge()["id"]})
        refund = connected.test.refunds.create({"charge": connected.charge()["id"]})
        wait_for(lambda: inbox.received)
        (event,) = inbox.events()
        assert (event["account"], event["data"]["object"]["id"]) == (connected.id, refund.id)


def test_a_set_clock_signs_with_its_own_time_unless_told_otherwise(merchant: Merchant) -> None:
    with webhook_inbox() as inbox:
        endpoint = subscribe(merchant, inbox, "customer.created")
        control(merchant.sandbox, "POST", "/_sandbox/clock", {"now": 1_500_000_000})
        merchant.test.customers.create({"name": "Ada"})
        signature = wait_for(lambda: inbox.received)[0][1]
        assert signature.startswith("t=1500000000,")
        control(merchant.sandbox, "POST", "/_sandbox/clock", {"sign_with": "real"})
        merchant.test.customers.create({"name": "Bo"})
        body, signature = wait_for(lambda: inbox.received[1:])[0]
        assert stripe.Webhook.construct_event(body, signature, endpoint.secret).created == 1_500_000_000


def test_each_change_of_a_refund_is_told_as_stripe_tells_it(merchant: Merchant) -> None:
    charge = merchant.charge()
    told = len(merchant.test.events.list({"limit": 100}).data)
    merchant.fault("refund_pending")
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    assert types_since(merchant, told) == {"refund.created": 1, "charge.refunded": 1}
    merchant.test.refunds.update(refund.id, {"metadata": {"a": "1"}})
    path = f"/_sandbox/refunds/{refund.id}"
    control(merchant.sandbox, "POST", path, {"status": "succeeded"})
    control(merchant.sandbox, "POST", path, {"status": "failed", "failure_reason": "declined"})
    assert types_since(merchant, told) == {
        "refund.created": 1, "charge.refunded": 1, "refund.updated": 3, "charge.refund.updated": 3,
        "refund.failed": 1,
    }  # fmt: skip
    last = merchant.test.events.list({"type": "refund.updated", "limit": 1}).data[0]
    assert last.data.previous_attributes.to_dict() == {"status": "succeeded"}
    assert (last.request.id, last.data.object["failure_reason"]) == (None, "declined")


def test_an_event_shows_its_object_as_it_was(merchant: Merchant) -> None:
    charge = merchant.charge(amount=100)
    merchant.test.refunds.create({"charge": charge["id"], "amount": 40})
    merchant.test.refunds.create({"charge": charge["id"], "amount": 60})
    events = merchant.test.events.list({"type": "charge.refunded"}).data
    assert [event.data.object["amount_refunded"] for event in events] == [100, 40]
    assert merchant.test.events.retrieve(events[0].id).data.object["amount_refunded"] == 100
    by_types = merchant.test.events.list({"types": ["charge.refunded", "charge.succeeded"]}).data
    assert len(by_types) == 3
    assert len(merchant.test.events.list({"type": "charge.*"}).data) == 3


def test_a_receiver_that_is_down_does_not_hold_up_the_others(merchant: Merchant) -> None:
    with webhook_inbox() as gone:
        dead = gone.url
    merchant.test.webhook_endpoints.create({"url": dead, "enabled_events": ["customer.created"]})
    with webhook_inbox() as inbox:
        subscribe(merchant, inbox, "customer.created")
        made = {merchant.test.customers.create({"name": str(number)}).id for number in range(20)}

        def settled() -> list[dict[str, Any]]:
            log = control(merchant.sandbox, "GET", "/_sandbox/deliveries")["data"]
            return [] if any(record["status"] == "pending" for record in log) else log

        log = wait_for(settled)
        assert {event["data"]["object"]["id"] for event in inbox.events()} == made
        last = {
            status: max(record["attempts"][-1]["time"] for record in log if record["status"] == status)
            for status in ("delivered", "failed")
        }
        assert last["delivered"] < last["failed"]


def test_an_endpoint_can_be_moved_and_described(merchant: Merchant) -> None:
    made = merchant.test.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/a", "enabled_events": ["refund.created"], "metadata": {"a": "1"}}
    )
    moved = merchant.test.webhook_endpoints.update(
        made.id, {"url": "http://127.0.0.1:9/b", "enabled_events": ["refund.failed"], "metadata": {"b": "2"}}
    )
    assert (moved.url, moved.enabled_events) == ("http://127.0.0.1:9/b", ["refund.failed"])
    assert moved.metadata.to_dict() == {"a": "1", "b": "2"}
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.webhook_endpoints.update(made.id, {"url": "https://example.com/"})
