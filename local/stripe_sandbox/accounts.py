"""Accounts, their keys, and who may act on which."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox import errors, ids


@dataclass(frozen=True)
class Account:
    """One Stripe account. `connected_to` is the platform that may act on it with `Stripe-Account`."""

    id: str
    name: str
    test_secret_key: str
    live_secret_key: str
    created: int
    connected_to: str | None = None

    def control_view(self) -> dict[str, Any]:
        """As `/_sandbox/accounts` shows it, keys included."""
        return {
            "id": self.id, "name": self.name, "test_secret_key": self.test_secret_key,
            "live_secret_key": self.live_secret_key, "connected_to": self.connected_to,
            "created": self.created,
        }  # fmt: skip

    def api_view(self) -> dict[str, Any]:
        """As `GET /v1/account` answers."""
        return {
            "id": self.id, "object": "account", "business_profile": None, "business_type": "company",
            "charges_enabled": True, "country": "US", "created": self.created, "default_currency": "usd",
            "details_submitted": True, "email": f"owner@{self.id.lower().replace('_', '-')}.example",
            "metadata": {}, "payouts_enabled": True, "type": "standard",
        }  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Who asks: the account acted upon, the mode of the key, and the key itself."""

    account: Account
    livemode: bool
    key: str

    @property
    def mode(self) -> str:
        """`live` or `test`."""
        return "live" if self.livemode else "test"


class Accounts:
    """All accounts by id, name and key."""

    def __init__(self) -> None:
        self._by_id: dict[str, Account] = {}
        self._by_name: dict[str, Account] = {}
        self._by_key: dict[str, tuple[Account, bool]] = {}

    def all(self) -> list[Account]:
        """Every account, oldest first."""
        return list(self._by_id.values())

    def get(self, account_id: str) -> Account | None:
        """The account of an id, if there is one."""
        return self._by_id.get(account_id)

    def named(self, name: str) -> Account | None:
        """The account of a name, if there is one."""
        return self._by_name.get(name)

    def add(self, account: Account) -> Account:
        """Register an account.

        Raises: ValueError: its id or one of its keys is taken, or both keys are the same.
        """
        keys = (account.test_secret_key, account.live_secret_key)
        taken = [key for key in keys if key in self._by_key]
        if account.id in self._by_id or taken or keys[0] == keys[1]:
            raise ValueError(f"the id or a key of account {account.name!r} is in use already")
        self._by_id[account.id] = self._by_name[account.name] = account
        self._by_key[account.test_secret_key] = (account, False)
        self._by_key[account.live_secret_key] = (account, True)
        return account

    def forget_all(self) -> None:
        """Drop every account."""
        self._by_id.clear()
        self._by_name.clear()
        self._by_key.clear()

    def authenticate(self, authorization: str | None, stripe_account: str | None) -> Caller:
        """The caller behind the `Authorization` and `Stripe-Account` headers.

        Raises: StripeError: 401 without a known key, 403 for an account that is not connected.
        """
        key = key_of(authorization)
        if not key:
            raise errors.no_api_key()
        owner = self._by_key.get(key)
        if owner is None:
            raise errors.unknown_api_key(key)
        account, livemode = owner
        if stripe_account and stripe_account != account.id:
            connected = self._by_id.get(stripe_account)
            if connected is None or connected.connected_to != account.id:
                raise errors.no_access_to_account(key, stripe_account)
            account = connected
        return Caller(account, livemode, key)


def key_of(authorization: str | None) -> str | None:
    """The secret key of a Bearer token or of Basic credentials; None where there is none to read."""
    scheme, _, rest = (authorization or "").strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("utf-8").partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
    return None


def create_account(accounts: Accounts, wanted: dict[str, Any], created: int) -> Account:
    """The account of `wanted["name"]`, made on first sight; id, keys and `connected_to` may be given.

    Raises: ValueError: ids or keys that are taken, or an unknown platform.
    """
    known = accounts.named(wanted["name"])
    if known is not None:
        return known
    platform = wanted.get("connected_to")
    if platform and accounts.get(platform) is None:
        raise ValueError(f"connected_to names {platform!r}, which is no account here: create it first")
    return accounts.add(
        Account(
            id=wanted.get("id") or ids.new_account_id(),
            name=wanted["name"],
            test_secret_key=wanted.get("test_secret_key") or ids.new_secret_key("test"),
            live_secret_key=wanted.get("live_secret_key") or ids.new_secret_key("live"),
            created=created,
            connected_to=platform or None,
        )
    )
