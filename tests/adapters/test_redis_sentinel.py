"""Real Sentinels, whose master is killed: the next claim finds the new one with all that was written."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from runtime import checks
from runtime.lack import Lack
from runtime.ports import StoreUnavailable
from runtime.redis_client import connected
from runtime.redis_store import RedisStore
from runtime.settings import RuntimeSettings
from tests.adapters.redis_servers import COMMON, Servers, claimed_again, comes_true, needs_redis
from tests.adapters.test_failover import ACME, a_write

SENTINEL_PASSWORD = "of-the-sentinels"
SENTINEL = f"""\
bind 127.0.0.1
dir {{folder}}
requirepass {SENTINEL_PASSWORD}
tls-replication yes
sentinel monitor places 127.0.0.1 MASTER 1
sentinel auth-pass places {{password}}
sentinel down-after-milliseconds places 500
sentinel failover-timeout places 3000
"""


class Watched(Servers):
    """A master, its replica, and a Sentinel that watches them."""

    def __init__(self, run: Path) -> None:
        super().__init__(run)
        self.master = self.start(COMMON)
        self.replica = self.start(COMMON + f"replicaof 127.0.0.1 {self.master}\n")
        self.sentinel = self.start(SENTINEL.replace("MASTER", str(self.master)), "--sentinel")

    @property
    def address(self) -> str:
        """Its address, of which the first Sentinel is not there."""
        return f"rediss+sentinel://:{self.password}@127.0.0.1:1,127.0.0.1:{self.sentinel}/places/0"

    def settings(self, **changes: SecretStr) -> RuntimeSettings:
        """The settings of a service."""
        told = {
            "redis": SecretStr(self.address),
            "redis_ca": str(self.authority.ca),
            "redis_sentinel_login": SecretStr(f":{SENTINEL_PASSWORD}"),
        }
        return RuntimeSettings().model_copy(update={**told, **changes})

    async def replicates(self) -> bool:
        """Whether the replica has all that the master has."""
        async with self.client(self.replica) as one, self.client(self.master) as other:
            here, there = await one.info("replication"), await other.info("replication")
        is_linked = here["role"] == "slave" and here["master_link_status"] == "up"
        return bool(is_linked and here["slave_repl_offset"] == there["master_repl_offset"])


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    needs_redis()
    found = Watched(tmp_path)
    yield found
    found.stop()


async def test_p23_after_the_master_is_killed_the_claim_finds_the_new_one_with_all_that_was_written(
    watched: Watched,
) -> None:
    clients = connected(watched.address, tls=watched.tls(), sentinel_login=f":{SENTINEL_PASSWORD}")
    store = RedisStore(clients, prefix="x", service="toy")
    await store.claim(0, "e0", new_version="v0")
    await store.write(a_write(0, version="v0", new_version="v1", epoch="e0"))
    await comes_true(watched.replicates)
    watched.processes[watched.master].kill()
    with pytest.raises(StoreUnavailable):
        await store.write(a_write(0, version="v1", new_version="v2", epoch="e0"))
    assert (await claimed_again(store, "e1")).version == "v1"
    await store.write(a_write(0, version="v1", new_version="v2", epoch="e1"))
    assert await store.load(0, [ACME], epoch="e1", version="v2") == [{"p/v1": b"1", "p/v2": b"1"}]
    async with watched.client(watched.replica) as promoted:
        assert (await promoted.role())[0] == b"master"
    await clients.aclose()


async def test_a_user_of_a_sentinel_with_the_one_right_that_is_needed_is_enough(watched: Watched) -> None:
    async with Redis(
        host="127.0.0.1",
        port=watched.sentinel,
        password=SENTINEL_PASSWORD,
        ssl=True,
        ssl_ca_certs=str(watched.authority.ca),
    ) as sentinel:
        words = ("on", ">s3cret", "+sentinel|get-master-addr-by-name")
        await sentinel.execute_command("ACL", "SETUSER", "asks", *words)  # type: ignore[no-untyped-call]  # redis-py's own
    login = SecretStr("asks:s3cret")
    assert await checks.redis(watched.settings(redis_sentinel_login=login), "queue") is None


async def test_the_check_at_the_start_names_what_is_wrong(watched: Watched) -> None:
    assert await checks.redis(watched.settings(), "queue") is None
    said = await _said(watched, redis_sentinel_login=SecretStr(""))
    assert said.words.endswith("of Sentinels in RINGBACK_REDIS_SENTINEL_LOGIN")
    said = await _said(watched, redis_sentinel_login=SecretStr(":wrong-one"))
    assert said.words.endswith("of Sentinels in RINGBACK_REDIS_SENTINEL_LOGIN")
    assert "wrong-one" not in said.words
    assert not said.may_pass
    said = await _said(watched, redis=SecretStr(watched.address.replace("/places/", "/seats/")))
    assert "knows no service seats" in said.words
    assert said.may_pass, "Sentinels may have been started before they are told what to watch"
    said = await _said(watched, redis=SecretStr(watched.address.replace(watched.password, "wrong-one")))
    assert said.words.endswith("check the user and the password in RINGBACK_REDIS")
    assert not said.may_pass


async def _said(watched: Watched, **changed: SecretStr) -> Lack:
    said = await checks.redis(watched.settings(**changed), "queue")
    assert said is not None
    return said
