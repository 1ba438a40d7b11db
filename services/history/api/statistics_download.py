"""Tables of statistics as files (H6)."""

import csv
import io
from typing import Annotated, Any

from litestar import Controller, Request, Response
from litestar.params import QueryParameter

from contracts.directory import Language
from contracts.history import Accessed, AccessKind
from contracts.plain_text import LINE_PATTERN
from contracts.rights import Action
from services.history.activities.repository import load_rights_cards
from services.history.activities.statistics import figures
from services.history.api.csv_download import details_of
from services.history.api.filters import word
from services.history.api.methods import get
from services.history.api.requests import CurrentPrincipal, InjectedParts
from services.history.api.statistics import RequestedFigures
from services.history.rules import csv_columns, statistics_columns
from services.history.rules.statistics_columns import Part, Table

PartName = Annotated[
    str,
    QueryParameter(
        max_length=32, pattern=LINE_PATTERN, description="departments, callbacks, days, hours or employees"
    ),
]


class StatisticsDownloadRoutes(Controller):
    """The same figures as tables of files."""

    path = "/statistics.csv"

    @get(
        summary="One table of the figures as CSV, in Russian or English by Accept-Language",
        media_type="text/csv",
        quota="reports",
    )
    async def download(
        self,
        parts: InjectedParts,
        principal: CurrentPrincipal,
        asked: RequestedFigures,
        request: Request[Any, Any, Any],
        part: PartName = Part.DEPARTMENTS,
    ) -> Response[bytes]:
        """The figures that `GET /statistics` answers; refused without the right to download (P3)."""
        for action in (Action.STATISTICS_READ, Action.HISTORY_DOWNLOAD):
            await parts.authentication.require(principal, action, "statistics.csv")
        wanted = word(Part, part, "part")
        async with parts.engine.connect() as connection:
            card = (await load_rights_cards(connection, principal.organization_id, None)).organization
            found = await figures(connection, principal, asked)
        own = Language.RUSSIAN if card is None else card.language
        language = csv_columns.language_of(request.headers.get("accept-language", ""), own)
        got = Accessed(
            by=principal.name,
            kind=AccessKind.DOWNLOADED,
            subject="statistics.csv",
            address=principal.address,
            details=details_of(request),
        )
        await parts.authentication.trail.accessed(principal.organization_id, got)
        return Response(
            content=_file(statistics_columns.table(found, wanted, language), language),
            media_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="statistics-{wanted}.csv"',
                "Content-Language": str(language),
            },
        )


def _file(table: Table, language: Language) -> bytes:
    """The table as CSV; the mark at its beginning tells Excel that it is UTF-8."""
    text = io.StringIO()
    csv.writer(text, delimiter=";" if language is Language.RUSSIAN else ",").writerows(table)
    return b"\xef\xbb\xbf" + text.getvalue().encode()
