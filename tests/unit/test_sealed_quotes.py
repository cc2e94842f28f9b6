"""Quote ids: what was quoted comes back as it was, and nothing that we did not seal is taken for ours."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.cursors import sealed
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.sealed_quotes import MAX_LENGTH, PREFIX, QuotedFacts, opened, seal

from tests.support.builders import TRANSACTION
from tests.support.clock import START

SECRET = b"secret of one"
QUOTED = QuotedFacts("test", TRANSACTION, "usd", 5000, 749, 4251, "d" * 32, 5000, "pol_1", 3, 2, START)


@pytest.mark.parametrize(
    "quoted", [QUOTED, QUOTED._replace(environment="live", policy_id=None, policy_version=0, order_version=0)]
)
def test_what_was_sealed_is_opened_as_it_was(quoted: QuotedFacts) -> None:
    quote_id = seal(SECRET, quoted)

    assert quote_id.startswith(PREFIX)
    assert len(quote_id) <= MAX_LENGTH
    assert opened(SECRET, quote_id) == quoted


def test_another_organizations_quote_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        opened(b"secret of another", seal(SECRET, QUOTED))
    assert caught.value.details[0].field == "quoteId"


@given(st.integers(0, 400), st.integers(1, 63))
def test_a_quote_in_which_anything_was_changed_is_refused(at: int, by: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    quote_id = seal(SECRET, QUOTED)
    place = len(PREFIX) + at % (len(quote_id) - len(PREFIX) - 1)
    other = alphabet[(alphabet.index(quote_id[place]) + by) % 64]

    with pytest.raises(Invalid):
        opened(SECRET, quote_id[:place] + other + quote_id[place + 1 :])


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "quo_",
        "quo_AAAA",
        "quo_ä",
        "quo_!!!!",
        "quo_" + "A" * MAX_LENGTH,
        seal(SECRET, QUOTED).removeprefix(PREFIX),
        "ref_" + seal(SECRET, QUOTED).removeprefix(PREFIX),
        PREFIX + sealed(SECRET, "[]", ["quote"]),
        PREFIX + base64.urlsafe_b64encode(bytes(16) + b"[]").decode().rstrip("="),
    ],
)
def test_what_is_no_quote_is_refused(forged: str) -> None:
    with pytest.raises(Invalid):
        opened(SECRET, forged)


def by_hand(text: str, secret: bytes = SECRET) -> str:
    """A quote's id as it has always been made: what was sealed before an update is opened after it."""
    said = text.encode()
    framed = b"\x00\x00\x00\x05quote" + len(said).to_bytes(4, "big") + said
    seal_of = hmac.new(secret, framed, hashlib.sha256).digest()[:16]
    return "quo_" + base64.urlsafe_b64encode(seal_of + said).decode().replace("=", "")


@pytest.mark.parametrize("charge_id", ["ch_1", "ch_12", "ch_123", "ch_\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_quotes_id_is_its_facts_in_a_line_behind_a_seal_of_sixteen_bytes(charge_id: str) -> None:
    quoted = QUOTED._replace(transaction=TRANSACTION._replace(charge_id=charge_id))
    text = f'["test",["stripe","acct_1","{charge_id}"],"usd",5000,749,4251,"{"d" * 32}",5000,"pol_1",3,2,'
    text += '"2026-11-20T12:00:00.000Z"]'

    assert seal(SECRET, quoted) == by_hand(text)
    assert opened(SECRET, by_hand(text)) == quoted


def test_the_longest_id_that_the_wire_lets_through_is_opened_and_a_longer_one_is_refused() -> None:
    def of_length(extra: int) -> tuple[str, QuotedFacts]:
        quoted = QUOTED._replace(transaction=TRANSACTION._replace(account_id="a" * extra))
        return seal(SECRET, quoted), quoted

    lengths = {len(of_length(extra)[0]): extra for extra in range(560, 660)}
    longest, quoted = of_length(lengths[1024])

    assert MAX_LENGTH == 1024
    assert opened(SECRET, longest) == quoted
    with pytest.raises(Invalid):
        opened(SECRET, of_length(lengths[1026])[0])


@pytest.mark.parametrize("noise", ["!", " ", "\n", "+/"])
def test_an_id_with_something_else_in_it_is_not_read_as_if_it_were_not_there(noise: str) -> None:
    quote_id = seal(SECRET, QUOTED)

    with pytest.raises(Invalid):
        opened(SECRET, quote_id[:20] + noise + quote_id[20:])


def test_a_refusal_says_what_to_send() -> None:
    with pytest.raises(Invalid) as refused:
        opened(SECRET, "quo_AAAA")

    assert refused.value.message == "The quote is not one of ours"
    assert refused.value.details == (Detail("quoteId", "Send the quoteId of a preview as it was"),)
