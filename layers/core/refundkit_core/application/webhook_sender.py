"""Posting to receivers whom nobody vouches for: what a sender does, and what it tells of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, Protocol

SendError = Literal[
    "refused_address",
    "unresolvable",
    "connect_failed",
    "tls_failed",
    "timed_out",
    "closed_early",
    "malformed_answer",
]
"""Why there is no answer, or none that is whole.

- ``refused_address``: the URL, or one address of its name, is none that is posted to. Nothing was connected to.
- ``unresolvable``: the name has no address, or its name servers did not say it within 5 s.
- ``connect_failed``: no address took a connection, each within 5 s.
- ``tls_failed``: no TLS 1.2 or newer, a certificate that is not valid for the host, or a broken handshake.
- ``timed_out``: the time for the whole post ran out.
- ``closed_early``: the connection ended before the answer did.
- ``malformed_answer``: it is not HTTP/1, or has more than 64 KB before its body.
"""

MAX_BODY_BYTES: Final = 1_024
MAX_RETRY_AFTER_S: Final = 86_400


class Response(NamedTuple):
    """What became of one post, for the delivery's record.

    ``status`` is the final one (no 1xx; a redirect is an answer like any other), None where none came. ``body`` is
    text to show: the first 1,024 bytes, with U+FFFD for what is not UTF-8 and for control characters other than tab
    and line feed. ``error`` beside a status says why the body is cut short: the answer itself stands. ``latency_ms``
    is from before the name was looked up to the last byte read. ``retry_after_s`` is from 0 to 86,400.
    """

    status: int | None
    latency_ms: int
    body: str = ""
    error: SendError | None = None
    retry_after_s: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took it: any 2xx, also where the body after it broke off."""
        return self.status is not None and 200 <= self.status < 300


class WebhookSender(Protocol):
    """The way out to receivers. Safe to be used by several threads at a time."""

    def vet(self, url: str) -> None:
        """Look up where ``url`` leads to, and connect to nothing. It may lead elsewhere by the time of a post.

        Raises:
            RefusedAddress: it may not be posted to, or leads nowhere.
        """

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Post ``body`` once, within 15 s. Nothing that a receiver, its name servers or the URL do raises.

        ``headers`` are without those of the connection and framing: ``Host``, ``Content-Length``, ``Connection``,
        ``Transfer-Encoding``, ``Accept-Encoding`` are the sender's own.

        Raises:
            ValueError: a header that could not be sent as it is, which is the caller's mistake.
        """
