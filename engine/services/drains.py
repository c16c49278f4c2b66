"""Which campaigns are being drained: they place no new call, and what is up comes to its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: In `drains.campaign`: every campaign, and orders for single calls.
EVERYBODY = "*"


class Drains:
    """What the table `drains` says. It is read with the settings, so it outlives engines and terms."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def follow(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take over the rows as they are now."""
        self._reasons = {
            str(row["campaign"]).casefold(): str(row["reason"]) or "no reason was given" for row in rows
        }

    def of(self, campaign: str) -> str:
        """Why the campaign is being drained; '' when it is not."""
        return self._reasons.get(EVERYBODY, "") or self._reasons.get(campaign.casefold(), "")

    @property
    def everybody(self) -> str:
        """Why every campaign is being drained; '' when they are not."""
        return self._reasons.get(EVERYBODY, "")
