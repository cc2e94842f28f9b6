"""What a run begins with. A scenario only says what is wanted and what fate has in store; the system does the rest.

To add one: write a function that takes the system and decorate it. It takes part in every kind of run from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from refundkit_core.application.approval_desk import Seen
from refundkit_core.domain.budgets import Cap, Guards
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.routing import ApprovalSettings, Level

from tests.crash.callers import Ask, asking
from tests.crash.desk import ANN, BEN, OWNER, Wish
from tests.crash.system import System
from tests.support.builders import TENANT, TRANSACTION, ledger

Scenario = Callable[[System], None]

SCENARIOS: Final[dict[str, Scenario]] = {}
LONG: Final = frozenset({"pending_for_three_days"})
"""Those that take hundreds of calls: their every single call is tried by the slow tests only."""

PAIRED: Final = (
    "answer_lost",
    "declined",
    "pending_then_succeeded",
    "failed_late",
    "two_compete_for_one_charge",
    "cancelled_as_soon_as_opened",
    "cancelled_while_action_is_required",
    "refunded_outside_meanwhile",
    "disputed_in_flight",
    "approved_by_a_person",
    "escalated_and_approved_above",
    "decided_as_it_expires",
)
"""Those of which the slow tests try every two kills, besides ``paid``."""


def scenario(begin: Scenario) -> Scenario:
    """Enter a scenario under its name."""
    SCENARIOS[begin.__name__] = begin
    return begin


@scenario
def paid(system: System) -> None:
    system.ask(asking())


@scenario
def paid_by_the_name_of_its_payment_intent(system: System) -> None:
    system.ask(asking(transaction_id="pi_1"))


@scenario
def answer_lost(system: System) -> None:
    system.stripe.fates.extend(["lost", "never_arrived"])
    system.ask(asking())


@scenario
def never_arrived(system: System) -> None:
    system.stripe.fates.extend(["never_arrived", "never_arrived"])
    system.ask(asking())


@scenario
def executed_late(system: System) -> None:
    system.stripe.fates.append("late")
    system.ask(asking())


@scenario
def declined(system: System) -> None:
    system.stripe.fates.append("declined")
    system.ask(asking())


@scenario
def credentials_refused(system: System) -> None:
    system.stripe.fates.append("denied")
    system.ask(asking())


@scenario
def pending_then_succeeded(system: System) -> None:
    system.stripe.lives.append(("pending", "succeeded"))
    system.ask(asking())


@scenario
def pending_for_three_days(system: System) -> None:
    system.stripe.lives.append(("pending",))
    system.ask(asking())
    system.later("pays at last", lambda: system.stripe.all_become("succeeded"), after_s=72 * 3600)


@scenario
def action_required_then_succeeded(system: System) -> None:
    system.stripe.lives.append(("requires_action", "pending", "succeeded"))
    system.ask(asking())


@scenario
def pending_then_failed(system: System) -> None:
    system.stripe.lives.append(("pending", "failed"))
    system.ask(asking())


@scenario
def failed_late(system: System) -> None:
    system.stripe.lives.append(("succeeded", "failed"))
    system.ask(asking())


@scenario
def a_status_nobody_knows(system: System) -> None:
    system.stripe.lives.append(("unknown", "succeeded"))
    system.ask(asking())


@scenario
def twins(system: System) -> None:
    system.ask(asking(key=None))
    system.ask(asking(key=None))


@scenario
def two_compete_for_one_charge(system: System) -> None:
    system.ask(asking(3000, key="k1"))
    system.ask(asking(2500, key="k2"))


def know_the_charge(system: System) -> None:
    """Its ledger stands already, as after a policy check: the first refund does not bring it along."""
    if system.store.ledger(TENANT, TRANSACTION) is None:
        system.store.put_ledger(ledger(), None, None)


@scenario
def two_compete_for_a_known_charge(system: System) -> None:
    know_the_charge(system)
    two_compete_for_one_charge(system)


@scenario
def twins_of_a_known_charge(system: System) -> None:
    know_the_charge(system)
    twins(system)


@scenario
def two_want_the_rest(system: System) -> None:
    system.ask(asking(None, key="k1"))
    system.ask(asking(None, key="k2"))


@scenario
def one_key_asked_twice_at_once(system: System) -> None:
    system.ask(asking())
    system.ask(asking())


def _fall_silent(system: System) -> None:
    """From the next refund call on the processor answers nothing for 25 hours, of which we sleep through 22."""
    system.stripe.falls_silent_for = timedelta(hours=25)
    system.later("stands still for 22 hours", lambda: system.clock.advance(hours=22), after_s=300)


@scenario
def silence_for_longer_than_keys_are_kept(system: System) -> None:
    system.stripe.fates.append("lost")
    system.ask(asking())
    _fall_silent(system)


@scenario
def nothing_sent_and_then_silence(system: System) -> None:
    system.stripe.fates.append("never_arrived")
    system.ask(asking())
    _fall_silent(system)


@scenario
def events_refused_by_the_bus(system: System) -> None:
    system.use_cases.bus.refuses.extend(["refund.initiated", "refund.initiated", "refund.completed"])
    system.ask(asking())


@scenario
def cancelled_as_soon_as_opened(system: System) -> None:
    system.cancel(system.ask(asking()))


@scenario
def cancelled_while_action_is_required(system: System) -> None:
    system.stripe.lives.append(("requires_action", "succeeded"))
    system.cancel(system.ask(asking()), after_s=1)


@scenario
def erased_while_another_is_asked_for(system: System) -> None:
    system.erase(system.ask(asking(2000, key="k1", email="first@shop.example")))
    system.ask(asking(1000, key="k2", email="second@shop.example"))


def ask_for(system: System, wish: Ask) -> None:
    """A caller who comes later."""
    system.ask(wish)


def ask_and_cancel(system: System, wish: Ask) -> None:
    """A caller who has second thoughts."""
    system.cancel(system.ask(wish))


@scenario
def erased_while_refunds_come_and_go(system: System) -> None:
    """The ledger is rewritten for the erasure while money moves in it, and another refund is opened meanwhile."""
    first = system.ask(asking(2000, key="k1", email="first@shop.example"))
    system.erase(first)
    second = asking(1000, key="k2", email="second@shop.example")
    system.later("asks for another", lambda: ask_and_cancel(system, second))


@scenario
def refunded_outside_meanwhile(system: System) -> None:
    system.ask(asking(3000))
    system.later("refunds in the dashboard", lambda: system.stripe.made_outside(1500, ("pending", "succeeded")))


@scenario
def refunded_outside_and_failed_late(system: System) -> None:
    system.ask(asking(1000))
    system.later("refunds in the dashboard", lambda: system.stripe.made_outside(1500, ("succeeded", "failed")))


def publish(system: System, *rules: Rule, **limits: int) -> None:
    """The merchant's policy, from before the purchase on; what another scenario published holds as well."""
    policies = system.use_cases.policies
    rules, bounds = (*rules, Rule(category="default")), Limits(**limits)
    for before in policies.published:
        rules, bounds = (*before.policy.rules, *rules), replace(before.policy.limits, **limits)
    policies.published.clear()
    policies.publish(Policy("Ours", rules, bounds), system.clock.now() - timedelta(days=100))


@scenario
def paid_less_a_fee(system: System) -> None:
    publish(system, Rule(category="default", restocking_fee_bp=1500))
    system.stripe.fates.append("lost")
    system.ask(asking(1999, key="k1"))
    system.ask(asking(3001, key="k2"))
    system.ask(asking(1, key="k3"))


@scenario
def less_a_fee_and_failed_late(system: System) -> None:
    publish(system, Rule(category="default", restocking_fee_bp=1500))
    system.stripe.lives.append(("succeeded", "failed"))
    system.ask(asking(1999, key="k1"))
    system.cancel(system.ask(asking(1000, key="k2")))


@scenario
def put_before_a_person(system: System) -> None:
    publish(system, auto_approve_threshold_minor=1500)
    system.ask(asking(2000, key="k1"))
    system.ask(asking(1000, key="k2"))


@scenario
def put_before_a_person_and_cancelled(system: System) -> None:
    publish(system, auto_approve_threshold_minor=1500)
    system.cancel(system.ask(asking(2000, key="k1")))


def asked_of_people(system: System, settings: ApprovalSettings | None = None, amount_minor: int = 2000) -> Ask:
    """A refund that waits for people."""
    publish(system, auto_approve_threshold_minor=1500)
    if settings is not None:
        system.use_cases.switches.approvals = settings
    return system.ask(asking(amount_minor, key="k1"))


@scenario
def approved_by_a_person(system: System) -> None:
    system.approvals.wish(Wish(asked_of_people(system), "approved"))


@scenario
def approved_for_less_after_the_workflow_began(system: System) -> None:
    system.approvals.wish(Wish(asked_of_people(system), "approved", amount_minor=1200), after_s=60)


@scenario
def rejected_by_a_person(system: System) -> None:
    system.approvals.wish(Wish(asked_of_people(system), "rejected"), after_s=60)


@scenario
def two_people_disagree(system: System) -> None:
    asked = asked_of_people(system)
    system.approvals.wish(Wish(asked, "approved", ANN))
    system.approvals.wish(Wish(asked, "rejected", BEN))


@scenario
def two_people_must_agree(system: System) -> None:
    asked = asked_of_people(system, ApprovalSettings(two_person_above_minor=1500, version=1))
    system.approvals.wish(Wish(asked, "approved", ANN))
    system.approvals.wish(Wish(asked, "approved", BEN), after_s=60)


@scenario
def one_person_says_it_twice(system: System) -> None:
    asked = asked_of_people(system, ApprovalSettings(two_person_above_minor=1500, version=1))
    system.approvals.wish(Wish(asked, "approved", ANN))
    system.approvals.wish(Wish(asked, "approved", ANN), after_s=60)


@scenario
def approved_and_cancelled_at_once(system: System) -> None:
    asked = asked_of_people(system)
    system.approvals.wish(Wish(asked, "approved"))
    system.cancel(asked)


@scenario
def escalated_and_approved_above(system: System) -> None:
    asked = asked_of_people(system)
    system.approvals.wish(Wish(asked, "escalate"), after_s=60)
    system.approvals.wish(Wish(asked, "approved", OWNER), after_s=120)


@scenario
def asked_for_more_and_answered_with_less(system: System) -> None:
    asked = asked_of_people(system)
    system.approvals.wish(Wish(asked, "ask"), after_s=60)
    system.approvals.wish(Wish(asked, "answer", amount_minor=1000), after_s=120)
    system.approvals.wish(Wish(asked, "approved", seen=Seen(revision=1)), after_s=150)
    system.approvals.wish(Wish(asked, "approved", seen=Seen(revision=2)), after_s=180)


@scenario
def reminded_escalated_and_expired(system: System) -> None:
    levels = (Level("One", 3600, remind_after_s=1800), Level("Two", 3600, ("owner",)))
    asked_of_people(system, ApprovalSettings(levels=levels, version=1))


@scenario
def decided_as_it_expires(system: System) -> None:
    asked = asked_of_people(system, ApprovalSettings(levels=(Level("One", 600),), version=1))
    system.approvals.wish(Wish(asked, "approved"), after_s=600)


@scenario
def two_of_a_customer_who_may_have_one(system: System) -> None:
    know_the_charge(system)
    publish(system, max_returns_per_customer_30d=1)
    system.most_without_a_person = 1
    system.ask(asking(2000, key="k1"))
    system.ask(asking(1000, key="k2"))


@scenario
def one_of_a_customer_fails_and_the_next_may_go(system: System) -> None:
    publish(system, max_returns_per_customer_30d=1)
    system.most_without_a_person = 1
    system.stripe.fates.append("declined")
    system.ask(asking(2000, key="k1"))
    later = asking(1000, key="k2")
    system.later("asks for another", lambda: ask_for(system, later), after_s=300)


@scenario
def two_under_a_cap_for_one(system: System) -> None:
    """Of a customer that nobody knows, whose record would keep the two apart as well."""
    if system.store.ledger(TENANT, TRANSACTION) is None:
        system.store.put_ledger(ledger(customer_id=None), None, None)
    system.use_cases.switches.guards = Guards((Cap("organization", "usd", per_day_minor=2500),), None, 1)
    system.ask(asking(2000, key="k1"))
    system.ask(asking(1000, key="k2"))


@scenario
def under_a_cap_and_failed_late(system: System) -> None:
    system.use_cases.switches.guards = Guards((Cap("organization", "usd", per_day_minor=2500),), None, 1)
    system.stripe.lives.append(("succeeded", "failed"))
    system.cancel(system.ask(asking(500, key="k1")))
    system.ask(asking(2000, key="k2"))


@scenario
def disputed_in_flight(system: System) -> None:
    system.ask(asking())
    system.later("opens a dispute", lambda: system.stripe.becomes_disputed(dispute="open"))


@scenario
def disputed_and_won(system: System) -> None:
    def opens() -> None:
        system.stripe.becomes_disputed(dispute="open")
        system.later("closes the dispute", lambda: system.stripe.becomes_disputed(dispute="won"), after_s=300)

    system.ask(asking())
    system.later("opens a dispute", opens)


def _become_risky(system: System) -> None:
    """From now on the processor scores the charge so high that any suspicion makes it a risk."""
    system.stripe.charge = replace(system.stripe.charge, processor_risk=70)


@scenario
def warned_of_and_flagged(system: System) -> None:
    _become_risky(system)
    system.stripe.warns()
    system.later("says so again", system.stripe.warns)


@scenario
def inquired_about_and_then_disputed(system: System) -> None:
    def asks() -> None:
        system.stripe.becomes_disputed(dispute="inquiry")
        system.later("opens a dispute", lambda: system.stripe.becomes_disputed(dispute="open"), after_s=300)

    _become_risky(system)
    system.ask(asking(1000))
    system.later("asks about the charge", asks)


@scenario
def warned_of_at_a_low_risk(system: System) -> None:
    system.ask(asking(1000))
    system.later("warns of fraud", system.stripe.warns)


@scenario
def paused_and_resumed(system: System) -> None:
    switches = system.use_cases.switches

    def stops() -> None:
        switches.set(TENANT, None, True)
        system.later("lets refunds go on", lambda: switches.set(TENANT, None, False), after_s=1000)

    system.ask(asking())
    system.later("stops all refunds", stops)
