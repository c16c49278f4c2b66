"""Who does not want to be called: black lists, temporary blocks, opt-outs, consents; what is noted of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.database import Session, utc
from engine.domain.law import Given
from engine.domain.localtime import LocalTime

#: A black-listed prefix has at least so many digits: one would forbid a continent.
_SHORTEST_PREFIX = 2
#: No clock is put back by more: what a wall clock has passed may lie ahead once more for so long.
_TWICE = timedelta(hours=3)
#: What is dialled before a country code. Listed as a prefix it means numbers that are dialled like this.
_ABROAD = ("00", "011")


@dataclass(slots=True)
class Wishes:
    """What the lists say, by the digits (or contact key) that they have; moments are local time."""

    listed: set[str] = field(default_factory=set)
    until: dict[str, datetime] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    consents: dict[str, Given] = field(default_factory=dict)

    def add(self, more: Wishes) -> None:
        """Take over what was asked for further numbers at the same moment."""
        self.listed |= more.listed
        self.until.update(more.until)
        self.opted_out |= more.opted_out
        self.consents.update(more.consents)

    def black_listed(self, forms: Sequence[str]) -> str:
        """Return why a number is on the black list for good, '' when it is not. The first form is the
        number as it is dialled."""
        for form in forms:
            if form in self.listed:
                return "the number is on the black list"
            if any(prefix in self.listed for prefix in _prefixes(form, written=form == forms[0])):
                return "numbers that begin like this are on the black list"
        return ""

    def blocked_until(self, forms: Collection[str]) -> datetime | None:
        """Return until when (local time) a number is blocked for a time."""
        return max((self.until[form] for form in forms if form in self.until), default=None)

    def given(self, forms: Collection[str], contact: str) -> Given:
        """Return what a person said: one withdrawal counts more than any consent."""
        if any(who.casefold() in self.opted_out for who in (*forms, contact_key(contact)) if who):
            return Given.WITHDRAWN
        said = {self.consents[form] for form in forms if form in self.consents}
        for word in (Given.WITHDRAWN, Given.CONSENT):
            if word in said:
                return word
        return Given.NOTHING


def _prefixes(form: str, *, written: bool) -> Iterator[str]:
    """Return the prefixes that black lists may have of a form; `written`: the number is dialled like this."""
    for length in range(_SHORTEST_PREFIX, len(form) + 1):
        if written or form[:length] not in _ABROAD:
            yield f"{form[:length]}*"


def contact_key(contact: str) -> str:
    """Return how `opt_outs.who` names a contact; '' for one without an id."""
    return f"contact:{contact}"[:80] if contact else ""


async def wishes(
    session: Session,
    campaign: str,
    now: datetime,
    local: LocalTime,
    numbers: Mapping[str, Sequence[str]],
    contacts: Collection[str] = (),
    *,
    black_lists: bool = True,
) -> Wishes:
    """Ask all lists at once. `now`: aware; `local`: the time of their columns; `numbers`: number → its forms;
    `black_lists`: ask those, too (opt-outs and withdrawals count always)."""
    found = Wishes()
    forms = sorted({form for number in numbers.values() for form in number})
    if not forms:
        return found
    if black_lists:
        await _black_lists(session, campaign, forms, found)
        await _temporary(session, now, local, forms, found)
    who = [*forms, *sorted({contact_key(contact) for contact in contacts if contact})]
    rows = await session.rows(f"SELECT number FROM ccdata.opt_outs WHERE number IN ({_marks(who)})", who)
    found.opted_out = {str(row["number"]).casefold() for row in rows}
    rows = await session.rows(
        "SELECT number, given_at, expires, withdrawn_at FROM ccdata.consents"
        f" WHERE number IN ({_marks(forms)}) AND campaign IN (%s, '*')",
        (*forms, campaign),
    )
    for row in rows:
        _consent(row, now, local, found)
    return found


def _consent(row: Mapping[str, Any], now: datetime, local: LocalTime, found: Wishes) -> None:
    """In the hour that autumn has twice a withdrawal holds, and an agreement ends, in its first half."""
    number = str(row["number"])
    if row["withdrawn_at"] is not None and local.soonest(row["withdrawn_at"]) <= now:
        found.consents[number] = Given.WITHDRAWN
    elif found.consents.get(number) is not Given.WITHDRAWN:
        lasts = row["expires"] is None or local.soonest(row["expires"]) > now
        if row["given_at"] is not None and lasts:
            found.consents[number] = Given.CONSENT


async def _black_lists(session: Session, campaign: str, forms: Sequence[str], found: Wishes) -> None:
    """`number` is what the lists' phones come to without layout, type and +, as parse_phone reads them;
    a phone that ends with * is a prefix. LOAD DATA of a file with CR LF leaves the CR in its last column."""
    whose = [name + end for name in (campaign, "*") for end in ("", "\r")]
    prefixes = {f"{form[:n]}*" for form in forms for n in range(_SHORTEST_PREFIX, len(form) + 1)}
    words = [*forms, *sorted(prefixes)]
    rows = await session.rows(
        f"SELECT number FROM ccdata.black_list WHERE number IN ({_marks(words)})"
        f" AND campaign IN ({_marks(whose)})",
        (*words, *whose),
    )
    found.listed = {str(row["number"]) for row in rows}


async def _temporary(
    session: Session, now: datetime, local: LocalTime, forms: Sequence[str], found: Wishes
) -> None:
    rows = await session.rows(
        "SELECT number, MAX(removedate) AS until FROM ccdata.black_list_schedule"
        f" WHERE number IN ({_marks(forms)}) AND removedate > %s GROUP BY number",
        (*forms, local.naive(now) - _TWICE),
    )
    found.until = {str(row["number"]): row["until"] for row in rows if local.utc(row["until"]) > now}


def _marks(values: Collection[object]) -> str:
    return ",".join(["%s"] * len(values))


async def opt_out(
    session: Session, who: Collection[str], at: datetime, via: str, campaign: str = "", attempt: str = ""
) -> None:
    """Note that a person does not want to be called. The first word counts; nothing takes it back."""
    await session.run_many(
        "INSERT IGNORE INTO ccdata.opt_outs (who, opted_at, campaign, attempt, via)"
        " VALUES (%s, %s, %s, %s, %s)",
        [(word, utc(at), campaign[:128], attempt[:36], via[:32]) for word in sorted(set(who)) if word],
    )


async def audit(session: Session, local_now: datetime, user: str, action: str) -> None:
    """Note in the audit who did what."""
    await session.run(
        "INSERT INTO ccrepo.auditory (datetime, userid, host, action) VALUES (%s, %s, '', %s)",
        (local_now, user[:80], action[:2000]),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """A call that was not placed because of the person called."""

    number: str
    campaign: str
    ban: str
    reason: str


async def note_blocks(session: Session, blocks: Sequence[Block], owner: str, local_now: datetime) -> None:
    """Write each block into the history of the registry and into the audit."""
    await session.run_many(
        "INSERT INTO ccrepo.black_list_history (calldate, src, dst) VALUES (%s, %s, %s)",
        [(local_now, owner[:80], block.number) for block in blocks],
    )
    await session.run_many(
        "INSERT INTO ccrepo.auditory (datetime, userid, host, action) VALUES (%s, %s, '', %s)",
        [
            (local_now, owner[:80], f"not called: {b.number} in {b.campaign}: {b.ban}: {b.reason}"[:2000])
            for b in blocks
        ],
    )
