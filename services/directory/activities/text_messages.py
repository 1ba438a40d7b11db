"""Text messages to mobiles, by the company's provider: one POST of JSON each.

    POST <RINGBACK_TEXTS_URL>   {"to": "+79160000001", "text": "…"}
    Authorization: Bearer <RINGBACK_TEXTS_KEY>

Any 2xx is an acceptance; a redirect is none, and is not followed. Nothing of the answer is read but its
status. A provider with another protocol needs a small proxy.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import httpx

from runtime import plaintext, urls

ANSWER_S_MAX: Final = 10.0

SendText = Callable[[str, str], Awaitable[None]]
"""Sends a text to a number (E.164); raises NotSent."""


class NotSent(Exception):
    """The provider did not accept a text; the message says why, and does not quote the text."""


def text_sender(url: str, key: str, allowed_to: Iterable[str] = ()) -> SendText | None:
    """The function that sends texts; None without an address. Raises ValueError for a bad address.

    `allowed_to` names the parts to which wires may stay unencrypted.
    """
    if not url:
        return None
    try:
        parts = urls.parsed(url)
    except urls.Unusable as error:
        raise ValueError(f"RINGBACK_TEXTS_URL: {error}") from error
    if parts.scheme != "https":
        plaintext.refuse(
            "texts",
            [parts.hostname or ""],
            allowed_to=frozenset(allowed_to),
            remedy="set RINGBACK_TEXTS_URL to https://…, because codes for passwords travel there",
        )
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def send(number: str, text: str) -> None:
        try:
            # The whole exchange has one limit: httpx's own begins anew with every byte that comes.
            async with asyncio.timeout(ANSWER_S_MAX):
                status = await _posted(url, headers, {"to": number, "text": text})
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotSent(f"{type(error).__name__}: the provider can't be reached") from error
        if status // 100 != 2:
            raise NotSent(f"the provider answered {status}")

    return send


async def _posted(url: str, headers: dict[str, str], content: dict[str, str]) -> int:
    """The status of the answer; its body stays unread, however long it is."""
    async with (
        httpx.AsyncClient(timeout=ANSWER_S_MAX, headers=headers, follow_redirects=False) as client,
        client.stream("POST", url, json=content) as answer,
    ):
        return answer.status_code
