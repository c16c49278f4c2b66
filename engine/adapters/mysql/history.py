"""What a campaign's own records say of its traffic, in the words of `overdial simulate`'s options."""

from __future__ import annotations

from engine.adapters.mysql.database import Database, Session

#: The last calls that count; more say more, older ones less.
_CALLS = 20_000
_TRAFFIC = (
    "SELECT COUNT(*) AS calls, SUM(outcome IN ('answered', 'abandoned')) AS answered,"
    " SUM(outcome = 'machine') AS machines,"
    " AVG(TIMESTAMPDIFF(MICROSECOND, sent_at, answered_at)) / 1e6 AS ring,"
    " AVG(TIMESTAMPDIFF(MICROSECOND, connected_at, ended_at)) / 1e6 AS talk,"
    " COUNT(DISTINCT NULLIF(agent, '')) AS agents"
    " FROM (SELECT * FROM ccdata.attempts FORCE INDEX (attempts_campaign) WHERE campaign = %s"
    " AND (%s = '' OR dialerbase = %s) AND state = 'ended' AND sent_at IS NOT NULL"
    " ORDER BY claimed_at DESC LIMIT %s) recent"
)
_SETTINGS = (
    "SELECT d.country, d.dialertype, d.tbc, d.maxchannels, q.wrapuptime FROM ccdata.dialers d"
    " JOIN ccdata.queues q ON q.name = d.campaign WHERE d.campaign = %s"
)
_READY = (
    "SELECT COUNT(*) AS contacts FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s AND status=1"
)
#: Fewer answered calls than this say nothing.
LEAST = 30


async def learn(database: Database, campaign: str, list_name: str = "") -> dict[str, str] | None:
    """Return option → value, of one list if it is named; None when too little was dialled.

    Raises StoreError.
    """

    async def work(session: Session) -> dict[str, str] | None:
        [traffic] = await session.rows(_TRAFFIC, (campaign, list_name, list_name, _CALLS))
        settings = await session.rows(_SETTINGS, (campaign,))
        answered = int(traffic["answered"] or 0)
        if answered < LEAST or not traffic["talk"] or not settings:
            return None
        [row] = settings
        learnt = {
            "agents": str(max(int(traffic["agents"]), 1)),
            "answer": f"{100 * answered / int(traffic['calls']):.1f}",
            "ring": f"{min(max(float(traffic['ring']), 1.0), 60.0):.1f}",
            "talk": f"{min(max(float(traffic['talk']), 1.0), 3600.0):.1f}",
            "wrapup": str(min(int(row["wrapuptime"]), 600)),
            "maxchannels": str(row["maxchannels"]),
            "rules": str(row["country"] or "strict"),
        }
        if str(row["dialertype"]).lower() == "predictive" and -100 <= int(row["tbc"]) < 0:
            learnt["target"] = str(-int(row["tbc"]))
        if list_name:
            [ready] = await session.rows(_READY, (campaign, list_name))
            learnt |= {"contacts": str(ready["contacts"])} if ready["contacts"] else {}
        return learnt | ({"amd": "1"} if traffic["machines"] else {})

    return await database.transaction(work)
