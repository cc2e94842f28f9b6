"""Caps and limits with real threads on MiniStack's DynamoDB: fifty at once get what is allowed, and no more."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from tests.e2e.workers import Said, Workers, workers_on_emulator
from tests.support.clock import FixedClock

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_on_emulator(tmp_path_factory.mktemp("caps")) as running:
        running.admit(1_000_000)
        running.set_clock(FixedClock(datetime.now(UTC)))  # what is counted by the day is counted on one day
        yield running


@pytest.fixture
def workers(running: Workers) -> Iterator[Workers]:
    yield running
    assert running.ask("PUT", "/v1/settings/guards", {}).status == 200


def guard(workers: Workers, *caps: dict[str, Any], **guards: Any) -> None:
    said = workers.ask("PUT", "/v1/settings/guards", {"caps": list(caps), **guards})
    assert said.status == 200, said.body


def fifty(workers: Workers, amount: int = 100, **charge: Any) -> tuple[list[Said], list[str]]:
    """Fifty refunds of one amount at once, each of a charge of its own, and those that were opened."""
    charges = [workers.charge(**charge)["id"] for _ in range(50)]
    said = workers.at_once([partial(workers.refund, each, amount, uuid.uuid4().hex) for each in charges])
    return said, [each.body["data"]["id"] for each in said if each.status == 201]


def test_fifty_at_once_take_a_cap_of_one_key_to_its_last_unit_and_not_beyond(workers: Workers) -> None:
    guard(workers, {"scope": "key", "perDay": 2050})

    said, opened = fifty(workers)

    assert Counter((each.status, each.code) for each in said) == {(201, None): 20, (429, "budget_exceeded"): 30}
    for refund_id in opened[:3]:
        assert workers.ask("POST", f"/v1/refunds/{refund_id}/cancel").status == 200
    again, _ = fifty(workers)
    assert Counter(each.status for each in again) == {201: 3, 429: 47}


def test_fifty_at_once_never_exceed_the_organizations_ten_purses_and_leave_less_than_a_tenth(workers: Workers) -> None:
    guard(workers, {"scope": "organization", "perDay": 3_333})

    said, opened = fifty(workers)

    assert {each.code for each in said} == {None, "budget_exceeded"}
    assert 3_333 * 9 // 10 <= len(opened) * 100 <= 3_333


def test_a_customer_with_fifty_refunds_at_once_gets_their_limit_and_the_rest_waits_for_a_person(
    workers: Workers,
) -> None:
    policy = {
        "name": "Five a month",
        "rules": [{"category": "default", "returnWindowDays": 30}],
        "globalLimits": {"maxReturnsPerCustomer30d": 5},
    }
    made = workers.ask("POST", "/v1/policies", policy).body["data"]
    assert workers.ask("POST", f"/v1/policies/{made['id']}/publish", {}).status == 200
    first = workers.charge(customer={"name": "Ada", "email": "ada@example.com"})
    charges = [workers.charge(customer=first["customer"])["id"] for _ in range(20)]

    said = workers.at_once([partial(workers.refund, each, 100, uuid.uuid4().hex) for each in charges])

    assert Counter(each.body["data"]["status"] for each in said) == {"pending": 5, "pending_approval": 15}
