"""The policy engine: one evaluation of 20 rules on an order of 20 items, beside the same rules as `if` statements."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Delivery, Facts, Item
from refundkit_core.domain.policy import judge

from local.console import StepFailed
from tests.bench.plain_policy import DAY, POLICY, SKUS, Judged, judged
from tests.bench.report import Figure, Section, columns, number

_ROUNDS = 60
_CALLS = 40
_SAMPLES = 2_000
_ITEMS = 20
_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_REFUNDED = ("clothing", "clothing/shoes", "electronics", "books", "toys", "garden", "software", "jewellery", "else")
_NEVER = ("electronics/phones/used", "clearance", "gift_card", "made_to_measure", None)


def measure() -> Section:
    """Medians of one evaluation, turn by turn, after both have come to the same on thousands of requests.

    Raises:
        StepFailed: they have not, so that there is nothing to compare.
    """
    counted = _agree()
    facts = order()
    ours, plain = _timed(lambda: judge(POLICY, facts), lambda: judged(facts))
    section = Section("Policy engine: 20 rules on an order of 20 items")
    section.lines = [
        *columns(
            ("engine", "us an evaluation", "ratio"),
            [
                ["RefundKit: verdict, amounts, a verdict for each item, risk, trace", number(ours, 1), number(1, 2)],
                ["plain if statements: verdict and amounts alone", number(plain, 1), number(plain / ours, 2)],
            ],
        ),
        "",
        f"  Both came to the same on {_SAMPLES} other requests first: "
        + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items()))
        + ".",
        f"  Medians of {_ROUNDS} rounds of {_CALLS} evaluations each, turn by turn.",
    ]
    section.record = {"ours_us": ours, "plain_us": plain, "ratio": ours / plain, "agreed": counted}
    section.figures = [
        Figure(
            "evaluation of a 20-rule policy on a 20-item order",
            f"{ours:.0f} us",
            f"plain ifs {plain:.0f} us, without trace",
            f"{ours / plain:.1f} x",
        )
    ]
    return section


def order() -> Facts:
    """The request that is timed: every rule for items that may be refunded at all, a fee at several rates."""
    items = [Item(sku, "clothing", 1, 150 + 10 * n) for n, sku in enumerate(sorted(SKUS))]
    items += [Item(f"P-{n}", _REFUNDED[n % len(_REFUNDED)], 1, 200 + n) for n in range(_ITEMS - len(items))]
    return _facts(tuple(items), sum(each.amount_minor or 0 for each in items))


def _facts(items: tuple[Item, ...], amount_minor: int) -> Facts:
    purchased_at = _NOW - 6 * DAY
    charge = ChargeFacts("usd", 20_000, 20_000, 0, 0, "none", purchased_at, None, 12, ("US",))
    customer = CustomerFacts(True, 0, 0, 0, 0, 12, 150_000, _NOW - 400 * DAY)
    delivery = Delivery("delivered", purchased_at + DAY, purchased_at + 3 * DAY, "US")
    return Facts(_NOW, "product_defective", amount_minor, "usd", charge, items, delivery, customer, ip_country="US")


def _agree() -> dict[str, int]:
    drawn = random.Random(20)
    counted = dict.fromkeys(("allow", "review", "refuse"), 0)
    for facts in [order(), *(_any(drawn) for _ in range(_SAMPLES))]:
        decision, beside = judge(POLICY, facts), judged(facts)
        if Judged(decision.verdict, decision.amount.amount_minor, decision.fee_minor) != beside:
            raise StepFailed(f"the plain peer comes to {beside}, the engine to {decision} on {facts}")
        counted[decision.verdict] += 1
    if min(counted.values()) < _SAMPLES // 20:
        raise StepFailed(f"the samples try too little: {counted}")
    return counted


def _any(drawn: random.Random) -> Facts:
    """A request like the timed one, with here and there something that makes a difference."""
    kinds = _REFUNDED * 12 + _NEVER
    items = tuple(
        Item(
            drawn.choice((None, *sorted(SKUS), "P-1")),
            drawn.choice(kinds),
            1,
            drawn.randint(1, 400),
            drawn.choice(((),) * 200 + (("final_sale",),)),
        )
        for _ in range(drawn.randint(1, _ITEMS))
    )
    facts = _facts(items, drawn.randint(1, sum(each.amount_minor or 0 for each in items) + 20))
    charge = replace(
        facts.charge,
        captured_minor=drawn.choice((20_000,) * 20 + (0,)),
        remaining_minor=drawn.choice((20_000,) * 9 + (900,)),
        lost_minor=drawn.choice((0,) * 9 + (800,)),
        dispute=drawn.choice(("none",) * 18 + ("open", "inquiry")),
        processor_risk=drawn.choice((None, 12, 30, 39, 40, 64, 65, 70)),
        fraud_warning=drawn.choice((None,) * 30 + ("misc",)),
    )
    customer = replace(
        facts.customer,
        refunds_30d=drawn.choice((0,) * 9 + (1, 2, 3, 5, None)),
        refunds_90d=drawn.choice((0,) * 9 + (2, 3, 9)),
        value_90d_minor=drawn.choice((0,) * 9 + (99_000, None)),
        chargebacks_365d=drawn.choice((0,) * 9 + (1, 2)),
        since=_NOW - timedelta(days=drawn.choice((3, 20, 60, 400, 400))),
    )
    changes: dict[str, Any] = {
        "charge": charge,
        "customer": customer,
        "now": _NOW + timedelta(hours=drawn.choice((0,) * 12 + (23, 48, 24 * 5))),
        "stated_currency": drawn.choice((None, "usd", "usd", "usd", "usd", "usd", "eur")),
        "reason": drawn.choice(("other",) * 12 + ("product_not_received",)),
        "ip_country": drawn.choice(("US",) * 9 + ("DE", None)),
        "contradictions": drawn.choice(((),) * 15 + (("items",), ("items", "customer"))),
        "rush": drawn.random() < 0.02,
    }
    return replace(facts, **changes)


def _timed(*works: Callable[[], object]) -> tuple[float, ...]:
    """The median of each in microseconds."""
    seen: list[list[float]] = [[] for _ in works]
    for _ in range(_ROUNDS):
        for work, times in zip(works, seen, strict=True):
            began = time.perf_counter()
            for _ in range(_CALLS):
                work()
            times.append((time.perf_counter() - began) * 1e6 / _CALLS)
    return tuple(statistics.median(times) for times in seen)
