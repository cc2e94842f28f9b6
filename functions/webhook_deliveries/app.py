"""What was sent to a webhook endpoint and what came of it; send it again."""

from refundkit.contracts import webhooks as wire
from refundkit_core.entrypoints import webhook_views as views
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from
from refundkit_core.entrypoints.requests import known_moment

api = Api()
handler = api.handler
READ, WRITE = "webhooks:read", "webhooks:write"
ONE = "/v1/webhook-endpoints/{id}"
DELIVERY = "/v1/webhook-endpoints/{id}/deliveries/{deliveryId}"


@api.route(
    "GET",
    f"{ONE}/deliveries",
    scope=READ,
    query=wire.ListDeliveriesQuery,
    answers=list[wire.DeliveryView],
    refuses="not_found",
)
def list_deliveries(call: Call) -> Answer:
    """What was sent there within the last 30 days and what came of it, newest event first."""
    wanted = views.delivery_filter_from(call)
    page = container().read_deliveries.page(call.caller.tenant, call.path["id"], wanted, slice_from(call))
    return Answer([views.delivery_view(call, each) for each in page.found], pagination(call, page))


@api.route("GET", DELIVERY, scope=READ, answers=wire.DeliveryView, refuses="not_found")
def get_delivery(call: Call) -> Answer:
    """One delivery with its attempts."""
    found = container().read_deliveries.show(call.caller.tenant, call.path["id"], call.path["deliveryId"])
    return Answer(views.delivery_view(call, found))


@api.route(
    "POST", f"{DELIVERY}/retry", scope=WRITE, answers=wire.DeliveryView, refuses="not_found webhook_endpoint_disabled"
)
def retry_delivery(call: Call) -> Answer:
    """Send it again now, under the same event id, with ten attempts before it."""
    named = call.path["id"], call.path["deliveryId"]
    again = container().read_deliveries.retry(call.caller.tenant, *named, call.idempotency_key)
    return Answer(views.delivery_view(call, again))


@api.route(
    "POST",
    f"{ONE}/recover",
    scope=WRITE,
    status=202,
    body=wire.RecoverRequest,
    answers=wire.RecoveryView,
    refuses="not_found webhook_endpoint_disabled",
)
def recover_deliveries(call: Call) -> Answer:
    """Send everything again that has failed since a time, or is still being retried."""
    since = known_moment(call.body.since)
    container().read_deliveries.begin("recover", call.caller.tenant, call.path["id"], since, call.actor)
    return Answer(views.recovery_view(call, since))


@api.route(
    "POST",
    f"{ONE}/replay-missing",
    scope=WRITE,
    status=202,
    body=wire.RecoverRequest,
    answers=wire.RecoveryView,
    refuses="not_found webhook_endpoint_disabled",
)
def replay_missing_events(call: Call) -> Answer:
    """Send every event since a time that was never tried there: from before it was made, or while it was disabled."""
    since = known_moment(call.body.since)
    container().read_deliveries.begin("replay_missing", call.caller.tenant, call.path["id"], since, call.actor)
    return Answer(views.recovery_view(call, since))
