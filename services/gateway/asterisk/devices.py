"""The phones of this PBX: idle, in use, or out of reach.

They are asked for each second. Asterisk would tell changes by itself, but a socket that has subscribed to
them and breaks while one happens locks the application for ever (Asterisk's issue 2170, seen on 22.10.1).
What our own legs change is told at once.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from contracts.gateway import DeviceState
from contracts.ids import Address, LegId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriEvent, Endpoint
from services.gateway.asterisk.causes import NOT_FOUND
from services.gateway.asterisk.client import AriError, NotConnected, path
from services.gateway.asterisk.ids import arrived_leg, unmarked
from services.gateway.asterisk.legs import Leg
from services.gateway.port import DeviceSeen

OFFLINE: Final = "offline"
GATHER_S: Final = 0.1
WATCH_S: Final = 1.0
"""How late a colleague's call, or a lost registration, is told at most."""


class Devices:
    """One of the parts."""

    def __init__(self, adapter: AdapterState) -> None:
        self._adapter = adapter
        self._told: dict[Address, DeviceState] = {}
        self._calls_of: dict[Address, frozenset[str]] = {}
        """The channels of each phone, as last seen."""
        self._is_to_look = asyncio.Event()

    def hear(self, event: AriEvent) -> None:
        """A phone that we dialled and that was picked up is in use; one that calls us is looked at."""
        if event.type == "StasisStart":
            self._is_to_look.set()
        channel = event.channel or event.peer
        leg = self._adapter.legs.of_channel(channel.id) if channel is not None else None
        if leg is not None and leg.is_up and leg.device:
            self._tell(self._adapter.address.phone_of(leg.device), DeviceState.IN_USE)

    def _tell(self, address: Address | None, state: DeviceState) -> None:
        if address is not None and self._told.get(address) is not state:
            self._told[address] = state
            self._adapter.tell(DeviceSeen(address=address, state=state))

    def leg_over(self, leg: Leg) -> None:
        """Look at once. A phone that had no call but ours is free already: its agent waits for no answer."""
        address = self._adapter.address.phone_of(leg.device) if leg.device and leg.is_up else None
        if (
            address is not None
            and self._told.get(address) is DeviceState.IN_USE
            and not self._calls_of.get(address, frozenset()) - {leg.channel_id}
        ):
            self._tell(address, DeviceState.IDLE)
        self._is_to_look.set()

    def lost(self) -> None:
        """Every phone is told anew at the next connection."""
        self._told.clear()
        self._calls_of.clear()

    def restore(self, endpoints: Iterable[Endpoint]) -> tuple[DeviceSeen, ...]:
        """All phones of this PBX, for PbxThere; from now on changes are told."""
        self._told = dict(self._states(endpoints))
        return tuple(DeviceSeen(address=address, state=state) for address, state in self._told.items())

    async def watch(self) -> None:
        """Look at all phones again and again, until the connection is lost."""
        while True:
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._is_to_look.wait()
                # Calls end and begin together: one look shows what became of all, and it costs Asterisk more
                # than all else that a call asks of it.
                await asyncio.sleep(GATHER_S)
            except TimeoutError:
                pass
            self._is_to_look.clear()
            try:
                found = await self.look()
            except NotConnected:
                return
            except AriError:
                continue
            for address, state in self._states(found):
                self._tell(address, state)

    async def look(self) -> tuple[Endpoint, ...]:
        """All endpoints of the phones' technology. Raises AriError."""
        technology = self._adapter.address.phone.partition("/")[0]
        reply = await self._adapter.request("GET", path("endpoints", technology))
        if reply.status == NOT_FOUND:
            # So Asterisk says that it has none of them, or not yet.
            return ()
        return reply.read(tuple[Endpoint, ...])

    def _states(self, endpoints: Iterable[Endpoint]) -> Iterable[tuple[Address, DeviceState]]:
        for each in endpoints:
            address = self._adapter.address.phone_of(f"{each.technology}/{each.resource}")
            if address is None:
                continue
            self._calls_of[address] = frozenset(filter(self._is_in_use, each.channel_ids))
            if each.state == OFFLINE:
                yield address, DeviceState.UNREACHABLE
            elif self._calls_of[address]:
                yield address, DeviceState.IN_USE
            else:
                yield address, DeviceState.IDLE

    def _is_in_use(self, channel_id: str) -> bool:
        """Any call but one of ours that only rings, or has just ended; one that rings for others counts."""
        leg = self._adapter.legs.of_channel(channel_id)
        if leg is not None:
            return leg.is_arrived or leg.is_up
        name = unmarked(channel_id)
        leg_id = arrived_leg(self._adapter.pbx_id, channel_id) if name is None else LegId(name)
        return not self._adapter.legs.was_there(leg_id)
