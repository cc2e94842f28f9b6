"""What somebody sees and decides on the pages: as themselves, and only while they are active members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from refundkit_core.application.approval_desk import AUDITED_AS, Seen
from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.decide_approval import Decision
from refundkit_core.application.read_approvals import WantedApprovals
from refundkit_core.application.records import Slice
from refundkit_core.application.route_approval import Move
from refundkit_core.domain.errors import Conflict, Denied, NotFound, RefundKitError, Unauthenticated
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.sessions import Person, Session, hash_of
from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.approval_ports import Deciders
    from refundkit_core.application.decide_approval import DecideApproval
    from refundkit_core.application.ports import AuditTrail, OrganizationStore
    from refundkit_core.application.read_approvals import Pane, ReadApprovals
    from refundkit_core.application.route_approval import RouteApproval
    from refundkit_core.application.session_ports import Sessions
    from refundkit_core.domain.approvals import Approval, NextBestAction
    from refundkit_core.domain.approver_rules import Decider

Deed = Literal["approve", "reject", "request_info", "escalate", "comment"]

MAX_ORGANIZATIONS: Final = 10
_SHOWN: Final = 50


class Visit(NamedTuple):
    """Somebody known, at one approval: who decides there, and by which question's link (None: signed in)."""

    session: Session
    tenant: Tenant
    approval_id: str
    person: Person
    revision: int | None


class Waiting(NamedTuple):
    """What waits for somebody in one environment of one organization."""

    organization: str
    tenant: Tenant
    approvals: Sequence[Approval]


class Wish(NamedTuple):
    """What somebody wants done on a page that showed them ``revision``. Empty texts are None."""

    deed: Deed
    revision: int
    text: str | None = None
    amount_minor: int | None = None
    action: NextBestAction | None = None


class Visits:
    """The use cases behind the pages. Reading changes nothing."""

    def __init__(
        self,
        sessions: Sessions,
        deciders: Deciders,
        desk: Desk,
        reading: ReadApprovals,
        deciding: DecideApproval,
        routing: RouteApproval,
        organizations: OrganizationStore,
        trail: AuditTrail,
    ) -> None:
        self._sessions = sessions
        self._deciders = deciders
        self._desk = desk
        self._reading = reading
        self._deciding = deciding
        self._routing = routing
        self._organizations = organizations
        self._trail = trail
        self._auditor = Auditor(desk.clock, desk.ids)

    def session(self, session_id: str | None) -> Session:
        """Whose browser it is. Raises Unauthenticated where nobody is known by it now."""
        found = self._sessions.find(hash_of(session_id)) if session_id else None
        if found is None or not found.lasts(self._desk.clock.now()):
            raise Unauthenticated
        return found

    def end(self, session_id: str) -> None:
        """Sign out."""
        self._sessions.end(hash_of(session_id), self._desk.clock.now())

    def waiting(self, session: Session) -> list[Waiting]:
        """What waits for its owner, wherever they are an active member; up to fifty in each place.

        Raises:
            Denied: they are not any more, anywhere.
        """
        if session.only is not None:
            raise Unauthenticated
        active = [person for person in session.people[:MAX_ORGANIZATIONS] if self._is_active(person)]
        if not active:
            raise Denied("You are no longer an active member")
        tenants = [(person, Tenant(person.org_id, each)) for person in active for each in ENVIRONMENTS]
        return [self._waiting(person, tenant) for person, tenant in tenants]

    def _waiting(self, person: Person, tenant: Tenant) -> Waiting:
        wanted = WantedApprovals(assignee=person.member_id)
        found = self._reading.page(tenant, wanted, Slice(_SHOWN, 0, None)).found
        return Waiting(self._organizations.name(tenant.org_id), tenant, found)

    def _is_active(self, person: Person) -> bool:
        try:
            self._deciders.known(Tenant(person.org_id, "live"), person.member_id)
        except Denied:
            return False
        return True

    def visit(self, session: Session, approval_id: str) -> Visit:
        """The session's owner at an approval.

        Raises:
            NotFound: it is none of theirs, or none at all.
            Denied: they are no longer an active member there.
        """
        visit = self.place(session, approval_id)
        self._deciders.known(visit.tenant, visit.person.member_id)
        return visit

    def place(self, session: Session, approval_id: str) -> Visit:
        """The same, active member or not: whoever decides is looked at then. Raises NotFound."""
        if not is_id("apr", approval_id) or (session.only is not None and session.only.approval_id != approval_id):
            raise NotFound("There is nothing here")
        for person, tenant in _places(session):
            if self._exists(tenant, approval_id):
                revision = session.only.revision if session.only is not None else None
                return Visit(session, tenant, approval_id, person, revision)
        raise NotFound("There is nothing here")

    def _exists(self, tenant: Tenant, approval_id: str) -> bool:
        return self._desk.approvals.find(tenant, approval_id) is not None

    def case(self, visit: Visit) -> Pane:
        """Everything about the approval."""
        return self._reading.one(visit.tenant, visit.approval_id)

    def decide(self, visit: Visit, wish: Wish) -> Approval:
        """Do what somebody wants, as if they had done it by any other channel.

        Raises what deciding and routing do. Who is refused leaves an entry that says why.
        """
        try:
            decider = self._deciders.known(visit.tenant, visit.person.member_id)
            return self._done(visit, wish, decider)
        except (Denied, Conflict) as exc:
            self._refused(visit, exc)
            raise

    def _done(self, visit: Visit, wish: Wish, decider: Decider) -> Approval:
        seen = Seen(revision=wish.revision if visit.revision is None else visit.revision)
        via = visit.session.via
        if wish.deed in ("approve", "reject"):
            answer: Literal["approved", "rejected"] = "approved" if wish.deed == "approve" else "rejected"
            return self._deciding(
                Decision(
                    visit.tenant, visit.approval_id, decider, via, answer, wish.text, wish.amount_minor, seen
                )
            )  # fmt: skip
        move = Move(visit.tenant, visit.approval_id, decider, via, wish.text, seen)
        if wish.deed == "request_info":
            return self._routing.request_info(move, wish.action or "request_evidence")
        return self._routing.escalate(move) if wish.deed == "escalate" else self._routing.comment(move)

    def _refused(self, visit: Visit, exc: RefundKitError) -> None:
        channel = AUDITED_AS[visit.session.via]
        entry = self._auditor.entry(
            By(visit.person.member_id),
            "approval decision refused",
            visit.approval_id,
            visit.tenant,
            channel=channel,
            details={"code": exc.code},
        )
        self._trail.put(entry)


def _places(session: Session) -> list[tuple[Person, Tenant]]:
    """Where a session's owner may look, each as whom they are there."""
    if session.only is not None:
        return [(session.people[0], session.only.tenant)]
    people = session.people[:MAX_ORGANIZATIONS]
    return [(person, Tenant(person.org_id, each)) for person in people for each in ENVIRONMENTS]
