"""Slack for tests: stores in memory, a Slack in memory, and the sandbox as an HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.notify_ports import Subject
from refundkit_core.application.slack_ports import Message, Post, SlackConnection, SlackStatus, Workspace
from refundkit_core.domain.errors import NotDelivered, StoreConflict
from refundkit_core.domain.tenancy import Tenant

from local.slack_sandbox import SlackSandbox
from tests.support.builders import TENANT

CLAIMED_FOR = timedelta(seconds=60)
WORKSPACE = Workspace("T0TEAM", "Acme", "U0BOT")


def connection(**changes: Any) -> SlackConnection:
    """An app in the channel C0REVIEW."""
    fields: dict[str, Any] = {
        "id": "con_00000000000000000000000001",
        "tenant": TENANT,
        "kind": "app",
        "status": "active",
        "last_four": "oken",
        "channel": "C0REVIEW",
        "workspace": WORKSPACE,
        "bot_token": "xoxb-a-token",
        "signing_secret": "a-signing-secret",
        **changes,
    }
    return SlackConnection(**fields)


def webhook(**changes: Any) -> SlackConnection:
    """An incoming webhook."""
    nothing = dict.fromkeys(("channel", "workspace", "bot_token", "signing_secret"))
    return connection(
        kind="webhook", webhook_url="https://hooks.slack.com/services/T0/B0/xxxx", **{**nothing, **changes}
    )


class MemorySlackStore:
    """``SlackStore`` in a dictionary."""

    def __init__(self, *connections: SlackConnection) -> None:
        self.connections = {each.tenant: each for each in connections}
        self.entries: list[AuditEntry] = []

    def of(self, tenant: Tenant) -> SlackConnection | None:
        return self.connections.get(tenant)

    def by_id(self, connection_id: str) -> SlackConnection | None:
        return next((each for each in self.connections.values() if each.id == connection_id), None)

    def put(self, connection: SlackConnection, at: datetime, audit: AuditEntry) -> None:
        standing = self.connections.get(connection.tenant)
        if connection.version != (standing.version if standing else 0) + 1:
            raise StoreConflict("another connection")
        self.connections[connection.tenant] = connection
        self.entries.append(audit)

    def mark(self, connection: SlackConnection, status: SlackStatus, at: datetime) -> None:
        standing = self.connections[connection.tenant]
        if standing.version == connection.version:
            self.connections[connection.tenant] = replace(standing, status=status)


class MemorySlackPosts:
    """``SlackPosts`` in dictionaries."""

    def __init__(self) -> None:
        self.posts: dict[Subject, Post] = {}
        self.claims: dict[Subject, datetime] = {}

    def find(self, subject: Subject, now: datetime) -> Post | None:
        if subject not in self.posts and subject in self.claims and self.claims[subject] > now:
            raise StoreConflict("about to be posted")
        return self.posts.get(subject)

    def claim(self, subject: Subject, now: datetime) -> None:
        if subject in self.posts or (subject in self.claims and self.claims[subject] > now):
            raise StoreConflict("another worker")
        self.claims[subject] = now + CLAIMED_FOR

    def keep(self, subject: Subject, post: Post) -> None:
        if subject in self.posts or subject not in self.claims:
            raise StoreConflict("not claimed")
        self.posts[subject] = post


class FakeSlack:
    """``SlackApi`` that keeps what it is given; ``failures`` are raised one a call, by the call's name."""

    def __init__(self) -> None:
        self.posts: dict[str, tuple[str, str | None, Message]] = {}
        self.updates: list[tuple[Post, Message]] = []
        self.directs: list[tuple[str, Message]] = []
        self.whispers: list[tuple[str, str, str]] = []
        self.modals: list[tuple[str, Mapping[str, Any]]] = []
        self.lines: list[str] = []
        self.failures: dict[str, list[NotDelivered]] = {}
        self.after_post: Callable[[], object] = lambda: None

    def _met(self, call: str) -> None:
        if self.failures.get(call):
            raise self.failures[call].pop(0)

    def workspace(self, bot_token: str) -> Workspace:
        self._met("workspace")
        return WORKSPACE

    def post(self, connection: SlackConnection, channel: str, message: Message, thread: str | None = None) -> Post:
        self._met("post")
        ts = f"1.{len(self.posts) + 1:06d}"
        self.posts[ts] = (channel, thread, message)
        self.after_post()
        return Post(connection.id, channel, ts)

    def update(self, connection: SlackConnection, post: Post, message: Message) -> None:
        self._met("update")
        self.updates.append((post, message))

    def direct(self, connection: SlackConnection, slack_user: str, message: Message) -> None:
        self._met("direct")
        self.directs.append((slack_user, message))

    def whisper(self, connection: SlackConnection, channel: str, slack_user: str, text: str) -> None:
        self._met("whisper")
        self.whispers.append((channel, slack_user, text))

    def open_modal(self, connection: SlackConnection, trigger_id: str, view: Mapping[str, Any]) -> None:
        self._met("open_modal")
        self.modals.append((trigger_id, view))

    def send(self, connection: SlackConnection, text: str) -> None:
        self._met("send")
        self.lines.append(text)

    @property
    def in_channel(self) -> list[Message]:
        """The messages that are not below another."""
        return [message for _, thread, message in self.posts.values() if thread is None]

    @property
    def in_threads(self) -> list[str]:
        """The texts below messages."""
        return [message.text for _, thread, message in self.posts.values() if thread is not None]


@contextmanager
def served(sandbox: SlackSandbox) -> Iterator[str]:
    """The sandbox on a free port of this machine; its address, for ``REFUNDKIT_SLACK_API_BASE``."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): text for name, text in self.headers.items()}
            reply = sandbox.reply("POST", self.path, body, headers)
            self.send_response(reply.status)
            for name, text in (("Content-Type", reply.content_type), *reply.headers):
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/slack/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
