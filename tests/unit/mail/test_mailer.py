"""Handing a letter to a mail server: what is said, how long is waited, and what answers become (V4, E3)."""

import email
import email.policy
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import trustme

from runtime.mail.letter import Attachment, Letter, Mailbox
from runtime.mail.mailer import SmtpMailer, server_at
from runtime.mail.smtp_replies import SendResult, Verdict
from tests.unit.mail.servers import HELLO, ScriptedServer

SENDER = "rb@volga.example"
ANNA = "anna@volga.example"
LETTER = Letter(
    message_id="<1@volga.example>",
    sender=Mailbox("Ringback", SENDER),
    recipient=Mailbox("Анна", ANNA),
    subject="Голосовое сообщение",
    text="Вам звонили.\n.\n..\nFrom здесь\n",
    html="<p>Вам звонили.</p>",
    language="ru",
)


async def sent(mailer: SmtpMailer, *, recipient: str = ANNA, letter: Letter = LETTER) -> SendResult:
    return await mailer.send(letter, sender=SENDER, recipient=recipient)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def context_of(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.rule("V4")
@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "utf-8"])
@pytest.mark.parametrize(
    ("code", "verdict"), [(250, Verdict.ACCEPTED), (451, Verdict.DEFERRED), (550, Verdict.REFUSED)]
)
@pytest.mark.parametrize("verb", ["END", "RCPT"])
async def test_p1_an_answer_in_an_old_charset_is_judged_and_read(
    charset: str, code: int, verdict: Verdict, verb: str
) -> None:
    """One sending, and words that can be shown (cole/aiosmtplib #41)."""
    said = f"{code} принято к сведению\r\n".encode(charset)
    async with ScriptedServer({verb: said}) as server:
        answer = await sent(server.mailer())
    assert answer.verdict is verdict
    assert answer.text == ("250 queued" if (verb, code) == ("RCPT", 250) else f"{code} принято к сведению")


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_l2_hello_is_said_once_per_connection_and_after_encryption(
    is_encrypted: bool, authority: trustme.CA
) -> None:
    """OpenSMTPD answers a second one with 503."""
    async with ScriptedServer(tls=context_of(authority) if is_encrypted else None) as server:
        assert (await sent(server.mailer())).verdict is Verdict.ACCEPTED
    hello = ["EHLO", "STARTTLS", "EHLO"] if is_encrypted else ["EHLO"]
    assert server.verbs == [*hello, "MAIL", "RCPT", "DATA", "QUIT"]
    name = server.commands[0].split(" ")[1]
    assert "." in name
    assert name.startswith("[") == name.endswith("]")


@pytest.mark.rule("V4", "E3")
async def test_l3_a_server_that_is_slow_with_its_last_answer_gets_one_copy() -> None:
    """Behind the dot a server may take longer than for anything else: it scans, or asks its own."""
    async with ScriptedServer(delays={"END": 3}) as server:
        answer = await sent(server.mailer(timeout_s=2, end_timeout_s=60))
    assert answer == SendResult(verdict=Verdict.ACCEPTED, text="250 queued")
    assert len(server.letters) == 1


@pytest.mark.rule("V4", "E3")
async def test_l3_the_waits_are_those_of_the_standard() -> None:
    """RFC 5321, 4.5.3.2: five minutes for a command, ten for the dot; and less than the decider's lease."""
    from runtime.mail import mailer
    from services.voicemail import rules

    assert (mailer.ANSWER_S_MAX, mailer.END_S_MAX) == (300, 600)
    assert mailer.END_S_MAX < mailer.SENDING_S_MAX < rules.LETTER_LEASE_MS / 1000


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize(
    ("verb", "is_lost"), [("CONNECT", False), ("EHLO", False), ("RCPT", False), ("END", True)]
)
async def test_l3_a_server_that_never_answers_is_told_from_one_that_is_slow(verb: str, is_lost: bool) -> None:
    """Where it fell silent is said; only behind the dot may the letter have arrived."""
    async with ScriptedServer(delays={verb: 60}) as server:
        answer = await sent(server.mailer(timeout_s=2, end_timeout_s=2))
    assert (answer.verdict, answer.is_answer_lost) == (Verdict.DEFERRED, is_lost)
    assert "no answer" in answer.text
    assert verb.lower() in answer.text


@pytest.mark.rule("V4")
async def test_l4_optional_encryption_takes_any_certificate(authority: trustme.CA) -> None:
    """Debian's Postfix comes with one that it has signed itself; the alternative would be none."""
    async with ScriptedServer(tls=context_of(authority, "elsewhere.example")) as server:
        assert (await sent(server.mailer())).verdict is Verdict.ACCEPTED
    assert server.is_encrypted


@pytest.mark.rule("V4")
async def test_l4_required_encryption_verifies_by_the_authority_that_is_set(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """A stranger's certificate gets no letter and no password, and a wrong name neither."""
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    async with ScriptedServer(tls=context_of(authority)) as server:
        refused = await sent(server.mailer("smtp+starttls"))
        known = await sent(SmtpMailer(server.server("smtp+starttls", ca=str(file)), timeout_s=5))
    assert refused.verdict is Verdict.DEFERRED
    assert "certificate" in refused.text.lower()
    assert known.verdict is Verdict.ACCEPTED
    async with ScriptedServer(tls=context_of(authority, "elsewhere.example")) as server:
        other = await sent(SmtpMailer(server.server("smtp+starttls", ca=str(file)), timeout_s=5))
    assert other.verdict is Verdict.DEFERRED
    assert server.letters == []


@pytest.mark.rule("V4")
async def test_l4_where_optional_encryption_fails_the_letter_goes_without_but_no_password() -> None:
    """A server whose TLS is broken still takes letters; a password never follows in the clear."""
    broken = ScriptedServer({"STARTTLS": b"454 4.7.0 not now\r\n", "EHLO": b"250-here\r\n250 STARTTLS\r\n"})
    async with broken as server:
        assert (await sent(server.mailer())).verdict is Verdict.ACCEPTED
        with_password = SmtpMailer(server.server(user="user:secret@"), timeout_s=5)
        assert (await sent(with_password)).verdict is Verdict.DEFERRED
    assert "AUTH" not in server.verbs


def test_l4_a_setting_that_names_no_certificates_is_refused_at_once(tmp_path: Path) -> None:
    """And not with the first letter."""
    with pytest.raises(ValueError, match="RINGBACK_SMTP_CA"):
        server_at("smtps://localhost", ca=str(tmp_path / "missing.pem"))
    file = tmp_path / "empty.pem"
    file.write_text("")
    with pytest.raises(ValueError, match="RINGBACK_SMTP_CA"):
        SmtpMailer(server_at("smtps://localhost", ca=str(file)))


@pytest.mark.rule("V4", "E3")
@pytest.mark.parametrize(
    "answers",
    [
        {"CONNECT": b"554 5.7.1 no service for you\r\n"},
        {"EHLO": b"504 5.5.2 need fully-qualified hostname\r\n"},
        {"MAIL": b"530 5.7.0 authentication required\r\n"},
        {"RCPT": b"554 5.7.1 <unknown[127.0.0.1]>: Client host rejected: Access denied\r\n"},
        {"RCPT": b"504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname\r\n"},
    ],
)
async def test_l5_what_is_wrong_with_us_defers_the_letter_and_raises_an_alarm(
    answers: dict[str, bytes],
) -> None:
    """Whatever the stage at which a server says so."""
    async with ScriptedServer(answers) as server:
        answer = await sent(server.mailer())
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, True)


@pytest.mark.rule("E3", "V4")
async def test_l5_a_wrong_password_of_ours_ends_no_letter() -> None:
    """While a password is being changed letters wait, and what they carry is kept."""
    hello = b"250-here\r\n250 AUTH PLAIN LOGIN\r\n"
    async with ScriptedServer({"EHLO": hello, "AUTH": b"535 5.7.8 wrong\r\n"}) as server:
        answer = await sent(SmtpMailer(server.server(user="user:old@"), timeout_s=5))
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, True)
    assert answer.text.startswith("535")


@pytest.mark.rule("V4", "E3")
async def test_l6_a_letter_is_dated_when_it_is_sent() -> None:
    """Spam filters look askance at none, and at one of hours ago."""
    now = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    async with ScriptedServer() as server:
        await sent(SmtpMailer(server.server(), now=lambda: now))
    found = email.message_from_bytes(server.letters[0], policy=email.policy.default)
    assert len(found.get_all("Date", [])) == 1
    assert parsedate_to_datetime(str(found["Date"])) == now


@pytest.mark.rule("V4")
async def test_a_letter_of_some_megabytes_arrives_as_it_is() -> None:
    """Dots at the beginning of lines and all."""
    sound = b"\r\n.\r\n.." + bytes(range(256)) * 20_000
    letter = Letter(
        **{name: getattr(LETTER, name) for name in LETTER.__struct_fields__ if name != "attachments"},
        attachments=(Attachment(name="сообщение.mp3", type="audio/mpeg", content=sound),),
    )
    async with ScriptedServer() as server:
        assert (await sent(server.mailer(), letter=letter)).verdict is Verdict.ACCEPTED
    found = email.message_from_bytes(server.letters[0], policy=email.policy.default)
    [attached] = [part for part in found.walk() if part.get_content_type() == "audio/mpeg"]
    assert attached.get_payload(decode=True) == sound


@pytest.mark.rule("V4")
async def test_p36_a_domain_in_other_letters_goes_to_any_server_and_a_name_only_where_it_is_known() -> None:
    """Without SMTPUTF8 the part before the @ must be Latin; the domain has an ASCII form."""
    async with ScriptedServer() as server:
        assert (await sent(server.mailer(), recipient="ivan@почта.рф")).verdict is Verdict.ACCEPTED
        assert (await sent(server.mailer(), recipient="иван@почта.рф")).verdict is Verdict.REFUSED
    assert "RCPT TO:<ivan@xn--80a1acny.xn--p1ai>" in server.commands
    async with ScriptedServer({"EHLO": HELLO.replace(b"8BITMIME", b"SMTPUTF8")}) as server:
        assert (await sent(server.mailer(), recipient="иван@почта.рф")).verdict is Verdict.ACCEPTED
    assert "RCPT TO:<иван@xn--80a1acny.xn--p1ai>" in server.commands


@pytest.mark.rule("V4")
async def test_a_line_that_is_cut_before_the_dot_costs_no_second_copy() -> None:
    """Behind it nobody knows."""
    for verb, is_lost in (("MAIL", False), ("DATA", False), ("END", True)):
        async with ScriptedServer({verb: b""}) as server:
            answer = await sent(server.mailer())
        assert (answer.verdict, answer.is_answer_lost) == (Verdict.DEFERRED, is_lost), verb
