"""The welcome letter's text and language, and that no name can inject anything (E3)."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from msgspec import structs

from contracts.directory import Language
from services.directory.activities.welcome_text import WORDS, LetterSecrets, WelcomeWriter
from tests.unit.directory.offices import employee, office

SECRETS = LetterSecrets(password="abcd2345efgh6789", phone_link="0123456789abcdef")
CONSOLE, SOFTPHONE = "https://console.volga.example", "https://volga.example/phone"


def letter(
    *,
    company: str = "Volga Ltd.",
    name: str = "Зимина Вера",
    console: str = CONSOLE,
    softphone: str = SOFTPHONE,
    language: Language = Language.RUSSIAN,
    directory: str = "https://book.volga.example/",
) -> EmailMessage:
    """The letter as a mail program reads it."""
    found = office()
    found.organization = structs.replace(found.organization, name=company, console_url=console)
    card = structs.replace(employee("Вера", email="vera@volga.example", language=language), name=name)
    writer = WelcomeWriter(
        sender_name="Ringback",
        sender="rb@volga.example",
        softphone_url=softphone,
        directory_url=directory,
    )
    raw = writer.letter(found, card, SECRETS, "<welcome.1@volga.example>").as_bytes()
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def parts(read: EmailMessage) -> list[str]:
    """Its text and its HTML."""
    found = [read.get_body((kind,)) for kind in ("plain", "html")]
    return [str(part.get_content()) for part in found if part is not None]


@pytest.mark.rule("E3")
@pytest.mark.parametrize("language", list(Language))
def test_both_parts_have_all_that_a_new_employee_needs(language: Language) -> None:
    """Organization, login, one-time password, the link to the phone's, extension, console and softphone."""
    read = letter(language=language)
    texts = parts(read)
    assert len(texts) == 2
    for text in texts:
        for needed in (
            "вера",
            "abcd2345efgh6789",
            "https://book.volga.example/phone-password/0123456789abcdef",
            "250",
            CONSOLE,
            SOFTPHONE,
            "Volga Ltd.",
        ):
            assert needed in text
        assert WORDS[language].lead in text
    assert read["Subject"] == WORDS[language].subject.format(company="Volga Ltd.")
    assert read["Content-Language"] == language


@pytest.mark.rule("E3")
@pytest.mark.parametrize("language", list(Language))
def test_l6_no_line_is_without_content_and_no_sentence_has_two_full_stops(language: Language) -> None:
    """Without a console there is no «Консоль: —», and «Volga Ltd.» ends no sentence."""
    for text in parts(letter(console="", softphone="", language=language)):
        assert "—" not in text
        assert "Ltd.." not in text
        assert WORDS[language].console not in text
        assert WORDS[language].softphone not in text
    [plain, _] = parts(letter(console="", softphone="", language=language))
    assert not any(line.rstrip().endswith(":") for line in plain.splitlines())


@pytest.mark.rule("E3")
@pytest.mark.parametrize(
    "hostile", ["=?utf-8?q?x=0D=0ABcc:_a@b?=", "a\u2028Bcc: a@b", "<script>alert(1)</script>"]
)
def test_l1_no_name_becomes_a_header_or_markup(hostile: str) -> None:
    """The company's and the employee's."""
    read = letter(company=hostile, name=hostile)
    assert "Bcc" not in read
    assert [address.addr_spec for address in read["To"].addresses] == ["vera@volga.example"]
    assert "<script>" not in parts(read)[1]


@pytest.mark.rule("E3")
@pytest.mark.parametrize("language", list(Language))
def test_without_an_address_for_browsers_the_letter_says_who_has_the_phone_password(
    language: Language,
) -> None:
    words = WORDS[language]
    for text in parts(letter(directory="", language=language)):
        assert words.no_link_note in text
        assert words.link_note not in text
        assert "phone-password" not in text
        assert "0123456789abcdef" not in text


@pytest.mark.parametrize("url", ["http://book.volga.example", "https://a:b@book.volga.example", "ftp://book"])
def test_a_link_leads_to_no_page_in_the_clear(url: str) -> None:
    """Whoever listens would read the password, and whoever changes the page would have it."""
    with pytest.raises(ValueError, match="RINGBACK_DIRECTORY_URL"):
        letter(directory=url)
