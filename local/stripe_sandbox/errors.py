"""Stripe's error answers.

StripeError     one refusal: HTTP status and the fields of Stripe's error object
├─ made by missing_resource, invalid, unknown_parameter …     (4xx, the caller's fault)
└─ made by api_failure                                        (5xx, as if Stripe itself had failed)
"""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """A refusal as Stripe words it; `status` is HTTP's, the rest are the error object's fields."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        extra: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.extra = extra or {}
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON answer; fields that do not apply are left out, as Stripe does."""
        error: dict[str, Any] = {}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        error["type"] = self.kind
        return {"error": error | self.extra}


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """400: the request cannot be served as it stands."""
    return StripeError(400, message, code=code, param=param)


def missing_resource(noun: str, object_id: str, param: str, other_mode: str | None = None) -> StripeError:
    """404: no such object for this account and mode; `other_mode` names the mode in which it does exist."""
    hint = ""
    if other_mode:
        used = "test" if other_mode == "live" else "live"
        hint = f"; a similar object exists in {other_mode} mode, but a {used} mode key was used to make this request."
    return StripeError(404, f"No such {noun}: '{object_id}'{hint}", code="resource_missing", param=param)


def unknown_parameter(name: str) -> StripeError:
    """400: a parameter that the operation does not have."""
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def unknown_path(method: str, path: str) -> StripeError:
    """404: there is no such endpoint."""
    return StripeError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs "
        "or we can help at https://support.stripe.com/.",
    )


def no_api_key() -> StripeError:
    """401: neither Bearer nor Basic credentials."""
    return StripeError(
        401,
        "You did not provide an API key. Send it as a Bearer token in the Authorization header "
        "(Authorization: Bearer YOUR_SECRET_KEY), or as the user name of Basic authentication.",
    )


def unknown_api_key(key: str) -> StripeError:
    """401: a key that belongs to no account; only its head and tail are repeated."""
    return StripeError(401, f"Invalid API Key provided: {masked(key)}")


def no_access_to_account(key: str, account_id: str) -> StripeError:
    """403: `Stripe-Account` names an account that this key's account is not connected to."""
    return StripeError(
        403,
        f"The provided key '{masked(key)}' does not have access to account '{account_id}' "
        "(or that account does not exist). Application access may have been revoked.",
        code="account_invalid",
    )


def permission_denied(key: str) -> StripeError:
    """403: a key without the permission for this operation."""
    return StripeError(
        403, f"The provided key '{masked(key)}' does not have the required permissions for this endpoint."
    )


def rate_limited() -> StripeError:
    """429: the account sends too many requests."""
    return StripeError(
        429,
        "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": "endpoint-rate"},
    )


def key_in_use(key: str) -> StripeError:
    """409: another request with this idempotency key has not ended yet.

    Stripe types this one `invalid_request_error`; only its code speaks of idempotency.
    """
    return StripeError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        code="idempotency_key_in_use",
        headers={"Stripe-Should-Retry": "true"},
    )


def key_reused(key: str) -> StripeError:
    """400: the idempotency key was first used with other parameters or another endpoint."""
    return StripeError(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def api_failure(status: int) -> StripeError:
    """500 or 503: the processor's own fault."""
    message = "An unknown error occurred" if status == 500 else "The service is temporarily unavailable."
    return StripeError(status, message, kind="api_error")


def masked(key: str) -> str:
    """A key as Stripe repeats it: its prefix, asterisks, and the last four characters."""
    head = key[:8] if key.startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")) else ""
    tail = key[len(head) :]
    return head + "*" * max(len(tail) - 4, 0) + tail[-4:]
