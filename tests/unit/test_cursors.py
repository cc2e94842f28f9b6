"""Cursors: they open only where they were made, and nobody else can make one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.cursors import opened, sealed
from refundkit_core.domain.errors import Detail, Invalid

SECRET = b"s" * 32
SCOPE = ("refunds", "org_1", "test", "pending", None)
SCOPES = st.lists(st.none() | st.text(max_size=5), max_size=4)


@given(st.text(), SCOPES)
def test_a_cursor_opens_to_the_position_that_was_sealed(position: str, scope: list[str | None]) -> None:
    cursor = sealed(SECRET, position, scope)

    assert opened(SECRET, cursor, scope) == position
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(SCOPES, SCOPES)
def test_a_cursor_holds_for_one_list_of_one_tenant_with_one_set_of_filters(
    mine: list[str | None], theirs: list[str | None]
) -> None:
    cursor = sealed(SECRET, "01", mine)

    if mine == theirs:
        assert opened(SECRET, cursor, theirs) == "01"
    else:
        assert_foreign(cursor, theirs)


@pytest.mark.parametrize(
    "theirs",
    [
        ("refunds", "org_2", "test", "pending", None),
        ("refunds", "org_1", "live", "pending", None),
        ("refunds", "org_1", "test", None, "pending"),
        ("refunds", "org_1", "test", "pending", ""),
        ("refunds", "org_1", "test", "pending"),
        ("refundsorg_1", "", "test", "pending", None),
    ],
)
def test_a_cursor_is_refused_by_its_neighbours(theirs: tuple[str | None, ...]) -> None:
    assert_foreign(sealed(SECRET, "01", SCOPE), theirs)


@pytest.mark.parametrize(
    "cursor", ["", "A", "AA", "AAAA", "é", "ä" * 40, "!", "A" * 22, "A" * 200, " ", "AAAA\n", "====", "\ud800"]
)
def test_what_was_never_a_cursor_is_refused_in_the_same_words(cursor: str) -> None:
    assert_foreign(cursor, SCOPE)


def test_a_changed_position_or_seal_is_refused() -> None:
    cursor = sealed(SECRET, "position", SCOPE)

    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "Z"
        assert_foreign(cursor[:place] + other + cursor[place + 1 :], SCOPE)
    for cut in range(len(cursor)):
        assert_foreign(cursor[:cut], SCOPE)


def test_a_cursor_opens_however_its_position_ends() -> None:
    positions = ["0" * zeros + chr(letter) for zeros in range(3) for letter in range(128)]

    assert [opened(SECRET, sealed(SECRET, position, SCOPE), SCOPE) for position in positions] == positions


@pytest.mark.parametrize("strewn", ["\n", " ", "!!!!", "....", "%3D%3D", "\0\0\0\0"])
def test_a_cursor_with_anything_strewn_in_is_refused(strewn: str) -> None:
    cursor = sealed(SECRET, "position", SCOPE)

    for place in (0, 8, len(cursor)):
        assert_foreign(cursor[:place] + strewn + cursor[place:], SCOPE)


def test_a_cursor_of_another_secret_is_refused() -> None:
    assert_foreign(sealed(b"t" * 32, "01", SCOPE), SCOPE)


def test_a_page_that_is_read_while_we_deploy_can_be_continued_after_it() -> None:
    cursor = "7ZRUfPyhEJbHnk9wTdgDnHJlZl8x"

    assert opened(SECRET, cursor, ("refunds", "org_1", None)) == "ref_1"
    assert sealed(SECRET, "ref_1", ("refunds", "org_1", None)) == cursor


def test_a_seal_is_as_hard_to_guess_as_128_bits() -> None:
    padded = sealed(SECRET, "", SCOPE) + "=="

    assert len(base64.urlsafe_b64decode(padded)) == 16


def assert_foreign(cursor: str, scope: tuple[str | None, ...] | list[str | None]) -> None:
    with pytest.raises(Invalid) as refused:
        opened(SECRET, cursor, scope)

    assert (refused.value.message, refused.value.details) == (
        "The cursor is not one that this list answered with, for these filters",
        (Detail("cursor", "Send nextCursor as it was, with the same filters"),),
    )
