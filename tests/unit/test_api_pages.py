"""docs/integra.md and docs/api-v1.md know every route."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.api.integra import ROUTES
from engine.api.v1.app import ROUTERS

DOCS = Path(__file__).parents[2] / "docs"
PREFIX = "Integra/resources/"


@pytest.mark.parametrize("path", [route.path for route in ROUTES])
def test_the_page_has_the_documented_endpoint(path: str) -> None:
    assert f"`{path.removeprefix(PREFIX)}`" in (DOCS / "integra.md").read_text()


def test_the_page_has_no_endpoint_that_there_is_not() -> None:
    told = re.findall(
        r"`((?:Agents|api|admin|Cdr|Supervisor|Dialers|queues|sip|auth)/\w+)`", _page("integra.md")
    )
    assert {PREFIX + path for path in told} == {route.path for route in ROUTES}


@pytest.mark.parametrize("path", sorted({route.path for router in ROUTERS for route in router.routes}))  # type: ignore[attr-defined]
def test_the_page_has_the_path_of_the_resource(path: str) -> None:
    text = _page("api-v1.md").replace("$API", "/api/v1").replace("$A", "/api/v1/campaigns/A")
    pattern = re.sub(r"\\\{\w+\\\}", r"[^/\\s\"`?]+", re.escape(f"/api/v1{path}"))
    assert re.search(rf"{pattern}(?![\w/-])", text), f"docs/api-v1.md does not have {path}"


def _page(name: str) -> str:
    return (DOCS / name).read_text()
