"""A phone of another make: baresip, whose SIP and sound are of its own library, libre.

It comes from Debian's packages as Asterisk does, of the same suite, and runs with its libraries: the older
version of Debian 12 sends no INFO. Each phone has an address, files, and a control connection of its own, on
which it tells what happens to it.
"""

import asyncio
import audioop
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from ringback.stack.asterisk import NoAsterisk, Root, fetched_beside, free_address
from ringback.stack.process import Process
from tests.integration.asterisk import ears

PACKAGE: Final = "baresip-core"
LIBRARIES: Final = ("libre",)
"""libre and librem; everything else that its modules need below, Asterisk has."""
CONTROL_PORT: Final = 4_444
UNTIL_S_MAX: Final = 60.0
STOP_S_MAX: Final = 3.0
"""It takes its leave of a registrar, which may be gone."""
WAV_HEAD_BYTES: Final = 44
SAYS_MS: Final = 60_000
CONFIGURATION: Final = """\
sip_listen {address}:5060
net_interface {address}
rtcp_mux no
audio_source aufile,{folder}/says.wav
audio_player aufile,{folder}/hears.wav
audio_alert aufile,{folder}/rings.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
ring_aufile none
module_path {modules}
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{port}
"""
ACCOUNT: Final = (
    "<sip:{extension}@{registrar}>;auth_user={extension};auth_pass={password};regint=600;"
    "audio_codecs=PCMA/8000/1;dtmfmode={keys}\n"
)


@dataclass(frozen=True, slots=True)
class Login:
    """What the owner of a phone types into it; `keys` is how it sends them: `rtpevent` or `info`."""

    registrar: str
    extension: str
    password: str
    keys: str = "rtpevent"


def unpacked(root: Root) -> Path:
    """Its files; where it can't be had the test is skipped, not in CI."""
    try:
        return fetched_beside(root, PACKAGE, *LIBRARIES)
    except NoAsterisk as failure:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the tests on baresip must run: {failure}")
        pytest.skip(str(failure))


class Baresip:
    """One phone."""

    def __init__(self, folder: Path, package: Path, root: Root, login: Login, says_hz: int) -> None:
        self.login = login
        self.address = free_address()
        self._write_files(folder, package, ears.wav(says_hz, ms=SAYS_MS))
        libraries = package / "usr/lib" / root.libraries.name
        command = [*root.loading(package / "usr/bin/baresip", libraries), "-4", "-f", str(folder)]
        self.process = Process(
            f"baresip-{login.extension}",
            command,
            folder,
            env={"HOME": str(folder)},
            dies_with_parent=True,
            grace_s=STOP_S_MAX,
        )
        self._heard = folder / "hears.wav"
        self._events: list[dict[str, Any]] = []
        self._told = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    def _write_files(self, folder: Path, package: Path, says: bytes) -> None:
        folder.mkdir()
        (folder / "says.wav").write_bytes(says)
        modules = next(package.glob("usr/lib/**/ctrl_tcp.so")).parent
        configuration = CONFIGURATION.format(
            address=self.address, folder=folder, modules=modules, port=CONTROL_PORT
        )
        (folder / "config").write_text(configuration)
        (folder / "accounts").write_text(ACCOUNT.format(**asdict(self.login)))
        # Without one it writes its own, with somebody else's address.
        (folder / "contacts").touch()

    async def start(self) -> Self:
        """Start it and take its control connection; it has only one."""
        self.process.start()
        async with asyncio.timeout(UNTIL_S_MAX):
            while True:
                assert self.process.is_alive(), self.process.last_words()
                try:
                    reader, self._writer = await asyncio.open_connection(self.address, CONTROL_PORT)
                    break
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
        self._reading = asyncio.create_task(self._read(reader))
        return self

    async def stop(self) -> None:
        """End it."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await asyncio.to_thread(self.process.stop)

    # What it is told to do

    async def does(self, command: str, params: str = "") -> None:
        """Let it do something that its user could."""
        assert self._writer is not None
        text = json.dumps({"command": command, **({"params": params} if params else {})})
        self._writer.write(f"{len(text)}:{text},".encode())
        await self._writer.drain()

    async def presses(self, key: str) -> None:
        """Press and release a key."""
        await self.does("sndcode", key)

    # What happens to it

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads(await reader.readexactly(size))
                await reader.readexactly(1)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return
            self._events.append(message)
            self._told.set()

    async def until(self, kind: str) -> dict[str, Any]:
        """Wait until this has happened to it."""
        try:
            async with asyncio.timeout(UNTIL_S_MAX):
                while True:
                    for event in self._events:
                        if event.get("type") == kind:
                            return event
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind}, but {self._events}; {self.process.last_words()}") from None

    def heard(self) -> bytes:
        """All that its ear got until now, A-law."""
        pcm = self._heard.read_bytes()[WAV_HEAD_BYTES:] if self._heard.exists() else b""
        return audioop.lin2alaw(pcm[: len(pcm) & ~1], 2)

    async def hears(self, hz: int, ms: int) -> None:
        """Wait until it has heard a tone for so long."""
        async with asyncio.timeout(UNTIL_S_MAX):
            while ears.tone_ms(self.heard(), hz) < ms:
                await asyncio.sleep(0.1)
