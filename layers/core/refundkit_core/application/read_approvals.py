"""Read approvals: the queue, and everything that a reviewer needs to see of one (document 001, "Review UI")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from refundkit_core.application.approval_desk import Desk
from refundkit_core.application.paging import Paging
from refundkit_core.application.records import Page, Slice
from refundkit_core.domain.approvals import OPEN, Approval, ApprovalStatus
from refundkit_core.domain.approver_rules import Decider, insist_on_turn
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.policies import DEFAULT_POLICY
from refundkit_core.domain.recommendations import Recommended, recommended
from refundkit_core.domain.risk import Assessment, assess

if TYPE_CHECKING:
    from refundkit_core.application.approval_ports import Deciders
    from refundkit_core.application.fact_ports import Orders, Policies
    from refundkit_core.application.ports import OrganizationStore
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.orders import Order
    from refundkit_core.domain.refund import Refund, Request
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.tenancy import Tenant

_EVERY_OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class WantedApprovals:
    """Which approvals a list shows; None does not filter, but that only open ones are shown without a status."""

    status: ApprovalStatus | None = None
    level: int | None = None
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class Pane:
    """One approval with all that it is about. ``risk`` is None for what nobody judged here."""

    approval: Approval
    settings: ApprovalSettings
    refund: Refund
    request: Request
    order: Order | None
    advice: Recommended
    risk: Assessment | None
    history: Sequence[Event]


class ReadApprovals:
    """The use cases behind the ``GET`` routes of approvals."""

    def __init__(
        self, desk: Desk, orders: Orders, policies: Policies, deciders: Deciders, organizations: OrganizationStore
    ) -> None:
        self._desk = desk
        self._orders = orders
        self._policies = policies
        self._deciders = deciders
        self._lists = Paging(organizations, "approvals")

    def one(self, tenant: Tenant, named: str) -> Pane:
        """Everything about one approval, by its id or its refund's. Raises NotFound."""
        case = self._desk.case(tenant, named)
        refund, request = case.refund, case.request
        return Pane(
            approval=case.approval,
            settings=case.settings,
            refund=refund,
            request=request,
            order=self._orders.of(tenant, refund.transaction),
            advice=recommended(request.decision, refund.reason, [kind for kind, _ in request.evidence]),
            risk=self._risk(refund, request),
            history=self._desk.approvals.history(tenant, case.approval.id),
        )

    def settings(self, tenant: Tenant) -> ApprovalSettings:
        """What is set about approvals."""
        return self._desk.settings(tenant)

    def page(self, tenant: Tenant, wanted: WantedApprovals, part: Slice) -> Page[Approval]:
        """One page of the queue, newest first. Raises Invalid for a foreign cursor."""
        filters = (wanted.status or _EVERY_OPEN, None if wanted.level is None else str(wanted.level), wanted.assignee)
        statuses = OPEN if wanted.status is None else frozenset((wanted.status,))
        position = self._lists.position(tenant, part, *filters)
        decider = self._assignee(tenant, wanted.assignee)
        if wanted.assignee is not None and decider is None:
            return Page([], None)
        settings = self._desk.settings(tenant)

        def shown(approval: Approval) -> bool:
            if wanted.level not in (None, approval.level):
                return False
            return decider is None or _is_asked(approval, settings, decider)

        page = self._desk.approvals.page(tenant, statuses, shown, position)
        return self._lists.sealed(tenant, page, *filters)

    def _assignee(self, tenant: Tenant, member_id: str | None) -> Decider | None:
        if member_id is None:
            return None
        try:
            return self._deciders.known(tenant, member_id)
        except Denied:
            return None

    def _risk(self, refund: Refund, request: Request) -> Assessment | None:
        """The risk as it was found then: the same facts, weighed by the same version."""
        ground = request.ground
        if ground is None:
            return None
        version = DEFAULT_POLICY
        if ground.policy_id is not None:
            version = self._policies.version(refund.tenant, ground.policy_id, ground.policy_version) or DEFAULT_POLICY
        return assess(ground.facts, refund.gross_minor, version.policy.risk)


def _is_asked(approval: Approval, settings: ApprovalSettings, decider: Decider) -> bool:
    if approval.requested_by == decider.id or decider.id in [act.by for act in approval.consents]:
        return False
    try:
        insist_on_turn(approval, settings, decider)
    except Denied:
        return False
    return True
