"""API keys between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts.api_keys import ApiKeyView, CreateApiKeyRequest, CreatedApiKeyView, KeyOwner

from refundkit_core.application.manage_keys import MadeKey, WantedKey
from refundkit_core.application.records import ApiKeyRecord
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.rights import DEFAULT_SCOPES
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call
from refundkit_core.entrypoints.requests import moment


def wanted_key_from(call: Call) -> WantedKey:
    """The key in a ``POST /v1/api-keys``."""
    body: CreateApiKeyRequest = call.body
    return WantedKey(
        name=body.name,
        owner=body.owner.id if body.owner else None,
        scopes=frozenset(body.scopes) if body.scopes else DEFAULT_SCOPES,
        expires_at=moment(body.expires_at),
        limit_per_minute=body.limit_per_minute,
    )


def key_view(record: ApiKeyRecord) -> ApiKeyView:
    """A key as the wire shows it."""
    return ApiKeyView(**_shown(record))


def created_key_view(made: MadeKey) -> CreatedApiKeyView:
    """A new key as the wire shows it."""
    return CreatedApiKeyView(**_shown(made.record), key=made.key)


def _shown(record: ApiKeyRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.name,
        "prefix": record.prefix,
        "environment": record.tenant.environment,
        "owner": KeyOwner(type="member" if is_id("mem", record.owner) else "agent", id=record.owner),
        "scopes": sorted(record.scopes),
        "limit_per_minute": record.limit_per_minute,
        "created_at": iso(record.created_at),
        "expires_at": iso(record.expires_at) if record.expires_at else None,
        "last_used_at": iso(record.last_used_at) if record.last_used_at else None,
        "revoked_at": iso(record.revoked_at) if record.revoked_at else None,
    }
