"""What one decision costs: 300 agents, 1,500 calls in flight, while calls come, are answered and end.

A pacer that has learnt for half an hour is asked every 50 ms. Between two decisions, which is not timed,
calls are replaced and observed as 300 agents would see them, so that it learns, works its tables out anew
and meets ages and weights it has no row for. Every fifth decision finds many agents free and places calls.
"""

from __future__ import annotations

import gc
import json
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.pacing import CallInFlight, Placed, PredictivePacer, SeatChanged, SeatInUse, Snapshot
from engine.simulate.clock import EPOCH
from engine.simulate.run import predictive_dialer
from engine.simulate.scenario import Scenario
from engine.simulate.world import World

AGENTS, CALLS = 300, 1500
#: A call is in flight for so long (s); one in sixteen is answered.
FLIGHT, ANSWERED = 28.0, 16
STEP = timedelta(milliseconds=50)


class _Traffic:
    """Calls and seats that come and go at the rates of `AGENTS` and `CALLS`."""

    def __init__(self, scenario: Scenario, pacer: PredictivePacer, now: datetime) -> None:
        self._pacer = pacer
        self._kinds = [group.traits for group in scenario.groups]
        self._dialer = predictive_dialer(scenario)
        self._dice = Random(4)
        self._count = 0
        self._calls: deque[CallInFlight] = deque()
        for index in range(CALLS):
            self._place(now - timedelta(seconds=FLIGHT * (1 - index / CALLS)))
        self._seats = deque(
            SeatInUse(
                SeatState.TALKING if index >= 30 else SeatState.WRAPUP,
                now - timedelta(seconds=(index % 150) if index >= 30 else index / 3),
            )
            for index in range(AGENTS - 5)
        )

    def _place(self, at: datetime) -> None:
        self._count += 1
        call = CallInFlight(str(self._count), at, traits=self._kinds[self._count % len(self._kinds)])
        self._calls.append(call)
        self._pacer.observe(Placed(at, call.call, call.traits))

    def pass_until(self, now: datetime) -> None:
        """Let the oldest calls end or be answered, and place as many."""
        while (now - self._calls[0].sent).total_seconds() > FLIGHT:
            call = self._calls.popleft()
            if self._count % ANSWERED == 0:
                self._pacer.observe(ev.CallerJoined(now, call.call, "Q", 1, ""))
                self._pacer.observe(ev.AgentConnected(now, call.call, "Q", "A", "A", "", "", 0, 0))
                self._change_seats(now)
            self._pacer.observe(ev.HungUp(now, call.call, "", 16, None))
            self._place(now)

    def _change_seats(self, now: datetime) -> None:
        """One talk ends, one wrap-up too."""
        talk, wrapup = self._dice.expovariate(1 / 60), self._dice.expovariate(1 / 10)
        self._pacer.observe(SeatChanged(now, SeatState.TALKING, SeatState.WRAPUP, talk))
        self._pacer.observe(SeatChanged(now, SeatState.WRAPUP, SeatState.READY, wrapup))
        index = self._dice.randrange(len(self._seats))
        self._seats[index] = SeatInUse(self._seats[index].state, now)

    def snapshot(self, ready: int) -> Snapshot:
        seats = tuple(self._seats)[: AGENTS - ready]
        talking = sum(1 for seat in seats if seat.state is SeatState.TALKING)
        return Snapshot(
            self._dialer,
            ready=ready,
            ringing=0,
            talking=talking,
            wrapup=len(seats) - talking,
            dialling=len(self._calls),
            waiting=1,
            channels=len(self._calls) + talking,
            calls=tuple(self._calls),
            seats=seats,
        )


def times(scenario: Scenario, rounds: int) -> Iterator[float]:
    """Yield the CPU time (ms) of each decision."""
    pacer = PredictivePacer(scenario.profile)
    World(scenario, pacer, predictive_dialer(scenario), 1).play()
    now = EPOCH + timedelta(hours=1)
    traffic = _Traffic(scenario, pacer, now)
    pacer.decide(traffic.snapshot(5), now)  # that all calls are new to it at once never happens
    gc.disable()  # as timeit does: collections look through what the whole process holds
    for index in range(rounds):
        now += STEP
        traffic.pass_until(now)
        snapshot = traffic.snapshot(200 if index % 5 == 4 else 5)
        started = time.thread_time()
        pacer.decide(snapshot, now)
        yield (time.thread_time() - started) * 1000


def measure(scenario: Scenario, rounds: int = 1600) -> None:
    """Print the median, the slowest per cent and the slowest of `rounds` decisions (80 s of traffic)."""
    spent = sorted(times(scenario, rounds))
    for name, at in (("p50", rounds // 2), ("p99", rounds * 99 // 100), ("max", rounds - 1)):
        line = {
            "name": f"pacing/decision_{name}",
            "value": round(spent[at], 3),
            "unit": "ms",
            "baseline": 1.0,
            "ratio": round(spent[at], 3),
            "n": rounds,
        }
        print(json.dumps(line), flush=True)
