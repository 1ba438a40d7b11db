"""Messages of the outbox that can't be sent: an operator lists them, looks at one, and decides."""

from typing import Any

from msgspec import DecodeError, Struct
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.ids import Instant
from contracts.topics import TELEPHONY
from services.directory.activities import outbox
from services.directory.activities.tables import CHECKS, OUTBOX, STREAMS

LISTED_MAX = 1_000
"""How many rows a list shows; the oldest come first."""


class NotSetAside(Exception):
    """No message of this number is set aside."""


class SetAside(Struct, frozen=True, kw_only=True):
    """A message that is set aside: since when (ms), how often so far, and why.

    `type` is empty where the row can't be read. `holds` names what waits behind it, if anything does.
    """

    number: int
    organization_id: str
    type: str
    id: str
    bytes: int
    set_aside_at: Instant
    times: int
    reason: str
    holds: str


async def listed(connection: AsyncConnection, organization_id: str | None = None) -> list[SetAside]:
    """The messages that are set aside, oldest first."""
    query = select(OUTBOX).where(OUTBOX.c.set_aside_at.is_not(None)).order_by(OUTBOX.c.number)
    if organization_id is not None:
        query = query.where(OUTBOX.c.organization_id == organization_id)
    return [_described(row) for row in (await connection.execute(query.limit(LISTED_MAX))).all()]


async def shown(connection: AsyncConnection, number: int) -> tuple[SetAside, bytes]:
    """One message, with its content as it would be sent. Raises NotSetAside."""
    row = await _row(connection, number)
    try:
        return _described(row), outbox.decoded(row.record).value
    except DecodeError:
        return _described(row), row.record


async def send_again(connection: AsyncConnection, number: int, now_at: Instant) -> None:
    """Let the running service try to send it once more. Raises NotSetAside."""
    await _row(connection, number)
    its = OUTBOX.c.number == number
    await connection.execute(update(OUTBOX).where(its).values(set_aside_at=None, at=now_at))


async def discard(connection: AsyncConnection, number: int) -> None:
    """Delete it: readers never hear it. Raises NotSetAside.

    Of a PBX's commands the later ones take the numbers before theirs: a gateway waits for the successor.
    """
    row = await _row(connection, number)
    await connection.execute(delete(OUTBOX).where(OUTBOX.c.number == number))
    if row.stream.startswith(f"{TELEPHONY.name}/"):
        await _close_gap(connection, row)


async def _row(connection: AsyncConnection, number: int) -> Row[Any]:
    query = select(OUTBOX).where(OUTBOX.c.number == number, OUTBOX.c.set_aside_at.is_not(None))
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        raise NotSetAside(f"no message {number} is set aside")
    return row


def _described(row: Row[Any]) -> SetAside:
    try:
        record = outbox.decoded(row.record)
        envelope = codec.envelope(record.headers)
        type_, id_, size = envelope.type, envelope.id, len(record.value)
    except (DecodeError, codec.Malformed):
        type_, id_, size = "", "", len(row.record)
    return SetAside(
        number=row.number,
        organization_id=row.organization_id,
        type=type_,
        id=id_,
        bytes=size,
        set_aside_at=Instant(row.set_aside_at),
        times=row.set_aside_times,
        reason=row.reason,
        holds=row.stream,
    )


async def _close_gap(connection: AsyncConnection, gone: Row[Any]) -> None:
    """Number a PBX's later commands anew; none of them was sent, because the stream stood still."""
    pbx_id = gone.stream.rpartition("/")[2]
    its = (STREAMS.c.organization_id == gone.organization_id) & (STREAMS.c.pbx_id == pbx_id)
    last = (await connection.execute(select(STREAMS.c.seq).where(its).with_for_update())).scalar_one()
    query = (
        select(OUTBOX.c.number, OUTBOX.c.record)
        .where(OUTBOX.c.organization_id == gone.organization_id, OUTBOX.c.stream == gone.stream)
        .where(OUTBOX.c.number > gone.number)
        .order_by(OUTBOX.c.number)
    )
    later = (await connection.execute(query)).all()
    first = last - len(later)
    for seq, row in enumerate(later, start=first):
        numbered = outbox.numbered(row.record, seq)
        await connection.execute(update(OUTBOX).where(OUTBOX.c.number == row.number).values(record=numbered))
    await connection.execute(update(STREAMS).where(its).values(seq=last - 1))
    # Nobody waits for their answers any more: a question is given up after some seconds.
    asked = (CHECKS.c.organization_id == gone.organization_id) & (CHECKS.c.pbx_id == pbx_id)
    await connection.execute(delete(CHECKS).where(asked, CHECKS.c.seq >= first))
