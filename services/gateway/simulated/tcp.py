"""The adapter to a simulated PBX over TCP: a `Pbx` that connects again by itself."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import structlog

from contracts.ids import PbxId
from services.gateway.port import AnyPbxEvent, Lack, PbxGone, Request
from services.gateway.simulated import wire

PAUSE_S_MIN: Final = 0.1
PAUSE_S_MAX: Final = 2.0
CONNECT_S_MAX: Final = 3.0
AWAY_AFTER_S: Final = 2.0
"""A PBX that can't be reached at start counts as lost after this long, not at the first refusal."""
REASON_LENGTH_MAX: Final = 300

log = structlog.get_logger(__name__)


class TcpPbx:
    """One PBX at `tcp://host:port`; `on_event` is called whenever there is something to take."""

    lacks: frozenset[Lack] = frozenset()

    def __init__(self, pbx_id: PbxId, address: str, on_event: Callable[[], None]) -> None:
        self.pbx_id = pbx_id
        parts = urlsplit(address)
        if parts.scheme != "tcp" or parts.hostname is None or parts.port is None:
            raise ValueError(f"the PBX {pbx_id} is at {address!r}; an address is tcp://host:port")
        self._host, self._port = parts.hostname, parts.port
        self._on_event = on_event
        self._events: list[AnyPbxEvent] = []
        self._writer: asyncio.StreamWriter | None = None
        self._is_said_gone = False
        self.is_replaced = False

    @property
    def is_connected(self) -> bool:
        """Whether the PBX is ours at this moment."""
        return self._writer is not None

    def ask(self, number: int, request: Request) -> None:
        """Send a request, if there is a PBX to send it to."""
        if self._writer is not None:
            self._writer.write(wire.line(wire.request_line(number, request)))

    def take(self) -> Sequence[AnyPbxEvent]:
        """The events since the last call."""
        taken, self._events = self._events, []
        return taken

    def connect_again(self) -> None:
        """Drop the connection; the next one begins with everything that the PBX has."""
        if self._writer is not None:
            self._is_said_gone = True
            self._writer.transport.abort()
            asyncio.get_running_loop().call_later(AWAY_AFTER_S, self._away)

    async def run(self) -> None:
        """Connect, read, and connect again, until somebody else takes the PBX over or this is cancelled."""
        pause_s = PAUSE_S_MIN
        asyncio.get_running_loop().call_later(AWAY_AFTER_S, self._gone)
        while not self.is_replaced:
            try:
                async with asyncio.timeout(CONNECT_S_MAX):
                    reader, writer = await asyncio.open_connection(
                        self._host, self._port, limit=wire.LINE_BYTES_MAX
                    )
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(PAUSE_S_MAX, pause_s * 2)
                continue
            is_readable = False
            try:
                is_readable = await self._converse(reader, writer)
            finally:
                self._writer = None
                writer.close()
            # After an unreadable line the pause grows; the new connection begins with all that the PBX has.
            pause_s = PAUSE_S_MIN if is_readable else min(PAUSE_S_MAX, pause_s * 2)
            self._gone()
            await asyncio.sleep(pause_s)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read until the connection ends (True), or until a line can't be read (False)."""
        writer.write(wire.line(wire.Greeting(pbx=self.pbx_id)))
        self._writer = writer
        try:
            while not self.is_replaced and (data := await reader.readline()).endswith(b"\n"):
                self._read(data)
        except OSError:
            return True
        except ValueError:  # asyncio's word for a line beyond the limit
            return self._unreadable(f"a line is longer than {wire.LINE_BYTES_MAX} bytes")
        except wire.Unreadable as error:
            return self._unreadable(str(error))
        return True

    def _read(self, data: bytes) -> None:
        try:
            line = wire.read_event(data)
        except wire.UnknownEvent as error:
            log.warning("gateway.happening_unknown", pbx_id=self.pbx_id, happening=str(error))
            return
        self.is_replaced = line.is_replaced
        if line.event is not None and not line.is_replaced:
            self._is_said_gone = False
            self._events.append(line.event)
            self._on_event()

    def _unreadable(self, reason: str) -> bool:
        log.error("gateway.pbx_unreadable", pbx_id=self.pbx_id, reason=reason[:REASON_LENGTH_MAX])
        return False

    def _away(self) -> None:
        """Connecting again took too long."""
        if self._writer is None:
            self._is_said_gone = False
            self._gone()

    def _gone(self) -> None:
        if not self._is_said_gone and self._writer is None:
            self._is_said_gone = True
            self._events.append(PbxGone())
            self._on_event()
