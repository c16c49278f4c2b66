"""The chances of the calls in flight, tabulated by phase, weight and age.

There may be thousands of calls, and a decision has a millisecond: a call is looked at once, when it is new
or has changed. Calls of one kind that began in the same half second age together and share a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import floor

from engine.domain.pacing.base import CallInFlight, Traits
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.learn_agents import Row, row
from engine.domain.pacing.learn_answers import BIN, BINS
from engine.domain.pacing.learn_contacts import weight_of

#: At most so many outdated rows are worked out anew in one decision; the others serve meanwhile …
RENEWED = 24
#: … and no more than about so many are kept.
_KEPT = 1500
_DIALLED, _RINGING, _JUDGED = range(3)
#: A kind is phase × 64 + level + 32; the key of a row is age (in bins) × 256 + kind.
_LEVELS, _AVERAGE, _KINDS = 64, 32, 256

#: Rows, and how many calls or seats share each.
Rows = tuple[list[Row], list[int]]
NO_ROWS: Rows = ([], [])


class CallRows:
    """Looks up what each call in flight contributes, at the moments given to `outdate`."""

    def __init__(self, follow: CallFollower) -> None:
        self._follow = follow
        self._points: Sequence[int] = ()
        self._rows: dict[int, Row] = {}
        self._outdated: dict[int, Row] = {}
        self._renewals = 0
        self._share = 0.0
        #: Per call: kind − 256 × the bin in which it began, so that adding 256 × now's bin gives its key.
        self._births: dict[CallInFlight, int] = {}
        self._origin: datetime | None = None

    def outdate(self, points: Sequence[int]) -> None:
        """All rows are to be worked out anew, for these moments (in bins from now)."""
        self._points = points
        self._outdated = self._rows if len(self._outdated) > _KEPT else self._outdated | self._rows
        self._rows = {}
        self._share = self._follow.rate.share

    def counted(self, calls: Sequence[CallInFlight], now: datetime, more: int, *, renew: bool) -> Rows:
        """Return the rows of the calls and how many share each; `more` calls are as good as just placed.

        `renew`: is there time to work some outdated rows out anew?
        """
        share = self._follow.rate.share
        if abs(share - self._share) > 0.01 * share:
            self.outdate(self._points)
        self._renewals = RENEWED if renew else 0
        births = Counter(self._known(calls, now))
        # Half a bin is the mean age of what began in the bin of birth.
        shift = floor(self._bins(now) - 0.5) * _KINDS
        if more > 0:
            births[_AVERAGE - shift] += more
        rows = self._rows
        entries = [rows.get(shift + birth) or self._row(shift + birth) for birth in births]
        return entries, list(births.values())

    def new(self, traits: Traits | None) -> Row:
        """Return the row of a call that is about to be placed to such a contact (None: to any)."""
        level = 0 if traits is None else self._follow.weights.level(traits)
        key = _AVERAGE + level
        return self._rows.get(key) or self._row(key)

    def _bins(self, moment: datetime) -> float:
        if self._origin is None:
            self._origin = moment
        return (moment - self._origin) / BIN + 1e-6  # what rounding makes of a moment must not shift its bin

    def _known(self, calls: Sequence[CallInFlight], now: datetime) -> Iterable[int]:
        births = self._births
        if len(births) > 2 * len(calls) + 200:
            self._births = births = {call: births[call] for call in calls if call in births}
        self._bins(now)
        for call in calls:
            if call not in births:
                births[call] = self._birth(call)
        return map(births.__getitem__, calls)

    def _birth(self, call: CallInFlight) -> int:
        """A call is new or has changed: note its kind and when that began."""
        level = self._follow.levels.get(call.call)
        if level is None:
            level = self._follow.weights.level(call.traits)
        if call.answered is not None:
            phase, since = _JUDGED, call.answered
        elif call.ringing is not None:
            phase, since = _RINGING, call.ringing
        else:
            phase, since = _DIALLED, call.sent
        return phase * _LEVELS + level + _AVERAGE - floor(self._bins(since)) * _KINDS

    def _row(self, key: int) -> Row:
        """Return the row, worked out anew unless an outdated one has to do for this decision."""
        outdated = self._outdated.get(key)
        if outdated is not None:
            if self._renewals <= 0:
                return outdated
            self._renewals -= 1
        age, kind = divmod(key, _KINDS)
        phase, level = divmod(kind, _LEVELS)
        follow = self._follow
        if phase == _DIALLED:
            delays, share = follow.dialled, follow.rate.share
        else:
            stage = follow.ringing if phase == _RINGING else follow.judged
            delays, share = stage.delays, stage.share.value
        share = min(share * weight_of(level - _AVERAGE), 0.98)
        new = row(delays.chances(share, min(max(age, 0), BINS), self._points))
        self._rows[key] = new
        return new
