"""What a letter says, in which language, and that nobody can inject anything into it (V4)."""

import email
import email.policy
from email.message import EmailMessage
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.dialling import Refusal
from contracts.directory import Language, Recipient
from contracts.ids import OrganizationId
from contracts.voicemail import LetterKind, Mark, SendLetter
from runtime.text import one_line
from services.callback.decider.endings import LATE, ON_LINE, QUIET
from services.voicemail.activities.formats import duration, moment, number, zone
from services.voicemail.activities.letter_composer import LetterAudio, LetterComposer
from services.voicemail.activities.letter_texts import RUSSIAN, TEXTS, in_department
from tests.unit.voicemail.test_letter_sender import LETTER

VOLGA = OrganizationId("volga")
COMPOSER = LetterComposer(
    sender_name="Ringback", sender="rb@volga.example", attachment_bytes_max=10 * 1024**2
)
WITH_SOUND = LetterAudio(mp3=b"mp3")
HOSTILE = st.text(alphabet=st.characters(), max_size=300) | st.sampled_from(
    (
        "a\r\nBcc: evil@example.com",
        "a\n\n<script>alert(1)</script>",
        "\u202egnp.exe",
        "=?utf-8?b?AAAA?=",
        "\x00",
        "-" * 300,
    )
)
HEADERS = {
    *("Message-ID", "From", "To", "Subject", "Auto-Submitted", "X-Auto-Response-Suppress"),
    *("Content-Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}


class Page(HTMLParser):
    """Tags and text of the HTML part."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def received(command: SendLetter, audio: LetterAudio = WITH_SOUND) -> EmailMessage:
    """The letter as the recipient's program reads it."""
    raw = COMPOSER.compose(VOLGA, command, audio).as_bytes()
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def changed(**changes: object) -> SendLetter:
    return msgspec.structs.replace(LETTER, **changes)


@pytest.mark.rule("V4")
def test_a_letter_says_who_when_how_long_waited_and_which_department() -> None:
    """In the text part and in the HTML part, in the department's zone."""
    letter = received(changed(timezone="Asia/Yekaterinburg"))
    assert letter["Subject"] == "Голосовое сообщение: +7 912 345-67-89, отдел «Продажи»"
    for kind in ("plain", "html"):
        text = part(letter, kind)
        for said in ("+7 912 345-67-89", "суббота, 21 ноября 2026, 13:00 (Екатеринбург)", "Продажи"):
            assert said in text
        assert "10 минут" in text
        assert "11 секунд" in text


@pytest.mark.rule("V4")
def test_an_english_reader_gets_english() -> None:
    """By recipient, not by department."""
    letter = received(changed(language=Language.ENGLISH))
    assert letter["Subject"] == "Voice message: +7 912 345-67-89, Продажи"
    assert "Saturday, 21 November 2026, 11:00 (Moscow)" in part(letter, "plain")
    assert letter["Content-Language"] == "en"


@pytest.mark.rule("V4")
def test_the_mp3_is_attached_and_named() -> None:
    """An ordinary attachment, which every mail program can play."""
    (attached,) = received(LETTER).iter_attachments()
    assert attached.get_content_type() == "audio/mpeg"
    assert attached.get_filename() == "сообщение-2026-11-21-1110.mp3"
    assert attached.get_payload(decode=True) == b"mp3"


@pytest.mark.rule("V4")
def test_an_mp3_comes_through_as_it_was_whatever_its_bytes() -> None:
    """A letter's boundary never occurs within its parts."""
    sound = bytes(range(256)) * 40 + b"\r\n.\r\n--_"
    (attached,) = received(LETTER, LetterAudio(mp3=sound)).iter_attachments()
    assert attached.get_payload(decode=True) == sound


@pytest.mark.rule("V4", "G5")
def test_a_withheld_number_is_called_withheld_and_can_not_be_dialled() -> None:
    """Nothing else about the caller is shown."""
    letter = received(changed(caller=None))
    assert "Номер скрыт" in str(letter["Subject"])
    assert "tel:" not in part(letter, "html")


@pytest.mark.rule("C4", "V4")
def test_an_expired_callback_is_told_with_or_without_a_message() -> None:
    """The recipients must know that the promise to call back was broken."""
    alone = received(
        changed(kind=LetterKind.EXPIRED, voice_message_id=None, has_expired_callback=True), LetterAudio()
    )
    assert "не успели перезвонить" in str(alone["Subject"])
    assert not list(alone.iter_attachments())
    assert "приложена" not in part(alone, "plain")
    with_message = received(changed(has_expired_callback=True))
    assert "никто из сотрудников не освободился вовремя" in part(with_message, "plain")


@pytest.mark.rule("V4")
def test_an_unreached_callback_says_why() -> None:
    """In words, not in codes."""
    letter = received(changed(kind=LetterKind.UNREACHED, voice_message_id=None, reason="busy"), LetterAudio())
    assert "Номер занят" in part(letter, "plain")


@pytest.mark.rule("V8")
@pytest.mark.parametrize("mark", list(Mark))
@pytest.mark.parametrize("language", list(Language))
def test_every_mark_is_explained(mark: Mark, language: Language) -> None:
    """The listener knows what is missing (EC-63)."""
    letter = received(changed(mark=mark, language=language))
    assert TEXTS[language].marks[mark] in part(letter, "plain")


def test_a_machines_letter_is_called_one() -> None:
    """Then no absence notice answers it."""
    assert received(LETTER)["Auto-Submitted"] == "auto-generated"


@pytest.mark.rule("V4")
def test_the_message_id_is_the_letters_own() -> None:
    """It is the same in every copy, and differs between letters and between organizations."""
    first, again = received(LETTER), received(changed(tries=7, may_have_arrived=True))
    assert first["Message-ID"] == again["Message-ID"]
    assert received(changed(letter_id="other"))["Message-ID"] != first["Message-ID"]
    assert COMPOSER.message_id(OrganizationId("other"), LETTER) != first["Message-ID"]
    assert received(changed(called_at=LETTER.called_at + 1))["Message-ID"] != first["Message-ID"]


@pytest.mark.rule("V4")
@settings(max_examples=150, deadline=None)
@given(name=HOSTILE, department=HOSTILE, organization=HOSTILE, caller=HOSTILE, reason=HOSTILE)
def test_l1_no_name_becomes_a_header_or_markup(
    name: str, department: str, organization: str, caller: str, reason: str
) -> None:
    """Line ends, control characters, direction marks and markup are plain text or removed."""
    command = changed(
        recipient=Recipient(name=name, email="anna@volga.example"),
        department_name=department,
        organization_name=organization,
        caller=caller,
        reason=reason,
    )
    raw = COMPOSER.compose(VOLGA, command, LetterAudio()).as_bytes()
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(letter, EmailMessage)
    assert set(letter.keys()) <= HEADERS
    assert len(letter.keys()) == len(set(letter.keys()))
    assert [address.addr_spec for address in letter["To"].addresses] == ["anna@volga.example"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    tags = set(Page(part(letter, "html")).tags)
    assert tags <= {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "a", "br"}


@given(st.text(max_size=400))
def test_l1_a_cleaned_name_is_one_line_and_bounded(text: str) -> None:
    """The result fits into a header, a file and a screen."""
    cleaned = one_line(text)
    assert len(cleaned) <= 120
    assert cleaned == " ".join(cleaned.split())
    assert cleaned.isprintable()


@pytest.mark.parametrize(
    ("ms", "russian", "english"),
    [
        (400, "1 секунда", "1 second"),
        (65_000, "1 минута 5 секунд", "1 minute 5 seconds"),
        (120_000, "2 минуты", "2 minutes"),
        (5_400_000, "1 час 30 минут", "1 hour 30 minutes"),
    ],
)
def test_durations_are_read_as_people_read_them(ms: int, russian: str, english: str) -> None:
    """Plurals are a matter of language."""
    assert (duration(ms, Language.RUSSIAN), duration(ms, Language.ENGLISH)) == (russian, english)


def test_an_unknown_zone_is_utc_and_says_so() -> None:
    """A time must name its zone."""
    assert moment(1_795_248_000_000, zone("Mars/Phobos"), Language.ENGLISH).endswith("08:00 (UTC)")


def test_a_caller_that_is_no_number_is_shown_as_it_came() -> None:
    """It may be an extension, or a PBX's idea of one."""
    assert number("101", RUSSIAN.withheld) == "101"


@pytest.mark.rule("V4")
@pytest.mark.parametrize("language", list(Language))
def test_a_letter_about_a_direct_call_names_the_employee(language: Language) -> None:
    """A head who reads the letter knows whom the caller wanted."""
    command = msgspec.structs.replace(
        LETTER, department_name="", employee_name="Вера\r\nBcc: evil@example.com", language=language
    )
    letter = received(command)
    assert "Вера Bcc" in str(letter["Subject"])
    assert letter["Bcc"] is None
    assert TEXTS[language].employee in part(letter, "plain")


@pytest.mark.rule("C11")
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("kind", [LetterKind.EXPIRED, LetterKind.UNREACHED, LetterKind.REFUSED])
def test_a_letter_about_who_hung_up_does_not_say_that_a_callback_was_ordered(
    language: Language, kind: LetterKind
) -> None:
    """The reader would make the customer a wrong promise."""
    words = TEXTS[language]
    command = msgspec.structs.replace(
        LETTER, kind=kind, was_abandoned=True, language=language, has_expired_callback=True
    )
    text = part(received(command, LetterAudio()), "plain")
    lead = {
        LetterKind.EXPIRED: words.abandoned_expired_lead,
        LetterKind.UNREACHED: words.abandoned_unreached_lead,
        LetterKind.REFUSED: words.abandoned_refused_lead,
    }[kind]
    assert lead.split(".")[0] in text
    assert words.expired_lead.split(",")[0] not in text


@pytest.mark.parametrize(
    ("name", "said"),
    [("Отдел продаж", "отдел продаж"), ("Продажи", "отдел «Продажи»"), ("Отдел", "отдел «Отдел»")],
)
def test_prompts_a_letter_calls_a_department_one_once(name: str, said: str) -> None:
    """Not «отдел «Отдел продаж»»."""
    assert in_department(name, TEXTS[Language.RUSSIAN]) == said
    assert in_department("Sales", TEXTS[Language.ENGLISH]) == "Sales"


BARRING = [
    Refusal.INVALID,
    Refusal.REGION,
    Refusal.PREMIUM,
    Refusal.SATELLITE,
    Refusal.NOT_ORDINARY,
    Refusal.EMERGENCY,
    Refusal.OWN_NUMBER,
    Refusal.DENIED,
]
"""Reasons for which a changed policy may refuse a number that was allowed at the order."""


@pytest.mark.rule("C10")
@pytest.mark.parametrize("reason", BARRING)
@pytest.mark.parametrize("language", list(Language))
def test_m10_a_refused_callback_says_why_and_offers_no_call(language: Language, reason: Refusal) -> None:
    """The reader is not invited to dial a number that the company's rules forbid."""
    words = TEXTS[language]
    letter = received(
        changed(kind=LetterKind.REFUSED, voice_message_id=None, reason=reason, language=language),
        LetterAudio(),
    )
    text = part(letter, "plain")
    assert words.refused_title in str(letter["Subject"])
    assert words.refused_lead.split(",")[0] in text
    assert words.refusals[reason] in text
    assert "tel:" not in part(letter, "html")


@pytest.mark.rule("C4", "C10", "C15")
@pytest.mark.parametrize("reason", [Refusal.SWITCHED_OFF, QUIET, ON_LINE, LATE])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("was_abandoned", [False, True])
def test_m10_an_expired_callback_says_why_nobody_called(
    language: Language, reason: str, was_abandoned: bool
) -> None:
    """The letter does not say that no agent came free, which may be wrong; it offers to call back."""
    words = TEXTS[language]
    command = changed(
        kind=LetterKind.EXPIRED,
        voice_message_id=None,
        reason=reason,
        language=language,
        was_abandoned=was_abandoned,
    )
    letter = received(command, LetterAudio())
    text = part(letter, "plain")
    lead = words.abandoned_uncalled_lead if was_abandoned else words.uncalled_lead
    assert lead.split(",")[0] in text
    assert words.hindrances[reason].split(",")[0] in text
    assert words.expired_lead.split(",")[1] not in text
    assert "tel:" in part(letter, "html")
