"""Members and their organization: who belongs to it, what they may do, and its end."""

from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.members import (
    ChangeMemberRequest,
    ChangeOrganizationRequest,
    CreateMemberRequest,
    MemberView,
    OrganizationView,
)
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.member_views import (
    DEACTIVATED,
    member_change_from,
    member_view,
    organization_view,
    wanted_member_from,
)
from refundkit_core.entrypoints.paging import pagination, slice_from

api = Api()
handler = api.handler


@api.route(
    "POST",
    "/v1/members",
    scope="members:write",
    status=201,
    body=CreateMemberRequest,
    answers=MemberView,
    refuses="idempotency_key_reused",
)
def post_member(call: Call) -> Answer:
    """Add a member. Nobody gives a role above their own, and no agent adds anybody."""
    wanted = wanted_member_from(call)
    added = container().manage_members.add_for(call.caller, wanted, call.idempotency_key, call.actor)
    return Answer(member_view(added.member), headers={"idempotent-replayed": "true"} if added.replayed else {})


@api.route("GET", "/v1/members", scope="members:read", query=PageQuery, answers=list[MemberView])
def list_members(call: Call) -> Answer:
    """The members of the organization, newest first, inactive ones too."""
    page = container().manage_members.page(call.caller.tenant, slice_from(call))
    return Answer([member_view(member) for member in page.found], pagination(call, page))


@api.route("GET", "/v1/members/{id}", scope="members:read", answers=MemberView, refuses="not_found")
def get_member(call: Call) -> Answer:
    """One member as they stand."""
    return Answer(member_view(container().manage_members.show(call.caller.tenant.org_id, call.path["id"])))


@api.route(
    "PATCH",
    "/v1/members/{id}",
    scope="members:write",
    body=ChangeMemberRequest,
    answers=MemberView,
    refuses="not_found",
)
def patch_member(call: Call) -> Answer:
    """Change a member, or make them active again. Nobody raises their own role or limit; an active owner is left."""
    wanted = member_change_from(call)
    return Answer(member_view(container().manage_members.change_for(call.caller, call.path["id"], wanted, call.actor)))


@api.route("DELETE", "/v1/members/{id}", scope="members:write", answers=MemberView, refuses="not_found")
def delete_member(call: Call) -> Answer:
    """Deactivate a member: their keys are refused from now on, and they decide nothing. Again, it changes nothing."""
    return Answer(
        member_view(container().manage_members.change_for(call.caller, call.path["id"], DEACTIVATED, call.actor))
    )


@api.route("GET", "/v1/organization", scope="members:read", answers=OrganizationView, refuses="not_found")
def get_organization(call: Call) -> Answer:
    """The organization whose key asks."""
    return Answer(organization_view(container().manage_organization.show(call.caller.tenant.org_id)))


@api.route(
    "PATCH",
    "/v1/organization",
    scope="admin",
    body=ChangeOrganizationRequest,
    answers=OrganizationView,
    refuses="not_found",
)
def patch_organization(call: Call) -> Answer:
    """Give the organization another name."""
    renamed = container().manage_organization.rename(call.caller, call.body.name, call.actor)
    return Answer(organization_view(renamed))


@api.route(
    "DELETE",
    "/v1/organization",
    scope="admin",
    answers=OrganizationView,
    refuses="not_found organization_not_settled",
)
def delete_organization(call: Call) -> Answer:
    """Delete the organization, in test and live: an owner only, and once nothing is under way. Its books stay."""
    return Answer(organization_view(container().delete_organization(call.caller, call.actor)))
