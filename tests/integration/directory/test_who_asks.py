"""Whose tries are counted: the client's behind proxies and the console, and nobody else's word for it.

A real server on loopback; a peer has its own address of 127.0.0.0/8.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from runtime.client_address import HEADER, SignedRequest, signed
from runtime.http_server import ConnectionLimits, bound, listener
from services.directory.activities.tables import AUDIT
from services.directory.settings import Settings
from tests.integration.directory.companies import CONSOLE_KEY, ORGANIZATION, Company

PROXY = "127.0.0.2"
STRANGER = "127.0.0.3"
CLIENT = "192.0.2.7"
Headers = list[tuple[str, str]]
_NUMBERS = itertools.count()


@asynccontextmanager
async def _served(company: Company, proxies: str) -> AsyncIterator[str]:
    socket = bound("127.0.0.1", 0)
    server = listener(
        company.directory.guarded_api, has_lifespan=False, limits=ConnectionLimits(), proxies=proxies
    )
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def _address(company: Company, url: str, peer: str, headers: Headers) -> str:
    """The address that a failed login from this peer is noted for."""
    transport = httpx.AsyncHTTPTransport(local_address=peer)
    async with httpx.AsyncClient(transport=transport, base_url=url) as client:
        # Another login each time: a burst for one would have to wait.
        login = f"nobody-{next(_NUMBERS)}"
        body = {"organization": ORGANIZATION, "login": login, "password": "wrong"}
        answer = await client.post("/sessions", json=body, headers=headers)
        assert answer.status_code == 401, answer.text
    query = select(AUDIT.c.details).where(AUDIT.c.what == "session.login").order_by(AUDIT.c.number.desc())
    async with company.directory.database.begin() as connection:
        details: dict[str, Any] = json.loads((await connection.execute(query)).scalars().first() or "{}")
    return str(details["address"])


@pytest.mark.parametrize(
    ("peer", "lines", "counted"),
    [
        (STRANGER, [CLIENT], STRANGER),
        (PROXY, [], PROXY),
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}"], CLIENT),
        (PROXY, [f"198.51.100.1, {CLIENT}, 10.1.2.3"], CLIENT),
        (PROXY, ["198.51.100.1", CLIENT], CLIENT),
        (PROXY, [CLIENT, "10.1.2.3"], CLIENT),
        (PROXY, [f"10.1.2.3, {CLIENT}"], CLIENT),
    ],
    ids=[
        "a header of a stranger is ignored",
        "a proxy that asks for itself",
        "a proxy's client",
        "what a client writes before it is ignored",
        "a proxy behind another",
        "a client's own line before the proxy's",
        "two proxies with a line each",
        "a client that writes a proxy's address",
    ],
)
async def test_of_a_forwarding_header_the_last_address_that_is_no_proxy_counts(
    quick_company: Company, peer: str, lines: list[str], counted: str
) -> None:
    """Nobody gets new tries by writing another address into a header."""
    async with _served(quick_company, f"{PROXY}, 10.0.0.0/8") as url:
        headers = [("X-Forwarded-For", line) for line in lines]
        assert await _address(quick_company, url, peer, headers) == counted


@pytest.mark.parametrize("proxies", ["*", "proxy.example", "10.0.0.0/99", "10.0.0.1/8"])
def test_a_proxy_is_an_address_or_a_network_and_never_everybody(proxies: str) -> None:
    """«*» would believe whatever a client writes."""
    with pytest.raises(ValidationError):
        Settings(http_proxies=proxies)
    assert Settings(http_proxies="10.0.0.0/8, ::1").http_proxies


async def test_the_console_s_signed_address_counts_from_any_peer(quick_company: Company) -> None:
    """The console is a pod whose address changes: its key makes it one."""
    async with _served(quick_company, PROXY) as url:
        header = _signed(quick_company, "/sessions")
        assert await _address(quick_company, url, STRANGER, [(HEADER, header)]) == CLIENT


async def test_an_address_that_the_console_has_not_signed_for_this_request_is_ignored_and_told(
    quick_company: Company,
) -> None:
    """Forged, expired, sent again for another path, or twice: the peer's address counts."""
    before = _told()
    old = _signed(quick_company, "/sessions")
    quick_company.clock.advance(31)
    fresh = _signed(quick_company, "/sessions")
    ignored: list[Headers] = [
        [(HEADER, f"{CLIENT};{quick_company.clock.now()};{'0' * 64}")],
        [(HEADER, old)],
        [(HEADER, _signed(quick_company, "/recovery"))],
        [(HEADER, fresh), (HEADER, fresh)],
    ]
    async with _served(quick_company, PROXY) as url:
        for headers in ignored:
            assert await _address(quick_company, url, STRANGER, headers) == STRANGER
    assert _told() - before == len(ignored)


def test_a_short_key_of_the_console_stops_the_start() -> None:
    """A key that can be guessed would let any pod write addresses."""
    with pytest.raises(ValueError, match="RINGBACK_CONSOLE_KEY"):
        Settings(console_key=SecretStr(CONSOLE_KEY + ",short")).console_keys_checked()


def _told() -> float:
    labels = {"event": "access.address_refused", "outcome": "refused"}
    return REGISTRY.get_sample_value("ringback_security_events_total", labels) or 0.0


def _signed(company: Company, target: str) -> str:
    request = SignedRequest(method="POST", target=target)
    return signed(CLIENT, CONSOLE_KEY, company.clock.now(), request)
