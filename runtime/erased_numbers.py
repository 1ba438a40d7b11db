"""What is left of an erased number: enough to know it again in a fact about what was before the erasure (V6).

Services hear an erasure each at its own time. What a service that is late says of earlier events still names
the number, and comes after the others have forgotten it. A service that forgets wholly would take it up
again; one that kept the number would not have erased it. So two bytes of a checksum are kept, which thousands
of a country's numbers share: enough to read the number of a call of before the erasure as withheld.
"""

import zlib
from typing import Final

from contracts.ids import Instant
from runtime.records import Record, Table

KEPT_MS: Final = 24 * 3_600_000
"""Longer than a call lasts, or a service is late without an alarm. The next erasure drops what is older."""


class ErasedNumber(Record, frozen=True, array_like=True):
    """When a number with this checksum was erased."""

    checksum: str
    erased_at: Instant


def note(table: Table[ErasedNumber], number: str, now_at: Instant) -> None:
    """Note an erasure, and drop what is too old. In `apply` only."""
    for each in table:
        if each.erased_at <= now_at - KEPT_MS:
            table.drop(each.checksum)
    table.put(ErasedNumber(_checksum(number), now_at))


def is_erased(table: Table[ErasedNumber], number: str | None, since_at: Instant | None) -> bool:
    """Whether the number was erased after what a fact tells had begun.

    Who calls or orders after the erasure is a customer as any other. A fact of an older version may not say
    when it began (None): it counts as later.
    """
    if not number or since_at is None:
        return False
    erased = table.get(_checksum(number))
    return erased is not None and since_at <= erased.erased_at


def _checksum(number: str) -> str:
    return f"{zlib.crc32(number.encode()) & 0xFFFF:04x}"
