"""What the HTTP API has accepted and does afterwards: contact files, dispositions whose calls have ended."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from datetime import timedelta

import structlog

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import uploads
from engine.adapters.mysql.database import Database, Session
from engine.adapters.mysql.dispositions import carry_out
from engine.adapters.mysql.loading import Wish, load_file
from engine.adapters.upload_folder import UploadFolder
from engine.domain.errors import FieldError, Refused, where
from engine.domain.integra.upload import UploadRequest
from engine.ports import Clock, StoreError

log = structlog.get_logger(__name__)

#: Seconds between two looks for files that wait, and for calls that have ended.
PERIOD, LOOK = 5.0, 1.0
#: A file on the disk that is in no table for so long was never accepted.
STRAY = timedelta(minutes=10)
#: Lines of one transaction: requests are served between two of them.
_BATCH = 500


class Clerk:
    """One per process. `holder`: the engine's name, under which its files stand in the table.

    Invariant: a file whose request was answered with success is on the disk and in the table, and is loaded
    once, whatever dies in between.
    """

    def __init__(self, database: Database, clock: Clock, folder: UploadFolder, holder: str) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._holder = holder
        self._some = asyncio.Event()

    async def take(self, request: UploadRequest, user: str) -> int:
        """Keep a file; return its upload's id, 0 when the same was sent a moment ago. Raises FieldError,
        Refused or StoreError."""
        stored = f"{uuid.uuid4().hex}.csv"
        digest = await asyncio.to_thread(lambda: hashlib.sha256(request.content).hexdigest())
        try:
            await asyncio.to_thread(self._folder.keep, stored, request.content)
        except OSError as error:
            log.error("file not kept", action="uploads.disk", reason=error.strerror)
            raise Refused("the file cannot be kept") from error
        upload = 0

        async def note(session: Session) -> int:
            return await uploads.accept(
                session, request, digest, stored, user, self._holder, self._clock.now()
            )

        try:
            upload = await self._database.transaction(note)
        except FieldError:
            await asyncio.to_thread(self._folder.drop, stored)
            raise
        # After any other fault nobody knows whether the row is there, or still comes: the file stays.
        if not upload:
            await asyncio.to_thread(self._folder.drop, stored)
        self._some.set()
        return upload

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._load(), name="uploads")
            group.create_task(self._look_after(), name="dispositions")

    async def tidy(self) -> None:
        """Delete files that nobody was promised. What another process noted a moment ago, before it died, may
        get into the table yet. Raises StoreError."""
        wanted = {upload.stored for upload in await uploads.waiting(self._database, self._holder)}
        strays = await asyncio.to_thread(self._folder.tidy, wanted, self._clock.now() - STRAY)
        if strays:
            log.info("files without an upload deleted", action="uploads.tidied", files=strays)

    async def _load(self) -> None:
        while True:
            self._some.clear()
            try:
                for upload in await uploads.waiting(self._database, self._holder):
                    await self._load_one(upload)
            except StoreError as error:
                log.warning("files wait", action="uploads.database", reason=str(error))
            try:
                async with asyncio.timeout(PERIOD):
                    await self._some.wait()
            except TimeoutError:
                pass

    async def _load_one(self, upload: uploads.WaitingUpload) -> None:
        path = self._folder.path(upload.stored)
        wish = Wish(
            list=upload.list,
            timezone=upload.timezone,
            each_line=True,
            allow_at=True,
            batch=_BATCH,
            upload=upload.id,
            scope=await uploads.scope_of(self._database, upload.user),
        )
        try:
            file = await asyncio.to_thread(open_contacts, path)
            load = await load_file(self._database, file, wish, self._clock.now)
        except (FieldError, OSError) as error:
            disk = error.__cause__ if isinstance(error, FieldError) else error
            if isinstance(disk, OSError) and not isinstance(disk, FileNotFoundError):
                # Too many open files, a disk that fails: it is tried again, and keeps no other file waiting.
                log.error("file waits", action="uploads.disk", upload=upload.id, reason=disk.strerror)
                return
            reason = "the file is gone from the disk"
            if isinstance(error, FieldError) and disk is None:
                reason = str(error)
            await uploads.refuse(self._database, upload.id, reason, self._clock.now())
            # The reason may quote a line of the file: the log names its field only.
            field = error.field if isinstance(error, FieldError) else "file"
            log.warning("file refused", action="uploads.refused", upload=upload.id, field=field)
        except StoreError:
            raise  # it goes on where it stopped
        except Exception as error:
            # A fault of ours: where it happened is told, never with what (rows hold numbers and names).
            log.error("file not loaded", action="uploads.failed", upload=upload.id, fault=where(error))
            why = "an internal error stopped it (see the log)"
            await uploads.refuse(self._database, upload.id, why, self._clock.now())
        else:
            log.info(
                "file loaded", action="uploads.loaded", upload=upload.id, contacts=load.accepted,
                refused=load.refused,
            )  # fmt: skip
        await asyncio.to_thread(self._folder.drop, upload.stored)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                done = await carry_out(self._database, self._clock.now())
                if done.dispositions:
                    log.info("dispositions carried out", action="dispositions.done", count=done.dispositions)
            except StoreError as error:
                log.warning("dispositions wait", action="dispositions.database", reason=str(error))
            except Exception as error:
                # A fault of ours costs the dispositions, not the server that runs beside this.
                log.error("dispositions wait", action="dispositions.failed", fault=where(error))
