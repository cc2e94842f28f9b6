"""Under which key a customer is counted and erased: an id derived from theirs, which names nobody."""

from __future__ import annotations

from refundkit_core.application.ports import OrganizationStore
from refundkit_core.domain.ids import derived
from refundkit_core.domain.tenancy import Tenant


def customer_key(organizations: OrganizationStore, tenant: Tenant, customer_id: str) -> str:
    """The derived id under which a customer is counted."""
    return derived("cst", organizations.secret(tenant.org_id), tenant.environment, "customer", customer_id)
