"""Kills real parts at random moments, hundreds of times, and judges by the carrier's own log."""
