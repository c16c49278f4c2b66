"""`overdial demo`: a campaign from the spool to the CDR, on private real parts, to watch."""

from engine.demo.play import DemoOptions, play

__all__ = ["DemoOptions", "play"]
