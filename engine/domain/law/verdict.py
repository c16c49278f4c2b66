"""May we call this number now? All the reasons against it, and when each ends."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from engine.domain.law.facts import Facts, Given
from engine.domain.law.rules import (
    After,
    Cap,
    Consent,
    Counts,
    Holidays,
    Hours,
    Law,
    Registry,
    Rest,
    Ring,
    Rule,
    When,
)
from engine.domain.localtime import LocalTime
from engine.domain.schedule import Schedule

#: No holidays follow one another for longer than this.
_HORIZON = timedelta(days=40)
#: The calendar is looked through so far ahead for its next closing: hours repeat within a week.
_AHEAD = timedelta(days=8)
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
#: From the end of one reason to the end of the next; a search that goes on has found contradictory rules.
_STEPS = 100


class Ban(enum.StrEnum):
    """What holds a contact back; the words stand in tables and metrics."""

    BLACK_LIST = "black_list"
    OPT_OUT = "opt_out"
    REGISTRY = "registry"
    CONSENT = "consent"
    HOURS = "hours"
    HOLIDAY = "holiday"
    CAP = "cap"
    CONVERSATION = "conversation"
    ABANDONED = "abandoned"
    RING = "ring"
    ZONE = "zone"

    @property
    def calendar(self) -> bool:
        """Does it hold everybody at such an hour, rather than this person?"""
        return self in (Ban.HOURS, Ban.HOLIDAY)


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason. `until`: when it ends; None: not by itself."""

    ban: Ban
    text: str
    until: datetime | None
    source: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.source})" if self.source else self.text


@dataclass(frozen=True, slots=True)
class Verdict:
    """All reasons against a call now; none: it may be placed."""

    holds: tuple[Hold, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.holds

    @property
    def final(self) -> Hold | None:
        """The reason that does not end by itself, if there is one."""
        return next((hold for hold in self.holds if hold.until is None), None)

    @property
    def last(self) -> Hold | None:
        """The reason that ends last: the final one, if there is one."""
        ending = [(hold.until, n) for n, hold in enumerate(self.holds) if hold.until is not None]
        return self.final or (self.holds[max(ending)[1]] if ending else None)

    @property
    def of_number(self) -> Hold | None:
        """The reason for which this number is never called though another of the person's may be: it stands
        on a list itself. None where there is none, or the person said no."""
        if any(hold.ban is Ban.OPT_OUT for hold in self.holds):
            return None
        listed = (Ban.BLACK_LIST, Ban.REGISTRY)
        return next((hold for hold in self.holds if hold.until is None and hold.ban in listed), None)

    @property
    def until(self) -> datetime | None:
        """When the last of the reasons ends; None when there is none, or one that does not end."""
        return self.last.until if self.last else None


def may_call(law: Law, facts: Facts, now: datetime) -> Verdict:
    """Judge a call at `now` (aware). The order of the reasons is that of the law's rules."""
    holds = [*_lists(facts, now)]
    for rule in law.rules:
        holds += _judge(rule, facts, now)
    return Verdict(tuple(holds))


def next_moment(law: Law, facts: Facts, now: datetime) -> datetime | None:
    """Return the first moment from `now` at which nothing is against the call, if nothing happens
    meanwhile; None when it will not come by itself."""
    moment = now
    for _ in range(_STEPS):
        verdict = may_call(law, facts, moment)
        if verdict.allowed:
            return moment
        if verdict.until is None:
            return None
        moment = max(verdict.until, moment + timedelta(seconds=1))
    return None


def next_closing(law: Law, facts: Facts, now: datetime) -> datetime | None:
    """Return the first moment after `now` at which the law's calendar (hours, weekdays, holidays) is against
    a call, in any zone in which the contact may be; None when it is not within the next eight days."""
    calendar = [rule for rule in law.rules if isinstance(rule, Hours | Holidays)]
    clocks = _closing_clocks(calendar)
    begin = now
    while clocks and begin - now < _AHEAD:
        found = {moment for zone in facts.zones for moment in _boundaries(zone, clocks, begin)}
        for moment in sorted(found):
            if any(hold.ban.calendar for rule in calendar for hold in _judge(rule, facts, moment)):
                return moment
        begin += _DAY
    return None


def _closing_clocks(calendar: Sequence[Hours | Holidays]) -> frozenset[timedelta]:
    """Return the times of day, on a wall clock, at which one of the rules may begin to hold."""
    clocks = {timedelta()} if calendar else set()
    for rule in calendar:
        if isinstance(rule, Hours):
            ends = (window.end for window in rule.schedule.windows)
            clocks |= {timedelta(hours=end.hour, minutes=end.minute) + _MINUTE for end in ends}
    return frozenset(clocks)


def _boundaries(zone: tzinfo, clocks: Collection[timedelta], begin: datetime) -> Iterator[datetime]:
    """Return the moments within a day after `begin` at which a clock of `zone` shows one of these times, both
    of them where autumn has the time twice, and the moment at which it is put forward or back."""
    end = begin + _DAY
    first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    for days in range((last - first).days + 2):
        midnight = datetime.combine(first + timedelta(days=days - 1), time())
        for clock in clocks:
            for fold in (0, 1):
                moment = (midnight + clock).replace(tzinfo=zone, fold=fold).astimezone(UTC)
                if begin < moment <= end:
                    yield moment
    if begin.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        before, after = begin, end
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            changed = middle.astimezone(zone).utcoffset() != begin.astimezone(zone).utcoffset()
            before, after = (before, middle) if changed else (middle, after)
        yield after.replace(microsecond=0).astimezone(UTC)


def _lists(facts: Facts, now: datetime) -> Iterator[Hold]:
    if facts.listed:
        yield Hold(Ban.BLACK_LIST, facts.listed, None)
    if facts.given is Given.WITHDRAWN:
        yield Hold(Ban.OPT_OUT, "the person does not want to be called", None)
    if facts.listed_until is not None and facts.listed_until > now:
        yield Hold(Ban.BLACK_LIST, "the number is on the temporary black list", facts.listed_until)


def _judge(rule: Rule, facts: Facts, now: datetime) -> Iterator[Hold]:
    match rule:
        case Hours():
            yield from _hours(rule, facts, now)
        case Holidays():
            yield from _holidays(rule, facts, now)
        case Cap():
            yield from _cap(rule, facts, now)
        case Rest():
            yield from _rest(rule, facts, now)
        case Ring() if facts.ring < rule.seconds:
            text = f"it would ring for {facts.ring} s only; set timeout to {rule.seconds} or more"
            yield Hold(Ban.RING, text, None, rule.source)
        case Consent():
            needed = rule.when is When.ALWAYS or facts.prerecorded
            if needed and facts.given is Given.NOTHING:
                yield Hold(Ban.CONSENT, "the person's consent is not known", None, rule.source)
        case Registry():
            if rule.name in facts.registries and facts.given is not Given.CONSENT:
                yield Hold(Ban.REGISTRY, f"the number is in the registry {rule.name}", None, rule.source)


def _hours(rule: Hours, facts: Facts, now: datetime) -> Iterator[Hold]:
    if not facts.zones:
        yield Hold(Ban.ZONE, "the contact's time zone is not known", None, rule.source)
        return
    closed = [zone for zone in facts.zones if not rule.schedule.open_at(now.astimezone(zone))]
    if closed:
        clock = f"{now.astimezone(closed[0]):%H:%M}"
        text = f"it is {clock} in {closed[0]}, calls are allowed {rule.text}"
        opens = _opens(rule.schedule, facts.zones, now)
        if opens is None:
            text += f", which it never is in all of its {len(facts.zones)} zones: name the one where it is"
        yield Hold(Ban.HOURS, text, opens, rule.source)


def _opens(schedule: Schedule, zones: tuple[tzinfo, ...], now: datetime) -> datetime | None:
    """Return the first moment after `now` at which it is within the hours in every zone."""
    moment = now
    while moment - now <= timedelta(days=15):
        closed = [zone for zone in zones if not schedule.open_at(moment.astimezone(zone))]
        if not closed:
            return moment
        after = max(
            LocalTime(zone).utc(schedule.opens_after(moment.astimezone(zone).replace(tzinfo=None)))
            for zone in closed
        )
        # A clock change may put a wall-clock time before now, or nowhere: then the next minute is asked.
        moment = after if after > moment else moment + timedelta(minutes=1)
    return None


def _holidays(rule: Holidays, facts: Facts, now: datetime) -> Iterator[Hold]:
    for zone in facts.zones:
        day = now.astimezone(zone).date()
        name = facts.holiday(rule.country, rule.state, day)
        if not name:
            continue
        after = day + timedelta(days=1)
        while after - day < _HORIZON and facts.holiday(rule.country, rule.state, after):
            after += timedelta(days=1)
        until = LocalTime(zone).utc(datetime.combine(after, time()))
        yield Hold(Ban.HOLIDAY, f"it is {name}", until, rule.source)
        return


def _cap(rule: Cap, facts: Facts, now: datetime) -> Iterator[Hold]:
    counted = sorted(
        (
            call.at
            for call in facts.calls
            if call.at > now - rule.window and (call.rang or rule.counts is Counts.PLACED)
        ),
        reverse=True,
    )
    if len(counted) >= rule.calls:
        until = counted[rule.calls - 1] + rule.window if rule.calls else None
        text = f"{len(counted)} calls to the person in {_span(rule.window)}, {rule.calls} are allowed"
        yield Hold(Ban.CAP, text, until, rule.source)


def _rest(rule: Rest, facts: Facts, now: datetime) -> Iterator[Hold]:
    if rule.spared and facts.agent_guaranteed:
        return
    talked = rule.after is After.CONVERSATION
    lasting = max((call.lasts for call in facts.calls if call.lasts is not None), default=now)
    if talked and lasting > now:
        yield Hold(Ban.CONVERSATION, "a call to the person is under way", lasting, rule.source)
    moments = [call.spoke if talked else call.abandoned for call in facts.calls]
    last = max((moment for moment in moments if moment is not None), default=None)
    if last is not None and last + rule.length > now:
        what = "a conversation" if talked else "an abandoned call"
        ban = Ban.CONVERSATION if talked else Ban.ABANDONED
        yield Hold(ban, f"{what} within {_span(rule.length)}", last + rule.length, rule.source)


def _span(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{hours / 24:g} days" if hours % 24 == 0 and hours > 24 else f"{hours:g} h"
