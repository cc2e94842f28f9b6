"""Transactions: register what the shop knows of its order, and show what is known."""

from refundkit.contracts.transactions import RegisterTransactionRequest, TransactionView
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.transaction_views import transaction_view, wanted_order_from

api = Api()
handler = api.handler
prepare("authenticate", "register_order")


@api.route(
    "PUT",
    "/v1/transactions/{id}",
    scope="transactions:write",
    body=RegisterTransactionRequest,
    answers=TransactionView,
    refuses="not_found processor_not_connected processor_error",
)
def put_transaction(call: Call) -> Answer:
    """Register a transaction's order, delivery and customer, in place of all that was registered before."""
    register = container().register_order
    return Answer(transaction_view(register(call.caller.tenant, call.path["id"], wanted_order_from(call))))


@api.route(
    "GET",
    "/v1/transactions/{id}",
    scope="refunds:read",
    answers=TransactionView,
    refuses="not_found processor_not_connected processor_error",
)
def get_transaction(call: Call) -> Answer:
    """What is known of a transaction: its charge, what is left of it, and what the shop registered."""
    return Answer(transaction_view(container().register_order.show(call.caller.tenant, call.path["id"])))
