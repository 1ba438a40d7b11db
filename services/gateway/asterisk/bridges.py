"""Bridges: two legs hear each other. The first who leaves ends it, and then Asterisk's bridge goes, too."""

from typing import Final

import msgspec

from contracts import telephony
from contracts.ids import BridgeId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriBridge, AriEvent
from services.gateway.asterisk.client import CONFLICT, path
from services.gateway.asterisk.ids import is_fit, marked, unmarked
from services.gateway.asterisk.legs import Leg
from services.gateway.asterisk.plays import Plays
from services.gateway.asterisk.recordings import Recordings
from services.gateway.port import LegsBridged, LegsUnbridged, Result

KIND: Final = "mixing,dtmf_events"
"""Without the second word the keys of bridged legs are not reported."""
USED_MAX: Final = 10_000
"""Bridges that are over are remembered, so that none is made a second time."""


class LegBridge(msgspec.Struct, kw_only=True, eq=False):
    """One bridge: who belongs in it, and which of their channels are there."""

    bridge_id: BridgeId
    legs: tuple[Leg, Leg]
    inside: set[str] = msgspec.field(default_factory=set)
    is_up: bool = False
    had_music: list[Leg] = msgspec.field(default_factory=list)
    """Whose music was ended for it."""


class Bridges:
    """The commands are called in the queues of both legs; a bridge that is over stays known as used."""

    def __init__(self, adapter: AdapterState, plays: Plays, recordings: Recordings) -> None:
        self._adapter = adapter
        self._plays = plays
        self._recordings = recordings
        self._bridges: dict[BridgeId, LegBridge] = {}
        self._used: dict[BridgeId, None] = {}

    def get(self, bridge_id: BridgeId) -> LegBridge | None:
        """A bridge that is not over."""
        return self._bridges.get(bridge_id)

    # Events

    def hear(self, event: AriEvent) -> None:
        """Take who enters and leaves."""
        if event.bridge is None or event.channel is None:
            return
        bridge = self._bridges.get(BridgeId(unmarked(event.bridge.id) or ""))
        if bridge is None or event.channel.id not in {leg.channel_id for leg in bridge.legs}:
            return
        if event.type == "ChannelEnteredBridge":
            bridge.inside.add(event.channel.id)
            if len(bridge.inside) == len(bridge.legs) and not bridge.is_up:
                bridge.is_up = True
                self._adapter.tell(LegsBridged(bridge_id=bridge.bridge_id))
        elif event.type == "ChannelLeftBridge" and event.channel.id in bridge.inside:
            # Whoever leaves without having entered leaves the half-made bridge of a gateway before us.
            self._left(bridge)

    def _left(self, bridge: LegBridge) -> None:
        self._forget(bridge)
        if bridge.is_up:
            self._adapter.tell(LegsUnbridged(bridge_id=bridge.bridge_id))
        self._adapter.queues.put_for_all(
            [leg.leg_id for leg in bridge.legs], lambda: self._destroy(bridge.bridge_id)
        )

    def _forget(self, bridge: LegBridge) -> None:
        self._bridges.pop(bridge.bridge_id, None)
        self._used[bridge.bridge_id] = None
        while len(self._used) > USED_MAX:
            del self._used[next(iter(self._used))]
        for leg in bridge.legs:
            if leg.bridge_id == bridge.bridge_id:
                leg.bridge_id = None

    def leg_over(self, leg: Leg) -> None:
        """A leg that was about to enter is gone: the other one is not left alone in a bridge."""
        bridge = self._bridges.get(leg.bridge_id) if leg.bridge_id is not None else None
        if bridge is not None:
            self._left(bridge)

    def lost(self) -> None:
        """What there is then is found out at the next connection."""
        self._bridges.clear()

    # Commands

    async def bridge(self, command: telephony.Bridge) -> Result:
        """Let two legs hear each other: nothing else is played to them or recorded of them alone."""
        known = self._bridges.get(command.bridge_id)
        if known is not None and known.is_up:
            self._adapter.tell(LegsBridged(bridge_id=command.bridge_id))
            return Result.ALREADY
        if command.bridge_id in self._used:
            # It is over, and nothing more would be told of it: whoever still waits for it must hear so.
            return Result.GONE
        first, second = (self._adapter.legs.get(leg_id) for leg_id in command.legs)
        if first is None or second is None or not (first.is_answered and second.is_answered):
            return Result.GONE
        if not is_fit(command.bridge_id):
            return Result.REFUSED
        bridge = known or LegBridge(bridge_id=command.bridge_id, legs=(first, second))
        self._bridges[bridge.bridge_id] = bridge
        for leg in bridge.legs:
            if await self._plays.silence(leg):
                bridge.had_music.append(leg)
            await self._recordings.end_before_bridge(leg)
            leg.bridge_id = bridge.bridge_id
        result = await self._join(bridge)
        if result is not Result.DONE:
            # Nobody is bridged: whoever is left waits on, and would hear nothing.
            for leg in bridge.had_music:
                if not leg.is_over:
                    await self._plays.start_music(leg)
        return result

    async def _join(self, bridge: LegBridge) -> Result:
        adapter, ari_id = self._adapter, marked(bridge.bridge_id)
        query = {"type": KIND, "name": adapter.address.app}
        made = await adapter.request("POST", path("bridges", ari_id), query=query)
        channels = ",".join(leg.channel_id for leg in bridge.legs)
        joined = await adapter.request(
            "POST", path("bridges", ari_id, "addChannel"), query={"channel": channels}
        )
        is_there = made.is_ok or made.status == CONFLICT
        if is_there and joined.is_ok and not any(leg.is_over for leg in bridge.legs):
            return Result.DONE
        if self._bridges.get(bridge.bridge_id) is bridge:
            self._forget(bridge)
        await self._destroy(bridge.bridge_id)
        return Result.GONE

    async def unbridge(self, bridge_id: BridgeId) -> Result:
        """End it; both legs stay."""
        if bridge_id not in self._bridges:
            return Result.GONE
        await self._destroy(bridge_id)
        return Result.DONE

    async def _destroy(self, bridge_id: BridgeId) -> None:
        await self._recordings.end_before_unbridge(bridge_id)
        await self._adapter.request("DELETE", path("bridges", marked(bridge_id)))

    # After a connection

    def restore(self, found: AriBridge) -> BridgeId | None:
        """A bridge of ours that Asterisk has: adopt it if both legs are in it, else have it removed.

        One that a gateway died over, half-made, is asked for again, and then made anew.
        """
        name = unmarked(found.id)
        if name is None or found.name != self._adapter.address.app or found.id == self._adapter.holding:
            return None
        legs = [leg for each in found.channels if (leg := self._adapter.legs.of_channel(each)) is not None]
        bridge_id = BridgeId(name)
        if len(legs) != len(found.channels) or len(legs) != 2:
            self._adapter.queues.at_once(lambda: self._destroy(bridge_id))
            return None
        first, second = legs
        bridge = LegBridge(bridge_id=bridge_id, legs=(first, second), inside=set(found.channels), is_up=True)
        self._bridges[bridge_id] = bridge
        for leg in legs:
            leg.bridge_id = bridge_id
        return bridge_id
