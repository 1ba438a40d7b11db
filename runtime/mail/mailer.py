"""Handing a letter to the mail server by SMTP, and saying exactly what it answered (V4, E3).

One connection per letter, and one EHLO per connection and after STARTTLS: OpenSMTPD answers a second one
with 503. Every wait is as long as RFC 5321 (4.5.3.2) asks for, so that a server that is slow is not taken
for one that is away, and a letter that it takes in the end is not sent again. When no answer comes after
the dot, nobody knows whether the letter arrived: deferred, with `is_answer_lost`.

Encryption: `smtp://` encrypts where the server offers to, and believes any certificate, since the alternative
is none; where it fails, the letter goes without, unless a password would. The two others verify.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
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

from runtime import metrics
from runtime.mail import addresses
from runtime.mail.answers import Answer, Stage, Verdict, judged, unanswered

ANSWER_S_MAX: Final = 300.0
"""RFC 5321, 4.5.3.2: five minutes for the greeting and for each command."""
END_S_MAX: Final = 600.0
"""Ten for the dot, behind which a server may scan, or ask its own."""
SENDING_S_MAX: Final = 2_700.0
"""For a letter as a whole, whatever a server does: less than the hour after which it is asked for again."""
LEAVING_S_MAX: Final = 5.0
_POLLED_S: Final = 0.02
_LATIN_ONLY: Final = "the mail server takes only addresses in Latin letters"

_log = structlog.get_logger()


class Sendable(Protocol):
    """A letter without its Date."""

    def as_bytes(self) -> bytes:
        """The letter as it goes to a server."""
        ...


class Mailer(Protocol):
    """Sends one letter to one recipient."""

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> Answer:
        """Send, and never raise for what a server or a network does."""
        ...


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mail server is and how to talk to it; `start_tls` None: encrypted if it offers to.

    `ca`: the file with the certificates that its own is verified by; empty: the system's.
    """

    host: str
    port: int
    use_tls: bool
    start_tls: bool | None
    username: str
    password: str
    ca: str = ""


_SCHEMES: Final[dict[str, tuple[int, bool, bool | None]]] = {
    "smtp": (25, False, None),
    "smtp+starttls": (587, False, True),
    "smtps": (465, True, False),
}


def server_at(url: str, *, ca: str = "") -> Server:
    """`smtp://`, `smtp+starttls://` or `smtps://`, then `[user:password@]host[:port]`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("RINGBACK_SMTP must be smtp://host:port, smtp+starttls:// or smtps://")
    if ca and not Path(ca).is_file():
        raise ValueError(f"RINGBACK_SMTP_CA names no file: {ca}")
    port, use_tls, start_tls = _SCHEMES[parts.scheme]
    return Server(
        host=parts.hostname,
        port=parts.port or port,
        use_tls=use_tls,
        start_tls=start_tls,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        ca=ca,
    )


class _Ended(Exception):
    """The conversation is over; the answer says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


class SmtpMailer:
    """Sends by SMTP, a connection per letter. `now` is this machine's clock, for the Date."""

    def __init__(
        self,
        server: Server,
        *,
        timeout_s: float = ANSWER_S_MAX,
        end_timeout_s: float = END_S_MAX,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ValueError when the certificates to verify by can't be read."""
        self._server = server
        self._timeout_s = timeout_s
        self._end_timeout_s = end_timeout_s
        self._now = now
        self._tls = _tls_context(server)

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> Answer:
        """Send one letter to one recipient."""
        try:
            from_, to = addresses.on_the_wire(sender), addresses.on_the_wire(recipient)
        except addresses.NoAddress as error:
            return Answer(verdict=Verdict.REFUSED, text=str(error))
        content = f"Date: {format_datetime(self._now())}\r\n".encode() + letter.as_bytes()
        try:
            async with asyncio.timeout(SENDING_S_MAX):
                answer = await self._send(content, from_, to)
        except TimeoutError:
            answer = unanswered(Stage.END, f"not done within {SENDING_S_MAX:.0f} s")
        if answer.is_our_fault:
            metrics.MAIL_FAULTS.inc()
            _log.error(
                "the mail server refuses us, and letters wait", host=self._server.host, answer=answer.text
            )
        return answer

    async def _send(self, content: bytes, sender: str, recipient: str) -> Answer:
        may_encrypt = self._server.start_tls is not False
        conversation = _Conversation(self._server, self._tls, self._timeout_s, self._end_timeout_s)
        try:
            await conversation.open(may_encrypt=may_encrypt)
        except _TlsFailed as failed:
            if self._server.start_tls or self._server.username:
                return failed.answer
            conversation = _Conversation(self._server, self._tls, self._timeout_s, self._end_timeout_s)
            try:
                await conversation.open(may_encrypt=False)
            except _Ended as ended:
                return ended.answer
        except _Ended as ended:
            return ended.answer
        try:
            return await conversation.hand_over(content, sender, recipient)
        except _Ended as ended:
            return ended.answer
        finally:
            await conversation.leave()


class _TlsFailed(_Ended):
    """Encrypting did not come about; without it the server may still take letters."""


class _Conversation:
    """One connection: opened, one letter, left."""

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
            # Never asked of a name server, which may take its time: what we are called is said below.
            local_hostname="localhost",
        )

    async def open(self, *, may_encrypt: bool) -> None:
        """Connect, say hello, encrypt, log in. Raises _Ended."""
        try:
            await self._answered(Stage.CONNECT, self._smtp.connect())
            await self._answered(Stage.EHLO, self._smtp.ehlo(hostname=self._own_name()))
            if may_encrypt and (self._server.start_tls or self._smtp.supports_extension("starttls")):
                await self._encrypt()
            if self._server.username:
                login = self._smtp.login(self._server.username, self._server.password)
                await self._answered(Stage.AUTH, login)
        except _Ended:
            self._smtp.close()
            raise

    async def _encrypt(self) -> None:
        try:
            await self._answered(Stage.STARTTLS, self._smtp.starttls(tls_context=self._tls))
        except _Ended as ended:
            raise _TlsFailed(ended.answer) from ended
        await self._answered(Stage.EHLO, self._smtp.ehlo(hostname=self._own_name()))

    def _own_name(self) -> str:
        """What we are called, if that is a whole name; else our address (RFC 5321, 4.1.3)."""
        name = socket.gethostname()
        if "." in name:
            return name
        host = str(self._smtp.get_transport_info("sockname")[0])
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

    async def hand_over(self, content: bytes, sender: str, recipient: str) -> Answer:
        """MAIL, RCPT, DATA and the letter. Raises _Ended with a verdict before the dot."""
        options = []
        if not f"{sender}{recipient}".isascii():
            if not self._smtp.supports_extension("smtputf8"):
                raise _Ended(Answer(verdict=Verdict.REFUSED, text=_LATIN_ONLY))
            options.append("SMTPUTF8")
        if self._smtp.supports_extension("8bitmime") and not content.isascii():
            options.append("BODY=8BITMIME")
        if self._smtp.supports_extension("size"):
            options.append(f"SIZE={len(content)}")
        await self._told(Stage.MAIL, f"MAIL FROM:<{sender}>", *options)
        await self._told(Stage.RCPT, f"RCPT TO:<{recipient}>")
        await self._told(Stage.DATA, "DATA")
        return await self._content(content)

    async def _told(self, stage: Stage, *words: str) -> None:
        """Say a command that must be taken."""
        command = " ".join(words).encode()
        response = await self._answered(stage, self._smtp.execute_command(command))
        if not (200 <= response.code < 300 or (stage is Stage.DATA and response.code == 354)):
            raise _Ended(judged(stage, response.code, response.message))

    async def _content(self, content: bytes) -> Answer:
        """The letter and the dot. An answer may come before all of it is through, and is heard."""
        protocol = self._smtp.protocol
        if protocol is None:
            raise _Ended(unanswered(Stage.DATA, "the line was cut"))
        reading = asyncio.ensure_future(protocol.read_response())
        await asyncio.sleep(0)  # It listens from now on.
        response = await self._answered(Stage.END, self._sent(content, protocol, reading))
        return judged(Stage.END, response.code, response.message)

    async def _sent(
        self, content: bytes, protocol: SMTPProtocol, reading: "asyncio.Future[SMTPResponse]"
    ) -> SMTPResponse:
        try:
            protocol.write(_dotted(content))
            await self._through(reading)
            return await asyncio.wait_for(reading, self._end_timeout_s)
        finally:
            reading.cancel()

    async def _through(self, reading: "asyncio.Future[SMTPResponse]") -> None:
        """Wait for the letter to have left: what a slow line takes is not the server's time to answer in."""
        left, still_s = None, 0.0
        while not reading.done() and still_s < self._timeout_s:
            transport: Any = self._smtp.transport
            before, left = left, 0 if transport is None else transport.get_write_buffer_size()
            if not left:
                return
            still_s = still_s + _POLLED_S if left == before else 0.0
            await asyncio.sleep(_POLLED_S)

    async def _answered(self, stage: Stage, said: Coroutine[Any, Any, Any]) -> Any:
        """The server's answer. Raises _Ended for one that refuses, and for none."""
        try:
            return await said
        except SMTPResponseException as error:
            raise _Ended(judged(stage, error.code, error.message)) from error
        except TimeoutError as error:
            waited_s = self._end_timeout_s if stage is Stage.END else self._timeout_s
            raise _Ended(
                unanswered(stage, f"the mail server gave no answer within {waited_s:g} s")
            ) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _Ended(unanswered(stage, str(error) or repr(error))) from error

    async def leave(self) -> None:
        """Good-bye is a courtesy: the verdict stands whatever happens to it."""
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            if self._smtp.is_connected:
                await self._smtp.quit(timeout=LEAVING_S_MAX)
        self._smtp.close()


def _dotted(content: bytes) -> bytes:
    """As it goes over the line: every line with CR LF, dots doubled, and the last one (RFC 5321, 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join(b"." * line.startswith(b".") + line + b"\r\n" for line in lines) + b".\r\n"


def _tls_context(server: Server) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=server.ca or None)
    except ssl.SSLError as error:
        raise ValueError(f"RINGBACK_SMTP_CA has no certificates: {server.ca}: {error}") from error
    if server.start_tls is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
