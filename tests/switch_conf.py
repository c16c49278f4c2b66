"""A private Asterisk with what a production host chooses of asterisk-conf/: transports, wss, trunks."""

from __future__ import annotations

import datetime
import re
import shutil
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.parts import free_port
from engine.resources import resource

_GLOBALS = "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 2\nOVERDIAL_TRUNK = CARRIER-IP\n"


def write_certificate(
    folder: Path,
    start: datetime.datetime = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    days: float = 36_500,
) -> None:
    """Write overdial.crt and overdial.key, signed by themselves, for localhost."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "overdial.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "overdial.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


class Switch:
    """Asterisk with every optional file included, on loopback and ports of its own.

    `addresses` replaces placeholder addresses of trunk files (`192.0.2.20:5060`) by real ones.
    """

    def __init__(
        self,
        lab: Path,
        home: Path,
        addresses: dict[str, str],
        parts: str = "",
        *,
        registrations: bool = True,
    ) -> None:
        self.sip = free_port(socket.SOCK_DGRAM)
        self.tls = free_port()
        self.https = free_port()
        conf = home / "conf"
        shutil.rmtree(conf, ignore_errors=True)
        shutil.copytree(resource("asterisk-conf"), conf, ignore=shutil.ignore_patterns("local"))
        keys = home / "keys"
        write_certificate(keys)
        for path in conf.rglob("*.conf"):
            text = path.read_text()
            for placeholder, real in addresses.items():
                text = text.replace(placeholder, real)
            text = text.replace("/etc/asterisk/keys", str(keys))
            text = text.replace("0.0.0.0:5060", f"127.0.0.1:{self.sip}")
            text = text.replace("0.0.0.0:5061", f"127.0.0.1:{self.tls}")
            text = text.replace("0.0.0.0:8089", f"127.0.0.1:{self.https}")
            # Nobody listens at the placeholders; whether they answer is not what is tested.
            path.write_text(re.sub(r"^qualify_frequency = .*$", "qualify_frequency = 0", text, flags=re.M))
        trunks = sorted(path.name for path in (conf / "trunks").glob("*.conf"))
        if not registrations:
            trunks.remove("carrier-registration.conf")
        include = "".join(f"#include trunks/{name}\n" for name in trunks)
        self.asterisk = Asterisk(
            AsteriskInstall.find(lab),
            conf,
            home / "asterisk",
            {
                "pjsip.conf": f"#include overdial/transports.conf\n{include}{parts}",
                "http-port.conf": "",
                "extensions-parts.conf": _GLOBALS,
            },
        )
        local = self.asterisk.home / "etc/local"
        port = f"bindport = {self.asterisk.http_port}\n"
        (local / "http-port.conf").write_text(port + "#include overdial/http-tls.conf\n")

    def log(self) -> str:
        return (self.asterisk.home / "log/messages.log").read_text()
