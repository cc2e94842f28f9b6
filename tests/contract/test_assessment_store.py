"""What every store of assessments promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.assessments import DynamoAssessmentStore
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import Table, decode
from refundkit_core.application.records import Position
from refundkit_core.application.risk_ports import AssessmentStore
from refundkit_core.domain.assessments import KeptAssessment, of_assessment
from refundkit_core.domain.errors import StoreConflict

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION
from tests.support.clock import START
from tests.support.memory_assessments import MemoryAssessmentStore
from tests.support.risk import facts, kept_assessment

ELSEWHERE = TRANSACTION._replace(charge_id="ch_2")


@pytest.fixture(params=["table", "memory"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[AssessmentStore]:
    if request.param == "memory":
        yield MemoryAssessmentStore()
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        yield DynamoAssessmentStore(Table(boto3.client("dynamodb"), "refundkit"))


def told(store: AssessmentStore) -> list[object]:
    """The events that the store keeps."""
    if isinstance(store, MemoryAssessmentStore):
        return list(store.events)
    items = [decode(item) for item in boto3.client("dynamodb").scan(TableName="refundkit")["Items"]]
    return [event_of(item) for item in items if item["sk"].startswith("EVENT#")]


def test_an_assessment_reads_back_as_it_was_kept(store: AssessmentStore) -> None:
    low = kept_assessment()
    high = kept_assessment(2, facts(external_risk=80), policy_id="pol_1", policy_version=3, fingerprint="fpr_1")
    for each in (low, high):
        store.put(each, of_assessment(each))

    assert [store.find(TENANT, each.id) for each in (low, high)] == [low, high]
    assert store.find(OTHER_TENANT, low.id) is None
    assert store.find(TENANT, kept_assessment(3).id) is None
    assert told(store) == [of_assessment(high)]


@pytest.mark.parametrize("external_risk", [0, 80])
def test_an_assessment_is_kept_once_and_never_changes(store: AssessmentStore, external_risk: int) -> None:
    kept = kept_assessment(1, facts(external_risk=external_risk))
    store.put(kept, of_assessment(kept))

    other = kept_assessment(1, facts(external_risk=99))
    with pytest.raises(StoreConflict):
        store.put(other, of_assessment(other))

    assert store.find(TENANT, kept.id) == kept
    assert told(store) == [event for event in [of_assessment(kept)] if event]


def test_a_charges_assessments_are_listed_newest_first_page_by_page(store: AssessmentStore) -> None:
    made = [kept_assessment(number, created_at=START + timedelta(seconds=number)) for number in range(5)]
    others = [kept_assessment(8, transaction=ELSEWHERE), kept_assessment(9, tenant=OTHER_TENANT)]
    for each in (*made, *others):
        store.put(each, None)

    assert walked(store, ["ch_1"], limit=2) == [made[::-1][:2], made[::-1][2:4], made[::-1][4:]]
    assert walked(store, ["ch_1", "ch_2"], limit=9) == [[*made[::-1][:4], *sorted_at_start(made[0], others[0])]]
    assert list(store.page(TENANT, ["ch_1"], Position(2, 1, None)).found) == made[::-1][1:3]
    assert walked(store, ["ch_3"], limit=9) == [[]]


def sorted_at_start(*kept: KeptAssessment) -> list[KeptAssessment]:
    return sorted(kept, key=lambda each: (each.created_at, each.id), reverse=True)


def walked(store: AssessmentStore, charges: list[str], limit: int) -> list[list[KeptAssessment]]:
    pages, after = [], None
    for _ in range(10):
        page = store.page(TENANT, charges, Position(limit, 0, after))
        pages.append(list(page.found))
        after = page.next_cursor
        if after is None:
            return pages
    raise AssertionError("the list does not end")
