"""Callbacks: read from history, ordered and cancelled by the directory, which asks for what is then decided.

Neither answers with the decision: it is a fact, which history shows a moment later.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import httpx

from services.console.activities.api_client import ApiClient, Refused, Route, Unreachable
from services.console.state.callbacks import Asked, Callback, Order, Page

LIST: Final = Route(
    "GET",
    "/history/callbacks",
    Page,
    query=("is_standing", "department", "origin", "since_day", "until_day", "after", "limit"),
)
ONE: Final = Route("GET", "/history/callbacks/{callback_id}", Callback)
ORDER: Final = Route("POST", "/departments/{department_id}/callbacks", Asked, Order)
CANCEL: Final = Route("DELETE", "/callbacks/{callback_id}", Asked)

HISTORY_ROUTES: Final = (LIST, ONE)
DIRECTORY_ROUTES: Final = (ORDER, CANCEL)

ROWS: Final = 50
LOOKS_S: Final = (0.1, 0.2, 0.4, 0.8, 1.5)
"""Before each look for what was decided: three seconds in all, of which most decisions need the first."""
KEY: Final = "Idempotency-Key"


class Callbacks:
    """Calls of one person, with the person's token. Each raises Refused and Unreachable."""

    def __init__(self, history: ApiClient, directory: ApiClient) -> None:
        self._history = history
        self._directory = directory

    async def ended(self, token: str, address: str, query: Mapping[str, str]) -> Page:
        """A page of callbacks that have ended, newest order first."""
        wanted = {**query, "is_standing": "false", "limit": str(ROWS)}
        return await self._history.call(LIST, token=token, address=address, query=wanted)

    async def order(self, token: str, address: str, *, department_id: str, number: str, key: str) -> str:
        """Ask for a callback; its name. The same key is the same order."""
        asked = await self._directory.call(
            ORDER,
            token=token,
            address=address,
            path={"department_id": department_id},
            body=Order(number=number),
            headers={KEY: key},
        )
        return asked.callback_id

    async def cancel(self, token: str, address: str, callback_id: str) -> None:
        """Ask for a callback's end."""
        await self._directory.call(CANCEL, token=token, address=address, path={"callback_id": callback_id})

    async def one(self, token: str, address: str, callback_id: str) -> Callback | None:
        """A callback by its name or that of an order; None: history does not know it yet."""
        try:
            return await self._history.call(
                ONE, token=token, address=address, path={"callback_id": callback_id}
            )
        except Refused as refused:
            if refused.status != httpx.codes.NOT_FOUND:
                raise
            return None

    async def decided(
        self, token: str, address: str, callback_id: str, is_decided: Callable[[Callback], bool]
    ) -> Callback | None:
        """The callback as soon as that is so; None: not yet, or history can't say."""
        for pause_s in LOOKS_S:
            await asyncio.sleep(pause_s)
            try:
                found = await self.one(token, address, callback_id)
            except (Refused, Unreachable):
                return None
            if found is not None and is_decided(found):
                return found
        return None
