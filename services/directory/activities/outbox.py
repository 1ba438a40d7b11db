"""The outbox: messages written in their change's transaction; `outbox_sender` sends them.

Every message reaches the log at least once. Facts carry their entity's version, commands to a PBX the number
of their stream: readers drop repeats.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import codec
from contracts.codec import Envelope
from contracts.directory import (
    CallbackAsked,
    CallbackCancelAsked,
    CallbackKeepAsked,
    CallbackNotReachedAsked,
)
from contracts.ids import Instant, OrganizationId, PbxId
from contracts.message import Command, Fact, Message, type_name
from contracts.telephony import TelephonyCommand
from contracts.topics import FACTS, SPEECH, TELEPHONY
from contracts.tts import RenderNotice
from runtime.ports import Outgoing
from services.directory.activities.database import upsert
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.tables import LEASES, OUTBOX, STREAMS

SOURCE: Final = "directory"
LEASE_MS: Final = 15_000
"""A killed sender is replaced after that; a round takes less time."""

_ABOUT_CALLBACKS: Final = frozenset(
    type_name(each)
    for each in (CallbackAsked, CallbackCancelAsked, CallbackKeepAsked, CallbackNotReachedAsked)
)
_encode = msgspec.msgpack.Encoder().encode
decoded = msgspec.msgpack.Decoder(Outgoing).decode
"""A row's record. Raises msgspec.DecodeError."""


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
        topic, key = TELEPHONY.name, message.key(envelope.organization_id)
    elif isinstance(message, Command):
        topic = SPEECH.name
    return Outgoing(topic, key, tuple(codec.headers(envelope)), codec.encode(message))


async def put(connection: AsyncConnection, records: Sequence[Outgoing]) -> None:
    """Write records to the outbox, within the transaction of their change."""
    # One statement per row (no RETURNING, so nothing is joined): the numbers follow this order.
    if records:
        await connection.execute(insert(OUTBOX), [_row(each) for each in records])


def _row(record: Outgoing) -> dict[str, Any]:
    envelope = codec.envelope(record.headers)
    return {
        "record": _encode(record),
        "organization_id": envelope.organization_id,
        "stream": _stream(record, envelope.type),
        "at": envelope.time,
    }


def _stream(record: Outgoing, type_: str) -> str:
    """What a message must keep its order in; empty where the newest version wins whatever came between."""
    if record.topic == TELEPHONY.name:
        return f"{record.topic}/{record.key}"
    if type_ in _ABOUT_CALLBACKS:
        callback_id = getattr(codec.decode(type_, record.value), "callback_id", "")
        return f"callback/{digest(callback_id)}"
    return ""


def numbered(row: bytes, seq: int) -> bytes:
    """A row's record with another number in its stream; one that can't be read stays as it is."""
    try:
        record = decoded(row)
        envelope = msgspec.structs.replace(codec.envelope(record.headers), seq=seq)
    except (msgspec.DecodeError, codec.Malformed):
        return row
    return _encode(msgspec.structs.replace(record, headers=tuple(codec.headers(envelope))))


def is_readable(record: Outgoing) -> bool:
    """Whether readers take a message of this size: a larger one would become a dead letter at each."""
    return len(record.value) <= codec.VALUE_BYTES_MAX


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
