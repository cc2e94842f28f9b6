"""The examples of policies in the API's description: data only, of the same shop (see `local/openapi_examples.py`)."""

from __future__ import annotations

from typing import Any, Final

Route = tuple[str, str]

POLICY: Final = "pol_01KAG0A2C4E6G8J0M2P4R6T8V0"
_MERCHANT: Final = "merch_123"

_WRITTEN: Final[dict[str, Any]] = {
    "merchantId": _MERCHANT,
    "name": "Standard Return Policy",
    "rules": [
        {
            "category": "clothing",
            "returnWindowDays": 30,
            "conditions": ["tags_attached", "unworn", "original_packaging"],
        },
        {
            "category": "electronics",
            "returnWindowDays": 15,
            "restockingFeePercent": 15,
            "conditions": ["original_packaging", "all_accessories"],
        },
        {"category": "clearance", "finalSale": True},
        {"category": "default", "returnWindowDays": 30},
    ],
    "globalLimits": {
        "maxReturnsPerCustomer30d": 5,
        "maxReturnValuePerCustomer90d": 100_000,
        "autoApproveThreshold": 5_000,
        "requireReviewAbove": 20_000,
    },
    "categories": {"shoes": "clothing"},
}
_CONFIG: Final[dict[str, Any]] = {
    "refund_window_days": 30,
    "non_refundable_categories": ["gift_card", "final_sale"],
    "auto_approve": {"max_amount": 75, "max_risk_score": 0.25},
    "manual_review": {"min_amount": 200, "min_chargebacks": 2},
    "missing_delivery": {"evidence_required_over_amount": 100},
}
_SUMMARY: Final[dict[str, Any]] = {
    "id": POLICY,
    "merchantId": _MERCHANT,
    "name": "Standard Return Policy",
    "revision": 1,
    "latestVersion": None,
    "shadowVersion": None,
    "createdAt": "2026-11-20T10:40:00.000Z",
    "updatedAt": "2026-11-20T10:40:00.000Z",
}
_DRAFT: Final = {**_SUMMARY, "versions": [], "shownVersion": None, "document": _WRITTEN}
_PUBLISHED: Final[dict[str, Any]] = {
    **_DRAFT,
    "latestVersion": 1,
    "updatedAt": "2026-11-20T10:45:00.000Z",
    "versions": [
        {
            "number": 1,
            "revision": 1,
            "publishedAt": "2026-11-20T10:45:00.000Z",
            "inForceFrom": "2026-11-20T10:45:00.000Z",
            "shadow": False,
        }
    ],
    "shownVersion": 1,
    "document": {**_WRITTEN, "version": 1},
}

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/policies"): {"By category": _WRITTEN},
    ("PUT", "/v1/policies/{id}"): {"A new revision of revision 1": {**_WRITTEN, "revision": 1}},
    ("POST", "/v1/policies/validate"): {"By category": _WRITTEN},
    ("POST", "/v1/policies/import"): {"Decimal amounts": _CONFIG},
    ("POST", "/v1/policies/{id}/publish"): {
        "What stands": {},
        "One revision, without effect": {"shadow": True, "revision": 2},
    },
}

ANSWERS: Final[dict[Route, Any]] = {
    ("POST", "/v1/policies"): _DRAFT,
    ("GET", "/v1/policies"): [{**_SUMMARY, "latestVersion": 1, "updatedAt": "2026-11-20T10:45:00.000Z"}],
    ("GET", "/v1/policies/{id}"): _PUBLISHED,
    ("PUT", "/v1/policies/{id}"): {**_DRAFT, "revision": 2, "updatedAt": "2026-11-20T10:42:00.000Z"},
    ("POST", "/v1/policies/{id}/publish"): _PUBLISHED,
    ("POST", "/v1/policies/validate"): {
        "valid": False,
        "faults": [
            {
                "pointer": "/rules/2/returnWindowDays",
                "code": "out_of_range",
                "message": "Input should be greater than or equal to 0",
            },
            {"pointer": "/rules", "code": "no_default_rule", "message": "Add a rule for the category default"},
        ],
    },
    ("POST", "/v1/policies/import"): {
        **_DRAFT,
        "document": {
            "merchantId": _MERCHANT,
            "name": "Imported policy",
            "rules": [
                {"category": "gift_card", "nonRefundable": True},
                {"category": "final_sale", "finalSale": True},
                {"category": "default", "returnWindowDays": 30, "evidenceRequiredOver": 10_000},
            ],
            "globalLimits": {
                "autoApproveThreshold": 7_500,
                "autoApproveMaxRisk": 25,
                "requireReviewAbove": 20_000,
                "reviewAtChargebacks": 2,
            },
        },
    },
    ("GET", "/v1/policies/{id}/diff"): [
        {
            "pointer": "/rules/1/restockingFeePercent",
            "kind": "changed",
            "before": 15,
            "after": 10,
            "message": "restockingFeePercent for the category electronics was changed from 15 to 10",
        }
    ],
    ("GET", "/v1/policies/schema"): {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "RefundKit policy",
        "type": "object",
    },
    ("GET", "/v1/return-policy"): {
        "merchantId": _MERCHANT,
        "policyId": POLICY,
        "version": 1,
        "name": "Standard Return Policy",
        "currency": "usd",
        "rules": [
            {
                "category": "electronics",
                "sku": None,
                "returnWindowDays": 15,
                "windowStartsAt": "delivery",
                "restockingFeePercent": 15,
                "exchangeOnly": False,
                "finalSale": False,
                "nonRefundable": False,
                "storeCreditOnly": False,
                "requiresReturn": False,
                "minAmount": None,
                "maxAmount": None,
                "conditions": ["original_packaging", "all_accessories"],
                "sentences": [
                    "Refunds are possible within 15 days after delivery.",
                    "A restocking fee of 15 % is kept.",
                    "Conditions: original packaging, all accessories.",
                ],
            }
        ],
        "limits": {
            "maxReturnsPerCustomer30d": 5,
            "maxReturnValuePerCustomer90d": 100_000,
            "sentences": [
                "More than 5 refunds in 30 days are looked at by a person.",
                "More than 1000.00 USD refunded in 90 days is looked at by a person.",
            ],
        },
        "nonRefundableFlags": ["final_sale"],
    },
}
