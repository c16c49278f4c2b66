"""The fleet: one worker per enabled campaign, as the settings tables say right now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
import structlog.testing

from engine.domain.pacing import Decision, PowerPacer, Snapshot
from engine.ports import CampaignReport, StoreError
from engine.services.fleet import Fleet
from tests.builders import QUEUE
from tests.doubles import background, until
from tests.service_rig import Bench, hurry

OTHER = "OTHER<-"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def bench() -> Bench:
    """Two campaigns with one agent and two contacts whose phones ring for ever."""
    bench = Bench()
    for number, name in enumerate((QUEUE, OTHER)):
        bench.store.add_dialer(name, tbc=0, maxchannels=1)
        bench.seats(1, name, first=101 + number)
        bench.contacts(f"{number}001777", f"{number}002777", campaign=name)
    return bench


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Fleet]:
    fleet = Fleet(bench.tools)
    bench.book.listen = fleet.on_call
    async with background(bench.dispatch(), bench.recorder.run()) as group:
        group.create_task(fleet.run(group))
        yield fleet


async def rounds(bench: Bench, count: int = 3) -> None:
    """Let the fleet read the settings `count` more times."""
    before = bench.store.calls["settings"]
    await until(lambda: bench.store.calls["settings"] > before + count, f"{count} more looks")


async def reported(bench: Bench, campaign: str, state: str) -> CampaignReport:
    def there() -> bool:
        return campaign in bench.store.reports and bench.store.reports[campaign].state == state

    await until(there, f"{campaign} is reported as {state}")
    return bench.store.reports[campaign]


async def calling(bench: Bench, *queues: str, calls: int = 1) -> None:
    for queue in queues:
        await until(lambda queue=queue: len(bench.dialled(queue)) == calls, f"{queue} dials")  # type: ignore[misc]


async def test_every_enabled_campaign_dials_and_is_reported_as_running(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE, OTHER)
        report = await reported(bench, QUEUE, "running")
        await reported(bench, OTHER, "running")
        assert report.snapshot is not None
        assert report.snapshot.dialer.name == QUEUE
        await rounds(bench)
        assert len(bench.switch.orders) == 2, "one worker each: nobody dials twice"


async def test_a_broken_campaign_is_set_aside_with_its_field_and_stops_no_other(bench: Bench) -> None:
    bench.store.dialers[QUEUE]["schedule"] = "whenever"
    async with running(bench):
        await calling(bench, OTHER)
        report = await reported(bench, QUEUE, "set_aside")
        assert (report.field, "whenever" in report.reason) == ("schedule", True)
        assert bench.dialled(QUEUE) == []
        bench.clock.advance(60)
        await rounds(bench)
        assert bench.store.reports[QUEUE].since == report.since, "set aside since it was found broken"
        bench.store.dialers[QUEUE]["schedule"] = "sun-sat;00:00-23:59"
        await calling(bench, QUEUE)
        await reported(bench, QUEUE, "running")


async def test_the_log_of_a_broken_campaign_names_field_and_fix_and_not_the_value(bench: Bench) -> None:
    bench.store.dialers[QUEUE]["callerid"] = "call Maria 0991 234 567"
    with structlog.testing.capture_logs() as said:
        async with running(bench):
            report = await reported(bench, QUEUE, "set_aside")
    assert "Maria 0991" in report.reason, "the table has it anyway"
    [line] = [line for line in said if line.get("action") == "campaign.set_aside"]
    assert line["reason"] == "callerid: Write PREFIX#CALLERID-FROM-TO, digits only."
    assert "Maria" not in repr(said)


async def test_the_log_names_every_campaign_that_starts_without_any_law_once(bench: Bench) -> None:
    bench.store.dialers[OTHER]["country"] = "none"
    with structlog.testing.capture_logs() as said:
        async with running(bench):
            await reported(bench, QUEUE, "running")
            await rounds(bench)
    [line] = [line for line in said if line.get("action") == "campaign.lawless"]
    assert (line["campaign"], line["log_level"]) == (QUEUE, "warning")


async def test_a_campaign_that_breaks_while_it_runs_dials_no_more(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE, OTHER)
        bench.store.dialers[QUEUE]["maxchannels"] = "many"
        assert (await reported(bench, QUEUE, "set_aside")).field == "maxchannels"
        for order in list(bench.switch.orders):
            bench.switch.end(order.attempt)
        await calling(bench, OTHER, calls=2)
        await rounds(bench)
        assert len(bench.dialled(QUEUE)) == 1


@pytest.mark.parametrize(("kind", "field"), [("VoiceBroadCast", "ari"), ("Magic", "dialertype")])
async def test_a_type_that_cannot_be_dialled_is_set_aside(bench: Bench, kind: str, field: str) -> None:
    bench.store.dialers[QUEUE].update(dialertype=kind, sound="hello", context=kind)
    async with running(bench):
        assert (await reported(bench, QUEUE, "set_aside")).field == field
        await calling(bench, OTHER)


async def test_a_campaign_without_its_queue_row_is_set_aside(bench: Bench) -> None:
    del bench.store.queues[QUEUE]
    async with running(bench):
        assert (await reported(bench, QUEUE, "set_aside")).field == "campaign"


async def test_a_disabled_campaign_dials_no_more_until_it_is_enabled_again(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE, OTHER)
        bench.store.dialers[QUEUE]["status"] = 0
        await reported(bench, QUEUE, "disabled")
        bench.switch.end(bench.switch.orders[0].attempt)
        bench.switch.end(bench.switch.orders[1].attempt)
        await calling(bench, OTHER, calls=2)
        await rounds(bench)
        assert len(bench.dialled(QUEUE)) == 1
        bench.store.dialers[QUEUE]["status"] = 1
        await calling(bench, QUEUE, calls=2)
        await reported(bench, QUEUE, "running")


async def test_changed_settings_are_taken_over_while_running(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE)
        bench.store.dialers[QUEUE].update(maxchannels=2, tbc=-100, dialstring="SIP/SPARE/")
        await calling(bench, QUEUE, calls=2)
        own = [order for order in bench.switch.orders if ("OD_CAMPAIGN", QUEUE) in order.variables]
        assert [order.channel.partition("@")[2] for order in own] == ["CARRIER", "SPARE"]


async def test_a_list_that_is_switched_off_gives_no_more_contacts(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE)
        bench.store.lists[0]["active"] = 0
        await rounds(bench)
        bench.switch.end(
            next(o.attempt for o in bench.switch.orders if ("OD_CAMPAIGN", QUEUE) in o.variables)
        )
        await rounds(bench, 6)
        assert len(bench.dialled(QUEUE)) == 1
        bench.store.lists[0]["active"] = 1
        await calling(bench, QUEUE, calls=2)


async def test_a_worker_that_breaks_down_rests_and_starts_again_and_no_other_notices(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, failures = PowerPacer.decide, 0

    def break_down(pacer: PowerPacer, snapshot: Snapshot, now: datetime) -> Decision:
        nonlocal failures
        if snapshot.dialer.name == QUEUE and failures < 2:
            failures += 1
            raise ZeroDivisionError("a fault in the strategy")
        return decide(pacer, snapshot, now)

    monkeypatch.setattr(PowerPacer, "decide", break_down)
    async with running(bench):
        await calling(bench, OTHER)
        await calling(bench, QUEUE)
        assert failures == 2, "it was tried again after each breakdown"


async def test_without_its_settings_the_fleet_goes_on_as_it_was(bench: Bench) -> None:
    async with running(bench):
        await calling(bench, QUEUE)
        bench.store.fail = StoreError("the server has gone away")
        bench.store.fail_in = frozenset({"settings"})
        bench.store.dialers[QUEUE].update(maxchannels=2, tbc=-100)
        before = bench.observer.failures
        await until(lambda: bench.observer.failures > before + 3, "it tries again and again")
        assert len(bench.dialled(QUEUE)) == 1
        bench.store.fail = None
        await calling(bench, QUEUE, calls=2)


async def test_a_stop_ends_all_workers_and_says_so(bench: Bench) -> None:
    async with running(bench) as fleet:
        await calling(bench, QUEUE, OTHER)
        await fleet.stop(10.0)
        assert {report.state for report in bench.store.reports.values()} == {"stopped"}
        for order in list(bench.switch.orders):
            bench.switch.end(order.attempt)
        publishes = bench.store.calls["publish"]
        await until(lambda: bench.store.calls["publish"] > publishes + 3, "more rounds")
        assert len(bench.switch.orders) == 2
        assert {report.state for report in bench.store.reports.values()} == {"stopped"}


async def test_settings_that_arrive_after_the_stop_start_nobody(bench: Bench) -> None:
    answer = bench.store.held["settings"] = asyncio.Event()
    async with running(bench) as fleet:
        await until(lambda: "settings" in bench.store.waiting, "the settings are being asked for")
        await fleet.stop(10.0)
        answer.set()
        publishes = bench.store.calls["publish"]
        await until(lambda: bench.store.calls["publish"] > publishes + 3, "more rounds")
        assert bench.switch.orders == []
        assert bench.observer.decisions == [], "no campaign is looked after any more"
