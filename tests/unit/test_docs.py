"""What the pages tell people to type exists: commands with their options, make targets, files, tables …"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from engine.cli import main
from engine.resources import resource

ROOT = resource("schema.sql").parent
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("asterisk-conf/*.md"))
    if page.name != "CHANGELOG.md"
)
#: `overdial` is also a user, a package, and a word of what the install script prints.
_NO_COMMAND = {"itself", "and", "http"}


def code(page: Path) -> Iterator[str]:
    """Yield the lines of a page that are code."""
    for block in re.findall(r"```.*?```|`[^`\n]+`", page.read_text("utf-8"), re.DOTALL):
        yield from block.strip("`").splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_pages_exists_with_its_options(page: Path) -> None:
    for line in code(page):
        for first, rest in re.findall(r"(?:^|[\s/'\"&|(])overdial ([a-z][a-z-]*)([^#`…&;\n]*)", line):
            if first not in _NO_COMMAND:
                words = [first, *rest.split()]
                command = _command(main, words, line)
                options = {
                    option
                    for parameter in command.params
                    for option in (*parameter.opts, *parameter.secondary_opts)
                }
                named = {word.split("=")[0].rstrip(",.;:)'\"") for word in words if word.startswith("--")}
                assert named <= options | {"--help"}, line


def _command(command: click.Command, words: list[str], line: str) -> click.Command:
    while isinstance(command, click.Group) and words:
        found = [command.get_command(click.Context(command), word) for word in words.pop(0).split("|")]
        assert all(found), line
        assert found[0] is not None
        command = found[0]
    return command


def test_every_make_target_of_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for line in code(page):
            assert set(re.findall(r"(?:^|\s)make ([a-z][a-z-]+)", line)) <= targets, (page.name, line)


def test_every_file_of_the_project_that_the_pages_name_exists() -> None:
    pattern = re.compile(
        r"(?<![\w/.-])((?:deploy|asterisk-conf|tests|migrations|engine|bench|docs)/[\w./-]*\w/?)"
    )
    for page in PAGES:
        for line in code(page):
            for name in pattern.findall(line):
                assert (ROOT / name).exists(), (page.name, name)


def test_every_table_and_metric_of_the_pages_exists() -> None:
    schema = (ROOT / "schema.sql").read_text("utf-8")
    tables = set(re.findall(r"(?:TABLE IF NOT EXISTS|VIEW) (\w+\.\w+)", schema))
    metrics = (ROOT / "docs/metrics.md").read_text("utf-8")
    for page in PAGES:
        text = "\n".join(code(page))
        assert set(re.findall(r"\bcc(?:data|repo)\.[a-z]\w+", text)) <= tables, page.name
        for name in re.findall(r"\boverdial_[a-z_]+[a-z]\b(?!\.)", text):
            assert f"`{name}`" in metrics, (page.name, name)
