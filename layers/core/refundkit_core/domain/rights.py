"""What a key may do: scopes, their families, and what an agent has by name only, or never (decisions 22 and 23)."""

from __future__ import annotations

import re
from typing import Final

ADMIN: Final = "admin"
DECIDE: Final = "approvals:decide"
SCOPES: Final = frozenset(
    "refunds:read refunds:write policies:read policies:write returns:read returns:write credits:read credits:write "
    "approvals:read approvals:decide webhooks:read webhooks:write reports:read transactions:write members:read "
    "members:write audit:read keys:read keys:write returns:* webhooks:* members:* keys:* admin".split()
)
"""Every right that a key can have; ``family:*`` stands for all of its family, ``admin`` for everything."""

DEFAULT_SCOPES: Final = frozenset({"refunds:read", "refunds:write", "policies:read"})
"""What a new key may do where nobody says otherwise: ask, open and read refunds, and decide nothing."""

NEVER_FOR_AGENTS: Final = frozenset({"members:write", "members:*"})
"""Who belongs to an organization is for people to say."""

_AGENT: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


def is_agent_name(text: str) -> bool:
    """Whether an agent can be called so: up to 64 small letters, digits, dots and hyphens; never like a member's id."""
    return _AGENT.fullmatch(text) is not None


def covers(granted: frozenset[str], wanted: str, for_agent: bool) -> bool:
    """Whether ``granted`` includes ``wanted``. An agent decides approvals only where that right is named itself, and
    never writes members."""
    if for_agent and wanted in NEVER_FOR_AGENTS:
        return False
    if wanted in granted or f"{wanted.partition(':')[0]}:*" in granted:
        return True
    return ADMIN in granted and not (for_agent and wanted == DECIDE)
