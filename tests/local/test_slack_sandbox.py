"""The sandbox of Slack is as strict as Slack, shows no secret, and tells the API what people do as Slack tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from refundkit_core.adapters.slack_requests import read_click, verify_slack
from refundkit_core.application.slack_clicks import Click

from local.slack_sandbox import App, SlackSandbox

NOW = 1_795_000_000.0
VALUE = "con_00000000000000000000000001.apr_00000000000000000000000001.1"
BUTTON = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": VALUE}
BLOCKS = [{"type": "actions", "elements": [BUTTON]}]


class Told:
    """What the API was told."""

    def __init__(self) -> None:
        self.sandbox = SlackSandbox(now=lambda: NOW, deliver=self.deliver)
        self.app: App = self.sandbox.add_app("Acme", users={"U0ANNA01": "Anna"})
        self.requests: list[tuple[bytes, dict[str, str]]] = []
        self.channel = next(iter(self.app.channels))

    def deliver(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        self.requests.append((body, headers))
        return 200, b"{}"

    def api(self, method: str, sent: Any, token: str | None = None) -> dict[str, Any]:
        headers = {"content-type": "application/json", "authorization": f"Bearer {token or self.app.bot_token}"}
        answer = self.sandbox.reply("POST", f"/slack/api/{method}", json.dumps(sent).encode(), headers)
        return {"status": answer.status, "headers": dict(answer.headers), **json.loads(answer.body)}

    def did(self, deed: str, sent: Any) -> int:
        headers = {"content-type": "application/json"}
        return self.sandbox.reply("POST", f"/slack/{deed}", json.dumps(sent).encode(), headers).status


@pytest.mark.parametrize(
    "method, sent, error",
    [
        ("chat.postMessage", {"channel": "C9", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0000001"}, "no_text"),
        ("chat.postMessage", {"channel": "C0000001", "text": "x", "blocks": [{"type": "video"}]}, "invalid_blocks"),
        ("chat.postMessage", {"channel": "C0000001", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ("chat.update", {"channel": "C0000001", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("chat.postEphemeral", {"channel": "C0000001", "user": "U9", "text": "x"}, "user_not_in_channel"),
        ("conversations.open", {"users": "U9"}, "user_not_found"),
        ("views.open", {"trigger_id": "t", "view": {"type": "modal", "blocks": []}}, "invalid_arguments"),
        ("users.list", {}, "unknown_method"),
    ],
)
def test_what_slack_refuses_is_refused(method: str, sent: dict[str, Any], error: str) -> None:
    told = Told()
    assert told.channel == "C0000001"

    assert told.api(method, sent)["error"].startswith(error)


def test_a_token_that_nobody_has_is_refused() -> None:
    assert Told().api("auth.test", {}, "xoxb-other")["error"] == "invalid_auth"


def test_a_button_over_slacks_limits_is_refused() -> None:
    told = Told()
    for broken in ({"value": "x" * 2001}, {"text": {"type": "plain_text", "text": "x" * 76}}, {"style": "blue"}):
        blocks = [{"type": "actions", "elements": [{**BUTTON, **broken}]}]
        assert told.api("chat.postMessage", {"channel": told.channel, "text": "x", "blocks": blocks})["ok"] is False


def test_a_fault_fails_as_often_as_it_was_ordered() -> None:
    told = Told()
    told.did("control/faults", {"method": "auth.test", "error": "ratelimited", "retryAfter": 7, "times": 2})

    first, second, third = (told.api("auth.test", {}) for _ in range(3))

    assert (first["status"], first["headers"], second["status"]) == (429, {"Retry-After": "7"}, 429)
    assert (third["status"], third["team_id"]) == (200, told.app.team_id)


def test_a_click_is_signed_and_says_who_pressed_what() -> None:
    told = Told()
    posted = told.api("chat.postMessage", {"channel": told.channel, "text": "x", "blocks": BLOCKS})
    sent = {"channel": told.channel, "ts": posted["ts"], "action": "approve", "user": "U0ANNA01"}

    assert told.did("click", sent) == 200
    assert told.did("click", {**sent, "action": "reject"}) == 404

    ((body, headers),) = told.requests
    lower = {name.lower(): text for name, text in headers.items()}
    verify_slack(body, lower.get, told.app.signing_secret, NOW)
    read = read_click(body)
    assert isinstance(read, Click)
    assert (read.slack_user, read.team_id, read.reference.written()) == ("U0ANNA01", told.app.team_id, VALUE)


def test_nobody_is_shown_a_token_or_a_signing_secret() -> None:
    told = Told()
    shown = json.dumps(told.sandbox.state())

    assert told.app.bot_token not in shown
    assert told.app.signing_secret not in shown


@pytest.mark.parametrize("deed", ["click", "submit", "close", "control/apps", "control/faults", "control/clear"])
def test_a_form_of_a_page_elsewhere_does_nothing(deed: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}

    assert Told().sandbox.reply("POST", f"/slack/{deed}", b"a=b", headers).status == 415
