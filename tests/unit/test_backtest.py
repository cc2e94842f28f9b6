"""A tally of past decisions is the sum of its parts, whatever the parts; and what a row says is no formula."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.backtest import VERDICTS, PastDecision, Replayed, Tally, Trial, judged_anew
from refundkit_core.domain.csv_rows import csv_of
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.facts import ChargeFacts, Facts, Item
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Limits, Policy, PolicyVersion, Rule
from refundkit_core.domain.policy import judge
from refundkit_core.domain.refund import Ground

from tests.support.clock import START
from tests.support.fact_stores import POLICY_ID
from tests.unit.test_policy_properties import FACTS, POLICIES

LAX = Policy("Lax", (Rule(category="default"),))
GROUNDS = st.sampled_from((POLICY_ID, POLICY_ID, None, "pol_another"))


def facts(**changes: object) -> Facts:
    charge = ChargeFacts("usd", 5000, 5000, 0, 0, "none", START)
    return replace(Facts(START, "other", 2000, None, charge), **changes)  # type: ignore[arg-type]


def decided(
    number: int, policy: Policy, of: Facts, policy_id: str | None = POLICY_ID, version: int = 1
) -> PastDecision:
    """The decision that ``policy`` made of the facts, as it is kept."""
    decision = judge(policy, of)
    kind = "dec" if decision.verdict == "refuse" else "ref"
    at = START + timedelta(minutes=number)
    ground = Ground(of, policy_id, version)
    return PastDecision(
        f"{kind}_{number:026d}", at, "ch_1", decision.amount, decision.fee_minor, decision.rules, ground
    )


PASTS = st.lists(st.tuples(POLICIES, FACTS, GROUNDS, st.booleans()), max_size=12).map(
    lambda drawn: [
        replace(past, ground=None) if adopted else past
        for number, (policy, of, whose, adopted) in enumerate(drawn)
        for past in [decided(number, policy, of, whose)]
    ]
)


def trial(policy: Policy, sample_percent: int = 100, examples: int = 3) -> Trial:
    return Trial(POLICY_ID, PolicyVersion(POLICY_ID, 2, policy), sample_percent, examples)


@given(POLICIES, PASTS, st.integers(1, 100), st.integers(0, 4), st.data())
def test_a_tally_is_that_of_judging_one_by_one_in_any_order_and_in_any_chunks(
    tried: Policy, past: list[PastDecision], percent: int, examples: int, data: st.DataObject
) -> None:
    on_trial = trial(tried, percent, examples)
    whole = judged_anew(on_trial, past).tally

    one_by_one = sum((judged_anew(on_trial, [each]).tally for each in past), Tally(examples))
    shuffled = data.draw(st.permutations(past))
    cuts = sorted({0, len(past), *data.draw(st.lists(st.integers(0, len(past)), max_size=4))})
    chunks = [judged_anew(on_trial, shuffled[start:end]).tally for start, end in pairwise(cuts)]
    to_the_left = sum(chunks, Tally(examples))
    to_the_right = Tally(examples)
    for chunk in reversed(chunks):
        to_the_right = chunk + to_the_right

    assert one_by_one == to_the_left == to_the_right == whole + Tally(examples)
    assert Tally.from_record(whole.as_record()) == whole


@given(POLICIES, PASTS)
def test_counts_and_money_are_those_of_the_decisions_themselves(tried: Policy, past: list[PastDecision]) -> None:
    tally, replayed = judged_anew(trial(tried), past)

    assert tally.examined == len(past)
    judged = [each for each in past if each.ground is not None and each.ground.policy_id in (POLICY_ID, None)]
    anew = [judge(tried, each.ground.facts) for each in judged if each.ground is not None]
    assert [each.past for each in replayed] == judged
    assert Counter(tally.before) == Counter(each.verdict for each in judged)
    assert Counter(tally.after) == Counter(each.verdict for each in anew)
    assert sum(tally.flips.values()) == sum(
        before.verdict != after.verdict for before, after in zip(judged, anew, strict=True)
    )
    for currency in tally.currencies:
        for verdict in VERDICTS:
            moved = [
                each.amount.amount_minor if verdict == "refuse" else each.net.amount_minor
                for each in anew
                if (each.verdict, each.amount.currency) == (verdict, currency)
            ]
            assert tally.moved_minor(currency, "after", verdict) == sum(moved)


@given(POLICIES, st.lists(FACTS, max_size=6))
def test_the_policy_that_decided_changes_nothing(policy: Policy, asked: list[Facts]) -> None:
    past = [decided(number, policy, each) for number, each in enumerate(asked)]

    tally, replayed = judged_anew(trial(policy), past)

    assert (tally.flips, tally.before) == ({}, tally.after)
    assert all(each.changed_rules == () for each in replayed)
    for verdict in VERDICTS:
        for currency in tally.currencies:
            sides = {tally.moved_minor(currency, side, verdict) for side in ("before", "after")}
            assert len(sides) == 1


def test_money_is_the_net_unless_it_was_refused_and_examples_are_the_newest() -> None:
    before = Policy("Fee", (Rule(category="default", restocking_fee_bp=1000),))
    after = replace(LAX, limits=Limits(auto_approve_threshold_minor=1500))
    past = [decided(number, before, facts(amount_minor=amount)) for number, amount in enumerate((1000, 2000, 3000))]

    tally = judged_anew(trial(after, examples=1), past).tally

    assert tally == Tally(
        most_examples=1,
        judged=3,
        before={"allow": 3},
        after={"allow": 1, "review": 2},
        flips={"allow>review": 2},
        money={"usd>before>allow": 5400, "usd>after>allow": 1000, "usd>after>review": 5000},
        examples=(past[2].place,),
    )
    refused = judged_anew(trial(Policy("No", (Rule(category="default", final_sale=True),))), past).tally
    assert refused.moved_minor("usd", "after", "refuse") == 6000


def test_a_quoted_fee_holds_for_the_version_that_quoted_it_alone() -> None:
    fee = Policy("Fee", (Rule(category="default", restocking_fee_bp=1000),))
    past = decided(1, fee, facts(quoted_fee_minor=7), version=2)

    same = trial(fee).replayed(past)
    other = Trial(POLICY_ID, PolicyVersion(POLICY_ID, 0, fee)).replayed(past)

    assert same is not None
    assert other is not None
    assert (same.now.fee_minor, other.now.fee_minor) == (7, 200)


def test_a_verdict_is_read_from_what_the_rules_said() -> None:
    one = decided(1, LAX, facts())
    asked = (*one.rules, RuleResult("risk", "unknown", "who knows"))

    assert one.verdict == "allow"
    assert replace(one, rules=asked).verdict == "review"
    assert replace(one, rules=(*asked, RuleResult("captured", "fail", "no"))).verdict == "refuse"
    assert replace(one, rules=()).verdict == "allow"


def test_rules_that_changed_are_named_with_what_they_say_now() -> None:
    now = judge(replace(LAX, rules=(Rule(category="shoes", final_sale=True), *LAX.rules)), shoes())
    changed = Replayed(decided(1, LAX, shoes()), now).changed_rules

    assert "final_sale: pass to fail" in changed
    assert "return_window: pass to silent" in changed


def shoes() -> Facts:
    return facts(items=(Item(category="shoes"),))


def test_a_sample_is_by_id_and_grows_with_its_percentage() -> None:
    ids = [f"ref_{number:026d}" for number in range(1000)]
    samples = [{each for each in ids if trial(LAX, percent).wants(each)} for percent in (1, 10, 50, 99, 100)]

    assert all(smaller <= larger for smaller, larger in pairwise(samples))
    assert samples[-1] == set(ids)
    assert 450 < len(samples[2]) < 550


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", '=HYPERLINK("http://x","y")', "＝1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(cell: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_of([(cell, 5)]), newline=""))

    assert row == [f"'{cell}", "5"]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=3), max_size=4))
def test_rows_read_back_as_they_were_but_for_apostrophes(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(csv_of(rows), newline="")))

    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    assert not [cell for row in read for cell in row if cell.startswith(("=", "+", "-", "@"))]


def test_amounts_are_numbers() -> None:
    assert csv_of([("ref_1", 2000, "usd")]) == "ref_1,2000,usd\r\n"
    assert Money(2000, "usd").amount_minor == 2000
