"""A merchant's policy at work through the API: checked, refused, put before a person, quoted, and told why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from refundkit_core.domain.times import iso

from tests.integration.conftest import World

POLICY: dict[str, Any] = {
    "name": "Standard Return Policy",
    "rules": [
        {"category": "clothing", "returnWindowDays": 30, "conditions": ["tags_attached", "unworn"]},
        {"category": "electronics", "returnWindowDays": 15, "restockingFeePercent": 15},
        {"category": "clearance", "finalSale": True},
        {"category": "default", "returnWindowDays": 30},
    ],
    "globalLimits": {"maxReturnsPerCustomer30d": 5, "autoApproveThreshold": 5000, "requireReviewAbove": 20000},
}


def publish(world: World, **changes: Any) -> str:
    """Publish the policy of document 002 and name it."""
    made = world.call("POST", "/v1/policies", {**POLICY, **changes})[1]["data"]
    assert world.call("POST", f"/v1/policies/{made['id']}/publish", {})[0] == 200
    policy_id: str = made["id"]
    return policy_id


def charge(world: World, **fields: Any) -> str:
    made = world.charge(customer={"name": "Ada", "email": "ada@example.com"}, **fields)
    charge_id: str = made["id"]
    return charge_id


def asked(world: World, transaction_id: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    body = {"transactionId": transaction_id, "reason": "other", "amount": 2000, **fields}
    return world.call("POST", "/v1/refunds", body)[:2]


def checked(world: World, transaction_id: str, **fields: Any) -> dict[str, Any]:
    status, envelope, _ = world.call("POST", "/v1/eligibility/check", {"transactionId": transaction_id, **fields})
    assert status == 200, envelope
    found: dict[str, Any] = envelope["data"]
    return found


def test_the_full_check_answers_as_documented_with_every_rule(world: World) -> None:
    policy_id = publish(world)
    transaction = charge(world)

    found = checked(world, transaction, amount=2999, items=[{"sku": "SKU-001", "category": "clothing"}])

    trace = {entry["rule"]: (entry["status"], entry["effect"]) for entry in found.pop("trace")}
    until = iso(world.clock.now() + timedelta(days=30))
    assert found == {
        "eligible": True,
        "outcome": "allow",
        "reason": "Transaction is within the 30-day refund window",
        "policy": {
            "returnWindowDays": 30,
            "daysRemaining": 30,
            "daysPastDeadline": 0,
            "restockingFeePercent": 0,
            "exchangeOnly": False,
            "finalSale": False,
            "policyId": policy_id,
            "version": 1,
        },
        "perItemEligibility": [
            {
                "sku": "SKU-001",
                "eligible": True,
                "reason": "Within the return window",
                "deadline": until,
                "restockingFeePercent": 0,
            }
        ],
        "customerHistory": {
            "totalReturns30d": 0,
            "totalReturns90d": 0,
            "totalValue90d": 0,
            "limitReached": False,
        },
        "maxRefundAmount": 5000,
        "amount": 2999,
        "restockingFee": 0,
        "netAmount": 2999,
        "currency": "usd",
        "deadline": until,
        "conditions": [
            "Refund must be requested within 30 days of purchase",
            "Maximum refund amount is the original transaction amount",
            "Tags attached required",
            "Unworn required",
        ],
        "autoApproved": True,
        "riskScore": 5,
    }
    assert trace["auto_approve"] == trace["customer_count"] == trace["return_window"] == ("PASS", "none")


def test_a_refused_request_says_which_decision_to_read_and_it_tells_everything(world: World) -> None:
    policy_id = publish(world)
    transaction = charge(world)

    status, envelope = asked(world, transaction, items=[{"sku": "SALE", "category": "clearance"}])

    error = envelope["error"]
    details = {detail["field"]: detail["message"] for detail in error["details"]}
    assert (status, error["code"]) == (422, "policy_violation")
    assert details["final_sale"] == "SALE: Its rule says final sale"
    status, envelope, _ = world.call("GET", f"/v1/decisions/{details['decisionId']}")
    kept = envelope["data"]
    assert (status, kept["code"], kept["policyId"], kept["policyVersion"]) == (200, "policy_violation", policy_id, 1)
    assert kept["facts"]["items"] == [{"sku": "SALE", "category": "clearance", "quantity": 1}]
    failed = [entry for entry in kept["trace"] if entry["effect"] == "refuse"]
    assert [(entry["rule"], entry["item"], entry["customerMessage"]) for entry in failed] == [
        ("final_sale", "SALE", "This item was a final sale")
    ]


def test_a_refund_that_needs_a_person_waits_with_its_approval_and_can_be_cancelled(world: World) -> None:
    publish(world)
    transaction = charge(world, amount=35_000)

    status, envelope = asked(world, transaction, amount=35_000, wait=20)

    waiting = envelope["data"]
    assert (status, waiting["status"]) == (201, "pending_approval")
    assert waiting["approvalId"] == f"apr_{waiting['id'][4:]}"
    asking = [rule["rule"] for rule in waiting["decision"] if rule["outcome"] == "review"]
    assert asking == ["review_amount", "auto_approve"]
    world.execute(waiting["id"])
    world.sweep_and_work(minutes=30)
    assert (world.shown(waiting["id"])["status"], world.paid_at_stripe(waiting["id"])) == ("pending_approval", [])
    assert asked(world, transaction, amount=1)[1]["error"]["code"] == "refund_already_processed"
    status, envelope, _ = world.call("POST", f"/v1/refunds/{waiting['id']}/cancel")
    assert (status, envelope["data"]["status"]) == (200, "cancelled")
    assert asked(world, transaction, amount=1)[0] == 201


def test_whoever_does_not_queue_for_a_person_is_told_what_would_have_to_be_approved(world: World) -> None:
    publish(world)
    transaction = charge(world, amount=35_000)

    status, envelope = asked(world, transaction, amount=5000, onReview="reject")

    assert (status, envelope["error"]["code"]) == (422, "approval_required")
    assert [detail["field"] for detail in envelope["error"]["details"]] == ["auto_approve", "decisionId"]
    assert asked(world, transaction, amount=4999, onReview="reject")[0] == 201


def test_a_fee_is_shown_and_withheld_and_only_the_rest_is_paid(world: World) -> None:
    publish(world)
    transaction = charge(world)

    status, envelope = asked(world, transaction, amount=1999, items=[{"category": "electronics"}])

    opened = envelope["data"]
    assert (status, opened["amount"], opened["grossAmount"], opened["restockingFee"]) == (201, 1700, 1999, 299)
    world.execute(opened["id"])
    assert [row["amount"] for row in world.paid_at_stripe(opened["id"])] == [1700]
    assert asked(world, transaction, amount=3002)[1]["error"]["code"] == "amount_exceeds_refundable"
    assert asked(world, transaction, amount=3001)[0] == 201


def test_what_the_shop_registered_decides(world: World) -> None:
    publish(world)
    transaction = charge(world, created=int((world.clock.now() - timedelta(days=50)).timestamp()))
    assert asked(world, transaction)[1]["error"]["code"] == "return_window_expired"

    order = {
        "items": [{"sku": "TV", "category": "electronics", "amount": 5000}],
        "delivery": {"status": "delivered", "deliveredAt": iso(world.clock.now() - timedelta(days=15))},
    }
    world.call("PUT", f"/v1/transactions/{transaction}", order)

    found = checked(world, transaction, items=[{"sku": "TV", "category": "clothing"}])
    assert (found["eligible"], found["policy"]["returnWindowDays"], found["restockingFee"]) == (True, 15, 750)
    world.clock.advance(seconds=1)
    assert asked(world, transaction)[1]["error"]["code"] == "return_window_expired"


def test_a_customer_over_the_limit_goes_to_a_person_and_a_failed_refund_does_not_count(world: World) -> None:
    publish(world, globalLimits={"maxReturnsPerCustomer30d": 2})
    transaction = charge(world)
    opened = [asked(world, transaction, amount=amount)[1]["data"] for amount in (100, 101, 102)]
    assert [refund["status"] for refund in opened] == ["pending", "pending", "pending_approval"]

    for refund in opened[1:]:
        world.call("POST", f"/v1/refunds/{refund['id']}/cancel")

    assert checked(world, transaction, amount=1)["customerHistory"] == {
        "totalReturns30d": 1,
        "totalReturns90d": 1,
        "totalValue90d": 100,
        "limitReached": False,
    }
    assert asked(world, transaction, amount=103)[1]["data"]["status"] == "pending"
    assert checked(world, transaction, amount=1)["customerHistory"]["limitReached"] is True


def test_a_quote_is_paid_as_quoted_while_it_holds(world: World) -> None:
    publish(world)
    transaction = charge(world)
    items = [{"sku": "TV", "category": "electronics", "quantity": 1, "amount": 3000}]
    preview = world.call("POST", "/v1/refunds/preview", {"transactionId": transaction, "items": items})[1]["data"]
    assert (preview["gross"], preview["fee"], preview["net"]) == (3000, 450, 2550)
    named = [{"sku": "TV", "category": "electronics"}]
    quoted = {"amount": 3000, "quoteId": preview["quoteId"], "items": named}

    for changed, field in (
        ({"amount": 2999}, "quoteId.amount"),
        ({"items": [{"sku": "HAT"}]}, "quoteId.items"),
        ({"items": []}, "quoteId.items"),
    ):
        status, envelope = asked(world, transaction, **{**quoted, **changed})
        assert (status, envelope["error"]["code"]) == (422, "policy_violation")
        assert [detail["field"] for detail in envelope["error"]["details"]] == [field]
    status, envelope = asked(world, transaction, **{**quoted, "quoteId": f"{preview['quoteId']}A"})
    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    status, envelope = asked(world, transaction, **quoted)
    assert (status, envelope["data"]["amount"], envelope["data"]["restockingFee"]) == (201, 2550, 450)
    status, envelope = asked(world, transaction, **{**quoted, "amount": 2000})
    named_changes = [detail["field"] for detail in envelope["error"]["details"]]
    assert (status, named_changes) == (422, ["quoteId.amount", "quoteId.remaining"])


def test_a_quote_ends_after_a_day_and_with_the_policy_it_was_made_by(world: World) -> None:
    policy_id = publish(world, judgedBy="latest")
    transaction = charge(world)
    preview = world.call("POST", "/v1/refunds/preview", {"transactionId": transaction, "amount": 1000})[1]["data"]
    world.clock.advance(days=1, seconds=1)
    document = {key: value for key, value in POLICY.items() if key != "globalLimits"}
    world.call("PUT", f"/v1/policies/{policy_id}", {**document, "judgedBy": "latest"})
    world.call("POST", f"/v1/policies/{policy_id}/publish", {})

    status, envelope = asked(world, transaction, amount=1000, quoteId=preview["quoteId"])

    assert status == 422
    assert [detail["field"] for detail in envelope["error"]["details"]] == ["quoteId.policy", "quoteId.age"]


def test_evidence_is_shown_with_its_refund_and_goes_with_its_customer(world: World) -> None:
    transaction = charge(world)
    evidence = [{"kind": "photo", "reference": "https://shop.example/p/1"}]
    opened = asked(world, transaction, evidence=evidence)[1]["data"]
    assert world.shown(opened["id"])["evidence"] == evidence
    customer = world.stripe("GET", f"/v1/charges/{transaction}")["customer"]

    assert world.call("DELETE", f"/v1/customers/{customer}")[0] == 200

    assert world.shown(opened["id"])["evidence"] == []


def test_a_transaction_is_judged_by_its_merchants_policy(world: World) -> None:
    publish(world, merchantId="strict", rules=[{"category": "default", "finalSale": True}], globalLimits={})
    transaction = charge(world)
    assert checked(world, transaction)["eligible"] is True

    world.call("PUT", f"/v1/transactions/{transaction}", {"merchantId": "strict"})
    assert checked(world, transaction)["eligible"] is False

    other = charge(world)
    world.call("PUT", "/v1/processors/stripe", {"secretKey": world.sandbox.test_key, "merchantId": "strict"})
    assert checked(world, other)["eligible"] is False


def test_an_early_fraud_warning_and_more_sends_a_refund_to_a_person_and_is_told(world: World) -> None:
    transaction = charge(world)
    order = {"delivery": {"status": "delivered"}, "riskScore": 65}
    world.call("PUT", f"/v1/transactions/{transaction}", order)

    status, envelope = asked(world, transaction, amount=5000, reason="product_not_received")

    opened = envelope["data"]
    assert (status, opened["status"]) == (201, "pending_approval")
    risk = next(rule for rule in opened["decision"] if rule["rule"] == "risk")
    assert (risk["outcome"], risk["fact"] >= 70) == ("review", True)
    assert "delivered_claimed_missing" in risk["message"]
    assert "risk" not in risk["customerMessage"].lower()
    items = world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
    told = {item["type"]["S"] for item in items if "type" in item}
    assert {"refund.initiated", "approval.pending", "dispute.risk_flagged"} <= told


def test_no_fee_is_quoted_away_by_another_category_than_the_registered_one(world: World) -> None:
    publish(world)
    transaction = charge(world)
    order = {"items": [{"sku": "TV", "category": "electronics", "amount": 3000}]}
    world.call("PUT", f"/v1/transactions/{transaction}", order)
    items = [{"sku": "TV", "category": "clothing"}]

    preview = world.call("POST", "/v1/refunds/preview", {"transactionId": transaction, "items": items})[1]["data"]

    assert (preview["gross"], preview["fee"]) == (3000, 450)
    status, envelope = asked(world, transaction, amount=3000, quoteId=preview["quoteId"], items=items)
    assert (status, envelope["data"]["restockingFee"]) == (201, 450)


def test_one_of_two_is_quoted_at_half_however_many_the_caller_says_were_bought(world: World) -> None:
    transaction = charge(world)
    world.call("PUT", f"/v1/transactions/{transaction}", {"items": [{"sku": "HAT", "quantity": 2, "amount": 3000}]})
    body = {"transactionId": transaction, "items": [{"sku": "HAT", "quantity": 1, "quantityBought": 1}]}

    assert world.call("POST", "/v1/refunds/preview", body)[1]["data"]["gross"] == 1500
