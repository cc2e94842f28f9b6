"""One operation of the API's description, made of one route."""

from __future__ import annotations

import inspect
import itertools
import pkgutil
import re
from http import HTTPStatus
from typing import Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel, to_pascal
from refundkit.contracts.envelope import PageQuery, Pagination
from refundkit.contracts.errors import ErrorBody
from refundkit.contracts.refunds import ProcessorName, TransactionId
from refundkit_core.domain.ids import ID_BODY_LENGTH
from refundkit_core.entrypoints.http import Route
from refundkit_core.entrypoints.requests import MAX_KEY_LENGTH

from local.openapi_errors import TOO_LARGE, errors_of, example_of
from local.openapi_examples import ANSWERS, CURSOR, ERRORS, IDEMPOTENCY_KEY, PATHS, REQUESTS, STRIPE_SIGNATURE
from local.openapi_schemas import Schema, Schemas, query_fields, reference

KEY_SCHEME: Schema = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "rk_test_… or rk_live_…",
        "description": "An API key: `Authorization: Bearer rk_test_…`.",
    }
}
WEBHOOK = ("POST", "/v1/processors/{name}/webhook/{connectionId}")
ID_PREFIXES = {
    ("refunds", "id"): "ref",
    ("api-keys", "id"): "key",
    ("members", "id"): "mem",
    ("policies", "id"): "pol",
    ("simulations", "id"): "sim",
    ("assessments", "id"): "rsk",
    ("webhook", "connectionId"): "con",
    ("webhook-endpoints", "id"): "whe",
    ("deliveries", "deliveryId"): "whd",
    ("events", "id"): "evt",
}
"""What ids begin with, by the part of the path before them and their name."""
PATH_TYPES: dict[tuple[str, str], Any] = {
    ("processors", "name"): ProcessorName,
    ("transactions", "id"): TransactionId,
}
PARAMETER_SAYS = {
    ("refunds", "id"): "The refund.",
    ("api-keys", "id"): "The API key's id, not the key itself.",
    ("customers", "id"): "The customer's id at the processor, or the shop's own from a registered order.",
    ("assessments", "id"): "The assessment.",
    ("transactions", "id"): "The processor's id of the charge, or another of its names, such as the payment intent.",
    ("members", "id"): "The member, inactive ones too.",
    ("policies", "id"): "The policy.",
    ("simulations", "id"): "The simulation.",
    ("approvals", "id"): "The approval, or the refund while its approval is open.",
    ("decisions", "id"): "The refund, or `dec_…` as a refusal named it in its details.",
    ("processors", "name"): "The processor: `stripe`, or one that your installation adds.",
    ("webhook", "connectionId"): "The connection that the processor was told when it was connected.",
    ("webhook-endpoints", "id"): "The webhook endpoint.",
    ("deliveries", "deliveryId"): "The delivery: one event on its way to this endpoint.",
    ("events", "id"): "The event.",
}

HEADERS: dict[str, Schema] = {
    "x-request-id": {"description": "Names this request in our logs.", "schema": {"type": "string"}},
    "ratelimit-limit": {
        "description": "Requests that the key has in a minute.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ratelimit-remaining": {
        "description": "What is left of them in this minute.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ratelimit-reset": {
        "description": "Seconds until this minute ends.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "retry-after": {
        "description": "Seconds to wait; absent where waiting does not help.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "idempotent-replayed": {
        "description": "`true` where an earlier request with this idempotency key has made the object.",
        "schema": {"type": "string", "const": "true"},
    },
}
QUOTA = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")


def model_of(answers: Any) -> type[BaseModel] | None:
    """The wire model of a route's answer, of a list's elements too; None for a document of its own."""
    named = pkgutil.resolve_name(answers) if isinstance(answers, str) else answers
    model = get_args(named)[0] if get_origin(named) is list else named
    return model if issubclass(model, BaseModel) else None


class Operation:
    """A route as an operation object. ``error_responses`` are the shared responses that it refers to, by name."""

    def __init__(self, route: Route, tag: str, schemas: Schemas) -> None:
        self._route = route
        self._tag = tag
        self._schemas = schemas
        self._key = (route.method, route.resource)
        self._id = to_camel(route.handle.__name__)
        self._keyed = route.scope is not None
        self._errors = {status: self._named_error(status, codes) for status, codes in errors_of(route).items()}
        self.error_responses: dict[str, Schema] = dict(self._errors.values())

    def described(self) -> Schema:
        """The operation object."""
        doc = inspect.cleandoc(self._route.handle.__doc__ or "")
        scope = self._route.scope
        right = [f"Needs the scope `{scope}`."] if scope else []
        operation: Schema = {
            "operationId": self._id,
            "tags": [self._tag],
            "summary": re.split(r"[.:](?=\s|$)", doc, maxsplit=1)[0].replace("\n", " "),
            "description": "\n\n".join([doc, *right]),
            "security": [{name: [] for name in KEY_SCHEME}] if scope else [],
        }
        if scope:
            operation["x-required-scope"] = scope
        if parameters := [*self._path_parameters(), *self._query_parameters(), *self._header_parameters()]:
            operation["parameters"] = parameters
        if (body := self._request_body()) is not None:
            operation["requestBody"] = body
        errors = {str(status): {"$ref": f"#/components/responses/{name}"} for status, (name, _) in self._errors.items()}
        operation["responses"] = {str(self._route.status): self._success(), **errors}
        return operation

    def _path_parameters(self) -> list[Schema]:
        parts = self._route.resource.strip("/").split("/")
        return [
            _path_parameter(before, part.strip("{}"))
            for before, part in itertools.pairwise(parts)
            if part.startswith("{")
        ]

    def _query_parameters(self) -> list[Schema]:
        if self._route.query is None:
            return []
        found = []
        for name, required, schema in query_fields(self._route.query):
            described = {key: value for key, value in schema.items() if key != "description"}
            parameter = {"name": name, "in": "query", "required": required, "schema": described}
            says = {"description": schema["description"]} if "description" in schema else {}
            found.append({**parameter, **says})
        return found

    def _header_parameters(self) -> list[Schema]:
        if self._key == WEBHOOK:
            signature = {"type": "string", "minLength": 1}
            says = "Stripe's signature of the body, which is what authenticates this request."
            return [_header("Stripe-Signature", signature, says, STRIPE_SIGNATURE, required=True)]
        if self._route.method != "POST" or not self._keyed:
            return []
        key = {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[ -~]+$"}
        says = "A key of your own: the same key and body have one effect, however often they are sent."
        headers = [_header("Idempotency-Key", key, says, IDEMPOTENCY_KEY)]
        if self._key == ("POST", "/v1/refunds"):
            source = {"type": "string", "enum": ["generated"]}
            says = (
                "Says that a library made the `Idempotency-Key` and nobody chose it: it makes retries safe, and does "
                "not lift the check for a refund of the same transaction, amount and reason within 24 hours."
            )
            headers.append(_header("Idempotency-Key-Source", source, says, None))
        return headers

    def _request_body(self) -> Schema | None:
        if self._key == WEBHOOK:
            schema: Schema = {"type": "object", "description": "The processor's event, byte by byte as it signed it."}
        elif self._route.body is not None:
            schema = self._schemas.asked(self._route.body)
        else:
            return None
        examples = {name: {"value": value} for name, value in REQUESTS.get(self._key, {}).items()}
        shown = {"examples": examples} if examples else {}
        return {"required": True, "content": {"application/json": {"schema": schema, **shown}}}

    def _success(self) -> Schema:
        """The answer when all goes well: the model in the envelope, or a document of its own."""
        model = model_of(self._route.answers)
        schema: Schema = {"type": "object"} if model is None else self._envelope(model)
        content: Schema = {"schema": schema}
        if self._key in ANSWERS:
            content["example"] = ANSWERS[self._key] if model is None else self._enveloped(ANSWERS[self._key])
        names = ["x-request-id", *(QUOTA if self._keyed else ())]
        if self._keyed and self._route.method == "POST" and self._route.status == HTTPStatus.CREATED:
            names.append("idempotent-replayed")
        return {
            "description": HTTPStatus(self._route.status).phrase,
            "headers": _header_references(names),
            "content": {"application/json": content},
        }

    @property
    def _paged(self) -> bool:
        return self._route.query is not None and issubclass(self._route.query, PageQuery)

    def _envelope(self, model: type[BaseModel]) -> Schema:
        is_list = get_origin(self._route.answers) is list
        one = reference(model.__name__)
        properties: Schema = {
            "data": {"type": "array", "items": one} if is_list else one,
            "error": {"type": "null"},
        }
        if self._paged:
            properties["pagination"] = reference(Pagination.__name__)
        return {"type": "object", "required": list(properties), "properties": properties}

    def _enveloped(self, data: Any) -> Schema:
        page = {"limit": 25, "offset": 0, "nextCursor": CURSOR}
        return {"data": data, "error": None, **({"pagination": page} if self._paged else {})}

    def _named_error(self, status: int, codes: list[str]) -> tuple[str, Schema]:
        """A response with one of ``codes``: shared by all routes where it is one code, else the route's own."""
        limited = self._keyed and status != HTTPStatus.UNAUTHORIZED
        single = "BodyTooLarge" if status == TOO_LARGE else to_pascal(codes[0])
        name = single if len(codes) == 1 else f"{to_pascal(self._route.handle.__name__)}{status}"
        if not self._keyed:
            name += "WithoutKey"
        headers = ["x-request-id", *(QUOTA if limited else ())]
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            headers.append("retry-after")
        return name, _error_response(status, codes, headers)


def _error_response(status: int, codes: list[str], headers: list[str]) -> Schema:
    said = [ERRORS[code].when if len(codes) == 1 else f"- `{code}`: {ERRORS[code].when}" for code in codes]
    coded = {"properties": {"code": {"enum": codes}}}
    return {
        "description": "\n".join(said),
        "headers": _header_references(headers),
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["data", "error"],
                    "properties": {"data": {"type": "null"}, "error": {**reference(ErrorBody.__name__), **coded}},
                },
                "examples": {code: {"value": example_of(code, status)} for code in codes},
            }
        },
    }


def _header_references(names: list[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _path_parameter(before: str, name: str) -> Schema:
    schema: Schema = {"type": "string", "minLength": 1}
    if (before, name) in ID_PREFIXES:
        schema = {"type": "string", "pattern": f"^{ID_PREFIXES[before, name]}_[0-9A-HJKMNP-TV-Z]{{{ID_BODY_LENGTH}}}$"}
    elif (before, name) in PATH_TYPES:
        schema = TypeAdapter(PATH_TYPES[before, name]).json_schema()
    parameter = {"name": name, "in": "path", "required": True, "schema": schema}
    says = PARAMETER_SAYS.get((before, name))
    example = PATHS.get((before, name))
    return {
        **parameter,
        **({"description": says} if says else {}),
        **({"example": example} if example else {}),
    }


def _header(name: str, schema: Schema, says: str, example: str | None, required: bool = False) -> Schema:
    header = {"name": name, "in": "header", "required": required, "schema": schema, "description": says}
    return header if example is None else {**header, "example": example}
