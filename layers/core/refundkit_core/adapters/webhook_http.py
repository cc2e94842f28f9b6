"""Webhooks over HTTP/1.1, for receivers whom nobody vouches for: one post, one address, one deadline.

What a name resolves to is judged and then connected to, without asking again: a name that points elsewhere between
the two (DNS rebinding) gains nothing. Redirects are not followed, proxies of the environment not used, connections
not kept. Source of the rules: OWASP's Server-Side Request Forgery Prevention Cheat Sheet; ``webhook_addresses``.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple

from refundkit_core.adapters.webhook_answers import Answer, NoAnswer, read_answer, shown, wait_s
from refundkit_core.application.ports import Clock
from refundkit_core.application.webhook_sender import Response, SendError
from refundkit_core.domain.errors import RefusedAddress
from refundkit_core.domain.webhook_addresses import Address, Target, literal, parsed, vetted

TOTAL_S: Final = 15.0
"""For one post, from before its name is looked up to the last byte read."""
RESOLVE_S: Final = 5.0
CONNECT_S: Final = 5.0
"""For each address."""

Resolve = Callable[[str], Sequence[str]]
"""All addresses of a name. Raises OSError or UnicodeError where it has none."""
Connect = Callable[[Address, int, float], socket.socket]
"""A connection to an address and port, within so many seconds. Raises OSError."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_OWN: Final = frozenset("host content-length connection transfer-encoding accept-encoding".split())
_RECEIVED_BYTES: Final = 4_096


def system_resolve(name: str) -> Sequence[str]:
    """What the system's resolver says, from all families.

    The dot at the end keeps it from trying the search domains of ``resolv.conf``, which name hosts of a private
    network. ``localhost`` has no place in the DNS and stands alone.
    """
    absolute = f"{name}." if "." in name else name
    found = socket.getaddrinfo(absolute, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for *_, address in found]


def system_connect(address: Address, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to the address itself: nothing is looked up."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect((str(address), port))
    except OSError:
        connection.close()
        raise
    return connection


def system_tls() -> ssl.SSLContext:
    """TLS 1.2 and newer, with the host's name verified against the system's certificate authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Deadline(NamedTuple):
    """The moment on ``monotonic`` by which all has to be done."""

    at: float
    monotonic: Callable[[], float]

    def left_s(self) -> float:
        """The seconds that are left. Raises NoAnswer where none are."""
        left = self.at - self.monotonic()
        if left <= 0:
            raise NoAnswer("timed_out")
        return left


class HttpWebhookSender:
    """``WebhookSender`` on sockets.

    ``local`` lets posts reach this machine, and is for a local stack alone. All else is for tests: ``resolve``,
    ``connect``, ``tls`` and ``monotonic`` stand for the system's, ``total_s`` for 15 s.

    Looking a name up blocks and takes no timeout; in Lambda it ends when the C library gives up: after ``timeout``
    times ``attempts`` of ``resolv.conf`` (5 s and 2, unless set) for each name server. It goes on in a thread of its
    own, which is waited for 5 s and then left to end by itself: with ten posts at a time, some forty threads at most.
    """

    def __init__(
        self,
        clock: Clock,
        local: bool,
        *,
        resolve: Resolve = system_resolve,
        connect: Connect = system_connect,
        tls: Callable[[], ssl.SSLContext] = system_tls,
        monotonic: Callable[[], float] = time.monotonic,
        total_s: float = TOTAL_S,
    ) -> None:
        self._clock = clock
        self._local = local
        self._resolve = resolve
        self._connect = connect
        self._new_tls = tls
        self._monotonic = monotonic
        self._total_s = total_s

    def vet(self, url: str) -> None:
        target = parsed(url, self._local)
        self._vetted(target, RESOLVE_S)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        fields = _fields(headers)
        started = self._monotonic()
        deadline = _Deadline(started + self._total_s, self._monotonic)
        try:
            answer = self._answer(url, fields, body, deadline)
        except RefusedAddress as exc:
            error: SendError = "unresolvable" if exc.reason == "unresolvable" else "refused_address"
            return Response(None, self._ms_since(started), error=error)
        except NoAnswer as exc:
            return Response(None, self._ms_since(started), error=exc.error)
        latency_ms = self._ms_since(started)
        wait = wait_s(answer.retry_after, self._clock.now())
        return Response(answer.status, latency_ms, shown(answer.body), answer.cut, wait)

    def _answer(self, url: str, fields: str, body: bytes, deadline: _Deadline) -> Answer:
        target = parsed(url, self._local)
        addresses = self._vetted(target, min(RESOLVE_S, deadline.left_s()))
        with closing(self._connected(addresses, target.port, deadline)) as plain:
            if target.scheme == "http":
                return _exchanged(plain, _request(target, fields, body), deadline)
            with closing(self._secured(plain, target.host, deadline)) as secure:
                return _exchanged(secure, _request(target, fields, body), deadline)

    def _vetted(self, target: Target, timeout_s: float) -> tuple[Address, ...]:
        itself = literal(target.host)
        addresses = self._looked_up(target.host, timeout_s) if itself is None else (itself,)
        return vetted(target.host, addresses, self._local)

    def _looked_up(self, name: str, timeout_s: float) -> Sequence[str]:
        found: SimpleQueue[Sequence[str]] = SimpleQueue()

        def look() -> None:
            try:
                found.put(self._resolve(name))
            except (OSError, UnicodeError):
                found.put(())

        Thread(target=look, name="webhook name", daemon=True).start()
        try:
            return found.get(timeout=timeout_s)
        except Empty:
            return ()

    def _connected(self, addresses: Sequence[Address], port: int, deadline: _Deadline) -> socket.socket:
        for address in addresses:
            timeout_s = min(CONNECT_S, deadline.left_s())
            try:
                return self._connect(address, port, timeout_s)
            except OSError:
                continue  # nothing was sent: another address may be tried
        deadline.left_s()
        raise NoAnswer("connect_failed")

    def _secured(self, plain: socket.socket, host: str, deadline: _Deadline) -> ssl.SSLSocket:
        plain.settimeout(deadline.left_s())  # for the handshake as a whole
        try:
            return self._tls.wrap_socket(plain, server_hostname=host)
        except TimeoutError as exc:
            raise NoAnswer("timed_out") from exc
        except (OSError, ValueError) as exc:
            raise NoAnswer("tls_failed") from exc

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._new_tls()

    def _ms_since(self, started: float) -> int:
        return round((self._monotonic() - started) * 1_000)


def _exchanged(connection: socket.socket, request: bytes, deadline: _Deadline) -> Answer:
    """Send, and read the answer; every call that may wait does so for what is left, and no longer."""

    def receive() -> bytes:
        connection.settimeout(deadline.left_s())
        try:
            return connection.recv(_RECEIVED_BYTES)
        except TimeoutError as exc:
            raise NoAnswer("timed_out") from exc
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as exc:
            raise NoAnswer("closed_early") from exc
        except ssl.SSLError as exc:  # such as the demand for a client's certificate, which comes after the handshake
            raise NoAnswer("tls_failed") from exc
        except OSError as exc:
            raise NoAnswer("closed_early") from exc

    _send(connection, request, deadline)
    return read_answer(receive)


def _send(connection: socket.socket, request: bytes, deadline: _Deadline) -> None:
    """All of it, piece by piece: ``sendall`` of TLS would wait anew for each."""
    rest = memoryview(request)
    while rest:
        connection.settimeout(deadline.left_s())
        try:
            rest = rest[connection.send(rest) :]
        except TimeoutError as exc:
            raise NoAnswer("timed_out") from exc
        except OSError:
            return  # who reads no further may have answered already, such as 413


def _request(target: Target, fields: str, body: bytes) -> bytes:
    head = (
        f"POST {target.path_and_query} HTTP/1.1\r\nHost: {target.host_header}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\nAccept-Encoding: identity\r\n{fields}\r\n"
    )
    return head.encode("latin-1") + body


def _fields(headers: Mapping[str, str]) -> str:
    """The caller's header lines. Raises ValueError where one would not be sent as it is."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or name.lower() in _OWN or not _VALUE.fullmatch(value):
            raise ValueError("a header that cannot be sent")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
