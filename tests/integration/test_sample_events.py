"""Every sample in events/ is one that its function understands; every function has one for each thing that it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from refundkit_core.domain.reconciliation import KINDS

from local.stripe_sandbox import SandboxServer
from tests.integration.conftest import World, made_world
from tests.integration.people import People
from tests.integration.webhook_world import NOWHERE, Webhooks
from tests.support.functions import function_module
from tests.support.moto_state import Kept
from tests.support.requests import routes
from tests.support.template import ROOT

SAMPLES = sorted((ROOT / "events").rglob("*.json"))
EXPECTED: dict[str, Any] = {
    "refunds/create": 401,  # the sample's key is well-formed and unknown
    "refunds/create_full": 401,
    "refunds/preview": 401,
    "refunds/list": 401,
    "refunds/get": 401,
    "refunds/timeline": 401,
    "refunds/cancel": 401,
    "policies/check": 401,
    "decisions/check": 401,
    "decisions/get": 401,
    "settings/get_guards": 401,
    "settings/put_guards": 401,
    "settings/get_approvals": 401,
    "settings/put_approvals": 401,
    "approvals/list": 401,
    "approvals/get": 401,
    "approvals/approve": 401,
    "approvals/reject": 401,
    "approvals/escalate": 401,
    "approvals/request_info": 401,
    "approvals/comment": 401,
    "approvals/give_info": 401,
    "approval_steps/approval_pending": {"batchItemFailures": []},  # nobody has asked it
    "approval_steps/waits": {"batchItemFailures": []},
    "policies/create": 401,
    "policies/list": 401,
    "policies/get": 401,
    "policies/update": 401,
    "policies/publish": 401,
    "policies/diff": 401,
    "policies/validate": 401,
    "policies/import": 401,
    "policies/schema": 200,
    "policies/return_policy": 401,
    "simulations/simulate": 401,
    "simulations/get": 401,
    "simulations/list": 401,
    "simulations/shadow": 401,
    "simulate/chunk": {"batchItemFailures": []},  # its simulation is unknown
    "audit/list": 401,
    "audit/export": 401,
    "audit/verify": 401,
    "chain_audit/refund": {"batchItemFailures": []},  # it is unknown
    "api_keys/create": 401,
    "api_keys/list": 401,
    "api_keys/get": 401,
    "api_keys/revoke": 401,
    "webhook_endpoints/create": 401,
    "webhook_endpoints/list": 401,
    "webhook_endpoints/get": 401,
    "webhook_endpoints/change": 401,
    "webhook_endpoints/delete": 401,
    "webhook_endpoints/enable": 401,
    "webhook_endpoints/disable": 401,
    "webhook_endpoints/rotate_secret": 401,
    "webhook_endpoints/test": 401,
    "webhook_deliveries/list": 401,
    "webhook_deliveries/get": 401,
    "webhook_deliveries/retry": 401,
    "webhook_deliveries/recover": 401,
    "webhook_deliveries/replay_missing": 401,
    "events/list": 401,
    "events/get": 401,
    "events/types": 401,
    "dispatch_webhooks/refund_completed": {"batchItemFailures": []},  # no endpoint takes it
    "dispatch_webhooks/recovery": {"batchItemFailures": []},  # its endpoint is unknown
    "deliver_webhook/letter": {"batchItemFailures": []},
    "members/add": 401,
    "members/list": 401,
    "members/get": 401,
    "members/change": 401,
    "members/deactivate": 401,
    "members/get_organization": 401,
    "members/rename_organization": 401,
    "members/delete_organization": 401,
    "customers/erase": 401,
    "disputes/risk": 401,
    "disputes/list": 401,
    "disputes/get": 401,
    "transactions/register": 401,
    "transactions/get": 401,
    "sweep/schedule": {"due": 0, "approvals": 0, "adopted": 0, "deliveries": 0},
    "daily_report/schedule": {
        "day": "2026-11-20",
        "organizations": 1,
        "transactions": 0,
        "findings": 0,
        **dict.fromkeys(KINDS, 0),
    },
    "processors/connect": 401,
    "processors/get": 401,
    "processors/disconnect": 401,
    "integrations/connect": 401,
    "integrations/get": 401,
    "integrations/disconnect": 401,
    "slack_actions/approve": 400,  # its connection is unknown
    "health/health": 200,
    "health/openapi": 200,
    "health/unknown_path": 404,
    "processor_webhook/refund_updated": 404,  # its connection is unknown
    "execute_refund/refund_initiated": {"batchItemFailures": []},
    "approval_pages/open_link": 404,  # the sample's link is none of ours
    "approval_pages/enter_code": 403,  # its form was made for no browser
    "approval_pages/ask_to_sign_in": 200,
    "approval_pages/sign_in": 403,
    "approval_pages/sign_out": 403,
    "approval_pages/list": 303,  # to sign in
    "approval_pages/case": 303,
    "approval_pages/decide": 403,
    "notify/approval_pending": {"batchItemFailures": []},  # its approval is unknown
    "notify/webhook_disabled": {"batchItemFailures": []},  # its endpoint is unknown
    "processor_events/refund_updated": {"batchItemFailures": []},
    "publish_events/refund_initiated": {"batchItemFailures": []},
}


def name_of(sample: Path) -> str:
    return sample.relative_to(ROOT / "events").with_suffix("").as_posix()


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_a_sample_is_understood(world: World, sample: Path) -> None:
    answer = function_module(sample.parent.name).handler(json.loads(sample.read_text()), None)

    assert (answer.get("statusCode") or answer) == EXPECTED[name_of(sample)]


SERVED = (
    "members",
    "refunds",
    "policies",
    "api_keys",
    "audit",
    "customers",
    "processors",
    "transactions",
    "decisions",
    "disputes",
    "settings",
    "simulations",
    "webhook_endpoints",
    "webhook_deliveries",
    "events",
)


class Shop:
    """An organization that has one of everything that samples name."""

    def __init__(self, world: World) -> None:
        self.world = world
        charge = world.charge(payment_intent=True, customer={"name": "Ada", "email": "ada@example.com"})
        opened = world.refund(charge["id"], amount=1)
        policy = self._made("/v1/policies", {"name": "P", "rules": [{"category": "default"}]})
        world.call("POST", f"/v1/policies/{policy}/publish", {})
        span = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-20T00:00:00Z"}
        clerk = {"name": "Cara", "email": "cara@example.com", "role": "member"}
        webhooks = Webhooks(world)
        endpoint = webhooks.endpoint(NOWHERE, "refund.cancelled")
        initiated = webhooks.told(opened["id"])[0]
        webhooks.dispatch(initiated)
        self.known: dict[str, str] = {
            "ch_3QMZ0000000000000000000a": charge["id"],
            "pi_3QMZ0000000000000000000b": charge["payment_intent"],
            "ref_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": opened["id"],
            "key_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": world.call("GET", "/v1/api-keys")[1]["data"][0]["id"],
            "pol_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": policy,
            "mem_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": self._made("/v1/members", clerk),
            "rsk_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": self._made("/v1/disputes/risk", {"transactionId": charge["id"]}),
            "sim_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": self._made(f"/v1/policies/{policy}/simulate", span),
            "cus_QMZ0000000000a": world.stripe("GET", f"/v1/charges/{charge['id']}")["customer"],
            "sk_test_Example0Example0": world.sandbox.test_key,
            "https://shop.example/webhooks/refundkit": NOWHERE,
            "whe_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": endpoint["id"],
            "whd_01JD3M5YV7Z8Q2N4R6T8W0X2Y4": self._made(webhooks.of(endpoint, "/test"), {"type": "refund.completed"}),
            "evt_01JD3M5YV7Z8Q2N4R6T8W0X2Y7": initiated.id,
        }

    def _made(self, path: str, body: Any) -> str:
        status, envelope, _ = self.world.call("POST", path, body)
        assert status < 300, envelope
        return str(envelope["data"]["id"])


@pytest.fixture(scope="module")
def _opened(sandbox_server: SandboxServer) -> Iterator[tuple[Shop, Kept]]:
    with made_world(sandbox_server) as world:
        yield Shop(world), Kept.taken()


@pytest.fixture
def shop(_opened: tuple[Shop, Kept]) -> Shop:
    """The same for every test, with what it had at first and a minute of its own."""
    made, had = _opened
    had.put_back()
    made.world.clock.advance(minutes=1)
    return made


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.parent.name in SERVED], ids=name_of)
def test_a_sample_of_a_request_passes_with_a_key_that_is_known(shop: Shop, sample: Path) -> None:
    text = sample.read_text()
    for sampled, known in shop.known.items():
        text = text.replace(sampled, known)
    event = json.loads(text)
    event["headers"]["authorization"] = f"Bearer {shop.world.organization.test_key}"

    answer = function_module(sample.parent.name).handler(event, None)
    passes = (
        (409,) if name_of(sample) == "members/delete_organization" else (200, 201, 202)
    )  # a refund is under way here
    assert answer["statusCode"] in passes, answer["body"]


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each.parent.name == "approvals"], ids=name_of)
def test_a_sample_about_an_approval_passes_for_who_may_decide(world: World, sample: Path) -> None:
    people = People(world)
    waiting = people.waiting()
    if sample.stem == "give_info":
        people.decide(waiting["approvalId"], people.owner, "request-info", question="A photo?")
    body = "01JD3M5YV7Z8Q2N4R6T8W0X2Y4"
    event = json.loads(sample.read_text().replace(body, waiting["id"].partition("_")[2]))
    event["headers"]["authorization"] = f"Bearer {people.owner.key}"

    answer = function_module("approvals").handler(event, None)
    assert answer["statusCode"] == 200, answer["body"]


def test_every_function_and_every_route_has_a_sample() -> None:
    functions = {folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir()}
    requests = [json.loads(sample.read_text()) for sample in SAMPLES if "httpMethod" in sample.read_text()]
    shown = {(request["httpMethod"], request["resource"]) for request in requests}

    assert {sample.parent.name for sample in SAMPLES} == functions
    assert {route for route in routes() if "{proxy+}" not in route[1] and route[1] != "/"} <= shown
