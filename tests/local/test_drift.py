"""Every way to break a client of the published API is found, and what breaks nobody is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import drift
from local.compatibility import compare
from local.policy_schema import written_schema

Document = dict[str, Any]
Change = Callable[[Document], Any]

PUBLISHED: Document = {
    "paths": {
        "/things": {
            "post": {
                "operationId": "postThing",
                "x-required-scope": "refunds:read",
                "parameters": [
                    {"name": "Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 9}},
                    {"$ref": "#/components/parameters/limit"},
                ],
                "requestBody": {
                    "required": False,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}},
                },
                "responses": {
                    "201": {
                        "headers": {"x-request-id": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "400": {"$ref": "#/components/responses/Wrong"},
                },
            },
            "get": {"operationId": "getThings", "responses": {"200": {"description": "OK"}}},
        },
        "/health": {"get": {"operationId": "getHealth", "responses": {"200": {"description": "OK"}}}},
    },
    "components": {
        "parameters": {
            "limit": {
                "name": "limit",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
            }
        },
        "responses": {"Wrong": {"description": "Wrong"}},
        "schemas": {
            "Ask": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 20, "pattern": "^[a-z]+$"},
                    "amount": {"anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "null"}]},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                    "tags": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
                    "notes": {"type": "object", "additionalProperties": True},
                    "parent": {"anyOf": [{"$ref": "#/components/schemas/Ask"}, {"type": "null"}]},
                },
            },
            "Thing": {
                "type": "object",
                "required": ["id", "state", "amount", "until", "parts"],
                "properties": {
                    "id": {"type": "string"},
                    "state": {"$ref": "#/components/schemas/State"},
                    "amount": {"type": "integer"},
                    "until": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
                    "note": {"type": "string"},
                },
            },
            "State": {"type": "string", "enum": ["open", "closed"]},
            "Part": {
                "type": "object",
                "required": ["size"],
                "properties": {"size": {"type": "integer"}, "whole": {"$ref": "#/components/schemas/Thing"}},
            },
        },
    },
}


def post(document: Document) -> Document:
    operation: Document = document["paths"]["/things"]["post"]
    return operation


def fields(document: Document, schema: str) -> Document:
    found: Document = document["components"]["schemas"][schema]["properties"]
    return found


def limit(document: Document) -> Document:
    found: Document = document["components"]["parameters"]["limit"]
    return found


BREAKING: dict[str, Change] = {
    "a path is gone": lambda d: d["paths"].pop("/health"),
    "a method is gone": lambda d: d["paths"]["/things"].pop("get"),
    "a success is gone": lambda d: post(d)["responses"].pop("201"),
    "a success has another status": lambda d: post(d)["responses"].update({"200": post(d)["responses"].pop("201")}),
    "a success has another content type": lambda d: post(d)["responses"]["201"].update(content={"text/csv": {}}),
    "an answer's header is gone": lambda d: post(d)["responses"]["201"]["headers"].clear(),
    "an answer's property is gone": lambda d: fields(d, "Thing").pop("id"),
    "an answer's optional property is gone": lambda d: fields(d, "Thing").pop("note"),
    "an answer's property has another type": lambda d: fields(d, "Thing").update(amount={"type": "string"}),
    "an answer's property has a wider type": lambda d: fields(d, "Thing").update(amount={"type": "number"}),
    "an answer's property has another format": lambda d: fields(d, "Thing").update(
        until={"type": ["string", "null"], "format": "date"}
    ),
    "an answer's property may newly be null": lambda d: fields(d, "Thing").update(
        amount={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "an answer's enum may newly be null": lambda d: d["components"]["schemas"]["State"].update(type=["string", "null"]),
    "an answer's property may newly be missing": lambda d: d["components"]["schemas"]["Thing"]["required"].remove("id"),
    "deep in a list a property is gone": lambda d: fields(d, "Part").pop("size"),
    "a required property in a request": lambda d: d["components"]["schemas"]["Ask"]["required"].append("kind"),
    "a new required property in a request": lambda d: (
        fields(d, "Ask").update(new={"type": "string"}),
        d["components"]["schemas"]["Ask"]["required"].append("new"),
    ),
    "a request's property is gone": lambda d: fields(d, "Ask").pop("kind"),
    "a request's property takes no null": lambda d: fields(d, "Ask").update(amount={"type": "integer"}),
    "a request's property has another type": lambda d: fields(d, "Ask").update(name={"type": "integer"}),
    "a request's enum is smaller": lambda d: fields(d, "Ask")["kind"]["enum"].remove("b"),
    "a request's text becomes an enum": lambda d: fields(d, "Ask")["name"].update(enum=["x"]),
    "a request's text may be less long": lambda d: fields(d, "Ask")["name"].update(maxLength=19),
    "a request's text must be longer": lambda d: fields(d, "Ask")["name"].update(minLength=2),
    "a request's text has another pattern": lambda d: fields(d, "Ask")["name"].update(pattern="^[a-f]+$"),
    "a request's text has a format": lambda d: fields(d, "Ask")["name"].update(format="date"),
    "a request's number must be larger": lambda d: fields(d, "Ask")["amount"]["anyOf"][0].update(exclusiveMinimum=1),
    "a request's number has a bound": lambda d: fields(d, "Ask")["amount"]["anyOf"][0].update(maximum=5),
    "a request's list may be less long": lambda d: fields(d, "Ask")["tags"].update(maxItems=2),
    "a request's list holds less": lambda d: fields(d, "Ask")["tags"].update(items={"type": "string", "maxLength": 4}),
    "a request's object is closed": lambda d: fields(d, "Ask")["notes"].update(additionalProperties=False),
    "a request's other properties are texts": lambda d: fields(d, "Ask")["notes"].update(
        additionalProperties={"type": "string"}
    ),
    "a request has a rule between properties": lambda d: d["components"]["schemas"]["Ask"].update(
        oneOf=[{"required": ["kind"]}, {"required": ["amount"]}]
    ),
    "a body is required": lambda d: post(d)["requestBody"].update(required=True),
    "a body is not taken": lambda d: post(d).pop("requestBody"),
    "a new body is required": lambda d: d["paths"]["/things"]["get"].update(
        requestBody={"required": True, "content": {}}
    ),
    "a body has another content type": lambda d: post(d)["requestBody"].update(content={"text/csv": {}}),
    "a parameter is gone": lambda d: post(d)["parameters"].pop(),
    "a header is gone": lambda d: post(d)["parameters"].pop(0),
    "a parameter is required": lambda d: limit(d).update(required=True),
    "a new parameter is required": lambda d: post(d)["parameters"].append(
        {"name": "new", "in": "query", "required": True, "schema": {}}
    ),
    "a parameter's maximum is smaller": lambda d: limit(d)["schema"].update(maximum=99),
    "a parameter's minimum is larger": lambda d: limit(d)["schema"].update(minimum=2),
    "a header may be less long": lambda d: post(d)["parameters"][0]["schema"].update(maxLength=8),
    "a scope is raised": lambda d: post(d).update({"x-required-scope": "refunds:write"}),
    "an open operation needs a scope": lambda d: d["paths"]["/health"]["get"].update({"x-required-scope": "admin"}),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda d: d,
    "a new path": lambda d: d["paths"].update({"/new": {"get": {"responses": {"200": {}}}}}),
    "a new error": lambda d: post(d)["responses"].update({"409": {"$ref": "#/components/responses/Wrong"}}),
    "an error less": lambda d: post(d)["responses"].pop("400"),
    "a new property in an answer": lambda d: fields(d, "Thing").update(new={"type": "string"}),
    "an answer is never null any more": lambda d: fields(d, "Thing").update(
        until={"type": "string", "format": "date-time"}
    ),
    "an answer's property is always there": lambda d: d["components"]["schemas"]["Thing"]["required"].append("note"),
    "an answer's enum is smaller": lambda d: d["components"]["schemas"]["State"]["enum"].pop(),
    "null said in another way": lambda d: fields(d, "Thing").update(
        until={"type": ["string", "null"], "format": "date-time"}
    ),
    "a new optional property in a request": lambda d: fields(d, "Ask").update(new={"type": "string"}),
    "a request's property is optional": lambda d: d["components"]["schemas"]["Ask"]["required"].clear(),
    "a request's enum is larger": lambda d: fields(d, "Ask")["kind"]["enum"].append("c"),
    "a request's text may be longer": lambda d: fields(d, "Ask")["name"].update(maxLength=21),
    "a request's text needs no pattern": lambda d: fields(d, "Ask")["name"].pop("pattern"),
    "a request's number has the same bound": lambda d: fields(d, "Ask")["amount"].update(
        anyOf=[{"type": "integer", "minimum": 1}, {"type": "null"}]
    ),
    "a request's property takes null": lambda d: fields(d, "Ask")["kind"].update(type=["string", "null"]),
    "a request is open": lambda d: d["components"]["schemas"]["Ask"].update(additionalProperties=True),
    "a new optional parameter": lambda d: post(d)["parameters"].append(
        {"name": "new", "in": "query", "required": False, "schema": {}}
    ),
    "a header in other letters": lambda d: post(d)["parameters"][0].update(name="key"),
    "a lower scope": lambda d: post(d).pop("x-required-scope"),
    "other words": lambda d: fields(d, "Thing")["id"].update(description="Its name", example="x"),
    "a schema has another name": lambda d: (
        d["components"]["schemas"].update(Status=d["components"]["schemas"]["State"]),
        fields(d, "Thing").update(state={"$ref": "#/components/schemas/Status"}),
    ),
}
WARNINGS: dict[str, Change] = {
    "a value newly possible in an answer": lambda d: d["components"]["schemas"]["State"]["enum"].append("stuck"),
    "an answer's enum becomes any text": lambda d: d["components"]["schemas"]["State"].pop("enum"),
    "another default": lambda d: limit(d)["schema"].update(default=10),
    "another success": lambda d: post(d)["responses"].update({"202": {}}),
    "another operationId": lambda d: post(d).update(operationId="createThing"),
}


def changed(change: Change) -> Document:
    after = copy.deepcopy(PUBLISHED)
    change(after)
    return after


@pytest.mark.parametrize("change", BREAKING)
def test_a_change_that_breaks_clients_is_found(change: str) -> None:
    findings = compare(PUBLISHED, changed(BREAKING[change]))

    assert [finding for finding in findings if finding.breaking]


@pytest.mark.parametrize("change", HARMLESS)
def test_a_change_that_breaks_nobody_is_not_reported(change: str) -> None:
    assert compare(PUBLISHED, changed(HARMLESS[change])) == []


@pytest.mark.parametrize("change", WARNINGS)
def test_a_change_that_a_client_should_know_of_is_a_warning(change: str) -> None:
    findings = compare(PUBLISHED, changed(WARNINGS[change]))

    assert [finding.breaking for finding in findings] == [False]


def test_a_finding_names_the_place_and_what_it_was() -> None:
    after = changed(lambda d: fields(d, "Part")["size"].update(type="string"))

    assert [str(finding) for finding in compare(PUBLISHED, after)] == [
        "breaking: POST /things 201.parts[].size: may newly be string, it was integer"
    ]


def test_texts_and_examples_are_not_part_of_the_contract() -> None:
    told = {"description": "d", "properties": {"description": {"type": "string", "example": "x"}}}

    assert drift.contract_of(told) == {"properties": {"description": {"type": "string"}}}


def test_the_committed_description_is_current_and_keeps_what_was_published() -> None:
    assert drift.check(drift.COMMITTED, drift.PUBLISHED) == 0


def test_an_old_description_is_said_to_be_old(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    committed = tmp_path / "openapi.json"
    committed.write_text(drift.COMMITTED.read_text().replace("Open a refund", "Open the refund"))

    assert drift.check(committed, drift.PUBLISHED) == 1
    said = capsys.readouterr().err
    assert '+    "summary": "Open a refund",' in said
    assert "make openapi" in said


def test_the_committed_schema_of_policies_is_current() -> None:
    assert drift.check_schema(drift.SCHEMA) == 0


@pytest.mark.parametrize("planted", ['"maximum": 3650', '"finalSale"', '"windowStartsAt"', None])
def test_an_old_schema_of_policies_is_said_to_be_old(
    planted: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    committed = tmp_path / "policy.schema.json"
    if planted is not None:
        text = drift.SCHEMA.read_text()
        assert planted in text
        committed.write_text(text.replace(planted, planted.replace("3650", "365").replace("S", "s")))

    assert drift.check_schema(committed) == 1
    assert "the committed schema of policies is not current" in capsys.readouterr().err


def test_a_schema_that_drifts_fails_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "SCHEMA", tmp_path / "policy.schema.json")
    assert drift.main(["--check"]) == 1

    (tmp_path / "policy.schema.json").write_text(written_schema())
    assert drift.main(["--check"]) == 0


def test_a_broken_promise_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    promised = json.loads(drift.PUBLISHED.read_text())
    promised["components"]["schemas"]["RefundView"]["properties"]["ticket"] = {"type": "string"}
    published = tmp_path / "published.json"
    published.write_text(json.dumps(promised))

    assert drift.check(drift.COMMITTED, published) == 1
    assert "breaking: POST /v1/refunds 201.data.ticket: the property is gone" in capsys.readouterr().err
