"""History's statistics, and their tables as files."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from services.console.activities.api_client import ApiClient, Download, Route
from services.console.state.statistics import Statistics

STATISTICS: Final = Route(
    "GET",
    "/statistics",
    Statistics,
    query=("since_day", "until_day", "department", "service_level_s", "is_compared"),
)
CSV: Final = "/statistics.csv"

ROUTES: Final = (STATISTICS,)
DOWNLOAD_SILENT_S_MAX: Final = 30.0
"""The figures of a year of a large company take a few seconds."""


class Figures:
    """Reads of one person, with the person's token. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient) -> None:
        self._history = history

    async def of(self, token: str, address: str, query: Mapping[str, str]) -> Statistics:
        """The figures of a period and of the one before."""
        return await self._history.call(STATISTICS, token=token, address=address, query=query)

    @asynccontextmanager
    async def download(
        self, token: str, address: str, query: Mapping[str, str], *, language: str
    ) -> AsyncIterator[Download]:
        """One table of them, as CSV in the reader's language."""
        async with self._history.download(
            CSV,
            token=token,
            address=address,
            query=query,
            headers={"Accept-Language": language},
            silent_s_max=DOWNLOAD_SILENT_S_MAX,
        ) as answer:
            yield answer
