"""Two hours of a virtual day over 100,000 contacts in ten time zones: not one call outside the hours.

The day is that of a clock change (8 March 2026, a Sunday, in North America), the claims are the engine's on
a real server, and the checker knows nothing of zones, laws or libraries but the table below.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.adapters.mysql import Database
from tests.contract.store_desks import naive
from tests.integration.test_law_in_claims import Office, request

#: Campaign, its country, how its numbers begin, their hours ahead of UTC on that day, and from which to which
#: local hour they may be called on that Sunday (None: not at all).
PLACES = (
    ("US<-", "US", "1212", -4, (8, 21)),  # New York, since 07:00 UTC on summer time
    ("US<-", "US", "1312", -5, (8, 21)),  # Chicago
    ("US<-", "US", "1303", -6, (8, 21)),  # Denver
    ("US<-", "US", "1602", -7, (8, 21)),  # Phoenix, where no clock changes
    ("US<-", "US", "1213", -7, (8, 21)),  # Los Angeles
    ("US<-", "US", "1808", -10, (8, 21)),  # Honolulu
    ("UK<-", "UK", "4420", 0, (9, 20)),  # London, on winter time still
    ("EU<-", "EU", "4930", 1, None),  # Berlin: no calls on Sundays
    ("BR<-", "BR", "5511", -3, None),  # São Paulo: no calls on Sundays
    ("NX<-", "Elbonia", "9714", 4, (8, 21)),  # Dubai, under the law of a country without a file
)
START = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
EACH = 10_000


def outside_hours(number: str, at: datetime) -> bool:
    """The checker: `at` is UTC."""
    for _, _, start, ahead, hours in PLACES:
        if number.startswith(start):
            return hours is None or not hours[0] <= (at.hour + ahead) % 24 < hours[1]
    return True


@pytest.fixture
async def patient(database: Database) -> AsyncIterator[Database]:
    """How long a claim takes on a machine that is busy with other things is no matter here."""
    patient = Database(replace(database.settings, timeout=120.0))
    yield patient
    await patient.close()


@pytest.mark.timeout(900)
async def test_no_call_outside_the_hours_in_two_hours_of_a_virtual_day(patient: Database) -> None:
    office = Office(patient)
    for campaign, country in dict.fromkeys(place[:2] for place in PLACES):
        await office.dialer(campaign, country=country)
    for campaign, _, start, _, _ in PLACES:
        # The rest of the number fills it up to its country's length.
        digits = 11 - len(start) if start[0] in "1" else 8
        async with patient.session() as session:
            await session.run(
                "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
                " SELECT %s, CONCAT('+', %s, LPAD(seq + 2000000, %s, '2')), 'L1'"
                f" FROM ccdata.seq_1_to_{EACH}",
                (campaign, start, digits),
            )

    async def work(campaign: str) -> None:
        for minute in range(120):
            now = START + timedelta(minutes=minute)
            for _ in range(3):
                if not (await office.store.claim(request(campaign, now, 50))).rows:
                    break

    async with asyncio.TaskGroup() as group:
        for campaign in dict.fromkeys(place[0] for place in PLACES):
            group.create_task(work(campaign))

    calls = await office.rows("SELECT number, claimed_at FROM ccdata.attempts")
    wrong = [call for call in calls if outside_hours(str(call["number"]), call["claimed_at"])]
    assert wrong == []
    begun = Counter(str(call["number"])[:4] for call in calls)
    assert set(begun) == {"1212", "1312", "4420", "9714"}
    # Whoever could be called was: New York from the first minute on, Chicago from 13:00 UTC on.
    first = min(call["claimed_at"] for call in calls if str(call["number"]).startswith("1312"))
    assert first == naive(START + timedelta(hours=1))
    assert sum(begun.values()) > 25_000
    held = await office.rows(
        "SELECT held_by, COUNT(*) AS n, MIN(notbefore) AS first FROM ccdata.calls_spool"
        " WHERE status = 1 AND held_by <> '' GROUP BY held_by"
    )
    assert {row["held_by"] for row in held} == {"hours"}
    assert min(row["first"] for row in held) == naive(START + timedelta(hours=2))  # Denver, at eight
