"""The API's door: envelopes, codes, keys and limits; bad input costs nothing and leaks nothing."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from pydantic import TypeAdapter
from refundkit.api_keys import generate_api_key

from tests.integration.conftest import World
from tests.support.functions import function_module

BODY = {"transactionId": "ch_1", "amount": 2000, "reason": "product_defective"}


def test_a_validation_error_names_the_field_and_not_its_value(world: World) -> None:
    _, envelope, _ = world.call("POST", "/v1/refunds", {**BODY, "amount": "4242424242424242"})

    assert [detail["field"] for detail in envelope["error"]["details"]] == ["amount"]
    assert "4242" not in json.dumps(envelope)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "sk_test_abc",
        "rk_test_" + "a" * 32,
        "rk_test_é" + "a" * 31,
        generate_api_key("test").key,
        "rk_live_" + "\0" * 32,
    ],
)
def test_every_bad_key_gets_the_same_401(world: World, key: str) -> None:
    answers = [
        world.call("GET", "/v1/refunds", key=key),
        world.call("GET", "/v1/refunds", key=None, headers={"authorization": "x"}),
    ]

    for status, envelope, _ in answers:
        assert status == 401
        assert envelope["error"] == {
            "message": "The API key is missing, malformed, unknown, expired or revoked",
            "code": "invalid_api_key",
            "requestId": "request-1",
        }


def test_the_101st_request_of_a_minute_is_429_and_says_when_to_come_back(world: World) -> None:
    statuses = [world.call("GET", "/v1/refunds")[0] for _ in range(100)]
    status, envelope, headers = world.call("GET", "/v1/refunds")

    assert set(statuses) == {200}
    assert (status, envelope["error"]["code"]) == (429, "rate_limited")
    assert headers["retry-after"] == "60"
    assert world.call("GET", "/v1/refunds", key=world.organization.live_key)[0] == 200
    world.clock.advance(seconds=60)
    assert world.call("GET", "/v1/refunds")[0] == 200


def test_a_refund_of_another_organization_or_environment_is_404_like_one_that_never_was(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    never = "ref_00000000000000000000000000"

    for path in ("", "/events"):
        expected = world.call("GET", f"/v1/refunds/{never}{path}")
        assert expected[0] == 404
        for key in (other.test_key, other.live_key, world.organization.live_key):
            assert world.call("GET", f"/v1/refunds/{opened['id']}{path}", key=key)[:2] == expected[:2]
    assert world.call("GET", "/v1/refunds", key=other.test_key)[1]["data"] == []


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/refunds/a/b/c", "/v2/refunds", "/"])
def test_an_unknown_path_is_404_in_the_envelope(world: World, path: str) -> None:
    status, envelope, _ = world.call("PUT", path)

    assert (status, envelope["error"]["code"]) == (404, "not_found")


def test_health_answers_without_a_key(world: World) -> None:
    status, envelope, _ = world.call("GET", "/v1/health", key=None)

    assert status == 200
    assert envelope["data"]["status"] == "ok"


def test_the_list_shows_refunds_newest_first_with_their_metadata_and_pages(world: World) -> None:
    charge = world.charge()
    made = []
    for amount in (10, 20, 30):
        made.append(world.refund(charge["id"], amount=amount, metadata={"amount": amount}))
        world.clock.advance(seconds=1)
    world.execute(made[0]["id"])

    status, page, _ = world.call("GET", "/v1/refunds?limit=2")
    _, rest, _ = world.call("GET", f"/v1/refunds?limit=2&cursor={page['pagination']['nextCursor']}")
    _, completed, _ = world.call("GET", "/v1/refunds?status=completed&processor=stripe")

    assert status == 200
    assert page["data"] == [made[2], made[1]]
    assert page["pagination"]["limit"] == 2
    assert [one["id"] for one in rest["data"]] == [made[0]["id"]]
    assert rest["pagination"] == {"limit": 2, "offset": 0, "nextCursor": None}
    assert [one["id"] for one in completed["data"]] == [made[0]["id"]]


def test_a_request_is_one_short_log_line_without_secrets(
    world: World, logs: Callable[[], list[dict[str, Any]]]
) -> None:
    charge = world.charge()
    logs()

    opened = world.refund(charge["id"], metadata={"email": "ada@example.com"})

    (line,) = logs()
    assert (line["message"], line["route"], line["status"]) == ("request", "POST /v1/refunds", 201)
    assert line["refund_id"] == opened["id"]
    text = json.dumps(line, separators=(",", ":"))
    assert len(text) <= 400
    assert "ada@" not in text
    assert world.organization.test_key not in text


def test_the_head_of_a_refund_stays_under_a_kilobyte(world: World) -> None:
    opened = world.refund(world.charge()["id"], metadata={"a": "x" * 8000})
    world.execute(opened["id"])

    page = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]

    (head,) = [item for item in page if item["sk"]["S"] == "#HEAD"]
    sizes = [len(name) + len(str(next(iter(value.values())))) for name, value in head.items()]
    assert sum(sizes) < 1000


def test_an_unexpected_failure_is_500_without_its_text(
    world: World, monkeypatch: pytest.MonkeyPatch, logs: Callable[[], list[dict[str, Any]]]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret rk_test_123 of ada@example.com")

    monkeypatch.setattr(world.container.read_refunds, "one", broken)

    status, envelope, _ = world.call("GET", "/v1/refunds/ref_00000000000000000000000000")

    assert (status, envelope["error"]["code"]) == (500, "internal_error")
    failure, request = logs()
    assert (failure["error"], request["status"]) == ("RuntimeError", 500)
    assert "ada@" not in json.dumps([failure, request, envelope])


def test_every_answer_is_what_its_route_says_that_it_answers(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    calls = [
        ("refunds", "GET", f"/v1/refunds/{opened['id']}", "/v1/refunds/{id}"),
        ("refunds", "GET", "/v1/refunds", "/v1/refunds"),
        ("refunds", "GET", f"/v1/refunds/{opened['id']}/events", "/v1/refunds/{id}/events"),
        ("health", "GET", "/v1/health", "/v1/health"),
    ]

    for function, method, path, resource in calls:
        answers = function_module(function).api.routes[method, resource].answers
        adapter: TypeAdapter[Any] = TypeAdapter(pkgutil.resolve_name(answers) if isinstance(answers, str) else answers)
        data = world.call(method, path)[1]["data"]
        assert adapter.dump_python(adapter.validate_python(data), mode="json", by_alias=True) == data
