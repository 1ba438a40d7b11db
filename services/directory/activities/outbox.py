"""The outbox: messages written in their change's transaction, and sent in order by one replica at a time.

A row is deleted once the log has acknowledged it, so every message reaches the log at least once. Facts carry
their entity's version, commands to a PBX the number of their stream: readers drop repeats.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.codec import Envelope
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.message import Command, Fact, Message, type_name
from contracts.telephony import TelephonyCommand
from contracts.topics import FACTS, SPEECH, TELEPHONY
from contracts.tts import RenderNotice
from runtime import metrics
from runtime.edge import NotSaid
from runtime.ports import Clock, Outgoing
from services.directory.activities.database import Database, upsert
from services.directory.activities.sealed_secrets import token
from services.directory.activities.tables import LEASES, OUTBOX, STREAMS

SOURCE: Final = "directory"
BATCH_MAX: Final = 200
LEASE_MS: Final = 15_000
"""A killed sender is replaced after that; a round takes less time."""
PAUSE_S: Final = 0.25
"""How long a row of another replica may wait; this replica's rows wake the sender at once."""
PAUSE_AFTER_FAULT_S: Final = 1.0

_log = structlog.get_logger()
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Outgoing).decode


def record(
    message: Message, *, id_: str, organization_id: str, now_at: Instant, cause: str = "", seq: int = 0
) -> Outgoing:
    """A fact or a command as a record for its topic."""
    envelope = Envelope(
        id=id_,
        type=type_name(message),
        source=SOURCE,
        organization_id=OrganizationId(organization_id),
        seq=seq,
        cause=cause,
        time=now_at,
    )
    topic, key = FACTS.name, organization_id
    if isinstance(message, TelephonyCommand):
        topic, key = TELEPHONY.name, message.pbx_id
    elif isinstance(message, Command):
        topic = SPEECH.name
    return Outgoing(topic, key, tuple(codec.headers(envelope)), codec.encode(message))


async def put(connection: AsyncConnection, records: Sequence[Outgoing]) -> None:
    """Write records to the outbox, within the transaction of their change."""
    # One statement per row (no RETURNING, so nothing is joined): the numbers follow this order.
    if records:
        await connection.execute(insert(OUTBOX), [{"record": _encode(each)} for each in records])


async def next_seq(connection: AsyncConnection, organization_id: str, pbx_id: PbxId) -> int:
    """The next number in a PBX's stream of commands; the caller holds the organization's lock."""
    where = (STREAMS.c.organization_id == organization_id) & (STREAMS.c.pbx_id == pbx_id)
    last = (await connection.execute(select(STREAMS.c.seq).where(where))).scalar()
    if last is None:
        values = {"organization_id": organization_id, "pbx_id": pbx_id, "seq": 1}
        await connection.execute(insert(STREAMS).values(**values))
        return 1
    await connection.execute(update(STREAMS).where(where).values(seq=last + 1))
    return int(last) + 1


async def lease(connection: AsyncConnection, name: str, holder: str, now_at: Instant) -> bool:
    """Take or renew a lease; False while another replica has it."""
    made = upsert(connection, LEASES).values(name=name, holder=holder, until_at=now_at + LEASE_MS)
    mine = (LEASES.c.holder == holder) | (LEASES.c.until_at < now_at)
    renewed = made.on_conflict_do_update(
        index_elements=["name"], set_={"holder": holder, "until_at": now_at + LEASE_MS}, where=mine
    )
    await connection.execute(renewed)
    found = await connection.execute(select(LEASES.c.holder).where(LEASES.c.name == name))
    return found.scalar() == holder


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

    def wake(self) -> None:
        """Send soon: this replica has written to the outbox."""
        self._woken.set()

    async def run(self) -> None:
        """Send round after round; after a fault wait and repeat, and never send past it."""
        while True:
            try:
                sent = await self.round()
            except (NotSaid, SQLAlchemyError, OSError) as error:
                _log.warning("the outbox was not sent, and goes again", error=str(error))
                await asyncio.sleep(PAUSE_AFTER_FAULT_S)
                continue
            if sent < BATCH_MAX:
                await self._pause()

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), PAUSE_S)
        except TimeoutError:
            return
        self._woken.clear()

    async def round(self) -> int:
        """Send one batch; return its size, 0 without records or without the lease."""
        async with self._database.begin() as connection:
            if not await lease(connection, "outbox", self._holder, self._clock.now()):
                return 0
            query = select(OUTBOX.c.number, OUTBOX.c.record).order_by(OUTBOX.c.number).limit(BATCH_MAX)
            rows = (await connection.execute(query)).all()
        if not rows:
            return 0
        await self._send([_decode(row.record) for row in rows])
        async with self._database.begin() as connection:
            await connection.execute(delete(OUTBOX).where(OUTBOX.c.number.in_([row.number for row in rows])))
        metrics.SAID.labels("directory").inc(len(rows))
        return len(rows)


def versioned_id(organization_id: str, fact: Fact, subject: str, version: int) -> str:
    """The id of a fact about an entity: the same for every repeat of this version."""
    return f"{SOURCE}/{organization_id}/{type_name(fact).partition('.')[2]}/{subject}/{version}"


def rendering(command: RenderNotice, organization_id: str, now_at: Instant, *, cause: str) -> Outgoing:
    """A request to speech, with the same id for every repeat of this version."""
    id_ = f"{SOURCE}/{organization_id}/render/{command.notice_id}/{command.version}"
    return record(command, id_=id_, organization_id=organization_id, now_at=now_at, cause=cause)


def again(row: Row[tuple[Any, ...]], now_at: Instant) -> Outgoing:
    """A fact that was said before, under the same id."""
    fact = codec.decode(row.type, row.value)
    assert isinstance(fact, Fact)
    id_ = versioned_id(row.organization_id, fact, row.subject, row.version)
    return record(fact, id_=id_, organization_id=row.organization_id, now_at=now_at)
