"""What the chain of audit entries needs from the outside world, and what passes between it and its use cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from refundkit_core.application.audit import AuditEntry, Channel, Whose
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.audit_chain import Block, Chain, Head
from refundkit_core.domain.tenancy import Environment, Tenant
from refundkit_core.domain.times import iso

MentionKind = Literal["entry", "refund", "refusal"]


class Place(NamedTuple):
    """Where an entry stands: ``at`` is its time in ISO 8601."""

    whose: Whose
    at: str
    id: str


class Mention(NamedTuple):
    """What is to be chained, in ids only: an entry that was stored with its change, or a refund or refusal whose
    decision by rule becomes an entry now. ``at`` is an entry's time in ISO 8601; the others are found without it."""

    chain: Chain
    environment: Environment | None
    kind: MentionKind
    id: str
    at: str | None = None

    @property
    def whose(self) -> Whose:
        if self.chain is None or self.environment is None:
            return self.chain
        return Tenant(self.chain, self.environment)


class Kept(NamedTuple):
    """An entry as it stands. ``entry`` is None where it cannot be read any more; ``block`` names the block that took it
    up, None before that."""

    place: Place
    entry: AuditEntry | None
    block: int | None


class KeptBlock(NamedTuple):
    """A block as it stands. ``block`` is None where it cannot be read any more."""

    number: int
    block: Block | None


class Taken(NamedTuple):
    """What a block takes up: an entry that stands already, or a new one that is stored with the block."""

    entry: AuditEntry
    is_new: bool


class ChainStore(Protocol):
    """The chains and the entries in them, all read consistently."""

    def head(self, chain: Chain) -> Head | None: ...

    def append(self, chain: Chain, before: Head | None, block: Block, taken: Sequence[Taken]) -> None:
        """Put ``block`` behind ``before``, and mark or store what it takes up, all or nothing.

        Raises:
            StoreConflict: the chain has grown, one of the entries is in it already, or no answer came.
        """

    def blocks(self, chain: Chain, first: int, last: int) -> Sequence[KeptBlock]:
        """The blocks with these numbers, in their order; those that do not exist are left out."""

    def entries(self, places: Sequence[Place]) -> Sequence[Kept]:
        """The entries of these places, in no order; those that do not exist are left out."""

    def entries_after(self, whose: Whose, after: str, limit: int) -> tuple[Sequence[Kept], str | None]:
        """Up to ``limit`` entries behind the position ``after`` ("" for the oldest), oldest first, and the position
        where the next ones begin (None: nothing is left)."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list shows; None does not filter. From ``since`` on, and before ``until``.

    ``actor`` is a member, an agent or a key; ``target`` an id.
    """

    since: datetime | None = None
    until: datetime | None = None
    command: str | None = None
    actor: str | None = None
    target: str | None = None
    channel: Channel | None = None


class AuditPages(Protocol):
    """The entries of one environment and of the organization as a whole, as one list."""

    def page(
        self, tenant: Tenant, wanted: AuditFilter, shown: Callable[[AuditEntry], bool], part: Position
    ) -> Page[Kept]:
        """One page, newest first, within the filter's times and of entries that are ``shown``."""


class AuditQueue(Protocol):
    """The queue in front of the chain."""

    def put(self, mentions: Sequence[Mention]) -> None:
        """Raises StoreConflict where not all were taken: put them again, for twice does no harm."""


class AuditSources(Protocol):
    """What a chain should have taken up, from indexes, which may lag."""

    def mentions(self, tenant: Tenant, since: datetime, until: datetime) -> Iterable[Mention]:
        """The refunds and refusals that were decided by rule in this time."""


class AuditShelf(Protocol):
    """Where exported entries stand."""

    def put(self, tenant: Tenant, name: str, text: str) -> None: ...

    def url(self, tenant: Tenant, name: str, seconds: int) -> str:
        """An address that gives the file to whoever has it, for so long."""


def place_of(entry: AuditEntry) -> Place:
    """Where an entry stands."""
    return Place(entry.whose, iso(entry.at), entry.id)
