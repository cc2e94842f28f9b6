"""Examples of Slack for the API's description: data only."""

from __future__ import annotations

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
}
