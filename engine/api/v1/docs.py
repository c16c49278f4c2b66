"""`/api/v1/docs`: the OpenAPI description as one page to read. It needs nothing from anywhere else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from engine.api.v1.gate import Gate, needs
from engine.domain.access import Right

router = APIRouter(route_class=Gate, tags=["documentation"])

_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
code{font-family:ui-monospace,monospace;font-size:.9em}
h2{margin-top:3rem;border-bottom:1px solid;text-transform:capitalize}
h3{margin-bottom:.2rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:.4rem 0}
td,th{border:1px solid #8886;padding:.2rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
nav a{margin-right:1rem}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)

Schema = Mapping[str, Any]


@router.get("/docs", response_class=HTMLResponse, include_in_schema=False)
@needs(Right.OPEN)
async def docs(request: Request) -> HTMLResponse:
    """Show the description of every route."""
    app = request.app
    if not hasattr(app.state, "page"):
        # Calls go on meanwhile: the description of all routes takes a while to make.
        app.state.page = await asyncio.to_thread(lambda: page(app.openapi()))
    return HTMLResponse(app.state.page, headers={"Content-Security-Policy": _POLICY})


def page(described: Schema) -> str:
    """Return the page of an OpenAPI description."""
    body = "\n".join(_body(described))
    title = escape(str(described["info"]["title"]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>"
    )


def _body(described: Schema) -> Iterator[str]:
    info = described["info"]
    by_tag: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                route = methods[method]
                by_tag.setdefault((route.get("tags") or ["other"])[0], []).append((method, path, route))
    yield f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
    programs = 'For programs: <a href="openapi.json">openapi.json</a>.'
    yield f"<p>{escape(info.get('description', ''))} {programs}</p>"
    tags = "".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in by_tag)
    yield f'<nav>{tags}<a href="#schemas">schemas</a></nav>'
    for tag, routes in by_tag.items():
        yield f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>'
        for method, path, route in routes:
            yield from _route(method, path, route)
    yield '<h2 id="schemas">schemas</h2>'
    for name, schema in sorted(described.get("components", {}).get("schemas", {}).items()):
        yield f'<h3 id="{_anchor(name)}">{escape(name)}</h3>'
        yield from _schema(schema)


def _route(method: str, path: str, route: Schema) -> Iterator[str]:
    yield f"<h3><code>{method.upper()} /api/v1{escape(path)}</code></h3>"
    yield f"<p>{escape(route.get('description') or route.get('summary', ''))}</p>"
    if parameters := route.get("parameters"):
        yield "<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>"
        for one in parameters:
            must = " *" if one.get("required") else ""
            text = one.get("description") or one.get("schema", {}).get("description", "")
            yield (
                f"<tr><td><code>{escape(one['name'])}</code>{must}</td><td>{escape(one['in'])}</td>"
                f"<td>{_type(one.get('schema', {}))}</td><td>{escape(text)}</td></tr>"
            )
        yield "</table>"
    if body := route.get("requestBody"):
        kinds = ", ".join(
            f"{escape(kind)} {_type(content.get('schema', {}))}" for kind, content in body["content"].items()
        )
        yield f"<p>Body: {kinds}{' ' + escape(body['description']) if 'description' in body else ''}</p>"
    answers = []
    for status, answer in route.get("responses", {}).items():
        if status.startswith("2"):
            content = answer.get("content", {})
            kinds = ", ".join(f"{escape(k)} {_type(c.get('schema', {}))}" for k, c in content.items())
            answers.append(f"<b>{escape(status)}</b> {kinds}")
    yield f"<p>Answer: {'; '.join(answers)}</p>"


def _schema(schema: Schema) -> Iterator[str]:
    if schema.get("description"):
        yield f"<p>{escape(schema['description'])}</p>"
    if "enum" in schema:
        yield f"<p>{_type(schema)}</p>"
    properties = schema.get("properties", {})
    if not properties:
        return
    required = set(schema.get("required", ()))
    yield "<table><tr><th>field</th><th>type</th><th></th></tr>"
    for name, own in properties.items():
        must = " *" if name in required else ""
        yield (
            f"<tr><td><code>{escape(name)}</code>{must}</td><td>{_type(own)}</td>"
            f"<td>{escape(own.get('description', ''))}</td></tr>"
        )
    yield "</table>"


_BOUNDS = {
    "minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<",
    "minLength": "length ≥", "maxLength": "length ≤", "minItems": "items ≥", "maxItems": "items ≤",
    "pattern": "matches",
}  # fmt: skip


def _type(schema: Schema) -> str:
    """Return a type as HTML, with links to the schemas that it names."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rsplit("/", 1)[-1]
        return f'<a href="#{_anchor(name)}">{escape(name)}</a>'
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(_type(part) for part in schema[key])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(word))}</code>" for word in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        kind = f"list of {_type(schema.get('items', {}))}"
    elif schema.get("format"):
        kind = f"{kind} ({escape(str(schema['format']))})"
    bounds = [f"{words} {escape(str(schema[key]))}" for key, words in _BOUNDS.items() if key in schema]
    return ", ".join([kind, *bounds])


def _anchor(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
