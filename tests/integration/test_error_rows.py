"""Every documented error: one test for each code, named after it, with the status that it has.

Codes whose flows are not built yet are held to their status by the error alone; the last test keeps the list whole.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any, get_args

import pytest
from refundkit.api_keys import generate_api_key
from refundkit.contracts.errors import ErrorCode
from refundkit_core.application.audit import BY_PROGRAM
from refundkit_core.domain import errors
from refundkit_core.entrypoints.http import error_answer

from tests.integration.conftest import World
from tests.integration.people import People
from tests.integration.webhook_world import ENDPOINTS, NOWHERE, Webhooks

NEVER = "ref_00000000000000000000000000"


def refusal(world: World, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, Any]:
    """Status, code and details of a call that must be refused."""
    status, envelope, _ = world.call(method, path, body, **options)
    assert set(envelope) == {"data", "error"}
    assert envelope["data"] is None
    return status, envelope["error"]["code"], envelope["error"].get("details")


def opening(world: World, transaction_id: str, **fields: Any) -> tuple[int, str, Any]:
    options = {"headers": fields.pop("headers", None)}
    body = {"transactionId": transaction_id, "amount": 2000, "reason": "other", **fields}
    return refusal(world, "POST", "/v1/refunds", {k: v for k, v in body.items() if v is not None}, **options)


def by_itself(error: errors.RefundKitError) -> tuple[int, str]:
    status, body, _ = error_answer(error, "request-1")
    envelope = json.loads(body)
    assert envelope["data"] is None
    assert envelope["error"]["message"]
    return status, envelope["error"]["code"]


def key_with(world: World, *scopes: str, **wanted: Any) -> dict[str, Any]:
    body = {"name": "One", "scopes": list(scopes), **wanted}
    key: dict[str, Any] = world.call("POST", "/v1/api-keys", body)[1]["data"]
    return key


def test_validation_error_400_body_query_path(world: World) -> None:
    status, code, details = opening(world, "ch_1", amount=-1)
    assert (status, code, details) == (400, "validation_error", [{"field": "amount", "message": details[0]["message"]}])
    status, code, details = refusal(world, "GET", "/v1/refunds?limit=0")
    assert (status, code, details[0]["field"]) == (400, "validation_error", "limit")
    assert opening(world, "../ch_1")[:2] == (400, "validation_error")


def test_validation_error_413_a_body_over_256_kb(world: World) -> None:
    assert opening(world, "ch_1", metadata={"a": "x" * 300_000})[:2] == (413, "validation_error")


def test_validation_error_400_a_webhook_whose_signature_is_wrong(world: World) -> None:
    path = f"/v1/processors/stripe/webhook/{world.connection.connection_id}"
    answer = refusal(world, "POST", path, {"id": "evt_1"}, headers={"stripe-signature": "t=1,v1=00"})
    assert answer[:2] == (400, "validation_error")


def test_invalid_api_key_401_missing_malformed_unknown_expired_and_revoked_alike(world: World) -> None:
    soon = (world.clock.now() + timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    expired = key_with(world, "refunds:read", expiresAt=soon)["key"]
    revoked = key_with(world, "refunds:read")
    world.call("DELETE", f"/v1/api-keys/{revoked['id']}")
    world.clock.advance(seconds=31)
    keys = [None, "", "rk_test_x", generate_api_key("test").key, expired, revoked["key"]]

    answers = [world.call("GET", "/v1/refunds", key=key)[:2] for key in keys]

    assert {status for status, _ in answers} == {401}
    assert len({json.dumps(envelope) for _, envelope in answers}) == 1
    assert answers[0][1]["error"]["code"] == "invalid_api_key"


def test_unauthorized_403_a_good_key_without_the_scope(world: World) -> None:
    reader = key_with(world, "refunds:read")["key"]
    answer = refusal(world, "POST", f"/v1/refunds/{NEVER}/cancel", key=reader)
    assert answer[:2] == (403, "unauthorized")


def test_self_approval_forbidden_403(world: World) -> None:
    people = People(world)
    waiting = people.waiting(key=people.owner.key)
    assert people.may_not(waiting["approvalId"], people.owner) == (403, "self_approval_forbidden")


def test_approver_limit_exceeded_403(world: World) -> None:
    people = People(world)
    waiting = people.waiting()
    assert people.may_not(waiting["approvalId"], people.join(limit=34_999)) == (403, "approver_limit_exceeded")


def test_not_found_404_not_there_of_another_organization_or_of_the_other_mode_alike(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    path = f"/v1/refunds/{opened['id']}"
    answers = [
        world.call("GET", f"/v1/refunds/{NEVER}")[:2],
        world.call("GET", path, key=other.test_key)[:2],
        world.call("GET", path, key=world.organization.live_key)[:2],
    ]

    assert answers[0] == answers[1] == answers[2]
    assert (answers[0][0], answers[0][1]["error"]["code"]) == (404, "not_found")


def test_refund_already_processed_409_nothing_is_left(world: World) -> None:
    charge = world.charge()["id"]
    world.refund(charge, full=True)
    assert opening(world, charge)[:2] == (409, "refund_already_processed")


def test_refund_already_processed_409_a_twin_names_the_first(world: World) -> None:
    charge = world.charge()["id"]
    first = world.refund(charge, reason="other")
    generated = {"idempotency-key": "made-by-a-program", "idempotency-key-source": "generated"}

    expected = (409, "refund_already_processed", [{"field": "refundId", "message": first["id"]}])
    assert opening(world, charge) == expected
    assert opening(world, charge, headers=generated) == expected
    own = {"transactionId": charge, "amount": 2000, "reason": "other"}
    assert world.call("POST", "/v1/refunds", own, headers={"idempotency-key": "mine"})[0] == 201


def test_refund_not_cancellable_409(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    world.execute(opened["id"])
    answer = refusal(world, "POST", f"/v1/refunds/{opened['id']}/cancel")
    assert answer[:2] == (409, "refund_not_cancellable")


def test_idempotency_key_reused_409(world: World) -> None:
    charge, headers = world.charge()["id"], {"idempotency-key": "k-1"}
    body = {"transactionId": charge, "amount": 2000, "reason": "other"}
    assert world.call("POST", "/v1/refunds", body, headers=headers)[0] == 201
    assert opening(world, charge, amount=2001, headers=headers)[:2] == (409, "idempotency_key_reused")


def test_approval_already_decided_409(world: World) -> None:
    people = People(world)
    waiting = people.waiting()
    people.decide(waiting["approvalId"], people.owner)
    assert people.may_not(waiting["approvalId"], people.join()) == (409, "approval_already_decided")


def test_approval_superseded_409(world: World) -> None:
    people = People(world)
    waiting = people.waiting()
    assert people.may_not(waiting["approvalId"], people.owner, version=2) == (409, "approval_superseded")


def test_approval_superseded_409_by_a_newer_revision_of_a_policy(world: World) -> None:
    document = {"name": "One", "rules": [{"category": "default"}]}
    path = f"/v1/policies/{world.call('POST', '/v1/policies', document)[1]['data']['id']}"
    world.call("PUT", path, {**document, "name": "Two"})
    status, code, details = refusal(world, "PUT", path, {**document, "name": "Three", "revision": 1})
    assert (status, code) == (409, "approval_superseded")
    assert details == [{"field": "/revision", "message": "The draft is at revision 2: read it again"}]


def test_approval_link_expired_410() -> None:
    assert by_itself(errors.ApprovalLinkExpired("The link has expired")) == (410, "approval_link_expired")


def test_amount_exceeds_refundable_422_names_what_remains(world: World) -> None:
    charge = world.charge()["id"]
    world.refund(charge)
    status, code, details = opening(world, charge, amount=3001)
    assert (status, code) == (422, "amount_exceeds_refundable")
    assert {"field": "remaining", "message": "3000"} in details


def test_currency_mismatch_422(world: World) -> None:
    assert opening(world, world.charge()["id"], currency="eur")[:2] == (422, "currency_mismatch")


def test_policy_violation_422_an_uncaptured_charge_names_the_rule(world: World) -> None:
    status, code, details = opening(world, world.charge(captured=False)["id"])
    assert (status, code) == (422, "policy_violation")
    assert "captured" in [detail["field"] for detail in details]


def test_return_window_expired_422_names_the_rule(world: World) -> None:
    created = int((world.clock.now() - timedelta(days=30, seconds=1)).timestamp())
    status, code, details = opening(world, world.charge(created=created)["id"])
    named = [detail["field"] for detail in details]
    assert (status, code, named) == (422, "return_window_expired", ["daysPastDeadline", "return_window", "decisionId"])


def test_risk_threshold_exceeded_422() -> None:
    assert by_itself(errors.RiskThresholdExceeded("Too risky")) == (422, "risk_threshold_exceeded")


def test_processor_not_connected_422(world: World) -> None:
    charge = world.charge()["id"]
    assert opening(world, charge, processor="square")[:2] == (422, "processor_not_connected")
    world.call("DELETE", "/v1/processors/stripe")
    assert opening(world, charge)[:2] == (422, "processor_not_connected")


def test_insufficient_credit_422() -> None:
    assert by_itself(errors.InsufficientCredit("Not enough credit")) == (422, "insufficient_credit")


def test_return_not_cancellable_409() -> None:
    assert by_itself(errors.ReturnNotCancellable("Received already")) == (409, "return_not_cancellable")


def test_organization_not_settled_409_names_what_is_open(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    expected = (409, "organization_not_settled", [{"field": "refunds", "message": f"1: {opened['id']}"}])
    assert refusal(world, "DELETE", "/v1/organization") == expected


def test_webhook_endpoint_limit_reached_409(world: World) -> None:
    webhooks = Webhooks(world)
    for _ in range(20):
        webhooks.endpoint()
    body = {"url": NOWHERE, "events": ["*"]}
    assert refusal(world, "POST", ENDPOINTS, body)[:2] == (409, "webhook_endpoint_limit_reached")


def test_webhook_endpoint_disabled_409(world: World) -> None:
    webhooks = Webhooks(world)
    endpoint = webhooks.endpoint()
    webhooks.asks("POST", webhooks.of(endpoint, "/disable"))
    for action, body in (
        ("/test", {"type": "refund.completed"}),
        ("/recover", {"since": "2026-11-20T00:00:00Z"}),
        ("/replay-missing", {"since": "2026-11-20T00:00:00Z"}),
    ):
        answer = refusal(world, "POST", webhooks.of(endpoint, action), body)
        assert answer[:2] == (409, "webhook_endpoint_disabled"), action


def test_approval_required_422() -> None:
    assert by_itself(errors.ApprovalRequired("A person must look")) == (422, "approval_required")


def test_transaction_disputed_409_by_an_open_or_lost_chargeback_and_not_by_a_won_one(world: World) -> None:
    for state in ("needs_response", "lost"):
        assert opening(world, world.charge(disputed=state)["id"])[:2] == (409, "transaction_disputed"), state
    assert world.refund(world.charge(disputed="won")["id"])["status"] == "pending"


def test_budget_exceeded_429() -> None:
    assert by_itself(errors.BudgetExceeded("The cap is used up")) == (429, "budget_exceeded")


def test_refunds_paused_503(world: World) -> None:
    world.container.brake.pause(world.tenant, None, BY_PROGRAM)
    assert opening(world, world.charge()["id"])[:2] == (503, "refunds_paused")


def test_rate_limited_429_says_when_to_come_back(world: World) -> None:
    key = key_with(world, "refunds:read", limitPerMinute=1)["key"]
    assert world.call("GET", "/v1/refunds", key=key)[0] == 200
    status, envelope, headers = world.call("GET", "/v1/refunds", key=key)
    assert (status, envelope["error"]["code"], headers["retry-after"]) == (429, "rate_limited", "60")


def test_processor_error_502_while_the_transaction_is_looked_up(world: World) -> None:
    charge = world.charge()["id"]
    world.stripe("POST", "/_sandbox/faults", {"operation": "*", "kind": "status_500", "times": 9})
    assert opening(world, charge)[:2] == (502, "processor_error")
    assert world.call("GET", "/v1/refunds")[1]["data"] == []


def test_internal_error_500_without_what_went_wrong(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("rk_live_secret in /var/task/app.py")

    monkeypatch.setattr(world.container.read_refunds, "one", breaks)
    status, envelope, _ = world.call("GET", f"/v1/refunds/{NEVER}")
    assert (status, envelope["error"]["code"]) == (500, "internal_error")
    assert "rk_live" not in json.dumps(envelope)
    assert "app.py" not in json.dumps(envelope)


def test_every_code_has_its_test_here() -> None:
    named = [name.removeprefix("test_") for name in vars(sys.modules[__name__]) if name.startswith("test_")]

    untested = [code for code in get_args(ErrorCode) if not any(name.startswith(code) for name in named)]
    assert untested == []
