"""A company: the service in this process, its own database, and what it sent to the log."""

import asyncio
import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self, cast

import httpx
from argon2 import PasswordHasher
from pydantic import SecretStr

from contracts import codec
from contracts.codec import Envelope
from contracts.directory import Language
from contracts.gateway import ExtensionChecked
from contracts.ids import Instant
from contracts.message import Fact, Message
from contracts.telephony import CheckExtension
from runtime.edge import EdgePorts, Heard, NotSaid, Say
from runtime.mail.mailer import Sendable
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.memory import MemoryBlobs, MemoryClock
from runtime.ports import Outgoing
from runtime.quotas import Quotas
from runtime.token_keys import SigningKeys
from services.directory.activities import bootstrap, ownership
from services.directory.activities.employees import Employees
from services.directory.activities.passwords import Passwords
from services.directory.activities.sealed_secrets import SecretBox
from services.directory.activities.text_messages import NotSent
from services.directory.service import Directory
from services.directory.settings import Settings

KEY = "k" * 32
DIRECTORY = "https://book.vostok.example"
TOKEN_KEYS = SigningKeys.generate()
CONSOLE_KEY = "c" * 32
ORGANIZATION = "vostok"
PASSWORD = "correct horse battery"
PBXS = ("moskva", "volga", "sklad")
NUMBERS = {
    ORGANIZATION: ("+74950001000", "+78310002000", "+78120003000"),
    "zapad": ("+74950009000", "+78310009000", "+78120009000"),
}
"""What the operator assigns to each organization; the first number is the first PBX's."""
# 2026-11-23 09:00 in Moscow, a Monday.
NOW = Instant(1_795_413_600_000)


class Log:
    """Records what was sent, in order; it can be away, and a PBX can answer."""

    def __init__(self) -> None:
        self.sent: list[tuple[Envelope, Message]] = []
        self.is_away = False
        self.is_mute = False
        """It accepts messages, but its acknowledgement is lost."""
        self.extensions: set[str] | None = None
        """The extensions that office PBXs have; None: no PBX answers."""
        self.directory: Directory | None = None

    async def send(self, records: Sequence[Outgoing]) -> None:
        if self.is_away:
            raise NotSaid("the broker is away")
        for record in records:
            envelope = codec.envelope(record.headers)
            message = codec.decode(envelope.type, record.value)
            self.sent.append((envelope, message))
            if isinstance(message, CheckExtension) and self.extensions is not None:
                await self._answer(envelope, message)
        if self.is_mute:
            raise NotSaid("no acknowledgement came")

    async def _answer(self, envelope: Envelope, asked: CheckExtension) -> None:
        assert self.directory is not None
        assert self.extensions is not None
        fact = ExtensionChecked(
            pbx_id=asked.pbx_id,
            source=envelope.source,
            seq=envelope.seq,
            extension=asked.extension,
            exists=asked.extension in self.extensions,
        )
        await self.directory.fact_handler.hear(heard(fact))

    def facts(self, *types: type[Fact]) -> list[Any]:
        """Facts of these types, in order."""
        return [message for _, message in self.sent if isinstance(message, types)]


def heard(message: Message, organization: str = ORGANIZATION, *, id_: str = "x") -> Heard:
    """A message as the log gives it."""
    envelope = Envelope(id=id_, type="x", source="x", organization_id=organization)  # type: ignore[arg-type]
    return Heard(message=message, envelope=envelope, partition=0, offset=0, at=NOW)


class Mail:
    """The mail server: its letters, and its answer."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.answer = SendResult(verdict=Verdict.ACCEPTED, text="250 queued")

    async def send(self, letter: Sendable, *, sender: str, recipient: str) -> SendResult:
        if self.answer.verdict is Verdict.ACCEPTED:
            found = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
            assert isinstance(found, EmailMessage)
            self.letters.append(found)
        return self.answer


class Texts:
    """The provider of texts: what it accepted, and whether it is away."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.is_away = False

    async def send(self, number: str, text: str) -> None:
        if self.is_away:
            raise NotSent("away")
        self.sent.append((number, text))


class Clock(MemoryClock):
    """Sending the outbox is part of sleeping, as the running service would do meanwhile."""

    def __init__(self, company: "Company") -> None:
        super().__init__(NOW)
        self._company = company

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await self._company.sent()


class _Silent:
    """Refuses facts that bypass the outbox."""

    async def __call__(self, *_args: object, **_options: object) -> Any:
        raise AssertionError("facts go through the outbox")


class Company:
    """One directory with an organization and its administrator, and an HTTP client."""

    def __init__(self, database: str, quota_factor: float = 1.0) -> None:
        """`quota_factor` widens the quotas, for tests that ask more than any company does."""
        self.clock = Clock(self)
        self.log = Log()
        self.mail = Mail()
        self.texts = Texts()
        self.blobs = MemoryBlobs()
        settings = Settings(
            directory_database=SecretStr(database),
            directory_key=SecretStr(KEY),
            token_keys=SecretStr(TOKEN_KEYS.as_private_json()),
            console_key=SecretStr(CONSOLE_KEY),
            mail_from="ringback@vostok.example",
            directory_url=DIRECTORY,
        )
        say: Say = _Silent()
        ports = EdgePorts(
            say=say, blobs=self.blobs, clock=self.clock, log_time=self.clock.now, send=self.log.send
        )
        # The cheapest argon2: these tests are not about its cost.
        quick = Passwords(SecretBox(KEY), 2, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        quotas = Quotas(quota_factor, lambda: self.clock.now() / 1_000)
        self.directory = Directory(ports, settings, self.mail, quick, self.texts.send, quotas)
        self.log.directory = self.directory
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=cast("Any", self.directory.api)), base_url="http://book"
        )
        self.headers: dict[str, str] = {}
        self.logins: dict[str, dict[str, str]] = {}
        self.callbacks: dict[str, str] = {}

    async def open(self) -> Self:
        """Tables, the organization, and a login of its administrator."""
        await self.directory.database.upgrade()
        self.directory.background.is_up = True
        await self.found(ORGANIZATION)
        self.headers = await self.login("gusev.r", ORGANIZATION)
        return self

    async def found(self, organization: str) -> None:
        """Another organization, with its administrator Гусев Родион."""
        said = bootstrap.NewOrganization(
            organization_id=organization,
            name="Восток",
            language=Language.RUSSIAN,
            timezone="Europe/Moscow",
            region="RU",
            pbx_name="Москва",
            number=NUMBERS[organization][0],
            administrator="Гусев Родион",
            email="gusev@vostok.example",
        )
        # As from the command line: no letter goes out.
        employees = Employees(self.directory.repository, self.directory.passwords, None)
        begun = await bootstrap.create(self.directory.repository, employees, self.directory.passwords, said)
        await self.assign(organization)
        await self.choose_password(begun.login, begun.password, organization)

    async def assign(self, organization: str) -> None:
        """What `ringback operator assign` does."""
        await ownership.assign(
            self.directory.repository, organization, pbxs=PBXS, numbers=NUMBERS[organization]
        )

    async def choose_password(self, login: str, one_time: str, organization: str = ORGANIZATION) -> None:
        """The first login, at which the employee chooses a password."""
        opened = await self.http.post(
            "/sessions", json={"organization": organization, "login": login, "password": one_time}
        )
        headers = {"Authorization": f"Bearer {opened.json()['password']}"}
        body = {"old": one_time, "new": PASSWORD}
        answer = await self.http.put("/me/password", json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    async def login(self, login: str, organization: str = ORGANIZATION) -> dict[str, str]:
        """The headers of a login."""
        body = {"organization": organization, "login": login, "password": PASSWORD}
        answer = await self.http.post("/sessions", json=body)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['access']}"}

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **more: str
    ) -> httpx.Response:
        """A request by the administrator, or with other headers; `if_match` is If-Match."""
        sent = {**(self.headers if headers is None else headers)}
        sent |= {name.replace("_", "-"): value for name, value in more.items()}
        return await self.http.request(method, path, json=body, headers=sent)

    async def made(self, path: str, body: Any, **more: str) -> dict[str, Any]:
        """Create something that must succeed; its answer."""
        answer = await self.call("POST", path, body, headers=None, **more)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def changed(self, path: str, **fields: Any) -> httpx.Response:
        """Read a card, change fields of it, and save it at the version that was read."""
        read = await self.call("GET", path)
        assert read.status_code == 200, read.text
        card = {**read.json()["card"], **fields}
        return await self.call("PUT", path, card, if_match=read.headers["etag"])

    async def employee(self, name: str, **fields: Any) -> dict[str, Any]:
        """A new employee of the PBX in Moscow, who has chosen a password."""
        made = await self.made("/employees", {"name": name, "pbx_id": "moskva", **fields})
        if made["one_time_password"] is not None:
            await self.choose_password(made["card"]["login"], made["one_time_password"])
        return made

    async def sent(self) -> Log:
        """The log once the outbox is empty."""
        while await self.directory.sender.round():
            await asyncio.sleep(0)
        return self.log

    async def close(self) -> None:
        """Close the database."""
        await self.http.aclose()
        await self.directory.database.close()


def sqlite(folder: Path) -> str:
    """A database in a file of its own."""
    return f"sqlite:///{folder / 'book.db'}"
