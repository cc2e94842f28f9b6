"""Examples of the audit trail for the API's description: data only, of the same shop's same afternoon."""

from __future__ import annotations

from typing import Any, Final

Route = tuple[str, str]

_KEY: Final = "key_01KAG1B3D5F7H9K1N3Q5S7V9X1"
_REFUND: Final = "ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4"
_HASH: Final = "7a0d7ebb0fe8c3e5f5a6e2b8a1c94d3206b7f1d2c3e4a59687b0c1d2e3f4a5b6"
_ENTRY: Final = {
    "id": "aud_5C7E9G1J3M5P7R9T1W3Y5A7C9E",
    "environment": "test",
    "at": "2026-11-20T12:00:00.000Z",
    "channel": "rule",
    "actor": f"mem_01KAFZ3M8V6X8Z0B2D4F6H8K0N ({_KEY})",
    "command": "refund approve",
    "target": _REFUND,
    "because": None,
    "details": {
        "refundId": _REFUND,
        "processor": "stripe",
        "keyId": _KEY,
        "amount": 2000,
        "currency": "usd",
        "policyVersion": 0,
        "factsHash": "0f343b0931126a20f133d67c2b018a3b5f3c8a1e7d6b5c4a39281706f5e4d3c2",
    },
    "block": 12,
}
_FILE: Final = "audit/org_01KAFZ3M8T5W7Y9B1D3F5H7K9N/test/2026-11-20-exp_01KAG6A8C0E2G4J6M8P0R2T4V6.csv"

ANSWERS: Final[dict[Route, Any]] = {
    ("GET", "/v1/audit"): [_ENTRY],
    ("GET", "/v1/audit/export"): {
        "rows": 214,
        "csvUrl": f"https://reports.s3.eu-west-1.amazonaws.com/{_FILE}?X-Amz-Expires=900",
        "nextCursor": None,
    },
    ("GET", "/v1/audit/verify"): {
        "ok": True,
        "complete": True,
        "head": {"number": 12, "hash": _HASH},
        "blocks": 12,
        "entries": 86,
        "fault": None,
        "unchained": [],
        "nextCursor": None,
    },
}
