"""Before and between shifts: facts about the parts around the engine in, findings with their fixes out."""

from engine.domain.checkup.facts import (
    AriFacts,
    CdrFile,
    DatabaseFacts,
    HostFacts,
    Needs,
    Registration,
    SwitchFacts,
    TrunkFacts,
    Validity,
)
from engine.domain.checkup.finding import Finding, Level, failed, good, warned
from engine.domain.checkup.judge_database import judge_database
from engine.domain.checkup.judge_host import judge_ari, judge_host
from engine.domain.checkup.judge_switch import judge_switch
from engine.domain.checkup.judge_trunks import judge_trunks

__all__ = [
    "AriFacts",
    "CdrFile",
    "DatabaseFacts",
    "Finding",
    "HostFacts",
    "Level",
    "Needs",
    "Registration",
    "SwitchFacts",
    "TrunkFacts",
    "Validity",
    "failed",
    "good",
    "judge_ari",
    "judge_database",
    "judge_host",
    "judge_switch",
    "judge_trunks",
    "warned",
]
