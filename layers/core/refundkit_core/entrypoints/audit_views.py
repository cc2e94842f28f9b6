"""The audit trail between the wire and the use cases."""

from __future__ import annotations

from refundkit.contracts import audit as wire

from refundkit_core.application.audit_ports import AuditFilter, Kept
from refundkit_core.application.read_audit import ExportedAudit, actor_of
from refundkit_core.application.verify_chain import Verification
from refundkit_core.domain.audit_chain import Head
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call
from refundkit_core.entrypoints.requests import moment


def wanted_entries_from(call: Call) -> AuditFilter:
    """Which entries a list or a file is to show."""
    query: wire.AuditFilters = call.query
    return AuditFilter(
        since=moment(query.since),
        until=moment(query.until),
        command=query.command,
        actor=query.actor,
        target=query.target,
        channel=query.channel,
    )


def earlier_head_from(call: Call) -> Head | None:
    """The head that the caller has kept."""
    query: wire.VerifyAuditQuery = call.query
    if query.head_number is None or query.head_hash is None:
        return None
    return Head(query.head_number, query.head_hash)


def entry_view(kept: Kept) -> wire.AuditEntryView:
    """An entry as the wire shows it; the list holds only those that can be read."""
    entry = kept.entry
    if entry is None:
        raise ValueError("an entry that cannot be read")
    return wire.AuditEntryView(
        id=entry.id,
        environment=entry.as_record()["environment"],
        at=iso(entry.at),
        channel=entry.channel,
        actor=actor_of(entry),
        command=entry.command,
        target=entry.target,
        because=entry.because,
        details=dict(entry.details),
        block=kept.block,
    )


def export_view(made: ExportedAudit) -> wire.AuditExportView:
    """A file of entries as the wire shows it."""
    return wire.AuditExportView(rows=made.rows, csv_url=made.url, next_cursor=made.next_cursor)


def verification_view(seen: Verification) -> wire.AuditVerificationView:
    """A part of a walk as the wire shows it."""
    head, fault = seen.head, seen.fault
    return wire.AuditVerificationView(
        ok=seen.ok,
        complete=seen.position is None and fault is None,
        head=None if head is None else wire.ChainHeadView(number=head.number, hash=head.hash),
        blocks=seen.blocks,
        entries=seen.entries,
        fault=None if fault is None else wire.ChainFaultView(kind=fault.kind, block=fault.block, entry_id=fault.entry),
        unchained=[place.id for place in seen.unchained],
        next_cursor=seen.position,
    )
