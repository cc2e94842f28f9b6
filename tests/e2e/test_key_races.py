"""Keys with real threads on MiniStack's DynamoDB: exactly as many requests as allowed, one key for one idempotency key,
and none after it was revoked."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from tests.e2e.workers import Workers, workers_on_emulator
from tests.support.clock import START, FixedClock

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_on_emulator(tmp_path_factory.mktemp("keys")) as running:
        yield running


def test_of_150_calls_at_once_on_a_key_of_100_a_minute_exactly_100_pass(running: Workers) -> None:
    running.admit(100)
    for minute in range(3):
        clock = FixedClock(START + timedelta(minutes=minute))
        running.set_clock(clock)

        said = running.at_once([partial(running.ask, "GET", "/v1/refunds")] * 150)

        assert Counter(each.status for each in said) == {200: 100, 429: 50}
        left = sorted(int(each.headers["ratelimit-remaining"]) for each in said if each.status == 200)
        assert left == list(range(100))
        assert {each.headers["retry-after"] for each in said if each.status == 429} == {"60"}
    running.admit(1_000_000)


def test_twenty_requests_at_once_with_one_idempotency_key_make_one_key_and_show_it_once(running: Workers) -> None:
    headers = {"idempotency-key": uuid.uuid4().hex}
    wanted = {"name": f"Shop {uuid.uuid4().hex}"}

    said = running.at_once([partial(running.ask, "POST", "/v1/api-keys", wanted, **headers)] * 20)

    assert {each.status for each in said} == {201}
    assert len({each.body["data"]["id"] for each in said}) == 1
    assert sum(each.body["data"]["key"] is not None for each in said) == 1
    listed = running.ask("GET", "/v1/api-keys?limit=100").body["data"]
    assert [key["name"] for key in listed].count(wanted["name"]) == 1


def test_a_key_revoked_while_it_is_used_passes_nothing_afterwards(running: Workers) -> None:
    made = running.ask("POST", "/v1/api-keys", {"name": "Brief", "scopes": ["refunds:read"]}).body["data"]
    use = partial(running.ask_with, made["key"], "GET", "/v1/refunds")
    revoke = partial(running.ask, "DELETE", f"/v1/api-keys/{made['id']}")

    said = running.at_once([*[use] * 20, revoke, revoke, *[use] * 20])

    assert {each.status for each in said[20:22]} == {200}
    assert len({each.body["data"]["revokedAt"] for each in said[20:22]}) == 1
    assert {each.status for each in said} <= {200, 401}
    assert {each.status for each in running.at_once([use] * 20)} == {401}
