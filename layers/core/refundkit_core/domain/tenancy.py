"""Whose data: every read and write is within one organization and one environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
