"""Who gets in by a code: five tries, three new codes an hour, and an entry for every refusal of somebody known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refundkit_core.application.audit import AuditEntry, Whose
from refundkit_core.application.deciders import KnownDeciders
from refundkit_core.application.identify import EnterCode, OpenDoor, SignIn, person_of
from refundkit_core.application.notify_ports import Holder, Invitation, Subject
from refundkit_core.application.send_codes import SendCodes
from refundkit_core.domain.approval_codes import RENEWALS, TRIES
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.errors import ApprovalLinkExpired, NotDelivered, WrongCode
from refundkit_core.domain.members import Member
from refundkit_core.domain.routing import DEFAULT_SETTINGS
from refundkit_core.domain.sessions import Pass, hash_of
from refundkit_core.domain.tenancy import Tenant

from tests.support.approvals import ANN, BEN
from tests.support.builders import TENANT
from tests.support.memory_members import MemoryMemberStore, member
from tests.support.people import MemorySessions, TellingDesk, address_of


class Trail:
    """``AuditTrail`` in a list."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def put(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def of(self, whose: Whose) -> Sequence[AuditEntry]:
        return self.entries


class Letters:
    """``Post`` in a list."""

    def __init__(self) -> None:
        self.codes: list[tuple[Tenant, str, str, int]] = []
        self.sign_ins: list[str] = []

    def ask_for_code(self, tenant: Tenant, approval_id: str, member_id: str, void_version: int) -> None:
        self.codes.append((tenant, approval_id, member_id, void_version))

    def ask_for_sign_in(self, person: str) -> None:
        self.sign_ins.append(person)


class Mailboxes:
    """``Mailboxes`` of some members."""

    def __init__(self, *members: Member) -> None:
        self.members = members

    def of_person(self, person: str) -> Sequence[Member]:
        return [each for each in self.members if person_of(each.email) == person and each.active]


class DoorDesk(TellingDesk):
    """A telling desk with a door for those who were told."""

    def __init__(self) -> None:
        super().__init__()
        self.refund = self.waiting()
        self.trail, self.post, self.sessions = Trail(), Letters(), MemorySessions()
        self.boxes = Mailboxes(member(2, "approver"), replace(member(2, "approver"), org_id="org_2"))
        opened = OpenDoor(self.approval_desk, self.organizations)
        ids = (f"session-{number}" for number in itertools.count(1))
        self.enter = EnterCode(
            opened,
            self.approval_desk,
            self.organizations,
            KnownDeciders(self.people),
            self.codes,
            self.sessions,
            self.post,
            self.trail,
            lambda: next(ids),
        )
        self.sign_in = SignIn(
            self.approval_desk, self.organizations, self.boxes, self.codes, self.sessions, self.post, lambda: next(ids)
        )
        self.send = SendCodes(
            self.approval_desk,
            self.people,
            self.boxes,
            self.organizations,
            self.codes,
            self.invite,
            self.letters,
            self.outbox,
            lambda: f"new-{len(self.outbox.mails)}",
        )

    @property
    def asked(self) -> Approval:
        return self.approval(self.refund)

    def invites(self, by: Any = ANN) -> Invitation:
        return self.invite(self.asked, DEFAULT_SETTINGS, by.id)

    def tries(self, invitation: Invitation, digits: str) -> str | int | None:
        """A session's id, or the tries that are left."""
        try:
            return self.enter(token_of(invitation), digits)[1]
        except WrongCode as exc:
            return exc.tries_left

    def sends(self) -> None:
        """The letters that were asked for are written."""
        letters, self.post.codes = self.post.codes, []
        for letter in letters:
            self.send.for_approval(*letter)

    @property
    def latest_code(self) -> str:
        return str(self.letters.facts[-1]["invitation"].code)


def token_of(invitation: Invitation) -> str:
    return invitation.url.partition("?token=")[2]


def wrong(invitation: Invitation) -> str:
    return f"{(int(invitation.code) + 1) % 10**6:06d}"


def test_the_right_digits_give_a_pass_to_this_question_alone() -> None:
    desk = DoorDesk()
    session_id = desk.tries(desk.invites(), desk.invites().code)

    session = desk.sessions.find(hash_of(str(session_id)))
    assert session is not None
    assert session.only == Pass(TENANT, desk.asked.id, 1)
    assert [person.member_id for person in session.people] == [ANN.id]
    assert desk.trail.entries == []


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["wrong", "letter", "wait"]), min_size=1, max_size=60))
def test_however_one_guesses_few_tries_are_looked_at(moves: list[str]) -> None:
    desk = DoorDesk()
    invitation = desk.invites()
    looked, waits = 0, 0
    for move in moves:
        if move == "wrong":
            holder = Holder(ANN.id, Subject(TENANT, desk.asked.id))
            code = desk.codes.codes[holder]
            looked += bool(code.tries_left)
            assert isinstance(desk.tries(invitation, "not it"), int)
        elif move == "letter":
            desk.sends()
        else:
            waits += 1
            desk.clock.advance(minutes=20)

    hours = waits // 3 + 1
    assert looked <= TRIES * (1 + RENEWALS * (hours + 1))
    assert desk.sessions.sessions == {}


def test_the_fifth_wrong_try_asks_for_one_letter_and_later_ones_for_none() -> None:
    desk = DoorDesk()
    invitation = desk.invites()

    assert [desk.tries(invitation, wrong(invitation)) for _ in range(7)] == [4, 3, 2, 1, 0, 0, 0]
    assert len(desk.post.codes) == 1
    assert desk.tries(invitation, invitation.code) == 0
    assert [entry.command for entry in desk.trail.entries] == ["approval code refused"] * 8
    assert {(entry.actor, entry.channel) for entry in desk.trail.entries} == {(ANN.id, "link")}


def test_a_letter_that_comes_twice_makes_one_new_code() -> None:
    desk = DoorDesk()
    invitation = desk.invites()
    for _ in range(5):
        desk.tries(invitation, wrong(invitation))
    desk.post.codes *= 2
    desk.sends()

    assert len({facts["invitation"].code for facts in desk.letters.facts}) == 1
    assert isinstance(desk.tries(invitation, desk.latest_code), str)


def test_a_letter_that_was_not_taken_is_sent_with_the_same_code_later() -> None:
    desk = DoorDesk()
    invitation = desk.invites()
    for _ in range(5):
        desk.tries(invitation, wrong(invitation))
    (letter,) = desk.post.codes
    desk.outbox.broken = {address_of(ANN)}
    with pytest.raises(NotDelivered):
        desk.send.for_approval(*letter)
    desk.outbox.broken = set()

    assert desk.send.for_approval(*letter) == "sent"
    assert isinstance(desk.tries(invitation, desk.latest_code), str)


def test_a_letter_for_what_was_decided_meanwhile_is_not_written() -> None:
    desk = DoorDesk()
    invitation = desk.invites()
    for _ in range(5):
        desk.tries(invitation, wrong(invitation))
    desk.says(desk.refund, by=BEN)
    desk.sends()

    assert desk.outbox.mails == []


def test_a_lapsed_link_is_refused_before_its_code_is_looked_at() -> None:
    desk = DoorDesk()
    invitation = desk.invites()
    desk.clock.advance(hours=24)

    with pytest.raises(ApprovalLinkExpired):
        desk.enter(token_of(invitation), invitation.code)
    assert [(entry.command, entry.details["code"]) for entry in desk.trail.entries] == [
        ("approval link refused", "approval_link_expired")
    ]
    assert desk.codes.codes[Holder(ANN.id, Subject(TENANT, desk.asked.id))].tries_left == TRIES


def test_signing_in_knows_a_person_in_all_their_organizations_and_a_code_lets_in_once() -> None:
    desk = DoorDesk()
    person = desk.sign_in.ask(" Member-2@Example.com ")
    assert desk.post.sign_ins == [person] == [person_of("member-2@example.com")]
    assert desk.send.for_signing_in(person) == "sent"
    digits = desk.letters.facts[-1]["code"]

    session = desk.sessions.find(hash_of(desk.sign_in.enter(person, digits)))
    assert session is not None
    assert {each.org_id for each in session.people} == {TENANT.org_id, "org_2"}
    assert session.only is None
    with pytest.raises(WrongCode):
        desk.sign_in.enter(person, digits)


def test_whatever_is_wrong_with_signing_in_is_said_in_the_same_words() -> None:
    desk = DoorDesk()
    person = person_of("member-2@example.com")
    desk.send.for_signing_in(person)
    said = set()
    for who, digits in ((person, "x"), (person_of("nobody@example.com"), "000000"), (person, "")):
        with pytest.raises(WrongCode) as caught:
            desk.sign_in.enter(who, digits)
        said.add((caught.value.message, caught.value.tries_left))
    desk.clock.advance(minutes=15)
    with pytest.raises(WrongCode) as caught:
        desk.sign_in.enter(person, desk.letters.facts[-1]["code"])
    said.add((caught.value.message, caught.value.tries_left))

    assert len(said) == 1


def test_nobody_gets_a_code_for_an_address_that_is_no_members() -> None:
    desk = DoorDesk()

    assert desk.send.for_signing_in(person_of("nobody@example.com")) == "not_sent"
    assert desk.outbox.mails == []


def test_asking_again_within_a_minute_sends_nothing_new() -> None:
    desk = DoorDesk()
    person = person_of("member-2@example.com")
    outcomes = []
    for minutes in (0, 0.5, 1, 2, 2):
        desk.clock.advance(minutes=minutes)
        outcomes.append(desk.send.for_signing_in(person))

    assert outcomes == ["sent", "not_sent", "sent", "sent", "not_sent"]


def test_members_found_by_the_store_are_found_by_the_hash_of_their_address() -> None:
    assert isinstance(MemoryMemberStore(member(2)).by_email(TENANT.org_id, "MEMBER-2@example.com"), Member)
    assert person_of("MEMBER-2@example.com ") == person_of("member-2@example.com")
