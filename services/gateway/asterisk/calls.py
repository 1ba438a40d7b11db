"""Calls arrive, phones ring, are answered, press keys and end; and the commands for that."""

import asyncio
from typing import Final

import structlog

from contracts import telephony
from contracts.telephony import RejectReason
from services.gateway.asterisk import causes
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriEvent, Channel
from services.gateway.asterisk.client import path
from services.gateway.asterisk.dialling import DIALLED, Dialling
from services.gateway.asterisk.extensions import CHECK
from services.gateway.asterisk.ids import arrived_leg, unmarked
from services.gateway.asterisk.legs import Leg, Step
from services.gateway.port import Arrived, Ended, PickedUp, Pressed, Progressed, Result

ANSWERED: Final = "RINGBACK_ANSWERED"
"""The variable of an arrived channel that we answered, and not the operator's dialplan before us."""
KINDS: Final = frozenset({"arrived", "internal"})
"""The dialplan's first argument to our application: a call from outside, or from a phone of this PBX."""
WITHHELD: Final = "prohib"
"""How Asterisk's words for a withheld number begin; the number itself is there all the same."""
NAME_LENGTH_MAX: Final = 80
"""Of a context, as Asterisk has it (`AST_MAX_CONTEXT`)."""
DESTROYED_S_MAX: Final = 1.0
"""A channel that left our application and is not destroyed was taken elsewhere by the operator."""

_REASONS: Final = {
    # Seen on the wire: 486, 603, 480. Asterisk's «rejected» would be 403, which is no person's word.
    RejectReason.BUSY: "busy",
    RejectReason.DECLINED: "normal",
    RejectReason.UNAVAILABLE: "no_answer",
}

log = structlog.get_logger(__name__)


class Calls:
    """One of the parts."""

    def __init__(self, adapter: AdapterState, dialling: Dialling) -> None:
        self._adapter = adapter
        self._dialling = dialling

    # Events

    def hear(self, event: AriEvent) -> None:
        """Take what happens to channels."""
        channel = event.channel or event.peer
        if channel is None:
            return
        leg = self._adapter.legs.of_channel(channel.id)
        if event.type == "StasisStart":
            self._started(event, channel, leg)
        elif leg is not None and not leg.is_over:
            self._on_leg(leg, event, channel)

    def _on_leg(self, leg: Leg, event: AriEvent, channel: Channel) -> None:
        match event.type:
            case "Dial":
                self._dialled(leg, event.dialstatus)
            case "ChannelStateChange" if channel.is_up:
                self._up(leg)
            case "ChannelDtmfReceived":
                self._adapter.tell(Pressed(leg_id=leg.leg_id, digit=event.digit))
            case "ChannelHangupRequest":
                leg.is_ended_by_party = leg.is_ended_by_party or not (leg.is_ended_by_us or event.soft)
            case "ChannelDestroyed":
                self._over(leg, event)
            case "StasisEnd":
                asyncio.get_running_loop().call_later(DESTROYED_S_MAX, self._over, leg, event)
            case _:
                pass

    def _started(self, event: AriEvent, channel: Channel, leg: Leg | None) -> None:
        if leg is not None:
            leg.in_stasis.set()
        elif event.args and event.args[0] in KINDS and unmarked(channel.id) is None:
            self._arrived(arrived(self._adapter, channel, event.args))
        elif event.args[:1] == (DIALLED,) and unmarked(channel.id) is not None:
            # A gateway before us created it and died: nobody has dialled it, and nobody will.
            self._adapter.queues.at_once(lambda: self.remove(channel.id))
        elif event.args[:1] != (CHECK,) or unmarked(channel.id) is None:
            self.turn_away(channel)

    async def remove(self, channel_id: str) -> None:
        """End a channel of our application that is no leg: the caller hears that nobody can be reached."""
        await self._adapter.request("DELETE", path("channels", channel_id), query={"reason": "congestion"})

    def turn_away(self, channel: Channel) -> None:
        """End a call in our application that nobody can serve, rather than leave it in silence."""
        log.error(
            "gateway.call_not_understood",
            pbx_id=self._adapter.pbx_id,
            context=channel.dialplan.context[:NAME_LENGTH_MAX],
            remedy="the dialplan gives calls to the application as docs/asterisk.md shows",
        )
        self._adapter.queues.at_once(lambda: self.remove(channel.id))

    def _arrived(self, leg: Leg) -> None:
        self._adapter.legs.put(leg)
        self._adapter.queues.put(leg.leg_id, lambda: self._welcome(leg))

    async def _welcome(self, leg: Leg) -> None:
        """Have its end reported, tell it, and let the caller hear that it rings."""
        is_there = await self.subscribe(leg)
        if leg.is_over:
            return
        if not is_there:
            # Gone already; or its id has a comma, and its end would never be told: that one is ended.
            self._adapter.forget(leg)
            await self.remove(leg.channel_id)
            return
        leg.is_told = True
        self._adapter.tell(
            Arrived(leg_id=leg.leg_id, caller=leg.caller, line=leg.line, is_internal=leg.is_internal)
        )
        if not leg.is_up:
            await self._adapter.request("POST", path("channels", leg.channel_id, "ring"), is_harmless=True)

    async def subscribe(self, leg: Leg) -> bool:
        """Have the end of a leg reported that Asterisk did not create for us; whether it is there."""
        reply = await self._adapter.request(
            "POST",
            path("applications", self._adapter.address.app, "subscription"),
            query={"eventSource": f"channel:{leg.channel_id}"},
            is_harmless=True,
        )
        return reply.is_ok

    def _dialled(self, leg: Leg, dialstatus: str) -> None:
        # The first `Dial` has no status: it says that the dialling has begun, even when its reply was lost.
        leg.step, leg.dialstatus = Step.DIALLED, dialstatus
        if dialstatus == "RINGING" and not leg.is_ringing:
            leg.is_ringing = True
            self._adapter.tell(Progressed(leg_id=leg.leg_id))
        elif dialstatus == "PROGRESS":
            self._adapter.tell(Progressed(leg_id=leg.leg_id, is_ringing=False))
        elif dialstatus == "ANSWER":
            self._up(leg)

    def _up(self, leg: Leg) -> None:
        if leg.is_up:
            return
        leg.is_up = True
        if leg.is_arrived:
            self.picked_up(leg)
        else:
            self._adapter.queues.put(leg.leg_id, lambda: self.set_free(leg))

    async def set_free(self, leg: Leg) -> None:
        """A dialled leg was answered: make it fit for everything, then tell."""
        await self._dialling.leave_dial_bridge(leg)
        if not leg.is_over:
            self.picked_up(leg)
            # Commands need not wait for this note.
            self._adapter.queues.at_once(lambda: self._dialling.note_free(leg))

    def picked_up(self, leg: Leg) -> None:
        """Tell once that a leg was answered."""
        if not leg.is_answered:
            leg.is_answered = True
            self._adapter.tell(PickedUp(leg_id=leg.leg_id))

    def _over(self, leg: Leg, event: AriEvent) -> None:
        if leg.is_over:
            return
        code = causes.code(leg, event)
        was_told = not leg.is_arrived or leg.is_told
        self._adapter.forget(leg)
        if was_told:
            self._adapter.tell(Ended(leg_id=leg.leg_id, by_party=causes.is_by_party(leg, code), code=code))

    def leg_over(self, leg: Leg) -> None:
        """Its end is told here, after every part knows it."""

    def lost(self) -> None:
        """What there is then is found out at the next connection."""

    # Commands, called in the queue of the leg's commands

    async def answer(self, leg: Leg) -> Result:
        """Pick up an arrived call."""
        if leg.is_answered:
            return Result.ALREADY
        if leg.is_up:
            # The operator's dialplan has answered it before it gave it to us.
            await self._adapter.set_variable(leg.channel_id, ANSWERED, "1")
            self.picked_up(leg)
            return Result.DONE
        # Asterisk carries them out in order: a channel that we answered always has the note.
        _, reply = await asyncio.gather(
            self._adapter.set_variable(leg.channel_id, ANSWERED, "1"),
            self._adapter.request("POST", path("channels", leg.channel_id, "answer")),
        )
        return Result.DONE if reply.is_ok else Result.GONE

    async def reject(self, leg: Leg, reason: RejectReason) -> Result:
        """Do not pick up an arrived call."""
        return await self._end(leg, _REASONS[reason])

    async def cancel(self, leg: Leg, command: telephony.CancelLeg) -> Result:
        """Stop ringing; by the newest event the leg may have been answered meanwhile."""
        if command.keeps_answered and leg.is_up:
            return Result.ALREADY
        return await self._end(leg, "answered_elsewhere" if command.is_answered_elsewhere else "normal")

    async def hang_up(self, leg: Leg) -> Result:
        """End a leg."""
        return await self._end(leg, "normal")

    async def _end(self, leg: Leg, reason: str) -> Result:
        leg.is_ended_by_us = True
        reply = await self._adapter.request(
            "DELETE", path("channels", leg.channel_id), query={"reason": reason}
        )
        return Result.DONE if reply.is_ok else Result.GONE


def arrived(adapter: AdapterState, channel: Channel, args: tuple[str, ...]) -> Leg:
    """The leg of an arrived call; the dialplan says its kind, what was dialled, and if it is withheld."""
    kind, line, presentation = (*args, "", "", "")[:3]
    is_withheld = presentation.startswith(WITHHELD)
    return Leg(
        leg_id=arrived_leg(adapter.pbx_id, channel.id),
        channel_id=channel.id,
        is_arrived=True,
        since_at=adapter.instant(channel.creationtime),
        caller=None if is_withheld else channel.caller.number or None,
        line=line,
        is_internal=kind == "internal",
        is_ringing=True,
        is_up=channel.is_up,
    )
