"""One organization's present in memory, as of an offset of the log: the live rows, put together."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from contracts import codec, directory, gateway, queue
from contracts.directory import PbxSaved
from contracts.ids import AgentId, CallbackId, Instant, PbxId, PlaceId
from contracts.message import Fact
from contracts.queue import SkipReason
from services.history.rules import live_contacts
from services.history.rules.agent_changes import ChangeKind, phone_key
from services.history.rules.agent_states import FREE, AgentStates
from services.history.rules.live_changes import LiveChange
from services.history.rules.live_contacts import LiveCallback, LiveKey, LiveKind, LivePlace

_CARDS: Final = (directory.AgentSaved, directory.DepartmentSaved, PbxSaved)


class Spell(Struct, frozen=True, kw_only=True):
    """What an agent does now, since when, and until when if that is known."""

    state: str
    since_at: Instant
    until_at: Instant | None = None
    not_offered: str | None = None


class LiveState:
    """The present of one organization, changed row by row in the log's order."""

    def __init__(self) -> None:
        self.places: dict[PlaceId, LivePlace] = {}
        self.callbacks: dict[CallbackId, LiveCallback] = {}
        self.offsets: dict[LiveKey, int] = {}
        """The offset of each place and callback that is here."""
        self.pbxs: dict[PbxId, PbxSaved] = {}
        self.agents = AgentStates()
        self.settings_offset = -1
        """The last fact that changed a card: who sits where, names."""
        self.facts_offset = -1
        """The last fact about agents and PBXs."""
        self._at: dict[str, tuple[Instant, Fact]] = {}

    def put(self, kind: LiveKind, subject: str, row: LiveChange) -> None:
        """Put one changed row."""
        match kind:
            case LiveKind.PLACE:
                self._note((kind, subject), row)
                if row.document is None:
                    self.places.pop(PlaceId(subject), None)
                else:
                    self.places[PlaceId(subject)] = live_contacts.place_of(row.document)
            case LiveKind.CALLBACK:
                self._note((kind, subject), row)
                if row.document is None:
                    self.callbacks.pop(CallbackId(subject), None)
                else:
                    self.callbacks[CallbackId(subject)] = live_contacts.callback_of(row.document)
            case LiveKind.FACT:
                self._put_fact(subject, row)

    def _note(self, key: LiveKey, row: LiveChange) -> None:
        if row.document is None:
            self.offsets.pop(key, None)
        else:
            self.offsets[key] = row.offset

    def _put_fact(self, subject: str, row: LiveChange) -> None:
        fact = codec.decode(row.type, (row.document or "").encode())
        assert isinstance(fact, Fact)
        if isinstance(fact, PbxSaved):
            self.pbxs[fact.pbx_id] = fact
        self.agents.put(fact)
        self._at[subject] = (row.at, fact)
        self.facts_offset = row.offset
        if isinstance(fact, _CARDS):
            self.settings_offset = row.offset

    def spell(self, agent_id: AgentId, at: Instant) -> Spell:
        """What an agent does at an instant: what can be seen comes before what the office's book says."""
        reason = self.agents.own_reason(agent_id, at)
        not_offered = None if reason == FREE else str(reason)
        card = self.agents.card(agent_id)
        place_id = self.agents.place_offered(agent_id)
        phone_at = self._phone_at(card, gateway.DeviceState.IN_USE)
        if self.agents.is_on_call(agent_id):
            state, since_at = "talking", self._of(ChangeKind.CALL, agent_id)
        elif place_id is not None:
            state, since_at = "ringing", self._of(ChangeKind.OFFER, agent_id)
        elif phone_at is not None:
            state, since_at = "talking", phone_at
        else:
            return self._idle(agent_id, reason, at)
        return Spell(state=state, since_at=since_at, not_offered=not_offered)

    def _idle(self, agent_id: AgentId, reason: str, at: Instant) -> Spell:
        """What an agent does whose phones are silent."""
        card = self.agents.card(agent_id)
        since_at, until_at, state = self._of_clock(agent_id, at), self._next_turn(agent_id, at), "away"
        match reason:
            case SkipReason.PAUSED:
                state, until_at = "paused", None
                since_at = max(
                    self._of(ChangeKind.PAUSE, agent_id), self._of(ChangeKind.PAUSE, f"{agent_id}|queue")
                )
            case SkipReason.PBX_AWAY if card is not None:
                since_at, until_at = self.pbx_changed_at(card.pbx_id), None
            case SkipReason.UNREACHABLE:
                found = self._phone_at(card, gateway.DeviceState.UNREACHABLE)
                since_at, until_at = found or Instant(0), None
            case SkipReason.WRAP_UP:
                state, until_at = "wrap_up", self.agents.wrap_up_until(agent_id)
                since_at = self._of(ChangeKind.WRAP_UP, agent_id)
            case reason if reason == FREE:
                state, until_at = "free", None
                since_at = max(since_at, *self._endings(agent_id, card))
        not_offered = None if reason == FREE else str(reason)
        return Spell(state=state, since_at=since_at, until_at=until_at, not_offered=not_offered)

    def _endings(self, agent_id: AgentId, card: directory.AgentSaved | None) -> Iterable[Instant]:
        """When what may have kept an agent was last changed."""
        for kind in (ChangeKind.CALL, ChangeKind.OFFER, ChangeKind.PAUSE, ChangeKind.WRAP_UP):
            yield self._of(kind, agent_id)
        yield self._of(ChangeKind.PAUSE, f"{agent_id}|queue")
        if card is not None:
            yield self.pbx_changed_at(card.pbx_id)
            for device in card.devices:
                yield self._of(ChangeKind.DEVICE, phone_key(card.pbx_id, device.address))

    def _of(self, kind: ChangeKind, subject: str) -> Instant:
        found = self._at.get(f"{kind}|{subject}")
        return Instant(0) if found is None else found[0]

    def _of_clock(self, agent_id: AgentId, at: Instant) -> Instant:
        """The last instant at which the clock changed an agent's standing."""
        return Instant(max((each for each in self.agents.turns(agent_id) if each <= at), default=0))

    def _next_turn(self, agent_id: AgentId, at: Instant) -> Instant | None:
        return min((each for each in self.agents.turns(agent_id) if each > at), default=None)

    def next_turn(self, at: Instant) -> Instant | None:
        """When the clock changes any agent's standing next."""
        turns = (self._next_turn(each, at) for each in self.agents.agents())
        return min((each for each in turns if each is not None), default=None)

    def _phone_at(self, card: directory.AgentSaved | None, state: gateway.DeviceState) -> Instant | None:
        """When the first of an agent's phones came into a state in which it is."""
        if card is None:
            return None
        found = [
            self._of(ChangeKind.DEVICE, phone_key(card.pbx_id, device.address))
            for device in card.devices
            if self.agents.phone(card.pbx_id, device.address) is state
        ]
        return min(found, default=None)

    def pbx_changed_at(self, pbx_id: str) -> Instant:
        """When a PBX went away: of what the gateway and the queue say, the earlier that holds. Of one that is
        there, when it came back."""
        told = [
            found
            for key in (f"{ChangeKind.PBX}|{pbx_id}", f"{ChangeKind.PBX}|{pbx_id}|queue")
            if (found := self._at.get(key)) is not None
        ]
        away = [at for at, fact in told if isinstance(fact, gateway.PbxLost | queue.PbxAway)]
        if away:
            return min(away)
        return max((at for at, _ in told), default=Instant(0))

    def misses(self, agent_id: AgentId) -> int | None:
        """How many customers the agent missed in a row, where the queue has paused for that (Q8)."""
        found = self._at.get(f"{ChangeKind.PAUSE}|{agent_id}|queue")
        is_paused = self.agents.is_paused_by_misses(agent_id)
        return found[1].misses if is_paused and found and isinstance(found[1], queue.AgentPaused) else None
