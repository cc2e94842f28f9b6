"""The harness can fail: each known way to lose or double money is noticed, and said to be what it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from refundkit_core.application import decide_approval, execute_refund

from tests.crash import broken, broken_approvals
from tests.crash.choices import Plan
from tests.crash.faults import ERRORS, KILLS, OTHER_WORKERS, Fault
from tests.crash.invariants import Violation
from tests.crash.runs import at_random, play, single_faults
from tests.crash.system import System

_NONE: tuple[Fault, ...] = ()


def violations(kind: type[System], name: str, faults: tuple[Fault, ...]) -> Iterator[Violation]:
    for plan in (Plan(), *single_faults(name, faults)):
        try:
            play([name], plan, kind)
        except Violation as violation:
            yield violation


@pytest.mark.parametrize(
    ("kind", "name", "faults", "said"),
    [
        (broken.KeyPerAttempt, "paid", _NONE, "a key that is not stored"),
        (broken.LostMeansFailed, "answer_lost", _NONE, "is failed; the processor paid: True"),
        (broken.NoVersionCheck, "pending_then_succeeded", OTHER_WORKERS, "versions were skipped"),
        (broken.EventApart, "paid", KILLS, "its events are"),
        (broken.NoCap, "two_compete_for_a_known_charge", OTHER_WORKERS, "more is held than was captured"),
        (broken.CapUnasked, "two_under_a_cap_for_one", OTHER_WORKERS, "was taken from a cap"),
        (broken.Miscounted, "two_of_a_customer_who_may_have_one", OTHER_WORKERS, "went without a person"),
        (broken.NoTwinCheck, "twins_of_a_known_charge", OTHER_WORKERS, "2 refunds live, 1 were wanted"),
        (broken.ErasedUnseen, "erased_while_refunds_come_and_go", OTHER_WORKERS, "refunds hold what is personal"),
        (broken.OpenedUnseen, "erased_while_another_is_asked_for", OTHER_WORKERS, "refunds hold what is personal"),
        (broken.RandomIds, "paid", KILLS, "2 refunds live, 1 were wanted"),
        (broken.PaidBeforeRecorded, "paid", _NONE, "was sent while it was pending"),
        (broken.PublishedBeforeRead, "paid", KILLS, "committed and never published"),
        (broken.RefusalsOverlooked, "events_refused_by_the_bus", _NONE, "committed and never published"),
        (broken.WebhookNotKept, "failed_late", _NONE, "is completed; the processor paid: False"),
        (broken.FlaggedOnNews, "warned_of_at_a_low_risk", KILLS, "the ledger shows 1 things, 0 were assessed"),
        (broken.FlaggedAnew, "warned_of_and_flagged", _NONE, "1 things were seen, 2 assessed"),
        (broken.NoSweep, "never_arrived", _NONE, "still busy"),
        (broken_approvals.LastDecisionWins, "two_people_disagree", OTHER_WORKERS, "changed without a new version"),
        (broken_approvals.RefundApart, "approved_by_a_person", _NONE, "is pending_approval, asked: approved"),
        (broken_approvals.TokenUnread, "approved_by_a_person", OTHER_WORKERS, "still busy"),
        (broken_approvals.StartedAnew, "approved_by_a_person", (*KILLS, *OTHER_WORKERS), "was begun twice"),
        (broken_approvals.NeverEnded, "approved_by_a_person", _NONE, "still busy"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_mistake_is_noticed_and_named(kind: type[System], name: str, faults: tuple[Fault, ...], said: str) -> None:
    found = next((violation for violation in violations(kind, name, faults) if said in violation.what), None)

    assert found is not None, f"{kind.__name__} was not noticed"
    assert name in found.story


def test_sending_again_after_the_processor_forgot_the_key_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute_refund, "SEND_WINDOW", timedelta(days=99))

    with pytest.raises(Violation, match="the key may be forgotten"):
        play(["nothing_sent_and_then_silence"], Plan())


def test_one_person_who_is_taken_for_two_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide_approval, "_is_own_effect", lambda *_: False)
    monkeypatch.setattr(decide_approval, "_others_consented", lambda approval, _: bool(approval.consents))

    with pytest.raises(Violation, match="was approved by 1 people, and takes 2"):
        play(["one_person_says_it_twice"], Plan())


@pytest.mark.parametrize("kind", [broken.KeyPerAttempt, broken.NoVersionCheck, broken.EventApart, broken.RandomIds])
def test_random_runs_notice_mistakes_as_well(kind: type[System]) -> None:
    assert any(_is_violated(kind, seed) for seed in range(400))


def _is_violated(kind: type[System], seed: int) -> bool:
    try:
        at_random(seed, kind)
    except Violation:
        return True
    return False


def test_a_failure_tells_the_point_the_calls_before_it_and_what_was_violated() -> None:
    with pytest.raises(Violation) as violated:
        play(["paid"], Plan({21: Fault.KILL_AFTER}), broken.PaidBeforeRecorded)

    assert str(violated.value).startswith("009T was sent while it was pending\npaid, call 21: killed after\n> caller")


def test_an_error_of_the_stores_is_no_mistake_by_itself() -> None:
    assert [violation.what for violation in violations(System, "paid", ERRORS)] == []
