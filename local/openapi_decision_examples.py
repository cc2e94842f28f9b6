"""Examples of decisions for the API's description: data only, of the same shop's same afternoon."""

from __future__ import annotations

from typing import Any, Final

Route = tuple[str, str]

_CHARGE: Final = "ch_3SVbXkLkdIwHu7ix0aB1cD2e"
_POLICY: Final = "pol_01KAG2C4E6G8J0M2P4R6T8W0Y2"
_REFUSED: Final = "dec_01KAG5E7G9J1M3P5R7T9W1Y3A5"
_NOW: Final = "2026-11-20T12:00:00.000Z"
_UNTIL: Final = "2026-12-18T09:30:00.000Z"
_IN_ORDER: Final = "This is in order"


def _passed(rule: str, message: str, fact: Any = None, limit: Any = None, told: str = _IN_ORDER) -> dict[str, Any]:
    return {"rule": rule, "message": message, "fact": fact, "limit": limit, "item": None, "customerMessage": told}


_SPOKEN: Final = [
    _passed("captured", "50.00 USD was captured", 5000),
    _passed("currency", "The transaction is in usd", "usd"),
    _passed("dispute", "No chargeback covers this money", "none"),
    _passed("remaining", "20.00 USD of the remaining 50.00 USD", 2000, 5000),
    _passed("final_sale", "Nothing of it was a final sale or is non-refundable"),
    _passed(
        "return_window",
        f"Within 30 days, until {_UNTIL}",
        _NOW,
        _UNTIL,
        "You are in time: this can be returned until 2026-12-18",
    ),
    _passed("exchange_only", "It may be refunded, not only exchanged"),
    _passed("customer_count", "Refunds in 30 days: 1, and 5 go without a person", 1, 5),
    _passed("risk", "Risk score 0 is below 70", 0, 70),
    _passed("auto_approve", "20.00 USD is below 50.00 USD, no person is needed", 2000, 5000),
]
RULES: Final = [{**rule, "outcome": "pass"} for rule in _SPOKEN]
"""What every rule said of the refund that is the example everywhere."""

TRACE: Final = [{**rule, "status": "PASS", "effect": "none"} for rule in _SPOKEN]
_FINAL: Final = {
    "rule": "final_sale",
    "status": "FAIL",
    "effect": "refuse",
    "message": "CARD-9: It is final sale, which is never refunded",
    "fact": None,
    "limit": None,
    "item": "CARD-9",
    "customerMessage": "This item was sold as final",
}
FACTS: Final = {
    "now": _NOW,
    "reason": "other",
    "amountMinor": 2000,
    "charge": {
        "currency": "usd",
        "capturedMinor": 5000,
        "remainingMinor": 5000,
        "heldMinor": 0,
        "lostMinor": 0,
        "dispute": "none",
        "purchasedAt": "2026-11-18T09:30:00.000Z",
    },
    "items": [{"sku": "CARD-9", "category": "gift_cards", "quantity": 2, "amountMinor": 2000, "flags": ["final_sale"]}],
    "customer": {"known": True, "refunds30D": 0, "refunds90D": 1, "value90DMinor": 1500, "chargebacks365D": 0},
}

_GUARDS: Final = {
    "caps": [
        {"scope": "organization", "id": None, "perDay": 500_000, "perRefund": None, "currency": "usd"},
        {"scope": "agent", "id": None, "perDay": 50_000, "perRefund": 10_000, "currency": "usd"},
    ],
    "breaker": {"minutes": 10, "refunds": 50, "amount": None, "currency": "usd"},
}

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/eligibility/check"): {
        "One item of an order": {
            "transactionId": _CHARGE,
            "amount": 2000,
            "items": [{"sku": "SKU-1", "category": "apparel/shoes", "quantity": 1}],
            "customerId": "cust_789",
        },
        "A parcel that never came": {
            "transactionId": _CHARGE,
            "reason": "product_not_received",
            "delivery": {"status": "lost"},
            "evidence": [{"kind": "carrier_scan", "reference": "1Z999AA10123456784"}],
        },
    },
    ("PUT", "/v1/settings/guards"): {
        "Two caps and a breaker": {
            "caps": [
                {"scope": "organization", "perDay": 500_000},
                {"scope": "agent", "perDay": 50_000, "perRefund": 10_000},
            ],
            "breaker": {"minutes": 10, "refunds": 50},
        },
        "None": {},
    },
}
ANSWERS: Final[dict[Route, Any]] = {
    ("POST", "/v1/eligibility/check"): {
        "eligible": True,
        "outcome": "allow",
        "reason": "Transaction is within the 30-day refund window",
        "policy": {
            "returnWindowDays": 30,
            "daysRemaining": 27,
            "daysPastDeadline": 0,
            "restockingFeePercent": 0,
            "exchangeOnly": False,
            "finalSale": False,
            "policyId": _POLICY,
            "version": 3,
        },
        "perItemEligibility": [
            {
                "sku": "SKU-1",
                "eligible": True,
                "reason": "Within the return window",
                "deadline": _UNTIL,
                "restockingFeePercent": 0,
            }
        ],
        "customerHistory": {
            "totalReturns30d": 0,
            "totalReturns90d": 1,
            "totalValue90d": 1500,
            "limitReached": False,
        },
        "maxRefundAmount": 5000,
        "amount": 2000,
        "restockingFee": 0,
        "netAmount": 2000,
        "currency": "usd",
        "deadline": _UNTIL,
        "conditions": ["Refund must be requested within 30 days of purchase"],
        "autoApproved": True,
        "riskScore": 0,
        "trace": TRACE,
    },
    ("GET", "/v1/settings/guards"): {**_GUARDS, "version": 3},
    ("PUT", "/v1/settings/guards"): {**_GUARDS, "version": 4},
    ("GET", "/v1/decisions/{id}"): {
        "id": _REFUSED,
        "transactionId": _CHARGE,
        "code": "policy_violation",
        "policyId": _POLICY,
        "policyVersion": 3,
        "facts": FACTS,
        "trace": [*TRACE[:4], _FINAL],
        "decidedAt": _NOW,
    },
}
