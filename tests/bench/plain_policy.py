"""The plain peer of the engine: the bench's policy of 20 rules written as `if` statements, without a trace."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from refundkit_core.domain.facts import Facts, Item
from refundkit_core.domain.policies import DEFAULT_CATEGORY, Limits, Policy, Rule

DAY = timedelta(days=1)
POLICY = Policy(
    "Twenty rules",
    (
        *(Rule(sku=f"SKU-{n}", return_window_days=10 + n, restocking_fee_bp=100 * n) for n in range(1, 8)),
        Rule(category="clothing", return_window_days=30),
        Rule(category="clothing/shoes", return_window_days=45),
        Rule(category="electronics", return_window_days=15, restocking_fee_bp=1500),
        Rule(category="electronics/phones", return_window_days=14, restocking_fee_bp=2000, requires_review=True),
        Rule(category="books", return_window_days=14),
        Rule(category="toys", return_window_days=60, restocking_fee_bp=250),
        Rule(category="garden", return_window_days=30, restocking_fee_bp=500),
        Rule(category="clearance", final_sale=True),
        Rule(category="gift_card", non_refundable=True),
        Rule(category="made_to_measure", exchange_only=True),
        Rule(category="software", return_window_days=7, window_starts_at="purchase"),
        Rule(category="jewellery", return_window_days=30, max_amount_minor=500_000),
        Rule(category=DEFAULT_CATEGORY, return_window_days=30),
    ),
    limits=Limits(
        max_returns_per_customer_30d=5,
        max_return_value_per_customer_90d_minor=100_000,
        auto_approve_threshold_minor=5_000,
        require_review_above_minor=20_000,
        review_at_chargebacks=2,
        auto_approve_max_risk=25,
    ),
)
SKUS = frozenset(f"SKU-{n}" for n in range(1, 8))


class Judged(NamedTuple):
    """What both must come to."""

    verdict: str
    amount_minor: int
    fee_minor: int


class _Terms(NamedTuple):
    days: int | None
    fee_bp: int
    from_purchase: bool = False
    looked_at: bool = False
    refused: bool = False
    most_minor: int | None = None


def judged(facts: Facts) -> Judged:
    """The verdict, the gross amount and the fee, by nothing but comparisons."""
    charge = facts.charge
    amount = charge.remaining_minor if facts.amount_minor is None else facts.amount_minor
    refused = charge.captured_minor <= 0 or amount > charge.remaining_minor or charge.remaining_minor == 0
    if facts.stated_currency is not None and facts.stated_currency != charge.currency:
        refused = True
    if charge.dispute == "open" or (charge.lost_minor > 0 and charge.remaining_minor < amount):
        refused = True
    review = charge.dispute == "inquiry" or facts.rush
    worth, rates, worths = 0, [], []
    for item in sorted(facts.items, key=lambda each: (each.sku or "", each.category or "", each.amount_minor or 0)):
        terms = _terms(item)
        if "final_sale" in item.flags or terms.refused or _late(terms, facts):
            refused = True
        if charge.currency == "usd" and terms.most_minor is not None and amount > terms.most_minor:
            refused = True
        review = review or terms.looked_at
        rates.append(terms.fee_bp)
        worths.append(item.amount_minor or 0)
        worth += item.amount_minor or 0
    fee = _fee(amount, rates, worths, worth)
    if fee and fee >= amount:
        refused = True
    if amount > worth or _asks(facts, amount):
        review = True
    return Judged("refuse" if refused else "review" if review else "allow", amount, min(fee, amount))


def _terms(item: Item) -> _Terms:  # noqa: C901  (that is the point of it)
    if item.sku in SKUS and item.sku is not None:
        number = int(item.sku[4:])
        return _Terms(10 + number, 100 * number)
    category = item.category or ""
    if category == "clothing/shoes" or category.startswith("clothing/shoes/"):
        return _Terms(45, 0)
    if category == "clothing" or category.startswith("clothing/"):
        return _Terms(30, 0)
    if category == "electronics/phones" or category.startswith("electronics/phones/"):
        return _Terms(14, 2000, looked_at=True)
    if category == "electronics" or category.startswith("electronics/"):
        return _Terms(15, 1500)
    if category == "books":
        return _Terms(14, 0)
    if category == "toys":
        return _Terms(60, 250)
    if category == "garden":
        return _Terms(30, 500)
    if category in ("clearance", "gift_card", "made_to_measure"):
        return _Terms(None, 0, refused=True)
    if category == "software":
        return _Terms(7, 0, from_purchase=True)
    if category == "jewellery":
        return _Terms(30, 0, most_minor=500_000)
    return _Terms(30, 0)


def _late(terms: _Terms, facts: Facts) -> bool:
    if terms.days is None:
        return False
    start = facts.charge.purchased_at
    if not terms.from_purchase:
        start = facts.delivery.delivered_at or facts.delivery.fulfilled_at or start
    return facts.now > start + terms.days * DAY


def _fee(amount: int, rates: list[int], worths: list[int], worth: int) -> int:
    if len(set(rates)) == 1:
        return amount * rates[0] // 10_000
    shares = [amount * each // worth for each in worths]
    order = sorted(range(len(shares)), key=lambda at: -(amount * worths[at] % worth))
    for at in order[: amount - sum(shares)]:
        shares[at] += 1
    return sum(share * rate // 10_000 for share, rate in zip(shares, rates, strict=True))


def _asks(facts: Facts, amount: int) -> bool:
    customer = facts.customer
    if customer.refunds_30d is None or customer.refunds_30d + 1 > 5:
        return True
    if customer.chargebacks_365d is None or customer.chargebacks_365d > 1:
        return True
    if facts.charge.currency != "usd" or customer.value_90d_minor is None:
        return True
    if customer.value_90d_minor + amount > 100_000 or amount >= 5_000:
        return True
    return _score(facts, amount) >= 25


def _score(facts: Facts, amount: int) -> int:
    customer, charge, score = facts.customer, facts.charge, 0
    count = customer.refunds_30d or 0
    score += 40 if count >= 3 else 20 if count == 2 else 4 if count == 1 else 0
    orders, spend = customer.lifetime_orders or 0, customer.lifetime_spend_minor or 0
    if customer.refunds_90d is not None and orders >= 4:
        percent = customer.refunds_90d * 100 // orders
        score += 30 if percent >= 50 else 15 if percent >= 25 else 0
    anomaly = 0
    if charge.captured_minor > 0:
        percent = -(-amount * 100 // charge.captured_minor)
        anomaly = 15 if percent > 80 else 5 if percent > 50 else 0
    if orders >= 4 and spend:
        percent = -(-amount * orders * 100 // spend)
        anomaly = max(anomaly, 20 if percent > 300 else 10 if percent > 200 else 0)
    score += anomaly
    chargebacks = customer.chargebacks_365d or 0
    score += 60 if chargebacks >= 2 else 36 if chargebacks == 1 else 0
    if customer.since is not None:
        days = (facts.now - customer.since).days
        score += 15 if days < 7 else 9 if days < 30 else 3 if days < 90 else 0
    countries = {each for each in (*charge.countries, facts.delivery.country, facts.ip_country) if each is not None}
    score += 15 if len(countries) >= 3 else 7 if len(countries) == 2 else 0
    if facts.reason == "product_not_received":
        delivery = facts.delivery
        if delivery.status == "delivered" or (delivery.status is None and delivery.delivered_at is not None):
            score += 40
    score += 45 if charge.fraud_warning is not None else 0
    score += 40 if charge.dispute == "inquiry" else 0
    risk = max(charge.processor_risk or 0, facts.external_risk or 0)
    score += 70 if risk >= 70 else 42 if risk >= 65 else 10 if risk >= 40 else 0
    named = len(set(facts.contradictions))
    score += 30 if named >= 2 else 18 if named == 1 else 0
    return min(score, 100)
