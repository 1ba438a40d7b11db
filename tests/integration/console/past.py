"""What has happened in the company: history over a log in memory, which takes the directory's tokens."""

from msgspec import structs

from contracts import routing as r
from contracts.directory import LoginEnded, OrganizationSaved, RightsSaved
from contracts.gateway import Outcome, RecordingFinished
from contracts.history import MessageCalledBack, MessageClaimed, MessageHeard, MessageNoted
from contracts.ids import LegId, MediaKey, OrganizationId, RecordingId, VoiceMessageId
from contracts.message import Fact
from contracts.queue import Skip, SkipReason
from contracts.voicemail import MessageStored
from runtime.ports import Blobs
from services.history.activities.database import connected
from tests import offices
from tests.integration.directory.companies import ORGANIZATION, TOKEN_KEYS, Company
from tests.integration.history.harness import HistoryHarness, department_call, voicemail
from tests.unit.history import stories
from tests.unit.history.stories import ANNA, BEGIN, BORIS, CUSTOMER, LINE, MOSCOW, SALES, VERA, VOLGA

VOSTOK = OrganizationId(ORGANIZATION)
HOSTILE = '<script>alert(1)</script>"> \u05d0\u05d1 \U0001f600 {{ 7 * 7 }} %s %(x)s'
NAMES = {ANNA: "Орлова Анна", BORIS: "Денисов Борис", VERA: "Левина Вера"}


async def past_of(company: Company, database: str, *, links: Blobs | None = None) -> HistoryHarness:
    """History of this company, with nothing but its people; the time is that of the stories.

    Links to audio lead into `links`.
    """
    engine = connected(database)
    made = HistoryHarness(engine, 1_000, keys=TOKEN_KEYS, clock=company.clock, links=links)
    company.clock.at = float(BEGIN)
    company.headers = await company.login("gusev.r")
    for agent_id, name in NAMES.items():
        await company.made("/employees", {"id": agent_id, "name": name, "pbx_id": "moskva"})
    await heard(company, made)
    await made.tell(
        offices.pbx(MOSCOW, LINE, name="Москва"),
        offices.pbx(VOLGA, "+78460001000", name="Поволжье"),
        offices.agent(ANNA, MOSCOW, name=NAMES[ANNA], version=9),
        offices.agent(BORIS, MOSCOW, name=NAMES[BORIS], version=9),
        offices.agent(VERA, VOLGA, name=NAMES[VERA], version=9),
        offices.department(SALES, MOSCOW, ANNA, VERA, name="Отдел продаж", version=9, lines=(LINE,)),
        organization_id=VOSTOK,
    )
    return made


async def heard(company: Company, history: HistoryHarness) -> None:
    """History hears what the directory has said of rights and logins since it was last asked."""
    log = await company.sent()
    facts = log.facts(OrganizationSaved, RightsSaved, LoginEnded)
    await history.tell(*facts, organization_id=VOSTOK)


async def a_withheld_number(history: HistoryHarness) -> None:
    """Somebody without a number is asked by no scenario and hangs up."""
    await history.tell(
        stories.a_call("in.withheld", None), stories.hung_up("in.withheld"), organization_id=VOSTOK, at_s=160
    )


async def a_voice_message(history: HistoryHarness) -> None:
    """Nobody answers for Anna, and the caller speaks to her answering machine."""
    leg = "in.anna"
    await history.tell(
        stories.a_call(leg),
        stories.taken(leg),
        stories.rung(ANNA, "t.anna", leg),
        organization_id=VOSTOK,
        at_s=100,
    )
    await history.tell(
        stories.missed(ANNA, "t.anna", leg),
        r.VoicemailReached(
            leg_id=LegId(leg),
            pbx_id=MOSCOW,
            caller=CUSTOMER,
            line=LINE,
            arrived_at=stories.at(100),
            agent_id=ANNA,
        ),
        organization_id=VOSTOK,
        at_s=120,
    )
    left = [_own_audio(each, "vm.anna") for each in voicemail(leg, "vm.anna")]
    await history.tell(*left, stories.hung_up(leg), organization_id=VOSTOK, at_s=150)
    history.blobs.objects[_key("vm.anna.mp3")] = (bytes(range(256)) * 20, "audio/mpeg")


async def an_inbox(history: HistoryHarness) -> None:
    """Customers have spoken to the machine of Sales, and colleagues have taken care of some."""

    async def tell(at_s: float, *facts: Fact) -> None:
        await history.tell(*facts, organization_id=VOSTOK, at_s=at_s)

    for number, at_s in enumerate((20.0, 40.0, 60.0, 80.0)):
        name = f"in.inbox.{number}"
        call = department_call(name, SALES, caller=f"+7900000010{number}")
        await tell(
            at_s, *(_own_audio(each, name) for each in call if not isinstance(each, RecordingFinished))
        )
    ids = [VoiceMessageId(f"vm.in.inbox.{number}") for number in range(4)]
    await tell(
        90, MessageHeard(voice_message_id=ids[0], by=BORIS), MessageHeard(voice_message_id=ids[1], by=ANNA)
    )
    await tell(
        95,
        MessageClaimed(voice_message_id=ids[1], by=ANNA),
        MessageCalledBack(voice_message_id=ids[2], by=VERA),
    )
    note = "Просит счёт за ноябрь, звонить после трёх."
    await tell(97, MessageNoted(voice_message_id=ids[1], by=ANNA, note_id="n", text=note))


def _own_audio(fact: Fact, name: str) -> Fact:
    """A stored voice message's audio is this organization's."""
    if not isinstance(fact, MessageStored):
        return fact
    return structs.replace(fact, original_key=_key(f"{name}.wav"), mp3_key=_key(f"{name}.mp3"))


async def a_called_back_customer(history: HistoryHarness) -> None:
    """A place, Anna does not answer, a callback, busy at first, then a talk with Vera, recorded."""
    leg = "in.sales"

    async def tell(at_s: float, *facts: object) -> None:
        await history.tell(*facts, organization_id=VOSTOK, at_s=at_s)  # type: ignore[arg-type]

    skipped = (Skip(agent_id=VERA, reason=SkipReason.ON_CALL),)
    await tell(200, stories.a_call(leg))
    await tell(212, stories.place(leg, at_s=212, position=5))
    await tell(220, stories.offer(ANNA, 1, leg, skipped))
    await tell(240, stories.offer_missed(ANNA, 1, leg))
    await tell(251, stories.ordered(leg, at_s=212))
    await tell(263, stories.hung_up(leg))
    await tell(500, stories.offer(VERA, 2, leg))
    await tell(504, stories.offer_accepted(VERA, 2, leg))
    await tell(506, *stories.attempt(VERA, leg))
    await tell(530, *stories.callback_connected(VERA, leg, at_s=318))
    await tell(
        700,
        RecordingFinished(
            pbx_id=MOSCOW,
            leg_id=LegId(leg),
            recording_id=RecordingId("rec.sales"),
            ok=True,
            key=_key("rec.sales.wav"),
            duration_ms=170_000,
        ),
        stories.hung_up(f"customer.{leg}.1", Outcome.COMPLETED),
    )
    history.blobs.objects[_key("rec.sales.wav")] = (bytes(range(256)) * 20, "audio/wav")


def _key(name: str) -> MediaKey:
    return MediaKey(f"{ORGANIZATION}/recordings/{name}")
