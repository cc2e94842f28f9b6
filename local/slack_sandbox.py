"""A sandbox of Slack for the local stack: the calls of its Web API that RefundKit makes, kept in memory.

| request | does |
| --- | --- |
| `POST /slack/api/{method}` | the methods in `METHODS` |
| `POST /slack/control/apps` | installs an app in a workspace of its own: `{"name", "channel", "users"}` |
| `POST /slack/control/clear` | forgets messages and windows |
| `POST /slack/control/faults` | the next calls of a method fail: `{"method", "error", "retryAfter", "times"}` |
| `POST /slack/hooks/{channel}` | an incoming webhook: takes JSON, answers `ok` |
| `GET /slack/state` | the messages, windows and people, for the inbox |
| `POST /slack/click`, `/slack/submit`, `/slack/close` | what a person does, told to the API (`local/slack_clicks.py`) |

It is as strict as Slack about tokens, channels, users, timestamps and the limits of Block Kit
(`local/slack_block_kit.py`), because a message that Slack would refuse must not look well here.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from local.inbox import Reply
from local.slack_block_kit import faults_of_message, faults_of_modal

Json = dict[str, Any]
MAX_MESSAGES = 1_000


class Refused(Exception):
    """Slack's own name of an error."""


class Fault(NamedTuple):
    """What the next call of a method meets instead of success."""

    method: str
    error: str
    retry_after: int


@dataclass
class App:
    """An installed app: one workspace, one channel, some people."""

    app_id: str
    team_id: str
    team: str
    bot_token: str
    signing_secret: str
    bot_user: str
    channels: dict[str, str]
    users: dict[str, str]


@dataclass
class SlackSandbox:
    """The state. `now` is the time in seconds; `deliver` posts a signed body to the API, and returns its answer."""

    now: Callable[[], float] = time.time
    deliver: Callable[[bytes, dict[str, str]], tuple[int, bytes]] | None = None
    apps: list[App] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    views: list[Json] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _number: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add_app(self, name: str, channel: str = "refund-approvals", users: Mapping[str, str] | None = None) -> App:
        """Install an app; its token and signing secret are new."""
        with self._lock:
            number = self._next()
            app = App(
                app_id=f"A0{number:06d}",
                team_id=f"T0{number:06d}",
                team=name,
                bot_token=f"xoxb-local-{secrets.token_hex(12)}",
                signing_secret=secrets.token_hex(16),
                bot_user=f"U0BOT{number:03d}",
                channels={f"C0{number:06d}": channel},
                users=dict(users or {}),
            )
            self.apps.append(app)
        return app

    def app_of(self, token: str | None) -> App:
        """The app with this bot token. Raises Refused."""
        for app in self.apps:
            if token is not None and secrets.compare_digest(app.bot_token.encode(), token.encode()):
                return app
        raise Refused("not_authed" if not token else "invalid_auth")

    def next_id(self, prefix: str) -> str:
        """An id that was not given before."""
        with self._lock:
            return f"{prefix}{self._next():06d}"

    def _next(self) -> int:
        self._number += 1
        return self._number

    def state(self) -> Json:
        """Everything that the inbox shows; no token, no secret."""
        with self._lock:
            people = [
                {"id": user, "name": name, "app": app.app_id} for app in self.apps for user, name in app.users.items()
            ]
            return {"messages": list(self.messages), "views": list(self.views), "users": people}

    def reply(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Answer one request of the table above; `path` begins with `/slack`, names in `headers` are in lower case."""
        from local import slack_clicks

        parts = [part for part in path.split("/")[2:] if part]
        if method == "GET" and parts == ["state"]:
            return Reply.json(200, self.state())
        if method != "POST" or not parts:
            return Reply.json(404, {"error": "not found"})
        is_json = headers.get("content-type", "").partition(";")[0] == "application/json"
        if parts[0] != "api" and not is_json:  # a page elsewhere can send forms, and none of these
            return Reply.json(415, {"error": "send application/json"})
        try:
            sent: Json = json.loads(body or b"{}") if is_json else dict(parse_qsl(body.decode()))
        except ValueError:
            return Reply.json(400, {"ok": False, "error": "invalid_json"})
        match parts:
            case ["api", called]:
                return self._api(called, sent, headers)
            case ["hooks", channel]:
                return self._hook(channel, sent)
            case ["control", deed]:
                return self._control(deed, sent)
            case ["click" | "submit" | "close" as deed]:
                return slack_clicks.DEEDS[deed](self, sent)
        return Reply.json(404, {"error": "not found"})

    def _control(self, deed: str, sent: Json) -> Reply:
        match deed:
            case "clear":
                self.messages.clear()
                self.views.clear()
                return Reply.json(200, {"ok": True})
            case "apps":
                users: Mapping[str, str] = sent.get("users") or {}
                app = self.add_app(str(sent.get("name")), str(sent.get("channel")), users)
                return Reply.json(200, vars(app) | {"channel": next(iter(app.channels))})
            case "faults":
                fault = Fault(str(sent["method"]), str(sent["error"]), int(sent.get("retryAfter") or 1))
                self.faults += [fault] * int(sent.get("times") or 1)
                return Reply.json(200, {"ok": True})
        return Reply.json(404, {"error": "not found"})

    def _api(self, method: str, sent: Json, headers: Mapping[str, str]) -> Reply:
        with self._lock:
            self.calls.append(method)
            for fault in self.faults:
                if fault.method == method:
                    self.faults.remove(fault)
                    limited = fault.error == "ratelimited"
                    extra = (("Retry-After", str(fault.retry_after)),) if limited else ()
                    status = 429 if limited else 503 if fault.error == "service_unavailable" else 200
                    refusal = json.dumps({"ok": False, "error": fault.error}).encode()
                    return Reply(status, "application/json", refusal, extra)
            try:
                answered = self._method(method)(self, self._authorized(headers), sent)
            except Refused as exc:
                return Reply.json(200, {"ok": False, "error": str(exc)})
            return Reply.json(200, {"ok": True, **answered})

    @staticmethod
    def _method(name: str) -> Callable[[SlackSandbox, App, Json], Json]:
        if name not in METHODS:
            raise Refused("unknown_method")
        return METHODS[name]

    def _authorized(self, headers: Mapping[str, str]) -> App:
        kind, _, token = headers.get("authorization", "").partition(" ")
        return self.app_of(token if kind == "Bearer" else None)

    def _hook(self, channel: str, sent: Json) -> Reply:
        if faults := faults_of_message(sent):
            return Reply(400, "text/plain", faults[0].encode())
        with self._lock:
            self._keep(None, sent, channel, "webhook", None)
        return Reply(200, "text/html", b"ok")

    def _auth_test(self, app: App, _sent: Json) -> Json:
        found = {"url": "http://localhost/", "team": app.team, "team_id": app.team_id, "user": "refundkit"}
        return {**found, "user_id": app.bot_user, "bot_id": "B" + app.bot_user[1:], "is_enterprise_install": False}

    def _post_message(self, app: App, sent: Json) -> Json:
        channel = self._channel(app, sent)
        self._check(sent)
        thread = sent.get("thread_ts")
        if thread is not None and not any(each["ts"] == thread for each in self.messages):
            raise Refused("thread_not_found")
        direct = channel.startswith("D")
        message = self._keep(
            app, sent, channel, "direct" if direct else "channel", f"U{channel[1:]}" if direct else None
        )
        return {"channel": channel, "ts": message["ts"]}

    def _update(self, app: App, sent: Json) -> Json:
        channel = self._channel(app, sent)
        self._check(sent)
        for message in self.messages:
            if (message["channel"], message["ts"], message["app"]) == (channel, sent.get("ts"), app.app_id):
                message |= {"text": sent.get("text", ""), "blocks": sent.get("blocks") or [], "edited": True}
                return {"channel": channel, "ts": message["ts"]}
        raise Refused("message_not_found")

    def _post_ephemeral(self, app: App, sent: Json) -> Json:
        channel = self._channel(app, sent)
        if sent.get("user") not in app.users:
            raise Refused("user_not_in_channel")
        self._check(sent)
        return {"message_ts": self._keep(app, sent, channel, "ephemeral", sent["user"])["ts"]}

    def _open_conversation(self, app: App, sent: Json) -> Json:
        user = str(sent.get("users", ""))
        if user not in app.users:
            raise Refused("user_not_found")
        return {"channel": {"id": f"D{user[1:]}"}}

    def _open_view(self, _app: App, sent: Json) -> Json:
        view = sent.get("view") or {}
        if faults := faults_of_modal(view):
            raise Refused(f"invalid_arguments: {faults[0]}")
        for kept in self.views:
            if kept["trigger"] == sent.get("trigger_id") and kept["view"] is None:
                kept["view"] = view
                return {"view": {"id": kept["id"]}}
        raise Refused("invalid_trigger_id")

    def _channel(self, app: App, sent: Json) -> str:
        channel = str(sent.get("channel", ""))
        if channel in app.channels or (f"U{channel[1:]}" in app.users and channel.startswith("D")):
            return channel
        raise Refused("channel_not_found")

    @staticmethod
    def _check(sent: Json) -> None:
        if faults := faults_of_message(sent):
            raise Refused(faults[0])

    def _keep(self, app: App | None, sent: Json, channel: str, kind: str, to: str | None) -> Json:
        message = {
            "app": app.app_id if app else None,
            "team": app.team if app else None,
            "channel": channel,
            "channelName": (app.channels.get(channel) or app.users.get(to or "")) if app else channel,
            "kind": kind,
            "user": to,
            "ts": f"{int(self.now())}.{self._next():06d}",
            "thread": sent.get("thread_ts"),
            "text": str(sent.get("text") or ""),
            "blocks": sent.get("blocks") or [],
            "edited": False,
        }
        self.messages.append(message)
        del self.messages[:-MAX_MESSAGES]
        return message


METHODS: dict[str, Callable[[SlackSandbox, App, Json], Json]] = {
    "auth.test": SlackSandbox._auth_test,
    "chat.postMessage": SlackSandbox._post_message,
    "chat.update": SlackSandbox._update,
    "chat.postEphemeral": SlackSandbox._post_ephemeral,
    "conversations.open": SlackSandbox._open_conversation,
    "views.open": SlackSandbox._open_view,
}
