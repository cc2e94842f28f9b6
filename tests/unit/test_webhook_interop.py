"""What we sign a Standard Webhooks library accepts, and we accept what it signs with its three headers alone."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refundkit.webhook_signature import (
    SIGNATURE_HEADER,
    STANDARD_SIGNATURE_HEADER,
    InvalidSignature,
    Verified,
    new_secret,
    sign,
    verify,
)
from standardwebhooks import Webhook, WebhookVerificationError

OLD, NEW, FOREIGN = (new_secret() for _ in range(3))
BODY: Final = '{"type":"refund.completed","data":{"reason":"zu groß ☂"}}'
SECRETS = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
IDS = st.from_regex(r"(evt|msg)_[A-Za-z0-9]{1,40}", fullmatch=True)


def now() -> int:
    """The machine's clock, because the library has no other."""
    return int(time.time())


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_the_library_accepts_what_we_sign_with_either_of_two_secrets(secret: str) -> None:
    signed = sign(BODY, event_id="evt_1", at=now(), secrets=[NEW, OLD])

    assert Webhook(secret).verify(BODY, signed) == {
        "type": "refund.completed",
        "data": {"reason": "zu groß ☂"},
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + " ", signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(FOREIGN).verify(BODY, signed)


@given(TEXTS, IDS, st.lists(SECRETS, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_the_library_accepts_all_that_we_sign(body: str, event_id: str, secrets: list[str]) -> None:
    signed = sign(body.encode(), event_id=event_id, at=now(), secrets=secrets)

    for secret in secrets:
        Webhook(secret).verify(body, signed, json_parse=False)


@given(TEXTS, IDS, SECRETS)
@settings(max_examples=100, deadline=None)
def test_we_accept_what_the_library_signs(body: str, message_id: str, secret: str) -> None:
    at = datetime.fromtimestamp(now(), UTC)
    headers = {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(message_id, at, body),
    }

    assert verify(body, headers, [NEW, secret]) == Verified(message_id, at)
    with pytest.raises(InvalidSignature, match="none of the secrets"):
        verify(body + " ", headers, secret)


def test_both_make_the_same_signatures_where_the_library_rotates() -> None:
    at = datetime.fromtimestamp(now(), UTC)
    both = " ".join(Webhook(secret).sign("evt_1", at, BODY) for secret in (NEW, OLD))

    signed = sign(BODY, event_id="evt_1", at=at, secrets=[NEW, OLD])

    assert signed[STANDARD_SIGNATURE_HEADER] == both
    del signed[SIGNATURE_HEADER]
    assert verify(BODY, signed, OLD) == verify(BODY, signed, NEW) == Verified("evt_1", at)
