"""Decisions: the one that a refund would get now, and those that were made."""

from refundkit.contracts.eligibility import CheckEligibilityRequest, DecisionView, EligibilityDetail
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.decision_views import asked_from, decision_view, eligibility_detail
from refundkit_core.entrypoints.http import Answer, Api, Call

api = Api()
handler = api.handler
prepare("authenticate", "check_eligibility")


@api.route(
    "POST",
    "/v1/eligibility/check",
    scope="policies:read",
    body=CheckEligibilityRequest,
    answers=EligibilityDetail,
    refuses="not_found processor_not_connected processor_error",
)
def check_eligibility(call: Call) -> Answer:
    """The decision that a refund asked for now would get, rule by rule. Nothing is recorded or reserved."""
    checked = container().check_eligibility(call.caller.tenant, call.body.transaction_id, asked_from(call))
    return Answer(eligibility_detail(checked))


@api.route("GET", "/v1/decisions/{id}", scope="refunds:read", answers=DecisionView, refuses="not_found")
def get_decision(call: Call) -> Answer:
    """Why a refund, or a request that was refused, was decided so: its facts, its policy and every rule."""
    return Answer(decision_view(container().explain_decision(call.caller.tenant, call.path["id"])))
