"""People decide: one decision, one execution, nobody their own, nobody beyond their limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from refundkit_core.application.approval_desk import Seen
from refundkit_core.application.decide_approval import Answer
from refundkit_core.domain import errors
from refundkit_core.domain.approvals import Act, Ruling, Via, covers, seal_of
from refundkit_core.domain.house_rules import HouseRules
from refundkit_core.domain.routing import ApprovalSettings, Level

from tests.support.approvals import AGENT_BOT, ANN, BEN, OWNER, REQUESTER, ApprovalDesk, person
from tests.support.builders import OTHER_TENANT, TENANT

TWO = ApprovalSettings(two_person_above_minor=1500, version=1)


def test_an_approved_refund_is_paid_and_the_trail_says_who_and_on_what_ground() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    approval = desk.says(refund, comment="Seen the photo")

    assert (approval.status, desk.now(refund).status) == ("approved", "pending")
    assert approval.ruling == Ruling("approved", Act(ANN.id, "api", desk.clock.now()), "Seen the photo")
    assert desk.timeline(refund) == ["refund.initiated", "refund.approved"]
    assert desk.history(refund) == ["approval.pending", "approval.decided"]
    assert desk.execute(refund) == "settled"
    assert desk.now(refund).status == "completed"
    (entry,) = desk.store.audited
    assert (entry.command, entry.target, entry.channel) == ("approval approve", approval.id, "api")
    said = dict(entry.details)
    assert len(str(said.pop("factsHash"))) == 64
    assert said == {
        "refundId": refund.id,
        "processor": "stripe",
        "keyId": "key_1",
        "policyId": desk.policies.published[0].policy_id,
        "policyVersion": 1,
        "recommendation": "auto_approve",
        "amount": 2000,
        "currency": "usd",
        "comment": "Seen the photo",
    }


def test_a_rejected_refund_is_never_paid_its_money_is_free_and_its_caller_told_why() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    assert desk.sums == (2000, 0, 3000)

    desk.says(refund, "rejected", comment="Worn")

    after = desk.now(refund)
    assert (after.status, after.status_detail) == ("rejected", "Worn")
    assert desk.sums == (0, 0, 5000)
    assert desk.execute(refund) == "nothing_to_do"
    assert desk.store.audited[0].details["humanOverride"] == "rejected"


def test_a_rejection_needs_a_reason() -> None:
    desk = ApprovalDesk()
    with pytest.raises(errors.Invalid):
        desk.says(desk.waiting(), "rejected", comment=None)


def test_the_second_decision_is_refused_and_names_the_first() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.says(refund)

    with pytest.raises(errors.ApprovalAlreadyDecided) as refused:
        desk.says(refund, "rejected", by=BEN)

    assert refused.value.details[0] == errors.Detail("decidedBy", ANN.id)
    assert desk.now(refund).status == "pending"


def test_deciding_the_same_again_changes_nothing_but_the_other_way_is_refused() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    first = desk.says(refund)

    assert desk.says(refund) == first
    with pytest.raises(errors.ApprovalAlreadyDecided):
        desk.says(refund, "rejected")
    assert len(desk.store.audited) == 1


@pytest.mark.parametrize("via", ["api", "session", "email", "slack"])
@pytest.mark.parametrize("answer", ["approved", "rejected"])
def test_nobody_decides_their_own_request_by_any_channel_and_another_can(via: Via, answer: Answer) -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    with pytest.raises(errors.SelfApprovalForbidden):
        desk.says(refund, answer, by=REQUESTER, via=via)

    assert desk.approval(refund).status == "pending"
    assert desk.says(refund).status == "approved"


def test_of_an_old_approval_the_keys_owner_is_the_requester() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting(owner=None)
    desk.keys.owners["key_1"] = ANN.id

    with pytest.raises(errors.SelfApprovalForbidden):
        desk.says(refund)
    assert desk.says(refund, by=BEN).status == "approved"


def test_an_agent_does_not_decide_what_it_asked_for() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting(owner=AGENT_BOT.id, agent=AGENT_BOT.id)

    with pytest.raises(errors.SelfApprovalForbidden):
        desk.says(refund, by=AGENT_BOT)


def test_nobody_decides_beyond_their_own_limit() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    for answer in ("approved", "rejected"):
        with pytest.raises(errors.ApproverLimitExceeded):
            desk.says(refund, answer, by=person(5, limit=1999))
    with pytest.raises(errors.ApproverLimitExceeded):
        desk.says(refund, by=person(5, limit=5000, currency="eur"))
    assert desk.says(refund, by=person(5, limit=2000)).status == "approved"


def test_within_the_limit_a_part_may_be_approved_of_what_is_above_it() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    assert desk.says(refund, by=person(5, limit=1500), amount_minor=1500).amount_minor == 1500


def test_a_member_who_only_reads_decides_nothing() -> None:
    desk = ApprovalDesk()
    with pytest.raises(errors.Denied):
        desk.says(desk.waiting(), by=person(5, "member"))


def test_only_the_people_of_the_level_and_those_above_it_decide() -> None:
    levels = (Level("First", 3600, (ANN.id,)), Level("Second", 3600, ("owner",)))
    desk = ApprovalDesk(ApprovalSettings(levels=levels, version=1))

    with pytest.raises(errors.Denied):
        desk.says(desk.waiting(), by=BEN)
    assert desk.says(desk.waiting(reason="other"), by=ANN).status == "approved"
    assert desk.says(desk.waiting(amount_minor=1000), by=OWNER).status == "approved"


def test_more_than_the_first_level_may_decide_begins_at_the_next() -> None:
    levels = (Level("First", 3600, limit_minor=1500), Level("Second", 3600, ("owner",)))
    desk = ApprovalDesk(ApprovalSettings(levels=levels, version=1))

    small, large = desk.waiting(amount_minor=1500), desk.waiting(amount_minor=1501)

    assert (desk.approval(small).level, desk.approval(large).level) == (0, 1)
    with pytest.raises(errors.Denied):
        desk.says(large)
    assert desk.says(large, by=OWNER).status == "approved"


def test_less_than_was_asked_for_may_be_approved_and_the_rest_is_free() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    desk.says(refund, amount_minor=1200)

    after = desk.now(refund)
    assert (after.money.amount_minor, after.lowered_minor, after.gross_minor) == (1200, 800, 2000)
    assert desk.sums == (1200, 0, 3800)
    assert desk.execute(refund) == "settled"
    assert desk.sums == (0, 1200, 3800)
    assert desk.processor.orders[-1].amount_minor == 1200


@pytest.mark.parametrize("amount", [2001, 0, -1])
def test_an_approval_never_raises_the_amount(amount: int) -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    with pytest.raises(errors.Invalid):
        desk.says(refund, amount_minor=amount)
    assert desk.approval(refund).status == "pending"


def test_two_people_must_approve_and_one_twice_is_not_two() -> None:
    desk = ApprovalDesk(TWO)
    refund = desk.waiting()

    first = desk.says(refund)
    again = desk.says(refund, via="slack")

    assert first == again
    assert (first.status, [act.by for act in first.consents]) == ("pending", [ANN.id])
    assert desk.now(refund).status == "pending_approval"
    second = desk.says(refund, by=BEN)
    assert (second.status, second.ruling and second.ruling.act.by) == ("approved", BEN.id)
    assert desk.history(refund) == ["approval.pending", "approval.consented", "approval.decided"]
    assert [entry.command for entry in desk.store.audited] == ["approval consent", "approval approve"]


def test_one_of_two_is_enough_to_reject() -> None:
    desk = ApprovalDesk(TWO)
    refund = desk.waiting()
    desk.says(refund)

    assert desk.says(refund, "rejected", by=BEN).status == "rejected"


def test_where_two_must_approve_neither_changes_the_amount_and_an_agent_is_none() -> None:
    desk = ApprovalDesk(TWO)
    refund = desk.waiting()

    with pytest.raises(errors.Invalid):
        desk.says(refund, amount_minor=1600)
    with pytest.raises(errors.ApproverLimitExceeded):
        desk.says(refund, by=AGENT_BOT)
    assert desk.says(refund, amount_minor=1500).status == "approved"


def test_another_currency_than_the_settings_needs_two() -> None:
    settings = replace(TWO, house=HouseRules(currency="eur"))
    desk = ApprovalDesk(settings)

    assert desk.says(desk.waiting(amount_minor=1000)).status == "pending"


def test_a_decision_on_something_else_than_was_seen_is_refused() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.escalate(desk.move(refund))

    with pytest.raises(errors.ApprovalSuperseded):
        desk.says(refund, by=OWNER, seen=Seen(revision=1))
    with pytest.raises(errors.ApprovalSuperseded):
        desk.says(refund, by=OWNER, seen=Seen(version=1))
    assert desk.says(refund, by=OWNER, seen=Seen(2, 2)).status == "approved"


def test_a_cancelled_refund_cannot_be_approved_any_more() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.cancel(TENANT, refund.id)

    with pytest.raises(errors.ApprovalSuperseded):
        desk.says(refund)
    assert desk.approval(refund).status == "superseded"
    assert desk.history(refund) == ["approval.pending", "approval.superseded"]
    assert desk.sums == (0, 0, 5000)


def test_an_approval_of_nobody_or_of_somebody_else_is_not_found() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    for named in ("apr_nonsense", "apr_" + "0" * 26, "ref_" + "0" * 26, "x"):
        with pytest.raises(errors.NotFound):
            desk.approval_desk.case(TENANT, named)
    with pytest.raises(errors.NotFound):
        desk.approval_desk.case(OTHER_TENANT, refund.id)


def test_a_refund_that_is_not_as_approved_is_not_paid() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.says(refund)
    approved = desk.approval(refund)
    desk.store.approvals[TENANT, approved.id] = replace(approved, amount_minor=1999)

    assert desk.execute(refund) == "settled"

    after = desk.now(refund)
    assert (after.status, after.status_detail) == ("failed", "not_as_approved")
    assert desk.processor.orders == []
    assert desk.sums == (0, 0, 5000)


def test_a_seal_covers_the_amount_or_less_and_nothing_else() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    approval = desk.says(refund)

    def paying(amount_minor: int, **changes: Any) -> bool:
        money = replace(refund.money, amount_minor=amount_minor)
        return covers(approval, replace(refund, money=money, **changes))

    assert paying(2000)
    assert paying(1)
    assert not paying(2001)
    assert not paying(2000, id="ref_" + "0" * 26)
    assert not covers(approval, replace(refund, money=replace(refund.money, currency="eur")))
    elsewhere = refund.transaction._replace(charge_id="ch_2")
    assert not paying(2000, transaction=elsewhere)
    assert not covers(replace(approval, status="rejected"), refund)
    assert not covers(replace(approval, seal=None), refund)
    assert seal_of(replace(approval, amount_minor=1)) != approval.seal
