"""Requests and answers, free of sockets: what the server reads and writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Transport = Literal["send", "hang", "drop"]


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Answer:
    """One HTTP answer, or the lack of one: `hang` waits until the client gives up, `drop` closes at once."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    transport: Transport = "send"
    hold_s: float = 0.0
    released: Callable[[], bool] = lambda: False


def json_bytes(value: Any) -> bytes:
    """JSON for programs, on one line: indenting would cost ten times the time."""
    return json.dumps(value, ensure_ascii=False).encode()


def readable_json_bytes(value: Any) -> bytes:
    """JSON for people, indented."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode()
