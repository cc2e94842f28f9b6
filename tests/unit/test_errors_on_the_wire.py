"""Every error as a caller meets it: its status, its code, the envelope, and nothing that it should not tell."""

from __future__ import annotations

import json
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.errors import Detail, RefundKitError
from refundkit_core.entrypoints.http import Api, error_answer
from refundkit_core.entrypoints.requests import TooLarge

from tests.support.door import ADMITTED, MILLISECONDS, Door, open_door
from tests.support.requests import gateway_event

SAID = "In words for people"
WHO = "The API key is missing, malformed, unknown, expired or revoked"
HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": "request-1",
}
QUOTA = {"ratelimit-limit": "100", "ratelimit-remaining": "99", "ratelimit-reset": "42"}

EVERY_ERROR: list[tuple[RefundKitError, int, str]] = [
    (TooLarge(SAID), 413, "validation_error"),
    (errors.Invalid(SAID), 400, "validation_error"),
    (errors.BadSignature(SAID), 400, "validation_error"),
    (errors.RefusedAddress("port", SAID), 400, "validation_error"),
    (errors.Unauthenticated(), 401, "invalid_api_key"),
    (errors.Denied(SAID), 403, "unauthorized"),
    (errors.SelfApprovalForbidden(SAID), 403, "self_approval_forbidden"),
    (errors.ApproverLimitExceeded(SAID), 403, "approver_limit_exceeded"),
    (errors.NotFound(SAID), 404, "not_found"),
    (errors.AlreadyProcessed(SAID), 409, "refund_already_processed"),
    (errors.IdempotencyKeyReused(SAID), 409, "idempotency_key_reused"),
    (errors.NotCancellable(SAID), 409, "refund_not_cancellable"),
    (errors.TransactionDisputed(SAID), 409, "transaction_disputed"),
    (errors.ApprovalAlreadyDecided(SAID), 409, "approval_already_decided"),
    (errors.ApprovalSuperseded(SAID), 409, "approval_superseded"),
    (errors.RevisionSuperseded(SAID), 409, "approval_superseded"),
    (errors.NothingAsked(SAID), 409, "approval_superseded"),
    (errors.ReturnNotCancellable(SAID), 409, "return_not_cancellable"),
    (errors.OrganizationNotSettled(SAID), 409, "organization_not_settled"),
    (errors.TooManyEndpoints(SAID), 409, "webhook_endpoint_limit_reached"),
    (errors.EndpointDisabled(SAID), 409, "webhook_endpoint_disabled"),
    (errors.ApprovalLinkExpired(SAID), 410, "approval_link_expired"),
    (errors.Refused(SAID), 422, "policy_violation"),
    (errors.AmountExceedsRefundable(SAID), 422, "amount_exceeds_refundable"),
    (errors.CurrencyMismatch(SAID), 422, "currency_mismatch"),
    (errors.ReturnWindowExpired(SAID), 422, "return_window_expired"),
    (errors.RiskThresholdExceeded(SAID), 422, "risk_threshold_exceeded"),
    (errors.ApprovalRequired(SAID), 422, "approval_required"),
    (errors.InsufficientCredit(SAID), 422, "insufficient_credit"),
    (errors.ProcessorNotConnected(SAID), 422, "processor_not_connected"),
    (errors.RateLimited(7, 100), 429, "rate_limited"),
    (errors.BudgetExceeded(SAID), 429, "budget_exceeded"),
    (errors.Paused(SAID), 503, "refunds_paused"),
    (errors.Upstream(SAID), 502, "processor_error"),
    (errors.ProcessorDeclined("declined", SAID), 502, "processor_error"),
    (errors.ProcessorDenied(SAID), 502, "processor_error"),
    (errors.ProcessorUnknown(SAID), 502, "processor_error"),
    (errors.WrongCode(SAID), 403, "unauthorized"),
    (errors.NotDelivered(SAID), 502, "processor_error"),
    (errors.SlackRefused(SAID), 502, "processor_error"),
    (errors.StoreConflict(SAID), 500, "internal_error"),
    (RefundKitError(SAID), 500, "internal_error"),
]
OWN_WORDS = {
    errors.Unauthenticated: WHO,
    errors.RateLimited: "More than 100 requests in a minute. Try again in 7 s",
}


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Door:
    return open_door(monkeypatch, request.node.name)


def failing(door: Door, error: BaseException) -> dict[str, Any]:
    """The answer of a route that fails with ``error``."""

    def fail(_: object) -> Any:
        raise error

    door.api.route("GET", "/v1/refunds", scope="refunds:read", answers=None)(fail)
    return door.api.handler(gateway_event("GET", "/v1/refunds", key="k"), None)


def error_of(answer: dict[str, Any]) -> Any:
    """The ``error`` of an answer's envelope, which has nothing else."""
    envelope = json.loads(answer["body"])
    assert envelope == {"data": None, "error": envelope["error"]}
    return envelope["error"]


@pytest.mark.parametrize(("error", "status", "code"), EVERY_ERROR, ids=lambda value: type(value).__name__)
def test_an_error_is_answered_with_its_status_its_code_and_its_words(
    door: Door, error: RefundKitError, status: int, code: str
) -> None:
    answer = failing(door, error)

    words = OWN_WORDS.get(type(error), SAID)
    waits = {"retry-after": "7"} if code == "rate_limited" else {}
    assert answer == {
        "statusCode": status,
        "headers": {**HEADERS, **QUOTA, **waits},
        "body": json.dumps(
            {"data": None, "error": {"message": words, "code": code, "requestId": "request-1"}}, separators=(",", ":")
        ),
        "isBase64Encoded": False,
    }


def test_no_error_of_the_tree_is_forgotten_here() -> None:
    tree = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RefundKitError)}

    assert tree - {type(error) for error, _, _ in EVERY_ERROR} == {errors.Conflict}  # only its leaves are raised


@pytest.mark.parametrize("error", [error for error, _, _ in EVERY_ERROR], ids=lambda error: type(error).__name__)
def test_an_error_says_the_same_to_callers_and_in_a_traceback(error: RefundKitError) -> None:
    assert str(error) == error.message == OWN_WORDS.get(type(error), SAID)
    assert error.details == ()


def test_an_error_carries_what_who_catches_it_needs() -> None:
    declined, limited = errors.ProcessorDeclined("insufficient_funds", SAID), errors.RateLimited(7, 100)

    assert declined.reason == "insufficient_funds"
    assert (limited.retry_after_s, limited.limit) == (7, 100)
    assert errors.RefusedAddress("port", SAID).reason == "port"


def test_details_follow_the_code_in_their_order() -> None:
    details = (Detail("amount", "too much"), Detail("currency", "unknown"))

    assert error_answer(errors.Invalid(SAID, details), "request-1") == (
        400,
        '{"data":null,"error":{"message":"In words for people","code":"validation_error","details":'
        '[{"field":"amount","message":"too much"},{"field":"currency","message":"unknown"}],"requestId":"request-1"}}',
        {},
    )


def test_an_error_of_no_branch_that_we_know_is_our_fault() -> None:
    class Unheard(RefundKitError):
        code = "not_found"

    assert error_answer(Unheard(SAID), "request-1")[0] == 500


def test_a_refusal_is_one_log_line_with_its_code(door: Door) -> None:
    failing(door, errors.NotFound(SAID))

    assert door.lines() == [
        {
            "level": "INFO",
            "message": "request",
            "route": "GET /v1/refunds",
            "status": 404,
            "code": "not_found",
            "ms": MILLISECONDS,
            "request_id": "request-1",
            "org_id": ADMITTED.caller.tenant.org_id,
            "key_id": "key_1",
        }
    ]


def test_a_failure_of_ours_is_logged_by_its_kind_and_its_place_and_not_by_its_words(door: Door) -> None:
    answer = failing(door, RuntimeError("rk_live_secret of ada@example.com"))

    assert answer["statusCode"] == 500
    assert error_of(answer) == {
        "message": "Something went wrong on our side",
        "code": "internal_error",
        "requestId": "request-1",
    }
    failure, request = door.lines()
    place = failure.pop("at")[-1]
    assert place.startswith("test_errors_on_the_wire.py:")
    assert failure == {
        "level": "ERROR",
        "message": "request failed",
        "error": "RuntimeError",
        "request_id": "request-1",
    }
    assert (request["status"], request["code"]) == (500, "internal_error")
    assert "secret" not in door.log.getvalue()
    assert "ada@" not in door.log.getvalue()


@pytest.mark.parametrize(
    ("error", "status"), [(errors.Upstream(SAID), 502), (errors.StoreConflict(SAID), 500), (errors.Paused(SAID), 503)]
)
def test_a_known_error_over_500_is_logged_too(door: Door, error: RefundKitError, status: int) -> None:
    failing(door, error)

    failure, request = door.lines()
    assert (failure["level"], failure["message"]) == ("ERROR", "request failed")
    assert (failure["error"], failure["request_id"]) == (type(error).__name__, "request-1")
    assert (request["status"], request["code"]) == (status, error.code)


def test_the_cause_of_a_failure_is_what_is_logged(door: Door) -> None:
    error = errors.Upstream(SAID)
    error.__cause__ = TimeoutError("secret")

    failing(door, error)

    assert door.lines()[0]["error"] == "TimeoutError"


def test_a_caller_over_its_limit_is_told_when_to_come_back(door: Door) -> None:
    def refuse() -> Any:
        raise errors.RateLimited(7, 100)

    door.admits = refuse
    answer = failing(door, AssertionError("the handler was asked"))

    assert answer["statusCode"] == 429
    assert answer["headers"] == {
        **HEADERS,
        "ratelimit-limit": "100",
        "ratelimit-remaining": "0",
        "ratelimit-reset": "7",
        "retry-after": "7",
    }
    assert error_of(answer)["code"] == "rate_limited"


def test_nobody_learns_whose_key_was_refused(door: Door) -> None:
    def refuse() -> Any:
        raise errors.Unauthenticated

    door.admits = refuse
    answer = failing(door, AssertionError("the handler was asked"))

    assert (answer["statusCode"], answer["headers"]) == (401, HEADERS)
    (line,) = door.lines()
    assert line == {
        "level": "INFO",
        "message": "request",
        "route": "GET /v1/refunds",
        "status": 401,
        "code": "invalid_api_key",
        "ms": MILLISECONDS,
        "request_id": "request-1",
    }


@pytest.mark.parametrize("context", [{}, {"requestContext": None}, {"requestContext": {}}])
def test_a_request_without_an_id_is_answered_all_the_same(door: Door, context: dict[str, Any]) -> None:
    event = {"httpMethod": "GET", "resource": "/v1/nothing", **context}

    answer = door.api.handler(event, None)

    assert (answer["statusCode"], answer["headers"]) == (404, {**HEADERS, "x-request-id": ""})
    assert error_of(answer) == {"message": "No such route", "code": "not_found", "requestId": ""}


def test_an_unknown_route_is_not_found_before_anybody_is_asked_for_a_key(door: Door) -> None:
    answer = Api().handler(gateway_event("GET", "/v1/refunds"), None)

    assert error_of(answer) == {"message": "No such route", "code": "not_found", "requestId": "request-1"}
    assert door.shown == []
