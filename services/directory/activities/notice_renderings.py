"""Keeps what speech made of notices, and tells how far each one is (T5)."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select

from contracts.directory import Language, NoticeSaved
from contracts.message import type_name
from contracts.tts import NoticeFailed, NoticeRendered
from services.directory.activities.database import Database, upsert
from services.directory.activities.tables import RENDERINGS, SAID
from services.directory.rules.notice_status import Failed, NoticeStatus, Ready, in_words, notice_status
from services.directory.state.responses import Text

_READY: Final = "ready"
_FAILED: Final = "failed"
_BLANK: Final[dict[str, Any]] = {"is_final": True, "duration_ms": 0, "reason_ru": "", "reason_en": ""}


class NoticeRenderings:
    """Reads and writes the table of renderings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hear(self, organization_id: str, fact: NoticeRendered | NoticeFailed) -> None:
        """Keep the newest version of each outcome; repeats and older versions change nothing."""
        its = (SAID.c.organization_id == organization_id) & (SAID.c.type == type_name(NoticeSaved))
        query = select(SAID.c.version).where(its, SAID.c.subject == fact.notice_id)
        values = {"organization_id": organization_id, "notice_id": fact.notice_id, "version": fact.version}
        async with self._database.begin() as connection:
            # The company's name is rendered as a notice, too, but has no card.
            if (await connection.execute(query)).first() is None:
                return
            told = _told(fact)
            is_newer = (RENDERINGS.c.version < fact.version) | (
                (RENDERINGS.c.version == fact.version) & ~RENDERINGS.c.is_final
            )
            kept = upsert(connection, RENDERINGS).values(**values, **told)
            await connection.execute(
                kept.on_conflict_do_update(
                    index_elements=["organization_id", "notice_id", "outcome"],
                    set_={"version": fact.version, **told},
                    where=is_newer,
                )
            )

    async def of(self, organization_id: str, notice_ids: Sequence[str]) -> dict[str, NoticeStatus]:
        """The status of each of these notices."""
        said = select(SAID.c.subject, SAID.c.version).where(
            SAID.c.organization_id == organization_id,
            SAID.c.type == type_name(NoticeSaved),
            SAID.c.subject.in_(notice_ids),
        )
        kept = select(RENDERINGS).where(
            RENDERINGS.c.organization_id == organization_id, RENDERINGS.c.notice_id.in_(notice_ids)
        )
        async with self._database.begin() as connection:
            wanted = {row.subject: row.version for row in (await connection.execute(said)).all()}
            rows = (await connection.execute(kept)).all()
        ready = {
            row.notice_id: Ready(version=row.version, duration_ms=row.duration_ms)
            for row in rows
            if row.outcome == _READY
        }
        failed = {
            row.notice_id: Failed(
                version=row.version,
                is_final=row.is_final,
                reason=Text(ru=row.reason_ru, en=row.reason_en),
            )
            for row in rows
            if row.outcome == _FAILED
        }
        return {
            id_: notice_status(version, ready.get(id_), failed.get(id_)) for id_, version in wanted.items()
        }


def _told(fact: NoticeRendered | NoticeFailed) -> dict[str, Any]:
    if isinstance(fact, NoticeRendered):
        return {**_BLANK, "outcome": _READY, "duration_ms": fact.duration_ms}
    # Facts older than `reasons` have one reason, in the notice's language.
    ru, en = (in_words(fact.reasons.get(each, fact.reason)) for each in (Language.RUSSIAN, Language.ENGLISH))
    return {**_BLANK, "outcome": _FAILED, "is_final": fact.is_final, "reason_ru": ru, "reason_en": en}
