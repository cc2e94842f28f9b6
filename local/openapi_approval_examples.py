"""Examples of approvals for the API's description: data only, of the same shop's same afternoon."""

from __future__ import annotations

from typing import Any, Final

from local import openapi_decision_examples as decisions

Route = tuple[str, str]

APPROVAL: Final = "apr_01KAG4D6F8H0K2N4Q6S8V0X2Z4"
_REFUND: Final = "ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4"
_CHARGE: Final = "ch_3SVbXkLkdIwHu7ix0aB1cD2e"
_CLERK: Final = "mem_01KAFZ3M8V6X8Z0B2D4F6H8K0N"
_APPROVER: Final = "mem_01KAFZ4N9W7Y9A1C3E5G7J9M1P"
_ASKED: Final = "2026-11-20T12:00:00.000Z"
_DECIDED: Final = "2026-11-20T12:20:10.118Z"
_WHY: Final = "350.00 USD is not below 50.00 USD"

_WAITING: Final[dict[str, Any]] = {
    "id": APPROVAL,
    "refundId": _REFUND,
    "status": "pending",
    "amount": 35_000,
    "currency": "usd",
    "reasons": ["auto_approve"],
    "requestedBy": _CLERK,
    "level": 0,
    "levelName": "Approvers",
    "dueAt": "2026-11-21T12:00:00.000Z",
    "due": "remind",
    "consents": [],
    "consentsNeeded": 1,
    "question": None,
    "decided": None,
    "comment": None,
    "version": 1,
    "createdAt": _ASKED,
}
_BY_APPROVER: Final = {"by": _APPROVER, "channel": "api", "at": _DECIDED}
_CLOSED: Final = {**_WAITING, "dueAt": None, "due": None, "consentsNeeded": 0, "decided": _BY_APPROVER, "version": 2}
_APPROVED: Final = {**_CLOSED, "status": "approved", "comment": "Seen the photo"}
_QUESTION: Final = {
    "question": "Please send a photo of the broken lid",
    "action": "request_evidence",
    "asked": _BY_APPROVER,
    "until": "2026-11-27T12:20:10.118Z",
}
_REFUNDED: Final = {
    "id": _REFUND,
    "organizationId": "org_01KAFZ3M8T5W7Y9B1D3F5H7K9N",
    "externalRefundId": None,
    "transactionId": _CHARGE,
    "amount": 35_000,
    "grossAmount": 35_000,
    "restockingFee": 0,
    "currency": "usd",
    "reason": "product_defective",
    "status": "pending_approval",
    "statusDetail": None,
    "processor": "stripe",
    "metadata": {"orderId": "order_456"},
    "initiatedBy": "api",
    "approvalId": APPROVAL,
    "decision": [
        *decisions.RULES[:-1],
        {
            "rule": "auto_approve",
            "outcome": "review",
            "message": _WHY,
            "fact": 35_000,
            "limit": 5000,
            "item": None,
            "customerMessage": "We look at this before it is refunded",
        },
    ],
    "policyId": None,
    "policyVersion": 0,
    "evidence": [],
    "createdAt": _ASKED,
    "updatedAt": _ASKED,
}
_EVENT: Final = {
    "approvalId": APPROVAL,
    "refundId": _REFUND,
    "transactionId": _CHARGE,
    "status": "pending",
    "amount": 35_000,
    "currency": "usd",
    "revision": 1,
}
_DETAIL: Final = {
    **_WAITING,
    "refund": _REFUNDED,
    "order": None,
    "facts": decisions.FACTS,
    "trace": decisions.TRACE,
    "riskScore": 0,
    "riskLevel": "low",
    "signals": [],
    "recommendation": "approve_with_review",
    "nextBestActions": ["request_evidence"],
    "history": [{"type": "approval.pending", "details": _EVENT, "note": None, "at": _ASKED}],
}
_SETTINGS: Final = {
    "currency": "usd",
    "autoApproveBelow": 5000,
    "requireReviewAbove": 20_000,
    "reviewFromRisk": 60,
    "reviewCategories": ["electronics"],
    "levels": [
        {
            "name": "Support leads",
            "approvers": ["approver"],
            "limit": 50_000,
            "remindAfterMinutes": 240,
            "deadlineMinutes": 1440,
        },
        {
            "name": "Owners",
            "approvers": ["owner", "admin"],
            "limit": None,
            "remindAfterMinutes": 720,
            "deadlineMinutes": 2880,
        },
    ],
    "twoPersonAbove": 100_000,
    "infoDeadlineMinutes": 10_080,
    "channels": ["email", "slack"],
    "slackReports": ["failed"],
    "customerEmails": ["completed", "rejected"],
}

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/approvals/{id}/approve"): {
        "All of it": {"comment": "Seen the photo"},
        "A part, and only what was read": {"amount": 20_000, "version": 1},
    },
    ("POST", "/v1/approvals/{id}/reject"): {"With the reason": {"reason": "The parcel was signed for"}},
    ("POST", "/v1/approvals/{id}/escalate"): {"To the next level": {"comment": "Above what I can judge"}},
    ("POST", "/v1/approvals/{id}/request-info"): {
        "A photo": {"question": "Please send a photo of the broken lid", "action": "request_evidence"},
        "A replacement": {"question": "Would a new one do instead?", "action": "offer_replacement"},
    },
    ("POST", "/v1/approvals/{id}/comment"): {"A remark": {"comment": "The customer called as well"}},
    ("POST", "/v1/refunds/{id}/info"): {
        "A photo": {
            "answer": "Here is the photo",
            "evidence": [{"kind": "photo", "reference": "https://shop.example/claims/456/lid.jpg"}],
        },
        "Less than before": {"answer": "They keep it for half the price", "amount": 17_500},
    },
    ("PUT", "/v1/settings/approvals"): {"Two levels": _SETTINGS, "The default ones": {}},
}
ANSWERS: Final[dict[Route, Any]] = {
    ("GET", "/v1/approvals"): [_WAITING],
    ("GET", "/v1/approvals/{id}"): _DETAIL,
    ("POST", "/v1/approvals/{id}/approve"): _APPROVED,
    ("POST", "/v1/approvals/{id}/reject"): {**_CLOSED, "status": "rejected", "comment": "The parcel was signed for"},
    ("POST", "/v1/approvals/{id}/escalate"): {
        **_WAITING,
        "status": "escalated",
        "level": 1,
        "levelName": "Owners and admins",
        "version": 2,
    },
    ("POST", "/v1/approvals/{id}/request-info"): {
        **_WAITING,
        "status": "info_requested",
        "question": _QUESTION,
        "dueAt": _QUESTION["until"],
        "due": "expire",
        "version": 2,
    },
    ("POST", "/v1/approvals/{id}/comment"): {**_WAITING, "version": 2},
    ("POST", "/v1/refunds/{id}/info"): {**_WAITING, "version": 3},
    ("GET", "/v1/settings/approvals"): {**_SETTINGS, "version": 1},
    ("PUT", "/v1/settings/approvals"): {**_SETTINGS, "version": 2},
}
