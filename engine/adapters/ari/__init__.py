"""Asterisk's REST interface: the words of ARI end here."""

from engine.adapters.ari.voice import AriSettings, AriVoice

__all__ = ["AriSettings", "AriVoice"]
