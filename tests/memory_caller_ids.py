"""The caller IDs of the Store port in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.domain.callerid_health import Result, result_of
from engine.domain.outcomes import Outcome
from engine.ports.callerids import (
    CallerIdFigures,
    CallerIdRecord,
    CallerIdRest,
)

Row = dict[str, Any]


class MemoryCallerIds:
    """What MemoryStore does about caller IDs; the rows are its own."""

    attempts: dict[str, Row]
    caller_id_rows: list[Row]
    caller_id_state: dict[str, Row]
    done: Callable[[str], None]
    _last_rows: tuple[Row, ...] = ()

    async def _begin(self, method: str) -> None:
        raise NotImplementedError

    def _check_lease(self) -> None:
        raise NotImplementedError

    def add_caller_id(self, campaign: str, entry: str, enabled: int = 1) -> None:
        """Insert a row of caller_ids."""
        self.caller_id_rows.append({"campaign": campaign, "entry": entry, "enabled": enabled})

    def caller_id_row(self, number: str) -> Row:
        """Return the state of a number, with the table's defaults where it is new."""
        empty: Row = {
            "number": number, "used_at": None, "counts": (0, 0, 0, 0), "counted_from": None,
            "resting_until": None, "reason": "", "rests": 0,
        }  # fmt: skip
        return self.caller_id_state.setdefault(number, empty)

    async def caller_id_records(self, now: datetime) -> tuple[CallerIdRecord, ...]:
        await self._begin("caller_id_records")
        used: dict[str, datetime] = {}
        for row in self.attempts.values():
            if row["caller_id"] and row["sent_at"]:
                at = row["sent_at"].replace(tzinfo=UTC)
                used[row["caller_id"]] = max(at, used.get(row["caller_id"], at))
        found = []
        for number in self.caller_id_state.keys() | used.keys():
            state = self.caller_id_state.get(number) or dict.fromkeys(("used_at", "counted_from"))
            moments = [at for at in (state["used_at"], used.get(number)) if at]
            found.append(
                CallerIdRecord(
                    number, max(moments, default=None), state["counted_from"], state.get("rests") or 0
                )
            )
        return tuple(found)

    def _steered(self) -> tuple[tuple[Row, ...], dict[str, datetime]]:
        rows = tuple(row for row in self.caller_id_rows if row["enabled"])
        if rows != self._last_rows:
            self._last_rows = rows
        ends = {number: row["resting_until"] for number, row in self.caller_id_state.items()}
        return self._last_rows, {number: until for number, until in ends.items() if until is not None}

    async def caller_id_calls(
        self, numbers: Sequence[str], since: datetime, before: datetime, limit: int
    ) -> Mapping[str, Sequence[Result]]:
        await self._begin("caller_id_calls")
        found: dict[str, list[Result]] = {number: [] for number in numbers}
        for row in self.attempts.values():
            if row["caller_id"] not in found or row["state"] != "ended" or not row["sent_at"]:
                continue
            sent, ended = row["sent_at"].replace(tzinfo=UTC), row["ended_at"].replace(tzinfo=UTC)
            result = result_of(sent, row["campaign"], Outcome(row["outcome"]), row["sip"])
            if result and sent >= since and ended < before and row["next_step"] != "released":
                found[row["caller_id"]].append(result)
        return {number: sorted(results)[-limit:] for number, results in found.items()}

    async def keep_caller_ids(
        self,
        figures: Sequence[CallerIdFigures],
        rests: Sequence[CallerIdRest],
        proven: Sequence[str],
    ) -> None:
        await self._begin("keep_caller_ids")
        self._check_lease()
        for one in figures:
            self.caller_id_row(one.number).update(
                used_at=one.used_at, counts=tuple(one.counts), counted_from=one.counted_from
            )
        for number in proven:
            self.caller_id_row(number).update(rests=0)
        for rest in rests:
            self.caller_id_row(rest.number).update(
                resting_until=rest.until, reason=rest.reason, rests=rest.rests
            )
        self.done("keep_caller_ids")

    async def forget_caller_ids(self, before: datetime) -> None:
        await self._begin("forget_caller_ids")
        for number, row in list(self.caller_id_state.items()):
            rests = row["resting_until"] is not None and row["resting_until"] >= before
            if not rests and row["used_at"] is not None and row["used_at"] < before:
                del self.caller_id_state[number]
