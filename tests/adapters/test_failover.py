"""A store whose address suddenly leads to another server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from contracts.ids import OrganizationId
from ringback.stack import parts
from runtime.ports import Loaded, Position, StoreUnavailable, Write
from runtime.redis_client import connected
from runtime.redis_store import RedisStore

ACME = OrganizationId("acme")
POSITION = Position("log", 4, 17, 1_800_000_000_000)
PARTITIONS = 8
PATIENCE_S = 20
PASSWORD = "of-both-servers"
"""A failover leaves the address as it is, and the password in it."""


def a_write(partition: int, *, version: str, new_version: str, epoch: str) -> Write:
    """One record of one organization."""
    return Write(
        partition=partition,
        epoch=epoch,
        version=version,
        new_version=new_version,
        position=POSITION,
        records={ACME: {f"p/{new_version}": b"1"}},
        due={},
        parked={},
        outbox=(),
    )


class Address:
    """One address for two servers: a new connection goes to the current one, an old one stays."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[RedisStore]:
        """A store at this address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        redis = connected(f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0")
        yield RedisStore(redis, prefix="x", service="toy")
        await redis.aclose()
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[parts.Redis, parts.Redis]]:
    """A master and its replica-to-be, with one password."""
    both = [parts.start_redis(tmp_path / name, dies_with_parent=True) for name in ("first", "second")]
    for each in both:
        with SyncRedis.from_url(each.address) as redis:
            redis.config_set("masterauth", PASSWORD)
            redis.config_set("requirepass", PASSWORD)
    yield both[0], both[1]
    for each in both:
        each.process.stop()


def _client(server: parts.Redis) -> Redis:
    return Redis(port=server.port, password=PASSWORD)


async def _replicate(master: parts.Redis, replica: parts.Redis) -> None:
    async with _client(master) as first, _client(replica) as second:
        # By default a master waits five seconds for more replicas before it sends itself.
        await first.config_set("repl-diskless-sync-delay", 0)
        await second.replicaof("127.0.0.1", master.port)
        async with asyncio.timeout(PATIENCE_S):
            while (await second.info("replication"))["master_link_status"] != "up":
                await asyncio.sleep(0.05)


async def _fail_over(master: parts.Redis, replica: parts.Redis) -> None:
    async with _client(master) as first, _client(replica) as second:
        failover = ("FAILOVER", "TO", "127.0.0.1", replica.port)
        await first.execute_command(*failover)  # type: ignore[no-untyped-call]  # redis-py's own
        async with asyncio.timeout(PATIENCE_S):
            while (await second.role())[0] != b"master" or (await first.role())[0] != b"slave":
                await asyncio.sleep(0.05)


async def _fails(store: RedisStore, write: Write) -> bool:
    try:
        await store.write(write)
    except StoreUnavailable:
        return True
    return False


async def test_p23_the_claim_after_a_failover_finds_the_new_master_with_all_that_was_written(
    pair: tuple[parts.Redis, parts.Redis],
) -> None:
    """A connection to the demoted master lives on, and answers READONLY for ever."""
    address = Address(pair[0].port)
    await _replicate(*pair)
    async with address.listening() as store:
        await store.claim(0, "e0", new_version="v0")
        await store.write(a_write(0, version="v0", new_version="v1", epoch="e0"))
        await _fail_over(*pair)
        address.target = pair[1].port
        assert await _fails(store, a_write(0, version="v1", new_version="v2", epoch="e0"))
        loaded = await store.claim(0, "e1", new_version="unused")
        assert loaded.version == "v1"
        await store.write(a_write(0, version="v1", new_version="v2", epoch="e1"))
        assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/v1": b"1", "p/v2": b"1"}]


async def test_p23_every_partition_of_a_process_comes_back_at_its_first_claim(
    pair: tuple[parts.Redis, parts.Redis],
) -> None:
    """Partitions share connections: one partition's old connection must not harm the next one."""
    address = Address(pair[0].port)
    await _replicate(*pair)
    async with address.listening() as store:
        await asyncio.gather(*(store.claim(each, "e0", new_version="v0") for each in range(PARTITIONS)))
        await _fail_over(*pair)
        address.target = pair[1].port
        wanted = [a_write(each, version="v0", new_version="v1", epoch="e0") for each in range(PARTITIONS)]
        assert all(await asyncio.gather(*(_fails(store, each) for each in wanted)))
        claimed = await asyncio.gather(
            *(store.claim(each, "e1", new_version="unused") for each in range(PARTITIONS))
        )
        assert [each.version for each in claimed] == ["v0"] * PARTITIONS


async def test_p23_a_failover_back_is_found_as_well(pair: tuple[parts.Redis, parts.Redis]) -> None:
    """A demoted server may become the master again."""
    address = Address(pair[0].port)
    await _replicate(*pair)
    async with address.listening() as store:
        await store.claim(0, "e0", new_version="v0")
        for turn, (master, replica) in enumerate([pair, pair[::-1]], start=1):
            await _fail_over(master, replica)
            address.target = replica.port
            with pytest.raises(StoreUnavailable):
                await store.claim(0, "refused", new_version="unused")
            assert (await store.claim(0, f"e{turn}", new_version="unused")).version == "v0"


class Words:
    """One address: the first connection gets this error, later ones are served."""

    def __init__(self, error: str, *, at: bytes) -> None:
        self._error = error
        self._at = at
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each command of one connection."""
        self.connections += 1
        is_former = self.connections == 1
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int((await reader.readline())[1:])
                words.append(await reader.readexactly(length))
                await reader.readexactly(2)
            command = words[0].upper()
            if is_former and command == self._at:
                writer.write(f"-{self._error}\r\n".encode())
            elif command == b"SCRIPT":
                writer.write(b"$40\r\n" + b"a" * 40 + b"\r\n")
            elif command == b"EVALSHA":
                writer.write(b"*4\r\n*2\r\n$2\r\nv1\r\n$-1\r\n*0\r\n*0\r\n$-1\r\n")
            else:
                writer.write(b"+OK\r\n")
            await writer.drain()
        writer.close()


async def _claimed_at_the_second_try(there: Words) -> Loaded:
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    redis = connected(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    store = RedisStore(redis, prefix="x", service="toy")
    with pytest.raises(StoreUnavailable):
        await store.claim(0, "e0", new_version="v0")
    loaded = await store.claim(0, "e1", new_version="v0")
    await redis.aclose()
    server.close()
    return loaded


@pytest.mark.parametrize("at", [b"SCRIPT", b"EVALSHA"])
@pytest.mark.parametrize(
    "error",
    [
        "READONLY You can't write against a read only replica.",
        "ERR Error running script: @user_script: 2: -READONLY You can't write against a read only replica.",
        "LOADING Valkey is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "CLUSTERDOWN The cluster is down",
        "MOVED 3999 127.0.0.1:1",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
        "NOSCRIPT No matching script. Please use EVAL.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "NOAUTH Authentication required.",
        "BUSY Valkey is busy running a script.",
        "ERR a word that no version has said yet",
    ],
)  # fmt: skip
async def test_p23_whatever_word_a_server_refuses_with_the_next_claim_connects_anew(
    error: str, at: bytes
) -> None:
    """These are the errors of demoted, starting, isolated and full servers."""
    assert (await _claimed_at_the_second_try(Words(error, at=at))).version == "v1"
