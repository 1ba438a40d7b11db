"""Requests that the console makes for its clients: their address counts, and not the console's."""

from collections.abc import Sequence
from typing import Final

from runtime.client_address import HEADER, AddressRefused, SignedRequest, address_of
from runtime.ports import Clock
from runtime.security_events import Strangers
from runtime.web import App, Receive, Scope, Send

_NAME: Final = HEADER.lower().encode()


class ConsoleClients:
    """An ASGI application that takes the client's address from a header signed for this request.

    Any other such header is ignored, and told: the address of the connection counts.
    """

    def __init__(self, app: App, keys: Sequence[str], clock: Clock) -> None:
        """Without keys no header counts: there is no console."""
        self._app = app
        self._keys = keys
        self._clock = clock
        self._strangers = Strangers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        given = [value for name, value in scope.get("headers", ()) if name == _NAME]
        if given and self._keys:
            request = _request(scope)
            try:
                # Of several it is not known which one the console has sent.
                header = given[0].decode("latin-1") if len(given) == 1 else ""
                address = address_of(header, self._keys, self._clock.now(), request)
                scope = {**scope, "client": (address, 0)}
            except AddressRefused as error:
                client = scope.get("client")
                self._strangers.address_refused(
                    address=client[0] if client else "",
                    method=request.method,
                    path=scope.get("path", ""),
                    reason=str(error),
                )
        await self._app(scope, receive, send)


def _request(scope: Scope) -> SignedRequest:
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if query := scope.get("query_string"):
        target = target.partition(b"?")[0] + b"?" + query
    return SignedRequest(method=scope["method"], target=target.decode("latin-1"))
