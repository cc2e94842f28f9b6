"""HTTP/1 answers of receivers whom nobody vouches for: the status, the wait that they ask for, 1 KB of the body.

Sources: RFC 9112 (framing), RFC 9110 sections 10.2.3 (``Retry-After``) and 15.2 (interim answers). ``http.client`` is
not used: it takes headers that break off for whole ones, and the first 103 for the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from math import ceil
from typing import Final, NamedTuple

from refundkit_core.application.webhook_sender import MAX_BODY_BYTES, MAX_RETRY_AFTER_S, SendError

MAX_BYTES: Final = 65_536
"""Of everything that is read of one answer: interim answers, headers, chunk sizes."""

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: .*)?")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_CHUNK_SIZE: Final = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")
_DIGITS: Final = re.compile(r"[0-9]+")
_LENGTH: Final = re.compile(r"[0-9]{1,19}")
_WITHOUT_BODY: Final = frozenset({204, 304})
_UNSAFE: Final = {
    code: "\ufffd"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\t\n"
}
"""Control characters, and those that turn the direction of the text around them."""


class NoAnswer(Exception):
    """The answer ended, or became none that can be read; ``error`` says which."""

    def __init__(self, error: SendError) -> None:
        super().__init__(error)
        self.error: SendError = error


class Answer(NamedTuple):
    """A final answer. ``cut`` says why the body is shorter than it was to be, up to 1,024 bytes of it."""

    status: int
    retry_after: str | None
    body: bytes
    cut: SendError | None


class Incoming:
    """What comes in, by the line and by the byte; ``receive`` gives the next bytes, ``b""`` at the end.

    Raises, all of its methods:
        NoAnswer: it ended (``closed_early``), or is more than ``MAX_BYTES`` (``malformed_answer``).
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._held = b""
        self._count = 0

    def line(self) -> bytes:
        """The next line without its end, CRLF or LF."""
        pieces: list[bytes] = []
        while b"\n" not in self._held:
            pieces.append(self._held)
            self._held = self._more()
        rest, _, self._held = self._held.partition(b"\n")
        return b"".join((*pieces, rest)).removesuffix(b"\r")

    def some(self, most: int) -> bytes:
        """What is there, from 1 to ``most`` bytes."""
        held = self._held or self._more()
        self._held = held[most:]
        return held[:most]

    def _more(self) -> bytes:
        if self._count >= MAX_BYTES:
            raise NoAnswer("malformed_answer")
        more = self._receive()
        if not more:
            raise NoAnswer("closed_early")
        self._count += len(more)
        return more


def read_answer(receive: Callable[[], bytes]) -> Answer:
    """The final answer, with as much of its body as is kept; what comes after that is not read.

    ``receive`` gives the next bytes, ``b""`` at the end, and raises NoAnswer where none can come any more.

    Raises:
        NoAnswer: there is no whole status with its headers, or they say no length that could be.
    """
    incoming = Incoming(receive)
    status, headers = _head(incoming)
    while status < 200:
        status, headers = _head(incoming)
    pieces = _pieces_of(status, headers)
    body, cut = b"", None
    try:
        for piece in pieces(incoming):
            body += piece
            if len(body) >= MAX_BODY_BYTES:
                break
    except NoAnswer as exc:
        cut = exc.error
    return Answer(status, headers.get("retry-after"), body[:MAX_BODY_BYTES], cut)


def shown(body: bytes) -> str:
    """A body as text that is safe to keep and to show."""
    return body.decode("utf-8", "replace").translate(_UNSAFE)


def wait_s(retry_after: str | None, now: datetime) -> int | None:
    """The seconds that a ``Retry-After`` asks for, from 0 to ``MAX_RETRY_AFTER_S``; None where it makes no sense."""
    if retry_after is None:
        return None
    if _DIGITS.fullmatch(retry_after):
        significant = retry_after.lstrip("0") or "0"
        return MAX_RETRY_AFTER_S if len(significant) > 9 else min(int(significant), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(retry_after)
        left_s = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0, min(ceil(left_s), MAX_RETRY_AFTER_S))


def _head(incoming: Incoming) -> tuple[int, dict[str, str]]:
    """One status and its headers, by their names in small letters; of several with one name the first."""
    first = _STATUS_LINE.fullmatch(incoming.line())
    if first is None:
        raise NoAnswer("malformed_answer")
    headers: dict[str, str] = {}
    while line := incoming.line():
        if line[:1] in b" \t":
            continue  # a folded line: nothing that we read is that long
        header = _HEADER.fullmatch(line)
        if header is None:
            raise NoAnswer("malformed_answer")
        headers.setdefault(header[1].decode("latin-1").lower(), header[2].decode("latin-1"))
    return int(first[1]), headers


def _pieces_of(status: int, headers: dict[str, str]) -> Callable[[Incoming], Iterator[bytes]]:
    """How the body after these headers is read (RFC 9112 section 6.3)."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if status in _WITHOUT_BODY:
        return lambda _: iter(())
    if coding is not None:
        return _chunks if coding.lower().endswith("chunked") else _until_the_end
    if length is None:
        return _until_the_end
    if not _LENGTH.fullmatch(length):
        raise NoAnswer("malformed_answer")
    return partial(_counted, length=int(length))


def _counted(incoming: Incoming, length: int) -> Iterator[bytes]:
    left = length
    while left:
        piece = incoming.some(min(left, MAX_BODY_BYTES))
        left -= len(piece)
        yield piece


def _chunks(incoming: Incoming) -> Iterator[bytes]:
    while True:
        size = _CHUNK_SIZE.fullmatch(incoming.line())
        if size is None:
            raise NoAnswer("malformed_answer")
        if not int(size[1], 16):
            return
        yield from _counted(incoming, int(size[1], 16))
        if incoming.line():
            raise NoAnswer("malformed_answer")


def _until_the_end(incoming: Incoming) -> Iterator[bytes]:
    while True:
        try:
            yield incoming.some(MAX_BODY_BYTES)
        except NoAnswer as exc:
            if exc.error == "closed_early":
                return  # the end of the connection is the end of the body
            raise
