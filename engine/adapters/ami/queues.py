"""The QueueControl port over AMI. `read=agent` and `write=agent` are enough for it."""

from __future__ import annotations

from engine.adapters.ami.link import AmiLink
from engine.adapters.ami.wire import UnsafeValueError
from engine.domain.queue_tables import QueueMember
from engine.ports import RefusedError

#: How app_queue says that a member has his seat (apps/app_queue.c, manager_add_queue_member).
_THERE = "already there"
#: And that he has none to be taken from (manager_remove_queue_member).
_NOT_THERE = "not there"


class AmiQueues:
    """QueueControl over the link that the call control keeps."""

    def __init__(self, link: AmiLink) -> None:
        self._link = link

    @property
    def session(self) -> int:
        return self._link.links

    async def add_member(self, member: QueueMember) -> bool:
        headers = [
            ("Penalty", str(member.penalty)),
            ("Paused", "true" if member.paused else "false"),
        ]
        if member.name:
            headers.append(("MemberName", member.name))
        if member.state_interface:
            headers.append(("StateInterface", member.state_interface))
        try:
            await self._ask("QueueAdd", member, *headers)
        except RefusedError as error:
            if _THERE not in str(error).lower():
                raise
            return False
        return True

    async def remove_member(self, member: QueueMember) -> None:
        try:
            await self._ask("QueueRemove", member)
        except RefusedError as error:
            if _NOT_THERE not in str(error).lower():
                raise

    async def set_penalty(self, member: QueueMember) -> None:
        await self._ask("QueuePenalty", member, ("Penalty", str(member.penalty)))

    async def set_paused(self, member: QueueMember) -> None:
        await self._ask("QueuePause", member, ("Paused", "true" if member.paused else "false"))

    async def reload_queues(self) -> None:
        # "Members: yes" would make every seat anew and forget whose after-call time is running.
        await self._link.ask((("Action", "QueueReload"), ("Parameters", "yes"), ("Members", "no")))

    async def _ask(self, action: str, member: QueueMember, *headers: tuple[str, str]) -> None:
        place = (("Action", action), ("Queue", member.queue), ("Interface", member.interface))
        try:
            await self._link.ask((*place, *headers))
        except UnsafeValueError as error:
            raise RefusedError(f"not sent: {error}") from error
