"""Show the audit trail: as a list, as a file, and whether it is what it was."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.paging import Paging
from refundkit_core.application.records import Page, Position, Slice
from refundkit_core.domain.csv_rows import csv_of
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.audit_ports import AuditFilter, AuditPages, AuditShelf, Kept
    from refundkit_core.application.ports import Clock, Ids, OrganizationStore
    from refundkit_core.application.verify_chain import Verification, VerifyChain
    from refundkit_core.domain.audit_chain import Head
    from refundkit_core.domain.tenancy import Tenant

URL_LIVES_S: Final = 900
MOST_ROWS: Final = 10_000
"""Of one file; the next one goes on where it ends."""
_ROWS_A_READ: Final = 500
_KEY: Final = re.compile(r"^(?P<owner>.+) \((?P<key>key_[^)]+)\)$")
_STATED: Final = (
    "refundId",
    "decisionId",
    "processor",
    "keyId",
    "amount",
    "currency",
    "policyId",
    "policyVersion",
    "factsHash",
    "recommendation",
    "humanOverride",
    "comment",
)
COLUMNS: Final = (
    "id", "at", "environment", "channel", "actor", "command", "target", "because", *_STATED, "block",
)  # fmt: skip


class ExportedAudit(NamedTuple):
    """A file of entries: how many rows, its address for a quarter of an hour, and where the next one begins (None:
    nothing is left)."""

    rows: int
    url: str
    next_cursor: str | None


class ReadAudit:
    """The use cases behind ``GET /v1/audit``, ``…/export`` and ``…/verify``."""

    def __init__(
        self,
        pages: AuditPages,
        verify: VerifyChain,
        shelf: AuditShelf,
        organizations: OrganizationStore,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._pages = pages
        self._verify = verify
        self._shelf = shelf
        self._paging = Paging(organizations, "audit")
        self._walking = Paging(organizations, "audit-verify")
        self._clock = clock
        self._ids = ids

    def page(self, tenant: Tenant, wanted: AuditFilter, part: Slice) -> Page[Kept]:
        """One page, newest first. Raises Invalid for a foreign cursor."""
        position = self._paging.position(tenant, part, *_filters(wanted))
        return self._paging.sealed(tenant, self._page(tenant, wanted, position), *_filters(wanted))

    def export(self, tenant: Tenant, wanted: AuditFilter, cursor: str | None) -> ExportedAudit:
        """Write what the list shows to a file, up to 10,000 rows. Raises Invalid for a foreign cursor."""
        position = self._paging.position(tenant, Slice(_ROWS_A_READ, 0, cursor), *_filters(wanted))
        rows: list[Kept] = []
        page: Page[Kept] = Page((), None)
        while len(rows) < MOST_ROWS:
            page = self._page(tenant, wanted, position)
            rows += page.found
            if page.next_cursor is None:
                break
            position = Position(_ROWS_A_READ, 0, page.next_cursor)
        name = f"{iso(self._clock.now())[:10]}-{self._ids.new('exp')}.csv"
        self._shelf.put(tenant, name, csv_of([COLUMNS, *map(_row, rows)]))
        sealed = self._paging.sealed(tenant, page, *_filters(wanted))
        return ExportedAudit(len(rows), self._shelf.url(tenant, name, URL_LIVES_S), sealed.next_cursor)

    def verify(self, tenant: Tenant, earlier: Head | None, cursor: str | None, time_s: float) -> Verification:
        """One part of a walk along the organization's chain. Raises Invalid for a foreign cursor."""
        scope = () if earlier is None else (str(earlier.number), earlier.hash)
        position = self._walking.position(tenant, Slice(1, 0, cursor), *scope)
        seen = self._verify(tenant.org_id, time_s, position.after, earlier)
        return self._continued(tenant, seen, scope)

    def _continued(self, tenant: Tenant, seen: Verification, scope: tuple[str, ...]) -> Verification:
        here: Page[Kept] = Page((), seen.position)
        sealed = self._walking.sealed(tenant, here, *scope)
        return replace(seen, position=sealed.next_cursor)

    def _page(self, tenant: Tenant, wanted: AuditFilter, position: Position) -> Page[Kept]:
        return self._pages.page(tenant, wanted, lambda entry: _matches(entry, wanted), position)


def actor_of(entry: AuditEntry) -> str:
    """Who did it, as a customer may read it: an operator's identity at the cloud's is nobody's else."""
    return "operator" if entry.channel == "operator" else entry.actor


def _matches(entry: AuditEntry, wanted: AuditFilter) -> bool:
    if wanted.actor is not None and wanted.actor not in _names_of(actor_of(entry)):
        return False
    asked = ((wanted.command, entry.command), (wanted.target, entry.target), (wanted.channel, entry.channel))
    return all(want is None or want == is_ for want, is_ in asked)


def _names_of(actor: str) -> tuple[str, ...]:
    """What an actor is found by: as written, by the owner of the key, and by the key."""
    found = _KEY.match(actor)
    return (actor,) if found is None else (actor, found["owner"], found["key"])


def _filters(wanted: AuditFilter) -> tuple[str | None, ...]:
    since, until = (None if at is None else iso(at) for at in (wanted.since, wanted.until))
    return since, until, wanted.command, wanted.actor, wanted.target, wanted.channel


def _row(kept: Kept) -> Sequence[str | int]:
    entry = kept.entry
    if entry is None:  # a list shows what can be read; the walk tells of the rest
        return [kept.place.id, kept.place.at]
    environment = entry.as_record()["environment"] or ""
    known = [entry.id, iso(entry.at), environment, entry.channel, actor_of(entry), entry.command, entry.target]
    stated = [_cell(entry.details.get(name)) for name in _STATED]
    return [*known, entry.because or "", *stated, "" if kept.block is None else kept.block]


def _cell(value: str | int | None) -> str | int:
    return "" if value is None else value
