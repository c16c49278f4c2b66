"""A private Prometheus that scrapes an engine every second and evaluates our rules as often."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from engine.lab.parts import Child, LabError, free_port, tool, wait_until


class Prometheus:
    """One running server, with the rule files of `rules`."""

    def __init__(self, home: Path, lab: Path, target: str, rules: tuple[Path, ...]) -> None:
        self.home = home
        self.port = free_port()
        self._program = tool("prometheus", lab)
        self._config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": "overdial", "static_configs": [{"targets": [target]}]}],
        }
        self.child: Child | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        config = self.home / "prometheus.yml"
        config.write_text(json.dumps(self._config))  # JSON is YAML
        argv = [
            self._program,
            f"--config.file={config}",
            f"--storage.tsdb.path={self.home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        self.child = Child(argv, self.home / "prometheus.log")
        wait_until(self._answers, self.child, "Prometheus")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the present result of a query. Raises LabError when it is refused."""
        return list(self._get("query", query=expression)["result"])

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules as Prometheus has them, with their state."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, what: str, **arguments: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)["data"]
                return found
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace")
            raise LabError(f"Prometheus refuses {arguments}: {text}") from refused

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()
