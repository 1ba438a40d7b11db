"""The town itself: takes the calls that PBXs make to its phones, makes calls, and lets people act on them.

Each channel of the town's Asterisk that is a phone's call is a `TownCall`; a second channel brings its sound
to a `Line`, and a bridge joins the two.
"""

import asyncio
import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import structlog
from msgspec import Struct

from contracts.gateway import DeviceState
from contracts.ids import Address, PbxId
from devtools.town.calls import SOUND, CallGone, Diary, TownCall
from devtools.town.exchange import APP, DIALLED, Exchange, phone_name, trunk_name
from devtools.town.person import Person
from devtools.town.registrations import Registrations
from devtools.town.sound import Line, SoundThread
from devtools.town.sounds import Sounds
from ringback.stack.asterisk.sounds import tone
from runtime import private_files
from services.gateway.asterisk.address import read_address
from services.gateway.asterisk.ari import AriBridge, AriEvent, Channel
from services.gateway.asterisk.client import AriClient, AriError, connected, path
from services.gateway.simulated.handsets import Handset, HandsetRegistry
from services.gateway.simulated.pbx import NETWORK_RING_MS
from services.gateway.simulated.script import Behaviour, Call, Condition, OwnCall, Phone, Script

CAUSES: Final = {
    Condition.BUSY: 17,
    Condition.UNAVAILABLE: 20,
    Condition.UNKNOWN: 1,
    Condition.BLOCKED: 21,
    Condition.NO_CODEC: 58,
}
"""Q.850, which the town's Asterisk tells as 486, 480, 404, 403 and 488."""
DECLINED: Final = 16
"""A normal end of a call that nobody has answered: 603."""
RUNG_OUT: Final = 18
"""408."""
GIVEN_UP: Final = 19
"""480."""
ANNOUNCEMENT: Final = tone(600, duration_ms=10_000)
"""What a network tells in its 183, in a tone that is nothing else's."""
ANSWERED_ELSEWHERE: Final = 26
"""Q.850, from the Reason of a CANCEL."""
SILENCE_S_MAX: Final = 60.0
"""A busy machine may keep the exchange, or us, from saying anything for long."""
ANSWERED: Final = 0
"""No cause: the phone is answered."""
POLL_S: Final = 0.05
FOREVER_S: Final = NETWORK_RING_MS / 1_000

_UNFIT: Final = re.compile(r"[^a-z0-9+]")

log = structlog.get_logger(__name__)


class HeardCall(Struct, frozen=True):
    """What one phone heard in one call: A-law at 8 kHz, in a file that grows while the call lasts."""

    name: str
    """`sip:201` or `tel:+7…`."""
    file: Path


class Town:
    """Phones and people; `async with` it, then `begin` the script."""

    def __init__(
        self, script: Script, exchange: Exchange, sounds: Sounds, *, folder: Path | None = None
    ) -> None:
        """The exchange runs already; `folder` gets what is heard."""
        self.script = script
        self.counts: Counter[str] = Counter()
        self.handsets = HandsetRegistry(script, self.counts)
        self.heard: list[HeardCall] = []
        self._exchange = exchange
        self._sounds = sounds
        self._registrations = Registrations(exchange)
        self._folder = folder or Path(tempfile.mkdtemp(prefix="ringback-town-"))
        self._client = self._new_client()
        self._is_connected = asyncio.Event()
        self._thread = SoundThread()
        self._calls: dict[str, TownCall] = {}
        self._own: Counter[str] = Counter()
        """Phones that are calling themselves, so that their PBX sees them in use."""
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Clear what an earlier town left in the exchange, and register the phones."""
        private_files.folder(self._folder)
        await self._connect()
        self._thread.start()
        self._later(0, self._connect_again())
        await self._registrations.keep({
            phone_name(pbx_id, handset.address.removeprefix("sip:"))
            for pbx_id in self._exchange.pbxs
            for handset in self.handsets.registered(pbx_id)
            if handset.is_reachable
        })  # fmt: skip
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all calls."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._is_connected.is_set():
            await self._clear()
        await self._client.close()
        self._thread.stop()

    def _new_client(self) -> AriClient:
        address = read_address(PbxId(APP), self._exchange.instance.ari_address(APP))
        return AriClient(address.url, APP, self._hear, silence_s_max=SILENCE_S_MAX)

    async def _connect_again(self) -> None:
        """Whoever stood still for a second has lost the exchange: its calls end, as nobody hears of them."""
        while True:
            await self._client.closed()
            self._is_connected.clear()
            log.error("town.exchange_lost", calls=len(self._calls))
            for call in list(self._calls.values()):
                call.ended.set()
            try:
                await self._connect()
            except AriError as error:
                log.warning("town.exchange_lost_again", reason=str(error))
                self._client.drop()

    async def _connect(self) -> None:
        self._client = await connected(self._new_client)
        await self._clear()
        self._is_connected.set()

    async def _clear(self) -> None:
        """End every call of the exchange."""
        for channel in (await self._client.request("GET", "channels")).read(list[Channel]):
            await self._client.request("DELETE", path("channels", channel.id))
        for bridge in (await self._client.request("GET", "bridges")).read(list[AriBridge]):
            await self._client.request("DELETE", path("bridges", bridge.id))

    async def quiet(self) -> None:
        """Wait until no phone is in a call."""
        while self._calls:
            await asyncio.sleep(POLL_S)

    # The script

    def begin(self) -> None:
        """Start the script: its calls, its phones' own calls and their changes."""
        for pbx_id, pbx in self.script.pbxs.items():
            for call in pbx.calls:
                self._later(call.at_s, self.call_in(PbxId(pbx_id), call))
            for address, phone in pbx.phones.items():
                self._begin_phone(PbxId(pbx_id), Address(address), phone)

    def _begin_phone(self, pbx_id: PbxId, address: Address, phone: Phone) -> None:
        for own in phone.own_calls:
            self._later(own.at_s, self._own_call(pbx_id, address, own))
        for change in phone.changes:
            is_reachable = change.state is not DeviceState.UNREACHABLE
            self._later(change.at_s, self.set_reachable(pbx_id, address, is_reachable=is_reachable))

    async def set_reachable(self, pbx_id: PbxId, address: Address, *, is_reachable: bool) -> None:
        """A phone registers, or loses its registration."""
        self.handset(pbx_id, address).set_reachable(is_reachable)
        name = phone_name(pbx_id, address.removeprefix("sip:"))
        await self._registrations.change(name, is_registered=is_reachable)

    def call(self, pbx_id: PbxId, call: Call) -> None:
        """Let somebody call now."""
        self._later(0, self.call_in(pbx_id, call))

    def handset(self, pbx_id: PbxId, address: Address) -> Handset:
        """A phone, as dialled from a PBX. Raises ValueError if there is none."""
        found = self.handsets.of(pbx_id, address)
        if found is None:
            raise ValueError(f"{pbx_id} has no phone {address}")
        return found

    async def call_in(self, pbx_id: PbxId, call: Call) -> None:
        """Somebody calls one of a PBX's lines, and acts until the call ends; their phone is in use.

        While the exchange is lost, the call waits for it.
        """
        await self._is_connected.wait()
        self.counts["calls_in"] += 1
        handset = self._caller(pbx_id, call)
        variables = {}
        endpoint = trunk_name(pbx_id)
        if call.is_internal:
            endpoint = phone_name(pbx_id, call.caller or "")
        elif call.caller:
            # The one thing that sets a created channel's From.
            variables = {"CONNECTEDLINE(num)": call.caller}
        name = "withheld" if handset is None else handset.address
        diary = Diary(name=name, pbx_id=pbx_id, line=call.line)
        town_call = self._call(f"town.{next(self._numbers)}", diary)
        if handset is not None:
            handset.take_line()
        try:
            await town_call.dial(f"PJSIP/{call.line}@{endpoint}", variables)
            person = Person(self._sounds, town_call, call.then)
            await self._until_over(town_call, self._hear_when_answered(town_call), person.act())
        finally:
            await self._end(town_call, handset)

    def _caller(self, pbx_id: PbxId, call: Call) -> Handset | None:
        if call.caller is None:
            return None
        if call.is_internal:
            return self.handsets.of(pbx_id, Address(f"sip:{call.caller}"))
        return self.handsets.public(call.caller)

    async def _own_call(self, pbx_id: PbxId, address: Address, own: OwnCall) -> None:
        """A phone is in use, though not for us: it calls its own extension, which every PBX allows."""
        name = phone_name(pbx_id, address.removeprefix("sip:"))
        handset = self.handset(pbx_id, address)
        handset.take_line()
        call = self._call(f"town.{next(self._numbers)}", Diary(name=address, pbx_id=pbx_id, line=address))
        self._own[name] += 1
        try:
            await call.dial(f"PJSIP/{address.removeprefix('sip:')}@{name}", {})
            await self._until_over(call, self._hear_when_answered(call), _hang_up_after(call, own.for_s))
        finally:
            self._own[name] -= 1
            await self._end(call, handset)

    # Calls

    def _hear(self, event: AriEvent) -> None:
        """An event of the exchange."""
        if event.channel is None:
            return
        channel_id = event.channel.id
        call = self._calls.get(channel_id.removesuffix(SOUND))
        if event.type == "StasisStart" and event.args[:1] == (DIALLED,):
            self._later(0, self._dialled(event.channel, event.args[1]))
        elif call is None:
            return
        elif channel_id != call.channel_id:
            if event.type == "StasisStart":
                call.sound_started.set()
        elif event.type == "StasisStart":
            call.started.set()
        elif event.type == "ChannelStateChange" and event.channel.is_up:
            call.answer_noted()
        elif event.type == "ChannelHangupRequest":
            self._note_missed(call, event)
        elif event.type in ("StasisEnd", "ChannelDestroyed"):
            call.ended.set()

    def _note_missed(self, call: TownCall, event: AriEvent) -> None:
        """A phone whose ringing ends notes a missed call, unless it is told that another was picked up."""
        is_rung = call.is_ringing and not call.answered.is_set()
        if is_rung and not event.soft and event.cause != ANSWERED_ELSEWHERE:
            self.counts[f"missed {call.name}"] += 1

    async def _dialled(self, channel: Channel, name: str) -> None:
        """A PBX calls a phone, by its name in the town, or a public number."""
        found = self._exchange.extension(name)
        call_name = f"sip:{found[1]}" if found is not None else f"tel:{name}"
        call = self._call(channel.id, Diary(name=call_name, pbx_id=found[0] if found else None))
        if found is not None and self._own[name] and channel.caller.number == found[1]:
            await self._take_own_call(call)
            return
        handset = self.handsets.of(found[0], Address(call_name)) if found else self.handsets.public(name)
        behaviour = handset.next_behaviour() if handset else Behaviour(condition=Condition.UNKNOWN)
        if handset is not None:
            handset.shown = (channel.caller.number, channel.caller.name)
        self.counts["dials"] += 1
        self.counts[f"dialled {call_name}"] += 1
        try:
            await self._until_over(call, self._react(call, handset, behaviour))
        finally:
            await self._end(call, handset if call.answered.is_set() else None)

    async def _take_own_call(self, call: TownCall) -> None:
        try:
            await self._until_over(call, call.answer())
        finally:
            await self._end(call, None)

    async def _react(self, call: TownCall, handset: Handset | None, behaviour: Behaviour) -> None:
        """A phone rings, and its person or its network does something; or it can't ring. Raises CallGone."""
        is_busy = handset is not None and handset.is_busy
        condition = Condition.BUSY if is_busy else behaviour.condition
        if condition is Condition.DEAD:
            return
        if condition is not Condition.RINGS:
            await call.refuse(CAUSES[condition])
            return
        await asyncio.sleep(behaviour.ring_after_s)
        if behaviour.is_progress_only:
            await call.announce(ANNOUNCEMENT)
        else:
            await call.ring()
        after_s, cause = min(
            (FOREVER_S, RUNG_OUT),
            (_or_never(behaviour.gives_up_after_s), GIVEN_UP),
            (_or_never(behaviour.decline_after_s), DECLINED),
            (_or_never(behaviour.answer_after_s), ANSWERED),
        )
        await asyncio.sleep(after_s)
        if cause != ANSWERED:
            await call.refuse(cause)
            return
        if handset is not None and handset.is_busy:
            await call.refuse(CAUSES[Condition.BUSY])
            return
        if handset is not None:
            handset.take_line()
        call.answer_noted()
        await call.answer()
        await Person(self._sounds, call, behaviour.then).act()

    async def _hear_when_answered(self, call: TownCall) -> None:
        await call.answered.wait()
        await call.connect_sound()

    async def _until_over(self, call: TownCall, *actions: Coroutine[Any, Any, None]) -> None:
        """Let people act as long as the call lasts."""
        tasks = [asyncio.create_task(action) for action in actions]
        try:
            await call.ended.wait()
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, CallGone):
                    log.error("town.person_failed", phone=call.name, error=repr(result))

    def _call(self, channel_id: str, diary: Diary) -> TownCall:
        file = self._folder / f"{next(self._numbers):05}-{_UNFIT.sub('_', diary.name)}.alaw"
        line = Line(self._exchange.trunk_address, file)
        self.heard.append(HeardCall(diary.name, file))
        call = self._calls[channel_id] = TownCall(self._client, channel_id, diary, line, self._thread)
        return call

    async def _end(self, call: TownCall, handset: Handset | None) -> None:
        if handset is not None:
            handset.free_line()
        self._calls.pop(call.channel_id, None)
        await call.clear()

    def _later(self, delay_s: float, action: Coroutine[Any, Any, None]) -> None:
        """Do something in the background after a while."""

        async def act() -> None:
            await asyncio.sleep(delay_s)
            try:
                await action
            except (CallGone, AriError, TimeoutError) as error:
                log.warning("town.call_failed", reason=str(error))

        task = asyncio.create_task(act())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _or_never(after_s: float | None) -> float:
    return FOREVER_S + 1 if after_s is None else after_s


async def _hang_up_after(call: TownCall, duration_s: float) -> None:
    await asyncio.sleep(duration_s)
    await call.hang_up()
