"""The download: history as CSV, streamed (H5)."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Controller, Request
from litestar.response import Stream

from contracts.directory import Language
from contracts.rights import Action
from services.history.activities import queries
from services.history.activities.authentication import Principal
from services.history.activities.queries import Filters
from services.history.activities.repository import load_rights_cards
from services.history.api.filters import RequestedFilters
from services.history.api.methods import get
from services.history.api.periods import RequestedPeriod
from services.history.api.requests import (
    CurrentPrincipal,
    InjectedParts,
    Parts,
)
from services.history.rules import csv_columns, history_row

LINES_MAX: Final = 200
"""Lines that are sent together."""


class DownloadRoutes(Controller):
    """History as CSV."""

    path = "/history.csv"

    @get(summary="History as CSV, in Russian or English by Accept-Language", media_type="text/csv")
    async def download(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        filters: RequestedFilters,
        period: RequestedPeriod,
        request: Request[Any, Any, Any],
    ) -> Stream:
        """Every row that matches the filters, streamed; refused without the right to download (P3)."""
        await parts.authentication.require(principal, Action.HISTORY_READ, "history.csv")
        await parts.authentication.require(principal, Action.HISTORY_DOWNLOAD, "history.csv")
        async with parts.engine.connect() as connection:
            cards = await load_rights_cards(connection, principal.organization_id, None)
        card = cards.organization
        own = Language.RUSSIAN if card is None else card.language
        language = csv_columns.language_of(request.headers.get("accept-language", ""), own)
        return Stream(
            _lines(parts, principal, filters, language, period.zone),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="history.csv"',
                "Content-Language": str(language),
            },
        )


async def _lines(
    parts: Parts, principal: Principal, filters: Filters, language: Language, zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The CSV in pieces; the mark at its beginning tells Excel that it is UTF-8."""
    actions = (Action.HISTORY_READ, Action.HISTORY_DOWNLOAD)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language is Language.RUSSIAN else ",")
    writer.writerow(csv_columns.HEADS[language])
    yield b"\xef\xbb\xbf"
    lines = 1
    async for contact in queries.stream(parts.engine, principal, filters, actions=actions):
        writer.writerow(csv_columns.cells(history_row.row(contact), language, zone))
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
