"""Time that nobody can set: the day's time at the start, carried on by seconds that have really passed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from engine.adapters.clock import SteadyClock, boot_seconds

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


class Machine:
    """A machine's clocks."""

    def __init__(self) -> None:
        self.wall = START.timestamp()
        self.boot = 5000.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.boot)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_time_goes_on(machine: Machine) -> None:
    assert machine.clock.now() == START
    machine.pass_by(90.5)
    assert machine.clock.now() == START + timedelta(seconds=90.5)
    assert machine.clock.monotonic() == 5090.5
    assert machine.clock.drift() == 0.0


@pytest.mark.parametrize("by", [3600.0, -3600.0, 0.5])
def test_a_set_clock_moves_nothing_until_it_is_taken_over(machine: Machine, by: float) -> None:
    machine.pass_by(10)
    machine.wall += by
    assert machine.clock.now() == START + timedelta(seconds=10)
    assert machine.clock.drift() == pytest.approx(by)
    machine.pass_by(5)
    assert machine.clock.drift() == pytest.approx(by)
    machine.clock.rebase()
    assert machine.clock.now() == START + timedelta(seconds=15 + by)
    assert machine.clock.drift() == 0.0
    assert machine.clock.monotonic() == 5015, "these seconds nobody sets"


def test_small_corrections_add_up_unless_they_are_taken_over(machine: Machine) -> None:
    for _ in range(10):
        machine.pass_by(1)
        machine.wall += 0.1
    assert machine.clock.drift() == pytest.approx(1.0)
    machine.clock.rebase()
    assert machine.clock.drift() == 0.0


def test_the_real_clock_tells_the_time_of_day_and_seconds_since_the_machines_start() -> None:
    clock = SteadyClock()
    assert clock.now().tzinfo is UTC
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 60
    assert abs(clock.drift()) < 60
    assert boot_seconds() >= time.monotonic() - 60
