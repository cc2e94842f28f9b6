"""Telling people: each once, nobody who is not asked, nothing that does not stand any more."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from refundkit_core.application.notify_ports import Heard, News
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.orders import Order
from refundkit_core.domain.routing import DEFAULT_SETTINGS, ApprovalSettings, Level

from tests.support.approvals import ANN, BEN, OWNER, REQUESTER
from tests.support.builders import TENANT, TRANSACTION, refund_id
from tests.support.clock import START
from tests.support.memory_members import MemoryMemberStore, limited, member
from tests.support.people import TellingDesk, address_of

DAY_S = 86_400
TELLS_CUSTOMERS = ApprovalSettings(customer_mails=("completed", "rejected", "info_requested"))
TWO_LEVELS = ApprovalSettings(
    levels=(Level("Ann", DAY_S, (ANN.id,)), Level("Owners", DAY_S, ("owner",))), channels=("email",)
)


def test_everybody_who_is_asked_gets_one_mail_and_the_requester_none() -> None:
    desk = TellingDesk()
    refund = desk.waiting()

    assert desk.hears_of(refund).outcome == "told"

    assert desk.outbox.addressed_to == sorted(map(address_of, (ANN, BEN, OWNER)))


def test_the_same_event_twice_is_told_once() -> None:
    desk = TellingDesk()
    refund = desk.waiting()
    desk.hears_of(refund)
    desk.hears_of(refund)

    assert len(desk.outbox.mails) == 3


def test_a_mail_says_what_it_is_about_and_shows_link_and_code_apart() -> None:
    desk = TellingDesk()
    desk.orders.registered[TRANSACTION] = Order(TENANT, TRANSACTION, 1, START, order_id="A-1001")
    desk.hears_of(desk.waiting())
    mail = desk.outbox.mails[0]
    invitation = desk.letters.facts[0]["invitation"]

    for text in (mail.text, mail.html):
        assert "20.00 USD" in text
        assert "A-1001" in text
        assert "product defective" in text
        assert invitation.code in text
        assert invitation.url in text
    assert invitation.code not in invitation.url
    assert mail.subject == "A refund of 20.00 USD waits for your decision"
    assert mail.sender_name == "Acme"


def test_markup_in_what_people_wrote_stays_text() -> None:
    desk = TellingDesk()
    desk.people = MemoryMemberStore(member(2, "approver", name="<b>Ann</b> & Co"))
    desk.listeners[0]._members = desk.people  # type: ignore[attr-defined]
    desk.hears_of(desk.waiting())

    assert "&lt;b&gt;Ann&lt;/b&gt; &amp; Co" in desk.outbox.mails[0].html
    assert "<b>Ann</b> & Co" in desk.outbox.mails[0].text


def test_one_address_that_fails_holds_back_nobody_and_comes_alone_the_next_time() -> None:
    desk = TellingDesk()
    refund = desk.waiting()
    desk.outbox.broken = {address_of(ANN)}

    assert desk.hears_of(refund).outcome == "failed"
    assert desk.outbox.addressed_to == sorted(map(address_of, (BEN, OWNER)))

    desk.outbox.broken = set()
    desk.clock.advance(seconds=180)
    assert desk.hears_of(refund).outcome == "told"
    assert desk.outbox.addressed_to == sorted(map(address_of, (ANN, BEN, OWNER)))


def test_while_another_worker_tells_somebody_the_message_comes_back() -> None:
    desk = TellingDesk()
    refund = desk.waiting()
    desk.outbox.broken = {address_of(ANN)}
    desk.hears_of(refund)
    desk.outbox.broken = set()

    (failure,) = desk.hears_of(refund).failures

    assert isinstance(failure.__cause__, StoreConflict)
    assert address_of(ANN) not in desk.outbox.addressed_to


def test_a_listener_that_stumbles_holds_back_no_other() -> None:
    class Stumbling:
        def hear(self, news: News) -> None:
            raise KeyError("what nobody thought of")

    desk = TellingDesk()
    desk.listeners = [Stumbling(), *desk.listeners]

    assert desk.hears_of(desk.waiting()).outcome == "failed"
    assert len(desk.outbox.mails) == 3


def test_after_the_decision_nobody_is_told_that_it_waits() -> None:
    desk = TellingDesk()
    refund = desk.waiting()
    opened = desk.latest(refund)
    desk.says(refund)
    for event in (opened, desk.latest(refund)):
        desk.notify(Heard(event.id, event.type, TENANT, refund.id, refund.approval_id, 1))

    assert desk.outbox.mails == []


def test_who_has_consented_is_not_asked_again() -> None:
    desk = TellingDesk(ApprovalSettings(two_person_above_minor=1000))
    refund = desk.waiting()
    opened = desk.latest(refund)
    desk.says(refund, by=ANN)
    desk.notify(Heard(opened.id, opened.type, TENANT, refund.id, refund.approval_id, 1))

    assert desk.outbox.addressed_to == sorted(map(address_of, (BEN, OWNER)))


def test_an_escalation_is_told_to_the_next_level_and_old_news_to_nobody() -> None:
    desk = TellingDesk(TWO_LEVELS)
    refund = desk.waiting()
    opened = desk.latest(refund)
    desk.route.escalate(desk.move(refund))

    desk.notify(Heard(opened.id, opened.type, TENANT, refund.id, refund.approval_id, 1))
    assert desk.outbox.mails == []

    desk.hears_of(refund)
    assert desk.outbox.addressed_to == [address_of(OWNER)]
    assert "escalated" in desk.outbox.mails[0].subject


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"role": "member"}, {"approval_limit": limited(1999)}, {"id": REQUESTER.id}],
    ids=["inactive", "without the right", "above their limit", "who asked for it"],
)
def test_who_may_not_decide_is_not_asked(changes: dict[str, object]) -> None:
    desk = TellingDesk()
    desk.people = MemoryMemberStore(replace(member(2, "approver"), **changes))  # type: ignore[arg-type]
    desk.listeners[0]._members = desk.people  # type: ignore[attr-defined]
    desk.hears_of(desk.waiting())

    assert desk.outbox.mails == []


def test_without_the_channel_no_mail_is_written() -> None:
    desk = TellingDesk(replace(DEFAULT_SETTINGS, channels=("slack",)))
    desk.hears_of(desk.waiting())

    assert desk.outbox.mails == []


def test_a_reminder_repeats_the_code_while_it_holds() -> None:
    desk = TellingDesk(ApprovalSettings(levels=(Level("All", 10 * DAY_S, remind_after_s=3600),)))
    refund = desk.waiting()
    desk.hears_of(refund)
    codes = codes_in(desk)
    desk.clock.advance(hours=2)
    desk.watch.look(TENANT, refund.approval_id or "")
    assert desk.latest(refund).type == "approval.reminded"
    desk.hears_of(refund)

    assert len(desk.outbox.mails) == 6
    assert codes_in(desk)[3:] == codes


def codes_in(desk: TellingDesk) -> list[tuple[str, str]]:
    """To whom which code went, in order."""
    pairs = zip(desk.outbox.mails, desk.letters.facts, strict=True)
    return [(mail.to, facts["invitation"].code) for mail, facts in pairs]


def test_each_person_has_a_code_of_their_own() -> None:
    desk = TellingDesk()
    desk.hears_of(desk.waiting())

    assert len({facts["invitation"].code for facts in desk.letters.facts}) == 3
    assert len({facts["invitation"].url for facts in desk.letters.facts}) == 3


def test_news_of_an_unknown_refund_is_over() -> None:
    desk = TellingDesk()

    assert desk.notify(Heard("evt_1", "refund.completed", TENANT, refund_id(9))).outcome == "unknown"
    assert desk.notify(Heard("evt_1", "approval.pending", TENANT, refund_id(9), "apr_x", 1)).outcome == "unknown"


def test_a_customer_hears_nothing_unless_the_shop_says_so() -> None:
    desk = TellingDesk()
    refund = desk.waiting()
    desk.says(refund, "rejected")
    desk.hears_of_refund(refund)

    assert desk.outbox.mails == []


def test_a_customer_hears_of_a_rejection_without_the_words_of_staff() -> None:
    desk = TellingDesk(TELLS_CUSTOMERS)
    refund = desk.waiting()
    desk.says(refund, "rejected", comment="Serial returner")
    desk.hears_of_refund(refund)
    desk.hears_of_refund(refund)

    (mail,) = desk.outbox.mails
    assert (mail.kind, mail.to, mail.sender_name) == ("rejected", "customer@shop.example", "Acme")
    assert "Serial" not in mail.text + mail.html


def test_a_customer_hears_that_their_refund_was_paid() -> None:
    desk = TellingDesk(TELLS_CUSTOMERS)
    refund = desk.waiting()
    desk.says(refund)
    desk.execute(refund)
    desk.hears_of_refund(refund)

    (mail,) = desk.outbox.mails
    assert mail.kind == "completed"
    assert "5 to 10 working days" in mail.text
    assert "20.00 USD" in mail.subject


def test_a_customer_is_asked_what_the_approver_asks() -> None:
    desk = TellingDesk(TELLS_CUSTOMERS)
    refund = desk.waiting()
    desk.route.request_info(desk.move(refund, text="Is there a photo?"), "offer_replacement")
    desk.hears_of(refund)

    (mail,) = desk.outbox.mails
    assert "Is there a photo?" in mail.text
    assert "replacement" in mail.html


@pytest.mark.parametrize("address", [None, "", "two@shop.example, three@shop.example", "a@b\nBcc: x@y.example"])
def test_without_one_good_address_nothing_is_sent_and_it_is_over(address: str | None) -> None:
    desk = TellingDesk(TELLS_CUSTOMERS)
    desk.processor.email = address
    refund = desk.waiting()
    desk.says(refund, "rejected")

    assert desk.hears_of_refund(refund).outcome == "told"
    assert desk.outbox.mails == []


class _Tags(HTMLParser):
    """Whether every element is closed, by those that must be."""

    VOID = frozenset({"meta", "br", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_mails_are_whole_documents_in_a_named_language() -> None:
    desk = TellingDesk(TELLS_CUSTOMERS)
    refund = desk.waiting()
    desk.hears_of(refund)
    desk.route.request_info(desk.move(refund), "request_evidence")
    desk.hears_of(refund)

    for mail in desk.outbox.mails:
        parser = _Tags()
        parser.feed(mail.html)
        assert parser.open == []
        assert mail.html.startswith('<!doctype html>\n<html lang="en">')
        assert mail.html.count("<h1") == 1
        assert "<img" not in mail.html
