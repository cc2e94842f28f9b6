"""Deliveries: ten attempts over about 75 hours, jitter that only adds, and receivers who ask for time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.deliveries import (
    WAITS_S,
    Attempt,
    after_attempt,
    begun_anew,
    delivery_id,
    first,
    given_up,
)
from refundkit_core.domain.ids import is_id, time_of

from tests.support.builders import TENANT
from tests.support.clock import START
from tests.support.webhooks import public_event

EVENT = public_event(1, START)
NEW = first(TENANT, "whe_00000000000000000000000001", EVENT.id, EVENT.type)
FAILS = Attempt(START, 500, 100)


def test_ten_attempts_take_about_seventy_five_hours() -> None:
    assert len(WAITS_S) == 10
    assert timedelta(seconds=sum(WAITS_S)) == timedelta(hours=75, minutes=35, seconds=5)


def test_the_id_of_a_delivery_is_that_of_its_event_and_endpoint_and_begins_with_the_events_time() -> None:
    again = delivery_id(NEW.endpoint_id, EVENT.id)
    elsewhere = delivery_id("whe_00000000000000000000000002", EVENT.id)

    assert NEW.id == again != elsewhere
    assert is_id("whd", NEW.id)
    assert time_of(NEW.id) == NEW.created_at == START


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    after = after_attempt(NEW, Attempt(START, status, 20), 0.5)

    assert (after.status, after.next_attempt_at, after.tries, after.version) == ("delivered", None, 1, 1)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503])
def test_everything_else_but_gone_is_tried_again(status: int | None) -> None:
    after = after_attempt(NEW, Attempt(START, status, 20, None if status else "timed_out"), 0)

    assert after.status == "pending"
    assert after.next_attempt_at == START + timedelta(seconds=5, milliseconds=20)


def test_a_receiver_that_is_gone_is_not_tried_again() -> None:
    after = after_attempt(NEW, Attempt(START, 410, 20), 0)

    assert (after.status, after.failed_because, after.next_attempt_at) == ("failed", "gone", None)


@given(chance=st.floats(0, 1, exclude_max=True), tries=st.integers(0, 8))
def test_jitter_only_adds_and_no_more_than_a_tenth(chance: float, tries: int) -> None:
    before = replace(NEW, tries=tries)

    after = after_attempt(before, FAILS, chance)

    assert after.next_attempt_at is not None
    waited_s = (after.next_attempt_at - START - timedelta(milliseconds=100)).total_seconds()
    must = WAITS_S[tries + 1]
    assert must <= waited_s <= must * 1.1 + 0.001


@given(asked=st.integers(0, 200_000))
def test_a_receiver_can_ask_for_up_to_a_day_and_never_for_less_than_the_schedule(asked: int) -> None:
    after = after_attempt(NEW, Attempt(START, 429, 0), 0, asked)

    assert after.next_attempt_at == START + timedelta(seconds=max(5, min(asked, 86_400)))


def test_the_tenth_failure_is_the_last() -> None:
    delivery = NEW
    for _ in range(9):
        delivery = after_attempt(delivery, FAILS, 0)
        assert delivery.status == "pending"

    ended = after_attempt(delivery, FAILS, 0)

    assert (ended.status, ended.failed_because, ended.next_attempt_at) == ("failed", "exhausted", None)
    assert ended.attempts == (FAILS,) * 10


def test_begun_anew_has_ten_tries_again_and_keeps_its_history_without_what_was_answered() -> None:
    told = Attempt(START, 500, 100, None, "secret")
    failed = given_up(after_attempt(NEW, told, 0), "endpoint_disabled")

    anew = begun_anew(failed, START + timedelta(hours=1))

    assert (anew.status, anew.tries, anew.failed_because) == ("pending", 0, None)
    assert anew.next_attempt_at == START + timedelta(hours=1)
    assert anew.attempts == (told._replace(body=""),)
    assert (anew.event_id, anew.id, anew.version) == (NEW.event_id, NEW.id, failed.version + 1)


def test_the_latest_twenty_attempts_are_kept() -> None:
    delivery = NEW
    for number in range(25):
        if delivery.status == "failed":
            delivery = begun_anew(delivery, START)
        delivery = after_attempt(delivery, Attempt(START + timedelta(seconds=number), 500, 1), 0)

    assert [attempt.at for attempt in delivery.attempts] == [START + timedelta(seconds=each) for each in range(5, 25)]
