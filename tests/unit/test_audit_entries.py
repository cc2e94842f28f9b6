"""What an audit entry says, and what it must not."""

from __future__ import annotations

import pytest
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor, By, Channel
from refundkit_core.domain.errors import Invalid

from tests.support.builders import TENANT
from tests.support.clock import START, CountingIds, FixedClock


@pytest.fixture
def auditor() -> Auditor:
    clock = FixedClock()
    return Auditor(clock, CountingIds(clock))


def test_an_entry_keeps_channel_and_details_without_what_is_unknown(auditor: Auditor) -> None:
    entry = auditor.entry(
        By("mem_1", "Looks right"),
        "approval approve",
        "apr_1",
        TENANT,
        channel="slack",
        details={"refundId": "ref_1", "amount": 4999, "humanOverride": None},
    )
    assert entry == AuditEntry(
        entry.id,
        TENANT,
        "mem_1",
        "approval approve",
        "apr_1",
        "Looks right",
        START,
        "slack",
        {"refundId": "ref_1", "amount": 4999},
    )


@pytest.mark.parametrize(
    ("by", "channel"),
    [
        (By("mem_1 (key_1)"), "api"),
        (By("shopping-agent (key_1)"), "api"),
        (BY_PROGRAM, "system"),
        (By("arn:aws:iam::123456789012:user/ada"), "operator"),
        (By("ada"), "operator"),
    ],
)
def test_the_channel_follows_from_the_actor_where_nobody_names_it(auditor: Auditor, by: By, channel: Channel) -> None:
    entry = auditor.entry(by, "keys create", "key_2", TENANT)
    assert (entry.channel, entry.details) == (channel, {})


@pytest.mark.parametrize("comment", ["from ada@example.com", "with sk_live_1", "", " ", "x" * 501])
def test_a_comment_is_checked_as_a_reason_is(auditor: Auditor, comment: str) -> None:
    with pytest.raises(Invalid):
        auditor.entry(By("mem_1"), "approval approve", "apr_1", TENANT, details={"comment": comment})
    with pytest.raises(Invalid):
        auditor.entry(By("mem_1", comment), "approval approve", "apr_1", TENANT)
