"""Delivers webhooks: at least once each, in no particular order, never at the expense of the dialling."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from engine.domain.webhooks import Reply, wait
from engine.ports import Clock, StoreError
from engine.ports.webhooks import CourierObserver, Delivery, Outbox, Sender

log = structlog.get_logger(__name__)

#: Seconds between two looks into the outbox, for finished lists, and at what is old.
PERIOD, LOOK, TIDY = 0.5, 2.0, 15.0
#: So many failed tries in a row, and an endpoint rests: 1 s, doubled up to LONGEST_REST.
SICK, LONGEST_REST = 5, 60.0
#: Seconds, beyond twice a request's time, until a delivery that nobody noted is made again.
SLACK = 5.0
#: Deliveries under way at the same time, over all endpoints.
ALTOGETHER = 32


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """`attempts` until an event is a dead letter; `first`: s until the second one; `each`: requests to one
    endpoint at the same time; `timeout`: s that one request may take."""

    attempts: int = 16
    first: float = 5.0
    each: int = 4
    timeout: float = 10.0


@dataclass(slots=True)
class _Endpoint:
    """What is known of one endpoint: requests under way, tries that failed in a row, until when it rests."""

    busy: int = 0
    failures: int = 0
    rests_until: float = 0.0

    def room(self, each: int, now: float) -> int:
        """Return how many requests may begin; a sick endpoint gets one at a time, after its rest."""
        if self.failures < SICK:
            return max(each - self.busy, 0)
        return 0 if self.busy or now < self.rests_until else 1


@dataclass(slots=True)
class Courier:
    """Run it while this engine leads. Invariant: an event leaves the outbox only when its endpoint has
    answered with 2xx, or into the dead letters. What is under way when the engine dies is sent again, with
    the same id."""

    outbox: Outbox
    sender: Sender
    observer: CourierObserver
    clock: Clock
    settings: CourierSettings = field(default_factory=CourierSettings)
    _endpoints: dict[int, _Endpoint] = field(default_factory=dict)
    _busy: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Deliver until cancelled; a database that does not answer is asked again."""
        self._endpoints, self._busy = {}, 0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._now_and_then(), name="webhooks")
                while True:
                    self._wake.clear()
                    await self._begin(group)
                    try:
                        async with asyncio.timeout(PERIOD):
                            await self._wake.wait()
                    except TimeoutError:
                        pass
        finally:
            await self.sender.close()

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        limit = ALTOGETHER - self._busy
        if limit <= 0:
            return
        now, each = self.clock.monotonic(), self.settings.each
        room = {id_: endpoint.room(each, now) for id_, endpoint in self._endpoints.items()}
        lease = timedelta(seconds=2 * self.settings.timeout + SLACK)
        try:
            taken = await self.outbox.take(room, each, limit, lease)
        except StoreError as error:
            log.warning("outbox not read", action="webhooks.database", reason=str(error))
            return
        except Exception:
            log.exception("outbox not understood", action="webhooks.fault")
            return
        for delivery in taken:
            self._endpoints.setdefault(delivery.webhook, _Endpoint()).busy += 1
            self._busy += 1
            group.create_task(self._deliver(delivery), name=f"webhook {delivery.webhook}")

    async def _deliver(self, delivery: Delivery) -> None:
        endpoint = self._endpoints[delivery.webhook]
        began = self.clock.monotonic()
        try:
            reply = await self.sender.send(delivery, int(self.clock.now().timestamp()))
            seconds = self.clock.monotonic() - began
            self._judge_endpoint(endpoint, reply)
            await self._note(delivery, reply, seconds)
        except StoreError as error:
            # It is sent again when the lease is over: the endpoint knows it by its id.
            log.warning("delivery not noted", action="webhooks.database", reason=str(error))
        except Exception:
            # A fault in one delivery is that delivery's: calls go on.
            log.exception("delivery failed", action="webhooks.fault", webhook=delivery.webhook)
        finally:
            endpoint.busy -= 1
            self._busy -= 1
            self._wake.set()

    def _judge_endpoint(self, endpoint: _Endpoint, reply: Reply) -> None:
        if reply.taken:
            endpoint.failures = 0
            return
        endpoint.failures += 1
        if endpoint.failures >= SICK:
            rest = min(2.0 ** (endpoint.failures - SICK), LONGEST_REST)
            endpoint.rests_until = self.clock.monotonic() + rest

    async def _note(self, delivery: Delivery, reply: Reply, seconds: float) -> None:
        if reply.taken:
            self.observer.webhook("delivered", seconds)
            await self.outbox.delivered(delivery, reply)
            return
        self.observer.webhook("unreachable" if reply.status is None else "refused", seconds)
        words = {"webhook": delivery.webhook, "delivery": delivery.event, "attempts": delivery.attempts}
        if reply.gone or delivery.attempts >= self.settings.attempts:
            self.observer.webhook("dead", seconds)
            log.warning("event not delivered", action="webhooks.dead", status=reply.status, **words)
            await self.outbox.bury(delivery, reply)
            if reply.gone:
                log.warning("endpoint is gone", action="webhooks.gone", webhook=delivery.webhook)
                await self.outbox.switch_off(delivery.webhook, "the endpoint answered 410 (gone)")
            return
        log.debug("delivery failed", action="webhooks.failed", status=reply.status, **words)
        seconds = wait(delivery.attempts, self.settings.first, reply, self.clock.draw)
        await self.outbox.again(delivery, reply, timedelta(seconds=seconds))

    async def _now_and_then(self) -> None:
        """Look for finished lists, tidy up."""
        tidy_at = 0.0
        while True:
            try:
                await self.outbox.look()
                if self.clock.monotonic() >= tidy_at:
                    tidy_at = self.clock.monotonic() + TIDY
                    self.observer.outbox(await self.outbox.tidy())
            except StoreError as error:
                log.warning("outbox not tidied", action="webhooks.database", reason=str(error))
            except Exception:
                log.exception("outbox not tidied", action="webhooks.fault")
            await asyncio.sleep(LOOK)
