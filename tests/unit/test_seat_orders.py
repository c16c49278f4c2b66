"""Orders about seats: members of queues, pauses."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.errors import FieldError
from engine.domain.orders import Join, Leave, Order, Pause, read_order
from tests.builders import QUEUE
from tests.doubles import until
from tests.service_rig import EngineRoom

LOCAL = "Local/101@agents/n"
ROW = {"campaign": "A->", "agent": "ana", "phone": "101", "tech": "SIP", "reason": "", "variables": None}


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        ({"kind": "leave"}, Leave("A->", "PJSIP/101")),
        ({"kind": "LEAVE", "phone": LOCAL}, Leave("A->", LOCAL)),
        ({"kind": "join", "phone": "SIP/101"}, Join("A->", "PJSIP/101", "ana", 0, False)),
        ({"kind": "pause", "reason": " lunch,\r\nAction: Command "}, None),
        ({"kind": "pause", "campaign": ""}, Pause("", "PJSIP/101", True, "")),
        ({"kind": "unpause", "reason": "back"}, Pause("A->", "PJSIP/101", False, "back")),
    ],
)
def test_a_row_is_read(columns: dict[str, Any], order: Order | None) -> None:
    read = read_order({**ROW, **columns})
    if order is None:
        assert isinstance(read, Pause)
        assert read.reason.isprintable(), "nothing of a row becomes a line of its own"
    else:
        assert read == order


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"kind": "leave", "campaign": ""}, "campaign"),
        ({"kind": "leave", "phone": ""}, "phone"),
        ({"kind": "pause", "phone": "Local/1 @x"}, "phone"),
        ({"kind": "pause", "phone": "PJSIP/1\r\nQueue: x"}, "phone"),
        ({"kind": "pause", "tech": "DAHDI"}, "tech"),
        ({"kind": "pause", "reason": "ü" * 40}, "reason"),
        ({"kind": "quit"}, "kind"),
    ],
)
def test_what_cannot_be_is_named(columns: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_order({**ROW, **columns})
    assert caught.value.field == field


async def test_the_engine_carries_them_out_and_says_what_it_could_not() -> None:
    room = EngineRoom()
    room.switch.seat(QUEUE, 101)
    async with room.running():
        results = []
        for kind, columns in (
            ("join", {}), ("pause", {"reason": "lunch"}), ("unpause", {"campaign": ""}), ("leave", {}),
            ("leave", {}), ("pause", {}), ("leave", {"campaign": "nowhere"}),
        ):  # fmt: skip
            row = {"campaign": QUEUE, "agent": "zoe", "phone": "SIP/199", **columns}
            order = room.store.orders[room.store.add_order(kind, **row)]
            await until(lambda order=order: order["status"] in ("done", "failed"), kind)
            paused = [m.paused for (_, phone), m in room.switch.members.items() if phone == "PJSIP/199"]
            results.append((kind, order["status"], paused))
    assert results == [
        ("join", "done", [False]), ("pause", "done", [True]), ("unpause", "done", [False]),
        ("leave", "done", []), ("leave", "done", []), ("pause", "failed", []), ("leave", "failed", []),
    ]  # fmt: skip
