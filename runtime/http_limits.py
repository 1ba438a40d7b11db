"""The limits of one request, held by an ASGI application around a service's own.

A body is limited by what its headers promise *and* by what comes; it is read within a time and, where it is
JSON, before the service is called, and limited in depth and number of values. Larger bodies are taken by the
routes that are named for them, few at once. Every answer gets the headers that protect who reads it.
"""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from runtime import http_refusals, metrics
from runtime.http_refusals import Refusal
from runtime.web import App, Receive, Scope, Send

LINGER_S_MAX: Final = 2.0
LINGER_BYTES_MAX: Final = 1024 * 1024
"""A refused body is read on a little: a connection that closes on unread bytes loses the answer as well."""
UNSEEN: Final = "/-"
"""An address that no service has."""
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_CONTROL: Final = re.compile(rb"%(?:[01][0-9A-Fa-f]|7[Ff])")
"""In an address; no database takes a zero byte in a text, and no search needs the others."""
_BRACKET: Final = re.compile(rb"[\[\]{}]")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
"""What a Host header names (RFC 9110, 7.2); routing fails on anything else."""


class LargeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a route takes that takes more than the others. JSON is read before the route is called."""

    bytes_max: int
    seconds_max: float
    items_max: int = 0
    is_json: bool = True


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one listener; `large` names routes by method and path."""

    body_bytes_max: int = 64 * 1024
    body_s_max: float = 30.0
    target_bytes_max: int = 8 * 1024
    parameters_max: int = 64
    """Each unknown one is answered with a guess at what was meant."""
    head_bytes_max: int = 16 * 1024
    depth_max: int = 32
    items_max: int = 5_000
    large: Mapping[tuple[str, str], LargeBody] = {}
    large_at_once_max: int = 8
    large_of_one_max: int = 2


class Refused(Exception):
    """The request is refused before its route has seen it."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal)


class NotAdmitted(Exception):
    """Nobody may send a large body without a login: what to answer instead of reading it."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        super().__init__(status)


Admit = Callable[[str | None], str]
"""From an `Authorization` header, whose body it is; raises NotAdmitted. Asked before any byte is read."""


def anybody(_authorization: str | None) -> str:
    """Admit every large body, as one and the same sender's."""
    return ""


class ClientGone(Exception):
    """The client went away in the middle of its request, which must not be taken for a whole one."""


class Guard:
    """An application with its limits. Paths below `hidden` are, to their callers, not there.

    Large bodies are few at once, and fewer of one sender, so that nobody keeps the others from theirs.
    """

    def __init__(self, app: App, limits: Limits, *, hidden: str = "", admit: Admit = anybody) -> None:
        self._app = app
        self._limits = limits
        self._hidden = hidden
        self._admit = admit
        self._large_open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._is_hidden(scope["path"]):
            scope = {**scope, "path": UNSEEN, "raw_path": UNSEEN.encode()}
        large = self._limits.large.get((scope["method"], scope["path"]))
        body = _Body(receive, scope, self._limits, large)
        answer = _Answer(send, body)
        try:
            self._check_head(scope, body)
            with self._place(scope, large):
                incoming = body.next_or_gone if large and not large.is_json else await self._whole(body)
                await self._app(scope, incoming, answer.send)
                if body.refused is not None:
                    raise body.refused
        except ClientGone:
            return
        except NotAdmitted as answered:
            await answer.instead(answered.status, answered.headers, answered.body)
        except Refused as refused:
            metrics.HTTP_REFUSED.labels(refused.refusal).inc()
            await answer.refuse(refused.refusal)
        except Exception:
            # The listener's own answer to a fault would lack what protects its reader. It logs the fault.
            await answer.fail()
            raise

    def _is_hidden(self, path: str) -> bool:
        """Whether a path is hidden, however many slashes it has."""
        plain = "/" + "/".join(part for part in path.split("/") if part)
        return bool(self._hidden) and (plain == self._hidden or plain.startswith(f"{self._hidden}/"))

    @contextlib.contextmanager
    def _place(self, scope: Scope, large: LargeBody | None) -> Iterator[None]:
        """A place among the large bodies that are taken at once. Raises Refused and NotAdmitted."""
        if large is None:
            yield
            return
        authorization = dict(scope["headers"]).get(b"authorization")
        whose = self._admit(None if authorization is None else authorization.decode("latin-1"))
        all_taken = self._large_open.total() >= self._limits.large_at_once_max
        if all_taken or self._large_open[whose] >= self._limits.large_of_one_max:
            raise Refused(Refusal.SERVICE_BUSY)
        self._large_open[whose] += 1
        try:
            yield
        finally:
            self._large_open[whose] -= 1
            if not self._large_open[whose]:
                del self._large_open[whose]

    def _check_head(self, scope: Scope, body: "_Body") -> None:
        target = (scope.get("raw_path") or scope["path"].encode()) + scope.get("query_string", b"")
        is_crowded = scope.get("query_string", b"").count(b"&") >= self._limits.parameters_max
        if len(target) > self._limits.target_bytes_max or is_crowded:
            raise Refused(Refusal.ADDRESS_TOO_LONG)
        if _CONTROL.search(target):
            raise Refused(Refusal.ADDRESS_UNREADABLE)
        # The listener's own limit is for a head that does not end: one that comes in one piece passes it.
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self._limits.head_bytes_max:
            raise Refused(Refusal.HEADERS_TOO_LARGE)
        headers = dict(scope["headers"])
        # A proxy that goes by the length that is promised would see another request behind this one's body.
        is_twofold = b"content-length" in headers and b"transfer-encoding" in headers
        if is_twofold or not _HOST.fullmatch(headers.get(b"host", b"")):
            raise Refused(Refusal.REQUEST_UNREADABLE)
        if body.promised > body.bytes_max:
            raise Refused(Refusal.BODY_TOO_LARGE)

    async def _whole(self, body: "_Body") -> Receive:
        """Read a JSON body to its end, check its structure, and give it to the service as one message."""
        if body.is_read:
            return body.next
        data = await body.whole()
        if len(data) > self._limits.body_bytes_max:
            refusal = await asyncio.to_thread(structural_fault, data, self._limits.depth_max, body.items_max)
        else:
            refusal = structural_fault(data, self._limits.depth_max, body.items_max)
        if refusal is not None:
            raise Refused(refusal)
        return _replayed(data, body.next)


class _Body:
    """A request's body as it comes, within its limits."""

    def __init__(self, receive: Receive, scope: Scope, limits: Limits, large: LargeBody | None) -> None:
        self._receive = receive
        self.bytes_max = limits.body_bytes_max if large is None else large.bytes_max
        self.items_max = limits.items_max if large is None else large.items_max
        self._until = asyncio.get_running_loop().time() + (
            limits.body_s_max if large is None else large.seconds_max
        )
        headers = dict(scope["headers"])
        self.promised = int(headers.get(b"content-length", 0))
        self.is_read = self.promised == 0 and b"transfer-encoding" not in headers
        self._size = 0
        self.refused: Refused | None = None

    async def next(self) -> Scope:
        """The next message. Raises Refused."""
        if self.is_read:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise Refused(Refusal.BODY_TOO_SLOW) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self.is_read = not message.get("more_body", False)
            if self._size > self.bytes_max:
                raise Refused(Refusal.BODY_TOO_LARGE)
        return message

    async def next_or_gone(self) -> Scope:
        """The next message, for a route that reads by itself: to it, a refused client has gone."""
        if self.refused is None:
            try:
                return await self.next()
            except Refused as refused:
                self.refused = refused
        return {"type": "http.disconnect"}

    async def whole(self) -> bytes:
        """The body. Raises Refused and ClientGone."""
        data = bytearray()
        while not self.is_read:
            message = await self.next()
            if message["type"] != "http.request":
                raise ClientGone
            data += message.get("body", b"")
        return bytes(data)

    async def linger(self) -> None:
        """Take the rest of a refused body, within limits."""
        left = LINGER_BYTES_MAX
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S_MAX):
                while not self.is_read and left > 0:
                    message = await self._receive()
                    self.is_read = message["type"] != "http.request" or not message.get("more_body", False)
                    left -= len(message.get("body", b""))


class _Answer:
    """The answer as it goes. Of a refused request the service's own answer is dropped."""

    def __init__(self, send: Send, body: _Body) -> None:
        self._send = send
        self._body = body
        self._is_begun = False

    async def send(self, message: Scope) -> None:
        """Pass on a message of the service."""
        if self._body.refused is not None:
            return
        if message["type"] == "http.response.start":
            self._is_begun = True
            message = {**message, "headers": self._protected(list(message.get("headers", ())))}
        elif not message.get("more_body", False) and not self._body.is_read:
            await self._send({**message, "more_body": True})
            await self._body.linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _protected(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        headers += [each for each in http_refusals.PROTECTING if each[0] not in present]
        if not self._body.is_read and b"connection" not in present:
            headers.append((b"connection", b"close"))
        return headers

    async def refuse(self, refusal: Refusal) -> None:
        """Answer in the service's stead, and end the connection."""
        if self._is_begun:
            raise Refused(refusal)
        body = http_refusals.body(refusal)
        headers = http_refusals.headers(refusal)
        await self.instead(http_refusals.WORDS[refusal].status, headers, body)

    async def fail(self) -> None:
        """Answer that the service has failed, unless its answer has begun."""
        if not self._is_begun:
            await self.refuse(Refusal.SERVICE_FAILED)

    async def instead(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        """Send this answer and end the connection, once the client has had time to read it."""
        every = [*http_refusals.common_headers(len(body)), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": every})
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        await self._body.linger()
        await self._send({"type": "http.response.body", "body": b""})


def structural_fault(data: bytes, depth_max: int, items_max: int) -> Refusal | None:
    """What is wrong with the structure of a JSON text, whatever it says; what is no JSON has no structure."""
    if data.count(b",") + data.count(b"[") + data.count(b"{") > items_max:
        # Counted again without strings only where it matters: most bodies are small.
        plain = _STRING.sub(b"", data)
        if plain.count(b",") + plain.count(b"[") + plain.count(b"{") > items_max:
            return Refusal.BODY_TOO_MANY_ITEMS
    if data.count(b"[") + data.count(b"{") <= depth_max:
        return None
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        if depth > depth_max:
            return Refusal.BODY_TOO_DEEP
    return None


def _replayed(data: bytes, then: Receive) -> Receive:
    """A body that was read, as the first message; what `then` tells comes after it."""
    given = False

    async def receive() -> Scope:
        nonlocal given
        if given:
            return await then()
        given = True
        return {"type": "http.request", "body": data, "more_body": False}

    return receive
