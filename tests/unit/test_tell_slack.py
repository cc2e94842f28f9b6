"""What Slack is told: one message that changes in place, direct messages, threads, pointers and reports."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.application.notify_ports import Heard, Subject
from refundkit_core.application.slack_messages import (
    CaseFacts,
    Reference,
    ask_window,
    case_message,
    closing_line,
    notice_window,
    pointer,
    reject_window,
)
from refundkit_core.application.slack_ports import Message, Post, SlackConnection
from refundkit_core.domain.approvals import Act, Ruling, asked_about, ruled
from refundkit_core.domain.errors import NotDelivered, SlackRefused, StoreConflict
from refundkit_core.domain.orders import Order
from refundkit_core.domain.routing import DEFAULT_SETTINGS, ApprovalSettings, Level
from refundkit_core.domain.slack_text import cut, escaped, link, quoted

from local.slack_block_kit import faults_of_message, faults_of_modal
from tests.support.approvals import ANN, BEN, OWNER
from tests.support.builders import TENANT, TRANSACTION, refund
from tests.support.clock import START
from tests.support.people import heard_of
from tests.support.slack import webhook
from tests.support.slack_desk import SlackDesk, buttons_of, words_of

CONNECTION = "con_00000000000000000000000001"
DAY_S = 86_400


def test_a_refund_that_waits_is_one_message_with_buttons_that_name_ids_only() -> None:
    desk = SlackDesk()
    desk.orders.registered[TRANSACTION] = Order(TENANT, TRANSACTION, 1, START, order_id="A-1001")
    waiting = desk.waiting()

    assert desk.hears_of(waiting).outcome == "told"
    assert desk.hears_of(waiting).outcome == "told"

    said = words_of(desk.message)
    for part in ("20.00 USD", "A-1001", "product defective", "Approvers", "[test]", str(waiting.approval_id)):
        assert part in said
    about = f"{CONNECTION}.{waiting.approval_id}.1"
    assert [(each["action_id"], each["value"]) for each in buttons_of(desk.message)] == [
        ("approve", about),
        ("reject", about),
        ("ask", about),
        ("escalate", about),
    ]


def test_whoever_is_asked_and_known_in_slack_gets_link_and_code_alone() -> None:
    desk = SlackDesk()
    desk.hears_of(desk.waiting())

    assert [user for user, _ in desk.slack.directs] == ["U0ANN", "U0OWNER"]
    for _, message in desk.slack.directs:
        assert "/approvals/callback?token=" in words_of(message)
        assert "Your code: *" in words_of(message)
    assert desk.slack.directs[0][1] != desk.slack.directs[1][1]


def test_the_channel_sees_no_link_no_code_and_no_customer() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    codes = [words_of(message).split("Your code: *")[1][:6] for _, message in desk.slack.directs]
    desk.says(waiting)
    desk.hears_of(waiting)

    public = json.dumps([message._asdict() for message in desk.slack.in_channel]) + json.dumps(desk.message._asdict())
    assert "token=" not in public
    assert "http" not in public
    assert "@example.com" not in public
    assert not [code for code in codes if code in public]


def test_after_the_decision_the_same_message_says_who_when_and_why_and_has_no_buttons() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.says(waiting, comment="Seen the <photo> & agreed")
    desk.hears_of(waiting)

    ((post, message),) = desk.slack.updates
    assert post.ts == "1.000001"
    assert buttons_of(message) == []
    assert "Approved by <@U0ANN> at <!date^" in words_of(message)
    assert "> Seen the &lt;photo&gt; &amp; agreed" in words_of(message)
    assert len(desk.slack.in_channel) == 1


def test_who_is_unknown_in_slack_is_named_and_never_taken_for_markup() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.says(waiting, "rejected", by=BEN)
    desk.hears_of(waiting)

    assert "Rejected by Ben &lt;b&gt; &amp; Co at" in words_of(desk.message)


def test_one_of_two_is_shown_and_the_buttons_stay() -> None:
    desk = SlackDesk(ApprovalSettings(channels=("slack",), two_person_above_minor=1000))
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.says(waiting)
    desk.hears_of(waiting)

    assert "Approved by <@U0ANN>" in words_of(desk.message)
    assert "Another person has to approve it as well" in words_of(desk.message)
    assert len(buttons_of(desk.message)) == 4


def test_an_escalation_changes_the_message_its_revision_and_tells_the_thread() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.route.escalate(desk.move(waiting))
    desk.hears_of(waiting)

    assert "Owners and admins" in words_of(desk.message)
    assert [button["action_id"] for button in buttons_of(desk.message)] == ["approve", "reject", "ask"]
    assert {button["value"] for button in buttons_of(desk.message)} == {f"{CONNECTION}.{waiting.approval_id}.2"}
    (note,) = desk.slack.in_threads
    assert note.startswith("Escalated to Owners and admins. Due <!date^")


def test_a_reminder_is_a_line_in_the_thread_that_names_the_due_time() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.clock.advance(hours=25)
    desk.pass_time(TENANT, waiting.approval_id or "")
    assert desk.hears_of(waiting).outcome == "told"

    (note,) = desk.slack.in_threads
    assert note.startswith("Still waits for a decision. Due <!date^")
    assert len(desk.slack.in_channel) == 1


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_what_ends_without_a_decision_loses_its_buttons(how: str) -> None:
    desk = SlackDesk(ApprovalSettings(channels=("slack",), levels=(Level("Ann", DAY_S, (ANN.id,)),)))
    waiting = desk.waiting()
    desk.hears_of(waiting)
    if how == "cancelled":
        desk.cancel(TENANT, waiting.id)
    else:
        desk.clock.advance(hours=25)
        desk.pass_time(TENANT, waiting.approval_id or "")
    desk.hears_of(waiting)

    assert buttons_of(desk.message) == []
    assert ("cancelled" if how == "cancelled" else "nobody decided in time") in words_of(desk.message)


def test_old_news_of_what_is_decided_posts_nothing() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    opened = heard_of(desk.latest(waiting))
    desk.says(waiting)

    assert desk.notify(opened).outcome == "told"
    assert desk.hears_of(waiting).outcome == "told"
    assert desk.slack.posts == {}
    assert desk.slack.directs == []


def test_an_update_whose_message_is_about_to_be_posted_comes_back_and_finds_it() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    opened = heard_of(desk.latest(waiting))
    subject = Subject(TENANT, waiting.approval_id or "")
    outcomes: list[str] = []

    def decided_meanwhile() -> None:
        desk.slack.after_post = lambda: None
        desk.says(waiting)
        outcomes.append(desk.hears_of(waiting).outcome)

    desk.slack.after_post = decided_meanwhile
    desk.notify(opened)

    assert outcomes == ["failed"]
    assert buttons_of(desk.message) == [], "whoever posts looks again, and sees the decision"
    assert desk.posts.find(subject, desk.clock.now()) is not None
    desk.clock.advance(minutes=3)
    assert desk.hears_of(waiting).outcome == "told"
    assert buttons_of(desk.message) == []


def test_a_decision_between_the_news_and_the_claim_leaves_no_message_with_buttons() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    opened = heard_of(desk.latest(waiting))
    claim = desk.posts.claim

    def decided_first(subject: Subject, now: datetime) -> None:
        desk.says(waiting)
        claim(subject, now)

    desk.posts.claim = decided_first  # type: ignore[method-assign]
    desk.notify(opened)

    assert desk.slack.posts == {}


def test_an_older_update_that_arrives_last_does_not_bring_the_buttons_back() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.route.comment(desk.move(waiting))
    update = desk.slack.update

    def decided_meanwhile(connection: SlackConnection, post: Post, message: Message) -> None:
        desk.slack.update = update  # type: ignore[method-assign]
        desk.says(waiting)
        update(connection, post, message)

    desk.slack.update = decided_meanwhile  # type: ignore[method-assign]
    desk.hears_of(waiting)

    assert [len(buttons_of(message)) for _, message in desk.slack.updates] == [4, 0]


def test_what_slack_does_not_take_now_comes_alone_the_next_time() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.slack.failures["post"] = [NotDelivered("429")]

    assert desk.hears_of(waiting).outcome == "failed"
    assert [user for user, _ in desk.slack.directs] == ["U0ANN", "U0OWNER"]
    desk.clock.advance(minutes=3)
    assert desk.hears_of(waiting).outcome == "told"

    assert len(desk.slack.in_channel) == 1
    assert len(desk.slack.directs) == 2


def test_a_connection_that_slack_refuses_is_marked_until_it_is_taken_again() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.slack.failures["post"] = [SlackRefused("channel_not_found")]
    desk.hears_of(waiting)
    refused = desk.store_of_slack.of(TENANT)
    desk.clock.advance(minutes=3)
    desk.hears_of(waiting)
    taken = desk.store_of_slack.of(TENANT)

    assert refused is not None
    assert taken is not None
    assert (refused.status, taken.status) == ("error", "active")


def test_a_message_that_somebody_deleted_is_let_be() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.says(waiting)
    desk.slack.failures["update"] = [SlackRefused("message_not_found")]

    assert desk.hears_of(waiting).outcome == "told"
    assert len(desk.slack.in_channel) == 1


def test_a_person_whom_slack_does_not_know_breaks_no_connection() -> None:
    desk = SlackDesk()
    desk.slack.failures["direct"] = [SlackRefused("user_not_found")]

    assert desk.hears_of(desk.waiting()).outcome == "failed"
    standing = desk.store_of_slack.of(TENANT)
    assert standing is not None
    assert standing.status == "active"


def test_where_the_channel_is_turned_off_nothing_is_posted_and_what_stands_is_still_closed() -> None:
    desk = SlackDesk()
    first = desk.waiting()
    desk.hears_of(first)
    desk.switches.approvals = ApprovalSettings(channels=("email",))
    desk.says(first)
    desk.hears_of(first)
    desk.hears_of(desk.waiting(transaction_id="ch_1"))

    assert len(desk.slack.in_channel) == 1
    assert buttons_of(desk.message) == []
    assert len(desk.slack.directs) == 2


@pytest.mark.parametrize("changes", [{"status": "inactive"}, {"id": "con_00000000000000000000000009"}])
def test_a_message_of_another_connection_is_left_as_it_is(changes: dict[str, str]) -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.store_of_slack.connections[TENANT] = replace(desk.store_of_slack.connections[TENANT], **changes)  # type: ignore[arg-type]
    desk.says(waiting)

    assert desk.hears_of(waiting).outcome == "told"
    assert desk.slack.updates == []


def test_a_webhook_gets_a_pointer_and_how_it_ended_and_nothing_that_lets_anybody_in() -> None:
    desk = SlackDesk(slack=webhook())
    waiting = desk.waiting()
    desk.hears_of(waiting)
    desk.says(waiting, comment="Fine\nby me")
    desk.hears_of(waiting)

    pointed, closed = desk.slack.lines
    where = f"https://refunds.example/approvals/{waiting.approval_id}"
    assert pointed == f"[test] A refund of 20.00 USD waits for a decision: <{where}|sign in to decide>"
    assert closed.startswith("[test] Refund of 20.00 USD was approved · Approved by <@U0ANN> at <!date^")
    assert "Fine" in closed
    assert "\n" not in closed
    assert desk.slack.posts == {}
    assert desk.slack.directs == []


def test_reports_are_lines_of_ids_and_money_where_they_are_wanted() -> None:
    desk = SlackDesk(ApprovalSettings(reports=("auto_approved", "completed")))
    paid = desk.ask(amount_minor=900).refund
    desk.hears_of_refund(paid)
    desk.execute(paid)
    desk.hears_of_refund(paid)
    desk.hears_of_refund(paid)

    assert [message.text for message in desk.slack.in_channel] == [
        f"[test] Refund {paid.id} of 9.00 USD was approved by rule",
        f"[test] Refund {paid.id} of 9.00 USD was paid",
    ]


def test_reports_that_nobody_wants_are_not_made() -> None:
    desk = SlackDesk(ApprovalSettings(reports=("failed",), customer_mails=("completed",)))
    paid = desk.ask(amount_minor=900).refund
    desk.execute(paid)
    desk.hears_of_refund(paid)

    assert desk.slack.posts == {}


def test_a_refund_that_waits_is_not_reported_as_approved_by_rule() -> None:
    desk = SlackDesk(ApprovalSettings(reports=("auto_approved",)))
    waiting = desk.waiting()
    first = desk.store.timeline(TENANT, waiting.id)[0]
    desk.notify(Heard(first.id, first.type, TENANT, waiting.id))

    assert desk.slack.posts == {}


def test_without_a_connection_nothing_is_read_or_written() -> None:
    desk = SlackDesk()
    desk.store_of_slack.connections.clear()

    assert desk.hears_of(desk.waiting()).outcome == "told"
    assert desk.markers.told == set()


TEXTS = st.text(max_size=4000)


def facts_with(reason: str, order_id: str | None, comment: str | None) -> CaseFacts:
    """An approval that was rejected with a comment, or one that waits."""
    approval = asked_about(refund(status="pending_approval"), ("auto_approve",))
    if comment is not None:
        approval = ruled(approval, Ruling("rejected", Act(ANN.id, "slack", START), comment), approval.amount_minor)
    return CaseFacts(approval, DEFAULT_SETTINGS, True, reason, [reason] * 8, order_id, {ANN.id: "<@U0ANN>"})


@given(TEXTS, st.none() | TEXTS, st.none() | TEXTS)
def test_whatever_people_write_slack_takes_it_and_reads_no_markup_in_it(
    reason: str, order_id: str | None, comment: str | None
) -> None:
    facts = facts_with(reason, order_id, comment)
    message = case_message(facts, CONNECTION)

    assert faults_of_message(message._asdict()) == []
    assert len(closing_line(facts)) <= 3000
    ours = words_of(message).replace("<@U0ANN>", "").replace("<!date^", "")
    assert "<" not in ours
    assert faults_of_message({"text": pointer(facts, "https://refunds.example/approvals/apr_1")}) == []


@given(TEXTS, st.integers(min_value=10, max_value=100))
def test_a_text_that_is_cut_ends_in_no_half_of_anything(text: str, longest: int) -> None:
    short = cut(escaped(text), longest)

    assert len(short) <= longest
    assert short.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0


def test_what_people_write_calls_nobody() -> None:
    assert escaped("<!channel> <@U1> & <https://evil.example|x>") == (
        "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;https://evil.example|x&gt;"
    )
    assert quoted("a\n<!here>") == "> a\n> &lt;!here&gt;"
    assert link("https://x.example/?a=1&b=2", "A > B") == "<https://x.example/?a=1&amp;b=2|A &gt; B>"


def test_windows_are_ones_that_slack_opens() -> None:
    reference = Reference(CONNECTION, "apr_00000000000000000000000001", 3)
    for view in (reject_window(reference), ask_window(reference), notice_window("No <b> & no")):
        assert faults_of_modal(dict(view)) == []
    assert Reference.read(reject_window(reference)["private_metadata"]) == reference


@pytest.mark.parametrize(
    "text",
    ["", "..", "con_1.apr_1.1", f"{CONNECTION}.apr_00000000000000000000000001", f"{CONNECTION}.x.1", "a.b.c.d"]
    + [f"{CONNECTION}.apr_00000000000000000000000001.{number}" for number in ("", "-1", "1e3", "٣", "9" * 10)],
)
def test_what_no_button_of_ours_says_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Reference.read(text)


def test_a_claim_that_lapsed_is_taken_over() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.posts.claim(Subject(TENANT, waiting.approval_id or ""), desk.clock.now())
    (failure,) = desk.hears_of(waiting).failures
    assert isinstance(failure.__cause__, StoreConflict)

    desk.clock.advance(seconds=timedelta(minutes=3).total_seconds())
    assert desk.hears_of(waiting).outcome == "told"
    assert len(desk.slack.in_channel) == 1


def test_the_owner_alone_is_asked_once_it_is_theirs() -> None:
    desk = SlackDesk()
    waiting = desk.waiting()
    desk.route.escalate(desk.move(waiting))
    desk.hears_of(waiting)

    assert [user for user, _ in desk.slack.directs] == ["U0OWNER"]
    assert OWNER.id in {each.id for each in desk.people.all(TENANT.org_id)}
