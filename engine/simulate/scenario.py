"""What a simulated campaign day is like: agents, contacts, times, rules."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.domain.pacing import NOTHING_KNOWN, STRICT, Profile, Traits


@dataclass(frozen=True, slots=True)
class Times:
    """Lognormal times: `mean` s and `sigma` of the logarithm; `short` of them last a quarter of the mean."""

    mean: float
    sigma: float = 0.5
    short: float = 0.0


@dataclass(frozen=True, slots=True)
class Group:
    """Contacts with these traits: their share of the list and how their answer rate compares (1 = as all)."""

    traits: Traits = NOTHING_KNOWN
    share: float = 1.0
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Endings:
    """Calls that no person answers: how they end (shares of them) and after how long (s).

    Machines pick up like persons and are recognised `machine_after` s later; nobody answers until
    the call is given up.
    """

    machine: float = 0.35
    busy: float = 0.10
    failed: float = 0.15
    machine_after: float = 3.0
    busy_after: float = 4.0
    failed_after: float = 3.0


@dataclass(frozen=True, slots=True)
class Amd:
    """Answering-machine detection: `time` it listens to every answered call.

    `false_positives`: persons taken for machines; `missed`: machines taken for persons (shares).
    """

    time: Times = Times(3.0, 0.2)
    false_positives: float = 0.02
    missed: float = 0.05


@dataclass(frozen=True, slots=True)
class Absence:
    """`agents` (share 0 to 1 of all) are away from `start` h for `hours`, all at the same moment."""

    start: float
    hours: float
    agents: float = 1.0


@dataclass(frozen=True, slots=True)
class Storm:
    """From `start` h on, for `hours`, the network refuses `share` (0 to 1) of the calls, `after` s each."""

    start: float
    hours: float
    share: float = 0.9
    after: float = 0.3


@dataclass(frozen=True, slots=True)
class Scenario:
    """One campaign day. Times in s unless said otherwise; shares from 0 to 1.

    `answer`: (from hour, share of calls that a person answers), in order. `swing`: by how much that
    share rises and falls with a period of `swing_hours`. `patience`: s a caller waits for an agent.
    `ring_after`: s until ringing is heard (0: not reported). `breaks`: mean hours between an agent's
    breaks (0: none), `break_minutes` long. `talk_drift`: factor by which talk times change over the
    day. `contacts`: contacts on the list (None: enough). `latency`: s from decision to call, which
    is also by how much events are late. `max_channels` as in `dialers` (per agent for Predictive);
    `trunk_channels` and `cps` of the trunk, None: enough. `closes_known`: the pacer is told the
    closing time. `peek`: it is told the traits of the next contacts.
    """

    name: str = "custom"
    agents: int = 20
    hours: float = 8.0
    answer: tuple[tuple[float, float], ...] = ((0.0, 0.25),)
    swing: float = 0.0
    swing_hours: float = 2.0
    ring: Times = Times(12.0, 0.45)
    ring_after: float = 0.0
    give_up: float = 28.0
    endings: Endings = Endings()
    talk: Times = Times(60.0, 0.6, 0.3)
    wrapup: Times = Times(10.0, 0.5)
    talk_drift: float = 1.0
    patience: float = 2.0
    amd: Amd | None = None
    groups: tuple[Group, ...] = (Group(),)
    breaks: float = 0.0
    break_minutes: float = 10.0
    absences: tuple[Absence, ...] = ()
    storms: tuple[Storm, ...] = ()
    contacts: int | None = None
    latency: float = 0.0
    max_channels: int = 100
    trunk_channels: int | None = None
    cps: float | None = None
    profile: Profile = field(default=STRICT)
    closes_known: bool = True
    peek: bool = False

    def answer_rate(self, hour: float) -> float:
        """Return the share of calls placed at `hour` of the day that a person answers, before swing."""
        rate = self.answer[0][1]
        for start, share in self.answer:
            if hour >= start:
                rate = share
        return rate


def public(agents: int, talk: float = 60.0) -> Scenario:
    """Return the scenario of the benchmark: 60 s calls with 10 s of wrap-up, or 180 s with 20 s."""
    wrapup = 10.0 if talk <= 60.0 else 20.0
    return Scenario(
        name=f"talk{talk:.0f}",
        agents=agents,
        talk=Times(talk, 0.6, 0.3),
        wrapup=Times(wrapup, 0.5),
    )


def steps(agents: int) -> Scenario:
    """Return the benchmark with the answer rate stepping 30 → 15 → 40 % in thirds of the day."""
    return Scenario(name="steps", agents=agents, answer=((0.0, 0.30), (8 / 3, 0.15), (16 / 3, 0.40)))
