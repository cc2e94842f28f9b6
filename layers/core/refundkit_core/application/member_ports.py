"""What members and organizations need of the store. Adapters implement it; tests fake it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.records import ApiKeyRecord
    from refundkit_core.domain.members import Member, Roster


class MemberStore(Protocol):
    """The members of organizations. All reads are consistent.

    Every write moves the roster's version on, and is refused where another stands than it was decided on.
    """

    def find(self, org_id: str, member_id: str) -> Member | None: ...

    def all(self, org_id: str) -> Sequence[Member]:
        """Every member, inactive ones too, oldest first."""

    def roster(self, org_id: str) -> Roster:
        """Every member, oldest first, and the version that a write is decided on.

        Raises:
            NotFound: there is no such organization, or it was deleted.
        """

    def by_email(self, org_id: str, email: str) -> Member | None:
        """Who has this address in one organization, in whatever letters; inactive ones too."""

    def by_slack_user(self, org_id: str, slack_user: str) -> Member | None:
        """Who is this Slack user in one organization; inactive ones too."""

    def find_by_email_anywhere(self, email: str) -> Sequence[Member]:
        """Whoever has this address and is active, in every organization that stands.

        An owner whom the first release made is found from the first change to any member of theirs on.
        """

    def add(self, roster: Roster, member: Member, audit: AuditEntry) -> None:
        """Keep a new member.

        Raises:
            StoreConflict: the roster has changed since, the member exists, or no answer came.
        """

    def change(
        self, roster: Roster, before: Member, after: Member, keys: Sequence[ApiKeyRecord], audit: AuditEntry
    ) -> None:
        """Replace exactly ``before`` by ``after`` and carry it over to their valid ``keys``, in one transaction: these
        get the new role, or are revoked where ``after`` is inactive.

        Raises:
            StoreConflict: the roster has changed since, a key of theirs was made or revoked meanwhile, or no answer
                came.
        """
