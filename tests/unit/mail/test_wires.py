"""What somebody between us and the mail server gets: nothing, where encryption is asked for."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import trustme
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from runtime.mail.letter import Letter, Mailbox
from runtime.mail.mailer import SmtpMailer, server_at
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.plaintext import PlaintextRefused
from tests.unit.mail.servers import StrippingProxy

# aiosmtpd warns of a login without TLS, which is what these tests tempt us with.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
ANNA = "anna@volga.example"
SENDER = "rb@volga.example"
SECRET = "s3cret-of-the-mailer"
LETTER = Letter(
    message_id="<1@volga.example>",
    sender=Mailbox("Ringback", SENDER),
    recipient=Mailbox("Anna", ANNA),
    subject="Voice message",
    text="Anna was called.",
    html="<p>Anna was called.</p>",
    language="en",
)


class Box:
    """Takes letters of whoever gave the password."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []
        self.logins: list[bytes] = []

    def logged_in(
        self, _server: object, _session: object, _kind: object, _method: object, given: object
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self.logins.append(given.password)
        return AuthResult(success=given.password == SECRET.encode())

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.letters.append(envelope.content)
        return "250 queued"


class Real:
    """aiosmtpd with STARTTLS and logins; it offers a login in the clear as well, as some servers do."""

    def __init__(self, authority: trustme.CA, folder: Path, name: str = "localhost") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        self.box = Box()
        self._controller = UnthreadedController(
            self.box,
            hostname="127.0.0.1",
            port=0,
            loop=asyncio.get_running_loop(),
            tls_context=context,
            auth_required=True,
            auth_require_tls=False,
            authenticator=self.box.logged_in,
        )
        self.port = 0

    async def start(self) -> None:
        self._server = cast("asyncio.Server", await self._controller._create_server())
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Real]:
    found = Real(trustme.CA(), tmp_path)
    await found.start()
    yield found
    found.stop()


def _mailer(port: int, ca: Path, *, scheme: str = "smtp+starttls") -> SmtpMailer:
    url = f"{scheme}://ringback:{SECRET}@localhost:{port}"
    return SmtpMailer(server_at(url, ca=str(ca)), timeout_s=5, end_timeout_s=5)


async def _sent(mailer: SmtpMailer) -> SendResult:
    return await mailer.send(LETTER, sender=SENDER, recipient=ANNA)


@pytest.mark.rule("V4")
async def test_with_starttls_login_and_letter_go_inside_tls(real: Real) -> None:
    async with StrippingProxy(real.port, instead=b"") as between:
        assert (await _sent(_mailer(between.port, real.ca))).verdict is Verdict.ACCEPTED
    assert len(real.box.letters) == 1
    assert real.box.logins == [SECRET.encode()]
    assert b"AUTH" not in between.heard
    assert b"MAIL" not in between.heard


@pytest.mark.rule("V4")
async def test_who_strips_the_offer_of_encryption_gets_neither_password_nor_letter(real: Real) -> None:
    async with StrippingProxy(real.port) as between:
        answer = await _sent(_mailer(between.port, real.ca))
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, True)
    assert real.box.logins == []
    assert real.box.letters == []
    assert b"AUTH" not in between.heard
    assert b"MAIL" not in between.heard


@pytest.mark.rule("V4")
@pytest.mark.parametrize("injected", [b"250-here\r\n250 AUTH PLAIN LOGIN XINJECTED\r\n", b"250 ok\r\n" * 20])
async def test_what_is_said_before_tls_begins_is_not_believed_inside_of_it(
    real: Real, injected: bytes
) -> None:
    """Bytes behind the 220 would be read as the encrypted server's own answers (CVE-2021-38371)."""
    async with StrippingProxy(real.port, injected=injected, instead=b"") as between:
        answer = await _sent(_mailer(between.port, real.ca))
    # Either the letter arrived through the server's own answers, or nothing was said at all.
    assert answer.verdict is Verdict.ACCEPTED
    assert len(real.box.letters) == 1
    assert real.box.logins == [SECRET.encode()]
    assert b"AUTH" not in between.heard


@pytest.mark.rule("V4")
async def test_a_certificate_of_a_stranger_gets_neither_password_nor_letter(
    real: Real, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    async with StrippingProxy(real.port, instead=b"") as between:
        answer = await _sent(_mailer(between.port, stranger))
    assert answer.verdict is Verdict.DEFERRED
    assert real.box.logins == []
    assert b"AUTH" not in between.heard


@pytest.mark.rule("V4")
async def test_a_replaced_authority_is_read_for_the_next_letter(real: Real, tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(file)
    mailer = _mailer(real.port, file)
    assert (await _sent(mailer)).verdict is Verdict.DEFERRED
    file.write_bytes(real.ca.read_bytes())
    assert (await _sent(mailer)).verdict is Verdict.ACCEPTED
    file.unlink()
    gone = await _sent(mailer)
    assert (gone.verdict, gone.is_our_fault) == (Verdict.DEFERRED, True)
    assert "RINGBACK_SMTP_CA" in gone.text


@pytest.mark.rule("V4")
async def test_no_password_leaves_this_machine_in_the_clear_even_where_plaintext_is_allowed(
    real: Real, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name leads to this machine here; what counts is that it is not one of this machine's own."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo("127.0.0.1", None)

    async def resolved(host: str, port: int, **_: object) -> object:
        return [(*each[:4], ("127.0.0.1", port)) for each in found]

    monkeypatch.setattr(loop, "getaddrinfo", resolved)
    async with StrippingProxy(real.port) as between:
        url = f"smtp://ringback:{SECRET}@mail.volga.example:{between.port}"
        mailer = SmtpMailer(server_at(url, allowed_to=["smtp"]), timeout_s=5, end_timeout_s=5)
        answer = await _sent(mailer)
    assert (answer.verdict, answer.is_our_fault) == (Verdict.DEFERRED, True)
    assert "not sent without" in answer.text
    assert b"EHLO" in between.heard
    assert b"AUTH" not in between.heard
    assert real.box.logins == []


def test_another_machines_server_is_reached_encrypted_and_verified_or_not_at_all() -> None:
    with pytest.raises(PlaintextRefused) as refused:
        server_at(f"smtp://ringback:{SECRET}@mail.example.org")
    told = str(refused.value)
    assert "smtp+starttls://" in told
    assert "RINGBACK_ALLOW_PLAINTEXT_TO" in told
    assert SECRET not in told
    for url in ("smtp+starttls://mail.example.org", "smtps://mail.example.org", "smtp://127.0.0.1:25"):
        server_at(url)
    server_at("smtp://mail.example.org", allowed_to=["smtp"])
