"""A morning's facts, for the tests of the demo's read model."""

from typing import Any

from contracts import callback as c
from contracts import gateway as g
from contracts import queue as q
from contracts import voicemail as v
from contracts.codec import Envelope
from contracts.directory import AgentSaved, Recipient
from contracts.ids import (
    Address,
    AgentId,
    BridgeId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    OfferId,
    OrganizationId,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
    VoiceMessageId,
)
from contracts.log import PartitionClaimed
from contracts.message import Message, type_name
from devtools.demo.timeline import Timeline
from ringback.log import Reading
from tests import offices
from tests.unit.tools.direct_call import DIRECT_CALL

VETER = OrganizationId("veter")
CLOUD = PbxId("cloud")
SALES = DepartmentId("sales")
GUSEV = AgentId("gusev")
BEGLOVA = AgentId("beglova")
TIMEOUT_MS = 40_000
NUMBERS = {"k1": "+79000000101", "k2": "+79000000102", "k3": "+79000000103", "k4": "+79000000104"}


def place(who: str) -> PlaceId:
    return PlaceId(f"p.{who}")


def callback(who: str) -> CallbackId:
    return CallbackId(f"cb.{who}")


def agent(agent_id: AgentId) -> AgentSaved:
    return offices.agent(agent_id, CLOUD, "201", devices=())


def taken(who: str, joined_s: float, position: int) -> q.PlaceTaken:
    joined_at = Instant(int(joined_s * 1000))
    return q.PlaceTaken(
        place_id=place(who),
        department_id=SALES,
        pbx_id=CLOUD,
        leg_id=LegId(who),
        caller=NUMBERS[who],
        line="+74950001000",
        joined_at=joined_at,
        deadline_at=Instant(joined_at + TIMEOUT_MS),
        position=position,
    )


def told(who: str, position: int) -> q.AnnouncementMade:
    kind = q.AnnouncementKind.POSITION
    return q.AnnouncementMade(
        place_id=place(who), kind=kind, play_id=PlayId(f"{who}.{position}"), position=position
    )


def ordered(who: str, joined_s: float) -> c.CallbackOrdered:
    joined_at = Instant(int(joined_s * 1000))
    return c.CallbackOrdered(
        callback_id=callback(who),
        place_id=place(who),
        department_id=SALES,
        pbx_id=CLOUD,
        number=NUMBERS[who],
        caller_id="+74950001000",
        joined_at=joined_at,
        deadline_at=Instant(joined_at + TIMEOUT_MS),
        leg_id=LegId(who),
    )


def ended(leg: str, talk_ms: int = 0) -> g.LegEnded:
    return g.LegEnded(
        pbx_id=CLOUD, leg_id=LegId(leg), outcome=g.Outcome.COMPLETED, by=g.EndedBy.PARTY, talk_ms=talk_ms
    )


def answered(leg: str) -> g.LegAnswered:
    return g.LegAnswered(pbx_id=CLOUD, leg_id=LegId(leg))


def requested(leg: str) -> g.LegRequested:
    return g.LegRequested(pbx_id=CLOUD, leg_id=LegId(leg), address=Address("sip:201"))


def offered(who: str, agent_id: AgentId, offer: str) -> q.OfferMade:
    return q.OfferMade(
        offer_id=OfferId(offer),
        place_id=place(who),
        department_id=SALES,
        agent_id=agent_id,
        round=1,
        ring_ms_max=20_000,
        legs=(),
    )


def accepted(who: str, agent_id: AgentId, offer: str) -> q.OfferAccepted:
    return q.OfferAccepted(
        offer_id=OfferId(offer), place_id=place(who), agent_id=agent_id, leg_id=LegId(f"{offer}.1")
    )


def claimed() -> PartitionClaimed:
    return PartitionClaimed(service="queue", epoch="e")


def dialled(who: str, agent_id: AgentId, leg: str, agent_leg: str) -> c.CustomerDialled:
    return c.CustomerDialled(
        callback_id=callback(who),
        place_id=place(who),
        attempt=1,
        leg_id=LegId(leg),
        agent_id=agent_id,
        agent_leg_id=LegId(agent_leg),
    )


def _end(who: str, joined_s: float) -> dict[str, Any]:
    joined_at = Instant(int(joined_s * 1000))
    return {
        "callback_id": callback(who),
        "place_id": place(who),
        "department_id": SALES,
        "pbx_id": CLOUD,
        "number": NUMBERS[who],
        "joined_at": joined_at,
        "ordered_at": Instant(joined_at + 8_000),
        "attempts": 1,
    }


def connected(who: str, joined_s: float, agent_id: AgentId, leg: str, agent_leg: str) -> c.CallbackConnected:
    return c.CallbackConnected(
        **_end(who, joined_s),
        agent_id=agent_id,
        agent_leg_id=LegId(agent_leg),
        leg_id=LegId(leg),
        waited_ms=30_000,
    )


def expired(who: str, joined_s: float) -> c.CallbackExpired:
    return c.CallbackExpired(**_end(who, joined_s), has_voice_message=True, was_told=True)


MESSAGE = VoiceMessageId("v.k3")

MORNING: tuple[tuple[float, Message], ...] = (
    (-5, agent(GUSEV)),
    (-5, agent(BEGLOVA)),
    (-4, claimed()),
    (0, g.CallArrived(pbx_id=CLOUD, leg_id=LegId("k1"), caller=NUMBERS["k1"], line="+74950001000")),
    (0, taken("k1", 0, 1)),
    (1, told("k1", 1)),
    (1, taken("k2", 1, 2)),
    (2, told("k2", 2)),
    (2, taken("k3", 2, 3)),
    (3, told("k3", 3)),
    (3, taken("k4", 3, 4)),
    (4, told("k4", 4)),
    (5, g.PlayFinished(pbx_id=CLOUD, leg_id=LegId("k1"), play_id=PlayId("k1.1"), ok=True)),
    *DIRECT_CALL,
    (8, ordered("k1", 0)),
    (12, ended("k1")),
    (12, ordered("k3", 2)),
    (14, ended("k3")),
    (15, q.PlaceAbandoned(place_id=place("k4"), waited_ms=12_000)),
    (18, claimed()),
    (24, offered("k1", GUSEV, "o1")),
    (25, requested("o1.1")),
    (26, answered("o1.1")),
    (26, accepted("k1", GUSEV, "o1")),
    (30, dialled("k1", GUSEV, "k1.cb", "o1.1")),
    (30, requested("k1.cb")),
    (32, answered("k1.cb")),
    (32, g.Bridged(pbx_id=CLOUD, bridge_id=BridgeId("b1"), legs=(LegId("o1.1"), LegId("k1.cb")))),
    (32, connected("k1", 0, GUSEV, "k1.cb", "o1.1")),
    (32, q.PlaceClosed(place_id=place("k1"), callback_id=callback("k1"), outcome="connected")),
    (33, offered("k2", BEGLOVA, "o2")),
    (34, accepted("k2", BEGLOVA, "o2")),
    (
        34,
        q.PlaceConnected(
            place_id=place("k2"),
            agent_id=BEGLOVA,
            leg_id=LegId("k2"),
            agent_leg_id=LegId("o2.1"),
            waited_ms=33_000,
        ),
    ),
    (42, q.DeadlinePassed(place_id=place("k3"), callback_id=callback("k3"), deadline_at=Instant(42_000))),
    (42, c.ApologyQueued(callback_id=callback("k3"), place_id=place("k3"), due_at=Instant(42_000))),
    (44, c.ApologyMade(callback_id=callback("k3"), leg_id=LegId("k3.a"), play_id=PlayId("a"), ask=1)),
    (50, ended("k1.cb", talk_ms=18_000)),
    (
        51,
        c.MessageWanted(
            callback_id=callback("k3"),
            place_id=place("k3"),
            department_id=SALES,
            pbx_id=CLOUD,
            leg_id=LegId("k3.a"),
            number=NUMBERS["k3"],
            joined_at=Instant(2_000),
        ),
    ),
    (
        60,
        v.MessageTaken(
            voice_message_id=MESSAGE,
            recording_id=RecordingId("r"),
            duration_ms=6_000,
            callback_id=callback("k3"),
        ),
    ),
    (60, expired("k3", 2)),
    (60, q.PlaceClosed(place_id=place("k3"), callback_id=callback("k3"), outcome="expired")),
    (
        61,
        v.MessageStored(
            voice_message_id=MESSAGE,
            original_key=MediaKey("o"),
            mp3_key=MediaKey("m"),
            mp3_bytes=9,
            mp3_sha256="s",
            speech_ms=5_000,
        ),
    ),
    (
        61,
        v.LetterDue(
            letter_id="l1",
            kind=v.LetterKind.VOICE_MESSAGE,
            recipient=Recipient(name="Гусев", email="g@veter.example"),
            voice_message_id=MESSAGE,
        ),
    ),
    (62, v.LetterAccepted(letter_id="l1", answer="250 OK")),
)
"""Five customers: k1 is called back, k2 stays on the line, k3 is called back too late, k4 leaves, k5 calls
one person."""


def story_of(*facts: tuple[float, Message], repeated: bool = False) -> Timeline:
    """A timeline that has heard these facts, each once (or twice)."""
    timeline = Timeline(VETER)
    for offset, (at_s, fact) in enumerate(facts):
        organization_id = OrganizationId("") if isinstance(fact, PartitionClaimed) else VETER
        envelope = Envelope(
            id=f"id{offset}", type=type_name(fact), source="s", organization_id=organization_id
        )
        reading = Reading(
            partition=0, offset=offset, at=Instant(int(at_s * 1000)), envelope=envelope, fact=fact
        )
        for _ in range(2 if repeated else 1):
            timeline.hear(reading)
    return timeline


def without(*kinds: type[Message]) -> tuple[tuple[float, Message], ...]:
    """The morning without some facts."""
    return tuple((at_s, fact) for at_s, fact in MORNING if not isinstance(fact, kinds))
