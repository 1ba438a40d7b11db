"""A small read model of the morning for the screen, and the facts for the promises.

Everything is computed from the facts, never from the script's intentions.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts.directory import AgentSaved, DepartmentSaved
from contracts.ids import Instant, OrganizationId
from contracts.log import PartitionClaimed
from contracts.message import Message, type_name
from ringback.log import Reading
from ringback.words import Words

STYLES: Final = {
    "queue": "cyan",
    "callback": "magenta",
    "voicemail": "yellow",
    "routing": "green",
    "gateway": "white",
    "log": "red",
}
PLACE_ENDS: Final = (q.PlaceConnected, q.PlaceAbandoned, q.PlaceDiverted, q.PlaceClosed)
OFFER_ENDS: Final = (
    q.OfferAccepted,
    q.OfferDeclined,
    q.OfferMissed,
    q.OfferUnreachable,
    q.OfferWithdrawn,
)
CALLBACK_ENDS: Final = (
    c.CallbackConnected,
    c.CallbackExpired,
    c.CallbackUnreached,
    c.CallbackCancelled,
    c.CallbackBarred,
)


@dataclass(slots=True)
class PlaceView:
    """A place on the screen."""

    place_id: str
    department_id: str
    who: str
    joined_at: Instant
    deadline_at: Instant
    leg_id: str | None
    condition: str = "waits on the line"
    is_callback: bool = False
    spoken: list[int] = field(default_factory=list)
    end: Message | None = None
    ended_at: Instant | None = None


@dataclass(slots=True)
class AgentView:
    """An agent on the screen; `offers` are those that ring now."""

    agent_id: str
    name: str
    pbx: str
    addresses: frozenset[tuple[str, str]] = frozenset()
    condition: str = "free"
    offers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at: Instant
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One fact with its time and its place on the log."""

    fact: Message
    at: Instant
    offset: int


class Timeline:
    """Hears the facts of one organization (and of the host on its partition) in the order of the log."""

    def __init__(self, organization_id: OrganizationId, *, killed: str = "queue") -> None:
        """`killed` is the service whose claims are counted."""
        self.organization_id = organization_id
        self.killed = killed
        self.words = Words()
        self.places: dict[str, PlaceView] = {}
        self.agents: dict[str, AgentView] = {}
        self.departments: dict[str, DepartmentSaved] = {}
        self.heard: list[Heard] = []
        self.counts: Counter[str] = Counter()
        self.repeats = 0
        self.begun_at: Instant | None = None
        """When the first customer called."""
        self.waiting_at_claims: list[tuple[int, frozenset[str]]] = []
        """For every claim of the killed service: its position on the log, and the places open then."""
        self.doubly_offered: list[str] = []
        """Agents who held two offers at once, which never happens."""
        self._seen: set[str] = set()

    def hear(self, reading: Reading) -> Line | None:
        """Hear a message; returns its line for the timeline, if the timeline shows such facts."""
        fact = reading.fact
        if fact is None or reading.envelope.organization_id not in (self.organization_id, ""):
            return None
        if reading.envelope.id in self._seen:
            # A writer without an acknowledgement repeats a fact; like all readers, we drop the repeat.
            self.repeats += 1
            return None
        self._seen.add(reading.envelope.id)
        self.counts[type_name(fact)] += 1
        self.heard.append(Heard(fact, reading.at, reading.offset))
        self.words.hear(fact)
        if self.begun_at is None and isinstance(fact, g.CallArrived):
            self.begun_at = reading.at
        self._fold(fact, reading)
        told = self.words.told(fact)
        if told is None:
            return None
        return Line(reading.at, told, STYLES.get(type_name(fact).partition(".")[0], "white"))

    def all(self, *kinds: type[Message]) -> list[Heard]:
        """The facts of some types, in the order of the log."""
        return [each for each in self.heard if isinstance(each.fact, kinds)]

    def waiting(self) -> list[PlaceView]:
        """The places that have not ended, in their order (Q3)."""
        held = [place for place in self.places.values() if place.end is None]
        return sorted(held, key=lambda place: (place.joined_at, place.place_id))

    def _fold(self, fact: Message, reading: Reading) -> None:
        match fact:
            case AgentSaved():
                addresses = frozenset((fact.pbx_id, device.address) for device in fact.devices)
                self.agents[fact.agent_id] = AgentView(
                    fact.agent_id, fact.name, self.words.pbx(fact.pbx_id), addresses
                )
            case DepartmentSaved():
                self.departments[fact.department_id] = fact
            case PartitionClaimed():
                self._fold_claim(fact.service, reading.offset)
            case g.PbxClaimed(pbx_id="cloud"):
                self._fold_claim("gateway", reading.offset)
            case g.DeviceChanged():
                self._fold_device(fact)
            case _:
                self._fold_place(fact, reading.at)
                self._fold_callback(fact)
                self._fold_agent(fact)

    def _fold_claim(self, service: str, offset: int) -> None:
        if service == self.killed:
            held = frozenset(place.place_id for place in self.waiting())
            self.waiting_at_claims.append((offset, held))

    def _fold_place(self, fact: Message, at: Instant) -> None:
        match fact:
            case q.PlaceTaken():
                self.places.setdefault(
                    fact.place_id,
                    PlaceView(
                        fact.place_id,
                        fact.department_id,
                        self.words.caller(fact.place_id),
                        fact.joined_at,
                        fact.deadline_at,
                        fact.leg_id,
                    ),
                )
            case q.AnnouncementMade() if fact.position is not None and fact.place_id in self.places:
                self.places[fact.place_id].spoken.append(fact.position)
            case q.PlaceConnected() | q.PlaceAbandoned() | q.PlaceDiverted() | q.PlaceClosed():
                place = self.places.get(fact.place_id)
                if place is not None and place.end is None:
                    place.end, place.ended_at = fact, at
            case _:
                pass

    def _fold_callback(self, fact: Message) -> None:
        match fact:
            case c.CallbackOrdered() if fact.place_id in self.places:
                self.places[fact.place_id].is_callback = True
                self._condition(fact.place_id, "callback: the place is kept")
            case c.AttemptStarted():
                self._condition(fact.place_id, f"callback: {self.words.agent(fact.agent_id)} is there")
            case c.CustomerDialled():
                self._condition(fact.place_id, "callback: the customer is dialled")
            case c.CustomerAnswered():
                self._condition(fact.place_id, "callback: they talk")
            case c.ApologyQueued():
                self._condition(fact.place_id, "deadline: an apology is due")
            case c.MessageWanted():
                self._condition(fact.place_id, "leaves a voice message")
            case _:
                pass

    def _fold_agent(self, fact: Message) -> None:
        match fact:
            case q.OfferMade() if fact.agent_id in self.agents:
                agent = self.agents[fact.agent_id]
                agent.offers.append(fact.offer_id)
                if len(agent.offers) > 1:
                    self.doubly_offered.append(agent.name)
                agent.condition = f"rings: {self.words.caller(fact.place_id)}"
                self._condition(fact.place_id, f"rings at {agent.name}")
            case (
                q.OfferAccepted()
                | q.OfferDeclined()
                | q.OfferMissed()
                | q.OfferUnreachable()
                | q.OfferWithdrawn()
            ) if fact.agent_id in self.agents:
                agent = self.agents[fact.agent_id]
                agent.offers = [offer_id for offer_id in agent.offers if offer_id != fact.offer_id]
                accepted = isinstance(fact, q.OfferAccepted)
                agent.condition = f"with {self.words.caller(fact.place_id)}" if accepted else "free"
            case q.WrapUpStarted() if fact.agent_id in self.agents:
                self.agents[fact.agent_id].condition = "wrap-up"
            case q.AgentFreed() if fact.agent_id in self.agents:
                self.agents[fact.agent_id].condition = "free"
            case _:
                pass

    def _fold_device(self, fact: g.DeviceChanged) -> None:
        for agent in self.agents.values():
            if (fact.pbx_id, fact.address) not in agent.addresses:
                continue
            is_ours = agent.condition.startswith(("rings", "with"))
            if fact.state == g.DeviceState.UNREACHABLE:
                agent.condition = "unreachable"
            elif fact.state == g.DeviceState.IN_USE and not is_ours:
                agent.condition = "on another call"
            elif fact.state != g.DeviceState.IN_USE and agent.condition in ("unreachable", "on another call"):
                agent.condition = "free"

    def _condition(self, place_id: str, condition: str) -> None:
        place = self.places.get(place_id)
        if place is not None and place.end is None:
            place.condition = condition
