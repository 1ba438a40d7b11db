"""Our legs as Asterisk has them now."""

import asyncio
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from contracts.ids import BridgeId, Instant, LegId

USED_MAX: Final = 50_000
"""As many as a gateway keeps (`gateway_state.LEGS_MAX`)."""


class Step(IntEnum):
    """How far the dialling of a leg has come, so that a repeated request goes on from there."""

    NOTHING = 0
    CREATED = 1
    DIALLED = 2


class Leg(msgspec.Struct, kw_only=True, eq=False):
    """One leg: its channel, and what is known of it by the newest event."""

    leg_id: LegId
    channel_id: str
    is_arrived: bool
    since_at: Instant
    caller: str | None = None
    line: str = ""
    is_internal: bool = False
    is_public: bool = False
    """It was dialled over the public network."""
    device: str = ""
    """The phone of this PBX that it rings, as Asterisk names it."""
    ring_ms_max: int = 0
    step: Step = Step.NOTHING
    dialstatus: str = ""
    is_ringing: bool = False
    is_told: bool = False
    """The gateway knows of this arrived call."""
    is_up: bool = False
    """Asterisk says that it was answered."""
    is_answered: bool = False
    """That was told: it can hear, be recorded and be bridged."""
    is_over: bool = False
    is_ended_by_us: bool = False
    """We asked for its end, so what Asterisk says of the end is an echo."""
    is_ended_by_party: bool = False
    bridge_id: BridgeId | None = None
    is_recorded: bool = False
    """Asterisk plays nothing to it meanwhile."""
    is_dial_asked: bool = False
    """Dialling was asked for, and perhaps only the reply was lost."""
    in_stasis: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    """Asterisk says that its channel is in our application: before that it can't be dialled."""


class Legs:
    """The legs that there are, by their id and by their channel."""

    def __init__(self) -> None:
        self._legs: dict[LegId, Leg] = {}
        self._by_channel: dict[str, Leg] = {}
        self._used: dict[LegId, None] = {}
        """Ids of legs that are gone, the newest last: none is dialled a second time."""

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._legs.values()))

    def get(self, leg_id: LegId) -> Leg | None:
        """A leg that is there, or None."""
        return self._legs.get(leg_id)

    def of_channel(self, channel_id: str) -> Leg | None:
        """The leg of a channel, or None if the channel is not ours."""
        return self._by_channel.get(channel_id)

    def of_target(self, target_uri: str) -> Leg | None:
        """The leg of a playback's or a recording's target (`channel:ID`), or None."""
        kind, _, channel_id = target_uri.partition(":")
        return self._by_channel.get(channel_id) if kind == "channel" else None

    def was_there(self, leg_id: LegId) -> bool:
        """Whether a leg of this id is gone."""
        return leg_id in self._used

    def put(self, leg: Leg) -> None:
        """A leg is there."""
        self._legs[leg.leg_id] = leg
        self._by_channel[leg.channel_id] = leg

    def drop(self, leg: Leg) -> None:
        """A leg is gone."""
        self._legs.pop(leg.leg_id, None)
        self._by_channel.pop(leg.channel_id, None)
        self._used[leg.leg_id] = None
        while len(self._used) > USED_MAX:
            del self._used[next(iter(self._used))]
