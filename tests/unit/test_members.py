"""Members by themselves: their shape, and the rules that hold for all of them together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from refundkit_core.domain.errors import Denied, Invalid
from refundkit_core.domain.members import Member, Role, Roster, insist_on_no_raise_of_ones_own, insist_on_shape
from refundkit_core.domain.money import Money

from tests.support.clock import START
from tests.support.memory_members import member


def roster(*members: Member) -> Roster:
    return Roster("org_1", 1, members)


def test_a_new_member_is_active_without_a_limit() -> None:
    made = Member("mem_1", "org_1", "Ada", "Ada@Example.com", "approver", START)

    assert (made.active, made.approval_limit, made.slack_user, made.deactivated_at) == (True, None, None, None)
    assert (made.version, made.email_key) == (1, "ada@example.com")


@pytest.mark.parametrize(
    ("role", "active", "decides"),
    [
        ("owner", True, True),
        ("admin", True, True),
        ("approver", True, True),
        ("member", True, False),
        ("owner", False, False),
        ("approver", False, False),
    ],
)
def test_active_members_decide_where_their_role_does(role: Role, active: bool, decides: bool) -> None:
    assert member(1, role, active=active).may_decide is decides


@pytest.mark.parametrize("name", ["A", "Ada Lovelace", "Łucja Żółć", "李小龍", "a" * 100])
def test_a_name_is_what_can_be_printed(name: str) -> None:
    insist_on_shape(member(name=name))


@pytest.mark.parametrize(
    "name", ["", " ", " Ada", "Ada ", "a" * 101, "A\r\nBcc: x", "A\x00", "A\u202egnp.exe", "A\u200b"]
)
def test_a_name_that_could_change_a_mail_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        insist_on_shape(member(name=name))
    assert refused.value.details[0].field == "name"


@pytest.mark.parametrize("email", ["ada@example.com", "a.b+c@mail.example.co.uk", "A@EXAMPLE.COM", "o'hara@x-1.io"])
def test_an_address_is_one_simple_address(email: str) -> None:
    insist_on_shape(member(email=email))


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@example",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@b@example.com",
        "ada@example..com",
        "ada@.com",
        "ada@example.com.",
        "a da@example.com",
        "ada@example.com\n",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "ada\x00@example.com",
        "ádá@example.com",
        f"{'a' * 243}@example.com",
    ],
)
def test_what_is_more_or_less_than_an_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as refused:
        insist_on_shape(member(email=email))
    assert refused.value.details[0].field == "email"


def test_the_longest_address_has_254_characters() -> None:
    insist_on_shape(member(email=f"{'a' * 242}@example.com"))


def test_a_slack_user_and_a_limit_have_their_shape() -> None:
    insist_on_shape(member(slack_user="U012AB3CD", approval_limit=Money(1, "usd")))
    for changes in ({"slack_user": "ada"}, {"slack_user": "<!here>"}, {"approval_limit": Money(0, "usd")}):
        with pytest.raises(Invalid):
            insist_on_shape(member(**changes))


def test_an_address_is_one_members_even_of_an_inactive_one_in_whatever_letters() -> None:
    known = roster(member(1), member(2, active=False, email="Ada@example.com"))

    with pytest.raises(Invalid) as refused:
        known.insist_on_room_for(member(3, email="ada@EXAMPLE.com"))

    assert refused.value.message == "Another member has this e-mail address"
    known.insist_on_room_for(member(2, email="ada@example.com"))
    known.insist_on_room_for(member(3))


def test_a_slack_user_is_one_members() -> None:
    known = roster(member(1, slack_user="U012AB3CD"), member(2))

    with pytest.raises(Invalid) as refused:
        known.insist_on_room_for(member(2, slack_user="U012AB3CD"))

    assert refused.value.message == "Another member has this Slack user"
    known.insist_on_room_for(member(1, slack_user="U012AB3CD"))
    known.insist_on_room_for(member(3))


@pytest.mark.parametrize("change", [{"role": "admin"}, {"active": False}])
def test_the_last_active_owner_stays_one(change: dict[str, object]) -> None:
    ex_owner, admin = member(2, active=False), member(3, "admin")
    after = member(1, **change)  # type: ignore[arg-type]

    with pytest.raises(Denied) as refused:
        roster(member(1), ex_owner, admin).insist_on_an_owner_after(after)

    said = "This is the last active owner. Make another member owner first, then try again"
    assert refused.value.message == said
    roster(member(1), member(2)).insist_on_an_owner_after(after)
    roster(member(1), member(2)).insist_on_an_owner_after(member(1, name="Ada"))


def test_nobody_raises_their_own_limit_and_may_lower_it() -> None:
    limited = member(1, approval_limit=Money(1000, "usd"))
    for raised in (Money(1001, "usd"), Money(1, "eur"), None):
        with pytest.raises(Denied):
            insist_on_no_raise_of_ones_own(limited, replace(limited, approval_limit=raised))
    insist_on_no_raise_of_ones_own(limited, replace(limited, approval_limit=Money(999, "usd")))
    insist_on_no_raise_of_ones_own(member(1), limited)


def test_a_member_is_found_on_the_roster() -> None:
    known = roster(member(1), member(2))

    assert known.of(member(2).id) == member(2)
    assert known.of(member(3).id) is None
