"""Approvals through their routes: the queue, the reviewer's pane, and what people may and may not do."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.integration.people import BOT, DECIDING, People

NEVER = "apr_00000000000000000000000000"


@pytest.fixture
def people(world: World) -> People:
    return People(world)


def history(people: People, approval: str) -> list[str]:
    return [entry["type"] for entry in people.approval(approval)["history"]]


def trail(people: People) -> list[tuple[str, str, str]]:
    """Who did what by which channel to approvals of the test mode."""
    from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail

    entries = DynamoAuditTrail(people.world.container.table).of(people.world.tenant)
    return [(e.command, e.actor.split(" ")[0], e.channel) for e in entries if e.command.startswith("approval ")]


def test_a_refund_is_reviewed_approved_and_paid(people: People) -> None:
    ann, refund = people.join(), people.waiting()
    apr = refund["approvalId"]

    (listed,) = people.asks("GET", "/v1/approvals", key=ann.key)
    pane = people.asks("GET", f"/v1/approvals/{apr}", key=ann.key)
    decided = people.decide(apr, ann, comment="Seen the photo")

    assert (listed["id"], listed["amount"], listed["status"]) == (apr, 35_000, "pending")
    assert listed["requestedBy"] == BOT["id"]
    assert listed == {name: pane[name] for name in listed}
    assert pane["refund"]["id"] == refund["id"]
    assert [rule["rule"] for rule in pane["trace"] if rule["effect"] == "review"] == ["auto_approve"]
    assert (pane["riskScore"], pane["riskLevel"], pane["recommendation"]) == (15, "low", "auto_approve")
    assert [(signal["type"], signal["points"]) for signal in pane["signals"]] == [("amount_anomaly", 15)]
    assert pane["facts"]["amountMinor"] == 35_000
    at = iso(people.world.clock.now())
    assert decided == {
        **listed,
        "status": "approved",
        "decided": {"by": ann.id, "channel": "api", "at": at},
        "comment": "Seen the photo",
        "consentsNeeded": 0,
        "due": None,
        "dueAt": None,
        "version": 2,
    }
    people.world.execute(refund["id"])
    assert people.world.shown(refund["id"])["status"] == "completed"
    (paid,) = people.world.paid_at_stripe(refund["id"])
    assert paid["amount"] == 35_000
    assert people.asks("GET", "/v1/approvals") == []
    assert [each["id"] for each in people.asks("GET", "/v1/approvals?status=approved")] == [apr]
    assert trail(people) == [("approval approve", ann.id, "api")]


def test_a_rejection_needs_its_reason_and_frees_the_money(people: People) -> None:
    ann, refund = people.join(), people.waiting()

    assert people.may_not(refund["approvalId"], ann, "reject") == (400, "validation_error")
    rejected = people.decide(refund["approvalId"], ann, "reject", reason="Signed for")

    assert (rejected["status"], rejected["comment"]) == ("rejected", "Signed for")
    shown = people.world.shown(refund["id"])
    assert (shown["status"], shown["statusDetail"]) == ("rejected", "Signed for")
    again = people.asks(
        "POST", "/v1/refunds", {"transactionId": refund["transactionId"], "amount": 1000, "reason": "other"}
    )
    assert again["status"] == "pending"


def test_a_refunds_id_names_its_approval_and_what_nobody_has_is_not_found(people: People) -> None:
    ann, refund = people.join(), people.waiting()

    assert people.approval(refund["id"])["id"] == refund["approvalId"]
    assert people.decide(refund["id"], ann)["status"] == "approved"
    for named in (NEVER, "ref_00000000000000000000000000", "apr_", "x"):
        assert people.may_not(named, ann) == (404, "not_found")


def test_ones_own_effect_again_is_fine_and_anothers_is_409_with_who_and_when(people: People) -> None:
    ann, ben, refund = people.join(), people.join(), people.waiting()
    first = people.decide(refund["approvalId"], ann)

    assert people.decide(refund["approvalId"], ann) == first
    status, envelope, _ = people.world.call(
        "POST", f"/v1/approvals/{refund['approvalId']}/reject", {"reason": "No"}, key=ben.key
    )
    assert (status, envelope["error"]["code"]) == (409, "approval_already_decided")
    assert [each["message"] for each in envelope["error"]["details"]] == [ann.id, first["decided"]["at"]]
    assert len(trail(people)) == 1


def test_nobody_decides_what_they_asked_for_with_whichever_key_and_another_can(people: People) -> None:
    ann, ben = people.join("admin", scopes=[*DECIDING, "refunds:write"]), people.join()
    refund = people.waiting(key=ann.key)
    second_key = people.key_for({"type": "member", "id": ann.id}, DECIDING)

    for key in (ann.key, second_key):
        for verb, body in (
            ("approve", {}),
            ("reject", {"reason": "No"}),
            ("escalate", {}),
            ("comment", {"comment": "x"}),
        ):
            refused = people.refused("POST", f"/v1/approvals/{refund['approvalId']}/{verb}", body, key=key)
            assert refused == (403, "self_approval_forbidden")
    assert people.approval(refund["approvalId"])["status"] == "pending"
    assert people.decide(refund["approvalId"], ben)["status"] == "approved"


def test_an_agent_decides_only_with_the_right_by_name_and_never_its_own(people: People) -> None:
    refund = people.waiting()
    for scopes, refused in (
        (["admin"], (403, "unauthorized")),
        (["approvals:decide"], (403, "self_approval_forbidden")),
    ):
        key = people.key_for(BOT, scopes)
        assert people.refused("POST", f"/v1/approvals/{refund['approvalId']}/approve", {}, key=key) == refused
    other = people.key_for({"type": "agent", "id": "checker"}, ["approvals:decide"])
    path = f"/v1/approvals/{refund['approvalId']}/approve"
    assert people.asks("POST", path, {}, key=other)["decided"]["by"] == "checker"


def test_nobody_decides_beyond_their_limit_but_may_approve_what_is_within(people: People) -> None:
    clerk, refund = people.join(limit=20_000), people.waiting()

    assert people.may_not(refund["approvalId"], clerk) == (403, "approver_limit_exceeded")
    approved = people.decide(refund["approvalId"], clerk, amount=20_000)

    assert approved["amount"] == 20_000
    people.world.execute(refund["id"])
    (paid,) = people.world.paid_at_stripe(refund["id"])
    assert paid["amount"] == 20_000
    shown = people.world.shown(refund["id"])
    assert (shown["status"], shown["amount"], shown["grossAmount"]) == ("completed", 20_000, 35_000)


def test_a_member_without_a_deciding_role_cannot_even_have_a_key_that_decides(people: People) -> None:
    with pytest.raises(AssertionError, match="unauthorized"):
        people.join("member")


def test_above_the_two_person_amount_two_different_people_approve(people: People) -> None:
    people.asks("PUT", "/v1/settings/approvals", {"twoPersonAbove": 30_000})
    ann, ben, refund = people.join(), people.join(), people.waiting()
    apr = refund["approvalId"]

    assert people.approval(apr)["consentsNeeded"] == 2
    first = people.decide(apr, ann)
    people.world.clock.advance(seconds=1)
    again = people.decide(apr, ann)

    assert (first["status"], first["consentsNeeded"], first["consents"][0]["by"]) == ("pending", 1, ann.id)
    assert again == first
    assert people.world.shown(refund["id"])["status"] == "pending_approval"
    assert people.decide(apr, ben)["status"] == "approved"
    assert trail(people) == [("approval consent", ann.id, "api"), ("approval approve", ben.id, "api")]


def test_a_question_stops_the_clock_and_its_answer_goes_on_with_less(people: People) -> None:
    ann, refund = people.join(), people.waiting()
    apr = refund["approvalId"]
    path = f"/v1/refunds/{refund['id']}/info"

    assert people.refused("POST", path, {"answer": "What?"}, key=people.bot) == (409, "approval_superseded")
    asked = people.decide(apr, ann, "request-info", question="A photo?", action="request_evidence")
    assert (asked["status"], asked["question"]["question"], asked["due"]) == ("info_requested", "A photo?", "expire")
    assert people.world.shown(refund["id"])["statusDetail"] == "info_requested"
    evidence = [{"kind": "photo", "reference": "https://shop.example/1.jpg"}]
    assert people.refused("POST", path, {"answer": "More", "amount": 35_001}, key=people.bot)[0] == 400
    answered = people.asks(
        "POST", path, {"answer": "Half will do", "evidence": evidence, "amount": 17_500}, key=people.bot
    )

    assert (answered["status"], answered["amount"], answered["question"]) == ("pending", 17_500, None)
    assert history(people, apr) == ["approval.pending", "approval.info_requested", "approval.info_given"]
    notes = [entry["note"] for entry in people.approval(apr)["history"]]
    assert notes == [None, "A photo?", "Half will do\nphoto: https://shop.example/1.jpg"]
    people.decide(apr, ann)
    people.world.execute(refund["id"])
    assert [paid["amount"] for paid in people.world.paid_at_stripe(refund["id"])] == [17_500]


def test_a_decision_on_another_version_than_was_read_is_superseded_and_pays_nothing(people: People) -> None:
    ann, ben, refund = people.join(), people.join(), people.waiting()
    apr = refund["approvalId"]
    people.decide(apr, ben, "comment", comment="Careful")

    assert people.may_not(apr, ann, version=1) == (409, "approval_superseded")
    assert people.may_not(apr, ann, "escalate", version=1) == (409, "approval_superseded")
    assert people.world.paid_at_stripe(refund["id"]) == []
    assert people.decide(apr, ann, version=2)["status"] == "approved"


def test_levels_have_limits_and_people_and_an_escalation_asks_the_next(people: People) -> None:
    levels = [
        {"name": "Leads", "approvers": ["approver"], "limit": 40_000, "deadlineMinutes": 60},
        {"name": "Owners", "approvers": ["owner"], "deadlineMinutes": 120},
    ]
    people.asks("PUT", "/v1/settings/approvals", {"levels": levels})
    ann, small, large = people.join(), people.waiting(), people.waiting(50_000)

    assert people.approval(large["approvalId"])["level"] == 1
    assert people.may_not(large["approvalId"], ann) == (403, "unauthorized")
    mine = people.asks("GET", f"/v1/approvals?assignee={ann.id}")
    assert [each["id"] for each in mine] == [small["approvalId"]]
    escalated = people.decide(small["approvalId"], ann, "escalate", comment="Above me")
    assert (escalated["status"], escalated["level"], escalated["levelName"]) == ("escalated", 1, "Owners")
    assert people.may_not(small["approvalId"], ann) == (403, "unauthorized")
    assert {each["id"] for each in people.asks("GET", "/v1/approvals?level=1")} == {
        small["approvalId"],
        large["approvalId"],
    }
    assert people.decide(large["approvalId"], people.owner)["status"] == "approved"
    assert people.may_not(small["approvalId"], people.owner, "escalate")[0] == 400


def test_settings_ask_more_than_the_policy_and_are_told_with_their_version(people: People) -> None:
    wanted: dict[str, Any] = {"autoApproveBelow": 1000, "reviewCategories": ["jewellery"]}
    stands = people.asks("PUT", "/v1/settings/approvals", wanted)
    assert (stands["version"], stands["autoApproveBelow"]) == (1, 1000)
    assert people.refused("PUT", "/v1/settings/approvals", {"version": 0}) == (409, "approval_superseded")
    assert people.asks("GET", "/v1/settings/approvals") == stands

    waiting = people.waiting(1000)
    reasons = people.approval(waiting["approvalId"])["reasons"]

    assert reasons == ["house_auto_approve"]
    charge = people.world.charge()
    body = {"transactionId": charge["id"], "amount": 999, "reason": "other"}
    assert people.asks("POST", "/v1/refunds", body)["status"] == "pending"
    assert people.refused("PUT", "/v1/settings/approvals", {"autoApproveBelow": 2, "requireReviewAbove": 1})[0] == 400


def test_cancelling_the_refund_supersedes_its_approval(people: People) -> None:
    ann, refund = people.join(), people.waiting()
    people.asks("POST", f"/v1/refunds/{refund['id']}/cancel", key=people.bot)

    assert people.approval(refund["approvalId"])["status"] == "superseded"
    assert people.may_not(refund["approvalId"], ann) == (409, "approval_superseded")
    assert history(people, refund["approvalId"]) == ["approval.pending", "approval.superseded"]


def test_a_comment_that_must_not_be_kept_is_refused_before_anything_moves(people: People) -> None:
    ann, refund = people.join(), people.waiting()

    assert people.may_not(refund["approvalId"], ann, comment="write to ada@example.com") == (400, "validation_error")
    assert people.approval(refund["approvalId"])["version"] == 1


def test_the_workflow_is_started_once_and_its_tokens_never_leave(people: People) -> None:
    ann, refund = people.join(), people.waiting()
    apr = refund["approvalId"]
    machine = people.world.container.settings.approval_state_machine_arn
    for _ in range(3):
        people.told(refund)

    executions = boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [each["name"] for each in executions] == [apr]
    people.waits(apr, "token-1")
    kept = people.world.container.approvals.token(people.world.tenant, apr)
    assert kept is not None
    assert (kept.token, kept.rung) == ("token-1", "Day")
    assert "token-1" not in str(people.world.call("GET", f"/v1/approvals/{apr}"))
    people.decide(apr, ann)
    people.told(refund)
    closed = people.world.container.approvals.find(people.world.tenant, apr)
    assert closed is not None
    assert closed.next_look_at is None


def test_time_reminds_escalates_and_expires_under_the_sweep_alone(people: People) -> None:
    refund = people.waiting()
    people.told(refund)
    for _ in range(30):
        people.world.clock.advance(hours=6)
        people.world.sweep_and_work(minutes=1)
        people.work()

    shown = people.world.shown(refund["id"])
    assert (shown["status"], shown["statusDetail"]) == ("rejected", "approval_expired")
    assert people.approval(refund["approvalId"])["status"] == "expired"
    told = history(people, refund["approvalId"])
    assert told[0] == "approval.pending"
    assert told[-1] == "approval.expired"
    assert {"approval.reminded", "approval.escalated"} <= set(told)
    assert people.may_not(refund["approvalId"], people.join()) == (409, "approval_already_decided")
