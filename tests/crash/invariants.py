"""What must hold after every step, and what must hold when all is quiet. Each check says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from refundkit_core.application.execute_refund import SEND_WINDOW
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.budgets import Guards
from refundkit_core.domain.customers import CustomerRecord
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.policies import REVIEW_FROM_RISK
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import ALLOWED, Refund, Request
from refundkit_core.domain.tenancy import Tenant

from tests.crash.callers import Ask
from tests.crash.stripe_like import KEYS_KEPT, Sent, StripeLike

_FIRST: Final = {"processor": ("processing", "completed")}
_AFTER_THESE_NOTHING: Final = ("refund.failed", "refund.cancelled", "refund.rejected")
_NEVER_CHANGES: Final = (
    "id", "tenant", "transaction_id", "transaction", "gross_minor", "reason", "initiated_by", "created_at", "key_id",
    "fee_minor", "customer_key", "approval_id", "taken",
)  # fmt: skip
_SET_ONCE: Final = ("processor_key", "first_attempt_at", "external_refund_id")


class Violation(AssertionError):
    """Something that must always hold does not. ``story`` says how it came to that."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.story = ""

    def __str__(self) -> str:
        return f"{self.what}\n{self.story}"


def insist(holds: object, what: str) -> None:
    """Raises Violation unless ``holds``."""
    if not holds:
        raise Violation(what)


def check_step(before: Refund | None, after: Refund) -> None:
    """One change of one refund, as the table of states allows it; what may not change has not changed."""
    name = f"{after.id[-4:]} {after.status} v{after.version}"
    if before is None:
        insist(after.version == 1, f"{name} is new at another version than 1")
        insist(after.status in _FIRST.get(after.initiated_by, ("pending", "pending_approval")), f"{name} is new")
    elif before.version == after.version:
        same = replace(before, next_look_at=after.next_look_at, looks=after.looks)
        insist(same == after, f"{name} changed without a new version")
    else:
        insist(after.version == before.version + 1, f"{name} was v{before.version} before: versions were skipped")
        insist(after.status in ALLOWED[before.status], f"{name} was {before.status}: the table forbids that step")
        for field in _NEVER_CHANGES:
            insist(getattr(before, field) == getattr(after, field), f"{name}: {field} changed")
        same_money = before.money == after.money or before.status == "pending_approval"
        insist(same_money, f"{name} was {before.money} before")
        for field in _SET_ONCE:
            old = getattr(before, field)
            insist(old in (None, getattr(after, field)), f"{name}: {field} was {old} already")
    asks = after.status == "pending_approval" and after.approval_id is not None
    flagged = after.next_look_at is not None or after.status_detail == "needs_review"
    watched = not after.holds_reservation or flagged or asks
    insist(watched, f"{name} ({after.status_detail}) holds money, and neither the sweep nor a person will look at it")


def check_events(refund: Refund, events: Sequence[Event], states: Mapping[int, Refund]) -> None:
    """One event a change, one change an event, and never a contradiction in public."""
    name = refund.id[-4:]
    versions = [event.version for event in events]
    insist(versions == list(range(1, refund.version + 1)), f"{name} is v{refund.version}, its events are {versions}")
    insist(len({event.id for event in events}) == len(events), f"{name}: two events with one id")
    for event in events:
        state, said = states.get(event.version), event.payload
        told = (said["status"], said["statusDetail"], said["amount"], said["externalRefundId"])
        if state is not None:
            was = (state.status, state.status_detail, state.money.amount_minor, state.external_refund_id)
            insist(told == was, f"{name} v{event.version} was {was}, its event says {told}")
    public = [event.type for event in events if event.public]
    insist(len(set(public)) == len(public), f"{name}: the same was told twice in public: {public}")
    for first, second in pairwise(public):
        insist(first not in _AFTER_THESE_NOTHING, f"{name}: {second} was told after {first}")
        insist(first != "refund.completed" or second == "refund.failed", f"{name}: {second} after {first}")


def check_ledger(ledger: Ledger, before: Ledger | None, heads: Sequence[Refund]) -> None:
    """The ledger's sums are what its refunds hold; only refunds made outside may hold more than was captured."""
    reserved = sum(head.money.amount_minor for head in heads if head.holds_reservation)
    refunded = sum(head.money.amount_minor for head in heads if head.status == "completed")
    insist(ledger.reserved_minor == reserved, f"{ledger.reserved_minor} is reserved, open refunds hold {reserved}")
    insist(ledger.refunded_minor == refunded, f"{ledger.refunded_minor} is refunded, completed ones are {refunded}")
    withheld = sum(head.fee_minor for head in heads if head.holds_reservation or head.status == "completed")
    insist(ledger.withheld_minor == withheld, f"{ledger.withheld_minor} is withheld, refunds' fees are {withheld}")
    if ledger.available_minor >= 0:
        return
    others = ledger.elsewhere_minor + ledger.lost_minor
    others_before, available_before = 0, ledger.captured_minor
    if before is not None:
        others_before, available_before = before.elsewhere_minor + before.lost_minor, before.available_minor
    by_others = others > others_before or ledger.available_minor >= available_before
    insist(by_others, f"{-ledger.available_minor} more is held than was captured")


def check_counted(records: Iterable[CustomerRecord], heads: Sequence[Refund]) -> None:
    """A customer's record counts exactly the refunds of theirs that hold or moved money, each with its gross amount."""
    for record in records:
        counts = {head.id: head for head in heads if head.customer_key == record.key and _counts(head)}
        expected = {ref: (head.gross_minor, head.money.currency) for ref, head in counts.items()}
        counted = {ref: (one.amount_minor, one.currency) for ref, one in record.refunds.items()}
        insist(counted == expected, f"{record.key[-4:]} is counted with {counted}, its refunds are {expected}")


def _counts(head: Refund) -> bool:
    return head.holds_reservation or head.status == "completed"


def check_approvals(approvals: Iterable[Approval], heads: Mapping[str, Refund]) -> None:
    """A refund waits for a person exactly while its question is open, and none was opened without the other."""
    asked = {approval.refund_id: approval for approval in approvals}
    insist(set(asked) <= set(heads), "a person is asked about a refund that does not exist")
    for head in heads.values():
        approval = asked.get(head.id)
        insist((approval is None) == (head.approval_id is None), f"{head.id[-4:]} and its question do not match")
        if approval is not None:
            waits = (head.status == "pending_approval", approval.is_open)
            insist(
                waits in ((True, True), (False, False)), f"{head.id[-4:]} is {head.status}, asked: {approval.status}"
            )
            insist(approval.amount_minor == head.money.amount_minor, f"{head.id[-4:]}: another amount is asked about")


def check_purses(purses: Mapping[tuple[Tenant, str], int], heads: Sequence[Refund], guards: Guards) -> None:
    """Purses hold exactly what live refunds took, and never more than the caps allow."""
    taken: dict[str, int] = {}
    for head in heads:
        for purse, amount_minor in head.taken if _counts(head) else ():
            taken[purse] = taken.get(purse, 0) + amount_minor
    stored = {purse: amount for (_, purse), amount in purses.items() if amount}
    insist(stored == taken, f"purses hold {stored}, refunds took {taken}")
    for cap in guards.caps:
        spent_on: dict[str, int] = {}
        for purse, amount in stored.items():
            scope, _, _, day, *_ = purse.split("#")
            if scope == cap.scope:
                spent_on[day] = spent_on.get(day, 0) + amount
        for spent in spent_on.values():
            insist(cap.per_day_minor is None or spent <= cap.per_day_minor, f"{spent} was taken from a cap of {cap}")


def check_limit(record: CustomerRecord, heads: Sequence[Refund], most: int) -> None:
    """No more refunds of a customer went without a person than the policy allows within a month."""
    free = [head.id for head in heads if head.id in record.refunds and head.approval_id is None]
    insist(len(free) <= most, f"{len(free)} went without a person, {most} may")


def check_erased(ledger: Ledger | None, requests: Sequence[Request], told: Sequence[Sequence[str]]) -> None:
    """Whoever was told that the customer is erased was told the truth, and it stays so."""
    insist(all(answers for answers in told), "an erasure was never answered")
    if all(answer == "not_found" for answers in told for answer in answers):
        return  # nothing of the customer was known yet
    insist(ledger is not None and ledger.customer_id is None, "the charge names its customer")
    personal = [request for request in requests if request.personal or "email" in (request.metadata or {})]
    insist(not personal, f"{len(personal)} refunds hold what is personal")


def check_sent(sent: Sent, sent_before: Iterable[Sent], refund: Refund | None) -> None:
    """A call to the processor was stored before it was made, under the refund's one key, in time, as approved."""
    order = sent.order
    name = order.refund_id[-4:]
    insist(refund is not None, f"{name} was sent to the processor, and there is no such refund")
    assert refund is not None
    insist(refund.status not in ("pending", "pending_approval"), f"{name} was sent while it was {refund.status}")
    keys = {other.order.processor_key for other in sent_before if other.order.refund_id == order.refund_id}
    insist(keys <= {order.processor_key}, f"{name} was sent under two keys")
    insist(refund.processor_key == order.processor_key, f"{name} was sent under a key that is not stored")
    approved = (refund.transaction.charge_id, refund.money.amount_minor, refund.money.currency)
    insist((order.charge_id, order.amount_minor, order.currency) == approved, f"{name} was sent as {order}")
    first = refund.first_attempt_at
    in_time = first is not None and sent.at - first < SEND_WINDOW < KEYS_KEPT
    insist(in_time, f"{name} was sent at {sent.at}, its first attempt was at {first}: the key may be forgotten")


def check_processor(refunds: Iterable[ProcessorRefund], heads: Mapping[str, Refund]) -> None:
    """At most one processor refund for one of ours, of its amount, and none for a refund that does not exist."""
    paid: dict[str, str] = {}
    for made in refunds:
        if made.refund_id is None:
            continue
        refund = heads.get(made.refund_id)
        name = made.refund_id[-4:]
        insist(refund is not None, f"{made.external_id} pays {name}, and there is no such refund")
        insist(made.refund_id not in paid, f"{name} was paid twice: {paid.get(made.refund_id)}, {made.external_id}")
        paid[made.refund_id] = made.external_id


def check_answers(asks: Sequence[Ask], heads: Mapping[str, Refund]) -> None:
    """Nobody was told of a refund that does not exist, or of two for one wish."""
    for ask in asks:
        for opened in ask.opened:
            insist(opened in heads, f"{ask} was told {opened[-4:]}, and there is no such refund")
        if ask.keyed and ask.opened:
            after = ask.answers[ask.answers.index(ask.opened[0]) :]
            insist(len(set(after)) == 1, f"{ask} got different answers: {after}")
    wanted = sum(1 for ask in asks if ask.keyed)
    live = [
        head for head in heads.values() if head.initiated_by == "api" and head.status not in ("failed", "cancelled")
    ]
    unkeyed = {(ask.wish.amount_minor, ask.wish.reason) for ask in asks if not ask.keyed}
    insist(len(live) <= wanted + len(unkeyed), f"{len(live)} refunds live, {wanted + len(unkeyed)} were wanted")


def check_quiet(ledger: Ledger | None, heads: Sequence[Refund], stripe: StripeLike) -> None:
    """Nothing is left under way, and the processor's view of the money is ours."""
    moving = [head for head in heads if head.holds_reservation and head.status != "pending_approval"]
    open_ones = [f"{head.id[-4:]} {head.status} {head.status_detail}" for head in moving]
    insist(not open_ones, f"never finished: {open_ones}")
    by_id = {head.external_refund_id: head for head in heads if head.external_refund_id is not None}
    paid = {made.refund_id or made.external_id: made for made in stripe.refunds.values() if made.holds_money}
    for head in heads:
        is_paid = head.id in paid or head.external_refund_id in paid
        insist(
            (head.status == "completed") == is_paid, f"{head.id[-4:]} is {head.status}; the processor paid: {is_paid}"
        )
    if ledger is None:
        insist(not heads and not paid, "money moved without a ledger")
        return
    elsewhere = sum(made.amount_minor for made in paid.values() if made.external_id not in by_id)
    ours = stripe.held_minor - elsewhere
    insist(ledger.refunded_minor == ours, f"we count {ledger.refunded_minor} as refunded, the processor {ours}")
    known = (ledger.elsewhere_minor, ledger.dispute, ledger.lost_minor)
    charge = (elsewhere, stripe.charge.dispute, stripe.charge.lost_minor)
    insist(known == charge, f"elsewhere, dispute and lost are {known} in the ledger, {charge} at the processor")


def check_assessed(
    ledger: Ledger | None, kept: Sequence[KeptAssessment], flagged: Sequence[Event], suspicions: int
) -> None:
    """What a charge is suspected of was assessed once each, and each high risk was told of."""
    insist(len(kept) <= suspicions, f"{suspicions} things were seen, {len(kept)} assessed")
    seen = 0 if ledger is None else ledger.disputed + (ledger.fraud_warning is not None)
    insist(len(kept) >= seen, f"the ledger shows {seen} things, {len(kept)} were assessed")
    high = sorted(each.id for each in kept if each.assessment.score >= REVIEW_FROM_RISK)
    told = sorted(event.payload["assessmentId"] for event in flagged)
    insist(told == high, f"{high} are high, {told} were told of")


def check_published(committed: Mapping[str, Event], published: Sequence[Event]) -> None:
    """Every committed event has left, as it was committed."""
    left = {event.id: event for event in published}
    missing = [f"{event.type} v{event.version}" for event in committed.values() if event.id not in left]
    insist(not missing, f"committed and never published: {missing}")
    check_known(committed, left.values())


def check_known(committed: Mapping[str, Event], published: Iterable[Event]) -> None:
    """Nothing is published that was not committed."""
    for event in published:
        insist(committed.get(event.id) == event, f"{event.type} v{event.version} was published, and never committed so")
