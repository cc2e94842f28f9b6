"""Processors on the wire: connecting an account, and what is shown of it. Credentials travel one way only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from refundkit.contracts.base import MerchantId, Wire

Secret = Annotated[str, Field(min_length=8, max_length=255, pattern=r"^[A-Za-z0-9_\-]+$")]


class WebhookReceipt(Wire):
    """The news is kept and will be applied."""

    received: Literal[True]


class ConnectProcessorRequest(Wire):
    """Credentials of a processor account.

    ``connectedAccount`` names a platform's connected account; its refunds may take the transfer (``reverseTransfer``)
    or the platform's fee (``refundApplicationFee``) back. ``webhookSecret`` is given where you keep the webhook
    endpoint at the processor yourself, or rotate its secret: the one before stays valid beside it.
    """

    secret_key: Secret
    connected_account: Annotated[str, Field(pattern=r"^acct_[A-Za-z0-9]{1,64}$")] | None = None
    reverse_transfer: bool = False
    refund_application_fee: bool = False
    webhook_secret: Secret | None = None
    merchant_id: MerchantId | None = None
    """Whose policy judges the account's transactions where none is registered; as before, or the organization's, where
    omitted."""


class ProcessorView(Wire):
    """A connection as it stands: ``error`` means that the processor refuses the credentials, refunds wait meanwhile."""

    name: str
    connection_id: str
    environment: Literal["test", "live"]
    status: Literal["active", "inactive", "error"]
    account_id: str
    connected_account: str | None
    merchant_id: str | None
    webhook_url: str
