"""HTTP: from an API Gateway event to a use case and back to the envelope. The one place where errors become statuses.

API Gateway has matched the route already and names it in ``resource``, so that a dictionary look-up is all the
routing there is. The same table of routes carries what the API's description needs.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.audit import By
from refundkit_core.domain import errors
from refundkit_core.domain.tenancy import Caller, Quota
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.observability import log, log_failure
from refundkit_core.entrypoints.requests import (
    TooLarge,
    body_of,
    header,
    idempotency_key,
    query_of,
    refuse_unknown,
    validated,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

STATUS: Final[Mapping[type[errors.RefundKitError], int]] = {
    TooLarge: 413,
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.ApprovalLinkExpired: 410,
    errors.Refused: 422,
    errors.RateLimited: 429,
    errors.BudgetExceeded: 429,
    errors.Paused: 503,
    errors.Upstream: 502,
    errors.StoreConflict: 500,
}
"""By branch of the error tree; a leaf has its branch's status."""


_ANSWERING_S: Final = 3.0
_BODILESS: Final = ("GET", "DELETE")
"""A body means nothing in these, so none is looked at."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it: who asks, path parameters, headers (any case), validated body and query."""

    event: Mapping[str, Any]
    path: Mapping[str, str]
    body: Any = None
    query: Any = None
    _caller: Caller | None = None
    time_left_s: float = math.inf
    """How long the answer may be held back: what the function has left, less what answering takes."""

    @property
    def caller(self) -> Caller:
        """Who asks; only routes with a scope have one."""
        if self._caller is None:
            raise errors.Unauthenticated
        return self._caller

    @property
    def actor(self) -> By:
        """Who has it done, for the audit trail: the owner of the key, and the key."""
        return By(f"{self.caller.owner} ({self.caller.key_id})")

    @property
    def idempotency_key(self) -> str | None:
        """The caller's ``Idempotency-Key``, which every POST takes; it was found well-formed before."""
        return header(self.event, "idempotency-key")

    def header(self, name: str) -> str | None:
        return header(self.event, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the envelope's ``data``, and beside it."""

    data: Any
    pagination: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is a JSON document of its own, not in the envelope: the description of the API."""

    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer | Document]
Reading = Callable[[type["BaseModel"], Mapping[str, Any]], Any]
"""Makes of a body, by its model, what the handler gets. Raises Invalid."""


@dataclass(frozen=True, slots=True)
class Route:
    """One route: ``scope`` None means that no key is asked for (health, signed webhooks).

    ``answers`` is the wire model of ``data``, or its dotted name where loading it would cost a start-up too much.
    ``refuses`` are the error codes that this route may answer beside those of every route (``codes``).
    """

    method: str
    resource: str
    scope: str | None
    handle: Handler
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answers: Any
    refuses: tuple[str, ...]
    reads: Reading = validated

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error code that the route may answer."""
        codes = ["internal_error", *self.refuses]
        if self.scope is not None:
            codes += ["validation_error", "invalid_api_key", "unauthorized", "rate_limited"]
        return tuple(sorted(set(codes)))


class Api:
    """The routes of one function, and the Lambda handler that serves them."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Route] = {}

    def route(
        self,
        method: str,
        resource: str,
        *,
        scope: str | None,
        answers: Any,
        status: int = 200,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        refuses: str = "",
        reads: Reading = validated,
    ) -> Callable[[Handler], Handler]:
        """Declare a route; ``body`` and ``query`` are validated before the handler sees them.

        ``refuses`` names the error codes that are this route's own, with blanks between them. ``reads`` is for a body
        that is more than its model can check.
        """

        def declare(handle: Handler) -> Handler:
            own = tuple(refuses.split())
            route = Route(method, resource, scope, handle, status, body, query, answers, own, reads)
            self.routes[method, resource] = route
            return handle

        return declare

    def handler(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        """The Lambda entry point: always answers with the envelope, and logs one line."""
        started = time.perf_counter()
        request_id = str((event.get("requestContext") or {}).get("requestId", ""))
        method, resource = event["httpMethod"], event["resource"]
        seen = _Seen()
        try:
            status, body, headers = self._answer(
                self.routes.get((method, resource)), event, _time_left_s(context), seen
            )
        except errors.RefundKitError as exc:
            status, body, headers = error_answer(exc, request_id)
            seen.code = exc.code
            if status >= 500:
                log_failure("request failed", exc.__cause__ or exc, request_id=request_id)
        except Exception as exc:  # the one catch-all: whatever happens, the caller gets an envelope
            log_failure("request failed", exc, request_id=request_id)
            unexpected = errors.RefundKitError("Something went wrong on our side")
            status, body, headers = error_answer(unexpected, request_id)
            seen.code = unexpected.code
        log(
            "request",
            route=f"{method} {resource}",
            status=status,
            code=seen.code,
            ms=round((time.perf_counter() - started) * 1000),
            request_id=request_id,
            org_id=seen.caller.tenant.org_id if seen.caller else None,
            key_id=seen.caller.key_id if seen.caller else None,
            refund_id=seen.refund_id,
        )
        return _response(status, body, {**_quota_headers(seen.quota), **headers, "x-request-id": request_id})

    def _answer(self, route: Route | None, event: Mapping[str, Any], time_left_s: float, seen: _Seen) -> _Answered:
        if route is None:
            raise errors.NotFound("No such route")
        if route.scope is None:
            return _enveloped(route, route.handle(Call(event, event.get("pathParameters") or {})), seen)
        try:
            admitted = container().authenticate(header(event, "authorization"))
        except errors.RateLimited as exc:
            seen.quota = Quota(exc.limit, 0, exc.retry_after_s)
            raise
        seen.caller, seen.quota = admitted.caller, admitted.quota
        admitted.caller.insist_on(route.scope)
        if route.method == "POST":
            idempotency_key(event)
        body = route.reads(route.body, body_of(event)) if route.body else None
        query = validated(route.query, query_of(event)) if route.query else None
        takes_body = route.body is not None or route.method in _BODILESS
        refuse_unknown(event, takes_body=takes_body, takes_query=route.query is not None)
        call = Call(event, event.get("pathParameters") or {}, body, query, admitted.caller, time_left_s)
        return _enveloped(route, route.handle(call), seen)


_Answered = tuple[int, str, dict[str, str]]


@dataclass(slots=True)
class _Seen:
    """What becomes known of a request on its way, for its log line and its headers."""

    caller: Caller | None = None
    quota: Quota | None = None
    refund_id: str | None = None
    code: str | None = None


def _enveloped(route: Route, answer: Answer | Document, seen: _Seen) -> _Answered:
    if isinstance(answer, Document):
        return route.status, answer.text, dict(answer.headers)
    shown = plain(answer.data)
    if isinstance(shown, dict) and str(shown.get("id", "")).startswith("ref_"):
        seen.refund_id = shown["id"]
    envelope: dict[str, Any] = {"data": shown, "error": None}
    if answer.pagination is not None:
        envelope["pagination"] = plain(answer.pagination)
    return route.status, _json(envelope), dict(answer.headers)


def _time_left_s(context: Any) -> float:
    """From Lambda's context, which only a real invocation has."""
    if context is None:
        return math.inf
    return max(0.0, float(context.get_remaining_time_in_millis()) / 1000 - _ANSWERING_S)


def _quota_headers(quota: Quota | None) -> dict[str, str]:
    """What is left of the key's minute, in the three headers that clients of other APIs know."""
    if quota is None:
        return {}
    return {
        "ratelimit-limit": str(quota.limit),
        "ratelimit-remaining": str(quota.remaining),
        "ratelimit-reset": str(quota.reset_s),
    }


def error_answer(exc: errors.RefundKitError, request_id: str) -> _Answered:
    """An error as status, body and headers."""
    status = next((STATUS[branch] for branch in type(exc).__mro__ if branch in STATUS), 500)
    error: dict[str, Any] = {"message": exc.message, "code": exc.code}
    if exc.details:
        error["details"] = [detail._asdict() for detail in exc.details]
    error["requestId"] = request_id
    wait_s = exc.retry_after_s if isinstance(exc, errors.RateLimited | errors.BudgetExceeded) else None
    headers = {} if wait_s is None else {"retry-after": str(wait_s)}
    return status, _json({"data": None, "error": error}), headers


def plain(value: Any) -> Any:
    """Wire models as what JSON knows."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    return [plain(element) for element in value] if isinstance(value, list | tuple) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _response(status: int, body: str, headers: Mapping[str, str]) -> dict[str, Any]:
    fixed = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return {"statusCode": status, "headers": {**fixed, **headers}, "body": body, "isBase64Encoded": False}
