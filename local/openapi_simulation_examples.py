"""Examples of simulations and shadows for the API's description: data only, of the same shop's same afternoon."""

from __future__ import annotations

from typing import Any, Final

from local.openapi_policy_examples import POLICY

Route = tuple[str, str]

SIMULATION: Final = "sim_01KAG6A8C0E2G4J6M8P0R2T4V6"
_REFUND: Final = "ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4"
_CHARGE: Final = "ch_3SVbXkLkdIwHu7ix0aB1cD2e"
_NOW: Final = "2026-11-20T12:00:00.000Z"
_URL: Final = f"https://reports.s3.eu-west-1.amazonaws.com/simulations/{SIMULATION}.csv?X-Amz-Expires=900"


def _auto_approve(status: str, effect: str, message: str, told: str, limit: int) -> dict[str, Any]:
    return {
        "rule": "auto_approve",
        "status": status,
        "effect": effect,
        "fact": 2000,
        "limit": limit,
        "item": None,
        "message": message,
        "customerMessage": told,
    }


_BEFORE: Final = _auto_approve(
    "PASS", "none", "20.00 USD is below 50.00 USD, no person is needed", "This is in order", 5000
)
_AFTER: Final = _auto_approve(
    "FAIL", "review", "20.00 USD is not below 15.00 USD", "A person will look at your request", 1500
)
_SUMMARY: Final[dict[str, Any]] = {
    "id": SIMULATION,
    "policyId": POLICY,
    "version": None,
    "revision": 2,
    "status": "completed",
    "from": "2026-11-01T00:00:00.000Z",
    "to": _NOW,
    "sample": 100,
    "progress": {"examined": 214, "percent": 100},
    "createdAt": _NOW,
    "updatedAt": _NOW,
}
_COMPLETED: Final[dict[str, Any]] = {
    **_SUMMARY,
    "result": {
        "judged": 211,
        "notJudged": {"noFacts": 3, "otherMerchants": 0, "notSampled": 0},
        "before": {"allow": 180, "review": 20, "refuse": 11},
        "after": {"allow": 168, "review": 32, "refuse": 11},
        "flips": [{"from": "allow", "to": "review", "count": 12}],
        "money": [
            {
                "currency": "usd",
                "before": {"allow": 486_000, "review": 310_000, "refuse": 42_000},
                "after": {"allow": 462_000, "review": 334_000, "refuse": 42_000},
                "delta": {"allow": -24_000, "review": 24_000, "refuse": 0},
            }
        ],
        "truncated": False,
        "examples": [
            {
                "decisionId": _REFUND,
                "decidedAt": _NOW,
                "transactionId": _CHARGE,
                "amount": 2000,
                "currency": "usd",
                "before": "allow",
                "after": "review",
                "moneyBefore": 2000,
                "moneyAfter": 2000,
                "changedRules": ["auto_approve: pass to review"],
                "traceBefore": [_BEFORE],
                "traceAfter": [_AFTER],
            }
        ],
    },
    "csvUrl": _URL,
}

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/policies/{id}/simulate"): {
        "The draft on November": {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"},
        "Version 2 on a tenth of a year": {
            "from": "2025-12-01T00:00:00Z",
            "to": "2026-12-01T00:00:00Z",
            "sample": 10,
            "version": 2,
            "examples": 100,
        },
    },
}
ANSWERS: Final[dict[Route, Any]] = {
    ("POST", "/v1/policies/{id}/simulate"): {
        **_SUMMARY,
        "status": "running",
        "progress": {"examined": 0, "percent": 0},
        "result": None,
        "csvUrl": None,
    },
    ("GET", "/v1/simulations/{id}"): _COMPLETED,
    ("GET", "/v1/policies/{id}/simulations"): [_SUMMARY],
    ("GET", "/v1/policies/{id}/shadow"): [
        {
            "decisionId": _REFUND,
            "decidedAt": _NOW,
            "version": 2,
            "currency": "usd",
            "verdict": "allow",
            "net": 2000,
            "shadowVerdict": "review",
            "shadowNet": 2000,
            "shadowRules": [_AFTER],
        }
    ],
}
