"""Erasures of customers, and what each service that may hold a number answers (V6)."""

from typing import Final

import msgspec

from contracts import callback, codec, directory, queue, routing, voicemail
from contracts.erasure import NumberErased
from contracts.history import CustomerErased
from contracts.ids import Instant
from contracts.message import Fact, type_name
from runtime.masking import masked_number

ANSWERS: Final[tuple[type[NumberErased], ...]] = (
    directory.NumberErased,
    routing.NumberErased,
    queue.NumberErased,
    callback.NumberErased,
    voicemail.NumberErased,
)
OWNERS: Final = tuple(type_name(each).partition(".")[0] for each in ANSWERS)
"""Who answers, besides history itself."""


class ErasureAsked(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure; its number is masked."""

    erasure_id: str
    at: Instant
    by: str
    number: str


class ErasureAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one service said."""

    erasure_id: str
    service: str
    at: Instant
    document: str


def asked(fact: Fact, at: Instant) -> ErasureAsked | None:
    """The erasure that a fact asks for; None for other facts and for one of an older version."""
    if not isinstance(fact, CustomerErased) or not fact.erasure_id:
        return None
    by = fact.actor or ("" if fact.by is None else f"agent/{fact.by}")
    return ErasureAsked(erasure_id=fact.erasure_id, at=at, by=by, number=masked_number(fact.number) or "")


def answer(fact: Fact, at: Instant) -> ErasureAnswer | None:
    """The answer that a fact is."""
    if not isinstance(fact, ANSWERS):
        return None
    return ErasureAnswer(
        erasure_id=fact.erasure_id,
        service=type_name(fact).partition(".")[0],
        at=at,
        document=codec.encode(fact).decode(),
    )
