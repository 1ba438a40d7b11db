"""Sends a letter to the mail server by SMTP, and says exactly what it replied (V4, E3).

One connection per letter, and one EHLO per connection and after STARTTLS: OpenSMTPD answers a second EHLO
with 503. Every wait is as long as RFC 5321 (4.5.3.2) requires, so that a slow server does not look
unreachable and a letter that it accepts late is not sent again. When no reply comes after the dot, the letter
may or may not have arrived: it is deferred, with `is_answer_lost`.

Encryption: `smtp+starttls://` and `smtps://` verify the certificate, and send nothing in the clear. `smtp://`
encrypts if the server offers it and accepts any certificate; if encrypting fails, the letter is sent in the
clear. Whoever is between can strip the offer, so it counts as unencrypted (`runtime.plaintext`), and a
password leaves this machine only inside TLS.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
import structlog
from aiosmtplib import SMTPResponse, SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from runtime import metrics, plaintext
from runtime.mail import addresses
from runtime.mail.smtp_replies import SendResult, Stage, Verdict, result_of_reply, result_without_reply
from runtime.settings import RuntimeSettings
from runtime.urls import is_loopback

ANSWER_S_MAX: Final = 300.0
"""Five minutes for the greeting and for each command (RFC 5321, 4.5.3.2)."""
END_S_MAX: Final = 600.0
"""Ten minutes for the dot: a server may scan the letter, or ask another server, before it replies."""
SENDING_S_MAX: Final = 2_700.0
"""The limit for a whole letter: less than the hour after which the decider asks for it again."""
LEAVING_S_MAX: Final = 5.0
_POLLED_S: Final = 0.02
_NO_TLS: Final = (
    "the server offers no STARTTLS, which RINGBACK_SMTP asks for: it has none, or somebody between hides it"
)
_NO_LOGIN_IN_THE_CLEAR: Final = (
    "the server offers no encryption, and the password is not sent without: "
    "set RINGBACK_SMTP to smtp+starttls://… or smtps://…"
)
_LATIN_ONLY: Final = "the mail server takes only addresses in Latin letters"

_log = structlog.get_logger()


class Sendable(Protocol):
    """A letter without its Date."""

    def as_bytes(self) -> bytes:
        """The letter as a server receives it."""
        ...


class Mailer(Protocol):
    """Sends one letter to one recipient."""

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        """Send, and never raise for what a server or a network does."""
        ...


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mail server is and how to talk to it; `start_tls` None: encrypt if the server offers it.

    `ca`: the file of certificates that verify the server's own; empty: the system's.
    """

    host: str
    port: int
    use_tls: bool
    start_tls: bool | None
    username: str
    password: str
    ca: str = ""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail server would take from us; `letter_bytes_max` None: it names no limit."""

    is_encrypted: bool
    letter_bytes_max: int | None


_SCHEMES: Final[dict[str, tuple[int, bool, bool | None]]] = {
    "smtp": (25, False, None),
    "smtp+starttls": (587, False, True),
    "smtps": (465, True, False),
}


def server_at(url: str, *, ca: str = "", allowed_to: Iterable[str] = ()) -> Server:
    """`smtp://`, `smtp+starttls://` or `smtps://`, then `[user:password@]host[:port]`.

    `allowed_to` names the parts to which wires may stay unencrypted. Raises ValueError, PlaintextRefused too.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("RINGBACK_SMTP must be smtp://host:port, smtp+starttls:// or smtps://")
    if ca and not Path(ca).is_file():
        raise ValueError(f"RINGBACK_SMTP_CA names no file: {ca}")
    port, use_tls, start_tls = _SCHEMES[parts.scheme]
    if start_tls is None:
        plaintext.refuse(
            "smtp",
            [parts.hostname],
            allowed_to=frozenset(allowed_to),
            remedy="set RINGBACK_SMTP to smtp+starttls://… or smtps://…",
        )
    return Server(
        host=parts.hostname,
        port=parts.port or port,
        use_tls=use_tls,
        start_tls=start_tls,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        ca=ca,
    )


def server_of(settings: RuntimeSettings) -> Server:
    """The mail server of a process's settings. Raises ValueError, PlaintextRefused too."""
    allowed_to = plaintext.allowed(settings.allow_plaintext_to)
    return server_at(settings.smtp.get_secret_value(), ca=settings.smtp_ca, allowed_to=allowed_to)


class _SessionEnded(Exception):
    """The session can't go on; the result says why."""

    def __init__(self, result: SendResult) -> None:
        super().__init__(result.text)
        self.result = result


def _ours(text: str) -> SendResult:
    """The letter waits until an operator has mended our side, or the way to the server."""
    return SendResult(verdict=Verdict.DEFERRED, text=text, is_our_fault=True)


class SmtpMailer:
    """Sends by SMTP, one connection per letter. `now` is this machine's clock, for the Date."""

    def __init__(
        self,
        server: Server,
        *,
        timeout_s: float = ANSWER_S_MAX,
        end_timeout_s: float = END_S_MAX,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ValueError when the file of certificates can't be read."""
        self._server = server
        self._timeout_s = timeout_s
        self._end_timeout_s = end_timeout_s
        self._now = now
        _tls_context(server)  # A file that can't be read is told at start.

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        """Send one letter to one recipient."""
        try:
            from_, to = addresses.on_the_wire(sender), addresses.on_the_wire(recipient)
        except addresses.InvalidAddress as error:
            return SendResult(verdict=Verdict.REFUSED, text=str(error))
        content = f"Date: {format_datetime(self._now())}\r\n".encode() + letter.as_bytes()
        try:
            async with asyncio.timeout(SENDING_S_MAX):
                result = await self._send(content, from_, to)
        except TimeoutError:
            result = result_without_reply(Stage.END, f"not done within {SENDING_S_MAX:.0f} s")
        if result.is_our_fault:
            metrics.MAIL_FAULTS.inc()
            _log.error(
                "the mail server refuses us, and letters wait", host=self._server.host, answer=result.text
            )
        return result

    async def _send(self, content: bytes, sender: str, recipient: str) -> SendResult:
        try:
            session = await self._opened()
        except _SessionEnded as ended:
            return ended.result
        try:
            return await session.hand_over(content, sender, recipient)
        except _SessionEnded as ended:
            return ended.result
        finally:
            await session.leave()

    async def offer(self) -> Offer | SendResult:
        """Open a session and send nothing; what the server would take, or why there is no session."""
        try:
            session = await self._opened()
        except _SessionEnded as ended:
            return ended.result
        found = session.offer()
        await session.leave()
        return found

    async def _opened(self) -> "_Session":
        """A session that may be given a letter. Raises _SessionEnded."""
        may_encrypt = self._server.start_tls is not False
        try:
            # Of each letter: the file of certificates may be replaced while this process runs.
            tls = _tls_context(self._server)
        except ValueError as error:
            raise _SessionEnded(_ours(str(error))) from error
        session = _Session(self._server, tls, self._timeout_s, self._end_timeout_s)
        try:
            await session.open(may_encrypt=may_encrypt)
        except _TlsFailed:
            if self._server.start_tls or self._server.username:
                raise
            session = _Session(self._server, tls, self._timeout_s, self._end_timeout_s)
            await session.open(may_encrypt=False)
        return session


class _TlsFailed(_SessionEnded):
    """Encrypting failed; without it the server may still take letters."""


class _Session:
    """One SMTP session: open the connection, hand one letter over, leave."""

    def __init__(self, server: Server, tls: ssl.SSLContext, timeout_s: float, end_timeout_s: float) -> None:
        self._server = server
        self._tls = tls
        self._timeout_s = timeout_s
        self._end_timeout_s = end_timeout_s
        self._smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=timeout_s,
            use_tls=server.use_tls,
            start_tls=False,
            tls_context=tls,
            # Given, so that aiosmtplib asks no name server; EHLO uses `_own_name`.
            local_hostname="localhost",
        )

    async def open(self, *, may_encrypt: bool) -> None:
        """Connect, say EHLO, encrypt, log in. Raises _SessionEnded."""
        try:
            await self._reply(Stage.CONNECT, self._smtp.connect())
            await self._reply(Stage.EHLO, self._smtp.ehlo(hostname=self._own_name()))
            offers_tls = self._smtp.supports_extension("starttls")
            if self._server.start_tls and not offers_tls:
                raise _SessionEnded(_ours(_NO_TLS))
            if may_encrypt and offers_tls:
                await self._encrypt()
            if self._server.username:
                self._require_privacy()
                login = self._smtp.login(self._server.username, self._server.password)
                await self._reply(Stage.AUTH, login)
        except _SessionEnded:
            self._smtp.close()
            raise

    def _require_privacy(self) -> None:
        """Raises _SessionEnded where a password would leave this machine in the clear."""
        is_encrypted = self._smtp.get_transport_info("sslcontext") is not None
        if not is_encrypted and not is_loopback(self._server.host):
            raise _SessionEnded(_ours(_NO_LOGIN_IN_THE_CLEAR))

    async def _encrypt(self) -> None:
        try:
            await self._reply(Stage.STARTTLS, self._smtp.starttls(tls_context=self._tls))
        except _SessionEnded as ended:
            raise _TlsFailed(ended.result) from ended
        await self._reply(Stage.EHLO, self._smtp.ehlo(hostname=self._own_name()))

    def _own_name(self) -> str:
        """Our host name if it is fully qualified, else our address (RFC 5321, 4.1.3)."""
        name = socket.gethostname()
        if "." in name:
            return name
        host = str(self._smtp.get_transport_info("sockname")[0])
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

    def offer(self) -> Offer:
        """What the server would take, now that it knows us."""
        told = self._smtp.esmtp_extensions.get("size", "")
        return Offer(
            is_encrypted=self._smtp.get_transport_info("sslcontext") is not None,
            # 0 says that there is no limit (RFC 1870).
            letter_bytes_max=(int(told) or None) if told.isdecimal() else None,
        )

    async def hand_over(self, content: bytes, sender: str, recipient: str) -> SendResult:
        """Say MAIL, RCPT, DATA and the letter. Raises _SessionEnded when it ends before the letter."""
        options = []
        if not f"{sender}{recipient}".isascii():
            if not self._smtp.supports_extension("smtputf8"):
                raise _SessionEnded(SendResult(verdict=Verdict.REFUSED, text=_LATIN_ONLY))
            options.append("SMTPUTF8")
        if self._smtp.supports_extension("8bitmime") and not content.isascii():
            options.append("BODY=8BITMIME")
        if self._smtp.supports_extension("size"):
            options.append(f"SIZE={len(content)}")
        await self._command(Stage.MAIL, f"MAIL FROM:<{sender}>", *options)
        await self._command(Stage.RCPT, f"RCPT TO:<{recipient}>")
        await self._command(Stage.DATA, "DATA")
        return await self._content(content)

    async def _command(self, stage: Stage, *words: str) -> None:
        """Send a command. Raises _SessionEnded unless the server accepts it."""
        command = " ".join(words).encode()
        response = await self._reply(stage, self._smtp.execute_command(command))
        if not (200 <= response.code < 300 or (stage is Stage.DATA and response.code == 354)):
            raise _SessionEnded(result_of_reply(stage, response.code, response.message))

    async def _content(self, content: bytes) -> SendResult:
        """Send the letter and the dot, and read the reply, which may come before all of it is sent."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise _SessionEnded(result_without_reply(Stage.DATA, "the line was cut"))
        reading = asyncio.ensure_future(protocol.read_response())
        await asyncio.sleep(0)  # Lets the reader of replies start.
        response = await self._reply(Stage.END, self._sent(content, protocol, reading))
        return result_of_reply(Stage.END, response.code, response.message)

    async def _sent(
        self, content: bytes, protocol: SMTPProtocol, reading: "asyncio.Future[SMTPResponse]"
    ) -> SMTPResponse:
        try:
            protocol.write(_dot_stuffed(content))
            await self._drain(reading)
            return await asyncio.wait_for(reading, self._end_timeout_s)
        finally:
            reading.cancel()

    async def _drain(self, reading: "asyncio.Future[SMTPResponse]") -> None:
        """Wait until the letter is sent: a slow line does not count as the server's time to reply."""
        left, still_s = None, 0.0
        while not reading.done() and still_s < self._timeout_s:
            transport: Any = self._smtp.transport
            before, left = left, 0 if transport is None else transport.get_write_buffer_size()
            if not left:
                return
            still_s = still_s + _POLLED_S if left == before else 0.0
            await asyncio.sleep(_POLLED_S)

    async def _reply(self, stage: Stage, said: Coroutine[Any, Any, Any]) -> Any:
        """Read the server's reply. Raises _SessionEnded for a refusal, and when no reply comes."""
        try:
            return await said
        except SMTPResponseException as error:
            raise _SessionEnded(result_of_reply(stage, error.code, error.message)) from error
        except TimeoutError as error:
            waited_s = self._end_timeout_s if stage is Stage.END else self._timeout_s
            raise _SessionEnded(
                result_without_reply(stage, f"the mail server gave no answer within {waited_s:g} s")
            ) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _SessionEnded(result_without_reply(stage, str(error) or repr(error))) from error

    async def leave(self) -> None:
        """Say QUIT; the result no longer depends on the reply."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            if self._smtp.is_connected:
                await self._smtp.quit(timeout=LEAVING_S_MAX)
        self._smtp.close()


def _dot_stuffed(content: bytes) -> bytes:
    """Lines end in CR LF, leading dots are doubled, and a dot ends the letter (RFC 5321, 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in lines) + b".\r\n"


def _tls_context(server: Server) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=server.ca or None)
    except OSError as error:
        raise ValueError(f"RINGBACK_SMTP_CA has no certificates: {server.ca}: {error}") from error
    if server.start_tls is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
