"""Finds out what there is, on every connection, before anything is told or carried out.

Legs that were known and are not there any more are forgotten without a word: the gateway compares. A channel
is ours by its application and by its mark or its arguments; no other one is touched.
"""

import asyncio
import time
from typing import Final

import structlog

from contracts.ids import Instant, LegId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriBridge, AriObject, Channel, Endpoint, instant_ms
from services.gateway.asterisk.bridges import Bridges
from services.gateway.asterisk.calls import ANSWERED, KINDS, Calls, arrived
from services.gateway.asterisk.causes import FORBIDDEN
from services.gateway.asterisk.client import CONFLICT, AriError, Reply, path
from services.gateway.asterisk.devices import Devices
from services.gateway.asterisk.dialling import DIALLED, FREE, RING_MS, Dialling
from services.gateway.asterisk.ids import unmarked
from services.gateway.asterisk.legs import Leg, Step
from services.gateway.asterisk.plays import Plays
from services.gateway.asterisk.recordings import Recordings
from services.gateway.asterisk.requirements import Unfit
from services.gateway.port import LegSeen, PbxThere

STASIS: Final = "Stasis"
RINGING: Final = "Ringing"
RING_MS_UNKNOWN: Final = 60_000
"""For a phone that rings and whose limit was not kept: as long as any phone of ours rings."""

log = structlog.get_logger(__name__)


class _Ping(AriObject, frozen=True, kw_only=True):
    timestamp: str = ""


class NotThere(AriError):
    """Asterisk refused to say what it has."""


class Reconciliation:
    """Fills the adapter's legs and bridges with what Asterisk has."""

    def __init__(
        self,
        adapter: AdapterState,
        *,
        dialling: Dialling,
        calls: Calls,
        bridges: Bridges,
        devices: Devices,
        plays: Plays,
        recordings: Recordings,
    ) -> None:
        self._adapter = adapter
        self._dialling = dialling
        self._calls = calls
        self._bridges = bridges
        self._devices = devices
        self._plays = plays
        self._recordings = recordings

    async def there(self) -> PbxThere:
        """Everything that Asterisk has now. Raises AriError, or Unfit."""
        adapter = self._adapter
        channels, bridges, endpoints = await self._lists()
        await self._restore_legs(channels)
        up = [self._bridges.restore(each) for each in bridges]
        await self._plays.restore()
        recordings = await self._recordings.seen()
        devices = self._devices.restore(endpoints)
        return PbxThere(
            legs=tuple(_seen(leg) for leg in adapter.legs),
            recordings=recordings,
            bridges=tuple(each for each in up if each is not None),
            devices=devices,
        )

    async def _lists(self) -> tuple[tuple[Channel, ...], tuple[AriBridge, ...], tuple[Endpoint, ...]]:
        """Ask for all there is: one after the other to Asterisk, but without waiting in between.

        Over a slow network it is the waiting that takes the time, and meanwhile nobody is served.
        """
        holding = {"type": "holding", "name": self._adapter.address.app}
        _, _, channels, bridges, endpoints = await asyncio.gather(
            self._ask("POST", path("bridges", self._adapter.holding), query=holding),
            self._set_clock(),
            self._ask("GET", "channels"),
            self._ask("GET", "bridges"),
            self._devices.look(),
        )
        return channels.read(tuple[Channel, ...]), bridges.read(tuple[AriBridge, ...]), endpoints

    async def _ask(self, method: str, uri: str, query: dict[str, str] | None = None) -> Reply:
        reply = await self._adapter.request(method, uri, query=query, is_harmless=True)
        if reply.status == FORBIDDEN:
            raise Unfit("an ARI user that may only read", "a user of ari.conf with read_only = no")
        if not reply.is_ok and reply.status != CONFLICT:
            raise NotThere(f"{method} {uri.partition('/')[0]}: {reply.status}")
        return reply

    async def _set_clock(self) -> None:
        before = time.time_ns() // 1_000_000
        reply = await self._ask("GET", "asterisk/ping")
        after = time.time_ns() // 1_000_000
        theirs = instant_ms(reply.read(_Ping).timestamp)
        if theirs is not None:
            self._adapter.clock_ms_behind = (before + after) // 2 - theirs

    # Legs

    async def _restore_legs(self, channels: tuple[Channel, ...]) -> None:
        adapter = self._adapter
        ours = [each for each in channels if self._is_in_our_application(each)]
        found = [leg for channel in ours if (leg := self._leg(channel)) is not None]
        there = {leg.leg_id for leg in found}
        for leg in adapter.legs:
            if leg.leg_id not in there:
                adapter.forget(leg)
        for leg in found:
            adapter.legs.put(leg)
        strays = [each.id for each in ours if adapter.legs.of_channel(each.id) is None]
        await asyncio.gather(
            *(self._restore(leg) for leg in found), *(self._calls.remove(each) for each in strays)
        )

    def _is_in_our_application(self, channel: Channel) -> bool:
        app = channel.dialplan.app_data.partition(",")[0]
        return channel.dialplan.app_name == STASIS and app == self._adapter.address.app

    def _leg(self, channel: Channel) -> Leg | None:
        """The leg of a channel in our application, as it is now; None: a call that nobody can serve."""
        args = [*channel.dialplan.app_data.split(",")[1:], ""]
        name = unmarked(channel.id)
        known = self._adapter.legs.of_channel(channel.id)
        if args[0] in KINDS and name is None:
            leg = known or arrived(self._adapter, channel, tuple(args))
            leg.is_told = True
            leg.is_up = channel.is_up
            return leg
        if args[0] != DIALLED or name is None:
            return None
        leg = known or Leg(
            leg_id=LegId(name),
            channel_id=channel.id,
            is_arrived=False,
            since_at=self._adapter.instant(channel.creationtime),
            device=self._device(channel),
        )
        leg.step = Step.DIALLED
        leg.is_ringing = leg.is_ringing or channel.state == RINGING
        leg.is_up = channel.is_up
        return leg

    def _device(self, channel: Channel) -> str:
        """The phone that a channel rings: its name is the device's and a number behind a hyphen."""
        device = channel.name.rpartition("-")[0]
        return device if self._adapter.address.phone_of(device) is not None else ""

    async def _restore(self, leg: Leg) -> None:
        """Have its events again, and what only its channel knows."""
        leg.in_stasis.set()
        leg.bridge_id = None
        await self._calls.subscribe(leg)
        if leg.is_arrived and not leg.is_up:
            await self._adapter.request("POST", path("channels", leg.channel_id, "ring"), is_harmless=True)
        if leg.is_arrived and leg.is_up and not leg.is_answered:
            leg.is_answered = await self._adapter.variable(leg.channel_id, ANSWERED) == "1"
        elif not leg.is_arrived and leg.is_up:
            await self._set_free(leg)
        elif not leg.is_arrived and not leg.ring_ms_max:
            leg.ring_ms_max = await self._ring_ms_max(leg)

    async def _ring_ms_max(self, leg: Leg) -> int:
        value = await self._adapter.variable(leg.channel_id, RING_MS)
        return int(value) if value.isascii() and value.isdecimal() else RING_MS_UNKNOWN

    async def _set_free(self, leg: Leg) -> None:
        """A dialled leg that was answered while nobody listened leaves Asterisk's own bridge."""
        if not leg.is_answered and await self._adapter.variable(leg.channel_id, FREE) != "1":
            await self._dialling.leave_dial_bridge(leg)
            await self._dialling.note_free(leg)
        leg.is_answered = True


def _seen(leg: Leg) -> LegSeen:
    return LegSeen(
        leg_id=leg.leg_id,
        is_answered=leg.is_answered,
        is_arrived=leg.is_arrived,
        since_at=Instant(leg.since_at),
        caller=leg.caller,
        line=leg.line,
        is_internal=leg.is_internal,
        is_ringing=leg.is_ringing,
        ring_ms_max=leg.ring_ms_max,
    )
