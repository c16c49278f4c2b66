"""Is this machine, and ARI on it, as the engine needs it?"""

from __future__ import annotations

from collections.abc import Iterator

from engine.domain.checkup.facts import AriFacts, CdrFile, HostFacts, Needs
from engine.domain.checkup.finding import Finding, failed, good, warned

PART = "host"
#: A socket per database connection, for AMI, ARI, metrics, and the files of journal and registries.
OPEN_FILES = 4_096
#: Megabytes below which journals and recordings are in danger.
SPACE = 1_024
#: Days before its end in which a certificate should be renewed; of one with a short life, its last third.
RENEWAL = 14


def judge_host(facts: HostFacts) -> Iterator[Finding]:
    """Yield what was found."""
    for setting, problem in sorted(facts.problems.items()):
        yield failed(PART, setting, f"{setting}: {problem}", _FIXES.get(setting, "Correct the setting."))
    for setting, problem in sorted(facts.kept.items()):
        fix = (
            "Choose another place; or 'systemctl edit' it: [Service] ReadWritePaths=<folder>, ProtectHome=no."
        )
        yield failed(PART, setting, f"{setting}: {problem}", fix)
    if not facts.problems and not facts.kept and facts.cdr is CdrFile.READABLE:
        yield good(PART, "paths", "folders, files and ports of the configuration can be used")
    yield from _cdr(facts)
    yield from _certificate(facts)
    for path in facts.exposed:
        yield warned(
            PART,
            "secrets",
            f"{path} can be read by everybody",
            f"chmod 640 {path}; chown root:overdial {path}",
        )
    if facts.user == "root":
        yield warned(
            PART,
            "user",
            "this check runs as root, for whom every folder is writable",
            "Run it as the engine's user: runuser -u overdial -- overdial check …",
        )
    if facts.open_files < OPEN_FILES:
        yield warned(
            PART,
            "open_files",
            f"{facts.open_files} open files are allowed",
            "LimitNOFILE=65536 in the unit (deploy/overdial.service has it).",
        )
    if facts.synchronised is False:
        yield warned(
            PART,
            "clock",
            "the kernel says that nothing keeps this machine's clock right",
            "Install chrony or switch systemd-timesyncd on: laws count seconds and hours.",
        )
    if facts.recordings:
        yield warned(
            PART,
            "recordings",
            f"talks are to be recorded, and {facts.recordings} is not there",
            f"install -d -o asterisk -g asterisk -m 2770 {facts.recordings}",
        )
    for folder, free in sorted(facts.free_megabytes.items()):
        if free < SPACE:
            yield warned(PART, "disk", f"{folder} has {free} MB left", "Free some space.")
    if facts.engine_runs:
        yield good(PART, "engine", "an engine answers at metrics.port")


def _cdr(facts: HostFacts) -> Iterator[Finding]:
    name, path = "asterisk.cdr_file", facts.cdr_file
    folder = path.rpartition("/")[0]
    join = "usermod -aG asterisk overdial, then restart overdial"
    match facts.cdr:
        case CdrFile.READABLE:
            pass
        case CdrFile.UNREADABLE:
            fix = f"{join}; and chgrp asterisk {path}; chmod g+r {path}"
            yield failed(PART, name, f"{name}: {path} cannot be read", fix)
        case CdrFile.CLOSED:
            fix = f"{join}; the group needs x on each folder above and on {folder}."
            yield failed(PART, name, f"{name}: {folder} cannot be entered", fix)
        case CdrFile.NO_FOLDER:
            fix = f"install -d -o asterisk -g asterisk -m 2750 {folder}"
            yield failed(PART, name, f"{name}: {folder} is not there, so Asterisk writes nothing", fix)
        case CdrFile.ELSEWHERE:
            fix = f'asterisk.cdr_file = "{facts.cdr_place}"'
            yield failed(PART, name, f"{name}: {path} is not there; Asterisk writes {facts.cdr_place}", fix)
        case CdrFile.UNWRITTEN:
            fix = (
                "Include overdial/cdr.conf in cdr.conf, without batch = yes there; load cdr_csv.so; then "
                + _RELOAD
            )
            yield failed(PART, name, f"{name}: {path} got no line, though Asterisk has ended a call", fix)
        case CdrFile.NAMELESS:
            fix = f"[csv] loguniqueid = yes (overdial/cdr.conf), then {_RELOAD}"
            yield failed(PART, name, f"{name}: the lines of {path} do not tell the channel", fix)
        case CdrFile.LOCAL_TIME:
            fix = f"[csv] usegmtime = yes (overdial/cdr.conf), then {_RELOAD}"
            yield failed(PART, name, f"{name}: the times in {path} are not UTC", fix)
        case CdrFile.ANSWERED_ONLY:
            fix = f"[general] unanswered = yes (overdial/cdr.conf), then {_RELOAD}"
            yield failed(PART, name, f"{name}: {path} has no line of a call that nobody answered", fix)
        case CdrFile.NOT_YET:
            fix = "Run 'overdial check' without --no-call: Asterisk's call to itself makes it."
            yield warned(PART, name, f"{name}: {path} is not there yet; it comes with the first call", fix)


_RELOAD = "asterisk -rx 'module reload cdr' and 'module reload cdr_csv.so'."


def _certificate(facts: HostFacts) -> Iterator[Finding]:
    if facts.certificate is None:
        return
    name, path = "http.tls_certificate", facts.certificate.path
    begins, ends = facts.certificate.begins, facts.certificate.ends
    fix = f"Renew it: put the new certificate and key at {path} and http.tls_key, then restart overdial."
    if ends <= 0:
        yield failed(PART, name, f"{path} ended {-ends:.0f} days ago: browsers refuse the HTTP API", fix)
    elif begins > 0:
        yield failed(
            PART,
            name,
            f"{path} begins in {begins:.1f} days: browsers refuse the HTTP API until then",
            "Put this machine's clock right, or give a certificate that holds already.",
        )
    elif ends < min(RENEWAL, (ends - begins) / 3):
        yield warned(PART, name, f"{path} ends in {ends:.1f} days", fix)
    else:
        yield good(PART, name, f"{path} holds for {ends:.0f} days")


_FIXES = {
    "engine.state": "install -d -o overdial -g overdial -m 700 <folder> (systemd's StateDirectory does it).",
    "asterisk.queues_file": "install -d -o overdial -g asterisk -m 2750 <folder> (deploy/tmpfiles.conf).",
    "metrics.port": "Choose a free port, or 0 for none.",
    "http.port": "Choose a free port, or 0 for none (where metrics.port is 0, it may be our own engine's).",
    "http.tls_certificate": "Give a certificate and its own key in PEM that the user overdial can read.",
    "ari.tts_command": "Install the program (apt install espeak-ng), or give its full path.",
    "ari.tts_folder": "install -d -o overdial -g asterisk -m 2750 <folder> (deploy/tmpfiles.conf).",
    "law.folder": "Correct the file that is named.",
    "law.registries": "Make the file with 'overdial registry'.",
}


def judge_ari(facts: AriFacts | None, needs: Needs) -> Iterator[Finding]:
    """Yield what was found; None: ARI is not configured."""
    part = "ari"
    if facts is None:
        if needs.broadcasts:
            yield failed(
                part,
                "settings",
                f"{len(needs.broadcasts)} broadcast campaigns are enabled and [ari] has no url",
                "Fill [ari] in overdial.toml (url, secret_file).",
            )
        return
    if facts.status == 0:
        yield failed(
            part,
            "reachable",
            f"ARI does not answer: {facts.problem}",
            "enabled = yes and bindaddr in http.conf, enabled = yes in ari.conf; load res_ari.so.",
        )
    elif facts.status in (401, 403):
        yield failed(
            part,
            "secret",
            "ARI refuses our user",
            "Make ari.secret_file equal to the password in /etc/asterisk/local/ari-secret.conf.",
        )
    elif facts.status != 200:
        yield failed(
            part, "reachable", f"ARI answers {facts.status}", "Load res_ari_asterisk.so and the others."
        )
    elif facts.write_status in (401, 403):
        yield failed(part, "rights", "our ARI user may only read", "read_only = no (overdial/ari.conf).")
    else:
        yield good(part, "reachable", "ARI answers and takes our orders")
