"""A mail server that answers some commands in its own way, and remembers what it was told."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Self

from runtime.mail.mailer import Server, SmtpMailer, server_at

HELLO = b"250-here\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n"
HELLO_TLS = b"250-here\r\n250 STARTTLS\r\n"


class ScriptedServer:
    """Answers by verb (`END` is the dot's, `CONNECT` the greeting); `delays` are seconds before an answer."""

    def __init__(
        self,
        answers: Mapping[str, bytes] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        delays: Mapping[str, float] | None = None,
        small_bytes_max: int = 0,
    ) -> None:
        self._answers = answers or {}
        self._delays = delays or {}
        self._tls = tls
        self._small_bytes_max = small_bytes_max
        self.commands: list[str] = []
        self.letters: list[bytes] = []
        self.is_encrypted = False
        self.port = 0

    @property
    def verbs(self) -> list[str]:
        """The commands by their first words."""
        return [command.split(" ")[0].split(":")[0].upper() for command in self.commands]

    def mailer(self, url: str = "smtp", *, timeout_s: float = 5, end_timeout_s: float = 5) -> SmtpMailer:
        """A mailer for this server."""
        return SmtpMailer(self.server(url), timeout_s=timeout_s, end_timeout_s=end_timeout_s)

    def server(self, url: str = "smtp", *, user: str = "", ca: str = "") -> Server:
        """Its address; by name, since certificates have names."""
        return server_at(f"{url}://{user}localhost:{self.port}", ca=ca)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=2**24)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(writer, "CONNECT", b"220 here\r\n")
            while line := await reader.readline():
                self.commands.append(line.decode().strip())
                if not await self._obey(self.verbs[-1], reader, writer):
                    break
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _obey(self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry a command out; whether the conversation goes on."""
        if verb == "EHLO":
            await self._answer(writer, "EHLO", HELLO if self._tls is None or self.is_encrypted else HELLO_TLS)
        elif verb == "STARTTLS":
            await self._answer(writer, "STARTTLS", b"220 go on\r\n")
            if self._tls is not None:
                await writer.start_tls(self._tls)
                self.is_encrypted = True
        elif verb == "DATA":
            await self._answer(writer, "DATA", b"354 go on\r\n")
            if self._answers.get("DATA", b"3").startswith(b"3"):
                await self._take(reader, writer)
        else:
            await self._answer(writer, verb, b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
        return verb != "QUIT"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rows = []
        while (row := await reader.readline()) not in (b".\r\n", b""):
            rows.append(row)
        letter = b"".join(rows)
        answer = self._answers.get("END", b"250 queued\r\n")
        if len(letter) < self._small_bytes_max:
            answer = b"250 queued\r\n"
        if answer.startswith(b"250"):
            self.letters.append(letter)
        await self._say(writer, "END", answer)

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, usual: bytes) -> None:
        await self._say(writer, verb, self._answers.get(verb, usual))

    async def _say(self, writer: asyncio.StreamWriter, verb: str, answer: bytes) -> None:
        await asyncio.sleep(self._delays.get(verb, 0))
        if not answer:
            writer.close()
            return
        writer.write(answer)
        await writer.drain()


class StrippingProxy:
    """Somebody between: hides the offer of encryption, or says something of its own before TLS begins."""

    def __init__(self, port: int, *, instead: bytes = b"250-XSTRIPPD", injected: bytes = b"") -> None:
        """`instead` stands where `STARTTLS` was offered; `injected` follows the answer to STARTTLS."""
        self._to = port
        self._instead = instead
        self._injected = injected
        self.heard = b""
        """All that came from the client."""
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._between, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)

        async def forth() -> None:
            while heard := await reader.read(65_536):
                self.heard += heard
                back.write(heard)
            back.close()

        async def home() -> None:
            while said := await there.read(65_536):
                if self._injected and self.heard.endswith(b"STARTTLS\r\n"):
                    said += self._injected
                    self._injected = b""
                elif self._instead:
                    said = said.replace(b"250-STARTTLS", self._instead)
                    said = said.replace(b"250 STARTTLS", self._instead.replace(b"-", b" ", 1))
                writer.write(said)
            writer.close()

        await asyncio.gather(forth(), home(), return_exceptions=True)
