"""The examples of the API's description, and what each error code means: data only, of one shop's one afternoon.

A route is known by its method and resource. A request without a body has none here. An answer is what stands in
``data``. Amounts are minor units. Every example is checked against its schema (tests/contract/test_openapi.py).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from local import openapi_approval_examples as approvals
from local import openapi_audit_examples as audit
from local import openapi_decision_examples as decisions
from local import openapi_member_examples as members
from local import openapi_policy_examples as policies
from local import openapi_simulation_examples as simulations
from local import openapi_slack_examples as slack
from local import openapi_webhook_examples as webhooks

Route = tuple[str, str]

ORGANIZATION: Final = "org_01KAFZ3M8T5W7Y9B1D3F5H7K9N"
CHARGE: Final = "ch_3SVbXkLkdIwHu7ix0aB1cD2e"
REFUND: Final = "ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4"
CONNECTION: Final = "con_01KAFZ5P0R2T4W6Y8A0C2E4G6J"
API_KEY: Final = "key_01KAG1B3D5F7H9K1N3Q5S7V9X1"
MEMBER: Final = "mem_01KAFZ3M8V6X8Z0B2D4F6H8K0N"
QUOTE: Final = "quo_q83vEjRWeJCrze8SNFZ4kFsidGVzdCIsWyJzdHJpcGUiXV0"
ASSESSMENT: Final = "rsk_01KAG5F8H0K2N4Q6S8V0X2Z4B6"
CUSTOMER: Final = "cus_TSQ7hN2kXw4Lp9"
REQUEST_ID: Final = "9f3c1f3e-5d0b-4c53-8f2a-0f4d7c1b2a11"
IDEMPOTENCY_KEY: Final = "order_456-refund-1"
STRIPE_SIGNATURE: Final = "t=1763640000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd"
CURSOR: Final = "eyJ2IjoxfQ.Zk9vQmFyQmF6UXV4"


class ErrorExample(NamedTuple):
    """A code: when it comes, and an error that has it."""

    when: str
    message: str
    details: tuple[tuple[str, str], ...] = ()


_OPENED: Final[dict[str, Any]] = {
    "id": REFUND,
    "organizationId": ORGANIZATION,
    "externalRefundId": None,
    "transactionId": CHARGE,
    "amount": 2000,
    "grossAmount": 2000,
    "restockingFee": 0,
    "currency": "usd",
    "reason": "product_defective",
    "status": "pending",
    "statusDetail": None,
    "processor": "stripe",
    "metadata": {"orderId": "order_456"},
    "initiatedBy": "api",
    "approvalId": None,
    "decision": decisions.RULES,
    "policyId": None,
    "policyVersion": 0,
    "evidence": [],
    "createdAt": "2026-11-20T12:00:00.000Z",
    "updatedAt": "2026-11-20T12:00:00.000Z",
}
_COMPLETED: Final = {
    **_OPENED,
    "externalRefundId": "re_3SVbXkLkdIwHu7ix0fG3hJ4k",
    "status": "completed",
    "updatedAt": "2026-11-20T12:00:01.482Z",
}
_STEP: Final = {
    "refundId": REFUND,
    "transactionId": CHARGE,
    "amount": 2000,
    "currency": "usd",
    "processor": "stripe",
    "externalRefundId": None,
    "status": "pending",
    "statusDetail": None,
    "reason": "product_defective",
}
_CONNECTED: Final = {
    "name": "stripe",
    "connectionId": CONNECTION,
    "environment": "test",
    "status": "active",
    "accountId": "acct_1SVbWvLkdIwHu7ix",
    "connectedAccount": None,
    "merchantId": None,
    "webhookUrl": f"https://api.example.com/v1/processors/stripe/webhook/{CONNECTION}",
}
_KEY: Final = {
    "id": API_KEY,
    "name": "Help desk",
    "prefix": "rk_test_Example0",
    "environment": "test",
    "owner": {"type": "member", "id": MEMBER},
    "scopes": ["refunds:read", "refunds:write"],
    "limitPerMinute": 100,
    "createdAt": "2026-11-20T11:02:30.000Z",
    "expiresAt": "2027-11-20T00:00:00.000Z",
    "lastUsedAt": None,
    "revokedAt": None,
}

_RISK: Final = {
    "id": ASSESSMENT,
    "transactionId": CHARGE,
    "riskLevel": "medium",
    "score": 55,
    "signals": [
        {
            "type": "velocity",
            "description": "3 returns in 30 days",
            "weight": 0.4,
            "points": 40,
            "fact": 3,
            "limit": 3,
        },
        {
            "type": "amount_anomaly",
            "description": "Refund > 80% of order",
            "weight": 0.2,
            "points": 15,
            "fact": 90,
            "limit": 80,
        },
    ],
    "unknownSignals": ["region_mismatch"],
    "recommendation": "approve_with_review",
    "preemptiveRefundAdvised": False,
    "createdAt": "2026-11-20T12:00:00.000Z",
}
_TRANSACTION: Final = {
    "id": CHARGE,
    "processor": "stripe",
    "currency": "usd",
    "captured": 5000,
    "refunded": 0,
    "reserved": 0,
    "lost": 0,
    "remaining": 5000,
    "dispute": "none",
    "purchasedAt": "2026-11-18T09:30:00.000Z",
    "registration": {
        "version": 1,
        "orderId": "order_456",
        "merchantId": None,
        "items": [
            {"sku": "SKU-1", "category": "apparel/shoes", "quantity": 1, "amount": 3000, "flags": []},
            {"sku": "CARD-9", "category": "gift_cards", "quantity": 2, "amount": 2000, "flags": ["final_sale"]},
        ],
        "delivery": {
            "status": "delivered",
            "fulfilledAt": "2026-11-18T15:00:00.000Z",
            "deliveredAt": "2026-11-20T10:24:00.000Z",
            "country": "US",
        },
        "customer": {
            "id": "cust_789",
            "since": "2024-03-02T00:00:00.000Z",
            "lifetimeOrders": 6,
            "lifetimeSpend": 61120,
        },
        "riskScore": 8,
        "ipCountry": "US",
        "registeredAt": "2026-11-20T11:00:00.000Z",
    },
}

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/refunds"): {
        "Part of a charge": {
            "transactionId": CHARGE,
            "amount": 2000,
            "reason": "product_defective",
            "metadata": {"orderId": "order_456"},
        },
        "All that remains": {"transactionId": CHARGE, "full": True, "reason": "order_cancelled", "wait": 5},
        "An item of an order, with evidence": {
            "transactionId": CHARGE,
            "amount": 3000,
            "reason": "product_not_received",
            "items": [{"sku": "SKU-1", "quantity": 1}],
            "delivery": {"status": "lost"},
            "evidence": [{"kind": "carrier_scan", "reference": "1Z999AA10123456784"}],
            "onReview": "reject",
        },
        "With data of a person": {
            "transactionId": CHARGE,
            "amount": 1250,
            "currency": "usd",
            "reason": "sizing_issue",
            "metadata": {"orderId": "order_456", "email": "ada@example.com"},
            "personalMetadata": ["email"],
        },
    },
    ("PUT", "/v1/processors/{name}"): {
        "An account": {"secretKey": "sk_test_ExampleExampleExampleEx"},
        "A platform's connected account": {
            "secretKey": "sk_test_ExampleExampleExampleEx",
            "connectedAccount": "acct_1SVbWvLkdIwHu7ix",
            "reverseTransfer": True,
            "refundApplicationFee": True,
        },
    },
    **slack.REQUESTS,
    ("POST", "/v1/processors/{name}/webhook/{connectionId}"): {
        "A refund has changed": {
            "id": "evt_1SVbZ2LkdIwHu7ixQq7Rr8Ss",
            "object": "event",
            "type": "refund.updated",
            "created": 1795176001,
            "livemode": False,
            "data": {
                "object": {
                    "id": "re_3SVbXkLkdIwHu7ix0fG3hJ4k",
                    "object": "refund",
                    "amount": 2000,
                    "charge": CHARGE,
                    "currency": "usd",
                    "status": "succeeded",
                }
            },
        }
    },
    ("POST", "/v1/api-keys"): {
        "For a person's tool": {
            "name": "Help desk",
            "scopes": ["refunds:read", "refunds:write"],
            "expiresAt": "2027-11-20T00:00:00Z",
        },
        "For an agent": {
            "name": "Returns agent",
            "owner": {"type": "agent", "id": "returns-agent"},
            "scopes": ["refunds:read", "policies:read"],
            "limitPerMinute": 30,
        },
    },
    ("POST", "/v1/refunds/preview"): {
        "All that remains": {"transactionId": CHARGE},
        "One of two, paid in two ways": {
            "transactionId": CHARGE,
            "items": [
                {"sku": "SKU-1", "quantity": 1, "quantityBought": 2, "amount": 6000},
                {"sku": "SKU-2", "quantity": 0, "amount": 1000},
            ],
            "discount": 700,
            "tax": 630,
            "shipping": {"amount": 0},
            "tenders": [
                {"name": "gift card", "amount": 1930},
                {"name": "visa", "amount": 5000, "thisCharge": True},
            ],
        },
    },
    ("POST", "/v1/disputes/risk"): {
        "All that remains": {"transactionId": CHARGE, "customerId": "cust_789"},
        "An amount": {"transactionId": CHARGE, "amount": 4500},
    },
    ("PUT", "/v1/transactions/{id}"): {
        "A delivered order": {
            "orderId": "order_456",
            "items": [
                {"sku": "SKU-1", "category": "apparel/shoes", "quantity": 1, "amount": 3000},
                {"sku": "CARD-9", "category": "gift_cards", "quantity": 2, "amount": 2000, "flags": ["final_sale"]},
            ],
            "delivery": {
                "status": "delivered",
                "fulfilledAt": "2026-11-18T15:00:00Z",
                "deliveredAt": "2026-11-20T10:24:00Z",
                "country": "US",
            },
            "customer": {
                "id": "cust_789",
                "since": "2024-03-02T00:00:00Z",
                "lifetimeOrders": 6,
                "lifetimeSpend": 61120,
            },
            "riskScore": 8,
            "ipCountry": "US",
        },
        "Only that it was sent": {"delivery": {"status": "in_transit", "fulfilledAt": "2026-11-18T15:00:00Z"}},
    },
    ("POST", "/v1/policies/check"): {
        "All that remains": {"transactionId": CHARGE},
        "An amount": {"transactionId": CHARGE, "amount": 2000},
    },
    **members.REQUESTS,
    **policies.REQUESTS,
    **decisions.REQUESTS,
    **simulations.REQUESTS,
    **approvals.REQUESTS,
    **webhooks.REQUESTS,
}

ANSWERS: Final[dict[Route, Any]] = {
    ("POST", "/v1/refunds/preview"): {
        "quoteId": QUOTE,
        "transactionId": CHARGE,
        "currency": "usd",
        "lines": [{"sku": "SKU-1", "quantity": 1, "gross": 3000, "discount": 300, "tax": 270, "fee": 0, "net": 2970}],
        "shipping": 0,
        "value": 2970,
        "tenders": [
            {"name": "gift card", "amount": 827, "thisCharge": False},
            {"name": "visa", "amount": 2143, "thisCharge": True},
        ],
        "gross": 2143,
        "fee": 0,
        "net": 2143,
        "remainingBefore": 5000,
        "remainingAfter": 2857,
    },
    ("POST", "/v1/disputes/risk"): _RISK,
    ("GET", "/v1/disputes/assessments"): [_RISK],
    ("GET", "/v1/disputes/assessments/{id}"): _RISK,
    ("PUT", "/v1/transactions/{id}"): _TRANSACTION,
    ("GET", "/v1/transactions/{id}"): _TRANSACTION,
    ("POST", "/v1/refunds"): _OPENED,
    ("GET", "/v1/refunds"): [_COMPLETED],
    ("GET", "/v1/refunds/{id}"): _COMPLETED,
    ("GET", "/v1/refunds/{id}/events"): [
        {
            "id": "evt_5C7E9G1J3M5P7R9T1W3Y5A7C9E",
            "refundId": REFUND,
            "eventType": "refund.initiated",
            "details": _STEP,
            "createdAt": "2026-11-20T12:00:00.000Z",
        },
        {
            "id": "evt_8F0H2K4N6Q8S0V2X4Z6B8D0F2H",
            "refundId": REFUND,
            "eventType": "refund.processing",
            "details": {**_STEP, "status": "processing"},
            "createdAt": "2026-11-20T12:00:00.731Z",
        },
        {
            "id": "evt_2B4D6F8H0K2N4Q6S8V0X2Z4B6D",
            "refundId": REFUND,
            "eventType": "refund.completed",
            "details": {**_STEP, "status": "completed", "externalRefundId": "re_3SVbXkLkdIwHu7ix0fG3hJ4k"},
            "createdAt": "2026-11-20T12:00:01.482Z",
        },
    ],
    ("POST", "/v1/refunds/{id}/cancel"): {
        **_OPENED,
        "status": "cancelled",
        "updatedAt": "2026-11-20T12:00:00.350Z",
    },
    ("PUT", "/v1/processors/{name}"): _CONNECTED,
    ("GET", "/v1/processors/{name}"): _CONNECTED,
    ("DELETE", "/v1/processors/{name}"): {**_CONNECTED, "status": "inactive"},
    ("POST", "/v1/processors/{name}/webhook/{connectionId}"): {"received": True},
    **slack.ANSWERS,
    ("GET", "/v1/health"): {
        "status": "ok",
        "stage": "staging",
        "version": "0.1.0",
        "time": "2026-11-20T12:00:00.000Z",
    },
    ("GET", "/v1/openapi.json"): {"openapi": "3.1.0", "info": {"title": "RefundKit", "version": "0.1.0"}, "paths": {}},
    ("POST", "/v1/api-keys"): {**_KEY, "key": "rk_test_Example0Example0Example0ab3dhDZV"},
    ("GET", "/v1/api-keys"): [_KEY],
    ("GET", "/v1/api-keys/{id}"): _KEY,
    ("DELETE", "/v1/api-keys/{id}"): {**_KEY, "revokedAt": "2026-11-20T16:45:00.000Z"},
    ("POST", "/v1/policies/check"): {
        "eligible": True,
        "reason": "The transaction may be refunded",
        "maxAmount": 5000,
        "deadline": "2026-12-18T09:30:00.000Z",
        "conditions": [],
    },
    ("DELETE", "/v1/customers/{id}"): {
        "customerId": CUSTOMER,
        "transactions": 3,
        "refunds": 1,
        "complete": True,
        "erasedAt": "2026-11-20T16:50:00.000Z",
    },
    **members.ANSWERS,
    **policies.ANSWERS,
    **decisions.ANSWERS,
    **simulations.ANSWERS,
    **approvals.ANSWERS,
    **audit.ANSWERS,
    **webhooks.ANSWERS,
}

ERRORS: Final[dict[str, ErrorExample]] = {
    "validation_error": ErrorExample(
        "The request is not as documented; a webhook's signature is wrong; with 413 the body is over 256 KB.",
        "Amount must be positive",
        (("amount", "Input should be greater than 0"),),
    ),
    "invalid_api_key": ErrorExample(
        "The key is missing, malformed, unknown, expired or revoked: one answer for all.",
        "The API key is missing, malformed, unknown, expired or revoked",
    ),
    "unauthorized": ErrorExample("The key is good, but lacks the scope.", "This key lacks the scope refunds:write"),
    "self_approval_forbidden": ErrorExample(
        "Who asked for the refund wants to decide it, with whichever key or channel.",
        "Nobody decides a refund that they asked for: another approver has to",
    ),
    "approver_limit_exceeded": ErrorExample(
        "The amount is above the approver's own limit.",
        "350.00 USD is above the limit of 200.00 USD that this approver has",
    ),
    "approval_already_decided": ErrorExample(
        "Somebody else has decided, or time has; `details` say who and when.",
        "It was approved before: nothing was changed",
        (("decidedBy", MEMBER), ("decidedAt", "2026-11-20T12:20:10.118Z")),
    ),
    "not_found": ErrorExample(
        "It does not exist, or belongs to another organization or environment: one answer for all.", "No such refund"
    ),
    "refund_already_processed": ErrorExample(
        "Nothing is left to refund; or the same transaction, amount and reason were refunded within 24 hours and the "
        "request had no idempotency key of your own.",
        "Nothing is left to refund",
        (("remaining", "Nothing is left to refund"),),
    ),
    "idempotency_key_reused": ErrorExample(
        "The idempotency key was used before, with another body.",
        "This idempotency key opened another refund",
        (("Idempotency-Key", REFUND),),
    ),
    "organization_not_settled": ErrorExample(*members.NOT_SETTLED),
    "webhook_endpoint_limit_reached": ErrorExample(*webhooks.LIMIT_REACHED),
    "webhook_endpoint_disabled": ErrorExample(*webhooks.DISABLED),
    "refund_not_cancellable": ErrorExample(
        "The refund is final, or with the processor, who does not take it back.", "The refund is completed"
    ),
    "budget_exceeded": ErrorExample(
        "A spend cap of the key, the agent, the customer or the organization has too little left today.",
        "150.00 USD does not fit: this agent may refund 100.00 USD at once, and 100.00 USD is left",
        (("agent", "150.00 USD does not fit"), ("left", "10000")),
    ),
    "approval_required": ErrorExample(
        "A person would have to approve the refund, and the request said `onReview: reject`; nothing was opened.",
        "A person has to approve this refund, and the request says not to ask one",
        (("auto_approve", "75.00 USD is not below 50.00 USD"),),
    ),
    "risk_threshold_exceeded": ErrorExample(
        "The risk score is one that the merchant's policy refuses.",
        "The risk of this request is above what the merchant accepts",
        (("risk", "Risk score 95 (chargebacks 60, velocity 40): the policy refuses from 90 on"),),
    ),
    "approval_superseded": ErrorExample(
        "What was to be decided, replaced or published has been replaced by a newer version.",
        "The draft has changed since this revision",
        (("/revision", "The draft is at revision 3: read it again"),),
    ),
    "transaction_disputed": ErrorExample(
        "An open or lost chargeback covers the money: refunding it would pay twice.",
        "A chargeback is open: refunding as well would pay twice",
        (("dispute", "A chargeback is open: refunding as well would pay twice"),),
    ),
    "amount_exceeds_refundable": ErrorExample(
        "More was asked for than remains; `details` names what does, in minor units.",
        "60.00 USD is more than the remaining 50.00 USD",
        (("remaining", "5000"),),
    ),
    "currency_mismatch": ErrorExample(
        "The stated currency is not the transaction's.",
        "The transaction is in usd, not in eur",
        (("currency", "The transaction is in usd, not in eur"),),
    ),
    "policy_violation": ErrorExample(
        "A rule refuses it; `details` lists the rules that failed.",
        "The charge is not captured: release the authorization instead of refunding it",
        (("captured", "The charge is not captured: release the authorization instead of refunding it"),),
    ),
    "return_window_expired": ErrorExample(
        "The transaction is older than the window allows.",
        "The 30-day refund window closed on 2026-11-01T09:30:00.000Z",
        (("return_window", "The 30-day refund window closed on 2026-11-01T09:30:00.000Z"),),
    ),
    "processor_not_connected": ErrorExample(
        "The organization has no active connection to the processor in this environment.",
        "No account at stripe is connected in this environment",
    ),
    "rate_limited": ErrorExample(
        "The key has used up its requests of this minute; `Retry-After` says when to come back.",
        "More than 100 requests in a minute. Try again in 21 s",
    ),
    "refunds_paused": ErrorExample(
        "Somebody has stopped all refunds of the organization, or those of this key.", "Refunds are paused"
    ),
    "processor_error": ErrorExample(
        "The processor failed while it was asked; nothing was recorded.", "Stripe did not answer in time"
    ),
    "internal_error": ErrorExample(
        "Our fault. Send the request again, with the same idempotency key.", "Something went wrong on our side"
    ),
}

PATHS: Final[dict[tuple[str, str], str]] = {
    ("refunds", "id"): REFUND,
    ("api-keys", "id"): API_KEY,
    ("members", "id"): members.MEMBER,
    ("policies", "id"): policies.POLICY,
    ("simulations", "id"): simulations.SIMULATION,
    ("approvals", "id"): approvals.APPROVAL,
    ("customers", "id"): CUSTOMER,
    ("transactions", "id"): CHARGE,
    ("assessments", "id"): ASSESSMENT,
    ("processors", "name"): "stripe",
    ("webhook", "connectionId"): CONNECTION,
    ("webhook-endpoints", "id"): webhooks.ENDPOINT,
    ("deliveries", "deliveryId"): webhooks.DELIVERY,
    ("events", "id"): webhooks.EVENT,
}
"""By the part of the path before the parameter, and its name."""
