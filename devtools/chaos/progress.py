"""What the growing log shows: what has begun and not ended, and which service claimed which partition."""

from collections import Counter
from typing import Final

from contracts import callback, gateway, queue, voicemail
from contracts.addresses import is_public
from contracts.callback import CallbackEnd
from contracts.log import OrganizationParked, PartitionClaimed
from contracts.message import Message
from ringback.log import Reading

RECORDINGS: Final = (voicemail.MessageStored, voicemail.MessageMissing, voicemail.MessageQuarantined)


class Progress:
    """Hears every record once, and answers from that."""

    def __init__(self) -> None:
        self.newest_at = 0
        self.types: Counter[str] = Counter()
        self.claims: Counter[tuple[str, int]] = Counter()
        """Claims by service and partition; the gateway's by PBX, with partition -1."""
        self.pbx_claims: Counter[str] = Counter()
        self.pbx_returns: Counter[str] = Counter()
        self.pbxs_away: set[str] = set()
        """PBXs that their gateway can't reach."""
        self.places_of: Counter[str] = Counter()
        """How many places were taken, by organization."""
        self.recordings: list[gateway.RecordingFinished] = []
        self.parked: list[str] = []
        self._begun: dict[str, set[str]] = {}
        self._ended: dict[str, set[str]] = {}
        self._busy: Counter[str] = Counter()
        self._legs_to: dict[str, set[str]] = {}
        self._by_trunk: dict[str, set[str]] = {}

    def hear(self, reading: Reading) -> None:
        """Hear a record."""
        self.newest_at = max(self.newest_at, reading.at)
        self.types[reading.envelope.type] += 1
        fact = reading.fact
        match fact:
            case PartitionClaimed():
                self.claims[(fact.service, reading.partition)] += 1
            case gateway.PbxClaimed():
                self.pbx_claims[fact.pbx_id] += 1
            case gateway.PbxLost():
                self.pbxs_away.add(fact.pbx_id)
            case gateway.PbxReturned():
                self.pbxs_away.discard(fact.pbx_id)
                self.pbx_returns[fact.pbx_id] += 1
            case OrganizationParked():
                self.parked.append(f"{fact.service} parked {reading.envelope.organization_id}: {fact.reason}")
            case None:
                pass
            case _:
                if isinstance(fact, queue.PlaceTaken):
                    self.places_of[reading.envelope.organization_id] += 1
                self._fold_queue(fact)
                self._fold_rest(fact)

    def _begin(self, what: str, id_: str) -> None:
        self._begun.setdefault(what, set()).add(id_)

    def _end(self, what: str, id_: str) -> None:
        self._ended.setdefault(what, set()).add(id_)

    def _fold_queue(self, fact: Message) -> None:
        match fact:
            case queue.PlaceTaken():
                self._begin("place", fact.place_id)
            case (
                queue.PlaceConnected() | queue.PlaceAbandoned() | queue.PlaceDiverted() | queue.PlaceClosed()
            ):
                self._end("place", fact.place_id)
            case queue.CallbackTakenOver():
                self._end("place", fact.new_place_id)
            case queue.AgentBusy():
                self._begin("agent's call", f"{fact.agent_id} {fact.leg_id}")
                self._busy[fact.agent_id] += 1
            case queue.AgentFreed():
                calls = self._begun.get("agent's call", set())
                for each in [call for call in calls if call.startswith(f"{fact.agent_id} ")]:
                    self._end("agent's call", each)
            case callback.CallbackOrdered():
                self._begin("callback", fact.callback_id)
            case CallbackEnd():
                self._end("callback", fact.callback_id)
            case _:
                pass

    def _fold_rest(self, fact: Message) -> None:
        match fact:
            case gateway.CallArrived() | gateway.LegRequested():
                self._begin("leg", fact.leg_id)
                if isinstance(fact, gateway.LegRequested):
                    self._legs_to.setdefault(fact.address, set()).add(fact.leg_id)
                    if is_public(fact.address):
                        self._by_trunk.setdefault(fact.pbx_id, set()).add(fact.leg_id)
            case gateway.RecordingFinished():
                self.recordings.append(fact)
            case gateway.LegEnded():
                self._end("leg", fact.leg_id)
            case voicemail.RecordingAsked():
                self._begin("recording", fact.voice_message_id)
            case voicemail.MessageStored() | voicemail.MessageMissing() | voicemail.MessageQuarantined():
                self._end("recording", fact.voice_message_id)
            case voicemail.LetterDue():
                self._begin("letter", fact.letter_id)
            case voicemail.LetterAccepted() | voicemail.LetterFailed():
                self._end("letter", fact.letter_id)
            case _:
                pass

    def open(self, *kinds: str) -> dict[str, set[str]]:
        """What has begun and not ended, by kind, for all or some kinds."""
        found = {
            kind: begun - self._ended.get(kind, set())
            for kind, begun in self._begun.items()
            if not kinds or kind in kinds
        }
        return {kind: ids for kind, ids in found.items() if ids}

    def by_trunk(self, pbx_id: str) -> set[str]:
        """The legs over a PBX's trunk that have not ended."""
        return self._by_trunk.get(pbx_id, set()) & self.open("leg").get("leg", set())

    def legs_to(self, address: str) -> set[str]:
        """The legs that were dialled to an address."""
        return set(self._legs_to.get(address, ()))

    def claimed(self, service: str) -> int:
        """How often a service has claimed any partition."""
        return sum(count for (name, _), count in self.claims.items() if name == service)
