"""Tell customers what became of their refund, where the shop wants that: no kind of mail is sent unless it is set.

Their address is asked of the processor when a mail is written, and kept nowhere.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.notify_ports import Mail
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.members import is_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from refundkit_core.application.fact_ports import Orders
    from refundkit_core.application.notify import Deliveries
    from refundkit_core.application.notify_ports import Letters, Mailer, News
    from refundkit_core.application.ports import ConnectionStore, OrganizationStore, Processors, RefundStore
    from refundkit_core.domain.routing import CustomerMail

LISTENER: Final = "customers-email"
RECIPIENT: Final = "customer"
_KINDS: Final[Mapping[str, CustomerMail]] = {
    "refund.completed": "completed",
    "refund.rejected": "rejected",
    "approval.info_requested": "info_requested",
}


class TellCustomers:
    """``Listener`` that writes to the customers of a shop, in the shop's name."""

    def __init__(
        self,
        refunds: RefundStore,
        connections: ConnectionStore,
        processors: Processors,
        organizations: OrganizationStore,
        orders: Orders,
        deliveries: Deliveries,
        letters: Letters,
        mailer: Mailer,
    ) -> None:
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._organizations = organizations
        self._orders = orders
        self._deliveries = deliveries
        self._letters = letters
        self._mailer = mailer

    def hear(self, news: News) -> None:
        """Write to the customer, where the news still holds and the shop wants it; see ``Listener``."""
        kind = _KINDS.get(news.heard.type)
        if kind is not None and kind in news.settings.customer_mails and _still_holds(kind, news):
            self._deliveries.each(news, LISTENER, {RECIPIENT: partial(self._write, news, kind)})

    def _write(self, news: News, kind: CustomerMail) -> None:
        address = self._address(news)
        if address is None:
            return
        name = self._organizations.name(news.tenant.org_id)
        order = self._orders.of(news.tenant, news.refund.transaction)
        question = news.approval.question if news.approval is not None else None
        facts: dict[str, Any] = {
            "organization": name,
            "is_test": news.tenant.environment == "test",
            "amount": str(news.refund.money),
            "order_id": order.order_id if order else None,
            "question": question.text if question else None,
            "action": question.action if question else None,
        }
        self._mailer.send(Mail(kind, address, name, *self._letters.write(kind, facts)))

    def _address(self, news: News) -> str | None:
        """The address that the charge was made with; None where nobody knows it, or nobody shall."""
        tenant, transaction = news.tenant, news.refund.transaction
        ledger = self._refunds.ledger(tenant, transaction)
        connection = self._connections.of(tenant, transaction.processor)
        if ledger is None or ledger.customer_erased or connection is None:
            return None
        try:
            address = self._processors.connect(connection).customer_email(transaction.charge_id)
        except NotFound:
            return None
        return address if address is not None and is_address(address) else None


def _still_holds(kind: CustomerMail, news: News) -> bool:
    if kind == "info_requested":
        return news.approval is not None and news.approval.question is not None
    return news.refund.status == kind
