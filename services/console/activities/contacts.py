"""History's contacts, and the names in the directory that one can filter them by."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from services.console.activities.api_client import ApiClient, Download, Route
from services.console.state.contact import Callback, Contact, Why
from services.console.state.contacts import Colleague, Colleagues, Page

LIST: Final = Route(
    "GET",
    "/history",
    Page,
    query=(
        "since_day",
        "until_day",
        "department",
        "employee",
        "outcome",
        "direction",
        "number",
        "is_voicemail",
        "after",
        "limit",
    ),
)
ONE: Final = Route("GET", "/history/{contact_id}", Contact)
WHY: Final = Route("GET", "/history/{contact_id}/why", Why)
CALLBACK: Final = Route("GET", "/history/callbacks/{callback_id}", Callback)
PEOPLE: Final = Route("GET", "/colleagues", Colleagues, query=("cursor", "limit"))
DEPARTMENTS: Final = Route("GET", "/colleagues/departments", Colleagues, query=("cursor", "limit"))
CSV: Final = "/history.csv"

HISTORY_ROUTES: Final = (LIST, ONE, WHY, CALLBACK)
DIRECTORY_ROUTES: Final = (PEOPLE, DEPARTMENTS)

ROWS: Final = 50
NAMES_AT_ONCE: Final = 200
CALLBACKS_MAX: Final = 10
"""Of one contact, with their attempts; the timeline has them all."""
NAMES_MAX: Final = 2_000
"""In one list to choose from; whom it lacks is found by a link that names them."""
DOWNLOAD_SILENT_S_MAX: Final = 60.0
"""Between two pieces of a file."""


class Contacts:
    """Reads of one person, with the person's token. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient, directory: ApiClient) -> None:
        self._history = history
        self._directory = directory

    async def page(self, token: str, address: str, query: Mapping[str, str], *, rows: int = ROWS) -> Page:
        """A page of contacts, newest first."""
        wanted = {**query, "limit": str(rows)}
        return await self._history.call(LIST, token=token, address=address, query=wanted)

    async def one(
        self, token: str, address: str, contact_id: str
    ) -> tuple[Contact, Why, tuple[Callback, ...]]:
        """A contact whole, why its customer waited, and its callbacks with their attempts."""
        path = {"contact_id": contact_id}
        found = await self._history.call(ONE, token=token, address=address, path=path)
        listed = found.callbacks[:CALLBACKS_MAX]
        why, callbacks = await asyncio.gather(
            self._why(token, address, found),
            asyncio.gather(*(self._callback(token, address, each.callback_id) for each in listed)),
        )
        return found, why, tuple(callbacks)

    async def _why(self, token: str, address: str, contact: Contact) -> Why:
        if not contact.places:
            return Why(places=())
        path = {"contact_id": contact.row.contact_id}
        return await self._history.call(WHY, token=token, address=address, path=path)

    async def _callback(self, token: str, address: str, callback_id: str) -> Callback:
        path = {"callback_id": callback_id}
        return await self._history.call(CALLBACK, token=token, address=address, path=path)

    async def names(self, token: str, address: str) -> tuple[tuple[Colleague, ...], tuple[Colleague, ...]]:
        """Departments and employees, each by name."""
        departments, people = await asyncio.gather(
            self.departments(token, address), self._all(PEOPLE, token, address)
        )
        return departments, people

    async def departments(self, token: str, address: str) -> tuple[Colleague, ...]:
        """Departments by name."""
        return await self._all(DEPARTMENTS, token, address)

    async def _all(self, route: Route[Colleagues], token: str, address: str) -> tuple[Colleague, ...]:
        found: list[Colleague] = []
        query = {"limit": str(NAMES_AT_ONCE)}
        while len(found) < NAMES_MAX:
            page = await self._directory.call(route, token=token, address=address, query=query)
            found += page.colleagues
            if page.next is None:
                break
            query["cursor"] = page.next
        return tuple(sorted(found, key=lambda each: each.called.casefold()))

    @asynccontextmanager
    async def download(
        self, token: str, address: str, query: Mapping[str, str], *, language: str
    ) -> AsyncIterator[Download]:
        """Everything that the filters let through, as CSV in the reader's language."""
        async with self._history.download(
            CSV,
            token=token,
            address=address,
            query=query,
            headers={"Accept-Language": language},
            silent_s_max=DOWNLOAD_SILENT_S_MAX,
        ) as answer:
            yield answer
