"""Signatures of webhooks: what is signed verifies, nothing else does, and no input raises anything unexpected."""

from __future__ import annotations

import base64
import hmac
import json
import pickle
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import refundkit
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from refundkit import webhook_signature as signatures
from refundkit.webhook_signature import (
    SIGNATURE_HEADER,
    InvalidSignature,
    Verified,
    new_secret,
    sign,
    verify,
    verify_webhook_signature,
)

ROOT: Final = Path(__file__).parents[2]
FILE: Final = json.loads((ROOT / "tests" / "vectors" / "webhook_signature.json").read_text())
USUAL: Final = FILE["usual"]
VECTORS: Final[dict[str, dict[str, Any]]] = {vector["name"]: vector for vector in FILE["vectors"]}
AT: Final[int] = USUAL["now"]
SECRET: Final[str] = USUAL["secrets"][0]
OTHER: Final = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
BODY: Final = USUAL["body"].encode()
SIGNED: Final = sign(BODY, event_id="evt_1", at=AT, secrets=[SECRET])
OURS: Final = {SIGNATURE_HEADER: SIGNED[SIGNATURE_HEADER]}
STANDARD: Final = {name: value for name, value in SIGNED.items() if name != SIGNATURE_HEADER}

SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
IDS = st.from_regex(r"[!-+\-/-~]{1,255}", fullmatch=True)
TIMES = st.integers(0, 253_402_300_799)
BODIES = st.one_of(st.binary(max_size=400), st.text(st.characters(exclude_categories=["Cs"]), max_size=200))


def header(value: Any) -> Any:
    """A header's value as the vectors write it: `{"repeat", "times"}` stands for a long one."""
    return value["repeat"] * value["times"] if isinstance(value, dict) and "repeat" in value else value


def arguments_of(vector: dict[str, Any]) -> tuple[Any, dict[str, Any], Any, Any]:
    """Body, headers, secrets and time of a vector."""
    body = base64.b64decode(vector["bodyBase64"]) if "bodyBase64" in vector else {**USUAL, **vector}["body"]
    headers = {name: header(value) for name, value in vector["headers"].items()}
    return body, headers, {**USUAL, **vector}["secrets"], {**USUAL, **vector}["now"]


def reason_of(body: Any, headers: Any, secrets: Any, **more: Any) -> str:
    """Why it is refused. Any other exception than InvalidSignature goes through, and fails the test."""
    with pytest.raises(InvalidSignature) as refused:
        verify(body, headers, secrets, **more)
    assert refused.value.reason in get_args(signatures.Reason)
    return refused.value.reason


def outcome_of(*request: Any, **more: Any) -> Verified | str:
    """What a request is found to be, or why it is refused."""
    try:
        return verify(*request, **more)
    except InvalidSignature as refused:
        return refused.reason


def test_there_are_vectors_of_every_outcome() -> None:
    outcomes = {vector["expected"].get("reason", "good") for vector in VECTORS.values()}

    assert len(VECTORS) == len(FILE["vectors"]) >= 45
    assert outcomes == {"good", *get_args(signatures.Reason)} - {"clock"}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_come_out_as_they_say(name: str) -> None:
    body, headers, secrets, now = arguments_of(VECTORS[name])
    expected = VECTORS[name]["expected"]

    if "reason" in expected:
        assert reason_of(body, headers, secrets, now=now) == expected["reason"]
    else:
        good = Verified(expected["eventId"], datetime.fromtimestamp(expected["at"], UTC))
        assert verify(body, headers, secrets, now=now) == good


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if SIGNATURE_HEADER in vector["headers"]])
def test_the_documents_helper_says_the_same_as_verify(name: str) -> None:
    body, headers, secrets, now = arguments_of(VECTORS[name])
    alone = headers[SIGNATURE_HEADER]
    is_good = isinstance(outcome_of(body, {SIGNATURE_HEADER: alone}, secrets, now=now), Verified)

    assert verify_webhook_signature(body, alone, secrets, now=now) is is_good


def test_the_helper_is_lenient_as_far_as_it_is_told_and_takes_one_secret() -> None:
    signature = SIGNED[SIGNATURE_HEADER]

    assert verify_webhook_signature(BODY, signature, SECRET, now=AT)
    assert verify_webhook_signature(BODY, signature, SECRET, 10, AT + 10)
    assert not verify_webhook_signature(BODY, signature, SECRET, 10, AT + 11)
    assert not verify_webhook_signature(BODY, signature, SECRET)  # the machine's clock: the vectors are of another day
    assert not verify_webhook_signature(BODY, None, SECRET, now=AT)


@given(BODIES, IDS, TIMES, st.lists(SECRETS, min_size=1, max_size=10, unique=True), st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_signed_verifies_with_each_of_its_secrets_by_both_schemes(
    body: bytes | str, event_id: str, at: int, secrets: list[str], data: st.DataObject
) -> None:
    signed = sign(body, event_id=event_id, at=at, secrets=secrets)
    standard = {name: value for name, value in signed.items() if name != SIGNATURE_HEADER}
    chosen = data.draw(st.sampled_from(secrets))
    now = at + data.draw(st.integers(-300, 300))
    good = Verified(event_id, datetime.fromtimestamp(at, UTC))

    for headers in (signed, standard, {SIGNATURE_HEADER: signed[SIGNATURE_HEADER]}):
        assert verify(body, headers, chosen, now=now) == good
        assert verify(body, headers, [OTHER, chosen], now=float(now)) == good
    assert set(map(len, signed.values())) <= set(range(4_097))


@given(BODIES, BODIES, SECRETS)
@settings(max_examples=150, deadline=None)
def test_a_signature_is_good_for_one_body_and_one_secret(body: bytes | str, other: bytes | str, secret: str) -> None:
    assume(secret != SECRET)
    same = (other.encode() if isinstance(other, str) else other) == (body.encode() if isinstance(body, str) else body)
    signed = sign(body, event_id="evt_1", at=AT, secrets=[SECRET])

    assert verify_webhook_signature(other, signed[SIGNATURE_HEADER], SECRET, now=AT) is same
    assert reason_of(body, signed, secret, now=AT) == "mismatch"


@given(
    st.sampled_from([OURS, STANDARD]),
    st.data(),
    st.sampled_from(list("0123456789abcdefxyzABC=+/,.; \t\n\0é☂١-_\udcff")),
    st.sampled_from(["replace", "insert", "remove", "cut", "double"]),
)
@settings(max_examples=1_000, deadline=None)
def test_a_header_with_one_change_is_refused_or_says_what_it_said(
    headers: dict[str, str], data: st.DataObject, letter: str, change: str
) -> None:
    name = data.draw(st.sampled_from(sorted(headers)))
    value, place = headers[name], data.draw(st.integers(0, len(headers[name]) - 1))
    changed = {
        "replace": value[:place] + letter + value[place + 1 :],
        "insert": value[:place] + letter + value[place:],
        "remove": value[:place] + value[place + 1 :],
        "cut": value[:place],
        "double": value[:place] + value,
    }[change]

    said = outcome_of(BODY, {**headers, name: changed}, SECRET, now=AT)

    assert said in ("malformed", "mismatch", Verified("evt_1", datetime.fromtimestamp(AT, UTC)))


ANYTHING = st.one_of(
    st.text(max_size=120),
    st.binary(max_size=60),
    st.none(),
    st.integers(),
    st.lists(st.text(max_size=5), max_size=3),
    st.from_regex(r"(t=[0-9]{0,14},?|id=[a-z.]{0,3},?|v[0-2]=[0-9a-f]{0,8},?| ){0,6}", fullmatch=True),
    st.from_regex(r"(v1a?,[A-Za-z0-9+/=]{0,8} ?){0,4}", fullmatch=True),
)


@given(
    st.one_of(BODIES, ANYTHING, st.text()),
    st.one_of(
        st.dictionaries(st.one_of(st.sampled_from([*SIGNED, SIGNATURE_HEADER.upper()]), ANYTHING.filter(
            lambda key: not isinstance(key, list)
        )), ANYTHING, max_size=5),
        ANYTHING,
    ),
    st.one_of(SECRETS, st.just(SECRET), ANYTHING, st.lists(ANYTHING, max_size=3)),
)  # fmt: skip
@settings(max_examples=1_000, deadline=None)
def test_whatever_comes_nothing_but_invalid_signature_is_raised(body: Any, headers: Any, secrets: Any) -> None:
    assert reason_of(body, headers, secrets, now=AT)
    if isinstance(headers, dict):
        assert verify_webhook_signature(body, headers.get(SIGNATURE_HEADER), secrets, now=AT) is False


@given(ANYTHING.filter(lambda now: now is not None), ANYTHING)
@example(10**400, 300)
@example(AT, -1)
@example(AT, float("nan"))
@example(AT, float("inf"))
@example(float("nan"), 300)
@example(float("-inf"), 300)
@example(datetime(2026, 11, 21, 12, 0), 300)  # noqa: DTZ001  (that it is naive is the point)
@settings(max_examples=150, deadline=None)
def test_a_clock_that_is_none_is_refused_too(now: Any, tolerance_s: Any) -> None:
    assume(not (isinstance(now, int) and isinstance(tolerance_s, int) and abs(now) < 10**300 and tolerance_s >= 0))

    assert reason_of(BODY, OURS, SECRET, now=now, tolerance_s=tolerance_s) == "clock"


def test_the_time_may_be_an_aware_datetime_or_the_machines_own() -> None:
    at = datetime.fromtimestamp(AT, UTC)
    signed = sign(BODY, event_id="evt_1", at=at + timedelta(microseconds=999_999), secrets=[SECRET])
    fresh = sign(BODY, event_id="evt_2", at=int(time.time()), secrets=[SECRET])

    assert signed == SIGNED
    assert verify(BODY, signed, SECRET, now=at + timedelta(seconds=300)).at == at
    assert reason_of(BODY, signed, SECRET, now=at + timedelta(seconds=300, microseconds=1)) == "too_old"
    assert verify(BODY, fresh, SECRET).event_id == "evt_2"


def test_headers_may_be_any_mapping_or_message_but_not_say_two_things() -> None:
    message = Message()
    for name, value in SIGNED.items():
        message[name.title()] = value

    assert verify(BODY, message, SECRET, now=AT).event_id == "evt_1"

    message["X-Refundkit-Signature"] = SIGNED[SIGNATURE_HEADER]
    assert reason_of(BODY, message, SECRET, now=AT) == "malformed"


@pytest.mark.parametrize("items", [[("only a name",)], [("a", "b", "c")], [None], None, 5], ids=repr)
def test_headers_that_are_no_pairs_are_malformed(items: Any) -> None:
    class Odd:
        def items(self) -> Any:
            return items

    assert reason_of(BODY, Odd(), SECRET, now=AT) == "malformed"


def test_the_body_may_be_any_bytes() -> None:
    bodies: list[Any] = [BODY, bytearray(BODY), memoryview(BODY), BODY.decode()]
    for body in bodies:
        assert verify(body, SIGNED, SECRET, now=AT).event_id == "evt_1"


def test_every_secret_is_compared_with_every_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        pairs.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    signed = sign(BODY, event_id="evt_1", at=AT, secrets=[SECRET, OTHER, new_secret()])

    verify(BODY, signed, [SECRET, OTHER], now=AT)

    assert len(set(pairs)) == len(pairs) == 6


def test_a_signed_request_looks_as_documented() -> None:
    signed = sign("{}", event_id="evt_1", at=AT, secrets=[SECRET, OTHER])
    first, second = (
        hmac.new(base64.b64decode(secret[6:]), f"evt_1.{AT}.{{}}".encode(), "sha256").digest()
        for secret in (SECRET, OTHER)
    )

    assert signed == {
        "x-refundkit-signature": f"t={AT},id=evt_1,v1={first.hex()},v1={second.hex()}",
        "webhook-id": "evt_1",
        "webhook-timestamp": str(AT),
        "webhook-signature": f"v1,{base64.b64encode(first).decode()} v1,{base64.b64encode(second).decode()}",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        *({"event_id": text} for text in ("", "evt.1", "evt,1", "evt 1", "evt\n1", "évt", "e" * 256, None)),
        *({"at": moment} for moment in (-1, 253_402_300_800, 1.5, "0", None, datetime(2026, 1, 1))),  # noqa: DTZ001
        *({"secrets": given} for given in ([], [""], SECRET, [SECRET] * 11, [SECRET[:-1]], [SECRET.encode()])),
        {"body": "\udcff"},
        {"body": None},
        {"body": {}},
    ],
    ids=repr,
)
def test_nobody_signs_what_no_receiver_would_accept(wrong: dict[str, Any]) -> None:
    usual = {"body": BODY, "event_id": "evt_1", "at": AT, "secrets": [SECRET]}

    with pytest.raises(ValueError, match=r"event's id|secrets? (are|is)|time|instant|body|surrogates") as refused:
        sign(**{**usual, **wrong})
    assert SECRET[6:-1] not in str(refused.value)


def test_new_secrets_are_random_and_have_their_form() -> None:
    made = {new_secret() for _ in range(100)}

    assert len(made) == 100
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32 for secret in made)
    assert all(sign(b"", event_id="evt_1", at=0, secrets=[secret]) for secret in made)


def test_a_refusal_says_why_and_repeats_nothing() -> None:
    with pytest.raises(InvalidSignature) as refused:
        verify(BODY, OURS, OTHER, now=AT)

    said = pickle.loads(pickle.dumps(refused.value))  # noqa: S301  (of our own making)
    assert (said.reason, str(said)) == ("mismatch", "none of the secrets signed this request")
    assert isinstance(said, ValueError)
    assert {str(InvalidSignature(reason)) for reason in get_args(signatures.Reason)} == set(signatures._SAYS.values())


def test_the_package_shows_the_helper_and_loads_it_when_it_is_asked_for() -> None:
    program = (
        "import sys, refundkit; before = 'hmac' in sys.modules; refundkit.verify_webhook_signature; "
        "sys.exit(before or bool({'pydantic', 'refundkit.contracts', 'asyncio', 'random'} & set(sys.modules)))"
    )
    environ = {"PYTHONPATH": str(ROOT / "layers" / "sdk")}

    assert refundkit.verify_webhook_signature is verify_webhook_signature
    assert refundkit.InvalidSignature is InvalidSignature
    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False, timeout=60).returncode == 0
    with pytest.raises(AttributeError, match="no attribute"):
        refundkit.nothing_like_it  # noqa: B018
