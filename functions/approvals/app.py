"""Approvals: the queue, the reviewer's pane, decisions, and the answers to questions."""

from refundkit.contracts.approvals import (
    ApprovalDetail,
    ApprovalView,
    ApproveRequest,
    CommentRequest,
    EscalateRequest,
    GiveInfoRequest,
    ListApprovalsQuery,
    RejectRequest,
    RequestInfoRequest,
)
from refundkit_core.domain.approvals import Approval
from refundkit_core.entrypoints.approval_views import (
    approval_view,
    decision_from,
    move_from,
    pane_view,
    reply_from,
    wanted_approvals_from,
)
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from

DECIDING = "not_found approval_already_decided approval_superseded self_approval_forbidden approver_limit_exceeded"

api = Api()
handler = api.handler
prepare("authenticate", "decide_approval", "read_approvals")


@api.route("GET", "/v1/approvals", scope="approvals:read", query=ListApprovalsQuery, answers=list[ApprovalView])
def list_approvals(call: Call) -> Answer:
    """Approvals, newest first: the open ones, where no status is asked for."""
    reading, tenant = container().read_approvals, call.caller.tenant
    page = reading.page(tenant, wanted_approvals_from(call), slice_from(call))
    settings = reading.settings(tenant)
    return Answer([approval_view(approval, settings) for approval in page.found], pagination(call, page))


@api.route("GET", "/v1/approvals/{id}", scope="approvals:read", answers=ApprovalDetail, refuses="not_found")
def get_approval(call: Call) -> Answer:
    """Everything that a reviewer needs to see: the request, the order, what each rule said, the risk, the history."""
    return Answer(pane_view(container().read_approvals.one(call.caller.tenant, call.path["id"])))


@api.route(
    "POST",
    "/v1/approvals/{id}/approve",
    scope="approvals:decide",
    body=ApproveRequest,
    answers=ApprovalView,
    refuses=DECIDING,
)
def approve(call: Call) -> Answer:
    """Approve a refund, which is paid right after; where two people must, it waits for the other one."""
    return _shown(call, container().decide_approval(decision_from(call, "approved")))


@api.route(
    "POST",
    "/v1/approvals/{id}/reject",
    scope="approvals:decide",
    body=RejectRequest,
    answers=ApprovalView,
    refuses=DECIDING,
)
def reject(call: Call) -> Answer:
    """Reject a refund; its money is free again."""
    return _shown(call, container().decide_approval(decision_from(call, "rejected")))


@api.route(
    "POST",
    "/v1/approvals/{id}/escalate",
    scope="approvals:decide",
    body=EscalateRequest,
    answers=ApprovalView,
    refuses=DECIDING,
)
def escalate(call: Call) -> Answer:
    """Ask the next level instead."""
    move = move_from(call, call.body.comment, call.body.version)
    return _shown(call, container().route_approval.escalate(move))


@api.route(
    "POST",
    "/v1/approvals/{id}/request-info",
    scope="approvals:decide",
    body=RequestInfoRequest,
    answers=ApprovalView,
    refuses=DECIDING,
)
def request_info(call: Call) -> Answer:
    """Ask whoever wants the refund for evidence, or whether something else would do."""
    move = move_from(call, call.body.question, call.body.version)
    return _shown(call, container().route_approval.request_info(move, call.body.action))


@api.route(
    "POST",
    "/v1/approvals/{id}/comment",
    scope="approvals:decide",
    body=CommentRequest,
    answers=ApprovalView,
    refuses=DECIDING,
)
def comment(call: Call) -> Answer:
    """Say something that the other approvers see."""
    return _shown(call, container().route_approval.comment(move_from(call, call.body.comment)))


@api.route(
    "POST",
    "/v1/refunds/{id}/info",
    scope="refunds:write",
    body=GiveInfoRequest,
    answers=ApprovalView,
    refuses="not_found approval_already_decided approval_superseded",
)
def give_info(call: Call) -> Answer:
    """Answer a question about a refund; its approval goes on, and may be about less than before."""
    return _shown(call, container().answer_question(reply_from(call)))


def _shown(call: Call, approval: Approval) -> Answer:
    return Answer(approval_view(approval, container().read_approvals.settings(call.caller.tenant)))
