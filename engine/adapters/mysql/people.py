"""Calls to the same person: claims that count them take turns, and the counting itself.

A person is known by the contact id and by every number of the contact, whatever the campaign. Claims that
share any of these lock the same slot, in one order, and see each other's attempts after that.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql.blacklists import contact_key
from engine.adapters.mysql.database import Session, utc
from engine.domain.law import Contacted
from engine.domain.outcomes import NOT_CALLED, Outcome
from engine.ports import StoreError

#: As many rows as person_locks has.
SLOTS = 4000

#: Attempts that never left our side, or that the switch could not place, were no calls.
_NO_CALL = NOT_CALLED | {Outcome.NOT_PLACED}
#: How a call ends that never rang: Regulation F does not count it.
_SILENT = frozenset((Outcome.BUSY, Outcome.CONGESTION, Outcome.INVALID, Outcome.FAILED, Outcome.REJECTED))
_COLUMNS = (
    "id, number, contact, spool_id, state, outcome, claimed_at, sent_at, ringing_at, answered_at,"
    " connected_at, ended_at"
)


@dataclass(frozen=True, slots=True)
class Person:
    """By what calls to somebody are recognised: canonical numbers, contact id, spool row."""

    numbers: tuple[str, ...]
    contact: str = ""
    spool_id: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """What two claims for the same person have in common."""
        return tuple(key for key in (*self.numbers, contact_key(self.contact)) if key)

    def within(self, slots: frozenset[int]) -> bool:
        """Are these all the slots of the person?"""
        return all(slot_of(key) in slots for key in self.keys)


def slot_of(key: str) -> int:
    """Return the slot of person_locks for a key."""
    return zlib.crc32(key.encode()) % SLOTS


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

    def add(self, attempt: str, call: Contacted, number: str, contact: str, spool_id: int) -> None:
        """Note one call under everything by which its person may be known."""
        for key in (number, contact_key(contact), spool_id):
            if key:
                self._by_key.setdefault(key, {})[attempt] = call

    def of(self, person: Person) -> tuple[Contacted, ...]:
        """Return the calls to a person."""
        found: dict[str, Contacted] = {}
        keys: tuple[str | int, ...] = (*person.keys, person.spool_id)
        for key in keys:
            found.update(self._by_key.get(key, {}))
        return tuple(found.values())


async def past_calls(session: Session, people: Sequence[Person], since: datetime) -> PastCalls:
    """Return what was called since a moment (aware) among these people."""
    past = PastCalls()
    asked: tuple[tuple[str, str, Collection[Any]], ...] = (
        ("number", "attempts_number", {n for p in people for n in p.numbers if n}),
        ("contact", "attempts_contact", {p.contact for p in people if p.contact}),
        ("spool_id", "attempts_spool", {p.spool_id for p in people if p.spool_id}),
    )
    parts, args = [], []
    for column, index, values in asked:
        if values:
            marks = ",".join(["%s"] * len(values))
            parts.append(
                f"SELECT {_COLUMNS} FROM ccdata.attempts FORCE INDEX ({index})"
                f" WHERE {column} IN ({marks}) AND claimed_at > %s"
            )
            args += [*sorted(values), utc(since)]
    rows = await session.rows(" UNION ".join(parts), args) if parts else []
    for row in rows:
        call = contacted(row)
        if call is not None:
            past.add(str(row["id"]), call, str(row["number"]), str(row["contact"]), int(row["spool_id"]))
    return past


def contacted(row: dict[str, Any]) -> Contacted | None:
    """Read an attempt as a call to its person; None when nothing was placed."""
    ended, outcome = row["state"] == "ended", row["outcome"]
    if ended and (row["sent_at"] is None or outcome in _NO_CALL):
        return None
    rang = not ended or row["ringing_at"] or row["answered_at"] or outcome not in _SILENT
    talked = row["connected_at"] is not None
    over = row["ended_at"] or row["connected_at"] or row["claimed_at"]
    return Contacted(
        at=_aware(row["sent_at"] or row["claimed_at"]),
        rang=bool(rang),
        spoke=_aware(over) if talked else None,
        abandoned=_aware(over) if outcome == Outcome.ABANDONED else None,
    )


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
