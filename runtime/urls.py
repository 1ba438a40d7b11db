"""Web addresses from settings and messages, judged by what they parse to and never by how they begin.

`http://127.0.0.1.example.org` and `http://localhost@example.org` begin like loopback, and are not.
"""

import ipaddress
from urllib.parse import SplitResult, urlsplit


class Unusable(ValueError):
    """The address can't be used; the message says why and does not quote it: it may hold a password."""


def parsed(url: str) -> SplitResult:
    """An `http` or `https` address with a host and without user, password or fragment. Raises Unusable."""
    # urlsplit drops tabs and line ends without a word, and browsers take a backslash for a slash.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Unusable("an address has no spaces, backslashes or letters outside ASCII")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Unusable(f"it can't be read: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise Unusable("it must be https://host… or http://host…")
    if "@" in parts.netloc:
        raise Unusable("it must not hold a user or a password")
    if parts.fragment:
        raise Unusable("it must not have a part behind #")
    return parts


def private(url: str) -> SplitResult:
    """An address to which secrets may be sent: `https`, or `http` on this very machine. Raises Unusable."""
    parts = parsed(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Unusable("it must be https://…: http is for this machine only (127.0.0.1, [::1], localhost)")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host, as `urlsplit` gives it, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
