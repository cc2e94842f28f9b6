"""The local inbox: where e-mails, Slack messages and webhooks of the local stack can be read.

| request | does |
| --- | --- |
| `POST /inbox/slack/{channel}` | takes an incoming webhook's JSON, answers `ok` as Slack does |
| `POST /inbox/email` | takes `{"from", "to", "subject", "text", "html"}` |
| `POST /inbox/webhooks/{name}` | takes a webhook; says whether its signature is right |
| `PUT /inbox/webhooks/{name}` | takes `{"secret"}`, which signatures of that name are checked with |
| `GET /inbox/messages?to=…&channel=…` | the messages as JSON, oldest first |
| `GET /inbox/messages/{id}/html` | a message's HTML, for the sandboxed frame of the page |
| `DELETE /inbox/messages` | forgets them |
| `GET /inbox` | a page |

E-mails that the functions send through SES land in the emulator and are shown here too. The page shows the sandbox of
Slack as well (`local/slack_sandbox.py`), where buttons can be pressed.
"""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from refundkit.webhook_signature import InvalidSignature, verify

PAGE = Path(__file__).parent / "pages" / "inbox.html"
MAX_MESSAGES = 1_000
VERIFIED = "signature verified"
Message = dict[str, Any]


class Reply(NamedTuple):
    """An HTTP answer: status, content type, body, and further headers."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, status: int, value: Any) -> Reply:
        """A JSON answer."""
        return cls(status, "application/json", json.dumps(value, ensure_ascii=False).encode())


class BadMessage(ValueError):
    """What was posted is not a message."""


class Inbox:
    """Messages in memory, the latest `MAX_MESSAGES`; safe to use from several threads."""

    def __init__(self, sent_by_ses: Callable[[], list[Message]] = list) -> None:
        """`sent_by_ses` lists the e-mails that the emulator's SES took, in this module's form."""
        self._messages: list[Message] = []
        self._next = 1
        self._lock = threading.Lock()
        self._sent_by_ses = sent_by_ses
        self._secrets: dict[str, str] = {}

    def add_email(self, email: Message) -> str:
        """Keep an e-mail; return its id. Raises BadMessage without an addressee."""
        to = email.get("to")
        addressees = [to] if isinstance(to, str) else to
        if not isinstance(addressees, list) or not addressees or not all(isinstance(each, str) for each in addressees):
            raise BadMessage('an e-mail needs "to": an address or a list of them')
        return self._add(
            {
                "kind": "email",
                "from": str(email.get("from") or ""),
                "to": addressees,
                "channel": None,
                "subject": str(email.get("subject") or ""),
                "text": str(email.get("text") or ""),
                "html": str(email.get("html") or ""),
            }
        )

    def add_slack(self, channel: str, payload: Message) -> str:
        """Keep a Slack message; return its id. The payload stays as it came, under `payload`."""
        if not (payload.get("text") or payload.get("blocks") or payload.get("attachments")):
            raise BadMessage("no_text")
        text = str(payload.get("text") or "")
        return self._add(
            {
                "kind": "slack",
                "from": str(payload.get("username") or "RefundKit"),
                "to": [],
                "channel": channel,
                "subject": text.splitlines()[0] if text else "(blocks)",
                "text": text,
                "html": "",
                "payload": payload,
            }
        )

    def add_webhook(self, name: str, headers: Mapping[str, str], body: bytes) -> str:
        """Keep a webhook, and whether it is signed as it should be; return its id. ``headers`` in small letters."""
        judged = self._judged(name, headers, body)
        try:
            event = json.loads(body)
            kind = str(event["type"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BadMessage("invalid_payload") from exc
        shown = {each: text for each, text in headers.items() if each.startswith(("webhook-", "x-refundkit-"))}
        sample = " (sample)" if "x-refundkit-sample" in headers else ""
        return self._add(
            {
                "kind": "webhook",
                "from": "RefundKit",
                "to": [],
                "channel": name,
                "subject": kind + sample,
                "where": f"webhook to {name}, {judged}",
                "text": "\n".join(f"{each}: {text}" for each, text in sorted(shown.items())),
                "html": "",
                "payload": event,
                "verified": judged == VERIFIED,
            }
        )

    def _judged(self, name: str, headers: Mapping[str, str], body: bytes) -> str:
        secret = self._secrets.get(name)
        if secret is None:
            return "signature not checked: its secret is not known here"
        try:
            verify(body, headers, secret)
        except InvalidSignature as wrong:
            return f"signature refused ({wrong.reason})"
        return VERIFIED

    def _add(self, message: Message) -> str:
        with self._lock:
            message_id = f"msg_{self._next}"
            self._next += 1
            self._messages.append({"id": message_id, "receivedAt": datetime.now(UTC).isoformat(), **message})
            del self._messages[:-MAX_MESSAGES]
        return message_id

    def messages(self, to: str | None = None, channel: str | None = None) -> list[Message]:
        """The messages, oldest first, of one addressee or one channel where asked."""
        with self._lock:
            known = list(self._messages)
        everything = sorted(known + self._sent_by_ses(), key=lambda each: str(each["receivedAt"]))
        return [
            each
            for each in everything
            if (to is None or to.lower() in (address.lower() for address in each["to"]))
            and (channel is None or each["channel"] == channel)
        ]

    def clear(self) -> None:
        """Forget the messages that were posted here."""
        with self._lock:
            self._messages.clear()

    def reply(self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Answer one request of the table above; `path` begins with `/inbox`, `headers` are in small letters."""
        parts = [unquote(part) for part in path.split("/")[2:] if part]
        try:
            if parts[:1] == ["webhooks"] and len(parts) == 2 and method in ("POST", "PUT"):
                return self._webhook(method, parts[1], body, headers)
            if method == "POST":
                return self._post(parts, body)
        except BadMessage as exc:
            return Reply.json(400, {"error": str(exc)})
        if method == "DELETE" and parts in ([], ["messages"]):
            self.clear()
            return Reply.json(200, {"deleted": True})
        if method != "GET":
            return Reply.json(405, {"error": "method not allowed"})
        if not parts:
            return Reply(200, "text/html; charset=utf-8", PAGE.read_bytes())
        if parts == ["messages"]:
            asked = parse_qs(query)
            return Reply.json(200, self.messages(asked.get("to", [None])[0], asked.get("channel", [None])[0]))
        if len(parts) == 3 and parts[0] == "messages" and parts[2] == "html":
            return self._body_of(parts[1])
        return Reply.json(404, {"error": "not found"})

    def _post(self, parts: list[str], body: bytes) -> Reply:
        try:
            payload = json.loads(body)
        except ValueError as exc:
            raise BadMessage("invalid_payload") from exc
        if not isinstance(payload, dict):
            raise BadMessage("invalid_payload")
        if parts == ["email"]:
            return Reply.json(200, {"id": self.add_email(payload)})
        if len(parts) == 2 and parts[0] == "slack":
            self.add_slack(parts[1], payload)
            return Reply(200, "text/html", b"ok")
        return Reply.json(404, {"error": "not found"})

    def _webhook(self, method: str, name: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        if method == "POST":
            return Reply.json(200, {"id": self.add_webhook(name, headers, body)})
        try:
            self._secrets[name] = str(json.loads(body)["secret"])
        except (ValueError, KeyError, TypeError) as exc:
            raise BadMessage("invalid_payload") from exc
        return Reply.json(200, {"name": name})

    def _body_of(self, message_id: str) -> Reply:
        """A message's HTML, or its text made safe. The page shows it in a frame without any rights."""
        for each in self.messages():
            if each["id"] == message_id:
                text = f"<pre style='white-space:pre-wrap'>{html.escape(each['text'])}</pre>"
                shown = f'<base target="_blank">{each["html"] or text}'  # its links open elsewhere, not in the frame
                return Reply(200, "text/html; charset=utf-8", str(shown).encode())
        return Reply.json(404, {"error": "not found"})


def from_ses(answer: Any) -> list[Message]:
    """The emulator's list of sent e-mails, in this module's form; empty when it is not as expected."""
    found: list[Message] = []
    accounts = answer.get("messages", {}) if isinstance(answer, dict) else {}
    for account in accounts.values():
        for each in account:
            stamp = each.get("Timestamp")
            received = datetime.fromtimestamp(stamp, UTC).isoformat() if isinstance(stamp, int | float) else str(stamp)
            found.append(
                {
                    "id": f"ses_{each.get('MessageId')}",
                    "receivedAt": received,
                    "kind": "email",
                    "from": each.get("Source") or "",
                    "to": [*each.get("To", []), *each.get("CC", []), *each.get("BCC", [])],
                    "channel": None,
                    "subject": each.get("Subject") or "",
                    "text": each.get("BodyText") or "",
                    "html": each.get("BodyHtml") or "",
                }
            )
    return found
