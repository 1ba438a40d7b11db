"""The download: history as CSV, streamed (H5)."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Controller, Request
from litestar.response import Stream

from contracts.directory import Language
from contracts.history import Accessed, AccessKind
from contracts.rights import Action
from runtime.masking import masked_number
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
from services.history.rules.errors import Code, Refused

FILTERS_LENGTH_MAX: Final = 200
_ACTIONS: Final = (Action.HISTORY_READ, Action.HISTORY_DOWNLOAD)
LINES_MAX: Final = 200
"""Lines that are sent together."""


class DownloadRoutes(Controller):
    """History as CSV."""

    path = "/history.csv"

    @get(
        summary="History as CSV, in Russian or English by Accept-Language",
        media_type="text/csv",
        quota="reports",
    )
    async def download(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        filters: RequestedFilters,
        period: RequestedPeriod,
        request: Request[Any, Any, Any],
    ) -> Stream:
        """Every row that matches the filters, streamed; refused without the right to download (P3).

        The file goes in chunks. If it can't be finished the connection ends without the last chunk, which
        every client of HTTP/1.1 reports as an error; one of HTTP/1.0 would take the part for the whole.
        """
        if request.scope["http_version"] == "1.0":
            raise Refused(Code.HTTP_TOO_OLD)
        await _require(parts, principal)
        async with parts.engine.connect() as connection:
            cards = await load_rights_cards(connection, principal.organization_id, None)
        card = cards.organization
        own = Language.RUSSIAN if card is None else card.language
        got = Accessed(
            by=principal.name,
            kind=AccessKind.DOWNLOADED,
            subject="history.csv",
            address=principal.address,
            details=details_of(request),
        )
        await parts.authentication.trail.accessed(principal.organization_id, got)
        language = csv_columns.language_of(request.headers.get("accept-language", ""), own)
        return Stream(
            lines(parts, principal, filters, language, period.zone),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": 'attachment; filename="history.csv"',
                "Content-Language": str(language),
            },
        )


async def _require(parts: Parts, principal: Principal) -> None:
    for action in _ACTIONS:
        await parts.authentication.require(principal, action, "history.csv")


def details_of(request: Request[Any, Any, Any]) -> str:
    """The filters of a request, as it wrote them; a customer's number is masked."""
    said = {name: str(value) for name, value in request.query_params.items()}
    if "number" in said:
        said["number"] = masked_number(said["number"]) or ""
    return "&".join(f"{name}={value}" for name, value in sorted(said.items()))[:FILTERS_LENGTH_MAX]


async def lines(
    parts: Parts, principal: Principal, filters: Filters, language: Language, zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The CSV in pieces; the mark at its beginning tells Excel that it is UTF-8."""

    async def allowed() -> Principal:
        # Whoever has lost a right, the login or the organization meanwhile gets no further line.
        found = await parts.authentication.again(principal)
        await _require(parts, found)
        if filters.number:
            await parts.authentication.require(found, Action.NUMBER_SEE, "history by number")
        return found

    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if language is Language.RUSSIAN else ",")
    writer.writerow(csv_columns.HEADS[language])
    yield b"\xef\xbb\xbf"
    held = 1
    async for contact in queries.stream(parts.engine, allowed, filters, actions=_ACTIONS):
        writer.writerow(csv_columns.cells(history_row.row(contact), language, zone))
        held += 1
        if held >= LINES_MAX:
            yield _taken(text)
            held = 0
    yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    found = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return found
