"""`overdial load`: a contact file into the spool."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

import click

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql.loading import Load, Wish, load_file
from engine.desk.common import CONFIG, Desk, at_desk, fail
from engine.domain.errors import FieldError
from engine.domain.upload import list_name

#: Seconds between two lines of progress.
_EVERY = 2.0


@click.command()
@CONFIG
@click.option("--list", "name", default="", help="Name of the list; default: the file's name.")
@click.option("--timezone", default="", help="Time zone of all its contacts, e.g. America/Bogota.")
@click.option("--percentage", type=click.IntRange(0, 1000), help="Share among the active lists.")
@click.option("--inactive", is_flag=True, help="Load it without activating it.")
@click.option("--each-line", is_flag=True, help="Refuse lines, never the whole file.")
@click.option("--allow-at", is_flag=True, help="Allow @ in data (e-mail addresses).")
@click.option("--again", is_flag=True, help="Load it although the same file was loaded before.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load(
    config: Path | None,
    name: str,
    timezone: str,
    percentage: int | None,
    inactive: bool,
    each_line: bool,
    allow_at: bool,
    again: bool,
    file: Path,
) -> None:
    """Load the contacts of FILE: campaign;phone;data;alternatives;priority[;agent], one a line.

    A file with an unknown campaign, fewer than four columns or forbidden characters is refused as a whole,
    any other bad line alone; the tables uploads and upload_lines say why. Sending a file twice loads it once.
    """
    try:
        _check_zone(timezone)
        wish = Wish(
            list=list_name(name or file.stem),
            active=not inactive,
            timezone=timezone,
            percentage=percentage,
            each_line=each_line,
            allow_at=allow_at,
            again=again,
        )
    except FieldError as error:
        fail(error)

    async def work(desk: Desk) -> Load:
        # One thread reads while the other waits for the server, and must not wait for its turn as well.
        sys.setswitchinterval(0.0005)
        return await load_file(desk.database, open_contacts(file), wish, progress=_progress())

    done = at_desk(config, work)
    if done.known:
        click.echo(
            f"this file was loaded into {wish.list} before (upload {done.upload}:"
            f" {done.accepted} contacts); nothing was done. --again loads it once more."
        )
        return
    click.echo(f"upload {done.upload}: {done.accepted} contacts in {wish.list}, {done.refused} lines refused")
    if done.refused:
        click.echo(f"SELECT line, reason, text FROM ccdata.upload_lines WHERE upload = {done.upload};")


def _check_zone(name: str) -> None:
    try:
        if name:
            ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise FieldError("timezone", f"{name!r} is unknown", "Use a name like America/Bogota.") from error


def _progress() -> Callable[[Load], None]:
    last = monotonic()

    def tell(load: Load) -> None:
        nonlocal last
        if monotonic() - last >= _EVERY:
            last = monotonic()
            click.echo(f"{load.lines} lines, {load.accepted} contacts, {load.refused} refused …", err=True)

    return tell
