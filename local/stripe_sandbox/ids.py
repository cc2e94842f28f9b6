"""Identifiers and secrets in Stripe's spelling: a prefix and random letters and digits."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """Unguessable letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    """A new object id, such as `re_` and 24 characters."""
    return f"{prefix}_{random_text(24)}"


def new_account_id() -> str:
    """`acct_` and 16 characters."""
    return f"acct_{random_text(16)}"


def new_secret_key(mode: str) -> str:
    """A secret key of `test` or `live` mode."""
    return f"sk_{mode}_{random_text(24)}"


def new_request_id() -> str:
    """The value of the `Request-Id` header."""
    return f"req_{random_text(14)}"


def digits(length: int) -> str:
    """Random decimal digits, for receipt and network reference numbers."""
    return "".join(secrets.choice(string.digits) for _ in range(length))
