"""Which errors a route may answer, by status: from its codes and the error tree."""

from __future__ import annotations

from functools import cache
from typing import Any

from refundkit_core.domain.errors import RefundKitError
from refundkit_core.entrypoints.http import STATUS, Route

from local.openapi_examples import ERRORS, REQUEST_ID

TOO_LARGE = 413


@cache
def _status_by_code() -> dict[str, int]:
    kinds: list[type[RefundKitError]] = [RefundKitError, *_below(RefundKitError)]
    return {
        kind.code: next((STATUS[branch] for branch in kind.__mro__ if branch in STATUS), 500)
        for kind in kinds
        if "code" in vars(kind)
    }


def _below(kind: type[RefundKitError]) -> list[type[RefundKitError]]:
    return [each for child in kind.__subclasses__() for each in (child, *_below(child))]


def statuses(code: str) -> list[int]:
    """The statuses that a code can come with."""
    return [_status_by_code()[code], *([TOO_LARGE] if code == "validation_error" else [])]


def errors_of(route: Route) -> dict[int, list[str]]:
    """The codes that ``route`` may answer, by status, both in order."""
    found: dict[int, list[str]] = {}
    for code in route.codes:
        for status in statuses(code):
            if status != TOO_LARGE or route.method in ("POST", "PUT", "PATCH"):
                found.setdefault(status, []).append(code)
    return dict(sorted(found.items()))


def example_of(code: str, status: int) -> dict[str, Any]:
    """An answer with ``code``, whole."""
    example = ERRORS[code]
    message, details = (example.message, example.details)
    if status == TOO_LARGE:
        message, details = "The body is over 262144 bytes", ()
    error: dict[str, Any] = {"message": message, "code": code}
    if details:
        error["details"] = [{"field": field, "message": said} for field, said in details]
    return {"data": None, "error": {**error, "requestId": REQUEST_ID}}
