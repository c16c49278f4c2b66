"""The law, by construction: one pure function says whether a number may be called now, and why not."""

from engine.domain.law.book import LawBook, LawSettings
from engine.domain.law.facts import Contacted, Facts, Given
from engine.domain.law.prospect import LEAD, Prospect, appointment, prospect
from engine.domain.law.rules import Law
from engine.domain.law.verdict import Ban, Hold, Verdict, may_call, next_closing, next_moment

__all__ = [
    "LEAD", "Ban", "Contacted", "Facts", "Given", "Hold", "Law", "LawBook", "LawSettings", "Prospect",
    "Verdict", "appointment", "may_call", "next_closing", "next_moment", "prospect",
]  # fmt: skip
