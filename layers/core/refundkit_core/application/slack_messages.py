"""What stands in Slack: an approval's message with its buttons, what becomes of it, and the windows behind the buttons.

A channel is read by many: its messages hold no customer, no link that lets anybody in, and no code (decision 21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from refundkit_core.application.slack_ports import Block, Message
from refundkit_core.domain.approval_clock import due
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.money import Money
from refundkit_core.domain.slack_text import MAX_FIELD, MAX_SECTION, cut, escaped, link, moment, quoted

if TYPE_CHECKING:
    from refundkit_core.application.notify_ports import Invitation
    from refundkit_core.domain.routing import ApprovalSettings

Deed = Literal["approve", "reject", "ask", "escalate"]
DEEDS: Final[tuple[Deed, ...]] = ("approve", "reject", "ask", "escalate")
TEXT: Final = "text"
ACTION: Final = "action"
MAX_WORDS: Final = 500
_LABELS: Final[Mapping[Deed, str]] = {
    "approve": "Approve",
    "reject": "Reject",
    "ask": "Ask for information",
    "escalate": "Escalate",
}
_STYLES: Final[Mapping[Deed, str]] = {"approve": "primary", "reject": "danger"}
_ACTIONS: Final = {
    "request_evidence": "Ask for evidence",
    "offer_replacement": "Offer a replacement",
    "offer_store_credit": "Offer store credit",
}
_STATES: Final = {
    "pending": "waits for a decision",
    "escalated": "was escalated and waits for a decision",
    "info_requested": "waits for information",
    "approved": "was approved",
    "rejected": "was rejected",
    "expired": "was rejected: nobody decided in time",
    "superseded": "was cancelled: there is nothing left to decide",
}


class Reference(NamedTuple):
    """What a button is about: by which connection it was posted, and which question of which approval it asks."""

    connection_id: str
    approval_id: str
    revision: int

    def written(self) -> str:
        """As a button's value."""
        return f"{self.connection_id}.{self.approval_id}.{self.revision}"

    @classmethod
    def read(cls, text: str) -> Reference:
        """What :meth:`written` wrote. Raises ValueError for anything else."""
        connection_id, approval_id, revision = text.split(".")
        whole = is_id("con", connection_id) and is_id("apr", approval_id) and revision.isascii() and revision.isdigit()
        if not whole or len(revision) > 9:
            raise ValueError("not what a button of ours is about")
        return cls(connection_id, approval_id, int(revision))


class CaseFacts(NamedTuple):
    """What an approval's message is made of. ``names`` are those of whoever did something, as Slack shows them."""

    approval: Approval
    settings: ApprovalSettings
    is_test: bool
    reason: str
    reasons: Sequence[str]
    order_id: str | None
    names: Mapping[str, str]


def case_message(facts: CaseFacts, connection_id: str) -> Message:
    """The one message of an approval, as it stands: with buttons while it is open, with its end afterwards."""
    approval = facts.approval
    said = f"{_tag(facts)}Refund of {amount_of(approval)} {_STATES[approval.status]}"
    blocks: list[Block] = [_section(f"*{said}*"), {"type": "section", "fields": _fields(facts)}]
    if facts.reasons:
        told = "\n".join(f"• {escaped(reason)}" for reason in facts.reasons)
        blocks.append(_section(f"Why a person is asked:\n{told}"))
    blocks += [_section(line) for line in _what_was_done(facts)]
    if approval.is_open:
        reference = Reference(connection_id, approval.id, approval.revision)
        deeds = [deed for deed in DEEDS if deed != "escalate" or not facts.settings.is_last(approval.level)]
        blocks.append({"type": "actions", "elements": [_button(deed, reference) for deed in deeds]})
    blocks.append({"type": "context", "elements": [_mrkdwn(f"{approval.id} · {approval.refund_id}")]})
    return Message(said, blocks)


def invitation_message(facts: CaseFacts, invitation: Invitation) -> Message:
    """What one approver alone gets: their personal link and their code."""
    amount = amount_of(facts.approval)
    said = f"{_tag(facts)}A refund of {amount} waits for your decision"
    way = (
        f"{link(invitation.url, 'See the refund and decide')}\n"
        f"Your code: *{escaped(invitation.code)}*, until {moment(invitation.expires_at)}. "
        "Both are yours alone: pass neither on."
    )
    return Message(said, [_section(f"*{said}*"), {"type": "section", "fields": _fields(facts)}, _section(way)])


def pointer(facts: CaseFacts, url: str) -> str:
    """One line for a channel without buttons: what waits, and where one signs in to decide."""
    said = f"{_tag(facts)}A refund of {amount_of(facts.approval)} {_STATES[facts.approval.status]}"
    return f"{said}: {link(url, 'sign in to decide')}"


def closing_line(facts: CaseFacts) -> str:
    """One line for a channel without buttons: how it ended."""
    said = f"{_tag(facts)}Refund of {amount_of(facts.approval)} {_STATES[facts.approval.status]}"
    done = [line.replace("\n", " ") for line in _what_was_done(facts)]
    return cut(" · ".join([said, *done[-1:], facts.approval.id]), MAX_SECTION)


def due_text(facts: CaseFacts) -> str:
    """Until when something has to be done, and what happens otherwise."""
    coming = due(facts.approval, facts.settings)
    after = {"remind": "then it is reminded", "escalate": "then it is escalated", "expire": "then it is rejected"}
    return f"{moment(coming.at)}, {after[coming.deed]}"


def amount_of(approval: Approval) -> str:
    """The amount with its currency."""
    return str(Money(approval.amount_minor, approval.currency))


def reject_window(reference: Reference) -> Mapping[str, Any]:
    """Asks for the reason of a rejection."""
    return _window("reject", "Reject the refund", "Reject", reference, [_words("Why is it rejected?")])


def ask_window(reference: Reference) -> Mapping[str, Any]:
    """Asks what whoever wants the refund is to be asked."""
    options = [{"text": _plain(label), "value": value} for value, label in _ACTIONS.items()]
    select = {"type": "static_select", "action_id": ACTION, "options": options, "initial_option": options[0]}
    chosen = {"type": "input", "block_id": ACTION, "label": _plain("What about?"), "element": select}
    return _window("ask", "Ask for information", "Ask", reference, [chosen, _words("What do you want to know?")])


def notice_window(text: str) -> Mapping[str, Any]:
    """Says that nothing was done, and why."""
    blocks = [_section(escaped(text))]
    return {"type": "modal", "title": _plain("Nothing was changed"), "close": _plain("Close"), "blocks": blocks}


def _window(deed: Deed, title: str, submit: str, reference: Reference, blocks: list[Block]) -> Mapping[str, Any]:
    return {
        "type": "modal",
        "callback_id": deed,
        "private_metadata": reference.written(),
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain("Cancel"),
        "blocks": blocks,
    }


def _words(label: str) -> Block:
    element = {"type": "plain_text_input", "action_id": TEXT, "multiline": True, "max_length": MAX_WORDS}
    return {"type": "input", "block_id": TEXT, "label": _plain(label), "element": element}


def _fields(facts: CaseFacts) -> list[Block]:
    approval = facts.approval
    rows = [
        ("Amount", amount_of(approval)),
        ("Reason", escaped(facts.reason)),
        *([("Order", escaped(facts.order_id))] if facts.order_id is not None else []),
        ("Level", escaped(facts.settings.level(approval.level).name)),
        *([("Due", due_text(facts))] if approval.is_open else []),
    ]
    return [_mrkdwn(cut(f"*{name}*\n{text}", MAX_FIELD)) for name, text in rows]


def _what_was_done(facts: CaseFacts) -> list[str]:
    """Who did what so far, in lines."""
    approval, ruling = facts.approval, facts.approval.ruling
    lines = [f"Approved by {_name(facts, act.by)} at {moment(act.at)}" for act in approval.consents]
    if lines and approval.is_open:
        lines.append("Another person has to approve it as well")
    if approval.question is not None:
        asked = approval.question.asked
        lines.append(f"{_name(facts, asked.by)} has asked for information, until {moment(approval.question.until)}")
    if ruling is not None and ruling.verdict != "expired":
        said = "Approved" if ruling.verdict == "approved" else "Rejected"
        comment = f"\n{quoted(ruling.comment)}" if ruling.comment else ""
        lines.append(f"{said} by {_name(facts, ruling.act.by)} at {moment(ruling.act.at)}{comment}")
    return lines


def _name(facts: CaseFacts, by: str) -> str:
    return facts.names.get(by) or escaped(by)


def _tag(facts: CaseFacts) -> str:
    return "[test] " if facts.is_test else ""


def _button(deed: Deed, reference: Reference) -> Block:
    style = {"style": _STYLES[deed]} if deed in _STYLES else {}
    return {
        "type": "button",
        "action_id": deed,
        "text": _plain(_LABELS[deed]),
        "value": reference.written(),
        **style,
    }


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(cut(text, MAX_SECTION))}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}
