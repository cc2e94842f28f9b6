"""Policies on trial on the whole stack: at once, in the background, and a file that whoever has its URL can read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest
from refundkit_core.adapters.dynamodb.refusals import DynamoRefusalStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.openings import Refusal
from refundkit_core.domain.refund import Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

from local.deploy import aws_session
from local.stack import Stack
from tests.e2e.merchant import Merchant, eventually
from tests.support.builders import TRANSACTION
from tests.support.simulations import rows_of
from tests.unit.test_backtest import LAX, decided, facts

pytestmark = pytest.mark.stack

SHARP = {"name": "Sharp", "rules": [{"category": "default"}], "globalLimits": {"autoApproveThreshold": 1000}}
MANY = 600


def simulated(merchant: Merchant, policy: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    body = {"from": iso(now - timedelta(days=2)), "to": iso(now + timedelta(minutes=1))}
    answer = merchant.call("POST", f"/policies/{policy}/simulate", body)
    assert answer.status == 201, answer
    return dict(answer.body["data"])


def rows_at(url: str) -> list[dict[str, str]]:
    with urlopen(url, timeout=30) as answer:
        return rows_of(answer.read().decode())


def test_a_draft_is_tried_at_once_and_a_large_past_in_the_background(stack: Stack, merchant: Merchant) -> None:
    policy = merchant.call("POST", "/policies", SHARP).body["data"]["id"]
    opened = merchant.refund(merchant.charge(), 2_000).body["data"]["id"]

    found = eventually(lambda: _of_one(simulated(merchant, policy)), 10, lambda: "the index never had the refund")
    assert found["result"]["flips"] == [{"from": "allow", "to": "review", "count": 1}]
    assert [row["decisionId"] for row in rows_at(found["csvUrl"])] == [opened]

    refuse(stack, Tenant(merchant.described["org_id"], "test"))
    running = simulated(merchant, policy)
    assert running["status"] == "running"

    def shown() -> dict[str, Any] | None:
        data = merchant.call("GET", f"/simulations/{running['id']}").body["data"]
        return dict(data) if data and data["status"] == "completed" else None

    done = eventually(shown, 60, lambda: str(merchant.call("GET", f"/simulations/{running['id']}")))
    assert (done["result"]["judged"], done["result"]["before"]) == (MANY + 1, {"allow": 1, "review": 0, "refuse": MANY})
    assert len(rows_at(done["csvUrl"])) == MANY + 1


def _of_one(found: dict[str, Any]) -> dict[str, Any] | None:
    return found if found["result"]["judged"] == 1 else None


def refuse(stack: Stack, tenant: Tenant) -> None:
    """Put refused requests of the day before: as many as are too many to be judged at once."""
    client = aws_session().client("dynamodb", endpoint_url=stack.settings.aws_url)
    store = DynamoRefusalStore(Table(client, stack.record["outputs"]["TableName"]))
    yesterday = datetime.now(UTC) - timedelta(days=1)

    def put(number: int) -> None:
        past = decided(number, LAX, facts(amount_minor=9_000), None, 0)
        at = yesterday + timedelta(seconds=number)
        request = Request(None, None, past.rules, ground=past.ground)
        store.put(Refusal(past.id, tenant, TRANSACTION, "amount_exceeds_refundable", None, at, request))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(MANY)))
