"""`overdial simulate --campaign`: what the records of a campaign, or of one list, say of its traffic."""

from __future__ import annotations

from engine.adapters.mysql import Database
from engine.adapters.mysql.history import learn

_CALLS = (
    "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, dialerbase, owner, fence, state,"
    " claimed_at, sent_at, answered_at, connected_at, ended_at, outcome, agent)"
    " VALUES (%s, 'C', 1, '1', %s, 'o', 1, 'ended', '2026-03-02 10:00', '2026-03-02 10:00',"
    " IF(%s, '2026-03-02 10:00:10', NULL), IF(%s, '2026-03-02 10:00:11', NULL), '2026-03-02 10:01:11',"
    " %s, %s)"
)


async def test_traffic_is_learnt_from_a_campaign_or_from_one_of_its_lists(database: Database) -> None:
    async with database.session() as session:
        rows = []
        for index in range(400):
            base, every = ("good", 2) if index < 100 else ("poor", 5)
            hit = index % every == 0
            rows.append((f"a{index}", base, hit, hit, "answered" if hit else "no_answer", f"A{index % 7}"))
        await session.run_many(_CALLS, rows)
        await session.run("INSERT INTO ccdata.queues (name, wrapuptime, queue_timeout) VALUES ('C', 15, 20)")
        await session.run(
            "INSERT INTO ccdata.dialers (campaign, dialertype, tbc, country, maxchannels)"
            " VALUES ('C', 'Predictive', -2, 'US', 8)"
        )
        await session.run(
            "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
            " VALUES ('C', '1', 'good'), ('C', '2', 'good'), ('C', '3', 'poor')"
        )
    whole = await learn(database, "C")
    assert whole is not None
    assert (whole["answer"], whole["ring"], whole["talk"], whole["wrapup"]) == ("27.5", "10.0", "60.0", "15")
    assert (whole["target"], whole["rules"], whole["agents"]) == ("2", "US", "7")
    assert "contacts" not in whole
    good = await learn(database, "C", "good")
    assert good is not None
    assert (good["answer"], good["contacts"]) == ("50.0", "2")
    assert await learn(database, "C", "unknown") is None
