"""ARI over its WebSocket: requests with their replies, and the events of one application.

Theory of operation. Asterisk carries out the requests of a socket one after the other and replies in their
order, so a reply that a later one has overtaken was lost, and its request fails at once. An event that we ask
for every second is our proof of life: it finds lost replies quickly, an Asterisk that hangs, and one that
answers requests and sends no events (seen when a gateway connects while the socket of one before it is being
closed). The reader decodes and hands over, and does nothing else: Asterisk cuts a socket that is not read for
`websocket_write_timeout`.
"""

import asyncio
import base64
import contextlib
import http
import itertools
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus

from services.gateway.asterisk.ari import AriEvent

CONNECT_S_MAX: Final = 10.0
"""A network that delays everything by seconds is slow, and not away."""
REQUEST_S_MAX: Final = 10.0
"""Most replies come within a millisecond; a gateway gives up a request after 15 s (`rules.ASKS_MAX`)."""
TRIES: Final = 8
"""Of a request that does no harm a second time: where every other reply is lost, one of 256 gets none."""
LIFE_S: Final = 1.0
"""The pause between two proofs of life."""
SILENCE_S_MAX: Final = 9.0
"""An Asterisk that has sent no proof of life for so long hangs, or has lost us. Over a network that is 3 s
late in each direction a proof of life takes 6 s, and the next one is asked for a second later."""
EVENT_S_SOON: Final = 1.0
"""How long after its reply the first proof of life is waited for: it comes within milliseconds."""
EVENT_S_MAX: Final = 4.0
"""How much later than the reply a proof of life may come: both are on one socket, however slow it is."""
MESSAGE_BYTES_MAX: Final = 64 << 20
"""The list of all channels: 1 kB each, in one message."""
MESSAGES_WAITING_MAX: Final = 1_000
"""Unread messages in the WebSocket's own queue, before it stops to read."""
CLOSE_S_MAX: Final = 1.0

log = structlog.get_logger(__name__)
T = TypeVar("T")

ALIVE: Final = "ringback-alive"
"""The event of our own that we ask for: an Asterisk that sends us no events answers requests all the same."""
USER_EVENT: Final = "ChannelUserevent"
CONFLICT: Final = 409
"""HTTP's word for «it is there already», and for «not in this state»."""

_SILENT: Final = logging.getLogger("websockets.asterisk")
"""The WebSocket's own log has the credentials and every phone number in it: none of it is written."""
_SILENT.setLevel(logging.CRITICAL + 1)
_SILENT.propagate = False


class AriError(Exception):
    """A request was not carried out, or nobody knows whether it was."""


class NotConnected(AriError):
    """The socket is closed, or was closed before the reply came."""


class ReplyLost(AriError):
    """No reply came in time, or a later one overtook it."""


class Refused(AriError):
    """Asterisk did not let us in; the message says why and never has the password in it."""


class Reply(msgspec.Struct, frozen=True):
    """The answer to one request; `status` is HTTP's."""

    status: int
    body: str

    @property
    def is_ok(self) -> bool:
        """Whether Asterisk did what was asked."""
        return 200 <= self.status < 300

    def read(self, kind: type[T]) -> T:
        """The body as an object of ARI. Raises AriError."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.MsgspecError as error:
            raise AriError(f"a reply can't be read: {error}") from error


class _Query(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Request(msgspec.Struct, frozen=True):
    request_id: str
    method: str
    uri: str
    type: str = "RESTRequest"
    transaction_id: str = "ringback"
    query_strings: tuple[_Query, ...] = ()
    content_type: str = ""
    message_body: str = ""


class _Message(msgspec.Struct, frozen=True):
    """The part of any message that says what it is."""

    type: str
    request_id: str = ""
    status_code: int = 0
    message_body: str = ""
    eventname: str = ""


_ENCODER: Final = msgspec.json.Encoder()
_MESSAGE: Final = msgspec.json.Decoder(_Message)
_EVENT: Final = msgspec.json.Decoder(AriEvent)
REPLY: Final = "RESTResponse"


def path(*parts: str) -> str:
    """A request's path of parts, which may have any characters in them."""
    return "/".join(quote(part, safe="") for part in parts)


class AriClient:
    """One connection: `connect` once, then `request`; the reader calls `on_event`, which must not wait."""

    def __init__(
        self,
        url: str,
        app: str,
        on_event: Callable[[AriEvent], None],
        on_closed: Callable[[], None] = lambda: None,
        *,
        silence_s_max: float = SILENCE_S_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`url` is `http://user:password@host:8088/ari`, or https; `app` is the application that we are.

        `silence_s_max` is for those who have nothing to gain from another connection; `tls` is how https is
        verified, by default with the system's certificates.
        """
        self._on_closed = on_closed
        self._silence_s_max = silence_s_max
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError("the address of ARI is http[s]://user:password@host:port/ari")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self.app = app
        self._on_event = on_event
        self._is_secure = parts.scheme == "https"
        self._tls = (tls or ssl.create_default_context()) if self._is_secure else None
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = parts.port or (8089 if self._is_secure else 8088)
        query = urlencode({"app": app, "subscribeAll": "false"})
        self._uri = (
            f"{'wss' if self._is_secure else 'ws'}://{host}:{port}{parts.path.rstrip('/')}/events?{query}"
        )
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}"}
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._alive_at = 0.0
        self.has_replied = False
        """Whether this Asterisk takes requests over the WebSocket at all."""
        self._alive = asyncio.Event()
        self._closed = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether requests can be sent."""
        return self._socket is not None and not self._closed.is_set()

    async def connect(self) -> None:
        """Open the socket. Raises Refused if Asterisk does not want us, OSError if it is not there."""
        try:
            self._socket = await connect(
                self._uri,
                additional_headers=self._headers,
                user_agent_header="ringback",
                compression=None,
                proxy=None,
                ssl=self._tls,
                open_timeout=CONNECT_S_MAX,
                close_timeout=CLOSE_S_MAX,
                ping_interval=None,
                max_size=MESSAGE_BYTES_MAX,
                max_queue=MESSAGES_WAITING_MAX,
                logger=_SILENT,
            )
        except InvalidStatus as error:
            status = error.response.status_code
            if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ConnectionError(f"HTTP {status}") from None
            raise Refused(f"ARI answers {status} instead of a WebSocket") from None
        except (InvalidMessage, ConnectionClosed):
            # Something in between took the connection, and had nobody to pass it to.
            raise ConnectionError("no answer of HTTP") from None
        except InvalidHandshake as error:
            raise Refused(f"no WebSocket there: {type(error).__name__}") from None
        loop = asyncio.get_running_loop()
        self._alive_at = loop.time()
        self._tasks = [loop.create_task(self._read(self._socket)), loop.create_task(self._live())]

    async def closed(self) -> None:
        """Wait until the socket is closed, by whom ever."""
        await self._closed.wait()

    async def close(self) -> None:
        """Close the socket; open requests fail."""
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            with contextlib.suppress(OSError, TimeoutError):
                await self._socket.close()

    def drop(self) -> None:
        """Cut the connection at once, without a farewell."""
        if self._socket is not None:
            self._socket.transport.abort()
        self._end()

    async def request(
        self,
        method: str,
        uri: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        s_max: float = REQUEST_S_MAX,
    ) -> Reply:
        """Send a request and wait for its reply. `uri` is without `/ari/`; see `path`. Raises AriError."""
        socket = self._socket
        if socket is None or self._closed.is_set():
            raise NotConnected(method)
        number = next(self._numbers)
        asked = _Request(
            request_id=str(number),
            method=method,
            uri=uri,
            query_strings=tuple(_Query(name, value) for name, value in (query or {}).items()),
            content_type="application/json" if body is not None else "",
            message_body=_ENCODER.encode(body).decode() if body is not None else "",
        )
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            async with asyncio.timeout(s_max):
                await socket.send(_ENCODER.encode(asked), text=True)
                return await reply
        except ConnectionClosed:
            raise NotConnected(method) from None
        except TimeoutError:
            raise ReplyLost(method) from None
        finally:
            self._waiting.pop(number, None)

    async def insist(
        self,
        method: str,
        uri: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Reply:
        """Send a request that does no harm a second time, until there is a reply. Raises AriError."""
        for _ in range(TRIES - 1):
            with contextlib.suppress(ReplyLost):
                return await self.request(method, uri, query=query, body=body)
        return await self.request(method, uri, query=query, body=body)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                # As bytes: a name that is no UTF-8 costs one event, and not the connection.
                data = await socket.recv(decode=False)
                self._hand_over(data)
        except ConnectionClosed:
            pass
        finally:
            self._end()

    def _hand_over(self, data: bytes) -> None:
        try:
            message = _MESSAGE.decode(data)
            if message.type == REPLY:
                self._answered(message)
            elif message.type == USER_EVENT and message.eventname == ALIVE:
                self._alive_at = asyncio.get_running_loop().time()
                self._alive.set()
            else:
                self._on_event(_EVENT.decode(data))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("gateway.ari_unreadable", app=self.app, reason=str(error))

    def _answered(self, message: _Message) -> None:
        self.has_replied = True
        number = int(message.request_id) if message.request_id.isdecimal() else 0
        while self._waiting and (earlier := next(iter(self._waiting))) < number:
            self._fail(earlier, ReplyLost("overtaken"))
        reply = self._waiting.get(number)
        if reply is not None and not reply.done():
            reply.set_result(Reply(message.status_code, message.message_body))

    def _fail(self, number: int, error: AriError) -> None:
        reply = self._waiting.pop(number)
        if not reply.done():
            reply.set_exception(error)

    async def _live(self) -> None:
        """Ask for a sign of life every second; cut the connection when none has come for too long."""
        loop = asyncio.get_running_loop()
        pings: set[asyncio.Task[None]] = set()
        try:
            while loop.time() - self._alive_at < self._silence_s_max:
                ping = loop.create_task(self._ping())
                pings.add(ping)
                ping.add_done_callback(pings.discard)
                await asyncio.sleep(LIFE_S)
        finally:
            for ping in pings:
                ping.cancel()
        log.warning("gateway.ari_silent", app=self.app, silence_s=round(loop.time() - self._alive_at))
        self.drop()

    async def is_told(self) -> bool:
        """Whether Asterisk sends us events, and not only replies. Raises AriError."""
        self._alive.clear()
        with contextlib.suppress(ReplyLost):
            await self._ask_for_life()
        try:
            async with asyncio.timeout(EVENT_S_SOON):
                await self._alive.wait()
        except TimeoutError:
            return False
        return True

    async def _ask_for_life(self) -> Reply:
        return await self.request("POST", path("events", "user", ALIVE), query={"application": self.app})

    async def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            reply = await self._ask_for_life()
        except AriError:
            return
        if reply.status != http.HTTPStatus.NOT_FOUND:
            await asyncio.sleep(EVENT_S_MAX)
        # Without our application (404) no event will ever come.
        if self._alive_at < asked_at and self.is_connected:
            log.warning("gateway.ari_without_events", app=self.app)
            self.drop()

    def _end(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._on_closed()
        for number in list(self._waiting):
            self._fail(number, NotConnected("closed"))


async def connected(make: Callable[[], AriClient]) -> AriClient:
    """Connect until events come: closing an earlier socket may take the application of the next one with it.

    Raises AriError or OSError, as `connect`.
    """
    while True:
        client = make()
        await client.connect()
        if await client.is_told():
            return client
        await client.close()
