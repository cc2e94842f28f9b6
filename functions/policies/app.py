"""Policies: may a transaction be refunded, and the rules that decide it, as data."""

from pathlib import Path

from refundkit.contracts import policy_views as wire
from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.policies import CheckPolicyRequest, EligibilityView
from refundkit.contracts.policy_documents import PolicyDocument
from refundkit.contracts.policy_imports import ImportPolicyRequest
from refundkit_core.entrypoints import policy_views as views
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.documents import read_document
from refundkit_core.entrypoints.eligibility_views import eligibility_view
from refundkit_core.entrypoints.http import Answer, Api, Call, Document
from refundkit_core.entrypoints.paging import pagination, slice_from
from refundkit_core.entrypoints.policy_requests import document_faults, import_body, policy_body

api = Api()
handler = api.handler
prepare("authenticate", "check_policy")
SCHEMA = Path(__file__).with_name("policy.schema.json")
READ, WRITE = "policies:read", "policies:write"
ASKS_PROCESSOR = "not_found processor_not_connected processor_error"
REUSED, MAY_BE_STALE = "idempotency_key_reused", "not_found approval_superseded"
View = wire.PolicyView


@api.route(
    "POST",
    "/v1/policies/check",
    scope=READ,
    body=CheckPolicyRequest,
    answers=EligibilityView,
    refuses=ASKS_PROCESSOR,
)
def check_policy(call: Call) -> Answer:
    """Whether a transaction may be refunded, how much of it, until when, and why. Nothing is recorded or reserved."""
    found = container().check_policy(call.caller.tenant, call.body.transaction_id, call.body.amount)
    return Answer(eligibility_view(found))


@api.route(
    "POST",
    "/v1/policies",
    scope=WRITE,
    status=201,
    body=PolicyDocument,
    reads=policy_body,
    answers=View,
    refuses=REUSED,
)
def post_policy(call: Call) -> Answer:
    """Write a merchant's policy: a draft, which judges nothing until it is published. A merchant has one policy."""
    tenant, once = call.caller.tenant, views.once_of(call)
    return views.made_policy(container().manage_policies.create(tenant, call.body, once, call.actor))


@api.route(
    "POST",
    "/v1/policies/import",
    scope=WRITE,
    status=201,
    body=ImportPolicyRequest,
    reads=import_body,
    answers=View,
    refuses=REUSED,
)
def import_policy(call: Call) -> Answer:
    """Make a draft of a policy config, with decimal amounts and a risk of 0 to 1, as far as it can say one."""
    tenant, once = call.caller.tenant, views.once_of(call)
    return views.made_policy(container().manage_policies.create(tenant, call.body, once, call.actor))


@api.route(
    "POST",
    "/v1/policies/validate",
    scope=READ,
    body=PolicyDocument,
    reads=document_faults,
    answers=wire.PolicyValidityView,
)
def validate_policy(call: Call) -> Answer:
    """All that is wrong with a document, each with its place: nothing is stored."""
    return Answer(views.validity_view(call.body))


@api.route("GET", "/v1/policies/schema", scope=None, answers=Document)
def get_policy_schema(_call: Call) -> Document:
    """The JSON Schema of policies, for editors: not in the envelope, because tools read it."""
    return read_document(SCHEMA)


@api.route("GET", "/v1/policies", scope=READ, query=PageQuery, answers=list[wire.PolicySummaryView])
def list_policies(call: Call) -> Answer:
    """The policies of this environment, newest first, without their documents."""
    page = container().manage_policies.page(call.caller.tenant, slice_from(call))
    return Answer([views.summary_view(head) for head in page.found], pagination(call, page))


@api.route("GET", "/v1/policies/{id}", scope=READ, query=wire.GetPolicyQuery, answers=View, refuses="not_found")
def get_policy(call: Call) -> Answer:
    """A policy with its published versions, and the document of one of them or of the draft."""
    found = container().manage_policies.show(call.caller.tenant, call.path["id"], call.query.version)
    return Answer(views.policy_view(found))


@api.route(
    "PUT",
    "/v1/policies/{id}",
    scope=WRITE,
    body=wire.UpdatePolicyRequest,
    reads=policy_body,
    answers=View,
    refuses=MAY_BE_STALE,
)
def put_policy(call: Call) -> Answer:
    """Replace the draft. Published versions stay as they are; a draft that says the same already does as well."""
    found = container().manage_policies.update(call.caller.tenant, call.path["id"], call.body, call.actor)
    return Answer(views.draft_view(found))


@api.route(
    "POST",
    "/v1/policies/{id}/publish",
    scope=WRITE,
    body=wire.PublishPolicyRequest,
    answers=View,
    refuses=f"{MAY_BE_STALE} {REUSED}",
)
def publish_policy(call: Call) -> Answer:
    """Publish the draft as a version that never changes. Publishing the same revision again changes nothing."""
    tenant, wanted, once = call.caller.tenant, views.publication_from(call), views.once_of(call)
    return Answer(
        views.policy_view(container().manage_policies.publish(tenant, call.path["id"], wanted, once, call.actor))
    )


@api.route(
    "GET",
    "/v1/policies/{id}/diff",
    scope=READ,
    query=wire.ComparePoliciesQuery,
    answers=list[wire.PolicyChangeView],
    refuses="not_found",
)
def compare_policies(call: Call) -> Answer:
    """What changed between two versions, or a version and the draft. Rules are known by what they are for."""
    query: wire.ComparePoliciesQuery = call.query
    found = container().manage_policies.compare(call.caller.tenant, call.path["id"], query.before, query.after)
    return Answer([views.change_view(change) for change in found])


@api.route("GET", "/v1/return-policy", scope=READ, query=wire.ReturnPolicyQuery, answers=wire.ReturnPolicyView)
def get_return_policy(call: Call) -> Answer:
    """What holds for a purchase of now, in plain words for a customer; the default policy where none is published."""
    query: wire.ReturnPolicyQuery = call.query
    found = container().return_policy(call.caller.tenant, query.merchant_id, query.category, query.sku)
    return Answer(views.return_policy_view(*found))
