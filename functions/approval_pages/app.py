"""The pages on which people decide: by their personal link and its code, or signed in. HTML, no script."""

from refundkit_core.entrypoints.approval_pages import (
    case_page,
    door_page,
    entered_by_code,
    led_on,
    list_page,
    sign_in_page,
    signed_in,
    signed_out,
    wish_done,
)
from refundkit_core.entrypoints.container import prepare
from refundkit_core.entrypoints.pages import Ask, Pages, Shown

pages = Pages()
handler = pages.handler
prepare("open_door", "visits", "templates")


@pages.page("GET", "/approvals/callback")
def get_callback(ask: Ask) -> Shown:
    """Where a personal link leads: to its code's form, or on to the case for who is known already."""
    return led_on(ask) or door_page(ask)


@pages.page("POST", "/approvals/callback")
def post_callback(ask: Ask) -> Shown:
    """Enter the code that came with the link."""
    return entered_by_code(ask)


@pages.page("GET", "/approvals/sign-in")
def get_sign_in(ask: Ask) -> Shown:
    """Where a member says who they are."""
    return sign_in_page(ask)


@pages.page("POST", "/approvals/sign-in")
def post_sign_in(ask: Ask) -> Shown:
    """Ask for a code, or enter it. The answer is the same whether or not an address is a member's."""
    return signed_in(ask)


@pages.page("POST", "/approvals/sign-out")
def post_sign_out(ask: Ask) -> Shown:
    """End the session."""
    return signed_out(ask)


@pages.page("GET", "/approvals")
def get_approvals(ask: Ask) -> Shown:
    """What waits for who is signed in."""
    return list_page(ask)


@pages.page("GET", "/approvals/{id}")
def get_case(ask: Ask) -> Shown:
    """One case, with everything that a decision rests on."""
    return case_page(ask)


@pages.page("POST", "/approvals/{id}/decision")
def post_decision(ask: Ask) -> Shown:
    """Approve, reject, ask, escalate or comment; then show what came of it."""
    return wish_done(ask)
