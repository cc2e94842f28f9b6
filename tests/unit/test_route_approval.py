"""Approvals are escalated, asked about, answered and commented on, and time goes on or stands still with that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from refundkit_core.application.approval_desk import Seen
from refundkit_core.application.route_approval import Reply
from refundkit_core.domain import errors
from refundkit_core.domain.approval_clock import due

from tests.support.approvals import ANN, BEN, OWNER, REQUESTER, ApprovalDesk
from tests.support.builders import TENANT


def test_an_escalated_approval_is_for_the_next_level() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    approval = desk.route.escalate(desk.move(refund, text="Too much for me"))

    assert (approval.status, approval.level, approval.revision) == ("escalated", 1, 2)
    assert desk.approvals.history(TENANT, approval.id)[-1].note == "Too much for me"
    with pytest.raises(errors.Denied):
        desk.says(refund)
    assert desk.says(refund, by=OWNER).status == "approved"


def test_nobody_is_above_the_last_level() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.escalate(desk.move(refund))

    with pytest.raises(errors.Invalid):
        desk.route.escalate(desk.move(refund, by=OWNER))
    assert desk.approval(refund).level == 1


def test_while_information_is_asked_for_the_levels_clock_stands_still() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    approval = desk.route.request_info(desk.move(refund, text="A photo?"), "request_evidence")

    assert (approval.status, desk.now(refund).status_detail) == ("info_requested", "info_requested")
    assert due(approval, desk.approval_desk.settings(TENANT)) == ("expire", desk.clock.now() + timedelta(days=7))
    desk.clock.advance(seconds=3 * 86_400)
    answered = desk.replies(refund, text="photo.jpg")
    assert (answered.status, answered.question, desk.now(refund).status_detail) == ("pending", None, None)
    assert due(answered, desk.approval_desk.settings(TENANT)).at == desk.clock.now() + timedelta(hours=24)
    assert desk.history(refund) == ["approval.pending", "approval.info_requested", "approval.info_given"]
    assert desk.timeline(refund) == ["refund.initiated", "refund.info_requested", "refund.noted"]


def test_the_answer_may_ask_for_less_and_voids_what_was_sent_about_more() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.request_info(desk.move(refund), "offer_replacement")

    approval = desk.replies(refund, amount_minor=1500)

    assert (approval.amount_minor, approval.revision) == (1500, 2)
    assert desk.sums == (1500, 0, 3500)
    with pytest.raises(errors.ApprovalSuperseded):
        desk.says(refund, seen=Seen(revision=1))
    assert desk.now(refund).status == "pending_approval"
    desk.says(refund, seen=Seen(revision=2))
    assert desk.execute(refund) == "settled"
    assert desk.processor.orders[-1].amount_minor == 1500


def test_the_same_amount_keeps_what_was_sent_and_who_agreed() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.request_info(desk.move(refund), "request_evidence")

    assert desk.replies(refund).revision == 1


@pytest.mark.parametrize("amount", [0, 2001])
def test_the_answer_never_asks_for_more(amount: int) -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.request_info(desk.move(refund), "request_evidence")

    with pytest.raises(errors.Invalid):
        desk.replies(refund, amount_minor=amount)
    assert desk.sums == (2000, 0, 3000)


def test_what_nobody_asked_cannot_be_answered() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    with pytest.raises(errors.NothingAsked):
        desk.replies(refund)
    desk.says(refund)
    with pytest.raises(errors.ApprovalAlreadyDecided):
        desk.replies(refund)
    with pytest.raises(errors.NotFound):
        desk.answer(desk_reply("ref_nonsense"))


def desk_reply(refund_id: str) -> Reply:
    return Reply(TENANT, refund_id, REQUESTER.id, REQUESTER.id, "x")


def test_a_question_does_not_keep_others_from_deciding() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.route.request_info(desk.move(refund), "request_evidence")

    assert desk.says(refund, by=BEN).status == "approved"
    assert desk.now(refund).status == "pending"


def test_a_comment_is_kept_and_asks_nobody_anew() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    approval = desk.route.comment(desk.move(refund, text="Called the shop"))

    assert (approval.version, approval.revision) == (2, 1)
    assert desk.approvals.history(TENANT, approval.id)[-1].note == "Called the shop"
    assert "Called the shop" not in str(desk.approvals.history(TENANT, approval.id)[-1].payload)


@pytest.mark.parametrize("does", ["escalate", "comment"])
def test_whoever_asked_for_the_refund_does_nothing_with_its_approval(does: str) -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()

    with pytest.raises(errors.SelfApprovalForbidden):
        getattr(desk.route, does)(desk.move(refund, by=REQUESTER))


def test_a_closed_approval_takes_no_more_moves() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.says(refund)

    with pytest.raises(errors.ApprovalAlreadyDecided):
        desk.route.comment(desk.move(refund, by=ANN))
    with pytest.raises(errors.ApprovalAlreadyDecided):
        desk.route.escalate(desk.move(refund, by=BEN))


def test_a_comment_that_shows_an_address_is_not_kept() -> None:
    desk = ApprovalDesk()
    with pytest.raises(errors.Invalid):
        desk.route.comment(desk.move(desk.waiting(), text="ask jo@example.com"))
