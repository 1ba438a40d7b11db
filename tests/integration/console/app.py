"""The console over a real directory, in this process: what a browser without JavaScript sees."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Self, cast
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from runtime import redis_client
from runtime.web_process import WebPorts
from services.console.activities.api_client import ApiClient
from services.console.activities.audio_storage import AudioStorage
from services.console.api.requests import CONSOLE, Console
from services.console.service import put_together
from services.console.settings import Settings
from tests.integration.directory.companies import CONSOLE_KEY, ORGANIZATION, PASSWORD, Company

SESSION_KEY = "s" * 32
CLIENT = "203.0.113.7"
HOME = f"/o/{ORGANIZATION}/"
FIRST = f"{HOME}wallboard"
"""Where people are after signing in, unless the page is not in their menu."""
SIGN_IN = f"/o/{ORGANIZATION}/sign-in"
ADMINISTRATOR = "gusev.r"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


class ConsoleApp:
    """One replica of the console; replicas share the store, given by its prefix."""

    def __init__(
        self,
        company: Company,
        redis: str,
        prefix: str,
        *,
        url: str = "http://127.0.0.1:8000",
        history: Any = None,
        history_url: str = "",
        storage: AudioStorage | None = None,
    ) -> None:
        """`history` is its API, or at `history_url`, for streams; without either it can't be reached.

        Audio comes from `storage`; without, from nowhere.
        """
        self.company = company
        self.url = url
        settings = Settings(
            console_url=url,
            console_key=SecretStr(CONSOLE_KEY),
            console_session_keys=SecretStr(SESSION_KEY),
            store_prefix=prefix,
        )
        self.redis = redis_client.connected(redis)
        self.prefix = prefix
        self.directory_transport = Switch(httpx.ASGITransport(app=cast("Any", company.directory.guarded_api)))
        directory = ApiClient(
            "directory",
            "http://book",
            console_key=CONSOLE_KEY,
            clock=company.clock,
            transport=self.directory_transport,
        )
        self.history_transport = Switch(httpx.ASGITransport(app=history))
        self.history_transport.is_cut = history is None
        past = ApiClient(
            "history",
            history_url or "http://history",
            clock=company.clock,
            transport=None if history_url else self.history_transport,
        )
        ports = WebPorts(redis=self.redis, clock=company.clock)
        nowhere = AudioStorage(endpoint="http://127.0.0.1:9", bucket="none", region="")
        work = put_together(ports, settings, directory, past, storage or nowhere)
        self.app = work.app
        self.parts: Console = work.app._app.state[CONSOLE]  # type: ignore[attr-defined]

    def browser(self, address: str = CLIENT) -> "Browser":
        """A browser with no cookies yet."""
        return Browser(self, address)

    async def stored(self) -> dict[str, bytes]:
        """What the store has of this installation."""
        client = await self.redis.of("any")
        found: dict[str, bytes] = {}
        async for key in client.scan_iter(match=f"{{{self.prefix}/*"):
            text: Any = await client.get(key)
            found[key.decode()] = text
        return found

    async def close(self) -> None:
        """Close the store's connections."""
        await self.redis.aclose()


class Switch(httpx.AsyncBaseTransport):
    """A wire that can be cut; `asked` counts requests by method and path."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.is_cut = False
        self.asked: list[str] = []
        self.before: Callable[[str], Awaitable[None]] | None = None
        """What happens before a request arrives, given its method and path."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            raise httpx.ConnectError("cut", request=request)
        what = f"{request.method} {request.url.path}"
        self.asked.append(what)
        if self.before is not None:
            await self.before(what)
        return await self._inner.handle_async_request(request)


class Browser:
    """Keeps cookies, follows no redirect by itself, and sends the forms that it was shown."""

    def __init__(self, console: ConsoleApp, address: str) -> None:
        self.console = console
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast("Any", console.app), client=(address, 5)),
            base_url=console.url,
            headers={"Accept-Language": "ru"},
        )
        self.page = httpx.Response(0)

    def at(self, console: ConsoleApp) -> Self:
        """Go on at another replica, with the same cookies."""
        self.http._transport = httpx.ASGITransport(app=cast("Any", console.app), client=(CLIENT, 5))
        return self

    async def open(self, address: str) -> httpx.Response:
        """Read a page, following what leads on."""
        self.page = await self.http.get(address)
        return await self._followed()

    async def send(self, address: str, **fields: str) -> httpx.Response:
        """Send a form of the page that was read last, and follow what leads on."""
        self.page = await self.post(address, csrf=self.csrf, **fields)
        return await self._followed()

    async def post(self, address: str, **fields: str) -> httpx.Response:
        """Send anything."""
        return await self.http.post(address, data=fields, headers={"Referer": str(self.page.url)})

    async def _followed(self) -> httpx.Response:
        while self.page.has_redirect_location:
            where = urlsplit(self.page.headers["location"])
            self.page = await self.http.get(f"{where.path}?{where.query}" if where.query else where.path)
        return self.page

    @property
    def csrf(self) -> str:
        """The token of the page's forms."""
        found = _CSRF.search(self.page.text)
        assert found is not None, self.page.text
        return found[1]

    @property
    def path(self) -> str:
        """Where this browser is."""
        return self.page.url.path

    async def sign_in(self, login: str = ADMINISTRATOR, password: str = PASSWORD) -> httpx.Response:
        """By the form."""
        await self.open(SIGN_IN)
        return await self.send(SIGN_IN, login=login, password=password, next="")
