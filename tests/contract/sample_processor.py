"""A custom processor, as somebody outside would write one: a whole ``PaymentProcessor`` over an API of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from refundkit_core.adapters.processors.registry import ProcessorKind
from refundkit_core.application.ports import ProcessorSetup
from refundkit_core.application.records import Connection, ProcessorAccount, WebhookEndpoint
from refundkit_core.domain.errors import NotFound, ProcessorDeclined
from refundkit_core.domain.processor import ChargeSnapshot, ProcessorRefund, RefundOrder

from tests.support.clock import START


@dataclass
class Till:
    """The sample's "API": payments and refunds in memory, refunds kept by the key that asked for them."""

    payments: dict[str, ChargeSnapshot] = field(default_factory=dict)
    refunds: dict[str, ProcessorRefund] = field(default_factory=dict)

    def sell(self, amount_minor: int) -> str:
        """Take a payment of ``amount_minor`` usd."""
        payment_id = f"till_{len(self.payments) + 1}"
        self.payments[payment_id] = ChargeSnapshot(payment_id, "usd", amount_minor, 0, 0, "none", START, None)
        return payment_id

    def held(self, payment_id: str) -> int:
        mine = [refund for refund in self.refunds.values() if refund.charge_id == payment_id and refund.holds_money]
        return sum(refund.amount_minor for refund in mine)


class TillProcessor:
    """``PaymentProcessor`` over a till."""

    name = "till"

    def __init__(self, till: Till) -> None:
        self._till = till

    def owns(self, transaction_id: str) -> bool:
        return transaction_id.startswith("till_")

    def is_charge(self, transaction_id: str) -> bool:
        return self.owns(transaction_id)

    def look_up(self, transaction_id: str) -> ChargeSnapshot:
        if transaction_id not in self._till.payments:
            raise NotFound("No such transaction")
        return replace(self._till.payments[transaction_id], refunded_minor=self._till.held(transaction_id))

    def customer_email(self, charge_id: str) -> str | None:
        self.look_up(charge_id)
        return None

    def refund(self, order: RefundOrder) -> ProcessorRefund:
        if order.processor_key in self._till.refunds:
            return self._till.refunds[order.processor_key]
        left = self.look_up(order.charge_id).captured_minor - self._till.held(order.charge_id)
        if order.amount_minor > left:
            raise ProcessorDeclined("amount_exceeds_refundable", "The till does not hold that much")
        made = ProcessorRefund(
            external_id=f"out_{len(self._till.refunds) + 1}",
            charge_id=order.charge_id,
            amount_minor=order.amount_minor,
            currency=order.currency,
            status="succeeded",
            failure_reason=None,
            refund_id=order.refund_id,
        )
        self._till.refunds[order.processor_key] = made
        return made

    def find_refund(self, external_id: str) -> ProcessorRefund:
        for refund in self._till.refunds.values():
            if refund.external_id == external_id:
                return refund
        raise NotFound("No such refund")

    def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
        return [refund for refund in self._till.refunds.values() if refund.charge_id == charge_id]

    def cancel_refund(self, external_id: str) -> ProcessorRefund:
        self.find_refund(external_id)
        raise ProcessorDeclined("not_cancellable", "Cash that is handed out does not come back")


class TillSetup:
    """``ProcessorSetup`` of a till: anybody with the key owns it, and it posts no news."""

    def account(self, secret_key: str, connected_account: str | None) -> ProcessorAccount:
        return ProcessorAccount("acct_till", livemode=False)

    def create_webhook_endpoint(self, connection: Connection, url: str) -> WebhookEndpoint:
        return WebhookEndpoint("endpoint_1", "whsec_till0000")

    def remove_webhook_endpoint(self, connection: Connection, endpoint_id: str) -> None:
        """Nothing was created."""


def till_kind(till: Till) -> ProcessorKind:
    """The entry for the registry."""

    def setup() -> ProcessorSetup:
        return TillSetup()

    return ProcessorKind(("till_",), lambda _: TillProcessor(till), setup)
