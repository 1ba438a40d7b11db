"""One call of a phone of the town: its channel, its sound, and what its person does on it."""

import asyncio
import contextlib
import time
from typing import Final

import msgspec
from msgspec import Struct, field

from contracts.ids import PbxId
from devtools.town.exchange import APP
from devtools.town.sound import Line, SoundThread
from runtime import private_files
from services.gateway.asterisk.ari import Channel
from services.gateway.asterisk.client import AriClient, AriError, Reply, path

STASIS_S_MAX: Final = 5.0
DIAL_S_MAX: Final = 180
SOUND: Final = ".sound"
KEY_MS, PAUSE_MS = 100, 50
"""Of one key and after it: together the script's 150 ms."""


class CallGone(Exception):
    """The call has ended: whoever acts on it acts no more."""


def now_ms() -> int:
    """The time as the log has it."""
    return round(time.time() * 1_000)


class Diary(Struct, kw_only=True):
    """What a call was, beside the file with what was heard in it. Times are ms since 1970."""

    name: str
    """Whose phone it is: `sip:201`, `tel:+7…`."""
    pbx_id: PbxId | None = None
    """The PBX that was called, or whose phone was called; None: a public number was."""
    line: str = ""
    """What the person called; empty if the person was called."""
    begun_at: int = field(default_factory=now_ms)
    answered_at: int | None = None
    heard_from: int = 0
    """When the first byte of the file was heard."""
    ended_at: int = 0
    spoken: list[tuple[int, int]] = []


class TownCall:
    """A channel of a phone, and the channel that brings its sound to a line."""

    def __init__(
        self, client: AriClient, channel_id: str, diary: Diary, line: Line, thread: SoundThread
    ) -> None:
        """`diary` says whose phone it is, and is written when the call has ended."""
        self.channel_id = channel_id
        self.diary = diary
        self.name = diary.name
        self.line = line
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.started = asyncio.Event()
        """Its channel is in the application."""
        self.sound_started = asyncio.Event()
        self.is_ringing = False
        self._is_refused = False
        self._client = client
        self._thread = thread

    @property
    def sound_id(self) -> str:
        """The channel that brings the sound."""
        return f"{self.channel_id}{SOUND}"

    @property
    def bridge_id(self) -> str:
        """What joins the two channels."""
        return f"{self.channel_id}.bridge"

    async def ask(
        self, method: str, *parts: str, body: dict[str, object] | None = None, **query: str
    ) -> Reply:
        """A request about this call. Raises CallGone."""
        try:
            reply = await self._client.request(method, path(*parts), query=query, body=body)
        except AriError as error:
            raise CallGone from error
        if not reply.is_ok:
            raise CallGone(f"{method} {parts[0]}: {reply.status} {reply.body}")
        return reply

    async def connect_sound(self) -> None:
        """Let the phone hear and be heard. Raises CallGone."""
        made = await self.ask(
            "POST",
            "channels",
            "externalMedia",
            app=APP,
            channelId=self.sound_id,
            external_host=f"{self.line.address}:{self.line.port}",
            format="alaw",
        )
        found = made.read(Channel).channelvars
        self.line.talk_to(found["UNICASTRTP_LOCAL_ADDRESS"], int(found["UNICASTRTP_LOCAL_PORT"]))
        self._thread.add(self.line)
        async with asyncio.timeout(STASIS_S_MAX):
            await self.sound_started.wait()
        await self.ask("POST", "bridges", type="mixing", bridgeId=self.bridge_id)
        both = f"{self.channel_id},{self.sound_id}"
        await self.ask("POST", "bridges", self.bridge_id, "addChannel", channel=both)

    async def dial(self, endpoint: str, variables: dict[str, str]) -> None:
        """Call somebody. Raises CallGone."""
        await self.ask(
            "POST",
            "channels",
            "create",
            body={"variables": variables},
            endpoint=endpoint,
            app=APP,
            channelId=self.channel_id,
        )
        async with asyncio.timeout(STASIS_S_MAX):
            await self.started.wait()
        await self.ask("POST", "channels", self.channel_id, "dial", timeout=str(DIAL_S_MAX))

    async def ring(self) -> None:
        """Ring: 180. Raises CallGone."""
        self.is_ringing = True
        await self.ask("POST", "channels", self.channel_id, "ring")

    async def announce(self, sound: bytes) -> None:
        """Tell something before anybody has answered: 183. Raises CallGone."""
        await self.ask("POST", "channels", self.channel_id, "progress")
        await self.connect_sound()
        self.line.say(sound)

    async def answer(self) -> None:
        """Pick up. Raises CallGone."""
        await self.ask("POST", "channels", self.channel_id, "answer")
        if not self.sound_started.is_set():
            await self.connect_sound()

    async def press(self, keys: str, *, by_info: bool) -> None:
        """Press keys, sent as sound (RFC 4733) or by SIP's INFO. Raises CallGone."""
        await self.ask(
            "POST",
            "channels",
            self.channel_id,
            "variable",
            variable="PJSIP_DTMF_MODE()",
            value="info" if by_info else "rfc4733",
        )
        await self.ask(
            "POST",
            "channels",
            self.channel_id,
            "dtmf",
            dtmf=keys,
            duration=str(KEY_MS),
            between=str(PAUSE_MS),
        )

    async def hang_up(self) -> None:
        """Hang up. Raises CallGone."""
        await self.ask("DELETE", "channels", self.channel_id)

    async def refuse(self, cause: int) -> None:
        """End it with a cause of Q.850, before anybody has answered. Raises CallGone."""
        self._is_refused = True
        await self.ask("DELETE", "channels", self.channel_id, reason_code=str(cause))

    def answer_noted(self) -> None:
        """Somebody has picked up."""
        if not self.answered.is_set():
            self.diary.answered_at = now_ms()
            self.answered.set()

    async def clear(self) -> None:
        """Leave nothing of it in the exchange."""
        self.ended.set()
        self._thread.close(self.line)
        self._write_diary()
        found = [("channels", self.sound_id), ("bridges", self.bridge_id)]
        if not self._is_refused:
            # A second end would replace the cause, as long as the first one is not carried out.
            found.insert(0, ("channels", self.channel_id))
        for parts in found:
            with contextlib.suppress(AriError):
                await self._client.request("DELETE", path(*parts))

    def _write_diary(self) -> None:
        """Beside what was heard, if anything was."""
        if not self.line.file.exists():
            return
        offset_s = time.time() - time.monotonic()

        def ms(at: float) -> int:
            return round((at + offset_s) * 1_000)

        diary = self.diary
        diary.heard_from, diary.ended_at = ms(self.line.started_at), now_ms()
        diary.spoken = [(ms(begun_at), ms(ended_at)) for begun_at, ended_at in self.line.spoken]
        private_files.write(self.line.file.with_suffix(".json"), msgspec.json.encode(diary).decode())
