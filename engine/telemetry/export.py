"""What is exported to Prometheus: a registry, a catalogue of what is in it, and names that stay few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

#: Whoever comes when there is no room for further names.
OTHER = "other"

#: Values of labels, and what is measured for them.
Sample = tuple[tuple[str, ...], float]
M = TypeVar("M", Counter, Histogram)


class Names:
    """At most `limit` names become values of a label; later ones share `other` until one is forgotten."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """Return the label for a name."""
        if name in self._known:
            return name
        if len(self._known) >= self.limit:
            return OTHER
        self._known.add(name)
        return name

    def forget(self, name: str) -> None:
        """Make room."""
        self._known.discard(name)

    @property
    def known(self) -> frozenset[str]:
        return frozenset(self._known)


@dataclass(frozen=True, slots=True)
class Described:
    """One metric by the name under which Prometheus has it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that queries may use."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


class Exported:
    """Makes metrics and remembers what they are."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.catalogue: list[Described] = []
        self._of_campaigns: list[Counter | Histogram] = []

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Something that only grows; Prometheus sees it as `name`_total."""
        self.catalogue.append(Described(f"{name}_total", "counter", labels, text))
        return self._kept(Counter(name, text, labels, registry=self.registry), labels)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Something that goes up and down."""
        self.catalogue.append(Described(name, "gauge", labels, text))
        return Gauge(name, text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
        """How often something took how long (s)."""
        self.catalogue.append(Described(name, "histogram", labels, text))
        return self._kept(Histogram(name, text, labels, buckets=buckets, registry=self.registry), labels)

    def follow(
        self,
        kind: str,
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[], Iterable[Sample]],
    ) -> None:
        """Export what `read` returns whenever Prometheus asks: values of the labels, and the measure. What
        has the same labels is added up."""
        full = f"{name}_total" if kind == "counter" else name
        self.catalogue.append(Described(full, kind, labels, text))
        family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily

        class Follower(Collector):
            def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
                found: defaultdict[tuple[str, ...], float] = defaultdict(float)
                for values, measure in read():
                    found[values] += measure
                metric = family(name, text, labels=labels)
                for values, measure in found.items():
                    metric.add_metric(values, measure)
                yield metric

        self.registry.register(Follower())

    def forget_campaign(self, label: str) -> None:
        """Remove every series of a campaign that counts on by itself."""
        for metric in self._of_campaigns:
            metric.remove_by_labels({"campaign": label})

    def _kept(self, metric: M, labels: tuple[str, ...]) -> M:
        if "campaign" in labels:
            self._of_campaigns.append(metric)
        return metric
