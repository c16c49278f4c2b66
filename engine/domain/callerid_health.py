"""How caller IDs fare: answers and refusals of each number's recent calls, and when it had better rest.

Carriers and phones label numbers that call much, and what is labelled is answered less, or refused:
607 says that the called person does not want the caller (RFC 8197), 608 that somebody on the way
rejected him for his record (RFC 8688), 603 that the called side declined (RFC 3261 §21.6.2; with the
phrase "Network Blocked" that a network did, ATIS-1000099), 403 that the network forbids it, often for
a caller ID that it does not accept. A person who presses "decline" sends 603 as well, so that 603 and
403 count only when they are many, and many more than the campaign's other numbers get.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.outcomes import Outcome

#: The called person or somebody on the way speaks of the caller, not of the call.
FLAGS = frozenset((607, 608))
#: What says something about how a number is received: the called side was reached.
_ANSWERED = frozenset((Outcome.ANSWERED, Outcome.ABANDONED))
_TELLING = _ANSWERED | {
    Outcome.MACHINE, Outcome.NO_ANSWER, Outcome.BUSY, Outcome.REJECTED, Outcome.CANCELLED,
}  # fmt: skip
#: A number is declined conspicuously when it is so many times as often as the others …
_TIMES = 2.0
#: … and is ill answered only at this share of what the others get, however sure the statistics are.
_CLEARLY = 0.7


@dataclass(frozen=True, slots=True)
class HealthRules:
    """When a number rests. A window are its last `window` telling calls of the last `hours`.

    `minimum`: so many calls before the answer rate is judged; `significance`: it rests when so few answers
    or fewer have at most this probability at the rate of the campaign's other numbers; `flagged`: so many
    607 and 608 in the window; `declined`: so many 603 and 403, if they are the share `declined_share` or
    more; `rest`: how long the first time; every further rest is twice as long, up to `longest`.
    """

    window: int = 200
    hours: float = 24.0
    minimum: int = 40
    significance: float = 0.001
    flagged: int = 3
    declined: int = 5
    declined_share: float = 0.15
    rest: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(days=7)

    def length(self, rests: int) -> timedelta:
        """Return how long the next rest is after `rests` in a row."""
        return min(self.rest * (1 << min(rests, 20)), self.longest)


class Cause(enum.StrEnum):
    """Why a number rests; metrics use these words."""

    FLAGGED = "flagged"  # 607 and 608
    DECLINED = "declined"  # 603 and 403
    ANSWER_RATE = "answer_rate"


class Verdict(NamedTuple):
    """That a number had better rest, and why, in words that name no number."""

    cause: Cause
    reason: str


class Result(NamedTuple):
    """How one call with the number went. `sent`: when it was placed."""

    sent: datetime
    campaign: str
    answered: bool
    rejected: bool
    flagged: bool


class Counts(NamedTuple):
    """A window in numbers."""

    attempts: int = 0
    answers: int = 0
    rejections: int = 0
    flagged: int = 0

    def __add__(self, other: object) -> Counts:
        if not isinstance(other, tuple):
            return NotImplemented
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(self, other, strict=True)))


def result_of(sent: datetime, campaign: str, outcome: Outcome, sip: int | None) -> Result | None:
    """Return what a call that ended says of its caller ID; None when it says nothing (it never got there)."""
    if outcome not in _TELLING:
        return None
    rejected = outcome is Outcome.REJECTED
    return Result(sent, campaign.casefold(), outcome in _ANSWERED, rejected, rejected and sip in FLAGS)


@dataclass(slots=True)
class _Window:
    results: deque[Result] = field(default_factory=deque)
    by_campaign: dict[str, Counts] = field(default_factory=dict)
    counted_from: datetime | None = None


class Ledger:
    """The windows of all numbers, and what their campaigns see on the whole."""

    def __init__(self, rules: HealthRules) -> None:
        self.rules = rules
        self._windows: dict[str, _Window] = {}
        self._campaigns: dict[str, Counts] = {}

    def __contains__(self, number: object) -> bool:
        return number in self._windows

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._windows))

    def add(self, number: str, result: Result) -> bool:
        """Count a call; False when it was placed before the number's last rest ended."""
        window = self._windows.setdefault(number, _Window())
        if window.counted_from is not None and result.sent < window.counted_from:
            return False
        window.results.append(result)
        self._count(window, result, 1)
        while len(window.results) > self.rules.window:
            self._count(window, window.results.popleft(), -1)
        return True

    def _count(self, window: _Window, result: Result, sign: int) -> None:
        one = Counts(sign, sign * result.answered, sign * result.rejected, sign * result.flagged)
        window.by_campaign[result.campaign] = window.by_campaign.get(result.campaign, Counts()) + one
        self._campaigns[result.campaign] = self._campaigns.get(result.campaign, Counts()) + one
        for counts in (window.by_campaign, self._campaigns):
            if not counts[result.campaign].attempts:
                del counts[result.campaign]

    def expire(self, number: str, now: datetime) -> bool:
        """Let go of what is too old; True when the window changed by it."""
        window = self._windows.get(number)
        oldest = now - timedelta(hours=self.rules.hours)
        changed = False
        while window is not None and window.results and window.results[0].sent < oldest:
            self._count(window, window.results.popleft(), -1)
            changed = True
        return changed

    def begin_anew(self, number: str, counted_from: datetime) -> None:
        """Forget the number's calls, and whatever is still heard of those placed before `counted_from`."""
        window = self._windows.setdefault(number, _Window())
        while window.results:
            self._count(window, window.results.popleft(), -1)
        window.counted_from = counted_from

    def restore(self, number: str, results: Iterable[Result]) -> None:
        """Put calls of an earlier term, oldest first, before those that were counted since."""
        window = self._windows.setdefault(number, _Window())
        since = list(window.results)
        for result in since:
            self._count(window, result, -1)
        window.results.clear()
        for result in (*results, *since):
            self.add(number, result)

    def drop(self, number: str) -> None:
        """Forget the number, which is not shown any more."""
        window = self._windows.pop(number)
        for result in window.results:
            self._count(window, result, -1)

    def counts(self, number: str) -> Counts:
        """Return the number's window."""
        window = self._windows.get(number)
        return sum(window.by_campaign.values(), Counts()) if window is not None else Counts()

    def counted_from(self, number: str) -> datetime | None:
        """Return since when the number's calls count; None: all of them."""
        window = self._windows.get(number)
        return window.counted_from if window is not None else None

    def proven(self, number: str) -> bool:
        """Has the number come through a whole window since its last rest?"""
        return self.counts(number).attempts >= self.rules.window

    def judge(self, number: str) -> Verdict | None:
        """Return why the number had better rest, None when it need not."""
        window, rules = self._windows.get(number), self.rules
        if window is None:
            return None
        own = self.counts(number)
        if own.flagged >= rules.flagged:
            reason = f"{own.flagged} of {own.attempts} calls were answered 607 or 608"
            return Verdict(Cause.FLAGGED, reason)
        known = {
            campaign: (counts, self._campaigns[campaign] - counts)
            for campaign, counts in window.by_campaign.items()
            if self._campaigns[campaign].attempts - counts.attempts >= rules.minimum
        }
        declined = own.rejections - own.flagged
        if declined >= rules.declined and declined >= rules.declined_share * own.attempts:
            mine = sum((counts for counts, _ in known.values()), Counts())
            # Whom everybody refuses is not refused for his number.
            usual = sum(c.attempts * o.rejections / o.attempts for c, o in known.values())
            if not known or mine.rejections > _TIMES * usual:
                reason = f"{declined} of {own.attempts} calls were answered 603 or 403"
                return Verdict(Cause.DECLINED, reason)
        return self._ill_answered(known)

    def _ill_answered(self, known: dict[str, tuple[Counts, Counts]]) -> Verdict | None:
        """Compare the answers with those that the other numbers of the same campaigns would have had."""
        attempts = sum(own.attempts for own, _ in known.values())
        answers = sum(own.answers for own, _ in known.values())
        if attempts < self.rules.minimum:
            return None
        expected = sum(own.attempts * others.answers / others.attempts for own, others in known.values())
        if answers > _CLEARLY * expected:
            return None
        if at_most(answers, attempts, expected / attempts) > self.rules.significance:
            return None
        return Verdict(
            Cause.ANSWER_RATE,
            f"{answers} of {attempts} calls were answered, where the campaign's other numbers get"
            f" {expected:.0f}",
        )


def at_most(hits: int, tries: int, probability: float) -> float:
    """Return the probability of `hits` or fewer in `tries` (binomial)."""
    if probability >= 1.0:
        return float(hits >= tries)
    return math.fsum(
        math.comb(tries, k) * probability**k * (1.0 - probability) ** (tries - k) for k in range(hits + 1)
    )
