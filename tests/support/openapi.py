"""Holds what handlers answer against the description of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.support.template import ROOT

DOCUMENT = ROOT / "functions" / "health" / "openapi.json"
ALWAYS = frozenset({"content-type", "cache-control", "x-content-type-options"})
"""Headers of every answer, which the description leaves to HTTP."""
SOMETIMES = frozenset({"idempotent-replayed"})
"""Documented headers that an answer need not have."""


@cache
def description() -> dict[str, Any]:
    """The committed description."""
    found: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return found


def check_answer(method: str, resource: str, status: int, body: str, headers: Mapping[str, str]) -> None:
    """Fail with what is not documented: the status, a header, or something in the body.

    Clients must bear new properties in an answer; here each must be documented.
    """
    where = f"{method} {resource} {status}"
    operation = description()["paths"].get(resource, {}).get(method.lower())
    assert operation is not None, f"{where}: this route is not documented"
    assert str(status) in operation["responses"], f"{where}: this status is not documented: {body[:500]}"
    documented = {name.lower() for name in answer_of(method, resource, status).get("headers", {})}
    sent = {name.lower() for name in headers} - ALWAYS
    assert sent <= documented, f"{where}: these headers are not documented: {sorted(sent - documented)}"
    hopeless = {"retry-after"} if '"code":"budget_exceeded"' in body else set()
    missing = documented - SOMETIMES - hopeless - sent if status < 500 else set()
    assert not missing, f"{where}: these headers are missing: {sorted(missing)}"
    problem = best_match(validator(method, resource, status).iter_errors(json.loads(body)))
    assert problem is None, f"{where}: {problem.json_path} is not as documented: {problem.message}"


def answer_of(method: str, resource: str, status: int) -> dict[str, Any]:
    """The documented answer, its reference followed."""
    answer: dict[str, Any] = description()["paths"][resource][method.lower()]["responses"][str(status)]
    name = answer.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = description()["components"]["responses"][name] if name else answer
    return found


@cache
def validator(method: str, resource: str, status: int) -> Draft202012Validator:
    """What an answer's body must be."""
    return validator_of(closed(answer_of(method, resource, status)["content"]["application/json"]["schema"]))


def validator_of(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema that may refer to the description's."""
    anchored = _anchored(schema)
    return Draft202012Validator(anchored, registry=_registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


@cache
def _registry() -> Registry[Any]:
    components = {"components": closed(description()["components"])}
    registry: Registry[Any] = Registry().with_resource("urn:api", DRAFT202012.create_resource(components))
    return registry


def _anchored(value: Any) -> Any:
    """References into the description, from wherever a schema stands."""
    if isinstance(value, dict):
        anchored = {name: _anchored(each) for name, each in value.items()}
        return {**anchored, "$ref": f"urn:api{value['$ref']}"} if isinstance(value.get("$ref"), str) else anchored
    return [_anchored(each) for each in value] if isinstance(value, list) else value


def closed(value: Any) -> Any:
    """Every object that names its properties holds no others."""
    if isinstance(value, dict):
        inner = {name: closed(each) for name, each in value.items()}
        is_open = value.get("type") == "object" and "properties" in value and "additionalProperties" not in value
        return {**inner, "additionalProperties": False} if is_open else inner
    return [closed(each) for each in value] if isinstance(value, list) else value
