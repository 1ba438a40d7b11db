"""How a service answers an erasure: what went, and what stays where and until when (V6)."""

from contracts.ids import Instant
from contracts.message import Fact, Part


class ErasedPart(Part, frozen=True, kw_only=True):
    """How many things of one kind went or lost the number."""

    what: str
    count: int


class StayingPart(Part, frozen=True, kw_only=True):
    """A thing that still has the number: because somebody keeps it there, or until an instant."""

    what: str
    subject: str = ""
    until_at: Instant | None = None


class NumberErased(Fact, frozen=True, kw_only=True):
    """A service's answer to `history.customer_erased` with this `erasure_id`; it does not name the number."""

    erasure_id: str
    erased: tuple[ErasedPart, ...] = ()
    stays: tuple[StayingPart, ...] = ()


def counted(**counts: int) -> tuple[ErasedPart, ...]:
    """Parts by name, without what there was none of."""
    return tuple(ErasedPart(what=what, count=count) for what, count in sorted(counts.items()) if count)
