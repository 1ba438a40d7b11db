"""Each letter is sent once, whatever is read twice and whatever is away (V4, V7)."""

import asyncio
from email.message import EmailMessage

import msgspec
import pytest

from contracts.codec import Envelope
from contracts.directory import Language, Recipient
from contracts.ids import Instant, MediaKey, OrganizationId, VoiceMessageId
from contracts.voicemail import LetterAccepted, LetterDeferred, LetterFailed, LetterKind, SendLetter
from runtime.edge import Heard
from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.memory import MemoryBlobs
from services.voicemail.activities import Delivery
from services.voicemail.activities.conversion import Mp3Converter
from services.voicemail.activities.letter_composer import LetterComposer
from services.voicemail.activities.letter_sender import (
    MARK_MS_MAX,
    LetterSender,
    SendingMark,
    mark_key,
    withdrawn_key,
)
from services.voicemail.activities.storage import sha256
from services.voicemail.decider.erasure import ERASED
from tests.audio_keys import foreign_recordings
from tests.unit.voicemail.sounds import PostOffice, decoded_ms, spoken
from tests.unit.voicemail.test_message_storage import AwayBlobs, Spool

VOLGA = OrganizationId("volga")
KEY = MediaKey("volga/recordings/x.mp3")
LETTER = SendLetter(
    letter_id="letter.vm.p.leg1.0",
    kind=LetterKind.VOICE_MESSAGE,
    recipient=Recipient(name="Анна", email="anna@volga.example"),
    organization_name="ООО «Волга»",
    department_name="Продажи",
    timezone="Europe/Moscow",
    caller="+79123456789",
    called_at=Instant(1_795_248_000_000),
    waited_ms=600_000,
    tries=0,
    language=Language.RUSSIAN,
    voice_message_id=VoiceMessageId("vm.p.leg1"),
    mp3_key=KEY,
    duration_ms=11_000,
    console_url="https://console.example",
)
DEFERRED = SendResult(verdict=Verdict.DEFERRED, text="451 later")
LOST = SendResult(verdict=Verdict.DEFERRED, text="cut", is_answer_lost=True)


class World:
    """Everything that outlives a process: S3, the mail server and the time; `process()` starts one."""

    def __init__(
        self, *answers: SendResult, blobs: MemoryBlobs | None = None, spool: Spool | None = None
    ) -> None:
        self.blobs = blobs or MemoryBlobs()
        self.blobs.objects[KEY] = (b"an mp3", "audio/mpeg")
        self.office = PostOffice(*answers)
        self.spool = spool or Spool()
        self.now = 1_000_000

    def process(self, *, attachment_bytes_max: int = 10 * 1024**2) -> LetterSender:
        return LetterSender(
            blobs=self.blobs,
            fetch=self.spool,
            converter=Mp3Converter(at_once_max=1),
            mailer=self.office,
            composer=LetterComposer(
                sender_name="Ringback", sender="rb@volga.example", attachment_bytes_max=attachment_bytes_max
            ),
            sender="rb@volga.example",
            now=lambda: self.now,
        )


def attachments(letter: EmailMessage) -> list[bytes]:
    found = []
    for part in letter.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append(content)
    return found


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


@pytest.mark.rule("V4")
async def test_a_command_read_twice_sends_one_letter() -> None:
    """By the same process, at once or later (EC-68)."""
    world = World()
    letter_sender = world.process()
    results = await asyncio.gather(*(letter_sender.send(VOLGA, LETTER) for _ in range(5)))
    assert len(world.office.letters) == 1
    assert all(result == results[0] for result in results)
    assert isinstance(results[0], LetterAccepted)


@pytest.mark.rule("V4")
async def test_a_command_read_again_by_another_process_sends_nothing() -> None:
    """The first one died before it could answer; the mark is in S3 (EC-68)."""
    world = World()
    first = await world.process().send(VOLGA, LETTER)
    assert await world.process().send(VOLGA, LETTER) == first
    assert len(world.office.letters) == 1


@pytest.mark.rule("V4")
async def test_who_died_while_sending_may_have_sent_and_that_is_counted() -> None:
    """Nobody else sends while it may be sending; then the same Message-ID goes out, marked as a repeat."""
    world = World()
    mark = SendingMark(state="sending", at=world.now)
    world.blobs.objects[mark_key(VOLGA, LETTER)] = (msgspec.json.encode(mark), "")
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterDeferred)
    assert not world.office.letters
    world.now += MARK_MS_MAX
    result = await world.process().send(VOLGA, LETTER)
    assert isinstance(result, LetterAccepted)
    assert result.is_repeat_possible


@pytest.mark.rule("V4")
async def test_a_deferred_letter_is_sent_again_with_the_same_message_id() -> None:
    """The recipient sees one letter (EC-65)."""
    world = World(DEFERRED)
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterDeferred)
    result = await world.process().send(VOLGA, msgspec.structs.replace(LETTER, tries=1))
    assert isinstance(result, LetterAccepted)
    assert not result.is_repeat_possible
    composer = LetterComposer(sender_name="", sender="rb@volga.example", attachment_bytes_max=0)
    assert world.office.letters[0]["Message-ID"] == composer.message_id(VOLGA, LETTER)


@pytest.mark.rule("V4")
async def test_a_lost_answer_means_a_repeat_that_is_counted() -> None:
    """The one case in which a recipient may see the letter twice."""
    world = World(LOST)
    first = await world.process().send(VOLGA, LETTER)
    assert isinstance(first, LetterDeferred)
    assert first.is_answer_lost
    again = msgspec.structs.replace(LETTER, tries=1, may_have_arrived=True)
    second = await world.process().send(VOLGA, again)
    assert isinstance(second, LetterAccepted)
    assert second.is_repeat_possible
    assert world.office.letters[0]["Message-ID"] == world.office.letters[1]["Message-ID"]


@pytest.mark.rule("V4")
async def test_a_refusal_is_final_and_keeps_the_servers_words() -> None:
    """The recipient's card shows what the server said."""
    world = World(SendResult(verdict=Verdict.REFUSED, text="550 no such user"))
    result = await world.process().send(VOLGA, LETTER)
    assert result == LetterFailed(letter_id=LETTER.letter_id, answer="550 no such user")


@pytest.mark.rule("V4")
@pytest.mark.parametrize("email", ["", "nobody", "a b@c d", "@", "x@", "a@b\r\nBcc: all@example.com"])
async def test_an_address_that_is_none_fails_without_troubling_a_server(email: str) -> None:
    """Nor does a letter with an injected header go out."""
    world = World()
    recipient = Recipient(name="Анна", email=email)
    result = await world.process().send(VOLGA, msgspec.structs.replace(LETTER, recipient=recipient))
    assert isinstance(result, LetterFailed)
    assert world.office.asked == 0


@pytest.mark.rule("V7")
async def test_while_s3_is_away_the_letter_goes_with_the_audio_from_the_spool() -> None:
    """The recipient hears the customer although S3 is away."""
    world = World(blobs=AwayBlobs(), spool=Spool(spoken()))
    letter = msgspec.structs.replace(LETTER, mp3_key=None, spool_url="http://127.0.0.1:9/spool/1")
    assert isinstance(await world.process().send(VOLGA, letter), LetterAccepted)
    (mp3,) = attachments(world.office.letters[0])
    assert decoded_ms(mp3) == pytest.approx(4_400, abs=200)


@pytest.mark.rule("V7")
async def test_without_s3_and_spool_the_letter_goes_and_says_so() -> None:
    """It matters more that somebody called than what was said."""
    world = World(blobs=AwayBlobs(), spool=Spool(is_away=True))
    letter = msgspec.structs.replace(LETTER, mp3_key=None, spool_url="http://127.0.0.1:9/spool/1")
    assert isinstance(await world.process().send(VOLGA, letter), LetterAccepted)
    assert not attachments(world.office.letters[0])
    assert "ещё сохраняется" in text_of(world.office.letters[0])


@pytest.mark.rule("V7")
async def test_audio_that_s3_has_and_does_not_give_is_waited_for_a_little() -> None:
    """A short fault of S3 costs a minute, a longer one the attachment."""
    world = World(blobs=AwayBlobs())
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterDeferred)
    assert world.office.asked == 0
    later = msgspec.structs.replace(LETTER, tries=3)
    assert isinstance(await world.process().send(VOLGA, later), LetterAccepted)


@pytest.mark.rule("V7", "V8")
async def test_m14_an_mp3_that_is_not_the_stored_one_is_not_attached() -> None:
    """The spool's audio is sent instead; without it the letter waits, and then goes with a link."""
    told = msgspec.structs.replace(
        LETTER,
        mp3_sha256=sha256(b"the stored mp3"),
        spool_url="http://127.0.0.1:9/spool/1",
        spool_sha256=sha256(spoken()),
    )
    world = World(spool=Spool(spoken()))
    assert isinstance(await world.process().send(VOLGA, told), LetterAccepted)
    (mp3,) = attachments(world.office.letters[0])
    assert decoded_ms(mp3) == pytest.approx(4_400, abs=200)
    for spool in (Spool(is_away=True), Spool(b"something else")):
        world = World(spool=spool)
        assert isinstance(await world.process().send(VOLGA, told), LetterDeferred)
        last = msgspec.structs.replace(told, tries=3)
        assert isinstance(await world.process().send(VOLGA, last), LetterAccepted)
        assert not attachments(world.office.letters[0])


@pytest.mark.rule("V4")
async def test_an_mp3_over_the_limit_stays_in_the_console_and_the_letter_says_so() -> None:
    """A link instead, and the reason (EC-69)."""
    world = World()
    world.blobs.objects[KEY] = (bytes(3 * 1024**2), "audio/mpeg")
    await world.process(attachment_bytes_max=2 * 1024**2).send(VOLGA, LETTER)
    (letter,) = world.office.letters
    assert not attachments(letter)
    assert "больше 2 МБ" in text_of(letter)
    assert "https://console.example/o/volga/voicemail/vm.p.leg1" in text_of(letter)


@pytest.mark.rule("V4")
async def test_a_server_with_a_smaller_limit_gets_a_letter_with_a_link() -> None:
    """The server refused the large letter, so the small one is not a second copy (EC-69)."""
    world = World(SendResult(verdict=Verdict.REFUSED, text="552 too big", is_too_large=True))
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterAccepted)
    (letter,) = world.office.letters
    assert not attachments(letter)
    assert "в консоли" in text_of(letter)


@pytest.mark.rule("O1", "V4")
@pytest.mark.parametrize("key", foreign_recordings("volga", "yug"))
async def test_a_letter_takes_no_recording_of_another_organization_along(key: str) -> None:
    """It goes without the sound."""
    world = World()
    world.blobs.objects[key] = (b"another's mp3", "audio/mpeg")
    letter = msgspec.structs.replace(LETTER, mp3_key=MediaKey(key))
    assert isinstance(await world.process().send(VOLGA, letter), LetterAccepted)
    [sent] = world.office.letters
    assert not list(sent.iter_attachments())


class BreakingOffice(PostOffice):
    """A mailer with a fault of its own."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        raise self.fault


@pytest.mark.rule("V4")
async def test_a_letter_that_breaks_fails_alone_and_its_row_says_why() -> None:
    """Whatever is raised: the process goes on, and the letter is not sent again and again."""
    world = World()
    world.office = BreakingOffice(UnicodeError("no such charset\n"))
    result = await world.process().send(VOLGA, LETTER)
    assert isinstance(result, LetterFailed)
    assert "UnicodeError: no such charset" in result.answer
    assert "\n" not in result.answer


@pytest.mark.rule("V4")
async def test_a_letter_that_can_not_be_written_fails_alone() -> None:
    """Values that no template foresaw, for an unheard message's warning as well."""
    world = World()
    for kind in (LetterKind.VOICE_MESSAGE, LetterKind.UNHEARD):
        letter = msgspec.structs.replace(LETTER, kind=kind, timezone="", called_at=Instant(10**18))
        result = await world.process().send(VOLGA, letter)
        assert isinstance(result, LetterFailed | LetterAccepted)
    broken = msgspec.structs.replace(LETTER, called_at=None)
    assert isinstance(await world.process().send(VOLGA, broken), LetterFailed)
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterAccepted)


@pytest.mark.rule("V4")
async def test_a_fault_of_the_machine_defers() -> None:
    """A full disk ends, and the letter goes then."""
    world = World()
    world.office = BreakingOffice(OSError(28, "No space left on device"))
    assert isinstance(await world.process().send(VOLGA, LETTER), LetterDeferred)


@pytest.mark.rule("V4")
async def test_a_mark_that_can_not_be_read_is_of_a_letter_that_may_have_arrived() -> None:
    """Half of an object stops no letter."""
    world = World()
    world.blobs.objects[mark_key(VOLGA, LETTER)] = (b'{"state":', "")
    result = await world.process().send(VOLGA, LETTER)
    assert isinstance(result, LetterAccepted)
    assert result.is_repeat_possible


@pytest.mark.rule("V6")
async def test_a_letter_whose_customer_was_erased_does_not_go_though_its_command_was_on_the_topic() -> None:
    """The command may have waited there while the mail server was down; another process may read it."""
    world = World()
    await world.process().withdraw(VOLGA, LETTER.letter_id)
    result = await world.process().send(VOLGA, LETTER)
    assert result == LetterFailed(letter_id=LETTER.letter_id, answer=ERASED)
    assert not world.office.letters
    other = msgspec.structs.replace(LETTER, letter_id="letter.of.another.customer")
    assert isinstance(await world.process().send(VOLGA, other), LetterAccepted)


@pytest.mark.rule("V6")
async def test_only_the_end_by_an_erasure_withdraws_a_letter() -> None:
    """A letter that the server refused is no secret."""
    world = World()
    sender = world.process()
    delivery = Delivery(storage=None, letter_sender=sender, say=None)  # type: ignore[arg-type]  # neither is used
    envelope = Envelope(id="x", type="voicemail.letter_failed", source="voicemail", organization_id=VOLGA)
    for answer, is_noted in (("550 no such user", False), (ERASED, True)):
        fact = LetterFailed(letter_id=LETTER.letter_id, answer=answer)
        await delivery.hear(Heard(message=fact, envelope=envelope, partition=0, offset=0, at=Instant(1)))
        assert (withdrawn_key(VOLGA, LETTER.letter_id) in world.blobs.objects) is is_noted
