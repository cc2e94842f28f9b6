"""API keys on the wire: what is asked for a new one, and what is shown of one."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from refundkit.contracts.base import Time, TimeInput, Wire

MAX_LIMIT_PER_MINUTE: Final = 100

Scope = Literal[
    "admin",
    "approvals:decide",
    "approvals:read",
    "audit:read",
    "credits:read",
    "credits:write",
    "keys:*",
    "keys:read",
    "keys:write",
    "members:*",
    "members:read",
    "members:write",
    "policies:read",
    "policies:write",
    "refunds:read",
    "refunds:write",
    "reports:read",
    "returns:*",
    "returns:read",
    "returns:write",
    "transactions:write",
    "webhooks:*",
    "webhooks:read",
    "webhooks:write",
]


_NAMED_BY_TYPE: Final[dict[str, Any]] = {
    "oneOf": [
        {"properties": {"type": {"const": "member"}, "id": {"pattern": "^mem_"}}},
        {"properties": {"type": {"const": "agent"}, "id": {"pattern": "^[a-z0-9.-]+$"}}},
    ]
}


class KeyOwner(Wire):
    """Whose key it is: ``id`` is a member's id (``mem_…``), or the name of an agent."""

    model_config = ConfigDict(json_schema_extra=_NAMED_BY_TYPE)

    type: Literal["member", "agent"]
    id: Annotated[str, Field(pattern=r"^(mem_[0-9A-HJKMNP-TV-Z]{26}|[a-z0-9][a-z0-9.-]{0,63})$")]
    """An agent's name is up to 64 small letters, digits, dots and hyphens."""

    @field_validator("id")
    @classmethod
    def _is_of_its_type(cls, value: str, info: ValidationInfo) -> str:
        if (info.data.get("type") == "member") != value.startswith("mem_"):
            raise ValueError("A member is named by mem_…, an agent by its name")
        return value


class CreateApiKeyRequest(Wire):
    """A new API key, for the environment of the key that asks."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    """What people call it."""
    owner: KeyOwner | None = None
    """Who answers for what it does; the owner of the asking key where omitted."""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=30)] | None = None
    """What it may do: refunds:read, refunds:write, policies:read where omitted; nothing that the asking key may not."""
    expires_at: TimeInput | None = None
    """From when on it is refused; never where omitted."""
    limit_per_minute: Annotated[int, Field(ge=1, le=MAX_LIMIT_PER_MINUTE)] = MAX_LIMIT_PER_MINUTE
    """Requests that it may make in a minute; more than 100 only operators can give."""


class ApiKeyView(Wire):
    """A key as it stands, without the key itself."""

    id: str
    name: str
    prefix: str
    """Its first 16 characters, to tell it from others."""
    environment: Literal["test", "live"]
    owner: KeyOwner
    scopes: list[Scope]
    limit_per_minute: int
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None
    revoked_at: Time | None


class CreatedApiKeyView(ApiKeyView):
    """A new key."""

    key: str | None
    """The key itself: shown here and never again; null where the request was a repetition."""
