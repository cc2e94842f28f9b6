"""A hundred people who decide at once, with threads on MiniStack's DynamoDB: one decides, and all others are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor
from refundkit_core.domain.approvals import Approval, approval_id_of
from refundkit_core.domain.members import Member

from tests.e2e.workers import Said, Workers, workers_on_emulator

pytestmark = pytest.mark.stack

HOUSE = {"requireReviewAbove": 1_000}
DECIDING = ["approvals:read", "approvals:decide"]


class People:
    """An organization with many approvers, where a person looks at every refund of 10 USD or more."""

    def __init__(self, workers: Workers, number: int) -> None:
        self.workers = workers
        workers.admit(1_000_000)
        self.settle(**HOUSE)
        owned = [self._join(each) for each in range(number)]
        self.ids = [member_id for member_id, _ in owned]
        self.keys = [key for _, key in owned]

    def settle(self, **settings: int) -> None:
        said = self.workers.ask("PUT", "/v1/settings/approvals", settings)
        assert said.status == 200, said.body

    def _join(self, number: int) -> tuple[str, str]:
        container, org_id = self.workers.containers[0], self.workers.tenant.org_id
        now = container.clock.now()
        member = Member(container.ids.new("mem"), org_id, f"Person {number}", f"p{number}@example.com", "approver", now)
        entry = Auditor(container.clock, container.ids).entry(BY_PROGRAM, "members add", member.id, org_id)
        container.members.add(container.members.roster(org_id), member, entry)
        wanted = {"name": "Own", "owner": {"type": "member", "id": member.id}, "scopes": DECIDING}
        said = self.workers.ask("POST", "/v1/api-keys", wanted)
        assert said.status == 201, said.body
        return member.id, said.body["data"]["key"]

    def waiting(self) -> tuple[str, str]:
        """A refund that waits for a person, and its charge."""
        charge = self.workers.charge()["id"]
        said = self.workers.refund(charge, 2_000)
        assert said.body["data"]["status"] == "pending_approval", said.body
        return said.body["data"]["id"], charge

    def says(self, number: int, refund_id: str, verb: str) -> Said:
        """Somebody decides."""
        body = {"reason": "No"} if verb == "reject" else {}
        path = f"/v1/approvals/{approval_id_of(refund_id)}/{verb}"
        return self.workers.ask_with(self.keys[number], "POST", path, body)

    def approval(self, refund_id: str) -> Approval:
        found = self.workers.containers[0].approvals.find(self.workers.tenant, approval_id_of(refund_id))
        assert found is not None
        return found

    def trail(self, refund_id: str) -> list[AuditEntry]:
        entries = DynamoAuditTrail(self.workers.containers[0].table).of(self.workers.tenant)
        return [entry for entry in entries if entry.target == approval_id_of(refund_id)]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with workers_on_emulator(tmp_path_factory.mktemp("approvals")) as workers:
        yield People(workers, 100)


def test_of_a_hundred_who_approve_and_reject_at_once_one_decides_and_the_trail_names_them(people: People) -> None:
    refund_id, charge = people.waiting()
    verbs = ["approve" if number % 2 else "reject" for number in range(100)]

    said = people.workers.at_once([partial(people.says, n, refund_id, verb) for n, verb in enumerate(verbs)])

    assert Counter((each.status, each.code) for each in said) == {
        (200, None): 1,
        (409, "approval_already_decided"): 99,
    }
    winner = next(number for number, each in enumerate(said) if each.status == 200)
    approval = people.approval(refund_id)
    assert approval.ruling is not None
    assert approval.ruling.act.by == people.ids[winner]
    assert approval.status == ("approved" if winner % 2 else "rejected")
    (entry,) = people.trail(refund_id)
    assert entry.actor.startswith(people.ids[winner])
    named = {each.body["error"]["details"][0]["message"] for each in said if each.status == 409}
    assert named == {people.ids[winner]}
    executing = [partial(people.workers.execute, refund_id)] * 5
    people.workers.at_once(executing)
    paid = people.workers.at_stripe(charge)
    assert paid == ([2_000] if approval.status == "approved" else [])
    told = [event.type for event in people.workers.containers[0].approvals.history(approval.tenant, approval.id)]
    assert told == ["approval.pending", "approval.decided"]


def test_one_person_in_thirty_places_is_one_person_and_of_many_two_are_enough(people: People) -> None:
    people.settle(**HOUSE, twoPersonAbove=1_500)
    try:
        refund_id, charge = people.waiting()
        alone = people.workers.at_once([partial(people.says, 0, refund_id, "approve")] * 30)
        assert {each.status for each in alone} == {200}
        assert [act.by for act in people.approval(refund_id).consents] == [people.ids[0]]
        assert people.approval(refund_id).is_open

        said = people.workers.at_once([partial(people.says, number, refund_id, "approve") for number in range(50)])

        approval = people.approval(refund_id)
        assert approval.ruling is not None
        assert approval.ruling.act.by != people.ids[0]
        assert (approval.status, len(approval.consents)) == ("approved", 1)
        codes = Counter(each.code for each in said)
        assert set(codes) == {None, "approval_already_decided"}
        assert codes[None] in (1, 2)  # the second person, and perhaps the first once more before that
        assert [entry.command for entry in people.trail(refund_id)] == ["approval consent", "approval approve"]
        people.workers.execute(refund_id)
        assert people.workers.at_stripe(charge) == [2_000]
    finally:
        people.settle(**HOUSE)


def test_an_approval_and_a_cancellation_at_once_leave_either_money_or_none(people: People) -> None:
    refund_id, charge = people.waiting()
    cancel = partial(people.workers.ask, "POST", f"/v1/refunds/{refund_id}/cancel")
    acts = [partial(people.says, number, refund_id, "approve") for number in range(20)] + [cancel] * 20

    people.workers.at_once(acts)

    approval, status = people.approval(refund_id), people.workers.status(refund_id)
    people.workers.execute(refund_id)
    paid = people.workers.at_stripe(charge)
    assert (approval.status, status, paid) in (
        ("approved", "pending", [2_000]),
        ("approved", "cancelled", []),
        ("superseded", "cancelled", []),
    )
    assert people.workers.sums(charge) == ((0, 2_000, 3_000) if paid else (0, 0, 5_000))
