"""Webhook endpoints: make, list, change, delete, switch, give a new secret, try out."""

from refundkit.contracts import webhooks as wire
from refundkit_core.entrypoints import webhook_views as views
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call

api = Api()
handler = api.handler
READ, WRITE = "webhooks:read", "webhooks:write"
ENDPOINTS = "/v1/webhook-endpoints"
ONE = "/v1/webhook-endpoints/{id}"


@api.route(
    "POST",
    ENDPOINTS,
    scope=WRITE,
    status=201,
    body=wire.CreateWebhookEndpointRequest,
    answers=wire.CreatedWebhookEndpointView,
    refuses="idempotency_key_reused webhook_endpoint_limit_reached",
)
def post_webhook_endpoint(call: Call) -> Answer:
    """Make an endpoint. Its secret is shown in this answer, and never again."""
    wanted = views.wanted_endpoint_from(call)
    shown = container().manage_webhooks.create(call.caller.tenant, wanted, call.idempotency_key, call.actor)
    headers = {"idempotent-replayed": "true"} if shown.secret is None else {}
    return Answer(views.created_endpoint_view(shown), headers=headers)


@api.route("GET", ENDPOINTS, scope=READ, answers=list[wire.WebhookEndpointView])
def list_webhook_endpoints(call: Call) -> Answer:
    """All endpoints of this environment, newest first; there are twenty at most."""
    return Answer([views.endpoint_view(shown) for shown in container().manage_webhooks.all(call.caller.tenant)])


@api.route("GET", ONE, scope=READ, answers=wire.WebhookEndpointView, refuses="not_found")
def get_webhook_endpoint(call: Call) -> Answer:
    """One endpoint as it stands, without its secret."""
    return Answer(views.endpoint_view(container().manage_webhooks.show(call.caller.tenant, call.path["id"])))


@api.route(
    "PATCH",
    ONE,
    scope=WRITE,
    body=wire.ChangeWebhookEndpointRequest,
    answers=wire.WebhookEndpointView,
    refuses="not_found",
)
def patch_webhook_endpoint(call: Call) -> Answer:
    """Change what is named; null removes. What is under way goes to the new address."""
    changes = views.endpoint_changes_from(call)
    shown = container().manage_webhooks.update(call.caller.tenant, call.path["id"], changes, call.actor)
    return Answer(views.endpoint_view(shown))


@api.route("DELETE", ONE, scope=WRITE, answers=wire.WebhookEndpointView, refuses="not_found")
def delete_webhook_endpoint(call: Call) -> Answer:
    """Forget an endpoint with its secrets: nothing is sent there any more. Deleting it again changes nothing."""
    shown = container().manage_webhooks.delete(call.caller.tenant, call.path["id"], call.actor)
    return Answer(views.endpoint_view(shown))


@api.route("POST", f"{ONE}/enable", scope=WRITE, answers=wire.WebhookEndpointView, refuses="not_found")
def enable_webhook_endpoint(call: Call) -> Answer:
    """Send events there again, from now on; what it missed comes with replay-missing and recover."""
    shown = container().manage_webhooks.enable(call.caller.tenant, call.path["id"], call.actor)
    return Answer(views.endpoint_view(shown))


@api.route("POST", f"{ONE}/disable", scope=WRITE, answers=wire.WebhookEndpointView, refuses="not_found")
def disable_webhook_endpoint(call: Call) -> Answer:
    """Send nothing there any more."""
    shown = container().manage_webhooks.disable(call.caller.tenant, call.path["id"], call.actor)
    return Answer(views.endpoint_view(shown))


@api.route("POST", f"{ONE}/rotate-secret", scope=WRITE, answers=wire.CreatedWebhookEndpointView, refuses="not_found")
def rotate_webhook_secret(call: Call) -> Answer:
    """A new secret, shown in this answer only. The one before signs beside it for 24 hours."""
    shown = container().manage_webhooks.rotate(call.caller.tenant, call.path["id"], call.idempotency_key, call.actor)
    headers = {"idempotent-replayed": "true"} if shown.secret is None else {}
    return Answer(views.created_endpoint_view(shown), headers=headers)


@api.route(
    "POST",
    f"{ONE}/test",
    scope=WRITE,
    status=201,
    body=wire.TestWebhookEndpointRequest,
    answers=wire.DeliveryView,
    refuses="not_found webhook_endpoint_disabled idempotency_key_reused",
)
def test_webhook_endpoint(call: Call) -> Answer:
    """Send a sample of an event there, marked by the header x-refundkit-sample. Its delivery tells what came of it."""
    wanted = call.caller.tenant, call.path["id"], call.body.type
    delivery = container().manage_webhooks.test(*wanted, call.idempotency_key)
    return Answer(views.delivery_view(call, delivery))
