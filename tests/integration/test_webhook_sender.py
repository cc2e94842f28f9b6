"""Posts over real sockets: what each kind of receiver, name server and certificate leads to, and where nothing goes."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from ipaddress import ip_address
from threading import Barrier, Event, current_thread

import pytest
from refundkit_core.adapters import webhook_http
from refundkit_core.adapters.webhook_http import HttpWebhookSender, system_connect, system_resolve, system_tls
from refundkit_core.application.webhook_sender import Response, WebhookSender
from refundkit_core.domain.errors import RefusedAddress
from refundkit_core.domain.webhook_addresses import Address

from tests.support.certificates import Authority
from tests.support.clock import FixedClock
from tests.support.hostile_urls import HOSTILE
from tests.support.webhook_receiver import (
    Answer,
    Turn,
    WebhookReceiver,
    close_before_status,
    close_in_body,
    close_in_headers,
    drip,
    drip_body,
    drip_headers,
    endless_headers,
    endless_interim,
    hang,
    raw,
    redirect,
    status,
)

HOST = "hooks.example.com"
URL = f"https://{HOST}/hooks"
PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "8.8.8.8"
TOTAL_S = 0.5
MARGIN_S = 3.0
"""Beyond the total, for a machine that is busy with other things."""


class Names:
    """A resolver that says what it is told to, one after another, and the last thing thereafter."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        return self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)


class Roads:
    """Connects to a receiver on this machine in place of any address, and keeps which ones were to be reached."""

    def __init__(self, receiver_port: int, broken: Sequence[str] = ()) -> None:
        self._port = receiver_port
        self._broken = broken
        self.taken: list[tuple[str, int]] = []

    def __call__(self, address: Address, port: int, timeout_s: float) -> socket.socket:
        self.taken.append((str(address), port))
        if str(address) in self._broken:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", self._port), timeout_s)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as made:
        yield made


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure(authority: Authority) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tls=authority.server(HOST)) as made:
        yield made


def trusting(authority: Authority) -> Callable[[], ssl.SSLContext]:
    def made() -> ssl.SSLContext:
        context = system_tls()
        context.load_verify_locations(cadata=authority.pem)
        return context

    return made


def at_home(total_s: float = TOTAL_S) -> HttpWebhookSender:
    """The sender of a local stack."""
    return HttpWebhookSender(FixedClock(), local=True, total_s=total_s)


def abroad(authority: Authority, names: Names, roads: Roads, total_s: float = 5.0) -> HttpWebhookSender:
    """The sender of a deployed stack, on roads of the test's own."""
    return HttpWebhookSender(
        FixedClock(), local=False, resolve=names, connect=roads, tls=trusting(authority), total_s=total_s
    )


def outcome(response: Response) -> Response:
    """A response without how long it took."""
    return response._replace(latency_ms=0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (status(200, b"thanks"), Response(200, 0, "thanks")),
        (status(204), Response(204, 0)),
        (status(400, b"\x00\xff<b>"), Response(400, 0, "\ufffd\ufffd<b>")),
        (status(410), Response(410, 0)),
        (status(429, retry_after="120"), Response(429, 0, retry_after_s=120)),
        (status(429, retry_after="Fri, 20 Nov 2026 12:05:00 GMT"), Response(429, 0, retry_after_s=300)),
        (status(503, retry_after="soon"), Response(503, 0)),
        (status(500, b"x" * 10_000), Response(500, 0, "x" * 1_024)),
        (status(200, b"x" * 10_000_000), Response(200, 0, "x" * 1_024)),
        (raw(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"), Response(200, 0, "until the end")),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"), Response(200, 0, "hi")),
        (raw(b"HTTP/1.1 103 Hints\r\n\r\n", b"HTTP/1.1 202 Taken\r\n\r\n"), Response(202, 0)),
        (close_before_status(), Response(None, 0, error="closed_early")),
        (close_in_headers(), Response(None, 0, error="closed_early")),
        (close_in_body(), Response(200, 0, "half", "closed_early")),
        (raw(b"220 smtp.example.com ESMTP\r\n"), Response(None, 0, error="malformed_answer")),
        (endless_interim(), Response(None, 0, error="malformed_answer")),
        (endless_headers(), Response(None, 0, error="malformed_answer")),
    ],
)
def test_an_answer_becomes_a_response(receiver: WebhookReceiver, answer: Answer, expected: Response) -> None:
    receiver.answers("/x", answer)

    assert outcome(at_home(total_s=20.0).post(receiver.url("/x"), {}, b"{}")) == expected
    assert receiver.connections == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (hang(), Response(None, 0, error="timed_out")),
        (hang(b"HTTP/1.1 200 OK\r\nx: "), Response(None, 0, error="timed_out")),
        (hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Response(200, 0, "half", "timed_out")),
        (drip_headers(every_s=0.05), Response(None, 0, error="timed_out")),
        (drip(b"", b"HTTP/1.1 103 Hints\r\n\r\n", every_s=0.05), Response(None, 0, error="timed_out")),
        (drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", every_s=0.05), Response(None, 0, error="timed_out")),
    ],
)
def test_one_deadline_holds_for_all_of_an_answer(receiver: WebhookReceiver, answer: Answer, expected: Response) -> None:
    receiver.answers("/x", answer)
    began = time.monotonic()

    response = at_home().post(receiver.url("/x"), {}, b"{}")

    assert outcome(response) == expected
    assert TOTAL_S * 1_000 <= response.latency_ms <= (TOTAL_S + MARGIN_S) * 1_000
    assert TOTAL_S <= time.monotonic() - began < TOTAL_S + MARGIN_S


def test_a_body_that_drips_is_cut_where_the_time_ends(receiver: WebhookReceiver) -> None:
    receiver.answers("/x", drip_body(every_s=0.05))

    response = at_home().post(receiver.url("/x"), {}, b"{}")

    assert (response.status, response.ok, response.error) == (200, True, "timed_out")
    assert 1 <= len(response.body) <= TOTAL_S / 0.05
    assert set(response.body) == {"x"}
    assert TOTAL_S * 1_000 <= response.latency_ms <= (TOTAL_S + MARGIN_S) * 1_000


def test_the_deadline_holds_through_tls(authority: Authority, secure: WebhookReceiver) -> None:
    sender = abroad(authority, Names([PUBLIC]), Roads(secure.port), total_s=1.0)

    for answer, code in ((drip_headers(), None), (drip_body(), 200), (hang(), None)):
        secure.answers("/hooks", answer)
        response = sender.post(URL, {}, b"{}")

        assert (response.status, response.error) == (code, "timed_out")
        assert 1_000 <= response.latency_ms <= 1_000 + MARGIN_S * 1_000


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of somebody who takes connections, and then neither reads nor writes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_who_takes_a_connection_and_says_nothing_is_left(silent: int, scheme: str) -> None:
    response = at_home().post(f"{scheme}://127.0.0.1:{silent}/", {}, b"{}")

    assert outcome(response) == Response(None, 0, error="timed_out")
    assert response.latency_ms <= (TOTAL_S + MARGIN_S) * 1_000


def test_who_does_not_read_is_left(silent: int) -> None:
    response = at_home().post(f"http://127.0.0.1:{silent}/", {}, b"x" * 50_000_000)

    assert outcome(response) == Response(None, 0, error="timed_out")
    assert response.latency_ms <= (TOTAL_S + MARGIN_S) * 1_000


def test_who_answers_without_reading_is_heard() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener, ThreadPoolExecutor(1) as pool:

        def refuse_unread() -> None:
            taken, _ = listener.accept()
            with closing(taken):
                taken.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

        refusing = pool.submit(refuse_unread)
        response = at_home(20.0).post(f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, b"x" * 50_000_000)
        refusing.result()

    assert outcome(response) == Response(413, 0), "what is unread when a connection ends breaks the sending"


def test_nobody_there_is_no_connection() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    assert outcome(at_home().post(f"http://127.0.0.1:{port}/", {}, b"")) == Response(None, 0, error="connect_failed")


def test_a_request_is_sent_as_documented(receiver: WebhookReceiver) -> None:
    body = '{"type":"refund.succeeded","é":1}'.encode()
    headers = {"content-type": "application/json", "webhook-id": "evt_1", "webhook-signature": "v1,a= v1,b="}

    at_home(5.0).post(receiver.url("/hooks/a%20b?key=1&x=/y"), headers, body)

    (received,) = receiver.requests
    assert (received.method, received.path, received.body) == ("POST", "/hooks/a%20b?key=1&x=/y", body)
    assert received.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-length": str(len(body)),
        "connection": "close",
        "accept-encoding": "identity",
        **headers,
    }


def test_a_body_of_any_bytes_and_of_none_arrives(receiver: WebhookReceiver) -> None:
    for body in (b"", bytes(range(256)) * 1_024):
        assert at_home(5.0).post(receiver.url(), {}, body).ok

    assert [received.body for received in receiver.requests] == [b"", bytes(range(256)) * 1_024]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "b\r\nhost: evil.example"),
        ("x-a", "b\n"),
        ("x-a", "b\x00"),
        ("x-a", "b\x7f"),
        ("x-a", "snow ☃"),
        ("x-a\r\nx-b", "c"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("", "b"),
        ("é", "b"),
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("connection", "keep-alive"),
        ("accept-encoding", "gzip"),
    ],
)
def test_a_header_that_could_not_be_sent_as_it_is_is_a_mistake_before_any_connection(
    receiver: WebhookReceiver, name: str, value: str
) -> None:
    with pytest.raises(ValueError, match="a header that cannot be sent"):
        at_home().post(receiver.url(), {"x-fine": "1", name: value}, b"{}")

    assert receiver.connections == 0


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/meta-data/", "there", "/elsewhere"])
def test_a_redirect_is_an_answer_and_leads_nowhere(receiver: WebhookReceiver, code: int, where: str) -> None:
    with WebhookReceiver() as other:
        receiver.answers("/x", redirect(other.url("/") if where == "there" else where, code))

        response = at_home(5.0).post(receiver.url("/x"), {}, b"{}")

        assert (outcome(response), response.ok) == (Response(code, 0), False)
        assert (receiver.connections, other.connections) == (1, 0)


def test_ten_posts_go_at_a_time(receiver: WebhookReceiver) -> None:
    together = Barrier(10)

    def when_all_are_there(turn: Turn) -> None:
        together.wait(timeout=20)
        status(200, turn.request.body)(turn)

    receiver.answers("/x", when_all_are_there)
    sender = at_home(20.0)
    with ThreadPoolExecutor(10) as pool:
        responses = list(pool.map(lambda n: sender.post(receiver.url("/x"), {}, b"%d" % n), range(10)))

    assert [outcome(response) for response in responses] == [Response(200, 0, str(n)) for n in range(10)]


# --- where nothing goes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("url", "reason"), HOSTILE)
def test_a_hostile_url_reaches_nobody_even_where_its_name_resolves(
    authority: Authority, receiver: WebhookReceiver, url: str, reason: str
) -> None:
    names, roads = Names([PUBLIC]), Roads(receiver.port)
    sender = abroad(authority, names, roads)

    assert outcome(sender.post(url, {}, b"{}")) == Response(None, 0, error="refused_address")
    with pytest.raises(RefusedAddress) as caught:
        sender.vet(url)
    assert caught.value.reason == reason
    assert (names.asked, roads.taken, receiver.connections) == ([], [], 0)


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        (["169.254.169.254"], "metadata_address"),
        (["127.0.0.1"], "loopback_address"),
        (["::1"], "loopback_address"),
        (["10.1.2.3"], "private_address"),
        (["::ffff:127.0.0.1"], "special_address"),
        (["64:ff9b::7f00:1"], "special_address"),
        (["fe80::1%1"], "special_address"),
        ([PUBLIC, "127.0.0.1"], "mixed"),
        (["127.0.0.1", PUBLIC], "mixed"),
        ([PUBLIC, "fd00:ec2::254"], "mixed"),
    ],
)
def test_a_name_that_turned_since_it_was_vetted_reaches_nobody(
    authority: Authority, secure: WebhookReceiver, then: list[str], reason: str
) -> None:
    roads = Roads(secure.port)
    sender = abroad(authority, Names([PUBLIC], then), roads)

    sender.vet(URL)
    assert outcome(sender.post(URL, {}, b"{}")) == Response(None, 0, error="refused_address")
    assert (roads.taken, secure.connections) == ([], 0)
    with pytest.raises(RefusedAddress) as caught:
        sender.vet(URL)
    assert caught.value.reason == reason


def test_a_name_is_asked_for_once_and_what_was_judged_is_connected_to(
    authority: Authority, secure: WebhookReceiver
) -> None:
    names, roads = Names([PUBLIC], ["127.0.0.1"]), Roads(secure.port)

    assert abroad(authority, names, roads).post(URL, {}, b"{}").ok
    assert (names.asked, roads.taken, secure.connections) == ([HOST], [(PUBLIC, 443)], 1)


def test_the_systems_own_sockets_are_not_touched_for_a_refused_address(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "socket", lambda *said: opened.append(said))
    sender = HttpWebhookSender(FixedClock(), local=False, resolve=Names(["127.0.0.1"]))

    assert sender.post(URL, {}, b"{}").error == "refused_address"
    assert sender.post("https://127.0.0.1/", {}, b"{}").error == "refused_address"
    assert opened == []


def test_this_machine_is_for_local_stacks_alone(receiver: WebhookReceiver) -> None:
    deployed = HttpWebhookSender(FixedClock(), local=False)

    for url in (receiver.url(), receiver.url().replace("http:", "https:"), f"http://localhost:{receiver.port}/"):
        assert deployed.post(url, {}, b"{}").error == "refused_address"
        with pytest.raises(RefusedAddress):
            deployed.vet(url)
    assert receiver.connections == 0


def test_a_local_stack_reaches_this_machine_by_its_name(receiver: WebhookReceiver) -> None:
    at_home().vet(f"http://localhost:{receiver.port}/")

    assert at_home(5.0).post(f"http://localhost:{receiver.port}/x", {}, b"{}").ok
    assert receiver.requests[0].headers["host"] == f"localhost:{receiver.port}"


def test_proxies_of_the_environment_are_not_used(receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with WebhookReceiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())

        assert at_home(5.0).post(receiver.url(), {}, b"{}").ok
        assert (proxy.connections, receiver.connections) == (0, 1)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [socket.gaierror("no such name"), UnicodeError("too long"), TimeoutError()])
def test_a_name_that_does_not_resolve_is_an_error_of_its_own(failure: Exception) -> None:
    def fail(_: str) -> Sequence[str]:
        raise failure

    sender = HttpWebhookSender(FixedClock(), local=False, resolve=fail)

    assert outcome(sender.post(URL, {}, b"{}")) == Response(None, 0, error="unresolvable")
    with pytest.raises(RefusedAddress) as caught:
        sender.vet(URL)
    assert caught.value.reason == "unresolvable"


@pytest.mark.parametrize(("resolve_s", "total_s"), [(0.1, 60.0), (60.0, 0.1)])
def test_a_name_server_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, resolve_s: float, total_s: float
) -> None:
    answered = Event()
    waiting: list[bool] = []

    def wait(_: str) -> Sequence[str]:
        waiting.append(current_thread().daemon)
        answered.wait(60)
        return [PUBLIC]

    monkeypatch.setattr(webhook_http, "RESOLVE_S", resolve_s)
    try:
        response = HttpWebhookSender(FixedClock(), local=False, resolve=wait, total_s=total_s).post(URL, {}, b"{}")
    finally:
        answered.set()

    assert outcome(response) == Response(None, 0, error="unresolvable")
    assert response.latency_ms <= 100 + MARGIN_S * 1_000
    assert waiting == [True], "no process waits for it at its end"


def test_another_address_is_tried_only_where_none_took_the_connection(
    authority: Authority, secure: WebhookReceiver
) -> None:
    names = Names(["2606:4700::1111", PUBLIC, OTHER_PUBLIC])
    roads = Roads(secure.port, broken=[PUBLIC])

    assert abroad(authority, names, roads).post(URL, {}, b"{}").ok
    assert roads.taken == [(PUBLIC, 443), (OTHER_PUBLIC, 443)]

    secure.answers("/hooks", close_before_status())
    roads.taken.clear()
    assert abroad(authority, names, roads).post(URL, {}, b"{}").error == "closed_early"
    assert roads.taken == [(PUBLIC, 443), (OTHER_PUBLIC, 443)], "what was sent is not sent again"
    assert len(secure.requests) == 2


@pytest.mark.parametrize("count", [3, 9])
def test_addresses_that_take_no_connection_share_the_time(count: int) -> None:
    waits: list[float] = []
    now = [100.0]

    def never(address: Address, port: int, timeout_s: float) -> socket.socket:
        waits.append(timeout_s)
        now[0] += timeout_s
        raise TimeoutError

    many = [f"8.8.8.{n}" for n in range(count)]
    sender = HttpWebhookSender(
        FixedClock(), local=False, resolve=Names(many), connect=never, monotonic=lambda: now[0], total_s=12.0
    )

    assert sender.post(URL, {}, b"{}") == Response(None, 12_000, error="timed_out")
    assert waits == [5.0, 5.0, 2.0]


def test_a_literal_address_is_not_asked_for(authority: Authority) -> None:
    with WebhookReceiver(tls=authority.server(PUBLIC)) as literal:
        names, roads = Names([]), Roads(literal.port)

        assert abroad(authority, names, roads).post(f"https://{PUBLIC}/x", {}, b"{}").ok
        assert (names.asked, roads.taken) == ([], [(PUBLIC, 443)])
        assert literal.requests[0].headers["host"] == PUBLIC


def test_the_systems_resolver_is_asked_for_the_name_itself_and_no_search_domain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def say(name: str, *_: object, **__: object) -> list[object]:
        asked.append(name)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700::1111", 0, 0, 0)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", say)

    assert list(system_resolve(HOST)) == [PUBLIC, "2606:4700::1111"]
    system_resolve("localhost")
    assert asked == [f"{HOST}.", "localhost"]


def test_a_connection_that_fails_leaves_no_socket() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        with closing(system_connect(ip_address("127.0.0.1"), port, 5.0)) as made:
            assert made.getpeername() == ("127.0.0.1", port)

    with pytest.raises(ConnectionRefusedError):  # a socket left open would warn, which fails the test
        system_connect(ip_address("127.0.0.1"), port, 5.0)


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_a_certificate_for_the_host_from_a_trusted_authority_is_good(
    authority: Authority, secure: WebhookReceiver
) -> None:
    response = abroad(authority, Names([PUBLIC]), Roads(secure.port)).post(URL, {"x-a": "b"}, b"{}")

    assert outcome(response) == Response(200, 0)
    (received,) = secure.requests
    assert (received.headers["host"], received.headers["x-a"], received.body) == (HOST, "b", b"{}")


def test_the_host_is_named_when_the_handshake_begins(authority: Authority) -> None:
    named: list[str | None] = []
    context = authority.server(HOST)
    context.sni_callback = lambda _, name, __: named.append(name)
    with WebhookReceiver(tls=context) as receiver:
        assert abroad(authority, Names([PUBLIC]), Roads(receiver.port)).post(URL, {}, b"{}").ok

    assert named == [HOST]


def bad_servers() -> dict[str, Callable[[Authority], ssl.SSLContext]]:
    return {
        "another host": lambda authority: authority.server("other.example.com"),
        "the address alone": lambda authority: authority.server(PUBLIC),
        "an authority that nobody knows": lambda _: Authority("Nobody").server(HOST),
        "a day past its end": lambda authority: authority.server(HOST, valid_for=timedelta(days=-1)),
    }


@pytest.mark.parametrize("kind", bad_servers())
def test_a_bad_certificate_ends_it_before_a_byte_of_the_request(authority: Authority, kind: str) -> None:
    with WebhookReceiver(tls=bad_servers()[kind](authority)) as receiver:
        roads = Roads(receiver.port)
        response = abroad(authority, Names([PUBLIC, OTHER_PUBLIC]), roads).post(URL, {}, b"{}")

        assert outcome(response) == Response(None, 0, error="tls_failed")
        assert (receiver.requests, roads.taken) == ((), [(PUBLIC, 443)])


def test_an_authority_of_the_tests_is_none_of_the_systems(secure: WebhookReceiver) -> None:
    sender = HttpWebhookSender(FixedClock(), local=False, resolve=Names([PUBLIC]), connect=Roads(secure.port))

    assert outcome(sender.post(URL, {}, b"{}")) == Response(None, 0, error="tls_failed")
    assert secure.requests == ()


def test_who_speaks_no_tls_gets_nothing(authority: Authority, receiver: WebhookReceiver) -> None:
    response = abroad(authority, Names([PUBLIC]), Roads(receiver.port)).post(URL, {}, b"{}")

    assert outcome(response) == Response(None, 0, error="tls_failed")
    assert receiver.requests == ()


def test_who_wants_a_certificate_of_ours_gets_none(authority: Authority) -> None:
    context = authority.server(HOST)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem)
    with WebhookReceiver(tls=context) as receiver:
        response = abroad(authority, Names([PUBLIC]), Roads(receiver.port)).post(URL, {}, b"{}")

        assert response.status is None
        assert response.error in {"tls_failed", "closed_early"}, "the refusal races with the end of the connection"
        assert receiver.requests == ()


def test_tls_is_new_enough_and_verified() -> None:
    context = system_tls()

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname is True


def test_it_is_a_sender() -> None:
    sender: WebhookSender = at_home()

    assert outcome(sender.post("", {}, b"")) == Response(None, 0, error="refused_address")
