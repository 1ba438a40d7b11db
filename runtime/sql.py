"""Engines for SQLite and PostgreSQL: how an address is read, and how the wire to PostgreSQL is encrypted.

An address of PostgreSQL has libpq's parameters: `?sslmode=verify-full&sslrootcert=FILE`, with `sslcert` and
`sslkey` where the server wants a certificate of ours. Every other mode counts as unencrypted
(`runtime.plaintext`), also `prefer`, libpq's own, and `require`: nobody verifies who answers. The files are
read again for every new connection, so a replaced certificate needs no restart.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final

import asyncpg
import msgspec
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from runtime import plaintext, private_files
from runtime.lack import Lack

PART: Final = "postgresql"
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_FILES: Final = ("sslrootcert", "sslcert", "sslkey")
_OTHERS: Final = ("host", "port", "target_session_attrs", "prepared_statement_cache_size")
"""What else an address may have: several hosts, and what a pooler before PostgreSQL needs."""
_VERIFIED: Final = "verify-full"
_UNVERIFIED: Final = ("disable", "allow", "prefer", "require")
_SYSTEM: Final = "system"
"""libpq's word for the authorities that the system trusts."""
_OF_ANOTHER_NAME: Final = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


_PASSING: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidCatalogNameError,
)
"""PostgreSQL's answers while it starts or stops, is full, or has not been given the database yet."""


class AddressUnusable(ValueError):
    """The database's address can't be used; the message names the setting and does not quote it."""


class NotConnected(ConnectionError):
    """PostgreSQL can't be reached, or refuses us; the message says what to do."""

    def __init__(self, found: Lack) -> None:
        super().__init__(found.words)
        self.lack = found


class _Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where PostgreSQL is, and the files of its TLS."""

    setting: str
    hosts: tuple[str, ...]
    mode: str
    authority: str
    certificate: str
    key: str

    def tls(self) -> ssl.SSLContext | str | None:
        """What asyncpg takes as `ssl`; None: its own way, which is `prefer`. Raises AddressUnusable."""
        return self._verifying() if self.mode == _VERIFIED else self.mode or None

    def _verifying(self) -> ssl.SSLContext:
        """Verifies the server by its name, with TLS 1.2 or newer."""
        authority = "" if self.authority == _SYSTEM else self.authority
        try:
            context = ssl.create_default_context(cafile=authority or None)
        except OSError as error:
            raise self._unreadable("sslrootcert", authority, error) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.certificate:
            try:
                context.load_cert_chain(self.certificate, self.key or None, password=_no_passphrase)
            except OSError as error:
                named = f"{self.certificate} or {self.key}" if self.key else self.certificate
                raise self._unreadable("sslcert or sslkey", named, error) from error
        return context

    def _unreadable(self, parameter: str, file: str, error: OSError) -> AddressUnusable:
        reason = "no PEM file of that kind" if isinstance(error, ssl.SSLError) else error.strerror
        return AddressUnusable(f"{parameter} of {self.setting} can't be used: {file}: {reason}")


def engine(
    url: str, *, setting: str, allowed_to: Iterable[str], busy_ms_max: int, connections_max: int
) -> AsyncEngine:
    """An engine for `sqlite:///file` or `postgresql://…`; it connects later.

    `setting` is the name under which the operator gave the address, `busy_ms_max` how long a SQLite writer
    waits for another. Raises AddressUnusable and PlaintextRefused; connecting raises NotConnected.
    """
    found = _read(url, setting)
    is_server = found.drivername == "postgresql"
    server = _server(found, setting, frozenset(allowed_to)) if is_server else None
    made = create_async_engine(
        found.difference_update_query(("sslmode", *_FILES)).set(drivername=_DRIVERS[found.drivername]),
        pool_size=connections_max,
        max_overflow=0,
        pool_pre_ping=is_server,
        # An error would quote what a statement was about: numbers, speech, hashes, sealed secrets.
        hide_parameters=True,
    )
    if server is None:
        private_files.tighten_database(found.database or "")
        _prepare_sqlite(made, busy_ms_max)
    else:
        _connect_to(made, server)
    return made


async def lack(make: Callable[[], AsyncEngine], setting: str) -> Lack | None:
    """What keeps us from a database, asked at start by a connection of its own; None if nothing does."""
    try:
        made = make()
    except ValueError as error:
        return Lack(str(error))
    try:
        async with made.connect():
            return None
    except NotConnected as error:
        return error.lack
    except DBAPIError as error:
        # SQLite's: no folder, or no right. PostgreSQL's errors are NotConnected.
        return Lack(f"{setting}: {error.orig}; check that its folder exists and is ours")
    finally:
        await made.dispose()


def _read(url: str, setting: str) -> URL:
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        found = None
    if found is None or found.drivername not in _DRIVERS:
        raise AddressUnusable(
            f"set {setting} to sqlite:///path or "
            "postgresql://user:password@host:port/name?sslmode=verify-full&sslrootcert=FILE"
        )
    return found


def _server(url: URL, setting: str, allowed_to: frozenset[str]) -> _Server:
    query = url.normalized_query
    unknown = sorted(set(query) - {"sslmode", *_FILES, *_OTHERS})
    if unknown:
        known = ", ".join(("sslmode", *_FILES, *_OTHERS))
        raise AddressUnusable(f"{setting} has {', '.join(unknown)} behind its «?», and may have {known}")
    mode, authority, certificate, key = (query.get(name, ("",))[-1] for name in ("sslmode", *_FILES))
    hosts = [*query.get("host", ()), *([url.host] if url.host else [])]
    server = _Server(
        setting=setting,
        hosts=tuple(_bare(each) for host in hosts for each in host.split(",")),
        mode=mode,
        authority=authority,
        certificate=certificate,
        key=key,
    )
    if not server.hosts:
        raise AddressUnusable(f"{setting} names no host")
    if mode == _VERIFIED:
        server.tls()  # A file that can't be read is told at start.
        return server
    if mode not in ("", *_UNVERIFIED):
        raise AddressUnusable(f"sslmode={mode} of {setting} does not check the host's name: set {_VERIFIED}")
    if authority or certificate or key:
        raise AddressUnusable(f"{setting} names files for TLS, which only sslmode={_VERIFIED} reads: set it")
    plaintext.refuse(
        PART,
        (host for host in server.hosts if not host.startswith("/")),
        allowed_to=allowed_to,
        remedy=f"add ?sslmode={_VERIFIED}&sslrootcert=FILE to {setting}",
    )
    return server


def _bare(host: str) -> str:
    """A host without its port; an address of IPv6 has several colons."""
    name, colon, port = host.partition(":")
    return name if colon and ":" not in port else host


def _prepare_sqlite(made: AsyncEngine, busy_ms_max: int) -> None:
    """Let readers work beside one writer, and writers wait for each other."""

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA busy_timeout={busy_ms_max}")
        cursor.close()


def _connect_to(made: AsyncEngine, server: _Server) -> None:
    """Encrypt each connection as the address says, and tell in words why one fails."""

    @event.listens_for(made.sync_engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        tls = server.tls()
        try:
            return dialect.connect(*arguments, **(options if tls is None else options | {"ssl": tls}))
        except (OSError, dialect.loaded_dbapi.Error) as error:
            # SQLAlchemy puts its own error around what PostgreSQL answers.
            cause = error.__cause__ if isinstance(error.__cause__, asyncpg.PostgresError) else error
            words = f"PostgreSQL at {', '.join(server.hosts)}: {_why(cause)}: {_remedy(cause, server)}"
            raise NotConnected(Lack(words, may_pass=_may_pass(cause))) from error


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return str(error) or type(error).__name__


def _remedy(error: BaseException, server: _Server) -> str:
    """What whoever runs Ringback does about it."""
    told = str(error)
    match error:
        case ssl.SSLCertVerificationError() if error.verify_code in _OF_ANOTHER_NAME:
            return f"write a name that its certificate has into {server.setting}, or have it certify this one"
        case ssl.SSLCertVerificationError():
            return (
                f"set sslrootcert of {server.setting} to the certificate of the authority that signed its own"
            )
        case ConnectionError() if "SSL upgrade" in told:
            return (
                "it has no TLS: set ssl, ssl_cert_file and ssl_key_file there, or let "
                f"{server.setting} lead to one that has"
            )
        case asyncpg.InvalidAuthorizationSpecificationError() if "certificate" in told:
            return f"it wants a certificate: add sslcert and sslkey to {server.setting}"
        case asyncpg.InvalidAuthorizationSpecificationError() if "no encryption" in told:
            return f"it wants encryption: add ?sslmode={_VERIFIED}&sslrootcert=FILE to {server.setting}"
        case ConnectionRefusedError() | TimeoutError():
            return f"check that it runs, and {server.setting}"
        case OSError() | asyncpg.PostgresConnectionError() if (
            server.mode == _VERIFIED and not server.certificate
        ):
            # A pooler that wants a certificate may end the connection without a word.
            return (
                f"check that it runs, and {server.setting}; if it asks for a certificate, add sslcert and "
                "sslkey there"
            )
        case _:
            return f"check that it runs, and {server.setting}"


def _may_pass(error: BaseException) -> bool:
    """Whether a server that starts, is away or is not set up yet gives this error."""
    match error:
        case ssl.SSLError():
            return isinstance(error, ssl.SSLEOFError)
        case ConnectionError() if "SSL upgrade" in str(error):
            return False
        case asyncpg.PostgresError():
            return isinstance(error, _PASSING)
        case _:
            return True


def _no_passphrase() -> str:
    """A key with a passphrase is refused: OpenSSL would ask for it on the terminal."""
    return ""
