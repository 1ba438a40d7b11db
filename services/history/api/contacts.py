"""History itself: pages of rows, one contact whole, the table for downloading (H5)."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Controller, Request
from litestar.response import Stream

from contracts.directory import Language
from contracts.ids import Instant
from contracts.rights import Action
from services.history.activities import explaining, querying
from services.history.activities.asking import Asker
from services.history.activities.keeping import load_rights
from services.history.activities.querying import Filters, Key
from services.history.api import shown
from services.history.api.asked import Asking, Cursor, Given, Id, Limit, Parts, cursor, place_of
from services.history.api.filters import Wanted
from services.history.api.methods import get
from services.history.api.periods import Within
from services.history.rules import sheets, showing
from services.history.rules.errors import Code, Refused
from services.history.state import ContactId

DAY_MS: Final = 24 * 3600 * 1000
LINES_MAX: Final = 200
"""Lines of a table that are sent together."""


class HistoryRoutes(Controller):
    """Rows and contacts."""

    path = "/history"

    @get(summary="A page of history, newest first")
    async def listed(
        self,
        parts: Given,
        asker: Asking,
        filters: Wanted,
        period: Within,
        after: Cursor = "",
        limit: Limit = 50,
    ) -> shown.Page:
        """The rows that rights reach and filters want (H5)."""
        await parts.askers.demand(asker, Action.HISTORY_READ, "history")
        found = place_of(after)
        key = None if found is None else Key(started_at=Instant(found[0]), contact_id=ContactId(found[1]))
        async with parts.engine.connect() as connection:
            contacts, last = await querying.page(connection, asker, filters, after=key, limit=limit)
        return shown.Page(
            rows=tuple(shown.row(each, period.local) for each in contacts),
            zone=period.zone.key,
            next=None if last is None else cursor(last.started_at, last.contact_id),
        )

    @get("/{contact_id:str}", summary="One contact, whole")
    async def one(self, parts: Given, asker: Asking, contact_id: Id) -> shown.ContactShown:
        """A contact with its tries, places, callbacks, voice messages."""
        await parts.askers.demand(asker, Action.HISTORY_READ, f"history/{contact_id}")
        async with parts.engine.connect() as connection:
            found, is_there = await querying.contact(connection, asker, Action.HISTORY_READ, contact_id)
            if found is not None:
                near = await querying.same_number(connection, asker, found, around_ms=DAY_MS)
                goes_on = None
                if found.continued_in:
                    goes_on = await querying.contact_id_of(
                        connection, asker.organization_id, found.continued_in
                    )
                return shown.contact(found, near, goes_on)
        if is_there:
            await parts.askers.refuse(asker, Action.HISTORY_READ, f"history/{contact_id}")
        raise Refused(Code.NOT_FOUND)

    @get("/{contact_id:str}/why", summary="Why did I wait? Second by second, agent by agent")
    async def why(self, parts: Given, asker: Asking, contact_id: Id) -> shown.Why:
        """Every place of the contact, and what stood between it and each agent of its department (H7)."""
        await parts.askers.demand(asker, Action.HISTORY_READ, f"history/{contact_id}/why")
        async with parts.engine.connect() as connection:
            found, is_there = await querying.contact(connection, asker, Action.HISTORY_READ, contact_id)
            if found is not None:
                now = parts.clock.now()
                return shown.Why(places=await explaining.explain(connection, found, now=now))
        if is_there:
            await parts.askers.refuse(asker, Action.HISTORY_READ, f"history/{contact_id}/why")
        raise Refused(Code.NOT_FOUND)


class DownloadRoutes(Controller):
    """History as a table."""

    path = "/history.csv"

    @get(summary="History as CSV, in Russian or English by Accept-Language", media_type="text/csv")
    async def download(
        self,
        parts: Given,
        asker: Asking,
        filters: Wanted,
        period: Within,
        request: Request[Any, Any, Any],
    ) -> Stream:
        """Every row that is wanted, streamed; who may not download is refused (P3)."""
        await parts.askers.demand(asker, Action.HISTORY_READ, "history.csv")
        await parts.askers.demand(asker, Action.HISTORY_DOWNLOAD, "history.csv")
        async with parts.engine.connect() as connection:
            book = await load_rights(connection, asker.organization_id, None)
        card = book.organization
        own = Language.RUSSIAN if card is None else card.language
        language = sheets.language_of(request.headers.get("accept-language", ""), own)
        return Stream(
            _lines(parts, asker, filters, language, period.zone),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="history.csv"',
                "Content-Language": str(language),
            },
        )


async def _lines(
    parts: Parts, asker: Asker, filters: Filters, language: Language, zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The table in pieces; the mark at its beginning tells Excel that it is UTF-8."""
    actions = (Action.HISTORY_READ, Action.HISTORY_DOWNLOAD)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language is Language.RUSSIAN else ",")
    writer.writerow(sheets.HEADS[language])
    yield b"\xef\xbb\xbf"
    lines = 1
    async for contact in querying.stream(parts.engine, asker, filters, actions=actions):
        writer.writerow(sheets.cells(showing.row(contact), language, zone))
        lines += 1
        if lines >= LINES_MAX:
            yield _taken(text)
            lines = 0
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return found
