"""What a role may do: the table of rights (document 002 "Dashboard Authentication", decisions 19 and 23).

A member's key does what its scopes grant *and* its owner's role allows. Agents have no role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from refundkit_core.domain.rights import DECIDE, SCOPES

Role = Literal["owner", "admin", "approver", "member"]

ROLES: Final[tuple[Role, ...]] = ("owner", "admin", "approver", "member")
"""From the one that may do everything down."""

_READING: Final = frozenset(scope for scope in SCOPES if scope.endswith(":read"))

RIGHTS: Final[Mapping[Role, frozenset[str]]] = {
    "owner": SCOPES,
    "admin": SCOPES - {"members:write", "members:*"},
    "approver": _READING | {DECIDE},
    "member": _READING,
}
"""The scopes that a role allows; ``admin`` among them allows the routes that ask for it, not what is missing here.
Owners alone manage members, and delete the organization."""


def role_may(role: Role, scope: str) -> bool:
    """Whether ``role`` allows ``scope``."""
    return scope in RIGHTS[role]


def may_decide(role: Role) -> bool:
    """Whether who has ``role`` may decide approvals."""
    return DECIDE in RIGHTS[role]


def is_above(role: Role, other: Role) -> bool:
    """Whether ``role`` may do more than ``other``."""
    return ROLES.index(role) < ROLES.index(other)
