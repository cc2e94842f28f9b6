"""A dispute or an early warning makes the charge's risk known: assessed once, and told of where it is high."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.application.customer_keys import customer_key
from refundkit_core.application.records import Position, ProcessorNews
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.customers import CustomerRecord
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Policy, RiskSettings, Rule

from tests.support.builders import TENANT, TRANSACTION, snapshot
from tests.support.clock import START
from tests.support.desk import Desk
from tests.support.fact_stores import POLICY_ID
from tests.support.fake_processor import FakeOrganizations
from tests.support.orders import order


def news(desk: Desk, warning: str | None = None) -> str:
    """A webhook about the charge arrives."""
    connection = desk.connections.connection
    told = ProcessorNews(connection.id, TENANT, "stripe", "evt_1", "charge.updated", "ch_1", warning)
    return desk.apply_news(told)


def kept(desk: Desk) -> list[KeptAssessment]:
    """All assessments, oldest first."""
    return list(reversed(desk.assessments.page(TENANT, ["ch_1"], Position(100, 0, None)).found))


def scores(desk: Desk) -> list[int]:
    return [each.assessment.score for each in kept(desk)]


def flags(desk: Desk) -> list[tuple[str, list[str]]]:
    return [(event.type, event.payload["signals"]) for event in desk.assessments.events]


def test_a_warning_alone_is_assessed_and_not_told_of() -> None:
    desk = Desk()

    assert news(desk, "misc") == "applied"

    (only,) = kept(desk)
    assert only.assessment.score == 45 + 15
    assert (only.tenant, only.transaction, only.gross) == (TENANT, TRANSACTION, Money(5000, "usd"))
    assert (only.policy_id, only.policy_version, only.created_at) == (None, 0, START)
    assert (only.fingerprint, flags(desk)) == (None, [])


def test_a_warning_and_more_is_told_of_once_however_often_it_is_delivered() -> None:
    desk = Desk(processor_risk=40)

    for minutes in (0, 0, 0, 20, 60 * 24):
        desk.clock.advance(minutes=minutes)
        news(desk, "misc")

    (only,) = kept(desk)
    (event,) = desk.assessments.events
    assert only.assessment.score == 70
    assert event == Event(
        id=event.id,
        tenant=TENANT,
        subject=only.id,
        version=1,
        type="dispute.risk_flagged",
        public=True,
        created_at=START,
        payload={
            "assessmentId": only.id,
            "transactionId": "ch_1",
            "processor": "stripe",
            "score": 70,
            "riskLevel": "high",
            "signals": ["amount_anomaly", "fraud_warning", "processor_risk"],
        },
    )


def test_news_of_nothing_suspicious_assesses_nothing() -> None:
    desk = Desk(processor_risk=99)

    news(desk)
    desk.processor.charges["ch_1"] = snapshot(processor_risk=99, dispute="won")
    news(desk)
    desk.processor.charges["ch_1"] = snapshot(processor_risk=99, dispute="lost")
    news(desk)

    assert kept(desk) == []


def test_an_inquiry_the_dispute_that_follows_and_a_warning_are_three_things_to_look_at() -> None:
    desk = Desk()

    for dispute in ("inquiry", "inquiry", "open", "open"):
        desk.clock.advance(minutes=1)
        desk.processor.charges["ch_1"] = snapshot(dispute=dispute)
        news(desk)
    desk.clock.advance(minutes=1)
    news(desk, "misc")
    news(desk)

    assert scores(desk) == [40 + 15, 36 + 15, 45 + 36 + 15]
    assert len({each.id for each in kept(desk)}) == 3
    assert flags(desk) == [("dispute.risk_flagged", ["amount_anomaly", "chargebacks", "fraud_warning"])]


def test_a_customer_who_disputed_before_is_flagged_with_the_dispute_that_opens() -> None:
    desk = Desk()
    key = customer_key(FakeOrganizations(), TENANT, "cus_1")
    desk.store.records[TENANT, key] = CustomerRecord(key, 1, {}, {"ch_0": START - timedelta(days=100)})
    desk.processor.charges["ch_1"] = snapshot(dispute="open")

    news(desk)

    assert (scores(desk), len(flags(desk))) == ([75], 1)


def test_it_is_the_risk_of_refunding_what_remains() -> None:
    desk = Desk(processor_risk=40)
    desk.execute(desk.ask(amount_minor=4000).refund)

    news(desk, "misc")

    (only,) = kept(desk)
    assert only.gross == Money(1000, "usd")
    assert "amount_anomaly" not in [signal.type for signal in only.assessment.signals]


def test_the_merchants_own_weights_and_what_the_shop_registered_count() -> None:
    desk = Desk()
    weights = RiskSettings(weights={"fraud_warning": 55})
    desk.policies.publish(Policy("Ours", (Rule(category="default"),), risk=weights), START - timedelta(days=9))
    desk.orders.registered[TRANSACTION] = order(external_risk=None, customer_since=START - timedelta(days=700))

    news(desk, "misc")

    (only,) = kept(desk)
    assert (only.policy_id, only.policy_version, only.assessment.score >= 70) == (POLICY_ID, 1, True)
    assert len(flags(desk)) == 1


def test_the_same_thing_has_one_id_and_another_charge_or_organization_another() -> None:
    first, again, other = Desk(), Desk(), Desk()
    for desk in (first, again):
        news(desk, "misc")
    other.processor.charges["ch_1"] = snapshot(dispute="inquiry")
    news(other)

    assert kept(first)[0].id == kept(again)[0].id != kept(other)[0].id


@pytest.mark.parametrize("effect", [True, False])
def test_what_the_store_did_not_keep_comes_again_with_the_message(
    monkeypatch: pytest.MonkeyPatch, effect: bool
) -> None:
    desk = Desk(processor_risk=70)
    put: Callable[..., Any] = desk.assessments.put

    def fails(*what: Any) -> None:
        if effect:
            put(*what)
        raise StoreConflict("The store did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(desk.assessments, "put", fails)
        if effect:
            news(desk, "misc")  # an answer was lost, and what it answered is there
        else:
            with pytest.raises(StoreConflict):
                news(desk, "misc")
    news(desk, "misc")

    assert (len(kept(desk)), len(flags(desk))) == (1, 1)
