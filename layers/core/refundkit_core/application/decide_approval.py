"""Decide an approval: one transaction sets it and its refund, whose event pays it (architecture, "Approvals").

Whoever decides, by whichever channel, comes through here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from refundkit_core.application.approval_desk import ANY, AUDITED_AS, Case, Desk, Seen, insist_on_open
from refundkit_core.application.approval_ports import RefundStep
from refundkit_core.application.audit import Auditor, By
from refundkit_core.domain.approval_events import of_consent, of_end
from refundkit_core.domain.approvals import Act, Approval, Ruling, Via, consented, ruled
from refundkit_core.domain.approver_rules import Decider, insist_on_limit
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.events import of_change
from refundkit_core.domain.recommendations import digest_of, recommended
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, change_of, lowered, lowering_of, moved

if TYPE_CHECKING:
    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.domain.tenancy import Tenant

Answer = Literal["approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides. ``comment`` is optional where they approve, and the reason where they reject.

    ``amount_minor`` approves less than was asked for (None: all of it). ``actor`` is how the audit trail names them.
    """

    tenant: Tenant
    approval: str
    decider: Decider
    via: Via
    answer: Answer
    comment: str | None = None
    amount_minor: int | None = None
    seen: Seen = ANY
    actor: str | None = None


class DecideApproval:
    """The use case behind every yes and no."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._auditor = Auditor(desk.clock, desk.ids)

    def __call__(self, decision: Decision) -> Approval:
        """The approval as it stands after the decision; deciding the same again changes nothing.

        Raises:
            NotFound: the tenant has no such approval.
            ApprovalAlreadyDecided: somebody else has decided, or time has.
            ApprovalSuperseded: it was cancelled, or asks for something else than the decider saw.
            SelfApprovalForbidden, ApproverLimitExceeded, Denied: the decider may not.
            Invalid: a rejection without a reason, an amount above the one asked for, a comment that must not be kept.
        """
        if decision.answer == "rejected" and not decision.comment:
            raise Invalid("Say why it is rejected", (Detail("reason", "A rejection needs its reason"),))
        return self._desk.keep_trying(lambda: self._decided(decision))

    def _decided(self, decision: Decision) -> Approval:
        case = self._desk.case(decision.tenant, decision.approval)
        approval = case.approval
        if _is_own_effect(approval, decision):
            return approval
        insist_on_open(approval, decision.seen)
        self._desk.insist_on_right(case, decision.decider)
        amount_minor = _amount_of(case, decision)
        insist_on_limit(approval, case.settings, decision.decider, amount_minor)
        act = Act(decision.decider.id, decision.via, self._desk.clock.now())
        needs_two = case.settings.needs_two(amount_minor, approval.currency)
        if decision.answer == "approved" and needs_two and not _others_consented(approval, decision.decider):
            return self._one_of_two(case, decision, act)
        return self._ruled(case, decision, act, amount_minor)

    def _one_of_two(self, case: Case, decision: Decision, act: Act) -> Approval:
        """The first of two people: the question stays open for another one."""
        after = consented(case.approval, act)
        entry = self._entry(case, decision, "approval consent", case.approval.amount_minor)
        self._desk.approvals.change(case.approval, after, of_consent(after, act, decision.comment), None, entry)
        return after

    def _ruled(self, case: Case, decision: Decision, act: Act, amount_minor: int) -> Approval:
        after = ruled(case.approval, Ruling(decision.answer, act, decision.comment), amount_minor)
        command = "approval approve" if decision.answer == "approved" else "approval reject"
        entry = self._entry(case, decision, command, amount_minor)
        step = (
            _to_be_paid(case, act, amount_minor)
            if decision.answer == "approved"
            else turned_down(case, act, decision.comment)
        )
        self._desk.approvals.change(case.approval, after, of_end(after, act), step, entry)
        return after

    def _entry(self, case: Case, decision: Decision, command: str, amount_minor: int) -> AuditEntry:
        """Who decided what, on which ground, and what they had been recommended."""
        refund, request = case.refund, case.request
        ground = request.ground
        advice = recommended(request.decision, refund.reason, [kind for kind, _ in request.evidence])
        details = {
            "refundId": refund.id,
            "processor": refund.transaction.processor,
            "keyId": refund.key_id,
            "factsHash": digest_of(ground.facts) if ground else None,
            "policyId": ground.policy_id if ground else None,
            "policyVersion": ground.policy_version if ground else None,
            "recommendation": advice.recommendation,
            "humanOverride": advice.overridden_by(decision.answer),
            "amount": amount_minor,
            "currency": refund.money.currency,
            "comment": decision.comment,
        }
        by = By(decision.actor or decision.decider.id)
        channel = AUDITED_AS[decision.via]
        return self._auditor.entry(by, command, case.approval.id, decision.tenant, channel=channel, details=details)


def _is_own_effect(approval: Approval, decision: Decision) -> bool:
    """Whether the same person has decided the same before (decision 11: one's own effect again is no mistake)."""
    ruling = approval.ruling
    if ruling is not None:
        return (ruling.verdict, ruling.act.by) == (decision.answer, decision.decider.id)
    consents = [act.by for act in approval.consents]
    return approval.is_open and decision.answer == "approved" and decision.decider.id in consents


def _others_consented(approval: Approval, decider: Decider) -> bool:
    return any(act.by != decider.id for act in approval.consents)


def _amount_of(case: Case, decision: Decision) -> int:
    """What would be paid. Raises Invalid for more than is asked, or less where two people have to mean the same."""
    asked = case.approval.amount_minor
    wanted = decision.amount_minor
    if wanted is None or decision.answer == "rejected":
        return asked
    if not 0 < wanted <= asked:
        raise Invalid("An approval can only lower the amount", (Detail("amount", f"1 to {asked}"),))
    if wanted < asked and case.settings.needs_two(wanted, case.approval.currency):
        raise Invalid("Two people approve this refund: neither can change its amount", (Detail("amount", str(asked)),))
    return wanted


def _to_be_paid(case: Case, act: Act, amount_minor: int) -> RefundStep:
    refund = case.refund
    after = moved(lowered(refund, amount_minor), "pending", act.at, next_look_at=act.at + FIRST_LOOK_AFTER)
    return RefundStep(refund, after, of_change(refund, after), lowering_of(refund, after))


def turned_down(case: Case, act: Act, reason: str | None) -> RefundStep:
    """The refund is rejected, for the reason that its caller is told, and its money is free again."""
    refund = case.refund
    after = replace(moved(refund, "rejected", act.at), status_detail=reason)
    return RefundStep(refund, after, of_change(refund, after), change_of("release", refund))
