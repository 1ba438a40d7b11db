"""History's API over a log in memory; facts are projected at once, as by a fast projector."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.codec import Envelope
from contracts.directory import OrganizationSaved, Recipient, RightsSaved
from contracts.gateway import RecordingFinished
from contracts.history import AccessRefused
from contracts.ids import (
    AgentId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    OrganizationId,
    PlaceId,
    RecordingId,
    VoiceMessageId,
)
from contracts.message import Fact
from contracts.queue import PlaceAbandoned, PlaceTaken
from contracts.routing import VoicemailReached
from contracts.voicemail import (
    LetterAccepted,
    LetterDue,
    LetterKind,
    MessageStored,
    MessageTaken,
    RecordingAsked,
)
from ringback import log as facts_log
from runtime.edge import NotSaid, Said
from runtime.edge_runner import said_record
from runtime.memory import MemoryBlobs, MemoryClock, MemoryLog, counting_tokens
from runtime.ports import Blobs
from runtime.quotas import Quotas
from runtime.token_keys import KeyHolder, SigningKeys
from runtime.tokens import Claims, TokenUse, sign
from services.history.activities.audio_retention import AudioRetention
from services.history.activities.authentication import Authentication
from services.history.activities.erasure import Erasure
from services.history.activities.live_feed import LiveFeed
from services.history.activities.own_feed import OwnFeed
from services.history.activities.projector import PartitionWriter
from services.history.activities.retention_warnings import RetentionWarnings
from services.history.activities.row_retention import RowRetention
from services.history.activities.voice_messages import VoiceMessages
from services.history.api import app
from services.history.api.requests import Parts
from tests.integration.history.logs import record
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BEGIN, NORTH, SALES, SERVICE

TOKEN_KEYS = SigningKeys.generate()
SOUTH = OrganizationId("south")


class HistoryHarness:
    """One process of history, with the log it reads."""

    def __init__(
        self,
        engine: AsyncEngine,
        quota_factor: float = 1.0,
        *,
        keys: SigningKeys = TOKEN_KEYS,
        clock: MemoryClock | None = None,
        links: Blobs | None = None,
    ) -> None:
        """`quota_factor` widens the quotas, for tests that ask more than any company does.

        `keys` and `clock` are a directory's, beside which it runs. Links lead into `links`; without, nowhere.
        """
        self.engine = engine
        self.clock = MemoryClock(BEGIN) if clock is None else clock
        self.log = MemoryLog(self.clock)
        self.blobs = MemoryBlobs()
        self.is_log_away = False
        self.is_projecting = True
        self._one_at_a_time = asyncio.Lock()
        authentication = Authentication(
            engine, self.say, self.clock, KeyHolder(keys.public), counting_tokens("t")
        )
        messages = VoiceMessages(
            engine=engine,
            say=self.say,
            blobs=self.blobs if links is None else links,
            clock=self.clock,
            authentication=authentication,
            tokens=counting_tokens("m"),
        )
        erasure = Erasure(engine=engine, clock=self.clock, authentication=authentication, messages=messages)
        self.authentication = authentication
        self.live = LiveFeed(engine=engine, clock=self.clock, authentication=authentication)
        self.own = OwnFeed(engine=engine, clock=self.clock, authentication=authentication, live=self.live)
        self._writer = PartitionWriter(engine, 0, on_live=self._wake)
        self.parts = parts = Parts(
            engine=engine,
            authentication=authentication,
            messages=messages,
            erasure=erasure,
            live=self.live,
            own=self.own,
            clock=self.clock,
        )
        self.audio_retention = AudioRetention(engine=engine, say=self.say, blobs=self.blobs, clock=self.clock)
        self.row_retention = RowRetention(engine=engine, clock=self.clock)
        self.warnings = RetentionWarnings(
            engine=engine, say=self.say, clock=self.clock, is_ready=lambda: self.is_projecting
        )
        self.app = app.build(parts, lambda: True, Quotas(quota_factor, lambda: self.clock.now() / 1_000))

    def _wake(self, organization_id: OrganizationId) -> None:
        self.live.wake(organization_id)
        self.own.wake(organization_id)

    async def say(
        self,
        facts: Sequence[Fact],
        *,
        organization_id: OrganizationId,
        source: str,
        cause: str | tuple[str, ...] = "",
        seq: int = 0,
        incarnation: int = 0,
    ) -> tuple[Said, ...]:
        """Append, as an edge does; see runtime.edge.Say."""
        if self.is_log_away:
            raise NotSaid("the broker is away")
        records = [
            said_record(
                fact,
                organization_id=organization_id,
                source=source,
                cause=cause if isinstance(cause, str) else cause[index],
                seq=seq,
                incarnation=incarnation,
                index=index,
            )
            for index, fact in enumerate(facts)
        ]
        first = await self.log.append(0, records)
        if self.is_projecting:
            await self.project()
        return tuple(Said(partition=0, offset=first + index) for index in range(len(facts)))

    async def tell(self, *facts: Fact, organization_id: OrganizationId = NORTH, at_s: float = 0.0) -> None:
        """Put others' facts on the log, seconds after the beginning, and project them."""
        for fact in facts:
            self.hear(fact, organization_id=organization_id, at_s=at_s)
        await self.project()

    def hear(self, fact: Fact, *, organization_id: OrganizationId = NORTH, at_s: float = 0.0) -> None:
        """Put a fact on the log without projecting it."""
        offset = self.log.end(0)
        envelope = Envelope(
            id=f"test/{offset}",
            type=str(fact.__struct_config__.tag),
            source="test",
            organization_id=organization_id,
        )
        self.log.facts[0].append(record(offset, stories.at(at_s), envelope, fact))

    async def project(self) -> None:
        """Bring the tables up to the log's end."""
        async with self._one_at_a_time:
            if self._writer.next_offset == 0:
                await self._writer.begin(self.log, counting_tokens("log"))
            batch = self.log.facts[0][self._writer.next_offset :]
            if batch:
                await self._writer.write(batch)

    @asynccontextmanager
    async def browser(
        self, agent_id: AgentId | None, organization_id: OrganizationId = NORTH
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client logged in as this agent; None: not logged in."""
        headers = {}
        if agent_id is not None:
            headers["Authorization"] = f"Bearer {token_of(agent_id, organization_id)}"
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://history", headers=headers) as made:
            yield made

    def refusals(self) -> list[AccessRefused]:
        """The recorded refusals."""
        return [fact for fact in self.said() if isinstance(fact, AccessRefused)]

    def said(self) -> list[Fact]:
        """Every fact on the log that is not the host's."""
        found = (facts_log.reading(each) for each in self.log.facts[0])
        return [each.fact for each in found if each is not None and isinstance(each.fact, Fact)]


def token_of(agent_id: AgentId, organization_id: OrganizationId = NORTH, family: str = "login") -> str:
    """An access token, as the directory signs it."""
    claims = Claims(
        organization_id=organization_id,
        use=TokenUse.ACCESS,
        agent_id=agent_id,
        family=family,
        issued_at=BEGIN,
        expires_at=Instant(BEGIN + 10**11),
    )
    return sign(claims, TOKEN_KEYS)


def audio(name: str) -> MediaKey:
    """A key of the organization's own."""
    return MediaKey(f"{NORTH}/recordings/{name}")


def voicemail(leg: str, message: str) -> tuple[Fact, ...]:
    """The caller leaves a voice message, and a letter goes to the administrator."""
    id_, recording_id = VoiceMessageId(message), RecordingId(f"{message}.recording")
    return (
        RecordingAsked(voice_message_id=id_, leg_id=LegId(leg), recording_id=recording_id),
        MessageTaken(voice_message_id=id_, recording_id=recording_id, duration_ms=5_000),
        MessageStored(
            voice_message_id=id_,
            original_key=audio(f"{message}.wav"),
            mp3_key=audio(f"{message}.mp3"),
            mp3_bytes=1,
            mp3_sha256="",
            speech_ms=4_000,
        ),
        LetterDue(
            letter_id=f"letter.{message}",
            kind=LetterKind.VOICE_MESSAGE,
            recipient=Recipient(name="Boris", email="boris@north.example"),
            voice_message_id=id_,
        ),
        LetterAccepted(letter_id=f"letter.{message}", answer="250 ok"),
    )


def department_call(
    leg: str, department_id: DepartmentId, *, is_internal: bool = False, caller: str = stories.CUSTOMER
) -> tuple[Fact, ...]:
    """A caller waits in a department, leaves a voice message there; the conversation before was recorded."""
    taken = stories.place(leg, SALES)
    place_id = PlaceId(f"p.{leg}")
    return (
        stories.a_call(leg, caller, is_internal=is_internal),
        PlaceTaken(
            place_id=place_id,
            department_id=department_id,
            pbx_id=taken.pbx_id,
            leg_id=taken.leg_id,
            caller=caller,
            line=taken.line,
            joined_at=taken.joined_at,
            deadline_at=taken.deadline_at,
            position=1,
            is_internal=is_internal,
        ),
        RecordingFinished(
            pbx_id=taken.pbx_id,
            leg_id=LegId(leg),
            recording_id=RecordingId(f"rec.{leg}"),
            ok=True,
            key=audio(f"rec.{leg}.wav"),
            duration_ms=60_000,
        ),
        *voicemail(leg, f"vm.{leg}"),
        PlaceAbandoned(place_id=place_id, waited_ms=30_000),
        stories.hung_up(leg),
    )


async def an_office(harness: HistoryHarness, rights: RightsSaved | None = None) -> None:
    """Sales (where Anna sits, and whose head she is), Service, a direct call to Anna, an internal one, and
    another organization; Boris administers."""
    cards = [fact for fact in stories.the_cards() if getattr(fact, "department_id", None) != SALES]
    sales = stories.a_department(SALES, "Sales", stories.MOSCOW, ANNA, stories.VERA, head_ids=(ANNA,))
    await harness.tell(*cards, sales, *(() if rights is None else (rights,)))
    await harness.tell(*department_call("in.sales", SALES), at_s=10)
    await harness.tell(*department_call("in.service", SERVICE), at_s=20)
    await harness.tell(*department_call("in.inside", SALES, is_internal=True, caller="102"), at_s=30)
    await harness.tell(
        stories.a_call("in.anna"),
        stories.taken("in.anna"),
        stories.rung(ANNA, "t.anna", "in.anna"),
        stories.missed(ANNA, "t.anna", "in.anna"),
        machine_of_anna(),
        *voicemail("in.anna", "vm.in.anna"),
        stories.hung_up("in.anna"),
        at_s=40,
    )
    south = [
        structs.replace(fact, organization_id=SOUTH) if isinstance(fact, OrganizationSaved) else fact
        for fact in stories.the_cards()
    ]
    await harness.tell(*south, *department_call("in.south", SALES), organization_id=SOUTH, at_s=50)


def machine_of_anna() -> Fact:
    """Anna's answering machine takes the call."""
    return VoicemailReached(
        leg_id=LegId("in.anna"),
        pbx_id=stories.MOSCOW,
        caller=stories.CUSTOMER,
        line=stories.LINE,
        arrived_at=stories.at(40),
        agent_id=ANNA,
    )
