"""The keeper of queues: each change of the tables reaches the switch once, and nothing else is touched."""

from __future__ import annotations

import contextlib
from typing import Any

from engine.domain.queue_tables import QueueMember
from engine.ports import LinkError, RefusedError, StoreError
from engine.ports.queues import QueueControl, QueueFile, QueueRows, QueueTables
from engine.services.queues import QueueKeeper
from tests.unit.test_queue_tables import a_member, a_queue


class Tables:
    def __init__(self) -> None:
        self.rows = QueueRows((a_queue(),), ())
        self.fail = False

    async def queues(self) -> QueueRows:
        if self.fail:
            raise StoreError("away")
        return self.rows

    def members(self, *rows: dict[str, Any]) -> None:
        self.rows = QueueRows(self.rows.queues, rows)


class Control:
    """A switch that says what it was asked for."""

    def __init__(self) -> None:
        self.session = 1
        self.said: list[tuple[str, ...]] = []
        self.there: set[tuple[str, str]] = set()
        self.refuse = False
        self.linked = True

    def _say(self, *words: str) -> None:
        if not self.linked:
            raise LinkError("no link")
        if self.refuse:
            raise RefusedError("No such queue")
        self.said.append(words)

    async def add_member(self, member: QueueMember) -> bool:
        if member.seat in self.there:
            return False
        self._say("add", member.interface, str(member.penalty), str(member.paused))
        self.there.add(member.seat)
        return True

    async def remove_member(self, member: QueueMember) -> None:
        self._say("remove", member.interface)
        self.there.discard(member.seat)

    async def set_penalty(self, member: QueueMember) -> None:
        self._say("penalty", member.interface, str(member.penalty))

    async def set_paused(self, member: QueueMember) -> None:
        self._say("paused", member.interface, str(member.paused))

    async def reload_queues(self) -> None:
        self._say("reload")

    def heard(self) -> list[tuple[str, ...]]:
        said, self.said = self.said, []
        return said


class File:
    def __init__(self) -> None:
        self.text = ""
        self.error: OSError | None = None

    def write(self, text: str) -> bool:
        if self.error:
            raise self.error
        changed, self.text = text != self.text, text
        return changed


class Rig:
    def __init__(self, *, file: bool = False) -> None:
        self.tables, self.control, self.file = Tables(), Control(), File()
        self.changes = 0
        fits: tuple[QueueTables, QueueControl, QueueFile] = (self.tables, self.control, self.file)
        self.keeper = QueueKeeper(fits[0], fits[1], fits[2] if file else None, self.changed)

    def changed(self) -> None:
        self.changes += 1


async def test_a_row_seats_its_member_once() -> None:
    rig = Rig()
    rig.tables.members(a_member(penalty=3, paused=1))
    await rig.keeper.follow()
    await rig.keeper.follow()
    assert rig.control.heard() == [("add", "PJSIP/101", "3", "True")]


async def test_changes_of_penalty_and_pause_reach_the_seat_and_a_row_that_goes_takes_him_out() -> None:
    rig = Rig()
    for row in (a_member(), a_member(penalty=1), a_member(penalty=1, paused=1)):
        rig.tables.members(row)
        await rig.keeper.follow()
    rig.tables.members()
    await rig.keeper.follow()
    assert rig.control.heard()[1:] == [
        ("penalty", "PJSIP/101", "1"),
        ("paused", "PJSIP/101", "True"),
        ("remove", "PJSIP/101"),
    ]


async def test_another_name_is_another_seat() -> None:
    rig = Rig()
    for row in (a_member(), a_member(membername="juan")):
        rig.tables.members(row)
        await rig.keeper.follow()
    assert [words[0] for words in rig.control.heard()] == ["add", "remove", "add"]


async def test_the_pause_of_a_member_who_sits_there_already_is_his_own() -> None:
    rig = Rig()
    rig.control.there.add(("sales<-", "pjsip/101"))
    rig.tables.members(a_member(penalty=2, paused=1))
    await rig.keeper.follow()
    assert rig.control.heard() == [("penalty", "PJSIP/101", "2")]


async def test_members_that_no_row_names_are_left_alone() -> None:
    rig = Rig()
    rig.control.there.add(("sales<-", "pjsip/555"))
    await rig.keeper.follow()
    assert rig.control.heard() == []


async def test_a_switch_that_was_started_anew_gets_its_members_back() -> None:
    rig = Rig()
    rig.tables.members(a_member())
    await rig.keeper.follow()
    rig.control.session, rig.control.there = 2, set()
    await rig.keeper.follow()
    assert [words[0] for words in rig.control.heard()] == ["add", "add"]


async def test_a_refusal_is_tried_again_later_and_after_the_next_reload() -> None:
    rig = Rig(file=True)
    rig.tables.members(a_member())
    await rig.keeper.follow()
    rig.control.heard()
    rig.tables.members(a_member(), a_member(interface="SIP/102", queue_name="NEW->"))
    rig.control.refuse = True
    await rig.keeper.follow()
    rig.control.refuse = False
    await rig.keeper.follow()
    assert rig.control.heard() == []
    rig.tables.rows = QueueRows((a_queue(), a_queue("NEW->")), rig.tables.rows.members)
    await rig.keeper.follow()
    assert rig.control.heard() == [("reload",), ("add", "PJSIP/102", "0", "False")]


async def test_the_file_is_read_again_by_the_switch_when_it_changed_and_only_then() -> None:
    rig = Rig(file=True)
    await rig.keeper.follow()
    await rig.keeper.follow()
    assert rig.control.heard() == [("reload",)]
    assert rig.changes == 1
    rig.tables.rows = QueueRows((a_queue(wrapuptime=99),), ())
    await rig.keeper.follow()
    assert rig.control.heard() == [("reload",)]
    assert "wrapuptime = 99" in rig.file.text


async def test_a_reload_that_did_not_leave_is_owed() -> None:
    rig = Rig(file=True)
    rig.control.linked = False
    with contextlib.suppress(LinkError):
        await rig.keeper.follow()
    rig.control.linked = True
    await rig.keeper.follow()
    assert rig.control.heard() == [("reload",)]


async def test_a_file_that_cannot_be_written_keeps_no_member_from_his_seat() -> None:
    rig = Rig(file=True)
    rig.file.error = PermissionError("not allowed")
    rig.tables.members(a_member())
    await rig.keeper.follow()
    assert rig.control.heard() == [("add", "PJSIP/101", "0", "False")]


async def test_a_row_that_cannot_be_used_keeps_no_other_from_its_seat() -> None:
    rig = Rig()
    rig.tables.members(a_member(interface="nonsense"), a_member(interface="SIP/102"))
    await rig.keeper.follow()
    assert rig.control.heard() == [("add", "PJSIP/102", "0", "False")]
