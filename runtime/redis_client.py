"""Makes every client of Redis: of one server, of the master that Sentinel names, of a cluster's masters.

    redis://[user:password@]host[:port][/DB]
    redis+sentinel://[user:password@]host[:port],…/SERVICE[/DB]
    redis+cluster://[user:password@]host[:port],…

With `rediss` in place of `redis` the wire is encrypted, that to Sentinel too. No client repeats a command by
itself: a write without an answer may have happened. Nor does any follow a cluster's MOVED or ASK: the store
claims after such an answer, and asks anew which server has its keys (decision 0043).
"""

import asyncio
import contextlib
import random
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import unquote

from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    NoPermissionError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisUnreachable

from runtime import plaintext
from runtime.client_tls import ClientTls
from runtime.lack import Lack
from runtime.settings import RuntimeSettings

ANSWER_S_MAX: Final = 5.0
"""A batch is written in milliseconds; five seconds mean a failover or a lost network."""
FIND_S_MAX: Final = 1.0
"""Sentinels and a cluster's nodes say at once who the master is; the next one is asked after a second."""
PORT: Final = 6379
SENTINEL_PORT: Final = 26379
REMEDY: Final = "use rediss:// in RINGBACK_REDIS"
SHAPES: Final = (
    "redis://[user:password@]host:port/DB, redis+sentinel://[user:password@]host:port,host:port/SERVICE/DB "
    "or redis+cluster://[user:password@]host:port,host:port, with rediss in place of redis for TLS; special "
    "characters of a password are written as %XX"
)

Kind = Literal["server", "sentinel", "cluster"]
HostPort = tuple[str, int]
_SCHEMES: Final[Mapping[str, tuple[Kind, bool]]] = {
    "redis": ("server", False),
    "rediss": ("server", True),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}


class AddressUnusable(ValueError):
    """`RINGBACK_REDIS` is no address; the message has nothing of it, since it has a password."""


class NothingFound(RedisUnreachable):
    """No Sentinel names a master, or no node of a cluster says who has the keys."""


@dataclass(frozen=True, slots=True)
class Address:
    """What `RINGBACK_REDIS` says."""

    kind: Kind
    is_encrypted: bool
    hosts: tuple[HostPort, ...]
    service: str
    db: int
    username: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The hosts, for people."""
        return ", ".join(f"{host}:{port}" for host, port in self.hosts)


def read_address(url: str) -> Address:
    """Read an address. Raises AddressUnusable."""
    scheme, there, rest = url.partition("://")
    if not there or scheme not in _SCHEMES or "?" in rest or "#" in rest:
        raise AddressUnusable(f"RINGBACK_REDIS must be {SHAPES}")
    kind, is_encrypted = _SCHEMES[scheme]
    netloc, _, path = rest.partition("/")
    login, _, hosts = netloc.rpartition("@")
    username, _, password = login.partition(":")
    service, _, db = path.partition("/") if kind == "sentinel" else ("", "", path)
    port = SENTINEL_PORT if kind == "sentinel" else PORT
    found = tuple(_host_port(each, port) for each in hosts.split(","))
    is_usable = (
        (db == "" or (db.isascii() and db.isdecimal()))
        and bool(service) == (kind == "sentinel")
        and (kind != "server" or len(found) == 1)
        and (kind != "cluster" or db in ("", "0"))
    )
    if not is_usable:
        raise AddressUnusable(f"RINGBACK_REDIS must be {SHAPES}")
    return Address(
        kind=kind,
        is_encrypted=is_encrypted,
        hosts=found,
        service=unquote(service),
        db=int(db or 0),
        username=unquote(username),
        password=unquote(password),
    )


def _host_port(text: str, port: int) -> HostPort:
    """`host`, `host:port` or `[IPv6]:port`."""
    host, colon, named = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, named = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (named.isascii() and named.isdecimal() and 0 < int(named) < 65_536):
        raise AddressUnusable(f"RINGBACK_REDIS must be {SHAPES}")
    return host, int(named)


class _TlsConnection(Connection):
    """A connection under a context that others have too, so that a new certificate is loaded once."""

    def __init__(self, *, tls: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._tls = tls

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "ssl": self._tls}


class _TlsConnectionToMaster(_TlsConnection, SentinelManagedConnection):
    """The same, to the master that Sentinel names."""


class RedisClients:
    """The client of one server, whose address may lead to another one at any moment."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def of(self, key: str) -> Redis:
        """The client of the server that has this key. Raises RedisError and OSError."""
        return self._client

    async def all(self) -> Sequence[Redis]:
        """The clients of all servers that have keys. Raises RedisError and OSError."""
        return [self._client]

    async def leave_connections(self) -> None:
        """Drop idle connections now, and others when they are released."""
        await _leave(self._client)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class _Options:
    """What all connections of one address have in common."""

    def __init__(self, address: Address, tls: ssl.SSLContext | None, plaintext_to: frozenset[str]) -> None:
        self.tls = tls
        self._plaintext_to = plaintext_to
        self._login = {"username": address.username or None, "password": address.password or None}

    def client(self, where: HostPort, *, db: int = 0) -> Redis:
        """A client of one server."""
        return Redis.from_pool(ConnectionPool(**self._at(where), db=db, **self.login))

    @property
    def login(self) -> dict[str, Any]:
        """Options of a connection to a server with keys."""
        return {**self._login, **self.plain(ANSWER_S_MAX)}

    def plain(self, answer_s_max: float) -> dict[str, Any]:
        """Options without a login. Nothing is sent at the start of a connection but that and the database."""
        return {
            "socket_timeout": answer_s_max,
            "socket_connect_timeout": answer_s_max,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
        }

    def permitted(self, where: HostPort) -> HostPort:
        """An address that another server named, unless the wire there would be in the clear."""
        if self.tls is None:
            try:
                plaintext.refuse("redis", [where[0]], allowed_to=self._plaintext_to, remedy=REMEDY)
            except plaintext.PlaintextRefused as error:
                raise NothingFound(str(error)) from error
        return where

    def _at(self, where: HostPort) -> dict[str, Any]:
        return {"host": where[0], "port": where[1], **self.kind}

    @property
    def kind(self) -> dict[str, Any]:
        """Options for TLS."""
        return {} if self.tls is None else {"connection_class": _TlsConnection, "tls": self.tls}

    def finder(self, where: HostPort, username: str, password: str) -> Redis:
        """A client that asks one question."""
        return Redis.from_pool(
            ConnectionPool(
                **self._at(where),
                **self.plain(FIND_S_MAX),
                username=username or None,
                password=password or None,
            )
        )


class _Sentinels:
    """Asks Sentinels for the master; the first one that answers is asked first from then on."""

    def __init__(self, address: Address, options: _Options, login: str) -> None:
        self._hosts = list(address.hosts)
        self._options = options
        self._username, _, self._password = login.partition(":")

    async def discover_master(self, service: str) -> HostPort:
        """The address of the service's master. Raises NothingFound, and AuthenticationError of a Sentinel."""
        reasons: list[str] = []
        last: BaseException | None = None
        for host in tuple(self._hosts):
            try:
                async with self._options.finder(host, self._username, self._password) as client:
                    found = await client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", service)  # type: ignore[no-untyped-call]  # redis-py's own
            except (RedisError, OSError, TimeoutError) as error:
                reasons.append(f"{host[0]}:{host[1]}: {error}")
                last = error
                continue
            if found is None:
                reasons.append(f"{host[0]}:{host[1]} knows no service {service}")
                continue
            self._hosts.remove(host)
            self._hosts.insert(0, host)
            return self._options.permitted((found[0].decode(), int(found[1])))
        raise NothingFound(f"no Sentinel names a master: {'; '.join(reasons)}") from last


class _Cluster(RedisClients):
    """A client for each master. Which one has a key is asked anew after each unclear answer."""

    def __init__(self, address: Address, options: _Options) -> None:
        self._address = address
        self._options = options
        self._clients: dict[HostPort, Redis] = {}
        self._ranges: list[tuple[int, int, HostPort]] = []
        self._asking = asyncio.Lock()

    async def of(self, key: str) -> Redis:
        slot = key_slot(key.encode())
        for first, last, where in await self._known():
            if first <= slot <= last:
                return self._at(where)
        raise NothingFound(f"no node of the cluster has slot {slot}")

    async def all(self) -> Sequence[Redis]:
        return [self._at(where) for where in sorted({where for _, _, where in await self._known()})]

    async def leave_connections(self) -> None:
        self._ranges = []
        clients = list(self._clients.values())
        # What is under way on one of them ends there, and its connection with it.
        self._clients = {}
        await asyncio.gather(*(_leave(each) for each in clients))

    async def aclose(self) -> None:
        clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(each.aclose() for each in clients))

    def _at(self, where: HostPort) -> Redis:
        if where not in self._clients:
            self._clients[where] = self._options.client(where)
        return self._clients[where]

    async def _known(self) -> list[tuple[int, int, HostPort]]:
        async with self._asking:
            if not self._ranges:
                self._ranges = await self._asked()
            return self._ranges

    async def _asked(self) -> list[tuple[int, int, HostPort]]:
        """Ask in another order each time: a node that is cut off from the others would say what was."""
        reasons: list[str] = []
        last: BaseException | None = None
        for host in random.sample(self._address.hosts, len(self._address.hosts)):
            try:
                async with self._options.finder(host, self._address.username, self._address.password) as one:
                    found = await one.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]  # redis-py's own
            except (RedisError, OSError, TimeoutError) as error:
                reasons.append(f"{host[0]}:{host[1]}: {error}")
                last = error
                continue
            # A node that does not know its own name says none.
            return [
                (
                    int(first),
                    int(end),
                    self._options.permitted(((name or b"").decode() or host[0], int(port))),
                )
                for first, end, (name, port, *_), *_ in found
            ]
        raise NothingFound(f"no node says who has the keys: {'; '.join(reasons)}") from last


async def _leave(client: Redis) -> None:
    with contextlib.suppress(RedisError, OSError, TimeoutError):
        await client.connection_pool.run_proactive_reconnect()


def lack(error: BaseException, settings: RuntimeSettings) -> Lack:
    """What to check after an error at the start, by the setting that it is about."""
    is_found = not isinstance(error, NothingFound)
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return Lack(
                    "RINGBACK_REDIS_CA must hold the authority that signed the server's certificate, and "
                    "RINGBACK_REDIS a name that stands in it"
                )
            case ssl.SSLError():
                return Lack(
                    "check RINGBACK_REDIS_CERTIFICATE and _KEY, and that RINGBACK_REDIS has a port with TLS",
                    # A proxy before a server that is away ends a handshake without a word.
                    may_pass=isinstance(cause, ssl.SSLEOFError),
                )
            case AuthenticationError() | AuthenticationWrongNumberOfArgsError():
                return Lack(
                    "check the user and the password in RINGBACK_REDIS"
                    + ("" if is_found else ", of Sentinels in RINGBACK_REDIS_SENTINEL_LOGIN")
                )
            case NoPermissionError():
                return Lack("give the user in RINGBACK_REDIS the rights that docs/operating.md lists")
            case ConnectionRefusedError() | TimeoutError() | socket.gaierror():
                return Lack("check that it runs, and RINGBACK_REDIS", may_pass=True)
            case _:
                continue
    return Lack(_remedy_of_an_end(settings), may_pass=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those behind it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _remedy_of_an_end(settings: RuntimeSettings) -> str:
    """What to check when a connection ends without a reason."""
    if not read_address(settings.redis.get_secret_value()).is_encrypted:
        return "check that it runs, RINGBACK_REDIS, and that it begins with rediss if the server speaks TLS"
    if settings.redis_certificate:
        return "check that it runs, and RINGBACK_REDIS"
    # OpenSSL closes a connection with an alert that nobody may get to read: the reset overtakes it.
    return (
        "check that it runs, and RINGBACK_REDIS; if the server asks for a certificate, set "
        "RINGBACK_REDIS_CERTIFICATE and _KEY"
    )


def connected(
    url: str,
    *,
    tls: ssl.SSLContext | None = None,
    sentinel_login: str = "",
    plaintext_to: frozenset[str] = frozenset(),
) -> RedisClients:
    """Clients of an address; nothing connects yet. `sentinel_login` is `user:password` or `:password`.

    Raises AddressUnusable and PlaintextRefused.
    """
    address = read_address(url)
    if not address.is_encrypted:
        hosts = [host for host, _ in address.hosts]
        plaintext.refuse("redis", hosts, allowed_to=plaintext_to, remedy=REMEDY)
    elif tls is None:
        tls = ssl.create_default_context()
    options = _Options(address, tls if address.is_encrypted else None, plaintext_to)
    match address.kind:
        case "server":
            return RedisClients(options.client(address.hosts[0], db=address.db))
        case "cluster":
            return _Cluster(address, options)
        case "sentinel":
            pool = SentinelConnectionPool(  # type: ignore[no-untyped-call]  # redis-py's own
                address.service,
                _Sentinels(address, options, sentinel_login),
                db=address.db,
                **(
                    {}
                    if options.tls is None
                    else {"connection_class": _TlsConnectionToMaster, "tls": options.tls}
                ),
                **options.login,
            )
            return RedisClients(Redis.from_pool(pool))


def tls_from_settings(settings: RuntimeSettings) -> ClientTls | None:
    """The TLS of the clients that the settings name. Raises AddressUnusable and CertificatesUnusable."""
    if not read_address(settings.redis.get_secret_value()).is_encrypted:
        return None
    return ClientTls(
        "RINGBACK_REDIS",
        ca=settings.redis_ca,
        certificate=settings.redis_certificate,
        key=settings.redis_key,
    )


def from_settings(settings: RuntimeSettings, tls: ClientTls | None) -> RedisClients:
    """The clients that the settings name. Raises AddressUnusable and PlaintextRefused."""
    return connected(
        settings.redis.get_secret_value(),
        tls=None if tls is None else tls.context,
        sentinel_login=settings.redis_sentinel_login.get_secret_value(),
        plaintext_to=plaintext.allowed(settings.allow_plaintext_to),
    )
