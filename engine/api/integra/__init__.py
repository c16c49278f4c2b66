"""The documented endpoints, by resource; `ROUTES` is all of them."""

from __future__ import annotations

from engine.api.integra import agents, auth, calls, dialers, people, supervisor
from engine.api.integra.route import Route

#: Every documented path that is served. A new module of endpoints joins here.
ROUTES: tuple[Route, ...] = (
    *auth.ROUTES,
    *agents.ROUTES,
    *calls.ROUTES,
    *dialers.ROUTES,
    *people.ROUTES,
    *supervisor.ROUTES,
)
