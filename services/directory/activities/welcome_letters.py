"""Sends welcome letters (E3) with login, one-time password and a one-time link to the phone password.

A letter is a row with a state. The sender claims it for a while, and renews the claim while a slow server
takes its time. If the process dies, the letter is due again when the claim expires, with the same Message-ID.
A letter that can't be written, or is refused, fails alone, with the reason on its card, whatever went wrong
with it. Organizations take turns, and none has more than half of the free places. Secrets are sealed, and
deleted once a letter has ended.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import structlog
from joserfc.errors import JoseError
from sqlalchemy import Row as SqlRow
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.ids import Instant
from runtime.mail.addresses import InvalidAddress
from runtime.mail.mailer import Mailer
from runtime.mail.smtp_replies import SendResult, Verdict
from runtime.ports import Clock
from runtime.text import one_line
from services.directory.activities import phone_links
from services.directory.activities.database import Database
from services.directory.activities.sealed_secrets import SecretBox, token
from services.directory.activities.tables import LETTERS
from services.directory.activities.turns import Turns
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.activities.welcome_text import LetterSecrets, WelcomeWriter
from services.directory.state.responses import LetterShown

PAUSE_S: Final = 1.0
PAUSE_MS_FIRST: Final = 60_000
PAUSE_MS_MAX: Final = 3_600_000
TRIES_MAX: Final = 30
"""About a day, with pauses that grow to an hour."""
AT_ONCE_MAX: Final = 10
ANSWER_LENGTH_MAX: Final = 300
CLAIM_MS: Final = 60_000
CLAIM_RENEWED_S: Final = 20.0
WAITED_S_MAX: Final = 10.0
"""How long one round waits; unfinished letters go on beside the next round."""

_ENDED: Final = {"due_at": None, "sealed": ""}
_UNOPENED: Final = (JoseError, ValueError, msgspec.DecodeError)
"""Another key has sealed it, or it is not what we seal."""
_log = structlog.get_logger()

LetterRow = SqlRow[tuple[Any, ...]]


class LetterState(StrEnum):
    """What became of a letter; the employee's card shows it."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    FAILED = "failed"


class WelcomeLetters:
    """Orders letters, and sends those that are due."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        secret_box: SecretBox,
        mailer: Mailer,
        writer: WelcomeWriter,
        *,
        sender: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._secret_box = secret_box
        self._mailer = mailer
        self._writer = writer
        self._sender = sender
        self._turns = Turns(LETTERS.c.organization_id)
        self._sending: set[asyncio.Task[None]] = set()

    async def order(self, unit: UnitOfWork, agent_id: str, password: str) -> None:
        """Order a letter to a new employee, within the unit of work that creates the employee."""
        link = ""
        if self._writer.has_links:
            link = await phone_links.make(unit.connection, unit.organization_id, agent_id, unit.now_at)
        secrets = LetterSecrets(password=password, phone_link=link)
        values = {"organization_id": unit.organization_id, "agent_id": agent_id}
        values |= self._due(secrets, unit.now_at)
        await unit.connection.execute(insert(LETTERS).values(**values))

    async def readdress(self, unit: UnitOfWork, agent_id: str) -> None:
        """Put another letter, with another link, in place of one that waits: the address has changed.

        What was tried may have reached the old one. A letter that is being sent now has another Message-ID:
        its end is not taken for this one's.
        """
        its = (LETTERS.c.organization_id == unit.organization_id) & (LETTERS.c.agent_id == agent_id)
        its &= LETTERS.c.state == LetterState.PENDING.value
        row = (await unit.connection.execute(select(LETTERS).where(its))).first()
        if row is None:
            return
        try:
            secrets = self._secrets(row)
        except _UNOPENED:
            return  # the card says so once it is tried
        link = await phone_links.make(unit.connection, unit.organization_id, agent_id, unit.now_at)
        values = self._due(msgspec.structs.replace(secrets, phone_link=link), unit.now_at)
        await unit.connection.execute(update(LETTERS).where(its).values(**values))

    def _due(self, secrets: LetterSecrets, now_at: Instant) -> dict[str, Any]:
        """The values of a letter that nobody has tried to send."""
        return {
            "state": LetterState.PENDING.value,
            "answer": "",
            "tries": 0,
            "due_at": now_at,
            "message_id": f"<welcome.{token()}@{self._writer.domain}>",
            "sealed": self._secret_box.seal(msgspec.json.encode(secrets).decode()),
        }

    def _secrets(self, row: LetterRow) -> LetterSecrets:
        """What a letter tells. Raises one of _UNOPENED."""
        return msgspec.json.decode(self._secret_box.open(row.sealed), type=LetterSecrets)

    async def run(self) -> None:
        """Send due letters until cancelled."""
        try:
            while True:
                try:
                    count = await self.round()
                except (SQLAlchemyError, OSError) as error:
                    _log.warning("welcome letters wait for the database", error=str(error))
                    count = 0
                await asyncio.sleep(0 if count else PAUSE_S)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def round(self) -> int:
        """Send due letters; return their number."""
        rows = await self._claimed(AT_ONCE_MAX - len(self._sending))
        tasks = [asyncio.create_task(self._deliver(row)) for row in rows]
        for task in tasks:
            self._sending.add(task)
            task.add_done_callback(self._ended)
        if tasks:
            await asyncio.wait(tasks, timeout=WAITED_S_MAX)
        return len(rows)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("a welcome letter is due again when its claim is over", error=repr(task.exception()))

    async def _claimed(self, count_max: int) -> list[LetterRow]:
        """Claim due letters for a while."""
        now_at = self._clock.now()
        if count_max <= 0:
            return []
        async with self._database.begin() as connection:
            is_due = LETTERS.c.due_at <= now_at
            organizations, _ = await self._turns.next(connection, is_due, count_max)
            share = min(max(1, count_max // 2), max(1, count_max // max(1, len(organizations))))
            found: list[LetterRow] = []
            for organization_id in organizations:
                own = select(LETTERS).where(is_due, LETTERS.c.organization_id == organization_id)
                query = own.order_by(LETTERS.c.due_at).limit(share)
                found += (await connection.execute(query)).all()
            claim = update(LETTERS).values(due_at=now_at + CLAIM_MS)
            return [
                row
                for row in found
                if (await connection.execute(claim.where(_is(row), LETTERS.c.due_at == row.due_at))).rowcount
            ]

    async def _deliver(self, row: LetterRow) -> None:
        done = asyncio.Event()
        renewing = asyncio.create_task(self._renew(row, done))
        try:
            answer = await self._sent(row)
        except (SQLAlchemyError, OSError):
            raise
        except Exception as error:  # noqa: BLE001  # this letter's fault, which may end neither the others nor the process
            answer = _broken(row, error)
        finally:
            done.set()
            await asyncio.gather(renewing, return_exceptions=True)
        async with self._database.begin() as connection:
            changed = _after(answer, row.tries + 1, self._clock.now())
            await connection.execute(update(LETTERS).where(_is(row)).values(**changed))

    async def _renew(self, row: LetterRow, done: asyncio.Event) -> None:
        while True:
            try:
                await asyncio.wait_for(done.wait(), CLAIM_RENEWED_S)
            except TimeoutError:
                async with self._database.begin() as connection:
                    longer = update(LETTERS).values(due_at=self._clock.now() + CLAIM_MS)
                    await connection.execute(longer.where(_is(row)))
            else:
                return

    async def _sent(self, row: LetterRow) -> SendResult:
        async with self._database.begin() as connection:
            unit = UnitOfWork(connection, row.organization_id, self._clock.now())
            await unit.load()
            # In this order: whoever sees another address sees that another letter goes there.
            is_ordered = (await connection.execute(select(LETTERS.c.tries).where(_is(row)))).first()
        if is_ordered is None:
            return SendResult(verdict=Verdict.REFUSED, text="another letter has taken its place")
        card = unit.office.employees.get(row.agent_id)
        if card is None or card.email is None:
            return SendResult(verdict=Verdict.REFUSED, text="the card has no e-mail address")
        try:
            secrets = self._secrets(row)
        except _UNOPENED:
            return SendResult(
                verdict=Verdict.REFUSED, text="what the letter tells can't be opened with this key"
            )
        try:
            letter = self._writer.letter(unit.office, card, secrets, row.message_id)
        except InvalidAddress as error:
            return SendResult(verdict=Verdict.REFUSED, text=str(error))
        try:
            return await self._mailer.send(letter, sender=self._sender, recipient=card.email)
        except Exception as error:  # noqa: BLE001  # the mailer answers what a server does; this is a fault of ours
            return _broken(row, error)


def _broken(row: LetterRow, error: Exception) -> SendResult:
    """What becomes of a letter that can't be written or sent for a fault in it, or of ours."""
    reason = f"the letter could not be written or sent: {type(error).__name__}: {error}"
    # Without a traceback, which may show the passwords that the letter tells.
    _log.error(
        "alarm: a welcome letter can't be written or sent, and has failed",
        organization_id=row.organization_id,
        agent_id=row.agent_id,
        error=type(error).__name__,
    )
    return SendResult(verdict=Verdict.REFUSED, text=reason)


def _is(row: LetterRow) -> Any:
    """Selects this letter's row."""
    return (
        (LETTERS.c.organization_id == row.organization_id)
        & (LETTERS.c.agent_id == row.agent_id)
        & (LETTERS.c.message_id == row.message_id)
    )


def _after(answer: SendResult, tries: int, now_at: Instant) -> dict[str, object]:
    """The changes to a letter's row after a try."""
    # In one line: a database refuses some characters, and the letter would be tried for ever.
    text = one_line(answer.text, ANSWER_LENGTH_MAX)
    if answer.verdict is Verdict.ACCEPTED:
        return {"state": LetterState.ACCEPTED.value, "answer": text, "tries": tries, **_ENDED}
    if answer.verdict is Verdict.REFUSED or tries >= TRIES_MAX:
        return {"state": LetterState.FAILED.value, "answer": text, "tries": tries, **_ENDED}
    pause_ms = min(PAUSE_MS_FIRST * 2 ** (tries - 1), PAUSE_MS_MAX)
    return {"answer": text, "tries": tries, "due_at": now_at + pause_ms}


async def states(
    connection: AsyncConnection, organization_id: str, agents: Sequence[str]
) -> dict[str, LetterShown]:
    """The states of employees' letters; employees without a letter are left out."""
    where = (LETTERS.c.organization_id == organization_id) & LETTERS.c.agent_id.in_(agents)
    rows = (await connection.execute(select(LETTERS).where(where))).all()
    return {row.agent_id: LetterShown(state=row.state, answer=row.answer, tries=row.tries) for row in rows}


async def state(connection: AsyncConnection, organization_id: str, agent_id: str) -> LetterShown | None:
    """One letter's state."""
    return (await states(connection, organization_id, [agent_id])).get(agent_id)


async def drop(connection: AsyncConnection, organization_id: str, agent_id: str) -> None:
    """Delete a removed employee's letter."""
    where = (LETTERS.c.organization_id == organization_id) & (LETTERS.c.agent_id == agent_id)
    await connection.execute(delete(LETTERS).where(where))
