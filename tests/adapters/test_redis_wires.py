"""Redis over TLS, as a user with the least rights, and what a service says when either is wrong."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr
from redis.asyncio import Redis

from contracts.ids import OrganizationId
from ringback.stack import parts
from runtime import checks, redis_client
from runtime.plaintext import PlaintextRefused
from runtime.ports import Position, Write
from runtime.redis_store import RedisStore
from runtime.settings import RuntimeSettings
from tests.adapters.redis_servers import Authority, needs_redis

PASSWORD = "of the user, with / and @"
QUOTED = "of%20the%20user%2C%20with%20%2F%20and%20%40"
OPERATING = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def least_rights() -> list[str]:
    """The rights that docs/operating.md gives a service's user, from its line of an ACL file."""
    [line] = re.findall(r"^user ringback-queue (.*)$", OPERATING.read_text(encoding="utf-8"), re.MULTILINE)
    return [each for each in line.split() if each not in {"on", ">PASSWORD"}]


RIGHTS = least_rights()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    needs_redis()
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[parts.Redis]:
    """A Redis that speaks only TLS."""
    found = parts.start_redis(
        tmp_path_factory.mktemp("tls"), dies_with_parent=True, tls=authority.server("server", "127.0.0.1")
    )
    yield found
    found.process.stop()


@pytest.fixture
async def administrator(server: parts.Redis, authority: Authority) -> AsyncIterator[Redis]:
    redis = Redis.from_url(server.address, ssl_ca_certs=str(authority.ca))
    yield redis
    await redis.acl_deluser("ringback-queue")
    await redis.config_set("maxmemory-policy", "noeviction")
    await redis.aclose()


async def allow(administrator: Redis, rights: list[str]) -> None:
    """Give the service's user these rights and no others."""
    words = ["ACL", "SETUSER", "ringback-queue", "reset", "on", f">{PASSWORD}", *rights]
    await administrator.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's own


def settings(
    server: parts.Redis, authority: Authority, login: str = f"ringback-queue:{QUOTED}"
) -> RuntimeSettings:
    return RuntimeSettings(
        redis=SecretStr(f"rediss://{login}@127.0.0.1:{server.port}/0"), redis_ca=str(authority.ca)
    )


async def refusal(found: RuntimeSettings) -> str:
    """What the service says at its start, and it must not have the password."""
    lack = await checks.redis(found, "queue")
    assert lack is not None
    assert PASSWORD not in lack.words
    assert QUOTED not in lack.words
    return lack.words


def a_write(version: str, new_version: str) -> Write:
    acme = OrganizationId("acme")
    return Write(
        partition=0,
        epoch="e1",
        version=version,
        new_version=new_version,
        position=Position("log", 4, 17, 1_800_000_000_000),
        records={acme: {"p/1": b"1", "p/2": None}},
        due={acme: None},
        parked={acme: b"x"},
        outbox=(),
    )


async def test_a_service_does_all_it_does_with_exactly_the_rights_that_the_documentation_lists(
    server: parts.Redis, authority: Authority, administrator: Redis
) -> None:
    await allow(administrator, RIGHTS)
    found = settings(server, authority)
    assert await checks.redis(found, "queue") is None
    clients = redis_client.from_settings(found, redis_client.tls_from_settings(found))
    store = RedisStore(clients, prefix="ringback", service="queue")
    await store.claim(0, "e1", new_version="v0")
    await store.write(a_write("v0", "v1"))
    assert await store.load(0, [OrganizationId("acme")], epoch="e1", version="v1") == [{"p/1": b"1"}]
    await store.clear(0, epoch="e1", version="v1")
    await clients.aclose()
    # Connections begin with nothing that the user may not do, which would fill the server's log of refusals.
    assert await administrator.acl_log() == []
    assert await administrator.keys("*rights*") == []


@pytest.mark.parametrize("missing", [each for each in RIGHTS if each.startswith("+")])
async def test_a_missing_right_is_named_at_the_start(
    server: parts.Redis, authority: Authority, administrator: Redis, missing: str
) -> None:
    await allow(administrator, [each for each in RIGHTS if each != missing])
    said = (await refusal(settings(server, authority))).lower()
    assert missing.removeprefix("+") in said
    assert "docs/operating.md" in said
    await administrator.acl_log_reset()


async def test_a_user_of_another_service_may_not_touch_our_keys(
    server: parts.Redis, authority: Authority, administrator: Redis
) -> None:
    await allow(administrator, [each.replace("queue", "routing") for each in RIGHTS])
    said = await refusal(settings(server, authority))
    assert "no permissions to access one of the keys" in said
    assert "docs/operating.md" in said
    await administrator.acl_log_reset()


async def test_a_wrong_password_is_said_to_be_in_the_address(
    server: parts.Redis, authority: Authority, administrator: Redis
) -> None:
    await allow(administrator, RIGHTS)
    said = await refusal(settings(server, authority, "ringback-queue:wrong"))
    assert said.endswith("check the user and the password in RINGBACK_REDIS")
    assert "wrong" not in said.lower().replace("wrongpass", "")
    await administrator.acl_log_reset()


async def test_an_authority_that_did_not_sign_is_said_to_be_in_its_setting(
    server: parts.Redis, authority: Authority, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    found = settings(server, authority).model_copy(update={"redis_ca": str(tmp_path / "other.pem")})
    assert "RINGBACK_REDIS_CA must hold the authority" in await refusal(found)
    found = found.model_copy(update={"redis_ca": str(tmp_path / "nothing.pem")})
    said = await refusal(found)
    assert said.startswith("RINGBACK_REDIS_CA ")
    assert "No such file" in said


async def test_a_name_that_is_not_in_the_certificate_is_refused(
    server: parts.Redis, authority: Authority
) -> None:
    url = f"rediss://:x@localhost:{server.port}/0"
    found = settings(server, authority).model_copy(update={"redis": SecretStr(url)})
    assert "a name that stands in it" in await refusal(found)


async def test_a_wire_in_the_clear_to_a_port_with_tls_is_told_to_begin_with_rediss(
    server: parts.Redis, authority: Authority
) -> None:
    url = f"redis://:x@127.0.0.1:{server.port}/0"
    found = settings(server, authority).model_copy(update={"redis": SecretStr(url)})
    assert "rediss if the server speaks TLS" in await refusal(found)


async def test_a_server_that_evicts_is_refused(
    server: parts.Redis, authority: Authority, administrator: Redis
) -> None:
    await allow(administrator, RIGHTS)
    await administrator.config_set("maxmemory-policy", "allkeys-lru")
    assert "set maxmemory-policy noeviction" in await refusal(settings(server, authority))


async def test_a_server_that_asks_for_a_certificate_gets_ours(authority: Authority, tmp_path: Path) -> None:
    tls = authority.server("asking", "127.0.0.1", asks_for_certificate=True)
    server = parts.start_redis(tmp_path, dies_with_parent=True, tls=tls)
    try:
        found = RuntimeSettings(redis=SecretStr(server.address), redis_ca=str(authority.ca))
        assert "RINGBACK_REDIS_CERTIFICATE" in await refusal(found)
        certificate, key = authority.issue("client", "queue.example")
        ours = {"redis_certificate": str(certificate), "redis_key": str(key)}
        assert await checks.redis(found.model_copy(update=ours), "queue") is None
    finally:
        server.process.stop()


@pytest.mark.parametrize(
    ("url", "kind", "hosts", "service", "db"),
    [
        ("redis://h", "server", [("h", 6379)], "", 0),
        ("rediss://u:p@h:1/3", "server", [("h", 1)], "", 3),
        ("redis://[::1]:2", "server", [("::1", 2)], "", 0),
        ("redis+sentinel://a,b:7/places", "sentinel", [("a", 26379), ("b", 7)], "places", 0),
        ("rediss+sentinel://:p@a/places/2", "sentinel", [("a", 26379)], "places", 2),
        ("redis+cluster://a:1,b", "cluster", [("a", 1), ("b", 6379)], "", 0),
        ("rediss+cluster://u:p@a/0", "cluster", [("a", 6379)], "", 0),
    ],
)
def test_an_address_is_read(url: str, kind: str, hosts: list[tuple[str, int]], service: str, db: int) -> None:
    found = redis_client.read_address(url)
    assert (found.kind, list(found.hosts), found.service, found.db) == (kind, hosts, service, db)
    assert found.is_encrypted == url.startswith("rediss")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://s3cret@h",
        "redis://s3cret@",
        "redis://s3cret@h:port",
        "redis://s3cret@h:0",
        "redis://s3cret@h/x",
        "redis://s3cret@a,b",
        "rediss://:s3cret@h?ssl_cert_reqs=none",
        "redis+sentinel://s3cret@h",
        "redis+sentinel://s3cret@h/places/x",
        "redis+cluster://s3cret@h/1",
        "redis://:s3cret#@h",
    ],
)
def test_what_is_no_address_is_refused_and_not_said(url: str) -> None:
    with pytest.raises(redis_client.AddressUnusable, match="RINGBACK_REDIS must be") as refused:
        redis_client.read_address(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["redis://192.0.2.1", "redis+sentinel://127.0.0.1,192.0.2.1/x", "redis+cluster://127.0.0.1,192.0.2.1"],
)
def test_a_wire_in_the_clear_to_another_machine_is_refused_unless_it_is_named(url: str) -> None:
    with pytest.raises(PlaintextRefused, match="use rediss://"):
        redis_client.connected(url)
    redis_client.connected(url, plaintext_to=frozenset({"redis"}))
    redis_client.connected(url.replace("redis", "rediss", 1))


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        ("redis+cluster://{}", b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n192.0.2.1\r\n:6379\r\n"),
        ("redis+sentinel://{}/places", b"*2\r\n$9\r\n192.0.2.1\r\n$4\r\n6379\r\n"),
    ],
)
async def test_a_node_or_sentinel_that_names_another_machine_leads_nobody_there_in_the_clear(
    shape: str, answer: bytes
) -> None:
    """On loopback everything is allowed but to leave it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    there = await asyncio.start_server(serve, "127.0.0.1", 0)
    where = f"127.0.0.1:{there.sockets[0].getsockname()[1]}"
    clients = redis_client.connected(shape.format(where))
    with pytest.raises(redis_client.NothingFound, match="use rediss://"):
        await (await clients.of("any")).get("any")
    await clients.aclose()
    there.close()


def test_half_of_a_certificate_is_refused(authority: Authority) -> None:
    certificate, _ = authority.issue("half", "queue.example")
    found = RuntimeSettings(redis=SecretStr("rediss://h"), redis_certificate=str(certificate))
    with pytest.raises(ValueError, match="RINGBACK_REDIS_CERTIFICATE and RINGBACK_REDIS_KEY belong together"):
        redis_client.tls_from_settings(found)
