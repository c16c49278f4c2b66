"""Webhooks over a real database and a real HTTP server: each event at least once, whatever happens."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.adapters.mysql import Database, outbox, webhooks
from engine.adapters.mysql.outbox import DUE, Keeping, MysqlOutbox, tell
from engine.adapters.mysql.webhooks import Subscription
from engine.adapters.webhooks import HttpSender
from engine.domain.errors import FieldError
from engine.domain.model import CampaignName
from engine.domain.pacing import Bound, Decision
from engine.domain.webhooks import Kind, Reach, Reply
from engine.ports import CampaignReport, Clock, StoreError
from engine.ports.webhooks import Delivery
from engine.services import webhooks as service
from engine.services.webhooks import Courier, CourierSettings
from tests.contract.store_desks import BUSY, TALKED, UNSEEN, batch, finished
from tests.doubles import background
from tests.endpoint import Endpoint, verified
from tests.integration.test_law_in_claims import NOON, Office

LOCAL = Reach(http=True, networks=(ipaddress.ip_network("127.0.0.0/8"),))
CLOCK = Clock(
    now=lambda: datetime.now(UTC),
    local=lambda at: at,
    monotonic=lambda: asyncio.get_running_loop().time(),
    drift=lambda: 0.0,
    rebase=lambda: None,
    draw=secrets.randbelow,
)
SETTINGS = CourierSettings(attempts=3, first=0.001, timeout=2.0)


class Counter:
    """Counts what the metrics would."""

    def __init__(self) -> None:
        self.results: list[str] = []
        self.waiting: list[int] = []

    def webhook(self, result: str, seconds: float) -> None:
        self.results.append(result)

    def outbox(self, waiting: int) -> None:
        self.waiting.append(waiting)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PERIOD", 0.01)
    monkeypatch.setattr(service, "LOOK", 0.02)
    monkeypatch.setattr(service, "TIDY", 0.0)
    monkeypatch.setattr(outbox, "_FRESH", 0.0)


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.dialer(country="")
    return office


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().open() as server:
        yield server


async def subscribe(office: Office, url: str, campaign: str = "A<-", **how: Any) -> tuple[int, str]:
    wish = Subscription(campaign, url, **how)
    return await office.database.transaction(lambda s: webhooks.subscribe(s, wish, LOCAL))


async def announce(office: Office, campaign: str = "A<-", kind: str = Kind.CALL_ENDED, **data: Any) -> str:
    return await office.database.transaction(lambda s: tell(s, kind, campaign, NOON, data))


@asynccontextmanager
async def courier(
    office: Office,
    settings: CourierSettings = SETTINGS,
    sender: Any = None,
    box: Any = None,
) -> AsyncIterator[Counter]:
    counter = Counter()
    one = Courier(
        box or MysqlOutbox(office.database),
        sender or HttpSender(LOCAL, settings.timeout),
        counter,
        CLOCK,
        settings,
    )
    async with background(one.run()):
        yield counter


async def reached(ready: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait on a status of the tables."""
    try:
        async with asyncio.timeout(20):
            while not await ready():  # noqa: ASYNC110  the status is in the tables
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"not reached: {what}")


async def delivered(office: Office, count: int) -> None:
    async def all_there() -> bool:
        sql = "SELECT COUNT(*) AS n FROM ccdata.webhook_deliveries WHERE delivered_at IS NOT NULL"
        return bool((await office.rows(sql))[0]["n"] == count)

    await reached(all_there, f"{count} deliveries")


async def call(office: Office, number: str, *events: Any, **columns: Any) -> str:
    """Let one contact be called once; return its attempt."""
    await office.contact(number, **columns)
    [attempt] = (await office.claim(limit=1)).attempts
    await office.store.mark_sent([attempt], NOON)
    await office.store.record(batch(finished(attempt, *events)))
    return attempt.id


async def test_a_call_that_ended_is_told_with_a_signature_that_anybody_can_verify(
    office: Office, endpoint: Endpoint
) -> None:
    _, secret = await subscribe(office, endpoint.url)
    guid = await call(office, "2125550001", *TALKED, contact="C-1")
    async with courier(office) as counter:
        await delivered(office, 1)
    [hit] = endpoint.hits
    assert verified(secret, hit)
    assert not verified(secret, replace(hit, body=hit.body + b" "))
    assert hit.headers["content-type"] == "application/json"
    data = hit.event["data"]
    assert (hit.event["type"], data["call"], data["outcome"]) == ("call.ended", guid, "answered")
    assert (data["campaign"], data["list"], data["contact"]) == ("A<-", "L1", "C-1")
    assert (data["number"], data["next_step"], data["corrected"]) == ("2125550001", "finished", False)
    assert data["connected_at"].endswith("Z")
    assert counter.results == ["delivered"]


async def test_an_event_is_written_with_what_it_tells_of_or_not_at_all(
    office: Office, endpoint: Endpoint
) -> None:
    await subscribe(office, endpoint.url)

    async def fails(session: Any) -> None:
        await tell(session, Kind.CALL_ENDED, "A<-", NOON, {})
        raise StoreError("the transaction fails afterwards")

    with pytest.raises(StoreError, match="afterwards"):
        await office.database.transaction(fails)
    assert await office.rows("SELECT * FROM ccdata.webhook_events") == []
    assert await office.rows("SELECT * FROM ccdata.webhook_deliveries") == []


async def test_an_entry_that_is_written_twice_is_told_once(office: Office, endpoint: Endpoint) -> None:
    await subscribe(office, endpoint.url)
    await office.contact("2125550001")
    [attempt] = (await office.claim(limit=1)).attempts
    await office.store.mark_sent([attempt], NOON)
    entries = batch(finished(attempt, *BUSY))
    await office.store.record(entries)
    await office.store.record(entries)
    assert len(await office.rows("SELECT * FROM ccdata.webhook_events")) == 1


async def test_nobody_hears_of_what_he_has_not_asked_for(office: Office, endpoint: Endpoint) -> None:
    await office.dialer("B<-", country="")
    await subscribe(office, endpoint.url, "B<-")
    await subscribe(office, endpoint.url, "A<-", events="list.finished")
    switched_off, _ = await subscribe(office, endpoint.url, "A<-")
    await office.database.transaction(lambda s: webhooks.change(s, switched_off, LOCAL, enabled=False))
    await call(office, "2125550001", *TALKED)
    for table in ("webhook_events", "webhook_deliveries"):
        assert await office.rows(f"SELECT * FROM ccdata.{table}") == []


async def test_what_fails_is_tried_again_with_the_same_id_and_body(
    office: Office, endpoint: Endpoint
) -> None:
    answers = iter((500, 429, 200))
    endpoint.answer = lambda hit: next(answers)
    _, secret = await subscribe(office, endpoint.url)
    event = await announce(office, number="2125550001")
    async with courier(office) as counter:
        await delivered(office, 1)
    assert [hit.id for hit in endpoint.hits] == [event] * 3
    assert len({hit.body for hit in endpoint.hits}) == 1
    assert all(verified(secret, hit) for hit in endpoint.hits)
    assert counter.results == ["refused", "refused", "delivered"]
    [row] = await office.rows("SELECT attempts, last_status, last_error FROM ccdata.webhook_deliveries")
    assert tuple(row.values()) == (3, 200, "")


async def test_what_cannot_be_delivered_is_a_dead_letter_until_it_is_replayed(
    office: Office, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda hit: web.Response(status=503, text="down for\nrepairs " + "x" * 100_000)
    hook, _ = await subscribe(office, endpoint.url)
    event = await announce(office, number="2125550001")

    async def dead() -> bool:
        return bool(await office.rows("SELECT * FROM ccdata.webhook_dead_letters"))

    async with courier(office) as counter:
        await reached(dead, "a dead letter")
    assert len(endpoint.hits) == 3
    assert counter.results == ["refused", "refused", "refused", "dead"]
    [letter] = await office.database.transaction(lambda s: webhooks.dead_letters(s, hook))
    assert (letter["event"], letter["attempts"], letter["last_status"]) == (event, 3, 503)
    assert letter["last_error"].startswith("down for repairs x")
    assert await office.rows("SELECT * FROM ccdata.webhook_deliveries") == []

    endpoint.answer = lambda hit: 200
    assert await webhooks.replay(office.database, hook) == 1
    async with courier(office):
        await delivered(office, 1)
    assert [hit.id for hit in endpoint.hits] == [event] * 4
    assert await office.rows("SELECT * FROM ccdata.webhook_dead_letters") == []


async def test_what_was_delivered_can_be_replayed_by_time_or_by_id(
    office: Office, endpoint: Endpoint
) -> None:
    hook, _ = await subscribe(office, endpoint.url)
    first, second = [await announce(office, call=n) for n in (1, 2)]
    async with courier(office):
        await delivered(office, 2)
        assert await webhooks.replay(office.database, hook) == 0
        assert await webhooks.replay(office.database, hook, events=(first,)) == 1
        await delivered(office, 2)
        since = datetime.now(UTC) - timedelta(hours=1)
        assert await webhooks.replay(office.database, hook, since) == 2
        await delivered(office, 2)
    assert sorted(hit.id for hit in endpoint.hits) == sorted([first] * 3 + [second] * 2)


class Dies(MysqlOutbox):
    """The engine dies after the request and before the note."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.died = asyncio.Event()

    async def delivered(self, delivery: Delivery, reply: Reply) -> None:
        self.died.set()
        await asyncio.Event().wait()


async def test_an_engine_that_dies_between_sending_and_noting_sends_again_with_the_same_id(
    office: Office, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SLACK", -2 * SETTINGS.timeout + 0.05)  # the lease of what it had taken
    await subscribe(office, endpoint.url)
    event = await announce(office)
    dies = Dies(office.database)
    async with courier(office, box=dies):
        await dies.died.wait()
    async with courier(office):
        await delivered(office, 1)
    assert {hit.id for hit in endpoint.hits} == {event}
    assert len(endpoint.hits) >= 2


async def test_a_sick_endpoint_rests_and_keeps_nobody_waiting(office: Office, endpoint: Endpoint) -> None:
    endpoint.answer = lambda hit: 500 if hit.event["data"]["campaign"] == "SICK" else 200
    await subscribe(office, endpoint.url, "SICK")
    await subscribe(office, endpoint.url, "A<-")
    for _ in range(100):
        await announce(office, "SICK")
    for _ in range(60):
        await announce(office, "A<-")
    async with courier(office):
        await delivered(office, 60)
    sick = [hit for hit in endpoint.hits if hit.event["data"]["campaign"] == "SICK"]
    assert len(sick) < 20  # without a rest it would have been asked with everything


async def test_an_endpoint_that_is_gone_is_switched_off(office: Office, endpoint: Endpoint) -> None:
    endpoint.answer = lambda hit: 410
    hook, _ = await subscribe(office, endpoint.url)
    await announce(office)

    async def off() -> bool:
        [one] = await webhooks.listing(office.database)
        return not one.enabled

    async with courier(office):
        await reached(off, "switched off")
    [one] = await webhooks.listing(office.database)
    assert (one.reason, one.dead) == ("the endpoint answered 410 (gone)", 1)
    assert await announce(office) == ""
    await office.database.transaction(lambda s: webhooks.change(s, hook, LOCAL, enabled=True))
    assert await announce(office) != ""


async def test_redirects_are_not_followed_and_endless_answers_not_read(
    office: Office, endpoint: Endpoint
) -> None:
    away = Delivery(1, 1, endpoint.url, ("whsec_" + "A" * 32,), "e", b"{}", 1)
    endpoint.answer = lambda hit: web.Response(status=302, headers={"Location": endpoint.url + "/elsewhere"})
    sender = HttpSender(LOCAL, 2.0)
    reply = await sender.send(away, 1)
    assert (reply.status, reply.taken, len(endpoint.hits)) == (302, False, 1)
    endpoint.answer = lambda hit: web.Response(status=200, body=b"x" * 5_000_000)
    assert (await sender.send(away, 1)).taken
    await sender.close()


class Lies(AbstractResolver):
    """A name server in somebody else's hands."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("host", ["innocent.example", "127.0.0.1", "localhost", "2130706433", "[::1]"])
async def test_a_delivery_never_reaches_inside(endpoint: Endpoint, host: str) -> None:
    port = endpoint.url.split(":")[2].split("/")[0]
    sender = HttpSender(Reach(http=True), 2.0, Lies())
    url = f"http://{host}:{port}/"
    reply = await sender.send(Delivery(1, 1, url, ("whsec_" + "A" * 32,), "e", b"{}", 1), 1)
    await sender.close()
    assert (reply.status, endpoint.hits) == (None, [])
    assert "public" in reply.error or "canonical" in reply.error


async def test_nobody_listens_and_nobody_answers_are_failures(endpoint: Endpoint) -> None:
    def delivery(url: str) -> Delivery:
        return Delivery(1, 1, url, ("whsec_" + "A" * 32,), "e", b"{}", 1)

    sender = HttpSender(LOCAL, 0.2)
    refused = await sender.send(delivery("http://127.0.0.1:1/"), 1)
    assert (refused.status, bool(refused.error)) == (None, True)

    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(says_nothing, "127.0.0.1", 0)
    silent = server.sockets[0].getsockname()[1]
    reply = await sender.send(delivery(f"http://127.0.0.1:{silent}/"), 1)
    assert (reply.status, reply.error) == (None, "no answer within 0.2 s")
    await sender.close()
    server.close()
    await server.wait_closed()


async def test_who_asked_for_it_gets_masked_numbers(office: Office, endpoint: Endpoint) -> None:
    await subscribe(office, endpoint.url, masked=True)
    await announce(office, number="2125550001", list="L1")
    async with courier(office):
        await delivered(office, 1)
    data = endpoint.hits[0].event["data"]
    assert data == {"campaign": "A<-", "number": "*******001", "list": "L1"}


async def test_after_a_rotation_the_former_secret_still_verifies(office: Office, endpoint: Endpoint) -> None:
    hook, old = await subscribe(office, endpoint.url)
    now = datetime.now(UTC)
    new = await office.database.transaction(lambda s: webhooks.rotate(s, hook, now))
    await announce(office)
    async with courier(office):
        await delivered(office, 1)
        assert verified(old, endpoint.hits[0])
        assert verified(new, endpoint.hits[0])
        long_ago = now - timedelta(days=2)
        newer = await office.database.transaction(lambda s: webhooks.rotate(s, hook, long_ago))
        await announce(office)
        await delivered(office, 2)
    assert verified(newer, endpoint.hits[1])
    assert not verified(new, endpoint.hits[1])


async def test_a_list_is_finished_when_nobody_is_left_to_call(office: Office, endpoint: Endpoint) -> None:
    await office.run("INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('A<-', 'L1', 1)")
    await call(office, "2125550000", *TALKED)  # before anybody wanted to know
    await subscribe(office, endpoint.url, "*", events="list.finished")
    box = MysqlOutbox(office.database)
    await box.look()
    assert await office.rows("SELECT * FROM ccdata.webhook_events") == []

    await office.contact("2125550002", status=2)
    waits = await office.contact("2125550003")
    await office.run("UPDATE ccdata.calls_spool SET notbefore='2040-01-01' WHERE id=%s", waits)
    await call(office, "2125550001", *TALKED)
    await box.look()
    assert await office.rows("SELECT * FROM ccdata.webhook_events") == []
    await office.run("DELETE FROM ccdata.calls_spool WHERE id=%s", waits)
    # The real moment, not that of the test's calls, is after the subscription.
    await office.run(
        "UPDATE ccrepo.finished_contacts SET finished_at=UTC_TIMESTAMP(3) ORDER BY id DESC LIMIT 1"
    )
    async with courier(office):
        await delivered(office, 1)
    await box.look()
    assert len(await office.rows("SELECT * FROM ccdata.webhook_events")) == 1
    [hit] = endpoint.hits
    assert hit.event["type"] == "list.finished"
    assert hit.event["data"] == {"campaign": "A<-", "list": "L1", "finished": 2, "held_back": 1}


async def test_a_budget_warning_comes_once_a_day_and_level(office: Office, endpoint: Endpoint) -> None:
    await subscribe(office, endpoint.url, events="budget.warning")

    async def decided(answered: float, abandoned: float, at: datetime = NOON) -> None:
        numbers = {"answered": answered, "abandoned": abandoned, "limit": 0.03}
        decision = Decision(0, Bound.BUDGET, "why", numbers)
        await office.store.publish(
            [CampaignReport(CampaignName("A<-"), "running", at, decision=decision)], at
        )

    for answered, abandoned in ((100, 1), (100, 2.5), (101, 2.6), (102, 4), (103, 4)):
        await decided(answered, abandoned)
    await decided(100, 9, NOON + timedelta(days=1))
    async with courier(office):
        await delivered(office, 3)
    told = [hit.event["data"] for hit in endpoint.hits]
    assert sorted((data["level"], data["answered"]) for data in told) == [
        ("near", 100.0), ("over", 100.0), ("over", 102.0),
    ]  # fmt: skip
    assert {data["limit"] for data in told} == {0.03}


async def test_the_end_of_a_call_that_becomes_known_later_is_told_as_a_correction(
    office: Office, endpoint: Endpoint
) -> None:
    await subscribe(office, endpoint.url)
    await office.contact("2125550001")
    await office.store.take_lease("one", timedelta(seconds=30))
    [attempt] = (await office.claim(limit=1)).attempts
    await office.store.mark_sent([attempt], NOON)
    other = office.engine()
    await other.take_lease("two", timedelta(seconds=30), dead="one")
    await other.take_over(frozenset([attempt.id]))
    await other.record(batch(finished(attempt, *UNSEEN), fence=other.fence, journal="second"))
    await office.store.record(batch(finished(attempt, *TALKED), fence=office.store.fence, journal="first"))
    async with courier(office):
        await delivered(office, 2)
    told = sorted((h.event["data"]["corrected"], h.event["data"]["outcome"]) for h in endpoint.hits)
    assert told == [(False, "unknown"), (True, "answered")]


async def test_the_outbox_is_bounded_in_time(office: Office, endpoint: Endpoint) -> None:
    hook, _ = await subscribe(office, endpoint.url)
    await announce(office, call=1)
    async with courier(office) as counter:
        await delivered(office, 1)

        async def counted() -> bool:
            return counter.waiting[-1:] == [0]

        await reached(counted, "an empty outbox is counted")
    await office.database.transaction(lambda s: webhooks.change(s, hook, LOCAL, enabled=False))
    await office.database.transaction(lambda s: webhooks.probe(s, hook, NOON))
    assert await MysqlOutbox(office.database, Keeping(timedelta(days=7), timedelta(0))).tidy() == 0
    assert len(await office.rows("SELECT * FROM ccdata.webhook_dead_letters")) == 1
    assert len(await office.rows("SELECT * FROM ccdata.webhook_deliveries")) == 1
    assert await MysqlOutbox(office.database, Keeping(timedelta(0), timedelta(0))).tidy() == 0
    assert await office.rows("SELECT * FROM ccdata.webhook_deliveries") == []
    assert await office.rows("SELECT * FROM ccdata.webhook_events") == []


async def test_bad_subscriptions_are_refused_by_field(office: Office) -> None:
    good = Subscription("A<-", "https://example.com/")
    for bad, field in (
        (replace(good, url="http://10.0.0.1/"), "url"),
        (replace(good, events="all of them"), "events"),
        (replace(good, campaign=""), "campaign"),
        (replace(good, secret="whsec_short"), "secret"),
    ):
        with pytest.raises(FieldError) as refused:
            await office.database.transaction(lambda s, bad=bad: webhooks.subscribe(s, bad, Reach()))
        assert refused.value.field == field
    with pytest.raises(FieldError, match="there is no webhook 99"):
        await webhooks.replay(office.database, 99)


async def test_a_removed_webhook_takes_what_waits_with_it(office: Office, endpoint: Endpoint) -> None:
    hook, _ = await subscribe(office, endpoint.url)
    await announce(office)
    await office.database.transaction(lambda s: webhooks.unsubscribe(s, hook))
    assert await webhooks.listing(office.database) == ()
    assert await office.rows("SELECT * FROM ccdata.webhook_deliveries") == []


async def test_what_is_due_is_found_by_an_index(office: Office) -> None:
    for n in range(300):
        await office.run(
            "INSERT INTO ccdata.webhook_deliveries (webhook, event, next_try, created_at)"
            " VALUES (%s, %s, IF(%s < 5, UTC_TIMESTAMP(3), NULL), UTC_TIMESTAMP(3))",
            n % 3, f"{n:036d}", n,
        )  # fmt: skip
    await office.run("ANALYZE TABLE ccdata.webhook_deliveries")
    [plan] = await office.rows(f"EXPLAIN {DUE}", 1, 4)
    assert plan["key"] == "webhook_deliveries_due"
    assert "filesort" not in (plan["Extra"] or "")
