"""Owners hear once that an endpoint was disabled, why, and what to do; and nothing that is secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from refundkit_core.application.notify import Deliveries, Told
from refundkit_core.application.tell_owners import Disabling, TellOwners
from refundkit_core.domain.errors import NotDelivered, StoreConflict
from refundkit_core.domain.webhooks import DisabledBecause, Endpoint, changed, disabled, enabled

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_members import MemoryMemberStore, member
from tests.support.people import MemoryMarkers, Outbox, PlainLetters
from tests.support.webhooks import BY, WebhookBench

URL = "https://hooks.shop.example/in/s3cr3t-path?token=s3cr3t-query"
SINCE = START - timedelta(days=5)
FIRST, SECOND = "member-1@example.com", "member-6@example.com"


class OwnersBench:
    """An organization with two owners and others, and an endpoint that was disabled."""

    def __init__(self, because: DisabledBecause = "failing", **changes: Any) -> None:
        self.webhooks = WebhookBench()
        self.outbox, self.letters, self.markers = Outbox(), PlainLetters(), MemoryMarkers()
        made = self.webhooks.endpoint(URL, headers={"x-gateway-key": "s3cr3t-header"}, **changes)
        self.endpoint = self.change(made, disabled(made, because, START))
        members = MemoryMemberStore(
            member(1, "owner"),
            member(2, "admin"),
            member(3, "approver"),
            member(4, "member"),
            member(5, "owner", active=False),
            member(6, "owner"),
        )
        self.tell = TellOwners(
            self.webhooks.endpoints,
            members,
            FakeOrganizations(),
            Deliveries(self.markers, self.webhooks.clock),
            self.letters,
            self.outbox,
        )

    def change(self, before: Endpoint, after: Endpoint) -> Endpoint:
        entry = self.webhooks.manage._auditor.entry(BY, "webhooks change", before.id, TENANT)
        self.webhooks.endpoints.change(before, after, entry)
        return after

    def hears(self, since: datetime | None = SINCE, reason: DisabledBecause = "failing", **changes: Any) -> Told:
        """The event comes by the bus."""
        return self.tell(Disabling("evt_1", TENANT, self.endpoint.id, reason, since)._replace(**changes))

    def facts(self) -> Mapping[str, Any]:
        return self.letters.facts[0]


def test_every_active_owner_is_written_to_and_nobody_else() -> None:
    bench = OwnersBench()

    assert bench.hears() == Told("told")
    assert bench.outbox.addressed_to == [FIRST, SECOND]
    assert {mail.kind for mail in bench.outbox.mails} == {"webhook_disabled"}
    assert {mail.sender_name for mail in bench.outbox.mails} == {"Acme"}


def test_the_same_event_twice_is_told_once_and_another_again() -> None:
    bench = OwnersBench()
    bench.hears()
    bench.hears()
    assert len(bench.outbox.mails) == 2

    bench.hears(event_id="evt_2")
    assert len(bench.outbox.mails) == 4


@pytest.mark.parametrize(
    ("because", "since", "why"),
    [
        ("gone", START, "it answered 410 Gone"),
        ("failing", SINCE, "nothing has arrived there since 15 November 2026, 12:00 UTC"),
        ("failing", None, "nothing has arrived there."),
    ],
)
def test_a_mail_says_which_endpoint_why_and_what_to_do(
    because: DisabledBecause, since: datetime | None, why: str
) -> None:
    bench = OwnersBench(because, description="Orders <b>")
    bench.hears(since, because)

    mail, path = bench.outbox.mails[0], f"/v1/webhook-endpoints/{bench.endpoint.id}"
    assert mail.subject == "Your webhook endpoint at hooks.shop.example was disabled"
    for text in (mail.text, mail.html):
        for said in (
            why,
            "Member 1",
            "hooks.shop.example",
            f"{path}/enable",
            f"{path}/recover",
            f"{path}/replay-missing",
        ):
            assert said in text
    assert "(Orders <b>)" in mail.text
    assert "(Orders &lt;b&gt;)" in mail.html
    assert "test data" in mail.text


def test_a_mail_without_a_description_leaves_no_hole() -> None:
    bench = OwnersBench()
    bench.hears()

    assert f"Endpoint: {bench.endpoint.id}\n" in bench.outbox.mails[0].text
    assert "None" not in bench.outbox.mails[0].text + bench.outbox.mails[0].html
    assert "()" not in bench.outbox.mails[0].text + bench.outbox.mails[0].html


def test_nothing_secret_is_told_or_even_read() -> None:
    bench = OwnersBench()
    bench.hears()

    written = repr(bench.outbox.mails) + repr(bench.letters.facts)
    assert "s3cr3t" not in written
    assert "whsec_" not in written


def test_what_does_not_stand_any_more_is_told_to_nobody() -> None:
    bench = OwnersBench()
    on = bench.change(bench.endpoint, enabled(bench.endpoint, START))
    assert bench.hears() == Told("told")
    off = bench.change(on, disabled(on, "asked", START))
    assert bench.hears() == Told("told")
    bench.change(off, changed(off, START, status="deleted", secrets=(), headers={}))
    assert bench.hears() == Told("told")

    assert bench.outbox.mails == []


def test_of_an_endpoint_that_is_not_there_nobody_hears() -> None:
    bench = OwnersBench()

    assert bench.hears(endpoint_id="whe_00000000000000000000000009") == Told("unknown")
    assert bench.hears(tenant=OTHER_TENANT) == Told("unknown")
    assert bench.outbox.mails == []


def test_one_address_that_fails_holds_back_nobody_and_comes_alone_the_next_time() -> None:
    bench = OwnersBench()
    bench.outbox.broken = {FIRST}
    failed = bench.hears()
    assert failed.outcome == "failed"
    assert isinstance(failed.failures[0].__cause__, NotDelivered)
    assert bench.outbox.addressed_to == [SECOND]

    bench.outbox.broken = set()
    assert isinstance(bench.hears().failures[0].__cause__, StoreConflict)  # perhaps another worker is at it
    bench.webhooks.clock.advance(seconds=61)
    assert bench.hears() == Told("told")
    assert bench.outbox.addressed_to == [FIRST, SECOND]
