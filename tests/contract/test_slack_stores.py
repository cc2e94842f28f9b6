"""Connections to Slack and where messages stand: one suite, held against DynamoDB's adapters and the ones in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.slack import DynamoSlackPosts, DynamoSlackStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.application.notify_ports import Subject
from refundkit_core.application.slack_ports import Post, SlackPosts, SlackStore
from refundkit_core.domain.errors import StoreConflict

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.slack import MemorySlackPosts, MemorySlackStore, connection, webhook

SUBJECT = Subject(TENANT, "apr_00000000000000000000000001")
POST = Post("con_00000000000000000000000001", "C0REVIEW", "1795000000.000100")


class Stores(NamedTuple):
    connections: SlackStore
    posts: SlackPosts


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "memory":
        yield Stores(MemorySlackStore(), MemorySlackPosts())
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        key = create_parts()["REFUNDKIT_KMS_KEY_ID"]
        table = Table(boto3.client("dynamodb"), "refundkit")
        box = SecretBox(lambda: boto3.client("kms"), key)
        yield Stores(DynamoSlackStore(table, box), DynamoSlackPosts(table))


CLOCK = FixedClock()
IDS = CountingIds(CLOCK)


def put(stores: Stores, wanted: object) -> None:
    entry = Auditor(CLOCK, IDS).entry(BY_PROGRAM, "slack connect", "con_1", TENANT)
    stores.connections.put(wanted, START, entry)  # type: ignore[arg-type]


def test_a_connection_is_kept_whole_and_found_by_its_tenant_and_by_its_id(stores: Stores) -> None:
    put(stores, connection())

    assert stores.connections.of(TENANT) == connection()
    assert stores.connections.by_id(connection().id) == connection()
    assert stores.connections.of(OTHER_TENANT) is None
    assert stores.connections.by_id("con_00000000000000000000000009") is None


def test_another_one_takes_its_place_and_the_one_before_is_found_no_more(stores: Stores) -> None:
    put(stores, connection())
    other = webhook(id="con_00000000000000000000000002", version=2)
    put(stores, other)

    assert stores.connections.of(TENANT) == other
    assert stores.connections.by_id(connection().id) is None


def test_of_two_who_connect_at_once_one_is_refused(stores: Stores) -> None:
    put(stores, connection())
    with pytest.raises(StoreConflict):
        put(stores, webhook())

    assert stores.connections.of(TENANT) == connection()


def test_without_its_secrets_nothing_of_them_is_left(stores: Stores) -> None:
    put(stores, connection())
    ended = replace(connection(), status="inactive", version=2, bot_token=None, signing_secret=None)
    put(stores, ended)

    assert stores.connections.of(TENANT) == ended


def test_how_slack_takes_the_secrets_is_noted_for_these_alone(stores: Stores) -> None:
    put(stores, connection())
    stores.connections.mark(connection(), "error", START)
    assert stores.connections.of(TENANT) == connection(status="error")

    renewed = connection(version=2, bot_token="xoxb-another")
    put(stores, renewed)
    stores.connections.mark(connection(), "error", START)
    assert stores.connections.of(TENANT) == renewed


def test_a_message_is_claimed_posted_and_found(stores: Stores) -> None:
    assert stores.posts.find(SUBJECT, START) is None
    stores.posts.claim(SUBJECT, START)
    stores.posts.keep(SUBJECT, POST)

    assert stores.posts.find(SUBJECT, START) == POST
    assert stores.posts.find(Subject(OTHER_TENANT, SUBJECT.id), START) is None
    for later in (0, 120):
        with pytest.raises(StoreConflict):
            stores.posts.claim(SUBJECT, START + timedelta(seconds=later))


def test_while_a_message_is_about_to_be_posted_others_wait(stores: Stores) -> None:
    stores.posts.claim(SUBJECT, START)
    soon = START + timedelta(seconds=59)
    with pytest.raises(StoreConflict):
        stores.posts.find(SUBJECT, soon)
    with pytest.raises(StoreConflict):
        stores.posts.claim(SUBJECT, soon)

    later = START + timedelta(seconds=60)
    assert stores.posts.find(SUBJECT, later) is None
    stores.posts.claim(SUBJECT, later)


def test_no_message_is_kept_twice_or_without_a_claim(stores: Stores) -> None:
    with pytest.raises(StoreConflict):
        stores.posts.keep(SUBJECT, POST)
    stores.posts.claim(SUBJECT, START)
    stores.posts.keep(SUBJECT, POST)
    with pytest.raises(StoreConflict):
        stores.posts.keep(SUBJECT, POST)
