"""Reading control requests: JSON bodies whose every field is checked, and errors that say what to do next."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from local.stripe_sandbox.http_messages import Answer, Request, readable_json_bytes


class Refusal(Exception):
    """A control request that cannot be served: an HTTP status, what is wrong, and what to do next."""

    def __init__(self, status: int, message: str, what_next: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.what_next = what_next

    def answer(self) -> Answer:
        """As JSON."""
        return Answer(self.status, readable_json_bytes({"error": {"message": self.message, "next": self.what_next}}))


class Fields:
    """The fields of a control request's JSON body. Unknown names are refused, so that typing errors show."""

    def __init__(self, body: bytes, known: Collection[str]) -> None:
        self._values = _json_object(body)
        unknown = sorted(set(self._values) - set(known))
        if unknown:
            raise Refusal(400, f"Unknown field: {unknown[0]}.", f"Known here are: {', '.join(known)}.")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def _bad(self, name: str, wanted: str) -> Refusal:
        return Refusal(400, f"{name} must be {wanted}.", f"It was {json.dumps(self._values[name])[:80]}.")

    def text(self, name: str) -> str | None:
        """A string, or None."""
        value = self._values.get(name)
        if value is not None and (not isinstance(value, str) or not value or len(value) > 5000):
            raise self._bad(name, "a string of 1 to 5000 characters")
        return value

    def required_text(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            raise Refusal(400, f"{name} is missing.", f'Send JSON such as {{"{name}": "…"}}.')
        return value

    def choice(self, name: str, allowed: Collection[str], default: str | None = None) -> str:
        """One of the allowed words."""
        value = self._values.get(name, default)
        if value is None or value not in allowed:
            raise Refusal(400, f"{name} must be one of the known words.", f"Choose from: {', '.join(allowed)}.")
        return str(value)

    def whole(self, name: str, default: int | None = None, minimum: int = 0) -> int | None:
        """A whole number of at least `minimum`."""
        value = self._values.get(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value < 2**53:
            raise self._bad(name, f"a whole number of at least {minimum}")
        return value

    def number(self, name: str, default: float) -> float:
        """A number that is not negative."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**10:
            raise self._bad(name, "a number that is not negative")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self._bad(name, "true or false")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """An object of strings."""
        value = self._values.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise self._bad(name, "an object whose values are strings")
        return dict(value)

    def raw(self, name: str) -> Any:
        """Whatever was sent."""
        return self._values.get(name)

    def moment(self, name: str) -> float:
        """Seconds since the epoch, from a number or an ISO 8601 time with an offset."""
        value = self._values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**11:
            return float(value)
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError as exc:
                raise self._bad(name, "seconds since the epoch or an ISO 8601 time") from exc
            if moment.tzinfo is not None and moment.timestamp() >= 0:
                return moment.timestamp()
        raise self._bad(name, "seconds since the epoch or an ISO 8601 time with an offset such as Z")


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise Refusal(400, "The body is not JSON.", 'Send a JSON object, such as {"advance_s": 60}.') from exc
    if not isinstance(value, dict):
        raise Refusal(400, "The body is not a JSON object.", 'Send something such as {"advance_s": 60}.')
    return value


def query_of(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query's fields; `metadata[…]` is always known."""
    try:
        pairs = dict(parse_qsl(request.query.decode("ascii", "replace"), max_num_fields=100))
    except ValueError as exc:
        raise Refusal(400, "The query has too many fields.", "Send at most 100.") from exc
    for name in pairs:
        if name not in known and not name.startswith("metadata["):
            raise Refusal(400, f"Unknown filter: {name[:80]}.", f"Known here are: {', '.join(known)}.")
    return pairs


def limit_of(query: dict[str, str], default: int = 100) -> int:
    """The `limit` of a listing, 1 to 10,000."""
    raw = query.get("limit", str(default))
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= 10_000:
        raise Refusal(400, "limit must be a whole number from 1 to 10000.", "Leave it out for 100.")
    return int(raw)
