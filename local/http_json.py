"""JSON over HTTP with the standard library, for the local tools: loopback addresses only."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """A status, the parsed body (None when it is not JSON), and the headers, names in lower case."""

    status: int
    body: Any
    headers: dict[str, str]


class Unreachable(Exception):
    """Nobody answered at the address, or the answer broke off."""


def call(
    method: str,
    url: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send a request and read its answer, whatever its status.

    Raises:
        Unreachable: there was no answer.
    """
    encoded = None if body is None else json.dumps(body).encode()
    sent = {
        "Accept": "application/json",
        **({"Content-Type": "application/json"} if encoded else {}),
        **(headers or {}),
    }
    request = urllib.request.Request(url, data=encoded, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            status, raw, received = answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            status, raw, received = refusal.code, refusal.read(), refusal.headers
    except (urllib.error.URLError, OSError) as exc:
        raise Unreachable(f"{method} {url}: {exc}") from exc
    try:
        parsed = json.loads(raw) if raw else None
    except ValueError:
        parsed = None
    return Answer(status, parsed, {name.lower(): text for name, text in received.items()})
