"""The contact's next step after an attempt: which number, when, or none."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.model import Contact, Dialer
from engine.domain.outcomes import Outcome
from engine.domain.phones import Phone


class Step(enum.StrEnum):
    """What becomes of the contact; the words are those of `attempts.next_step`."""

    FINISHED = "finished"  # reached, or nothing left to try: the row leaves the spool
    RETRY = "retry"  # the same number again, later
    ALTERNATIVE = "alternative"  # the next number, at once
    REST = "rest"  # called in vain by us: the same number, after the legal rest
    ASIDE = "set_aside"  # cannot be dialled at all: status 2, with the reason
    AGAIN = "again"  # never placed: the same number, without counting


#: A trunk that is down must not burn contacts, nor be hammered with the same one.
NOT_PLACED_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NextStep:
    """The spool row after the attempt. For FINISHED only `step` counts.

    `retries` counts attempts made on `phone`; `not_before` None means at once.
    """

    step: Step
    phone: Phone
    alternatives: tuple[Phone, ...]
    retries: int
    not_before: datetime | None


def next_step(
    contact: Contact,
    outcome: Outcome,
    dialer: Dialer,
    now: datetime,
    abandoned_rest: timedelta,
    *,
    reached: bool = False,
    undiallable: bool = False,
) -> NextStep:
    """Decide from the outcome.

    * answered: finished.
    * abandoned: a person was called and found no agent; the number rests for `abandoned_rest`
      (72 h was Ofcom's rule for a redial without a guaranteed agent), and the attempt does not
      use up a retry: it was our fault.
    * not placed: nothing reached the contact; the same number after NOT_PLACED_PAUSE, uncounted; set
      aside when its orders were refused twice while those for others are accepted (`undiallable`).
    * unknown: when somebody had answered (`reached`), as abandoned. Else the phone may have rung: it
      counts like any attempt, because no number is dialled once more for a fault of ours.
    * agent missed, withheld: the customer was never called; the same number at once, uncounted.
    * skipped: finished. Postponed: the same number after `options.later` minutes, uncounted.
    * invalid: the number is never tried again; next alternative, else finished.
    * anything else: the same number while it has extra attempts left (`retries` of the typed
      number, else of the dialer), after `tbc_nocontact` minutes; then the next alternative at
      once (its own retries start at 0); then finished.
    """
    here = contact.phone
    # An alternative that is the same number once more would only be the same call once more.
    rest = tuple(phone for phone in contact.alternatives if phone.number != here.number)
    if outcome is Outcome.ANSWERED:
        return NextStep(Step.FINISHED, here, rest, contact.retries + 1, None)
    if outcome is Outcome.ABANDONED or (outcome is Outcome.UNKNOWN and reached):
        return NextStep(Step.REST, here, rest, contact.retries, now + abandoned_rest)
    if outcome is Outcome.NOT_PLACED and undiallable and contact.refused:
        return NextStep(Step.ASIDE, here, rest, contact.retries, None)
    if outcome is Outcome.NOT_PLACED:
        return NextStep(Step.AGAIN, here, rest, contact.retries, now + NOT_PLACED_PAUSE)
    if outcome in (Outcome.AGENT_MISSED, Outcome.WITHHELD):
        return NextStep(Step.AGAIN, here, rest, contact.retries, None)
    if outcome is Outcome.SKIPPED:
        return NextStep(Step.FINISHED, here, rest, contact.retries, None)
    if outcome is Outcome.POSTPONED:
        later = now + timedelta(minutes=dialer.options.later)
        return NextStep(Step.AGAIN, here, rest, contact.retries, later)
    extra = dialer.retries if here.retries is None else here.retries
    if outcome is not Outcome.INVALID and contact.retries < extra:
        wait = timedelta(minutes=dialer.tbc_nocontact)
        return NextStep(Step.RETRY, here, rest, contact.retries + 1, now + wait if wait else None)
    if rest:
        return NextStep(Step.ALTERNATIVE, rest[0], rest[1:], 0, None)
    return NextStep(Step.FINISHED, here, rest, contact.retries + 1, None)
