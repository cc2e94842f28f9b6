"""Refunds: preview, open, read, list, timeline, cancel."""

from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.quotes import PreviewRefundRequest
from refundkit.contracts.refunds import CreateRefundRequest, ListRefundsQuery, RefundEventView, RefundView
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from
from refundkit_core.entrypoints.quotes import quoted
from refundkit_core.entrypoints.views import (
    event_view,
    filter_from,
    open_refund_from,
    refund_view,
)

api = Api()
handler = api.handler
prepare("authenticate", "create_refund", "await_refund", "cancel_refund", "read_refunds")


@api.route(
    "POST",
    "/v1/refunds",
    scope="refunds:write",
    status=201,
    body=CreateRefundRequest,
    answers=RefundView,
    refuses="not_found processor_not_connected refund_already_processed idempotency_key_reused transaction_disputed "
    "amount_exceeds_refundable currency_mismatch policy_violation return_window_expired risk_threshold_exceeded "
    "approval_required budget_exceeded refunds_paused processor_error",
)
def post_refund(call: Call) -> Answer:
    """Open a refund. It is paid right after, on its own; ``wait`` holds the answer until it is."""
    opened = container().create_refund(open_refund_from(call))
    opened = container().await_refund(opened, min(call.body.wait, call.time_left_s))
    headers = {"idempotent-replayed": "true"} if opened.replayed else {}
    return Answer(refund_view(opened.refund, opened.request), headers=headers)


@api.route(
    "POST",
    "/v1/refunds/preview",
    scope="refunds:read",
    body=PreviewRefundRequest,
    answers="refundkit.contracts.quoted.QuoteView",
    refuses="not_found processor_not_connected processor_error",
)
def preview_refund(call: Call) -> Answer:
    """What a refund would pay, line by line, fees withheld, to this charge alone. Nothing is stored or reserved."""
    return Answer(quoted(call))


@api.route("GET", "/v1/refunds", scope="refunds:read", query=ListRefundsQuery, answers=list[RefundView])
def list_refunds(call: Call) -> Answer:
    """Refunds, newest first."""
    page = container().read_refunds.page(call.caller.tenant, filter_from(call), slice_from(call))
    return Answer([refund_view(refund, request) for refund, request in page.found], pagination(call, page))


@api.route("GET", "/v1/refunds/{id}", scope="refunds:read", answers=RefundView, refuses="not_found")
def get_refund(call: Call) -> Answer:
    """One refund as it stands."""
    return Answer(refund_view(*container().read_refunds.one(call.caller.tenant, call.path["id"])))


@api.route(
    "GET",
    "/v1/refunds/{id}/events",
    scope="refunds:read",
    query=PageQuery,
    answers=list[RefundEventView],
    refuses="not_found",
)
def get_timeline(call: Call) -> Answer:
    """Everything that happened to a refund, oldest first."""
    page = container().read_refunds.timeline(call.caller.tenant, call.path["id"], slice_from(call))
    return Answer([event_view(event) for event in page.found], pagination(call, page))


@api.route(
    "POST",
    "/v1/refunds/{id}/cancel",
    scope="refunds:write",
    answers=RefundView,
    refuses="not_found refund_not_cancellable processor_not_connected processor_error",
)
def cancel_refund(call: Call) -> Answer:
    """Cancel a refund: always before it was handed to the processor, after that where the processor allows it."""
    return Answer(refund_view(*container().cancel_refund(call.caller.tenant, call.path["id"])))
