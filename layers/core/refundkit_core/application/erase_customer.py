"""Erase a customer: what identifies a person goes, the money's trail stays (the use case of ``/v1/customers``).

Erased are the customer's name on every charge's ledger and in its registered order, the personal metadata of every
refund of those charges, and what was derived from it. A customer is found by the processor's id and by the shop's own.
Every step can be repeated: a request that dies on its way is finished by the next one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.customer_keys import customer_key
from refundkit_core.application.order_ports import OrderStore
from refundkit_core.application.ports import AuditTrail, Clock, Erasures, Ids, OrganizationStore, RefundStore
from refundkit_core.application.records import Erasure
from refundkit_core.domain.errors import NotFound, StoreConflict
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.orders import without_customer
from refundkit_core.domain.tenancy import Tenant

MAX_TRANSACTIONS: Final = 200
"""So many charges are worked off by one request."""

_MAX_TRIES: Final = 20


class EraseCustomer:
    """The use case behind ``DELETE /v1/customers/{id}``."""

    def __init__(
        self,
        refunds: RefundStore,
        orders: OrderStore,
        erasures: Erasures,
        organizations: OrganizationStore,
        trail: AuditTrail,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._orders = orders
        self._erasures = erasures
        self._organizations = organizations
        self._trail = trail
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, customer_id: str, by: By) -> tuple[Erasure, bool]:
        """What was erased of the customer by now, and whether that is all; erasing again finds nothing new.

        Raises:
            NotFound: no charge that we know is this customer's, and none was.
            StoreConflict: a charge kept changing meanwhile; what was erased stays so.
        """
        customer = customer_key(self._organizations, tenant, customer_id)
        charges = self._refunds.charges_of_customer(tenant, customer_id, MAX_TRANSACTIONS)
        if charges:
            self._trail.put(self._auditor.entry(by, "customers erase", customer, tenant))
        for charge in dict.fromkeys(charges):  # its ledger and its order may both name the customer
            self._erase(tenant, charge, customer)
        erasure = self._erasures.of(tenant, customer)
        if erasure is None:
            raise NotFound("No such customer")
        return erasure, len(charges) < MAX_TRANSACTIONS

    def _erase(self, tenant: Tenant, charge: TransactionRef, customer: str) -> None:
        """Erase what one charge, its order and its refunds tell of its customer; the charge last, which leads to them.

        A refund that is opened and an order that is registered meanwhile change the ledger, and so send us round
        again; what comes after keeps nothing personal.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            ledger = self._refunds.ledger(tenant, charge)
            if ledger is None:
                return
            try:
                self._erase_order(ledger)
                if ledger.customer_erased:
                    return
                erased = self._erase_refunds(ledger)
                self._refunds.forget_customer(ledger, customer, erased, self._clock.now())
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return
        raise StoreConflict("A charge of the customer kept changing. Send the request again")

    def _erase_order(self, ledger: Ledger) -> None:
        order = self._orders.of(ledger.tenant, ledger.transaction)
        if order is not None and order != (nobodys := without_customer(order)):
            self._orders.put(replace(nobodys, version=order.version + 1), order.version)

    def _erase_refunds(self, ledger: Ledger) -> int:
        """How many of the charge's refunds hold nothing personal any more. The index may lag; the twins do not."""
        erased = 0
        latest = (refund_id for twins in ledger.twins.values() for refund_id in twins)
        indexed = self._refunds.refunds_of_charge(ledger.tenant, ledger.transaction.charge_id)
        for refund_id in dict.fromkeys((*indexed, *latest)):
            found = self._refunds.find(ledger.tenant, refund_id)
            if found is not None and (found[1].personal or found[1].evidence):
                self._refunds.erase_personal(ledger.tenant, refund_id, found[1].without_personal())
            if found is not None and (found[1].personal or found[1].evidence or found[1].fingerprint is None):
                erased += 1  # now, or by a request that died before the charge was done
        return erased
