"""Reads from a live Asterisk, over AMI and with the engine's own rights, what `overdial check` judges."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from panoramisk.message import Message

from engine.adapters.ami.link import AmiLink, AmiSettings
from engine.adapters.ami.wire import UnsafeValueError
from engine.domain.checkup.facts import Registration, SwitchFacts, TrunkFacts
from engine.ports import LinkError, RefusedError

#: The call inside Asterisk waits a second in a queue (overdial-check in the dialplan); s for all of it.
_CALL_TAKES = 6.0
#: Channel technology → module.
_DRIVERS = {"DAHDI": "chan_dahdi", "IAX2": "chan_iax2", "Khomp": "chan_khomp"}
#: What answers questions about trunks.
_SIP_QUESTIONS = ("func_pjsip_endpoint", "func_pjsip_aor", "func_pjsip_contact")


class SwitchInspector:
    """One link, used for questions. Open it with `open_inspector`."""

    def __init__(self, link: AmiLink) -> None:
        self.link = link
        self.seen: list[Message] = []

    async def facts(
        self,
        modules: Iterable[str],
        contexts: Iterable[str],
        trunks: Iterable[tuple[str, str]],
        *,
        call: bool,
    ) -> SwitchFacts:
        """Ask everything. Raises LinkError or UncertainError when the link does not hold."""
        commands = frozenset(await self._commands())
        queues, members, dynamic = await self._queues()
        offset = await self._clock()
        heard, calls = await self._call() if call else (None, ())
        return SwitchFacts(
            version=await self._version(),
            booted=self.link.booted,
            commands=commands,
            modules=await self._modules(modules),
            contexts={name: await self._context(name) for name in sorted(contexts)},
            queues=queues,
            members=members,
            dynamic=dynamic,
            trunks=tuple([await self._trunk(technology, name) for technology, name in sorted(trunks)]),
            registrations=await self._registrations(),
            manual_trunk=await self._value("GLOBAL(OVERDIAL_TRUNK)"),
            offset=offset,
            spool=await self._value("ASTSPOOLDIR"),
            logs=await self._value("ASTLOGDIR"),
            heard=heard,
            calls=calls,
        )

    async def _ask(self, action: str, *headers: tuple[str, str], as_list: bool = False) -> list[Message]:
        """Return the answers; none when Asterisk refuses, which for a question is an answer, too."""
        try:
            return await self.link.ask((("Action", action), *headers), as_list=as_list)
        except (RefusedError, UnsafeValueError):
            return []

    async def _value(self, expression: str) -> str:
        answers = await self._ask("Getvar", ("Variable", expression))
        return str(answers[0].value).strip() if answers else ""

    async def _version(self) -> str:
        answers = await self._ask("CoreSettings")
        return str(answers[0].asteriskversion) if answers else ""

    async def _commands(self) -> list[str]:
        """Only those that this user may use are listed."""
        answers = await self._ask("ListCommands")
        return [str(name) for name in answers[0]] if answers else []

    async def _modules(self, modules: Iterable[str]) -> dict[str, bool]:
        found = {name: await self._value(f"IFMODULE({name}.so)") for name in modules}
        return {name: value == "1" for name, value in found.items()} if any(found.values()) else {}

    async def _context(self, name: str) -> bool:
        return bool(await self._ask("ShowDialPlan", ("Context", name), as_list=True))

    async def _queues(self) -> tuple[frozenset[str], frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
        answers = await self._ask("QueueStatus", as_list=True)
        names = frozenset(str(m.queue).casefold() for m in answers if m.event == "QueueParams")
        listed = [m for m in answers if m.event == "QueueMember"]
        seats = {(str(m.queue).casefold(), str(m.location).casefold()): m.membership for m in listed}
        return names, frozenset(seats), frozenset(s for s, how in seats.items() if how == "dynamic")

    async def _clock(self) -> float:
        """Asterisk tells whole seconds: half of one is the best guess of the rest."""
        before = time.time()  # noqa: TID251 - the machine's clock is what is compared
        text = await self._value("EPOCH")
        middle = (before + time.time()) / 2  # noqa: TID251 - as above
        return round(int(text) + 0.5 - middle) if text.isdecimal() else 0.0

    async def _registrations(self) -> tuple[Registration, ...]:
        answers = await self._ask("PJSIPShowRegistrationsOutbound", as_list=True)
        return tuple(
            Registration(str(m.objectname), str(m.status))
            for m in answers
            if m.event == "OutboundRegistrationDetail"
        )

    async def _trunk(self, technology: str, name: str) -> TrunkFacts:
        if technology == "PJSIP":
            return await self._sip_trunk(name)
        if technology == "Local":
            return TrunkFacts(technology, name, await self._context(name))
        driver = _DRIVERS.get(technology)
        loaded = await self._value(f"IFMODULE({driver}.so)") if driver else ""
        # With its driver there, only the driver knows its groups and peers.
        return TrunkFacts(technology, name, False if loaded == "0" else None)

    async def _sip_trunk(self, name: str) -> TrunkFacts:
        for module in _SIP_QUESTIONS:
            if await self._value(f"IFMODULE({module}.so)") == "0":
                return TrunkFacts("PJSIP", name, None)
        allowed = await self._value(f"PJSIP_ENDPOINT({name},allow)")
        if not allowed:
            return TrunkFacts("PJSIP", name, False)
        contacts: list[str] = []
        for aor in _listed(await self._value(f"PJSIP_ENDPOINT({name},aors)")):
            for contact in _listed(await self._value(f"PJSIP_AOR({aor},contact)")):
                contacts.append(await self._value(f"PJSIP_CONTACT({contact},status)") or "Unknown")
        codecs = tuple(part for part in allowed.strip("()").split("|") if part)
        return TrunkFacts("PJSIP", name, True, codecs, tuple(contacts))

    async def _call(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Let Asterisk call itself twice, and answer once; return the names of the events that came, and the
        channels of calls that have ended."""
        self.seen.clear()
        answered = await self._originate("s")
        heard = await self._heard(answered, _EXPECTED) if answered else frozenset[str]()
        if "Hangup" not in heard:
            return heard, ()
        if not await self._ask(
            "ShowDialPlan", ("Context", "overdial-check"), ("Extension", "unanswered"), as_list=True
        ):
            return heard, (answered,)  # a dialplan of before
        unanswered = await self._originate("unanswered")
        ended = unanswered and await self._heard(unanswered, frozenset(("Hangup",)))
        return heard, (answered, unanswered) if ended else (answered,)

    async def _originate(self, extension: str) -> str:
        """Return the channel's id; '' when Asterisk refuses."""
        call = f"overdial-check-{secrets.token_hex(4)}"
        answers = await self._ask(
            "Originate",
            ("Async", "true"),
            ("Channel", f"Local/{extension}@overdial-check/n"),
            ("ChannelId", call),
            ("OtherChannelId", call + ";2"),
            ("Context", "overdial-workflow"),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", "3000"),
        )
        return call if answers else ""

    async def _heard(self, call: str, expected: frozenset[str]) -> frozenset[str]:
        """Return which of the expected events of a call came in time."""
        heard: frozenset[str] = frozenset()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CALL_TAKES):
                while heard != expected:
                    await asyncio.sleep(0.05)
                    heard = expected & {str(m.event) for m in self.seen if str(m.uniqueid).startswith(call)}
        return heard


_EXPECTED = frozenset(("OriginateResponse", "Hangup", "UserEvent", "QueueCallerJoin"))


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@asynccontextmanager
async def open_inspector(settings: AmiSettings) -> AsyncIterator[SwitchInspector]:
    """Give an inspector over a fresh link. Raises LinkError with Asterisk's reason when there is none."""
    loop = asyncio.get_running_loop()
    linked: asyncio.Future[None] = loop.create_future()

    def up() -> None:
        if not linked.done():
            linked.set_result(None)

    def down(why: str) -> None:
        if not linked.done():
            linked.set_exception(LinkError(why))

    link = AmiLink(
        settings, on_event=lambda m: inspector.seen.append(m), on_up=up, on_down=down, jitter=random.random
    )
    inspector = SwitchInspector(link)
    keeping = asyncio.ensure_future(link.run())
    try:
        await linked
        yield inspector
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
