"""Examples of members and their organization for the API's description: data only, of the same shop."""

from __future__ import annotations

from typing import Any, Final

Route = tuple[str, str]

MEMBER: Final = "mem_01KAG7C0E2G4J6M8P0R2T4V6X8"
_ANNA: Final[dict[str, Any]] = {
    "id": MEMBER,
    "name": "Anna Approver",
    "email": "anna@example.com",
    "role": "approver",
    "approvalLimit": {"amount": 100_000, "currency": "usd"},
    "slackUserId": "U0ANNA01",
    "active": True,
    "createdAt": "2026-11-20T11:30:00.000Z",
    "deactivatedAt": None,
}
_ORGANIZATION: Final[dict[str, Any]] = {
    "id": "org_01KAFZ3M8T5W7Y9B1D3F5H7K9N",
    "name": "Acme",
    "createdAt": "2026-11-20T09:00:00.000Z",
    "deletedAt": None,
}
NOT_SETTLED: Final = (
    "Refunds are under way or approvals are open in test or live; `details` counts them and names a few. The "
    "organization stays as it is.",
    "Refunds are under way or wait for approval: let them end first",
    (("refunds", "1: ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4"), ("approvals", "1: apr_01KAG4D6F8H0K2N4Q6S8V0X2Z4")),
)
"""When ``organization_not_settled`` comes, and an error that has it."""

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", "/v1/members"): {
        "An approver with a limit": {
            "name": "Anna Approver",
            "email": "anna@example.com",
            "role": "approver",
            "approvalLimit": {"amount": 100_000, "currency": "usd"},
            "slackUserId": "U0ANNA01",
        },
        "Somebody who looks": {"name": "Cara Clerk", "email": "cara@example.com", "role": "member"},
    },
    ("PATCH", "/v1/members/{id}"): {
        "An admin without a limit": {"role": "admin", "approvalLimit": None},
        "Back again": {"active": True},
    },
    ("PATCH", "/v1/organization"): {"Another name": {"name": "Acme Outdoor"}},
}

ANSWERS: Final[dict[Route, Any]] = {
    ("POST", "/v1/members"): _ANNA,
    ("GET", "/v1/members"): [_ANNA],
    ("GET", "/v1/members/{id}"): _ANNA,
    ("PATCH", "/v1/members/{id}"): {**_ANNA, "role": "admin", "approvalLimit": None},
    ("DELETE", "/v1/members/{id}"): {**_ANNA, "active": False, "deactivatedAt": "2026-11-20T17:00:00.000Z"},
    ("GET", "/v1/organization"): _ORGANIZATION,
    ("PATCH", "/v1/organization"): {**_ORGANIZATION, "name": "Acme Outdoor"},
    ("DELETE", "/v1/organization"): {**_ORGANIZATION, "deletedAt": "2026-11-20T18:00:00.000Z"},
}
