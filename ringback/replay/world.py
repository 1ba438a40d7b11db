"""The model's world: callers with their recorded actions, the directory as saved, and the phones."""

from collections.abc import Sequence
from typing import Final

from contracts import callback as c
from contracts import queue as q
from contracts.directory import ActionKind
from contracts.gateway import EndedBy, Outcome
from contracts.ids import CallbackId, LegId, PlaceId
from contracts.message import Command, Fact
from ringback.replay.exchange import Agenda, Exchange, Leg
from ringback.replay.people import People
from ringback.replay.plays import named_plays
from ringback.replay.recorded import Caller, Recorded, Zero

VOICEMAIL_MS: Final = 30_000
"""How long a caller stays with voicemail; no figure depends on it."""


class World:
    """Takes the deciders' facts and commands, and returns what happens."""

    def __init__(self, recorded: Recorded, book: Sequence[tuple[int, Fact]]) -> None:
        self._people = People(recorded)
        self._agenda = Agenda()
        self._exchange = Exchange(recorded, self._people, self._agenda)
        self._caller_on: dict[PlaceId, LegId] = {}
        for at, fact in (*book, *recorded.direct):
            self._agenda.put(at, lambda _, fact=fact: self._exchange.told.append(fact))  # type: ignore[misc]
        for use in recorded.uses:
            self._agenda.put(use.at, lambda _, use=use: self._exchange.use(use))  # type: ignore[misc]
        for caller in recorded.callers:
            self._agenda.put(caller.at, lambda at, caller=caller: self._arrive(at, caller))  # type: ignore[misc]

    def next_at(self) -> int | None:
        """The instant of the next event."""
        return self._agenda.next_at()

    def go_on(self) -> tuple[int, list[Fact]]:
        """Run the next event; its instant and its facts."""
        at = self._agenda.go_on()
        told, self._exchange.told = self._exchange.told, []
        return at, told

    def command(self, at: int, command: Command) -> None:
        """Take a decider's command."""
        self._exchange.command(at, command)

    def note(self, at: int, fact: Fact) -> None:
        """Note a decider's fact, before its step's commands: whose phones ring, what callers hear."""
        self._exchange.plays.update(named_plays(fact))
        match fact:
            case q.OfferMade() | q.FallbackRung():
                for planned in fact.legs:
                    device = int(planned.leg_id.rpartition(".")[2])
                    self._exchange.offered[planned.leg_id] = (fact.agent_id, device)
            case q.OfferMissed():
                self._exchange.missed.add(fact.offer_id)
            case q.PlaceTaken() | q.CallbackTakenOver() if fact.leg_id is not None:
                self._exchange.places[fact.leg_id] = fact.place_id
                self._caller_on[fact.place_id] = fact.leg_id
            case q.AnnouncementMade(kind=q.AnnouncementKind.INVITATION) if fact.place_id in self._caller_on:
                self._begin(at, self._exchange.legs[self._caller_on[fact.place_id]], Zero.INVITATION)
            case q.PlaceDiverted(action=ActionKind.VOICEMAIL) if fact.leg_id is not None:
                leg = self._exchange.legs[fact.leg_id]
                self._agenda.put(
                    at + VOICEMAIL_MS,
                    lambda at: self._exchange.end(at, leg, Outcome.COMPLETED, EndedBy.PARTY),
                )
            case _:
                self._note_callback(at, fact)

    def _note_callback(self, at: int, fact: Fact) -> None:
        match fact:
            case c.CustomerDialled():
                self._exchange.places[fact.leg_id] = fact.place_id
            case c.ApologyDialled():
                self._exchange.places[fact.leg_id] = PlaceId(fact.callback_id.removeprefix("cb."))
            case c.ApologyMade(ask=1):
                self._apologize(at, self._exchange.legs[fact.leg_id])
            case c.MessageWanted():
                self._voicemail(at, fact.callback_id)
            case _:
                pass

    def _arrive(self, at: int, caller: Caller) -> None:
        self._begin(at, self._exchange.arrive(at, caller), Zero.ARRIVAL)

    def _begin(self, at: int, leg: Leg, zero: Zero) -> None:
        """Note an event from which a caller's actions count; only the first one does."""
        caller = leg.caller
        if caller is None or zero in leg.zeros:
            return
        leg.zeros.add(zero)
        self._exchange.press_later(at, leg, caller.keys.get(zero, ()))
        if caller.hangs_up is not None and caller.hangs_up[0] is zero:
            self._agenda.put(at + caller.hangs_up[1], lambda at: self._exchange.leave(at, leg))

    def _apologize(self, at: int, leg: Leg) -> None:
        self._begin(at, leg, Zero.APOLOGY)
        self._exchange.press_later(at, leg, leg.sample.after_apology)
        if leg.sample.apology_left_ms is not None:
            self._agenda.put(at + leg.sample.apology_left_ms, lambda at: self._exchange.leave(at, leg))

    def _voicemail(self, at: int, callback_id: CallbackId) -> None:
        wait_ms, said = self._people.message(callback_id)
        self._agenda.put(at + wait_ms, lambda _: self._exchange.told.append(said))
