"""What is read of a receiver's answer, byte for byte, however it comes in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.adapters.webhook_answers import MAX_BYTES, Answer, NoAnswer, read_answer, shown, wait_s
from refundkit_core.application.webhook_sender import MAX_BODY_BYTES, MAX_RETRY_AFTER_S, Response, SendError

from tests.support.clock import START

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"


def coming(*pieces: bytes) -> Callable[[], bytes]:
    """A connection that brings these pieces and ends."""
    left = iter(pieces)
    return lambda: next(left, b"")


def coming_forever(first: bytes, piece: bytes) -> Callable[[], bytes]:
    left: Iterator[bytes] = repeat(piece)
    held = [first] if first else []
    return lambda: held.pop() if held else next(left)


def no_answer(*pieces: bytes) -> SendError:
    with pytest.raises(NoAnswer) as caught:
        read_answer(coming(*pieces))
    return caught.value.error


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (OK + b"Content-Length: 2\r\n\r\nhi", Answer(200, None, b"hi", None)),
        (OK + b"content-length:2\r\n\r\nhi and more", Answer(200, None, b"hi", None)),
        (OK + b"Content-Length: 0\r\n\r\n", Answer(200, None, b"", None)),
        (OK + b"\r\nuntil the end", Answer(200, None, b"until the end", None)),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", Answer(404, None, b"", None)),
        (b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", Answer(500, None, b"", None)),
        (b"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", Answer(500, None, b"", None)),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Answer(204, None, b"", None)),
        (b"HTTP/1.1 304 Not Modified\r\n\r\nx", Answer(304, None, b"", None)),
        (b"HTTP/1.1 999 What\n\nx", Answer(999, None, b"x", None)),
        (b"HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nRetry-After: 9\r\n\r\n", Answer(429, "7", b"", None)),
        (OK + b"X-Long: a\r\n  b: c\r\nContent-Length: 1\r\n\r\nx", Answer(200, None, b"x", None)),
        (OK + b"X-Odd: \xff\xfe\r\nContent-Length: 1\r\n\r\nx", Answer(200, None, b"x", None)),
        (CHUNKED + b"2\r\nhi\r\n3;a=b\r\n yo\r\n0\r\n\r\n", Answer(200, None, b"hi yo", None)),
        (OK + b"Transfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n0\r\n", Answer(200, None, b"x", None)),
        (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\nx\n0\n", Answer(200, None, b"x", None)),
        (OK + b"Transfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nxyz", Answer(200, None, b"xyz", None)),
        (HINTS + OK + b"\r\n", Answer(200, None, b"", None)),
        (b"HTTP/1.1 103 Hints\r\nRetry-After: 9\r\n\r\n" + OK + b"\r\n", Answer(200, None, b"", None)),
        # what breaks off after the head stands, with what came of its body
        (OK + b"Content-Length: 10\r\n\r\nhalf", Answer(200, None, b"half", "closed_early")),
        (OK + b"Content-Length: 10\r\n\r\n", Answer(200, None, b"", "closed_early")),
        (CHUNKED + b"4\r\nhalf", Answer(200, None, b"half", "closed_early")),
        (CHUNKED + b"9\r\nhalf", Answer(200, None, b"half", "closed_early")),
        (CHUNKED + b"4\r\nhalfway\r\n", Answer(200, None, b"half", "malformed_answer")),
        (CHUNKED + b"z\r\n", Answer(200, None, b"", "malformed_answer")),
        (CHUNKED + b"-1\r\n", Answer(200, None, b"", "malformed_answer")),
        (CHUNKED + b"1" * 17 + b"\r\n", Answer(200, None, b"", "malformed_answer")),
    ],
)  # fmt: skip
def test_an_answer_is_the_same_whole_or_byte_by_byte(sent: bytes, answer: Answer) -> None:
    assert read_answer(coming(sent)) == answer
    assert read_answer(coming(*(bytes([byte]) for byte in sent))) == answer


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "closed_early"),
        (b"HTTP/1.1 200", "closed_early"),
        (OK, "closed_early"),
        (OK + b"Content-Le", "closed_early"),
        (OK + b"Content-Length: 2\r\n", "closed_early"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "closed_early"),
        (b"hello\r\n\r\n", "malformed_answer"),
        (b"\r\n" + OK + b"\r\n", "malformed_answer"),
        (b"HTTP/0.9 200 OK\r\n\r\n", "malformed_answer"),
        (b"HTTP/2 200\r\n\r\n", "malformed_answer"),
        (b"ICY 200 OK\r\n\r\n", "malformed_answer"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "malformed_answer"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "malformed_answer"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "malformed_answer"),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n\r\n", "malformed_answer"),
        (OK + b"no colon\r\n\r\n", "malformed_answer"),
        (OK + b": no name\r\n\r\n", "malformed_answer"),
        (OK + b"a name: x\r\n\r\n", "malformed_answer"),
        (OK + b"Content-Length: -1\r\n\r\n", "malformed_answer"),
        (OK + b"Content-Length: x\r\n\r\n", "malformed_answer"),
        (OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", "malformed_answer"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "malformed_answer"),
    ],
)
def test_what_has_no_whole_head_is_no_answer(sent: bytes, error: SendError) -> None:
    assert no_answer(sent) == error
    assert no_answer(*(bytes([byte]) for byte in sent)) == error


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 10000000\r\n\r\n",
        b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffff\r\n",
    ],
)
def test_no_more_of_a_body_is_read_than_is_kept(framing: bytes) -> None:
    calls = []

    def receive() -> bytes:
        calls.append(1)
        return OK + framing if len(calls) == 1 else b"x" * 1_000

    assert read_answer(receive) == Answer(200, None, b"x" * MAX_BODY_BYTES, None)
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"", b"x" * 1_000),
        (OK, b"x: y\r\n" * 100),
        (OK + b"x: ", b"y" * 1_000),
        (b"", b"HTTP/1.1 103 Early\r\n\r\n" * 50),
    ],
)
def test_heads_without_an_end_are_given_up(first: bytes, piece: bytes) -> None:
    with pytest.raises(NoAnswer) as caught:
        read_answer(coming_forever(first, piece))

    assert caught.value.error == "malformed_answer"


def test_chunks_that_are_all_extension_are_given_up_with_what_came() -> None:
    answer = read_answer(coming_forever(CHUNKED, b"1;" + b"e" * 4_000 + b"\r\nx\r\n"))

    assert (answer.status, answer.cut) == (200, "malformed_answer")
    assert len(answer.body) == MAX_BYTES // 4_000 + 1


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.sampled_from([b"", OK, CHUNKED]))
def test_no_bytes_break_the_reader(pieces: list[bytes], first: bytes) -> None:
    with suppress(NoAnswer):
        answer = read_answer(coming(*filter(None, (first, *pieces))))
        assert 200 <= answer.status <= 999
        assert len(answer.body) <= MAX_BODY_BYTES


@given(
    st.binary(max_size=3_000), st.lists(st.integers(1, 700), max_size=10), st.sampled_from(["length", "chunks", "end"])
)
def test_a_body_is_the_same_however_it_is_framed_and_cut(body: bytes, cuts: list[int], framing: str) -> None:
    sent = {
        "length": OK + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "chunks": CHUNKED
        + b"".join(b"%x\r\n%b\r\n" % (len(body[at : at + 300]), body[at : at + 300]) for at in range(0, len(body), 300))
        + b"0\r\n\r\n",
        "end": OK + b"\r\n" + body,
    }[framing]
    pieces: list[bytes] = []
    for cut in cuts:
        pieces, sent = [*pieces, sent[:cut]], sent[cut:]

    answer = read_answer(coming(*(piece for piece in (*pieces, sent) if piece)))
    assert answer == Answer(200, None, body[:MAX_BODY_BYTES], None)


def test_a_body_is_shown_without_what_could_harm_who_reads_it() -> None:
    assert shown(b"caf\xc3\xa9\tis\nopen") == "café\tis\nopen"
    assert shown(b"a\x00b\x1b[31mc\r\x7f") == "a\ufffdb\ufffd[31mc\ufffd\ufffd"
    assert shown("\u0085\u202eevil\u2066".encode()) == "\ufffd\ufffdevil\ufffd"
    assert shown(b"\xff\xfe\xc3") == "\ufffd\ufffd\ufffd"


@given(st.binary(max_size=MAX_BODY_BYTES))
def test_what_is_shown_of_any_body_has_no_control_characters(body: bytes) -> None:
    assert all(character.isprintable() or character in "\t\n" or ord(character) > 0x9F for character in shown(body))


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, None),
        ("7", 7),
        ("0", 0),
        ("007", 7),
        ("86400", MAX_RETRY_AFTER_S),
        ("86401", MAX_RETRY_AFTER_S),
        ("9" * 5_000, MAX_RETRY_AFTER_S),
        ("0" * 5_000, 0),
        ("Fri, 20 Nov 2026 12:01:30 GMT", 90),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 20 Nov 2026 13:01:00 +0100", 60),
        ("Fri, 20 Nov 2026 12:01:00 -0000", 60),
        ("Fri, 20 Nov 2099 12:00:00 GMT", MAX_RETRY_AFTER_S),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("Fri, 99 Nov 2026 12:01:30 GMT", None),
        ("Fri, 20 Nov 99999999999999999999 12:01:30 GMT", None),
        ("Fri, 20 Nov 2026 12:01:30 +99999999999999", None),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_by_a_date(retry_after: str | None, seconds: int | None) -> None:
    assert wait_s(retry_after, START) == seconds


def test_a_wait_for_a_part_of_a_second_is_one_second() -> None:
    assert wait_s("Fri, 20 Nov 2026 12:00:01 GMT", START + timedelta(milliseconds=300)) == 1


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,9} [A-Z][a-z]{2} [0-9]{1,9} [0-9:]{1,9} [+-]?[0-9A-Z]{1,9}"))
def test_no_wait_breaks_the_reader(retry_after: str) -> None:
    seconds = wait_s(retry_after, START)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S


@pytest.mark.parametrize(
    ("status", "ok"), [(None, False), (199, False), (200, True), (204, True), (299, True), (300, False), (500, False)]
)
def test_any_2xx_is_a_delivery(status: int | None, ok: bool) -> None:
    assert Response(status, 1).ok is ok
    assert Response(status, 1, error="timed_out").ok is ok
