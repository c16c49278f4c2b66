"""docs/reference/ is what the code says: `make docs` writes it anew."""

from __future__ import annotations

import importlib.util
import re

import pytest

from engine.resources import resource

_SPEC = importlib.util.spec_from_file_location("generate", resource("docs") / "generate.py")
assert _SPEC
assert _SPEC.loader
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)


@pytest.mark.parametrize("name", sorted(generate.pages()))
def test_the_reference_is_current(name: str) -> None:
    written = (generate.FOLDER / name).read_text("utf-8")
    assert written == generate.pages()[name], "Fix: make docs, and commit docs/reference."


def test_every_setting_is_explained() -> None:
    told = generate.meanings(generate.EXAMPLE.read_text("utf-8"))
    rows = re.findall(r"^\| `(\w+)` .* \|(.*) \|$", generate.settings(), re.MULTILINE)
    assert len(rows) > 90
    assert [key for key, meaning in rows if not meaning.strip()] == []
    assert told["engine", "lease"].endswith("at least twice database.timeout"), "two lines are one sentence"
    assert told["http", "token_hours"] == "that a session lasts"


def test_every_documentation_page_is_on_the_site() -> None:
    docs = resource("docs")
    listed = (docs.parent / "mkdocs.yml").read_text("utf-8")
    pages = [str(path.relative_to(docs)) for path in docs.rglob("*.md")]
    assert [page for page in pages if page not in listed] == []
