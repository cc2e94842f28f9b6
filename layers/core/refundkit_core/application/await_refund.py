"""Hold an answer until a refund has come to an end, or for as long as the caller wanted (decision 9)."""

from __future__ import annotations

from typing import Final

from refundkit_core.application.create_refund import OpenedRefund
from refundkit_core.application.ports import Clock, RefundStore

_UNDER_WAY: Final = ("pending", "processing")
_FIRST_LOOK_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0
_SLOWER: Final = 1.5


class AwaitRefund:
    """What ``wait`` in a ``POST /v1/refunds`` asks for. Execution goes on by itself; this only looks."""

    def __init__(self, refunds: RefundStore, clock: Clock) -> None:
        self._refunds = refunds
        self._clock = clock

    def __call__(self, opened: OpenedRefund, wait_s: float) -> OpenedRefund:
        """The refund as soon as it is final or waits for a person, else as it stands after ``wait_s`` seconds."""
        refund, left_s, pause_s = opened.refund, wait_s, _FIRST_LOOK_S
        while refund.status in _UNDER_WAY and left_s > 0:
            pause_s = min(pause_s, left_s)
            self._clock.sleep(pause_s)
            left_s, pause_s = left_s - pause_s, min(pause_s * _SLOWER, _LONGEST_PAUSE_S)
            refund = self._refunds.head(refund.tenant, refund.id) or refund
        return opened._replace(refund=refund)
