"""Tell an organization's owners that a webhook endpoint of theirs was disabled, why, and what to do about it.

They are told while it is disabled for that reason, each once: who enabled it meanwhile knows already.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from refundkit_core.application.notify import Told
from refundkit_core.application.notify_ports import Mail, Subject
from refundkit_core.domain.errors import NotDelivered

if TYPE_CHECKING:
    from datetime import datetime

    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.notify import Deliveries
    from refundkit_core.application.notify_ports import Letters, Mailer
    from refundkit_core.application.ports import OrganizationStore
    from refundkit_core.application.webhook_ports import EndpointStore
    from refundkit_core.domain.members import Member
    from refundkit_core.domain.tenancy import Tenant
    from refundkit_core.domain.webhooks import DisabledBecause, Endpoint

LISTENER: Final = "owners-email"


class Disabling(NamedTuple):
    """The event of an endpoint's being disabled, as the bus tells it."""

    event_id: str
    tenant: Tenant
    endpoint_id: str
    reason: DisabledBecause
    failing_since: datetime | None = None


class TellOwners:
    """The use case behind ``webhook.disabled`` in the notifications' queue."""

    def __init__(
        self,
        endpoints: EndpointStore,
        members: MemberStore,
        organizations: OrganizationStore,
        deliveries: Deliveries,
        letters: Letters,
        mailer: Mailer,
    ) -> None:
        self._endpoints = endpoints
        self._members = members
        self._organizations = organizations
        self._deliveries = deliveries
        self._letters = letters
        self._mailer = mailer

    def __call__(self, heard: Disabling) -> Told:
        """Write to every active owner who was not written to before; ``unknown`` where there is no such endpoint."""
        endpoint = self._endpoints.outline(heard.tenant, heard.endpoint_id)
        if endpoint is None:
            return Told("unknown")
        if endpoint.status != "disabled" or endpoint.disabled_because != heard.reason:
            return Told("told")
        facts = self._facts(heard, endpoint)
        owners = [each for each in self._members.all(heard.tenant.org_id) if each.active and each.role == "owner"]
        letters = {owner.id: partial(self._write, owner, facts) for owner in owners}
        try:
            self._deliveries.each_of(Subject(heard.tenant, endpoint.id), heard.event_id, LISTENER, letters)
        except NotDelivered as exc:
            return Told("failed", [exc])
        return Told("told")

    def _facts(self, heard: Disabling, endpoint: Endpoint) -> dict[str, Any]:
        """What the letter says. Of the URL its host alone: its path and query may hold what is secret."""
        return {
            "organization": self._organizations.name(heard.tenant.org_id),
            "is_test": heard.tenant.environment == "test",
            "endpoint_id": endpoint.id,
            "description": endpoint.description,
            "host": urlsplit(endpoint.url).hostname,
            "reason": heard.reason,
            "failing_since": heard.failing_since,
        }

    def _write(self, owner: Member, facts: dict[str, Any]) -> None:
        written = self._letters.write("webhook_disabled", {**facts, "name": owner.name})
        self._mailer.send(Mail("webhook_disabled", owner.email, facts["organization"], *written))
