"""Taking entries up into the chain: each once, whatever comes twice, late, in another order or at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.audit_ports import Mention, Taken
from refundkit_core.application.automatic_decisions import entry_id
from refundkit_core.application.chain_audit import MAX_TRIES, ChainAudit
from refundkit_core.application.openings import Refusal
from refundkit_core.application.queue_unchained import QueueUnchained, Requeued
from refundkit_core.application.verify_chain import VerifyChain
from refundkit_core.domain.audit_chain import Block, Chain, Head
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.recommendations import digest_of
from refundkit_core.domain.refund import Ground, Refund, Request
from refundkit_core.domain.times import iso

from tests.support.approvals import ApprovalDesk
from tests.support.audit import ORG, entry, mention
from tests.support.builders import TENANT, TRANSACTION
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.desk import Desk
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_audit import (
    KeptRefusals,
    ListedSources,
    MemoryAuditQueue,
    MemoryChainStore,
    decisions_of,
)
from tests.support.memory_store import MemoryRefundStore
from tests.unit.test_backtest import facts

CLOCK = FixedClock()


def chainer(
    chains: MemoryChainStore, store: MemoryRefundStore | None = None, refusals: KeptRefusals | None = None
) -> ChainAudit:
    decisions = decisions_of(store or MemoryRefundStore(), refusals)
    return ChainAudit(chains, decisions, CLOCK, CountingIds(CLOCK))


def is_well(chains: MemoryChainStore) -> bool:
    clock = FixedClock(START + timedelta(days=1))
    return VerifyChain(chains, clock)(ORG, 60).ok


@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=10), max_size=8))
def test_every_entry_is_in_exactly_one_block_however_often_and_in_whatever_order_it_comes(
    batches: list[list[int]],
) -> None:
    chains = MemoryChainStore()
    seen = {number for batch in batches for number in batch}
    for number in seen:
        chains.put(entry(number))

    for batch in batches:
        chainer(chains)(ORG, [mention(entry(number)) for number in batch])

    linked = [link.id for block in chains.kept.values() for link in block.links]
    assert sorted(linked) == sorted(entry(number).id for number in seen)
    assert is_well(chains)


def test_a_batch_is_one_block_and_tells_the_head() -> None:
    chains = MemoryChainStore()
    for number in range(3):
        chains.put(entry(number))

    told = chainer(chains)(ORG, [mention(entry(number)) for number in range(4)])

    assert (told.head, told.taken, told.known, told.gone) == (chains.heads[ORG], 3, 0, 1)
    again = chainer(chains)(ORG, [mention(entry(number)) for number in range(3)])
    assert (again.head, again.taken, again.known) == (chains.heads[ORG], 0, 3)
    assert len(chains.kept) == 1


class Rushed(MemoryChainStore):
    """Somebody else appends a block before each of the first ``times`` of ours."""

    times = 0

    def append(self, chain: Chain, before: Head | None, block: Block, taken: Sequence[Taken]) -> None:
        if self.times:
            self.times -= 1
            other = entry(900 + self.times)
            self.put(other)
            times, self.times = self.times, 0
            chainer(self)(ORG, [mention(other)])
            self.times = times
        super().append(chain, before, block, taken)


def test_who_loses_a_race_appends_behind_the_winner() -> None:
    chains = Rushed()
    chains.put(entry(1))
    chains.times = 3

    assert chainer(chains)(ORG, [mention(entry(1))]).head == Head(4, chains.heads[ORG].hash)
    assert is_well(chains)


def test_who_always_loses_says_so_and_nothing_is_done() -> None:
    chains = Rushed()
    chains.put(entry(1))
    chains.times = MAX_TRIES

    with pytest.raises(StoreConflict):
        chainer(chains)(ORG, [mention(entry(1))])
    assert len(chains.kept) == MAX_TRIES
    seen = VerifyChain(chains, FixedClock(START + timedelta(days=1)))(ORG, 60)
    assert (seen.fault, [place.id for place in seen.unchained]) == (None, [entry(1).id])


class Silent(MemoryChainStore):
    """The append is made, and its answer lost."""

    def append(self, chain: Chain, before: Head | None, block: Block, taken: Sequence[Taken]) -> None:
        super().append(chain, before, block, taken)
        raise StoreConflict("no answer")


def test_an_append_whose_answer_was_lost_is_not_made_again() -> None:
    chains = Silent()
    chains.put(entry(1))

    told = chainer(chains)(ORG, [mention(entry(1))])

    assert (told.taken, told.known, len(chains.kept)) == (0, 1, 1)
    assert is_well(chains)


def chained_of(desk: Desk, refund: Refund) -> AuditEntry:
    """The entry of the decision on a refund."""
    chains = MemoryChainStore()
    told = chainer(chains, desk.store)(ORG, [Mention(ORG, "test", "refund", refund.id)])
    assert told.taken == 1
    ((made, number),) = chains.trail.values()
    assert (number, is_well(chains)) == (1, True)
    assert made is not None
    return made


def test_an_approval_by_rule_becomes_an_entry_with_all_that_it_rested_on() -> None:
    desk = Desk()

    refund, request, _ = desk.ask(key_id="key_1")
    made, ground = chained_of(desk, refund), request.ground

    assert ground is not None
    assert made == AuditEntry(
        entry_id(refund.id),
        TENANT,
        "mem_1 (key_1)",
        "refund approve",
        refund.id,
        None,
        refund.created_at,
        "rule",
        {
            "refundId": refund.id,
            "processor": "stripe",
            "amount": refund.money.amount_minor,
            "currency": "usd",
            "keyId": "key_1",
            "factsHash": digest_of(ground.facts),
            "policyVersion": ground.policy_version,
            **({"policyId": ground.policy_id} if ground.policy_id else {}),
        },
    )


def test_a_refund_that_a_person_must_see_is_an_entry_of_its_own_kind() -> None:
    desk = ApprovalDesk()

    assert chained_of(desk, desk.waiting()).command == "refund review"


def test_a_refusal_becomes_an_entry_and_says_which_code_refused() -> None:
    refusals, chains = KeptRefusals(), MemoryChainStore()
    ground = Ground(facts(), "pol_1", 3)
    request = Request(None, None, (), ground=ground)
    refusals.put(Refusal("dec_1", TENANT, TRANSACTION, "policy_violation", "key_1", START, request))

    chainer(chains, refusals=refusals)(ORG, [Mention(ORG, "test", "refusal", "dec_1")])

    ((made, _),) = chains.trail.values()
    assert made is not None
    assert (made.command, made.target, made.channel, made.at) == ("refund refuse", "dec_1", "rule", START)
    assert made.details["code"] == "policy_violation"
    assert made.details["policyId"] == "pol_1"
    assert made.details["amount"] == 2000


def test_what_is_forgotten_or_was_made_at_the_processor_is_no_decision_of_ours() -> None:
    chains = MemoryChainStore()
    mentions = [Mention(ORG, "test", "refund", "ref_1"), Mention(ORG, "live", "refusal", "dec_1")]

    told = chainer(chains)(ORG, mentions)

    assert (told.taken, told.gone, chains.kept) == (0, 2, {})


def requeue(chains: MemoryChainStore, sources: ListedSources, queue: MemoryAuditQueue) -> QueueUnchained:
    clock = FixedClock(START + timedelta(hours=1))
    return QueueUnchained(chains, sources, FakeOrganizations(), queue, clock)


def test_what_never_reached_the_chain_is_queued_again_and_nothing_else() -> None:
    chains, queue = MemoryChainStore(), MemoryAuditQueue()
    for number in range(600):
        chains.put(entry(number))
    chainer(chains)(ORG, [mention(entry(number)) for number in range(10)])
    young = entry(700, at=START + timedelta(hours=1) - timedelta(minutes=4))
    chains.put(young)
    lost = Mention(ORG, "test", "refusal", "dec_1", iso(START))
    made = entry(701, id=entry_id("dec_2"), whose=TENANT)
    chains.put(made)
    chainer(chains)(ORG, [mention(made)])
    there = Mention(ORG, "test", "refusal", "dec_2", iso(made.at))

    told = requeue(chains, ListedSources([lost, there]), queue).of(ORG, START)

    assert told == Requeued(1, 591)
    assert set(queue.mentions) == {lost, *(mention(entry(number)) for number in range(10, 600))}
