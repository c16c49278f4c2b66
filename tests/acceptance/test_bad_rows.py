"""Garbage in the tables and in Asterisk: each bad row is set aside by its column, nobody else is."""

from __future__ import annotations

from typing import Any

from engine.lab.parts import poll
from tests.stage import CAMPAIGN, OTHER, Stage

#: A list, a reference and data of which every character wants to be something else.
LIST = "L\"1' \\ 😀 \u202eevil\u202c %s ,)}"
NASTY = (
    "a=\x00x\x00:b=שלום\u202e1001\u202c:c=\r\nAction: Hangup\r\nChannel: /.*/\r\n\r\n:d=${SHELL(id)}"
    ',OD_NUMBER=666:e="q\\:f=[(]{:OD_ATTEMPT=x:g=😀\ufffe\x7f:١=٣:=:::CALLERID(num)=9:h=' + "é" * 1500
)
BAD = (
    "٣٤٥",
    "0x10",
    "1e999",
    "NaN",
    "+",
    "-",
    "1001\x00404",
    "1001\u202e404",
    "5551000404;2",
    "/.x/",
    "=",
    "M=",
)
#: Column of `dialers` → what it cannot be.
DIALER = {
    "schedule": "\x00whenever\u202e",
    "dialertype": "😀",
    "dialstring": "SIP/CARRIER/1,Local/666@x&",
    "context": "a,b,1\r\nx",
    "exten": "${SHELL(id)}",
    "callerid": "P#\u202e1-٣-4",
    "variables": "MONITOR_EXEC=rm:__x=\x00",
    "sound": "a&b,(${x})",
    "maxchannels": -(2**31),
    "timeout": 2**31 - 1,
    "tbc": -(2**31),
    "tbc_nocontact": -1,
    "retries": -1,
    "am": 127,
    "dncr": -128,
}


def literal(value: Any) -> str:
    """An SQL literal that no client can misread."""
    if value is None or isinstance(value, int):
        return "NULL" if value is None else str(value)
    return f"CONVERT(0x{value.encode().hex()} USING utf8mb4)" if value else "''"


def insert(stage: Stage, table: str, **columns: Any) -> None:
    names, values = ", ".join(columns), ", ".join(literal(value) for value in columns.values())
    stage.sql(f"INSERT INTO ccdata.{table} ({names}) VALUES ({values});")


def spool(stage: Stage, destination: str, **columns: Any) -> None:
    base = {"campaign": CAMPAIGN, "dialerbase": LIST, "destination": destination}
    insert(stage, "calls_spool", **base, **columns)


def test_rows_full_of_garbage_are_set_aside_beside_good_ones_that_are_dialled(stage: Stage) -> None:
    stage.dialer(maxchannels=0)
    insert(stage, "dialer_base", campaign=CAMPAIGN, name=LIST, active=1, percentage=-(2**31))
    spool(stage, "5551000404", data=NASTY, contact="C\"'\\ \u202e", agentphone="\r\n😀${x}")
    spool(stage, "M=0=5551001404", data=NASTY, alternatives="٣:NaN:=:\x00:W=5552001404:;:5551001404")
    spool(stage, "5551002404", data=None, alternatives=":" * 1000, contact=None, priority=-(2**31))
    spool(stage, "5551003404", alternatives="1e999:" * 166, contact="'; DROP TABLE calls_spool; --")
    for number, text in enumerate(BAD):
        spool(stage, text, contact=f"BAD{number}", data=NASTY)
    spool(stage, "5551009404", contact="BADRETRIES", retries=-(2**31))
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "channels")
    stage.sql("UPDATE ccdata.dialers SET maxchannels = 10")
    stage.ended(5)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status <> 2", 0)
    aside = {row[0]: row[1] for row in stage.sql("SELECT contact, reason FROM ccdata.calls_spool")}
    assert sorted(aside) == sorted([*(f"BAD{number}" for number in range(len(BAD))), "BADRETRIES"])
    for contact, reason in aside.items():
        assert reason.startswith("retries: " if contact == "BADRETRIES" else "destination: ")
        assert reason.isprintable()
    good = ["5551000404", "5551001404", "5551002404", "5551003404", "5552001404"]
    assert sorted(stage.invites()) == good
    assert sorted(row[0] for row in stage.sql("SELECT dst FROM ccrepo.cdr_repo")) == good
    kept = f"SELECT COUNT(*) FROM ccrepo.cdr_repo WHERE HEX(parandvalues) = '{NASTY.encode().hex()}'"
    assert stage.value(kept) == "3", "the contact's data is kept as it was"
    assert not stage.logged("campaign.failed")


def test_a_dialer_full_of_garbage_is_set_aside_by_its_column_beside_one_that_dials(stage: Stage) -> None:
    stage.dialer(OTHER)
    stage.contacts({"destination": "5551100404"}, campaign=OTHER, base="O1")
    stage.dialer(CAMPAIGN, status=0)
    insert(stage, "queues", name="\u202e\"X'\\\x00😀${x}", wrapuptime=-(2**31), queue_timeout=0)
    insert(stage, "dialers", campaign="\u202e\"X'\\\x00😀${x}", status=1, **DIALER)
    insert(stage, "dialers", campaign="", status=127)
    stage.start()
    stage.ended(1)
    states = "SELECT COUNT(*) FROM ccdata.campaign_state WHERE state = 'set_aside' AND field = 'campaign'"
    stage.wait_for_value(states, 2)
    good = stage.sql(f"SELECT {', '.join(DIALER)} FROM ccdata.dialers WHERE campaign = '{CAMPAIGN}'")[0]
    mine = f"WHERE campaign = '{CAMPAIGN}'"
    stage.sql(f"UPDATE ccdata.dialers SET status = 1 {mine}")
    for (column, bad), fine in zip(DIALER.items(), good, strict=True):
        stage.sql(f"UPDATE ccdata.dialers SET {column} = {literal(bad)} {mine}")
        stage.wait_for_value(f"SELECT field FROM ccdata.campaign_state {mine}", column)
        reason = stage.value(f"SELECT reason FROM ccdata.campaign_state {mine}")
        assert reason.startswith(f"{column}: "), reason
        assert reason.isprintable()
        stage.sql(f"UPDATE ccdata.dialers SET {column} = {literal(fine)} {mine}")
    stage.wait_for_value(f"SELECT state FROM ccdata.campaign_state {mine}", "running")
    stage.contacts({"destination": "5551000404"})
    stage.ended(2)
    assert sorted(stage.invites()) == ["5551000404", "5551100404"]


def test_garbage_that_comes_through_asterisk_stops_nothing(stage: Stage) -> None:
    stage.dialer()
    stage.contacts({"destination": "5551000200"})
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.attempts", "connected")
    attempt = stage.value("SELECT id FROM ccdata.attempts")
    # Asterisk cuts names off after 79 bytes and says nothing more of one that ends in half a character.
    member, name = "Local/x,y😀@nowhere", "Zoë \u202e'; ${x} " + "é" * 15
    answer = stage.asterisk.command(f'queue add member {member} to {OTHER} penalty 0 as "{name}"')
    assert "Added" in answer, answer
    try:
        said = f"Attempt: {attempt},Status: \u202e1e999😀,Cause: '${{x}},Uniqueid: forged,Event: Hangup,x,:::"
        for event in ("OverdialAmd", "OverdialQueueExit", "😀", ""):
            stage.asterisk.command(
                f'channel originate Local/5550@lab-loopback application UserEvent "{event},{said}"'
            )
        added = "SELECT COUNT(*) FROM ccrepo.queue_log_repo WHERE event = 'ADDMEMBER'"
        stage.wait_for_value(added, 1)
        assert "\u202e" in stage.value("SELECT agent FROM ccrepo.queue_log_repo WHERE event = 'ADDMEMBER'")
    finally:
        stage.asterisk.command(f"queue remove member {member} from {OTHER}")
    stage.wait_for_value("SELECT COUNT(*) FROM ccrepo.queue_log_repo WHERE event = 'REMOVEMEMBER'", 1)
    poll(lambda: "UserEvent" not in stage.asterisk.command("core show channels"), "all was said", 20.0)
    stage.asterisk.command(f"channel request hangup {channel_of(stage)}")
    stage.ended(1)
    assert stage.value("SELECT outcome FROM ccdata.attempts") == "answered"
    stage.sql(
        f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
        f" VALUES ('{CAMPAIGN}', '5551001404', 'L1')"
    )
    stage.ended(2)
    assert stage.invites() == ["5551000200", "5551001404"]
    assert not stage.logged("event.failed")
    assert not stage.logged("ami.bad_message")


def channel_of(stage: Stage) -> str:
    """Return the customer's channel."""
    lines = stage.asterisk.command("core show channels concise").splitlines()
    return next(line.split("!")[0] for line in lines if line.startswith("PJSIP/CARRIER"))
