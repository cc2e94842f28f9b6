"""A policy is tried on past decisions before it is published: at once where there are few, else in the background."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe
from refundkit_core.application import simulate_policy
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.integration.test_kills_of_keys_and_erasures import Killed, killed_at
from tests.integration.test_money_path import deliver_news, refund_event, webhook
from tests.support.moto_state import Kept
from tests.support.simulations import (
    LAX,
    STRICT,
    draft,
    handed,
    message,
    policy_of,
    rows_at,
    shown,
    simulated,
    span,
    taken,
    work,
)

SERVICES = ("dynamodb", "s3", "sqs", "kms")


def past(world: World) -> dict[str, str]:
    """Four decisions by the lax policy, and a refund that was made at the processor: their ids by what they are."""
    charge = world.charge(amount=50_000, customer={"name": "Ada", "email": "ada@example.com"})["id"]
    made = {}
    for name, amount, category in (("small", 1000, "hats"), ("big", 2000, "hats"), ("shoes", 3000, "shoes")):
        made[name] = world.refund(charge, amount=amount, items=[{"category": category}], reason="other")["id"]
        world.clock.advance(seconds=1)
    status, envelope, _ = world.call(
        "POST", "/v1/refunds", {"transactionId": charge, "amount": 60_000, "reason": "other"}
    )
    assert status == 422
    made["too much"] = envelope["error"]["details"][-1]["message"]
    return made


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds of a large past, made small."""
    monkeypatch.setattr(simulate_policy, "AT_ONCE", 2)
    monkeypatch.setattr(simulate_policy, "A_CHUNK", 2)


RESULT: dict[str, Any] = {
    "judged": 4,
    "notJudged": {"noFacts": 0, "otherMerchants": 0, "notSampled": 0},
    "before": {"allow": 3, "review": 0, "refuse": 1},
    "after": {"allow": 1, "review": 1, "refuse": 2},
    "flips": [{"from": "allow", "to": "refuse", "count": 1}, {"from": "allow", "to": "review", "count": 1}],
    "money": [
        {
            "currency": "usd",
            "before": {"allow": 6000, "review": 0, "refuse": 60_000},
            "after": {"allow": 1000, "review": 2000, "refuse": 63_000},
            "delta": {"allow": -5000, "review": 2000, "refuse": 3000},
        }
    ],
    "truncated": False,
}


def test_a_small_past_is_answered_at_once_with_counts_money_examples_and_a_file(world: World) -> None:
    policy = policy_of(world, LAX)
    decisions = past(world)
    draft(world, policy, STRICT)

    found = simulated(world, policy)

    result = found["result"]
    examples = result.pop("examples")
    assert result == RESULT
    assert (found["status"], found["version"], found["revision"], found["policyId"]) == ("completed", None, 2, policy)
    assert found["progress"] == {"examined": 4, "percent": 100}
    told = [(each["decisionId"], each["before"], each["after"], each["changedRules"]) for each in examples]
    assert told[0][:3] == (decisions["shoes"], "allow", "refuse")
    assert "final_sale: pass to fail" in told[0][3]
    assert told[1][:3] == (decisions["big"], "allow", "review")
    assert told[1][3] == ["auto_approve: silent to review"]
    kept = world.call("GET", f"/v1/decisions/{decisions['big']}")[1]["data"]["trace"]
    assert examples[1]["traceBefore"] == kept
    assert examples[1]["traceAfter"][-1]["rule"] == "auto_approve"
    rows = rows_at(world, found)
    assert [(row["decisionId"], row["before"], row["after"], row["amount"]) for row in rows] == [
        (decisions["shoes"], "allow", "refuse", "3000"),
        (decisions["big"], "allow", "review", "2000"),
        (decisions["small"], "allow", "allow", "1000"),
        (decisions["too much"], "refuse", "refuse", "60000"),
    ]
    assert "ada" not in str(rows).lower()
    assert {**shown(world, found["id"]), "csvUrl": None} == {
        **found,
        "result": {**result, "examples": examples},
        "csvUrl": None,
    }
    assert "X-Amz-Expires=900" in found["csvUrl"]
    assert found["csvUrl"].startswith("https://refundkit-reports.s3.eu-west-1.amazonaws.com/simulations/")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in found["csvUrl"]


def test_a_published_version_is_tried_as_well_and_one_that_never_was_is_not_found(world: World) -> None:
    policy = policy_of(world, LAX)
    past(world)
    draft(world, policy, STRICT)
    assert world.call("POST", f"/v1/policies/{policy}/publish", {"shadow": True})[0] == 200
    draft(world, policy, LAX)

    assert simulated(world, policy)["result"]["flips"] == []
    assert simulated(world, policy, version=1)["result"]["flips"] == []
    second = simulated(world, policy, version=2, examples=0)
    assert (second["version"], second["revision"], second["result"]) == (2, 2, {**RESULT, "examples": []})
    status, envelope, _ = world.call("POST", f"/v1/policies/{policy}/simulate", {**span(world), "version": 3})
    assert (status, envelope["error"]["code"]) == (404, "not_found")


def test_a_large_past_is_worked_off_chunk_by_chunk_to_the_same_result(world: World, few_at_once: None) -> None:
    policy = policy_of(world, LAX)
    past(world)
    draft(world, policy, STRICT)

    running = simulated(world, policy)
    assert (running["status"], running["result"], running["csvUrl"]) == ("running", None, None)
    assert running["progress"] == {"examined": 0, "percent": 0}
    (first,) = taken(world)
    assert handed(first) == []
    halfway = shown(world, running["id"])
    assert halfway["progress"]["examined"] == 2
    assert halfway["progress"]["percent"] < 100
    draft(world, policy, LAX)  # what is written meanwhile is not what is tried
    assert work(world) == 2

    found = shown(world, running["id"])
    assert found["status"] == "completed"
    assert len(found["result"].pop("examples")) == 2
    assert found["result"] == RESULT
    assert len(rows_at(world, found)) == 4
    status, envelope, _ = world.call("GET", f"/v1/policies/{policy}/simulations")
    assert (status, envelope["data"]) == (
        200,
        [{name: value for name, value in found.items() if name not in ("result", "csvUrl")}],
    )


def test_messages_that_come_twice_late_or_of_nothing_change_nothing(world: World, few_at_once: None) -> None:
    policy = policy_of(world, LAX)
    past(world)
    draft(world, policy, STRICT)
    running = simulated(world, policy)
    messages = [message(world, running["id"], number) for number in (0, 0, 1, 0, 1, 2, 0, 2, 1)]

    assert handed(*messages, message(world, running["id"], 7), message(world, "sim_never", 0)) == []

    work(world)
    found = shown(world, running["id"])
    found["result"].pop("examples")
    assert found["result"] == RESULT
    assert len(rows_at(world, found)) == 4


@pytest.mark.parametrize("moment", ["before", "after"])
def test_totals_are_exact_wherever_a_worker_dies(world: World, few_at_once: None, moment: str) -> None:
    policy = policy_of(world, LAX)
    past(world)
    draft(world, policy, STRICT)
    call, deaths, begun, begun_with = 0, 0, True, Kept.taken()
    while begun:
        call += 1
        begun_with.put_back()
        world.clock.advance(minutes=1)
        body = {**span(world), "examples": call}
        path, headers = f"/v1/policies/{policy}/simulate", {"idempotency-key": f"key-{call}"}
        world.container.organizations._opened.forget(world.organization.org_id)
        waiting: list[str] = []
        begun = False
        with killed_at(world, call, moment, SERVICES):
            try:
                made = world.call("POST", path, body, headers=headers)[1]["data"]
                waiting = taken(world)
                while waiting:
                    handed(waiting[0])
                    waiting = waiting[1:] + taken(world)
            except Killed:
                begun, deaths = True, deaths + 1
        world.clock.advance(minutes=1)
        made = world.call("POST", path, body, headers=headers)[1]["data"]
        waiting += taken(world)
        while waiting:  # what was on its way when the worker died is delivered again
            handed(waiting[0])
            waiting = waiting[1:] + taken(world)
        found = shown(world, made["id"])
        assert found["status"] == "completed"
        assert len(found["result"].pop("examples")) == min(call, 2)
        assert found["result"] == RESULT
        assert len(rows_at(world, found)) == 4
    assert deaths > 15


def test_the_same_key_is_the_same_simulation_and_another_body_is_refused(world: World) -> None:
    policy = policy_of(world, LAX)
    past(world)
    body, headers = span(world), {"idempotency-key": "one"}
    path = f"/v1/policies/{policy}/simulate"

    first = world.call("POST", path, body, headers=headers)
    again = world.call("POST", path, body, headers=headers)
    other = world.call("POST", path, {**body, "sample": 50}, headers=headers)

    assert (first[0], again[0], again[1]["data"]["id"]) == (201, 201, first[1]["data"]["id"])
    assert ("idempotent-replayed" in first[2], again[2]["idempotent-replayed"]) == (False, "true")
    assert (other[0], other[1]["error"]["code"]) == (409, "idempotency_key_reused")


def test_a_sample_is_the_same_decisions_every_time_and_the_rest_is_counted(world: World) -> None:
    policy = policy_of(world, LAX)
    past(world)

    first, again = (simulated(world, policy, sample=50)["result"] for _ in range(2))

    assert first == again
    assert first["judged"] + first["notJudged"]["notSampled"] == 4


def test_a_refund_made_at_the_processor_is_counted_apart_and_another_merchants_too(world: World) -> None:
    policy = policy_of(world, LAX)
    past(world)
    charge = world.charge()["id"]
    stripe.StripeClient(world.sandbox.test_key, base_addresses={"api": world.sandbox.url}).v1.refunds.create(
        {"charge": charge}
    )
    webhook(world, refund_event(charge, "refund.created"))
    deliver_news(world)
    elsewhere = world.call("POST", "/v1/policies", {**STRICT, "merchantId": "other"})[1]["data"]["id"]

    found = simulated(world, elsewhere)["result"]

    assert (found["judged"], found["notJudged"]) == (0, {"noFacts": 1, "otherMerchants": 4, "notSampled": 0})
    found = simulated(world, policy)
    assert (found["result"]["judged"], found["result"]["notJudged"]["noFacts"]) == (4, 1)
    assert len(rows_at(world, found)) == 4


def test_four_hundred_days_are_not_too_long_and_what_lies_ahead_is_cut(world: World) -> None:
    policy = policy_of(world, LAX)
    start = world.clock.now() - timedelta(days=399)

    found = simulated(world, policy, **{"from": iso(start), "to": iso(start + timedelta(days=400))})

    assert (found["from"], found["to"]) == (iso(start), iso(world.clock.now()))


def test_lists_are_paged_with_cursors_of_their_own(world: World) -> None:
    policy = policy_of(world, LAX)
    other = world.call("POST", "/v1/policies", {**LAX, "merchantId": "other"})[1]["data"]["id"]
    made = [simulated(world, policy)["id"] for _ in range(3)]

    status, envelope, _ = world.call("GET", f"/v1/policies/{policy}/simulations?limit=2")
    cursor = envelope["pagination"]["nextCursor"]
    rest = world.call("GET", f"/v1/policies/{policy}/simulations?limit=2&cursor={cursor}")[1]["data"]

    assert [each["id"] for each in (*envelope["data"], *rest)] == made[::-1]
    for path in (f"/v1/policies/{other}/simulations", f"/v1/policies/{policy}/shadow", "/v1/policies"):
        status, envelope, _ = world.call("GET", f"{path}?cursor={cursor}")
        assert (status, envelope["error"]["code"]) == (400, "validation_error"), path


def test_a_strangers_simulation_is_not_found(world: World) -> None:
    found = simulated(world, policy_of(world, LAX))["id"]
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")

    for key in (other.test_key, world.organization.live_key):
        assert world.call("GET", f"/v1/simulations/{found}", key=key)[0] == 404
