"""What the stores of webhooks promise: one suite, held against the table and against the ones in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.adapters.dynamodb.webhook_deliveries import DynamoDeliveryStore, DynamoEventArchive
from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoEndpointStore, DynamoGates
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor
from refundkit_core.application.records import Position
from refundkit_core.application.webhook_ports import (
    DeliveryStore,
    EndpointStore,
    EventArchive,
    Gates,
    Letter,
    Posted,
    PublicEvent,
    Subscription,
)
from refundkit_core.domain.deliveries import Attempt, Delivery, after_attempt, begun_anew, delivery_id, first, given_up
from refundkit_core.domain.errors import StoreConflict, TooManyEndpoints
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import ulid
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.webhooks import Endpoint, Health, Secret, changed, disabled, enabled, of_disabling, rotated

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.memory_webhooks import MemoryDeliveryStore, MemoryEndpointStore, MemoryEventArchive, MemoryGates
from tests.support.webhooks import public_event

CLOCK = FixedClock()
AUDITOR = Auditor(CLOCK, CountingIds(CLOCK))
LATER = START + timedelta(minutes=5)
SECRET = "whsec_RXhhbXBsZUV4YW1wbGVFeGFtcGxlRXhhbXBsZQ=="
ANOTHER = "whsec_QW5vdGhlckV4YW1wbGVBbm90aGVyRXhhbXBsZQ=="
KEY_OF_A_GATEWAY = "gateway-key-0123456789"
SLOT_HELD = timedelta(seconds=45)
KEPT = timedelta(days=30)


class CountingBox(SecretBox):
    """Seals, and counts how often."""

    sealed = 0

    def seal(self, *arguments: Any) -> bytes:
        self.sealed += 1
        return super().seal(*arguments)


@dataclass
class Stores:
    """All stores of one tenant's webhooks; ``table`` and ``box`` where they are DynamoDB's."""

    endpoints: EndpointStore
    gates: Gates
    archive: EventArchive
    deliveries: DeliveryStore
    table: Table | None = None
    box: CountingBox | None = None

    def added(self, number: int = 1, **changes: Any) -> Endpoint:
        """A new endpoint that was stored."""
        made = endpoint(number, **changes)
        self.endpoints.add(made, entry("webhooks create", made))
        return made

    def changed(self, before: Endpoint, after: Endpoint, event: Event | None = None) -> Endpoint:
        """The endpoint after a change that was stored."""
        self.endpoints.change(before, after, entry("webhooks change", before), event)
        return after

    def deleted(self, before: Endpoint) -> Endpoint:
        """The endpoint after it was deleted."""
        return self.changed(before, changed(before, LATER, status="deleted", secrets=(), headers={}))

    def health(self, of: Endpoint) -> Health:
        return self.posted(of).health

    def posted(self, of: Endpoint) -> Posted:
        found = self.endpoints.find(of.tenant, of.id)
        assert found is not None
        return found

    def audited(self) -> list[str]:
        if self.table is None:
            assert isinstance(self.endpoints, MemoryEndpointStore)
            return [each.command for each in self.endpoints.audit]
        return [each.command for each in DynamoAuditTrail(self.table).of(TENANT)]

    def events(self, of: Endpoint) -> list[Event]:
        """The events of an endpoint that the table's stream would publish."""
        if self.table is None:
            assert isinstance(self.endpoints, MemoryEndpointStore)
            return self.endpoints.events
        items = self.table.query(keys.delivery(of.tenant, of.id, "").pk, keys.EVENT_PREFIX)
        return [event_of(item) for item in items]

    def item(self, key: keys.Key) -> dict[str, Any]:
        """An item as it is stored, where there is a table."""
        assert self.table is not None
        found = self.table.get(key)
        assert found is not None
        return dict(found)


@pytest.fixture(params=["table", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "memory":
        gates = MemoryGates()
        endpoints, archive = MemoryEndpointStore(gates), MemoryEventArchive()
        yield Stores(endpoints, gates, archive, MemoryDeliveryStore(endpoints, archive))
        return
    yield from on_the_table(monkeypatch)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """The table's alone, for what only a table has: items and when they are forgotten."""
    yield from on_the_table(monkeypatch)


def on_the_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        key = create_parts()["REFUNDKIT_KMS_KEY_ID"]
        table = Table(boto3.client("dynamodb"), "refundkit")
        box = CountingBox(lambda: boto3.client("kms"), key)
        store = DynamoEndpointStore(table, box)
        yield Stores(
            store, DynamoGates(table), DynamoEventArchive(table), DynamoDeliveryStore(table, store), table, box
        )


def endpoint(number: int = 1, **changes: Any) -> Endpoint:
    """An endpoint with everything that one can have."""
    made = {
        "id": f"whe_{number:026d}",
        "tenant": TENANT,
        "url": "https://shop.example/hooks?of=1",
        "patterns": ("refund.*", "dispute.opened"),
        "api_version": "2026-11-01",
        "secrets": (Secret(SECRET),),
        "created_at": START + timedelta(seconds=number),
        "updated_at": START + timedelta(seconds=number),
        "description": "Orders",
        "metadata": {"team": "orders"},
        "headers": {"x-gateway-key": KEY_OF_A_GATEWAY},
        "fingerprint": "f" * 64,
    }
    return Endpoint(**{**made, **changes})


def entry(command: str, of: Endpoint) -> AuditEntry:
    return AUDITOR.entry(BY_PROGRAM, command, of.id, of.tenant)


def letter(of: Endpoint, event: PublicEvent) -> Letter:
    return Letter(of.tenant, of.id, event.id, event.type)


def delivery(minute: int = 0, of: str = endpoint().id, kind: str = "refund.completed") -> Delivery:
    """The delivery of an event of this minute, before anything was tried."""
    event = public_event(minute, START + timedelta(minutes=minute), kind)
    return first(TENANT, of, event.id, event.type)


def tried(before: Delivery, status: int | None = 500, at: datetime = START) -> Delivery:
    """The delivery after an attempt."""
    error = "timed_out" if status is None else None
    return after_attempt(before, Attempt(at, status, 120, error, "Back in a minute"), 0.0)


# ---------------------------------------------------------------- endpoints


def test_an_endpoint_is_kept_whole_and_found_by_its_tenant_alone(stores: Stores) -> None:
    made = stores.added(rate_limit=20)
    bare = stores.added(2, description=None, metadata={}, headers={}, fingerprint=None, patterns=("*",))

    assert stores.endpoints.find(TENANT, made.id) == Posted(made, Health())
    assert stores.endpoints.find(TENANT, bare.id) == Posted(bare, Health())
    assert stores.endpoints.find(OTHER_TENANT, made.id) is None
    assert stores.endpoints.all(OTHER_TENANT) == []
    assert stores.audited() == ["webhooks create"] * 2


def test_an_endpoint_is_added_once(stores: Stores) -> None:
    made = stores.added()
    with pytest.raises(StoreConflict):
        stores.added(url="https://other.example/hooks")

    assert stores.posted(made).endpoint == made
    assert stores.audited() == ["webhooks create"]


def test_all_are_listed_oldest_first_and_the_enabled_ones_subscribe(stores: Stores) -> None:
    younger, older = stores.added(1, created_at=LATER), stores.added(2, patterns=("*",))
    off = stores.added(3, created_at=LATER + timedelta(seconds=1))
    off = stores.changed(off, disabled(off, "asked", LATER))

    assert [posted.endpoint for posted in stores.endpoints.all(TENANT)] == [older, younger, off]
    assert sorted(stores.endpoints.subscriptions(TENANT)) == [
        Subscription(younger.id, younger.patterns, Health()),
        Subscription(older.id, ("*",), Health()),
    ]


def test_there_are_twenty_at_most_and_one_more_after_one_was_deleted(stores: Stores) -> None:
    made = [stores.added(number) for number in range(1, 21)]
    with pytest.raises(TooManyEndpoints):
        stores.added(21)
    assert stores.endpoints.find(TENANT, endpoint(21).id) is None

    stores.deleted(made[3])
    stores.added(21)
    with pytest.raises(TooManyEndpoints):
        stores.added(22)
    stores.added(22, tenant=OTHER_TENANT)


def test_a_deleted_endpoint_is_found_but_not_listed_and_has_no_secrets_left(stores: Stores) -> None:
    made = stores.added()
    gone = stores.deleted(made)

    found = stores.posted(made).endpoint
    assert (found.status, found.secrets, found.headers) == ("deleted", (), {})
    assert found == gone
    assert stores.endpoints.all(TENANT) == []
    assert stores.endpoints.subscriptions(TENANT) == []


def test_an_outline_is_an_endpoint_without_its_secrets_and_headers(stores: Stores) -> None:
    made = stores.added()
    off = stores.changed(made, disabled(made, "gone", LATER))

    assert stores.endpoints.outline(TENANT, made.id) == replace(off, secrets=(), headers={})
    assert stores.endpoints.outline(OTHER_TENANT, made.id) is None
    gone = stores.deleted(off)
    assert stores.endpoints.outline(TENANT, made.id) == gone


def test_of_two_who_change_an_endpoint_at_once_one_is_refused(stores: Stores) -> None:
    made = stores.added()
    winner = stores.changed(made, changed(made, LATER, url="https://winner.example/hooks"))
    with pytest.raises(StoreConflict):
        stores.changed(made, changed(made, LATER, url="https://loser.example/hooks"))
    with pytest.raises(StoreConflict):  # with its secrets sealed anew
        stores.changed(made, rotated(made, ANOTHER, LATER))
    with pytest.raises(StoreConflict):
        stores.changed(endpoint(9), disabled(endpoint(9), "asked", LATER))

    assert stores.posted(made).endpoint == winner
    assert stores.audited() == ["webhooks create", "webhooks change"]


def test_every_part_of_an_endpoint_changes_and_what_is_removed_is_gone(stores: Stores) -> None:
    made = stores.added(rate_limit=5)
    bare = changed(
        made, LATER, description=None, metadata={}, rate_limit=None, patterns=("*",), url="https://b.example"
    )
    stores.changed(made, bare)
    assert stores.posted(made).endpoint == bare

    full = changed(bare, LATER, description="Again", metadata={"a": "b"}, rate_limit=7, headers={"x-other": "1"})
    stores.changed(bare, full)
    assert stores.posted(made).endpoint == full


def test_secrets_live_through_changes_and_rotations(stores: Stores) -> None:
    made = stores.added()
    moved = stores.changed(made, changed(made, LATER, url="https://moved.example/hooks"))
    assert stores.posted(made).endpoint.signing(LATER) == (SECRET,)
    assert stores.posted(made).endpoint.headers == {"x-gateway-key": KEY_OF_A_GATEWAY}

    stores.changed(moved, rotated(moved, ANOTHER, LATER))
    found = stores.posted(made).endpoint
    assert found.signing(LATER + timedelta(hours=24)) == (ANOTHER, SECRET)
    assert found.signing(LATER + timedelta(hours=24, seconds=1)) == (ANOTHER,)
    assert found.headers == {"x-gateway-key": KEY_OF_A_GATEWAY}


def test_disabling_is_told_by_an_event_of_the_tables_stream(stores: Stores) -> None:
    made = stores.added()
    off = disabled(made, "failing", LATER)
    event = of_disabling(off, START)
    stores.changed(made, off, event)

    assert stores.posted(made).endpoint == off
    assert stores.events(made) == [event]


def test_an_endpoint_that_is_enabled_again_starts_healthy(stores: Stores) -> None:
    made = stores.added()
    leave(stores, made, Health(), Health(START, LATER))
    off = stores.changed(made, disabled(made, "failing", LATER))
    assert stores.health(made) == Health(START, LATER)

    stores.changed(off, enabled(off, LATER))
    assert stores.health(made) == Health()


# ---------------------------------------------------------------- gates


def leave(stores: Stores, of: Endpoint, before: Health, after: Health, now: datetime = START) -> None:
    taken = stores.gates.enter(of, 1, now)
    assert taken is not None
    stores.gates.leave(taken, before, after)


def test_as_many_as_may_send_to_an_endpoint_at_a_time_and_whoever_died_is_made_good_for(stores: Stores) -> None:
    made, other = stores.added(), stores.added(2)
    first_, second = stores.gates.enter(made, 1, START, 2), stores.gates.enter(made, 1, START, 2)
    assert first_ is not None
    assert second is not None
    assert {first_.slot, second.slot} == {0, 1}
    assert stores.gates.enter(made, 1, START, 2) is None
    assert stores.gates.enter(other, 1, START, 2) is not None

    stores.gates.leave(first_, Health(), Health())
    third = stores.gates.enter(made, 1, START, 2)
    assert third is not None
    assert third.slot == first_.slot
    assert stores.gates.enter(made, 1, START + SLOT_HELD - timedelta(seconds=1), 2) is None
    assert stores.gates.enter(made, 1, START + SLOT_HELD, 2) is not None


def test_four_may_send_to_an_endpoint_that_does_well(stores: Stores) -> None:
    made = stores.added()
    taken = [stores.gates.enter(made, 1, START) for _ in range(5)]

    assert [each and each.slot for each in taken] == [0, 1, 2, 3, None]
    assert stores.gates.enter(made, 1, START, 2) is None


def test_who_comes_back_to_a_slot_that_was_lost_changes_nothing(stores: Stores) -> None:
    made = stores.added()
    lost, kept = stores.gates.enter(made, 1, START, 2), stores.gates.enter(made, 1, START + timedelta(seconds=20), 2)
    assert lost is not None
    assert kept is not None
    now = START + SLOT_HELD
    taken = stores.gates.enter(made, 1, now, 2)
    assert taken is not None
    assert taken.slot == lost.slot

    stores.gates.leave(lost, Health(), Health(START))
    assert stores.health(made) == Health()
    assert stores.gates.enter(made, 1, now, 2) is None

    stores.gates.leave(taken, Health(), Health())
    stores.gates.leave(taken, Health(), Health(START))  # given back before
    assert stores.health(made) == Health()


def test_without_a_rate_everybodys_turn_is_now(stores: Stores) -> None:
    made = stores.added()
    for _ in range(2):
        taken = stores.gates.enter(made, 3, START)
        assert taken is not None
        assert list(taken.turns) == [START] * 3


@pytest.mark.parametrize("rate", [1, 3, 7, 10, 700, 1_000])
def test_turns_go_on_from_call_to_call_and_never_come_faster_than_the_rate(stores: Stores, rate: int) -> None:
    made = stores.added(rate_limit=rate)
    now = START
    turns: list[datetime] = []
    for newcomers in (3, 0, 1, 1, 1, 2):
        taken = stores.gates.enter(made, newcomers, now)
        assert taken is not None
        assert len(taken.turns) == newcomers
        assert all(turn >= now for turn in taken.turns)
        turns += taken.turns
        stores.gates.leave(taken, Health(), Health())

    assert turns[0] == START
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(turns)]
    assert min(gaps) >= 1 / rate - 1e-5
    assert sum(gaps) <= (len(turns) - 1) / rate + 0.001 * len(turns)

    now = turns[-1] + timedelta(seconds=9)
    later = stores.gates.enter(made, 1, now)
    assert later is not None
    assert list(later.turns) == [now]


def test_a_failure_begins_once_and_one_who_saw_it_ends_it(stores: Stores) -> None:
    made = stores.added()
    leave(stores, made, Health(), Health(START))
    leave(stores, made, Health(), Health(LATER))  # another worker, who had not heard of it
    assert stores.health(made) == Health(START)
    leave(stores, made, Health(START), Health(START))
    leave(stores, made, Health(), Health())  # nothing was tried
    assert stores.health(made) == Health(START)
    assert stores.endpoints.subscriptions(TENANT)[0].health == Health(START)
    assert stores.endpoints.all(TENANT)[0].health == Health(START)

    leave(stores, made, Health(START), Health())
    assert stores.health(made) == Health()


def test_slowness_lasts_until_its_time_and_goes_beside_failure(stores: Stores) -> None:
    made = stores.added()
    slow = Health(slow_until=LATER)
    leave(stores, made, Health(), slow)
    leave(stores, made, slow, replace(slow, failing_since=START))
    assert stores.health(made) == Health(START, LATER)
    leave(stores, made, Health(START, LATER), Health(None, LATER + timedelta(minutes=1)))
    assert stores.health(made) == Health(None, LATER + timedelta(minutes=1))


# ---------------------------------------------------------------- deliveries


def test_a_delivery_is_kept_whole_with_its_attempts_and_sample(stores: Stores) -> None:
    failed = tried(tried(delivery()), None, LATER)
    sample = begun_anew(replace(delivery(1), sample={"amount": 1, "of": None}), LATER)
    dropped = given_up(delivery(2), "endpoint_disabled")
    for each in (failed, sample, dropped):
        stores.deliveries.put(None, each)

    for each in (failed, sample, dropped):
        assert stores.deliveries.find(TENANT, each.endpoint_id, each.id) == each
    assert stores.deliveries.find(OTHER_TENANT, failed.endpoint_id, failed.id) is None
    assert stores.deliveries.find(TENANT, endpoint(2).id, failed.id) is None
    assert stores.deliveries.find(TENANT, failed.endpoint_id, delivery(3).id) is None


def test_of_two_who_store_a_delivery_at_once_one_is_refused(stores: Stores) -> None:
    once = tried(delivery())
    stores.deliveries.put(None, once)
    with pytest.raises(StoreConflict):
        stores.deliveries.put(None, tried(delivery(), 200))
    twice = tried(once, 200)
    stores.deliveries.put(once, twice)
    with pytest.raises(StoreConflict):
        stores.deliveries.put(once, tried(once, 500))
    with pytest.raises(StoreConflict):
        stores.deliveries.put(delivery(1), tried(delivery(1)))

    assert stores.deliveries.find(TENANT, once.endpoint_id, once.id) == twice


def walked(stores: Stores, size: int, **filters: Any) -> list[Delivery]:
    """All deliveries of the first endpoint, page by page."""

    def shown(each: Delivery) -> bool:
        return all(getattr(each, name) == value for name, value in filters.items())

    found: list[Delivery] = []
    after: str | None = None
    while True:
        page = stores.deliveries.page(TENANT, endpoint().id, shown, Position(size, 0, after))
        assert len(page.found) <= size
        found += page.found
        after = page.next_cursor
        if after is None:
            return found


@pytest.mark.parametrize("size", [1, 3, 100])
def test_deliveries_are_listed_newest_first_by_filters_and_page_by_page(stores: Stores, size: int) -> None:
    kinds = ["refund.completed", "refund.failed", "refund.completed", "refund.initiated", "refund.completed"]
    made = [tried(delivery(minute, kind=kind), 200 if minute % 2 else 500) for minute, kind in enumerate(kinds)]
    for each in made[::2] + made[1::2]:
        stores.deliveries.put(None, each)
    stores.deliveries.put(None, tried(delivery(7, of=endpoint(2).id)))
    off = stores.added()
    stores.changed(off, disabled(off, "gone", LATER), of_disabling(disabled(off, "gone", LATER), None))

    assert walked(stores, size) == made[::-1]
    assert walked(stores, size, event_type="refund.completed") == [made[4], made[2], made[0]]
    assert walked(stores, size, status="delivered") == [made[3], made[1]]
    assert walked(stores, size, status="failed") == []
    offset = stores.deliveries.page(TENANT, endpoint().id, lambda _: True, Position(2, 1, None))
    assert list(offset.found) == [made[3], made[2]]


def test_a_walk_through_the_past_goes_on_behind_an_id_oldest_first(stores: Stores) -> None:
    made = [tried(delivery(minute)) for minute in range(5)]
    for each in made[::-1]:
        stores.deliveries.put(None, each)
    begin = ulid("whd", START + timedelta(minutes=1), bytes(10))

    assert stores.deliveries.since(TENANT, endpoint().id, begin, 2) == (made[1:3], True)
    assert stores.deliveries.since(TENANT, endpoint().id, made[2].id, 2) == (made[3:], False)
    assert stores.deliveries.since(TENANT, endpoint().id, made[4].id, 2) == ([], False)
    assert stores.deliveries.since(TENANT, endpoint(2).id, begin, 2) == ([], False)


def test_overdue_are_those_whose_time_came_earliest_first(stores: Stores) -> None:
    waiting = [tried(delivery(number), at=START + timedelta(seconds=number)) for number in range(4)]
    stores.deliveries.put(None, waiting[0])
    for each in waiting[:0:-1]:
        stores.deliveries.put(None, each)
    stores.deliveries.put(None, tried(delivery(5), 200))
    stores.deliveries.put(None, given_up(delivery(6), "too_large"))
    last = waiting[3].next_attempt_at
    assert last is not None

    assert stores.deliveries.overdue(last, 10) == waiting
    assert stores.deliveries.overdue(last - timedelta(milliseconds=1), 10) == waiting[:3]
    assert stores.deliveries.overdue(last, 2) == waiting[:2]
    assert stores.deliveries.overdue(START, 10) == []

    stores.deliveries.put(waiting[0], tried(waiting[0], 200))
    stores.deliveries.put(waiting[1], given_up(waiting[1], "gone"))
    assert stores.deliveries.overdue(last, 10) == waiting[2:]


def test_a_delivery_that_is_put_off_is_looked_at_then_and_keeps_its_own_time(stores: Stores) -> None:
    waits = tried(delivery())
    stores.deliveries.put(None, waits)
    now, look = START + timedelta(minutes=1), START + timedelta(minutes=11)
    stores.deliveries.put_off(waits, look)

    assert stores.deliveries.overdue(now, 10) == []
    assert stores.deliveries.overdue(look, 10) == [waits]
    assert stores.deliveries.find(TENANT, waits.endpoint_id, waits.id) == waits


def test_nothing_is_put_off_that_something_happened_to(stores: Stores) -> None:
    waits, arrives = tried(delivery()), tried(delivery(1))
    stores.deliveries.put(None, waits)
    stores.deliveries.put(None, arrives)
    again, arrived = tried(waits, at=LATER), tried(arrives, 200)
    stores.deliveries.put(waits, again)
    stores.deliveries.put(arrives, arrived)
    far = LATER + timedelta(hours=1)

    stores.deliveries.put_off(waits, far)
    stores.deliveries.put_off(arrives, far)
    stores.deliveries.put_off(arrived, far)
    stores.deliveries.put_off(delivery(2), far)

    due = again.next_attempt_at
    assert due is not None
    assert stores.deliveries.overdue(due, 10) == [again]
    assert stores.deliveries.overdue(far, 10) == [again]
    assert stores.deliveries.find(TENANT, arrived.endpoint_id, arrived.id) == arrived


def test_what_is_put_off_is_due_at_its_own_time_again_after_another_attempt(stores: Stores) -> None:
    waits = tried(delivery())
    stores.deliveries.put(None, waits)
    stores.deliveries.put_off(waits, LATER + timedelta(hours=9))
    again = tried(waits, at=LATER)
    stores.deliveries.put(waits, again)

    assert again.next_attempt_at is not None
    assert stores.deliveries.overdue(again.next_attempt_at, 10) == [again]


def test_a_desk_holds_what_letters_need_and_leaves_out_what_is_not_there(stores: Stores) -> None:
    known, unknown = stores.added(), endpoint(2)
    leave(stores, known, Health(), Health(START))
    events = [public_event(number, START + timedelta(minutes=number)) for number in range(3)]
    for event in events[:2]:
        stores.archive.put(TENANT, event)
    waits = tried(first(TENANT, known.id, events[0].id, events[0].type))
    stores.deliveries.put(None, waits)

    desk = stores.deliveries.desk([*(letter(known, each) for each in events), letter(unknown, events[0])])

    assert desk.endpoints == {known.id: Posted(known, Health(START))}
    assert desk.deliveries == {waits.id: waits}
    assert desk.events == {event.id: event for event in events[:2]}
    assert waits.id == delivery_id(known.id, events[0].id)


def test_a_desk_of_many_letters_is_whole(stores: Stores) -> None:
    made = [stores.added(number) for number in range(1, 6)]
    events = [public_event(number, START + timedelta(minutes=number)) for number in range(12)]
    for event in events:
        stores.archive.put(TENANT, event)
    waiting = [tried(first(TENANT, each.id, event.id, event.type)) for each in made for event in events]
    for delivery_ in waiting:
        stores.deliveries.put(None, delivery_)

    desk = stores.deliveries.desk([letter(each, event) for each in made for event in events])

    assert len(desk.endpoints) == 5
    assert len(desk.events) == 12
    assert desk.deliveries == {each.id: each for each in waiting}


# ---------------------------------------------------------------- events


def test_an_event_is_kept_once_and_whole(stores: Stores) -> None:
    event = public_event(1, START, items=[{"sku": "A", "quantity": 1}], note="Größe 40", empty=None)
    for _ in range(2):
        stores.archive.put(TENANT, event)

    assert stores.archive.find(TENANT, event.id) == event
    assert stores.archive.find(OTHER_TENANT, event.id) is None
    page = stores.archive.page(TENANT, START - KEPT, lambda _: True, Position(10, 0, None))
    assert list(page.found) == [event]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_events_are_listed_newest_first_since_a_time_by_filters_and_page_by_page(stores: Stores, size: int) -> None:
    kinds = ["refund.initiated", "refund.completed", "refund.initiated", "refund.completed", "policy.published"]
    events = [public_event(number, START + timedelta(minutes=number), kind) for number, kind in enumerate(kinds)]
    for event in events[::-1]:
        stores.archive.put(TENANT, event)
    stores.archive.put(OTHER_TENANT, public_event(9, START))

    def listed(since: datetime, *wanted: str) -> list[PublicEvent]:
        found: list[PublicEvent] = []
        after: str | None = None
        while True:
            page = stores.archive.page(
                TENANT, since, lambda each: not wanted or each.type in wanted, Position(size, 0, after)
            )
            found += page.found
            after = page.next_cursor
            if after is None:
                return found

    assert listed(START) == events[::-1]
    assert listed(START + timedelta(minutes=2)) == events[:1:-1]
    assert listed(START, "refund.initiated") == [events[2], events[0]]
    assert listed(START + timedelta(minutes=5)) == []


def test_a_walk_through_events_goes_on_behind_an_id_oldest_first(stores: Stores) -> None:
    events = [public_event(number, START + timedelta(minutes=number)) for number in range(5)]
    for event in events[::-1]:
        stores.archive.put(TENANT, event)
    begin = ulid("evt", START + timedelta(minutes=1), bytes(10))

    assert stores.archive.since(TENANT, begin, 3) == (events[1:4], True)
    assert stores.archive.since(TENANT, events[3].id, 3) == (events[4:], False)
    assert stores.archive.since(OTHER_TENANT, begin, 3) == ([], False)


# ---------------------------------------------------------------- what only a table has


def readable(stores: Stores) -> str:
    """All that can be read in the table without its key."""
    assert stores.table is not None
    items = boto3.client("dynamodb").scan(TableName=stores.table.name)["Items"]
    return repr(items)


def test_secrets_and_headers_can_be_read_nowhere_in_the_table(stored: Stores) -> None:
    made = stored.added()
    stored.changed(made, rotated(made, ANOTHER, LATER))

    text = readable(stored)
    for secret in (SECRET, ANOTHER, KEY_OF_A_GATEWAY, "x-gateway-key"):
        assert secret not in text
        assert secret.removeprefix("whsec_") not in text
    assert "https://shop.example/hooks" in text


def test_what_is_sealed_opens_for_its_tenant_only(stored: Stores) -> None:
    made = stored.added()
    item = stored.item(keys.webhook_endpoint(TENANT, made.id))
    moved = {**item, "pk": keys.webhook_endpoint(OTHER_TENANT, made.id).pk, "version": 7}
    assert stored.table is not None
    stored.table.put(moved)

    with pytest.raises(Exception, match="InvalidCiphertext"):
        stored.endpoints.find(OTHER_TENANT, made.id)


def test_only_secrets_and_headers_that_change_are_sealed_anew(stored: Stores) -> None:
    assert stored.box is not None
    made = stored.added()
    assert stored.box.sealed == 1
    moved = stored.changed(made, changed(made, LATER, url="https://moved.example/hooks", description=None))
    off = stored.changed(moved, disabled(moved, "asked", LATER))
    on = stored.changed(off, enabled(off, LATER))
    assert stored.box.sealed == 1

    other = stored.changed(on, changed(on, LATER, headers={}))
    turned = stored.changed(other, rotated(other, ANOTHER, LATER))
    assert stored.box.sealed == 3
    stored.deleted(turned)
    assert stored.box.sealed == 3
    assert "sealed" not in stored.item(keys.webhook_endpoint(TENANT, made.id))


def test_the_longest_headers_and_as_many_secrets_as_there_can_be_fit_what_is_sealed(stored: Stores) -> None:
    longest = {f"x-{number}": '"\\' * 98 for number in range(10)}
    made = stored.added(headers=longest)
    for number in range(4):
        made = stored.changed(made, rotated(made, f"whsec_{number:044d}", START + timedelta(minutes=number)))

    assert stored.posted(made).endpoint == made


def test_what_is_forgotten_is_forgotten_in_time(stored: Stores) -> None:
    made = stored.added()
    event, waits = public_event(1, START), tried(delivery(1), at=LATER)
    stored.archive.put(TENANT, event)
    stored.deliveries.put(None, waits)
    leave(stored, made, Health(), Health(START))

    def forgotten(key: keys.Key) -> int | None:
        ttl: int | None = stored.item(key).get("ttl")
        return ttl

    assert forgotten(keys.public_event(TENANT, event.id)) == (START + KEPT).timestamp()
    assert forgotten(keys.delivery(TENANT, waits.endpoint_id, waits.id)) == (waits.created_at + KEPT).timestamp()
    assert forgotten(keys.webhook_endpoint(TENANT, made.id)) is None
    assert forgotten(keys.webhook_gate(TENANT, made.id)) is None

    stored.deleted(made)
    assert forgotten(keys.webhook_endpoint(TENANT, made.id)) == (LATER + KEPT).timestamp()
    assert forgotten(keys.webhook_gate(TENANT, made.id)) == (LATER + KEPT).timestamp()


def test_a_delivery_without_a_next_time_leaves_the_index(stored: Stores) -> None:
    waits = tried(delivery())
    stored.deliveries.put(None, waits)
    assert "gsi2pk" in stored.item(keys.delivery(TENANT, waits.endpoint_id, waits.id))

    stored.deliveries.put(waits, tried(waits, 200))
    item = stored.item(keys.delivery(TENANT, waits.endpoint_id, waits.id))
    assert not {"gsi2pk", "gsi2sk"} & item.keys()


def test_twenty_hold_where_many_are_added_at_once(stored: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 21):
        stored.added(number)
    monkeypatch.setattr(stored.endpoints, "_pairs", lambda _tenant: [])  # all of them looked before any was there

    with pytest.raises(StoreConflict):
        stored.added(21)
    assert stored.endpoints.find(TENANT, endpoint(21).id) is None


def test_no_endpoint_is_added_to_an_organization_that_is_deleted(stored: Stores) -> None:
    assert stored.table is not None
    key = keys.organization(TENANT.org_id)
    stored.table.put({"pk": key.pk, "sk": key.sk, "deleted": "2026-11-20T12:00:00.000Z"})

    with pytest.raises(StoreConflict):
        stored.added()
    assert stored.endpoints.all(TENANT) == []


def test_what_is_said_first_under_a_name_stands(stores: Stores) -> None:
    made = stores.added()

    def said(value: str, name: str = "retry k1", tenant: Tenant = TENANT) -> str:
        return str(stores.deliveries.once(tenant, made.id, name, value, LATER))

    assert [said("1"), said("2"), said("3", "retry k2"), said("4", tenant=OTHER_TENANT)] == ["1", "1", "3", "4"]
    assert stores.deliveries.since(TENANT, made.id, "whd_", 10) == ([], False)
