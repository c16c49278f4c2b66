"""What a password must be, and whether an account may log in now: the configurable rules after ISO 27001."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.errors import FieldError
from engine.domain.schedule import parse_schedule

#: Hashing costs time; nobody needs a longer password.
LONGEST = 256


class State(enum.StrEnum):
    """`users.state`."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    BLOCKED = "blocked"  # too many wrong passwords


@dataclass(frozen=True, slots=True)
class Policy:
    """Days and counts; 0 switches a rule off. `minimum`: characters of a password."""

    minimum: int = 12
    lower: bool = True
    upper: bool = True
    digit: bool = True
    special: bool = False
    expires_days: int = 90
    history: int = 5
    failures: int = 5
    unblock_minutes: int = 30
    idle_days: int = 90


@dataclass(frozen=True, slots=True)
class Account:
    """What decides whether a user may log in. Moments are aware UTC, `valid_…` local wall-clock time."""

    state: State
    password_at: datetime
    enabled_at: datetime
    must_change: bool = False
    password_stays: bool = False
    blocked_at: datetime | None = None
    login_at: datetime | None = None
    login_hours: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def check_password(policy: Policy, password: str, user: str) -> None:
    """Raise FieldError unless `password` has the form that the policy asks for."""

    def refuse(problem: str, fix: str) -> None:
        raise FieldError("password", problem, fix)

    if len(password) < policy.minimum:
        refuse(f"it is shorter than {policy.minimum} characters", "Give a longer one.")
    if len(password) > LONGEST:
        refuse(f"it is longer than {LONGEST} characters", "Give a shorter one.")
    if user.casefold() in password.casefold():
        refuse("it holds the user's name", "Choose something else.")
    if len(set(password)) < min(5, policy.minimum):
        refuse("it repeats the same few characters", "Choose something else.")
    wanted = (
        (policy.lower, str.islower, "a lower-case letter"),
        (policy.upper, str.isupper, "a capital letter"),
        (policy.digit, str.isdigit, "a digit"),
        (policy.special, lambda c: not c.isalnum(), "a special character"),
    )
    for asked, has, name in wanted:
        if asked and not any(has(character) for character in password):
            refuse(f"it has not {name}", f"Add {name}.")


def blocked(policy: Policy, account: Account, now: datetime) -> bool:
    """Is the account blocked by wrong passwords at `now`?"""
    if account.state is not State.BLOCKED:
        return False
    if not policy.unblock_minutes or account.blocked_at is None:
        return True
    return now < account.blocked_at + timedelta(minutes=policy.unblock_minutes)


def obstacle(policy: Policy, account: Account, now: datetime, local: datetime) -> str:
    """Return why the account may not be used at `now` (`local` on its wall clock); '' when it may.

    What only ends by a new password is told by `stale`."""
    if account.state is State.INACTIVE:
        return "the account is inactive"
    if blocked(policy, account, now):
        return "the account is blocked"
    wall = local.replace(tzinfo=None)
    if account.valid_from is not None and wall < account.valid_from:
        return "the account is not valid yet"
    if account.valid_until is not None and wall >= account.valid_until:
        return "the account is not valid any more"
    idle = timedelta(days=policy.idle_days)
    if idle and now - max(account.login_at or account.enabled_at, account.enabled_at) > idle:
        return f"nobody has logged in for {policy.idle_days} days"
    if account.login_hours and not _open(account.login_hours, wall):
        return "outside the login hours"
    return ""


def stale(policy: Policy, account: Account, now: datetime) -> str:
    """Return why the password must be changed before the next login; '' when it need not."""
    if account.password_stays:
        return ""
    if account.must_change:
        return "the password must be changed at first"
    if policy.expires_days and now - account.password_at > timedelta(days=policy.expires_days):
        return "the password has expired"
    return ""


def _open(hours: str, wall: datetime) -> bool:
    """Login hours that cannot be read let nobody in: they were meant to keep somebody out."""
    try:
        return parse_schedule(hours).open_at(wall)
    except FieldError:
        return False
