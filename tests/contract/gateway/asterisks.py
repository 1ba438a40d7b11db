"""Real Asterisks for the contract, with the town's phones: one set for all tests of a worker.

The gateway's socket goes through a relay, so that a PBX can be taken away from it without a restart.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts.ids import MediaKey, PbxId
from devtools.town import Around, Exchange, PbxAccess, Sounds, Town
from ringback.pbx_files.plan import PbxPlan, PlannedPeer, PlannedPhone, PlannedTrunk
from ringback.stack.asterisk import Instance, Root, free_address
from runtime.memory import MemoryBlobs
from services.gateway.asterisk.adapter import AsteriskPbx
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.ari import AriBridge, Channel, LiveRecording
from services.gateway.asterisk.client import AriClient, path
from services.gateway.simulated import script as scripts
from tests.contract.gateway.benches import MEDIA, PBX, SCRIPT, BenchBase, a_call, voice

POLL_S = 0.05


class MediaPrompts:
    """The prompts of the contract tests."""

    def keys(self, word: str) -> list[MediaKey]:
        return [MediaKey(key) for key in MEDIA if word in key]

    def fetch(self, key: MediaKey) -> bytes | None:
        return MEDIA[key]


class Asterisks:
    """The PBXs of the script, each the other's peer, and the town's exchange, which is their trunk."""

    def __init__(self, folder: Path, root: Root) -> None:
        script = scripts.read(SCRIPT)
        self.script = script
        trunk, addresses = free_address(), {pbx_id: free_address() for pbx_id in script.pbxs}
        phones = {
            pbx_id: {address.removeprefix("sip:"): f"of-{address}" for address in pbx.phones}
            for pbx_id, pbx in script.pbxs.items()
        }
        self.pbxs = {
            PbxId(pbx_id): Instance.of_plan(
                folder / pbx_id,
                PbxPlan(
                    pbx_id=PbxId(pbx_id),
                    phones=tuple(
                        PlannedPhone(extension=extension, password=password)
                        for extension, password in phones[pbx_id].items()
                    ),
                    trunks=(PlannedTrunk(host=trunk),),
                    peers=tuple(
                        PlannedPeer(pbx_id=PbxId(other), host=address)
                        for other, address in addresses.items()
                        if other != pbx_id
                    ),
                    department_extensions=pbx.extensions,
                ),
                root=root,
                address=addresses[pbx_id],
                dies_with_parent=True,
            )
            for pbx_id, pbx in script.pbxs.items()
        }
        access = {
            PbxId(pbx_id): PbxAccess(address=addresses[pbx_id], passwords=phones[pbx_id])
            for pbx_id in script.pbxs
        }
        around = Around(address=trunk, pbxs=access)
        self.exchange = Exchange(folder / "town", around, root=root, dies_with_parent=True)

    @contextmanager
    def running(self) -> Iterator["Asterisks"]:
        """All of them, until the worker has no more tests."""
        all_instances = (*self.pbxs.values(), self.exchange.instance)
        try:
            for instance in all_instances:
                instance.start()
            yield self
        finally:
            for instance in all_instances:
                instance.stop()


class Relay:
    """Passes connections on to ARI; while it is cut, nobody listens."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            self._writers.add(far_writer)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except OSError:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


class AsteriskBench(BenchBase):
    """Real time, real phones."""

    def __init__(self, asterisks: Asterisks, town: Town) -> None:
        super().__init__()
        self.network = town
        self._town = town
        self._address = asterisks.pbxs[PBX].ari_address()
        parts = urlsplit(self._address)
        assert parts.hostname is not None
        assert parts.port is not None
        self._place = f"{parts.hostname}:{parts.port}"
        self._relay = Relay(parts.hostname, parts.port)
        # Another application than the gateway's: it sees and ends everything, and gets no events.
        self._cleaner = AriClient(read_address(PBX, self._address).url, "cleaner", lambda _: None)
        self._woken = asyncio.Event()
        self._blobs = MemoryBlobs()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for key, data in MEDIA.items():
            await self._blobs.put(key, data)
        await self._cleaner.connect()
        await self._clean()
        await self._relay.start()
        await self.come_back()

    async def stop(self) -> None:
        await self.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._relay.stop()
        await self._clean()
        await self._cleaner.close()

    async def come_back(self) -> None:
        address = self._address.replace(self._place, f"127.0.0.1:{self._relay.port}")
        self.adapter = self.pbx = AsteriskPbx(PBX, address, self._woken.set, self._blobs)
        self._running = asyncio.create_task(self.adapter.run())

    async def leave(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def now(self) -> int:
        return int(time.monotonic() * 1_000)

    def call_in(self, **fields: Any) -> None:
        self._later(self._town.call_in(PBX, a_call(**fields)))

    def vanish(self, *, for_ms: int, drops: float = 0.0) -> None:
        self._later(self._be_away(for_ms, drops))

    async def _be_away(self, for_ms: int, drops: float) -> None:
        await self._relay.stop()
        if drops:
            await self._clean(drops)
        await asyncio.sleep(for_ms / 1_000)
        await self._relay.start()

    def _later(self, action: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(action))

    async def _clean(self, share: float = 1.0) -> None:
        """End a share of the calls of the PBX, and with all of them bridges and recordings."""
        channels = (await self._cleaner.request("GET", "channels")).read(list[Channel])
        for channel in channels[: round(share * len(channels))]:
            await self._cleaner.request("DELETE", path("channels", channel.id))
        if share < 1:
            return
        for bridge in (await self._cleaner.request("GET", "bridges")).read(list[AriBridge]):
            await self._cleaner.request("DELETE", path("bridges", bridge.id))
        for kept in (await self._cleaner.request("GET", "recordings/stored")).read(list[LiveRecording]):
            await self._cleaner.request("DELETE", path("recordings", "stored", kept.name))

    async def _pass(self, ms_max: int) -> None:
        self._woken.clear()
        self.told += self.pbx.take()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(POLL_S, max(0.001, ms_max / 1_000))):
                await self._woken.wait()
        self.told += self.pbx.take()


@asynccontextmanager
async def an_asterisk_bench(asterisks: Asterisks, folder: Path) -> AsyncIterator[AsteriskBench]:
    """A bench whose phones have just been unpacked; the PBXs run on."""
    sounds = Sounds(MediaPrompts(), voice, scripts.texts(asterisks.script))
    async with Town(asterisks.script, asterisks.exchange, sounds, folder=folder) as town:
        bench = AsteriskBench(asterisks, town)
        await bench.start()
        try:
            yield bench
        finally:
            await bench.stop()
