"""Markers, codes and sessions: one suite, held against DynamoDB's adapters and the ones in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.notices import DynamoCodes, DynamoMarkers
from refundkit_core.adapters.dynamodb.sessions import DynamoSessions
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.notify_ports import Codes, Holder, Markers, Subject
from refundkit_core.application.session_ports import Sessions
from refundkit_core.domain.approval_codes import Code, renewed, tried
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.sessions import Pass, Person, passed, started

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START
from tests.support.people import MemoryCodes, MemoryMarkers, MemorySessions

APPROVAL = "apr_00000000000000000000000001"
SUBJECT = Subject(TENANT, APPROVAL)
NAME = "evt_1#mail#mem_1"
MEMBER = Holder("mem_00000000000000000000000002", SUBJECT)
PERSON = Holder("0" * 64)


class Stores(NamedTuple):
    markers: Markers
    codes: Codes
    sessions: Sessions


@pytest.fixture(params=["dynamodb", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "memory":
        yield Stores(MemoryMarkers(), MemoryCodes(), MemorySessions())
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        yield Stores(DynamoMarkers(table), DynamoCodes(table), DynamoSessions(table))


def test_a_delivery_is_taken_once_and_then_done(stores: Stores) -> None:
    assert stores.markers.begin(SUBJECT, NAME, START)
    stores.markers.done(SUBJECT, NAME, START)

    assert not stores.markers.begin(SUBJECT, NAME, START)
    assert not stores.markers.begin(SUBJECT, NAME, START + timedelta(days=1))


def test_nobody_takes_what_another_worker_is_at_before_its_minute_is_over(stores: Stores) -> None:
    stores.markers.begin(SUBJECT, NAME, START)
    with pytest.raises(StoreConflict):
        stores.markers.begin(SUBJECT, NAME, START + timedelta(seconds=59))

    assert stores.markers.begin(SUBJECT, NAME, START + timedelta(seconds=60))


def test_other_people_events_subjects_and_tenants_are_others(stores: Stores) -> None:
    stores.markers.begin(SUBJECT, NAME, START)

    assert stores.markers.begin(SUBJECT, "evt_1#mail#mem_2", START)
    assert stores.markers.begin(Subject(TENANT, "ref_00000000000000000000000001"), NAME, START)
    assert stores.markers.begin(Subject(OTHER_TENANT, APPROVAL), NAME, START)


def test_a_code_is_kept_whole(stores: Stores) -> None:
    code = Code("revision 1", "n", START + timedelta(hours=1))
    stores.codes.put(MEMBER, code)
    later = renewed(tried(code), "m", START + timedelta(hours=2), START)
    stores.codes.put(MEMBER, tried(code))
    stores.codes.put(MEMBER, later)

    assert stores.codes.find(MEMBER) == later
    assert stores.codes.find(Holder(MEMBER.who, Subject(OTHER_TENANT, APPROVAL))) is None
    assert stores.codes.find(Holder("mem_00000000000000000000000003", SUBJECT)) is None


def test_of_two_tries_at_once_one_is_refused(stores: Stores) -> None:
    code = Code("revision 1", "n", START + timedelta(hours=1))
    stores.codes.put(MEMBER, code)
    stores.codes.put(MEMBER, tried(code))

    with pytest.raises(StoreConflict):
        stores.codes.put(MEMBER, tried(code))
    with pytest.raises(StoreConflict):
        stores.codes.put(MEMBER, code)


def test_a_try_is_taken_before_it_is_looked_at_and_there_are_five(stores: Stores) -> None:
    for holder in (MEMBER, PERSON):
        assert stores.codes.spend(holder) is None
        code = Code("revision 1", "n", START + timedelta(hours=1))
        stores.codes.put(holder, code)
        for left in (4, 3, 2, 1, 0):
            code = tried(code)
            assert stores.codes.spend(holder) == code
            assert code.tries_left == left
        assert stores.codes.spend(holder) is None
        assert stores.codes.find(holder) == code


PEOPLE = (Person(TENANT.org_id, MEMBER.who), Person(OTHER_TENANT.org_id, MEMBER.who))


def test_sessions_and_passes_are_kept_whole_until_they_are_ended(stores: Stores) -> None:
    session = started("one", PEOPLE, START)
    limited = passed("two", PEOPLE[0], Pass(TENANT, APPROVAL, 3), START + timedelta(hours=1), START)
    for each in (session, limited):
        stores.sessions.put(each)
        assert stores.sessions.find(each.hash) == each
        with pytest.raises(StoreConflict):
            stores.sessions.put(each)
    stores.sessions.end(session.hash, START)
    stores.sessions.end(session.hash, START + timedelta(hours=1))
    stores.sessions.end("0" * 64, START)

    assert stores.sessions.find(session.hash) == replace(session, ended_at=START)
    assert stores.sessions.find(limited.hash) == limited
    assert stores.sessions.find("0" * 64) is None
