"""What an endpoint's gate shows of those who wait at it: held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoEndpointStore, DynamoGates
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.application.webhook_ports import EndpointStore, Gates
from refundkit_core.domain.webhooks import Endpoint, Health, Secret

from tests.support.aws import create_parts
from tests.support.builders import TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.memory_webhooks import MemoryEndpointStore, MemoryGates

ENDPOINT = Endpoint(
    id="whe_00000000000000000000000001",
    tenant=TENANT,
    url="https://shop.example/hooks",
    patterns=("*",),
    api_version="2026-11-01",
    secrets=(Secret("whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"),),
    created_at=START,
    updated_at=START,
)
CLOCK = FixedClock()
Gated = tuple[Gates, EndpointStore]


@pytest.fixture(params=["memory", "dynamodb"])
def gated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gated]:
    entry = Auditor(CLOCK, CountingIds(CLOCK)).entry(BY_PROGRAM, "webhooks add", ENDPOINT.id, TENANT)
    if request.param == "memory":
        gates = MemoryGates()
        store = MemoryEndpointStore(gates)
        store.add(ENDPOINT, entry)
        yield gates, store
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        settings = create_parts()
        table = Table(boto3.client("dynamodb"), settings["REFUNDKIT_TABLE"])
        box = SecretBox(lambda: boto3.client("kms"), settings["REFUNDKIT_KMS_KEY_ID"])
        kept = DynamoEndpointStore(table, box)
        kept.add(ENDPOINT, entry)
        yield DynamoGates(table), kept


def seen(gated: Gated) -> Health:
    """The health that a sender reads; whoever dispatches reads the same."""
    found = gated[1].find(TENANT, ENDPOINT.id)
    (subscription,) = gated[1].subscriptions(TENANT)
    assert found is not None
    assert found.health == subscription.health
    assert set(found.health.waited_for) == set(subscription.health.waited_for)
    return found.health


def test_whoever_is_waited_for_is_in_trouble_from_the_second_second_until_it_answers(gated: Gated) -> None:
    gates, _ = gated
    assert seen(gated).waited_for == ()
    first, second = (gates.enter(ENDPOINT, 0, START + timedelta(seconds=each)) for each in (0, 1))
    assert first is not None
    assert second is not None

    both = seen(gated)

    assert set(both.waited_for) == {START, START + timedelta(seconds=1)}
    assert not both.is_troubled(START + timedelta(milliseconds=1_999))
    assert both.is_troubled(START + timedelta(milliseconds=2_000))
    gates.leave(first, Health(), Health())
    assert not seen(gated).is_troubled(START + timedelta(milliseconds=2_999))
    assert seen(gated).is_troubled(START + timedelta(milliseconds=3_000))
    gates.leave(second, Health(), Health())
    assert not seen(gated).is_troubled(START + timedelta(seconds=4))


def test_a_worker_that_died_at_the_gate_is_not_waited_for_for_ever(gated: Gated) -> None:
    gated[0].enter(ENDPOINT, 0, START)

    assert seen(gated).is_troubled(START + timedelta(milliseconds=44_999))
    assert not seen(gated).is_troubled(START + timedelta(seconds=45))
