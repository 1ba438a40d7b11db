"""A listener: uvicorn with limits on what happens before and beside the application.

uvicorn itself waits for ever for a request's headers, for a client that reads nothing, and for one that has
connected and says nothing. This protocol ends each of them, and refuses connections beyond a number in words.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, cast

import h11
import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from runtime import http_refusals, metrics
from runtime.http_refusals import Refusal
from runtime.http_tls import TlsServer
from runtime.server_tls import ServedCertificate
from runtime.web import App, Receive, Scope, Send

GRACE_S_MAX: Final = 10
BEYOND_MAX: Final = 64
"""So many connections beyond the limit are told that there are too many; any more are cut off at once."""
LINGER_S_MAX: Final = 1.0
DATE_S: Final = 1.0
"""The `Date` of an answer counts whole seconds (RFC 9110, 6.6.1)."""
IS_EVENT_STREAM: Final = "ringback.is_event_stream"
BACKLOG: Final = 512
LOOPBACK: Final = "127.0.0.1,::1"
"""Said outright: uvicorn would take a variable of its own, FORWARDED_ALLOW_IPS, which nobody checks."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one listener's connections."""

    connections_max: int = 500
    handshake_s_max: float = 10.0
    """For TLS to begin, from the first moment of a connection."""
    head_s_max: float = 10.0
    """For a request's line and headers, and for the first byte of a new connection."""
    head_bytes_max: int = 16 * 1024
    idle_s_max: int = 5
    """Between two requests of a connection."""
    unread_s_max: float = 30.0
    """How long a client may read nothing of an answer that is ready."""


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen yet: what connects before the start is refused, not kept
    waiting. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    return found


def listener(
    app: App,
    *,
    has_lifespan: bool,
    limits: ConnectionLimits,
    proxies: str = "",
    certificate: ServedCertificate | None = None,
) -> "Listener":
    """A server for an application; `serve(sockets=[bound(…)])` runs it until `should_exit`.

    `proxies` are addresses and networks, with commas between, that are believed about whom they ask for;
    empty: this machine. Without a certificate it speaks in the clear.
    """
    return Listener(
        limits=limits,
        certificate=certificate,
        config=uvicorn.Config(
            _with_streams_marked(app),
            http=_protocol(limits),
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on" if has_lifespan else "off",
            backlog=BACKLOG,
            forwarded_allow_ips=proxies or LOOPBACK,
            timeout_keep_alive=limits.idle_s_max,
            h11_max_incomplete_event_size=limits.head_bytes_max,
            timeout_graceful_shutdown=GRACE_S_MAX,
        ),
    )


class Listener(uvicorn.Server):
    """uvicorn with our TLS, and without its signal handlers: these raise the signal again, which hides the
    exit code."""

    def __init__(
        self, config: uvicorn.Config, *, limits: ConnectionLimits, certificate: ServedCertificate | None
    ) -> None:
        self._ended = asyncio.Event()
        super().__init__(config)
        self._limits = limits
        self._certificate = certificate

    @property
    def should_exit(self) -> bool:
        """Whether it is to end; set it on the event loop's thread."""
        return self._ended.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._ended.set()

    async def main_loop(self) -> None:
        """Renew the date of answers until told to end. uvicorn looks ten times a second whether it is to end,
        which wakes an idle service for nothing."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), DATE_S)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and listen on these sockets."""
        if self._certificate is None:
            await super().startup(sockets=sockets)
            return
        await super().startup(sockets=[])
        self.servers = [self._tls_server(each, self._certificate) for each in sockets or ()]

    def _tls_server(self, listening: socket.socket, certificate: ServedCertificate) -> Any:
        listening.setblocking(False)
        listening.listen(self.config.backlog)
        open_ = self.server_state.connections
        return TlsServer(
            listening,
            certificate,
            lambda: self.config.http_protocol_class(
                config=self.config,  # type: ignore[call-arg]  # uvicorn types it as any protocol's class
                server_state=self.server_state,
                app_state=self.lifespan.state,
            ),
            may_enter=lambda shaking: len(open_) + shaking <= self._limits.connections_max + BEYOND_MAX,
            handshake_s_max=self._limits.handshake_s_max,
            unread_s_max=self._limits.unread_s_max,
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers; the process has its own."""
        yield


def _protocol(limits: ConnectionLimits) -> type[H11Protocol]:
    """The protocol with these limits; uvicorn makes one for each connection."""
    return type("Protocol", (BoundedProtocol,), {"limits": limits})


class BoundedProtocol(H11Protocol):
    """One connection."""

    limits = ConnectionLimits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and wait for its first request."""
        super().connection_made(transport)
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._is_refused = False
        number = len(self.connections)
        self._is_beyond = number > self.limits.connections_max
        if number > self.limits.connections_max + BEYOND_MAX:
            self.transport.abort()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel_head()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that has begun has its time from now on, however many pieces it comes in."""
        if self._is_refused:
            return
        self._has_begun = True
        if self._is_beyond:
            self._refuse(Refusal.SERVICE_BUSY)
            return
        super().data_received(data)
        if self.transport.is_closing() or self.conn.their_state is not h11.IDLE:
            self._cancel_head()
        elif self._head_timer is None:
            self._await_head()

    def on_response_complete(self) -> None:
        """Uvicorn's own timer of idle connections goes from here on."""
        self._has_begun = False
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read: it has some time to begin again."""
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(self.limits.unread_s_max, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def send_400_response(self, msg: str) -> None:
        """Tell in words why a request can't be read; the error is the one that uvicorn handles just now."""
        hint = getattr(sys.exception(), "error_status_hint", 400)
        self._refuse(Refusal.HEADERS_TOO_LARGE if hint == 431 else Refusal.REQUEST_UNREADABLE)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_s_max, self._head_is_late)

    def _cancel_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._has_begun:
            self._refuse(Refusal.HEADERS_TOO_SLOW)
        else:
            # Nothing was sent that could be lost: TLS would wait for the other side's goodbye.
            self.transport.abort()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and end, unless an answer to an earlier request is on its way."""
        if self.transport.is_closing() or self._is_refused:
            return
        metrics.HTTP_REFUSED.labels(refusal).inc()
        self._cancel_head()
        # uvicorn types it as always there, and has none before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and cycle.response_started and not cycle.response_complete:
            self.transport.close()
            return
        self._is_refused = True
        if cycle is not None:
            # An application that still reads this request's body is told that its client has gone.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_raw(refusal))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # A socket that is closed on unread bytes loses the answer as well: what still comes is dropped.
        self._head_timer = self.loop.call_later(LINGER_S_MAX, self.transport.close)

    def shutdown(self) -> None:
        """The listener stops: an event stream, which has no end of its own, is not waited for."""
        if self._is_refused:
            self.transport.close()
            return
        super().shutdown()
        if not self.transport.is_closing() and self.cycle.scope.get(IS_EVENT_STREAM):
            # Long enough for an application that says why it ends a stream.
            self.loop.call_later(LINGER_S_MAX, self.transport.close)


def _with_streams_marked(app: App) -> App:
    """The application, of whose event streams the connection can see that they are such."""

    async def marking(scope: Scope, receive: Receive, send: Send) -> None:
        async def seen(message: Scope) -> None:
            if message["type"] == "http.response.start":
                kind = dict(message.get("headers", ())).get(b"content-type", b"")
                scope[IS_EVENT_STREAM] = kind.startswith(b"text/event-stream")
            await send(message)

        await app(scope, receive, seen if scope["type"] == "http" else send)

    return marking


def _raw(refusal: Refusal) -> bytes:
    """A whole answer as it goes over the wire."""
    body = http_refusals.body(refusal)
    status = http_refusals.WORDS[refusal].status
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    headers = (*http_refusals.common_headers(len(body)), *http_refusals.headers(refusal))
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
