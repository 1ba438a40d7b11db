"""Runs the simulated PBXs and phones of a script, for the gateway to connect to (loopback, JSON lines).

It is a separate process, so that calls survive when a gateway is killed. Played sound must be in S3
(RINGBACK_S3_*); espeak-ng speaks people's texts. With --wait the script starts at the control `begin`;
services/gateway/simulated/wire.py describes the controls.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import botocore.exceptions
import msgspec
import yaml

from contracts.directory import Language
from contracts.ids import Address, MediaKey, PbxId
from ringback.stack.process import why_port_is_refused
from ringback.stack.signals import SIGNALS
from runtime import secret_files
from runtime.s3_blobs import connected
from services.gateway.port import PbxGone, PbxThere
from services.gateway.simulated import AudioLibrary, Script, SimulatedNetwork, wire
from services.gateway.simulated import script as scripts

IDLE_S_MAX = 0.5
CONTROL_S_MAX = 60
# The script's clock may begin at any instant: only differences count.
BASE_MS = 1_000_000


class NotServed(Exception):
    """The phones can't be served; the message says why and what to do."""


def speak(text: str, language: Language) -> bytes:
    """Speak a text as headerless A-law at 8 kHz, with espeak-ng and sox. Raises NotServed without them."""
    for program in ("espeak-ng", "sox"):
        if shutil.which(program) is None:
            raise NotServed(f"{program}, which speaks people's texts, is missing: run make setup")
    voice = ["espeak-ng", "--stdin", "--stdout", "-v", language.value]
    spoken = subprocess.run(voice, input=text.encode(), stdout=subprocess.PIPE, check=True, timeout=20).stdout
    convert = ["sox", "-t", "wav", "-", "-t", "raw", "-r", "8000", "-c", "1", "-e", "a-law", "-b", "8", "-"]
    converted = subprocess.run(
        # espeak-ng writes a size of 2 GB into a streamed header, and sox warns of that.
        convert,
        input=spoken,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=20,
    )
    return converted.stdout


class Bucket:
    """The S3 bucket of the environment; a PBX that can't reach it plays nothing."""

    def __init__(self) -> None:
        told = secret_files.resolved(os.environ)
        self._bucket = told.get("RINGBACK_S3_BUCKET", "ringback")
        self._s3 = connected(
            endpoint=told.get("RINGBACK_S3_ENDPOINT", ""),
            region=told.get("RINGBACK_S3_REGION", "us-east-1"),
            access_key=told.get("RINGBACK_S3_ACCESS_KEY", "none"),
            secret_key=told.get("RINGBACK_S3_SECRET_KEY", "none"),
            ca=told.get("RINGBACK_S3_CA", ""),
            # The PBXs stand still meanwhile, so give up soon when S3 is dead.
            connect_s_max=1,
            answer_s_max=2,
            retries_max=1,
        )

    def fetch(self, key: MediaKey) -> bytes | None:
        """An object, or None if it or S3 is missing."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
            return bytes(answer["Body"].read())
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return None

    def keys(self, prefix: str) -> list[MediaKey]:
        """The keys that begin so; none if S3 is missing."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            return [MediaKey(each["Key"]) for page in pages for each in page.get("Contents", [])]
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return []


class PhonesServer:
    """Serves a simulated network on a TCP port; `speed` 2 doubles its speed."""

    def __init__(self, network: SimulatedNetwork, *, speed: float = 1.0) -> None:
        self.network = network
        self._speed = speed
        self._started = time.monotonic()
        self._connections: dict[PbxId, asyncio.StreamWriter] = {}
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._running: asyncio.Task[None] | None = None

    def now(self) -> int:
        """The network's clock in ms."""
        return BASE_MS + int((time.monotonic() - self._started) * 1000 * self._speed)

    async def start(self, port: int) -> int:
        """Listen on loopback; port 0 takes a free one. Returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=wire.LINE_BYTES_MAX)
        self._running = asyncio.create_task(self._run())
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End the network with all its phones."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.close()

    def begin(self) -> None:
        """Start the script."""
        self.network.begin(self.now())
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            self._pump()
            next_at = self.network.next_event_at()
            wait_s = IDLE_S_MAX if next_at is None else (next_at - self.now()) / 1000 / self._speed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(IDLE_S_MAX, max(0.001, wait_s))):
                    await self._changed.wait()

    def _pump(self) -> None:
        """Advance the network, and send its events."""
        now = self.now()
        self.network.advance(now)
        for pbx_id, pbx in self.network.pbxs.items():
            for event in pbx.events(now):
                writer = self._connections.get(pbx_id)
                if isinstance(event, PbxGone):
                    # A PBX that disappears says nothing: its connection breaks.
                    self._drop(pbx_id)
                elif isinstance(event, PbxThere):
                    # Sent to each gateway that connects.
                    continue
                elif writer is not None:
                    writer.write(wire.line(wire.EventLine(event=event)))

    def _drop(self, pbx_id: PbxId) -> None:
        writer = self._connections.pop(pbx_id, None)
        if writer is not None:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            data = await reader.readline()
            greeting = wire.read_greeting(data)
            if greeting.control is not None:
                await self._control(greeting.control, writer)
            elif greeting.pbx is not None:
                await self._serve_gateway(greeting.pbx, reader, writer)
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            writer.write(json.dumps({"error": str(error)}).encode() + b"\n")
        except OSError:
            pass
        finally:
            writer.close()

    async def _serve_gateway(
        self, pbx_id: PbxId, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        pbx = self.network.pbxs[pbx_id]
        self._pump()
        if not pbx.is_there:
            return
        former = self._connections.get(pbx_id)
        if former is not None:
            former.write(wire.line(wire.EventLine(is_replaced=True)))
            former.close()
        self._connections[pbx_id] = writer
        writer.write(wire.line(wire.EventLine(event=pbx.there(self.now()))))
        while data := await reader.readline():
            if self._connections.get(pbx_id) is not writer:
                return
            line = wire.read_request(data)
            if line.request is not None:
                pbx.command(self.now(), line.number, line.request)
                self._changed.set()
        if self._connections.get(pbx_id) is writer:
            del self._connections[pbx_id]

    async def _control(self, control: wire.Control, writer: asyncio.StreamWriter) -> None:
        self._pump()
        now = self.now()
        if control.begin:
            self.begin()
        if control.pbx_id is not None:
            pbx = self.network.pbxs[control.pbx_id]
            if control.call is not None:
                pbx.call_in(now, control.call)
            if control.vanish_s is not None:
                pbx.vanish(now, for_ms=round(control.vanish_s * 1000), drops=control.drops)
            if control.address is not None:
                handset = self.network.handsets.of(control.pbx_id, Address(control.address))
                if handset is None:
                    raise ValueError(f"{control.pbx_id} has no phone {control.address}")
                if control.behave:
                    handset.behave(*control.behave)
                if control.reachable is not None:
                    handset.set_reachable(control.reachable)
        self._changed.set()
        writer.write(json.dumps({"counts": dict(sorted(self.network.counts.items()))}).encode() + b"\n")
        await writer.drain()


def control(port: int, message: wire.Control) -> dict[str, int]:
    """Send a control to a running network from another process; returns the counts. Raises RuntimeError."""
    return dict(asked(port, message)["counts"])


def asked(port: int, message: wire.Control) -> dict[str, Any]:
    """Everything that a running network answers to a control. Raises RuntimeError."""
    with socket.create_connection(("127.0.0.1", port), timeout=CONTROL_S_MAX) as connection:
        connection.sendall(wire.line(wire.Greeting(control=message)))
        answer = json.loads(connection.makefile("rb").readline())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return dict(answer)


def read_script(file: Path) -> Script:
    """A script from a YAML file. Raises msgspec.ValidationError with the place."""
    return scripts.read(yaml.safe_load(file.read_text(encoding="utf-8")))


async def _serve(options: argparse.Namespace, script: Script) -> None:
    stopped = asyncio.Event()
    for sign in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(sign, stopped.set)
    audio = AudioLibrary(Bucket().fetch, speak)
    for text, language in sorted(scripts.texts(script)):
        audio.spoken(text, language)
    server = PhonesServer(SimulatedNetwork(script, audio, boot=f"{int(time.time()):x}"), speed=options.speed)
    try:
        port = await server.start(options.port)
    except (OSError, OverflowError) as error:
        raise NotServed(why_port_is_refused(options.port, error)) from error
    print(f"phones: {', '.join(sorted(script.pbxs))} listening on 127.0.0.1:{port}", flush=True)
    if not options.wait:
        server.begin()
    await stopped.wait()
    await server.stop()


def main(argv: list[str]) -> int:
    """Read the script and serve it until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m ringback phones", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--speed", type=float, default=1.0, help="2: everything happens twice as fast")
    parser.add_argument("--wait", action="store_true", help="begin when a control says so")
    options = parser.parse_args(argv)
    try:
        script = read_script(options.script)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        print(f"phones: {options.script}: {error}", file=sys.stderr)
        return 1
    try:
        asyncio.run(_serve(options, script))
    except NotServed as failure:
        print(f"phones: {failure}", file=sys.stderr)
        return 1
    return 0
