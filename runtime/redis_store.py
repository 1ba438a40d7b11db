"""The store on Redis ≥ 7 (or Valkey): one hash tag per partition, one Lua script per batch.

Keys of a partition, all under the tag `{<prefix>/<service>/<partition>}`: `meta` (hash: epoch, version,
position), `due` and `parked` (hashes by organization), `outbox` (string), `organizations` (set), and one hash
`o/<organization>` of its records. Every script first compares epoch and version, and loading does so when it
has read; an absent one differs.

An address, a Sentinel or a cluster may lead to another server at any moment: the old master is then a
replica, and existing connections still lead to it. So connections are dropped after an unclear answer, and a
claim begins on new ones.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from contracts.ids import Instant, OrganizationId
from runtime.ports import Loaded, Outgoing, Position, Refused, StoreUnavailable, Write
from runtime.redis_client import RedisClients

ORGANIZATIONS_A_LOAD: Final = 50
"""Their records are in memory at once, as bytes; about fifty organizations take a few milliseconds."""

_GUARD: Final = """
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return {'refused', 'epoch'} end
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return {'refused', 'version'} end
"""

_CLAIM: Final = """
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
redis.call('HSETNX', KEYS[1], 'version', ARGV[2])
return {redis.call('HMGET', KEYS[1], 'version', 'position'), redis.call('HGETALL', KEYS[2]),
        redis.call('HGETALL', KEYS[3]), redis.call('GET', KEYS[4])}
"""

# ARGV from 6 on: per hash the number of fields to set, the name and value of each, the number of fields to
# drop, the name of each. The first two hashes are `due` and `parked`, then the organizations' in the order of
# KEYS. A call takes a thousand arguments (an even number, for names with values): a call for each field costs
# more than the field itself, and the stack of Lua holds some 8,000.
_WRITE: Final = (
    _GUARD
    + """
redis.call('HSET', KEYS[1], 'version', ARGV[3])
if ARGV[4] == '' then redis.call('HDEL', KEYS[1], 'position')
else redis.call('HSET', KEYS[1], 'position', ARGV[4]) end
if ARGV[5] == '' then redis.call('DEL', KEYS[4]) else redis.call('SET', KEYS[4], ARGV[5]) end
local at = 6
local function call(command, key, count)
  local last = at + count - 1
  while at <= last do
    local till = math.min(at + 999, last)
    redis.call(command, key, unpack(ARGV, at, till)); at = till + 1
  end
end
local function change(key)
  local fields = tonumber(ARGV[at]); at = at + 1
  call('HSET', key, 2 * fields)
  local drops = tonumber(ARGV[at]); at = at + 1
  call('HDEL', key, drops)
end
change(KEYS[2])
change(KEYS[3])
for number = 6, #KEYS do
  redis.call('SADD', KEYS[5], ARGV[at]); at = at + 1
  change(KEYS[number])
end
return {'written'}
"""
)

_LIST: Final = _GUARD + "return {'listed', redis.call('SMEMBERS', KEYS[2])}"
_CLEAR: Final = (
    _GUARD
    + """
redis.call('HDEL', KEYS[1], 'position')
for number = 2, #KEYS do redis.call('DEL', KEYS[number]) end
return {'cleared'}
"""
)

# What the scripts above call, each once on a key that is not there. Without DEL nothing else is tried, so
# that nothing is left.
_RIGHTS: Final = """
local refused = {}
local function try(command, ...)
  local found = redis.pcall(command, ...)
  if type(found) == 'table' and found.err then table.insert(refused, command .. ': ' .. found.err) end
end
try('DEL', KEYS[1])
if #refused > 0 then return refused end
try('HSET', KEYS[1], 'a', '1'); try('HSETNX', KEYS[1], 'a', '1'); try('HGET', KEYS[1], 'a')
try('HMGET', KEYS[1], 'a'); try('HGETALL', KEYS[1]); try('HDEL', KEYS[1], 'a'); redis.call('DEL', KEYS[1])
try('SET', KEYS[1], '1'); try('GET', KEYS[1]); redis.call('DEL', KEYS[1])
try('SADD', KEYS[1], '1'); try('SMEMBERS', KEYS[1]); redis.call('DEL', KEYS[1])
return refused
"""
_SCRIPTS: Final = {
    "claim": _CLAIM,
    "write": _WRITE,
    "list": _LIST,
    "clear": _CLEAR,
}
_ENCODER: Final = msgspec.msgpack.Encoder()
_POSITIONS: Final = msgspec.msgpack.Decoder(Position)
_OUTBOXES: Final = msgspec.msgpack.Decoder(tuple[Outgoing, ...])


class RedisStore:
    """Every partition of one service."""

    def __init__(self, clients: RedisClients, *, prefix: str, service: str) -> None:
        self._clients = clients
        self._prefix = prefix
        self._service = service
        self._shas: dict[str, str] = {}

    def _keys(self, partition: int, *names: str) -> list[str]:
        return [f"{{{self._prefix}/{self._service}/{partition}}}/{name}" for name in names]

    async def _answer(self, key: str, call: Callable[[Redis], Awaitable[Any]]) -> Any:
        """The answer of the server that has this key.

        A demoted master answers READONLY, a starting one LOADING, a replica without its master MASTERDOWN, a
        master without replicas NOREPLICAS, another node of a cluster MOVED; a script's error may contain any
        of these words, and the connection stays open. Distinguishing them from other errors would gain
        nothing: a connection costs a millisecond, and a claim follows every such answer.
        """
        try:
            return await call(await self._clients.of(key))
        except (RedisError, OSError, TimeoutError) as error:
            # Whatever the error (a script unknown after a failover, a lost connection), the outcome is
            # unclear. The next connections go where the address leads by then.
            await self._clients.leave_connections()
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    async def _run(self, script: str, keys: Sequence[str], *args: Any) -> list[Any]:
        found = await self._answer(
            keys[0], lambda redis: redis.evalsha(self._shas[script], len(keys), *keys, *args)
        )
        assert isinstance(found, list)
        if found and found[0] == b"refused":
            raise Refused(f"{keys[0]}: the {found[1].decode()} differs")
        return found

    async def claim(self, partition: int, epoch: str, *, new_version: str) -> Loaded:
        """Load the scripts anew, since a promoted replica does not know them; then set the epoch."""
        keys = self._keys(partition, "meta", "due", "parked", "outbox")
        for name, text in _SCRIPTS.items():
            self._shas[name] = await self._answer(
                keys[0],
                lambda redis, text=text: redis.script_load(text),  # type: ignore[misc]
            )
        (version, position), due, parked, outbox = await self._run("claim", keys, epoch, new_version)
        return Loaded(
            version=version.decode(),
            position=None if position is None else _POSITIONS.decode(position),
            outbox=() if outbox is None else _OUTBOXES.decode(outbox),
            due={OrganizationId(key.decode()): Instant(int(value)) for key, value in _pairs(due)},
            parked={OrganizationId(key.decode()): value for key, value in _pairs(parked)},
        )

    async def missing_rights(self) -> list[str]:
        """What the user may not do, in the server's words; nothing is kept. Raises RedisError and OSError."""
        key = f"{{{self._prefix}/{self._service}/rights}}/tried"
        redis = await self._clients.of(key)
        sha = await redis.script_load(_RIGHTS)
        return [each.decode() for each in await redis.evalsha(sha, 1, key)]

    async def load(
        self, partition: int, organizations: Sequence[OrganizationId], *, epoch: str, version: str
    ) -> list[dict[str, bytes]]:
        """Each organization's hash, not by a script: that takes three times as long, and others wait for it.

        Epoch and version are compared last: if they are still ours, nobody wrote before or between.
        """
        (meta,) = self._keys(partition, "meta")
        loaded: list[dict[str, bytes]] = []
        for start in range(0, len(organizations), ORGANIZATIONS_A_LOAD):
            names = [f"o/{each}" for each in organizations[start : start + ORGANIZATIONS_A_LOAD]]
            keys = self._keys(partition, *names)
            *found, known = await self._answer(meta, lambda redis, keys=keys: _hashes(redis, keys, meta))  # type: ignore[misc]
            for name, ours, stored in zip(("epoch", "version"), (epoch, version), known, strict=True):
                if stored != ours.encode():
                    raise Refused(f"{meta}: the {name} differs")
            loaded.extend({key.decode(): value for key, value in each.items()} for each in found)
        return loaded

    async def write(self, write: Write) -> None:
        """Write one batch with one script."""
        names = [f"o/{each}" for each in write.records]
        keys = self._keys(write.partition, "meta", "due", "parked", "outbox", "organizations", *names)
        args: list[Any] = [
            write.epoch,
            write.version,
            write.new_version,
            b"" if write.position is None else _ENCODER.encode(write.position),
            _ENCODER.encode(write.outbox) if write.outbox else b"",
        ]
        _add_change(args, {each: None if at is None else str(at).encode() for each, at in write.due.items()})
        _add_change(args, write.parked)
        for organization_id, changes in write.records.items():
            args.append(organization_id)
            _add_change(args, changes)
        await self._run("write", keys, *args)

    async def organizations(self, partition: int, *, epoch: str, version: str) -> list[OrganizationId]:
        """Every organization with records."""
        _, found = await self._run("list", self._keys(partition, "meta", "organizations"), epoch, version)
        return sorted(OrganizationId(each.decode()) for each in found)

    async def clear(self, partition: int, *, epoch: str, version: str) -> None:
        """Forget all but epoch and version."""
        names = [f"o/{each}" for each in await self.organizations(partition, epoch=epoch, version=version)]
        keys = self._keys(partition, "meta", "due", "parked", "outbox", "organizations", *names)
        await self._run("clear", keys, epoch, version)


async def _hashes(redis: Redis, keys: list[str], meta: str) -> list[Any]:
    """The hashes, then epoch and version, from one connection and so from one server."""
    async with redis.pipeline(transaction=False) as commands:
        for key in keys:
            commands.hgetall(key)
        commands.hmget(meta, ["epoch", "version"])
        return await commands.execute()


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _add_change(args: list[Any], changes: Any) -> None:
    """Add fields to set with their values, then fields to drop, as the script reads them."""
    kept = [(name, data) for name, data in changes.items() if data is not None]
    dropped = [name for name, data in changes.items() if data is None]
    args.append(len(kept))
    for name, data in kept:
        args.extend((name, data))
    args.append(len(dropped))
    args.extend(dropped)
