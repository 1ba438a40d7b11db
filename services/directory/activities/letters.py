"""Welcome letters (E3): login, one-time password, phone password. Kept until the mail server has answered.

A letter is a row with a state: a process that dies leaves it due, and whoever has the lease sends it then,
with the same Message-ID. Its secrets lie sealed, and are gone once the letter has ended.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
import structlog
from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Language
from contracts.ids import Instant
from runtime.ports import Clock
from services.directory.activities import outbox
from services.directory.activities.database import Database
from services.directory.activities.page import Page
from services.directory.activities.tables import LETTERS
from services.directory.activities.vault import Vault, token
from services.directory.state.cards import EmployeeCard
from services.directory.state.office import Office
from services.directory.state.shown import LetterShown

PAUSE_S: Final = 1.0
PAUSE_MS_FIRST: Final = 60_000
PAUSE_MS_MAX: Final = 3_600_000
TRIES_MAX: Final = 30
"""With pauses that grow to an hour: about a day."""
AT_ONCE_MAX: Final = 10
ANSWER_LENGTH_MAX: Final = 300
SENDING_S_MAX: Final = 10.0

_ENDED: Final = {"due_at": None, "sealed": ""}
_log = structlog.get_logger()


class LetterState(StrEnum):
    """What became of a letter; the card shows it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    FAILED = "failed"


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter tells, and nobody else."""

    password: str
    phone_password: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the mail server said: accepted, or not, and whether a later try can help."""

    is_accepted: bool
    is_final: bool
    answer: str


Send = Callable[[EmailMessage], Awaitable[Verdict]]


class Letters:
    """Orders letters and sends what is due."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        vault: Vault,
        send: Send,
        *,
        sender: Address,
        softphone_url: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._send = send
        self._sender = sender
        self._softphone_url = softphone_url
        self._holder = token()

    async def order(self, page: Page, agent_id: str, password: str, phone_password: str) -> None:
        """A letter to a new employee, within the transaction that makes one."""
        secrets = Secrets(password=password, phone_password=phone_password)
        values = {"organization_id": page.organization_id, "agent_id": agent_id, "tries": 0, "answer": ""}
        values |= {"state": LetterState.PENDING.value, "due_at": page.now_at}
        values["message_id"] = f"<welcome.{token()}@{self._sender.domain}>"
        values["sealed"] = self._vault.seal(msgspec.json.encode(secrets).decode())
        await page.connection.execute(insert(LETTERS).values(**values))

    async def run(self) -> None:
        """Send what is due, for as long as the process lives."""
        while True:
            try:
                await self.round()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("welcome letters wait for the database", error=str(error))
            await asyncio.sleep(PAUSE_S)

    async def round(self) -> int:
        """Send the letters that are due; how many that were."""
        now_at = self._clock.now()
        async with self._database.begin() as connection:
            if not await outbox.lease(connection, "letters", self._holder, now_at):
                return 0
            query = select(LETTERS).where(LETTERS.c.due_at <= now_at).order_by(LETTERS.c.due_at)
            rows = (await connection.execute(query.limit(AT_ONCE_MAX))).all()
        for row in rows:
            await self._deliver(row)
        return len(rows)

    async def _deliver(self, row: SqlRow[tuple[object, ...]]) -> None:
        async with self._database.begin() as connection:
            page = Page(connection, row.organization_id, self._clock.now())
            await page.load()
        card = page.office.employees.get(row.agent_id)
        if card is None or card.email is None:
            verdict = Verdict(is_accepted=False, is_final=True, answer="the card has no e-mail address")
        else:
            secrets = msgspec.json.decode(self._vault.open(row.sealed), type=Secrets)
            verdict = await self._send(self._letter(page.office, card, secrets, row.message_id))
        async with self._database.begin() as connection:
            where = (LETTERS.c.organization_id == row.organization_id) & (LETTERS.c.agent_id == row.agent_id)
            changed = _after(verdict, row.tries + 1, self._clock.now())
            await connection.execute(update(LETTERS).where(where).values(**changed))

    def _letter(self, office: Office, card: EmployeeCard, secrets: Secrets, message_id: str) -> EmailMessage:
        language = card.language or office.organization.language
        words = {
            "name": card.name,
            "company": office.organization.name,
            "organization": office.organization_id,
            "login": card.login,
            "password": secrets.password,
            "phone_password": secrets.phone_password,
            "extension": card.extension,
            "console": office.organization.console_url or "—",
            "softphone": self._softphone_url or "—",
        }
        letter = EmailMessage(policy=SMTP)
        letter["From"] = self._sender
        assert card.email is not None
        letter["To"] = Address(display_name=card.name, addr_spec=card.email)
        letter["Subject"] = _SUBJECTS[language].format(**words)
        letter["Message-ID"] = message_id
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(_BODIES[language].format(**words))
        return letter


def _after(verdict: Verdict, tries: int, now_at: Instant) -> dict[str, object]:
    """What a letter's row becomes after a try."""
    answer = verdict.answer[:ANSWER_LENGTH_MAX]
    if verdict.is_accepted:
        return {"state": LetterState.ACCEPTED.value, "answer": answer, "tries": tries, **_ENDED}
    if verdict.is_final or tries >= TRIES_MAX:
        return {"state": LetterState.FAILED.value, "answer": answer, "tries": tries, **_ENDED}
    pause_ms = min(PAUSE_MS_FIRST * 2 ** (tries - 1), PAUSE_MS_MAX)
    return {"answer": answer, "tries": tries, "due_at": now_at + pause_ms}


async def states(
    connection: AsyncConnection, organization_id: str, agents: Sequence[str]
) -> dict[str, LetterShown]:
    """Letters' states for the cards; nothing for those to whom none was ordered."""
    where = (LETTERS.c.organization_id == organization_id) & LETTERS.c.agent_id.in_(agents)
    rows = (await connection.execute(select(LETTERS).where(where))).all()
    return {row.agent_id: LetterShown(state=row.state, answer=row.answer, tries=row.tries) for row in rows}


async def state(connection: AsyncConnection, organization_id: str, agent_id: str) -> LetterShown | None:
    """One letter's state."""
    return (await states(connection, organization_id, [agent_id])).get(agent_id)


async def drop(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    """A removed employee gets no letter any more."""
    where = (LETTERS.c.organization_id == organization_id) & (LETTERS.c.agent_id == agent_id)
    await connection.execute(delete(LETTERS).where(where))


def mailer(url: str) -> Send:
    """Sends by the server at `smtp://` (STARTTLS where offered) or `smtps://`; its answers are verdicts."""
    found = urlsplit(url)
    is_tls = found.scheme == "smtps"

    async def send(letter: EmailMessage) -> Verdict:
        try:
            errors, answer = await aiosmtplib.send(
                letter,
                hostname=found.hostname or "localhost",
                port=found.port or (465 if is_tls else 25),
                username=unquote(found.username) if found.username else None,
                password=unquote(found.password) if found.password else None,
                use_tls=is_tls,
                timeout=SENDING_S_MAX,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            code = max((each.code for each in error.recipients), default=0)
            return Verdict(is_accepted=False, is_final=code >= 500, answer=f"{code} {error}")
        except aiosmtplib.SMTPResponseException as error:
            is_final = error.code >= 500
            return Verdict(is_accepted=False, is_final=is_final, answer=f"{error.code} {error.message}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Verdict(is_accepted=False, is_final=False, answer=f"{type(error).__name__}: {error}")
        except ValueError as error:
            # An address or a name that no header can hold: later tries are no better.
            return Verdict(is_accepted=False, is_final=True, answer=str(error))
        return Verdict(is_accepted=not errors, is_final=bool(errors), answer=answer)

    return send


_SUBJECTS: Final = {
    Language.RUSSIAN: "Ваш доступ к телефонии: {company}",
    Language.ENGLISH: "Your access to the phones of {company}",
}
_BODIES: Final = {
    Language.RUSSIAN: """Здравствуйте, {name}!

Для вас открыт доступ к телефонии компании «{company}».

Консоль: {console}
Организация: {organization}
Логин: {login}
Одноразовый пароль: {password}
При первом входе консоль попросит заменить его своим.

Внутренний номер: {extension}
Пароль для настольного телефона и программы-телефона: {phone_password}
Программа-телефон: {softphone}
""",
    Language.ENGLISH: """Hello {name},

you now have access to the phones of {company}.

Console: {console}
Organization: {organization}
Login: {login}
One-time password: {password}
The console asks for one of your own when you first log in.

Extension: {extension}
Password for desk phone and softphone: {phone_password}
Softphone: {softphone}
""",
}
