"""Calls of another service's API: with the person's token, and with the person's network address.

    route = Route("POST", "/sessions", answer=Opened, body=Login)
    opened = await client.call(route, body=Login(...), address="203.0.113.7")

The address is signed for the request (`runtime/client_address.py`), so that limits count people and not the
console. Nothing is sent twice by itself.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from runtime.client_address import HEADER, SignedRequest, signed
from runtime.ports import Clock
from services.console.state.answers import Problem

ANSWER_S_MAX: Final = 10.0
CONNECT_S_MAX: Final = 3.0
CONNECTIONS_MAX: Final = 1_000
"""Each wallboard that is open keeps one."""
STREAM_SILENT_S_MAX: Final = 40.0
"""A stream says every fifteen seconds that it is still there."""

T = TypeVar("T")


class Route(NamedTuple, Generic[T]):
    """One route of an API as the console uses it; a test holds it against the API's document."""

    method: str
    path: str
    answer: type[T]
    body: type[msgspec.Struct] | None = None
    query: tuple[str, ...] = ()


class Download(NamedTuple):
    """A file as it comes: its headers, and its bytes."""

    headers: Mapping[str, str]
    content: AsyncIterator[bytes]


class Refused(Exception):
    """The API refuses the request, and says why in two languages."""

    def __init__(self, status: int, problem: Problem) -> None:
        self.status = status
        self.problem = problem
        super().__init__(f"{status} {problem.code}")

    @property
    def is_for_now(self) -> bool:
        """Whether the same request may be taken later: a service that starts, or a limit."""
        return self.status in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)

    @property
    def is_signed_out(self) -> bool:
        """Whether the token is not valid any more."""
        return self.status == httpx.codes.UNAUTHORIZED


class Unreachable(Exception):
    """A service gives no answer that can be read."""

    def __init__(self, service: str, reason: str) -> None:
        self.service = service
        super().__init__(f"{service}: {reason}")


class ApiClient:
    """The client of one service's API."""

    def __init__(
        self,
        service: str,
        url: str,
        *,
        ca: str = "",
        console_key: str = "",
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`console_key` signs people's addresses, for a service that takes them."""
        self.service = service
        self._console_key = console_key
        self._clock = clock
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=ssl.create_default_context(cafile=ca) if ca else True,
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def call(
        self,
        route: Route[T],
        *,
        address: str,
        token: str = "",
        body: msgspec.Struct | None = None,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str = "",
    ) -> T:
        """The answer of a route. Raises Refused and Unreachable."""
        target = route.path.format(**{name: quote(value, safe="") for name, value in (path or {}).items()})
        if query:
            target += "?" + urlencode(query)
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        if user_agent:
            sent["User-Agent"] = user_agent
        request = self._http.build_request(
            route.method, target, headers=sent, content=None if body is None else msgspec.json.encode(body)
        )
        self._sign(request, address)
        try:
            answer = await self._http.send(request)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            raise Unreachable(self.service, f"{type(error).__name__}: {error}") from error
        return self._read(answer, route)

    @asynccontextmanager
    async def opened(self, path: str, *, token: str, address: str) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an event stream, as they come. Raises Refused; Unreachable also in reading."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        timeout = httpx.Timeout(STREAM_SILENT_S_MAX, connect=CONNECT_S_MAX)
        request = self._http.build_request("GET", path, headers=headers, timeout=timeout)
        self._sign(request, address)
        try:
            answer = await self._http.send(request, stream=True)
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            raise Unreachable(self.service, f"{type(error).__name__}: {error}") from error
        try:
            if not answer.is_success:
                await answer.aread()
                self._read(answer, Route("GET", path, NONE))
            yield answer.aiter_lines()
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(self.service, f"{type(error).__name__}: {error}") from error
        finally:
            await answer.aclose()

    def _sign(self, request: httpx.Request, address: str) -> None:
        if not self._console_key or not address:
            return
        made = SignedRequest(method=request.method, target=request.url.raw_path.decode("ascii"))
        request.headers[HEADER] = signed(address, self._console_key, self._clock.now(), made)

    @asynccontextmanager
    async def download(
        self,
        path: str,
        *,
        address: str,
        token: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        silent_s_max: float,
    ) -> AsyncIterator[Download]:
        """A file, read as it comes, with no more than so much silence. Raises Refused and Unreachable.

        If it breaks off, so does its content.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        sent = {**headers, "Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        timeout = httpx.Timeout(silent_s_max, connect=CONNECT_S_MAX)
        request = self._http.build_request("GET", target, headers=sent, timeout=timeout)
        self._sign(request, address)
        try:
            answer = await self._http.send(request, stream=True)
            if not answer.is_success:
                await answer.aread()
                self._read(answer, Route("GET", path, NONE))
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            raise Unreachable(self.service, f"{type(error).__name__}: {error}") from error
        try:
            yield Download(headers=answer.headers, content=answer.aiter_bytes())
        finally:
            await answer.aclose()

    def _read(self, answer: httpx.Response, route: Route[T]) -> T:
        try:
            if answer.is_success:
                if route.answer is type(None):
                    return None
                return msgspec.json.decode(answer.content, type=route.answer)
            problem = msgspec.json.decode(answer.content, type=Problem)
        except msgspec.DecodeError as error:
            raise Unreachable(self.service, f"{answer.status_code}: {error}") from error
        raise Refused(answer.status_code, problem)


NONE: Final[Any] = type(None)
"""The answer of a route that answers with nothing."""
