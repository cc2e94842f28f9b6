"""Receivers as they are, over real sockets: what is kept of every attempt, and when the next one comes, on a clock that
tests move."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from refundkit.webhook_signature import InvalidSignature, verify
from refundkit_core.adapters.webhook_http import HttpWebhookSender
from refundkit_core.domain.deliveries import Delivery

from tests.support.builders import TENANT
from tests.support.clock import START
from tests.support.webhook_receiver import (
    Answer,
    WebhookReceiver,
    close_before_status,
    close_in_body,
    drip_body,
    drip_headers,
    endless_headers,
    hang,
    raw,
    redirect,
    status,
)
from tests.support.webhooks import BY, WebhookBench, public_event

EVENT = public_event(1, START)
TOTAL_S = 0.4
PATH = "/hooks"


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def bench() -> WebhookBench:
    """Everything in memory but the way to the receiver, which is real, with less patience."""
    made = WebhookBench()
    made.deliver._sender = HttpWebhookSender(made.clock, local=True, total_s=TOTAL_S)
    return made


def tried_once(bench: WebhookBench, receiver: WebhookReceiver, answer: Answer) -> Delivery:
    """The delivery of an event after its first attempt."""
    endpoint = bench.endpoint(receiver.url(PATH))
    receiver.answers(PATH, answer)
    bench.put(EVENT)
    bench.work()
    return bench.delivery(endpoint, EVENT)


@pytest.mark.parametrize(
    ("answer", "code", "error"),
    [
        pytest.param(status(500), 500, None, id="fails"),
        pytest.param(status(404), 404, None, id="is not there"),
        pytest.param(redirect("http://169.254.169.254/latest/meta-data"), 302, None, id="redirects"),
        pytest.param(redirect("http://169.254.169.254/latest/meta-data", 307), 307, None, id="redirects the post"),
        pytest.param(hang(), None, "timed_out", id="hangs"),
        pytest.param(drip_headers(), None, "timed_out", id="drips headers"),
        pytest.param(endless_headers(), None, "malformed_answer", id="sends headers for ever"),
        pytest.param(close_before_status(), None, "closed_early", id="closes early"),
        pytest.param(raw(b"nonsense\r\n\r\n"), None, "malformed_answer", id="speaks something else"),
    ],
)
def test_what_does_not_take_it_is_kept_as_it_was_and_tried_again_in_five_seconds(
    bench: WebhookBench, receiver: WebhookReceiver, answer: Answer, code: int | None, error: str | None
) -> None:
    delivery = tried_once(bench, receiver, answer)

    (attempt,) = delivery.attempts
    assert (attempt.at, attempt.status, attempt.error) == (START, code, error)
    assert delivery.status == "pending"
    ended = START + timedelta(milliseconds=attempt.latency_ms)
    assert delivery.next_attempt_at == ended + timedelta(seconds=5)
    ((at, letter),) = bench.queue.later_on
    assert (at, letter.version) == (delivery.next_attempt_at, 1)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(status(200, b"x" * 10_000_000), id="10 MB"),
        pytest.param(drip_body(), id="a body that drips"),
        pytest.param(close_in_body(), id="a body that breaks off"),
        pytest.param(status(204), id="nothing"),
    ],
)
def test_a_2xx_is_success_whatever_comes_behind_it_and_a_kilobyte_is_kept(
    bench: WebhookBench, receiver: WebhookReceiver, answer: Answer
) -> None:
    delivery = tried_once(bench, receiver, answer)

    (attempt,) = delivery.attempts
    assert delivery.status == "delivered"
    assert attempt.status in (200, 204)
    assert len(attempt.body) <= 1_024
    assert bench.queue.later_on == []


def test_who_is_gone_is_disabled_and_who_asks_for_an_hour_gets_it(
    bench: WebhookBench, receiver: WebhookReceiver
) -> None:
    asked = tried_once(bench, receiver, status(429, retry_after="3600"))
    assert asked.next_attempt_at is not None
    assert asked.next_attempt_at - START >= timedelta(hours=1)
    receiver.answers(PATH, status(410))
    bench.wait_for_next()

    bench.work()

    (posted,) = bench.endpoints.all(TENANT)
    assert (posted.endpoint.status, posted.endpoint.disabled_because) == ("disabled", "gone")


def test_nobody_listens_any_more(bench: WebhookBench) -> None:
    with WebhookReceiver() as receiver:
        endpoint = bench.endpoint(receiver.url(PATH))
    bench.put(EVENT)

    bench.work()

    assert [each.error for each in bench.delivery(endpoint, EVENT).attempts] == ["connect_failed"]


def test_rotated_between_two_tries_old_and_new_receivers_verify_for_a_day_and_then_the_new_one_alone(
    bench: WebhookBench, receiver: WebhookReceiver
) -> None:
    endpoint = bench.endpoint(receiver.url(PATH))
    (old,) = endpoint.signing(START)
    receiver.answers(PATH, status(500), status(200))
    bench.put(EVENT)
    bench.work()
    new = bench.manage.rotate(TENANT, endpoint.id, None, BY).secret
    assert new is not None
    bench.wait_for_next()
    bench.work()

    assert verified(bench, receiver, old, new) == [True, True]
    bench.clock.advance(seconds=(START + timedelta(hours=24, seconds=1) - bench.clock.now()).total_seconds())
    bench.put(public_event(2, bench.clock.now()))
    bench.work()
    assert verified(bench, receiver, old, new) == [False, True]


def verified(bench: WebhookBench, receiver: WebhookReceiver, *secrets: str) -> list[bool]:
    """Whether the latest request is right for a receiver that knows one of ``secrets`` alone."""
    latest = receiver.requests[-1]
    found = []
    for secret in secrets:
        try:
            verify(latest.body, latest.headers, secret, now=bench.clock.now())
        except InvalidSignature:
            found.append(False)
        else:
            found.append(True)
    return found
