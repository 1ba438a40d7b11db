"""A process's two listeners as its settings want them; what is wrong is said before anything starts."""

import socket
from typing import Any, Literal, NamedTuple

from runtime import http_server, plaintext
from runtime.host.identity import RefusedToStart
from runtime.http_server import ConnectionLimits, Listener
from runtime.plaintext import PlaintextRefused
from runtime.server_tls import FileUnusable, ServedCertificate
from runtime.settings import RuntimeSettings


class Place(NamedTuple):
    """Where one of the listeners is, and what it shows."""

    settings: str
    """What `_HOST`, `_PORT`, `_CERTIFICATE` and `_KEY` are appended to."""
    what: str
    """For people."""
    host: str
    port: int
    certificate: str
    key: str


class Opened(NamedTuple):
    """A listener and its socket, which listens once it is served."""

    listener: Listener
    socket: socket.socket
    address: str
    """`https://host:port`."""


def opened(
    kind: Literal["http", "internal"],
    app: Any,
    settings: RuntimeSettings,
    *,
    part: str,
    has_lifespan: bool,
) -> Opened:
    """One of the listeners; `part` is the name of its wire for `RINGBACK_ALLOW_PLAINTEXT_TO`.

    Raises RefusedToStart.
    """
    place = _place(kind, settings)
    try:
        certificate = _certificate(place, part, plaintext.allowed(settings.allow_plaintext_to))
    except (FileUnusable, PlaintextRefused) as refused:
        raise RefusedToStart(str(refused)) from refused
    listener = http_server.listener(
        app,
        has_lifespan=has_lifespan,
        limits=ConnectionLimits(connections_max=settings.http_connections_max),
        proxies=settings.http_proxies if kind == "http" else "",
        certificate=certificate,
    )
    scheme = "http" if certificate is None else "https"
    return Opened(listener, _bound(place), f"{scheme}://{place.host}:{place.port}")


def _place(kind: Literal["http", "internal"], settings: RuntimeSettings) -> Place:
    if kind == "http":
        return Place(
            "RINGBACK_HTTP",
            "the API's listener",
            settings.http_host,
            settings.http_port,
            settings.http_certificate,
            settings.http_key,
        )
    return Place(
        "RINGBACK_INTERNAL",
        "the internal listener (health, metrics)",
        settings.internal_host,
        settings.internal_port,
        settings.internal_certificate,
        settings.internal_key,
    )


def _certificate(place: Place, part: str, allowed_to: frozenset[str]) -> ServedCertificate | None:
    if place.certificate or place.key:
        return ServedCertificate(place.settings, place.certificate, place.key)
    plaintext.refuse_listener(part, place.what, place.host, allowed_to=allowed_to, setting=place.settings)
    return None


def _bound(place: Place) -> socket.socket:
    try:
        return http_server.bound(place.host, place.port)
    except OSError as error:
        raise RefusedToStart(
            f"{place.host}:{place.port} can't be opened: {error.strerror or error}; "
            f"set {place.settings}_HOST and _PORT"
        ) from error
