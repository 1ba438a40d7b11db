"""Recordings of legs and of bridges.

Theory of operation. Asterisk writes a recording into a file of its own, raw A-law, and the file is
Asterisk's until the recording is over; then its sound is read by HTTP and told. A file that is there survives
Asterisk's restart and ours, so the gateway fetches it whenever it likes, until it releases it. Asterisk does
not say why a recording ended: that is inferred. Asterisk counts silence and the maximum in what it receives,
so a timer of ours ends the recording of a phone that sends nothing.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from contracts import telephony
from contracts.ids import BridgeId, LegId, RecordingId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriEvent, AriObject, LiveRecording, instant_ms
from services.gateway.asterisk.client import AriError, path
from services.gateway.asterisk.downloads import Downloads, NotThere
from services.gateway.asterisk.ids import is_fit, marked, unmarked
from services.gateway.asterisk.legs import Leg
from services.gateway.asterisk.media import Media
from services.gateway.asterisk.tone import RECORDING_TONE, recording_tone
from services.gateway.port import (
    Cause,
    FetchSound,
    RecordingClosed,
    RecordingSeen,
    ReleaseRecording,
    Result,
    Sound,
)

FORMAT: Final = "alaw"
"""Raw: a file that was cut off needs no repair."""
CONFLICT: Final = 409
NOT_FOUND: Final = 404
TERMINATORS: Final = {"#": "#", "*": "*"}
"""Keys at which Asterisk itself ends a recording, also while we are away."""
STOP_S_MAX: Final = 3.0
"""A recording that is stopped ends within milliseconds."""
GONE_S_MAX: Final = 2.0
"""The end of a recording comes with its leg's; later it is looked for."""
SHORT_MS: Final = 1_000
"""Asterisk's maximum counts whole seconds."""
RELEASED_MAX: Final = 10_000
"""Ids of recordings that are not begun a second time."""

log = structlog.get_logger(__name__)


class Tape(msgspec.Struct, kw_only=True, eq=False):
    """One recording that began in this process."""

    command: telephony.Record
    leg: Leg
    asked_at: int
    started_at: int | None = None
    cause: Cause | None = None
    """Why we end it, or why it ended."""
    key_pressed: bool = False
    over: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None

    @property
    def recording_id(self) -> RecordingId:
        """Its id."""
        return self.command.recording_id


class _Status(AriObject, frozen=True, kw_only=True):
    startup_time: str = ""


class _Info(AriObject, frozen=True, kw_only=True):
    status: _Status = _Status()


class Recordings:
    """`record` and `stop` are called one after the other for each leg; `fetch` and `release` at any time."""

    def __init__(self, adapter: AdapterState, media: Media | None, on_free: Callable[[Leg], None]) -> None:
        """`media` brings the recording tone; None: Asterisk's own beep is heard.

        `on_free` is called when a leg is recorded no longer: Asterisk plays nothing to it before.
        """
        self._adapter = adapter
        self._media = media
        self._on_free = on_free
        self._downloads = Downloads(adapter.address.url, adapter.tls)
        self._tapes: dict[RecordingId, Tape] = {}
        self._released: dict[RecordingId, None] = {}
        self._sending: set[RecordingId] = set()

    # Events

    def hear(self, event: AriEvent) -> None:
        """Take what happens to recordings, and the keys that end them."""
        if event.recording is not None:
            tape = self._tapes.get(RecordingId(unmarked(event.recording.name) or ""))
            if tape is not None:
                self._on_recording(event.type, event.recording, tape)
        elif event.type == "ChannelDtmfReceived" and event.channel is not None:
            for tape in self._open_of_channel(event.channel.id):
                self._key(tape, event.digit)

    def _on_recording(self, kind: str, recording: LiveRecording, tape: Tape) -> None:
        match kind:
            case "RecordingStarted":
                tape.started_at = self._adapter.now()
                self._set_timer(tape)
            case "RecordingFinished":
                self._ended(tape)
            case "RecordingFailed":
                log.info("gateway.recording_failed", pbx_id=self._adapter.pbx_id, reason=recording.cause)
                tape.cause = tape.cause or (Cause.HANG_UP if _is_going(tape.leg) else Cause.CUT_OFF)
                self._ended(tape)
            case _:
                pass

    def _open_of_channel(self, channel_id: str) -> list[Tape]:
        leg = self._adapter.legs.of_channel(channel_id)
        return [] if leg is None else self._open_of(leg.leg_id)

    def _open_of(self, leg_id: LegId) -> list[Tape]:
        return [each for each in self._tapes.values() if each.leg.leg_id == leg_id and not each.over.is_set()]

    def _key(self, tape: Tape, digit: str) -> None:
        if digit not in tape.command.terminators:
            return
        tape.key_pressed = True
        if tape.command.terminators not in TERMINATORS or tape.command.bridge_id is not None:
            tape.cause = tape.cause or Cause.TERMINATOR
            self._stop_soon(tape)

    def _set_timer(self, tape: Tape) -> None:
        if tape.timer is not None:
            tape.timer.cancel()
        later_s = tape.command.duration_ms_max / 1000
        tape.timer = asyncio.get_running_loop().call_later(later_s, self._at_maximum, tape)

    def _at_maximum(self, tape: Tape) -> None:
        if not tape.over.is_set():
            tape.cause = tape.cause or Cause.MAXIMUM
            self._stop_soon(tape)

    def _stop_soon(self, tape: Tape) -> None:
        self._adapter.queues.at_once(lambda: self._stop(tape))

    def _ended(self, tape: Tape) -> None:
        """Asterisk has closed the file: read it, then tell its end."""
        if tape.over.is_set():
            return
        self._close(tape)
        self._send_soon(tape.recording_id, 0)

    def _close(self, tape: Tape) -> None:
        tape.over.set()
        tape.cause = tape.cause or self._inferred(tape)
        if tape.timer is not None:
            tape.timer.cancel()
        if tape.command.bridge_id is None and tape.leg.is_recorded:
            tape.leg.is_recorded = False
            self._on_free(tape.leg)

    def _inferred(self, tape: Tape) -> Cause:
        if tape.key_pressed:
            return Cause.TERMINATOR
        if _is_going(tape.leg):
            return Cause.HANG_UP
        began = tape.started_at if tape.started_at is not None else tape.asked_at
        if self._adapter.now() - began >= tape.command.duration_ms_max - SHORT_MS:
            return Cause.MAXIMUM
        return Cause.SILENCE

    def leg_over(self, leg: Leg) -> None:
        """A leg is gone: its recordings end by that, and Asterisk says so, as a rule."""
        for tape in self._open_of(leg.leg_id):
            tape.cause = tape.cause or Cause.HANG_UP
            asyncio.get_running_loop().call_later(GONE_S_MAX, self._look_for, tape)

    def _look_for(self, tape: Tape) -> None:
        if not tape.over.is_set() and self._adapter.client is not None:
            self._adapter.queues.at_once(lambda: self._find_end(tape))

    async def _find_end(self, tape: Tape) -> None:
        """End a recording whose end was not told."""
        if not await self._is_live(tape.recording_id):
            self._ended(tape)

    def lost(self) -> None:
        """What goes on is found out at the next connection; what is being read is read again then."""
        self._sending.clear()

    # Commands

    async def record(self, leg: Leg, command: telephony.Record) -> Result:
        """Record a leg, or its bridge."""
        known = self._tapes.get(command.recording_id)
        if known is not None and known.over.is_set():
            self._send_soon(command.recording_id, 0)
        if known is not None or command.recording_id in self._released:
            return Result.ALREADY
        if command.bridge_id is not None and leg.bridge_id != command.bridge_id:
            return Result.GONE
        if not is_fit(command.recording_id) or "/" in command.recording_id:
            # A slash would be a folder of Asterisk's.
            return Result.REFUSED
        tape = Tape(command=command, leg=leg, asked_at=self._adapter.now())
        self._tapes[command.recording_id] = tape
        leg.is_recorded = leg.is_recorded or command.bridge_id is None
        try:
            result = await self._begin(tape)
        except AriError:
            # Nobody knows whether it began: the next repetition finds out.
            self._drop(tape)
            raise
        if result in (Result.GONE, Result.REFUSED):
            self._drop(tape)
        return result

    def _drop(self, tape: Tape) -> None:
        self._close(tape)
        self._tapes.pop(tape.recording_id, None)

    async def _begin(self, tape: Tape) -> Result:
        command, leg = tape.command, tape.leg
        target = (
            path("bridges", marked(command.bridge_id))
            if command.bridge_id is not None
            else path("channels", leg.channel_id)
        )
        has_tone = command.tone and await self._tone(tape, target)
        query = {
            "name": marked(command.recording_id),
            "format": FORMAT,
            "maxDurationSeconds": str(math.ceil(command.duration_ms_max / 1000)),
            "maxSilenceSeconds": str(math.ceil(command.silence_ms_max / 1000)),
            "ifExists": "fail",
            "beep": "true" if command.tone and not has_tone else "false",
            "terminateOn": TERMINATORS.get(command.terminators, "none"),
        }
        reply = await self._adapter.request("POST", f"{target}/record", query=query)
        if reply.is_ok:
            return Result.DONE
        if reply.status == CONFLICT and await self._is_stored(command.recording_id):
            # It began by an earlier request; whatever it was told, its end is looked for.
            self._set_timer(tape)
            await self._find_end(tape)
            return Result.ALREADY
        return Result.GONE if reply.status == NOT_FOUND else Result.REFUSED

    async def _tone(self, tape: Tape, target: str) -> bool:
        """Let the tone be heard before the recording; Asterisk does one thing after the other."""
        medium = None if self._media is None else await self._media.own(RECORDING_TONE, recording_tone())
        if medium is None:
            return False
        name = f"tone.{tape.recording_id}"
        if not is_fit(name):
            return False
        reply = await self._adapter.request(
            "POST", f"{target}/{path('play', marked(name))}", body={"media": [medium.uri]}
        )
        return reply.is_ok

    async def stop(self, leg: Leg, command: telephony.StopRecording) -> Result:
        """End a recording; what was said is kept."""
        tape = self._tapes.get(command.recording_id)
        if tape is None:
            # A recording that began before this process did.
            reply = await self._adapter.request(
                "POST", path("recordings", "live", marked(command.recording_id), "stop")
            )
            if reply.is_ok:
                self._send_soon(command.recording_id, 0)
            return Result.DONE if reply.is_ok else Result.ALREADY
        if tape.over.is_set():
            return Result.ALREADY
        tape.cause = tape.cause or Cause.STOPPED
        await self._stop(tape)
        return Result.DONE

    async def _stop(self, tape: Tape) -> None:
        reply = await self._adapter.request(
            "POST", path("recordings", "live", marked(tape.recording_id), "stop")
        )
        if reply.status == NOT_FOUND:
            self._ended(tape)

    async def _stop_and_wait(self, tape: Tape, cause: Cause) -> None:
        tape.cause = tape.cause or cause
        await self._stop(tape)
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await tape.over.wait()
        except TimeoutError:
            await self._find_end(tape)

    async def end_before_bridge(self, leg: Leg) -> None:
        """End a leg's own recordings: a channel that is recorded can't enter a bridge."""
        for tape in self._open_of(leg.leg_id):
            if tape.command.bridge_id is None:
                await self._stop_and_wait(tape, Cause.STOPPED)

    async def end_before_unbridge(self, bridge_id: BridgeId) -> None:
        """End a bridge's recordings: when it is destroyed first, their end may be lost."""
        for tape in list(self._tapes.values()):
            if tape.command.bridge_id == bridge_id and not tape.over.is_set():
                await self._stop_and_wait(tape, Cause.HANG_UP)

    # The sound

    async def fetch(self, request: FetchSound) -> Result:
        """Tell the sound from a byte on and the closing, if it is closed; of an open one nothing."""
        recording_id = request.recording_id
        if recording_id in self._sending:
            return Result.ALREADY
        if await self._is_live(recording_id):
            return Result.DONE
        if not await self._is_stored(recording_id):
            return Result.GONE
        tape = self._tapes.get(recording_id)
        if tape is not None and not tape.over.is_set():
            self._close(tape)
        self._send_soon(recording_id, request.from_byte)
        return Result.DONE

    async def _is_live(self, recording_id: RecordingId) -> bool:
        reply = await self._adapter.request("GET", path("recordings", "live", marked(recording_id)))
        return reply.is_ok

    async def _is_stored(self, recording_id: RecordingId) -> bool:
        reply = await self._adapter.request("GET", path("recordings", "stored", marked(recording_id)))
        return reply.is_ok

    def _send_soon(self, recording_id: RecordingId, from_byte: int) -> None:
        if recording_id not in self._sending:
            self._sending.add(recording_id)
            self._adapter.queues.at_once(lambda: self._send(recording_id, from_byte))

    async def _send(self, recording_id: RecordingId, from_byte: int) -> None:
        try:
            size = 0
            async for data in self._downloads.sound(marked(recording_id)):
                known = max(0, from_byte - size)
                if known < len(data):
                    self._adapter.tell(
                        Sound(recording_id=recording_id, from_byte=size + known, data=data[known:])
                    )
                size += len(data)
        except NotThere as error:
            # The gateway asks again, and learns then whether there is anything.
            log.warning("gateway.recording_not_read", recording_id=recording_id, reason=str(error))
            if error.is_final:
                self._tell_closed(recording_id, 0)
            return
        finally:
            self._sending.discard(recording_id)
        self._tell_closed(recording_id, size)

    def _tell_closed(self, recording_id: RecordingId, size: int) -> None:
        tape = self._tapes.get(recording_id)
        self._adapter.tell(
            RecordingClosed(
                leg_id=None if tape is None else tape.leg.leg_id,
                recording_id=recording_id,
                bytes=size,
                # One that ended while no gateway was there ended by itself, as most do by a hang-up.
                cause=Cause.HANG_UP if tape is None or tape.cause is None else tape.cause,
            )
        )

    async def release(self, request: ReleaseRecording) -> Result:
        """Forget a recording."""
        await self._adapter.request("DELETE", path("recordings", "stored", marked(request.recording_id)))
        self._tapes.pop(request.recording_id, None)
        self._released[request.recording_id] = None
        while len(self._released) > RELEASED_MAX:
            del self._released[next(iter(self._released))]
        return Result.DONE

    async def seen(self) -> tuple[RecordingSeen, ...]:
        """After every connection, for PbxThere: what Asterisk has of ours, open or stored."""
        reply = await self._adapter.request("GET", path("recordings", "stored"))
        stored = reply.read(tuple[LiveRecording, ...]) if reply.is_ok else ()
        names = {name for each in stored if (name := unmarked(each.name)) is not None}
        await self._find_ends()
        return tuple(RecordingSeen(recording_id=RecordingId(name)) for name in sorted(names))

    async def _find_ends(self) -> None:
        """Find out which open recordings ended while no event could say so, and whether Asterisk did."""
        tapes = [each for each in self._tapes.values() if not each.over.is_set()]
        if not tapes:
            return
        reply = await self._adapter.request("GET", path("asterisk", "info"), query={"only": "status"})
        started_at = instant_ms(reply.read(_Info).status.startup_time) if reply.is_ok else None
        for tape in tapes:
            is_new = started_at is not None and started_at + self._adapter.clock_ms_behind > tape.asked_at
            if is_new:
                tape.cause = Cause.CUT_OFF
            if is_new or not await self._is_live(tape.recording_id):
                # The gateway fetches it.
                self._close(tape)


def _is_going(leg: Leg) -> bool:
    return leg.is_over or leg.is_ended_by_party or leg.is_ended_by_us
