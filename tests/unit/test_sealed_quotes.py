"""Quote ids: what was quoted comes back as it was, and nothing that we did not seal is taken for ours."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.cursors import sealed
from refundkit_core.domain.errors import Invalid
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
