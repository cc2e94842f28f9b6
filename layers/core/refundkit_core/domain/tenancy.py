"""Whose data: every read and write is within one organization and one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from refundkit_core.domain.errors import Denied
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.rights import covers

Environment = Literal["test", "live"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organization's test or live data; test and live never meet."""

    org_id: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the tenant, the key that was shown, its owner (``mem_…`` or an agent's name) and what it may do."""

    tenant: Tenant
    key_id: str
    owner: str
    scopes: frozenset[str]

    @property
    def is_agent(self) -> bool:
        """Whether the key belongs to an agent, a program that acts on its own, not to a member."""
        return not is_id("mem", self.owner)

    def may(self, scope: str) -> bool:
        """Whether the key has the right ``scope``."""
        return covers(self.scopes, scope, self.is_agent)

    def insist_on(self, scope: str) -> None:
        """Raises Denied where the key lacks ``scope``."""
        if not self.may(scope):
            raise Denied(f"This key lacks the scope {scope}")


class Quota(NamedTuple):
    """A key's requests: ``limit`` a minute, ``remaining`` in this one, which ends in ``reset_s`` seconds."""

    limit: int
    remaining: int
    reset_s: int


class Admitted(NamedTuple):
    """A request that may pass, and what is left of its key's minute."""

    caller: Caller
    quota: Quota
