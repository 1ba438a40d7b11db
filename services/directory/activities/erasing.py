"""Erases a customer's number from the directory's own tables (V6), and answers for it.

The CRM's entry goes with its version, requests that were not sent yet are dropped, the audit trail's words
are masked, and counts of tries end. Cards that somebody filled in stay: the answer names them.
"""

import re
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, delete, or_, select, update

from contracts import codec
from contracts.directory import CallbackAsked, NumberErased, ResponsibleSaved
from contracts.erasure import StayingPart, counted
from contracts.history import CustomerErased
from contracts.ids import Instant
from contracts.message import type_name
from runtime.edge import Heard
from runtime.security_events import SecurityEvent
from services.directory.activities import audit_trail, idempotency, outbox
from services.directory.activities.audit_trail import Noted
from services.directory.activities.repository import Repository
from services.directory.activities.sealed_secrets import digest
from services.directory.activities.stored_cards import stored_card
from services.directory.activities.tables import AUDIT, CARDS, OUTBOX, SAID, TRIES
from services.directory.activities.unit_of_work import UnitOfWork
from services.directory.rules.audit_changes import masked_numbers
from services.directory.rules.errors import RequestRefused
from services.directory.state.cards import ResponsibleCard
from services.directory.state.office import Kind

WHO: Final = "erasure"
DIGESTS_MS: Final = idempotency.KEPT_MS + 3_600_000
"""Digests of requests with an Idempotency-Key are deleted by the hourly maintenance after their day."""
STAYS_MAX: Final = 100
_DROPPED: Final = (type_name(CallbackAsked), type_name(ResponsibleSaved))
"""Messages about the customer; whatever else has the number is about a card that stays."""


class Erasing:
    """Hears that a customer was erased; heard twice it answers once more with the same id."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def hear(self, heard: Heard, fact: CustomerErased) -> None:
        """Erase, answer, and write the erasure into the trail, in one transaction."""
        organization_id = heard.envelope.organization_id
        try:
            async with self._repository.change_by_service(organization_id, WHO) as unit:
                await _note(unit, heard, fact)
                unsent = await _drop_unsent(unit, fact.number)
                responsibles = await _drop_responsible(unit, fact.number)
                lines = await _mask_trail(unit, fact.number)
                stays = await _cards(unit, fact.number)
                if not stays:  # else tries to guess an employee's code would begin anew
                    await _forget_tries(unit, fact.number)
                erased = counted(audit_lines=lines, responsibles=responsibles, unsent_messages=unsent)
                if fact.erasure_id:
                    digests = StayingPart(what="request_digests", until_at=Instant(heard.at + DIGESTS_MS))
                    answer = NumberErased(
                        erasure_id=fact.erasure_id, erased=erased, stays=(*stays[:STAYS_MAX], digests)
                    )
                    _say(unit, answer)
                await _forget_said(unit, fact.number)
        except RequestRefused:
            return  # an organization that this directory does not have


async def _note(unit: UnitOfWork, heard: Heard, fact: CustomerErased) -> None:
    who = fact.actor or ("" if fact.by is None else f"agent/{fact.by}")
    mark = digest(heard.envelope.id)
    if await audit_trail.is_heard(unit.connection, heard.at, mark):
        return
    noted = Noted(event=SecurityEvent.CUSTOMER_ERASED, actor=who, subject=fact.number)
    await audit_trail.note(
        unit.connection, unit.organization_id, heard.at, noted, is_streamed=False, heard=mark
    )


async def _drop_unsent(unit: UnitOfWork, number: str) -> int:
    """Drop requests and entries about the customer that were not sent yet, set aside or not."""
    query = select(OUTBOX.c.number, OUTBOX.c.record).where(OUTBOX.c.organization_id == unit.organization_id)
    gone = [
        row.number
        for row in (await unit.connection.execute(query)).all()
        if number.encode() in row.record and _is_about_customer(row.record, number)
    ]
    if gone:
        await unit.connection.execute(delete(OUTBOX).where(OUTBOX.c.number.in_(gone)))
    return len(gone)


def _is_about_customer(row: bytes, number: str) -> bool:
    try:
        record = outbox.decoded(row)
        type_ = codec.envelope(record.headers).type
        message = codec.decode(type_, record.value)
    except (msgspec.DecodeError, codec.Malformed, codec.UnknownType):
        return False
    return type_ in _DROPPED and getattr(message, "number", "") == number


async def _drop_responsible(unit: UnitOfWork, number: str) -> int:
    """Drop the CRM's entry; routing is told, since one that was on its way may reach it after the erasure."""
    found = (await unit.connection.execute(select(CARDS).where(_entry(unit, number)))).first()
    if found is None:
        return 0
    await unit.connection.execute(delete(CARDS).where(_entry(unit, number)))
    if not found.is_removed:
        gone = ResponsibleSaved(number=number, version=0, agent_id=None, is_erased=True)
        await unit.say_single(gone, is_always=True)
    return 1


def _entry(unit: UnitOfWork, number: str) -> ColumnElement[bool]:
    own = (CARDS.c.organization_id == unit.organization_id) & (CARDS.c.kind == Kind.RESPONSIBLE.value)
    return own & (CARDS.c.id == number)


async def _forget_said(unit: UnitOfWork, number: str) -> None:
    """Forget what was last said of the number: `republish` would say it again."""
    own = (SAID.c.organization_id == unit.organization_id) & (SAID.c.type == type_name(ResponsibleSaved))
    await unit.connection.execute(delete(SAID).where(own, SAID.c.subject == number))


async def _mask_trail(unit: UnitOfWork, number: str) -> int:
    own = AUDIT.c.organization_id == unit.organization_id
    holds = or_(
        AUDIT.c.id.contains(number, autoescape=True), AUDIT.c.details.contains(number, autoescape=True)
    )
    found = (await unit.connection.execute(select(AUDIT).where(own, holds))).all()
    whole, masked = _whole(number), masked_numbers(number)
    rows: list[Row[Any]] = [row for row in found if whole.search(f"{row.id} {row.details}")]
    for row in rows:
        values = {
            "id": whole.sub(lambda _: masked, row.id),
            "details": whole.sub(lambda _: masked, row.details),
        }
        # Digests of a card that is hardly more than its number could be guessed.
        values |= {"before": "", "after": ""} if row.kind == Kind.RESPONSIBLE.value else {}
        await unit.connection.execute(update(AUDIT).where(AUDIT.c.number == row.number).values(**values))
    return len(rows)


def _whole(number: str) -> re.Pattern[str]:
    """The number, and not a longer one that begins or ends with it: that is another customer's."""
    return re.compile(rf"(?<![+\d]){re.escape(number)}(?!\d)")


async def _forget_tries(unit: UnitOfWork, number: str) -> None:
    """Somebody may have typed the number as the own mobile."""
    of = unit.organization_id
    subjects = [f"{what}/{of}/{number}" for what in ("code", "reset")]
    await unit.connection.execute(delete(TRIES).where(TRIES.c.subject.in_(subjects)))


async def _cards(unit: UnitOfWork, number: str) -> list[StayingPart]:
    """The cards on which the number stands, removed ones included."""
    holds = CARDS.c.document.contains(number, autoescape=True)
    own = (CARDS.c.organization_id == unit.organization_id) & holds
    rows = (await unit.connection.execute(select(CARDS).where(own).order_by(CARDS.c.id))).all()
    whole = _whole(number)
    found = (stored_card(row) for row in rows if whole.search(row.document))
    return [
        StayingPart(what="removed_card" if row.is_removed else "card", subject=f"{row.kind}/{row.id}")
        for row in found
        if not isinstance(row.card, ResponsibleCard)
    ]


def _say(unit: UnitOfWork, answer: NumberErased) -> None:
    id_ = f"{outbox.SOURCE}/{unit.organization_id}/number_erased/{answer.erasure_id}"
    unit.say(outbox.record(answer, id_=id_, organization_id=unit.organization_id, now_at=unit.now_at))
