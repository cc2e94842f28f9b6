"""The description of the API is valid, says what the handlers do, and its examples are true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from refundkit.contracts.errors import ErrorCode
from refundkit.contracts.refunds import CreateRefundRequest

from local import openapi_examples
from local.openapi_errors import statuses
from local.openapi_schemas import field_docs, references
from tests.architecture.test_code import SCOPES
from tests.support.functions import function_module
from tests.support.openapi import ALWAYS, check_answer, closed, description, validator_of
from tests.support.requests import gateway_event, routes

OPERATIONS = {
    (method.upper(), path): operation
    for path, item in description()["paths"].items()
    for method, operation in item.items()
}
OPENED = openapi_examples.ANSWERS["POST", "/v1/refunds"]
HEADERS = dict.fromkeys(["x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", *ALWAYS], "1")


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example of the document: where it stands, its schema, and its value."""
    shared = description()["components"]["responses"]
    for (method, path), operation in OPERATIONS.items():
        where = f"{method} {path}"
        for parameter in operation.get("parameters", []):
            if "example" in parameter:
                yield f"{where} {parameter['name']}", parameter["schema"], parameter["example"]
        bodies = {"body": operation["requestBody"]} if "requestBody" in operation else {}
        for name, holder in {**bodies, **operation["responses"]}.items():
            if "$ref" not in holder:
                yield from content_examples(f"{where} {name}", holder)
    for name, response in shared.items():
        yield from content_examples(name, response)


def content_examples(where: str, holder: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    content = holder["content"]["application/json"]
    for name, example in content.get("examples", {}).items():
        yield f"{where} {name}", content["schema"], example["value"]
    if "example" in content:
        yield where, content["schema"], content["example"]


EXAMPLES = {where: (schema, value) for where, schema, value in examples()}


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(description()).validate()


def test_it_describes_every_route_with_its_scope() -> None:
    served = {key for key in routes() if key[1].startswith("/v1/")}  # pages and what Slack posts are for docs
    assert OPERATIONS.keys() == served
    scopes = {key: scope for key, scope in SCOPES.items() if key in served}
    assert {key: operation.get("x-required-scope") for key, operation in OPERATIONS.items()} == scopes
    for operation in OPERATIONS.values():
        assert bool(operation["security"]) == ("x-required-scope" in operation)


def test_every_operation_and_every_parameter_says_what_it_is() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)
    for key, operation in OPERATIONS.items():
        assert operation["summary"], key
        assert operation["description"], key
        for parameter in operation.get("parameters", []):
            assert "description" in parameter or "$ref" in parameter["schema"] or parameter["name"] == "processor", key


def test_every_operation_has_examples_of_what_it_takes_and_answers() -> None:
    for (method, path), operation in OPERATIONS.items():
        success = next(status for status in operation["responses"] if status.startswith("2"))
        assert f"{method} {path} {success}" in EXAMPLES
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"]


@pytest.mark.parametrize("where", EXAMPLES)
def test_an_example_is_as_documented(where: str) -> None:
    schema, value = EXAMPLES[where]

    assert [problem.message for problem in validator_of(closed(schema)).iter_errors(value)] == []


@pytest.mark.parametrize("key", [key for key in OPERATIONS if key in openapi_examples.REQUESTS])
def test_an_example_of_a_request_is_one_that_the_handler_takes(key: tuple[str, str]) -> None:
    body = function_module(routes()[key]).api.routes[key].body

    for example in openapi_examples.REQUESTS[key].values():
        assert body is None or body.model_validate(example)


def test_the_ids_of_the_examples_have_the_shape_of_ids() -> None:
    ids = re.findall(r'"((?:ref|key|con|org|mem|rsk|whe|whd)_[0-9A-Za-z]*)"', json.dumps(description()))

    assert ids
    assert all(re.fullmatch(r"[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}", each) for each in ids)


def test_every_error_code_has_a_meaning_an_example_and_a_row_in_the_introduction() -> None:
    introduction = description()["info"]["description"]

    answered = {code for key in OPERATIONS for code in function_module(routes()[key]).api.routes[key].codes}
    assert answered <= set(get_args(ErrorCode))
    assert openapi_examples.ERRORS.keys() == answered
    for code, example in openapi_examples.ERRORS.items():
        assert f"| `{code}` | {', '.join(map(str, statuses(code)))} | {example.when} |" in introduction


def test_every_schema_is_used_and_every_reference_leads_somewhere() -> None:
    document = description()

    assert references(document) == document["components"]["schemas"].keys()


def test_what_a_field_is_comes_from_the_words_after_it() -> None:
    shown = description()["components"]["schemas"]["CreateRefundRequest"]["properties"]

    assert field_docs(CreateRefundRequest)["full"] == "Refund all that remains."
    assert shown["full"]["description"] == "Refund all that remains."
    inherited = OPERATIONS["GET", "/v1/refunds"]["parameters"][0]
    assert inherited["description"] == "How many to answer with, at most."


def test_requests_are_closed_and_answers_may_grow() -> None:
    schemas = description()["components"]["schemas"]

    assert schemas["CreateRefundRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["RefundView"]


def test_health_serves_the_document_as_it_is_committed() -> None:
    event = gateway_event("GET", "/v1/openapi.json")
    answer = function_module(event.pop("function")).handler(event, None)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == description()
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "public, max-age=300"


def envelope(**changes: Any) -> str:
    return json.dumps({"data": {**OPENED, **changes}, "error": None})


UNDOCUMENTED: dict[str, tuple[int, str, dict[str, str], str]] = {
    "a status": (202, envelope(), HEADERS, "this status"),
    "a value": (201, envelope(status="paid"), HEADERS, r"data\.status"),
    "a property": (201, envelope(secret="x"), HEADERS, r"data is not as documented"),
    "null": (201, envelope(amount=None), HEADERS, r"data\.amount"),
    "no envelope": (201, json.dumps(OPENED), HEADERS, "not as documented"),
    "no error beside the data": (201, json.dumps({"data": OPENED}), HEADERS, "'error' is a required property"),
    "a header": (201, envelope(), {**HEADERS, "x-secret": "x"}, "x-secret"),
    "a header less": (201, envelope(), {"x-request-id": "1"}, "ratelimit-limit"),
    "a code": (
        409,
        json.dumps({"data": None, "error": {"message": "m", "code": "not_found"}}),
        HEADERS,
        r"error\.code",
    ),
}


@pytest.mark.parametrize("case", UNDOCUMENTED)
def test_an_answer_that_is_not_documented_is_found(case: str) -> None:
    status, body, headers, said = UNDOCUMENTED[case]

    with pytest.raises(AssertionError, match=said):
        check_answer("POST", "/v1/refunds", status, body, headers)


def test_an_answer_that_is_documented_passes() -> None:
    check_answer("POST", "/v1/refunds", 201, envelope(), HEADERS)
    check_answer("POST", "/v1/refunds", 201, envelope(status="failed"), {**HEADERS, "idempotent-replayed": "true"})
