"""Sends the outbox: organizations in turn, one replica at a time.

A row is deleted once the log has acknowledged it. While the log is away, everything waits. A row that can
never be sent is set aside with an alarm, and the others go on; `set_aside` shows such rows to an operator.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import ColumnElement, Row, delete, exists, func, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import VALUE_BYTES_MAX
from runtime import metrics
from runtime.edge import NeverSaid, NotSaid
from runtime.ports import Clock, Outgoing
from runtime.security_events import SecurityEvent
from services.directory.activities import audit_trail, outbox
from services.directory.activities.audit_trail import Noted
from services.directory.activities.database import Database
from services.directory.activities.sealed_secrets import token
from services.directory.activities.tables import OUTBOX
from services.directory.activities.turns import Turns

BATCH_MAX: Final = 200
"""Rows of one round, which the organizations share evenly."""
ROUND_BYTES_MAX: Final = 8 * 1024**2
"""Bytes of one round, likewise shared: large facts of one organization take several rounds."""
PAUSE_S: Final = 0.25
"""How long a row of another replica may wait; this replica's rows wake the sender at once."""
PAUSE_AFTER_FAULT_S: Final = 1.0
LOOK_S: Final = 1.0
AGE_MS_MAX: Final = 60_000
"""The directory is not ready while its oldest row that can be sent is older, unless the outbox advances."""
STANDS_MS_MAX: Final = 10_000
"""The outbox stands when its oldest row has been the same for so long."""
REASON_LENGTH_MAX: Final = 300

_log = structlog.get_logger()
_WAITS: Final = OUTBOX.c.set_aside_at.is_(None)

OutboxRow = Row[tuple[Any, ...]]


class Sender:
    """Sends the outbox while this replica has the lease."""

    def __init__(
        self, database: Database, send: Callable[[Sequence[Outgoing]], Awaitable[None]], clock: Clock
    ) -> None:
        self._database = database
        self._send = send
        self._clock = clock
        self._holder = token()
        self._woken = asyncio.Event()
        self._has_more = False
        self._turns = Turns(OUTBOX.c.organization_id)
        self._looked_at = float("-inf")
        self._oldest: tuple[int, int] | None = None
        self._advanced_at: int | None = None

    def wake(self) -> None:
        """Send soon: this replica has written to the outbox."""
        self._woken.set()

    async def run(self) -> None:
        """Send round after round; after a fault wait and repeat."""
        while True:
            try:
                if self._clock.elapsed() - self._looked_at >= LOOK_S:
                    await self.look()
                await self.round()
            except (NotSaid, SQLAlchemyError, OSError) as error:
                _log.warning("the outbox was not sent, and goes again", error=str(error))
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
                continue
            if not self._has_more:
                await self._pause()

    async def _pause(self) -> None:
        try:
            # Not wait_for: in Python 3.11 it swallows the end of the process if that comes with a waking.
            async with asyncio.timeout(PAUSE_S):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def round(self) -> int:
        """Send some rows of every organization; return how many, 0 without rows or without the lease.

        Raises NotSaid while the log is away.
        """
        self._has_more = False
        async with self._database.begin() as connection:
            if not await outbox.lease(connection, "outbox", self._holder, self._clock.now()):
                return 0
            rows = await self._chosen(connection)
        if not rows:
            return 0
        sent, unfit = await self._sent(rows)
        async with self._database.begin() as connection:
            if sent:
                await connection.execute(delete(OUTBOX).where(OUTBOX.c.number.in_(sent)))
            for row, reason in unfit:
                await self._set_aside(connection, row, reason)
        metrics.SAID.counted[("directory",)] += len(sent)
        return len(sent) + len(unfit)

    async def _chosen(self, connection: AsyncConnection) -> list[OutboxRow]:
        """The first rows of each organization, so that nobody waits for another's whole backlog."""
        organizations, is_all = await self._turns.next(connection, _WAITS, BATCH_MAX)
        self._has_more |= not is_all
        held = await _held(connection)
        chosen: list[OutboxRow] = []
        for organization_id in organizations:
            query = (
                select(OUTBOX.c.number, OUTBOX.c.organization_id, OUTBOX.c.stream, OUTBOX.c.record)
                .where(OUTBOX.c.organization_id == organization_id, _WAITS)
                .where(OUTBOX.c.stream.not_in(held.get(organization_id, ())))
                .order_by(OUTBOX.c.number)
                .limit(max(1, BATCH_MAX // len(organizations)))
            )
            found = (await connection.execute(query)).all()
            fit = _within(found, ROUND_BYTES_MAX // len(organizations))
            # A full share: more may wait, and the next round begins at once.
            self._has_more |= len(fit) == max(1, BATCH_MAX // len(organizations)) or len(fit) < len(found)
            chosen += fit
        return chosen

    async def _sent(self, rows: Sequence[OutboxRow]) -> tuple[list[int], list[tuple[OutboxRow, str]]]:
        """Send rows; the numbers of those that are on the log, and those that can never be, with reasons."""
        records, unfit = _readable(rows)
        try:
            if records:
                await self._send([record for _, record in records])
        except NeverSaid:
            return await self._sent_singly(records, unfit)
        return [row.number for row, _ in records], unfit

    async def _sent_singly(
        self, records: Sequence[tuple[OutboxRow, Outgoing]], unfit: list[tuple[OutboxRow, str]]
    ) -> tuple[list[int], list[tuple[OutboxRow, str]]]:
        """Send one row after the other, to find those that the log refuses."""
        sent: list[int] = []
        stopped = {(row.organization_id, row.stream) for row, _ in unfit if row.stream}
        for row, record in records:
            if (row.organization_id, row.stream) in stopped:
                continue
            try:
                await self._send([record])
            except NeverSaid as error:
                unfit.append((row, str(error)))
                if row.stream:
                    stopped.add((row.organization_id, row.stream))
            else:
                sent.append(row.number)
        return sent, unfit

    async def _set_aside(self, connection: AsyncConnection, row: OutboxRow, reason: str) -> None:
        values = {"set_aside_at": self._clock.now(), "reason": reason[:REASON_LENGTH_MAX]}
        aside = update(OUTBOX).where(OUTBOX.c.number == row.number)
        await connection.execute(aside.values(**values, set_aside_times=OUTBOX.c.set_aside_times + 1))
        noted = Noted(
            event=SecurityEvent.OUTBOX_SET_ASIDE,
            actor=outbox.SOURCE,
            subject=str(row.number),
            outcome="failed",
            details={"reason": reason[:REASON_LENGTH_MAX], "bytes": len(row.record)},
        )
        await audit_trail.note(connection, row.organization_id, self._clock.now(), noted)
        _log.error(
            "alarm: a message can't be sent and is set aside; `python -m ringback operator outbox` shows it",
            number=row.number,
            organization_id=row.organization_id,
            reason=reason,
        )

    async def look(self) -> None:
        """Look at the oldest row that can be sent, and at those set aside, for readiness and metrics."""
        self._looked_at = self._clock.elapsed()
        async with self._database.begin() as connection:
            oldest = (await connection.execute(_OLDEST)).first()
            count = (await connection.execute(_SET_ASIDE)).scalar_one()
        now_at = self._clock.now()
        found = None if oldest is None else (int(oldest.number), int(oldest.at or now_at))
        if self._oldest is not None and found != self._oldest:
            self._advanced_at = now_at
        self._oldest = found
        metrics.SET_ASIDE.set(count)
        metrics.OUTBOX_AGE.set(self._age_ms() / 1000)

    def _age_ms(self) -> int:
        return 0 if self._oldest is None else max(0, self._clock.now() - self._oldest[1])

    def is_late(self) -> bool:
        """Whether changes do not reach the log, as far as the last look tells."""
        stands = self._advanced_at is None or self._clock.now() - self._advanced_at > STANDS_MS_MAX
        return stands and self._age_ms() > AGE_MS_MAX


def _readable(
    rows: Sequence[OutboxRow],
) -> tuple[list[tuple[OutboxRow, Outgoing]], list[tuple[OutboxRow, str]]]:
    """The rows with their records, and the rows that no reader could read; no row after one of its stream."""
    records: list[tuple[OutboxRow, Outgoing]] = []
    unfit: list[tuple[OutboxRow, str]] = []
    stopped: set[tuple[str, str]] = set()
    for row in rows:
        if row.stream and (row.organization_id, row.stream) in stopped:
            continue
        try:
            record = outbox.decoded(row.record)
        except msgspec.DecodeError as error:
            unfit.append((row, f"the row can't be read: {error}"))
        else:
            if outbox.is_readable(record):
                records.append((row, record))
                continue
            unfit.append((row, f"it has {len(record.value)} bytes, and readers take {VALUE_BYTES_MAX}"))
        stopped.add((row.organization_id, row.stream))
    return records, unfit


def _within(rows: Sequence[Any], bytes_max: int) -> list[OutboxRow]:
    """The first rows that fit into a share, at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row.record)
        if count and size > bytes_max:
            return list(rows[:count])
    return list(rows)


async def _held(connection: AsyncConnection) -> dict[str, list[str]]:
    """Streams, by organization, that stand still because a row of theirs is set aside."""
    query = select(OUTBOX.c.organization_id, OUTBOX.c.stream).where(
        OUTBOX.c.set_aside_at.is_not(None), OUTBOX.c.stream != ""
    )
    found: dict[str, list[str]] = {}
    for row in (await connection.execute(query)).all():
        found.setdefault(row.organization_id, []).append(row.stream)
    return found


def _is_held() -> ColumnElement[bool]:
    aside = OUTBOX.alias("aside")
    return exists().where(
        aside.c.set_aside_at.is_not(None),
        tuple_(aside.c.organization_id, aside.c.stream) == tuple_(OUTBOX.c.organization_id, OUTBOX.c.stream),
        aside.c.stream != "",
    )


_OLDEST: Final = (
    select(OUTBOX.c.number, OUTBOX.c.at).where(_WAITS, ~_is_held()).order_by(OUTBOX.c.number).limit(1)
)
_SET_ASIDE: Final = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.set_aside_at.is_not(None))
