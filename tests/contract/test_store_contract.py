"""What every Store must do, asked of the double and of MysqlStore on a real server alike."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.adapters.mysql import Database, MysqlStore
from engine.domain import events as ev
from engine.domain.model import CampaignName
from engine.domain.model import Desk as Agent
from engine.domain.pacing import PROFILES, Bound, DayTotals, Decision, Snapshot
from engine.domain.settings import active_lists, read_dialer
from engine.ports import CampaignReport, ClaimRequest
from tests import builders as b
from tests.builders import NOW, QUEUE, a_dialer, later
from tests.contract.store_desks import (
    BUSY,
    LOST,
    REST,
    TALKED,
    Desk,
    MysqlDesk,
    claim,
    contacts,
    entered,
    finished,
    naive,
    numbers,
    one,
    record,
    so_far,
    status,
)


async def test_tasks_come_first_in_the_order_in_which_they_came(desk: Desk) -> None:
    await contacts(desk, "1001", priority=1)
    await contacts(desk, "2001", "2002", "2003", base="", priority=9999)
    await contacts(desk, "2004", base="", priority=2)
    assert numbers(await claim(desk, 3)) == ["2001", "2002", "2003"]
    assert numbers(await claim(desk, 3)) == ["2004", "1001"]


async def test_scheduled_calls_come_before_tasks_oldest_first(desk: Desk) -> None:
    await contacts(desk, "2001", base="")
    await contacts(desk, "3002", base="", priority=1, shuffle=1_700_000_060)
    await contacts(desk, "3001", base="", priority=1, shuffle=1_700_000_000)
    await contacts(desk, "1001", priority=1)
    assert numbers(await claim(desk, 2)) == ["3001", "3002"]
    assert numbers(await claim(desk, 3)) == ["2001", "1001"]


async def test_scheduled_calls_come_before_an_agents_own_contacts(desk: Desk) -> None:
    await contacts(desk, "1001", agentphone="101")
    await contacts(desk, "2001", base="", agentphone="Ana")
    await contacts(desk, "2002", base="", agentphone="")
    await contacts(desk, "3001", base="", agentphone="", priority=1)
    await contacts(desk, "3002", base="", agentphone="Ana", priority=1)
    await contacts(desk, "3003", base="", agentphone="Eva", priority=1)
    order = []
    for _ in range(6):
        result = await desk.store.claim(
            ClaimRequest(CampaignName(QUEUE), 1, ("L1",), ("L1",), True, NOW, (("101", "Ana"),))
        )
        order += numbers(result)
    assert order == ["3002", "3001", "2001", "1001", "2002"]


async def test_scheduled_calls_of_agents_wait_for_them_where_agents_are_reserved(desk: Desk) -> None:
    await contacts(desk, "1001", agentphone="Eva")
    await contacts(desk, "2001", base="", agentphone="Eva")
    await contacts(desk, "3001", "3002", base="", agentphone="Ana", priority=1)
    await contacts(desk, "3003", base="", agentphone="Eva", priority=1)
    await contacts(desk, "3004", base="", agentphone="", priority=1)

    async def claimed(limit: int, *free: tuple[str, ...]) -> list[str]:
        asked = ClaimRequest(CampaignName(QUEUE), limit, ("L1",) * limit, ("L1",), True, NOW, free=free)
        return numbers(await desk.store.claim(asked))

    first, *others = await claimed(3, ("101", "ana"), ("102", "Bob"))
    assert first in ("3001", "3002")
    assert others == ["3004", "2001"]
    assert await claimed(9, ("102", "Bob")) == ["1001"]
    assert await claimed(9, ("102", "Bob")) == []
    assert {*await claimed(1, ("101", "ANA")), first} == {"3001", "3002"}
    # Where nobody is reserved nobody can be waited for.
    asked = ClaimRequest(CampaignName(QUEUE), 9, ("L1",), ("L1",), True, NOW)
    assert numbers(await desk.store.claim(asked)) == ["3003"]


async def test_a_claimed_contact_is_asked_about_once_more_before_its_call(desk: Desk) -> None:
    await contacts(desk, "1001", "1002")
    listed, free = (await claim(desk, 2)).attempts
    await desk.block(listed.contact.phone.number)
    name = CampaignName(QUEUE)
    assert await desk.store.held_back(listed, name, True, NOW)
    assert await desk.store.held_back(listed, name, False, NOW) == ""
    assert await desk.store.held_back(free, name, True, NOW) == ""


async def test_for_whom_a_call_is_meant_is_written_with_its_order(desk: Desk) -> None:
    await contacts(desk, "1001")
    (attempt,) = (await claim(desk, 1)).attempts
    await desk.store.mark_sent((replace(attempt, desk=Agent("PJSIP/101", "Ana")),), NOW)
    assert (await desk.attempt(attempt.id))["agent"] == "Ana"


async def test_within_a_list_the_smaller_priority_comes_first_then_the_shuffle(desk: Desk) -> None:
    await contacts(desk, "1003", priority=5, shuffle=1)
    await contacts(desk, "1002", priority=1, shuffle=9)
    await contacts(desk, "1001", priority=1, shuffle=2)
    assert numbers(await claim(desk, 2)) == ["1001", "1002"]
    assert numbers(await claim(desk, 2)) == ["1003"]


async def test_each_list_gives_its_slots(desk: Desk) -> None:
    await contacts(desk, "1001", "1002", "1003", base="A")
    await contacts(desk, "2001", "2002", "2003", base="B")
    result = await claim(desk, 3, slots="B A B", lists="A B")
    assert Counter(number[0] for number in numbers(result)) == {"2": 2, "1": 1}


async def test_what_a_dry_list_cannot_give_comes_from_another_active_one(desk: Desk) -> None:
    await contacts(desk, "1001", "1002", "1003", "1004", base="A")
    await contacts(desk, "2001", base="B")
    await contacts(desk, "3001", base="INACTIVE")
    result = await claim(desk, 4, slots="B A B B", lists="A B")
    assert Counter(number[0] for number in numbers(result)) == {"2": 1, "1": 3}
    assert numbers(await claim(desk, 4, slots="B B A A", lists="A B"))[0][0] == "1"
    assert numbers(await claim(desk, 4, slots="A A B B", lists="A B")) == []


async def test_other_campaigns_and_rows_that_are_not_ready_are_left_alone(desk: Desk) -> None:
    await desk.contact("1001", campaign="OTHER<-", dialerbase="L1")
    for number in (0, 2, 3):
        await contacts(desk, "1002", status=number)
    assert (await claim(desk)).rows == 0


async def test_a_claim_takes_no_more_than_asked_and_no_contact_twice(desk: Desk) -> None:
    await contacts(desk, *(f"10{n:02d}" for n in range(9)))
    first, second = await claim(desk, 4), await claim(desk, 4)
    assert len(first.attempts) == len(second.attempts) == 4
    assert set(numbers(first)).isdisjoint(numbers(second))


@pytest.mark.parametrize(("slots", "lists"), [("March Dry", "March Dry"), ("March MARCH", "March MARCH")])
async def test_a_contact_is_claimed_once_however_its_lists_name_is_spelt(
    desk: Desk, slots: str, lists: str
) -> None:
    [spool_id] = await contacts(desk, "1001", base="march")
    result = await claim(desk, 2, slots=slots, lists=lists)
    assert [attempt.contact.id for attempt in result.attempts] == [spool_id]


async def test_a_claim_writes_the_attempt_and_takes_the_row_out_of_the_ready_ones(desk: Desk) -> None:
    [spool_id] = await contacts(
        desk, "M=2=099-1234", alternatives="W=555:bad!", contact="C1", data="a=b", retries=1, agentphone="7"
    )
    [attempt] = (await claim(desk)).attempts
    contact = attempt.contact
    assert (contact.id, contact.phone.number, contact.phone.retries) == (spool_id, "0991234", 2)
    assert [phone.number for phone in contact.alternatives] == ["555"]
    assert (contact.reference, contact.data, contact.retries, contact.agent_phone) == ("C1", "a=b", 1, "7")
    row = await desk.attempt(attempt.id)
    assert (row["state"], row["owner"], row["destination"], row["attempt"]) == (
        "claimed", "test", "0991234", 2,
    )  # fmt: skip
    assert (row["spool_id"], row["claimed_at"], row["sent_at"]) == (spool_id, naive(NOW), None)
    assert await status(desk, spool_id) == (0, "")
    await desk.store.mark_sent([attempt], later(1))
    row = await desk.attempt(attempt.id)
    assert (row["state"], row["sent_at"]) == ("sent", naive(later(1)))


@pytest.mark.parametrize("listed", ["1001", "+1001", "(10) 0-1", " 10.01", "M=0=1001"])
@pytest.mark.parametrize("written", ["1001", "+1001", "M=1001", "10 0/1"])
@pytest.mark.parametrize("campaign", ["*", QUEUE, QUEUE.lower()])
async def test_a_listed_number_is_blocked_however_it_is_spelt(
    desk: Desk, listed: str, written: str, campaign: str
) -> None:
    await desk.block(listed, campaign)
    [bad, good] = await contacts(desk, written, "1002")
    result = await claim(desk)
    assert (numbers(result), result.blocked, result.rows) == (["1002"], 1, 2)
    assert await status(desk, bad) == (3, "the number is on the black list")
    assert await status(desk, good) == (0, "")
    assert await desk.blocked() == ["+1001" if "+" in written else "1001"]


async def test_a_listed_number_is_left_out_and_costs_the_contact_no_other(desk: Desk) -> None:
    for number in ("1001", "1002", "2001", "2002"):
        await desk.block(number)
    [some] = await contacts(desk, "M=1001", alternatives="1002:H=2=1003:1004", retries=1)
    [none] = await contacts(desk, "2001", alternatives="2002")
    result = await claim(desk)
    assert (numbers(result), result.blocked) == (["1003"], 1)
    [attempt] = result.attempts
    assert (attempt.contact.retries, attempt.contact.phone.retries) == (0, 2)
    row = await desk.row(some)
    assert row is not None
    assert (row["status"], row["destination"], row["alternatives"]) == (0, "H=2=1003", "1004")
    assert await status(desk, none) == (3, "the number is on the black list")
    row = await desk.row(none)
    assert row is not None
    assert (row["destination"], row["alternatives"]) == ("2001", "2002"), "who is blocked keeps his numbers"
    assert sorted(await desk.blocked()) == ["1001", "1002", "2001", "2002"]


async def test_another_campaigns_black_list_and_an_unchecked_one_block_nothing(desk: Desk) -> None:
    await desk.block("1001", "OTHER<-")
    await desk.block("1002")
    await contacts(desk, "1001")
    assert numbers(await claim(desk)) == ["1001"]
    await contacts(desk, "1002")
    assert numbers(await claim(desk, black=False)) == ["1002"]
    assert await desk.blocked() == []


async def test_a_temporary_block_holds_until_its_time(desk: Desk) -> None:
    await desk.block_until("+1001", naive(later(60)))
    [early] = await contacts(desk, "1001")
    result = await claim(desk, at=later(59))
    assert (result.attempts, result.held, result.rows) == ((), 1, 1)
    assert await status(desk, early) == (1, "the number is on the temporary black list")
    assert (await claim(desk, at=later(59))).rows == 0, "it waits, it is not asked again and again"
    assert numbers(await claim(desk, at=later(60))) == ["1001"]


async def test_a_row_whose_call_is_under_way_is_not_dialled_beside_it(desk: Desk) -> None:
    spool_id, _ = await one(desk)
    await desk.change(spool_id, status=1)
    assert (await claim(desk)).attempts == ()
    assert await status(desk, spool_id) == (0, "")


async def test_a_row_with_an_impossible_count_is_set_aside_and_the_others_are_dialled(desk: Desk) -> None:
    [bad, _] = await contacts(desk, "1001", "1002")
    await desk.change(bad, retries=2147483647)
    assert numbers(await claim(desk)) == ["1002"]
    assert "retries" in (await status(desk, bad))[1]


async def test_a_row_that_cannot_be_dialled_is_set_aside_with_the_reason(desk: Desk) -> None:
    [bad, _] = await contacts(desk, "call me", "1001")
    result = await claim(desk)
    assert (numbers(result), result.set_aside, result.rows) == (["1001"], 1, 2)
    number, reason = await status(desk, bad)
    assert number == 2
    assert "call me" in reason
    assert (await claim(desk)).rows == 0


async def test_a_row_waits_for_its_time_and_then_comes_back(desk: Desk) -> None:
    await contacts(desk, "1001", notbefore=naive(later(60)))
    await contacts(desk, "1002", base="", notbefore=naive(later(60)))
    assert (await claim(desk, at=later(59))).rows == 0
    assert numbers(await claim(desk, at=later(60))) == ["1002", "1001"]


async def test_of_two_rows_with_one_number_the_earlier_is_dialled(desk: Desk) -> None:
    _, second = await contacts(desk, "1001", "M=0=10-01")
    assert numbers(await claim(desk, 2)) == ["1001"]
    row = await desk.row(second)
    assert row is not None
    assert row["status"] == 2
    assert "the number is in the spool already" in row["reason"]
    # One that is being called keeps later ones back; different contacts may share a telephone.
    [third] = await contacts(desk, "1001")
    assert numbers(await claim(desk, 2)) == []
    assert (await desk.row(third) or {})["status"] == 2
    await contacts(desk, "1002", contact="C1")
    await contacts(desk, "1002", contact="C2")
    assert numbers(await claim(desk, 2)) == ["1002", "1002"]


async def test_released_contacts_come_back_untouched(desk: Desk) -> None:
    [spool_id] = await contacts(desk, "M=2=1001", alternatives="W=555:bad!", retries=1, priority=3)
    before = dict(await desk.row(spool_id) or {})
    [attempt] = (await claim(desk)).attempts
    await desk.store.release([attempt], later(1))
    assert dict(await desk.row(spool_id) or {}) == before
    row = await desk.attempt(attempt.id)
    assert (row["state"], row["next_step"]) == ("ended", "released")
    assert (await desk.cdrs(), await desk.log()) == ([], [])
    [again] = (await claim(desk)).attempts
    assert (again.contact, again.id != attempt.id) == (attempt.contact, True)


async def test_a_sent_contact_can_be_released_when_its_order_did_not_leave(desk: Desk) -> None:
    spool_id, attempt = await one(desk)
    await desk.store.release([attempt], later(1))
    assert await status(desk, spool_id) == (1, "")


async def test_a_release_done_again_does_not_free_a_contact_that_was_claimed_meanwhile(desk: Desk) -> None:
    spool_id, first = await one(desk)
    await desk.store.release([first], later(1))
    assert len((await claim(desk)).attempts) == 1
    await desk.store.release([first], later(2))
    assert await status(desk, spool_id) == (0, ""), "the second attempt still has the contact"


async def test_what_a_lost_claim_took_comes_back_and_what_was_sent_does_not(desk: Desk) -> None:
    sent_id, _ = await one(desk)
    [spool_id] = await contacts(desk, "1002")
    [lost] = (await claim(desk)).attempts
    await desk.store.release_claimed(lost.contact.campaign, later(2))
    assert await status(desk, spool_id) == (1, "")
    assert await status(desk, sent_id) == (0, "")


@pytest.mark.parametrize("meanwhile", [1, 2, 3])
async def test_a_row_that_a_supervisor_changed_is_not_moved_by_a_release(desk: Desk, meanwhile: int) -> None:
    spool_id, attempt = await one(desk)
    await desk.change(spool_id, status=meanwhile, reason="mine")
    await desk.store.release([attempt], later(1))
    assert await status(desk, spool_id) == (meanwhile, "mine")


async def test_a_finished_contact_leaves_the_spool(desk: Desk) -> None:
    spool_id, attempt = await one(desk)
    await record(desk, finished(attempt, *TALKED))
    assert await desk.row(spool_id) is None
    assert await desk.cdrs() == [(attempt.id, "ANSWERED")]
    row = await desk.attempt(attempt.id)
    assert (row["state"], row["outcome"], row["next_step"]) == ("ended", "answered", "finished")
    assert (row["agent"], row["cause"], row["connected_at"]) == (b.AGENT, 16, naive(later(15)))


MOVES: dict[str, tuple[tuple[ev.CallEvent, ...], str, str, int, datetime | None]] = {
    "retry": (BUSY, "1001", "W=0=555:666", 1, later(90) + timedelta(minutes=30)),
    "alternative": (BUSY, "W=0=555", "666", 0, None),
    "rest": (LOST, "1001", "W=0=555:666", 0, later(90) + REST),
    "again": ((b.refused(),), "1001", "W=0=555:666", 0, later(90) + timedelta(minutes=1)),
}


@pytest.mark.parametrize("move", MOVES)
async def test_the_next_step_is_written_into_the_row(desk: Desk, move: str) -> None:
    events, destination, alternatives, retries, not_before = MOVES[move]
    spool_id, attempt = await one(desk, alternatives="W=0=555:666")
    dialer = a_dialer(retries=1 if move == "retry" else 0)
    await record(desk, finished(attempt, *events, dialer=dialer))
    row = await desk.row(spool_id)
    assert row is not None
    assert (row["status"], row["destination"], row["alternatives"]) == (1, destination, alternatives)
    assert (row["retries"], row["notbefore"]) == (retries, naive(not_before) if not_before else None)
    assert (await desk.attempt(attempt.id))["next_step"] == move


async def test_an_attempt_that_ended_twice_is_written_once(desk: Desk) -> None:
    spool_id, attempt = await one(desk, alternatives="555:666")
    end = finished(attempt, *BUSY)
    await record(desk, end, end)
    await record(desk, finished(attempt, *TALKED))
    assert await desk.cdrs() == [(attempt.id, "BUSY")]
    assert await desk.log() == [(attempt.id, "OUTCALL")]
    row = await desk.row(spool_id)
    assert row is not None
    assert (row["destination"], row["alternatives"]) == ("555", "666")


@pytest.mark.parametrize("events", [BUSY, TALKED])
async def test_a_row_that_was_blocked_meanwhile_stays_so(
    desk: Desk, events: tuple[ev.CallEvent, ...]
) -> None:
    spool_id, attempt = await one(desk, alternatives="555")
    await desk.change(spool_id, status=3, reason="asked not to be called")
    await record(desk, finished(attempt, *events))
    assert await status(desk, spool_id) == (3, "asked not to be called")
    assert len(await desk.cdrs()) == 1


async def test_a_row_that_was_removed_meanwhile_stays_so(desk: Desk) -> None:
    spool_id, attempt = await one(desk, alternatives="555")
    await desk.remove(spool_id)
    await record(desk, finished(attempt, *BUSY))
    assert await desk.row(spool_id) is None
    assert await desk.cdrs() == [(attempt.id, "BUSY")]


async def test_progress_is_written_but_never_over_an_ending(desk: Desk) -> None:
    _, attempt = await one(desk)
    ringing = so_far(attempt, b.ringing())
    await record(desk, ringing, entered(attempt))
    row = await desk.attempt(attempt.id)
    assert (row["state"], row["ringing_at"]) == ("ringing", naive(later(2)))
    await record(desk, finished(attempt, *BUSY))
    await record(desk, ringing)
    assert (await desk.attempt(attempt.id))["state"] == "ended"
    assert await desk.log() == [(attempt.id, "ENTERQUEUE"), (attempt.id, "OUTCALL")]


async def test_what_a_day_came_to_is_read_as_the_rules_count_it(desk: Desk) -> None:
    """AMD listens for 3 s, then an agent is there at once: late where the seconds run from the pick-up."""
    _, attempt = await one(desk)
    talked = (b.answered(t=5), b.joined(t=8), b.connected(t=8.5), b.completed(), b.hung_up())
    await record(desk, so_far(attempt, *talked[:2]), finished(attempt, *talked))
    _, lost = await one(desk)
    await record(desk, finished(lost, *LOST))
    totals = {
        name: await desk.store.day_totals(CampaignName(QUEUE), NOW.date(), PROFILES[name])
        for name in ("US", "STRICT")
    }
    assert totals == {"US": (DayTotals(NOW.date(), 2, 1),), "STRICT": (DayTotals(NOW.date(), 2, 2),)}


async def test_a_published_report_is_there_to_read_and_the_next_one_replaces_it(desk: Desk) -> None:
    seats = Snapshot(a_dialer(tbc=-50), 3, 0, 1, 0, 2, 0, 4)
    decision = Decision(2, Bound.AGENTS, "3 free agents")
    name = CampaignName(QUEUE)
    running = CampaignReport(name, "running", NOW, decision=decision, snapshot=seats, paused=1)
    await desk.store.publish([running], NOW)
    assert await desk.report(QUEUE) == ("running", "", "3 free agents", "agents", 2, 3, 1)
    aside = CampaignReport(name, "set_aside", NOW, "schedule", "schedule: it is empty")
    await desk.store.publish([aside], later(1))
    assert await desk.report(QUEUE) == ("set_aside", "schedule", "schedule: it is empty", "", 0, 0, 0)


async def test_settings_are_read_with_their_queue_and_their_active_lists(desk: Desk) -> None:
    await desk.store.check_schema()
    await desk.dialer(QUEUE)
    rows = await desk.store.settings()
    [dialer], [queue] = rows.dialers, rows.queues
    assert read_dialer(dialer, queue).queue_timeout == 5
    assert [item.name for item in active_lists(rows.lists, QUEUE)] == ["L1"]


async def test_the_spool_is_counted_part_by_part_by_state_and_rule(desk: Desk) -> None:
    ready = await contacts(desk, "1001", "1002", "1003")
    await contacts(desk, "2001", notbefore=naive(later(60)), held_by="hours")
    await contacts(desk, "3001", notbefore=naive(later(-60)))
    await contacts(desk, "4001", status=3)
    await contacts(desk, "5001", status=2)
    await claim(desk, 1)
    found: Counter[tuple[str, str, str]] = Counter()
    after, parts, more = 0, 0, True
    while more:
        chunk = await desk.store.count_spool(NOW, after, 3)
        for count in chunk.counts:
            found[count.campaign, count.state, count.reason] += count.contacts
        after, more, parts = chunk.last, chunk.more, parts + 1
    assert parts == 3
    assert after > ready[-1]
    assert found == {
        (QUEUE, "ready", ""): 3,
        (QUEUE, "in_progress", ""): 1,
        (QUEUE, "waiting", "hours"): 1,
        (QUEUE, "blocked", ""): 1,
        (QUEUE, "set_aside", ""): 1,
    }
    assert (await desk.store.count_spool(NOW, after, 3)).counts == ()
    assert (await desk.store.count_small(NOW)).orders == 0
    assert desk.store.fault == ""


async def test_two_engines_that_claim_at_once_never_get_the_same_contact(database: Database) -> None:
    desk = MysqlDesk(database)
    stores = [desk.store, desk.seen_by("another")]
    assert all(isinstance(store, MysqlStore) for store in stores)
    request = ClaimRequest(CampaignName(QUEUE), 20, ("L1",) * 20, ("L1",), True, NOW)
    for _ in range(20):
        async with database.session() as session:
            await session.run("DELETE FROM ccdata.calls_spool")
            await session.run_many(
                "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES (%s, %s, %s)",
                [(QUEUE, f"10{n:02d}", "L1" if n % 5 else "") for n in range(50)],
            )
        taken: Counter[int] = Counter()
        while results := await asyncio.gather(*(store.claim(request) for store in stores)):
            taken.update(attempt.contact.id for result in results for attempt in result.attempts)
            if not any(result.rows for result in results):
                break
        assert (len(taken), set(taken.values())) == (50, {1})
