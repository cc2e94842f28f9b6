"""Try a policy before it is published: on past decisions, and beside the one in force."""

from refundkit.contracts import simulations as wire
from refundkit.contracts.envelope import PageQuery
from refundkit_core.entrypoints import simulation_views as views
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from
from refundkit_core.entrypoints.policy_views import once_of

api = Api()
handler = api.handler
prepare("authenticate", "simulate_policy", "read_simulations")
READ, WRITE = "policies:read", "policies:write"


@api.route(
    "POST",
    "/v1/policies/{id}/simulate",
    scope=WRITE,
    status=201,
    body=wire.SimulatePolicyRequest,
    answers=wire.SimulationView,
    refuses="not_found idempotency_key_reused",
)
def simulate_policy(call: Call) -> Answer:
    """Judge past decisions again by a policy, without effect. Up to 500 of them at once, more in the background."""
    made = container().simulate_policy(call.caller.tenant, views.simulation_from(call), once_of(call))
    return views.made_simulation(made, container().read_simulations.shown(made.simulation))


@api.route("GET", "/v1/simulations/{id}", scope=READ, answers=wire.SimulationView, refuses="not_found")
def get_simulation(call: Call) -> Answer:
    """How far a simulation is, or what came of it, with a file of every decision."""
    return Answer(views.simulation_view(container().read_simulations.one(call.caller.tenant, call.path["id"])))


@api.route(
    "GET",
    "/v1/policies/{id}/simulations",
    scope=READ,
    query=PageQuery,
    answers=list[wire.SimulationSummaryView],
    refuses="not_found",
)
def list_simulations(call: Call) -> Answer:
    """The simulations of a policy, newest first, without their results."""
    page = container().read_simulations.page(call.caller.tenant, call.path["id"], slice_from(call))
    return Answer([views.summary_view(each) for each in page.found], pagination(call, page))


@api.route(
    "GET",
    "/v1/policies/{id}/shadow",
    scope=READ,
    query=PageQuery,
    answers=list[wire.ShadowDifferenceView],
    refuses="not_found",
)
def list_shadow_differences(call: Call) -> Answer:
    """Decisions that a shadow version would have made otherwise, newest first."""
    page = container().read_simulations.shadow(call.caller.tenant, call.path["id"], slice_from(call))
    return Answer([views.difference_view(each) for each in page.found], pagination(call, page))
