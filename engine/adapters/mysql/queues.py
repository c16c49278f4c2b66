"""The tables of queues and their members."""

from __future__ import annotations

from engine.adapters.mysql.database import Database, Session
from engine.ports.queues import QueueRows


class MysqlQueues:
    """QueueTables on MariaDB or MySQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queues(self) -> QueueRows:
        async def work(session: Session) -> QueueRows:
            return QueueRows(
                tuple(await session.rows("SELECT * FROM ccdata.queues")),
                tuple(
                    await session.rows(
                        "SELECT queue_name, interface, membername, state_interface, penalty, paused"
                        " FROM ccdata.queue_members"
                    )
                ),
            )

        return await self._database.transaction(work)
