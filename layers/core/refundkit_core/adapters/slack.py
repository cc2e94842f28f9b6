"""Slack's Web API and incoming webhooks by Slack's own library: each call once, ten seconds at most."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.slack_ports import Message, Post, SlackConnection, Workspace
from refundkit_core.domain.errors import NotDelivered, SlackRefused

if TYPE_CHECKING:
    from slack_sdk import WebClient

API_BASE: Final = "https://slack.com/api"
TIMEOUT_S: Final = 10
_OK: Final = 200
_LATER: Final = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
"""Slack's errors that say nothing about the request: it may be made again."""

_SILENT: Final = logging.getLogger("refundkit.slack")
_SILENT.disabled = True  # the library would log what we raise


class SlackWeb:
    """``SlackApi`` at ``api_base`` (empty: Slack's own)."""

    def __init__(self, api_base: str, timeout_s: int = TIMEOUT_S) -> None:
        self._base = api_base or API_BASE
        self._timeout_s = timeout_s

    def workspace(self, bot_token: str) -> Workspace:
        found = self._called(bot_token, "auth.test", {})
        try:
            return Workspace(str(found["team_id"]), str(found["team"]), str(found["user_id"]))
        except KeyError as exc:
            raise NotDelivered("Slack's answer is not as documented") from exc

    def post(self, connection: SlackConnection, channel: str, message: Message, thread: str | None = None) -> Post:
        below = {} if thread is None else {"thread_ts": thread}
        sent = {"channel": channel, **_content(message), **below, "unfurl_links": False, "unfurl_media": False}
        found = self._as(connection, "chat.postMessage", sent)
        return Post(connection.id, str(found.get("channel", channel)), str(found.get("ts", "")))

    def update(self, connection: SlackConnection, post: Post, message: Message) -> None:
        self._as(connection, "chat.update", {"channel": post.channel, "ts": post.ts, **_content(message)})

    def direct(self, connection: SlackConnection, slack_user: str, message: Message) -> None:
        opened = self._as(connection, "conversations.open", {"users": slack_user})
        try:
            channel = str(opened["channel"]["id"])
        except (KeyError, TypeError) as exc:
            raise NotDelivered("Slack's answer is not as documented") from exc
        self.post(connection, channel, message)

    def whisper(self, connection: SlackConnection, channel: str, slack_user: str, text: str) -> None:
        self._as(connection, "chat.postEphemeral", {"channel": channel, "user": slack_user, "text": text})

    def open_modal(self, connection: SlackConnection, trigger_id: str, view: Mapping[str, Any]) -> None:
        self._as(connection, "views.open", {"trigger_id": trigger_id, "view": dict(view)})

    def send(self, connection: SlackConnection, text: str) -> None:
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(
            connection.webhook_url or "", timeout=self._timeout_s, logger=_SILENT, retry_handlers=[]
        )  # fmt: skip
        answer = _answered(lambda: client.send(text=text, unfurl_links=False, unfurl_media=False))
        if answer.status_code != _OK:
            refused = 400 <= answer.status_code < 500 and answer.status_code != 429
            raise (SlackRefused if refused else NotDelivered)("The webhook did not take the message")

    def _as(self, connection: SlackConnection, method: str, sent: dict[str, Any]) -> Mapping[str, Any]:
        return self._called(connection.bot_token or "", method, sent)

    def _called(self, bot_token: str, method: str, sent: dict[str, Any]) -> Mapping[str, Any]:
        from slack_sdk.errors import SlackApiError

        client = self._client(bot_token)
        try:
            answer = _answered(lambda: client.api_call(method, json=sent))
        except SlackApiError as exc:
            code = _code_of(exc)
            if code is None or code in _LATER:
                raise NotDelivered("Slack did not take it now") from exc
            raise SlackRefused(code) from exc
        found: Mapping[str, Any] = answer.data
        return found

    def _client(self, bot_token: str) -> WebClient:
        from slack_sdk import WebClient

        return WebClient(
            bot_token, base_url=self._base, timeout=self._timeout_s, logger=_SILENT, retry_handlers=[]
        )  # fmt: skip


def _answered(call: Callable[[], Any]) -> Any:
    """What ``call`` returns. Raises NotDelivered where no answer came, or none that can be read; SlackApiError."""
    from slack_sdk.errors import SlackApiError, SlackClientError

    try:
        return call()
    except SlackApiError:
        raise
    except (SlackClientError, OSError, HTTPException, ValueError) as exc:
        raise NotDelivered("Slack did not answer") from exc


def _code_of(exc: Any) -> str | None:
    """Slack's own name for the error; None where the answer was none of Slack's, or too many requests were made."""
    response = exc.response
    if response is None or getattr(response, "status_code", _OK) != _OK or not isinstance(response.data, Mapping):
        return None
    code = response.data.get("error")
    return code if isinstance(code, str) and code else None


def _content(message: Message) -> dict[str, Any]:
    """Blocks always, so that an update takes those of before away."""
    return {"text": message.text, "blocks": list(message.blocks)}
