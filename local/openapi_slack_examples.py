"""Examples of Slack for the API's description: data only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Route = tuple[str, str]
SLACK: Final = "/v1/integrations/slack"

_CONNECTED: Final = {
    "connectionId": "con_01KAG2C4E6G8J0M2P4R6T8W0Y3",
    "environment": "live",
    "kind": "app",
    "status": "active",
    "channel": "C024BE7LD",
    "team": "Acme",
    "teamId": "T024BE7LE",
    "lastFour": "mple",
}

REQUESTS: Final[dict[Route, dict[str, Any]]] = {
    ("PUT", SLACK): {
        "An app of your own": {
            "botToken": "xoxb-1234567890-1234567890-ExampleExample",
            "signingSecret": "0123456789abcdef0123456789abcdef",
            "channel": "C024BE7LD",
        },
        "An incoming webhook": {"webhookUrl": "https://hooks.slack.com/services/T024BE7LE/B024BE7LF/Example"},
    },
}
ANSWERS: Final[dict[Route, Any]] = {
    ("PUT", SLACK): _CONNECTED,
    ("GET", SLACK): _CONNECTED,
    ("DELETE", SLACK): {**_CONNECTED, "status": "inactive"},
    ("POST", "/integrations/slack/actions"): {"response_action": "clear"},
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["payload"],
                "properties": {"payload": {"type": "string", "description": "Slack's JSON, as it signed it."}},
            },
            "examples": {"A click": {"value": {"payload": '{"type": "block_actions", "team": {"id": "T024BE7LE"}}'}}},
        }
    },
}
"""What Slack posts to ``/integrations/slack/actions``."""


def headers(header: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """The headers that authenticate it."""
    stamp = header(
        "X-Slack-Request-Timestamp",
        {"type": "string", "pattern": "^[0-9]{1,12}$"},
        "When Slack signed it, in Unix seconds: five minutes either way are taken.",
        "1795176000",
        required=True,
    )
    signature = header(
        "X-Slack-Signature",
        {"type": "string", "pattern": "^v0=[0-9a-f]{64}$"},
        "HMAC-SHA256 of `v0:timestamp:body` with the app's signing secret.",
        f"v0={'0' * 64}",
        required=True,
    )
    return [stamp, signature]
