"""Runs a town of real SIP phones for PBXs that are already there, with the controls of `ringback phones`.

The PBXs and the address that they know as their trunk's are in the file --around: {"address": "127.1.2.3",
"pbxs": {"cloud": {"address": "127.4.5.6", "passwords": {"201": "..."}}}}. Prompts that people wait for must
be in S3 (RINGBACK_S3_*). With --wait the script starts at the control `begin`. Each control is answered by
the counts, and by the files with what each phone has heard.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import msgspec
import yaml

from contracts.ids import Address, MediaKey
from devtools.town.exchange import Around, Exchange
from devtools.town.registrations import NotRegistered
from devtools.town.sounds import Sounds
from devtools.town.town import Town
from ringback.phones import Bucket, NotServed, read_script, speak
from ringback.stack.process import StackError, why_port_is_refused
from ringback.stack.signals import SIGNALS
from runtime import private_files
from services.gateway.simulated import script as scripts
from services.gateway.simulated import wire

STANDARD: Final = "standard/"
"""The folder of all prompts that have a name."""


class BucketPrompts:
    """The prompts of the environment's bucket."""

    def __init__(self) -> None:
        self._bucket = Bucket()

    def keys(self, word: str) -> list[MediaKey]:
        """Prompts that have this word in their name, else anything with it in its key."""
        named = [key for key in self._bucket.keys(STANDARD) if word in key]
        return named or [key for key in self._bucket.keys("") if word in key]

    def fetch(self, key: MediaKey) -> bytes | None:
        """An object, or None."""
        return self._bucket.fetch(key)


class TownServer:
    """Lets other processes control a town: one JSON line, and one as its answer."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> int:
        """Listen on loopback; port 0 takes a free one. Returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=wire.LINE_BYTES_MAX)
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            greeting = wire.read_greeting(await reader.readline())
            if greeting.control is None:
                raise ValueError("a gateway connects to the PBXs themselves")
            await self._do(greeting.control)
            answer: dict[str, object] = {
                "counts": dict(sorted(self._town.counts.items())),
                "heard": self._heard(),
            }
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            answer = {"error": str(error)}
        except OSError:
            writer.close()
            return
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    async def _do(self, control: wire.Control) -> None:
        if control.begin:
            self._town.begin()
        if control.vanish_s is not None:
            raise ValueError("a real PBX does not vanish by itself: stop, freeze or kill its process")
        if control.pbx_id is None:
            return
        if control.call is not None:
            self._town.call(control.pbx_id, control.call)
        if control.address is not None:
            address = Address(control.address)
            handset = self._town.handset(control.pbx_id, address)
            if control.behave:
                handset.behave(*control.behave)
            if control.reachable is not None:
                await self._town.set_reachable(control.pbx_id, address, is_reachable=control.reachable)

    def _heard(self) -> dict[str, list[str]]:
        """The files of the calls in which a phone heard anything."""
        found = defaultdict(list)
        for each in self._town.heard:
            if each.file.exists():
                found[each.name].append(str(each.file))
        return found


async def _serve(options: argparse.Namespace, script: scripts.Script, around: Around) -> None:
    stopped = asyncio.Event()
    for sign in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    sounds = Sounds(BucketPrompts(), speak, scripts.texts(script))
    exchange = Exchange(options.folder / "exchange", around, dies_with_parent=True)
    exchange.instance.start()
    try:
        async with Town(script, exchange, sounds, folder=options.folder / "heard") as town:
            server = TownServer(town)
            try:
                port = await server.start(options.port)
            except (OSError, OverflowError) as error:
                raise NotServed(why_port_is_refused(options.port, error)) from error
            print(
                f"town: phones of {', '.join(sorted(around.pbxs))}, controls on 127.0.0.1:{port}", flush=True
            )
            if not options.wait:
                town.begin()
            await stopped.wait()
            server.stop()
    finally:
        exchange.instance.stop()


def main(argv: list[str]) -> int:
    """Read the script and serve it until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m devtools town", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--around", type=Path, required=True, help="the PBXs, and the trunk's address")
    parser.add_argument("--folder", type=Path, help="where Asterisk runs and what is heard lies")
    parser.add_argument("--wait", action="store_true", help="begin when a control says so")
    options = parser.parse_args(argv)
    # Beside the file with passwords: whoever made that wanted its folder to be private.
    options.folder = private_files.folder((options.folder or options.around.parent / "town").absolute())
    try:
        script = read_script(options.script)
        around = msgspec.json.decode(options.around.read_bytes(), type=Around)
    except (OSError, yaml.YAMLError, msgspec.MsgspecError) as error:
        print(f"town: {options.script}, {options.around}: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(options, script, around))
    except (NotServed, NotRegistered, StackError) as failure:
        print(f"town: {failure}", file=sys.stderr)
        return 1
    return 0
