"""What is ahead of a contact: the rule that holds it now, or the calendar's next closing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.law.facts import Facts
from engine.domain.law.rules import Law
from engine.domain.law.verdict import Ban, may_call, next_closing, next_moment

#: An agent who is rung, or decides, takes so long until his customer is dialled: hours may not end then.
LEAD = timedelta(seconds=90)
#: What holds a scheduled call until its time.
SCHEDULED = "scheduled"
#: What the campaign's own settings forbid, whoever is called.
SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Prospect:
    """From `begins` until `until` (None: not by itself) `rule` holds a contact; words as in
    `held_contacts.held_by`."""

    rule: str
    text: str
    begins: datetime
    until: datetime | None = None


def prospect(law: Law, facts: Facts, now: datetime) -> Prospect | None:
    """Return what holds a contact at `now`, until everything that ends by itself has ended; for one that may
    be called, when the calendar next closes for it. None: neither.

    Where an agent is reserved first, the calendar closes `LEAD` earlier.
    """
    held = _held(law, facts, now, now)
    if held is not None:
        return held
    closes = next_closing(law, facts, now)
    if closes is None:
        return None
    return _held(law, facts, closes, closes - LEAD if facts.agent_guaranteed else closes)


def appointment(law: Law, facts: Facts, at: datetime, now: datetime) -> Prospect | None:
    """Return what holds a call that is scheduled for `at`: its time, or a rule that lasts longer; from then
    on it is a contact like others."""
    if at <= now:
        return prospect(law, facts, now)
    return _held(law, facts, at, now) or Prospect(SCHEDULED, "", now, at)


def _held(law: Law, facts: Facts, at: datetime, begins: datetime) -> Prospect | None:
    verdict = may_call(law, facts, at)
    # Too short a ring is the campaign's fault: a reason of the contact's own says more.
    own = [hold for hold in verdict.holds if hold.until is None and hold.ban is not Ban.RING]
    hold = own[0] if own else verdict.last
    if hold is None:
        return None
    rule = SETTINGS if hold.ban is Ban.RING else str(hold.ban)
    return Prospect(rule, str(hold), begins, next_moment(law, facts, at))
