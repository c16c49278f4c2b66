"""Keeps one worker per enabled campaign, as the settings tables say right now."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from engine.domain import events as ev
from engine.domain.broadcast import Result, Script
from engine.domain.call import Call
from engine.domain.errors import FieldError
from engine.domain.law.book import lawless
from engine.domain.model import Campaign, CampaignName, Dialer
from engine.domain.modes import Mode
from engine.domain.scripts import read_script
from engine.domain.settings import Row, SettingsRows, TrunkLimits, active_lists, read_dialer, read_trunks
from engine.ports import CampaignReport, StoreError
from engine.services.book import CallBook
from engine.services.campaign import CampaignWorker
from engine.services.tools import Tools

log = structlog.get_logger(__name__)

#: How often the settings are read: a change by plain SQL takes effect within twice this (s).
PERIOD = 0.9
#: A worker that ends without being told to is a fault; its campaign rests this long (s).
_REST = 5.0


class Fleet:
    """The workers of all running campaigns.

    Invariant: a campaign has one worker at most, and none while its settings cannot be read; a
    campaign that cannot run never keeps another from running.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._workers: dict[CampaignName, CampaignWorker] = {}
        self._tasks: dict[CampaignName, asyncio.Task[None]] = {}
        self._aside: dict[str, CampaignReport] = {}
        self._resting: dict[str, float] = {}
        self._known: set[str] = set()
        self._debtors: list[CampaignWorker] = []
        self._giving_back = asyncio.Lock()
        self._stopping = False
        self._bad_trunks = ""
        #: Set once the settings have been read: who asks what a call is to hear waits for it.
        self.followed = asyncio.Event()
        #: What was reported last, and when the settings were read last (s of the steady clock).
        self.reports: tuple[CampaignReport, ...] = ()
        self.looked_at = tools.clock.monotonic()

    @property
    def book(self) -> CallBook:
        """The calls of all campaigns."""
        return self._tools.book

    @property
    def drained(self) -> str:
        """Why every campaign is being drained; '' when they are not."""
        return self._tools.drains.everybody

    @property
    def trunks(self) -> frozenset[str]:
        """The trunks that running campaigns use."""
        return frozenset(w.campaign.dialer.dial_string.trunk for w in self._workers.values())

    def limits(self, trunk: str) -> TrunkLimits | None:
        """Return what a trunk may be given; None: it has no limit."""
        return self._tools.trunks.limits(trunk)

    @property
    def running(self) -> tuple[CampaignName, ...]:
        """The campaigns that have a worker."""
        return tuple(self._workers)

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Follow the settings until cancelled; workers run in `group`."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                written = self._tools.caller_ids.written
                rows = await self._tools.store.settings()
                self._tools.caller_ids.follow(rows, written)
                if not self._stopping:  # asked after the wait: a stop may have come meanwhile
                    self._follow(rows, group, loop.time())
                    self.followed.set()
                now = self._tools.clock.now()
                self.looked_at = self._tools.clock.monotonic()
                self.reports = tuple(self._reports(now))
                await self._tools.store.publish(self.reports, now)
            except StoreError as error:
                self._tools.observer.database_failed()
                log.warning("settings not read", action="fleet.database", reason=str(error))
            await asyncio.sleep(PERIOD)

    async def collect_debts(self) -> None:
        """Release, until cancelled, what workers had claimed when they ended and could not give back."""
        while True:
            await self._give_back()
            await asyncio.sleep(PERIOD)

    async def _give_back(self) -> None:
        async with self._giving_back:
            for worker in list(self._debtors):
                try:
                    await worker.placer.release()
                except StoreError as error:
                    log.warning("claims not released", action="fleet.database", reason=str(error))
                else:
                    self._debtors.remove(worker)

    def _follow(self, rows: SettingsRows, group: asyncio.TaskGroup, at: float) -> None:
        """Start, update and stop workers so that they are what the rows say."""
        queues = {str(row["name"]).lower(): row for row in rows.queues}
        self._follow_trunks(rows)
        self._tools.drains.follow(rows.drains)
        recorded = (str(row["agent"]).casefold() for row in rows.agents if row["recording"])
        self._tools.desks.record_only(frozenset(recorded))
        self._tools.picture.set_wrapup({str(q["name"]): int(q["wrapuptime"]) for q in rows.queues})
        wanted: dict[CampaignName, Campaign] = {}
        aside: dict[str, CampaignReport] = {}
        for row in rows.dialers:
            name = str(row["campaign"])
            if not row["status"]:
                aside[name] = self._aside_report(name, "disabled", "", "dialers.status is 0")
                continue
            try:
                campaign = self._read(row, queues.get(name.lower()), rows)
            except FieldError as error:
                aside[name] = self._set_aside(name, error)
                continue
            wanted[campaign.dialer.name] = campaign
        for name in self._known - {str(row["campaign"]) for row in rows.dialers}:
            aside[name] = self._aside_report(name, "stopped", "", "its row in dialers is gone")
        self._known = {str(row["campaign"]) for row in rows.dialers}
        for worker_name in set(self._workers) - set(wanted):
            self._end(worker_name)
        for name, campaign in wanted.items():
            worker = self._workers.get(name)
            if worker is not None and worker.campaign.dialer.mode is not campaign.dialer.mode:
                self._end(name)  # who is called first is another matter altogether: a fresh worker follows
            elif worker is not None:
                worker.update(campaign)
            elif self._resting.get(name, 0.0) > at:
                why = f"an internal error stopped it (see the log); it is tried again within {_REST:.0f} s"
                aside[name] = self._aside_report(name, "set_aside", "", why)
            elif name not in self._tasks:
                self._start(campaign, group)
                self._say_if_lawless(name, rows)
        self._aside = aside

    def _follow_trunks(self, rows: SettingsRows) -> None:
        """A row that cannot be used leaves all limits as they were."""
        try:
            self._tools.trunks.follow(read_trunks(rows.trunks))
        except FieldError as error:
            if str(error) != self._bad_trunks:
                log.error("limits of trunks not taken over", action="trunk.limits", reason=str(error))
            self._bad_trunks = str(error)
        else:
            self._bad_trunks = ""

    def _read(self, row: Row, queue: Row | None, rows: SettingsRows) -> Campaign:
        options = {str(option["campaign"]).lower(): option for option in rows.options}
        name = str(row["campaign"]).lower()
        dialer = read_dialer(row, queue, self._tools.profiles, options.get(name))
        script = self._script(dialer, queue, rows) if dialer.mode is Mode.BROADCAST else None
        return Campaign(dialer, active_lists(rows.lists, dialer.name), script)

    def _script(self, dialer: Dialer, queue: Row | None, rows: SettingsRows) -> Script:
        """Return what the broadcast says. Raises FieldError."""
        if self._tools.voice is None:
            raise FieldError(
                "ari", "a broadcast needs ARI, which is not set up", "Fill [ari] in overdial.toml."
            )
        own = {str(row["campaign"]).lower(): row for row in rows.broadcast}
        return read_script(
            dialer.sound,
            own.get(dialer.name.lower()),
            dialer.options,
            has_queue=queue is not None,
            speaks=self._tools.speaks,
        )

    def script_of(self, call: Call) -> Script | None:
        """Return what a call of a broadcast campaign is to hear; None where there is none (any more)."""
        worker = self._workers.get(call.dialer.name)
        return worker.campaign.script if worker is not None else None

    def told(self, call: Call, result: Result) -> None:
        """A call of a broadcast campaign was talked to, or could not be."""
        worker = self._workers.get(call.dialer.name)
        if worker is not None:
            worker.told(result)

    def _set_aside(self, name: str, error: FieldError) -> CampaignReport:
        report = self._aside_report(name, "set_aside", error.field, str(error))
        if self._aside.get(name) != report:
            log.error("campaign set aside", action="campaign.set_aside", campaign=name, reason=error.advice)
        return report

    def _aside_report(self, name: str, state: str, field: str, reason: str) -> CampaignReport:
        """The same report as long as nothing changed, so that `since` tells since when."""
        known = self._aside.get(name)
        since = self._tools.clock.now()
        if known and (known.state, known.reason) == (state, reason):
            since = known.since
        return CampaignReport(CampaignName(name), state, since, field, reason)

    def _start(self, campaign: Campaign, group: asyncio.TaskGroup) -> None:
        name = campaign.dialer.name
        worker = CampaignWorker(campaign, self._tools)
        self._workers[name] = worker
        self._tasks[name] = group.create_task(self._guarded(worker), name=f"campaign {name}")
        log.info(
            "campaign started",
            action="campaign.started",
            campaign=name,
            type=campaign.dialer.dialer_type.value,
            lists=len(campaign.lists),
        )

    @staticmethod
    def _say_if_lawless(name: str, rows: SettingsRows) -> None:
        dialer = next(row for row in rows.dialers if str(row["campaign"]) == name)
        laws = {str(row["campaign"]).lower(): row for row in rows.laws}
        if lawless(dialer, laws.get(name.lower())):
            log.warning(
                "no law's hours, caps or rests hold: dialers.country is empty. Fix: set it;"
                " none says that no law shall hold",
                action="campaign.lawless",
                campaign=name,
            )

    async def _guarded(self, worker: CampaignWorker) -> None:
        """A fault in one campaign is that campaign's: it is reported and tried again later."""
        try:
            await worker.run()
        except Exception:
            log.exception("campaign worker failed", action="campaign.failed", campaign=worker.name)
            self._resting[worker.name] = asyncio.get_running_loop().time() + _REST
        finally:
            self._tasks.pop(worker.name, None)
            if self._workers.get(worker.name) is worker:
                del self._workers[worker.name]
            if worker.name not in self._workers:
                self._tools.rivals.forget(worker.name)  # its last turn may have told of callers once more
            if worker.placer.owes:
                self._debtors.append(worker)

    def _end(self, name: CampaignName) -> None:
        worker = self._workers.pop(name, None)
        if worker is not None:
            worker.stop()
            log.info("campaign stopped", action="campaign.stopped", campaign=name)

    def _reports(self, now: datetime) -> list[CampaignReport]:
        running = [worker.report(now) for worker in self._workers.values()]
        names = {report.campaign for report in running}
        return running + [r for r in self._aside.values() if r.campaign not in names]

    def on_call(self, call: Call, event: ev.CallEvent) -> None:
        """Tell the reservations, and the worker of the call's campaign."""
        self._tools.desks.heard(call, event, call.dialer.wrapup)
        worker = self._workers.get(call.dialer.name)
        if worker is not None:
            worker.observe(call, event)

    def on_queue(self, queue: str | None) -> None:
        """Wake the worker whose queue changed; all of them when it is not known which."""
        for name, worker in self._workers.items():
            if queue is None or name.casefold() == queue.casefold():
                worker.wake()

    async def stop(self, limit: float) -> bool:
        """Stop all workers within `limit` s; a turn that hangs is cancelled. Returns whether everything
        that was claimed and not sent has been given back."""
        deadline = asyncio.get_running_loop().time() + limit
        self._stopping = True
        tasks = list(self._tasks.values())
        names = list(self._workers)
        for name in names:
            self._end(name)
        if tasks:
            _, hanging = await asyncio.wait(tasks, timeout=limit * 0.7)
            for task in hanging:
                task.cancel()
            if hanging:
                await asyncio.wait(hanging, timeout=1.0)
        try:
            async with asyncio.timeout_at(deadline):
                await self._give_back()
                now = self._tools.clock.now()
                why = "the engine was stopped"
                await self._tools.store.publish(
                    [CampaignReport(name, "stopped", now, reason=why) for name in names], now
                )
        except (StoreError, TimeoutError) as error:
            log.warning("not all claims released", action="fleet.database", reason=str(error))
        return not self._debtors
