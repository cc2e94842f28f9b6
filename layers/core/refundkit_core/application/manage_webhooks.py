"""Webhook endpoints: make, list, change, delete, switch on and off, give a new secret, send a sample.

Every change is audited. An address is looked at here and again before everything that is sent to it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from refundkit.webhook_signature import new_secret

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.dispatch_event import letter_of
from refundkit_core.domain.deliveries import begun_anew, delivery_id, first
from refundkit_core.domain.errors import Detail, EndpointDisabled, IdempotencyKeyReused, NotFound, StoreConflict
from refundkit_core.domain.events import API_VERSION
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.webhooks import Endpoint, Secret, changed, deleted, disabled, enabled, rotated

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock, Ids, OrganizationStore
    from refundkit_core.application.webhook_ports import DeliveryQueue, DeliveryStore, EndpointStore, Posted
    from refundkit_core.application.webhook_sender import WebhookSender
    from refundkit_core.domain.deliveries import Delivery
    from refundkit_core.domain.tenancy import Tenant
    from refundkit_core.domain.webhooks import EndpointStatus

_ROUTE: Final = "POST /v1/webhook-endpoints"
_MAX_TRIES: Final = 10

Samples = Callable[[str], Mapping[str, Any]]
"""The payload of a sample event of a type."""


@dataclass(frozen=True, slots=True)
class WantedEndpoint:
    """An endpoint to make."""

    url: str
    patterns: tuple[str, ...]
    description: str | None = None
    metadata: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    rate_limit: int | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: a hash of all that was asked for."""
        asked = [self.url, self.patterns, self.description, self.metadata, self.headers, self.rate_limit]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


class Shown(NamedTuple):
    """An endpoint as its owner sees it; ``secret`` is set once, when it was made."""

    posted: Posted
    secret: str | None = None


class ManageWebhooks:
    """The use cases behind ``/v1/webhook-endpoints``."""

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        queue: DeliveryQueue,
        sender: WebhookSender,
        organizations: OrganizationStore,
        samples: Samples,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._queue = queue
        self._sender = sender
        self._organizations = organizations
        self._samples = samples
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def create(self, tenant: Tenant, wanted: WantedEndpoint, idempotency_key: str | None, by: By) -> Shown:
        """A new endpoint, or without its secret the one that the same idempotency key made before.

        Raises:
            RefusedAddress: nothing may be sent to the URL.
            TooManyEndpoints: the tenant has as many as it may have.
            IdempotencyKeyReused: the key was used with another body.
        """
        if idempotency_key is None:
            return self._made(tenant, wanted, self._ids.new("whe"), by)
        secret = self._organizations.secret(tenant.org_id)
        endpoint_id = derived("whe", secret, tenant.environment, _ROUTE, idempotency_key)
        replay = self._replay(tenant, endpoint_id, wanted)
        if replay is not None:
            return replay
        try:
            return self._made(tenant, wanted, endpoint_id, by)
        except StoreConflict:  # a call with the same key was faster, or an answer of our own was lost
            replay = self._replay(tenant, endpoint_id, wanted)
            if replay is None:
                raise
            return replay

    def _replay(self, tenant: Tenant, endpoint_id: str, wanted: WantedEndpoint) -> Shown | None:
        found = self._endpoints.find(tenant, endpoint_id)
        if found is None:
            return None
        if found.endpoint.fingerprint != wanted.fingerprint:
            named = (Detail("Idempotency-Key", endpoint_id),)
            raise IdempotencyKeyReused("This idempotency key made another webhook endpoint", named)
        return self._shown(found)

    def _shown(self, posted: Posted) -> Shown:
        return Shown(posted._replace(endpoint=posted.endpoint.standing(self._clock.now())))

    def _made(self, tenant: Tenant, wanted: WantedEndpoint, endpoint_id: str, by: By) -> Shown:
        from refundkit_core.application.webhook_ports import Posted
        from refundkit_core.domain.webhooks import Health

        self._sender.vet(wanted.url)
        now, secret = self._clock.now(), new_secret()
        endpoint = Endpoint(
            endpoint_id,
            tenant,
            wanted.url,
            wanted.patterns,
            API_VERSION,
            (Secret(secret),),
            now,
            now,
            description=wanted.description,
            metadata=wanted.metadata or {},
            headers=wanted.headers or {},
            rate_limit=wanted.rate_limit,
            fingerprint=wanted.fingerprint,
        )
        self._endpoints.add(endpoint, self._auditor.entry(by, "webhooks create", endpoint_id, tenant))
        return Shown(Posted(endpoint, Health()), secret)

    def show(self, tenant: Tenant, endpoint_id: str) -> Shown:
        """The endpoint as it stands. Raises NotFound; a malformed id costs no read."""
        found = self._endpoints.find(tenant, endpoint_id) if is_id("whe", endpoint_id) else None
        if found is None or found.endpoint.status == "deleted":
            raise NotFound("No such webhook endpoint")
        return self._shown(found)

    def all(self, tenant: Tenant) -> Sequence[Shown]:
        """Every endpoint, newest first."""
        return [self._shown(posted) for posted in reversed(self._endpoints.all(tenant))]

    def update(self, tenant: Tenant, endpoint_id: str, what: Mapping[str, Any], by: By) -> Shown:
        """The endpoint with the fields in ``what`` replaced; nothing to change changes nothing.

        Raises NotFound; RefusedAddress where nothing may be sent to a new URL.
        """
        if "url" in what:
            self._sender.vet(what["url"])

        def step(endpoint: Endpoint) -> Endpoint:
            after = replace(endpoint, **what)
            return endpoint if after == endpoint else changed(endpoint, self._clock.now(), **what)

        return self._changed(tenant, endpoint_id, "webhooks update", step, by)

    def enable(self, tenant: Tenant, endpoint_id: str, by: By) -> Shown:
        """Send to it again, as if it had never failed. What it missed comes with ``recover``. Raises NotFound."""

        def step(endpoint: Endpoint) -> Endpoint:
            return endpoint if endpoint.is_enabled else enabled(endpoint, self._clock.now())

        return self._changed(tenant, endpoint_id, "webhooks enable", step, by)

    def disable(self, tenant: Tenant, endpoint_id: str, by: By) -> Shown:
        """Send nothing to it any more, neither what is new nor what is being retried. Raises NotFound."""

        def step(endpoint: Endpoint) -> Endpoint:
            return disabled(endpoint, "asked", self._clock.now()) if endpoint.is_enabled else endpoint

        return self._changed(tenant, endpoint_id, "webhooks disable", step, by)

    def rotate(self, tenant: Tenant, endpoint_id: str, idempotency_key: str | None, by: By) -> Shown:
        """A new secret, shown in this answer only; the one before signs beside it for 24 hours. Raises NotFound.

        The secret follows from an idempotency key: the same key again finds it in use, and shows none.
        """
        secret = new_secret() if idempotency_key is None else self._secret_of(tenant, endpoint_id, idempotency_key)
        standing = [each.text for each in self.show(tenant, endpoint_id).posted.endpoint.secrets]
        if secret in standing:
            return self.show(tenant, endpoint_id)

        def step(endpoint: Endpoint) -> Endpoint:
            if any(each.text == secret for each in endpoint.secrets):
                return endpoint
            return rotated(endpoint, secret, self._clock.now())

        shown = self._changed(tenant, endpoint_id, "webhooks rotate-secret", step, by)
        return shown._replace(secret=secret)

    def _secret_of(self, tenant: Tenant, endpoint_id: str, idempotency_key: str) -> str:
        ours = self._organizations.secret(tenant.org_id)
        named = "\0".join(("webhook secret", tenant.environment, endpoint_id, idempotency_key)).encode()
        return f"whsec_{base64.b64encode(hmac.new(ours, named, hashlib.sha256).digest()).decode()}"

    def delete(self, tenant: Tenant, endpoint_id: str, by: By) -> Shown:
        """Forget the endpoint, its secrets and headers. Deleting it again changes nothing. Raises NotFound."""
        found = self._endpoints.find(tenant, endpoint_id) if is_id("whe", endpoint_id) else None
        if found is None:
            raise NotFound("No such webhook endpoint")
        if found.endpoint.status == "deleted":
            return Shown(found)

        def step(endpoint: Endpoint) -> Endpoint:
            return deleted(endpoint, self._clock.now())

        return self._changed(tenant, endpoint_id, "webhooks delete", step, by)

    def test(self, tenant: Tenant, endpoint_id: str, event_type: str, idempotency_key: str | None) -> Delivery:
        """Send a sample of an event to this endpoint alone, whether it subscribes to its type or not; or show the
        sample that the same idempotency key had sent.

        Raises:
            NotFound: no such endpoint.
            EndpointDisabled: nothing is sent to it.
            IdempotencyKeyReused: the key had a sample of another type sent.
        """
        endpoint = self.show(tenant, endpoint_id).posted.endpoint
        insist_on_enabled(endpoint.status)
        event_id, now = self._ids.new("evt"), self._clock.now()
        if idempotency_key is not None:
            said = self._deliveries.once(
                tenant, endpoint_id, f"test {idempotency_key}", f"{event_type} {event_id}", now
            )
            first_type, _, event_id = said.partition(" ")
            if first_type != event_type:
                raise IdempotencyKeyReused("This idempotency key had a sample of another type sent")
            known = self._deliveries.find(tenant, endpoint_id, delivery_id(endpoint_id, event_id))
            if known is not None:
                return known
        sample = first(tenant, endpoint.id, event_id, event_type)
        delivery = begun_anew(replace(sample, sample=self._samples(event_type)), now)
        self._deliveries.put(None, delivery)
        self._queue.put("patient", [letter_of(delivery)])
        return delivery

    def _changed(
        self, tenant: Tenant, endpoint_id: str, command: str, step: Callable[[Endpoint], Endpoint], by: By
    ) -> Shown:
        for attempt in range(1, _MAX_TRIES + 1):
            found = self.show(tenant, endpoint_id).posted
            after = step(found.endpoint)
            if after == found.endpoint:
                return Shown(found)
            entry = self._auditor.entry(by, command, endpoint_id, tenant)
            try:
                self._endpoints.change(found.endpoint, after, entry)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return Shown(found._replace(endpoint=after))
        raise StoreConflict("The webhook endpoint kept changing")


def insist_on_enabled(status: EndpointStatus) -> None:
    """Raises EndpointDisabled."""
    if status != "enabled":
        raise EndpointDisabled("This webhook endpoint is disabled: enable it first")
