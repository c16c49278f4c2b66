"""Is Asterisk as the engine needs it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.domain.checkup.facts import Needs, SwitchFacts
from engine.domain.checkup.finding import Finding, failed, good, warned

PART = "asterisk"
OLDEST = 20
NOTICED, TOO_FAR = 2.0, 10.0

#: AMI action → the write class that gives it.
ACTIONS = {
    "Originate": "originate",
    "Hangup": "call",
    "Redirect": "call",
    "Setvar": "call",
    "QueueAdd": "agent",
    "QueueRemove": "agent",
    "QueuePause": "agent",
    "QueuePenalty": "agent",
    "CoreShowChannels": "reporting",
}
#: Actions that come with their modules and need no right.
_OF_QUEUES = ("QueueStatus", "QueueReload")
#: What an account that can dial should not be able to do as well.
_TOO_MUCH = {"Command": "command", "UpdateConfig": "config", "ModuleLoad": "system"}

#: Module → what fails without it. docs/install.md lists the same ones.
MODULES = {
    "app_queue": "no agent is ever reached",
    "app_dial": "reserved agents are not rung",
    "app_userevent": "the dialplan cannot tell what became of a caller",
    "app_stack": "agents' beeps and recordings (Gosub)",
    "app_read": "keys in menus and safe-harbour messages",
    "app_playback": "recordings are not played",
    "app_playtones": "calls end where the dialplan plays a tone",
    "app_exec": "the dialplan's conditions (ExecIf)",
    "func_channel": "the dialplan's questions about channels",
    "func_logic": "the dialplan's conditions",
    "func_cut": "the dialplan's texts",
    "func_strings": "the dialplan's texts",
    "func_version": "agents' beeps and recordings, which Asterisk 20 wants asked for in another way",
    "func_callerid": "no caller ID is presented",
    "func_hangupcause": "outcomes are less exact",
    "pbx_config": "there is no dialplan",
    "chan_pjsip": "no SIP call leaves",
    "res_pjsip_session": "no SIP call leaves",
    "res_pjsip_sdp_rtp": "SIP calls have no media and fail",
    "res_pjsip_header_funcs": "calls carry no attempt id, and agents' phones do not answer by themselves",
    "res_pjsip_outbound_authenticator_digest": "carriers that want a password refuse every call",
    "res_rtp_asterisk": "nobody hears anything",
    "res_musiconhold": "callers who wait hear nothing",
    "bridge_simple": "nobody is joined with anybody",
    "func_pjsip_endpoint": "this check sees no trunk",
    "func_pjsip_aor": "this check sees no trunk's addresses",
    "func_pjsip_contact": "this check does not see whether a trunk answers",
}
_FOR_MACHINES = {
    "app_amd": "answering machines are not told apart",
    "app_waitforsilence": "no message after a beep",
}
_FOR_RECORDING = {
    "app_mixmonitor": "talks are not recorded",
    "format_wav": "recordings cannot be written",
}
_FOR_BROADCAST = {
    "res_http_websocket": "ARI has no events",
    "res_ari": "broadcasts cannot be steered",
    "res_ari_applications": "ARI does not know the engine's application",
    "res_ari_channels": "answered broadcasts cannot be steered",
    "res_ari_events": "the engine hears nothing of its broadcasts",
    "res_ari_playbacks": "broadcasts cannot be cut short",
    "res_ari_recordings": "consent is not recorded",
    "res_stasis": "answered broadcasts do not reach the engine",
    "res_stasis_playback": "broadcasts say nothing",
    "res_stasis_recording": "consent is not recorded",
    "app_stasis": "answered broadcasts do not reach the engine",
}
_FOR_CDRS = {"cdr_csv": "asterisk.cdr_file gets no more lines, so calls that end unwatched stay unknown"}
_FOR_CARDS = {"chan_dahdi": "no call leaves over DAHDI cards"}
#: Contexts of overdial/extensions.conf that the engine or its dialplan uses.
CONTEXTS = (
    "PowerDialer", "overdial-join", "overdial-joined", "overdial-taken", "overdial-hands-free",
    "overdial-safe-harbour", "overdial-agent", "overdial-workflow", "overdial-check",
)  # fmt: skip
#: Event → the read class that gives it, of a call inside Asterisk through a queue.
EVENTS = {
    "OriginateResponse": "call",
    "Hangup": "call",
    "UserEvent": "user",
    "QueueCallerJoin": "agent",
}


def needed_modules(needs: Needs) -> dict[str, str]:
    """Return module → what fails without it, for what tables and settings ask."""
    wanted = dict(MODULES)
    if needs.detects_machines:
        wanted |= _FOR_MACHINES
    if needs.records:
        wanted |= _FOR_RECORDING
    if needs.broadcasts:
        wanted |= _FOR_BROADCAST
    if needs.reads_cdrs:
        wanted |= _FOR_CDRS
    if any(technology == "DAHDI" for technology, _ in needs.trunks):
        wanted |= _FOR_CARDS
    return wanted


def judge_switch(facts: SwitchFacts, needs: Needs) -> Iterator[Finding]:
    """Yield what was found, trunks apart."""
    yield _version(facts)
    yield from _rights(facts)
    yield from _events(facts)
    yield from _modules(facts, needs)
    yield from _contexts(facts, needs)
    yield from _queues(facts, needs)
    yield from _members(facts, needs)
    yield _clock(facts)


def _version(facts: SwitchFacts) -> Finding:
    found = re.search(r"(\d+)\.", facts.version)
    if found is None:
        return warned(PART, "version", f"its version {facts.version!r} is not understood", "Use 20 or newer.")
    if int(found[1]) < OLDEST:
        return failed(PART, "version", f"version {facts.version} is too old", f"Use {OLDEST} or newer.")
    return good(PART, "version", f"Asterisk {facts.version}")


def _rights(facts: SwitchFacts) -> Iterator[Finding]:
    lacking: dict[str, list[str]] = {}
    for action, right in ACTIONS.items():
        if action not in facts.commands:
            lacking.setdefault(right, []).append(action)
    if any(name not in facts.commands for name in _OF_QUEUES):
        lacking.pop("agent", None)
    if lacking:
        without = ", ".join(action for right in sorted(lacking) for action in lacking[right])
        yield failed(
            PART,
            "rights",
            f"the manager user lacks write = {','.join(sorted(lacking))} (for {without})",
            "Include overdial/manager.conf in manager.conf, then 'asterisk -rx \"manager reload\"'.",
        )
    else:
        yield good(PART, "rights", "the manager user has the rights that it needs")
    much = sorted({right for action, right in _TOO_MUCH.items() if action in facts.commands})
    if much:
        yield warned(
            PART,
            "rights_too_many",
            f"the manager user also has write = {','.join(much)}: whoever finds its secret owns the machine",
            "Give it write = originate,call,agent,reporting and nothing else (overdial/manager.conf).",
        )
    if not facts.booted:
        yield failed(
            PART,
            "events_system",
            "it does not tell us that it has booted",
            "Add 'system' to the manager user's read (overdial/manager.conf).",
        )


def _events(facts: SwitchFacts) -> Iterator[Finding]:
    if facts.heard is None:
        return
    if not facts.heard:
        yield failed(
            PART,
            "events",
            "a call inside Asterisk was not heard of",
            "Include overdial/extensions.conf and overdial/manager.conf (read = system,call,agent,user).",
        )
        return
    deaf = sorted(name for name in EVENTS if name not in facts.heard)
    if deaf:
        classes = ",".join(sorted({EVENTS[name] for name in deaf}))
        yield failed(
            PART,
            "events",
            f"a call inside Asterisk was not heard of as {', '.join(deaf)}",
            f"Give the manager user read = …,{classes} and the eventfilter of overdial/manager.conf;"
            " include overdial/queues.conf.",
        )
    else:
        yield good(PART, "events", "a call inside Asterisk was followed through the dialplan and a queue")


def _modules(facts: SwitchFacts, needs: Needs) -> Iterator[Finding]:
    if not facts.modules:
        yield warned(
            PART,
            "modules",
            "which modules are loaded cannot be asked",
            "Load func_module.so (modules.conf) and check again.",
        )
        return
    missing = {name: why for name, why in needed_modules(needs).items() if facts.modules.get(name) is False}
    for name, why in missing.items():
        yield failed(
            PART,
            "module",
            f"{name}.so is not loaded: {why}",
            f"Add 'load = {name}.so' to modules.conf and restart Asterisk (or 'module load {name}.so').",
        )
    if not missing:
        yield good(PART, "module", f"{len(facts.modules)} modules are loaded")


def _contexts(facts: SwitchFacts, needs: Needs) -> Iterator[Finding]:
    missing = sorted(name for name, there in facts.contexts.items() if not there)
    for name in missing:
        ours = name in CONTEXTS or name == "VoiceBroadCast"
        yield failed(
            PART,
            "context",
            f"the dialplan has no context {name!r}",
            "Include overdial/extensions.conf in extensions.conf, then 'dialplan reload'."
            if ours
            else "Correct dialers.context, or write the context, then 'dialplan reload'.",
        )
    if not missing:
        yield good(PART, "context", f"all {len(facts.contexts)} contexts are there")
    if not facts.manual_trunk:
        yield warned(
            PART,
            "manual_calls",
            "the global OVERDIAL_TRUNK is empty: calls that agents dial themselves go nowhere",
            "Set OVERDIAL_TRUNK = <trunk> in [globals] of extensions.conf.",
        )


def _queues(facts: SwitchFacts, needs: Needs) -> Iterator[Finding]:
    missing = [name for name in needs.campaigns if name.casefold() not in facts.queues]
    for name in missing:
        yield failed(
            PART,
            "queue",
            f"campaign {name!r} has no queue in Asterisk: its callers cannot reach an agent",
            "Set asterisk.queues_file and include that file in queues.conf, or write the queue there.",
        )
    if not missing:
        yield good(PART, "queue", f"{len(needs.campaigns)} enabled campaigns have their queues")


def _members(facts: SwitchFacts, needs: Needs) -> Iterator[Finding]:
    wanted = {member.seat: member for member in needs.members}
    steered = {queue for queue, _ in wanted}
    for seat, member in sorted(wanted.items()):
        if member.queue.casefold() in facts.queues and seat not in facts.members:
            yield warned(
                PART,
                "member",
                f"{member.interface} has a row for {member.queue} and no seat there",
                "Start the engine; it seats members of queue_members.",
            )
    for queue, interface in sorted(facts.dynamic - wanted.keys()):
        if queue in steered:
            yield warned(
                PART,
                "member",
                f"{interface} sits in {queue} without a row in queue_members",
                f"If it is left over: 'queue remove member <interface> from {queue}' in Asterisk.",
            )


def _clock(facts: SwitchFacts) -> Finding:
    text = f"its clock is {facts.offset:+.0f} s off this machine's"
    fix = "Let both machines follow one time server (chrony or systemd-timesyncd)."
    if abs(facts.offset) > TOO_FAR:
        return failed(PART, "clock", text, fix)
    if abs(facts.offset) > NOTICED:
        return warned(PART, "clock", text, fix)
    return good(PART, "clock", "its clock is ours")
