"""Links and codes: whatever is not exactly what we sealed opens nothing."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.approval_codes import (
    RENEWALS,
    TRIES,
    Code,
    asked,
    digits_of,
    matches,
    passed,
    renewed,
    tried,
)
from refundkit_core.domain.approval_links import (
    Link,
    amount_hash_of,
    expiry_of,
    link_to,
    opened,
    organization_of,
    sealed,
)
from refundkit_core.domain.approvals import Act, Approval, Question, asked_about
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.routing import ApprovalSettings, Level

from tests.support.builders import OTHER_TENANT, TENANT, refund
from tests.support.clock import START

SECRET = b"the organization's secret"
MEMBER = "mem_00000000000000000000000002"
APPROVAL = asked_about(refund(status="pending_approval"), ("amount",))
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WHOSE = ("org", "test", "apr", "mem")


def link(approval: Approval = APPROVAL) -> Link:
    return link_to(approval, MEMBER, START + timedelta(hours=24), SECRET)


def test_a_link_opens_as_it_was_made() -> None:
    token = sealed(link(), SECRET)

    assert opened(token, SECRET) == link()
    assert organization_of(token) == TENANT.org_id
    assert set(token) <= set(URL_SAFE)


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    token = sealed(link(), SECRET)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in URL_SAFE if each != token[at]]))

    with pytest.raises(NotFound):
        opened(token[:at] + other + token[at + 1 :], SECRET)


@given(st.text(max_size=600))
def test_anything_else_is_refused_in_the_same_words(text: str) -> None:
    said = set()
    for attempt in (lambda: opened(text, SECRET), lambda: organization_of(text)):
        with pytest.raises(NotFound) as caught:
            attempt()
        said.add(caught.value.message)
    assert len(said) == 1


@given(st.integers(1, 400))
def test_a_link_that_is_cut_or_longer_is_refused(cut: int) -> None:
    token = sealed(link(), SECRET)
    for other in (token[:-cut], token + "A" * cut, token + "=", token + "\n", ""):
        with pytest.raises(NotFound):
            opened(other, SECRET)


def test_another_organizations_secret_opens_nothing() -> None:
    with pytest.raises(NotFound):
        opened(sealed(link(), b"another secret"), SECRET)


@given(st.sampled_from(["revision", "member_id", "expires_at", "tenant", "amount_hash"]), st.integers(3, 10**6))
def test_every_part_of_a_link_is_sealed(part: str, number: int) -> None:
    other: Any = {
        "revision": number,
        "member_id": f"mem_{number:026d}",
        "expires_at": START + timedelta(days=2, seconds=number),
        "tenant": OTHER_TENANT,
        "amount_hash": f"{number:016x}",
    }[part]
    said, genuine = (unpacked(each) for each in (link()._replace(**{part: other}), link()))
    assert said[32:] != genuine[32:]

    with pytest.raises(NotFound):
        opened(base64.urlsafe_b64encode(genuine[:32] + said[32:]).decode().rstrip("="), SECRET)


def unpacked(one: Link) -> bytes:
    """A token's bytes: 32 of its seal, then what it says."""
    token = sealed(one, SECRET)
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_a_link_is_about_its_amount_only(one: int, two: int) -> None:
    first, second = (replace(APPROVAL, amount_minor=amount) for amount in (one, two))

    assert link(first).is_about(second, SECRET) == (one == two)
    assert str(one) not in amount_hash_of(first, SECRET) or len(str(one)) < 4


def test_a_link_is_about_its_revision_only() -> None:
    assert link().is_about(APPROVAL, SECRET)
    assert not link().is_about(replace(APPROVAL, revision=2), SECRET)


@pytest.mark.parametrize(("deadline_h", "hours"), [(48, 24), (24, 24), (3, 3), (1, 1)])
def test_a_link_lasts_a_day_and_never_longer_than_its_level(deadline_h: int, hours: int) -> None:
    settings = ApprovalSettings(levels=(Level("All", deadline_h * 3600),))

    assert expiry_of(APPROVAL, settings, START) == START + timedelta(hours=hours)


def test_while_a_question_is_open_a_link_lasts_as_long_as_the_question() -> None:
    question = Question("?", "request_evidence", Act("x", "api", START), START + timedelta(hours=2))
    waiting = replace(APPROVAL, status="info_requested", question=question)

    assert expiry_of(waiting, ApprovalSettings(), START) == START + timedelta(hours=2)


UNTIL = START + timedelta(hours=1)


@given(st.text("0123456789abcdef", min_size=32, max_size=32), st.text(max_size=8))
def test_a_code_is_six_digits_and_only_they_match(nonce: str, guess: str) -> None:
    code = Code("revision 1", nonce, UNTIL)
    digits = digits_of(code, WHOSE, SECRET)

    assert len(digits) == 6
    assert digits.isdigit()
    assert matches(code, WHOSE, SECRET, digits)
    assert matches(code, WHOSE, SECRET, guess) == (guess == digits)


def test_codes_differ_by_person_question_and_organization() -> None:
    code = Code("revision 1", "n" * 32, UNTIL)
    others = [
        digits_of(code, ("org", "test", "apr", "other"), SECRET),
        digits_of(replace(code, about="revision 2"), WHOSE, SECRET),
        digits_of(code, WHOSE, b"another secret"),
        digits_of(replace(code, nonce="m" * 32), WHOSE, SECRET),
    ]

    assert digits_of(code, WHOSE, SECRET) not in others


def test_the_fifth_wrong_try_voids_a_code_and_the_right_one_forgives() -> None:
    code = Code("revision 1", "n", UNTIL)
    for left in range(TRIES - 1, 0, -1):
        code = tried(code)
        assert code.tries_left == left
        assert code.holds_for("revision 1", START)
    assert passed(code).tries_left == TRIES
    assert not tried(code).holds_for("revision 1", START)


def test_three_new_codes_an_hour_and_no_more() -> None:
    code = Code("revision 1", "n", UNTIL)
    for number in range(RENEWALS):
        assert code.may_be_renewed(START)
        code = renewed(code, f"n{number}", UNTIL, START)
    assert not code.may_be_renewed(START)
    assert code.may_be_renewed(START + timedelta(hours=1))


def test_a_new_revision_has_a_new_code_and_keeps_count() -> None:
    code = renewed(Code("revision 1", "a", UNTIL), "b", UNTIL, START)
    later = asked(code, "revision 2", "c", UNTIL, START)

    assert (later.nonce, later.tries_left, later.renewals) == ("c", TRIES, (START,))


def test_what_lapsed_is_asked_anew() -> None:
    code = Code("revision 1", "a", START)

    assert not code.holds_for("revision 1", START)
    assert asked(code, "revision 1", "b", UNTIL, START).nonce == "b"
