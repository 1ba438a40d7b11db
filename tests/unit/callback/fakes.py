"""Fakes around callback: a queue that lags, a gateway that is slow, phones that do anything.

Everything waits in lists, and the test decides what happens next, so that commands meet hang-ups in every
order. They are far simpler than the real queue and gateway, and keep only what these promise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from contracts import callback, gateway, queue, telephony, voicemail
from contracts.gateway import EndedBy, Outcome
from contracts.ids import (
    AgentId,
    CallbackId,
    Instant,
    LegId,
    OfferId,
    PbxId,
    PlaceId,
    RecordingId,
    VoiceMessageId,
)
from contracts.message import Command, Fact
from services.callback.state import CallbackState
from tests.unit.callback.stories import NINE, PBX, TEN_MINUTES_MS, an_office, pressed_one, requested
from tests.unit.decider_harness import stored


@dataclass
class Leg:
    """A leg: ringing (dialled), up, or ended."""

    kind: str
    is_up: bool = False
    is_over: bool = False
    agent: str = ""


@dataclass
class Place:
    """A place as the fake queue knows it, with its lag."""

    name: str
    deadline_at: int
    leg_id: str | None
    phase: str = "ordering"
    callback_id: CallbackId | None = None
    held_until_at: int = 0
    agent: str = ""
    agent_leg: str = ""


def _keeps_line(fact: callback.CallbackEnd) -> bool:
    return isinstance(fact, callback.CallbackCancelled) and fact.keeps_line


@dataclass
class Fakes:
    """The office, with fake queue, gateway, phones and voicemail."""

    legs: dict[str, Leg] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    commands: list[Command] = field(default_factory=list)
    inbox: list[Fact] = field(default_factory=list)
    recording: list[callback.MessageWanted] = field(default_factory=list)
    plays: list[telephony.Play] = field(default_factory=list)
    log: list[Fact] = field(default_factory=list)
    calls: int = 0
    is_away: bool = False

    def __post_init__(self) -> None:
        self.office = an_office()

    def tell(self, fact: Fact) -> None:
        """A fact stands on the log: callback hears it at once, the queue when it gets to it."""
        self.log.append(fact)
        self.inbox.append(fact)
        self._after(lambda: self.office.hears(fact))

    def echoes(self, fact: Fact) -> None:
        """Callback hears a fact once more."""
        self._after(lambda: self.office.hears(fact))

    def passes(self, ms: int) -> None:
        """Time passes, and timers come due."""
        until_ms = self.office.at + ms
        self._after(lambda: self.office.waits(until_ms - NINE))

    def _after(self, happens: Callable[[], object]) -> None:
        facts, commands = len(self.office.facts), len(self.office.commands)
        happens()
        for said in self.office.facts[facts:]:
            self.log.append(said)
            self.inbox.append(said)
            if isinstance(said, callback.MessageWanted):
                self.recording.append(said)
        self.commands.extend(self.office.commands[commands:])

    def reload(self) -> None:
        """The process dies, and another loads what was stored."""
        live = self.office.state
        loaded = CallbackState()
        loaded.load(stored(live))
        loaded.now_at = live.now_at
        self.office.state = loaded

    # ---- customers

    def calls_and_orders(self, caller: str | None, waited_ms: int) -> None:
        """A caller who has waited so long presses 1."""
        self.calls += 1
        name = f"c{self.calls}"
        self.legs[name] = Leg("caller", is_up=True)
        joined_at = self.office.at - waited_ms
        fact = pressed_one(name, caller=caller, joined=joined_at)
        self.places[f"p.{name}"] = Place(name, joined_at + TEN_MINUTES_MS, name)
        self.tell(fact)

    def ends(self, leg_id: str, outcome: Outcome = Outcome.COMPLETED, by: EndedBy = EndedBy.PARTY) -> None:
        """A leg is over, exactly once."""
        leg = self.legs[leg_id]
        if leg.is_over:
            return
        leg.is_up, leg.is_over = False, True
        self.tell(gateway.LegEnded(pbx_id=PBX, leg_id=LegId(leg_id), outcome=outcome, by=by))

    def answers(self, leg_id: str) -> None:
        """A ringing phone is picked up."""
        self.legs[leg_id].is_up = True
        self.tell(gateway.LegAnswered(pbx_id=PBX, leg_id=LegId(leg_id)))

    def ringing(self) -> list[str]:
        """Phones that ring."""
        return [leg_id for leg_id, leg in self.legs.items() if not leg.is_up and not leg.is_over]

    def live(self) -> list[str]:
        """Legs that somebody is on."""
        return [leg_id for leg_id, leg in self.legs.items() if leg.is_up]

    # ---- the gateway

    def gateway_works(self) -> None:
        """Carry out the oldest command."""
        command = self.commands.pop(0)
        match command:
            case telephony.DialLeg():
                self._dial(command)
            case telephony.CancelLeg(leg_id=leg_id, keeps_answered=True) if (
                leg_id in self.legs and self.legs[leg_id].is_up
            ):
                pass
            case telephony.CancelLeg(leg_id=leg_id) | telephony.HangUp(leg_id=leg_id):
                if leg_id in self.legs:
                    leg = self.legs[leg_id]
                    outcome = Outcome.COMPLETED if leg.is_up else Outcome.CANCELLED
                    self.ends(leg_id, outcome, EndedBy.US)
            case telephony.Play(leg_id=leg_id) if self.legs[leg_id].is_up:
                self._play(command)
            case telephony.Play():
                self._played(command, ok=False)
            case telephony.Bridge():
                self._bridge(command)
            case telephony.CollectDigits() | telephony.StartHoldMusic():
                pass
            case _:
                raise AssertionError(command)

    def _dial(self, command: telephony.DialLeg) -> None:
        is_late = command.not_after is not None and self.office.at > command.not_after
        if self.is_away or is_late:
            self.tell(
                gateway.CommandRefused(
                    pbx_id=PBX, command="telephony.dial_leg", reason="too_late", leg_id=command.leg_id
                )
            )
            return
        self.legs[command.leg_id] = Leg("apology" if ".apology" in command.leg_id else "attempt")
        self.tell(requested(command.leg_id))

    def _bridge(self, command: telephony.Bridge) -> None:
        if all(self.legs[leg_id].is_up for leg_id in command.legs):
            self.tell(gateway.Bridged(pbx_id=PBX, bridge_id=command.bridge_id, legs=command.legs))
        else:
            self.tell(gateway.CommandRefused(pbx_id=PBX, command="telephony.bridge", reason="gone"))

    def _play(self, play: telephony.Play) -> None:
        """If it interrupts, what was heard on the leg before is over."""
        before = [each for each in self.plays if each.leg_id == play.leg_id and play.interrupts]
        self.plays = [*(each for each in self.plays if each not in before), play]
        for each in before:
            self._played(each, ok=True, was_interrupted=True)

    def _played(self, play: telephony.Play, *, ok: bool, was_interrupted: bool = False) -> None:
        self.tell(
            gateway.PlayFinished(
                pbx_id=PBX,
                leg_id=play.leg_id,
                play_id=play.play_id,
                ok=ok,
                was_interrupted=was_interrupted,
            )
        )

    def a_play_ends(self) -> None:
        """The oldest play is over."""
        play = self.plays.pop(0)
        self._played(play, ok=self.legs[play.leg_id].is_up)

    # ---- the queue

    def an_agent_answers(self, place_id: str, agent: str) -> None:
        """A free agent takes the place: bridged to a leg that is up, else callback's."""
        place = self.places[place_id]
        leg_id = f"{agent}.{len(self.log)}"
        self.legs[leg_id] = Leg("agent", is_up=True, agent=agent)
        self.busy.add(agent)
        place.phase, place.agent, place.agent_leg = "accepted", agent, leg_id
        self.tell(
            queue.OfferAccepted(
                offer_id=OfferId(leg_id),
                place_id=PlaceId(place_id),
                agent_id=AgentId(agent),
                leg_id=LegId(leg_id),
            )
        )
        if place.leg_id is None:
            self._ready(place)

    def _ready(self, place: Place) -> None:
        place.phase = "with_callback"
        self.tell(
            queue.AgentReady(
                place_id=PlaceId(f"p.{place.name}"),
                callback_id=place.callback_id or CallbackId(""),
                agent_id=AgentId(place.agent),
                agent_name=place.agent,
                leg_id=LegId(place.agent_leg),
                pbx_id=PbxId(PBX),
                offer_id=OfferId(place.agent_leg),
                waited_ms=60_000,
            )
        )

    def queue_bridges(self, place_id: str) -> None:
        """An accepted place with a leg up is connected, by queue."""
        place = self.places[place_id]
        legs = [self.legs[leg_id] for leg_id in (place.leg_id, place.agent_leg) if leg_id is not None]
        if not all(leg.is_up for leg in legs):
            return
        del self.places[place_id]
        self.tell(
            queue.PlaceConnected(
                place_id=PlaceId(place_id),
                agent_id=AgentId(place.agent),
                leg_id=LegId(place.leg_id or ""),
                agent_leg_id=LegId(place.agent_leg),
                waited_ms=1,
                callback_id=place.callback_id,
            )
        )
        self.commands.append(telephony.HangUp(pbx_id=PBX, leg_id=LegId(place.leg_id or ""), reason="talked"))
        self.commands.append(telephony.HangUp(pbx_id=PBX, leg_id=LegId(place.agent_leg), reason="talked"))

    def deadline(self, place_id: str) -> None:
        """Nobody came for a callback's place."""
        place = self.places[place_id]
        place.phase = "expired"
        self.tell(
            queue.DeadlinePassed(
                place_id=PlaceId(place_id),
                callback_id=place.callback_id or CallbackId(""),
                deadline_at=Instant(place.deadline_at),
            )
        )

    def queue_works(self) -> None:
        """The queue hears the oldest fact that it has not heard yet."""
        fact = self.inbox.pop(0)
        match fact:
            case callback.CallbackEnd():
                ended = self.places.pop(fact.place_id, None)
                if ended is not None and ended.leg_id is not None and _keeps_line(fact):
                    self.ends(ended.leg_id)  # a caller who would wait on hangs up here
            case callback.CallbackConfirmed() | callback.CustomerJoined():
                new, first = self.places.pop(fact.new_place_id or "", None), self.places.get(fact.place_id)
                if new is not None and first is not None and first.phase == "waiting":
                    first.leg_id = new.leg_id
                    first.deadline_at = getattr(fact, "deadline_at", None) or first.deadline_at
            case gateway.LegEnded():
                self._leg_over(fact.leg_id)
            case callback.CallbackOrdered() | callback.CallbackRefused() | callback.OrderAbandoned():
                self._order_over(fact)
            case callback.AttemptFailed() | callback.AgentLost() | callback.CustomerHeld():
                self._waits_again(fact)
            case _:
                pass

    def _order_over(
        self, fact: callback.CallbackOrdered | callback.CallbackRefused | callback.OrderAbandoned
    ) -> None:
        place = self.places.get(fact.place_id)
        if place is None and isinstance(fact, callback.CallbackOrdered) and fact.leg_id is None:
            name = fact.place_id.removeprefix("p.")
            self.places[fact.place_id] = Place(name, fact.deadline_at, None, "waiting", fact.callback_id)
            return
        if place is None:
            return
        if isinstance(fact, callback.CallbackOrdered):
            place.callback_id, place.phase = fact.callback_id, "waiting"
            return
        # The wait would go on; here such a caller hangs up.
        del self.places[fact.place_id]
        self.tell(queue.PlaceAbandoned(place_id=fact.place_id, waited_ms=1))
        if place.leg_id is not None:
            self.ends(place.leg_id)

    def _waits_again(self, fact: callback.AttemptFailed | callback.AgentLost | callback.CustomerHeld) -> None:
        place = self.places.get(fact.place_id)
        if place is None:
            return
        place.phase, place.agent, place.agent_leg = "waiting", "", ""
        match fact:
            case callback.AttemptFailed(next_attempt_at=None):
                place.phase = "expired"
            case callback.AttemptFailed(next_attempt_at=again_at, give_up_at=give_up_at):
                place.held_until_at = again_at or 0
                place.deadline_at = give_up_at or place.deadline_at
            case callback.AgentLost(give_up_at=give_up_at):
                place.deadline_at = give_up_at or place.deadline_at
            case callback.CustomerHeld(until_at=until_at, leg_id=leg_id):
                place.deadline_at, place.held_until_at = until_at, 0
                place.leg_id = None if self.legs[leg_id].is_over else leg_id

    def _leg_over(self, leg_id: str) -> None:
        leg = self.legs[leg_id]
        if leg.agent:
            self.busy.discard(leg.agent)
            self.tell(
                queue.AgentFreed(
                    agent_id=AgentId(leg.agent), cause="leg_ended", idle_since_at=Instant(self.office.at)
                )
            )
        for place_id, place in list(self.places.items()):
            if place.leg_id == leg_id:
                place.leg_id = None
                if place.phase == "accepted" and place.callback_id is not None:
                    self._ready(place)
            elif place.agent_leg == leg_id and place.phase == "accepted":
                place.phase = "waiting" if place.callback_id is not None else "ordering"
                self.tell(queue.OfferReopened(place_id=PlaceId(place_id), agent_id=AgentId(leg.agent)))

    # ---- voicemail

    def voicemail_says(self, *, has_message: bool) -> None:
        """The conversation with the machine is over; its leg, too."""
        wanted = self.recording.pop(0)
        self.commands.append(telephony.HangUp(pbx_id=PBX, leg_id=wanted.leg_id, reason="recorded"))
        id_ = VoiceMessageId(f"vm.{wanted.callback_id}")
        if has_message:
            fact: Fact = voicemail.MessageTaken(
                voice_message_id=id_,
                recording_id=RecordingId("r"),
                duration_ms=9_000,
                callback_id=wanted.callback_id,
            )
        else:
            fact = voicemail.MessageMissing(
                voice_message_id=id_,
                reason=voicemail.MissingReason.TOO_SHORT,
                callback_id=wanted.callback_id,
            )
        self.tell(fact)
