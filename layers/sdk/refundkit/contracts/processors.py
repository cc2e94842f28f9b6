"""Processors on the wire."""

from __future__ import annotations

from typing import Literal

from refundkit.contracts.base import Wire


class WebhookReceipt(Wire):
    """The news is kept and will be applied."""

    received: Literal[True]
