"""What gathering the facts of a request needs of the stores of orders and policies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.tenancy import Tenant


class Orders(Protocol):
    """What shops registered."""

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        """The transaction as it was registered last, read consistently."""


class InForce(Protocol):
    """A merchant's published versions: (number, in force from), and the number of one that judges without effect."""

    @property
    def policy_id(self) -> str: ...

    @property
    def versions(self) -> Sequence[tuple[int, datetime]]: ...

    @property
    def shadow(self) -> int | None: ...


class Policies(Protocol):
    """What merchants published."""

    def pointer(self, tenant: Tenant, merchant_id: str) -> InForce | None:
        """The merchant's versions, read consistently; None where none was published."""

    def version(self, tenant: Tenant, policy_id: str, number: int) -> PolicyVersion | None:
        """One version, which never changes."""
