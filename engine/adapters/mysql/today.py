"""The calls of a day by queue, from the queue log: read once, at the start."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from engine.adapters.mysql.database import Database, Session
from engine.domain.figures import DayFigures

#: Waiting time is data1 of a finished call, and data3 of one that left or was transferred.
TODAY = (
    "SELECT queuename, (event = 'TRANSFER' OR LEFT(event, 8) = 'COMPLETE') AS finished,"
    " CAST(IF(LEFT(event, 8) = 'COMPLETE', data1, data3) AS UNSIGNED) AS hold, COUNT(*) AS calls,"
    " SUM(CASE WHEN LEFT(event, 8) = 'COMPLETE' THEN CAST(data2 AS UNSIGNED)"
    " WHEN event = 'TRANSFER' THEN CAST(data4 AS UNSIGNED) ELSE 0 END) AS talked"
    " FROM ccrepo.queue_log_repo FORCE INDEX (queue_log_repo_time)"
    " WHERE datetime >= %s AND datetime < %s"
    " AND event IN ('COMPLETEAGENT', 'COMPLETECALLER', 'TRANSFER', 'ABANDON', 'EXITWITHTIMEOUT',"
    " 'EXITEMPTY')"
    " GROUP BY 1, 2, 3"
)


async def day_figures(database: Database, day: date) -> dict[str, DayFigures]:
    """Return queue → its calls of a (local) day. Raises StoreError."""

    async def work(session: Session) -> dict[str, DayFigures]:
        begin = datetime.combine(day, time())
        found: dict[str, DayFigures] = {}
        for row in await session.rows(TODAY, (begin, begin + timedelta(days=1))):
            figures = found.setdefault(str(row["queuename"]), DayFigures())
            counter = figures.holds if row["finished"] else figures.lost
            counter[int(row["hold"])] += int(row["calls"])
            figures.talked += int(row["talked"])
        return found

    return await database.transaction(work)
