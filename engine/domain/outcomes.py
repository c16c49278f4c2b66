"""How an attempt ended, from what Asterisk says of it: ONE table, in the order of trust.

Sources: ITU-T Q.850 cause values; RFC 3261 §21, RFC 8197 (607) and RFC 8688 (608) for SIP codes;
RFC 3398 §8 for their correspondence. The SIP answer (Hangup's TechCause, Asterisk ≥ 22) is more
exact than the cause it was folded into, so it is read first; Asterisk 20 gives the cause only.
"""

from __future__ import annotations

import enum


class Outcome(enum.StrEnum):
    """How an attempt ended, from the customer's side."""

    ANSWERED = "answered"  # a person (or machine, without AMD) answered and an agent was connected
    ABANDONED = "abandoned"  # answered, but no agent came before one side gave up
    MACHINE = "machine"  # AMD heard a machine
    NO_ANSWER = "no_answer"  # rang out, or nobody there
    BUSY = "busy"
    CONGESTION = "congestion"  # the network or trunk had no room
    INVALID = "invalid"  # no such number: never dialled again
    REJECTED = "rejected"  # the called side refused
    CANCELLED = "cancelled"  # the network gave up before an answer
    FAILED = "failed"  # the far side could not set the call up
    NOT_PLACED = "not_placed"  # it never left our side: order refused, trunk missing or unreachable
    WITHDRAWN = "withdrawn"  # we hung up before an answer (the engine was stopped)
    UNKNOWN = "unknown"  # what became of it could not be learnt
    # These end before the customer was called.
    AGENT_MISSED = "agent_missed"  # the reserved agent did not take it, or left
    SKIPPED = "skipped"  # the agent decided against it
    POSTPONED = "postponed"  # the agent put it off
    WITHHELD = "withheld"  # the agent was there, and we did not call after all (a stop, a closed schedule)


#: Outcomes of attempts for which nothing was sent towards the customer: no CDR, no attempt counted.
NOT_CALLED = frozenset((Outcome.AGENT_MISSED, Outcome.SKIPPED, Outcome.POSTPONED, Outcome.WITHHELD))


_BY_SIP: dict[int, Outcome] = {
    **dict.fromkeys((404, 410, 484, 485, 604), Outcome.INVALID),
    **dict.fromkeys((408, 480), Outcome.NO_ANSWER),
    **dict.fromkeys((486, 600), Outcome.BUSY),
    **dict.fromkeys((403, 603, 607, 608), Outcome.REJECTED),
    **dict.fromkeys((500, 502, 503, 504), Outcome.CONGESTION),
    487: Outcome.CANCELLED,
    # The trunk does not know us: a wrong password must not use up the attempts of a whole list.
    **dict.fromkeys((401, 407), Outcome.NOT_PLACED),
}

_BY_CAUSE: dict[int, Outcome] = {
    **dict.fromkeys((1, 22, 28), Outcome.INVALID),
    **dict.fromkeys((18, 19, 20), Outcome.NO_ANSWER),
    17: Outcome.BUSY,
    **dict.fromkeys((21, 55, 57, 87), Outcome.REJECTED),
    **dict.fromkeys((34, 38, 41, 42, 43, 44, 47), Outcome.CONGESTION),
    **dict.fromkeys((16, 26, 31), Outcome.CANCELLED),
}

#: DialEnd's DialStatus, where no cause says more.
_BY_STATUS: dict[str, Outcome] = {
    "BUSY": Outcome.BUSY,
    "CONGESTION": Outcome.CONGESTION,
    "NOANSWER": Outcome.NO_ANSWER,
    "CANCEL": Outcome.CANCELLED,
    "CHANUNAVAIL": Outcome.FAILED,
}

#: With a SIP code that no table has (488, 606 …) Asterisk says NOANSWER, although nothing rang.
_TELLING = frozenset(("BUSY", "CONGESTION"))
#: OriginateResponse's Reason (Asterisk: enum ast_control_frame_type): 3 = rang until the time-out.
REASON_RANG_OUT = 3
_BY_REASON: dict[int, Outcome] = {
    1: Outcome.CANCELLED,
    REASON_RANG_OUT: Outcome.NO_ANSWER,
    5: Outcome.BUSY,
    8: Outcome.CONGESTION,
}


def unanswered_outcome(*, sip: int | None, cause: int | None, status: str, reason: int | None) -> Outcome:
    """Return the outcome of a call that was never answered.

    `sip`: SIP answer code; `cause`: Q.850 cause; `status`: DialEnd's DialStatus or ''; `reason`:
    OriginateResponse's Reason. Our own ring time-out comes first: Asterisk then reports the
    code that *it* would have sent, not one from the far end.
    """
    if reason == REASON_RANG_OUT:
        return Outcome.NO_ANSWER
    if sip in _BY_SIP:
        return _BY_SIP[sip]
    if cause in _BY_CAUSE:
        return _BY_CAUSE[cause]
    if status in _BY_STATUS and (sip is None or status in _TELLING):
        return _BY_STATUS[status]
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    if sip is None and cause is None:
        return Outcome.NOT_PLACED
    return Outcome.FAILED


#: `cdr_repo.disposition`, in Asterisk's own words.
CDR_DISPOSITION: dict[Outcome, str] = {
    Outcome.ANSWERED: "ANSWERED",
    Outcome.ABANDONED: "ANSWERED",
    Outcome.MACHINE: "ANSWERED",
    Outcome.NO_ANSWER: "NO ANSWER",
    Outcome.BUSY: "BUSY",
    Outcome.CONGESTION: "CONGESTION",
    Outcome.INVALID: "FAILED",
    Outcome.REJECTED: "FAILED",
    Outcome.CANCELLED: "NO ANSWER",
    Outcome.FAILED: "FAILED",
    Outcome.NOT_PLACED: "FAILED",
    Outcome.WITHDRAWN: "NO ANSWER",
    Outcome.UNKNOWN: "FAILED",
    **dict.fromkeys(NOT_CALLED, "NO ANSWER"),
}

#: OUTCALL's data1, in the words of DIALSTATUS.
DIAL_STATUS: dict[Outcome, str] = {
    Outcome.ANSWERED: "ANSWER",
    Outcome.ABANDONED: "ANSWER",
    Outcome.MACHINE: "ANSWER",
    Outcome.NO_ANSWER: "NOANSWER",
    Outcome.BUSY: "BUSY",
    Outcome.CONGESTION: "CONGESTION",
    Outcome.INVALID: "CHANUNAVAIL",
    Outcome.REJECTED: "BUSY",
    Outcome.CANCELLED: "CANCEL",
    Outcome.FAILED: "CHANUNAVAIL",
    Outcome.NOT_PLACED: "CHANUNAVAIL",
    Outcome.WITHDRAWN: "CANCEL",
    Outcome.UNKNOWN: "CHANUNAVAIL",
    **dict.fromkeys(NOT_CALLED, "CANCEL"),
}
