"""What a handler is given and what becomes of its answer: the envelope, the headers and the log line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field
from refundkit_core.application.audit import By
from refundkit_core.domain import errors
from refundkit_core.entrypoints.http import Answer, Api, Call, Document, plain

from tests.support.clock import START
from tests.support.door import ADMITTED, CALLER, MILLISECONDS, Door, open_door
from tests.support.requests import gateway_event

HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "ratelimit-limit": "100",
    "ratelimit-remaining": "99",
    "ratelimit-reset": "42",
    "x-request-id": "request-1",
}


class Shown(BaseModel):
    """A wire model with an alias and a null."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    external_id: str | None = Field(default=None, alias="externalId")


class Dated(BaseModel):
    """A wire model with what JSON does not know."""

    at: datetime


class Wanted(BaseModel):
    """A body or a query."""

    limit: int = 20


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Door:
    return open_door(monkeypatch, request.node.name)


def serve(door: Door, handle: Callable[[Call], Any], method: str = "GET", **options: Any) -> None:
    """Declare ``/v1/refunds`` for callers who may read refunds."""
    declared = {"scope": "refunds:read", "answers": None, **options}
    door.api.route(method, "/v1/refunds", **declared)(handle)


def ask(door: Door, method: str = "GET", path: str = "/v1/refunds", body: Any = None, **options: Any) -> dict[str, Any]:
    """The raw answer to a request with a key."""
    return door.api.handler(gateway_event(method, path, body, key="rk_1", **options), None)


# answers


def test_an_answer_is_its_data_in_the_envelope(door: Door) -> None:
    serve(door, lambda _: Answer(Shown(id="é", external_id="re_1")), status=201)

    assert ask(door) == {
        "statusCode": 201,
        "headers": HEADERS,
        "body": '{"data":{"id":"é","externalId":"re_1"},"error":null}',
        "isBase64Encoded": False,
    }
    assert door.shown == ["Bearer rk_1"]


def test_a_route_answers_200_unless_it_says_otherwise(door: Door) -> None:
    serve(door, lambda _: Answer(None))

    assert (ask(door)["statusCode"], ask(door)["body"]) == (200, '{"data":null,"error":null}')


def test_a_lists_place_is_beside_its_data(door: Door) -> None:
    serve(door, lambda _: Answer([Shown(id="1"), Shown(id="2")], pagination=Wanted(limit=2)))

    assert ask(door)["body"] == (
        '{"data":[{"id":"1","externalId":null},{"id":"2","externalId":null}],"error":null,"pagination":{"limit":2}}'
    )


def test_an_answers_headers_are_added(door: Door) -> None:
    serve(door, lambda _: Answer(None, headers={"idempotent-replayed": "true", "cache-control": "private"}))

    assert ask(door)["headers"] == {**HEADERS, "idempotent-replayed": "true", "cache-control": "private"}


def test_a_document_is_answered_as_it_is(door: Door) -> None:
    serve(door, lambda _: Document('{"openapi":"3.1.0"}', {"cache-control": "max-age=60"}), status=203)

    assert ask(door) == {
        "statusCode": 203,
        "headers": {**HEADERS, "cache-control": "max-age=60"},
        "body": '{"openapi":"3.1.0"}',
        "isBase64Encoded": False,
    }


def test_a_document_has_no_headers_of_its_own_unless_it_says_so(door: Door) -> None:
    serve(door, lambda _: Document("{}"))

    assert (ask(door)["headers"], ask(door)["body"]) == (HEADERS, "{}")


def test_models_are_shown_wherever_they_stand() -> None:
    one = {"id": "1", "externalId": None}

    assert plain(Shown(id="1")) == one
    assert plain([Shown(id="1"), (Shown(id="1"), 5)]) == [one, [one, 5]]
    assert plain({"a": 1}) == {"a": 1}
    assert plain(Dated(at=START)) == {"at": "2026-11-20T12:00:00Z"}


# log lines


@pytest.mark.parametrize(
    ("data", "refund_id"),
    [
        (Shown(id="ref_1"), {"refund_id": "ref_1"}),
        ({"id": "ref_2"}, {"refund_id": "ref_2"}),
        ({"id": "key_1"}, {}),
        ({"status": "ok"}, {}),
        ([{"id": "ref_1"}], {}),
        (None, {}),
    ],
)
def test_a_request_is_one_log_line_that_names_its_refund(door: Door, data: Any, refund_id: dict[str, str]) -> None:
    serve(door, lambda _: Answer(data), status=202)

    ask(door)

    assert door.lines() == [
        {
            "level": "INFO",
            "message": "request",
            "route": "GET /v1/refunds",
            "status": 202,
            "ms": MILLISECONDS,
            "request_id": "request-1",
            "org_id": CALLER.tenant.org_id,
            "key_id": "key_1",
            **refund_id,
        }
    ]


# what a handler is given


def test_a_handler_knows_who_asks_and_what_for(door: Door) -> None:
    calls: list[Call] = []

    def handle(call: Call) -> Answer:
        calls.append(call)
        return Answer(None)

    door.api.route("POST", "/v1/refunds/{id}/cancel", scope="refunds:read", answers=None, body=Wanted, query=Wanted)(
        handle
    )
    event = gateway_event(
        "POST", "/v1/refunds/ref_1/cancel?limit=3", {"limit": 5}, key="rk_1", headers={"Idempotency-Key": "k"}
    )

    assert door.api.handler(event, None)["statusCode"] == 200
    assert calls == [Call(event, {"id": "ref_1"}, Wanted(limit=5), Wanted(limit=3), CALLER)]
    (call,) = calls
    assert (call.caller, call.idempotency_key, call.header("idempotency-key")) == (CALLER, "k", "k")
    assert call.header("absent") is None


def test_a_route_without_parameters_body_or_query_is_given_none(door: Door) -> None:
    calls: list[Call] = []

    def handle(call: Call) -> Answer:
        calls.append(call)
        return Answer(None)

    serve(door, handle)

    ask(door)

    assert [(call.path, call.body, call.query, call.caller) for call in calls] == [({}, None, None, CALLER)]


def test_an_open_route_asks_for_no_key_and_shows_nobodys_quota(door: Door) -> None:
    calls: list[Call] = []

    def handle(call: Call) -> Answer:
        calls.append(call)
        return Answer({"status": "ok"})

    door.api.route("GET", "/v1/health", scope=None, answers=None)(handle)
    door.api.route("POST", "/v1/processors/{name}/webhook/{connectionId}", scope=None, answers=None)(handle)
    health = gateway_event("GET", "/v1/health")
    webhook = gateway_event("POST", "/v1/processors/stripe/webhook/con_1", "not JSON")

    answers = [door.api.handler(event, None) for event in (health, webhook)]

    without_quota = {name: value for name, value in HEADERS.items() if not name.startswith("ratelimit")}
    assert [(answer["statusCode"], answer["headers"]) for answer in answers] == [(200, without_quota)] * 2
    assert [(call.event, call.path) for call in calls] == [
        (health, {}),
        (webhook, {"name": "stripe", "connectionId": "con_1"}),
    ]
    assert {(call.body, call.query) for call in calls} == {(None, None)}
    assert door.shown == []
    assert [(line["route"], line.get("org_id"), line.get("key_id")) for line in door.lines()] == [
        ("GET /v1/health", None, None),
        ("POST /v1/processors/{name}/webhook/{connectionId}", None, None),
    ]


def test_an_open_routes_refund_is_logged_too(door: Door) -> None:
    door.api.route("GET", "/v1/health", scope=None, answers=None)(lambda _: Answer({"id": "ref_1"}))

    assert door.api.handler(gateway_event("GET", "/v1/health"), None)["statusCode"] == 200
    assert door.lines()[0]["refund_id"] == "ref_1"


def test_an_open_route_that_asks_who_calls_is_refused() -> None:
    with pytest.raises(errors.Unauthenticated):
        _ = Call({}, {}).caller


def test_a_handler_knows_how_long_it_may_hold_its_answer_and_who_asked(door: Door) -> None:
    class Context:
        def __init__(self, left_ms: int) -> None:
            self._left_ms = left_ms

        def get_remaining_time_in_millis(self) -> int:
            return self._left_ms

    seen: list[tuple[float, By]] = []

    def note(call: Call) -> Answer:
        seen.append((call.time_left_s, call.actor))
        return Answer(None)

    serve(door, note)
    for context in (Context(29_000), Context(3_500), Context(2_999), None):
        door.api.handler(gateway_event("GET", "/v1/refunds", key="rk_1"), context)

    assert [left for left, _ in seen] == [26.0, 0.5, 0.0, math.inf]
    assert {actor for _, actor in seen} == {By("mem_1 (key_1)")}


# what is refused before a handler is asked


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "message"),
    [
        ("POST", "/v1/refunds", {"limit": 1}, {"Idempotency-Key": "é"}, "The idempotency key is malformed"),
        ("POST", "/v1/refunds", {"limit": "x"}, {}, "The request is not as documented"),
        ("POST", "/v1/refunds", "{", {}, "The body is not valid JSON"),
        ("POST", "/v1/refunds?limit=1", {"limit": 1}, {}, "The request is not as documented"),
        ("GET", "/v1/refunds?limit=x", None, {}, "The request is not as documented"),
    ],
)
def test_a_request_that_is_not_as_documented_reaches_no_handler(
    door: Door, method: str, path: str, body: Any, headers: dict[str, str], message: str
) -> None:
    def never(_: Call) -> Answer:
        raise AssertionError("the handler was asked")

    serve(door, never, "POST", body=Wanted)
    serve(door, never, "GET", query=Wanted)

    answer = ask(door, method, path, body, headers=headers)

    assert (answer["statusCode"], answer["headers"]) == (400, HEADERS)
    assert json.loads(answer["body"])["error"]["message"] == message


def test_a_body_of_a_post_that_takes_none_is_refused(door: Door) -> None:
    serve(door, lambda _: Answer("seen"), "POST")

    refused, empty = ask(door, "POST", body={"a": 1}), ask(door, "POST", body={})

    assert json.loads(refused["body"])["error"]["message"] == "This route takes no body"
    assert (refused["statusCode"], empty["statusCode"]) == (400, 200)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_it_means_nothing_is_not_looked_at(door: Door, method: str) -> None:
    door.api.route(method, "/v1/refunds", scope="refunds:read", answers=None)(lambda _: Answer("seen"))
    event = {**gateway_event("GET", "/v1/refunds", "{" * 300_000, key="k"), "httpMethod": method}

    assert door.api.handler(event, None)["statusCode"] == 200


def test_only_a_post_takes_an_idempotency_key(door: Door) -> None:
    serve(door, lambda _: Answer(None))

    assert ask(door, headers={"Idempotency-Key": "é"})["statusCode"] == 200


def test_a_key_without_the_scope_is_denied_before_its_body_is_read(door: Door) -> None:
    door.admits = lambda: ADMITTED._replace(caller=replace(CALLER, scopes=frozenset()))
    serve(door, lambda _: Answer(None), "POST", body=Wanted)

    answer = ask(door, "POST", body="{")

    assert (answer["statusCode"], answer["headers"]) == (403, HEADERS)
    assert json.loads(answer["body"])["error"] == {
        "message": "This key lacks the scope refunds:read",
        "code": "unauthorized",
        "requestId": "request-1",
    }
    assert door.lines()[0]["key_id"] == "key_1"


# what a route says of itself


def test_a_route_names_every_code_that_it_may_answer() -> None:
    api = Api()
    api.route("GET", "/open", scope=None, answers=None)(lambda _: Answer(None))
    api.route("GET", "/own", scope=None, answers=None, refuses="not_found  internal_error")(lambda _: Answer(None))
    api.route("GET", "/keyed", scope="admin", answers=Shown, refuses="not_found rate_limited")(lambda _: Answer(None))

    assert {resource: route.codes for (_, resource), route in api.routes.items()} == {
        "/open": ("internal_error",),
        "/own": ("internal_error", "not_found"),
        "/keyed": (
            "internal_error",
            "invalid_api_key",
            "not_found",
            "rate_limited",
            "unauthorized",
            "validation_error",
        ),
    }


def test_declaring_a_route_leaves_the_handler_as_it_is() -> None:
    api = Api()

    def handle(_: Call) -> Answer:
        return Answer(None)

    assert (
        api.route("PUT", "/v1/x", scope="admin", answers=Shown, status=204, body=Wanted, query=Wanted)(handle) is handle
    )
    (route,) = api.routes.values()
    assert (route.method, route.resource, route.scope, route.handle, route.status) == (
        "PUT", "/v1/x", "admin", handle, 204,
    )  # fmt: skip
    assert (route.body, route.query, route.answers, route.refuses) == (Wanted, Wanted, Shown, ())
