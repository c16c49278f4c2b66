"""Dates as the documented answers print them."""

from __future__ import annotations

from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def us_date(local: datetime) -> str:
    """Return a date in the documented US form: `Feb 29, 2012 10:05:06 AM`."""
    half = "AM" if local.hour < 12 else "PM"
    hour = local.hour % 12 or 12
    return f"{_MONTHS[local.month - 1]} {local.day}, {local.year} {hour}:{local:%M:%S} {half}"
