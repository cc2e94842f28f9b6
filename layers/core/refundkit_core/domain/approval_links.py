"""Links to approvals: one person's way to one question, sealed with the organization's secret (decision 21).

Nothing is stored. A link names the question by ids and a hash of its amount, and nobody but us can make one. It opens
a page that shows nothing before its reader is identified, so that whoever follows links by machine learns nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.routing import ApprovalSettings
from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant
from refundkit_core.domain.times import from_unix

LASTS: Final = timedelta(hours=24)
MAX_LENGTH: Final = 400
_SEAL_BYTES: Final = hashlib.sha256().digest_size
_FIELDS: Final = 7


class Link(NamedTuple):
    """What a link says: which question (``revision`` and hash of the amount), to whom, until when."""

    tenant: Tenant
    approval_id: str
    revision: int
    amount_hash: str
    member_id: str
    expires_at: datetime

    def is_about(self, approval: Approval, secret: bytes) -> bool:
        """Whether ``approval`` still asks what the link asked: the same revision and the same amount."""
        same_amount = hmac.compare_digest(self.amount_hash, amount_hash_of(approval, secret))
        return (self.approval_id, self.revision) == (approval.id, approval.revision) and same_amount


def key_for(purpose: str, secret: bytes) -> bytes:
    """A key of its own for one purpose, made of the organization's secret: what is sealed for one is void elsewhere."""
    return hmac.new(secret, f"approvals/{purpose}".encode(), hashlib.sha256).digest()


def amount_hash_of(approval: Approval, secret: bytes) -> str:
    """A hash that changes with the amount, and that nobody can guess the amount from."""
    said = f"{approval.id}#{approval.currency}#{approval.amount_minor}"
    return hmac.new(key_for("amount", secret), said.encode(), hashlib.sha256).hexdigest()[:16]


def deadline_of(approval: Approval, settings: ApprovalSettings) -> datetime:
    """When the time of an approval's level ends, or that of the question that it waits for."""
    if approval.question is not None:
        return approval.question.until
    return approval.at_level_since + timedelta(seconds=settings.level(approval.level).deadline_s)


def expiry_of(approval: Approval, settings: ApprovalSettings, now: datetime) -> datetime:
    """Until when a link made ``now`` holds: a day, and not beyond the time that its level has."""
    return min(now + LASTS, deadline_of(approval, settings)).replace(microsecond=0)


def link_to(approval: Approval, member_id: str, expires_at: datetime, secret: bytes) -> Link:
    """The link of one member to ``approval`` as it stands."""
    amount = amount_hash_of(approval, secret)
    return Link(approval.tenant, approval.id, approval.revision, amount, member_id, expires_at)


def sealed(link: Link, secret: bytes) -> str:
    """The link's token: letters, digits, hyphens and underscores."""
    tenant = link.tenant
    said = [
        tenant.org_id, tenant.environment, link.approval_id, link.revision, link.amount_hash, link.member_id,
        int(link.expires_at.timestamp()),
    ]  # fmt: skip
    text = json.dumps(said, separators=(",", ":")).encode()
    return _encoded(_seal(text, secret) + text)


def organization_of(token: str) -> str:
    """Whose secret opens the token, as it claims. Raises NotFound where it is no token at all."""
    return _claimed(_text_of(token)).tenant.org_id


def opened(token: str, secret: bytes) -> Link:
    """What :func:`sealed` put into ``token``, expired or not. Raises NotFound for any other."""
    text = _text_of(token)
    if not hmac.compare_digest(_content(token)[:_SEAL_BYTES], _seal(text, secret)):
        raise _unknown()
    return _claimed(text)


def _claimed(text: bytes) -> Link:
    try:
        said = json.loads(text)
        org_id, environment, approval_id, revision, amount_hash, member_id, expires = said
        link = Link(
            Tenant(org_id, environment), approval_id, revision, amount_hash, member_id, from_unix(expires)
        )  # fmt: skip
        known = is_id("org", org_id) and is_id("apr", approval_id) and is_id("mem", member_id)
    except (ValueError, TypeError, AttributeError, OverflowError) as exc:
        raise _unknown() from exc
    if not known or environment not in ENVIRONMENTS or len(said) != _FIELDS:
        raise _unknown()
    return link


def _text_of(token: str) -> bytes:
    return _content(token)[_SEAL_BYTES:]


def _content(token: str) -> bytes:
    """The token's bytes. A token that spells the same bytes otherwise is none of ours."""
    if len(token) > MAX_LENGTH or not token.isascii():
        raise _unknown()
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _unknown() from exc
    if _encoded(content) != token:
        raise _unknown()
    return content


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _seal(text: bytes, secret: bytes) -> bytes:
    return hmac.new(key_for("links", secret), text, hashlib.sha256).digest()


def _unknown() -> NotFound:
    return NotFound("There is nothing here: the link is incomplete, or was never one of ours")
