"""Asks an office PBX whether it has an extension (O3), and hears what other services answer.

The question goes through the outbox, numbered in its stream; the answer is written where the replica that
waits for it looks, since another one may have read it.
"""

from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callback import CallbackOrdered
from contracts.gateway import CommandRefused, ExtensionChecked
from contracts.ids import Instant, PbxId
from contracts.telephony import CheckExtension
from contracts.tts import NoticeFailed, NoticeRendered
from runtime.edge import Heard
from runtime.ports import Clock
from services.directory.activities import outbox
from services.directory.activities.book import Book
from services.directory.activities.renderings import Renderings
from services.directory.activities.tables import CALLBACKS, CHECKS
from services.directory.activities.vault import digest
from services.directory.rules.errors import Code, Problem, Refused
from services.directory.rules.extensions import pbx_name

ANSWER_S_MAX: Final = 3.0
LOOK_S: Final = 0.1
KEPT_MS: Final = 3_600_000
CALLBACKS_KEPT_MS: Final = 3 * 24 * 3_600_000
"""A callback ends within its department's timeout and an attempt: three days are more than any of them."""


class Checking:
    """Extension checks of this replica, and the facts that this service hears."""

    def __init__(self, found: Book, clock: Clock, renderings: Renderings) -> None:
        self._book = found
        self._clock = clock
        self._renderings = renderings

    async def demand(self, organization_id: str, who: str, pbx_id: str, extension: str) -> None:
        """Return when the PBX has the extension. Raises Refused: it has not, or it can't be asked now."""
        async with self._book.change(organization_id, who) as page:
            seq = await outbox.next_seq(page.connection, organization_id, PbxId(pbx_id))
            command = CheckExtension(pbx_id=PbxId(pbx_id), extension=extension)
            id_ = f"{outbox.SOURCE}/{organization_id}/check/{pbx_id}/{seq}"
            page.say(
                outbox.record(command, id_=id_, organization_id=organization_id, now_at=page.now_at, seq=seq)
            )
            values = {"organization_id": organization_id, "pbx_id": pbx_id, "asked_at": page.now_at}
            await page.connection.execute(insert(CHECKS).values(**values, seq=seq, found=None))
            named = {"extension": extension, "pbx": pbx_name(page.office, pbx_id)}
        found = await self._answer(organization_id, pbx_id, seq)
        if found is None:
            raise Refused(Problem(code=Code.EXTENSION_UNCHECKED, field="extension", values=named))
        if not found:
            raise Refused(Problem(code=Code.EXTENSION_ABSENT, field="extension", values=named))

    async def _answer(self, organization_id: str, pbx_id: str, seq: int) -> bool | None:
        query = select(CHECKS.c.found).where(
            CHECKS.c.organization_id == organization_id, CHECKS.c.pbx_id == pbx_id, CHECKS.c.seq == seq
        )
        began = self._clock.elapsed()
        while self._clock.elapsed() - began < ANSWER_S_MAX:
            async with self._book.database.begin() as connection:
                found = (await connection.execute(query)).scalar()
            if found is not None:
                return bool(found)
            await self._clock.sleep(LOOK_S)
        return None

    async def hear(self, heard: Heard) -> None:
        """An answer of a gateway or of speech, or an order of callback; hearing one twice changes nothing."""
        organization_id = heard.envelope.organization_id
        match heard.message:
            case ExtensionChecked(source=outbox.SOURCE, pbx_id=pbx_id, seq=seq, exists=exists):
                await self._note(organization_id, pbx_id, seq, exists=exists)
            case CommandRefused(source=outbox.SOURCE):
                # A PBX that gives no answer is «can't check now»: whoever waits goes on to the end of it.
                return
            case NoticeRendered() | NoticeFailed() as fact:
                await self._renderings.hear(organization_id, fact)
            case CallbackOrdered(callback_id=callback_id, department_id=department_id):
                async with self._book.database.begin() as connection:
                    # Its digest: an id that derives from other ids has no length that anybody promised.
                    named = digest(callback_id)
                    its = {"organization_id": organization_id, "callback_id": named}
                    where = (CALLBACKS.c.organization_id == organization_id) & (
                        CALLBACKS.c.callback_id == named
                    )
                    await connection.execute(delete(CALLBACKS).where(where))
                    await connection.execute(
                        insert(CALLBACKS).values(**its, department_id=department_id, at=heard.at)
                    )
            case _:
                return

    async def _note(self, organization_id: str, pbx_id: PbxId, seq: int, *, exists: bool) -> None:
        async with self._book.database.begin() as connection:
            where = (
                (CHECKS.c.organization_id == organization_id)
                & (CHECKS.c.pbx_id == pbx_id)
                & (CHECKS.c.seq == seq)
            )
            await connection.execute(update(CHECKS).where(where).values(found=exists))


async def tidy(connection: AsyncConnection, now_at: Instant) -> None:
    """Checks that nobody waits for, and callbacks that have long ended."""
    await connection.execute(delete(CHECKS).where(CHECKS.c.asked_at + KEPT_MS <= now_at))
    await connection.execute(delete(CALLBACKS).where(CALLBACKS.c.at + CALLBACKS_KEPT_MS <= now_at))
