"""A SIP phone that only registers: REGISTER, the challenge, REGISTER with the digest."""

from __future__ import annotations

import hashlib
import re
import socket
import uuid

#: The lab takes everything from 127.0.0.1 for its own loopback.
ELSEWHERE = "127.0.0.2"


def register(port: int, user: str, password: str) -> int:
    """Register `user` at 127.0.0.1:`port`; return the final status."""
    uri, call = f"sip:127.0.0.1:{port}", uuid.uuid4().hex
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((ELSEWHERE, 0))
        phone.settimeout(10)
        own = phone.getsockname()[1]
        authorization = ""
        for number in (1, 2):
            lines = [
                f"REGISTER {uri} SIP/2.0", f"Via: SIP/2.0/UDP {ELSEWHERE}:{own};branch=z9hG4bK{call}{number}",
                f"From: <sip:{user}@127.0.0.1>;tag={call[:8]}", f"To: <sip:{user}@127.0.0.1>",
                f"Call-ID: {call}", f"CSeq: {number} REGISTER", f"Contact: <sip:{user}@{ELSEWHERE}:{own}>",
                "Max-Forwards: 70", "Expires: 60", *([authorization] if authorization else []),
                "Content-Length: 0", "", "",
            ]  # fmt: skip
            phone.sendto("\r\n".join(lines).encode(), ("127.0.0.1", port))
            answer = phone.recv(65_536).decode()
            status = int(answer.split()[1])
            if status != 401:
                return status
            authorization = _digest(answer, user, password, uri)
        return status


def _digest(challenge: str, user: str, password: str, uri: str) -> str:
    given = dict(re.findall(r'(\w+)="?([^",\r]+)"?', challenge.partition("WWW-Authenticate: Digest ")[2]))
    first = _md5(f"{user}:{given['realm']}:{password}")
    second = _md5(f"REGISTER:{uri}")
    response = _md5(f"{first}:{given['nonce']}:00000001:0a4f113b:auth:{second}")
    return (
        f'Authorization: Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}",'
        f' uri="{uri}", response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"'
        + (f', opaque="{given["opaque"]}"' if "opaque" in given else "")
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
