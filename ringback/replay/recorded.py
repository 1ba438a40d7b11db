"""Extracts from a stretch of the log how people and phones behaved, so that it can be replayed.

Nothing here is a guess: unrecorded behaviour is left out, and `people` says what is assumed instead.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from contracts import callback as c
from contracts import directory, queue, tts
from contracts import gateway as g
from contracts.directory import ActionKind
from contracts.ids import AgentId, LegId, PlaceId
from contracts.log import TimerDue
from contracts.message import Fact
from contracts.routing import CallTaken, DepartmentReached, PersonAnswered
from contracts.voicemail import MessageMissing, MessageTaken
from ringback.log import Reading
from ringback.log_replay import Acceptance
from ringback.log_stretch import Stretch
from ringback.replay.delays import Delays
from ringback.replay.legs import Dialling, Keys, Leg, Legs, dialling, shifted
from ringback.replay.plays import Plays
from ringback.replay.uses import Phone, Use, Uses

BOOK: Final = (
    directory.OrganizationSaved,
    directory.PbxSaved,
    directory.AgentSaved,
    directory.AgentAvailabilitySaved,
    directory.AgentPauseSaved,
    directory.AgentWrapUpSaved,
    directory.DepartmentSaved,
    directory.CallbackAsked,
    directory.CallbackCancelAsked,
    tts.NoticeRendered,
    g.PbxLost,
    g.PbxReturned,
)
"""Facts that are replayed unchanged, at their time."""
MODELLED: Final = ("queue", "callback")
STALL_MS: Final = 500
"""Services answer within milliseconds; one that takes longer stood still, which the model never does."""


class Zero(StrEnum):
    """The event from which the times of a caller's actions count."""

    ARRIVAL = "arrival"
    INVITATION = "invitation"
    APOLOGY = "apology"


@dataclass(slots=True)
class Caller:
    """One call to the company, and the caller's own actions."""

    at: int
    arrived: DepartmentReached
    answer_ms: int | None = None
    keys: dict[Zero, Keys] = field(default_factory=dict)
    hangs_up: tuple[Zero, int] | None = None
    """None: the caller stayed until we ended the call, or talked."""


@dataclass(slots=True, frozen=True)
class Talk:
    """A conversation: its length, and which side hung up."""

    ms: int
    is_ended_by_agent: bool


@dataclass(slots=True)
class Recorded:
    """Everything the model needs."""

    facts: list[tuple[int, Fact]] = field(default_factory=list)
    """What happened: accepted facts without repeats, with monotonic times."""
    book: list[tuple[int, Fact]] = field(default_factory=list)
    direct: list[tuple[int, Fact]] = field(default_factory=list)
    """Which agent took a direct call, and when its phone was put down: routing's calls, unchanged."""
    callers: list[Caller] = field(default_factory=list)
    elsewhere: int = 0
    """Calls that reached no department: direct calls, and calls that ended in a scenario."""
    phones: dict[tuple[AgentId, int], list[Dialling]] = field(default_factory=dict)
    customers: dict[PlaceId, list[Dialling]] = field(default_factory=dict)
    talks: dict[PlaceId, Talk] = field(default_factory=dict)
    handling: dict[AgentId, list[Talk]] = field(default_factory=dict)
    plays: Plays = field(default_factory=Plays)
    uses: list[Use] = field(default_factory=list)
    told_phones: set[Phone] = field(default_factory=set)
    messages: dict[str, tuple[int, Fact]] = field(default_factory=dict)
    """Callback → how long after pressing 1 voicemail said its result, and which."""
    stalls: list[tuple[int, int]] = field(default_factory=list)
    """Intervals in which services stood still, seen from late facts and late timers."""
    delays: Delays = field(default_factory=Delays)

    def begun_at(self) -> list[int]:
        """When places begin: a customer calls a department, or orders through the API."""
        asked = (at for at, fact in self.book if isinstance(fact, directory.CallbackAsked))
        return [*(caller.at for caller in self.callers), *asked]

    @property
    def end_at(self) -> int:
        """The last record's time."""
        return max((at for at, _ in self.facts), default=0)


class Accepted:
    """The facts that readers accept, without repeats, and the timers, with monotonic time.

    A decider's fact has the time of its cause: it was decided then, however late it was said.
    """

    def __init__(self, stretch: Stretch) -> None:
        self._acceptance = Acceptance(is_whole=stretch.is_whole)
        self._times: dict[int, int] = {}
        self._now = 0
        self.stalls: list[tuple[int, int]] = []
        self._late: set[tuple[str, int]] = set()
        self._timers: set[str] = set()
        self.facts = [found for reading in stretch.readings if (found := self._hear(reading)) is not None]

    def _hear(self, reading: Reading) -> tuple[int, Fact] | None:
        self._now = self._times[reading.offset] = max(self._now, reading.at)
        is_timer = isinstance(reading.fact, TimerDue)
        if not (is_timer or self._acceptance.accepts(reading)) or not isinstance(reading.fact, Fact):
            return None
        if isinstance(reading.fact, TimerDue):
            timer = f"{reading.fact.timer_id}@{reading.fact.due_at}"
            if self._now >= reading.fact.due_at and timer not in self._timers:
                self._timers.add(timer)
                self._note_late(reading, reading.offset, self._now - reading.fact.due_at)
            return self._now, reading.fact
        cause = reading.envelope.cause_offset
        decided_at = self._times.get(cause, self._now)
        self._note_late(reading, cause, self._now - decided_at)
        return decided_at, reading.fact

    def _note_late(self, reading: Reading, cause: int, late_ms: int) -> None:
        source = reading.envelope.source
        if late_ms > STALL_MS and source in MODELLED and (source, cause) not in self._late:
            self._late.add((source, cause))
            self.stalls.append((self._now - late_ms, self._now))


class Recording:
    """Collects people's and phones' behaviour from a stretch."""

    def __init__(self, stretch: Stretch) -> None:
        accepted = Accepted(stretch)
        self._found = Recorded(facts=accepted.facts, stalls=accepted.stalls)
        self._legs = Legs()
        self._leg_of_place: dict[PlaceId, LegId] = {}
        self._invited_at: dict[LegId, int] = {}
        self._ordered: set[LegId] = set()
        self._served: set[LegId] = set()
        """Callers whom a no-answer action took over: the queue ignores what they do then."""
        self._offers: dict[LegId, tuple[AgentId, int, str]] = {}
        self._missed: set[str] = set()
        self._dialled: dict[LegId, PlaceId] = {}
        self._wanted_at: dict[str, int] = {}
        self._talks: list[tuple[PlaceId, AgentId, LegId, LegId]] = []
        self._direct: set[LegId] = set()
        self._taken: set[LegId] = set()

    def recorded(self) -> Recorded:
        """The result."""
        for at, fact in self._found.facts:
            self._legs.hear(at, fact)
            self._found.plays.hear(at, fact)
            self._found.delays.hear(at, fact)
            if isinstance(fact, BOOK):
                self._found.book.append((at, fact))
            self._hear_queue(at, fact)
            self._hear_callback(at, fact)
            self._hear_phones(at, fact)
        ours = [leg for leg in self._legs.by_id.values() if leg.leg_id in {*self._offers, *self._dialled}]
        uses = Uses(self._found.facts, ours, self._found.end_at)
        self._found.uses, self._found.told_phones = uses.all(), set(uses.by_phone)
        reached = {caller.arrived.leg_id for caller in self._found.callers}
        self._found.elsewhere = len(self._taken - reached)
        self._callers()
        self._diallings(uses)
        self._conversations()
        return self._found

    def _hear_queue(self, at: int, fact: Fact) -> None:
        match fact:
            case queue.PlaceTaken():
                if fact.leg_id is not None:
                    self._leg_of_place[fact.place_id] = fact.leg_id
            case queue.AnnouncementMade():
                if fact.kind is queue.AnnouncementKind.INVITATION and fact.place_id in self._leg_of_place:
                    self._invited_at.setdefault(self._leg_of_place[fact.place_id], at)
            case queue.CallbackRequested():
                self._ordered.add(fact.leg_id)
            case queue.PlaceDiverted() if fact.action in (ActionKind.VOICEMAIL, ActionKind.HANG_UP):
                if fact.leg_id is not None:
                    self._served.add(fact.leg_id)
            case queue.PlaceConnected():
                self._talks.append((fact.place_id, fact.agent_id, fact.leg_id, fact.agent_leg_id))
            case _:
                self._hear_offers(fact)

    def _hear_offers(self, fact: Fact) -> None:
        match fact:
            case queue.OfferMade() | queue.FallbackRung():
                for leg in fact.legs:
                    device = int(leg.leg_id.rpartition(".")[2])
                    self._offers[leg.leg_id] = (fact.agent_id, device, fact.offer_id)
            case queue.OfferMissed():
                self._missed.add(fact.offer_id)
            case _:
                pass

    def _hear_callback(self, at: int, fact: Fact) -> None:
        match fact:
            case c.CustomerDialled():
                self._dialled[fact.leg_id] = fact.place_id
            case c.ApologyDialled():
                self._dialled[fact.leg_id] = PlaceId(fact.callback_id.removeprefix("cb."))
            case c.MessageWanted():
                self._wanted_at[fact.callback_id] = at
            case c.CallbackConnected():
                # The queue bridges a held customer, and has said so before.
                if all(place_id != fact.place_id for place_id, *_ in self._talks):
                    self._talks.append((fact.place_id, fact.agent_id, fact.leg_id, fact.agent_leg_id))
            case _:
                pass

    def _hear_phones(self, at: int, fact: Fact) -> None:
        match fact:
            case DepartmentReached() if self._legs.by_id[fact.leg_id].end is None:
                self._found.callers.append(Caller(at=at, arrived=fact))
            case CallTaken():
                self._taken.add(fact.leg_id)
            case PersonAnswered():
                self._direct.add(fact.agent_leg_id)
                self._found.direct.append((at, fact))
            case g.LegEnded() if fact.leg_id in self._direct:
                self._found.direct.append((at, fact))
            case MessageTaken() | MessageMissing() if fact.callback_id in self._wanted_at:
                wait_ms = at - self._wanted_at[fact.callback_id]
                self._found.messages[fact.callback_id] = (wait_ms, fact)
            case _:
                pass

    def _callers(self) -> None:
        for caller in self._found.callers:
            leg = self._legs.by_id[caller.arrived.leg_id]
            if leg.answered_at is not None and not caller.arrived.is_answered:
                caller.answer_ms = leg.answered_at - caller.at
            zeros = {Zero.ARRIVAL: caller.at}
            if leg.leg_id in self._invited_at:
                zeros[Zero.INVITATION] = self._invited_at[leg.leg_id]
            if leg.apology_at is not None:
                zeros[Zero.APOLOGY] = leg.apology_at
            caller.keys = _by_zero(leg, zeros)
            if leg.hung_up_alone and leg.ended_at is not None and leg.leg_id not in self._served:
                zero = self._zero_of_leaving(leg, zeros)
                caller.hangs_up = (zero, leg.ended_at - zeros[zero])

    def _zero_of_leaving(self, leg: Leg, zeros: dict[Zero, int]) -> Zero:
        """When a caller's patience began: at the call, or at an order, after which callers leave."""
        if Zero.APOLOGY in zeros:
            return Zero.APOLOGY
        has_ordered = leg.leg_id in self._ordered and Zero.INVITATION in zeros
        return Zero.INVITATION if has_ordered else Zero.ARRIVAL

    def _diallings(self, uses: Uses) -> None:
        """Samples in the order of dialling."""
        for leg in sorted(self._legs.by_id.values(), key=lambda leg: leg.requested_at or 0):
            if leg.leg_id in self._offers:
                agent_id, device, offer_id = self._offers[leg.leg_id]
                sample = dialling(leg, is_missed=offer_id in self._missed)
                if sample is not None and not uses.explain(leg):
                    self._found.phones.setdefault((agent_id, device), []).append(sample)
            elif leg.leg_id in self._dialled:
                sample = dialling(leg, is_missed=False)
                if sample is not None:
                    self._found.customers.setdefault(self._dialled[leg.leg_id], []).append(sample)

    def _conversations(self) -> None:
        for place_id, agent_id, leg_id, agent_leg_id in self._talks:
            customer, agent = self._legs.by_id.get(leg_id), self._legs.by_id.get(agent_leg_id)
            if customer is None or agent is None or agent.bridged_at is None:
                continue
            ends = [at for at in (customer.ended_at, agent.ended_at) if at is not None]
            if not ends:
                continue
            begun_at = max(agent.bridged_at, customer.bridged_at or 0)
            talk = Talk(ms=max(0, min(ends) - begun_at), is_ended_by_agent=agent.ended_at == min(ends))
            self._found.talks[place_id] = talk
            self._found.handling.setdefault(agent_id, []).append(talk)


def _by_zero(leg: Leg, zeros: dict[Zero, int]) -> dict[Zero, Keys]:
    """A caller's keys, each with its time since the last play that may have prompted it."""
    sorted_: dict[Zero, list[tuple[int, str, bool]]] = {}
    for key in leg.keys:
        before = [zero for zero, at in zeros.items() if at <= key[0]]
        if before:
            sorted_.setdefault(max(before, key=lambda zero: zeros[zero]), []).append(key)
    return {zero: shifted(keys, zeros[zero]) for zero, keys in sorted_.items()}


def record(stretch: Stretch) -> Recorded:
    """Extract people's and phones' behaviour from a stretch of the log."""
    return Recording(stretch).recorded()
