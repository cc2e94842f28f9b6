"""Sending: who gets what, what is stored of it, when the next try comes, and what keeps one from holding up others."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, get_args

from refundkit.contracts.events import EVENT_TYPES
from refundkit.contracts.webhooks import EventName, EventPattern
from refundkit.webhook_signature import InvalidSignature, verify
from refundkit_core.application.webhook_ports import Letter
from refundkit_core.application.webhook_sender import Response
from refundkit_core.domain.deliveries import WAITS_S
from refundkit_core.domain.event_types import PUBLIC_EVENTS, known_patterns
from refundkit_core.domain.event_versions import Step, payload_as_of
from refundkit_core.domain.webhooks import Health

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START
from tests.support.webhooks import BY, URL, WebhookBench, outcomes, public_event

EVENT = public_event(1, START)
OTHER_URL = "https://other.example/hooks"


def test_an_event_reaches_every_endpoint_that_takes_it_and_no_other() -> None:
    bench = WebhookBench()
    for number, pattern in enumerate(("*", "refund.*", "refund.completed", "refund.failed", "approval.*")):
        bench.endpoint(f"https://shop.example/{number}", pattern)

    bench.put(EVENT)
    tried = bench.work()

    assert outcomes(tried) == ["delivered"] * 3
    assert sorted(url for url, *_ in bench.sender.sent) == [f"https://shop.example/{number}" for number in range(3)]


def test_an_event_of_another_tenant_reaches_nobody() -> None:
    bench = WebhookBench()
    bench.endpoint()

    bench.dispatch(OTHER_TENANT, [EVENT])

    assert bench.work() == []
    assert bench.archive.find(OTHER_TENANT, EVENT.id) == EVENT
    assert bench.archive.find(TENANT, EVENT.id) is None


def test_what_is_sent_is_signed_and_says_what_happened_as_documented() -> None:
    bench = WebhookBench()
    made = bench.manage.create(TENANT, _wanted(headers={"X-Shop": "42"}), None, BY)
    bench.put(EVENT)

    bench.work()

    ((url, headers, body),) = bench.sender.sent
    assert url == URL
    assert json.loads(body) == {
        "id": EVENT.id,
        "type": "refund.completed",
        "created": "2026-11-20T12:00:00.000Z",
        "apiVersion": "2026-11-01",
        "data": EVENT.payload,
    }
    assert made.secret is not None
    assert verify(body, headers, made.secret, now=bench.clock.now()).event_id == EVENT.id
    assert headers["webhook-id"] == EVENT.id
    assert headers["X-Shop"] == "42"
    assert headers["x-refundkit-delivery"] == bench.delivery(made.posted.endpoint, EVENT).id
    assert "x-refundkit-sample" not in headers


def test_a_failing_receiver_is_tried_ten_times_on_schedule_and_then_given_up() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(500)
    bench.put(EVENT)
    bench.work()

    waits = []
    for _ in range(9):
        before = bench.clock.now()
        waits.append((bench.wait_for_next() - before - timedelta(milliseconds=20)).total_seconds())
        bench.work()

    delivery = bench.delivery(endpoint, EVENT)
    assert waits == list(WAITS_S[1:])
    assert (delivery.status, delivery.failed_because, len(delivery.attempts)) == ("failed", "exhausted", 10)
    assert bench.queue.later_on == []
    assert {headers["webhook-id"] for _, headers, _ in bench.sender.sent} == {EVENT.id}


def test_a_receiver_that_recovers_gets_it_and_is_healthy_again() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(Response(None, 15_000, error="timed_out"), 503, 200)
    bench.put(EVENT)
    bench.work()
    assert bench.gates.health[endpoint.id].failing_since == START

    for _ in range(2):
        bench.wait_for_next()
        bench.work()

    delivery = bench.delivery(endpoint, EVENT)
    assert [(each.status, each.error) for each in delivery.attempts] == [(None, "timed_out"), (503, None), (200, None)]
    assert delivery.status == "delivered"
    assert bench.gates.health[endpoint.id].failing_since is None


def test_the_answers_beginning_its_status_and_how_long_it_took_are_kept() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(Response(422, 1_234, "no such order"))
    bench.put(EVENT)

    bench.work()

    (attempt,) = bench.delivery(endpoint, EVENT).attempts
    assert (attempt.at, attempt.status, attempt.latency_ms, attempt.body) == (START, 422, 1_234, "no such order")


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    bench = WebhookBench()
    bench.endpoint()
    bench.answers(Response(429, 0, retry_after_s=3_600))
    bench.put(EVENT)

    bench.work()

    assert [at for at, _ in bench.queue.later_on] == [START + timedelta(hours=1)]


def test_a_receiver_that_is_gone_is_disabled_at_once_and_the_owner_hears_of_it() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(410)
    bench.put(EVENT, public_event(2, START))

    bench.work()

    stands = bench.current(endpoint)
    assert (stands.status, stands.disabled_because) == ("disabled", "gone")
    (told,) = bench.endpoints.events
    assert (told.type, told.public, told.tell) == ("webhook.disabled", True, True)
    assert told.payload == {
        "endpointId": endpoint.id,
        "reason": "gone",
        "failingSince": "2026-11-20T12:00:00.000Z",
    }
    assert bench.endpoints.audit[-1].command == "webhooks disable"


def test_five_days_of_unbroken_failure_disable_and_one_success_breaks_them() -> None:
    bench = WebhookBench()
    broken, shaky = bench.endpoint(), bench.endpoint(OTHER_URL)
    bench.answers(500)
    bench.answers(500, url=OTHER_URL)
    for day in range(5):
        if day == 4:
            bench.answers(200, 500, url=OTHER_URL)
        bench.put(public_event(day, bench.clock.now()))
        bench.work()
        bench.clock.advance(days=1)
        bench.queue.later_on.clear()
    assert bench.current(broken).is_enabled

    bench.put(public_event(9, bench.clock.now()))
    bench.work()

    assert (bench.current(broken).status, bench.current(broken).disabled_because) == ("disabled", "failing")
    assert bench.current(shaky).is_enabled
    assert bench.endpoints.events[0].payload["failingSince"] == "2026-11-20T12:00:00.000Z"


def test_nothing_is_sent_to_a_disabled_endpoint_not_even_what_was_under_way() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(500)
    bench.put(EVENT)
    bench.work()
    bench.manage.disable(TENANT, endpoint.id, BY)
    bench.put(public_event(2, START))

    bench.wait_for_next()
    tried = bench.work()

    assert outcomes(tried) == ["dropped"]
    assert len(bench.sender.sent) == 1
    assert bench.delivery(endpoint, EVENT).failed_because == "endpoint_disabled"


def test_a_letter_that_comes_again_after_its_delivery_sends_nothing() -> None:
    bench = WebhookBench()
    bench.endpoint()
    bench.put(EVENT)
    ((lane, letter),) = bench.taken()
    bench.deliver(lane, [letter])

    again = bench.deliver(lane, [letter])

    assert outcomes(again) == ["old"]
    assert len(bench.sender.sent) == 1


def test_a_letter_that_comes_again_after_a_failure_only_makes_sure_that_the_next_try_comes() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(500)
    bench.put(EVENT)
    ((lane, letter),) = bench.taken()
    bench.deliver(lane, [letter])
    bench.queue.later_on.clear()  # the worker died before the next try was put

    again = bench.deliver(lane, [letter])

    assert outcomes(again) == ["old"]
    assert bench.queue.later_on == [(bench.delivery(endpoint, EVENT).next_attempt_at, letter._replace(version=1))]


def test_a_letter_that_comes_too_early_waits() -> None:
    bench = WebhookBench()
    bench.endpoint()
    bench.answers(500, 200)
    bench.put(EVENT)
    bench.work()
    ((at, letter),) = bench.queue.later_on

    assert outcomes(bench.deliver("patient", [letter])) == ["waits"]
    assert bench.queue.later_on == [(at, letter), (at, letter)]
    assert len(bench.sender.sent) == 1


def test_the_same_letter_twice_in_a_batch_is_one() -> None:
    bench = WebhookBench()
    bench.endpoint()
    bench.put(EVENT)
    ((lane, letter),) = bench.taken()

    assert outcomes(bench.deliver(lane, [letter, letter])) == ["delivered"]
    assert len(bench.sender.sent) == 1


def test_no_more_than_four_workers_send_to_one_endpoint_and_the_fifth_has_its_letters_wait_where_they_are() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    for _ in range(4):
        assert bench.gates.enter(endpoint, 0, START) is not None
    bench.put(EVENT)

    tried = bench.work()

    assert outcomes(tried) == ["waits"]
    assert bench.sender.sent == []
    assert [at for at, _ in bench.queue.later_on] == [START + timedelta(seconds=0.5)]
    assert set(bench.queue.lane_of.values()) == {"prompt"}


def test_an_endpoint_that_two_workers_have_waited_for_two_seconds_gets_the_rest_patiently() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    held = [bench.gates.enter(endpoint, 0, START) for _ in range(2)]

    bench.clock.advance(seconds=2)

    assert outcomes(bench.work()) == ["moved"]
    assert outcomes(bench.work()) == ["waits"]
    assert [at for at, _ in bench.queue.later_on] == [START + timedelta(seconds=7)]
    bench.put(public_event(2, START))
    assert [lane for lane, _ in bench.taken()] == ["patient"]
    for each in filter(None, held):
        bench.gates.leave(each, Health(), Health())
    bench.put(public_event(3, START))
    assert [lane for lane, _ in bench.taken()] == ["prompt"]


def test_a_slot_whose_worker_died_is_free_again_in_less_than_a_minute() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    for _ in range(4):
        bench.gates.enter(endpoint, 0, START)
    bench.put(EVENT)
    bench.clock.advance(seconds=59)

    assert outcomes(bench.work()) == ["delivered"]


def test_slots_are_given_back() -> None:
    bench = WebhookBench()
    bench.endpoint()
    for number in range(6):
        bench.put(public_event(number, START))
        assert outcomes(bench.work()) == ["delivered"]


def test_a_rate_is_kept_by_turns_that_are_given_once() -> None:
    bench = WebhookBench()
    bench.endpoint(rate_limit=2)
    bench.put(*(public_event(number, START) for number in range(6)))

    assert outcomes(bench.work()) == ["delivered", "waits", "waits", "waits", "waits", "waits"]
    turns = [(at - START).total_seconds() for at, _ in bench.queue.later_on]
    assert turns == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert all(letter.has_turn for _, letter in bench.queue.later_on)
    assert set(bench.queue.lane_of.values()) == {"prompt"}

    while bench.queue.later_on:
        bench.wait_for_next()
        assert outcomes(bench.work()) == ["delivered"]
    assert len(bench.sender.sent) == 6


def test_an_endpoint_in_trouble_gets_new_events_by_the_patient_queue() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.gates.health[endpoint.id] = Health(failing_since=START)

    bench.put(EVENT)

    assert [lane for lane, _ in bench.taken()] == ["patient"]


def test_a_prompt_letter_of_an_endpoint_in_trouble_moves_to_the_patient_queue_untried() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.put(EVENT)
    bench.gates.health[endpoint.id] = Health(slow_until=START + timedelta(minutes=1))

    assert outcomes(bench.work()) == ["moved"]

    assert bench.sender.sent == []
    assert outcomes(bench.work()) == ["delivered"]


def test_a_slow_answer_puts_an_endpoint_aside_for_ten_minutes() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    bench.answers(Response(200, 2_000))
    bench.put(EVENT)

    bench.work()

    health = bench.gates.health[endpoint.id]
    assert health.is_troubled(START + timedelta(minutes=10, seconds=-1))
    assert not health.is_troubled(START + timedelta(minutes=10))


def test_after_a_rotation_both_secrets_sign_for_a_day_and_then_the_new_one_alone() -> None:
    bench = WebhookBench()
    made = bench.manage.create(TENANT, _wanted(), None, BY)
    bench.answers(500)
    bench.put(EVENT)
    bench.work()
    rotated = bench.manage.rotate(TENANT, made.posted.endpoint.id, None, BY)
    old, new = made.secret, rotated.secret
    assert old is not None
    assert new is not None

    bench.wait_for_next()
    bench.work()
    assert [_verifies(bench, secret) for secret in (old, new)] == [True, True]
    bench.clock.advance(seconds=(START + timedelta(days=1) - bench.clock.now()).total_seconds())
    bench.put(public_event(2, bench.clock.now()))
    bench.work()
    assert [_verifies(bench, secret) for secret in (old, new)] == [True, True]
    bench.clock.advance(seconds=1)
    bench.put(public_event(3, bench.clock.now()))
    bench.work()
    assert [_verifies(bench, secret) for secret in (old, new)] == [False, True]


def test_an_event_that_nothing_is_kept_of_any_more_is_given_up() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    letter = Letter(TENANT, endpoint.id, EVENT.id, EVENT.type)

    assert outcomes(bench.deliver("prompt", [letter])) == ["dropped"]
    assert bench.delivery(endpoint, EVENT).failed_because == "event_forgotten"


def test_an_event_over_20_kb_is_not_sent() -> None:
    bench = WebhookBench()
    endpoint = bench.endpoint()
    long = public_event(1, START, note="x" * 20_000)
    bench.put(long)

    assert outcomes(bench.work()) == ["dropped"]
    assert bench.delivery(endpoint, long).failed_because == "too_large"
    assert bench.sender.sent == []


def test_an_endpoint_keeps_the_version_that_it_was_made_with() -> None:
    def undo(payload: Any) -> dict[str, Any]:
        return {**{name: value for name, value in payload.items() if name != "net"}, "amount": payload["net"]}

    steps = [Step("2027-06-01", {}), Step("2027-01-01", {"refund.completed": undo})]
    newer = {"refundId": "ref_1", "net": 5}

    def told(wanted: str, kind: str = "refund.completed", made_for: str = "2027-06-01") -> Any:
        return payload_as_of(kind, newer, made_for, wanted, steps)

    assert told("2026-11-01") == {"refundId": "ref_1", "amount": 5}
    assert told("2027-01-01") == newer
    assert told("2026-11-01", kind="refund.failed") == newer
    assert told("2026-11-01", made_for="2026-11-01") == newer


def _wanted(**more: Any) -> Any:
    from refundkit_core.application.manage_webhooks import WantedEndpoint

    return WantedEndpoint(URL, ("*",), **more)


def _verifies(bench: WebhookBench, secret: str) -> bool:
    _, headers, body = bench.sender.sent[-1]
    try:
        verify(body, headers, secret, now=bench.clock.now())
    except InvalidSignature:
        return False
    return True


def test_there_is_one_list_of_public_events() -> None:
    assert set(PUBLIC_EVENTS) == set(EVENT_TYPES) == set(get_args(EventName))
    patterns = [each for part in get_args(EventPattern) for each in get_args(part) or (part,)]
    assert set(patterns) == set(known_patterns())
