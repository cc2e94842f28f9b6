"""Customers: their erasure."""

from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.customer_views import erasure_view
from refundkit_core.entrypoints.http import Answer, Api, Call

api = Api()
handler = api.handler


@api.route(
    "DELETE",
    "/v1/customers/{id}",
    scope="admin",
    answers="refundkit.contracts.customers.ErasureView",
    refuses="not_found",
)
def delete_customer(call: Call) -> Answer:
    """Erase a customer: their name on transactions and in orders, and the personal metadata of refunds. Money stays."""
    erased = container().erase_customer(call.caller.tenant, call.path["id"], call.actor)
    return Answer(erasure_view(call.path["id"], *erased))
