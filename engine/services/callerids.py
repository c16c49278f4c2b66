"""Which caller ID each call shows, how the numbers fare by it, and which of them rest.

One engine dials at a time, so whose turn it is, is decided here without asking the database: what is chosen
is written with the attempt before its order leaves, and the next term begins with what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from engine.domain.call import Call, State
from engine.domain.callerid import CallerIdEntry, key, parse_entry
from engine.domain.callerid_health import HealthRules, Ledger, Verdict, result_of
from engine.domain.callerid_pool import Locality, Pool, Turns, choose_own, uncounted
from engine.domain.errors import FieldError
from engine.domain.model import Dialer
from engine.domain.settings import Row, SettingsRows
from engine.ports import Clock, Observer, StoreError
from engine.ports.callerids import CallerIdFigures, CallerIdRest, CallerIdStore

log = structlog.get_logger(__name__)

#: How often figures are written (s).
PERIOD = 0.9
#: Numbers whose earlier calls are read in one turn, so that no turn is long.
RESTORED = 20
#: Turns between two looks at what is too old.
SWEEP = 1000
#: What was not shown for so long is forgotten.
FORGOTTEN = timedelta(days=30)
#: The campaign whose rows serve every campaign.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a campaign may show no number now, and when the next one is free."""

    reason: str
    until: datetime | None = None


def nowhere(number: str, country: str) -> Locality:
    """Know nothing of where numbers belong."""
    return Locality()


def _anywhere(number: str) -> Locality:
    return Locality()


class CallerIds:
    """The caller IDs of one term.

    Invariant: a number that rests is never chosen; a number is counted as used from the moment in which it
    is chosen, by whichever campaign.
    """

    def __init__(
        self,
        store: CallerIdStore,
        observer: Observer,
        clock: Clock,
        rules: HealthRules | None = None,
        locate: Callable[[str, str], Locality] = nowhere,
    ) -> None:
        self._store = store
        self._observer = observer
        self._clock = clock
        self._locate = locate
        self.ledger = Ledger(rules or HealthRules())
        self._rows: tuple[Row, ...] = ()
        #: How many times decisions were written, and which of them are younger than the rows last read.
        self.written = 0
        self._told: dict[str, int] = {}
        self._entries: dict[str, tuple[CallerIdEntry, ...]] = {}
        self._pools: dict[tuple[str, str, bool], Pool] = {}
        self._own: dict[str, Pool] = {}
        self._known: set[str] = set()
        self._all = Pool((), _anywhere)
        self._used: dict[str, float] = {}
        self._last = 0.0
        self._rests: dict[str, int] = {}
        #: Until when numbers rest: as the tables say, and as was decided since.
        self._resting: dict[str, datetime] = {}
        self._decided: dict[str, CallerIdRest] = {}
        self._changed: set[str] = set()
        self._proven: set[str] = set()
        self._began = clock.now()
        self._unread: list[str] = []
        self._turn = 0

    # Choosing.

    def choose(self, dialer: Dialer, destination: str) -> str | None:
        """Return the number to show, '' for the trunk's own; None when the campaign may not call now."""
        local = dialer.local_presence
        pool, draw = self._pool(dialer), self._clock.draw
        number = pool.choose(destination, self._turns, draw, local=local)
        if not number:
            locate = (lambda one: self._locate(one, dialer.jurisdiction)) if local else None
            number = choose_own(dialer.caller_id, destination, draw, locate)
            if not number:
                return None if pool.size else ""
            if uncounted(dialer.caller_id, number) and not self._all.has(key(number)):
                return number
        self._last = max(self._clock.now().timestamp(), self._last + 1e-6)
        self._used[key(number)] = self._last
        self._changed.add(key(number))
        return number

    def hold(self, dialer: Dialer) -> Hold | None:
        """Return why a campaign may not call now; None when it has a number for every destination."""
        pool = self._pool(dialer)
        if not pool.size or dialer.caller_id.entries or pool.serves_all(self._turns):
            return None
        if not pool.generic:
            return Hold(
                "every row of caller_ids has a prefix and dialers.callerid is empty:"
                " add one without PREFIX# for all other destinations"
            )
        until = min((end for number, end in self._ends().items() if pool.has(number)), default=None)
        free = f"; the next is free at {until:%Y-%m-%d %H:%M:%S} UTC" if until else ""
        return Hold(f"every caller ID of the campaign rests, and dialers.callerid is empty{free}", until)

    @property
    def _turns(self) -> Turns:
        now, ends = self._clock.now(), self._ends()
        return Turns(self._used, {number for number, until in ends.items() if until > now})

    def _ends(self) -> dict[str, datetime]:
        if not self._decided:
            return self._resting
        return {**self._resting, **{one.number: one.until for one in self._decided.values()}}

    def _pool(self, dialer: Dialer) -> Pool:
        name = (dialer.name.casefold(), dialer.jurisdiction, dialer.local_presence)
        if name not in self._pools:
            entries = (*self._entries.get(name[0], ()), *self._entries.get(EVERYBODY, ()))
            near = dialer.local_presence
            self._pools[name] = Pool(
                entries, (lambda number: self._locate(number, name[1])) if near else _anywhere
            )
        return self._pools[name]

    # Learning.

    def heard(self, call: Call) -> None:
        """Hear of a call; what it says of its caller ID counts when it has ended."""
        if call.state is not State.ENDED or not call.caller_id or not call.sent_at or not call.outcome:
            return
        number, campaign = key(call.caller_id), call.dialer.name
        result = result_of(call.sent_at, campaign, call.outcome, call.sip)
        if result is None:
            return
        self._observer.caller_id_heard(campaign, result)
        if number not in self._used or not self.ledger.add(number, result):
            return
        self._changed.add(number)
        if not self._all.has(number) or number in self._turns.resting:
            return
        verdict = self.ledger.judge(number)
        if verdict is not None:
            self._let_rest(number, campaign, verdict)
        elif self._rests.get(number) and self.ledger.proven(number):
            del self._rests[number]
            self._decided.pop(number, None)  # one that could not be written for as long as it lasted
            self._proven.add(number)

    def _let_rest(self, number: str, campaign: str, verdict: Verdict) -> None:
        rests = self._rests.get(number, 0)
        length = self.ledger.rules.length(rests)
        until = self._clock.now() + length
        until = until.replace(microsecond=until.microsecond // 1000 * 1000)  # as the table keeps it
        self._rests[number] = rests + 1
        self._decided[number] = CallerIdRest(number, until, verdict.reason, rests + 1)
        self._proven.discard(number)
        self.ledger.begin_anew(number, until)
        self._observer.caller_id_rests(campaign, verdict.cause)
        log.warning(
            "a caller ID rests",
            action="caller_id.resting",
            campaign=campaign,
            reason=verdict.reason,
            hours=round(length.total_seconds() / 3600, 2),
        )

    # Keeping.

    async def begin(self) -> None:
        """Take in what earlier terms left. Raises StoreError."""
        self._began, self._unread = self._clock.now(), []
        oldest = self._began - timedelta(hours=self.ledger.rules.hours)
        for record in await self._store.caller_id_records(self._began):
            if record.used_at is not None:
                self._used[record.number] = record.used_at.timestamp()
                if record.used_at >= oldest:
                    self._unread.append(record.number)
            if record.rests:
                self._rests[record.number] = record.rests
            if record.counted_from is not None:
                self.ledger.begin_anew(record.number, record.counted_from)
        self._last = max(self._used.values(), default=0.0)
        self.follow(await self._store.settings(), self.written)

    async def run(self) -> None:
        """Write figures and follow the rows until cancelled."""
        while True:
            await asyncio.sleep(PERIOD)
            try:
                await self.keep()
                await self._restore()
                self._turn += 1
                if self._turn % SWEEP == 0:
                    await self._sweep()
            except StoreError as error:
                log.warning("caller IDs not kept", action="caller_id.database", reason=str(error))

    async def keep(self) -> None:
        """Write what has changed. Raises StoreError; then it is written the next time."""
        changed, proven, decided = self._changed, self._proven, dict(self._decided)
        if not (changed or proven or decided):
            return
        self._changed, self._proven = set(), set()
        figures = [self._figures(number) for number in sorted(changed)]
        try:
            await self._store.keep_caller_ids(figures, list(decided.values()), sorted(proven))
        except StoreError:
            self._changed |= changed
            self._proven |= proven
            raise
        self.written += 1
        for number, rest in decided.items():
            self._resting[number] = rest.until
            self._told[number] = self.written
            if self._decided.get(number) is rest:
                del self._decided[number]

    def _figures(self, number: str) -> CallerIdFigures:
        used = self._used.get(number)
        at = None if used is None else datetime.fromtimestamp(used, UTC)
        return CallerIdFigures(number, at, self.ledger.counts(number), self.ledger.counted_from(number))

    def follow(self, rows: SettingsRows, asked: int) -> None:
        """Take over what people have steered. `asked`: what `written` was when the rows were asked for."""
        now = self._clock.now()
        # What was decided here and written after those rows were read, they do not know.
        self._told = {number: at for number, at in self._told.items() if at > asked}
        resting = {**rows.resting, **{number: self._resting[number] for number in self._told}}
        for number, until in resting.items():
            if self._resting.get(number) != until:  # a person's doing, or an earlier term's
                self.ledger.begin_anew(number, until)
                self._changed.add(number)
        for number, until in self._resting.items():
            if number not in resting and until > now and number not in self._decided:
                self.ledger.begin_anew(number, now)  # released by a person: it gets a fresh chance
                self._changed.add(number)
                self._rests.pop(number, None)
                self._proven.add(number)
        self._resting = resting
        if rows.caller_ids is not self._rows:
            self._rows = rows.caller_ids
            self._parse(rows.caller_ids)
        self._report()

    def _parse(self, rows: Sequence[Row]) -> None:
        entries: dict[str, list[CallerIdEntry]] = {}
        refused: dict[str, int] = {}
        names: dict[str, str] = {}
        for row in rows:
            campaign = str(row["campaign"]).casefold()
            names.setdefault(campaign, str(row["campaign"]))
            try:
                entry = parse_entry(str(row["entry"]).strip(), "caller_ids.entry")
            except FieldError:
                refused[campaign] = refused.get(campaign, 0) + 1
            else:
                entries.setdefault(campaign, []).append(entry)
        for campaign, count in refused.items():
            log.error(
                "rows of caller_ids cannot be used; 'overdial caller-ids list' tells which and why",
                action="caller_id.refused",
                campaign=names[campaign],
                rows=count,
            )
        self._entries = {campaign: tuple(own) for campaign, own in entries.items()}
        self._pools.clear()
        self._own = {names[campaign]: Pool(own, _anywhere) for campaign, own in self._entries.items()}
        self._all = Pool((entry for own in self._entries.values() for entry in own), _anywhere)

    def _report(self) -> None:
        now, ends = self._clock.now(), self._ends()
        resting = [number for number, until in ends.items() if until > now]
        for campaign in self._known - set(self._own):
            self._observer.caller_ids(campaign, 0, 0)
        for campaign, pool in self._own.items():
            count = sum(pool.has(number) for number in resting)
            self._observer.caller_ids(campaign, pool.size - count, count)
        self._known = set(self._own)

    async def _restore(self) -> None:
        """Read the calls that earlier terms placed with some of the numbers."""
        numbers, rules = self._unread[:RESTORED], self.ledger.rules
        if not numbers:
            return
        since = self._began - timedelta(hours=rules.hours)
        found = await self._store.caller_id_calls(numbers, since, self._began, rules.window)
        for number in numbers:
            self.ledger.restore(number, found.get(number, ()))
            self._changed.add(number)
        del self._unread[: len(numbers)]

    async def _sweep(self) -> None:
        """Let go of what is too old, here and in the table."""
        now = self._clock.now()
        for number in self.ledger:
            if self.ledger.expire(number, now):
                self._changed.add(number)
        await self._store.forget_caller_ids(now - FORGOTTEN)
        oldest = (now - FORGOTTEN).timestamp()
        for number in [number for number, used in self._used.items() if used < oldest]:
            del self._used[number]
            if number in self.ledger and number not in self._resting:
                self.ledger.drop(number)
