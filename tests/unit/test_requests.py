"""The parts of a request: what is not as documented is refused before anything happens, and said field by field."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.entrypoints.requests import (
    MAX_BODY_BYTES,
    TooLarge,
    body_of,
    header,
    idempotency_key,
    moment,
    query_of,
    raw_body,
    refuse_unknown,
    validated,
)

JSON = {"content-type": "application/json"}
NOT_DOCUMENTED = "The request is not as documented"


def event(body: str | None = None, **others: Any) -> dict[str, Any]:
    """A gateway event with a JSON body, and whatever else is named."""
    return {"headers": JSON, "body": body, **others}


def refused(ask: Callable[[], object]) -> tuple[type[Invalid], str, tuple[Detail, ...]]:
    """How ``ask`` is refused: kind, message, details."""
    with pytest.raises(Invalid) as refusal:
        ask()
    return type(refusal.value), refusal.value.message, refusal.value.details


class Asked(BaseModel):
    """A body with the kinds of fields that requests have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    transaction_id: Annotated[str, Field(alias="transactionId", min_length=1)]
    amount: Annotated[int, Field(gt=0)] = 1
    metadata: dict[str, int] = {}

    @field_validator("metadata")
    @classmethod
    def _small(cls, metadata: dict[str, int]) -> dict[str, int]:
        if len(metadata) > 50:
            raise ValueError("At most 50 keys")
        return metadata


# headers


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_a_headers_name_has_any_case(name: str) -> None:
    assert header({"headers": {"x": "1", name: "Value"}}, "idempotency-key") == "Value"


@pytest.mark.parametrize("headers", [{"headers": None}, {"headers": {}}, {"headers": {"other": "1"}}, {}])
def test_an_absent_header_is_none(headers: dict[str, Any]) -> None:
    assert header(headers, "idempotency-key") is None


@pytest.mark.parametrize("key", ["k", "x" * 255, "with blanks and ~!"])
def test_an_idempotency_key_is_up_to_255_printable_characters(key: str) -> None:
    assert idempotency_key({"headers": {"Idempotency-Key": key}}) == key


def test_an_idempotency_key_is_optional() -> None:
    assert idempotency_key({"headers": {}}) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "é", "\x7f"])
def test_any_other_idempotency_key_is_refused(key: str) -> None:
    assert refused(lambda: idempotency_key({"headers": {"idempotency-key": key}})) == (
        Invalid,
        "The idempotency key is malformed",
        (Detail("Idempotency-Key", "1 to 255 printable ASCII characters"),),
    )


@pytest.mark.parametrize("name", ["Idempotency-Key-Source", "idempotency-key-source"])
def test_a_key_says_that_a_program_made_it_or_nothing_of_its_source(name: str) -> None:
    assert idempotency_key({"headers": {name: "generated", "Idempotency-Key": "k"}}) == "k"
    for source in ("GENERATED", "caller", ""):
        assert refused(lambda source=source: idempotency_key({"headers": {name: source}})) == (  # type: ignore[misc]
            Invalid,
            "The source of the idempotency key is unknown",
            (Detail("Idempotency-Key-Source", "generated"),),
        )


def test_a_stated_time_is_that_instant_and_none_is_none() -> None:
    assert moment("2026-11-20T12:00:00.5Z") == datetime(2026, 11, 20, 12, 0, 0, 500_000, UTC)
    assert moment(None) is None


class BothWays(Asked):
    """As the wire's models are: programs may fill it by the names that it has in Python."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


def test_a_field_is_taken_by_its_name_on_the_wire_only() -> None:
    assert validated(BothWays, {"transactionId": "ch_1"}) == BothWays(transaction_id="ch_1")
    kind, message, details = refused(lambda: validated(BothWays, {"transaction_id": "ch_1"}))
    assert (kind, message) == (Invalid, "Transaction ID is required")
    assert [detail.field for detail in details] == ["transactionId", "transaction_id"]


# the body's bytes


def test_a_body_is_its_bytes_however_the_gateway_passes_them_on() -> None:
    assert raw_body({"body": "é{}"}) == "é{}".encode()
    assert raw_body({"body": "é{}", "isBase64Encoded": False}) == "é{}".encode()
    assert raw_body({"body": base64.b64encode(b"\xff{}").decode(), "isBase64Encoded": True}) == b"\xff{}"
    assert raw_body({"body": None}) == raw_body({}) == b""


def test_a_body_of_256_kb_is_taken() -> None:
    assert raw_body({"body": "x" * 256 * 1024}) == b"x" * 256 * 1024
    assert MAX_BODY_BYTES == 262_144


@pytest.mark.parametrize("body", ["x" * (256 * 1024 + 1), "é" + "x" * (256 * 1024 - 1)], ids=["letters", "bytes"])
def test_a_body_of_one_byte_more_is_not(body: str) -> None:
    assert refused(lambda: raw_body({"body": body})) == (TooLarge, "The body is over 262144 bytes", ())


@pytest.mark.parametrize(
    "broken",
    [
        {"body": "\ud800"},
        {"body": "e30", "isBase64Encoded": True},
        {"body": "e3=0", "isBase64Encoded": True},
        {"body": "e30=!", "isBase64Encoded": True},
    ],
)
def test_a_body_that_is_not_what_the_gateway_says_is_refused(broken: dict[str, Any]) -> None:
    assert refused(lambda: raw_body(broken)) == (Invalid, "The body is not valid UTF-8", ())


# the body's JSON


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8; x=1", " application/json ;"],
)
def test_a_json_object_is_read(content_type: str) -> None:
    sent = {"headers": {"Content-Type": content_type}, "body": '{"a": {"b": [1, "é", null]}, "c": {"b": 2}}'}

    assert body_of(sent) == {"a": {"b": [1, "é", None]}, "c": {"b": 2}}


@pytest.mark.parametrize("headers", [{}, {"content-type": ""}, {"content-type": "text/plain; application/json"}])
def test_anything_but_json_by_its_content_type_is_refused(headers: dict[str, str]) -> None:
    assert refused(lambda: body_of({"headers": headers, "body": "{}"})) == (
        Invalid,
        "Send JSON with Content-Type: application/json",
        (Detail("Content-Type", "application/json"),),
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "The body is not valid JSON"),
        ("", "The body is not valid JSON"),
        ("{", "The body is not valid JSON"),
        ("9" * 5000, "The body is not valid JSON"),
        ("[]", "The body must be a JSON object"),
        ("null", "The body must be a JSON object"),
        ('"text"', "The body must be a JSON object"),
        ('{"a": 1, "a": 1}', "The body has a name twice in one object"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "The body has a name twice in one object"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "The body is over 262144 bytes"),
    ],
)
def test_a_body_that_is_no_plain_json_object_is_refused(body: str | None, message: str) -> None:
    assert refused(lambda: body_of(event(body)))[1:] == (message, ())


def test_a_body_that_is_nested_beyond_reason_is_refused() -> None:
    deep = '{"a":' * 40_000 + "1" + "}" * 40_000

    assert refused(lambda: body_of(event(deep))) == (Invalid, "The body is nested too deeply", ())


def test_a_body_that_is_no_utf_8_is_refused() -> None:
    latin = base64.b64encode('{"a": "é"}'.encode("latin-1")).decode()

    assert refused(lambda: body_of(event(latin, isBase64Encoded=True))) == (Invalid, "The body is not valid UTF-8", ())


# the query


def test_a_query_is_its_parameters() -> None:
    sent = {
        "queryStringParameters": {"limit": "1", "status": ""},
        "multiValueQueryStringParameters": {"limit": ["1"], "status": [""]},
    }

    assert query_of(sent) == {"limit": "1", "status": ""}
    assert query_of({}) == query_of({"queryStringParameters": None, "multiValueQueryStringParameters": None}) == {}


def test_parameters_that_are_given_twice_are_refused_by_name() -> None:
    many = {"limit": ["1", "2"], "status": ["a"], "né": ["1", "2", "3"]}

    assert refused(lambda: query_of({"multiValueQueryStringParameters": many})) == (
        Invalid,
        "A query parameter is given twice",
        (Detail("limit", "Give it once"), Detail("n\\xe9", "Give it once")),
    )


# what a route does not take


@pytest.mark.parametrize("body", [None, "", "  \n", "{}", " {} "])
def test_a_route_without_a_body_takes_none_or_an_empty_one(body: str | None) -> None:
    refuse_unknown(event(body), takes_body=False, takes_query=False)


def test_a_route_without_a_body_needs_no_content_type() -> None:
    refuse_unknown({"headers": {}, "body": None}, takes_body=False, takes_query=False)


def test_a_body_is_refused_where_none_is_taken() -> None:
    assert refused(lambda: refuse_unknown(event('{"a":1}'), takes_body=False, takes_query=True)) == (
        Invalid,
        "This route takes no body",
        (),
    )
    refuse_unknown(event('{"a":1}'), takes_body=True, takes_query=True)


def test_parameters_are_refused_where_none_are_taken() -> None:
    sent = event(queryStringParameters={f"n{number}": "x" for number in range(30)})

    assert refused(lambda: refuse_unknown(sent, takes_body=True, takes_query=False)) == (
        Invalid,
        NOT_DOCUMENTED,
        tuple(Detail(f"n{number}", "This route takes no such parameter") for number in range(20)),
    )
    refuse_unknown(sent, takes_body=True, takes_query=True)


# models


def test_a_body_as_documented_becomes_its_model() -> None:
    assert validated(Asked, {"transactionId": "ch_1", "amount": 5}) == Asked.model_construct(
        transaction_id="ch_1", amount=5
    )


@pytest.mark.parametrize(
    ("body", "message", "details"),
    [
        ({}, "Transaction ID is required", [("transactionId", "Field required")]),
        (
            {"transactionId": ""},
            "Transaction ID is required",
            [("transactionId", "String should have at least 1 character")],
        ),
        (
            {"transactionId": "ch_1", "amount": 0},
            "Amount must be positive",
            [("amount", "Input should be greater than 0")],
        ),
        (
            {"transactionId": "ch_1", "amount": "5"},
            NOT_DOCUMENTED,
            [("amount", "Input should be a valid integer")],
        ),
        (
            {"transactionId": "ch_1", "metadata": {"a": 1, "b": "2"}},
            NOT_DOCUMENTED,
            [("metadata.b", "Input should be a valid integer")],
        ),
        (
            {"transactionId": "ch_1", "metadata": {str(number): number for number in range(51)}},
            NOT_DOCUMENTED,
            [("metadata", "At most 50 keys")],
        ),
        (
            {"transactionId": 1, "amount": 0, "more": 1},
            NOT_DOCUMENTED,
            [
                ("transactionId", "Input should be a valid string"),
                ("amount", "Input should be greater than 0"),
                ("more", "Extra inputs are not permitted"),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_said_field_by_field(
    body: dict[str, Any], message: str, details: list[tuple[str, str]]
) -> None:
    assert refused(lambda: validated(Asked, body)) == (Invalid, message, tuple(Detail(*each) for each in details))


def test_no_more_than_twenty_problems_are_listed() -> None:
    body = {"transactionId": "ch_1"} | {f"n{number}": 1 for number in range(30)}

    details = refused(lambda: validated(Asked, body))[2]

    assert details == tuple(Detail(f"n{number}", "Extra inputs are not permitted") for number in range(20))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("n" * 60, "n" * 60),
        ("n" * 61, "n" * 60),
        ("né\n", "n\\xe9\\n"),
        ("'", "'"),
        ("a b", "a b"),
        ("a\\b", "a\\b"),
        ("\t", "\\t"),
    ],
)
def test_a_name_that_we_did_not_choose_is_cut_and_shown_in_plain_letters(name: str, shown: str) -> None:
    details = refused(lambda: validated(Asked, {"transactionId": "ch_1", name: 1}))[2]

    assert details == (Detail(shown, "Extra inputs are not permitted"),)


def test_the_value_that_was_wrong_is_never_repeated() -> None:
    secret = "sk_live_4242424242424242"

    with pytest.raises(Invalid) as refusal:
        validated(Asked, {"transactionId": secret, "amount": secret})

    assert secret not in json.dumps([refusal.value.message, refusal.value.details])
