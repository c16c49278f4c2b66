"""Makes the tables `queues` and `queue_members` take effect in the switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from engine.domain.errors import FieldError
from engine.domain.queue_tables import QueueMember, Row, queues_conf, read_member
from engine.ports import UNREACHABLE, RefusedError, StoreError
from engine.ports.queues import QueueControl, QueueFile, QueueTables

log = structlog.get_logger(__name__)

#: How often the tables are read: a change by plain SQL takes effect within twice this (s).
PERIOD = 0.9
#: Reads after which what was refused is tried again.
_PATIENCE = 30


class QueueKeeper:
    """Follows the tables; `run` it while this engine leads.

    A row seats its member, a change of `penalty` or `paused` reaches his seat, a row that goes takes him
    out. What a row does not say is left alone: members that others seated stay, and a pause that an agent
    took himself lasts until he ends it or the row's `paused` changes.
    """

    def __init__(
        self,
        tables: QueueTables,
        control: QueueControl,
        file: QueueFile | None,
        changed: Callable[[], None],
    ) -> None:
        self._tables = tables
        self._control = control
        self._file = file
        self._changed = changed
        self._session = -1
        self._owes_reload = file is not None
        self._seated: dict[tuple[str, str], QueueMember] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._told: set[str] = set()
        self._turn = 0

    async def run(self) -> None:
        """Follow the tables until cancelled."""
        while True:
            try:
                await self.follow()
            except StoreError as error:
                log.warning("queues not read", action="queue.database", reason=str(error))
            except UNREACHABLE as error:
                log.debug("queues not changed", action="queue.link", reason=str(error))
            except Exception:
                log.exception("queues not followed", action="queue.failed")  # no reason to stop dialling
            await asyncio.sleep(PERIOD)

    async def follow(self) -> None:
        """Compare the tables with what took effect, once. Raises StoreError, LinkError or UncertainError."""
        rows = await self._tables.queues()
        self._turn += 1
        faults: set[str] = set()
        if self._control.session != self._session:
            # A switch that was started anew knows nobody, and has read the file by itself.
            self._session = self._control.session
            self._seated.clear()
            self._refused.clear()
        if self._file is not None:
            await self._write(self._file, rows.queues, faults)
        await self._seat(rows.members, faults)
        for fault in faults - self._told:
            log.error("a row of a queue has no effect", action="queue.fault", reason=fault)
        self._told = faults

    async def _write(self, file: QueueFile, rows: tuple[Row, ...], faults: set[str]) -> None:
        text, bad = queues_conf(rows)
        faults.update(bad)
        try:
            if file.write(text):
                self._owes_reload = True
        except OSError as error:
            faults.add(f"asterisk.queues_file: {error}. Fix: let the engine write there.")
            return
        if self._owes_reload:
            await self._control.reload_queues()
            self._owes_reload = False
            self._refused.clear()
            self._changed()
            log.info("queues written", action="queue.written", queues=len(rows))

    async def _seat(self, rows: tuple[Row, ...], faults: set[str]) -> None:
        wanted: dict[tuple[str, str], QueueMember] = {}
        for row in rows:
            try:
                member = read_member(row)
            except FieldError as error:
                faults.add(str(error))
                continue
            wanted[member.seat] = member
        for seat in self._seated.keys() - wanted.keys():
            await self._leave(self._seated[seat])
        for seat, member in wanted.items():
            known = self._seated.get(seat)
            if known == member:
                continue
            if self._refused.get(seat, 0) > self._turn:
                faults.add(_refusal(member))
                continue
            try:
                await self._take_effect(known, member)
                self._seated[seat] = member
            except RefusedError:
                self._refused[seat] = self._turn + _PATIENCE
                faults.add(_refusal(member))

    async def _take_effect(self, known: QueueMember | None, member: QueueMember) -> None:
        if known is not None and (known.name, known.state_interface) != (member.name, member.state_interface):
            await self._leave(known)
            known = None
        if known is None:
            if not await self._control.add_member(member):
                await self._control.set_penalty(member)
            return
        if known.penalty != member.penalty:
            await self._control.set_penalty(member)
        if known.paused != member.paused:
            await self._control.set_paused(member)

    async def _leave(self, member: QueueMember) -> None:
        try:
            await self._control.remove_member(member)
        except RefusedError as error:
            log.warning("a member was not taken out", action="queue.member", reason=str(error))
        self._seated.pop(member.seat, None)


def _refusal(member: QueueMember) -> str:
    return (
        f"queue_members: Asterisk has no queue {member.queue!r} that takes {member.interface}."
        " Fix: insert the queue, and include asterisk.queues_file in queues.conf."
    )
