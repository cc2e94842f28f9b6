"""Webhook endpoints through their real handler: made, shown, changed, switched, given new secrets, tried out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from refundkit.contracts.webhooks import MAX_URL
from refundkit.webhook_signature import InvalidSignature, verify

from tests.integration.conftest import World
from tests.integration.people import BOT, People
from tests.integration.webhook_world import ENDPOINTS, NOWHERE, Webhooks
from tests.support.webhook_receiver import WebhookReceiver

BOTH = ["webhooks:read", "webhooks:write"]


@pytest.fixture
def webhooks(world: World) -> Webhooks:
    return Webhooks(world)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def refused(webhooks: Webhooks, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, list[str]]:
    """Status, code and the fields that details name, of a call that must be refused."""
    status, envelope, _ = webhooks.world.call(method, path, body, **options)
    assert envelope["data"] is None, envelope
    return status, envelope["error"]["code"], [each["field"] for each in envelope["error"].get("details", ())]


def test_an_endpoint_is_made_whole_and_its_secret_is_shown_once(webhooks: Webhooks) -> None:
    made = webhooks.endpoint(
        NOWHERE,
        "refund.*",
        "dispute.opened",
        description="Orders",
        metadata={"team": "orders"},
        headers={"x-gateway-key": "gateway-key-0123456789"},
        rateLimit=20,
    )

    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert made == {
        "id": made["id"],
        "url": NOWHERE,
        "environment": "test",
        "events": ["refund.*", "dispute.opened"],
        "description": "Orders",
        "metadata": {"team": "orders"},
        "headerNames": ["x-gateway-key"],
        "rateLimit": 20,
        "status": "enabled",
        "disabledBecause": None,
        "failingSince": None,
        "apiVersion": "2026-11-01",
        "previousSecretExpiresAt": None,
        "createdAt": "2026-11-20T12:00:00.000Z",
        "updatedAt": "2026-11-20T12:00:00.000Z",
    }
    assert webhooks.asks("GET", webhooks.of(made)) == made
    assert webhooks.asks("GET", ENDPOINTS) == [made]
    stored = str(boto3.client("dynamodb").scan(TableName="refundkit")["Items"])
    for hidden in (secret, "gateway-key-0123456789"):
        assert hidden not in stored


def test_endpoints_belong_to_one_environment(webhooks: Webhooks) -> None:
    made = webhooks.endpoint()
    live = webhooks.world.organization.live_key

    assert webhooks.asks("GET", ENDPOINTS, key=live) == []
    assert refused(webhooks, "GET", webhooks.of(made), key=live)[:2] == (404, "not_found")
    other = webhooks.asks("POST", ENDPOINTS, {"url": NOWHERE, "events": ["*"]}, key=live)
    assert other["environment"] == "live"
    assert [each["id"] for each in webhooks.asks("GET", ENDPOINTS)] == [made["id"]]


def test_a_repetition_is_the_same_endpoint_without_its_secret(webhooks: Webhooks) -> None:
    world, headers = webhooks.world, {"idempotency-key": "k-1"}
    body = {"url": NOWHERE, "events": ["refund.*"], "metadata": {"a": "1", "b": "2"}}
    status, first, sent = world.call("POST", ENDPOINTS, body, headers=headers)
    assert (status, first["data"]["secret"] is not None, sent.get("idempotent-replayed")) == (201, True, None)
    webhooks.asks("PATCH", webhooks.of(first["data"]), {"description": "Since then"})

    reordered = {"metadata": {"b": "2", "a": "1"}, "events": ["refund.*"], "url": NOWHERE}
    status, again, sent = world.call("POST", ENDPOINTS, reordered, headers=headers)

    assert (status, sent["idempotent-replayed"]) == (201, "true")
    assert again["data"] == {**first["data"], "secret": None, "description": "Since then"}
    assert len(webhooks.asks("GET", ENDPOINTS)) == 1


def test_an_idempotency_key_makes_one_endpoint_only(webhooks: Webhooks) -> None:
    headers, body = {"idempotency-key": "k-1"}, {"url": NOWHERE, "events": ["*"]}
    made = webhooks.asks("POST", ENDPOINTS, body, headers=headers)

    for changed in ({"url": f"{NOWHERE}/other"}, {"events": ["refund.*"]}, {"headers": {"x-a": "1"}}, {"rateLimit": 1}):
        status, envelope, _ = webhooks.world.call("POST", ENDPOINTS, {**body, **changed}, headers=headers)
        assert (status, envelope["error"]["code"]) == (409, "idempotency_key_reused")
        assert envelope["error"]["details"] == [{"field": "Idempotency-Key", "message": made["id"]}]
    live = webhooks.world.organization.live_key
    assert webhooks.asks("POST", ENDPOINTS, body, headers=headers, key=live)["id"] != made["id"]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "ftp://shop.example/hooks",
        "https://shop.example:8443/hooks",
        "https://ada:secret@shop.example/hooks",
        "https://shop.example/hooks#part",
        "https://10.0.0.1/hooks",
        "https://[fd00::1]/hooks",
        "http://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/hooks",
        "https://0x7f.1/hooks",
        "https://nothing.invalid/hooks",
        "shop.example/hooks",
        "https://shop.example/" + "x" * MAX_URL,
        "",
    ],
)
def test_what_may_not_be_posted_to_is_refused_whether_made_or_changed(webhooks: Webhooks, url: str) -> None:
    made = webhooks.endpoint()

    assert refused(webhooks, "POST", ENDPOINTS, {"url": url, "events": ["*"]}) == (400, "validation_error", ["url"])
    assert refused(webhooks, "PATCH", webhooks.of(made), {"url": url}) == (400, "validation_error", ["url"])
    assert [each["url"] for each in webhooks.asks("GET", ENDPOINTS)] == [NOWHERE]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "shop.example"},
        {"content-length": "1"},
        {"Webhook-Signature": "v1,x"},
        {"X-RefundKit-Sample": "true"},
        {"user-agent": "me"},
        {"x-a": "1", "X-A": "2"},
        {"x a": "1"},
        {"x-a": "1\r\nhost: other"},
        {"x-a": ""},
        {"x-a": " blank"},
        {"x-a": "größer"},
        {f"x-{number}": "1" for number in range(11)},
        {f"x-{number}": "1" * 500 for number in range(5)},
    ],
)
def test_headers_that_are_ours_or_cannot_be_sent_are_refused(webhooks: Webhooks, headers: dict[str, str]) -> None:
    made = webhooks.endpoint()
    body = {"url": NOWHERE, "events": ["*"], "headers": headers}

    for answer in (
        refused(webhooks, "POST", ENDPOINTS, body),
        refused(webhooks, "PATCH", webhooks.of(made), {"headers": headers}),
    ):
        assert answer[:2] == (400, "validation_error")
        assert answer[2][0].startswith("headers")


@pytest.mark.parametrize("events", [["refund.paid"], ["*.completed"], [], ["*", "*"], ["refund"], "refund.*", None])
def test_event_types_that_nobody_knows_are_refused(webhooks: Webhooks, events: Any) -> None:
    made = webhooks.endpoint()

    for answer in (
        refused(webhooks, "POST", ENDPOINTS, {"url": NOWHERE, "events": events}),
        refused(webhooks, "PATCH", webhooks.of(made), {"events": events}),
    ):
        assert answer[:2] == (400, "validation_error")
        assert answer[2][0].startswith("events")


def test_what_is_named_changes_null_removes_and_the_rest_stays(webhooks: Webhooks) -> None:
    made = webhooks.endpoint(NOWHERE, description="Orders", metadata={"a": "1"}, headers={"x-a": "1"}, rateLimit=5)
    made.pop("secret")
    webhooks.world.clock.advance(minutes=1)

    changed = webhooks.asks("PATCH", webhooks.of(made), {"events": ["refund.*"], "rateLimit": None})
    assert changed == {**made, "events": ["refund.*"], "rateLimit": None, "updatedAt": "2026-11-20T12:01:00.000Z"}
    bare = {"description": None, "metadata": None, "headers": None}
    bare_after = webhooks.asks("PATCH", webhooks.of(made), {**bare, "url": f"{NOWHERE}/b"})
    assert bare_after == {
        **changed,
        "description": None,
        "metadata": {},
        "headerNames": [],
        "url": f"{NOWHERE}/b",
    }
    assert webhooks.asks("GET", webhooks.of(made)) == bare_after
    for name in ("url", "events"):
        assert refused(webhooks, "PATCH", webhooks.of(made), {name: None}) == (400, "validation_error", [name])
    assert refused(webhooks, "PATCH", webhooks.of(made), {"status": "disabled"})[:2] == (400, "validation_error")


def test_one_is_switched_off_and_on_and_doing_it_again_changes_nothing(webhooks: Webhooks) -> None:
    made = webhooks.endpoint()
    for _ in range(2):
        webhooks.world.clock.advance(seconds=1)
        off = webhooks.asks("POST", webhooks.of(made, "/disable"))
        assert (off["status"], off["disabledBecause"]) == ("disabled", "asked")
    for _ in range(2):
        webhooks.world.clock.advance(seconds=1)
        on = webhooks.asks("POST", webhooks.of(made, "/enable"))
        assert (on["status"], on["disabledBecause"]) == ("enabled", None)

    assert webhooks.commands() == [(f"webhooks {command}", made["id"]) for command in ("create", "disable", "enable")]


def test_a_deleted_one_is_gone_and_gone_again_and_makes_room(webhooks: Webhooks) -> None:
    made = [webhooks.endpoint() for _ in range(20)]
    assert refused(webhooks, "POST", ENDPOINTS, {"url": NOWHERE, "events": ["*"]})[0] == 409

    for _ in range(2):
        gone = webhooks.asks("DELETE", webhooks.of(made[0]))
        assert (gone["status"], gone["headerNames"]) == ("deleted", [])
    assert webhooks.endpoint()["status"] == "enabled"
    assert made[0]["id"] not in str(webhooks.asks("GET", ENDPOINTS))
    for method, action, body in (
        ("GET", "", None),
        ("PATCH", "", {"description": "One"}),
        ("POST", "/enable", None),
        ("POST", "/rotate-secret", None),
        ("POST", "/test", {"type": "refund.completed"}),
        ("GET", "/deliveries", None),
        ("POST", "/recover", {"since": "2026-11-20T00:00:00Z"}),
    ):
        assert refused(webhooks, method, webhooks.of(made[0], action), body)[:2] == (404, "not_found"), action


def test_after_a_rotation_both_secrets_sign_for_a_day(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    world = webhooks.world
    made = webhooks.endpoint(receiver.url("/hooks"))
    turned = webhooks.asks("POST", webhooks.of(made, "/rotate-secret"))

    assert turned["secret"] not in (None, made["secret"])
    assert turned["previousSecretExpiresAt"] == "2026-11-21T12:00:00.000Z"
    shown = webhooks.asks("GET", webhooks.of(made))
    assert "secret" not in shown
    for hours, good, bad in ((0, [made, turned], []), (25, [turned], [made])):
        world.clock.advance(hours=hours)
        webhooks.asks("POST", webhooks.of(made, "/test"), {"type": "refund.completed"})
        webhooks.work()
        request = receiver.requests[-1]
        for each in good:
            verify(request.body, request.headers, each["secret"], now=world.clock.now())
        for each in bad:
            with pytest.raises(InvalidSignature) as raised:
                verify(request.body, request.headers, each["secret"], now=world.clock.now())
            assert raised.value.reason == "mismatch"
    assert webhooks.asks("GET", webhooks.of(made))["previousSecretExpiresAt"] is None
    assert webhooks.asks("GET", ENDPOINTS)[0]["previousSecretExpiresAt"] is None


def test_a_sample_is_sent_to_this_endpoint_alone_and_says_that_it_is_one(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    made = webhooks.endpoint(receiver.url("/hooks"), "policy.published", headers={"X-Gateway-Key": "0123"})
    webhooks.endpoint(receiver.url("/others"))
    asked = webhooks.asks("POST", webhooks.of(made, "/test"), {"type": "refund.completed"})
    assert (asked["status"], asked["isSample"], asked["eventType"]) == ("pending", True, "refund.completed")

    webhooks.work()

    (request,) = receiver.requests
    assert request.path == "/hooks"
    assert request.headers["x-refundkit-sample"] == "true"
    assert request.headers["x-refundkit-delivery"] == asked["id"]
    assert request.headers["x-gateway-key"] == "0123"
    told = json.loads(request.body)
    assert (told["id"], told["type"]) == (asked["eventId"], "refund.completed")
    types = {each["type"]: each for each in webhooks.asks("GET", "/v1/event-types")}
    assert told["data"] == types["refund.completed"]["example"]["data"]
    shown = webhooks.asks("GET", webhooks.of(made, f"/deliveries/{asked['id']}"))
    assert (shown["status"], [each["statusCode"] for each in shown["attempts"]]) == ("delivered", [200])
    assert webhooks.asks("GET", "/v1/events") == []  # it never happened


def test_members_and_approvers_look_admins_and_agents_with_the_scope_change(world: World, webhooks: Webhooks) -> None:
    people = People(world)
    made = webhooks.endpoint()
    for role in ("member", "approver"):
        reader = people.join("admin", scopes=BOTH)
        people.asks("PATCH", f"/v1/members/{reader.id}", {"role": role})
        world.clock.advance(minutes=1)
        assert webhooks.asks("GET", webhooks.of(made), key=reader.key)["id"] == made["id"]
        assert webhooks.deliveries(made, key=reader.key) == []
        for method, action, body in (
            ("POST", "/disable", None),
            ("POST", "/rotate-secret", None),
            ("DELETE", "", None),
            ("PATCH", "", {"description": "Mine"}),
        ):
            assert refused(webhooks, method, webhooks.of(made, action), body, key=reader.key)[:2] == (
                403,
                "unauthorized",
            )
    admin, agent = people.join("admin", scopes=BOTH).key, people.key_for(BOT, BOTH)
    for key in (admin, agent):
        assert webhooks.asks("PATCH", webhooks.of(made), {"description": "Ours"}, key=key)["description"] == "Ours"


def test_every_change_is_audited_with_who_made_it(webhooks: Webhooks) -> None:
    made = webhooks.endpoint()
    since = {"since": "2026-11-20T00:00:00Z"}
    for method, action, body in (
        ("PATCH", "", {"description": "One"}),
        ("POST", "/rotate-secret", None),
        ("POST", "/recover", since),
        ("POST", "/replay-missing", since),
        ("DELETE", "", None),
    ):
        webhooks.world.clock.advance(seconds=1)
        webhooks.asks(method, webhooks.of(made, action), body)

    commands = ("create", "update", "rotate-secret", "recover", "replay-missing", "delete")
    assert webhooks.commands() == [(f"webhooks {command}", made["id"]) for command in commands]
    listed = webhooks.asks("GET", f"/v1/audit?target={made['id']}")
    assert [entry["command"] for entry in listed] == [f"webhooks {command}" for command in commands[::-1]]
    owner = webhooks.world.organization.owner_id
    assert all(owner in entry["actor"] for entry in listed)
