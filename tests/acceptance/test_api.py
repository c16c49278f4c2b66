"""The HTTP API inside the daemon: the first start, a documented client, the stop."""

from __future__ import annotations

import http.client
import json
import re
import subprocess

from engine.lab.parts import free_port
from tests.stage import Stage


def test_the_first_start_makes_an_administrator_once(stage: Stage) -> None:
    port = free_port()
    stage.extra = f"[http]\nport = {port}\n"
    stage.start()
    word = re.search(r"user 'admin' was made with the password (\S+)", stage.log())
    assert word is not None
    base = f"http://127.0.0.1:{port}"
    login = subprocess.run(
        [
            "curl", "-s", "--location", "--request", "POST",
            f"{base}/Integra/resources/auth/getUserToken",
            "--header", "Content-Type: application/x-www-form-urlencoded",
            "--data-urlencode", "user=admin",
            "--data-urlencode", f"password={word[1]}",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    token = json.loads(login)
    assert _who(port, token)["role"] == "administrator"
    assert stage.stop() == 0
    stage.start(fresh_log=True)
    assert "was made with the password" not in stage.log()
    assert _who(port, token)["user"] == "admin"


def _who(port: int, token: str) -> dict[str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/v1/session", headers={"Authorization": f"Basic {token}"})
    answer: dict[str, str] = json.load(connection.getresponse())
    connection.close()
    return answer
