"""Calls to the same person: claims that count them take turns, and the counting itself.

A person is known by the contact id and by every number of the contact, whatever the campaign and the
spelling: those that the row has, those that it had when it was called on them, and those of whoever was
called by one of these. Claims that share any of them lock the same slot, in one order, and see each other's
attempts after that.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.blacklists import contact_key
from engine.adapters.mysql.database import Session, aware, utc
from engine.domain.law import Contacted
from engine.domain.outcomes import NOT_CALLED, Outcome
from engine.ports import StoreError

#: As many rows as person_locks has.
SLOTS = 4000

#: Spellings of one number differ in what comes before its last digits: they have one slot.
_TAIL = 6
#: Calls of at least so long ago tell which numbers and contact ids are one person's.
_KNOWN_FOR = timedelta(days=7)
#: Who may become a conversation at any moment is asked about again after so long.
UNDER_WAY = timedelta(minutes=1)

#: Attempts that never left our side, or that the switch could not place, were no calls.
_NO_CALL = NOT_CALLED | {Outcome.NOT_PLACED}
#: How a call ends that never rang: Regulation F does not count it.
_SILENT = frozenset((Outcome.BUSY, Outcome.CONGESTION, Outcome.INVALID, Outcome.FAILED, Outcome.REJECTED))
_COLUMNS = (
    "id, number, contact, spool_id, state, outcome, claimed_at, sent_at, ringing_at, answered_at,"
    " connected_at, ended_at"
)


#: The calls to some by one of the keys; each has an index that ends with the time.
SOME = "SELECT {} FROM ccdata.attempts FORCE INDEX ({}) WHERE {} IN ({}) AND claimed_at > %s"
#: Every number and contact id that some rows of the spool were called by, whatever became of the rows.
OF_ROWS = (
    "SELECT DISTINCT spool_id, number, contact FROM ccdata.attempts FORCE INDEX (attempts_spool)"
    " WHERE spool_id IN ({})"
)


@dataclass(frozen=True, slots=True)
class Person:
    """By what calls to somebody are recognised: numbers in every spelling, contact ids, rows of the spool."""

    numbers: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What two claims for the same person have in common."""
        return (*self.numbers, *(contact_key(contact) for contact in self.contacts))

    def within(self, slots: frozenset[int]) -> bool:
        """Are these all the slots of the person?"""
        return all(slot_of(key) in slots for key in self.keys)


def slot_of(key: str) -> int:
    """Return the slot of person_locks for a key."""
    return zlib.crc32((key[-_TAIL:] if key.isdigit() else key).encode()) % SLOTS


async def take_turns(session: Session, people: Iterable[Person], *, wait: bool) -> frozenset[int]:
    """Lock the slots of all these people until the transaction ends; return which are ours now.

    All claims wait in the same order, and only the first time: who has slots and wants more takes what is
    free (`wait` false), so that nobody waits for anybody in a circle. The slots are written, not only
    locked: a cluster of databases certifies writes alone.
    """
    slots = sorted({slot_of(key) for person in people for key in person.keys})
    if not slots:
        return frozenset()
    marks = ",".join(["%s"] * len(slots))
    rows = await session.rows(
        f"SELECT slot FROM ccdata.person_locks WHERE slot IN ({marks}) ORDER BY slot FOR UPDATE"
        + ("" if wait else " SKIP LOCKED"),
        slots,
    )
    ours = frozenset(int(row["slot"]) for row in rows)
    if wait and len(ours) < len(slots):
        raise StoreError(
            "person_locks has lost rows. Fix: run its INSERT of migrations/0008_law_and_lists.sql"
        )
    if ours:
        marks = ",".join(["%s"] * len(ours))
        await session.run(
            f"UPDATE ccdata.person_locks SET turns = turns + 1 WHERE slot IN ({marks})", sorted(ours)
        )
    return ours


@dataclass(slots=True)
class PastCalls:
    """The calls of some time, found by number, contact id or spool row; each once."""

    _by_key: dict[str | int, dict[str, Contacted]] = field(default_factory=dict)

    def add(self, attempt: str, call: Contacted, numbers: Iterable[str], contact: str, row: int) -> None:
        """Note one call under everything by which its person may be known."""
        keys: tuple[str | int, ...] = (*numbers, contact_key(contact), row)
        for key in keys:
            if key:
                self._by_key.setdefault(key, {})[attempt] = call

    def of(self, person: Person) -> tuple[Contacted, ...]:
        """Return the calls to a person."""
        found: dict[str, Contacted] = {}
        keys: tuple[str | int, ...] = (*person.keys, *person.rows)
        for key in keys:
            found.update(self._by_key.get(key, {}))
        return tuple(found.values())


async def acquainted(
    session: Session, people: Sequence[Person], since: datetime, forms: Callable[[str], Iterable[str]]
) -> list[Person]:
    """Return the people, each with everything else by which he is known: what his rows were called by before,
    and the rows of whoever was called by one of his numbers or contact ids.

    Only calls after `since` (aware), which is some days ago, join two rows. `forms`: a number's spellings.
    """
    seen = await session.rows(*_called(people, "id, spool_id, number, contact", since, rows=False))
    by_key: dict[str, set[int]] = {}
    for row in seen:
        for key in (str(row["number"]), contact_key(str(row["contact"]))):
            by_key.setdefault(key, set()).add(int(row["spool_id"]))
    theirs = [{*p.rows, *(n for key in p.keys for n in by_key.get(key, ()))} - {0} for p in people]
    ids = sorted(set().union(*theirs))
    if not ids:
        return list(people)
    of_row: dict[int, list[dict[str, Any]]] = {}
    for row in await session.rows(OF_ROWS.format(",".join(["%s"] * len(ids))), ids):
        of_row.setdefault(int(row["spool_id"]), []).append(row)
    whole = []
    for person, rows in zip(people, theirs, strict=True):
        called = [row for n in sorted(rows) for row in of_row.get(n, ())]
        others = {str(row["number"]) for row in called if row["number"]}.difference(person.numbers)
        numbers = {form: None for number in sorted(others) for form in forms(number)}
        contacts = {str(row["contact"]): None for row in called if row["contact"]}
        whole.append(
            Person(
                tuple(dict.fromkeys((*person.numbers, *numbers))),
                tuple(dict.fromkeys((*person.contacts, *contacts))),
                tuple(sorted(rows)),
            )
        )
    return whole


def known_since(since: datetime, now: datetime) -> datetime:
    """Return from when on calls tell who is who, where those since a moment count."""
    return min(since, now - _KNOWN_FOR)


async def past_calls(
    session: Session, people: Sequence[Person], since: datetime, now: datetime, besides: str = ""
) -> PastCalls:
    """Return what was called since a moment (aware) among these people, `besides` one attempt."""
    past = PastCalls()
    for row in await session.rows(*_called(people, _COLUMNS, since, rows=True)):
        call = contacted(row)
        if call is not None and row["id"] != besides:
            if row["state"] != "ended":
                call = replace(call, lasts=now + UNDER_WAY)
            past.add(str(row["id"]), call, (str(row["number"]),), str(row["contact"]), int(row["spool_id"]))
    return past


def _called(people: Sequence[Person], columns: str, since: datetime, *, rows: bool) -> tuple[str, list[Any]]:
    """Return the query for the calls to these people by number and contact id, with `rows` by row, too."""
    asked: list[tuple[str, str, Collection[Any]]] = [
        ("number", "attempts_number", {number for p in people for number in p.numbers}),
        ("contact", "attempts_contact", {contact for p in people for contact in p.contacts}),
    ]
    if rows:
        asked.append(("spool_id", "attempts_spool", {row for p in people for row in p.rows}))
    parts: list[str] = []
    args: list[Any] = []
    for column, index, values in asked:
        if values:
            parts.append(SOME.format(columns, index, column, ",".join(["%s"] * len(values))))
            args += [*sorted(values), utc(since)]
    return " UNION ".join(parts), args


def contacted(row: dict[str, Any]) -> Contacted | None:
    """Read an attempt as a call to its person; None when nothing was placed."""
    ended, outcome = row["state"] == "ended", row["outcome"]
    if ended and (row["sent_at"] is None or outcome in _NO_CALL):
        return None
    rang = not ended or row["ringing_at"] or row["answered_at"] or outcome not in _SILENT
    talked = row["connected_at"] is not None
    over = row["ended_at"] or row["connected_at"] or row["claimed_at"]
    return Contacted(
        at=aware(row["sent_at"] or row["claimed_at"]),
        rang=bool(rang),
        spoke=aware(over) if talked else None,
        abandoned=aware(over) if outcome == Outcome.ABANDONED else None,
    )
