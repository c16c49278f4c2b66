"""What the engine shows of itself: logs, Prometheus metrics, and pages that tell whether it is well."""

from engine.telemetry.logs import configure_logging
from engine.telemetry.metrics import Metrics
from engine.telemetry.server import serve

__all__ = ["Metrics", "configure_logging", "serve"]
