"""A real cluster: a partition's keys move to another node, and a node is killed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.crc import key_slot

from runtime import checks
from runtime.ports import StoreUnavailable
from runtime.redis_client import RedisClients, connected
from runtime.redis_store import RedisStore
from runtime.settings import RuntimeSettings
from tests.adapters.redis_servers import COMMON, Servers, claimed_again, comes_true, needs_redis
from tests.adapters.test_failover import ACME, a_write
from tests.adapters.test_redis_wires import RIGHTS

CLUSTER = (
    COMMON
    + """\
cluster-enabled yes
cluster-port {bus}
cluster-node-timeout 1500
cluster-replica-validity-factor 0
tls-cluster yes
"""
)
RANGES = ((0, 5460), (5461, 10922), (10923, 16383))
SLOT = key_slot(b"{x/toy/0}")


class Cluster(Servers):
    """Three masters, and a replica of the one that has partition 0."""

    def __init__(self, run: Path) -> None:
        super().__init__(run)
        self.masters = [self.start(CLUSTER) for _ in RANGES]
        self.replica = self.start(CLUSTER)
        self.owner, self.other = (self.masters[self._of_slot()], self.masters[self._of_slot() - 1])

    @staticmethod
    def _of_slot() -> int:
        return next(at for at, (first, last) in enumerate(RANGES) if first <= SLOT <= last)

    async def told(self, port: int, *words: object) -> Any:
        """One node's answer to a command."""
        async with self.client(port) as redis:
            return await redis.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's own

    async def id_of(self, port: int) -> str:
        """A node's own id."""
        found: bytes = await self.told(port, "CLUSTER", "MYID")
        return found.decode()

    async def join(self) -> None:
        """Make them one."""
        for port, (first, last) in zip(self.masters, RANGES, strict=True):
            await self.told(port, "CLUSTER", "ADDSLOTSRANGE", first, last)
            await self.told(port, "CLUSTER", "MEET", "127.0.0.1", self.replica, self.buses[self.replica])
        await comes_true(self._is_whole)
        owner = await self.id_of(self.owner)
        await comes_true(lambda: self._knows(self.replica, owner))
        await self.told(self.replica, "CLUSTER", "REPLICATE", owner)
        await comes_true(self.replicates)

    async def _is_whole(self) -> bool:
        found = [await self.told(port, "CLUSTER", "INFO") for port in (*self.masters, self.replica)]
        return all(b"cluster_state:ok" in each and b"cluster_known_nodes:4" in each for each in found)

    async def _knows(self, port: int, node: str) -> bool:
        return node.encode() in await self.told(port, "CLUSTER", "NODES")

    async def replicates(self) -> bool:
        """Whether the replica has all that the owner of partition 0 has."""
        async with self.client(self.replica) as one, self.client(self.owner) as other:
            here, there = await one.info("replication"), await other.info("replication")
        is_linked = here["role"] == "slave" and here["master_link_status"] == "up"
        return bool(is_linked and here["slave_repl_offset"] == there["master_repl_offset"])

    @property
    def address(self) -> str:
        """Two of its nodes."""
        hosts = f"127.0.0.1:{self.owner},127.0.0.1:{self.other}"
        return f"rediss+cluster://:{self.password}@{hosts}"

    def clients(self) -> RedisClients:
        """The product's clients."""
        return connected(self.address, tls=self.tls())


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    needs_redis()
    found = Cluster(tmp_path)
    try:
        await found.join()
        yield found
    finally:
        found.stop()


async def test_p23_a_partition_whose_keys_move_to_another_node_goes_on_there_with_all_that_was_written(
    cluster: Cluster,
) -> None:
    """While they move a write changes nothing; afterwards it is refused as MOVED, and a claim finds them."""
    clients = cluster.clients()
    store = RedisStore(clients, prefix="x", service="toy")
    await store.claim(0, "e0", new_version="v0")
    await store.write(a_write(0, version="v0", new_version="v1", epoch="e0"))
    owner, other = await cluster.id_of(cluster.owner), await cluster.id_of(cluster.other)
    await cluster.told(cluster.other, "CLUSTER", "SETSLOT", SLOT, "IMPORTING", owner)
    await cluster.told(cluster.owner, "CLUSTER", "SETSLOT", SLOT, "MIGRATING", other)
    # The set of organizations is away, the rest is here.
    await _move(cluster, "{x/toy/0}/organizations")
    with pytest.raises(StoreUnavailable, match="Multiple keys"):
        await store.write(a_write(0, version="v1", new_version="v2", epoch="e0"))
    keys = await cluster.told(cluster.owner, "CLUSTER", "GETKEYSINSLOT", SLOT, 100)
    for key in keys:
        await _move(cluster, key.decode())
    for port in cluster.masters:
        await cluster.told(port, "CLUSTER", "SETSLOT", SLOT, "NODE", other)
    assert (await claimed_again(store, "e1")).version == "v1"
    await store.write(a_write(0, version="v1", new_version="v2", epoch="e1"))
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/v1": b"1", "p/v2": b"1"}]
    await clients.aclose()


async def _move(cluster: Cluster, key: str) -> None:
    there = ("127.0.0.1", cluster.other, key, 0, 5000, "AUTH", cluster.password)
    await cluster.told(cluster.owner, "MIGRATE", *there)


async def test_p23_after_a_node_is_killed_its_partitions_are_found_on_its_replica_with_all_that_was_written(
    cluster: Cluster,
) -> None:
    clients = cluster.clients()
    store = RedisStore(clients, prefix="x", service="toy")
    await store.claim(0, "e0", new_version="v0")
    await store.write(a_write(0, version="v0", new_version="v1", epoch="e0"))
    await comes_true(cluster.replicates)
    cluster.processes[cluster.owner].kill()
    with pytest.raises(StoreUnavailable):
        await store.write(a_write(0, version="v1", new_version="v2", epoch="e0"))
    assert (await claimed_again(store, "e1")).version == "v1"
    await store.write(a_write(0, version="v1", new_version="v2", epoch="e1"))
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/v1": b"1", "p/v2": b"1"}]
    await clients.aclose()


async def test_every_master_is_looked_at_and_each_partition_is_on_the_node_of_its_slot(
    cluster: Cluster,
) -> None:
    found = RuntimeSettings(redis=SecretStr(cluster.address), redis_ca=str(cluster.authority.ca))
    assert await checks.redis(found, "toy") is None
    rights = [each.replace("queue", "toy") for each in RIGHTS]
    for port in cluster.masters:
        await cluster.told(port, "ACL", "SETUSER", "toy", "on", ">s3cret", "+cluster|slots", *rights)
    other = cluster.address.replace(f":{cluster.password}@", "toy:s3cret@")
    assert await checks.redis(found.model_copy(update={"redis": SecretStr(other)}), "toy") is None
    clients = cluster.clients()
    store = RedisStore(clients, prefix="x", service="toy")
    await asyncio.gather(*(store.claim(each, "e0", new_version="v0") for each in range(16)))
    for port, (first, last) in zip(cluster.masters, RANGES, strict=True):
        keys = [each.decode() for each in await cluster.told(port, "KEYS", "*")]
        wanted = [
            f"{{x/toy/{each}}}/meta" for each in range(16) if first <= key_slot(b"{x/toy/%d}" % each) <= last
        ]
        assert sorted(keys) == sorted(wanted)
    await cluster.told(cluster.other, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    said = await checks.redis(found, "toy")
    assert said is not None
    assert "set maxmemory-policy noeviction" in said.words
    assert not said.may_pass
    await clients.aclose()
