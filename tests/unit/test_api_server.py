"""The outermost layer of the HTTP server: what nobody inside has answered."""

from __future__ import annotations

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from engine.api.server import Outermost


@pytest.mark.parametrize(("fault", "answers"), [(ClientDisconnect(), []), (KeyError("0995550123"), [500])])
async def test_a_client_that_goes_away_is_no_fault_of_ours(fault: Exception, answers: list[int]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise fault

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with capture_logs() as logged:
        await Outermost(app, ())({"type": "http", "path": "/api/v1/uploads"}, receive, send)
    assert [message["status"] for message in sent if "status" in message] == answers
    assert [line["action"] for line in logged] == ["api.fault"] * len(answers)
    assert "0995550123" not in str(logged)
