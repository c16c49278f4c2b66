"""`overdial check`: what around the engine is not as it needs it, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path

import click
import structlog

from engine import build
from engine.adapters.ami.inspect import open_inspector
from engine.adapters.ari.inspect import ari_facts
from engine.adapters.host import Places, host_facts, size_of
from engine.adapters.mysql import Database
from engine.adapters.mysql.inspect import database_facts, needs
from engine.config import Config, ConfigError, file_of, load
from engine.desk.common import CONFIG
from engine.domain.checkup import (
    AriFacts,
    Finding,
    Level,
    Needs,
    SwitchFacts,
    failed,
    good,
    judge_ari,
    judge_database,
    judge_host,
    judge_switch,
    judge_trunks,
    warned,
)
from engine.domain.checkup.judge_switch import CONTEXTS, needed_modules
from engine.ports import LinkError, StoreError, UncertainError

_MARKS = {Level.OK: ("ok  ", "green"), Level.WARN: ("warn", "yellow"), Level.FAIL: ("FAIL", "red")}


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON array of findings, for programs.")
@click.option("--no-call", is_flag=True, help="Do not let Asterisk call itself (one Local channel, 1 s).")
@click.option("--quiet", is_flag=True, help="Only what is doubtful or wrong.")
def check(config: Path | None, as_json: bool, no_call: bool, quiet: bool) -> None:
    """Compare Asterisk, the database and this machine with what the engine needs.

    Changes nothing. The exit status is 1 when something is wrong, else 0.
    """
    # What goes wrong is a finding; the parts' own log lines would say it twice, between the others.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    findings = asyncio.run(look(config, call=not no_call))
    shown = [one for one in findings if not quiet or one.level is not Level.OK]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in shown], ensure_ascii=False, indent=2))
    else:
        for one in shown:
            _tell(one)
        _count(findings)
    sys.exit(1 if any(one.level is Level.FAIL for one in findings) else 0)


def _tell(one: Finding) -> None:
    mark, colour = _MARKS[one.level]
    click.echo(f"{click.style(mark, fg=colour)}  {one.part:<9} {one.text}")
    if one.fix:
        click.echo(f"                 fix: {one.fix}")


def _count(findings: list[Finding]) -> None:
    wrong = sum(one.level is Level.FAIL for one in findings)
    doubtful = sum(one.level is Level.WARN for one in findings)
    click.echo(f"{len(findings)} looked at, {wrong} wrong, {doubtful} doubtful")


async def look(path: Path | None, *, call: bool = True) -> list[Finding]:
    """Look at everything; a part that cannot be asked is a finding and keeps no other from its turn."""
    try:
        config = load(path)
    except ConfigError as error:
        fix = "Correct the file; deploy/overdial.toml.example has every key."
        return [failed("config", "file", line, fix) for line in str(error).splitlines()]
    findings = [good("config", "file", f"{file_of(path) or 'the environment'} can be read")]
    wanted, about_database = await _database(config)
    wanted = replace(wanted, reads_cdrs=config.asterisk.cdr_file is not None)
    findings += about_database
    findings += [
        failed("config", "row", fault, "Correct the row; its campaign is set aside until then.")
        for fault in wanted.faults
    ]
    findings += [
        warned(
            "config",
            "law",
            f"dialer {campaign!r}: country is empty, so no law's hours, caps or rests hold",
            "Set dialers.country (docs/law.md); none says that no law shall hold.",
        )
        for campaign in wanted.lawless
    ]
    size = size_of(config.asterisk.cdr_file)
    about_switch, switch = await _switch(config, wanted, call=call)
    findings += about_switch
    findings += await _ari(config, wanted)
    findings += await asyncio.to_thread(_host, config, wanted, switch, size)
    return findings


async def _database(config: Config) -> tuple[Needs, list[Finding]]:
    part = "database"
    try:
        database = Database(build.database_settings(config))
    except ConfigError as error:
        return Needs(), [failed(part, "settings", str(error), "Correct [database] in overdial.toml.")]
    try:
        facts = await database_facts(database, build.local_time(config))
        findings = list(judge_database(facts, config.database.pool + config.http.pool))
        wanted = Needs() if facts.lacking or facts.newer else await needs(database)
    except StoreError as error:
        where = config.database.socket or f"{config.database.host}:{config.database.port}"
        fix = "Start the server, or correct [database] in overdial.toml and the account (docs/install.md)."
        return Needs(), [failed(part, "reachable", f"{where}: {error}", fix)]
    finally:
        await database.close()
    return wanted, findings


async def _switch(config: Config, wanted: Needs, *, call: bool) -> tuple[list[Finding], SwitchFacts | None]:
    """Return what was found, and the facts when Asterisk runs on this machine."""
    part, where = "asterisk", f"{config.asterisk.host}:{config.asterisk.port}"
    try:
        settings = build.ami_settings(config)
    except ConfigError as error:
        return [failed(part, "settings", str(error), "Correct [asterisk] in overdial.toml.")], None
    contexts = wanted.contexts | set(CONTEXTS)
    try:
        async with open_inspector(settings) as inspector:
            facts = await inspector.facts(needed_modules(wanted), contexts, wanted.trunks, call=call)
    except (LinkError, UncertainError) as error:
        return [failed(part, "reachable", f"{where}: {error}", _link_fix(str(error)))], None
    here = config.asterisk.host in ("127.0.0.1", "::1", "localhost")
    return [*judge_switch(facts, wanted), *judge_trunks(facts)], facts if here else None


def _link_fix(reason: str) -> str:
    if "login refused" in reason:
        return (
            "Make asterisk.secret_file equal to the secret in /etc/asterisk/local/manager-secret.conf,"
            " include overdial/manager.conf in manager.conf, then 'asterisk -rx \"manager reload\"'."
        )
    return "Start Asterisk; in manager.conf enabled = yes and bindaddr as in overdial.toml."


async def _ari(config: Config, wanted: Needs) -> list[Finding]:
    facts: AriFacts | None = None
    if config.ari.url:
        try:
            facts = await ari_facts(build.ari_settings(config))
        except ConfigError as error:
            return [failed("ari", "settings", str(error), "Correct [ari] in overdial.toml.")]
    return list(judge_ari(facts, wanted))


def _host(config: Config, wanted: Needs, switch: SwitchFacts | None, cdr_size: int) -> list[Finding]:
    further: dict[str, str] = {}
    try:
        build.legal(config)
    except ConfigError as error:
        setting = "law.registries" if "registries" in str(error) else "law.folder"
        further[setting] = str(error)
    sections = (
        config.asterisk.secret_file,
        config.database.password_file,
        config.ari.secret_file,
        config.http.tls_key,
    )
    read = {
        "asterisk.secret_file": config.asterisk.secret_file,
        "asterisk.cdr_file": config.asterisk.cdr_file,
        "database.password_file": config.database.password_file,
        "ari.secret_file": config.ari.secret_file,
        "http.tls_certificate": config.http.tls_certificate,
        "http.tls_key": config.http.tls_key,
        "law.folder": config.law.folder,
        "law.registries": next(iter(config.law.registries.values()), None),
    }
    places = Places(
        state=config.engine.state,
        secrets=tuple(path for path in sections if path is not None),
        cdr_file=config.asterisk.cdr_file,
        queues_file=config.asterisk.queues_file,
        tts_command=config.ari.tts_command,
        tts_folder=config.ari.tts_folder,
        cdr_place=Path(switch.logs) / "cdr-csv/Master.csv" if switch and switch.logs else None,
        cdr_size=cdr_size,
        calls=switch.calls if switch else (),
        spool=Path(switch.spool) if switch and switch.spool else None,
        records=wanted.records,
        archive=config.retention.archive,
        read={setting: path for setting, path in read.items() if path is not None},
        metrics_address=config.metrics.address,
        metrics_port=config.metrics.port,
        http_address=config.http.address,
        http_port=config.http.port,
        certificate=config.http.tls_certificate,
        certificate_key=config.http.tls_key,
    )
    findings = list(judge_host(host_facts(places, further)))
    if config.asterisk.cdr_file is None:
        findings.append(
            Finding(
                "host",
                "cdr_file",
                Level.WARN,
                "asterisk.cdr_file is not set: of calls that end while no engine runs nobody learns how",
                "Include overdial/cdr.conf in cdr.conf and set asterisk.cdr_file.",
            )
        )
    return findings
