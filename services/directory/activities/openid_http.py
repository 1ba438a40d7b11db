"""Asks a provider of identities: within limits, and never where its own documents must not lead.

Whatever answers is judged like a stranger: an address comes from the provider's document, and an answer may
be slow, endless, packed small or a redirect to somewhere else.
"""

import asyncio
import ssl
from functools import cache
from typing import Any, Final

import httpx
import msgspec

from runtime import urls

ANSWER_S_MAX: Final = 5.0
"""The whole exchange: somebody waits before a screen, and there are up to three exchanges in a sign-in."""
ANSWER_BYTES_MAX: Final = 256 * 1024
"""The largest key sets of large providers take twenty kilobytes."""
ADDRESS_LENGTH_MAX: Final = 500


class ProviderFailed(Exception):
    """The provider gave no answer that can be used; the message says why, without the answer."""


def checked(issuer: str, address: object) -> str:
    """An address from a document of this issuer, to which secrets may be sent. Raises ProviderFailed.

    `http`, and this machine at all, are for a provider that is itself on this machine: another one's document
    must not make us call our own ports.
    """
    if not isinstance(address, str) or len(address) > ADDRESS_LENGTH_MAX:
        raise ProviderFailed("an address is missing or too long")
    try:
        host = urls.private(address).hostname or ""
        home = urls.private(issuer).hostname or ""
    except urls.Unusable as error:
        raise ProviderFailed(f"an address can't be used: {error}") from error
    if urls.is_loopback(host) and not urls.is_loopback(home):
        raise ProviderFailed("an address leads to this machine, where the provider is not")
    return address


async def document(address: str) -> dict[str, Any]:
    """A JSON document at an address that is checked. Raises ProviderFailed."""
    status, found = await _answered("GET", address, {}, None)
    if status != httpx.codes.OK:
        raise ProviderFailed(f"it answered {status}")
    return found


async def posted(address: str, headers: dict[str, str], form: str) -> tuple[int, dict[str, Any]]:
    """The status and the JSON answer to a form. Raises ProviderFailed."""
    return await _answered(
        "POST", address, {**headers, "Content-Type": "application/x-www-form-urlencoded"}, form.encode()
    )


async def _answered(
    method: str, address: str, headers: dict[str, str], content: bytes | None
) -> tuple[int, dict[str, Any]]:
    try:
        # The whole exchange has one limit: httpx's own begins anew with every byte that comes.
        async with asyncio.timeout(ANSWER_S_MAX):
            status, body = await _exchanged(method, address, headers, content)
    except (httpx.HTTPError, TimeoutError) as error:
        raise ProviderFailed(f"{type(error).__name__}: it can't be reached") from error
    if httpx.codes.is_redirect(status):
        raise ProviderFailed("it redirects, and redirects are not followed")
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProviderFailed(f"it answered {status}, and not with a JSON object") from error
    return status, found


async def _exchanged(
    method: str, address: str, headers: dict[str, str], content: bytes | None
) -> tuple[int, bytes]:
    # What is packed small may be of any size: it is asked for unpacked, and taken as it comes.
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
    async with (
        httpx.AsyncClient(timeout=ANSWER_S_MAX, follow_redirects=False, verify=_authorities()) as client,
        client.stream(method, address, headers=sent, content=content) as answer,
    ):
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX:
                raise ProviderFailed(f"its answer is longer than {ANSWER_BYTES_MAX} bytes")
        return answer.status_code, bytes(body)


@cache
def _authorities() -> ssl.SSLContext:
    # The system's authorities, and those that SSL_CERT_FILE names: httpx would take certificates of its own.
    return ssl.create_default_context()
