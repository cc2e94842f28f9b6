"""The API's description: an OpenAPI 3.1 document of what the handlers declare (`functions/*/app.py`).

Routes, scopes, models and error codes come from the route tables, texts from docstrings, statuses from the error
tree, examples from `local/openapi_examples.py`. `local/drift.py` writes the document, and holds the committed one
against the handlers.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple, get_args

from refundkit import __version__
from refundkit.contracts.envelope import Pagination
from refundkit.contracts.errors import ErrorBody, ErrorCode
from refundkit_core.entrypoints.http import Route

from local.openapi_errors import statuses
from local.openapi_examples import ERRORS
from local.openapi_operations import HEADERS, KEY_SCHEME, Operation, model_of
from local.openapi_schemas import Schemas
from local.settings import ROOT

DESCRIBED = "/v1/"
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")

DESCRIPTION = """\
RefundKit decides whether a charge may be refunded, pays it **at most once** at the processor that took it, and tells
what happened and why.

## Keys
Send `Authorization: Bearer rk_test_…` or `rk_live_…`. A test key sees and touches test data only, a live key live data
only. A key has scopes; each operation names the one that it needs, and `admin` stands for all.

## Envelope
Every body is `{"data": …, "error": null}` or `{"data": null, "error": {"message", "code", "details"?, "requestId"}}`;
both names are always there. Lists add `"pagination": {"limit", "offset", "nextCursor"}` beside them: follow
`nextCursor` with the same filters until it is null. Programs decide by `code`; `message` is for people and may change.
Answers may get more properties in time; requests with properties that are not documented here are refused.

## Money and time
Amounts are integers in the currency's minor unit (2999 is 29.99 USD, 2999 JPY or 2.999 KWD), with an ISO 4217 code in
lower case. Times are ISO 8601 in UTC with milliseconds and end in `Z`.

## Idempotency
Every POST takes an `Idempotency-Key` of your own, 1 to 255 printable ASCII characters. The same key and body answer
with the same object as it stands now, with `Idempotent-Replayed: true`, and have no second effect; however late.
Another body under the same key is refused (409). A refusal leaves no record: the key is judged anew. Without a key
nothing protects you from sending a request twice.

## Rate limits
A key has 100 requests a minute unless told otherwise. `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`
say what is left; the request after the last is 429, and `Retry-After` says in how many seconds to come back.

## Errors
| code | status | when |
| --- | --- | --- |
"""


class Served(NamedTuple):
    """A function that answers requests: its folder, what it says of itself, and its routes."""

    folder: str
    says: str
    routes: list[Route]

    @property
    def tag(self) -> str:
        """What its operations are grouped under."""
        return self.folder.replace("_", "-")


def document() -> dict[str, Any]:
    """The whole description."""
    functions = list(_served())
    routes = [route for function in functions for route in function.routes]
    answered = [model for route in routes if (model := model_of(route.answers)) is not None]
    asked = [route.body for route in routes if route.body is not None]
    schemas = Schemas(asked, [*answered, ErrorBody, Pagination])
    paths: dict[str, dict[str, Any]] = {}
    responses: dict[str, Any] = {}
    for function in functions:
        for route in function.routes:
            operation = Operation(route, function.tag, schemas)
            responses |= operation.error_responses
            paths.setdefault(route.resource, {})[route.method.lower()] = operation.described()
    order = {method.lower(): place for place, method in enumerate(METHODS)}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": _info(routes),
        "servers": _servers(),
        "tags": [{"name": each.tag, "description": each.says} for each in functions],
        "paths": {path: dict(sorted(paths[path].items(), key=lambda each: order[each[0]])) for path in sorted(paths)},
    }
    shared = {
        "headers": HEADERS,
        "responses": dict(sorted(responses.items())),
        "securitySchemes": KEY_SCHEME,
    }
    described["components"] = {"schemas": schemas.components([described, shared]), **shared}
    return described


def written(described: dict[str, Any]) -> str:
    """A description as it is committed: one property a line, so that a change is a short diff."""
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _served() -> Iterator[Served]:
    for file in sorted((ROOT / "functions").glob("*/app.py")):
        module = _loaded(file.parent.name)
        if hasattr(module, "api"):
            says = inspect.cleandoc(module.__doc__ or "")
            routes = [route for route in module.api.routes.values() if route.resource.startswith(DESCRIBED)]
            if routes:  # what Slack posts is no client's to call
                yield Served(file.parent.name, says, routes)


def _loaded(folder: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"described_{folder}", ROOT / "functions" / folder / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"functions/{folder}/app.py cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _info(routes: list[Route]) -> dict[str, Any]:
    answered = {code for route in routes for code in route.codes}
    codes = [code for code in get_args(ErrorCode) if code in answered]
    rows = [f"| `{code}` | {', '.join(map(str, statuses(code)))} | {ERRORS[code].when} |" for code in codes]
    return {
        "title": "RefundKit",
        "version": __version__,
        "summary": "Refunds that are decided by rules and paid at most once",
        "description": DESCRIPTION + "\n".join(rows),
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _servers() -> list[dict[str, Any]]:
    return [
        {"url": "/api", "description": "Where this document comes from: the local stack, and AWS's own address"},
        {
            "url": "https://{api}.execute-api.{region}.amazonaws.com/api",
            "description": "The address that AWS gives; the stack's output `ApiUrl` has it",
            "variables": {"api": {"default": "abcdef1234"}, "region": {"default": "us-east-1"}},
        },
        {
            "url": "https://{domain}",
            "description": "A domain of your own",
            "variables": {"domain": {"default": "api.example.com"}},
        },
    ]
