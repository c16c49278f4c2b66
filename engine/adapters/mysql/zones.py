"""Which time zone a contact keeps when it leaves its list: a contact must not be called at night because its
row says less than its list did."""

from __future__ import annotations

from engine.adapters.mysql.database import Session

_WAITS = (
    "SELECT {zone} AS zone FROM ccdata.calls_spool s FORCE INDEX (calls_spool_number)"
    " WHERE s.number = %s AND s.campaign = %s AND (%s = '' OR COALESCE(s.contact, '') IN ('', %s))"
    " ORDER BY s.id"
)
_LAST_CALL = (
    "SELECT spool_id, dialerbase FROM ccdata.attempts FORCE INDEX (attempts_destination)"
    " WHERE destination IN (%s, %s) AND campaign = %s AND (%s = '' OR contact IN ('', %s))"
    " ORDER BY claimed_at DESC, id DESC LIMIT 1"
)
_FINISHED = (
    "SELECT {zone} AS zone FROM ccrepo.finished_contacts f FORCE INDEX (finished_contacts_spool)"
    " WHERE f.spool_id = %s ORDER BY f.id DESC LIMIT 1"
)


def kept_zone(table: str) -> str:
    """Return the SQL of the zone of a row of `calls_spool` or `finished_contacts` that the query calls
    `table`: its own, else its list's, else ''."""
    return (
        f"COALESCE(NULLIF({table}.timezone, ''), (SELECT b.timezone FROM ccdata.dialer_base b"
        f" WHERE b.campaign = {table}.campaign AND b.name = {table}.dialerbase AND b.timezone <> ''"
        " ORDER BY b.id DESC LIMIT 1), '')"
    )


async def zone_of_list(session: Session, campaign: str, name: str) -> str:
    """Return the time zone of a list, '' when it has none."""
    rows = await session.rows(
        "SELECT timezone FROM ccdata.dialer_base WHERE campaign = %s AND name = %s AND timezone <> ''"
        " ORDER BY id DESC LIMIT 1",
        (campaign, name),
    )
    return str(rows[0]["timezone"]) if rows else ""


async def known_zone(session: Session, campaign: str, number: str, contact: str = "") -> str:
    """Return the zone of a number (its digits) by the campaign's lists: by that in which it waits, else by
    that of its last call; '' when none says so. Other contacts' rows do not count."""
    rows = await session.rows(_WAITS.format(zone=kept_zone("s")), (number, campaign, contact, contact))
    if not rows:
        calls = await session.rows(_LAST_CALL, (number, f"+{number}", campaign, contact, contact))
        if not calls:
            return ""
        rows = await session.rows(_FINISHED.format(zone=kept_zone("f")), (calls[0]["spool_id"],))
        if not rows:
            return await zone_of_list(session, campaign, str(calls[0]["dialerbase"]))
    return next((str(row["zone"]) for row in rows if row["zone"]), "")
