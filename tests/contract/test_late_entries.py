"""What an engine knew of calls that another has taken over: it adds what is missing and changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.domain.model import Attempt
from engine.ports import Store
from tests import builders as b
from tests.builders import later
from tests.contract.store_desks import (
    BUSY,
    LOST,
    TALKED,
    UNSEEN,
    Desk,
    batch,
    claim,
    entered,
    finished,
    missed,
    naive,
    one,
    record,
    so_far,
    status,
)

LONG = timedelta(hours=1)
OVER = timedelta(seconds=-1)


class Handover:
    """A sent call that went from the first engine to the second, which still holds the lease."""

    def __init__(self, desk: Desk, second: Store, spool_id: int, attempt: Attempt, old: int) -> None:
        self.desk = desk
        self.second = second
        self.spool_id = spool_id
        self.attempt = attempt
        self.old = old

    async def late(self, *entries: object) -> None:
        """Write what the first engine knew, under its own token."""
        await record(self.desk, *entries, fence=self.old)  # type: ignore[arg-type]

    async def now(self, *entries: object) -> None:
        """Write what the second engine knows."""
        await self.second.record(batch(*entries, fence=self.second.fence, journal="second"))  # type: ignore[arg-type]


@pytest.fixture
async def call(desk: Desk) -> Handover:
    old = (await desk.store.take_lease("first", OVER)).token
    spool_id, attempt = await one(desk, alternatives="555:666")
    second = desk.seen_by("another")
    await second.take_lease("second", LONG)
    await second.take_over(await second.strays())
    return Handover(desk, second, spool_id, attempt, old)


async def test_late_progress_is_ignored(desk: Desk, call: Handover) -> None:
    await call.now(so_far(call.attempt, b.ringing(), b.answered()))
    await call.late(so_far(call.attempt, b.ringing()))
    assert (await desk.attempt(call.attempt.id))["state"] == "answered"


async def test_a_late_row_of_the_queue_log_is_added_unless_it_is_there(desk: Desk, call: Handover) -> None:
    await call.now(entered(call.attempt, t=12))
    await call.late(entered(call.attempt, t=10))
    assert await desk.log() == [(call.attempt.id, "ENTERQUEUE")], "both saw the same"
    await call.late(entered(call.attempt, t=300))
    assert len(await desk.log()) == 1, "an engine that was frozen gives it another time"
    for t in (20, 22, 40):
        await call.late(missed(call.attempt, t=t))
    words = [word for _, word in await desk.log()]
    assert words == ["ENTERQUEUE", "RINGNOANSWER", "RINGNOANSWER"], "an agent may be rung again and again"


async def test_a_late_ending_ends_a_call_that_is_still_open(desk: Desk, call: Handover) -> None:
    await call.late(finished(call.attempt, *TALKED))
    row = await desk.attempt(call.attempt.id)
    assert (row["state"], row["outcome"]) == ("ended", "answered")
    assert await desk.row(call.spool_id) is None
    await call.now(finished(call.attempt, *UNSEEN))
    assert (await desk.attempt(call.attempt.id))["outcome"] == "answered", "the other's guess comes too late"
    assert await desk.cdrs() == [(call.attempt.id, "ANSWERED")]
    assert await desk.log() == [(call.attempt.id, "OUTCALL")]


async def test_a_late_ending_that_knows_nothing_leaves_the_call_to_the_other(
    desk: Desk, call: Handover
) -> None:
    await call.late(finished(call.attempt, *UNSEEN))
    assert (await desk.attempt(call.attempt.id))["state"] == "sent"
    assert await status(desk, call.spool_id) == (0, "")
    assert (await desk.cdrs(), await desk.log()) == ([], [])


async def test_a_late_ending_takes_the_place_of_unknown(desk: Desk, call: Handover) -> None:
    await call.now(finished(call.attempt, *UNSEEN))
    await call.late(finished(call.attempt, *LOST))
    row = await desk.attempt(call.attempt.id)
    assert (row["state"], row["outcome"], row["next_step"]) == ("ended", "abandoned", "rest")
    assert await desk.cdrs() == [(call.attempt.id, "ANSWERED")]
    assert [event for _, event in await desk.log()].count("OUTCALL") == 1
    spool = await desk.row(call.spool_id)
    assert spool is not None
    assert (spool["status"], spool["destination"], spool["alternatives"]) == (1, "1001", "555:666")
    assert spool["notbefore"] is not None, "who was lost rests"


async def test_a_late_talk_takes_its_contact_out_of_the_spool(desk: Desk, call: Handover) -> None:
    await call.now(finished(call.attempt, *UNSEEN))
    assert (await status(desk, call.spool_id))[0] == 1
    await call.late(finished(call.attempt, *TALKED))
    assert await desk.row(call.spool_id) is None, "who was reached is not called again"
    assert (await claim(desk_of(call))).rows == 0


async def test_a_late_ending_leaves_a_contact_that_was_claimed_anew(desk: Desk, call: Handover) -> None:
    await call.now(finished(call.attempt, *UNSEEN))
    [again] = (await claim(desk_of(call), at=later(5000))).attempts
    await call.late(finished(call.attempt, *TALKED))
    assert (await desk.attempt(call.attempt.id))["outcome"] == "answered"
    assert await status(desk, call.spool_id) == (0, ""), "its next call is under way"
    await call.now(finished(again, *BUSY))
    spool = await desk.row(call.spool_id)
    assert spool is not None
    assert (spool["status"], spool["destination"]) == (1, "666")
    assert await desk.cdrs() == [(call.attempt.id, "ANSWERED"), (again.id, "BUSY")]


async def test_a_late_ending_leaves_a_contact_that_a_supervisor_blocked(desk: Desk, call: Handover) -> None:
    await call.now(finished(call.attempt, *UNSEEN))
    await desk.change(call.spool_id, status=3, reason="asked not to be called")
    await call.late(finished(call.attempt, *BUSY))
    assert await status(desk, call.spool_id) == (3, "asked not to be called")


@pytest.mark.parametrize("known", [BUSY, TALKED])
async def test_a_late_ending_changes_nothing_that_is_known(
    desk: Desk, call: Handover, known: tuple[b.ev.CallEvent, ...]
) -> None:
    await call.now(finished(call.attempt, *known))
    before = [dict(await desk.attempt(call.attempt.id)), await desk.cdrs(), await desk.log()]
    await call.late(finished(call.attempt, *LOST))
    assert [dict(await desk.attempt(call.attempt.id)), await desk.cdrs(), await desk.log()] == before


async def test_a_late_ending_written_again_corrects_nothing_twice(desk: Desk, call: Handover) -> None:
    await call.now(finished(call.attempt, *UNSEEN))
    end = finished(call.attempt, *BUSY)
    await call.late(end, end)
    await call.late(end)
    assert await desk.cdrs() == [(call.attempt.id, "BUSY")]
    assert await desk.log() == [(call.attempt.id, "OUTCALL")]
    row = await desk.attempt(call.attempt.id)
    assert (row["outcome"], row["ended_at"]) == ("busy", naive(later(5)))


async def test_what_nobody_took_over_is_written_as_ever(desk: Desk) -> None:
    old = (await desk.store.take_lease("first", OVER)).token
    spool_id, attempt = await one(desk)
    await desk.seen_by("another").take_lease("second", LONG)
    await record(desk, so_far(attempt, b.ringing()), fence=old)
    assert (await desk.attempt(attempt.id))["state"] == "ringing"
    await record(desk, entered(attempt), entered(attempt), finished(attempt, *TALKED), fence=old)
    assert [event for _, event in await desk.log()] == ["ENTERQUEUE", "ENTERQUEUE", "OUTCALL"]
    assert await desk.row(spool_id) is None


def desk_of(call: Handover) -> Desk:
    """Return the desk with the second engine at it."""
    call.desk.store = call.second
    return call.desk
