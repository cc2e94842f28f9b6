"""The one error tree. A leaf owns its public ``code``; HTTP statuses live in ``entrypoints/http.py`` alone.

RefundKitError
├── Invalid                      validation_error
│   ├── BadSignature             validation_error
│   └── RefusedAddress           validation_error
├── Unauthenticated              invalid_api_key
├── Denied                       unauthorized
│   ├── WrongCode                unauthorized
│   ├── SelfApprovalForbidden    self_approval_forbidden
│   └── ApproverLimitExceeded    approver_limit_exceeded
├── NotFound                     not_found
├── Conflict
│   ├── AlreadyProcessed         refund_already_processed
│   ├── IdempotencyKeyReused     idempotency_key_reused
│   ├── NotCancellable           refund_not_cancellable
│   ├── TransactionDisputed      transaction_disputed
│   ├── ApprovalAlreadyDecided   approval_already_decided
│   ├── ApprovalSuperseded       approval_superseded
│   │   ├── RevisionSuperseded    approval_superseded
│   │   └── NothingAsked          approval_superseded
│   ├── ReturnNotCancellable     return_not_cancellable
│   └── OrganizationNotSettled   organization_not_settled
├── ApprovalLinkExpired          approval_link_expired
├── Refused                      policy_violation
│   ├── AmountExceedsRefundable  amount_exceeds_refundable
│   ├── CurrencyMismatch         currency_mismatch
│   ├── ReturnWindowExpired      return_window_expired
│   ├── RiskThresholdExceeded    risk_threshold_exceeded
│   ├── ApprovalRequired         approval_required
│   ├── InsufficientCredit       insufficient_credit
│   └── ProcessorNotConnected    processor_not_connected
├── RateLimited                  rate_limited
├── BudgetExceeded               budget_exceeded
├── Paused                       refunds_paused
├── Upstream                     processor_error
│   ├── ProcessorDeclined        (definite: the processor will never do this)
│   ├── ProcessorDenied          (the credentials are refused)
│   ├── ProcessorUnknown         (no answer, or none that says what happened)
│   └── NotDelivered             (a message to a person was not taken)
│       └── SlackRefused         (Slack does not accept the token, channel, user or message)
└── StoreConflict                internal_error (a write lost a race: reload and decide again)
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Detail(NamedTuple):
    """One thing that was wrong: a request path, fact or rule, and what to know about it."""

    field: str
    message: str


class RefundKitError(Exception):
    """Anything that RefundKit refuses or cannot do. ``message`` is safe to show to the caller."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(RefundKitError):
    """The request is not as documented."""

    code = "validation_error"


class BadSignature(Invalid):
    """An inbound webhook is not from whom it says, or too old, or from the future."""


class RefusedAddress(Invalid):
    """A URL is none that we would post to; ``reason`` is a word of ``webhook_addresses.Reason``."""

    def __init__(self, reason: str, message: str, details: tuple[Detail, ...] = ()) -> None:
        super().__init__(message, details)
        self.reason = reason


class Unauthenticated(RefundKitError):
    """No key, or none that is valid now: one message for all, so that nothing can be learnt from it."""

    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("The API key is missing, malformed, unknown, expired or revoked")


class Denied(RefundKitError):
    """The caller is known, but may not do this."""

    code = "unauthorized"


class WrongCode(Denied):
    """The six digits are not the right ones, or not any more; ``tries_left`` None says nothing about that."""

    def __init__(self, message: str, tries_left: int | None = None) -> None:
        super().__init__(message)
        self.tries_left = tries_left


class SelfApprovalForbidden(Denied):
    """Nobody decides their own request."""

    code = "self_approval_forbidden"


class ApproverLimitExceeded(Denied):
    """The amount is above what this approver may decide."""

    code = "approver_limit_exceeded"


class NotFound(RefundKitError):
    """There is no such thing, or it belongs to somebody else: the two look the same."""

    code = "not_found"


class Conflict(RefundKitError):
    """The thing is not in a state that allows this."""


class AlreadyProcessed(Conflict):
    """Nothing is left to refund, or the same refund was opened within the last day."""

    code = "refund_already_processed"


class IdempotencyKeyReused(Conflict):
    """The idempotency key was used before, with another body."""

    code = "idempotency_key_reused"


class NotCancellable(Conflict):
    """The refund is final, or with the processor, who does not take it back."""

    code = "refund_not_cancellable"


class TransactionDisputed(Conflict):
    """A chargeback covers the money: refunding it would pay twice."""

    code = "transaction_disputed"


class ApprovalAlreadyDecided(Conflict):
    """Somebody has decided this approval before."""

    code = "approval_already_decided"


class ApprovalSuperseded(Conflict):
    """The link or decision is for an older version of the approval."""

    code = "approval_superseded"


class RevisionSuperseded(ApprovalSuperseded):
    """What was to be written or published has been replaced by a newer revision."""


class NothingAsked(ApprovalSuperseded):
    """There is no question that could be answered, or not any more."""


class ReturnNotCancellable(Conflict):
    """The return has come too far to be cancelled."""

    code = "return_not_cancellable"


class OrganizationNotSettled(Conflict):
    """Refunds are under way or approvals are open, and the organization is to be deleted."""

    code = "organization_not_settled"


class ApprovalLinkExpired(RefundKitError):
    """The link to an approval is past its expiry."""

    code = "approval_link_expired"


class Refused(RefundKitError):
    """A rule says no; ``details`` lists the rules that failed."""

    code = "policy_violation"


class AmountExceedsRefundable(Refused):
    """More was asked for than remains."""

    code = "amount_exceeds_refundable"


class CurrencyMismatch(Refused):
    """The stated currency is not the transaction's."""

    code = "currency_mismatch"


class ReturnWindowExpired(Refused):
    """The transaction is older than the window allows."""

    code = "return_window_expired"


class RiskThresholdExceeded(Refused):
    """The risk score is one that the merchant refuses."""

    code = "risk_threshold_exceeded"


class ApprovalRequired(Refused):
    """A person would have to look, and the caller asked not to queue for one."""

    code = "approval_required"


class InsufficientCredit(Refused):
    """The store credit is less than what is asked of it."""

    code = "insufficient_credit"


class ProcessorNotConnected(Refused):
    """The organization has no active connection to the processor in this environment."""

    code = "processor_not_connected"


class RateLimited(RefundKitError):
    """Too many requests of one key: ``limit`` a minute; the next one can pass in ``retry_after_s`` seconds."""

    code = "rate_limited"

    def __init__(self, retry_after_s: int, limit: int) -> None:
        super().__init__(f"More than {limit} requests in a minute. Try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
        self.limit = limit


class BudgetExceeded(RefundKitError):
    """A spend cap has too little left; in ``retry_after_s`` seconds it is whole again (None: waiting does not help)."""

    code = "budget_exceeded"

    def __init__(self, message: str, details: tuple[Detail, ...] = (), retry_after_s: int | None = None) -> None:
        super().__init__(message, details)
        self.retry_after_s = retry_after_s


class Paused(RefundKitError):
    """Somebody has stopped all refunds of the organization or of this key."""

    code = "refunds_paused"


class Upstream(RefundKitError):
    """The processor could not do what was asked of it."""

    code = "processor_error"


class ProcessorDeclined(Upstream):
    """A definite no: nothing happened and nothing will under this request. ``reason`` is a public failure reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ProcessorDenied(Upstream):
    """The processor refuses the connection's credentials: nothing happened, and nothing will until they are renewed."""


class ProcessorUnknown(Upstream):
    """Time-out, lost connection, 5xx, 429 or a key in use: it may have happened or not."""


class NotDelivered(Upstream):
    """A message to a person was not taken by whoever carries it; it may be sent again."""


class SlackRefused(NotDelivered):
    """Slack does not accept the token, channel, user or message; ``message`` is Slack's own name for why."""


class StoreConflict(RefundKitError):
    """A conditional write lost against another writer; reload and decide again."""
