"""The gateway to the database: a pool, transactions, and what is worth trying again.

The driver (aiomysql) is named here and nowhere else.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, overload

import aiomysql
import pymysql
import structlog
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions, convert_datetime

from engine.ports import StoreError

log = structlog.get_logger(__name__)

T = TypeVar("T")


def utc(at: datetime | None) -> datetime | None:
    """Return the naive UTC time that our own DATETIME columns hold."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


@overload
def aware(at: datetime) -> datetime: ...
@overload
def aware(at: None) -> None: ...
def aware(at: datetime | None) -> datetime | None:
    """Return a time of our own DATETIME columns with its zone."""
    return None if at is None else at.replace(tzinfo=UTC)


# Deadlock, lock wait time-out, and Galera's certification conflict (reported as a deadlock):
# the transaction did not happen and may simply be done again.
_AGAIN = frozenset((1205, 1213))
_TRIES = 5
# The packet is larger than the server takes: as long as it is so large, it never will.
_TOO_LARGE = 1153
# The server takes no writes (any more): after a fail-over another one behind the same address does.
_ELSEWHERE = frozenset((1290, 1792, 1836))
#: A value, or a piece of a statement, in what the server says; it may be a number or a name.
_VALUE = re.compile(
    r"\b(Duplicate entry|value:?|near) (?:'.*'(?= for (?:key|column) )|'.*'(?= at line )|'.*')", re.S
)
#: Seconds that a statement waits for a lock, and that the server keeps a silent session.
_LOCK_WAIT = 2
_SILENCE = 10


def moment(text: str) -> datetime:
    """Read a DATETIME. The server may hold days that no calendar has, as other programs write them for none:
    0000-00-00 is the beginning of time here, as it is in its comparisons; another 00 counts as 01."""
    read = convert_datetime(text)
    if isinstance(read, datetime):
        return read
    year, month, day = (max(int(part), 1) for part in re.findall(r"\d+", text)[:3])
    return datetime(year, min(month, 12), min(day, 28))  # noqa: DTZ001  a column in whatever time it is in


#: How the driver reads columns; what it cannot read as a moment it would hand on as text.
_READERS = {**conversions, FIELD_TYPE.DATETIME: moment, FIELD_TYPE.TIMESTAMP: moment}


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """How to reach the server. `timeout` s for any one transaction, all its tries together."""

    host: str = "127.0.0.1"
    port: int = 3306
    socket: str = ""
    user: str = "overdial"
    password: str = field(default="", repr=False)
    configuration: str = "ccdata"
    history: str = "ccrepo"
    pool: int = 8
    timeout: float = 5.0


class _Cursor(aiomysql.DictCursor):  # type: ignore[misc]  # aiomysql has no type information
    """Rows as dictionaries; a server's notes cost no second round trip and become no Python warning.

    Strict mode makes an error of whatever could lose data, so a note is never more than a note.
    """

    async def _show_warnings(self, conn: Any) -> None:
        return None


class Session:
    """One connection inside one transaction: run statements, read rows."""

    def __init__(self, cursor: Any, names: Callable[[str], str]) -> None:
        self._cursor = cursor
        self._names = names

    async def run(self, sql: str, args: Sequence[Any] = ()) -> int:
        """Run one statement; return the number of rows it matched or changed."""
        await self._cursor.execute(self._names(sql), tuple(args) or None)
        return int(self._cursor.rowcount)

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert many rows (the driver joins them into one INSERT)."""
        if rows:
            await self._cursor.executemany(self._names(sql), [tuple(row) for row in rows])

    async def run_text(self, head: str, values: str) -> None:
        """Run `head` with values that are written out and escaped already: nothing in them is renamed, and
        the statement is not remembered."""
        await self._cursor.execute(self._names(head) + values)

    async def rows(self, sql: str, args: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a query; return its rows."""
        await self._cursor.execute(self._names(sql), tuple(args) or None)
        return list(await self._cursor.fetchall())


class Database:
    """A pool of connections. Statements name the databases `ccdata` and `ccrepo`; the real names
    are put in their place."""

    def __init__(
        self, settings: DatabaseSettings, heard: Callable[[float, str], None] = lambda seconds, fault: None
    ) -> None:
        """`heard` is told of every try of a transaction: how long it took (s), and the kind of its fault, ''
        for none (deadlock, lock_wait, timeout, data, read_only, connection, other)."""
        self.settings = settings
        self._heard = heard
        #: Why the last transaction failed; '' when it did not, or when only its values were at fault.
        self.fault = ""
        self._pool: Any = None
        self._opening = asyncio.Lock()
        self._renamed: dict[str, str] = {}
        for name in (settings.configuration, settings.history):
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise ValueError(f"database name {name!r}: use letters, digits and '_'")

    def names(self, sql: str) -> str:
        """Put the configured database names into `sql`."""
        if sql not in self._renamed:
            named = re.sub(r"\bccdata\b", self.settings.configuration, sql)
            named = re.sub(r"\bccrepo\b", self.settings.history, named)
            if len(self._renamed) > 500:
                self._renamed.clear()  # statements with lists of ids differ in length
            self._renamed[sql] = named
        return self._renamed[sql]

    async def _connected(self) -> Any:
        async with self._opening:
            if self._pool is None:
                s = self.settings
                where = {"unix_socket": s.socket} if s.socket else {"host": s.host, "port": s.port}
                self._pool = await aiomysql.create_pool(
                    minsize=0,
                    maxsize=s.pool,
                    user=s.user,
                    password=s.password,
                    charset="utf8mb4",
                    connect_timeout=min(s.timeout, 5.0),
                    cursorclass=_Cursor,
                    conv=_READERS,
                    # Gap locks would make supervisors' own inserts wait for our claims.
                    init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                    # aiomysql puts the text into its SET statement as it is. A session of ours that falls
                    # silent, frozen in the middle of a transaction, gives its locks back soon.
                    sql_mode="'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',"
                    f" innodb_lock_wait_timeout={_LOCK_WAIT}, wait_timeout={_SILENCE}",
                    autocommit=False,
                    pool_recycle=_SILENCE // 2,
                    **where,
                )
            return self._pool

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        pool = await self._connected()
        task = asyncio.current_task()
        asked = task.cancelling() if task else 0
        connection = await pool.acquire()
        clean = False
        try:
            if task and task.cancelling() > asked:
                # asyncio.wait_for, with which the driver connects, loses a cancellation that comes together
                # with the connection (CPython issue 86296, mended in 3.12): whoever waits would wait on.
                raise asyncio.CancelledError
            async with connection.cursor() as cursor:
                yield Session(cursor, self.names)
            await connection.commit()
            clean = True
        except pymysql.err.MySQLError as error:
            if 1000 <= _code(error) < 2000 and _code(error) not in _ELSEWHERE:
                # The server said so and is in step with us: its locks go at once, the session stays.
                await connection.rollback()
                clean = True
            raise
        finally:
            if not clean:
                # After an error or a cancellation nobody knows what is still on the wire.
                connection.close()
            pool.release(connection)

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in one transaction, again after a deadlock. Raises StoreError.

        `work` may run several times and must have no effect but its statements.
        """
        try:
            async with asyncio.timeout(self.settings.timeout):
                result = await self._tried(work)
        except StoreError:  # the work itself refused: the database did what it was asked
            self.fault = ""
            raise
        except pymysql.err.MySQLError as error:
            code = _code(error)
            hopeless = isinstance(error, pymysql.err.DataError | pymysql.err.IntegrityError)
            said = str(error.args[-1] if error.args else error)
            text = f"{code}: " + _VALUE.sub(r"\1 '…'", said)
            hopeless = hopeless or code == _TOO_LARGE
            self.fault = "" if hopeless else text
            raise StoreError(text, data=hopeless) from error
        except TimeoutError as error:
            self.fault = f"no answer within {self.settings.timeout:g} s"
            raise StoreError(self.fault) from error
        except (OSError, RuntimeError) as error:
            self.fault = str(error) or type(error).__name__
            raise StoreError(self.fault) from error
        self.fault = ""
        return result

    async def _tried(self, work: Callable[[Session], Awaitable[T]]) -> T:
        for attempt in range(1, _TRIES):
            try:
                return await self._once(work)
            except pymysql.err.MySQLError as error:
                if _code(error) not in _AGAIN:
                    raise
                await asyncio.sleep(0.02 * attempt)
        return await self._once(work)

    async def _once(self, work: Callable[[Session], Awaitable[T]]) -> T:
        begun = time.perf_counter()
        fault = "timeout"  # of whatever ends it without a word: a cancellation is our own patience
        try:
            async with self.session() as session:
                result = await work(session)
            fault = ""
        except Exception as error:
            fault = _kind(error)
            raise
        finally:
            self._heard(time.perf_counter() - begun, fault)
        return result

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            self._pool.close()
            await self._pool.wait_closed()
            self._pool = None


def _kind(error: Exception) -> str:
    """Return the kind of a fault (see `Database`); '' for one that the work itself raised."""
    if isinstance(error, pymysql.err.MySQLError):
        code = _code(error)
        if code in _AGAIN:
            return "deadlock" if code == 1213 else "lock_wait"
        if isinstance(error, pymysql.err.DataError | pymysql.err.IntegrityError) or code == _TOO_LARGE:
            return "data"
        return "read_only" if code in _ELSEWHERE else "connection" if not 1000 <= code < 2000 else "other"
    return "connection" if isinstance(error, OSError | RuntimeError) else ""


def _code(error: pymysql.err.MySQLError) -> int:
    """Return the server's number for an error; 0 when it gave none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0
