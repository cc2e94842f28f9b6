"""Policies: may a transaction be refunded?"""

from refundkit.contracts.policies import CheckPolicyRequest, EligibilityView
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.views import eligibility_view

api = Api()
handler = api.handler
prepare("authenticate", "check_policy")


@api.route(
    "POST",
    "/v1/policies/check",
    scope="policies:read",
    body=CheckPolicyRequest,
    answers=EligibilityView,
    refuses="not_found processor_not_connected processor_error",
)
def check_policy(call: Call) -> Answer:
    """Whether a transaction may be refunded, how much of it, until when, and why. Nothing is recorded or reserved."""
    found = container().check_policy(call.caller.tenant, call.body.transaction_id, call.body.amount)
    return Answer(eligibility_view(found))
