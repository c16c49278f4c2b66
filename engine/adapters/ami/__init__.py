"""Asterisk's manager interface behind the CallControl port."""

from engine.adapters.ami.control import AmiCallControl
from engine.adapters.ami.link import AmiSettings

__all__ = ["AmiCallControl", "AmiSettings"]
