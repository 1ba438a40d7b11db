"""A slow mail server delays no other letters and recordings (V4, V7)."""

import asyncio

import msgspec
import pytest

from contracts.codec import Envelope
from contracts.ids import Instant, OrganizationId
from contracts.message import Fact
from contracts.voicemail import LetterAccepted, LetterDeferred, SendLetter
from runtime.edge import Heard
from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult, Verdict
from services.voicemail import activities
from services.voicemail.activities import Delivery
from services.voicemail.activities.letter_sender import LetterSender
from tests.unit.voicemail.test_letter_sender import LETTER, VOLGA, World

WITHOUT_SOUND = msgspec.structs.replace(LETTER, mp3_key=None)


class SlowServer:
    """Takes every letter as soon as the test allows it."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.taken = 0

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        await self.goes_on.wait()
        self.taken += 1
        return SendResult(verdict=Verdict.ACCEPTED, text="250 queued")


class Log:
    """What was said, in order."""

    def __init__(self) -> None:
        self.said: list[Fact] = []

    async def __call__(self, facts: tuple[Fact, ...], **_: object) -> tuple[()]:
        self.said.extend(facts)
        return ()


def heard(command: SendLetter, organization_id: str = VOLGA) -> Heard:
    envelope = Envelope(
        id="command-1", type="", source="voicemail", organization_id=OrganizationId(organization_id)
    )
    return Heard(message=command, envelope=envelope, partition=0, offset=0, at=Instant(0))


def delivery(server: SlowServer, log: Log) -> Delivery:
    letter_sender: LetterSender = World().process()
    letter_sender._mailer = server
    return Delivery(storage=None, letter_sender=letter_sender, say=log, waited_s_max=0.05)  # type: ignore[arg-type]  # no recording here


@pytest.mark.rule("V4", "V7")
async def test_l3_a_slow_letter_is_left_to_itself_and_answered_when_it_is_taken() -> None:
    """Its command is done, so that the next is read; the fact comes minutes later, and once."""
    server, log = SlowServer(), Log()
    made = delivery(server, log)
    await made.handle(heard(WITHOUT_SOUND))
    assert log.said == []
    server.goes_on.set()
    while not log.said:
        await asyncio.sleep(0)
    assert [type(each) for each in log.said] == [LetterAccepted]
    assert server.taken == 1


@pytest.mark.rule("V4")
async def test_l3_so_many_slow_letters_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further letters are deferred at once, with the reason."""
    monkeypatch.setattr(activities, "SLOW_LETTERS_MAX", 1)
    server, log = SlowServer(), Log()
    made = delivery(server, log)
    await made.handle(heard(WITHOUT_SOUND))
    await made.handle(heard(msgspec.structs.replace(WITHOUT_SOUND, letter_id="letter.2")))
    [deferred] = log.said
    assert isinstance(deferred, LetterDeferred)
    assert "slow" in deferred.answer
    await made.stop()
    assert server.taken == 0


@pytest.mark.rule("O1", "V4")
async def test_one_organizations_slow_letters_leave_room_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its recipients' server is its own misfortune."""
    monkeypatch.setattr(activities, "SLOW_LETTERS_OF_ORGANIZATION_MAX", 1)
    server, log = SlowServer(), Log()
    made = delivery(server, log)
    await made.handle(heard(WITHOUT_SOUND))
    await made.handle(heard(msgspec.structs.replace(WITHOUT_SOUND, letter_id="letter.2")))
    assert [type(each) for each in log.said] == [LetterDeferred]
    await made.handle(heard(WITHOUT_SOUND, "neighbour"))
    assert len(log.said) == 1
    server.goes_on.set()
    while len(log.said) < 3:
        await asyncio.sleep(0)
    assert server.taken == 2


@pytest.mark.rule("V4")
async def test_l3_a_process_that_ends_meanwhile_leaves_the_mark_of_a_sending() -> None:
    """The next process to send the letter knows that it may have arrived."""
    world, server, log = World(), SlowServer(), Log()
    letter_sender = world.process()
    letter_sender._mailer = server
    made = Delivery(storage=None, letter_sender=letter_sender, say=log, waited_s_max=0.05)  # type: ignore[arg-type]  # no recording here
    await made.handle(heard(WITHOUT_SOUND))
    await made.stop()
    world.now += 60_000
    again = await world.process().send(VOLGA, WITHOUT_SOUND)
    assert isinstance(again, LetterAccepted)
    assert again.is_repeat_possible
