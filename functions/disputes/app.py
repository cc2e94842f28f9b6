"""Disputes: how risky a refund is, and what was assessed before."""

from refundkit.contracts.disputes import AssessRiskRequest, ListAssessmentsQuery, RiskView
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from
from refundkit_core.entrypoints.risk_views import claim_from, risk_view

api = Api()
handler = api.handler
prepare("authenticate", "assess_risk")


@api.route(
    "POST",
    "/v1/disputes/risk",
    scope="refunds:write",
    status=201,
    body=AssessRiskRequest,
    answers=RiskView,
    refuses="not_found processor_not_connected idempotency_key_reused processor_error",
)
def post_risk(call: Call) -> Answer:
    """Score the risk of a refund. It is kept; from 70 on ``dispute.risk_flagged`` tells of it. No money moves."""
    assess, transaction_id = container().assess_risk, call.body.transaction_id
    made = assess(call.caller.tenant, transaction_id, claim_from(call), call.idempotency_key)
    headers = {"idempotent-replayed": "true"} if made.replayed else {}
    return Answer(risk_view(made.kept), headers=headers)


@api.route("GET", "/v1/disputes/assessments", scope="refunds:read", query=ListAssessmentsQuery, answers=list[RiskView])
def list_assessments(call: Call) -> Answer:
    """What was assessed for a transaction, newest first."""
    page = container().read_assessments.page(call.caller.tenant, call.query.transaction_id, slice_from(call))
    return Answer([risk_view(kept) for kept in page.found], pagination(call, page))


@api.route("GET", "/v1/disputes/assessments/{id}", scope="refunds:read", answers=RiskView, refuses="not_found")
def get_assessment(call: Call) -> Answer:
    """One assessment, as it was made."""
    return Answer(risk_view(container().read_assessments.one(call.caller.tenant, call.path["id"])))
