"""Stripe's v1 idempotency: the first answer of a key is kept for 24 hours and replayed.

Kept is whatever the endpoint answered once it began to execute, 500s included. Refusals from before that
(bad parameters, 401, 403, 429, key in use) are not kept. Source: Stripe API reference, Idempotent requests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox import errors

KEPT_S = 24 * 3600
MAX_KEY_CHARS = 255
Slot = tuple[str, bool, str]


@dataclass
class Entry:
    """One key's story; `status` is None while its first request is still executing."""

    fingerprint: str
    started_at: float
    request_id: str
    status: int | None = None
    body: bytes = b""


class IdempotencyStore:
    """Entries by (account, live mode, key). Guarded by the sandbox's lock."""

    def __init__(self) -> None:
        self._entries: dict[Slot, Entry] = {}

    def find(self, slot: Slot, fingerprint: str, now: float) -> Entry | None:
        """The finished entry to replay, or None when the request is to be executed.

        Raises: StripeError: 400 when the key belongs to another request, 409 when it is still executing.
        """
        entry = self._entries.get(slot)
        if entry is None:
            return None
        if entry.status is not None and now - entry.started_at >= KEPT_S:
            del self._entries[slot]
            return None
        if entry.fingerprint != fingerprint:
            raise errors.key_reused(slot[2])
        if entry.status is None:
            raise errors.key_in_use(slot[2])
        return entry

    def begin(self, slot: Slot, fingerprint: str, now: float, request_id: str) -> None:
        """Mark a key as executing."""
        self._entries[slot] = Entry(fingerprint, now, request_id)

    def finish(self, slot: Slot, status: int, body: bytes) -> None:
        """Keep the answer. A reset in the meantime has forgotten the key, and it stays forgotten."""
        entry = self._entries.get(slot)
        if entry is not None:
            entry.status, entry.body = status, body

    def forget(self, account_id: str | None = None) -> None:
        """Drop the keys of one account, or all."""
        self._entries = {slot: entry for slot, entry in self._entries.items() if account_id and slot[0] != account_id}


def fingerprint_of(method: str, path: str, form: dict[str, Any]) -> str:
    """What makes two requests the same one: method, path and parameters, in any order."""
    return json.dumps([method, path, form], sort_keys=True)


def checked_key(raw: str | None) -> str | None:
    """The key of a POST.

    Raises: StripeError (400): longer than 255 characters.
    """
    if raw is not None and len(raw) > MAX_KEY_CHARS:
        raise errors.invalid(
            f"Idempotency keys can have up to {MAX_KEY_CHARS} characters; this one has {len(raw)}.",
            code="idempotency_key_too_long",
        )
    return raw or None
