"""Whose data: every read and write is within one organization and one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from refundkit_core.domain.errors import Denied
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.rights import covers

if TYPE_CHECKING:
    from refundkit_core.domain.roles import Role

Environment = Literal["test", "live"]
ENVIRONMENTS: Final[tuple[Environment, ...]] = ("live", "test")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One organization's test or live data; test and live never meet."""

    org_id: str
    environment: Environment


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the tenant, the key that was shown, its owner (``mem_…`` or an agent's name) and what it may do.

    ``role`` is the member's; None for agents, and for keys from before there were roles, which only owners had.
    """

    tenant: Tenant
    key_id: str
    owner: str
    scopes: frozenset[str]
    role: Role | None = None

    @property
    def is_agent(self) -> bool:
        """Whether the key belongs to an agent, a program that acts on its own, not to a member."""
        return not is_id("mem", self.owner)

    @property
    def member_role(self) -> Role | None:
        """The role of the member whose key it is; None for an agent's."""
        return None if self.is_agent else self.role or "owner"

    def may(self, scope: str) -> bool:
        """Whether the key has the right ``scope``, and its owner's role allows it."""
        return covers(self.scopes, scope, self.is_agent) and self._role_allows(scope)

    def insist_on(self, scope: str) -> None:
        """Raises Denied where the key lacks ``scope``, or its owner's role does not allow it."""
        if not self.may(scope):
            if covers(self.scopes, scope, self.is_agent):
                raise Denied(f"The role {self.member_role} does not allow {scope}")
            raise Denied(f"This key lacks the scope {scope}")

    def _role_allows(self, scope: str) -> bool:
        role = self.member_role
        if role is None or role == "owner":
            return True
        from refundkit_core.domain.roles import role_may  # most keys are an owner's or an agent's

        return role_may(role, scope)


class Quota(NamedTuple):
    """A key's requests: ``limit`` a minute, ``remaining`` in this one, which ends in ``reset_s`` seconds."""

    limit: int
    remaining: int
    reset_s: int


class Admitted(NamedTuple):
    """A request that may pass, and what is left of its key's minute."""

    caller: Caller
    quota: Quota
