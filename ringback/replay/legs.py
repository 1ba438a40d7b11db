"""What a log says about each leg: requested, rang, answered, keys pressed, bridged, ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from contracts import gateway as g
from contracts.callback import ApologyMade
from contracts.gateway import EndedBy, LegEnded, Outcome
from contracts.ids import Address, LegId, PbxId
from contracts.message import Message
from contracts.routing import DepartmentReached

PARTIES: Final = (EndedBy.PARTY, EndedBy.NETWORK)
"""Causes of an end that we did not request."""


NO_LEG: Final = LegId("")
Keys = tuple[tuple[int, str, bool], ...]
"""How many ms after some event keys were pressed; the digits; whether they are a collected string."""


@dataclass(slots=True)
class Leg:
    """One leg's history; instants in ms of the log."""

    leg_id: LegId
    pbx_id: PbxId
    address: Address | None = None
    requested_at: int | None = None
    rang_at: int | None = None
    answered_at: int | None = None
    bridged_at: int | None = None
    apology_at: int | None = None
    peer: LegId | None = None
    ended_at: int | None = None
    end: LegEnded | None = None
    keys: list[tuple[int, str, bool]] = field(default_factory=list)

    @property
    def hung_up_alone(self) -> bool:
        """Whether the person on the leg hung up before a bridge."""
        return self.end is not None and self.end.by in PARTIES and self.bridged_at is None


class Legs:
    """Collects the legs from the phones' facts."""

    def __init__(self) -> None:
        self.by_id: dict[LegId, Leg] = {}

    def hear(self, at: int, fact: Message) -> None:
        """Hear a fact; one that is not about a leg changes nothing."""
        match fact:
            case g.CallArrived() | DepartmentReached():
                self.by_id.setdefault(fact.leg_id, Leg(fact.leg_id, fact.pbx_id))
            case g.LegRequested():
                leg = self.by_id.setdefault(fact.leg_id, Leg(fact.leg_id, fact.pbx_id))
                leg.address, leg.requested_at = fact.address, at
            case g.LegRinging() if fact.leg_id in self.by_id:
                self.by_id[fact.leg_id].rang_at = at
            case g.LegAnswered() if fact.leg_id in self.by_id:
                self.by_id[fact.leg_id].answered_at = at
            case g.DigitsEntered() if fact.leg_id in self.by_id:
                self.by_id[fact.leg_id].keys.append((at, fact.digits, fact.is_complete))
            case g.Bridged():
                self._bridged(at, fact)
            case ApologyMade(ask=1) if fact.leg_id in self.by_id:
                self.by_id[fact.leg_id].apology_at = at
            case LegEnded() if fact.leg_id in self.by_id and self.by_id[fact.leg_id].end is None:
                leg = self.by_id[fact.leg_id]
                leg.end, leg.ended_at = fact, at
            case _:
                pass

    def _bridged(self, at: int, fact: g.Bridged) -> None:
        found = [self.by_id[leg_id] for leg_id in fact.legs if leg_id in self.by_id]
        for leg in found:
            if leg.bridged_at is None:
                leg.bridged_at = at
                leg.peer = next((each.leg_id for each in found if each is not leg), None)


def phone_at(pbx_id: PbxId, address: str) -> tuple[PbxId, Address] | None:
    """The registered phone that a PBX dials, under its own PBX's name for it; None for a public number."""
    scheme, _, rest = address.partition(":")
    if scheme == "pbx":
        far, _, extension = rest.partition("/")
        return PbxId(far), Address(f"sip:{extension}")
    return (pbx_id, Address(address)) if scheme == "sip" else None


def phone_of(leg: Leg) -> tuple[PbxId, Address] | None:
    """The registered phone that a leg rings; None for a public number, or a caller's leg."""
    return None if leg.address is None else phone_at(leg.pbx_id, leg.address)


@dataclass(slots=True, frozen=True)
class Dialling:
    """How one dialling of a phone went; all in ms since the gateway was asked for it.

    At most one of answered, ended and cut off is given; none means that it rang to the end (a miss).
    `cut_off_ms`: we stopped the ringing, and know only that there was no answer by then.
    """

    leg_id: LegId = NO_LEG
    rings_ms: int | None = None
    answered_ms: int | None = None
    ended_ms: int | None = None
    outcome: Outcome = Outcome.NO_ANSWER
    cut_off_ms: int | None = None
    keys: Keys = ()
    """Keys, each with its time since the answer."""
    drops_ms: int | None = None
    """How long after answering the person hung up without a bridge."""
    after_apology: Keys = ()
    apology_left_ms: int | None = None
    """How long after the apology's beginning the person hung up."""


def dialling(leg: Leg, *, is_missed: bool) -> Dialling | None:
    """A dialled leg as a sample of its phone's behaviour; None if nothing is known of it.

    `is_missed`: we stopped it because its whole ring time had elapsed, so it counts as ringing to the end.
    """
    if leg.requested_at is None:
        return None
    begun_at = leg.requested_at
    rings_ms = None if leg.rang_at is None else leg.rang_at - begun_at
    if leg.answered_at is not None:
        return _answered(leg, begun_at, rings_ms, leg.answered_at)
    if leg.end is None or leg.ended_at is None:
        return None
    if leg.end.outcome is Outcome.CANCELLED:
        cut_off_ms = None if is_missed else leg.ended_at - begun_at
        return Dialling(leg_id=leg.leg_id, rings_ms=rings_ms, cut_off_ms=cut_off_ms)
    if leg.end.outcome is Outcome.NO_ANSWER:
        return Dialling(leg_id=leg.leg_id, rings_ms=rings_ms)
    ended_ms = leg.ended_at - begun_at
    return Dialling(leg_id=leg.leg_id, rings_ms=rings_ms, ended_ms=ended_ms, outcome=leg.end.outcome)


def _answered(leg: Leg, begun_at: int, rings_ms: int | None, answered_at: int) -> Dialling:
    split_at = leg.apology_at
    before = [key for key in leg.keys if split_at is None or key[0] < split_at]
    after = [key for key in leg.keys if split_at is not None and key[0] >= split_at]
    left_at = leg.ended_at if leg.hung_up_alone else None
    return Dialling(
        leg_id=leg.leg_id,
        rings_ms=rings_ms,
        answered_ms=answered_at - begun_at,
        keys=shifted(before, answered_at),
        drops_ms=left_at - answered_at if left_at is not None and split_at is None else None,
        after_apology=() if split_at is None else shifted(after, split_at),
        apology_left_ms=left_at - split_at if left_at is not None and split_at is not None else None,
    )


def shifted(keys: Iterable[tuple[int, str, bool]], zero_at: int) -> Keys:
    """Keys with times since an instant."""
    return tuple((at - zero_at, digits, is_complete) for at, digits, is_complete in keys)
