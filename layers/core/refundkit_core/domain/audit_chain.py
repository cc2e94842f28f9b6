"""The audit trail as a chain of hashes: what was in it stays as it was, or the chain says where it does not.

Each block names the entries that it takes up by their hashes, and the block before it by its hash, so that changing,
removing or reordering anything that is behind a known head changes that head. Who holds a head that was told earlier
needs to trust nobody about what was there then. The order of blocks is that of arrival, not of events.

Source: Haber and Stornetta, "How to time-stamp a digital document" (1991), linking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from refundkit_core.domain.tenancy import Environment

Chain = str | None
"""Whose chain: an organization's id, or None for the stack's own."""

FaultKind = Literal[
    "block_missing",
    "block_changed",
    "chain_broken",
    "head_changed",
    "head_unknown",
    "entry_missing",
    "entry_changed",
    "entry_inserted",
]
"""``block_missing``: a number up to the head's has none. ``block_changed``: it is not what its own hash says.
``chain_broken``: it names another block before it. ``head_changed``: the head is not the last block. ``head_unknown``:
the head that was kept elsewhere is no block of this chain. ``entry_missing``, ``entry_changed``: what a block names is
gone, or another. ``entry_inserted``: it says that it is in a block which does not name it."""

_NOBODY: Final = "stack"


class Link(NamedTuple):
    """One entry as its block names it: id, time in ISO 8601, environment (None: the whole organization's), hash."""

    id: str
    at: str
    environment: Environment | None
    digest: str


class Head(NamedTuple):
    """The last block of a chain: its number, from 1, and its hash."""

    number: int
    hash: str


class Block(NamedTuple):
    """Entries that were chained together. ``hash`` is over everything else; ``at`` is when, in ISO 8601."""

    number: int
    previous: str
    links: tuple[Link, ...]
    at: str
    hash: str

    @property
    def head(self) -> Head:
        return Head(self.number, self.hash)


class Fault(NamedTuple):
    """What is not as it was. ``block`` is a number; ``entry`` an id, where one entry is meant."""

    kind: FaultKind
    block: int | None
    entry: str | None = None


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value: names sorted, no blanks, UTF-8, whole numbers only.

    Raises:
        TypeError: it is nothing that JSON knows, or a fraction, which has several spellings.
    """
    _insist_on_plain(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(record: Mapping[str, Any]) -> str:
    """The hash of an entry's record: SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(record)).hexdigest()


def genesis(chain: Chain) -> str:
    """What the first block of a chain names as its previous: a hash of whose chain it is, so that none passes for
    another's."""
    return hashlib.sha256(canonical(["audit chain", chain or _NOBODY])).hexdigest()


def following(chain: Chain, head: Head | None, links: Sequence[Link], at: str) -> Block:
    """The block after ``head`` (None: the first). Raises ValueError without anything to chain."""
    if not links:
        raise ValueError("a block names at least one entry")
    number, previous = (1, genesis(chain)) if head is None else (head.number + 1, head.hash)
    return Block(number, previous, tuple(links), at, hash_of(number, previous, links, at))


def hash_of(number: int, previous: str, links: Sequence[Link], at: str) -> str:
    """A block's hash: SHA-256 of the canonical JSON of all that it says."""
    return hashlib.sha256(canonical([number, previous, [list(link) for link in links], at])).hexdigest()


def fault_of_block(block: Block, number: int, previous: str) -> Fault | None:
    """What is wrong with the block that should have this number and follow ``previous``."""
    if block.number != number or not _says(block):
        return Fault("block_changed", number)
    if block.previous != previous:
        return Fault("chain_broken", number)
    return None


def fault_of_entry(link: Link, number: int, record: Mapping[str, Any] | None, chained_in: int | None) -> Fault | None:
    """What is wrong with the entry that a block names: ``record`` as it stands, and the block that it says it is in."""
    if record is None:
        return Fault("entry_missing", number, link.id)
    if chained_in != number or not _has_digest(record, link.digest):
        return Fault("entry_changed", number, link.id)
    return None


def _says(block: Block) -> bool:
    """Whether a block is what its own hash says; one that cannot even be written down is not."""
    try:
        return block.hash == hash_of(block.number, block.previous, block.links, block.at)
    except TypeError:
        return False


def _has_digest(record: Mapping[str, Any], digest: str) -> bool:
    try:
        return digest_of(record) == digest
    except TypeError:
        return False


def _insist_on_plain(value: Any) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case list() | tuple():
            for element in value:
                _insist_on_plain(element)
        case Mapping():
            for name, element in value.items():
                if not isinstance(name, str):
                    raise TypeError("a name is text")
                _insist_on_plain(element)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")
