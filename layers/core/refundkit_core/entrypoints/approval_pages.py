"""The pages of approvals between a browser and the use cases."""

from __future__ import annotations

import re
from typing import Any, Final

from refundkit_core.domain.errors import ApprovalAlreadyDecided, NotFound, Unauthenticated, WrongCode
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.times import parse_iso
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.page_views import Named, case_facts, waiting_facts, wish_from
from refundkit_core.entrypoints.pages import Ask, Onward, Page, Shown

_PERSON: Final = re.compile(r"[0-9a-f]{64}")
_DONE: Final = frozenset({"approve", "reject", "request_info", "escalate", "comment"})
_LONGEST: Final = 254


def led_on(ask: Ask) -> Shown | None:
    """On to the case, for who is known by this browser as the link's owner; else None."""
    link = container().open_door.known(ask.query.get("token", "")).link
    try:
        visit = container().visits.visit(container().visits.session(ask.session_id), link.approval_id)
    except (Unauthenticated, NotFound):
        return None
    known = (visit.tenant, visit.person.member_id, visit.revision)
    is_owner = known[:2] == (link.tenant, link.member_id) and known[2] in (None, link.revision)
    return Onward(f"/approvals/{link.approval_id}") if is_owner else None


def door_page(ask: Ask) -> Shown:
    """The form for the code. Nothing on it tells of the case."""
    token = ask.query.get("token", "")
    return _door(token, container().open_door(token).organization)


def _door(token: str, organization: str, wrong: WrongCode | None = None) -> Page:
    facts = {"token": token, "organization": organization, "wrong": wrong}
    return Page("door", facts, 200 if wrong is None else 403)


def entered_by_code(ask: Ask) -> Shown:
    """On to the case with the right code; else the form again, with what is left."""
    token = ask.form.get("token", "")
    try:
        door, session_id = container().enter_code(token, _digits(ask))
    except WrongCode as exc:
        return _door(token, container().open_door(token).organization, exc)
    return Onward(f"/approvals/{door.link.approval_id}", session_id=session_id)


def sign_in_page(ask: Ask) -> Shown:
    """The form for an address."""
    return Page("sign_in", {"next": _next(ask.query), "person": None, "wrong": None})


def signed_in(ask: Ask) -> Shown:
    """The form for a code, whatever the address; or on, with the right code."""
    sign_in, person = container().sign_in, ask.form.get("person", "")
    if not _PERSON.fullmatch(person):
        asked = sign_in.ask(ask.form.get("email", "")[:_LONGEST])
        return Page("sign_in", {"next": _next(ask.form), "person": asked, "wrong": None})
    try:
        session_id = sign_in.enter(person, _digits(ask))
    except WrongCode as exc:
        return Page("sign_in", {"next": _next(ask.form), "person": person, "wrong": exc}, 403)
    goal = _next(ask.form)
    return Onward(f"/approvals/{goal}" if goal else "/approvals", session_id=session_id)


def signed_out(ask: Ask) -> Shown:
    """The session ends."""
    if ask.session_id:
        container().visits.end(ask.session_id)
    return Onward("/approvals/sign-in", session_id="")


def list_page(ask: Ask) -> Shown:
    """What waits; for who is not signed in, the way to do so."""
    visits = container().visits
    try:
        waiting = visits.waiting(visits.session(ask.session_id))
    except Unauthenticated:
        return Onward("/approvals/sign-in")
    return Page("list", waiting_facts(waiting))


def case_page(ask: Ask) -> Shown:
    """The case; for who is not known, the way to sign in and come back."""
    visits, approval_id = container().visits, ask.path["id"]
    try:
        visit = visits.visit(visits.session(ask.session_id), approval_id)
    except Unauthenticated:
        return Onward("/approvals/sign-in", {"next": approval_id} if is_id("apr", approval_id) else {})
    done = ask.query.get("done")
    facts = case_facts(visit, visits.case(visit), _organization(visit.tenant.org_id), _named(visit.tenant.org_id))
    return Page("case", {**facts, "done": done if done in _DONE else None, "may_list": visit.revision is None})


def wish_done(ask: Ask) -> Shown:
    """Do what the form says, and show what came of it."""
    visits, approval_id = container().visits, ask.path["id"]
    visit = visits.place(visits.session(ask.session_id), approval_id)
    wish = wish_from(ask.form, visits.case(visit).approval.currency)
    try:
        visits.decide(visit, wish)
    except ApprovalAlreadyDecided as exc:
        return Page("decided", _decided(exc, approval_id, _named(visit.tenant.org_id)), 409)
    return Onward(f"/approvals/{approval_id}", {"done": wish.deed})


def _decided(exc: ApprovalAlreadyDecided, approval_id: str, named: Named) -> dict[str, Any]:
    details = {detail.field: detail.message for detail in exc.details}
    by, at = details.get("decidedBy"), details.get("decidedAt")
    return {
        "message": exc.message,
        "by": named(by) if by else None,
        "at": parse_iso(at) if at else None,
        "id": approval_id,
    }


def _digits(ask: Ask) -> str:
    """The code, however its digits were grouped."""
    return re.sub(r"[\s-]", "", ask.form.get("code", ""))[:12]


def _next(given: Any) -> str | None:
    """Where to go after signing in: to one approval, and nowhere else."""
    goal = given.get("next", "")
    return goal if is_id("apr", goal) else None


def _organization(org_id: str) -> str:
    return container().organizations.name(org_id)


def _named(org_id: str) -> Named:
    """Members by their names, and everybody else as they are called."""
    names = {member.id: member.name for member in container().members.all(org_id)}
    return lambda owner: names.get(owner, "the clock" if owner == "system" else owner)
