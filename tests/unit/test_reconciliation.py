"""The report's rules: every kind of discrepancy is found where it is planted, and sound books have no findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.application.report_ledgers import ReportLedgers
from refundkit_core.domain.errors import ProcessorDenied, ProcessorUnknown
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.reconciliation import KINDS, Books, Finding, findings_in
from refundkit_core.domain.refund import Refund

from tests.support.builders import TENANT, ledger, processor_refund, refund
from tests.support.clock import START
from tests.support.desk import Desk
from tests.support.fake_processor import FakeOrganizations, FakeProcessors

NOW = START + timedelta(minutes=5)


def paid(number: int = 1, **changes: Any) -> Refund:
    return refund(number, **{"status": "completed", "external_refund_id": f"re_{number}", **changes})


def there(of: Refund, **changes: Any) -> ProcessorRefund:
    return processor_refund(of, **{"external_id": of.external_refund_id or "re_9", **changes})


def found(
    refunds: list[Refund], shown: list[ProcessorRefund] | None, lost_minor: int = 0, **sums: int
) -> list[tuple[str, int]]:
    books = Books(ledger(**sums), refunds, shown, lost_minor)
    return [(finding.kind, finding.amount_minor) for finding in findings_in(books, NOW)]


IN_FLIGHT = refund(2, status="processing", status_detail="outcome_unknown")
FLAGGED = refund(2, status="processing", status_detail="needs_review")
OLD = refund(2, status="pending", created_at=NOW - timedelta(days=1, seconds=1))


@pytest.mark.parametrize(
    ("refunds", "shown", "sums"),
    [
        ([], [], {}),
        ([paid()], [there(paid())], {"refunded_minor": 2000}),
        ([refund()], [], {"reserved_minor": 2000}),
        ([refund(fee_minor=7)], [], {"reserved_minor": 2000, "withheld_minor": 7}),
        ([refund(fee_minor=7, status="failed")], [], {}),
        ([IN_FLIGHT], [], {"reserved_minor": 2000}),
        ([IN_FLIGHT], [there(IN_FLIGHT)], {"reserved_minor": 2000}),
        ([refund(status="failed")], [there(refund(), status="failed")], {}),
        ([paid(initiated_by="processor")], [there(paid(), refund_id=None)], {"refunded_minor": 2000}),
        ([replace(OLD, created_at=NOW - timedelta(days=1))], [], {"reserved_minor": 2000}),
        ([replace(OLD, status="pending_approval")], [], {"reserved_minor": 2000}),
    ],
)
def test_sound_books_have_no_findings(
    refunds: list[Refund], shown: list[ProcessorRefund], sums: dict[str, int]
) -> None:
    assert found(refunds, shown, **sums) == []


@pytest.mark.parametrize(
    ("refunds", "shown", "sums", "expected"),
    [
        ([paid()], [there(paid()), there(paid(), external_id="re_x")], {"refunded_minor": 2000}, [("double", 2000)]),
        ([paid()], [there(paid(), external_id="re_x"), there(paid())], {"refunded_minor": 2000}, [("double", 2000)]),
        (
            [paid(), paid(2, external_refund_id="re_x", initiated_by="processor")],
            [there(paid()), there(paid(), external_id="re_x")],
            {"refunded_minor": 4000},
            [("double", 2000)],
        ),
        ([paid()], [], {"refunded_minor": 2000}, [("missing_at_processor", 2000)]),
        ([paid()], [there(paid(), status="failed")], {"refunded_minor": 2000}, [("missing_at_processor", 2000)]),
        ([], [there(paid(), refund_id=None)], {}, [("unknown_to_us", 2000)]),
        ([refund(status="failed")], [there(refund())], {}, [("unknown_to_us", 2000)]),
        ([paid(status="failed")], [there(paid())], {}, [("unknown_to_us", 2000)]),
        ([paid()], [there(paid())], {"refunded_minor": 2001}, [("sums_differ", 1)]),
        ([paid()], [there(paid(), amount_minor=1999)], {"refunded_minor": 2000}, [("sums_differ", 2000)]),
        ([], [], {"elsewhere_minor": 7}, [("sums_differ", 7)]),
        ([], [], {"lost_minor": 5000}, [("sums_differ", 5000)]),
        ([refund()], [], {"reserved_minor": 1999}, [("sums_differ", 1)]),
        ([refund(fee_minor=7)], [], {"reserved_minor": 2000}, [("sums_differ", 7)]),
        ([refund(fee_minor=7, status="failed")], [], {"withheld_minor": 5}, [("sums_differ", 5)]),
        ([refund()], [], {"reserved_minor": 2500}, [("held_without_a_refund", 500)]),
        ([FLAGGED], [], {"reserved_minor": 2000}, [("needs_a_person", 2000)]),
        ([OLD], [], {"reserved_minor": 2000}, [("open_over_a_day", 2000)]),
    ],
)
def test_what_does_not_agree_is_found_by_its_kind(
    refunds: list[Refund], shown: list[ProcessorRefund], sums: dict[str, int], expected: list[tuple[str, int]]
) -> None:
    assert found(refunds, shown, **sums) == expected


def test_two_refunds_that_count_one_payment_are_found() -> None:
    twice = [paid(), paid(2, external_refund_id="re_1")]

    kinds = {kind for kind, _ in found(twice, [there(paid())], refunded_minor=4000)}

    assert kinds == {"sums_differ"}


def test_without_the_processor_our_own_sums_are_still_held_together() -> None:
    assert found([paid()], None, refunded_minor=1) == [("sums_differ", 1999)]


class Reporter:
    """A desk and its report; ``waits`` counts second looks, ``meanwhile`` happens before each."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.waits = 0
        self.meanwhile: Any = lambda: None

    def report(self) -> list[Finding]:
        desk = self.desk
        processors = FakeProcessors(desk.processor)
        made = ReportLedgers(
            FakeOrganizations(), desk.store, desk.store, desk.connections, processors, desk.clock, self._wait
        )()
        assert set(made.counts()) == set(KINDS)
        assert made.organizations == 1
        return list(made.findings)

    def _wait(self) -> None:
        self.waits += 1
        self.meanwhile()


def test_a_desk_in_order_has_a_clean_report_and_nothing_is_written() -> None:
    reporter = Reporter()
    desk = reporter.desk
    first, _ = desk.ask().refund, desk.ask(amount_minor=100).refund
    desk.execute(first)
    desk.processor.made_elsewhere(300)
    desk.look()
    before = (desk.ledger, desk.timeline(first))

    assert reporter.report() == []
    assert reporter.waits == 0
    assert (desk.ledger, desk.timeline(first)) == before


def test_what_settles_between_the_two_looks_is_no_finding_and_what_stays_is() -> None:
    reporter = Reporter()
    desk = reporter.desk
    desk.ask()
    desk.processor.made_elsewhere(300)

    (stays,) = reporter.report()
    reporter.meanwhile = desk.look

    assert (stays.kind, stays.amount_minor, stays.external_id) == ("unknown_to_us", 300, "re_1")
    assert reporter.report() == []
    assert reporter.waits == 2


def test_a_refund_older_than_two_days_that_waits_for_a_person_is_still_told() -> None:
    reporter = Reporter()
    desk = reporter.desk
    opened = desk.ask().refund

    def silent(_: object) -> ProcessorRefund:
        raise ProcessorUnknown("timeout")

    desk.processor.scripts = [silent]
    desk.execute(opened)
    desk.clock.advance(hours=23)
    desk.execute(opened)
    desk.clock.advance(days=30)

    (finding,) = reporter.report()

    assert (finding.kind, finding.refund_id, finding.tenant) == ("needs_a_person", opened.id, TENANT)


@pytest.mark.parametrize("gone", [True, False])
def test_a_processor_that_cannot_be_asked_is_a_finding_not_a_clean_report(
    gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = Reporter()
    desk = reporter.desk
    desk.ask()

    def denied(_: str) -> None:
        raise ProcessorDenied("no")

    desk.connections.gone = gone
    monkeypatch.setattr(desk.processor, "look_up", denied)

    assert [finding.kind for finding in reporter.report()] == ["not_looked_at"]


def test_a_report_that_runs_out_of_time_says_what_it_did_not_see() -> None:
    reporter = Reporter()
    desk = reporter.desk
    desk.ask()
    desk.processor.made_elsewhere(300)
    reporter.meanwhile = lambda: desk.clock.advance(minutes=13)

    assert [finding.kind for finding in reporter.report()] == ["not_looked_at"]
