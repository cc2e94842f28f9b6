"""API keys: make, list, show, revoke."""

from refundkit.contracts.api_keys import ApiKeyView, CreateApiKeyRequest, CreatedApiKeyView
from refundkit.contracts.envelope import PageQuery
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.key_views import created_key_view, key_view, wanted_key_from
from refundkit_core.entrypoints.paging import pagination, slice_from

api = Api()
handler = api.handler


@api.route(
    "POST",
    "/v1/api-keys",
    scope="keys:write",
    status=201,
    body=CreateApiKeyRequest,
    answers=CreatedApiKeyView,
    refuses="not_found idempotency_key_reused",
)
def post_api_key(call: Call) -> Answer:
    """Make an API key. It is shown in this answer, and never again."""
    made = container().manage_keys.create_for(call.caller, wanted_key_from(call), call.idempotency_key, call.actor)
    headers = {"idempotent-replayed": "true"} if made.key is None else {}
    return Answer(created_key_view(made), headers=headers)


@api.route("GET", "/v1/api-keys", scope="keys:read", query=PageQuery, answers=list[ApiKeyView])
def list_api_keys(call: Call) -> Answer:
    """The keys of this environment, newest first, revoked ones too."""
    page = container().manage_keys.page(call.caller.tenant, slice_from(call))
    return Answer([key_view(record) for record in page.found], pagination(call, page))


@api.route("GET", "/v1/api-keys/{id}", scope="keys:read", answers=ApiKeyView, refuses="not_found")
def get_api_key(call: Call) -> Answer:
    """One key as it stands, without the key itself."""
    return Answer(key_view(container().manage_keys.show(call.caller.tenant, call.path["id"])))


@api.route("DELETE", "/v1/api-keys/{id}", scope="keys:write", answers=ApiKeyView, refuses="not_found")
def delete_api_key(call: Call) -> Answer:
    """Revoke a key: its very next request is refused. Revoking it again changes nothing."""
    return Answer(key_view(container().manage_keys.revoke_for(call.caller, call.path["id"], call.actor)))
