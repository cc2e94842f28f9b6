"""E-mails through SES, one person a call; and what stands in its place where the stack has no address to send from."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formataddr
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from refundkit_core.domain.errors import NotDelivered

if TYPE_CHECKING:
    from refundkit_core.application.notify_ports import Mail


class SesMailer:
    """``Mailer`` on SES v2. ``sender`` is a verified address; ``configuration_set`` may be empty."""

    def __init__(self, client: Callable[[], Any], sender: str, configuration_set: str) -> None:
        self._client = client
        self._sender = sender
        self._options = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, mail: Mail) -> None:
        body = {"Text": _utf8(mail.text), "Html": _utf8(mail.html)}
        try:
            self._client().send_email(
                FromEmailAddress=sender_of(mail.sender_name, self._sender),
                Destination={"ToAddresses": [mail.to]},
                Content={"Simple": {"Subject": _utf8(mail.subject), "Body": body}},
                **self._options,
            )
        except (ClientError, BotoCoreError) as exc:
            raise NotDelivered("The mail was not taken") from exc


class NoMailer:
    """``Mailer`` of a stack that has no address to send from: every mail is told to ``unsent``, by its kind, and is
    over. Nothing would come of keeping it: its link and code lapse within a day."""

    def __init__(self, unsent: Callable[[str], None]) -> None:
        self._unsent = unsent

    def send(self, mail: Mail) -> None:
        self._unsent(mail.kind)


def sender_of(name: str, address: str) -> str:
    """The ``From`` header: the name quoted or encoded as mail wants it (RFC 5322, RFC 2047), and the address."""
    return formataddr((" ".join(name.split()), address))


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}
