"""Text messages to mobiles, by the company's provider: one POST of JSON each.

    POST <RINGBACK_TEXTS_URL>   {"to": "+79160000001", "text": "…"}
    Authorization: Bearer <RINGBACK_TEXTS_KEY>

Any 2xx is an acceptance. A provider with another protocol needs a small proxy.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import httpx

ANSWER_S_MAX: Final = 10.0

SendText = Callable[[str, str], Awaitable[None]]
"""Sends a text to a number (E.164); raises NotSent."""


class NotSent(Exception):
    """The provider did not accept a text; the message says why, and does not quote the text."""


def text_sender(url: str, key: str) -> SendText | None:
    """The function that sends texts; None without an address. Raises ValueError for a bad address."""
    if not url:
        return None
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise ValueError("RINGBACK_TEXTS_URL must be https://…: codes for passwords travel there")
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def send(number: str, text: str) -> None:
        try:
            async with httpx.AsyncClient(timeout=ANSWER_S_MAX, headers=headers) as client:
                answer = await client.post(url, json={"to": number, "text": text})
        except httpx.HTTPError as error:
            raise NotSent(f"{type(error).__name__}: the provider can't be reached") from error
        if not answer.is_success:
            raise NotSent(f"the provider answered {answer.status_code}")

    return send
