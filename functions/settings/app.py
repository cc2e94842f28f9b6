"""Settings: the guards of an organization's environment."""

from refundkit.contracts.guards import GuardsView, PutGuardsRequest
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.guard_views import guards_from, guards_view
from refundkit_core.entrypoints.http import Answer, Api, Call

api = Api()
handler = api.handler


@api.route("GET", "/v1/settings/guards", scope="admin", answers=GuardsView)
def get_guards(call: Call) -> Answer:
    """The spend caps and the velocity breaker as they stand."""
    return Answer(guards_view(container().set_guards.show(call.caller.tenant)))


@api.route(
    "PUT",
    "/v1/settings/guards",
    scope="admin",
    body=PutGuardsRequest,
    answers=GuardsView,
    refuses="approval_superseded",
)
def put_guards(call: Call) -> Answer:
    """Set spend caps and the velocity breaker, in place of all before. They hold from the next refund on."""
    stands = container().set_guards(call.caller.tenant, guards_from(call), call.body.version, call.actor)
    return Answer(guards_view(stands))
