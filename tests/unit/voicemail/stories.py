"""An office with an answering machine, to tell stories about: who called, what the gateway said, when."""

from typing import TypeVar

from contracts.callback import (
    CallbackBarred,
    CallbackConnected,
    CallbackExpired,
    CallbackUnreached,
    MessageWanted,
    Origin,
)
from contracts.dialling import Refusal
from contracts.directory import (
    STANDARD_NOTICE,
    ActionKind,
    DepartmentSaved,
    Language,
    NoticeChoice,
    NoticeChoices,
    OrganizationSaved,
    Recipient,
)
from contracts.gateway import EndedBy, LegEnded, Outcome, PlayFinished, RecordingFinished, RecordingSpooled
from contracts.ids import (
    AgentId,
    CallbackId,
    DepartmentId,
    Instant,
    LegId,
    MediaKey,
    PbxId,
    PlaceId,
    PlayId,
    RecordingId,
    TimerId,
    VoiceMessageId,
)
from contracts.log import TimerDue
from contracts.message import Fact, Message
from contracts.queue import DivertReason, PlaceDiverted
from contracts.voicemail import MessageStored
from runtime.decision import Decision, step
from services.voicemail.service import SERVICE
from services.voicemail.state import Letter, VoicemailState, VoiceMessage
from tests import offices

MORNING = 1_795_248_000_000
"""2026-11-21 08:00 UTC, 11:00 in Moscow."""
CALLER = "+79123456789"
LEG = LegId("leg1")
VM = VoiceMessageId("vm.p.leg1")
RECORDING = RecordingId("vm.p.leg1.recording")
GREETING = PlayId("vm.p.leg1.greeting")
THANKS = PlayId("vm.p.leg1.thanks")
CALLBACK = CallbackId("cb.p.leg0")
CALLBACK_VM = VoiceMessageId("vm.cb.p.leg0")
VOLGA = PbxId("volga")
SALES = DepartmentId("sales")

ANNA = Recipient(name="Анна", email="anna@volga.example")
BORIS = Recipient(name="Boris", email="boris@volga.example", language=Language.ENGLISH)
HEAD = Recipient(name="Глава", email="head@volga.example")
ADMINISTRATOR = Recipient(name="Админ", email="admin@volga.example")

M = TypeVar("M", bound=Message)


def at(clock: str) -> Instant:
    """An instant of that morning: `at("00:01:30")` is a minute and a half after its beginning."""
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return Instant(MORNING + ((hours * 60 + minutes) * 60 + seconds) * 1000)


class Office:
    """One organization's voicemail, driven by facts; keeps all that was said."""

    def __init__(
        self,
        *,
        recipients: tuple[Recipient, ...] = (ANNA, BORIS),
        heads: tuple[Recipient, ...] = (HEAD,),
        administrators: tuple[Recipient, ...] = (ADMINISTRATOR,),
        greeting: NoticeChoice = STANDARD_NOTICE,
    ) -> None:
        self.state = VoicemailState()
        self.said: list[Message] = []
        self.now_at = at("00:00:00")
        self.hear_all(
            *self.directory_facts(
                recipients=recipients, heads=heads, administrators=administrators, greeting=greeting
            )
        )

    @staticmethod
    def directory_facts(
        *,
        recipients: tuple[Recipient, ...] = (ANNA, BORIS),
        heads: tuple[Recipient, ...] = (HEAD,),
        administrators: tuple[Recipient, ...] = (ADMINISTRATOR,),
        greeting: NoticeChoice = STANDARD_NOTICE,
    ) -> tuple[OrganizationSaved, DepartmentSaved]:
        """What the directory says of the office."""
        organization = offices.organization(
            "volga",
            name="ООО «Волга»",
            administrators=administrators,
            console_url="https://console.example",
        )
        department = offices.department(
            SALES,
            VOLGA,
            name="Продажи",
            extension="700",
            lines=("+78432000000",),
            timezone="Europe/Samara",
            notices=NoticeChoices(greeting=greeting),
            recipients=recipients,
            heads=heads,
        )
        return organization, department

    def hear(self, fact: Fact, clock: str | Instant | None = None) -> Decision:
        """One fact, at a time of that morning (else right after the one before)."""
        if clock is not None:
            self.now_at = at(clock) if isinstance(clock, str) else clock
        decision = step(SERVICE, self.state, fact, at=self.now_at, cause="test")
        self.said.extend((*decision.facts, *decision.commands))
        return decision

    def hear_all(self, *facts: Fact) -> Decision:
        """Several facts; the decision about the last."""
        decision = Decision()
        for fact in facts:
            decision = self.hear(fact)
        return decision

    def wake(self) -> Decision:
        """Let time pass until the next timer, which comes due."""
        due_at = self.state.earliest_due_at()
        assert due_at is not None
        timer = next(self.state.due(due_at))
        return self.hear(
            TimerDue(
                service="voicemail",
                timer_id=TimerId(timer.timer_id),
                due_at=timer.due_at,
                kind=timer.kind,
                subject=timer.subject,
            ),
            Instant(max(due_at, self.now_at)),
        )

    def all_said(self, type_: type[M]) -> list[M]:
        """Everything of one type that was ever said, in order."""
        return [message for message in self.said if isinstance(message, type_)]

    def message(self, voice_message_id: VoiceMessageId = VM) -> VoiceMessage:
        """The open voice message."""
        return self.state.messages[voice_message_id]

    def letter(self, letter_id: str) -> Letter:
        """An open letter."""
        return self.state.letters[letter_id]

    def owes_nothing(self) -> bool:
        """Nothing is open and nothing waited for."""
        return not len(self.state.messages) and not len(self.state.letters) and not len(self.state.timers)


def found(decision: Decision, type_: type[M]) -> list[M]:
    """What of one type a decision says."""
    said: tuple[Message, ...] = (*decision.facts, *decision.commands)
    return [message for message in said if isinstance(message, type_)]


def diverted(
    *,
    caller: str | None = CALLER,
    leg_id: LegId | None = LEG,
    action: ActionKind = ActionKind.VOICEMAIL,
) -> PlaceDiverted:
    """The department's no-answer action is voicemail, after ten minutes of waiting."""
    return PlaceDiverted(
        place_id=PlaceId(f"p.{leg_id}"),
        department_id=SALES,
        pbx_id=VOLGA,
        leg_id=leg_id,
        caller=caller,
        line="+78432000000",
        joined_at=Instant(MORNING - 600_000),
        action=action,
        reason=DivertReason.DEADLINE,
        waited_ms=600_000,
    )


def message_wanted() -> MessageWanted:
    """A customer pressed 1 after the apology."""
    return MessageWanted(
        callback_id=CALLBACK,
        place_id=PlaceId("p.leg0"),
        department_id=SALES,
        pbx_id=VOLGA,
        leg_id=LEG,
        number=CALLER,
        joined_at=Instant(MORNING - 600_000),
    )


def play_finished(play_id: PlayId = GREETING, *, ok: bool = True) -> PlayFinished:
    """A play of ours ended."""
    return PlayFinished(pbx_id=VOLGA, leg_id=LEG, play_id=play_id, ok=ok)


def spooled(
    recording_id: RecordingId = RECORDING, *, duration_ms: int = 12_000, is_cut_off: bool = False
) -> RecordingSpooled:
    """The recording is closed at the gateway."""
    return RecordingSpooled(
        pbx_id=VOLGA,
        leg_id=LEG,
        recording_id=recording_id,
        bytes=96_058,
        sha256="ab" * 32,
        duration_ms=duration_ms,
        spool_url="http://127.0.0.1:9/spool/1",
        is_cut_off=is_cut_off,
    )


def finished(
    recording_id: RecordingId = RECORDING,
    *,
    ok: bool = True,
    duration_ms: int = 12_000,
    cause: str = "hang_up",
) -> RecordingFinished:
    """The original is in S3, or never will be."""
    return RecordingFinished(
        pbx_id=VOLGA,
        leg_id=LEG,
        recording_id=recording_id,
        ok=ok,
        key=MediaKey("recordings/original") if ok else None,
        bytes=96_058 if ok else 0,
        sha256="ab" * 32 if ok else "",
        duration_ms=duration_ms if ok else 0,
        cause=cause,
    )


def leg_ended(*, by: EndedBy = EndedBy.PARTY) -> LegEnded:
    """The caller's leg is over."""
    return LegEnded(pbx_id=VOLGA, leg_id=LEG, outcome=Outcome.COMPLETED, by=by)


def stored(voice_message_id: VoiceMessageId = VM, *, mark: str = "") -> MessageStored:
    """Original and MP3 are in S3."""
    return MessageStored(
        voice_message_id=voice_message_id,
        original_key=MediaKey("recordings/original"),
        mp3_key=MediaKey("voice-messages/x.mp3"),
        mp3_bytes=48_000,
        mp3_sha256="cd" * 32,
        speech_ms=11_000,
        mark=mark,
    )


def expired(*, has_voice_message: bool, reason: str = "") -> CallbackExpired:
    """A callback ended without an agent."""
    return CallbackExpired(
        callback_id=CALLBACK,
        place_id=PlaceId("p.leg0"),
        department_id=SALES,
        pbx_id=VOLGA,
        number=CALLER,
        joined_at=Instant(MORNING - 600_000),
        ordered_at=Instant(MORNING - 500_000),
        attempts=0,
        reason=reason,
        has_voice_message=has_voice_message,
        was_told=True,
    )


def unreached(reason: str = "busy") -> CallbackUnreached:
    """A customer was dialled and never reached."""
    return CallbackUnreached(
        callback_id=CALLBACK,
        place_id=PlaceId("p.leg0"),
        department_id=SALES,
        pbx_id=VOLGA,
        number=CALLER,
        joined_at=Instant(MORNING - 600_000),
        ordered_at=Instant(MORNING - 500_000),
        attempts=2,
        reason=reason,
    )


def barred(origin: Origin = Origin.QUEUE) -> CallbackBarred:
    """The number is on the list of denied numbers now."""
    return CallbackBarred(
        callback_id=CALLBACK,
        place_id=PlaceId("p.leg0"),
        department_id=SALES,
        pbx_id=VOLGA,
        number=CALLER,
        joined_at=Instant(MORNING - 600_000),
        ordered_at=Instant(MORNING - 500_000),
        attempts=0,
        reason=Refusal.DENIED,
        origin=origin,
    )


def talked_otherwise() -> CallbackConnected:
    """The customer has called again and talked with the department."""
    return CallbackConnected(
        callback_id=CALLBACK,
        place_id=PlaceId("p.leg0"),
        department_id=SALES,
        pbx_id=VOLGA,
        number=CALLER,
        joined_at=Instant(MORNING - 600_000),
        ordered_at=Instant(MORNING - 500_000),
        attempts=0,
        agent_id=AgentId("anna"),
        agent_leg_id=LegId("anna.leg"),
        leg_id=LegId("leg7"),
        waited_ms=300_000,
        by_other_call=True,
    )


def an_office_with_a_message(**office: tuple[Recipient, ...]) -> Office:
    """A caller has heard the greeting, spoken for twelve seconds, and hung up; S3 has the original."""
    told = Office(**office)  # type: ignore[arg-type]  # only tuples of recipients are passed
    told.hear_all(diverted(), play_finished(), spooled(), finished(), leg_ended())
    return told
