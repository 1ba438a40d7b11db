"""All our letters on Postfix and OpenSMTPD: taken, read by another make, and no spam (V4, E3)."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import trustme

from contracts.directory import Language, Recipient
from contracts.ids import MediaKey, OrganizationId
from contracts.voicemail import LetterAccepted, LetterDeferred, LetterFailed, LetterKind, SendLetter
from runtime.mail.letter import Letter
from runtime.mail.mailer import SmtpMailer, server_at
from runtime.mail.smtp_replies import Verdict
from runtime.memory import MemoryBlobs
from services.directory.activities.welcome_text import LetterSecrets, WelcomeWriter
from services.voicemail.activities.conversion import Mp3Converter
from services.voicemail.activities.letter_composer import LetterAudio, LetterComposer
from services.voicemail.activities.letter_sender import LetterSender
from tests.integration.mail.debian import MailServer
from tests.integration.mail.readers import read, scored, sha256
from tests.unit.directory.offices import employee, office
from tests.unit.voicemail.test_letter_sender import LETTER
from tests.unit.voicemail.test_message_storage import Spool
from tests.unit.voicemail.test_warning_letter import THREE, warning

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

VOLGA = OrganizationId("volga")
SENDER = "ringback@volga.example"
COMPOSER = LetterComposer(sender_name="Ringback", sender=SENDER, attachment_bytes_max=10 * 1024**2)
WELCOME = WelcomeWriter(sender_name="Ringback", sender=SENDER, softphone_url="https://volga.example/phone")
MP3 = b"\xff\xfb\x10\xc4" + bytes(range(256)) * 100
KEY = MediaKey("volga/recordings/x.mp3")
HOSTILE = "=?utf-8?q?x=0D=0ABcc:_all@volga.example=0D=0A=0D=0Abody?=\u2028y"
LONG = "Anderson-Montgomery, Christopher Alexander, Head of Sales (Northern Region), Volga Ltd"


def mailer(server: MailServer, url: str = "smtp", *, ca: str = "", timeout_s: float = 60) -> SmtpMailer:
    """A mailer for this server, by the name that its certificate has."""
    return SmtpMailer(server_at(f"{url}://localhost:{server.port}", ca=ca), timeout_s=timeout_s)


async def delivered(server: MailServer, name: str, count: int = 1) -> list[Path]:
    """Somebody's letters, once so many are there."""
    async with asyncio.timeout(60):
        while len(server.letters(name)) < count:
            await asyncio.sleep(0.05)
    return server.letters(name)


def command(email: str, letter_id: str, **changes: object) -> SendLetter:
    """A letter about a voice message, to somebody."""
    recipient = Recipient(name="Анна", email=email)
    return msgspec.structs.replace(LETTER, recipient=recipient, letter_id=letter_id, **changes)


def letter_sender(server: MailServer, mp3: bytes = MP3, *, timeout_s: float = 60) -> LetterSender:
    """Voicemail's sender of letters, on this server."""
    blobs = MemoryBlobs()
    blobs.objects[KEY] = (mp3, "audio/mpeg")
    return LetterSender(
        blobs=blobs,
        fetch=Spool(),
        converter=Mp3Converter(at_once_max=1),
        mailer=mailer(server, timeout_s=timeout_s),
        composer=COMPOSER,
        sender=SENDER,
        now=lambda: 1_000_000,
    )


def welcome(language: Language, name: str = "Зимина Вера") -> Letter:
    """A welcome letter to Anna's box."""
    found = office()
    console = "https://console.volga.example"
    found.organization = msgspec.structs.replace(found.organization, name="Volga Ltd.", console_url=console)
    card = employee("Вера", email="anna@volga.example", language=language)
    card = msgspec.structs.replace(card, name=name)
    secrets = LetterSecrets(password="abcd2345efgh6789", phone_link="0123456789abcdef")
    return WELCOME.letter(found, card, secrets, f"<welcome.{language}.{len(name)}@volga.example>")


def kinds(language: Language) -> Sequence[Letter]:
    """Every kind of letter that we write, in a language."""
    told = command("anna@volga.example", "letter.1", language=language)
    more = msgspec.structs.replace
    return (
        COMPOSER.compose(VOLGA, told, LetterAudio(mp3=MP3)),
        COMPOSER.compose(VOLGA, more(told, caller=None, department_name=""), LetterAudio()),
        COMPOSER.compose(VOLGA, more(told, kind=LetterKind.EXPIRED, voice_message_id=None), LetterAudio()),
        COMPOSER.compose(VOLGA, more(told, kind=LetterKind.UNREACHED, reason="busy"), LetterAudio()),
        COMPOSER.compose(VOLGA, more(told, kind=LetterKind.REFUSED, reason="denied"), LetterAudio()),
        COMPOSER.compose(VOLGA, warning(*THREE, language=language), LetterAudio()),
        welcome(language),
    )


@pytest.mark.rule("V4", "E3")
async def test_l6_no_kind_of_letter_is_taken_for_spam(
    postfix: MailServer, tmp_path: Path, spamassassin: None
) -> None:
    """SpamAssassin offline gives each half a point at most; to one without a Date it gives more."""
    letters = [*kinds(Language.RUSSIAN), *kinds(Language.ENGLISH)[-2:]]
    before = len(postfix.letters("vera"))
    for letter in letters:
        answer = await mailer(postfix).send(letter, sender=SENDER, recipient="vera@volga.example")
        assert answer.verdict is Verdict.ACCEPTED, answer
    files = (await delivered(postfix, "vera", before + len(letters)))[before:]
    undated = tmp_path / "undated"
    undated.write_bytes(re.sub(rb"(?m)^Date: .*\n", b"", files[0].read_bytes()))
    found = scored([*files, undated], tmp_path)
    assert len(found) == len(letters) + 1
    [(_, tests)] = [each for each in found if each[0] > 0.5]
    assert "MISSING_DATE" in tests


@pytest.mark.rule("V4")
@pytest.mark.parametrize("server", ["postfix", "opensmtpd"])
async def test_l2_p3_p4_l6_a_voice_message_arrives_and_another_make_reads_all_of_it(
    server: str, request: pytest.FixtureRequest, perl: Path
) -> None:
    """Subject, one recipient, the MP3 by its name, and both texts."""
    there: MailServer = request.getfixturevalue(server)
    before = len(there.letters("anna"))
    told = command(
        "anna@volga.example", "letter.p3", department_name="Отдел продаж запасных частей", mp3_key=KEY
    )
    told = msgspec.structs.replace(told, recipient=Recipient(name=LONG, email="anna@volga.example"))
    assert isinstance(await letter_sender(there).send(VOLGA, told), LetterAccepted)
    letter = read((await delivered(there, "anna", before + 1))[-1], perl)
    assert letter.one("Subject").endswith("отдел продаж запасных частей")
    assert letter.one("To") == f"{LONG} <anna@volga.example>"
    assert letter.one("Date")
    plain, html, mp3 = letter.parts
    assert (plain.type, html.type, mp3.type) == ("text/plain", "text/html", "audio/mpeg")
    assert "Отдел продаж запасных частей" in str(plain.text)
    assert (mp3.bytes, mp3.sha256) == (len(MP3), sha256(MP3))
    assert mp3.name == mp3.old_name == "сообщение-2026-11-21-1110.mp3"


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize("server", ["postfix", "opensmtpd"])
async def test_l1_a_name_that_is_an_encoded_word_opens_no_header_and_no_body(
    server: str, request: pytest.FixtureRequest, perl: Path
) -> None:
    """The employee's and the company's, in the welcome letter; the caller's and others in voicemail's."""
    there: MailServer = request.getfixturevalue(server)
    before = len(there.letters("anna"))
    told = command(
        "anna@volga.example", "letter.l1", department_name=HOSTILE, organization_name=HOSTILE, caller=HOSTILE
    )
    told = msgspec.structs.replace(told, recipient=Recipient(name=HOSTILE, email="anna@volga.example"))
    for letter in (welcome(Language.RUSSIAN, HOSTILE), COMPOSER.compose(VOLGA, told, LetterAudio())):
        answer = await mailer(there).send(letter, sender=SENDER, recipient="anna@volga.example")
        assert answer.verdict is Verdict.ACCEPTED
    for file in (await delivered(there, "anna", before + 2))[before:]:
        found = read(file, perl)
        assert "Bcc" not in found.headers
        assert [part.type for part in found.parts] == ["text/plain", "text/html"]
        assert found.one("To").endswith("<anna@volga.example>")


@pytest.mark.rule("V4")
async def test_a_refused_recipient_of_three_costs_nobody_else_a_letter_or_a_second_one(
    postfix: MailServer,
) -> None:
    """Each letter has a fate of its own."""
    before = {name: len(postfix.letters(name)) for name in ("anna", "boris")}
    sender = letter_sender(postfix)
    results = [
        await sender.send(VOLGA, command(f"{name}@volga.example", f"letter.three.{name}"))
        for name in ("anna", "nobody", "boris")
    ]
    assert [type(each) for each in results] == [LetterAccepted, LetterFailed, LetterAccepted]
    assert "User unknown" in results[1].answer
    for name, count in before.items():
        assert len(await delivered(postfix, name, count + 1)) == count + 1


@pytest.mark.rule("V4")
async def test_l3_a_slow_server_gets_one_copy(postfix: MailServer) -> None:
    """It answers the last dot later than it may take for anything else."""
    before = len(postfix.letters("slow"))
    result = await letter_sender(postfix, timeout_s=5).send(
        VOLGA, command("slow@volga.example", "letter.slow")
    )
    assert isinstance(result, LetterAccepted)
    assert len(await delivered(postfix, "slow", before + 1)) == before + 1


@pytest.mark.rule("V4")
async def test_a_greylisted_letter_comes_with_the_next_try_and_once(
    postfix: MailServer, policy_port: int
) -> None:
    """Not now, says the server to whom it does not know yet."""
    asked: list[bytes] = []

    async def policy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\n\n"):
            asked.append(b"")
            writer.write(b"action=DUNNO\n\n" if len(asked) > 1 else b"action=450 4.7.1 Greylisted\n\n")
            await writer.drain()

    async with await asyncio.start_server(policy, "127.0.0.1", policy_port):
        sender, told = letter_sender(postfix), command("grey@volga.example", "letter.grey")
        first = await sender.send(VOLGA, told)
        second = await sender.send(VOLGA, msgspec.structs.replace(told, tries=1))
    assert isinstance(first, LetterDeferred)
    assert first.answer.startswith("450 4.7.1")
    assert isinstance(second, LetterAccepted)
    assert not second.is_repeat_possible
    assert len(await delivered(postfix, "grey")) == 1


@pytest.mark.rule("V4")
async def test_p2_a_server_with_a_smaller_limit_gets_the_letter_with_a_link(
    postfix: MailServer, perl: Path
) -> None:
    """Postfix says 552 5.3.4 as soon as it hears the size."""
    before = len(postfix.letters("boris"))
    told = command("boris@volga.example", "letter.size", mp3_key=KEY)
    result = await letter_sender(postfix, mp3=bytes(400_000)).send(VOLGA, told)
    assert isinstance(result, LetterAccepted)
    letter = read((await delivered(postfix, "boris", before + 1))[-1], perl)
    assert [part.type for part in letter.parts] == ["text/plain", "text/html"]
    assert "https://console.example/o/volga/voicemail/" in str(letter.parts[0].text)


@pytest.mark.rule("V4")
async def test_l4_a_certificate_that_nobody_knows_does_only_where_none_is_demanded(
    postfix: MailServer, authority: trustme.CA, tmp_path: Path
) -> None:
    """As Debian's Postfix comes; and with its authority known, a letter goes verified."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    letter = COMPOSER.compose(VOLGA, command("anna@volga.example", "letter.tls"), LetterAudio())

    async def verdict(url: str, ca: str = "") -> Verdict:
        sends = mailer(postfix, url, ca=ca)
        return (await sends.send(letter, sender=SENDER, recipient="anna@volga.example")).verdict

    assert await verdict("smtp") is Verdict.ACCEPTED
    assert await verdict("smtp+starttls") is Verdict.DEFERRED
    assert await verdict("smtp+starttls", str(file)) is Verdict.ACCEPTED


@pytest.mark.rule("V4")
async def test_l5_what_a_server_says_of_us_defers_and_of_the_recipient_is_final(postfix: MailServer) -> None:
    """Postfix relays for nobody here: that is for whoever set the server up, and not for the recipient."""
    letter = COMPOSER.compose(VOLGA, command("anna@volga.example", "letter.relay"), LetterAudio())
    relayed = await mailer(postfix).send(letter, sender=SENDER, recipient="anna@elsewhere.example")
    assert (relayed.verdict, relayed.is_our_fault) == (Verdict.DEFERRED, True)
    unknown = await mailer(postfix).send(letter, sender=SENDER, recipient="nobody@volga.example")
    assert (unknown.verdict, unknown.is_our_fault) == (Verdict.REFUSED, False)


@pytest.mark.rule("V4")
@pytest.mark.parametrize("name", ["o'brien", "иван"])
async def test_p36_letters_reach_addresses_with_apostrophes_and_in_other_letters(
    postfix: MailServer, opensmtpd: MailServer, name: str
) -> None:
    """Where the server knows SMTPUTF8; where it does not, that is said, and is final."""
    before = len(postfix.letters(name))
    told = command(f"{name}@volga.example", f"letter.{name}")
    assert isinstance(await letter_sender(postfix).send(VOLGA, told), LetterAccepted)
    assert len(await delivered(postfix, name, before + 1)) == before + 1
    if not name.isascii():
        refused = await letter_sender(opensmtpd).send(VOLGA, told)
        assert isinstance(refused, LetterFailed)
        assert "Latin" in refused.answer
