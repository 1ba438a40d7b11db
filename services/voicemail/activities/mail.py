"""Handing a letter to the mail server, and saying exactly what it answered (V4).

4xx, and a server that is away or does not let us in, is *deferred*: time may help. 5xx about the sender,
the recipient or the letter is *refused*: time will not. When the line is cut after the letter was sent and
before the answer came, nobody knows: deferred, with `is_answer_lost`.
"""

import asyncio
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

TIMEOUT_S: Final = 20.0
"""For one answer of the server."""
SENDING_S_MAX: Final = 50.0
"""For a letter as a whole: 10 MB at 2 Mbit/s take 40 s."""
ANSWER_LENGTH_MAX: Final = 500


class Verdict(StrEnum):
    """What became of a letter."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict with the server's own words; `is_too_large`: a smaller letter may be accepted."""

    verdict: Verdict
    text: str
    is_answer_lost: bool = False
    is_too_large: bool = False


class Mailer(Protocol):
    """Sends one letter to one recipient."""

    async def send(self, letter: EmailMessage, *, sender: str, recipient: str) -> Answer:
        """Send, and never raise for what a server or a network does."""
        ...


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where the mail server is and how to talk to it; `start_tls` None: encrypted if it offers to."""

    host: str
    port: int
    use_tls: bool
    start_tls: bool | None
    username: str
    password: str


_SCHEMES: Final[dict[str, tuple[int, bool, bool | None]]] = {
    "smtp": (25, False, None),
    "smtp+starttls": (587, False, True),
    "smtps": (465, True, False),
}


def server_at(url: str) -> Server:
    """`smtp://`, `smtp+starttls://` or `smtps://`, then `[user:password@]host[:port]`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("RINGBACK_SMTP must be smtp://host:port, smtp+starttls:// or smtps://")
    port, use_tls, start_tls = _SCHEMES[parts.scheme]
    return Server(
        host=parts.hostname,
        port=parts.port or port,
        use_tls=use_tls,
        start_tls=start_tls,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class SmtpMailer:
    """Sends by SMTP, a connection per letter."""

    def __init__(self, server: Server, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout_s = timeout_s

    async def send(self, letter: EmailMessage, *, sender: str, recipient: str) -> Answer:
        """Send one letter to one recipient."""
        try:
            async with asyncio.timeout(SENDING_S_MAX):
                return await self._send(letter, sender=sender, recipient=recipient)
        except TimeoutError:
            text = f"not done within {SENDING_S_MAX:.0f} s"
            return Answer(verdict=Verdict.DEFERRED, text=text, is_answer_lost=True)

    async def _send(self, letter: EmailMessage, *, sender: str, recipient: str) -> Answer:
        address = _ascii_domain(recipient)
        needs_utf8 = not address.isascii()
        smtp = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            timeout=self._timeout_s,
            use_tls=self._server.use_tls,
            start_tls=self._server.start_tls,
        )
        try:
            await self._connect(smtp)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            # Whatever it says here is about us and not about the letter: a wrong password or a refused
            # address of ours must not cost the letters that come meanwhile.
            smtp.close()
            return Answer(verdict=Verdict.DEFERRED, text=_words(error))
        try:
            if needs_utf8 and not smtp.supports_extension("smtputf8"):
                return Answer(
                    verdict=Verdict.REFUSED, text="the mail server knows only addresses in Latin letters"
                )
            return await _transact(smtp, letter, sender=sender, address=address)
        finally:
            await _leave(smtp)

    async def _connect(self, smtp: aiosmtplib.SMTP) -> None:
        await smtp.connect()
        if self._server.username:
            await smtp.login(self._server.username, self._server.password)
        else:
            await smtp.ehlo()


async def _transact(smtp: aiosmtplib.SMTP, letter: EmailMessage, *, sender: str, address: str) -> Answer:
    needs_utf8 = not address.isascii()
    options = ["SMTPUTF8"] if needs_utf8 else []
    content = letter.as_bytes(policy=SMTPUTF8 if needs_utf8 else SMTP)
    encoding = "utf-8" if needs_utf8 else "ascii"
    try:
        if smtp.supports_extension("size"):
            options.append(f"SIZE={len(content)}")
        await smtp.mail(sender, options=options, encoding=encoding)
        await smtp.rcpt(address, encoding=encoding)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return _judged(error)
    try:
        accepted = await smtp.data(content)
    except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPResponseException) as error:
        return _judged(error)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        return Answer(verdict=Verdict.DEFERRED, text=_words(error), is_answer_lost=True)
    return Answer(verdict=Verdict.ACCEPTED, text=f"{accepted.code} {accepted.message}"[:ANSWER_LENGTH_MAX])


def _judged(error: Exception) -> Answer:
    code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0
    is_final = 500 <= code < 600
    return Answer(
        verdict=Verdict.REFUSED if is_final else Verdict.DEFERRED,
        text=_words(error),
        # RFC 5321 gives 552 for a letter beyond the server's size, RFC 3463 the detail x.3.4.
        is_too_large=is_final and (code == 552 or "5.3.4" in str(error)),
    )


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"[:ANSWER_LENGTH_MAX]
    return (str(error) or repr(error))[:ANSWER_LENGTH_MAX]


async def _leave(smtp: aiosmtplib.SMTP) -> None:
    """Good-bye is a courtesy: the verdict stands whatever happens to it."""
    try:
        if smtp.is_connected:
            await smtp.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        pass
    finally:
        smtp.close()


def _ascii_domain(address: str) -> str:
    """An internationalized domain in its ASCII form, which every server knows."""
    name, _, domain = address.rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address
