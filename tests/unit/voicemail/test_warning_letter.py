"""What a warning says, in which language, and that nobody can inject anything into it (V6)."""

import email
import email.policy
from email.message import EmailMessage

import msgspec
import pytest
from hypothesis import given, settings

from contracts.directory import Language, Recipient
from contracts.history import UnheardMessage
from contracts.ids import Instant, VoiceMessageId
from contracts.voicemail import LetterKind, SendLetter
from services.voicemail.activities.letter_composer import LetterAudio
from tests.unit.voicemail.test_letter_composer import COMPOSER, HEADERS, HOSTILE, VOLGA, Page, part

DAY_MS = 24 * 3600 * 1000
TAKEN_AT = 1_795_248_000_000
"""2026-11-21 08:00 UTC, 12:00 in Samara."""


def unheard(number: int, caller: str | None = "+79123456789") -> UnheardMessage:
    return UnheardMessage(
        voice_message_id=VoiceMessageId(f"vm.{number}"),
        caller=caller,
        taken_at=Instant(TAKEN_AT + number * 3_600_000),
        duration_ms=62_000,
        removed_at=Instant(TAKEN_AT + number * 3_600_000 + 30 * DAY_MS),
    )


def warning(
    *messages: UnheardMessage, count: int = 0, language: Language = Language.RUSSIAN, **changes: object
) -> SendLetter:
    made = SendLetter(
        letter_id="letter.vm.0.unheard.0",
        kind=LetterKind.UNHEARD,
        recipient=Recipient(name="Анна", email="anna@volga.example", language=language),
        organization_name="ООО «Волга»",
        department_name="Продажи",
        timezone="Europe/Samara",
        caller=messages[0].caller,
        called_at=messages[0].taken_at,
        waited_ms=0,
        tries=0,
        language=language,
        console_url="https://console.example/",
        unheard=messages,
        unheard_count=count or len(messages),
        written_at=Instant(TAKEN_AT + 23 * DAY_MS),
    )
    return msgspec.structs.replace(made, **changes)


THREE = (unheard(0), unheard(1, None), unheard(2, "101"))


def received(command: SendLetter) -> EmailMessage:
    found = email.message_from_bytes(
        COMPOSER.compose(VOLGA, command, LetterAudio()).as_bytes(), policy=email.policy.default
    )
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.rule("V6")
def test_a_warning_says_how_many_from_whom_since_when_and_when_they_go() -> None:
    """In the text part and in the HTML part, in the department's zone."""
    letter = received(warning(*THREE))
    assert letter["Subject"] == "3 непрослушанных сообщения скоро будут удалены: отдел «Продажи»"
    for kind in ("plain", "html"):
        text = part(letter, kind)
        for said in (
            "+7 912 345-67-89",
            "Номер скрыт",
            "101",
            "Получено: 21 ноября 2026, 12:00 · 1 минута 2 секунды",
            "Будет удалено: 21 декабря 2026, 12:00",
            "Будет удалено: 21 декабря 2026, 14:00",
            "Продажи",
            "Время: Самара",
            "ООО «Волга»",
            "https://console.example/o/volga/voicemail",
        ):
            assert said in text, (kind, said)
    assert "tel:+79123456789" in part(letter, "html")
    assert not list(letter.iter_attachments())


@pytest.mark.rule("V6")
def test_an_english_reader_is_warned_in_english() -> None:
    """By recipient, not by department."""
    letter = received(
        warning(unheard(0), language=Language.ENGLISH, department_name="", employee_name="Vera")
    )
    assert letter["Subject"] == "1 unheard voice message will soon be removed: Vera"
    assert letter["Content-Language"] == "en"
    for kind in ("plain", "html"):
        text = part(letter, kind)
        for said in ("Received: 21 November 2026, 12:00", "1 minute 2 seconds", "Times: Samara", "Vera"):
            assert said in text, (kind, said)
        assert "https://console.example/o/volga/voicemail/vm.0" in text


@pytest.mark.rule("V6")
@pytest.mark.parametrize(
    ("count", "russian", "english"),
    [
        (1, "1 непрослушанное сообщение скоро будет удалено", "1 unheard voice message will"),
        (2, "2 непрослушанных сообщения скоро будут удалены", "2 unheard voice messages will"),
        (5, "5 непрослушанных сообщений скоро будут удалены", "5 unheard voice messages will"),
        (11, "11 непрослушанных сообщений скоро будут удалены", "11 unheard voice messages will"),
        (21, "21 непрослушанное сообщение скоро будет удалено", "21 unheard voice messages will"),
        (112, "112 непрослушанных сообщений скоро будут удалены", "112 unheard voice messages will"),
    ],
)
def test_plural_forms_are_those_of_the_language(count: int, russian: str, english: str) -> None:
    """Nobody is warned of «1 сообщений»."""
    listed = tuple(unheard(number) for number in range(min(count, 50)))
    assert russian in part(received(warning(*listed, count=count)), "plain")
    assert english in part(received(warning(*listed, count=count, language=Language.ENGLISH)), "plain")


@pytest.mark.rule("V6")
def test_what_a_letter_does_not_list_is_counted_in_it() -> None:
    """The reader knows that there is more, and where."""
    command = warning(*THREE, count=24)
    for kind in ("plain", "html"):
        assert "И ещё 21 сообщение: оно есть в консоли." in part(received(command), kind)
        assert "И ещё" not in part(received(warning(*THREE)), kind)


@pytest.mark.rule("V6")
def test_without_a_console_there_is_no_link_to_one() -> None:
    """A link must be one that browsers open."""
    for url in ("", "javascript:alert(1)"):
        letter = received(warning(*THREE, console_url=url))
        assert "/voicemail" not in part(letter, "html") + part(letter, "plain")


@pytest.mark.rule("V6")
def test_a_warning_keeps_its_message_id() -> None:
    """It stays the same however often it is sent, and differs from other warnings."""
    first, again = received(warning(*THREE)), received(warning(*THREE, tries=7, may_have_arrived=True))
    assert first["Message-ID"] == again["Message-ID"]
    assert received(warning(*THREE, letter_id="letter.vm.0.unheard.1"))["Message-ID"] != first["Message-ID"]


@pytest.mark.rule("V6")
@settings(max_examples=100, deadline=None)
@given(name=HOSTILE, department=HOSTILE, organization=HOSTILE, caller=HOSTILE)
def test_no_name_in_a_warning_becomes_a_header_or_markup(
    name: str, department: str, organization: str, caller: str
) -> None:
    """Names from callers and PBXs are plain text or removed."""
    letter = received(
        warning(
            unheard(0, caller),
            recipient=Recipient(name=name, email="anna@volga.example"),
            department_name=department,
            organization_name=organization,
        )
    )
    assert set(letter.keys()) <= HEADERS
    tags = set(Page(part(letter, "html")).tags)
    assert tags <= {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "a", "br"}
