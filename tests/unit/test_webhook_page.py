"""The page for receivers of webhooks says what is true: its request verifies, and its Python examples work."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from refundkit import webhook_signature
from refundkit.contracts.events import EVENT_TYPES
from refundkit.webhook_signature import TOLERANCE_S, new_secret, sign, verify

PAGE: Final = (Path(__file__).parents[2] / "docs" / "webhook-verification.md").read_text()
SECRET_NAME: Final = "REFUNDKIT_WEBHOOK_SECRET"
SECRET: Final = new_secret()
BODY: Final = b'{"id":"evt_1","type":"refund.completed"}'

Receive = Callable[[bytes, Mapping[str, str]], int]


def blocks(language: str) -> list[str]:
    """The page's examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def shown_request() -> tuple[dict[str, str], bytes]:
    """Headers and body of the request at the top of the page."""
    (text,) = blocks("http")
    head, _, body = text.partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    return headers, body.removesuffix("\n").encode()


@pytest.fixture(params=[0, 1], ids=["our package", "standardwebhooks"])
def example(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """What one of the Python examples defines, run as it stands, with its file in a folder of the test's."""
    monkeypatch.setenv(SECRET_NAME, SECRET)
    monkeypatch.chdir(tmp_path)
    defined: dict[str, Any] = {}
    exec(blocks("python")[request.param], defined)  # noqa: S102  (the page's own code)
    yield defined
    defined["database"].close()


def kept(example: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    rows: list[tuple[str, bytes]] = example["database"].execute("SELECT id, body FROM inbox").fetchall()
    return rows


def signed(at: int, secrets: tuple[str, ...] = (SECRET,)) -> dict[str, str]:
    made = sign(BODY, event_id="evt_1", at=at, secrets=secrets)
    return {name.title(): value for name, value in made.items()}


def test_there_are_as_many_examples_as_are_tested() -> None:
    assert {language: len(blocks(language)) for language in ("http", "python", "js", "go")} == {
        "http": 1,
        "python": 2,
        "js": 1,
        "go": 1,
    }


def test_an_example_keeps_a_signed_event_once(example: Mapping[str, Any]) -> None:
    receive: Receive = example["receive"]
    now = int(time.time())

    assert [receive(BODY, signed(now)), receive(BODY, signed(now - 60))] == [204, 204]
    assert receive(BODY, signed(now, (new_secret(), SECRET))) == 204
    assert kept(example) == [("evt_1", BODY)]


def test_an_example_refuses_whatever_is_not_ours(example: Mapping[str, Any]) -> None:
    receive: Receive = example["receive"]
    now = int(time.time())
    good = signed(now)

    assert receive(BODY + b" ", good) == 401
    assert receive(BODY, signed(now, (new_secret(),))) == 401
    assert receive(BODY, signed(now - 400)) == receive(BODY, signed(now + 400)) == 401
    assert receive(b"\xff", good) == receive(BODY, {}) == 401
    for hostile in ("", "v1", "v1,", "v1,☂", "v1,=", "t=1", "v1,A,B", "\x00"):
        headers = {**good, "Webhook-Signature": hostile, "X-Refundkit-Signature": hostile}
        assert receive(BODY, headers) == 401, hostile
    assert kept(example) == []


def test_the_shown_request_is_an_event_that_verifies_with_the_shown_secret() -> None:
    headers, body = shown_request()
    (secret,) = re.findall(r"`(whsec_[A-Za-z0-9+/=]+)`", PAGE)
    del headers["content-type"]
    at = int(headers["webhook-timestamp"])

    assert json.loads(body) == EVENT_TYPES["refund.completed"].example
    assert sign(body, event_id=headers["webhook-id"], at=at, secrets=[secret]) == headers
    assert verify(body, headers, secret, now=at).event_id == json.loads(body)["id"]


def test_a_signature_can_be_made_by_what_the_page_says_of_it() -> None:
    headers, body = shown_request()
    (secret,) = re.findall(r"`(whsec_[A-Za-z0-9+/=]+)`", PAGE)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    bytes_signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])

    assert "`<webhook-id>.<webhook-timestamp>.<body>`" in PAGE
    assert headers["x-refundkit-signature"].endswith(hmac.new(key, bytes_signed, hashlib.sha256).hexdigest())


def test_the_page_names_every_reason_header_and_the_tolerance() -> None:
    headers = (
        webhook_signature.SIGNATURE_HEADER,
        webhook_signature.ID_HEADER,
        webhook_signature.TIMESTAMP_HEADER,
        webhook_signature.STANDARD_SIGNATURE_HEADER,
    )

    assert all(f"`{word}`" in PAGE for word in (*get_args(webhook_signature.Reason), *headers))
    assert f"over {TOLERANCE_S} seconds away" in PAGE


@pytest.mark.parametrize("language, package", [("js", "standardwebhooks"), ("go", "libraries/go")])
def test_other_languages_use_the_library_the_secret_as_it_is_and_the_id_to_keep(language: str, package: str) -> None:
    (code,) = blocks(language)
    headers = set(re.findall(r"\b(?:webhook-[a-z]+|x-refundkit-[a-z]+)\b", code))

    assert package in code
    assert re.search(rf"Webhook\((process\.env\.{SECRET_NAME}|os\.Getenv\(\"{SECRET_NAME}\"\))\)", code)
    assert headers == {webhook_signature.ID_HEADER}
    assert "base64" not in code
