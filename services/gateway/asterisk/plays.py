"""Plays and hold music on legs.

Theory of operation. A leg's plays wait in a queue of ours; only the first one is with Asterisk, as one
playback of all its media. Before that its media are made ready, beside everything else that the leg does. A
play that was ended meanwhile, or during Asterisk's answer, is recognized by its number (`turn`). Asterisk
ends music for good when anything is played, so it is started again after the last play. A playback that
Asterisk does not end is ended by a timer of ours.
"""

import asyncio
from collections import deque
from typing import Final

import msgspec
import structlog

from contracts import telephony
from contracts.ids import LegId, PlayId
from services.gateway.asterisk.adapter_state import AdapterState
from services.gateway.asterisk.ari import AriEvent, Playback
from services.gateway.asterisk.client import path
from services.gateway.asterisk.ids import is_fit, marked, unmarked
from services.gateway.asterisk.legs import Leg
from services.gateway.asterisk.media import Media
from services.gateway.port import PlayEnded, Result

LATE_MS: Final = 2_000
"""How much later than its length a play may end."""
FETCH_MS: Final = 8_000
"""How long Asterisk may take to fetch media from the gateway before it plays them."""
DONE: Final = "done"
MUSIC: Final = "RINGBACK_MUSIC"
"""The channel's variable that says that hold music is wanted, for a gateway that starts meanwhile."""

log = structlog.get_logger(__name__)


class LegSound(msgspec.Struct, kw_only=True, eq=False):
    """What one leg hears from us."""

    queue: deque[telephony.Play] = msgspec.field(default_factory=deque)
    over: dict[PlayId, PlayEnded] = msgspec.field(default_factory=dict)
    turn: int = 0
    """Rises with every play that begins or ends: whoever waited for another one stops."""
    is_with_asterisk: bool = False
    """The first play of the queue was sent."""
    is_started: bool = False
    """Asterisk has said that it plays it."""
    is_music_wanted: bool = False
    is_found_out: bool = True
    """False: it may have plays of a gateway before us."""
    timer: asyncio.TimerHandle | None = None


class Plays:
    """The commands here are called one after the other for each leg; their result is the reply."""

    def __init__(self, adapter: AdapterState, media: Media | None) -> None:
        """`media` None: the PBX's address says no place for media, and nothing can be played."""
        self._adapter = adapter
        self._media = media
        self._sounds: dict[LegId, LegSound] = {}

    def _sound(self, leg: Leg) -> LegSound:
        return self._sounds.setdefault(leg.leg_id, LegSound())

    # Events

    def hear(self, event: AriEvent) -> None:
        """Take what happens to playbacks; a key, which may end a play; and who leaves a bridge."""
        if event.playback is not None:
            self._on_playback(event.type, event.playback)
            return
        leg = self._adapter.legs.of_channel(event.channel.id) if event.channel is not None else None
        sound = self._sounds.get(leg.leg_id) if leg is not None else None
        if leg is None or sound is None:
            return
        if event.type == "ChannelDtmfReceived" and sound.queue and sound.queue[0].barge_in:
            self._interrupt(leg, sound)
        elif event.type == "ChannelLeftBridge":
            self._adapter.queues.at_once(lambda: self._music_again(leg, sound))

    def _on_playback(self, kind: str, playback: Playback) -> None:
        leg = self._adapter.legs.of_target(playback.target_uri)
        sound = self._sounds.get(leg.leg_id) if leg is not None else None
        if leg is None or sound is None or not sound.is_with_asterisk:
            return
        if sound.queue[0].play_id != unmarked(playback.id):
            return
        if kind == "PlaybackStarted":
            sound.is_started = True
        elif kind == "PlaybackFinished":
            self._over(leg, sound, ok=playback.state == DONE)

    def leg_over(self, leg: Leg) -> None:
        """Forget a leg's plays."""
        sound = self._sounds.pop(leg.leg_id, None)
        if sound is not None:
            sound.turn += 1
            _stop_timer(sound)

    def lost(self) -> None:
        """Forget what only events would have told: which plays go on is found out by `restore`."""
        for sound in self._sounds.values():
            sound.turn += 1
            _stop_timer(sound)

    # The queue

    def _begin(self, leg: Leg, sound: LegSound) -> None:
        """Begin the first play of the queue."""
        sound.turn += 1
        turn = sound.turn
        self._adapter.queues.at_once(lambda: self._start(leg, sound, turn))

    async def _start(self, leg: Leg, sound: LegSound, turn: int) -> None:
        if sound.turn != turn:
            # Stopped before it began: a hand-over ends a prompt in the same moment that began it.
            return
        play = sound.queue[0]
        if not sound.is_found_out and await self._is_playing(play.play_id):
            sound.is_with_asterisk = sound.turn == turn
        media = await self._media.ready(play.media) if self._media is not None else None
        if sound.turn != turn:
            return
        if media is None:
            self._over(leg, sound, ok=False)
            return
        if leg.is_recorded:
            return
        is_adopted, sound.is_with_asterisk = sound.is_with_asterisk, True
        limit_ms = sum(each.ms for each in media) + LATE_MS
        limit_ms += FETCH_MS if any("://" in each.uri for each in media) else 0
        sound.timer = asyncio.get_running_loop().call_later(limit_ms / 1000, self._late, leg, sound, turn)
        if is_adopted:
            return
        reply = await self._adapter.request(
            "POST",
            path("channels", leg.channel_id, "play", marked(play.play_id)),
            body={"media": [each.uri for each in media]},
        )
        if sound.turn == turn:
            sound.is_started = True
            if not reply.is_ok:
                self._over(leg, sound, ok=False)

    def go_on(self, leg: Leg) -> None:
        """A leg is recorded no longer: begin what has waited for that."""
        sound = self._sounds.get(leg.leg_id)
        if sound is not None and sound.queue and not sound.is_with_asterisk and not leg.is_over:
            self._begin(leg, sound)

    async def _is_playing(self, play_id: PlayId) -> bool:
        reply = await self._adapter.request("GET", path("playbacks", marked(play_id)))
        return reply.is_ok

    def _late(self, leg: Leg, sound: LegSound, turn: int) -> None:
        """Asterisk has not said that a play ended."""
        if sound.turn == turn:
            log.warning("gateway.play_never_ended", pbx_id=self._adapter.pbx_id, leg_id=leg.leg_id)
            self._end_playback(sound.queue[0].play_id)
            self._over(leg, sound, ok=False)

    def _over(self, leg: Leg, sound: LegSound, *, ok: bool, was_interrupted: bool = False) -> None:
        """The first play of the queue is over: tell it, and begin the next one, or the music again."""
        self._tell_over(leg, sound, sound.queue.popleft(), ok=ok, was_interrupted=was_interrupted)
        sound.turn += 1
        sound.is_with_asterisk = sound.is_started = False
        _stop_timer(sound)
        if sound.queue:
            self._begin(leg, sound)
        elif sound.is_music_wanted and leg.bridge_id is None:
            self._adapter.queues.at_once(lambda: self._music_again(leg, sound))

    def _tell_over(
        self, leg: Leg, sound: LegSound, play: telephony.Play, *, ok: bool, was_interrupted: bool = False
    ) -> None:
        ended = PlayEnded(leg_id=leg.leg_id, play_id=play.play_id, ok=ok, was_interrupted=was_interrupted)
        sound.over[play.play_id] = ended
        self._adapter.tell(ended)

    def _interrupt(self, leg: Leg, sound: LegSound) -> None:
        """End the first play of the queue now."""
        if sound.is_with_asterisk or not sound.is_found_out:
            self._end_playback(sound.queue[0].play_id)
        self._over(leg, sound, ok=True, was_interrupted=True)

    def _end_playback(self, play_id: PlayId) -> None:
        self._adapter.queues.at_once(lambda: self._delete_playback(play_id))

    async def _delete_playback(self, play_id: PlayId) -> None:
        await self._adapter.request("DELETE", path("playbacks", marked(play_id)))

    async def _end_all(self, leg: Leg, sound: LegSound) -> None:
        """End every play, from the last waiting to the running one, so that no waiting one begins."""
        while len(sound.queue) > 1:
            self._tell_over(leg, sound, sound.queue.pop(), ok=True, was_interrupted=True)
        if sound.queue:
            play, was_sent = sound.queue[0], sound.is_with_asterisk or not sound.is_found_out
            wanted, sound.is_music_wanted = sound.is_music_wanted, False
            self._over(leg, sound, ok=True, was_interrupted=True)
            sound.is_music_wanted = wanted
            if was_sent:
                await self._delete_playback(play.play_id)

    # Commands

    async def play(self, leg: Leg, command: telephony.Play) -> Result:
        """Queue a play; tell the end of one that has ended again."""
        sound = self._sound(leg)
        if (ended := sound.over.get(command.play_id)) is not None:
            self._adapter.tell(ended)
            return Result.ALREADY
        if any(each.play_id == command.play_id for each in sound.queue):
            return Result.ALREADY
        if not is_fit(command.play_id):
            return Result.REFUSED
        if command.interrupts:
            await self._end_all(leg, sound)
        sound.queue.append(command)
        if len(sound.queue) == 1:
            self._begin(leg, sound)
        return Result.DONE

    async def stop(self, leg: Leg, command: telephony.StopPlay) -> Result:
        """End a play, or take it out of the queue."""
        sound = self._sound(leg)
        found = [each for each in sound.queue if each.play_id == command.play_id]
        if not found:
            return Result.GONE
        if sound.queue[0] is not found[0]:
            sound.queue.remove(found[0])
            self._tell_over(leg, sound, found[0], ok=True, was_interrupted=True)
            return Result.DONE
        self._interrupt(leg, sound)
        return Result.DONE

    async def start_music(self, leg: Leg) -> Result:
        """Begin hold music, now or after the plays, or after the bridge."""
        sound = self._sound(leg)
        sound.is_music_wanted = True
        # The music first: whoever waits hears nothing until then.
        await self._music_again(leg, sound)
        await self._note_music(leg, is_wanted=True)
        return Result.DONE

    async def _music_again(self, leg: Leg, sound: LegSound) -> None:
        if not sound.queue and sound.is_music_wanted and leg.bridge_id is None:
            await self._adapter.request("POST", path("channels", leg.channel_id, "moh"), is_harmless=True)

    async def stop_music(self, leg: Leg) -> Result:
        """End it."""
        sound = self._sound(leg)
        sound.is_music_wanted = False
        await self._note_music(leg, is_wanted=False)
        if not sound.queue:
            await self._adapter.request("DELETE", path("channels", leg.channel_id, "moh"))
        return Result.DONE

    async def _note_music(self, leg: Leg, *, is_wanted: bool) -> None:
        await self._adapter.set_variable(leg.channel_id, MUSIC, "1" if is_wanted else "")

    async def silence(self, leg: Leg) -> bool:
        """End music and every play, with PlayEnded: the leg is about to be bridged. Whether it had music."""
        sound = self._sound(leg)
        had_music, sound.is_music_wanted = sound.is_music_wanted, False
        await self._end_all(leg, sound)
        if had_music:
            await self._note_music(leg, is_wanted=False)
            await self._adapter.request("DELETE", path("channels", leg.channel_id, "moh"))
        return had_music

    # After a connection

    async def restore(self) -> None:
        """After every connection, before PbxThere is told: find out which plays go on."""
        await asyncio.gather(*(self._restore(leg) for leg in self._adapter.legs if leg.is_answered))

    async def _restore(self, leg: Leg) -> None:
        if leg.leg_id not in self._sounds:
            await self._adopt(leg)
            return
        sound = self._sounds[leg.leg_id]
        if sound.queue and sound.is_with_asterisk and not await self._is_playing(sound.queue[0].play_id):
            if sound.is_started:
                # It was heard to its end while no event could say so; the gateway asks for it again.
                play = sound.queue.popleft()
                sound.over[play.play_id] = PlayEnded(leg_id=leg.leg_id, play_id=play.play_id, ok=True)
            sound.is_with_asterisk = sound.is_started = False
        if sound.queue:
            self._begin(leg, sound)
        else:
            await self._music_again(leg, sound)

    async def _adopt(self, leg: Leg) -> None:
        """A leg of a gateway before us: its plays are asked for again, unless that is too late.

        A play that the other gateway began has stopped the music for good, and nobody is sure to ask for
        another one: music is begun again now, which Asterisk does after what it plays.
        """
        sound = self._sound(leg)
        sound.is_found_out = False
        sound.is_music_wanted = await self._adapter.variable(leg.channel_id, MUSIC) == "1"
        await self._music_again(leg, sound)


def _stop_timer(sound: LegSound) -> None:
    if sound.timer is not None:
        sound.timer.cancel()
        sound.timer = None
