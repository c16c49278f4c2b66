"""What the engine shows of itself: logs, Prometheus metrics, and pages that tell whether it is well."""

from engine.telemetry.faults import catch_the_unforeseen
from engine.telemetry.logs import configure_logging
from engine.telemetry.metrics import Metrics
from engine.telemetry.server import serve

__all__ = ["Metrics", "catch_the_unforeseen", "configure_logging", "serve"]
