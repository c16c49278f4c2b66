"""What the database can tell whoever looks for a fault: versions, sizes, states, decisions; no contacts."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql.database import Database, Session

_QUERIES = {
    "server": "SELECT VERSION() AS version, UTC_TIMESTAMP(3) AS at",
    # Named differently by MariaDB and MySQL, and not all in every version: what is there is shown.
    "settings": "SHOW VARIABLES WHERE Variable_name IN ('sql_mode', 'tx_isolation', 'transaction_isolation',"
    " 'max_connections', 'innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit',"
    " 'lower_case_table_names', 'read_only', 'character_set_server', 'time_zone', 'system_time_zone',"
    " 'max_allowed_packet')",
    "migrations": "SELECT version, name, applied_at FROM ccdata.schema_migrations ORDER BY version",
    "leases": "SELECT owner, process, token, lease_until, taken_at FROM ccdata.leases",
    "drains": "SELECT campaign, reason, since FROM ccdata.drains",
    "campaign_state": "SELECT * FROM ccdata.campaign_state ORDER BY campaign LIMIT 500",
    "decisions": "SELECT * FROM ccdata.decisions ORDER BY decided_at DESC LIMIT 3000",
    "dialers": "SELECT campaign, schedule, dialertype, status, dialstring, context, am, maxchannels,"
    " timeout, retries, callerpres, tbc, dncr, tbc_nocontact, earlymedia, autoanswer, recyclecount, recycle,"
    " country, rule"
    " FROM ccdata.dialers ORDER BY campaign LIMIT 500",
    "trunks": "SELECT name AS trunk, channels, cps FROM ccdata.trunks",
    "lists": "SELECT campaign, COUNT(*) AS lists, SUM(active) AS active FROM ccdata.dialer_base"
    " GROUP BY campaign ORDER BY campaign LIMIT 500",
    "journals": "SELECT id, position FROM ccdata.journals",
}
_TABLES = (
    "SELECT table_schema AS place, table_name AS table_is, table_rows AS about_rows,"
    " ROUND(data_length / 1048576, 1) AS data_mb, ROUND(index_length / 1048576, 1) AS index_mb"
    " FROM information_schema.tables WHERE table_schema IN (%s, %s) ORDER BY 1, 2"
)


async def evidence(database: Database) -> dict[str, Any]:
    """Return it all as plain values. Raises StoreError."""

    async def work(session: Session) -> dict[str, Any]:
        found: dict[str, Any] = {name: await session.rows(query) for name, query in _QUERIES.items()}
        found["settings"] = {
            str(row["Variable_name"]): _in_mb(str(row["Value"])) for row in found["settings"]
        }
        settings = database.settings
        found["tables"] = await session.rows(_TABLES, (settings.configuration, settings.history))
        return found

    return await database.transaction(work)


def _in_mb(value: str) -> str:
    """Return large sizes in MB: whoever takes numbers out would take them for some."""
    return f"{int(value) / 1048576:g} MB" if value.isdigit() and len(value) > 5 else value
