"""Writes docs/reference/: settings, tables, events, outcomes and commands as the code has them.

`python docs/generate.py` writes the pages (`make docs` does it); `pages()` returns them, and a test compares.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine import cli
from engine.config import Config
from engine.domain import commands, events, outcomes
from engine.domain.outcomes import CDR_DISPOSITION, DIAL_STATUS, Outcome, unanswered_outcome
from engine.resources import resource

FOLDER = Path(__file__).parent / "reference"
EXAMPLE = Path(__file__).parent.parent / "deploy" / "overdial.toml.example"
_NOTE = "<!-- Written by docs/generate.py from {source}; change it there. -->\n\n"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    return {
        "settings.md": settings(),
        "tables.md": tables(),
        "events.md": happenings(),
        "outcome-codes.md": outcome_codes(),
        "commands.md": command_line(),
    }


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
    lines = [" | ".join(head), "|".join("---" for _ in head)]
    lines += [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _prose(text: str | None) -> str:
    """Docstrings as prose; what looks like an HTML tag is shown as it stands."""
    return re.sub(r"<(?=[A-Za-z/])", "&lt;", inspect.cleandoc(text or ""))


# --- settings ---------------------------------------------------------------------------------


def settings() -> str:
    """The sections of the configuration file."""
    page = _NOTE.format(source="engine/config.py and deploy/overdial.toml.example") + "# Settings\n\n"
    page += (
        "The configuration is a TOML file (`--config`); every setting may also come from the environment as\n"
        "`OVERDIAL_<SECTION>__<KEY>`, which wins. Unknown keys are refused.\n"
    )
    told = meanings(EXAMPLE.read_text("utf-8"))
    for name, field in Config.model_fields.items():
        section = _section(field.annotation)
        title = name if section is field.annotation else f"{name}.&lt;name&gt;"
        page += f"\n## [{title}]\n\n{_prose(section.__doc__)}\n\n"
        rows = [(*row, _meaning(told[name, row[0].strip("`")])) for row in _keys(section)]
        page += _table(("key", "type", "default", "allowed", "meaning"), rows)
    return page


def meanings(example: str) -> dict[tuple[str, str], str]:
    """Return what the comments of the example say of each setting, by section and key."""
    found: dict[tuple[str, str], str] = {}
    section, last = "", ("", "")
    for line in example.splitlines():
        if head := re.match(r"(?:# )?\[(\w+)", line):
            section, last = head[1], ("", "")
        elif key := re.match(r"(?:# )?([a-z_]+) = (?:[^#\"]|\"[^\"]*\")*(?:# (.*))?$", line):
            last = section, key[1]
            found[last] = key[2] or ""
        elif last in found and (more := re.match(r"#\s{9,}# (.*)$", line)):
            found[last] += f" {more[1]}"
        else:
            last = "", ""
    for section, key in list(found):
        word = key.removesuffix("_file")
        if word != key and word in ("secret", "password"):  # of two ways the example shows one
            found.setdefault((section, word), f"or: {key}")
    return found


def _section(annotation: Any) -> type[BaseModel]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(_section(part) for part in get_args(annotation) if part is not str)


def _keys(section: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for key, field in section.model_fields.items():
        allowed = [str(rule) for rule in field.metadata if type(rule).__name__ != "Strict"]
        yield f"`{key}`", f"`{_type(field.annotation)}`", _default(field), _rules(allowed)


def _type(annotation: Any) -> str:
    text = (
        annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
    )
    text = re.sub(r"(\w+\.)+(?=\w)", "", text)
    return text.replace("SecretStr", "text, secret").replace("str", "text")


def _default(field: Any) -> str:
    if field.default_factory is not None:
        factory = field.default_factory
        return "the host's name" if factory is socket.gethostname else _made(factory)
    if field.default is PydanticUndefined:
        return "required"
    value = field.default.get_secret_value() if hasattr(field.default, "get_secret_value") else field.default
    return f"`{value}`" if str(value) not in ("", "()") else "empty"


def _made(factory: Any) -> str:
    source = inspect.getsource(factory) if inspect.isfunction(factory) else ""
    found = re.search(r'environ\.get\("(\w+)", "([^"]+)"\)', source)
    return f"`${found[1]}`, else `{found[2]}`" if found else "empty"


def _rules(rules: list[str]) -> str:
    text = ", ".join(rules)
    for sign, name in (("≥ ", "Ge(ge="), ("≤ ", "Le(le="), ("> ", "Gt(gt="), ("< ", "Lt(lt=")):
        text = re.sub(re.escape(name) + r"([^)]*)\)", rf"{sign}\1", text)
    text = re.sub(r"MinLen\(min_length=(\d+)\)", r"at least \1 character(s)", text)
    text = re.sub(r"MaxLen\(max_length=(\d+)\)", r"at most \1 characters", text)
    return re.sub(r"_PydanticGeneralMetadata\(pattern=(.*)\)", r"matches `\1`", text)


# --- tables -----------------------------------------------------------------------------------


def tables() -> str:
    """Tables and views of schema.sql, with the comments that stand there."""
    text = resource("schema.sql").read_text("utf-8")
    page = _NOTE.format(source="schema.sql") + "# Tables\n\n"
    page += (
        "`ccdata` holds settings, spool and state, `ccrepo` the history (both names are settings).\n"
        "Moments in the documented columns are local time, in ours UTC.\n"
        "See [steering](../steering.md) for what to change.\n"
    )
    pattern = r"CREATE TABLE IF NOT EXISTS (\w+\.\w+) \(\n(.*?)\n\) ENGINE[^;]*?(?:COMMENT='([^']*)')?;"
    for name, body, comment in re.findall(pattern, text, re.DOTALL):
        page += f"\n## {name}\n\n" + (f"{comment}\n\n" if comment else "")
        page += _table(("column", "type", "default", "meaning"), list(_columns(body)))
        keys = re.findall(r"^  ((?:PRIMARY|UNIQUE|FULLTEXT)? ?KEY .*?),?$", body, re.MULTILINE)
        page += "\n" + "\n".join(f"* `{key.strip()}`" for key in keys) + "\n"
    for name, query in re.findall(r"CREATE OR REPLACE VIEW (\w+\.\w+) AS\n(.*?);", text, re.DOTALL):
        page += f"\n## {name} (view)\n\n```sql\n{query}\n```\n"
    return page


def _columns(body: str) -> Iterator[tuple[str, ...]]:
    for line in body.splitlines():
        found = re.match(
            r"  (\w+) ([A-Z]+(?:\([^)]*\))?(?: UNSIGNED)?)(.*?)(?: COMMENT '((?:[^']|'')*)')?,?$", line
        )
        if not found or found[1] in ("PRIMARY", "UNIQUE", "KEY", "CONSTRAINT", "FULLTEXT"):
            continue
        rest = found[3]
        default = re.search(r"DEFAULT ('(?:[^']|'')*'|\S+)", rest)
        shown = default[1] if default else ("counts up" if "AUTO_INCREMENT" in rest else "required")
        yield f"`{found[1]}`", f"`{found[2].lower()}`", f"`{shown}`" if default else shown, _meaning(found[4])


def _meaning(comment: str | None) -> str:
    return re.sub(r"<(?=[A-Za-z-])", "&lt;", (comment or "").replace("''", "'"))


# --- events and commands of the domain ----------------------------------------------------------


def happenings() -> str:
    """What the domain hears and what it asks for."""
    page = _NOTE.format(source="engine/domain/events.py and commands.py") + "# Events and commands\n\n"
    page += "What can happen, and what the engine may ask for: the vocabulary of `engine/domain`.\n"
    for title, module in (("Events", events), ("Commands", commands)):
        page += f"\n## {title}\n\n"
        rows = []
        for name, kind in vars(module).items():
            if (
                inspect.isclass(kind)
                and kind.__module__ == module.__name__
                and dataclasses.is_dataclass(kind)
            ):
                fields = ", ".join(f"`{item.name}`" for item in dataclasses.fields(kind))
                own = "" if (kind.__doc__ or "").startswith(f"{name}(") else kind.__doc__
                rows.append((f"`{name}`", fields, _prose(own).replace("\n", " ")))
        page += _table(("name", "carries", "meaning"), rows)
    return page


# --- outcomes -----------------------------------------------------------------------------------


def outcome_codes() -> str:
    """Which SIP code and which Q.850 cause leads to which outcome."""
    said = dict(re.findall(r'^    [A-Z_]+ = "(\w+)"  # (.*)$', inspect.getsource(Outcome), re.MULTILINE))
    page = _NOTE.format(source="engine/domain/outcomes.py") + "# Outcomes by code\n\n"
    page += f"{_prose(outcomes.__doc__)}\n\nThe whole story is in [outcomes](../outcomes.md).\n\n"
    rows = []
    for outcome in Outcome:
        sip = [str(code) for code in range(400, 700) if _of(sip=code) is outcome]
        causes = [str(cause) for cause in range(1, 128) if _of(cause=cause) is outcome]
        rest = outcome is Outcome.FAILED
        rows.append(
            (
                f"`{outcome}`",
                said.get(outcome, ""),
                "any other" if rest else ", ".join(sip),
                "any other" if rest else ", ".join(causes),
                CDR_DISPOSITION[outcome],
                DIAL_STATUS[outcome],
            )
        )
    return page + _table(("outcome", "meaning", "SIP", "Q.850", "CDR disposition", "DIALSTATUS"), rows)


def _of(sip: int | None = None, cause: int | None = None) -> Outcome:
    return unanswered_outcome(sip=sip, cause=cause, status="", reason=None)


# --- command line -------------------------------------------------------------------------------


def command_line() -> str:
    """Every command with its options."""
    page = _NOTE.format(source="the command's own help") + "# Commands\n"
    with click.Context(cli.main, info_name="overdial") as context:
        for name in cli.main.list_commands(context):
            page += _command(cli.main.get_command(context, name), context, f"overdial {name}", 2)
    return page


def _command(command: click.Command | None, parent: click.Context, path: str, level: int) -> str:
    if command is None:
        raise LookupError(path)
    wide = {"terminal_width": 100, "max_content_width": 100}
    with click.Context(command, info_name=path.split()[-1], parent=parent, **wide) as context:
        page = f"\n{'#' * level} {path}\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                page += _command(command.get_command(context, name), context, f"{path} {name}", level + 1)
    return page


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
