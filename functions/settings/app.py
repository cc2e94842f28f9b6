"""Settings of an organization's environment: its guards, and what it wants of approvals."""

from refundkit.contracts.approval_settings import ApprovalSettingsView, PutApprovalSettingsRequest
from refundkit.contracts.guards import GuardsView, PutGuardsRequest
from refundkit_core.entrypoints.approval_settings_views import approval_settings_from, approval_settings_view
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


@api.route("GET", "/v1/settings/approvals", scope="approvals:read", answers=ApprovalSettingsView)
def get_approvals(call: Call) -> Answer:
    """When a person looks, who decides at which level and for how long, and who is told."""
    return Answer(approval_settings_view(container().set_approvals.show(call.caller.tenant)))


@api.route(
    "PUT",
    "/v1/settings/approvals",
    scope="admin",
    body=PutApprovalSettingsRequest,
    answers=ApprovalSettingsView,
    refuses="approval_superseded",
)
def put_approvals(call: Call) -> Answer:
    """Set all of that, in place of what was set before. Thresholds hold from the next refund on."""
    wanted = approval_settings_from(call)
    stands = container().set_approvals(call.caller.tenant, wanted, call.body.version, call.actor)
    return Answer(approval_settings_view(stands))
