"""The law, by construction: one pure function says whether a number may be called now, and why not."""

from engine.domain.law.book import LawBook, LawSettings
from engine.domain.law.facts import Contacted, Facts, Given
from engine.domain.law.rules import Law
from engine.domain.law.verdict import Ban, Hold, Verdict, may_call, next_moment

__all__ = [
    "Ban", "Contacted", "Facts", "Given", "Hold", "Law", "LawBook", "LawSettings", "Verdict", "may_call",
    "next_moment",
]  # fmt: skip
