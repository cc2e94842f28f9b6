"""Sessions, forms and what people write into them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.errors import Invalid
from refundkit_core.domain.money import exponent
from refundkit_core.domain.sessions import (
    LASTS,
    Pass,
    Person,
    form_token,
    hash_of,
    is_form_token,
    passed,
    started,
)
from refundkit_core.entrypoints.page_views import amount_from, wish_from

from tests.support.builders import TENANT
from tests.support.clock import START

PERSON = Person(TENANT.org_id, "mem_00000000000000000000000002")
ONLY = Pass(TENANT, "apr_00000000000000000000000001", 1)


@given(st.integers(-100_000, 100_000))
def test_a_session_lasts_eight_hours_and_not_before_it_began(seconds: int) -> None:
    session = started("id", (PERSON,), START)

    assert session.lasts(START + timedelta(seconds=seconds)) == (0 <= seconds < LASTS.total_seconds())


def test_a_session_that_was_ended_lasts_no_more() -> None:
    assert not replace(started("id", (PERSON,), START), ended_at=START).lasts(START)


@given(st.integers(1, 48))
def test_a_pass_never_outlasts_its_link(hours: int) -> None:
    until = START + timedelta(hours=hours)
    session = passed("id", PERSON, ONLY, until, START)

    assert session.expires_at == min(until, START + LASTS)
    assert session.via == "email"
    assert started("id", (PERSON,), START).via == "session"


@given(st.text(min_size=1), st.text())
def test_what_is_kept_does_not_show_the_sessions_id(session_id: str, guess: str) -> None:
    assert (hash_of(session_id) == hash_of(guess)) == (session_id == guess)
    assert len(hash_of(session_id)) == 64


@given(st.text(min_size=1, max_size=50), st.text(max_size=70), st.text(max_size=50))
def test_a_forms_token_is_good_for_one_browser(key: str, guess: str, other: str) -> None:
    assert is_form_token(key, form_token(key))
    assert is_form_token(key, guess) == (guess == form_token(key))
    assert is_form_token(other, form_token(key)) == (other == key)


@given(st.integers(1, 10**12), st.sampled_from(["usd", "jpy", "kwd"]), st.sampled_from([".", ","]))
def test_an_amount_is_read_as_it_is_written(amount_minor: int, currency: str, point: str) -> None:
    digits = exponent(currency)
    whole, part = divmod(amount_minor, 10**digits)
    text = f"{whole}{point}{part:0{digits}d}" if digits else str(whole)

    assert amount_from(f" {text} ", currency) == amount_minor
    assert amount_from("", currency) is None


@given(st.text())
def test_what_is_no_amount_is_refused_and_never_guessed(text: str) -> None:
    try:
        found = amount_from(text, "usd")
    except Invalid:
        return
    assert found is None or found >= 0
    assert set(text.strip()) <= set("0123456789.,")


@pytest.mark.parametrize("text", ["1.234", "1e3", "1 000", "-1", "+1", ".5", "1.2.3", "$5", "٣", "0x1", "1" * 14, "½"])
def test_amounts_that_could_be_misread_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        amount_from(text, "usd")


def test_a_form_becomes_a_wish() -> None:
    wish = wish_from({"deed": "approve", "revision": "2", "text": " ok\r\nfine ", "amount": "1.50"}, "usd")

    assert (wish.deed, wish.revision, wish.text, wish.amount_minor) == ("approve", 2, "ok\nfine", 150)
    assert wish_from({"deed": "reject", "revision": "1", "amount": "1.50"}, "usd").amount_minor is None
