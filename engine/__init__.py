"""Overdial: an outbound dialer engine on an event-driven Asterisk AMI/ARI core."""

__version__ = "0.1.0"
