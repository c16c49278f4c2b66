"""The documented clients: each sends a request as its sample in the documents does, values filled in."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

#: Fields in the order of the sample; one name may come twice.
Fields = Sequence[tuple[str, str]]

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Site:
    """Where the API is, and the token that the samples write as {{Token}}."""

    port: int
    token: str = ""

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """Send exactly these headers and bytes; the status must be 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
        finally:
            connection.close()
        assert answer.status == 200, (path, answer.status)
        return text


def curl(site: Site, path: str, fields: Fields) -> str:
    """cURL: --location --request POST, --data-urlencode for each field."""
    command = ["curl", "-s", "-S", "--location", "--request", "POST", f"http://127.0.0.1:{site.port}/{path}"]
    if fields:
        command += ["--header", f"Content-Type: {_FORM}"]
    if site.token:
        command += ["--header", f"Authorization: Basic {site.token}"]
    for name, value in fields:
        command += ["--data-urlencode", f"{name}={value}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def python(site: Site, path: str, fields: Fields) -> str:
    """Python: http.client with a payload written by hand; JSON stands in it as it is."""
    payload = "&".join(f"{name}={_as_printed(value)}" for name, value in fields)
    headers = {"Authorization": f"Basic {site.token}", "Content-Type": _FORM}
    return site.post(f"/{path}", headers, payload.encode())


def _as_printed(value: str) -> str:
    """The Python samples encode what is no JSON, and print JSON as it is."""
    return value if value.startswith(("{", "[")) else quote_plus(value)


def fetch(site: Site, path: str, fields: Fields) -> str:
    """JavaScript: fetch with URLSearchParams, from a page of another origin."""
    headers = {
        "Origin": "https://crm.example", "Authorization": f"Basic {site.token}",
        "Content-Type": f"{_FORM};charset=UTF-8", "Accept": "*/*",
    }  # fmt: skip
    return site.post(f"/{path}", headers, urlencode(fields).encode())


def ajax(site: Site, path: str, fields: Fields) -> str:
    """jQuery with the header of $.ajaxSetup: "Basic" + "APIKey", without a space."""
    headers = {
        "X-Requested-With": "XMLHttpRequest", "Authorization": f"Basic{site.token}",
        "Content-Type": f"{_FORM}; charset=UTF-8",
    }  # fmt: skip
    return site.post(f"/{path}", headers, urlencode(fields).encode())


def rest_sharp(site: Site, path: str, fields: Fields) -> str:
    """C#: RestRequest.AddParameter, or FormUrlEncodedContent: the same bytes; path without a slash."""
    headers = {
        "Authorization": f"Basic {site.token}", "Content-Type": _FORM, "User-Agent": "RestSharp/106.11.7.0",
        "Accept-Encoding": "gzip, deflate",
    }  # fmt: skip
    return site.post(f"/{path}", headers, urlencode(fields).encode())


def ok_http(site: Site, path: str, fields: Fields) -> str:
    """Java: RequestBody.create with the fields as they are: nothing is encoded."""
    headers = {"Content-Type": _FORM, "Authorization": f"Basic {site.token}"}
    return site.post(f"/{path}", headers, "&".join(f"{name}={value}" for name, value in fields).encode())


Client = Callable[[Site, str, Fields], str]
CLIENTS: tuple[Client, ...] = (curl, python, fetch, ajax, rest_sharp, ok_http)


def spread(value: object) -> str:
    """JSON as the samples print it, with spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", " : "))
