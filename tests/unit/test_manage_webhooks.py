"""Webhook endpoints as their owners manage them, and how what was missed is sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.application import dispatch_event
from refundkit_core.application.manage_webhooks import WantedEndpoint
from refundkit_core.application.records import Slice
from refundkit_core.application.webhook_ports import DeliveryFilter
from refundkit_core.domain import errors
from refundkit_core.domain.webhooks import Health

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START
from tests.support.webhooks import BY, URL, WebhookBench, outcomes, public_event

EVENT = public_event(1, START)
ALL = Slice(100, 0, None)


def wanted(url: str = URL, **more: Any) -> WantedEndpoint:
    return WantedEndpoint(url, ("*",), **more)


def test_a_new_endpoint_has_a_secret_that_is_shown_once() -> None:
    bench = WebhookBench()

    made = bench.manage.create(TENANT, wanted(), None, BY)

    endpoint = made.posted.endpoint
    assert made.secret is not None
    assert endpoint.signing(START) == (made.secret,)
    assert bench.manage.show(TENANT, endpoint.id).secret is None
    assert made.secret not in repr(endpoint)
    assert [(entry.command, entry.target) for entry in bench.endpoints.audit] == [("webhooks create", endpoint.id)]


def test_an_address_that_may_not_be_posted_to_is_refused_before_anything_is_stored() -> None:
    bench = WebhookBench()
    bench.sender.refused.add("https://10.0.0.1/")

    with pytest.raises(errors.RefusedAddress):
        bench.manage.create(TENANT, wanted("https://10.0.0.1/"), None, BY)
    endpoint = bench.endpoint()
    with pytest.raises(errors.RefusedAddress):
        bench.manage.update(TENANT, endpoint.id, {"url": "https://10.0.0.1/"}, BY)

    assert [posted.endpoint.url for posted in bench.endpoints.all(TENANT)] == [URL]


def test_the_same_idempotency_key_makes_one_endpoint_and_shows_its_secret_once() -> None:
    bench = WebhookBench()

    first = bench.manage.create(TENANT, wanted(), "k1", BY)
    again = bench.manage.create(TENANT, wanted(), "k1", BY)

    assert again.posted == first.posted
    assert again.secret is None
    with pytest.raises(errors.IdempotencyKeyReused):
        bench.manage.create(TENANT, wanted(description="another"), "k1", BY)
    assert len(bench.endpoints.all(TENANT)) == 1


def test_there_are_twenty_at_most() -> None:
    bench = WebhookBench()
    made = [bench.endpoint(f"https://shop.example/{number}") for number in range(20)]

    with pytest.raises(errors.TooManyEndpoints):
        bench.endpoint()
    bench.manage.delete(TENANT, made[0].id, BY)

    assert bench.endpoint().is_enabled


def test_a_change_replaces_what_it_names_and_the_same_again_changes_nothing() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint(description="old", metadata={"a": "1"}, headers={"x-a": "1"}, rate_limit=5)
    bench.clock.advance(seconds=1)

    what: dict[str, Any] = {"patterns": ("refund.*",), "description": None, "headers": {"x-b": "2"}, "rate_limit": None}
    changed = bench.manage.update(TENANT, endpoint.id, what, BY).posted.endpoint
    again = bench.manage.update(TENANT, endpoint.id, what, BY).posted.endpoint

    assert changed == replace(endpoint, **what, version=2, updated_at=START + timedelta(seconds=1))
    assert again == changed


def test_two_who_change_at_once_both_get_through() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    find = bench.endpoints.find
    raced: list[bool] = []

    def finding(tenant: Any, endpoint_id: str) -> Any:
        found = find(tenant, endpoint_id)
        if not raced:
            raced.append(True)
            bench.manage.update(TENANT, endpoint.id, {"rate_limit": 7}, BY)
        return found

    bench.endpoints.find = finding  # type: ignore[method-assign]

    bench.manage.update(TENANT, endpoint.id, {"description": "mine"}, BY)

    stands = bench.current(endpoint)
    assert (stands.rate_limit, stands.description, stands.version) == (7, "mine", 3)


def test_of_several_rotations_the_newest_four_secrets_sign() -> None:
    bench = WebhookBench()
    made = bench.manage.create(TENANT, wanted(), None, BY)
    secrets = [made.secret]
    for _ in range(4):
        bench.clock.advance(hours=1)
        secrets.append(bench.manage.rotate(TENANT, made.posted.endpoint.id, None, BY).secret)

    assert bench.current(made.posted.endpoint).signing(bench.clock.now()) == tuple(secrets[:0:-1])


def test_an_earlier_rotation_is_not_prolonged_by_a_later_one() -> None:
    bench = WebhookBench()
    made = bench.manage.create(TENANT, wanted(), None, BY)
    bench.manage.rotate(TENANT, made.posted.endpoint.id, None, BY)
    bench.clock.advance(hours=12)

    bench.manage.rotate(TENANT, made.posted.endpoint.id, None, BY)

    bench.clock.advance(hours=12, seconds=1)
    assert made.secret not in bench.current(made.posted.endpoint).signing(bench.clock.now())


def test_deleted_it_is_gone_with_its_secrets_and_deleting_again_is_no_fault() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint(headers={"x-a": "1"})

    for _ in range(2):
        assert bench.manage.delete(TENANT, endpoint.id, BY).posted.endpoint.status == "deleted"

    stands = bench.current(endpoint)
    assert (stands.secrets, stands.headers) == ((), {})
    for ask in (bench.manage.show, bench.read.show):
        with pytest.raises(errors.NotFound):
            ask(TENANT, endpoint.id, *(["whd_x"] if ask == bench.read.show else []))
    assert bench.manage.all(TENANT) == []


@pytest.mark.parametrize("named", ["whe_00000000000000000000000009", "nonsense", ""])
def test_nobody_elses_and_no_unknown_endpoint_is_found(named: str) -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()

    for tenant, asked in ((TENANT, named), (OTHER_TENANT, endpoint.id)):
        for do in (bench.manage.enable, bench.manage.disable, bench.manage.delete):
            with pytest.raises(errors.NotFound):
                do(tenant, asked, BY)
        with pytest.raises(errors.NotFound):
            bench.manage.show(tenant, asked)
        with pytest.raises(errors.NotFound):
            bench.manage.rotate(tenant, asked, "k1", BY)
        with pytest.raises(errors.NotFound):
            bench.read.page(tenant, asked, DeliveryFilter(), ALL)


def test_enabled_again_it_starts_healthy_and_switching_twice_changes_nothing() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.gates.health[endpoint.id] = Health(failing_since=START)
    for _ in range(2):
        off = bench.manage.disable(TENANT, endpoint.id, BY).posted.endpoint
    assert (off.status, off.disabled_because, off.version) == ("disabled", "asked", 2)

    for _ in range(2):
        on = bench.manage.enable(TENANT, endpoint.id, BY).posted.endpoint

    assert (on.status, on.disabled_because, on.version) == ("enabled", None, 3)
    assert bench.gates.health[endpoint.id] == Health()


def test_a_sample_goes_to_that_endpoint_alone_and_says_that_it_is_one() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint(URL, "refund.failed")
    bench.endpoint("https://other.example/")

    delivery = bench.manage.test(TENANT, endpoint.id, "approval.pending", None)
    bench.work()

    ((url, headers, body),) = bench.sender.sent
    assert (url, headers["x-refundkit-sample"]) == (URL, "true")
    assert b'"data":{"sampleOf":"approval.pending"}' in body
    assert bench.read.show(TENANT, endpoint.id, delivery.id).status == "delivered"
    assert bench.archive.events == {}


def test_nothing_is_tried_retried_or_recovered_at_a_disabled_endpoint() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    bench.work()
    bench.manage.disable(TENANT, endpoint.id, BY)
    known = bench.delivery(endpoint, EVENT).id

    for ask in (
        lambda: bench.manage.test(TENANT, endpoint.id, "refund.failed", None),
        lambda: bench.read.retry(TENANT, endpoint.id, known, None),
        lambda: bench.read.begin("recover", TENANT, endpoint.id, START, BY),
    ):
        with pytest.raises(errors.EndpointDisabled):
            ask()


def test_a_retry_sends_what_arrived_before_once_more_under_the_same_event() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    bench.work()
    bench.clock.advance(days=2)

    again = bench.read.retry(TENANT, endpoint.id, bench.delivery(endpoint, EVENT).id, None)
    bench.work()

    assert (again.status, again.next_attempt_at) == ("pending", bench.clock.now())
    stamps = [(headers["webhook-id"], headers["webhook-timestamp"]) for _, headers, _ in bench.sender.sent]
    assert [event for event, _ in stamps] == [EVENT.id] * 2
    assert int(stamps[1][1]) - int(stamps[0][1]) == 2 * 86_400
    assert len(bench.delivery(endpoint, EVENT).attempts) == 2


def recovered(bench: WebhookBench) -> int:
    """Workers take up recoveries until none is left; how many deliveries were begun."""
    begun = 0
    while bench.recoveries.asked:
        begun += bench.dispatch.recover(bench.recoveries.asked.pop(0))
    return begun


def test_recover_sends_what_failed_since_then_and_what_is_being_retried_page_by_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch_event, "PAGE", 2)
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(500)
    events = [public_event(number, START + timedelta(minutes=number)) for number in range(6)]
    for event in events:
        bench.clock.advance(seconds=(event.created_at - bench.clock.now()).total_seconds())
        bench.put(event)
        bench.work()
    bench.answers(200)
    bench.put(arrived := public_event(9, bench.clock.now()))
    bench.work()

    bench.read.begin("recover", TENANT, endpoint.id, events[1].created_at, BY)

    assert recovered(bench) == 5
    assert outcomes(bench.work()) == ["delivered"] * 5
    assert [bench.delivery(endpoint, event).status for event in events] == ["pending", *["delivered"] * 5]
    assert len(bench.delivery(endpoint, arrived).attempts) == 1
    assert bench.trail.entries[-1].command == "webhooks recover"


def test_replay_missing_sends_what_was_never_tried_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch_event, "PAGE", 2)
    bench = WebhookBench()
    before = [public_event(number, START) for number in range(3)]
    bench.put(*before, public_event(8, START, "policy.published"))
    endpoint = bench.endpoint(URL, "refund.*")
    bench.put(after := public_event(4, START))
    bench.work()

    bench.read.begin("replay_missing", TENANT, endpoint.id, START, BY)

    assert recovered(bench) == 3
    assert outcomes(bench.work()) == ["delivered"] * 3
    sent = [headers["webhook-id"] for _, headers, _ in bench.sender.sent]
    assert sorted(sent) == sorted(event.id for event in (*before, after))
    bench.read.begin("replay_missing", TENANT, endpoint.id, START, BY)
    assert recovered(bench) == 0


@pytest.mark.parametrize("ago", [timedelta(days=30, seconds=1), timedelta(seconds=-1)])
def test_recovery_reaches_back_thirty_days_and_no_further(ago: timedelta) -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()

    with pytest.raises(errors.Invalid):
        bench.read.begin("recover", TENANT, endpoint.id, START - ago, BY)
    bench.read.begin("recover", TENANT, endpoint.id, START - timedelta(days=30), BY)

    assert len(bench.recoveries.asked) == 1


def test_a_recovery_of_an_endpoint_that_is_disabled_meanwhile_ends() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    bench.read.begin("replay_missing", TENANT, endpoint.id, START, BY)
    bench.manage.disable(TENANT, endpoint.id, BY)

    assert recovered(bench) == 0


def test_events_are_listed_for_thirty_days_newest_first_by_type() -> None:
    bench = WebhookBench()
    bench.put(EVENT, failed := public_event(2, START + timedelta(days=1), "refund.failed"))
    bench.clock.advance(days=2)

    assert bench.events.page(TENANT, None, ALL).found == [failed, EVENT]
    assert bench.events.page(TENANT, "refund.failed", ALL).found == [failed]
    assert bench.events.show(TENANT, EVENT.id) == EVENT
    bench.clock.advance(days=28, seconds=1)
    assert bench.events.page(TENANT, None, ALL).found == [failed]
    for tenant, event_id in ((TENANT, EVENT.id), (TENANT, "nonsense"), (OTHER_TENANT, failed.id)):
        with pytest.raises(errors.NotFound):
            bench.events.show(tenant, event_id)


def test_deliveries_are_listed_newest_first_by_status_and_type_with_cursors() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(200, 200, 500)
    events = [public_event(number, START + timedelta(seconds=number)) for number in range(4)]
    for event in events:
        bench.put(event)
        bench.work()

    def shown(part: Slice = ALL, **only: Any) -> list[str]:
        return [each.event_id for each in bench.read.page(TENANT, endpoint.id, DeliveryFilter(**only), part).found]

    assert shown() == [event.id for event in reversed(events)]
    assert shown(status="pending") == [events[3].id, events[2].id]
    assert shown(event_type="refund.failed") == []
    page = bench.read.page(TENANT, endpoint.id, DeliveryFilter(), Slice(3, 0, None))
    assert shown(Slice(3, 0, page.next_cursor)) == [events[0].id]
    with pytest.raises(errors.Invalid):
        shown(Slice(3, 0, page.next_cursor), status="failed")


def test_a_secret_is_rotated_once_for_an_idempotency_key_and_shown_once() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()

    first = bench.manage.rotate(TENANT, endpoint.id, "k1", BY)
    again = bench.manage.rotate(TENANT, endpoint.id, "k1", BY)
    other = bench.manage.rotate(TENANT, endpoint.id, "k2", BY)
    late = bench.manage.rotate(TENANT, endpoint.id, "k1", BY)

    assert (again.secret, late.secret) == (None, None)
    assert len({first.secret, other.secret, *endpoint.signing(START)}) == 3
    assert len(bench.current(endpoint).secrets) == 3
    elsewhere = bench.endpoint("https://other.example/")
    assert bench.manage.rotate(TENANT, elsewhere.id, "k1", BY).secret not in (None, first.secret)


def test_a_sample_is_sent_once_for_an_idempotency_key() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()

    first = bench.manage.test(TENANT, endpoint.id, "refund.failed", "k1")
    bench.work()
    again = bench.manage.test(TENANT, endpoint.id, "refund.failed", "k1")
    bench.work()

    assert (again.id, again.status) == (first.id, "delivered")
    assert len(bench.sender.sent) == 1
    with pytest.raises(errors.IdempotencyKeyReused):
        bench.manage.test(TENANT, endpoint.id, "refund.completed", "k1")
    assert bench.manage.test(TENANT, endpoint.id, "refund.failed", "k2").id != first.id


def test_a_delivery_is_retried_once_for_an_idempotency_key() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    bench.work()
    known = bench.delivery(endpoint, EVENT).id

    bench.read.retry(TENANT, endpoint.id, known, "k1")
    for key in ("k1", "k1"):
        bench.work()
        assert bench.read.retry(TENANT, endpoint.id, known, key).status == "delivered"
    bench.read.retry(TENANT, endpoint.id, known, "k2")
    bench.work()

    assert len(bench.sender.sent) == 3
