"""Everything about one refund that helps a person to decide: ours, its ledger, and what the processor shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from refundkit_core.application.ports import (
    ConnectionStore,
    OrganizationStore,
    Processors,
    RefundStore,
    Switches,
)
from refundkit_core.domain.errors import NotFound, Upstream
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant


class RefundCase(NamedTuple):
    """``shown`` is None where the processor was not asked or did not answer; ``unasked`` says why."""

    refund: Refund
    ledger: Ledger | None
    timeline: Sequence[Event]
    paused: bool
    shown: Sequence[ProcessorRefund] | None
    unasked: str | None


class ShowRefund:
    """The use case behind ``refundkit-admin show``. Writes nothing."""

    def __init__(
        self,
        organizations: OrganizationStore,
        refunds: RefundStore,
        connections: ConnectionStore,
        processors: Processors,
        switches: Switches,
    ) -> None:
        self._organizations = organizations
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._switches = switches

    def tenant_of(self, refund_id: str, org_id: str | None) -> Tenant:
        """Whose refund it is, within one organization or among all. Raises NotFound."""
        if is_id("ref", refund_id):
            for known in [org_id] if org_id else [each.id for each in self._organizations.all()]:
                for environment in ENVIRONMENTS:
                    if self._refunds.head(Tenant(known, environment), refund_id) is not None:
                        return Tenant(known, environment)
        raise NotFound("No such refund")

    def __call__(self, tenant: Tenant, refund_id: str) -> RefundCase:
        """The case of a refund. Raises NotFound."""
        refund = self._refunds.head(tenant, refund_id)
        if refund is None:
            raise NotFound("No such refund")
        ledger = self._refunds.ledger(tenant, refund.transaction)
        timeline = self._refunds.timeline(tenant, refund_id)
        shown, unasked = self._shown(refund)
        return RefundCase(refund, ledger, timeline, self._switches.paused(tenant, refund.key_id), shown, unasked)

    def _shown(self, refund: Refund) -> tuple[Sequence[ProcessorRefund] | None, str | None]:
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        if connection is None or connection.account_id != refund.transaction.account_id:
            return None, "its processor account is not connected"
        try:
            return self._processors.connect(connection).list_refunds(refund.transaction.charge_id), None
        except (Upstream, NotFound) as exc:
            return None, exc.message
