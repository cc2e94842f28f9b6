"""JSON over HTTP to servers of ours."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen


def post_json(url: str, body: Any, bearer: str) -> dict[str, Any]:
    """POST ``body`` and return the answer. Raises HTTPError."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {bearer}"}
    with urlopen(Request(url, json.dumps(body).encode(), headers, method="POST"), timeout=10) as answer:
        made: dict[str, Any] = json.load(answer)
        return made
