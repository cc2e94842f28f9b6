"""Connecting Slack over the API, against the sandbox over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.slack_sandbox import App, Fault, SlackSandbox
from tests.integration.conftest import World
from tests.support.slack import served

PATH = "/v1/integrations/slack"


@pytest.fixture
def slack(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackSandbox]:
    """The sandbox, whom the world's container calls Slack."""
    sandbox = SlackSandbox(now=lambda: world.clock.now().timestamp())
    with served(sandbox) as base:
        monkeypatch.setattr(world.container, "settings", replace(world.container.settings, slack_api_base=base))
        yield sandbox


def ask(world: World, method: str, body: Any = None, key: str | None = None) -> tuple[int, dict[str, Any]]:
    return world.call(method, PATH, body, key=key or world.organization.test_key)[:2]


def asked_of(app: App) -> dict[str, str]:
    return {"botToken": app.bot_token, "signingSecret": app.signing_secret, "channel": next(iter(app.channels))}


def stored(world: World) -> str:
    return str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])


def test_an_app_is_verified_and_shown_without_its_secrets(world: World, slack: SlackSandbox) -> None:
    app = slack.add_app("Acme")

    status, envelope = ask(world, "PUT", asked_of(app))

    assert (status, slack.calls) == (200, ["auth.test"])
    assert envelope["data"] == {
        "connectionId": envelope["data"]["connectionId"],
        "environment": "test",
        "kind": "app",
        "status": "active",
        "channel": next(iter(app.channels)),
        "team": "Acme",
        "teamId": app.team_id,
        "lastFour": app.bot_token[-4:],
    }
    assert ask(world, "GET") == (200, envelope)
    shown = json.dumps(envelope) + stored(world)
    assert app.bot_token not in shown
    assert app.signing_secret not in shown


def test_a_wrong_token_is_400_and_changes_nothing(world: World, slack: SlackSandbox) -> None:
    app = slack.add_app("Acme")
    ask(world, "PUT", asked_of(app))
    before = ask(world, "GET")

    status, envelope = ask(world, "PUT", {**asked_of(app), "botToken": "xoxb-of-somebody-else"})

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert envelope["error"]["details"][0]["field"] == "botToken"
    assert ask(world, "GET") == before


@pytest.mark.parametrize("error", ["ratelimited", "service_unavailable", "internal_error"])
def test_where_slack_does_not_answer_it_is_502(world: World, slack: SlackSandbox, error: str) -> None:
    app = slack.add_app("Acme")
    slack.faults.append(Fault("auth.test", error, 3))

    status, envelope = ask(world, "PUT", asked_of(app))

    assert (status, envelope["error"]["code"]) == (502, "processor_error")
    assert ask(world, "GET")[0] == 404


def test_where_nobody_listens_it_is_502(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = replace(world.container.settings, slack_api_base="http://127.0.0.1:9/api")
    monkeypatch.setattr(world.container, "settings", nowhere)
    body = {"botToken": "xoxb-anything-at-all", "signingSecret": "0123456789abcdef", "channel": "C0REVIEW"}

    assert ask(world, "PUT", body)[0] == 502


def test_secrets_are_renewed_under_the_same_id_and_another_workspace_gets_another(
    world: World, slack: SlackSandbox
) -> None:
    app, other = slack.add_app("Acme"), slack.add_app("Other")
    first = ask(world, "PUT", asked_of(app))[1]["data"]["connectionId"]
    second = ask(world, "PUT", {**asked_of(app), "signingSecret": "f" * 32})[1]["data"]["connectionId"]
    third = ask(world, "PUT", asked_of(other))[1]["data"]["connectionId"]

    assert first == second != third
    assert world.container.slack.by_id(first) is None


def test_an_incoming_webhook_is_slacks_or_none(
    world: World, slack: SlackSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.container, "settings", replace(world.container.settings, stage="production"))
    taken, envelope = ask(world, "PUT", {"webhookUrl": "https://hooks.slack.com/services/T0/B0/abcdWXYZ"})
    refused = ask(world, "PUT", {"webhookUrl": "http://169.254.169.254/latest/meta-data"})

    assert (taken, envelope["data"]["kind"], envelope["data"]["lastFour"]) == (200, "webhook", "WXYZ")
    assert (refused[0], refused[1]["error"]["details"][0]["field"]) == (400, "webhookUrl")
    assert slack.calls == []
    assert "abcdWXYZ" not in stored(world)


def test_on_aws_the_local_stacks_own_address_is_none(
    world: World, slack: SlackSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = world.container.settings.slack_api_base.replace("/slack/api", "/inbox/slack/approvals")
    assert ask(world, "PUT", {"webhookUrl": url})[0] == 200

    monkeypatch.setattr(world.container, "settings", replace(world.container.settings, stage="production"))
    world.container.__dict__.pop("connect_slack")

    assert ask(world, "PUT", {"webhookUrl": url})[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"botToken": "xoxb-anything-at-all"},
        {"botToken": "xoxb-anything-at-all", "signingSecret": "0123456789abcdef"},
        {"channel": "C0REVIEW", "webhookUrl": "https://hooks.slack.com/services/T0/B0/x"},
        {"webhookUrl": "https://hooks.slack.com/services/T0/B0/of-the-world-outside"},
        {"botToken": "xoxp-anything-at-all", "signingSecret": "0123456789abcdef", "channel": "C0REVIEW"},
        {"botToken": "xoxb-anything-at-all", "signingSecret": "0123456789abcdef", "channel": "#reviews"},
    ],
)
def test_what_is_neither_an_app_nor_a_webhook_is_400(world: World, slack: SlackSandbox, body: Any) -> None:
    status, envelope = ask(world, "PUT", body)

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert slack.calls == []


def test_disconnected_its_secrets_are_gone_and_again_changes_nothing(world: World, slack: SlackSandbox) -> None:
    app = slack.add_app("Acme")
    connected = ask(world, "PUT", asked_of(app))[1]["data"]

    first, second = ask(world, "DELETE"), ask(world, "DELETE")

    assert first == second == ask(world, "GET") == (200, {"data": {**connected, "status": "inactive"}, "error": None})
    kept = world.container.slack.of(world.tenant)
    assert kept is not None
    assert (kept.bot_token, kept.signing_secret) == (None, None)
    commands = [entry.command for entry in world.container.trail.of(world.tenant)]
    written = sorted(command for command in commands if command.startswith("slack"))
    assert written == ["slack connect", "slack disconnect"]


def test_each_mode_and_organization_has_its_own(world: World, slack: SlackSandbox) -> None:
    app = slack.add_app("Acme")
    ask(world, "PUT", asked_of(app))
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")

    for key in (world.organization.live_key, other.test_key):
        assert ask(world, "GET", key=key)[0] == 404
        assert ask(world, "DELETE", key=key)[0] == 404


def test_who_is_no_admin_may_not(world: World, slack: SlackSandbox) -> None:
    body = {"name": "Reads", "scopes": ["approvals:read", "approvals:decide"]}
    key = world.call("POST", "/v1/api-keys", body)[1]["data"]["key"]

    assert [ask(world, method, {}, key)[0] for method in ("PUT", "GET", "DELETE")] == [403] * 3


def test_no_log_line_holds_a_secret(
    world: World, slack: SlackSandbox, logs: Callable[[], list[dict[str, Any]]]
) -> None:
    app = slack.add_app("Acme")
    logs()
    ask(world, "PUT", asked_of(app))
    ask(world, "PUT", {**asked_of(app), "botToken": "xoxb-of-somebody-else"})

    written = json.dumps(logs())
    assert app.bot_token not in written
    assert app.signing_secret not in written
    assert "xoxb" not in written
