"""What the next seconds bring: agents free in time, less the callers from the calls in flight.

Everything is tabulated; a decision looks up and adds. Working the tables out anew is spread over several
decisions, so that none takes long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from operator import mul

from engine.domain.agent import SeatState
from engine.domain.pacing.base import SeatInUse, Snapshot, Traits
from engine.domain.pacing.call_rows import NO_ROWS, CallRows, Rows
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.learn_agents import BIN_OF_HALF_SECOND, BINS_OF_AGE, AgentForecast, Row, row
from engine.domain.pacing.learn_answers import BIN, BIN_SECONDS
from engine.domain.pacing.risk import EXACT, ExactOutlook, NormalOutlook, Outlook

#: Moments at which the next call may be answered: so many equally likely ones stand for all.
POINTS = 4
_REFIT = timedelta(seconds=20)
#: So many calls and seats have one part of the tables worked out per decision, fewer ones more.
_SMALL = 500


class Forecast:
    """The outlooks from which a decision is made. `seats` False: only agents ready now are counted on."""

    def __init__(self, follow: CallFollower, *, seats: bool = True) -> None:
        self.agents = AgentForecast()
        self._follow = follow
        self._calls = CallRows(follow)
        self._seats = seats
        self._horizons: list[float] = []
        #: Rows of talking, wrap-up, paused by bin of age; then those of seats free for certain, from
        #: the first, second … horizon on, or after the last.
        self._table: list[Row] = []
        self._fitted: datetime | None = None
        self._fitted_on = 0
        self._fitting: Iterator[None] = iter(())
        self._busy = False

    @property
    def ready(self) -> bool:
        """Have the tables been worked out once?"""
        return bool(self._horizons)

    def refresh(self, snapshot: Snapshot, now: datetime) -> None:
        """Do a part of the work on the tables, if there is any: the more calls and seats, the smaller.

        It begins anew every 20 s, or as soon as a tenth more has been learnt.
        """
        parts = _SMALL // (len(snapshot.calls) + len(snapshot.seats) + 1) or 1
        self._busy = sum(1 for _ in islice(self._fitting, parts)) > 0
        if self._busy:
            return
        seen = self._follow.rate.answers + self.agents.talks
        if self._fitted is None or now - self._fitted >= _REFIT or seen >= 1.1 * self._fitted_on + 4:
            self._fitted, self._fitted_on = now, seen
            self._fitting = self._fit(snapshot, now)

    def complete(self, snapshot: Snapshot, now: datetime) -> None:
        """Do all of the work at once: who must predict at the first decision cannot wait."""
        self._fitting = self._fit(snapshot, now)
        for _ in self._fitting:
            pass

    def _fit(self, snapshot: Snapshot, now: datetime) -> Iterator[None]:
        """Work the tables out anew, a part per step. They change together, with the last one."""
        follow = self._follow
        for delays in (follow.dialled, follow.ringing.delays, follow.judged.delays):
            delays.refit()
        points = follow.dialled.quantiles(POINTS)
        seconds = max(follow.seconds - snapshot.lag, 0.0)
        horizons = [point * BIN_SECONDS + seconds for point in points]
        if self._seats:
            ages: dict[SeatState, list[float]] = {}
            for seat in snapshot.seats:
                ages.setdefault(seat.state, []).append((now - seat.since).total_seconds())
            yield from self.agents.refit(horizons, ages)
        self._horizons = horizons
        states = (SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED)
        self._table = [entry for state in states for entry in self.agents.rows.get(state, ())]
        self._table += [row([0.0] * later + [1.0] * (POINTS - later)) for later in range(POINTS + 1)]
        self._calls.outdate(points)

    def new_call(self, traits: Traits | None) -> Row:
        """Return the chances of a call placed now to be a caller by then (the first POINTS values)."""
        return self._calls.new(traits)[:POINTS]

    def outlooks(
        self, snapshot: Snapshot, now: datetime, in_flight: int
    ) -> tuple[list[Outlook], float, float]:
        """Return the distribution of agents less callers at each horizon; the callers and the agents
        expected at the last."""
        free = self._seat_rows(snapshot.seats, now) if self._seats else NO_ROWS
        more = in_flight - len(snapshot.calls)
        calls = self._calls.counted(snapshot.calls, now, more, renew=not self._busy)
        net = snapshot.ready - snapshot.waiting
        size = range(POINTS)
        rivals, relief = snapshot.rivals, snapshot.relief
        if rivals + relief <= 0 and len(snapshot.seats) + in_flight <= EXACT:
            agents, callers = _each(free), _each(calls)
            exact: list[Outlook] = [
                ExactOutlook(net, [entry[k] for entry in agents], [entry[k] for entry in callers])
                for k in size
            ]
            last = POINTS - 1
            return exact, sum(entry[last] for entry in callers), sum(entry[last] for entry in agents)
        gained, lost = _sums(free), _sums(calls)
        doubt = self._follow.rate.doubt
        normal: list[Outlook] = [
            NormalOutlook(
                net + gained[k] + relief - lost[k] - rivals,
                gained[POINTS + k] + lost[POINTS + k] + rivals + relief + doubt * lost[k] ** 2,
                gained[2 * POINTS + k] - lost[2 * POINTS + k] + relief - rivals,
            )
            for k in size
        ]
        return normal, lost[POINTS - 1], gained[POINTS - 1]

    def _seat_rows(self, seats: Sequence[SeatInUse], now: datetime) -> Rows:
        """Return the chances of the seats in use to be free in time, and how many seats share them."""
        horizons, certain = self._horizons, len(self._table) - POINTS - 1
        places: list[int] = []
        for seat in seats:
            if seat.until is not None:
                places.append(certain + bisect_left(horizons, (seat.until - now).total_seconds()))
                continue
            state = seat.state
            # Compared one by one: an enumeration's hash is slow, and there may be hundreds of seats.
            if state is SeatState.TALKING:
                start = 0
            elif state is SeatState.WRAPUP:
                start = BINS_OF_AGE
            elif state is SeatState.PAUSED:
                start = 2 * BINS_OF_AGE
            else:
                continue
            age = (now - seat.since) // BIN
            places.append(start + BIN_OF_HALF_SECOND[0 if age < 0 else 7199 if age > 7199 else age])
        table, counts = self._table, Counter(places)
        return [table[place] for place in counts], list(counts.values())


def _each(rows: Rows) -> list[Row]:
    return [entry for entry, count in zip(*rows, strict=True) for _ in range(count)]


def _sums(rows: Rows) -> list[float]:
    """Return the sums of the moments over all rows, each times its count."""
    entries, counts = rows
    if not entries:
        return [0.0] * (3 * POINTS)
    return [sum(map(mul, column, counts)) for column in zip(*entries, strict=True)]
