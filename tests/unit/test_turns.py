"""Requests give way to the engine."""

from __future__ import annotations

import asyncio

import pytest

from engine.api.turns import Turns


async def test_one_of_many_requests_goes_on_per_round_of_the_loop() -> None:
    turns = Turns()
    steps = 0

    async def request() -> str:
        nonlocal steps
        for _ in range(5):
            await asyncio.sleep(0)
            steps += 1
        return "answered"

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(turns.serve(request())) for _ in range(8)]
        rounds = []
        while steps < 40:
            before = steps
            await asyncio.sleep(0)
            rounds.append(steps - before)
    assert max(rounds) == 1
    assert [task.result() for task in tasks] == ["answered"] * 8


async def test_faults_pass_through() -> None:
    turns = Turns()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def catches() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timed out"
        return ""

    with pytest.raises(KeyError):
        await turns.serve(fails())
    assert await turns.serve(catches()) == "timed out"


@pytest.mark.parametrize("rounds", range(1, 8))
async def test_who_is_cancelled_cleans_up_and_keeps_nobody_waiting(rounds: int) -> None:
    turns = Turns()
    cleaned: list[str] = []

    async def request() -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("clean")

    async def other() -> str:
        await asyncio.sleep(0)
        return "answered"

    gone = asyncio.ensure_future(turns.serve(request()))
    stays = asyncio.ensure_future(turns.serve(other()))
    for _ in range(rounds):
        await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await stays == "answered"
    assert cleaned == ["clean"]
    assert await turns.serve(other()) == "answered"
