"""HTTP: from an API Gateway event to a use case and back to the envelope. The one place where errors become statuses.

API Gateway has matched the route already and names it in ``resource``, so that a dictionary look-up is all the
routing there is. The same table of routes carries what the API's description needs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.domain import errors
from refundkit_core.domain.tenancy import Caller
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.observability import log, log_failure
from refundkit_core.entrypoints.requests import TooLarge, body_of, header, query_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

STATUS: Final[Mapping[type[errors.RefundKitError], int]] = {
    TooLarge: 413,
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 422,
    errors.RateLimited: 429,
    errors.Paused: 503,
    errors.Upstream: 502,
    errors.StoreConflict: 500,
}
"""By branch of the error tree; a leaf has its branch's status."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a handler sees it: who asks, path parameters, headers (any case), validated body and query."""

    event: Mapping[str, Any]
    path: Mapping[str, str]
    body: Any = None
    query: Any = None
    _caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        """Who asks; only routes with a scope have one."""
        if self._caller is None:
            raise errors.Unauthenticated
        return self._caller

    def header(self, name: str) -> str | None:
        return header(self.event, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the envelope's ``data``, and beside it."""

    data: Any
    pagination: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One route: ``scope`` None means that no key is asked for (health, signed webhooks).

    ``answers`` is the wire model of ``data``, or its dotted name where loading it would cost a start-up too much.
    """

    method: str
    resource: str
    scope: str | None
    handle: Handler
    status: int
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answers: Any


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
    ) -> Callable[[Handler], Handler]:
        """Declare a route; ``body`` and ``query`` are validated before the handler sees them."""

        def declare(handle: Handler) -> Handler:
            self.routes[method, resource] = Route(method, resource, scope, handle, status, body, query, answers)
            return handle

        return declare

    def handler(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """The Lambda entry point: always answers with the envelope, and logs one line."""
        started = time.perf_counter()
        request_id = str((event.get("requestContext") or {}).get("requestId", ""))
        method, resource = event["httpMethod"], event["resource"]
        seen: dict[str, Any] = {}
        try:
            status, envelope, headers = self._answer(self.routes.get((method, resource)), event, seen)
        except errors.RefundKitError as exc:
            status, envelope, headers = error_answer(exc, request_id)
            if status >= 500:
                log_failure("request failed", exc.__cause__ or exc, request_id=request_id)
        except Exception as exc:  # the one catch-all: whatever happens, the caller gets an envelope
            log_failure("request failed", exc, request_id=request_id)
            status, envelope, headers = error_answer(
                errors.RefundKitError("Something went wrong on our side"), request_id
            )
        caller: Caller | None = seen.get("caller")
        log(
            "request",
            route=f"{method} {resource}",
            status=status,
            code=envelope["error"]["code"] if envelope["error"] else None,
            ms=round((time.perf_counter() - started) * 1000),
            request_id=request_id,
            org_id=caller.tenant.org_id if caller else None,
            key_id=caller.key_id if caller else None,
            refund_id=seen.get("refund_id"),
        )
        return _response(status, envelope, {**headers, "x-request-id": request_id})

    def _answer(self, route: Route | None, event: Mapping[str, Any], seen: dict[str, Any]) -> Any:
        if route is None:
            raise errors.NotFound("No such route")
        caller = None
        if route.scope is not None:
            caller = container().authenticate(header(event, "authorization"), route.scope)
            seen["caller"] = caller
        body = _validated(route.body, body_of(event)) if route.body else None
        query = _validated(route.query, query_of(event)) if route.query else None
        answer = route.handle(Call(event, event.get("pathParameters") or {}, body, query, caller))
        data = plain(answer.data)
        if isinstance(data, dict):
            seen["refund_id"] = data.get("id")
        envelope: dict[str, Any] = {"data": data, "error": None}
        if answer.pagination is not None:
            envelope["pagination"] = plain(answer.pagination)
        return route.status, envelope, dict(answer.headers)


def error_answer(exc: errors.RefundKitError, request_id: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """An error as status, envelope and headers."""
    status = next((STATUS[branch] for branch in type(exc).__mro__ if branch in STATUS), 500)
    error: dict[str, Any] = {"message": exc.message, "code": exc.code}
    if exc.details:
        error["details"] = [detail._asdict() for detail in exc.details]
    error["requestId"] = request_id
    headers = {"retry-after": str(exc.retry_after_s)} if isinstance(exc, errors.RateLimited) else {}
    return status, {"data": None, "error": error}, headers


def _validated(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    """``values`` as ``model``. Raises Invalid."""
    from pydantic import ValidationError  # a function without models never loads the library

    try:
        return model.model_validate(values)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def _invalid(exc: ValidationError) -> errors.Invalid:
    """What was wrong with a request, field by field, without the values: they may be secrets."""
    problems = exc.errors(include_url=False, include_context=False, include_input=False)
    details = tuple(
        errors.Detail(".".join(str(part) for part in problem["loc"]), problem["msg"].removeprefix("Value error, "))
        for problem in problems[:20]
    )
    return errors.Invalid("The request is not as documented", details)


def plain(value: Any) -> Any:
    """Wire models as what JSON knows."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    return [plain(element) for element in value] if isinstance(value, list | tuple) else value


def _response(status: int, envelope: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    fixed = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return {"statusCode": status, "headers": {**fixed, **headers}, "body": body, "isBase64Encoded": False}
