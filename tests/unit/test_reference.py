"""docs/reference/ is what the code says: `make docs` writes it anew."""

from __future__ import annotations

import importlib.util

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


def test_every_documentation_page_is_on_the_site() -> None:
    docs = resource("docs")
    listed = (docs.parent / "mkdocs.yml").read_text("utf-8")
    pages = [str(path.relative_to(docs)) for path in docs.rglob("*.md")]
    assert [page for page in pages if page not in listed] == []
