"""Who dials, and what becomes of another engine's calls: asked of the double and of MysqlStore alike."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.domain.model import attempt_id
from engine.ports import FencedError, Store
from tests.builders import NOW, QUEUE, later
from tests.contract.store_desks import (
    BUSY,
    OWNER,
    Desk,
    batch,
    claim,
    contacts,
    entered,
    finished,
    one,
    record,
    status,
)

LONG = timedelta(hours=1)
#: A lease of this length is over as soon as it is there.
OVER = timedelta(seconds=-1)


@pytest.fixture
def other(desk: Desk) -> Store:
    """Another engine's view of the same rows."""
    return desk.seen_by("another")


async def taken_over(desk: Desk, other: Store) -> None:
    """Let the other engine have the lease, whatever the first believes."""
    await desk.store.take_lease("first", OVER)
    assert (await other.take_lease("second", LONG)).ours


async def test_a_free_lease_is_taken_and_others_are_told_who_has_it(desk: Desk, other: Store) -> None:
    assert desk.store.fence == 0
    mine = await desk.store.take_lease("first", LONG)
    assert (mine.ours, mine.owner, mine.process) == (True, OWNER, "first")
    assert desk.store.fence == mine.token > 0
    theirs = await other.take_lease("second", LONG)
    assert (theirs.ours, theirs.owner, theirs.process, theirs.token) == (False, OWNER, "first", mine.token)
    assert other.fence == 0


async def test_a_lease_that_is_over_changes_hands_and_its_token_grows(desk: Desk, other: Store) -> None:
    first = await desk.store.take_lease("first", OVER)
    second = await other.take_lease("second", LONG)
    assert (second.ours, other.fence) == (True, second.token)
    assert second.token > first.token
    assert not await desk.store.renew_lease(LONG)
    assert not (await desk.store.take_lease("first", LONG)).ours


async def test_a_process_takes_its_own_lease_again_under_a_new_token(desk: Desk, other: Store) -> None:
    first = await desk.store.take_lease("first", LONG)
    again = await desk.store.take_lease("first", LONG)
    assert again.ours
    assert desk.store.fence == again.token > first.token
    assert not (await other.take_lease("second", LONG)).ours


async def test_the_lease_of_a_dead_process_is_taken_at_once_and_no_other(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", LONG)
    assert not (await other.take_lease("second", LONG, dead="somebody else")).ours
    assert (await other.take_lease("second", LONG, dead="first")).ours
    assert not await desk.store.renew_lease(LONG)


async def test_a_renewed_lease_is_held_on_to_and_an_ended_one_is_free(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", OVER)
    assert await desk.store.renew_lease(LONG)
    assert await desk.store.renew_lease(LONG), "nothing about it need change"
    assert not (await other.take_lease("second", LONG)).ours
    await desk.store.end_lease()
    assert (await other.take_lease("second", LONG)).ours


async def test_an_engine_that_lost_its_lease_does_not_end_the_next_ones(desk: Desk, other: Store) -> None:
    await taken_over(desk, other)
    await desk.store.end_lease()
    assert await other.renew_lease(LONG)
    assert not (await desk.store.take_lease("first", LONG)).ours


async def test_after_another_engine_took_over_nothing_is_claimed(desk: Desk, other: Store) -> None:
    [spool_id] = await contacts(desk, "1001")
    await taken_over(desk, other)
    with pytest.raises(FencedError, match="another"):
        await claim(desk)
    assert await status(desk, spool_id) == (1, "")


async def test_after_another_engine_took_over_no_order_leaves(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", OVER)
    await contacts(desk, "1001")
    [attempt] = (await claim(desk)).attempts
    await other.take_lease("second", LONG)
    with pytest.raises(FencedError):
        await desk.store.mark_sent([attempt], later(1))
    with pytest.raises(FencedError):
        await desk.store.take_over(frozenset((attempt.id,)))
    assert (await desk.attempt(attempt.id))["state"] == "claimed"


async def test_an_order_that_was_taken_over_is_not_ours_to_send_in_a_later_term(
    desk: Desk, other: Store
) -> None:
    await desk.store.take_lease("first", OVER)
    await contacts(desk, "1001", "1002")
    mine, taken = (await claim(desk)).attempts
    assert await desk.store.mark_sent([mine], later(1)) == {mine.id}
    assert await desk.store.mark_sent([mine], later(1)) == {mine.id}, "asked again, the same"
    await other.take_lease("second", OVER)
    assert len(await other.take_over(await other.strays())) == 2
    await desk.store.take_lease("first", LONG)
    assert await desk.store.mark_sent([mine, taken], later(2)) == frozenset()
    await desk.store.release([taken], later(2))
    assert (await desk.attempt(taken.id))["state"] == "claimed", "nor is it ours to give back"


async def test_what_another_left_unfinished_is_found_and_taken_over(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", OVER)
    [gone, *_] = await contacts(desk, "1001", "1002", "1003", "1004", alternatives="555", contact="C")
    attempts = {a.contact.phone.number: a for a in (await claim(desk)).attempts}
    await desk.store.mark_sent([attempts["1001"], attempts["1002"]], later(1))
    await record(desk, finished(attempts["1002"], *BUSY), fence=desk.store.fence)
    await desk.store.release([attempts["1003"]], later(2))
    await desk.remove(gone)
    assert await desk.store.strays() == frozenset(), "one's own are no strays"

    await other.take_lease("second", LONG)
    strays = await other.strays()
    assert strays == {attempts["1001"].id, attempts["1004"].id}
    left = {item.id: item for item in await other.take_over(strays)}
    assert set(left) == strays
    orphan, claimed = left[attempts["1001"].id], left[attempts["1004"].id]
    assert (orphan.state, orphan.sent_at, orphan.claimed_at) == ("sent", later(1), NOW)
    assert (orphan.campaign, orphan.contact.phone.number, orphan.contact.alternatives) == (QUEUE, "1001", ())
    assert (claimed.state, claimed.sent_at, claimed.contact) == ("claimed", None, attempts["1004"].contact)
    row = await desk.attempt(attempts["1001"].id)
    assert (row["owner"], row["fence"]) == ("another", other.fence)


async def test_a_take_over_whose_answer_was_lost_gives_the_same_again_and_never_what_has_ended(
    desk: Desk, other: Store
) -> None:
    await desk.store.take_lease("first", OVER)
    _, open_one = await one(desk)
    _, done = await one(desk, "1002")
    await record(desk, finished(done, *BUSY), fence=desk.store.fence)
    await other.take_lease("second", LONG)
    both = frozenset((open_one.id, done.id))
    first = await other.take_over(both)
    assert [item.id for item in first] == [open_one.id]
    assert await other.strays() == frozenset()
    assert await other.take_over(both) == first
    assert await other.take_over(frozenset()) == ()


async def test_many_strays_are_taken_over_at_once(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", OVER)
    await contacts(desk, *(f"{n:04d}" for n in range(1101)))
    assert len((await claim(desk, 2000)).attempts) == 1101
    await other.take_lease("second", LONG)
    strays = await other.strays()
    assert {item.id for item in await other.take_over(strays)} == strays
    assert len(strays) == 1101


async def test_a_forgotten_claim_is_given_back_once_it_is_old_and_no_order_with_it(desk: Desk) -> None:
    await desk.store.take_lease("first", LONG)
    sent_id, _ = await one(desk)
    [old, young] = [*await contacts(desk, "1002"), *await contacts(desk, "1003", notbefore=None)]
    await claim(desk, 1, at=later(0))
    await claim(desk, 1, at=later(50))
    assert await desk.store.release_forgotten(later(0), later(60)) == 0
    assert await desk.store.release_forgotten(later(50), later(60)) == 1
    states = {(await status(desk, old))[0], (await status(desk, young))[0]}
    assert states == {0, 1}, "the young claim stands"
    assert await status(desk, sent_id) == (0, "")
    assert await desk.store.release_forgotten(later(51), later(61)) == 1
    assert await desk.store.release_forgotten(later(99), later(99)) == 0


async def test_another_engines_claims_are_not_forgotten_ones(desk: Desk, other: Store) -> None:
    await desk.store.take_lease("first", OVER)
    [spool_id] = await contacts(desk, "1001")
    await claim(desk)
    await other.take_lease("second", LONG)
    assert await other.release_forgotten(later(99), later(99)) == 0
    assert await status(desk, spool_id) == (0, "")


async def test_of_some_attempts_those_that_have_ended_are_told(desk: Desk) -> None:
    _, open_one = await one(desk)
    _, done = await one(desk, "1002")
    await record(desk, finished(done, *BUSY))
    stranger = attempt_id(1, 1)
    assert await desk.store.ended(frozenset((open_one.id, done.id, stranger))) == {done.id}
    assert await desk.store.ended(frozenset()) == frozenset()


async def test_a_batch_whose_answer_was_lost_is_not_written_twice_alone_or_with_later_entries(
    desk: Desk,
) -> None:
    _, attempt = await one(desk)
    joined = entered(attempt)
    await desk.store.record(batch(joined, joined, first=1))
    assert len(await desk.log()) == 2
    await desk.store.record(batch(joined, joined, first=1))
    await desk.store.record(batch(joined, first=2))
    assert len(await desk.log()) == 2
    await desk.store.record(batch(joined, joined, joined, first=1))
    assert len(await desk.log()) == 3, "the third is new"
    await desk.store.record(batch(joined, joined, first=1))
    await desk.store.record(batch(joined, first=3))
    assert len(await desk.log()) == 3, "an older batch does not turn the journal back"


async def test_two_journals_do_not_disturb_each_other_and_a_forgotten_one_begins_anew(desk: Desk) -> None:
    _, attempt = await one(desk)
    joined = entered(attempt)
    await desk.store.record(batch(joined, joined, journal="A", first=7))
    await desk.store.record(batch(joined, journal="B", first=1))
    assert len(await desk.log()) == 3
    await desk.store.forget_journal("A")
    await desk.store.forget_journal("A")
    await desk.store.record(batch(joined, journal="B", first=1))
    assert len(await desk.log()) == 3
    await desk.store.record(batch(joined, journal="A", first=1))
    assert len(await desk.log()) == 4
