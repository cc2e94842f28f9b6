"""Sample policies, and the routes that take them, for the integration tests."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import World

SPEC: dict[str, Any] = {
    "merchantId": "merch_123",
    "name": "Standard Return Policy",
    "version": 1,
    "rules": [
        {
            "category": "clothing",
            "returnWindowDays": 30,
            "restockingFeePercent": 0,
            "exchangeOnly": False,
            "finalSale": False,
            "conditions": ["tags_attached", "unworn", "original_packaging"],
        },
        {
            "category": "electronics",
            "returnWindowDays": 15,
            "restockingFeePercent": 15,
            "exchangeOnly": False,
            "finalSale": False,
            "conditions": ["original_packaging", "all_accessories"],
        },
        {"category": "clearance", "finalSale": True},
        {
            "category": "default",
            "returnWindowDays": 30,
            "restockingFeePercent": 0,
            "exchangeOnly": False,
            "finalSale": False,
            "conditions": [],
        },
    ],
    "globalLimits": {
        "maxReturnsPerCustomer30d": 5,
        "maxReturnValuePerCustomer90d": 100_000,
        "autoApproveThreshold": 5_000,
    },
}
CONFIG: dict[str, Any] = {
    "refund_window_days": 30,
    "non_refundable_categories": ["gift_card", "final_sale"],
    "auto_approve": {"max_amount": 75, "max_risk_score": 0.25},
    "manual_review": {"min_amount": 200, "min_chargebacks": 2},
    "missing_delivery": {"evidence_required_over_amount": 100},
}
SMALL: dict[str, Any] = {"name": "Small", "rules": [{"category": "default", "returnWindowDays": 7}]}


def answered(world: World, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """The data of an answer that must be good."""
    status, envelope, _ = world.call(method, path, body, **options)
    assert status in (200, 201), envelope
    return envelope["data"]


def made(world: World, document: dict[str, Any] = SPEC) -> dict[str, Any]:
    policy: dict[str, Any] = answered(world, "POST", "/v1/policies", document)
    return policy


def published(world: World, policy_id: str, **asked: Any) -> dict[str, Any]:
    policy: dict[str, Any] = answered(world, "POST", f"/v1/policies/{policy_id}/publish", asked)
    return policy


def refused(world: World, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, list[str]]:
    """Status, code and the fields that are named."""
    status, envelope, _ = world.call(method, path, body, **options)
    error = envelope["error"]
    return status, error["code"], [detail["field"] for detail in error.get("details", ())]


def stored(world: World) -> list[dict[str, Any]]:
    """Every item but the ones that requests are counted in."""
    items = world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
    return sorted((item for item in items if not item["pk"]["S"].startswith("KEY#")), key=str)
