"""Passes each request to its part, in the queue of its leg, and tells the reply.

A request that is repeated under its number is carried out once: the reply is told again. Replies that are
missing after an unanswered request to Asterisk are asked for by the gateway, which repeats the request.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from contracts import telephony
from contracts.ids import LegId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.bridges import Bridges
from services.gateway.asterisk.calls import Calls
from services.gateway.asterisk.dialling import Dialling
from services.gateway.asterisk.extensions import Extensions
from services.gateway.asterisk.legs import Leg
from services.gateway.asterisk.plays import Plays
from services.gateway.asterisk.recordings import Recordings
from services.gateway.port import FetchSound, ReleaseRecording, Replied, Request, Result

REPLIES_KEPT_MAX: Final = 10_000
"""A gateway repeats a request for 15 s: even a thousand requests a second are fewer."""

Work = Callable[[], Awaitable[Result | tuple[Result, str]]]
_REFUSED: Final = (Result.REFUSED, "unknown_request")


class Commands:
    """The requests of one connection: numbers begin anew with the next one."""

    def __init__(
        self,
        adapter: AdapterState,
        *,
        dialling: Dialling,
        calls: Calls,
        bridges: Bridges,
        plays: Plays,
        recordings: Recordings,
        extensions: Extensions,
    ) -> None:
        self._adapter = adapter
        self._dialling = dialling
        self._calls = calls
        self._bridges = bridges
        self._plays = plays
        self._recordings = recordings
        self._extensions = extensions
        self._open: set[int] = set()
        self._replies: dict[int, Replied] = {}

    def begin(self) -> None:
        """A new connection: earlier numbers mean nothing any more."""
        self._open.clear()
        self._replies.clear()

    def ask(self, number: int, request: Request) -> None:
        """Carry out a request, once."""
        if number in self._open:
            return
        if number in self._replies:
            self._adapter.tell(self._replies[number])
            return
        match request:
            case FetchSound() | ReleaseRecording():
                # Their numbers are below zero, and all releases have the same one.
                self._adapter.queues.at_once(lambda: self._carry_out(number, self._sound_work(request)))
            case telephony.Bridge():
                self._in_lanes(number, request.legs, lambda: self._bridges.bridge(request))
            case telephony.Unbridge():
                self._unbridge(number, request)
            case telephony.CheckExtension():
                self._open.add(number)
                self._adapter.queues.at_once(lambda: self._carry_out(number, lambda: self._check(request)))
            case telephony.DialLeg():
                self._in_lanes(number, (request.leg_id,), lambda: self._dialling.dial(request))
            case _:
                leg_id = LegId(getattr(request, "leg_id", ""))
                self._in_lanes(number, (leg_id,), lambda: self._on_leg(leg_id, request))

    def _in_lanes(self, number: int, leg_ids: tuple[LegId, ...], work: Work) -> None:
        self._open.add(number)
        self._adapter.queues.put_for_all(leg_ids, lambda: self._carry_out(number, work))

    def _unbridge(self, number: int, request: telephony.Unbridge) -> None:
        bridge = self._bridges.get(request.bridge_id)
        legs = tuple(leg.leg_id for leg in bridge.legs) if bridge is not None else (LegId(""),)
        self._in_lanes(number, legs, lambda: self._bridges.unbridge(request.bridge_id))

    async def _carry_out(self, number: int, work: Work) -> None:
        """Do it and reply. Without Asterisk's answer there is no reply, and the next repetition counts."""
        try:
            found = await work()
        finally:
            self._open.discard(number)
        result, reason = found if isinstance(found, tuple) else (found, "")
        reply = Replied(request=number, result=result, reason=reason)
        if number > 0:
            self._replies[number] = reply
            while len(self._replies) > REPLIES_KEPT_MAX:
                del self._replies[next(iter(self._replies))]
        self._adapter.tell(reply)

    def _sound_work(self, request: FetchSound | ReleaseRecording) -> Work:
        if isinstance(request, FetchSound):
            return lambda: self._recordings.fetch(request)
        return lambda: self._recordings.release(request)

    async def _check(self, request: telephony.CheckExtension) -> Result:
        await self._extensions.check(request.extension)
        return Result.DONE

    async def _on_leg(self, leg_id: LegId, request: Request) -> Result | tuple[Result, str]:
        leg = self._adapter.legs.get(leg_id)
        if leg is None or leg.is_over:
            return Result.GONE
        match request:
            case telephony.AnswerLeg():
                return await self._calls.answer(leg)
            case telephony.RejectLeg():
                return await self._calls.reject(leg, request.reason)
            case telephony.CancelLeg():
                return await self._calls.cancel(leg, request)
            case telephony.HangUp():
                return await self._calls.hang_up(leg)
            case _:
                return await self._with_sound(leg, request)

    async def _with_sound(self, leg: Leg, request: Request) -> Result | tuple[Result, str]:
        match request:
            case telephony.Play():
                return await self._plays.play(leg, request) if leg.is_answered else Result.REFUSED
            case telephony.StopPlay():
                return await self._plays.stop(leg, request)
            case telephony.StartHoldMusic():
                return await self._plays.start_music(leg)
            case telephony.StopHoldMusic():
                return await self._plays.stop_music(leg)
            case telephony.Record():
                return await self._recordings.record(leg, request)
            case telephony.StopRecording():
                return await self._recordings.stop(leg, request)
            case _:
                return _REFUSED
