"""The demo's merchant with rules of their own: a published policy, and what it makes of one order."""

from __future__ import annotations

from typing import Any, Final

from local.http_json import Answer
from local.story import Story, code_of

MERCHANT: Final = "demo-shop"
CHARGE: Final = "large_usd"
POLICY: Final[dict[str, Any]] = {
    "merchantId": MERCHANT,
    "name": "Standard Return Policy",
    "rules": [
        {"category": "clothing", "returnWindowDays": 30, "conditions": ["tags_attached", "unworn"]},
        {"category": "electronics", "returnWindowDays": 15, "restockingFeePercent": 15},
        {"category": "clearance", "finalSale": True},
        {"category": "default", "returnWindowDays": 30},
    ],
    "globalLimits": {
        "maxReturnsPerCustomer30d": 5,
        "maxReturnValuePerCustomer90d": 100_000,
        "autoApproveThreshold": 5_000,
        "requireReviewAbove": 20_000,
    },
}
"""Document 002's example, with thresholds: below 50 USD nobody is asked, from 200 USD on a person always is."""

ORDER: Final[dict[str, Any]] = {
    "merchantId": MERCHANT,
    "orderId": "order-demo",
    "items": [
        {"sku": "SHIRT", "category": "clothing", "quantity": 2, "amount": 6_000},
        {"sku": "CAMERA", "category": "electronics", "amount": 35_000},
        {"sku": "CABLE", "category": "electronics", "amount": 4_000},
        {"sku": "SCARF", "category": "clearance", "amount": 2_500},
    ],
}


def the_merchants_rules_judge(story: Story) -> None:
    """Publish the rules, register an order under them, and refund of it what they allow."""
    _publish(story)
    _ask_first(story)
    _wait_for_a_person(story)
    _withhold_a_fee(story)
    _pay_what_was_quoted(story)
    _assess(story)


def _publish(story: Story) -> None:
    made = story.send("POST", "/policies", POLICY)
    policy_id = _data(made).get("id")
    published = story.send("POST", f"/policies/{policy_id}/publish", {})
    version = _data(published).get("latestVersion")
    story.tell(f"A merchant's rules are published, as version {version}", version == 1, (made, published))
    registered = story.send("PUT", f"/transactions/{story.charges[CHARGE]}", ORDER)
    story.tell("Their shop registers an order of four articles", registered.status == 200, registered)


def _ask_first(story: Story) -> None:
    shirt = story.send("POST", "/eligibility/check", _of_the_order(story, items=[{"sku": "SHIRT"}]))
    found = _data(shirt)
    holds = (found.get("eligible"), found.get("amount"), found.get("outcome")) == (True, 3_000, "allow")
    story.tell(f"One of two shirts may come back: {'; '.join(found.get('conditions', []))}", holds, shirt)
    scarf = story.send(
        "POST", "/refunds", _of_the_order(story, amount=2_500, items=[{"sku": "SCARF"}], reason="wrong_product")
    )
    error = (scarf.body or {}).get("error") or {}
    refused = code_of(scarf) == "policy_violation" and "final sale" in error.get("message", "")
    story.tell(f"The scarf may not: {error.get('message')}", refused, scarf)


def _wait_for_a_person(story: Story) -> None:
    camera = _of_the_order(story, amount=35_000, items=[{"sku": "CAMERA"}], reason="item_not_as_described")
    opened = story.send("POST", "/refunds", camera)
    waiting = _data(opened)
    asks = [rule["message"] for rule in waiting.get("decision") or [] if rule["outcome"] == "review"]
    story.tell(f"$350 for the camera wait for a person: {'; '.join(asks)}", _is(waiting, "pending_approval"), opened)
    cancelled = story.send("POST", f"/refunds/{waiting['id']}/cancel")
    story.tell("and are taken back before anybody looked", _is(_data(cancelled), "cancelled"), cancelled)


def _withhold_a_fee(story: Story) -> None:
    opened = story.send(
        "POST", "/refunds", _of_the_order(story, amount=4_000, items=[{"sku": "CABLE"}], reason="wrong_product")
    )
    story.tell("A cable of $40 needs no person", opened.status == 201, opened)
    paid = story.finished(opened)
    sums = (paid.get("grossAmount"), paid.get("restockingFee"), paid.get("amount"))
    told = "and $34 are paid: 15 % are withheld for restocking"
    story.tell(told, _is(paid, "completed") and sums == (4_000, 600, 3_400), paid)


def _pay_what_was_quoted(story: Story) -> None:
    line = {"sku": "SHIRT", "category": "clothing", "quantity": 1, "quantityBought": 2, "amount": 6_000}
    previewed = story.send("POST", "/refunds/preview", _of_the_order(story, items=[line]))
    quote = _data(previewed)
    story.tell(
        "A shirt is quoted at $30, nothing withheld", (quote.get("net"), quote.get("fee")) == (3_000, 0), previewed
    )
    held = _of_the_order(story, amount=3_000, items=[{"sku": "SHIRT"}], reason="sizing_issue", quoteId=quote["quoteId"])
    opened = story.send("POST", "/refunds", held)
    story.tell("The refund is held to the quote", opened.status == 201, opened)
    paid = story.finished(opened)
    story.tell("and pays it to the cent", _is(paid, "completed") and paid.get("amount") == 3_000, paid)


def _assess(story: Story) -> None:
    answer = story.send("POST", "/disputes/risk", _of_the_order(story))
    found = _data(answer)
    signals = [f"{signal['type']} {signal['points']}" for signal in found.get("signals", [])]
    told = (
        f"To refund the rest as well is a {found.get('riskLevel')} risk of {found.get('score')} ({', '.join(signals)})"
    )
    sums = sum(signal["points"] for signal in found.get("signals", []))
    story.tell(told, answer.status == 201 and 0 < found.get("score", 0) == sums < 70, answer)


def _of_the_order(story: Story, **fields: Any) -> dict[str, Any]:
    return {"transactionId": story.charges[CHARGE], **fields}


def _data(answer: Answer) -> dict[str, Any]:
    return dict((answer.body or {}).get("data") or {})


def _is(refund: dict[str, Any], status: str) -> bool:
    return refund.get("status") == status
