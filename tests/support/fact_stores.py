"""What shops registered, merchants published and rules refused, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from refundkit_core.application.openings import Refusal
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import Policy, PolicyVersion
from refundkit_core.domain.tenancy import Tenant

POLICY_ID = "pol_00000000000000000000000001"


class FakeOrders:
    """``Orders``, put there by the test."""

    def __init__(self) -> None:
        self.registered: dict[TransactionRef, Order] = {}

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        return self.registered.get(transaction)


@dataclass
class FakePointer:
    """A merchant's versions."""

    policy_id: str
    versions: Sequence[tuple[int, datetime]]
    shadow: int | None = None


class FakePolicies:
    """``Policies``, published by the test; every merchant has the same."""

    def __init__(self) -> None:
        self.published: list[PolicyVersion] = []
        self.shadow: int | None = None

    def publish(self, policy: Policy, at: datetime) -> PolicyVersion:
        version = PolicyVersion(POLICY_ID, len(self.published) + 1, policy, at)
        self.published.append(version)
        return version

    def pointer(self, tenant: Tenant, merchant_id: str) -> FakePointer | None:
        if not self.published:
            return None
        dated = [(each.number, each.in_force_from) for each in self.published if each.number != self.shadow]
        return FakePointer(POLICY_ID, [(number, at) for number, at in dated if at is not None], self.shadow)

    def version(self, tenant: Tenant, policy_id: str, number: int) -> PolicyVersion | None:
        return next((each for each in self.published if each.number == number), None)


class FakeRefusals:
    """``RefusalStore``, in a list."""

    def __init__(self) -> None:
        self.kept: list[Refusal] = []

    def put(self, refusal: Refusal) -> None:
        self.kept.append(refusal)

    def find(self, tenant: Tenant, refusal_id: str) -> Refusal | None:
        return next((each for each in self.kept if (each.tenant, each.id) == (tenant, refusal_id)), None)
