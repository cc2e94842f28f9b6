"""Ten thousand decisions are judged again in the background, on MiniStack: exactly, and it tells how long it took."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import pytest
from refundkit_core.adapters.dynamodb.refund_items import first_event_item, head_item
from refundkit_core.adapters.dynamodb.refusals import DynamoRefusalStore
from refundkit_core.adapters.dynamodb.table import encode
from refundkit_core.application.openings import Refusal
from refundkit_core.domain.backtest import PastDecision, Tally, Trial, judged_anew
from refundkit_core.domain.events import of_change
from refundkit_core.domain.facts import CustomerFacts, Item
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.policies import Limits, Policy, PolicyVersion, Rule
from refundkit_core.domain.policy_documents import document_of
from refundkit_core.domain.refund import Request

from tests.e2e.workers import Workers, workers_on_emulator
from tests.support.builders import refund
from tests.support.clock import START, FixedClock
from tests.support.functions import function_module
from tests.support.simulations import rows_of
from tests.unit.test_backtest import decided, facts

pytestmark = [pytest.mark.stack, pytest.mark.slow]

MANY = 10_000
CATEGORIES = ("shoes", "hats", "tv")
DECIDED = Policy("Then", (Rule(category="tv", restocking_fee_bp=1500), Rule(category="default", return_window_days=30)))
TRIED = Policy(
    "Next",
    (Rule(category="shoes", final_sale=True), Rule(category="default", restocking_fee_bp=725)),
    Limits(auto_approve_threshold_minor=3_000, max_returns_per_customer_30d=5),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with workers_on_emulator(tmp_path_factory.mktemp("simulations")) as running:
        running.admit(1_000_000)
        running.set_clock(FixedClock(START + timedelta(days=30)))
        yield running


def past(policy_id: str) -> list[PastDecision]:
    """Decisions a minute apart; about one in five was refused, because it asked for more than there was."""
    return [
        decided(
            number,
            DECIDED,
            facts(
                amount_minor=100 + number * 7 % 6_000,
                items=(Item(category=CATEGORIES[number % 3]),),
                customer=CustomerFacts(known=True, refunds_30d=number % 8, refunds_90d=9, value_90d_minor=1),
            ),
            policy_id,
        )
        for number in range(MANY)
    ]


def fill(workers: Workers, decisions: list[PastDecision]) -> None:
    """Put the refunds and refusals that the decisions were kept with."""
    client = workers.containers[0].client("dynamodb")
    opened = [each for each in decisions if each.id.startswith("ref_")]
    refused = [each for each in decisions if each.id.startswith("dec_")]
    puts = [{"PutRequest": {"Item": encode(item)}} for each in opened for item in items_of(workers, each)]
    batches = [puts[start : start + 25] for start in range(0, len(puts), 25)]
    refusals = DynamoRefusalStore(workers.containers[0].table)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda batch: client.batch_write_item(RequestItems={workers.settings.table: batch}), batches))
        list(pool.map(lambda each: refusals.put(refusal_of(workers, each)), refused))


def items_of(workers: Workers, past: PastDecision) -> tuple[dict[str, Any], dict[str, Any]]:
    money = replace(past.gross, amount_minor=past.gross.amount_minor - past.fee_minor)
    one = replace(
        refund(), id=past.id, tenant=workers.tenant, created_at=past.at, money=money, fee_minor=past.fee_minor
    )
    return head_item(one), first_event_item(of_change(None, one), request_of(past), one)


def refusal_of(workers: Workers, past: PastDecision) -> Refusal:
    at = TransactionRef("stripe", "acct_1", past.charge_id)
    return Refusal(past.id, workers.tenant, at, "amount_exceeds_refundable", None, past.at, request_of(past))


def request_of(past: PastDecision) -> Request:
    return Request(None, None, past.rules, ground=past.ground)


def work(workers: Workers) -> int:
    """Work the simulation queue off; how many messages that took."""
    sqs, queue = workers.containers[0].client("sqs"), workers.settings.simulation_queue_url
    worked = 0
    while found := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"):
        for message in found:
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            assert function_module("simulate").handler({"Records": [record]}, None) == {"batchItemFailures": []}
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            worked += 1
    return worked


def test_ten_thousand_decisions_add_up_to_judging_them_one_by_one(
    running: Workers, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = running.ask("POST", "/v1/policies", document_of(TRIED)).body["data"]["id"]
    decisions = past(policy)
    fill(running, decisions)
    body = {"from": "2026-11-20T00:00:00Z", "to": "2026-12-20T00:00:00Z", "examples": 100}

    began = time.monotonic()
    made = running.ask("POST", f"/v1/policies/{policy}/simulate", body)
    assert made.status == 201, made
    assert made.body["data"]["status"] == "running"
    worked = work(running)
    took = time.monotonic() - began

    shown = running.ask("GET", f"/v1/simulations/{made.body['data']['id']}").body["data"]
    simulation = running.containers[0].simulations.find(running.tenant, shown["id"])
    assert simulation is not None
    on_trial = Trial(policy, PolicyVersion(policy, 0, TRIED), examples=100)
    one_by_one = Tally(100)
    for each in decisions:
        one_by_one += judged_anew(on_trial, [each]).tally
    assert simulation.tally == one_by_one
    assert (shown["status"], shown["result"]["judged"]) == ("completed", MANY)
    assert worked <= MANY // 1_000 + 2  # the last chunk may be empty, and the file is put together
    assert [each["decisionId"] for each in shown["result"]["examples"]] == [
        place.partition("#")[2] for place in one_by_one.examples
    ]
    with urlopen(shown["csvUrl"], timeout=30) as answer:
        rows = rows_of(io.TextIOWrapper(answer, "utf-8", newline="").read())
    assert sorted(row["decisionId"] for row in rows) == sorted(each.id for each in decisions)
    assert sum(row["before"] != row["after"] for row in rows) == sum(one_by_one.flips.values())
    with capsys.disabled():
        print(f"\n{MANY} decisions were judged again in {took:.1f} s, {worked} messages, waits for the queue included")
