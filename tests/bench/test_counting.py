"""The arithmetic behind the bill."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.counting import (
    Index,
    chunks,
    event_bytes,
    eventual_read_units,
    index_write_units,
    item_bytes,
    read_units,
    transactional_write_units,
    write_units,
)
from tests.bench.patterns import matches
from tests.bench.prices import Usage, bill, billed_ms

GSI = Index("gsi1", ("gsi1pk", "gsi1sk"))


def item(text_bytes: int, **more: Any) -> dict[str, Any]:
    """An item of exactly ``text_bytes`` bytes, and ``more`` on top."""
    return {"pk": {"S": "x" * (text_bytes - 2)}, **more}


def indexed(partition: str, text_bytes: int = 10) -> dict[str, Any]:
    return item(text_bytes, gsi1pk={"S": partition}, gsi1sk={"S": "s"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"S": "é"}, 2),
        ({"N": "5"}, 2),
        ({"N": "1700000000"}, 2),
        ({"N": "1763635200"}, 5),
        ({"N": "-12345"}, 5),
        ({"B": b"1234"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 3 + 3),
        ({"M": {"k": {"S": "ab"}}}, 3 + 1 + 1 + 2),
    ],
)
def test_a_value_counts_as_the_developer_guide_says(value: dict[str, Any], expected: int) -> None:
    assert item_bytes({"n": value}) == 1 + expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(None, item(3), 1), (None, item(1024), 1), (None, item(1025), 2), (item(2049), item(3), 3), (None, None, 1)],
)
def test_a_write_costs_a_unit_for_each_kilobyte_of_the_larger_side_and_twice_that_in_a_transaction(
    before: Any, after: Any, expected: int
) -> None:
    assert write_units(before, after) == expected
    assert transactional_write_units(before, after) == 2 * expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, item(10), 0),
        (None, indexed("a"), 1),
        (indexed("a"), indexed("a"), 0),
        (indexed("a"), indexed("a", 11), 1),
        (indexed("a"), indexed("a", 2000), 2),
        (indexed("a"), indexed("b"), 2),
        (indexed("a"), None, 1),
        (indexed("a"), item(10), 1),
    ],
)
def test_an_index_costs_what_changes_in_it(before: Any, after: Any, expected: int) -> None:
    assert index_write_units(GSI, before, after) == expected


def test_an_index_that_does_not_hold_what_changed_costs_nothing() -> None:
    narrow = Index("gsi1", GSI.key, frozenset({"gsi1pk", "gsi1sk"}))

    assert index_write_units(narrow, indexed("a"), indexed("a", 900)) == 0


def test_reads_count_in_4_kb_steps_and_half_where_they_may_lag() -> None:
    assert [read_units(size) for size in (0, 1, 4096, 4097)] == [1, 1, 1, 2]
    assert eventual_read_units(4097) == 1


def test_messages_and_events_count_in_64_kb_chunks() -> None:
    assert [chunks(size) for size in (0, 65_536, 65_537)] == [1, 1, 2]
    assert event_bytes({"Source": "ab", "DetailType": "c", "Detail": "{}", "Time": 0}) == 5 + 14


def test_a_pattern_matches_as_the_bus_and_stream_filters_do() -> None:
    event = {"source": "refundkit", "detail": {"data": {"status": "pending"}, "sk": "EVENT#1"}}

    assert matches({"source": ["refundkit"], "detail": {"data": {"status": ["pending", "new"]}}}, event)
    assert matches({"detail": {"sk": [{"prefix": "EVENT#"}], "other": [{"exists": False}]}}, event)
    assert not matches({"detail": {"data": {"status": [{"anything-but": ["pending"]}]}}}, event)
    assert not matches({"detail": {"absent": ["x"]}}, event)


def test_a_bill_is_quantity_times_price_for_a_million_refunds() -> None:
    (line,) = bill(Usage({"dynamodb_write_units": 26}))

    assert line.quantity == 26
    assert line.usd_per_million == pytest.approx(16.25)


def test_a_slower_share_of_a_processor_stretches_the_time_and_a_started_millisecond_is_billed() -> None:
    assert billed_ms(cpu_ms=2.0, wait_ms=0.0, memory_mb=1769) == 2
    assert billed_ms(cpu_ms=2.0, wait_ms=1.1, memory_mb=512) == 9
