"""An organization with 50,000 refunds on MiniStack's DynamoDB: what a list and a look-up examine, counted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.adapters.dynamodb.refund_items import first_event_item, head_item
from refundkit_core.adapters.dynamodb.table import encode
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Request

from tests.e2e.workers import Workers, workers_on_emulator
from tests.support.builders import refund
from tests.support.clock import START

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FEW, MANY = 50, 50_000
REQUEST = Request(fingerprint="0" * 64, metadata={"orderId": "order_456"}, decision=())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_on_emulator(tmp_path_factory.mktemp("volume")) as running:
        running.admit(1_000_000)
        yield running


class Counted:
    """What DynamoDB did for one request: its calls, and the items that they looked at."""

    def __init__(self, workers: Workers) -> None:
        self.calls: list[str] = []
        self.examined = 0
        self.widest = 0
        events = workers.containers[0].client("dynamodb").meta.events
        events.register("after-call.dynamodb", self._note)

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        found = parsed.get("ScannedCount", 0) + sum(len(items) for items in parsed.get("Responses", {}).values())
        if model.name == "Query":
            self.widest = max(self.widest, found)
        self.examined += found + ("Item" in parsed)

    def take(self) -> tuple[list[str], int]:
        taken = self.calls[:], self.examined
        self.calls.clear()
        self.examined = 0
        return taken


def fill(workers: Workers, first: int, last: int) -> list[str]:
    """Put refunds ``first`` to ``last``, a minute apart; one in ten has failed, two belong to each charge."""
    client = workers.containers[0].client("dynamodb")
    made = []
    puts = []
    for number in range(first, last):
        at = START + timedelta(minutes=number)
        one = replace(
            refund(number),
            id=f"ref_{number:026d}",
            tenant=workers.tenant,
            transaction=TransactionRef("stripe", "acct_1", f"ch_{number // 2}"),
            status="failed" if number % 10 == 0 else "completed",
            created_at=at,
            updated_at=at,
        )
        made.append(one.id)
        items = (head_item(one), first_event_item(of_change(None, one), REQUEST, one))
        puts += [{"PutRequest": {"Item": encode(item)}} for item in items]
    with ThreadPoolExecutor(4) as pool:
        batches = [puts[start : start + 25] for start in range(0, len(puts), 25)]
        list(pool.map(lambda batch: client.batch_write_item(RequestItems={workers.settings.table: batch}), batches))
    return made


def test_fifty_thousand_refunds_make_nothing_dearer(running: Workers) -> None:
    first = fill(running, 0, FEW)
    counted = Counted(running)

    def asked(path: str) -> tuple[Any, list[str], int]:
        counted.take()
        said = running.ask("GET", path)
        assert said.status == 200, said
        return (said.body, *counted.take())

    def costs() -> dict[str, tuple[list[str], int]]:
        paths = {
            "one": f"/v1/refunds/{first[7]}",
            "timeline": f"/v1/refunds/{first[7]}/events",
            "page": "/v1/refunds?limit=25",
            "transaction": "/v1/refunds?transactionId=ch_7",
        }
        return {name: asked(path)[1:] for name, path in paths.items()}

    with_few = costs()
    fill(running, FEW, MANY)

    # the same calls, and of a page the same number of items, read in pieces of at least a hundred
    with_many = costs()
    assert {name: calls for name, (calls, _) in with_many.items()} == {
        name: calls for name, (calls, _) in with_few.items()
    }
    assert {name: with_many[name][1] for name in ("one", "timeline", "transaction")} == {
        name: with_few[name][1] for name in ("one", "timeline", "transaction")
    }
    assert with_many["page"][1] <= 150

    body, _, examined = asked("/v1/refunds?status=failed&limit=90")
    assert len(body["data"]) == 90
    assert examined <= 1_000 + 90  # and the first event of each that is shown

    body, calls, examined = asked("/v1/refunds?status=pending")
    assert calls.count("Query") == 4
    assert body["data"] == []
    assert body["pagination"]["nextCursor"]
    assert examined <= 1_000
    body, _, examined = asked(f"/v1/refunds?status=pending&cursor={body['pagination']['nextCursor']}")
    assert examined <= 1_001  # and the organization's secret, unless it is known

    body, _, examined = asked("/v1/refunds?offset=1000&limit=100")
    assert [one["id"] for one in body["data"]] == [
        f"ref_{number:026d}" for number in range(MANY - 1_001, MANY - 1_101, -1)
    ]

    window = "createdAfter=2026-11-20T12:10:00Z&createdBefore=2026-11-20T12:20:00Z"
    body, _, examined = asked(f"/v1/refunds?{window}")
    assert len(body["data"]) == 10
    assert examined <= 25


def test_a_thousand_failures_among_fifty_thousand_are_all_found_by_the_cursor(running: Workers) -> None:
    path = "/v1/refunds?status=failed&limit=100&createdAfter=2026-12-01T00:00:00Z&createdBefore=2026-12-08T00:00:00Z"
    found: list[str] = []
    said = running.ask("GET", path)
    while cursor := said.body["pagination"]["nextCursor"]:
        found += [one["id"] for one in said.body["data"]]
        said = running.ask("GET", f"{path}&cursor={cursor}")
    found += [one["id"] for one in said.body["data"]]

    assert len(found) == len(set(found)) == 7 * 24 * 60 // 10
